// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Routes of login sessions: one's own, and for administrators those of anybody. All others of one's own are ended in answers_session.c, for
// the caller's goes on under a new token.
#include <string.h>

#include "auth_parts.h"
#include "http.h"
#include "server.h"

static void listed(void *context, json_t *rows)
{
	struct web_request *request = context;
	if (rows)
		web_answer(request, 200, json_pack("{s:o}", "rows", rows), 0);
	else
		web_answer_problem(request, 503, "redis_away");
}

static void list(struct web_request *request, struct web_server *server, const char *user)
{
	web_answer_later(request);
	web_sessions_list(server->auth->sessions, user, web_request_session(request)->id, listed, request);
}

void web_op_sessions(struct web_request *request, struct web_server *server)
{
	list(request, server, web_request_session(request)->user.name);
}

void web_op_user_sessions(struct web_request *request, struct web_server *server)
{
	const struct web_account *account = web_accounts_find(server->auth->accounts, web_request_path(request, "name"));
	if (account)
		list(request, server, account->user.name);
	else
		web_answer_problem(request, 404, "not_found");
}

static void one_ended(void *context, json_t *rows)
{
	struct web_request *request = context;
	const struct web_session *session = web_request_session(request);
	const char *id = web_request_path(request, "id");
	if (!rows || json_array_size(rows) == 0) {
		web_answer_problem(request, rows ? 404 : 503, rows ? "not_found" : "redis_away");
	} else {
		if (session && strcmp(session->id, id) == 0)
			web_answer_cookie(request, NULL); // one's own: that is a logout
		web_answer(request, 204, NULL, 0);
	}
	json_decref(rows);
}

void web_op_session_end(struct web_request *request, struct web_server *server)
{
	const char *id = web_request_path(request, "id");
	if (strlen(id) != 12 || strspn(id, "0123456789abcdef") != 12) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	web_request_audit(request, "end session %s", id);
	web_answer_later(request);
	web_sessions_end_one(server->auth->sessions, web_request_session(request)->user.name, id, one_ended, request);
}

static void all_ended(void *context, enum web_put result, const struct web_account *account)
{
	struct web_request *request = context;
	if (result == WEB_PUT_OK && account)
		web_answer(request, 204, NULL, 0);
	else
		web_answer_problem(request, result == WEB_PUT_CONFLICT ? 409 : 503, result == WEB_PUT_CONFLICT ? "conflict" : "redis_away");
}

// By his epoch, so that there is none left, in whatever process.
void web_op_user_sessions_end(struct web_request *request, struct web_server *server)
{
	const struct web_account *account = web_accounts_find(server->auth->accounts, web_request_path(request, "name"));
	struct web_account after;
	if (!account || !web_account_copy(account, &after)) {
		web_answer_problem(request, account ? 503 : 404, account ? "busy" : "not_found");
		return;
	}
	after.epoch++;
	web_request_audit(request, "end the sessions of %s", after.user.name);
	web_answer_later(request);
	web_accounts_put(server->auth->accounts, &after, false, all_ended, request);
	web_account_finish(&after);
}
