// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Two tables: that of the open second (dense, cleared at its close) and that of the averages (kept). The first is sorted before it
// meets the second, so that what is evicted from the second does not depend on the order in which deltas came in.
//
// A key of the averages lies in the bucket of its SipHash, which decides who has to go for whom; a second, quicker way leads to most
// keys without it (`found`). What follows from the key and the configuration alone is looked up once, when the key is first kept.
#include "engine/rate_engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/shm.h"
#include "config/lookup.h"

enum { WAYS = 8, SERVICES_PER_HOST = 16, RUN = 8, DECAYS = 64 };

#define ALPHA 0.181269247f // 1 - e^(-1/5)

struct sum {
	struct yg_rate_key key;
	uint32_t cell; // its own, to be cleared
	uint32_t hash;
	struct yg_rates rates;
};

// A key of the open second as three numbers whose order is that of the windows: scope, then the bytes of the key.
struct rank {
	uint64_t word[3];
	uint32_t at; // index into `sum`
};

struct kept {
	struct yg_rate_key key;
	int64_t second;       // of the last update
	uint64_t line_bps;
	uint16_t vectors;     // bit i: vector i has had traffic; the averages of the others are 0
	uint8_t services;     // hosts: ports of it that are kept and not declared
	uint8_t counted;      // services: one of those
	uint8_t declared, zone;
	float packets[YG_VEC_COUNT], bits[YG_VEC_COUNT];
	float flows, handshakes, packets_out, bits_out;
};

// Where keys are found: one cache line a bucket. The averages themselves lie densely, in the order in which keys first came.
struct bucket {
	uint32_t at[WAYS];  // index + 1 into `kept`
	uint32_t tag[WAYS]; // of the key's hash: a place is looked at only when it is likely to be the one
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct place {
	struct bucket *bucket;
	uint32_t tag;
};

struct yg_rate_engine {
	const struct yg_config *config;
	struct yg_hash_key hash;
	struct yg_mix_key mix;
	// the open second
	uint32_t capacity, cells, used;
	uint32_t *cell;
	struct rank *rank[2];
	struct sum *sum;
	// the averages
	uint32_t buckets, kept_used;
	struct bucket *bucket;
	uint32_t *found; // by the quick hash: index + 1 into `kept` of the key last found so; may be out of date
	struct kept *kept;
	float decay[DECAYS]; // of an average over so many silent seconds
	struct yg_window window; // the one that is handed out: its padding stays zero
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

void yg_rate_engine_retune(struct yg_rate_engine *e, const struct yg_config *config)
{
	e->config = config;
}

struct yg_rate_engine *yg_rate_engine_create(const struct yg_config *config, const struct yg_hash_key *key)
{
	struct yg_rate_engine *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->config = config;
	e->hash = *key;
	yg_mix_key_derive(key, &e->mix);
	e->warm = true;
	e->capacity = 4 * power_of_two((uint64_t)yg_config_int(config, YG_O_RATES_HOSTS));
	e->cells = 2 * e->capacity;
	e->buckets = power_of_two((uint64_t)yg_config_int(config, YG_O_RATES_KEEP)) / WAYS;
	e->cell = yg_memory_reserve(sizeof *e->cell * e->cells);
	e->rank[0] = yg_memory_reserve(sizeof *e->rank[0] * e->capacity);
	e->rank[1] = yg_memory_reserve(sizeof *e->rank[1] * e->capacity);
	e->sum = yg_memory_reserve(sizeof *e->sum * e->capacity);
	e->bucket = yg_memory_reserve(sizeof *e->bucket * e->buckets);
	e->found = yg_memory_reserve(sizeof *e->found * WAYS * e->buckets);
	e->kept = yg_memory_reserve(sizeof *e->kept * WAYS * e->buckets);
	for (unsigned i = 0; i < DECAYS; i++)
		e->decay[i] = powf(1 - ALPHA, (float)i);
	if (e->cell && e->rank[0] && e->rank[1] && e->sum && e->bucket && e->found && e->kept)
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
	yg_memory_release(e->rank[0], sizeof *e->rank[0] * e->capacity);
	yg_memory_release(e->rank[1], sizeof *e->rank[1] * e->capacity);
	yg_memory_release(e->sum, sizeof *e->sum * e->capacity);
	yg_memory_release(e->bucket, sizeof *e->bucket * e->buckets);
	yg_memory_release(e->found, sizeof *e->found * WAYS * e->buckets);
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
	uint32_t hash = (uint32_t)yg_mix24(&e->mix, &delta->key), c = hash & mask;
	for (; e->cell[c]; c = (c + 1) & mask) {
		struct sum *s = &e->sum[e->cell[c] - 1];
		if (s->hash == hash && memcmp(&s->key, &delta->key, sizeof s->key) == 0) {
			add_rates(&s->rates, &delta->rates);
			return;
		}
	}
	if (e->used == e->capacity) {
		e->stats.second_full++;
		return;
	}
	struct sum *s = &e->sum[e->used];
	s->key = delta->key;
	s->cell = c;
	s->hash = hash;
	s->rates = delta->rates;
	e->cell[c] = ++e->used;
}

// ---- the order of a second ----

static bool before(const struct rank *a, const struct rank *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i];
	return a->word[2] < b->word[2];
}

static void insertion_sort(struct rank *r, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct rank moving = r[i];
		uint32_t j = i;
		for (; j && before(&moving, &r[j - 1]); j--)
			r[j] = r[j - 1];
		r[j] = moving;
	}
}

