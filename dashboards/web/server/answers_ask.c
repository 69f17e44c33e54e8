// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See answers_ask.h.
#include "alert.h"
#include "answers_ask.h"
#include "http.h"
#include "index.h"
#include "loop.h"
#include "range.h"
#include "redis.h"
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void asked_free(struct asked *asked)
{
	web_query_free(asked->query);
	json_decref(asked->body);
	json_decref(asked->history);
	free(asked);
}

void asked_refuse(struct asked *asked, unsigned status, const char *code)
{
	web_answer_problem(asked->request, status, code);
	asked_free(asked);
}

json_t *cursor_json(const char *cursor)
{
	return *cursor ? json_string(cursor) : json_null();
}

json_t *ms_json(int64_t ns, bool known)
{
	return known ? json_integer(ns / 1000000) : json_null();
}

bool asked_good(struct asked *asked, int error)
{
	if (!error)
		return true;
	asked_refuse(asked, error == -ENOMEM ? 503 : 422, error == -EINVAL ? "bad_cursor" : error == -E2BIG ? "too_costly" : "busy");
	return false;
}

static void refuse_query(struct web_request *request, const struct web_query_error *error)
{
	json_t *problem = web_problem(422, "bad_query");
	json_object_set_new(problem, "at", json_integer(error->at));
	json_object_set_new(problem, "detail", json_string(error->code));
	json_object_set_new(problem, "hint", json_string(error->hint));
	web_answer(request, 422, problem, 0);
}

static bool read_limit(const char *text, uint32_t *ret)
{
	size_t n = text ? strspn(text, "0123456789") : 0;
	if (!text || !*text)
		return true;
	*ret = n < 4 && !text[n] ? (uint32_t)strtoul(text, NULL, 10) : 0;
	return *ret >= 1 && *ret <= WEB_PAGE_ROWS;
}

// The code of what is wrong besides the query, or NULL.
static const char *read_rest(struct asked *asked)
{
	int order = web_order_find(web_request_query(asked->request, "sort"));
	int tab = web_tab_find(web_request_query(asked->request, "state"));
	asked->ask.tab = (enum web_tab)tab;
	asked->ask.order = (enum web_order)order;
	asked->cursor = web_request_query(asked->request, "cursor");
	if (tab < 0 || order < 0)
		return "bad_parameter";
	if (!web_range_parse(web_request_query(asked->request, "range"), web_clock_ns(), &asked->ask.range))
		return "bad_range";
	return read_limit(web_request_query(asked->request, "limit"), &asked->limit) ? NULL : "bad_parameter";
}

struct asked *asked_read(struct web_request *request, struct web_server *server, uint32_t limit)
{
	struct asked *asked = calloc(1, sizeof *asked);
	const char *text = web_request_query(request, "q");
	struct web_query_error error;
	if (!asked || !web_index_ready(server->index) || web_state_awaited(server->state)) {
		free(asked);
		web_answer_retry(request, 1);
		web_answer_problem(request, 503, web_redis_up(server->redis) ? "starting" : "redis_away");
		return NULL;
	}
	asked->request = request;
	asked->server = server;
	asked->view = web_request_view(request);
	asked->limit = limit;
	asked->at = WEB_NOWHERE;
	const char *code = read_rest(asked);
	if (code) {
		asked_refuse(asked, 422, code);
		return NULL;
	}
	asked->query = web_query_parse(text ? text : "", asked->view->user ? asked->view->user->name : "", &error);
	if (!asked->query) {
		refuse_query(request, &error);
		asked_free(asked);
		return NULL;
	}
	asked->ask.query = asked->query;
	return asked;
}
