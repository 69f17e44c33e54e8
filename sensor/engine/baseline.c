// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See baseline.h. The class of a rate is read from its bits as a float: the exponent is the octave, the two highest bits of the fraction
// the class within it, so that the same rate falls into the same class on every machine.
#include "engine/baseline.h"

#include <string.h>

enum { WORN_NEW = 7, WORN_OLD = 8 }; // what wear() leaves

static float unit_of(unsigned metric)
{
	bool bits = metric == YG_BASE_BITS || metric == YG_BASE_BITS_OUT || metric == YG_BASE_PUSHED_BITS;
	return bits ? YG_BASE_BITS_UNIT : 1;
}

unsigned yg_base_class(unsigned metric, float rate)
{
	float units = rate / unit_of(metric);
	uint32_t word;
	if (!(units >= 1))
		return 0;
	memcpy(&word, &units, sizeof word);
	unsigned class = (word >> 21) - (127u << 2);
	return class < YG_BASE_CLASSES ? class : YG_BASE_CLASSES - 1;
}

float yg_base_rate(unsigned metric, unsigned class)
{
	float octave = (float)(UINT32_C(1) << (class / 4));
	return octave * (1 + ((float)(class % 4) + 0.5f) / 4) * unit_of(metric);
}

void yg_base_begin(struct yg_learned *l, struct yg_base_pool *pool, uint32_t minute, bool proven)
{
	uint32_t block[YG_BASE_COUNT];
	memcpy(block, l->block, sizeof block);
	memset(l, 0, sizeof *l);
	memcpy(l->block, block, sizeof block);
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		if (block[m])
			memset(&pool->block[block[m] - 1], 0, sizeof *pool->block);
	l->minute = minute;
	l->proof = proven ? YG_BASE_PROOF : 0;
}

static struct yg_base_classes *block_of(struct yg_learned *l, struct yg_base_pool *pool, unsigned metric)
{
	if (!l->block[metric]) {
		if (pool->used == pool->capacity) {
			pool->full++;
			return NULL;
		}
		l->block[metric] = ++pool->used;
	}
	return &pool->block[l->block[metric] - 1];
}

// From the top down, so that what is lost in rounding is lost once, and the sum stays that of the minutes.
static void wear(struct yg_learned *l, struct yg_base_pool *pool)
{
	for (unsigned m = 0; m < YG_BASE_COUNT; m++) {
		uint32_t old = 0, kept = 0;
		struct yg_base_classes *b = l->block[m] ? &pool->block[l->block[m] - 1] : NULL;
		for (unsigned c = YG_BASE_CLASSES; b && c-- > 0;) {
			old += b->minutes[c];
			uint32_t now = (old * WORN_NEW + WORN_OLD / 2) / WORN_OLD;
			b->minutes[c] = (uint16_t)(now - kept);
			kept = now;
		}
	}
	l->minutes = (uint16_t)(l->minutes * WORN_NEW / WORN_OLD);
}

static void end_minute(struct yg_learned *l, struct yg_base_pool *pool)
{
	bool any = false;
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		any = any || l->most[m] > 0;
	if (any && l->proof < YG_BASE_PROOF && ++l->proof < YG_BASE_PROOF)
		any = false;
	if (l->minutes == YG_BASE_MOST)
		wear(l, pool);
	l->minutes++;
	for (unsigned m = 0; any && m < YG_BASE_COUNT; m++) {
		struct yg_base_classes *b = l->most[m] > 0 ? block_of(l, pool, m) : NULL;
		if (b)
			b->minutes[yg_base_class(m, l->most[m])]++;
	}
}

static void add_silence(struct yg_learned *l, struct yg_base_pool *pool, uint32_t minutes)
{
	if (minutes >= YG_BASE_FORGET) {
		uint8_t proof = l->proof;
		yg_base_begin(l, pool, l->minute, false);
		l->proof = proof;
		l->minutes = YG_BASE_WEEK;
		return;
	}
	while (minutes) {
		if (l->minutes == YG_BASE_MOST)
			wear(l, pool);
		uint32_t room = (uint32_t)(YG_BASE_MOST - l->minutes), step = minutes < room ? minutes : room;
		l->minutes = (uint16_t)(l->minutes + step);
		minutes -= step;
	}
}

void yg_base_compute(struct yg_learned *l, const struct yg_base_pool *pool)
{
	for (unsigned m = 0; m < YG_BASE_COUNT; m++) {
		const struct yg_base_classes *b = l->block[m] ? &pool->block[l->block[m] - 1] : NULL;
		uint32_t above = 0;
		l->usual[m] = 0;
		for (unsigned c = YG_BASE_CLASSES; b && c-- > 0;) {
			above += b->minutes[c];
			if (above * 20 <= l->minutes)
				continue;
			l->usual[m] = yg_base_rate(m, c);
			break;
		}
	}
	l->computed = l->minute;
}

void yg_base_fold(struct yg_learned *l, struct yg_base_pool *pool, uint32_t minute, uint32_t phase)
{
	if (minute == l->minute)
		return;
	bool first = !l->minutes;
	if (!l->spoiled)
		end_minute(l, pool);
	add_silence(l, pool, minute - l->minute - 1);
	memset(l->most, 0, sizeof l->most);
	l->spoiled = 0;
	l->minute = minute;
	if (!first && minute - l->computed < YG_BASE_EVERY)
		return;
	yg_base_compute(l, pool);
	if (first) // hosts that began together are not computed together for ever
		l->computed -= phase % YG_BASE_EVERY;
}

