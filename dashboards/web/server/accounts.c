// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See accounts.h. Two writes follow each other on one connection: the account, and the number that tells other processes to read again. No
// transaction holds them together: when the second is lost, others see the change with the next one, and this process has it anyway.
#include "accounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis.h"
#include "server.h"

enum { POLL_MS = 2000 };

struct web_accounts {
	struct web_server *server;
	void (*changed)(void *context, const char *name);
	void (*read)(void *context);
	void *context;
	struct web_account **rows; // by name
	unsigned count;
	bool ready, reading, said;
	uint64_t change, unreadable;
};

// ---- one account ----

bool web_account_name(const char *typed, char ret[WEB_USER_MAX])
{
	char name[WEB_USER_MAX];
	size_t n = 0;
	for (; typed[n]; n++) {
		char c = typed[n] >= 'A' && typed[n] <= 'Z' ? (char)(typed[n] + 'a' - 'A') : typed[n];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (n >= sizeof name - 1 || (!plain && (n == 0 || !strchr("._-", c))))
			return false;
		name[n] = c;
	}
	name[n] = 0;
	if (n)
		memcpy(ret, name, n + 1);
	return n > 0;
}

bool web_account_new_name(const char *typed, char ret[WEB_USER_MAX])
{
	return web_account_name(typed, ret) && strcmp(ret, WEB_SYSTEM_ACTOR) != 0;
}

void web_account_finish(struct web_account *account)
{
	free(account->codes);
	account->codes = NULL;
	account->codes_count = 0;
}

bool web_account_set_scope(struct web_account *account, bool all, const char *const *codes, unsigned count)
{
	char(*copy)[WEB_CODE_MAX] = NULL;
	if (count > WEB_SCOPE_MAX || (all && count))
		return false;
	if (count && !(copy = calloc(count, sizeof *copy)))
		return false;
	for (unsigned i = 0; i < count; i++) {
		size_t length = strlen(codes[i]);
		if (!length || length >= WEB_CODE_MAX) {
			free(copy);
			return false;
		}
		memcpy(copy[i], codes[i], length + 1);
	}
	web_account_finish(account);
	account->codes = copy;
	account->codes_count = count;
	memset(&account->user.scope, 0, sizeof account->user.scope);
	account->user.scope.all = all;
	return true;
}

bool web_account_copy(const struct web_account *from, struct web_account *ret)
{
	*ret = *from;
	ret->codes = NULL;
	if (!from->codes_count)
		return true;
	ret->codes = calloc(from->codes_count, sizeof *ret->codes);
	if (!ret->codes)
		return false;
	memcpy(ret->codes, from->codes, from->codes_count * sizeof *ret->codes);
	return true;
}

char *web_account_print(const struct web_account *account)
{
	json_t *scope = account->user.scope.all ? json_string("all") : json_array();
	for (unsigned i = 0; i < account->codes_count; i++)
		json_array_append_new(scope, json_string(account->codes[i]));
	json_t *row = json_pack("{s:s, s:o, s:b, s:b, s:s, s:I, s:I, s:I}", "role", web_role_name(account->user.role), "scope", scope,
	                        "off", (int)account->user.off, "must_change", (int)account->user.must_change, "hash", account->hash,
	                        "epoch", (json_int_t)account->epoch, "version", (json_int_t)account->user.version, "created_ms",
	                        (json_int_t)(account->user.created_ns / 1000000));
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
	json_decref(row);
	return text;
}

static bool parse_scope(const json_t *scope, struct web_account *ret)
{
	const char *codes[WEB_SCOPE_MAX];
	size_t count = json_array_size(scope);
	if (json_is_string(scope))
		return strcmp(json_string_value(scope), "all") == 0 && web_account_set_scope(ret, true, NULL, 0);
	if (!json_is_array(scope) || count > WEB_SCOPE_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!(codes[i] = json_string_value(json_array_get(scope, i))))
			return false;
	return web_account_set_scope(ret, false, codes, (unsigned)count);
}

bool web_account_parse(const char *name, const char *text, size_t size, struct web_account *ret)
{
	json_t *row = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *role = json_string_value(json_object_get(row, "role")), *hash = json_string_value(json_object_get(row, "hash"));
	const json_t *epoch = json_object_get(row, "epoch"), *version = json_object_get(row, "version");
	*ret = (struct web_account){0};
	bool good = web_account_name(name, ret->user.name) && strcmp(name, ret->user.name) == 0 && role && web_role_find(role) >= 0 &&
	            hash && strlen(hash) < sizeof ret->hash && json_is_integer(epoch) && json_is_integer(version) &&
	            json_is_boolean(json_object_get(row, "off")) && json_is_boolean(json_object_get(row, "must_change")) &&
	            parse_scope(json_object_get(row, "scope"), ret);
	if (good) {
		ret->user.role = (enum web_role)web_role_find(role);
		ret->user.off = json_is_true(json_object_get(row, "off"));
		ret->user.must_change = json_is_true(json_object_get(row, "must_change"));
		ret->user.created_ns = json_integer_value(json_object_get(row, "created_ms")) * 1000000;
		ret->user.version = (uint64_t)json_integer_value(version);
		ret->epoch = (uint64_t)json_integer_value(epoch);
		memcpy(ret->hash, hash, strlen(hash) + 1);
	}
	json_decref(row);
	return good;
}

