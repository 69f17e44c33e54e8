// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See flow_sums.h. A ten minutes' bucket is a small table of (body of the initiator, body of the responder, application): from it follow
// the sums of any set of bodies, each flow once. Buckets are addressed by the number of their ten minutes and cleared when the ring comes
// round.
#include "flow_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "bodies.h"
#include "config/address.h"
#include "heavy.h"
#include "range.h"

enum { APP_OTHER = 0, AHEAD_S = 600, TRIPLES_AT_FIRST = 64, LINE_MAX_BYTES = 65536 };

struct triple {
	uint16_t from, to, app, used;
	uint32_t flows;
	uint64_t to_server, to_client, packets;
};

struct bucket {
	int64_t number;
	uint32_t count, room; // room: a power of two, at most half full but at WEB_TRIPLES
	uint64_t records;
	struct triple *triple;
	struct triple other;
};

struct host_bucket {
	int64_t number;
	uint64_t records;
	struct web_heavy *heavy;
};

struct web_flow_sums {
	struct web_bodies *bodies;
	struct yg_hash_key hash;
	char app[WEB_APPS][WEB_APP_NAME];
	uint32_t apps;
	struct bucket bucket[WEB_FLOW_BUCKETS];
	struct host_bucket host[WEB_HOST_BUCKETS];
	bool any;
};

struct web_flow_sums *web_flow_sums_create(struct web_bodies *bodies)
{
	struct web_flow_sums *sums = calloc(1, sizeof *sums);
	if (!sums)
		return NULL;
	sums->bodies = bodies;
	if (yg_hash_key_random(&sums->hash) < 0) {
		free(sums);
		return NULL;
	}
	snprintf(sums->app[APP_OTHER], WEB_APP_NAME, "…");
	sums->apps = 1;
	return sums;
}

void web_flow_sums_destroy(struct web_flow_sums *sums)
{
	if (!sums)
		return;
	for (unsigned i = 0; i < WEB_FLOW_BUCKETS; i++)
		free(sums->bucket[i].triple);
	for (unsigned i = 0; i < WEB_HOST_BUCKETS; i++)
		free(sums->host[i].heavy);
	free(sums);
}

bool web_flow_sums_any(const struct web_flow_sums *sums)
{
	return sums->any;
}

// ---- a line ----

struct flow_line {
	bool is_flow, is_update, has_end, has_bytes;
	char app[WEB_APP_NAME], org[2][16];
	uint8_t af[2];
	struct yg_addr addr[2];
	int64_t end_ns;
	uint64_t bytes[2], packets[2];
};

static void take_number(uint64_t *to, const struct yg_json_value *value)
{
	double number = value->is_text ? -1 : yg_json_number(value, -1);
	*to = number >= 0 && number < 9e15 ? (uint64_t)number : 0;
}

static void take_value(void *context, const struct yg_json_value *value)
{
	static const char *const numbers[] = {"flow.bytes_toserver", "flow.bytes_toclient", "flow.pkts_toserver", "flow.pkts_toclient"};
	struct flow_line *line = context;
	const char *path = value->path;
	uint64_t *const places[] = {&line->bytes[0], &line->bytes[1], &line->packets[0], &line->packets[1]};
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(path, numbers[i]) == 0) {
			take_number(places[i], value);
			line->has_bytes = true;
			return;
		}
	if (!value->is_text)
		return;
	if (strcmp(path, "event_type") == 0)
		line->is_flow = strcmp(value->text, "flow") == 0;
	else if (strcmp(path, "src_ip") == 0 && yg_address_parse(value->text, &line->af[0], &line->addr[0]) != 0)
		line->af[0] = 0;
	else if (strcmp(path, "dest_ip") == 0 && yg_address_parse(value->text, &line->af[1], &line->addr[1]) != 0)
		line->af[1] = 0;
	else if (strcmp(path, "flow.end") == 0)
		line->has_end = web_time_parse(value->text, &line->end_ns);
	else if (strcmp(path, "ndpi.proto") == 0)
		yg_plain_text(line->app, sizeof line->app, value->text, value->length);
	else if (strcmp(path, "ndpi.end") == 0)
		line->is_update = strcmp(value->text, "none") == 0;
	else if (strcmp(path, "ndpi.org.src") == 0 && value->length < sizeof line->org[0])
		memcpy(line->org[0], value->text, value->length + 1);
	else if (strcmp(path, "ndpi.org.dest") == 0 && value->length < sizeof line->org[1])
		memcpy(line->org[1], value->text, value->length + 1);
}

