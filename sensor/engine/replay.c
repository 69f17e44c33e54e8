// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See replay.h. Two jobs are used in turn: while the workers process one, this thread fills the other. With one worker there are no
// threads and no barriers: the same steps run one after another here.
#include "engine/replay.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shm.h"
#include "engine/barrier.h"
#include "engine/decode.h"
#include "engine/reassembly.h"
#include "engine/replay_clock.h"

enum {
	NO_WHOLE = -1,
	WHOLE_ARENA = 32 << 20,
	NEST_MAX = 4,
	// How far the dissector may be behind: see answered_before.
	BEHIND_PACKETS = 2 * YG_BATCH_MAX,
	BEHIND_BATCHES_MIN = 2,
	BEHIND_BATCHES_MAX = 16,
	BEHIND_SECONDS = 2,
};

static const struct yg_flow_run all_partitions = {0, YG_PARTITIONS};

struct job {
	struct yg_batch batch;
	struct yg_packet *packets; // YG_BATCH_MAX of the batch, then those that reassembly made
	int16_t *whole;            // by packet of the batch: the one that it completed, NO_WHOLE
	uint32_t wholes;
	uint8_t *arena;            // bytes of the wholes
	size_t arena_used;
	struct yg_batch_mark mark;
	int flush;                 // partition to flush, -1
	bool stop;
};

struct replay {
	struct yg_replay_options o;
	struct yg_decode_options decode;
	struct yg_reassembly *reassembly;
	struct yg_replay_clock clock;
	struct job jobs[2];
	struct job *job; // that the workers are at
	struct yg_barrier barrier;
	uint64_t batches, number;
	uint64_t packets, answered;                  // before the batch being filled
	uint64_t packets_before[BEHIND_BATCHES_MAX]; // each of the last batches, by its number
	int64_t second_of[BEHIND_BATCHES_MAX];       // the same
	int64_t second;
	uint64_t second_packets;
	uint32_t sample_every;
};

// ---- filling ----

static void number_seconds(struct replay *r, struct job *job)
{
	int64_t second = yg_time_second(r->clock.now);
	if (second != r->second) {
		r->sample_every = (uint32_t)(r->second_packets / 65536) + 1;
		r->second_packets = 0;
		r->second = second;
	}
	r->second_packets += job->batch.count;
	job->mark.second = second;
	job->mark.sample_every = r->sample_every;
}

// The batch up to which answers are applied before this one. Of full batches it is the one before the last; where seconds cut them
// short, the latest that began at least as many packets ago, so that engine and dissector always have work at hand while the other
// is busy; but not of seconds longer ago than BEHIND_SECONDS, so that a detector knows what was asked while it is young. It follows
// from the file alone: the speed of neither shows in what comes out.
static uint64_t answered_before(struct replay *r, uint64_t batch, int64_t second)
{
	while (r->answered + BEHIND_BATCHES_MIN < batch) {
		uint64_t next = r->answered + 1, since = r->packets - r->packets_before[next % BEHIND_BATCHES_MAX];
		bool young = r->second_of[next % BEHIND_BATCHES_MAX] + BEHIND_SECONDS > second;
		if (since < BEHIND_PACKETS && next + BEHIND_BATCHES_MAX > batch && young)
			break;
		r->answered = next;
	}
	return r->answered;
}

static void mark_batch(struct replay *r, struct job *job)
{
	memset(&job->mark, 0, sizeof job->mark);
	job->mark.batch = ++r->batches;
	job->mark.gap_from_ns = r->clock.now.ns;
	job->flush = -1;
	job->wholes = 0;
	job->arena_used = 0;
	for (uint32_t i = 0; i < job->batch.count; i++) {
		struct yg_frame *f = &job->batch.frames[i];
		bool gap;
		f->time = yg_replay_clock_next(&r->clock, f->time, &gap);
		if (i == 0) {
			job->mark.gap = gap;
			job->mark.time_ns = f->time.ns;
		}
		r->number = f->number;
	}
	if (!job->batch.count)
		job->mark.time_ns = r->clock.now.ns;
	job->mark.offset_ns = r->clock.offset_ns;
	job->mark.offset_from_ns = r->clock.from_ns;
	number_seconds(r, job);
	job->mark.answered = answered_before(r, r->batches, job->mark.second);
	r->packets_before[r->batches % BEHIND_BATCHES_MAX] = r->packets;
	r->second_of[r->batches % BEHIND_BATCHES_MAX] = job->mark.second;
	r->packets += job->batch.count;
}

static void show_progress(struct replay *r)
{
	struct yg_engine_stats *s = r->o.stats;
	yg_counter_set(&s->packets_total, r->number);
	yg_counter_set(&s->bytes_read, yg_capture_bytes_read(r->o.capture));
	yg_counter_set(&s->bytes_total, yg_capture_bytes_total(r->o.capture));
	yg_counter_set(&s->last_ns, (uint64_t)r->clock.now.ns);
	yg_counter_set(&s->batch, r->batches);
}

