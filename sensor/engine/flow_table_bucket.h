// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What can be told of flows from their buckets alone, without a branch where the answer is as good as random. Part of flow_table.c.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/flow_table_internal.h"

// ---- eight tags at a time ----

// Bit i: the tag of place i is this one.
static inline unsigned places_with(const struct yg_flow_bucket *b, uint16_t tag)
{
#ifdef __SSE2__
	__m128i equal = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->tag), _mm_set1_epi16((short)tag));
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128()));
#else
	unsigned places = 0;
	for (unsigned i = 0; i < YG_BUCKET; i++)
		places |= (unsigned)(b->tag[i] == tag) << i;
	return places;
#endif
}

static inline unsigned free_places(const struct yg_flow_bucket *b)
{
	return places_with(b, 0);
}

// Which of the bucket's two is this place, or which is free (place + 1 = 0); YG_BUCKET_EMBRYONIC: neither. No branch: in a flood it is as
// good as random.
static inline unsigned embryonic_at(const struct yg_flow_bucket *b, unsigned place_1)
{
	unsigned not_0 = (uint16_t)b->embryonic[0] != place_1, not_1 = (uint16_t)b->embryonic[1] != place_1;
	return not_0 + (not_0 & not_1);
}

// Both buckets at once, without a branch: in which of the two a flow is, is as good as random.
static inline unsigned places_in(const struct yg_flow_bucket *one, const struct yg_flow_bucket *two, uint16_t tag)
{
#ifdef __SSE2__
	__m128i wanted = _mm_set1_epi16((short)tag);
	__m128i in_one = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)one->tag), wanted);
	__m128i in_two = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)two->tag), wanted);
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(in_one, in_two));
#else
	return places_with(one, tag) | places_with(two, tag) << YG_BUCKET;
#endif
}

static inline unsigned places_of(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	return places_in(&table->bucket[hash->bucket], &table->bucket[hash->bucket2], hash->tag);
}

static inline uint32_t lowest_of(const struct yg_flow_hash *hash, unsigned places)
{
	unsigned at = (unsigned)__builtin_ctz(places);
	uint32_t bucket = hash->bucket ^ ((hash->bucket ^ hash->bucket2) & -(uint32_t)(at / YG_BUCKET));
	return bucket * YG_BUCKET + at % YG_BUCKET;
}

// ---- who goes ----

// Which of the embryonic flows of two buckets is to go is the highest of their claims: the high half is the age; bit 3 is set in the first
// bucket and the three below are 7 less the place, so that among the equally old the first bucket goes first, and then the lower place.
static inline uint32_t claim_base(uint16_t now, bool second)
{
	_Static_assert(YG_BUCKET == 8, "three bits for a place");
	return (uint32_t)now << 16 | (second ? 8 : 16);
}

static inline uint32_t claimed(const struct yg_flow_hash *hash, uint32_t claim)
{
	uint32_t bucket = hash->bucket2 ^ ((hash->bucket ^ hash->bucket2) & -(claim >> 3 & 1));
	return bucket * YG_BUCKET + 7 - (claim & 7);
}

// The highest claim of a bucket, plus 1; 0 where nobody is embryonic.
static uint64_t claim_of(const struct yg_flow_bucket *b, uint32_t base)
{
	uint32_t one = base - b->embryonic[0], two = base - b->embryonic[1];
	if (b->embryonic[0] && b->embryonic[1])
		return (uint64_t)(one > two ? one : two) + 1;
	return b->embryonic[0] ? (uint64_t)one + 1 : b->embryonic[1] ? (uint64_t)two + 1 : 0;
}

// Where one of the four is nobody's.
static __attribute__((noinline)) uint32_t oldest_of_fewer(const struct yg_flow_table *table, const struct yg_flow_hash *hash, uint16_t now)
{
	const struct yg_flow_bucket *one = &table->bucket[hash->bucket], *two = &table->bucket[hash->bucket2];
	bool one_full = one->embryonic[0] && one->embryonic[1], two_full = two->embryonic[0] && two->embryonic[1];
	if ((!one_full && free_places(one)) || (!two_full && free_places(two)))
		return YG_NO_RECORD;
	uint64_t first = claim_of(one, claim_base(now, false)), second = claim_of(two, claim_base(now, true));
	if (!(first | second))
		return YG_NO_RECORD;
	return claimed(hash, (uint32_t)((first > second ? first : second) - 1));
}

// Whose place a new flow takes: of the embryonic ones of both buckets the longest idle, ties to the first bucket, and within it to the
// lower place. YG_NO_RECORD where there is a place that costs nobody his, or where nobody is embryonic.
static inline uint32_t oldest_embryonic(const struct yg_flow_table *table, const struct yg_flow_hash *hash, uint16_t now)
{
	const struct yg_flow_bucket *one = &table->bucket[hash->bucket], *two = &table->bucket[hash->bucket2];
	uint32_t a = one->embryonic[0], b = one->embryonic[1], c = two->embryonic[0], d = two->embryonic[1];
	if (!a | !b | !c | !d)
		return oldest_of_fewer(table, hash, now);
	uint32_t base = claim_base(now, false), base2 = claim_base(now, true);
	a = base - a;
	b = base - b;
	c = base2 - c;
	d = base2 - d;
	a = a > b ? a : b;
	c = c > d ? c : d;
	return claimed(hash, a > c ? a : c);
}
