// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See replay_clock.h. Shifts are whole seconds, so that frames of one second of own time stay in one second of packet time.
#include "engine/replay_clock.h"

// Stamps are claims of a file. Packet time stays where adding any timeout to it is a number: years 1933 to 2116.
#define EARLIEST (-(INT64_C(1) << 60))
#define LATEST (INT64_C(1) << 62)

static int64_t within_limits(int64_t ns)
{
	return ns < EARLIEST ? EARLIEST : ns > LATEST ? LATEST : ns;
}

static int64_t shifted(int64_t stamp_ns, int64_t offset_ns)
{
	int64_t t;
	return __builtin_add_overflow(within_limits(stamp_ns), offset_ns, &t) ? LATEST : within_limits(t);
}

struct yg_time yg_replay_clock_next(struct yg_replay_clock *clock, struct yg_time stamp, bool *ret_gap)
{
	struct yg_time t = yg_time_ns(shifted(stamp.ns, clock->offset_ns));
	*ret_gap = false;
	if (!clock->started) {
		clock->started = true;
		clock->now = t;
		clock->from_ns = t.ns;
		return t;
	}
	int64_t back = clock->now.ns - t.ns;
	if (back > YG_NS_PER_S) {
		// To after what came before, never to the same moment: the time at which a shift begins tells on whose side a stamp lies.
		int64_t shift = (back / YG_NS_PER_S + 1) * YG_NS_PER_S;
		clock->offset_ns += shift;
		t.ns = within_limits(t.ns + shift);
		clock->from_ns = t.ns;
	} else if (back > 0) {
		t = clock->now;
	}
	*ret_gap = t.ns - clock->now.ns > YG_GAP_SECONDS * YG_NS_PER_S;
	clock->now = t;
	return t;
}
