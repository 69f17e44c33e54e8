// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What can be asked of the index without a list: rows by number and by name, whether a view sees them, till when somebody is to know.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "index.h"
#include "index_parts.h"
#include "model/kinds.h"
#include "range.h"

const struct web_alert *web_index_alert(const struct web_index *index, uint32_t at)
{
	static const struct web_alert none = {.group = WEB_NOWHERE, .next = WEB_NOWHERE, .before = WEB_NOWHERE, .body = WEB_BODY_NONE};
	return at < index->alerts_count ? alert_at(index, at) : &none;
}

// From its alerts; when it is asked for, since a group of 10,000 would otherwise be counted anew with each record.
static void sum_up(const struct web_index *index, struct web_group *g)
{
	g->open = 0;
	g->severity = 0;
	g->first_ns = INT64_MAX;
	g->last_ns = INT64_MIN;
	g->stale = false;
	for (uint32_t at = g->first; at != WEB_NOWHERE; at = alert_at(index, at)->next) {
		const struct web_alert *a = alert_at(index, at);
		g->open += a->state == WEB_ALERT_OPEN;
		g->severity = a->severity > g->severity ? a->severity : g->severity;
		g->first_ns = a->first_ns < g->first_ns ? a->first_ns : g->first_ns;
		g->last_ns = a->time_ns > g->last_ns ? a->time_ns : g->last_ns;
	}
}

const struct web_group *web_index_group(const struct web_index *index, uint32_t at)
{
	static const struct web_group none = {.first = WEB_NOWHERE, .last = WEB_NOWHERE};
	if (at >= index->groups_count)
		return &none;
	if (group_at(index, at)->stale)
		sum_up(index, group_at(index, at));
	return group_at(index, at);
}

uint64_t web_index_group_id(const struct web_index *index, uint32_t at)
{
	return at < index->groups_count ? group_at(index, at)->id : 0;
}

uint32_t web_index_find_group_text(const struct web_index *index, const char *text)
{
	uint64_t id;
	return web_group_read(&index->server->shown, text, &id) ? web_index_find_group(index, id) : WEB_NOWHERE;
}

void web_alert_text(const struct web_index *index, uint32_t at, char to[96])
{
	const struct web_alert *a = web_index_alert(index, at);
	snprintf(to, 96, "%s:%016llx", web_index_sensor(index, a->sensor), (unsigned long long)a->id);
}

uint32_t web_index_find_alert(const struct web_index *index, const char *text)
{
	const char *colon = strrchr(text, ':');
	uint16_t sensor = 0;
	uint64_t id;
	for (uint16_t i = 1; colon && i <= index->sensors_count; i++)
		if (strncmp(index->sensors[i].name, text, (size_t)(colon - text)) == 0 && !index->sensors[i].name[colon - text])
			sensor = i;
	if ((colon && !sensor) || !web_id_read(colon ? colon + 1 : text, &id))
		return WEB_NOWHERE;
	return index_find(index, sensor, id, NULL);
}

uint32_t web_index_alerts_count(const struct web_index *index)
{
	return index->alerts_count;
}

uint32_t web_index_groups_count(const struct web_index *index)
{
	return index->groups_count;
}

const char *web_index_string(const struct web_index *index, uint16_t at)
{
	return strings_text(&index->strings, at);
}

const char *web_index_sensor(const struct web_index *index, uint16_t sensor)
{
	return sensor <= index->sensors_count ? index->sensors[sensor].name : "";
}

const char *web_kind_ja(const char *kind)
{
	const struct yg_kind *row = yg_kind_find(kind);
	return row ? row->name_ja : kind;
}

const char *web_kind_en(const char *kind)
{
	const struct yg_kind *row = yg_kind_find(kind);
	return row ? row->name_en : kind;
}

int64_t web_index_gaps(const struct web_index *index, const char *sensor)
{
	for (uint16_t i = 1; i <= index->sensors_count; i++)
		if (strcmp(index->sensors[i].name, sensor) == 0 && index->sensors[i].run)
			return index->sensors[i].gaps < INT64_MAX ? (int64_t)index->sensors[i].gaps : INT64_MAX;
	return -1;
}

