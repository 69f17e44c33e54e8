// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See sessions.h.
#include "sessions.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis.h"
#include "server.h"

enum { SWEEP_MS = 5000, KEY_BYTES = 96 };

struct web_sessions {
	struct web_server *server;
	struct web_accounts *accounts;
	struct web_login table[WEB_SESSIONS];
	uint64_t pushed_out;
	web_session_over over[WEB_SESSION_LISTENERS];
	void *over_context[WEB_SESSION_LISTENERS];
	unsigned listeners;
};

static void ignore(void *context, const redisReply *reply)
{
	(void)context;
	(void)reply;
}

static void ask(struct web_sessions *s, web_reply done, void *context, int argc, const char **argv)
{
	size_t sizes[8];
	for (int i = 0; i < argc; i++)
		sizes[i] = strlen(argv[i]);
	web_redis_ask(s->server->redis, done, context, argc, argv, sizes);
}

static void session_key(const char *key, char ret[KEY_BYTES])
{
	snprintf(ret, KEY_BYTES, "yagura:web:session:%s", key);
}

static void list_key(const char *user, char ret[KEY_BYTES])
{
	snprintf(ret, KEY_BYTES, "yagura:web:sessions:%s", user);
}

// ---- in memory ----

static bool alive(const struct web_sessions *s, const struct web_login *l, int64_t now_ns)
{
	const struct web_account *account = web_accounts_find(s->accounts, l->user);
	return !l->ended && account && !account->user.off && account->epoch == l->epoch &&
	       now_ns < l->created_ns + WEB_ABSOLUTE_S * INT64_C(1000000000) && now_ns < l->used_ns + WEB_IDLE_S * INT64_C(1000000000) &&
	       (!l->until_ns || now_ns < l->until_ns);
}

static struct web_login *find(struct web_sessions *s, const char *key)
{
	for (unsigned i = 0; i < WEB_SESSIONS; i++)
		if (s->table[i].used && memcmp(s->table[i].key, key, 64) == 0)
			return &s->table[i];
	return NULL;
}

static struct web_login *place(struct web_sessions *s)
{
	struct web_login *stillest = NULL;
	for (unsigned i = 0; i < WEB_SESSIONS; i++) {
		struct web_login *l = &s->table[i];
		if (!l->used)
			return l;
		if (!l->ended && !l->asking && (!stillest || l->used_ns < stillest->used_ns))
			stillest = l;
	}
	if (stillest)
		s->pushed_out++;
	return stillest;
}

static void put_id(struct web_login *l, const char *token)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const unsigned char *)token, strlen(token));
	sodium_bin2hex(l->key, sizeof l->key, hash, sizeof hash);
}

static char *print(const struct web_login *l)
{
	json_t *row = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "user", l->user, "epoch", (json_int_t)l->epoch, "id",
	                        l->id, "csrf", l->csrf, "peer", l->peer, "agent", l->agent, "created", (json_int_t)l->created_ns, "used",
	                        (json_int_t)l->used_ns, "step_up", (json_int_t)l->step_up_ns, "until", (json_int_t)l->until_ns);
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
	json_decref(row);
	return text;
}

static bool take(const json_t *row, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(row, name));
	if (!text || strlen(text) >= size)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

static bool parse(const char *key, const char *text, size_t size, struct web_login *ret)
{
	json_t *row = json_loadb(text, size, 0, NULL);
	*ret = (struct web_login){.used = true};
	memcpy(ret->key, key, 64);
	bool good = take(row, "user", ret->user, sizeof ret->user) && take(row, "id", ret->id, sizeof ret->id) &&
	            take(row, "csrf", ret->csrf, sizeof ret->csrf) && take(row, "peer", ret->peer, sizeof ret->peer) &&
	            take(row, "agent", ret->agent, sizeof ret->agent);
	ret->epoch = (uint64_t)json_integer_value(json_object_get(row, "epoch"));
	ret->created_ns = json_integer_value(json_object_get(row, "created"));
	ret->used_ns = ret->saved_ns = json_integer_value(json_object_get(row, "used"));
	ret->step_up_ns = json_integer_value(json_object_get(row, "step_up"));
	ret->until_ns = json_integer_value(json_object_get(row, "until"));
	json_decref(row);
	return good;
}

