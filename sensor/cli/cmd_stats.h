// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura stats`: looks at the Prometheus text of a running sensor and shows it on one screen (cmd_stats_screen.c). Pure, but for printing.
#pragma once

#include <stdbool.h>
#include <stdio.h>

// The sum of a metric's samples that have `label` among their labels (worker="0"; NULL: all). 0 where there are none.
double yg_stats_value(const char *text, const char *metric, const char *label);
bool yg_stats_has(const char *text, const char *metric, const char *label);

struct yg_stats_screen {
	const char *now, *before; // texts, one `seconds` older than the other
	double seconds;
	bool japanese, cycles_only;
};

void yg_stats_print(const struct yg_stats_screen *screen, FILE *out);
