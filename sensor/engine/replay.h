// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A replay: files in, batches cut, decoded, put together and handed to the workers, one batch after another. Everything that
// could depend on speed or on the number of workers is decided here, once, from the files alone: packet numbers, packet
// time, batches, seconds, gaps, reassembly.
//
//   one batch:  fill → decode (all workers, a slice each) → reassemble (in order, here) → process (each worker its partitions)
//
// Thread: the caller's; with more than one worker it starts one thread for each.
#pragma once

#include "engine/capture.h"
#include "engine/worker.h"

struct yg_replay_options {
	const struct yg_config *config;
	struct yg_flow_table *table;
	struct yg_worker **workers;
	unsigned workers_count;
	struct yg_engine_stats *stats;
	struct yg_capture *capture;
};

// Runs to the end of the files and flushes. 0, -EBADMSG when a file was damaged (see yg_capture_error), or another negative errno.
int yg_replay_run(const struct yg_replay_options *options);
