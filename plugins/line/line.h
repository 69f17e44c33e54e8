// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of the line detector share. Everything runs on the aggregator's thread. All state lies in one block of exactly
// line_memory() bytes; nothing is allocated after create.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yagura/plugin.h>

enum { LINE_IN, LINE_OUT, LINE_WAYS };

enum {
	LINE_HIGH_S = 5,          // seconds at or above LINE_HIGH that make an alert of severity high,
	LINE_MEDIUM_S = 10,       // at or above LINE_MEDIUM one of medium
	LINE_USUAL_S = 300,       // over so many seconds the usual load is averaged
	LINE_OVERHEAD_BYTES = 38, // of a frame, around its IP packet: Ethernet header 14, FCS 4, preamble 8, gap 12
};

#define LINE_MEDIUM 0.85 // of the declared line
#define LINE_HIGH 0.95
#define LINE_HOLD 0.7    // of the mark that was crossed

struct line_top {
	struct yg_addr addr;
	uint8_t af;
	double bits;
};

// One direction of one line.
struct line_way {
	double bits;                   // in the second that is open
	double usual;                  // a second, while it is below the marks
	uint32_t usual_seconds;        // that were averaged, at most LINE_USUAL_S
	uint32_t medium_s, high_s;     // in a row at or above the marks
	bool open, high;               // high: has been at the upper mark
	uint32_t quiet_s;
	int64_t onset;
	struct line_top top[YG_TOP_MAX]; // hosts with the most of it, in the second that is open
	uint8_t top_count;
	uint32_t series_count;         // also the next place, modulo YG_SERIES_MAX
	float series[YG_SERIES_MAX];
};

struct line {
	bool used;
	uint16_t org;    // YG_ORG_NONE: the egress
	uint64_t bps;    // as declared
	int64_t second;  // of the last window
	struct line_way way[LINE_WAYS];
};

struct line_watch {
	const struct yg_host *host;
	uint32_t clear_s, bodies;
	bool modern;        // the host has what came with 1.1
	uint32_t hot;       // lines at a mark in the second that is open
	uint64_t no_place;  // windows of bodies past the table
	struct line line[]; // the egress, then the bodies by index
};

// What an alert says of one direction at the end of a second. `hold`: only keeps it open.
void line_raise(const struct line_watch *w, const struct line *line, unsigned direction, int64_t second, bool hold);
