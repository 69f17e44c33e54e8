// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See line.h. The sensor's own bounded reader hands over value by value, so no tree is built: 100,000 lines are read at each start.
#include "line.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "range.h"

enum field {
	F_TIMESTAMP, F_COMMUNITY,
	F_SRC_IP, F_SRC_PORT, F_DEST_IP, F_DEST_PORT, F_PROTO, F_APP, F_EVENT, F_TECHNIQUE, F_ID, F_KIND, F_STATE, F_SCORE,
	F_SEVERITY, F_CONFIDENCE, F_MODE, F_SLA, F_FIRST, F_LAST, F_COUNT, F_REOPENED, F_ORG, F_ORG_JA, F_ORG_EN, F_ORGS, F_ZONE, F_TARGET,
	F_VECTOR, F_IMPACT, F_CAMPAIGN, F_PULSE, F_RUN, F_SEQUENCE, F_TEXT_JA, F_TEXT_EN, F_AFFECTED, FIELDS,
};

// In two lists: what stands at the top, and what stands below alert.context, which most values do.
static const struct path {
	const char *name;
	enum field field;
} outer[] = {
	{"timestamp", F_TIMESTAMP}, {"src_ip", F_SRC_IP}, {"src_port", F_SRC_PORT}, {"dest_ip", F_DEST_IP}, {"dest_port", F_DEST_PORT},
	{"proto", F_PROTO}, {"app_proto", F_APP}, {"event_type", F_EVENT}, {"community_id", F_COMMUNITY},
	 {"alert.metadata.mitre_technique_id[]", F_TECHNIQUE}, {NULL, FIELDS},
}, context_paths[] = {
	{"id", F_ID}, {"kind", F_KIND}, {"state", F_STATE}, {"score", F_SCORE}, {"severity", F_SEVERITY}, {"confidence", F_CONFIDENCE},
	{"mode", F_MODE}, {"sla_minutes", F_SLA}, {"first_seen", F_FIRST}, {"last_seen", F_LAST}, {"count", F_COUNT}, {"reopened", F_REOPENED},
	{"org.code", F_ORG}, {"org.name_ja", F_ORG_JA}, {"org.name_en", F_ORG_EN}, {"orgs[]", F_ORGS}, {"zone", F_ZONE}, {"target", F_TARGET},
	{"vector", F_VECTOR}, {"impact.state", F_IMPACT}, {"campaign", F_CAMPAIGN}, {"pulse", F_PULSE}, {"run", F_RUN}, {"sequence", F_SEQUENCE},
	{"why.text_ja", F_TEXT_JA}, {"why.text_en", F_TEXT_EN}, {"affected_count", F_AFFECTED}, {NULL, FIELDS},
};

static const char *const severities[] = {"info", "low", "medium", "high", "critical", NULL};
static const char *const modes[] = {"shadow", "digest", "alert", "page", NULL};
static const char *const zones[] = {"", "internet", "lgwan", "mynumber", NULL};
static const char *const impacts[] = {"", "unknown", "absorbed", "degraded", "down", NULL};
static const char *const states[] = {"open", "update", "close", NULL};

struct reading {
	struct web_line *to;
	uint64_t seen;  // by field
	bool is_alert;
	char context_target[64];
	uint8_t dest[16], dest_af;
};

static const char *name_of(const char *const *names, unsigned count, unsigned at)
{
	return at < count ? names[at] : names[0];
}

const char *web_severity_name(unsigned severity)
{
	return name_of(severities, WEB_SEVERITIES, severity);
}

const char *web_mode_name(unsigned mode)
{
	return name_of(modes, WEB_MODES, mode);
}

const char *web_zone_name(unsigned zone)
{
	return name_of(zones, 4, zone);
}

const char *web_impact_name(unsigned impact)
{
	return impact && impact < WEB_IMPACTS ? impacts[impact] : NULL;
}

