// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a worker tells the aggregator, by value: events in one ring, the deltas of the rates in a second, the sample in a third.
//
// In a replay the events of a batch carry (stage, order); each worker writes its own in that order, and the aggregator merges by it,
// ties to the lower worker. So what detectors see does not depend on how many workers there are.
//
//   stage 0  BEGIN: number, time and second of the batch
//   stage 1  dns, tls, http and classified flows: answers of the dissector, by packet number
//   stage 2  flow records that leave, in the order in which the flows ended
//   stage 3  contacts and updates that this batch's packets caused, by packet number
//   stage 4  END
#pragma once

#include <stdint.h>

#include "base/ring.h"
#include "model/dissect.h"
#include "yagura/plugin.h"

enum yg_event_kind {
	YG_EV_BEGIN = 1,
	YG_EV_FLOW,
	YG_EV_CONTACT,
	YG_EV_DNS,
	YG_EV_TLS,
	YG_EV_HTTP,
	YG_EV_RESTARTED,
	YG_EV_END,
	YG_EV_BUDGET, // live: what of a body was beyond its budget in the second that has ended
};

enum yg_event_stage { YG_STAGE_BEGIN, YG_STAGE_ANSWER, YG_STAGE_RECORD, YG_STAGE_PACKET, YG_STAGE_END };

struct yg_batch_mark {
	uint64_t batch;
	uint64_t answered; // a replay: the dissector's answers up to that batch are applied before this one, no others
	int64_t time_ns;   // packet time of the batch's first packet
	int64_t second;    // seconds before this one are complete
	int64_t offset_ns; // printed stamp = packet time - offset, from offset_from_ns on
	int64_t offset_from_ns;
	uint8_t gap;       // time jumped by more than 300 s before this batch
	uint8_t last;      // nothing follows
	int64_t gap_from_ns;
	uint32_t sample_every; // of the second that begins or goes on with this batch
};

enum { YG_BUDGET_KINDS = 4 }; // contacts, DNS messages, flow records, flow records of attempts that came to nothing

struct yg_budget_note {
	int64_t second;
	uint16_t org;                    // YG_ORG_NONE: what belongs to no body
	uint32_t seen[YG_BUDGET_KINDS];  // passed on …
	uint32_t asked[YG_BUDGET_KINDS]; // … of so many
};

struct yg_event {
	uint8_t kind, stage;
	uint8_t reserved[6];
	uint64_t order;
	union {
		struct yg_batch_mark mark;
		struct yg_flow flow;
		struct yg_contact contact;
		struct yg_dns dns;
		struct yg_tls tls;
		struct yg_http http;
		struct yg_restarted restarted;
		struct yg_budget_note budget;
	};
};
_Static_assert(sizeof(struct yg_event) % 8 == 0, "ring slots are multiples of 8");

// In the scope of a key: not what went to the key, but what it pushed (struct yg_pushed), as packets and bytes by vector, and handshakes.
enum { YG_SCOPE_PUSHED = 0x80 };

// What one worker counted for one key in one second.
struct yg_rate_key {
	struct yg_addr addr;
	uint8_t scope, af, proto, prefix_len; // scope: enum yg_scope, and YG_SCOPE_PUSHED
	uint16_t port, org;
};
_Static_assert(sizeof(struct yg_rate_key) == 24, "keys are hashed and compared whole");

struct yg_rate_delta {
	int64_t second;
	struct yg_rate_key key;
	struct yg_rates rates;
};
_Static_assert(sizeof(struct yg_rate_delta) % 8 == 0, "ring slots are multiples of 8");

// One packet of the sample: 48 bytes.
struct yg_sample {
	struct yg_addr src, dst;
	int32_t second;      // low bits of the second it lies in
	uint16_t sport, dport, bytes;
	uint8_t proto, tcp_flags, vector, af;
};
_Static_assert(sizeof(struct yg_sample) == 48, "ring slots are multiples of 8");

// A worker that has to wait for the dissector, whose ring is full, says how far it is: of this batch it has shown all events below (packet
// stage, order). The dissector may be waiting for another worker, that one for room towards the aggregator, and the aggregator for the next
// event of the first, which is not to come before the dissector goes on: with this the aggregator can go on instead. 0: it does not wait;
// what it said is taken back when it goes on, so that it is not believed of a batch 65,536 later, whose number has the same low bits.
static inline uint64_t yg_reached(uint64_t batch, uint64_t order)
{
	return batch << 48 | (order & (UINT64_MAX >> 16));
}

// Whether an event in the packet stage or before it, from the worker `index`, comes before all that `other` can still say in this batch.
static inline bool yg_reached_allows(uint64_t reached, unsigned other, uint64_t batch, const struct yg_event *event, unsigned index)
{
	if (!reached || reached >> 48 != (batch & 0xffff) || event->stage > YG_STAGE_PACKET)
		return false;
	uint64_t order = reached & (UINT64_MAX >> 16);
	return event->stage < YG_STAGE_PACKET || event->order < order || (event->order == order && index < other);
}

enum { YG_EVENT_SLOTS = 8192, YG_RATE_SLOTS = 32768, YG_SAMPLE_SLOTS = 65536 };

// The three rings between one worker and the aggregator, both ends.
struct yg_event_rings {
	struct yg_ring events, rates, sample;
};
