// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See campaign.h. Which chain an incident belongs to is found by a walk over all victims (28 KB) each time that an alert opens or is
// heard of; alerts are few, and a walk needs no index that prefixes would have to be in many times over. Thread: the aggregator's.
#include "engine/campaign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "config/address.h"
#include "engine/campaign_table.h"
#include "engine/lifecycle_record.h"
#include "engine/target.h"

enum { NONE = YG_CAMPAIGN_CHAINS, SWEEP_S = 60, REFRESH_S = 3600, BACKWARDS_S = 600 };

struct yg_campaign *yg_campaign_create(const struct yg_config *config, const struct yg_hash_key *id_key)
{
	struct yg_campaign *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->config = config;
	c->id_key = *id_key;
	c->chains = calloc(YG_CAMPAIGN_CHAINS, sizeof *c->chains);
	if (c->chains)
		return c;
	free(c);
	return NULL;
}

void yg_campaign_retune(struct yg_campaign *c, const struct yg_config *config)
{
	c->config = config;
}

void yg_campaign_destroy(struct yg_campaign *c)
{
	if (!c)
		return;
	free(c->chains);
	free(c);
}

void yg_campaign_stats(const struct yg_campaign *c, struct yg_campaign_stats *ret_stats)
{
	*ret_stats = (struct yg_campaign_stats){.pulses = c->pulses, .full = c->full};
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
		ret_stats->chains += c->victims[i].used;
		ret_stats->open += c->victims[i].used && c->chains[i].pulses >= YG_CAMPAIGN_PULSES;
	}
}

// ---- is it like ----

static bool is_incident(const struct yg_alert *a)
{
	return strncmp(a->kind, "dos.", 4) == 0 && strcmp(a->kind, "dos.campaign") != 0 && strcmp(a->kind, "dos.open_service") != 0 &&
	       !yg_target_is_summary(a);
}

static struct yg_campaign_victim victim_of(const struct yg_alert *a)
{
	bool by_source = a->key_source && a->source_af;
	uint8_t af = by_source ? a->source_af : a->af;
	return (struct yg_campaign_victim){
		.used = 1, .af = af, .org = a->org, .by_source = by_source,
		.addr = by_source ? a->source : a->target,
		.len = by_source ? (af == 6 ? 128 : 32) : a->target_len,
	};
}

static bool equal(const struct yg_campaign_victim *a, const struct yg_campaign_victim *b)
{
	return a->len == b->len && memcmp(&a->addr, &b->addr, sizeof a->addr) == 0 && (a->len || a->org == b->org);
}

static bool holds(const struct yg_campaign_victim *wide, const struct yg_campaign_victim *narrow)
{
	uint8_t widest = wide->af == 6 ? YG_CAMPAIGN_WIDEST_V6 : YG_CAMPAIGN_WIDEST_V4;
	return wide->len >= widest && wide->len < narrow->len && yg_address_within(&narrow->addr, &wide->addr, wide->len);
}

static bool same_victim(const struct yg_campaign_victim *a, const struct yg_campaign_victim *b)
{
	return a->used && a->af == b->af && a->by_source == b->by_source && (equal(a, b) || holds(a, b) || holds(b, a));
}

// The alert's vectors with their shares; one that lists none is its own.
static struct yg_campaign_facet facet_of(const struct yg_alert *a)
{
	struct yg_campaign_facet f = {0};
	for (unsigned i = 0; i < a->vectors_count && i < 6; i++) {
		memcpy(f.v[f.count].name, a->vectors[i].name, sizeof f.v[0].name);
		f.v[f.count++].share = a->vectors[i].share;
	}
	if (!f.count) {
		snprintf(f.v[0].name, sizeof f.v[0].name, "%s", a->vector[0] ? a->vector : a->kind);
		f.v[0].share = 1;
		f.count = 1;
	}
	return f;
}

static double dot(const struct yg_campaign_facet *a, const struct yg_campaign_facet *b)
{
	double sum = 0;
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned j = 0; j < b->count; j++)
			if (strncmp(a->v[i].name, b->v[j].name, sizeof a->v[i].name) == 0)
				sum += (double)a->v[i].share * (double)b->v[j].share;
	return sum;
}