// How long Redis keeps it: a minute more than it may be idle, for that is how old what it knows of its use may be; a replaced one as long
// as what was on its way may take.
static void save(struct web_sessions *s, struct web_login *l, bool fresh, web_reply done, void *context)
{
	char key[KEY_BYTES], ttl[24], *text = print(l);
	if (!text) {
		done(context, NULL);
		return;
	}
	session_key(l->key, key);
	snprintf(ttl, sizeof ttl, "%d", l->until_ns ? WEB_SESSION_GRACE_S : WEB_IDLE_S + WEB_SESSION_SAVE_S);
	l->saved_ns = l->used_ns;
	const char *argv[] = {"SET", key, text, "EX", ttl, "XX"}; // XX: what was ended meanwhile stays so
	ask(s, done, context, fresh ? 5 : 6, argv);
	free(text);
}

static void erased(void *context, const redisReply *reply)
{
	struct web_login *l = context;
	l->asking = false;
	if (reply && reply->type == REDIS_REPLY_INTEGER)
		l->used = false; // Redis has none: nothing can bring it back
}

static void erase(struct web_sessions *s, struct web_login *l)
{
	char key[KEY_BYTES], list[KEY_BYTES];
	if (l->asking || !web_redis_up(s->server->redis))
		return; // the sweep comes back to it
	session_key(l->key, key);
	list_key(l->user, list);
	const char *srem[] = {"SREM", list, l->key}, *del[] = {"DEL", key};
	l->asking = true;
	ask(s, ignore, NULL, 3, srem);
	ask(s, erased, l, 2, del);
}

static void end(struct web_sessions *s, struct web_login *l, const char *why)
{
	if (l->ended)
		return;
	l->ended = true;
	for (unsigned i = 0; why && i < s->listeners; i++)
		s->over[i](s->over_context[i], l->user, l->id, why);
	erase(s, l);
}

static void sweep(void *context)
{
	struct web_sessions *s = context;
	int64_t now = web_clock_ns();
	for (unsigned i = 0; i < WEB_SESSIONS; i++) {
		struct web_login *l = &s->table[i];
		if (l->used && l->ended)
			erase(s, l);
		else if (l->used && !alive(s, l, now))
			end(s, l, l->until_ns ? NULL : "expired");
	}
}

struct web_sessions *web_sessions_create(struct web_server *server, struct web_accounts *accounts)
{
	struct web_sessions *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->server = server;
	s->accounts = accounts;
	web_loop_every(server->loop, SWEEP_MS, sweep, s);
	return s;
}

void web_sessions_on_over(struct web_sessions *s, web_session_over over, void *context)
{
	assert(s->listeners < WEB_SESSION_LISTENERS);
	s->over[s->listeners] = over;
	s->over_context[s->listeners++] = context;
}

void web_sessions_destroy(struct web_sessions *s)
{
	if (s)
		sodium_memzero(s, sizeof *s);
	free(s);
}

uint64_t web_sessions_pushed_out(const struct web_sessions *s)
{
	return s->pushed_out;
}

unsigned web_sessions_of(const struct web_sessions *s, const char *user)
{
	unsigned count = 0;
	for (unsigned i = 0; i < WEB_SESSIONS; i++)
		count += s->table[i].used && !s->table[i].until_ns && strcmp(s->table[i].user, user) == 0 &&
		         alive(s, &s->table[i], web_clock_ns());
	return count;
}

// ---- finding ----

struct asked {
	struct web_sessions *sessions;
	char key[65];
	void (*done)(void *context, const struct web_login *login, bool away);
	void *context;
};

static void answer(struct web_sessions *s, struct web_login *l, void (*done)(void *context, const struct web_login *login, bool away),
                   void *context)
{
	int64_t now = web_clock_ns();
	if (!alive(s, l, now)) {
		end(s, l, l->until_ns ? NULL : "expired");
		done(context, NULL, false);
		return;
	}
	l->used_ns = now;
	if (now - l->saved_ns > WEB_SESSION_SAVE_S * INT64_C(1000000000) && web_redis_up(s->server->redis))
		save(s, l, false, ignore, NULL);
	done(context, l, false);
}

