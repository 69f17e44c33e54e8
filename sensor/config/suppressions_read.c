// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Suppression files: lists of decisions not to be told of something, each with who decided, why, and until when. What
// could silence the sensor by accident is refused: no end, an end that is far away, no scope at all, a kind that does not
// exist. One that has expired is no error, for the sensor must start; whoever asked for the time is told to clear it away.
#include "config/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/calendar.h"

static const char key[] = "suppressions";
static const char *const keys[] = {"id", "kind", "org", "target", "source", "port", "owner", "reason", "since", "expires", NULL};

// The text at a key. NULL: it is not there (a complaint when it has to be), or is none.
static const char *text_of(struct yg_compiler *c, const struct yg_node *entry, const char *name, const char *example)
{
	const struct yg_node *node = yg_node_child(entry, name);
	char path[64];
	snprintf(path, sizeof path, "%s.%s", key, name);
	if (!node && example)
		yg_complain(&c->report, entry->at, path, "is missing; add `%s: %s`", name, example);
	return node ? yg_node_text(c, node, path) : NULL;
}

static void read_text(struct yg_compiler *c, const struct yg_node *entry, const char *name, const char *example, char *ret_text,
		      size_t size)
{
	const char *text = text_of(c, entry, name, example);
	char path[64];
	if (!text)
		return;
	snprintf(path, sizeof path, "%s.%s", key, name);
	if (!text[strspn(text, " ")])
		yg_complain(&c->report, yg_node_child(entry, name)->at, path, "is empty; write `%s: %s`", name, example);
	else if (strlen(text) >= size)
		yg_complain(&c->report, yg_node_child(entry, name)->at, path, "is %zu bytes long; shorten it to %zu", strlen(text), size - 1);
	else
		memcpy(ret_text, text, strlen(text) + 1);
}

