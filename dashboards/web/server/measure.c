// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See measure.h. Each stream of a sensor is read twice over: what it holds, newest first and a page at a time, so that a page of the
// dashboard has the last hour at once and no reply of Redis is large; and what comes, followed from the newest id that the first page had.
// Slots add up in any order, so the two need not wait for each other. A page that was not answered (Redis went away) is asked for again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "bodies.h"
#include "loop.h"
#include "measure_parts.h"
#include "redis.h"

enum { NOW_OLD_S = 5, PAGES_AT_ONCE = 2, READ_EVERY_MS = 20 };

// How many entries of each are read at most: a step may be several lines.
static const struct { const char *stream; int64_t step_s; uint32_t entries_max; } feeds[WEB_FEEDS] = {
	[WEB_FEED_SECONDS] = {"metrics", 1, 4 * WEB_RING_SECONDS},
	[WEB_FEED_MINUTES] = {"metrics:1m", 60, 4 * WEB_RING_MINUTES},
	[WEB_FEED_HOURS] = {"metrics:1h", 3600, 4 * WEB_RING_HOURS},
	[WEB_FEED_FLOWS] = {"flows", 0, 200000},
};

static void tick(void *context);
static void read_on(void *context);

struct web_measure *web_measure_create(struct web_server *server)
{
	struct web_measure *measure = calloc(1, sizeof *measure);
	if (!measure)
		return NULL;
	measure->server = server;
	measure->redis_memory = -1;
	measure->flows = web_flow_sums_create(server->bodies);
	if (!measure->flows) {
		free(measure);
		return NULL;
	}
	web_sensors_named(measure);
	web_loop_every(server->loop, 1000, tick, measure);
	web_loop_every(server->loop, READ_EVERY_MS, read_on, measure);
	return measure;
}

void web_measure_destroy(struct web_measure *measure)
{
	if (!measure)
		return;
	for (uint32_t i = 0; i < measure->sensors_count; i++) {
		web_sensor_rings_finish(&measure->sensor[i]->rings);
		json_decref(measure->sensor[i]->health);
		free(measure->sensor[i]);
	}
	for (unsigned i = 0; i < WEB_BODIES; i++)
		free(measure->body[i]);
	web_flow_sums_destroy(measure->flows);
	free(measure);
}

// ---- lines ----

// False: it is older than anything that is kept, and so is what lies before it.
static bool take_flow(struct web_sensor *sensor, const char *line, size_t length, int64_t now_s, int64_t after_s)
{
	struct web_measure_counters *counters = &sensor->measure->counters;
	uint64_t hash = yg_hash_identity(line, length), *place = &sensor->flow[hash % WEB_FLOW_HASHES];
	if (*place == hash) {
		counters->lines_again++;
		return true;
	}
	*place = hash;
	int64_t end_s = 0;
	enum web_flow_taken taken = web_flow_sums_take(sensor->measure->flows, line, length, now_s, after_s, &end_s);
	sensor->flow_s = end_s > sensor->flow_s ? end_s : sensor->flow_s;
	counters->flows += taken == WEB_FLOW_COUNTED;
	counters->flows_bad += taken == WEB_FLOW_BAD;
	counters->flows_updates += taken == WEB_FLOW_UPDATE;
	return taken != WEB_FLOW_OLD;
}

static bool take_line(struct web_history *history, const char *line, size_t length, int64_t after_s)
{
	int64_t now_s = web_clock_ns() / 1000000000;
	if (history->feed == WEB_FEED_FLOWS)
		return take_flow(history->sensor, line, length, now_s, after_s);
	web_metrics_take(history->sensor, feeds[history->feed].step_s, line, length, now_s);
	return true;
}

