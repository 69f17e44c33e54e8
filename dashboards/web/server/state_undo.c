// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Takes an action back: yagura:web:undo:<token> is read (HSCAN: it may be large), and what it says of each group becomes an action of its
// own, which fails for a group that somebody has changed since. Redis lets the token live 30 s; an undo that was carried out ends it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state_parts.h"

struct row {
	uint64_t group;
	uint32_t version;         // that the action left
	bool seen;
	struct web_group_touch before;
};

struct reading {
	struct web_state *state;
	char key[64];
	const char *actor;        // interned
	struct row *rows;
	uint32_t count, room;
	bool mine;
	bool (*may)(void *context, uint64_t group);
	web_acted done;
	void *context;
	char token[33];
};

static void end(struct reading *r, bool refused)
{
	r->done(r->context, &(struct web_outcome){.refused = refused, .gone = !refused});
	for (uint32_t i = 0; i < r->count; i++)
		free(r->rows[i].before.reason);
	free(r->rows);
	free(r);
}

static int by_group(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return (x->group > y->group) - (x->group < y->group);
}

// HSCAN may say something twice.
static void make_distinct(struct reading *r)
{
	uint32_t kept = 0;
	qsort(r->rows, r->count, sizeof *r->rows, by_group);
	for (uint32_t i = 0; i < r->count; i++) {
		if (kept && r->rows[kept - 1].group == r->rows[i].group)
			free(r->rows[i].before.reason);
		else
			r->rows[kept++] = r->rows[i];
	}
	r->count = kept;
}

static void act(struct reading *r)
{
	struct web_op *op = calloc(1, sizeof *op);
	make_distinct(r);
	if (op) {
		op->targets = calloc(r->count, sizeof *op->targets);
		op->before = calloc(r->count, sizeof *op->before);
		op->results = calloc(r->count, 1);
	}
	if (!op || !op->targets || !op->before || !op->results) {
		web_op_free(op);
		end(r, true);
		return;
	}
	op->act = WEB_UNDO;
	op->actor = r->actor;
	op->assignee = "";
	op->count = r->count;
	op->done = r->done;
	op->context = r->context;
	memcpy(op->token, r->token, sizeof op->token);
	for (uint32_t i = 0; i < r->count; i++) {
		op->targets[i] = (struct web_target){r->rows[i].group, r->rows[i].version};
		op->before[i] = r->rows[i].before;
		op->results[i] = r->may(r->context, r->rows[i].group) ? WEB_PENDING : WEB_NOT_FOUND;
	}
	struct web_state *state = r->state;
	free(r->rows);
	free(r);
	web_state_put(state, op);
}

static bool take(struct reading *r, const redisReply *id, const redisReply *text)
{
	if (id->type != REDIS_REPLY_STRING || text->type != REDIS_REPLY_STRING)
		return false;
	json_t *object = json_loadb(text->str, (size_t)text->len, JSON_REJECT_DUPLICATES, NULL);
	struct row row = {0};
	bool good = false;
	if (strcmp(id->str, "meta") == 0) {
		const char *user = json_string_value(json_object_get(object, "user"));
		r->mine = user && strcmp(user, r->actor) == 0;
		json_decref(object);
		return r->mine;
	}
	json_int_t version = json_integer_value(json_object_get(object, "version"));
	if (web_group_id_read(id->str, (size_t)id->len, &row.group) && version > 0 && version <= UINT32_MAX)
		good = web_touch_of(r->state, json_object_get(object, "before"), &row.before);
	json_decref(object);
	if (good && r->count == r->room) {
		uint32_t room = r->room ? r->room * 2 : 64;
		struct row *rows = room <= 2 * WEB_BULK_MAX ? realloc(r->rows, room * sizeof *rows) : NULL;
		if (!rows) {
			free(row.before.reason);
			return false;
		}
		r->rows = rows;
		r->room = room;
	}
	if (good) {
		row.version = (uint32_t)version;
		r->rows[r->count++] = row;
	}
	return good;
}

static void scan(struct reading *r, const char *cursor);

static void scanned(void *context, const redisReply *reply)
{
	struct reading *r = context;
	const redisReply *fields = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 ? reply->element[1] : NULL;
	bool good = fields && fields->type == REDIS_REPLY_ARRAY && reply->element[0]->type == REDIS_REPLY_STRING;
	for (size_t i = 0; good && i + 1 < fields->elements; i += 2)
		good = take(r, fields->element[i], fields->element[i + 1]);
	if (!good)
		end(r, !reply); // of somebody else, or no undo at all: there is none
	else if (strcmp(reply->element[0]->str, "0") != 0)
		scan(r, reply->element[0]->str);
	else if (!r->mine || !r->count)
		end(r, false);
	else
		act(r);
}

static void scan(struct reading *r, const char *cursor)
{
	const char *argv[] = {"HSCAN", r->key, cursor, "COUNT", "1000"};
	web_redis_ask(r->state->server->redis, scanned, r, 5, argv, NULL);
}

void web_state_undo(struct web_state *state, const char *token, const char *actor, bool (*may)(void *context, uint64_t group),
		web_acted done,
		    void *context)
{
	bool known = strlen(token) == 32 && strspn(token, "0123456789abcdef") == 32;
	struct reading *r = known && state->writable ? calloc(1, sizeof *r) : NULL;
	if (!r) {
		done(context, &(struct web_outcome){.refused = known, .gone = !known});
		return;
	}
	r->state = state;
	r->actor = web_state_name(state, actor);
	r->may = may;
	r->done = done;
	r->context = context;
	snprintf(r->token, sizeof r->token, "%s", token);
	snprintf(r->key, sizeof r->key, "yagura:web:undo:%s", token);
	scan(r, "0");
}
