// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the alerts of one labelled capture mean: was it found, and was anything said that nobody asked for. Pure; one thread a struct.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/labels.h"

enum {
	YG_EVAL_ALERTS = 1024,  // of one capture that are told apart; more are counted
	YG_EVAL_FILTERS = 16,
	YG_EVAL_FAMILIES = 16,
};

struct yg_eval_filter {
	const char *patterns[YG_EVAL_FILTERS]; // "dos.*", "scan.port"
	unsigned count;                        // 0: everything
};

// One alert by its id, as its lines put together say.
struct yg_eval_alert {
	char id[24], kind[40], target[64], source[48];
	int8_t severity;      // enum yg_severity, the highest; -1: unreadable
	bool of_kind, of_party; // it has one of the label's kinds; it concerns one of its parties
};

struct yg_eval_alerts {
	struct yg_eval_alert *at; // YG_EVAL_ALERTS
	unsigned count;
	uint64_t left_out, unreadable; // alerts beyond YG_EVAL_ALERTS, lines that are no JSON of ours
};

bool yg_eval_passes(const struct yg_eval_filter *filter, const char *kind);
// Whether a pattern can be one: a kind of the table, or a family with ".*" behind it.
bool yg_eval_pattern(const char *pattern);

// One EVE line more. Lines that are no alerts change nothing.
void yg_eval_take(struct yg_eval_alerts *alerts, const struct yg_label *label, const char *line, size_t length);

// At least one alert has one of its kinds that pass, and concerns one of its parties.
bool yg_eval_found(const struct yg_eval_alerts *alerts, const struct yg_eval_filter *filter);
// Medium or worse, passes, and is not what the label says: in a benign or lower-bound file each such alert, in others those of another kind
// or about others. What the sensor says of itself (sensor.*) counts only where a filter names it.
bool yg_eval_unasked(const struct yg_eval_alert *alert, const struct yg_label *label, const struct yg_eval_filter *filter);
