// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The two bounded tables of the dnsflood detector: servers in chains over fixed places, and for each server a list of its zones.
//
// A full table gives the place of whoever has been silent longest (ties: the lowest address), never of one with an open
// alert, and only when it has been silent for a whole window. Finding it walks the table, at most DNSF_EVICTIONS times a second; the
// rest is counted. Which bucket a record lies in depends on the secrets, what is found and who goes does not.
#include "dnsflood.h"

#include <string.h>

__extension__ typedef unsigned __int128 u128;

// A keyed hash of three words: NH to 128 bits, those by multilinear hashing to 64 (as base/hash.h; a plugin stands by itself).
static uint32_t bucket_of(const struct dnsf *d, uint8_t af, const struct yg_addr *addr)
{
	const uint64_t *k = d->secret;
	uint64_t word[2];
	memcpy(word, addr->b, sizeof word);
	u128 sum = (u128)(word[0] + k[0]) * (word[1] + k[1]) + (u128)(af + k[2]) * k[3];
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	u128 all = ((u128)k[4] << 64 | k[5]) + (u128)low * k[6] + (u128)high * k[7];
	uint64_t h = (uint64_t)(all >> 64) + low * k[8] + high * k[9];
	return (uint32_t)(h ^ h >> 32) & (d->buckets - 1);
}

static uint32_t buckets_for(uint32_t servers)
{
	uint32_t n = 16;
	while (n < servers)
		n *= 2;
	return n;
}

uint64_t dnsflood_memory(uint32_t servers, uint32_t zones)
{
	return sizeof(struct dnsf) + (uint64_t)servers * sizeof(struct dnsf_server) + (uint64_t)zones * sizeof(struct dnsf_zone) +
	       (uint64_t)buckets_for(servers) * sizeof(uint32_t);
}

void dnsflood_clear(struct dnsf *d)
{
	memset(d->server, 0, d->servers_used * sizeof *d->server);
	memset(d->zone, 0, d->zones_used * sizeof *d->zone);
	memset(d->head, 0xff, d->buckets * sizeof *d->head);
	d->server_free = d->zone_free = DNSF_NONE;
	d->servers_used = d->zones_used = 0;
}

void dnsflood_layout(struct dnsf *d)
{
	d->buckets = buckets_for(d->servers_max);
	d->server = (struct dnsf_server *)(void *)(d + 1);
	d->zone = (struct dnsf_zone *)(void *)(d->server + d->servers_max);
	d->head = (uint32_t *)(void *)(d->zone + d->zones_max);
	dnsflood_clear(d);
}

static void drop_zone(struct dnsf *d, struct dnsf_zone *z)
{
	uint32_t at = (uint32_t)(z - d->zone), *link = &d->server[z->server].zones;
	while (*link != at)
		link = &d->zone[*link].next;
	*link = z->next;
	z->used = false;
	z->next = d->zone_free;
	d->zone_free = at;
}

static void drop_server(struct dnsf *d, struct dnsf_server *s)
{
	uint32_t at = (uint32_t)(s - d->server), *link = &d->head[bucket_of(d, s->af, &s->addr)];
	while (s->zones != DNSF_NONE)
		drop_zone(d, &d->zone[s->zones]);
	while (*link != at)
		link = &d->server[*link].next;
	*link = s->next;
	s->used = false;
	s->next = d->server_free;
	d->server_free = at;
}

static bool may_search(struct dnsf *d)
{
	return d->evictions < DNSF_EVICTIONS && ++d->evictions;
}

static bool before(const struct dnsf_server *a, const struct dnsf_server *b)
{
	return a->af != b->af ? a->af < b->af : memcmp(&a->addr, &b->addr, sizeof a->addr) < 0;
}

static bool make_room_server(struct dnsf *d, int64_t second)
{
	struct dnsf_server *least = NULL;
	if (d->server_free != DNSF_NONE || d->servers_used < d->servers_max)
		return true;
	for (uint32_t i = 0, n = may_search(d) ? d->servers_max : 0; i < n; i++) {
		struct dnsf_server *s = &d->server[i];
		if (s->incident.open || second - s->last <= DNSF_WINDOW_S)
			continue;
		if (!least || s->last < least->last || (s->last == least->last && before(s, least)))
			least = s;
	}
	if (!least) {
		d->stats.servers_full++;
		return false;
	}
	d->stats.evicted++;
	drop_server(d, least);
	return true;
}

