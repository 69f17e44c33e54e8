// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A YAML file as a tree of nodes that know where they stand. The only file that includes <yaml.h> is yaml.c. No
// aliases, anchors, tags, second documents, duplicate keys or control characters; what remains is what a person writes.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/report.h"

enum { YG_YAML_BYTES = 256 * 1024, YG_YAML_DEPTH = 16, YG_YAML_EVENTS = 10000 };

enum yg_node_kind { YG_NODE_SCALAR, YG_NODE_LIST, YG_NODE_MAPPING };

// Lives in the arena. Texts end with NUL and are clean in the sense of yg_text_clean.
struct yg_node {
	enum yg_node_kind kind;
	struct yg_place at;     // of the value
	struct yg_place key_at; // of the key, where the parent is a mapping
	const char *key;
	const char *text;             // scalars
	bool none;                    // a plain scalar that YAML reads as null: nothing, ~, null
	struct yg_node *first, *next; // children, in file order
};

// Reads a file of at most YG_YAML_BYTES. The tree, or NULL after the errors were reported. An empty file is an empty
// mapping. `trusted_only`: a file that others than root or ourselves may write is an error, else a warning.
struct yg_node *yg_yaml_read(struct yg_arena *arena, struct yg_report *report, const char *path, bool trusted_only);

// The child of a mapping, or NULL.
struct yg_node *yg_node_child(const struct yg_node *mapping, const char *key);
