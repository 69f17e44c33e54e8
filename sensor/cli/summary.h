// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a run says at its end: packets and where each ended, flows by application and organisation, alerts with their sentence, and the
// conservation identities, for a person or as JSON. All numbers come from the shared counters.
#pragma once

#include <stdio.h>

#include "cli/supervisor.h"

// One conservation identity: left = right. In a live run the right side includes what engines that died had in hand.
struct yg_identity {
	const char *name;
	const char *formula;
	uint64_t left, right;
};

enum { YG_IDENTITIES = YG_BOOKS };

// Fills all identities; returns how many do not hold.
unsigned yg_identities(const struct yg_supervisor *s, struct yg_identity ret_identities[YG_IDENTITIES]);

void yg_summary_text(const struct yg_supervisor *s, double seconds, FILE *out);
void yg_summary_json(const struct yg_supervisor *s, double seconds, FILE *out);

// The highest severity that was opened, -1 when none was.
int yg_summary_severity(const struct yg_supervisor *s);

// Alerts that the courier could not deliver.
uint64_t yg_summary_undelivered(const struct yg_supervisor *s);