static enum yg_capture_status fill(struct replay *r, struct job *job)
{
	enum yg_capture_status status = yg_capture_fill(r->o.capture, &job->batch);
	bool first = r->batches == 0 && job->batch.count;
	mark_batch(r, job);
	if (first)
		yg_counter_set(&r->o.stats->first_ns, (uint64_t)job->mark.time_ns);
	show_progress(r);
	return status;
}

// ---- decoding ----

static void count_decoded(struct yg_worker_stats *stats, const struct yg_view *v)
{
	yg_counter_add(&stats->decode_end[v->end], 1);
	for (unsigned i = 0; i < v->layer_count; i++)
		yg_counter_add(&stats->layer[v->layers[i]], 1);
}

static void decode_range(struct replay *r, struct job *job, unsigned index, uint32_t from, uint32_t to)
{
	struct yg_worker_stats *stats = &r->o.stats->worker[index];
	uint64_t bytes = 0;
	for (uint32_t i = from; i < to; i++) {
		const struct yg_frame *f = &job->batch.frames[i];
		struct yg_packet *p = &job->packets[i];
		yg_decode(&r->decode, f->link, f->data, f->caplen, f->wirelen, &p->view);
		p->view.time = f->time;
		p->view.number = f->number;
		p->counted = false;
		job->whole[i] = NO_WHOLE;
		yg_packet_place(r->o.table, &all_partitions, p);
		bytes += f->wirelen;
		if (p->view.end != YG_DECODE_FRAGMENT) // those are counted when reassembly has said what they are
			count_decoded(stats, &p->view);
	}
	yg_counter_add(&stats->c[YG_WC_RECEIVED], to - from);
	yg_counter_add(&stats->c[YG_WC_WIRE_BYTES], bytes);
}

static void decode_slice(struct replay *r, struct job *job, unsigned index)
{
	uint32_t count = job->batch.count, n = r->o.workers_count;
	decode_range(r, job, index, count * index / n, count * (index + 1) / n);
}

// ---- putting together ----

static const uint8_t *keep_bytes(struct job *job, const uint8_t *data, uint32_t len)
{
	if (len > WHOLE_ARENA - job->arena_used)
		return NULL;
	uint8_t *kept = job->arena + job->arena_used;
	memcpy(kept, data, len);
	job->arena_used += (len + 63) & ~(size_t)63;
	return kept;
}

// Gives a fragment to reassembly. The packet that it completes, or NULL.
static struct yg_packet *put_together(struct replay *r, struct job *job, struct yg_packet *fragment)
{
	struct yg_worker_stats *stats = &r->o.stats->worker[0];
	const uint8_t *data;
	enum yg_decode_end end = YG_DECODE_FRAGMENT;
	unsigned flags = 0;
	uint32_t len = yg_reassembly_add(r->reassembly, &fragment->view, &data, &end, &flags);
	if (len && (job->wholes == YG_BATCH_MAX || !(data = keep_bytes(job, data, len)))) {
		len = 0; // bounded: a batch brings no more than its arena holds
		yg_counter_add(&stats->c[YG_WC_RA_BATCH_FULL], 1);
	}
	fragment->view.end = (uint8_t)(len ? YG_DECODE_FRAGMENT : end);
	count_decoded(stats, &fragment->view);
	if (!len)
		return NULL;
	yg_counter_add(&stats->c[YG_WC_REASSEMBLED], 1);
	struct yg_packet *whole = &job->packets[YG_BATCH_MAX + job->wholes++];
	yg_decode_reassembled(&r->decode, &fragment->view, data, len, &whole->view);
	whole->view.time = fragment->view.time;
	whole->view.number = fragment->view.number;
	whole->view.flags |= YG_VIEW_REASSEMBLED;
	whole->counted = true;
	yg_packet_place(r->o.table, &all_partitions, whole);
	return whole;
}

static void reassemble(struct replay *r, struct job *job, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct yg_packet *p = &job->packets[i];
		for (unsigned nest = 0; p && p->view.end == YG_DECODE_FRAGMENT && nest < NEST_MAX; nest++) {
			p = put_together(r, job, p);
			if (p)
				job->whole[i] = (int16_t)(p - job->packets - YG_BATCH_MAX);
		}
		if (p && p->view.end == YG_DECODE_FRAGMENT)
			yg_counter_add(&r->o.stats->worker[0].c[YG_WC_RA_NESTED], 1);
		if (p && job->whole[i] != NO_WHOLE)
			count_decoded(&r->o.stats->worker[0], &p->view);
	}
}

