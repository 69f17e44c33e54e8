// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /timeseries and /top. Without `org` or `sensor`: everything, for who sees all; else the sum of the bodies that the caller sees. What
// a sensor counts as a whole is for who sees all alone; to others there is no such thing (404).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "http.h"
#include "index.h"
#include "measure_parts.h"
#include "range.h"

enum { POINTS_MAX = 2000, ROWS_FIRST = 20, ROWS_MAX = 500, YEAR_DAYS = 400 };
#define NS_PER_S INT64_C(1000000000)

enum metric { BITS, PACKETS, FLOWS, ALERTS, LOST, METRICS };
static const struct { const char *name, *unit; enum web_traffic in, out; bool pair, per_second; } metrics[METRICS] = {
	[BITS] = {"bits", "bit/s", WEB_BYTES_IN, WEB_BYTES_OUT, true, true},
	[PACKETS] = {"packets", "packets/s", WEB_PACKETS_IN, WEB_PACKETS_OUT, true, true},
	[FLOWS] = {"flows", "flows/s", WEB_FLOWS, WEB_FLOWS, false, true},
	[ALERTS] = {"alerts", "alerts", WEB_OPENED, WEB_OPENED, false, false},
	[LOST] = {"lost", "frames", WEB_LOST, WEB_LOST, false, false},
};

struct asked {
	struct web_whose whose;
	struct web_server *server;
	enum metric metric;
	uint16_t org;             // of alerts
	int64_t from_s, to_s, step_s, base_s;
};

// ---- what is asked ----

static const char *read_whose(struct web_request *request, struct web_server *server, struct asked *ret)
{
	const char *org = web_request_query(request, "org"), *sensor = web_request_query(request, "sensor");
	const struct web_view *view = web_request_view(request);
	ret->server = server;
	ret->whose = (struct web_whose){.measure = server->measure, .view = view, .body = WEB_BODY_NONE};
	if (org && *org) {
		ret->whose.body = web_body_find(server->bodies, org);
		if (ret->whose.body == WEB_BODY_NONE || !web_body_sees(server->bodies, view, ret->whose.body) || (sensor && *sensor))
			return "not_found";
	} else if (sensor && *sensor) {
		ret->whose.sensor = view->scope.all ? web_sensor_find(server->measure, sensor) : NULL;
		if (!ret->whose.sensor)
			return "not_found";
	}
	return NULL;
}

static bool read_range(struct web_request *request, const char *otherwise, struct web_range *ret)
{
	const char *text = web_request_query(request, "range");
	int64_t now_ns = web_clock_ns();
	if (!web_range_parse(text && *text ? text : otherwise, now_ns, ret))
		return false;
	*ret = web_range_axis(*ret, now_ns - 30 * 86400 * NS_PER_S, now_ns);
	if (ret->to_ns > now_ns)
		ret->to_ns = now_ns;
	return ret->from_ns < ret->to_ns && ret->to_ns - ret->from_ns <= YEAR_DAYS * 86400 * NS_PER_S;
}

