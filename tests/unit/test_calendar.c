// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Days and hours as a Japanese municipality counts them. Holidays against the Cabinet Office's lists of six years, and the equinoxes of
// all years against another computation: the mean times of Meeus, "Astronomical Algorithms" (2nd ed. 1998), table 27.B, which are right
// within half an hour. Zones against the C library. Entries through the compiler and the block.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <time.h>

#include "config/block.h"
#include "config/calendar.h"
#include "config_folder.h"

static int64_t at(int year, unsigned month, unsigned day, unsigned hour, unsigned minute)
{
	return yg_day_of(year, month, day) * 86400 + hour * 3600 + minute * 60 - 9 * 3600; // Japan
}

static void days_and_dates_agree(void **state)
{
	(void)state;
	int64_t day = yg_day_of(1899, 12, 31);
	assert_int_equal(yg_day_of(1970, 1, 1), 0);
	for (int i = 0; i < 80000; i++) {
		struct yg_date d = yg_date_of(day + i);
		assert_int_equal(yg_day_of(d.year, d.month, d.day), day + i);
		assert_in_range(d.day, 1, yg_days_in_month(d.year, d.month));
	}
	assert_int_equal(yg_weekday(yg_day_of(2026, 11, 22)), 0);
	assert_int_equal(yg_weekday(yg_day_of(1969, 12, 31)), 3);
	assert_int_equal(yg_days_in_month(2028, 2), 29);
	assert_int_equal(yg_days_in_month(2100, 2), 28);
	assert_int_equal(yg_days_in_month(2026, 12), 31);
}

static void holidays_are_those_of_the_cabinet_offices_lists(void **state)
{
	static const struct {
		int year;
		uint16_t days[24]; // month * 100 + day
	} lists[] = {
	    {2020, {101, 113, 211, 223, 224, 320, 429, 503, 504, 505, 506, 723, 724, 810, 921, 922, 1103, 1123}},
	    {2021, {101, 111, 211, 223, 320, 429, 503, 504, 505, 722, 723, 808, 809, 920, 923, 1103, 1123}},
	    {2024, {101, 108, 211, 212, 223, 320, 429, 503, 504, 505, 506, 715, 811, 812, 916, 922, 923, 1014, 1103, 1104, 1123}},
	    {2025, {101, 113, 211, 223, 224, 320, 429, 503, 504, 505, 506, 721, 811, 915, 923, 1013, 1103, 1123, 1124}},
	    {2026, {101, 112, 211, 223, 320, 429, 503, 504, 505, 506, 720, 811, 921, 922, 923, 1012, 1103, 1123}},
	    {2027, {101, 111, 211, 223, 321, 322, 429, 503, 504, 505, 719, 811, 920, 923, 1011, 1103, 1123}},
	};
	(void)state;
	for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
		unsigned next = 0;
		for (int64_t day = yg_day_of(lists[l].year, 1, 1); day < yg_day_of(lists[l].year + 1, 1, 1); day++) {
			struct yg_date d = yg_date_of(day);
			bool listed = lists[l].days[next] == d.month * 100 + d.day;
			if (listed != (yg_public_holiday(day, false) != NULL))
				fail_msg("%d-%02u-%02u", d.year, d.month, d.day);
			next += listed;
		}
		assert_int_equal(lists[l].days[next], 0);
	}
	assert_string_equal(yg_public_holiday(yg_day_of(2026, 5, 6), true), "休日（振替休日）");
	assert_string_equal(yg_public_holiday(yg_day_of(2026, 9, 22), false), "Citizens' holiday");
	assert_string_equal(yg_public_holiday(yg_day_of(2026, 9, 23), true), "秋分の日");
}

// The day of March or September (Japan) of the mean equinox; 0: too near to midnight to tell.
static unsigned mean_equinox(int year, bool spring)
{
	double y = (year - 2000) / 1000.0;
	double jde = spring ? 2451623.80984 + y * (365242.37404 + y * (0.05169 + y * (-0.00411 - y * 0.00057)))
			    : 2451810.21715 + y * (365242.01767 + y * (-0.11575 + y * (0.00337 + y * 0.00078)));
	double since = jde - 2451544.5 + 9.0 / 24; // days since 2000-01-01 00:00, Japan
	if (fabs(since - round(since)) < 0.5 / 24)
		return 0;
	return yg_date_of(yg_day_of(2000, 1, 1) + (int64_t)floor(since)).day;
}

