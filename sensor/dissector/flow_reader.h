// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which of our readers looks at which packet of a flow, and from where on. One small struct a flow, embedded by the
// dissector worker; it is given every payload packet of the flow and hands out whole records.
//
//   UDP   port 53, 5353 or 5355 on either side: every datagram is a DNS message, or none of ours
//   TCP   port 53: DNS messages one after the other; any port: one ClientHello, or HTTP/1 heads as long as packets come
//
// One dissector worker, one thread. No allocation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/time.h"
#include "dissector/stream.h"
#include "model/dissect.h"

// Bits of yg_flow_reader.known, as in yg_verdict.own_readers.
#define YG_KNOWN_DNS 0x01
#define YG_KNOWN_TLS 0x02
#define YG_KNOWN_HTTP 0x08

struct yg_flow_side {
	uint32_t next;            // sequence number of the first byte that no message has taken
	struct yg_stream_ref ref; // holds the message that is not whole yet, or what may follow a first one
	uint32_t seen_seq; // the last segment that was read without a buffer: a later copy is compared by its hash
	uint32_t seen_hash;
	uint16_t seen_len;
	uint16_t need; // bytes in all before it is worth reading again
	uint8_t state;
	uint8_t kind;  // of the message that `ref` holds
	uint8_t tries; // segments that may still disappoint before the direction is given up
	uint8_t exact; // whether a message must begin at `next`, or may
};

// All zero: a new flow. No pointer inside, so it may be moved or copied, but only one copy may be used.
struct yg_flow_reader {
	struct yg_flow_side side[2];
	uint8_t known;   // YG_KNOWN_*
	uint8_t overlap; // 1: bytes of a stream came twice with other content
	uint8_t reserved[2];
};
_Static_assert(sizeof(struct yg_flow_reader) <= 64, "one a flow");

// One packet with payload.
struct yg_segment {
	const uint8_t *payload;
	size_t len;
	struct yg_time time;
	uint32_t seq;      // TCP
	uint16_t port[2];  // of the flow: initiator, responder
	uint8_t proto;     // IP protocol
	uint8_t direction; // 0: sent by the initiator
	uint8_t tcp_flags;
};

// Identity: segments = tcp + udp + other; every record given out counts once in dns, tls or http.
struct yg_flow_reader_stats {
	uint64_t segments, tcp, udp, other;
	uint64_t dns, tls, http; // records given out
	uint64_t broken;         // of these, malformed
	uint64_t partial;        // of these, cut: the message was never whole
	uint64_t oversize;       // messages longer than a stream buffer
	uint64_t no_buffer;      // messages read in part because the pool was full
	uint64_t lost_buffer;    // taken back by the pool before the message was whole
	uint64_t gave_up;        // directions that began as nothing we read
	uint64_t not_dns;        // datagrams on a DNS port that are no DNS
	uint64_t overlaps;       // segments with other content for bytes that had come
};

// What all flows of a worker share. The caller owns it and zeroes it first; pool and emit must be set.
struct yg_flow_reading {
	struct yg_stream_pool *pool;
	struct yg_hash_key key;
	// A record: struct yg_dns, yg_tls or yg_http by `kind` (YG_DA_DNS, _TLS, _HTTP); valid during the call.
	void (*emit)(void *context, enum yg_da_kind kind, unsigned direction, const void *record);
	void *context;
	struct yg_flow_reader_stats stats;
};

// Reads one packet; calls emit any number of times, bounded by the bytes given.
void yg_flow_reader_add(struct yg_flow_reading *reading, struct yg_flow_reader *flow, const struct yg_segment *segment);

// The flow has ended, or no more of its packets are to come: what a message that is not whole has told so far is given
// out, the buffers go back. The struct is zero afterwards but for known and overlap.
void yg_flow_reader_end(struct yg_flow_reading *reading, struct yg_flow_reader *flow);
