// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See suppress.h. Few are written and every alert is held against those in force, so they lie in an array, with a list of the numbers in
// force that is made anew when one begins or ends. A write is one script that compares the version in Redis; when its answer is lost,
// everything is read anew and what stands there is the answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "config/address.h"
#include "config/config.h"
#include "state_parts.h"
#include "suppress.h"

struct writing {
	struct web_suppression s;
	bool used, in_doubt;
	int64_t since_ms;
	void (*done)(void *context, enum web_suppress_result result);
	void *context;
	struct web_suppress *suppress;
};

struct web_suppress {
	struct web_server *server;
	struct web_suppression all[WEB_SUPPRESSIONS_KEPT];
	uint32_t seen[WEB_SUPPRESSIONS_KEPT]; // by which reading
	uint32_t count, reading;
	uint16_t active[WEB_SUPPRESSIONS];
	uint32_t active_count;
	int64_t next_ns;          // when the next one of them ends
	uint64_t bodies_read;     // how often the registry had been, when they were found
	uint64_t generation, readings; // readings: of state.c that this one stands for
	bool asking, reread;      // reread: somebody else wrote, or so it seems; what is known holds till then
	struct writing writings[WEB_SUPPRESS_WRITES];
	struct web_suppress_counters counters;
};

enum { WAIT_MS = 5000 };

// ---- matching: as policy.c of the sensor's engine does ----

bool web_suppress_below(const struct web_bodies *bodies, uint16_t at, uint16_t ancestor)
{
	uint32_t count = web_bodies_count(bodies);
	for (uint32_t steps = 0; at < count && steps <= count; steps++) {
		if (at == ancestor)
			return true;
		at = web_body_at(bodies, at)->parent;
	}
	return false;
}

static bool within(uint8_t af, const uint8_t prefix[16], uint8_t length, uint8_t other_af, const uint8_t address[16])
{
	struct yg_addr a, b;
	if (!af)
		return true;
	memcpy(&a, address, sizeof a);
	memcpy(&b, prefix, sizeof b);
	return af == other_af && yg_address_within(&a, &b, length);
}

bool web_suppression_fits(const struct web_bodies *bodies, const struct web_suppression *s, const struct web_alert *alert,
                          const char *kind)
{
	if (s->port && s->port != alert->target_port)
		return false;
	if (s->target_af && alert->target_len < s->target_len)
		return false;
	if (!within(s->target_af, s->target, s->target_len, alert->af, alert->target) ||
	    !within(s->source_af, s->source, s->source_len, alert->source_af, alert->source))
		return false;
	if (!yg_kind_matches(s->kind, kind))
		return false;
	if (!s->org[0])
		return true;
	uint16_t body = s->body != WEB_BODY_NONE ? s->body : web_body_find(bodies, s->org); // an alert may have named it since it was read
	return body != WEB_BODY_NONE && web_suppress_below(bodies, alert->body, body);
}

uint16_t web_suppressed(const struct web_suppress *suppress, const struct web_alert *alert, const char *kind)
{
	for (uint32_t i = 0; i < suppress->active_count; i++) {
		uint16_t number = suppress->active[i];
		if (web_suppression_fits(suppress->server->bodies, &suppress->all[number - 1], alert, kind))
			return number;
	}
	return 0;
}

bool web_suppress_in_force(const struct web_suppression *s, int64_t now_ns)
{
	return !s->ended_ns && s->version && now_ns < s->expires_ns;
}

bool web_suppression_seen(const struct web_bodies *bodies, const struct web_view *view, const struct web_suppression *s)
{
	if (view->scope.all)
		return true;
	for (uint32_t i = 0; s->body != WEB_BODY_NONE && i < web_bodies_count(bodies); i++)
		if (web_suppress_below(bodies, (uint16_t)i, s->body) && web_body_sees(bodies, view, (uint16_t)i))
			return true;
	return false;
}

