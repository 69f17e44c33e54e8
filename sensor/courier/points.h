// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Points of metrics (model/point.h) to lines of JSON, and these into the log: one line a step of time, several where it would be longer
// than YG_POINTS_LINE. docs/redis.md has the form. A slot of the ring is given back when the log has settled its step, so the death of
// this process loses none; the log refuses what is offered twice. Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"
#include "courier/eve.h"
#include "courier/spool.h"
#include "model/point.h"
#include "model/stats.h"

enum { YG_POINTS_LINE = 60 * 1024 };

struct yg_points {
	struct yg_ring ring, read; // gives slots back; runs ahead, never shown to the engine
	bool attached, keep;       // keep: there is a log, and somebody who reads it
	bool open, whole;          // a step is at hand; its last point has come
	uint64_t begin;            // its first slot
	int64_t time_s;
	uint32_t step_s;
	uint64_t since_ns;         // when that was read
	uint64_t offered;          // highest pseq that the log has taken
	struct yg_eve *eve;             // not owned, as the next two
	struct yg_spool *spool;
	struct yg_courier_stats *stats;
	char line[YG_POINTS_LINE + 4096];
};

// Attaches to the ring in `memory`. `keep`: false throws away what comes. 0 or -EBADMSG.
int yg_points_open(struct yg_points *points, void *memory, size_t size, struct yg_eve *eve, struct yg_spool *spool,
                   struct yg_courier_stats *stats, bool keep);

// Takes what has arrived, and gives back what is settled. `now_ns`: CLOCK_MONOTONIC. True when something moved.
bool yg_points_turn(struct yg_points *points, uint64_t now_ns);

// The step of a line of these, in seconds; 0 when it is none. Pure.
uint32_t yg_points_step(const char *line, size_t length);
