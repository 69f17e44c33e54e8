// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Carrying out a query, alert by alert. Kinds, bodies and applications are few and alerts many, so what a term says of a string is asked
// once and remembered; what is left for each alert is a look at numbers. Words alone are looked for in addresses too, as printed, which are
// printed once an alert. What an end hides from a masked view it hides from the search: an address that could be found by trying would be
// no secret.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies_parts.h"
#include "index.h"
#include "index_parts.h"

enum { UNKNOWN, NO, YES }; // of a remembered answer

struct web_run {
	const struct web_query *query;
	const struct web_index *index;
	const struct web_view *view;
	int64_t now_ns;
	uint32_t strings;
	uint8_t *of_string[WEB_TERMS], *of_body[WEB_TERMS]; // of text terms
	uint64_t of_community[WEB_TERMS][WEB_VALUES];
	uint8_t of_sensor[WEB_TERMS][WEB_ALERT_SENSORS + 1];
	char ends[2][64];       // of the alert at hand, printed; empty: none, or masked
	bool printed;
	const struct web_group_touch *touch;
};

static bool is_text(const struct web_term *t)
{
	return t->count && t->values[0].match == WEB_M_TEXT;
}

uint64_t web_query_cost(const struct web_query *query, uint32_t alerts)
{
	uint64_t texts = 0;
	for (uint32_t i = 0; query && i < query->count; i++)
		if (query->terms[i].field == WEB_F_TEXT || query->terms[i].field == WEB_F_ID || query->terms[i].field == WEB_F_ASSIGNEE)
			texts += query->terms[i].count;
	return texts * alerts;
}

bool web_query_names_hidden(const struct web_query *query)
{
	for (uint32_t i = 0; query && i < query->count; i++) {
		const struct web_term *t = &query->terms[i];
		if (t->field == WEB_F_ID)
			return true;
		for (unsigned j = 0; t->field == WEB_F_IS && j < t->count; j++)
			if (t->values[j].low == WEB_IS_SHADOW || t->values[j].low == WEB_IS_SUPPRESSED)
				return true;
	}
	return false;
}

struct web_run *web_run_begin(const struct web_query *query, const struct web_index *index, const struct web_view *view)
{
	struct web_run *run = calloc(1, sizeof *run);
	if (!run)
		return NULL;
	run->query = query;
	run->index = index;
	run->view = view;
	run->now_ns = web_clock_ns();
	run->strings = index->strings.count;
	for (uint32_t i = 0; i < query->count; i++) {
		const struct web_term *t = &query->terms[i];
		for (unsigned k = 0; t->field == WEB_F_COMMUNITY && k < t->count; k++)
			run->of_community[i][k] = index_community(index, query->folded + t->values[k].text, t->values[k].length);
		if (!is_text(t))
			continue;
		run->of_string[i] = calloc(run->strings, 1);
		run->of_body[i] = calloc(WEB_BODIES, 1);
		if (!run->of_string[i] || !run->of_body[i]) {
			web_run_end(run);
			return NULL;
		}
	}
	return run;
}

void web_run_end(struct web_run *run)
{
	for (uint32_t i = 0; run && i < WEB_TERMS; i++) {
		free(run->of_string[i]);
		free(run->of_body[i]);
	}
	free(run);
}

// ---- texts ----

static const char *text_of(const struct web_run *run, const struct web_value *v)
{
	return run->query->folded + v->text;
}

static bool contains(const struct web_run *run, const struct web_value *v, const char *text)
{
	return memmem(text, strlen(text), text_of(run, v), v->length) != NULL;
}

// Whole, or its beginning where a star stands.
static bool is_code(const struct web_run *run, const struct web_value *v, const char *text)
{
	size_t n = strlen(text);
	return n >= v->length && memcmp(text, text_of(run, v), v->length) == 0 && (v->prefix || n == v->length);
}

