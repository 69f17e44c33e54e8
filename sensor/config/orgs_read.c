// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Organisations: one file a body, named in the configuration by path or by a pattern beside it. A pattern may stand in
// the last part of a path alone, and its files are taken in byte order, so that the same folder always compiles to
// the same block whatever the locale. What bodies say of each other is orgs_check.c's business.
#include "config/compiler.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

enum { PATH_BYTES = 4096, PROBLEM_MAX = 512 };

#define KINDS "prefecture|city|town|village|board|union|other"
#define MODELS "two_zone|alpha|alpha_prime|beta|beta_prime"

static const char *const org_keys[] = {"code",     "name", "kind",    "parent",  "members", "model",
                                       "prefixes", "line", "servers", "contact", "calendar", NULL};
static const char *const name_keys[] = {"ja", "kana", "en", NULL};

static const struct yg_option kind_option = {.path = "kind", .type = YG_OPT_ENUM, .values = KINDS};
static const struct yg_option model_option = {.path = "model", .type = YG_OPT_ENUM, .values = MODELS};
static const struct yg_option line_option = {
    .path = "line", .type = YG_OPT_BPS, .unit = "bit/s", .min = 64000, .max = 4e11};

// A text of `size` bytes with its NUL. False after a complaint.
static bool read_text(struct yg_compiler *c, const struct yg_node *node, const char *path, char *ret_text, size_t size)
{
	const char *text = yg_node_text(c, node, path);
	if (!text)
		return false;
	if (strlen(text) >= size) {
		yg_complain(&c->report, node->at, path, "is %zu bytes long; shorten it to %zu", strlen(text), size - 1);
		return false;
	}
	memcpy(ret_text, text, strlen(text) + 1);
	return true;
}

static const struct yg_node *need(struct yg_compiler *c, const struct yg_node *root, const char *parent_path,
                                  const char *key, const char *example)
{
	const struct yg_node *node = yg_node_child(root, key);
	char path[64];
	snprintf(path, sizeof path, "%s%s%s", parent_path, *parent_path ? "." : "", key);
	if (!node)
		yg_complain(&c->report, root->at, path, "is missing; add `%s: %s`", key, example);
	return node;
}

static void read_value(struct yg_compiler *c, const struct yg_node *node, const struct yg_option *option,
                       int64_t *ret_number)
{
	char problem[PROBLEM_MAX];
	union yg_value value;
	const char *text = node ? yg_node_text(c, node, option->path) : NULL;
	if (!text)
		return;
	if (yg_value_parse(option, text, &value, problem, sizeof problem) < 0)
		yg_complain(&c->report, node->at, option->path, "%s", problem);
	else
		*ret_number = value.i;
}

static bool code_is_sound(const char *code)
{
	return strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(code) && *code && *code != '-';
}

static void read_code(struct yg_compiler *c, const struct yg_node *root, struct yg_org_draft *draft)
{
	const struct yg_node *node = need(c, root, "", "code", "shiomi");
	if (!node || !read_text(c, node, "code", draft->org.code, sizeof draft->org.code))
		return;
	draft->at = node->at;
	if (code_is_sound(draft->org.code))
		return;
	yg_complain(&c->report, node->at, "code", "'%s' is not a code; use a-z, 0-9 and - (at most 15)",
	            draft->org.code);
	draft->org.code[0] = '\0';
}

static void read_names(struct yg_compiler *c, const struct yg_node *root, struct yg_org *org)
{
	const struct yg_node *names = need(c, root, "", "name", "{ja: 汐見市, kana: しおみし, en: Shiomi City}");
	if (!names || !yg_node_is_mapping(c, names, "name"))
		return;
	yg_node_only(c, names, "name", name_keys);
	const struct yg_node *ja = need(c, names, "name", "ja", "汐見市");
	const struct yg_node *en = need(c, names, "name", "en", "Shiomi City");
	const struct yg_node *kana = yg_node_child(names, "kana");
	if (ja)
		read_text(c, ja, "name.ja", org->name_ja, sizeof org->name_ja);
	if (en)
		read_text(c, en, "name.en", org->name_en, sizeof org->name_en);
	if (kana)
		read_text(c, kana, "name.kana", org->name_kana, sizeof org->name_kana);
}

