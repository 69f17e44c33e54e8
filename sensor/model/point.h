// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A point of the sensor's metrics: what a step of time has brought, to the whole sensor or to one body. They travel from the engine's
// aggregator to the courier by a ring (YG_FD_POINTS), all points of a step together, the sensor's last. What the aggregator cannot put
// into the ring is counted and never waited for.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"

#define YG_POINT_VALUES(X)                                                                                                                \
	X(PACKETS_IN, "packets_in") X(PACKETS_OUT, "packets_out") X(BYTES_IN, "bytes_in") X(BYTES_OUT, "bytes_out") /* in: towards it */  \
	X(FLOWS, "flows")   /* that began */                                                                                              \
	X(ALERTS, "alerts") /* that opened */                                                                                             \
	X(LOST, "lost")     /* frames that were not seen; of the sensor alone */
enum yg_point_value {
#define YG_X(id, name) YG_POINT_##id,
	YG_POINT_VALUES(YG_X)
#undef YG_X
	YG_POINT_VALUES_COUNT,
};

enum {
	YG_POINT_SECOND = 1, YG_POINT_MINUTE = 60, YG_POINT_HOUR = 3600, // steps
	YG_POINT_SENSOR = 0xfffe, // instead of an org: the whole sensor. This one ends its step
	YG_POINT_SLOTS = 8192,
	YG_POINT_STEPS = 3,
	YG_POINT_ORGS = 1024, // bodies that have points: all that a configuration can hold
};

struct yg_point {
	int64_t time_s;  // when the step began, seconds since 1970, a multiple of the step
	uint32_t step_s;
	uint16_t org;    // index; YG_ORG_NONE: nobody's; YG_POINT_SENSOR
	uint16_t reserved;
	uint64_t value[YG_POINT_VALUES_COUNT];
};

// What lies behind the ring of points, the engine's alone: what has begun and is not put out yet. Place YG_POINT_ORGS: the whole sensor.
struct yg_points_long {
	int64_t start;
	uint64_t begun;
	uint64_t value[YG_POINT_ORGS + 1][YG_POINT_VALUES_COUNT];
};
struct yg_points_open {
	uint64_t bodies; // a hash of their codes, in order: places of another configuration are other bodies
	uint64_t second[YG_POINT_ORGS + 1][YG_POINT_VALUES_COUNT];
	struct yg_points_long longer[YG_POINT_STEPS - 1]; // minute, hour
};

// Bytes of the ring, and of all that YG_FD_POINTS holds.
static inline size_t yg_points_ring_bytes(void)
{
	return (yg_ring_bytes(sizeof(struct yg_point), YG_POINT_SLOTS) + 63) & ~(size_t)63;
}
static inline size_t yg_points_bytes(void)
{
	return yg_points_ring_bytes() + sizeof(struct yg_points_open);
}
