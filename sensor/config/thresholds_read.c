// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `thresholds`: floors of a body's own, in place of those that follow from its line. What a body leaves out it has from
// the nearest body above that says it. A floor that its line can never carry would silence a detector for good and look
// like a choice: it is refused, also where it was inherited, unless `force` says that it is one.
#include "config/compiler.h"

#include <string.h>

#include "config/value.h"

// The smallest frame on the wire: 64 bytes, preamble 8, gap 12. A flow has a packet at least.
enum { WIRE_BITS_MIN = (64 + 8 + 12) * 8, PROBLEM_MAX = 512, FLOORS = 3 };

static const struct yg_option floor_options[FLOORS] = {
    {.path = "thresholds.packets", .type = YG_OPT_INT, .unit = "packets/s", .min = 1, .max = 1e9},
    {.path = "thresholds.bits", .type = YG_OPT_BPS, .unit = "bit/s", .min = 1000, .max = 4e11},
    {.path = "thresholds.flows", .type = YG_OPT_INT, .unit = "flows/s", .min = 1, .max = 1e9},
};
static const struct yg_option force_option = {.path = "thresholds.force", .type = YG_OPT_BOOL};
static const char *const keys[] = {"packets", "bits", "flows", "force", NULL};

static uint64_t *floor_of(struct yg_org *org, unsigned which)
{
	return which == 0 ? &org->floor_packets : which == 1 ? &org->floor_bps : &org->floor_flows;
}

static bool read_value(struct yg_compiler *c, const struct yg_node *node, const struct yg_option *option, int64_t *ret_number)
{
	char problem[PROBLEM_MAX];
	union yg_value value;
	const char *text = yg_node_text(c, node, option->path);
	if (!text)
		return false;
	if (yg_value_parse(option, text, &value, problem, sizeof problem) < 0) {
		yg_complain(&c->report, node->at, option->path, "%s", problem);
		return false;
	}
	*ret_number = value.i;
	return true;
}

static void read_own(struct yg_compiler *c, struct yg_org_draft *draft)
{
	const struct yg_node *mapping = draft->thresholds;
	int64_t number = 0;
	if (!mapping || (mapping->kind == YG_NODE_SCALAR && mapping->none) || !yg_node_is_mapping(c, mapping, "thresholds"))
		return;
	yg_node_only(c, mapping, "thresholds", keys);
	for (unsigned i = 0; i < FLOORS; i++) {
		const struct yg_node *node = yg_node_child(mapping, keys[i]);
		if (node && read_value(c, node, &floor_options[i], &number))
			*floor_of(&draft->org, i) = (uint64_t)number;
	}
	const struct yg_node *force = yg_node_child(mapping, keys[FLOORS]);
	if (force && read_value(c, force, &force_option, &number))
		draft->org.force = (uint8_t)number;
}

// The nearest body, itself included, that has a line of its own; else the egress. 0: nobody said.
static double line_of(const struct yg_compiler *c, size_t i)
{
	uint16_t at = (uint16_t)i;
	for (size_t steps = 0; at != YG_ORG_NONE && steps <= c->orgs_count; steps++) {
		if (c->orgs[at].org.line_bps)
			return (double)c->orgs[at].org.line_bps;
		at = c->orgs[at].org.parent;
	}
	return (double)c->core.values[YG_O_EGRESS_LINE].i;
}

// The nearest body, itself included, whose file says this floor; YG_ORG_NONE when none does.
static uint16_t teller_of(const struct yg_compiler *c, size_t i, unsigned which)
{
	uint16_t at = (uint16_t)i;
	for (size_t steps = 0; at != YG_ORG_NONE && steps <= c->orgs_count; steps++) {
		struct yg_org own = c->orgs[at].org;
		const struct yg_node *mapping = c->orgs[at].thresholds;
		bool said = mapping && mapping->kind == YG_NODE_MAPPING && yg_node_child(mapping, keys[which]);
		if (said && *floor_of(&own, which))
			return at;
		at = c->orgs[at].org.parent;
	}
	return YG_ORG_NONE;
}

static void check(struct yg_compiler *c, size_t i, unsigned which, uint16_t teller)
{
	struct yg_org_draft *draft = &c->orgs[i];
	double line = line_of(c, i), limit = which == 1 ? line : line / WIRE_BITS_MIN;
	double value = (double)*floor_of(&draft->org, which);
	if (!line || value <= limit || draft->org.force || c->orgs[teller].org.force)
		return;
	const char *path = floor_options[which].path, *unit = floor_options[which].unit;
	if (teller == i)
		yg_complain(&c->report, yg_node_child(draft->thresholds, keys[which])->at, path,
			    "%.0f %s can never be reached: the line of '%s' carries %.0f; lower it, mend `line`, or add `force: true`", value,
			    unit, draft->org.code, limit);
	else
		yg_complain(&c->report, draft->at, path,
			    "%.0f %s, inherited from '%s', can never be reached: the line of '%s' carries %.0f; add `thresholds` of its own",
			    value, unit, c->orgs[teller].org.code, draft->org.code, limit);
}

void yg_thresholds_read(struct yg_compiler *c)
{
	for (size_t i = 0; i < c->orgs_count; i++)
		read_own(c, &c->orgs[i]);
	// Tellers are found before any floor is passed on: what was inherited is nobody's word.
	for (size_t i = 0; i < c->orgs_count; i++) {
		for (unsigned which = 0; which < FLOORS; which++) {
			uint16_t teller = teller_of(c, i, which);
			if (teller == YG_ORG_NONE)
				continue;
			*floor_of(&c->orgs[i].org, which) = *floor_of(&c->orgs[teller].org, which);
			if (!c->orgs[i].thresholds)
				c->orgs[i].org.force |= c->orgs[teller].org.force;
			check(c, i, which, teller);
		}
	}
}
