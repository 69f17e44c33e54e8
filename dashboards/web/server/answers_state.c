// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// POST /groups/actions and /groups/undo. Which groups are meant is settled here, within the caller's view; an id that he does not see is
// one that does not exist. What is done to them is state.c's. No handler of these asks to be told when the client goes: what was begun is
// done, and has its record in the audit log.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "http.h"
#include "index.h"
#include "query.h"
#include "range.h"
#include "server.h"
#include "state_parts.h"

enum { IDS_MAX = 3000, FAILED_MAX = 1000, GROUPS_MAX = 500 };

struct acting {
	struct web_server *server;
	struct web_request *request;
	struct web_action action; // texts are the request body's
	struct web_target *targets;
	uint32_t count;
	json_t *not_found;        // ids, as they were sent
	uint32_t not_found_count;
};

static void acting_free(struct acting *a)
{
	free(a->targets);
	json_decref(a->not_found);
	free(a);
}

static void refuse(struct acting *a, unsigned status, const char *code)
{
	web_answer_problem(a->request, status, code);
	acting_free(a);
}

// ---- the answer ----

static void put_failed(json_t *failed, json_t *id, enum web_result result, const struct web_group_touch *current)
{
	json_t *one = json_object();
	json_object_set_new(one, "id", id);
	json_object_set_new(one, "code", json_string(web_result_name(result)));
	json_object_set_new(one, "current", current ? web_state_json(current) : json_null());
	json_array_append_new(failed, one);
}

static json_t *id_json(const struct acting *a, uint64_t group)
{
	char text[17];
	web_group_text(&a->server->shown, group, text);
	return json_string(text);
}

static json_t *result_json(const struct acting *a, const struct web_outcome *o)
{
	json_t *failed = json_array(), *groups = json_array(), *body = json_object(), *id;
	size_t i;
	json_array_foreach(a->not_found, i, id) if (json_array_size(failed) < FAILED_MAX) put_failed(failed, json_incref(id), WEB_NOT_FOUND, NULL);
	for (uint32_t t = 0; t < o->count; t++) {
		const struct web_group_touch *now = web_state_of(a->server->state, o->targets[t].group);
		bool hidden = o->results[t] == WEB_NOT_FOUND;
		if (o->results[t] == WEB_DONE) {
			if (json_array_size(groups) == GROUPS_MAX)
				continue;
			json_t *group = web_state_json(now);
			json_object_set_new(group, "id", id_json(a, o->targets[t].group));
			json_array_append_new(groups, group);
		} else if (json_array_size(failed) < FAILED_MAX) {
			put_failed(failed, id_json(a, o->targets[t].group), o->results[t], hidden ? NULL : now);
		}
	}
	uint32_t matched = o->count + a->not_found_count;
	json_object_set_new(body, "matched", json_integer(matched));
	json_object_set_new(body, "succeeded", json_integer(o->succeeded));
	json_object_set_new(body, "failed", failed);
	json_object_set_new(body, "failed_count", json_integer(matched - o->succeeded));
	json_object_set_new(body, "undo", o->undo[0] ? json_string(o->undo) : json_null());
	json_object_set_new(body, "undo_until_ms", o->undo[0] ? json_integer(o->undo_until_ns / 1000000) : json_null());
	json_object_set_new(body, "groups", groups);
	return body;
}

static void acted(void *context, const struct web_outcome *o)
{
	struct acting *a = context;
	uint32_t unknown = 0;
	for (uint32_t i = 0; o->results && i < o->count; i++)
		unknown += o->results[i] == WEB_UNKNOWN;
	if (o->gone)
		web_answer_problem(a->request, 410, "gone");
	else if (o->refused)
		web_answer_problem(a->request, 503, web_state_readings(a->server->state) && web_redis_up(a->server->redis) ? "busy" : "read_only");
	else if (unknown && !o->succeeded)
		web_answer_problem(a->request, 503, "unknown_outcome");
	else {
		const char *verdict = web_verdict_name(a->action.verdict);
		web_request_audit(a->request, "%s%s%s: %u of %u groups%s%s", web_act_name(a->action.act), *verdict ? ", " : "", verdict, o->succeeded,
				  o->count + a->not_found_count, a->action.assignee ? ", assignee " : "", a->action.assignee ? a->action.assignee : "");
		web_answer(a->request, 200, result_json(a, o), 0);
	}
	acting_free(a);
}

