// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A live run: every worker on an lcore of its own receives a burst, decodes it, finds the flows and processes them, to completion; nothing
// waits for anybody. Where a port cannot spread frames by their address pair, the worker that received one hands it to the worker whose
// partitions it belongs to (handed over by mbuf, through a bounded ring: a full one costs the frame, counted).
//
// Time: the clock of a worker is CLOCK_REALTIME at the start plus the TSC, read once a burst; a step of the wall clock changes printed
// times alone. Seconds begin and end by it, with packets or without.
//
// Threads: yg_live_run is called on the main lcore and returns when `stop` was set or a port has gone; the workers run meanwhile.
#pragma once

#include <signal.h>

#include "engine/ethdev.h"
#include "engine/reload.h"
#include "engine/worker.h"

struct yg_live_options {
	const struct yg_config *config;
	struct yg_flow_table *table;
	struct yg_worker **workers;
	unsigned workers_count;
	struct yg_engine_stats *stats;
	struct yg_ethdev *ports;
	const volatile sig_atomic_t *stop;
	struct yg_reload_box *reload;
	void (*started)(void *context); // every worker receives: rights can be dropped now
	void *context;
};

// 0 after `stop`, -ENODEV when a port has gone for longer than two seconds, or another negative errno.
int yg_live_run(const struct yg_live_options *options);
