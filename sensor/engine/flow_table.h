// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The flow table: buckets of eight 64-byte entries, found by a keyed hash with two choices, tags on a line of their own.
// It never refuses a flow: in the two buckets of a key the lowest rank goes first, within a rank the longest idle. An embryonic flow has no
// record, so it goes before one of rank 0 that has.
// At most two of the eight places of a bucket are embryonic, so a flood of forged SYNs turns over a quarter of the table.
// It costs no established flow while less than 60 % of the table are established; measured under a flood of ten times the
// table: 19 of 45,850 lost at 70 % full, 642 of 52,400 at 80 %, where both buckets of a key hold nothing but established flows.
//
//   bucket  32 B  tags of eight entries, and when its embryonic ones were last seen: all that a flood of new flows reads
//   entry   64 B  key, and either the whole of an embryonic flow or the number of its record and what is seldom asked of it
//   record  64 B  what a flow of rank 1 and above has (flow_record.h), in a pool; linked into a wheel of one-second slots by its deadline
//
// So an embryonic flow takes 64 B with its key, and a tracked one 128 B; the buckets add 4 B a place of the table, used or not. Live there
// are records for 29 of 32 places, which is where two choices begin to find both buckets full: 126 B a place, all of it present from the
// start. Where records run low, each flow that gets one ends the least of its own bucket. In a replay nothing may depend on that:
// there are half as many records again as places, present when used.
// Two kinds of thing are needed for a while only and lie in pools of their own, as many as records, so that they cannot run out, and taken
// from the last that was given back, so that no more of them are present than were ever in use at once: 24 B for a flow that the dissector
// reads, until its verdict; 96 B for one that has ended, until its record leaves.
//
// Everything lives in 16 partitions chosen by the keyed hash of the address pair. A worker owns a run of partitions; no partition
// ever looks at another, so what is evicted, ended and in which order does not depend on the number of workers.
//
// Thread: the worker that owns the partition. Memory is taken at creation, touched when used.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/decode.h"
#include "engine/flow_record.h"
#include "model/dissect.h"
#include "model/flow.h"
#include "model/packet.h"

enum {
	YG_PARTITIONS = 16,
	YG_BUCKET = 8,
	YG_BUCKET_EMBRYONIC = 2,
	YG_WHEEL = 512,
	YG_NO_RECORD = 0xffffffff,
	YG_WHEEL_HEADS = 0xffff0000, // in wheel_prev: the first of slot 0, and so on
	YG_TABLE_MOST = 1 << 26,     // places
	YG_LIVE_RECORDS = 29,        // live, for so many places:
	YG_LIVE_PLACES = 32,
	YG_LIVE_VERDICTS = 4,        // live, for so many places one flow may have a verdict with names
};

// Both directions of a flow have one key: the end with the lower (address, port) comes first.
struct yg_flow_key {
	struct yg_addr addr[2];
	uint16_t port[2];
	uint16_t domain;
	uint8_t proto, af;
};
_Static_assert(sizeof(struct yg_flow_key) == 40, "keys are hashed and compared whole");

enum yg_entry_flags {
	YG_ENTRY_USED = 0x01,
	YG_ENTRY_INITIATOR_1 = 0x02,   // the initiator is key end 1
	YG_ENTRY_FIRST_REVERSE = 0x04, // the first packet seen came from the responder (SYN-ACK)
	YG_ENTRY_CONTACT = 0x08,       // the contact was reported, or there is none to report
	YG_ENTRY_SYN = 0x10,           // the initiator's SYN was seen
	YG_ENTRY_NO_FLOW = 0x20,       // began with a TCP packet that is no SYN
	YG_ENTRY_FRAGMENTED = 0x40,    // of a flow with a record: at least one packet arrived in fragments
	YG_ENTRY_TUNNELLED = 0x80,     // and one in a tunnel
	YG_ENTRY_VLAN_8 = 0x40,        // of an embryonic flow these two bits: bits 8 and 9 of the VLAN
};