// ---- which groups ----

static int by_group(const void *a, const void *b)
{
	const struct web_target *x = a, *y = b;
	return (x->group > y->group) - (x->group < y->group);
}

// Each group once, whatever was sent: a version that was named for it is kept.
static void make_distinct(struct acting *a)
{
	uint32_t kept = 0;
	qsort(a->targets, a->count, sizeof *a->targets, by_group);
	for (uint32_t i = 0; i < a->count; i++)
		if (!kept || a->targets[kept - 1].group != a->targets[i].group)
			a->targets[kept++] = a->targets[i];
	a->count = kept;
}

static bool seen_as(const struct acting *a, const struct web_view *view, const char *text, uint64_t *ret_group)
{
	uint32_t at;
	if (!text || !web_group_read(&a->server->shown, text, ret_group))
		return false;
	at = web_index_find_group(a->server->index, *ret_group);
	return at != WEB_NOWHERE && web_index_sees_group(a->server->index, view, at);
}

static const char *take_ids(struct acting *a, const json_t *ids)
{
	const json_t *versions = json_object_get(web_request_body(a->request), "versions");
	size_t i;
	json_t *id;
	if (json_array_size(ids) > IDS_MAX)
		return "too_many";
	if (versions && !json_is_object(versions))
		return "bad_value";
	a->targets = calloc(json_array_size(ids) + 1, sizeof *a->targets);
	a->not_found = json_array();
	if (!a->targets || !a->not_found)
		return "too_many";
	json_array_foreach(ids, i, id)
	{
		uint64_t group;
		const json_t *version = json_is_string(id) ? json_object_get(versions, json_string_value(id)) : NULL;
		if (!json_is_string(id) || (version && !json_is_integer(version)))
			return "bad_value";
		if (seen_as(a, web_request_view(a->request), json_string_value(id), &group))
			a->targets[a->count++] = (struct web_target){group, version ? json_integer_value(version) : -1};
		else
			json_array_append(a->not_found, id);
	}
	a->not_found_count = (uint32_t)json_array_size(a->not_found);
	make_distinct(a);
	return NULL;
}

static json_t *query_problem(const struct web_query_error *error)
{
	json_t *problem = web_problem(422, "bad_query");
	json_object_set_new(problem, "detail", json_string(error->code));
	json_object_set_new(problem, "at", json_integer(error->at));
	return problem;
}

static const char *take_found(struct acting *a, const struct web_query *query, const char *state, struct web_range range)
{
	const struct web_index *index = a->server->index;
	const struct web_view *view = web_request_view(a->request);
	if (!web_index_affords(index, view, query))
		return "too_costly";
	uint32_t *found = malloc(WEB_BULK_MAX * sizeof *found);
	uint32_t count = found ? web_index_select(index, view, query, state, range, found, WEB_BULK_MAX) : UINT32_MAX;
	if (count <= WEB_BULK_MAX)
		a->targets = calloc(count + 1, sizeof *a->targets);
	for (uint32_t i = 0; a->targets && i < count; i++)
		a->targets[a->count++] = (struct web_target){web_index_group_id(index, found[i]), -1};
	free(found);
	return a->targets ? NULL : "too_many";
}

// True: answered already.
static bool take_query(struct acting *a, const json_t *body)
{
	const json_t *q = json_object_get(body, "q"), *state = json_object_get(body, "state"), *span = json_object_get(body, "range");
	struct web_query_error error;
	struct web_range range;
	const char *problem = NULL;
	if (!json_is_string(q) || (state && !json_is_string(state)) || (span && !json_is_string(span)))
		problem = "nothing_chosen";
	else if (state && web_tab_find(json_string_value(state)) < 0)
		problem = "bad_value";
	else if (!web_range_parse(json_string_value(span), web_clock_ns(), &range))
		problem = "bad_range";
	if (problem) {
		refuse(a, 422, problem);
		return true;
	}
	struct web_query *query = web_query_parse(json_string_value(q), web_request_view(a->request)->user->name, &error);
	if (!query) {
		web_answer(a->request, 422, query_problem(&error), 0);
		acting_free(a);
		return true;
	}
	problem = take_found(a, query, state ? json_string_value(state) : NULL, range);
	web_query_free(query);
	if (problem)
		refuse(a, 422, problem);
	return problem != NULL;
}

// ---- what is to be done ----

static size_t letters(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0u) != 0x80u;
	return n;
}

