// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// From what Redis says, or does not say, to a state of model/redis_state.h. Redis begins an error with a word in capitals; where it
// says ERR, the sentence behind it decides. What the peer writes is matched, never obeyed. Any thread.
#include <errno.h>
#include <string.h>

#include "courier/redis_internal.h"

static const struct {
	const char *words; // how the answer begins
	enum yg_redis_state state;
} refusals[] = {
	{"NOAUTH", YG_REDIS_AUTH},
	{"WRONGPASS", YG_REDIS_AUTH},
	{"ERR AUTH", YG_REDIS_AUTH}, // a password for a user that has none
	{"ERR Client sent AUTH", YG_REDIS_AUTH},
	{"ERR invalid password", YG_REDIS_AUTH},
	{"ERR operation not permitted", YG_REDIS_AUTH},
	{"NOPERM", YG_REDIS_NOPERM},
	{"DENIED", YG_REDIS_PROTECTED},
	{"READONLY", YG_REDIS_READONLY},
	{"LOADING", YG_REDIS_LOADING},
	{"OOM", YG_REDIS_OOM},
	{"MISCONF", YG_REDIS_MISCONF},
	{"BUSY ", YG_REDIS_BUSY},
	{"MASTERDOWN", YG_REDIS_MASTERDOWN},
	{"NOREPLICAS", YG_REDIS_NOREPLICAS},
	{"EXECABORT", YG_REDIS_EXECABORT},
	{"WRONGTYPE", YG_REDIS_WRONGTYPE},
	{"MOVED", YG_REDIS_CLUSTER},
	{"ASK", YG_REDIS_CLUSTER},
	{"TRYAGAIN", YG_REDIS_CLUSTER},
	{"CROSSSLOT", YG_REDIS_CLUSTER},
	{"CLUSTERDOWN", YG_REDIS_CLUSTER},
	{"ERR max number of clients", YG_REDIS_CLIENTS},
};

static enum yg_redis_state state_of(const char *text)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (strncmp(text, refusals[i].words, strlen(refusals[i].words)) == 0)
			return refusals[i].state;
	return YG_REDIS_REFUSED;
}

enum yg_redis_state yg_redis_refusal(const char *text)
{
	enum yg_redis_state state = state_of(text);
	// "EXECABORT Transaction discarded because of: OOM command not allowed": the reason is what helps.
	const char *because = state == YG_REDIS_EXECABORT ? strstr(text, "because of: ") : NULL;
	enum yg_redis_state reason = because ? state_of(because + strlen("because of: ")) : YG_REDIS_REFUSED;
	return reason == YG_REDIS_REFUSED ? state : reason;
}

enum yg_redis_state yg_redis_broken(const redisContext *context)
{
	if (context->err == REDIS_ERR_PROTOCOL || context->err == REDIS_ERR_OOM)
		return YG_REDIS_GARBAGE;
	return context->err == REDIS_ERR_IO && errno == ETIMEDOUT ? YG_REDIS_SILENT : YG_REDIS_AWAY;
}

// ---- arrays on a peer's word ----

#if HIREDIS_MAJOR >= 1
typedef size_t elements_t;
#else
typedef int elements_t;
#endif

static redisReplyObjectFunctions bounded;                     // those of hiredis, but for one
static void *(*unbounded)(const redisReadTask *, elements_t); // hiredis' own

// hiredis 0.14 allows seven arrays in each other, 1.x any number, and frees them by recursion: a peer could use up the stack.
static bool is_too_deep(const redisReadTask *task)
{
	int depth = 0;
	for (; task && depth <= REDIS_DEPTH_MAX; task = task->parent)
		depth++;
	return depth > REDIS_DEPTH_MAX;
}

static void *create_array(const redisReadTask *task, elements_t count)
{
	return count > REDIS_ELEMENTS_MAX || is_too_deep(task) ? NULL : unbounded(task, count);
}

void yg_redis_bound_reader(redisContext *context)
{
	if (!unbounded) {
		bounded = *context->reader->fn;
		unbounded = bounded.createArray;
		bounded.createArray = create_array;
	}
	context->reader->fn = &bounded;
}