// Ids grow; where one does not, Redis came back with less than it had and is read from its beginning (redis.h). Metrics know their lines;
// of flows what had ended before the last one that was seen has been counted.
static void take_new(void *context, const char *stream, uint64_t generation, uint64_t sequence, const char *field, size_t field_size,
		     const char *value, size_t value_size)
{
	struct web_history *history = context;
	struct web_sensor *sensor = history->sensor;
	(void)stream;
	bool again = generation < history->generation || (generation == history->generation && sequence < history->sequence);
	if (again && history->feed == WEB_FEED_FLOWS)
		sensor->again_s = sensor->flow_s;
	history->generation = generation;
	history->sequence = sequence;
	if (field_size == 3 && memcmp(field, "eve", 3) == 0)
		take_line(history, value, value_size, sensor->again_s);
}

static bool is_text(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING;
}

static bool take_entry(struct web_history *history, const redisReply *entry)
{
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !is_text(entry->element[0]) ||
	    entry->element[1]->type != REDIS_REPLY_ARRAY)
		return true;
	const redisReply *fields = entry->element[1];
	bool more = true;
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (is_text(fields->element[i]) && strcmp(fields->element[i]->str, "eve") == 0 && is_text(fields->element[i + 1]))
			more = take_line(history, fields->element[i + 1]->str, (size_t)fields->element[i + 1]->len, 0);
	snprintf(history->before, sizeof history->before, "(%s", entry->element[0]->str);
	history->entries++;
	return more;
}

// ---- what lies there already ----

static void key_of(const struct web_history *history, char key[WEB_KEY_BYTES])
{
	web_sensor_key(key, history->sensor->name, history->tagged, feeds[history->feed].stream);
}

static void follow(struct web_history *history, const redisReply *newest)
{
	unsigned long long generation = 0, sequence = 0;
	char key[WEB_KEY_BYTES];
	key_of(history, key);
	if (newest && newest->type == REDIS_REPLY_ARRAY && newest->elements == 2 && is_text(newest->element[0]) &&
	    sscanf(newest->element[0]->str, "%llu-%llu", &generation, &sequence) != 2)
		generation = sequence = 0;
	if (web_redis_follow(history->sensor->measure->server->redis, key, generation, sequence, take_new, history) < 0)
		history->sensor->measure->counters.follow_failed++;
	history->generation = generation;
	history->sequence = sequence;
	history->following = true;
}

// The ring's oldest step has been told: what lies before it would find no room.
static bool far_enough(const struct web_history *history)
{
	const struct web_sensor_rings *rings = &history->sensor->rings;
	const struct web_ring *const rings_of[] = {&rings->seconds, &rings->minutes, &rings->hours};
	if (history->entries >= feeds[history->feed].entries_max)
		return true;
	if (history->feed == WEB_FEED_FLOWS || !rings_of[history->feed]->slot)
		return false;
	const struct web_ring *ring = rings_of[history->feed];
	return web_ring_at(ring, ring->newest - ring->length + 1) != NULL;
}

static void take_page(void *context, const redisReply *reply)
{
	struct web_history *history = context;
	history->asking = false;
	if (!reply || reply->type == REDIS_REPLY_ERROR) { // asked again; where the user may not read it, each second
		history->done = reply && strncmp(reply->str, "NOPERM", 6) == 0;
		return;
	}
	if (reply->type != REDIS_REPLY_ARRAY)
		return;
	if (!history->following)
		follow(history, reply->elements ? reply->element[0] : NULL);
	bool more = reply->elements == WEB_PAGE_LINES;
	for (size_t i = 0; i < reply->elements; i++)
		more = take_entry(history, reply->element[i]) && more;
	history->done = !more || far_enough(history);
}

static bool ask_page(struct web_history *history)
{
	char key[WEB_KEY_BYTES], count[16];
	if (history->done || history->asking)
		return history->asking;
	key_of(history, key);
	snprintf(count, sizeof count, "%d", WEB_PAGE_LINES);
	const char *words[] = {"XREVRANGE", key, *history->before ? history->before : "+", "-", "COUNT", count};
	history->asking = true;
	web_redis_ask(history->sensor->measure->server->redis, take_page, history, 6, words, NULL);
	return true;
}

