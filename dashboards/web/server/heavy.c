// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See heavy.h. The counters stand in a heap by weight, so that the lightest is at hand when its place is needed; a table of open addressing
// finds them by key. Keys come from packets: the hash is keyed.
#include "heavy.h"

#include <string.h>

void web_heavy_clear(struct web_heavy *heavy)
{
	heavy->count = 0;
	memset(heavy->slot, 0, sizeof heavy->slot);
}

static uint32_t home_of(const struct yg_hash_key *hash, const struct web_heavy_key *key)
{
	return (uint32_t)(yg_hash(hash, key, sizeof *key) % WEB_HEAVY_SLOTS);
}

static uint32_t find(const struct web_heavy *h, const struct yg_hash_key *hash, const struct web_heavy_key *key)
{
	uint32_t at = home_of(hash, key);
	while (h->slot[at] && memcmp(&h->one[h->slot[at] - 1].key, key, sizeof *key) != 0)
		at = (at + 1) % WEB_HEAVY_SLOTS;
	return at;
}

// Takes a key out of the table; what stood behind it because of it moves up.
static void forget(struct web_heavy *h, const struct yg_hash_key *hash, uint32_t at)
{
	uint32_t hole = at;
	h->slot[hole] = 0;
	for (uint32_t i = (at + 1) % WEB_HEAVY_SLOTS; h->slot[i]; i = (i + 1) % WEB_HEAVY_SLOTS) {
		struct web_heavy_one *one = &h->one[h->slot[i] - 1];
		uint32_t home = home_of(hash, &one->key);
		uint32_t from_home = (i - home) % WEB_HEAVY_SLOTS, from_hole = (i - hole) % WEB_HEAVY_SLOTS;
		if (from_home < from_hole)
			continue;
		h->slot[hole] = h->slot[i];
		one->slot = (uint16_t)hole;
		h->slot[i] = 0;
		hole = i;
	}
}

static void swap(struct web_heavy *h, uint32_t a, uint32_t b)
{
	struct web_heavy_one one = h->one[a];
	h->one[a] = h->one[b];
	h->one[b] = one;
	h->slot[h->one[a].slot] = (uint16_t)(a + 1);
	h->slot[h->one[b].slot] = (uint16_t)(b + 1);
}

static void sink(struct web_heavy *h, uint32_t at)
{
	for (;;) {
		uint32_t least = at, left = 2 * at + 1, right = left + 1;
		if (left < h->count && h->one[left].weight < h->one[least].weight)
			least = left;
		if (right < h->count && h->one[right].weight < h->one[least].weight)
			least = right;
		if (least == at)
			return;
		swap(h, at, least);
		at = least;
	}
}

static void rise(struct web_heavy *h, uint32_t at)
{
	while (at > 0 && h->one[at].weight < h->one[(at - 1) / 2].weight) {
		swap(h, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void begin(struct web_heavy *h, uint32_t at, uint32_t slot, const struct web_heavy_key *key, uint64_t weight)
{
	h->one[at] = (struct web_heavy_one){.key = *key, .weight = weight, .error = weight, .slot = (uint16_t)slot};
	h->slot[slot] = (uint16_t)(at + 1);
}

void web_heavy_add(struct web_heavy *h, const struct yg_hash_key *hash, const struct web_heavy_key *key, uint64_t in, uint64_t out,
		   uint32_t packets, uint32_t flows)
{
	uint32_t slot = find(h, hash, key);
	uint32_t at = h->slot[slot] ? (uint32_t)h->slot[slot] - 1 : h->count;
	if (!h->slot[slot] && h->count < WEB_HEAVY) {
		begin(h, h->count++, slot, key, 0);
	} else if (!h->slot[slot]) { // takes the place of the lightest, and its weight as what it may be wrong by
		at = 0;
		forget(h, hash, h->one[0].slot);
		begin(h, 0, find(h, hash, key), key, h->one[0].weight);
	}
	struct web_heavy_one *one = &h->one[at];
	one->weight += in + out;
	one->in += in;
	one->out += out;
	one->packets += packets;
	one->flows += flows;
	rise(h, at); // of these one does nothing
	sink(h, at);
}
