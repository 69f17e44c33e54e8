// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Users, passwords, sessions. What lasts lies in Redis:
//   yagura:web:users            hash: name -> {"role":…,"scope":…,"hash":…,"epoch":…,"version":…,…}
//   yagura:web:users:change     grows with every change of it; looked at every two seconds, so that another process's is seen
//   yagura:web:session:<SHA-256 of the token>   {"user":…,"epoch":…,…}, gone after an idle hour
//   yagura:web:sessions:<name>  set of the hashes of his tokens, for the list
//   yagura:web:preferences      hash: name -> what he sent
//   yagura:web:views            hash: id -> view
// All users are in memory, sessions for five seconds before Redis is asked again (while Redis is away: as long as they live). A session
// holds the epoch of its user; a new password, role, scope or `off` raises the epoch in the same write, and so ends every session at once,
// with its streams.
//
// Passwords: Argon2id by libsodium (19 MiB, t = 2), on one helper thread, at most WEB_HASHES waiting: the 17th login is told to come back.
// A name that does not exist costs the same hash. Sessions: 256 bits from libsodium; idle 60 min, absolute 12 h; a new token at each login
// and step-up. Failures: waits.h.
//
// Thread: the loop's, but for the hash itself.
#pragma once

#include "access.h"

enum { WEB_STEP_UP_S = 300 };

struct web_auth;
struct web_server;

// server: loop and redis are there, bodies by the time that Redis answers.
struct web_auth *web_auth_create(struct web_server *server); // NULL and errno
void web_auth_destroy(struct web_auth *auth);
bool web_auth_ready(const struct web_auth *auth); // the users have been read
// Calls back once it is known that there is no user: the token makes the first one (main.c prints the link). Before the loop runs.
void web_auth_on_first_run(struct web_auth *auth, void (*tell)(void *context, const char *token), void *context);

// Two callers: a session (web_session.id) is over; why: "logout", "expired", "changed". For as long as it lives.
void web_auth_on_over(struct web_auth *auth, void (*over)(void *context, const char *user, const char *session, const char *why),
                      void *context);

enum web_auth_result { WEB_AUTH_OK, WEB_AUTH_REFUSED, WEB_AUTH_WAIT, WEB_AUTH_BUSY, WEB_AUTH_NO_REDIS };
typedef void (*web_auth_done)(void *context, enum web_auth_result result, const struct web_user *user, const char *token, int wait_s);

// agent: what the browser calls itself, for the list of sessions; may be NULL.
void web_auth_login(struct web_auth *auth, const char *name, const char *password, const char *peer, const char *agent, web_auth_done done,
                    void *context);

// The session of a cookie's token, with its CSRF token and when the password was last given; `done` may be called before it returns.
struct web_session {
	struct web_user user;
	char id[13]; // stays over a step-up; no secret
	char csrf[65];
	int64_t step_up_ns; // CLOCK_REALTIME, as all of these
	int64_t created_ns;
};
// session NULL: there is none; `away`: because Redis could not be asked.
typedef void (*web_auth_session_done)(void *context, const struct web_session *session, bool away);
void web_auth_session(struct web_auth *auth, const char *token, web_auth_session_done done, void *context);
// An account by its name, for who is to be given something to do. NULL: there is none, or Redis is away. May be called before it returns.
void web_auth_user(struct web_auth *auth, const char *name, void (*done)(void *context, const struct web_user *user), void *context);

struct web_auth_counters {
	uint64_t logins, refused, waited, busy, full_waits, full_sessions, hashes, rehashed;
};
const struct web_auth_counters *web_auth_counters(const struct web_auth *auth);

// yagura-web user add: makes a user, or gives one that is there a new password (and his role back, and turns him on): the way in when
// the last administrator has lost his. Synchronous, without a loop. `scope`: "all", or codes with commas. `given`: his password, which then
// need not be changed; NULL: one is made, to be changed at the first login, and stands in ret_password. 0, or a negative errno, said on
// stderr.
int web_user_add(const char *redis_url, const char *name, const char *role, const char *scope, const char *given, char ret_password[32]);