// ---- adding ----

static uint16_t app_of(struct web_flow_sums *sums, const char *name)
{
	if (!*name)
		name = "Unknown";
	for (uint32_t i = 0; i < sums->apps; i++)
		if (strcmp(sums->app[i], name) == 0)
			return (uint16_t)i;
	if (sums->apps == WEB_APPS)
		return APP_OTHER;
	snprintf(sums->app[sums->apps], WEB_APP_NAME, "%s", name);
	return (uint16_t)sums->apps++;
}

static struct triple *find_triple(struct triple *table, uint32_t room, uint16_t from, uint16_t to, uint16_t app)
{
	uint64_t key = (uint64_t)from << 32 | (uint64_t)to << 16 | app;
	uint32_t at = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (room - 1);
	while (table[at].used && (table[at].from != from || table[at].to != to || table[at].app != app))
		at = (at + 1) & (room - 1);
	return &table[at];
}

static bool make_room(struct bucket *b)
{
	uint32_t room = b->room ? 2 * b->room : 2 * TRIPLES_AT_FIRST;
	struct triple *table = calloc(room, sizeof *table);
	if (!table)
		return false;
	for (uint32_t i = 0; i < b->room; i++)
		if (b->triple[i].used)
			*find_triple(table, room, b->triple[i].from, b->triple[i].to, b->triple[i].app) = b->triple[i];
	free(b->triple);
	b->triple = table;
	b->room = room;
	return true;
}

static struct triple *triple_of(struct bucket *b, uint16_t from, uint16_t to, uint16_t app)
{
	if (2 * b->count >= b->room && b->room < 2 * WEB_TRIPLES && !make_room(b))
		return &b->other;
	struct triple *t = find_triple(b->triple, b->room, from, to, app);
	if (t->used)
		return t;
	if (b->count == WEB_TRIPLES)
		return &b->other;
	*t = (struct triple){.from = from, .to = to, .app = app, .used = 1};
	b->count++;
	return t;
}

static void add_host(struct web_flow_sums *sums, struct web_heavy *heavy, const struct flow_line *line, unsigned end, uint16_t own,
		     uint16_t other)
{
	struct web_heavy_key key = {.af = line->af[end], .body = own != WEB_BODY_NONE ? own : other, .inside = own != WEB_BODY_NONE};
	memcpy(key.address, line->addr[end].b, sizeof key.address);
	uint64_t sent = line->bytes[end], got = line->bytes[!end];
	uint64_t packets = line->packets[0] + line->packets[1];
	if (line->af[end]) // towards the bodies is what an inside end gets, and what an outside end sends
		web_heavy_add(heavy, &sums->hash, &key, key.inside ? got : sent, key.inside ? sent : got,
			      packets < UINT32_MAX ? (uint32_t)packets : UINT32_MAX, 1);
}

static void add_hosts(struct web_flow_sums *sums, const struct flow_line *line, int64_t number, const uint16_t body[2])
{
	struct host_bucket *b = &sums->host[number % WEB_HOST_BUCKETS];
	if (b->number > number)
		return;
	if (!b->heavy)
		b->heavy = calloc(1, sizeof *b->heavy);
	if (!b->heavy)
		return;
	if (b->number < number) {
		web_heavy_clear(b->heavy);
		b->number = number;
		b->records = 0;
	}
	b->records++;
	add_host(sums, b->heavy, line, 0, body[0], body[1]);
	add_host(sums, b->heavy, line, 1, body[1], body[0]);
}

