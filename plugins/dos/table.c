// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The two bounded tables of the dos detector: hosts, prefixes and bodies under watch, and services with incomplete handshakes. Chains
// over fixed places, all in the block behind struct dos.
//
// A full table gives the place of its coldest record, never one with an open alert, to a hotter newcomer. The search
// walks the whole table, so it is done at most DOS_EVICTIONS times a second: under a carpet of victims the rest is
// counted. Which record lies in which bucket depends on the secrets; what is found and who is evicted does not.
#include "dos.h"

#include <string.h>

__extension__ typedef unsigned __int128 u128;

// A keyed hash of three words: NH to 128 bits, those by multilinear hashing to 64 (see base/hash.h, yg_mix; a plugin stands by
// itself). Keys are internal addresses, yet with IPv6 a sender may choose their lower half.
static uint64_t mix(const struct dos *d, const struct yg_addr *addr, uint64_t rest)
{
	const uint64_t *k = d->secret;
	uint64_t word[2];
	memcpy(word, addr->b, sizeof word);
	u128 sum = (u128)(word[0] + k[0]) * (word[1] + k[1]) + (u128)(rest + k[2]) * k[3];
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	u128 all = ((u128)k[4] << 64 | k[5]) + (u128)low * k[6] + (u128)high * k[7];
	uint64_t h = (uint64_t)(all >> 64) + low * k[8] + high * k[9];
	return h ^ h >> 32;
}

uint32_t dos_buckets(uint32_t hosts, uint32_t services)
{
	uint32_t n = 16;
	while (n < hosts || n < services)
		n *= 2;
	return n;
}

uint64_t dos_memory(uint32_t hosts, uint32_t services)
{
	return sizeof(struct dos) + (uint64_t)hosts * sizeof(struct dos_watch) +
	       (uint64_t)services * sizeof(struct dos_service) +
	       2 * (uint64_t)dos_buckets(hosts, services) * sizeof(uint32_t);
}

void dos_table_clear(struct dos *d)
{
	memset(d->watch, 0, d->hosts_used * sizeof *d->watch);
	memset(d->service, 0, d->services_used * sizeof *d->service);
	memset(d->host_head, 0xff, 2 * (size_t)d->buckets * sizeof *d->host_head);
	d->host_free = d->service_free = DOS_NONE;
	d->hosts_used = d->services_used = 0;
	d->hosts_watched = d->services_watched = 0;
	d->carpets_open = d->outs_watched = 0;
}

void dos_table_layout(struct dos *d)
{
	d->buckets = dos_buckets(d->hosts, d->services);
	d->watch = (struct dos_watch *)(void *)(d + 1);
	d->service = (struct dos_service *)(void *)(d->watch + d->hosts);
	d->host_head = (uint32_t *)(void *)(d->service + d->services);
	d->service_head = d->host_head + d->buckets;
	dos_table_clear(d);
}

static uint32_t *host_bucket(struct dos *d, const struct dos_key *key)
{
	return &d->host_head[mix(d, &key->addr, (uint64_t)key->len << 16 | (uint64_t)key->scope << 8 | key->af) & (d->buckets - 1)];
}

static struct dos_key key_of(const struct dos_watch *w)
{
	return (struct dos_key){w->addr, w->af, w->scope, w->len};
}

struct dos_key dos_host_key(uint8_t af, const struct yg_addr *addr)
{
	return (struct dos_key){*addr, af, YG_SCOPE_HOST, af == 6 ? 128 : 32};
}

static uint32_t *service_bucket(struct dos *d, uint8_t af, const struct yg_addr *addr, uint16_t port)
{
	return &d->service_head[mix(d, addr, (uint64_t)port << 8 | af) & (d->buckets - 1)];
}

void dos_watch_drop(struct dos *d, struct dos_watch *w)
{
	const struct dos_key key = key_of(w);
	uint32_t at = (uint32_t)(w - d->watch), *link = host_bucket(d, &key);
	while (*link != at)
		link = &d->watch[*link].next;
	*link = w->next;
	w->used = false;
	d->hosts_watched--;
	d->outs_watched -= w->scope == DOS_SCOPE_OUT;
	w->next = d->host_free;
	d->host_free = at;
}

