// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the API says of suppressions: the list with what each hides now, making and changing one, what one would have hidden, and all in
// force as the file that the sensor reads. Who sees a body sees what is suppressed for it or above it; who may change one sees all of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sodium.h>

#include "alert.h"
#include "bodies.h"
#include "config/address.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "loop.h"
#include "range.h"
#include "suppress.h"
#include "suppress_read.h"

enum { EXPIRING_DAYS = 7, PREVIEW_DAYS = 7, EXAMPLES = 5 };
#define DAY_NS (INT64_C(86400) * 1000000000)

// ---- one as JSON ----

static json_t *prefix_json(const struct web_server *server, const struct web_view *view, uint8_t af, const uint8_t address[16],
		uint8_t length)
{
	char text[YG_PREFIX_TEXT];
	struct yg_addr a;
	if (!af || web_body_masks(server->bodies, view, af, address))
		return json_null();
	memcpy(&a, address, sizeof a);
	return json_string(length == (af == 4 ? 32 : 128) ? yg_address_text(af, &a, text) : yg_prefix_text(af, &a, length, text));
}

static json_t *one_json(const struct web_server *server, const struct web_view *view, const struct web_suppression *s, uint64_t hits)
{
	int64_t now = web_clock_ns();
	bool on = web_suppress_in_force(s, now);
	json_t *o = json_object();
	json_object_set_new(o, "id", json_string(s->id));
	json_object_set_new(o, "kind", json_string(s->kind));
	json_object_set_new(o, "org", s->org[0] ? json_string(s->org) : json_null());
	json_object_set_new(o, "source", prefix_json(server, view, s->source_af, s->source, s->source_len));
	json_object_set_new(o, "target", prefix_json(server, view, s->target_af, s->target, s->target_len));
	json_object_set_new(o, "port", s->port ? json_integer(s->port) : json_null());
	json_object_set_new(o, "owner", json_string(s->owner));
	char *reason = web_mask_text(server->bodies, view, s->reason, true);
	json_object_set_new(o, "reason", json_string(reason ? reason : ""));
	free(reason);
	json_object_set_new(o, "created_ms", json_integer(s->created_ns / 1000000));
	json_object_set_new(o, "expires_ms", json_integer(s->expires_ns / 1000000));
	json_object_set_new(o, "ended_ms", s->ended_ns ? json_integer(s->ended_ns / 1000000) : json_null());
	json_object_set_new(o, "ended_by", s->ended_by[0] ? json_string(s->ended_by) : json_null());
	json_object_set_new(o, "on", json_boolean(on));
	json_object_set_new(o, "expiring", json_boolean(on && s->expires_ns - now < EXPIRING_DAYS * DAY_NS));
	json_object_set_new(o, "hits", json_integer((json_int_t)hits));
	json_object_set_new(o, "version", json_integer(s->version));
	return o;
}

// Whether nothing of what it hides is beyond the view.
static bool may_change(const struct web_server *server, const struct web_view *view, const struct web_suppression *s)
{
	for (uint32_t i = 0; !view->scope.all && i < web_bodies_count(server->bodies); i++)
		if (web_suppress_below(server->bodies, (uint16_t)i, s->body) && !web_body_sees(server->bodies, view, (uint16_t)i))
			return false;
	return view->scope.all || (s->body != WEB_BODY_NONE && web_body_sees(server->bodies, view, s->body));
}

// ---- the list ----

struct hits {
	const struct web_server *server;
	uint32_t of[WEB_SUPPRESSIONS_KEPT + 1];
};

static bool count_hit(void *context, uint32_t alert)
{
	struct hits *hits = context;
	if (web_index_class(hits->server->index, alert) == WEB_SUPPRESSED) {
		uint16_t number = web_index_alert(hits->server->index, alert)->suppressed;
		if (number <= WEB_SUPPRESSIONS_KEPT)
			hits->of[number]++;
	}
	return true;
}

static struct hits *count_hits(const struct web_server *server, const struct web_view *view)
{
	struct hits *hits = calloc(1, sizeof *hits);
	if (hits) {
		hits->server = server;
		web_index_each_alert(server->index, view, (struct web_range){0}, count_hit, hits);
	}
	return hits;
}

