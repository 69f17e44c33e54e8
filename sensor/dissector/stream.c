// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The pool of stream.h. Each buffer is 8 KiB of bytes and one bit a byte: with bits there is no list of gaps, hence no
// number of gaps that an attacker could exceed, and "first copy wins" is a test of one bit. Bytes up to `filled` are
// all there; bits are kept for those behind it alone, so traffic in order costs a memcpy.
//
// Buffers in use stand in a list by the time they were taken. When none is free, the oldest goes if it has been held
// for HOLD: 4,096 hellos left open on purpose blind the readers for five seconds of packet time, not until their flows
// end. Why not a buffer a flow: 8 KiB for each of a million flows, of which one in a hundred needs it for a few
// milliseconds.
#include "dissector/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = YG_STREAM_BYTES / 64, NONE = 0x7fffffff };

struct buffer {
	uint32_t base;
	uint32_t filled;       // bytes from the base without a gap
	uint32_t high;         // behind the last byte kept
	uint32_t generation;   // odd while in use
	uint32_t older, newer; // in use: the list by age. free: `newer` is the next free one
	int64_t taken_ns;
	uint64_t kept[WORDS]; // bit i: byte i is there; valid for filled <= i < high
	uint8_t bytes[YG_STREAM_BYTES];
};

struct yg_stream_pool {
	uint32_t count, free, oldest, newest;
	uint32_t used; // buffers that were ever taken: the first ones. No other is touched, and its memory is nobody's yet
	struct yg_stream_stats stats;
	struct buffer buffers[];
};

struct yg_stream_pool *yg_stream_create(uint32_t count)
{
	if (count == 0 || count > YG_STREAM_COUNT_MAX) {
		errno = EINVAL;
		return NULL;
	}
	struct yg_stream_pool *pool = calloc(1, sizeof *pool + (size_t)count * sizeof pool->buffers[0]);
	if (!pool)
		return NULL;
	pool->count = count;
	pool->oldest = pool->newest = pool->free = NONE;
	return pool;
}

void yg_stream_destroy(struct yg_stream_pool *pool)
{
	free(pool);
}

uint32_t yg_stream_count(const struct yg_stream_pool *pool)
{
	return pool->count;
}

static struct buffer *find(const struct yg_stream_pool *pool, struct yg_stream_ref ref)
{
	if (ref.index >= pool->count || (ref.generation & 1) == 0)
		return NULL;
	const struct buffer *b = &pool->buffers[ref.index];
	return b->generation == ref.generation ? (struct buffer *)b : NULL;
}

static void give_back(struct yg_stream_pool *pool, uint32_t index)
{
	struct buffer *b = &pool->buffers[index];
	if (b->older != NONE)
		pool->buffers[b->older].newer = b->newer;
	else
		pool->oldest = b->newer;
	if (b->newer != NONE)
		pool->buffers[b->newer].older = b->older;
	else
		pool->newest = b->older;
	b->generation++;
	b->newer = pool->free;
	pool->free = index;
	pool->stats.in_use--;
}

static bool reclaim_oldest(struct yg_stream_pool *pool, struct yg_time now)
{
	if (pool->oldest == NONE || now.ns - pool->buffers[pool->oldest].taken_ns < YG_STREAM_HOLD_NS)
		return false;
	give_back(pool, pool->oldest);
	pool->stats.reclaimed++;
	return true;
}

bool yg_stream_take(struct yg_stream_pool *pool, uint32_t base, uint32_t reserve, struct yg_time now,
                    struct yg_stream_ref *ret_ref)
{
	if (pool->count - pool->stats.in_use <= reserve && !reclaim_oldest(pool, now)) {
		pool->stats.full++;
		return false;
	}
	bool fresh = pool->free == NONE;
	if (fresh && pool->used == pool->count) {
		pool->stats.full++;
		return false;
	}
	uint32_t index = fresh ? pool->used++ : pool->free;
	struct buffer *b = &pool->buffers[index];
	if (!fresh)
		pool->free = b->newer;
	b->base = base;
	b->filled = b->high = 0;
	b->generation++;
	b->taken_ns = now.ns;
	b->older = pool->newest;
	b->newer = NONE;
	memset(b->kept, 0, sizeof b->kept);
	if (pool->newest != NONE)
		pool->buffers[pool->newest].newer = index;
	else
		pool->oldest = index;
	pool->newest = index;
	pool->stats.taken++;
	if (++pool->stats.in_use > pool->stats.peak)
		pool->stats.peak = pool->stats.in_use;
	*ret_ref = (struct yg_stream_ref){index, b->generation};
	return true;
}

static bool is_kept(const struct buffer *b, uint32_t at)
{
	return at < b->filled || (at < b->high && (b->kept[at / 64] >> at % 64 & 1));
}

