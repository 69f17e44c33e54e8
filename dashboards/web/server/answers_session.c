// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Routes of who is there: logging in and out, one's own password, ending one's other sessions, the first user, preferences.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth_parts.h"
#include "bodies.h"
#include "http.h"
#include "passwords.h"
#include "redis.h"
#include "server.h"

enum { PREFERENCES_MAX = 8192 };

// What goes on while something is asked; the request is answered in its last step, whoever may be there to hear it.
struct step {
	struct web_request *request;
	struct web_server *server;
	char name[WEB_USER_MAX], id[13], peer[WEB_PEER_MAX], agent[WEB_AGENT_MAX], token[2 * WEB_TOKEN_BYTES + 1];
	char password[4 * WEB_PASSWORD_MAX + 1];
	struct web_account account; // to be made
	json_t *body;
	unsigned status;
};

static struct step *step_new(struct web_request *request, struct web_server *server)
{
	struct step *step = calloc(1, sizeof *step);
	const struct web_session *session = web_request_session(request);
	const char *agent = web_request_header(request, "User-Agent");
	if (!step) {
		web_answer_problem(request, 503, "busy");
		return NULL;
	}
	step->request = request;
	step->server = server;
	if (session) {
		memcpy(step->name, session->user.name, sizeof step->name);
		memcpy(step->id, session->id, sizeof step->id);
	}
	snprintf(step->peer, sizeof step->peer, "%s", web_request_peer(request));
	snprintf(step->agent, sizeof step->agent, "%s", agent ? agent : "");
	web_answer_later(request);
	return step;
}

static void step_free(struct step *step)
{
	web_account_finish(&step->account);
	json_decref(step->body);
	sodium_memzero(step, sizeof *step); // a password was in it
	free(step);
}

static void step_fail(struct step *step, unsigned status, const char *code)
{
	web_answer_problem(step->request, status, code);
	step_free(step);
}

static const char *text_of(const json_t *body, const char *name, size_t max)
{
	const char *text = json_string_value(json_object_get(body, name));
	return text && strlen(text) <= max ? text : NULL;
}

// ---- the answer Session ----

static json_t *scope_json(const struct web_server *server, const struct web_account *account)
{
	if (account->user.scope.all)
		return json_string("all");
	json_t *rows = json_array();
	for (unsigned i = 0; i < account->codes_count; i++) {
		uint16_t at = web_body_find(server->bodies, account->codes[i]);
		const char *code = account->codes[i];
		json_array_append_new(rows, at != WEB_BODY_NONE
		                                ? web_body_json(server->bodies, at)
		                                : json_pack("{s:s, s:s, s:s}", "code", code, "name_ja", code, "name_en", code));
	}
	return rows;
}

