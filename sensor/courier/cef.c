// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See cef.h. Names of extensions are those of the CEF dictionary; what it has no name for goes into the custom fields with a label. An
// IPv6 address has fields of its own (c6a2, c6a3), for in src and dst many collectors take IPv4 alone; the unspecified address, which in
// EVE stands for "many or none", is left out.
#include "courier/cef.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { VALUE_MAX = 2048 }; // of one extension; our sentences have 300 bytes

// delivery: one table for ours, CEF's 0 to 10, and syslog's 0 to 7
static const struct severity {
	const char *name;
	unsigned cef, syslog;
} severities[] = {{"critical", 10, 2}, {"high", 8, 3}, {"medium", 5, 4}, {"low", 3, 5}, {"info", 1, 6}};

const json_t *yg_cef_at(const json_t *event, const char *path)
{
	char name[32];
	while (event) {
		size_t length = strcspn(path, ".");
		if (length >= sizeof name)
			return NULL;
		memcpy(name, path, length);
		name[length] = '\0';
		event = json_object_get(event, name);
		if (!path[length])
			return event;
		path += length + 1;
	}
	return NULL;
}

// "" when it is no text.
static const char *string_at(const json_t *event, const char *path)
{
	const char *text = json_string_value(yg_cef_at(event, path));
	return text ? text : "";
}

static const struct severity *severity_of(const json_t *event)
{
	const char *name = string_at(event, "alert.context.severity");
	if (strcmp(string_at(event, "alert.context.mode"), "shadow") == 0)
		name = "info"; // whoever sorts by severity is not to be woken
	for (size_t i = 0; i < sizeof severities / sizeof *severities; i++)
		if (strcmp(name, severities[i].name) == 0)
			return &severities[i];
	return &severities[4];
}

// ---- text ----

static void put(struct yg_cef_text *text, const char *bytes, size_t length)
{
	if (text->size - text->length <= length) {
		text->cut = true;
		return;
	}
	memcpy(text->buffer + text->length, bytes, length);
	text->length += length;
	text->buffer[text->length] = '\0';
}

static void put_text(struct yg_cef_text *text, const char *bytes)
{
	put(text, bytes, strlen(bytes));
}

void yg_cef_escape(struct yg_cef_text *text, enum yg_cef_escape where, const char *value)
{
	for (; *value && !text->cut; value++) {
		bool special = where == YG_CEF_HEADER ? strchr("\\|", *value) : strchr("\\=", *value);
		if (special)
			put(text, (const char[]){'\\', *value}, 2);
		else if (where == YG_CEF_EXTENSION && *value == '\n')
			put(text, "\\n", 2);
		else if (where == YG_CEF_EXTENSION && *value == '\r')
			put(text, "\\r", 2);
		else
			put(text, (unsigned char)*value < ' ' || *value == 0x7f ? " " : value, 1);
	}
}

// ` key=value`, whole or not at all. Nothing of it for an empty value.
static void field(struct yg_cef_text *text, const char *key, const char *value)
{
	char escaped[VALUE_MAX];
	struct yg_cef_text inner = {.buffer = escaped, .size = sizeof escaped};
	if (!value[0])
		return;
	yg_cef_escape(&inner, YG_CEF_EXTENSION, value);
	if (inner.cut || text->size - text->length <= inner.length + strlen(key) + 2) {
		text->cut = true;
		return;
	}
	if (text->fields)
		put(text, " ", 1);
	text->fields = true;
	put_text(text, key);
	put(text, "=", 1);
	put(text, escaped, inner.length);
}

static void number_field(struct yg_cef_text *text, const char *key, const json_t *value)
{
	char digits[24];
	if (!json_is_integer(value))
		return;
	snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
	field(text, key, digits);
}

static void labelled(struct yg_cef_text *text, const char *key, const char *label, const char *value)
{
	char name[24];
	if (!value[0])
		return;
	snprintf(name, sizeof name, "%sLabel", key);
	field(text, key, value);
	field(text, name, label);
}

static void labelled_number(struct yg_cef_text *text, const char *key, const char *label, const json_t *value)
{
	char name[24];
	if (!json_is_integer(value))
		return;
	snprintf(name, sizeof name, "%sLabel", key);
	number_field(text, key, value);
	field(text, name, label);
}

// ---- values ----

