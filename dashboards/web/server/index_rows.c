// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Rows as openapi.yaml has them: what the index knows, and the sentences, which are read from Redis where they are not remembered, one
// XRANGE of one entry each, all in one pipeline. A row that has changed meanwhile says what it is now.
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "bodies.h"
#include "index.h"
#include "index_parts.h"
#include "range.h"
#include "suppress.h"

static json_int_t ms(int64_t ns)
{
	return ns / 1000000;
}

const char *proto_name(uint8_t proto, char buffer[8])
{
	switch (proto) {
	case 0: return "";
	case IPPROTO_TCP: return "TCP";
	case IPPROTO_UDP: return "UDP";
	case IPPROTO_ICMP: return "ICMP";
	case IPPROTO_ICMPV6: return "ICMPv6";
	case IPPROTO_GRE: return "GRE";
	case IPPROTO_ESP: return "ESP";
	case IPPROTO_SCTP: return "SCTP";
	default:
		snprintf(buffer, 8, "%u", proto);
		return buffer;
	}
}

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

static void put_text(json_t *object, const char *key, const char *text)
{
	json_t *value = json_string(text); // NULL where it is no UTF-8
	put(object, key, value ? value : json_string(""));
}

static void put_sentences(const struct web_index *index, const struct web_view *view, json_t *row, const struct extra *x)
{
	const char *ja = x ? x->texts : "", *en = x ? x->texts + x->text_en : "";
	char *masked_ja = view->masked ? web_mask_text(index->server->bodies, view, ja, true) : NULL;
	char *masked_en = view->masked ? web_mask_text(index->server->bodies, view, en, false) : NULL;
	put_text(row, "text_ja", view->masked ? (masked_ja ? masked_ja : "") : ja);
	put_text(row, "text_en", view->masked ? (masked_en ? masked_en : "") : en);
	free(masked_ja);
	free(masked_en);
}

static void put_kind(const struct web_index *index, json_t *row, const struct web_alert *a)
{
	const char *kind = web_index_string(index, a->kind);
	put_text(row, "kind", kind);
	put_text(row, "kind_ja", web_kind_ja(kind));
	put_text(row, "kind_en", web_kind_en(kind));
}

static void put_ends(const struct web_index *index, const struct web_view *view, json_t *row, const struct web_alert *a, bool ports)
{
	const struct web_bodies *bodies = index->server->bodies;
	put(row, "org", web_body_json(bodies, a->body));
	put(row, "source", web_end_json(bodies, view, a->source_af, a->source, a->source_af == 6 ? 128 : 32, ports ? a->source_port : 0));
	put(row, "target", web_end_json(bodies, view, a->af, a->target, a->target_len, ports ? a->target_port : 0));
	put_text(row, "zone", web_zone_name(a->zone));
}

static json_t *suppressed_json(const struct web_index *index, const struct web_alert *a)
{
	const char *id = a->suppressed && index->server->suppress ? web_suppression_id(index->server->suppress, a->suppressed) : NULL;
	return id ? json_string(id) : json_null();
}

json_t *row_of_alert(const struct web_index *index, const struct web_view *view, uint32_t at, const struct extra *x)
{
	const struct web_alert *a = web_index_alert(index, at);
	json_t *row = json_object(), *orgs = json_array();
	char id[96], group[17], campaign[17], proto[8];
	uint32_t count;
	const uint16_t *bodies = web_index_bodies(index, a, &count);
	web_alert_text(index, at, id);
	web_group_text(&index->server->shown, web_index_group_id(index, a->group), group);
	put_text(row, "id", id);
	put_text(row, "group", group);
	put_text(row, "sensor", web_index_sensor(index, a->sensor));
	put_kind(index, row, a);
	put_text(row, "severity", web_severity_name(a->severity));
	put_text(row, "state", a->state == WEB_ALERT_OPEN ? "open" : "closed");
	put_text(row, "mode", web_mode_name(a->mode));
	put(row, "score", json_integer(a->score));
	put(row, "confidence", json_real(a->confidence / 100.0));
	put(row, "first_ms", json_integer(ms(a->first_ns)));
	put(row, "last_ms", json_integer(ms(a->last_ns)));
	put(row, "time_ms", json_integer(ms(a->time_ns)));
	put(row, "count", json_integer(a->count));
	put(row, "reopened", json_integer(a->reopened));
	put_ends(index, view, row, a, true);
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(orgs, json_string(web_body_at(index->server->bodies, bodies[i])->code));
	put(row, "orgs", orgs);
	put_text(row, "proto", proto_name(a->proto, proto));
	put_text(row, "app", web_index_string(index, a->app_proto));
	put_text(row, "technique", web_index_string(index, a->technique));
	put_text(row, "vector", web_index_string(index, a->vector));
	put_sentences(index, view, row, x);
	put(row, "affected_count", json_integer(x ? x->affected_count : 0));
	put(row, "impact", x && web_impact_name(x->impact) ? json_string(web_impact_name(x->impact)) : json_null());
	web_id_text(a->campaign, campaign);
	put(row, "campaign", a->campaign ? json_string(campaign) : json_null());
	put(row, "pulse", a->pulse ? json_integer(a->pulse) : json_null());
	put(row, "suppressed", suppressed_json(index, a));
	return row;
}

