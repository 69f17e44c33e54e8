// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Two tables: that of the open second (dense, cleared at its close) and that of the averages (kept). The first is sorted before it
// meets the second, so that what is evicted from the second does not depend on the order in which deltas came in.
//
// A key of the averages lies in the bucket of its SipHash, which decides who has to go for whom; a second, quicker way leads to most
// keys without it (`found`). What follows from the key and the configuration alone is looked up once, when the key is first kept.
#include "engine/rate_engine_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/shm.h"
#include "config/lookup.h"

enum { SERVICES_PER_HOST = 16, RUN = 8 };

#define ALPHA 0.181269247f // 1 - e^(-1/5)

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
	e->buckets = power_of_two((uint64_t)yg_config_int(config, YG_O_RATES_KEEP)) / YG_RATE_WAYS;
	e->cell = yg_memory_reserve(sizeof *e->cell * e->cells);
	e->rank[0] = yg_memory_reserve(sizeof *e->rank[0] * e->capacity);
	e->rank[1] = yg_memory_reserve(sizeof *e->rank[1] * e->capacity);
	e->sum = yg_memory_reserve(sizeof *e->sum * e->capacity);
	e->bucket = yg_memory_reserve(sizeof *e->bucket * e->buckets);
	e->found = yg_memory_reserve(sizeof *e->found * YG_RATE_WAYS * e->buckets);
	e->kept = yg_memory_reserve(sizeof *e->kept * YG_RATE_WAYS * e->buckets);
	e->pool.capacity = YG_BASE_COUNT * (uint32_t)yg_config_int(config, YG_O_RATES_BASELINES);
	e->pool.block = yg_memory_reserve(sizeof *e->pool.block * e->pool.capacity);
	e->minute = 1;
	for (unsigned i = 0; i < YG_RATE_DECAYS; i++)
		e->decay[i] = powf(1 - ALPHA, (float)i);
	if (e->cell && e->rank[0] && e->rank[1] && e->sum && e->bucket && e->found && e->kept && e->pool.block)
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
	yg_memory_release(e->found, sizeof *e->found * YG_RATE_WAYS * e->buckets);
	yg_memory_release(e->pool.block, sizeof *e->pool.block * e->pool.capacity);
	yg_memory_release(e->kept, sizeof *e->kept * YG_RATE_WAYS * e->buckets);
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

static void add_pushed(struct yg_pushed *to, const struct yg_rates *from)
{
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		to->packets[v] += from->packets[v];
		to->bytes[v] += from->bytes[v];
	}
	to->handshakes += from->handshakes;
}

// That of the key in the open second; NULL when there is no place for it.
static struct yg_rate_sum *sum_of(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	uint32_t mask = e->cells - 1;
	uint32_t hash = (uint32_t)yg_mix24(&e->mix, key), c = hash & mask;
	for (; e->cell[c]; c = (c + 1) & mask) {
		struct yg_rate_sum *s = &e->sum[e->cell[c] - 1];
		if (s->hash == hash && memcmp(&s->key, key, sizeof s->key) == 0)
			return s;
	}
	if (e->used == e->capacity) {
		e->stats.second_full++;
		return NULL;
	}
	struct yg_rate_sum *s = &e->sum[e->used];
	memset(s, 0, sizeof *s);
	s->key = *key;
	s->cell = c;
	s->hash = hash;
	e->cell[c] = ++e->used;
	return s;
}

static inline struct yg_rate_key summed_as(const struct yg_rate_delta *delta)
{
	struct yg_rate_key key = delta->key;
	key.scope &= (uint8_t)~YG_SCOPE_PUSHED;
	return key;
}

void yg_rate_engine_fetch(const struct yg_rate_engine *e, const struct yg_rate_delta *delta)
{
	struct yg_rate_key key = summed_as(delta);
	__builtin_prefetch(&e->cell[(uint32_t)yg_mix24(&e->mix, &key) & (e->cells - 1)], 1);
}

void yg_rate_engine_add(struct yg_rate_engine *e, const struct yg_rate_delta *delta)
{
	struct yg_rate_key key = summed_as(delta);
	struct yg_rate_sum *s = sum_of(e, &key);
	if (s && delta->key.scope & YG_SCOPE_PUSHED)
		add_pushed(&s->pushed, &delta->rates);
	else if (s)
		add_rates(&s->rates, &delta->rates);
}

// ---- the order of a second ----

static bool before(const struct yg_rate_rank *a, const struct yg_rate_rank *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i];
	return a->word[2] < b->word[2];
}

static void insertion_sort(struct yg_rate_rank *r, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct yg_rate_rank moving = r[i];
		uint32_t j = i;
		for (; j && before(&moving, &r[j - 1]); j--)
			r[j] = r[j - 1];
		r[j] = moving;
	}
}

