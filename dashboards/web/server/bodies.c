// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See bodies.h. The compiled block of the sensor stays mapped: its table of prefixes is what addresses are looked up in, so this process
// and the sensor cannot be of two minds about whose an address is. Codes are found by a hash table that only grows; its hash needs no key,
// because a code has 15 characters of 37, the table is twice as large as it can be filled, and who floods it has filled the registry first.
#include "bodies_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_read.h"
#include "config/address.h"
#include "config/lookup.h"

enum { NAME_BYTES = 127 };
enum text { JA, EN, KANA, CONTACT };

static const char *const kinds[] = {[YG_ORG_PREFECTURE] = "prefecture", [YG_ORG_CITY] = "city", [YG_ORG_TOWN] = "town",
				    [YG_ORG_VILLAGE] = "village", [YG_ORG_BOARD] = "board", [YG_ORG_UNION] = "union", [YG_ORG_OTHER] = "other"};
static const char *const zones[YG_ZONE_COUNT] = {"", "internet", "lgwan", "mynumber"};

// ---- codes ----

// The characters that a configuration may use: what an alert says is held to the same.
static bool code_is_sound(const char *code)
{
	size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n > 0 && n < sizeof ((struct web_body *)0)->code && code[n] == '\0' && *code != '-';
}

// Where the code stands in the table, or where it would.
static uint16_t *slot_of(const struct web_bodies *bodies, const char *code)
{
	size_t at = yg_hash_identity(code, strlen(code)) % WEB_BODY_SLOTS;
	while (bodies->slot[at] && strcmp(bodies->body[bodies->slot[at] - 1].code, code) != 0)
		at = (at + 1) % WEB_BODY_SLOTS;
	return (uint16_t *)&bodies->slot[at];
}

uint16_t web_body_find(const struct web_bodies *bodies, const char *code)
{
	uint16_t found = *slot_of(bodies, code);
	return found ? (uint16_t)(found - 1) : WEB_BODY_NONE;
}

static void set_bit(uint64_t words[WEB_BODY_WORDS], uint16_t at)
{
	words[at / 64] |= UINT64_C(1) << at % 64;
}

static uint16_t add(struct web_bodies *bodies, const char *code, bool declared)
{
	uint16_t *slot = slot_of(bodies, code);
	if (*slot)
		return (uint16_t)(*slot - 1);
	if (bodies->count == WEB_BODIES || (!declared && bodies->undeclared == WEB_BODIES_UNDECLARED)) {
		bodies->counters.full++;
		return WEB_BODY_NONE;
	}
	uint16_t at = (uint16_t)bodies->count++;
	struct web_body *body = &bodies->body[at];
	*body = (struct web_body){.name_ja = "", .name_en = "", .name_kana = "", .contact = "", .kind = "", .parent = WEB_BODY_NONE};
	memcpy(body->code, code, strlen(code) + 1);
	set_bit(body->seen_by, at);
	bodies->by_alerts[at] = !declared;
	bodies->undeclared += !declared;
	*slot = (uint16_t)(at + 1);
	return at;
}

// ---- texts ----

static void set_text(struct web_bodies *bodies, uint16_t at, enum text which, const char *from)
{
	struct web_body *body = &bodies->body[at];
	const char **const places[] = {[JA] = &body->name_ja, [EN] = &body->name_en, [KANA] = &body->name_kana, [CONTACT] = &body->contact};
	if (strcmp(*places[which], from) == 0)
		return;
	char text[NAME_BYTES + 1];
	yg_plain_text(text, sizeof text, from, strlen(from));
	char *copy = *text ? strdup(text) : NULL;
	free(bodies->texts[at][which]);
	bodies->texts[at][which] = copy;
	*places[which] = copy ? copy : "";
}

