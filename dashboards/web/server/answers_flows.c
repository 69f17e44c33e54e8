// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Flow records of given ends, read from the newest backwards out of the sensor's stream, WEB_FLOWS_SEARCHED at most: Redis has no index of
// them, and a page needs what is near. A record is shown to who sees the body of one of its ends: that an alert concerns a body
// does not open
// the whole traffic of the host that is attacked.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers_ask.h"
#include "base/json_read.h"
#include "bodies.h"
#include "index_parts.h"
#include "measure.h"

enum { WEB_FLOWS_SEARCHED = 5000, FLOW_PIECE = 500 };

struct flow_line {
	uint8_t af, target_af, source[16], target[16]; // af 0: none
	uint16_t source_port, target_port;
	int64_t start_ns, end_ns;
	double packets_to, packets_back, bytes_to, bytes_back, id;
	bool is_flow;
	char proto[12], app[64], hostname[256], community[64], end[16];
};

struct search {
	struct web_server *server;
	const struct web_view *view;
	struct flow_ends ends;
	uint32_t limit, searched, seen; // seen: of searched, those that the view may see
	char sensor[64], key[WEB_KEY_BYTES], behind[48];
	bool tagged;              // of the two names of the stream: the one with the tag comes first
	json_t *rows;
	web_rows done;
	void *context;
};

static void address(const char *text, uint8_t *ret_af, uint8_t to[16])
{
	memset(to, 0, 16);
	*ret_af = strchr(text, ':') ? 6 : 4;
	if (inet_pton(*ret_af == 6 ? AF_INET6 : AF_INET, text, to) != 1)
		*ret_af = 0;
}

