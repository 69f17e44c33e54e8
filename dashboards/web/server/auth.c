// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See auth.h. A login goes: how long must he wait (waits.c), the hash on its thread (hasher.c), the session into Redis (sessions.c), the
// answer. Between these steps anything may happen to the account, so it is looked up by its name again, and its epoch must be the one that
// the hash was taken with.
#include "auth_parts.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "passwords.h"
#include "redis.h"
#include "server.h"

enum { BUSY_WAIT_S = 2 };

// ---- life ----

static void user_changed(void *context, const char *name)
{
	struct web_auth *auth = context;
	const struct web_account *account = web_accounts_find(auth->accounts, name);
	web_sessions_end_all(auth->sessions, name, account && account->spare[0] ? account->spare : NULL, "changed");
}

static void users_read(void *context)
{
	struct web_auth *auth = context;
	unsigned char random[WEB_TOKEN_BYTES];
	if (web_accounts_count(auth->accounts))
		return;
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(auth->first_run, sizeof auth->first_run, random, sizeof random);
	if (auth->tell)
		auth->tell(auth->tell_context, auth->first_run);
}

struct web_auth *web_auth_create(struct web_server *server)
{
	struct web_auth *auth = calloc(1, sizeof *auth);
	if (!auth)
		return NULL;
	auth->server = server;
	auth->hasher = web_hasher_create(server->loop);
	auth->accounts = auth->hasher ? web_accounts_create(server, user_changed, users_read, auth) : NULL;
	auth->sessions = auth->accounts ? web_sessions_create(server, auth->accounts) : NULL;
	if (auth->sessions) {
		web_waits_init(&auth->waits);
		return auth;
	}
	web_auth_destroy(auth);
	errno = ENOMEM;
	return NULL;
}

void web_auth_destroy(struct web_auth *auth)
{
	if (!auth)
		return;
	web_hasher_destroy(auth->hasher);
	web_sessions_destroy(auth->sessions);
	web_accounts_destroy(auth->accounts);
	sodium_memzero(auth->first_run, sizeof auth->first_run);
	free(auth);
}

bool web_auth_ready(const struct web_auth *auth)
{
	return web_accounts_ready(auth->accounts);
}

void web_auth_on_first_run(struct web_auth *auth, void (*tell)(void *context, const char *token), void *context)
{
	auth->tell = tell;
	auth->tell_context = context;
}

void web_auth_on_over(struct web_auth *auth, void (*over)(void *context, const char *user, const char *session, const char *why),
                      void *context)
{
	web_sessions_on_over(auth->sessions, over, context);
}

const struct web_auth_counters *web_auth_counters(const struct web_auth *auth)
{
	struct web_auth *own = (struct web_auth *)(uintptr_t)auth; // what its parts count is gathered when it is asked for
	own->counters.hashes = web_hasher_hashes(auth->hasher);
	own->counters.full_waits = auth->waits.pushed_out;
	own->counters.full_sessions = web_sessions_pushed_out(auth->sessions);
	return &auth->counters;
}

// ---- small things ----

unsigned web_auth_problem(enum web_auth_result result, const char **ret_code)
{
	static const struct {
		unsigned status;
		const char *code;
	} problems[] = {[WEB_AUTH_OK] = {500, "error"},
	                [WEB_AUTH_REFUSED] = {401, "bad_credentials"},
	                [WEB_AUTH_WAIT] = {429, "login_wait"},
	                [WEB_AUTH_BUSY] = {503, "login_busy"},
	                [WEB_AUTH_NO_REDIS] = {503, "redis_away"}};
	*ret_code = problems[result].code;
	return problems[result].status;
}

void web_auth_give(char ret[WEB_GIVEN_PASSWORD])
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789"; // 31: 4.95 bits each, 99 in all
	unsigned n = 0;
	for (unsigned i = 0; i < 20; i++) {
		if (i && i % 5 == 0)
			ret[n++] = '-';
		ret[n++] = letters[randombytes_uniform(sizeof letters - 1)];
	}
	ret[n] = 0;
}

void web_auth_fill(const struct web_auth *auth, const struct web_account *account, struct web_user *ret)
{
	*ret = account->user;
	for (unsigned i = 0; i < account->codes_count; i++) {
		uint16_t at = web_body_find(auth->server->bodies, account->codes[i]);
		if (at < WEB_BODIES)
			ret->scope.body[at / 64] |= UINT64_C(1) << at % 64;
	}
}

