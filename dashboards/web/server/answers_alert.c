// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /groups/{id}, /alerts/{id}, /alerts/{id}/related, /alerts/{id}/flows: one thing, with what belongs to it. What a caller may
// not see is
// not there.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "alert.h"
#include "answers_ask.h"
#include "bodies.h"
#include "explain/explain.h"
#include "http.h"
#include "index.h"
#include "kind_texts.h"
#include "range.h"
#include "state.h"

enum { GROUP_ALERTS = 200, RELATED = 100, FLOWS = 100 };
static const int64_t HOUR = INT64_C(3600000000000);

static void answer(struct asked *asked)
{
	web_answer(asked->request, 200, json_incref(asked->body), 0);
	asked_free(asked);
}

// False: Redis is away, and the request is answered with that.
static bool came(struct asked *asked, const char *key, json_t *value)
{
	if (!value) {
		asked_refuse(asked, 503, "redis_away");
		return false;
	}
	json_object_set_new(asked->body, key, value);
	return true;
}

// What people wrote may name a machine: for who may not know whose it is, as everywhere.
static bool history_came(struct asked *asked, json_t *events)
{
	if (events)
		web_mask_json(asked->server->bodies, asked->view, events);
	return came(asked, "history", events);
}

static json_t *only(json_t *rows)
{
	json_t *one = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return one ? one : json_null();
}

// ---- a group ----

// The row is another's by now: what it was is gone from the index.
static bool is_other(const struct asked *asked, uint64_t id)
{
	return id != asked->id;
}

static uint64_t group_now(const struct asked *asked)
{
	return web_index_group_id(asked->server->index, asked->at);
}

static uint64_t alert_now(const struct asked *asked)
{
	return web_index_alert(asked->server->index, asked->at)->id;
}

static void group_alerts_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	if (came(asked, "alerts", rows))
		answer(asked);
}

static bool newer(const struct web_index *index, uint32_t a, uint32_t b)
{
	return web_index_alert(index, a)->time_ns > web_index_alert(index, b)->time_ns;
}

// The newest of the group that the view sees, newest first.
static void collect(struct asked *asked, uint32_t first)
{
	const struct web_index *index = asked->server->index;
	struct web_page *page = &asked->page;
	for (uint32_t at = first; at != WEB_NOWHERE; at = web_index_alert(index, at)->next) {
		if (!web_index_sees_alert(index, asked->view, at))
			continue;
		page->total++;
		if (page->count == GROUP_ALERTS && !newer(index, at, page->rows[GROUP_ALERTS - 1]))
			continue;
		uint32_t i = page->count < GROUP_ALERTS ? page->count++ : GROUP_ALERTS - 1;
		for (; i > 0 && newer(index, at, page->rows[i - 1]); i--)
			page->rows[i] = page->rows[i - 1];
		page->rows[i] = at;
	}
}

static void group_history_came(void *context, json_t *events)
{
	struct asked *asked = context;
	if (is_other(asked, group_now(asked))) {
		json_decref(events);
		asked_refuse(asked, 404, "not_found");
		return;
	}
	if (!history_came(asked, events))
		return;
	collect(asked, web_index_group(asked->server->index, asked->at)->first);
	json_object_set_new(asked->body, "alerts_total", json_integer((json_int_t)asked->page.total));
	web_index_alert_rows(asked->server->index, asked->view, asked->page.rows, asked->page.count, group_alerts_came, asked);
}

static void group_row_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	if (rows && (!json_array_size(rows) || is_other(asked, group_now(asked)))) {
		json_decref(rows);
		asked_refuse(asked, 404, "not_found");
		return;
	}
	if (!came(asked, "group", rows ? only(rows) : NULL))
		return;
	web_state_history(asked->server->state, web_index_group_id(asked->server->index, asked->at), group_history_came, asked);
}

void web_op_group(struct web_request *request, struct web_server *server)
{
	struct asked *asked = asked_read(request, server, 1);
	if (!asked)
		return;
	asked->at = web_index_find_group_text(server->index, web_request_path(request, "id"));
	if (asked->at == WEB_NOWHERE || !web_index_sees_group(server->index, asked->view, asked->at)) {
		asked_refuse(asked, 404, "not_found");
		return;
	}
	asked->id = group_now(asked);
	asked->body = json_object();
	asked->ask.tab = WEB_TAB_ALL;
	web_answer_later(request);
	web_index_group_rows(server->index, asked->view, &asked->ask, &asked->at, 1, group_row_came, asked);
}

// ---- an alert ----

