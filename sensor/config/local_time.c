// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A day or a minute as people write it, in the zone of the sensor. The C library's zone is a property of the process:
// it is set for one conversion and set back, which is safe because the compiler is the only thread of its process.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Four years of 365 days and one of 366 repeat; 1900 and 2100 are outside of what is taken.
enum { YEAR_FIRST = 1970, YEAR_LAST = 2099 };

static bool digits(const char **at, int count, int *ret_number)
{
	*ret_number = 0;
	for (int i = 0; i < count; i++) {
		if ((*at)[i] < '0' || (*at)[i] > '9')
			return false;
		*ret_number = *ret_number * 10 + (*at)[i] - '0';
	}
	*at += count;
	return true;
}

static bool literal(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && year % 4 == 0);
}

static bool parse(const char *text, struct tm *ret_tm, bool *ret_day)
{
	int year, month, day, hour = 0, minute = 0, second = 0;
	const char *at = text;
	if (!digits(&at, 4, &year) || !literal(&at, '-') || !digits(&at, 2, &month) || !literal(&at, '-') || !digits(&at, 2, &day))
		return false;
	*ret_day = !*at;
	if (*at) {
		if ((*at != ' ' && *at != 'T') || (at++, !digits(&at, 2, &hour)) || !literal(&at, ':') || !digits(&at, 2, &minute))
			return false;
		if (*at && (!literal(&at, ':') || !digits(&at, 2, &second) || *at))
			return false;
	}
	if (year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return false;
	*ret_tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute,
			      .tm_sec = second, .tm_isdst = -1};
	return true;
}

bool yg_local_time(const struct yg_compiler *c, const char *text, bool day_end, int64_t *ret_s)
{
	const char *zone = c->core.values[YG_O_SENSOR_TIMEZONE].s;
	struct tm tm;
	bool day;
	if (!parse(text, &tm, &day))
		return false;
	tm.tm_mday += day && day_end;
	const char *before = getenv("TZ");
	char *kept = before ? strdup(before) : NULL;
	// Japan has kept one offset since 1951: a host without zone data reads it rightly all the same.
	bool japan = strcmp(zone, "Asia/Tokyo") == 0 && access("/usr/share/zoneinfo/Asia/Tokyo", R_OK) < 0;
	setenv("TZ", japan ? "JST-9" : zone, 1);
	tzset();
	*ret_s = mktime(&tm);
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
	return true;
}
