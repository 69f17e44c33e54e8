// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// From nested mappings to the values of an option table. The nesting follows the dots of the paths, so that one walk
// serves the core's table and every plugin's. Defaults first, then the file, then the command line.
#include "config/compiler.h"

#include <string.h>

#include "config/value.h"

enum { PATH_MAX_BYTES = 128, PROBLEM_MAX = 512 };

static void set_value(struct yg_compiler *c, struct yg_option_set *set, uint32_t row, const char *text,
                      struct yg_place at)
{
	char problem[PROBLEM_MAX], name[PATH_MAX_BYTES * 2];
	snprintf(name, sizeof name, "%s%s", set->prefix, set->options[row].path);
	if (yg_value_parse(&set->options[row], text, &set->values[row], problem, sizeof problem) < 0)
		yg_complain(&c->report, at, name, "%s", problem);
	set->set_at[row] = at;
}

static struct yg_option_set make_set(struct yg_compiler *c, const char *prefix, const struct yg_option *options,
                                     uint32_t count)
{
	struct yg_option_set set = {.prefix = prefix, .options = options, .count = count};
	set.values = yg_arena_take(&c->arena, (count + 1) * sizeof *set.values);
	set.set_at = yg_arena_take(&c->arena, (count + 1) * sizeof *set.set_at);
	for (uint32_t i = 0; i < count; i++)
		set_value(c, &set, i, options[i].fallback, (struct yg_place){0});
	return set;
}

static int find_row(const struct yg_option_set *set, const char *path)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (strcmp(set->options[i].path, path) == 0)
			return (int)i;
	return -1;
}

static bool is_group(const struct yg_option_set *set, const char *path)
{
	size_t n = strlen(path);
	for (uint32_t i = 0; i < set->count; i++)
		if (strncmp(set->options[i].path, path, n) == 0 && set->options[i].path[n] == '.')
			return true;
	return false;
}

// Keys of the file that are no options, and have readers of their own.
static const char *const elsewhere[] = {"home", "organisations", "plugins", "modes", "shared_services", "suppressions", "calendar", NULL};

// Offers the keys that may stand at this level, and whole paths that end in the word: `timezone` means sensor.timezone.
static void complain_unknown(struct yg_compiler *c, const struct yg_option_set *set, const char *level,
                             struct yg_place at, const char *key)
{
	size_t n = strlen(level);
	char name[PATH_MAX_BYTES * 2], segments[YG_CONFIG_PLUGIN_OPTIONS_MAX][64];
	struct yg_nearest nearest = {.word = key};
	const char *whole = NULL;
	for (uint32_t i = 0; i < set->count && i < YG_CONFIG_PLUGIN_OPTIONS_MAX; i++) {
		const char *path = set->options[i].path;
		const char *last = strrchr(path, '.');
		if (last && strcmp(last + 1, key) == 0)
			whole = path;
		if (strncmp(path, level, n) != 0)
			continue;
		snprintf(segments[i], sizeof segments[i], "%.*s", (int)strcspn(path + n, "."), path + n);
		yg_nearest_offer(&nearest, segments[i]);
	}
	for (const char *const *p = elsewhere; !*set->prefix && !n && *p; p++)
		yg_nearest_offer(&nearest, *p);
	snprintf(name, sizeof name, "%s%s%.100s", set->prefix, level, key);
	if (whole && !nearest.best)
		yg_complain(&c->report, at, name, "unknown key; did you mean '%s%s'?", set->prefix, whole);
	else if (nearest.best)
		yg_complain(&c->report, at, name, "unknown key; did you mean '%s%s%s'?", set->prefix, level,
		            nearest.best);
	else
		yg_complain(&c->report, at, name, "unknown key; `yagura config reference` lists all of them");
}

static bool handled_elsewhere(const struct yg_option_set *set, const char *path)
{
	if (*set->prefix)
		return strcmp(path, "enabled") == 0;
	const char *const *p = elsewhere;
	while (*p && strcmp(path, *p) != 0)
		p++;
	return *p;
}

