// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See burst.h. What is counted of every packet of the common kind is counted once a burst.
#include "engine/burst.h"

// Entries are asked for all at once: a burst is not much more than a processor waits for at a time. Records, which can be asked for only
// when their entries are there, this many packets ahead.
enum { NEST_MAX = 4, RECORD_AHEAD = 8 };

static void count(struct yg_burst *b, enum yg_worker_counter counter)
{
	yg_counter_add(&b->stats->c[counter], 1);
}

void yg_burst_decode(struct yg_burst *b, const struct yg_burst_frame *frames, unsigned n, struct yg_time now)
{
	b->now = now;
	for (unsigned i = 0; i < n; i++) {
		const struct yg_burst_frame *f = &frames[i];
		struct yg_packet *p = &b->packets[i];
		p->counted = false;
		p->folded = yg_plain_take(b->decode, f->data, f->caplen, f->wirelen, &p->plain);
		if (p->folded) {
			p->decoded = true;
			p->sender = (uint8_t)yg_flow_place_plain(b->table, &b->run, &p->plain, &p->key, &p->hash);
			p->partition = p->hash.partition;
			continue;
		}
		yg_decode_general(b->decode, YG_LINK_ETHERNET, f->data, f->caplen, f->wirelen, &p->view);
		p->view.time = now;
		yg_packet_place(b->table, &b->run, p);
	}
}

static void count_decoded(struct yg_burst *b, const struct yg_view *v)
{
	yg_counter_add(&b->stats->decode_end[v->end], 1);
	for (unsigned i = 0; i < v->layer_count; i++)
		yg_counter_add(&b->stats->layer[v->layers[i]], 1);
}

static void count_plain(struct yg_burst *b, unsigned kind, unsigned times)
{
	yg_counter_add(&b->stats->decode_end[YG_DECODE_DECODED], times);
	for (unsigned i = 0; i < (kind & YG_PLAIN_TAGGED ? 4u : 3u); i++)
		yg_counter_add(&b->stats->layer[yg_plain_layers[kind][i]], times);
}

// A fragment goes to reassembly; what it completes is a packet of its own, which may be a fragment again.
static void put_together(struct yg_burst *b, struct yg_packet *fragment)
{
	struct yg_packet *p = fragment;
	for (unsigned nest = 0; p->view.end == YG_DECODE_FRAGMENT; nest++) {
		const uint8_t *data;
		enum yg_decode_end end = YG_DECODE_FRAGMENT;
		unsigned flags = 0;
		uint32_t length = nest < NEST_MAX ? yg_reassembly_add(b->reassembly, &p->view, &data, &end, &flags) : 0;
		if (nest == NEST_MAX)
			count(b, YG_WC_RA_NESTED);
		p->view.end = (uint8_t)(length ? YG_DECODE_FRAGMENT : end);
		count_decoded(b, &p->view);
		yg_worker_packet(b->worker, p);
		if (!length)
			return;
		count(b, YG_WC_REASSEMBLED);
		struct yg_view outer = p->view;
		p = &b->whole;
		yg_decode_reassembled(b->decode, &outer, data, length, &p->view);
		p->view.time = outer.time;
		p->view.number = outer.number;
		p->view.flags |= YG_VIEW_REASSEMBLED;
		p->counted = true;
		yg_packet_place(b->table, &b->run, p);
	}
	count_decoded(b, &p->view);
	yg_worker_packet(b->worker, p);
}

static inline void fetch_entry(struct yg_burst *b, unsigned i, uint16_t stamp)
{
	struct yg_packet *p = &b->packets[i];
	if (p->decoded)
		yg_flow_prefetch_either(b->table, &p->hash, stamp);
}

// Its record, or of a flow that begins what its ends are counted to.
static inline void fetch_record(struct yg_burst *b, unsigned i)
{
	enum { EITHER = 3 };
	struct yg_packet *p = &b->packets[i];
	if (!p->decoded)
		return;
	if (p->hash.guess == YG_NO_RECORD) {
		p->ours = yg_worker_prefetch_new(b->worker, &p->key);
		return;
	}
	p->ours = EITHER;
	yg_flow_prefetch_record(b->table, &p->hash);
}

void yg_burst_process(struct yg_burst *b, unsigned n)
{
	unsigned plain[YG_PLAIN_KINDS] = {0};
	uint64_t bytes = 0;
	uint16_t stamp = yg_flow_stamp(b->table, b->now);
	for (unsigned i = 0; i < n; i++)
		fetch_entry(b, i, stamp);
	for (unsigned i = 0; i < n && i < RECORD_AHEAD; i++)
		fetch_record(b, i);
	for (unsigned i = 0; i < n; i++) {
		struct yg_packet *p = &b->packets[i];
		if (i + RECORD_AHEAD < n)
			fetch_record(b, i + RECORD_AHEAD);
		b->number++;
		if (p->folded) {
			plain[p->plain.kind]++;
			bytes += p->plain.wirelen;
			yg_worker_folded(b->worker, p, b->now, b->number);
			continue;
		}
		p->view.number = b->number;
		bytes += p->view.wirelen;
		if (p->view.end == YG_DECODE_FRAGMENT) {
			put_together(b, p);
			continue;
		}
		count_decoded(b, &p->view);
		yg_worker_packet(b->worker, p);
	}
	for (unsigned kind = 0; kind < YG_PLAIN_KINDS; kind++)
		if (plain[kind])
			count_plain(b, kind, plain[kind]);
	yg_worker_count_shown(b->worker);
	yg_counter_add(&b->stats->c[YG_WC_RECEIVED], n);
	yg_counter_add(&b->stats->c[YG_WC_WIRE_BYTES], bytes);
}
