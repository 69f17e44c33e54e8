// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a packet costs a worker, in cycles of the time stamp counter, by stage: the code that a live run sends its bursts through,
// without a port. Frames lie in memory as a generator would send them; the rings towards aggregator and dissector are emptied in
// between, uncounted.
// The figures are of windows of 16,384 packets, some milliseconds each: the fiftieth part of them that went fastest, and the median,
// because the machine does other things too.
//
//   bench_worker [-p million packets] [-s speed of packet time] [-r packets of a second] [pattern …]   patterns: see the table at the end
//
// With -r packet time goes by packets and not by the clock, so that the work is the same in every run, whatever else the machine does: for
// counting instructions.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <x86intrin.h>

#include "base/bytes.h"
#include "base/shm.h"
#include "engine/burst.h"

enum {
	FRAME = 64, CAPLEN = 60, WINDOW = 16384 / YG_BURST, WINDOWS_MAX = 1 << 16, BODIES = 40, PREFIXES = 200, MARKED = 1000, POLL_US = 100,
	RINGS = 4,
};

struct work {
	const char *name, *what;
	uint32_t flows, table;
	uint8_t kind;
	double goal; // cycles a packet
};

struct cost {
	double decode, process, other, all;
};

enum kind { ESTABLISHED, SYN, SYN_ANSWERED, NEW_UDP };

struct rig {
	struct yg_config config;
	uint64_t values[YG_O_COUNT];
	struct yg_org orgs[BODIES];
	struct yg_prefix prefixes[PREFIXES];
	struct yg_flow_table *table;
	struct yg_worker_stats *stats;
	struct yg_event_rings out, in;
	struct yg_ring to, from, requests, answers;
	struct yg_decode_options decode;
	struct yg_burst burst;
	struct yg_worker *worker;
	uint64_t tsc_start, next_poll, hz, batch, second_packets;
	int64_t second, real_start;
	uint64_t cycles_decode, cycles_process, cycles_other, worst_second, worst_poll;
	// of the window at hand, and of all
	unsigned bursts;
	struct cost *costs;
	uint32_t costs_count;
};

static double speed = 1; // how fast packet time runs
static uint64_t rate;    // packets of a second of packet time; 0: by the clock

static void seconds(struct rig *rig, enum yg_option_id id, double value)
{
	memcpy(&rig->values[id], &value, sizeof value);
}

static void configure(struct rig *rig)
{
	for (unsigned i = 0; i < BODIES; i++)
		rig->orgs[i] = (struct yg_org){.parent = YG_ORG_NONE, .line_bps = 1000000000};
	for (unsigned i = 0; i < PREFIXES; i++)
		rig->prefixes[i] = (struct yg_prefix){.addr = {{10, (uint8_t)(i / 8 * 4), (uint8_t)(i % 8 * 32)}}, .af = 4, .length = 20,
						      .zone = YG_ZONE_INTERNET, .org = (uint16_t)(i % BODIES), .cover = 0xffff};
	rig->config = (struct yg_config){.values = rig->values, .orgs = rig->orgs, .prefixes = rig->prefixes,
					 .orgs_count = BODIES, .prefixes_count = PREFIXES};
	rig->values[YG_O_RATES_HOSTS] = 262144;
	rig->values[YG_O_RATES_KEEP] = 1024;
	rig->values[YG_O_FLOW_ADMISSION] = 16384;
	rig->values[YG_O_DISSECTOR_PACKETS] = 16;
	rig->values[YG_O_DISSECTOR_BYTES] = 24576;
	seconds(rig, YG_O_FLOW_UPDATE, 60);
}

static void ring(struct yg_ring *producer, struct yg_ring *consumer, uint32_t slot, uint32_t count)
{
	size_t size = yg_ring_bytes(slot, count);
	void *memory = yg_memory_reserve(size);
	if (!memory || yg_ring_format(memory, size, slot, count) || yg_ring_attach(producer, memory, size, slot, true) ||
	    yg_ring_attach(consumer, memory, size, slot, false))
		abort();
}

