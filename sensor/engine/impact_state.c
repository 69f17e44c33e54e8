// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Known clients over a restart: a head with the key of the filters, then one record a service, its two filters behind it (8 KB). What
// waits is not saved; attacks that are open are heard of again. Thread: the aggregator's.
#include <math.h>
#include <string.h>

#include "engine/impact_table.h"
#include "engine/state.h"

struct head {
	uint64_t k0, k1;
	int64_t turn;
};

struct record {
	struct yg_impact_key key;
	uint8_t reserved[4];
	int64_t since_s, seen_s;
	double usual;
	uint32_t usual_minutes, reserved32;
	struct yg_impact_filter filters[2]; // current, before
};
_Static_assert(sizeof(struct record) == 24 + 32 + 2 * sizeof(struct yg_impact_filter), "no holes");

uint64_t yg_impact_save_max(void)
{
	return sizeof(struct head) + YG_IMPACT_SERVICES * sizeof(struct record);
}

static void pack(const struct yg_impact_watch *w, uint32_t slot, struct record *r)
{
	const struct yg_impact_service *s = &w->services[slot];
	memset(r, 0, sizeof *r);
	r->key = s->key;
	r->since_s = s->since_s;
	r->seen_s = s->seen_s;
	r->usual = s->usual;
	r->usual_minutes = s->usual_minutes;
	memcpy(r->filters, w->filters[slot], sizeof r->filters);
}

uint64_t yg_impact_save(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	const struct yg_impact_watch *w = context;
	uint64_t used = 0;
	if (*cursor == 0) {
		struct head h = {w->key.k0, w->key.k1, w->turn};
		if (room < sizeof h)
			return 0;
		memcpy(to, &h, sizeof h);
		used = sizeof h;
		*cursor = 1;
	}
	for (; *cursor <= YG_IMPACT_SERVICES; ++*cursor) {
		struct record r;
		if (!w->services[*cursor - 1].used)
			continue;
		if (used + sizeof r > room)
			return used;
		pack(w, (uint32_t)(*cursor - 1), &r);
		memcpy((char *)to + used, &r, sizeof r);
		used += sizeof r;
	}
	*cursor = YG_STATE_DONE;
	return used;
}

static bool is_sound(const struct record *r)
{
	return (r->key.af == 4 || r->key.af == 6) && (r->key.proto == 6 || r->key.proto == 17) && r->since_s >= 0 && r->seen_s >= r->since_s &&
	       r->seen_s <= INT64_MAX / 2 && isfinite(r->usual) && r->usual >= 0 && r->usual <= 1;
}

static uint32_t bits_of(const struct yg_impact_filter *f)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < YG_IMPACT_WORDS; i++)
		bits += (uint32_t)__builtin_popcountll(f->word[i]);
	return bits;
}

static bool unpack(struct yg_impact_watch *w, const struct record *r)
{
	uint32_t current = bits_of(&r->filters[0]), before = bits_of(&r->filters[1]);
	if (!is_sound(r) || current > YG_IMPACT_FILTER_FULL || before > YG_IMPACT_FILTER_FULL || yg_impact_find(w, &r->key) != YG_IMPACT_NONE)
		return false;
	uint32_t slot = yg_impact_add(w, &r->key, r->since_s);
	if (slot == YG_IMPACT_NONE)
		return false;
	struct yg_impact_service *s = &w->services[slot];
	s->seen_s = r->seen_s;
	s->usual = r->usual;
	s->usual_minutes = r->usual_minutes;
	s->bits[YG_IMPACT_CURRENT] = current;
	s->bits[YG_IMPACT_BEFORE] = before;
	memcpy(w->filters[slot], r->filters, sizeof r->filters);
	return true;
}

int yg_impact_restore(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct yg_impact_watch *w = context;
	struct head h;
	if (version != YG_IMPACT_VERSION || size < sizeof h || size > yg_impact_save_max() || (size - sizeof h) % sizeof(struct record))
		return -1;
	memcpy(&h, bytes, sizeof h);
	if (h.turn > INT64_MAX / YG_IMPACT_TURN_S || (h.turn < 0 && h.turn != INT64_MIN))
		return -1;
	for (uint64_t at = sizeof h; at < size; at += sizeof(struct record)) {
		struct record r;
		memcpy(&r, (const char *)bytes + at, sizeof r);
		if (unpack(w, &r))
			continue;
		yg_impact_empty(w);
		return -1;
	}
	w->key = (struct yg_hash_key){h.k0, h.k1};
	w->turn = h.turn;
	return 0;
}
