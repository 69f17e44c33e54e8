// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Entries that are too old. Their ids hold no clock, so the age of an id has to be written down: each hour a mark goes into a second
// stream, `yagura:<sensor>:marks`, with the time and the alert stream's last id. A mark that is older than redis.maxage says that
// everything up to its id is older still: it is given up (XTRIM MINID ~, so whole nodes), and the mark with it.
//
// The marks lie in Redis, because couriers come and go. XINFO STREAM shows the oldest one, so no right to read is needed beyond the one
// that the sensor has anyway. A clock that jumps makes trimming late, or early by the jump; the count of redis.maxlen holds besides.
// Nothing here fails a connection that can still deliver.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"

#define HOUR_NS (3600 * (uint64_t)YG_NS_PER_S)

static uint64_t wall_s(void)
{
	return (uint64_t)time(NULL);
}

// When idle; not even then for an hour is too long.
bool yg_redis_trim_due(const struct yg_redis *redis, uint64_t now_ns)
{
	bool idle = redis->lane[0].position == yg_spool_end(redis->spool);
	return redis->maxage_ns && now_ns >= redis->trim_ns + (idle ? 0 : HOUR_NS);
}

static bool done(struct yg_redis *redis, uint64_t now_ns)
{
	redis->trim_ns = now_ns + HOUR_NS;
	redis->phase = REDIS_IDLE;
	return true;
}

static bool say_mark(struct yg_redis *redis)
{
	char id[48], now[24], max[16];
	snprintf(id, sizeof id, "%" PRIu64 "-%" PRIu64, redis->lane[0].top.generation, redis->lane[0].top.sequence);
	snprintf(now, sizeof now, "%" PRIu64, wall_s());
	snprintf(max, sizeof max, "%d", REDIS_MARKS);
	return yg_redis_say_words(redis, 10, (const char *[]){"XADD", redis->marks, "MAXLEN", "~", max, "*", "time", now, "id", id});
}

static bool say_min(struct yg_redis *redis, const char *key, const char *how, struct redis_id id)
{
	char min[48];
	snprintf(min, sizeof min, "%" PRIu64 "-%" PRIu64, id.generation, id.sequence);
	return yg_redis_say_words(redis, 5, (const char *[]){"XTRIM", key, "MINID", how, min});
}

static bool step(struct yg_redis *redis, enum redis_trimming next, struct redis_id up_to, uint64_t now_ns)
{
	bool complete = true;
	redis->trimming = next;
	if (next == TRIM_MARK)
		complete = say_mark(redis);
	else if (next == TRIM_LOOK)
		complete = yg_redis_say_words(redis, 3, (const char *[]){"XINFO", "STREAM", redis->marks});
	else if (next == TRIM_CUT)
		complete = say_min(redis, redis->lane[0].key[0].name, "~", up_to);
	else
		complete = say_min(redis, redis->marks, "=", up_to);
	return yg_redis_send(redis, complete, now_ns);
}

bool yg_redis_trim(struct yg_redis *redis, uint64_t now_ns)
{
	if (redis->lane[0].top.generation == 0 && redis->lane[0].top.sequence == 0)
		return done(redis, now_ns); // an empty stream
	redis->phase = REDIS_TRIMMING;
	redis->trim_rounds = 0;
	return step(redis, TRIM_MARK, redis->lane[0].top, now_ns);
}

static const redisReply *field(const redisReply *list, const char *name)
{
	for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i + 1 < list->elements; i += 2)
		if (list->element[i]->type == REDIS_REPLY_STRING && strcmp(list->element[i]->str, name) == 0)
			return list->element[i + 1];
	return NULL;
}

// The oldest mark: its own id, the time and the id that it holds. False when there is none, or none of ours.
static bool oldest(const redisReply *reply, struct redis_id *ret_mark, uint64_t *ret_time, struct redis_id *ret_id)
{
	const redisReply *entry = field(reply, "first-entry");
	if (!entry || entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !yg_redis_parse_id(entry->element[0], ret_mark))
		return false;
	const redisReply *when = field(entry->element[1], "time"), *id = field(entry->element[1], "id");
	char *end = NULL;
	if (!when || !id || when->type != REDIS_REPLY_STRING || !yg_redis_parse_id(id, ret_id))
		return false;
	*ret_time = strtoull(when->str, &end, 10);
	return end != when->str && *end == 0;
}

static bool look(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	uint64_t time = 0, age = redis->maxage_ns / (uint64_t)YG_NS_PER_S;
	struct redis_id id;
	bool there = redis->trim_rounds++ < REDIS_TRIM_ROUNDS && oldest(reply, &redis->old_mark, &time, &id);
	if (!there || time > UINT64_MAX - age || time + age > wall_s())
		return done(redis, now_ns);
	return step(redis, TRIM_CUT, id, now_ns);
}

// Trimming is housekeeping: where the user lacks a right for it, or memory is short for a mark, alerts go on.
static bool refused(struct yg_redis *redis, const char *text, uint64_t now_ns)
{
	enum yg_redis_state state = yg_redis_refusal(text);
	if (state == YG_REDIS_OOM && redis->trimming == TRIM_MARK)
		return step(redis, TRIM_LOOK, redis->lane[0].top, now_ns);
	if (state == YG_REDIS_CLUSTER && !redis->clustered) {
		yg_cluster_found(redis);
		return step(redis, TRIM_MARK, redis->lane[0].top, now_ns);
	}
	if (state == YG_REDIS_NOPERM || state == YG_REDIS_OOM || state == YG_REDIS_WRONGTYPE || state == YG_REDIS_REFUSED) {
		if (!redis->trim_refused)
			yg_warn("Redis: old entries are not given up: %.100s（古いエントリーを削除できません）",
			        state == YG_REDIS_NOPERM ? "NOPERM; the user lacks +xadd, +xinfo or +xtrim" : yg_redis_state_row(state)->name);
		redis->trim_refused = true;
		return done(redis, now_ns);
	}
	yg_redis_fail(redis, now_ns, state, text);
	return false;
}

bool yg_redis_trim_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	struct redis_id next = redis->old_mark;
	next.sequence++;
	if (reply->type == REDIS_REPLY_ERROR)
		return refused(redis, reply->str, now_ns);
	switch (redis->trimming) {
	case TRIM_MARK:
		return step(redis, TRIM_LOOK, redis->lane[0].top, now_ns);
	case TRIM_LOOK:
		return look(redis, reply, now_ns);
	case TRIM_CUT:
		if (reply->type != REDIS_REPLY_INTEGER)
			return yg_redis_impossible(redis, now_ns);
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_TRIMS], 1);
		return step(redis, TRIM_DROP, next, now_ns);
	default:
		return step(redis, TRIM_LOOK, redis->lane[0].top, now_ns);
	}
}
