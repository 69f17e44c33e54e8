// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The store between the engine's alerts and the sinks. An alert is rendered once, when it enters, and every sink reads
// the very same bytes at its own pace:
//
//   alert ring ──► spool ──► entries at positions … first ≤ position < end … ──► each sink has its own position
//
// What lies before the lowest position of all sinks is released. Positions grow by one and never come back within the
// life of a spool; a position may hold nothing (a record that was refused), sinks step over it.
//
// There is one implementation now: spool_ring.c, in which the alert ring itself is the store, so a ring slot is freed
// only when every sink has its alert. The spool on disk will stand behind the same functions, with a generation that
// outlives the process. Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "courier/eve.h"
#include "model/stats.h"
#include "yagura/plugin.h"

struct yg_spool;

struct yg_spool_entry {
	uint64_t sequence; // of the alert itself, growing
	const char *line;  // with its newline; lives until its position is released
	size_t length;     // 0: nothing here, step over it
};

// Called once for each alert that enters, in order.
typedef void yg_spool_seen(void *context, const struct yg_alert *alert);

// A spool over the alert ring in `memory`, which it consumes. Keeps the pointers. NULL and errno on failure.
struct yg_spool *yg_spool_open_ring(void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    yg_spool_seen *seen, void *context);
void yg_spool_close(struct yg_spool *spool);

// Takes in what has arrived. Returns how many alerts.
uint32_t yg_spool_fill(struct yg_spool *spool);

// The positions that can be read: first ≤ position < end.
uint64_t yg_spool_first(const struct yg_spool *spool);
uint64_t yg_spool_end(const struct yg_spool *spool);

// The entry at a readable position.
struct yg_spool_entry yg_spool_get(const struct yg_spool *spool, uint64_t position);

// Everything before `position` has reached every sink.
void yg_spool_release(struct yg_spool *spool, uint64_t position);

// True when nothing more will come: the engine has closed the ring, or has broken it (then `broken` says so).
bool yg_spool_ended(struct yg_spool *spool);
bool yg_spool_broken(const struct yg_spool *spool);

// Sleeps until an alert arrives or timeout_ms has passed; a moment only, when unreleased entries are held.
void yg_spool_wait(struct yg_spool *spool, int timeout_ms);

// Takes the generation and the highest sequence from memory that outlives the process, and keeps them there from now on,
// so that a courier which is started after the death of another goes on in the same generation.
void yg_spool_remember(struct yg_spool *spool, struct yg_counter *generation, struct yg_counter *sent);

// The generation under which this spool delivers, 0 until one is chosen; and the highest sequence ever sent under it.
uint64_t yg_spool_generation(const struct yg_spool *spool);
void yg_spool_set_generation(struct yg_spool *spool, uint64_t generation);
uint64_t yg_spool_sent(const struct yg_spool *spool);
void yg_spool_set_sent(struct yg_spool *spool, uint64_t sequence);