// ---- groups ----

struct sum { // of what a row says of its alerts
	uint32_t alerts, open, latest;
	uint64_t count;
	int64_t first_ns, last_ns, due_ns;
	uint8_t severity, mode;
	uint16_t suppressed;
	uint32_t bins[24];
};

static void add(struct sum *s, uint32_t at, const struct web_alert *a, struct axis axis)
{
	if (!s->alerts || a->time_ns >= s->last_ns) {
		s->latest = at;
		s->last_ns = a->time_ns;
	}
	s->first_ns = !s->alerts || a->first_ns < s->first_ns ? a->first_ns : s->first_ns;
	s->severity = a->severity > s->severity ? a->severity : s->severity;
	s->mode = a->mode > s->mode ? a->mode : s->mode;
	s->alerts++;
	s->open += a->state == WEB_ALERT_OPEN;
	s->count += a->count;
	s->bins[axis_bin(axis, a->time_ns)]++;
}

// Alerts of the group's class within the range, as the list that it stands in has counted them; of other ranges when there is none left.
static struct sum sum_of(const struct web_index *index, const struct web_view *view, uint32_t group, struct web_range range,
			 struct axis axis)
{
	const struct web_group *g = web_index_group(index, group);
	enum web_class best = WEB_CLASSES;
	for (uint32_t at = g->first; at != WEB_NOWHERE; at = alert_at(index, at)->next) {
		const struct web_alert *a = alert_at(index, at);
		if (class_of(a) < best && web_alert_in(a, range) && view_sees_alert(index, view, a))
			best = class_of(a);
	}
	struct sum s = {.latest = WEB_NOWHERE};
	for (uint32_t at = g->first; at != WEB_NOWHERE; at = alert_at(index, at)->next) {
		const struct web_alert *a = alert_at(index, at);
		if (class_of(a) == best && web_alert_in(a, range) && view_sees_alert(index, view, a))
			add(&s, at, a, axis);
	}
	s.due_ns = best == WEB_COUNTED ? web_index_due_ns(index, view, group) : 0;
	return s;
}

static void put_sum(json_t *row, const struct sum *s)
{
	json_t *spark = json_array();
	put_text(row, "severity", web_severity_name(s->severity));
	put_text(row, "mode", web_mode_name(s->mode));
	put(row, "alerts", json_integer(s->alerts));
	put(row, "open", json_integer(s->open));
	put(row, "count", json_integer((json_int_t)s->count));
	put(row, "first_ms", json_integer(ms(s->first_ns)));
	put(row, "last_ms", json_integer(ms(s->last_ns)));
	for (unsigned i = 0; i < sizeof s->bins / sizeof *s->bins; i++)
		json_array_append_new(spark, json_integer(s->bins[i]));
	put(row, "spark", spark);
	put(row, "due_ms", s->due_ns ? json_integer(ms(s->due_ns)) : json_null());
	put(row, "overdue", json_boolean(s->due_ns && s->due_ns < web_clock_ns()));
}

static json_t *row_of_group(const struct web_index *index, const struct web_view *view, uint32_t group, const struct sum *s,
			    const struct extra *x)
{
	const struct web_group *g = web_index_group(index, group);
	const struct web_alert *a = web_index_alert(index, s->latest);
	json_t *row = web_state_json(web_state_of(index->server->state, g->id));
	char id[17], latest[96];
	if (!row)
		row = json_object();
	web_mask_json(index->server->bodies, view, row); // the reason is what somebody wrote
	web_group_text(&index->server->shown, g->id, id);
	web_alert_text(index, s->latest, latest);
	put_text(row, "id", id);
	put_kind(index, row, a);
	put_ends(index, view, row, a, false);
	put_sum(row, s);
	put_sentences(index, view, row, x);
	put_text(row, "latest", latest);
	put(row, "suppressed", suppressed_json(index, a));
	return row;
}

// ---- reading what is not at hand ----