enum web_flow_taken web_flow_sums_take(struct web_flow_sums *sums, const char *text, size_t length, int64_t now_s,
				       int64_t after_s, int64_t *ret_end_s)
{
	struct flow_line line = {0};
	if (length > LINE_MAX_BYTES || !yg_json_read(text, length, take_value, &line) || !line.is_flow || !line.has_end || !line.has_bytes)
		return WEB_FLOW_BAD;
	sums->any = true;
	if (line.is_update)
		return WEB_FLOW_UPDATE;
	int64_t end_s = line.end_ns / 1000000000, number = end_s / WEB_FLOW_BUCKET_S;
	struct bucket *b = &sums->bucket[number % WEB_FLOW_BUCKETS];
	if (end_s > now_s + AHEAD_S)
		return WEB_FLOW_BAD;
	if (number <= now_s / WEB_FLOW_BUCKET_S - WEB_FLOW_BUCKETS || b->number > number || end_s <= after_s)
		return WEB_FLOW_OLD;
	*ret_end_s = end_s;
	if (b->number < number) {
		if (b->triple)
			memset(b->triple, 0, b->room * sizeof *b->triple);
		*b = (struct bucket){.number = number, .room = b->room, .triple = b->triple,
				     .other = {.from = WEB_BODY_NONE, .to = WEB_BODY_NONE, .app = APP_OTHER, .used = 1}};
	}
	uint16_t body[2];
	for (unsigned i = 0; i < 2; i++)
		body[i] = *line.org[i] ? web_body_intern(sums->bodies, line.org[i], NULL, NULL) : WEB_BODY_NONE;
	struct triple *t = triple_of(b, body[0], body[1], app_of(sums, line.app));
	t->flows++;
	t->to_server += line.bytes[0];
	t->to_client += line.bytes[1];
	t->packets += line.packets[0] + line.packets[1];
	b->records++;
	add_hosts(sums, &line, number, body);
	return WEB_FLOW_COUNTED;
}

// ---- asking ----

struct app_sum {
	uint64_t in, out, packets, flows;
	uint16_t app;
};

static void sum_triple(const struct web_flow_sums *sums, const struct web_view *view, const struct triple *t, struct app_sum *by_app,
		       uint64_t *records)
{
	bool from = t->from != WEB_BODY_NONE && web_body_sees(sums->bodies, view, t->from);
	bool to = t->to != WEB_BODY_NONE && web_body_sees(sums->bodies, view, t->to);
	if (!t->used || t->flows == 0 || (!view->scope.all && !from && !to))
		return;
	struct app_sum *sum = &by_app[t->app];
	bool out = from && !to; // seen by the initiator alone: what it sends goes out. Between two that are seen: towards the responder
	sum->in += out ? t->to_client : t->to_server;
	sum->out += out ? t->to_server : t->to_client;
	sum->packets += t->packets;
	sum->flows += t->flows;
	*records += t->flows;
}

static int heavier_app(const void *a, const void *b)
{
	const struct app_sum *x = a, *y = b;
	uint64_t wx = x->in + x->out, wy = y->in + y->out;
	return wx != wy ? (wx < wy) - (wx > wy) : (x->app > y->app) - (x->app < y->app);
}

static json_t *row(const char *name, uint64_t in, uint64_t out, uint64_t packets, uint64_t flows, uint64_t all)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "name", name, "bytes", (json_int_t)(in + out), "bytes_in", (json_int_t)in,
			 "bytes_out", (json_int_t)out, "packets", (json_int_t)packets, "flows", (json_int_t)flows, "share",
			 all ? (double)(in + out) / (double)all : 0.0);
}

json_t *web_flow_sums_apps(const struct web_flow_sums *sums, const struct web_view *view, int64_t from_s, uint32_t limit,
			   uint64_t *ret_records, int64_t *ret_from_s)
{
	struct app_sum by_app[WEB_APPS] = {0};
	json_t *rows = json_array();
	uint64_t all = 0;
	*ret_records = 0;
	*ret_from_s = 0;
	for (uint32_t i = 0; i < WEB_APPS; i++)
		by_app[i].app = (uint16_t)i;
	for (unsigned i = 0; i < WEB_FLOW_BUCKETS; i++) {
		const struct bucket *b = &sums->bucket[i];
		if (!b->number || (b->number + 1) * WEB_FLOW_BUCKET_S <= from_s)
			continue;
		for (uint32_t t = 0; t < b->room; t++)
			sum_triple(sums, view, &b->triple[t], by_app, ret_records);
		sum_triple(sums, view, &b->other, by_app, ret_records);
		if (!*ret_from_s || b->number * WEB_FLOW_BUCKET_S < *ret_from_s)
			*ret_from_s = b->number * WEB_FLOW_BUCKET_S;
	}
	for (uint32_t i = 0; i < sums->apps; i++)
		all += by_app[i].in + by_app[i].out;
	qsort(by_app, sums->apps, sizeof *by_app, heavier_app);
	for (uint32_t i = 0; i < sums->apps && i < limit && by_app[i].flows; i++)
		json_array_append_new(rows, row(sums->app[by_app[i].app], by_app[i].in, by_app[i].out, by_app[i].packets, by_app[i].flows, all));
	return rows;
}

