// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the dashboard knows of alerts without asking Redis: at most 256 bytes an alert, rebuilt from the streams at start, so that a restart
// loses nothing. An alert is what has one sensor, context.id and first_seen; its open, update and close entries are one row, which keeps
// the id of the newest entry. Groups are alerts of equal body, kind, inside host and remote end: the rows of the inbox.
//
// Bounded: WEB_ALERTS_MAX rows; beyond, the oldest closed one goes (counted). Strings (kinds, bodies, app protocols, names) are interned,
// 65,536 of them; beyond, "…" (counted). Lines come from Redis, which anybody with the sensor's password may write to: every field is
// checked, what is not an alert is counted and passed over.
//
// Thread: the loop's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"

enum { WEB_ALERTS_MAX = 500000, WEB_GROUPS_MAX = 200000, WEB_SENSORS_MAX = 64, WEB_STRINGS_MAX = 65536 };

struct web_entry { // id of a stream's entry
	uint64_t generation, sequence;
};

struct web_alert {
	struct web_entry entry;   // newest
	uint64_t id;              // context.id
	int64_t first_ns, last_ns, time_ns;
	uint8_t source[16], target[16];
	uint32_t group, next;     // index of its group; next alert of it, UINT32_MAX: the last
	uint32_t count;
	uint16_t source_port, target_port;
	uint16_t sensor, kind, body, app_proto, technique, vector; // strings, body: of the registry
	uint8_t source_af, af, target_len, proto;
	uint8_t severity, state, mode, score, zone, confidence;    // confidence in percent
	uint8_t bodies_count;     // that may see it; the first seven here, the rest in web_index_bodies()
	uint8_t flags;
	uint16_t bodies[7];
};
_Static_assert(sizeof(struct web_alert) <= 256, "the budget of dashboard.md");

struct web_group {
	uint64_t id;              // hash of its key: the same after a restart
	uint32_t first, last;     // alerts, by arrival
	uint32_t alerts, open;
	int64_t first_ns, last_ns;
	uint8_t severity;         // worst
};
struct web_index;

struct web_server;
struct web_index *web_index_create(struct web_server *server);
void web_index_destroy(struct web_index *index);

enum web_taken { WEB_TAKEN_NEW, WEB_TAKEN_CHANGED, WEB_TAKEN_OLD, WEB_TAKEN_BAD };
// One entry of a sensor's alert stream. `line` is its field eve, not ended by NUL.
enum web_taken web_index_take(struct web_index *index, const char *sensor, struct web_entry entry, const char *line, size_t length,
			      uint32_t *ret_alert);

const struct web_alert *web_index_alert(const struct web_index *index, uint32_t at);
const struct web_group *web_index_group(const struct web_index *index, uint32_t at);
uint32_t web_index_find_alert(const struct web_index *index, const char *text); // "<sensor>:<id>" or the id alone; UINT32_MAX
uint32_t web_index_find_group(const struct web_index *index, uint64_t id);

// Rows as the API has them (AlertRow, GroupRow), as the view may see them. Their sentences stand in Redis alone: what is asked for is read
// there (a memory of WEB_LINES_BYTES holds the last ones), then `done` is called, perhaps before this returns, with an array in the order of `at`; NULL:
// Redis is away and they are not all at hand. The array is the callee's.
enum { WEB_LINES_BYTES = 4 << 20 };
struct web_range { int64_t from_ns, to_ns; };
typedef void (*web_rows)(void *context, json_t *rows);
void web_index_alert_rows(struct web_index *index, const struct web_view *view, const uint32_t *at, uint32_t count, web_rows done, void *context);
void web_index_group_rows(struct web_index *index, const struct web_view *view, const uint32_t *at, uint32_t count, struct web_range spark, web_rows done, void *context);
// The EVE line of one alert, masked for the view, parsed. NULL: Redis is away, or it is trimmed there.
void web_index_eve(struct web_index *index, const struct web_view *view, uint32_t at, web_rows done, void *context);
// Whether the view may see it at all, and whether it counts: not in shadow, not suppressed.
bool web_index_sees_alert(const struct web_index *index, const struct web_view *view, uint32_t at);
bool web_index_sees_group(const struct web_index *index, const struct web_view *view, uint32_t at);
uint32_t web_index_alerts_count(const struct web_index *index); // 0 … count-1, by arrival; gone ones have sensor 0
uint32_t web_index_groups_count(const struct web_index *index);
const char *web_index_string(const struct web_index *index, uint16_t at);
int64_t web_index_last_ns(const struct web_index *index); // when the last record came
bool web_index_ready(const struct web_index *index); // the streams have been read to their end once

struct web_query; // query.h
struct web_page {
	uint32_t rows[500], count;
	uint64_t total;           // exact
	char cursor[128];         // empty: nothing follows
};
// Groups or alerts that the query finds within the view, newest (or worst) first, behind `cursor`.
int web_index_groups(const struct web_index *index, const struct web_view *view, const struct web_query *query, const char *cursor,
		     uint32_t limit, struct web_page *ret);
int web_index_alerts(const struct web_index *index, const struct web_view *view, const struct web_query *query, const char *cursor,
		     uint32_t limit, struct web_page *ret);
// All of them, in no order, whose state is `state` (parameter State of openapi.yaml; NULL: all) and that have an alert within the range; for
// what is done to many at once. Returns how many there are, of which the first `room` are in `ret`.
uint32_t web_index_select(const struct web_index *index, const struct web_view *view, const struct web_query *query, const char *state,
			  struct web_range range, uint32_t *ret, uint32_t room);
// Parameter Range of openapi.yaml; NULL or empty: all there is. False: it is none (422, bad_range).
bool web_range_parse(const char *text, int64_t now_ns, struct web_range *ret);
