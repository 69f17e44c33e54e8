// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /overview, /bodies, /bodies/{code}: what is counted stands in summary.h.
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "range.h"
#include "redis.h"
#include "state.h"
#include "summary.h"

enum { TILES_FIRST = 10, KINDS_FIRST = 12, DAYS = 30, RATE_POINTS = 120 };
#define NS_PER_S INT64_C(1000000000)
#define DAY_NS (86400 * NS_PER_S)

static bool read_range(struct web_request *request, struct web_range *ret)
{
	const char *text = web_request_query(request, "range");
	if (web_range_parse(text && *text ? text : "24h", web_clock_ns(), ret))
		return true;
	web_answer_problem(request, 422, "bad_range");
	return false;
}

// A summary, or the request has been answered.
static struct web_summary *summary_of(struct web_request *request, struct web_server *server, struct web_range range, uint16_t only)
{
	if (!web_index_ready(server->index) || web_state_awaited(server->state)) { // half of the alerts would look like a calm night
		web_answer_retry(request, 1);
		web_answer_problem(request, 503, web_redis_up(server->redis) ? "starting" : "redis_away");
		return NULL;
	}
	struct web_summary *summary = web_summary_make(server, web_request_view(request), range, only);
	if (!summary)
		web_answer_problem(request, 503, "busy");
	return summary;
}

// ---- the first screen ----

static json_t *bars_json(const struct web_summary *s)
{
	json_t *values = json_array();
	for (uint32_t i = 0; i < s->bars_count; i++)
		json_array_append_new(values, json_integer(s->bars[i]));
	json_t *bars = json_pack("{s:I, s:I, s:o}", "start_ms", (json_int_t)(s->range.from_ns / 1000000), "step_ms",
				 (json_int_t)(s->bar_ns / 1000000), "values", values);
	int64_t since_ns = s->oldest_ns > s->range.from_ns - DAYS * DAY_NS ? s->oldest_ns : s->range.from_ns - DAYS * DAY_NS;
	bool known = s->range.from_ns - since_ns >= DAY_NS;
	double usual = known ? (double)s->before * (double)s->bar_ns / (double)(s->range.from_ns - since_ns) : 0;
	json_object_set_new(bars, "usual", known ? json_real(usual) : json_null());
	return bars;
}

static json_t *rate_json(const struct web_summary *s)
{
	static const int64_t steps_s[] = {1, 10, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 86400, 7 * 86400, 28 * 86400};
	struct web_whose whose = {.measure = s->server->measure, .view = s->view, .body = WEB_BODY_NONE};
	int64_t from_s = s->range.from_ns / NS_PER_S, to_s = s->range.to_ns / NS_PER_S;
	int64_t base_s = web_whose_base(&whose, from_s, to_s);
	unsigned i = 0;
	while (i + 1 < sizeof steps_s / sizeof *steps_s && (steps_s[i] < base_s || (to_s - from_s) / steps_s[i] >= RATE_POINTS))
		i++;
	int64_t told_s = web_measure_told_s(s->server->measure); // what has not been told yet is no silence
	if (told_s > from_s && told_s < to_s)
		to_s = told_s / base_s * base_s;
	return web_whose_rate(&whose, from_s, to_s, steps_s[i]);
}

static json_t *times_json(const struct web_summary *s)
{
	json_t *times = json_object();
	json_object_set_new(times, "acknowledge_s", s->acknowledge_s >= 0 ? json_real(s->acknowledge_s) : json_null());
	json_object_set_new(times, "archive_s", s->archive_s >= 0 ? json_real(s->archive_s) : json_null());
	return times;
}

struct waiting {
	struct web_request *request;
	json_t *body;
};

static void answer_overview(void *context, json_t *rows)
{
	struct waiting *w = context;
	json_object_set_new(w->body, "new_today", rows ? rows : json_array());
	web_answer(w->request, 200, w->body, 0);
	free(w);
}

void web_op_overview(struct web_request *request, struct web_server *server)
{
	struct web_range range;
	uint16_t order[WEB_BODIES];
	struct waiting *w = NULL;
	struct web_summary *s = read_range(request, &range) ? summary_of(request, server, range, WEB_BODY_NONE) : NULL;
	if (!s)
		return;
	w = calloc(1, sizeof *w);
	if (!w) {
		web_summary_free(s);
		web_answer_problem(request, 503, "busy");
		return;
	}
	uint32_t count = web_summary_order(s, order);
	json_t *tiles = json_array(), *body = json_object();
	for (uint32_t i = 0; i < count && i < TILES_FIRST; i++)
		json_array_append_new(tiles, web_tile_json(s, order[i]));
	json_object_set_new(body, "sensors", web_measure_strips(server->measure));
	json_object_set_new(body, "open", web_counts_json(s->open));
	json_object_set_new(body, "inbox", web_counts_json(s->inbox));
	json_object_set_new(body, "overdue", json_integer(s->overdue));
	json_object_set_new(body, "alerts", bars_json(s));
	json_object_set_new(body, "traffic", rate_json(s));
	json_object_set_new(body, "bodies", tiles);
	json_object_set_new(body, "kinds", web_kinds_json(s, KINDS_FIRST));
	json_object_set_new(body, "times", times_json(s));
	json_object_set_new(body, "shadow", json_integer(s->shadow));
	*w = (struct waiting){request, body};
	web_answer_later(request);
	web_index_alert_rows(server->index, s->view, s->new_today, s->new_count, answer_overview, w);
	web_summary_free(s);
}

