// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the parts of the compiler share: the state of one compilation, from text to arrays. Private to config/.
// Order: options_read → orgs_read → servers_read → prefixes_check → zone_read → calendar_read → block_write. Every step runs to its end whatever
// the one before complained about, so that a person sees all errors at once. Thread: one.
#pragma once

#include "config/arena.h"
#include "config/compile.h"
#include "config/config.h"
#include "config/report.h"
#include "config/yaml.h"

enum { YG_ORGS_MAX_COUNT = 1024, YG_PREFIXES_MAX = 16384, YG_SERVICES_MAX = 16384, YG_ORG_FILES_MAX = 1024,
       YG_MODES_MAX = 4096, YG_SHARED_MAX = 1024, YG_PLANS_MAX = 4096, YG_SUPPRESSIONS_MAX = 4096, YG_SUPPRESSION_FILES_MAX = 256 };

// One table with its values: the core's, or a plugin's.
struct yg_option_set {
	const char *prefix; // "" or "plugins.dos."
	const struct yg_option *options;
	uint32_t count;
	union yg_value *values;
	struct yg_place *set_at; // one a row; file NULL: the default holds
};

struct yg_plugin_draft {
	const struct yg_found_plugin *found;
	struct yg_option_set set;
	bool enabled;
};

// A body with what only the compiler needs to know of it.
struct yg_org_draft {
	struct yg_org org;
	struct yg_place at; // of its code
	const struct yg_node *root, *parent, *members, *servers, *line, *prefixes, *modes, *thresholds, *calendar;
};

struct yg_prefix_draft {
	struct yg_prefix prefix;
	struct yg_place at;
};

struct yg_service_draft {
	struct yg_service service;
	struct yg_place at;
};

struct yg_mode_draft {
	struct yg_mode_rule rule;
	struct yg_place at;
};

struct yg_shared_draft {
	struct yg_shared_service shared;
	struct yg_place at;
};

struct yg_plan_draft {
	struct yg_plan plan;
	size_t order; // in which it was read
};

struct yg_suppression_draft {
	struct yg_suppression suppression;
	struct yg_place at;
};

struct yg_compiler {
	const struct yg_compile_input *input;
	struct yg_arena arena;
	struct yg_report report;
	struct yg_option_set core;
	struct yg_plugin_draft *plugins;
	struct yg_org_draft *orgs;
	struct yg_prefix_draft *prefixes;
	struct yg_service_draft *services;
	struct yg_mode_draft *modes;
	struct yg_shared_draft *shared;
	struct yg_plan_draft *plans;
	struct yg_suppression_draft *suppressions;
	size_t orgs_count, orgs_capacity;
	size_t prefixes_count, prefixes_capacity;
	size_t services_count, services_capacity;
	size_t modes_count, modes_capacity;
	size_t shared_count, shared_capacity;
	size_t plans_count, plans_capacity;
	struct yg_zone_step *zone_steps;
	uint32_t zone_steps_count;
	size_t suppressions_count, suppressions_capacity;
	bool prefixes_full, services_full, plans_full, modes_full, shared_full, suppressions_full; // said once
	bool incomplete;                   // a file could not be read: what others say of it cannot be judged
};

// options_read.c: defaults, then the file, then the command line; and what must hold between values.
void yg_compiler_init(struct yg_compiler *c, const struct yg_compile_input *input, FILE *errors);
void yg_compiler_finish(struct yg_compiler *c);
void yg_options_read(struct yg_compiler *c, const struct yg_node *root);
void yg_plugins_read(struct yg_compiler *c, const struct yg_node *plugins);
void yg_overrides_read(struct yg_compiler *c);

// learned_check.c
void yg_learned_check(struct yg_compiler *c);

// options_check.c
void yg_options_check(struct yg_compiler *c);

// orgs_read.c, orgs_check.c, servers_read.c, prefixes.c
void yg_orgs_read(struct yg_compiler *c, const struct yg_node *list);
void yg_orgs_check(struct yg_compiler *c);
void yg_servers_read(struct yg_compiler *c);
void yg_servers_check(struct yg_compiler *c);
void yg_home_read(struct yg_compiler *c, const struct yg_node *list);
void yg_org_prefixes_read(struct yg_compiler *c, uint16_t org, const struct yg_node *zones);
void yg_prefixes_check(struct yg_compiler *c);

// The body with this code, or YG_ORG_NONE after a complaint with a proposal.
uint16_t yg_org_named(struct yg_compiler *c, const struct yg_node *node, const char *key);

// modes_read.c: `modes` of the configuration and of bodies, once all bodies are known.
void yg_modes_read(struct yg_compiler *c, const struct yg_node *root);
// Reads "dos.syn_flood", "dos.*" or "*" into 32 bytes. False after a complaint with a proposal.
bool yg_kind_read(struct yg_compiler *c, const char *text, struct yg_place at, const char *key, char *ret_kind);

// thresholds_read.c: `thresholds` of bodies, and what their children inherit.
void yg_thresholds_read(struct yg_compiler *c);

// shared_read.c
void yg_shared_read(struct yg_compiler *c, const struct yg_node *list);

// suppressions_read.c
void yg_suppressions_read(struct yg_compiler *c, const struct yg_node *list);

// files.c: calls `read` with the tree of each file that a list names, by path or by a pattern in the last part of a path. Paths start at
// the folder of the configuration file; files of a pattern come in byte order. A file that cannot be read makes `incomplete`.
void yg_files_read(struct yg_compiler *c, const struct yg_node *list, const char *key, size_t most,
		   void (*read)(struct yg_compiler *c, const struct yg_node *root));

// calendar_read.c, zone_read.c: `list` is that of the main file. The zone comes first: entries are in local time.
void yg_zone_read(struct yg_compiler *c);
void yg_calendar_read(struct yg_compiler *c, const struct yg_node *list);
// "2026-12-01 22:00", or a day alone: from its beginning, or (`whole`) to its end. Local seconds since 1970.
bool yg_moment_parse(const char *text, bool whole, int64_t *ret_local);

// True when `org` is `ancestor` or lies below it. Safe on drafts with cycles.
bool yg_org_below(const struct yg_compiler *c, uint16_t org, uint16_t ancestor);

// block_write.c: 0 or a negative errno.
int yg_block_write(const struct yg_compiler *c, int fd);

// nodes.c: what every reader asks of a node. `path` is the key as the error shall name it.
bool yg_node_is_mapping(struct yg_compiler *c, const struct yg_node *node, const char *path);
// A scalar with a value, or NULL after a complaint.
const char *yg_node_text(struct yg_compiler *c, const struct yg_node *node, const char *path);
// The elements of a list, or the scalar itself as a list of one; chained by `next`. NULL: empty, or complained about.
const struct yg_node *yg_node_items(struct yg_compiler *c, const struct yg_node *node, const char *path);
// Complains about every key of a mapping that is not in `keys` (ended by NULL).
void yg_node_only(struct yg_compiler *c, const struct yg_node *node, const char *path, const char *const *keys);
