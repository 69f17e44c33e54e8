// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See calendar.h. A day is judged by itself and, for the two rules of article 3, by its neighbours: no table of years has to be kept, and
// a wrong one cannot be.
#include "config/calendar.h"

#include <stddef.h>

enum { MINUTES_OF_DAY = 1440, SECONDS_OF_DAY = 86400, CHAIN = 8 }; // CHAIN: holidays that can follow each other without a break

int64_t yg_day_of(int year, unsigned month, unsigned day)
{
	// Years begin in March, so that the leap day is the last one (after Howard Hinnant's description of the method).
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct yg_date yg_date_of(int64_t day)
{
	int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100), m = (5 * of_year + 2) / 153;
	unsigned month = (unsigned)(m < 10 ? m + 3 : m - 9);
	return (struct yg_date){(int)(years + era * 400 + (month <= 2)), (uint8_t)month, (uint8_t)(of_year - (153 * m + 2) / 5 + 1)};
}

unsigned yg_days_in_month(int year, unsigned month)
{
	return (unsigned)(yg_day_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - yg_day_of(year, month, 1));
}

unsigned yg_weekday(int64_t day)
{
	return (unsigned)(((day + 4) % 7 + 7) % 7); // 1970-01-01 was a Thursday
}

// ---- public holidays ----

enum name { NEW_YEAR, ADULTS, FOUNDATION, EMPEROR, SPRING, SHOWA, CONSTITUTION, GREENERY, CHILDREN, MARINE, MOUNTAIN, AGED, AUTUMN, SPORTS,
	    CULTURE, LABOUR, SUBSTITUTE, CITIZENS };

static const char *const names[][2] = {
	[NEW_YEAR] = {"New Year's Day", "元日"},
	[ADULTS] = {"Coming of Age Day", "成人の日"},
	[FOUNDATION] = {"National Foundation Day", "建国記念の日"},
	[EMPEROR] = {"The Emperor's Birthday", "天皇誕生日"},
	[SPRING] = {"Vernal Equinox Day", "春分の日"},
	[SHOWA] = {"Showa Day", "昭和の日"},
	[CONSTITUTION] = {"Constitution Memorial Day", "憲法記念日"},
	[GREENERY] = {"Greenery Day", "みどりの日"},
	[CHILDREN] = {"Children's Day", "こどもの日"},
	[MARINE] = {"Marine Day", "海の日"},
	[MOUNTAIN] = {"Mountain Day", "山の日"},
	[AGED] = {"Respect for the Aged Day", "敬老の日"},
	[AUTUMN] = {"Autumnal Equinox Day", "秋分の日"},
	[SPORTS] = {"Sports Day", "スポーツの日"},
	[CULTURE] = {"Culture Day", "文化の日"},
	[LABOUR] = {"Labour Thanksgiving Day", "勤労感謝の日"},
	[SUBSTITUTE] = {"Substitute holiday", "休日（振替休日）"},
	[CITIZENS] = {"Citizens' holiday", "国民の休日"},
};

// Article 2: of each month, a day, or a Monday (`monday`: which one), or an equinox (neither).
static const struct {
	uint8_t month, day, monday, name;
} rows[] = {
	{1, 1, 0, NEW_YEAR},	{1, 0, 2, ADULTS},	 {2, 11, 0, FOUNDATION}, {2, 23, 0, EMPEROR},
	{3, 0, 0, SPRING},	{4, 29, 0, SHOWA},	 {5, 3, 0, CONSTITUTION}, {5, 4, 0, GREENERY},
	{5, 5, 0, CHILDREN},	{7, 0, 3, MARINE},	 {8, 11, 0, MOUNTAIN},	 {9, 0, 3, AGED},
	{9, 0, 0, AUTUMN},	{10, 0, 2, SPORTS},	 {11, 3, 0, CULTURE},	 {11, 23, 0, LABOUR},
};

// The Tokyo Games: where the three days were instead.
static const struct {
	int16_t year;
	uint8_t name, month, day;
} moved[] = {
	{2020, MARINE, 7, 23}, {2020, SPORTS, 7, 24}, {2020, MOUNTAIN, 8, 10},
	{2021, MARINE, 7, 22}, {2021, SPORTS, 7, 23}, {2021, MOUNTAIN, 8, 8},
};

static unsigned equinox(int year, bool spring)
{
	int n = year - 1980;
	return (unsigned)((spring ? 20.8431 : 23.2488) + 0.242194 * n) - (unsigned)(n / 4);
}

