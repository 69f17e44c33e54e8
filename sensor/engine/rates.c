// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See rates.h. The keyed table is open addressing over a list of cells: a cell is 8 bytes of index and tag, the counters lie densely
// in the order in which keys came, so flushing a second touches only what was used.
#include "engine/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "config/lookup.h"

struct keyed {
	struct yg_rate_key key;
	struct yg_rates rates;
};

struct yg_worker_rates {
	const struct yg_config *config;
	struct yg_mix_key mix;
	uint32_t capacity; // keys
	uint32_t cells;    // a power of two, at least twice the capacity
	uint32_t used;
	uint64_t full;
	struct yg_rates link, *bodies, *prefixes;
	uint8_t *body_touched, *prefix_touched, link_touched;
	uint32_t *cell;        // index + 1 into `keyed`
	uint32_t *used_cell;   // which cell each key sits in, to clear it
	struct keyed *keyed;
};

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;
	while (p < n)
		p <<= 1;
	return p;
}

struct yg_worker_rates *yg_worker_rates_create(const struct yg_rates_options *options)
{
	struct yg_worker_rates *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->config = options->config;
	yg_mix_key_derive(&options->key, &r->mix);
	r->capacity = 2 * power_of_two(options->hosts); // hosts and services
	r->cells = 2 * r->capacity;
	r->bodies = calloc(r->config->orgs_count + 1, sizeof *r->bodies);
	r->prefixes = calloc(r->config->prefixes_count + 1, sizeof *r->prefixes);
	r->body_touched = calloc(r->config->orgs_count + 1, 1);
	r->prefix_touched = calloc(r->config->prefixes_count + 1, 1);
	r->cell = yg_memory_reserve(sizeof *r->cell * r->cells);
	r->used_cell = yg_memory_reserve(sizeof *r->used_cell * r->capacity);
	r->keyed = yg_memory_reserve(sizeof *r->keyed * r->capacity);
	if (r->bodies && r->prefixes && r->body_touched && r->prefix_touched && r->cell && r->used_cell && r->keyed)
		return r;
	yg_worker_rates_destroy(r);
	errno = ENOMEM;
	return NULL;
}

void yg_worker_rates_destroy(struct yg_worker_rates *r)
{
	if (!r)
		return;
	free(r->bodies);
	free(r->prefixes);
	free(r->body_touched);
	free(r->prefix_touched);
	yg_memory_release(r->cell, sizeof *r->cell * r->cells);
	yg_memory_release(r->used_cell, sizeof *r->used_cell * r->capacity);
	yg_memory_release(r->keyed, sizeof *r->keyed * r->capacity);
	free(r);
}

void yg_end_resolve(const struct yg_config *config, uint8_t af, const struct yg_addr *addr, struct yg_end *ret_end)
{
	const struct yg_prefix *prefix = yg_lookup_prefix(config, af, addr);
	ret_end->addr = *addr;
	ret_end->af = af;
	ret_end->prefix = prefix ? (uint32_t)(prefix - config->prefixes) + 1 : 0;
	ret_end->org = prefix ? prefix->org : YG_ORG_NONE;
	ret_end->zone = prefix ? prefix->zone : YG_ZONE_NONE;
	ret_end->internal = prefix != NULL || config->all_internal;
}

// The counters of a key in the open second, NULL when the table is full.
static struct yg_rates *keyed_rates(struct yg_worker_rates *r, const struct yg_rate_key *key)
{
	uint32_t mask = r->cells - 1;
	uint32_t c = (uint32_t)yg_mix24(&r->mix, key) & mask;
	for (; r->cell[c]; c = (c + 1) & mask) {
		struct keyed *k = &r->keyed[r->cell[c] - 1];
		if (memcmp(&k->key, key, sizeof *key) == 0)
			return &k->rates;
	}
	if (r->used == r->capacity) {
		r->full++;
		return NULL;
	}
	struct keyed *k = &r->keyed[r->used];
	memset(k, 0, sizeof *k);
	k->key = *key;
	r->used_cell[r->used] = c;
	r->cell[c] = ++r->used;
	return &k->rates;
}

static void count_in(struct yg_rates *rates, const struct yg_rate_add *add)
{
	rates->packets[add->vector] += add->packets;
	rates->bytes[add->vector] += add->bytes;
	rates->flows += add->flows;
	rates->handshakes += add->handshakes;
}

static void count_out(struct yg_rates *rates, const struct yg_rate_add *add)
{
	rates->packets_out += add->packets;
	rates->bytes_out += add->bytes;
	rates->flows_out += add->flows;
}

static struct yg_rate_key host_key(const struct yg_end *end)
{
	struct yg_rate_key key;
	memset(&key, 0, sizeof key);
	key.addr = end->addr;
	key.scope = YG_SCOPE_HOST;
	key.af = end->af;
	key.prefix_len = end->af == 4 ? 32 : 128;
	key.org = end->org;
	return key;
}

