// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is said to Redis: AUTH, SELECT, XINFO, then batches of XADD inside MULTI and EXEC, all commands of a batch in
// one go. A batch is taken whole or not at all, so that after a lost answer the stream's last id tells exactly where to
// go on.
//
// Generations. At first contact we take 1 + the generation of the stream's last id: what an earlier run wrote is never
// mistaken for ours. Later, an id at or below the last one counts as delivered only in our own generation and up to the
// highest sequence that we have sent; in every other case somebody else writes there, and we move to a new generation.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"

// Queues one command. False when hiredis has no memory for it.
static bool say(struct yg_redis *redis, int count, const char **words, const size_t *lengths)
{
	return redisAppendCommandArgv(redis->context, count, words, lengths) == REDIS_OK;
}

static bool sent(struct yg_redis *redis, bool complete, uint64_t now_ns)
{
	if (!complete) {
		yg_redis_fail(redis, now_ns, "no memory for a command");
		return false;
	}
	redis->output_left = true;
	redis->deadline_ns = now_ns + redis->timeout_ns;
	return true;
}

static bool say_auth(struct yg_redis *redis)
{
	const struct yg_redis_url *url = &redis->url;
	if (!url->user[0])
		return say(redis, 2, (const char *[]){"AUTH", url->password}, (size_t[]){4, strlen(url->password)});
	return say(redis, 3, (const char *[]){"AUTH", url->user, url->password},
	           (size_t[]){4, strlen(url->user), strlen(url->password)});
}

// Says the next thing of a greeting, from redis->greeting on.
bool yg_redis_greet(struct yg_redis *redis, uint64_t now_ns)
{
	char db[8];
	if (redis->greeting == GREET_AUTH && redis->url.has_password)
		return sent(redis, say_auth(redis), now_ns);
	if (redis->greeting <= GREET_SELECT && redis->url.db) {
		int n = snprintf(db, sizeof db, "%u", redis->url.db);
		redis->greeting = GREET_SELECT;
		return sent(redis, say(redis, 2, (const char *[]){"SELECT", db}, (size_t[]){6, (size_t)n}), now_ns);
	}
	redis->greeting = GREET_XINFO;
	return sent(
	    redis, say(redis, 3, (const char *[]){"XINFO", "STREAM", redis->key}, (size_t[]){5, 6, strlen(redis->key)}),
	    now_ns);
}

// "12-345". False when it is none.
static bool parse_id(const redisReply *reply, uint64_t *ret_generation, uint64_t *ret_sequence)
{
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		return false;
	char *end = NULL, *tail = NULL;
	*ret_generation = strtoull(reply->str, &end, 10);
	if (end == reply->str || *end != '-')
		return false;
	*ret_sequence = strtoull(end + 1, &tail, 10);
	return tail != end + 1 && *tail == 0;
}

// The last id of the stream from the answer to XINFO; 0-0 when there is no stream.
static bool last_id(const redisReply *reply, uint64_t *ret_generation, uint64_t *ret_sequence)
{
	*ret_generation = *ret_sequence = 0;
	if (reply->type == REDIS_REPLY_ERROR)
		return strstr(reply->str, "no such key") != NULL;
	if (reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *name = reply->element[i];
		if ((name->type == REDIS_REPLY_STRING || name->type == REDIS_REPLY_STATUS) &&
		    strcmp(name->str, "last-generated-id") == 0)
			return parse_id(reply->element[i + 1], ret_generation, ret_sequence);
	}
	return false;
}

// Steps over positions that hold nothing. Returns the entry at the position reached; length 0 at the end.
static struct yg_spool_entry next_entry(const struct yg_redis *redis, uint64_t *position)
{
	struct yg_spool_entry entry = {0};
	while (*position < yg_spool_end(redis->spool)) {
		entry = yg_spool_get(redis->spool, *position);
		if (entry.length)
			return entry;
		(*position)++;
	}
	return (struct yg_spool_entry){0};
}

static void delivered(struct yg_redis *redis)
{
	redis->position++;
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_DELIVERED], 1);
}

// What was sent, whose answer was lost, and which Redis has after all.
static void skip_delivered(struct yg_redis *redis, uint64_t sequence)
{
	for (;;) {
		struct yg_spool_entry entry = next_entry(redis, &redis->position);
		if (entry.length == 0 || entry.sequence > sequence)
			return;
		delivered(redis);
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_DUPLICATES], 1);
	}
}

static bool choose_generation(struct yg_redis *redis, uint64_t generation, uint64_t sequence, uint64_t now_ns)
{
	uint64_t ours = yg_spool_generation(redis->spool);
	bool foreign = redis->new_generation || generation > ours ||
	               (generation == ours && sequence > yg_spool_sent(redis->spool));
	if (ours != 0 && !foreign) {
		if (generation == ours)
			skip_delivered(redis, sequence);
		return true;
	}
	uint64_t top = generation > ours ? generation : ours;
	if (top == UINT64_MAX) {
		yg_redis_fail(redis, now_ns, "the stream has reached the highest generation; rename or delete its key");
		return false;
	}
	redis->new_generation = false;
	redis->doubt = 0;
	yg_spool_set_generation(redis->spool, top + 1);
	yg_counter_set(&redis->stats->c[YG_CC_REDIS_GENERATION], top + 1);
	return true;
}

