// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Packet time of a replay. It never runs back: a step back of up to a second is held, a longer one shifts all that follows
// by whole seconds (captures that were glued together, clocks that were set). A leap forward of more than 300 s is a gap.
// Pure.
#pragma once

#include <stdbool.h>

#include "base/time.h"

enum { YG_GAP_SECONDS = 300 };

struct yg_replay_clock {
	struct yg_time now;
	int64_t offset_ns; // packet time - own stamp
	int64_t from_ns;   // packet time from which on that holds
	bool started;
};

// Packet time of a packet with this stamp. *ret_gap: it lies more than 300 s after the one before.
struct yg_time yg_replay_clock_next(struct yg_replay_clock *clock, struct yg_time stamp, bool *ret_gap);
