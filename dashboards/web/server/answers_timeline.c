// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /timeline: what happened when, as lanes of spans. A lane is a victim (an address or prefix), or the body where no victim is named or
// the view may not read it; worst first. Attacks, campaigns, and whatever is of medium severity or above; the sensor's own alerts have
// their page.
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "range.h"
#include "redis.h"
#include "server.h"
#include "state.h"

enum { LANES_MAX = 200, SPANS_MAX = 2000, LANE_SPANS_MAX = 100, TEXTS_MAX = 400, FOUND_MAX = 20000 };

struct span {
	uint32_t alert;
	int64_t first_ns;
	uint16_t body;
	uint8_t af, length, severity, masked;
	uint8_t target[16];
};

struct lane {
	uint32_t first, count;    // spans
	uint32_t weight[WEB_SEVERITIES];
	int64_t last_ns;
};

struct drawing {
	struct web_request *request;
	struct web_server *server;
	const struct web_view *view;
	struct web_range range;
	struct span *span;
	struct lane *lane;
	uint32_t spans, lanes, cut;
	json_t *body, **shown;    // shown: of each alert whose text is asked for
	uint32_t text[TEXTS_MAX], texts;
};

static void drawing_free(struct drawing *d)
{
	free(d->span);
	free(d->lane);
	free(d->shown);
	json_decref(d->body);
	free(d);
}

// ---- which ----

static bool find(void *context, uint32_t at)
{
	struct drawing *d = context;
	const struct web_index *index = d->server->index;
	const struct web_alert *a = web_index_alert(index, at);
	const char *kind = web_index_string(index, a->kind);
	bool attack = strncmp(kind, "dos.", 4) == 0 || strncmp(kind, "link.", 5) == 0 || strncmp(kind, "org.", 4) == 0;
	if (web_index_class(index, at) != WEB_COUNTED || strncmp(kind, "sensor.", 7) == 0 || (!attack && a->severity < WEB_SEV_MEDIUM))
		return true;
	if (d->spans == FOUND_MAX) {
		d->cut++;
		return true;
	}
	struct span *s = &d->span[d->spans++];
	*s = (struct span){.alert = at, .first_ns = a->first_ns, .body = a->body, .severity = a->severity < WEB_SEVERITIES ? a->severity : 0};
	s->masked = a->af && web_body_masks(d->server->bodies, d->view, a->af, a->target);
	if (a->af && !s->masked) {
		s->af = a->af;
		s->length = a->target_len;
		memcpy(s->target, a->target, sizeof s->target);
	}
	return true;
}

static int by_lane(const struct span *x, const struct span *y)
{
	if (x->body != y->body)
		return x->body < y->body ? -1 : 1;
	if (x->af != y->af || x->length != y->length)
		return x->af != y->af ? (int)x->af - y->af : (int)x->length - y->length;
	return memcmp(x->target, y->target, sizeof x->target);
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = by_lane(x, y);
	if (order)
		return order;
	if (x->severity != y->severity) // when not all have room, the worst and newest do
		return (int)y->severity - x->severity;
	return x->first_ns != y->first_ns ? (x->first_ns < y->first_ns) - (x->first_ns > y->first_ns) : 0;
}

static int compare_lanes(const void *a, const void *b)
{
	const struct lane *x = a, *y = b;
	for (int s = WEB_SEVERITIES - 1; s >= 0; s--)
		if (x->weight[s] != y->weight[s])
			return x->weight[s] < y->weight[s] ? 1 : -1;
	return (x->last_ns < y->last_ns) - (x->last_ns > y->last_ns);
}

static void lay_out(struct drawing *d)
{
	qsort(d->span, d->spans, sizeof *d->span, compare_spans);
	for (uint32_t i = 0; i < d->spans; i++) {
		if (i == 0 || by_lane(&d->span[i - 1], &d->span[i]) != 0)
			d->lane[d->lanes++] = (struct lane){.first = i};
		struct lane *lane = &d->lane[d->lanes - 1];
		lane->count++;
		lane->weight[d->span[i].severity]++;
		lane->last_ns = d->span[i].first_ns > lane->last_ns ? d->span[i].first_ns : lane->last_ns;
	}
	qsort(d->lane, d->lanes, sizeof *d->lane, compare_lanes);
}

// ---- as JSON ----