static bool take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	uint64_t generation, sequence;
	if (redis->greeting == GREET_XINFO && last_id(reply, &generation, &sequence)) {
		redis->state = REDIS_READY;
		return choose_generation(redis, generation, sequence, now_ns);
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		redis->refused_login = yg_redis_note_error(redis, reply);
		yg_redis_fail(redis, now_ns, redis->stats->redis_error);
		return false;
	}
	if (redis->greeting == GREET_XINFO || reply->type != REDIS_REPLY_STATUS) {
		yg_redis_fail(redis, now_ns, "an answer that cannot be; is this Redis?");
		return false;
	}
	redis->greeting++;
	return yg_redis_greet(redis, now_ns);
}

static bool say_xadd(struct yg_redis *redis, const struct yg_spool_entry *entry)
{
	char id[48];
	int n = snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)yg_spool_generation(redis->spool),
	                 (unsigned long long)entry->sequence);
	// The newline belongs to the file; in the stream the entry itself is the frame.
	const char *words[] = {"XADD", redis->key, "MAXLEN", "~", redis->maxlen, id, "eve", entry->line};
	const size_t lengths[] = {4, strlen(redis->key), 6, 1, strlen(redis->maxlen), (size_t)n, 3, entry->length - 1};
	return say(redis, 8, words, lengths);
}

bool yg_redis_send_batch(struct yg_redis *redis, uint64_t now_ns)
{
	uint64_t position = redis->position, sequence = 0;
	size_t bytes = 0;
	uint32_t count = 0;
	struct yg_spool_entry entry = next_entry(redis, &position);
	if (entry.length == 0) {
		redis->position = position;
		return true;
	}
	bool complete = say(redis, 1, (const char *[]){"MULTI"}, (size_t[]){5});
	while (complete && entry.length && count < YG_REDIS_BATCH && bytes + entry.length <= YG_REDIS_BATCH_BYTES) {
		complete = say_xadd(redis, &entry);
		sequence = entry.sequence;
		bytes += entry.length;
		count++;
		position++;
		entry = next_entry(redis, &position);
	}
	complete = complete && say(redis, 1, (const char *[]){"EXEC"}, (size_t[]){4});
	redis->state = REDIS_SENDING;
	redis->batch_end = position;
	redis->batch_count = count;
	redis->replies = 0;
	redis->refused = redis->refused_login = false;
	yg_spool_set_sent(redis->spool, sequence);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_SENT], count);
	return sent(redis, complete, now_ns);
}

static bool is_taken_id(const redisReply *reply)
{
	return strstr(reply->str, "equal or smaller than the target stream top item") != NULL;
}

// Answers of EXEC, one an entry. On the first refused one everything from it on stays to be sent.
static const redisReply *take_results(struct yg_redis *redis, const redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++) {
		next_entry(redis, &redis->position);
		if (reply->element[i]->type == REDIS_REPLY_ERROR)
			return reply->element[i];
		delivered(redis);
	}
	redis->position = redis->batch_end;
	return NULL;
}

static bool finish_batch(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->refused || reply->type != REDIS_REPLY_ARRAY || reply->elements != redis->batch_count) {
		if (reply->type == REDIS_REPLY_ERROR && !redis->refused)
			redis->refused_login = yg_redis_note_error(redis, reply);
		else if (!redis->refused)
			yg_redis_fail(redis, now_ns, "an answer that cannot be; is this Redis?");
		if (redis->context)
			yg_redis_fail(redis, now_ns, redis->stats->redis_error);
		return false;
	}
	const redisReply *error = take_results(redis, reply);
	if (error && is_taken_id(error)) {
		// Either the batch of a dead connection has arrived after all, or the id is somebody else's.
		redis->new_generation = yg_spool_get(redis->spool, redis->position).sequence > redis->doubt;
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_ERRORS], 1);
		redis->state = REDIS_GREETING;
		redis->greeting = GREET_XINFO;
		return yg_redis_greet(redis, now_ns);
	}
	if (error) {
		redis->refused_login = yg_redis_note_error(redis, error);
		yg_redis_fail(redis, now_ns, redis->stats->redis_error);
		return false;
	}
	redis->state = REDIS_READY;
	redis->backoff_ns = 100 * (uint64_t)YG_NS_PER_MS;
	redis->stats->redis_error[0] = 0;
	return true;
}

bool yg_redis_take_reply(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->state == REDIS_GREETING)
		return take_greeting(redis, reply, now_ns);
	if (redis->state != REDIS_SENDING) {
		yg_redis_fail(redis, now_ns, "it speaks without being asked");
		return false;
	}
	if (redis->replies++ <= redis->batch_count) { // MULTI and the entries: +OK, +QUEUED
		if (reply->type == REDIS_REPLY_ERROR && !redis->refused) {
			redis->refused = true;
			redis->refused_login = yg_redis_note_error(redis, reply);
		}
		return true;
	}
	return finish_batch(redis, reply, now_ns);
}
