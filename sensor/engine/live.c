// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See live.h; what happens to a burst is in burst.h.
#include "engine/live.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "base/log.h"
#include "base/shm.h"
#include "engine/burst.h"

enum {
	BURST = YG_BURST,
	LINEAR = 16384,      // bytes of a frame that came in several mbufs; the rest counts as not captured
	HANDED_SLOTS = 4096, // frames on the way from one worker to another
	POLL_US = 100,       // how often a worker looks at what the dissector says and shows what it has
	WAIT_MS = 2000,      // how long the end waits for room
	FLUSH_MS = 3000,     // and for verdicts
	VERDICT_MS = 1000,
	GONE_MS = 2000,
	WATCH_MS = 100,
	OFFSET_STEP = 100000000, // ns
};

struct lane {
	struct live *live;
	unsigned index;
	struct yg_worker *worker;
	struct yg_worker_stats *stats;
	struct yg_reassembly *reassembly;
	const struct yg_queue *queues;
	unsigned queues_count, next_queue;
	struct rte_ring *handed; // frames of ours that others received; NULL: ports spread
	uint64_t batch, second_packets, next_poll;
	uint64_t mark; // TSC up to which time has been counted to a stage (yg_worker_stats, cycles)
	int64_t second;
	uint32_t sample_every, descriptors;
	struct yg_shed shed;
	struct yg_reload *reload; // the last that was taken
	uint8_t *linear; // BURST buffers
	struct rte_mbuf *mbufs[BURST];
	struct yg_burst burst;
};

struct live {
	struct yg_live_options o;
	struct yg_decode_options decode;
	uint64_t tsc_start, hz, ns_scale; // ns_scale: ns a tick, in 2^-32
	int64_t real_start, offset_ns;
	uint8_t owner[YG_PARTITIONS];
	bool software;
	_Atomic bool stop;
	struct lane *lanes[YG_WORKERS_MAX];
};

static void count(struct lane *l, enum yg_worker_counter counter)
{
	yg_counter_add(&l->stats->c[counter], 1);
}

// ---- time ----

static int64_t real_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * YG_NS_PER_S + t.tv_nsec;
}

// The wall clock as it was when the first engine of a run began, however it has been set since: an engine that takes over open alerts and
// the time of the last look goes on with the time of those.
static int64_t timeline_now(struct yg_engine_stats *stats)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	int64_t up = t.tv_sec * YG_NS_PER_S + t.tv_nsec;
	if (!yg_counter_get(&stats->timeline_ns))
		yg_counter_set(&stats->timeline_ns, (uint64_t)(real_now() - up));
	return up + (int64_t)yg_counter_get(&stats->timeline_ns);
}

static struct yg_time time_of(const struct live *live, uint64_t tsc)
{
	return yg_time_ns(live->real_start + (int64_t)((yg_u128)(tsc - live->tsc_start) * live->ns_scale >> 32));
}

// What is printed follows the wall clock, in steps: worker 0 looks at it once a second.
static int64_t offset_of(struct lane *l, struct yg_time now)
{
	int64_t offset = __atomic_load_n(&l->live->offset_ns, __ATOMIC_RELAXED), today = l->index ? offset : now.ns - real_now();
	if (today - offset > OFFSET_STEP || offset - today > OFFSET_STEP) {
		offset = today;
		__atomic_store_n(&l->live->offset_ns, offset, __ATOMIC_RELAXED);
	}
	return offset;
}

static void begin_second(struct lane *l, struct yg_time now)
{
	unsigned share = 65536 / l->live->o.workers_count;
	l->second = yg_time_second(now);
	l->sample_every = (uint32_t)(l->second_packets / share) + 1;
	l->second_packets = 0;
	struct yg_batch_mark mark = {
		.batch = ++l->batch,
		.time_ns = now.ns,
		.second = l->second,
		.offset_ns = offset_of(l, now),
		.offset_from_ns = now.ns,
		.sample_every = l->sample_every,
	};
	yg_worker_begin(l->worker, &mark);
	yg_worker_expire(l->worker, l->burst.number + 1);
}

// ---- a burst ----

static void frame_of(struct lane *l, const struct rte_mbuf *m, unsigned i, const uint8_t **ret_data, uint32_t *ret_caplen)
{
	*ret_data = rte_pktmbuf_mtod(m, const uint8_t *);
	*ret_caplen = m->data_len;
	if (m->nb_segs == 1)
		return;
	uint8_t *linear = l->linear + (size_t)i * LINEAR;
	uint32_t length = m->pkt_len < LINEAR ? m->pkt_len : LINEAR;
	const uint8_t *whole = rte_pktmbuf_read(m, 0, length, linear);
	if (whole) {
		*ret_data = whole;
		*ret_caplen = length;
	}
}