static void read_org(struct yg_compiler *c, const struct yg_node *root)
{
	if (!yg_node_is_mapping(c, root, NULL))
		return;
	if (c->orgs_count == YG_ORGS_MAX_COUNT) {
		yg_complain(&c->report, root->at, "organisations", "more than %d bodies; remove some",
		            YG_ORGS_MAX_COUNT);
		return;
	}
	c->orgs = yg_arena_grow(&c->arena, c->orgs, c->orgs_count, &c->orgs_capacity, sizeof *c->orgs);
	struct yg_org_draft *draft = &c->orgs[c->orgs_count];
	*draft = (struct yg_org_draft){.root = root, .at = root->at, .org.parent = YG_ORG_NONE};
	yg_node_only(c, root, "", org_keys);
	read_code(c, root, draft);
	read_names(c, root, &draft->org);
	int64_t kind = YG_ORG_OTHER, model = YG_MODEL_ALPHA, line = 0;
	read_value(c, need(c, root, "", "kind", "city"), &kind_option, &kind);
	read_value(c, need(c, root, "", "model", "alpha"), &model_option, &model);
	draft->line = yg_node_child(root, "line");
	read_value(c, draft->line, &line_option, &line);
	draft->org.kind = (uint8_t)kind;
	draft->org.zone_model = (uint8_t)model;
	draft->org.line_bps = (uint64_t)line;
	const struct yg_node *contact = yg_node_child(root, "contact");
	if (contact)
		read_text(c, contact, "contact", draft->org.contact, sizeof draft->org.contact);
	draft->parent = yg_node_child(root, "parent");
	draft->members = yg_node_child(root, "members");
	draft->servers = yg_node_child(root, "servers");
	draft->calendar = yg_node_child(root, "calendar");
	draft->prefixes = need(c, root, "", "prefixes", "{internet: [203.0.113.0/24]}");
	c->orgs_count++;
	if (draft->prefixes)
		yg_org_prefixes_read(c, (uint16_t)(c->orgs_count - 1), draft->prefixes);
}

static void read_file(struct yg_compiler *c, const char *path)
{
	const struct yg_node *root = yg_yaml_read(&c->arena, &c->report, path, c->input->trusted_only);
	if (root)
		read_org(c, root);
	else
		c->incomplete = true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// The names in `folder` that match; as many as fit into `names`. Their number may be above `size`.
static int match_names(struct yg_compiler *c, const char *folder, const char *pattern, char **names, size_t size)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return -errno;
	size_t count = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0)
			continue;
		if (count < size)
			names[count] = yg_arena_text(&c->arena, entry->d_name, strlen(entry->d_name));
		count++;
	}
	closedir(dir);
	return (int)count;
}

static void read_pattern(struct yg_compiler *c, const struct yg_node *node, const char *path)
{
	static const char key[] = "organisations";
	char **names = yg_arena_take(&c->arena, YG_ORG_FILES_MAX * sizeof *names);
	char folder[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
	if (strpbrk(folder, "*?[")) {
		yg_complain(&c->report, node->at, key,
		            "a pattern in a folder's name; use * and ? in the last part only");
		return;
	}
	int count = match_names(c, folder, slash ? slash + 1 : path, names, YG_ORG_FILES_MAX);
	if (count < 0) {
		yg_complain(&c->report, node->at, key, "folder %s cannot be read (%s); check the path", folder,
		            strerror(-count));
		c->incomplete = true;
		return;
	}
	if (count == 0)
		yg_complain(&c->report, node->at, key,
		            "no file matches '%s'; check the path, it starts at the configuration file", path);
	if (count > YG_ORG_FILES_MAX) {
		yg_complain(&c->report, node->at, key, "'%s' matches %d files; at most %d are taken", path, count,
		            YG_ORG_FILES_MAX);
		return;
	}
	qsort(names, (size_t)count, sizeof *names, by_bytes);
	for (int i = 0; i < count; i++) {
		char file[PATH_BYTES];
		if ((size_t)snprintf(file, sizeof file, "%s%s", folder, names[i]) < sizeof file)
			read_file(c, file);
	}
}

// Paths start at the folder of the configuration file.
static bool resolve(struct yg_compiler *c, const char *text, char *ret_path, size_t size)
{
	const char *base = c->input->path ? c->input->path : "";
	const char *slash = strrchr(base, '/');
	int folder = text[0] == '/' || !slash ? 0 : (int)(slash - base) + 1;
	int n = snprintf(ret_path, size, "%.*s%s", folder, base, text);
	return n > 0 && (size_t)n < size;
}

void yg_orgs_read(struct yg_compiler *c, const struct yg_node *list)
{
	size_t files = 0;
	for (const struct yg_node *item = list ? yg_node_items(c, list, "organisations") : NULL; item;
	     item = item->next) {
		char path[PATH_BYTES];
		const char *text = yg_node_text(c, item, "organisations");
		if (!text)
			continue;
		if (!*text || !resolve(c, text, path, sizeof path)) {
			yg_complain(&c->report, item->at, "organisations", "is no path; name a file");
			continue;
		}
		if (++files > YG_ORG_FILES_MAX) {
			yg_complain(&c->report, item->at, "organisations", "more than %d entries; use a pattern",
			            YG_ORG_FILES_MAX);
			return;
		}
		if (strpbrk(text, "*?["))
			read_pattern(c, item, path);
		else
			read_file(c, path);
	}
}