static uint16_t port(const struct yg_json_value *v)
{
	double n = yg_json_number(v, 0);
	return n >= 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static void text_of(char *to, size_t size, const struct yg_json_value *v)
{
	yg_plain_text(to, size, v->text, v->length);
}

static void take(void *context, const struct yg_json_value *v)
{
	struct flow_line *f = context;
	if (strcmp(v->path, "event_type") == 0)
		f->is_flow = strcmp(v->text, "flow") == 0;
	else if (strcmp(v->path, "src_ip") == 0)
		address(v->text, &f->af, f->source);
	else if (strcmp(v->path, "dest_ip") == 0)
		address(v->text, &f->target_af, f->target);
	else if (strcmp(v->path, "src_port") == 0)
		f->source_port = port(v);
	else if (strcmp(v->path, "dest_port") == 0)
		f->target_port = port(v);
	else if (strcmp(v->path, "flow_id") == 0)
		f->id = yg_json_number(v, 0);
	else if (strcmp(v->path, "proto") == 0)
		text_of(f->proto, sizeof f->proto, v);
	else if (strcmp(v->path, "community_id") == 0)
		text_of(f->community, sizeof f->community, v);
	else if (strcmp(v->path, "ndpi.proto") == 0)
		text_of(f->app, sizeof f->app, v);
	else if (strcmp(v->path, "ndpi.hostname") == 0)
		text_of(f->hostname, sizeof f->hostname, v);
	else if (strcmp(v->path, "ndpi.end") == 0)
		text_of(f->end, sizeof f->end, v);
	else if (strcmp(v->path, "flow.start") == 0)
		web_time_parse(v->text, &f->start_ns);
	else if (strcmp(v->path, "flow.end") == 0)
		web_time_parse(v->text, &f->end_ns);
	else if (strcmp(v->path, "flow.pkts_toserver") == 0)
		f->packets_to = yg_json_number(v, 0);
	else if (strcmp(v->path, "flow.pkts_toclient") == 0)
		f->packets_back = yg_json_number(v, 0);
	else if (strcmp(v->path, "flow.bytes_toserver") == 0)
		f->bytes_to = yg_json_number(v, 0);
	else if (strcmp(v->path, "flow.bytes_toclient") == 0)
		f->bytes_back = yg_json_number(v, 0);
}

static bool has_end(const struct search *s, const struct flow_line *f)
{
	for (uint32_t i = 0; i < s->ends.count; i++)
		if (s->ends.af[i] == f->af && (memcmp(s->ends.address[i], f->source, 16) == 0 || memcmp(s->ends.address[i], f->target, 16) == 0))
			return true;
	return false;
}

static bool sees(const struct search *s, const struct flow_line *f)
{
	bool inside;
	return s->view->scope.all || view_sees_body(s->view, web_body_of(s->server->bodies, f->af, f->source, &inside)) ||
	       view_sees_body(s->view, web_body_of(s->server->bodies, f->af, f->target, &inside));
}

static json_int_t whole(double n)
{
	return n < 0 ? 0 : n > 9e15 ? INT64_C(9000000000000000) : (json_int_t)n;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *row_of(const struct search *s, const struct flow_line *f)
{
	const struct web_bodies *bodies = s->server->bodies;
	int bits = f->af == 6 ? 128 : 32;
	json_t *row = json_object();
	char *host = s->view->masked ? web_mask_text(bodies, s->view, f->hostname, true) : NULL;
	json_object_set_new(row, "start_ms", json_integer(f->start_ns / 1000000));
	json_object_set_new(row, "end_ms", json_integer(f->end_ns / 1000000));
	json_object_set_new(row, "source", web_end_json(bodies, s->view, f->af, f->source, bits, f->source_port));
	json_object_set_new(row, "target", web_end_json(bodies, s->view, f->af, f->target, bits, f->target_port));
	json_object_set_new(row, "proto", json_string(f->proto));
	json_object_set_new(row, "app", json_string(f->app));
	json_object_set_new(row, "packets_to", json_integer(whole(f->packets_to)));
	json_object_set_new(row, "packets_back", json_integer(whole(f->packets_back)));
	json_object_set_new(row, "bytes_to", json_integer(whole(f->bytes_to)));
	json_object_set_new(row, "bytes_back", json_integer(whole(f->bytes_back)));
	json_object_set_new(row, "hostname", text_or_null(s->view->masked ? (host ? host : "") : f->hostname));
	// a Community ID is a hash of both ends, as the flow's own id is, which could be tried: not for who is not to know one
	json_object_set_new(row, "community_id", s->view->masked ? json_null() : text_or_null(f->community));
	json_object_set_new(row, "flow_id", f->id > 0 && !s->view->masked ? json_integer(whole(f->id)) : json_null());
	json_object_set_new(row, "end", json_string(f->end));
	free(host);
	return row;
}

static void finish(struct search *s, bool away, bool delivered)
{
	const json_int_t searched = s->view->scope.all ? s->searched : s->seen; // how much others talk is not for everybody
	json_t *flows = away ? NULL : json_pack("{s:b, s:I, s:o}", "delivered", delivered, "searched", searched, "rows", s->rows);
	if (away)
		json_decref(s->rows);
	s->done(s->context, flows);
	free(s);
}

static void ask(struct search *s);

static void begin(struct search *s, bool tagged)
{
	s->tagged = tagged;
	web_sensor_key(s->key, s->sensor, tagged, "flows");
	snprintf(s->behind, sizeof s->behind, "+");
}

static void piece_came(void *context, const redisReply *reply)
{
	struct search *s = context;
	if (!reply || reply->type != REDIS_REPLY_ARRAY) {
		finish(s, !reply, false);
		return;
	}
	for (size_t i = 0; i < reply->elements && json_array_size(s->rows) < s->limit; i++) {
		const redisReply *line = reply_line(reply->element[i]);
		struct flow_line f = {.af = 0};
		s->searched++;
		if (!line || !yg_json_read(line->str, line->len, take, &f) || !f.is_flow || !f.af || f.target_af != f.af || !sees(s, &f))
			continue;
		s->seen++;
		if (has_end(s, &f))
			json_array_append_new(s->rows, row_of(s, &f));
	}
	const redisReply *last = reply->elements ? reply->element[reply->elements - 1] : NULL;
	bool more = last && reply->elements == FLOW_PIECE && last->type == REDIS_REPLY_ARRAY && last->elements &&
		    last->element[0]->str;
	bool enough = s->searched >= WEB_FLOWS_SEARCHED || json_array_size(s->rows) >= s->limit;
	if (enough || (!more && !s->tagged)) {
		finish(s, false, s->searched > 0);
		return;
	}
	if (more)
		snprintf(s->behind, sizeof s->behind, "(%.40s", last->element[0]->str);
	else // what came before it met a cluster
		begin(s, false);
	ask(s);
}

static void ask(struct search *s)
{
	const char *argv[] = {"XREVRANGE", s->key, s->behind, "-", "COUNT", "500"};
	const size_t sizes[] = {9, strlen(s->key), strlen(s->behind), 1, 5, 3};
	web_redis_ask(s->server->redis, piece_came, s, 6, argv, sizes);
}

void web_flows(struct web_server *server, const struct web_view *view, const char *sensor, const struct flow_ends *ends, uint32_t limit,
	       web_rows done, void *context)
{
	struct search *s = calloc(1, sizeof *s);
	if (!s || !(s->rows = json_array())) {
		free(s);
		done(context, NULL);
		return;
	}
	s->server = server;
	s->view = view;
	s->ends = *ends;
	s->limit = limit;
	s->done = done;
	s->context = context;
	snprintf(s->sensor, sizeof s->sensor, "%s", sensor);
	begin(s, web_sensor_tagged(server->measure, sensor));
	ask(s);
}
