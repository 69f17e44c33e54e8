// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See impact.h. Here: services, their clients, and what these get, second by second. Judging is in impact_judge.c.
// Thread: the aggregator's.
#include "engine/impact.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "config/lookup.h"
#include "engine/impact_table.h"
#include "engine/target.h"

enum { IDLE_S = 86400, MINUTE_S = 60, USUAL_WEIGHT = 240 };

struct yg_impact_watch *yg_impact_create(const struct yg_config *config, const struct yg_hash_key *key)
{
	struct yg_impact_watch *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->config = config;
	w->key = *key;
	yg_mix_key_derive(key, &w->mix);
	w->services = calloc(YG_IMPACT_SERVICES, sizeof *w->services);
	w->filters = calloc(YG_IMPACT_SERVICES, sizeof *w->filters);
	w->attacks = calloc(YG_IMPACT_ATTACKS, sizeof *w->attacks);
	w->window = calloc(YG_IMPACT_SERVICES, sizeof *w->window);
	memset(w->buckets, 0xff, sizeof w->buckets);
	w->turn = w->full_until = INT64_MIN;
	if (w->services && w->filters && w->attacks && w->window)
		return w;
	yg_impact_destroy(w);
	return NULL;
}

void yg_impact_destroy(struct yg_impact_watch *w)
{
	if (!w)
		return;
	free(w->services);
	free(w->filters);
	free(w->attacks);
	free(w->window);
	free(w);
}

void yg_impact_stats(const struct yg_impact_watch *w, struct yg_impact_stats *ret_stats)
{
	*ret_stats = (struct yg_impact_stats){.full = w->full, .clients_full = w->clients_full, .services = w->used};
}

// ---- services ----

static bool is_declared(const struct yg_config *c, const struct yg_impact_key *key)
{
	if (yg_lookup_service(c, key->af, &key->addr, key->proto, key->port))
		return true;
	for (uint32_t i = 0; i < c->shared_count; i++) {
		const struct yg_shared_service *s = &c->shared[i];
		if (s->af == key->af && memcmp(&s->addr, &key->addr, sizeof s->addr) == 0 && (!s->proto || s->proto == key->proto) &&
		    (!s->port || s->port == key->port))
			return true;
	}
	return false;
}

void yg_impact_retune(struct yg_impact_watch *w, const struct yg_config *config)
{
	w->config = config;
	w->full_until = INT64_MIN;
	for (uint32_t i = 0; i < YG_IMPACT_SERVICES; i++)
		if (w->services[i].used)
			w->services[i].declared = is_declared(config, &w->services[i].key);
}

static uint32_t *bucket_of(const struct yg_impact_watch *w, const struct yg_impact_key *key)
{
	uint64_t words[3] = {0, 0, (uint64_t)key->port << 16 | (uint64_t)key->proto << 8 | key->af};
	memcpy(words, &key->addr, sizeof key->addr);
	return (uint32_t *)&w->buckets[yg_mix24(&w->mix, words) % YG_IMPACT_BUCKETS];
}

static bool equal(const struct yg_impact_key *a, const struct yg_impact_key *b)
{
	return a->port == b->port && a->proto == b->proto && a->af == b->af && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0;
}

uint32_t yg_impact_find(const struct yg_impact_watch *w, const struct yg_impact_key *key)
{
	uint32_t at = *bucket_of(w, key);
	while (at != YG_IMPACT_NONE && !equal(&w->services[at].key, key))
		at = w->services[at].next;
	return at;
}

static void forget(struct yg_impact_watch *w, uint32_t slot)
{
	uint32_t *link = bucket_of(w, &w->services[slot].key);
	while (*link != slot)
		link = &w->services[*link].next;
	*link = w->services[slot].next;
	memset(&w->services[slot], 0, sizeof w->services[slot]);
	memset(&w->filters[slot], 0, sizeof w->filters[slot]);
	w->used--;
	w->full_until = INT64_MIN;
}

static uint32_t refuse(struct yg_impact_watch *w)
{
	w->full++;
	return YG_IMPACT_NONE;
}

// A free place; else that of the learned service that has been idle for longest, for a day at least when a learned one asks. Who is seen
// is idle later, never sooner: when nobody has been idle for long enough, it is known until when that will be so.
static uint32_t place(struct yg_impact_watch *w, bool declared, int64_t second)
{
	uint32_t idle = YG_IMPACT_NONE;
	if (!declared && second < w->full_until)
		return refuse(w);
	for (uint32_t i = 0; i < YG_IMPACT_SERVICES; i++) {
		const struct yg_impact_service *s = &w->services[i];
		if (!s->used)
			return i;
		if (!s->declared && (idle == YG_IMPACT_NONE || s->seen_s < w->services[idle].seen_s))
			idle = i;
	}
	if (idle == YG_IMPACT_NONE)
		return refuse(w);
	if (!declared && second - w->services[idle].seen_s < IDLE_S) {
		w->full_until = w->services[idle].seen_s + IDLE_S;
		return refuse(w);
	}
	forget(w, idle);
	return idle;
}

