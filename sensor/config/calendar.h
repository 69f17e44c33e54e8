// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Days as a Japanese municipality counts them: local time, public holidays, and what bodies have entered in their own calendars.
//
// Public holidays follow the Act on National Holidays (Act No. 178 of 1948): article 2 (fixed days, certain Mondays, the equinoxes),
// article 3 (2) (a holiday on a Sunday is made up for on the next day that is none) and 3 (3) (a day between two holidays is one); and the
// Act on Special Measures for the Tokyo Games (Act No. 33 of 2015, as amended), which moved three of them in 2020 and in 2021. The days of
// the equinoxes are announced for one year at a time, by the National Astronomical Observatory in each February's "Reki Yoko"; before that
// they are computed, by the approximation for 1980 to 2099 of "Shin Koyomi Benricho" (ed. Reki Keisan Kenkyukai, Koseisha Koseikaku 1991).
// 29 December to 3 January are no working days of local government either (Act No. 91 of 1988; Local Autonomy Act, article 4-2).
// Years from YG_CALENDAR_FIRST to YG_CALENDAR_LAST are known; others have only what was entered.
//
// Pure, from the configuration alone: a replay of old packets sees the days of the packets. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

enum { YG_CALENDAR_FIRST = 2020, YG_CALENDAR_LAST = 2050 };

struct yg_date {
	int year;
	uint8_t month, day; // from 1
};

// Days since 1970-01-01 in the Gregorian calendar, and back.
int64_t yg_day_of(int year, unsigned month, unsigned day);
struct yg_date yg_date_of(int64_t day);
unsigned yg_days_in_month(int year, unsigned month); // month 1 to 12
unsigned yg_weekday(int64_t day); // 0: Sunday

// The name of a public holiday, or NULL.
const char *yg_public_holiday(int64_t day, bool japanese);
// A public holiday, or 29 December to 3 January.
bool yg_office_holiday(int64_t day);

// Seconds that sensor.timezone is ahead of UTC at that second.
int32_t yg_zone_offset(const struct yg_config *config, int64_t second);
// The second at which the clocks of that zone show so many seconds since 1970-01-01 00:00: the first one where they show it twice, and
// where they leap over it, the one that it would have been before the leap.
int64_t yg_zone_second(const struct yg_config *config, int64_t local);

// YG_PLAN_* at that second: what the body itself has entered, what stands for all, and for a board what the body above it has. org may
// be YG_ORG_NONE or beyond the last body: then what stands for all.
uint32_t yg_planned(const struct yg_config *config, uint16_t org, int64_t second);
// Hour of the week, 0 (Sunday, midnight) to 167. Office holidays and the body's own are Sundays.
unsigned yg_week_hour(const struct yg_config *config, uint16_t org, int64_t second);
