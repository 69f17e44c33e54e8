// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Between stream.c (who listens, what has happened) and stream_frames.c (what each is told, and how far).
#pragma once

#include "buffer.h"
#include "index_parts.h"
#include "stream.h"

enum {
	STREAM_SESSION = 2,        // streams a session
	STREAM_ROWS = 200,         // alerts a frame
	STREAM_GROUPS = 200,       // groups a frame names; beyond: all
	STREAM_RESUME = 5000,      // alerts that are told anew after a break; beyond: reset
	STREAM_TICK_MS = 100,
	STREAM_STUCK_MS = 30000,   // who has taken nothing for so long, while something waits, is dropped;
	STREAM_FULL_MS = 10000,    // of more than WEB_STREAM_HELD: one long frame may be that, and is read slowly
	STREAM_SINCE = 8000,       // bytes of an id; a request's line and its headers have 8,192 each
	EVENTS = 4096,             // that wait for the slowest; who falls behind reads the index instead
	EVENT_BYTES = 4 << 20,     // of their texts
};

struct event {
	uint32_t alert;
	uint16_t sensor;
	uint64_t id;
	struct web_entry entry;
	struct extra *extra;
	char *text;                // AlertRow, for all who are not masked; made when the first one wants it
	size_t size;
};

enum topic { TOPIC_ALERTS = 1, TOPIC_GROUPS = 2, TOPIC_HEALTH = 4, TOPIC_METRICS = 8, TOPIC_ALL = 15 };
enum stage { STAGE_WAITING, STAGE_CATCHING, STAGE_LIVE };

struct caught { // an alert to be told anew
	uint32_t alert;
	uint16_t sensor;
	uint64_t id;
	struct web_entry entry;
};

struct stream {
	struct web_streams *streams;
	struct web_request *request;
	struct web_user user;
	struct web_view view;
	char session[16];
	unsigned topics;
	bool poll, gone, fetching, closing;
	enum stage stage;
	char *since;               // as it came; NULL: from now
	struct web_entry told[WEB_ALERT_SENSORS + 1], aim[WEB_ALERT_SENSORS + 1];
	uint64_t change;           // of groups, told
	uint64_t cursor;           // of events: the next
	struct web_shown shown;    // under which ids of groups have been told
	struct caught *caught;
	uint32_t caught_count, caught_at, batch;
	uint64_t groups[STREAM_GROUPS];
	uint32_t groups_count;
	bool groups_all, health_due;
	const char *ends;          // why
	struct web_buffer out;
	int64_t taken_ms, full_ms; // when he took something; when no more than WEB_STREAM_HELD waited
	int64_t health_ms, metrics_ms, said_ms;
};

struct web_streams {
	struct web_server *server;
	struct stream *all[WEB_STREAMS];
	uint32_t count;
	struct event events[EVENTS];
	uint64_t first, next;      // numbers of events
	size_t bytes;
	size_t held;               // bytes that wait for all of them, at the last tick
	bool up;
	uint64_t opened, refused, dropped, resets, resumed, fell_behind, frames, rows;
};

// All that is due for one of them.
void stream_turn(struct stream *s);
void stream_group(struct stream *s, uint64_t group);
// A frame's beginning and end; the data between is appended.
void stream_put(struct stream *s, const char *text, size_t size);
void event_forget(struct web_streams *streams, struct event *event);
void stream_free(struct stream *s);
