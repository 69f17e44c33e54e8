// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The alert of a campaign: its numbers, its chart, and both sentences, made from the same numbers. Pure; the aggregator's thread.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "config/address.h"
#include "engine/campaign_table.h"
#include "engine/lifecycle_record.h"

enum { HOUR_S = 3600 };

// Shell sort: the libc's qsort may allocate.
static uint32_t median(uint32_t *v, uint32_t count)
{
	for (uint32_t gap = count / 2; gap; gap /= 2)
		for (uint32_t i = gap; i < count; i++) {
			uint32_t moving = v[i], j = i;
			for (; j >= gap && v[j - gap] > moving; j -= gap)
				v[j] = v[j - gap];
			v[j] = moving;
		}
	return count % 2 ? v[count / 2] : (uint32_t)(((uint64_t)v[count / 2 - 1] + v[count / 2]) / 2);
}

static uint32_t gaps_kept(const struct yg_campaign_chain *chain)
{
	return chain->gaps_count < YG_CAMPAIGN_GAPS ? chain->gaps_count : YG_CAMPAIGN_GAPS;
}

bool yg_campaign_period(struct yg_campaign *c, const struct yg_campaign_chain *chain, uint32_t *ret_period_s, uint32_t *ret_mad_s)
{
	uint32_t count = gaps_kept(chain);
	if (!count)
		return false;
	memcpy(c->sort, chain->gaps_s, count * sizeof c->sort[0]);
	uint32_t period = median(c->sort, count);
	for (uint32_t i = 0; i < count; i++)
		c->sort[i] = chain->gaps_s[i] > period ? chain->gaps_s[i] - period : period - chain->gaps_s[i];
	*ret_period_s = period;
	*ret_mad_s = median(c->sort, count);
	return true;
}

// "udp", or "udp+syn" when the first incident had several.
static void vectors_of(const struct yg_campaign_facet *f, char out[24])
{
	size_t at = 0;
	out[0] = 0;
	for (unsigned i = 0; i < f->count; i++) {
		size_t len = strnlen(f->v[i].name, sizeof f->v[i].name);
		if (at + len + 2 > 24)
			return;
		if (at)
			out[at++] = '+';
		memcpy(out + at, f->v[i].name, len);
		at += len;
		out[at] = 0;
	}
}

static void fill_key(const struct yg_campaign_chain *chain, struct yg_alert *a)
{
	memcpy(a->kind, "dos.campaign", sizeof "dos.campaign");
	memcpy(a->vector, chain->key_vector, sizeof a->vector);
	a->af = chain->key_af;
	a->target = chain->key_addr;
	a->target_len = chain->key_len;
}

void yg_campaign_name(struct yg_campaign *c, uint32_t slot)
{
	struct yg_campaign_chain *chain = &c->chains[slot];
	struct yg_alert a;
	vectors_of(&chain->facets[0], chain->key_vector);
	for (bool alone = false; !alone;) { // two campaigns of one victim whose vectors have the same names are two alerts
		alone = true;
		for (uint32_t i = 0; i < YG_CAMPAIGN_CHAINS; i++) {
			const struct yg_campaign_chain *other = &c->chains[i];
			if (i == slot || !c->victims[i].used || other->pulses < YG_CAMPAIGN_PULSES ||
			    strcmp(other->key_vector, chain->key_vector) != 0 || other->key_len != chain->key_len ||
			    memcmp(&other->key_addr, &chain->key_addr, sizeof other->key_addr) != 0)
				continue;
			size_t len = strlen(chain->key_vector);
			len = len < sizeof chain->key_vector - 1 ? len : sizeof chain->key_vector - 2;
			memcpy(chain->key_vector + len, "'", 2);
			alone = len + 2 >= sizeof chain->key_vector;
			break;
		}
	}
	memset(&a, 0, sizeof a);
	fill_key(chain, &a);
	chain->id = yg_lifecycle_id(&c->id_key, &a, chain->first_ns);
}

// Pulses of each hour, the last at the end; what is older than the gaps that are kept is not in it.
static void fill_series(const struct yg_campaign_chain *chain, struct yg_alert *a)
{
	int64_t last_h = chain->last_start_ns / YG_NS_PER_S / HOUR_S, start_s = chain->last_start_ns / YG_NS_PER_S;
	int64_t first_h = chain->first_ns / YG_NS_PER_S / HOUR_S;
	int64_t hours = last_h - first_h + 1;
	hours = hours < 1 ? 1 : hours > YG_SERIES_MAX ? YG_SERIES_MAX : hours;
	a->series_count = (uint8_t)hours;
	a->series_start = (last_h - hours + 1) * HOUR_S;
	a->series_step_s = HOUR_S;
	uint32_t kept = gaps_kept(chain);
	for (uint32_t back = 0;; back++) {
		int64_t at = start_s / HOUR_S - (last_h - hours + 1);
		if (at >= 0 && at < hours)
			a->series[at]++;
		if (back == kept)
			return;
		start_s -= chain->gaps_s[(chain->gaps_count - 1 - back) % YG_CAMPAIGN_GAPS];
	}
}

