// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker: views in, events out. It owns a run of partitions of the flow table, its rates, its rings to and from a dissector,
// and its rings to the aggregator. No lock, no allocation, no clock: time comes with the packets.
//
//   worker.c          the path of a packet
//   worker_life.c     create and destroy, batches, polls
//   worker_flow.c     beginning, growth and end of flows; records and contacts
//   worker_dissect.c  what goes to the dissector and what its answers mean
//   worker_rates.c    which vector a packet counts to; seconds
//   worker_second.c   the end of a second: what was counted leaves, live in pieces
//   worker_budget.c   live: what a body may ask for in a second
//   worker_out.c      slots in the rings towards the aggregator
//
// Thread: its own, except create and destroy.
#pragma once

#include "base/ring.h"
#include "config/config.h"
#include "engine/event.h"
#include "engine/flow_table.h"
#include "engine/mirror.h"
#include "engine/rates.h"
#include "engine/shed.h"
#include "model/stats.h"

// A packet on its way through a worker. First what every packet needs, on two cache lines.
struct yg_packet {
	struct yg_flow_key key;
	struct yg_flow_hash hash;
	struct yg_plain plain;
	uint8_t partition;
	uint8_t sender;        // which end of the key sent it
	uint8_t decoded;       // goes to the flow table
	uint8_t counted;       // its frames have been counted to the rates (reassembled)
	uint8_t folded;        // of the common kind: `plain` says what is known of it, the view has not been written
	uint8_t ours;          // bit i: end i of the key may be ours (yg_worker_prefetch_new)
	struct yg_view view;
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct yg_packet, plain) == 64 && offsetof(struct yg_packet, view) <= 128, "two lines, the second for decoding");

// What the dissector said of a flow; kept until the flow's record leaves.
struct yg_flow_meta {
	uint32_t next_free;
	uint32_t generation; // of the dissection
	struct yg_verdict verdict;
};

// A flow that has counted something in a second, and where its counters stood before.
struct yg_touched {
	uint32_t record;
	uint32_t packets[2];
	uint64_t bytes[2];
};

// Live: what may come to yg_flow_memory in all workers together: were every flow with a record read by a dissector at once, had all of them
// ended unanswered and been seen in two seconds in turn, and were all places of verdicts taken.
static inline uint64_t yg_worker_memory_more(uint64_t places)
{
	uint64_t each = sizeof(struct yg_flow_dissection) + sizeof(struct yg_flow_gone) + 2 * sizeof(struct yg_touched);
	return places / YG_LIVE_PLACES * YG_LIVE_RECORDS * each + places / YG_LIVE_VERDICTS * sizeof(struct yg_flow_meta);
}

// What one second counted: that which is open, or, live, the one before it while it leaves.
struct yg_second {
	struct yg_worker_rates *rates;
	struct yg_touched *touched;
	uint32_t count, next; // next: the first that has not been added to the rates
	uint32_t step;        // flows a turn
	int64_t second;
	bool closing;
};

// What a body may ask for in a second of a live run, on one worker. So a flood on one cannot hide what happens to another.
enum yg_budget { YG_BUDGET_CONTACT, YG_BUDGET_DNS, YG_BUDGET_FLOW, YG_BUDGET_EMBRYONIC, YG_BUDGET_ADMISSION,
		 YG_BUDGET_SHED_CONTACT, YG_BUDGET_SHED_FLOW, YG_BUDGETS };

struct yg_budget_body {
	uint32_t asked[YG_BUDGETS];
	uint32_t spent[2]; // attempts that asked in vain beyond that: for contact and record, for the record alone
};

struct yg_worker_options {
	const struct yg_config *config;
	struct yg_flow_table *table;
	struct yg_worker_stats *stats;
	unsigned index, workers;
	bool replay;
	bool records_wanted;        // flow records have a reader
	uint32_t needs;             // YG_NEEDS_*: what any detector asks for; the rest is not sent
	struct yg_ring *to_dissector, *from_dissector; // attached; NULL: no dissector
	struct yg_event_rings *out; // producer ends
	struct yg_hash_key key;
};

