// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The records of the table of open alerts, their checks, identities and sentences. For lifecycle.c and its test alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "yagura/plugin.h"

#define YG_LIFECYCLE_MAGIC UINT32_C(0x59474c43) // "YGLC"
#define YG_LIFECYCLE_VERSION 2

enum { YG_LIFECYCLE_KEY_BYTES = 96 };

struct yg_lifecycle_header {
	uint32_t magic, version, record_size, slots; // slots: alerts and summaries
	uint64_t sequence;                           // of the last record emitted
	uint32_t closed_at;                          // where the next closed one goes
	uint32_t reserved32;
	uint64_t reserved[4];
};

// What is remembered of an alert that has closed.
struct yg_lifecycle_closed {
	uint64_t key; // 0: nothing
	uint64_t id;
	int64_t first_ns, closed_ns;
	double peak;
	uint32_t count;
	uint8_t reopened;
	uint8_t reserved[3];
	uint8_t name[YG_LIFECYCLE_KEY_BYTES]; // the key itself
};

struct yg_lifecycle_record {
	uint32_t used; // 1: written last when it opens, cleared first when it closes
	uint32_t clear_after_s;
	int64_t alive_ns;    // last raise or hold
	int64_t emitted_ns;  // last state change that went out
	uint64_t key;        // unkeyed hash of the alert's key; checked against the alert when taken over
	uint64_t suppressed; // summaries: alerts counted
	uint8_t summary;     // 1: lies in a summary's place
	uint8_t reserved[7];
	struct yg_alert alert; // as last raised, with the host's fields
};
_Static_assert(sizeof(struct yg_lifecycle_record) % 8 == 0, "records follow each other");

// Hash of what makes two raises one alert.
uint64_t yg_lifecycle_key(const struct yg_alert *alert);

// context.id: kind, key and the minute in which the alert began, under the site's key (alerts.id_key_file): who reads ids and not the key
// cannot try out which address an id may be of.
uint64_t yg_lifecycle_id(const struct yg_hash_key *id_key, const struct yg_alert *alert, int64_t start_ns);

// The key in one fixed layout, of which both are hashes.
void yg_lifecycle_name(const struct yg_alert *alert, uint8_t ret_name[YG_LIFECYCLE_KEY_BYTES]);

// Whether bytes found in the memory are a closed alert that this code could have written.
bool yg_lifecycle_closed_valid(const struct yg_hash_key *id_key, const struct yg_lifecycle_closed *closed);

// Ends strings, clamps counts, makes numbers finite: whatever the bytes were, the alert can be printed afterwards.
void yg_lifecycle_clean(struct yg_alert *alert);

// Whether bytes found in the memory are an open alert that this code could have written.
bool yg_lifecycle_valid(const struct yg_hash_key *id_key, const struct yg_lifecycle_record *record, bool summary);

// Appends `tail` (at most YG_TEXT_MAX / 2 bytes of it) to `text`, which loses whole characters from its end when both do not fit.
void yg_lifecycle_text_append(char text[YG_TEXT_MAX], const char *tail);

// Appends a clause to each sentence, or to neither where one would not fit whole: the fields say the same.
void yg_lifecycle_text_clause(struct yg_alert *alert, const char *ja, const char *en);

// Appends to both sentences that it is over: after how long, and with which peak.
void yg_lifecycle_text_closed(struct yg_alert *alert, bool displaced);

// Both sentences of a storm's summary.
void yg_lifecycle_text_summary(struct yg_alert *alert, uint64_t count, bool rest);

// Whether two raises are one alert, field by field: the hash alone is not trusted.
bool yg_lifecycle_same(const struct yg_alert *a, const struct yg_alert *b);