struct wanted {
	uint32_t at, alert;       // at: as asked, a group's or an alert's
	uint16_t sensor;
	uint64_t id;              // of the alert: the row may be another's when the answer comes
	struct extra *extra;
	struct sum sum;
};

struct fetch {
	struct web_index *index;
	const struct web_view *view;
	web_rows done;
	void *context;
	bool groups, away;
	uint32_t count, pending;
	struct wanted wanted[];
};

struct asked {
	struct fetch *fetch;
	uint32_t at;
};

const redisReply *reply_line(const redisReply *entry)
{
	if (!entry || entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[1]->type != REDIS_REPLY_ARRAY)
		return NULL;
	const redisReply *fields = entry->element[1];
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (fields->element[i]->type == REDIS_REPLY_STRING && strcmp(fields->element[i]->str, "eve") == 0 &&
		    fields->element[i + 1]->type == REDIS_REPLY_STRING)
			return fields->element[i + 1];
	return NULL;
}

static void finish(struct fetch *f)
{
	json_t *rows = f->away ? NULL : json_array();
	for (uint32_t i = 0; i < f->count; i++) {
		struct wanted *w = &f->wanted[i];
		const struct web_alert *a = web_index_alert(f->index, w->alert);
		const struct extra *x = lines_find(f->index, w->alert);
		bool same = a->sensor && a->sensor == w->sensor && a->id == w->id && (!f->groups || a->group == w->at);
		if (rows && same && view_sees_alert(f->index, f->view, a)) // a newer record may have made it another body's
			json_array_append_new(rows, f->groups ? row_of_group(f->index, f->view, w->at, &w->sum, x ? x : w->extra) :
								row_of_alert(f->index, f->view, w->alert, x ? x : w->extra));
		free(w->extra);
	}
	f->done(f->context, rows);
	free(f);
}

static void answered(void *context, const redisReply *reply)
{
	struct asked *asked = context;
	struct fetch *f = asked->fetch;
	struct wanted *w = &f->wanted[asked->at];
	const struct web_alert *a = web_index_alert(f->index, w->alert);
	free(asked);
	f->away = f->away || !reply || reply->type == REDIS_REPLY_ERROR;
	const redisReply *line = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements ? reply_line(reply->element[0]) : NULL;
	if (line && a->id == w->id && a->sensor == w->sensor && web_line_read(line->str, line->len, &f->index->line)) {
		w->extra = extra_make(w->alert, a->entry, &f->index->line);
		if (!lines_find(f->index, w->alert))
			lines_keep(f->index, w->alert, &f->index->line);
	}
	if (--f->pending == 0)
		finish(f);
}

static void ask_line(struct web_index *index, const struct web_alert *a, web_reply done, void *context)
{
	char key[96], id[48];
	snprintf(key, sizeof key, "yagura:%s:alerts", web_index_sensor(index, a->sensor));
	snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)a->entry.generation, (unsigned long long)a->entry.sequence);
	const char *argv[] = {"XRANGE", key, id, id};
	const size_t sizes[] = {6, strlen(key), strlen(id), strlen(id)};
	web_redis_ask(index->server->redis, done, context, 4, argv, sizes);
}

static void fetch(struct fetch *f)
{
	f->pending = 1; // this function's own, so that answers that come at once do not end it
	for (uint32_t i = 0; i < f->count; i++) {
		struct wanted *w = &f->wanted[i];
		const struct web_alert *a = web_index_alert(f->index, w->alert);
		const struct extra *x = lines_find(f->index, w->alert);
		w->sensor = a->sensor;
		w->id = a->id;
		if (x) {
			w->extra = extra_copy(x);
			continue;
		}
		struct asked *asked = a->sensor && !f->away ? malloc(sizeof *asked) : NULL;
		if (!asked)
			continue;
		*asked = (struct asked){f, i};
		f->pending++;
		ask_line(f->index, a, answered, asked);
	}
	if (--f->pending == 0)
		finish(f);
}

static struct fetch *fetch_of(struct web_index *index, const struct web_view *view, uint32_t count, web_rows done, void *context)
{
	struct fetch *f = calloc(1, sizeof *f + count * sizeof *f->wanted);
	if (!f) {
		done(context, NULL);
		return NULL;
	}
	f->index = index;
	f->view = view;
	f->done = done;
	f->context = context;
	return f;
}

void web_index_alert_rows(struct web_index *index, const struct web_view *view, const uint32_t *at, uint32_t count, web_rows done,
			  void *context)
{
	struct fetch *f = fetch_of(index, view, count, done, context);
	if (!f)
		return;
	index_refresh(index);
	for (uint32_t i = 0; i < count; i++)
		if (web_index_sees_alert(index, view, at[i]))
			f->wanted[f->count++] = (struct wanted){.at = at[i], .alert = at[i]};
	fetch(f);
}

