// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Login sessions, of auth.h: in Redis by the hash of their token, in memory as long as they are used. A session lives while it is younger
// than WEB_ABSOLUTE_S, was used within WEB_IDLE_S, and its epoch is that of its user. What was ended stays in memory as ended until Redis
// has given it up too: so neither an answer that was on its way nor a Redis that was away brings it back.
//
// Bounded: WEB_SESSIONS in memory, the one unused for longest goes first (counted; it lives on in Redis); WEB_USER_SESSIONS of one user.
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "accounts.h"

enum {
	WEB_TOKEN_BYTES = 32,
	WEB_SESSIONS = 1024,    // in memory; more live in Redis and are read again
	WEB_USER_SESSIONS = 20, // a login beyond ends his oldest
	WEB_IDLE_S = 3600,
	WEB_ABSOLUTE_S = 12 * 3600,
};
enum { WEB_PEER_MAX = 64, WEB_AGENT_MAX = 160, WEB_SESSION_SAVE_S = 60, WEB_SESSION_CHECK_MS = 5000, WEB_SESSION_GRACE_S = 5 };

struct web_login {
	char key[65]; // SHA-256 of its token
	char user[WEB_USER_MAX], id[13], csrf[65], peer[WEB_PEER_MAX], agent[WEB_AGENT_MAX];
	uint64_t epoch;
	int64_t created_ns, used_ns, saved_ns, step_up_ns;
	int64_t until_ns;   // replaced by a step-up: good until then, for what was on its way; 0: not replaced
	int64_t checked_ms; // monotonic
	bool used, ended, asking;
};

struct web_sessions;
typedef void (*web_session_over)(void *context, const char *user, const char *session, const char *why);

struct web_sessions *web_sessions_create(struct web_server *server, struct web_accounts *accounts);
void web_sessions_destroy(struct web_sessions *sessions);
enum { WEB_SESSION_LISTENERS = 2 }; // streams and exports
void web_sessions_on_over(struct web_sessions *sessions, web_session_over over, void *context); // auth.h

// A new one; `old`: the one that it replaces (NULL: none), whose id, CSRF token and age it keeps. The token is in ret_token at once, and is
// good when done says so: false: Redis has not taken it.
void web_sessions_make(struct web_sessions *sessions, const struct web_account *account, const char *peer, const char *agent,
                       const struct web_login *old, char ret_token[2 * WEB_TOKEN_BYTES + 1], void (*done)(void *context, bool made),
                       void *context);
// NULL: there is none; away: Redis was not there to be asked. done may be called before it returns.
void web_sessions_find(struct web_sessions *sessions, const char *token,
                       void (*done)(void *context, const struct web_login *login, bool away), void *context);
// NULL: not in memory.
const struct web_login *web_sessions_by_id(const struct web_sessions *sessions, const char *user, const char *id);
void web_sessions_end(struct web_sessions *sessions, const char *user, const char *id, const char *why);
// All of a user but one (NULL: none), in memory and in Redis; with his streams.
void web_sessions_end_all(struct web_sessions *sessions, const char *user, const char *but_id, const char *why);
// [{id, created_ms, used_ms, peer, agent, current}], newest first; NULL: Redis is away.
void web_sessions_list(struct web_sessions *sessions, const char *user, const char *current_id, void (*done)(void *context, json_t *rows),
                       void *context);
// The one of a user that has this id, wherever it is known: the rows that were ended (none: he has no such), as they were listed; NULL:
// Redis is away, and it goes on.
void web_sessions_end_one(struct web_sessions *sessions, const char *user, const char *id, void (*done)(void *context, json_t *rows),
                          void *context);
uint64_t web_sessions_pushed_out(const struct web_sessions *sessions);
unsigned web_sessions_of(const struct web_sessions *sessions, const char *user); // in memory, alive