static bool name_contains(const struct web_run *run, const struct web_value *v, const char *name)
{
	char *folded = web_fold_text(name);
	bool found = folded && contains(run, v, folded);
	free(folded);
	return found;
}

static bool string_fits(const struct web_run *run, const struct web_term *t, const struct web_value *v, uint16_t string)
{
	const char *folded = strings_folded(&run->index->strings, string), *text = web_index_string(run->index, string);
	switch (t->field) {
	case WEB_F_TEXT: // of a kind; a kind's names are its own text's, so other strings have none
		return contains(run, v, folded) || (web_kind_ja(text) != text && (name_contains(run, v, web_kind_ja(text)) ||
		       name_contains(run, v, web_kind_en(text))));
	case WEB_F_KIND:
		return is_code(run, v, folded) || (web_kind_ja(text) != text && (name_contains(run, v, web_kind_ja(text)) ||
		       name_contains(run, v, web_kind_en(text))));
	case WEB_F_ATTCK:
		return is_code(run, v, folded) || (strlen(folded) > v->length && folded[v->length] == '.' &&
		       memcmp(folded, text_of(run, v), v->length) == 0);
	default:
		return is_code(run, v, folded);
	}
}

static bool string_finds(struct web_run *run, uint32_t term, uint16_t string)
{
	const struct web_term *t = &run->query->terms[term];
	uint8_t *known = &run->of_string[term][string];
	if (!string || string >= run->strings)
		return false;
	if (*known == UNKNOWN) {
		*known = NO;
		for (unsigned i = 0; i < t->count && *known == NO; i++)
			*known = string_fits(run, t, &t->values[i], string) ? YES : NO;
	}
	return *known == YES;
}

static bool body_fits(const struct web_run *run, const struct web_term *t, const struct web_value *v, const struct web_body *body)
{
	char *code = web_fold_text(body->code);
	bool found = code && (t->field == WEB_F_TEXT ? contains(run, v, code) : is_code(run, v, code));
	free(code);
	return found || name_contains(run, v, body->name_ja) || name_contains(run, v, body->name_en) || name_contains(run, v, body->name_kana);
}

static bool body_finds(struct web_run *run, uint32_t term, uint16_t at)
{
	const struct web_term *t = &run->query->terms[term];
	const struct web_body *body = at < WEB_BODIES ? web_body_at(run->index->server->bodies, at) : NULL;
	if (!body)
		return false;
	uint8_t *known = &run->of_body[term][at];
	if (*known == UNKNOWN) {
		*known = NO;
		for (unsigned i = 0; i < t->count && *known == NO; i++)
			*known = body_fits(run, t, &t->values[i], body) ? YES : NO;
	}
	return *known == YES;
}

// ---- addresses ----

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;
	return memcmp(a, b, bytes) == 0 && (!rest || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

static bool in_net(const struct web_value *v, uint8_t af, const uint8_t address[16], unsigned length)
{
	unsigned bits = v->bits < length ? v->bits : length;
	return af == v->af && af != 0 && same_bits(v->addr, address, bits);
}

// A prefix is hidden when anything in it is.
static bool shown(const struct web_run *run, uint8_t af, const uint8_t address[16], unsigned length)
{
	struct yg_addr addr;
	uint16_t owner;
	memcpy(addr.b, address, sizeof addr.b);
	return af && !(run->view->masked && web_body_hides(run->index->server->bodies, run->view, af, &addr, length, &owner));
}

static bool net_finds(const struct web_run *run, const struct web_term *t, const struct web_alert *a)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct web_value *v = &t->values[i];
		unsigned whole = a->source_af == 6 ? 128 : 32;
		if (t->field != WEB_F_DST && in_net(v, a->source_af, a->source, whole) && shown(run, a->source_af, a->source, whole))
			return true;
		if (t->field != WEB_F_SRC && in_net(v, a->af, a->target, a->target_len) && shown(run, a->af, a->target, a->target_len))
			return true;
	}
	return false;
}

