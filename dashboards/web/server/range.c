// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See range.h. Years are counted by hand: timegm and strptime know more forms than are meant, and localtime asks the host's files.
#include "range.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, RANGE_TEXT = 64 };
#define NS_PER_S INT64_C(1000000000)

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t y = month > 2 ? year : year - 1; // leap days that have passed
	return (year - 1970) * 365 + y / 4 - y / 100 + y / 400 - 477 + before[month - 1] + day - 1;
}

static bool digits(const char **at, unsigned count, int64_t low, int64_t high, int64_t *ret)
{
	int64_t n = 0;
	for (unsigned i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		n = n * 10 + (**at - '0');
	}
	*ret = n;
	return n >= low && n <= high;
}

static bool sign(const char **at, char c)
{
	return *(*at)++ == c;
}

static bool zone(const char **at, int64_t *ret_s)
{
	char c = *(*at)++;
	int64_t hours, minutes;
	*ret_s = 0;
	if (c == 'Z' || c == 'z')
		return true;
	if ((c != '+' && c != '-') || !digits(at, 2, 0, 23, &hours))
		return false;
	if (**at == ':')
		(*at)++;
	if (!digits(at, 2, 0, 59, &minutes))
		return false;
	*ret_s = (c == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

bool web_time_parse(const char *text, int64_t *ret_ns)
{
	const char *at = text;
	int64_t year, month, day, hour, minute, second = 0, fraction = 0, offset;
	if (!digits(&at, 4, 1970, 2261, &year) || !sign(&at, '-') || !digits(&at, 2, 1, 12, &month) || !sign(&at, '-') ||
	    !digits(&at, 2, 1, 31, &day) || !sign(&at, 'T') || !digits(&at, 2, 0, 23, &hour) || !sign(&at, ':') ||
	    !digits(&at, 2, 0, 59, &minute))
		return false;
	if (*at == ':') {
		at++;
		if (!digits(&at, 2, 0, 60, &second))
			return false;
	}
	if (*at == '.') {
		int64_t unit = NS_PER_S / 10, count = 0;
		for (at++; *at >= '0' && *at <= '9'; at++, count++, unit /= 10)
			fraction += (*at - '0') * unit;
		if (!count)
			return false;
	}
	if (!zone(&at, &offset) || *at)
		return false;
	*ret_ns = ((days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second) - offset) * NS_PER_S + fraction;
	return *ret_ns >= 0; // 1970 with a zone ahead of UTC
}

// Midnight of the first of April that began the fiscal year, or of today, by the clock of the process (TZ is the sensor's timezone).
static int64_t begin_of(int64_t now_ns, bool year)
{
	time_t now = (time_t)(now_ns / NS_PER_S);
	struct tm tm;
	if (!localtime_r(&now, &tm))
		return 0;
	if (year) {
		tm.tm_year -= tm.tm_mon < 3;
		tm.tm_mon = 3;
		tm.tm_mday = 1;
	}
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * NS_PER_S;
}

bool web_range_parse(const char *text, int64_t now_ns, struct web_range *ret)
{
	static const struct {
		char name[8];
		int32_t seconds;
	} known[] = {{"15m", 900}, {"1h", 3600}, {"4h", 14400}, {"24h", DAY_S}, {"7d", 7 * DAY_S}, {"30d", 30 * DAY_S}};
	memset(ret, 0, sizeof *ret);
	if (!text || !*text || strcmp(text, "all") == 0)
		return true;
	ret->to_ns = INT64_MAX;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].name, text) == 0) {
			ret->from_ns = now_ns - known[i].seconds * NS_PER_S;
			return true;
		}
	if (strcmp(text, "fy") == 0 || strcmp(text, "today") == 0) {
		ret->from_ns = begin_of(now_ns, text[0] == 'f');
		return true;
	}
	char copy[RANGE_TEXT + 1];
	if (strlen(text) >= sizeof copy)
		return false;
	snprintf(copy, sizeof copy, "%s", text);
	char *slash = strchr(copy, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return web_time_parse(copy, &ret->from_ns) && web_time_parse(slash + 1, &ret->to_ns) && ret->from_ns < ret->to_ns;
}

struct web_range web_range_axis(struct web_range range, int64_t first_ns, int64_t now_ns)
{
	if (!range.to_ns || range.to_ns == INT64_MAX)
		range.to_ns = now_ns;
	if (!range.from_ns)
		range.from_ns = first_ns;
	if (range.from_ns >= range.to_ns)
		range.from_ns = range.to_ns - NS_PER_S;
	return range;
}