// `level` is "" or ends with a dot. Depth is bounded by YG_YAML_DEPTH.
static void walk(struct yg_compiler *c, struct yg_option_set *set, const struct yg_node *mapping, const char *level)
{
	for (const struct yg_node *child = mapping->first; child; child = child->next) {
		char path[PATH_MAX_BYTES], name[PATH_MAX_BYTES * 2];
		int n = snprintf(path, sizeof path - 1, "%s%s", level, child->key);
		bool fits = n > 0 && (size_t)n < sizeof path - 1;
		if (fits && handled_elsewhere(set, path))
			continue;
		int row = fits ? find_row(set, path) : -1;
		snprintf(name, sizeof name, "%s%s", set->prefix, path);
		if (row >= 0) {
			const char *text = yg_node_text(c, child, name);
			if (text)
				set_value(c, set, (uint32_t)row, text, child->at);
		} else if (!fits || !is_group(set, path)) {
			complain_unknown(c, set, level, child->key_at, child->key);
		} else if (!(child->kind == YG_NODE_SCALAR && child->none) && yg_node_is_mapping(c, child, name)) {
			memcpy(path + n, ".", 2);
			walk(c, set, child, path);
		}
	}
}

void yg_options_read(struct yg_compiler *c, const struct yg_node *root)
{
	walk(c, &c->core, root, "");
}

static struct yg_plugin_draft *find_plugin(struct yg_compiler *c, struct yg_place at, const char *name)
{
	struct yg_nearest nearest = {.word = name};
	for (size_t i = 0; i < c->input->plugins_count; i++) {
		if (strcmp(c->plugins[i].found->name, name) == 0)
			return &c->plugins[i];
		yg_nearest_offer(&nearest, c->plugins[i].found->name);
	}
	char key[PATH_MAX_BYTES];
	snprintf(key, sizeof key, "plugins.%.100s", name);
	if (nearest.best)
		yg_complain(&c->report, at, key, "no such plugin; did you mean '%s'?", nearest.best);
	else
		yg_complain(&c->report, at, key, "no such plugin; `yagura plugins` lists those installed");
	return NULL;
}

static const struct yg_option enabled_option = {.path = "enabled", .type = YG_OPT_BOOL};

static void set_enabled(struct yg_compiler *c, struct yg_plugin_draft *plugin, const char *text, struct yg_place at)
{
	char problem[PROBLEM_MAX], name[PATH_MAX_BYTES];
	union yg_value value;
	snprintf(name, sizeof name, "%senabled", plugin->set.prefix);
	if (yg_value_parse(&enabled_option, text, &value, problem, sizeof problem) < 0)
		yg_complain(&c->report, at, name, "%s", problem);
	else
		plugin->enabled = value.i;
}

void yg_plugins_read(struct yg_compiler *c, const struct yg_node *plugins)
{
	if (!plugins || (plugins->kind == YG_NODE_SCALAR && plugins->none) ||
	    !yg_node_is_mapping(c, plugins, "plugins"))
		return;
	for (const struct yg_node *child = plugins->first; child; child = child->next) {
		struct yg_plugin_draft *plugin = find_plugin(c, child->key_at, child->key);
		if (!plugin || (child->kind == YG_NODE_SCALAR && child->none))
			continue;
		char name[PATH_MAX_BYTES];
		snprintf(name, sizeof name, "plugins.%s", plugin->found->name);
		if (!yg_node_is_mapping(c, child, name))
			continue;
		const struct yg_node *enabled = yg_node_child(child, "enabled");
		snprintf(name, sizeof name, "plugins.%s.enabled", plugin->found->name);
		const char *text = enabled ? yg_node_text(c, enabled, name) : NULL;
		if (text)
			set_enabled(c, plugin, text, enabled->at);
		walk(c, &plugin->set, child, "");
	}
}