static void equinoxes_agree_with_astronomy(void **state)
{
	(void)state;
	unsigned compared = 0;
	for (int year = YG_CALENDAR_FIRST; year <= YG_CALENDAR_LAST; year++) {
		for (unsigned spring = 0; spring < 2; spring++) {
			unsigned expected = mean_equinox(year, spring);
			for (unsigned day = 19; expected && day < 26; day++) {
				const char *name = yg_public_holiday(yg_day_of(year, spring ? 3 : 9, day), true);
				assert_int_equal(name && strcmp(name, spring ? "春分の日" : "秋分の日") == 0, day == expected);
			}
			compared += expected != 0;
		}
	}
	assert_true(compared >= 55);
}

static void the_end_of_the_year_is_no_working_time(void **state)
{
	(void)state;
	assert_false(yg_office_holiday(yg_day_of(2026, 12, 28)));
	for (unsigned i = 0; i < 6; i++)
		assert_true(yg_office_holiday(yg_day_of(2026, 12, 29) + i));
	assert_false(yg_office_holiday(yg_day_of(2027, 1, 4)));
	assert_true(yg_office_holiday(yg_day_of(1999, 12, 31)));   // a replay of old packets
	assert_null(yg_public_holiday(yg_day_of(2051, 1, 1), false)); // no law is known for it
}

// ---- entries ----

static const char town[] = "code: town\nname: {ja: 町, en: Town}\nkind: city\nmodel: alpha\n"
			   "prefixes: {internet: [192.0.2.0/25]}\n"
			   "calendar:\n"
			   "  - {what: work, from: \"2026-12-01 22:00\", to: \"2026-12-02 05:00\", reason: 回線切替}\n"
			   "  - {what: backup, days: [mon, tue], from: \"22:00\", to: \"04:00\"}\n"
			   "  - {what: holiday, from: \"2026-08-13\", to: \"2026-08-15\", reason: 夏季休業}\n";
static const char school[] = "code: school\nname: {ja: 校, en: School}\nkind: board\nparent: town\nmodel: alpha\n"
			     "prefixes: {internet: [192.0.2.0/27]}\n"
			     "calendar:\n  - {what: holiday, days: [wed]}\n";
static const char village[] = "code: village\nname: {ja: 村, en: Village}\nkind: village\nparent: town\nmodel: alpha\n"
			      "prefixes: {internet: [192.0.2.128/25]}\n";

enum { SCHOOL, TOWN, VILLAGE }; // files are read in order of name

static struct yg_config calendars(const char *main_file)
{
	put("a-school.yaml", school);
	put("b-town.yaml", town);
	put("c-village.yaml", village);
	put("config.yaml", main_file);
	return open_file(config_path);
}

static void entries_hold_from_their_beginning_to_their_end(void **state)
{
	(void)state;
	struct yg_config c = calendars("organisations: [\"?-*.yaml\"]\n"
				       "calendar:\n  - {what: surge, from: \"2026-11-01\", to: \"2026-11-01\", reason: 選挙}\n");
	assert_int_equal(c.plans_count, 5);
	assert_string_equal(c.plans[1].reason, "回線切替");
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 1, 21, 59)), 0); // a Tuesday; backups begin at 22:00
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 1, 22, 0)), YG_PLAN_WORK | YG_PLAN_BACKUP);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 2, 3, 59)), YG_PLAN_WORK | YG_PLAN_BACKUP);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 2, 4, 0)), YG_PLAN_WORK);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 2, 5, 0)), 0);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 11, 29, 23, 0)), 0);               // Sunday
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 11, 30, 0, 30)), 0);               // Sunday's night is none of its days
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 8, 12, 23, 59)), 0);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 8, 13, 0, 0)), YG_PLAN_HOLIDAY);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 8, 15, 23, 59)), YG_PLAN_HOLIDAY); // to its end
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 8, 16, 0, 0)), 0);
	for (uint16_t org = 0; org < 3; org++)
		assert_int_equal(yg_planned(&c, org, at(2026, 11, 1, 12, 0)), YG_PLAN_SURGE);
	assert_int_equal(yg_planned(&c, YG_ORG_NONE, at(2026, 11, 1, 23, 59)), YG_PLAN_SURGE);
	assert_int_equal(yg_planned(&c, 900, at(2026, 11, 1, 23, 59)), YG_PLAN_SURGE);
	assert_int_equal(yg_planned(&c, YG_ORG_NONE, at(2026, 12, 1, 22, 0)), 0);
	yg_config_close(&c);
}

