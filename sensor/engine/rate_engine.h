// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The aggregator's side of the rates: sums the workers' deltas of a second by key, remembers a moving average of each key, and hands one
// window a key to the detectors when the second is closed. Sums commute and keys are visited in order, so windows do not
// depend on the number of workers.
//
// EMA: alpha = 1 - e^(-1/5), so that a step reaches 63 % in five seconds (FastNetMon's published averaging time).
// Memory: a bounded table of buckets; in a full bucket the quietest key goes, those that have learned anything last, ties by key
// (rates.keep). What is usual for a key (engine/baseline.h) lies in a pool of blocks (rates.baselines), which stay with a place when its
// key goes.
//
// Thread: the aggregator. No allocation after creation.
#pragma once

#include "base/hash.h"
#include "config/config.h"
#include "engine/event.h"

struct yg_rate_engine;

enum { YG_RATE_WIDE = 64 }; // alerts about prefixes that are noted at a time, so that their hosts do not learn from them

struct yg_rate_engine_stats {
	uint64_t keys, evicted, windows, second_full;
	uint64_t baselines, baselines_full; // histograms in use; metrics that wanted one and found none
	uint64_t wide_full;                 // minutes of alerts about a prefix that its hosts learned from, for want of a place to note it
	uint64_t restored, not_restored;    // keys of a snapshot: taken, and those that are no longer ours or found no place
};

struct yg_rate_engine *yg_rate_engine_create(const struct yg_config *config, const struct yg_hash_key *key);

// A reload: another block, in which bodies, prefixes, services and the egress are the same.
void yg_rate_engine_retune(struct yg_rate_engine *engine, const struct yg_config *config);
void yg_rate_engine_destroy(struct yg_rate_engine *engine);

void yg_rate_engine_add(struct yg_rate_engine *engine, const struct yg_rate_delta *delta);
// It is to be added soon: asks for the line in which it will be looked for.
void yg_rate_engine_fetch(const struct yg_rate_engine *engine, const struct yg_rate_delta *delta);

// Share of the link's flows that showed one direction only, and whether vectors without a flow mean anything yet.
void yg_rate_engine_mirror(struct yg_rate_engine *engine, float one_way, bool warm);

// Closes `second`: calls `window` for each key that had traffic in it, in order of scope, then key.
void yg_rate_engine_close(struct yg_rate_engine *engine, int64_t second, void (*window)(void *context, const struct yg_window *window),
			  void *context);

// An alert is open about a key: the minute of the second that was closed last teaches nothing to whoever is in it. Both ends of the alert
// that are internal, their services, the hosts of a prefix that it is about, the prefixes that cover them, their body and those above it,
// and the link. Called for each raise and hold of a kind that is about rates; others change nothing.
void yg_rate_engine_untrain(struct yg_rate_engine *engine, const struct yg_alert *alert);

// Part "baselines" of the state (engine/state.h).
struct yg_state_part;
void yg_rate_engine_part(struct yg_rate_engine *engine, struct yg_state_part *ret_part);
uint64_t yg_rate_engine_state_max(const struct yg_config *config); // its `max`

// For each record of such a part: the key (the code of a body in place of its address), and what is usual for it. False: they are none.
bool yg_rate_engine_each(const void *bytes, uint64_t size,
			 void (*each)(void *context, const struct yg_rate_key *key, const struct yg_baseline *base), void *context);

void yg_rate_engine_stats(const struct yg_rate_engine *engine, struct yg_rate_engine_stats *ret_stats);
