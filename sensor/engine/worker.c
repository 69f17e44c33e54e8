// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The path of a packet through a worker: find or create its flow, advance its state, raise its rank, count, offer to the dissector.
// See worker.h for the files around it.
#include "engine/worker.h"

#include <string.h>

#include "base/bytes.h"
#include "engine/tcp_state.h"

enum {
	ADMITTED_ANYWAY = 8,    // a flow whose eighth packet this is waits for no budget
};

static void count(struct yg_worker *w, enum yg_worker_counter counter)
{
	yg_counter_add(&w->o.stats->c[counter], 1);
}

void yg_packet_place(const struct yg_flow_table *table, const struct yg_flow_run *run, struct yg_packet *p)
{
	unsigned sender;
	p->decoded = p->view.end == YG_DECODE_DECODED;
	p->partition = run->first;
	if (!(p->view.flags & YG_VIEW_IP))
		return;
	bool about = p->view.flags & YG_VIEW_ICMP_ERROR;
	if (!p->decoded || about)
		p->partition = (uint8_t)yg_flow_partition(table, run, &p->view);
	if (!p->decoded)
		return;
	yg_flow_key_of(&p->view, &p->key, &sender);
	p->sender = (uint8_t)sender;
	yg_flow_hash_of(table, run, &p->key, about ? p->partition : -1, &p->hash);
	p->partition = p->hash.partition;
	yg_flow_prefetch(table, &p->hash);
}

// Nobody's place was known beforehand.
static __attribute__((noinline)) uint32_t find_place(struct yg_worker *w, const struct yg_packet *p, struct yg_time time, uint16_t note)
{
	uint32_t victim, entry = yg_flow_place(w->o.table, &p->hash, &p->key, time, &victim);
	if (entry == YG_NO_RECORD) {
		count(w, YG_WC_FLOW_EVICTED);
		if (!w->o.replay && yg_flow_entry(w->o.table, victim)->record == YG_NO_RECORD) {
			yg_worker_attempt_end(w, victim, yg_worker_org_of(w, victim), YG_END_EVICTED, time.ns);
			yg_flow_replace(w->o.table, victim, &p->hash, &p->key, time, note);
			return victim;
		}
		yg_worker_flow_end(w, victim, YG_END_EVICTED, time.ns, w->order);
		entry = yg_flow_place(w->o.table, &p->hash, &p->key, time, &victim);
	}
	yg_flow_note(w->o.table, entry, note);
	return entry;
}

// `note`: whose the flow is, where that is known. In a flood each attempt takes the place of another, which was found beforehand (live
// only, and it is embryonic).
static inline struct yg_flow_entry *make_place(struct yg_worker *w, const struct yg_packet *p, struct yg_time time, uint16_t note)
{
	uint32_t victim = yg_flow_victim(w->o.table, &p->hash);
	if (victim == YG_NO_RECORD)
		return yg_flow_entry(w->o.table, find_place(w, p, time, note));
	uint16_t noted = yg_flow_victim_noted(w->o.table, &p->hash), org = noted != YG_NOTE_NONE ? noted : yg_worker_org_of(w, victim);
	if (!yg_worker_replace_spent(w, yg_flow_entry(w->o.table, victim), org)) {
		count(w, YG_WC_FLOW_EVICTED);
		yg_worker_attempt_end(w, victim, org, YG_END_EVICTED, time.ns);
	}
	return yg_flow_succeed(w->o.table, &p->hash, &p->key, time, note);
}

void yg_worker_count_shown(struct yg_worker *w)
{
	struct yg_counter *c = w->o.stats->c;
	uint32_t replaced = w->replaced[0] + w->replaced[1];
	yg_counter_add(&c[YG_WC_FLOW_HITS], w->hits);
	yg_counter_add(&c[YG_WC_FLOW_CREATED], w->begun);
	if (replaced) {
		yg_counter_add(&c[YG_WC_FLOW_EVICTED], replaced);
		yg_counter_add(&c[YG_WC_FLOW_ENDED], replaced);
		yg_counter_add(&c[YG_WC_FLOW_EMBRYONIC_ENDED], replaced);
		yg_counter_add(&w->o.stats->end[YG_END_EVICTED], replaced);
		yg_counter_add(&c[YG_WC_RECORDS_SHED_BUDGET], replaced);
		yg_counter_add(&c[YG_WC_CONTACTS], w->replaced[0]);
		yg_counter_add(&c[YG_WC_CONTACTS_SHED], w->replaced[0]);
	}
	w->hits = w->begun = w->replaced[0] = w->replaced[1] = 0;
}