uint16_t web_body_intern(struct web_bodies *bodies, const char *code, const char *name_ja, const char *name_en)
{
	if (!code || !code_is_sound(code)) {
		bodies->counters.bad_code++;
		return WEB_BODY_NONE;
	}
	uint16_t at = add(bodies, code, false);
	if (at == WEB_BODY_NONE)
		return at;
	if (name_ja && !*bodies->body[at].name_ja)
		set_text(bodies, at, JA, name_ja);
	if (name_en && !*bodies->body[at].name_en)
		set_text(bodies, at, EN, name_en);
	return at;
}

// ---- the configuration ----

static void take_org(struct web_bodies *bodies, const struct yg_org *org, uint16_t *ret_at)
{
	uint16_t at = *ret_at = add(bodies, org->code, true);
	if (at == WEB_BODY_NONE)
		return;
	struct web_body *body = &bodies->body[at];
	bodies->undeclared -= bodies->by_alerts[at]; // alerts had named it before
	bodies->by_alerts[at] = false;
	body->declared = true;
	body->kind = org->kind < sizeof kinds / sizeof *kinds ? kinds[org->kind] : "other";
	body->line_bps = org->line_bps;
	set_text(bodies, at, JA, org->name_ja);
	set_text(bodies, at, EN, org->name_en);
	set_text(bodies, at, KANA, org->name_kana);
	set_text(bodies, at, CONTACT, org->contact);
}

static void link_org(struct web_bodies *bodies, const struct yg_org *org, uint16_t at)
{
	if (at == WEB_BODY_NONE)
		return;
	struct web_body *body = &bodies->body[at];
	body->parent = org->parent < bodies->config.orgs_count ? bodies->of_org[org->parent] : WEB_BODY_NONE;
	body->members_count = 0;
	for (unsigned i = 0; i < org->members_count && i < WEB_BODY_MEMBERS; i++)
		if (org->members[i] < bodies->config.orgs_count && bodies->of_org[org->members[i]] != WEB_BODY_NONE)
			body->members[body->members_count++] = bodies->of_org[org->members[i]];
}

// Itself, those above it, those that it spans; and what concerns one that it spans is not thereby seen by the others.
static void decide_who_sees(struct web_bodies *bodies, uint16_t at)
{
	struct web_body *body = &bodies->body[at];
	memset(body->seen_by, 0, sizeof body->seen_by);
	set_bit(body->seen_by, at);
	uint16_t above = body->parent;
	for (unsigned depth = 0; above != WEB_BODY_NONE && depth < WEB_BODIES; depth++) {
		set_bit(body->seen_by, above);
		above = bodies->body[above].parent;
	}
	for (unsigned i = 0; i < body->members_count; i++)
		set_bit(body->seen_by, body->members[i]);
}

static void take_config(struct web_bodies *bodies, const struct yg_config *config)
{
	if (bodies->config.block)
		yg_config_close(&bodies->config);
	bodies->config = *config;
	for (uint32_t i = 0; i < bodies->count; i++) {
		bodies->body[i].declared = false;
		bodies->body[i].parent = WEB_BODY_NONE;
		bodies->body[i].members_count = 0;
		bodies->body[i].zones = 0;
	}
	for (uint32_t i = 0; i < config->orgs_count; i++)
		take_org(bodies, &config->orgs[i], &bodies->of_org[i]);
	for (uint32_t i = 0; i < config->orgs_count; i++)
		link_org(bodies, &config->orgs[i], bodies->of_org[i]);
	for (uint32_t i = 0; i < config->prefixes_count; i++) {
		uint16_t at = config->prefixes[i].org < config->orgs_count ? bodies->of_org[config->prefixes[i].org] : WEB_BODY_NONE;
		if (at != WEB_BODY_NONE && config->prefixes[i].zone < YG_ZONE_COUNT)
			bodies->body[at].zones |= (uint8_t)(1u << config->prefixes[i].zone);
	}
	for (uint32_t i = 0; i < bodies->count; i++)
		decide_who_sees(bodies, (uint16_t)i);
	snprintf(bodies->timezone, sizeof bodies->timezone, "%s", yg_config_string(config, YG_O_SENSOR_TIMEZONE));
}

