// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The way out of the engine: flow records and alerts into the courier's rings, and the totals of the summary. Packet time becomes the
// packet's own stamp again here (a replay whose clock stepped back runs on a shifted time).
//
// Thread: the aggregator.
#pragma once

#include "config/config.h"
#include "engine/lifecycle.h"
#include "model/stats.h"

struct yg_out;

struct yg_out_options {
	const struct yg_config *config;
	struct yg_engine_stats *stats;
	struct yg_ring *alerts, *flows;
	bool replay, records_wanted;
};

struct yg_out *yg_out_create(const struct yg_out_options *options);
void yg_out_destroy(struct yg_out *out);

// A reload: what may differ is taken from `config`, which outlives its use here.
void yg_out_retune(struct yg_out *out, const struct yg_config *config);

// From `time_ns` on, the packets' own stamps are packet time less offset_ns. The last 4,096 steps are kept; an older stamp is printed
// with the nearest offset known and counted (time.stamps_unsure).
void yg_out_offset(struct yg_out *out, int64_t time_ns, int64_t offset_ns);

void yg_out_flow(struct yg_out *out, const struct yg_flow *flow);

// 0, or -ENOBUFS when the courier's ring is full: the alert is given up, counted by its class, and has spent its number of the sequence,
// so that the courier sees what is missing (model/process.h).
int yg_out_alert(struct yg_out *out, const struct yg_alert *alert);

void yg_out_publish(struct yg_out *out);

// What the lifecycle counted so far, into the shared counters.
void yg_out_counts(struct yg_out *out, const struct yg_lifecycle_stats *alerts);

// Nothing more comes.
void yg_out_finish(struct yg_out *out, const struct yg_lifecycle_stats *alerts);
