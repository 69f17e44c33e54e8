// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `modes`: what alerts of a kind ask of people. The mapping of a body goes before that of the bodies above it, and that
// before the configuration's own; within one, the narrower pattern goes first. Sorted here in that order, so that
// whoever asks takes the first that fits.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "model/kinds.h"

enum { PROBLEM_MAX = 512, KIND_BYTES = sizeof((struct yg_mode_rule *)0)->kind };

static const struct yg_option mode_option = {.path = "modes", .type = YG_OPT_ENUM, .values = "shadow|digest|alert|page"};

// The group of a kind as a pattern: "dos.*". Empty for a kind without a group.
static void group_of(const char *kind, char ret_pattern[KIND_BYTES + 2])
{
	const char *dot = strchr(kind, '.');
	snprintf(ret_pattern, KIND_BYTES + 2, "%.*s%s", dot ? (int)(dot - kind) + 1 : 0, kind, dot ? "*" : "");
}

bool yg_kind_read(struct yg_compiler *c, const char *text, struct yg_place at, const char *key, char *ret_kind)
{
	struct yg_nearest nearest = {.word = text};
	char groups[64][KIND_BYTES + 2];
	bool known = strcmp(text, "*") == 0;
	for (uint32_t i = 0; i < yg_kinds_count && !known; i++) {
		char *group = groups[i < 64 ? i : 63];
		group_of(yg_kinds[i].kind, group);
		known = strcmp(text, yg_kinds[i].kind) == 0 || (*group && strcmp(text, group) == 0);
		yg_nearest_offer(&nearest, yg_kinds[i].kind);
		if (*group && i < 63)
			yg_nearest_offer(&nearest, group);
	}
	if (known)
		memcpy(ret_kind, text, strlen(text) + 1);
	else if (nearest.best)
		yg_complain(&c->report, at, key, "'%.64s' is no kind of alert; did you mean '%s'?", text, nearest.best);
	else
		yg_complain(&c->report, at, key, "'%.64s' is no kind of alert; write one of docs/alerts.md, a group like \"dos.*\", or \"*\"", text);
	return known;
}

static void add(struct yg_compiler *c, const struct yg_mode_rule *rule, struct yg_place at)
{
	if (c->modes_count == YG_MODES_MAX) {
		if (!c->modes_full)
			yg_complain(&c->report, at, "modes", "more than %d in all; name groups such as \"dos.*\"", YG_MODES_MAX);
		c->modes_full = true;
		return;
	}
	c->modes = yg_arena_grow(&c->arena, c->modes, c->modes_count, &c->modes_capacity, sizeof *c->modes);
	c->modes[c->modes_count++] = (struct yg_mode_draft){*rule, at};
}

static void read_mapping(struct yg_compiler *c, const struct yg_node *mapping, uint16_t org)
{
	if (!mapping || (mapping->kind == YG_NODE_SCALAR && mapping->none) || !yg_node_is_mapping(c, mapping, "modes"))
		return;
	for (const struct yg_node *child = mapping->first; child; child = child->next) {
		struct yg_mode_rule rule = {.org = org};
		char problem[PROBLEM_MAX], name[64];
		union yg_value value;
		snprintf(name, sizeof name, "modes.%.40s", child->key);
		bool known = yg_kind_read(c, child->key, child->key_at, "modes", rule.kind);
		const char *text = yg_node_text(c, child, name);
		if (!text)
			continue;
		if (yg_value_parse(&mode_option, text, &value, problem, sizeof problem) < 0) {
			yg_complain(&c->report, child->at, name, "%s", problem);
			continue;
		}
		rule.mode = (uint8_t)value.i;
		if (known)
			add(c, &rule, child->key_at);
	}
}

static int by_width(const void *a, const void *b)
{
	const struct yg_mode_rule *x = &((const struct yg_mode_draft *)a)->rule, *y = &((const struct yg_mode_draft *)b)->rule;
	if (x->org != y->org)
		return x->org < y->org ? -1 : 1;
	int order = yg_kind_width(x->kind) - yg_kind_width(y->kind);
	return order ? order : strcmp(x->kind, y->kind);
}

void yg_modes_read(struct yg_compiler *c, const struct yg_node *root)
{
	for (size_t i = 0; i < c->orgs_count; i++)
		read_mapping(c, c->orgs[i].modes, (uint16_t)i);
	read_mapping(c, root ? yg_node_child(root, "modes") : NULL, YG_ORG_NONE);
	if (c->modes_count)
		qsort(c->modes, c->modes_count, sizeof *c->modes, by_width);
}