// The smallest step of round length that keeps within the points, of what is known that far back.
static void choose_step(struct asked *asked)
{
	static const int64_t steps_s[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
	asked->base_s = asked->metric == ALERTS ? 60 : web_whose_base(&asked->whose, asked->from_s, asked->to_s);
	unsigned i = 0;
	while (i + 1 < sizeof steps_s / sizeof *steps_s &&
	       (steps_s[i] % asked->base_s || (asked->to_s - asked->from_s) / steps_s[i] + 2 > POINTS_MAX))
		i++;
	asked->step_s = steps_s[i];
	asked->from_s = asked->from_s / asked->step_s * asked->step_s;
}

// ---- values ----

static uint32_t points_of(const struct asked *asked)
{
	return (uint32_t)((asked->to_s - asked->from_s + asked->step_s - 1) / asked->step_s);
}

static json_t *number(double value)
{
	return value < 9e15 ? json_integer((json_int_t)llround(value)) : json_real(value);
}

// Of one step the sums of its known parts; seconds known, 0: nothing is.
static uint64_t add_up(const struct asked *asked, int64_t at_s, struct web_values *ret)
{
	uint64_t seconds = 0;
	memset(ret, 0, sizeof *ret);
	for (int64_t part = at_s; part < at_s + asked->step_s; part += asked->base_s) {
		struct web_values v;
		if (!web_whose_at(&asked->whose, asked->base_s, part / asked->base_s, &v))
			continue;
		seconds += asked->base_s == 300 ? (uint64_t)v.told * 60 : (uint64_t)asked->base_s;
		for (unsigned i = 0; i < WEB_TRAFFIC_VALUES; i++)
			ret->v[i] += v.v[i];
	}
	return seconds;
}

// Packets and flows of bodies are known for a week; before, only their bytes are.
static bool is_known(const struct asked *asked, int64_t at_s)
{
	bool bodies = asked->whose.body != WEB_BODY_NONE || (!asked->whose.sensor && !asked->whose.view->scope.all);
	return asked->metric == BITS || !bodies || asked->base_s < 3600 ||
	       at_s / 3600 > web_clock_ns() / NS_PER_S / 3600 - WEB_BODY_HOURS;
}

static void traffic(const struct asked *asked, json_t *in, json_t *out)
{
	for (int64_t at_s = asked->from_s; at_s < asked->to_s; at_s += asked->step_s) {
		struct web_values v;
		uint64_t seconds = is_known(asked, at_s) ? add_up(asked, at_s, &v) : 0;
		double factor = !seconds ? 0 : !metrics[asked->metric].per_second ? 1 : (asked->metric == BITS ? 8.0 : 1.0) / (double)seconds;
		json_array_append_new(in, seconds ? number((double)v.v[metrics[asked->metric].in] * factor) : json_null());
		json_array_append_new(out, seconds ? number((double)v.v[metrics[asked->metric].out] * factor) : json_null());
	}
}

struct counting {
	const struct asked *asked;
	uint32_t *count, points;
};

static bool count_alert(void *context, uint32_t at)
{
	const struct counting *c = context;
	const struct web_index *index = c->asked->server->index;
	const struct web_alert *a = web_index_alert(index, at);
	int64_t point = (a->first_ns / NS_PER_S - c->asked->from_s) / c->asked->step_s;
	if (a->first_ns / NS_PER_S < c->asked->from_s || point >= c->points || web_index_class(index, at) != WEB_COUNTED)
		return true;
	if (c->asked->whose.body != WEB_BODY_NONE && a->body != c->asked->whose.body)
		return true;
	if (c->asked->whose.sensor && strcmp(web_index_sensor(index, a->sensor), c->asked->whose.sensor->name) != 0)
		return true;
	c->count[point]++;
	return true;
}

// Not what the sensors count: these are within the view, and without what is suppressed.
static void alerts(const struct asked *asked, json_t *values)
{
	struct counting c = {asked, calloc(POINTS_MAX + 1, sizeof *c.count), points_of(asked)};
	if (c.count)
		web_index_each_alert(asked->server->index, asked->whose.view, (struct web_range){asked->from_s * NS_PER_S, INT64_MAX}, count_alert, &c);
	for (uint32_t i = 0; i < c.points; i++)
		json_array_append_new(values, c.count ? json_integer(c.count[i]) : json_null());
	free(c.count);
}

struct two_hours {
	int64_t first; // and the one after it
	bool known[2];
	struct web_habit habit[2];
};

// A habit is the mean of an hour, so it holds at the middle of the hour; between two middles it goes straight from one to the other. As
// steps it would have traffic that only rises through a morning leave the band at every full hour.
static bool usual_at(const struct asked *asked, int64_t at_s, struct two_hours *hours, double *ret_low, double *ret_high)
{
	int64_t first = (at_s - 1800) / 3600;
	double part = (double)(at_s - 1800 - first * 3600) / 3600;
	if (first != hours->first) {
		for (unsigned i = 0; i < 2; i++)
			hours->known[i] = web_whose_habit(&asked->whose, first + i, &hours->habit[i]);
		hours->first = first;
	}
	if (!hours->known[0] && !hours->known[1])
		return false;
	if (!hours->known[0] || !hours->known[1]) {
		unsigned of = hours->known[1];
		hours->habit[!of] = hours->habit[of];
	}
	*ret_low = hours->habit[0].low[0] * (1 - part) + hours->habit[1].low[0] * part;
	*ret_high = hours->habit[0].high[0] * (1 - part) + hours->habit[1].high[0] * part;
	return true;
}

// The band of what is usual, of the first line.
static void usual(const struct asked *asked, json_t *series)
{
	json_t *low = json_array(), *high = json_array();
	struct two_hours hours = {.first = INT64_MIN};
	bool any = false;
	for (int64_t at_s = asked->from_s; asked->metric == BITS && at_s < asked->to_s; at_s += asked->step_s) {
		double l, h;
		bool known = usual_at(asked, at_s + asked->step_s / 2, &hours, &l, &h);
		any = any || known;
		json_array_append_new(low, known ? number(l) : json_null());
		json_array_append_new(high, known ? number(h) : json_null());
	}
	json_object_set_new(series, "usual_low", any ? low : json_null());
	json_object_set_new(series, "usual_high", any ? high : json_null());
	if (!any) {
		json_decref(low);
		json_decref(high);
	}
}

void web_op_timeseries(struct web_request *request, struct web_server *server)
{
	struct asked asked = {0};
	struct web_range range;
	const char *name = web_request_query(request, "metric"), *problem = read_whose(request, server, &asked);
	while (asked.metric < METRICS && (!name || strcmp(name, metrics[asked.metric].name) != 0))
		asked.metric++;
	if (asked.metric == METRICS || !read_range(request, "1h", &range)) {
		web_answer_problem(request, 422, asked.metric == METRICS ? "bad_parameter" : "bad_range");
		return;
	}
	bool whole = asked.whose.body == WEB_BODY_NONE && web_request_view(request)->scope.all;
	if (problem || (asked.metric == LOST && !whole)) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	asked.from_s = range.from_ns / NS_PER_S;
	asked.to_s = range.to_ns / NS_PER_S;
	choose_step(&asked);
	json_t *in = json_array(), *out = json_array(), *lines = json_array(), *series = json_object();
	if (asked.metric == ALERTS)
		alerts(&asked, in);
	else
		traffic(&asked, in, out);
	json_array_append_new(lines, json_pack("{s:s, s:O}", "name", metrics[asked.metric].pair ? "in" : "value", "values", in));
	if (metrics[asked.metric].pair)
		json_array_append_new(lines, json_pack("{s:s, s:O}", "name", "out", "values", out));
	json_decref(in);
	json_decref(out);
	json_object_set_new(series, "metric", json_string(metrics[asked.metric].name));
	json_object_set_new(series, "unit", json_string(metrics[asked.metric].unit));
	json_object_set_new(series, "start_ms", json_integer(asked.from_s * 1000));
	json_object_set_new(series, "step_ms", json_integer(asked.step_s * 1000));
	json_object_set_new(series, "lines", lines);
	usual(&asked, series);
	web_answer(request, 200, series, 0);
}

// ---- the heaviest ----

struct sum {
	uint64_t v[WEB_TRAFFIC_VALUES];
	const char *name;
	uint16_t body;
};

static int heavier(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;
	uint64_t wx = x->v[WEB_BYTES_IN] + x->v[WEB_BYTES_OUT], wy = y->v[WEB_BYTES_IN] + y->v[WEB_BYTES_OUT];
	return wx != wy ? (wx < wy) - (wx > wy) : strcmp(x->name, y->name);
}

static void sum_range(struct asked *asked, struct sum *ret)
{
	asked->base_s = web_whose_base(&asked->whose, asked->from_s, asked->to_s);
	for (int64_t at_s = asked->from_s / asked->base_s * asked->base_s; at_s < asked->to_s; at_s += asked->base_s) {
		struct web_values v;
		if (web_whose_at(&asked->whose, asked->base_s, at_s / asked->base_s, &v))
			for (unsigned i = 0; i < WEB_TRAFFIC_VALUES; i++)
				ret->v[i] += v.v[i];
	}
}

static json_t *sums_json(const struct web_server *server, struct sum *sums, uint32_t count, uint32_t limit)
{
	json_t *rows = json_array();
	double all = 0;
	for (uint32_t i = 0; i < count; i++)
		all += (double)(sums[i].v[WEB_BYTES_IN] + sums[i].v[WEB_BYTES_OUT]);
	qsort(sums, count, sizeof *sums, heavier);
	for (uint32_t i = 0; i < count && i < limit; i++) {
		const uint64_t *v = sums[i].v;
		double bytes = (double)(v[WEB_BYTES_IN] + v[WEB_BYTES_OUT]);
		json_t *row = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "name", sums[i].name, "bytes", (json_int_t)bytes, "bytes_in",
					(json_int_t)v[WEB_BYTES_IN], "bytes_out", (json_int_t)v[WEB_BYTES_OUT], "packets",
					(json_int_t)(v[WEB_PACKETS_IN] + v[WEB_PACKETS_OUT]), "flows", (json_int_t)v[WEB_FLOWS], "share",
					all > 0 ? bytes / all : 0.0);
		json_object_set_new(row, "org", web_body_json(server->bodies, sums[i].body));
		json_object_set_new(row, "inside", json_true());
		json_array_append_new(rows, row);
	}
	return rows;
}

