// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What bodies say of each other: codes are unique, parents exist and form a tree (prefecture › city › board), unions
// span bodies that exist. Quadratic over at most 1,024 bodies, once per compilation.
#include "config/compiler.h"

#include <string.h>

enum { MEMBERS_MAX = sizeof((struct yg_org *)0)->members / sizeof(uint16_t) };

bool yg_org_below(const struct yg_compiler *c, uint16_t org, uint16_t ancestor)
{
	for (size_t steps = 0; org != YG_ORG_NONE && steps <= c->orgs_count; steps++) {
		if (org == ancestor)
			return true;
		org = c->orgs[org].org.parent;
	}
	return false;
}

static uint16_t find_code(const struct yg_compiler *c, const char *code)
{
	for (size_t i = 0; i < c->orgs_count; i++)
		if (strcmp(c->orgs[i].org.code, code) == 0 && *code)
			return (uint16_t)i;
	return YG_ORG_NONE;
}

uint16_t yg_org_named(struct yg_compiler *c, const struct yg_node *node, const char *key)
{
	const char *code = yg_node_text(c, node, key);
	if (!code)
		return YG_ORG_NONE;
	uint16_t org = find_code(c, code);
	if (org != YG_ORG_NONE || c->incomplete)
		return org;
	struct yg_nearest nearest = {.word = code};
	for (size_t i = 0; i < c->orgs_count; i++)
		yg_nearest_offer(&nearest, c->orgs[i].org.code);
	if (nearest.best)
		yg_complain(&c->report, node->at, key, "no body has the code '%.64s'; did you mean '%s'?", code,
		            nearest.best);
	else
		yg_complain(&c->report, node->at, key, "no body has the code '%.64s'; add its file to organisations",
		            code);
	return YG_ORG_NONE;
}

static void check_code(struct yg_compiler *c, size_t i)
{
	const struct yg_org_draft *draft = &c->orgs[i];
	uint16_t first = find_code(c, draft->org.code);
	if (first == YG_ORG_NONE || first >= i)
		return;
	yg_complain(&c->report, draft->at, "code",
	            "'%s' is taken by %s:%u; give each body its own code, list each file once", draft->org.code,
	            c->orgs[first].at.file, c->orgs[first].at.line);
}

static void check_parent(struct yg_compiler *c, size_t i)
{
	struct yg_org_draft *draft = &c->orgs[i];
	if (draft->org.kind == YG_ORG_PREFECTURE && draft->parent)
		yg_complain(&c->report, draft->parent->key_at, "parent", "a prefecture has none; remove the key");
	if (draft->org.kind == YG_ORG_BOARD && !draft->parent)
		yg_complain(&c->report, draft->at, "parent", "a board belongs to a body; add `parent: <its code>`");
	if (draft->parent)
		draft->org.parent = yg_org_named(c, draft->parent, "parent");
}

// After all parents are known: whoever comes back to itself is in a circle, and is taken out of it once reported.
static void check_circle(struct yg_compiler *c, size_t i)
{
	struct yg_org_draft *draft = &c->orgs[i];
	uint16_t parent = draft->org.parent;
	if (parent == YG_ORG_NONE || !yg_org_below(c, parent, (uint16_t)i))
		return;
	yg_complain(&c->report, draft->parent->at, "parent", "'%s' lies below '%s' itself; break the circle",
	            c->orgs[parent].org.code, draft->org.code);
	draft->org.parent = YG_ORG_NONE;
}

static bool is_member(const struct yg_org *org, uint16_t member)
{
	for (uint16_t i = 0; i < org->members_count; i++)
		if (org->members[i] == member)
			return true;
	return false;
}

static void add_member(struct yg_compiler *c, size_t i, const struct yg_node *item)
{
	struct yg_org *org = &c->orgs[i].org;
	uint16_t member = yg_org_named(c, item, "members");
	if (member == YG_ORG_NONE)
		return;
	if (member == i)
		yg_complain(&c->report, item->at, "members", "the union names itself; name the bodies that it spans");
	else if (is_member(org, member))
		yg_complain(&c->report, item->at, "members", "'%s' stands twice; keep one", item->text);
	else if (org->members_count == MEMBERS_MAX)
		yg_complain(&c->report, item->at, "members", "more than %d; remove some", (int)MEMBERS_MAX);
	else
		org->members[org->members_count++] = member;
}

static void check_members(struct yg_compiler *c, size_t i)
{
	const struct yg_org_draft *draft = &c->orgs[i];
	bool is_union = draft->org.kind == YG_ORG_UNION;
	if (!is_union && draft->members) {
		yg_complain(&c->report, draft->members->key_at, "members",
		            "only a union has members; remove the key or set `kind: union`");
		return;
	}
	const struct yg_node *items = draft->members ? yg_node_items(c, draft->members, "members") : NULL;
	if (is_union && !items)
		yg_complain(&c->report, draft->at, "members", "a union spans bodies; add `members: [code, code]`");
	for (; items; items = items->next)
		add_member(c, i, items);
}

void yg_orgs_check(struct yg_compiler *c)
{
	for (size_t i = 0; i < c->orgs_count; i++) {
		check_code(c, i);
		check_parent(c, i);
		check_members(c, i);
	}
	for (size_t i = 0; i < c->orgs_count; i++)
		check_circle(c, i);
}
