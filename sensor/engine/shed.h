// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// When a live worker sheds load, and how far (RULE 8). Never in a replay.
//
//   step 1  flows that begin are not dissected
//   step 2  also: attempts that got no answer leave no record, and a body reports at most YG_SHED_CONTACTS of them a second
//   step 3  also: a body begins at most YG_SHED_FLOWS flows a second; any other packet without a flow in the table makes none, it counts to
//           the rates like any other, and that is all. So what floods one body hides no scan of another
//
// Rates are exact in every step. Two signals: how full the queue towards the worker is, and which share of its time went into turns that
// brought packets. A queue that overflows loses frames nobody has seen, so its three marks act at once. A busy worker whose queue is short
// loses nothing: being busy counts where the queue is filling too, or where the driver does not say how full it is, and goes one step a
// second. Down goes one step at a time, after `shed.calm` below half the first mark: what is shed makes room, so the calm that it buys must
// not end it at once.
//
// Thread: the worker's. Pure: time is a number of ticks that the caller reads.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/stats.h"

struct yg_config;

enum {
	YG_SHED_STEPS = 3,
	YG_SHED_CONTACTS = 1024, // of attempts without an answer, a second, body and worker, from step 2 on
	YG_SHED_FLOWS = 256,     // begun in step 3, a second, body and worker
	YG_SHED_UNKNOWN = -1,    // how full the queue is
};

struct yg_shed {
	bool on;
	int queue_marks[YG_SHED_STEPS]; // per mille of the queue at which each step begins
	int queue_calm, busy_mark, busy_calm;
	uint64_t look, window, patience, calm; // ticks
	// the window at hand
	uint64_t look_next, window_start, turn, busy;
	int queue_most;
	bool worked;
	// the state
	uint8_t step;
	bool is_calm;
	uint64_t busy_since, calm_since;
	int last_queue, last_busy; // per mille, of the last window; queue: YG_SHED_UNKNOWN
	uint64_t rises;
};

// `ticks`: of the caller's clock in a second.
void yg_shed_init(struct yg_shed *shed, const struct yg_config *config, uint64_t ticks, uint64_t now);

// A turn of the worker's loop began at `now`; `worked`: it brought packets.
static inline void yg_shed_turn(struct yg_shed *shed, uint64_t now, bool worked)
{
	if (shed->worked)
		shed->busy += now - shed->turn;
	shed->turn = now;
	shed->worked = worked;
}

// Every millisecond.
static inline bool yg_shed_due(const struct yg_shed *shed, uint64_t now)
{
	return now >= shed->look_next;
}

// `queue`: how full the fullest queue towards the worker is, in per mille, or YG_SHED_UNKNOWN. Returns the step that holds from here on.
uint8_t yg_shed_look(struct yg_shed *shed, uint64_t now, int queue);

// Shows step, queue and share of time to everybody.
void yg_shed_show(const struct yg_shed *shed, struct yg_worker_stats *stats);
