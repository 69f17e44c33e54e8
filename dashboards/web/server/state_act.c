// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Changes of states. An action is decided group by group against what is known now, in parts of WEB_STATE_PART groups; each part is one
// script in Redis: state, history, change and what undoes it, all or none. Only when Redis says that it has it, memory changes and the next
// part begins. When the answer does not come, nobody knows: everything is read anew, and each group of that part tells by its change
// whether it was done; the rest is tried again, WEB_STATE_WAIT_MS long. The script refuses to run for another writer than the latest, so
// what was sent over a dead connection cannot be carried out after it has been looked for.
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state_parts.h"

// Every key of a script is one that the user of configs/redis/users.acl may write, so `none` stands where there is none.
#define NO_UNDO "yagura:web:undo:none"

static const char script[] =
    "local none = '" NO_UNDO "'\n"
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('STALE another writer') end\n"
    "for i = 3, #ARGV, 4 do\n"
    "  redis.call('XADD', 'yagura:web:history:' .. ARGV[i], '*', 'e', ARGV[i + 2])\n"
    "  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])\n"
    "  redis.call('XADD', KEYS[3], 'MAXLEN', '~', '100000', '*', 'group', ARGV[i])\n"
    "  if KEYS[4] ~= none then redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 3]) end\n"
    "end\n"
    "if KEYS[4] ~= none then redis.call('HSET', KEYS[4], 'meta', ARGV[2]); redis.call('EXPIRE', KEYS[4], 30) end\n"
    "if KEYS[5] ~= none then redis.call('DEL', KEYS[5]) end\n"
    "return redis.status_reply('OK')";
_Static_assert(WEB_UNDO_S == 30, "as the script has it");

static const char *const act_names[WEB_ACTS] = {"acknowledge", "assign", "escalate", "archive", "reopen", "comment", "undo"};
static const char *const result_names[WEB_RESULTS] = {"done", "not_found", "conflict", "no_change", "full", "read_only", "unknown"};

int web_act_find(const char *name)
{
	for (int i = 0; name && i < WEB_UNDO; i++)
		if (strcmp(act_names[i], name) == 0)
			return i;
	return -1;
}

const char *web_act_name(enum web_act act)
{
	return (unsigned)act < WEB_ACTS ? act_names[act] : "";
}

const char *web_result_name(enum web_result result)
{
	return (unsigned)result < WEB_RESULTS ? result_names[result] : "unknown";
}

void web_op_free(struct web_op *op)
{
	if (!op)
		return;
	for (uint32_t i = 0; op->before && i < op->count; i++)
		free(op->before[i].reason);
	free(op->before);
	free(op->targets);
	free(op->results);
	free(op->reason);
	free(op->comment);
	free(op);
}

// ---- what becomes of one group ----

static bool has(const char *text)
{
	return text && *text;
}

static bool equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static enum web_result archive(const struct web_op *op, struct web_group_touch *t)
{
	if (t->state == WEB_ARCHIVED && t->verdict == op->verdict && equal(t->reason, op->reason))
		return WEB_NO_CHANGE;
	t->state = WEB_ARCHIVED;
	t->verdict = (uint8_t)op->verdict;
	t->reason = op->reason;
	return WEB_DONE;
}

static enum web_result reopen(const struct web_op *op, struct web_group_touch *t)
{
	// The sensor's alerts bring back what was archived, and nothing else.
	if (t->state == WEB_NEW || (strcmp(op->actor, WEB_SYSTEM_ACTOR) == 0 && t->state != WEB_ARCHIVED))
		return WEB_NO_CHANGE;
	t->state = WEB_NEW;
	t->verdict = WEB_VERDICT_NONE;
	t->reason = NULL;
	return WEB_DONE;
}

static enum web_result apply(const struct web_op *op, uint32_t target, struct web_group_touch *t)
{
	switch (op->act) {
	case WEB_ACKNOWLEDGE:
		if (t->state != WEB_NEW)
			return WEB_NO_CHANGE;
		t->state = WEB_ACKNOWLEDGED;
		return WEB_DONE;
	case WEB_ASSIGN:
		if (equal(t->assignee, op->assignee))
			return WEB_NO_CHANGE;
		t->assignee = op->assignee;
		return WEB_DONE;
	case WEB_ESCALATE:
		if (t->state == WEB_ESCALATED)
			return WEB_NO_CHANGE;
		t->state = WEB_ESCALATED;
		t->verdict = WEB_VERDICT_NONE;
		t->reason = NULL;
		return WEB_DONE;
	case WEB_ARCHIVE:
		return archive(op, t);
	case WEB_REOPEN:
		return reopen(op, t);
	case WEB_COMMENT:
		return WEB_DONE;
	default:
		*t = op->before[target];
		return WEB_DONE;
	}
}

