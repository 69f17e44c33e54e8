// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How many different names, and which of them are new. The hash has no secret, because what it finds must be the same in every replay; who
// shapes names so that they fall together makes a flood look less distinct, and it is told as a plain one.
#include "dnsflood.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { INDEX_BITS = 10, SAVED_MAGIC = 0x44464c31 }; // "DFL1"

struct saved {
	uint32_t magic, size;
	struct dnsf_filter filter;
};

// FNV-1a, then the finaliser of MurmurHash3, because FNV's upper bits are poor for short names.
uint64_t dnsflood_hash(uint64_t seed, const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
	for (uint32_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

void dnsflood_sketch_add(uint8_t *sketch, uint64_t hash)
{
	uint64_t rest = hash >> INDEX_BITS | UINT64_C(1) << (64 - INDEX_BITS);
	uint8_t rank = (uint8_t)(__builtin_ctzll(rest) + 1);
	uint8_t *at = &sketch[hash & (DNSF_REGISTERS - 1)];
	*at = rank > *at ? rank : *at;
}

static double estimate(const uint8_t *sketch)
{
	double sum = 0, m = DNSF_REGISTERS;
	unsigned empty = 0;
	for (unsigned i = 0; i < DNSF_REGISTERS; i++) {
		sum += ldexp(1, -sketch[i]);
		empty += !sketch[i];
	}
	double e = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	return e <= 2.5 * m && empty ? m * log(m / empty) : e;
}

void dnsflood_sum(const struct dnsf_zone *z, int64_t from, int64_t to, struct dnsf_sum *ret)
{
	uint8_t all[DNSF_REGISTERS] = {0};
	*ret = (struct dnsf_sum){0};
	for (unsigned i = 0; i < DNSF_SLOTS; i++) {
		const struct dnsf_second *s = &z->slot[i];
		if (s->second < from || s->second > to)
			continue;
		ret->queries += s->queries;
		ret->answers += s->answers;
		ret->denied += s->denied;
		ret->abusable += s->abusable;
		ret->fresh += s->fresh;
		ret->answer_bytes += (double)s->answer_bytes;
		for (unsigned r = 0; r < DNSF_REGISTERS; r++)
			all[r] = s->sketch[r] > all[r] ? s->sketch[r] : all[r];
	}
	ret->names = fmax(ret->queries, ret->answers);
	ret->distinct = ret->names > 0 ? fmin(ret->names, estimate(all)) : 0;
}

// ---- seen within seven days ----

static void places(uint64_t hash, uint32_t ret[DNSF_HASHES])
{
	uint32_t a = (uint32_t)hash, b = (uint32_t)(hash >> 32) | 1;
	for (uint32_t i = 0; i < DNSF_HASHES; i++)
		ret[i] = (a + i * b) & (DNSF_DAY_BITS - 1);
}

static bool has(const uint64_t *bits, const uint32_t at[DNSF_HASHES])
{
	bool all = true;
	for (unsigned i = 0; i < DNSF_HASHES; i++)
		all = all && bits[at[i] / 64] >> (at[i] % 64) & 1;
	return all;
}

bool dnsflood_filter_has(const struct dnsf_filter *f, int64_t second, uint64_t hash)
{
	uint32_t at[DNSF_HASHES];
	int64_t today = second / 86400;
	places(hash, at);
	for (unsigned i = 0; i < DNSF_DAYS; i++)
		if (f->day[i] >= 0 && f->day[i] <= today && f->day[i] > today - DNSF_DAYS && has(f->bits[i], at))
			return true;
	return false;
}

bool dnsflood_filter_add(struct dnsf_filter *f, int64_t second, uint64_t hash)
{
	uint32_t at[DNSF_HASHES];
	int64_t today = second / 86400;
	if (today < 0)
		return true;
	unsigned g = (unsigned)(today % DNSF_DAYS);
	if (f->day[g] != today) {
		memset(f->bits[g], 0, sizeof f->bits[g]);
		f->names[g] = 0;
		f->day[g] = today;
	}
	if (!f->since || second < f->since)
		f->since = second;
	places(hash, at);
	if (has(f->bits[g], at))
		return true;
	if (f->names[g] >= DNSF_DAY_NAMES)
		return false;
	for (unsigned i = 0; i < DNSF_HASHES; i++)
		f->bits[g][at[i] / 64] |= UINT64_C(1) << (at[i] % 64);
	f->names[g]++;
	return true;
}

void dnsflood_filter_clear(struct dnsf_filter *f)
{
	memset(f, 0, sizeof *f);
	memset(f->day, 0xff, sizeof f->day);
}

uint32_t dnsflood_save(const struct dnsf_filter *f, void *buffer, uint32_t size)
{
	const uint32_t head[2] = {SAVED_MAGIC, sizeof(struct saved)};
	if (size < sizeof(struct saved))
		return 0;
	memset(buffer, 0, sizeof(struct saved));
	memcpy(buffer, head, sizeof head);
	memcpy((uint8_t *)buffer + offsetof(struct saved, filter), f, sizeof *f);
	return sizeof(struct saved);
}

// Any bits are names that somebody may have asked for: what could do harm are the numbers beside them.
int dnsflood_restore(struct dnsf_filter *f, const void *buffer, uint32_t size)
{
	uint32_t head[2];
	if (size != sizeof(struct saved))
		return -1;
	memcpy(head, buffer, sizeof head);
	if (head[0] != SAVED_MAGIC || head[1] != sizeof(struct saved))
		return -1;
	const uint8_t *from = (const uint8_t *)buffer + offsetof(struct saved, filter);
	int64_t since;
	memcpy(&since, from + offsetof(struct dnsf_filter, since), sizeof since);
	bool good = since >= 0;
	for (unsigned i = 0; i < DNSF_DAYS; i++) {
		int64_t day;
		uint32_t names;
		memcpy(&day, from + offsetof(struct dnsf_filter, day) + i * sizeof day, sizeof day);
		memcpy(&names, from + offsetof(struct dnsf_filter, names) + i * sizeof names, sizeof names);
		good = good && names <= DNSF_DAY_NAMES && (day == -1 || (day >= 0 && day % DNSF_DAYS == i));
	}
	if (!good)
		return -1;
	memcpy(f, from, sizeof *f);
	return 0;
}