int64_t web_index_last_ns(const struct web_index *index)
{
	return index->last_ns;
}

bool web_index_ready(const struct web_index *index)
{
	return index->ready;
}

json_t *web_index_counters(const struct web_index *index)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "index.alerts", (json_int_t)index->alerts_used,
			 "index.groups", (json_int_t)index->groups_used, "index.strings", (json_int_t)index->strings.count, "index.bad_records",
			 (json_int_t)index->bad, "index.evicted", (json_int_t)index->evicted, "index.trimmed", (json_int_t)index->trimmed,
			 "index.strings_full", (json_int_t)index->strings.full, "index.sets_full", (json_int_t)index->sets_full,
			 "index.sensors_full", (json_int_t)index->sensors_full, "index.sensors_foreign",
			 (json_int_t)index->sensors_foreign, "index.groups_full", (json_int_t)index->groups_full,
			 "index.no_memory", (json_int_t)index->no_memory, "index.orgs_left_out", (json_int_t)index->orgs_left_out,
			 "index.same_id", (json_int_t)index->same_id);
}

// ---- what counts, and who sees it ----

enum web_class web_index_class(const struct web_index *index, uint32_t alert)
{
	index_refresh(index);
	return class_of(web_index_alert(index, alert));
}

bool web_index_sees_alert(const struct web_index *index, const struct web_view *view, uint32_t at)
{
	const struct web_alert *a = web_index_alert(index, at);
	return a->sensor && view_sees_alert(index, view, a);
}

bool web_index_sees_group(const struct web_index *index, const struct web_view *view, uint32_t at)
{
	const struct web_group *g = web_index_group(index, at);
	for (uint32_t i = g->first; g->alerts && i != WEB_NOWHERE; i = alert_at(index, i)->next)
		if (view_sees_alert(index, view, alert_at(index, i)))
			return true;
	return false;
}

bool web_alert_in(const struct web_alert *alert, struct web_range range)
{
	if (!range.from_ns && !range.to_ns)
		return true;
	return alert->time_ns >= range.from_ns && (alert->first_ns < range.to_ns || range.to_ns == INT64_MAX);
}

// What came back after somebody had dealt with it is due from then on, not from its onset a week ago.
int64_t alert_due_ns(const struct web_alert *alert, const struct web_group_touch *touch)
{
	if (!alert->sla_minutes || touch->state != WEB_NEW)
		return 0;
	int64_t from = touch->back_ns > alert->first_ns ? touch->back_ns : alert->first_ns;
	return from + alert->sla_minutes * INT64_C(60000000000);
}

int64_t web_index_due_ns(const struct web_index *index, const struct web_view *view, uint32_t group)
{
	const struct web_group *g = web_index_group(index, group);
	const struct web_group_touch *touch = g->alerts ? web_state_of(index->server->state, g->id) : NULL;
	int64_t due = 0;
	if (!touch || touch->state != WEB_NEW)
		return 0;
	index_refresh(index);
	for (uint32_t at = g->first; at != WEB_NOWHERE; at = alert_at(index, at)->next) {
		const struct web_alert *a = alert_at(index, at);
		int64_t one = class_of(a) == WEB_COUNTED && view_sees_alert(index, view, a) ? alert_due_ns(a, touch) : 0;
		if (one && (!due || one < due))
			due = one;
	}
	return due;
}

uint32_t axis_bin(struct axis axis, int64_t time_ns)
{
	if (time_ns <= axis.start_ns)
		return 0;
	if (time_ns >= axis.end_ns)
		return axis.bins - 1;
	double share = (double)(time_ns - axis.start_ns) / (double)(axis.end_ns - axis.start_ns);
	uint32_t bin = (uint32_t)(share * axis.bins);
	return bin < axis.bins ? bin : axis.bins - 1;
}