// What the group becomes; its reason is still another's.
static enum web_result decide(const struct web_op *op, uint32_t target, const struct web_group_touch *now, int64_t now_ns,
			      struct web_group_touch *ret)
{
	int64_t saw = op->targets[target].version;
	if (saw >= 0 && saw != now->version)
		return WEB_CONFLICT;
	*ret = *now;
	enum web_result result = apply(op, target, ret);
	if (result != WEB_DONE)
		return result;
	if (op->act != WEB_UNDO) {
		if (has(op->comment))
			ret->comments++;
		ret->changed_ns = now_ns;
		ret->changed_by = op->actor;
		if (ret->state == WEB_NEW && now->state != WEB_NEW)
			ret->back_ns = now_ns;
		bool looked_at = ret->state == WEB_ACKNOWLEDGED || ret->state == WEB_ESCALATED || ret->state == WEB_ARCHIVED;
		if (looked_at && !ret->acknowledged_ns)
			ret->acknowledged_ns = now_ns;
		if (ret->state == WEB_ARCHIVED && !ret->archived_ns)
			ret->archived_ns = now_ns;
	}
	ret->version = now->version + 1;
	return WEB_DONE;
}

// ---- the script ----

static json_t *side(const struct web_group_touch *t, bool state, bool assignee)
{
	json_t *object = json_object();
	if (state)
		json_object_set_new(object, "state", json_string(web_group_state_name(t->state)));
	if (assignee)
		json_object_set_new(object, "assignee", has(t->assignee) ? json_string(t->assignee) : json_null());
	return object;
}

static void put_text(json_t *object, const char *key, const char *text)
{
	if (has(text))
		json_object_set_new(object, key, json_string(text));
}

// One line of the history: Event of openapi.yaml.
static char *event_of(const struct web_op *op, const struct web_group_touch *from, const struct web_group_touch *to, int64_t now_ns)
{
	json_t *event = json_object();
	bool assignee = !equal(from->assignee, to->assignee), state = from->state != to->state || !assignee;
	json_object_set_new(event, "at_ms", json_integer(now_ns / 1000000));
	json_object_set_new(event, "actor", json_string(op->actor));
	json_object_set_new(event, "action", json_string(act_names[op->act]));
	json_object_set_new(event, "version", json_integer(to->version)); // each version has one event: web_state_history()
	if (op->act != WEB_COMMENT) {
		json_object_set_new(event, "from", side(from, state, assignee));
		json_object_set_new(event, "to", side(to, state, assignee));
	}
	if (op->act == WEB_ARCHIVE || op->act == WEB_UNDO) {
		put_text(event, "verdict", web_verdict_name(to->verdict));
		put_text(event, "reason", to->reason);
	} else {
		put_text(event, "reason", op->reason);
	}
	put_text(event, "comment", op->comment);
	if (op->count > 1)
		json_object_set_new(event, "bulk", json_integer(op->count));
	char *text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	return text;
}

static char *undo_of(const struct web_group_touch *from, uint32_t version)
{
	char *before = web_touch_text(from), *text = NULL;
	if (!before || asprintf(&text, "{\"version\":%u,\"before\":%s}", version, before) < 0)
		text = NULL;
	free(before);
	return text;
}

static void scripted(void *context, const redisReply *reply);

enum { HEAD = 8, ARGUMENTS = HEAD + 2 + 4 * WEB_STATE_PART };

// Everything of the part as arguments; those from `*ret_own` on are to be freed.
static bool fill(struct web_state *state, const struct web_op *op, const char **argv, int *ret_argc, int64_t now_ns)
{
	int n = *ret_argc;
	bool good = true;
	for (uint32_t i = 0; i < state->pending_count; i++) {
		const struct web_pending *p = &state->pending[i];
		const struct web_group_touch *now = web_state_of(state, p->group);
		char *id = NULL;
		good = asprintf(&id, "%016llx", (unsigned long long)p->group) > 0 && good;
		argv[n++] = id;
		argv[n++] = web_touch_text(&p->touch);
		argv[n++] = event_of(op, now, &p->touch, now_ns);
		argv[n++] = op->act == WEB_UNDO ? strdup("") : undo_of(now, p->touch.version);
		good = good && argv[n - 1] && argv[n - 2] && argv[n - 3];
	}
	*ret_argc = n;
	return good;
}