// ---- all of them ----

static unsigned place(const struct web_accounts *a, const char *name, bool *ret_found)
{
	unsigned low = 0, high = a->count;
	*ret_found = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = strcmp(a->rows[middle]->user.name, name);
		if (order == 0)
			*ret_found = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct web_account *find(const struct web_accounts *a, const char *name)
{
	bool found;
	unsigned at = place(a, name, &found);
	return found ? a->rows[at] : NULL;
}

const struct web_account *web_accounts_find(const struct web_accounts *a, const char *name)
{
	return find(a, name);
}

unsigned web_accounts_count(const struct web_accounts *a)
{
	return a->count;
}

const struct web_account *web_accounts_at(const struct web_accounts *a, unsigned at)
{
	return a->rows[at];
}

bool web_accounts_ready(const struct web_accounts *a)
{
	return a->ready;
}

uint64_t web_accounts_unreadable(const struct web_accounts *a)
{
	return a->unreadable;
}

// Takes `row` over, in the place of one of its name.
static struct web_account *keep(struct web_accounts *a, struct web_account *row)
{
	bool found;
	unsigned at = place(a, row->user.name, &found);
	if (found) {
		bool risen = row->epoch != a->rows[at]->epoch || row->user.off != a->rows[at]->user.off;
		bool writing = a->rows[at]->writing;
		int64_t login_ns = a->rows[at]->user.login_ns;
		web_account_finish(a->rows[at]);
		*a->rows[at] = *row;
		a->rows[at]->writing = writing;
		a->rows[at]->seen = true;
		a->rows[at]->user.login_ns = login_ns;
		if (risen)
			a->changed(a->context, a->rows[at]->user.name);
		a->rows[at]->spare[0] = 0;
		return a->rows[at];
	}
	struct web_account *own = a->count < WEB_USERS ? malloc(sizeof *own) : NULL;
	struct web_account **rows = own ? realloc(a->rows, (a->count + 1) * sizeof *rows) : NULL;
	if (!rows) {
		a->unreadable++;
		free(own);
		web_account_finish(row);
		return NULL;
	}
	*own = *row;
	own->writing = false;
	own->seen = true;
	a->rows = rows;
	memmove(rows + at + 1, rows + at, (a->count++ - at) * sizeof *rows);
	return rows[at] = own;
}

static void drop_gone(struct web_accounts *a)
{
	for (unsigned i = 0; i < a->count;) {
		struct web_account *row = a->rows[i];
		if (row->seen) {
			i++;
			continue;
		}
		memmove(a->rows + i, a->rows + i + 1, (--a->count - i) * sizeof *a->rows); // whoever is told now finds him gone
		a->changed(a->context, row->user.name);
		web_account_finish(row);
		free(row);
	}
}

static void got_logins(void *context, const redisReply *reply)
{
	struct web_accounts *a = context;
	for (size_t i = 0; reply && reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		const char *name = reply->element[i]->str, *time = reply->element[i + 1]->str;
		struct web_account *row = name && time ? find(a, name) : NULL;
		if (row)
			row->user.login_ns = strtoll(time, NULL, 10) * 1000000;
	}
	if (!a->ready && reply) {
		a->ready = true;
		a->read(a->context);
	}
	a->reading = false;
}

static void got_users(void *context, const redisReply *reply)
{
	struct web_accounts *a = context;
	if (!reply || reply->type != REDIS_REPLY_ARRAY) {
		a->reading = false;
		a->change = UINT64_MAX; // whatever it is, read again
		return;
	}
	uint64_t unreadable = 0;
	for (unsigned i = 0; i < a->count; i++)
		a->rows[i]->seen = false;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		struct web_account row;
		if (web_account_parse(reply->element[i]->str, reply->element[i + 1]->str, reply->element[i + 1]->len, &row)) {
			keep(a, &row);
			continue;
		}
		web_account_finish(&row);
		unreadable++;
	}
	drop_gone(a);
	a->unreadable = unreadable;
	if (unreadable && !a->said)
		fprintf(stderr, "yagura-web: %" PRIu64 " users in Redis cannot be read and are left out\n", unreadable);
	a->said = unreadable > 0;
	const char *argv[] = {"HGETALL", "yagura:web:logins"};
	web_redis_ask(a->server->redis, got_logins, a, 2, argv, (size_t[]){7, strlen(argv[1])});
}

static void got_change(void *context, const redisReply *reply)
{
	struct web_accounts *a = context;
	a->reading = false;
	if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_NIL))
		return;
	uint64_t change = reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
	if (a->ready && change == a->change)
		return;
	a->change = change;
	a->reading = true;
	const char *argv[] = {"HGETALL", "yagura:web:users"};
	web_redis_ask(a->server->redis, got_users, a, 2, argv, (size_t[]){7, strlen(argv[1])});
}