static int by_address(const void *a, const void *b)
{
	const struct web_heavy_key *x = &((const struct web_heavy_one *)a)->key, *y = &((const struct web_heavy_one *)b)->key;
	return x->af != y->af ? (int)x->af - y->af : memcmp(x->address, y->address, sizeof x->address);
}

static int heavier_host(const void *a, const void *b)
{
	const struct web_heavy_one *x = a, *y = b;
	return x->weight != y->weight ? (x->weight < y->weight) - (x->weight > y->weight) : by_address(a, b);
}

// Of all buckets of the last hour what the view sees, one for each address.
static uint32_t gather(const struct web_flow_sums *sums, const struct web_view *view, int64_t now_s, struct web_heavy_one *to,
		       uint64_t *ret_records, int64_t *ret_from_s, uint64_t *ret_error)
{
	int64_t oldest = now_s / WEB_FLOW_BUCKET_S - (WEB_HOST_BUCKETS - 1);
	uint32_t n = 0, merged = 0;
	for (unsigned i = 0; i < WEB_HOST_BUCKETS; i++) {
		const struct host_bucket *b = &sums->host[i];
		if (!b->heavy || b->number < oldest || b->heavy->count == 0)
			continue;
		*ret_records += view->scope.all ? b->records : 0;
		*ret_error += b->heavy->count == WEB_HEAVY ? b->heavy->one[0].weight : 0;
		if (!*ret_from_s || b->number * WEB_FLOW_BUCKET_S < *ret_from_s)
			*ret_from_s = b->number * WEB_FLOW_BUCKET_S;
		for (uint32_t k = 0; k < b->heavy->count; k++)
			if (web_body_sees(sums->bodies, view, b->heavy->one[k].key.body))
				to[n++] = b->heavy->one[k];
	}
	qsort(to, n, sizeof *to, by_address);
	for (uint32_t i = 0; i < n; i++) {
		if (merged == 0 || by_address(&to[merged - 1], &to[i]) != 0) {
			to[merged++] = to[i];
			continue;
		}
		struct web_heavy_one *one = &to[merged - 1];
		one->weight += to[i].weight;
		one->in += to[i].in;
		one->out += to[i].out;
		one->packets += to[i].packets;
		one->flows += to[i].flows;
	}
	return merged;
}

static json_t *host_row(const struct web_flow_sums *sums, const struct web_view *view, const struct web_heavy_one *one, uint64_t all)
{
	json_t *end = web_end_json(sums->bodies, view, one->key.af, one->key.address, 0, 0), *ip = json_object_get(end, "ip");
	json_t *host = row(json_is_string(ip) ? json_string_value(ip) : "", one->in, one->out, one->packets, one->flows, all);
	json_object_set(host, "org", json_object_get(end, "org") ? json_object_get(end, "org") : json_null());
	json_object_set(host, "inside", json_object_get(end, "inside") ? json_object_get(end, "inside") : json_false());
	json_object_set_new(host, "bytes", json_integer((json_int_t)one->weight));
	if (json_object_get(end, "masked"))
		json_object_set_new(host, "masked", json_true());
	json_decref(end);
	return host;
}

json_t *web_flow_sums_hosts(const struct web_flow_sums *sums, const struct web_view *view, int64_t now_s, uint32_t limit,
			    uint64_t *ret_records, int64_t *ret_from_s, uint64_t *ret_error)
{
	*ret_records = *ret_error = 0;
	*ret_from_s = 0;
	json_t *rows = json_array();
	struct web_heavy_one *all = calloc(WEB_HOST_BUCKETS * WEB_HEAVY, sizeof *all);
	if (!all)
		return rows;
	uint32_t count = gather(sums, view, now_s, all, ret_records, ret_from_s, ret_error);
	uint64_t weight = 0;
	for (uint32_t i = 0; i < count; i++) {
		weight += all[i].weight;
		*ret_records += view->scope.all ? 0 : all[i].flows;
	}
	qsort(all, count, sizeof *all, heavier_host);
	for (uint32_t i = 0; i < count && i < limit; i++)
		json_array_append_new(rows, host_row(sums, view, &all[i], weight));
	free(all);
	return rows;
}
