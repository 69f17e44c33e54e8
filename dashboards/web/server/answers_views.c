// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Routes of saved views: a name for what stands in the address of a page, for oneself, for everybody of one's role, for all. In Redis:
//   yagura:web:views   hash: id -> {"name":…,"page":…,"query":…,"owner":…,"role":…,"shared":…,"created_ms":…}
// A view shows nobody more than he may see: it is a question, and who asks it gets his own answer.
//
// Bounded: WEB_USER_VIEWS of one, WEB_VIEWS in all.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "bodies.h"
#include "http.h"
#include "loop.h"
#include "query_parts.h"
#include "redis.h"
#include "server.h"

enum { WEB_USER_VIEWS = 50, WEB_VIEWS = 5000, VIEW_NAME_CHARACTERS = 80, VIEW_QUERY_BYTES = 2048, VIEW_ID_BYTES = 8 };

struct step {
	struct web_request *request;
	struct web_server *server;
	char name[WEB_USER_MAX], id[2 * VIEW_ID_BYTES + 1];
	enum web_role role;
	json_t *row; // to be made
};

static struct step *step_new(struct web_request *request, struct web_server *server)
{
	struct step *step = calloc(1, sizeof *step);
	const struct web_user *user = web_request_view(request)->user;
	if (!step) {
		web_answer_problem(request, 503, "busy");
		return NULL;
	}
	*step = (struct step){.request = request, .server = server, .role = user->role};
	memcpy(step->name, user->name, sizeof step->name);
	web_answer_later(request);
	return step;
}

static void finish(struct step *step, unsigned status, json_t *body)
{
	web_answer(step->request, status, body, 0);
	json_decref(step->row);
	free(step);
}

static void fail(struct step *step, unsigned status, const char *code)
{
	finish(step, status, web_problem(status, code));
}

static void ask(struct step *step, web_reply done, int argc, const char **argv)
{
	size_t sizes[4];
	for (int i = 0; i < argc; i++)
		sizes[i] = strlen(argv[i]);
	web_redis_ask(step->server->redis, done, step, argc, argv, sizes);
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));
	return text ? text : "";
}

static bool is_mine(const struct step *step, const json_t *row)
{
	return strcmp(text_of(row, "owner"), step->name) == 0;
}

static bool may_see(const struct step *step, const json_t *row)
{
	const char *shared = text_of(row, "shared");
	return is_mine(step, row) || strcmp(shared, "all") == 0 ||
	       (strcmp(shared, "role") == 0 && strcmp(text_of(row, "role"), web_role_name(step->role)) == 0);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

// As the search would read it: a query stands here as it stood in an address, and full-width digits are digits. free() it.
static char *as_read(const char *text)
{
	char *plain = strdup(text), *to = plain, *folded = NULL;
	for (const char *p = text; plain && *p; p++) {
		bool escape = *p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0;
		char c = escape ? (char)(hex(p[1]) << 4 | hex(p[2])) : *p == '+' ? ' ' : *p;
		*to++ = c ? c : ' ';
		p += escape ? 2 : 0;
	}
	if (plain) {
		*to = '\0';
		folded = web_fold_text(plain);
	}
	free(plain);
	return folded;
}

// A question that names a machine tells of it: what another wrote is shown to who may know each address in it.
static bool may_know(const struct step *step, const json_t *row)
{
	static const char *const told[] = {"name", "query"};
	bool all = true;
	for (unsigned i = 0; i < 2 && !is_mine(step, row); i++) {
		const char *text = text_of(row, told[i]);
		char *plain = as_read(text);
		char *masked = plain ? web_mask_text(step->server->bodies, web_request_view(step->request), plain, true) : NULL;
		all = all && masked && strcmp(masked, plain) == 0;
		free(plain);
		free(masked);
	}
	return all;
}

static json_t *shown(const struct step *step, const char *id, json_t *row)
{
	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "mine", json_boolean(is_mine(step, row)));
	json_object_del(row, "role");
	return row;
}

// ---- list ----

static void got_all(void *context, const redisReply *reply)
{
	struct step *step = context;
	json_t *rows = json_array();
	if (!reply || reply->type != REDIS_REPLY_ARRAY) {
		json_decref(rows);
		fail(step, 503, "redis_away");
		return;
	}
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		json_t *row = json_loadb(reply->element[i + 1]->str, reply->element[i + 1]->len, 0, NULL);
		if (json_is_object(row) && may_see(step, row) && may_know(step, row))
			json_array_append_new(rows, shown(step, reply->element[i]->str, json_incref(row)));
		json_decref(row);
	}
	finish(step, 200, json_pack("{s:o}", "rows", rows));
}

