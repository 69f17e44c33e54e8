// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The cache of zone_time.h. A time inside a remembered quarter differs from its start in minutes, seconds and
// microseconds alone, and those are written digit by digit; a zone whose offset is no multiple of a quarter is never
// remembered.
#include "courier/zone_time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

enum { QUARTER = 900, MINUTES = 14, SECONDS = 17, MICROSECONDS = 20, OFFSET = 26 }; // places in the text

static bool has_zone_data(const char *name)
{
	char path[320] = "/usr/share/zoneinfo/";
	size_t used = strlen(path), length = strlen(name);
	if (length == 0 || length >= sizeof path - used || strstr(name, ".."))
		return false;
	memcpy(path + used, name, length + 1);
	return access(path, R_OK) == 0;
}

int yg_zone_time_init(struct yg_zone_time *zone, const char *name)
{
	int result = 0;
	const char *value = name;
	for (int i = 0; i < YG_ZONE_SEGMENTS; i++)
		zone->segments[i].start = INT64_MIN;
	zone->asked = 0;
	if (!has_zone_data(name)) {
		// Japan has kept one offset since 1951: a host without zone data prints it rightly all the same.
		bool japan = strcmp(name, "Asia/Tokyo") == 0;
		value = japan ? "JST-9" : "UTC0";
		result = japan ? 0 : -ENOENT;
	}
	if (setenv("TZ", value, 1) < 0)
		return -errno;
	tzset();
	return result;
}

static void put2(char *text, int value)
{
	text[0] = (char)('0' + value / 10 % 10);
	text[1] = (char)('0' + value % 10);
}

// The whole text of one second, microseconds zero. Returns the offset from UTC in seconds.
static long print_second(int64_t second, char *text)
{
	time_t t = (time_t)second;
	struct tm tm = {0};
	localtime_r(&t, &tm);
	int year = tm.tm_year + 1900;
	put2(text, year / 100);
	put2(text + 2, year % 100);
	text[4] = '-';
	put2(text + 5, tm.tm_mon + 1);
	text[7] = '-';
	put2(text + 8, tm.tm_mday);
	text[10] = 'T';
	put2(text + 11, tm.tm_hour);
	text[13] = ':';
	put2(text + MINUTES, tm.tm_min);
	text[16] = ':';
	put2(text + SECONDS, tm.tm_sec);
	memcpy(text + 19, ".000000", 7);
	long minutes = (tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff) / 60;
	text[OFFSET] = tm.tm_gmtoff < 0 ? '-' : '+';
	put2(text + OFFSET + 1, (int)(minutes / 60));
	put2(text + OFFSET + 3, (int)(minutes % 60));
	return tm.tm_gmtoff;
}

static void put_microseconds(char *text, int64_t us)
{
	for (int i = 5; i >= 0; i--, us /= 10)
		text[i] = (char)('0' + us % 10);
}

void yg_zone_time_print(struct yg_zone_time *zone, int64_t ns, char *ret_text)
{
	int64_t second = yg_time_second(yg_time_ns(ns));
	int64_t us = (ns % YG_NS_PER_S + (ns % YG_NS_PER_S < 0 ? YG_NS_PER_S : 0)) / 1000;
	int64_t within = second % QUARTER < 0 ? second % QUARTER + QUARTER : second % QUARTER;
	int64_t start = second - within;
	struct yg_zone_segment *segment = &zone->segments[(uint64_t)(start / QUARTER) % YG_ZONE_SEGMENTS];
	if (segment->start != start) {
		zone->asked++;
		bool keep = print_second(start, segment->text) % QUARTER == 0;
		segment->start = keep ? start : INT64_MIN;
	}
	if (segment->start == start) {
		memcpy(ret_text, segment->text, YG_TIME_TEXT);
		int minute = (segment->text[MINUTES] - '0') * 10 + segment->text[MINUTES + 1] - '0';
		put2(ret_text + MINUTES, minute + (int)(within / 60));
		put2(ret_text + SECONDS, (int)(within % 60));
	} else {
		print_second(second, ret_text);
	}
	put_microseconds(ret_text + MICROSECONDS, us);
}