// Marks [from, to).
static void mark(struct buffer *b, uint32_t from, uint32_t to)
{
	while (from < to) {
		uint32_t bit = from % 64, room = 64 - bit;
		uint32_t n = to - from < room ? to - from : room;
		b->kept[from / 64] |= UINT64_MAX >> (64 - n) << bit;
		from += n;
	}
}

// Bytes [at, at + len) of the window, byte by byte: some of them may be there already.
static enum yg_stream_result merge(struct buffer *b, uint32_t at, const uint8_t *data, uint32_t len)
{
	enum yg_stream_result result = YG_STREAM_ADDED;
	for (uint32_t i = 0; i < len; i++) {
		if (!is_kept(b, at + i)) {
			b->bytes[at + i] = data[i];
			continue;
		}
		if (b->bytes[at + i] != data[i])
			result = YG_STREAM_OVERLAP_DIFFERENT;
		else if (result == YG_STREAM_ADDED)
			result = YG_STREAM_OVERLAP_SAME;
	}
	return result;
}

static enum yg_stream_result place(struct buffer *b, uint32_t at, const uint8_t *data, uint32_t len)
{
	if (at == b->high && at == b->filled) { // in order, no gap anywhere
		memcpy(b->bytes + at, data, len);
		b->filled = b->high = at + len;
		return YG_STREAM_ADDED;
	}
	enum yg_stream_result result = YG_STREAM_ADDED;
	if (at >= b->high) // behind a gap, where nothing is yet
		memcpy(b->bytes + at, data, len);
	else
		result = merge(b, at, data, len);
	mark(b, at > b->filled ? at : b->filled, at + len);
	if (at + len > b->high)
		b->high = at + len;
	while (b->filled < b->high && is_kept(b, b->filled))
		b->filled++;
	return result;
}

enum yg_stream_result yg_stream_add(struct yg_stream_pool *pool, struct yg_stream_ref ref, uint32_t seq,
                                    const uint8_t *data, size_t len)
{
	struct buffer *b = find(pool, ref);
	if (!b)
		return YG_STREAM_STALE;
	if (len == 0) {
		pool->stats.added++;
		return YG_STREAM_ADDED;
	}
	int64_t at = (int32_t)(seq - b->base); // half the number space before the base, half behind it
	int64_t before = at >= 0 ? 0 : -at < (int64_t)len ? -at : (int64_t)len;
	data += before;
	at += before;
	int64_t rest = (int64_t)len - before, room = at < YG_STREAM_BYTES ? YG_STREAM_BYTES - at : 0;
	int64_t inside = rest < room ? rest : room;
	pool->stats.bytes_before += (uint64_t)before;
	pool->stats.bytes_beyond += (uint64_t)(rest - inside);
	if (inside == 0) {
		pool->stats.outside++;
		return YG_STREAM_OUTSIDE;
	}
	enum yg_stream_result result = place(b, (uint32_t)at, data, (uint32_t)inside);
	*(result == YG_STREAM_ADDED          ? &pool->stats.added
	  : result == YG_STREAM_OVERLAP_SAME ? &pool->stats.same
	                                     : &pool->stats.different) += 1;
	return result;
}

size_t yg_stream_bytes(const struct yg_stream_pool *pool, struct yg_stream_ref ref, const uint8_t **ret_data)
{
	const struct buffer *b = find(pool, ref);
	*ret_data = b && b->filled ? b->bytes : NULL;
	return b ? b->filled : 0;
}

bool yg_stream_has_gap(const struct yg_stream_pool *pool, struct yg_stream_ref ref)
{
	const struct buffer *b = find(pool, ref);
	return b && b->high > b->filled;
}

bool yg_stream_held(const struct yg_stream_pool *pool, struct yg_stream_ref ref)
{
	return find(pool, ref) != NULL;
}

void yg_stream_advance(struct yg_stream_pool *pool, struct yg_stream_ref ref, uint32_t n)
{
	struct buffer *b = find(pool, ref);
	if (!b)
		return;
	b->base += n;
	if (n >= b->high) {
		b->filled = b->high = 0;
		memset(b->kept, 0, sizeof b->kept);
		return;
	}
	uint64_t kept[WORDS] = {0};
	uint32_t high = b->high - n;
	for (uint32_t i = 0; i < high; i++)
		if (is_kept(b, i + n))
			kept[i / 64] |= UINT64_C(1) << i % 64;
	memmove(b->bytes, b->bytes + n, high);
	memcpy(b->kept, kept, sizeof kept);
	b->filled = b->filled > n ? b->filled - n : 0;
	b->high = high;
	while (b->filled < b->high && is_kept(b, b->filled))
		b->filled++;
}

void yg_stream_release(struct yg_stream_pool *pool, struct yg_stream_ref *ref)
{
	if (find(pool, *ref)) {
		give_back(pool, ref->index);
		pool->stats.released++;
	}
	*ref = (struct yg_stream_ref){0};
}

void yg_stream_stats(const struct yg_stream_pool *pool, struct yg_stream_stats *ret_stats)
{
	*ret_stats = pool->stats;
}