static uint64_t tsc_hz(void)
{
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	uint64_t tsc = __rdtsc();
	const struct timespec nap = {0, 50000000};
	nanosleep(&nap, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	return (uint64_t)((double)(__rdtsc() - tsc) / s);
}

static struct rig *start(const struct work *work)
{
	struct rig *rig = aligned_alloc(64, (sizeof *rig + 63) / 64 * 64);
	if (!rig)
		abort();
	memset(rig, 0, sizeof *rig);
	configure(rig);
	struct yg_flow_table_options table = {.slots = work->table, .key = yg_hash_key_replay,
					      .idle_ns = {5 * YG_NS_PER_S, 60 * YG_NS_PER_S, 120 * YG_NS_PER_S, 300 * YG_NS_PER_S},
					      .resident = true};
	rig->table = yg_flow_table_create(&table);
	rig->stats = aligned_alloc(64, sizeof *rig->stats);
	if (!rig->table || !rig->stats)
		abort();
	memset(rig->stats, 0, sizeof *rig->stats);
	ring(&rig->out.events, &rig->in.events, sizeof(struct yg_event), YG_EVENT_SLOTS);
	ring(&rig->out.rates, &rig->in.rates, sizeof(struct yg_rate_delta), YG_RATE_SLOTS);
	ring(&rig->out.sample, &rig->in.sample, sizeof(struct yg_sample), YG_SAMPLE_SLOTS);
	ring(&rig->to, &rig->requests, sizeof(struct yg_ds_request), 4096);
	ring(&rig->answers, &rig->from, sizeof(struct yg_ds_answer), 4096);
	struct yg_worker_options options = {
		.config = &rig->config, .table = rig->table, .stats = rig->stats, .workers = 1, .records_wanted = true,
		.needs = YG_NEEDS_FLOW | YG_NEEDS_CONTACT | YG_NEEDS_DNS | YG_NEEDS_TLS | YG_NEEDS_HTTP | YG_NEEDS_WINDOW,
		.to_dissector = &rig->to, .from_dissector = &rig->from, .out = &rig->out, .key = yg_hash_key_replay,
	};
	rig->worker = yg_worker_create(&options);
	if (!rig->worker)
		abort();
	rig->burst.decode = &rig->decode;
	rig->burst.table = rig->table;
	rig->burst.worker = rig->worker;
	rig->burst.stats = rig->stats;
	rig->burst.run = (struct yg_flow_run){0, YG_PARTITIONS};
	rig->costs = calloc(WINDOWS_MAX, sizeof *rig->costs);
	if (!rig->costs)
		abort();
	rig->hz = rate ? UINT64_C(2600000000) : tsc_hz();
	rig->tsc_start = __rdtsc();
	rig->real_start = INT64_C(1800000000) * YG_NS_PER_S;
	return rig;
}

// ---- frames ----

static uint32_t scramble(uint32_t n) // a permutation of 32 bits
{
	n ^= n >> 16;
	n *= UINT32_C(0x7feb352d);
	n ^= n >> 15;
	n *= UINT32_C(0x846ca68b);
	return n ^ n >> 16;
}

struct shape {
	uint32_t outside, inside;
	uint16_t port, service;
	uint8_t proto, flags, payload;
	bool back;
};

static void write_frame(uint8_t *f, const struct shape *s)
{
	memset(f, 0, FRAME);
	f[12] = 8;
	f[14] = 0x45;
	f[22] = 64;
	f[23] = s->proto;
	uint32_t header = s->proto == 6 ? 20 : 8;
	yg_store16(f + 16, (uint16_t)(20 + header + s->payload));
	yg_store32(f + (s->back ? 30 : 26), s->outside);
	yg_store32(f + (s->back ? 26 : 30), s->inside);
	yg_store16(f + (s->back ? 36 : 34), s->port);
	yg_store16(f + (s->back ? 34 : 36), s->service);
	if (s->proto == 6) {
		f[46] = 0x50;
		f[47] = s->flags;
		yg_store16(f + 48, 512); // a window that is shut is looked at more closely
	} else {
		yg_store16(f + 38, (uint16_t)(8 + s->payload));
	}
}

// Flow n of a pattern: a client outside, a server inside; those of a flood all go to one server.
static struct shape shape_of(enum kind kind, uint32_t n)
{
	uint32_t r = scramble(n + 1);
	struct shape s = {.outside = (r & 0x3fffffff) | 0x40000000, .inside = UINT32_C(0x0a000000) | (n % 25) << 18 | (n / 25 % 2048),
			  .port = (uint16_t)(1024 + n % 60000), .service = 443, .proto = 6, .flags = YG_TCP_SYN};
	if (kind == SYN || kind == SYN_ANSWERED)
		s.inside = UINT32_C(0x0a000050);
	if (kind == NEW_UDP) {
		s.proto = 17;
		s.payload = 18;
		s.service = 40000;
		s.inside = UINT32_C(0x0a000000) + (r & 0x3fff);
		s.outside = UINT32_C(0xc6120000) + (r >> 14 & 0x3fff);
		s.port = (uint16_t)(1024 + (r >> 28) + ((n >> 4) & 0x7fff));
		s.back = true;
	}
	return s;
}

static uint32_t make_frames(const struct work *work, unsigned step, uint8_t **ret_frames)
{
	bool twice = work->kind == SYN_ANSWERED;
	uint32_t n = work->flows * (twice ? 2 : 1);
	uint8_t *frames = aligned_alloc(4096, (size_t)n * FRAME);
	if (!frames)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		uint32_t flow = twice ? i / 2 : i;
		struct shape s = shape_of(work->kind, flow);
		if (twice && i % 2) {
			s.back = true;
			s.flags = YG_TCP_SYN | YG_TCP_ACK;
		}
		if (work->kind == ESTABLISHED) { // SYN, SYN-ACK, ACK, then data from one side or the other
			static const uint8_t flags[] = {YG_TCP_SYN, YG_TCP_SYN | YG_TCP_ACK, YG_TCP_ACK, YG_TCP_ACK | YG_TCP_PSH};
			s.flags = flags[step];
			s.back = step == 1 || (step == 3 && flow % 2);
			s.payload = step == 3 ? 6 : 0;
		}
		write_frame(frames + (size_t)i * FRAME, &s);
	}
	*ret_frames = frames;
	return n;
}

