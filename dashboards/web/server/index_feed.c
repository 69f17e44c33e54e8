// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reading the streams. Sensors are found by SCAN, and each stream is followed from its beginning (follow.c reads it in pieces,
// between which the loop turns). Twice a minute its ends are asked for: what has been trimmed there is forgotten here, and so is what lies
// behind its end at two looks in a row, as when Redis came back with an older state; a sensor sends again what Redis had confirmed and
// lost.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "index_parts.h"
#include "loop.h"
#include "uri.h"

enum { SCAN_EVERY_MS = 500, TRIM_EVERY_MS = 30000 };

struct asked { // about a sensor
	struct web_index *index;
	uint16_t sensor;
};

static struct asked *ask_of(struct web_index *index, uint16_t sensor)
{
	struct asked *asked = malloc(sizeof *asked);
	if (asked)
		*asked = (struct asked){index, sensor};
	return asked;
}

static void key_of(const struct web_index *index, uint16_t sensor, char to[96])
{
	snprintf(to, 96, "yagura:%s:alerts", index->sensors[sensor].name);
}

static bool entry_of(const redisReply *reply, struct web_entry *ret)
{
	char *end;
	if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
		return false;
	ret->generation = strtoull(reply->str, &end, 10);
	if (end == reply->str || *end != '-')
		return false;
	ret->sequence = strtoull(end + 1, &end, 10);
	return !*end;
}

static void ready_look(struct web_index *index)
{
	bool all = index->scanned;
	for (uint16_t i = 1; i <= index->sensors_count; i++) {
		struct sensor *s = &index->sensors[i];
		char key[96];
		key_of(index, i, key);
		s->caught_up = s->caught_up || (s->followed && web_redis_caught_up(index->server->redis, key));
		all = all && (s->caught_up || !s->followed);
	}
	index->ready = index->ready || all;
}

// Holes in the numbers of a run (docs/sensors.md): what was trimmed, refused or lost before it came here. What lies before the first record
// that was seen is no hole.
static void note_sequence(struct sensor *s, const struct web_line *l)
{
	if (!l->run || !l->sequence || l->run < s->run || (l->run == s->run && l->sequence <= s->sequence))
		return;
	if (s->run)
		s->gaps += l->run == s->run ? l->sequence - s->sequence - 1 : l->sequence - 1;
	s->run = l->run;
	s->sequence = l->sequence;
}

// Whether the newest record begins something: the alert, another time of it, or one that weighs more than it did.
static bool opens(const struct web_index *index, const struct web_alert *a, enum web_taken taken)
{
	return taken == WEB_TAKEN_NEW || a->reopened != index->before.reopened || a->severity > index->before.severity ||
	       (index->before.mode == WEB_MODE_SHADOW && a->mode != WEB_MODE_SHADOW);
}

static void take(struct web_index *index, uint16_t sensor, struct web_entry entry, const char *line, size_t length)
{
	struct sensor *s = &index->sensors[sensor];
	uint32_t at;
	s->position = entry;
	enum web_taken taken = web_index_take(index, s->name, entry, line, length, &at);
	if (taken != WEB_TAKEN_BAD)
		note_sequence(s, &index->line);
	if (at == WEB_NOWHERE || !(s->caught_up || s->late))
		return;
	const struct web_alert *a = web_index_alert(index, at);
	bool opened = opens(index, a, taken);
	for (uint32_t i = 0; i < index->listeners_count; i++)
		index->listeners[i].told(index->listeners[i].context, at, opened);
}

void web_index_on_alert(struct web_index *index, void (*told)(void *context, uint32_t alert, bool opened), void *context)
{
	if (index->listeners_count == WEB_INDEX_LISTENERS)
		abort(); // the program knows beforehand how many listen
	index->listeners[index->listeners_count].told = told;
	index->listeners[index->listeners_count++].context = context;
}

static void followed(void *context, const char *stream, uint64_t generation, uint64_t sequence, const char *field, size_t field_size,
		     const char *value, size_t value_size)
{
	struct web_index *index = context;
	const char *name = stream + strlen("yagura:");
	for (uint16_t i = 1; i <= index->sensors_count; i++) {
		size_t n = strlen(index->sensors[i].name);
		if (strncmp(name, index->sensors[i].name, n) != 0 || name[n] != ':')
			continue;
		if (field_size == 3 && memcmp(field, "eve", 3) == 0)
			take(index, i, (struct web_entry){generation, sequence}, value, value_size);
		else
			index->bad++;
	}
}

static void follow_all(struct web_index *index)
{
	for (uint16_t i = 1; i <= index->sensors_count; i++) {
		struct sensor *s = &index->sensors[i];
		char key[96];
		key_of(index, i, key);
		s->followed = s->followed || web_redis_follow(index->server->redis, key, 0, 0, followed, index) == 0;
	}
}

// ---- what Redis has given up ----

static void forget(struct web_index *index, uint16_t sensor, struct web_entry first, struct web_entry last)
{
	for (uint32_t at = 0; at < index->alerts_count; at++) {
		const struct web_alert *a = alert_at(index, at);
		if (a->sensor != sensor || (!entry_after(first, a->entry) && !entry_after(a->entry, last)))
			continue;
		index_drop(index, at);
		index->trimmed++;
	}
}