static void find_active(struct web_suppress *suppress)
{
	int64_t now = web_clock_ns();
	suppress->active_count = 0;
	suppress->next_ns = INT64_MAX;
	suppress->generation++;
	suppress->bodies_read = web_bodies_counters(suppress->server->bodies).reloads;
	for (uint32_t i = 0; i < suppress->count; i++) {
		struct web_suppression *s = &suppress->all[i];
		if (!web_suppress_in_force(s, now))
			continue;
		if (suppress->active_count == WEB_SUPPRESSIONS) {
			suppress->counters.full++;
			break;
		}
		if (s->org[0] && s->body == WEB_BODY_NONE)
			s->body = web_body_find(suppress->server->bodies, s->org);
		suppress->active[suppress->active_count++] = (uint16_t)(i + 1);
		if (s->expires_ns < suppress->next_ns)
			suppress->next_ns = s->expires_ns;
	}
}

// Whether the registry has been read anew since, or knows a body now that it did not know.
static bool bodies_changed(const struct web_suppress *suppress)
{
	const struct web_bodies *bodies = suppress->server->bodies;
	bool changed = suppress->bodies_read != web_bodies_counters(bodies).reloads;
	for (uint32_t i = 0; i < suppress->active_count && !changed; i++) {
		const struct web_suppression *s = &suppress->all[suppress->active[i] - 1];
		changed = s->org[0] && s->body == WEB_BODY_NONE && web_body_find(bodies, s->org) != WEB_BODY_NONE;
	}
	return changed;
}

// ---- as text ----

static void put_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static void put_prefix(json_t *object, const char *key, uint8_t af, const uint8_t address[16], uint8_t length)
{
	char text[YG_PREFIX_TEXT];
	struct yg_addr a;
	memcpy(&a, address, sizeof a);
	if (af)
		put_text(object, key, yg_prefix_text(af, &a, length, text));
}

