// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Adding up: whose traffic it is (everything, a sensor, a body, the bodies of a view) over which steps, and what is usual then. Whether a
// step is known at all say the sensors; a body that a known step does not name had none in it. Pure reading.
#include <math.h>
#include <string.h>

#include "bodies.h"
#include "loop.h"
#include "measure_parts.h"

enum { HABIT_WEEKS = WEB_RING_HOURS / WEB_WEEK_HOURS, HABIT_DAYS = 14, HABIT_LEAST = 3, DAY_HOURS = 24, SLACK_STEPS = 2, SECONDS_GAP = 60 };

static const struct web_ring *ring_of(const struct web_sensor *sensor, int64_t step_s)
{
	return step_s == 1 ? &sensor->rings.seconds : step_s == 60 ? &sensor->rings.minutes : &sensor->rings.hours;
}

// Of the step, whether any sensor (or `one`) told of it. Steps of five minutes are not told: of their minutes some are.
static uint64_t told(const struct web_measure *measure, const struct web_sensor *one, int64_t step_s, int64_t step)
{
	uint64_t lines = 0;
	for (uint32_t i = 0; i < measure->sensors_count; i++) {
		const struct web_values *v = one && one != measure->sensor[i] ? NULL : web_ring_at(ring_of(measure->sensor[i], step_s), step);
		lines += v ? v->told : 0;
	}
	return lines;
}

static void add(struct web_values *to, const struct web_values *from)
{
	for (unsigned i = 0; i < WEB_TRAFFIC_VALUES; i++)
		to->v[i] += from->v[i];
}

static bool is_everything(const struct web_whose *whose)
{
	return whose->body == WEB_BODY_NONE && (whose->sensor || whose->view->scope.all);
}

static bool sum_sensors(const struct web_whose *whose, int64_t step_s, int64_t step, struct web_values *ret)
{
	const struct web_measure *measure = whose->measure;
	for (uint32_t i = 0; i < measure->sensors_count; i++) {
		if (whose->sensor && whose->sensor != measure->sensor[i])
			continue;
		for (int64_t k = 0; k < (step_s == 300 ? 5 : 1); k++) {
			const struct web_values *v = web_ring_at(ring_of(measure->sensor[i], step_s == 300 ? 60 : step_s), step_s == 300 ? 5 * step + k : step);
			if (v)
				add(ret, v);
		}
	}
	return true;
}

static bool sum_bodies(const struct web_whose *whose, int64_t step_s, int64_t step, struct web_values *ret)
{
	const struct web_measure *measure = whose->measure;
	bool known = true;
	if (whose->body != WEB_BODY_NONE) {
		uint32_t parts = ret->told;
		const struct web_body_rings *rings = whose->body < WEB_BODIES ? measure->body[whose->body] : NULL;
		known = !rings || web_body_rings_at(rings, step_s, step, ret); // a body of which nothing has ever come had nothing
		ret->told = parts;
		return known;
	}
	for (uint16_t b = 0; b < WEB_BODIES; b++) {
		struct web_values v;
		if (!measure->body[b] || !web_body_sees(measure->server->bodies, whose->view, b))
			continue;
		known = web_body_rings_at(measure->body[b], step_s, step, &v) && known;
		add(ret, &v);
	}
	return known;
}

bool web_whose_at(const struct web_whose *whose, int64_t step_s, int64_t step, struct web_values *ret)
{
	memset(ret, 0, sizeof *ret);
	for (int64_t k = 0; k < (step_s == 300 ? 5 : 1); k++) // ret->told: how many parts of the step are known
		ret->told += told(whose->measure, whose->sensor, step_s == 300 ? 60 : step_s, step_s == 300 ? 5 * step + k : step) > 0;
	if (!ret->told)
		return false;
	return is_everything(whose) ? sum_sensors(whose, step_s, step, ret) : sum_bodies(whose, step_s, step, ret);
}

// Whether the seconds reach back that far: a sensor that has just begun to deliver has minutes of before, and no seconds.
static bool has_seconds(const struct web_whose *whose, int64_t from_s)
{
	for (int64_t s = from_s; s < from_s + SECONDS_GAP; s++)
		if (told(whose->measure, whose->sensor, 1, s))
			return true;
	return false;
}

