// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The escaping that all readers share. It stands here, at the place where foreign bytes become text, and not where text
// is printed: names are keys of detectors as well, and two names must not become one because a NUL cut them or a
// replacement character made them equal. One pass, no table, no locale.
#include "dissector/read_text.h"

#include <string.h>

void yg_text_init(struct yg_text *text, char *buffer, size_t size)
{
	*text = (struct yg_text){.buffer = buffer, .size = size};
	buffer[0] = 0;
}

static void put(struct yg_text *text, const char *bytes, size_t len)
{
	if (text->cut || len >= text->size - text->length) {
		text->cut = true;
		return;
	}
	memcpy(text->buffer + text->length, bytes, len);
	text->length += len;
	text->buffer[text->length] = 0;
}

void yg_text_add_char(struct yg_text *text, char c)
{
	put(text, &c, 1);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_allowed(uint8_t c, enum yg_text_class class)
{
	if (class != YG_TEXT_LABEL)
		return c >= 0x20 && c < 0x7f && c != '\\';
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

void yg_text_add(struct yg_text *text, const uint8_t *data, size_t len, enum yg_text_class class)
{
	for (size_t i = 0; i < len && !text->cut; i++) {
		uint8_t c = data[i];
		if (is_allowed(c, class)) {
			yg_text_add_char(text, (char)(class == YG_TEXT_PRINTABLE ? c : lower(c)));
			continue;
		}
		char escape[4] = {'\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10), (char)('0' + c % 10)};
		put(text, escape, sizeof escape);
	}
}

void yg_text_set(char *buffer, size_t size, const uint8_t *data, size_t len, enum yg_text_class class)
{
	struct yg_text text;
	yg_text_init(&text, buffer, size);
	yg_text_add(&text, data, len, class);
}