// ---- the board ----

void web_op_bodies(struct web_request *request, struct web_server *server)
{
	struct web_range range;
	uint16_t order[WEB_BODIES];
	struct web_summary *s = read_range(request, &range) ? summary_of(request, server, range, WEB_BODY_NONE) : NULL;
	if (!s)
		return;
	uint32_t count = web_summary_order(s, order);
	json_t *tiles = json_array();
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(tiles, web_tile_json(s, order[i]));
	web_summary_free(s);
	bool blind = web_measure_blind(server->measure);
	web_answer(request, 200, json_pack("{s:o, s:I, s:b}", "rows", tiles, "total", (json_int_t)count, "blind", blind), 0);
}

// ---- one body ----

static void add_prefix(void *context, const char *zone, const char *prefix)
{
	json_array_append_new(context, json_pack("{s:s, s:s}", "zone", zone, "prefix", prefix));
}

struct days {
	const struct web_index *index;
	uint16_t body;
	int64_t first_ns;
	uint32_t count[DAYS][WEB_SEVERITIES];
};

static bool count_day(void *context, uint32_t at)
{
	struct days *d = context;
	const struct web_alert *a = web_index_alert(d->index, at);
	int64_t day = (a->first_ns - d->first_ns) / DAY_NS;
	if (a->body == d->body && a->first_ns >= d->first_ns && day < DAYS && web_index_class(d->index, at) == WEB_COUNTED)
		d->count[day][a->severity < WEB_SEVERITIES ? a->severity : WEB_SEV_INFO]++;
	return true;
}

static json_t *days_json(struct web_server *server, const struct web_view *view, uint16_t body)
{
	struct web_range today;
	struct days d = {.index = server->index, .body = body};
	int64_t now_ns = web_clock_ns();
	d.first_ns = (web_range_parse("today", now_ns, &today) ? today.from_ns : now_ns / DAY_NS * DAY_NS) - (DAYS - 1) * DAY_NS;
	web_index_each_alert(server->index, view, (struct web_range){d.first_ns, INT64_MAX}, count_day, &d);
	json_t *days = json_array();
	for (unsigned i = 0; i < DAYS; i++)
		json_array_append_new(days, json_pack("{s:I, s:o}", "day_ms", (json_int_t)((d.first_ns + i * DAY_NS) / 1000000), "counts",
						      web_counts_json(d.count[i])));
	return days;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

void web_op_body(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	const char *code = web_request_path(request, "code");
	uint16_t at = code ? web_body_find(server->bodies, code) : WEB_BODY_NONE;
	struct web_range range;
	if (at == WEB_BODY_NONE || !web_body_sees(server->bodies, view, at)) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	struct web_summary *s = read_range(request, &range) ? summary_of(request, server, range, at) : NULL;
	if (!s)
		return;
	const struct web_body *body = web_body_at(server->bodies, at);
	json_t *prefixes = json_array(), *children = json_array(), *answer = json_object();
	web_body_judge(s, at);
	web_body_prefixes(server->bodies, at, add_prefix, prefixes);
	for (uint32_t i = 0; i < web_bodies_count(server->bodies); i++)
		if (web_body_at(server->bodies, (uint16_t)i)->parent == at && web_body_sees(server->bodies, view, (uint16_t)i))
			json_array_append_new(children, web_body_json(server->bodies, (uint16_t)i));
	json_object_set_new(answer, "tile", web_tile_json(s, at));
	json_object_set_new(answer, "contact", text_or_null(body->contact));
	json_object_set_new(answer, "name_kana", text_or_null(body->name_kana));
	json_object_set_new(answer, "prefixes", prefixes);
	bool parent = body->parent != WEB_BODY_NONE && web_body_sees(server->bodies, view, body->parent);
	json_object_set_new(answer, "parent", parent ? web_body_json(server->bodies, body->parent) : json_null());
	json_object_set_new(answer, "children", children);
	json_object_set_new(answer, "days", days_json(server, view, at));
	json_object_set_new(answer, "kinds", web_kinds_json(s, KINDS_FIRST));
	web_summary_free(s);
	web_answer(request, 200, answer, 0);
}
