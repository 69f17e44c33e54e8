// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A connection: resolve, connect, greet, send, and rest when anything fails, as long as the class of the fault asks for
// (model/redis_state.h). A state machine over a non-blocking hiredis context with deadlines of our own, because the EVE
// file is written by the same thread. Written to the interface of hiredis 0.14; what 1.0 adds is needed for TLS alone (redis_tls.h).
#include "courier/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/time.h"
#include "courier/redis_internal.h"
#include "courier/redis_tls.h"

#define BACKOFF_FIRST_NS (100 * (uint64_t)YG_NS_PER_MS)
#define BACKOFF_MAX_NS (10 * (uint64_t)YG_NS_PER_S)
#define POLL_NS ((uint64_t)YG_NS_PER_S)                  // of the class POLL
#define CREDENTIALS_NS (30 * (uint64_t)YG_NS_PER_S)      // and never less: at most two attempts in 30 s
#define CONNECT_NS ((uint64_t)YG_NS_PER_S)               // or redis.timeout, where that is less

static void use_url(struct yg_redis *redis)
{
	redis->node = (struct yg_redis_node){.port = redis->url.port};
	memcpy(redis->node.host, redis->url.host, sizeof redis->node.host);
}

const struct yg_redis_node *yg_redis_target(const struct yg_redis *redis)
{
	return redis->url.is_sentinel ? yg_sentinel_target(redis) : &redis->node;
}

static void disconnect(struct yg_redis *redis)
{
	if (redis->context)
		redisFree(redis->context);
	redis->context = NULL;
	redis->ssl = NULL; // the context's
	redis->output_left = false;
	yg_resolve_abandon(redis->resolve);
	redis->resolve = NULL;
}

// The text goes to a terminal: what a server says is cut down to printable ASCII. True when it differs from the last one.
static bool set_error(struct yg_redis *redis, const char *text)
{
	char *field = redis->error;
	size_t size = sizeof redis->error, n = 0;
	bool new = strncmp(field, text, size - 1) != 0;
	for (; text[n] && n < size - 1; n++)
		field[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '?';
	field[n] = 0;
	if (!redis->role->up)
		memcpy(redis->stats->redis_error, field, n + 1);
	return new;
}

// True when it is another state than before.
static bool enter(struct yg_redis *redis, enum yg_redis_state state)
{
	bool new = redis->state != state;
	redis->state = state;
	yg_counter_set(&redis->stats->c[redis->role->state], redis->role->up ? state == YG_REDIS_READY : state);
	if (new && !redis->role->up)
		yg_counter_add(&redis->stats->redis_entered[state], 1);
	return new;
}

// A fifth more or less, so that many sensors do not come back at the same moment. Marsaglia's xorshift.
static uint64_t jitter(struct yg_redis *redis, uint64_t ns)
{
	redis->random ^= redis->random << 13;
	redis->random ^= redis->random >> 17;
	redis->random ^= redis->random << 5;
	return ns - ns / 5 + ns / 5 * 2 / 1024 * (redis->random & 1023);
}

static uint64_t rest_of(struct yg_redis *redis, enum yg_redis_class class)
{
	if (class == YG_REDIS_POLL)
		return jitter(redis, POLL_NS);
	if (class == YG_REDIS_CREDENTIALS)
		return CREDENTIALS_NS + jitter(redis, POLL_NS);
	uint64_t rest = jitter(redis, redis->backoff_ns);
	redis->backoff_ns = redis->backoff_ns * 2 > BACKOFF_MAX_NS ? BACKOFF_MAX_NS : redis->backoff_ns * 2;
	return rest;
}

// A server that hangs up is seen in one of two ways, as the last bytes happen to meet; it is one thing to say.
static const char *as_one(const char *text)
{
	return strcmp(text, strerror(ECONNRESET)) == 0 ? "Server closed the connection" : text;
}

void yg_redis_fault(struct yg_redis *redis, enum yg_redis_state state, const char *text)
{
	const struct yg_redis_state_row *row = yg_redis_state_row(state);
	bool new = set_error(redis, as_one(text));
	if (enter(redis, state) || new)
		yg_warn("%s: %s: %s; %s（%s）", redis->role->name, row->name, redis->error, row->en, row->ja);
	yg_counter_add(&redis->stats->c[redis->role->errors], 1);
}

void yg_redis_leave(struct yg_redis *redis)
{
	disconnect(redis);
	if (redis->phase == REDIS_SENDING)
		redis->role->left(redis);
	redis->confirm_ns = 0;
	redis->phase = REDIS_RESTING;
}

void yg_redis_fail(struct yg_redis *redis, uint64_t now_ns, enum yg_redis_state state, const char *text)
{
	// With TLS 1.3 a server refuses our certificate when the handshake is over for us: it hangs up before it has answered anything.
	if (redis->tls && state == YG_REDIS_AWAY && redis->phase == REDIS_GREETING && redis->greeting == GREET_AUTH)
		state = YG_REDIS_TLS_FAILED;
	yg_redis_fault(redis, state, text); // before the context goes: the text may be its own
	yg_redis_leave(redis);
	redis->redirects = 0;
	use_url(redis);
	if (redis->url.is_sentinel && yg_sentinel_failed(redis))
		redis->retry_ns = now_ns; // at the next Sentinel
	else
		redis->retry_ns = now_ns + rest_of(redis, yg_redis_state_row(state)->class);
}

void yg_redis_well(struct yg_redis *redis)
{
	bool again = redis->error[0] != 0;
	redis->backoff_ns = BACKOFF_FIRST_NS;
	redis->redirects = 0;
	redis->error[0] = 0;
	if (!redis->role->up)
		redis->stats->redis_error[0] = 0;
	if (enter(redis, YG_REDIS_READY) && again)
		yg_info("%s: alerts are delivered again（配送を再開しました）", redis->role->name);
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
	int port = yg_redis_target(redis)->port;
	redis->context = redis->url.is_unix ? redisConnectUnixNonBlock(redis->url.path) : redisConnectNonBlock(address, port);
	if (!redis->context) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "no memory for a connection");
		return;
	}
	if (redis->context->err) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, redis->context->errstr);
		return;
	}
	yg_redis_bound_reader(redis->context);
	redis->deadline_ns = now_ns + (redis->timeout_ns < CONNECT_NS ? redis->timeout_ns : CONNECT_NS);
	redis->phase = REDIS_CONNECTING;
}

