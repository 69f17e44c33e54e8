// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A strict reader of JSON for tests: RFC 8259 and well-formed UTF-8, no duplicate effort for speed. Written apart from
// base/json.c, which it is to judge.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json_text {
	const unsigned char *p, *end;
	char *ret_string; // where the last string goes when decoded, NULL: nowhere
	size_t ret_length;
};

static inline bool json_value(struct json_text *t, int depth);

static inline bool json_char(struct json_text *t, char c)
{
	if (t->p == t->end || *t->p != (unsigned char)c)
		return false;
	t->p++;
	return true;
}

static inline void json_give(struct json_text *t, const void *bytes, size_t n)
{
	if (t->ret_string) {
		memcpy(t->ret_string + t->ret_length, bytes, n);
		t->ret_length += n;
	}
}

// The code point at p, or -1: decoded in full and measured, so no table of ranges is needed.
static inline long json_code_point(const unsigned char *p, const unsigned char *end, size_t *ret_bytes)
{
	static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	if (n == 0 || n > (size_t)(end - p))
		return -1;
	long code = n == 1 ? p[0] : p[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return -1;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -1;
	*ret_bytes = n;
	return code;
}

static inline bool json_escape(struct json_text *t)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	if (t->p == t->end)
		return false;
	unsigned char c = *t->p++;
	const char *letter = c ? strchr(letters, c) : NULL;
	if (letter) {
		json_give(t, &meant[letter - letters], 1);
		return true;
	}
	unsigned value = 0;
	if (c != 'u' || t->end - t->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *digit = *t->p ? strchr(digits, *t->p) : NULL;
		t->p++;
		if (!digit)
			return false;
		value = value << 4 | (unsigned)(digit - digits);
	}
	char byte = (char)value;
	json_give(t, &byte, 1);
	return value < 0x80; // the writer escapes no more than that
}

static inline bool json_string(struct json_text *t)
{
	t->ret_length = 0;
	if (!json_char(t, '"'))
		return false;
	while (t->p < t->end && *t->p != '"') {
		size_t n = 0;
		if (*t->p == '\\') {
			t->p++;
			if (!json_escape(t))
				return false;
			continue;
		}
		if (*t->p < 0x20 || json_code_point(t->p, t->end, &n) < 0)
			return false;
		json_give(t, t->p, n);
		t->p += n;
	}
	return json_char(t, '"');
}

static inline bool json_digits(struct json_text *t)
{
	const unsigned char *from = t->p;
	while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		t->p++;
	return t->p > from;
}

static inline bool json_number(struct json_text *t)
{
	json_char(t, '-');
	if (!json_char(t, '0') && !json_digits(t))
		return false;
	if (json_char(t, '.') && !json_digits(t))
		return false;
	return t->p == t->end || (*t->p < '0' || *t->p > '9');
}

static inline bool json_members(struct json_text *t, char close, int depth)
{
	if (json_char(t, close))
		return true;
	do {
		if (close == '}' && (!json_string(t) || !json_char(t, ':')))
			return false;
		if (!json_value(t, depth + 1))
			return false;
	} while (json_char(t, ','));
	return json_char(t, close);
}

static inline bool json_word(struct json_text *t, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
		return false;
	t->p += n;
	return true;
}

static inline bool json_value(struct json_text *t, int depth)
{
	if (t->p == t->end || depth > 64)
		return false;
	switch (*t->p) {
	case '{':
		t->p++;
		return json_members(t, '}', depth);
	case '[':
		t->p++;
		return json_members(t, ']', depth);
	case '"':
		return json_string(t);
	case 't':
		return json_word(t, "true");
	case 'f':
		return json_word(t, "false");
	case 'n':
		return json_word(t, "null");
	default:
		return json_number(t);
	}
}

// Whether this is one value and a newline, and nothing else.
static inline bool json_is_line(const char *text, size_t length)
{
	struct json_text t = {.p = (const unsigned char *)text, .end = (const unsigned char *)text + length};
	return json_value(&t, 0) && json_char(&t, '\n') && t.p == t.end;
}
