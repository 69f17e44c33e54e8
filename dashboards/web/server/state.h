// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What people have done to groups of alerts. Redis keeps it, so that every operator sees the same and a restart loses nothing:
//   yagura:web:groups        hash: group id (16 hex digits) -> {"state":…,"assignee":…,"verdict":…,"reason":…,"version":…,"change":…,…}
//   yagura:web:history:<id>  stream of events; only ever added to
//   yagura:web:changes       stream: one entry a change, for other readers; trimmed at 100,000
//   yagura:web:undo:<token>  what an action changed, 30 s to live
//   yagura:web:secret        64 hex digits: under which ids of groups are shown (shown.h); whoever finds none puts his own there
//   yagura:web:writer        number of the writer, raised at every connection; what an earlier one sent and comes late is refused
// In memory: the state of each touched group (web_group of the index points to it by its number). A change is answered when Redis has it
// (one script for at most 1,000 groups, several for more: it is carried out whole or not at all); the state in memory changes then, never
// before. When an answer is lost, everything is read anew, and only then the caller gets to know what was done.
//
// Optimistic locking: a caller names the version that he saw; another one there: that group fails with `conflict` and its current state.
// What brings an archived group back to `new` is reopen.c.
//
// Bounded: WEB_STATES_MAX touched groups, WEB_BULK_MAX groups an action; beyond, 422 or 507, counted.
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "access.h"

enum { WEB_STATES_MAX = 200000, WEB_BULK_MAX = 50000, WEB_COMMENT_MAX = 2000 /* letters */, WEB_REASON_LETTERS = 500 };

enum web_group_state { WEB_NEW, WEB_ACKNOWLEDGED, WEB_ESCALATED, WEB_ARCHIVED, WEB_STATES };
enum web_verdict { WEB_VERDICT_NONE, WEB_THREAT, WEB_BENIGN, WEB_FALSE_POSITIVE, WEB_DRILL, WEB_VERDICTS };

// Of one group; all zero is a group that nobody has touched.
struct web_group_touch {
	uint8_t state, verdict;
	uint32_t version, comments;
	uint64_t change;          // grows over all groups: what a stream resumes behind
	int64_t changed_ns;
	const char *assignee, *changed_by; // never NULL, empty: nobody
	char *reason;             // NULL: none
	int64_t acknowledged_ns, archived_ns; // first time; for the mean times of the overview
	int64_t back_ns;          // when it last became new again: what its deadline counts from; 0: it never did
};

struct web_server;
struct web_state;

struct web_state *web_state_create(struct web_server *server);
void web_state_destroy(struct web_state *state);
bool web_state_ready(const struct web_state *state);  // what Redis holds has been read
bool web_state_awaited(const struct web_state *state); // it has not, and will be: what was archived looks new till then
uint64_t web_state_change(const struct web_state *state); // the newest

// How often everything has been read, while it can be written; else 0. And our number as the writer (yagura:web:writer), which others who
// write give to their scripts too.
uint64_t web_state_readings(const struct web_state *state);
uint64_t web_state_writer(const struct web_state *state);
void web_state_doubt(struct web_state *state); // reads everything anew: another process writes, or an answer was lost

// Never NULL. Valid until the loop turns.
const struct web_group_touch *web_state_of(const struct web_state *state, uint64_t group);
json_t *web_state_json(const struct web_group_touch *touch); // GroupState
// Every touched group, for counts: calls back with each.
void web_state_each(const struct web_state *state, void (*each)(void *context, uint64_t group,
		const struct web_group_touch *touch), void *context);
// Calls back when a group's touch has changed, by whomever. For as long as the state lives.
void web_state_on_change(struct web_state *state, void (*changed)(void *context, uint64_t group), void *context);

// What befell it; each limit has its counter.
struct web_state_counters {
	uint64_t bad;             // entries of yagura:web:groups that are no state: passed over
	uint64_t full, names_full, waiting_full; // WEB_STATES_MAX, names of users, WEB_STATE_WAITING
	uint64_t stale, lost;     // scripts refused because of another writer; answers that never came
	uint64_t readings;        // of everything
};
const struct web_state_counters *web_state_counters(const struct web_state *state);

// ---- what people do ----

enum web_act { WEB_ACKNOWLEDGE, WEB_ASSIGN, WEB_ESCALATE, WEB_ARCHIVE, WEB_REOPEN, WEB_COMMENT, WEB_UNDO, WEB_ACTS };
int web_act_find(const char *name);     // -1: there is none, or none that can be asked for
const char *web_act_name(enum web_act act);
int web_verdict_find(const char *name); // -1: there is none
int web_group_state_find(const char *name);
const char *web_group_state_name(enum web_group_state state);
const char *web_verdict_name(enum web_verdict verdict); // empty for none
bool web_group_id_read(const char *text, size_t size, uint64_t *ret); // 16 hex digits

struct web_action { // texts are copied; NULL: none
	enum web_act act;
	enum web_verdict verdict; // of WEB_ARCHIVE, which has one
	const char *actor, *assignee, *reason, *comment;
};
struct web_target {
	uint64_t group;
	int64_t version;          // that the caller saw; -1: whatever it is
};
// FULL: WEB_STATES_MAX
enum web_result { WEB_DONE, WEB_NOT_FOUND, WEB_CONFLICT, WEB_NO_CHANGE, WEB_FULL, WEB_AWAY, WEB_UNKNOWN, WEB_RESULTS };
struct web_outcome {
	bool refused, gone;       // nothing was done: Redis is away (or too many wait); there is no such undo of the caller's
	const struct web_target *targets;
	const uint8_t *results;   // enum web_result, of each
	uint32_t count, succeeded;
	char undo[33];            // token, empty: nothing to undo
	int64_t undo_until_ns;
};
const char *web_result_name(enum web_result result);

// `done` is called once, perhaps before these return; the outcome dies with it. Actions wait for each other: WEB_STATE_WAITING at most.
enum { WEB_STATE_WAITING = 64 };
typedef void (*web_acted)(void *context, const struct web_outcome *outcome);
void web_state_act(struct web_state *state, const struct web_action *action, const struct web_target *targets, uint32_t count,
		web_acted done,
		   void *context);
// Of the actor's own action. `may` says of each group whether it may still be seen: where not, it is not found.
void web_state_undo(struct web_state *state, const char *token, const char *actor, bool (*may)(void *context, uint64_t group),
		web_acted done,
		    void *context);

// What was done with a group, as an array of Event, oldest first, the newest WEB_HISTORY_MAX; NULL: Redis is away. The array is
// the callee's.
enum { WEB_HISTORY_MAX = 1000 };
void web_state_history(struct web_state *state, uint64_t group, void (*done)(void *context, json_t *events), void *context);