static bool falls_on(size_t row, struct yg_date d, int64_t day)
{
	for (size_t i = 0; i < sizeof moved / sizeof moved[0]; i++)
		if (moved[i].year == d.year && moved[i].name == rows[row].name)
			return moved[i].month == d.month && moved[i].day == d.day;
	if (rows[row].month != d.month)
		return false;
	if (rows[row].day)
		return rows[row].day == d.day;
	if (rows[row].monday)
		return yg_weekday(day) == 1 && (d.day - 1) / 7 + 1 == rows[row].monday;
	return d.day == equinox(d.year, rows[row].name == SPRING);
}

// The holiday of article 2 that falls on this day, or -1.
static int by_article_2(int64_t day)
{
	struct yg_date d = yg_date_of(day);
	for (size_t i = 0; d.year >= YG_CALENDAR_FIRST && d.year <= YG_CALENDAR_LAST && i < sizeof rows / sizeof rows[0]; i++)
		if (falls_on(i, d, day))
			return rows[i].name;
	return -1;
}

static int holiday(int64_t day)
{
	int own = by_article_2(day);
	if (own >= 0)
		return own;
	// Holidays without a break before this day, one of them a Sunday: this is the first day that is none.
	for (int64_t before = day - 1; before > day - CHAIN && by_article_2(before) >= 0; before--)
		if (yg_weekday(before) == 0)
			return SUBSTITUTE;
	return by_article_2(day - 1) >= 0 && by_article_2(day + 1) >= 0 ? CITIZENS : -1;
}

const char *yg_public_holiday(int64_t day, bool japanese)
{
	int name = holiday(day);
	return name < 0 ? NULL : names[name][japanese];
}

bool yg_office_holiday(int64_t day)
{
	struct yg_date d = yg_date_of(day);
	return (d.month == 12 && d.day >= 29) || (d.month == 1 && d.day <= 3) || holiday(day) >= 0;
}

// ---- local time ----

int32_t yg_zone_offset(const struct yg_config *config, int64_t second)
{
	uint32_t low = 0, high = config->zone_steps_count;
	if (!high)
		return 0;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;
		if (config->zone_steps[middle].from_s <= second)
			low = middle;
		else
			high = middle;
	}
	return config->zone_steps[low].offset_s; // what is older than the first step has the first offset
}

int64_t yg_zone_second(const struct yg_config *config, int64_t local)
{
	int32_t early = yg_zone_offset(config, local - SECONDS_OF_DAY), late = yg_zone_offset(config, local + SECONDS_OF_DAY);
	int64_t first = local - early;
	if (yg_zone_offset(config, first) == early)
		return first;
	int64_t second = local - late;
	return yg_zone_offset(config, second) == late ? second : first;
}

// ---- what was entered ----

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool holds(const struct yg_plan *p, int64_t second, int64_t local_minute)
{
	if (p->from_s || p->to_s)
		return second >= p->from_s && second < p->to_s;
	int64_t day = floor_div(local_minute, MINUTES_OF_DAY), minute = local_minute - day * MINUTES_OF_DAY;
	bool today = p->days & 1u << yg_weekday(day), yesterday = p->days & 1u << yg_weekday(day - 1);
	if (p->from_min < p->to_min)
		return today && minute >= p->from_min && minute < p->to_min;
	return (today && minute >= p->from_min) || (yesterday && minute < p->to_min); // past midnight: of the day on which it began
}

// The entries of one body; of all, for YG_ORG_NONE.
static uint32_t planned_by(const struct yg_config *c, uint16_t org, int64_t second, int64_t local_minute)
{
	uint32_t low = 0, high = c->plans_count, what = 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (c->plans[middle].org < org)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < c->plans_count && c->plans[low].org == org; low++)
		if (!(what & c->plans[low].what) && holds(&c->plans[low], second, local_minute))
			what |= c->plans[low].what;
	return what;
}

uint32_t yg_planned(const struct yg_config *config, uint16_t org, int64_t second)
{
	if (!config->plans_count)
		return 0;
	int64_t local_minute = floor_div(second + yg_zone_offset(config, second), 60);
	uint32_t what = planned_by(config, YG_ORG_NONE, second, local_minute);
	// A board of education works in its city's hall and network. A prefecture's days are not its cities'.
	for (unsigned depth = 0; depth < CHAIN && org < config->orgs_count; depth++) {
		what |= planned_by(config, org, second, local_minute);
		org = config->orgs[org].kind == YG_ORG_BOARD ? config->orgs[org].parent : YG_ORG_NONE;
	}
	return what;
}

unsigned yg_week_hour(const struct yg_config *config, uint16_t org, int64_t second)
{
	int64_t local = second + yg_zone_offset(config, second), day = floor_div(local, SECONDS_OF_DAY);
	unsigned hour = (unsigned)((local - day * SECONDS_OF_DAY) / 3600);
	bool sunday = yg_office_holiday(day) || yg_planned(config, org, second) & YG_PLAN_HOLIDAY;
	return (sunday ? 0 : yg_weekday(day)) * 24 + hour;
}