static void decode_burst(struct lane *l, unsigned n, struct yg_time now)
{
	struct yg_burst_frame frames[BURST];
	for (unsigned i = 0; i < n; i++) {
		frame_of(l, l->mbufs[i], i, &frames[i].data, &frames[i].caplen);
		frames[i].wirelen = l->mbufs[i]->pkt_len;
	}
	yg_burst_decode(&l->burst, frames, n, now);
}

// Sends away what belongs to other workers; what is ours moves together. Returns how much that is.
static unsigned hand_over(struct lane *l, unsigned n)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct yg_packet *p = &l->burst.packets[i];
		unsigned owner = p->folded || p->view.flags & YG_VIEW_IP ? l->live->owner[p->partition] : l->index;
		if (owner != l->index) {
			if (rte_ring_mp_enqueue(l->live->lanes[owner]->handed, l->mbufs[i]) != 0) {
				rte_pktmbuf_free(l->mbufs[i]);
				count(l, YG_WC_HANDED_FULL);
			}
			continue;
		}
		if (kept != i) {
			l->burst.packets[kept] = l->burst.packets[i];
			l->mbufs[kept] = l->mbufs[i];
		}
		kept++;
	}
	return kept;
}

// What has passed since the last mark was spent on this stage.
static void spend_until(struct lane *l, enum yg_stage_cycles stage, uint64_t tsc)
{
	yg_counter_add(&l->stats->cycles[stage], tsc - l->mark);
	l->mark = tsc;
}

static void spend(struct lane *l, enum yg_stage_cycles stage)
{
	spend_until(l, stage, rte_rdtsc());
}

static void run_burst(struct lane *l, unsigned n, struct yg_time now, bool received)
{
	spend(l, YG_STAGE_RECEIVE);
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(l->mbufs[i], void *));
	decode_burst(l, n, now);
	if (received && l->handed)
		n = hand_over(l, n);
	spend(l, YG_STAGE_DECODE);
	yg_burst_process(&l->burst, n);
	l->second_packets += n;
	rte_pktmbuf_free_bulk(l->mbufs, n);
	spend(l, YG_STAGE_FLOW);
}

// ---- a worker's loop ----

// From the next queue that has something. What it takes to find the others empty belongs to the turn that brings packets: a worker whose
// one queue never empties is not idle, however many it has.
static unsigned receive(struct lane *l)
{
	unsigned n = 0;
	for (unsigned i = 0; i < l->queues_count && !n; i++) {
		const struct yg_queue *q = &l->queues[l->next_queue];
		l->next_queue = l->next_queue + 1 == l->queues_count ? 0 : l->next_queue + 1;
		n = rte_eth_rx_burst(q->port, q->queue, l->mbufs, BURST);
	}
	return n;
}

static void show_reassembly(struct lane *l)
{
	struct yg_reassembly_stats s;
	yg_reassembly_stats(l->reassembly, &s);
	const uint64_t values[] = {s.fragments, s.whole, s.overlaps, s.overlaps_differ, s.duplicates, s.timeouts, s.evicted, s.over_bytes,
				   s.over_fragments, s.bad, s.tiny, s.v6_overlap, s.trackers_now, s.bytes_now, s.bytes_peak};
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
		yg_counter_set(&l->stats->reassembly[i], values[i]);
}

static void poll_others(struct lane *l, uint64_t tsc, struct yg_time now)
{
	l->next_poll = tsc + l->live->hz / 1000000 * POLL_US;
	struct yg_reload *accepted = atomic_load_explicit(&l->live->o.reload->accepted, memory_order_acquire);
	if (accepted != l->reload) {
		l->reload = accepted;
		yg_worker_retune(l->worker, &accepted->config, atomic_load(&l->live->o.reload->needs));
		yg_shed_init(&l->shed, &accepted->config, l->live->hz, tsc);
		atomic_fetch_add(&l->live->o.reload->taken, 1);
	}
	yg_worker_poll(l->worker, now);
	yg_counter_set(&l->stats->beat_ns, (uint64_t)now.ns);
}

// How full the fullest queue towards this worker is.
static int queue_fill(const struct lane *l)
{
	int64_t most = l->handed ? (int64_t)rte_ring_count(l->handed) * 1000 / HANDED_SLOTS : YG_SHED_UNKNOWN;
	for (unsigned i = 0; i < l->queues_count; i++) {
		int used = rte_eth_rx_queue_count(l->queues[i].port, l->queues[i].queue); // negative: the driver cannot say
		int64_t fill = used < 0 ? YG_SHED_UNKNOWN : used * INT64_C(1000) / l->descriptors;
		most = fill > most ? fill : most;
	}
	return most > 1000 ? 1000 : (int)most;
}

static void shed_load(struct lane *l, uint64_t tsc)
{
	l->worker->shed = yg_shed_look(&l->shed, tsc, queue_fill(l));
	yg_shed_show(&l->shed, l->stats);
}

