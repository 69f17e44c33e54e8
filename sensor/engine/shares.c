// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See shares.h. Of every body the worst second of the last minute is kept, as one pair of sums over the workers for each kind.
#include "engine/shares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED_S = 60 };

struct share {
	int64_t second;
	uint64_t seen, asked;
};

struct yg_shares {
	uint32_t bodies;
	struct share (*of)[YG_BUDGET_KINDS]; // by body, the last for what belongs to none
};

struct yg_shares *yg_shares_create(const struct yg_config *config)
{
	struct yg_shares *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->bodies = config->orgs_count;
	s->of = calloc(s->bodies + 1, sizeof *s->of);
	if (s->of)
		return s;
	free(s);
	return NULL;
}

void yg_shares_destroy(struct yg_shares *s)
{
	if (!s)
		return;
	free(s->of);
	free(s);
}

static double ratio(uint64_t seen, uint64_t asked)
{
	return asked ? (double)seen / (double)asked : 1;
}

void yg_shares_note(struct yg_shares *s, const struct yg_budget_note *note)
{
	if (!s)
		return;
	for (unsigned kind = 0; kind < YG_BUDGET_KINDS; kind++) {
		struct share *h = &s->of[note->org < s->bodies ? note->org : s->bodies][kind];
		bool same = h->second == note->second, old = h->second < note->second - REMEMBERED_S;
		if (same) { // another worker's
			h->seen += note->seen[kind];
			h->asked += note->asked[kind];
		} else if (old || ratio(note->seen[kind], note->asked[kind]) <= ratio(h->seen, h->asked)) {
			*h = (struct share){note->second, note->seen[kind], note->asked[kind]};
		}
	}
}

double yg_shares_seen(const struct yg_shares *s, uint16_t org, uint32_t needs, int64_t second)
{
	static const uint32_t lives_on[YG_BUDGET_KINDS] = {YG_NEEDS_CONTACT, YG_NEEDS_DNS, YG_NEEDS_FLOW, YG_NEEDS_FLOW};
	double least = 1;
	for (unsigned kind = 0; s && kind < YG_BUDGET_KINDS; kind++) {
		const struct share *h = &s->of[org < s->bodies ? org : s->bodies][kind];
		double share = h->second >= second - REMEMBERED_S ? ratio(h->seen, h->asked) : 1;
		if (needs & lives_on[kind] && share < least)
			least = share;
	}
	return least;
}

static void add_text(char *text, size_t size, const char *more)
{
	size_t used = strnlen(text, size - 1);
	if (used + strlen(more) < size)
		memcpy(text + used, more, strlen(more) + 1);
}

void yg_shares_temper(const struct yg_shares *s, uint32_t needs, int64_t second, struct yg_alert *alert)
{
	char more[160];
	double seen = yg_shares_seen(s, alert->org, needs & YG_NEEDS_WINDOW ? 0 : needs, second);
	if (seen >= 1 || alert->hold)
		return;
	double percent = seen * 100 > 0.1 ? seen * 100 : 0.1;
	snprintf(more, sizeof more, " In a flood only %.*f %% of what this detector lives on was looked at.", percent < 10 ? 1 : 0, percent);
	add_text(alert->text_en, sizeof alert->text_en, more);
	snprintf(more, sizeof more, "大量通信のため、この検知の対象の%.*f%%のみを分析しました。", percent < 10 ? 1 : 0, percent);
	add_text(alert->text_ja, sizeof alert->text_ja, more);
}
