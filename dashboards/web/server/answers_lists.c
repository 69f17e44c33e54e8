// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// GET /groups, /alerts, /campaigns/{id}: lists with rows.
#include <stdlib.h>
#include <string.h>

#include "answers_ask.h"
#include "http.h"
#include "index.h"

enum { ROWS = 100 };

static void rows_came(void *context, json_t *rows)
{
	struct asked *asked = context;
	if (!rows) {
		asked_refuse(asked, 503, "redis_away");
		return;
	}
	json_object_set_new(asked->body, "rows", rows);
	web_answer(asked->request, 200, json_incref(asked->body), 0);
	asked_free(asked);
}

void web_op_groups(struct web_request *request, struct web_server *server)
{
	static const char *const names[WEB_TABS] = {"inbox", "new", "acknowledged", "escalated", "archived", "suppressed", "shadow", "all"};
	struct asked *asked = asked_read(request, server, ROWS);
	if (!asked)
		return;
	int error = web_index_groups(server->index, asked->view, &asked->ask, asked->cursor, asked->limit, &asked->page);
	if (!asked_good(asked, error))
		return;
	// when others had something is not his to know
	int64_t last = asked->view->scope.all ? web_index_last_ns(server->index) : asked->page.checked_ns;
	json_t *counts = json_object();
	for (int i = 0; i < WEB_TABS; i++)
		json_object_set_new(counts, names[i], json_integer((json_int_t)asked->page.tabs[i]));
	asked->body = json_pack("{s:I, s:o, s:o, s:{s:I, s:o}}", "total", (json_int_t)asked->page.total, "cursor", cursor_json(asked->page.cursor),
				"counts", counts, "checked", "alerts", (json_int_t)asked->page.checked, "last_ms", ms_json(last, last != 0));
	web_answer_later(request);
	web_index_group_rows(server->index, asked->view, &asked->ask, asked->page.rows, asked->page.count, rows_came, asked);
}

static json_t *histogram(const struct web_page *page)
{
	json_t *values = json_array();
	for (uint32_t i = 0; i < page->bins_count; i++)
		json_array_append_new(values, json_integer(page->bins[i]));
	return json_pack("{s:I, s:I, s:o}", "start_ms", (json_int_t)(page->start_ns / 1000000), "step_ms", (json_int_t)(page->step_ns / 1000000),
			 "values", values);
}

void web_op_alerts(struct web_request *request, struct web_server *server)
{
	struct asked *asked = asked_read(request, server, ROWS);
	if (!asked)
		return;
	if (asked->ask.order == WEB_BY_CHANGE) { // nothing is done to a single alert
		asked_refuse(asked, 422, "bad_parameter");
		return;
	}
	int error = web_index_alerts(server->index, asked->view, &asked->ask, asked->cursor, asked->limit, &asked->page);
	if (!asked_good(asked, error))
		return;
	asked->body = json_pack("{s:I, s:o, s:o}", "total", (json_int_t)asked->page.total, "cursor", cursor_json(asked->page.cursor), "histogram",
				histogram(&asked->page));
	web_answer_later(request);
	web_index_alert_rows(server->index, asked->view, asked->page.rows, asked->page.count, rows_came, asked);
}

// ---- campaigns ----

struct pulses {
	struct asked *asked;
	uint64_t id;
};

static int compare_first(const struct web_index *index, uint32_t a, uint32_t b)
{
	int64_t x = web_index_alert(index, a)->first_ns, y = web_index_alert(index, b)->first_ns;
	return x < y ? -1 : x > y;
}

// In its place among the newest WEB_PAGE_ROWS, oldest first.
static bool add_pulse(void *context, uint32_t at)
{
	struct pulses *p = context;
	const struct web_index *index = p->asked->server->index;
	struct web_page *page = &p->asked->page;
	const struct web_alert *a = web_index_alert(index, at);
	if (a->campaign != p->id && a->id != p->id)
		return true;
	page->total++;
	if (page->count == WEB_PAGE_ROWS) {
		if (compare_first(index, at, page->rows[0]) < 0)
			return true;
		memmove(page->rows, page->rows + 1, --page->count * sizeof *page->rows);
	}
	uint32_t i = page->count++;
	for (; i > 0 && compare_first(index, at, page->rows[i - 1]) < 0; i--)
		page->rows[i] = page->rows[i - 1];
	page->rows[i] = at;
	return true;
}

void web_op_campaign(struct web_request *request, struct web_server *server)
{
	struct asked *asked = asked_read(request, server, WEB_PAGE_ROWS);
	if (!asked)
		return;
	const char *text = web_request_path(request, "id"), *colon = strrchr(text, ':');
	const char *id = colon ? colon + 1 : text;
	struct pulses p = {asked, strtoull(id, NULL, 16)};
	if (strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16 && p.id)
		web_index_each_alert(server->index, asked->view, asked->ask.range, add_pulse, &p);
	if (!asked->page.total) {
		asked_refuse(asked, 404, "not_found");
		return;
	}
	asked->body = json_pack("{s:I, s:n}", "total", (json_int_t)asked->page.total, "cursor");
	web_answer_later(request);
	web_index_alert_rows(server->index, asked->view, asked->page.rows, asked->page.count, rows_came, asked);
}