// Who began: the sender, but of a SYN-ACK the receiver, whose SYN went by unseen.
static void begin_flow(struct yg_flow_entry *e, const struct yg_packet *p)
{
	const struct yg_view *v = &p->view;
	bool synack = v->proto == 6 && (v->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK | YG_TCP_RST)) == (YG_TCP_SYN | YG_TCP_ACK);
	unsigned initiator = synack ? !p->sender : p->sender;
	if (initiator)
		e->flags |= YG_ENTRY_INITIATOR_1;
	if (synack)
		e->flags |= YG_ENTRY_FIRST_REVERSE;
	if (v->proto == 6 && (v->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK)) != YG_TCP_SYN)
		e->flags |= YG_ENTRY_NO_FLOW;
	// No attempt to reach anybody: an answer without its question, an ICMP message that asks nothing.
	bool asks_nothing = synack || (v->proto == 6 && v->tcp_flags & YG_TCP_RST) ||
			    ((v->proto == 1 || v->proto == 58) && v->icmp_one_way);
	if (asks_nothing)
		e->flags |= YG_ENTRY_CONTACT;
	yg_entry_set_vlan(e, v->vlan);
}

static bool connection_over(struct yg_worker *w, uint32_t entry)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	unsigned state = e->record == YG_NO_RECORD ? (e->state & 15u) : yg_record_state(yg_flow_record(w->o.table, e->record));
	return state == YG_TCP_CLOSED || state == YG_TCP_RESET;
}

static void take_sample(struct yg_worker *w, const struct yg_view *v, uint8_t vector);

// Step 3 of shedding: a body whose flows are few goes on having them, so that a flood on another does not hide what happens to it.
static bool may_begin(struct yg_worker *w, const struct yg_packet *p)
{
	struct yg_flow_entry blank = {0};
	begin_flow(&blank, p);
	return yg_worker_may(w, yg_worker_org_of_key(w, &p->key, blank.flags & YG_ENTRY_INITIATOR_1), YG_BUDGET_SHED_FLOW);
}

// Beyond that a packet without a flow counts as the first of one would, and leaves nothing behind.
static void count_only(struct yg_worker *w, const struct yg_packet *p)
{
	const struct yg_view *v = &p->view;
	struct yg_flow_entry blank = {.key = p->key, .record = YG_NO_RECORD};
	begin_flow(&blank, p);
	count(w, YG_WC_SHED_PACKETS);
	if (p->counted)
		return;
	unsigned direction = !!(blank.flags & YG_ENTRY_INITIATOR_1) != p->sender;
	uint8_t vector = yg_worker_vector(v, &blank, NULL, direction);
	bool syn = v->proto == 6 && (v->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK)) == YG_TCP_SYN; // what begins a flow for certain
	bool inward = yg_worker_count_loose(w, v, &blank, direction, vector, syn);
	yg_rates_link(w->open.rates, vector, inward, direction, v->wirelen + 20);
	take_sample(w, v, vector);
}

// The flow of the packet: `entry`, if that is still it, or one that begins. *ret_fresh: begun. YG_NO_RECORD: none, and the packet has been
// counted.
static uint32_t flow_of(struct yg_worker *w, const struct yg_packet *p, uint32_t entry, bool *ret_fresh)
{
	const struct yg_view *v = &p->view;
	if (entry != YG_NO_RECORD) {
		struct yg_time deadline = yg_flow_deadline(w->o.table, entry);
		bool syn = v->proto == 6 && (v->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK | YG_TCP_RST)) == YG_TCP_SYN;
		if (!yg_time_before(v->time, deadline))
			yg_worker_flow_end(w, entry, YG_END_IDLE, deadline.ns, w->order);
		else if (syn && connection_over(w, entry))
			yg_worker_flow_end(w, entry, YG_END_IDLE, v->time.ns, w->order);
		else {
			*ret_fresh = false;
			w->hits++;
			return entry;
		}
	}
	if (w->shed >= 3 && !may_begin(w, p)) {
		count_only(w, p);
		return YG_NO_RECORD;
	}
	struct yg_flow_entry *e = make_place(w, p, v->time, YG_NOTE_NONE);
	w->begun++;
	begin_flow(e, p);
	*ret_fresh = true;
	return yg_flow_number(w->o.table, e);
}

