// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A list for readers that take from one (Logstash, Vector, FEVER): the lines of the streams' field `eve`, pushed on either end, the
// list cut to redis.list.maxlen. A connection of its own, so that a list which Redis refuses holds nothing else.
//
// A list has no ids that Redis could refuse twice. So each batch writes in its own transaction how far it has come, into a hash in the
// list's slot: which spool (its token) and up to which sequence. After a lost answer, or in the courier that comes after a dead one, the
// hash tells where to go on: each line is pushed once.
//
//   MULTI, RPUSH list line …, LTRIM list, HSET yagura:<sensor>:{list}:list spool <token> sequence <n>, EXEC, WATCH the hash
//
// A batch of a connection that is gone may still be on its way when the next one asks (a slow network, a tunnel, a Redis that stood
// still). So the hash is watched: it is confirmed before a batch goes out, and of two batches that build on the same place Redis carries
// out one. The other one asks anew.
//
// Redis carries out what it can of a transaction: a push that fails when it is carried out (the key holds something else) would leave a
// mark that lies. Therefore LTRIM is tried first on each new connection; and a mark that is known to lie is not read again.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/redis_internal.h"

static void count(struct yg_redis *redis, enum yg_courier_counter counter, uint64_t n)
{
	yg_counter_add(&redis->stats->c[counter], n);
}

static bool say_trim(struct yg_redis *redis)
{
	char edge[32];
	snprintf(edge, sizeof edge, redis->list_left ? "%" PRIu64 : "-%" PRIu64, redis->list_left ? redis->list_maxlen - 1 : redis->list_maxlen);
	return yg_redis_say_words(redis, 4, (const char *[]){"LTRIM", redis->name, redis->list_left ? "0" : edge, redis->list_left ? edge : "-1"});
}

static bool greet(struct yg_redis *redis, uint64_t now_ns)
{
	redis->replies = 0;
	bool complete = say_trim(redis) && yg_redis_say_words(redis, 2, (const char *[]){"WATCH", redis->marker}) &&
	                yg_redis_say_words(redis, 4, (const char *[]){"HMGET", redis->marker, "spool", "sequence"});
	return yg_redis_send(redis, complete, now_ns);
}

static void print_token(const struct yg_redis *redis, char ret_text[17])
{
	snprintf(ret_text, 17, "%016" PRIx64, yg_spool_token(redis->spool));
}

// Behind the entry of this sequence, as far as the spool reaches.
static void go_behind(struct redis_lane *lane, uint64_t sequence)
{
	struct yg_spool *spool = lane->redis->spool;
	uint64_t oldest = yg_spool_oldest(spool), end = yg_spool_end(spool);
	struct yg_spool_entry entry;
	if (yg_spool_lasts(spool)) { // positions are sequences
		uint64_t next = sequence + 1 < oldest ? oldest : sequence < end ? sequence + 1 : end;
		for (uint64_t i = lane->position; i < next && yg_spool_get(spool, lane->sink.which, i, &entry);)
			i++; // what holds nothing is counted
		lane->position = next;
		return;
	}
	for (lane->position = oldest; lane->position < end; lane->position++) {
		if (!yg_spool_get(spool, lane->sink.which, lane->position, &entry) || (entry.length && entry.sequence > sequence))
			return;
	}
}

static bool take_marker(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	char token[17], *end = NULL;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return yg_redis_impossible(redis, now_ns);
	const redisReply *spool = reply->element[0], *at = reply->element[1];
	print_token(redis, token);
	bool ours = spool->type == REDIS_REPLY_STRING && at->type == REDIS_REPLY_STRING && strcmp(spool->str, token) == 0;
	uint64_t sequence = ours ? strtoull(at->str, &end, 10) : 0;
	if (ours && end != at->str && !*end && !redis->list_distrusted)
		go_behind(redis->lane, sequence);
	redis->phase = REDIS_IDLE;
	return true;
}

static bool take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (redis->replies++ == 2)
		return take_marker(redis, reply, now_ns);
	return reply->type == REDIS_REPLY_STATUS || yg_redis_impossible(redis, now_ns);
}

static bool say_end(struct yg_redis *redis, uint64_t sequence)
{
	char token[17], text[24];
	print_token(redis, token);
	snprintf(text, sizeof text, "%" PRIu64, sequence);
	return say_trim(redis) && yg_redis_say_words(redis, 6, (const char *[]){"HSET", redis->marker, "spool", token, "sequence", text}) &&
	       yg_redis_say_words(redis, 1, (const char *[]){"EXEC"}) && yg_redis_say_words(redis, 2, (const char *[]){"WATCH", redis->marker});
}

