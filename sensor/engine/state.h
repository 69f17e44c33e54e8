// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a restart must not forget. A part of the engine (the baselines, the campaigns, each detector) registers here under a name, and is
// asked for its bytes some times an hour and given them back when another engine begins.
//
// The bytes lie in memory that the supervisor holds (YG_FD_STATE): two halves, written in turn, so that an engine that is killed while it
// writes leaves the half before it whole. The supervisor has whole halves written to disk. Writing is done in pieces, a bounded number of
// bytes a call of yg_state_turn, so that no second of the aggregator waits for it. A snapshot is begun every YG_STATE_PERIOD_S seconds and
// takes at most YG_STATE_SPREAD_S: what is found after a kill is younger than both together, with the disk's share less than 60 s.
//
// Layout of a half, in the machine's byte order, everything at multiples of 8:
//   struct yg_state_head            checked by its own CRC32C; `sequence` is written last, 0 while the half is being written
//   then for each part: struct yg_state_mark, `size` bytes, zeros up to a multiple of 8
// A part whose name is not registered, whose sum is wrong, or which its owner refuses, is dropped and said; the others are kept.
//
// What lies there is foreign bytes: it may come from a file that anybody has written to. A sum protects from accidents alone, so
// restore() checks every number before it believes it.
//
// Thread: the aggregator. Allocation in create alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	YG_STATE_PARTS_MAX = 96,  // every detector and 32 more
	YG_STATE_NAME_MAX = 40,   // with its NUL
	YG_STATE_PERIOD_S = 25,   // from the begin of a snapshot to the begin of the next
	YG_STATE_SPREAD_S = 12,   // in which it is written
	YG_STATE_VERSION = 1,     // of the layout above; each part has a version of its own
};

// `save` and `restore` are called by the thread of the aggregator, between seconds.
struct yg_state_part {
	const char *name;  // "baselines", "campaigns", "plugin.dos": unique, stable between releases; copied
	uint32_t version;  // of the part's own bytes; restore is told which one they are of
	uint64_t max;      // bytes that it takes at most: reserved for it in each half
	void *context;
	// Writes its next bytes, at most `room` (never less than YG_STATE_ROOM_MIN or all that is left of `max`), to `to`; how many.
	// *cursor is 0 at the begin of a snapshot and the part's own from then on; YG_STATE_DONE ends it. What changes between two calls
	// for one snapshot must leave a whole that restore() accepts. A small part writes all at once and sets YG_STATE_DONE.
	uint64_t (*save)(void *context, uint64_t *cursor, void *to, uint64_t room);
	// All bytes of a snapshot at once, before the first second; `version` as it was saved. 0, or -1 when they are not its own or
	// do not fit the configuration: then the part must be as if it had never been called. At most once.
	int (*restore)(void *context, uint32_t version, const void *bytes, uint64_t size);
};

#define YG_STATE_DONE UINT64_MAX
#define YG_STATE_ROOM_MIN UINT64_C(65536)
