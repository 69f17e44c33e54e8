// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The Redis sink: alerts of the spool into the stream `yagura:<sensor>:alerts`, each as
//
//   XADD key MAXLEN ~ n <generation>-<sequence> eve <the line>
//
// The id is chosen by us, so Redis itself refuses what it has and tells where to go on. Nothing here ever waits: the
// caller steps the sink, and may sleep on its descriptor. Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "courier/redis_url.h"
#include "courier/spool.h"
#include "model/stats.h"

struct yg_redis;

struct yg_redis_options {
	struct yg_redis_url url;
	const char *sensor; // for the key; copied
	int64_t maxlen;     // entries that the stream keeps, about
	int64_t maxage_ns;  // from which entries are given up; 0: never
	int64_t replicas;   // that must have an entry before it counts as delivered; 0: none
	int64_t timeout_ns; // to answer; to connect, 1 s at most
};

enum { YG_REDIS_BATCH = 512, YG_REDIS_BATCH_BYTES = 256 * 1024 };

// Not yet connected. Keeps the pointers to spool and stats. NULL and errno on failure.
struct yg_redis *yg_redis_create(const struct yg_redis_options *options, struct yg_spool *spool,
                                 struct yg_courier_stats *stats);
void yg_redis_destroy(struct yg_redis *redis);

// Goes as far as it can go without waiting. `now_ns`: CLOCK_MONOTONIC. True when something moved.
bool yg_redis_step(struct yg_redis *redis, uint64_t now_ns);

// Everything before this position of the spool is in Redis, and with as many replicas as are asked for. It may step back as far as the
// spool still reaches, when Redis has lost what it had confirmed.
uint64_t yg_redis_position(const struct yg_redis *redis);

// What to poll(2) for while an answer is awaited; -1 when there is nothing to wait for.
int yg_redis_fd(const struct yg_redis *redis, short *ret_events);