static bool make_room_zone(struct dnsf *d, int64_t second)
{
	struct dnsf_zone *least = NULL;
	if (d->zone_free != DNSF_NONE || d->zones_used < d->zones_max)
		return true;
	for (uint32_t i = 0, n = may_search(d) ? d->zones_max : 0; i < n; i++) {
		struct dnsf_zone *z = &d->zone[i];
		const struct dnsf_server *s = &d->server[z->server];
		if ((s->incident.open && s->incident.zone == i) || second - z->last <= DNSF_WINDOW_S)
			continue;
		bool earlier = !least || z->last < least->last;
		if (least && z->last == least->last)
			earlier = before(s, &d->server[least->server]) || (s == &d->server[least->server] && z->zone < least->zone);
		least = earlier ? z : least;
	}
	if (!least) {
		d->stats.zones_full++;
		return false;
	}
	d->stats.evicted++;
	drop_zone(d, least);
	return true;
}

struct dnsf_server *dnsflood_server(struct dnsf *d, uint8_t af, const struct yg_addr *addr, int64_t second, bool make)
{
	uint32_t bucket = bucket_of(d, af, addr);
	for (uint32_t i = d->head[bucket]; i != DNSF_NONE; i = d->server[i].next)
		if (d->server[i].af == af && memcmp(&d->server[i].addr, addr, sizeof *addr) == 0)
			return &d->server[i];
	if (!make || !make_room_server(d, second))
		return NULL;
	bool fresh = d->server_free == DNSF_NONE; // the memory of one that was never taken is not touched before
	uint32_t at = fresh ? d->servers_used++ : d->server_free;
	struct dnsf_server *s = &d->server[at];
	if (!fresh)
		d->server_free = s->next;
	memset(s, 0, sizeof *s);
	s->used = true;
	s->af = af;
	s->addr = *addr;
	s->org = YG_ORG_NONE;
	s->next = d->head[bucket];
	s->zones = DNSF_NONE;
	s->last = second;
	s->out_share = 1;
	d->head[bucket] = at;
	return s;
}

// The longest declared zone that holds the name.
static void zone_of(const char *zones, const char *name, uint16_t *ret_zone, uint16_t *ret_len)
{
	size_t name_len = strlen(name), best = 0;
	*ret_zone = DNSF_NO_ZONE;
	*ret_len = 0;
	for (const char *p = zones; *p;) {
		size_t len = strcspn(p, " ");
		bool ends = len && len <= name_len && memcmp(name + name_len - len, p, len) == 0;
		if (ends && (len == name_len || name[name_len - len - 1] == '.') && len > best) {
			best = len;
			*ret_zone = (uint16_t)(p - zones);
			*ret_len = (uint16_t)len;
		}
		p += len + strspn(p + len, " ");
	}
}

struct dnsf_zone *dnsflood_zone(struct dnsf *d, struct dnsf_server *s, const char *name, int64_t second)
{
	uint16_t zone, len;
	zone_of(s->info && s->info->zones ? s->info->zones : "", name, &zone, &len);
	for (uint32_t i = s->zones; i != DNSF_NONE; i = d->zone[i].next)
		if (d->zone[i].zone == zone)
			return &d->zone[i];
	if (!make_room_zone(d, second))
		return NULL;
	bool fresh = d->zone_free == DNSF_NONE;
	uint32_t at = fresh ? d->zones_used++ : d->zone_free;
	struct dnsf_zone *z = &d->zone[at];
	if (!fresh)
		d->zone_free = z->next;
	memset(z, 0, sizeof *z);
	for (unsigned i = 0; i < DNSF_SLOTS; i++)
		z->slot[i].second = INT64_MIN;
	z->used = true;
	z->zone = zone;
	z->zone_len = len;
	z->server = (uint32_t)(s - d->server);
	z->last = second;
	z->next = s->zones;
	s->zones = at;
	return z;
}

struct dnsf_second *dnsflood_slot(struct dnsf_zone *z, int64_t second)
{
	struct dnsf_second *at = &z->slot[(uint64_t)second % DNSF_SLOTS];
	if (at->second > second)
		return NULL;
	if (at->second != second) {
		memset(at, 0, sizeof *at);
		at->second = second;
	}
	z->last = second > z->last ? second : z->last;
	return at;
}

struct dnsf_load *dnsflood_load(struct dnsf_server *s, int64_t second)
{
	struct dnsf_load *at = &s->load[(uint64_t)second % DNSF_SLOTS];
	if (at->second > second)
		return NULL;
	if (at->second != second)
		*at = (struct dnsf_load){.second = second};
	s->last = second > s->last ? second : s->last;
	return at;
}
