// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which minutes teach what is usual, and which do not. A key ends its minute when it is first seen in a later one, so a silent key costs
// nothing. Minutes are counted over the seconds that were closed: a gap of more than five minutes teaches no silence.
//
// A service has no list of its own to be found in by its host: it asks its host, when it ends a minute, whether that was spoiled.
#include "engine/rate_engine_internal.h"

#include <string.h>

#include "base/bytes.h"
#include "config/lookup.h"

enum { GAP_MINUTES = 5, PARENTS_MAX = 8 };

void yg_rate_minute(struct yg_rate_engine *e, int64_t second)
{
	int64_t minute = second / 60, passed = minute - e->minute_of_time;
	if (e->minute_of_time && passed > 0)
		e->minute += passed <= GAP_MINUTES ? (uint32_t)passed : 1;
	e->minute_of_time = minute;
}

void yg_rate_begin_to_learn(struct yg_rate_engine *e, struct yg_rate_kept *k)
{
	bool service = k->key.scope == YG_SCOPE_SERVICE, host = k->key.scope == YG_SCOPE_HOST;
	yg_base_begin(&k->learned, &e->pool, e->minute, k->declared || (!service && !host));
}

// Spreads the computations of neighbours; no secret, so that a replay is the same everywhere.
static uint32_t phase_of(const struct yg_rate_key *key)
{
	uint32_t sum = key->org + key->port;
	for (unsigned i = 0; i < sizeof key->addr.b; i++)
		sum += key->addr.b[i];
	return sum;
}

static void end_minute(struct yg_rate_engine *e, struct yg_rate_kept *k)
{
	if (k->learned.minute == e->minute)
		return;
	if (k->key.scope == YG_SCOPE_SERVICE && !k->learned.spoiled) {
		struct yg_rate_key key = yg_rate_host_of(&k->key);
		const struct yg_rate_kept *host = yg_rate_find(e, &key);
		k->learned.spoiled = host && host->gave_up > k->learned.minute;
	}
	yg_base_fold(&k->learned, &e->pool, e->minute, phase_of(&k->key));
}

void yg_rate_learn(struct yg_rate_engine *e, struct yg_rate_kept *k, const struct yg_rate_sum *s)
{
	end_minute(e, k);
	yg_base_see(&k->learned, &s->rates, &s->pushed);
}

// ---- what does not teach ----

static void spoil(struct yg_rate_engine *e, const struct yg_rate_key *key)
{
	struct yg_rate_kept *k = yg_rate_find(e, key);
	if (!k)
		return;
	end_minute(e, k);
	k->learned.spoiled = 1;
	k->gave_up = e->minute + 1;
}

static void spoil_bodies(struct yg_rate_engine *e, uint16_t org)
{
	for (unsigned depth = 0; depth < PARENTS_MAX && org < e->config->orgs_count; depth++) {
		const struct yg_rate_key key = {.scope = YG_SCOPE_BODY, .org = org};
		spoil(e, &key);
		org = e->config->orgs[org].parent;
	}
}

// The prefix and those that cover it.
static void spoil_prefixes(struct yg_rate_engine *e, const struct yg_prefix *p)
{
	while (p) {
		const struct yg_rate_key key = {.addr = p->addr, .scope = YG_SCOPE_PREFIX, .af = p->af, .prefix_len = p->length, .org = p->org};
		spoil(e, &key);
		p = p->cover < e->config->prefixes_count ? &e->config->prefixes[p->cover] : NULL;
	}
}

static void spoil_end(struct yg_rate_engine *e, uint8_t af, const struct yg_addr *addr, unsigned len)
{
	const struct yg_prefix *p = yg_lookup_prefix(e->config, af, addr);
	if (!p && !e->config->all_internal)
		return;
	uint16_t org = p ? p->org : YG_ORG_NONE;
	unsigned whole = af == 4 ? 32 : 128;
	if (!len || len >= whole) {
		const struct yg_rate_key key = {.addr = *addr, .scope = YG_SCOPE_HOST, .af = af, .prefix_len = (uint8_t)whole, .org = org};
		spoil(e, &key);
	}
	spoil_prefixes(e, p);
	spoil_bodies(e, org);
}

// Kinds that say that rates are not as usual. A campaign stays open for a day after its last pulse, and a server that answers whom it
// should not does so every day: neither says anything of this minute.
static bool is_about_rates(const char *kind)
{
	static const char *const not[] = {"dos.campaign", "dos.open_service"};
	static const char *const families[] = {"dos.", "link.", "org.", "exfil."};
	for (unsigned i = 0; i < sizeof not / sizeof *not; i++)
		if (strcmp(kind, not[i]) == 0)
			return false;
	for (unsigned i = 0; i < sizeof families / sizeof *families; i++)
		if (strncmp(kind, families[i], strlen(families[i])) == 0)
			return true;
	return false;
}

void yg_rate_engine_untrain(struct yg_rate_engine *e, const struct yg_alert *alert)
{
	static const struct yg_rate_key link = {.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE};
	if (!is_about_rates(alert->kind))
		return;
	spoil(e, &link);
	spoil_bodies(e, alert->org);
	if (alert->af)
		spoil_end(e, alert->af, &alert->target, alert->target_len);
	if (alert->source_af)
		spoil_end(e, alert->source_af, &alert->source, 0);
}