static void got(void *context, const redisReply *reply)
{
	struct asked *asked = context;
	struct web_sessions *s = asked->sessions;
	struct web_login *l = find(s, asked->key), read;
	bool away = !reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_NIL);
	if (l && l->ended) {
		asked->done(asked->context, NULL, false);
	} else if (away && l) {
		answer(s, l, asked->done, asked->context); // known, and Redis went just now: as if it had been away before
	} else if (away) {
		asked->done(asked->context, NULL, true);
	} else if (reply->type == REDIS_REPLY_NIL || !parse(asked->key, reply->str, reply->len, &read)) {
		if (l) // ended by another process
			end(s, l, l->until_ns ? NULL : "expired");
		asked->done(asked->context, NULL, false);
	} else {
		if (!l && (l = place(s)))
			*l = read;
		if (l)
			l->checked_ms = web_now_ms();
		if (l)
			answer(s, l, asked->done, asked->context);
		else
			asked->done(asked->context, NULL, true);
	}
	free(asked);
}

void web_sessions_find(struct web_sessions *s, const char *token, void (*done)(void *context, const struct web_login *login, bool away),
                       void *context)
{
	struct web_login key;
	char name[KEY_BYTES];
	if (strlen(token) != 2 * WEB_TOKEN_BYTES || strspn(token, "0123456789abcdef") != 2 * WEB_TOKEN_BYTES) {
		done(context, NULL, false);
		return;
	}
	put_id(&key, token);
	struct web_login *l = find(s, key.key);
	bool up = web_redis_up(s->server->redis);
	if (l && (!up || l->ended || web_now_ms() - l->checked_ms < WEB_SESSION_CHECK_MS)) {
		answer(s, l, done, context);
		return;
	}
	struct asked *asked = up && web_accounts_ready(s->accounts) ? malloc(sizeof *asked) : NULL;
	if (!asked) {
		done(context, NULL, true);
		return;
	}
	*asked = (struct asked){.sessions = s, .done = done, .context = context};
	memcpy(asked->key, key.key, sizeof asked->key);
	session_key(key.key, name);
	const char *argv[] = {"GET", name};
	ask(s, got, asked, 2, argv);
}

const struct web_login *web_sessions_by_id(const struct web_sessions *s, const char *user, const char *id)
{
	for (unsigned i = 0; i < WEB_SESSIONS; i++) {
		const struct web_login *l = &s->table[i];
		if (l->used && !l->ended && !l->until_ns && strcmp(l->user, user) == 0 && strcmp(l->id, id) == 0)
			return l;
	}
	return NULL;
}

// ---- listing ----

enum listed_for { TO_TELL, TO_END_OTHERS, TO_END_ONE, TO_KEEP_FEW };
struct listing {
	struct web_sessions *sessions;
	char user[WEB_USER_MAX], id[13]; // id: of who asks, or which is meant
	enum listed_for what;            // TO_KEEP_FEW: the newest WEB_USER_SESSIONS stay
	void (*done)(void *context, json_t *rows);
	void *context;
	unsigned count;
	char keys[][65];
};

static int newest_first(const void *a, const void *b)
{
	const struct web_login *x = a, *y = b;
	return x->created_ns < y->created_ns ? 1 : x->created_ns > y->created_ns ? -1 : 0;
}

static json_t *list_row(const struct web_login *l, const char *current)
{
	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:b}", "id", l->id, "created_ms", (json_int_t)(l->created_ns / 1000000), "used_ms",
	                 (json_int_t)(l->used_ns / 1000000), "peer", l->peer, "agent", l->agent, "current",
	                 (int)(strcmp(l->id, current) == 0));
}

// What Redis alone knows (this process has been started since, or pushed it out) is ended there.
static void end_stored(struct web_sessions *s, const struct web_login *stored)
{
	struct web_login *l = find(s, stored->key);
	if (!l && (l = place(s)))
		*l = *stored;
	if (l)
		end(s, l, l->until_ns ? NULL : "changed");
}

static bool ends(const struct listing *listing, const struct web_login *l, unsigned at)
{
	bool same = strcmp(l->id, listing->id) == 0;
	return (listing->what == TO_END_OTHERS && !same) || (listing->what == TO_END_ONE && same) ||
	       (listing->what == TO_KEEP_FEW && at >= WEB_USER_SESSIONS);
}

