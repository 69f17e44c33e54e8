// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker from its beginning to its end, but for its packets: batches, polls, what is due meanwhile. See worker.h for the files around it.
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "base/shm.h"

enum { EXPIRIES = 16 }; // a poll and partition

struct yg_worker *yg_worker_create(const struct yg_worker_options *options)
{
	struct yg_worker *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->o = *options;
	w->partition_first = options->index * YG_PARTITIONS / options->workers;
	w->partition_end = (options->index + 1) * YG_PARTITIONS / options->workers;
	yg_worker_settings(w);
	w->waits = options->replay;
	w->idle_least_us = (uint64_t)yg_flow_idle_least(options->table) / 1000;
	w->pending_head = w->pending_tail = YG_NO_RECORD;
	w->meta_free = YG_NO_RECORD;
	uint32_t share = yg_flow_slots(options->table) / YG_LIVE_VERDICTS / options->workers;
	w->meta_max = options->replay ? yg_flow_records_total(options->table) : share;
	// A verdict a record, and what two batches and the one at hand can bring of everything else: see YG_DS_RECORDS_MAX.
	w->held_max = yg_flow_records_total(options->table) + 3 * 4096 * YG_DS_RECORDS_MAX;
	w->flush_max = yg_flow_slots(options->table) / YG_PARTITIONS;
	w->flush = yg_memory_reserve(sizeof *w->flush * w->flush_max);
	w->meta = yg_memory_reserve(sizeof *w->meta * w->meta_max);
	w->held = yg_memory_reserve(sizeof *w->held * w->held_max);
	const struct yg_mirror_options mirror = {options->config, options->stats, options->key, w->partition_first, w->partition_end,
						 options->replay, options->workers > 1};
	w->mirror = yg_mirror_create(&mirror);
	bool mirrored = w->mirror || !errno;
	int error = yg_worker_second_create(w);
	if (!error)
		error = yg_worker_budget_create(w);
	if (!error && mirrored && w->meta && w->held && w->flush)
		return w;
	yg_worker_destroy(w);
	errno = ENOMEM;
	return NULL;
}

void yg_worker_destroy(struct yg_worker *w)
{
	if (!w)
		return;
	yg_memory_release(w->meta, sizeof *w->meta * w->meta_max);
	yg_memory_release(w->held, sizeof *w->held * w->held_max);
	yg_memory_release(w->flush, sizeof *w->flush * w->flush_max);
	yg_worker_second_destroy(w);
	free(w->budget);
	yg_mirror_destroy(w->mirror);
	free(w);
}

static void expire_one(void *context, uint32_t entry)
{
	struct yg_worker *w = context;
	int64_t deadline = yg_flow_deadline(w->o.table, entry).ns;
	yg_worker_flow_end(w, entry, YG_END_IDLE, deadline, w->order);
}

void yg_worker_begin(struct yg_worker *w, const struct yg_batch_mark *mark)
{
	yg_worker_second_begin(w, mark->second);
	w->started = true;
	w->batch = mark->batch;
	w->answered = mark->answered;
	yg_worker_clock(w, yg_time_ns(mark->time_ns));
	w->sample_every = mark->sample_every;
	yg_mirror_second(w->mirror, w->second);
	struct yg_event *event = yg_worker_event(w, YG_EV_BEGIN, YG_STAGE_BEGIN, 0);
	if (event)
		event->mark = *mark;
	yg_worker_answers(w);
	yg_worker_pending_release(w);
}

// Expiry stands before the packets of the batch in the order of things. Live it goes on all the time: yg_worker_poll.
void yg_worker_expire(struct yg_worker *w, uint64_t first_packet)
{
	w->order = first_packet << 1;
	if (!w->o.replay)
		return;
	for (unsigned p = w->partition_first; p < w->partition_end; p++)
		yg_flow_expire(w->o.table, p, w->now, expire_one, w);
}

// A partition at a time and little of it, so that no poll takes longer than a queue of the card can hold; what is due and not done yet is
// the debt.
static void expire_some(struct yg_worker *w)
{
	unsigned partitions = w->partition_end - w->partition_first;
	uint32_t debt = 0;
	for (unsigned i = 0; i < partitions; i++) {
		uint32_t behind = yg_flow_expire_some(w->o.table, w->partition_first + i, w->now, EXPIRIES, expire_one, w);
		debt = behind > debt ? behind : debt;
	}
	yg_counter_set(&w->o.stats->c[YG_WC_EXPIRY_DEBT], debt);
}

void yg_worker_poll(struct yg_worker *w, struct yg_time now)
{
	yg_worker_clock(w, now);
	yg_worker_answers(w);
	yg_worker_pending_release(w);
	expire_some(w);
	yg_worker_second_turn(w);
	yg_worker_publish_some(w);
}

void yg_worker_stop(struct yg_worker *w, struct yg_time now)
{
	yg_worker_clock(w, now);
	w->waits = true;
}

bool yg_worker_pending(const struct yg_worker *w)
{
	return w->pending_head != YG_NO_RECORD;
}

void yg_worker_end(struct yg_worker *w, bool last)
{
	if (last)
		yg_worker_second_end(w);
	yg_worker_count_shown(w);
	yg_worker_dissect_batch_end(w);
	yg_worker_event(w, YG_EV_END, YG_STAGE_END, 0);
	yg_worker_publish(w);
}
