// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The services and attacks behind impact, and the filters of clients. For impact.c, impact_judge.c and impact_state.c alone.
#pragma once

#include "engine/impact.h"

#define YG_IMPACT_NONE UINT32_MAX

enum { YG_IMPACT_RING_S = 32, YG_IMPACT_BUCKETS = 2048, YG_IMPACT_WORDS = YG_IMPACT_FILTER_BITS / 64 };
_Static_assert((int)YG_IMPACT_RING_S > (int)YG_IMPACT_WINDOW_S, "the ring holds the window");

struct yg_impact_filter {
	uint64_t word[YG_IMPACT_WORDS];
};

struct yg_impact_key {
	struct yg_addr addr;
	uint16_t port;
	uint8_t proto, af;
};

struct yg_impact_sums {
	uint32_t answered, failed;
};

struct yg_impact_service {
	struct yg_impact_key key;
	uint32_t next;
	uint16_t org;
	uint8_t used, declared;
	uint8_t tainted;           // an attack fell into the time of `waiting`
	uint8_t reserved[3];
	int64_t since_s, seen_s;   // first and last time that it answered anybody
	double usual;
	uint32_t usual_minutes;
	uint32_t bits[3];          // set, of the filters below
	struct { int64_t second; struct yg_impact_sums sums; } ring[YG_IMPACT_RING_S];
	struct yg_impact_sums minute, minute_before;
};

enum { YG_IMPACT_CURRENT, YG_IMPACT_BEFORE, YG_IMPACT_WAITING };

struct yg_impact_verdict {
	uint8_t impact; // enum yg_impact
	float success, usual;
};

struct yg_impact_attack {
	uint64_t id;        // of the alert, 0: free
	struct yg_alert target; // kind, vector, org and target of it
	int64_t since_s, heard_s;
	struct yg_impact_verdict now, worst;
};

struct yg_impact_watch {
	const struct yg_config *config;
	struct yg_hash_key key;
	struct yg_mix_key mix;       // for `buckets`
	struct yg_impact_service *services;   // YG_IMPACT_SERVICES
	struct yg_impact_filter (*filters)[3];// … of each service
	struct yg_impact_attack *attacks;     // YG_IMPACT_ATTACKS
	struct yg_impact_sums *window;        // scratch: of each service
	uint32_t buckets[YG_IMPACT_BUCKETS];
	uint32_t used, attacks_count;
	int64_t second, turn;
	int64_t full_until;          // all places are taken, and before that second no learned one has been idle for a day
	float one_way;
	uint64_t full, clients_full;
};

// impact_judge.c: what known clients got in the window that ends with `second`, for each attack that is followed.
void yg_impact_judge(struct yg_impact_watch *w);

uint32_t yg_impact_find(const struct yg_impact_watch *w, const struct yg_impact_key *key);
uint32_t yg_impact_add(struct yg_impact_watch *w, const struct yg_impact_key *key, int64_t second); // NONE: no place
void yg_impact_empty(struct yg_impact_watch *w);
