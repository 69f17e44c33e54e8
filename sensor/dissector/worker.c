// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The loop of a dissector worker. Every record is copied out of shared memory once, checked, and read from the copy:
// neither nDPI nor our readers ever look at bytes that another process could still change.
//
//   live    round robin over its rings, some records from each
//   replay  one worker; within a batch, records of all rings in the order of their packet numbers. A ring's BATCH_END
//           stays in the ring until every ring shows its own; so a successor finds the picture that a dead worker left.
//
// Before a record is read the control page says which; after it the index in shared memory moves past it. The zygote
// puts a dead worker's ring behind the record that killed it, by these two.
#include "dissector/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "dissector/flows.h"

enum {
	SHOW_EVERY = 64, // records until engine and counters see what was done
	LIVE_SLICE = 32, // records of one ring before the next one's turn
	CACHE_LINE = 64,
};

struct worker {
	const struct yg_setup *setup;
	struct yg_ds_control *control;
	struct yg_worker_shared *shared;
	struct yg_counter *counters;
	unsigned index;
	unsigned rings[YG_WORKERS_MAX]; // served, in order
	unsigned rings_count;
	unsigned unshown;
	struct yg_ring in[YG_WORKERS_MAX];
	struct yg_answers answers;
	struct yg_flows *flows;
	uint8_t packet[YG_DS_PIECES_MAX * YG_DS_DATA + YG_DS_PADDING];
};

#define HEAD_BYTES offsetof(struct yg_ds_request, data)

