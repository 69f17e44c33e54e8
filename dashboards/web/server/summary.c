// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See summary.h. Groups are asked for their state once each, alerts are looked at once each: 100,000 alerts take some milliseconds.
#include "summary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bodies.h"
#include "index.h"
#include "index_parts.h"
#include "yagura/plugin.h"

enum {
	DARK_S = 600, DAY_S = 86400, USUAL_DAYS = 30, HIGH_CONFIDENCE = 50, SATURATED_PERCENT = 90, TILE_S = 3600, TILE_STEP_S = 120,
	PUT_AWAY = 0x80, KNOWN = 0x40, NEW = 0x20, BACK = 0x10, WORST = 0x0f, USUAL_LEAST_BPS = 1000,
};
#define NS_PER_S INT64_C(1000000000)
#define DAY_NS (DAY_S * NS_PER_S)

// ---- the walk ----

static bool is_put_away(struct web_summary *s, uint32_t group)
{
	uint8_t *g = &s->group[group];
	if (!(*g & KNOWN)) {
		const struct web_group_touch *touch = web_state_of(s->server->state, web_index_group_id(s->server->index, group));
		*g |= KNOWN | (touch->state == WEB_ARCHIVED ? PUT_AWAY : 0) | (touch->state == WEB_NEW ? NEW : 0) |
		      (touch->back_ns ? BACK : 0);
	}
	return *g & PUT_AWAY;
}

static void note_kind(struct web_body_summary *body, const char *kind)
{
	if (strcmp(kind, "org.dark") == 0)
		body->open_dark = true;
	else if (strcmp(kind, "link.saturation") == 0)
		body->open_saturated = true;
	else if (strcmp(kind, "zone.mynumber") == 0)
		body->breach |= 1u << YG_ZONE_MYNUMBER;
	else if (strcmp(kind, "zone.lgwan") == 0)
		body->breach |= 1u << YG_ZONE_LGWAN;
}

// As web_index_due_ns(), in the one walk: that one goes along the group's alerts, which lie all over memory. The touch is asked for only
// where somebody has dealt with the group before.
static void note_due(struct web_summary *s, const struct web_alert *a)
{
	static const struct web_group_touch untouched = {.state = WEB_NEW};
	uint8_t g = s->group[a->group];
	if (!(g & NEW) || !a->sla_minutes)
		return;
	int64_t due_ns = alert_due_ns(a, g & BACK ? web_state_of(s->server->state, web_index_group_id(s->server->index, a->group)) : &untouched);
	if (due_ns && (!s->due_ns[a->group] || due_ns < s->due_ns[a->group]))
		s->due_ns[a->group] = due_ns;
}

// The first alert of each kind and body within thirty days.
static void note_pair(struct web_summary *s, uint32_t at, const struct web_alert *a)
{
	uint32_t key = (uint32_t)a->kind << 16 | a->body, slot = key * UINT32_C(2654435761) >> 19;
	_Static_assert(WEB_PAIRS == 1 << 13, "the shift above");
	while (s->pair[slot].alert && s->pair[slot].key != key)
		slot = (slot + 1) % WEB_PAIRS;
	if (!s->pair[slot].alert && ++s->pairs > WEB_PAIRS / 2) {
		s->pairs--; // more kinds and bodies than there are: what comes beyond is not looked at
		return;
	}
	if (!s->pair[slot].alert || a->first_ns < s->pair[slot].first_ns) {
		s->pair[slot].key = key;
		s->pair[slot].alert = at + 1;
		s->pair[slot].first_ns = a->first_ns;
	}
}

static void count_range(struct web_summary *s, const struct web_alert *a)
{
	if (a->first_ns >= s->range.from_ns && a->first_ns < s->range.to_ns) {
		uint32_t bar = (uint32_t)((a->first_ns - s->range.from_ns) / s->bar_ns);
		if (bar < s->bars_count)
			s->bars[bar]++;
		s->kinds[a->kind]++;
	} else if (a->first_ns < s->range.from_ns && a->first_ns >= s->range.from_ns - USUAL_DAYS * DAY_NS) {
		s->before++;
	}
}

struct walk {
	struct web_summary *s;
	uint16_t only;
};

