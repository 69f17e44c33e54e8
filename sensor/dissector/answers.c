// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See answers.h. Slots are filled where they lie: nothing in them is ever read back, so what the engine might write
// there in the meantime changes nothing but what it reads itself.
#include "dissector/answers.h"

#include <errno.h>
#include <string.h>

enum { REPORT_WAIT_MS = 1000, VERDICT_WAIT_MS = 1, CACHE_LINE = 64 };

static bool served(const struct yg_answers *answers, unsigned ring)
{
	return answers->ring[ring].shared != NULL;
}

int yg_answers_open(struct yg_answers *answers, const struct yg_setup *setup, unsigned worker,
                    const struct yg_report *reports)
{
	*answers = (struct yg_answers){
	    .replay = setup->replay,
	    .wait_ms = setup->wait_ms,
	    .control = yg_setup_control(setup, worker),
	    .shared = yg_setup_shared(setup, worker),
	    .counters = setup->stats->c[worker],
	};
	for (unsigned r = 0; r < setup->rings; r++) {
		if (!yg_setup_serves(setup, worker, r))
			continue;
		int error = yg_ring_attach(&answers->ring[r], setup->from[r].at, setup->from[r].size,
		                           sizeof(struct yg_ds_answer), true);
		if (error)
			return error;
		answers->report[r] = reports[r];
	}
	return 0;
}

static void show_life(struct yg_answers *answers)
{
	_Atomic uint64_t *progress = &answers->control->progress; // nobody else writes it: no locked instruction
	atomic_store_explicit(progress, atomic_load_explicit(progress, memory_order_relaxed) + 1, memory_order_relaxed);
}

// Waits in slices that the watchdog sees. timeout_ms < 0: until there is room or the ring is broken.
static bool wait_room(struct yg_answers *answers, struct yg_ring *ring, int timeout_ms)
{
	if (yg_ring_has_room(ring, 1))
		return true;
	if (answers->before_wait)
		answers->before_wait(answers->context);
	for (int waited = 0; !ring->broken && (timeout_ms < 0 || waited < timeout_ms); waited += answers->wait_ms) {
		int slice = timeout_ms >= 0 && timeout_ms < answers->wait_ms ? timeout_ms : answers->wait_ms;
		show_life(answers);
		if (yg_ring_wait_room(ring, 1, slice))
			return true;
	}
	return false;
}

static bool send_report(struct yg_answers *answers, unsigned r, int timeout_ms)
{
	struct yg_report *report = &answers->report[r];
	struct yg_ring *ring = &answers->ring[r];
	if (!wait_room(answers, ring, timeout_ms))
		return false;
	struct yg_ds_answer *answer = yg_ring_slot(ring, ring->own);
	memset(answer, 0, sizeof *answer);
	answer->kind = YG_DA_RESTARTED;
	answer->slot = report->slot;
	answer->generation = report->generation;
	answer->packet = report->packet;
	answer->time_ns = report->time_ns;
	answer->restarted = report->restarted;
	yg_ring_push(ring, 1);
	yg_ring_publish(ring);
	report->due = false;
	atomic_store_explicit(&answers->shared->reported[r], 1, memory_order_release);
	return true;
}

void yg_answers_report(struct yg_answers *answers)
{
	for (unsigned r = 0; r < YG_WORKERS_MAX; r++) {
		if (served(answers, r) && answers->report[r].due)
			send_report(answers, r, answers->replay ? -1 : REPORT_WAIT_MS);
	}
}

static bool has_room(struct yg_answers *answers, unsigned r, enum yg_da_kind kind)
{
	if (answers->report[r].due && !send_report(answers, r, answers->replay ? -1 : 0))
		return false;
	bool must = kind == YG_DA_VERDICT || kind == YG_DA_BATCH_END;
	return wait_room(answers, &answers->ring[r], answers->replay ? -1 : must ? VERDICT_WAIT_MS : 0);
}

struct yg_ds_answer *yg_answers_begin(struct yg_answers *answers, unsigned ring, enum yg_da_kind kind)
{
	if (!has_room(answers, ring, kind)) {
		yg_counter_add(
		    &answers->counters[kind == YG_DA_VERDICT ? YG_DC_VERDICTS_DROPPED : YG_DC_ANSWERS_DROPPED], 1);
		return NULL;
	}
	struct yg_ds_answer *answer = yg_ring_slot(&answers->ring[ring], answers->ring[ring].own);
	memset(answer, 0, offsetof(struct yg_ds_answer, verdict)); // what follows is written whole, or is not read
	answer->kind = (uint8_t)kind;
	return answer;
}

void yg_answers_push(struct yg_answers *answers, unsigned ring)
{
	struct yg_ring *to = &answers->ring[ring];
	yg_ring_push(to, 1);
	// The next answer goes where the engine read last: its lines are fetched while there is still other work.
	const uint8_t *next = yg_ring_slot(to, to->own);
	for (size_t at = 0; at < sizeof(struct yg_ds_answer); at += CACHE_LINE)
		__builtin_prefetch(next + at, 1, 2);
}

void yg_answers_publish(struct yg_answers *answers)
{
	for (unsigned r = 0; r < YG_WORKERS_MAX; r++) {
		if (served(answers, r))
			yg_ring_publish(&answers->ring[r]);
	}
}

void yg_answers_close(struct yg_answers *answers)
{
	for (unsigned r = 0; r < YG_WORKERS_MAX; r++) {
		if (served(answers, r))
			yg_ring_close(&answers->ring[r]);
	}
}
