// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Growth and end of flows. A flow that ends leaves the table at once; its record leaves the worker in the order in which flows ended,
// and waits for its verdict at the head of that queue (a replay always, live at most a second).
#include "engine/worker.h"

#include <stdlib.h>
#include <string.h>

static void count(struct yg_worker *w, enum yg_worker_counter counter)
{
	yg_counter_add(&w->o.stats->c[counter], 1);
}

static uint8_t settled_vector(uint8_t proto, unsigned direction, uint8_t entry_flags)
{
	if (direction == 1 && !(entry_flags & YG_ENTRY_FIRST_REVERSE))
		return YG_VEC_DOWNLOAD;
	return proto == 6 ? YG_VEC_TCP_FLOW : proto == 17 ? YG_VEC_UDP : proto == 1 || proto == 58 ? YG_VEC_ICMP : YG_VEC_OTHER;
}

// What the entry counted goes into the record.
static void take_over(struct yg_worker *w, const struct yg_flow_entry *e, struct yg_flow_record *r)
{
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	struct yg_end end;
	for (unsigned i = 0; i < 2; i++) {
		r->packets[i] = e->packets >> (i ? 4 : 0) & 15u;
		r->bytes[i] = e->bytes[i];
		yg_end_resolve(w->o.config, e->key.af, &e->key.addr[i != initiator_1], &end);
		r->prefix[i] = (uint16_t)end.prefix;
		r->flow_flags |= end.internal ? i ? YG_FLOW_INSIDE_1 : YG_FLOW_INSIDE_0 : 0;
		r->vector[i] = settled_vector(e->key.proto, i, e->flags);
	}
	bool icmp = e->key.proto == 1 || e->key.proto == 58;
	r->tcp_flags[0] = icmp ? 0 : e->tcp_flags[0];
	r->tcp_flags[1] = icmp ? 0 : e->tcp_flags[1];
	r->icmp_type = icmp ? e->tcp_flags[0] : 0;
	r->icmp_code = icmp ? e->tcp_flags[1] : 0;
	r->tcp_state = e->state & 15u;
	r->plain_packets = e->state >> 4;
	r->last_ns = e->first_ns + e->last_ms * YG_NS_PER_MS;
	r->second = (uint16_t)(yg_worker_second_mark(&w->open) - 0x8000); // in no list
	r->next_update_ns = e->first_ns + w->update_ns;
	r->vlan = e->vlan_low;
}

uint32_t yg_worker_flow_grow(struct yg_worker *w, uint32_t entry, uint8_t rank)
{
	uint32_t record = yg_flow_grow(w->o.table, entry);
	if (record == YG_NO_RECORD) {
		count(w, YG_WC_FLOW_RECORD_POOL_FULL);
		return record;
	}
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	take_over(w, yg_flow_entry(w->o.table, entry), r);
	r->last_ns = w->now.ns;
	r->rank = rank;
	yg_flow_arm(w->o.table, entry, w->now);
	count(w, YG_WC_FLOW_PROMOTED);
	yg_mirror_begin(w->mirror, &yg_flow_entry(w->o.table, entry)->key);
	return record;
}

static void fill_end(const struct yg_worker *w, const struct yg_addr *addr, uint8_t af, struct yg_end *ret_end)
{
	yg_end_resolve(w->o.config, af, addr, ret_end);
}

// Whether the contact is to be told; it counts as reported either way.
static inline bool may_contact(struct yg_worker *w, struct yg_flow_entry *e, uint16_t org)
{
	e->flags |= YG_ENTRY_CONTACT;
	count(w, YG_WC_CONTACTS);
	if (yg_worker_may(w, org, YG_BUDGET_CONTACT))
		return true;
	count(w, YG_WC_CONTACTS_SHED);
	return false;
}

static void tell_contact(struct yg_worker *w, uint32_t entry, enum yg_outcome outcome)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	struct yg_event *event = yg_worker_event(w, YG_EV_CONTACT, YG_STAGE_PACKET, w->order);
	if (!event)
		return;
	const struct yg_flow_record *r = e->record == YG_NO_RECORD ? NULL : yg_flow_record(w->o.table, e->record);
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1;
	struct yg_contact *c = &event->contact;
	memset(c, 0, sizeof *c);
	c->packet = w->order >> 1;
	c->time_ns = e->first_ns;
	c->event_ns = w->now.ns;
	c->proto = e->key.proto;
	c->af = e->key.af;
	c->domain = e->key.domain;
	c->outcome = (uint8_t)outcome;
	c->flow_id = yg_flow_id(&e->key, e->first_ns);
	c->tcp_flags = e->key.proto != 6 ? 0 : r ? r->tcp_flags[0] : e->tcp_flags[0];
	for (unsigned i = 0; i < 2; i++) {
		struct yg_end end;
		fill_end(w, &e->key.addr[i != initiator_1], e->key.af, &end);
		c->addr[i] = end.addr;
		c->port[i] = e->key.port[i != initiator_1];
		c->org[i] = end.org;
		c->zone[i] = end.zone;
		c->internal[i] = end.internal;
		c->packets[i] = r ? r->packets[i] : (e->packets >> (i ? 4 : 0) & 15u);
	}
}

