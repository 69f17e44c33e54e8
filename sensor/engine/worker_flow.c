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

// What the entry counted goes into the record, zeroed before, and in its place what a flow with a record keeps there.
static void take_over(struct yg_worker *w, struct yg_flow_entry *e, struct yg_flow_record *r, unsigned rank)
{
	const struct yg_flow_entry was = *e;
	bool initiator_1 = was.flags & YG_ENTRY_INITIATOR_1, icmp = was.key.proto == 1 || was.key.proto == 58;
	unsigned marks = 0, plain = yg_entry_plain(&was);
	_Static_assert((int)YG_ENTRY_PLAIN_MOST == (int)YG_PLAIN_MOST, "what an entry counts, a record can hold");
	struct yg_end end;
	for (unsigned i = 0; i < 2; i++) {
		r->packets[i] = was.packets >> (i ? 4 : 0) & 15u;
		r->bytes[i] = (uint64_t)yg_entry_bytes(&was, i) << YG_COUNT_SHIFT | (icmp ? 0 : was.tcp_flags[i]);
		yg_end_resolve(w->o.config, was.key.af, &was.key.addr[i != initiator_1], &end);
		e->prefix[i] = (uint16_t)end.prefix;
		e->shut[i] = icmp ? was.tcp_flags[i] : 0;
		marks |= end.internal ? i ? YG_MARK_INSIDE_1 : YG_MARK_INSIDE_0 : 0;
	}
	r->bytes[0] |= (was.state & 15u) << 8 | rank << 12;
	r->bytes[1] |= marks << 8 | plain << 12;
	e->verdict = 0;
	e->flags &= (uint8_t)~(YG_ENTRY_FRAGMENTED | YG_ENTRY_TUNNELLED); // they were bits of the VLAN
	yg_record_set_vlan_high(r, yg_entry_vlan(&was));
	yg_record_see(r, yg_seen_of(yg_time_ns(was.first_ns + was.last_ms * YG_NS_PER_MS)));
	yg_record_set_second(r, (uint16_t)(yg_worker_second_mark(&w->open) - 0x8000)); // in no list
	yg_record_set_update(r, yg_seen_of(yg_time_ns(was.first_ns)), w->update_us);
}

// Few records are left: the least of the bucket goes, so that who comes later has one. A connection is not refused one for those who send
// a single datagram.
static __attribute__((noinline)) void make_room(struct yg_worker *w, uint32_t entry, uint8_t rank)
{
	w->records_low = true;
	if (!yg_flow_records_left(w->o.table, yg_flow_partition_of_entry(w->o.table, entry)))
		return; // who goes now leaves his record at the next poll: none would be had for it
	uint32_t least = yg_flow_least(w->o.table, entry, rank);
	if (least == YG_NO_RECORD)
		return;
	count(w, YG_WC_FLOW_EVICTED);
	yg_worker_flow_end(w, least, YG_END_EVICTED, w->now.ns, w->order);
}