struct span {
	char ja[32], en[32];
};

static struct span span_of(uint64_t s)
{
	struct span t;
	if (s < 120) {
		snprintf(t.ja, sizeof t.ja, "%" PRIu64 "秒", s);
		snprintf(t.en, sizeof t.en, "%" PRIu64 " s", s);
	} else if (s < 7200) {
		snprintf(t.ja, sizeof t.ja, "%" PRIu64 "分", (s + 30) / 60);
		snprintf(t.en, sizeof t.en, "%" PRIu64 " min", (s + 30) / 60);
	} else if (s < 48 * HOUR_S) {
		snprintf(t.ja, sizeof t.ja, "%.1f時間", (double)s / HOUR_S);
		snprintf(t.en, sizeof t.en, "%.1f h", (double)s / HOUR_S);
	} else {
		snprintf(t.ja, sizeof t.ja, "%.1f日", (double)s / (24 * HOUR_S));
		snprintf(t.en, sizeof t.en, "%.1f days", (double)s / (24 * HOUR_S));
	}
	return t;
}

static void fill_text(const struct yg_config *config, bool from, struct yg_alert *a)
{
	char where[YG_PREFIX_TEXT] = "", org_ja[128] = "", org_en[128] = "";
	bool host = a->target_len == (a->af == 6 ? 128 : 32);
	const struct yg_org *org = a->org < config->orgs_count && config->orgs[a->org].name_ja[0] ? &config->orgs[a->org] : NULL;
	if (host)
		yg_address_text(a->af, &a->target, where);
	else if (a->target_len)
		yg_prefix_text(a->af, &a->target, a->target_len, where);
	if (org) {
		snprintf(org_ja, sizeof org_ja, where[0] ? "（%.96s）" : "%.96s", org->name_ja);
		snprintf(org_en, sizeof org_en, where[0] ? " (%.96s)" : "%.96s", org->name_en);
	}
	bool nobody = !where[0] && !org;
	struct span whole = span_of(a->window_s), period = span_of(a->period_s), mad = span_of(a->period_mad_s);
	snprintf(a->text_ja, sizeof a->text_ja,
		 "%s%s%s%s断続的な攻撃（%s）の疑い。%sで%u回（%d回以上で同一の攻撃キャンペーンと判断）、間隔はおおむね%s（ばらつき%s）。"
		 "次の攻撃は、前回の開始から%s後ごろの見込み。",
		 where, org_ja, nobody ? "回線" : "", from ? "からの" : "に", a->vector, whole.ja, a->pulse, YG_CAMPAIGN_PULSES, period.ja, mad.ja, period.ja);
	snprintf(a->text_en, sizeof a->text_en,
		 "Suspected campaign of attacks (%s) %s %s%s%s: %u pulses within %s (%d make a campaign), about every %s "
		 "(deviation %s). The next is to be expected about %s after the last one began.",
		 a->vector, from ? "coming from" : "against", where, org_en, nobody ? "the line" : "", a->pulse, whole.en,
		 YG_CAMPAIGN_PULSES, period.en, mad.en, period.en);
}

void yg_campaign_alert(struct yg_campaign *c, uint32_t slot, struct yg_alert *a)
{
	const struct yg_campaign_chain *chain = &c->chains[slot];
	memset(a, 0, sizeof *a);
	fill_key(chain, a);
	memcpy(a->runbook, a->kind, sizeof "dos.campaign");
	memcpy(a->technique, "T1498", sizeof "T1498");
	memcpy(a->unit, "pulses", sizeof "pulses");
	a->time_ns = c->now_ns;
	a->first_ns = chain->first_ns;
	a->severity = chain->severity;
	a->score = chain->score;
	a->confidence = chain->confidence;
	a->org = c->victims[slot].org;
	a->zone = chain->zone;
	a->observed = chain->pulses;
	a->threshold = YG_CAMPAIGN_PULSES;
	int64_t span_s = (chain->end_ns - chain->first_ns + YG_NS_PER_S - 1) / YG_NS_PER_S;
	a->window_s = (uint32_t)(span_s < 1 ? 1 : span_s > UINT32_MAX ? UINT32_MAX : span_s);
	a->sources_at_least = chain->sources_at_least;
	a->sample_packets = chain->sample_packets;
	a->top_count = chain->top_count;
	memcpy(a->top, chain->top, sizeof a->top);
	for (unsigned i = 0; i < chain->facets[0].count; i++, a->vectors_count++) {
		memcpy(a->vectors[i].name, chain->facets[0].v[i].name, sizeof a->vectors[i].name);
		a->vectors[i].share = chain->facets[0].v[i].share;
	}
	a->pulse = chain->pulses;
	if (yg_campaign_period(c, chain, &a->period_s, &a->period_mad_s))
		a->next_ns = chain->last_start_ns + (int64_t)a->period_s * YG_NS_PER_S;
	// Raised once before: people know of it, and whatever opens it again (another engine, a new table of open alerts) is no news.
	a->campaign = chain->raised_ns ? chain->id : 0;
	fill_series(chain, a);
	fill_text(c->config, c->victims[slot].by_source, a);
}