static json_t *user_json(const struct web_server *server, const struct web_account *account)
{
	static const char *const names[WEB_PERMISSIONS] = {"viewer", "triage", "suppress", "audit", "users"};
	json_t *permissions = json_array();
	for (unsigned i = 0; i < WEB_PERMISSIONS; i++)
		if (web_role_may(account->user.role, (enum web_permission)i))
			json_array_append_new(permissions, json_string(names[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:b}", "name", account->user.name, "role", web_role_name(account->user.role), "permissions",
	                 permissions, "scope", scope_json(server, account), "must_change_password", (int)account->user.must_change);
}

static json_t *session_json(const struct web_server *server, const struct web_session *session)
{
	const struct web_auth *auth = server->auth;
	const struct web_account *account = session ? web_accounts_find(auth->accounts, session->user.name) : NULL;
	json_t *row = json_pack("{s:o, s:b, s:s, s:b, s:I}", "user", account ? user_json(server, account) : json_null(), "first_run",
	                        (int)(auth->first_run[0] != 0), "timezone", server->timezone ? server->timezone : "Asia/Tokyo", "read_only",
	                        (int)!web_redis_up(server->redis), "now_ms", (json_int_t)(web_clock_ns() / 1000000));
	if (!account)
		return row;
	json_object_set_new(row, "csrf", json_string(session->csrf));
	json_object_set_new(row, "step_up_until_ms", json_integer(session->step_up_ns / 1000000 + WEB_STEP_UP_S * 1000));
	json_object_set_new(row, "expires_ms", json_integer(session->created_ns / 1000000 + WEB_ABSOLUTE_S * 1000));
	return row;
}

static void answer_made(void *context, const struct web_session *session, bool away)
{
	struct step *step = context;
	(void)away;
	if (session)
		web_answer(step->request, step->status, session_json(step->server, session), 0);
	else
		web_answer_problem(step->request, 503, "redis_away");
	step_free(step);
}

// With the cookie of a session that has just been made, and who it is.
static void answer_session(struct step *step, unsigned status, const char *token)
{
	step->status = status;
	web_answer_cookie(step->request, token);
	web_auth_session(step->server->auth, token, answer_made, step);
}

void web_op_session_get(struct web_request *request, struct web_server *server)
{
	web_answer(request, 200, session_json(server, web_request_session(request)), 0);
}

// ---- in and out ----

static void logged_in(void *context, enum web_auth_result result, const struct web_user *user, const char *token, int wait_s)
{
	struct step *step = context;
	const char *code;
	(void)user;
	if (result == WEB_AUTH_OK) {
		answer_session(step, 200, token);
		return;
	}
	unsigned status = web_auth_problem(result, &code);
	if (wait_s)
		web_answer_retry(step->request, wait_s);
	step_fail(step, status, code);
}

void web_op_session_create(struct web_request *request, struct web_server *server)
{
	const json_t *body = web_request_body(request);
	const char *user = text_of(body, "user", 256), *password = text_of(body, "password", 4 * WEB_PASSWORD_MAX);
	const struct web_session *before = web_request_session(request);
	char name[WEB_USER_MAX];
	if (!user || !password) {
		web_answer_problem(request, 400, "bad_value");
		return;
	}
	// what is no name may be a password in the wrong field: the log is not to have it
	web_request_audit_user(request, web_account_name(user, name) ? name : "(no name)");
	struct step *step = step_new(request, server);
	if (!step)
		return;
	if (before) // who logs in again leaves what he was
		web_sessions_end(server->auth->sessions, before->user.name, before->id, "logout");
	web_auth_login(server->auth, user, password, step->peer, step->agent, logged_in, step);
}

void web_op_session_delete(struct web_request *request, struct web_server *server)
{
	const struct web_session *session = web_request_session(request);
	web_sessions_end(server->auth->sessions, session->user.name, session->id, "logout");
	web_answer_cookie(request, NULL);
	web_answer(request, 204, NULL, 0);
}

static void renewed(void *context, bool made)
{
	struct step *step = context;
	if (!made) {
		step_fail(step, 503, "redis_away");
		return;
	}
	web_answer_cookie(step->request, step->token);
	web_answer(step->request, 204, NULL, 0);
	step_free(step);
}

// A new token in the place of the one that the caller has; the session stays what it is to him.
static void renew(struct step *step)
{
	struct web_auth *auth = step->server->auth;
	const struct web_account *account = web_accounts_find(auth->accounts, step->name);
	const struct web_login *old = web_sessions_by_id(auth->sessions, step->name, step->id);
	if (account && old)
		web_sessions_make(auth->sessions, account, step->peer, step->agent, old, step->token, renewed, step);
	else
		step_fail(step, 401, "session_over");
}

static void stepped_up(void *context, enum web_auth_result result, int wait_s)
{
	struct step *step = context;
	const char *code;
	if (result == WEB_AUTH_OK) {
		renew(step);
		return;
	}
	unsigned status = web_auth_problem(result, &code);
	if (wait_s)
		web_answer_retry(step->request, wait_s);
	// 401 says that the session is over, which it is not
	step_fail(step, result == WEB_AUTH_REFUSED ? 422 : status, result == WEB_AUTH_REFUSED ? "bad_password" : code);
}

void web_op_session_step_up(struct web_request *request, struct web_server *server)
{
	const char *password = text_of(web_request_body(request), "password", 4 * WEB_PASSWORD_MAX);
	if (!password) {
		web_answer_problem(request, 400, "bad_value");
		return;
	}
	struct step *step = step_new(request, server);
	if (step)
		web_auth_verify(server->auth, step->name, password, step->peer, stepped_up, step);
}

// ---- one's own password ----

// His other sessions have just been ended, for the epoch has risen; his own goes on under a new token.
static void epoch_put(void *context, enum web_put result, const struct web_account *account)
{
	struct step *step = context;
	if (result == WEB_PUT_OK && account)
		renew(step);
	else if (result == WEB_PUT_CONFLICT)
		step_fail(step, 409, "conflict");
	else
		step_fail(step, 503, "redis_away");
}

// By his epoch, so that none of the others is left, in whatever process.
static void raise_epoch(struct step *step)
{
	step->account.epoch++;
	memcpy(step->account.spare, step->id, sizeof step->account.spare);
	web_accounts_put(step->server->auth->accounts, &step->account, false, epoch_put, step);
}

void web_op_sessions_end_others(struct web_request *request, struct web_server *server)
{
	const struct web_account *account = web_accounts_find(server->auth->accounts, web_request_session(request)->user.name);
	struct step *step = step_new(request, server);
	if (!step)
		return;
	if (!account || !web_account_copy(account, &step->account)) {
		step_fail(step, 503, "busy");
		return;
	}
	web_request_audit(request, "end all other sessions");
	raise_epoch(step);
}

static void password_hashed(void *context, const char *hash)
{
	struct step *step = context;
	struct web_auth *auth = step->server->auth;
	const struct web_account *account = web_accounts_find(auth->accounts, step->name);
	if (!hash || !account || !web_account_copy(account, &step->account)) {
		step_fail(step, 503, "busy");
		return;
	}
	snprintf(step->account.hash, sizeof step->account.hash, "%s", hash);
	step->account.user.must_change = false;
	raise_epoch(step);
}

static void password_compared(void *context, bool same, const char *better)
{
	struct step *step = context;
	(void)better;
	if (same)
		step_fail(step, 422, "password_same");
	else if (web_hasher_make(step->server->auth->hasher, step->password, password_hashed, step) != 0)
		step_fail(step, 503, "login_busy");
}

void web_op_session_password(struct web_request *request, struct web_server *server)
{
	struct web_auth *auth = server->auth;
	const char *password = text_of(web_request_body(request), "password", 8 * WEB_PASSWORD_MAX);
	const struct web_account *account = web_accounts_find(auth->accounts, web_request_session(request)->user.name);
	const char *why = !password || !account ? "bad_value" : web_auth_judge(auth, account, password);
	if (why) {
		web_answer_problem(request, password ? 422 : 400, why);
		return;
	}
	struct step *step = step_new(request, server);
	if (!step)
		return;
	snprintf(step->password, sizeof step->password, "%s", password);
	if (web_hasher_check(auth->hasher, account->hash, password, password_compared, step) != 0)
		step_fail(step, 503, "login_busy");
}

// ---- the first user ----

static void first_session(void *context, bool made)
{
	struct step *step = context;
	if (made)
		answer_session(step, 201, step->token);
	else
		step_fail(step, 503, "redis_away");
}

static void first_put(void *context, enum web_put result, const struct web_account *account)
{
	struct step *step = context;
	struct web_auth *auth = step->server->auth;
	auth->first_run_busy = false;
	if (result != WEB_PUT_OK) {
		step_fail(step, result == WEB_PUT_EXISTS ? 409 : 503, result == WEB_PUT_EXISTS ? "user_exists" : "redis_away");
		return;
	}
	sodium_memzero(auth->first_run, sizeof auth->first_run);
	web_sessions_make(auth->sessions, account, step->peer, step->agent, NULL, step->token, first_session, step);
}

static void first_hashed(void *context, const char *hash)
{
	struct step *step = context;
	if (hash) {
		snprintf(step->account.hash, sizeof step->account.hash, "%s", hash);
		web_accounts_put(step->server->auth->accounts, &step->account, true, first_put, step);
		return;
	}
	step->server->auth->first_run_busy = false;
	step_fail(step, 503, "busy");
}

static bool is_first_token(struct web_auth *auth, const char *token, const char *peer, int *ret_wait)
{
	*ret_wait = web_waits_begin(&auth->waits, "", peer, web_now_ms());
	if (*ret_wait || strlen(token) != 2 * WEB_TOKEN_BYTES || sodium_memcmp(token, auth->first_run, 2 * WEB_TOKEN_BYTES) != 0)
		return false;
	web_waits_right(&auth->waits, "", peer);
	return true;
}

void web_op_first_run(struct web_request *request, struct web_server *server)
{
	struct web_auth *auth = server->auth;
	const json_t *body = web_request_body(request);
	const char *token = text_of(body, "token", 256), *user = text_of(body, "user", 256),
	           *password = text_of(body, "password", 8 * WEB_PASSWORD_MAX);
	struct web_account account = {.user = {.role = WEB_ADMIN, .created_ns = web_clock_ns()}, .epoch = 1};
	int wait = 0;
	account.user.scope.all = true;
	if (!auth->first_run[0]) {
		web_answer_problem(request, 404, "not_found");
		return;
	}
	if (!token || !is_first_token(auth, token, web_request_peer(request), &wait)) {
		if (wait)
			web_answer_retry(request, wait);
		web_answer_problem(request, wait ? 429 : 403, wait ? "login_wait" : "first_run_token");
		return;
	}
	bool named = user && web_account_new_name(user, account.user.name);
	const char *why = !named ? "bad_name" : !password ? "bad_value" : web_auth_judge(auth, &account, password);
	if (why) {
		web_answer_problem(request, 422, why);
		return;
	}
	web_request_audit_user(request, account.user.name);
	struct step *step = step_new(request, server);
	if (!step)
		return;
	step->account = account;
	if (auth->first_run_busy || web_hasher_make(auth->hasher, password, first_hashed, step) != 0)
		step_fail(step, 503, "login_busy");
	else
		auth->first_run_busy = true;
}

// ---- preferences ----

static void ask_preferences(struct step *step, web_reply done, const char *text)
{
	const char *argv[] = {text ? "HSET" : "HGET", "yagura:web:preferences", step->name, text};
	const size_t sizes[] = {4, strlen(argv[1]), strlen(step->name), text ? strlen(text) : 0};
	web_redis_ask(step->server->redis, done, step, text ? 4 : 3, argv, sizes);
}

static void got_preferences(void *context, const redisReply *reply)
{
	struct step *step = context;
	json_t *row = reply && reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, reply->len, 0, NULL) : NULL;
	if (!reply)
		step_fail(step, 503, "redis_away");
	else {
		web_answer(step->request, 200, json_is_object(row) ? json_incref(row) : json_object(), 0);
		step_free(step);
	}
	json_decref(row);
}