static void show_life(struct worker *w)
{
	_Atomic uint64_t *progress = &w->control->progress; // nobody else writes it: no locked instruction
	atomic_store_explicit(progress, atomic_load_explicit(progress, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void show_all(void *context)
{
	struct worker *w = context;
	for (unsigned i = 0; i < w->rings_count; i++)
		yg_ring_release(&w->in[w->rings[i]]);
	yg_answers_publish(&w->answers);
	w->unshown = 0;
}

// Copies the head of the record at the ring's front. False when it is not one that could be followed.
static bool peek(struct worker *w, unsigned r, struct yg_ds_request *head)
{
	const struct yg_ring *ring = &w->in[r];
	memcpy(head, yg_ring_slot(ring, ring->own), HEAD_BYTES);
	return head->kind == YG_DS_BATCH_END || yg_request_valid(head, w->setup->slots);
}

static void copy_packet(struct worker *w, unsigned r, const struct yg_ds_request *head)
{
	const struct yg_ring *ring = &w->in[r];
	uint32_t left = head->length;
	uint8_t *to = w->packet;
	for (uint32_t piece = 0; left > 0; piece++) {
		const struct yg_ds_request *slot = yg_ring_slot(ring, ring->own + piece);
		uint32_t n = left < YG_DS_DATA ? left : YG_DS_DATA;
		memcpy(to, slot->data, n);
		to += n;
		left -= n;
	}
	memset(to, 0, YG_DS_PADDING);
}

// From here to commit() a death is this record's.
static void announce(struct worker *w, unsigned r, uint32_t pieces, bool packet)
{
	uint64_t packets = yg_counter_get(&w->counters[YG_DC_READ]) + packet;
	uint64_t slots = yg_counter_get(&w->counters[YG_DC_READ_SLOTS]) + pieces;
	atomic_store_explicit(&w->shared->packets, packets, memory_order_relaxed);
	atomic_store_explicit(&w->shared->slots, slots, memory_order_relaxed);
	atomic_store_explicit(&w->control->busy_index, w->in[r].own, memory_order_relaxed);
	atomic_store_explicit(&w->control->busy_pieces, pieces, memory_order_relaxed);
	atomic_store_explicit(&w->control->busy_ring, r + 1, memory_order_release);
}

static void commit(struct worker *w, unsigned r, uint32_t pieces)
{
	yg_ring_pop(&w->in[r], pieces);
	atomic_store_explicit(&w->shared->read[r], w->in[r].own, memory_order_release);
	yg_counter_set(&w->counters[YG_DC_READ], atomic_load_explicit(&w->shared->packets, memory_order_relaxed));
	yg_counter_set(&w->counters[YG_DC_READ_SLOTS], atomic_load_explicit(&w->shared->slots, memory_order_relaxed));
	atomic_store_explicit(&w->control->busy_ring, 0, memory_order_release);
	show_life(w);
	if (++w->unshown >= SHOW_EVERY) {
		yg_flows_count(w->flows);
		show_all(w);
	}
}

// Fetches what the records behind this one will need: other processors wrote it last, and to wait for it took an eighth
// of a worker's time. What is read of it here is a hint and no more: it is read again, and checked, when its turn comes.
static void fetch_ahead(const struct worker *w, unsigned r, uint32_t pieces)
{
	const struct yg_ring *ring = &w->in[r];
	uint64_t next = ring->own + pieces;
	if (next + 1 >= ring->peer) // only what is known to be there: a producer at work there would lose the line
		return;
	const struct yg_ds_request *head = yg_ring_slot(ring, next);
	uint32_t length = *(const volatile uint32_t *)&head->length; // its head came with the record before
	for (uint32_t at = 0; at < length && at < YG_DS_DATA; at += CACHE_LINE)
		__builtin_prefetch(head->data + at, 0, 2);
	yg_flows_fetch(w->flows, *(const volatile uint32_t *)&head->slot);
	head = yg_ring_slot(ring, next + 1);
	__builtin_prefetch(head, 0, 2);
	__builtin_prefetch((const uint8_t *)head + CACHE_LINE, 0, 2);
}

// A record that breaks the protocol costs its first slot, and is counted.
static void skip_invalid(struct worker *w, unsigned r, const struct yg_ds_request *head)
{
	announce(w, r, 1, head->kind == YG_DS_PACKET);
	yg_counter_add(&w->counters[YG_DC_INVALID], 1);
	commit(w, r, 1);
}

// Reads the record at the front of ring r, whose head passed peek() and is no BATCH_END.
static void read_record(struct worker *w, unsigned r, const struct yg_ds_request *head)
{
	if (yg_ring_available(&w->in[r]) < head->pieces) {
		skip_invalid(w, r, head);
		return;
	}
	announce(w, r, head->pieces, head->kind == YG_DS_PACKET);
	atomic_store_explicit(&w->shared->now_ns, head->time_ns, memory_order_relaxed);
	if (yg_flows_look(w->flows, head))
		copy_packet(w, r, head);
	fetch_ahead(w, r, head->pieces);
	yg_flows_read(w->flows, r, head, w->packet);
	commit(w, r, head->pieces);
}

static void answer_batch(struct worker *w, unsigned r, uint64_t batch)
{
	struct yg_ds_answer *answer = yg_answers_begin(&w->answers, r, YG_DA_BATCH_END);
	if (!answer)
		return;
	answer->packet = batch;
	yg_answers_push(&w->answers, r);
}

static void pop_batch_end(struct worker *w, unsigned r)
{
	announce(w, r, 1, false);
	commit(w, r, 1);
}

// ---- replay ----

// What stands at the front of a ring.
struct front {
	bool known, at_end, ended;
	struct yg_ds_request head;
};

// Takes the BATCH_END of `batch` out of every ring that shows it, and answers it everywhere. Said in shared memory
// first: a successor finishes what was begun. The engine may then see an answer twice, never too few.
static void end_batch(struct worker *w, uint64_t batch)
{
	atomic_store_explicit(&w->shared->ending_batch, batch + 1, memory_order_release);
	for (unsigned i = 0; i < w->rings_count; i++) {
		unsigned r = w->rings[i];
		struct yg_ds_request head;
		if (yg_ring_available(&w->in[r]) > 0 && peek(w, r, &head) && head.kind == YG_DS_BATCH_END &&
		    head.packet <= batch)
			pop_batch_end(w, r);
	}
	for (unsigned i = 0; i < w->rings_count; i++)
		answer_batch(w, w->rings[i], batch);
	yg_flows_count(w->flows);
	show_all(w);
	atomic_store_explicit(&w->shared->ending_batch, 0, memory_order_release);
}

// Makes the front of ring r known, waiting for it. Broken records are skipped on the way.
static void look(struct worker *w, unsigned r, struct front *front)
{
	struct yg_ring *ring = &w->in[r];
	while (!front->known) {
		while (yg_ring_available(ring) == 0) {
			if (yg_ring_ended(ring)) {
				*front = (struct front){.known = true, .ended = true};
				return;
			}
			show_life(w);
			yg_flows_count(w->flows);
			show_all(w);
			yg_ring_wait_data(ring, w->setup->wait_ms);
		}
		front->known = peek(w, r, &front->head);
		front->at_end = front->known && front->head.kind == YG_DS_BATCH_END;
		if (!front->known)
			skip_invalid(w, r, &front->head);
	}
}

// The ring whose front has the lowest packet number; none when every ring has ended or stands at its batch's end.
static struct front *earliest(struct worker *w, struct front *fronts, unsigned *ret_ring)
{
	struct front *found = NULL;
	for (unsigned i = 0; i < w->rings_count; i++) {
		struct front *front = &fronts[i];
		look(w, w->rings[i], front);
		if (front->at_end || front->ended || (found && front->head.packet >= found->head.packet))
			continue;
		found = front;
		*ret_ring = w->rings[i];
	}
	return found;
}

// The lowest batch that a ring stands at the end of. False when all rings have ended.
static bool batch_at_end(const struct worker *w, const struct front *fronts, uint64_t *ret_batch)
{
	bool found = false;
	for (unsigned i = 0; i < w->rings_count; i++) {
		const struct front *front = &fronts[i];
		if (front->at_end && (!found || front->head.packet < *ret_batch)) {
			*ret_batch = front->head.packet;
			found = true;
		}
	}
	return found;
}

static void replay(struct worker *w)
{
	static struct front fronts[YG_WORKERS_MAX];
	memset(fronts, 0, sizeof fronts);
	for (;;) {
		unsigned r = 0;
		uint64_t batch = 0;
		struct front *front = earliest(w, fronts, &r);
		if (front) {
			read_record(w, r, &front->head);
			front->known = false;
		} else if (batch_at_end(w, fronts, &batch)) {
			end_batch(w, batch);
			for (unsigned i = 0; i < w->rings_count; i++)
				fronts[i].known = fronts[i].ended || (fronts[i].known && fronts[i].head.packet > batch);
		} else {
			return;
		}
	}
}

// ---- live ----

// Up to LIVE_SLICE records of one ring. True when there was any.
static bool live_ring(struct worker *w, unsigned r)
{
	struct yg_ds_request head;
	unsigned done = 0;
	for (; done < LIVE_SLICE && yg_ring_available(&w->in[r]) > 0; done++) {
		if (!peek(w, r, &head))
			skip_invalid(w, r, &head);
		else if (head.kind != YG_DS_BATCH_END)
			read_record(w, r, &head);
		else {
			pop_batch_end(w, r);
			answer_batch(w, r, head.packet);
		}
	}
	return done > 0;
}

static bool live_round(struct worker *w, bool *ret_ended)
{
	bool any = false;
	*ret_ended = true;
	for (unsigned i = 0; i < w->rings_count; i++) {
		any |= live_ring(w, w->rings[i]);
		*ret_ended &= yg_ring_ended(&w->in[w->rings[i]]);
	}
	return any;
}

static void live(struct worker *w)
{
	bool ended = false;
	while (!ended) {
		bool any = live_round(w, &ended);
		if (any)
			continue;
		show_life(w);
		yg_flows_count(w->flows);
		show_all(w);
		// With several rings one cannot sleep on all: a millisecond on the first is the longest that another
		// waits.
		if (!ended)
			yg_ring_wait_data(&w->in[w->rings[0]], w->rings_count > 1 ? 1 : w->setup->wait_ms);
	}
}

// ---- life ----

static int open_rings(struct worker *w)
{
	for (unsigned r = 0; r < w->setup->rings; r++) {
		if (!yg_setup_serves(w->setup, w->index, r))
			continue;
		const struct yg_memory *memory = &w->setup->to[r];
		int error = yg_ring_attach(&w->in[r], memory->at, memory->size, sizeof(struct yg_ds_request), false);
		if (error)
			return error;
		w->rings[w->rings_count++] = r;
	}
	return 0;
}

// Libraries that print would be killed for the write; what they have to say goes nowhere.
static ssize_t discard(void *cookie, const char *text, size_t length)
{
	(void)cookie, (void)text;
	return (ssize_t)length;
}

static void silence(void)
{
	FILE *nowhere = fopencookie(NULL, "w", (cookie_io_functions_t){.write = discard});
	if (nowhere && yg_sandbox_works()) {
		setvbuf(nowhere, NULL, _IONBF, 0);
		stdout = nowhere;
		stderr = nowhere;
	}
}

static int prepare(struct worker *w, const struct yg_report *reports, int parent)
{
	const struct yg_setup *setup = w->setup;
	w->control = yg_setup_control(setup, w->index);
	w->shared = yg_setup_shared(setup, w->index);
	w->counters = setup->stats->c[w->index];
	int error = open_rings(w);
	if (error == 0)
		error = yg_answers_open(&w->answers, setup, w->index, reports);
	if (error)
		return error;
	w->answers.before_wait = show_all;
	w->answers.context = w;
	w->flows = yg_flows_create(setup, w->index, &w->answers);
	if (!w->flows)
		return -1;
	return yg_sandbox_enter_worker(&setup->sandbox, setup->memory, parent);
}

static void say_ready(struct worker *w)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store_explicit(&w->shared->ready_ns, now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
	                      memory_order_release);
}

// Where leaks are looked for (sanitizers), everything is given back first; elsewhere the kernel is quicker.
static _Noreturn void end(struct worker *w)
{
	if (yg_sandbox_works())
		_exit(YG_EXIT_OK);
	yg_flows_destroy(w->flows);
	yg_stream_destroy(w->setup->streams);
	yg_ndpi_destroy(w->setup->ndpi);
	free(w->setup->sandbox.worker.filter);
	exit(YG_EXIT_OK);
}

_Noreturn void yg_worker_run(const struct yg_setup *setup, unsigned index, const struct yg_report *reports, int parent)
{
	static struct worker worker; // zero in every child: the zygote never touches it
	struct worker *w = &worker;
	*w = (struct worker){.setup = setup, .index = index};
	silence();
	if (prepare(w, reports, parent) != 0)
		_exit(YG_EXIT_BAD_SETUP);
	say_ready(w);
	yg_answers_report(&w->answers);
	uint64_t ending = atomic_load_explicit(&w->shared->ending_batch, memory_order_acquire);
	if (ending > 0)
		end_batch(w, ending - 1);
	if (setup->replay)
		replay(w);
	else
		live(w);
	yg_flows_count(w->flows);
	show_all(w);
	yg_answers_close(&w->answers);
	atomic_store_explicit(&w->shared->finished, 1, memory_order_release);
	end(w);
}
