// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See stream.h. What happens to alerts is one list of events for all; each stream has its place in it, and the last record of each sensor
// that it has told. Who was away, or is too slow for the list, is told what the index holds behind that record: the index is the memory, so
// a break of any length, of this process or of Redis, is the same case. A row is written once, for all viewers that are not masked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "http.h"
#include "index.h"
#include "measure.h"
#include "stream_parts.h"

void event_forget(struct web_streams *streams, struct event *event)
{
	streams->bytes -= event->size + (event->extra ? sizeof *event->extra + event->extra->bytes : 0);
	free(event->extra);
	free(event->text);
	memset(event, 0, sizeof *event);
}

// Gives up what everybody has passed, and what finds no room.
static void forget_events(struct web_streams *streams, bool one)
{
	uint64_t least = streams->next;
	for (uint32_t i = 0; i < streams->count; i++)
		if (streams->all[i]->stage != STAGE_WAITING && streams->all[i]->cursor < least)
			least = streams->all[i]->cursor;
	while (streams->first < least || (streams->first < streams->next && (streams->bytes > EVENT_BYTES || one))) {
		event_forget(streams, &streams->events[streams->first++ % EVENTS]);
		one = false;
	}
}

static void alert_told(void *context, uint32_t alert, bool opened)
{
	struct web_streams *streams = context;
	const struct web_index *index = streams->server->index;
	const struct web_alert *a = web_index_alert(index, alert);
	const struct extra *x = lines_find(index, alert);
	(void)opened;
	if (!streams->count)
		return;
	if (streams->next - streams->first == EVENTS)
		forget_events(streams, true);
	struct event *event = &streams->events[streams->next++ % EVENTS];
	*event = (struct event){.alert = alert, .sensor = a->sensor, .id = a->id, .entry = a->entry, .extra = x ? extra_copy(x) : NULL};
	if (event->extra)
		streams->bytes += sizeof *event->extra + event->extra->bytes;
	for (uint32_t i = 0; i < streams->count; i++)
		if (streams->all[i]->stage != STAGE_WAITING && web_index_sees_alert(index, &streams->all[i]->view, alert))
			stream_group(streams->all[i], web_index_group_id(index, a->group));
}

static void group_changed(void *context, uint64_t group)
{
	struct web_streams *streams = context;
	uint32_t at = web_index_find_group(streams->server->index, group);
	for (uint32_t i = 0; i < streams->count && at != WEB_NOWHERE; i++)
		if (streams->all[i]->stage != STAGE_WAITING && web_index_sees_group(streams->server->index, &streams->all[i]->view, at))
			stream_group(streams->all[i], group);
}

static void health_changed(void *context)
{
	struct web_streams *streams = context;
	for (uint32_t i = 0; i < streams->count; i++)
		streams->all[i]->health_due = true;
}

static void session_over(void *context, const char *user, const char *session, const char *why)
{
	struct web_streams *streams = context;
	for (uint32_t i = 0; i < streams->count; i++) {
		struct stream *s = streams->all[i];
		if (strcmp(s->user.name, user) == 0 && strcmp(s->session, session) == 0)
			s->ends = strcmp(why, "logout") == 0 ? "logout" : strcmp(why, "expired") == 0 ? "expired" : "changed";
	}
}

static void tick(void *context)
{
	struct web_streams *streams = context;
	bool up = web_redis_up(streams->server->redis);
	if (up != streams->up)
		health_changed(streams);
	streams->up = up;
	streams->held = 0;
	for (uint32_t i = 0; i < streams->count; i++)
		streams->held += web_buffer_waits(&streams->all[i]->out);
	for (uint32_t i = streams->count; i > 0; i--)
		stream_turn(streams->all[i - 1]);
	forget_events(streams, false);
}

struct web_streams *web_streams_create(struct web_server *server)
{
	struct web_streams *streams = calloc(1, sizeof *streams);
	if (!streams)
		return NULL;
	streams->server = server;
	web_index_on_alert(server->index, alert_told, streams);
	web_state_on_change(server->state, group_changed, streams);
	web_measure_on_change(server->measure, health_changed, streams);
	web_auth_on_over(server->auth, session_over, streams);
	web_loop_every(server->loop, STREAM_TICK_MS, tick, streams);
	return streams;
}