int64_t web_whose_base(const struct web_whose *whose, int64_t from_s, int64_t to_s)
{
	int64_t now_s = web_clock_ns() / 1000000000, back = now_s - from_s;
	if (is_everything(whose) && back <= WEB_RING_SECONDS + SLACK_STEPS && to_s - from_s <= WEB_RING_SECONDS + SLACK_STEPS &&
	    has_seconds(whose, from_s))
		return 1;
	if (back <= 60 * ((is_everything(whose) ? WEB_RING_MINUTES : WEB_BODY_MINUTES) + SLACK_STEPS))
		return 60;
	return back <= 300 * (WEB_BODY_FIVES + SLACK_STEPS) ? 300 : 3600;
}

int64_t web_measure_known_days(const struct web_measure *measure)
{
	struct web_measure *memory = (struct web_measure *)measure; // of what is asked here, not its own state
	int64_t hours = 0, now = web_clock_ns() / 1000000000 / 3600;
	if (measure->known_lines && measure->known_lines == measure->counters.lines)
		return measure->known_days;
	for (int64_t h = now - WEB_RING_HOURS; h <= now; h++)
		hours += told(measure, NULL, 3600, h) > 0;
	memory->known_lines = measure->counters.lines;
	memory->known_days = hours / DAY_HOURS;
	return memory->known_days;
}

// What the hours every `every` before `hour` brought.
static unsigned samples(const struct web_whose *whose, int64_t hour, int64_t every, unsigned most, double ret[2][HABIT_DAYS])
{
	unsigned n = 0;
	for (unsigned i = 1; i <= most; i++) {
		struct web_values v;
		if (!web_whose_at(whose, 3600, hour - every * i, &v))
			continue;
		ret[0][n] = (double)v.v[WEB_BYTES_IN] * 8 / 3600;
		ret[1][n++] = (double)v.v[WEB_BYTES_OUT] * 8 / 3600;
	}
	return n;
}

bool web_whose_habit(const struct web_whose *whose, int64_t hour, struct web_habit *ret)
{
	double found[2][HABIT_DAYS];
	unsigned n = samples(whose, hour, WEB_WEEK_HOURS, HABIT_WEEKS, found);
	if (n < HABIT_LEAST)
		n = samples(whose, hour, DAY_HOURS, HABIT_DAYS, found);
	if (n < HABIT_LEAST)
		return false;
	for (unsigned d = 0; d < 2; d++) {
		ret->median[d] = web_quantile(found[d], n, 0.5);
		ret->low[d] = web_quantile(found[d], n, 0.1);
		ret->high[d] = web_quantile(found[d], n, 0.9);
	}
	return true;
}

json_t *web_whose_rate(const struct web_whose *whose, int64_t from_s, int64_t to_s, int64_t step_s)
{
	int64_t base = step_s % 3600 == 0 ? 3600 : step_s % 300 == 0 ? 300 : step_s % 60 == 0 ? 60 : 1;
	if (base < web_whose_base(whose, from_s, to_s))
		base = web_whose_base(whose, from_s, to_s);
	json_t *values[2] = {json_array(), json_array()};
	for (int64_t at = from_s / step_s * step_s; at < to_s; at += step_s) {
		uint64_t bytes[2] = {0}, seconds = 0;
		for (int64_t part = at; part < at + step_s; part += base) {
			struct web_values v;
			if (!web_whose_at(whose, base, part / base, &v))
				continue;
			seconds += base == 300 ? (uint64_t)v.told * 60 : (uint64_t)base;
			bytes[0] += v.v[WEB_BYTES_IN];
			bytes[1] += v.v[WEB_BYTES_OUT];
		}
		for (unsigned d = 0; d < 2; d++)
			json_array_append_new(values[d], seconds ? json_integer((json_int_t)(bytes[d] * 8 / seconds)) : json_null());
	}
	json_t *rate = json_pack("{s:I, s:I, s:o, s:o, s:I}", "step_s", (json_int_t)step_s, "start_ms",
				 (json_int_t)(from_s / step_s * step_s * 1000), "in", values[0], "out", values[1], "known_days",
				 (json_int_t)web_measure_known_days(whose->measure));
	struct web_habit habit;
	bool known = web_whose_habit(whose, (to_s - 1) / 3600, &habit);
	json_object_set_new(rate, "usual_in", known ? json_integer((json_int_t)habit.median[0]) : json_null());
	json_object_set_new(rate, "usual_out", known ? json_integer((json_int_t)habit.median[1]) : json_null());
	return rate;
}