void web_op_suppressions(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	struct hits *hits = count_hits(server, view);
	json_t *rows = json_array();
	json_int_t on = 0, hidden = 0; // those for all bodies: that they hide something of his he is told, not by whom, why and of whom else
	for (uint32_t n = 1; hits && n <= web_suppress_count(server->suppress); n++) {
		const struct web_suppression *s = web_suppress_at(server->suppress, (uint16_t)n);
		if (s && web_suppression_seen(server->bodies, view, s)) {
			json_array_append_new(rows, one_json(server, view, s, hits->of[n]));
		} else if (s && !s->org[0] && web_suppress_in_force(s, web_clock_ns())) {
			on++;
			hidden += hits->of[n];
		}
	}
	free(hits);
	web_answer(request, 200, json_pack("{s:o, s:{s:I, s:I}}", "rows", rows, "for_all", "on", on, "hits", hidden), 0);
}

// ---- what one would have hidden ----

struct preview {
	struct web_server *server;
	struct web_request *request;
	const struct web_suppression *s;
	uint32_t *hidden;         // alerts of each group that it would hide
	uint32_t alerts, pages, groups;
	int worst;
	uint32_t examples[EXAMPLES], examples_count;
};

static bool fits(const struct preview *p, const struct web_alert *alert)
{
	return web_suppression_fits(p->server->bodies, p->s, alert, web_index_string(p->server->index, alert->kind));
}

static bool look(void *context, uint32_t at)
{
	struct preview *p = context;
	const struct web_index *index = p->server->index;
	const struct web_alert *alert = web_index_alert(index, at);
	if (web_index_class(index, at) != WEB_COUNTED || !fits(p, alert))
		return true;
	p->alerts++;
	p->pages += alert->mode == WEB_MODE_PAGE;
	p->hidden[alert->group]++;
	if (alert->severity > p->worst)
		p->worst = alert->severity;
	// the newest: rows are by arrival
	p->examples[(p->alerts - 1) % EXAMPLES] = at;
	if (p->examples_count < EXAMPLES)
		p->examples_count++;
	return true;
}

// Whether nothing that counts is left of the group, in whatever time: then it leaves the inbox.
static bool is_hidden_whole(const struct preview *p, uint32_t group)
{
	const struct web_index *index = p->server->index;
	for (uint32_t i = web_index_group(index, group)->first; i != WEB_NOWHERE; i = web_index_alert(index, i)->next)
		if (web_index_class(index, i) == WEB_COUNTED && !fits(p, web_index_alert(index, i)))
			return false;
	return true;
}

static void answer_preview(void *context, json_t *rows)
{
	struct preview *p = context;
	json_t *body = json_object();
	json_object_set_new(body, "alerts", json_integer(p->alerts));
	json_object_set_new(body, "groups", json_integer(p->groups));
	json_object_set_new(body, "pages", json_integer(p->pages));
	json_object_set_new(body, "worst", p->worst < 0 ? json_null() : json_string(web_severity_name((unsigned)p->worst)));
	json_object_set_new(body, "examples", rows ? rows : json_array());
	web_answer(p->request, 200, body, 0);
	free(p);
}

void web_op_suppression_preview(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	struct web_suppression s;
	const char *problem = web_suppression_read_scope(server, view, web_request_body(request), &s);
	if (problem) {
		web_answer_problem(request, 422, problem);
		return;
	}
	uint32_t groups = web_index_groups_count(server->index);
	struct preview *p = calloc(1, sizeof *p);
	uint32_t *hidden = calloc(groups + 1, sizeof *hidden);
	if (!p || !hidden) {
		free(p);
		free(hidden);
		web_answer_problem(request, 503, "busy");
		return;
	}
	*p = (struct preview){.server = server, .request = request, .s = &s, .hidden = hidden, .worst = -1};
	web_index_each_alert(server->index, view, (struct web_range){web_clock_ns() - PREVIEW_DAYS * DAY_NS, INT64_MAX}, look, p);
	for (uint32_t i = 0; i < groups; i++)
		p->groups += hidden[i] && is_hidden_whole(p, i);
	free(hidden);
	p->hidden = NULL;
	p->s = NULL;
	web_answer_later(request);
	web_index_alert_rows(server->index, view, p->examples, p->examples_count, answer_preview, p);
}

