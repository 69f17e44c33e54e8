// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which minutes teach what is usual, and which do not. A key ends its minute when it is first seen in a later one, so a silent key costs
// nothing. Minutes are counted over the seconds that were closed: a gap of more than five minutes teaches no silence.
//
// A service has no list of its own to be found in by its host: it asks its host, when it ends a minute, whether that was spoiled.
#include "engine/rate_engine_internal.h"

#include <string.h>

#include "config/address.h"
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

// Whether an alert about a prefix that holds the key was open in the minute that it ends.
static bool is_in_wide(const struct yg_rate_engine *e, const struct yg_rate_kept *k)
{
	bool host = k->key.scope == YG_SCOPE_HOST || k->key.scope == YG_SCOPE_SERVICE, found = false;
	for (unsigned i = 0; host && e->wide_last >= k->learned.minute && i < YG_RATE_WIDE && !found; i++) {
		const struct yg_rate_wide *w = &e->wide[i];
		found = w->first && w->af == k->key.af && w->first <= k->learned.minute && w->last >= k->learned.minute &&
			yg_address_within(&k->key.addr, &w->addr, w->len);
	}
	return found;
}

static void end_minute(struct yg_rate_engine *e, struct yg_rate_kept *k)
{
	if (k->learned.minute == e->minute)
		return;
	if (is_in_wide(e, k))
		k->learned.spoiled = 1;
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

// The place of the prefix, which goes on from the minute before; else one whose alert is over longest. NULL: all are open.
static struct yg_rate_wide *wide_of(struct yg_rate_engine *e, uint8_t af, const struct yg_addr *addr, uint8_t len)
{
	struct yg_rate_wide *oldest = &e->wide[0];
	for (unsigned i = 0; i < YG_RATE_WIDE; i++) {
		struct yg_rate_wide *w = &e->wide[i];
		if (w->first && w->af == af && w->len == len && w->last + 1 >= e->minute && memcmp(&w->addr, addr, sizeof w->addr) == 0)
			return w;
		if (w->last < oldest->last)
			oldest = w;
	}
	if (oldest->first && oldest->last + 1 >= e->minute)
		return NULL;
	*oldest = (struct yg_rate_wide){.addr = *addr, .af = af, .len = len, .first = e->minute};
	return oldest;
}

static void spoil_wide(struct yg_rate_engine *e, uint8_t af, const struct yg_addr *addr, uint8_t len)
{
	struct yg_rate_wide *w = wide_of(e, af, addr, len);
	if (!w) {
		e->stats.wide_full++;
		return;
	}
	w->last = e->wide_last = e->minute;
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
	} else {
		spoil_wide(e, af, addr, (uint8_t)len);
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
