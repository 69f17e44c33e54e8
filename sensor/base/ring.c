// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The ring of ring.h. Each side's index has a cache line of its own with a word to sleep on; a side that is about to sleep says
// so in `asleep`, and the other wakes it when it moves its index. Sleeping sides wake by themselves after a timeout, so a
// peer that never wakes them (dead, stopped or hostile) costs time, never a hang.
#include "base/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_MAGIC UINT64_C(0x31474e4952475921) // "!YGRING1"
#define RING_HEADER 4096

struct ring_side {
	_Atomic uint64_t index;  // slots handed over (producer) or given back (consumer)
	_Atomic uint32_t moved;  // grows with every publish of this side; the other side sleeps on it
	_Atomic uint32_t asleep; // this side sleeps on the other's `moved`
	_Atomic uint32_t closed; // producer: nothing more comes
	_Atomic uint64_t told[YG_RING_WORDS]; // producer, see yg_ring_tell
	uint8_t pad[64 - 24 - 8 * YG_RING_WORDS];
};

struct yg_ring_shared {
	uint64_t magic;
	uint32_t slot_size, count;
	uint8_t pad[48];
	struct ring_side head, tail;
};
_Static_assert(sizeof(struct yg_ring_shared) <= RING_HEADER, "the header has its page");

void yg_ring_tell(struct yg_ring *ring, unsigned word, uint64_t value)
{
	atomic_store_explicit(&ring->shared->head.told[word % YG_RING_WORDS], value, memory_order_release);
}

uint64_t yg_ring_told(const struct yg_ring *ring, unsigned word)
{
	return atomic_load_explicit(&ring->shared->head.told[word % YG_RING_WORDS], memory_order_acquire);
}

size_t yg_ring_bytes(uint32_t slot_size, uint32_t count)
{
	return RING_HEADER + (size_t)slot_size * count;
}

static int layout_fits(size_t size, uint32_t slot_size, uint32_t count)
{
	return slot_size >= 8 && slot_size % 8 == 0 && count >= 2 && (count & (count - 1)) == 0 && size >= RING_HEADER &&
	       count <= (size - RING_HEADER) / slot_size;
}

int yg_ring_format(void *memory, size_t size, uint32_t slot_size, uint32_t count)
{
	if (!layout_fits(size, slot_size, count))
		return -EINVAL;
	struct yg_ring_shared *shared = memory;
	shared->slot_size = slot_size;
	shared->count = count;
	shared->magic = RING_MAGIC;
	return 0;
}

int yg_ring_attach(struct yg_ring *ring, void *memory, size_t size, uint32_t slot_size, bool producer)
{
	struct yg_ring_shared *shared = memory;
	if (size < RING_HEADER || shared->magic != RING_MAGIC)
		return -EBADMSG;
	uint32_t count = *(volatile uint32_t *)&shared->count; // read once: the peer can write here
	if (shared->slot_size != slot_size || !layout_fits(size, slot_size, count))
		return -EBADMSG;
	uint64_t head = atomic_load_explicit(&shared->head.index, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&shared->tail.index, memory_order_acquire);
	if (head - tail > count)
		return -EBADMSG;
	*ring = (struct yg_ring){
		.shared = shared,
		.slots = (uint8_t *)memory + RING_HEADER,
		.slot_size = slot_size,
		.count = count,
		.own = producer ? head : tail,
		.published = producer ? head : tail,
		.peer = producer ? tail : head,
		.producer = producer,
	};
	return 0;
}

static struct ring_side *own_side(const struct yg_ring *ring)
{
	return ring->producer ? &ring->shared->head : &ring->shared->tail;
}

static struct ring_side *peer_side(const struct yg_ring *ring)
{
	return ring->producer ? &ring->shared->tail : &ring->shared->head;
}

// Takes the peer's index over when it is one that can be: never backwards, never beyond what the ring holds.
static void look_at_peer(struct yg_ring *ring)
{
	uint64_t seen = atomic_load_explicit(&peer_side(ring)->index, memory_order_acquire);
	uint64_t moved = seen - ring->peer;
	uint64_t possible = ring->producer ? ring->published - ring->peer : ring->count - (ring->peer - ring->own);
	if (ring->broken || moved > possible)
		ring->broken = true;
	else
		ring->peer = seen;
}

