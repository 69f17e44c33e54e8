// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The only door through which a block comes in. It was written by a process that read foreign text, so everything that
// a reader later takes for granted is established here: places, ends of strings, indexes, ranges, orders, and the chain
// of covers, which is computed anew and compared. After that nobody checks again.
#include "config/block.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "config/address.h"
#include "config/report.h"
#include "config/value.h"

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

struct yg_block_layout yg_block_layout_of(const struct yg_block_header *header)
{
	struct yg_block_layout l;
	size_t at = align8(sizeof *header);
#define X(name, record, ...)                                                                                              \
	l.name = at;                                                                                                               \
	at = align8(at + header->name##_count * sizeof(record));
	YG_BLOCK_REGIONS(X)
#undef X
	l.values = at;
	l.plugin_values = l.values + header->values_count * sizeof(uint64_t);
	l.texts = l.plugin_values + header->plugin_values_count * sizeof(uint64_t);
	l.size = l.texts + header->texts_size;
	return l;
}

uint64_t yg_block_hash(const void *block, size_t size)
{
	struct yg_block_header header;
	memcpy(&header, block, sizeof header);
	header.hash = 0;
	uint64_t parts[2] = {yg_hash_identity(&header, sizeof header),
	                     yg_hash_identity((const uint8_t *)block + sizeof header, size - sizeof header)};
	return yg_hash_identity(parts, sizeof parts);
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

// Ends with NUL inside its array and is printable UTF-8.
static bool text_is_sound(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	return length < size && yg_text_clean(text, length);
}

static bool address_is_sound(uint8_t af, const struct yg_addr *addr)
{
	return af == 6 || (af == 4 && is_zero(addr->b + 4, sizeof addr->b - 4));
}

static bool counts_are_sound(const struct yg_block_header *h)
{
	bool sound = true;
#define X(name, record, most, member) sound = sound && h->name##_count <= (most);
	YG_BLOCK_REGIONS(X)
#undef X
	return sound;
}

static bool header_is_sound(const struct yg_block_header *h, size_t size)
{
	return memcmp(h->magic, YG_BLOCK_MAGIC, sizeof h->magic) == 0 && h->version == YG_BLOCK_VERSION &&
	       h->values_count == YG_O_COUNT &&
	       h->options_fingerprint == yg_options_fingerprint(yg_core_options, YG_O_COUNT) &&
	       counts_are_sound(h) &&
	       h->plugin_values_count <= YG_CONFIG_PLUGINS_MAX * (YG_CONFIG_PLUGIN_OPTIONS_MAX + 1) &&
	       h->zone_steps_count >= 1 &&
	       h->texts_size >= 1 && h->texts_size <= YG_BLOCK_TEXTS &&
	       h->all_internal == (h->orgs_count == 0 && h->prefixes_count == 0) &&
	       is_zero(h->reserved, sizeof h->reserved) && yg_block_layout_of(h).size == size;
}

static bool parents_end(const struct yg_config *c, uint32_t i)
{
	uint16_t at = (uint16_t)i;
	for (uint32_t steps = 0; steps <= c->orgs_count; steps++) {
		if (at == YG_ORG_NONE)
			return true;
		if (at >= c->orgs_count)
			return false;
		at = c->orgs[at].parent;
	}
	return false;
}

static bool org_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_org *o = &c->orgs[i];
	if (!text_is_sound(o->code, sizeof o->code) || !o->code[0] || !text_is_sound(o->name_ja, sizeof o->name_ja) ||
	    !text_is_sound(o->name_kana, sizeof o->name_kana) || !text_is_sound(o->name_en, sizeof o->name_en) ||
	    !text_is_sound(o->contact, sizeof o->contact))
		return false;
	if (o->kind > YG_ORG_OTHER || o->zone_model > YG_MODEL_BETA_PRIME || o->force > 1 || o->reserved)
		return false;
	if (o->members_count > sizeof o->members / sizeof o->members[0])
		return false;
	for (uint16_t m = 0; m < o->members_count; m++)
		if (o->members[m] >= c->orgs_count)
			return false;
	return parents_end(c, i);
}

static int prefix_order(const struct yg_prefix *a, const struct yg_prefix *b)
{
	if (a->af != b->af)
		return a->af < b->af ? -1 : 1;
	int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
	return order ? order : (int)a->length - (int)b->length;
}

static bool prefix_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_prefix *p = &c->prefixes[i];
	if (!address_is_sound(p->af, &p->addr) || p->length == 0 || p->length > (p->af == 4 ? 32 : 128))
		return false;
	struct yg_addr masked = yg_address_mask(&p->addr, p->length);
	if (memcmp(&masked, &p->addr, sizeof masked) != 0 || p->reserved)
		return false;
	if (p->zone <= YG_ZONE_NONE || p->zone >= YG_ZONE_COUNT || (p->org != YG_ORG_NONE && p->org >= c->orgs_count))
		return false;
	if (i && prefix_order(p - 1, p) >= 0)
		return false;
	uint16_t cover = i ? (uint16_t)(i - 1) : 0xffff;
	while (cover != 0xffff && (c->prefixes[cover].af != p->af ||
	                           !yg_address_within(&p->addr, &c->prefixes[cover].addr, c->prefixes[cover].length)))
		cover = c->prefixes[cover].cover;
	return p->cover == cover;
}

