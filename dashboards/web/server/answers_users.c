// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Routes of users, for administrators.
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth_parts.h"
#include "bodies.h"
#include "http.h"
#include "server.h"

struct change {
	struct web_request *request;
	struct web_server *server;
	struct web_account account;
	char password[WEB_GIVEN_PASSWORD]; // empty: none is given
	bool create;
};

static json_t *user_row(const struct web_server *server, const struct web_account *account)
{
	json_t *scope = account->user.scope.all ? json_string("all") : json_array();
	for (unsigned i = 0; i < account->codes_count; i++)
		json_array_append_new(scope, json_string(account->codes[i]));
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:I, s:o, s:I, s:I}", "name", account->user.name, "role",
	                 web_role_name(account->user.role), "scope", scope, "off", (int)account->user.off, "must_change_password",
	                 (int)account->user.must_change, "created_ms", (json_int_t)(account->user.created_ns / 1000000), "login_ms",
	                 account->user.login_ns ? json_integer(account->user.login_ns / 1000000) : json_null(), "sessions",
	                 (json_int_t)web_sessions_of(server->auth->sessions, account->user.name), "version",
	                 (json_int_t)account->user.version);
}

void web_op_users(struct web_request *request, struct web_server *server)
{
	const struct web_accounts *accounts = server->auth->accounts;
	json_t *rows = json_array(), *bodies = json_array();
	for (unsigned i = 0; i < web_accounts_count(accounts); i++)
		json_array_append_new(rows, user_row(server, web_accounts_at(accounts, i)));
	for (unsigned i = 0; i < web_bodies_count(server->bodies); i++)
		json_array_append_new(bodies, web_body_json(server->bodies, (uint16_t)i));
	web_answer(request, 200, json_pack("{s:o, s:o}", "rows", rows, "bodies", bodies), 0);
}

// ---- making and changing ----

static void change_free(struct change *change)
{
	web_account_finish(&change->account);
	sodium_memzero(change, sizeof *change);
	free(change);
}

static void change_fail(struct change *change, unsigned status, const char *code)
{
	web_answer_problem(change->request, status, code);
	change_free(change);
}

static void conflict(struct change *change)
{
	const struct web_account *now = web_accounts_find(change->server->auth->accounts, change->account.user.name);
	json_t *problem = web_problem(409, "conflict");
	if (now)
		json_object_set_new(problem, "current", user_row(change->server, now));
	web_answer(change->request, 409, problem, 0);
	change_free(change);
}

static void changed(void *context, enum web_put result, const struct web_account *account)
{
	struct change *change = context;
	static const struct {
		unsigned status;
		const char *code;
	} problems[] = {[WEB_PUT_EXISTS] = {409, "user_exists"},
	                [WEB_PUT_LAST_ADMIN] = {409, "last_admin"},
	                [WEB_PUT_FULL] = {507, "too_many_users"},
	                [WEB_PUT_NO_REDIS] = {503, "redis_away"}};
	if (result == WEB_PUT_CONFLICT) {
		conflict(change);
		return;
	}
	if (result != WEB_PUT_OK) {
		change_fail(change, problems[result].status, problems[result].code);
		return;
	}
	json_t *made = json_pack("{s:o, s:o}", "user", user_row(change->server, account), "password",
	                         change->password[0] ? json_string(change->password) : json_null());
	web_answer(change->request, change->create ? 201 : 200, made, account->user.version);
	change_free(change);
}

static void hashed(void *context, const char *hash)
{
	struct change *change = context;
	if (!hash) {
		change_fail(change, 503, "busy");
		return;
	}
	snprintf(change->account.hash, sizeof change->account.hash, "%s", hash);
	web_accounts_put(change->server->auth->accounts, &change->account, change->create, changed, change);
}

static void carry_out(struct web_request *request, struct web_server *server, struct web_account *account, bool create, bool give)
{
	struct change *change = calloc(1, sizeof *change);
	if (!change) {
		web_account_finish(account);
		web_answer_problem(request, 503, "busy");
		return;
	}
	*change = (struct change){.request = request, .server = server, .account = *account, .create = create};
	web_answer_later(request);
	if (!give) {
		web_accounts_put(server->auth->accounts, &change->account, create, changed, change);
		return;
	}
	web_auth_give(change->password);
	change->account.user.must_change = true;
	if (web_hasher_make(server->auth->hasher, change->password, hashed, change) != 0)
		change_fail(change, 503, "login_busy");
}

// "all", or codes of bodies that there are. NULL, or a code of messages.c.
static const char *read_scope(const struct web_server *server, const json_t *scope, struct web_account *account)
{
	const char *codes[WEB_SCOPE_MAX];
	unsigned count = 0;
	if (json_is_string(scope))
		return strcmp(json_string_value(scope), "all") == 0 && web_account_set_scope(account, true, NULL, 0) ? NULL : "bad_scope";
	if (!json_is_array(scope) || json_array_size(scope) > WEB_SCOPE_MAX)
		return "bad_scope";
	for (size_t i = 0; i < json_array_size(scope); i++) {
		const char *code = json_string_value(json_array_get(scope, i));
		bool twice = false;
		if (!code || strlen(code) >= WEB_CODE_MAX)
			return "unknown_body";
		for (unsigned k = 0; k < account->codes_count && !twice; k++) // what he has may be of a body that is gone since
			twice = strcmp(account->codes[k], code) == 0;
		if (!twice && web_body_find(server->bodies, code) == WEB_BODY_NONE)
			return "unknown_body";
		twice = false;
		for (unsigned k = 0; k < count; k++)
			twice = twice || strcmp(codes[k], code) == 0;
		if (!twice)
			codes[count++] = code;
	}
	return web_account_set_scope(account, false, codes, count) ? NULL : "bad_scope";
}

