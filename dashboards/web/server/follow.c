// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis.h: following streams over a connection of its own. One command is under way at a time. A stream that has more than has been
// read is read alone, WEB_CATCH_UP entries a reply, so that the loop breathes between two; one after another, so that a long one does not
// hold up the others. Those that have been read to their end wait together in one XREAD.
//
// After each new connection a stream whose last id lies before what was read of it was lost or deleted: it is read from its beginning, and
// who reads it knows what he has seen.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "redis_parts.h"

enum { ID_TEXT = 48, REST_MS = 30000, PAUSE_MS = 1000 };

static bool is_text(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) && r->str;
}

static bool parse_id(const redisReply *r, uint64_t *ret_generation, uint64_t *ret_sequence)
{
	char *end;
	if (!is_text(r) || *r->str < '0' || *r->str > '9')
		return false;
	errno = 0;
	uint64_t generation = strtoull(r->str, &end, 10);
	if (*end != '-' || end[1] < '0' || end[1] > '9')
		return false;
	uint64_t sequence = strtoull(end + 1, &end, 10);
	if (errno || *end)
		return false;
	*ret_generation = generation;
	*ret_sequence = sequence;
	return true;
}

static struct followed *find(struct web_redis *redis, const char *name, size_t length)
{
	for (uint32_t i = 0; i < redis->followed_count; i++)
		if (strlen(redis->followed[i]->name) == length && memcmp(redis->followed[i]->name, name, length) == 0)
			return redis->followed[i];
	return NULL;
}

// One entry: every field of it is handed over.
static void take_entry(struct web_redis *redis, struct followed *f, const redisReply *entry)
{
	uint64_t generation, sequence;
	bool good = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 && parse_id(entry->element[0], &generation, &sequence);
	const redisReply *fields = good ? entry->element[1] : NULL;
	if (!good || fields->type != REDIS_REPLY_ARRAY) {
		redis->bad_entries++;
		return;
	}
	f->generation = generation;
	f->sequence = sequence;
	redis->entries++;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (is_text(fields->element[i]) && is_text(fields->element[i + 1]))
			f->entry(f->context, f->name, generation, sequence, fields->element[i]->str, (size_t)fields->element[i]->len,
			         fields->element[i + 1]->str, (size_t)fields->element[i + 1]->len);
}

static void take_entries(struct web_redis *redis, struct followed *f, const redisReply *entries)
{
	for (size_t i = 0; i < entries->elements; i++)
		take_entry(redis, f, entries->element[i]);
}

// ---- answers ----

// True: it is an answer of the connection that lives.
static bool heard(struct web_redis *redis, const redisAsyncContext *async, const redisReply *reply)
{
	struct web_link *link = &redis->reader;
	if (link->async != async)
		return false;
	link->heard_ms = web_now_ms();
	link->unanswered--;
	redis->reading = false;
	return reply != NULL;
}

struct one {
	struct web_redis *redis;
	struct followed *stream;
};

static void on_range(redisAsyncContext *async, void *answer, void *context)
{
	struct one *one = context;
	struct web_redis *redis = one->redis;
	struct followed *f = one->stream;
	const redisReply *reply = answer;
	free(one);
	if (!heard(redis, async, reply))
		return;
	if (reply->type == REDIS_REPLY_ARRAY) {
		take_entries(redis, f, reply);
		f->at_end = reply->elements < WEB_CATCH_UP;
		f->once |= f->at_end;
	} else {
		redis->refusals++;
		f->rest_until_ms = web_now_ms() + REST_MS; // its key is no stream, or may not be read: the others go on
		f->once = true;
	}
	web_follow_turn(redis);
}

static void on_read(redisAsyncContext *async, void *answer, void *context)
{
	struct web_redis *redis = context;
	const redisReply *reply = answer;
	if (!heard(redis, async, reply))
		return;
	if (reply->type == REDIS_REPLY_ERROR) {
		// one of them is none any more; which, shows when each is asked alone
		redis->refusals++;
		redis->pause_until_ms = web_now_ms() + PAUSE_MS;
		for (uint32_t i = 0; i < redis->followed_count; i++)
			redis->followed[i]->at_end = false;
	}
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		const redisReply *stream = reply->element[i];
		if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 || !is_text(stream->element[0]) ||
		    stream->element[1]->type != REDIS_REPLY_ARRAY)
			continue;
		struct followed *f = find(redis, stream->element[0]->str, (size_t)stream->element[0]->len);
		if (!f)
			continue;
		take_entries(redis, f, stream->element[1]);
		f->at_end = stream->element[1]->elements < WEB_CATCH_UP;
	}
	web_follow_turn(redis);
}

