// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Time is a type, so that no raw integer is ever mistaken for it. Packet time, in nanoseconds since the epoch (UTC).
// Core functions take `now`; only the supervisor's and the live loops read a clock.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct yg_time {
	int64_t ns;
};

#define YG_NS_PER_S INT64_C(1000000000)
#define YG_NS_PER_MS INT64_C(1000000)

static inline struct yg_time yg_time_ns(int64_t ns)
{
	return (struct yg_time){ns};
}

// The second that holds t, rounding towards the past also before 1970.
static inline int64_t yg_time_second(struct yg_time t)
{
	int64_t s = t.ns / YG_NS_PER_S;
	return t.ns % YG_NS_PER_S < 0 ? s - 1 : s;
}

static inline struct yg_time yg_time_from_s(int64_t s)
{
	return (struct yg_time){s * YG_NS_PER_S};
}

static inline int64_t yg_time_diff_ns(struct yg_time later, struct yg_time earlier)
{
	return later.ns - earlier.ns;
}

static inline bool yg_time_before(struct yg_time a, struct yg_time b)
{
	return a.ns < b.ns;
}
