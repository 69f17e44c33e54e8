// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What main.c lays out once, and what zygote and workers find after each fork: limits, rings, counters, and the memory
// that outlives a worker. Read-only after start but for what the pointers lead to.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "dissector/crash_policy.h"
#include "dissector/ndpi_adapter.h"
#include "dissector/sandbox.h"
#include "dissector/stream.h"
#include "model/dissect.h"
#include "model/process.h"
#include "model/stats.h"

enum { YG_CONTROL_PAGE = 4096, YG_CONTROL_SHARED = 1024 };

// What a worker leaves to the zygote and to its successor, behind the control structure in the worker's page: memory of the
// supervisor, so that even the zygote's own death loses nothing. A record counts as read the moment `read` passes it;
// everything else is arranged so that a death at any instruction leaves the sums right.
struct yg_worker_shared {
	_Atomic uint64_t read[YG_WORKERS_MAX];    // worker: index behind the last record read, by ring
	_Atomic uint64_t packets, slots;          // worker: what READ and READ_SLOTS are once the busy record is read
	_Atomic int64_t now_ns;                   // worker: packet time of the latest record
	_Atomic int64_t ready_ns;                 // worker: CLOCK_MONOTONIC when it was ready; zygote: 0 before a fork
	_Atomic uint64_t ending_batch;            // worker: number + 1 of the batch whose end is being answered, else 0
	_Atomic uint32_t finished;                // worker: all rings have ended
	_Atomic uint8_t reported[YG_WORKERS_MAX]; // worker: `restarted` is in that answer ring
};

_Static_assert(sizeof(struct yg_ds_control) <= YG_CONTROL_SHARED, "both fit the page");
_Static_assert(YG_CONTROL_SHARED + sizeof(struct yg_worker_shared) <= YG_CONTROL_PAGE, "both fit the page");

struct yg_shared {
	struct yg_crash_policy policy; // zygote: rw, workers: ro
};

struct yg_memory {
	void *at;
	size_t size;
};

struct yg_setup {
	bool replay;
	unsigned workers, rings;
	uint32_t slots;                 // flows that a record may name
	uint32_t packets, bytes;        // budget of a flow
	struct yg_stream_pool *streams; // made before the fork: to make it costs more than the rest of a restart
	uint32_t flows_open;            // flows in dissection at a time,
	uint64_t open_bytes;            // and bytes that they may take
	uint64_t memory;                // RLIMIT_DATA of a worker, all tables included
	int64_t watchdog_ns;
	int wait_ms;                 // slice of a wait: short against the watchdog
	struct yg_hash_key hash_key; // fixed in a replay, drawn at start otherwise
	struct yg_ndpi *ndpi;
	struct yg_sandbox sandbox;
	struct yg_dissector_stats *stats;
	uint8_t *control; // pages of struct yg_ds_control
	struct yg_shared *shared;
	struct yg_memory to[YG_WORKERS_MAX], from[YG_WORKERS_MAX];
};

static inline struct yg_ds_control *yg_setup_control(const struct yg_setup *setup, unsigned worker)
{
	return (struct yg_ds_control *)(setup->control + (size_t)worker * YG_CONTROL_PAGE);
}

static inline struct yg_worker_shared *yg_setup_shared(const struct yg_setup *setup, unsigned worker)
{
	return (struct yg_worker_shared *)(setup->control + (size_t)worker * YG_CONTROL_PAGE + YG_CONTROL_SHARED);
}

// Rings w, w + workers, … are worker w's.
static inline bool yg_setup_serves(const struct yg_setup *setup, unsigned worker, unsigned ring)
{
	return ring < setup->rings && ring % setup->workers == worker;
}