static bool is_plain(const struct yg_view *v)
{
	if (v->proto == 6)
		return !(v->tcp_flags & (YG_TCP_SYN | YG_TCP_RST));
	return !((v->proto == 1 || v->proto == 58) && v->icmp_one_way);
}

static bool carries_payload(const struct yg_view *v)
{
	return v->payload_len > 0 && !(v->proto == 6 && v->tcp_flags & (YG_TCP_SYN | YG_TCP_RST)) &&
	       !((v->proto == 1 || v->proto == 58) && v->icmp_one_way);
}

// Rank of an embryonic flow after this packet.
static uint8_t rank_after(const struct yg_flow_entry *e, const struct yg_view *v)
{
	unsigned state = e->state & 15u, plain = yg_entry_plain(e);
	if (v->proto == 6 && state == YG_TCP_ESTABLISHED)
		return YG_RANK_ESTABLISHED;
	return carries_payload(v) || plain >= 4 ? YG_RANK_TALKING : YG_RANK_EMBRYONIC;
}

// True while the entry alone can still hold the counts.
static bool count_embryonic(struct yg_flow_entry *e, const struct yg_view *v, unsigned direction)
{
	int64_t ms = (v->time.ns - e->first_ns) / YG_NS_PER_MS;
	unsigned shift = direction ? 4 : 0, packets = e->packets >> shift & 15u;
	uint32_t bytes = yg_entry_bytes(e, direction) + v->ip_bytes;
	if (ms > UINT16_MAX || packets == 15 || bytes > yg_entry_bytes_most(direction))
		return false;
	e->last_ms = (uint16_t)ms;
	e->packets = (uint8_t)(e->packets + (1u << shift));
	e->bytes[direction] = (uint16_t)(e->bytes[direction] + v->ip_bytes);
	return true;
}

// The table of states knows that there was a FIN, not whose: one that is sent again is not the other side's.
// `both`: flags that both have sent, this packet's among them.
static uint8_t tcp_after(uint8_t state, unsigned direction, uint8_t flags, unsigned both)
{
	uint8_t next = yg_tcp_next(state, direction, flags);
	return next == YG_TCP_FIN_2 && !(both & YG_TCP_FIN) ? YG_TCP_FIN_1 : next;
}

static void advance_embryonic(struct yg_flow_entry *e, const struct yg_view *v, unsigned direction)
{
	unsigned state = e->state & 15u, plain = yg_entry_plain(e);
	if (v->proto == 6) {
		e->tcp_flags[direction] |= v->tcp_flags;
		state = tcp_after((uint8_t)state, direction, v->tcp_flags, e->tcp_flags[0] & e->tcp_flags[1]);
		if (direction == 0 && (v->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK)) == YG_TCP_SYN)
			e->flags |= YG_ENTRY_SYN;
	} else if ((v->proto == 1 || v->proto == 58) && direction == 0) {
		e->tcp_flags[0] = v->icmp_type;
		e->tcp_flags[1] = v->icmp_code;
	}
	if (is_plain(v) && plain < YG_ENTRY_PLAIN_MOST)
		plain++;
	yg_entry_set_state(e, state, plain);
}

// What of a packet shows in the flags of its flow.
static void note_kind(struct yg_flow_entry *e, const struct yg_view *v)
{
	if (v->flags & YG_VIEW_REASSEMBLED)
		e->flags |= YG_ENTRY_FRAGMENTED;
	if (v->flags & YG_VIEW_TUNNELLED)
		e->flags |= YG_ENTRY_TUNNELLED;
}

static void count_record(const struct yg_worker *w, struct yg_flow_record *r, const struct yg_view *v, unsigned direction)
{
	yg_record_see(r, w->seen);
	r->packets[direction]++;
	r->bytes[direction] += (uint64_t)v->ip_bytes << YG_COUNT_SHIFT;
	if (carries_payload(v))
		r->payload[direction] += (uint64_t)v->payload_len << YG_COUNT_SHIFT;
}

