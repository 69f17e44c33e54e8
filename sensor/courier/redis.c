// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The connection: resolve, connect, greet, send, and back off from 0.1 s to 5 s with jitter when anything fails. A
// state machine over a non-blocking hiredis context with deadlines of our own, because the EVE file is written by the
// same thread. Written to the interface of hiredis 0.14; what 1.0 adds is not needed.
#include "courier/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"

#define BACKOFF_FIRST_NS (100 * (uint64_t)YG_NS_PER_MS)
#define BACKOFF_MAX_NS (5 * (uint64_t)YG_NS_PER_S)
#define BACKOFF_LOGIN_NS (15 * (uint64_t)YG_NS_PER_S) // at most two attempts in 30 s: a ban list may be counting

struct yg_redis *yg_redis_create(const struct yg_redis_options *options, struct yg_spool *spool,
                                 struct yg_courier_stats *stats)
{
	struct yg_redis *redis = calloc(1, sizeof *redis);
	if (!redis)
		return NULL;
	redis->url = options->url;
	redis->timeout_ns = (uint64_t)options->timeout_ns;
	redis->spool = spool;
	redis->stats = stats;
	redis->backoff_ns = BACKOFF_FIRST_NS;
	redis->position = yg_spool_first(spool);
	redis->random = (uint32_t)(uintptr_t)redis | 1;
	snprintf(redis->key, sizeof redis->key, "yagura:%.63s:alerts", options->sensor);
	snprintf(redis->maxlen, sizeof redis->maxlen, "%lld", (long long)options->maxlen);
	return redis;
}

static void disconnect(struct yg_redis *redis)
{
	if (redis->context)
		redisFree(redis->context);
	redis->context = NULL;
	yg_resolve_abandon(redis->resolve);
	redis->resolve = NULL;
}

void yg_redis_destroy(struct yg_redis *redis)
{
	if (!redis)
		return;
	disconnect(redis);
	free(redis);
}

// The text goes to a terminal: what a server says is cut down to printable ASCII.
static void set_error(struct yg_redis *redis, const char *text)
{
	char *field = redis->stats->redis_error;
	size_t size = sizeof redis->stats->redis_error, n = 0;
	if (strncmp(field, text, size - 1) != 0 && text[0])
		yg_warn("Redis: %s; trying again", text);
	for (; text[n] && n < size - 1; n++)
		field[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	field[n] = 0;
}

// A quarter more or less, so that many sensors do not come back at the same moment. xorshift.
static uint64_t jitter(struct yg_redis *redis, uint64_t ns)
{
	redis->random ^= redis->random << 13;
	redis->random ^= redis->random >> 17;
	redis->random ^= redis->random << 5;
	return ns - ns / 4 + ns / 2 / 1024 * (redis->random & 1023);
}

void yg_redis_fail(struct yg_redis *redis, uint64_t now_ns, const char *text)
{
	uint64_t rest = jitter(redis, redis->backoff_ns);
	set_error(redis, text); // before the context goes: the text may be its own
	disconnect(redis);
	if (redis->state == REDIS_SENDING)
		redis->doubt = yg_spool_sent(redis->spool);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_ERRORS], 1);
	redis->backoff_ns = redis->backoff_ns * 2 > BACKOFF_MAX_NS ? BACKOFF_MAX_NS : redis->backoff_ns * 2;
	if (redis->refused_login)
		rest = BACKOFF_LOGIN_NS + rest;
	redis->refused_login = false;
	redis->state = REDIS_RESTING;
	redis->retry_ns = now_ns + rest;
}

bool yg_redis_note_error(struct yg_redis *redis, const redisReply *reply)
{
	static const struct {
		const char *word, *text;
		bool login;
	} known[] = {
		{"LOADING", "LOADING: it is still loading its data", false},
		{"READONLY", "READONLY: it is a replica and takes no writes", false},
		{"OOM", "OOM: its memory limit is reached and its policy evicts nothing", false},
		{"MISCONF", "MISCONF: it cannot save to disk and refuses writes", false},
		{"NOAUTH", "NOAUTH: it wants a user or a password", true},
		{"WRONGPASS", "WRONGPASS: user or password is wrong, or the user is disabled", true},
		{"NOPERM", "NOPERM: the user may not run a command or touch the key", true},
		{"WRONGTYPE", "WRONGTYPE: the key of the alerts holds something that is no stream", false},
		{"NOREPLICAS", "NOREPLICAS: it has too few replicas to write", false},
		{"MASTERDOWN", "MASTERDOWN: it is a replica whose master is away", false},
		{"CLUSTERDOWN", "CLUSTERDOWN: the cluster is down", false},
		{"MOVED", "MOVED: it is a cluster; clusters are not supported", false},
		{"EXECABORT", NULL, false}, // the reason came before, with the command that was refused
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t n = strlen(known[i].word);
		if ((size_t)reply->len < n || memcmp(reply->str, known[i].word, n) != 0)
			continue;
		if (known[i].text)
			set_error(redis, known[i].text);
		return known[i].login;
	}
	set_error(redis, reply->str);
	return strncmp(reply->str, "ERR AUTH", 8) == 0 || strncmp(reply->str, "ERR invalid password", 20) == 0;
}