static bool look(void *context, uint32_t at)
{
	struct walk *w = context;
	struct web_summary *s = w->s;
	const struct web_index *index = s->server->index;
	const struct web_alert *a = web_index_alert(index, at);
	if (w->only != WEB_BODY_NONE && a->body != w->only)
		return true;
	enum web_class class = web_index_class(index, at);
	if (class == WEB_SHADOW && a->first_ns >= s->range.from_ns &&
	    (a->severity == WEB_SEV_CRITICAL || (a->severity == WEB_SEV_HIGH && a->confidence >= HIGH_CONFIDENCE)))
		s->shadow++;
	if (class != WEB_COUNTED)
		return true;
	if (a->first_ns < s->oldest_ns)
		s->oldest_ns = a->first_ns;
	count_range(s, a);
	if (a->first_ns >= s->now_ns - USUAL_DAYS * DAY_NS)
		note_pair(s, at, a);
	uint8_t severity = a->severity < WEB_SEVERITIES ? a->severity : WEB_SEV_INFO;
	bool away = is_put_away(s, a->group);
	note_due(s, a);
	if ((s->group[a->group] & WORST) < severity + 1)
		s->group[a->group] = (uint8_t)((s->group[a->group] & ~WORST) | (severity + 1));
	if (away || a->state != WEB_ALERT_OPEN)
		return true;
	s->open[severity]++;
	if (a->body < WEB_BODIES) {
		s->body[a->body].open[severity]++;
		note_kind(&s->body[a->body], web_index_string(index, a->kind));
	}
	return true;
}

// ---- groups ----

static bool is_of(const struct web_summary *s, uint32_t group, uint16_t *ret_body)
{
	const struct web_group *g = web_index_group(s->server->index, group);
	*ret_body = g->alerts ? web_index_alert(s->server->index, g->first)->body : WEB_BODY_NONE;
	return g->alerts;
}

static void count_groups(struct web_summary *s)
{
	double sums[2] = {0};
	uint32_t counts[2] = {0};
	for (uint32_t i = 0; i < s->groups; i++) {
		uint16_t body;
		uint8_t worst = s->group[i] & WORST;
		if (!worst || !is_of(s, i, &body))
			continue;
		const struct web_group *g = web_index_group(s->server->index, i);
		const struct web_group_touch *touch = web_state_of(s->server->state, g->id);
		const int64_t done_ns[2] = {touch->acknowledged_ns, touch->archived_ns};
		for (unsigned d = 0; d < 2; d++)
			if (done_ns[d] >= s->today_ns && done_ns[d] >= g->first_ns) {
				sums[d] += (double)(done_ns[d] - g->first_ns) / 1e9;
				counts[d]++;
			}
		if (s->group[i] & PUT_AWAY)
			continue;
		bool overdue = s->due_ns[i] && s->due_ns[i] < s->now_ns;
		s->inbox[worst - 1]++;
		s->overdue += overdue;
		if (body < WEB_BODIES) {
			s->body[body].inbox++;
			s->body[body].overdue += overdue;
		}
	}
	s->acknowledge_s = counts[0] ? sums[0] / counts[0] : -1;
	s->archive_s = counts[1] ? sums[1] / counts[1] : -1;
}

static void choose_new(struct web_summary *s)
{
	if (s->oldest_ns > s->today_ns - 7 * DAY_NS) // everything is new to who has known it for less than a week
		return;
	for (uint32_t i = 0; i < WEB_PAIRS; i++) {
		if (!s->pair[i].alert || s->pair[i].first_ns < s->today_ns)
			continue;
		uint32_t place = s->new_count < WEB_NEW_TODAY ? s->new_count : WEB_NEW_TODAY;
		while (place > 0 && web_index_alert(s->server->index, s->new_today[place - 1])->first_ns < s->pair[i].first_ns)
			place--;
		if (place == WEB_NEW_TODAY)
			continue;
		uint32_t last = s->new_count < WEB_NEW_TODAY ? s->new_count++ : WEB_NEW_TODAY - 1;
		memmove(&s->new_today[place + 1], &s->new_today[place], (last - place) * sizeof *s->new_today);
		s->new_today[place] = s->pair[i].alert - 1;
	}
}

static void lay_out_bars(struct web_summary *s)
{
	static const int64_t steps_s[] = {10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 86400, 7 * 86400, 28 * 86400};
	int64_t span = s->range.to_ns - s->range.from_ns;
	unsigned i = 0;
	while (i + 1 < sizeof steps_s / sizeof *steps_s && span / (steps_s[i] * NS_PER_S) > WEB_BARS - 2)
		i++;
	s->bar_ns = steps_s[i] * NS_PER_S;
	time_t now = (time_t)(s->now_ns / NS_PER_S);
	struct tm tm = {0};
	localtime_r(&now, &tm);
	int64_t zone_ns = tm.tm_gmtoff * NS_PER_S; // a bar of a day begins at midnight
	s->range.from_ns = (s->range.from_ns + zone_ns) / s->bar_ns * s->bar_ns - zone_ns;
	int64_t count = (s->range.to_ns - s->range.from_ns + s->bar_ns - 1) / s->bar_ns;
	s->bars_count = count < 0 ? 0 : count < WEB_BARS ? (uint32_t)count : WEB_BARS;
}