// What role and scope have to do with each other: a body's own viewer has bodies; users, the audit log and what else is of all bodies at
// once need the scope of all.
static const char *judge(const struct web_account *account)
{
	enum web_role role = account->user.role;
	if (!account->user.scope.all && !account->codes_count)
		return "bad_scope";
	if (role == WEB_ORG_VIEWER)
		return account->user.scope.all ? "scope_needs_bodies" : NULL;
	return (role == WEB_ADMIN || role == WEB_AUDITOR) && !account->user.scope.all ? "scope_needs_all" : NULL;
}

static const char *read_role(const json_t *role, struct web_account *account)
{
	int found = json_is_string(role) ? web_role_find(json_string_value(role)) : -1;
	if (found < 0)
		return "bad_role";
	account->user.role = (enum web_role)found;
	return NULL;
}

void web_op_user_create(struct web_request *request, struct web_server *server)
{
	const json_t *body = web_request_body(request);
	const char *name = json_string_value(json_object_get(body, "name"));
	struct web_account account = {.user.created_ns = web_clock_ns(), .epoch = 1};
	const char *why =
	    name && web_account_new_name(name, account.user.name) ? read_role(json_object_get(body, "role"), &account) : "bad_name";
	if (!why)
		why = read_scope(server, json_object_get(body, "scope"), &account);
	if (!why)
		why = judge(&account);
	if (why) {
		web_account_finish(&account);
		web_answer_problem(request, 422, why);
		return;
	}
	if (web_accounts_find(server->auth->accounts, account.user.name)) {
		web_account_finish(&account);
		web_answer_problem(request, 409, "user_exists");
		return;
	}
	web_request_audit(request, "make %s: %s, %s%u%s", account.user.name, web_role_name(account.user.role),
	                  account.user.scope.all ? "all bodies (" : "", account.codes_count, account.user.scope.all ? ")" : " bodies");
	carry_out(request, server, &account, true, true);
}

static void tell_change(struct web_request *request, const struct web_account *before, const struct web_account *after, bool reset)
{
	char scope[64] = "";
	if (before->user.scope.all != after->user.scope.all || before->codes_count != after->codes_count ||
	    (after->codes_count && memcmp(before->codes, after->codes, after->codes_count * sizeof *after->codes) != 0)) {
		if (after->user.scope.all)
			snprintf(scope, sizeof scope, ", scope all bodies");
		else
			snprintf(scope, sizeof scope, ", scope %u bodies", after->codes_count);
	}
	bool role = before->user.role != after->user.role;
	web_request_audit(request, "change %s%s%s%s%s%s%s%s", after->user.name, role ? ", role " : "",
	                  role ? web_role_name(before->user.role) : "", role ? " -> " : "", role ? web_role_name(after->user.role) : "",
	                  scope, before->user.off != after->user.off ? (after->user.off ? ", off" : ", on") : "",
	                  reset ? ", new password" : "");
}

// The version that the caller saw: in the body, or as If-Match says it. False: neither.
static bool read_version(struct web_request *request, uint64_t *ret)
{
	const json_t *version = json_object_get(web_request_body(request), "version");
	const char *match = web_request_header(request, "If-Match");
	if (json_is_integer(version))
		*ret = (uint64_t)json_integer_value(version);
	else if (match)
		*ret = strtoull(match + strspn(match, "W/\""), NULL, 10);
	return json_is_integer(version) || match;
}

void web_op_user_change(struct web_request *request, struct web_server *server)
{
	const json_t *body = web_request_body(request), *off = json_object_get(body, "off"), *role = json_object_get(body, "role");
	const json_t *scope = json_object_get(body, "scope");
	const struct web_account *before = web_accounts_find(server->auth->accounts, web_request_path(request, "name"));
	struct web_account after;
	bool reset = json_is_true(json_object_get(body, "reset"));
	if (!before) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	if (!web_account_copy(before, &after)) {
		web_answer_problem(request, 503, "busy");
		return;
	}
	const char *why = read_version(request, &after.user.version) ? NULL : "bad_value";
	if (!why && role)
		why = read_role(role, &after);
	if (!why && scope)
		why = read_scope(server, scope, &after);
	if (!why && off && !json_is_boolean(off))
		why = "bad_value";
	if (!why)
		why = judge(&after);
	if (why) {
		web_account_finish(&after);
		web_answer_problem(request, 422, why);
		return;
	}
	after.user.off = off ? json_is_true(off) : after.user.off;
	after.epoch++; // whatever it is: his sessions end
	tell_change(request, before, &after, reset);
	carry_out(request, server, &after, false, reset);
}