void yg_worker_contact(struct yg_worker *w, uint32_t entry, enum yg_outcome outcome)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (!w->o.replay && !may_contact(w, e, yg_worker_org_of(w, entry)))
		return;
	if (w->o.replay) {
		e->flags |= YG_ENTRY_CONTACT;
		count(w, YG_WC_CONTACTS);
	}
	tell_contact(w, entry, outcome);
}

static void fill_verdict(const struct yg_worker *w, const struct yg_flow_record *r, struct yg_flow *f)
{
	bool late = r->ended && r->ds_state == YG_DSS_ACTIVE;
	uint8_t lost = r->restart_lost ? YG_UNCL_DISSECTOR_RESTART : late ? YG_UNCL_VERDICT_LATE : YG_CLASSIFIED;
	if (!r->meta) {
		memcpy(f->proto_name, "Unknown", 8);
		memcpy(f->category, "Unspecified", 12);
		f->unclassified = lost ? lost : YG_UNCL_NOT_OFFERED;
		return;
	}
	const struct yg_verdict *v = &w->meta[r->meta - 1].verdict;
	f->proto_master = v->proto_master;
	f->proto_app = v->proto_app;
	f->confidence = v->confidence;
	f->risks = v->risks;
	memcpy(f->proto_name, v->proto_name, sizeof f->proto_name);
	memcpy(f->category, v->category, sizeof f->category);
	memcpy(f->server_name, v->server_name, sizeof f->server_name);
	memcpy(f->ja3, v->ja3, sizeof f->ja3);
	memcpy(f->ja3s, v->ja3s, sizeof f->ja3s);
	memcpy(f->alpn, v->alpn, sizeof f->alpn);
	if (v->overlap)
		f->flags |= YG_FLOW_OVERLAP;
	f->unclassified = lost;
}

static void fill_flow(struct yg_worker *w, const struct yg_flow_record *r, const struct yg_flow_identity *id, struct yg_flow *f)
{
	const struct yg_flow_key *key = id->key;
	bool initiator_1 = id->flags & YG_ENTRY_INITIATOR_1;
	memset(f, 0, sizeof *f);
	f->flow_id = yg_flow_id(key, id->first_ns);
	f->first_ns = id->first_ns;
	f->last_ns = r->last_ns;
	f->proto = key->proto;
	f->af = key->af;
	f->domain = key->domain;
	f->vlan = r->vlan;
	f->rank = r->rank;
	f->tcp_state = r->tcp_state;
	f->icmp_type = r->icmp_type;
	f->icmp_code = r->icmp_code;
	f->flags = r->flow_flags & YG_FLOW_TOLD;
	f->event = r->ended ? YG_FLOW_ENDED : YG_FLOW_UPDATED;
	f->end = r->end;
	f->midstream = key->proto == 6 && !(id->flags & YG_ENTRY_SYN) && id->flags & YG_ENTRY_NO_FLOW;
	for (unsigned i = 0; i < 2; i++) {
		struct yg_end end;
		fill_end(w, &key->addr[i != initiator_1], key->af, &end);
		f->addr[i] = end.addr;
		f->port[i] = key->port[i != initiator_1];
		f->org[i] = end.org;
		f->zone[i] = end.zone;
		f->internal[i] = end.internal;
		f->packets[i] = r->packets[i];
		f->bytes[i] = r->bytes[i];
		f->payload[i] = r->payload[i];
		f->tcp_flags[i] = r->tcp_flags[i];
		f->shut[i] = r->shut[i];
	}
	fill_verdict(w, r, f);
}

void yg_worker_record_fill(struct yg_worker *w, uint32_t record, struct yg_flow *f)
{
	const struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	struct yg_flow_identity id = yg_flow_identity(w->o.table, record);
	fill_flow(w, r, &id, f);
	if (!r->ended)
		return;
	const struct yg_flow_gone *gone = yg_flow_gone(w->o.table, record);
	f->event_ns = gone->end_ns;
	f->packet = gone->end_order >> 1;
}