// A reader who shuts its window is told of while that is young: the second time, the fourth, the eighth … (flow.update is a minute).
// True: now.
static bool note_shut(const struct yg_worker *w, struct yg_flow_entry *e, const struct yg_view *v, unsigned direction)
{
	if (v->proto != 6 || v->tcp_window || v->tcp_flags & (YG_TCP_SYN | YG_TCP_RST | YG_TCP_FIN) || e->shut[direction] == UINT8_MAX)
		return false;
	unsigned times = ++e->shut[direction];
	return direction == 0 && times > 1 && !(times & (times - 1)) && w->update_us;
}

static void raise_rank(struct yg_worker *w, uint32_t entry, struct yg_flow_record *r, const struct yg_view *v)
{
	uint8_t rank = yg_record_rank(r), before = rank;
	bool both = yg_record_payload(r, 0) && yg_record_payload(r, 1);
	if (v->proto == 6 && (yg_record_state(r) == YG_TCP_ESTABLISHED || both))
		rank = YG_RANK_ESTABLISHED;
	else if (v->proto != 6 && both)
		rank = YG_RANK_ANSWERED;
	else if (rank == YG_RANK_EMBRYONIC && (carries_payload(v) || yg_record_plain(r) >= 4))
		rank = YG_RANK_TALKING;
	if (rank > before) {
		yg_record_set_rank(r, rank);
		yg_flow_arm(w->o.table, entry, v->time);
	}
}

static void advance_record(struct yg_worker *w, uint32_t entry, struct yg_flow_record *r, const struct yg_view *v, unsigned direction)
{
	if (is_plain(v) && yg_record_rank(r) == YG_RANK_EMBRYONIC) // later nobody asks
		yg_record_set_plain(r, yg_record_plain(r) + 1);
	if (v->proto == 6) {
		uint8_t before = yg_record_state(r);
		r->bytes[direction] |= v->tcp_flags;
		uint8_t state = tcp_after(before, direction, v->tcp_flags, yg_record_tcp_flags(r, 0) & yg_record_tcp_flags(r, 1));
		yg_record_set_state(r, state);
		if (state == YG_TCP_ESTABLISHED && before != YG_TCP_ESTABLISHED)
			yg_worker_count_handshake(w, entry);
		if (before != state && (state == YG_TCP_CLOSED || state == YG_TCP_RESET))
			yg_flow_arm(w->o.table, entry, v->time); // its deadline has come nearer
	}
	raise_rank(w, entry, r, v);
}

// Answered, refused, or neither yet.
static void judge_contact(struct yg_worker *w, uint32_t entry, const struct yg_view *v, unsigned direction)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (e->flags & YG_ENTRY_CONTACT)
		return;
	if (v->proto != 6) {
		if (direction == 1)
			yg_worker_contact(w, entry, YG_CONTACT_ANSWERED);
		return;
	}
	unsigned state = e->record == YG_NO_RECORD ? (e->state & 15u) : yg_record_state(yg_flow_record(w->o.table, e->record));
	if (direction == 1 && v->tcp_flags & YG_TCP_RST)
		yg_worker_contact(w, entry, YG_CONTACT_REFUSED);
	else if (direction == 1 || state == YG_TCP_ESTABLISHED)
		yg_worker_contact(w, entry, YG_CONTACT_ANSWERED);
}

// An ICMP error refuses the attempt that it quotes, when the quoted packet is the initiator's.
static void icmp_about(struct yg_worker *w, const struct yg_packet *p)
{
	const struct yg_view *v = &p->view;
	bool unreachable = (v->proto == 1 && v->icmp_type == 3) || (v->proto == 58 && v->icmp_type == 1);
	struct yg_view quoted = {.src = v->about_src, .dst = v->about_dst, .sport = v->about_sport, .dport = v->about_dport,
				 .proto = v->about_proto, .af = v->af, .domain = v->domain};
	struct yg_flow_key key;
	struct yg_flow_hash hash;
	unsigned sender;
	yg_flow_key_of(&quoted, &key, &sender);
	const struct yg_flow_run run = {(uint8_t)w->partition_first, (uint8_t)(w->partition_end - w->partition_first)};
	yg_flow_hash_of(w->o.table, &run, &key, (int)p->partition, &hash);
	uint32_t entry = yg_flow_find(w->o.table, &hash, &key);
	if (entry == YG_NO_RECORD)
		return;
	count(w, YG_WC_ICMP_ABOUT);
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	bool by_initiator = !!(e->flags & YG_ENTRY_INITIATOR_1) == sender;
	if (unreachable && by_initiator && !(e->flags & YG_ENTRY_CONTACT))
		yg_worker_contact(w, entry, YG_CONTACT_REFUSED);
}