struct yg_worker {
	struct yg_worker_options o;
	unsigned partition_first, partition_end;
	struct yg_second open, closing;
	uint32_t touched_max;
	uint64_t update_us;         // flow.update, 0: none
	uint32_t ds_packets_max, ds_bytes_max;
	uint8_t ds_wants;           // YG_DS_WANTS_*
	bool waits;                 // for room towards the aggregator: a replay always, live only at the end
	// the batch at hand
	uint64_t batch, order;
	uint64_t answered, applied; // a replay: the batch up to which answers are to be applied, have been
	struct yg_time now;
	uint64_t seen;              // `now` and the open second as flow_record.h has them: what a record that is seen now says
	uint64_t idle_least_us;     // the shortest idle time of all
	uint32_t generation;        // of the flow that was sent to the dissector last
	int64_t second;
	uint32_t sample_every, sample_left; // left: live, until the next
	bool started;
	// live: by body, the last for what belongs to nobody
	struct yg_budget_body *budget;
	uint32_t budget_max[YG_BUDGETS], bodies;
	// verdicts
	struct yg_flow_meta *meta;
	uint32_t meta_free, meta_next, meta_max;
	int64_t handed_ns;          // live: when the dissector was last shown all there was
	// ended records that wait for their verdicts, in order
	uint32_t pending_head, pending_tail;
	bool records_low;           // live: since the last poll a flow has found few records left
	// answers taken out of the ring while the way to the dissector was full
	struct yg_ds_answer *held;
	uint32_t held_count, held_first, held_max;
	// entries of the partition that is being flushed
	uint32_t *flush, flush_count, flush_max;
	struct yg_mirror *mirror;      // NULL: a replay
	uint8_t shed;                  // live: the step of shed.h that holds
	// counted since the counters were last shown (yg_worker_count_shown)
	uint32_t hits, begun;
	uint32_t replaced[2];          // attempts that went for others and had nothing more to tell: spent[] of their bodies
};

// Where a packet with a view goes: its partition, key and hash, within the partitions of `run`. Fetches the tags of its flow. Any thread.
void yg_packet_place(const struct yg_flow_table *table, const struct yg_flow_run *run, struct yg_packet *packet);

struct yg_worker *yg_worker_create(const struct yg_worker_options *options);
void yg_worker_destroy(struct yg_worker *w);

// A reload, between two bursts: `config` is in force from here on, and outlives that. Bodies, prefixes and services are the same in it.
void yg_worker_retune(struct yg_worker *w, const struct yg_config *config, uint32_t needs);

// Begins a batch: announces it, counts the second before it to its end when it is over, applies the dissector's answers (a replay:
// those that the mark names) and lets records go whose verdicts are there.
void yg_worker_begin(struct yg_worker *w, const struct yg_batch_mark *mark);

// Ends the flows whose idle time has passed at the batch's time; before its first packet, numbered `first_packet`.
void yg_worker_expire(struct yg_worker *w, uint64_t first_packet);

// One packet of this worker's partitions, with its view; `decoded` as yg_packet says.
void yg_worker_packet(struct yg_worker *w, struct yg_packet *packet);

// One that is folded, with the time and number that its view would have. Live.
void yg_worker_folded(struct yg_worker *w, struct yg_packet *packet, struct yg_time time, uint64_t number);

// What is counted with nearly every packet reaches the counters of others once a burst or batch.
void yg_worker_count_shown(struct yg_worker *w);

// A flow of this key is likely to begin. Bit i: its end i may be ours.
static inline uint8_t yg_worker_prefetch_new(struct yg_worker *w, const struct yg_flow_key *key)
{
	unsigned ours = yg_rates_prefetch(w->open.rates, key->af, &key->addr[0]);
	return (uint8_t)(ours | (unsigned)yg_rates_prefetch(w->open.rates, key->af, &key->addr[1]) << 1);
}

// Shows the dissector what has gathered for it, when that is worth waking it for. Changes nothing but when.
void yg_worker_hand_over(struct yg_worker *w);

// Between batches: takes what the dissector has answered out of its ring, unread, so that it can go on.
void yg_worker_idle(struct yg_worker *w);

// Live, several times a millisecond's worth of packets: applies what the dissector has answered, lets records go that have their verdict
// or have waited a second for it, shows everybody what has gathered.
void yg_worker_poll(struct yg_worker *w, struct yg_time now);

// Live: nothing more will be received. What leaves from here on waits for room on its way to the aggregator.
void yg_worker_stop(struct yg_worker *w, struct yg_time now);