void dos_service_drop(struct dos *d, struct dos_service *s)
{
	uint32_t at = (uint32_t)(s - d->service), *link = service_bucket(d, s->af, &s->addr, s->port);
	while (*link != at)
		link = &d->service[*link].next;
	*link = s->next;
	s->used = false;
	d->services_watched--;
	s->next = d->service_free;
	d->service_free = at;
}

// A newcomer no hotter than one that was refused in this second needs no search.
static bool may_search(struct dos *d, double heat, double refused)
{
	if (heat <= refused || d->evictions >= DOS_EVICTIONS)
		return false;
	d->evictions++;
	return true;
}

static void evict_host(struct dos *d, double heat)
{
	struct dos_watch *coldest = NULL;
	bool searched = may_search(d, heat, d->host_refused);
	if (searched)
		for (uint32_t i = 0; i < d->hosts; i++)
			if (!d->watch[i].incident.open && d->watch[i].heat < heat &&
			    (!coldest || d->watch[i].heat < coldest->heat))
				coldest = &d->watch[i];
	if (!coldest) {
		d->stats.watch_full++;
		d->host_refused = searched ? heat : d->host_refused;
		return;
	}
	d->stats.evicted++;
	dos_watch_drop(d, coldest);
}

static void evict_service(struct dos *d, double heat)
{
	struct dos_service *coldest = NULL;
	bool searched = may_search(d, heat, d->service_refused);
	if (searched)
		for (uint32_t i = 0; i < d->services; i++)
			if (!d->service[i].cusum.alarm && d->service[i].heat < heat &&
			    (!coldest || d->service[i].heat < coldest->heat))
				coldest = &d->service[i];
	if (!coldest) {
		d->stats.service_full++;
		d->service_refused = searched ? heat : d->service_refused;
		return;
	}
	d->stats.evicted++;
	dos_service_drop(d, coldest);
}

static bool is_key(const struct dos_watch *w, const struct dos_key *key)
{
	return w->af == key->af && w->scope == key->scope && w->len == key->len && memcmp(&w->addr, &key->addr, sizeof w->addr) == 0;
}

struct dos_watch *dos_watch_get(struct dos *d, const struct dos_key *key, double heat)
{
	if (heat <= 0 && !d->hosts_watched)
		return NULL;
	uint32_t *head = host_bucket(d, key);
	for (uint32_t i = *head; i != DOS_NONE; i = d->watch[i].next)
		if (is_key(&d->watch[i], key))
			return &d->watch[i];
	if (heat <= 0)
		return NULL;
	bool fresh = d->host_free == DOS_NONE && d->hosts_used < d->hosts; // the memory of one that was never taken is not touched before
	if (!fresh && d->host_free == DOS_NONE)
		evict_host(d, heat);
	uint32_t at = fresh ? d->hosts_used++ : d->host_free;
	if (at == DOS_NONE)
		return NULL;
	struct dos_watch *w = &d->watch[at];
	if (!fresh)
		d->host_free = w->next;
	d->hosts_watched++;
	d->outs_watched += key->scope == DOS_SCOPE_OUT;
	*w = (struct dos_watch){.addr = key->addr, .af = key->af, .scope = key->scope, .len = key->len, .used = true, .next = *head,
	                        .org = YG_ORG_NONE, .heat = heat};
	*head = at;
	return w;
}

struct dos_service *dos_service_get(struct dos *d, const struct yg_window *w, double heat)
{
	if (heat <= 0 && !d->services_watched)
		return NULL;
	uint32_t *head = service_bucket(d, w->af, &w->addr, w->port);
	for (uint32_t i = *head; i != DOS_NONE; i = d->service[i].next) {
		struct dos_service *s = &d->service[i];
		if (s->af == w->af && s->port == w->port && memcmp(&s->addr, &w->addr, sizeof w->addr) == 0)
			return s;
	}
	if (heat <= 0)
		return NULL;
	bool fresh = d->service_free == DOS_NONE && d->services_used < d->services;
	if (!fresh && d->service_free == DOS_NONE)
		evict_service(d, heat);
	uint32_t at = fresh ? d->services_used++ : d->service_free;
	if (at == DOS_NONE)
		return NULL;
	struct dos_service *s = &d->service[at];
	if (!fresh)
		d->service_free = s->next;
	d->services_watched++;
	*s = (struct dos_service){
	    .addr = w->addr, .af = w->af, .port = w->port, .used = true, .next = *head, .heat = heat};
	*head = at;
	return s;
}