static void set_socket_options(struct yg_redis *redis)
{
	int fd = redis->context->fd, on = 1, idle = 15, interval = 5, probes = 3;
	unsigned timeout_ms = (unsigned)(redis->timeout_ns / (uint64_t)YG_NS_PER_MS);
	if (redis->url.is_unix)
		return;
	// Failures are of no consequence: the deadlines of this file hold without them.
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connect_to(struct yg_redis *redis, const char *address, uint64_t now_ns)
{
	redis->context = redis->url.is_unix ? redisConnectUnixNonBlock(redis->url.path)
	                                    : redisConnectNonBlock(address, redis->url.port);
	if (!redis->context) {
		yg_redis_fail(redis, now_ns, "no memory for a connection");
		return;
	}
	if (redis->context->err) {
		yg_redis_fail(redis, now_ns, redis->context->errstr);
		return;
	}
	redis->state = REDIS_CONNECTING;
}

static void start(struct yg_redis *redis, uint64_t now_ns)
{
	struct in6_addr ignored;
	redis->attempts++;
	redis->deadline_ns = now_ns + redis->timeout_ns;
	if (redis->url.is_unix || inet_pton(AF_INET, redis->url.host, &ignored) == 1 ||
	    inet_pton(AF_INET6, redis->url.host, &ignored) == 1) {
		connect_to(redis, redis->url.host, now_ns);
		return;
	}
	redis->resolve = yg_resolve_start(redis->url.host);
	redis->state = REDIS_RESOLVING;
	if (!redis->resolve)
		yg_redis_fail(redis, now_ns, strerror(errno));
}

static bool step_resolving(struct yg_redis *redis, uint64_t now_ns)
{
	struct yg_resolved resolved;
	if (!yg_resolve_poll(redis->resolve, &resolved)) {
		if (now_ns < redis->deadline_ns)
			return false;
		yg_redis_fail(redis, now_ns, "the name of its host is not resolved in time");
		return true;
	}
	redis->resolve = NULL;
	if (resolved.count == 0)
		yg_redis_fail(redis, now_ns, resolved.error);
	else
		connect_to(redis, resolved.address[(redis->attempts - 1) % (uint32_t)resolved.count], now_ns);
	return true;
}

static bool step_connecting(struct yg_redis *redis, uint64_t now_ns)
{
	struct pollfd poll_fd = {redis->context->fd, POLLOUT, 0};
	if (poll(&poll_fd, 1, 0) <= 0) {
		if (now_ns < redis->deadline_ns)
			return false;
		yg_redis_fail(redis, now_ns, "no connection in time");
		return true;
	}
	int error = 0;
	socklen_t length = sizeof error;
	if (getsockopt(redis->context->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error) {
		yg_redis_fail(redis, now_ns, strerror(error));
		return true;
	}
	set_socket_options(redis);
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_CONNECTS], 1);
	redis->state = REDIS_GREETING;
	redis->greeting = GREET_AUTH;
	yg_redis_greet(redis, now_ns);
	return true;
}

// Writes what waits and reads what has come. False when nothing moved or the connection has been failed.
static bool exchange(struct yg_redis *redis, uint64_t now_ns)
{
	int done = 1;
	struct pollfd poll_fd = {redis->context->fd, (short)(POLLIN | (redis->output_left ? POLLOUT : 0)), 0};
	if (poll(&poll_fd, 1, 0) <= 0)
		return false;
	if (redis->output_left && redisBufferWrite(redis->context, &done) != REDIS_OK)
		goto broken;
	redis->output_left = !done;
	if ((poll_fd.revents & ~POLLOUT) && redisBufferRead(redis->context) != REDIS_OK)
		goto broken;
	redis->deadline_ns = now_ns + redis->timeout_ns;
	return true;
broken:
	yg_redis_fail(redis, now_ns, redis->context->errstr);
	return false;
}

static bool take_replies(struct yg_redis *redis, uint64_t now_ns)
{
	while (redis->context) {
		void *reply = NULL;
		if (redisGetReplyFromReader(redis->context, &reply) != REDIS_OK) {
			yg_redis_fail(redis, now_ns, redis->context->errstr);
			return false;
		}
		if (!reply)
			return true;
		bool usable = yg_redis_take_reply(redis, reply, now_ns);
		freeReplyObject(reply);
		if (!usable)
			return false;
	}
	return false;
}

static bool step_talking(struct yg_redis *redis, uint64_t now_ns)
{
	bool moved = exchange(redis, now_ns);
	if (moved)
		take_replies(redis, now_ns);
	else if (redis->state != REDIS_READY && redis->state != REDIS_RESTING && now_ns >= redis->deadline_ns)
		yg_redis_fail(redis, now_ns, "no answer in time");
	if (redis->state == REDIS_READY && redis->position < yg_spool_end(redis->spool)) {
		uint64_t before = redis->position;
		yg_redis_send_batch(redis, now_ns);
		moved |= redis->state == REDIS_SENDING || redis->position != before;
	}
	return moved;
}

bool yg_redis_step(struct yg_redis *redis, uint64_t now_ns)
{
	switch (redis->state) {
	case REDIS_RESTING:
		if (now_ns < redis->retry_ns)
			return false;
		start(redis, now_ns);
		return true;
	case REDIS_RESOLVING:
		return step_resolving(redis, now_ns);
	case REDIS_CONNECTING:
		return step_connecting(redis, now_ns);
	default:
		return step_talking(redis, now_ns);
	}
}

uint64_t yg_redis_position(const struct yg_redis *redis)
{
	return redis->position;
}

int yg_redis_fd(const struct yg_redis *redis, short *ret_events)
{
	if (!redis->context || redis->state == REDIS_READY)
		return -1;
	bool out = redis->state == REDIS_CONNECTING || redis->output_left;
	*ret_events = (short)((redis->state == REDIS_CONNECTING ? 0 : POLLIN) | (out ? POLLOUT : 0));
	return redis->context->fd;
}
