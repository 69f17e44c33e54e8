// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Address space: whose, and in which zone. After sorting (family, address, length) everything that contains a prefix
// stands before it, so one pass with a chain of covers finds every overlap: two prefixes either nest or are apart. May
// nest: a body's in its own or in a body's above it, both of one zone; anything in `home`. The longest match wins.
#include "config/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"

static const char *const zone_keys[] = {"internet", "lgwan", "mynumber", NULL};
static const uint8_t zone_values[] = {YG_ZONE_INTERNET, YG_ZONE_LGWAN, YG_ZONE_MYNUMBER};
static const char *const zone_names[] = {
    [YG_ZONE_INTERNET] = "internet", [YG_ZONE_LGWAN] = "lgwan", [YG_ZONE_MYNUMBER] = "mynumber"};

static bool parse(struct yg_compiler *c, const char *text, struct yg_place at, const char *key,
                  struct yg_prefix *ret_prefix)
{
	struct yg_prefix p = {0};
	struct yg_addr addr;
	char proper[YG_PREFIX_TEXT];
	int error = yg_prefix_parse(text, &p.af, &addr, &p.length);
	if (error) {
		yg_complain(&c->report, at, key,
		            error == -ERANGE
		                ? "'%.64s': the length is too large; /32 is an IPv4 host, /128 an IPv6 one"
		                : "'%.64s' is no prefix; write address/length, such as 203.0.113.0/24 or 2001:db8::/32",
		            text);
		return false;
	}
	if (p.length == 0) {
		yg_complain(&c->report, at, key,
		            "'%.64s' is every address there is; name the address space that is yours", text);
		return false;
	}
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (p.af == 6 && p.length >= 96 && memcmp(addr.b, mapped, sizeof mapped) == 0) {
		yg_complain(&c->report, at, key, "'%.64s' is IPv4 in IPv6 clothes; write it as IPv4", text);
		return false;
	}
	p.addr = yg_address_mask(&addr, p.length);
	if (memcmp(&p.addr, &addr, sizeof addr) != 0) {
		yg_complain(&c->report, at, key, "'%.64s' has bits set behind its length; write %s", text,
		            yg_prefix_text(p.af, &p.addr, p.length, proper));
		return false;
	}
	*ret_prefix = p;
	return true;
}

static void add(struct yg_compiler *c, struct yg_prefix prefix, struct yg_place at)
{
	if (c->prefixes_count == YG_PREFIXES_MAX) {
		if (!c->prefixes_full)
			yg_complain(&c->report, at, "prefixes", "more than %d in all; merge neighbours",
			            YG_PREFIXES_MAX);
		c->prefixes_full = true;
		return;
	}
	c->prefixes =
	    yg_arena_grow(&c->arena, c->prefixes, c->prefixes_count, &c->prefixes_capacity, sizeof *c->prefixes);
	c->prefixes[c->prefixes_count++] = (struct yg_prefix_draft){prefix, at};
}

static void read_list(struct yg_compiler *c, const struct yg_node *list, const char *key, uint16_t org, uint8_t zone)
{
	for (const struct yg_node *item = yg_node_items(c, list, key); item; item = item->next) {
		struct yg_prefix prefix;
		const char *text = yg_node_text(c, item, key);
		if (!text || !parse(c, text, item->at, key, &prefix))
			continue;
		prefix.org = org;
		prefix.zone = zone;
		add(c, prefix, item->at);
	}
}

void yg_org_prefixes_read(struct yg_compiler *c, uint16_t org, const struct yg_node *zones)
{
	if (!yg_node_is_mapping(c, zones, "prefixes"))
		return;
	yg_node_only(c, zones, "prefixes", zone_keys);
	size_t before = c->prefixes_count;
	int errors = c->report.errors;
	for (size_t i = 0; zone_keys[i]; i++) {
		const struct yg_node *list = yg_node_child(zones, zone_keys[i]);
		if (!list)
			continue;
		char key[32];
		snprintf(key, sizeof key, "prefixes.%s", zone_keys[i]);
		if (zone_values[i] == YG_ZONE_LGWAN && c->orgs[org].org.zone_model == YG_MODEL_TWO_ZONE &&
		    yg_node_items(c, list, key))
			yg_complain(&c->report, list->key_at, key,
			            "a two_zone body has no LGWAN zone; move the prefixes, or choose another model");
		read_list(c, list, key, org, zone_values[i]);
	}
	if (c->prefixes_count == before && c->report.errors == errors)
		yg_complain(&c->report, zones->at, "prefixes", "is empty; add `internet: [203.0.113.0/24]`");
}

void yg_home_read(struct yg_compiler *c, const struct yg_node *list)
{
	if (list)
		read_list(c, list, "home", YG_ORG_NONE, YG_ZONE_INTERNET);
	for (size_t i = 0; i < c->input->home_count; i++) {
		struct yg_place at = {"command line", 0, 0};
		struct yg_prefix prefix;
		const char *text = c->input->home[i];
		char host[128]; // on the command line an address alone is a host
		if (!strchr(text, '/') && strlen(text) < 64) {
			snprintf(host, sizeof host, "%s/%d", text, strchr(text, ':') ? 128 : 32);
			text = host;
		}
		if (!parse(c, text, at, "--home", &prefix))
			continue;
		prefix.org = YG_ORG_NONE;
		prefix.zone = YG_ZONE_INTERNET;
		add(c, prefix, at);
	}
}

