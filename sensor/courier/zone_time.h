// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Times as EVE writes them, `2026-11-21T16:04:05.123456+0900`, in the configured zone and never the host's. The C
// library is asked once per quarter of an hour of packet time: every zone of today changes its offset at such a
// boundary only. One process has one zone (TZ is global). One thread.
#pragma once

#include <stdint.h>

enum {
	YG_TIME_TEXT = 31,     // bytes of a printed time
	YG_ZONE_SEGMENTS = 64, // quarters of an hour remembered
};

struct yg_zone_segment {
	int64_t start;           // seconds since the epoch; INT64_MIN when unused
	char text[YG_TIME_TEXT]; // as printed at its start
};

struct yg_zone_time {
	struct yg_zone_segment segments[YG_ZONE_SEGMENTS];
	uint64_t asked; // times the C library was asked
};

// Sets the zone of the process. 0, or -ENOENT when the host has no data for it: then times are UTC and say so (+0000).
int yg_zone_time_init(struct yg_zone_time *zone, const char *name);

// Writes YG_TIME_TEXT bytes, no NUL.
void yg_zone_time_print(struct yg_zone_time *zone, int64_t ns, char *ret_text);