void web_streams_destroy(struct web_streams *streams)
{
	if (!streams)
		return;
	while (streams->first < streams->next)
		event_forget(streams, &streams->events[streams->first++ % EVENTS]);
	free(streams);
}

json_t *web_streams_counters(const struct web_streams *streams)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "streams.now", (json_int_t)streams->count, "streams.opened",
			 (json_int_t)streams->opened, "streams.refused", (json_int_t)streams->refused, "streams.dropped", (json_int_t)streams->dropped,
			 "streams.resets", (json_int_t)streams->resets, "streams.resumed", (json_int_t)streams->resumed, "streams.fell_behind",
			 (json_int_t)streams->fell_behind, "streams.frames", (json_int_t)streams->frames, "streams.rows", (json_int_t)streams->rows);
}

// ---- a stream's life ----

static long more(void *context, char *to, size_t room)
{
	struct stream *s = context;
	size_t size = web_buffer_take(&s->out, to, room);
	if (!size)
		return s->closing ? -1 : 0;
	s->taken_ms = web_now_ms();
	return (long)size;
}

static void ended(void *context)
{
	struct stream *s = context;
	struct web_streams *streams = s->streams;
	for (uint32_t i = 0; i < streams->count; i++)
		if (streams->all[i] == s) {
			streams->all[i] = streams->all[--streams->count];
			break;
		}
	s->gone = true;
	if (!s->fetching)
		stream_free(s);
}

static unsigned topics_of(const char *text)
{
	static const char *const names[] = {"alerts", "groups", "health", "metrics"};
	unsigned topics = 0;
	while (text && *text) {
		size_t n = strcspn(text, ",");
		for (unsigned i = 0; i < 4; i++)
			if (strlen(names[i]) == n && strncmp(names[i], text, n) == 0)
				topics |= 1u << i;
		text += n + (text[n] == ',');
	}
	return topics ? topics : TOPIC_ALL;
}

static const char *refusal(const struct web_streams *streams, const char *session)
{
	uint32_t mine = 0;
	for (uint32_t i = 0; i < streams->count; i++)
		mine += strcmp(streams->all[i]->session, session) == 0;
	return mine >= STREAM_SESSION || streams->count == WEB_STREAMS ? "too_many_streams" : NULL;
}

void web_op_stream(struct web_request *request, struct web_server *server)
{
	struct web_streams *streams = server->streams;
	const struct web_session *session = web_request_session(request);
	const char *since = web_request_header(request, "Last-Event-ID"), *poll = web_request_query(request, "poll");
	struct stream *s = NULL;
	const char *refused = session ? refusal(streams, session->id) : "not_logged_in";
	if (!refused && !(s = calloc(1, sizeof *s)))
		refused = "busy";
	if (refused) {
		streams->refused++;
		web_answer_problem(request, !session ? 401 : strcmp(refused, "busy") == 0 ? 503 : 429, refused);
		return;
	}
	if (!since || !*since)
		since = web_request_query(request, "since");
	s->streams = streams;
	s->request = request;
	s->user = *web_request_view(request)->user;
	s->view = *web_request_view(request);
	s->view.user = &s->user;
	snprintf(s->session, sizeof s->session, "%s", session->id);
	s->topics = topics_of(web_request_query(request, "topics"));
	s->poll = poll && strcmp(poll, "1") == 0;
	s->since = since && *since ? strndup(since, STREAM_SINCE) : NULL;
	s->health_due = true;
	s->taken_ms = s->full_ms = s->said_ms = web_now_ms();
	streams->all[streams->count++] = s;
	streams->opened++;
	if (!s->poll)
		stream_put(s, "retry: 2000\n\n", 13);
	stream_turn(s);
	web_answer_pieces(request, "text/event-stream", NULL, more, ended, s);
}