static void a_board_has_the_entries_of_its_city_and_a_village_has_not(void **state)
{
	(void)state;
	struct yg_config c = calendars("organisations: [\"?-*.yaml\"]\n");
	assert_int_equal(yg_planned(&c, SCHOOL, at(2026, 12, 1, 22, 0)), YG_PLAN_WORK | YG_PLAN_BACKUP);
	assert_int_equal(yg_planned(&c, VILLAGE, at(2026, 12, 1, 22, 0)), 0);
	assert_int_equal(yg_planned(&c, SCHOOL, at(2026, 12, 9, 12, 0)), YG_PLAN_HOLIDAY); // its own Wednesdays, all day
	assert_int_equal(yg_planned(&c, SCHOOL, at(2026, 12, 10, 0, 0)), 0);
	assert_int_equal(yg_planned(&c, TOWN, at(2026, 12, 9, 12, 0)), 0);
	yg_config_close(&c);
}

static void hours_of_the_week_follow_the_calendar(void **state)
{
	(void)state;
	struct yg_config c = calendars("organisations: [\"?-*.yaml\"]\n");
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 11, 22, 0, 0)), 0);           // Sunday
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 11, 21, 23, 59)), 6 * 24 + 23);
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 11, 23, 10, 0)), 10);         // Labour Thanksgiving Day, a Monday
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 11, 24, 10, 0)), 2 * 24 + 10);
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 12, 29, 10, 0)), 10);         // a Tuesday
	assert_int_equal(yg_week_hour(&c, TOWN, at(2026, 8, 13, 10, 0)), 10);          // its own
	assert_int_equal(yg_week_hour(&c, VILLAGE, at(2026, 8, 13, 10, 0)), 4 * 24 + 10);
	assert_int_equal(yg_week_hour(&c, YG_ORG_NONE, at(2026, 8, 13, 10, 0)), 4 * 24 + 10);
	assert_int_equal(yg_week_hour(&c, SCHOOL, at(2026, 12, 9, 7, 0)), 7);
	assert_int_equal(yg_week_hour(&c, TOWN, at(1969, 12, 1, 0, 0)), 24);            // before the first step of the zone
	yg_config_close(&c);
}

static void zones_are_those_of_the_c_library(void **state)
{
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"};
	(void)state;
	for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
		char text[128];
		snprintf(text, sizeof text, "sensor: {timezone: %s}\n", zones[z]);
		put("config.yaml", text);
		struct yg_config c = open_file(config_path);
		setenv("TZ", zones[z], 1);
		tzset();
		for (int64_t s = 86400; s < yg_day_of(2051, 1, 1) * 86400; s += 7 * 3600 + 1) {
			struct tm tm;
			time_t t = (time_t)s;
			localtime_r(&t, &tm);
			if (yg_zone_offset(&c, s) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, not %ld", zones[z], (long long)s, yg_zone_offset(&c, s), tm.tm_gmtoff);
			int64_t back = yg_zone_second(&c, s + tm.tm_gmtoff); // an hour that comes twice is the first of the two
			assert_true(back == s || (back < s && back + yg_zone_offset(&c, back) == s + tm.tm_gmtoff));
		}
		unsetenv("TZ");
		tzset();
		yg_config_close(&c);
	}
}