// Whether an update is due at this packet, before it is counted.
static bool update_due(const struct yg_worker *w, const struct yg_flow_record *r)
{
	// Most packets know from the marks that it is not this second; not those that no list of a second knows of.
	bool near = yg_record_marks(r) & YG_MARK_NEAR || yg_record_second(r) != yg_worker_second_mark(&w->open);
	return w->update_us && near && yg_record_update_due(r, w->seen);
}

// The path of a packet whose flow has, or now gets, a record.
static void packet_of_record(struct yg_worker *w, const struct yg_packet *p, uint32_t entry, unsigned direction)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	uint32_t record = e->record;
	struct yg_flow_record *r = yg_flow_record(w->o.table, record);
	if (p->counted)
		yg_worker_record_leave_out(w, r, direction, p->view.ip_bytes);
	bool due = update_due(w, r);
	count_record(w, r, &p->view, direction);
	note_kind(e, &p->view);
	advance_record(w, entry, r, &p->view, direction);
	due |= note_shut(w, e, &p->view, direction);
	if (due)
		yg_worker_flow_update(w, record, &p->view);
	if (carries_payload(&p->view))
		yg_worker_dissect(w, p, record, direction);
}

// A replay goes by the number of the packet, live it is counted down: a division less.
static inline bool is_sampled(struct yg_worker *w, uint64_t number)
{
	if (w->o.replay)
		return w->sample_every == 1 || (w->sample_every && number % w->sample_every == 0);
	if (w->sample_left-- > 1)
		return false;
	w->sample_left = w->sample_every;
	return true;
}

static void put_sample(struct yg_worker *w, const struct yg_view *v, uint8_t vector)
{
	struct yg_ring *ring = &w->o.out->sample;
	if (!yg_ring_has_room(ring, 1)) {
		if (w->o.replay)
			yg_worker_wait(w, ring, 1);
		if (!yg_ring_has_room(ring, 1)) {
			count(w, YG_WC_SAMPLE_RING_FULL);
			return;
		}
	}
	struct yg_sample *s = yg_ring_slot(ring, ring->own);
	*s = (struct yg_sample){.src = v->src, .dst = v->dst, .second = (int32_t)w->second, .sport = v->sport, .dport = v->dport,
				.bytes = (uint16_t)(v->ip_bytes > UINT16_MAX ? UINT16_MAX : v->ip_bytes), .proto = v->proto,
				.tcp_flags = v->tcp_flags, .vector = vector, .af = v->af};
	yg_ring_push(ring, 1);
	__builtin_prefetch(yg_ring_slot(ring, ring->own), 1); // whoever read it last has it
	__builtin_prefetch((uint8_t *)yg_ring_slot(ring, ring->own) + 63, 1);
	count(w, YG_WC_SAMPLED);
}

static void take_sample(struct yg_worker *w, const struct yg_view *v, uint8_t vector)
{
	if (is_sampled(w, v->number))
		put_sample(w, v, vector);
}

// What the first record of a flow takes over from the packet that made it grow.
static void first_of_record(struct yg_worker *w, const struct yg_packet *p, uint32_t entry, unsigned direction)
{
	const struct yg_view *v = &p->view;
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	struct yg_flow_record *r = yg_flow_record(w->o.table, e->record);
	if (yg_record_state(r) == YG_TCP_ESTABLISHED)
		yg_worker_count_handshake(w, entry);
	note_kind(e, v);
	if (!carries_payload(v))
		return;
	r->payload[direction] += (uint64_t)v->payload_len << YG_COUNT_SHIFT;
	yg_worker_dissect(w, p, e->record, direction);
}

// Live a body gets so many flows a second into rank 1; above that a flow waits for its eighth packet. A connection whose handshake was seen
// waits for nothing.
static bool is_admitted(struct yg_worker *w, const struct yg_flow_entry *e, uint16_t org)
{
	if (yg_worker_may(w, org, YG_BUDGET_ADMISSION))
		return true;
	bool waits = (e->packets & 15u) + (e->packets >> 4) < ADMITTED_ANYWAY;
	if (waits)
		count(w, YG_WC_FLOW_ADMISSION);
	return !waits;
}

