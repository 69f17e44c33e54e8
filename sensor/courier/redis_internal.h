// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Shared by redis.c (the connection) and redis_stream.c (what is said on it).
#pragma once

#include <hiredis/hiredis.h>

#include "courier/redis.h"
#include "courier/resolve.h"

enum redis_state {
	REDIS_RESTING, // until retry_ns
	REDIS_RESOLVING,
	REDIS_CONNECTING,
	REDIS_GREETING, // AUTH, SELECT, XINFO, one after the other
	REDIS_READY,
	REDIS_SENDING, // a batch is out
};

enum redis_greeting { GREET_AUTH, GREET_SELECT, GREET_XINFO };

struct yg_redis {
	struct yg_redis_url url;
	char key[128];
	char maxlen[24];
	uint64_t timeout_ns;
	struct yg_spool *spool;         // not owned
	struct yg_courier_stats *stats; // not owned

	enum redis_state state;
	enum redis_greeting greeting;
	redisContext *context;
	struct yg_resolve *resolve;
	uint64_t deadline_ns; // of the present state
	uint64_t retry_ns;    // RESTING
	uint64_t backoff_ns;
	uint32_t attempts;   // chooses among the addresses of a host
	uint32_t random;     // of the jitter
	bool output_left;    // hiredis could not write everything yet
	bool new_generation; // somebody else writes into ours: leave it

	uint64_t doubt;       // highest sequence that was sent on a connection which died before it answered
	uint64_t position;    // before it everything is in Redis
	uint64_t batch_end;   // position behind the batch that is out
	uint32_t batch_count; // entries in it
	uint32_t replies;     // answers to it so far
	bool refused;         // an answer to it was an error
	bool refused_login;   // a kind of error that is asked about rarely
};

// Drops the connection and rests. `text`: why, for a person.
void yg_redis_fail(struct yg_redis *redis, uint64_t now_ns, const char *text);
// Notes an error answer of Redis. Returns true when it is about who we are.
bool yg_redis_note_error(struct yg_redis *redis, const redisReply *reply);

// redis_stream.c. Each answers true, or false when the connection is of no use (it has been failed).
bool yg_redis_greet(struct yg_redis *redis, uint64_t now_ns);
bool yg_redis_send_batch(struct yg_redis *redis, uint64_t now_ns);
bool yg_redis_take_reply(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns);
