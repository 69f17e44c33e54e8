// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a flow of rank 1 and above has beside its entry: one cache line. What a packet of a settled flow changes are three words of it; a
// counter has the upper 48 bits of its word, so that adding to it is one instruction and what lies below is never carried into:
//
//   seen         second    16  low bits of the second in whose list it is (worker_second.c)
//                last      48  when it was last seen, microseconds since 1970, low bits: they come round after nine years
//   bytes[0]     flags      8  TCP flags that the initiator has sent
//                state      4  enum yg_tcp_state
//                rank       2  enum yg_rank
//                dissection 2  enum yg_ds_state
//                bytes     48  that the initiator has sent
//   bytes[1]     flags, bytes  as above, of the responder
//                marks      8  YG_MARK_*, and of a flow of rank 0 how many packets other than SYN, SYN-ACK and RST it has seen: 3 bits
//   payload[0,1] update    16  half of the time at which an update record is due, in units of 32 microseconds
//                payload   48
//   touched      place     27  in the worker's list of flows seen in that second
//                vlan       4  upper bits of the identifier; the lower ones are in the entry
//
// What is never needed at once has one place: links in the wheel while the flow is in the table, the queue towards the aggregator after.
// Pure; any thread that owns the record.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "yagura/plugin.h"

// What the dissector is to read of a flow. Of one that is ACTIVE or READ there is a struct yg_flow_dissection.
enum yg_ds_state {
	YG_DSS_NONE,
	YG_DSS_ACTIVE, // the dissector has had some of it
	YG_DSS_READ,   // it has had all that it may, its verdict is awaited
	YG_DSS_DONE,
};

struct yg_flow_record {
	uint64_t seen;
	uint64_t bytes[2], payload[2];
	uint32_t packets[2];
	uint32_t entry; // its place in the table, YG_NO_RECORD once it has ended
	union {
		uint32_t wheel_next;
		uint32_t pending_next; // of the records that have ended, in order
	};
	union {
		uint32_t wheel_prev; // from YG_WHEEL_HEADS on: none, it is the first of that slot; YG_NO_RECORD: in no slot
		uint32_t gone;       // number of its struct yg_flow_gone, YG_NO_RECORD none
	};
	uint32_t touched;
};
_Static_assert(sizeof(struct yg_flow_record) == 64, "one cache line");

#define YG_COUNT_MOST (UINT64_MAX >> YG_COUNT_SHIFT) // beyond that a counter begins anew

enum {
	YG_COUNT_SHIFT = 16,     // of the counters and of `seen`
	YG_UPDATE_SHIFT = 5,     // microseconds of a unit of `update`
	YG_MARK_INSIDE_0 = 0x01, // the initiator is internal
	YG_MARK_INSIDE_1 = 0x02, // the responder is
	YG_MARK_NEAR = 0x04,     // an update record may fall due in the second that is open
	YG_MARK_LOST = 0x08,     // a dissector died over it
	YG_PLAIN_MOST = 7,       // counted of its plain packets
	YG_TOUCHED_MOST = (1 << 27) - 1,
};

// Low bits of a time in the form of `seen`, its second zero.
static inline uint64_t yg_seen_of(struct yg_time time)
{
	return (uint64_t)(time.ns / 1000) << YG_COUNT_SHIFT;
}

static inline uint16_t yg_record_second(const struct yg_flow_record *r)
{
	return (uint16_t)r->seen;
}

static inline void yg_record_set_second(struct yg_flow_record *r, uint16_t second)
{
	r->seen = (r->seen & ~UINT64_C(0xffff)) | second;
}

// `seen`: of yg_seen_of, whatever its second.
static inline void yg_record_see(struct yg_flow_record *r, uint64_t seen)
{
	r->seen = (seen & ~UINT64_C(0xffff)) | (uint16_t)r->seen;
}

// When it was last seen: the microsecond in which that was, but not before its flow began.
static inline struct yg_time yg_record_last(const struct yg_flow_record *r, int64_t first_ns)
{
	int64_t us = (int64_t)((r->seen & ~UINT64_C(0xffff)) - yg_seen_of(yg_time_ns(first_ns))) >> YG_COUNT_SHIFT;
	return yg_time_ns(us ? (first_ns / 1000 + us) * 1000 : first_ns);
}

static inline uint64_t yg_record_bytes(const struct yg_flow_record *r, unsigned direction)
{
	return r->bytes[direction] >> YG_COUNT_SHIFT;
}

static inline uint64_t yg_record_payload(const struct yg_flow_record *r, unsigned direction)
{
	return r->payload[direction] >> YG_COUNT_SHIFT;
}

static inline uint8_t yg_record_tcp_flags(const struct yg_flow_record *r, unsigned direction)
{
	return (uint8_t)r->bytes[direction];
}

