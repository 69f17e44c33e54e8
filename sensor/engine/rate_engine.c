// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Two tables: that of the open second (dense, cleared at its close) and that of the averages (kept). The first is sorted before it
// meets the second, so that what is evicted from the second does not depend on the order in which deltas came in.
#include "engine/rate_engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "config/lookup.h"

enum { WAYS = 8, SERVICES_PER_HOST = 16 };

struct sum {
	struct yg_rate_key key;
	struct yg_rates rates;
};

struct kept {
	struct yg_rate_key key;
	int64_t second;       // of the last update
	uint8_t services; // hosts: ports of it that are kept and not declared
	uint8_t counted;  // services: one of those
	float packets[YG_VEC_COUNT], bits[YG_VEC_COUNT];
	float flows, handshakes, packets_out, bits_out;
};

// Where keys are found: one cache line a bucket. The averages themselves lie densely, in the order in which keys first came.
struct bucket {
	uint32_t at[WAYS];  // index + 1 into `kept`
	uint32_t tag[WAYS]; // of the key's hash: a place is looked at only when it is likely to be the one
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct yg_rate_engine {
	const struct yg_config *config;
	struct yg_hash_key hash;
	// the open second
	uint32_t capacity, cells, used;
	uint32_t *cell, *used_cell, *order;
	struct sum *sum;
	// the averages
	uint32_t buckets, kept_used;
	struct bucket *bucket;
	struct kept *kept;
	float one_way;
	bool warm;
	struct yg_rate_engine_stats stats;
};

static uint32_t power_of_two(uint64_t n)
{
	uint32_t p = 1;
	while (p < n && p < 1u << 30)
		p <<= 1;
	return p;
}

struct yg_rate_engine *yg_rate_engine_create(const struct yg_config *config, const struct yg_hash_key *key)
{
	struct yg_rate_engine *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->config = config;
	e->hash = *key;
	e->warm = true;
	e->capacity = 4 * power_of_two((uint64_t)yg_config_int(config, YG_O_RATES_HOSTS));
	e->cells = 2 * e->capacity;
	e->buckets = power_of_two((uint64_t)yg_config_int(config, YG_O_RATES_KEEP)) / WAYS;
	e->cell = yg_memory_reserve(sizeof *e->cell * e->cells);
	e->used_cell = yg_memory_reserve(sizeof *e->used_cell * e->capacity);
	e->order = yg_memory_reserve(sizeof *e->order * e->capacity);
	e->sum = yg_memory_reserve(sizeof *e->sum * e->capacity);
	e->bucket = yg_memory_reserve(sizeof *e->bucket * e->buckets);
	e->kept = yg_memory_reserve(sizeof *e->kept * WAYS * e->buckets);
	if (e->cell && e->used_cell && e->order && e->sum && e->bucket && e->kept)
		return e;
	yg_rate_engine_destroy(e);
	errno = ENOMEM;
	return NULL;
}

void yg_rate_engine_destroy(struct yg_rate_engine *e)
{
	if (!e)
		return;
	yg_memory_release(e->cell, sizeof *e->cell * e->cells);
	yg_memory_release(e->used_cell, sizeof *e->used_cell * e->capacity);
	yg_memory_release(e->order, sizeof *e->order * e->capacity);
	yg_memory_release(e->sum, sizeof *e->sum * e->capacity);
	yg_memory_release(e->bucket, sizeof *e->bucket * e->buckets);
	yg_memory_release(e->kept, sizeof *e->kept * WAYS * e->buckets);
	free(e);
}

void yg_rate_engine_mirror(struct yg_rate_engine *e, float one_way, bool warm)
{
	e->one_way = one_way;
	e->warm = warm;
}

static void add_rates(struct yg_rates *to, const struct yg_rates *from)
{
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		to->packets[v] += from->packets[v];
		to->bytes[v] += from->bytes[v];
	}
	to->flows += from->flows;
	to->handshakes += from->handshakes;
	to->packets_out += from->packets_out;
	to->flows_out += from->flows_out;
	to->bytes_out += from->bytes_out;
}

