// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert asks of people: whether anybody is to be told at all (suppressions, shadow), and then how soon (mode and SLA class).
//
// Suppression: an alert that fits one which is in force at that packet time goes no further. Each distinct alert counts once a life, which
// ends as it would have ended in the lifecycle: when it has not been raised or held for its time to clear. What is still raised when its
// suppression expires opens then.
//
// Mode, the first that fits: shadow, while the detector is new to the body; a rule of the configuration, the body's own before those of
// the bodies above it before the rest, in each the narrowest kind first; else by severity and confidence:
//
//   critical; high with a confidence of 0.5 or more   page, within 15 minutes
//   high below that, medium                           alert, within 60 minutes
//   low, info                                         digest
//
// Pulses of a campaign that people know of are digest at most, unless one is worse than any before (engine/campaign.h).
//
// Shadow: for alerts.shadow_days after a live sensor first ran with a detector and a body, what that detector says of that body goes out
// as shadow. Not for zone.mynumber, link.saturation and sensor.*, which rest on no habit that would have to be learned first. A replay has
// no shadow but that of a rule.
//
// Nothing here depends on a clock: time is that of the packets. Thread: the aggregator. Allocation in create alone.
#pragma once

#include "base/hash.h"
#include "base/time.h"
#include "config/config.h"
#include "engine/state.h"
#include "model/stats.h"

enum {
	YG_POLICY_LIVES = 16384, // suppressed alerts told apart at a time; beyond it one is suppressed, and counted as such alone
	YG_POLICY_SLA_PAGE = 15, // minutes
	YG_POLICY_SLA_ALERT = 60,
};

struct yg_policy;

struct yg_policy_options {
	const struct yg_config *config; // outlives its use here
	struct yg_engine_stats *stats;
	bool live;                      // shadow periods apply
	struct yg_hash_key key;
};

enum yg_policy_verdict { YG_POLICY_TELL, YG_POLICY_SHADOW, YG_POLICY_SUPPRESSED };

// NULL: no memory.
struct yg_policy *yg_policy_create(const struct yg_policy_options *options);
void yg_policy_destroy(struct yg_policy *policy); // NULL is accepted

// A reload: another block in which the bodies are the same. Counters and lives go on, by the suppressions' ids.
void yg_policy_retune(struct yg_policy *policy, const struct yg_config *config);

// Of what was raised, holds included, with the host's fields filled in. *ret_new: it is suppressed, and was not before in this life.
enum yg_policy_verdict yg_policy_judge(struct yg_policy *policy, const char *detector, const struct yg_alert *alert, struct yg_time now,
				       bool *ret_new);

// As it goes out: mode and sla_minutes. An alert that comes with YG_MODE_SHADOW, as the lifecycle leaves it, keeps it.
void yg_policy_fill(struct yg_policy *policy, struct yg_alert *alert);

// The second is over. Lives end here, and shadow periods begin.
void yg_policy_second(struct yg_policy *policy, int64_t second);

// The begins of shadow periods, for engine/state.h. The part lives as long as the policy.
struct yg_state_part yg_policy_part(struct yg_policy *policy);

// Into the log: which suppressions hid how many alerts.
void yg_policy_report(const struct yg_policy *policy);
