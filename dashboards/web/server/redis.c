// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis.h. Two connections of the same kind: they connect, greet (AUTH, SELECT, PING), and live until something is wrong. A Redis that
// stands still (SIGSTOP, a host that is gone without a word) closes nothing: what has been asked and is not answered within SILENT_MS
// makes it down, GIVE_UP_MS ends the connection. While nothing else is asked a PING is, several times a second.
//
// An address is looked up by hiredis when it connects: with a name in place of a number that may take as long as DNS does, so a number or
// a UNIX socket is better.
#include "redis_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"

enum { TICK_MS = 150, PING_MS = 250, SILENT_MS = 600, GIVE_UP_MS = 3000, CONNECT_MS = 1500, BACKOFF_MS = 100, BACKOFF_MAX_MS = 5000 };

static void link_fail(struct web_link *link, const char *reason);

// ---- what it says ----

const char *web_redis_refusal(const redisReply *reply)
{
	static const struct {
		const char *begins, *word;
	} known[] = {
	    {"NOAUTH", "auth"},
	    {"WRONGPASS", "auth"},
	    {"ERR invalid password", "auth"},
	    {"ERR AUTH", "auth"},
	    {"ERR Client sent AUTH", "auth"},
	    {"NOPERM", "noperm"},
	    {"LOADING", "loading"},
	    {"READONLY", "readonly"},
	    {"BUSY", "busy"},
	    {"MASTERDOWN", "masterdown"},
	    {"OOM", "oom"},
	    {"MISCONF", "misconf"},
	    {"DENIED", "protected"},
	    {"WRONGTYPE", "wrongtype"},
	    {"NOREPLICAS", "noreplicas"},
	    {"CLUSTERDOWN", "cluster"},
	    {"MOVED", "cluster"},
	    {"EXECABORT", "execabort"},
	    {"ERR max number of clients", "clients"},
	};
	if (!reply || reply->type != REDIS_REPLY_ERROR)
		return NULL;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strncmp(reply->str, known[i].begins, strlen(known[i].begins)) == 0)
			return known[i].word;
	return "refused";
}

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

// ---- events: the adapter between hiredis and the loop ----

static void link_ready(void *context, uint32_t events)
{
	struct web_link *link = context;
	redisAsyncContext *async = link->async;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		redisAsyncHandleRead(async);
	if (link->async == async && async && (events & EPOLLOUT)) // it may have ended by what it read
		redisAsyncHandleWrite(async);
}

static void want(struct web_link *link, uint32_t events)
{
	if (link->fd < 0 || events == link->wants)
		return;
	link->wants = events;
	web_loop_watch(link->redis->loop, link->fd, events, link_ready, link);
}

static void add_read(void *context)
{
	struct web_link *link = context;
	want(link, link->wants | EPOLLIN);
}

static void del_read(void *context)
{
	struct web_link *link = context;
	want(link, link->wants & ~(uint32_t)EPOLLIN);
}

static void add_write(void *context)
{
	struct web_link *link = context;
	want(link, link->wants | EPOLLOUT);
}

static void del_write(void *context)
{
	struct web_link *link = context;
	want(link, link->wants & ~(uint32_t)EPOLLOUT);
}

static void clean_up(void *context)
{
	struct web_link *link = context;
	want(link, 0);
	link->fd = -1;
}

// ---- life of a connection ----

static bool is_commands(const struct web_link *link)
{
	return link == &link->redis->commands;
}

// hiredis has freed it, or is about to: nothing of it may be touched any more.
static void link_down(struct web_link *link, const char *reason)
{
	struct web_redis *redis = link->redis;
	link->async = NULL;
	link->state = LINK_OFF;
	link->unanswered = 0;
	link->retry_ms = web_now_ms() + link->backoff_ms;
	link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
	if (is_commands(link)) {
		link->number = 0;
		set_up(redis, false, reason);
	} else {
		redis->reading = false;
	}
}

static void on_disconnect(const redisAsyncContext *async, int status)
{
	struct web_link *link = async->data;
	(void)status;
	if (link->async == async)
		link_down(link, "away");
}

static void on_connect(const redisAsyncContext *async, int status);

// Ends a connection that hiredis still believes in. Callbacks get their NULL within.
static void link_fail(struct web_link *link, const char *reason)
{
	redisAsyncContext *async = link->async;
	link_down(link, reason);
	if (async)
		redisAsyncFree(async);
}