// What a flow counts as when its connection was closed before it fell silent.
static enum yg_flow_end end_of(unsigned tcp_state, enum yg_flow_end end)
{
	if (end != YG_END_IDLE)
		return end;
	return tcp_state == YG_TCP_CLOSED ? YG_END_CLOSED : tcp_state == YG_TCP_RESET ? YG_END_RESET : end;
}

// Appends to the records that wait, in end order.
static void append_pending(struct yg_worker *w, uint32_t record)
{
	if (w->pending_tail == YG_NO_RECORD)
		w->pending_head = record;
	else
		yg_flow_record(w->o.table, w->pending_tail)->pending_next = record;
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	r->pending_next = YG_NO_RECORD;
	yg_flow_gone(w->o.table, record)->ended_when = w->o.replay ? w->batch : (uint64_t)w->now.ns;
	w->pending_tail = record;
}

// The record with which a flow leaves: its own, or for an embryonic one a new one.
static uint32_t leaving_record(struct yg_worker *w, uint32_t entry)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (e->record != YG_NO_RECORD) {
		struct yg_flow_record *own = yg_flow_record(w->o.table, e->record);
		yg_worker_record_flush(w, own, &e->key, e->flags & YG_ENTRY_INITIATOR_1);
		return e->record;
	}
	uint32_t slots = yg_flow_slots(w->o.table) / YG_PARTITIONS;
	uint32_t record = yg_flow_record_take(w->o.table, entry / slots);
	if (record == YG_NO_RECORD)
		return record;
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	take_over(w, e, r);
	r->rank = YG_RANK_EMBRYONIC;
	return record;
}

// Step 2 of shedding: whether an attempt on the body without an answer may still be told in this second.
static bool contact_allowed(struct yg_worker *w, uint16_t org)
{
	if (w->shed < 2 || yg_worker_may(w, org, YG_BUDGET_SHED_CONTACT))
		return true;
	count(w, YG_WC_SHED_CONTACTS);
	return false;
}

// What outlives the entry.
static void keep(struct yg_worker *w, const struct yg_flow_entry *e, uint32_t record, int64_t end_ns, uint64_t order)
{
	*yg_flow_gone(w->o.table, record) = (struct yg_flow_gone){
		.key = e->key, .first_ns = e->first_ns, .end_ns = end_ns, .end_order = order, .entry_flags = e->flags};
}

static void count_end(struct yg_worker *w, bool embryonic, uint8_t end)
{
	count(w, YG_WC_FLOW_ENDED);
	if (embryonic)
		count(w, YG_WC_FLOW_EMBRYONIC_ENDED);
	yg_counter_add(&w->o.stats->end[end], 1);
}

static void tell_attempt(struct yg_worker *w, const struct yg_flow_entry *e, enum yg_flow_end end, int64_t end_ns)
{
	struct yg_event *event = yg_worker_event(w, YG_EV_FLOW, YG_STAGE_RECORD, w->order);
	count(w, event ? YG_WC_FLOW_RECORDS : YG_WC_RECORDS_SHED_EVENTS);
	if (!event)
		return;
	struct yg_flow_identity id = {&e->key, e->first_ns, e->flags};
	struct yg_flow_record r = {.ended = 1, .end = (uint8_t)end};
	take_over(w, e, &r);
	fill_flow(w, &r, &id, &event->flow);
	event->flow.event_ns = end_ns;
	event->flow.packet = w->order >> 1;
}

// No verdict is waited for and no record taken from the pool: within the budget of its body it is told as it stands in its entry.
void yg_worker_attempt_end(struct yg_worker *w, uint32_t entry, uint16_t org, enum yg_flow_end end, int64_t end_ns)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (!(e->flags & YG_ENTRY_CONTACT) && contact_allowed(w, org) && may_contact(w, e, org))
		tell_contact(w, entry, YG_CONTACT_SILENT);
	end = end_of(e->state & 15u, end);
	count_end(w, true, (uint8_t)end);
	if (w->shed >= 2)
		count(w, YG_WC_SHED_RECORDS);
	else if (!yg_worker_may(w, org, YG_BUDGET_EMBRYONIC))
		count(w, YG_WC_RECORDS_SHED_BUDGET);
	else
		tell_attempt(w, e, end, end_ns);
}

