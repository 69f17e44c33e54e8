// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The hash `yagura:<sensor>:health`: what the supervisor has written on its board (model/board.h), every five seconds, with fifteen to
// live. So a reader that finds no hash knows that no sensor stands behind it. It goes by no spool: what is old is worth nothing. It is
// written between two batches too, or a sensor that is catching up would look dead, and while replicas are waited for. A board that the
// supervisor has left alone is not written: what it says may hold no more. HSET and EXPIRE are one transaction, for a hash without a time
// to live would say "ok" for ever. Nothing here fails a connection that can deliver.
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"

#define EVERY_NS (5 * (uint64_t)YG_NS_PER_S)
#define REFUSED_NS (30 * (uint64_t)YG_NS_PER_S)
#define STALE_NS (10 * (uint64_t)YG_NS_PER_S) // the supervisor writes it each second
static const char lives_s[] = "15";

bool yg_health_due(const struct yg_redis *redis, uint64_t now_ns)
{
	return redis->health.board && now_ns >= redis->health.due_ns;
}

static bool is_name(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == '\0';
}

// A whole board, or 0: it is being written, or there is none yet.
static size_t copy_board(const struct yg_board *board, char text[YG_BOARD_TEXT])
{
	uint64_t before = yg_counter_get(&board->sequence), length = yg_counter_get(&board->length);
	if (before == 0 || before & 1 || length == 0 || length > YG_BOARD_TEXT)
		return 0;
	atomic_thread_fence(memory_order_acquire);
	memcpy(text, board->text, length);
	atomic_thread_fence(memory_order_acquire);
	return yg_counter_get(&board->sequence) == before && text[length - 1] == '\0' ? length : 0;
}

// The words of HSET that stand in a text. Their number; 0 when the text is none of ours.
static int words_of(char *text, size_t length, const char *words[2 + 2 * YG_BOARD_PAIRS])
{
	int n = 2;
	for (char *at = text, *end = text + length; at < end;) {
		char *value = at + strlen(at) + 1;
		if (n >= 2 + 2 * YG_BOARD_PAIRS || value >= end || !is_name(at))
			return 0;
		words[n++] = at;
		words[n++] = value;
		at = value + strlen(value) + 1;
	}
	return n > 2 ? n : 0;
}

// Whether the supervisor is at work on its board.
static bool is_fresh(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t sequence = yg_counter_get(&redis->health.board->sequence);
	if (sequence != redis->health.seen)
		redis->health.seen_ns = now_ns;
	redis->health.seen = sequence;
	return now_ns - redis->health.seen_ns < STALE_NS;
}

bool yg_health_tell(struct yg_redis *redis, uint64_t now_ns)
{
	char text[YG_BOARD_TEXT];
	const char *words[2 + 2 * YG_BOARD_PAIRS] = {"HSET", redis->health.key};
	size_t lengths[2 + 2 * YG_BOARD_PAIRS];
	size_t length = is_fresh(redis, now_ns) ? copy_board(redis->health.board, text) : 0;
	int n = length ? words_of(text, length, words) : 0;
	redis->health.due_ns = now_ns + (n ? EVERY_NS : EVERY_NS / 50); // soon again, when it was being written
	if (!n)
		return true;
	for (int i = 0; i < n; i++)
		lengths[i] = strlen(words[i]);
	bool complete = yg_redis_say_words(redis, 1, (const char *[]){"MULTI"}) && yg_redis_say(redis, n, words, lengths) &&
	                yg_redis_say_words(redis, 3, (const char *[]){"EXPIRE", redis->health.key, lives_s}) &&
	                yg_redis_say_words(redis, 1, (const char *[]){"EXEC"});
	redis->phase = REDIS_TELLING;
	redis->replies = 0;
	redis->refusal = YG_REDIS_READY;
	return yg_redis_send(redis, complete, now_ns);
}

// What EXEC answers: two numbers. False when it is neither these nor a refusal.
static bool take_results(struct yg_redis *redis, const redisReply *reply)
{
	const redisReply *error = reply->type == REDIS_REPLY_ERROR ? reply : NULL;
	bool two = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
	for (size_t i = 0; two && i < 2; i++)
		error = !error && reply->element[i]->type == REDIS_REPLY_ERROR ? reply->element[i] : error;
	if (error && redis->refusal == YG_REDIS_READY) // else EXEC can only say that something was refused before
		redis->refusal = yg_redis_refusal(error->str);
	return two || error;
}

bool yg_health_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->replies++ < 3)
		return yg_redis_take_queued(redis, reply, now_ns);
	if (!take_results(redis, reply))
		return yg_redis_impossible(redis, now_ns);
	redis->phase = redis->confirm_ns ? REDIS_CONFIRMING : REDIS_IDLE;
	if (redis->refusal == YG_REDIS_READY) {
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_HEALTH], 1);
		return true;
	}
	redis->health.due_ns = now_ns + REFUSED_NS;
	if (redis->refusal == YG_REDIS_CLUSTER && !redis->clustered) { // its key belongs to another node: it gets the tag of the stream
		yg_cluster_found(redis);
		yg_redis_leave(redis);
		redis->retry_ns = redis->health.due_ns = now_ns;
		return false;
	}
	if (!redis->health.refused)
		yg_warn("Redis: the sensor's health is not written: %s%s（センサーの状態を書き込めません）", yg_redis_state_row(redis->refusal)->name,
		        redis->refusal == YG_REDIS_NOPERM ? "; the user lacks +hset or +expire" : "");
	redis->health.refused = true;
	return true;
}