void web_op_views(struct web_request *request, struct web_server *server)
{
	struct step *step = step_new(request, server);
	const char *argv[] = {"HGETALL", "yagura:web:views"};
	if (step)
		ask(step, got_all, 2, argv);
}

// ---- make ----

static void made(void *context, const redisReply *reply)
{
	struct step *step = context;
	if (!reply || reply->type != REDIS_REPLY_INTEGER) {
		fail(step, 503, "redis_away");
		return;
	}
	finish(step, 201, shown(step, step->id, json_incref(step->row)));
}

static void counted(void *context, const redisReply *reply)
{
	struct step *step = context;
	unsigned mine = 0;
	if (!reply || reply->type != REDIS_REPLY_ARRAY) {
		fail(step, 503, "redis_away");
		return;
	}
	for (size_t i = 0; i < reply->elements; i++) {
		json_t *row = json_loadb(reply->element[i]->str, reply->element[i]->len, 0, NULL);
		mine += is_mine(step, row);
		json_decref(row);
	}
	char *text = mine < WEB_USER_VIEWS && reply->elements < WEB_VIEWS ? json_dumps(step->row, JSON_COMPACT) : NULL;
	if (!text) {
		fail(step, 409, mine < WEB_USER_VIEWS ? "too_many_views_all" : "too_many_views");
		return;
	}
	unsigned char random[VIEW_ID_BYTES];
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(step->id, sizeof step->id, random, sizeof random);
	const char *argv[] = {"HSET", "yagura:web:views", step->id, text};
	ask(step, made, 4, argv);
	free(text);
}

static bool is_one_of(const char *text, const char *const *allowed)
{
	for (unsigned i = 0; allowed[i]; i++)
		if (strcmp(allowed[i], text) == 0)
			return true;
	return false;
}

static size_t characters(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

void web_op_view_create(struct web_request *request, struct web_server *server)
{
	static const char *const pages[] = {"inbox", "alerts", "timeline", "bodies", NULL}, *const whom[] = {"me", "role", "all", NULL};
	const json_t *body = web_request_body(request);
	const char *name = text_of(body, "name"), *page = text_of(body, "page"), *query = text_of(body, "query"),
	           *shared = text_of(body, "shared");
	if (!name[strspn(name, " \t\r\n")] || characters(name) > VIEW_NAME_CHARACTERS || strlen(query) > VIEW_QUERY_BYTES ||
	    !is_one_of(page, pages) || !is_one_of(shared, whom)) {
		web_answer_problem(request, 422, "bad_value");
		return;
	}
	struct step *step = step_new(request, server);
	if (!step)
		return;
	step->row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "name", name, "page", page, "query", query, "owner", step->name,
	                      "role", web_role_name(step->role), "shared", shared, "created_ms", (json_int_t)(web_clock_ns() / 1000000));
	const char *argv[] = {"HVALS", "yagura:web:views"};
	ask(step, counted, 2, argv);
}

// ---- delete ----

static void deleted(void *context, const redisReply *reply)
{
	struct step *step = context;
	if (!reply || reply->type != REDIS_REPLY_INTEGER)
		fail(step, 503, "redis_away");
	else
		finish(step, 204, NULL);
}

static void got_one(void *context, const redisReply *reply)
{
	struct step *step = context;
	json_t *row = reply && reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, reply->len, 0, NULL) : NULL;
	const char *argv[] = {"HDEL", "yagura:web:views", step->id};
	if (!reply)
		fail(step, 503, "redis_away");
	else if (!row || !is_mine(step, row))
		fail(step, 404, "not_found"); // another's is none that he could delete, whether he sees it or not
	else
		ask(step, deleted, 3, argv);
	json_decref(row);
}

void web_op_view_delete(struct web_request *request, struct web_server *server)
{
	const char *id = web_request_path(request, "id");
	if (strlen(id) != 2 * VIEW_ID_BYTES || strspn(id, "0123456789abcdef") != 2 * VIEW_ID_BYTES) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	struct step *step = step_new(request, server);
	if (!step)
		return;
	memcpy(step->id, id, 2 * VIEW_ID_BYTES + 1);
	const char *argv[] = {"HGET", "yagura:web:views", step->id};
	ask(step, got_one, 3, argv);
}