static void start(struct yg_redis *redis, uint64_t now_ns)
{
	struct in6_addr ignored;
	const char *host = yg_redis_target(redis)->host;
	redis->attempts++;
	if (redis->url.is_unix || inet_pton(AF_INET, host, &ignored) == 1 || inet_pton(AF_INET6, host, &ignored) == 1) {
		connect_to(redis, host, now_ns);
		return;
	}
	redis->deadline_ns = now_ns + redis->timeout_ns;
	redis->resolve = yg_resolve_start(host);
	redis->phase = REDIS_RESOLVING;
	if (!redis->resolve)
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, strerror(errno));
}

static bool step_resolving(struct yg_redis *redis, uint64_t now_ns)
{
	struct yg_resolved resolved;
	if (!yg_resolve_poll(redis->resolve, &resolved)) {
		if (now_ns < redis->deadline_ns)
			return false;
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "the name of its host is not resolved in time");
		return true;
	}
	redis->resolve = NULL;
	if (resolved.count == 0)
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, resolved.error);
	else
		connect_to(redis, resolved.address[(redis->attempts - 1) % (uint32_t)resolved.count], now_ns);
	return true;
}

// The way to it stands: what comes first.
static void connected(struct yg_redis *redis, uint64_t now_ns)
{
	if (redis->url.is_sentinel && !redis->sentinel.known) {
		yg_sentinel_ask(redis, now_ns);
		return;
	}
	yg_counter_add(&redis->stats->c[redis->role->connects], 1);
	redis->phase = REDIS_GREETING;
	redis->greeting = GREET_AUTH;
	yg_redis_greet(redis, now_ns);
}

static void secure(struct yg_redis *redis, uint64_t now_ns)
{
	char reason[YG_REDIS_TLS_TEXT];
	redis->ssl = yg_redis_tls_begin(redis->tls, redis->context, yg_redis_target(redis)->host, reason);
	if (!redis->ssl) {
		yg_redis_fail(redis, now_ns, YG_REDIS_TLS_FAILED, reason);
		return;
	}
	redis->phase = REDIS_SECURING;
	redis->ssl_events = POLLIN | POLLOUT; // it may have come to either
	redis->deadline_ns = now_ns + redis->timeout_ns;
}

static bool step_connecting(struct yg_redis *redis, uint64_t now_ns)
{
	struct pollfd poll_fd = {redis->context->fd, POLLOUT, 0};
	if (poll(&poll_fd, 1, 0) <= 0) {
		if (now_ns < redis->deadline_ns)
			return false;
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "no connection in time");
		return true;
	}
	int error = 0;
	socklen_t length = sizeof error;
	if (getsockopt(redis->context->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, strerror(error));
		return true;
	}
	set_socket_options(redis);
	if (redis->tls)
		secure(redis, now_ns);
	else
		connected(redis, now_ns);
	return true;
}

