// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What becomes the metrics in Redis: of each second that the aggregator closes, of each minute and each hour, one point for every body with
// traffic and one for the sensor as a whole, which ends its step (model/point.h). Packets, bytes and a body's flows are the rate engine's
// exact sums. The sensor's flows and lost frames are those that its workers and ports counted between two closes: their sum is exact, the
// second that one falls into is not.
//
// Minutes and hours that have begun lie behind the ring, in memory that outlives the engine: the next one goes on with them. A step is put
// out when time has passed its end, or at the end of the run; a step in which nothing was closed has no point.
//
// Thread: the aggregator's. No allocation after creation.
#pragma once

#include "base/ring.h"
#include "config/config.h"
#include "model/point.h"
#include "model/stats.h"

struct yg_points;

struct yg_points_options {
	const struct yg_config *config;
	struct yg_engine_stats *stats;
	void *memory;          // of YG_FD_POINTS: yg_points_bytes(), formatted; outlives the object
	size_t size;
	bool replay;           // then a full ring is waited for, as long as redis.drain says in all; live it never is
};

// Whether the configuration has anybody who wants points: Redis, a spool on disk, and redis.metrics.
bool yg_points_wanted(const struct yg_config *config);

// NULL and errno: no memory, or no ring of points there.
struct yg_points *yg_points_create(const struct yg_points_options *options);
void yg_points_destroy(struct yg_points *points); // NULL is accepted, here and below

// A reload: another block, in which the bodies are the same.
void yg_points_retune(struct yg_points *points, const struct yg_config *config);

// A window of the second that is being closed; those that are of no link and no body are nothing to us.
void yg_points_window(struct yg_points *points, const struct yg_window *window);
void yg_points_alert(struct yg_points *points, const struct yg_alert *alert); // of state open

// The second is closed. Seconds grow.
void yg_points_close(struct yg_points *points, int64_t second);

// The end of a run: minutes and hours that have begun go out as they are. Nothing more comes: the ring is closed.
void yg_points_finish(struct yg_points *points);
