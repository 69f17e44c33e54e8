// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What rates.c and rates_leave.c share. Nobody else includes it.
#pragma once

#include "engine/rates.h"

enum { TOUCHED = 1, TOUCHED_PUSHED = 2 };
enum { MORE_BITS = 24, NEAR_WAYS = 4, NEAR_SETS_BITS = 13, COMBINED = 64, QUEUED = 16 };

struct keyed {
	struct yg_rate_key key;
	uint32_t packets, flows;
	uint64_t bytes;
	uint32_t handshakes, packets_out, flows_out;
	uint32_t vector : 32 - MORE_BITS; // what packets and bytes count to
	uint32_t more : MORE_BITS;        // index + 1 of the other vectors' place, 0 none
	uint64_t bytes_out;
};
_Static_assert(sizeof(struct keyed) == 64, "one cache line");

struct more {
	uint32_t packets[YG_VEC_COUNT];
	uint64_t bytes[YG_VEC_COUNT];
};

// Packets of one kind, towards one end or away from it, that have come since its place here was taken: a flood adds to one of these, not
// to host, service, prefix and body each time. Where traffic is of many kinds its cells are on their way from memory meanwhile, and when it
// has lost its place it waits in a queue until what the cells point at has come too.
struct combined {
	struct yg_addr addr;
	uint64_t kind; // port, protocol, family, vector, direction
	uint32_t packets, flows;
	uint64_t bytes;
	struct near_end *near; // NULL: version 6
	uint32_t prefix, host; // host: as `near` knew it
	uint16_t org;
	bool service;
	uint32_t host_cell, service_cell; // host_cell: where `host` is 0
};

// An address of version 4 that was looked up: the prefix that it is in, and where its counters are in the second that is open. Four a
// cache line, which is all the memory that a packet waits for to find them.
struct near_end {
	uint32_t addr, prefix_2; // index + 2; 0: unused, 1: in no prefix
	uint32_t host, round;    // index + 1 of its counters, when they are of this round
};

struct yg_worker_rates {
	const struct yg_config *config;
	struct yg_mix_key mix;
	uint32_t capacity; // keys
	uint32_t cells;    // a power of two, a third more than the capacity: few hosts push, and fewer have services
	uint32_t used, more_used;
	uint32_t flushed;  // yg_rates_flush_some: keys that have left
	uint32_t round;    // seconds that have left, and 1
	bool fixed_flushed;
	uint64_t full;
	struct yg_rates link, *bodies, *prefixes;
	struct yg_pushed link_out, *body_pushed; // link_out: answers count as YG_VEC_DOWNLOAD
	uint8_t *body_touched, *prefix_touched, link_touched;
	uint32_t *cell;        // index + 1 into `keyed`
	uint32_t *used_cell;   // which cell each key sits in, to clear it
	struct keyed *keyed;
	uint32_t *pushed;      // beside each host's counters: index + 1 of what it pushed, 0 not known
	struct more *more;
	uint64_t inside[65536 / 64]; // of each first half of an address of version 4: some of it is ours
	struct near_end near[NEAR_WAYS << NEAR_SETS_BITS] __attribute__((aligned(64)));
	unsigned near_next; // whose place is taken in a full set
	struct combined combined[COMBINED], queued[QUEUED];
	unsigned queue_at;
};

// What has been added together is added to what it belongs to.
void yg_rates_put_combined(struct yg_worker_rates *r);