static void entries_follow_summer_time(void **state)
{
	(void)state;
	put("config.yaml", "sensor: {timezone: Europe/Berlin}\ncalendar:\n  - {what: work, from: \"2026-03-29 02:30\", to: \"2026-03-29 04:00\"}\n"
			   "  - {what: backup, days: [sun], from: \"03:00\", to: \"04:00\"}\n");
	struct yg_config c = open_file(config_path);
	int64_t leap = yg_day_of(2026, 3, 29) * 86400 + 3600; // 01:00 UTC: from 02:00 to 03:00
	assert_int_equal(c.plans[0].to_s, leap + 3600);
	assert_in_range(c.plans[0].from_s, leap, leap + 1800); // 02:30 was never on a clock
	assert_int_equal(yg_planned(&c, YG_ORG_NONE, leap - 1), 0);
	assert_true(yg_planned(&c, YG_ORG_NONE, leap) & YG_PLAN_BACKUP);
	assert_int_equal(yg_planned(&c, YG_ORG_NONE, leap + 3600), 0);
	yg_config_close(&c);
}

// ---- limits ----

static void the_calendar_is_bounded(void **state)
{
	(void)state;
	char *text = calloc(1, 1 << 20);
	size_t n = 0;
	// Eleven files of 380 entries: a file itself has a limit of 10,000 YAML events.
	for (unsigned f = 0; f < 11; f++) {
		char name[16];
		n = (size_t)sprintf(text, "code: b%u\nname: {ja: 町, en: T}\nkind: town\nmodel: alpha\n"
					  "prefixes: {internet: [10.%u.0.0/16]}\ncalendar:\n", f, f);
		for (unsigned i = 0; i < 380; i++)
			n += (size_t)sprintf(text + n, "  - {what: work, days: [mon]}\n");
		snprintf(name, sizeof name, "b%02u.yaml", f);
		fixture_write(folder, name, text, n);
	}
	free(text);
	put("config.yaml", "organisations: [b*.yaml]\n");
	expect_error("calendar: more than 4096 entries in all; remove those that are over");
}

static void blocks_with_impossible_entries_are_refused(void **state)
{
	(void)state;
	char *errors;
	int fd;
	put("config.yaml", "calendar:\n  - {what: work, days: [mon]}\n");
	assert_int_equal(fixture_compile(config_path, &errors, &fd), 0);
	free(errors);
	struct yg_config c;
	assert_int_equal(yg_config_open(fd, &c), 0);
	const uint8_t *block = c.block;
	size_t place = (size_t)((const uint8_t *)c.plans - block), step = (size_t)((const uint8_t *)c.zone_steps - block);
	for (unsigned fault = 0; fault < 8; fault++) {
		uint8_t *copy = malloc(c.size);
		memcpy(copy, c.block, c.size);
		struct yg_plan *p = (void *)(copy + place);
		struct yg_zone_step *z = (void *)(copy + step);
		switch (fault) {
		case 0: p->what = 3; break;
		case 1: p->days = 0x80; break;
		case 2: p->from_min = 1440; break;
		case 3: p->org = 0; break;
		case 4: p->from_s = 5; break;
		case 5: memset(p->reason, 'x', sizeof p->reason); break;
		case 6: z->offset_s = 100000; break;
		default: z->reserved[0] = 1; break;
		}
		struct yg_config bad;
		struct yg_block_header header;
		memcpy(&header, copy, sizeof header);
		header.hash = yg_block_hash(copy, c.size);
		memcpy(copy, &header, sizeof header);
		int other = fixture_block(copy, c.size);
		if (yg_config_open(other, &bad) != -EBADMSG)
			fail_msg("fault %u is taken", fault);
		close(other);
		free(copy);
	}
	close(fd);
	yg_config_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(days_and_dates_agree),
	    cmocka_unit_test(holidays_are_those_of_the_cabinet_offices_lists),
	    cmocka_unit_test(equinoxes_agree_with_astronomy),
	    cmocka_unit_test(the_end_of_the_year_is_no_working_time),
	    cmocka_unit_test(entries_hold_from_their_beginning_to_their_end),
	    cmocka_unit_test(a_board_has_the_entries_of_its_city_and_a_village_has_not),
	    cmocka_unit_test(hours_of_the_week_follow_the_calendar),
	    cmocka_unit_test(zones_are_those_of_the_c_library),
	    cmocka_unit_test(entries_follow_summer_time),
	    cmocka_unit_test(the_calendar_is_bounded),
	    cmocka_unit_test(blocks_with_impossible_entries_are_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
