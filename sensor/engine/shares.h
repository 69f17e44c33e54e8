// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What detectors did not get to see. A worker passes on so many contacts, DNS messages and flow records of a body in a second, and tells
// how many it would have been (YG_EV_BUDGET). The alerts of a detector that lives on what was cut say for a minute which share was looked
// at. Rates are never cut, so a detector of rates is not concerned. Live alone.
//
// Thread: the aggregator.
#pragma once

#include "config/config.h"
#include "engine/event.h"

struct yg_shares;

struct yg_shares *yg_shares_create(const struct yg_config *config); // NULL: no memory
void yg_shares_destroy(struct yg_shares *shares);

void yg_shares_note(struct yg_shares *shares, const struct yg_budget_note *note);

// The share of what a detector with these YG_NEEDS_* asked for that it saw of the body in the last minute, in [0, 1]; 1: all.
double yg_shares_seen(const struct yg_shares *shares, uint16_t org, uint32_t needs, int64_t second);

// Puts that into the sentences of an alert that a detector is about to raise. NULL is accepted.
void yg_shares_temper(const struct yg_shares *shares, uint32_t needs, int64_t second, struct yg_alert *alert);