static void send_part(struct web_state *state, struct web_op *op, int64_t now_ns)
{
	static const char *argv[ARGUMENTS];
	char writer[24], undo[64] = NO_UNDO, undone[64] = NO_UNDO, meta[WEB_USER_MAX * 6 + 32];
	bool is_undo = op->act == WEB_UNDO, last = state->pending_end == op->count;
	snprintf(writer, sizeof writer, "%llu", (unsigned long long)state->writer);
	snprintf(is_undo ? undone : undo, sizeof undo, "yagura:web:undo:%s", op->token);
	json_t *who = json_pack("{ss}", "user", op->actor);
	char *text = who ? json_dumps(who, JSON_COMPACT) : NULL;
	json_decref(who);
	snprintf(meta, sizeof meta, "%s", text ? text : "");
	free(text);
	const char *head[] = {"EVAL", script, "5", "yagura:web:writer", "yagura:web:groups", "yagura:web:changes", undo, last ? undone : NO_UNDO};
	_Static_assert(sizeof head / sizeof *head == HEAD, "as many as are counted");
	memcpy(argv, head, sizeof head);
	argv[HEAD] = writer;
	argv[HEAD + 1] = meta;
	int argc = HEAD + 2;
	bool good = fill(state, op, argv, &argc, now_ns);
	state->in_flight = true;
	state->sent_ms = web_now_ms();
	state->pending_op = op;
	if (good)
		web_redis_ask(state->server->redis, scripted, state, argc, argv, NULL);
	for (int i = HEAD + 2; i < argc; i++)
		free((char *)argv[i]);
	if (!good)
		scripted(state, NULL); // no memory: as if Redis had not answered
}

// ---- answers ----

static void forget_pending(struct web_state *state)
{
	for (uint32_t i = 0; i < state->pending_count; i++)
		free(state->pending[i].touch.reason);
	state->pending_count = 0;
	state->pending_op = NULL;
}

static void unlink_op(struct web_state *state, struct web_op *op)
{
	struct web_op **at = &state->first;
	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	if (state->last == &op->next)
		state->last = at;
	state->waiting--;
}

static void answer(struct web_state *state, struct web_op *op)
{
	struct web_outcome outcome = {.targets = op->targets, .results = op->results, .count = op->count};
	uint32_t away = 0;
	for (uint32_t i = 0; i < op->count; i++) {
		outcome.succeeded += op->results[i] == WEB_DONE;
		away += op->results[i] == WEB_AWAY;
	}
	outcome.refused = away && away == op->count;
	if (outcome.succeeded && op->act != WEB_UNDO) {
		memcpy(outcome.undo, op->token, sizeof outcome.undo);
		outcome.undo_until_ns = web_clock_ns() + WEB_UNDO_S * INT64_C(1000000000);
	}
	unlink_op(state, op);
	if (op->done)
		op->done(op->context, &outcome);
	web_op_free(op);
}

static void rotate(struct web_state *state, struct web_op *op)
{
	if (!op->next)
		return;
	unlink_op(state, op);
	op->next = NULL;
	*state->last = op;
	state->last = &op->next;
	state->waiting++;
}

// The part is done: into memory, and on.
static void commit(struct web_state *state)
{
	struct web_op *op = state->pending_op;
	uint64_t groups[WEB_STATE_PART];
	uint32_t count = state->pending_count;
	for (uint32_t i = 0; i < count; i++) {
		struct web_pending *p = &state->pending[i];
		struct web_touched *touched = web_touched_make(state, p->group);
		groups[i] = p->group;
		if (touched)
			web_touched_set(state, touched, &p->touch);
		if (op)
			op->results[p->target] = WEB_DONE;
	}
	if (op) {
		op->at = state->pending_end;
		op->tries = 0;
	}
	forget_pending(state);
	for (uint32_t i = 0; i < count; i++)
		web_state_told(state, groups[i]);
	if (op && op->at == op->count)
		answer(state, op);
	else if (op)
		rotate(state, op);
}

static void scripted(void *context, const redisReply *reply)
{
	struct web_state *state = context;
	state->in_flight = false;
	if (reply && reply->type == REDIS_REPLY_STATUS) {
		commit(state);
		web_state_pump(state);
		return;
	}
	if (!reply)
		state->counters.lost++;
	else if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "STALE", 5) == 0)
		state->counters.stale++;
	state->in_doubt = true;
	web_state_doubt(state);
}

void web_state_resolve(struct web_state *state)
{
	struct web_op *op = state->pending_op;
	if (!state->in_doubt)
		return;
	state->in_doubt = false;
	for (uint32_t i = 0; op && i < state->pending_count; i++) {
		const struct web_pending *p = &state->pending[i];
		if (web_state_of(state, p->group)->change == p->touch.change)
			op->results[p->target] = WEB_DONE;
	}
	forget_pending(state);
	if (op && ++op->tries >= WEB_STATE_TRIES) {
		for (uint32_t i = 0; i < op->count; i++)
			if (op->results[i] == WEB_PENDING)
				op->results[i] = WEB_AWAY;
		answer(state, op);
	}
}

