// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The baselines as bytes, for a restart: 8 bytes (the number of the minute, zeros), then for each key that has learned anything the key as
// in event.h and what baseline.h packs. A body is named by its code, not by its place in the list, and whose a host is follows from the
// configuration that reads it: so a snapshot outlives a configuration that adds and removes bodies, and what is no longer ours is left out.
//
// Saving goes along the places in pieces. A place may change hands between two pieces, so a key can appear twice; the first one counts.
#include "engine/rate_engine_internal.h"

#include <string.h>

#include "base/bytes.h"
#include "config/lookup.h"
#include "engine/state.h"

enum { VERSION = 1, HEAD = 8, RECORD_MAX = sizeof(struct yg_rate_key) + YG_BASE_PACKED_MAX };

#define STATE_MOST (UINT64_C(512) << 20)

uint64_t yg_rate_engine_state_max(const struct yg_config *config)
{
	uint64_t places = (uint64_t)yg_config_int(config, YG_O_RATES_KEEP), blocks = (uint64_t)yg_config_int(config, YG_O_RATES_BASELINES);
	uint64_t most = HEAD + 2 * places * (sizeof(struct yg_rate_key) + 4) + 2 * blocks * YG_BASE_PACKED_MAX;
	return most < STATE_MOST ? most : STATE_MOST;
}

static bool has_learned(const struct yg_learned *l)
{
	bool any = false;
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		any = any || l->block[m];
	return any && l->minutes;
}

static uint32_t put_record(const struct yg_rate_engine *e, const struct yg_rate_kept *k, uint8_t *to)
{
	struct yg_rate_key key = k->key;
	if (key.scope == YG_SCOPE_BODY && key.org < e->config->orgs_count) {
		memcpy(&key.addr, e->config->orgs[key.org].code, sizeof key.addr);
		key.org = 0;
	}
	memcpy(to, &key, sizeof key);
	return (uint32_t)sizeof key + yg_base_pack(&k->learned, &e->pool, to + sizeof key);
}

// *cursor: index of the next place, + 1.
static uint64_t save(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	struct yg_rate_engine *e = context;
	uint8_t *at = to, *end = at + room;
	if (!*cursor) {
		memset(at, 0, HEAD);
		yg_store32(at, e->minute);
		at += HEAD;
		*cursor = 1;
	}
	for (; *cursor <= e->kept_used; (*cursor)++) {
		const struct yg_rate_kept *k = &e->kept[*cursor - 1];
		if (end - at < RECORD_MAX)
			return (uint64_t)(at - (uint8_t *)to);
		if (has_learned(&k->learned))
			at += put_record(e, k, at);
	}
	*cursor = YG_STATE_DONE;
	return (uint64_t)(at - (uint8_t *)to);
}

// ---- reading ----

static bool is_scope(const struct yg_rate_key *key)
{
	switch (key->scope) {
	case YG_SCOPE_LINK:
	case YG_SCOPE_BODY:
		return key->af == 0;
	case YG_SCOPE_PREFIX:
		return (key->af == 4 && key->prefix_len <= 32) || (key->af == 6 && key->prefix_len <= 128);
	case YG_SCOPE_HOST:
	case YG_SCOPE_SERVICE:
		return (key->af == 4 && key->prefix_len == 32) || (key->af == 6 && key->prefix_len == 128);
	default:
		return false;
	}
}

// Calls `record` for each; false at the first byte that is none of it.
static bool walk(const uint8_t *bytes, uint64_t size,
		 void (*record)(void *context, const struct yg_rate_key *key, const uint8_t *packed, uint64_t size), void *context)
{
	uint64_t at = HEAD;
	if (size < HEAD)
		return false;
	while (at < size) {
		struct yg_rate_key key;
		if (size - at < sizeof key)
			return false;
		memcpy(&key, bytes + at, sizeof key);
		at += sizeof key;
		uint32_t n = yg_base_unpack(NULL, NULL, bytes + at, size - at);
		if (!n || !is_scope(&key))
			return false;
		if (record)
			record(context, &key, bytes + at, n);
		at += n;
	}
	return true;
}

static bool find_body(const struct yg_config *c, struct yg_rate_key *key)
{
	for (uint32_t i = 0; i < c->orgs_count; i++) {
		if (strncmp(c->orgs[i].code, (const char *)key->addr.b, sizeof key->addr.b) != 0)
			continue;
		*key = (struct yg_rate_key){.scope = YG_SCOPE_BODY, .org = (uint16_t)i};
		return true;
	}
	return false;
}

