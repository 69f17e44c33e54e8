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
// Two implementations:
//   spool_ring.c  the alert ring itself is the store: a ring slot is freed only when every sink has its alert. A replay
//   spool_disk.c  the log of wal.h is the store: a ring slot is freed when its alert is durable; a position is its LSN, and where
//                 each sink stands outlives the process. `yagura run` with spool.folder
// Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "courier/eve.h"
#include "courier/segment.h"
#include "model/stats.h"
#include "yagura/plugin.h"

struct yg_spool;
struct yg_wal;
struct yg_journal;

// Each has a cursor of its own: those of model/stats.h.
#define YG_SPOOL_SINK_NAMES(X) YG_SINK_NAMES(X)
enum yg_spool_sink {
#define YG_X(id, name) YG_SPOOL_##id,
	YG_SPOOL_SINK_NAMES(YG_X)
#undef YG_X
	YG_SPOOL_SINKS,
};

// Of each sink the classes that it takes: bits 1 << enum yg_spool_class. 0: it is not configured. What holds an alert's slot are the sinks
// that take alerts.
struct yg_spool_wants {
	unsigned classes[YG_SPOOL_SINKS];
};
enum { YG_SPOOL_ALERTS = 1 << YG_SPOOL_HIGH | 1 << YG_SPOOL_ALERT };

struct yg_spool_entry {
	uint64_t sequence; // its identity, growing
	const char *line;  // with its newline; lives until the next call of yg_spool_get for the same sink
	size_t length;     // 0: nothing here for this sink, step over it
	enum yg_spool_class class;
};

// Called once for each alert that enters, in order.
typedef void yg_spool_seen(void *context, const struct yg_alert *alert);

// A spool over the alert ring in `memory`, which it consumes. Keeps the pointers. NULL and errno on failure.
struct yg_spool *yg_spool_open_ring(void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    yg_spool_seen *seen, void *context);

// A spool in a log. Takes the log over, and closes it; on failure it stays the caller's. What a courier before this one had begun stands in
// `journal`. The cursor of a sink that `wants` does not name is forgotten.
struct yg_spool *yg_spool_open_disk(void *memory, size_t size, struct yg_wal *wal, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    struct yg_journal *journal, const struct yg_spool_wants *wants, yg_spool_seen *seen, void *context);
void yg_spool_close(struct yg_spool *spool);

// Whether what has not been delivered outlives all processes.
bool yg_spool_lasts(const struct yg_spool *spool);

// Lines that do not come by the alert ring: flow records and metrics. Into the log: `pseq` grows within a class of a run, from 1.
// 0, or -EEXIST: the log has it; -ENOSPC, -EMSGSIZE: refused and counted, a gap record follows; -EAGAIN: the disk takes nothing just now,
// offer it again or have yg_spool_give_up write a gap for it; -ENOTSUP: this spool has no log.
int yg_spool_offer(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq, const char *line, size_t length, uint64_t now_ns);
void yg_spool_give_up(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq);
// Whatever of this class was taken up to this pseq in this run is durable. 0: none.
uint64_t yg_spool_settled(const struct yg_spool *spool, enum yg_spool_class class);

// Takes in what has arrived, and does what time asks for. `now_ns`: CLOCK_MONOTONIC. Returns how many alerts.
uint32_t yg_spool_fill(struct yg_spool *spool, uint64_t now_ns);

// The positions that not every sink has: first ≤ position < end.
uint64_t yg_spool_first(const struct yg_spool *spool);
uint64_t yg_spool_end(const struct yg_spool *spool);

// Where a sink goes on after a start: everything before has reached it, as far as the spool knows.
uint64_t yg_spool_start(const struct yg_spool *spool, enum yg_spool_sink sink);

// The furthest that it was before that start in this run, as far as is known: what lies between the two it gets once more.
uint64_t yg_spool_passed(const struct yg_spool *spool, enum yg_spool_sink sink);

// The entry at a readable position. False when the disk cannot say now: ask again later.
bool yg_spool_get(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, struct yg_spool_entry *ret_entry);

// Everything before `position` has reached this sink; and what has reached all that are named so is released. A sink that goes back
// names a lower position than before. `again`: where another courier of this run begins for it, which has nobody else to ask; not behind
// `position`. UINT64_MAX: at the highest position that it ever named, because the other end tells what it has (Redis: where the stream ends
// is held against that, and what was mended is told from what is new).
void yg_spool_reached(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, uint64_t again);
void yg_spool_release(struct yg_spool *spool, uint64_t position);

// At an end in good order, after yg_spool_reached: a sink that went back has not sent all of that again. The next run begins here for it.
void yg_spool_leave(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position);

// The lowest position that can still be read; yg_spool_first or below.
uint64_t yg_spool_oldest(const struct yg_spool *spool);

// Whether sinks can read all that has arrived: nothing waits to be made durable. `now_ns`: tries to make it so.
bool yg_spool_settle(struct yg_spool *spool, uint64_t now_ns);

// True when the engine has closed the ring, read or not.
bool yg_spool_closed(const struct yg_spool *spool);

// The lowest position that this sink sent under the generation at hand.
uint64_t yg_spool_generation_first(const struct yg_spool *spool, enum yg_spool_sink sink);

// By which a sequence is known to be of this spool and no other one; the same in every courier of a run.
uint64_t yg_spool_token(const struct yg_spool *spool);

// True when nothing more will come: the engine has closed the ring, or has broken it (then `broken` says so).
bool yg_spool_ended(struct yg_spool *spool);
bool yg_spool_broken(const struct yg_spool *spool);

// Sleeps until an alert arrives or timeout_ms has passed; a moment only, when unreleased entries are held.
void yg_spool_wait(struct yg_spool *spool, int timeout_ms);

// A spool over the ring takes the generation, the highest sequence and its token from memory that outlives the process, and keeps them
// there from now on, so that a courier which is started after the death of another goes on in the same generation. A token of 0: a new one.
void yg_spool_remember(struct yg_spool *spool, struct yg_counter *generation, struct yg_counter *sent, struct yg_counter *token);

// The generation under which this spool delivers, 0 until one is chosen; and the highest sequence ever sent under it. Setting them is
// remembered before it holds; false when that cannot be done now: then nothing may be sent.
uint64_t yg_spool_generation(const struct yg_spool *spool);
// `first`: the position with which a generation begins in the stream of alerts. Call yg_spool_begin_generation before, for each of the
// other sinks that send under it.
bool yg_spool_set_generation(struct yg_spool *spool, uint64_t generation, uint64_t first);
void yg_spool_begin_generation(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t first);
uint64_t yg_spool_sent(const struct yg_spool *spool);
bool yg_spool_set_sent(struct yg_spool *spool, uint64_t sequence);
