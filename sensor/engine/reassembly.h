// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// IPv4 and IPv6 reassembly within bounds: trackers, fragments and bytes of one datagram, bytes in all, time. Never
// refuses silently: the oldest tracker goes when a new one needs its place, and each way out has a counter.
// Overlaps: IPv4 keeps the bytes that came first and flags it (YG_RA_OVERLAP); IPv6 drops the whole set (RFC 5722).
// RFC 791, 815, 8200 4.5. Tables are keyed (base/hash.h).
//
// A replay has one reassembler for all workers, fed in packet order; live each worker has its own. One thread each.
#pragma once

#include <stddef.h>

#include "base/hash.h"
#include "model/packet.h"

struct yg_reassembly;

struct yg_reassembly_options {
	uint32_t trackers, fragments;
	uint64_t bytes;
	int64_t time_ns;
	struct yg_hash_key key;
};

// Counters, all from start on. Identity: fragments = consumed + given_up + pending_now, each fragment counted whole.
struct yg_reassembly_stats {
	uint64_t fragments;        // taken
	uint64_t whole;            // datagrams completed
	uint64_t overlaps;         // fragments that overlapped others
	uint64_t overlaps_differ;  // with other content
	uint64_t duplicates;
	uint64_t timeouts;         // datagrams given up after `time`
	uint64_t evicted;          // datagrams given up for a new one (trackers full)
	uint64_t over_bytes, over_fragments; // datagrams given up because a bound was reached
	uint64_t bad, tiny;                  // fragments
	uint64_t v6_overlap;                 // datagrams
	uint64_t trackers_now, bytes_now, bytes_peak; // bytes: in blocks of 512, as they are taken
	uint64_t consumed;                   // fragments of the wholes
	uint64_t given_up;                   // fragments refused, or of datagrams given up
	uint64_t pending_now;                // fragments of datagrams that are not whole yet
};

// All memory is taken here. NULL and errno on failure.
struct yg_reassembly *yg_reassembly_create(const struct yg_reassembly_options *options);
void yg_reassembly_destroy(struct yg_reassembly *ra);

enum yg_ra_flags { YG_RA_OVERLAP = 1, YG_RA_DIFFERENT = 2, YG_RA_TINY = 4 };

// Takes a fragment (view->flags & YG_VIEW_FRAGMENT) at view->time. When it completes a datagram: returns its length and
// sets *ret_data to a whole IP packet (header corrected: no fragment bits, full length, checksum; IPv6: no fragment
// header), valid until the next call. 0: kept, or ended. *ret_end says in every case how the fragment is to be counted:
// YG_DECODE_FRAGMENT when kept or merged, else the reason (FRAGMENT_BAD, _TINY, _OVERLAP, _LIMIT). *ret_flags: enum
// yg_ra_flags of the whole. A tiny first fragment is counted as _TINY and kept all the same: its whole shows what it
// was to hide. Fragments that the capture cut short (YG_VIEW_TRUNCATED) count with the length that they claim; the whole
// then ends at the first byte that lacks, and its header claims more than is returned. view->data may lie in the last
// *ret_data: fragments within fragments.
uint32_t yg_reassembly_add(struct yg_reassembly *ra, const struct yg_view *view, const uint8_t **ret_data,
			   enum yg_decode_end *ret_end, unsigned *ret_flags);

void yg_reassembly_stats(const struct yg_reassembly *ra, struct yg_reassembly_stats *ret_stats);