static bool find_prefix(const struct yg_config *c, struct yg_rate_key *key)
{
	const struct yg_prefix *p = yg_lookup_prefix(c, key->af, &key->addr);
	for (; p; p = p->cover < c->prefixes_count ? &c->prefixes[p->cover] : NULL) {
		if (p->length != key->prefix_len || memcmp(&p->addr, &key->addr, sizeof p->addr) != 0)
			continue;
		*key = (struct yg_rate_key){.addr = p->addr, .scope = YG_SCOPE_PREFIX, .af = p->af, .prefix_len = p->length, .org = p->org};
		return true;
	}
	return false;
}

// Makes a key of the snapshot one of this configuration; false when there is none any more.
static bool adopt(const struct yg_config *c, struct yg_rate_key *key)
{
	const struct yg_prefix *p;
	switch (key->scope) {
	case YG_SCOPE_LINK:
		*key = (struct yg_rate_key){.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE};
		return true;
	case YG_SCOPE_BODY:
		return find_body(c, key);
	case YG_SCOPE_PREFIX:
		return find_prefix(c, key);
	default:
		p = yg_lookup_prefix(c, key->af, &key->addr);
		key->org = p ? p->org : YG_ORG_NONE;
		if (key->scope == YG_SCOPE_HOST)
			key->proto = 0, key->port = 0;
		return p || c->all_internal;
	}
}

// Nobody has to go for a key of the past.
static bool has_place(const struct yg_rate_place *place)
{
	for (unsigned i = 0; i < YG_RATE_WAYS; i++)
		if (!place->bucket->at[i])
			return true;
	return false;
}

static struct yg_rate_kept *place_for(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	struct yg_rate_place place = yg_rate_place_of(e, key);
	struct yg_rate_kept *known = yg_rate_find_at(e, &place, key);
	if (known) // a host that its service made room for, or the second of two records
		return known->learned.minutes ? NULL : known;
	if (!has_place(&place))
		return NULL;
	if (key->scope != YG_SCOPE_SERVICE)
		return yg_rate_make(e, &place, key);
	struct yg_rate_key host = yg_rate_host_of(key);
	struct yg_rate_place host_place = yg_rate_place_of(e, &host);
	if (!yg_rate_find_at(e, &host_place, &host) && !has_place(&host_place))
		return NULL;
	return yg_rate_make_service(e, &place, key, true);
}

static void take(void *context, const struct yg_rate_key *saved, const uint8_t *packed, uint64_t size)
{
	struct yg_rate_engine *e = context;
	struct yg_rate_key key = *saved;
	struct yg_rate_kept *k = adopt(e->config, &key) ? place_for(e, &key) : NULL;
	if (!k) {
		e->stats.not_restored++;
		return;
	}
	yg_base_unpack(&k->learned, &e->pool, packed, size);
	e->stats.restored++;
}

static int restore(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	if (version != VERSION || !walk(bytes, size, NULL, NULL))
		return -1;
	walk(bytes, size, take, context);
	return 0;
}

void yg_rate_engine_part(struct yg_rate_engine *e, struct yg_state_part *ret_part)
{
	*ret_part = (struct yg_state_part){.name = "baselines", .version = VERSION, .max = yg_rate_engine_state_max(e->config), .context = e,
					   .save = save, .restore = restore};
}

// ---- for readers that have no engine ----

struct reader {
	void (*each)(void *context, const struct yg_rate_key *key, const struct yg_baseline *base);
	void *context;
	struct yg_base_classes blocks[YG_BASE_COUNT];
};

static void read_one(void *context, const struct yg_rate_key *key, const uint8_t *packed, uint64_t size)
{
	struct reader *r = context;
	struct yg_base_pool pool = {.block = r->blocks, .capacity = YG_BASE_COUNT};
	struct yg_learned learned = {0};
	struct yg_baseline base = {0};
	memset(r->blocks, 0, sizeof r->blocks);
	yg_base_unpack(&learned, &pool, packed, size);
	yg_base_fill(&learned, &base);
	r->each(r->context, key, &base);
}

bool yg_rate_engine_each(const void *bytes, uint64_t size,
			 void (*each)(void *context, const struct yg_rate_key *key, const struct yg_baseline *base), void *context)
{
	struct reader reader = {.each = each, .context = context};
	return walk(bytes, size, NULL, NULL) && walk(bytes, size, read_one, &reader);
}
