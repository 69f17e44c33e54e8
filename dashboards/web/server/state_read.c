// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reads what Redis has of states. Whenever there is a new connection, everything is read anew (HSCAN), for another Redis may have less, or
// others may have written; what is gone there is gone here. Before that, the number of the writer is raised: a script that an earlier
// connection still holds is refused by it, so what was read stays true.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "state_parts.h"

// ---- reading everything ----

static void scan(struct web_state *state, const char *cursor);

static bool same(const struct web_group_touch *a, const struct web_group_touch *b)
{
	return a->version == b->version && a->change == b->change;
}

static void take_field(struct web_state *state, const redisReply *id, const redisReply *text)
{
	uint64_t group;
	struct web_group_touch touch;
	json_t *object = id->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING && web_group_id_read(id->str, (size_t)id->len, &group)
			     ? json_loadb(text->str, (size_t)text->len, JSON_REJECT_DUPLICATES, NULL)
			     : NULL;
	bool good = object && web_touch_of(state, object, &touch);
	json_decref(object);
	if (!good) {
		state->counters.bad++;
		return;
	}
	struct web_touched *touched = web_touched_make(state, group);
	if (touched) {
		bool changed = !same(&touched->touch, &touch);
		touched->seen = state->reading;
		web_touched_set(state, touched, &touch);
		if (changed)
			web_state_told(state, group);
	}
	free(touch.reason);
}

static void scanned(void *context, const redisReply *reply)
{
	struct web_state *state = context;
	const redisReply *fields = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[1] : NULL;
	if (!fields || fields->type != REDIS_REPLY_ARRAY || reply->element[0]->type != REDIS_REPLY_STRING) {
		web_state_doubt(state);
		return;
	}
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		take_field(state, fields->element[i], fields->element[i + 1]);
	if (strcmp(reply->element[0]->str, "0") != 0) {
		scan(state, reply->element[0]->str);
		return;
	}
	web_touched_forget_unseen(state);
	if (state->writer << 24 > state->change) // changes that an earlier Redis knew and this one does not are not given out again
		state->change = state->writer << 24;
	state->counters.readings++;
	state->loaded = state->writable = true;
	web_state_resolve(state);
	web_state_pump(state);
}

static void scan(struct web_state *state, const char *cursor)
{
	const char *argv[] = {"HSCAN", "yagura:web:groups", cursor, "COUNT", "1000"};
	web_redis_ask(state->server->redis, scanned, state, 5, argv, NULL);
}

static bool take_secret(struct web_state *state, const redisReply *text)
{
	size_t size;
	bool good = text->type == REDIS_REPLY_STRING && text->len == 2 * WEB_SECRET_BYTES &&
		    sodium_hex2bin(state->secret, sizeof state->secret, text->str, (size_t)text->len, NULL, &size, NULL) == 0 &&
		    size == sizeof state->secret;
	if (good)
		web_shown_secret(&state->server->shown, state->secret);
	return good;
}

static void became_writer(void *context, const redisReply *reply)
{
	struct web_state *state = context;
	const redisReply *writer = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[0] : NULL;
	const redisReply *secret = writer ? reply->element[1] : NULL;
	state->refused = reply && reply->type == REDIS_REPLY_ERROR;
	if (!writer || writer->type != REDIS_REPLY_INTEGER || writer->integer <= 0 || !take_secret(state, secret)) {
		web_state_doubt(state);
		return;
	}
	state->writer = (uint64_t)writer->integer;
	state->reading++;
	scan(state, "0");
}

static void begin_reading(struct web_state *state)
{
	static const char script[] = "local w = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) or 0, tonumber(ARGV[1])) + 1\n"
				     "redis.call('SET', KEYS[1], string.format('%d', w))\n"
				     "local s = redis.call('GET', KEYS[2])\n"
				     "if not s or #s ~= #ARGV[2] or string.find(s, '[^0-9a-f]') then\n"
				     "  s = ARGV[2]\n"
				     "  redis.call('SET', KEYS[2], s)\n"
				     "end\n"
				     "return {w, s}";
	char writer[24], secret[2 * WEB_SECRET_BYTES + 1];
	snprintf(writer, sizeof writer, "%llu", (unsigned long long)state->writer);
	sodium_bin2hex(secret, sizeof secret, state->secret, sizeof state->secret);
	const char *argv[] = {"EVAL", script, "2", "yagura:web:writer", "yagura:web:secret", writer, secret};
	web_redis_ask(state->server->redis, became_writer, state, 7, argv, NULL);
	sodium_memzero(secret, sizeof secret);
}

static void tick(void *context)
{
	struct web_state *state = context;
	uint64_t connection = web_redis_connection(state->server->redis);
	if (connection != state->connection) {
		web_state_stop(state);
		state->connection = connection;
		if (connection)
			begin_reading(state);
	}
	web_state_expire(state);
}

// ---- life ----

struct web_state *web_state_create(struct web_server *server)
{
	struct web_state *state = calloc(1, sizeof *state);
	if (!state)
		return NULL;
	state->server = server;
	state->last = &state->first;
	randombytes_buf(state->secret, sizeof state->secret);
	web_shown_secret(&server->shown, state->secret);
	web_loop_every(server->loop, 100, tick, state);
	return state;
}

void web_state_destroy(struct web_state *state)
{
	if (!state)
		return;
	while (state->first) {
		struct web_op *op = state->first;
		state->first = op->next;
		web_op_free(op);
	}
	for (uint32_t i = 0; i < state->pending_count; i++)
		free(state->pending[i].touch.reason);
	web_touched_finish(state);
	free(state);
}

// ---- history ----

struct asked {
	struct web_state *state;
	uint64_t group;
	void (*done)(void *context, json_t *events);
	void *context;
};

// A Redis 7.0 that is killed while it writes a transaction to its append-only file may carry out the beginning of it at a later start: then
// there is an event of a change that never was. Versions tell: each has one event, the last one that was written.
static void told_history(void *context, const redisReply *reply)
{
	struct asked *asked = context;
	json_t *events = reply && reply->type == REDIS_REPLY_ARRAY ? json_array() : NULL;
	json_int_t below = (json_int_t)web_state_of(asked->state, asked->group)->version + 1;
	for (size_t i = 0; events && i < reply->elements; i++) { // newest first, as it was asked for
		const redisReply *entry = reply->element[i];
		const redisReply *fields = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 ? entry->element[1] : NULL;
		if (!fields || fields->type != REDIS_REPLY_ARRAY || fields->elements != 2 || fields->element[1]->type != REDIS_REPLY_STRING)
			continue;
		json_t *event = json_loadb(fields->element[1]->str, (size_t)fields->element[1]->len, JSON_REJECT_DUPLICATES, NULL);
		json_int_t version = json_integer_value(json_object_get(event, "version"));
		if (version > 0 && version < below) {
			below = version;
			json_array_insert(events, 0, event);
		}
		json_decref(event);
	}
	asked->done(asked->context, events);
	free(asked);
}

void web_state_history(struct web_state *state, uint64_t group, void (*done)(void *context, json_t *events), void *context)
{
	struct asked *asked = malloc(sizeof *asked);
	char key[48], most[16];
	if (!asked) {
		done(context, NULL);
		return;
	}
	*asked = (struct asked){state, group, done, context};
	snprintf(key, sizeof key, "yagura:web:history:%016llx", (unsigned long long)group);
	snprintf(most, sizeof most, "%d", WEB_HISTORY_MAX);
	const char *argv[] = {"XREVRANGE", key, "+", "-", "COUNT", most};
	web_redis_ask(state->server->redis, told_history, asked, 6, argv, NULL);
}
