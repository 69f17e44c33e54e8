// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The rates of one worker: what was counted for each key in the second that is open. Link, bodies and prefixes are arrays and
// always exact; hosts and services are keyed tables, exact up to their size. A host past that counts to its prefix alone
// (rates.host_full). At the end of a second everything that was touched leaves as deltas and is cleared.
//
// Thread: the worker. No allocation after creation.
#pragma once

#include "base/hash.h"
#include "config/config.h"
#include "engine/event.h"

struct yg_worker_rates;

struct yg_rates_options {
	const struct yg_config *config;
	uint32_t hosts;          // places for hosts, rounded up to a power of two; services get as many, and hosts that push
	struct yg_hash_key key;
};

struct yg_worker_rates *yg_worker_rates_create(const struct yg_rates_options *options);
void yg_worker_rates_destroy(struct yg_worker_rates *rates);

// A reload: another block, in which bodies, prefixes and services are the same.
void yg_rates_retune(struct yg_worker_rates *rates, const struct yg_config *config);

// What is known of one end of a flow: whose it is.
struct yg_end {
	struct yg_addr addr;
	uint32_t prefix;   // index + 1, 0 none
	uint16_t org;
	uint8_t af, zone, internal;
};

// Resolves an address against the config.
void yg_end_resolve(const struct yg_config *config, uint8_t af, const struct yg_addr *addr, struct yg_end *ret_end);

// The same, for every packet.
void yg_rates_resolve(struct yg_worker_rates *rates, uint8_t af, const struct yg_addr *addr, struct yg_end *ret_end);

// Where an end's counters are looked for: of its host, and of its service where it has one.
#define YG_NO_RATE_PLACE UINT32_MAX
struct yg_rate_places {
	uint32_t host, service;
};

// Whoever adds many things in a row looks up the places of the next ones, which asks memory for them (yg_rates_place); a few things later
// asks for what stands there (yg_rates_fetch); and then adds. `port`: of the end where it is the responder, 0 none; `pushes`: it began
// the flow. An end that is not internal has no place.
void yg_rates_place(const struct yg_worker_rates *rates, const struct yg_end *end, uint8_t proto, uint16_t port,
		    struct yg_rate_places *ret);
void yg_rates_fetch(const struct yg_worker_rates *rates, const struct yg_rate_places *places, bool pushes);

// `packets` and `bytes` towards `to` (and away from `from`), in the open second.
struct yg_rate_add {
	const struct yg_end *from, *to;
	const struct yg_rate_places *from_at, *to_at; // NULL: not looked up yet
	uint8_t vector, proto;
	uint16_t service_port;    // of `to` when it is the responder; 0: none
	uint16_t answer_port;     // of `from` when it is the responder; 0: none
	bool pushed;              // `from` began the flow: what leaves it is no answer
	uint32_t packets, flows, handshakes;
	uint64_t bytes;
};
void yg_rates_add(struct yg_worker_rates *rates, const struct yg_rate_add *add);

// One packet, from src to dst: as yg_rates_add with both ends resolved, but added together with others like it, at the end of the second
// at the latest.
struct yg_rate_packet {
	const struct yg_addr *src, *dst;
	uint8_t af, proto, vector;
	bool fresh;               // first of its flow
	bool pushed;              // src began the flow
	uint16_t service_port;    // of dst when it is the responder; 0: none
	uint16_t answer_port;     // of src when it is the responder; 0: none
	uint32_t bytes;
};
struct yg_rate_ends {
	uint16_t to_org, from_org;
	bool inward;              // dst is internal
};
void yg_rates_packet(struct yg_worker_rates *rates, const struct yg_rate_packet *packet, struct yg_rate_ends *ret);

// A packet to or from the address is about to be counted: what is known of it is fetched. False when it is none of ours for certain.
bool yg_rates_prefetch(struct yg_worker_rates *rates, uint8_t af, const struct yg_addr *addr);

// What packets of one kind have in common beside an end; its low byte is the rates' own. `port`: of the responder, 0 none.
#define YG_RATE_KIND_PORT UINT64_C(0xffff00000000)
static inline uint64_t yg_rate_kind(uint8_t af, uint8_t proto, uint8_t vector, uint16_t port)
{
	return (uint64_t)port << 32 | (uint32_t)proto << 24 | (uint32_t)af << 16 | (uint32_t)vector << 8;
}

// yg_rates_packet of the first packet of a flow that addr[sender] begins. Bit i of `ours`: yg_rates_prefetch said that addr[i] may be ours.
void yg_rates_begin(struct yg_worker_rates *rates, const struct yg_addr addr[2], unsigned sender, unsigned ours, uint64_t kind,
		    uint32_t bytes, struct yg_rate_ends *ret);

// The outer frame, for the link: bytes as on the wire. `answer`: the sender did not begin the flow, or that is not known.
void yg_rates_link(struct yg_worker_rates *rates, uint8_t vector, bool inward, bool answer, uint32_t wire_bytes);

// Hands all deltas of `second` to `emit` and clears them. Order: link, bodies, prefixes, then hosts and services as they came. What a key
// pushed is a delta of its own (YG_SCOPE_PUSHED).
void yg_rates_flush(struct yg_worker_rates *rates, int64_t second, void (*emit)(void *context, const struct yg_rate_delta *delta),
		    void *context);

// The same in pieces: at most `most` hosts and services a call, all of the rest (yg_rates_fixed) with the first. True when all have left;
// until then nothing may be added.
bool yg_rates_flush_some(struct yg_worker_rates *rates, int64_t second, uint32_t most,
			 void (*emit)(void *context, const struct yg_rate_delta *delta), void *context);
uint32_t yg_rates_fixed(const struct yg_worker_rates *rates);

// Hosts and services that found no place since the start.
uint64_t yg_rates_full(const struct yg_worker_rates *rates);
