// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What one stream is told. Groups come before the alerts that changed them, so that a break between the two repeats a hint rather than
// losing it. An alert whose newest record is another one than the event's has an event of its own further on, and is passed over here: so a
// burst of updates costs one row, and nothing is told twice.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "index.h"
#include "measure.h"
#include "stream_parts.h"

void stream_free(struct stream *s)
{
	free(s->since);
	free(s->caught);
	web_buffer_finish(&s->out);
	free(s);
}

void stream_put(struct stream *s, const char *text, size_t size)
{
	web_buffer_put(&s->out, text, size);
	s->closing = s->closing || s->out.failed; // he comes back with what he has
}

static void put(struct stream *s, const char *text)
{
	stream_put(s, text, strlen(text));
}

static bool same(struct web_entry a, struct web_entry b)
{
	return a.generation == b.generation && a.sequence == b.sequence;
}

static struct web_index *index_of(const struct stream *s)
{
	return s->streams->server->index;
}

static int width_of(const struct stream *s)
{
	return s->view.scope.all ? 1 : 20;
}

// "egress-1=3-1200,egress-2=1-7;c=77". Numbers of one width: of what is sealed the length is seen.
static size_t place_text(const struct stream *s, char *to, size_t room)
{
	const struct web_index *index = index_of(s);
	size_t n = 0;
	for (uint16_t i = 1; i <= index->sensors_count && n < room; i++)
		n += (size_t)snprintf(to + n, room - n, "%s%s=%0*" PRIu64 "-%0*" PRIu64, i > 1 ? "," : "", index->sensors[i].name, width_of(s),
				      s->told[i].generation, width_of(s), s->told[i].sequence);
	if (n < room)
		n += (size_t)snprintf(to + n, room - n, ";c=%0*" PRIu64, width_of(s), s->change);
	return n < room ? n : 0;
}