uint32_t yg_impact_add(struct yg_impact_watch *w, const struct yg_impact_key *key, int64_t second)
{
	bool declared = is_declared(w->config, key);
	uint32_t slot = place(w, declared, second);
	if (slot == YG_IMPACT_NONE)
		return slot;
	struct yg_impact_service *s = &w->services[slot];
	const struct yg_prefix *prefix = yg_lookup_prefix(w->config, key->af, &key->addr);
	s->key = *key;
	s->used = 1;
	s->declared = declared;
	s->org = prefix ? prefix->org : YG_ORG_NONE;
	s->since_s = s->seen_s = second;
	uint32_t *bucket = bucket_of(w, key);
	s->next = *bucket;
	*bucket = slot;
	w->used++;
	return slot;
}

void yg_impact_empty(struct yg_impact_watch *w)
{
	memset(w->services, 0, YG_IMPACT_SERVICES * sizeof *w->services);
	memset(w->filters, 0, YG_IMPACT_SERVICES * sizeof *w->filters);
	memset(w->attacks, 0, YG_IMPACT_ATTACKS * sizeof *w->attacks);
	memset(w->buckets, 0xff, sizeof w->buckets);
	w->used = w->attacks_count = 0;
	w->full_until = INT64_MIN;
}

// ---- clients ----

static uint64_t client_of(const struct yg_impact_watch *w, const struct yg_addr *addr)
{
	return yg_hash(&w->key, addr, sizeof *addr);
}

// Bit i of a client: the finisher of SplitMix64 (Steele, Lea and Flood, 2014), once a probe. Two halves of one hash in steps would do with
// fewer probes (Kirsch and Mitzenmacher, 2006); with sixteen, strangers whose steps meet a client's passed twenty-five times as often.
static uint32_t bit_of(uint64_t client, unsigned i)
{
	uint64_t x = client + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((x ^ x >> 31) % YG_IMPACT_FILTER_BITS);
}

static bool holds(const struct yg_impact_filter *f, uint64_t client)
{
	for (unsigned i = 0; i < YG_IMPACT_PROBES; i++) {
		uint32_t bit = bit_of(client, i);
		if (!(f->word[bit / 64] >> bit % 64 & 1))
			return false;
	}
	return true;
}

