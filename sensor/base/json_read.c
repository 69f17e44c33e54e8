// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See json_read.h.
#include "base/json_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- characters ----

uint32_t yg_utf8_character(const char *p, const char *end, size_t *ret_bytes)
{
	const unsigned char *u = (const unsigned char *)p;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xf0 && u[0] < 0xf5 ? 4 : u[0] >= 0xe0 && u[0] < 0xf0 ? 3 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : 0;
	*ret_bytes = 1;
	if (n == 0 || n > (size_t)(end - p))
		return 0xfffd;
	uint32_t c = n == 1 ? u[0] : u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*ret_bytes = n;
	return c;
}

bool yg_is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c < 0xe0080);
}

static size_t encode(uint32_t c, char to[4])
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)((0xf00 >> n & 0xff) | c);
	return n;
}

// One more character, when there is room for it and the NUL.
static bool put(char *to, size_t size, size_t *used, uint32_t c)
{
	char bytes[4];
	size_t n = encode(yg_is_harmful(c) ? '?' : c, bytes);
	if (*used + n + 1 > size)
		return false;
	memcpy(to + *used, bytes, n);
	*used += n;
	to[*used] = '\0';
	return true;
}

size_t yg_plain_text(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0, n;
	to[0] = '\0';
	for (const char *p = from, *end = from + length; p < end; p += n)
		if (!put(to, size, &used, yg_utf8_character(p, end, &n)))
			break;
	return used;
}

// ---- JSON ----

struct reader {
	const char *at, *end;
	char path[YG_JSON_PATH];
	unsigned depth, index;
	char kept[YG_JSON_TEXT];
	yg_json_take *take;
	void *context;
};

static void skip_space(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n'))
		r->at++;
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < 4; i++) {
		if (p + i >= end)
			return false;
		char c = p[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (uint32_t)((c | 32) - 'a' + 10) : 16;
		if (digit == 16)
			return false;
		*ret = *ret << 4 | digit;
	}
	return true;
}

// The character behind a backslash, a pair of surrogates as one.
static bool escape(struct reader *r, uint32_t *ret)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = r->at < r->end ? memchr(from, *r->at, sizeof from - 1) : NULL;
	uint32_t low;
	if (known) {
		*ret = (unsigned char)to[known - from];
		r->at++;
		return true;
	}
	if (r->at >= r->end || *r->at != 'u' || !hex4(r->at + 1, r->end, ret))
		return false;
	r->at += 5;
	if (*ret >= 0xd800 && *ret < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' && hex4(r->at + 2, r->end, &low) &&
	    low >= 0xdc00 && low < 0xe000) {
		*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
		r->at += 6;
	} else if (*ret >= 0xd800 && *ret < 0xe000) {
		*ret = 0xfffd;
	}
	return true;
}

// The text at the reader, cut to what fits; `to` may be NULL.
static bool text(struct reader *r, char *to, size_t size)
{
	size_t used = 0, n;
	bool room = to != NULL;
	if (to)
		to[0] = '\0';
	if (r->at >= r->end || *r->at++ != '"')
		return false;
	while (r->at < r->end && *r->at != '"') {
		uint32_t c;
		if (*r->at == '\\') {
			r->at++;
			if (!escape(r, &c))
				return false;
		} else {
			c = yg_utf8_character(r->at, r->end, &n);
			r->at += n;
		}
		room = room && put(to, size, &used, c);
	}
	return r->at++ < r->end;
}

static bool read_text(struct reader *r)
{
	if (!text(r, r->kept, sizeof r->kept))
		return false;
	const struct yg_json_value v = {r->path, r->index, true, r->kept, strlen(r->kept)};
	r->take(r->context, &v);
	return true;
}

static bool is_of_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.';
}

static bool read_word(struct reader *r)
{
	const char *from = r->at;
	while (r->at < r->end && is_of_word(*r->at))
		r->at++;
	size_t length = (size_t)(r->at - from);
	if (length == 0)
		return false;
	char word[40]; // no number of ours is longer; what is has no value
	snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : 0), from);
	const struct yg_json_value v = {r->path, r->index, false, word, strlen(word)};
	r->take(r->context, &v);
	return true;
}

static bool value(struct reader *r);

static bool members(struct reader *r, bool object)
{
	size_t base = strlen(r->path);
	unsigned outer = r->index, index = 0;
	char close = object ? '}' : ']', key[YG_JSON_PATH];
	r->at++;
	skip_space(r);
	if (r->at < r->end && *r->at == close)
		return r->at++, true;
	for (;;) {
		skip_space(r);
		if (object) {
			if (!text(r, key, sizeof key))
				return false;
			skip_space(r);
			if (r->at >= r->end || *r->at++ != ':')
				return false;
		}
		snprintf(r->path + base, sizeof r->path - base, "%s%s", object && base ? "." : "", object ? key : "[]");
		r->index = object ? outer : index++;
		bool good = value(r);
		r->path[base] = '\0';
		r->index = outer;
		skip_space(r);
		if (!good || r->at >= r->end || (*r->at != ',' && *r->at != close))
			return false;
		if (*r->at++ == close)
			return true;
	}
}

static bool value(struct reader *r)
{
	skip_space(r);
	if (r->at >= r->end)
		return false;
	if (*r->at == '"')
		return read_text(r);
	if (*r->at != '{' && *r->at != '[')
		return read_word(r);
	if (r->depth == YG_JSON_DEPTH)
		return false;
	r->depth++;
	bool good = members(r, *r->at == '{');
	r->depth--;
	return good;
}

bool yg_json_read(const char *line, size_t length, yg_json_take *take, void *context)
{
	struct reader r = {.at = line, .end = line + length, .take = take, .context = context};
	if (length == 0 || length > YG_JSON_LINE_MAX || line[0] != '{' || memchr(line, 0, length))
		return false;
	bool good = value(&r);
	skip_space(&r);
	return good && r.at == r.end;
}

double yg_json_number(const struct yg_json_value *value, double otherwise)
{
	char *end;
	if (value->is_text || !value->length || value->text[strspn(value->text, "0123456789+-.eE")])
		return otherwise;
	double n = strtod(value->text, &end);
	return *end || !isfinite(n) ? otherwise : n;
}