// What waits in the tables leaves in order, as long as there is somebody to take it.
static void finish(struct lane *l)
{
	uint64_t start = rte_rdtsc(), ms = l->live->hz / 1000;
	struct yg_time now = time_of(l->live, start);
	yg_counter_set(&l->stats->ending, 1);
	yg_worker_stop(l->worker, now);
	for (unsigned p = 0; p < YG_PARTITIONS; p++) {
		yg_worker_flush(l->worker, p, YG_END_EOF, (l->burst.number + 1) << 1);
		if (rte_rdtsc() - start > ms * WAIT_MS)
			l->worker->waits = false; // what finds no room from here on is counted
	}
	while (yg_worker_pending(l->worker) && rte_rdtsc() - start < ms * FLUSH_MS) {
		yg_worker_poll(l->worker, time_of(l->live, rte_rdtsc()));
		rte_delay_us_block(50);
	}
	yg_worker_end(l->worker, true);
	show_reassembly(l);
}

static int run_lane(void *argument)
{
	struct lane *l = argument;
	struct live *live = l->live;
	yg_counter_set(&l->stats->ending, 0);
	yg_shed_init(&l->shed, live->o.config, live->hz, rte_rdtsc());
	struct yg_time start = time_of(live, rte_rdtsc());
	yg_counter_set(&l->stats->beat_ns, (uint64_t)start.ns);
	yg_counter_set(&l->stats->thread, (uint64_t)gettid());
	begin_second(l, start);
	enum yg_stage_cycles rest = YG_STAGE_POLL; // where the end of a turn counts
	l->mark = rte_rdtsc();
	while (!atomic_load_explicit(&live->stop, memory_order_relaxed)) {
		uint64_t tsc = rte_rdtsc();
		spend_until(l, rest, tsc);
		struct yg_time now = time_of(live, tsc);
		if (yg_time_second(now) != l->second) {
			begin_second(l, now);
			show_reassembly(l);
			spend(l, YG_STAGE_POLL);
		}
		unsigned n = receive(l);
		if (n)
			run_burst(l, n, now, true);
		if (l->handed) {
			unsigned handed = rte_ring_sc_dequeue_burst(l->handed, (void **)l->mbufs, BURST, NULL);
			if (handed)
				run_burst(l, handed, now, false);
			n += handed;
		}
		if (!n)
			rte_pause();
		rest = n ? YG_STAGE_POLL : YG_STAGE_IDLE;
		if (tsc >= l->next_poll) {
			spend(l, rest);
			poll_others(l, tsc, now);
			spend(l, YG_STAGE_POLL);
		}
		yg_shed_turn(&l->shed, tsc, n);
		if (yg_shed_due(&l->shed, tsc))
			shed_load(l, tsc);
	}
	finish(l);
	return 0;
}

// ---- all of them ----

static void free_lane(struct lane *l)
{
	if (!l)
		return;
	yg_reassembly_destroy(l->reassembly);
	yg_memory_release(l->linear, (size_t)BURST * LINEAR);
	if (l->handed) {
		for (void *m; rte_ring_sc_dequeue(l->handed, &m) == 0;) { // their owner had ended
			rte_pktmbuf_free(m);
			count(l, YG_WC_HANDED_FULL);
		}
		rte_ring_free(l->handed);
	}
	free(l);
}

static struct lane *make_lane(struct live *live, unsigned index)
{
	const struct yg_config *c = live->o.config;
	struct yg_reassembly_options ra = {
		.trackers = (uint32_t)yg_config_int(c, YG_O_REASSEMBLY_TRACKERS),
		.fragments = (uint32_t)yg_config_int(c, YG_O_REASSEMBLY_FRAGMENTS),
		.bytes = (uint64_t)yg_config_int(c, YG_O_REASSEMBLY_BYTES) / live->o.workers_count,
		.time_ns = yg_config_ns(c, YG_O_REASSEMBLY_TIME),
	};
	struct lane *l = aligned_alloc(_Alignof(struct lane), sizeof *l);
	char name[32];
	if (!l || yg_hash_key_random(&ra.key)) {
		free(l);
		return NULL;
	}
	memset(l, 0, sizeof *l);
	snprintf(name, sizeof name, "handed-%u", index);
	l->live = live;
	l->index = index;
	l->worker = live->o.workers[index];
	l->stats = &live->o.stats->worker[index];
	l->descriptors = (uint32_t)yg_config_int(c, YG_O_CAPTURE_DESCRIPTORS);
	l->queues = yg_ethdev_queues(live->o.ports, index, &l->queues_count);
	l->reassembly = yg_reassembly_create(&ra);
	l->linear = yg_memory_reserve((size_t)BURST * LINEAR);
	l->burst = (struct yg_burst){.decode = &live->decode, .table = live->o.table, .worker = l->worker, .stats = l->stats,
				     .reassembly = l->reassembly, .run = {0, YG_PARTITIONS}};
	if (!live->software)
		l->burst.run = (struct yg_flow_run){l->worker->partition_first, l->worker->partition_end - l->worker->partition_first};
	if (live->software)
		l->handed = rte_ring_create(name, HANDED_SLOTS, SOCKET_ID_ANY, RING_F_SC_DEQ);
	if (l->reassembly && l->linear && (l->handed || !live->software))
		return l;
	free_lane(l);
	return NULL;
}