void yg_rate_engine_add(struct yg_rate_engine *e, const struct yg_rate_delta *delta)
{
	uint32_t mask = e->cells - 1;
	uint32_t c = (uint32_t)yg_hash(&e->hash, &delta->key, sizeof delta->key) & mask;
	for (; e->cell[c]; c = (c + 1) & mask) {
		struct sum *s = &e->sum[e->cell[c] - 1];
		if (memcmp(&s->key, &delta->key, sizeof s->key) == 0) {
			add_rates(&s->rates, &delta->rates);
			return;
		}
	}
	if (e->used == e->capacity) {
		e->stats.second_full++;
		return;
	}
	e->sum[e->used].key = delta->key;
	e->sum[e->used].rates = delta->rates;
	e->used_cell[e->used] = c;
	e->cell[c] = ++e->used;
}

static int by_key(const void *a, const void *b, void *context)
{
	const struct yg_rate_engine *e = context;
	const struct yg_rate_key *x = &e->sum[*(const uint32_t *)a].key, *y = &e->sum[*(const uint32_t *)b].key;
	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	return memcmp(x, y, sizeof *x);
}

static float loudness(const struct kept *k)
{
	float all = k->packets_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		all += k->packets[v];
	return all;
}

static struct bucket *bucket_of(const struct yg_rate_engine *e, const struct yg_rate_key *key, uint32_t *ret_tag)
{
	uint64_t hash = yg_hash(&e->hash, key, sizeof *key);
	*ret_tag = (uint32_t)hash;
	return &e->bucket[(hash >> 32) % e->buckets];
}

static struct kept *find_kept(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	uint32_t tag;
	const struct bucket *b = bucket_of(e, key, &tag);
	for (unsigned i = 0; i < WAYS; i++)
		if (b->at[i] && b->tag[i] == tag && memcmp(&e->kept[b->at[i] - 1].key, key, sizeof *key) == 0)
			return &e->kept[b->at[i] - 1];
	return NULL;
}

static struct yg_rate_key host_of(const struct yg_rate_key *service)
{
	struct yg_rate_key host = *service;
	host.scope = YG_SCOPE_HOST;
	host.proto = 0;
	host.port = 0;
	return host;
}

// A service that goes makes room for another of its host.
static void forget_service(struct yg_rate_engine *e, const struct kept *gone)
{
	if (!gone->counted)
		return;
	struct yg_rate_key key = host_of(&gone->key);
	struct kept *host = find_kept(e, &key);
	if (host && host->services)
		host->services--;
}

// The way of a full bucket whose key goes: the quietest, ties by key.
static unsigned quietest(const struct yg_rate_engine *e, const struct bucket *b)
{
	unsigned best = 0;
	for (unsigned i = 1; i < WAYS; i++) {
		const struct kept *k = &e->kept[b->at[i] - 1], *least = &e->kept[b->at[best] - 1];
		float quiet = loudness(k), so_far = loudness(least);
		if (quiet < so_far || (quiet == so_far && memcmp(&k->key, &least->key, sizeof k->key) < 0))
			best = i;
	}
	return best;
}

// A cleared place for the key.
static struct kept *make_kept(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	uint32_t tag;
	struct bucket *b = bucket_of(e, key, &tag);
	unsigned way = 0;
	while (way < WAYS && b->at[way])
		way++;
	if (way == WAYS) {
		way = quietest(e, b);
		e->stats.evicted++;
		forget_service(e, &e->kept[b->at[way] - 1]);
	} else {
		b->at[way] = ++e->kept_used;
		e->stats.keys++;
	}
	b->tag[way] = tag;
	struct kept *place = &e->kept[b->at[way] - 1];
	memset(place, 0, sizeof *place);
	place->key = *key;
	return place;
}

// A place for a service that is declared or has answered, at most 16 a host; else NULL. Services come before hosts in a second, so
// the host of the first one is kept from here on.
static struct kept *make_kept_service(struct yg_rate_engine *e, const struct sum *s, bool declared)
{
	if (declared)
		return make_kept(e, &s->key);
	if (!s->rates.handshakes)
		return NULL;
	struct yg_rate_key key = host_of(&s->key);
	struct kept *host = find_kept(e, &key);
	if (!host)
		host = make_kept(e, &key);
	if (host->services >= SERVICES_PER_HOST)
		return NULL;
	host->services++;
	struct kept *service = make_kept(e, &s->key);
	service->counted = 1;
	return service;
}

