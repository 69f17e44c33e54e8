// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What crosses between engine and dissector: fixed slots in two rings per (worker, dissector) pair, by value.
// Neither side trusts a byte of the other's: slot numbers, generations and lengths are checked against own bounds first.
//
//   to the dissector    packet, end, guess, batch_end
//   back                verdict, dns, tls, http, restarted, batch_end
//
// A flow is named by (slot, generation). The engine sends YG_DS_FIRST with the first packet (or guess) of a flow; anything
// about a flow that the dissector does not know and that is not FIRST is dropped and counted. The dissector alone decides
// that a flow is done: it answers exactly one final verdict per FIRST, unless it dies; then it answers `restarted` with the
// number of ring slots consumed at its death, and every flow whose FIRST lies before and which has no final verdict is lost.
//
// A packet of more than 2,048 bytes travels as consecutive slots (`pieces`, at most 12) and counts as one packet.
#pragma once

#include <stdint.h>

#include "yagura/plugin.h"

enum {
	YG_DS_DATA = 2048,    // bytes of a packet in one slot
	YG_DS_PADDING = 64,   // zero bytes behind them: a reader that overruns finds zeros, not the neighbour
	YG_DS_PIECES_MAX = 12,
	YG_DS_RECORDS_MAX = 64, // dns, tls and http records of one packet; the rest is counted (answers.capped)
};

// Slots that both sides reckon with, from the option flow.table: its places rounded up to a power of two, and half as many again
// for flows that have ended and wait for their verdict. A slot is the number of a flow's record; live fewer are in use.
static inline uint32_t yg_ds_slots(uint64_t flow_table)
{
	uint32_t places = 1024;
	while (places < flow_table && places < UINT32_C(1) << 30)
		places <<= 1;
	return places + places / 2;
}

enum yg_ds_kind { YG_DS_PACKET = 1, YG_DS_END, YG_DS_GUESS, YG_DS_BATCH_END };

#define YG_DS_FIRST 0x01       // first record of this flow
#define YG_DS_FRAGMENTED 0x02  // was reassembled
#define YG_DS_OWN_ONLY 0x04    // for our own readers; nDPI is left out (crash policy, shedding)
#define YG_DS_WANTS_DNS 0x10   // somebody asks for the dns records found at this request; without it none is sent
#define YG_DS_WANTS_TLS 0x20
#define YG_DS_WANTS_HTTP 0x40

// Engine to dissector. `length` bytes of an IP packet start at `data`, its transport header at l4, its payload at `payload`.
struct yg_ds_request {
	uint8_t kind;         // enum yg_ds_kind
	uint8_t flags;        // YG_DS_*
	uint8_t direction;    // 0: sent by the initiator
	uint8_t af;
	uint8_t proto;
	uint8_t pieces;       // slots of this packet, this one included; 1 when it fits
	uint8_t tcp_flags;
	uint8_t reserved;
	uint32_t slot;        // < the slots that both sides were configured with
	uint32_t generation;
	uint64_t packet;      // number of the packet (BATCH_END: of the batch)
	int64_t time_ns;
	uint32_t length;      // bytes of this packet in all pieces together
	uint32_t l4, payload; // offsets into them
	uint32_t payload_len; // bytes of payload there
	uint32_t tcp_seq;
	uint16_t port[2];     // of the flow: initiator, responder
	struct yg_addr addr[2];
	uint8_t data[YG_DS_DATA + YG_DS_PADDING];
};
_Static_assert(sizeof(struct yg_ds_request) % 8 == 0, "ring slots are multiples of 8");

enum yg_da_kind { YG_DA_VERDICT = 1, YG_DA_DNS, YG_DA_TLS, YG_DA_HTTP, YG_DA_RESTARTED, YG_DA_BATCH_END };

struct yg_verdict {
	uint16_t proto_master, proto_app; // nDPI's ids
	uint8_t confidence;               // enum yg_confidence
	uint8_t final;                    // 0: more may come
	uint8_t packets;                  // that were read of the flow
	uint8_t own_readers;              // which of our own readers knew it: bit 0 DNS, 1 TLS, 2 QUIC, 3 HTTP
	uint8_t overlap;                  // other content came twice for the same bytes of the stream
	uint8_t reserved[7];
	uint64_t risks;
	char proto_name[48];
	char category[32];
	char server_name[YG_NAME_MAX];
	char ja3[36], ja3s[36], alpn[32];
};

enum yg_restart_cause { YG_RESTART_CRASH = 1, YG_RESTART_HANG, YG_RESTART_SANDBOX, YG_RESTART_MEMORY };

struct yg_restarted {
	uint64_t consumed;   // slots of this ring that the dead dissector had consumed, the fatal packet included
	uint32_t cause;      // enum yg_restart_cause
	uint32_t signal;
	uint32_t deaths;     // of this dissector since its start
	uint32_t had_packet; // 1: it died on a packet of this ring: slot, generation, packet, addr… name its flow
	struct yg_addr addr[2];
	uint16_t port[2];
	uint8_t af, proto;
	char quarantine[64]; // name of the file, empty when the folder was full
};

// Dissector to engine. The heads of dns, tls and http are left zero: the engine fills them from its own flow.
struct yg_ds_answer {
	uint8_t kind;        // enum yg_da_kind
	uint8_t direction;   // dns, tls, http: who sent it
	uint16_t reserved;
	uint32_t slot, generation;
	uint32_t reserved2;
	uint64_t packet;     // at which packet it was known (BATCH_END: of the batch)
	int64_t time_ns;     // of that packet
	union {
		struct yg_verdict verdict;
		struct yg_dns dns;
		struct yg_tls tls;
		struct yg_http http;
		struct yg_restarted restarted;
	};
};
_Static_assert(sizeof(struct yg_ds_answer) % 8 == 0, "ring slots are multiples of 8");

// The shared page of one dissector worker: written by the worker (zygote: the fields it names), read by the zygote, which
// clamps what it reads. One page of memory each.
struct yg_ds_control {
	_Atomic uint64_t progress;      // worker: grows with every record and every wait
	_Atomic uint32_t busy_ring;     // worker: ring being read + 1, 0 between records
	_Atomic uint32_t busy_pieces;   // worker: slots of the record being read
	_Atomic uint64_t busy_index;    // worker: ring index of its first slot
	_Atomic uint32_t worker_pid;    // zygote: 0 while there is none
	_Atomic uint32_t deaths;        // zygote
	_Atomic uint64_t ready_ns;      // zygote: CLOCK_MONOTONIC when the present worker reported ready
};