static void read_id(struct yg_compiler *c, const struct yg_node *entry, struct yg_suppression *s)
{
	read_text(c, entry, "id", "backup-shiomi", s->id, sizeof s->id);
	if (strspn(s->id, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(s->id))
		return;
	yg_complain(&c->report, yg_node_child(entry, "id")->at, "suppressions.id", "'%s' is no name; use a-z, 0-9, '-', '_' and '.' (at most %zu)",
		    s->id, sizeof s->id - 1);
	s->id[0] = '\0';
}

// An address, or a prefix with nothing behind its length.
static bool read_scope(struct yg_compiler *c, const struct yg_node *entry, const char *name, uint8_t *ret_af, struct yg_addr *ret_addr,
		       uint8_t *ret_len)
{
	const char *text = text_of(c, entry, name, NULL);
	char path[64], whole[128], proper[YG_PREFIX_TEXT];
	struct yg_addr addr;
	if (!text)
		return true;
	struct yg_place at = yg_node_child(entry, name)->at;
	snprintf(path, sizeof path, "%s.%s", key, name);
	snprintf(whole, sizeof whole, "%.100s%s", text, strchr(text, '/') ? "" : strchr(text, ':') ? "/128" : "/32");
	if (yg_prefix_parse(whole, ret_af, &addr, ret_len) || *ret_len == 0) {
		yg_complain(&c->report, at, path, "'%.64s' is no address or prefix; write 203.0.113.10 or 203.0.113.0/24", text);
		return false;
	}
	*ret_addr = yg_address_mask(&addr, *ret_len);
	if (memcmp(ret_addr, &addr, sizeof addr) != 0) {
		yg_complain(&c->report, at, path, "'%.64s' has bits set behind its length; write %s", text,
			    yg_prefix_text(*ret_af, ret_addr, *ret_len, proper));
		return false;
	}
	return true;
}

static bool read_port(struct yg_compiler *c, const struct yg_node *entry, struct yg_suppression *s)
{
	const char *text = text_of(c, entry, "port", NULL);
	if (!text)
		return true;
	char *end;
	unsigned long port = strtoul(text, &end, 10);
	if (*end || text[0] < '0' || text[0] > '9' || strlen(text) > 5 || port == 0 || port > UINT16_MAX) {
		yg_complain(&c->report, yg_node_child(entry, "port")->at, "suppressions.port", "'%.32s' is no port; write 1 to 65535", text);
		return false;
	}
	s->port = (uint16_t)port;
	return true;
}

static bool read_time(struct yg_compiler *c, const struct yg_node *entry, const char *name, const char *example, bool day_end,
		      int64_t *ret_s)
{
	const char *text = text_of(c, entry, name, example);
	char path[64];
	if (!text)
		return false;
	const struct yg_config zone = {.zone_steps = c->zone_steps, .zone_steps_count = c->zone_steps_count};
	if (yg_moment_parse(text, day_end, ret_s)) {
		*ret_s = yg_zone_second(&zone, *ret_s);
		return true;
	}
	snprintf(path, sizeof path, "%s.%s", key, name);
	yg_complain(&c->report, yg_node_child(entry, name)->at, path, "'%.32s' is no day or time of the calendar; write %s", text, example);
	return false;
}

static void read_times(struct yg_compiler *c, const struct yg_node *entry, struct yg_suppression *s)
{
	bool since = read_time(c, entry, "since", "2026-12-01", false, &s->since_s);
	bool expires = read_time(c, entry, "expires", "2027-01-31, or \"2027-01-31 18:00\"", true, &s->expires_s);
	struct yg_place at = expires ? yg_node_child(entry, "expires")->at : entry->at;
	if (!since || !expires)
		return;
	if (s->expires_s <= s->since_s)
		yg_complain(&c->report, at, "suppressions.expires", "is not after `since`; write a later day");
	else if (s->expires_s - s->since_s > YG_SUPPRESSION_DAYS_MAX * INT64_C(86400))
		yg_complain(&c->report, at, "suppressions.expires",
			    "is more than %d days after `since`; write an earlier day, and renew the entry when it is due", YG_SUPPRESSION_DAYS_MAX);
	else if (c->input->now_s && s->expires_s <= c->input->now_s)
		yg_caution(&c->report, at, "suppressions: '%s' of %s has expired and hides nothing; remove it, or renew `since` and `expires`", s->id,
			   s->owner);
}

static void add(struct yg_compiler *c, const struct yg_suppression *s, struct yg_place at)
{
	if (c->suppressions_count == YG_SUPPRESSIONS_MAX) {
		if (!c->suppressions_full)
			yg_complain(&c->report, at, key, "more than %d in all; remove those that have expired", YG_SUPPRESSIONS_MAX);
		c->suppressions_full = true;
		return;
	}
	c->suppressions =
	    yg_arena_grow(&c->arena, c->suppressions, c->suppressions_count, &c->suppressions_capacity, sizeof *c->suppressions);
	c->suppressions[c->suppressions_count++] = (struct yg_suppression_draft){*s, at};
}

static void read_entry(struct yg_compiler *c, const struct yg_node *entry)
{
	struct yg_suppression s = {.kind = "*", .org = YG_ORG_NONE};
	if (!yg_node_is_mapping(c, entry, key))
		return;
	yg_node_only(c, entry, key, keys);
	read_id(c, entry, &s);
	read_text(c, entry, "owner", "情報政策課 山田", s.owner, sizeof s.owner);
	read_text(c, entry, "reason", "…", s.reason, sizeof s.reason);
	const char *kind = text_of(c, entry, "kind", NULL);
	bool scope = !kind || yg_kind_read(c, kind, yg_node_child(entry, "kind")->at, "suppressions.kind", s.kind);
	const struct yg_node *org = yg_node_child(entry, "org");
	if (org)
		s.org = yg_org_named(c, org, "suppressions.org");
	scope = scope && (!org || s.org != YG_ORG_NONE);
	scope = read_scope(c, entry, "target", &s.target_af, &s.target, &s.target_len) && scope;
	scope = read_scope(c, entry, "source", &s.source_af, &s.source, &s.source_len) && scope;
	scope = read_port(c, entry, &s) && scope;
	// Of an entry whose scope could not be read it is not said that it has none.
	if (scope && yg_suppression_is_wide(&s))
		yg_complain(&c->report, entry->at, key, "'%s' would hide every alert; name a kind, org, target, source or port", s.id);
	read_times(c, entry, &s);
	add(c, &s, entry->at);
}

static void read_file(struct yg_compiler *c, const struct yg_node *root)
{
	if (root->kind == YG_NODE_MAPPING && !root->first)
		return; // an empty file
	if (root->kind != YG_NODE_LIST) {
		yg_complain(&c->report, root->at, key, "is no list; write `- {id: …, kind: …, owner: …, reason: …, since: …, expires: …}` lines");
		return;
	}
	for (const struct yg_node *entry = root->first; entry; entry = entry->next)
		read_entry(c, entry);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct yg_suppression_draft *)a)->suppression.id, ((const struct yg_suppression_draft *)b)->suppression.id);
}

void yg_suppressions_read(struct yg_compiler *c, const struct yg_node *list)
{
	if (!list || (list->kind == YG_NODE_SCALAR && list->none))
		return;
	yg_files_read(c, list, key, YG_SUPPRESSION_FILES_MAX, read_file);
	if (c->suppressions_count)
		qsort(c->suppressions, c->suppressions_count, sizeof *c->suppressions, by_id);
	for (size_t i = 1; i < c->suppressions_count; i++) {
		const struct yg_suppression_draft *s = &c->suppressions[i], *before = s - 1;
		if (s->suppression.id[0] && by_id(before, s) == 0)
			yg_complain(&c->report, s->at, "suppressions.id", "'%s' stands at %s:%u too; each has a counter of its own, give it another name",
				    s->suppression.id, before->at.file, before->at.line);
	}
}