struct web_summary *web_summary_make(struct web_server *server, const struct web_view *view, struct web_range range, uint16_t only)
{
	struct web_summary *s = calloc(1, sizeof *s);
	struct web_range today;
	if (!s)
		return NULL;
	s->server = server;
	s->view = view;
	s->now_ns = web_clock_ns();
	s->groups = web_index_groups_count(server->index);
	s->range = web_range_axis(range, s->now_ns - USUAL_DAYS * DAY_NS, s->now_ns);
	s->today_ns = web_range_parse("today", s->now_ns, &today) ? today.from_ns : s->now_ns;
	s->oldest_ns = s->now_ns;
	s->body = calloc(WEB_BODIES, sizeof *s->body);
	s->kinds = calloc(WEB_STRINGS_MAX + 1, sizeof *s->kinds);
	s->group = calloc(s->groups + 1, sizeof *s->group);
	s->due_ns = calloc(s->groups + 1, sizeof *s->due_ns);
	s->pair = calloc(WEB_PAIRS, sizeof *s->pair);
	if (!s->body || !s->kinds || !s->group || !s->due_ns || !s->pair) {
		web_summary_free(s);
		return NULL;
	}
	lay_out_bars(s);
	struct walk walk = {s, only};
	web_index_each_alert(server->index, view, (struct web_range){0}, look, &walk);
	count_groups(s);
	choose_new(s);
	return s;
}

void web_summary_free(struct web_summary *s)
{
	if (!s)
		return;
	free(s->body);
	free(s->kinds);
	free(s->group);
	free(s->due_ns);
	free(s->pair);
	free(s);
}

// ---- a body ----

static bool is_dark(const struct web_summary *s, uint16_t at)
{
	const struct web_measure *measure = s->server->measure;
	const struct web_body_rings *rings = measure->body[at];
	int64_t told_s = web_measure_told_s(measure);
	struct web_whose whose = {.measure = measure, .view = s->view, .body = at};
	struct web_habit habit;
	if (!rings || web_measure_blind(measure) || told_s - rings->last_s < DARK_S || rings->last_s < told_s - DAY_S)
		return false;
	return web_whose_habit(&whose, (told_s - 1) / 3600, &habit) && habit.median[0] + habit.median[1] >= USUAL_LEAST_BPS;
}

static bool is_saturated(const struct web_summary *s, uint16_t at)
{
	const struct web_body_rings *rings = s->server->measure->body[at];
	uint64_t line = web_body_at(s->server->bodies, at)->line_bps;
	struct web_values v;
	if (!rings || !line || !web_body_rings_at(rings, 60, web_measure_told_s(s->server->measure) / 60 - 1, &v))
		return false;
	uint64_t most = v.v[WEB_BYTES_IN] > v.v[WEB_BYTES_OUT] ? v.v[WEB_BYTES_IN] : v.v[WEB_BYTES_OUT];
	return most * 8 / 60 >= line / 100 * SATURATED_PERCENT;
}

static uint32_t at_most(uint32_t count, uint32_t most)
{
	return count < most ? count : most;
}

void web_body_judge(struct web_summary *s, uint16_t at)
{
	struct web_body_summary *b = &s->body[at];
	b->dark = b->open_dark || is_dark(s, at);
	b->saturated = b->open_saturated || is_saturated(s, at);
	b->attention = 10000 * (uint32_t)__builtin_popcount(b->breach) + 8000 * b->dark + 4000 * b->saturated +
		       2000 * at_most(b->open[WEB_SEV_CRITICAL], 5) + 500 * at_most(b->overdue, 10) + 200 * at_most(b->open[WEB_SEV_HIGH], 10) +
		       10 * at_most(b->open[WEB_SEV_MEDIUM], 20);
}

struct ranked {
	uint32_t attention;
	const char *code;
	uint16_t at;
};

static int worse(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->attention != y->attention ? (x->attention < y->attention) - (x->attention > y->attention) : strcmp(x->code, y->code);
}

