// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Small questions to the YAML tree, each with its complaint. See compiler.h.
#include "config/compiler.h"

#include <string.h>

static const char *const kind_names[] = {"a single value", "a list", "a mapping"};

bool yg_node_is_mapping(struct yg_compiler *c, const struct yg_node *node, const char *path)
{
	if (node->kind == YG_NODE_MAPPING)
		return true;
	yg_complain(&c->report, node->at, path, "is %s; write `key: value` lines below it", kind_names[node->kind]);
	return false;
}

const char *yg_node_text(struct yg_compiler *c, const struct yg_node *node, const char *path)
{
	if (node->kind != YG_NODE_SCALAR) {
		yg_complain(&c->report, node->at, path, "is %s; write a single value", kind_names[node->kind]);
		return NULL;
	}
	if (node->none) {
		yg_complain(&c->report, node->at, path,
		            "has no value; write one, or \"\" for an empty text, or leave the key out");
		return NULL;
	}
	return node->text;
}

const struct yg_node *yg_node_items(struct yg_compiler *c, const struct yg_node *node, const char *path)
{
	if (node->kind == YG_NODE_LIST)
		return node->first;
	if (node->kind == YG_NODE_MAPPING) {
		yg_complain(&c->report, node->at, path, "is a mapping; write a list such as [a, b]");
		return NULL;
	}
	if (node->none)
		return NULL;
	// Alone in its list: a copy without the neighbours that follow it in the mapping.
	struct yg_node *only = yg_arena_take(&c->arena, sizeof *only);
	*only = *node;
	only->next = NULL;
	return only;
}

void yg_node_only(struct yg_compiler *c, const struct yg_node *node, const char *path, const char *const *keys)
{
	for (const struct yg_node *child = node->first; child; child = child->next) {
		struct yg_nearest nearest = {.word = child->key};
		const char *const *key = keys;
		for (; *key && strcmp(*key, child->key) != 0; key++)
			yg_nearest_offer(&nearest, *key);
		if (*key)
			continue;
		char name[256];
		snprintf(name, sizeof name, "%s%s%.128s", path, *path ? "." : "", child->key);
		if (nearest.best)
			yg_complain(&c->report, child->key_at, name, "unknown key; did you mean '%s'?", nearest.best);
		else
			yg_complain(&c->report, child->key_at, name, "unknown key; remove it");
	}
}