// Live: whether ended records still wait for their verdicts.
bool yg_worker_pending(const struct yg_worker *w);

// Ends the batch: tells dissector and aggregator.
void yg_worker_end(struct yg_worker *w, bool last);

// Ends every flow of a partition (when it is this worker's) in the order in which they began. `reason`: YG_END_EOF or YG_END_GAP.
void yg_worker_flush(struct yg_worker *w, unsigned partition, enum yg_flow_end reason, uint64_t order);

// ---- between the files of the worker ----

void yg_worker_settings(struct yg_worker *w); // takes from w->o what it keeps at hand

struct yg_event *yg_worker_event(struct yg_worker *w, enum yg_event_kind kind, enum yg_event_stage stage, uint64_t order);
void yg_worker_wait(struct yg_worker *w, struct yg_ring *ring, uint32_t n);
void yg_worker_publish(struct yg_worker *w);
void yg_worker_publish_some(struct yg_worker *w); // live: to the dissector once a millisecond, or when it is worth it

void yg_worker_flow_end(struct yg_worker *w, uint32_t entry, enum yg_flow_end end, int64_t end_ns, uint64_t order);
// Live: an embryonic flow of `org` ends. Its place in the table is the caller's.
void yg_worker_attempt_end(struct yg_worker *w, uint32_t entry, uint16_t org, enum yg_flow_end end, int64_t end_ns);
uint32_t yg_worker_flow_grow(struct yg_worker *w, uint32_t entry, uint8_t rank);
void yg_worker_contact(struct yg_worker *w, uint32_t entry, enum yg_outcome outcome);
void yg_worker_record_fill(struct yg_worker *w, uint32_t record, struct yg_flow *ret_flow);
// An update record of a flow, at a packet of it that has been counted; the next is due flow.update later.
void yg_worker_flow_update(struct yg_worker *w, uint32_t record, const struct yg_view *view);
void yg_worker_record_leave(struct yg_worker *w, uint32_t record);
void yg_worker_pending_release(struct yg_worker *w);

void yg_worker_dissect(struct yg_worker *w, const struct yg_packet *packet, uint32_t record, unsigned direction);
void yg_worker_dissect_end(struct yg_worker *w, uint32_t record);
void yg_worker_answers(struct yg_worker *w);
void yg_worker_dissect_batch_end(struct yg_worker *w);

// What packets of a flow with a record count to that go towards the responder (0) or the initiator (1): who asked for them, unless the
// responder began. A table, because direction is as good as random.
static inline uint8_t yg_worker_settled_vector(uint8_t proto, uint8_t entry_flags, unsigned direction)
{
	static const uint8_t vectors[4][4] = {
		{YG_VEC_TCP_FLOW, YG_VEC_DOWNLOAD, YG_VEC_TCP_FLOW, YG_VEC_TCP_FLOW},
		{YG_VEC_UDP, YG_VEC_DOWNLOAD, YG_VEC_UDP, YG_VEC_UDP},
		{YG_VEC_ICMP, YG_VEC_DOWNLOAD, YG_VEC_ICMP, YG_VEC_ICMP},
		{YG_VEC_OTHER, YG_VEC_DOWNLOAD, YG_VEC_OTHER, YG_VEC_OTHER},
	};
	_Static_assert(YG_ENTRY_FIRST_REVERSE == 4, "becomes 2");
	unsigned kind = proto == 6 ? 0 : proto == 17 ? 1 : proto == 1 || proto == 58 ? 2 : 3;
	return vectors[kind][(entry_flags & YG_ENTRY_FIRST_REVERSE) >> 1 | direction];
}
uint8_t yg_worker_vector(const struct yg_view *view, const struct yg_flow_entry *entry, const struct yg_flow_record *record,
			 unsigned direction);
// Each counts one frame (or what it says) and tells whether it went towards an internal end.
bool yg_worker_count_now(struct yg_worker *w, const struct yg_view *view, uint32_t entry, unsigned direction, uint8_t vector, bool fresh);
bool yg_worker_count_record(struct yg_worker *w, struct yg_flow_record *r, uint32_t record, unsigned direction, uint32_t bytes);
// The ends of a flow with a record, looked up; of many flows they are fetched before anything is added (rates.h).
struct yg_worker_flow_ends {
	struct yg_end end[2]; // who began it first
	struct yg_rate_places at[2];
	uint16_t port; // of the responder
	uint8_t proto, flags; // as in the entry
};
void yg_worker_flow_ends(const struct yg_worker_rates *rates, const struct yg_worker *w, const struct yg_flow_entry *entry,
			 struct yg_worker_flow_ends *ret);