static struct asked *find(struct web_request *request, struct web_server *server, uint32_t limit)
{
	struct asked *asked = asked_read(request, server, limit);
	if (!asked)
		return NULL;
	asked->at = web_index_find_alert(server->index, web_request_path(request, "id"));
	if (asked->at == WEB_NOWHERE || !web_index_sees_alert(server->index, asked->view, asked->at)) {
		asked_refuse(asked, 404, "not_found");
		return NULL;
	}
	asked->id = alert_now(asked);
	asked->body = json_object();
	return asked;
}

static json_t *steps(const char *kind, bool japanese)
{
	json_t *list = json_array();
	for (const char *const *step = explain_steps(kind, japanese); step && *step; step++)
		json_array_append_new(list, json_string(*step));
	return list;
}

static void put_advice(struct asked *asked)
{
	const struct web_alert *a = web_index_alert(asked->server->index, asked->at);
	const char *kind = web_index_string(asked->server->index, a->kind);
	const struct web_kind_text *text = web_kind_text(kind);
	char entry[48];
	snprintf(entry, sizeof entry, "%" PRIu64 "-%" PRIu64, a->entry.generation, a->entry.sequence);
	json_object_set_new(asked->body, "entry", asked->view->scope.all ? json_string(entry) : json_null()); // it counts what others have
	json_object_set_new(asked->body, "steps_ja", steps(kind, true));
	json_object_set_new(asked->body, "steps_en", steps(kind, false));
	json_object_set_new(asked->body, "means_ja", json_string(text ? text->means_ja : web_kind_ja(kind)));
	json_object_set_new(asked->body, "means_en", json_string(text ? text->means_en : web_kind_en(kind)));
	json_object_set_new(asked->body, "clause",
			    text && text->clause_ja[0] ? json_pack("{s:s, s:s}", "ja", text->clause_ja, "en", text->clause_en) : json_null());
}

static void alert_history_came(void *context, json_t *events)
{
	struct asked *asked = context;
	if (history_came(asked, events))
		answer(asked);
}

static void alert_eve_came(void *context, json_t *eve)
{
	struct asked *asked = context;
	if (json_is_null(eve)) { // trimmed in Redis since
		json_decref(eve);
		eve = json_object();
	}
	if (is_other(asked, alert_now(asked))) {
		json_decref(eve);
		asked_refuse(asked, 404, "not_found");
		return;
	}
	if (!came(asked, "eve", eve))
		return;
	uint32_t group = web_index_alert(asked->server->index, asked->at)->group;
	put_advice(asked);
	web_state_history(asked->server->state, web_index_group_id(asked->server->index, group), alert_history_came, asked);
}

static void alert_group_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	if (is_other(asked, alert_now(asked))) {
		json_decref(rows);
		asked_refuse(asked, 404, "not_found");
	} else if (came(asked, "group", rows ? only(rows) : NULL))
		web_index_eve(asked->server->index, asked->view, asked->at, alert_eve_came, asked);
}

static void alert_row_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	const struct web_alert *a = web_index_alert(asked->server->index, asked->at);
	if (rows && (!json_array_size(rows) || is_other(asked, a->id))) {
		json_decref(rows);
		asked_refuse(asked, 404, "not_found");
		return;
	}
	if (came(asked, "alert", rows ? only(rows) : NULL))
		web_index_group_rows(asked->server->index, asked->view, &asked->ask, &a->group, 1, alert_group_came, asked);
}

void web_op_alert(struct web_request *request, struct web_server *server)
{
	struct asked *asked = find(request, server, 1);
	if (!asked)
		return;
	web_answer_later(request);
	web_index_alert_rows(server->index, asked->view, &asked->at, 1, alert_row_came, asked);
}

// ---- what belongs to it ----

static bool end_shown(const struct asked *asked, uint8_t af, const uint8_t address[16])
{
	return af && !(asked->view->masked && web_body_masks(asked->server->bodies, asked->view, af, address));
}

// Each end that the view may know.
static struct flow_ends ends_of(const struct asked *asked, const struct web_alert *a)
{
	struct flow_ends ends = {0};
	const uint8_t *addresses[] = {a->source, a->target};
	const uint8_t af[] = {a->source_af, a->target_len == (a->af == 6 ? 128 : 32) ? a->af : 0};
	for (unsigned i = 0; i < 2; i++) {
		if (!end_shown(asked, af[i], addresses[i]))
			continue;
		ends.af[ends.count] = af[i];
		memcpy(ends.address[ends.count++], addresses[i], 16);
	}
	return ends;
}

