// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The courier: what comes through the rings of alerts, flow records and points goes to every sink that is configured. One thread.
#pragma once

#include "base/ring.h"
#include "config/config.h"
#include "courier/eve.h"
#include "courier/journal.h"
#include "courier/points.h"
#include "courier/sink.h"
#include "courier/sink_file.h"
#include "courier/spool.h"
#include "courier/wal.h"
#include "model/stats.h"

struct yg_redis_tls;

struct yg_courier {
	struct yg_config config;
	struct yg_courier_stats *stats;
	struct yg_journal *journal;
	struct yg_eve eve;
	struct yg_ring flows;      // gives slots back: the engine sees this one
	struct yg_ring flows_read; // runs ahead, never shown to the engine
	struct yg_spool *spool;
	struct yg_disk disk;   // with `wal`
	struct yg_wal *wal;    // NULL: the spool is the ring
	struct yg_redis_tls *tls; // NULL: none
	struct yg_sink *sinks[YG_SPOOL_SINKS]; // NULL: not configured; the EVE file is `file`
	struct yg_sink_file file;
	struct yg_rotate rotate;
	const volatile int *reopen; // counts up with each SIGHUP: whether the EVE file has still its name is looked at then; NULL: never
	int reopened;
	uint64_t looked_ns;         // at whether the file is to be set aside
	bool has_file, write_flows;
	bool log_flows;         // flow records go into the log too, for Redis
	uint64_t flows_offered; // highest position of the flow ring, and 1, that the log has taken
	struct yg_points points;
	uint32_t flows_buffered; // flow records in the file's buffer
	// Read since the ring was last given back, and not for the file: what a successor would find again counts only then.
	uint32_t flows_invalid, flows_too_long, flows_dropped;
	uint64_t file_position; // alerts before it are in the file's buffer
	uint64_t file_written;  // alerts before it are in the file
	int alive_fd;           // ends when the supervisor is gone; -1: none
	int64_t drain_ns;       // how long the end keeps trying
	struct yg_flow flow;    // private copy of the record at hand
	char flow_line[YG_EVE_FLOW_MAX];
};

// Runs until both rings have ended and everything is delivered, or the time to keep trying is over, or *stop is set.
// Returns an exit status of model/process.h.
int yg_courier_run(struct yg_courier *courier, const volatile int *stop);
