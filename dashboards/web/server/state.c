// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See state.h. What is known lies in chunks that never move, with a hash index over them; and how a touch is written.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
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

// What the reading did not find is not there any more: nobody has touched it.
void web_touched_forget_unseen(struct web_state *state)
{
	for (uint32_t i = 0; i < state->count; i++) {
		struct web_touched *t = entry_at(state, i);
		if (t->seen == state->reading || !t->touch.version)
			continue;
		web_touched_set(state, t, &untouched);
		web_state_told(state, t->group);
	}
}

void web_touched_finish(struct web_state *state)
{
	for (uint32_t i = 0; i < state->count; i++)
		free(entry_at(state, i)->touch.reason);
	for (uint32_t i = 0; i < sizeof state->chunks / sizeof *state->chunks; i++)
		free(state->chunks[i]);
	for (uint32_t i = 0; i < state->names_count; i++)
		free(state->names[i]);
	free(state->slots);
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
	put_number(object, "back_ns", t->back_ns);
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
	json_int_t version, change, comments, changed, acknowledged, archived, back;
	int is = web_group_state_find(json_string_value(json_object_get(object, "state")));
	const json_t *verdict = json_object_get(object, "verdict");
	int judged = verdict ? web_verdict_find(json_string_value(verdict)) : WEB_VERDICT_NONE;
	bool good = is >= 0 && judged >= 0 && text_at(object, "assignee", WEB_USER_MAX - 1, &assignee) &&
		    text_at(object, "changed_by", WEB_USER_MAX - 1, &by) && text_at(object, "reason", WEB_REASON_MAX, &reason) &&
		    number_at(object, "version", UINT32_MAX - 1, &version) && number_at(object, "change", INT64_C(1) << 53, &change) &&
		    number_at(object, "comments", UINT32_MAX - 1, &comments) && number_at(object, "changed_ns", INT64_MAX, &changed) &&
		    number_at(object, "acknowledged_ns", INT64_MAX, &acknowledged) && number_at(object, "archived_ns", INT64_MAX, &archived) &&
		    number_at(object, "back_ns", INT64_MAX, &back);
	if (!good)
		return false;
	if (!back && is == WEB_NEW && (acknowledged || archived)) // written before back_ns was: the last change is the best that is known
		back = changed;
	*ret = (struct web_group_touch){
	    .state = (uint8_t)is, .verdict = (uint8_t)judged, .version = (uint32_t)version, .comments = (uint32_t)comments,
	    .change = (uint64_t)change, .changed_ns = changed, .acknowledged_ns = acknowledged, .archived_ns = archived, .back_ns = back,
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

// ---- of the header ----

void web_state_stop(struct web_state *state)
{
	if (state->writable)
		state->stopped_ms = web_now_ms();
	state->writable = false;
}

void web_state_doubt(struct web_state *state)
{
	state->connection = 0;
	web_state_stop(state);
}

bool web_state_ready(const struct web_state *state)
{
	return state->loaded;
}

bool web_state_awaited(const struct web_state *state)
{
	return !state->loaded && !state->refused;
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