// NULL with *ret NULL: not given.
static const char *take_text(const json_t *body, const char *key, size_t most, const char *too_long, const char **ret)
{
	const json_t *value = json_object_get(body, key);
	*ret = NULL;
	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return "bad_value";
	if (letters(json_string_value(value)) > most)
		return too_long;
	*ret = *json_string_value(value) ? json_string_value(value) : NULL;
	return NULL;
}

static const char *take_action(const json_t *body, struct web_action *action)
{
	const json_t *verdict = json_object_get(body, "verdict");
	int act = web_act_find(json_string_value(json_object_get(body, "action")));
	if (act < 0)
		return "bad_action";
	action->act = (enum web_act)act;
	const char *problem = take_text(body, "comment", WEB_COMMENT_MAX, "comment_too_long", &action->comment);
	if (!problem)
		problem = take_text(body, "reason", WEB_REASON_LETTERS, "reason_too_long", &action->reason);
	if (!problem)
		problem = take_text(body, "assignee", WEB_USER_MAX - 1, "assignee_unknown", &action->assignee);
	if (problem)
		return problem;
	if (act == WEB_COMMENT && (!action->comment || !action->comment[strspn(action->comment, " \n\t")]))
		return "comment_required";
	int judged = web_verdict_find(json_string_value(verdict));
	if (act == WEB_ARCHIVE && judged < 0)
		return "verdict_required";
	action->verdict = act == WEB_ARCHIVE ? (enum web_verdict)judged : WEB_VERDICT_NONE;
	return NULL;
}

static void do_it(struct acting *a)
{
	web_state_act(a->server->state, &a->action, a->targets, a->count, acted, a);
}

// He must be one who may triage, and see everything that he is given.
static void found_assignee(void *context, const struct web_user *user)
{
	struct acting *a = context;
	struct web_view his;
	if (!user && !web_redis_up(a->server->redis)) {
		refuse(a, 503, "read_only");
		return;
	}
	if (!user || !web_role_may(user->role, WEB_MAY_TRIAGE) || user->off) {
		refuse(a, 422, "assignee_unknown");
		return;
	}
	// an account whose password is still to be changed may be given work: only the scope counts here
	his = (struct web_view){.user = user, .scope = user->scope};
	for (uint32_t i = 0; i < a->count; i++) {
		uint32_t at = web_index_find_group(a->server->index, a->targets[i].group);
		if (at == WEB_NOWHERE || web_index_sees_group(a->server->index, &his, at))
			continue;
		refuse(a, 422, "assignee_scope");
		return;
	}
	do_it(a);
}

void web_op_groups_action(struct web_request *request, struct web_server *server)
{
	const json_t *body = web_request_body(request), *ids = json_object_get(body, "ids");
	struct acting *a = calloc(1, sizeof *a);
	if (!a || !web_state_readings(server->state)) {
		free(a);
		web_answer_problem(request, 503, "read_only");
		return;
	}
	a->server = server;
	a->request = request;
	const char *problem = take_action(body, &a->action);
	if (!problem && ids && !json_is_array(ids))
		problem = "bad_value";
	if (!problem && ids)
		problem = take_ids(a, ids);
	if (problem) {
		refuse(a, 422, problem);
		return;
	}
	if (!ids && take_query(a, body))
		return;
	a->action.actor = web_request_view(request)->user->name;
	web_answer_later(request);
	if (a->action.act == WEB_ASSIGN && a->action.assignee)
		web_auth_user(server->auth, a->action.assignee, found_assignee, a);
	else
		do_it(a);
}

static bool still_seen(void *context, uint64_t group)
{
	struct acting *a = context;
	uint32_t at = web_index_find_group(a->server->index, group);
	return at != WEB_NOWHERE && web_index_sees_group(a->server->index, web_request_view(a->request), at);
}

void web_op_groups_undo(struct web_request *request, struct web_server *server)
{
	const json_t *token = json_object_get(web_request_body(request), "undo");
	struct acting *a = json_is_string(token) ? calloc(1, sizeof *a) : NULL;
	if (!a) {
		web_answer_problem(request, 422, "bad_value");
		return;
	}
	*a = (struct acting){.server = server, .request = request, .action.act = WEB_UNDO};
	web_answer_later(request);
	web_state_undo(server->state, json_string_value(token), web_request_view(request)->user->name, still_seen, acted, a);
}