void yg_worker_flow_fetch(const struct yg_worker_rates *rates, const struct yg_worker_flow_ends *ends);
// `packets` and `bytes` of one direction of it.
void yg_worker_add_flow(struct yg_worker_rates *rates, const struct yg_worker_flow_ends *ends, unsigned direction, uint32_t packets,
			uint64_t bytes);
// The same with an entry that is in no table (step 3 of shedding).
bool yg_worker_count_loose(struct yg_worker *w, const struct yg_view *view, const struct yg_flow_entry *entry, unsigned direction,
			   uint8_t vector, bool fresh);
void yg_worker_count_handshake(struct yg_worker *w, uint32_t entry);
void yg_worker_count_bare(struct yg_worker *w, const struct yg_view *view, uint8_t vector);

// Time is `now` from here on.
static inline void yg_worker_clock(struct yg_worker *w, struct yg_time now)
{
	if (now.ns == w->now.ns) // live that of a whole burst
		return;
	w->now = now;
	w->seen = yg_seen_of(now) | (uint16_t)w->open.second;
}
int yg_worker_second_create(struct yg_worker *w);
void yg_worker_second_destroy(struct yg_worker *w);
// The low bits by which a record knows its second.
static inline uint16_t yg_worker_second_mark(const struct yg_second *second)
{
	return (uint16_t)second->second;
}
// What the record has counted and nobody has added to the rates yet is added now.
void yg_worker_record_flush(struct yg_worker *w, struct yg_flow_record *r, const struct yg_flow_entry *entry);
// First packet of the record in the open second. False when there is no place for it: the packet is to be counted by itself.
bool yg_worker_record_touch(struct yg_worker *w, struct yg_flow_record *r, uint32_t record);
// A packet of the record that the rates have counted by themselves: not to be counted again with the rest of the second.
void yg_worker_record_leave_out(struct yg_worker *w, struct yg_flow_record *r, unsigned direction, uint32_t bytes);
void yg_worker_second_begin(struct yg_worker *w, int64_t second);
void yg_worker_second_end(struct yg_worker *w);
void yg_worker_second_turn(struct yg_worker *w);

int yg_worker_budget_create(struct yg_worker *w);
// True while the body may. What is refused is counted by the caller.
static inline bool yg_worker_may(struct yg_worker *w, uint16_t org, enum yg_budget budget)
{
	uint32_t *asked = &w->budget[org < w->bodies ? org : w->bodies].asked[budget];
	*asked += *asked < UINT32_MAX;
	return *asked <= w->budget_max[budget];
}
// An embryonic flow of `org` leaves its place to another. False: it may have something to tell (yg_worker_attempt_end); nothing was done.
static inline bool yg_worker_replace_spent(struct yg_worker *w, const struct yg_flow_entry *e, uint16_t org)
{
	struct yg_budget_body *b = &w->budget[org < w->bodies ? org : w->bodies];
	unsigned told = !!(e->flags & YG_ENTRY_CONTACT);
	bool contact_spent = b->asked[YG_BUDGET_CONTACT] >= w->budget_max[YG_BUDGET_CONTACT];
	bool record_spent = b->asked[YG_BUDGET_EMBRYONIC] >= w->budget_max[YG_BUDGET_EMBRYONIC];
	if (!(record_spent & (contact_spent | told)) | (w->shed >= 2))
		return false;
	b->spent[told]++;
	w->replaced[told]++;
	return true;
}
// Whose a flow is: the responder's, else the initiator's, else nobody's.
uint16_t yg_worker_org_of(struct yg_worker *w, uint32_t entry);
// The same of a flow that is in no table.
uint16_t yg_worker_org_of_key(struct yg_worker *w, const struct yg_flow_key *key, bool initiator_1);
// The same of a flow with a record, in the table or gone from it.
uint16_t yg_worker_org_of_tracked(const struct yg_worker *w, const struct yg_flow_entry *entry);
// A second is over: says to the aggregator what was passed on of how much, and begins anew.
void yg_worker_budget_second(struct yg_worker *w);