// ---- the loop ----

static struct yg_time time_of(const struct rig *rig, uint64_t tsc)
{
	return yg_time_ns(rig->real_start + (int64_t)((double)(tsc - rig->tsc_start) * speed * 1e9 / (double)rig->hz));
}

static void skip_all(struct yg_ring *ring)
{
	yg_ring_pop(ring, yg_ring_available(ring));
	yg_ring_release(ring);
}

static void drain(struct rig *rig)
{
	skip_all(&rig->in.events);
	skip_all(&rig->in.rates);
	skip_all(&rig->in.sample);
	skip_all(&rig->requests);
}

static void begin_second(struct rig *rig, struct yg_time now)
{
	rig->second = yg_time_second(now);
	struct yg_batch_mark mark = {.batch = ++rig->batch, .time_ns = now.ns, .second = rig->second,
				     .sample_every = (uint32_t)(rig->second_packets / 65536) + 1};
	rig->second_packets = 0;
	uint64_t before = __rdtsc();
	yg_worker_begin(rig->worker, &mark);
	yg_worker_expire(rig->worker, rig->burst.number + 1);
	uint64_t cycles = __rdtsc() - before;
	rig->cycles_other += cycles;
	if (cycles > rig->worst_second)
		rig->worst_second = cycles;
}

static void poll(struct rig *rig, uint64_t tsc, struct yg_time now)
{
	rig->next_poll = tsc + rig->hz / 1000000 * POLL_US;
	uint64_t before = __rdtsc();
	yg_worker_poll(rig->worker, now);
	uint64_t cycles = __rdtsc() - before;
	rig->cycles_other += cycles;
	if (cycles > rig->worst_poll)
		rig->worst_poll = cycles;
	drain(rig);
}

static void end_window(struct rig *rig)
{
	double n = WINDOW * YG_BURST;
	struct cost c = {(double)rig->cycles_decode / n, (double)rig->cycles_process / n, (double)rig->cycles_other / n, 0};
	c.all = c.decode + c.process + c.other;
	if (rig->costs_count < WINDOWS_MAX)
		rig->costs[rig->costs_count++] = c;
	rig->cycles_decode = rig->cycles_process = rig->cycles_other = rig->bursts = 0;
}

static void lap(struct rig *rig, const uint8_t *frames, uint32_t n)
{
	struct yg_burst_frame burst[YG_BURST];
	static uint8_t arrived[YG_BURST][128] __attribute__((aligned(64)));
	for (uint32_t at = 0; at < n; at += YG_BURST) {
		unsigned count = n - at < YG_BURST ? n - at : YG_BURST;
		for (unsigned i = 0; i < count; i++) {
			memcpy(arrived[i], frames + (size_t)(at + i) * FRAME, FRAME); // a card writes into the cache, net_pcap copies
			burst[i] = (struct yg_burst_frame){arrived[i], CAPLEN, CAPLEN};
		}
		uint64_t tsc = rate ? rig->tsc_start + rig->burst.number * rig->hz / rate : __rdtsc();
		struct yg_time now = time_of(rig, tsc);
		if (yg_time_second(now) != rig->second)
			begin_second(rig, now);
		uint64_t a = __rdtsc();
		yg_burst_decode(&rig->burst, burst, count, now);
		uint64_t b = __rdtsc();
		yg_burst_process(&rig->burst, count);
		uint64_t c = __rdtsc();
		rig->cycles_decode += b - a;
		rig->cycles_process += c - b;
		rig->second_packets += count;
		if (tsc >= rig->next_poll)
			poll(rig, tsc, now);
		if (++rig->bursts == WINDOW)
			end_window(rig);
	}
}

