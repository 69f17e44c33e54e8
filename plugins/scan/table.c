// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Sources and what they tried, within fixed bounds.
//
// Sources lie in two lists by age: newcomers with one try, and known ones. When the table is full the oldest newcomer
// goes, so a flood of forged sources, one packet each, only turns over its own eighth of the table and forgets no
// scanner. Items beyond the first few come in chunks from one pool; when that is empty the least recent source gives up
// its own. Buckets depend on secrets, fingerprints of targets do not: what is found is the same in every run.
#include "scan.h"

#include <string.h>

static uint64_t rotate(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

// Of targets, without a secret: what is found is the same in every run.
static uint64_t mix(uint64_t a, uint64_t b, const struct yg_addr *addr, uint64_t rest)
{
	uint64_t word[3] = {0, 0, rest};
	memcpy(word, addr->b, 16);
	for (int i = 0; i < 3; i++) {
		b ^= word[i];
		for (int round = 0; round < 3; round++) {
			a += b;
			b = rotate(b, 13) ^ a;
			a = rotate(a, 32) + b * UINT64_C(0x9e3779b97f4a7c15);
			b = rotate(b, 29) ^ a;
		}
		a ^= word[i];
	}
	return a ^ b ^ rotate(a, 31);
}

__extension__ typedef unsigned __int128 u128;

// A keyed hash of three words: NH to 128 bits, those by multilinear hashing to 64 (see base/hash.h, yg_mix; a plugin stands by itself).
static uint64_t keyed(const uint64_t k[SCAN_SECRETS], const struct yg_addr *addr, uint64_t rest)
{
	uint64_t word[2];
	memcpy(word, addr->b, sizeof word);
	u128 sum = (u128)(word[0] + k[0]) * (word[1] + k[1]) + (u128)(rest + k[2]) * k[3];
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	u128 all = ((u128)k[4] << 64 | k[5]) + (u128)low * k[6] + (u128)high * k[7];
	uint64_t h = (uint64_t)(all >> 64) + low * k[8] + high * k[9];
	return h ^ h >> 32;
}

uint32_t scan_fingerprint(uint8_t af, const struct yg_addr *addr)
{
	return (uint32_t)(mix(UINT64_C(0x7363616e), UINT64_C(0x796167757261), addr, af) >> 16);
}

static uint32_t buckets_for(uint32_t sources)
{
	uint32_t n = 64;
	while (n < sources)
		n *= 2;
	return n;
}

uint64_t scan_memory(uint32_t sources, uint32_t chunks)
{
	return sizeof(struct scan) + (uint64_t)sources * sizeof(struct scan_source) +
	       (uint64_t)buckets_for(sources) * sizeof(uint32_t) + (uint64_t)chunks * sizeof(struct scan_chunk);
}

void scan_table_clear(struct scan *s)
{
	memset(s->source, 0, s->sources_used * sizeof *s->source);
	memset(s->head, 0xff, s->buckets * sizeof *s->head);
	s->free_source = s->free_chunk = SCAN_NONE;
	s->sources_used = s->chunks_used = 0;
	s->dirty = SCAN_NONE;
	memset(s->victim, 0, sizeof s->victim);
	memset(s->flooded, 0, sizeof s->flooded);
	for (int i = 0; i < 2; i++)
		s->lists[i] = (struct scan_list){SCAN_NONE, SCAN_NONE, 0};
}

void scan_table_layout(struct scan *s)
{
	s->buckets = buckets_for(s->sources);
	s->source = (struct scan_source *)(void *)(s + 1);
	s->head = (uint32_t *)(void *)(s->source + s->sources);
	s->chunk = (struct scan_chunk *)(void *)(s->head + s->buckets);
	scan_table_clear(s);
}

// ---- lists by age ----

static void list_remove(struct scan *s, struct scan_source *r)
{
	struct scan_list *l = &s->lists[r->known];
	*(r->newer == SCAN_NONE ? &l->newest : &s->source[r->newer].older) = r->older;
	*(r->older == SCAN_NONE ? &l->oldest : &s->source[r->older].newer) = r->newer;
	l->count--;
}

static void list_push(struct scan *s, struct scan_source *r)
{
	struct scan_list *l = &s->lists[r->known];
	uint32_t at = (uint32_t)(r - s->source);
	r->newer = SCAN_NONE;
	r->older = l->newest;
	*(l->newest == SCAN_NONE ? &l->oldest : &s->source[l->newest].newer) = at;
	l->newest = at;
	l->count++;
}

// ---- sources ----

static uint32_t *bucket_of(struct scan *s, uint16_t domain, uint8_t af, const struct yg_addr *addr)
{
	return &s->head[keyed(s->secret, addr, (uint64_t)domain << 8 | af) & (s->buckets - 1)];
}

void scan_source_reset(struct scan *s, struct scan_source *r)
{
	while (r->first_chunk != SCAN_NONE) {
		uint32_t chunk = r->first_chunk;
		r->first_chunk = s->chunk[chunk].next;
		s->chunk[chunk].next = s->free_chunk;
		s->free_chunk = chunk;
	}
	r->count = r->oldest = 0;
	r->trw = 0;
	r->net_len = 0;
	r->net_known = false;
	r->target_org = YG_ORG_NONE;
	r->target_votes = 0;
	r->responded = false;
}

static void source_drop(struct scan *s, uint32_t at)
{
	struct scan_source *r = &s->source[at];
	uint32_t *link = bucket_of(s, r->domain, r->af, &r->addr);
	while (*link != at)
		link = &s->source[*link].next;
	*link = r->next;
	for (link = &s->dirty; r->dirty && *link != SCAN_NONE;) {
		if (*link == at) {
			*link = r->dirty_next;
			break;
		}
		link = &s->source[*link].dirty_next;
	}
	list_remove(s, r);
	scan_source_reset(s, r);
	memset(r, 0, sizeof *r);
	r->next = s->free_source;
	s->free_source = at;
}

// The oldest newcomer while they hold more than an eighth of the table, else the oldest of all that are known.
static void make_room(struct scan *s)
{
	bool known = s->lists[0].count <= s->sources / 8;
	if (s->lists[known].oldest == SCAN_NONE)
		known = !known;
	s->stats.source_evicted++;
	source_drop(s, s->lists[known].oldest);
}

// The memory of places that were never taken is not touched before.
static uint32_t take_source(struct scan *s)
{
	if (s->free_source == SCAN_NONE && s->sources_used < s->sources)
		return s->sources_used++;
	if (s->free_source == SCAN_NONE)
		make_room(s);
	uint32_t at = s->free_source;
	s->free_source = s->source[at].next;
	return at;
}

struct scan_source *scan_source_get(struct scan *s, const struct yg_contact *c)
{
	uint32_t *head = bucket_of(s, c->domain, c->af, &c->addr[0]);
	for (uint32_t i = *head; i != SCAN_NONE; i = s->source[i].next) {
		struct scan_source *r = &s->source[i];
		if (r->domain != c->domain || r->af != c->af || memcmp(&r->addr, &c->addr[0], sizeof r->addr) != 0)
			continue;
		if (r->newer != SCAN_NONE) { // it is not the newest
			list_remove(s, r);
			list_push(s, r);
		}
		return r;
	}
	uint32_t at = take_source(s);
	struct scan_source *r = &s->source[at];
	*r = (struct scan_source){.addr = c->addr[0],
	                          .domain = c->domain,
	                          .af = c->af,
	                          .used = true,
	                          .next = *head,
	                          .first_chunk = SCAN_NONE,
	                          .target_org = YG_ORG_NONE};
	*head = at;
	list_push(s, r);
	return r;
}

// ---- items ----

struct scan_item *scan_item_at(struct scan *s, struct scan_source *r, uint32_t index)
{
	if (index >= r->count)
		return NULL;
	if (index < SCAN_INLINE)
		return &r->items[index];
	uint32_t chunk = r->first_chunk;
	for (uint32_t hops = (index - SCAN_INLINE) / SCAN_CHUNK; hops; hops--)
		chunk = s->chunk[chunk].next;
	return &s->chunk[chunk].items[(index - SCAN_INLINE) % SCAN_CHUNK];
}

static bool same(const struct scan_item *a, const struct scan_item *b)
{
	return a->target == b->target && a->port == b->port && a->proto == b->proto;
}

static struct scan_item *find_in(struct scan_item *items, uint32_t count, const struct scan_item *like)
{
	for (struct scan_item *item = items; item < items + count; item++)
		if (same(item, like))
			return item;
	return NULL;
}

struct scan_item *scan_item_find(struct scan *s, struct scan_source *r, const struct scan_item *like)
{
	uint32_t count = r->count < SCAN_INLINE ? r->count : SCAN_INLINE, left = r->count - count;
	struct scan_item *found = find_in(r->items, count, like);
	for (uint32_t chunk = r->first_chunk; !found && left; chunk = s->chunk[chunk].next) {
		count = left < SCAN_CHUNK ? left : SCAN_CHUNK;
		found = find_in(s->chunk[chunk].items, count, like);
		left -= count;
	}
	return found;
}

// The least recent other source that holds chunks gives up all of them.
static void empty_one(struct scan *s, const struct scan_source *keep)
{
	uint32_t at = s->lists[1].oldest;
	int left = SCAN_SEARCH;
	while (at != SCAN_NONE && left && (&s->source[at] == keep || s->source[at].first_chunk == SCAN_NONE)) {
		at = s->source[at].newer;
		left--;
	}
	if (at == SCAN_NONE || !left)
		return;
	s->stats.pool_evicted++;
	scan_source_reset(s, &s->source[at]);
}

// A chunk at the end of the source's chain. False when there is none to be had.
static bool chunk_add(struct scan *s, struct scan_source *r)
{
	bool fresh = s->free_chunk == SCAN_NONE && s->chunks_used < s->chunks;
	if (!fresh && s->free_chunk == SCAN_NONE)
		empty_one(s, r);
	uint32_t chunk = fresh ? s->chunks_used++ : s->free_chunk;
	if (chunk == SCAN_NONE)
		return false;
	if (!fresh)
		s->free_chunk = s->chunk[chunk].next;
	s->chunk[chunk].next = SCAN_NONE;
	uint32_t *link = &r->first_chunk;
	while (*link != SCAN_NONE)
		link = &s->chunk[*link].next;
	*link = chunk;
	return true;
}

// Gives back the chunks behind the last item.
static void trim(struct scan *s, struct scan_source *r)
{
	uint32_t keep = r->count > SCAN_INLINE ? (r->count - SCAN_INLINE + SCAN_CHUNK - 1u) / SCAN_CHUNK : 0;
	uint32_t *link = &r->first_chunk;
	for (; keep; keep--)
		link = &s->chunk[*link].next;
	uint32_t chunk = *link;
	*link = SCAN_NONE;
	while (chunk != SCAN_NONE) {
		uint32_t next = s->chunk[chunk].next;
		s->chunk[chunk].next = s->free_chunk;
		s->free_chunk = chunk;
		chunk = next;
	}
}

// A walk over the items of one source.
struct cursor {
	uint32_t index, chunk;
};

static struct scan_item *step(struct scan *s, struct scan_source *r, struct cursor *c)
{
	uint32_t i = c->index++;
	if (i < SCAN_INLINE)
		return &r->items[i];
	if (i == SCAN_INLINE)
		c->chunk = r->first_chunk;
	else if ((i - SCAN_INLINE) % SCAN_CHUNK == 0)
		c->chunk = s->chunk[c->chunk].next;
	return &s->chunk[c->chunk].items[(i - SCAN_INLINE) % SCAN_CHUNK];
}

void scan_items_expire(struct scan *s, struct scan_source *r, int64_t second)
{
	struct cursor from = {0}, to = {0};
	uint32_t earliest = UINT32_MAX;
	uint16_t kept = 0;
	if ((uint32_t)second < r->earliest || (uint32_t)second - r->earliest < s->window_s)
		return; // not even the oldest
	while (from.index < r->count) {
		const struct scan_item *item = step(s, r, &from);
		if ((uint32_t)second - item->second >= s->window_s && (uint32_t)second >= item->second)
			continue;
		earliest = item->second < earliest ? item->second : earliest;
		*step(s, r, &to) = *item;
		kept++;
	}
	r->earliest = earliest;
	if (kept == r->count)
		return;
	r->count = kept;
	r->oldest = 0;
	trim(s, r);
}

void scan_item_touch(struct scan_source *r, struct scan_item *item, uint32_t second)
{
	item->second = second;
	r->earliest = second < r->earliest ? second : r->earliest;
}

void scan_item_add(struct scan *s, struct scan_source *r, const struct scan_item *item)
{
	if (r->count >= SCAN_INLINE && (r->count - SCAN_INLINE) % SCAN_CHUNK == 0)
		scan_items_expire(s, r, item->second);
	bool needs_chunk = r->count >= SCAN_INLINE && (r->count - SCAN_INLINE) % SCAN_CHUNK == 0;
	bool full = r->count >= SCAN_ITEMS_MAX;
	r->earliest = !r->count || item->second < r->earliest ? item->second : r->earliest;
	if (full || (needs_chunk && !chunk_add(s, r))) {
		s->stats.items_full++;
		*scan_item_at(s, r, r->oldest) = *item; // in turn, so the first ones go first
		r->oldest = (uint16_t)((r->oldest + 1) % r->count);
		return;
	}
	r->count++;
	*scan_item_at(s, r, r->count - 1u) = *item;
	if (r->count == 2 && !r->known) {
		list_remove(s, r);
		r->known = true;
		list_push(s, r);
	}
}