static void packet_of_embryonic(struct yg_worker *w, const struct yg_packet *p, uint32_t entry, unsigned direction, bool fresh)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (!count_embryonic(e, &p->view, direction)) {
		// The entry is full: the flow gets a record, and this packet is its first there.
		if (yg_worker_flow_grow(w, entry, YG_RANK_EMBRYONIC) != YG_NO_RECORD)
			packet_of_record(w, p, entry, direction);
		return;
	}
	advance_embryonic(e, &p->view, direction);
	if (!fresh)
		yg_flow_touch(w->o.table, entry, p->view.time);
	uint8_t rank = rank_after(e, &p->view);
	if (rank == YG_RANK_EMBRYONIC)
		return;
	bool free = w->o.replay || rank == YG_RANK_ESTABLISHED;
	if ((free || is_admitted(w, e, yg_worker_org_of(w, entry))) && yg_worker_flow_grow(w, entry, rank) != YG_NO_RECORD)
		first_of_record(w, p, entry, direction);
}

static void packet_of_flow(struct yg_worker *w, const struct yg_packet *p, uint32_t entry, bool fresh)
{
	struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	const struct yg_view *v = &p->view;
	unsigned direction = !!(e->flags & YG_ENTRY_INITIATOR_1) != p->sender;
	struct yg_flow_record *r = e->record == YG_NO_RECORD ? NULL : yg_flow_record(w->o.table, e->record);
	uint8_t vector = yg_worker_vector(v, e, r, direction);
	if (!p->counted) {
		bool inward = r && yg_record_rank(r) > YG_RANK_EMBRYONIC ? yg_worker_count_record(w, r, e->record, direction, v->ip_bytes)
							       : yg_worker_count_now(w, v, entry, direction, vector, fresh);
		yg_rates_link(w->open.rates, vector, inward, direction, v->wirelen + 20);
		take_sample(w, v, vector);
	}
	if (r) {
		yg_mirror_tcp(w->mirror, v, &p->hash, p->sender);
		packet_of_record(w, p, entry, direction);
	} else {
		packet_of_embryonic(w, p, entry, direction, fresh);
	}
	judge_contact(w, entry, v, direction);
}

// What of a packet decides whether it can be counted and forgotten, and is counted.
struct sum {
	struct yg_time time;
	uint32_t wirelen, ip_bytes, payload_len;
	uint8_t proto, tcp_flags;
	bool usual; // in no tunnel, not reassembled, not counted before, no window that is shut
};

static inline struct sum sum_of_view(const struct yg_packet *p)
{
	const struct yg_view *v = &p->view;
	bool usual = v->flags == YG_VIEW_IP && !p->counted && (v->proto != 6 || v->tcp_window);
	return (struct sum){v->time, v->wirelen, v->ip_bytes, v->payload_len, v->proto, v->tcp_flags, usual};
}

static inline struct sum sum_of_plain(const struct yg_plain *p, struct yg_time time)
{
	return (struct sum){time, p->wirelen, p->ip_bytes, p->payload_len, p->kind & YG_PLAIN_UDP ? 17 : 6, p->tcp_flags, !p->shut};
}

// Whether nothing can come of the packet but counts: its flow has the rank it can have, its connection is open and stays so, what is read
// of it has been read, its contact is told and its second is noted. Nine of ten packets are of this kind.
static inline bool is_settled(const struct yg_worker *w, const struct sum *s, const struct yg_flow_entry *e, const struct yg_flow_record *r,
			      unsigned direction)
{
	uint64_t since = w->seen - r->seen; // of another second: the low bits differ, and go on top
	if ((since >> YG_COUNT_SHIFT | since << (64 - YG_COUNT_SHIFT)) >= w->idle_least_us)
		return false;
	bool tcp = s->proto == 6;
	if (!s->usual || !(e->flags & YG_ENTRY_CONTACT) || yg_record_marks(r) & YG_MARK_NEAR)
		return false;
	if (tcp ? s->tcp_flags & (YG_TCP_SYN | YG_TCP_FIN | YG_TCP_RST) : s->proto != 17)
		return false;
	unsigned stage = yg_record_stage(r);
	bool most = stage == (tcp ? YG_STAGE_OF(YG_RANK_ESTABLISHED, YG_TCP_ESTABLISHED) : YG_STAGE_OF(YG_RANK_ANSWERED, YG_TCP_NONE));
	if (__builtin_expect(!most, 0) && !(tcp && stage == YG_STAGE_OF(YG_RANK_ESTABLISHED, YG_TCP_MIDSTREAM)) &&
	    (stage != YG_STAGE_OF(YG_RANK_TALKING, tcp ? YG_TCP_MIDSTREAM : YG_TCP_NONE) || yg_record_payload(r, !direction)))
		return false; // neither all that it can be, nor one of which the other side is not seen
	return yg_record_dissection(r) >= YG_DSS_READ || !s->payload_len || !w->o.to_dissector;
}