static int by_all(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;
	return x->all < y->all ? -1 : x->all > y->all;
}

static uint64_t counted(const struct rig *rig, enum yg_worker_counter counter)
{
	return yg_counter_get(&rig->stats->c[counter]);
}

static long rss_kib(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void print(const struct work *work, const struct rig *rig, double hits, double created, double evicted)
{
	const struct cost *least = &rig->costs[rig->costs_count / 50], *median = &rig->costs[rig->costs_count / 2];
	double us = 1e6 / (double)rig->hz;
	printf("%-10s %9.0f %9.0f %9.0f %9.0f %9.0f %8.0f %6.2f %6.2f %6.2f %9.0f %9.0f %8ld\n", work->name, least->all, median->all,
	       least->decode, least->process, least->other, work->goal, hits, created, evicted, (double)rig->worst_second * us,
	       (double)rig->worst_poll * us,
	       rss_kib());
	fflush(stdout);
}

static void run(const struct work *work, double packets_wanted)
{
	struct rig *rig = start(work);
	uint8_t *frames;
	uint32_t n = 0;
	for (unsigned step = 0; step < (work->kind == ESTABLISHED ? 3 : 0); step++) {
		n = make_frames(work, step, &frames);
		lap(rig, frames, n);
		free(frames);
	}
	n = make_frames(work, 3, &frames);
	int64_t began = rig->second;
	for (unsigned i = 0; i < (work->kind == ESTABLISHED ? 17 : 1) || rig->second < began + 2; i++)
		lap(rig, frames, n); // what the dissector reads of a flow is over, and what goes by the second before has seen one
	rig->worst_second = rig->worst_poll = rig->costs_count = 0;
	uint64_t hits = counted(rig, YG_WC_FLOW_HITS), created = counted(rig, YG_WC_FLOW_CREATED), evicted = counted(rig, YG_WC_FLOW_EVICTED);
	double packets = 0;
	for (; packets < packets_wanted; packets += n)
		lap(rig, frames, n);
	qsort(rig->costs, rig->costs_count, sizeof *rig->costs, by_all);
	print(work, rig, (double)(counted(rig, YG_WC_FLOW_HITS) - hits) / packets, (double)(counted(rig, YG_WC_FLOW_CREATED) - created) / packets,
	      (double)(counted(rig, YG_WC_FLOW_EVICTED) - evicted) / packets);
	free(frames);
	yg_worker_destroy(rig->worker);
	yg_flow_table_destroy(rig->table);
	free(rig->costs);
	free(rig->stats);
	free(rig);
}

static const struct work works[] = {
	{"p1", "32,768 established flows", 32768, 1 << 20, ESTABLISHED, 160},
	{"p2", "1,000,000 spoofed SYN", 1000000, 1 << 20, SYN, 205},
	{"p2a", "each answered by a SYN-ACK", 1000000, 1 << 20, SYN_ANSWERED, 205},
	{"p3", "every packet a new flow", 2097152, 1 << 20, NEW_UDP, 270},
	{"p5-10k", "established", 10000, 1 << 23, ESTABLISHED, 0},
	{"p5-100k", "established", 100000, 1 << 23, ESTABLISHED, 0},
	{"p5-1m", "established", 1000000, 1 << 23, ESTABLISHED, 0},
	{"p5-4m", "established", 4000000, 1 << 23, ESTABLISHED, 0},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
	bool wanted = optind == argc;
	for (int i = optind; i < argc; i++)
		wanted |= strcmp(argv[i], name) == 0;
	return wanted;
}

int main(int argc, char **argv)
{
	double packets = 8;
	for (int c; (c = getopt(argc, argv, "p:s:r:")) != -1;) {
		if (c == 'p')
			packets = strtod(optarg, NULL);
		else if (c == 's')
			speed = strtod(optarg, NULL);
		else if (c == 'r')
			rate = strtoull(optarg, NULL, 10);
		else
			return 64;
	}
	printf("%-10s %9s %9s %9s %9s %9s %8s %6s %6s %6s %9s %9s %8s\n", "pattern", "cycles", "median", "decode", "process", "other", "goal",
	       "hits", "new", "evict", "second us", "poll us", "rss KiB");
	for (size_t i = 0; i < sizeof works / sizeof *works; i++)
		if (is_wanted(works[i].name, argc, argv))
			run(&works[i], packets * 1e6);
	return 0;
}