// "2026-11-21T21:30:00.123456+0900" in milliseconds since 1970. False when it is no such thing.
static bool milliseconds(const char *time, long long *ret_ms)
{
	struct tm tm = {0};
	int us, hours, minutes;
	char sign;
	if (strlen(time) != 31 || sscanf(time, "%4d-%2d-%2dT%2d:%2d:%2d.%6d%c%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	                                 &tm.tm_min, &tm.tm_sec, &us, &sign, &hours, &minutes) != 10)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	long long offset = (hours * 60LL + minutes) * 60;
	*ret_ms = (timegm(&tm) - (sign == '-' ? -offset : offset)) * 1000LL + us / 1000;
	return true;
}

static void time_field(struct yg_cef_text *text, const char *key, const char *time)
{
	long long ms;
	char digits[24];
	if (!milliseconds(time, &ms))
		return;
	snprintf(digits, sizeof digits, "%lld", ms);
	field(text, key, digits);
}

static void address(struct yg_cef_text *text, const char *key, const char *key6, const char *label6, const char *value)
{
	struct in6_addr number;
	if (inet_pton(AF_INET, value, &number) == 1) {
		if (strcmp(value, "0.0.0.0") != 0)
			field(text, key, value);
	} else if (inet_pton(AF_INET6, value, &number) == 1 && memcmp(&number, &in6addr_any, sizeof number) != 0) {
		labelled(text, key6, label6, value);
	}
}

static const char *first_of(const json_t *list)
{
	const char *text = json_string_value(json_array_get(list, 0));
	return text ? text : "";
}

// ---- an alert ----

static void put_head(struct yg_cef_text *text, const json_t *event)
{
	char number[24];
	put_text(text, "CEF:0|Yagura|Yagura|" YG_VERSION "|");
	snprintf(number, sizeof number, "%lld|", (long long)json_integer_value(yg_cef_at(event, "alert.signature_id")));
	put_text(text, number);
	yg_cef_escape(text, YG_CEF_HEADER, string_at(event, "alert.signature"));
	snprintf(number, sizeof number, "|%u|", severity_of(event)->cef);
	put_text(text, number);
}

bool yg_cef_alert(struct yg_cef_text *text, const json_t *event)
{
	if (strcmp(string_at(event, "event_type"), "alert") != 0)
		return false;
	put_head(text, event);
	time_field(text, "rt", string_at(event, "timestamp"));
	time_field(text, "start", string_at(event, "alert.context.first_seen"));
	time_field(text, "end", string_at(event, "alert.context.last_seen"));
	field(text, "dvchost", string_at(event, "host"));
	field(text, "externalId", string_at(event, "alert.context.id"));
	field(text, "cat", string_at(event, "alert.category"));
	field(text, "act", string_at(event, "alert.action"));
	address(text, "src", "c6a2", "Source IPv6 Address", string_at(event, "src_ip"));
	number_field(text, "spt", yg_cef_at(event, "src_port"));
	address(text, "dst", "c6a3", "Destination IPv6 Address", string_at(event, "dest_ip"));
	number_field(text, "dpt", yg_cef_at(event, "dest_port"));
	field(text, "proto", string_at(event, "proto"));
	field(text, "app", string_at(event, "app_proto"));
	number_field(text, "cnt", yg_cef_at(event, "alert.context.count"));
	field(text, "msg", string_at(event, "alert.context.why.text_ja"));
	labelled(text, "cs1", "kind", string_at(event, "alert.context.kind"));
	labelled(text, "cs2", "state", string_at(event, "alert.context.state"));
	labelled(text, "cs3", "organization", string_at(event, "alert.context.org.name_ja"));
	labelled(text, "cs4", "technique", first_of(yg_cef_at(event, "alert.metadata.mitre_technique_id")));
	labelled(text, "cs5", "target", string_at(event, "alert.context.target"));
	labelled(text, "cs6", "text_en", string_at(event, "alert.context.why.text_en"));
	labelled_number(text, "cn1", "score", yg_cef_at(event, "alert.context.score"));
	labelled_number(text, "cn2", "sla_minutes", yg_cef_at(event, "alert.context.sla_minutes"));
	labelled_number(text, "cn3", "affected_bodies", yg_cef_at(event, "alert.context.affected_count"));
	labelled(text, "flexString1", "mode", string_at(event, "alert.context.mode"));
	labelled(text, "flexString2", "impact", string_at(event, "alert.context.impact.state"));
	return true;
}

// ---- the header of syslog ----

// Printable ASCII without blanks, or "-" (RFC 5424 6).
static void put_name(struct yg_cef_text *text, const char *value, size_t max)
{
	if (!value[0])
		put(text, "-", 1);
	for (size_t i = 0; value[i] && i < max; i++)
		put(text, value[i] > ' ' && value[i] < 0x7f ? value + i : "?", 1);
	put(text, " ", 1);
}

// As EVE has it, but for the colon within the offset (RFC 3339).
static void put_time(struct yg_cef_text *text, const char *time)
{
	long long ms;
	if (!milliseconds(time, &ms)) {
		put(text, "- ", 2);
		return;
	}
	put(text, time, 29);
	put(text, ":", 1);
	put(text, time + 29, 2);
	put(text, " ", 1);
}

void yg_syslog_head(struct yg_cef_text *text, const json_t *event, unsigned facility)
{
	char priority[16];
	snprintf(priority, sizeof priority, "<%u>1 ", facility * 8 + severity_of(event)->syslog);
	put_text(text, priority);
	put_time(text, string_at(event, "timestamp"));
	put_name(text, string_at(event, "host"), 255);
	put_text(text, "yagura - ");
	const char *kind = string_at(event, "alert.context.kind");
	put_name(text, kind[0] ? kind : string_at(event, "event_type"), 32);
	put_text(text, "- ");
}
