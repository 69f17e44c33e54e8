// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See streams.h. hiredis with its blocking calls: this process has nothing else to do. What Redis answers may be anybody's, so every reply
// is looked at before it is believed; a line longer than ours can be is left to the caller to count.
#include "tail/streams.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { CONNECT_MS = 1000, COMMAND_MS = 5000, BLOCK_MS = 1000, BLOCK_SOON_MS = 200, BACKOFF_MS = 100, BACKOFF_MAX_MS = 10000 };

struct tail_streams {
	struct tail_options o;
	struct tail_calls calls;
	redisContext *redis;
	struct tail_sensor sensor[TAIL_SENSORS];
	unsigned count;
	uint64_t left_out;
	int64_t scanned_ms;
	char cursor[32];
	bool scanned;   // the first scan is through
	bool fresh;     // nothing has been asked over this connection yet
	unsigned next_sentinel;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static struct timeval milliseconds(int ms)
{
	return (struct timeval){ms / 1000, ms % 1000 * 1000};
}

bool tail_id_parse(const char *text, struct tail_id *ret)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = (struct tail_id){strtoull(text, &end, 10), 0};
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return false;
		ret->sequence = strtoull(end + 1, &end, 10);
	}
	return errno == 0 && *end == '\0';
}

static void id_text(const struct tail_id *id, char to[48])
{
	snprintf(to, 48, "%llu-%llu", (unsigned long long)id->generation, (unsigned long long)id->sequence);
}

// The greatest id below.
static struct tail_id before(struct tail_id id)
{
	if (id.sequence)
		id.sequence--;
	else if (id.generation)
		id = (struct tail_id){id.generation - 1, UINT64_MAX};
	return id;
}

static bool is_text(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) && r->str;
}

static bool is_array(const redisReply *r, size_t least)
{
	return r && r->type == REDIS_REPLY_ARRAY && r->elements >= least;
}

// ---- connection ----

static redisReply *ask(struct tail_streams *t, int count, const char **words)
{
	return redisCommandArgv(t->redis, count, words, NULL);
}

#define ASK(t, ...) ask(t, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(const char *)), (const char *[]){__VA_ARGS__})

static void hang_up(struct tail_streams *t)
{
	if (t->redis)
		redisFree(t->redis);
	t->redis = NULL;
}

static bool said_ok(redisReply *reply)
{
	bool good = is_text(reply) && strcmp(reply->str, "OK") == 0;
	if (reply)
		freeReplyObject(reply);
	return good;
}

static bool call(struct tail_streams *t, const char *host, uint16_t port)
{
	struct timeval limit = milliseconds(CONNECT_MS);
	t->redis = t->o.url.is_unix ? redisConnectUnixWithTimeout(t->o.url.path, limit) : redisConnectWithTimeout(host, port, limit);
	if (!t->redis || t->redis->err) {
		hang_up(t);
		return false;
	}
	redisSetTimeout(t->redis, milliseconds(COMMAND_MS));
	return true;
}

static bool log_in(struct tail_streams *t)
{
	const struct yg_redis_url *u = &t->o.url;
	if (!u->has_password)
		return true;
	return said_ok(u->user[0] ? ASK(t, "AUTH", u->user, u->password) : ASK(t, "AUTH", u->password));
}

// Asks one Sentinel for the primary. The next call asks the next one.
static bool call_primary(struct tail_streams *t)
{
	const struct yg_redis_url *u = &t->o.url;
	const struct yg_redis_node *node = &u->sentinel[t->next_sentinel++ % u->sentinels];
	char host[256] = "";
	unsigned long port = 0;
	if (!call(t, node->host, node->port))
		return false;
	redisReply *reply = ASK(t, "SENTINEL", "get-master-addr-by-name", u->primary);
	if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0 && log_in(t)) {
		freeReplyObject(reply);
		reply = ASK(t, "SENTINEL", "get-master-addr-by-name", u->primary);
	}
	if (is_array(reply, 2) && is_text(reply->element[0]) && is_text(reply->element[1]) && reply->element[0]->len < sizeof host) {
		memcpy(host, reply->element[0]->str, reply->element[0]->len);
		port = strtoul(reply->element[1]->str, NULL, 10);
	}
	if (reply)
		freeReplyObject(reply);
	hang_up(t);
	return host[0] && port > 0 && port < 65536 && call(t, host, (uint16_t)port);
}