// Few at a time, minutes before hours before seconds before flows: what the first screen needs comes first, and between two pages the loop
// turns.
static void read_on(void *context)
{
	static const enum web_feed order[] = {WEB_FEED_MINUTES, WEB_FEED_HOURS, WEB_FEED_SECONDS, WEB_FEED_FLOWS};
	struct web_measure *measure = context;
	unsigned asking = 0;
	if (!web_redis_up(measure->server->redis))
		return;
	for (unsigned f = 0; f < WEB_FEEDS; f++)
		for (uint32_t i = 0; i < measure->sensors_count && asking < PAGES_AT_ONCE; i++) {
			struct web_sensor *sensor = measure->sensor[i];
			asking += ask_page(&sensor->history[0][order[f]]);
			asking += sensor->tagged && ask_page(&sensor->history[1][order[f]]);
		}
}

static void tick(void *context)
{
	web_sensors_tick(context);
}

// ---- telling ----

int64_t web_measure_told_s(const struct web_measure *measure)
{
	int64_t told_s = 0;
	for (uint32_t i = 0; i < measure->sensors_count; i++)
		told_s = measure->sensor[i]->told_s > told_s ? measure->sensor[i]->told_s : told_s;
	return told_s;
}

json_t *web_measure_counters(const struct web_measure *measure)
{
	const struct web_measure_counters *c = &measure->counters;
	json_t *all = json_object();
	const struct { const char *name; uint64_t value; } rows[] = {
		{"measure.lines", c->lines}, {"measure.lines_bad", c->lines_bad}, {"measure.lines_again", c->lines_again},
		{"measure.lines_ahead", c->lines_ahead}, {"measure.lines_old", c->lines_old}, {"measure.lines_full", c->lines_full},
		{"measure.bodies_full", c->bodies_full}, {"measure.sensors_full", c->sensors_full},
		{"measure.sensors_foreign", c->sensors_foreign},
		{"measure.flows", c->flows}, {"measure.flows_bad", c->flows_bad}, {"measure.flows_updates", c->flows_updates},
		{"measure.follow_failed", c->follow_failed}, {"measure.sensors", measure->sensors_count},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		json_object_set_new(all, rows[i].name, json_integer((json_int_t)rows[i].value));
	return all;
}

// The second that is told of as a whole: the newest of one sensor; of several the one before, since they do not speak at the same moment.
json_t *web_measure_now(const struct web_measure *measure, const struct web_view *view)
{
	int64_t second = 0, now_s = web_clock_ns() / 1000000000;
	uint32_t telling = 0;
	for (uint32_t i = 0; i < measure->sensors_count; i++) {
		const struct web_ring *ring = &measure->sensor[i]->rings.seconds;
		telling += ring->newest > now_s - NOW_OLD_S;
		second = ring->newest > second ? ring->newest : second;
	}
	second -= telling > 1;
	uint64_t sum[2] = {0};
	for (uint32_t i = 0; view->scope.all && i < measure->sensors_count; i++) {
		const struct web_values *v = web_ring_at(&measure->sensor[i]->rings.seconds, second);
		sum[0] += v ? v->v[WEB_BYTES_IN] : 0;
		sum[1] += v ? v->v[WEB_BYTES_OUT] : 0;
	}
	for (uint16_t b = 0; !view->scope.all && b < WEB_BODIES; b++) {
		const struct web_body_rings *r = measure->body[b];
		if (!r || r->second[second % 4] != second || !web_body_sees(measure->server->bodies, view, b))
			continue;
		sum[0] += r->second_bytes[second % 4][0];
		sum[1] += r->second_bytes[second % 4][1];
	}
	json_t *now = json_pack("{s:I}", "at_ms", (json_int_t)(second * 1000));
	bool known = telling > 0;
	json_object_set_new(now, "in", known ? json_integer((json_int_t)(sum[0] * 8)) : json_null());
	json_object_set_new(now, "out", known ? json_integer((json_int_t)(sum[1] * 8)) : json_null());
	return now;
}
