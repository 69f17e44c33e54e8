// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of `yagura eval` share. Each labelled capture is read by a `yagura replay` of its own, so that it is judged by the very
// programs that run on a site; several at once. Their alerts come back in EVE files within a folder of this run, which is removed.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/eval_judge.h"
#include "cli/labels.h"

enum { YG_EVAL_JOBS_MAX = 256, YG_EVAL_SETTINGS = 32, YG_EVAL_ERROR = 300 };

enum yg_eval_status { YG_EVAL_LEFT_OUT, YG_EVAL_DONE, YG_EVAL_MISSING, YG_EVAL_FAILED };

struct yg_eval_file {
	const struct yg_label *label;
	uint8_t status;             // enum yg_eval_status; left out: the filter has none of its kinds
	bool found, damaged;        // damaged: the capture is cut or broken, and was judged by what could be read
	int code;                   // exit status of the replay
	unsigned unasked;
	struct yg_eval_alerts alerts;
	char error[YG_EVAL_ERROR];  // the last line that a failed replay said
};

struct yg_eval {
	const char *labels_path, *folder, *config;
	const char *settings[YG_EVAL_SETTINGS]; // KEY=VALUE
	unsigned settings_count, jobs;
	struct yg_eval_filter filter;
	bool json;
	struct yg_labels labels;
	struct yg_eval_file *files; // one for each label
	double seconds;
	const volatile sig_atomic_t *interrupted;
};

// Replays and judges every file. 0; -EINTR; another negative errno when it could not begin or go on.
int yg_eval_run(struct yg_eval *eval);

struct yg_eval_family {
	char name[24];            // "dos"; of the first of its kinds that passes the filter
	unsigned files[2], found[2]; // attack, optional
};

struct yg_eval_totals {
	struct yg_eval_family families[YG_EVAL_FAMILIES];
	unsigned families_count;
	unsigned files[YG_VERDICT_COUNT], found[YG_VERDICT_COUNT], noisy[YG_VERDICT_COUNT], unasked, missing, failed, done;
};
void yg_eval_sum(const struct yg_eval *eval, struct yg_eval_totals *ret_totals);

void yg_eval_text(const struct yg_eval *eval, const struct yg_eval_totals *totals, bool japanese);
// False: an element did not fit its buffer, or no memory.
bool yg_eval_json(const struct yg_eval *eval, const struct yg_eval_totals *totals);