void web_op_preferences_get(struct web_request *request, struct web_server *server)
{
	struct step *step = step_new(request, server);
	if (step)
		ask_preferences(step, got_preferences, NULL);
}

static void put_preferences(void *context, const redisReply *reply)
{
	struct step *step = context;
	if (!reply || reply->type != REDIS_REPLY_INTEGER) {
		step_fail(step, 503, "redis_away");
		return;
	}
	web_answer(step->request, 200, json_incref(step->body), 0);
	step_free(step);
}

static bool is_one_of(const json_t *value, const char *const *allowed)
{
	const char *text = json_string_value(value);
	for (unsigned i = 0; text && allowed[i]; i++)
		if (strcmp(allowed[i], text) == 0)
			return true;
	return !value || json_is_null(value);
}

static bool are_texts(const json_t *map)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)map, key, value) if (!json_is_string(value)) return false;
	return true;
}

static bool is_flag(const json_t *value)
{
	return !value || json_is_boolean(value);
}

// What openapi.yaml names has its shape; the page may keep more of its own.
static bool good_preferences(const json_t *row)
{
	static const char *const languages[] = {"ja", "en", NULL}, *const themes[] = {"light", "dark", "system", NULL},
	                         *const zones[] = {"jst", "utc", NULL};
	const json_t *keymap = json_object_get(row, "keymap");
	return json_is_object(row) && is_one_of(json_object_get(row, "language"), languages) &&
	       is_one_of(json_object_get(row, "theme"), themes) && is_one_of(json_object_get(row, "timezone"), zones) &&
	       is_flag(json_object_get(row, "keys")) && is_flag(json_object_get(row, "sound")) &&
	       is_flag(json_object_get(row, "desktop")) && (!keymap || (json_is_object(keymap) && are_texts(keymap)));
}

void web_op_preferences_put(struct web_request *request, struct web_server *server)
{
	const json_t *body = web_request_body(request);
	char *text = good_preferences(body) ? json_dumps(body, JSON_COMPACT) : NULL;
	if (!text || strlen(text) > PREFERENCES_MAX) {
		web_answer_problem(request, text ? 413 : 422, text ? "preferences_too_large" : "bad_value");
		free(text);
		return;
	}
	struct step *step = step_new(request, server);
	if (step) {
		step->body = json_deep_copy(body);
		ask_preferences(step, put_preferences, text);
	}
	free(text);
}