uint32_t web_summary_order(struct web_summary *s, uint16_t *ret)
{
	struct ranked ranked[WEB_BODIES];
	uint32_t count = 0;
	for (uint32_t i = 0; i < web_bodies_count(s->server->bodies); i++) {
		if (!web_body_sees(s->server->bodies, s->view, (uint16_t)i))
			continue;
		web_body_judge(s, (uint16_t)i);
		ranked[count++] = (struct ranked){s->body[i].attention, web_body_at(s->server->bodies, (uint16_t)i)->code, (uint16_t)i};
	}
	qsort(ranked, count, sizeof *ranked, worse);
	for (uint32_t i = 0; i < count; i++)
		ret[i] = ranked[i].at;
	return count;
}

// ---- as JSON ----

json_t *web_counts_json(const uint32_t counts[WEB_SEVERITIES])
{
	json_t *json = json_object();
	for (int i = WEB_SEVERITIES - 1; i >= 0; i--)
		json_object_set_new(json, web_severity_name((unsigned)i), json_integer(counts[i]));
	return json;
}

static json_t *zones_json(const struct web_summary *s, uint16_t at)
{
	static const struct { uint8_t zone; const char *name; } closed[] = {{YG_ZONE_LGWAN, "lgwan"}, {YG_ZONE_MYNUMBER, "mynumber"}};
	const struct web_body *body = web_body_at(s->server->bodies, at);
	bool blind = web_measure_blind(s->server->measure);
	json_t *zones = json_object();
	for (unsigned i = 0; i < sizeof closed / sizeof *closed; i++) {
		bool breach = s->body[at].breach >> closed[i].zone & 1;
		if (breach || body->zones >> closed[i].zone & 1)
			json_object_set_new(zones, closed[i].name, json_string(breach ? "breach" : blind ? "unknown" : "ok"));
	}
	return zones;
}

json_t *web_tile_json(const struct web_summary *s, uint16_t at)
{
	const struct web_measure *measure = s->server->measure;
	const struct web_body *body = web_body_at(s->server->bodies, at), *parent = web_body_at(s->server->bodies, body->parent);
	const struct web_body_summary *b = &s->body[at];
	struct web_whose whose = {.measure = measure, .view = s->view, .body = at};
	int64_t told_s = web_measure_told_s(measure), to_s = (told_s ? told_s : s->now_ns / NS_PER_S) / TILE_STEP_S * TILE_STEP_S;
	json_t *tile = json_object();
	json_object_set_new(tile, "org", web_body_json(s->server->bodies, at));
	json_object_set_new(tile, "kind", json_string(body->kind));
	json_object_set_new(tile, "parent", parent ? json_string(parent->code) : json_null());
	json_object_set_new(tile, "attention", json_integer(b->attention));
	json_object_set_new(tile, "open", web_counts_json(b->open));
	json_object_set_new(tile, "inbox", json_integer(b->inbox));
	json_object_set_new(tile, "overdue", json_integer(b->overdue));
	json_object_set_new(tile, "traffic", web_whose_rate(&whose, to_s - TILE_S, to_s, TILE_STEP_S));
	json_object_set_new(tile, "dark", json_boolean(b->dark));
	json_object_set_new(tile, "saturated", json_boolean(b->saturated));
	json_object_set_new(tile, "zones", zones_json(s, at));
	int64_t last_s = measure->body[at] ? measure->body[at]->last_s : 0;
	json_object_set_new(tile, "last_ms", last_s ? json_integer(last_s * 1000) : json_null());
	return tile;
}

struct kind_count {
	uint32_t count;
	uint16_t kind;
};

static int more_often(const void *a, const void *b)
{
	const struct kind_count *x = a, *y = b;
	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : (x->kind > y->kind) - (x->kind < y->kind);
}

json_t *web_kinds_json(const struct web_summary *s, uint32_t limit)
{
	struct kind_count found[1024];
	uint32_t count = 0;
	json_t *kinds = json_array();
	for (uint32_t i = 0; i <= WEB_STRINGS_MAX && count < sizeof found / sizeof *found; i++)
		if (s->kinds[i])
			found[count++] = (struct kind_count){s->kinds[i], (uint16_t)i};
	qsort(found, count, sizeof *found, more_often);
	for (uint32_t i = 0; i < count && i < limit; i++) {
		const char *kind = web_index_string(s->server->index, found[i].kind);
		json_array_append_new(kinds, json_pack("{s:s, s:s, s:s, s:I}", "kind", kind, "kind_ja", web_kind_ja(kind), "kind_en", web_kind_en(kind),
						       "alerts", (json_int_t)found[i].count));
	}
	return kinds;
}