static bool alike(const struct yg_campaign_chain *chain, const struct yg_campaign_facet *f)
{
	double own = dot(f, f);
	for (unsigned i = 0; i < chain->facets_count; i++) {
		double lengths = sqrt(own * dot(&chain->facets[i], &chain->facets[i]));
		if (lengths > 0 && dot(&chain->facets[i], f) / lengths >= YG_CAMPAIGN_ALIKE)
			return true;
	}
	return false;
}

// ---- which chain ----

enum fit { FIT_NOT, FIT_SAME_PULSE, FIT_NEXT_PULSE };

// start_ns: when the incident opened.
static enum fit fits(const struct yg_campaign_chain *chain, int64_t start_ns, bool like)
{
	if (start_ns < chain->last_start_ns - BACKWARDS_S * YG_NS_PER_S)
		return FIT_NOT; // the clock was set back, or an alert of long ago is heard of again
	if (chain->members_count || start_ns - chain->end_ns < YG_CAMPAIGN_GAP_MIN_S * YG_NS_PER_S)
		return FIT_SAME_PULSE;
	int64_t longest_s = chain->pulses >= YG_CAMPAIGN_PULSES ? YG_CAMPAIGN_QUIET_S : YG_CAMPAIGN_GAP_MAX_S;
	return like && start_ns - chain->end_ns <= longest_s * YG_NS_PER_S ? FIT_NEXT_PULSE : FIT_NOT;
}

// When the incident began. One that is heard of again, after a restart, and was opened more than once has the onset of its first time:
// where that lies within the chain, it was part of it all along, and belongs to the last pulse.
static int64_t start_of(const struct yg_campaign_chain *chain, const struct yg_alert *a)
{
	if (a->state == YG_ALERT_OPEN)
		return a->time_ns;
	bool within = a->first_ns >= chain->first_ns - BACKWARDS_S * YG_NS_PER_S && a->first_ns < chain->last_start_ns;
	return a->reopened && within ? chain->last_start_ns : a->first_ns;
}

// Of several that would do: one whose vectors are like it, then the one with most pulses, then the first.
static uint32_t find(const struct yg_campaign *c, const struct yg_campaign_victim *victim, const struct yg_campaign_facet *facet,
		     const struct yg_alert *a, enum fit *ret_fit)
{
	uint32_t best = NONE;
	bool best_like = false;
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
		if (!same_victim(&c->victims[i], victim))
			continue;
		const struct yg_campaign_chain *chain = &c->chains[i];
		bool like = alike(chain, facet);
		enum fit fit = fits(chain, start_of(chain, a), like);
		bool better = best == NONE || like > best_like || (like == best_like && chain->pulses > c->chains[best].pulses);
		if (fit == FIT_NOT || !better)
			continue;
		best = i;
		best_like = like;
		*ret_fit = fit;
	}
	return best;
}

static uint32_t chain_of_member(const struct yg_campaign *c, const struct yg_campaign_victim *victim, uint64_t id)
{
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
		if (!same_victim(&c->victims[i], victim))
			continue;
		for (unsigned m = 0; m < c->chains[i].members_count; m++)
			if (c->chains[i].members[m] == id)
				return i;
	}
	return NONE;
}

void yg_campaign_forget(struct yg_campaign *c, uint32_t slot)
{
	memset(&c->victims[slot], 0, sizeof c->victims[slot]);
	memset(&c->chains[slot], 0, sizeof c->chains[slot]);
}

// Whether `a` is the lesser loss.
static bool lesser(const struct yg_campaign_chain *a, const struct yg_campaign_chain *b)
{
	bool campaign_a = a->pulses >= YG_CAMPAIGN_PULSES, campaign_b = b->pulses >= YG_CAMPAIGN_PULSES;
	if (campaign_a != campaign_b)
		return campaign_b;
	if (!a->members_count != !b->members_count)
		return !a->members_count;
	return a->end_ns < b->end_ns;
}

