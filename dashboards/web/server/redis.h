// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Redis, asynchronously: one connection for commands, one that waits for new entries of all streams (XREAD BLOCK). Both connect again by
// themselves (0.1 s to 5 s); what was asked when a connection died is answered with NULL once, and never sent twice. While there is none,
// web_redis_up() is false, pages are read-only and say so within three seconds.
//
// hiredis 0.14's asynchronous interface, driven by the loop (no adapter of hiredis). SIGPIPE is ignored by main.
//
// Thread: the loop's.
#pragma once

#include <hiredis/hiredis.h>

#include "loop.h"

struct web_redis;

typedef void (*web_reply)(void *context, const redisReply *reply); // NULL: no answer; the reply dies when it returns
// A new entry of a followed stream; of one in order.
typedef void (*web_stream_entry)(void *context, const char *stream, uint64_t generation, uint64_t sequence, const char *field, size_t field_size,
				 const char *value, size_t value_size);

struct web_redis *web_redis_create(struct web_loop *loop, const char *url); // NULL: said on stderr
void web_redis_destroy(struct web_redis *redis);
bool web_redis_up(const struct web_redis *redis);
uint64_t web_redis_connection(const struct web_redis *redis); // of commands: 0: none, else its number, which grows with each
int64_t web_redis_down_ms(const struct web_redis *redis); // for how long, 0: it is up

// argv as of redisCommandArgv. At most WEB_REDIS_PENDING in flight; beyond, `done` is called with NULL at once (counted).
enum { WEB_REDIS_PENDING = 4096 };
void web_redis_ask(struct web_redis *redis, web_reply done, void *context, int argc, const char **argv, const size_t *sizes);

// Follows a stream from behind an id. At most 4 * WEB_SENSORS_MAX streams.
int web_redis_follow(struct web_redis *redis, const char *stream, uint64_t generation, uint64_t sequence, web_stream_entry entry, void *context);