static int service_order(const struct yg_service *a, const struct yg_service *b)
{
	if (a->af != b->af)
		return a->af < b->af ? -1 : 1;
	int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
	if (order)
		return order;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return (int)a->port - (int)b->port;
}

static bool service_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_service *s = &c->services[i];
	return address_is_sound(s->af, &s->addr) && s->org < c->orgs_count && s->role <= YG_ROLE_OTHER &&
	       !s->reserved && text_is_sound(s->name, sizeof s->name) && text_is_sound(s->zones, sizeof s->zones) &&
	       (i == 0 || service_order(s - 1, s) < 0);
}

// "dos.syn_flood", "dos.*" or "*".
static bool kind_is_sound(const char *kind, size_t size)
{
	return text_is_sound(kind, size) && kind[0];
}

static int mode_order(const struct yg_mode_rule *a, const struct yg_mode_rule *b)
{
	if (a->org != b->org)
		return a->org < b->org ? -1 : 1;
	int order = yg_kind_width(a->kind) - yg_kind_width(b->kind);
	return order ? order : strcmp(a->kind, b->kind);
}

static bool mode_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_mode_rule *r = &c->modes[i];
	return kind_is_sound(r->kind, sizeof r->kind) && (r->org == YG_ORG_NONE || r->org < c->orgs_count) && r->mode < YG_MODE_COUNT &&
	       is_zero(r->reserved, sizeof r->reserved) && (i == 0 || mode_order(r - 1, r) < 0);
}

static int shared_order(const struct yg_shared_service *a, const struct yg_shared_service *b)
{
	if (a->af != b->af)
		return a->af < b->af ? -1 : 1;
	int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
	if (order)
		return order;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return (int)a->port - (int)b->port;
}

static bool shared_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_shared_service *s = &c->shared[i];
	uint32_t bodies = 0;
	for (uint32_t word = 0; word < YG_AFFECTED_WORDS; word++) {
		uint32_t first = word * 64, known = c->orgs_count <= first ? 0 : c->orgs_count - first;
		if (known < 64 && s->bodies[word] >> known)
			return false;
		bodies += (uint32_t)__builtin_popcountll(s->bodies[word]);
	}
	return address_is_sound(s->af, &s->addr) && text_is_sound(s->name, sizeof s->name) && bodies == s->bodies_count && bodies &&
	       (i == 0 || shared_order(s - 1, s) < 0);
}

static bool plan_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_plan *p = &c->plans[i];
	bool once = p->from_s || p->to_s;
	if (p->what != YG_PLAN_WORK && p->what != YG_PLAN_BACKUP && p->what != YG_PLAN_SURGE && p->what != YG_PLAN_HOLIDAY)
		return false;
	if (once && (p->from_s >= p->to_s || p->days || p->from_min || p->to_min))
		return false;
	if (!once && (!p->days || p->days > 0x7f || p->from_min >= 1440 || p->to_min > 1440 || p->from_min == p->to_min))
		return false;
	return (p->org < c->orgs_count || p->org == YG_ORG_NONE) && (i == 0 || p[-1].org <= p->org) && text_is_sound(p->reason, sizeof p->reason);
}

static bool zone_step_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_zone_step *z = &c->zone_steps[i];
	return z->offset_s >= -86400 && z->offset_s <= 86400 && is_zero(z->reserved, sizeof z->reserved) &&
	       (i == 0 || z[-1].from_s < z->from_s);
}

// An address and a length, or nothing.
static bool scope_is_sound(uint8_t af, const struct yg_addr *addr, uint8_t length)
{
	if (af == 0)
		return length == 0 && is_zero(addr->b, sizeof addr->b);
	if (!address_is_sound(af, addr) || length == 0 || length > (af == 4 ? 32 : 128))
		return false;
	struct yg_addr masked = yg_address_mask(addr, length);
	return memcmp(&masked, addr, sizeof masked) == 0;
}

