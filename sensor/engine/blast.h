// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Blast radius: which bodies depend on what is attacked. Hiroshima's 23 municipalities (2022) and Mie's eleven bodies (2023) went down with
// one DNS service that none of them owned.
//
// A body depends on a server when the configuration's shared services say so, or when it was seen to use it: YG_BLAST_SESSIONS contacts a
// day that were answered, on one of the last seven days (UTC, today included). Learned are pairs of a body and a declared server (services
// and shared services) that is another body's. The body to which the target belongs is always in.
//
// Bounded by YG_BLAST_PAIRS pairs: beyond it nothing more is learned until the day ends, when what was not used for seven days is
// forgotten; what is declared holds in any case. Cost of a contact: one look into 8 KB for most, which are to no declared server.
//
// Thread: the aggregator's. Allocation in create alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "config/config.h"

enum {
	YG_BLAST_PAIRS = 65536,
	YG_BLAST_SESSIONS = 10,
	YG_BLAST_DAYS = 7,
	YG_BLAST_VERSION = 1, // of what save writes
};

struct yg_blast_stats {
	uint64_t full;  // contacts of pairs that found no place
	uint32_t pairs;
};

struct yg_blast;

// NULL: no memory. The config outlives the object, or the next retune.
struct yg_blast *yg_blast_create(const struct yg_config *config, const struct yg_hash_key *key);
void yg_blast_destroy(struct yg_blast *blast); // NULL is accepted

// A reload: bodies and services are the same, shared services may be others: what was learned of those is learned anew.
void yg_blast_retune(struct yg_blast *blast, const struct yg_config *config);

void yg_blast_contact(struct yg_blast *blast, const struct yg_contact *contact);
void yg_blast_tick(struct yg_blast *blast, int64_t second);

// Sets affected and affected_count of dos.* (but dos.open_service), link.* and org.dark; clears them in others. Where others than the body
// itself depend on the target, a clause in each sentence says so.
void yg_blast_fill(struct yg_blast *blast, struct yg_alert *alert);

void yg_blast_stats(const struct yg_blast *blast, struct yg_blast_stats *ret_stats);

// The part "use" of engine/state.h; `context` is the object.
uint64_t yg_blast_save(void *context, uint64_t *cursor, void *to, uint64_t room);
int yg_blast_restore(void *context, uint32_t version, const void *bytes, uint64_t size);
uint64_t yg_blast_save_max(void);
