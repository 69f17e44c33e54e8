// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /sensors and /version. How the sensors are, everybody may know; what they count as a whole, the health hash, the books and the
// counters of this process are for who sees all bodies.
#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "measure_parts.h"
#include "range.h"
#include "redis.h"
#include "state.h"
#include "stream.h"
#include "suppress.h"

enum { MIRROR_MAX = 100 };

static const struct { const char *key, *ja, *en; bool is_bad; } books[] = {
	{"books.raised", "検知したアラート", "Raised", false},
	{"books.delivered", "配送済み", "Delivered", false},
	{"books.suppressed", "抑止", "Suppressed", false},
	{"books.spooled", "配送待ち", "Waiting in the spool", false},
	{"books.lost", "損失", "Lost", true},
	{"books.unaccounted", "行方不明", "Not accounted for", true},
};

static json_t *books_json(const json_t *health)
{
	json_t *rows = json_array();
	for (unsigned i = 0; i < sizeof books / sizeof *books; i++) {
		const char *text = json_string_value(json_object_get(health, books[i].key));
		char *end;
		long long value = text ? strtoll(text, &end, 10) : 0;
		if (text && *text && !*end)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", books[i].key + strlen("books."), "ja", books[i].ja, "en",
							      books[i].en, "value", (json_int_t)value, "bad", books[i].is_bad && value != 0));
	}
	return rows;
}

static int64_t newest_ms(const struct web_server *server, const struct web_sensor *sensor, unsigned feed)
{
	const struct web_ring *const rings[] = {&sensor->rings.seconds, &sensor->rings.minutes, &sensor->rings.hours};
	if (feed < WEB_FEED_FLOWS)
		return rings[feed]->newest * rings[feed]->step_s * 1000;
	if (feed == WEB_FEED_FLOWS)
		return sensor->flow_s * 1000;
	return server->measure->sensors_count == 1 ? web_index_last_ns(server->index) / 1000000 : 0;
}

static json_t *streams_json(const struct web_server *server, const struct web_sensor *sensor)
{
	static const char *const names[WEB_FEEDS + 1] = {"metrics", "metrics:1m", "metrics:1h", "flows", "alerts"};
	json_t *rows = json_array();
	for (unsigned f = 0; f <= WEB_FEEDS; f++) {
		int64_t ms = newest_ms(server, sensor, f);
		json_t *row = json_pack("{s:s, s:I}", "name", names[f], "entries", (json_int_t)(sensor->entries[f] < 0 ? 0 : sensor->entries[f]));
		json_object_set_new(row, "last_ms", ms > 0 ? json_integer(ms) : json_null());
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *redis_json(const struct web_server *server, bool all)
{
	const struct web_measure *measure = server->measure;
	json_t *redis = json_pack("{s:b}", "up", web_redis_up(server->redis));
	json_object_set_new(redis, "memory", all && measure->redis_memory >= 0 ? json_integer(measure->redis_memory) : json_null());
	json_object_set_new(redis, "version", all && *measure->redis_version ? json_string(measure->redis_version) : json_null());
	return redis;
}

// ---- the answer ----

struct waiting {
	struct web_request *request;
	json_t *body;
};

// Open alerts of the sensors about themselves go to the sensor that said so.
static void answer_sensors(void *context, json_t *rows)
{
	struct waiting *w = context;
	size_t i, k;
	json_t *sensor, *alert;
	json_array_foreach(json_object_get(w->body, "rows"), i, sensor) {
		const char *name = json_string_value(json_object_get(json_object_get(sensor, "strip"), "name"));
		json_t *mirror = json_array();
		json_array_foreach(rows, k, alert) {
			const char *by = json_string_value(json_object_get(alert, "sensor"));
			if (by && name && strcmp(by, name) == 0)
				json_array_append(mirror, alert);
		}
		json_object_set_new(sensor, "mirror", mirror);
	}
	json_decref(rows);
	web_answer(w->request, 200, w->body, 0);
	free(w);
}

struct mirrors {
	const struct web_index *index;
	uint32_t at[MIRROR_MAX], count;
};

static bool find_mirror(void *context, uint32_t at)
{
	struct mirrors *m = context;
	const struct web_alert *a = web_index_alert(m->index, at);
	if (a->state == WEB_ALERT_OPEN && m->count < MIRROR_MAX && strncmp(web_index_string(m->index, a->kind), "sensor.", 7) == 0)
		m->at[m->count++] = at;
	return true;
}

static json_t *sensor_json(const struct web_server *server, const struct web_sensor *sensor, json_t *strip, bool all)
{
	json_t *row = json_object();
	int64_t gaps = web_index_gaps(server->index, sensor->name);
	json_object_set(row, "strip", strip);
	json_object_set_new(row, "health", all && sensor->health ? json_copy(sensor->health) : json_object());
	json_object_set_new(row, "books", all ? books_json(sensor->health) : json_array());
	json_object_set_new(row, "streams", all ? streams_json(server, sensor) : json_array());
	json_object_set_new(row, "gaps", all && gaps >= 0 ? json_integer(gaps) : json_null());
	return row;
}

void web_op_sensors(struct web_request *request, struct web_server *server)
{
	const struct web_view *view = web_request_view(request);
	struct mirrors mirrors = {.index = server->index};
	struct waiting *w = calloc(1, sizeof *w);
	if (!w) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	json_t *strips = web_measure_strips(server->measure), *rows = json_array();
	for (uint32_t i = 0; i < server->measure->sensors_count; i++)
		json_array_append_new(rows, sensor_json(server, server->measure->sensor[i], json_array_get(strips, i), view->scope.all));
	json_decref(strips);
	*w = (struct waiting){request, json_pack("{s:o, s:o, s:o}", "rows", rows, "redis", redis_json(server, view->scope.all), "web",
						 view->scope.all ? web_counters_json(server) : json_object())};
	web_index_each_alert(server->index, view, (struct web_range){0}, find_mirror, &mirrors);
	web_answer_later(request);
	web_index_alert_rows(server->index, view, mirrors.at, mirrors.count, answer_sensors, w);
}

void web_op_version(struct web_request *request, struct web_server *server)
{
	char hiredis[32];
	snprintf(hiredis, sizeof hiredis, "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	json_t *libraries = json_pack("{s:s, s:s, s:s, s:s}", "libmicrohttpd", MHD_get_version(), "libsodium", sodium_version_string(), "jansson",
				      JANSSON_VERSION, "hiredis", hiredis);
	web_answer(request, 200, json_pack("{s:s, s:s, s:o}", "version", server->version, "api", "1", "libraries", libraries), 0);
}
