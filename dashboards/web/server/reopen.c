// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See reopen.h. What comes is collected for a tick and asked for in one action. Where that is not known to be done, or there were too many
// to collect, all archived groups are looked through: what came behind the archiving tells which.
#include "reopen.h"

#include <stdlib.h>

#include "index.h"
#include "loop.h"
#include "server.h"
#include "state.h"

enum {
	TICK_MS = 100,
	AGAIN_MS = 1000, // between two looks through all
	ROOM = 4096,     // archived groups to which alerts came since the last tick; beyond, all are looked through
};

struct web_reopen {
	struct web_server *server;
	uint64_t groups[ROOM];
	uint32_t count;
	uint64_t readings; // of the states, that were looked through
	bool sweep;
	int64_t swept_ms;
};

static void put(struct web_reopen *reopen, uint64_t group)
{
	if (reopen->count && reopen->groups[reopen->count - 1] == group)
		return;
	if (reopen->count == ROOM)
		reopen->sweep = true;
	else
		reopen->groups[reopen->count++] = group;
}

static bool counts(const struct web_index *index, uint32_t alert)
{
	return web_index_alert(index, alert)->severity >= WEB_SEV_MEDIUM && web_index_class(index, alert) == WEB_COUNTED;
}

static void alert_told(void *context, uint32_t alert, bool opened)
{
	struct web_reopen *reopen = context;
	const struct web_index *index = reopen->server->index;
	const struct web_state *state = reopen->server->state;
	const struct web_alert *a = web_index_alert(index, alert);
	uint64_t group = web_index_group_id(index, a->group);
	if (opened && a->state == WEB_ALERT_OPEN && web_state_ready(state) && web_index_ready(index) &&
	    web_state_of(state, group)->state == WEB_ARCHIVED && counts(index, alert))
		put(reopen, group);
}

static void look_at(void *context, uint64_t group, const struct web_group_touch *touch)
{
	struct web_reopen *reopen = context;
	const struct web_index *index = reopen->server->index;
	uint32_t at = touch->state == WEB_ARCHIVED ? web_index_find_group(index, group) : WEB_NOWHERE;
	if (at == WEB_NOWHERE)
		return;
	for (uint32_t i = web_index_group(index, at)->first; i != WEB_NOWHERE; i = web_index_alert(index, i)->next)
		if (web_index_alert(index, i)->first_ns > touch->changed_ns && counts(index, i)) {
			put(reopen, group);
			return;
		}
}

static void acted(void *context, const struct web_outcome *outcome)
{
	struct web_reopen *reopen = context;
	for (uint32_t i = 0; i < outcome->count; i++)
		if (outcome->results[i] == WEB_AWAY || outcome->results[i] == WEB_UNKNOWN)
			reopen->sweep = true;
	reopen->sweep = reopen->sweep || outcome->refused;
}

static void ask(struct web_reopen *reopen)
{
	struct web_target *targets = calloc(reopen->count, sizeof *targets);
	if (!targets)
		return; // at the next tick
	for (uint32_t i = 0; i < reopen->count; i++)
		targets[i] = (struct web_target){reopen->groups[i], -1};
	uint32_t count = reopen->count;
	reopen->count = 0;
	web_state_act(reopen->server->state, &(struct web_action){.act = WEB_REOPEN, .actor = WEB_SYSTEM_ACTOR}, targets, count, acted, reopen);
	free(targets);
}

static void tick(void *context)
{
	struct web_reopen *reopen = context;
	uint64_t readings = web_state_readings(reopen->server->state);
	int64_t now = web_now_ms();
	if (!readings)
		return; // nothing can be written
	if (readings != reopen->readings) {
		reopen->readings = readings;
		reopen->sweep = true;
		reopen->swept_ms = now - AGAIN_MS;
	}
	if (reopen->sweep && web_index_ready(reopen->server->index) && now - reopen->swept_ms >= AGAIN_MS) {
		reopen->sweep = false;
		reopen->swept_ms = now;
		web_state_each(reopen->server->state, look_at, reopen);
	}
	if (reopen->count)
		ask(reopen);
}

struct web_reopen *web_reopen_create(struct web_server *server)
{
	struct web_reopen *reopen = calloc(1, sizeof *reopen);
	if (!reopen)
		return NULL;
	reopen->server = server;
	web_index_on_alert(server->index, alert_told, reopen);
	web_loop_every(server->loop, TICK_MS, tick, reopen);
	return reopen;
}

void web_reopen_destroy(struct web_reopen *reopen)
{
	free(reopen);
}
