// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura-web user add`: writes one user to Redis, without a server, the way accounts.c reads it. WATCH keeps what is read and what is
// written together; a server that runs sees the new number within two seconds.
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "auth_parts.h"
#include "base/log.h"
#include "courier/redis_url.h"
#include "passwords.h"
#include "server.h"

enum { TIMEOUT_S = 5 };

static redisReply *ask(redisContext *redis, int argc, const char **argv)
{
	size_t sizes[6];
	for (int i = 0; i < argc; i++)
		sizes[i] = strlen(argv[i]);
	redisReply *reply = redisCommandArgv(redis, argc, argv, sizes);
	if (reply && reply->type == REDIS_REPLY_ERROR)
		yg_error("Redis: %s", reply->str);
	else if (!reply)
		yg_error("Redis: %s", redis->errstr);
	if (!reply || reply->type != REDIS_REPLY_ERROR)
		return reply;
	freeReplyObject(reply);
	return NULL;
}

static bool tell(redisContext *redis, int argc, const char **argv)
{
	redisReply *reply = ask(redis, argc, argv);
	bool good = reply && reply->type != REDIS_REPLY_NIL; // an EXEC that the watch has stopped
	freeReplyObject(reply);
	return good;
}

static redisContext *dial(const char *url)
{
	struct yg_redis_url u;
	const char *why, *two[] = {"AUTH", NULL}, *three[] = {"AUTH", NULL, NULL}, *select[] = {"SELECT", NULL};
	char db[8];
	if (yg_redis_url_parse(url, &u, &why) < 0) {
		yg_error("the URL of Redis: %s", why);
		return NULL;
	}
	struct timeval timeout = {TIMEOUT_S, 0};
	redisContext *redis = u.is_unix ? redisConnectUnixWithTimeout(u.path, timeout) : redisConnectWithTimeout(u.host, u.port, timeout);
	two[1] = three[2] = u.password;
	three[1] = u.user;
	select[1] = db;
	snprintf(db, sizeof db, "%u", u.db);
	bool good = redis && !redis->err;
	if (!good)
		yg_error("Redis: %s", redis ? redis->errstr : "no memory");
	else
		good = redisSetTimeout(redis, timeout) == REDIS_OK &&
		       (!u.has_password || (u.user[0] ? tell(redis, 3, three) : tell(redis, 2, two))) && (!u.db || tell(redis, 2, select));
	explicit_bzero(&u, sizeof u);
	if (good)
		return redis;
	redisFree(redis);
	return NULL;
}

static const char *set_scope(struct web_account *account, const char *scope)
{
	const char *codes[WEB_SCOPE_MAX];
	unsigned count = 0;
	bool all = strcmp(scope, "all") == 0;
	char *copy = strdup(scope), *rest = copy;
	for (char *code; !all && copy && (code = strsep(&rest, ","));)
		if (*code && count < WEB_SCOPE_MAX)
			codes[count++] = code;
	bool good = copy && (all || count) && web_account_set_scope(account, all, codes, count);
	free(copy);
	if (!good)
		return "--bodies: all, or codes with commas between";
	if (account->user.role == WEB_ORG_VIEWER)
		return all ? "an org_viewer has bodies of his own, not all" : NULL;
	return !all && (account->user.role == WEB_ADMIN || account->user.role == WEB_AUDITOR) ? "an admin and an auditor have all bodies"
	                                                                                      : NULL;
}

// What is there already, so that a reset ends his sessions and keeps when he was made.
static bool take_over(redisContext *redis, struct web_account *account)
{
	const char *watch[] = {"WATCH", "yagura:web:users"}, *get[] = {"HGET", "yagura:web:users", account->user.name};
	struct web_account before;
	redisReply *reply = tell(redis, 2, watch) ? ask(redis, 3, get) : NULL;
	if (!reply)
		return false;
	if (reply->type == REDIS_REPLY_STRING && web_account_parse(account->user.name, reply->str, reply->len, &before)) {
		account->epoch = before.epoch + 1;
		account->user.version = before.user.version + 1;
		account->user.created_ns = before.user.created_ns;
		web_account_finish(&before);
	}
	freeReplyObject(reply);
	return true;
}

static bool write_user(redisContext *redis, const struct web_account *account)
{
	char *text = web_account_print(account);
	const char *multi[] = {"MULTI"}, *exec[] = {"EXEC"}, *incr[] = {"INCR", "yagura:web:users:change"};
	const char *set[] = {"HSET", "yagura:web:users", account->user.name, text};
	bool good = text && tell(redis, 1, multi) && tell(redis, 4, set) && tell(redis, 2, incr) && tell(redis, 1, exec);
	free(text);
	return good;
}

int web_user_add(const char *redis_url, const char *name, const char *role, const char *scope, const char *given, char ret_password[32])
{
	char made[WEB_GIVEN_PASSWORD];
	struct web_account account = {.epoch = 1, .user = {.version = 1, .created_ns = web_clock_ns(), .must_change = !given}};
	int found = role ? web_role_find(role) : -1;
	const char *why = !web_account_new_name(name, account.user.name) ? "a name has a-z, 0-9, and . _ - behind the first; to 63; not yagura"
	                  : found < 0                                ? "--role: viewer, org_viewer, analyst, lead, auditor, admin"
	                                                             : NULL;
	account.user.role = found < 0 ? WEB_VIEWER : (enum web_role)found;
	if (!why)
		why = set_scope(&account, scope && *scope ? scope : "all");
	if (!why && given) {
		const char *words[] = {account.user.name, NULL};
		enum web_password verdict = web_password_judge(given, words);
		why = verdict == WEB_PASSWORD_GOOD ? NULL : web_password_code(verdict);
	}
	if (why || sodium_init() < 0) {
		yg_error("user add: %s", why ? why : "libsodium does not start");
		web_account_finish(&account);
		return -EINVAL;
	}
	if (!given)
		web_auth_give(made);
	const char *password = given ? given : made;
	redisContext *redis = dial(redis_url);
	int error = !redis ? -ECONNREFUSED : 0;
	if (!error && crypto_pwhash_str_alg(account.hash, password, strlen(password), WEB_HASH_PASSES, WEB_HASH_BYTES,
	                                    crypto_pwhash_ALG_ARGON2ID13) != 0)
		error = -ENOMEM;
	if (!error && (!take_over(redis, &account) || !write_user(redis, &account)))
		error = -EIO;
	if (!error)
		snprintf(ret_password, 32, "%s", given ? "" : made);
	sodium_memzero(made, sizeof made);
	web_account_finish(&account);
	if (redis)
		redisFree(redis);
	return error;
}
