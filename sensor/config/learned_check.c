// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Thresholds against what is usual: a floor below twice the 95th percentile of a host that it is for says nothing any more, since the
// host's own threshold is five times that percentile; whoever wrote it believes in a limit that does not hold. Only `yagura check` knows
// what is usual (from a snapshot), so nothing that runs is ever refused for it. A body that means it says `force: true`.
#include "config/compiler.h"

#include <stdio.h>
#include <string.h>

#include "config/address.h"

#define LEAST_RATIO 2

static const char *const units[YG_USUAL_COUNT] = {"packets/s", "bit/s", "flows/s"};

static uint64_t floor_of(const struct yg_org *org, unsigned rate)
{
	return rate == 0 ? org->floor_packets : rate == 1 ? org->floor_bps : org->floor_flows;
}

static bool has_floors(const struct yg_org *org)
{
	return org->floor_packets || org->floor_bps || org->floor_flows;
}

static void say(struct yg_compiler *c, struct yg_place at, const char *key, double floor, const struct yg_usual *u, unsigned rate)
{
	char host[YG_ADDRESS_TEXT];
	yg_address_text(u->af[rate], &u->host[rate], host);
	yg_complain(&c->report, at, key,
		    "%.0f %s is less than twice what is usual for %s (%.0f, 95th percentile), so it decides nothing there; write %.0f or more, or "
		    "`force: true` in the thresholds of '%s'",
		    floor, units[rate], host, u->most[rate], u->most[rate] * LEAST_RATIO, u->code);
}

static void check_body(struct yg_compiler *c, const struct yg_org_draft *draft, const struct yg_usual *u)
{
	for (unsigned rate = 0; rate < YG_USUAL_COUNT; rate++) {
		double floor = (double)floor_of(&draft->org, rate);
		if (floor > 0 && floor < LEAST_RATIO * u->most[rate])
			say(c, draft->at, "thresholds", floor, u, rate);
	}
}

// A floor of the detector is for the hosts of all bodies that have none of their own.
static void check_detector(struct yg_compiler *c, const struct yg_usual *u)
{
	static const char *const paths[YG_USUAL_COUNT] = {"floor_packets", "floor_bits", "floor_flows"};
	for (size_t i = 0; i < c->input->plugins_count; i++) {
		const struct yg_option_set *set = &c->plugins[i].set;
		for (uint32_t row = 0; row < set->count; row++) {
			for (unsigned rate = 0; rate < YG_USUAL_COUNT; rate++) {
				char key[128];
				double floor = (double)set->values[row].i;
				bool meant = set->options[row].type == YG_OPT_INT || set->options[row].type == YG_OPT_BPS;
				if (!meant || !set->set_at[row].file || strcmp(set->options[row].path, paths[rate]) != 0 || floor <= 0 ||
				    floor >= LEAST_RATIO * u->most[rate])
					continue;
				snprintf(key, sizeof key, "%s%s", set->prefix, paths[rate]);
				say(c, set->set_at[row], key, floor, u, rate);
			}
		}
	}
}

void yg_learned_check(struct yg_compiler *c)
{
	struct yg_usual worst = {{0}};
	for (size_t i = 0; i < c->input->usual_count; i++) {
		const struct yg_usual *u = &c->input->usual[i];
		const struct yg_org_draft *draft = NULL;
		for (size_t k = 0; k < c->orgs_count && !draft; k++)
			if (strcmp(c->orgs[k].org.code, u->code) == 0)
				draft = &c->orgs[k];
		if (!draft || draft->org.force)
			continue;
		if (has_floors(&draft->org)) {
			check_body(c, draft, u);
			continue;
		}
		for (unsigned rate = 0; rate < YG_USUAL_COUNT; rate++) {
			if (u->most[rate] <= worst.most[rate])
				continue;
			worst.most[rate] = u->most[rate];
			worst.host[rate] = u->host[rate];
			worst.af[rate] = u->af[rate];
			memcpy(worst.code, u->code, sizeof worst.code);
		}
	}
	check_detector(c, &worst);
}
