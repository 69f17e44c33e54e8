// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The engine's side of the protocol with the dissector (model/dissect.h). What comes back is foreign: slot, generation, lengths and texts
// are checked, copied, and only then used. A dissector can lie about its own flows; it can reach no other memory and never
// stops the engine.
//
// A replay applies the answers to a batch exactly before the batch whose mark says so (replay.c): both sides work at once, and nothing
// depends on who is faster.
#include "engine/worker.h"

#include <string.h>

#include "base/bytes.h"

static void count(struct yg_worker *w, enum yg_worker_counter counter)
{
	yg_counter_add(&w->o.stats->c[counter], 1);
}

// Bytes of an answer that mean something, by its kind.
static size_t answer_size(uint8_t kind)
{
	size_t head = offsetof(struct yg_ds_answer, verdict);
	switch (kind) {
	case YG_DA_VERDICT:
		return head + sizeof(struct yg_verdict);
	case YG_DA_DNS:
		return head + sizeof(struct yg_dns);
	case YG_DA_TLS:
		return head + sizeof(struct yg_tls);
	case YG_DA_BATCH_END:
		return head;
	default:
		return sizeof(struct yg_ds_answer);
	}
}

// Copies an answer out of memory that the dissector can still write: the kind is read once.
static void copy_answer(struct yg_ds_answer *to, const struct yg_ds_answer *from)
{
	uint8_t kind = *(const volatile uint8_t *)&from->kind;
	memcpy(to, from, answer_size(kind));
	to->kind = kind;
}

// ---- to the dissector ----

// Takes answers out of the ring unread, so that a dissector that waits for room there can go on reading here.
static void hold_answers(struct yg_worker *w)
{
	struct yg_ring *ring = w->o.from_dissector;
	uint32_t n = yg_ring_available(ring);
	for (uint32_t i = 0; i < n && w->held_count < w->held_max; i++) {
		copy_answer(&w->held[(w->held_first + w->held_count) % w->held_max], yg_ring_slot(ring, ring->own));
		w->held_count++;
		yg_ring_pop(ring, 1);
	}
	yg_ring_release(ring);
}

void yg_worker_idle(struct yg_worker *w)
{
	if (w->o.replay && w->o.from_dissector)
		hold_answers(w);
}

static bool room_for(struct yg_worker *w, uint32_t slots)
{
	struct yg_ring *ring = w->o.to_dissector;
	bool waited = false;
	while (w->o.replay && !yg_ring_has_room(ring, slots) && !ring->broken) {
		yg_worker_publish(w);
		yg_counter_publish(&w->o.stats->reached, yg_reached(w->batch, w->order));
		waited = true;
		hold_answers(w);
		yg_ring_wait_room(ring, slots, 5);
	}
	if (waited)
		yg_counter_publish(&w->o.stats->reached, 0);
	return yg_ring_has_room(ring, slots);
}

static void fill_request(struct yg_ds_request *q, enum yg_ds_kind kind, const struct yg_worker *w, uint32_t record, uint32_t generation,
			 const struct yg_flow_key *key, bool initiator_1)
{
	memset(q, 0, offsetof(struct yg_ds_request, data));
	q->kind = (uint8_t)kind;
	q->flags = w->ds_wants;
	q->af = key->af;
	q->proto = key->proto;
	q->pieces = 1;
	q->slot = record;
	q->generation = generation;
	q->packet = w->order >> 1;
	q->time_ns = w->now.ns;
	for (unsigned i = 0; i < 2; i++) {
		q->addr[i] = key->addr[i != initiator_1];
		q->port[i] = key->port[i != initiator_1];
	}
}

static struct yg_flow_dissection *begin_dissection(struct yg_worker *w, struct yg_flow_record *r, uint32_t record)
{
	struct yg_flow_dissection *d = yg_flow_dissection_take(w->o.table, record);
	yg_record_set_dissection(r, YG_DSS_ACTIVE);
	d->generation = ++w->generation; // an answer about a flow that had the record before does not fit
	d->first_slot = w->o.to_dissector->own;
	return d;
}

// Copies the IP packet into `pieces` slots from the ring's own index on.
static void copy_packet(struct yg_ring *ring, const struct yg_view *v, uint32_t pieces)
{
	const uint8_t *from = v->data + v->l3;
	uint32_t left = v->l3_len;
	struct yg_ds_request *first = yg_ring_slot(ring, ring->own);
	for (uint32_t i = 0; i < pieces; i++) {
		struct yg_ds_request *q = yg_ring_slot(ring, ring->own + i);
		uint32_t n = left < YG_DS_DATA ? left : YG_DS_DATA;
		if (i)
			memcpy(q, first, offsetof(struct yg_ds_request, data));
		memcpy(q->data, from, n);
		memset(q->data + n, 0, YG_DS_PADDING);
		from += n;
		left -= n;
	}
}