static void ends_came(void *context, const redisReply *reply)
{
	struct asked asked = *(struct asked *)context;
	struct web_index *index = asked.index;
	struct sensor *s = &index->sensors[asked.sensor];
	struct web_entry first = {UINT64_MAX, UINT64_MAX}, last = {0, 0};
	bool known = false;
	free(context);
	if (!reply || !s->caught_up || (reply->type != REDIS_REPLY_ARRAY && reply->type != REDIS_REPLY_ERROR))
		return;
	if (reply->type == REDIS_REPLY_ERROR && !strstr(reply->str, "no such key"))
		return;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		const redisReply *value = reply->element[i + 1];
		if (!reply->element[i]->str)
			continue; // no name
		if (strcmp(reply->element[i]->str, "last-generated-id") == 0)
			known = entry_of(value, &last);
		if (strcmp(reply->element[i]->str, "first-entry") == 0 && value->type == REDIS_REPLY_ARRAY && value->elements)
			entry_of(value->element[0], &first);
	}
	if (reply->type == REDIS_REPLY_ARRAY && !known)
		return;
	if (!entry_after(s->position, last)) {
		s->rewound = (struct web_entry){0, 0};
		forget(index, asked.sensor, first, (struct web_entry){UINT64_MAX, UINT64_MAX});
		return;
	}
	if (s->rewound.generation == s->position.generation && s->rewound.sequence == s->position.sequence) {
		forget(index, asked.sensor, first, last);
		return;
	}
	s->rewound = s->position;
}

static void look_at_ends(void *context)
{
	struct web_index *index = context;
	for (uint16_t i = 1; i <= index->sensors_count && web_redis_up(index->server->redis); i++) {
		struct asked *asked = index->sensors[i].caught_up ? ask_of(index, i) : NULL;
		char key[96];
		if (!asked)
			continue;
		key_of(index, i, key);
		const char *argv[] = {"XINFO", "STREAM", key};
		const size_t sizes[] = {5, 6, strlen(key)};
		web_redis_ask(index->server->redis, ends_came, asked, 3, argv, sizes);
	}
}

// ---- sensors ----

static void found(struct web_index *index, const char *key, size_t length)
{
	static const char head[] = "yagura:", tail[] = ":alerts";
	char name[64];
	size_t around = sizeof head - 1 + sizeof tail - 1;
	if (length <= around || length - around >= sizeof name || memcmp(key, head, sizeof head - 1) != 0 ||
	    memcmp(key + length - (sizeof tail - 1), tail, sizeof tail - 1) != 0)
		return;
	memcpy(name, key + sizeof head - 1, length - around);
	name[length - around] = '\0';
	if (!web_name_listed(index->server->sensors, name)) {
		index->sensors_foreign++;
		return;
	}
	uint16_t at = strlen(name) == length - around ? index_sensor_take(index, name) : 0;
	if (at && !index->sensors[at].caught_up && index->ready) // its first alert is news, though it is found by reading from the beginning
		index->sensors[at].late = true;
}

static void ask_scan(struct web_index *index);

static void scan_came(void *context, const redisReply *reply)
{
	struct web_index *index = context;
	index->scanning = false;
	if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY) {
		index->scan_cursor = 0;
		return;
	}
	for (size_t i = 0; i < reply->element[1]->elements; i++)
		if (reply->element[1]->element[i]->type == REDIS_REPLY_STRING)
			found(index, reply->element[1]->element[i]->str, reply->element[1]->element[i]->len);
	index->scan_cursor = strtoull(reply->element[0]->str, NULL, 10);
	if (index->scan_cursor) {
		ask_scan(index);
		return;
	}
	index->scanned = true;
	index->scan_rest = index->scan_rounds - 1;
	follow_all(index);
}

static void ask_scan(struct web_index *index)
{
	char cursor[24];
	snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)index->scan_cursor);
	const char *argv[] = {"SCAN", cursor, "MATCH", "yagura:*:alerts", "COUNT", "1000", "TYPE", "stream"};
	const size_t sizes[] = {4, strlen(cursor), 5, 15, 5, 4, 4, 6};
	index->scanning = true;
	index->scan_rounds++;
	web_redis_ask(index->server->redis, scan_came, index, 8, argv, sizes);
}

static void look_for_sensors(void *context)
{
	struct web_index *index = context;
	ready_look(index);
	if (index->scanning || !web_redis_up(index->server->redis))
		return;
	// a new sensor's first alert is to be seen within a second, where there are few keys to look through; else as often as their number allows
	if (index->scan_rest > 0) {
		index->scan_rest--;
		return;
	}
	index->scan_rounds = 0;
	ask_scan(index);
}

// Soon after the start, too: nothing is served before the streams have been read.
static void first_look(void *context)
{
	struct web_index *index = context;
	if (!index->scanned)
		look_for_sensors(index);
	else if (!index->ready)
		ready_look(index);
}

void web_index_follow(struct web_index *index)
{
	web_loop_every(index->server->loop, 50, first_look, index);
	web_loop_every(index->server->loop, SCAN_EVERY_MS, look_for_sensors, index);
	web_loop_every(index->server->loop, TRIM_EVERY_MS, look_at_ends, index);
}