static void merge(const struct rank *left, uint32_t left_count, const struct rank *right, uint32_t right_count, struct rank *to)
{
	const struct rank *left_end = left + left_count, *right_end = right + right_count;
	while (left < left_end && right < right_end)
		*to++ = before(right, left) ? *right++ : *left++;
	memcpy(to, left, (size_t)(left_end - left) * sizeof *left);
	memcpy(to + (left_end - left), right, (size_t)(right_end - right) * sizeof *right);
}

// A merge sort in our own memory: the libc's qsort may allocate, and a sender who chooses the keys must not choose the cost.
static const struct rank *sorted(struct yg_rate_engine *e)
{
	struct rank *from = e->rank[0], *to = e->rank[1];
	uint32_t n = e->used;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *key = (const uint8_t *)&e->sum[i].key;
		uint64_t scope = e->sum[i].key.scope, high = yg_load64(key), low = yg_load64(key + 8), rest = yg_load64(key + 16);
		from[i] = (struct rank){{scope << 56 | high >> 8, high << 56 | low >> 8, low << 56 | (rest & (UINT64_MAX >> 8))}, i};
	}
	for (uint32_t i = 0; i < n; i += RUN)
		insertion_sort(from + i, n - i < RUN ? n - i : RUN);
	for (uint32_t run = RUN; run < n; run *= 2) {
		for (uint32_t i = 0; i < n; i += 2 * run) {
			uint32_t left = n - i < run ? n - i : run, right = n - i - left < run ? n - i - left : run;
			merge(from + i, left, from + i + left, right, to + i);
		}
		struct rank *swap = from;
		from = to;
		to = swap;
	}
	return from;
}

// ---- the averages ----

static float loudness(const struct kept *k)
{
	float all = k->packets_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		all += k->packets[v];
	return all;
}

static struct place place_of(const struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	uint64_t hash = yg_hash(&e->hash, key, sizeof *key);
	return (struct place){&e->bucket[(hash >> 32) % e->buckets], (uint32_t)hash};
}

static struct kept *find_at(struct yg_rate_engine *e, const struct place *place, const struct yg_rate_key *key)
{
	const struct bucket *b = place->bucket;
	for (unsigned i = 0; i < WAYS; i++)
		if (b->at[i] && b->tag[i] == place->tag && memcmp(&e->kept[b->at[i] - 1].key, key, sizeof *key) == 0)
			return &e->kept[b->at[i] - 1];
	return NULL;
}