void web_index_group_rows(struct web_index *index, const struct web_view *view, const struct web_ask *ask, const uint32_t *at,
			  uint32_t count, web_rows done, void *context)
{
	struct fetch *f = fetch_of(index, view, count, done, context);
	if (!f)
		return;
	index_refresh(index);
	f->groups = true;
	for (uint32_t i = 0; i < count; i++) {
		int64_t now = web_clock_ns();
		struct web_range range = web_range_axis(ask->range, web_index_group(index, at[i])->first_ns, now);
		struct sum sum = sum_of(index, view, at[i], ask->range, (struct axis){range.from_ns, range.to_ns, 24});
		if (sum.alerts)
			f->wanted[f->count++] = (struct wanted){.at = at[i], .alert = sum.latest, .sum = sum};
	}
	fetch(f);
}

// ---- the whole line ----

struct eve {
	struct web_index *index;
	const struct web_view *view;
	web_rows done;
	void *context;
};

// Four hexadecimal digits; UINT_MAX: they are none.
static unsigned hex4(const char *p, const char *end)
{
	unsigned value = 0;
	if (end - p < 4)
		return UINT_MAX;
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i], letter = c | 0x20;
		if (!(c >= '0' && c <= '9') && !(letter >= 'a' && letter <= 'f'))
			return UINT_MAX;
		value = value << 4 | (c <= '9' ? c - '0' : letter - 'a' + 10);
	}
	return value;
}

// One escape, or one character: what jansson refuses becomes U+FFFD. Half of a pair is none; NUL is one in a value and not in a key.
static size_t put_clean(char *to, const char *p, const char *end, bool nul, size_t *ret_bytes)
{
	static const char escape[] = "\\ufffd", bytes[] = "\xef\xbf\xbd";
	bool bad;
	if (*p == '\\' && end - p > 1) {
		unsigned unit = p[1] == 'u' ? hex4(p + 2, end) : UINT_MAX;
		bool first = unit >= 0xd800 && unit < 0xdc00, paired = false;
		if (first && end - p > 7 && p[6] == '\\' && p[7] == 'u') {
			unsigned second = hex4(p + 8, end);
			paired = second >= 0xdc00 && second < 0xe000;
		}
		*ret_bytes = unit == UINT_MAX ? 2 : paired ? 12 : 6;
		bad = (unit >= 0xd800 && unit < 0xe000 && !paired) || (unit == 0 && !nul);
		memcpy(to, bad ? escape : p, bad ? sizeof escape - 1 : *ret_bytes);
		return bad ? sizeof escape - 1 : *ret_bytes;
	}
	bad = yg_utf8_character(p, end, ret_bytes) == 0xfffd && *ret_bytes == 1;
	memcpy(to, bad ? bytes : p, bad ? sizeof bytes - 1 : *ret_bytes);
	return bad ? sizeof bytes - 1 : *ret_bytes;
}

// One odd name must not cost the operator the rest of the record.
static json_t *parse(const char *line, size_t length)
{
	char *clean = malloc(length * 3 + 1);
	json_t *eve = NULL;
	for (int nul = 1; clean && nul >= 0 && !eve; nul--) {
		size_t n = 0, bytes;
		for (const char *p = line, *end = line + length; p < end; p += bytes)
			n += put_clean(clean + n, p, end, nul, &bytes);
		eve = json_loadb(clean, n, JSON_ALLOW_NUL, NULL);
	}
	free(clean);
	return json_is_object(eve) ? eve : (json_decref(eve), json_null());
}

static void eve_answered(void *context, const redisReply *reply)
{
	struct eve *e = context;
	bool away = !reply || reply->type != REDIS_REPLY_ARRAY;
	const redisReply *line = !away && reply->elements ? reply_line(reply->element[0]) : NULL;
	json_t *eve = away ? NULL : line ? parse(line->str, line->len) : json_null();
	if (json_is_object(eve))
		web_mask_json(e->index->server->bodies, e->view, eve);
	e->done(e->context, eve);
	free(e);
}

void web_index_eve(struct web_index *index, const struct web_view *view, uint32_t at, web_rows done, void *context)
{
	struct eve *e = malloc(sizeof *e);
	const struct web_alert *a = web_index_alert(index, at);
	if (!e || !a->sensor || !view_sees_alert(index, view, a)) {
		free(e);
		done(context, e ? json_null() : NULL);
		return;
	}
	*e = (struct eve){index, view, done, context};
	ask_line(index, a, eve_answered, e);
}
