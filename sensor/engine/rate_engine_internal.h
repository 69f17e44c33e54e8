// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The tables of the rate engine. For rate_engine.c, rate_engine_learn.c and rate_engine_state.c alone.
#pragma once

#include "engine/baseline.h"
#include "engine/rate_engine.h"

enum { YG_RATE_WAYS = 8, YG_RATE_DECAYS = 64 };

struct yg_rate_sum {
	struct yg_rate_key key;
	uint32_t cell; // its own, to be cleared
	uint32_t hash;
	struct yg_rates rates;
	struct yg_pushed pushed;
};

// A key of the open second as three numbers whose order is that of the windows: scope, then the bytes of the key.
struct yg_rate_rank {
	uint64_t word[3];
	uint32_t at; // index into `sum`
};

struct yg_rate_kept {
	struct yg_rate_key key;
	int64_t second;       // of the last update
	uint64_t line_bps;
	uint16_t vectors;     // bit i: vector i has had traffic; the averages of the others are 0
	uint8_t services;     // hosts: ports of it that are kept and not declared
	uint8_t counted;      // services: one of those
	uint8_t declared, zone;
	float packets[YG_VEC_COUNT], bits[YG_VEC_COUNT];
	float flows, handshakes, packets_out, bits_out;
	uint32_t gave_up;     // the last minute that an alert spoiled, + 1
	struct yg_learned learned;
};

// Where keys are found: one cache line a bucket. The averages themselves lie densely, in the order in which keys first came.
struct yg_rate_bucket {
	uint32_t at[YG_RATE_WAYS];  // index + 1 into `kept`
	uint32_t tag[YG_RATE_WAYS]; // of the key's hash: a place is looked at only when it is likely to be the one
};
_Static_assert(sizeof(struct yg_rate_bucket) == 64, "one cache line");

struct yg_rate_place {
	struct yg_rate_bucket *bucket;
	uint32_t tag;
};

struct yg_rate_engine {
	const struct yg_config *config;
	struct yg_hash_key hash;
	struct yg_mix_key mix;
	// the open second
	uint32_t capacity, cells, used;
	uint32_t *cell;
	struct yg_rate_rank *rank[2];
	struct yg_rate_sum *sum;
	// the averages
	uint32_t buckets, kept_used;
	struct yg_rate_bucket *bucket;
	uint32_t *found; // by the quick hash: index + 1 into `kept` of the key last found so; may be out of date
	struct yg_rate_kept *kept;
	struct yg_base_pool pool;
	uint32_t minute;        // that runs, counted from 1 over those that were watched
	int64_t minute_of_time; // … and since the epoch; 0: no second has been closed
	float decay[YG_RATE_DECAYS]; // of an average over so many silent seconds
	struct yg_window window; // the one that is handed out: its padding stays zero
	float one_way;
	bool warm;
	struct yg_rate_engine_stats stats;
};

struct yg_rate_place yg_rate_place_of(const struct yg_rate_engine *e, const struct yg_rate_key *key);
struct yg_rate_kept *yg_rate_find_at(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *key);
struct yg_rate_kept *yg_rate_find(struct yg_rate_engine *e, const struct yg_rate_key *key);

// A cleared place for the key, whose bucket gives up its quietest when it is full.
struct yg_rate_kept *yg_rate_make(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *key);

// A place for a service: when it is declared or `answered`, at most 16 of the others a host; else NULL.
struct yg_rate_kept *yg_rate_make_service(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *key,
					  bool answered);

struct yg_rate_key yg_rate_host_of(const struct yg_rate_key *service);

// rate_engine_learn.c
void yg_rate_minute(struct yg_rate_engine *e, int64_t second); // `second` is about to be closed
void yg_rate_learn(struct yg_rate_engine *e, struct yg_rate_kept *k, const struct yg_rate_sum *s);
void yg_rate_begin_to_learn(struct yg_rate_engine *e, struct yg_rate_kept *k);
