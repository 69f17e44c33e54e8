// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// syslog.url: each alert as a message of RFC 5424, in CEF or as its EVE line. No byte order mark stands before the text: readers of CEF and
// of JSON stumble over it, and the RFC allows a text without (MSG-ANY).
//
// A message has at most MESSAGE_MAX bytes, which is what common collectors take. An EVE line that is longer gives up its curve, then its
// tables, and is JSON still; only what is too long without them is cut.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/cef.h"
#include "courier/line_socket.h"

enum { MESSAGE_MAX = 8192, COUNT_MAX = 8 }; // COUNT_MAX: the digits of RFC 6587 3.4.1 and their blank

struct syslog {
	bool cef, octets; // octets: the length stands before each message
	unsigned facility;
};

// The longest beginning that ends between characters.
static size_t whole_utf8(const char *text, size_t size)
{
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

static void put_line(struct yg_cef_text *text, const char *line, size_t length)
{
	size_t room = text->size - 1 - text->length;
	if (length > room) {
		length = whole_utf8(line, room);
		text->cut = true;
	}
	memcpy(text->buffer + text->length, line, length);
	text->length += length;
}

// Without its largest parts, until it fits. They are ours to remove: the event was read for this message alone.
static void put_smaller(struct yg_cef_text *text, json_t *event)
{
	static const struct {
		const char *of, *part;
	} parts[] = {{"alert.context", "affected"}, {"alert.context.why", "series"}, {"alert.context.why", "top"},
		     {"alert.context", "vectors"}, {"alert.context", "orgs"}};
	size_t room = text->size - 1 - text->length;
	text->cut = true;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		json_object_del((json_t *)yg_cef_at(event, parts[i].of), parts[i].part);
		size_t length = json_dumpb(event, text->buffer + text->length, room, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
		if (length && length <= room) {
			text->length += length;
			return;
		}
	}
	char *whole = json_dumps(event, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
	if (whole)
		put_line(text, whole, strlen(whole));
	free(whole);
}

size_t yg_syslog_message(const char *line, size_t length, bool cef, unsigned facility, char *buffer, size_t size, bool *ret_cut)
{
	struct yg_cef_text text = {.buffer = buffer, .size = size};
	json_t *event = json_loadb(line, length, 0, NULL);
	*ret_cut = !event;
	if (!event)
		return 0;
	bool good = true;
	yg_syslog_head(&text, event, facility);
	length -= line[length - 1] == '\n';
	if (cef)
		good = yg_cef_alert(&text, event);
	else if (length <= text.size - 1 - text.length)
		put_line(&text, line, length);
	else
		put_smaller(&text, event);
	json_decref(event);
	*ret_cut = text.cut;
	return good ? text.length : 0;
}

static size_t render(void *context, const struct yg_spool_entry *entry, char *buffer, size_t size, bool *ret_cut)
{
	const struct syslog *s = context;
	char *message = buffer + COUNT_MAX, digits[COUNT_MAX + 4]; // room for its length, which is not known yet
	if (size < MESSAGE_MAX + 1 + COUNT_MAX)
		return 0;
	size_t length = yg_syslog_message(entry->line, entry->length, s->cef, s->facility, message, MESSAGE_MAX + 1, ret_cut);
	if (!length)
		return 0;
	size_t before = s->octets ? (size_t)snprintf(digits, sizeof digits, "%zu ", length) : 0;
	memcpy(buffer, digits, before);
	memmove(buffer + before, message, length);
	return before + length;
}

struct yg_sink *yg_sink_syslog_create(const struct yg_peer *peer, bool cef, unsigned facility, struct yg_spool *spool,
                                      struct yg_courier_stats *stats)
{
	struct syslog *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	*s = (struct syslog){.cef = cef, .octets = peer->kind == YG_PEER_TCP, .facility = facility};
	json_object_seed(0); // jansson reads the seed of its tables from a file, once
	const struct yg_line_socket_options options = {
		.peer = *peer,
		.which = YG_SPOOL_SYSLOG,
		.counters = YG_CC_SYSLOG_UP,
		.name = "syslog",
		.render = render,
		.finish = free,
		.context = s,
	};
	struct yg_sink *sink = yg_line_socket_create(&options, spool, stats);
	if (!sink)
		free(s);
	return sink;
}