static bool suppression_is_sound(const struct yg_config *c, uint32_t i)
{
	const struct yg_suppression *s = &c->suppressions[i];
	bool texts = kind_is_sound(s->kind, sizeof s->kind) && text_is_sound(s->id, sizeof s->id) && s->id[0] &&
		     text_is_sound(s->owner, sizeof s->owner) && s->owner[0] && text_is_sound(s->reason, sizeof s->reason) && s->reason[0];
	// Both within 100,000 years of the epoch: their difference cannot overflow.
	bool times = s->since_s > -YG_TIME_LIMIT_S && s->since_s < s->expires_s && s->expires_s < YG_TIME_LIMIT_S &&
		     s->expires_s - s->since_s <= YG_SUPPRESSION_DAYS_MAX * INT64_C(86400);
	return texts && times && (s->org == YG_ORG_NONE || s->org < c->orgs_count) && scope_is_sound(s->target_af, &s->target, s->target_len) &&
	       scope_is_sound(s->source_af, &s->source, s->source_len) && !yg_suppression_is_wide(s) &&
	       (i == 0 || strcmp(s[-1].id, s->id) < 0);
}

static bool plugin_is_sound(const struct yg_config *c, uint32_t i, const struct yg_block_layout *layout)
{
	const struct yg_config_plugin *p = &c->plugins[i];
	if (!text_is_sound(p->name, sizeof p->name) || !p->name[0] || !text_is_sound(p->path, sizeof p->path) ||
	    p->enabled > 1 || !is_zero(p->reserved, sizeof p->reserved) ||
	    p->options_count > YG_CONFIG_PLUGIN_OPTIONS_MAX)
		return false;
	for (uint32_t other = 0; other < i; other++)
		if (strcmp(c->plugins[other].name, p->name) == 0)
			return false;
	size_t end = p->values + (p->options_count + (size_t)1) * sizeof(uint64_t);
	return p->values % sizeof(uint64_t) == 0 && p->values >= layout->plugin_values && end <= layout->texts;
}

static bool core_value_is_sound(const struct yg_config *c, uint32_t id, size_t texts)
{
	const struct yg_option *o = &yg_core_options[id];
	union yg_value value;
	if (o->type == YG_OPT_STRING) {
		if (c->values[id] < texts || c->values[id] >= c->size)
			return false;
		value.s = (const char *)c->block + c->values[id];
	} else {
		memcpy(&value, &c->values[id], sizeof c->values[id]);
	}
	return yg_value_possible(o, value);
}

static bool content_is_sound(const struct yg_config *c, const struct yg_block_layout *layout)
{
	bool sound = true;
	for (uint32_t i = 0; sound && i < c->orgs_count; i++)
		sound = org_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->prefixes_count; i++)
		sound = prefix_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->services_count; i++)
		sound = service_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->modes_count; i++)
		sound = mode_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->shared_count; i++)
		sound = shared_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->suppressions_count; i++)
		sound = suppression_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->plugins_count; i++)
		sound = plugin_is_sound(c, i, layout);
	for (uint32_t i = 0; sound && i < c->plans_count; i++)
		sound = plan_is_sound(c, i);
	for (uint32_t i = 0; sound && i < c->zone_steps_count; i++)
		sound = zone_step_is_sound(c, i);
	for (uint32_t i = 0; sound && i < YG_O_COUNT; i++)
		sound = core_value_is_sound(c, i, layout->texts);
	return sound;
}

int yg_block_check(const void *block, size_t size, struct yg_config *ret_config)
{
	struct yg_block_header header;
	if (size < sizeof header)
		return -EBADMSG;
	memcpy(&header, block, sizeof header);
	const uint8_t *bytes = block;
	if (!header_is_sound(&header, size) || bytes[size - 1] != '\0' || yg_block_hash(block, size) != header.hash)
		return -EBADMSG;
	struct yg_block_layout layout = yg_block_layout_of(&header);
	struct yg_config config = {
	    .block = block,
	    .size = size,
	    .values = (const void *)(bytes + layout.values),
#define X(name, ...) .name = (const void *)(bytes + layout.name), .name##_count = header.name##_count,
	    YG_BLOCK_REGIONS(X)
#undef X
	    .all_internal = header.all_internal,
	    .hash = header.hash,
	};
	if (!content_is_sound(&config, &layout))
		return -EBADMSG;
	*ret_config = config;
	return 0;
}