static char *text_of(const struct web_suppression *s)
{
	json_t *object = json_object();
	put_text(object, "kind", s->kind);
	put_text(object, "org", s->org);
	put_prefix(object, "source", s->source_af, s->source, s->source_len);
	put_prefix(object, "target", s->target_af, s->target, s->target_len);
	if (s->port)
		json_object_set_new(object, "port", json_integer(s->port));
	put_text(object, "owner", s->owner);
	put_text(object, "reason", s->reason);
	put_text(object, "ended_by", s->ended_by);
	json_object_set_new(object, "created_ns", json_integer(s->created_ns));
	json_object_set_new(object, "expires_ns", json_integer(s->expires_ns));
	json_object_set_new(object, "ended_ns", json_integer(s->ended_ns));
	json_object_set_new(object, "version", json_integer(s->version));
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

static bool take_text(const json_t *object, const char *key, char *to, size_t size)
{
	const json_t *value = json_object_get(object, key);
	if (!value)
		return true;
	if (!json_is_string(value) || json_string_length(value) >= size || strlen(json_string_value(value)) != json_string_length(value))
		return false;
	memcpy(to, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool take_prefix(const json_t *object, const char *key, uint8_t *af, uint8_t address[16], uint8_t *length)
{
	const json_t *value = json_object_get(object, key);
	struct yg_addr a;
	if (!value)
		return true;
	if (!json_is_string(value) || yg_prefix_parse(json_string_value(value), af, &a, length))
		return false;
	memcpy(address, &a, 16);
	return true;
}

static bool read_text(const char *id, const char *text, size_t size, struct web_suppression *ret)
{
	json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	*ret = (struct web_suppression){.body = WEB_BODY_NONE};
	snprintf(ret->id, sizeof ret->id, "%s", id);
	json_int_t version = json_integer_value(json_object_get(object, "version"));
	json_int_t port = json_integer_value(json_object_get(object, "port"));
	ret->created_ns = json_integer_value(json_object_get(object, "created_ns"));
	ret->expires_ns = json_integer_value(json_object_get(object, "expires_ns"));
	ret->ended_ns = json_integer_value(json_object_get(object, "ended_ns"));
	ret->version = (uint32_t)version;
	ret->port = (uint16_t)port;
	bool good = version > 0 && version < UINT32_MAX && port >= 0 && port <= UINT16_MAX && strlen(id) < sizeof ret->id &&
		    take_text(object, "kind", ret->kind, sizeof ret->kind) && ret->kind[0] && take_text(object, "org", ret->org, sizeof ret->org) &&
		    take_text(object, "owner", ret->owner, sizeof ret->owner) && take_text(object, "reason", ret->reason, sizeof ret->reason) &&
		    take_text(object, "ended_by", ret->ended_by, sizeof ret->ended_by) &&
		    take_prefix(object, "source", &ret->source_af, ret->source, &ret->source_len) &&
		    take_prefix(object, "target", &ret->target_af, ret->target, &ret->target_len);
	json_decref(object);
	return good;
}

// ---- what is known ----

// Its place: a free one, else that of the one that ended longest ago. 0: everything is in force.
static uint16_t room(struct web_suppress *suppress)
{
	if (suppress->count < WEB_SUPPRESSIONS_KEPT)
		return (uint16_t)++suppress->count;
	int64_t now = web_clock_ns(), oldest = INT64_MAX;
	uint16_t at = 0;
	for (uint32_t i = 0; i < suppress->count; i++) {
		const struct web_suppression *s = &suppress->all[i];
		int64_t end = s->ended_ns ? s->ended_ns : s->expires_ns;
		if (!web_suppress_in_force(s, now) && end < oldest) {
			oldest = end;
			at = (uint16_t)(i + 1);
		}
	}
	suppress->counters.kept_full++;
	return at;
}

static void keep(struct web_suppress *suppress, const struct web_suppression *s)
{
	uint16_t number = web_suppress_find(suppress, s->id);
	if (!number)
		number = room(suppress);
	if (!number)
		return;
	suppress->all[number - 1] = *s;
	suppress->all[number - 1].body = s->org[0] ? web_body_find(suppress->server->bodies, s->org) : WEB_BODY_NONE;
	suppress->seen[number - 1] = suppress->reading;
}

uint16_t web_suppress_find(const struct web_suppress *suppress, const char *id)
{
	for (uint32_t i = 0; i < suppress->count; i++)
		if (suppress->all[i].version && strcmp(suppress->all[i].id, id) == 0)
			return (uint16_t)(i + 1);
	return 0;
}

const struct web_suppression *web_suppress_at(const struct web_suppress *suppress, uint16_t number)
{
	return number && number <= suppress->count && suppress->all[number - 1].version ? &suppress->all[number - 1] : NULL;
}

const char *web_suppression_id(const struct web_suppress *suppress, uint16_t number)
{
	const struct web_suppression *s = web_suppress_at(suppress, number);
	return s ? s->id : NULL;
}

uint32_t web_suppress_count(const struct web_suppress *suppress)
{
	return suppress->count;
}

uint64_t web_suppress_generation(const struct web_suppress *suppress)
{
	return suppress->generation;
}

const struct web_suppress_counters *web_suppress_counters(const struct web_suppress *suppress)
{
	return &suppress->counters;
}

// ---- reading ----

static void settle(struct writing *w, enum web_suppress_result result)
{
	struct writing copy = *w;
	*w = (struct writing){0};
	copy.done(copy.context, result);
}

static bool same(const struct web_suppression *a, const struct web_suppression *b)
{
	char *x = text_of(a), *y = text_of(b);
	bool equal = x && y && strcmp(x, y) == 0;
	free(x);
	free(y);
	return equal;
}

// Of writes whose answer was lost: what stands in Redis tells.
static void resolve(struct web_suppress *suppress)
{
	for (int i = 0; i < WEB_SUPPRESS_WRITES; i++) {
		struct writing *w = &suppress->writings[i];
		if (!w->used || !w->in_doubt)
			continue;
		const struct web_suppression *now = web_suppress_at(suppress, web_suppress_find(suppress, w->s.id));
		settle(w, now && same(now, &w->s) ? WEB_SUPPRESS_DONE : now && now->version >= w->s.version ? WEB_SUPPRESS_CONFLICT : WEB_SUPPRESS_AWAY);
	}
}

static void read_all(void *context, const redisReply *reply)
{
	struct web_suppress *suppress = context;
	suppress->asking = false;
	if (!reply || reply->type != REDIS_REPLY_ARRAY)
		return; // asked again at the next tick
	suppress->reading++;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *id = reply->element[i], *text = reply->element[i + 1];
		struct web_suppression s;
		if (id->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING && read_text(id->str, text->str, (size_t)text->len, &s))
			keep(suppress, &s);
		else
			suppress->counters.bad++;
	}
	for (uint32_t i = 0; i < suppress->count; i++)
		if (suppress->seen[i] != suppress->reading)
			suppress->all[i].version = 0; // not in Redis any more: there is none
	suppress->counters.readings++;
	suppress->readings = web_state_readings(suppress->server->state);
	find_active(suppress);
	resolve(suppress);
}

static void tick(void *context)
{
	struct web_suppress *suppress = context;
	uint64_t readings = web_state_readings(suppress->server->state);
	if (readings && (suppress->reread || readings != suppress->readings) && !suppress->asking) {
		const char *argv[] = {"HGETALL", "yagura:web:suppressions"};
		suppress->asking = true;
		suppress->reread = false;
		web_redis_ask(suppress->server->redis, read_all, suppress, 2, argv, NULL);
	}
	if (web_clock_ns() >= suppress->next_ns || bodies_changed(suppress))
		find_active(suppress);
	for (int i = 0; i < WEB_SUPPRESS_WRITES; i++)
		if (suppress->writings[i].used && web_now_ms() - suppress->writings[i].since_ms > WAIT_MS) {
			struct writing *w = &suppress->writings[i];
			if (w->in_doubt)
				settle(w, WEB_SUPPRESS_UNKNOWN);
			else if (w->done) { // its answer may still come: the place stays taken till then
				void (*done)(void *, enum web_suppress_result) = w->done;
				w->done = NULL;
				done(w->context, WEB_SUPPRESS_UNKNOWN);
			}
		}
}

// ---- writing ----

static const char script[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('STALE another writer') end\n"
    "local old = redis.call('HGET', KEYS[2], ARGV[2])\n"
    "local version = old and cjson.decode(old).version or 0\n"
    "if version + 1 ~= tonumber(ARGV[3]) then return redis.error_reply('CONFLICT another version') end\n"
    "redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])\n"
    "return redis.status_reply('OK')";

static void written(void *context, const redisReply *reply)
{
	struct writing *w = context;
	struct web_suppress *suppress = w->suppress;
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	if (good) {
		keep(suppress, &w->s);
		find_active(suppress);
	}
	if (!w->done) {
		*w = (struct writing){0};
		suppress->reread = true;
	} else if (good) {
		settle(w, WEB_SUPPRESS_DONE);
	} else if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "CONFLICT", 8) == 0) {
		suppress->reread = true;
		settle(w, WEB_SUPPRESS_CONFLICT);
	} else {
		if (reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "STALE", 5) == 0)
			web_state_doubt(suppress->server->state); // it has to become the writer again
		w->in_doubt = true;
		suppress->readings = 0;
	}
}