static void merge(const struct yg_rate_rank *left, uint32_t left_count, const struct yg_rate_rank *right, uint32_t right_count,
		  struct yg_rate_rank *to)
{
	const struct yg_rate_rank *left_end = left + left_count, *right_end = right + right_count;
	while (left < left_end && right < right_end)
		*to++ = before(right, left) ? *right++ : *left++;
	memcpy(to, left, (size_t)(left_end - left) * sizeof *left);
	memcpy(to + (left_end - left), right, (size_t)(right_end - right) * sizeof *right);
}

// A merge sort in our own memory: the libc's qsort may allocate, and a sender who chooses the keys must not choose the cost.
static const struct yg_rate_rank *sorted(struct yg_rate_engine *e)
{
	struct yg_rate_rank *from = e->rank[0], *to = e->rank[1];
	uint32_t n = e->used;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *key = (const uint8_t *)&e->sum[i].key;
		uint64_t scope = e->sum[i].key.scope, high = yg_load64(key), low = yg_load64(key + 8), rest = yg_load64(key + 16);
		from[i] = (struct yg_rate_rank){{scope << 56 | high >> 8, high << 56 | low >> 8, low << 56 | (rest & (UINT64_MAX >> 8))}, i};
	}
	for (uint32_t i = 0; i < n; i += RUN)
		insertion_sort(from + i, n - i < RUN ? n - i : RUN);
	for (uint32_t run = RUN; run < n; run *= 2) {
		for (uint32_t i = 0; i < n; i += 2 * run) {
			uint32_t left = n - i < run ? n - i : run, right = n - i - left < run ? n - i - left : run;
			merge(from + i, left, from + i + left, right, to + i);
		}
		struct yg_rate_rank *swap = from;
		from = to;
		to = swap;
	}
	return from;
}

// ---- the averages ----

static float loudness(const struct yg_rate_kept *k)
{
	float all = k->packets_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		all += k->packets[v];
	return all;
}

struct yg_rate_place yg_rate_place_of(const struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	uint64_t hash = yg_hash(&e->hash, key, sizeof *key);
	return (struct yg_rate_place){&e->bucket[(hash >> 32) % e->buckets], (uint32_t)hash};
}

struct yg_rate_kept *yg_rate_find_at(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *key)
{
	const struct yg_rate_bucket *b = place->bucket;
	for (unsigned i = 0; i < YG_RATE_WAYS; i++)
		if (b->at[i] && b->tag[i] == place->tag && memcmp(&e->kept[b->at[i] - 1].key, key, sizeof *key) == 0)
			return &e->kept[b->at[i] - 1];
	return NULL;
}

struct yg_rate_kept *yg_rate_find(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	struct yg_rate_place place = yg_rate_place_of(e, key);
	return yg_rate_find_at(e, &place, key);
}

struct yg_rate_key yg_rate_host_of(const struct yg_rate_key *service)
{
	struct yg_rate_key host = *service;
	host.scope = YG_SCOPE_HOST;
	host.proto = 0;
	host.port = 0;
	return host;
}

// A service that goes makes room for another of its host.
static void forget_service(struct yg_rate_engine *e, const struct yg_rate_kept *gone)
{
	if (!gone->counted)
		return;
	struct yg_rate_key key = yg_rate_host_of(&gone->key);
	struct yg_rate_kept *host = yg_rate_find(e, &key);
	if (host && host->services)
		host->services--;
}

static bool has_learned(const struct yg_rate_kept *k)
{
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		if (k->learned.block[m] && k->learned.minutes && k->learned.proof == YG_BASE_PROOF)
			return true;
	return false;
}

// Whether the key goes before the other. Who has learned something goes last: forged addresses, which come and are not seen again, do not
// make a town forget what is usual.
static bool goes_before(const struct yg_rate_kept *k, const struct yg_rate_kept *other)
{
	bool learned = has_learned(k), other_learned = has_learned(other);
	float loud = loudness(k), other_loud = loudness(other);
	if (learned != other_learned)
		return other_learned;
	return loud != other_loud ? loud < other_loud : memcmp(&k->key, &other->key, sizeof k->key) < 0;
}

