// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The progress of a replay on standard error: a bar that redraws itself on a terminal, a line now and then elsewhere, or nothing.
#pragma once

#include "cli/supervisor.h"

enum yg_progress_mode { YG_PROGRESS_AUTO, YG_PROGRESS_PLAIN, YG_PROGRESS_NONE };

struct yg_progress {
	enum yg_progress_mode mode;
	bool bar, drawn;
	double started, next;
};

void yg_progress_init(struct yg_progress *p, enum yg_progress_mode mode);
void yg_progress_show(struct yg_progress *p, const struct yg_supervisor *s);
void yg_progress_finish(struct yg_progress *p);

// CLOCK_MONOTONIC in seconds.
double yg_progress_clock(void);