void yg_worker_dissect(struct yg_worker *w, const struct yg_packet *p, uint32_t record, unsigned direction)
{
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	const struct yg_view *v = &p->view;
	bool first = yg_record_dissection(r) == YG_DSS_NONE;
	if (!w->o.to_dissector || yg_record_dissection(r) >= YG_DSS_READ)
		return;
	if (w->shed && first) { // step 1: a flow that begins now is never dissected
		yg_record_set_dissection(r, YG_DSS_DONE);
		count(w, YG_WC_SHED_DISSECTION);
		return;
	}
	count(w, YG_WC_DS_OFFERED);
	uint32_t pieces = (v->l3_len + YG_DS_DATA - 1) / YG_DS_DATA;
	if (pieces > YG_DS_PIECES_MAX) {
		count(w, YG_WC_DS_SKIPPED_TOO_LONG);
		return;
	}
	if (!room_for(w, pieces)) {
		count(w, YG_WC_DS_SKIPPED_RING_FULL);
		return;
	}
	struct yg_ring *ring = w->o.to_dissector;
	struct yg_ds_request *q = yg_ring_slot(ring, ring->own);
	struct yg_flow_dissection *d = first ? begin_dissection(w, r, record) : yg_flow_dissection(w->o.table, record);
	bool initiator_1 = yg_flow_entry(w->o.table, r->entry)->flags & YG_ENTRY_INITIATOR_1;
	fill_request(q, YG_DS_PACKET, w, record, d->generation, &p->key, initiator_1);
	q->direction = (uint8_t)direction;
	q->pieces = (uint8_t)pieces;
	q->tcp_flags = v->tcp_flags;
	q->length = v->l3_len;
	q->l4 = v->l4 - v->l3;
	q->payload = v->payload - v->l3;
	q->payload_len = v->payload_len;
	q->tcp_seq = v->tcp_seq;
	if (v->flags & YG_VIEW_REASSEMBLED)
		q->flags |= YG_DS_FRAGMENTED;
	if (first)
		q->flags |= YG_DS_FIRST;
	copy_packet(ring, v, pieces);
	yg_ring_push(ring, pieces);
	for (unsigned line = 0; line < 3; line++) // whoever read the next slot last has it
		__builtin_prefetch((uint8_t *)yg_ring_slot(ring, ring->own) + line * 64, 1);
	d->packets++;
	d->bytes += v->payload_len;
	if (d->packets >= w->ds_packets_max || d->bytes >= w->ds_bytes_max)
		yg_record_set_dissection(r, YG_DSS_READ);
	count(w, YG_WC_DS_SENT);
}

// The headers of a packet from initiator to responder, written anew: the table does not keep the bytes of a flow that said
// nothing, and a guess looks at addresses, ports and the kind of an ICMP message alone.
static void write_headers(struct yg_ds_request *q, const struct yg_flow_entry *e)
{
	uint8_t *ip = q->data, *l4 = ip + (q->af == 4 ? 20 : 40);
	bool icmp = q->proto == 1 || q->proto == 58;
	uint32_t l4_bytes = q->proto == 6 ? 20 : 8;
	memset(ip, 0, 64 + YG_DS_PADDING);
	q->l4 = (uint32_t)(l4 - ip);
	q->length = q->payload = q->l4 + l4_bytes;
	ip[0] = q->af == 4 ? 0x45 : 0x60;
	ip[q->af == 4 ? 9 : 6] = q->proto;
	ip[q->af == 4 ? 8 : 7] = 64;
	yg_store16(ip + (q->af == 4 ? 2 : 4), (uint16_t)(q->af == 4 ? q->length : l4_bytes));
	memcpy(ip + (q->af == 4 ? 12 : 8), q->addr[0].b, q->af == 4 ? 4 : 16);
	memcpy(ip + (q->af == 4 ? 16 : 24), q->addr[1].b, q->af == 4 ? 4 : 16);
	if (icmp) {
		l4[0] = e->tcp_flags[0];
		l4[1] = e->tcp_flags[1];
		return;
	}
	yg_store16(l4, q->port[0]);
	yg_store16(l4 + 2, q->port[1]);
	if (q->proto == 6) {
		l4[12] = 0x50; // 20 bytes
		l4[13] = YG_TCP_SYN;
	} else if (q->proto == 17) {
		yg_store16(l4 + 4, 8);
	}
}

