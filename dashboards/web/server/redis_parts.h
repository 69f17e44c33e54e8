// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Between redis.c (two connections, and commands over the first), follow.c (what goes over the second) and link.c (a connection), each
// of which calls those behind it alone. Thread: the loop's.
#pragma once

#include <hiredis/async.h>

#include "courier/redis_url.h"
#include "redis.h"

enum {
	WEB_FOLLOWED = 576, // streams: of 64 sensors alerts, and four under two names each; beyond, -ENOSPC and redis.streams_full
	WEB_STREAM_NAME = 160,
	WEB_CATCH_UP = 500, // entries a reply while there are more
	WEB_BLOCK_MS = 500,
};

enum link_state { LINK_OFF, LINK_CONNECTING, LINK_GREETING, LINK_UP };

// One connection, with its attempts.
struct web_link {
	struct web_redis *redis;
	redisAsyncContext *async;
	enum link_state state;
	int fd;
	uint32_t wants; // EPOLLIN, EPOLLOUT
	uint32_t steps; // of the greeting, unanswered
	int64_t retry_ms, backoff_ms, begun_ms, heard_ms;
	uint32_t unanswered;
	uint64_t number;                                          // of this connection; 0: none
	void (*up)(struct web_link *link);                        // it has been greeted
	void (*down)(struct web_link *link, const char *reason); // it has ended, or was refused
};

struct followed {
	char name[WEB_STREAM_NAME];
	uint64_t generation, sequence;
	web_stream_entry entry;
	void *context;
	bool at_end, once;     // caught up now; has been
	int64_t rest_until_ms; // its key holds something else: asked again then
};

struct web_redis {
	struct web_loop *loop;
	struct yg_redis_url url;
	struct web_link commands, reader;
	bool up, refused;
	const char *reason; // a word; "" while all is well
	int64_t refused_ms; // when a write was refused last
	int64_t down_since_ms;
	uint64_t connections;
	void (*changed)(void *context);
	void *changed_context;
	struct followed *followed[WEB_FOLLOWED];
	uint32_t followed_count;
	uint64_t followed_full;
	uint32_t next; // whose turn it is
	bool reading;  // a command of follow.c is under way
	int64_t pause_until_ms;
	uint64_t asked, overflow, lost, refusals, entries, bad_entries, resets;
};

// link.c
void web_link_init(struct web_link *link, struct web_redis *redis, void (*up)(struct web_link *link),
                   void (*down)(struct web_link *link, const char *reason));
void web_link_connect(struct web_link *link);
void web_link_fail(struct web_link *link, const char *reason); // ends it, though hiredis still believes in it
void web_link_end(struct web_link *link);                      // for good: nobody is told
bool web_link_send(struct web_link *link, redisCallbackFn *done, void *context, int argc, const char **argv, const size_t *sizes);
const char *web_redis_refusal(const redisReply *reply); // the word for an error, NULL: it is none

// follow.c
void web_follow_begin(struct web_redis *redis);         // a new connection
void web_follow_turn(struct web_redis *redis);          // asks for the next, where nothing is under way
