// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Organisations: one file a body, named in the configuration (see files.c). What bodies say of each other is
// orgs_check.c's business; modes and thresholds are read when their parents are known.
#include "config/compiler.h"

#include <string.h>

#include "config/value.h"

enum { PROBLEM_MAX = 512 };

#define KINDS "prefecture|city|town|village|board|union|other"
#define MODELS "two_zone|alpha|alpha_prime|beta|beta_prime"

static const char *const org_keys[] = {"code",     "name", "kind",    "parent",  "members", "model",
                                       "prefixes", "line", "servers", "contact", "modes",  "thresholds", "calendar", NULL};
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
	draft->modes = yg_node_child(root, "modes");
	draft->thresholds = yg_node_child(root, "thresholds");
	draft->calendar = yg_node_child(root, "calendar");
	draft->prefixes = need(c, root, "", "prefixes", "{internet: [203.0.113.0/24]}");
	c->orgs_count++;
	if (draft->prefixes)
		yg_org_prefixes_read(c, (uint16_t)(c->orgs_count - 1), draft->prefixes);
}

void yg_orgs_read(struct yg_compiler *c, const struct yg_node *list)
{
	yg_files_read(c, list, "organisations", YG_ORG_FILES_MAX, read_org);
}
