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
#include <jansson.h>

#include "loop.h"

struct web_redis;

typedef void (*web_reply)(void *context, const redisReply *reply); // NULL: no answer; the reply dies when it returns
// A new entry of a followed stream; of one in order.
typedef void (*web_stream_entry)(void *context, const char *stream, uint64_t generation, uint64_t sequence, const char *field,
                                 size_t field_size, const char *value, size_t value_size);

struct web_redis *web_redis_create(struct web_loop *loop, const char *url); // NULL: said on stderr
// Ends both connections: whatever is unanswered is answered with NULL, as is what is asked from then on. Before the parts that asked go.
void web_redis_end(struct web_redis *redis);
void web_redis_destroy(struct web_redis *redis);
bool web_redis_up(const struct web_redis *redis);
uint64_t web_redis_connection(const struct web_redis *redis); // of commands: 0: none, else its number, which grows with each
int64_t web_redis_down_ms(const struct web_redis *redis);     // for how long, 0: it is up

// Why it is down, or what it refused in the last five seconds: "away", "silent", "auth", "noperm", "loading", "readonly", "oom", "misconf",
// ... as docs/redis.md has them; "" while all is well.
const char *web_redis_reason(const struct web_redis *redis);
void web_redis_on_change(struct web_redis *redis, void (*changed)(void *context), void *context); // one caller: up or reason changed
void web_redis_counters(const struct web_redis *redis, json_t *into);                             // "redis.asked", ...

// argv as of redisCommandArgv. At most WEB_REDIS_PENDING in flight; beyond, `done` is called with NULL at once (counted).
enum { WEB_REDIS_PENDING = 4096 };
void web_redis_ask(struct web_redis *redis, web_reply done, void *context, int argc, const char **argv, const size_t *sizes);

// Follows a stream from behind an id. At most WEB_FOLLOWED streams.
int web_redis_follow(struct web_redis *redis, const char *stream, uint64_t generation, uint64_t sequence, web_stream_entry entry,
                     void *context);
// Whether a followed stream (NULL: each of them) has been read to its end once. A stream that is none counts as read.
bool web_redis_caught_up(const struct web_redis *redis, const char *stream);
