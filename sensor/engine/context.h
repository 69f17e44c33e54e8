// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert cannot know by itself: which campaign it is a pulse of, which bodies depend on its target, and what it does to the service.
// Three parts behind one door for the aggregator: engine/campaign.h, engine/blast.h, engine/impact.h, each with its bounds.
//
// yg_context_fill is called for every message of an alert that goes out, before the policy. It sets campaign and pulse, affected, impact
// and what belongs to them, and appends a clause to the sentences for each that has something to say. `mode` comes as YG_MODE_SHADOW or
// YG_MODE_ALERT and stays, or becomes YG_MODE_PAGE for a pulse that is worse than its campaign was before. Of which members of a campaign
// people need not be told at once, yg_campaign_quietens() says.
//
// Thread: the aggregator's. Allocation in create alone.
#pragma once

#include "engine/blast.h"
#include "engine/campaign.h"
#include "engine/impact.h"
#include "engine/state.h"
#include "model/stats.h"

struct yg_context;

// NULL and errno: no memory. The config outlives the object, or the next retune.
struct yg_context *yg_context_create(const struct yg_config *config, const struct yg_hash_key *key, const struct yg_hash_key *id_key);
void yg_context_destroy(struct yg_context *context); // NULL is accepted
void yg_context_retune(struct yg_context *context, const struct yg_config *config);

void yg_context_flow(struct yg_context *context, const struct yg_flow *flow);
void yg_context_contact(struct yg_context *context, const struct yg_contact *contact);

// Second `second` is over, its alerts have been raised: campaigns are raised by `raise`. one_way as in struct yg_window.
void yg_context_tick(struct yg_context *context, int64_t second, float one_way, yg_campaign_raise raise, void *raise_context);

void yg_context_fill(struct yg_context *context, struct yg_alert *alert);

// Writes its rows of the aggregator's counters (by enum yg_aggregator_counter).
void yg_context_count(const struct yg_context *context, struct yg_counter *counters);

enum { YG_CONTEXT_PARTS = 3 };

// The parts to be registered for the state that outlives the engine (engine/state.h).
void yg_context_parts(struct yg_context *context, struct yg_state_part ret_parts[YG_CONTEXT_PARTS]);
