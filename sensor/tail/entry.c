// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See entry.h. A reader of JSON (RFC 8259) that keeps no tree: it knows the path to where it is, and takes the few values that are wanted.
// It is lenient in what a number or a word is, strict in where a text ends.
#include "tail/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

struct reader {
	const char *at, *end;
	char path[128]; // "alert.context.id"; too long a path is of nothing that is wanted
	unsigned depth;
	struct tail_entry *entry;
};

// ---- characters ----

// The character at p and its bytes in *ret_bytes; 0xfffd for what is none.
static uint32_t character(const char *p, const char *end, size_t *ret_bytes)
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

// Controls, and what turns the direction of text or ends a line of it.
static bool is_harmful(uint32_t c)
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
	size_t n = encode(is_harmful(c) ? '?' : c, bytes);
	if (*used + n + 1 > size)
		return false;
	memcpy(to + *used, bytes, n);
	*used += n;
	to[*used] = '\0';
	return true;
}

size_t tail_plain(char *to, size_t size, const char *from, size_t length)
{
	size_t used = 0, n;
	to[0] = '\0';
	for (const char *p = from, *end = from + length; p < end; p += n)
		if (!put(to, size, &used, character(p, end, &n)))
			break;
	return used;
}

size_t tail_raw(char *to, const char *line, size_t length)
{
	size_t used = 0, n;
	bool quoted = false, escaped = false;
	for (const char *p = line, *end = line + length; p < end; p += n) {
		uint32_t c = character(p, end, &n);
		bool literal = escaped; // behind a backslash that is not itself behind one
		escaped = quoted && !literal && c == '\\';
		quoted = c == '"' && !literal ? !quoted : quoted;
		if (!is_harmful(c)) {
			memcpy(to + used, p, n);
			used += n;
		} else if (!quoted) {
			to[used++] = ' ';
		} else {
			uint32_t high = c > 0xffff ? 0xd800 + ((c - 0x10000) >> 10) : c;
			used += (size_t)snprintf(to + used, 7, "\\u%04x", high);
			if (c > 0xffff && n == 4)
				used += (size_t)snprintf(to + used, 7, "\\u%04x", 0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	return used;
}

// ---- time ----

static bool digits(const char **p, unsigned n, int *ret)
{
	*ret = 0;
	for (; n; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*ret = *ret * 10 + (**p - '0');
	}
	return true;
}

int64_t tail_time(const char *text)
{
	struct tm tm = {0};
	const char *p = text;
	int year, month, hours, minutes;
	bool good = digits(&p, 4, &year) && *p++ == '-' && digits(&p, 2, &month) && *p++ == '-' && digits(&p, 2, &tm.tm_mday) && *p++ == 'T' &&
		    digits(&p, 2, &tm.tm_hour) && *p++ == ':' && digits(&p, 2, &tm.tm_min) && *p++ == ':' && digits(&p, 2, &tm.tm_sec);
	if (!good || year < 1970 || month < 1 || month > 12)
		return INT64_MIN;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	int64_t seconds = timegm(&tm);
	char sign = *p;
	if (sign == 'Z' || !sign)
		return seconds;
	if ((sign != '+' && sign != '-') || (p++, !digits(&p, 2, &hours)))
		return INT64_MIN;
	p += *p == ':';
	if (!digits(&p, 2, &minutes))
		return INT64_MIN;
	int64_t offset = hours * 3600 + minutes * 60;
	return sign == '+' ? seconds - offset : seconds + offset;
}

// ---- JSON ----

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
			c = character(r->at, r->end, &n);
			r->at += n;
		}
		room = room && put(to, size, &used, c);
	}
	return r->at++ < r->end;
}

static const struct {
	const char *path;
	size_t offset, size;
} wanted[] = {
#define YG_X(path, field) {path, offsetof(struct tail_entry, field), sizeof((struct tail_entry *)0)->field}
	YG_X("timestamp", timestamp), YG_X("host", host), YG_X("src_ip", source), YG_X("alert.signature", signature),
	YG_X("alert.context.id", id), YG_X("alert.context.state", state), YG_X("alert.context.severity", severity),
	YG_X("alert.context.kind", kind), YG_X("alert.context.kind_ja", kind_ja), YG_X("alert.context.target", target),
	YG_X("alert.context.org.name_ja", org_ja), YG_X("alert.context.org.name_en", org_en),
	YG_X("alert.context.why.text_ja", text_ja), YG_X("alert.context.why.text_en", text_en),
#undef YG_X
};

static bool read_text(struct reader *r)
{
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (strcmp(r->path, wanted[i].path) == 0)
			return text(r, (char *)r->entry + wanted[i].offset, wanted[i].size);
	return text(r, NULL, 0);
}

static bool read_word(struct reader *r)
{
	char word[24];
	size_t n = strcspn(r->at, ",]} \t\r\n"); // the line ends with a NUL
	if (n == 0 || n > (size_t)(r->end - r->at))
		return false;
	snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : 0), r->at);
	r->at += n;
	uint64_t *to = strcmp(r->path, "alert.context.run") == 0	? &r->entry->run
		       : strcmp(r->path, "alert.context.sequence") == 0 ? &r->entry->sequence
									 : NULL;
	if (to && word[0] && word[strspn(word, "0123456789")] == '\0')
		*to = strtoull(word, NULL, 10);
	return true;
}

static bool value(struct reader *r);

static bool members(struct reader *r, bool object)
{
	size_t base = strlen(r->path);
	char close = object ? '}' : ']', key[64];
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
		snprintf(r->path + base, sizeof r->path - base, "%s%s", base ? "." : "", object ? key : "[]");
		bool good = value(r);
		r->path[base] = '\0';
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
	if (r->depth == TAIL_DEPTH)
		return false;
	r->depth++;
	bool good = members(r, *r->at == '{');
	r->depth--;
	return good;
}

bool tail_entry_read(const char *line, size_t length, struct tail_entry *ret)
{
	struct reader r = {.at = line, .end = line + length, .entry = ret};
	memset(ret, 0, sizeof *ret);
	if (length == 0 || length > TAIL_LINE_MAX || line[0] != '{' || memchr(line, 0, length) || line[length] != '\0')
		return false;
	bool good = value(&r);
	skip_space(&r);
	ret->time_s = tail_time(ret->timestamp);
	ret->has_id = ret->id[0] != '\0';
	return good && r.at == r.end;
}
