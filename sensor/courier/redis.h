// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What goes to Redis, on three connections of which none waits for another (each is stepped, sink.h, and may be slept on):
//
//   the streams   lanes over one connection, each with a position and a key of its own; a lower one sends only when those above have
//                 nothing to send. `yagura:<sensor>:alerts`, then `:flows`, then `:metrics`, `:metrics:1m` and `:metrics:1h`
//                     XADD key MAXLEN ~ n <generation>-<sequence> eve <the line>
//                 The id is chosen by us, so Redis itself refuses what it has and tells where to go on. Beside them the hash
//                 `yagura:<sensor>:health`, which expires
//   a list        LPUSH or RPUSH, for readers that take from one (redis_list.c)
//   a channel     PUBLISH (redis_channel.c)
//
// Position of a lane: everything before it is in Redis, and with as many replicas as are asked for. It may step back as far as the spool
// still reaches, when Redis has lost what it had confirmed. Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "courier/redis_url.h"
#include "courier/sink.h"
#include "courier/spool.h"
#include "model/board.h"
#include "model/stats.h"

struct yg_redis_tls;

struct yg_redis_options {
	struct yg_redis_url url;
	const char *sensor; // for the keys; copied
	int64_t maxlen;     // entries that the stream of alerts keeps, about
	int64_t maxage_ns;  // from which entries of it are given up; 0: never
	int64_t replicas;   // that must have an entry before it counts as delivered; 0: none
	int64_t timeout_ns; // to answer; to connect, 1 s at most
	int64_t flows_maxlen; // of the stream of flow records; 0: there is none
	int64_t seconds, minutes, hours; // of the streams of metrics; seconds 0: there are none
	const struct yg_board *board;    // what goes to the hash; kept. NULL: nothing does
	const char *list;    // key of the list; copied
	bool list_left;      // LPUSH, else RPUSH
	int64_t list_maxlen; // lines that the list keeps
	const char *channel; // copied
	struct yg_redis_tls *tls; // for rediss://; kept. NULL: none
};

enum { YG_REDIS_BATCH = 512, YG_REDIS_BATCH_BYTES = 256 * 1024 };

// Not yet connected. Each keeps the pointers to spool and stats. NULL and errno on failure. The sink is the caller's to destroy.
struct yg_sink *yg_redis_create(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats);
struct yg_sink *yg_redis_create_list(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats);
struct yg_sink *yg_redis_create_channel(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats);

// A lower lane of what yg_redis_create made, which owns it and does its work: a sink that has a position alone. NULL when it has none.
struct yg_sink *yg_redis_lane(struct yg_sink *streams, enum yg_spool_sink which);
