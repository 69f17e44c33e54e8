// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a reader of several sensors' streams must know, without Redis: which numbers are missing, and which entries are the same alert.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tail/entry.h"

enum {
	TAIL_SENSORS = 256,
	TAIL_MERGED = 16384,          // alerts of which it is known who has shown them; beyond, the oldest is forgotten
	TAIL_HELD = 1024,             // entries that wait for another sensor to show them; beyond, the oldest is shown at once
	TAIL_HELD_BYTES = 16 << 20,
	TAIL_WINDOW_MS = 1500,        // how long one waits
};

// ---- the sequence of a sensor ----

struct tail_id {
	uint64_t generation, sequence;
};

struct tail_sequence {
	bool begun;
	uint64_t run, last; // run 0: the lines name none, and their generation stands for it
	bool named;
	uint64_t repeated;  // of a run, at or below the last: shown before
};

enum tail_verdict {
	TAIL_NEXT,     // the one that was expected, or nothing can be said
	TAIL_REPEATED, // this run's number has been seen: not to be shown again
	TAIL_HOLE,     // `missing` numbers before this one never came
};

// The next entry of a stream. `missing`: only of TAIL_HOLE. The first run of all begins where it is first seen, each later one at 1.
enum tail_verdict tail_sequence_next(struct tail_sequence *s, const struct tail_entry *entry, const struct tail_id *id,
				     uint64_t *ret_missing);

// ---- the same alert by several sensors ----

struct tail_merge;

struct tail_merge_stats {
	uint64_t merged;    // entries that were of an alert shown already, or about to be
	uint64_t late;      // of those: it had been shown, without this sensor's name
	uint64_t forgotten; // alerts that TAIL_MERGED had no room for any more
	uint64_t early;     // shown before their time: TAIL_HELD or TAIL_HELD_BYTES was full
};

struct tail_shown {
	const struct tail_entry *entry;
	const char *line; // ends with a NUL
	size_t length;
	const uint8_t *sensors; // one byte each, TAIL_SENSORS: 1: it showed it
};
typedef void tail_show(void *context, const struct tail_shown *shown);

// NULL: no memory.
struct tail_merge *tail_merge_create(tail_show *show, void *context);
void tail_merge_destroy(struct tail_merge *merge);

// An entry of a sensor: held until `now_ms` + the window, or one more name for one that is held or was shown. Bytes are copied.
void tail_merge_add(struct tail_merge *merge, unsigned sensor, const struct tail_entry *entry, const char *line, size_t length,
		    int64_t now_ms);
// Shows what has waited long enough; INT64_MAX: all.
void tail_merge_turn(struct tail_merge *merge, int64_t now_ms);
bool tail_merge_holds(const struct tail_merge *merge);
struct tail_merge_stats tail_merge_stats(const struct tail_merge *merge);
