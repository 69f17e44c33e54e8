// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// sensor.timezone as a table of steps, so that nobody else needs the zone database: the engine gives up its files, and every process and
// every replay sees the same local hours. The C library is asked for the offset every few days from 1970 to the end of the calendar, and
// a difference is narrowed down to its second. Two steps within so few days that undo each other would not be found; there are none.
//
// Runs in the compiler's child: TZ is a matter of the whole process, and is put back.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/calendar.h"

enum { ZONE_STEPS_MAX = 512, STRIDE_S = 3 * 86400, JAPAN_S = 9 * 3600, MONTHS = 12 };

#define ZONEINFO "/usr/share/zoneinfo/"

static int32_t offset_at(int64_t second)
{
	time_t t = (time_t)second;
	struct tm tm = {0};
	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

// The first second with another offset than at `low`, up to `high`, where it is another.
static int64_t narrow(int64_t low, int64_t high)
{
	int32_t before = offset_at(low);
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (offset_at(middle) == before)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static void put_step(struct yg_compiler *c, int64_t from_s, int32_t offset_s)
{
	c->zone_steps[c->zone_steps_count++] = (struct yg_zone_step){.from_s = from_s, .offset_s = offset_s};
}

static void scan(struct yg_compiler *c)
{
	int64_t end = yg_day_of(YG_CALENDAR_LAST + 1, 1, MONTHS) * 86400;
	int32_t offset = offset_at(0);
	put_step(c, 0, offset);
	for (int64_t s = 0; s < end && c->zone_steps_count < ZONE_STEPS_MAX; s += STRIDE_S) {
		if (offset_at(s + STRIDE_S) == offset)
			continue;
		offset = offset_at(s + STRIDE_S);
		put_step(c, narrow(s, s + STRIDE_S), offset);
	}
}

static bool has_data(const char *zone)
{
	char path[sizeof ZONEINFO + 64];
	int n = snprintf(path, sizeof path, ZONEINFO "%s", zone);
	return n > 0 && (size_t)n < sizeof path && !strstr(zone, "..") && access(path, R_OK) == 0;
}

void yg_zone_read(struct yg_compiler *c)
{
	const char *zone = c->core.values[YG_O_SENSOR_TIMEZONE].s;
	c->zone_steps = yg_arena_take(&c->arena, ZONE_STEPS_MAX * sizeof *c->zone_steps);
	// Japan has kept one offset since 1951, whether the host has zone data or not; without any, times are printed in UTC.
	bool japan = strcmp(zone, "Asia/Tokyo") == 0;
	if (japan || !has_data(zone)) {
		put_step(c, 0, japan ? JAPAN_S : 0);
		return;
	}
	const char *set = getenv("TZ");
	char *before = set ? strdup(set) : NULL;
	setenv("TZ", zone, 1);
	tzset();
	scan(c);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	free(before);
}