// By the metrics, which are exact and need no flow records.
static json_t *top_bodies(struct asked *asked, uint32_t limit)
{
	struct sum *sums = calloc(WEB_BODIES, sizeof *sums);
	uint32_t count = 0;
	for (uint16_t b = 0; sums && b < web_bodies_count(asked->server->bodies); b++) {
		if (!asked->server->measure->body[b] || !web_body_sees(asked->server->bodies, asked->whose.view, b))
			continue;
		asked->whose.body = b;
		sums[count] = (struct sum){.name = web_body_at(asked->server->bodies, b)->code, .body = b};
		sum_range(asked, &sums[count++]);
	}
	json_t *rows = sums_json(asked->server, sums, count, limit);
	free(sums);
	return rows;
}

static json_t *top_sensors(struct asked *asked, uint32_t limit)
{
	struct sum sums[WEB_SENSORS] = {0};
	const struct web_measure *measure = asked->server->measure;
	uint32_t count = asked->whose.view->scope.all ? measure->sensors_count : 0;
	for (uint32_t i = 0; i < count; i++) {
		asked->whose.sensor = measure->sensor[i];
		sums[i] = (struct sum){.name = measure->sensor[i]->name, .body = WEB_BODY_NONE};
		sum_range(asked, &sums[i]);
	}
	return sums_json(asked->server, sums, count, limit);
}

