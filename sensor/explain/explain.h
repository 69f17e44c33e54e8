// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of `yagura explain` share. An alert is read from an EVE line that anybody may have written: with bounds, and without what
// must not reach a terminal. Nothing is looked up elsewhere: what is said of an alert is what the line itself says. Pure but for main.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	EXPLAIN_TOP = 8,       // sources, vectors
	EXPLAIN_SERIES = 120,
	EXPLAIN_BODIES = 16,   // named; the rest is counted
	EXPLAIN_STEPS = 5,
	EXPLAIN_TEXT = 1024,
};

struct explain_share {
	char name[64];
	double share; // 0 to 1; NAN: the line does not say
};

struct explain_body {
	char code[24], ja[96], en[96];
};

struct explain_alert {
	char id[24], state[16], severity[16], kind[48], kind_ja[128], signature[160], mode[16], learning[16], zone[24];
	char timestamp[40], first_seen[40], last_seen[40], next[40], host[128], source[64], target[80], proto[16], technique[24];
	char org_code[24], org_ja[128], org_en[128], vector[48], policy[160], unit[48], impact[16], campaign[24], series_start[40];
	char text_ja[EXPLAIN_TEXT], text_en[EXPLAIN_TEXT];
	// NAN where the line does not say
	double observed, threshold, baseline, peak, window_s, confidence, score, count, sources, sample, port;
	double reopened, sla_minutes, affected_count, pulse, period_s, period_mad_s, impact_success, impact_usual;
	double step_s, low, high;
	struct explain_share top[EXPLAIN_TOP], vectors[EXPLAIN_TOP];
	unsigned top_count, vectors_count, series_count, bodies_count;
	double series[EXPLAIN_SERIES];
	struct explain_body bodies[EXPLAIN_BODIES];
	bool is_alert;
};

// False: the line is no JSON object of ours, or no alert with an id.
bool explain_read(const char *line, size_t length, struct explain_alert *ret_alert);

struct explain_look {
	bool japanese, unicode;
	unsigned columns;          // of the terminal, 40 at least
	unsigned opens, updates, closes; // lines of this alert that were seen
};

void explain_print(FILE *out, const struct explain_alert *alert, const struct explain_look *look);

// The series as bars with its band and threshold. Nothing when there are fewer than two values.
void explain_chart(FILE *out, const struct explain_alert *alert, const struct explain_look *look);

// The text in lines of at most `columns`; those behind the first begin with `indent` blanks, which the caller has written before the first.
void explain_wrap(FILE *out, const char *text, unsigned indent, unsigned columns);

// What to check next, three to five steps; the last pointer is NULL. Of a kind of the table, else of its family, else of none.
const char *const *explain_steps(const char *kind, bool japanese);

// "48,211 packets/s", "12.4 Mbit/s" in the words of the language. Returns `to`.
const char *explain_amount(double value, const char *unit, bool japanese, char *to, size_t size);