static void print_end(const struct web_run *run, uint8_t af, const uint8_t address[16], unsigned length, char to[64])
{
	to[0] = '\0';
	if (!shown(run, af, address, length) || !inet_ntop(af == 6 ? AF_INET6 : AF_INET, address, to, 48))
		return;
	if (length < (af == 6 ? 128u : 32u))
		snprintf(to + strlen(to), 8, "/%u", length);
}

static void print_ends(struct web_run *run, const struct web_alert *a)
{
	if (run->printed)
		return;
	run->printed = true;
	print_end(run, a->source_af, a->source, a->source_af == 6 ? 128 : 32, run->ends[0]);
	print_end(run, a->af, a->target, a->target_len, run->ends[1]);
}

// ---- the rest ----

static const struct web_group_touch *touch_of(struct web_run *run, const struct web_alert *a)
{
	static const struct web_group_touch none = {.assignee = "", .changed_by = ""};
	if (!run->touch)
		run->touch = run->index->server->state ? web_state_of(run->index->server->state, group_at(run->index, a->group)->id) : &none;
	return run->touch;
}

static bool is_finds(struct web_run *run, int64_t what, const struct web_alert *a)
{
	const struct web_group_touch *touch = touch_of(run, a);
	switch (what) {
	case WEB_IS_OPEN: return a->state == WEB_ALERT_OPEN;
	case WEB_IS_CLOSED: return a->state == WEB_ALERT_CLOSED;
	case WEB_IS_NEW: return touch->state == WEB_NEW;
	case WEB_IS_MINE: return run->query->me[0] && strcmp(touch->assignee, run->query->me) == 0;
	case WEB_IS_ESCALATED: return touch->state == WEB_ESCALATED;
	case WEB_IS_ARCHIVED: return touch->state == WEB_ARCHIVED;
	case WEB_IS_SHADOW: return class_of(a) == WEB_SHADOW;
	case WEB_IS_SUPPRESSED: return class_of(a) == WEB_SUPPRESSED;
	case WEB_IS_OVERDUE: {
		int64_t due = class_of(a) == WEB_COUNTED ? alert_due_ns(a, touch) : 0;
		return due && due < run->now_ns;
	}
	default: return false;
	}
}

static bool number_fits(struct web_run *run, const struct web_term *t, const struct web_value *v, const struct web_alert *a)
{
	int64_t n;
	switch (t->field) {
	case WEB_F_IS: return is_finds(run, v->low, a);
	case WEB_F_PORT:
		return (a->source_port && a->source_port >= v->low && a->source_port <= v->high &&
			(!run->view->masked || shown(run, a->source_af, a->source, a->source_af == 6 ? 128 : 32))) ||
		       (a->target_port && a->target_port >= v->low && a->target_port <= v->high &&
			(!run->view->masked || shown(run, a->af, a->target, a->target_len)));
	case WEB_F_SEV: n = a->severity; break;
	case WEB_F_STATE: n = touch_of(run, a)->state; break;
	case WEB_F_PROTO: n = a->proto; break;
	case WEB_F_ZONE: n = a->zone; break;
	case WEB_F_SCORE: n = a->score; break;
	case WEB_F_COUNT: n = a->count; break;
	default: return false;
	}
	return n >= v->low && n <= v->high;
}

static bool id_fits(const struct web_run *run, const struct web_value *v, const struct web_alert *a)
{
	char whole[96], group[17], folded[96];
	size_t n = 0;
	snprintf(whole, sizeof whole, "%s:%016llx", web_index_sensor(run->index, a->sensor), (unsigned long long)a->id);
	web_group_text(&run->index->server->shown, group_at(run->index, a->group)->id, group);
	for (; whole[n]; n++)
		folded[n] = whole[n] >= 'A' && whole[n] <= 'Z' ? (char)(whole[n] - 'A' + 'a') : whole[n];
	folded[n] = '\0';
	return is_code(run, v, folded) || is_code(run, v, folded + n - 16) || is_code(run, v, group);
}