// ---- making and changing ----

struct change {
	struct web_server *server;
	struct web_request *request;
	struct web_suppression s;
};

static void answer_one(struct web_server *server, struct web_request *request, unsigned status, const struct web_suppression *s)
{
	const struct web_view *view = web_request_view(request);
	struct hits *hits = count_hits(server, view);
	uint16_t number = web_suppress_find(server->suppress, s->id);
	web_answer(request, status, one_json(server, view, s, hits ? hits->of[number] : 0), s->version);
	free(hits);
}

static void answer_conflict(struct web_server *server, struct web_request *request, const struct web_suppression *now)
{
	json_t *problem = web_problem(409, "conflict");
	if (now)
		json_object_set_new(problem, "current", one_json(server, web_request_view(request), now, 0));
	web_answer(request, 409, problem, 0);
}

static void changed(void *context, enum web_suppress_result result)
{
	struct change *c = context;
	const struct web_suppression *now = web_suppress_at(c->server->suppress, web_suppress_find(c->server->suppress, c->s.id));
	switch (result) {
	case WEB_SUPPRESS_DONE:
		answer_one(c->server, c->request, c->s.version == 1 ? 201 : 200, &c->s);
		break;
	case WEB_SUPPRESS_CONFLICT:
		answer_conflict(c->server, c->request, now);
		break;
	case WEB_SUPPRESS_FULL:
		web_answer_problem(c->request, 422, "suppressions_full");
		break;
	case WEB_SUPPRESS_BUSY:
		web_answer_problem(c->request, 503, "busy");
		break;
	case WEB_SUPPRESS_UNKNOWN:
		web_answer_problem(c->request, 503, "unknown_outcome");
		break;
	default:
		web_answer_problem(c->request, 503, "read_only");
	}
	free(c);
}

static void write_it(struct web_request *request, struct web_server *server, const struct web_suppression *s, const char *what)
{
	struct change *c = malloc(sizeof *c);
	if (!c) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	*c = (struct change){server, request, *s};
	web_request_audit(request, "%s %s: kind %s, org %s, version %u: %s", what, s->id, s->kind, s->org[0] ? s->org : "*", s->version,
			s->reason);
	web_answer_later(request);
	web_suppress_write(server->suppress, s, changed, c);
}

// web-20261122-3f9a2c81: a name of the sensor's configuration, which tells a person where it is from and of when.
static void make_id(int64_t now_ns, char ret[32])
{
	time_t now = (time_t)(now_ns / 1000000000);
	struct tm tm;
	unsigned char bytes[4];
	char day[16], hex[9];
	localtime_r(&now, &tm);
	strftime(day, sizeof day, "%Y%m%d", &tm);
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
	snprintf(ret, 32, "web-%s-%s", day, hex);
}

void web_op_suppression_create(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	const json_t *body = web_request_body(request);
	struct web_suppression s;
	int64_t now = web_clock_ns();
	const char *problem = web_suppression_read_scope(server, view, body, &s);
	if (!problem)
		problem = web_suppression_read_reason(body, &s);
	if (!problem)
		problem = web_suppression_read_expiry(body, now, &s);
	if (problem) {
		web_answer_problem(request, 422, problem);
		return;
	}
	make_id(now, s.id);
	snprintf(s.owner, sizeof s.owner, "%s", view->user->name);
	s.created_ns = now;
	s.version = 1;
	write_it(request, server, &s, "made");
}