static void show_reassembly(struct replay *r)
{
	struct yg_reassembly_stats s;
	yg_reassembly_stats(r->reassembly, &s);
	const uint64_t values[] = {s.fragments, s.whole, s.overlaps, s.overlaps_differ, s.duplicates, s.timeouts, s.evicted, s.over_bytes,
				   s.over_fragments, s.bad, s.tiny, s.v6_overlap, s.trackers_now, s.bytes_now, s.bytes_peak};
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
		yg_counter_set(&r->o.stats->reassembly[i], values[i]);
}

// ---- processing ----

static void process_one(struct yg_worker *w, struct job *job, uint32_t i)
{
	struct yg_packet *p = &job->packets[i];
	if (p->partition >= w->partition_first && p->partition < w->partition_end)
		yg_worker_packet(w, p);
	if (job->whole[i] == NO_WHOLE)
		return;
	p = &job->packets[YG_BATCH_MAX + job->whole[i]];
	if (p->partition >= w->partition_first && p->partition < w->partition_end)
		yg_worker_packet(w, p);
}

static void begin(struct replay *r, struct job *job, unsigned index)
{
	struct yg_worker *w = r->o.workers[index];
	yg_worker_begin(w, &job->mark);
	if (!job->batch.count)
		return;
	uint64_t first = job->batch.frames[0].number;
	for (unsigned p = 0; job->mark.gap && p < YG_PARTITIONS; p++)
		yg_worker_flush(w, p, YG_END_GAP, first << 1);
	yg_worker_expire(w, first);
}

static void process(struct replay *r, struct job *job, unsigned index, uint32_t from, uint32_t to)
{
	enum { ENTRY_AHEAD = 8, RECORD_AHEAD = 4 }; // tags are fetched when the packet is decoded
	for (uint32_t i = from; i < to; i++) {
		if (i + ENTRY_AHEAD < to && job->packets[i + ENTRY_AHEAD].decoded)
			yg_flow_prefetch_entry(r->o.table, &job->packets[i + ENTRY_AHEAD].hash);
		if (i + RECORD_AHEAD < to && job->packets[i + RECORD_AHEAD].decoded)
			yg_flow_prefetch_record(r->o.table, &job->packets[i + RECORD_AHEAD].hash);
		process_one(r->o.workers[index], job, i);
	}
}

static void end(struct replay *r, struct job *job, unsigned index)
{
	struct yg_worker *w = r->o.workers[index];
	if (job->flush >= 0)
		yg_worker_flush(w, (unsigned)job->flush, YG_END_EOF, (r->number + 1) << 1);
	yg_worker_end(w, job->mark.last);
}

// ---- threads ----

struct thread {
	struct replay *r;
	unsigned index;
	pthread_t id;
};

static void take_answers(void *context)
{
	yg_worker_idle(context);
}

static void meet(struct thread *t)
{
	yg_barrier_wait(&t->r->barrier, take_answers, t->r->o.workers[t->index]);
}

static void *worker_thread(void *argument)
{
	struct thread *t = argument;
	for (;;) {
		meet(t); // a job is there
		struct job *job = t->r->job;
		if (job->stop)
			return NULL;
		decode_slice(t->r, job, t->index);
		meet(t); // decoded
		meet(t); // put together
		begin(t->r, job, t->index);
		process(t->r, job, t->index, 0, job->batch.count);
		end(t->r, job, t->index);
		meet(t); // done
	}
}

// One worker: the same steps on a few packets at a time, so that their views stay in the nearest cache.
static void run_alone(struct replay *r, struct job *job)
{
	enum { CHUNK = 64 };
	begin(r, job, 0);
	for (uint32_t from = 0; from < job->batch.count; from += CHUNK) {
		uint32_t to = from + CHUNK < job->batch.count ? from + CHUNK : job->batch.count;
		decode_range(r, job, 0, from, to);
		reassemble(r, job, from, to);
		process(r, job, 0, from, to);
		yg_worker_hand_over(r->o.workers[0]);
	}
	end(r, job, 0);
	show_reassembly(r);
}

// Runs a job; with threads, `next` is filled meanwhile.
static enum yg_capture_status run_job(struct replay *r, struct job *job, struct job *next)
{
	enum yg_capture_status status = YG_CAPTURE_END;
	if (r->o.workers_count == 1) {
		run_alone(r, job);
		return next ? fill(r, next) : status;
	}
	r->job = job;
	yg_barrier_wait(&r->barrier, NULL, NULL);
	yg_barrier_wait(&r->barrier, NULL, NULL);
	reassemble(r, job, 0, job->batch.count);
	show_reassembly(r);
	yg_barrier_wait(&r->barrier, NULL, NULL);
	if (next)
		status = fill(r, next);
	yg_barrier_wait(&r->barrier, NULL, NULL);
	return status;
}

