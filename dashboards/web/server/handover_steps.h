// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the officer of a body is asked to look at, by kind. Pure; any thread.
#pragma once

#include <stdbool.h>

enum { HANDOVER_STEPS = 5 };

struct handover_advice {
	const char *kind; // or "family."
	const char *impact_ja, *impact_en;
	const char *ja[HANDOVER_STEPS + 1], *en[HANDOVER_STEPS + 1];
};
// Of the kind, else of its family, else what holds of anything. `from_inside`: the body's machine is the one that does it.
const struct handover_advice *handover_advice_of(const char *kind, bool from_inside);