static void unfold(struct yg_packet *p, struct yg_time time, uint64_t number)
{
	if (!p->folded)
		return;
	yg_plain_view(&p->plain, &p->view);
	p->view.time = time;
	p->view.number = number;
	p->folded = false;
}

// Counts such a packet, as packet_of_flow would. False: it is none, nothing was done.
static inline bool take_settled(struct yg_worker *w, struct yg_packet *p, const struct sum *s, uint32_t entry)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (e->record == YG_NO_RECORD)
		return false;
	struct yg_flow_record *r = yg_flow_record(w->o.table, e->record);
	unsigned direction = !!(e->flags & YG_ENTRY_INITIATOR_1) != p->sender;
	if (!is_settled(w, s, e, r, direction))
		return false;
	w->hits++;
	bool inward = yg_record_inward(r, direction);
	uint8_t vector = yg_worker_settled_vector(s->proto, e->flags, direction);
	yg_rates_link(w->open.rates, vector, inward, direction, s->wirelen + 20);
	if (is_sampled(w, w->order >> 1)) {
		unfold(p, s->time, w->order >> 1);
		put_sample(w, &p->view, vector);
	}
	if (s->proto == 6 && yg_mirror_watches(w->mirror, &p->hash)) {
		unfold(p, s->time, w->order >> 1);
		yg_mirror_segment(w->mirror, &p->view, &p->hash, p->sender);
	}
	r->seen = w->seen;
	r->packets[direction]++;
	r->bytes[direction] = (r->bytes[direction] + ((uint64_t)s->ip_bytes << YG_COUNT_SHIFT)) | s->tcp_flags;
	r->payload[direction] += (uint64_t)s->payload_len << YG_COUNT_SHIFT;
	return true;
}

// An attempt begins, of which everything is known before: as flow_of and packet_of_flow would. Inlined once for each of the two, so that
// what they fix is a constant of the code.
static inline __attribute__((always_inline)) void begin_attempt(struct yg_worker *w, struct yg_packet *p, struct yg_time time,
								uint64_t number, bool udp)
{
	const struct yg_plain *f = &p->plain;
	unsigned sender = p->sender;
	const uint8_t vector = udp ? YG_VEC_UDP : YG_VEC_SYN;
	uint64_t kind = yg_rate_kind(p->key.af, udp ? 17 : 6, vector, p->key.port[!sender]);
	struct yg_rate_ends ends;
	yg_rates_begin(w->open.rates, p->key.addr, sender, p->ours, kind, f->ip_bytes, &ends);
	uint16_t org = ends.to_org != YG_ORG_NONE ? ends.to_org : ends.from_org;
	struct yg_flow_entry *e = make_place(w, p, time, org);
	_Static_assert(YG_ENTRY_INITIATOR_1 == 2, "end 1 began");
	e->flags = (uint8_t)(YG_ENTRY_USED | (udp ? 0 : YG_ENTRY_SYN) | sender << 1);
	e->bytes[0] = (uint16_t)f->ip_bytes;
	e->packets = 1;
	e->tcp_flags[0] = f->tcp_flags;
	e->state = udp ? 1 << 4 : YG_TCP_SYN_SENT; // one plain packet
	if (f->kind & YG_PLAIN_TAGGED)
		yg_entry_set_vlan(e, yg_load16(f->data + 14));
	w->begun++;
	yg_rates_link(w->open.rates, vector, ends.inward, false, f->wirelen + 20);
	if (is_sampled(w, number)) {
		unfold(p, time, number);
		put_sample(w, &p->view, vector);
	}
	if (!udp || !f->payload_len)
		return;
	if (!is_admitted(w, e, org))
		return;
	uint32_t entry = yg_flow_number(w->o.table, e);
	if (yg_worker_flow_grow(w, entry, YG_RANK_TALKING) != YG_NO_RECORD) {
		unfold(p, time, number);
		first_of_record(w, p, entry, 0);
	}
}