// Words of the place: who he is, and every body's name, as it is written and as it is read, without what all have in common at the end.
struct words {
	const char *list[6 * WEB_BODIES + 4];
	char store[64 * 1024];
	size_t used;
	unsigned count;
};

static void add_word(struct words *w, const char *word, size_t length)
{
	if (length < 3 || w->count >= sizeof w->list / sizeof *w->list - 1 || w->used + length + 1 > sizeof w->store)
		return;
	memcpy(w->store + w->used, word, length);
	w->store[w->used + length] = 0;
	w->list[w->count++] = w->store + w->used;
	w->used += length + 1;
}

static void add_name(struct words *w, const char *name, bool japanese)
{
	size_t length = strlen(name);
	add_word(w, name, length);
	if (japanese && length > 6 && (unsigned char)name[length - 3] >= 0xe3)
		add_word(w, name, length - 3); // without its last character: city, town, prefecture
	for (const char *at = name; !japanese && *at;) {
		size_t n = strcspn(at, " -");
		if (n < length)
			add_word(w, at, n);
		at += n + (at[n] != 0);
	}
}

const char *web_auth_judge(const struct web_auth *auth, const struct web_account *account, const char *password)
{
	struct words *w = calloc(1, sizeof *w);
	if (!w)
		return "error";
	add_name(w, account->user.name, false);
	for (unsigned i = 0; i < web_bodies_count(auth->server->bodies); i++) {
		const struct web_body *body = web_body_at(auth->server->bodies, (uint16_t)i);
		add_word(w, body->code, strlen(body->code));
		add_name(w, body->name_ja, true);
		add_name(w, body->name_kana, true);
		add_name(w, body->name_en, false);
	}
	enum web_password verdict = web_password_judge(password, w->list);
	free(w);
	return verdict == WEB_PASSWORD_GOOD ? NULL : web_password_code(verdict);
}

// ---- whether it is his password ----

struct check {
	struct web_auth *auth;
	char name[WEB_USER_MAX], peer[WEB_PEER_MAX];
	uint64_t epoch;
	bool known;
	web_verified done;
	void *context;
};

static void rehash_done(void *context, enum web_put result, const struct web_account *account)
{
	struct web_auth *auth = context;
	(void)account;
	auth->counters.rehashed += result == WEB_PUT_OK;
}

// What is asked of hashes has risen since: the password is at hand now and never else.
static void rehash(struct web_auth *auth, const struct web_account *account, const char *better)
{
	struct web_account next;
	if (!web_account_copy(account, &next))
		return;
	snprintf(next.hash, sizeof next.hash, "%s", better);
	web_accounts_put(auth->accounts, &next, false, rehash_done, auth);
	web_account_finish(&next);
}

static void checked(void *context, bool fits, const char *better)
{
	struct check *check = context;
	struct web_auth *auth = check->auth;
	const struct web_account *account = web_accounts_find(auth->accounts, check->name);
	bool good = fits && check->known && account && account->epoch == check->epoch && !account->user.off;
	if (good) {
		web_waits_right(&auth->waits, check->name, check->peer);
		if (better)
			rehash(auth, account, better);
	}
	auth->counters.refused += !good;
	check->done(check->context, good ? WEB_AUTH_OK : WEB_AUTH_REFUSED, 0);
	free(check);
}

void web_auth_verify(struct web_auth *auth, const char *name, const char *password, const char *peer, web_verified done, void *context)
{
	struct check *check = calloc(1, sizeof *check);
	char folded[WEB_USER_MAX] = ""; // what is no name is nobody's, and all of it waits as one
	web_account_name(name, folded);
	int wait = check ? web_waits_begin(&auth->waits, folded, peer, web_now_ms()) : 0;
	if (!check || wait) {
		auth->counters.waited += wait > 0;
		auth->counters.busy += !check;
		free(check);
		done(context, wait ? WEB_AUTH_WAIT : WEB_AUTH_BUSY, wait ? wait : BUSY_WAIT_S);
		return;
	}
	const struct web_account *account = web_accounts_find(auth->accounts, folded);
	*check =
	    (struct check){.auth = auth, .done = done, .context = context, .known = account != NULL, .epoch = account ? account->epoch : 0};
	snprintf(check->name, sizeof check->name, "%s", folded);
	snprintf(check->peer, sizeof check->peer, "%s", peer);
	if (web_hasher_check(auth->hasher, account ? account->hash : NULL, password, checked, check) == 0)
		return;
	web_waits_take_back(&auth->waits, folded, peer);
	auth->counters.busy++;
	free(check);
	done(context, WEB_AUTH_BUSY, BUSY_WAIT_S);
}

