// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A bounded ring of fixed slots, one producer, one consumer, in memory that two processes (or two threads) share.
//
// Rules of the house: a full ring never blocks a producer of live packets (yg_ring_has_room says no, the caller counts);
// nothing but bytes crosses; whoever reads distrusts the writer. Each side keeps its own index in private memory and takes
// from shared memory only the other side's index, which it checks: an index that claims more than the ring holds, or that
// runs backwards, marks the ring `broken` (for this side, for ever) and is counted, never followed. Slot contents are
// the caller's to check: copy, then validate, then use.
//
//   shared:  | header 4096 B: magic, slot size, slots, head (producer's line), tail (consumer's line) | slot 0 | slot 1 | …
//
// A record may span consecutive slots: ask for room for all of them at once; slots wrap around, so address each with
// yg_ring_slot.
//
// Threads: one producer and one consumer, each with its own struct yg_ring over the same memory.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct yg_ring_shared;

enum { YG_RING_WORDS = 2 };

struct yg_ring {
	struct yg_ring_shared *shared;
	uint8_t *slots;
	uint32_t slot_size; // bytes, a multiple of 8
	uint32_t count;     // slots, a power of two
	uint64_t own;       // own index: head of a producer, tail of a consumer
	uint64_t published; // what of `own` the peer has been shown
	uint64_t peer;      // the peer's index when last looked at
	bool producer;
	bool broken;        // the peer wrote an index that cannot be
};

// Bytes of shared memory that a ring of `count` slots (a power of two) of `slot_size` bytes needs.
size_t yg_ring_bytes(uint32_t slot_size, uint32_t count);

// Lays a ring out in zeroed memory. Once, by its creator, before any attach. 0 or -EINVAL.
int yg_ring_format(void *memory, size_t size, uint32_t slot_size, uint32_t count);

// Attaches to a formatted ring, as its producer or its consumer, continuing where the last one on that side stopped.
// The layout found is checked against `size` and `slot_size`. 0, or -EBADMSG when the memory holds no such ring.
int yg_ring_attach(struct yg_ring *ring, void *memory, size_t size, uint32_t slot_size, bool producer);

// Slot `index` (own or peer's absolute index).
static inline void *yg_ring_slot(const struct yg_ring *ring, uint64_t index)
{
	return ring->slots + (size_t)(index & (ring->count - 1)) * ring->slot_size;
}

// ---- producer ----

bool yg_ring_look_for_room(struct yg_ring *ring, uint32_t n); // the next function, once more than is known of is needed

// True when `n` slots are free; then the next n slots from ring->own on may be written and yg_ring_push(n) called.
static inline bool yg_ring_has_room(struct yg_ring *ring, uint32_t n)
{
	return (ring->own + n - ring->peer <= ring->count && !ring->broken) || yg_ring_look_for_room(ring, n);
}

// Hands the next n slots over; the peer sees them at the next yg_ring_publish.
static inline void yg_ring_push(struct yg_ring *ring, uint32_t n)
{
	ring->own += n;
}

// Shows all pushed slots to the consumer and wakes it if it sleeps.
void yg_ring_publish(struct yg_ring *ring);

// Says that nothing more will come (publishes first). The consumer sees it once it has read everything.
void yg_ring_close(struct yg_ring *ring);

// A number beside the slots, which lives as long as the ring: what a producer could not put into it, for one. The consumer sees it at
// once, and at the latest with what is published after it. Zero at first; `word` below YG_RING_WORDS. What it says is the peer's word only.
void yg_ring_tell(struct yg_ring *ring, unsigned word, uint64_t value);
uint64_t yg_ring_told(const struct yg_ring *ring, unsigned word); // either side

// Waits until n slots are free or timeout_ms has passed. For replays and control paths only: a live worker never waits.
bool yg_ring_wait_room(struct yg_ring *ring, uint32_t n, int timeout_ms);

// ---- consumer ----

// How many slots can be read from ring->own on. 0 when empty or broken.
uint32_t yg_ring_available(struct yg_ring *ring);

// Gives n read slots back. The producer sees it at the next yg_ring_release.
static inline void yg_ring_pop(struct yg_ring *ring, uint32_t n)
{
	ring->own += n;
}

// Shows the producer what was popped and wakes it if it sleeps.
void yg_ring_release(struct yg_ring *ring);

// True when the producer has closed the ring, whatever is left in it.
bool yg_ring_closed(const struct yg_ring *ring);

// True when the producer has closed the ring and everything in it has been read.
bool yg_ring_ended(struct yg_ring *ring);

// Waits until something can be read, the ring has ended, or timeout_ms has passed. True when something can be read.
bool yg_ring_wait_data(struct yg_ring *ring, int timeout_ms);
