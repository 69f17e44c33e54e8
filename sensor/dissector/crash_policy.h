// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is no longer shown to nDPI after it has died of it. Kept in memory that the zygote (writer) shares with its
// workers (readers), so that it survives every one of them.
//
//   three deaths within 60 s towards one address and port  → nDPI is left out for new flows to it for 60 s
//   more than 20 deaths within one second                  → nDPI gets only flows in which both sides have sent
//                                                            payload, until a minute has passed without a death
//
// A source is never paused: its address may be forged, and then the attacker would choose whom we no longer see. Our
// own readers go on in either case. Time is packet time.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "yagura/plugin.h"

enum {
	YG_POLICY_TARGETS = 256, // addresses and ports remembered; the one whose last death is oldest goes
	YG_POLICY_TARGET_DEATHS = 3,
	YG_POLICY_STORM_DEATHS = 20, // in one second; one more is a storm
	YG_POLICY_WINDOW_S = 60,
};

enum yg_policy_mode { YG_POLICY_ALL, YG_POLICY_BOTH_SIDES, YG_POLICY_LEFT_OUT };

struct yg_policy_target {
	struct yg_addr addr;
	uint16_t port;
	uint8_t af;
	uint8_t deaths;                           // times kept
	int64_t died_ns[YG_POLICY_TARGET_DEATHS]; // the latest, oldest first
	_Atomic int64_t until_ns;                 // nDPI is left out before this; 0: it is not
};

struct yg_crash_policy {
	_Atomic uint32_t used; // targets in use: 0 costs a worker one load a flow
	_Atomic int64_t storm_until_ns;
	struct yg_policy_target target[YG_POLICY_TARGETS];
	int64_t recent_ns[YG_POLICY_STORM_DEATHS];
	uint32_t recent_count, recent_next;
	uint64_t pauses;  // times that nDPI was newly left out, of either kind
	uint64_t evicted; // targets forgotten because the table was full
};

// A dissector died at `now` (of a packet towards addr and port when `addr` is given). Zygote only.
void yg_crash_policy_death(struct yg_crash_policy *policy, uint8_t af, const struct yg_addr *addr, uint16_t port,
                           int64_t now_ns);

// What nDPI may see of a new flow towards addr and port. Any process that maps the policy.
enum yg_policy_mode yg_crash_policy_mode(const struct yg_crash_policy *policy, uint8_t af, const struct yg_addr *addr,
                                         uint16_t port, int64_t now_ns);
