// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The bounded tables of the openservice detector: what inside hosts have answered, and whom was told of. A full table of answers gives the
// place of whoever answered longest ago (ties: the lowest key), found by walking it at most OPENS_EVICTIONS times a second. Hosts told of
// are a ring; the oldest is overwritten. Buckets depend on the secrets, results do not.
#include "openservice.h"

#include <stddef.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

enum { SAVED_MAGIC = 0x4f504e31 }; // "OPN1"

struct saved {
	uint32_t magic, count;
	struct opens_told told[];
};

// A keyed hash of three words, as base/hash.h; a plugin stands by itself.
static uint32_t bucket_of(const struct opens *o, uint8_t af, const struct yg_addr *addr, unsigned service)
{
	const uint64_t *k = o->secret;
	uint64_t word[2], rest = (uint64_t)service << 8 | af;
	memcpy(word, addr->b, sizeof word);
	u128 sum = (u128)(word[0] + k[0]) * (word[1] + k[1]) + (u128)(rest + k[2]) * k[3];
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	u128 all = ((u128)k[4] << 64 | k[5]) + (u128)low * k[6] + (u128)high * k[7];
	uint64_t h = (uint64_t)(all >> 64) + low * k[8] + high * k[9];
	return (uint32_t)(h ^ h >> 32) & (o->buckets - 1);
}

static uint32_t buckets_for(uint32_t entries)
{
	uint32_t n = 16;
	while (n < entries)
		n *= 2;
	return n;
}

uint64_t opens_memory(uint32_t entries, uint32_t told)
{
	return sizeof(struct opens) + (uint64_t)entries * sizeof(struct opens_entry) + (uint64_t)told * sizeof(struct opens_told) +
	       (uint64_t)buckets_for(entries) * sizeof(uint32_t);
}

void opens_layout(struct opens *o)
{
	o->buckets = buckets_for(o->entries_max);
	o->entry = (struct opens_entry *)(void *)(o + 1);
	o->told = (struct opens_told *)(void *)(o->entry + o->entries_max);
	o->head = (uint32_t *)(void *)(o->told + o->told_max);
	memset(o->head, 0xff, o->buckets * sizeof *o->head);
	o->free = OPENS_NONE;
}

static bool earlier(const struct opens_entry *a, const struct opens_entry *b)
{
	if (a->last != b->last)
		return a->last < b->last;
	if (a->af != b->af)
		return a->af < b->af;
	int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
	return order ? order < 0 : a->service < b->service;
}

static bool make_room(struct opens *o, int64_t second)
{
	struct opens_entry *least = NULL;
	if (o->free != OPENS_NONE || o->entries_used < o->entries_max)
		return true;
	if (second != o->evictions_second) {
		o->evictions_second = second;
		o->evictions = 0;
	}
	if (o->evictions++ >= OPENS_EVICTIONS) {
		o->stats.full++;
		return false;
	}
	for (uint32_t i = 0; i < o->entries_max; i++)
		if (!least || earlier(&o->entry[i], least))
			least = &o->entry[i];
	uint32_t at = (uint32_t)(least - o->entry), *link = &o->head[bucket_of(o, least->af, &least->addr, least->service)];
	while (*link != at)
		link = &o->entry[*link].next;
	*link = least->next;
	least->next = o->free;
	o->free = at;
	o->stats.evicted++;
	return true;
}

struct opens_entry *opens_get(struct opens *o, uint8_t af, const struct yg_addr *addr, unsigned service, int64_t second)
{
	uint32_t bucket = bucket_of(o, af, addr, service);
	for (uint32_t i = o->head[bucket]; i != OPENS_NONE; i = o->entry[i].next) {
		struct opens_entry *e = &o->entry[i];
		if (e->af == af && e->service == service && memcmp(&e->addr, addr, sizeof *addr) == 0)
			return e;
	}
	if (!make_room(o, second))
		return NULL;
	bool fresh = o->free == OPENS_NONE; // the memory of one that was never taken is not touched before
	uint32_t at = fresh ? o->entries_used++ : o->free;
	struct opens_entry *e = &o->entry[at];
	if (!fresh)
		o->free = e->next;
	*e = (struct opens_entry){.used = true, .af = af, .service = (uint8_t)service, .addr = *addr, .next = o->head[bucket],
				  .last = second, .first = second};
	o->head[bucket] = at;
	return e;
}

bool opens_client(struct opens_entry *e, const struct yg_addr *client, uint32_t max)
{
	for (unsigned i = 0; i < e->clients_count; i++)
		if (memcmp(&e->client[i], client, sizeof *client) == 0)
			return false;
	if (e->clients_count >= max)
		return false;
	e->client[e->clients_count++] = *client;
	return true;
}

bool opens_was_told(const struct opens *o, uint8_t af, const struct yg_addr *addr, int64_t second)
{
	for (uint32_t i = 0; i < o->told_max; i++) {
		const struct opens_told *t = &o->told[i];
		if (t->second && t->af == af && memcmp(&t->addr, addr, sizeof *addr) == 0 && second - t->second < OPENS_DAY_S)
			return true;
	}
	return false;
}

void opens_tell(struct opens *o, uint8_t af, const struct yg_addr *addr, int64_t second)
{
	struct opens_told *t = &o->told[o->told_next];
	o->told_next = (o->told_next + 1) % o->told_max;
	if (t->second && second - t->second < OPENS_DAY_S)
		o->stats.told_full++;
	*t = (struct opens_told){.addr = *addr, .af = af, .second = second};
}

uint32_t opens_save(const struct opens *o, void *buffer, uint32_t size)
{
	struct saved *s = buffer;
	uint32_t count = 0;
	if (size < sizeof *s)
		return 0;
	uint32_t room = (size - (uint32_t)sizeof *s) / (uint32_t)sizeof s->told[0];
	for (uint32_t i = 0; i < o->told_max && count < room; i++) { // from the oldest on
		const struct opens_told *t = &o->told[(o->told_next + i) % o->told_max];
		if (t->second)
			memcpy((uint8_t *)buffer + sizeof *s + count++ * sizeof *t, t, sizeof *t);
	}
	const uint32_t head[2] = {SAVED_MAGIC, count};
	memcpy(buffer, head, sizeof head);
	return count ? (uint32_t)(sizeof *s + count * sizeof s->told[0]) : 0;
}

int opens_restore(struct opens *o, const void *buffer, uint32_t size)
{
	uint32_t head[2];
	if (size < sizeof head)
		return -1;
	memcpy(head, buffer, sizeof head);
	uint64_t wants = sizeof(struct saved) + (uint64_t)head[1] * sizeof(struct opens_told);
	if (head[0] != SAVED_MAGIC || wants != size)
		return -1;
	for (uint32_t i = 0; i < head[1]; i++) {
		struct opens_told t;
		memcpy(&t, (const uint8_t *)buffer + sizeof(struct saved) + i * sizeof t, sizeof t);
		if ((t.af != 4 && t.af != 6) || t.second <= 0)
			return -1;
	}
	for (uint32_t i = 0; i < head[1]; i++) {
		struct opens_told t;
		memcpy(&t, (const uint8_t *)buffer + sizeof(struct saved) + i * sizeof t, sizeof t);
		opens_tell(o, t.af, &t.addr, t.second);
	}
	return 0;
}