static bool connect_once(struct tail_streams *t)
{
	const struct yg_redis_url *u = &t->o.url;
	char db[8];
	if (!(u->is_sentinel ? call_primary(t) : call(t, u->host, u->port)))
		return false;
	snprintf(db, sizeof db, "%u", u->db);
	t->fresh = true;
	if (log_in(t) && (u->db == 0 || said_ok(ASK(t, "SELECT", db))))
		return true;
	hang_up(t);
	return false;
}

// Until there is a connection, or it is to end. `once`: a few attempts.
static bool reconnect(struct tail_streams *t)
{
	int wait = BACKOFF_MS;
	bool said = false;
	for (int attempt = 0; !*t->o.stop; attempt++) {
		if (connect_once(t)) {
			if (said)
				t->calls.say(t->calls.context, "connected again", "再接続しました", "");
			return true;
		}
		if (t->o.once && attempt == 2)
			return false;
		if (!said)
			t->calls.say(t->calls.context, "Redis cannot be reached, or refuses the password; trying again",
				     "Redisに接続できないか、認証に失敗しました。再試行します", "");
		said = true;
		t->calls.turn(t->calls.context);
		struct timespec nap = {wait / 1000, (long)(wait % 1000) * 1000000};
		nanosleep(&nap, NULL);
		wait = wait * 2 < BACKOFF_MAX_MS ? wait * 2 : BACKOFF_MAX_MS;
	}
	return false;
}

// ---- which sensors ----

static void add_sensor(struct tail_streams *t, const char *name, size_t length)
{
	for (unsigned i = 0; i < t->count; i++)
		if (strlen(t->sensor[i].name) == length && memcmp(t->sensor[i].name, name, length) == 0)
			return;
	if (t->count == TAIL_SENSORS || length >= TAIL_NAME || memchr(name, 0, length)) {
		t->left_out++;
		return;
	}
	struct tail_sensor *s = &t->sensor[t->count++];
	memcpy(s->name, name, length);
	snprintf(s->key, sizeof s->key, "yagura:%.*s:alerts", (int)length, name);
	// One that appears while we follow is new: all of it.
	s->placed = t->scanned && t->o.from == TAIL_FROM_LAST;
}

static void take_key(struct tail_streams *t, const redisReply *key)
{
	static const char head[] = "yagura:", tail[] = ":alerts";
	size_t least = sizeof head + sizeof tail - 2;
	if (is_text(key) && key->len > least && memcmp(key->str, head, sizeof head - 1) == 0 &&
	    memcmp(key->str + key->len - (sizeof tail - 1), tail, sizeof tail - 1) == 0)
		add_sensor(t, key->str + sizeof head - 1, key->len - least);
}

// One pass over all keys, a piece a call. False: the connection is no good.
static bool scan(struct tail_streams *t)
{
	bool early = t->scanned && t->count && now_ms() - t->scanned_ms < TAIL_SCAN_MS && strcmp(t->cursor, "0") == 0;
	if (t->o.names_count || early)
		return true;
	if (strcmp(t->cursor, "0") == 0)
		t->left_out = 0;
	do {
		redisReply *r = ASK(t, "SCAN", t->cursor, "MATCH", "yagura:*:alerts", "COUNT", "1000");
		bool good = is_array(r, 2) && is_text(r->element[0]) && r->element[0]->len < sizeof t->cursor && is_array(r->element[1], 0);
		for (size_t i = 0; good && i < r->element[1]->elements; i++)
			take_key(t, r->element[1]->element[i]);
		if (good)
			snprintf(t->cursor, sizeof t->cursor, "%s", r->element[0]->str);
		if (r && r->type == REDIS_REPLY_ERROR)
			t->calls.say(t->calls.context, "Redis refuses to list its keys; name the sensors with --sensor",
				     "Redisでキーの一覧を取得できません。--sensor でセンサー名を指定してください", r->str);
		if (r)
			freeReplyObject(r);
		if (!good)
			return false;
	} while (!t->scanned && strcmp(t->cursor, "0") != 0 && !*t->o.stop);
	if (strcmp(t->cursor, "0") == 0) {
		t->scanned = true;
		t->scanned_ms = now_ms();
	}
	return true;
}

