// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Ranges of time as the page's addresses have them: 15m, 1h, 4h, 24h, 7d, 30d, fy (the fiscal year, from the first of April where the clock
// is), today, or two ISO 8601 times with a slash between.
//
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct web_range {
	int64_t from_ns, to_ns; // to_ns INT64_MAX: till now, and what sensors with a fast clock say; all zero: all time
};

// NULL, "" or "all": all time. False: none of these, or it ends before it begins.
bool web_range_parse(const char *text, int64_t now_ns, struct web_range *ret);

// The same with an end for axes: now where it is open, and a beginning: `first_ns` where it has none.
struct web_range web_range_axis(struct web_range range, int64_t first_ns, int64_t now_ns);

// RFC 3339 with a zone ("...Z", "+09:00", "+0900"), fractions to nanoseconds; years 1970 to 2261.
bool web_time_parse(const char *text, int64_t *ret_ns);