// An embryonic flow whole, or the front of a record. 64 bytes. Counters of an embryonic flow on the left of each pair, on the right what a
// flow with a record has there: yg_worker_flow_grow makes the one the other.
struct yg_flow_entry {
	struct yg_flow_key key;
	int64_t first_ns;
	uint32_t record; // YG_NO_RECORD: embryonic
	union {
		uint16_t bytes[2];   // by direction: 0 from the initiator; the top bit of [1] is the VLAN's bit 11
		uint32_t dissection; // while a verdict is awaited: number of its struct yg_flow_dissection
		uint32_t verdict;    // after: the worker's number for it, 0 none
	};
	union {
		struct {
			uint16_t last_ms; // after first_ns
			uint8_t packets;  // 4 bits each direction, initiator's low
			uint8_t state;    // 4 bits enum yg_tcp_state, 3 bits packets other than SYN and RST, then the VLAN's bit 10
		};
		uint16_t prefix[2]; // index of each end's prefix + 1, 0 none; 0 initiator, 1 responder
	};
	union {
		uint8_t tcp_flags[2]; // ICMP: type and code, which a flow with a record keeps here
		uint8_t shut[2];      // TCP packets of that end with a window of zero, 255: or more
	};
	uint8_t flags; // enum yg_entry_flags
	uint8_t vlan_low;
};
_Static_assert(sizeof(struct yg_flow_entry) == 64, "one cache line");

// What an embryonic flow counts lies beside the upper bits of its VLAN, wherever a bit was left.
enum { YG_ENTRY_PLAIN_MOST = 7 };

static inline uint32_t yg_entry_bytes_most(unsigned direction)
{
	return direction ? INT16_MAX : UINT16_MAX;
}

static inline uint16_t yg_entry_bytes(const struct yg_flow_entry *embryonic, unsigned direction)
{
	return (uint16_t)(embryonic->bytes[direction] & yg_entry_bytes_most(direction));
}

static inline unsigned yg_entry_plain(const struct yg_flow_entry *embryonic)
{
	return embryonic->state >> 4 & YG_ENTRY_PLAIN_MOST;
}

static inline void yg_entry_set_state(struct yg_flow_entry *embryonic, unsigned state, unsigned plain)
{
	embryonic->state = (uint8_t)((embryonic->state & 0x80) | plain << 4 | state);
}

static inline uint16_t yg_entry_vlan(const struct yg_flow_entry *embryonic)
{
	unsigned high = embryonic->flags >> 6 | embryonic->state >> 7 << 2 | embryonic->bytes[1] >> 15 << 3;
	return (uint16_t)(high << 8 | embryonic->vlan_low);
}

// Of one that has none yet. Whatever stands above the identifier's twelve bits is left out.
static inline void yg_entry_set_vlan(struct yg_flow_entry *embryonic, uint16_t vlan)
{
	embryonic->vlan_low = (uint8_t)vlan;
	embryonic->flags |= (uint8_t)((vlan >> 8 & 3) * YG_ENTRY_VLAN_8);
	embryonic->state |= (uint8_t)((vlan >> 10 & 1) << 7);
	embryonic->bytes[1] |= (uint16_t)((vlan >> 11 & 1) << 15);
}

// What is kept of a flow that has left the table while its record waits for the verdict.
struct yg_flow_gone {
	struct yg_flow_entry entry; // as it was
	int64_t end_ns;
	uint64_t end_order;
	uint64_t ended_when; // a replay: the batch; live: the worker's clock
	uint8_t end;         // enum yg_flow_end
};

// A flow from the first that the dissector was sent of it to its final verdict.
struct yg_flow_dissection {
	uint64_t first_slot; // ring index at which FIRST went
	uint32_t generation;
	uint32_t verdict;    // the worker's number for one that was not final, 0 none
	uint32_t bytes;      // of payload that were sent
	uint8_t packets;
};

// Live: bytes that a table of so many places holds from the start. What comes to it: yg_worker_memory_more.
static inline uint64_t yg_flow_memory(uint64_t places)
{
	enum { BUCKET_SHARE = 4 }; // of a bucket's 32 bytes
	return places * (sizeof(struct yg_flow_entry) + BUCKET_SHARE) +
	       places / YG_LIVE_PLACES * YG_LIVE_RECORDS * sizeof(struct yg_flow_record);
}

struct yg_flow_table;

struct yg_flow_table_options {
	uint32_t slots;          // of the whole table, a power of two, ≥ 1,024
	int64_t idle_ns[YG_RANK_COUNT];
	struct yg_hash_key key;
	bool resident;           // live: huge pages where there are any, entries and records present from the start, and fewer of these
};

// The partitions that packets may go to: all of them in a replay, those of one worker where the ports spread packets to workers.
struct yg_flow_run {
	uint8_t first, count;
};

struct yg_flow_hash {
	uint32_t bucket, bucket2; // absolute bucket numbers
	uint32_t guess;           // an entry with this tag, of yg_flow_prefetch_entry; YG_NO_RECORD none: the flow is new
	uint32_t victim;          // likely the entry whose place a new flow takes, of yg_flow_prefetch_either; YG_NO_RECORD unknown
	uint16_t tag, victim_tag;
	uint8_t partition;
	uint8_t victim_at;        // which of its bucket's two embryonic ones the victim is
};

