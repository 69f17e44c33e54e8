// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What people have done to groups of alerts. Redis keeps it, so that every operator sees the same and a restart loses nothing:
//   yagura:web:groups        hash: group id (16 hex digits) -> {"state":…,"assignee":…,"verdict":…,"reason":…,"version":…,"change":…,…}
//   yagura:web:history:<id>  stream of events; only ever added to
//   yagura:web:changes       stream: one entry a change, for other readers; trimmed at 100,000
//   yagura:web:undo:<token>  what an action changed, 30 s to live
// In memory: the state of each touched group (web_group of the index points to it by its number). A change is answered when Redis has it
// (one MULTI/EXEC for at most 1,000 groups, several for more); the state in memory changes then, never before.
//
// Optimistic locking: a caller names the version that he saw; another one there: that group fails with `conflict` and its current state.
// A new alert of medium or above in an archived group brings it back to `new` ("reopen" by "yagura"), with its history.
//
// Bounded: WEB_STATES_MAX touched groups, WEB_BULK_MAX groups an action; beyond, 422 or 507, counted.
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"

enum { WEB_STATES_MAX = 200000, WEB_BULK_MAX = 50000, WEB_COMMENT_MAX = 2000 };

enum web_group_state { WEB_NEW, WEB_ACKNOWLEDGED, WEB_ESCALATED, WEB_ARCHIVED, WEB_STATES };
enum web_verdict { WEB_VERDICT_NONE, WEB_THREAT, WEB_BENIGN, WEB_FALSE_POSITIVE, WEB_DRILL, WEB_VERDICTS };

// Of one group; all zero is a group that nobody has touched.
struct web_group_touch {
	uint8_t state, verdict;
	uint32_t version, comments;
	uint64_t change;          // grows over all groups: what a stream resumes behind
	int64_t changed_ns;
	char assignee[WEB_USER_MAX], changed_by[WEB_USER_MAX];
	char *reason;             // NULL: none
	int64_t acknowledged_ns, archived_ns; // first time; for the mean times of the overview
};

struct web_server;
struct web_state;

struct web_state *web_state_create(struct web_server *server);
void web_state_destroy(struct web_state *state);
bool web_state_ready(const struct web_state *state);  // what Redis holds has been read
uint64_t web_state_change(const struct web_state *state); // the newest

// Never NULL. Valid until the loop turns.
const struct web_group_touch *web_state_of(const struct web_state *state, uint64_t group);
json_t *web_state_json(const struct web_group_touch *touch); // GroupState
// Every touched group, for counts: calls back with each.
void web_state_each(const struct web_state *state, void (*each)(void *context, uint64_t group, const struct web_group_touch *touch), void *context);
// An alert has come to a group (index.c calls it): brings back what was archived.
void web_state_alert(struct web_state *state, uint64_t group, uint8_t severity, bool opened);
// Calls back when a group's touch has changed, by whomever (stream.c).
void web_state_on_change(struct web_state *state, void (*changed)(void *context, uint64_t group), void *context);