static void on_greeting(redisAsyncContext *async, void *answer, void *context)
{
	struct web_link *link = context;
	struct web_redis *redis = link->redis;
	const char *refusal = web_redis_refusal(answer);
	if (link->async != async || link->state != LINK_GREETING)
		return;
	link->heard_ms = web_now_ms();
	link->unanswered--;
	if (!answer)
		return; // it ends; on_disconnect says so
	if (refusal) {
		// not from within hiredis's own call: the tick does it
		link->state = LINK_OFF;
		if (is_commands(link))
			set_up(redis, false, refusal);
		return;
	}
	if (--link->steps > 0)
		return;
	link->state = LINK_UP;
	link->backoff_ms = BACKOFF_MS;
	link->number = ++redis->connections;
	if (is_commands(link))
		set_up(redis, true, "");
	else
		web_follow_begin(redis);
}

static bool greet(struct web_link *link)
{
	const struct yg_redis_url *u = &link->redis->url;
	char db[8];
	const char *two[] = {"AUTH", u->password}, *three[] = {"AUTH", u->user, u->password};
	const char *select[] = {"SELECT", db}, *ping[] = {"PING"};
	bool good = true;
	link->steps = 1 + u->has_password + (u->db != 0);
	link->state = LINK_GREETING;
	snprintf(db, sizeof db, "%u", u->db);
	if (u->has_password)
		good = u->user[0] ? web_link_send(link, on_greeting, link, 3, three, NULL)
		                  : web_link_send(link, on_greeting, link, 2, two, NULL);
	if (good && u->db)
		good = web_link_send(link, on_greeting, link, 2, select, NULL);
	return good && web_link_send(link, on_greeting, link, 1, ping, NULL);
}

static void on_connect(const redisAsyncContext *async, int status)
{
	struct web_link *link = async->data;
	const int on = 1;
	if (link->async != async)
		return;
	if (status != REDIS_OK) {
		link_down(link, "away"); // hiredis frees it
		return;
	}
	if (!link->redis->url.is_unix)
		setsockopt(async->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	link->heard_ms = web_now_ms();
	greet(link);
}

static void link_connect(struct web_link *link)
{
	const struct yg_redis_url *u = &link->redis->url;
	redisAsyncContext *async = u->is_unix ? redisAsyncConnectUnix(u->path) : redisAsyncConnect(u->host, u->port);
	link->begun_ms = web_now_ms();
	if (!async || async->err) {
		if (async)
			redisAsyncFree(async);
		link_down(link, "away");
		return;
	}
	link->async = async;
	link->fd = async->c.fd;
	link->wants = 0;
	link->state = LINK_CONNECTING;
	link->heard_ms = link->begun_ms;
	async->data = link;
	async->ev.data = link;
	async->ev.addRead = add_read;
	async->ev.delRead = del_read;
	async->ev.addWrite = add_write;
	async->ev.delWrite = del_write;
	async->ev.cleanup = clean_up;
	redisAsyncSetConnectCallback(async, on_connect); // registers for writing
	redisAsyncSetDisconnectCallback(async, on_disconnect);
}

bool web_link_send(struct web_link *link, redisCallbackFn *done, void *context, int argc, const char **argv, const size_t *sizes)
{
	if (!link->async || link->async->c.flags & (REDIS_DISCONNECTING | REDIS_FREEING))
		return false;
	if (link->unanswered == 0)
		link->heard_ms = web_now_ms(); // its silence begins now
	if (redisAsyncCommandArgv(link->async, done, context, argc, argv, sizes) != REDIS_OK)
		return false;
	link->unanswered++;
	return true;
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

static void look_after(struct web_link *link, int64_t now)
{
	static const char *ping[] = {"PING"};
	struct web_redis *redis = link->redis;
	int64_t silent = link->unanswered ? now - link->heard_ms : 0;
	switch (link->state) {
	case LINK_OFF:
		if (link->async)
			link_fail(link, *redis->reason ? redis->reason : "refused");
		else if (now >= link->retry_ms)
			link_connect(link);
		break;
	case LINK_CONNECTING:
	case LINK_GREETING:
		if (now - link->begun_ms > CONNECT_MS)
			link_fail(link, "silent");
		break;
	case LINK_UP:
		if (silent > GIVE_UP_MS)
			link_fail(link, "silent");
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
	redis->commands = (struct web_link){.redis = redis, .fd = -1, .backoff_ms = BACKOFF_MS};
	redis->reader = (struct web_link){.redis = redis, .fd = -1, .backoff_ms = BACKOFF_MS};
	link_connect(&redis->commands);
	link_connect(&redis->reader);
	web_loop_every(loop, TICK_MS, tick, redis);
	return redis;
}

void web_redis_end(struct web_redis *redis)
{
	if (!redis)
		return;
	redis->changed = NULL;
	redis->up = false;
	for (int i = 0; i < 2; i++) {
		struct web_link *link = i ? &redis->reader : &redis->commands;
		redisAsyncContext *async = link->async;
		link->async = NULL;
		if (async)
			redisAsyncFree(async);
	}
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