static void average(float *ema, double now, float alpha)
{
	*ema += alpha * ((float)now - *ema);
}

static void update_kept(struct kept *k, const struct yg_rates *r, int64_t second)
{
	const float alpha = 0.181269247f; // 1 - e^(-1/5)
	float decay = k->second ? powf(1 - alpha, (float)(second - k->second - 1)) : 0;
	k->second = second;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		k->packets[v] *= decay;
		k->bits[v] *= decay;
		average(&k->packets[v], r->packets[v], alpha);
		average(&k->bits[v], (double)r->bytes[v] * 8, alpha);
	}
	k->flows *= decay;
	k->handshakes *= decay;
	k->packets_out *= decay;
	k->bits_out *= decay;
	average(&k->flows, r->flows, alpha);
	average(&k->handshakes, r->handshakes, alpha);
	average(&k->packets_out, r->packets_out, alpha);
	average(&k->bits_out, (double)r->bytes_out * 8, alpha);
}

static void fill_window(const struct yg_rate_engine *e, const struct sum *s, const struct kept *k, int64_t second, bool declared,
			struct yg_window *w)
{
	const struct yg_config *c = e->config;
	memset(w, 0, sizeof *w);
	w->second = second;
	w->scope = s->key.scope;
	w->af = s->key.af;
	w->proto = s->key.proto;
	w->prefix_len = s->key.prefix_len;
	w->port = s->key.port;
	w->org = s->key.org;
	w->addr = s->key.addr;
	w->declared = declared;
	const struct yg_prefix *p = w->af ? yg_lookup_prefix(c, w->af, &w->addr) : NULL;
	w->zone = p ? p->zone : YG_ZONE_NONE;
	w->line_bps = w->scope == YG_SCOPE_LINK ? (uint64_t)yg_config_int(c, YG_O_EGRESS_LINE)
		      : w->org < c->orgs_count	? c->orgs[w->org].line_bps
						: 0;
	w->now = s->rates;
	memcpy(w->ema_packets, k->packets, sizeof w->ema_packets);
	memcpy(w->ema_bits, k->bits, sizeof w->ema_bits);
	w->ema_flows = k->flows;
	w->ema_handshakes = k->handshakes;
	w->ema_packets_out = k->packets_out;
	w->ema_bits_out = k->bits_out;
	w->one_way = e->one_way;
	w->warm = e->warm;
}

// Hosts: whether any service of it is declared; the others: themselves.
static bool is_declared(const struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	switch (key->scope) {
	case YG_SCOPE_SERVICE:
		return yg_lookup_service(e->config, key->af, &key->addr, key->proto, key->port) != NULL;
	case YG_SCOPE_HOST:
		return yg_lookup_service(e->config, key->af, &key->addr, 0, 0) != NULL;
	case YG_SCOPE_LINK:
		return yg_config_int(e->config, YG_O_EGRESS_LINE) > 0;
	default:
		return true;
	}
}

void yg_rate_engine_close(struct yg_rate_engine *e, int64_t second, void (*window)(void *context, const struct yg_window *window),
			  void *context)
{
	for (uint32_t i = 0; i < e->used; i++)
		e->order[i] = i;
	qsort_r(e->order, e->used, sizeof *e->order, by_key, e);
	for (uint32_t i = 0; i < e->used; i++) {
		const struct sum *s = &e->sum[e->order[i]];
		bool declared = is_declared(e, &s->key);
		struct kept *k = find_kept(e, &s->key);
		e->cell[e->used_cell[e->order[i]]] = 0;
		if (!k)
			k = s->key.scope == YG_SCOPE_SERVICE ? make_kept_service(e, s, declared) : make_kept(e, &s->key);
		if (!k)
			continue;
		update_kept(k, &s->rates, second);
		struct yg_window w;
		fill_window(e, s, k, second, declared, &w);
		window(context, &w);
		e->stats.windows++;
	}
	e->used = 0;
}

void yg_rate_engine_stats(const struct yg_rate_engine *e, struct yg_rate_engine_stats *ret_stats)
{
	*ret_stats = e->stats;
}
