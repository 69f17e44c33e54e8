// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One line of a metrics stream (docs/redis.md) into the rings. A line is read whole before anything of it counts; what is no such line, of
// another step than its stream's, from the future or older than its ring is counted and passed over. A line may come twice: under two ids,
// from a sensor that had to deliver again after a lost answer; under the same, from a Redis that came back with an older state and is read
// from its beginning. So each step remembers the lines that it is made of.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_read.h"
#include "bodies.h"
#include "measure_parts.h"
#include "range.h"

enum { LINE_BYTES_MAX = 65536, AHEAD_S = 600, BODY_VALUES = WEB_LOST };

static const char *const names[WEB_TRAFFIC_VALUES] = {"sensor.packets_in", "sensor.packets_out", "sensor.bytes_in", "sensor.bytes_out",
					      "sensor.flows", "sensor.alerts", "sensor.lost"};

struct line {
	bool is_metrics, bad, has_sensor;
	int64_t at_ns, step_s;
	uint64_t sensor[WEB_TRAFFIC_VALUES];
	uint32_t bodies;
	struct { char code[16]; uint64_t v[WEB_TRAFFIC_VALUES]; } body[WEB_BODIES];
};

static uint64_t number_of(struct line *line, const struct yg_json_value *value)
{
	double number = value->is_text ? -1 : yg_json_number(value, -1);
	if (number >= 0 && number < 1e18)
		return (uint64_t)number;
	line->bad = true;
	return 0;
}

// "orgs.<code>[]", the values in order.
static void take_body(struct line *line, const struct yg_json_value *value)
{
	const char *code = value->path + 5;
	size_t n = strcspn(code, ".[");
	if (strcmp(code + n, "[]") != 0 || n == 0 || n >= sizeof line->body[0].code || value->index >= BODY_VALUES) {
		line->bad = line->bad || value->index < BODY_VALUES; // a list may have grown at its end
		return;
	}
	if (value->index == 0) {
		if (line->bodies == WEB_BODIES) {
			line->bad = true;
			return;
		}
		memset(&line->body[line->bodies], 0, sizeof line->body[0]);
		memcpy(line->body[line->bodies++].code, code, n);
	}
	if (line->bodies == 0 || strncmp(line->body[line->bodies - 1].code, code, n) != 0)
		line->bad = true;
	else
		line->body[line->bodies - 1].v[value->index] = number_of(line, value);
}

static void take_value(void *context, const struct yg_json_value *value)
{
	struct line *line = context;
	const char *path = value->path;
	if (strncmp(path, "orgs.", 5) == 0) {
		take_body(line, value);
		return;
	}
	if (strcmp(path, "timestamp") == 0)
		line->bad = line->bad || !value->is_text || !web_time_parse(value->text, &line->at_ns);
	else if (strcmp(path, "event_type") == 0)
		line->is_metrics = value->is_text && strcmp(value->text, "metrics") == 0;
	else if (strcmp(path, "step") == 0)
		line->step_s = (int64_t)number_of(line, value);
	for (unsigned i = 0; i < WEB_TRAFFIC_VALUES; i++)
		if (strcmp(path, names[i]) == 0) {
			line->sensor[i] = number_of(line, value);
			line->has_sensor = true;
		}
}

static struct web_body_rings *rings_of(struct web_measure *measure, const char *code)
{
	uint16_t at = web_body_intern(measure->server->bodies, code, NULL, NULL);
	if (at == WEB_BODY_NONE) {
		measure->counters.bodies_full++;
		return NULL;
	}
	if (!measure->body[at])
		measure->body[at] = calloc(1, sizeof *measure->body[at]);
	return measure->body[at];
}

// Whether the line is new, and then it counts for the sensor.
static bool add_sensor(struct web_sensor *sensor, const struct line *line, int64_t at_s, uint32_t hash)
{
	struct web_measure_counters *counters = &sensor->measure->counters;
	struct web_ring *ring = line->step_s == 1 ? &sensor->rings.seconds : line->step_s == 60 ? &sensor->rings.minutes : &sensor->rings.hours;
	if (!ring->slot && web_sensor_rings_init(&sensor->rings) < 0)
		return false;
	struct web_values *slot = web_ring_slot(ring, at_s / line->step_s);
	for (uint32_t i = 0; slot && i < slot->told; i++)
		if (slot->line[i] == hash) {
			counters->lines_again++;
			return false;
		}
	if (!slot || slot->told == WEB_STEP_LINES) {
		*(slot ? &counters->lines_full : &counters->lines_old) += 1;
		return false;
	}
	slot->line[slot->told++] = hash;
	for (unsigned i = 0; i < WEB_TRAFFIC_VALUES; i++)
		slot->v[i] += line->sensor[i];
	return true;
}

bool web_metrics_take(struct web_sensor *sensor, int64_t step_s, const char *text, size_t length, int64_t now_s)
{
	static struct line line; // 72 KiB, and the loop has one thread
	struct web_measure *measure = sensor->measure;
	memset(&line, 0, offsetof(struct line, body));
	if (length > LINE_BYTES_MAX || !yg_json_read(text, length, take_value, &line) || line.bad || !line.is_metrics || line.at_ns <= 0 ||
	    line.step_s != step_s || line.at_ns / 1000000000 % step_s != 0) {
		measure->counters.lines_bad++;
		return false;
	}
	int64_t at_s = line.at_ns / 1000000000;
	if (at_s > now_s + AHEAD_S) {
		measure->counters.lines_ahead++;
		return false;
	}
	if (!add_sensor(sensor, &line, at_s, (uint32_t)yg_hash_identity(text, length)))
		return false;
	measure->counters.lines++;
	for (uint32_t i = 0; i < line.bodies; i++) {
		struct web_body_rings *rings = rings_of(measure, line.body[i].code);
		if (rings)
			web_body_rings_add(rings, at_s, step_s, line.body[i].v);
	}
	if (at_s + step_s > sensor->told_s && step_s < 3600)
		sensor->told_s = at_s + step_s;
	return true;
}