static bool read_limit(struct web_request *request, uint32_t *ret)
{
	const char *text = web_request_query(request, "limit");
	*ret = ROWS_FIRST;
	if (!text || !*text)
		return true;
	*ret = strlen(text) < 4 && strspn(text, "0123456789") == strlen(text) ? (uint32_t)strtoul(text, NULL, 10) : 0;
	return *ret >= 1 && *ret <= ROWS_MAX;
}

void web_op_top(struct web_request *request, struct web_server *server)
{
	static const char *const dims[] = {"application", "host", "body", "sensor"};
	const char *dim = web_request_query(request, "dim");
	const struct web_view *view = web_request_view(request);
	struct asked asked = {.server = server, .whose = {.measure = server->measure, .view = view, .body = WEB_BODY_NONE}};
	struct web_range range;
	uint32_t limit;
	unsigned which = 0;
	while (which < 4 && (!dim || strcmp(dim, dims[which]) != 0))
		which++;
	bool good = which < 4 && read_limit(request, &limit);
	if (!good || !read_range(request, "24h", &range)) {
		web_answer_problem(request, 422, good ? "bad_range" : "bad_parameter");
		return;
	}
	uint64_t records = 0, error = 0;
	asked.from_s = range.from_ns / NS_PER_S;
	asked.to_s = range.to_ns / NS_PER_S;
	int64_t from_s = asked.from_s;
	json_t *rows = which == 0   ? web_flow_sums_apps(server->measure->flows, view, asked.from_s, limit, &records, &from_s)
		       : which == 1 ? web_flow_sums_hosts(server->measure->flows, view, asked.to_s, limit, &records, &from_s, &error)
		       : which == 2 ? top_bodies(&asked, limit)
				    : top_sensors(&asked, limit);
	json_t *top = json_pack("{s:s, s:b, s:I, s:o, s:I}", "dim", dims[which], "delivered", web_flow_sums_any(server->measure->flows), "records",
				(json_int_t)records, "rows", rows, "error_bytes", (json_int_t)error);
	json_object_set_new(top, "from_ms", from_s ? json_integer(from_s * 1000) : json_null());
	web_answer(request, 200, top, 0);
}
