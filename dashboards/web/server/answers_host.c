// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /hosts/{ip}: what is known of one address: its alerts, the other ends, days, flows. For a masked caller the address of another body's
// host does not exist.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answers_ask.h"
#include "bodies.h"
#include "http.h"
#include "index.h"
#include "line.h"
#include "loop.h"
#include "range.h"

enum { ALERTS = 100, PEERS = 20, PEERS_COUNTED = 512, DAYS = 31, FLOWS = 50 };
static const int64_t DAY = INT64_C(86400000000000);

struct peer {
	uint8_t af, length, address[16];
	uint32_t alerts;
};

struct host {
	struct asked *asked;
	uint8_t af, address[16];
	int64_t first_ns, last_ns, first_day_ns;
	uint32_t days[DAYS][WEB_SEVERITIES];
	struct peer peers[PEERS_COUNTED];
	uint32_t peers_count;
	const char *sensor;
};

static void add_peer(struct host *h, uint8_t af, const uint8_t address[16], uint8_t length)
{
	uint32_t i = 0;
	if (!af || (h->asked->view->masked && web_body_masks(h->asked->server->bodies, h->asked->view, af, address)))
		return;
	while (i < h->peers_count && (h->peers[i].af != af || h->peers[i].length != length || memcmp(h->peers[i].address, address, 16) != 0))
		i++;
	if (i == PEERS_COUNTED)
		return; // the many ends of a scan or a flood, each with one alert
	if (i == h->peers_count) {
		h->peers[h->peers_count++] = (struct peer){.af = af, .length = length};
		memcpy(h->peers[i].address, address, 16);
	}
	h->peers[i].alerts++;
}

static void keep(struct web_page *page, const struct web_index *index, uint32_t at)
{
	int64_t time = web_index_alert(index, at)->time_ns;
	if (page->count == ALERTS && time <= web_index_alert(index, page->rows[ALERTS - 1])->time_ns)
		return;
	uint32_t i = page->count < ALERTS ? page->count++ : ALERTS - 1;
	for (; i > 0 && time > web_index_alert(index, page->rows[i - 1])->time_ns; i--)
		page->rows[i] = page->rows[i - 1];
	page->rows[i] = at;
}

static bool look(void *context, uint32_t at)
{
	struct host *h = context;
	const struct web_index *index = h->asked->server->index;
	const struct web_alert *a = web_index_alert(index, at);
	bool source = a->source_af == h->af && memcmp(a->source, h->address, 16) == 0;
	bool target = a->af == h->af && a->target_len == (h->af == 6 ? 128 : 32) && memcmp(a->target, h->address, 16) == 0;
	if ((!source && !target) || web_index_class(index, at) != WEB_COUNTED)
		return true;
	h->asked->page.total++;
	h->first_ns = !h->first_ns || a->first_ns < h->first_ns ? a->first_ns : h->first_ns;
	if (a->time_ns > h->last_ns) {
		h->last_ns = a->time_ns;
		h->sensor = web_index_sensor(index, a->sensor);
	}
	int64_t day = a->time_ns < h->first_day_ns ? -1 : (a->time_ns - h->first_day_ns) / DAY;
	if (day >= 0 && day < DAYS)
		h->days[day][a->severity]++;
	if (source)
		add_peer(h, a->af, a->target, a->target_len);
	else
		add_peer(h, a->source_af, a->source, a->source_af == 6 ? 128 : 32);
	keep(&h->asked->page, index, at);
	return true;
}

static int compare_peers(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	return x->alerts > y->alerts ? -1 : x->alerts < y->alerts;
}

static json_t *peers_json(struct host *h)
{
	json_t *list = json_array();
	qsort(h->peers, h->peers_count, sizeof *h->peers, compare_peers);
	for (uint32_t i = 0; i < h->peers_count && i < PEERS; i++) {
		const struct peer *p = &h->peers[i];
		json_t *end = web_end_json(h->asked->server->bodies, h->asked->view, p->af, p->address, p->length, 0);
		json_array_append_new(list, json_pack("{s:o, s:I}", "end", end, "alerts", (json_int_t)p->alerts));
	}
	return list;
}

static json_t *days_json(const struct host *h)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < DAYS; i++) {
		json_t *counts = json_object();
		for (unsigned s = 0; s < WEB_SEVERITIES; s++)
			json_object_set_new(counts, web_severity_name(s), json_integer(h->days[i][s]));
		json_array_append_new(list, json_pack("{s:I, s:o}", "day_ms", (json_int_t)((h->first_day_ns + i * DAY) / 1000000), "counts", counts));
	}
	return list;
}

static void flows_came(void *context, json_t *flows)
{
	struct host *h = context;
	if (!flows) {
		asked_refuse(h->asked, 503, "redis_away");
	} else {
		json_object_set_new(h->asked->body, "flows", flows);
		web_answer(h->asked->request, 200, json_incref(h->asked->body), 0);
		asked_free(h->asked);
	}
	free(h);
}

static void rows_came(void *context, json_t *rows)
{
	struct host *h = context;
	if (!rows) {
		asked_refuse(h->asked, 503, "redis_away");
		free(h);
		return;
	}
	struct flow_ends ends = {.af = {h->af}, .count = 1};
	memcpy(ends.address[0], h->address, 16);
	json_object_set_new(h->asked->body, "alerts", rows);
	if (h->sensor && *h->sensor) {
		web_flows(h->asked->server, h->asked->view, h->sensor, &ends, FLOWS, flows_came, h);
		return;
	}
	flows_came(h, json_pack("{s:b, s:i, s:[]}", "delivered", 0, "searched", 0, "rows"));
}

// The beginning of the day, thirty days ago, by the process's clock on the wall.
static int64_t first_day(void)
{
	int64_t now = web_clock_ns() / 1000000000;
	time_t clock = (time_t)now;
	struct tm tm = {0};
	localtime_r(&clock, &tm);
	int64_t local = now + tm.tm_gmtoff;
	return (local - local % 86400 - tm.tm_gmtoff) * INT64_C(1000000000) - (DAYS - 1) * DAY;
}

void web_op_host(struct web_request *request, struct web_server *server)
{
	struct asked *asked = asked_read(request, server, 1);
	struct host *h = asked ? calloc(1, sizeof *h) : NULL;
	const char *text = web_request_path(request, "ip");
	if (!asked)
		return;
	if (!h) {
		asked_refuse(asked, 503, "busy");
		return;
	}
	h->asked = asked;
	h->af = strchr(text, ':') ? 6 : 4;
	if (inet_pton(h->af == 6 ? AF_INET6 : AF_INET, text, h->address) != 1 ||
	    (asked->view->masked && web_body_masks(server->bodies, asked->view, h->af, h->address))) {
		asked_refuse(asked, 404, "not_found");
		free(h);
		return;
	}
	if (!asked->ask.range.to_ns)
		web_range_parse("30d", web_clock_ns(), &asked->ask.range);
	h->first_day_ns = first_day();
	web_index_each_alert(server->index, asked->view, asked->ask.range, look, h);
	asked->body = json_pack("{s:o, s:o, s:o, s:I, s:o, s:o}", "end",
				web_end_json(server->bodies, asked->view, h->af, h->address, h->af == 6 ? 128 : 32, 0), "first_ms",
				ms_json(h->first_ns, h->first_ns != 0), "last_ms", ms_json(h->last_ns, h->last_ns != 0), "total",
				(json_int_t)asked->page.total, "days", days_json(h), "peers", peers_json(h));
	web_answer_later(request);
	web_index_alert_rows(server->index, asked->view, asked->page.rows, asked->page.count, rows_came, h);
}