static json_t *span_json(const struct drawing *d, const struct span *s)
{
	const struct web_index *index = d->server->index;
	const struct web_alert *a = web_index_alert(index, s->alert);
	const char *kind = web_index_string(index, a->kind);
	char id[96], group[17], campaign[17];
	web_alert_text(index, s->alert, id);
	web_group_text(&d->server->shown, web_index_group_id(index, a->group), group);
	web_id_text(a->campaign, campaign);
	bool open = a->state == WEB_ALERT_OPEN;
	json_t *span = json_pack("{s:s, s:s, s:I, s:I, s:b, s:s, s:s, s:s, s:s}", "alert", id, "group", group, "from_ms",
				 (json_int_t)(a->first_ns / 1000000), "to_ms", (json_int_t)(a->last_ns / 1000000), "open", open, "severity",
				 web_severity_name(s->severity), "kind", kind, "kind_ja", web_kind_ja(kind), "kind_en", web_kind_en(kind));
	json_object_set_new(span, "campaign", a->campaign ? json_string(campaign) : json_null());
	return span;
}

static json_t *lane_json(struct drawing *d, const struct lane *lane, uint32_t room)
{
	const struct span *first = &d->span[lane->first];
	json_t *spans = json_array();
	uint32_t most = lane->count < LANE_SPANS_MAX ? lane->count : LANE_SPANS_MAX;
	most = most < room ? most : room;
	d->cut += lane->count - most;
	for (uint32_t i = 0; i < most; i++) {
		json_t *span = span_json(d, &first[i]);
		if (d->texts < TEXTS_MAX) {
			d->shown[d->texts] = span;
			d->text[d->texts++] = first[i].alert;
		}
		json_array_append_new(spans, span);
	}
	json_t *end = web_end_json(d->server->bodies, d->view, first->af, first->target, first->length, 0);
	if (first->masked) {
		json_object_set_new(end, "masked", json_true());
		json_object_set_new(end, "org", web_body_json(d->server->bodies, first->body));
	}
	return json_pack("{s:o, s:o, s:o}", "target", end, "org", web_body_json(d->server->bodies, first->body), "spans", spans);
}

// The sentences stand in Redis; without them the lanes are shown all the same.
static void put_texts(void *context, json_t *rows)
{
	struct drawing *d = context;
	for (size_t i = 0, at = 0; rows && i < json_array_size(rows); i++, at++) {
		const json_t *row = json_array_get(rows, i);
		const char *id = json_string_value(json_object_get(row, "id"));
		while (at < d->texts && id && strcmp(id, json_string_value(json_object_get(d->shown[at], "alert"))) != 0)
			at++; // gone from the index meanwhile
		if (at == d->texts)
			break;
		json_object_set(d->shown[at], "text_ja", json_object_get(row, "text_ja"));
		json_object_set(d->shown[at], "text_en", json_object_get(row, "text_en"));
	}
	json_decref(rows);
	web_answer(d->request, 200, d->body, 0);
	d->body = NULL;
	drawing_free(d);
}

static struct drawing *drawing_of(struct web_request *request, struct web_server *server)
{
	struct drawing *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->request = request;
	d->server = server;
	d->view = web_request_view(request);
	d->span = calloc(FOUND_MAX, sizeof *d->span);
	d->lane = calloc(FOUND_MAX, sizeof *d->lane);
	d->shown = calloc(TEXTS_MAX, sizeof(json_t *));
	if (d->span && d->lane && d->shown)
		return d;
	drawing_free(d);
	return NULL;
}

void web_op_timeline(struct web_request *request, struct web_server *server)
{
	const char *text = web_request_query(request, "range");
	int64_t now_ns = web_clock_ns();
	struct web_range range;
	if (!web_range_parse(text && *text ? text : "24h", now_ns, &range)) {
		web_answer_problem(request, 422, "bad_range");
		return;
	}
	if (!web_index_ready(server->index) || web_state_awaited(server->state)) {
		web_answer_retry(request, 1);
		web_answer_problem(request, 503, web_redis_up(server->redis) ? "starting" : "redis_away");
		return;
	}
	struct drawing *d = drawing_of(request, server);
	if (!d) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	web_index_each_alert(server->index, d->view, range, find, d);
	lay_out(d);
	json_t *lanes = json_array();
	uint32_t room = SPANS_MAX, shown = 0;
	for (; shown < d->lanes && shown < LANES_MAX && room; shown++) {
		json_t *lane = lane_json(d, &d->lane[shown], room);
		room -= (uint32_t)json_array_size(json_object_get(lane, "spans"));
		json_array_append_new(lanes, lane);
	}
	for (; shown < d->lanes; shown++)
		d->cut += d->lane[shown].count;
	d->range = web_range_axis(range, now_ns - INT64_C(30) * 86400 * 1000000000, now_ns);
	d->body = json_pack("{s:I, s:I, s:o, s:I}", "from_ms", (json_int_t)(d->range.from_ns / 1000000), "to_ms",
			    (json_int_t)(d->range.to_ns / 1000000), "lanes", lanes, "cut", (json_int_t)d->cut);
	web_answer_later(request);
	web_index_alert_rows(server->index, d->view, d->text, d->texts, put_texts, d);
}