// A field of `bits` bits in a word, and a value into it.
static inline unsigned yg_record_field(uint64_t word, unsigned at, unsigned bits)
{
	return (unsigned)(word >> at) & ((1u << bits) - 1);
}

static inline void yg_record_put(uint64_t *word, unsigned at, unsigned bits, unsigned value)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	*word = (*word & ~(mask << at)) | (value & mask) << at;
}

static inline uint8_t yg_record_state(const struct yg_flow_record *r)
{
	return (uint8_t)yg_record_field(r->bytes[0], 8, 4);
}

static inline void yg_record_set_state(struct yg_flow_record *r, unsigned state)
{
	yg_record_put(&r->bytes[0], 8, 4, state);
}

static inline uint8_t yg_record_rank(const struct yg_flow_record *r)
{
	return (uint8_t)yg_record_field(r->bytes[0], 12, 2);
}

static inline void yg_record_set_rank(struct yg_flow_record *r, unsigned rank)
{
	yg_record_put(&r->bytes[0], 12, 2, rank);
}

// Rank and state in one number, for who asks for both.
#define YG_STAGE_OF(rank, state) ((unsigned)(rank) << 4 | (unsigned)(state))
static inline unsigned yg_record_stage(const struct yg_flow_record *r)
{
	return yg_record_field(r->bytes[0], 8, 6);
}

static inline enum yg_ds_state yg_record_dissection(const struct yg_flow_record *r)
{
	return (enum yg_ds_state)yg_record_field(r->bytes[0], 14, 2);
}

static inline void yg_record_set_dissection(struct yg_flow_record *r, enum yg_ds_state state)
{
	yg_record_put(&r->bytes[0], 14, 2, state);
}

static inline bool yg_record_awaits_verdict(const struct yg_flow_record *r)
{
	enum yg_ds_state state = yg_record_dissection(r);
	return state == YG_DSS_ACTIVE || state == YG_DSS_READ;
}

static inline unsigned yg_record_marks(const struct yg_flow_record *r)
{
	return yg_record_field(r->bytes[1], 8, 4);
}

// Whether packets of a direction go towards an internal end.
static inline bool yg_record_inward(const struct yg_flow_record *r, unsigned direction)
{
	return yg_record_marks(r) >> (direction ^ 1) & 1;
}

static inline void yg_record_mark(struct yg_flow_record *r, unsigned mark, bool on)
{
	r->bytes[1] = (r->bytes[1] & ~((uint64_t)mark << 8)) | (on ? (uint64_t)mark << 8 : 0);
}

static inline unsigned yg_record_plain(const struct yg_flow_record *r)
{
	return yg_record_field(r->bytes[1], 12, 3);
}

static inline void yg_record_set_plain(struct yg_flow_record *r, unsigned packets)
{
	yg_record_put(&r->bytes[1], 12, 3, packets < YG_PLAIN_MOST ? packets : YG_PLAIN_MOST);
}

static inline uint32_t yg_record_touched(const struct yg_flow_record *r)
{
	return r->touched & YG_TOUCHED_MOST;
}

static inline void yg_record_set_touched(struct yg_flow_record *r, uint32_t place)
{
	r->touched = (r->touched & ~(uint32_t)YG_TOUCHED_MOST) | place;
}

static inline uint16_t yg_record_vlan(const struct yg_flow_record *r, uint8_t low)
{
	return (uint16_t)(r->touched >> 28 << 8 | low);
}

static inline void yg_record_set_vlan_high(struct yg_flow_record *r, uint16_t vlan)
{
	r->touched = (r->touched & 0x0fffffff) | (uint32_t)(vlan >> 8 & 15) << 28;
}

// An update is due `us` microseconds after a time in the form of `seen`.
static inline void yg_record_set_update(struct yg_flow_record *r, uint64_t seen, uint64_t us)
{
	uint32_t due = (uint32_t)(((seen >> YG_COUNT_SHIFT) + us) >> YG_UPDATE_SHIFT);
	yg_record_put(&r->payload[0], 0, 16, due & 0xffff);
	yg_record_put(&r->payload[1], 0, 16, due >> 16);
}

// Whether an update was due by that time, which lies near that at which the flow was last seen. `update` may be a day (flow.update) ahead
// of that, or some hours behind: it is kept in 32 bits.
static inline bool yg_record_update_due(const struct yg_flow_record *r, uint64_t seen)
{
	const unsigned shift = YG_COUNT_SHIFT + YG_UPDATE_SHIFT;
	const int64_t ahead_most = INT64_C(3000000000), all = INT64_C(1) << 32;
	uint32_t due = (uint32_t)(r->payload[0] & 0xffff) | (uint32_t)(r->payload[1] & 0xffff) << 16;
	int64_t ahead = (uint32_t)(due - (uint32_t)(r->seen >> shift));
	if (ahead > ahead_most)
		ahead -= all;
	return (int64_t)((seen >> shift << shift) - (r->seen >> shift << shift)) >> shift >= ahead;
}