void web_op_suppression_change(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	const json_t *body = web_request_body(request), *version = json_object_get(body, "version"), *on = json_object_get(body, "on");
	const struct web_suppression *now = web_suppress_at(server->suppress, web_suppress_find(server->suppress,
			web_request_path(request, "id")));
	const char *problem = NULL;
	if (!now || !web_suppression_seen(server->bodies, view, now)) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	if (!may_change(server, view, now)) {
		web_answer_problem(request, 422, "org_beyond_scope");
		return;
	}
	if (!json_is_integer(version) || (on && !json_is_false(on)))
		problem = "bad_value";
	else if (json_integer_value(version) != now->version) {
		answer_conflict(server, request, now);
		return;
	} else if (!web_suppress_in_force(now, web_clock_ns())) {
		problem = "suppression_ended"; // it is history: make another one
	}
	struct web_suppression s = *now;
	if (!problem && json_object_get(body, "reason"))
		problem = web_suppression_read_reason(body, &s);
	if (!problem && json_object_get(body, "expires_ms"))
		problem = web_suppression_read_expiry(body, web_clock_ns(), &s);
	if (problem) {
		web_answer_problem(request, 422, problem);
		return;
	}
	if (on) {
		s.ended_ns = web_clock_ns();
		snprintf(s.ended_by, sizeof s.ended_by, "%s", view->user->name);
	}
	s.version++;
	write_it(request, server, &s, on ? "ended" : "changed");
}

// ---- as the sensor reads it ----

static void print_quoted(FILE *out, const char *key, const char *text)
{
	json_t *value = json_string(text); // JSON's strings are YAML's double-quoted ones
	char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	fprintf(out, "  %s: %s\n", key, quoted ? quoted : "\"?\"");
	free(quoted);
	json_decref(value);
}

static void print_time(FILE *out, const char *key, int64_t at_ns)
{
	time_t at = (time_t)(at_ns / 1000000000);
	struct tm tm;
	char text[32];
	localtime_r(&at, &tm); // TZ is sensor.timezone
	strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
	print_quoted(out, key, text);
}

static void print_prefix(FILE *out, const char *key, uint8_t af, const uint8_t address[16], uint8_t length)
{
	char text[YG_PREFIX_TEXT];
	struct yg_addr a;
	memcpy(&a, address, sizeof a);
	if (af)
		print_quoted(out, key, yg_prefix_text(af, &a, length, text));
}

static void print_one(FILE *out, const struct web_suppression *s)
{
	// The sensor takes 90 days from since to expires; a minute is its finest, so the earliest `since` is a little later than that.
	int64_t since = s->expires_ns - WEB_SUPPRESSION_DAYS * DAY_NS + INT64_C(7200) * 1000000000;
	fprintf(out, "- id: %s\n", s->id);
	if (strcmp(s->kind, "*") != 0)
		print_quoted(out, "kind", s->kind);
	if (s->org[0])
		print_quoted(out, "org", s->org);
	print_prefix(out, "source", s->source_af, s->source, s->source_len);
	print_prefix(out, "target", s->target_af, s->target, s->target_len);
	if (s->port)
		fprintf(out, "  port: %u\n", s->port);
	print_quoted(out, "owner", s->owner);
	print_quoted(out, "reason", s->reason);
	print_time(out, "since", s->created_ns > since ? s->created_ns : since);
	print_time(out, "expires", s->expires_ns);
}

void web_op_suppressions_export(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	char *text = NULL;
	size_t size = 0;
	unsigned count = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	fprintf(out, "# ダッシュボードで作成した抑止（書き出した時点で有効なもの）。\n"
		     "# センサーの設定 suppressions に、このファイルを追加してください。\n"
		     "# Suppressions made on the dashboard, those in force. Name this file under `suppressions` of the sensor's configuration.\n");
	for (uint32_t n = 1; n <= web_suppress_count(server->suppress); n++) {
		const struct web_suppression *s = web_suppress_at(server->suppress, (uint16_t)n);
		if (!s || !web_suppress_in_force(s, web_clock_ns()) || !web_suppression_seen(server->bodies, view, s))
			continue;
		if (s->org[0] && (s->body == WEB_BODY_NONE || !web_body_at(server->bodies, s->body)->declared)) {
			fprintf(out, "# %s: 団体が設定にないため除外 / left out: its body is not in the configuration\n", s->id);
			continue;
		}
		print_one(out, s);
		count++;
	}
	bool good = fclose(out) == 0;
	web_request_audit(request, "%u suppressions as YAML", count);
	if (good)
		web_answer_text(request, 200, "application/yaml; charset=utf-8", text, size, "suppressions.yaml");
	else
		web_answer_problem(request, 503, "busy");
	free(text);
}