static void put_id(struct stream *s)
{
	static char text[WEB_SEALED_MAX], sealed[2 * WEB_SEALED_MAX]; // of the loop's thread
	if (s->stage == STAGE_WAITING) { // nothing has been told: what he has still holds
		if (s->since && s->since[strspn(s->since, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-=,;")] == '\0') {
			put(s, "id: ");
			put(s, s->since);
			put(s, "\n");
		}
		return;
	}
	size_t size = place_text(s, text, sizeof text);
	if (!s->view.scope.all) // it counts what happens to others
		web_seal(&s->streams->server->shown, text, size, sealed, sizeof sealed);
	put(s, "id: ");
	put(s, s->view.scope.all ? text : sealed);
	put(s, "\n");
}

static void begin_frame(struct stream *s, const char *event)
{
	put(s, "event: ");
	put(s, event);
	put(s, "\n");
	put_id(s);
	put(s, "data: ");
	s->streams->frames++;
	s->said_ms = web_now_ms();
}

static void put_frame(struct stream *s, const char *event, json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
	begin_frame(s, event);
	put(s, text ? text : "{}");
	put(s, "\n\n");
	free(text);
	json_decref(data);
}

// ---- where it begins ----

static void now_is_told(struct stream *s)
{
	const struct web_index *index = index_of(s);
	for (uint16_t i = 1; i <= index->sensors_count; i++)
		s->told[i] = index->sensors[i].position;
	s->change = s->streams->server->state ? web_state_change(s->streams->server->state) : 0;
	s->cursor = s->streams->next;
	s->groups_count = 0;
	s->groups_all = false;
	s->shown = s->streams->server->shown;
	s->stage = STAGE_LIVE;
}

static void reset(struct stream *s)
{
	s->streams->resets++;
	now_is_told(s);
	put_frame(s, "reset", json_object());
}

// False: it is no id of ours, or it tells of what is not there any more.
static bool read_since(struct stream *s)
{
	static char opened[WEB_SEALED_MAX];
	const struct web_index *index = index_of(s);
	char *at = s->since, *end;
	if (!s->view.scope.all) {
		if (!web_unseal(&s->streams->server->shown, s->since, opened, sizeof opened))
			return false;
		at = opened;
	}
	while (*at && *at != ';') {
		size_t n = strcspn(at, "=");
		uint16_t sensor = 0;
		for (uint16_t i = 1; i <= index->sensors_count; i++)
			if (strlen(index->sensors[i].name) == n && strncmp(index->sensors[i].name, at, n) == 0)
				sensor = i;
		if (!sensor || at[n] != '=')
			return false;
		struct web_entry entry = {strtoull(at + n + 1, &end, 10), 0};
		if (end == at + n + 1 || *end != '-')
			return false;
		at = end + 1;
		entry.sequence = strtoull(at, &end, 10);
		if (end == at || entry_after(entry, index->sensors[sensor].position))
			return false;
		s->told[sensor] = entry;
		at = end + (*end == ',');
	}
	if (strncmp(at, ";c=", 3) != 0)
		return false;
	s->change = strtoull(at + 3, &end, 10);
	uint64_t newest = s->streams->server->state ? web_state_change(s->streams->server->state) : 0;
	return end != at + 3 && !*end && s->change <= newest;
}

static int compare_caught(const void *a, const void *b)
{
	const struct caught *x = a, *y = b;
	if (x->sensor != y->sensor)
		return x->sensor < y->sensor ? -1 : 1;
	return entry_after(x->entry, y->entry) ? 1 : same(x->entry, y->entry) ? 0 : -1;
}

// What the index holds behind what has been told. False: too much.
static bool collect(struct stream *s)
{
	const struct web_index *index = index_of(s);
	free(s->caught);
	s->caught = calloc(STREAM_RESUME, sizeof *s->caught);
	s->caught_count = s->caught_at = 0;
	for (uint32_t at = 0; s->caught && at < web_index_alerts_count(index); at++) {
		const struct web_alert *a = web_index_alert(index, at);
		if (!a->sensor || !entry_after(a->entry, s->told[a->sensor]) || !view_sees_alert(index, &s->view, a))
			continue;
		if (s->caught_count == STREAM_RESUME)
			return false;
		s->caught[s->caught_count++] = (struct caught){at, a->sensor, a->id, a->entry};
		stream_group(s, web_index_group_id(index, a->group));
	}
	if (!s->caught)
		return false;
	qsort(s->caught, s->caught_count, sizeof *s->caught, compare_caught);
	for (uint16_t i = 1; i <= index->sensors_count; i++)
		s->aim[i] = index->sensors[i].position;
	s->cursor = s->streams->next;
	s->stage = STAGE_CATCHING;
	return true;
}

static void add_touched(void *context, uint64_t group, const struct web_group_touch *touch)
{
	struct stream *s = context;
	uint32_t at = touch->change > s->change ? web_index_find_group(index_of(s), group) : WEB_NOWHERE;
	if (at != WEB_NOWHERE && web_index_sees_group(index_of(s), &s->view, at))
		stream_group(s, group);
}

static void begin(struct stream *s)
{
	const struct web_server *server = s->streams->server;
	if (!web_index_ready(server->index) || (server->state && !web_state_ready(server->state)))
		return;
	s->shown = server->shown;
	if (!s->since) {
		now_is_told(s);
		s->health_due = true; // the first frame with a place to come back to
		return;
	}
	if (!read_since(s) || !collect(s)) {
		reset(s);
		return;
	}
	if (server->state)
		web_state_each(server->state, add_touched, s);
	s->streams->resumed++;
	s->health_due = true;
}

// ---- groups ----

void stream_group(struct stream *s, uint64_t group)
{
	for (uint32_t i = 0; i < s->groups_count; i++)
		if (s->groups[i] == group)
			return;
	if (s->groups_count == STREAM_GROUPS)
		s->groups_all = true;
	else
		s->groups[s->groups_count++] = group;
}

static void tell_groups(struct stream *s)
{
	json_t *ids = json_array();
	if (s->streams->server->state)
		s->change = web_state_change(s->streams->server->state);
	for (uint32_t i = 0; i < s->groups_count && !s->groups_all; i++) {
		char id[17];
		web_group_text(&s->streams->server->shown, s->groups[i], id);
		json_array_append_new(ids, json_string(id));
	}
	put_frame(s, "groups", json_pack("{s:o, s:b}", "ids", ids, "all", s->groups_all));
	s->groups_count = 0;
	s->groups_all = false;
}

// ---- alerts that were missed ----

static void caught_came(void *context, json_t *rows)
{
	struct stream *s = context;
	s->fetching = false;
	if (s->gone) {
		json_decref(rows);
		stream_free(s);
		return;
	}
	if (!rows)
		return; // Redis is away: the next turn tries again
	s->caught_at += s->batch;
	for (uint16_t i = 1; i <= WEB_ALERT_SENSORS; i++)
		for (uint32_t j = s->caught_at; j > 0 && j + s->batch > s->caught_at; j--)
			if (s->caught[j - 1].sensor == i) {
				s->told[i] = s->caught[j - 1].entry;
				break;
			}
	if (s->caught_at == s->caught_count) {
		memcpy(s->told, s->aim, sizeof s->told);
		s->stage = STAGE_LIVE;
		free(s->caught);
		s->caught = NULL;
	}
	s->streams->rows += json_array_size(rows);
	if (json_array_size(rows) && s->topics & TOPIC_ALERTS)
		put_frame(s, "alerts", json_pack("{s:o, s:I}", "rows", rows, "held", (json_int_t)(s->caught_count - s->caught_at)));
	else
		json_decref(rows);
}

static void tell_caught(struct stream *s)
{
	uint32_t at[STREAM_ROWS], count = 0;
	s->batch = s->caught_count - s->caught_at < STREAM_ROWS ? s->caught_count - s->caught_at : STREAM_ROWS;
	for (uint32_t i = 0; i < s->batch; i++) {
		const struct caught *c = &s->caught[s->caught_at + i];
		const struct web_alert *a = web_index_alert(index_of(s), c->alert);
		if (a->sensor == c->sensor && a->id == c->id && same(a->entry, c->entry)) // else an event of its own follows
			at[count++] = c->alert;
	}
	s->fetching = true;
	web_index_alert_rows(index_of(s), &s->view, at, count, caught_came, s);
}

// ---- alerts that come ----

// The event's row, or NULL where it is another's by now, or its alert has changed since.
static const char *text_of(struct stream *s, struct event *e, char **ret_own)
{
	static const struct web_view plain = {.scope = {.all = true}};
	const struct web_alert *a = web_index_alert(index_of(s), e->alert);
	*ret_own = NULL;
	if (a->sensor != e->sensor || a->id != e->id || !same(a->entry, e->entry) || !view_sees_alert(index_of(s), &s->view, a))
		return NULL;
	if (e->text && !s->view.masked)
		return e->text;
	json_t *row = row_of_alert(index_of(s), s->view.masked ? &s->view : &plain, e->alert, e->extra);
	char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(row);
	if (s->view.masked) {
		*ret_own = text;
		return text;
	}
	e->text = text;
	e->size = text ? strlen(text) : 0;
	s->streams->bytes += e->size;
	return text;
}

static void tell_events(struct stream *s)
{
	struct web_streams *streams = s->streams;
	uint32_t rows = 0;
	size_t mark = web_buffer_waits(&s->out);
	uint64_t from = s->cursor, to = s->cursor;
	uint32_t most = 0;
	// how far this frame goes is told in its id, which stands before the rows
	for (; to < streams->next && most < STREAM_ROWS; to++, most++)
		s->told[streams->events[to % EVENTS].sensor] = streams->events[to % EVENTS].entry;
	if (from == to)
		return;
	s->cursor = to;
	if (!(s->topics & TOPIC_ALERTS))
		return;
	int64_t said = s->said_ms;
	begin_frame(s, "alerts");
	put(s, "{\"rows\":[");
	for (uint64_t i = from; i < to; i++) {
		char *own;
		const char *text = text_of(s, &streams->events[i % EVENTS], &own);
		if (text) {
			if (rows++)
				put(s, ",");
			put(s, text);
		}
		free(own);
	}
	if (!rows) { // nothing that he sees: no frame
		web_buffer_cut(&s->out, mark);
		s->said_ms = said;
		return;
	}
	char tail[48];
	uint64_t held = 0; // of what he sees: how much happens to others is not his to know
	for (uint64_t i = to; i < streams->next; i++)
		held += web_index_sees_alert(index_of(s), &s->view, streams->events[i % EVENTS].alert);
	snprintf(tail, sizeof tail, "],\"held\":%" PRIu64 "}\n\n", held);
	put(s, tail);
	streams->rows += rows;
}

static void tell_alerts(struct stream *s)
{
	if (s->stage == STAGE_LIVE && s->cursor < s->streams->first) {
		s->streams->fell_behind++;
		if (!collect(s))
			reset(s);
	}
	if (s->stage == STAGE_CATCHING && !s->fetching)
		tell_caught(s);
	if (s->stage == STAGE_LIVE)
		tell_events(s);
}

// ---- the rest ----

static void tell_health(struct stream *s, int64_t now)
{
	const struct web_server *server = s->streams->server;
	bool up = web_redis_up(server->redis);
	json_t *strips = server->measure ? web_measure_strips(server->measure) : json_array();
	s->health_due = false;
	s->health_ms = now;
	put_frame(s, "health", json_pack("{s:o, s:b, s:b}", "sensors", strips, "redis", up, "read_only", !up));
}

static void tell_metrics(struct stream *s, int64_t now)
{
	const struct web_server *server = s->streams->server;
	s->metrics_ms = now;
	if (server->measure)
		put_frame(s, "metrics", web_measure_now(server->measure, &s->view));
}

static void tell(struct stream *s, int64_t now)
{
	if (s->stage == STAGE_WAITING)
		begin(s);
	else if (!s->fetching && memcmp(&s->shown, &s->streams->server->shown, sizeof s->shown) != 0)
		reset(s); // a Redis with another secret: the ids of groups that he has are none any more
	if (s->stage != STAGE_WAITING && (s->groups_count || s->groups_all) && s->topics & TOPIC_GROUPS)
		tell_groups(s);
	if (s->stage != STAGE_WAITING)
		tell_alerts(s);
	if (s->topics & TOPIC_HEALTH && (s->health_due || now - s->health_ms >= 5000))
		tell_health(s, now);
	if (s->stage != STAGE_WAITING && s->topics & TOPIC_METRICS && now - s->metrics_ms >= 1000)
		tell_metrics(s, now);
	if (now - s->said_ms >= 15000) {
		put(s, ": \n\n");
		s->said_ms = now;
	}
}

void stream_turn(struct stream *s)
{
	int64_t now = web_now_ms();
	size_t waits = web_buffer_waits(&s->out);
	if (s->closing)
		return;
	if (!waits)
		s->taken_ms = now; // from here on he can be waited for
	if (waits <= WEB_STREAM_HELD)
		s->full_ms = now;
	int64_t still = now - s->taken_ms, full = now - (s->taken_ms > s->full_ms ? s->taken_ms : s->full_ms);
	if (s->ends) {
		put_frame(s, "session", json_pack("{s:s}", "ends", s->ends));
		s->closing = true;
	} else if (still > STREAM_STUCK_MS || full > STREAM_FULL_MS || (waits > WEB_STREAM_HELD && s->streams->held > WEB_STREAMS_HELD)) {
		s->streams->dropped++;
		s->streams->held -= waits;
		web_buffer_cut(&s->out, 0);
		s->closing = true;
	} else if (waits < WEB_STREAM_HELD / 4) { // else what comes waits where it is, in the events or in the index
		tell(s, now);
	}
	if (s->poll && !s->fetching && s->stage != STAGE_CATCHING && (s->stage == STAGE_WAITING || s->cursor == s->streams->next))
		s->closing = true;
	if (web_buffer_waits(&s->out) || s->closing)
		web_answer_wake(s->request);
}