static bool word(const char *const *words, const char *text, uint8_t *ret)
{
	for (uint8_t i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

static bool hex(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789abcdef");
	if (n != 16 || text[n])
		return false;
	*ret = strtoull(text, NULL, 16);
	return true;
}

static uint64_t number(const struct yg_json_value *v, double most)
{
	double n = yg_json_number(v, 0);
	return n < 0 ? 0 : (uint64_t)(n > most ? most : n);
}

// As much as fits, cut at a character.
static void copy(char *to, size_t size, const struct yg_json_value *v)
{
	size_t n = v->is_text ? v->length : 0;
	if (n >= size)
		for (n = size - 1; n > 0 && ((unsigned char)v->text[n] & 0xc0) == 0x80;)
			n--;
	memcpy(to, v->text, n);
	to[n] = '\0';
}

// The unspecified address says: many, none or forged.
static uint8_t address(const char *text, uint8_t to[16])
{
	static const uint8_t none[16];
	memset(to, 0, 16);
	uint8_t af = strchr(text, ':') ? 6 : 4;
	if (inet_pton(af == 6 ? AF_INET6 : AF_INET, text, to) != 1 || memcmp(to, none, sizeof none) == 0) {
		memset(to, 0, 16);
		return 0;
	}
	return af;
}

static uint8_t protocol(const char *text)
{
	static const struct {
		char name[12];
		uint8_t number;
	} known[] = {{"TCP", 6}, {"UDP", 17}, {"ICMP", 1}, {"IPv6-ICMP", 58}, {"ICMPv6", 58}, {"GRE", 47}, {"ESP", 50}, {"SCTP", 132}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].name, text) == 0)
			return known[i].number;
	size_t n = strspn(text, "0123456789");
	unsigned long value = n && n < 4 && !text[n] ? strtoul(text, NULL, 10) : 0;
	return value < 256 ? (uint8_t)value : 0;
}

bool web_line_code(const char *text)
{
	size_t n = 0;
	for (; text[n]; n++) {
		char c = text[n];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
		if (!good || n + 1 == WEB_CODE_MAX)
			return false;
	}
	return n > 0;
}

static void take_org(struct web_line *l, const struct yg_json_value *v)
{
	if (v->is_text && l->orgs_count < WEB_LINE_ORGS && web_line_code(v->text))
		memcpy(l->orgs[l->orgs_count++], v->text, v->length + 1);
	else
		l->orgs_left_out++;
}

static enum field field_of(const char *path)
{
	const char *inner = strncmp(path, "alert.context.", 14) == 0 ? path + 14 : NULL;
	const struct path *p = inner ? context_paths : outer;
	const char *name = inner ? inner : path;
	while (p->name && (p->name[0] != name[0] || strcmp(p->name, name) != 0))
		p++;
	return p->field;
}

static bool take_text(struct reading *r, enum field field, const struct yg_json_value *v)
{
	struct web_line *l = r->to;
	switch (field) {
	case F_KIND: copy(l->kind, sizeof l->kind, v); return l->kind[0];
	case F_COMMUNITY: copy(l->community, sizeof l->community, v); return true;
	case F_APP: copy(l->app, sizeof l->app, v); return true;
	case F_TECHNIQUE: copy(l->technique, sizeof l->technique, v); return true;
	case F_VECTOR: copy(l->vector, sizeof l->vector, v); return true;
	case F_ORG: copy(l->org, sizeof l->org, v); return true;
	case F_ORG_JA: copy(l->org_ja, sizeof l->org_ja, v); return true;
	case F_ORG_EN: copy(l->org_en, sizeof l->org_en, v); return true;
	case F_ORGS: take_org(l, v); return true;
	case F_TEXT_JA: copy(l->text_ja, sizeof l->text_ja, v); return true;
	case F_TEXT_EN: copy(l->text_en, sizeof l->text_en, v); return true;
	case F_TARGET: copy(r->context_target, sizeof r->context_target, v); return true;
	default: return false;
	}
}

