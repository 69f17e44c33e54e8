// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One connection to Redis: hiredis in the loop, its attempts and its greeting (AUTH, SELECT, PING). What goes over it is redis.c's and
// follow.c's, who are told when it is up and when it is down.
//
// An address is looked up by hiredis when it connects: with a name in place of a number that may take as long as DNS does, so a number or
// a UNIX socket is better.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "redis_parts.h"

enum { BACKOFF_MS = 100, BACKOFF_MAX_MS = 5000 };

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

// hiredis has freed it, or is about to: nothing of it may be touched any more.
static void link_down(struct web_link *link, const char *reason)
{
	link->async = NULL;
	link->state = LINK_OFF;
	link->unanswered = 0;
	link->number = 0;
	link->retry_ms = web_now_ms() + link->backoff_ms;
	link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
	link->down(link, reason);
}

static void on_disconnect(const redisAsyncContext *async, int status)
{
	struct web_link *link = async->data;
	(void)status;
	if (link->async == async)
		link_down(link, "away");
}

// Ends a connection that hiredis still believes in. Callbacks get their NULL within.
void web_link_fail(struct web_link *link, const char *reason)
{
	redisAsyncContext *async = link->async;
	link_down(link, reason);
	if (async)
		redisAsyncFree(async);
}

static void on_greeting(redisAsyncContext *async, void *answer, void *context)
{
	struct web_link *link = context;
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
		link->down(link, refusal);
		return;
	}
	if (--link->steps > 0)
		return;
	link->state = LINK_UP;
	link->backoff_ms = BACKOFF_MS;
	link->number = ++link->redis->connections;
	link->up(link);
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

void web_link_connect(struct web_link *link)
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

void web_link_init(struct web_link *link, struct web_redis *redis, void (*up)(struct web_link *link),
                   void (*down)(struct web_link *link, const char *reason))
{
	*link = (struct web_link){.redis = redis, .up = up, .down = down, .fd = -1, .backoff_ms = BACKOFF_MS};
	web_link_connect(link);
}

void web_link_end(struct web_link *link)
{
	redisAsyncContext *async = link->async;
	link->async = NULL;
	if (async)
		redisAsyncFree(async);
}