// ---- logging in ----

struct login {
	struct web_auth *auth;
	char name[WEB_USER_MAX], peer[WEB_PEER_MAX], agent[WEB_AGENT_MAX], token[2 * WEB_TOKEN_BYTES + 1];
	web_auth_done done;
	void *context;
};

static void login_end(struct login *login, enum web_auth_result result, int wait_s)
{
	const struct web_account *account = web_accounts_find(login->auth->accounts, login->name);
	struct web_user user;
	if (result == WEB_AUTH_OK && !account)
		result = WEB_AUTH_REFUSED;
	if (result == WEB_AUTH_OK) {
		login->auth->counters.logins++;
		web_accounts_logged_in(login->auth->accounts, login->name, web_clock_ns());
		web_auth_fill(login->auth, account, &user);
	}
	login->done(login->context, result, result == WEB_AUTH_OK ? &user : NULL, result == WEB_AUTH_OK ? login->token : NULL, wait_s);
	sodium_memzero(login, sizeof *login);
	free(login);
}

static void login_made(void *context, bool made)
{
	login_end(context, made ? WEB_AUTH_OK : WEB_AUTH_NO_REDIS, 0);
}

static void login_verified(void *context, enum web_auth_result result, int wait_s)
{
	struct login *login = context;
	const struct web_account *account = web_accounts_find(login->auth->accounts, login->name);
	if (result == WEB_AUTH_OK && account)
		web_sessions_make(login->auth->sessions, account, login->peer, login->agent, NULL, login->token, login_made, login);
	else
		login_end(login, result == WEB_AUTH_OK ? WEB_AUTH_REFUSED : result, wait_s);
}

void web_auth_login(struct web_auth *auth, const char *name, const char *password, const char *peer, const char *agent, web_auth_done done,
                    void *context)
{
	struct login *login = web_auth_ready(auth) && web_redis_up(auth->server->redis) ? calloc(1, sizeof *login) : NULL;
	if (!login) {
		done(context, WEB_AUTH_NO_REDIS, NULL, NULL, 0);
		return;
	}
	*login = (struct login){.auth = auth, .done = done, .context = context};
	web_account_name(name, login->name);
	snprintf(login->peer, sizeof login->peer, "%s", peer);
	snprintf(login->agent, sizeof login->agent, "%s", agent ? agent : "");
	web_auth_verify(auth, name, password, peer, login_verified, login);
}

// ---- who it is ----

struct find {
	struct web_auth *auth;
	web_auth_session_done done;
	void *context;
};

static void found(void *context, const struct web_login *login, bool away)
{
	struct find *find = context, own = *find;
	const struct web_account *account = login ? web_accounts_find(own.auth->accounts, login->user) : NULL;
	free(find);
	if (!account) {
		own.done(own.context, NULL, away);
		return;
	}
	struct web_session session = {.step_up_ns = login->step_up_ns, .created_ns = login->created_ns};
	web_auth_fill(own.auth, account, &session.user);
	memcpy(session.id, login->id, sizeof session.id);
	memcpy(session.csrf, login->csrf, sizeof session.csrf);
	own.done(own.context, &session, false);
}

void web_auth_session(struct web_auth *auth, const char *token, web_auth_session_done done, void *context)
{
	struct find *find = malloc(sizeof *find);
	if (!find) {
		done(context, NULL, true);
		return;
	}
	*find = (struct find){auth, done, context};
	web_sessions_find(auth->sessions, token, found, find);
}

void web_auth_user(struct web_auth *auth, const char *name, void (*done)(void *context, const struct web_user *user), void *context)
{
	const struct web_account *account = web_accounts_find(auth->accounts, name);
	struct web_user user;
	if (account)
		web_auth_fill(auth, account, &user);
	done(context, account ? &user : NULL);
}
