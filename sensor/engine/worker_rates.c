// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a packet counts to. An embryonic packet adds straight to its target; a flow with a record gathers its second in the record,
// and adds it once when the second ends. Vectors are those of yagura/plugin.h.
#include "engine/worker.h"

#include <string.h>

#include "config/lookup.h"

static uint8_t tcp_vector_without_flow(uint8_t flags)
{
	uint8_t f = flags & (YG_TCP_FIN | YG_TCP_SYN | YG_TCP_RST | YG_TCP_PSH | YG_TCP_ACK | YG_TCP_URG);
	if ((f & (YG_TCP_SYN | YG_TCP_FIN)) == (YG_TCP_SYN | YG_TCP_FIN) || f == 0 ||
	    (f & (YG_TCP_FIN | YG_TCP_PSH | YG_TCP_URG)) == (YG_TCP_FIN | YG_TCP_PSH | YG_TCP_URG))
		return YG_VEC_NULL_XMAS;
	if (f & YG_TCP_RST)
		return YG_VEC_RST;
	if (f & YG_TCP_SYN)
		return f & YG_TCP_ACK ? YG_VEC_SYNACK : YG_VEC_SYN;
	return f & YG_TCP_FIN ? YG_VEC_FIN : YG_VEC_ACK;
}

uint8_t yg_worker_vector(const struct yg_view *v, const struct yg_flow_entry *e, const struct yg_flow_record *r, unsigned direction)
{
	// Towards an initiator whose own packet began the flow: it asked for this.
	if (direction == 1 && !(e->flags & YG_ENTRY_FIRST_REVERSE))
		return YG_VEC_DOWNLOAD;
	switch (v->proto) {
	case 6:
		if (r && r->rank > YG_RANK_EMBRYONIC)
			return YG_VEC_TCP_FLOW;
		// The client's ACK or data behind its own SYN belongs to the connection that it opens.
		if (e->flags & YG_ENTRY_SYN && !(v->tcp_flags & YG_TCP_SYN))
			return YG_VEC_TCP_FLOW;
		return tcp_vector_without_flow(v->tcp_flags);
	case 17:
		return YG_VEC_UDP;
	case 1:
	case 58:
		return YG_VEC_ICMP;
	default:
		return YG_VEC_OTHER;
	}
}

static void ends_of_record(const struct yg_worker *w, const struct yg_flow_key *key, bool initiator_1, const struct yg_flow_record *r,
			   struct yg_end ret_ends[2])
{
	for (unsigned i = 0; i < 2; i++) {
		const struct yg_prefix *prefix = r->prefix[i] ? &w->o.config->prefixes[r->prefix[i] - 1] : NULL;
		ret_ends[i] = (struct yg_end){
			.addr = key->addr[i != initiator_1],
			.prefix = r->prefix[i],
			.org = prefix ? prefix->org : YG_ORG_NONE,
			.af = key->af,
			.zone = prefix ? prefix->zone : YG_ZONE_NONE,
			.internal = prefix || w->o.config->all_internal,
		};
	}
}

bool yg_worker_count_now(struct yg_worker *w, const struct yg_view *v, uint32_t entry, unsigned direction, uint8_t vector, bool fresh)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	struct yg_end from, to;
	yg_end_resolve(w->o.config, v->af, &v->src, &from);
	yg_end_resolve(w->o.config, v->af, &v->dst, &to);
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	uint16_t port = v->proto == 6 || v->proto == 17 ? e->key.port[!initiator_1] : 0;
	struct yg_rate_add add = {.from = &from, .to = &to, .vector = vector, .proto = v->proto, .packets = 1, .flows = fresh,
				  .bytes = v->ip_bytes, .service_port = direction == 0 ? port : 0,
				  .answer_port = direction == 1 ? port : 0};
	yg_rates_add(w->rates, &add);
	return to.internal;
}

