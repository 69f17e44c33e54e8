// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of reassembly share. reassembly_pool.c keeps the memory: blocks of payload, trackers, the table that
// finds them and the order of their age. reassembly.c knows what fragments mean.
//
// Inside engine/reassembly*.c only.
#pragma once

#include <stdbool.h>

#include "engine/reassembly.h"

enum {
	YG_RA_BLOCK = 512,                          // bytes
	YG_RA_BLOCKS = 65536 / YG_RA_BLOCK,         // that a datagram can take
	YG_RA_HEADER_MAX = 128,                     // IP header with its unfragmentable part
	YG_RA_WHOLE_MAX = YG_RA_HEADER_MAX + 65535, // bytes
	YG_RA_EXPIRE_MAX = 8,                       // trackers given up by age in one call
};

#define YG_RA_NONE UINT32_MAX

// No padding: it is hashed and compared as bytes.
struct ra_key {
	struct yg_addr src, dst;
	uint32_t id;
	uint16_t domain;
	uint8_t proto; // IPv4 alone
	uint8_t af;
};

// The data of one fragment, as it came: bytes [start, end) of the datagram.
struct ra_span {
	uint16_t start, end;
};

struct ra_tracker {
	struct ra_key key;
	uint32_t chain;        // next in its bucket, or next free tracker
	uint32_t older, newer; // by creation
	struct yg_time created;
	uint32_t spans;     // fragments that were kept
	uint32_t fragments; // all that came, duplicates included
	uint32_t total;     // bytes of data, once the last fragment is there; else 0
	uint32_t covered;   // bytes that are there
	uint32_t cut;       // first byte that the capture left out; UINT32_MAX when none
	uint8_t dead;       // enum yg_decode_end that every later fragment gets; 0: alive
	uint8_t flags;      // enum yg_ra_flags
	uint8_t next;       // protocol of the data
	uint8_t header_len; // 0 until the first fragment is there
	uint8_t header[YG_RA_HEADER_MAX];
	uint32_t blocks[YG_RA_BLOCKS]; // YG_RA_NONE where there is no data yet
};

struct yg_reassembly {
	struct yg_reassembly_options options;
	struct yg_reassembly_stats stats;
	struct ra_tracker *trackers;
	struct ra_span *spans; // options.fragments a tracker, sorted by start
	uint32_t *buckets;
	uint32_t buckets_mask;
	uint32_t free_tracker;
	uint32_t oldest, newest;
	uint8_t *data;         // blocks
	uint32_t *free_blocks; // a stack
	uint32_t free_count, block_count;
	uint8_t whole[YG_RA_WHOLE_MAX];
};

static inline struct ra_span *yg_ra_spans(const struct yg_reassembly *ra, const struct ra_tracker *t)
{
	return ra->spans + (size_t)(t - ra->trackers) * ra->options.fragments;
}

// The tracker of a key, NULL when there is none.
struct ra_tracker *yg_ra_find(struct yg_reassembly *ra, const struct ra_key *key);
// A tracker for a key that has none. The oldest gives its place when all are taken.
struct ra_tracker *yg_ra_start(struct yg_reassembly *ra, const struct ra_key *key, struct yg_time now);
// Gives the tracker's blocks back; it stays in the table.
void yg_ra_empty(struct yg_reassembly *ra, struct ra_tracker *t);
// Gives the tracker up, with all that it holds.
void yg_ra_remove(struct yg_reassembly *ra, struct ra_tracker *t);
// Gives up what is older than options.time_ns, at most YG_RA_EXPIRE_MAX trackers.
void yg_ra_expire(struct yg_reassembly *ra, struct yg_time now);
// True when `t` has the blocks for [start, end). The oldest trackers other than `t` give theirs when none is free.
bool yg_ra_room(struct yg_reassembly *ra, struct ra_tracker *t, uint32_t start, uint32_t end);