// Memory for all partitions; workers share the object and never touch another's partitions. NULL and errno on failure: EINVAL for more than
// YG_TABLE_MOST places.
struct yg_flow_table *yg_flow_table_create(const struct yg_flow_table_options *options);
void yg_flow_table_destroy(struct yg_flow_table *table);

// The key of a view. *ret_end: 0 when the sender is key end 0. Pure.
void yg_flow_key_of(const struct yg_view *view, struct yg_flow_key *ret_key, unsigned *ret_sender);

// Key and place at once of a packet of the common kind, without its view. Returns the sender. Pure.
unsigned yg_flow_place_plain(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_plain *plain,
			     struct yg_flow_key *ret_key, struct yg_flow_hash *ret_hash);

// Partition of a packet: that of its innermost address pair, never of its ports, so that fragments meet their flow. An ICMP
// error goes where the packet goes that it is about. Pure.
unsigned yg_flow_partition(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_view *view);

// Where the key belongs: in the partition of its own address pair (`about` < 0), or in that which an ICMP error goes to. Pure.
void yg_flow_hash_of(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_flow_key *key, int about,
		     struct yg_flow_hash *ret_hash);

// The flow_id of the records: 53 bits, the same on every sensor and in every replay. Pure.
uint64_t yg_flow_id(const struct yg_flow_key *key, int64_t first_ns);

// Three steps towards a flow, each for when the memory of the one before has arrived: its tags, its entry, its record.
void yg_flow_prefetch(const struct yg_flow_table *table, const struct yg_flow_hash *hash);
void yg_flow_prefetch_entry(const struct yg_flow_table *table, struct yg_flow_hash *hash);
void yg_flow_prefetch_record(const struct yg_flow_table *table, const struct yg_flow_hash *hash);
// The second of them; or of a flow that is new (no guess, and false) the embryonic entry whose place it is about to take. `stamp`: of now.
bool yg_flow_prefetch_either(const struct yg_flow_table *table, struct yg_flow_hash *hash, uint16_t stamp);
// The time as buckets keep it.
uint16_t yg_flow_stamp(const struct yg_flow_table *table, struct yg_time now);
// That entry, while nobody has taken it since; YG_NO_RECORD: ask yg_flow_place.
uint32_t yg_flow_victim(const struct yg_flow_table *table, const struct yg_flow_hash *hash);
// The note (see below) of one that it has told.
uint16_t yg_flow_victim_noted(const struct yg_flow_table *table, const struct yg_flow_hash *hash);

// True when the guess is the entry of the key.
bool yg_flow_guessed(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key);
// True when there is none of the key for certain: nobody has its tag.
bool yg_flow_absent(const struct yg_flow_table *table, const struct yg_flow_hash *hash);
// The entry of the key, or YG_NO_RECORD.
uint32_t yg_flow_find(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key);

// A place for a new embryonic flow. When that needs the place of another, *ret_victim is that entry, untouched: end it and free
// it (yg_flow_free), then call again. Otherwise *ret_victim is YG_NO_RECORD and the new entry is returned, its key
// copied, everything else zero, record = YG_NO_RECORD.
uint32_t yg_flow_place(struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key, struct yg_time now,
		       uint32_t *ret_victim);

// The same, in the place of an embryonic victim of yg_flow_place for this hash that has ended and was not freed; `note`: see below.
void yg_flow_replace(struct yg_flow_table *table, uint32_t victim, const struct yg_flow_hash *hash, const struct yg_flow_key *key,
		     struct yg_time now, uint16_t note);
// The same in the place of that of yg_flow_victim. The entry as yg_flow_place leaves it.
struct yg_flow_entry *yg_flow_succeed(struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key,
				      struct yg_time now, uint16_t note);

// A number of the owner's about an embryonic flow, kept where its end needs no other memory; YG_NOTE_NONE until it is given.
enum { YG_NOTE_NONE = 0xfffe };
void yg_flow_note(struct yg_flow_table *table, uint32_t entry, uint16_t note);
uint16_t yg_flow_noted(const struct yg_flow_table *table, uint32_t entry);

// An embryonic flow was seen: who is longest idle goes by it, in steps of the idle time's 8,192nd part or less.
void yg_flow_touch(struct yg_flow_table *table, uint32_t entry, struct yg_time now);

