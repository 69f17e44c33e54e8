// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A channel for readers that listen (PUBLISH): the lines of the streams' field `eve`. A channel keeps nothing. Who does not listen misses
// a line, and Redis does not know how far anybody came; so a line whose answer was lost with the connection is counted and not said
// again: at most once from one courier. A courier that is killed at that moment leaves at most REDIS_PUBLISH lines that the next one says
// again. How many heard a line, and how many lines nobody heard, is counted. A connection of its own.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/redis_internal.h"

static void count(struct yg_redis *redis, enum yg_courier_counter counter, uint64_t n)
{
	yg_counter_add(&redis->stats->c[counter], n);
}

static bool greet(struct yg_redis *redis, uint64_t now_ns)
{
	return yg_redis_send(redis, yg_redis_say_words(redis, 1, (const char *[]){"PING"}), now_ns);
}

static bool take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (reply->type != REDIS_REPLY_STATUS)
		return yg_redis_impossible(redis, now_ns);
	redis->phase = REDIS_IDLE;
	return true;
}

static bool send_some(struct yg_redis *redis, uint64_t now_ns)
{
	struct redis_lane *lane = redis->lane;
	uint64_t position = lane->position;
	uint32_t n = 0;
	size_t bytes = 0;
	struct yg_spool_entry entry;
	bool complete = true, more = yg_lane_next(lane, &position, &entry);
	if (!more) {
		yg_lane_pass(lane, position);
		return true;
	}
	while (complete && more && n < REDIS_PUBLISH && bytes + entry.length <= YG_REDIS_BATCH_BYTES) {
		const char *words[] = {"PUBLISH", redis->name, entry.line};
		complete = yg_redis_say(redis, 3, words, (const size_t[]){7, strlen(redis->name), entry.length - 1});
		bytes += entry.length;
		redis->batch[n++].position = position++;
		more = yg_lane_next(lane, &position, &entry);
	}
	redis->phase = REDIS_SENDING;
	redis->batch_end = position;
	redis->batch_count = n;
	redis->replies = 0;
	redis->refusal = YG_REDIS_READY;
	return yg_redis_send(redis, complete, now_ns);
}

// A refusal leaves its line and those behind it unsaid as far as Redis refuses them too; what it takes behind one it refused is not known
// to be in order, and is not said again.
static bool take_answer(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	uint32_t i = redis->replies++;
	if (i >= redis->batch_count || (reply->type != REDIS_REPLY_INTEGER && reply->type != REDIS_REPLY_ERROR))
		return yg_redis_impossible(redis, now_ns);
	if (reply->type == REDIS_REPLY_ERROR) {
		redis->phase = REDIS_GREETING; // so that what was refused does not count as lost
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	}
	count(redis, YG_CC_CHANNEL_PUBLISHED, 1);
	count(redis, YG_CC_CHANNEL_HEARD, reply->integer > 0 ? (uint64_t)reply->integer : 0);
	count(redis, YG_CC_CHANNEL_UNHEARD, reply->integer <= 0);
	yg_lane_pass(redis->lane, redis->batch[i].position + 1);
	if (redis->replies < redis->batch_count)
		return true;
	yg_lane_pass(redis->lane, redis->batch_end);
	redis->phase = REDIS_IDLE;
	yg_redis_well(redis);
	return true;
}

static bool take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	return redis->phase == REDIS_GREETING ? take_greeting(redis, reply, now_ns) : take_answer(redis, reply, now_ns);
}

static bool go_on(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t before = redis->lane->position;
	if (before != yg_spool_end(redis->spool))
		send_some(redis, now_ns);
	else
		yg_redis_well(redis);
	return redis->phase != REDIS_IDLE || redis->lane->position != before;
}

static void left(struct yg_redis *redis)
{
	count(redis, YG_CC_CHANNEL_UNANSWERED, redis->batch_count - redis->replies);
	yg_lane_pass(redis->lane, redis->batch_end);
}

static const struct redis_role channel = {
	"Redis channel", greet, take, go_on, left, YG_CC_CHANNEL_CONNECTS, YG_CC_CHANNEL_ERRORS, YG_CC_CHANNEL_UP, .up = true};

struct yg_sink *yg_redis_create_channel(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	struct yg_redis *redis = yg_redis_begin(options, &channel, YG_SPOOL_CHANNEL, YG_CC_CHANNEL_PUBLISHED, spool, stats);
	if (!redis)
		return NULL;
	snprintf(redis->name, sizeof redis->name, "%s", options->channel);
	return &redis->lane[0].sink;
}