static bool step_securing(struct yg_redis *redis, uint64_t now_ns)
{
	char reason[YG_REDIS_TLS_TEXT];
	struct pollfd poll_fd = {redis->context->fd, redis->ssl_events, 0};
	if (poll(&poll_fd, 1, 0) <= 0) {
		if (now_ns < redis->deadline_ns)
			return false;
		yg_redis_fail(redis, now_ns, YG_REDIS_TLS_FAILED, "no handshake in time");
		return true;
	}
	int done = yg_redis_tls_step(redis->ssl, &redis->ssl_events, reason);
	if (done < 0 || (done == 0 && now_ns >= redis->deadline_ns))
		yg_redis_fail(redis, now_ns, YG_REDIS_TLS_FAILED, done < 0 ? reason : "no handshake in time");
	else if (done)
		connected(redis, now_ns);
	return true;
}

static bool take_reply(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->phase == REDIS_GREETING)
		return yg_redis_take_greeting(redis, reply, now_ns);
	if (redis->phase == REDIS_ASKING)
		return yg_sentinel_take(redis, reply, now_ns);
	if (redis->phase != REDIS_IDLE)
		return redis->role->take(redis, reply, now_ns);
	yg_redis_fail(redis, now_ns, reply->type == REDIS_REPLY_ERROR ? yg_redis_refusal(reply->str) : YG_REDIS_GARBAGE,
	              reply->type == REDIS_REPLY_ERROR ? reply->str : "it speaks without being asked");
	return false;
}

// An answer gives the next one its whole time; half an answer does not, or a peer could dole out bytes for ever.
static void take_replies(struct yg_redis *redis, uint64_t now_ns)
{
	while (redis->context) {
		void *reply = NULL;
		if (redisGetReplyFromReader(redis->context, &reply) != REDIS_OK) {
			yg_redis_fail(redis, now_ns, yg_redis_broken(redis->context), redis->context->errstr);
			return;
		}
		if (!reply) {
			if (redis->context->reader->len - redis->context->reader->pos > REDIS_ANSWER_MAX)
				yg_redis_fail(redis, now_ns, YG_REDIS_GARBAGE, "an answer without an end");
			return;
		}
		redis->deadline_ns = now_ns + redis->timeout_ns;
		bool usable = take_reply(redis, reply, now_ns);
		freeReplyObject(reply);
		if (redis->phase == REDIS_ASKING && redis->sentinel.known) {
			disconnect(redis);
			start(redis, now_ns);
			return;
		}
		if (!usable)
			return;
	}
}

static void receive(struct yg_redis *redis, uint64_t now_ns)
{
	if (redisBufferRead(redis->context) == REDIS_OK)
		take_replies(redis, now_ns);
	else
		yg_redis_fail(redis, now_ns, yg_redis_broken(redis->context), redis->context->errstr);
}

static void transmit(struct yg_redis *redis, uint64_t now_ns)
{
	int done = 1;
	if (redisBufferWrite(redis->context, &done) == REDIS_OK) {
		redis->output_left = !done;
		redis->deadline_ns = now_ns + redis->timeout_ns;
		return;
	}
	// A peer that closes often says first why: "DENIED", "max number of clients". It may lie in our buffer still.
	char text[REDIS_TEXT];
	enum yg_redis_state state = yg_redis_broken(redis->context);
	snprintf(text, sizeof text, "%s", redis->context->errstr);
	redis->context->err = 0;
	if (redisBufferRead(redis->context) == REDIS_OK)
		take_replies(redis, now_ns);
	if (redis->context)
		yg_redis_fail(redis, now_ns, state, text);
}

// Reads what has come, then writes what waits. True when something moved.
static bool exchange(struct yg_redis *redis, uint64_t now_ns)
{
	struct pollfd poll_fd = {redis->context->fd, (short)(POLLIN | (redis->output_left ? POLLOUT : 0)), 0};
	if (poll(&poll_fd, 1, 0) <= 0)
		return false;
	if (poll_fd.revents & ~POLLOUT)
		receive(redis, now_ns);
	if (redis->context && redis->output_left && (poll_fd.revents & POLLOUT))
		transmit(redis, now_ns);
	return true;
}

static bool step_talking(struct yg_redis *redis, uint64_t now_ns)
{
	bool moved = exchange(redis, now_ns);
	if (!redis->context || redis->phase == REDIS_CONNECTING)
		return moved;
	if (redis->phase == REDIS_CONFIRMING && redis->confirm_ns) { // too few replicas had it
		if (now_ns >= redis->confirm_ns)
			yg_redis_confirm(redis, false, now_ns);
		else if (yg_health_due(redis, now_ns))
			yg_health_tell(redis, now_ns);
		return moved;
	}
	if (redis->phase != REDIS_IDLE && now_ns >= redis->deadline_ns) {
		yg_redis_fail(redis, now_ns, YG_REDIS_SILENT, "no answer in time");
		return true;
	}
	return redis->phase == REDIS_IDLE ? redis->role->go_on(redis, now_ns) || moved : moved;
}