struct yg_flow_entry *yg_flow_entry(struct yg_flow_table *table, uint32_t entry);
uint32_t yg_flow_number(const struct yg_flow_table *table, const struct yg_flow_entry *entry);
struct yg_flow_record *yg_flow_record(struct yg_flow_table *table, uint32_t record);
// Of a flow that has ended (yg_flow_retire).
struct yg_flow_gone *yg_flow_gone(struct yg_flow_table *table, uint32_t record);
// Key, beginning and the rest of a record's flow, in the table or gone from it.
struct yg_flow_entry *yg_flow_entry_of(struct yg_flow_table *table, uint32_t record);

// Gives the entry a record (all zero; the wheel is armed by yg_flow_arm). YG_NO_RECORD when the pool of its partition
// is exhausted. What the entry counted stays in it until the caller has taken it over.
uint32_t yg_flow_grow(struct yg_flow_table *table, uint32_t entry);

// Live: whether so few records are left in the partition that those who have one must make room: one in 32.
bool yg_flow_records_low(const struct yg_flow_table *table, unsigned partition);
uint32_t yg_flow_records_left(const struct yg_flow_table *table, unsigned partition);
// Of the flows with a record in the entry's own bucket that of the lowest rank, the longest idle; not itself, and none of a rank above
// `rank`. YG_NO_RECORD: there is none such.
uint32_t yg_flow_least(const struct yg_flow_table *table, uint32_t entry, uint8_t rank);

// A record without an entry, for an embryonic flow that has ended and waits for its verdict.
uint32_t yg_flow_record_take(struct yg_flow_table *table, unsigned partition);
// Also its yg_flow_gone. It has no dissection any more.
void yg_flow_record_free(struct yg_flow_table *table, uint32_t record);
unsigned yg_flow_partition_of_entry(const struct yg_flow_table *table, uint32_t entry);
unsigned yg_flow_partition_of_record(const struct yg_flow_table *table, uint32_t record);
uint32_t yg_flow_records_total(const struct yg_flow_table *table);
// Records first to end - 1 are those of the partition that were ever used.
void yg_flow_records_used(const struct yg_flow_table *table, unsigned partition, uint32_t *ret_first, uint32_t *ret_end);
uint32_t yg_flow_slots(const struct yg_flow_table *table);

// A dissection for the record's flow, zeroed, its number noted there. There are as many as records.
struct yg_flow_dissection *yg_flow_dissection_take(struct yg_flow_table *table, uint32_t record);
// That of a flow that awaits its verdict.
struct yg_flow_dissection *yg_flow_dissection(struct yg_flow_table *table, uint32_t record);
// Gives it back; the flow's entry says `verdict` from here on.
void yg_flow_dissection_free(struct yg_flow_table *table, uint32_t record, uint32_t verdict);

// Frees the place (and disarms its record, which stays the caller's).
void yg_flow_free(struct yg_flow_table *table, uint32_t entry);
// The same of a flow whose record (its own, or for an embryonic one a new one) is to leave: what was in the entry is kept with the record.
struct yg_flow_gone *yg_flow_retire(struct yg_flow_table *table, uint32_t entry, uint32_t record);

// Deadline of an entry: when its idle time will have passed.
struct yg_time yg_flow_deadline(const struct yg_flow_table *table, uint32_t entry);
// The shortest idle time of all: a flow that was seen within it has not reached its deadline.
int64_t yg_flow_idle_least(const struct yg_flow_table *table);
uint8_t yg_flow_rank(const struct yg_flow_table *table, uint32_t entry);

// Puts the record of an entry into the wheel by its deadline. `now` bounds how far ahead.
void yg_flow_arm(struct yg_flow_table *table, uint32_t entry, struct yg_time now);

// Calls `end` for every entry of the partition whose idle time has passed at `now`, embryonic ones first, in an order
// that depends on the partition's history alone. `end` must free the entry.
void yg_flow_expire(struct yg_flow_table *table, unsigned partition, struct yg_time now,
		    void (*end)(void *context, uint32_t entry), void *context);

// The same in pieces, for those who cannot stop for a second's worth: looks at a part of the partition's embryonic flows (all of them in
// YG_SWEEP_CALLS calls) and ends at most `most` flows. Returns how many seconds of the wheel are due and not done yet.
enum { YG_SWEEP_CALLS = 4096 };
uint32_t yg_flow_expire_some(struct yg_flow_table *table, unsigned partition, struct yg_time now, uint32_t most,
			     void (*end)(void *context, uint32_t entry), void *context);

// Calls `visit` for every used entry of the partition, in order of place.
void yg_flow_each(struct yg_flow_table *table, unsigned partition, void (*visit)(void *context, uint32_t entry), void *context);