static void listed(struct listing *listing, struct web_login *rows, unsigned count)
{
	struct web_sessions *s = listing->sessions;
	json_t *told = json_array();
	if (count)
		qsort(rows, count, sizeof *rows, newest_first);
	for (unsigned i = 0; i < count; i++) {
		const struct web_login *l = find(s, rows[i].key);
		if (l)
			rows[i].used_ns = l->used_ns;
		bool over = ends(listing, &rows[i], i);
		if (over)
			end_stored(s, &rows[i]);
		if (over == (listing->what == TO_END_ONE) && !rows[i].until_ns)
			json_array_append_new(told, list_row(&rows[i], listing->id));
	}
	if (listing->done)
		listing->done(listing->context, told);
	else
		json_decref(told);
}

static void got_rows(void *context, const redisReply *reply)
{
	struct listing *listing = context;
	struct web_sessions *s = listing->sessions;
	bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == listing->count;
	struct web_login *rows = good ? calloc(listing->count + 1, sizeof *rows) : NULL;
	unsigned count = 0;
	for (unsigned i = 0; rows && i < listing->count; i++) {
		const redisReply *row = reply->element[i];
		char list[KEY_BYTES];
		list_key(listing->user, list);
		const char *srem[] = {"SREM", list, listing->keys[i]};
		if (row->type != REDIS_REPLY_STRING)
			ask(s, ignore, NULL, 3, srem); // it has run out
		else if (parse(listing->keys[i], row->str, row->len, &rows[count]) && strcmp(rows[count].user, listing->user) == 0 &&
		         (listing->what == TO_END_OTHERS || alive(s, &rows[count], web_clock_ns())))
			count++;
	}
	if (rows)
		listed(listing, rows, count);
	else if (listing->done)
		listing->done(listing->context, NULL);
	free(rows);
	free(listing);
}

static void got_keys(void *context, const redisReply *reply)
{
	struct listing *start = context, *listing = NULL;
	bool good = reply && reply->type == REDIS_REPLY_ARRAY;
	unsigned count = good ? (unsigned)(reply->elements < 2 * WEB_SESSIONS ? reply->elements : 2 * WEB_SESSIONS) : 0;
	const char **argv = good ? calloc(count + 1, sizeof *argv) : NULL;
	char(*names)[KEY_BYTES] = good ? calloc(count + 1, sizeof *names) : NULL;
	size_t *sizes = good ? calloc(count + 1, sizeof *sizes) : NULL;
	if (argv && names && sizes)
		listing = malloc(sizeof *listing + count * sizeof *listing->keys);
	if (!listing || !count) {
		if (good && !count)
			listed(start, NULL, 0);
		else if (start->done)
			start->done(start->context, NULL);
		free(listing);
	} else {
		*listing = *start;
		argv[0] = "MGET";
		sizes[0] = 4;
		for (unsigned i = 0; i < count; i++) {
			snprintf(listing->keys[listing->count], sizeof *listing->keys, "%s", reply->element[i]->str);
			session_key(listing->keys[listing->count++], names[i]);
			argv[i + 1] = names[i];
			sizes[i + 1] = strlen(names[i]);
		}
		web_redis_ask(start->sessions->server->redis, got_rows, listing, (int)count + 1, argv, sizes);
	}
	free(sizes);
	free(names);
	free(argv);
	free(start);
}

static void list(struct web_sessions *s, const struct listing *what)
{
	struct listing *listing = malloc(sizeof *listing);
	char key[KEY_BYTES];
	if (!listing) {
		if (what->done)
			what->done(what->context, NULL);
		return;
	}
	*listing = *what;
	listing->sessions = s;
	list_key(listing->user, key);
	const char *argv[] = {"SMEMBERS", key};
	ask(s, got_keys, listing, 2, argv);
}

void web_sessions_list(struct web_sessions *s, const char *user, const char *current_id, void (*done)(void *context, json_t *rows),
                       void *context)
{
	struct listing what = {.done = done, .context = context};
	snprintf(what.user, sizeof what.user, "%s", user);
	snprintf(what.id, sizeof what.id, "%s", current_id);
	list(s, &what);
}

void web_sessions_end_one(struct web_sessions *s, const char *user, const char *id, void (*done)(void *context, json_t *rows),
                          void *context)
{
	struct listing what = {.what = TO_END_ONE, .done = done, .context = context};
	snprintf(what.user, sizeof what.user, "%s", user);
	snprintf(what.id, sizeof what.id, "%s", id);
	list(s, &what);
}