static void look(void *context)
{
	struct web_accounts *a = context;
	if (a->reading || !web_redis_up(a->server->redis))
		return;
	a->reading = true;
	const char *argv[] = {"GET", "yagura:web:users:change"};
	web_redis_ask(a->server->redis, got_change, a, 2, argv, (size_t[]){3, strlen(argv[1])});
}

// Until they have been read the first time nobody can log in, so it is tried more often.
static void look_first(void *context)
{
	struct web_accounts *a = context;
	if (!a->ready)
		look(a);
}

struct web_accounts *web_accounts_create(struct web_server *server, void (*changed)(void *context, const char *name),
                                         void (*read)(void *context), void *context)
{
	struct web_accounts *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	*a = (struct web_accounts){.server = server, .changed = changed, .read = read, .context = context};
	web_loop_every(server->loop, POLL_MS, look, a);
	web_loop_every(server->loop, 100, look_first, a);
	return a;
}

void web_accounts_destroy(struct web_accounts *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->count; i++) {
		web_account_finish(a->rows[i]);
		free(a->rows[i]);
	}
	free(a->rows);
	free(a);
}

// ---- writing ----

struct put {
	struct web_accounts *accounts;
	struct web_account account;
	bool create;
	web_put_done done;
	void *context;
};

static void ignore(void *context, const redisReply *reply)
{
	(void)context;
	(void)reply;
}

static void put_done(void *context, const redisReply *reply)
{
	struct put *put = context;
	struct web_accounts *a = put->accounts;
	struct web_account *row = find(a, put->account.user.name);
	enum web_put result = WEB_PUT_OK;
	if (row)
		row->writing = false;
	if (!reply || reply->type != REDIS_REPLY_INTEGER)
		result = WEB_PUT_NO_REDIS;
	else if (put->create && reply->integer == 0)
		result = WEB_PUT_EXISTS;
	if (result == WEB_PUT_OK) {
		row = keep(a, &put->account);
		if (!row)
			result = WEB_PUT_FULL;
	} else {
		web_account_finish(&put->account);
	}
	put->done(put->context, result, result == WEB_PUT_OK ? row : NULL);
	free(put);
}

static bool is_admin(const struct web_account *account)
{
	return account->user.role == WEB_ADMIN && !account->user.off;
}

// Those of whom a change is on its way may be none any more when it has arrived.
static bool is_last_admin(const struct web_accounts *a, const struct web_account *row)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->rows[i] != row && is_admin(a->rows[i]) && !a->rows[i]->writing)
			return false;
	return is_admin(row);
}

static enum web_put may_put(const struct web_accounts *a, const struct web_account *account, struct web_account *row, bool create)
{
	if (!a->ready || !web_redis_up(a->server->redis))
		return WEB_PUT_NO_REDIS;
	if (create)
		return row ? WEB_PUT_EXISTS : a->count >= WEB_USERS ? WEB_PUT_FULL : WEB_PUT_OK;
	if (!row || row->writing || row->user.version != account->user.version)
		return WEB_PUT_CONFLICT;
	return !is_admin(account) && is_last_admin(a, row) ? WEB_PUT_LAST_ADMIN : WEB_PUT_OK;
}

void web_accounts_put(struct web_accounts *a, const struct web_account *account, bool create, web_put_done done, void *context)
{
	struct web_account *row = find(a, account->user.name);
	enum web_put may = may_put(a, account, row, create);
	if (may != WEB_PUT_OK) {
		done(context, may, NULL);
		return;
	}
	struct put *put = calloc(1, sizeof *put);
	char *text = NULL;
	if (put && web_account_copy(account, &put->account)) {
		put->account.user.version++;
		text = web_account_print(&put->account);
	}
	if (!text) {
		if (put)
			web_account_finish(&put->account);
		free(put);
		done(context, WEB_PUT_FULL, NULL);
		return;
	}
	put->accounts = a;
	put->create = create;
	put->done = done;
	put->context = context;
	if (row)
		row->writing = true;
	char name[WEB_USER_MAX]; // put may be gone when the first call returns
	memcpy(name, account->user.name, sizeof name);
	const char *argv[] = {create ? "HSETNX" : "HSET", "yagura:web:users", name, text};
	web_redis_ask(a->server->redis, put_done, put, 4, argv, (size_t[]){strlen(argv[0]), strlen(argv[1]), strlen(name), strlen(text)});
	const char *incr[] = {"INCR", "yagura:web:users:change"};
	web_redis_ask(a->server->redis, ignore, NULL, 2, incr, (size_t[]){4, strlen(incr[1])});
	free(text);
}

void web_accounts_logged_in(struct web_accounts *a, const char *name, int64_t now_ns)
{
	struct web_account *row = find(a, name);
	char ms[24];
	if (row)
		row->user.login_ns = now_ns;
	snprintf(ms, sizeof ms, "%" PRId64, now_ns / 1000000);
	const char *argv[] = {"HSET", "yagura:web:logins", name, ms};
	web_redis_ask(a->server->redis, ignore, NULL, 4, argv, (size_t[]){4, strlen(argv[1]), strlen(name), strlen(ms)});
}