static bool has_end(const struct asked *asked, const struct web_alert *a, const struct flow_ends *ends)
{
	for (uint32_t i = 0; i < ends->count; i++) {
		bool source = a->source_af == ends->af[i] && memcmp(a->source, ends->address[i], 16) == 0;
		bool target = a->af == ends->af[i] && memcmp(a->target, ends->address[i], 16) == 0;
		if ((source || target) && end_shown(asked, ends->af[i], ends->address[i]))
			return true;
	}
	return false;
}

struct looking {
	struct asked *asked;
	struct web_alert about;
	struct flow_ends ends;
	int64_t first_ns, last_ns, month_ns;
	uint64_t month;
	uint64_t bodies[WEB_BODY_WORDS];
};

// Seen before: the same kind with the same far end, which is the source where one is known.
static void look_before(struct looking *l, const struct web_alert *a)
{
	bool same_source = a->source_af == l->about.source_af && memcmp(a->source, l->about.source, 16) == 0;
	bool same_target = a->af == l->about.af && a->target_len == l->about.target_len && memcmp(a->target, l->about.target, 16) == 0;
	bool far = l->about.source_af ? same_source && end_shown(l->asked, a->source_af, a->source) : same_target && a->body == l->about.body;
	if (a->kind != l->about.kind || !far || a->first_ns >= l->about.first_ns)
		return;
	l->first_ns = !l->first_ns || a->first_ns < l->first_ns ? a->first_ns : l->first_ns;
	l->last_ns = a->time_ns > l->last_ns ? a->time_ns : l->last_ns;
	l->month += a->first_ns >= l->month_ns;
	if (a->body < WEB_BODIES)
		l->bodies[a->body / 64] |= UINT64_C(1) << a->body % 64;
}

static bool look(void *context, uint32_t at)
{
	struct looking *l = context;
	const struct web_index *index = l->asked->server->index;
	const struct web_alert *a = web_index_alert(index, at);
	struct web_page *page = &l->asked->page;
	if (at == l->asked->at)
		return true;
	look_before(l, a);
	uint64_t campaign = l->about.campaign ? l->about.campaign : l->about.id;
	bool near = a->first_ns < l->about.time_ns + HOUR && a->time_ns > l->about.first_ns - HOUR;
	if ((!near || !has_end(l->asked, a, &l->ends)) && a->campaign != campaign && a->id != l->about.campaign)
		return true;
	if (page->count == RELATED && !newer(index, at, page->rows[RELATED - 1]))
		return true;
	uint32_t i = page->count < RELATED ? page->count++ : RELATED - 1;
	for (; i > 0 && newer(index, at, page->rows[i - 1]); i--)
		page->rows[i] = page->rows[i - 1];
	page->rows[i] = at;
	return true;
}

static void related_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	if (came(asked, "alerts", rows))
		answer(asked);
}

void web_op_alert_related(struct web_request *request, struct web_server *server)
{
	struct asked *asked = find(request, server, 1);
	if (!asked)
		return;
	struct looking l = {.asked = asked, .about = *web_index_alert(server->index, asked->at)};
	json_t *orgs = json_array();
	l.ends = ends_of(asked, &l.about);
	l.month_ns = l.about.first_ns - 30 * 24 * HOUR;
	web_index_each_alert(server->index, asked->view, (struct web_range){0}, look, &l);
	for (uint16_t i = 0; i < WEB_BODIES; i++)
		if (l.bodies[i / 64] >> i % 64 & 1)
			json_array_append_new(orgs, web_body_json(server->bodies, i));
	json_object_set_new(asked->body, "before", json_pack("{s:o, s:o, s:I, s:o}", "first_ms", ms_json(l.first_ns, l.first_ns != 0), "last_ms",
							       ms_json(l.last_ns, l.last_ns != 0), "count_30d", (json_int_t)l.month, "orgs", orgs));
	web_answer_later(request);
	web_index_alert_rows(server->index, asked->view, asked->page.rows, asked->page.count, related_came, asked);
}

static void flows_came(void *context, json_t *flows)
{
	struct asked *asked = context;
	if (!flows) {
		asked_refuse(asked, 503, "redis_away");
		return;
	}
	json_decref(asked->body);
	asked->body = flows;
	answer(asked);
}

void web_op_alert_flows(struct web_request *request, struct web_server *server)
{
	struct asked *asked = find(request, server, FLOWS);
	if (!asked)
		return;
	const struct web_alert *a = web_index_alert(server->index, asked->at);
	struct flow_ends ends = ends_of(asked, a);
	web_answer_later(request);
	web_flows(server, asked->view, web_index_sensor(server->index, a->sensor), &ends, asked->limit, flows_came, asked);
}
