// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Campaigns: attacks that come in pulses are one thing, not a hundred. Kopp et al. (ITC 36, 2024) found pulses in 27 % of more than ten
// thousand attacks; Hiroshima's DNS servers were hit in 2022 every 30 to 60 minutes for 17 days.
//
// Alerts of kinds dos.* (but dos.campaign, dos.open_service) about one victim are incidents. An incident that begins while another one of
// the victim is open, or within YG_CAMPAIGN_GAP_MIN_S after it, belongs to the same pulse, whatever its vectors. One that begins later, at
// most YG_CAMPAIGN_GAP_MAX_S later, and whose vectors are like those of an incident before (cosine of the shares by name at least
// YG_CAMPAIGN_ALIKE), is the next pulse of the same chain. Victims are one when address and length are equal, or when one is a prefix (not
// wider than YG_CAMPAIGN_WIDEST_V4 or _V6) that holds the other. From YG_CAMPAIGN_PULSES pulses on the chain is a campaign: it is raised as
// dos.campaign at the next tick, and goes on until YG_CAMPAIGN_QUIET_S have passed without a pulse, pulses within that time being its own.
//
// Starts are when the alert opened, not its onset: an onset is not known of a pulse that reopens an alert, and the delay of detection is
// the same each time. The period is the median of the gaps between starts, its deviation the median of theirs, over the last
// YG_CAMPAIGN_GAPS.
//
// Nothing depends on a clock or on a key but the ids (alerts.id_key_file): equal alerts in equal order give equal campaigns. Thread: the
// aggregator's. Allocation in create alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "config/config.h"

enum {
	YG_CAMPAIGN_CHAINS = 1024,    // beyond that the one that ended longest ago is forgotten, campaigns last
	YG_CAMPAIGN_PULSES = 3,       // make a campaign
	YG_CAMPAIGN_GAP_MIN_S = 30,
	YG_CAMPAIGN_GAP_MAX_S = 7200,
	YG_CAMPAIGN_QUIET_S = 86400,
	YG_CAMPAIGN_FACETS = 4,       // kinds of incidents told apart in one chain; further ones join it only while it is open
	YG_CAMPAIGN_MEMBERS = 8,      // incidents of one chain that are open at a time; of further ones the end is not waited for
	YG_CAMPAIGN_GAPS = 512,       // that are remembered
	YG_CAMPAIGN_WIDEST_V4 = 16,
	YG_CAMPAIGN_WIDEST_V6 = 32,
	YG_CAMPAIGN_VERSION = 1,      // of what save writes
};
#define YG_CAMPAIGN_ALIKE 0.8
#define YG_CAMPAIGN_WORSE 2.0 // times the worst pulse before: people are told at once

struct yg_campaign_stats {
	uint64_t pulses, full; // begun; chains forgotten for want of room
	uint32_t chains, open; // that are remembered; of them campaigns
};

struct yg_campaign;

// What is to be raised, with all fields that are not the host's; to clear after YG_CAMPAIGN_QUIET_S.
typedef void (*yg_campaign_raise)(void *context, const struct yg_alert *alert);

// NULL: no memory. The key of ids is copied. The config gives names of bodies; it outlives the object, or the next retune.
struct yg_campaign *yg_campaign_create(const struct yg_config *config, const struct yg_hash_key *id_key);
void yg_campaign_retune(struct yg_campaign *campaign, const struct yg_config *config);
void yg_campaign_destroy(struct yg_campaign *campaign); // NULL is accepted

// An alert that goes out: takes note of it (of one in shadow only that it is told no more), and sets `campaign` and `pulse`. When it is at
// least YG_CAMPAIGN_WORSE times as bad as any pulse before, `mode` becomes YG_MODE_PAGE and the sentences say so.
void yg_campaign_fill(struct yg_campaign *campaign, struct yg_alert *alert);

// Whether people need not be told of it at once: a pulse of a campaign that they know of. Between yg_campaign_fill and the policy.
bool yg_campaign_quietens(const struct yg_alert *alert);

// Second `second` is over: raises campaigns that are new or have changed, and forgets what is too old.
void yg_campaign_tick(struct yg_campaign *campaign, int64_t second, yg_campaign_raise raise, void *context);

void yg_campaign_stats(const struct yg_campaign *campaign, struct yg_campaign_stats *ret_stats);

// The part "campaigns" of engine/state.h; `context` is the object.
uint64_t yg_campaign_save(void *context, uint64_t *cursor, void *to, uint64_t room);
int yg_campaign_restore(void *context, uint32_t version, const void *bytes, uint64_t size);
uint64_t yg_campaign_save_max(void);