static uint32_t place(struct yg_campaign *c)
{
	uint32_t least = 0;
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
		if (!c->victims[i].used)
			return i;
		if (lesser(&c->chains[i], &c->chains[least]))
			least = i;
	}
	c->full++;
	yg_campaign_forget(c, least);
	return least;
}

// ---- taking note ----

static double ratio_of(const struct yg_alert *a)
{
	return a->threshold > 0 ? fmax(a->observed, a->state == YG_ALERT_OPEN ? 0 : a->peak) / a->threshold : 0;
}

static void begin_pulse(struct yg_campaign *c, uint32_t slot, int64_t start_ns)
{
	struct yg_campaign_chain *chain = &c->chains[slot];
	if (chain->pulses) {
		int64_t gap_s = (start_ns - chain->last_start_ns + YG_NS_PER_S / 2) / YG_NS_PER_S;
		chain->gaps_s[chain->gaps_count++ % YG_CAMPAIGN_GAPS] = (uint32_t)(gap_s > 0 ? gap_s : 0);
		if (chain->gaps_count == 2 * YG_CAMPAIGN_GAPS)
			chain->gaps_count = YG_CAMPAIGN_GAPS;
	}
	chain->pulses += chain->pulses < UINT32_MAX;
	chain->worst = fmax(chain->worst, chain->current);
	chain->current = 0;
	chain->last_start_ns = start_ns;
	c->pulses++;
	if (chain->pulses >= YG_CAMPAIGN_PULSES) {
		chain->dirty = 1;
		c->dirty = true;
	}
	if (chain->pulses == YG_CAMPAIGN_PULSES)
		yg_campaign_name(c, slot);
}

static void join(struct yg_campaign *c, uint32_t slot, const struct yg_alert *a, const struct yg_campaign_victim *victim,
		 const struct yg_campaign_facet *facet)
{
	struct yg_campaign_chain *chain = &c->chains[slot];
	if (holds(victim, &c->victims[slot]))
		c->victims[slot] = *victim; // the attack is wider than it looked
	if (!alike(chain, facet) && chain->facets_count < YG_CAMPAIGN_FACETS)
		chain->facets[chain->facets_count++] = *facet;
	if (chain->members_count < YG_CAMPAIGN_MEMBERS)
		chain->members[chain->members_count++] = a->id;
}

// An alert that opened, or one that an engine before this one opened.
static uint32_t take_in(struct yg_campaign *c, const struct yg_alert *a, const struct yg_campaign_victim *victim)
{
	struct yg_campaign_facet facet = facet_of(a);
	enum fit fit = FIT_NEXT_PULSE;
	uint32_t slot = find(c, victim, &facet, a, &fit);
	if (slot == NONE) {
		slot = place(c);
		struct yg_campaign_chain *chain = &c->chains[slot];
		c->victims[slot] = *victim;
		chain->first_ns = a->reopened ? start_of(chain, a) : a->first_ns;
		chain->key_addr = victim->addr;
		chain->key_af = victim->af;
		chain->key_len = victim->len;
		fit = FIT_NEXT_PULSE;
	}
	join(c, slot, a, victim, &facet);
	if (fit == FIT_NEXT_PULSE)
		begin_pulse(c, slot, start_of(&c->chains[slot], a));
	return slot;
}

static void update(struct yg_campaign *c, struct yg_campaign_chain *chain, const struct yg_alert *a)
{
	chain->end_ns = a->last_ns > chain->end_ns ? a->last_ns : chain->end_ns;
	chain->current = fmax(chain->current, ratio_of(a));
	chain->severity = a->severity > chain->severity ? a->severity : chain->severity;
	chain->score = a->score > chain->score ? a->score : chain->score;
	chain->confidence = fmaxf(chain->confidence, a->confidence);
	chain->zone = a->zone;
	chain->sources_at_least = a->sources_at_least;
	chain->sample_packets = a->sample_packets;
	chain->top_count = a->top_count < YG_TOP_MAX ? a->top_count : YG_TOP_MAX;
	memcpy(chain->top, a->top, sizeof chain->top);
	bool ends = a->state == YG_ALERT_CLOSE, long_ago = a->time_ns - chain->raised_ns >= REFRESH_S * YG_NS_PER_S;
	if (chain->pulses >= YG_CAMPAIGN_PULSES && (ends || long_ago)) {
		chain->dirty = 1;
		c->dirty = true;
	}
}

