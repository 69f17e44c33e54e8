// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The Redis sink: alerts of the spool into the stream `yagura:<sensor>:alerts`, each as
//
//   XADD key MAXLEN ~ n <generation>-<sequence> eve <the line>
//
// The id is chosen by us, so Redis itself refuses what it has and tells where to go on. Nothing here ever waits: the
// caller steps the sink (sink.h), and may sleep on its descriptor. Thread: the courier's.
//
// Position: everything before it is in Redis, and with as many replicas as are asked for. It may step back as far as the spool still
// reaches, when Redis has lost what it had confirmed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "courier/redis_url.h"
#include "courier/sink.h"
#include "courier/spool.h"
#include "model/stats.h"

struct yg_redis_tls;

struct yg_redis_options {
	struct yg_redis_url url;
	const char *sensor; // for the key; copied
	int64_t maxlen;     // entries that the stream keeps, about
	int64_t maxage_ns;  // from which entries are given up; 0: never
	int64_t replicas;   // that must have an entry before it counts as delivered; 0: none
	int64_t timeout_ns; // to answer; to connect, 1 s at most
	struct yg_redis_tls *tls; // for rediss://; kept. NULL: none
};

enum { YG_REDIS_BATCH = 512, YG_REDIS_BATCH_BYTES = 256 * 1024 };

// Not yet connected. Keeps the pointers to spool and stats. NULL and errno on failure. The sink is the caller's to destroy.
struct yg_sink *yg_redis_create(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats);