// A bare SYN or a datagram that belongs to no flow, which is what most of a flood consists of. False: it is none, nothing was done.
static inline bool take_attempt(struct yg_worker *w, struct yg_packet *p, struct yg_time time, uint64_t number)
{
	const struct yg_plain *f = &p->plain;
	if ((f->ip_bytes > UINT16_MAX) | (w->shed >= 3))
		return false;
	if (f->kind & YG_PLAIN_UDP) {
		begin_attempt(w, p, time, number, true);
		return true;
	}
	if ((f->tcp_flags & (YG_TCP_SYN | YG_TCP_ACK | YG_TCP_RST | YG_TCP_FIN)) != YG_TCP_SYN)
		return false;
	begin_attempt(w, p, time, number, false);
	return true;
}

// The first fragment of a datagram has the ports that tell who sent it: reflected answers come in fragments.
static void take_first_fragment(struct yg_worker *w, const struct yg_view *v)
{
	struct yg_view named = *v;
	if (v->payload + 4u <= v->caplen) {
		named.sport = yg_load16(v->data + v->payload);
		named.dport = yg_load16(v->data + v->payload + 2);
	}
	take_sample(w, &named, YG_VEC_UDP);
}

// A packet that goes no further than decode counts to its target all the same.
static void bare_packet(struct yg_worker *w, const struct yg_view *v)
{
	if (!(v->flags & YG_VIEW_IP))
		return;
	uint8_t vector = YG_VEC_MALFORMED;
	if (v->flags & YG_VIEW_FRAGMENT)
		vector = v->frag_offset == 0 && v->frag_next == 17 ? YG_VEC_UDP : YG_VEC_FRAGMENT;
	yg_worker_count_bare(w, v, vector);
	if (vector == YG_VEC_UDP)
		take_first_fragment(w, v);
	else
		take_sample(w, v, vector);
}

// `entry`: what yg_flow_find said.
static void take(struct yg_worker *w, const struct yg_packet *p, uint32_t entry)
{
	bool fresh;
	entry = flow_of(w, p, entry, &fresh);
	if (entry != YG_NO_RECORD)
		packet_of_flow(w, p, entry, fresh);
}

void yg_worker_packet(struct yg_worker *w, struct yg_packet *p)
{
	const struct yg_view *v = &p->view;
	yg_worker_clock(w, v->time);
	w->order = v->number << 1 | 1;
	if (yg_mirror_duplicate(w->mirror, v, p->partition, p->decoded ? p->hash.tag : 0, p->counted))
		return;
	if (!p->decoded) {
		bare_packet(w, v);
		return;
	}
	if (v->flags & YG_VIEW_ICMP_ERROR)
		icmp_about(w, p);
	const struct sum sum = sum_of_view(p);
	uint32_t entry = yg_flow_find(w->o.table, &p->hash, &p->key);
	if (entry == YG_NO_RECORD || !take_settled(w, p, &sum, entry))
		take(w, p, entry);
}

void yg_worker_folded(struct yg_worker *w, struct yg_packet *p, struct yg_time time, uint64_t number)
{
	yg_worker_clock(w, time);
	w->order = number << 1 | 1;
	if (yg_mirror_looks(w->mirror, yg_mirror_fingerprint_plain(&p->plain, p->hash.tag))) {
		unfold(p, time, number);
		if (yg_mirror_look_up(w->mirror, &p->view, p->partition))
			return;
	}
	uint32_t entry = p->hash.guess;
	if (entry != YG_NO_RECORD ? !yg_flow_guessed(w->o.table, &p->hash, &p->key) : !yg_flow_absent(w->o.table, &p->hash))
		entry = yg_flow_find(w->o.table, &p->hash, &p->key);
	if (entry == YG_NO_RECORD) {
		if (take_attempt(w, p, time, number))
			return;
	} else {
		const struct sum sum = sum_of_plain(&p->plain, time);
		if (take_settled(w, p, &sum, entry))
			return;
	}
	unfold(p, time, number);
	take(w, p, entry);
}
