// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Live: what each body may ask for in a second, on one worker: records of its contacts, DNS messages and flows towards the aggregator, and
// places for flows that have shown nothing yet but payload from one side. What goes beyond is counted, and the aggregator is told how much
// of it there was. Flows that never came to anything get a quarter of the flow budget, so that a flood of them leaves the rest its records.
// A replay has no budgets.
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONTACTS = 4096, DNS = 8192, FLOWS = 16384, EMBRYONIC = FLOWS / 4 }; // FLOWS: both kinds together

int yg_worker_budget_create(struct yg_worker *w)
{
	w->bodies = w->o.config->orgs_count;
	w->budget = calloc(w->bodies + 1, sizeof *w->budget);
	w->budget_max[YG_BUDGET_CONTACT] = CONTACTS;
	w->budget_max[YG_BUDGET_DNS] = DNS;
	w->budget_max[YG_BUDGET_FLOW] = FLOWS - EMBRYONIC;
	w->budget_max[YG_BUDGET_EMBRYONIC] = EMBRYONIC;
	w->budget_max[YG_BUDGET_SHED_CONTACT] = YG_SHED_CONTACTS;
	w->budget_max[YG_BUDGET_SHED_FLOW] = YG_SHED_FLOWS;
	return w->budget ? 0 : -ENOMEM;
}

uint16_t yg_worker_org_of_tracked(const struct yg_worker *w, const struct yg_flow_entry *e)
{
	uint32_t prefix = e->prefix[1] ? e->prefix[1] : e->prefix[0];
	return prefix ? w->o.config->prefixes[prefix - 1].org : YG_ORG_NONE;
}

uint16_t yg_worker_org_of_key(struct yg_worker *w, const struct yg_flow_key *key, bool initiator_1)
{
	struct yg_end end;
	yg_rates_resolve(w->open.rates, key->af, &key->addr[!initiator_1], &end);
	if (end.org == YG_ORG_NONE)
		yg_rates_resolve(w->open.rates, key->af, &key->addr[initiator_1], &end);
	return end.org;
}

uint16_t yg_worker_org_of(struct yg_worker *w, uint32_t entry)
{
	const struct yg_flow_entry *e = yg_flow_entry(w->o.table, entry);
	if (e->record != YG_NO_RECORD)
		return yg_worker_org_of_tracked(w, e);
	uint16_t noted = yg_flow_noted(w->o.table, entry);
	return noted != YG_NOTE_NONE ? noted : yg_worker_org_of_key(w, &e->key, e->flags & YG_ENTRY_INITIATOR_1);
}

// What was asked in vain without being counted one by one.
static void add_spent(struct yg_budget_body *b)
{
	b->asked[YG_BUDGET_CONTACT] += b->spent[0];
	b->asked[YG_BUDGET_EMBRYONIC] += b->spent[0] + b->spent[1];
}

static void tell(struct yg_worker *w, uint32_t body)
{
	const struct yg_budget_body *b = &w->budget[body];
	struct yg_event *event = yg_worker_event(w, YG_EV_BUDGET, YG_STAGE_PACKET, w->order);
	if (!event)
		return;
	event->budget.second = w->second;
	event->budget.org = body < w->bodies ? (uint16_t)body : YG_ORG_NONE;
	for (unsigned i = 0; i < YG_BUDGET_KINDS; i++) {
		event->budget.asked[i] = b->asked[i];
		event->budget.seen[i] = b->asked[i] < w->budget_max[i] ? b->asked[i] : w->budget_max[i];
	}
}

void yg_worker_budget_second(struct yg_worker *w)
{
	for (uint32_t body = 0; body <= w->bodies; body++) {
		bool beyond = false;
		add_spent(&w->budget[body]);
		for (unsigned i = 0; i < YG_BUDGET_KINDS; i++)
			beyond |= w->budget[body].asked[i] > w->budget_max[i];
		if (beyond)
			tell(w, body);
	}
	memset(w->budget, 0, sizeof *w->budget * (w->bodies + 1));
}