// ---- making and ending ----

struct made {
	struct web_sessions *sessions;
	char key[65], user[WEB_USER_MAX];
	void (*done)(void *context, bool made);
	void *context;
};

static void session_made(void *context, const redisReply *reply)
{
	struct made *made = context;
	struct web_login *l = find(made->sessions, made->key);
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	if (l)
		l->asking = false;
	if (l && !good)
		l->ended = true;
	if (good) {
		struct listing rest = {.what = TO_KEEP_FEW};
		snprintf(rest.user, sizeof rest.user, "%s", made->user);
		list(made->sessions, &rest);
	}
	made->done(made->context, good && l && !l->ended);
	free(made);
}

static void replace(struct web_sessions *s, const char *key)
{
	struct web_login *old = find(s, key);
	if (!old)
		return;
	old->until_ns = web_clock_ns() + WEB_SESSION_GRACE_S * INT64_C(1000000000);
	save(s, old, false, ignore, NULL);
}

void web_sessions_make(struct web_sessions *s, const struct web_account *account, const char *peer, const char *agent,
                       const struct web_login *old, char ret_token[2 * WEB_TOKEN_BYTES + 1], void (*done)(void *context, bool made),
                       void *context)
{
	unsigned char random[WEB_TOKEN_BYTES];
	int64_t now = web_clock_ns();
	struct web_login l = {.epoch = account->epoch, .created_ns = now, .used_ns = now, .step_up_ns = now, .used = true, .asking = true};
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(ret_token, 2 * WEB_TOKEN_BYTES + 1, random, sizeof random);
	put_id(&l, ret_token);
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(l.csrf, sizeof l.csrf, random, sizeof random);
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(l.id, sizeof l.id, random, 6);
	snprintf(l.user, sizeof l.user, "%s", account->user.name);
	snprintf(l.peer, sizeof l.peer, "%s", peer);
	for (unsigned i = 0; agent && agent[i] && i < sizeof l.agent - 1; i++)
		l.agent[i] = agent[i] >= ' ' && agent[i] < 0x7f ? agent[i] : '?'; // what a browser calls itself is ASCII, or not believed
	if (old) {
		memcpy(l.id, old->id, sizeof l.id);
		memcpy(l.csrf, old->csrf, sizeof l.csrf);
		l.created_ns = old->created_ns;
		char old_key[65];
		memcpy(old_key, old->key, sizeof old_key);
		replace(s, old_key);
	}
	l.checked_ms = web_now_ms();
	struct web_login *own = place(s);
	struct made *made = own ? malloc(sizeof *made) : NULL;
	if (!made) {
		done(context, false);
		return;
	}
	*own = l;
	*made = (struct made){.sessions = s, .done = done, .context = context};
	memcpy(made->key, l.key, sizeof made->key);
	memcpy(made->user, l.user, sizeof made->user);
	char key[KEY_BYTES], ttl[16];
	list_key(l.user, key);
	snprintf(ttl, sizeof ttl, "%d", WEB_ABSOLUTE_S + WEB_SESSION_SAVE_S);
	const char *sadd[] = {"SADD", key, l.key}, *expire[] = {"EXPIRE", key, ttl};
	ask(s, ignore, NULL, 3, sadd);
	ask(s, ignore, NULL, 3, expire);
	save(s, own, true, session_made, made);
}

void web_sessions_end(struct web_sessions *s, const char *user, const char *id, const char *why)
{
	for (unsigned i = 0; i < WEB_SESSIONS; i++) {
		struct web_login *l = &s->table[i];
		if (l->used && strcmp(l->user, user) == 0 && strcmp(l->id, id) == 0)
			end(s, l, why);
	}
}

void web_sessions_end_all(struct web_sessions *s, const char *user, const char *but_id, const char *why)
{
	struct listing rest = {.what = TO_END_OTHERS};
	for (unsigned i = 0; i < WEB_SESSIONS; i++) {
		struct web_login *l = &s->table[i];
		if (l->used && strcmp(l->user, user) == 0 && (!but_id || strcmp(l->id, but_id) != 0))
			end(s, l, why);
	}
	snprintf(rest.user, sizeof rest.user, "%s", user);
	snprintf(rest.id, sizeof rest.id, "%s", but_id ? but_id : "");
	list(s, &rest);
}
