// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker with real rings on all sides, in one thread: packets are built and decoded, the aggregator's ends are emptied after each
// batch, and the dissector's ends are in the hands of the test. For test_worker.c and fuzz_answers.c.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/shm.h"
#include "engine/decode.h"
#include "engine/worker.h"
#include "hand_config.h"

enum { RIG_EVENTS = 8192, RIG_REQUESTS = 2048, RIG_ANSWERS = 4096, RIG_SLOTS = 1024 };

struct rig {
	struct hand_config hand;
	struct yg_flow_table *table;
	struct yg_worker *worker;
	struct yg_worker_stats *stats;
	struct yg_event_rings out, in;
	struct yg_ring to, from;       // the worker's ends
	struct yg_ring requests, answers; // the dissector's ends
	void *memory[5];
	size_t size[5];
	uint64_t number, batch;
	int64_t now;
	// what has come out
	void (*event)(struct rig *rig, const struct yg_event *event);
	void (*delta)(struct rig *rig, const struct yg_rate_delta *delta);
	void (*sample)(struct rig *rig, const struct yg_sample *sample);
	void (*dissect)(struct rig *rig); // after each batch
	uint64_t sampled;
	void *test;
};

static inline void rig_ring(struct rig *rig, unsigned i, struct yg_ring *producer, struct yg_ring *consumer, uint32_t slot, uint32_t count)
{
	rig->size[i] = yg_ring_bytes(slot, count);
	rig->memory[i] = yg_memory_reserve(rig->size[i]);
	if (!rig->memory[i] || yg_ring_format(rig->memory[i], rig->size[i], slot, count) ||
	    yg_ring_attach(producer, rig->memory[i], rig->size[i], slot, true) ||
	    yg_ring_attach(consumer, rig->memory[i], rig->size[i], slot, false))
		abort();
}

struct rig_options {
	bool live, no_dissector;
	unsigned index, workers;
	uint32_t requests; // slots towards the dissector, 0: enough
};

// With one option of the configuration that is not as hand_config.h has it; YG_O_COUNT: none.
static inline void rig_start_with(struct rig *rig, const struct rig_options *o, enum yg_option_id option, uint64_t value)
{
	hand_config_init(&rig->hand);
	if (option < YG_O_COUNT)
		rig->hand.values[option] = value;
	struct yg_flow_table_options table = {.slots = RIG_SLOTS, .key = yg_hash_key_replay, .resident = o->live,
					      .idle_ns = {5 * YG_NS_PER_S, 60 * YG_NS_PER_S, 120 * YG_NS_PER_S, 300 * YG_NS_PER_S}};
	rig->table = yg_flow_table_create(&table);
	rig->stats = aligned_alloc(64, sizeof *rig->stats);
	if (!rig->stats || !rig->table)
		abort();
	memset(rig->stats, 0, sizeof *rig->stats);
	rig_ring(rig, 0, &rig->out.events, &rig->in.events, sizeof(struct yg_event), RIG_EVENTS);
	rig_ring(rig, 1, &rig->out.rates, &rig->in.rates, sizeof(struct yg_rate_delta), RIG_EVENTS);
	rig_ring(rig, 2, &rig->out.sample, &rig->in.sample, sizeof(struct yg_sample), RIG_EVENTS);
	rig_ring(rig, 3, &rig->to, &rig->requests, sizeof(struct yg_ds_request), o->requests ? o->requests : RIG_REQUESTS);
	rig_ring(rig, 4, &rig->answers, &rig->from, sizeof(struct yg_ds_answer), RIG_ANSWERS);
	struct yg_worker_options options = {
		.config = &rig->hand.config,
		.table = rig->table,
		.stats = rig->stats,
		.index = o->index,
		.workers = o->workers ? o->workers : 1,
		.replay = !o->live,
		.records_wanted = true,
		.needs = YG_NEEDS_FLOW | YG_NEEDS_CONTACT | YG_NEEDS_DNS | YG_NEEDS_TLS | YG_NEEDS_HTTP,
		.to_dissector = o->no_dissector ? NULL : &rig->to,
		.from_dissector = o->no_dissector ? NULL : &rig->from,
		.out = &rig->out,
		.key = yg_hash_key_replay,
	};
	rig->worker = yg_worker_create(&options);
	if (!rig->worker)
		abort();
	rig->now = INT64_C(1800000000) * YG_NS_PER_S;
}

static inline void rig_start(struct rig *rig, const struct rig_options *o)
{
	rig_start_with(rig, o, YG_O_COUNT, 0);
}

static inline void rig_stop(struct rig *rig)
{
	yg_worker_destroy(rig->worker);
	yg_flow_table_destroy(rig->table);
	for (unsigned i = 0; i < 5; i++)
		yg_memory_release(rig->memory[i], rig->size[i]);
	free(rig->stats);
}