static bool assignee_fits(struct web_run *run, const struct web_value *v, const struct web_alert *a)
{
	char *folded = web_fold_text(touch_of(run, a)->assignee);
	bool found = folded && folded[0] && is_code(run, v, folded);
	free(folded);
	return found;
}

static bool sensor_finds(struct web_run *run, uint32_t term, uint16_t sensor)
{
	const struct web_term *t = &run->query->terms[term];
	uint8_t *known = &run->of_sensor[term][sensor];
	if (*known == UNKNOWN) {
		char *folded = web_fold_text(web_index_sensor(run->index, sensor));
		*known = NO;
		for (unsigned i = 0; folded && i < t->count && *known == NO; i++)
			*known = (t->field == WEB_F_TEXT ? contains : is_code)(run, &t->values[i], folded) ? YES : NO;
		free(folded);
	}
	return *known == YES;
}

// A word alone: any one text that it is part of. Several words in commas: any of them.
static bool word_finds(struct web_run *run, uint32_t term, const struct web_alert *a)
{
	const struct web_term *t = &run->query->terms[term];
	if (string_finds(run, term, a->kind) || string_finds(run, term, a->app_proto) || string_finds(run, term, a->vector) ||
	    string_finds(run, term, a->technique) || body_finds(run, term, a->body) || sensor_finds(run, term, a->sensor))
		return true;
	print_ends(run, a);
	for (unsigned i = 0; i < t->count; i++)
		if (contains(run, &t->values[i], run->ends[0]) || contains(run, &t->values[i], run->ends[1]))
			return true;
	return false;
}

// It is a hash of both ends, which could be tried out: for who is shown an end masked it is none.
static bool community_finds(const struct web_run *run, uint32_t term, const struct web_alert *a)
{
	for (unsigned i = 0; !run->view->masked && a->community && i < run->query->terms[term].count; i++)
		if (run->of_community[term][i] == a->community)
			return true;
	return false;
}

static bool text_finds(struct web_run *run, uint32_t term, const struct web_alert *a)
{
	const struct web_term *t = &run->query->terms[term];
	switch (t->field) {
	case WEB_F_TEXT: return word_finds(run, term, a);
	case WEB_F_ORG: return body_finds(run, term, a->body);
	case WEB_F_KIND: return string_finds(run, term, a->kind);
	case WEB_F_APP: return string_finds(run, term, a->app_proto);
	case WEB_F_VECTOR: return string_finds(run, term, a->vector);
	case WEB_F_ATTCK: return string_finds(run, term, a->technique);
	case WEB_F_COMMUNITY: return community_finds(run, term, a);
	case WEB_F_SENSOR: return sensor_finds(run, term, a->sensor);
	default: break;
	}
	for (unsigned i = 0; i < t->count; i++) {
		const struct web_value *v = &t->values[i];
		if (t->field == WEB_F_ID ? id_fits(run, v, a) : assignee_fits(run, v, a))
			return true;
	}
	return false;
}

static bool term_finds(struct web_run *run, uint32_t term, const struct web_alert *a)
{
	const struct web_term *t = &run->query->terms[term];
	if (t->values[0].match == WEB_M_TEXT)
		return text_finds(run, term, a);
	if (t->values[0].match == WEB_M_NET)
		return net_finds(run, t, a);
	for (unsigned i = 0; i < t->count; i++)
		if (number_fits(run, t, &t->values[i], a))
			return true;
	return false;
}

bool web_run_finds(struct web_run *run, uint32_t alert)
{
	const struct web_alert *a = web_index_alert(run->index, alert);
	if (!a->sensor)
		return false;
	run->printed = false;
	run->touch = NULL;
	for (uint32_t i = 0; i < run->query->count; i++)
		if (term_finds(run, i, a) == run->query->terms[i].negate)
			return false;
	return true;
}
