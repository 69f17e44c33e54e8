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
#include "alert.h"
#include "range.h"

struct web_index;

struct web_server;
struct web_index *web_index_create(struct web_server *server);
void web_index_destroy(struct web_index *index);
void web_index_follow(struct web_index *index); // begins to read what sensors write in Redis

enum web_taken { WEB_TAKEN_NEW, WEB_TAKEN_CHANGED, WEB_TAKEN_OLD, WEB_TAKEN_BAD };
// One entry of a sensor's alert stream. `line` is its field eve, not ended by NUL.
enum web_taken web_index_take(struct web_index *index, const char *sensor, struct web_entry entry, const char *line, size_t length,
			      uint32_t *ret_alert);

const struct web_alert *web_index_alert(const struct web_index *index, uint32_t at); // never NULL; sensor 0: the row is free
const struct web_group *web_index_group(const struct web_index *index, uint32_t at); // alerts 0: the row is free
uint64_t web_index_group_id(const struct web_index *index, uint32_t at); // without a walk along its alerts; 0: the row is free
// "<sensor>:<id>" or the id alone; of several the newest; WEB_NOWHERE.
uint32_t web_index_find_alert(const struct web_index *index, const char *text);
uint32_t web_index_find_group(const struct web_index *index, uint64_t id);      // WEB_NOWHERE
uint32_t web_index_find_group_text(const struct web_index *index, const char *text); // as it is shown
void web_alert_text(const struct web_index *index, uint32_t at, char to[96]); // "<sensor>:<id>"
// The bodies that may see it, as indices of the registry.
const uint16_t *web_index_bodies(const struct web_index *index, const struct web_alert *alert, uint32_t *ret_count);

enum web_class web_index_class(const struct web_index *index, uint32_t alert);
// Whether the view may see it at all; of a group: any alert of it.
bool web_index_sees_alert(const struct web_index *index, const struct web_view *view, uint32_t at);
bool web_index_sees_group(const struct web_index *index, const struct web_view *view, uint32_t at);
// Till when somebody is to know of the group, of what the view counts in it; 0: no hurry, or somebody does.
int64_t web_index_due_ns(const struct web_index *index, const struct web_view *view, uint32_t group);
// Whether an alert is in a range: its time from onset to newest record meets it.
bool web_alert_in(const struct web_alert *alert, struct web_range range);

uint32_t web_index_alerts_count(const struct web_index *index); // rows 0 ... count-1, free ones (sensor 0) among them
uint32_t web_index_groups_count(const struct web_index *index);
const char *web_index_string(const struct web_index *index, uint16_t at);
const char *web_index_sensor(const struct web_index *index, uint16_t sensor); // of an alert
const char *web_kind_ja(const char *kind); // of the table, else the kind itself
const char *web_kind_en(const char *kind);
int64_t web_index_gaps(const struct web_index *index, const char *sensor); // alert records missing in its numbers; -1: it numbers none
int64_t web_index_last_ns(const struct web_index *index); // newest record's time; 0: none came
// Calls back with every alert that is new or has changed since the streams were first read to their end; `opened`: its first record, one
// that reopened it, of a higher severity or out of shadow. In the order in which they asked; the row is as it is now. For as long as the
// index lives.
void web_index_on_alert(struct web_index *index, void (*told)(void *context, uint32_t alert, bool opened), void *context);
bool web_index_ready(const struct web_index *index); // the streams have been read to their end once
json_t *web_index_counters(const struct web_index *index); // by name; new reference

// Rows as the API has them (AlertRow, GroupRow), as the view may see them. Their sentences stand in Redis alone: what is asked for is read
// there (a memory of WEB_LINES_BYTES holds the last ones), then `done` is called, perhaps before this returns, with an array in
// the order of `at`; NULL: Redis is away and they are not all at hand. The array is the callee's. The view must live until then.
// What has gone from Redis meanwhile has empty sentences; what has gone from the index is left out.
typedef void (*web_rows)(void *context, json_t *rows);
void web_index_alert_rows(struct web_index *index, const struct web_view *view, const uint32_t *at, uint32_t count, web_rows done,
			  void *context);