static bool send_batch(struct yg_redis *redis, uint64_t now_ns)
{
	struct redis_lane *lane = redis->lane;
	uint64_t position = lane->position, sequence = 0;
	size_t bytes = 0;
	uint32_t n = 0;
	struct yg_spool_entry entry;
	bool more = yg_lane_next(lane, &position, &entry);
	if (!more) {
		yg_lane_pass(lane, position);
		return true;
	}
	bool complete = yg_redis_say_words(redis, 1, (const char *[]){"MULTI"});
	while (complete && more && n < YG_REDIS_BATCH && bytes + entry.length <= YG_REDIS_BATCH_BYTES) {
		const char *words[] = {redis->list_left ? "LPUSH" : "RPUSH", redis->name, entry.line};
		complete = yg_redis_say(redis, 3, words, (const size_t[]){5, strlen(redis->name), entry.length - 1});
		sequence = entry.sequence;
		bytes += entry.length;
		n++;
		position++;
		more = yg_lane_next(lane, &position, &entry);
	}
	complete = complete && say_end(redis, sequence);
	redis->phase = REDIS_SENDING;
	redis->batch_end = position;
	redis->batch_count = n;
	redis->batch_queued = n + 3;
	redis->replies = 0;
	redis->refusal = YG_REDIS_READY;
	redis->list_overtaken = false;
	return yg_redis_send(redis, complete, now_ns);
}

// The answers of EXEC: a length for each line, OK of LTRIM, a number of HSET.
static bool take_results(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	uint64_t length = 0;
	redis->list_overtaken = reply->type == REDIS_REPLY_NIL;
	if (redis->list_overtaken)
		return true;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != redis->batch_count + 2)
		return yg_redis_impossible(redis, now_ns);
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *one = reply->element[i];
		if (one->type == REDIS_REPLY_ERROR) {
			redis->list_distrusted = true;
			return yg_redis_refused(redis, yg_redis_refusal(one->str), one->str, now_ns);
		}
		if (i < redis->batch_count && one->type == REDIS_REPLY_INTEGER && one->integer > 0)
			length = (uint64_t)one->integer;
	}
	redis->list_distrusted = false;
	count(redis, YG_CC_LIST_DELIVERED, redis->batch_count);
	count(redis, YG_CC_LIST_TRIMMED, length > redis->list_maxlen ? length - redis->list_maxlen : 0);
	yg_lane_pass(redis->lane, redis->batch_end);
	redis->regreets = 0;
	return true;
}

// The last answer of a batch: the hash is watched. Where another batch came before this one, it has to be read again.
static bool take_watch(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (reply->type != REDIS_REPLY_STATUS)
		return yg_redis_impossible(redis, now_ns);
	if (!redis->list_overtaken) {
		redis->phase = REDIS_IDLE;
		yg_redis_well(redis);
		return true;
	}
	if (redis->regreets++ >= REDIS_REGREETS_MAX) {
		redis->regreets = 0;
		yg_redis_fail(redis, now_ns, YG_REDIS_REFUSED, "somebody else writes how far the list has come");
		return false;
	}
	count(redis, YG_CC_LIST_ERRORS, 1);
	redis->phase = REDIS_GREETING;
	redis->greeting = GREET_OWN;
	return greet(redis, now_ns);
}

static bool take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->phase == REDIS_GREETING)
		return take_greeting(redis, reply, now_ns);
	uint32_t before = redis->replies++;
	if (before < redis->batch_queued)
		return yg_redis_take_queued(redis, reply, now_ns);
	if (before > redis->batch_queued)
		return take_watch(redis, reply, now_ns);
	if (redis->refusal != YG_REDIS_READY) // EXEC can only say that something was refused before
		return yg_redis_refused(redis, redis->refusal, redis->refusal_text, now_ns);
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	return take_results(redis, reply, now_ns);
}

static bool go_on(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t before = redis->lane->position;
	if (before != yg_spool_end(redis->spool))
		send_batch(redis, now_ns);
	else
		yg_redis_well(redis);
	return redis->phase != REDIS_IDLE || redis->lane->position != before;
}

static void left(struct yg_redis *redis)
{
	(void)redis; // the mark tells
}

static const struct redis_role list = {
	"Redis list", greet, take, go_on, left, YG_CC_LIST_CONNECTS, YG_CC_LIST_ERRORS, YG_CC_LIST_UP, .up = true};

// As Redis hashes it: what stands between the first braces, or the whole key.
static void tag_of(const char *key, char ret_tag[256])
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open, '}') : NULL;
	bool tagged = close && close > open + 1;
	snprintf(ret_tag, 256, "%.*s", tagged ? (int)(close - open - 1) : 255, tagged ? open + 1 : key);
}

struct yg_sink *yg_redis_create_list(const struct yg_redis_options *options, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	char tag[256];
	struct yg_redis *redis = yg_redis_begin(options, &list, YG_SPOOL_LIST, YG_CC_LIST_DELIVERED, spool, stats);
	if (!redis)
		return NULL;
	snprintf(redis->name, sizeof redis->name, "%s", options->list);
	tag_of(redis->name, tag);
	snprintf(redis->marker, sizeof redis->marker, "yagura:%.63s:{%s}:list", options->sensor, tag);
	redis->list_left = options->list_left;
	redis->list_maxlen = (uint64_t)options->list_maxlen;
	return &redis->lane[0].sink;
}
