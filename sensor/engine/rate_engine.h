// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The aggregator's side of the rates: sums the workers' deltas of a second by key, remembers a moving average of each key, and hands one
// window a key to the detectors when the second is closed. Sums commute and keys are visited in order, so windows do not
// depend on the number of workers.
//
// EMA: alpha = 1 - e^(-1/5), so that a step reaches 63 % in five seconds (FastNetMon's published averaging time).
// Memory: a bounded table of buckets; in a full bucket the quietest key goes, ties by key (rates.keep).
//
// Thread: the aggregator. No allocation after creation.
#pragma once

#include "base/hash.h"
#include "config/config.h"
#include "engine/event.h"

struct yg_rate_engine;

struct yg_rate_engine_stats {
	uint64_t keys, evicted, windows, second_full;
};

struct yg_rate_engine *yg_rate_engine_create(const struct yg_config *config, const struct yg_hash_key *key);

// A reload: another block, in which bodies, prefixes, services and the egress are the same.
void yg_rate_engine_retune(struct yg_rate_engine *engine, const struct yg_config *config);
void yg_rate_engine_destroy(struct yg_rate_engine *engine);

// A reload: another block, in which bodies, prefixes, services and the egress are the same.
void yg_rate_engine_retune(struct yg_rate_engine *e, const struct yg_config *config);

void yg_rate_engine_add(struct yg_rate_engine *engine, const struct yg_rate_delta *delta);

// Share of the link's flows that showed one direction only, and whether vectors without a flow mean anything yet.
void yg_rate_engine_mirror(struct yg_rate_engine *engine, float one_way, bool warm);

// Closes `second`: calls `window` for each key that had traffic in it, in order of scope, then key.
void yg_rate_engine_close(struct yg_rate_engine *engine, int64_t second, void (*window)(void *context, const struct yg_window *window),
			  void *context);

void yg_rate_engine_stats(const struct yg_rate_engine *engine, struct yg_rate_engine_stats *ret_stats);
