// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See entry.h. The few values that are wanted, of all that base/json_read.h hands over.
#include "tail/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json_read.h"
#include "base/time.h"

size_t tail_plain(char *to, size_t size, const char *from, size_t length)
{
	return yg_plain_text(to, size, from, length);
}

size_t tail_raw(char *to, const char *line, size_t length)
{
	size_t used = 0, n;
	bool quoted = false, escaped = false;
	for (const char *p = line, *end = line + length; p < end; p += n) {
		uint32_t c = yg_utf8_character(p, end, &n);
		bool literal = escaped; // behind a backslash that is not itself behind one
		escaped = quoted && !literal && c == '\\';
		quoted = c == '"' && !literal ? !quoted : quoted;
		if (!yg_is_harmful(c)) {
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

// ---- values ----

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

static void take(void *context, const struct yg_json_value *v)
{
	struct tail_entry *e = context;
	for (size_t i = 0; v->is_text && i < sizeof wanted / sizeof *wanted; i++)
		if (strcmp(v->path, wanted[i].path) == 0)
			yg_plain_text((char *)e + wanted[i].offset, wanted[i].size, v->text, v->length);
	uint64_t *to = strcmp(v->path, "alert.context.run") == 0	? &e->run
		       : strcmp(v->path, "alert.context.sequence") == 0 ? &e->sequence
									 : NULL;
	if (!v->is_text && to && v->length && v->text[strspn(v->text, "0123456789")] == '\0')
		*to = strtoull(v->text, NULL, 10);
}

bool tail_entry_read(const char *line, size_t length, struct tail_entry *ret)
{
	memset(ret, 0, sizeof *ret);
	bool good = yg_json_read(line, length, take, ret);
	if (ret->timestamp[strspn(ret->timestamp, "0123456789-:.+TZ")])
		ret->timestamp[0] = '\0'; // it is printed in parts, which must not end within a character
	ret->time_s = tail_time(ret->timestamp);
	ret->has_id = ret->id[0] != '\0';
	return good;
}
