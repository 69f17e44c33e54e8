// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of state share, from below: state.c keeps what is known, state_act.c changes it, state_undo.c takes a change back,
// state_read.c reads it. One script is in flight at a time; who else acts waits in a queue, in which a large action gives way to the others
// after each of its parts.
//
// Thread: the loop's.
#pragma once

#include "redis.h"
#include "server.h"
#include "state.h"

enum {
	WEB_STATE_PART = 500,     // groups a script; some 10 ms of the loop
	WEB_STATE_WAIT_MS = 5000, // for how long somebody waits for a Redis that went away in the midst
	WEB_STATE_TRIES = 3,      // of one part, when Redis refuses it or its answer is lost
	WEB_STATE_NAMES = 4096,   // of users, in states
	WEB_STATE_CHUNK = 1024,
	WEB_UNDO_S = 30,
	WEB_REASON_MAX = 4 * WEB_REASON_LETTERS, // bytes
	WEB_PENDING = 255,        // a result that is not known yet
};

struct web_touched {
	uint64_t group;
	uint32_t seen;            // number of the reading that found it
	struct web_group_touch touch;
};

struct web_op { // what somebody wants done
	struct web_op *next;
	enum web_act act;
	enum web_verdict verdict;
	const char *actor, *assignee; // interned; NULL: none
	char *reason, *comment;
	struct web_target *targets;
	struct web_group_touch *before; // of WEB_UNDO: what each is to be again, its reason is the op's
	uint8_t *results;
	uint32_t count, at;       // targets below `at` have their results
	uint32_t tries;
	int64_t since_ms;
	char token[33];           // of what it can be undone by; of WEB_UNDO: of what it undoes
	web_acted done;
	void *context;
};

struct web_pending { // of the script that is in flight
	uint32_t target;          // of its op
	uint64_t group;
	struct web_group_touch touch; // `reason` belongs to it
};

struct web_state {
	struct web_server *server;
	struct web_touched *chunks[WEB_STATES_MAX / WEB_STATE_CHUNK + 1];
	uint32_t *slots;          // 1 + number of an entry; 0: empty
	uint32_t slots_count, count;
	char *names[WEB_STATE_NAMES];
	uint32_t names_count;
	unsigned char secret[WEB_SECRET_BYTES]; // our own until Redis has told its one; then that, also for a Redis that has lost it
	uint64_t change, writer;  // newest change; our number as the writer
	uint64_t connection;      // that was read over; 0: to be read anew
	uint32_t reading;         // number of the reading that is under way or was the last
	bool loaded, writable, refused; // refused: Redis lets nobody write, and so nothing was read
	struct web_op *first, **last;
	uint32_t waiting;
	struct web_pending pending[WEB_STATE_PART];
	uint32_t pending_count, pending_end; // pending_end: where op->at goes when it is done
	struct web_op *pending_op; // NULL: its caller has been answered already
	bool in_flight, in_doubt, pumping;
	int64_t sent_ms, stopped_ms; // since when a script is in flight, since when nothing can be written
	struct {
		void (*call)(void *context, uint64_t group);
		void *context;
	} listeners[4];
	uint32_t listeners_count;
	struct web_state_counters counters;
};

// state.c
struct web_touched *web_touched_find(const struct web_state *state, uint64_t group); // NULL: nobody has touched it
struct web_touched *web_touched_make(struct web_state *state, uint64_t group);       // NULL: WEB_STATES_MAX, counted
void web_touched_set(struct web_state *state, struct web_touched *touched, const struct web_group_touch *touch); // copies its reason
const char *web_state_name(struct web_state *state, const char *name); // interned; "…" beyond WEB_STATE_NAMES
char *web_touch_text(const struct web_group_touch *touch);             // as Redis has it; free() it
bool web_touch_of(struct web_state *state, const json_t *object, struct web_group_touch *ret); // its reason: free() it. False: it is none
void web_state_told(struct web_state *state, uint64_t group); // calls those who listen
void web_touched_forget_unseen(struct web_state *state); // what the reading did not find is not there any more
void web_touched_finish(struct web_state *state);
void web_state_stop(struct web_state *state); // nothing can be written any more
// state_act.c
void web_state_put(struct web_state *state, struct web_op *op); // takes it
void web_state_pump(struct web_state *state);
void web_state_resolve(struct web_state *state); // after a reading: what of the script in doubt was done
void web_state_expire(struct web_state *state);  // answers those who have waited too long
void web_op_free(struct web_op *op);
