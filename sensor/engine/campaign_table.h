// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The chains behind campaigns. For campaign.c, campaign_alert.c and campaign_state.c alone.
#pragma once

#include "engine/campaign.h"

// What is compared with every incident that begins: side by side, away from the rest of the chains.
struct yg_campaign_victim {
	struct yg_addr addr;
	uint16_t org;
	uint8_t used, af, len;
	uint8_t by_source; // the alert's source, not its target: who sends from inside
};

struct yg_campaign_facet {
	uint32_t count;
	struct { char name[24]; float share; } v[6];
};

struct yg_campaign_chain {
	uint64_t id;            // context.id, once it is a campaign
	int64_t first_ns;       // onset of the first pulse
	int64_t last_start_ns;  // when the last pulse's first alert opened
	int64_t end_ns;         // when anything of it was last seen
	int64_t raised_ns;      // the campaign, last; 0: not yet
	double worst, current;  // times its threshold: any pulse but the last, the last
	uint32_t pulses, gaps_count;
	struct yg_addr key_addr;// target of the campaign's alert: that of its first pulse, whatever is found later
	char key_vector[24];
	uint8_t key_af, key_len;
	uint8_t members_count, facets_count;
	uint8_t severity, score, zone, dirty;
	uint8_t top_count, reserved[3];
	float confidence;
	uint32_t sources_at_least, sample_packets;
	struct yg_alert_top top[YG_TOP_MAX]; // of the last pulse
	uint64_t members[YG_CAMPAIGN_MEMBERS]; // context.id of its incidents that are open
	struct yg_campaign_facet facets[YG_CAMPAIGN_FACETS];
	uint32_t gaps_s[YG_CAMPAIGN_GAPS]; // a ring, by gaps_count
};

struct yg_campaign {
	const struct yg_config *config;
	struct yg_hash_key id_key;
	struct yg_campaign_victim victims[YG_CAMPAIGN_CHAINS];
	struct yg_campaign_chain *chains; // YG_CAMPAIGN_CHAINS
	int64_t now_ns;
	bool dirty;         // some chain is
	int64_t swept_s;    // when it was last looked for what is too old
	uint64_t pulses, full;
	uint32_t sort[YG_CAMPAIGN_GAPS];
};

// Median of the gaps, and of their distances from it. false: there are none.
bool yg_campaign_period(struct yg_campaign *c, const struct yg_campaign_chain *chain, uint32_t *ret_period_s, uint32_t *ret_mad_s);

// The alert of a campaign as it stands, without the host's fields.
void yg_campaign_alert(struct yg_campaign *c, uint32_t slot, struct yg_alert *ret_alert);

// What makes the campaign's alert this one: from here on it does not change.
void yg_campaign_name(struct yg_campaign *c, uint32_t slot);

void yg_campaign_forget(struct yg_campaign *c, uint32_t slot);