static void leave(struct yg_campaign_chain *chain, uint64_t id)
{
	for (unsigned m = 0; m < chain->members_count; m++)
		if (chain->members[m] == id) {
			chain->members[m] = chain->members[--chain->members_count];
			return;
		}
}

// Worse than what people were told of when it became a campaign, and than all since.
static bool is_worse(const struct yg_campaign_chain *chain, const struct yg_alert *a)
{
	return chain->worst > 0 && ratio_of(a) >= YG_CAMPAIGN_WORSE * chain->worst;
}

static void say_worse(const struct yg_campaign_chain *chain, struct yg_alert *a)
{
	char ja[160], en[160];
	double times = fmin(ratio_of(a) / chain->worst, 1e6);
	snprintf(ja, sizeof ja, "これまでの%u回のうち最大のものの%.1f倍。", chain->pulses - 1, times);
	snprintf(en, sizeof en, " It is %.1f times the worst of the %u pulses before.", times, chain->pulses - 1);
	yg_lifecycle_text_clause(a, ja, en);
}

void yg_campaign_fill(struct yg_campaign *c, struct yg_alert *a)
{
	if (strcmp(a->kind, "dos.campaign") == 0)
		return; // our own, as it was raised
	a->campaign = 0;
	a->pulse = 0;
	if (!is_incident(a))
		return;
	bool shadow = a->mode == YG_MODE_SHADOW;
	struct yg_campaign_victim victim = victim_of(a);
	uint32_t slot = a->state == YG_ALERT_OPEN ? NONE : chain_of_member(c, &victim, a->id);
	if (slot == NONE && (shadow || a->state == YG_ALERT_CLOSE))
		return;
	if (shadow) { // a reload put it there: for people it is over, and its chain must not wait for more
		leave(&c->chains[slot], a->id);
		return;
	}
	if (slot == NONE)
		slot = take_in(c, a, &victim);
	struct yg_campaign_chain *chain = &c->chains[slot];
	update(c, chain, a);
	if (a->state == YG_ALERT_CLOSE)
		leave(chain, a->id);
	if (chain->pulses < YG_CAMPAIGN_PULSES)
		return;
	a->campaign = chain->id;
	a->pulse = chain->pulses;
	if (!is_worse(chain, a))
		return;
	a->mode = YG_MODE_PAGE;
	say_worse(chain, a);
}

bool yg_campaign_quietens(const struct yg_alert *alert)
{
	return alert->campaign && alert->pulse && alert->mode != YG_MODE_PAGE;
}

// ---- time ----

static void sweep(struct yg_campaign *c)
{
	for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
		const struct yg_campaign_chain *chain = &c->chains[i];
		if (!c->victims[i].used || chain->members_count)
			continue;
		int64_t quiet_s = chain->pulses >= YG_CAMPAIGN_PULSES ? YG_CAMPAIGN_QUIET_S : YG_CAMPAIGN_GAP_MAX_S;
		int64_t ago_ns = c->now_ns - chain->end_ns;
		if (ago_ns > quiet_s * YG_NS_PER_S || ago_ns < -quiet_s * YG_NS_PER_S) // the clock was set back
			yg_campaign_forget(c, i);
	}
}

void yg_campaign_tick(struct yg_campaign *c, int64_t second, yg_campaign_raise raise, void *context)
{
	c->now_ns = yg_time_from_s(second + 1).ns;
	if (second - c->swept_s >= SWEEP_S || second < c->swept_s) {
		sweep(c);
		c->swept_s = second;
	}
	for (uint32_t i = 0; c->dirty && i < YG_CAMPAIGN_CHAINS; i++) {
		struct yg_campaign_chain *chain = &c->chains[i];
		if (!c->victims[i].used || !chain->dirty)
			continue;
		struct yg_alert alert;
		yg_campaign_alert(c, i, &alert);
		chain->dirty = 0;
		chain->raised_ns = c->now_ns;
		raise(context, &alert);
	}
	c->dirty = false;
}