// Where a stream ends: behind what has been read of it, or it is not the one that was read.
static void on_info(redisAsyncContext *async, void *answer, void *context)
{
	struct one *one = context;
	struct web_redis *redis = one->redis;
	struct followed *f = one->stream;
	const redisReply *reply = answer;
	uint64_t generation = 0, sequence = 0;
	free(one);
	if (!reply || redis->reader.async != async)
		return;
	redis->reader.heard_ms = web_now_ms();
	redis->reader.unanswered--;
	bool known = reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "ERR no such key", 15) == 0;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
		if (is_text(reply->element[i]) && strcmp(reply->element[i]->str, "last-generated-id") == 0)
			known = parse_id(reply->element[i + 1], &generation, &sequence);
	if (known && (generation < f->generation || (generation == f->generation && sequence < f->sequence))) {
		redis->resets++;
		yg_warn("%s ends before what was read of it: read from its beginning", f->name);
		f->generation = f->sequence = 0;
	}
}

// ---- asking ----

// The id behind which nothing has been read, as the first that is asked for.
static void next_id(const struct followed *f, char to[ID_TEXT])
{
	bool last = f->sequence == UINT64_MAX;
	snprintf(to, ID_TEXT, "%" PRIu64 "-%" PRIu64, f->generation + last, last ? 0 : f->sequence + 1);
}

static bool ask_range(struct web_redis *redis, struct followed *f)
{
	char from[ID_TEXT], count[16];
	const char *words[] = {"XRANGE", f->name, from, "+", "COUNT", count};
	struct one *one = malloc(sizeof *one);
	if (!one)
		return false;
	*one = (struct one){redis, f};
	next_id(f, from);
	snprintf(count, sizeof count, "%d", WEB_CATCH_UP);
	if (web_link_send(&redis->reader, on_range, one, 6, words, NULL))
		return true;
	free(one);
	return false;
}

static bool ask_all(struct web_redis *redis, int64_t now)
{
	const char *words[6 + 2 * WEB_FOLLOWED];
	static char ids[WEB_FOLLOWED][ID_TEXT]; // the loop's alone, until hiredis has written them down
	char count[16], block[16];
	uint32_t n = 0;
	int argc = 6;
	snprintf(count, sizeof count, "%d", WEB_CATCH_UP);
	snprintf(block, sizeof block, "%d", WEB_BLOCK_MS);
	memcpy(words, (const char *[]){"XREAD", "COUNT", count, "BLOCK", block, "STREAMS"}, 6 * sizeof *words);
	for (uint32_t i = 0; i < redis->followed_count; i++)
		if (redis->followed[i]->rest_until_ms <= now)
			words[argc++] = redis->followed[i]->name;
	for (uint32_t i = 0; i < redis->followed_count; i++)
		if (redis->followed[i]->rest_until_ms <= now) {
			snprintf(ids[n], ID_TEXT, "%" PRIu64 "-%" PRIu64, redis->followed[i]->generation, redis->followed[i]->sequence);
			words[argc++] = ids[n++];
		}
	return n && web_link_send(&redis->reader, on_read, redis, argc, words, NULL);
}

void web_follow_turn(struct web_redis *redis)
{
	int64_t now = web_now_ms();
	if (redis->reading || redis->reader.state != LINK_UP || redis->followed_count == 0 || now < redis->pause_until_ms)
		return;
	for (uint32_t i = 0; i < redis->followed_count; i++) {
		struct followed *f = redis->followed[(redis->next + i) % redis->followed_count];
		if (f->rest_until_ms && f->rest_until_ms <= now) {
			f->rest_until_ms = 0;
			f->at_end = false;
		}
		if (!f->at_end && !f->rest_until_ms) {
			redis->next = (redis->next + i + 1) % redis->followed_count;
			redis->reading = ask_range(redis, f);
			return;
		}
	}
	redis->reading = ask_all(redis, now);
}

void web_follow_begin(struct web_redis *redis)
{
	redis->reading = false;
	for (uint32_t i = 0; i < redis->followed_count; i++) {
		struct followed *f = redis->followed[i];
		struct one *one = malloc(sizeof *one);
		f->at_end = false;
		f->rest_until_ms = 0;
		if (one)
			*one = (struct one){redis, f};
		if (one && !web_link_send(&redis->reader, on_info, one, 3, (const char *[]){"XINFO", "STREAM", f->name}, NULL))
			free(one);
	}
	web_follow_turn(redis); // answers come in order: those above are there first
}

int web_redis_follow(struct web_redis *redis, const char *stream, uint64_t generation, uint64_t sequence, web_stream_entry entry,
                     void *context)
{
	if (redis->followed_count == WEB_FOLLOWED) {
		redis->followed_full++;
		return -ENOSPC;
	}
	if (strlen(stream) >= WEB_STREAM_NAME)
		return -ENAMETOOLONG;
	if (find(redis, stream, strlen(stream)))
		return -EEXIST;
	struct followed *f = calloc(1, sizeof *f);
	if (!f)
		return -ENOMEM;
	memcpy(f->name, stream, strlen(stream));
	f->generation = generation;
	f->sequence = sequence;
	f->entry = entry;
	f->context = context;
	redis->followed[redis->followed_count++] = f;
	web_follow_turn(redis);
	return 0;
}

bool web_redis_caught_up(const struct web_redis *redis, const char *stream)
{
	for (uint32_t i = 0; i < redis->followed_count; i++)
		if ((!stream || strcmp(redis->followed[i]->name, stream) == 0) && !redis->followed[i]->once)
			return false;
	return true;
}
