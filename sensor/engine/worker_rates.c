// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a packet counts to. What its flow's initiator sends, it pushes; fragments and packets that belong to no flow may be answers, and so
// count as such. An embryonic packet adds straight to its target; a flow with a record gathers its second in the record,
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
		if (r && yg_record_rank(r) > YG_RANK_EMBRYONIC)
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

static void ends_of(const struct yg_worker *w, const struct yg_flow_entry *e, struct yg_end ret_ends[2])
{
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	for (unsigned i = 0; i < 2; i++) {
		const struct yg_prefix *prefix = e->prefix[i] ? &w->o.config->prefixes[e->prefix[i] - 1] : NULL;
		ret_ends[i] = (struct yg_end){
			.addr = e->key.addr[i != initiator_1],
			.prefix = e->prefix[i],
			.org = prefix ? prefix->org : YG_ORG_NONE,
			.af = e->key.af,
			.zone = prefix ? prefix->zone : YG_ZONE_NONE,
			.internal = prefix || w->o.config->all_internal,
		};
	}
}

static uint16_t port_of(const struct yg_flow_entry *e)
{
	return e->key.proto == 6 || e->key.proto == 17 ? e->key.port[!(e->flags & YG_ENTRY_INITIATOR_1)] : 0;
}

void yg_worker_flow_ends(const struct yg_worker_rates *rates, const struct yg_worker *w, const struct yg_flow_entry *e,
			 struct yg_worker_flow_ends *ret)
{
	ends_of(w, e, ret->end);
	ret->proto = e->key.proto;
	ret->flags = e->flags;
	ret->port = port_of(e);
	yg_rates_place(rates, &ret->end[0], ret->proto, 0, &ret->at[0]);
	yg_rates_place(rates, &ret->end[1], ret->proto, ret->port, &ret->at[1]);
}

void yg_worker_flow_fetch(const struct yg_worker_rates *rates, const struct yg_worker_flow_ends *ends)
{
	yg_rates_fetch(rates, &ends->at[0], true);
	yg_rates_fetch(rates, &ends->at[1], false);
}

void yg_worker_add_flow(struct yg_worker_rates *rates, const struct yg_worker_flow_ends *ends, unsigned direction, uint32_t packets,
			uint64_t bytes)
{
	struct yg_rate_add add = {.from = &ends->end[direction], .to = &ends->end[!direction], .from_at = &ends->at[direction],
				  .to_at = &ends->at[!direction], .vector = yg_worker_settled_vector(ends->proto, ends->flags, direction),
				  .proto = ends->proto, .pushed = direction == 0, .packets = packets, .bytes = bytes,
				  .service_port = direction == 0 ? ends->port : 0, .answer_port = direction == 1 ? ends->port : 0};
	yg_rates_add(rates, &add);
}

static void count_packet(struct yg_worker *w, const struct yg_view *v, const struct yg_flow_entry *e, unsigned direction, uint8_t vector,
			 bool fresh, struct yg_rate_ends *ret)
{
	uint16_t port = port_of(e);
	const struct yg_rate_packet p = {.src = &v->src, .dst = &v->dst, .af = v->af, .proto = v->proto, .vector = vector, .fresh = fresh,
					 .pushed = direction == 0, .service_port = direction == 0 ? port : 0, .answer_port = direction == 1 ? port : 0,
					 .bytes = v->ip_bytes};
	yg_rates_packet(w->open.rates, &p, ret);
}

bool yg_worker_count_now(struct yg_worker *w, const struct yg_view *v, uint32_t entry, unsigned direction, uint8_t vector, bool fresh)
{
	struct yg_rate_ends ends;
	count_packet(w, v, yg_flow_entry(w->o.table, entry), direction, vector, fresh, &ends);
	if (fresh) {
		uint16_t responder = direction ? ends.from_org : ends.to_org, initiator = direction ? ends.to_org : ends.from_org;
		yg_flow_note(w->o.table, entry, responder != YG_ORG_NONE ? responder : initiator);
	}
	return ends.inward;
}

bool yg_worker_count_loose(struct yg_worker *w, const struct yg_view *v, const struct yg_flow_entry *e, unsigned direction, uint8_t vector,
			   bool fresh)
{
	struct yg_rate_ends ends;
	count_packet(w, v, e, direction, vector, fresh, &ends);
	return ends.inward;
}

bool yg_worker_count_record(struct yg_worker *w, struct yg_flow_record *r, uint32_t record, unsigned direction, uint32_t bytes)
{
	bool inward = yg_record_inward(r, direction);
	if (yg_record_second(r) == yg_worker_second_mark(&w->open) || yg_worker_record_touch(w, r, record))
		return inward;
	// More flows in one second than there are places for: this packet alone.
	struct yg_worker_flow_ends ends;
	yg_worker_flow_ends(w->open.rates, w, yg_flow_entry(w->o.table, r->entry), &ends);
	yg_worker_add_flow(w->open.rates, &ends, direction, 1, bytes);
	return inward;
}

void yg_worker_count_handshake(struct yg_worker *w, uint32_t entry)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	struct yg_end ends[2];
	ends_of(w, e, ends);
	struct yg_rate_add add = {.from = &ends[0], .to = &ends[1], .vector = YG_VEC_TCP_FLOW, .proto = 6, .pushed = true, .handshakes = 1,
				  .service_port = e->key.port[!(e->flags & YG_ENTRY_INITIATOR_1)]};
	yg_rates_add(w->open.rates, &add);
}

void yg_worker_count_bare(struct yg_worker *w, const struct yg_view *v, uint8_t vector)
{
	struct yg_end from, to;
	yg_rates_resolve(w->open.rates, v->af, &v->src, &from);
	yg_rates_resolve(w->open.rates, v->af, &v->dst, &to);
	struct yg_rate_add add = {.from = &from, .to = &to, .vector = vector, .proto = v->proto, .packets = 1, .bytes = v->ip_bytes};
	yg_rates_add(w->open.rates, &add);
	yg_rates_link(w->open.rates, vector, to.internal, true, v->wirelen + 20);
}
