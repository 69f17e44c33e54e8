// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Users, passwords, sessions. All of it lies in Redis below yagura:web: (user:<name>, session:<SHA-256 of the token>) and is read through,
// with a short memory (5 s) that any change empties; so killing a session takes effect at once in this process and within 5 s in another.
//
// Passwords: Argon2id by libsodium (19 MiB, t = 2), on one helper thread, at most WEB_HASHES waiting: the 17th login is told to come back.
// A name that does not exist costs the same hash. Sessions: 256 bits from libsodium; idle 60 min, absolute 12 h; a new one at each login
// and step-up. After five failures of a name or an address: 1, 2, 4 … 300 s of waiting, told as 429 with Retry-After.
//
// Thread: the loop's, but for the hash itself.
#pragma once

#include "access.h"
#include "loop.h"

enum { WEB_HASHES = 16, WEB_PASSWORD_MIN = 12, WEB_PASSWORD_MAX = 128, WEB_TOKEN_BYTES = 32 };

struct web_user {
	char name[WEB_USER_MAX];
	enum web_role role;
	struct web_scope scope;
	bool off;
	int64_t created_ns, login_ns;
	uint64_t version;
};

struct web_auth;
struct web_redis; // redis.h

struct web_auth *web_auth_create(struct web_loop *loop, struct web_redis *redis);
void web_auth_destroy(struct web_auth *auth);

enum web_auth_result { WEB_AUTH_OK, WEB_AUTH_REFUSED, WEB_AUTH_WAIT, WEB_AUTH_BUSY, WEB_AUTH_NO_REDIS };
typedef void (*web_auth_done)(void *context, enum web_auth_result result, const struct web_user *user, const char token[65], int wait_s);

void web_auth_login(struct web_auth *auth, const char *name, const char *password, const char *peer, web_auth_done done, void *context);
// The session of a cookie's token, with its CSRF token and when the password was last given; `done` may be called before it returns.
struct web_session {
	struct web_user user;
	char csrf[65];
	int64_t step_up_ns;
};
void web_auth_session(struct web_auth *auth, const char *token, void (*done)(void *context, const struct web_session *session), void *context);
// An account by its name, for who is to be given something to do. NULL: there is none, or Redis is away. May be called before it returns.
void web_auth_user(struct web_auth *auth, const char *name, void (*done)(void *context, const struct web_user *user), void *context);