// What the summary of a replay takes from its files.
static void show_totals(struct live *live)
{
	struct yg_engine_stats *stats = live->o.stats;
	uint64_t packets = 0;
	for (unsigned i = 0; i < live->o.workers_count; i++)
		packets += yg_counter_get(&stats->worker[i].c[YG_WC_RECEIVED]);
	yg_counter_set(&stats->packets_total, packets);
	if (!yg_counter_get(&stats->first_ns))
		yg_counter_set(&stats->first_ns, (uint64_t)live->real_start);
	yg_counter_set(&stats->last_ns, (uint64_t)time_of(live, rte_rdtsc()).ns);
	yg_counter_set(&stats->batch, 1);
}

// Sleeps; a new configuration wakes it, and is seen through meanwhile.
static void nap(struct live *live, int64_t ms)
{
	struct yg_reload_box *box = live->o.reload;
	uint64_t end = rte_rdtsc() + live->hz / 1000 * (uint64_t)ms;
	for (int64_t left = ms; left > 0 && !*live->o.stop; left = (int64_t)(end - rte_rdtsc()) / (int64_t)(live->hz / 1000)) {
		struct pollfd wake = {box->fd, POLLIN, 0};
		poll(&wake, 1, (int)(box->coming ? 1 : left));
		yg_reload_step(box);
	}
}

static void watch(struct live *live)
{
	struct yg_engine_stats *stats = live->o.stats;
	unsigned gone_ms = 0;
	while (!*live->o.stop && gone_ms < GONE_MS) {
		nap(live, WATCH_MS);
		yg_ethdev_stats(live->o.ports, stats);
		bool present = yg_ethdev_present(live->o.ports);
		if (present || !gone_ms)
			yg_counter_set(&stats->gone_ns, present ? 0 : (uint64_t)time_of(live, rte_rdtsc()).ns);
		gone_ms = present ? 0 : gone_ms + WATCH_MS;
		show_totals(live);
		yg_counter_add(&stats->main_beat, 1);
	}
}

static int start_lanes(struct live *live)
{
	unsigned lcore, index = 0;
	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (index == live->o.workers_count)
			break;
		int error = rte_eal_remote_launch(run_lane, live->lanes[index], lcore);
		if (error)
			return error;
		index++;
	}
	return index == live->o.workers_count ? 0 : -EINVAL;
}

int yg_live_run(const struct yg_live_options *options)
{
	struct live *live = calloc(1, sizeof *live);
	int error = live ? 0 : -ENOMEM;
	if (!live)
		return error;
	live->o = *options;
	live->decode.ipv4_checksum = yg_config_int(options->config, YG_O_DECODE_CHECKSUM);
	live->decode.domain_vlan = yg_config_int(options->config, YG_O_DECODE_DOMAIN) == 1;
	live->hz = rte_get_tsc_hz();
	live->ns_scale = (uint64_t)(((yg_u128)YG_NS_PER_S << 32) / live->hz);
	yg_counter_set(&options->stats->tsc_hz, live->hz);
	live->tsc_start = rte_rdtsc();
	live->real_start = timeline_now(options->stats);
	live->software = options->workers_count > 1 && yg_ethdev_software(options->ports);
	for (unsigned i = 0; i < options->workers_count && !error; i++) {
		for (unsigned p = options->workers[i]->partition_first; p < options->workers[i]->partition_end; p++)
			live->owner[p] = (uint8_t)i;
		live->lanes[i] = make_lane(live, i);
		error = live->lanes[i] ? 0 : -ENOMEM;
	}
	if (!error)
		error = start_lanes(live);
	if (!error)
		yg_ethdev_stats(options->ports, options->stats);
	if (!error && options->started)
		options->started(options->context);
	if (!error)
		watch(live);
	bool gone = !error && !*options->stop;
	atomic_store_explicit(&live->stop, true, memory_order_relaxed);
	rte_eal_mp_wait_lcore();
	yg_ethdev_stats(options->ports, options->stats);
	show_totals(live);
	for (unsigned i = 0; i < options->workers_count; i++)
		free_lane(live->lanes[i]);
	free(live);
	return error ? error : gone ? -ENODEV : 0;
}
