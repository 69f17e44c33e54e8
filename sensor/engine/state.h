// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a restart must not forget. A part of the engine (the baselines, the campaigns, each detector) registers here under a name, and is
// asked for its bytes some times an hour and given them back when another engine begins.
//
// The bytes lie in memory that the supervisor holds (YG_FD_STATE): two halves, written in turn, so that an engine that is killed while it
// writes leaves the half before it whole. The supervisor has whole halves written to disk. Writing is done in pieces, a bounded number of
// bytes a call of yg_state_turn, so that no second of the aggregator waits for it. A snapshot is begun every YG_STATE_PERIOD_S seconds and
// is whole a second or two later: what is found after a kill is less than half a minute old, and on disk less than a minute.
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
	YG_STATE_FIRST_S = 5,     // from the first second of an engine to the begin of its first snapshot
	YG_STATE_PERIOD_S = 25,   // from the begin of a snapshot to the begin of the next
	YG_STATE_VERSION = 1,     // of the layout above; each part has a version of its own
};

// `save` and `restore` are called by the thread of the aggregator, between seconds.
struct yg_state_part {
	const char *name;  // "baselines", "campaigns", "plugin.dos": unique, stable between releases; copied
	uint32_t version;  // of the part's own bytes; restore is told which one they are of
	uint64_t max;      // bytes that it takes at most: reserved for it in each half
	void *context;
	// Writes its next bytes, at most `room`, to `to`; how many. A part of at most YG_STATE_WHOLE bytes has room for all of them at once, a
	// longer one for YG_STATE_PIECE or what is left of `max`.
	// *cursor is 0 at the begin of a snapshot and the part's own from then on; YG_STATE_DONE ends it. What changes between two calls
	// for one snapshot must leave a whole that restore() accepts. A short part writes all at once and sets YG_STATE_DONE.
	uint64_t (*save)(void *context, uint64_t *cursor, void *to, uint64_t room);
	// All bytes of a snapshot at once, before the first second; `version` as it was saved. 0, or -1 when they are not its own or
	// do not fit the configuration: then the part must be as if it had never been called. At most once.
	int (*restore)(void *context, uint32_t version, const void *bytes, uint64_t size);
};

#define YG_STATE_DONE UINT64_MAX
#define YG_STATE_WHOLE (UINT64_C(4) << 20)
#define YG_STATE_PIECE (UINT64_C(256) << 10)

// ---- the bytes of a half ----

struct yg_state_head {
	uint32_t magic, version;
	uint64_t sequence;  // of the snapshot, from 1; 0: it is being written
	uint64_t size;      // of all, with this
	int64_t second;     // that was closed last when it was begun
	uint32_t parts, reserved[6];
	uint32_t sum;       // CRC32C of this struct, as if it were 0 here
};

struct yg_state_mark {
	char name[YG_STATE_NAME_MAX];
	uint32_t version, sum; // CRC32C of what follows and then of this struct, as if it were 0 here
	uint64_t size, reserved;
};

#define YG_STATE_MAGIC UINT32_C(0x59475354) // "YGST"
#define YG_STATE_PLUGIN_MAX YG_STATE_WHOLE       // bytes that a detector's save() can have
#define YG_STATE_OTHERS_MAX (UINT64_C(384) << 20) // all parts but the baselines

struct yg_config;

// Bytes of one half under this configuration. They are reserved, not used: memory is taken for what is written.
uint64_t yg_state_half(const struct yg_config *config);

// The newest whole half of `memory` (two halves of `half` bytes), NULL when there is none. Its head has been checked, its parts have not.
const struct yg_state_head *yg_state_newest(const void *memory, uint64_t half);

// The first, or the next, whole part of a snapshot (`at` begins at 0); false behind the last. *ret_whole: whether its sum is right.
bool yg_state_next(const struct yg_state_head *head, uint64_t *at, struct yg_state_mark *ret_mark, const void **ret_bytes, bool *ret_whole);

// ---- the parts of a running engine ----

struct yg_state_stats {
	uint64_t snapshots;  // finished
	uint64_t restored, dropped; // parts found at the start
	uint64_t cut;        // parts that had more to say than their `max`
};

struct yg_state;

// `memory` holds two halves of `half` bytes and outlives the object. NULL and errno on failure.
struct yg_state *yg_state_create(void *memory, uint64_t half);
void yg_state_destroy(struct yg_state *state); // NULL is accepted

// 0; -EEXIST: the name is taken; -ENOSPC: too many parts, or more bytes than a half has; -ENAMETOOLONG. `state` NULL: 0, nothing is kept.
int yg_state_add(struct yg_state *state, const struct yg_state_part *part);

// The part is no more, or another one comes in its place. A snapshot that is being written is begun anew.
void yg_state_remove(struct yg_state *state, const char *name);

// Once, after all parts were added: gives them what the newest whole half holds.
void yg_state_restore(struct yg_state *state);

// Begins a snapshot when one is due at `second`, or writes the next piece of the one that has begun. NULL is accepted.
void yg_state_turn(struct yg_state *state, int64_t second);

// A whole snapshot now: the end of a run. NULL is accepted.
void yg_state_finish(struct yg_state *state, int64_t second);

const struct yg_state_stats *yg_state_stats(const struct yg_state *state);
