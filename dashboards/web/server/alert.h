// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// An alert and a group as the index keeps them, and how many: what suppressions are held against, and whoever asks the index looks at.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line.h"

enum {
	WEB_ALERTS_MAX = 500000,
	WEB_GROUPS_MAX = 200000,
	WEB_SAME_ID = 64,        // alerts of one sensor and id, told apart by their onset; beyond, the oldest goes (counted)
	WEB_ALERT_SENSORS = 64,  // whose alerts are kept; what further ones say is counted and passed over
	WEB_STRINGS_MAX = 65535,
	WEB_SETS_MAX = 4096,     // sets of more than seven bodies; beyond, the first seven alone see the alert (counted)
	WEB_ORGS_MAX = WEB_BODIES, // bodies of one alert that are read
	WEB_LINES_BYTES = 4 << 20, // of what rows say that is remembered
	WEB_INDEX_LISTENERS = 4,
};
#define WEB_NOWHERE UINT32_MAX

struct web_entry { // id of a stream's entry
	uint64_t generation, sequence;
};

struct web_alert {
	struct web_entry entry;   // newest
	uint64_t id;              // context.id
	uint64_t campaign;        // 0: none
	uint64_t community;       // index_community(); 0: none
	int64_t first_ns, last_ns, time_ns;
	uint8_t source[16], target[16]; // IPv4: the first four bytes
	uint32_t group, next;     // index of its group; next alert of it, WEB_NOWHERE: the last
	uint32_t before;          // the one before it in its group
	uint32_t chain;           // the index's own
	uint32_t count;
	uint16_t source_port, target_port;
	uint16_t sensor;          // 0: the row is free; else web_index_sensor()
	uint16_t kind, body, app_proto, technique, vector; // strings; body: of the registry, WEB_BODY_NONE: none
	uint16_t sla_minutes, pulse;
	uint8_t source_af, af, target_len, proto;                  // af 0: none; target_len: bits
	uint8_t severity, state, mode, score, zone, confidence;    // confidence in percent
	uint8_t reopened;
	uint8_t bodies_count;     // that may see it; at most seven stand here, more in a set: web_index_bodies()
	uint16_t bodies[7];
	uint16_t suppressed;      // number of the suppression that hides it, 0: none; up to date behind web_index_class()
};
_Static_assert(sizeof(struct web_alert) <= 168, "256 bytes an alert with tables and slack: the budget of dashboard.md");

struct web_group {
	uint64_t id;              // hash of its key: the same after a restart; never shown, see web_group_text()
	uint32_t first, last;     // alerts, by arrival
	uint32_t alerts, open;    // whatever their class
	int64_t first_ns, last_ns;
	uint32_t chain;           // the index's own
	uint8_t severity;         // worst
	bool stale;               // the index's own: open, first, last, worst are counted when somebody asks
};

// What an alert is to lists and counts, now. Hidden ones are in no count but those of their class.
enum web_class { WEB_COUNTED, WEB_SUPPRESSED, WEB_SHADOW, WEB_CLASSES };