static struct kept *find_kept(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	struct place place = place_of(e, key);
	return find_at(e, &place, key);
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

// A cleared place for the key.
static struct kept *make_kept(struct yg_rate_engine *e, const struct place *place, const struct yg_rate_key *key)
{
	const struct yg_config *c = e->config;
	struct bucket *b = place->bucket;
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
	b->tag[way] = place->tag;
	struct kept *k = &e->kept[b->at[way] - 1];
	const struct yg_prefix *p = key->af ? yg_lookup_prefix(c, key->af, &key->addr) : NULL;
	memset(k, 0, sizeof *k);
	k->key = *key;
	k->zone = p ? p->zone : YG_ZONE_NONE;
	k->declared = is_declared(e, key);
	k->line_bps = key->scope == YG_SCOPE_LINK ? (uint64_t)yg_config_int(c, YG_O_EGRESS_LINE)
		      : key->org < c->orgs_count  ? c->orgs[key->org].line_bps
						  : 0;
	return k;
}

// A place for a service that is declared or has answered, at most 16 a host; else NULL. Services come before hosts in a second, so
// the host of the first one is kept from here on.
static struct kept *make_kept_service(struct yg_rate_engine *e, const struct place *place, const struct sum *s)
{
	if (is_declared(e, &s->key))
		return make_kept(e, place, &s->key);
	if (!s->rates.handshakes)
		return NULL;
	struct yg_rate_key key = host_of(&s->key);
	struct place host_place = place_of(e, &key);
	struct kept *host = find_at(e, &host_place, &key);
	if (!host)
		host = make_kept(e, &host_place, &key);
	if (host->services >= SERVICES_PER_HOST)
		return NULL;
	host->services++;
	struct kept *service = make_kept(e, place, &s->key);
	service->counted = 1;
	return service;
}

// The averages of a key, made when there is room for it; else NULL.
static struct kept *kept_of(struct yg_rate_engine *e, const struct sum *s)
{
	uint32_t *found = &e->found[s->hash & (WAYS * e->buckets - 1)];
	if (*found && memcmp(&e->kept[*found - 1].key, &s->key, sizeof s->key) == 0)
		return &e->kept[*found - 1];
	struct place place = place_of(e, &s->key);
	struct kept *k = find_at(e, &place, &s->key);
	if (!k)
		k = s->key.scope == YG_SCOPE_SERVICE ? make_kept_service(e, &place, s) : make_kept(e, &place, &s->key);
	if (k)
		*found = (uint32_t)(k - e->kept) + 1;
	return k;
}

static void average(float *ema, double now, float alpha)
{
	*ema += alpha * ((float)now - *ema);
}

static unsigned vectors_of(const struct yg_rates *r)
{
	unsigned set = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		if (r->packets[v] || r->bytes[v])
			set |= 1u << v;
	return set;
}

static void update_kept(const struct yg_rate_engine *e, struct kept *k, const struct yg_rates *r, int64_t second)
{
	int64_t silent = second - k->second - 1;
	float decay = 0;
	if (k->second)
		decay = silent >= 0 && silent < DECAYS ? e->decay[silent] : powf(1 - ALPHA, (float)silent);
	k->second = second;
	k->vectors = (uint16_t)(k->vectors | vectors_of(r));
	for (unsigned left = k->vectors; left; left &= left - 1) {
		unsigned v = (unsigned)__builtin_ctz(left);
		k->packets[v] *= decay;
		k->bits[v] *= decay;
		average(&k->packets[v], r->packets[v], ALPHA);
		average(&k->bits[v], (double)r->bytes[v] * 8, ALPHA);
	}
	k->flows *= decay;
	k->handshakes *= decay;
	k->packets_out *= decay;
	k->bits_out *= decay;
	average(&k->flows, r->flows, ALPHA);
	average(&k->handshakes, r->handshakes, ALPHA);
	average(&k->packets_out, r->packets_out, ALPHA);
	average(&k->bits_out, (double)r->bytes_out * 8, ALPHA);
}

// Every field: the window of the key before lies there.
static void fill_window(const struct yg_rate_engine *e, const struct sum *s, const struct kept *k, struct yg_window *w)
{
	w->second = k->second;
	w->scope = s->key.scope;
	w->af = s->key.af;
	w->proto = s->key.proto;
	w->prefix_len = s->key.prefix_len;
	w->port = s->key.port;
	w->org = s->key.org;
	w->addr = s->key.addr;
	w->zone = k->zone;
	w->declared = k->declared;
	w->line_bps = k->line_bps;
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

void yg_rate_engine_close(struct yg_rate_engine *e, int64_t second, void (*window)(void *context, const struct yg_window *window),
			  void *context)
{
	const struct rank *order = sorted(e);
	for (uint32_t i = 0; i < e->used; i++) {
		const struct sum *s = &e->sum[order[i].at];
		struct kept *k = kept_of(e, s);
		e->cell[s->cell] = 0;
		if (!k)
			continue;
		update_kept(e, k, &s->rates, second);
		fill_window(e, s, k, &e->window);
		window(context, &e->window);
		e->stats.windows++;
	}
	e->used = 0;
}

void yg_rate_engine_stats(const struct yg_rate_engine *e, struct yg_rate_engine_stats *ret_stats)
{
	*ret_stats = e->stats;
}