static bool take_form(struct reading *r, enum field field, const struct yg_json_value *v)
{
	struct web_line *l = r->to;
	uint8_t state;
	switch (field) {
	case F_TIMESTAMP: return web_time_parse(v->text, &l->time_ns);
	case F_FIRST: return web_time_parse(v->text, &l->first_ns);
	case F_LAST: return web_time_parse(v->text, &l->last_ns);
	case F_EVENT: r->is_alert = strcmp(v->text, "alert") == 0; return true;
	case F_SRC_IP: l->source_af = address(v->text, l->source); return true;
	case F_DEST_IP: r->dest_af = address(v->text, r->dest); return true;
	case F_PROTO: l->proto = protocol(v->text); return true;
	case F_ID: return hex(v->text, &l->id);
	case F_CAMPAIGN: return hex(v->text, &l->campaign);
	case F_SEVERITY: return word(severities, v->text, &l->severity);
	case F_MODE: return word(modes, v->text, &l->mode);
	case F_ZONE: return word(zones, v->text, &l->zone);
	case F_IMPACT: return word(impacts, v->text, &l->impact);
	case F_STATE:
		if (!word(states, v->text, &state))
			return false;
		l->state = state == 2 ? WEB_ALERT_CLOSED : WEB_ALERT_OPEN;
		return true;
	default: return take_text(r, field, v);
	}
}

static bool take_word(struct reading *r, enum field field, const struct yg_json_value *v)
{
	struct web_line *l = r->to;
	switch (field) {
	case F_SRC_PORT: l->source_port = (uint16_t)number(v, 65535); return true;
	case F_DEST_PORT: l->target_port = (uint16_t)number(v, 65535); return true;
	case F_SCORE: l->score = (uint8_t)number(v, 100); return true;
	case F_SLA: l->sla_minutes = (uint16_t)number(v, 65535); return true;
	case F_COUNT: l->count = (uint32_t)number(v, UINT32_MAX); return true;
	case F_REOPENED: l->reopened = (uint8_t)number(v, 255); return true;
	case F_RUN: l->run = number(v, 9e15); return true;
	case F_SEQUENCE: l->sequence = number(v, 9e15); return true;
	case F_PULSE: l->pulse = (uint16_t)number(v, 65535); return true;
	case F_AFFECTED: l->affected_count = (uint32_t)number(v, UINT32_MAX); return true;
	case F_CONFIDENCE:
		l->confidence = yg_json_number(v, 0);
		l->confidence = l->confidence < 0 ? 0 : l->confidence > 1 ? 1 : l->confidence;
		return true;
	default: return false;
	}
}

static void take(void *context, const struct yg_json_value *v)
{
	struct reading *r = context;
	enum field field = field_of(v->path);
	// the first of its kind counts: a key that stands twice says nothing new
	if (field == FIELDS || (field != F_ORGS && r->seen >> field & 1))
		return;
	if (v->is_text ? take_form(r, field, v) : take_word(r, field, v))
		r->seen |= UINT64_C(1) << field;
}

// context.target is an address or a prefix; where it is none, dest_ip says who.
static void set_target(struct reading *r)
{
	struct web_line *l = r->to;
	char *slash = strchr(r->context_target, '/');
	if (slash)
		*slash++ = '\0';
	l->af = address(r->context_target, l->target);
	unsigned most = l->af == 6 ? 128 : 32;
	unsigned long bits = slash ? strtoul(slash, NULL, 10) : most;
	if (!l->af || bits > most) {
		l->af = r->dest_af;
		memcpy(l->target, r->dest, sizeof l->target);
		bits = l->af == 6 ? 128 : 32;
	}
	l->target_len = l->af ? (uint8_t)bits : 0;
}

bool web_line_read(const char *line, size_t length, struct web_line *ret)
{
	static const uint64_t must = 1u << F_TIMESTAMP | 1u << F_ID | 1u << F_KIND | 1u << F_STATE | 1u << F_SEVERITY |
				     1u << F_FIRST | 1u << F_MODE;
	struct reading r = {.to = ret};
	memset(ret, 0, offsetof(struct web_line, orgs));
	ret->text_ja[0] = ret->text_en[0] = '\0';
	if (!yg_json_read(line, length, take, &r) || !r.is_alert || (r.seen & must) != must)
		return false;
	if (!web_line_code(ret->org))
		ret->org[0] = '\0';
	if (!(r.seen >> F_LAST & 1))
		ret->last_ns = ret->time_ns;
	if (ret->first_ns > ret->time_ns) // a line that ends before it begins would be in no range
		ret->first_ns = ret->time_ns;
	set_target(&r);
	return true;
}
