// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See context.h. Thread: the aggregator's.
#include "engine/context.h"

#include <errno.h>
#include <stdlib.h>

struct yg_context {
	struct yg_campaign *campaign;
	struct yg_blast *blast;
	struct yg_impact_watch *impact;
};

struct yg_context *yg_context_create(const struct yg_config *config, const struct yg_hash_key *key, const struct yg_hash_key *id_key)
{
	struct yg_context *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->campaign = yg_campaign_create(config, id_key);
	c->blast = yg_blast_create(config, key);
	c->impact = yg_impact_create(config, key);
	if (c->campaign && c->blast && c->impact)
		return c;
	yg_context_destroy(c);
	errno = ENOMEM;
	return NULL;
}

void yg_context_destroy(struct yg_context *c)
{
	if (!c)
		return;
	yg_campaign_destroy(c->campaign);
	yg_blast_destroy(c->blast);
	yg_impact_destroy(c->impact);
	free(c);
}

void yg_context_retune(struct yg_context *c, const struct yg_config *config)
{
	yg_campaign_retune(c->campaign, config);
	yg_blast_retune(c->blast, config);
	yg_impact_retune(c->impact, config);
}

void yg_context_flow(struct yg_context *c, const struct yg_flow *flow)
{
	yg_impact_flow(c->impact, flow);
}

void yg_context_contact(struct yg_context *c, const struct yg_contact *contact)
{
	yg_blast_contact(c->blast, contact);
	yg_impact_contact(c->impact, contact);
}

void yg_context_tick(struct yg_context *c, int64_t second, float one_way, yg_campaign_raise raise, void *raise_context)
{
	yg_blast_tick(c->blast, second);
	yg_impact_tick(c->impact, second, one_way);
	yg_campaign_tick(c->campaign, second, raise, raise_context);
}

void yg_context_fill(struct yg_context *c, struct yg_alert *alert)
{
	yg_impact_fill(c->impact, alert);
	yg_blast_fill(c->blast, alert);
	yg_campaign_fill(c->campaign, alert);
}

void yg_context_count(const struct yg_context *c, struct yg_counter *counters)
{
	struct yg_campaign_stats campaign;
	struct yg_blast_stats blast;
	struct yg_impact_stats impact;
	yg_campaign_stats(c->campaign, &campaign);
	yg_blast_stats(c->blast, &blast);
	yg_impact_stats(c->impact, &impact);
	yg_counter_set(&counters[YG_AC_CAMPAIGN_PULSES], campaign.pulses);
	yg_counter_set(&counters[YG_AC_CAMPAIGN_OPEN], campaign.open);
	yg_counter_set(&counters[YG_AC_CAMPAIGN_FULL], campaign.full);
	yg_counter_set(&counters[YG_AC_USE_PAIRS], blast.pairs);
	yg_counter_set(&counters[YG_AC_USE_FULL], blast.full);
	yg_counter_set(&counters[YG_AC_IMPACT_SERVICES], impact.services);
	yg_counter_set(&counters[YG_AC_IMPACT_FULL], impact.full);
	yg_counter_set(&counters[YG_AC_IMPACT_CLIENTS_FULL], impact.clients_full);
}

void yg_context_parts(struct yg_context *c, struct yg_state_part ret_parts[YG_CONTEXT_PARTS])
{
	ret_parts[0] = (struct yg_state_part){"campaigns", YG_CAMPAIGN_VERSION, yg_campaign_save_max(), c->campaign, yg_campaign_save,
					      yg_campaign_restore};
	ret_parts[1] = (struct yg_state_part){"use", YG_BLAST_VERSION, yg_blast_save_max(), c->blast, yg_blast_save, yg_blast_restore};
	ret_parts[2] = (struct yg_state_part){"impact", YG_IMPACT_VERSION, yg_impact_save_max(), c->impact, yg_impact_save,
					      yg_impact_restore};
}