// A dotted path: complains about its first part that is no group.
static void complain_unknown_path(struct yg_compiler *c, const struct yg_option_set *set, struct yg_place at,
                                  const char *path)
{
	char level[PATH_MAX_BYTES] = "";
	size_t done = 0;
	for (;;) {
		size_t n = strcspn(path + done, ".");
		if (path[done + n] == '\0' || done + n + 2 > sizeof level)
			break;
		memcpy(level, path, done + n);
		level[done + n] = '\0';
		if (!is_group(set, level))
			break;
		memcpy(level + done + n, ".", 2);
		done += n + 1;
	}
	level[done] = '\0';
	complain_unknown(c, set, level, at, path + done);
}

static void override(struct yg_compiler *c, const char *key, const char *text)
{
	struct yg_place at = {"command line", 0, 0};
	struct yg_option_set *set = &c->core;
	const char *path = key;
	if (strncmp(key, "plugins.", 8) == 0) {
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(key + 8, "."), key + 8);
		struct yg_plugin_draft *plugin = find_plugin(c, at, name);
		if (!plugin)
			return;
		set = &plugin->set;
		path = key + 8 + strcspn(key + 8, ".");
		path += *path == '.';
		if (strcmp(path, "enabled") == 0) {
			set_enabled(c, plugin, text, at);
			return;
		}
	}
	int row = find_row(set, path);
	if (row >= 0)
		set_value(c, set, (uint32_t)row, text, at);
	else
		complain_unknown_path(c, set, at, path);
}

void yg_overrides_read(struct yg_compiler *c)
{
	for (size_t i = 0; i < c->input->overrides_count; i++)
		override(c, c->input->overrides[i][0], c->input->overrides[i][1]);
}

// A table that came with a shared object: what the rest of the compiler takes for granted.
static bool table_is_sound(struct yg_compiler *c, const struct yg_found_plugin *found)
{
	const struct yg_plugin *plugin = found->plugin;
	struct yg_place at = {found->path, 0, 0};
	if (plugin->options_count > YG_CONFIG_PLUGIN_OPTIONS_MAX) {
		yg_complain(&c->report, at, found->name, "has %u options; the host takes %d", plugin->options_count,
		            YG_CONFIG_PLUGIN_OPTIONS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < plugin->options_count; i++) {
		const struct yg_option *o = &plugin->options[i];
		bool sound = o->path && o->fallback && o->type <= YG_OPT_BPS && (o->type != YG_OPT_ENUM || o->values) &&
		             *o->path && strlen(o->path) < PATH_MAX_BYTES / 2 && strcmp(o->path, "enabled") != 0;
		if (sound)
			continue;
		yg_complain(&c->report, at, found->name,
		            "row %u of its option table is broken; install the plugin anew", i);
		return false;
	}
	return true;
}

void yg_compiler_init(struct yg_compiler *c, const struct yg_compile_input *input, FILE *errors)
{
	*c = (struct yg_compiler){.input = input, .report = {.out = errors}};
	c->core = make_set(c, "", yg_core_options, YG_O_COUNT);
	c->plugins = yg_arena_take(&c->arena, (input->plugins_count + 1) * sizeof *c->plugins);
	for (size_t i = 0; i < input->plugins_count; i++) {
		const struct yg_found_plugin *found = &input->plugins[i];
		char prefix[64];
		int n = snprintf(prefix, sizeof prefix, "plugins.%s.", found->name);
		uint32_t count = table_is_sound(c, found) ? found->plugin->options_count : 0;
		c->plugins[i] = (struct yg_plugin_draft){.found = found, .enabled = true};
		c->plugins[i].set =
		    make_set(c, yg_arena_text(&c->arena, prefix, (size_t)n), found->plugin->options, count);
	}
	if (input->plugins_count > YG_CONFIG_PLUGINS_MAX)
		yg_complain(&c->report, (struct yg_place){"plugins", 0, 0}, NULL,
		            "%zu are installed; remove some, %d are taken", input->plugins_count,
		            YG_CONFIG_PLUGINS_MAX);
}

void yg_compiler_finish(struct yg_compiler *c)
{
	yg_arena_finish(&c->arena);
}