static void run_empty(struct replay *r, struct job *job, int flush, bool last)
{
	job->batch.count = 0;
	mark_batch(r, job);
	job->flush = flush;
	job->mark.last = last;
	if (last)
		job->mark.answered = r->batches - 1;
	run_job(r, job, NULL);
}

static enum yg_capture_status run_all(struct replay *r)
{
	struct job *job = &r->jobs[0], *next = &r->jobs[1];
	enum yg_capture_status status = fill(r, job);
	while (job->batch.count) {
		bool more = status == YG_CAPTURE_MORE;
		enum yg_capture_status after = run_job(r, job, !more ? NULL : r->o.workers_count == 1 ? job : next);
		if (!more)
			break;
		status = after;
		if (r->o.workers_count == 1)
			continue; // the same job again: its memory is in the cache
		struct job *done = job;
		job = next;
		next = done;
	}
	// A partition a batch, so that no batch brings more ends than a sixteenth of the table; then one more, for the answers.
	for (int p = 0; p < (int)YG_PARTITIONS; p++)
		run_empty(r, job, p, false);
	run_empty(r, job, -1, true);
	return status;
}

static int init_job(struct job *job)
{
	job->packets = yg_memory_reserve(2 * YG_BATCH_MAX * sizeof *job->packets);
	job->whole = calloc(YG_BATCH_MAX, sizeof *job->whole);
	job->arena = yg_memory_reserve(WHOLE_ARENA);
	return job->packets && job->whole && job->arena ? yg_batch_init(&job->batch) : -ENOMEM;
}

static void finish_job(struct job *job)
{
	yg_memory_release(job->packets, 2 * YG_BATCH_MAX * sizeof *job->packets);
	yg_memory_release(job->arena, WHOLE_ARENA);
	free(job->whole);
	yg_batch_finish(&job->batch);
}

static int start_threads(struct replay *r, struct thread *threads)
{
	unsigned n = r->o.workers_count;
	if (n == 1)
		return 0;
	yg_barrier_init(&r->barrier, n + 1);
	for (unsigned i = 0; i < n; i++) {
		threads[i] = (struct thread){.r = r, .index = i};
		int error = pthread_create(&threads[i].id, NULL, worker_thread, &threads[i]);
		if (error) { // those that run stand at the barrier, in memory that is about to go
			yg_error("cannot start a worker: %s", strerror(error));
			_exit(EX_OSERR);
		}
		char name[16];
		snprintf(name, sizeof name, "yg-worker-%u", i);
		pthread_setname_np(threads[i].id, name);
	}
	return 0;
}

static void stop_threads(struct replay *r, struct thread *threads)
{
	if (r->o.workers_count == 1)
		return;
	r->jobs[0].stop = true;
	r->job = &r->jobs[0];
	yg_barrier_wait(&r->barrier, NULL, NULL);
	for (unsigned i = 0; i < r->o.workers_count; i++)
		pthread_join(threads[i].id, NULL);
}

static int init(struct replay *r, const struct yg_replay_options *options)
{
	const struct yg_config *c = options->config;
	struct yg_reassembly_options ra = {
		.trackers = (uint32_t)yg_config_int(c, YG_O_REASSEMBLY_TRACKERS),
		.fragments = (uint32_t)yg_config_int(c, YG_O_REASSEMBLY_FRAGMENTS),
		.bytes = (uint64_t)yg_config_int(c, YG_O_REASSEMBLY_BYTES),
		.time_ns = yg_config_ns(c, YG_O_REASSEMBLY_TIME),
		.key = yg_hash_key_replay,
	};
	r->o = *options;
	r->sample_every = 1;
	r->decode.ipv4_checksum = yg_config_int(c, YG_O_DECODE_CHECKSUM);
	r->decode.domain_vlan = yg_config_int(c, YG_O_DECODE_DOMAIN) == 1;
	r->reassembly = yg_reassembly_create(&ra);
	if (!r->reassembly || init_job(&r->jobs[0]) < 0 || init_job(&r->jobs[1]) < 0)
		return -ENOMEM;
	return 0;
}

int yg_replay_run(const struct yg_replay_options *options)
{
	struct replay *r = calloc(1, sizeof *r);
	struct thread threads[YG_WORKERS_MAX];
	if (!r)
		return -ENOMEM;
	int result = init(r, options);
	if (result == 0)
		result = start_threads(r, threads);
	if (result == 0) {
		result = run_all(r) == YG_CAPTURE_DAMAGED ? -EBADMSG : 0;
		stop_threads(r, threads);
	}
	finish_job(&r->jobs[0]);
	finish_job(&r->jobs[1]);
	yg_reassembly_destroy(r->reassembly);
	free(r);
	return result;
}
