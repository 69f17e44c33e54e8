// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The life of an alert: from what detectors raise, second by second, to one thing that opens, is updated, and closes.
//
// The table of open alerts lies in memory that the caller gives (the supervisor holds it), so that it outlives an
// engine. A new engine takes it over: what is open stays open under its id, what has ended meanwhile is closed. What
// lies there is checked like foreign bytes. The summaries of a storm have places of their own behind the table, so a
// full table can always be told.
//
// What closed is remembered for ten minutes: raised again within them it is the same incident, with its id and first_ns, and `reopened`
// counts. The last YG_LIFECYCLE_CLOSED that closed lie beside the table, in the same memory. What is over as it is told (clear_after_s 1: a
// blind time) is not remembered: the next one is another.
//
// An alert raised by yg_lifecycle_raise_lasting() is one of hours or days: it outlasts gaps in packet time, and is updated when it is
// raised, not each minute.
//
// Identity, checked by the tests:   raised = sent + ring_full + suppressed `raised` counts state changes that wanted to
// go out, not calls of yg_lifecycle_raise(); those that only refresh an open alert count as `refreshed` and `held`.
//
// Thread: the aggregator's; no locks. Allocation in create alone.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/time.h"
#include "yagura/plugin.h"

enum {
	YG_LIFECYCLE_CLEAR_S = 30,   // without raise or hold, when the detector names no time
	YG_LIFECYCLE_SUMMARIES = 32, // kinds that a storm can summarise at a time; the last place takes the rest
	YG_LIFECYCLE_MUTED = 16384,  // alerts told apart among those suppressed in a minute
	YG_LIFECYCLE_CLOSED = 4096,  // closed alerts that are remembered; beyond that the oldest is forgotten
	YG_LIFECYCLE_REOPEN_S = 600, // after its close, within which an alert is the same incident
	YG_LIFECYCLE_LASTING_S = 65536, // to clear, from which on an alert is one of yg_lifecycle_raise_lasting()
	YG_LIFECYCLE_LASTING_MAX_S = 7 * 86400,
};

struct yg_lifecycle_options {
	uint32_t capacity;      // alerts.open
	uint32_t update_s;      // alerts.update
	uint32_t per_minute;    // alerts.per_minute
	uint32_t clear_after_s; // 0: YG_LIFECYCLE_CLEAR_S
	struct yg_hash_key id_key; // of context.id; the same for every engine that takes the memory over
};

struct yg_lifecycle_stats {
	uint64_t raised, sent, suppressed, ring_full; // see the identity above
	uint64_t opened, updated, closed;             // of raised, by state
	uint64_t reopened;                            // of opened, those that had closed within ten minutes
	uint64_t refreshed, held;                     // raises and holds of an alert that is open
	uint64_t held_unknown;                        // holds of an alert that is not open: no effect
	uint64_t table_full;                          // suppressed for want of a place
	uint64_t displaced;                           // closed early: a higher severity needed the place
	uint64_t muted_full;                          // suppressed, and no room to tell whether counted before
	uint64_t summaries_full;                      // kinds that had to share the last summary
	uint64_t closed_full;                         // closed alerts that were forgotten before ten minutes had passed
	uint64_t taken_over, invalid;                 // records found in the memory: kept, refused
};

struct yg_lifecycle;

// One finished record; `alert` dies when it returns. 0, or a negative errno when it could not be passed on (counted).
typedef int (*yg_lifecycle_emit)(void *context, const struct yg_alert *alert);

// Bytes that a table for `capacity` alerts takes.
size_t yg_lifecycle_size(uint32_t capacity);

// Takes over what lies in `memory` (8-byte aligned, at least yg_lifecycle_size(1) bytes, zeroed when new); it outlives
// the object. The capacity is the lesser of the option and what the memory holds. NULL and errno on failure.
struct yg_lifecycle *yg_lifecycle_create(const struct yg_lifecycle_options *options, void *memory, size_t size,
                                         yg_lifecycle_emit emit, void *context);

// After a time in which nothing was seen: an alert that a detector holds open has its whole time to be raised again from here on. The
// sensor's own alerts go on as they were.
void yg_lifecycle_resume(struct yg_lifecycle *lc, struct yg_time now);

// A reload: how often and how many from now on. The capacity stays.
void yg_lifecycle_retune(struct yg_lifecycle *lc, const struct yg_lifecycle_options *options);

// Leaves the open alerts in the memory for the next engine. NULL is accepted.
void yg_lifecycle_destroy(struct yg_lifecycle *lc);

// What a detector raised, after the host filled in its own fields (organisation, names, orgs).
void yg_lifecycle_raise(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert,
                        struct yg_time now);

// The same, in shadow or not, for what goes on for hours or days: it closes `clear_after_s` (YG_LIFECYCLE_LASTING_S to
// YG_LIFECYCLE_LASTING_MAX_S, others are made to fit) after it was last raised.
void yg_lifecycle_raise_lasting(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert, bool shadow,
                                uint32_t clear_after_s, struct yg_time now);

// The same for a detector that is being watched: it goes out with YG_MODE_SHADOW, never counts towards a storm of what people are told,
// takes the place of nothing that they are told, and is summarised by itself.
void yg_lifecycle_raise_shadow(struct yg_lifecycle *lc, const char *detector, const struct yg_alert *alert, struct yg_time now);

// One that a rule hid before it came here: raised and suppressed, for the identity.
void yg_lifecycle_count_hidden(struct yg_lifecycle *lc);

// Second `second` is over: closes what has cleared and updates what is due, in order of id.
void yg_lifecycle_tick(struct yg_lifecycle *lc, int64_t second);

// Closes whatever is open, in order of id: the end of a replay.
void yg_lifecycle_finish(struct yg_lifecycle *lc, struct yg_time now);

// Packet time is about to jump: closes, in order of id, all but the lasting ones, and updates those of them that were
// raised since their last line. The next tick closes those that have no time left.
void yg_lifecycle_gap(struct yg_lifecycle *lc, struct yg_time now);

// Open alerts, summaries included; and how many of them are lasting.
uint32_t yg_lifecycle_open(const struct yg_lifecycle *lc);
uint32_t yg_lifecycle_lasting(const struct yg_lifecycle *lc);

const struct yg_lifecycle_stats *yg_lifecycle_stats(const struct yg_lifecycle *lc);