// A flow ends: one that is in dissection is told so; in a replay one that never was is guessed from its headers. Live there may be no room
// to say so: then its verdict is waited for like any other, and it may be that none comes.
void yg_worker_dissect_end(struct yg_worker *w, uint32_t record)
{
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	enum yg_ds_state state = yg_record_dissection(r);
	bool guess = state == YG_DSS_NONE;
	bool unasked = guess && !w->o.replay && (w->shed || yg_record_rank(r) == YG_RANK_EMBRYONIC);
	if (!w->o.to_dissector || state == YG_DSS_DONE || unasked || !room_for(w, 1))
		return;
	struct yg_ring *ring = w->o.to_dissector;
	struct yg_ds_request *q = yg_ring_slot(ring, ring->own);
	const struct yg_flow_entry *e = yg_flow_entry_of(w->o.table, record);
	const struct yg_flow_dissection *d = guess ? begin_dissection(w, r, record) : yg_flow_dissection(w->o.table, record);
	fill_request(q, guess ? YG_DS_GUESS : YG_DS_END, w, record, d->generation, &e->key, e->flags & YG_ENTRY_INITIATOR_1);
	if (guess) {
		q->flags |= YG_DS_FIRST;
		write_headers(q, e);
	}
	yg_ring_push(ring, 1);
}

void yg_worker_dissect_batch_end(struct yg_worker *w)
{
	if (!w->o.to_dissector || !w->o.replay || !room_for(w, 1))
		return;
	struct yg_ring *ring = w->o.to_dissector;
	struct yg_ds_request *q = yg_ring_slot(ring, ring->own);
	memset(q, 0, offsetof(struct yg_ds_request, data));
	q->kind = YG_DS_BATCH_END;
	q->pieces = 1;
	q->packet = w->batch;
	yg_ring_push(ring, 1);
}

// ---- back from it ----

// A record of ours that is or was being read; NULL: there is none of that number.
static struct yg_flow_record *record_at(const struct yg_worker *w, uint32_t record)
{
	if (record >= yg_flow_records_total(w->o.table))
		return NULL;
	unsigned partition = yg_flow_partition_of_record(w->o.table, record);
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	bool ours = partition >= w->partition_first && partition < w->partition_end;
	return ours && yg_record_dissection(r) != YG_DSS_NONE ? r : NULL;
}

// The record that an answer names, NULL when there is none such. What the flow is called by (dissect.h) outlives its verdict: of packets
// that were on their way then more may be told.
static struct yg_flow_record *record_of(struct yg_worker *w, const struct yg_ds_answer *a)
{
	struct yg_flow_record *r = record_at(w, a->slot);
	if (!r)
		return NULL;
	if (yg_record_awaits_verdict(r))
		return yg_flow_dissection(w->o.table, a->slot)->generation == a->generation ? r : NULL;
	uint32_t verdict = yg_flow_entry_of(w->o.table, a->slot)->verdict;
	return verdict && w->meta[verdict - 1].generation == a->generation ? r : NULL;
}

static void end_text(char *text, size_t size)
{
	text[size - 1] = '\0';
}

static void end_texts(struct yg_verdict *v)
{
	end_text(v->proto_name, sizeof v->proto_name);
	end_text(v->category, sizeof v->category);
	end_text(v->server_name, sizeof v->server_name);
	end_text(v->ja3, sizeof v->ja3);
	end_text(v->ja3s, sizeof v->ja3s);
	end_text(v->alpn, sizeof v->alpn);
	if (v->confidence >= YG_CONF_COUNT)
		v->confidence = YG_CONF_UNKNOWN;
}

static uint32_t take_meta(struct yg_worker *w)
{
	uint32_t m = w->meta_free;
	if (m != YG_NO_RECORD) {
		w->meta_free = w->meta[m].next_free;
		return m + 1;
	}
	if (w->meta_next == w->meta_max) {
		count(w, YG_WC_FLOW_META_FULL);
		return 0;
	}
	return ++w->meta_next;
}