static uint32_t put(struct yg_impact_filter *f, uint64_t client)
{
	uint32_t new = 0;
	for (unsigned i = 0; i < YG_IMPACT_PROBES; i++) {
		uint32_t bit = bit_of(client, i);
		new += !(f->word[bit / 64] >> bit % 64 & 1);
		f->word[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	return new;
}

static struct yg_impact_key key_of(const struct yg_addr *addr, uint8_t af, uint8_t proto, uint16_t port)
{
	return (struct yg_impact_key){.addr = *addr, .af = af, .proto = proto, .port = port};
}

void yg_impact_flow(struct yg_impact_watch *w, const struct yg_flow *f)
{
	bool served = f->proto == 6 ? f->rank >= YG_RANK_ESTABLISHED : f->rank >= YG_RANK_ANSWERED;
	bool ports = f->proto == 6 || f->proto == 17;
	if (!f->internal[1] || !served || !ports || f->midstream || !f->packets[0] || !f->packets[1])
		return;
	struct yg_impact_key key = key_of(&f->addr[1], f->af, f->proto, f->port[1]);
	uint32_t slot = yg_impact_find(w, &key);
	int64_t second = yg_time_second(yg_time_ns(f->last_ns));
	slot = slot == YG_IMPACT_NONE ? yg_impact_add(w, &key, second) : slot;
	if (slot == YG_IMPACT_NONE)
		return;
	struct yg_impact_service *s = &w->services[slot];
	struct yg_impact_filter *filters = w->filters[slot];
	s->seen_s = second > s->seen_s ? second : s->seen_s;
	uint64_t client = client_of(w, &f->addr[0]);
	if (s->tainted || holds(&filters[YG_IMPACT_CURRENT], client))
		return;
	if (s->bits[YG_IMPACT_CURRENT] + s->bits[YG_IMPACT_WAITING] + YG_IMPACT_PROBES > YG_IMPACT_FILTER_FULL)
		w->clients_full++;
	else
		s->bits[YG_IMPACT_WAITING] += put(&filters[YG_IMPACT_WAITING], client);
}

void yg_impact_contact(struct yg_impact_watch *w, const struct yg_contact *c)
{
	if (!c->internal[1] || !w->used)
		return;
	struct yg_impact_key key = key_of(&c->addr[1], c->af, c->proto, c->port[1]);
	uint32_t slot = yg_impact_find(w, &key);
	if (slot == YG_IMPACT_NONE)
		return;
	uint64_t client = client_of(w, &c->addr[0]);
	const struct yg_impact_filter *filters = w->filters[slot];
	if (!holds(&filters[YG_IMPACT_CURRENT], client) && !holds(&filters[YG_IMPACT_BEFORE], client))
		return;
	struct yg_impact_service *s = &w->services[slot];
	int64_t second = yg_time_second(yg_time_ns(c->event_ns));
	unsigned at = (unsigned)((uint64_t)second % YG_IMPACT_RING_S);
	if (s->ring[at].second != second) {
		s->ring[at].second = second;
		s->ring[at].sums = (struct yg_impact_sums){0, 0};
	}
	bool answered = c->outcome == YG_CONTACT_ANSWERED;
	s->ring[at].sums.answered += answered;
	s->ring[at].sums.failed += !answered;
	s->minute.answered += answered;
	s->minute.failed += !answered;
}

// ---- time ----

// A minute counts to what is usual when the one after it brought no attack either: the last seconds before an alert may be part of it.
static void close_minute(struct yg_impact_service *s)
{
	const struct yg_impact_sums *m = &s->minute_before;
	uint32_t n = m->answered + m->failed;
	if (!s->tainted && n >= YG_IMPACT_ATTEMPTS / 2) {
		uint32_t weight = s->usual_minutes < USUAL_WEIGHT ? s->usual_minutes + 1 : USUAL_WEIGHT;
		s->usual += ((double)m->answered / n - s->usual) / weight;
		s->usual_minutes += s->usual_minutes < UINT32_MAX;
	}
	s->minute_before = s->minute;
	s->minute = (struct yg_impact_sums){0, 0};
}

static void close_wait(struct yg_impact_watch *w, uint32_t slot)
{
	struct yg_impact_service *s = &w->services[slot];
	struct yg_impact_filter *filters = w->filters[slot];
	uint32_t bits = 0;
	for (unsigned i = 0; !s->tainted && s->bits[YG_IMPACT_WAITING] && i < YG_IMPACT_WORDS; i++)
		bits += (uint32_t)__builtin_popcountll(filters[YG_IMPACT_CURRENT].word[i] |= filters[YG_IMPACT_WAITING].word[i]);
	if (bits)
		s->bits[YG_IMPACT_CURRENT] = bits;
	if (s->bits[YG_IMPACT_WAITING])
		memset(&filters[YG_IMPACT_WAITING], 0, sizeof filters[0]);
	s->bits[YG_IMPACT_WAITING] = 0;
	s->tainted = 0; // set again at once while an attack is open
}

static void take_turns(struct yg_impact_watch *w, uint32_t slot, int64_t turns)
{
	struct yg_impact_service *s = &w->services[slot];
	struct yg_impact_filter *filters = w->filters[slot];
	for (int64_t i = 0; i < turns && i < 2; i++) {
		filters[YG_IMPACT_BEFORE] = filters[YG_IMPACT_CURRENT];
		s->bits[YG_IMPACT_BEFORE] = s->bits[YG_IMPACT_CURRENT];
		memset(&filters[YG_IMPACT_CURRENT], 0, sizeof filters[0]);
		s->bits[YG_IMPACT_CURRENT] = 0;
	}
}

void yg_impact_tick(struct yg_impact_watch *w, int64_t second, float one_way)
{
	int64_t turn = second / YG_IMPACT_TURN_S, turns = w->turn == INT64_MIN || turn < w->turn ? 0 : turn - w->turn;
	bool minute = second / MINUTE_S != w->second / MINUTE_S, waited = second / YG_IMPACT_WAIT_S != w->second / YG_IMPACT_WAIT_S;
	w->second = second;
	w->turn = turn;
	w->one_way = one_way;
	for (uint32_t slot = 0; (minute || waited || turns) && slot < YG_IMPACT_SERVICES; slot++) {
		if (!w->services[slot].used)
			continue;
		if (minute)
			close_minute(&w->services[slot]);
		if (waited)
			close_wait(w, slot);
		take_turns(w, slot, turns);
	}
	if (w->attacks_count)
		yg_impact_judge(w);
}
