// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a step of traffic brought, kept for as long as the page can ask. A ring is addressed by the number of the step (seconds since 1970
// over its length), so several sensors, and lines that come late, add to the same slot; what is older than the ring is not taken.
//
//   of a sensor   3,600 seconds, 1,440 minutes, 1,344 hours (eight weeks), all exact: 530 KiB
//   of a body     240 minutes, 288 steps of five, 168 hours, exact, and the bytes of 1,344 hours for its habit: 31 KiB
//
// A body without any packet is left out of a line, so whether a slot of it is nothing or not known says the sensor's.
// Pure but for memory.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	// of a day and a quarter of an hour: a chart of 24 h begins at a step's beginning, and would else be of hours now and then
	WEB_RING_SECONDS = 3600, WEB_RING_MINUTES = 1456, WEB_RING_HOURS = 1344,
	WEB_BODY_MINUTES = 240, WEB_BODY_FIVES = 292, WEB_BODY_HOURS = 168,
	WEB_WEEK_HOURS = 168,
	WEB_STEP_LINES = 5, // of a step: 60 KB each, a thousand bodies a line; beyond, it is not taken
};

// In the order of a metrics line's lists.
enum web_traffic { WEB_PACKETS_IN, WEB_PACKETS_OUT, WEB_BYTES_IN, WEB_BYTES_OUT, WEB_FLOWS, WEB_OPENED, WEB_LOST, WEB_TRAFFIC_VALUES };

struct web_values {
	uint64_t v[WEB_TRAFFIC_VALUES];
	uint32_t told; // lines that said something of this step; 0: not known
	uint32_t line[WEB_STEP_LINES]; // hashes of them: what a sensor delivers twice, or Redis shows again, counts once
};

struct web_ring {
	int64_t step_s, newest; // number of the newest step, 0: none yet
	uint32_t length;
	struct web_values *slot;
};

struct web_sensor_rings { struct web_ring seconds, minutes, hours; };
int web_sensor_rings_init(struct web_sensor_rings *rings); // -ENOMEM
void web_sensor_rings_finish(struct web_sensor_rings *rings);
// The slot of a step, cleared when it is new; NULL: older than the ring.
struct web_values *web_ring_slot(struct web_ring *ring, int64_t step);
// As it is; NULL: nothing is known of it.
const struct web_values *web_ring_at(const struct web_ring *ring, int64_t step);

struct web_body_point { // saturates: 71 million packets a second over a minute, 65,535 alerts
	uint32_t bytes_in, bytes_out, packets_in, packets_out, flows;
	uint16_t bytes_in_high, bytes_out_high, opened;
};

struct web_body_rings {
	int64_t minute, five, hour, habit_hour; // newest of each
	int64_t last_s;                          // newest step, of any length, with a packet: its end
	struct web_body_point minutes[WEB_BODY_MINUTES], fives[WEB_BODY_FIVES], hours[WEB_BODY_HOURS];
	float habit[WEB_RING_HOURS][2];          // bytes in, out
	int64_t second[4];                       // the last seconds: for the live figure
	uint64_t second_bytes[4][2];
};
// What a line says of a step of 1, 60 or 3,600 s that begins at `at_s`.
void web_body_rings_add(struct web_body_rings *rings, int64_t at_s, int64_t step_s, const uint64_t values[WEB_TRAFFIC_VALUES]);
// Of the step of 60, 300 or 3,600 s with this number; hours older than a week have bytes alone. False: it is older than what is kept.
bool web_body_rings_at(const struct web_body_rings *rings, int64_t step_s, int64_t step, struct web_values *ret);

// The q-th part (0 to 1) of values in order, between two of them where it falls there. count > 0; sorts them.
double web_quantile(double *values, unsigned count, double q);
