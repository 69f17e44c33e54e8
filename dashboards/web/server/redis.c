// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis.h. Two connections of the same kind (link.c): they live until something is wrong. A Redis that stands still (SIGSTOP, a host
// that is gone without a word) closes nothing: what has been asked and is not answered within SILENT_MS makes it down, GIVE_UP_MS ends the
// connection. While nothing else is asked a PING is, several times a second.
#include "redis_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { TICK_MS = 150, PING_MS = 250, SILENT_MS = 600, GIVE_UP_MS = 3000, CONNECT_MS = 1500 };

// ---- what it says ----

static void set_up(struct web_redis *redis, bool up, const char *reason)
{
	bool change = redis->up != up || strcmp(redis->reason, reason) != 0;
	if (redis->up && !up)
		redis->down_since_ms = web_now_ms();
	if (change && (redis->up || up || *redis->reason == '\0'))
		yg_info("Redis: %s", up ? "connected" : reason);
	redis->up = up;
	redis->reason = reason;
	if (change && redis->changed)
		redis->changed(redis->changed_context);
}

static void commands_up(struct web_link *link)
{
	set_up(link->redis, true, "");
}

static void commands_down(struct web_link *link, const char *reason)
{
	set_up(link->redis, false, reason);
}

static void reader_up(struct web_link *link)
{
	web_follow_begin(link->redis);
}

static void reader_down(struct web_link *link, const char *reason)
{
	(void)reason;
	link->redis->reading = false;
}

// ---- asking ----

struct question {
	struct web_link *link;
	web_reply done;
	void *context;
};

static void on_reply(redisAsyncContext *async, void *answer, void *context)
{
	struct question *q = context;
	struct web_redis *redis = q->link->redis;
	const char *refusal = web_redis_refusal(answer);
	if (q->link->async == async) {
		q->link->heard_ms = web_now_ms();
		q->link->unanswered--;
	}
	if (!answer)
		redis->lost++;
	if (refusal && strcmp(refusal, "wrongtype") != 0 && strcmp(refusal, "refused") != 0) {
		redis->refusals++;
		redis->refused_ms = web_now_ms();
		redis->refused = true;
		if (redis->up)
			set_up(redis, strcmp(refusal, "loading") != 0 && strcmp(refusal, "auth") != 0, refusal);
	}
	if (q->done)
		q->done(q->context, answer);
	free(q);
}

void web_redis_ask(struct web_redis *redis, web_reply done, void *context, int argc, const char **argv, const size_t *sizes)
{
	struct web_link *link = &redis->commands;
	struct question *q = NULL;
	if (redis->up && link->unanswered < WEB_REDIS_PENDING)
		q = malloc(sizeof *q);
	else
		redis->overflow += redis->up;
	if (q) {
		*q = (struct question){link, done, context};
		redis->asked++;
		if (web_link_send(link, on_reply, q, argc, argv, sizes))
			return;
	}
	free(q);
	if (done)
		done(context, NULL);
}

static void on_pong(redisAsyncContext *async, void *answer, void *context)
{
	struct web_link *link = context;
	struct web_redis *redis = link->redis;
	if (link->async != async || !answer)
		return;
	link->heard_ms = web_now_ms();
	link->unanswered--;
	const char *refusal = web_redis_refusal(answer);
	bool forgotten = redis->refused && web_now_ms() - redis->refused_ms > 5000;
	if (refusal) {
		set_up(redis, false, refusal);
	} else if (!redis->up) {
		set_up(redis, true, ""); // it was silent, and speaks again
	} else if (forgotten) {
		redis->refused = false;
		set_up(redis, true, "");
	}
}

// ---- watching over them ----

static bool is_commands(const struct web_link *link)
{
	return link == &link->redis->commands;
}

static void look_after(struct web_link *link, int64_t now)
{
	static const char *ping[] = {"PING"};
	struct web_redis *redis = link->redis;
	int64_t silent = link->unanswered ? now - link->heard_ms : 0;
	switch (link->state) {
	case LINK_OFF:
		if (link->async)
			web_link_fail(link, *redis->reason ? redis->reason : "refused");
		else if (now >= link->retry_ms)
			web_link_connect(link);
		break;
	case LINK_CONNECTING:
	case LINK_GREETING:
		if (now - link->begun_ms > CONNECT_MS)
			web_link_fail(link, "silent");
		break;
	case LINK_UP:
		if (silent > GIVE_UP_MS)
			web_link_fail(link, "silent");
		else if (is_commands(link) && silent > SILENT_MS && redis->up)
			set_up(redis, false, "silent");
		else if (is_commands(link) && link->unanswered == 0 && now - link->heard_ms >= PING_MS)
			web_link_send(link, on_pong, link, 1, ping, NULL);
		break;
	}
}

static void tick(void *context)
{
	struct web_redis *redis = context;
	int64_t now = web_now_ms();
	look_after(&redis->commands, now);
	look_after(&redis->reader, now);
	web_follow_turn(redis);
}

// ---- life ----

struct web_redis *web_redis_create(struct web_loop *loop, const char *url)
{
	struct web_redis *redis = calloc(1, sizeof *redis);
	const char *reason = NULL;
	if (!redis)
		return NULL;
	if (yg_redis_url_parse(url, &redis->url, &reason) < 0 || redis->url.is_tls || redis->url.is_sentinel) {
		yg_error("the address of Redis: %s", reason ? reason : "only redis:// and unix:// (for another host: a tunnel)");
		free(redis);
		return NULL;
	}
	redis->loop = loop;
	redis->reason = "away";
	redis->down_since_ms = web_now_ms();
	web_link_init(&redis->commands, redis, commands_up, commands_down);
	web_link_init(&redis->reader, redis, reader_up, reader_down);
	web_loop_every(loop, TICK_MS, tick, redis);
	return redis;
}

void web_redis_end(struct web_redis *redis)
{
	if (!redis)
		return;
	redis->changed = NULL;
	redis->up = false;
	web_link_end(&redis->commands);
	web_link_end(&redis->reader);
}

void web_redis_destroy(struct web_redis *redis)
{
	if (!redis)
		return;
	web_redis_end(redis);
	for (uint32_t i = 0; i < redis->followed_count; i++)
		free(redis->followed[i]);
	explicit_bzero(&redis->url, sizeof redis->url);
	free(redis);
}

bool web_redis_up(const struct web_redis *redis)
{
	return redis->up;
}

const char *web_redis_reason(const struct web_redis *redis)
{
	return redis->reason;
}

uint64_t web_redis_connection(const struct web_redis *redis)
{
	return redis->up ? redis->commands.number : 0;
}

int64_t web_redis_down_ms(const struct web_redis *redis)
{
	int64_t ms = web_now_ms() - redis->down_since_ms;
	return redis->up ? 0 : ms > 0 ? ms : 1;
}

void web_redis_on_change(struct web_redis *redis, void (*changed)(void *context), void *context)
{
	redis->changed = changed;
	redis->changed_context = context;
}

void web_redis_counters(const struct web_redis *redis, json_t *into)
{
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"redis.connections", redis->connections},
	           {"redis.asked", redis->asked},
	           {"redis.overflow", redis->overflow},
	           {"redis.lost", redis->lost},
	           {"redis.refusals", redis->refusals},
	           {"redis.entries", redis->entries},
	           {"redis.bad_entries", redis->bad_entries},
	           {"redis.streams", redis->followed_count},
	           {"redis.streams_full", redis->followed_full},
	           {"redis.resets", redis->resets}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		json_object_set_new(into, all[i].name, json_integer((json_int_t)all[i].value));
}