// ---- where to begin ----

// The id of the entry in `reply`[i], an answer of XRANGE or XREVRANGE.
static bool id_of(const redisReply *reply, size_t i, struct tail_id *ret)
{
	return is_array(reply, i + 1) && is_array(reply->element[i], 1) && is_text(reply->element[i]->element[0]) &&
	       tail_id_parse(reply->element[i]->element[0]->str, ret);
}

// The n-th entry from one end. 1: *ret_id; 0: there are fewer; -1: no answer.
static int nth(struct tail_streams *t, const struct tail_sensor *s, bool from_end, uint64_t n, struct tail_id *ret_id)
{
	char count[24];
	snprintf(count, sizeof count, "%llu", (unsigned long long)n);
	redisReply *r = from_end ? ASK(t, "XREVRANGE", s->key, "+", "-", "COUNT", count) : ASK(t, "XRANGE", s->key, "-", "+", "COUNT", count);
	int result = !is_array(r, 0) ? -1 : r->elements < n || n == 0 ? 0 : id_of(r, n - 1, ret_id) ? 1 : -1;
	if (r)
		freeReplyObject(r);
	return result;
}

bool tail_streams_first(struct tail_streams *t, unsigned sensor, struct tail_id *ret_id)
{
	return t->redis && nth(t, &t->sensor[sensor], false, 1, ret_id) == 1;
}

static bool place(struct tail_streams *t, struct tail_sensor *s)
{
	struct tail_id id = {0, 0};
	int found = 1;
	if (t->o.from == TAIL_FROM_ID)
		id = t->o.id;
	else if (t->o.from == TAIL_FROM_LAST)
		found = nth(t, s, true, t->o.last ? t->o.last : 1, &id);
	if (found < 0)
		return false;
	s->at = found == 0 ? (struct tail_id){0, 0} : t->o.from == TAIL_FROM_LAST && t->o.last == 0 ? id : before(id);
	s->placed = true;
	return true;
}

// The id after which the next entry comes, whatever was trimmed: an empty stream has one, too. False: no stream, or no right to ask.
static bool last_given(struct tail_streams *t, const struct tail_sensor *s, struct tail_id *ret_id)
{
	redisReply *r = ASK(t, "XINFO", "STREAM", s->key);
	bool found = false;
	for (size_t i = 0; is_array(r, 2) && i + 1 < r->elements; i += 2)
		if (is_text(r->element[i]) && strcmp(r->element[i]->str, "last-generated-id") == 0 && is_text(r->element[i + 1]))
			found = tail_id_parse(r->element[i + 1]->str, ret_id);
	if (r)
		freeReplyObject(r);
	return found;
}

// A stream that ends before what was read of it was deleted, or its Redis lost it: it is read from its beginning, and what its numbers say
// was shown is not shown again.
static bool look_for_loss(struct tail_streams *t, struct tail_sensor *s)
{
	struct tail_id last;
	int found = nth(t, s, true, 1, &last);
	if (found == 0 && last_given(t, s, &last)) // all of it trimmed by age: nothing was lost
		found = 1;
	bool less = found == 0 || (found == 1 && (last.generation < s->at.generation ||
						  (last.generation == s->at.generation && last.sequence < s->at.sequence)));
	if (found < 0)
		return false;
	if (less && (s->at.generation || s->at.sequence) && s->at.sequence != UINT64_MAX) {
		t->calls.say(t->calls.context, "the stream ends before what was read of it: read from its beginning",
			     "ストリームが既読の位置より前で終わっています。先頭から読み直します", s->name);
		s->at = (struct tail_id){0, 0};
	}
	return true;
}

static bool place_all(struct tail_streams *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct tail_sensor *s = &t->sensor[i];
		if (!s->placed ? !place(t, s) : t->fresh && !look_for_loss(t, s))
			return false;
	}
	t->fresh = false;
	return true;
}

// ---- reading ----