static void most(float *of, float now)
{
	if (now > *of)
		*of = now;
}

void yg_base_see(struct yg_learned *l, const struct yg_rates *r, const struct yg_pushed *pushed)
{
	uint64_t packets = 0, bytes = 0, out = 0, out_bytes = 0;
	for (unsigned v = 0; v < YG_VEC_DOWNLOAD; v++) {
		packets += r->packets[v];
		bytes += r->bytes[v];
		out += pushed->packets[v];
		out_bytes += pushed->bytes[v];
	}
	most(&l->most[YG_BASE_PACKETS], (float)packets);
	most(&l->most[YG_BASE_BITS], (float)bytes * 8);
	most(&l->most[YG_BASE_FLOWS], (float)r->flows);
	most(&l->most[YG_BASE_PACKETS_OUT], (float)r->packets_out);
	most(&l->most[YG_BASE_BITS_OUT], (float)r->bytes_out * 8);
	most(&l->most[YG_BASE_FLOWS_OUT], (float)r->flows_out);
	most(&l->most[YG_BASE_PUSHED_PACKETS], (float)out);
	most(&l->most[YG_BASE_PUSHED_BITS], (float)out_bytes * 8);
}

void yg_base_fill(const struct yg_learned *l, struct yg_baseline *ret)
{
	ret->packets = l->usual[YG_BASE_PACKETS];
	ret->bits = l->usual[YG_BASE_BITS];
	ret->flows = l->usual[YG_BASE_FLOWS];
	ret->packets_out = l->usual[YG_BASE_PACKETS_OUT];
	ret->bits_out = l->usual[YG_BASE_BITS_OUT];
	ret->flows_out = l->usual[YG_BASE_FLOWS_OUT];
	ret->pushed_packets = l->usual[YG_BASE_PUSHED_PACKETS];
	ret->pushed_bits = l->usual[YG_BASE_PUSHED_BITS];
	ret->minutes = l->minutes < YG_BASE_WEEK ? l->minutes : YG_BASE_WEEK;
	ret->state = l->minutes < YG_BASE_DAY ? YG_LEARN_FLOOR : l->minutes < YG_BASE_WEEK ? YG_LEARN_SHORT : YG_LEARN_FULL;
}

// ---- as bytes: minutes, proof, which metrics; then for each how many classes, and of each its number and its minutes ----

static uint8_t *pack_block(const struct yg_base_classes *b, uint8_t *to)
{
	uint8_t *count = to++;
	*count = 0;
	for (unsigned c = 0; c < YG_BASE_CLASSES; c++) {
		if (!b->minutes[c])
			continue;
		*to++ = (uint8_t)c;
		*to++ = (uint8_t)b->minutes[c];
		*to++ = (uint8_t)(b->minutes[c] >> 8);
		(*count)++;
	}
	return to;
}

uint32_t yg_base_pack(const struct yg_learned *l, const struct yg_base_pool *pool, uint8_t *to)
{
	uint8_t *at = to, metrics = 0;
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		metrics = (uint8_t)(metrics | (l->block[m] ? 1u << m : 0));
	*at++ = (uint8_t)l->minutes;
	*at++ = (uint8_t)(l->minutes >> 8);
	*at++ = l->proof;
	*at++ = metrics;
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		if (l->block[m])
			at = pack_block(&pool->block[l->block[m] - 1], at);
	return (uint32_t)(at - to);
}

// Bytes of a block, 0 when they are none. Classes rise, none is empty, and together they are no more than the minutes.
static uint32_t unpack_block(struct yg_base_classes *b, const uint8_t *bytes, uint64_t size, uint32_t minutes)
{
	uint32_t sum = 0;
	int last = -1;
	if (!size || bytes[0] > YG_BASE_CLASSES || 1 + 3 * (uint64_t)bytes[0] > size)
		return 0;
	for (unsigned i = 0; i < bytes[0]; i++) {
		const uint8_t *p = bytes + 1 + (size_t)3 * i;
		uint16_t count = (uint16_t)(p[1] | p[2] << 8);
		sum += count;
		if (p[0] <= last || p[0] >= YG_BASE_CLASSES || !count || sum > minutes)
			return 0;
		last = p[0];
		if (b)
			b->minutes[last] = count;
	}
	return 1 + 3u * bytes[0];
}

uint32_t yg_base_unpack(struct yg_learned *l, struct yg_base_pool *pool, const uint8_t *bytes, uint64_t size)
{
	if (size < 4)
		return 0;
	uint32_t minutes = bytes[0] | (uint32_t)bytes[1] << 8, used = 4;
	if (!minutes || minutes > YG_BASE_MOST || bytes[2] > YG_BASE_PROOF)
		return 0;
	for (unsigned m = 0; m < YG_BASE_COUNT; m++) {
		if (!(bytes[3] >> m & 1))
			continue;
		struct yg_base_classes *b = l ? block_of(l, pool, m) : NULL;
		uint32_t n = unpack_block(b, bytes + used, size - used, minutes);
		if (!n)
			return 0;
		used += n;
	}
	if (!l)
		return used;
	l->minutes = (uint16_t)minutes;
	l->proof = bytes[2];
	l->spoiled = 1; // the rest of its minute is not the whole of it
	yg_base_compute(l, pool);
	return used;
}
