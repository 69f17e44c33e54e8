// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See state.h. What is known lies in chunks that never move, with a hash index over them. Whenever there is a new connection to Redis,
// everything is read anew (HSCAN), for another Redis may have less, or others may have written; what is gone there is gone here. Before
// that, the number of the writer is raised: a script that an earlier connection still holds is refused by it, so what was read stays true.
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "index.h"
#include "line.h"
#include "state_parts.h"

static const char *const state_names[] = {"new", "acknowledged", "escalated", "archived"};
static const char *const verdict_names[] = {"", "threat", "benign", "false_positive", "drill"};
static const struct web_group_touch untouched = {.assignee = "", .changed_by = ""};

static int find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; name && i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int web_group_state_find(const char *name)
{
	return find_name(state_names, WEB_STATES, name);
}

int web_verdict_find(const char *name)
{
	return name && *name ? find_name(verdict_names, WEB_VERDICTS, name) : -1;
}

const char *web_group_state_name(enum web_group_state state)
{
	return (unsigned)state < WEB_STATES ? state_names[state] : "";
}

const char *web_verdict_name(enum web_verdict verdict)
{
	return (unsigned)verdict < WEB_VERDICTS ? verdict_names[verdict] : "";
}

// ---- what is known ----

static uint32_t slot_of(const struct web_state *state, uint64_t group)
{
	uint32_t at = (uint32_t)((group * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (state->slots_count - 1);
	return at;
}

static struct web_touched *entry_at(const struct web_state *state, uint32_t at)
{
	return &state->chunks[at / WEB_STATE_CHUNK][at % WEB_STATE_CHUNK];
}

struct web_touched *web_touched_find(const struct web_state *state, uint64_t group)
{
	if (!state->slots_count)
		return NULL;
	for (uint32_t slot = slot_of(state, group); state->slots[slot]; slot = (slot + 1) & (state->slots_count - 1))
		if (entry_at(state, state->slots[slot] - 1)->group == group)
			return entry_at(state, state->slots[slot] - 1);
	return NULL;
}

static void put_slot(struct web_state *state, uint32_t at)
{
	uint32_t slot = slot_of(state, entry_at(state, at)->group);
	while (state->slots[slot])
		slot = (slot + 1) & (state->slots_count - 1);
	state->slots[slot] = at + 1;
}

static bool grow(struct web_state *state)
{
	uint32_t count = state->slots_count ? state->slots_count * 2 : 1024;
	uint32_t *slots = calloc(count, sizeof *slots);
	if (!slots)
		return false;
	free(state->slots);
	state->slots = slots;
	state->slots_count = count;
	for (uint32_t i = 0; i < state->count; i++)
		put_slot(state, i);
	return true;
}

struct web_touched *web_touched_make(struct web_state *state, uint64_t group)
{
	struct web_touched *found = web_touched_find(state, group);
	if (found)
		return found;
	struct web_touched **chunk = &state->chunks[state->count / WEB_STATE_CHUNK];
	bool room = state->count < WEB_STATES_MAX && (state->count < state->slots_count / 2 || grow(state));
	if (room && !*chunk)
		*chunk = calloc(WEB_STATE_CHUNK, sizeof **chunk);
	if (!room || !*chunk) {
		state->counters.full++;
		return NULL;
	}
	uint32_t at = state->count++;
	*entry_at(state, at) = (struct web_touched){.group = group, .touch = untouched};
	put_slot(state, at);
	return entry_at(state, at);
}

void web_touched_set(struct web_state *state, struct web_touched *touched, const struct web_group_touch *touch)
{
	char *reason = touch->reason ? strdup(touch->reason) : NULL;
	free(touched->touch.reason);
	touched->touch = *touch;
	touched->touch.reason = reason;
	if (touch->change > state->change)
		state->change = touch->change;
}

const char *web_state_name(struct web_state *state, const char *name)
{
	if (!name || !*name)
		return "";
	for (uint32_t i = 0; i < state->names_count; i++)
		if (strcmp(state->names[i], name) == 0)
			return state->names[i];
	char *copy = NULL;
	if (state->names_count >= WEB_STATE_NAMES || asprintf(&copy, "%.*s", WEB_USER_MAX - 1, name) < 0) {
		state->counters.names_full++;
		return "…";
	}
	state->names[state->names_count++] = copy;
	return copy;
}

void web_state_told(struct web_state *state, uint64_t group)
{
	for (uint32_t i = 0; i < state->listeners_count; i++)
		state->listeners[i].call(state->listeners[i].context, group);
}

// ---- as text ----

static void put_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
}

static void put_number(json_t *object, const char *key, int64_t number)
{
	if (number)
		json_object_set_new(object, key, json_integer(number));
}

char *web_touch_text(const struct web_group_touch *t)
{
	json_t *object = json_object();
	put_text(object, "state", web_group_state_name(t->state));
	put_text(object, "assignee", t->assignee);
	put_text(object, "verdict", web_verdict_name(t->verdict));
	put_text(object, "reason", t->reason);
	put_number(object, "version", t->version);
	put_number(object, "change", (int64_t)t->change);
	put_number(object, "comments", t->comments);
	put_number(object, "changed_ns", t->changed_ns);
	put_text(object, "changed_by", t->changed_by);
	put_number(object, "acknowledged_ns", t->acknowledged_ns);
	put_number(object, "archived_ns", t->archived_ns);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

static bool number_at(const json_t *object, const char *key, json_int_t most, json_int_t *ret)
{
	const json_t *value = json_object_get(object, key);
	*ret = value ? json_integer_value(value) : 0;
	return (!value || json_is_integer(value)) && *ret >= 0 && *ret <= most;
}

static bool text_at(const json_t *object, const char *key, size_t most, const char **ret)
{
	const json_t *value = json_object_get(object, key);
	*ret = value ? json_string_value(value) : "";
	return *ret && json_string_length(value) <= most;
}

bool web_touch_of(struct web_state *state, const json_t *object, struct web_group_touch *ret)
{
	const char *assignee, *by, *reason;
	json_int_t version, change, comments, changed, acknowledged, archived;
	int is = web_group_state_find(json_string_value(json_object_get(object, "state")));
	const json_t *verdict = json_object_get(object, "verdict");
	int judged = verdict ? web_verdict_find(json_string_value(verdict)) : WEB_VERDICT_NONE;
	bool good = is >= 0 && judged >= 0 && text_at(object, "assignee", WEB_USER_MAX - 1, &assignee) &&
		    text_at(object, "changed_by", WEB_USER_MAX - 1, &by) && text_at(object, "reason", WEB_REASON_MAX, &reason) &&
		    number_at(object, "version", UINT32_MAX - 1, &version) && number_at(object, "change", INT64_C(1) << 53, &change) &&
		    number_at(object, "comments", UINT32_MAX - 1, &comments) && number_at(object, "changed_ns", INT64_MAX, &changed) &&
		    number_at(object, "acknowledged_ns", INT64_MAX, &acknowledged) && number_at(object, "archived_ns", INT64_MAX, &archived);
	if (!good)
		return false;
	*ret = (struct web_group_touch){
	    .state = (uint8_t)is, .verdict = (uint8_t)judged, .version = (uint32_t)version, .comments = (uint32_t)comments,
	    .change = (uint64_t)change, .changed_ns = changed, .acknowledged_ns = acknowledged, .archived_ns = archived,
	    .assignee = web_state_name(state, assignee), .changed_by = web_state_name(state, by), .reason = *reason ? strdup(reason) : NULL,
	};
	return true;
}

bool web_group_id_read(const char *text, size_t size, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < size; i++) {
		int digit = text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : text[i] >= 'a' && text[i] <= 'f' ? text[i] - 'a' + 10 : -1;
		if (digit < 0)
			return false;
		*ret = *ret << 4 | (uint64_t)digit;
	}
	return size == 16;
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

json_t *web_state_json(const struct web_group_touch *t)
{
	json_t *object = json_object();
	json_object_set_new(object, "state", json_string(web_group_state_name(t->state)));
	json_object_set_new(object, "assignee", text_or_null(t->assignee));
	json_object_set_new(object, "verdict", text_or_null(web_verdict_name(t->verdict)));
	json_object_set_new(object, "reason", text_or_null(t->reason));
	json_object_set_new(object, "version", json_integer(t->version));
	json_object_set_new(object, "changed_ms", t->changed_ns ? json_integer(t->changed_ns / 1000000) : json_null());
	json_object_set_new(object, "changed_by", text_or_null(t->changed_by));
	json_object_set_new(object, "comments", json_integer(t->comments));
	return object;
}

// ---- reading everything ----

static void scan(struct web_state *state, const char *cursor);

static void stop(struct web_state *state)
{
	if (state->writable)
		state->stopped_ms = web_now_ms();
	state->writable = false;
}

void web_state_doubt(struct web_state *state)
{
	state->connection = 0;
	stop(state);
}

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

// What the reading did not find is not there any more: nobody has touched it.
static void forget_unseen(struct web_state *state)
{
	for (uint32_t i = 0; i < state->count; i++) {
		struct web_touched *t = entry_at(state, i);
		if (t->seen == state->reading || !t->touch.version)
			continue;
		web_touched_set(state, t, &untouched);
		web_state_told(state, t->group);
	}
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
	forget_unseen(state);
	if (state->writer << 24 > state->change) // changes that an earlier Redis knew and this one does not are not given out again
		state->change = state->writer << 24;
	state->counters.readings++;
	state->loaded = state->writable = state->sweep = true;
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
		web_index_secret(state->server->index, state->secret);
	return good;
}

static void became_writer(void *context, const redisReply *reply)
{
	struct web_state *state = context;
	const redisReply *writer = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[0] : NULL;
	const redisReply *secret = writer ? reply->element[1] : NULL;
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

// ---- alerts that come to what was archived ----

static void sweep_group(struct web_state *state, const struct web_touched *t)
{
	const struct web_index *index = state->server->index;
	uint32_t at = web_index_find_group(index, t->group);
	if (at == WEB_NOWHERE)
		return;
	for (uint32_t i = web_index_group(index, at)->first; i != WEB_NOWHERE; i = web_index_alert(index, i)->next) {
		const struct web_alert *alert = web_index_alert(index, i);
		if (alert->first_ns > t->touch.changed_ns && alert->severity >= WEB_SEV_MEDIUM &&
		    web_index_class(index, i) == WEB_COUNTED) {
			web_state_alert(state, t->group, alert->severity, true);
			return;
		}
	}
}

static void sweep(struct web_state *state)
{
	state->sweep = false;
	for (uint32_t i = 0; i < state->count; i++)
		if (entry_at(state, i)->touch.state == WEB_ARCHIVED)
			sweep_group(state, entry_at(state, i));
}

static void reopen(struct web_state *state)
{
	struct web_target *targets = calloc(state->reopen_count, sizeof *targets);
	if (!targets)
		return; // at the next tick
	for (uint32_t i = 0; i < state->reopen_count; i++)
		targets[i] = (struct web_target){state->reopen[i], -1};
	uint32_t count = state->reopen_count;
	state->reopen_count = 0;
	web_state_act(state, &(struct web_action){.act = WEB_REOPEN, .actor = "yagura"}, targets, count, NULL, NULL);
	free(targets);
}

void web_state_alert(struct web_state *state, uint64_t group, uint8_t severity, bool opened)
{
	const struct web_touched *t = web_touched_find(state, group);
	bool back = opened && severity >= WEB_SEV_MEDIUM && t && t->touch.state == WEB_ARCHIVED;
	if (!back || !state->loaded || !web_index_ready(state->server->index))
		return;
	if (state->reopen_count && state->reopen[state->reopen_count - 1] == group)
		return;
	if (state->reopen_count == WEB_STATE_REOPEN)
		state->sweep = true;
	else
		state->reopen[state->reopen_count++] = group;
}

static void tick(void *context)
{
	struct web_state *state = context;
	uint64_t connection = web_redis_connection(state->server->redis);
	if (connection != state->connection) {
		stop(state);
		state->connection = connection;
		if (connection)
			begin_reading(state);
	}
	if (state->writable && state->sweep && web_index_ready(state->server->index))
		sweep(state);
	if (state->writable && state->reopen_count)
		reopen(state);
	web_state_expire(state);
}

// ---- of the header ----

struct web_state *web_state_create(struct web_server *server)
{
	struct web_state *state = calloc(1, sizeof *state);
	if (!state)
		return NULL;
	state->server = server;
	state->last = &state->first;
	randombytes_buf(state->secret, sizeof state->secret);
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
	for (uint32_t i = 0; i < state->count; i++)
		free(entry_at(state, i)->touch.reason);
	for (uint32_t i = 0; i < sizeof state->chunks / sizeof *state->chunks; i++)
		free(state->chunks[i]);
	for (uint32_t i = 0; i < state->names_count; i++)
		free(state->names[i]);
	free(state->slots);
	free(state);
}

bool web_state_ready(const struct web_state *state)
{
	return state->loaded;
}

uint64_t web_state_change(const struct web_state *state)
{
	return state->change;
}

uint64_t web_state_readings(const struct web_state *state)
{
	return state->writable ? state->counters.readings : 0;
}

uint64_t web_state_writer(const struct web_state *state)
{
	return state->writer;
}

const struct web_group_touch *web_state_of(const struct web_state *state, uint64_t group)
{
	const struct web_touched *touched = web_touched_find(state, group);
	return touched ? &touched->touch : &untouched;
}

void web_state_each(const struct web_state *state, void (*each)(void *context, uint64_t group,
		const struct web_group_touch *touch), void *context)
{
	for (uint32_t i = 0; i < state->count; i++)
		if (entry_at(state, i)->touch.version)
			each(context, entry_at(state, i)->group, &entry_at(state, i)->touch);
}

void web_state_on_change(struct web_state *state, void (*changed)(void *context, uint64_t group), void *context)
{
	if (state->listeners_count == sizeof state->listeners / sizeof *state->listeners)
		abort(); // the program knows beforehand how many listen
	state->listeners[state->listeners_count].call = changed;
	state->listeners[state->listeners_count++].context = context;
}

const struct web_state_counters *web_state_counters(const struct web_state *state)
{
	return &state->counters;
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
