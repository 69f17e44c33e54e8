// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where the primary is. As "Guidelines for Redis clients with support for Redis Sentinel" asks for: the Sentinels are asked one after
// the other, the first that answers is believed, ROLE is checked at the address that it names (redis_stream.c), and after any failure the
// question is asked anew. A Sentinel that asks for a password gets the one of the URL.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "courier/redis_internal.h"

const struct yg_redis_node *yg_sentinel_target(const struct yg_redis *redis)
{
	return redis->sentinel.known ? &redis->sentinel.primary : &redis->url.sentinel[redis->sentinel.next];
}

bool yg_sentinel_ask(struct yg_redis *redis, uint64_t now_ns)
{
	redis->phase = REDIS_ASKING;
	return yg_redis_send(redis, yg_redis_say(redis, 3, (const char *[]){"SENTINEL", "GET-MASTER-ADDR-BY-NAME", redis->url.primary},
	                                         (size_t[]){8, 23, strlen(redis->url.primary)}), now_ns);
}

bool yg_sentinel_failed(struct yg_redis *redis)
{
	struct redis_sentinel *s = &redis->sentinel;
	bool asked = !s->known; // else it was the primary that failed, and what it is now has to be learnt after the rest
	s->known = s->logged_in = false;
	s->next = (s->next + 1) % redis->url.sentinels;
	s->tried = asked ? s->tried + 1 : 0;
	if (!asked || s->tried < redis->url.sentinels)
		return asked;
	s->tried = 0;
	return false;
}

static bool is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static bool take_address(const redisReply *reply, struct yg_redis_node *ret_node)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) || !is_text(reply->element[1]))
		return false;
	const redisReply *host = reply->element[0];
	char *end = NULL;
	unsigned long port = strtoul(reply->element[1]->str, &end, 10);
	if (*end || port == 0 || port > UINT16_MAX || host->len == 0 || (size_t)host->len >= sizeof ret_node->host ||
	    strlen(host->str) != (size_t)host->len)
		return false;
	*ret_node = (struct yg_redis_node){.port = (uint16_t)port};
	memcpy(ret_node->host, host->str, (size_t)host->len);
	return true;
}

bool yg_sentinel_take(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	struct redis_sentinel *s = &redis->sentinel;
	struct yg_redis_node node;
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0 && redis->url.has_password && !s->logged_in) {
		s->logged_in = true;
		return yg_redis_send(redis, yg_redis_say_auth(redis), now_ns);
	}
	if (reply->type == REDIS_REPLY_ERROR) {
		yg_redis_fail(redis, now_ns, yg_redis_refusal(reply->str), reply->str);
		return false;
	}
	if (reply->type == REDIS_REPLY_STATUS && s->logged_in) // that was about the password
		return yg_sentinel_ask(redis, now_ns);
	if (reply->type == REDIS_REPLY_NIL) {
		yg_redis_fail(redis, now_ns, YG_REDIS_NO_PRIMARY, "the Sentinel knows no primary of this name");
		return false;
	}
	if (!take_address(reply, &node))
		return yg_redis_impossible(redis, now_ns);
	bool moved = s->primary.port && (s->primary.port != node.port || strcmp(s->primary.host, node.host) != 0);
	if (moved)
		yg_counter_add(&redis->stats->c[YG_CC_REDIS_FAILOVERS], 1);
	s->known = true;
	s->tried = 0;
	s->primary = node;
	return false; // this connection has served: the caller goes to the primary
}
