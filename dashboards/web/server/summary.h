// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One walk over the alerts that a view sees, for everything that the first screen and the board of bodies count. What counts is what is in
// no shadow and not suppressed; what is "open" is besides of no group that somebody has put away.
//
// How much attention a body asks for, which is the order of the board (worst first; equal ones by their code):
//   10,000  a zone that should be closed is open (zone.lgwan, zone.mynumber), each
//    8,000  dark: an open org.dark, or no packet for ten minutes where there was traffic within a day and there usually is at this hour
//    4,000  saturated: an open link.saturation, or 90 % of the access line within the last minute
//    2,000  an open critical alert, each, five at most
//      500  a group past its time, each, ten at most
//      200  an open alert of high severity, each, ten at most
//       10  an open alert of medium severity, each, twenty at most
//
// Thread: the loop's.
#pragma once

#include "line.h"
#include "measure_parts.h"
#include "range.h"

enum { WEB_BARS = 120, WEB_NEW_TODAY = 10, WEB_PAIRS = 8192 };

struct web_body_summary {
	uint32_t open[WEB_SEVERITIES], inbox, overdue;
	bool open_dark, open_saturated;
	uint8_t breach;            // bit z: enum yg_zone
	// by web_body_judge()
	bool dark, saturated;
	uint32_t attention;
};

struct web_summary {
	struct web_server *server;
	const struct web_view *view;
	struct web_range range;    // with an end
	int64_t now_ns, today_ns, bar_ns;
	uint32_t open[WEB_SEVERITIES], inbox[WEB_SEVERITIES], overdue, shadow;
	uint32_t bars_count, bars[WEB_BARS];
	uint64_t before;           // alerts of the 30 days before the range
	int64_t oldest_ns;         // of all alerts
	double acknowledge_s, archive_s; // means of today; negative: none
	uint32_t new_today[WEB_NEW_TODAY], new_count; // alerts, newest first
	struct web_body_summary *body; // WEB_BODIES
	uint32_t *kinds;           // alerts of the range by number of the kind's string, WEB_STRINGS_MAX + 1
	uint8_t *group;            // of each group: worst severity of what counts + 1, and bits of its state
	int64_t *due_ns;           // of each group: till when somebody is to know; 0: no hurry
	struct { uint32_t key, alert; int64_t first_ns; } *pair; // kind and body: the first alert of 30 days
	uint32_t pairs, groups;
};

// NULL: no memory. `only`: of one body, WEB_BODY_NONE: of all that the view sees.
struct web_summary *web_summary_make(struct web_server *server, const struct web_view *view, struct web_range range, uint16_t only);
void web_summary_free(struct web_summary *summary);
void web_body_judge(struct web_summary *summary, uint16_t body);
json_t *web_counts_json(const uint32_t counts[WEB_SEVERITIES]);
json_t *web_tile_json(const struct web_summary *summary, uint16_t body); // behind web_body_judge()
json_t *web_kinds_json(const struct web_summary *summary, uint32_t limit); // most alerts first
// The bodies of the view, worst first. Returns how many; `ret` has room for WEB_BODIES.
uint32_t web_summary_order(struct web_summary *summary, uint16_t *ret);