void yg_worker_flow_end(struct yg_worker *w, uint32_t entry, enum yg_flow_end end, int64_t end_ns, uint64_t order)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	bool embryonic = e->record == YG_NO_RECORD;
	if (embryonic && !w->o.replay) {
		yg_worker_attempt_end(w, entry, yg_worker_org_of(w, entry), end, end_ns);
		yg_flow_free(w->o.table, entry);
		return;
	}
	if (!(e->flags & YG_ENTRY_CONTACT))
		yg_worker_contact(w, entry, YG_CONTACT_SILENT);
	uint32_t record = leaving_record(w, entry);
	if (record == YG_NO_RECORD) {
		count_end(w, embryonic, (uint8_t)end);
		count(w, YG_WC_RECORDS_SHED_POOL);
		yg_flow_free(w->o.table, entry);
		return;
	}
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	keep(w, e, record, end_ns, order);
	yg_flow_free(w->o.table, entry);
	r->ended = 1;
	r->end = (uint8_t)end_of(r->tcp_state, end);
	count_end(w, embryonic, r->end);
	yg_worker_dissect_end(w, record);
	append_pending(w, record);
}

void yg_worker_record_leave(struct yg_worker *w, uint32_t record)
{
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	bool may = w->waits || yg_worker_may(w, yg_worker_org_of_record(w, r), YG_BUDGET_FLOW); // at the end there is nobody to crowd out
	uint64_t order = yg_flow_gone(w->o.table, record)->end_order;
	struct yg_event *event = may ? yg_worker_event(w, YG_EV_FLOW, YG_STAGE_RECORD, order) : NULL;
	if (event)
		yg_worker_record_fill(w, record, &event->flow);
	count(w, event ? YG_WC_FLOW_RECORDS : may ? YG_WC_RECORDS_SHED_EVENTS : YG_WC_RECORDS_SHED_BUDGET);
	if (r->ds_state == YG_DSS_ACTIVE)
		count(w, YG_WC_FLOW_VERDICT_LATE);
	r->ds_state = YG_DSS_NONE; // an answer that still comes finds nobody
	if (r->meta) {
		w->meta[r->meta - 1].next_free = w->meta_free;
		w->meta_free = r->meta - 1;
	}
	yg_flow_record_free(w->o.table, record);
}

// A replay lets go what had ended with the last batch that is answered: all answers to it have been applied, so nobody waits, and
// what leaves in which batch does not depend on which other flows are this worker's. A dissector that has ended the batch and kept
// a verdict back has lost its say: no record waits for it. Live a record waits a second at most.
static bool waits_for_verdict(const struct yg_worker *w, uint32_t record)
{
	const struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	uint64_t ended_when = yg_flow_gone(w->o.table, record)->ended_when;
	if (w->o.replay)
		return ended_when > w->answered;
	return r->ds_state == YG_DSS_ACTIVE && (uint64_t)w->now.ns - ended_when < (uint64_t)YG_NS_PER_S;
}

void yg_worker_pending_release(struct yg_worker *w)
{
	enum { A_TURN = 256 }; // live: of so many at most; packets wait meanwhile
	for (uint32_t i = 0; w->pending_head != YG_NO_RECORD && (w->waits || i < A_TURN); i++) {
		uint32_t record = w->pending_head;
		struct yg_flow_record *r = yg_flow_record(w->o.table, record);
		if (waits_for_verdict(w, record))
			break;
		w->pending_head = r->pending_next;
		if (w->pending_head == YG_NO_RECORD)
			w->pending_tail = YG_NO_RECORD;
		yg_worker_record_leave(w, record);
	}
}

// ---- a gap, and the end of input ----

static void gather(void *context, uint32_t entry)
{
	struct yg_worker *w = context;
	w->flush[w->flush_count++] = entry;
}

// In the order in which flows began. Several may begin in one instant: then the key decides, which is the same on every run.
static int by_beginning(const void *a, const void *b, void *context)
{
	struct yg_worker *w = context;
	const struct yg_flow_entry *x = yg_flow_entry(w->o.table, *(const uint32_t *)a);
	const struct yg_flow_entry *y = yg_flow_entry(w->o.table, *(const uint32_t *)b);
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	return memcmp(&x->key, &y->key, sizeof x->key);
}

void yg_worker_flush(struct yg_worker *w, unsigned partition, enum yg_flow_end reason, uint64_t order)
{
	if (partition < w->partition_first || partition >= w->partition_end)
		return;
	w->flush_count = 0;
	w->order = order;
	yg_flow_each(w->o.table, partition, gather, w);
	qsort_r(w->flush, w->flush_count, sizeof *w->flush, by_beginning, w);
	for (uint32_t i = 0; i < w->flush_count; i++) {
		int64_t deadline = yg_flow_deadline(w->o.table, w->flush[i]).ns;
		bool idle = deadline <= w->now.ns;
		yg_worker_flow_end(w, w->flush[i], idle && reason == YG_END_EOF ? YG_END_IDLE : reason, idle ? deadline : w->now.ns, order);
	}
}
