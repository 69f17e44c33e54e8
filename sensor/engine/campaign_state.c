// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Campaigns over a restart: one record a chain, with as many gaps behind it as there are, in the machine's byte order. The body goes by
// its code, since its number is another configuration's. What is restored has no open incidents: those that are still open are heard of
// again within alerts.update, and join the pulse that they belong to. Thread: the aggregator's.
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "engine/campaign_table.h"
#include "engine/lifecycle_record.h"
#include "engine/state.h"

struct record {
	struct yg_campaign_victim victim;
	char org_code[16];
	struct yg_campaign_chain chain; // without gaps_s; end_ns is now while it has open incidents
};
enum { FIXED = sizeof(struct record) - YG_CAMPAIGN_GAPS * sizeof(uint32_t) };
_Static_assert(offsetof(struct record, chain) + offsetof(struct yg_campaign_chain, gaps_s) == FIXED, "the gaps stand last");

uint64_t yg_campaign_save_max(void)
{
	return YG_CAMPAIGN_CHAINS * sizeof(struct record);
}

static uint32_t kept(uint32_t gaps_count)
{
	return gaps_count < YG_CAMPAIGN_GAPS ? gaps_count : YG_CAMPAIGN_GAPS;
}

static uint64_t pack(const struct yg_campaign *c, uint32_t slot, struct record *r)
{
	memset(r, 0, FIXED);
	r->victim = c->victims[slot];
	r->chain = c->chains[slot];
	if (r->victim.org < c->config->orgs_count)
		memcpy(r->org_code, c->config->orgs[r->victim.org].code, sizeof r->org_code);
	if (r->chain.members_count && c->now_ns > r->chain.end_ns)
		r->chain.end_ns = c->now_ns;
	r->chain.members_count = 0;
	memset(r->chain.members, 0, sizeof r->chain.members);
	return FIXED + kept(r->chain.gaps_count) * sizeof(uint32_t);
}

uint64_t yg_campaign_save(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	const struct yg_campaign *c = context;
	uint64_t used = 0;
	for (; *cursor < YG_CAMPAIGN_CHAINS; ++*cursor) {
		if (!c->victims[*cursor].used)
			continue;
		struct record r;
		uint64_t bytes = pack(c, (uint32_t)*cursor, &r);
		if (bytes > room - used)
			return used;
		memcpy((char *)to + used, &r, bytes);
		used += bytes;
	}
	*cursor = YG_STATE_DONE;
	return used;
}

// ---- back ----

static bool printable(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
			return false;
	return len < size;
}

static bool share_is_sound(float v)
{
	return isfinite(v) && v >= 0 && v <= 1;
}

static bool facets_are_sound(const struct yg_campaign_chain *c)
{
	if (c->facets_count < 1 || c->facets_count > YG_CAMPAIGN_FACETS)
		return false;
	for (unsigned i = 0; i < c->facets_count; i++) {
		if (c->facets[i].count < 1 || c->facets[i].count > 6)
			return false;
		for (unsigned v = 0; v < c->facets[i].count; v++)
			if (!printable(c->facets[i].v[v].name, sizeof c->facets[i].v[v].name) || !share_is_sound(c->facets[i].v[v].share))
				return false;
	}
	return true;
}

static bool victim_is_sound(const struct yg_campaign_victim *v)
{
	return v->used == 1 && v->by_source <= 1 && ((v->af == 4 && v->len <= 32) || (v->af == 6 && v->len <= 128));
}

static bool chain_is_sound(const struct yg_campaign_chain *c)
{
	if (c->first_ns < 0 || c->last_start_ns < c->first_ns - YG_NS_PER_S || c->end_ns < c->first_ns || c->raised_ns < 0)
		return false;
	if (c->end_ns > INT64_MAX / 4 || c->last_start_ns > INT64_MAX / 4)
		return false;
	if (!isfinite(c->worst) || !isfinite(c->current) || c->worst < 0 || c->current < 0 || !share_is_sound(c->confidence))
		return false;
	if (c->pulses < YG_CAMPAIGN_PULSES && (c->id || c->raised_ns))
		return false;
	if (c->pulses < 1 || c->gaps_count >= 2 * YG_CAMPAIGN_GAPS || c->gaps_count >= c->pulses || c->members_count)
		return false;
	if ((c->key_af != 4 || c->key_len > 32) && (c->key_af != 6 || c->key_len > 128))
		return false;
	if (c->severity >= YG_SEV_COUNT || c->score > 100 || c->zone >= YG_ZONE_COUNT || c->top_count > YG_TOP_MAX)
		return false;
	for (unsigned i = 0; i < YG_TOP_MAX; i++)
		if (!share_is_sound(c->top[i].share) || (i < c->top_count && c->top[i].af != 4 && c->top[i].af != 6))
			return false;
	return printable(c->key_vector, sizeof c->key_vector) && facets_are_sound(c);
}

// The id is made anew of the content, whatever stands there: the site's key may be another one than then (alerts.id_key_file).
static void make_id(const struct yg_hash_key *id_key, struct yg_campaign_chain *c)
{
	struct yg_alert a = {.kind = "dos.campaign", .af = c->key_af, .target = c->key_addr, .target_len = c->key_len};
	memcpy(a.vector, c->key_vector, sizeof a.vector);
	c->id = c->pulses < YG_CAMPAIGN_PULSES ? 0 : yg_lifecycle_id(id_key, &a, c->first_ns);
}

static uint16_t org_of(const struct yg_config *config, const char code[16])
{
	for (uint32_t i = 0; code[0] && i < config->orgs_count; i++)
		if (strncmp(config->orgs[i].code, code, sizeof config->orgs[i].code) == 0)
			return (uint16_t)i;
	return YG_ORG_NONE;
}

// The bytes that the record at `from` takes, or 0 when it is none.
static uint64_t unpack(struct yg_campaign *c, uint32_t slot, const char *from, uint64_t size)
{
	struct record r;
	memset(&r, 0, sizeof r);
	if (size < FIXED)
		return 0;
	memcpy(&r, from, FIXED);
	if (!victim_is_sound(&r.victim) || !printable(r.org_code, sizeof r.org_code) || !chain_is_sound(&r.chain))
		return 0;
	uint64_t gaps = kept(r.chain.gaps_count) * sizeof(uint32_t);
	if (size - FIXED < gaps)
		return 0;
	memcpy(r.chain.gaps_s, from + FIXED, gaps);
	r.victim.org = org_of(c->config, r.org_code);
	c->victims[slot] = r.victim;
	c->chains[slot] = r.chain;
	c->chains[slot].dirty = 0;
	make_id(&c->id_key, &c->chains[slot]);
	return FIXED + gaps;
}

int yg_campaign_restore(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct yg_campaign *c = context;
	uint32_t slot = 0;
	uint64_t at = 0;
	for (uint64_t took; version == YG_CAMPAIGN_VERSION && at < size && slot < YG_CAMPAIGN_CHAINS; at += took, slot++) {
		took = unpack(c, slot, (const char *)bytes + at, size - at);
		if (!took)
			break;
	}
	if (version == YG_CAMPAIGN_VERSION && at == size)
		return 0;
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++)
		yg_campaign_forget(c, i);
	return -1;
}
