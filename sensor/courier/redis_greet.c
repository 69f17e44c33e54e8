// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How every connection begins: AUTH, SELECT, ROLE, then what its role asks; and what all roles say and take alike.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/redis_internal.h"

bool yg_redis_say(struct yg_redis *redis, int count, const char **words, const size_t *lengths)
{
	return redisAppendCommandArgv(redis->context, count, words, lengths) == REDIS_OK;
}

bool yg_redis_say_words(struct yg_redis *redis, int count, const char **words)
{
	size_t lengths[REDIS_WORDS];
	for (int i = 0; i < count; i++)
		lengths[i] = strlen(words[i]);
	return yg_redis_say(redis, count, words, lengths);
}

bool yg_redis_send(struct yg_redis *redis, bool complete, uint64_t now_ns)
{
	if (!complete) {
		yg_redis_fail(redis, now_ns, YG_REDIS_AWAY, "no memory for a command");
		return false;
	}
	redis->output_left = true;
	redis->deadline_ns = now_ns + redis->timeout_ns;
	return true;
}

bool yg_redis_impossible(struct yg_redis *redis, uint64_t now_ns)
{
	yg_redis_fail(redis, now_ns, YG_REDIS_GARBAGE, "an answer that cannot be");
	return false;
}

bool yg_redis_refused(struct yg_redis *redis, enum yg_redis_state state, const char *text, uint64_t now_ns)
{
	if (state != YG_REDIS_CLUSTER || !yg_cluster_follow(redis, text, now_ns))
		yg_redis_fail(redis, now_ns, state, text);
	return false;
}

bool yg_redis_say_auth(struct yg_redis *redis)
{
	const struct yg_redis_url *url = &redis->url;
	if (!url->user[0])
		return yg_redis_say(redis, 2, (const char *[]){"AUTH", url->password}, (size_t[]){4, strlen(url->password)});
	return yg_redis_say(redis, 3, (const char *[]){"AUTH", url->user, url->password},
	           (size_t[]){4, strlen(url->user), strlen(url->password)});
}

// Says the next thing of a greeting, from redis->greeting on.
bool yg_redis_greet(struct yg_redis *redis, uint64_t now_ns)
{
	char db[8];
	if (redis->greeting == GREET_AUTH && redis->url.has_password)
		return yg_redis_send(redis, yg_redis_say_auth(redis), now_ns);
	if (redis->greeting <= GREET_SELECT && redis->url.db) {
		snprintf(db, sizeof db, "%u", redis->url.db);
		redis->greeting = GREET_SELECT;
		return yg_redis_send(redis, yg_redis_say_words(redis, 2, (const char *[]){"SELECT", db}), now_ns);
	}
	if (redis->greeting <= GREET_ROLE && redis->url.is_sentinel) {
		redis->greeting = GREET_ROLE;
		return yg_redis_send(redis, yg_redis_say_words(redis, 1, (const char *[]){"ROLE"}), now_ns);
	}
	redis->greeting = GREET_OWN;
	return redis->role->greet(redis, now_ns);
}

static bool is_role(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING;
}

bool yg_redis_take_greeting(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (redis->greeting == GREET_OWN)
		return redis->role->take(redis, reply, now_ns);
	if (reply->type == REDIS_REPLY_ERROR)
		return yg_redis_refused(redis, yg_redis_refusal(reply->str), reply->str, now_ns);
	if (redis->greeting == GREET_ROLE ? !is_role(reply) : reply->type != REDIS_REPLY_STATUS)
		return yg_redis_impossible(redis, now_ns);
	if (redis->greeting == GREET_ROLE && strcmp(reply->element[0]->str, "master") != 0) {
		yg_redis_fail(redis, now_ns, YG_REDIS_READONLY, "what the Sentinel named is a replica");
		return false;
	}
	redis->greeting++;
	return yg_redis_greet(redis, now_ns);
}

bool yg_redis_take_queued(struct yg_redis *redis, const redisReply *reply, uint64_t now_ns)
{
	if (reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_ERROR)
		return yg_redis_impossible(redis, now_ns);
	if (reply->type == REDIS_REPLY_ERROR && redis->refusal == YG_REDIS_READY) {
		redis->refusal = yg_redis_refusal(reply->str);
		snprintf(redis->refusal_text, sizeof redis->refusal_text, "%s", reply->str);
	}
	return true;
}

bool yg_redis_parse_id(const redisReply *reply, struct redis_id *ret_id)
{
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		return false;
	char *end = NULL, *tail = NULL;
	ret_id->generation = strtoull(reply->str, &end, 10);
	if (end == reply->str || *end != '-')
		return false;
	ret_id->sequence = strtoull(end + 1, &tail, 10);
	return tail != end + 1 && *tail == 0;
}