// Containers before their contents; of equals the one that was read first.
static int by_address(const void *a, const void *b)
{
	const struct yg_prefix_draft *x = a, *y = b;
	if (x->prefix.af != y->prefix.af)
		return x->prefix.af < y->prefix.af ? -1 : 1;
	int order = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof x->prefix.addr);
	if (order)
		return order;
	if (x->prefix.length != y->prefix.length)
		return x->prefix.length < y->prefix.length ? -1 : 1;
	bool x_home = x->prefix.org == YG_ORG_NONE, y_home = y->prefix.org == YG_ORG_NONE;
	if (x_home != y_home)
		return x_home ? 1 : -1;
	int file = strcmp(x->at.file, y->at.file);
	if (file)
		return file;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return x->at.column < y->at.column ? -1 : x->at.column > y->at.column;
}

static const char *owner(const struct yg_compiler *c, const struct yg_prefix *p)
{
	return p->org == YG_ORG_NONE ? "home" : c->orgs[p->org].org.code;
}

static bool contains(const struct yg_prefix *outer, const struct yg_prefix *inner)
{
	return outer->af == inner->af && outer->length <= inner->length &&
	       yg_address_within(&inner->addr, &outer->addr, outer->length);
}

// Address space that the file declares already is no news on the command line.
static bool is_redundant(const struct yg_prefix_draft *p)
{
	return p->prefix.org == YG_ORG_NONE && p->at.line == 0;
}

static void check_pair(struct yg_compiler *c, const struct yg_prefix_draft *outer, const struct yg_prefix_draft *inner)
{
	char text[YG_PREFIX_TEXT], whole[YG_PREFIX_TEXT];
	const struct yg_prefix *o = &outer->prefix, *i = &inner->prefix;
	yg_prefix_text(i->af, &i->addr, i->length, text);
	yg_prefix_text(o->af, &o->addr, o->length, whole);
	if (o->length == i->length)
		yg_complain(&c->report, inner->at, "prefixes",
		            "%s of '%s' is declared already at %s:%u ('%s', %s); keep one", text, owner(c, i),
		            outer->at.file, outer->at.line, owner(c, o), zone_names[o->zone]);
	else if (o->org == YG_ORG_NONE)
		return;
	else if (i->org == YG_ORG_NONE)
		yg_complain(&c->report, inner->at, "home",
		            "%s lies within %s of '%s' (%s:%u) and would take it away; remove it", text, whole,
		            owner(c, o), outer->at.file, outer->at.line);
	else if (!yg_org_below(c, i->org, o->org))
		yg_complain(&c->report, inner->at, "prefixes",
		            "%s of '%s' lies within %s of '%s' (%s:%u); give it to one body, or set `parent: %s`", text,
		            owner(c, i), whole, owner(c, o), outer->at.file, outer->at.line, owner(c, o));
	else if (o->zone != i->zone)
		yg_complain(&c->report, inner->at, "prefixes",
		            "%s is %s, but lies within %s of '%s', which is %s (%s:%u); zones may not overlap", text,
		            zone_names[i->zone], whole, owner(c, o), zone_names[o->zone], outer->at.file,
		            outer->at.line);
}

static uint64_t number_of(const struct yg_prefix *p)
{
	return (uint64_t)p->addr.b[0] << 24 | (uint64_t)p->addr.b[1] << 16 | (uint64_t)p->addr.b[2] << 8 | p->addr.b[3];
}

// IPv4 space of `home` that bodies share out, but for holes: traffic there is internal and nobody's. Of IPv6 most is never given out.
static void check_holes(struct yg_compiler *c, size_t home)
{
	const struct yg_prefix *p = &c->prefixes[home].prefix;
	uint64_t next = number_of(p), end = next + (UINT64_C(1) << (32 - p->length)), missing = 0, first = 0;
	bool shared_out = false;
	for (size_t i = home + 1; i < c->prefixes_count && contains(p, &c->prefixes[i].prefix); i++) {
		const struct yg_prefix *part = &c->prefixes[i].prefix;
		if (part->cover != home)
			continue; // lies in one that does
		shared_out = true;
		first = missing ? first : next;
		missing += number_of(part) - next;
		next = number_of(part) + (UINT64_C(1) << (32 - part->length));
	}
	first = missing ? first : next;
	missing += end - next;
	if (!shared_out || !missing)
		return;
	char whole[YG_PREFIX_TEXT], hole[YG_ADDRESS_TEXT];
	const struct yg_addr at = {{(uint8_t)(first >> 24), (uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first}};
	yg_caution(&c->report, c->prefixes[home].at,
	           "home: %llu addresses of %s belong to no body, the first of them %s; give them to one, or leave them where that is meant",
	           (unsigned long long)missing, yg_prefix_text(4, &p->addr, p->length, whole), yg_address_text(4, &at, hole));
}

void yg_prefixes_check(struct yg_compiler *c)
{
	if (c->prefixes_count == 0)
		return;
	qsort(c->prefixes, c->prefixes_count, sizeof *c->prefixes, by_address);
	size_t kept = 0;
	for (size_t i = 0; i < c->prefixes_count; i++) {
		struct yg_prefix_draft draft = c->prefixes[i];
		uint16_t cover = kept ? (uint16_t)(kept - 1) : 0xffff;
		while (cover != 0xffff && !contains(&c->prefixes[cover].prefix, &draft.prefix))
			cover = c->prefixes[cover].prefix.cover;
		if (cover != 0xffff && is_redundant(&draft))
			continue;
		if (cover != 0xffff)
			check_pair(c, &c->prefixes[cover], &draft);
		draft.prefix.cover = cover;
		c->prefixes[kept++] = draft;
	}
	c->prefixes_count = kept;
	// For whoever checks: a replay need not say it each time.
	for (size_t i = 0; i < kept && c->input->now_s && !c->incomplete; i++)
		if (c->prefixes[i].prefix.org == YG_ORG_NONE && c->prefixes[i].prefix.af == 4)
			check_holes(c, i);
}
