// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Printed times against strftime of the C library, in zones with and without summer time, and the cache behind them.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "courier/zone_time.h"

static struct yg_zone_time zone;

static const char *print(int64_t ns)
{
	static char text[YG_TIME_TEXT + 1];
	yg_zone_time_print(&zone, ns, text);
	return text;
}

static void compare(int64_t second, int64_t ns)
{
	char expected[64], head[32], offset[8];
	time_t t = (time_t)second;
	struct tm tm;
	localtime_r(&t, &tm);
	strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(offset, sizeof offset, "%z", &tm);
	snprintf(expected, sizeof expected, "%s.%06d%s", head, (int)(ns / 1000), offset);
	assert_string_equal(print(second * YG_NS_PER_S + ns), expected);
}

static void japan_is_nine_hours_ahead(void **state)
{
	(void)state;
	assert_int_equal(yg_zone_time_init(&zone, "Asia/Tokyo"), 0);
	assert_string_equal(print(INT64_C(1795244645123456789)), "2026-11-21T16:04:05.123456+0900");
	assert_string_equal(print(0), "1970-01-01T09:00:00.000000+0900");
	assert_string_equal(print(-1), "1970-01-01T08:59:59.999999+0900");
}

static void every_zone_is_as_the_c_library_says(void **state)
{
	static const char *const names[] = {"Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
	                                    "UTC"};
	(void)state;
	srand(3);
	for (size_t z = 0; z < sizeof names / sizeof names[0]; z++) {
		if (yg_zone_time_init(&zone, names[z]) == -ENOENT)
			continue; // a host without zone data; Asia/Tokyo and UTC0 are checked everywhere
		for (int64_t s = 1793490000; s < 1793570000; s += 61) // New York sets its clocks back in there
			compare(s, s % 1000 * 1000000);
		for (int i = 0; i < 5000; i++)
			compare((int64_t)rand() * 2 - 1000000000, rand() % 1000000000);
	}
}

static void an_unknown_zone_is_utc_and_says_so(void **state)
{
	(void)state;
	assert_int_equal(yg_zone_time_init(&zone, "Asia/Edo"), -ENOENT);
	assert_string_equal(print(0), "1970-01-01T00:00:00.000000+0000");
	assert_int_equal(yg_zone_time_init(&zone, "../../etc/passwd"), -ENOENT);
}

static void the_library_is_asked_once_a_quarter(void **state)
{
	(void)state;
	assert_int_equal(yg_zone_time_init(&zone, "Asia/Tokyo"), 0);
	for (int64_t s = 0; s < 3600; s++)
		print((1795244400 + s) * YG_NS_PER_S);
	assert_int_equal(zone.asked, 4);
}

static void more_quarters_than_the_cache_holds_are_right_too(void **state)
{
	(void)state;
	assert_int_equal(yg_zone_time_init(&zone, "Asia/Tokyo"), 0);
	for (int round = 0; round < 2; round++)
		for (int64_t i = 0; i < 2 * YG_ZONE_SEGMENTS; i++)
			compare(1795244645 + i * 900, 0);
	assert_true(zone.asked > YG_ZONE_SEGMENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(japan_is_nine_hours_ahead),
		cmocka_unit_test(every_zone_is_as_the_c_library_says),
		cmocka_unit_test(an_unknown_zone_is_utc_and_says_so),
		cmocka_unit_test(the_library_is_asked_once_a_quarter),
		cmocka_unit_test(more_quarters_than_the_cache_holds_are_right_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
