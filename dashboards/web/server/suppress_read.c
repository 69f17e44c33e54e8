// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What somebody sends to make a suppression, or to hear what it would hide: held against the same rules as the sensor's files, so that what
// is exported is taken there, and against what its maker may see.
#include <stdio.h>
#include <string.h>

#include "bodies.h"
#include "config/address.h"
#include "config/config.h"
#include "model/kinds.h"
#include "suppress.h"
#include "suppress_read.h"

static bool kind_exists(const char *kind)
{
	size_t n = strlen(kind);
	if (strcmp(kind, "*") == 0)
		return true;
	bool group = n > 2 && kind[n - 1] == '*' && kind[n - 2] == '.' && strchr(kind, '.') == kind + n - 2;
	for (uint32_t i = 0; i < yg_kinds_count; i++)
		if (group ? strncmp(yg_kinds[i].kind, kind, n - 1) == 0 : strcmp(yg_kinds[i].kind, kind) == 0)
			return true;
	return false;
}

// NULL: not given. False: it is no text.
static bool text_at(const json_t *body, const char *key, const char **ret)
{
	const json_t *value = json_object_get(body, key);
	*ret = json_is_string(value) && *json_string_value(value) ? json_string_value(value) : NULL;
	return !value || json_is_null(value) || (json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value));
}

static bool prefix_at(const json_t *body, const char *key, uint8_t *ret_af, uint8_t ret_address[16], uint8_t *ret_length)
{
	const char *text;
	char whole[64];
	struct yg_addr addr;
	if (!text_at(body, key, &text))
		return false;
	if (!text)
		return true;
	int n = snprintf(whole, sizeof whole, "%s%s", text, strchr(text, '/') ? "" : strchr(text, ':') ? "/128" : "/32");
	if (n >= (int)sizeof whole || yg_prefix_parse(whole, ret_af, &addr, ret_length) || *ret_length == 0)
		return false;
	struct yg_addr masked = yg_address_mask(&addr, *ret_length);
	memcpy(ret_address, &masked, sizeof masked);
	return memcmp(&masked, &addr, sizeof addr) == 0;
}

// Every body of which it would hide something must be one that its maker sees.
static const char *read_org(const struct web_server *server, const struct web_view *view, const char *org, struct web_suppression *s)
{
	s->body = WEB_BODY_NONE;
	if (!org)
		return view->scope.all ? NULL : "org_required";
	s->body = strlen(org) < sizeof s->org ? web_body_find(server->bodies, org) : WEB_BODY_NONE;
	if (s->body == WEB_BODY_NONE || !web_body_sees(server->bodies, view, s->body))
		return "org_unknown";
	snprintf(s->org, sizeof s->org, "%s", org);
	for (uint32_t i = 0; i < web_bodies_count(server->bodies); i++)
		if (web_suppress_below(server->bodies, (uint16_t)i, s->body) && !web_body_sees(server->bodies, view, (uint16_t)i))
			return "org_beyond_scope";
	return NULL;
}

const char *web_suppression_read_scope(const struct web_server *server, const struct web_view *view, const json_t *body,
		struct web_suppression *s)
{
	const char *kind, *org;
	*s = (struct web_suppression){0};
	if (!text_at(body, "kind", &kind) || !kind_exists(kind ? kind : "*"))
		return "kind_unknown";
	snprintf(s->kind, sizeof s->kind, "%s", kind ? kind : "*");
	if (!text_at(body, "org", &org))
		return "org_unknown";
	const char *problem = read_org(server, view, org, s);
	if (problem)
		return problem;
	if (!prefix_at(body, "source", &s->source_af, s->source, &s->source_len) || !prefix_at(body, "target", &s->target_af, s->target,
			&s->target_len))
		return "bad_prefix";
	const json_t *port = json_object_get(body, "port");
	if (port && !json_is_null(port) && (!json_is_integer(port) || json_integer_value(port) < 1 || json_integer_value(port) > UINT16_MAX))
		return "bad_port";
	s->port = (uint16_t)json_integer_value(port);
	if (strcmp(s->kind, "*") == 0 && !s->org[0] && !s->source_af && !s->target_af && !s->port)
		return "suppression_wide";
	return NULL;
}

// Signs that YAML refuses or that turn the line of a list around: a reason is one line of plain text.
static bool plain(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		unsigned code = (s[0] & 0xf0u) == 0xe0u && s[1] && s[2] ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu) : 0;
		bool c1 = s[0] == 0xc2 && s[1] < 0xa0;
		bool separator = code >= 0x2028 && code <= 0x202e;
		bool isolate = code >= 0x2066 && code <= 0x2069;
		if (*s < 0x20 || *s == 0x7f || c1 || separator || isolate || code == 0x200e || code == 0x200f || code == 0xfeff || code >= 0xfffe)
			return false;
	}
	return text[strspn(text, " ")] != '\0';
}

const char *web_suppression_read_reason(const json_t *body, struct web_suppression *s)
{
	const char *reason;
	if (!text_at(body, "reason", &reason) || !reason)
		return "reason_required";
	if (strlen(reason) >= sizeof s->reason)
		return "reason_too_long";
	if (!plain(reason))
		return "reason_signs";
	snprintf(s->reason, sizeof s->reason, "%s", reason);
	return NULL;
}

const char *web_suppression_read_expiry(const json_t *body, int64_t now_ns, struct web_suppression *s)
{
	const json_t *at = json_object_get(body, "expires_ms");
	int64_t ms = json_integer_value(at), now_ms = now_ns / 1000000;
	if (!json_is_integer(at))
		return "expiry_required";
	if (ms < now_ms + 60000)
		return "expiry_past";
	if (ms > now_ms + WEB_SUPPRESSION_DAYS * INT64_C(86400000))
		return "expiry_too_far";
	s->expires_ns = ms * 1000000;
	return NULL;
}