static void apply_verdict(struct yg_worker *w, const struct yg_ds_answer *a)
{
	struct yg_flow_record *r = record_of(w, a);
	if (!r || !yg_record_awaits_verdict(r)) {
		count(w, YG_WC_DS_ANSWER_INVALID);
		return;
	}
	struct yg_flow_dissection *d = yg_flow_dissection(w->o.table, a->slot);
	if (!d->verdict)
		d->verdict = take_meta(w);
	if (d->verdict) {
		struct yg_flow_meta *meta = &w->meta[d->verdict - 1];
		meta->generation = d->generation;
		meta->verdict = a->verdict;
		end_texts(&meta->verdict);
		if (meta->verdict.overlap)
			count(w, YG_WC_OVERLAP);
	}
	if (a->verdict.final) {
		yg_flow_dissection_free(w->o.table, a->slot, d->verdict);
		yg_record_set_dissection(r, YG_DSS_DONE);
		count(w, YG_WC_DS_VERDICTS);
	}
}

static void fill_head(struct yg_worker *w, const struct yg_ds_answer *a, struct yg_meta_head *head)
{
	const struct yg_flow_entry *e = yg_flow_entry_of(w->o.table, a->slot);
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	memset(head, 0, sizeof *head);
	head->packet = a->packet;
	head->flow_id = yg_flow_id(&e->key, e->first_ns);
	head->time_ns = a->time_ns;
	head->proto = e->key.proto;
	head->af = e->key.af;
	head->domain = e->key.domain;
	for (unsigned i = 0; i < 2; i++) {
		struct yg_end end;
		yg_end_resolve(w->o.config, e->key.af, &e->key.addr[i != initiator_1], &end);
		head->addr[i] = end.addr;
		head->port[i] = e->key.port[i != initiator_1];
		head->org[i] = end.org;
		head->zone[i] = end.zone;
		head->internal[i] = end.internal;
	}
}

// The flow has its verdict, for which there was no place; so nothing is left to know its answers by. One that began under load was never
// read, and looks the same.
static bool has_no_place(const struct yg_worker *w, const struct yg_ds_answer *a)
{
	const struct yg_flow_record *r = record_at(w, a->slot);
	return r && !w->shed && a->generation <= w->generation && yg_record_dissection(r) == YG_DSS_DONE && !(yg_record_marks(r) & YG_MARK_LOST) &&
	       !yg_flow_entry_of(w->o.table, a->slot)->verdict;
}

static void apply_meta(struct yg_worker *w, const struct yg_ds_answer *a)
{
	bool asked = w->ds_wants & (a->kind == YG_DA_DNS ? YG_DS_WANTS_DNS : a->kind == YG_DA_TLS ? YG_DS_WANTS_TLS : YG_DS_WANTS_HTTP);
	if (!asked || !record_of(w, a)) {
		count(w, asked && has_no_place(w, a) ? YG_WC_FLOW_META_FULL : YG_WC_DS_ANSWER_INVALID);
		return;
	}
	enum yg_event_kind kind = a->kind == YG_DA_DNS ? YG_EV_DNS : a->kind == YG_DA_TLS ? YG_EV_TLS : YG_EV_HTTP;
	uint16_t org = yg_worker_org_of_tracked(w, yg_flow_entry_of(w->o.table, a->slot));
	if (kind == YG_EV_DNS && !w->o.replay && !yg_worker_may(w, org, YG_BUDGET_DNS)) {
		count(w, YG_WC_DNS_SHED);
		return;
	}
	struct yg_event *event = yg_worker_event(w, kind, YG_STAGE_ANSWER, a->packet);
	if (!event)
		return;
	if (kind == YG_EV_DNS) {
		event->dns = a->dns;
		fill_head(w, a, &event->dns.head);
		end_text(event->dns.qname, sizeof event->dns.qname);
	} else if (kind == YG_EV_TLS) {
		event->tls = a->tls;
		fill_head(w, a, &event->tls.head);
		end_text(event->tls.server_name, sizeof event->tls.server_name);
		end_text(event->tls.ja3, sizeof event->tls.ja3);
		end_text(event->tls.alpn, sizeof event->tls.alpn);
	} else {
		event->http = a->http;
		fill_head(w, a, &event->http.head);
		end_text(event->http.method, sizeof event->http.method);
		end_text(event->http.host, sizeof event->http.host);
		end_text(event->http.target, sizeof event->http.target);
		end_text(event->http.user_agent, sizeof event->http.user_agent);
		end_text(event->http.forwarded_for, sizeof event->http.forwarded_for);
	}
}