// The way of a full bucket whose key goes: the quietest, ties by key.
static unsigned quietest(const struct yg_rate_engine *e, const struct yg_rate_bucket *b)
{
	unsigned best = 0;
	for (unsigned i = 1; i < YG_RATE_WAYS; i++) {
		if (goes_before(&e->kept[b->at[i] - 1], &e->kept[b->at[best] - 1]))
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
struct yg_rate_kept *yg_rate_make(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *key)
{
	const struct yg_config *c = e->config;
	struct yg_rate_bucket *b = place->bucket;
	unsigned way = 0;
	while (way < YG_RATE_WAYS && b->at[way])
		way++;
	if (way == YG_RATE_WAYS) {
		way = quietest(e, b);
		e->stats.evicted++;
		forget_service(e, &e->kept[b->at[way] - 1]);
	} else {
		b->at[way] = ++e->kept_used;
		e->stats.keys++;
	}
	b->tag[way] = place->tag;
	struct yg_rate_kept *k = &e->kept[b->at[way] - 1];
	const struct yg_prefix *p = key->af ? yg_lookup_prefix(c, key->af, &key->addr) : NULL;
	struct yg_learned learned = k->learned; // its blocks
	memset(k, 0, sizeof *k);
	k->learned = learned;
	k->key = *key;
	k->zone = p ? p->zone : YG_ZONE_NONE;
	k->declared = is_declared(e, key);
	k->line_bps = key->scope == YG_SCOPE_LINK ? (uint64_t)yg_config_int(c, YG_O_EGRESS_LINE)
		      : key->org < c->orgs_count  ? c->orgs[key->org].line_bps
						  : 0;
	yg_rate_begin_to_learn(e, k);
	return k;
}

// Services come before hosts in a second, so the host of the first one is kept from here on.
struct yg_rate_kept *yg_rate_make_service(struct yg_rate_engine *e, const struct yg_rate_place *place, const struct yg_rate_key *service,
					  bool answered)
{
	if (is_declared(e, service))
		return yg_rate_make(e, place, service);
	if (!answered)
		return NULL;
	struct yg_rate_key key = yg_rate_host_of(service);
	struct yg_rate_place host_place = yg_rate_place_of(e, &key);
	struct yg_rate_kept *host = yg_rate_find_at(e, &host_place, &key);
	if (!host)
		host = yg_rate_make(e, &host_place, &key);
	if (host->services >= SERVICES_PER_HOST)
		return NULL;
	host->services++;
	struct yg_rate_kept *made = yg_rate_make(e, place, service);
	made->counted = 1;
	return made;
}

static uint32_t *found_of(const struct yg_rate_engine *e, uint32_t hash)
{
	return &e->found[hash & (YG_RATE_WAYS * e->buckets - 1)];
}

// The averages of a key, made when there is room for it; else NULL.
static struct yg_rate_kept *kept_of(struct yg_rate_engine *e, const struct yg_rate_sum *s)
{
	uint32_t *found = found_of(e, s->hash);
	if (*found && memcmp(&e->kept[*found - 1].key, &s->key, sizeof s->key) == 0)
		return &e->kept[*found - 1];
	struct yg_rate_place place = yg_rate_place_of(e, &s->key);
	struct yg_rate_kept *k = yg_rate_find_at(e, &place, &s->key);
	if (!k)
		k = s->key.scope == YG_SCOPE_SERVICE ? yg_rate_make_service(e, &place, &s->key, s->rates.handshakes) : yg_rate_make(e, &place, &s->key);
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

static void update_kept(const struct yg_rate_engine *e, struct yg_rate_kept *k, const struct yg_rates *r, int64_t second)
{
	int64_t silent = second - k->second - 1;
	float decay = 0;
	if (k->second)
		decay = silent >= 0 && silent < YG_RATE_DECAYS ? e->decay[silent] : powf(1 - ALPHA, (float)silent);
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
static void fill_window(const struct yg_rate_engine *e, const struct yg_rate_sum *s, const struct yg_rate_kept *k, struct yg_window *w)
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
	w->pushed = s->pushed;
	yg_base_fill(&k->learned, &w->base);
}

// What the keys behind the i-th of a second need lies anywhere in tables of many megabytes: asked for while those before are averaged.
static inline void fetch_ahead(const struct yg_rate_engine *e, const struct yg_rate_rank *order, uint32_t i)
{
	enum { FOUND_AHEAD = 8, KEPT_AHEAD = 4, LINE = 64 };
	if (i + FOUND_AHEAD < e->used) {
		const struct yg_rate_sum *s = &e->sum[order[i + FOUND_AHEAD].at];
		__builtin_prefetch(found_of(e, s->hash));
		__builtin_prefetch(&e->cell[s->cell], 1);
	}
	if (i + KEPT_AHEAD >= e->used)
		return;
	uint32_t found = *found_of(e, e->sum[order[i + KEPT_AHEAD].at].hash);
	for (size_t at = 0; found && at < sizeof *e->kept; at += LINE)
		__builtin_prefetch((const uint8_t *)&e->kept[found - 1] + at, 1);
}

void yg_rate_engine_close(struct yg_rate_engine *e, int64_t second, void (*window)(void *context, const struct yg_window *window),
			  void *context)
{
	const struct yg_rate_rank *order = sorted(e);
	yg_rate_minute(e, second);
	for (uint32_t i = 0; i < e->used; i++) {
		fetch_ahead(e, order, i);
		const struct yg_rate_sum *s = &e->sum[order[i].at];
		struct yg_rate_kept *k = kept_of(e, s);
		e->cell[s->cell] = 0;
		if (!k)
			continue;
		update_kept(e, k, &s->rates, second);
		yg_rate_learn(e, k, s);
		fill_window(e, s, k, &e->window);
		window(context, &e->window);
		e->stats.windows++;
	}
	e->used = 0;
}

void yg_rate_engine_stats(const struct yg_rate_engine *e, struct yg_rate_engine_stats *ret_stats)
{
	*ret_stats = e->stats;
	ret_stats->baselines_full = e->pool.full;
	ret_stats->baselines = e->pool.used;
}