// What is asked of lists: the inbox's tabs, range and order.
enum web_tab {
	WEB_TAB_INBOX, WEB_TAB_NEW, WEB_TAB_ACKNOWLEDGED, WEB_TAB_ESCALATED, WEB_TAB_ARCHIVED, WEB_TAB_SUPPRESSED, WEB_TAB_SHADOW, WEB_TAB_ALL,
	WEB_TABS
};
int web_tab_find(const char *name); // -1: there is none; NULL: inbox
// The order of a list, and of equals the one changed last first. Of alerts there is no WEB_BY_CHANGE.
enum web_order {
	WEB_BY_DEFAULT,  // groups: by severity; alerts: newest first
	WEB_BY_SEVERITY, // worst first
	WEB_BY_NEWEST, WEB_BY_OLDEST, // by the time of the newest record
	WEB_BY_COUNT,    // groups: of most alerts first; alerts: raised most often first
	WEB_BY_BODY,     // by its code, what is nobody's last; of one body worst first
	WEB_BY_CHANGE,   // groups: what somebody did last first, what nobody has touched last
	WEB_ORDERS
};
int web_order_find(const char *name); // -1: there is none; NULL: the default
struct web_query; // query.h
struct web_ask {
	const struct web_query *query; // NULL: all
	struct web_range range;        // all zero: all time
	enum web_tab tab;              // of groups
	enum web_order order;
};
void web_index_group_rows(struct web_index *index, const struct web_view *view, const struct web_ask *ask, const uint32_t *at,
			  uint32_t count, web_rows done, void *context);
// The EVE line of one alert, masked for the view, parsed. NULL: Redis is away. JSON null: it is trimmed there, or no JSON.
void web_index_eve(struct web_index *index, const struct web_view *view, uint32_t at, web_rows done, void *context);

enum { WEB_PAGE_ROWS = 500, WEB_BINS = 120 };
struct web_page {
	uint32_t rows[WEB_PAGE_ROWS], count;
	uint64_t total;           // exact
	uint64_t tabs[WEB_TABS];  // groups: of the same query and range
	uint64_t checked;         // alerts that were looked at: all that the view sees in the range
	int64_t checked_ns;       // of a list of groups: the time of the newest of them, 0: none
	char cursor[128];         // empty: nothing follows
	int64_t start_ns, step_ns; // alerts: all that were found, by time of their newest record
	uint32_t bins[WEB_BINS], bins_count;
};
// Groups or alerts that are asked for, within the view, behind `cursor` (NULL: from the beginning). A cursor is a place in the order that
// it was made in, so that what comes meanwhile neither doubles nor hides a row that stays where it was. 0; -EINVAL: no cursor of ours,
// or of another order; -E2BIG: costs more than WEB_QUERY_COST; -ENOMEM.
// A group is of one tab: of its state where any alert of it counts, else suppressed, else shadow. It is found when one alert of its class
// does what the query says, in the range.
int web_index_groups(const struct web_index *index, const struct web_view *view, const struct web_ask *ask, const char *cursor,
		     uint32_t limit, struct web_page *ret);
// Hidden alerts are among them only where the query has a word for them (is:shadow, is:suppressed, id:).
int web_index_alerts(const struct web_index *index, const struct web_view *view, const struct web_ask *ask, const char *cursor,
		     uint32_t limit, struct web_page *ret);
// Each alert of the range that the view sees, hidden ones too, in no order; false ends it.
void web_index_each_alert(const struct web_index *index, const struct web_view *view, struct web_range range,
			  bool (*each)(void *context, uint32_t alert), void *context);
// Whether a search costs no more than WEB_QUERY_COST for this view; lists, and what is done to many at once, are refused beyond.
bool web_index_affords(const struct web_index *index, const struct web_view *view, const struct web_query *query);
// All of them, in no order, whose state is `state` (parameter State of openapi.yaml; NULL: all) and that have an alert within the range;
// for what is done to many at once. Returns how many there are, of which the first `room` are in `ret`; UINT32_MAX: it was not looked, for
// it costs too much or there is no memory.
uint32_t web_index_select(const struct web_index *index, const struct web_view *view, const struct web_query *query, const char *state,
			  struct web_range range, uint32_t *ret, uint32_t room);