static void give_up(struct web_state *state, struct web_op *op)
{
	if (op == state->pending_op) {
		for (uint32_t i = 0; i < state->pending_count; i++)
			op->results[state->pending[i].target] = WEB_UNKNOWN;
		state->pending_op = NULL; // what it changed is seen when the answer comes, or Redis is read again
	}
	for (uint32_t i = 0; i < op->count; i++)
		if (op->results[i] == WEB_PENDING)
			op->results[i] = WEB_AWAY;
	answer(state, op);
}

void web_state_expire(struct web_state *state)
{
	int64_t now = web_now_ms(), since = !state->writable ? state->stopped_ms : state->in_flight ? state->sent_ms : now;
	struct web_op *op = state->first;
	while (op)
		if (now - (op->since_ms > since ? op->since_ms : since) >= WEB_STATE_WAIT_MS) {
			give_up(state, op);
			op = state->first; // who was answered may have asked for something
		} else {
			op = op->next;
		}
}

// ---- the queue ----

// The next part of an action. False: it is at its end, and nothing is to be sent.
static bool build_part(struct web_state *state, struct web_op *op, int64_t now_ns)
{
	uint32_t i = op->at;
	for (; i < op->count && state->pending_count < WEB_STATE_PART; i++) {
		if (op->results[i] != WEB_PENDING)
			continue;
		struct web_pending *p = &state->pending[state->pending_count];
		uint64_t group = op->targets[i].group;
		enum web_result result = decide(op, i, web_state_of(state, group), now_ns, &p->touch);
		if (result == WEB_DONE && !web_touched_make(state, group))
			result = WEB_FULL;
		if (result != WEB_DONE) {
			op->results[i] = (uint8_t)result;
			continue;
		}
		p->target = i;
		p->group = group;
		p->touch.change = ++state->change;
		p->touch.reason = has(p->touch.reason) ? strdup(p->touch.reason) : NULL;
		state->pending_count++;
	}
	state->pending_end = i;
	return state->pending_count > 0;
}

void web_state_pump(struct web_state *state)
{
	if (state->pumping)
		return;
	state->pumping = true;
	while (state->first && state->writable && !state->in_flight && !state->in_doubt) {
		struct web_op *op = state->first;
		int64_t now_ns = web_clock_ns();
		if (build_part(state, op, now_ns))
			send_part(state, op, now_ns);
		else
			answer(state, op);
	}
	state->pumping = false;
}

static void refuse(struct web_op *op)
{
	struct web_outcome outcome = {.refused = true, .targets = op->targets, .results = op->results, .count = op->count};
	for (uint32_t i = 0; i < op->count; i++)
		op->results[i] = WEB_AWAY;
	if (op->done)
		op->done(op->context, &outcome);
	web_op_free(op);
}

void web_state_put(struct web_state *state, struct web_op *op)
{
	if (state->waiting == WEB_STATE_WAITING)
		state->counters.waiting_full++;
	if (!state->writable || !web_redis_up(state->server->redis) || state->waiting == WEB_STATE_WAITING) {
		refuse(op);
		return;
	}
	op->since_ms = web_now_ms();
	op->next = NULL;
	*state->last = op;
	state->last = &op->next;
	state->waiting++;
	web_state_pump(state);
}

static void make_token(char ret[33])
{
	unsigned char bytes[16];
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(ret, 33, bytes, sizeof bytes);
}

void web_state_act(struct web_state *state, const struct web_action *action, const struct web_target *targets, uint32_t count,
		web_acted done,
		   void *context)
{
	struct web_op *op = calloc(1, sizeof *op);
	struct web_target *copy = calloc(count + 1, sizeof *copy);
	uint8_t *results = malloc(count + 1);
	if (!op || !copy || !results) {
		free(op);
		free(copy);
		free(results);
		if (done)
			done(context, &(struct web_outcome){.refused = true});
		return;
	}
	memset(results, WEB_PENDING, count);
	memcpy(copy, targets, count * sizeof *copy);
	*op = (struct web_op){
	    .act = action->act, .verdict = action->verdict, .actor = web_state_name(state, action->actor),
	    .assignee = web_state_name(state, action->assignee), .reason = has(action->reason) ? strdup(action->reason) : NULL,
	    .comment = has(action->comment) ? strdup(action->comment) : NULL, .targets = copy, .results = results, .count = count,
	    .done = done, .context = context,
	};
	make_token(op->token);
	web_state_put(state, op);
}
