// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Puts the TCP segments of one direction of one flow in order, for messages that do not end in their first segment. A
// pool of buffers of 8 KiB, all taken at start. The copy that comes first wins; other content for the same bytes is
// reported. A buffer is named by a reference with a generation: who holds one that was taken back meanwhile reads
// nothing, and nobody else's bytes. Owned by one dissector worker, one thread. Nothing is allocated after creation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum {
	YG_STREAM_BYTES = 8192, // of one buffer: from its base, the window
	YG_STREAM_COUNT = 4096, // default number of buffers
	YG_STREAM_COUNT_MAX = 1 << 20,
};

#define YG_STREAM_HOLD_NS (5 * YG_NS_PER_S) // a full pool takes back its oldest buffer after this age

struct yg_stream_pool;

struct yg_stream_ref {
	uint32_t index, generation; // all zero: none
};

enum yg_stream_result {
	YG_STREAM_ADDED,             // some bytes were new, none came twice; also for no bytes at all
	YG_STREAM_OVERLAP_SAME,      // some came again, as they were; the new ones are kept
	YG_STREAM_OVERLAP_DIFFERENT, // some came again and differ: the first copy is kept
	YG_STREAM_OUTSIDE,           // nothing lay in the window: neither kept nor compared
	YG_STREAM_STALE,             // the reference names no buffer that is held
};

// Identities: taken = in_use + released + reclaimed. added + same + different + outside = calls of add that found a
// buffer.
struct yg_stream_stats {
	uint64_t taken, released;
	uint64_t full;                            // refused: no buffer
	uint64_t reclaimed;                       // taken back at HOLD for another
	uint64_t added, same, different, outside; // segments, by result
	uint64_t bytes_before;                    // bytes before the base, not kept
	uint64_t bytes_beyond;                    // bytes behind the window, not kept
	uint32_t in_use, peak;
};

// NULL and errno: EINVAL for a count of 0 or above the maximum, ENOMEM.
struct yg_stream_pool *yg_stream_create(uint32_t count);
void yg_stream_destroy(struct yg_stream_pool *pool);

uint32_t yg_stream_count(const struct yg_stream_pool *pool);

// A buffer whose first byte is sequence number `base`. False when none is free but `reserve`, and the oldest is younger
// than HOLD at `now`; counted as full.
bool yg_stream_take(struct yg_stream_pool *pool, uint32_t base, uint32_t reserve, struct yg_time now,
                    struct yg_stream_ref *ret_ref);

// Bytes of a segment whose first has sequence number `seq`. Numbers wrap.
enum yg_stream_result yg_stream_add(struct yg_stream_pool *pool, struct yg_stream_ref ref, uint32_t seq,
                                    const uint8_t *data, size_t len);

// The bytes that stand from the base without a gap; 0 and NULL when there are none or the reference is stale. Valid
// until the next call for this buffer.
size_t yg_stream_bytes(const struct yg_stream_pool *pool, struct yg_stream_ref ref, const uint8_t **ret_data);

// Whether bytes stand behind the first gap.
bool yg_stream_has_gap(const struct yg_stream_pool *pool, struct yg_stream_ref ref);

bool yg_stream_held(const struct yg_stream_pool *pool, struct yg_stream_ref ref);

// Moves the base `n` bytes on; what stood before it is forgotten, what stands behind it stays.
void yg_stream_advance(struct yg_stream_pool *pool, struct yg_stream_ref ref, uint32_t n);

// Gives the buffer back and clears the reference. A stale or empty one is cleared alone.
void yg_stream_release(struct yg_stream_pool *pool, struct yg_stream_ref *ref);

void yg_stream_stats(const struct yg_stream_pool *pool, struct yg_stream_stats *ret_stats);