static struct yg_redis *own(struct yg_sink *sink)
{
	return (struct yg_redis *)sink;
}

static bool step(struct yg_sink *sink, uint64_t now_ns)
{
	struct yg_redis *redis = own(sink);
	switch (redis->phase) {
	case REDIS_RESTING:
		if (now_ns < redis->retry_ns)
			return false;
		start(redis, now_ns);
		return true;
	case REDIS_RESOLVING:
		return step_resolving(redis, now_ns);
	case REDIS_CONNECTING:
		return step_connecting(redis, now_ns);
	case REDIS_SECURING:
		return step_securing(redis, now_ns);
	default:
		return step_talking(redis, now_ns);
	}
}

static uint64_t position(const struct yg_sink *sink)
{
	const struct redis_lane *lane = (const struct redis_lane *)sink;
	return lane->redis->replicas ? lane->safe : lane->position;
}

static int wait_fd(const struct yg_sink *sink, short *ret_events)
{
	const struct yg_redis *redis = (const struct yg_redis *)sink;
	if (!redis->context || redis->phase == REDIS_IDLE)
		return -1;
	if (redis->phase == REDIS_SECURING) {
		*ret_events = redis->ssl_events;
		return redis->context->fd;
	}
	bool out = redis->phase == REDIS_CONNECTING || redis->output_left;
	*ret_events = (short)((redis->phase == REDIS_CONNECTING ? 0 : POLLIN) | (out ? POLLOUT : 0));
	return redis->context->fd;
}

static void destroy(struct yg_sink *sink)
{
	disconnect(own(sink));
	free(sink);
}

static bool rides_along(struct yg_sink *sink, uint64_t now_ns)
{
	(void)sink, (void)now_ns;
	return false;
}

static int no_fd(const struct yg_sink *sink, short *ret_events)
{
	(void)sink, (void)ret_events;
	return -1;
}

static void owned_by_another(struct yg_sink *sink)
{
	(void)sink;
}

static const struct yg_sink_ops redis_ops = {step, position, NULL, wait_fd, destroy};
static const struct yg_sink_ops lane_ops = {rides_along, position, NULL, no_fd, owned_by_another};

struct redis_lane *yg_redis_add_lane(struct yg_redis *redis, enum yg_spool_sink which, enum yg_courier_counter taken)
{
	struct redis_lane *lane = &redis->lane[redis->lanes];
	lane->sink = (struct yg_sink){redis->lanes ? &lane_ops : &redis_ops, which};
	lane->redis = redis;
	lane->taken = taken;
	lane->position = lane->safe = yg_spool_start(redis->spool, which);
	redis->lanes++;
	return lane;
}

struct yg_sink *yg_redis_lane(struct yg_sink *streams, enum yg_spool_sink which)
{
	struct yg_redis *redis = own(streams);
	for (unsigned i = 1; i < redis->lanes; i++)
		if (redis->lane[i].sink.which == which)
			return &redis->lane[i].sink;
	return NULL;
}

struct yg_redis *yg_redis_begin(const struct yg_redis_options *options, const struct redis_role *role, enum yg_spool_sink which,
                                enum yg_courier_counter taken, struct yg_spool *spool, struct yg_courier_stats *stats)
{
	struct yg_redis *redis = calloc(1, sizeof *redis);
	if (!redis)
		return NULL;
	redis->role = role;
	redis->url = options->url;
	redis->tls = options->tls;
	redis->timeout_ns = (uint64_t)options->timeout_ns;
	redis->spool = spool;
	redis->stats = stats;
	redis->backoff_ns = BACKOFF_FIRST_NS;
	redis->refusal = YG_REDIS_READY;
	redis->state = YG_REDIS_CONNECTING;
	if (getrandom(&redis->random, sizeof redis->random, GRND_NONBLOCK) < 0)
		redis->random = (uint32_t)(uintptr_t)redis;
	redis->random |= 1; // xorshift has no way out of 0
	yg_counter_set(&stats->c[role->state], role->up ? 0 : YG_REDIS_CONNECTING);
	snprintf(redis->sensor, sizeof redis->sensor, "%.63s", options->sensor);
	use_url(redis);
	yg_redis_add_lane(redis, which, taken);
	return redis;
}