uint32_t yg_worker_flow_grow(struct yg_worker *w, uint32_t entry, uint8_t rank)
{
	if (yg_flow_records_low(w->o.table, yg_flow_partition_of_entry(w->o.table, entry)))
		make_room(w, entry, rank);
	uint32_t record = yg_flow_grow(w->o.table, entry);
	if (record == YG_NO_RECORD) {
		count(w, YG_WC_FLOW_RECORD_POOL_FULL);
		return record;
	}
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	take_over(w, yg_flow_entry(w->o.table, entry), r, rank);
	yg_record_see(r, w->seen);
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
	c->tcp_flags = e->key.proto != 6 ? 0 : r ? yg_record_tcp_flags(r, 0) : e->tcp_flags[0];
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

// The worker's number for what was said of the flow, 0 none.
static uint32_t verdict_of(struct yg_worker *w, uint32_t record)
{
	if (yg_record_awaits_verdict(yg_flow_record(w->o.table, record)))
		return yg_flow_dissection(w->o.table, record)->verdict;
	return yg_flow_entry_of(w->o.table, record)->verdict;
}

static void fill_verdict(const struct yg_worker *w, const struct yg_flow_record *r, uint32_t verdict, struct yg_flow *f)
{
	bool late = f->event == YG_FLOW_ENDED && yg_record_awaits_verdict(r), restart = yg_record_marks(r) & YG_MARK_LOST;
	uint8_t lost = restart ? YG_UNCL_DISSECTOR_RESTART : late ? YG_UNCL_VERDICT_LATE : YG_CLASSIFIED;
	if (!verdict) {
		memcpy(f->proto_name, "Unknown", 8);
		memcpy(f->category, "Unspecified", 12);
		f->unclassified = lost ? lost : YG_UNCL_NOT_OFFERED;
		return;
	}
	const struct yg_verdict *v = &w->meta[verdict - 1].verdict;
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

// `end`: YG_END_NONE of a flow that goes on.
static void fill_flow(struct yg_worker *w, const struct yg_flow_record *r, const struct yg_flow_entry *e, uint32_t verdict,
		      enum yg_flow_end end, struct yg_flow *f)
{
	const struct yg_flow_key *key = &e->key;
	bool initiator_1 = e->flags & YG_ENTRY_INITIATOR_1, icmp = key->proto == 1 || key->proto == 58;
	memset(f, 0, sizeof *f);
	f->flow_id = yg_flow_id(key, e->first_ns);
	f->first_ns = e->first_ns;
	f->last_ns = yg_record_last(r, e->first_ns).ns;
	f->proto = key->proto;
	f->af = key->af;
	f->domain = key->domain;
	f->vlan = yg_record_vlan(r, e->vlan_low);
	f->rank = yg_record_rank(r);
	f->tcp_state = yg_record_state(r);
	f->icmp_type = icmp ? e->tcp_flags[0] : 0;
	f->icmp_code = icmp ? e->tcp_flags[1] : 0;
	f->flags = (uint8_t)((e->flags & YG_ENTRY_FRAGMENTED ? YG_FLOW_FRAGMENTED : 0) |
			     (e->flags & YG_ENTRY_TUNNELLED ? YG_FLOW_TUNNELLED : 0));
	f->event = end == YG_END_NONE ? YG_FLOW_UPDATED : YG_FLOW_ENDED;
	f->end = (uint8_t)end;
	f->midstream = key->proto == 6 && !(e->flags & YG_ENTRY_SYN) && e->flags & YG_ENTRY_NO_FLOW;
	for (unsigned i = 0; i < 2; i++) {
		struct yg_end at;
		fill_end(w, &key->addr[i != initiator_1], key->af, &at);
		f->addr[i] = at.addr;
		f->port[i] = key->port[i != initiator_1];
		f->org[i] = at.org;
		f->zone[i] = at.zone;
		f->internal[i] = at.internal;
		f->packets[i] = r->packets[i];
		f->bytes[i] = yg_record_bytes(r, i);
		f->payload[i] = yg_record_payload(r, i);
		f->tcp_flags[i] = yg_record_tcp_flags(r, i);
		f->shut[i] = icmp ? 0 : e->shut[i];
	}
	fill_verdict(w, r, verdict, f);
}

void yg_worker_record_fill(struct yg_worker *w, uint32_t record, struct yg_flow *f)
{
	const struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	const struct yg_flow_gone *gone = r->entry == YG_NO_RECORD ? yg_flow_gone(w->o.table, record) : NULL;
	fill_flow(w, r, yg_flow_entry_of(w->o.table, record), verdict_of(w, record), gone ? gone->end : YG_END_NONE, f);
	if (!gone)
		return;
	f->event_ns = gone->end_ns;
	f->packet = gone->end_order >> 1;
}

void yg_worker_flow_update(struct yg_worker *w, uint32_t record, const struct yg_view *v)
{
	yg_record_set_update(yg_flow_record(w->o.table, record), w->seen, w->update_us);
	if (!w->o.records_wanted)
		return;
	uint16_t org = yg_worker_org_of_tracked(w, yg_flow_entry_of(w->o.table, record));
	if (!w->o.replay && !yg_worker_may(w, org, YG_BUDGET_FLOW)) {
		count(w, YG_WC_UPDATES_SHED);
		return;
	}
	struct yg_event *event = yg_worker_event(w, YG_EV_FLOW, YG_STAGE_PACKET, w->order);
	if (!event)
		return;
	yg_worker_record_fill(w, record, &event->flow);
	event->flow.packet = v->number;
	event->flow.event_ns = v->time.ns;
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
	yg_flow_record(w->o.table, record)->pending_next = YG_NO_RECORD;
	w->pending_tail = record;
}

// The record with which a flow leaves: its own, or for an embryonic one a new one.
static uint32_t leaving_record(struct yg_worker *w, uint32_t entry)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (e->record != YG_NO_RECORD) {
		yg_worker_record_flush(w, yg_flow_record(w->o.table, e->record), e);
		return e->record;
	}
	uint32_t record = yg_flow_record_take(w->o.table, yg_flow_partition_of_entry(w->o.table, entry));
	if (record != YG_NO_RECORD)
		take_over(w, e, yg_flow_record(w->o.table, record), YG_RANK_EMBRYONIC);
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
	struct yg_flow_entry told = *e;
	struct yg_flow_record r = {0};
	take_over(w, &told, &r, YG_RANK_EMBRYONIC);
	fill_flow(w, &r, &told, 0, end, &event->flow);
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
	struct yg_flow_gone *gone = yg_flow_retire(w->o.table, entry, record);
	gone->end = (uint8_t)end_of(yg_record_state(yg_flow_record(w->o.table, record)), end);
	gone->end_ns = end_ns;
	gone->end_order = order;
	gone->ended_when = w->o.replay ? w->batch : (uint64_t)w->now.ns;
	count_end(w, embryonic, gone->end);
	yg_worker_dissect_end(w, record);
	append_pending(w, record);
}

void yg_worker_record_leave(struct yg_worker *w, uint32_t record)
{
	const struct yg_flow_gone *gone = yg_flow_gone(w->o.table, record);
	// At the end there is nobody to crowd out.
	bool may = w->waits || yg_worker_may(w, yg_worker_org_of_tracked(w, &gone->entry), YG_BUDGET_FLOW);
	struct yg_event *event = may ? yg_worker_event(w, YG_EV_FLOW, YG_STAGE_RECORD, gone->end_order) : NULL;
	if (event)
		yg_worker_record_fill(w, record, &event->flow);
	count(w, event ? YG_WC_FLOW_RECORDS : may ? YG_WC_RECORDS_SHED_EVENTS : YG_WC_RECORDS_SHED_BUDGET);
	uint32_t verdict = verdict_of(w, record);
	if (yg_record_awaits_verdict(yg_flow_record(w->o.table, record))) {
		count(w, YG_WC_FLOW_VERDICT_LATE);
		yg_flow_dissection_free(w->o.table, record, verdict);
	}
	if (verdict) {
		w->meta[verdict - 1].next_free = w->meta_free;
		w->meta_free = verdict - 1;
	}
	yg_flow_record_free(w->o.table, record);
}

// A replay lets go what had ended with the last batch that is answered: all answers to it have been applied, so nobody waits, and
// what leaves in which batch does not depend on which other flows are this worker's. A dissector that has ended the batch and kept
// a verdict back has lost its say: no record waits for it. Live a record waits a second at most, and not while others find none.
static bool waits_for_verdict(const struct yg_worker *w, uint32_t record)
{
	const struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	uint64_t ended_when = yg_flow_gone(w->o.table, record)->ended_when;
	if (w->o.replay)
		return ended_when > w->answered;
	bool patient = w->waits || !w->records_low;
	return patient && yg_record_awaits_verdict(r) && (uint64_t)w->now.ns - ended_when < (uint64_t)YG_NS_PER_S;
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
	w->records_low = false;
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