static void lose_dissections(struct yg_worker *w, unsigned partition, uint64_t consumed)
{
	uint32_t first, end;
	yg_flow_records_used(w->o.table, partition, &first, &end);
	for (uint32_t i = first; i < end; i++) {
		struct yg_flow_record *r = yg_flow_record(w->o.table, i);
		if (!yg_record_awaits_verdict(r) || yg_flow_dissection(w->o.table, i)->first_slot >= consumed)
			continue;
		yg_flow_dissection_free(w->o.table, i, yg_flow_dissection(w->o.table, i)->verdict);
		yg_record_set_dissection(r, YG_DSS_DONE);
		yg_record_mark(r, YG_MARK_LOST, true);
		count(w, YG_WC_DS_LOST_RESTART);
	}
}

// The dissector died: every flow whose FIRST it had read and that has no final verdict is unknown from now on.
static void apply_restarted(struct yg_worker *w, const struct yg_ds_answer *a)
{
	uint64_t consumed = a->restarted.consumed;
	if (consumed > w->o.to_dissector->own)
		consumed = w->o.to_dissector->own;
	count(w, YG_WC_DS_RESTARTS);
	for (unsigned p = w->partition_first; p < w->partition_end; p++)
		lose_dissections(w, p, consumed);
	// The zygote tells every ring; one of them is enough for the alert.
	if (w->o.index != 0)
		return;
	struct yg_event *event = yg_worker_event(w, YG_EV_RESTARTED, YG_STAGE_ANSWER, a->packet);
	if (!event)
		return;
	event->restarted = a->restarted;
	end_text(event->restarted.quarantine, sizeof event->restarted.quarantine);
	if (event->restarted.af != 4 && event->restarted.af != 6)
		event->restarted.had_packet = 0; // an alert that names no possible source
}

// True when the answer ends what was asked for: the answers up to a batch.
static bool apply(struct yg_worker *w, const struct yg_ds_answer *a, uint64_t until)
{
	count(w, YG_WC_DS_ANSWERS);
	switch (a->kind) {
	case YG_DA_VERDICT:
		apply_verdict(w, a);
		return false;
	case YG_DA_DNS:
	case YG_DA_TLS:
	case YG_DA_HTTP:
		apply_meta(w, a);
		return false;
	case YG_DA_RESTARTED:
		apply_restarted(w, a);
		return false;
	case YG_DA_BATCH_END:
		return a->packet >= until;
	default:
		count(w, YG_WC_DS_ANSWER_INVALID);
		return false;
	}
}

// The next answer, copied, or false when there is none now.
static bool next_answer(struct yg_worker *w, struct yg_ds_answer *ret_answer)
{
	if (w->held_count) {
		copy_answer(ret_answer, &w->held[w->held_first]);
		w->held_first = (w->held_first + 1) % w->held_max;
		w->held_count--;
		return true;
	}
	struct yg_ring *ring = w->o.from_dissector;
	if (!yg_ring_available(ring))
		return false;
	copy_answer(ret_answer, yg_ring_slot(ring, ring->own));
	yg_ring_pop(ring, 1);
	return true;
}

// A dissector that writes indexes that cannot be is not spoken to again: no more answers will come, so what it held is lost.
static bool dissector_gone(struct yg_worker *w)
{
	if (!w->o.to_dissector->broken && !w->o.from_dissector->broken)
		return false;
	count(w, YG_WC_DS_ANSWER_INVALID);
	for (unsigned p = w->partition_first; p < w->partition_end; p++)
		lose_dissections(w, p, UINT64_MAX);
	w->o.to_dissector = w->o.from_dissector = NULL;
	w->held_count = 0;
	return true;
}

void yg_worker_answers(struct yg_worker *w)
{
	struct yg_ds_answer answer;
	if (!w->o.from_dissector || dissector_gone(w))
		return;
	if (!w->o.replay) {
		enum { A_TURN = 128 };
		for (unsigned i = 0; i < A_TURN && next_answer(w, &answer); i++)
			apply(w, &answer, UINT64_MAX);
		yg_ring_release(w->o.from_dissector);
		return;
	}
	if (w->answered <= w->applied) // batches count from 1
		return;
	for (;;) {
		if (!next_answer(w, &answer)) {
			if (dissector_gone(w))
				return;
			yg_worker_publish(w);
			yg_ring_wait_data(w->o.from_dissector, 20);
			continue;
		}
		if (apply(w, &answer, w->answered))
			break;
	}
	w->applied = w->answered;
	yg_ring_release(w->o.from_dissector);
}