bool yg_worker_count_record(struct yg_worker *w, struct yg_flow_record *r, uint32_t record, unsigned direction, uint32_t bytes)
{
	int32_t second = (int32_t)(w->second - w->base_second) + 1;
	if (r->second != second) {
		r->second = second;
		w->touched[w->touched_count++ % w->touched_max] = record;
	}
	r->second_packets[direction]++;
	r->second_bytes[direction] += bytes;
	return r->prefix[!direction] || w->o.config->all_internal;
}

void yg_worker_record_flush(struct yg_worker *w, struct yg_flow_record *r, const struct yg_flow_key *key, bool initiator_1)
{
	struct yg_end ends[2];
	if (!r->second_packets[0] && !r->second_packets[1])
		return;
	ends_of_record(w, key, initiator_1, r, ends);
	uint16_t port = key->proto == 6 || key->proto == 17 ? key->port[!initiator_1] : 0;
	for (unsigned d = 0; d < 2; d++) {
		if (!r->second_packets[d])
			continue;
		struct yg_rate_add add = {.from = &ends[d], .to = &ends[!d], .vector = r->vector[d], .proto = key->proto,
					  .packets = r->second_packets[d], .bytes = r->second_bytes[d],
					  .service_port = d == 0 ? port : 0, .answer_port = d == 1 ? port : 0};
		yg_rates_add(w->rates, &add);
		r->second_packets[d] = r->second_bytes[d] = 0;
	}
}

void yg_worker_count_handshake(struct yg_worker *w, uint32_t entry)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	const struct yg_flow_record *r = yg_flow_record(w->o.table, e->record);
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	struct yg_end ends[2];
	ends_of_record(w, &e->key, initiator_1, r, ends);
	struct yg_rate_add add = {.from = &ends[0], .to = &ends[1], .vector = YG_VEC_TCP_FLOW, .proto = 6, .handshakes = 1,
				  .service_port = e->key.port[!initiator_1]};
	yg_rates_add(w->rates, &add);
}

void yg_worker_count_bare(struct yg_worker *w, const struct yg_view *v, uint8_t vector)
{
	struct yg_end from, to;
	yg_end_resolve(w->o.config, v->af, &v->src, &from);
	yg_end_resolve(w->o.config, v->af, &v->dst, &to);
	struct yg_rate_add add = {.from = &from, .to = &to, .vector = vector, .proto = v->proto, .packets = 1, .bytes = v->ip_bytes};
	yg_rates_add(w->rates, &add);
	yg_rates_link(w->rates, vector, to.internal, v->wirelen + 20);
}

static void emit_delta(void *context, const struct yg_rate_delta *delta)
{
	struct yg_worker *w = context;
	struct yg_ring *ring = &w->o.out->rates;
	if (w->o.replay)
		yg_worker_wait(w, ring, 1);
	if (!yg_ring_has_room(ring, 1)) { // live; sized for the worst second, see YG_RATE_SLOTS
		yg_counter_add(&w->o.stats->c[YG_WC_RATES_RING_FULL], 1);
		return;
	}
	*(struct yg_rate_delta *)yg_ring_slot(ring, ring->own) = *delta;
	yg_ring_push(ring, 1);
}

void yg_worker_second_end(struct yg_worker *w)
{
	for (uint32_t i = 0; i < w->touched_count && i < w->touched_max; i++) {
		struct yg_flow_record *r = yg_flow_record(w->o.table, w->touched[i]);
		if (r->entry == YG_NO_RECORD)
			continue; // ended in this second: counted then
		const struct yg_flow_entry *e = yg_flow_entry(w->o.table, r->entry);
		yg_worker_record_flush(w, r, &e->key, e->flags & YG_ENTRY_INITIATOR_1);
	}
	w->touched_count = 0;
	yg_rates_flush(w->rates, w->second, emit_delta, w);
	yg_counter_set(&w->o.stats->c[YG_WC_RATES_HOST_FULL], yg_rates_full(w->rates));
	yg_ring_publish(&w->o.out->rates);
}