static inline uint64_t rig_count(const struct rig *rig, enum yg_worker_counter counter)
{
	yg_worker_count_shown(rig->worker); // a burst or batch shows them at its end
	return yg_counter_get(&rig->stats->c[counter]);
}

static inline void rig_drain(struct rig *rig)
{
	while (yg_ring_available(&rig->in.events)) {
		struct yg_event *event = yg_ring_slot(&rig->in.events, rig->in.events.own);
		if (rig->event)
			rig->event(rig, event);
		yg_ring_pop(&rig->in.events, 1);
	}
	while (yg_ring_available(&rig->in.rates)) {
		if (rig->delta)
			rig->delta(rig, yg_ring_slot(&rig->in.rates, rig->in.rates.own));
		yg_ring_pop(&rig->in.rates, 1);
	}
	for (uint32_t n = yg_ring_available(&rig->in.sample); n; n = yg_ring_available(&rig->in.sample)) {
		for (uint32_t i = 0; i < n && rig->sample; i++)
			rig->sample(rig, yg_ring_slot(&rig->in.sample, rig->in.sample.own + i));
		rig->sampled += n;
		yg_ring_pop(&rig->in.sample, n);
	}
	yg_ring_release(&rig->in.events);
	yg_ring_release(&rig->in.rates);
	yg_ring_release(&rig->in.sample);
}

static inline void rig_begin(struct rig *rig)
{
	rig->batch++;
	const struct yg_batch_mark mark = {.batch = rig->batch,
	                                   .answered = rig->batch > 2 ? rig->batch - 2 : 0,
	                                   .time_ns = rig->now,
	                                   .second = yg_time_second(yg_time_ns(rig->now)),
	                                   .sample_every = 1};
	yg_worker_begin(rig->worker, &mark);
	yg_worker_expire(rig->worker, rig->number + 1);
}

static inline void rig_end(struct rig *rig, bool last)
{
	yg_worker_end(rig->worker, last);
	rig_drain(rig);
	if (rig->dissect)
		rig->dissect(rig);
}

// The end of input as replay.c does it.
static inline void rig_finish(struct rig *rig)
{
	for (unsigned partition = 0; partition < YG_PARTITIONS + 2; partition++) {
		rig_begin(rig);
		if (partition < YG_PARTITIONS)
			yg_worker_flush(rig->worker, partition, YG_END_EOF, (rig->number + 1) << 1);
		rig_end(rig, partition == YG_PARTITIONS + 1);
	}
}

struct rig_packet {
	struct yg_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto, flags;  // ICMP: type in sport, code in dport
	uint16_t payload;      // bytes of it
	bool shut;             // TCP: a window of zero
	const struct rig_packet *about; // ICMP: the packet that it quotes
};

static inline uint32_t rig_write(const struct rig_packet *p, uint8_t *ip)
{
	uint8_t *l4 = ip + 20;
	uint32_t header = p->proto == 6 ? 20 : 8, body = p->payload;
	memset(ip, 0, 40);
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = p->proto;
	memcpy(ip + 12, p->src.b, 4);
	memcpy(ip + 16, p->dst.b, 4);
	if (p->proto == 1) {
		l4[0] = (uint8_t)p->sport;
		l4[1] = (uint8_t)p->dport;
		if (p->about)
			body = rig_write(p->about, l4 + 8);
	} else {
		yg_store16(l4, p->sport);
		yg_store16(l4 + 2, p->dport);
	}
	if (p->proto == 6) {
		l4[12] = 0x50;
		l4[13] = p->flags;
		l4[14] = p->shut ? 0 : 0x20;
	} else if (p->proto == 17) {
		yg_store16(l4 + 4, (uint16_t)(8 + body));
	}
	if (!p->about)
		memset(l4 + header, 'x', body);
	yg_store16(ip + 2, (uint16_t)(20 + header + body));
	return 20 + header + body;
}

// Decodes and hands over as the replay does. False when the packet is another worker's.
static inline bool rig_send(struct rig *rig, const struct rig_packet *packet)
{
	static const struct yg_decode_options plain = {0};
	static const struct yg_flow_run all = {0, YG_PARTITIONS};
	static uint8_t bytes[65536];
	struct yg_packet p = {0};
	uint32_t length = rig_write(packet, bytes);
	yg_decode(&plain, YG_LINK_RAW, bytes, length, length, &p.view);
	p.view.time = yg_time_ns(rig->now);
	p.view.number = ++rig->number;
	yg_packet_place(rig->table, &all, &p);
	if (p.partition < rig->worker->partition_first || p.partition >= rig->worker->partition_end)
		return false;
	yg_worker_packet(rig->worker, &p);
	return true;
}