void web_suppress_write(struct web_suppress *suppress, const struct web_suppression *s,
			void (*done)(void *context, enum web_suppress_result result), void *context)
{
	struct writing *w = NULL;
	for (int i = 0; i < WEB_SUPPRESS_WRITES && !w; i++)
		if (!suppress->writings[i].used)
			w = &suppress->writings[i];
	char *text = text_of(s), writer[24], version[16];
	bool full = s->version == 1 && suppress->active_count == WEB_SUPPRESSIONS;
	suppress->counters.full += full;
	suppress->counters.writes_full += !w;
	bool writable = web_redis_up(suppress->server->redis) && web_state_readings(suppress->server->state) && suppress->readings;
	if (full || !w || !text || !writable) {
		free(text);
		done(context, full ? WEB_SUPPRESS_FULL : writable ? WEB_SUPPRESS_BUSY : WEB_SUPPRESS_AWAY);
		return;
	}
	*w = (struct writing){.s = *s, .used = true, .since_ms = web_now_ms(), .done = done, .context = context, .suppress = suppress};
	snprintf(writer, sizeof writer, "%llu", (unsigned long long)web_state_writer(suppress->server->state));
	snprintf(version, sizeof version, "%u", s->version);
	const char *argv[] = {"EVAL", script, "2", "yagura:web:writer", "yagura:web:suppressions", writer, s->id, version, text};
	web_redis_ask(suppress->server->redis, written, w, sizeof argv / sizeof *argv, argv, NULL);
	free(text);
}

struct web_suppress *web_suppress_create(struct web_server *server)
{
	struct web_suppress *suppress = calloc(1, sizeof *suppress);
	if (!suppress)
		return NULL;
	suppress->server = server;
	suppress->next_ns = INT64_MAX;
	web_loop_every(server->loop, 100, tick, suppress);
	return suppress;
}

void web_suppress_destroy(struct web_suppress *suppress)
{
	free(suppress);
}