static int read_config(struct web_bodies *bodies)
{
	struct yg_config config;
	int result = web_config_load(bodies->path, &config);
	if (result == 0)
		take_config(bodies, &config);
	return result;
}

struct web_bodies *web_bodies_load(const char *config)
{
	struct web_bodies *bodies = calloc(1, sizeof *bodies);
	if (!bodies)
		return NULL;
	snprintf(bodies->timezone, sizeof bodies->timezone, "Asia/Tokyo");
	if (!config)
		return bodies;
	bodies->path = strdup(config);
	if (!bodies->path || read_config(bodies) < 0) {
		web_bodies_free(bodies);
		return NULL;
	}
	return bodies;
}

void web_bodies_free(struct web_bodies *bodies)
{
	if (!bodies)
		return;
	for (uint32_t i = 0; i < bodies->count; i++)
		for (unsigned t = 0; t < sizeof bodies->texts[i] / sizeof *bodies->texts[i]; t++)
			free(bodies->texts[i][t]);
	if (bodies->config.block)
		yg_config_close(&bodies->config);
	free(bodies->path);
	free(bodies);
}

int web_bodies_reload(struct web_bodies *bodies)
{
	int result = bodies->path ? read_config(bodies) : 0;
	bodies->counters.reloads += result == 0;
	bodies->counters.reloads_failed += result != 0;
	return result;
}

// ---- asking ----

const char *web_bodies_timezone(const struct web_bodies *bodies)
{
	return bodies->timezone;
}

struct web_bodies_counters web_bodies_counters(const struct web_bodies *bodies)
{
	return bodies->counters;
}

uint32_t web_bodies_count(const struct web_bodies *bodies)
{
	return bodies->count;
}

const struct web_body *web_body_at(const struct web_bodies *bodies, uint16_t at)
{
	return at < bodies->count ? &bodies->body[at] : NULL;
}

bool web_body_sees(const struct web_bodies *bodies, const struct web_view *view, uint16_t at)
{
	static const uint64_t nobody[WEB_BODY_WORDS];
	return web_access_sees(view, at < bodies->count ? bodies->body[at].seen_by : nobody);
}

void web_body_prefixes(const struct web_bodies *bodies, uint16_t at, void (*each)(void *context, const char *zone, const char *prefix),
		       void *context)
{
	const struct yg_config *config = &bodies->config;
	for (uint32_t i = 0; at < bodies->count && i < config->prefixes_count; i++) {
		const struct yg_prefix *p = &config->prefixes[i];
		if (p->org >= config->orgs_count || bodies->of_org[p->org] != at)
			continue;
		char text[YG_PREFIX_TEXT];
		each(context, p->zone < YG_ZONE_COUNT ? zones[p->zone] : "", yg_prefix_text(p->af, &p->addr, p->length, text));
	}
}

static uint16_t owner_of(const struct web_bodies *bodies, const struct yg_prefix *prefix)
{
	return prefix && prefix->org < bodies->config.orgs_count ? bodies->of_org[prefix->org] : WEB_BODY_NONE;
}

uint16_t web_body_of(const struct web_bodies *bodies, uint8_t af, const uint8_t address[16], bool *ret_inside)
{
	struct yg_addr addr;
	memcpy(addr.b, address, sizeof addr.b);
	const struct yg_prefix *prefix = bodies->config.prefixes_count ? yg_lookup_prefix(&bodies->config, af, &addr) : NULL;
	if (ret_inside)
		*ret_inside = prefix != NULL;
	return owner_of(bodies, prefix);
}

json_t *web_body_json(const struct web_bodies *bodies, uint16_t at)
{
	const struct web_body *body = web_body_at(bodies, at);
	if (!body)
		return json_null();
	return json_pack("{s:s, s:s, s:s}", "code", body->code, "name_ja", *body->name_ja ? body->name_ja : body->code, "name_en",
			 *body->name_en ? body->name_en : body->code);
}
