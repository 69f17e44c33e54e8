// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The JSON writer of json.h: no allocation, no format strings on the way of a record. Strings come from packets, so every byte is
// looked at: what is not well-formed UTF-8 (Unicode 15, table 3-7) becomes U+FFFD.
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void yg_json_init(struct yg_json *json, char *buffer, size_t size)
{
	*json = (struct yg_json){.buffer = buffer, .size = size};
}

static void put(struct yg_json *json, const char *text, size_t length)
{
	if (json->full || length > json->size - json->length) {
		json->full = true;
		return;
	}
	memcpy(json->buffer + json->length, text, length);
	json->length += length;
}

static void put_char(struct yg_json *json, char c)
{
	put(json, &c, 1);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// Length of the well-formed multi-byte sequence at p, 0 when there is none.
static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
	if (n == 0 || n > left)
		return 0;
	unsigned char low = 0x80, high = 0xbf;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void put_escaped(struct yg_json *json, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	if (c == '"' || c == '\\') {
		put(json, (char[]){'\\', (char)c}, 2);
	} else if (c == '\n') {
		put(json, "\\n", 2);
	} else if (c == '\t') {
		put(json, "\\t", 2);
	} else if (c < 0x20 || c == 0x7f) {
		put(json, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
	} else {
		put(json, "\xef\xbf\xbd", 3);
	}
}

static void put_string(struct yg_json *json, const char *value, size_t length)
{
	const unsigned char *p = (const unsigned char *)value;
	put_char(json, '"');
	for (size_t i = 0; i < length;) {
		size_t run = i;
		while (run < length && is_plain(p[run]))
			run++;
		put(json, value + i, run - i);
		i = run;
		if (i == length)
			break;
		size_t n = p[i] >= 0x80 ? utf8_length(p + i, length - i) : 0;
		if (n)
			put(json, value + i, n);
		else
			put_escaped(json, p[i]);
		i += n ? n : 1;
	}
	put_char(json, '"');
}

static void begin(struct yg_json *json, const char *key)
{
	if (json->comma)
		put_char(json, ',');
	json->comma = true;
	if (key) {
		put_string(json, key, strlen(key));
		put_char(json, ':');
	}
}

static void open_level(struct yg_json *json, const char *key, char bracket)
{
	begin(json, key);
	put_char(json, bracket);
	json->comma = false;
}

static void close_level(struct yg_json *json, char bracket)
{
	put_char(json, bracket);
	json->comma = true;
}

void yg_json_object(struct yg_json *json, const char *key)
{
	open_level(json, key, '{');
}

void yg_json_end_object(struct yg_json *json)
{
	close_level(json, '}');
}

void yg_json_array(struct yg_json *json, const char *key)
{
	open_level(json, key, '[');
}

void yg_json_end_array(struct yg_json *json)
{
	close_level(json, ']');
}

void yg_json_string_n(struct yg_json *json, const char *key, const char *value, size_t length)
{
	begin(json, key);
	put_string(json, value, length);
}

void yg_json_string(struct yg_json *json, const char *key, const char *value)
{
	yg_json_string_n(json, key, value, strlen(value));
}

static void put_uint(struct yg_json *json, uint64_t value)
{
	char digits[20];
	size_t i = sizeof digits;
	do
		digits[--i] = (char)('0' + value % 10);
	while (value /= 10);
	put(json, digits + i, sizeof digits - i);
}

void yg_json_uint(struct yg_json *json, const char *key, uint64_t value)
{
	begin(json, key);
	put_uint(json, value);
}

void yg_json_int(struct yg_json *json, const char *key, int64_t value)
{
	begin(json, key);
	if (value < 0)
		put_char(json, '-');
	put_uint(json, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void yg_json_double(struct yg_json *json, const char *key, double value)
{
	begin(json, key);
	if (!isfinite(value)) {
		put(json, "null", 4);
		return;
	}
	char text[400]; // %.6f of the largest double
	int n = snprintf(text, sizeof text, "%.6f", value);
	while (n > 1 && text[n - 1] == '0' && text[n - 2] != '.')
		n--;
	put(json, text, (size_t)n);
}

void yg_json_bool(struct yg_json *json, const char *key, bool value)
{
	begin(json, key);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

bool yg_json_finish(struct yg_json *json)
{
	put(json, "\n", 2);
	if (!json->full)
		json->length--;
	return !json->full;
}