static void add_to_end(struct yg_worker_rates *r, const struct yg_end *end, const struct yg_rate_add *add,
		       void (*count)(struct yg_rates *, const struct yg_rate_add *))
{
	struct yg_rate_key key = host_key(end);
	struct yg_rates *host = keyed_rates(r, &key);
	if (host)
		count(host, add);
	if (end->prefix) {
		count(&r->prefixes[end->prefix - 1], add);
		r->prefix_touched[end->prefix - 1] = 1;
	}
	if (end->org < r->config->orgs_count) {
		count(&r->bodies[end->org], add);
		r->body_touched[end->org] = 1;
	}
}

// TCP ports are all counted (the aggregator keeps those that are declared or have answered); of UDP, the declared ones.
static bool is_service(const struct yg_worker_rates *r, const struct yg_end *end, uint8_t proto, uint16_t port)
{
	return port && (proto == 6 || yg_lookup_service(r->config, end->af, &end->addr, proto, port));
}

static void add_to_service(struct yg_worker_rates *r, const struct yg_end *end, uint16_t port, const struct yg_rate_add *add,
			   void (*count)(struct yg_rates *, const struct yg_rate_add *))
{
	if (!is_service(r, end, add->proto, port))
		return;
	struct yg_rate_key key = host_key(end);
	key.scope = YG_SCOPE_SERVICE;
	key.proto = add->proto;
	key.port = port;
	struct yg_rates *service = keyed_rates(r, &key);
	if (service)
		count(service, add);
}

void yg_rates_add(struct yg_worker_rates *r, const struct yg_rate_add *add)
{
	if (add->to->internal) {
		add_to_end(r, add->to, add, count_in);
		add_to_service(r, add->to, add->service_port, add, count_in);
	}
	if (add->from->internal && add->packets) {
		add_to_end(r, add->from, add, count_out);
		add_to_service(r, add->from, add->answer_port, add, count_out);
	}
}

void yg_rates_link(struct yg_worker_rates *r, uint8_t vector, bool inward, uint32_t wire_bytes)
{
	r->link_touched = 1;
	if (inward) {
		r->link.packets[vector]++;
		r->link.bytes[vector] += wire_bytes;
	} else {
		r->link.packets_out++;
		r->link.bytes_out += wire_bytes;
	}
}

static void flush_fixed(struct yg_worker_rates *r, struct yg_rate_delta *delta,
			void (*emit)(void *context, const struct yg_rate_delta *delta), void *context)
{
	if (r->link_touched) {
		memset(&delta->key, 0, sizeof delta->key);
		delta->key.scope = YG_SCOPE_LINK;
		delta->key.org = YG_ORG_NONE;
		delta->rates = r->link;
		emit(context, delta);
		memset(&r->link, 0, sizeof r->link);
		r->link_touched = 0;
	}
	for (uint32_t i = 0; i < r->config->orgs_count; i++) {
		if (!r->body_touched[i])
			continue;
		memset(&delta->key, 0, sizeof delta->key);
		delta->key.scope = YG_SCOPE_BODY;
		delta->key.org = (uint16_t)i;
		delta->rates = r->bodies[i];
		emit(context, delta);
		memset(&r->bodies[i], 0, sizeof r->bodies[i]);
		r->body_touched[i] = 0;
	}
	for (uint32_t i = 0; i < r->config->prefixes_count; i++) {
		if (!r->prefix_touched[i])
			continue;
		const struct yg_prefix *p = &r->config->prefixes[i];
		memset(&delta->key, 0, sizeof delta->key);
		delta->key.scope = YG_SCOPE_PREFIX;
		delta->key.addr = p->addr;
		delta->key.af = p->af;
		delta->key.prefix_len = p->length;
		delta->key.org = p->org;
		delta->rates = r->prefixes[i];
		emit(context, delta);
		memset(&r->prefixes[i], 0, sizeof r->prefixes[i]);
		r->prefix_touched[i] = 0;
	}
}

void yg_rates_flush(struct yg_worker_rates *r, int64_t second, void (*emit)(void *context, const struct yg_rate_delta *delta),
		    void *context)
{
	struct yg_rate_delta delta = {.second = second};
	flush_fixed(r, &delta, emit, context);
	for (uint32_t i = 0; i < r->used; i++) {
		delta.key = r->keyed[i].key;
		delta.rates = r->keyed[i].rates;
		emit(context, &delta);
		r->cell[r->used_cell[i]] = 0;
	}
	r->used = 0;
}

uint64_t yg_rates_full(const struct yg_worker_rates *r)
{
	return r->full;
}
