// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Four arrays, one a second, taken in turn. Evidence is gathered only when an alert asks: a pass over the sample into a counting table
// of fixed size, reused each time.
#include "engine/sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"

enum { COUNT_CELLS = 1 << 20 }; // at least twice the packets of four seconds

struct counted {
	struct yg_addr addr;
	uint32_t packets, stamp;
};

struct yg_sample_store {
	struct yg_sample *packets[YG_SAMPLE_SECONDS];
	uint32_t count[YG_SAMPLE_SECONDS];
	int32_t second[YG_SAMPLE_SECONDS];
	struct counted *counted;
	uint32_t *distinct; // cells of the sources counted this time
	struct yg_mix_key mix;
	uint32_t stamp;
	uint32_t ports[65536], port_stamp[65536], sizes[65536];
};

struct yg_sample_store *yg_sample_create(const struct yg_hash_key *key)
{
	struct yg_sample_store *store = yg_memory_reserve(sizeof *store);
	if (!store)
		return NULL;
	yg_mix_key_derive(key, &store->mix);
	store->counted = yg_memory_reserve(sizeof *store->counted * COUNT_CELLS);
	store->distinct = yg_memory_reserve(sizeof *store->distinct * COUNT_CELLS / 2);
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		store->second[i] = INT32_MIN;
		store->packets[i] = yg_memory_reserve(sizeof **store->packets * YG_SAMPLE_PER_SECOND);
		if (!store->packets[i] || !store->counted || !store->distinct) {
			yg_sample_destroy(store);
			errno = ENOMEM;
			return NULL;
		}
	}
	return store;
}

void yg_sample_destroy(struct yg_sample_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++)
		yg_memory_release(store->packets[i], sizeof **store->packets * YG_SAMPLE_PER_SECOND);
	yg_memory_release(store->counted, sizeof *store->counted * COUNT_CELLS);
	yg_memory_release(store->distinct, sizeof *store->distinct * COUNT_CELLS / 2);
	yg_memory_release(store, sizeof *store);
}

uint32_t yg_sample_add(struct yg_sample_store *store, const struct yg_sample *samples, uint32_t count)
{
	int32_t second = samples->second;
	unsigned i = (unsigned)second % YG_SAMPLE_SECONDS;
	if (store->second[i] != second) {
		store->second[i] = second;
		store->count[i] = 0;
	}
	uint32_t run = 0, room = YG_SAMPLE_PER_SECOND - store->count[i];
	struct yg_sample *to = store->packets[i] + store->count[i];
	for (; run < count && run < room && samples[run].second == second; run++)
		to[run] = samples[run];
	store->count[i] += run;
	while (run < count && samples[run].second == second)
		run++; // beyond what a second holds
	return run;
}

static bool within(const struct yg_addr *addr, const struct yg_addr *prefix, unsigned len)
{
	unsigned bytes = len / 8, bits = len % 8;
	if (memcmp(addr, prefix, bytes) != 0)
		return false;
	return !bits || (uint8_t)((addr->b[bytes] ^ prefix->b[bytes]) >> (8 - bits)) == 0;
}

static void count_source(struct yg_sample_store *store, const struct yg_addr *addr, uint32_t *distinct)
{
	const uint64_t key[3] = {yg_mix_word(addr, 0), yg_mix_word(addr, 1)};
	uint32_t c = (uint32_t)yg_mix24(&store->mix, key) % COUNT_CELLS;
	while (store->counted[c].stamp == store->stamp) {
		if (memcmp(&store->counted[c].addr, addr, sizeof *addr) == 0) {
			store->counted[c].packets++;
			return;
		}
		c = (c + 1) % COUNT_CELLS;
	}
	store->counted[c] = (struct counted){*addr, 1, store->stamp};
	store->distinct[(*distinct)++] = c;
}

static void count_port(struct yg_sample_store *store, uint16_t port)
{
	if (store->port_stamp[port] != store->stamp) {
		store->port_stamp[port] = store->stamp;
		store->ports[port] = 0;
	}
	store->ports[port]++;
}

static void take_top_source(const struct counted *c, uint8_t af, uint32_t packets[YG_TOP_MAX], struct yg_evidence *e)
{
	unsigned i = e->top_count;
	while (i && (packets[i - 1] < c->packets ||
		     (packets[i - 1] == c->packets && memcmp(&e->top[i - 1].addr, &c->addr, sizeof c->addr) > 0)))
		i--;
	if (i == YG_TOP_MAX)
		return;
	unsigned last = e->top_count < YG_TOP_MAX ? e->top_count++ : YG_TOP_MAX - 1;
	for (; last > i; last--) {
		e->top[last] = e->top[last - 1];
		packets[last] = packets[last - 1];
	}
	e->top[i] = (struct yg_alert_top){.addr = c->addr, .af = af};
	packets[i] = c->packets;
}

static void top_sources(struct yg_sample_store *store, uint8_t af, struct yg_evidence *e)
{
	uint32_t packets[YG_TOP_MAX] = {0};
	for (uint32_t i = 0; i < e->sources_at_least; i++)
		take_top_source(&store->counted[store->distinct[i]], af, packets, e);
	for (unsigned i = 0; i < e->top_count; i++)
		e->top[i].share = (float)packets[i] / (float)e->packets;
}

static void top_ports(const struct yg_sample_store *store, struct yg_evidence *e)
{
	uint32_t packets[YG_TOP_MAX] = {0};
	for (uint32_t port = 0; port < 65536; port++) {
		if (store->port_stamp[port] != store->stamp)
			continue;
		unsigned i = e->ports_count;
		while (i && packets[i - 1] < store->ports[port])
			i--;
		if (i == YG_TOP_MAX)
			continue;
		unsigned last = e->ports_count < YG_TOP_MAX ? e->ports_count++ : YG_TOP_MAX - 1;
		for (; last > i; last--) {
			e->ports[last] = e->ports[last - 1];
			packets[last] = packets[last - 1];
		}
		e->ports[i].port = (uint16_t)port;
		packets[i] = store->ports[port];
	}
	for (unsigned i = 0; i < e->ports_count; i++)
		e->ports[i].share = (float)packets[i] / (float)e->packets;
}

static uint16_t median_size(const struct yg_sample_store *store, uint32_t packets)
{
	uint32_t seen = 0;
	for (uint32_t size = 0; size < 65536; size++) {
		seen += store->sizes[size];
		if (seen * 2 >= packets)
			return (uint16_t)size;
	}
	return 0;
}

void yg_sample_evidence(struct yg_sample_store *store, int64_t second, uint8_t af, const struct yg_addr *target, uint8_t len,
			uint32_t vectors, struct yg_evidence *e)
{
	memset(e, 0, sizeof *e);
	memset(store->sizes, 0, sizeof store->sizes);
	store->stamp++;
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		int64_t age = (int32_t)second - (int64_t)store->second[i];
		if (age < 0 || age >= YG_SAMPLE_SECONDS)
			continue;
		for (uint32_t n = 0; n < store->count[i]; n++) {
			const struct yg_sample *s = &store->packets[i][n];
			if (s->af != af || (vectors && !(vectors >> s->vector & 1)) || !within(&s->dst, target, len))
				continue;
			e->packets++;
			count_source(store, &s->src, &e->sources_at_least);
			count_port(store, s->dport);
			store->sizes[s->bytes]++;
		}
	}
	if (!e->packets)
		return;
	top_sources(store, af, e);
	top_ports(store, e);
	e->size_median = median_size(store, e->packets);
}