static void show(struct yg_ring *ring)
{
	if (ring->published == ring->own)
		return;
	ring->published = ring->own;
	struct ring_side *side = own_side(ring);
	atomic_store_explicit(&side->index, ring->own, memory_order_release);
	atomic_fetch_add_explicit(&side->moved, 1, memory_order_seq_cst);
	// Taken back for the sleeper: until it has a processor again, what else is shown needs no call. It says so anew before it
	// sleeps the next time, and a sleep that has not begun yet does not begin, for `moved` has.
	struct ring_side *peer = peer_side(ring);
	if (atomic_load_explicit(&peer->asleep, memory_order_seq_cst) && atomic_exchange_explicit(&peer->asleep, 0, memory_order_seq_cst))
		syscall(SYS_futex, &side->moved, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

// Sleeps until the peer's `moved` differs from `before`, or the time is over.
static void sleep_on_peer(struct yg_ring *ring, uint32_t before, int timeout_ms)
{
	struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
	struct ring_side *peer = peer_side(ring);
	syscall(SYS_futex, &peer->moved, FUTEX_WAIT, before, &timeout, NULL, 0);
}

static bool room(struct yg_ring *ring, uint32_t n)
{
	if (ring->own + n - ring->peer <= ring->count)
		return !ring->broken;
	look_at_peer(ring);
	return !ring->broken && ring->own + n - ring->peer <= ring->count;
}

bool yg_ring_look_for_room(struct yg_ring *ring, uint32_t n)
{
	return n <= ring->count && room(ring, n);
}

void yg_ring_publish(struct yg_ring *ring)
{
	show(ring);
}

void yg_ring_release(struct yg_ring *ring)
{
	show(ring);
}

void yg_ring_close(struct yg_ring *ring)
{
	show(ring);
	struct ring_side *side = own_side(ring);
	atomic_store_explicit(&side->closed, 1, memory_order_release);
	atomic_fetch_add_explicit(&side->moved, 1, memory_order_seq_cst);
	syscall(SYS_futex, &side->moved, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t yg_ring_available(struct yg_ring *ring)
{
	if (ring->peer == ring->own)
		look_at_peer(ring);
	return ring->broken ? 0 : (uint32_t)(ring->peer - ring->own);
}

bool yg_ring_closed(const struct yg_ring *ring)
{
	return ring->broken || atomic_load_explicit(&peer_side(ring)->closed, memory_order_acquire) != 0;
}

bool yg_ring_ended(struct yg_ring *ring)
{
	// Closed is read before the index: what was pushed before the close is then seen.
	return yg_ring_closed(ring) && (ring->broken || yg_ring_available(ring) == 0);
}

static bool satisfied(struct yg_ring *ring, uint32_t n)
{
	return ring->producer ? room(ring, n) : yg_ring_available(ring) > 0;
}

static bool wait_for(struct yg_ring *ring, uint32_t n, int timeout_ms)
{
	show(ring); // never sleep on unpublished work: the peer may be waiting for it
	struct ring_side *side = own_side(ring);
	struct ring_side *peer = peer_side(ring);
	atomic_store_explicit(&side->asleep, 1, memory_order_seq_cst);
	uint32_t before = atomic_load_explicit(&peer->moved, memory_order_seq_cst);
	bool done = satisfied(ring, n);
	if (!done && !ring->broken && !(!ring->producer && yg_ring_ended(ring))) {
		sleep_on_peer(ring, before, timeout_ms);
		done = satisfied(ring, n);
	}
	atomic_store_explicit(&side->asleep, 0, memory_order_relaxed);
	return done;
}

bool yg_ring_wait_room(struct yg_ring *ring, uint32_t n, int timeout_ms)
{
	return n <= ring->count && (room(ring, n) || wait_for(ring, n, timeout_ms));
}

bool yg_ring_wait_data(struct yg_ring *ring, int timeout_ms)
{
	return yg_ring_available(ring) > 0 || wait_for(ring, 1, timeout_ms);
}
