// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Impact: what an attack does to the service, by what those get who used it before. Attackers do not count, whether answered or not.
//
// A service is an internal address, protocol and port that answered somebody: a flow that was established (TCP) or that had payload both
// ways. Its clients are known by two Bloom filters (B. H. Bloom, CACM 13, 1970) that take turns every YG_IMPACT_TURN_S: a client is known
// for three and a half to seven days. What was learned waits YG_IMPACT_WAIT_S and is given up when an attack on the service begins
// meanwhile: those who forge addresses do not become known by it. With 16 probes and at most two fifths of a filter set, one stranger in
// two million passes for a client; the first thousand or so clients are in it, a sample when there are more.
//
// Served is the share of known clients' attempts that were answered, of those answered, refused or given up in the last YG_IMPACT_WINDOW_S.
// It is held against what is usual: the mean over minutes without attack, each weighing 1/240 at least. From YG_IMPACT_WINDOW_S after the
// attack began on: absorbed, or degraded below 0.8 of the usual, or down below 0.2. Unknown with fewer than YG_IMPACT_ATTEMPTS attempts, in
// the first hour of a service, with fewer than ten usual minutes, and while more than half of the flows on the link show one direction.
//
// How late it is: an unanswered SYN is given up five seconds after the client's last try (12 s in practice), a UDP query without an answer
// after 60 s (the idle time of such flows). A name server that falls silent is therefore `down` about 90 s after.
//
// A host's services are judged each by itself, and the worst is told; those of a prefix, a body or the link are added up.
//
// Thread: the aggregator's. Allocation in create alone: YG_IMPACT_SERVICES times 12.6 KB, which the kernel gives as they are used.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "config/config.h"

enum {
	YG_IMPACT_SERVICES = 1024, // declared ones take the place of learned ones; learned ones that of those idle for a day
	YG_IMPACT_ATTACKS = 256,   // alerts that are followed at a time; of further ones the impact is unknown
	YG_IMPACT_FILTER_BITS = 32768,
	YG_IMPACT_PROBES = 16,
	YG_IMPACT_FILTER_FULL = YG_IMPACT_FILTER_BITS / 5 * 2,
	YG_IMPACT_TURN_S = 302400, // half of seven days
	YG_IMPACT_WAIT_S = 600,
	YG_IMPACT_WINDOW_S = 30,
	YG_IMPACT_ATTEMPTS = 10,   // in the window, at least
	YG_IMPACT_FIRST_S = 3600,
	YG_IMPACT_USUAL_MINUTES = 10,
	YG_IMPACT_VERSION = 1,     // of what save writes
};
#define YG_IMPACT_DEGRADED_BELOW 0.8
#define YG_IMPACT_DOWN_BELOW 0.2
#define YG_IMPACT_ONE_WAY 0.5

struct yg_impact_stats {
	uint64_t full;         // services, and attacks, that found no place
	uint64_t clients_full; // clients that a full filter did not take
	uint32_t services;
};

struct yg_impact_watch;

// NULL: no memory. The config outlives the object, or the next retune. The key, of the addresses in the filters, gives way to that of a
// saved state.
struct yg_impact_watch *yg_impact_create(const struct yg_config *config, const struct yg_hash_key *key);
void yg_impact_destroy(struct yg_impact_watch *watch); // NULL is accepted
void yg_impact_retune(struct yg_impact_watch *watch, const struct yg_config *config);

void yg_impact_flow(struct yg_impact_watch *watch, const struct yg_flow *flow);
void yg_impact_contact(struct yg_impact_watch *watch, const struct yg_contact *contact);

// Second `second` is over; one_way: share of the link's flows that showed one direction only.
void yg_impact_tick(struct yg_impact_watch *watch, int64_t second, float one_way);

// Sets impact, impact_success and impact_usual: an update tells what is, a close the worst that was. A verdict is said in the sentences.
// From an alert's first message to its close, what it is about learns neither clients nor what is usual.
void yg_impact_fill(struct yg_impact_watch *watch, struct yg_alert *alert);

void yg_impact_stats(const struct yg_impact_watch *watch, struct yg_impact_stats *ret_stats);

// The part "impact" of engine/state.h; `context` is the object.
uint64_t yg_impact_save(void *context, uint64_t *cursor, void *to, uint64_t room);
int yg_impact_restore(void *context, uint32_t version, const void *bytes, uint64_t size);
uint64_t yg_impact_save_max(void);