static void take_entry(struct tail_streams *t, unsigned sensor, const redisReply *entry)
{
	struct tail_id id;
	if (!is_array(entry, 2) || !is_text(entry->element[0]) || !tail_id_parse(entry->element[0]->str, &id))
		return;
	const redisReply *fields = entry->element[1], *line = NULL;
	for (size_t i = 0; is_array(fields, 2) && i + 1 < fields->elements; i += 2)
		if (is_text(fields->element[i]) && strcmp(fields->element[i]->str, "eve") == 0 && is_text(fields->element[i + 1]))
			line = fields->element[i + 1];
	t->calls.entry(t->calls.context, sensor, &id, line ? line->str : "", line ? line->len : 0);
	t->sensor[sensor].at = id; // after: who finds a hole asks what lay before it
}

static void take_streams(struct tail_streams *t, const redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *stream = reply->element[i];
		if (!is_array(stream, 2) || !is_text(stream->element[0]) || !is_array(stream->element[1], 0))
			continue;
		for (unsigned s = 0; s < t->count; s++)
			for (size_t e = 0; strcmp(t->sensor[s].key, stream->element[0]->str) == 0 && e < stream->element[1]->elements; e++)
				take_entry(t, s, stream->element[1]->element[e]);
	}
}

// 1: something came, 0: nothing has, -1: the connection is no good.
static int read_once(struct tail_streams *t)
{
	const char *words[8 + 2 * TAIL_SENSORS];
	static char ids[TAIL_SENSORS][48];
	char block[16], count[16];
	int n = 0;
	snprintf(block, sizeof block, "%d", t->calls.waits(t->calls.context) ? BLOCK_SOON_MS : BLOCK_MS);
	snprintf(count, sizeof count, "%d", TAIL_BATCH);
	words[n++] = "XREAD";
	words[n++] = "COUNT";
	words[n++] = count;
	if (!t->o.once) {
		words[n++] = "BLOCK";
		words[n++] = block;
	}
	words[n++] = "STREAMS";
	for (unsigned i = 0; i < t->count; i++)
		words[n++] = t->sensor[i].key;
	for (unsigned i = 0; i < t->count; i++) {
		id_text(&t->sensor[i].at, ids[i]);
		words[n++] = ids[i];
	}
	redisReply *r = ask(t, n, words);
	int result = !r || r->type == REDIS_REPLY_ERROR ? -1 : r->type == REDIS_REPLY_ARRAY && r->elements ? 1 : 0;
	if (r && r->type == REDIS_REPLY_ERROR) {
		char about[256];
		tail_plain(about, sizeof about, r->str, r->len);
		t->calls.say(t->calls.context, "Redis answered", "Redisの応答", about);
	}
	if (result == 1)
		take_streams(t, r);
	if (r)
		freeReplyObject(r);
	return result;
}

static void nap(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

int tail_streams_run(struct tail_streams *t)
{
	int failures = 0;
	while (!*t->o.stop) {
		if (!t->redis && !reconnect(t))
			return *t->o.stop ? 0 : -EHOSTDOWN;
		bool good = scan(t) && place_all(t);
		int result = !good ? -1 : t->count ? read_once(t) : 0;
		t->calls.turn(t->calls.context);
		if (result < 0) {
			hang_up(t);
			if (*t->o.stop)
				return 0;
			if (t->o.once && ++failures == 3)
				return -EHOSTDOWN;
			nap(BACKOFF_MS << (failures < 6 ? failures++ : 6));
		} else if (result == 0 && t->o.once) {
			return 0;
		} else if (!t->count) {
			nap(BLOCK_SOON_MS); // no sensor yet
		} else {
			failures = 0;
		}
	}
	return 0;
}

// ---- life ----

struct tail_streams *tail_streams_create(const struct tail_options *options, const struct tail_calls *calls)
{
	struct tail_streams *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->o = *options;
	t->calls = *calls;
	memcpy(t->cursor, "0", 2);
	for (unsigned i = 0; i < options->names_count; i++)
		add_sensor(t, options->names[i], strlen(options->names[i]));
	return t;
}

void tail_streams_destroy(struct tail_streams *t)
{
	if (t)
		hang_up(t);
	free(t);
}

struct tail_sensor *tail_streams_sensor(struct tail_streams *t, unsigned i)
{
	return &t->sensor[i];
}

unsigned tail_streams_count(const struct tail_streams *t)
{
	return t->count;
}

uint64_t tail_streams_left_out(const struct tail_streams *t)
{
	return t->left_out;
}
