// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The aggregator: one thread that merges what all workers say, in an order that does not depend on how many there are, closes seconds,
// runs the detectors and the alert lifecycle, and hands records and alerts to the courier. The only place where alerts are born.
//
// Thread: its own (yg_aggregator_run); create and destroy: the one that starts it.
#pragma once

#include <signal.h>

#include "base/hash.h"
#include "config/config.h"
#include "engine/event.h"
#include "engine/reload.h"
#include "model/stats.h"

struct yg_aggregator;

// Why a live engine ends: for good, or for another one that goes on with what is shared.
enum yg_stop { YG_STOP_END = 1, YG_STOP_HANDOVER };

struct yg_aggregator_options {
	const struct yg_config *config;
	struct yg_engine_stats *stats;
	unsigned workers;
	struct yg_event_rings *in;   // consumer ends, one a worker
	struct yg_ring *alerts, *flows; // producer ends, to the courier
	void *open_alerts;           // memory that the supervisor holds
	size_t open_alerts_size;
	void *state;                 // of YG_FD_STATE, NULL: nothing is kept
	size_t state_size;
	void *points;                // of YG_FD_POINTS, NULL: nobody can want any
	size_t points_size;
	bool replay, records_wanted;
	const volatile sig_atomic_t *stop; // live: enum yg_stop, once the engine is to end
	int64_t blind_from_ns;       // live: when the engine before this one last looked at its ports; 0: there was none
	bool blind_by_port;          // … and it ended because a port had gone
	struct yg_reload_box *reload; // live: where a new configuration comes from; NULL: nowhere
	struct yg_hash_key key;
	struct yg_hash_key id_key;   // of the ids of alerts
};

// NULL when memory or a detector cannot be had; why is logged.
struct yg_aggregator *yg_aggregator_create(const struct yg_aggregator_options *options);
void yg_aggregator_destroy(struct yg_aggregator *a);

// What the detectors ask of the workers (YG_NEEDS_*).
uint32_t yg_aggregator_needs(const struct yg_aggregator *a);

// Until the last batch has ended. A replay then lets time run on until every alert has closed.
void yg_aggregator_run(struct yg_aggregator *a);
