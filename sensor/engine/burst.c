// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See burst.h. What is counted of every packet is counted once a burst.
#include "engine/burst.h"

#include <string.h>

enum { NEST_MAX = 4, RECORD_AHEAD = 4 };

static void count(struct yg_burst *b, enum yg_worker_counter counter)
{
	yg_counter_add(&b->stats->c[counter], 1);
}

void yg_burst_decode(struct yg_burst *b, const struct yg_burst_frame *frames, unsigned n, struct yg_time now)
{
	for (unsigned i = 0; i < n; i++) {
		struct yg_packet *p = &b->packets[i];
		yg_decode(b->decode, YG_LINK_ETHERNET, frames[i].data, frames[i].caplen, frames[i].wirelen, &p->view);
		p->view.time = now;
		p->counted = false;
		yg_packet_place(b->table, &b->run, p);
	}
}

static void count_decoded_times(struct yg_burst *b, const struct yg_view *v, unsigned times)
{
	yg_counter_add(&b->stats->decode_end[v->end], times);
	for (unsigned i = 0; i < v->layer_count; i++)
		yg_counter_add(&b->stats->layer[v->layers[i]], times);
}

static void count_decoded(struct yg_burst *b, const struct yg_view *v)
{
	count_decoded_times(b, v, 1);
}

// Neighbours are mostly alike in how they are wrapped: a run of them is counted at once.
struct alike {
	const struct yg_view *view;
	unsigned times;
};

static void count_run(struct yg_burst *b, struct alike *run, const struct yg_view *v)
{
	if (run->times && v->end == run->view->end && v->layer_count == run->view->layer_count &&
	    memcmp(v->layers, run->view->layers, sizeof v->layers) == 0) {
		run->times++;
		return;
	}
	if (run->times)
		count_decoded_times(b, run->view, run->times);
	*run = (struct alike){v, 1};
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

void yg_burst_process(struct yg_burst *b, unsigned n)
{
	struct alike run = {0};
	uint64_t bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		struct yg_packet *p = &b->packets[i];
		if (!p->decoded)
			continue;
		yg_flow_prefetch_entry(b->table, &p->hash);
		if (p->hash.guess == YG_NO_RECORD)
			yg_flow_prefetch_place(b->table, &p->hash, p->view.time);
	}
	for (unsigned i = 0; i < n; i++) {
		struct yg_packet *p = &b->packets[i];
		if (i + RECORD_AHEAD < n && b->packets[i + RECORD_AHEAD].decoded)
			yg_flow_prefetch_record(b->table, &b->packets[i + RECORD_AHEAD].hash);
		p->view.number = ++b->number;
		bytes += p->view.wirelen;
		if (p->view.end == YG_DECODE_FRAGMENT) {
			put_together(b, p);
			continue;
		}
		count_run(b, &run, &p->view);
		yg_worker_packet(b->worker, p);
	}
	if (run.times)
		count_decoded_times(b, run.view, run.times);
	yg_counter_add(&b->stats->c[YG_WC_RECEIVED], n);
	yg_counter_add(&b->stats->c[YG_WC_WIRE_BYTES], bytes);
}
