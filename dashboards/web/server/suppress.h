// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Suppressions made on the page: they hide at read time, stored alerts too; the sensor knows nothing of them until somebody carries the
// exported YAML to it. yagura:web:suppressions is a hash, id -> JSON; nothing is deleted, it ends.
// Mandatory: owner, reason, an end within 90 days. What is matched is what the sensor's own suppressions match (kind with a star
// at its end, org, source and target prefix, port), in the same words, so that the export says the same.
// Scope: a suppression names a body of its maker's scope; only who sees all may make one for all bodies.
//
// Bounded: WEB_SUPPRESSIONS in force. Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "access.h"
#include "alert.h"

enum {
	WEB_SUPPRESSIONS = 512,        // in force
	WEB_SUPPRESSIONS_KEPT = 4096,  // with those that have ended; beyond, Redis alone has the rest (counted)
	WEB_SUPPRESSION_DAYS = 90,
	WEB_SUPPRESS_WRITES = 16,      // that wait for Redis
};

struct web_server;
struct web_suppress;

struct web_suppress *web_suppress_create(struct web_server *server);
void web_suppress_destroy(struct web_suppress *suppress);
// Number of the one in force that hides this alert, 0: none. What time it is counts, not when the alert came.
// `kind`: the alert's, as text.
uint16_t web_suppressed(const struct web_suppress *suppress, const struct web_alert *alert, const char *kind);
const char *web_suppression_id(const struct web_suppress *suppress, uint16_t number);
// Grows with every change of what is in force (made, ended, expired): who keeps counts by suppression counts anew.
uint64_t web_suppress_generation(const struct web_suppress *suppress);

// ---- making and changing them ----

struct web_suppression {
	char id[32];              // a-z 0-9 - _ . as the sensor wants it
	char kind[32];            // a kind, "dos.*" or "*"
	char org[16];             // empty: any
	uint16_t body;            // of the registry; WEB_BODY_NONE: any, or not known yet
	uint8_t source_af, source_len, target_af, target_len; // af 0: any
	uint8_t source[16], target[16];
	uint16_t port;            // of the target; 0: any
	char owner[64], reason[160];
	char ended_by[64];
	int64_t created_ns, expires_ns, ended_ns; // ended 0: by nobody
	uint32_t version;
};

uint32_t web_suppress_count(const struct web_suppress *suppress); // 1 ... count, those that have ended too
const struct web_suppression *web_suppress_at(const struct web_suppress *suppress, uint16_t number); // NULL: none of this number
uint16_t web_suppress_find(const struct web_suppress *suppress, const char *id);                     // 0: none
bool web_suppress_in_force(const struct web_suppression *s, int64_t now_ns);
struct web_bodies;
bool web_suppress_below(const struct web_bodies *bodies, uint16_t at, uint16_t ancestor); // the body itself, or one below it
// Whether it would hide this alert, in force or not.
bool web_suppression_fits(const struct web_bodies *bodies, const struct web_suppression *s, const struct web_alert *alert,
                          const char *kind);

// Whether it concerns anything that the view sees.
bool web_suppression_seen(const struct web_bodies *bodies, const struct web_view *view, const struct web_suppression *s);

enum web_suppress_result {
	WEB_SUPPRESS_DONE,
	WEB_SUPPRESS_CONFLICT,
	WEB_SUPPRESS_FULL,
	WEB_SUPPRESS_AWAY,
	WEB_SUPPRESS_BUSY,
	WEB_SUPPRESS_UNKNOWN
};
// Writes one: with version 1 a new one, else in the place of the version before. `done` is called once, perhaps before this returns.
void web_suppress_write(struct web_suppress *suppress, const struct web_suppression *s,
			void (*done)(void *context, enum web_suppress_result result), void *context);

struct web_suppress_counters {
	uint64_t bad, full, kept_full, writes_full, readings; // full: WEB_SUPPRESSIONS; kept_full: WEB_SUPPRESSIONS_KEPT
};
const struct web_suppress_counters *web_suppress_counters(const struct web_suppress *suppress);
