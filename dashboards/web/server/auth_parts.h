// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Between auth.c and the handlers of its routes (answers_session.c, answers_users.c).
//
// Thread: the loop's.
#pragma once

#include "accounts.h"
#include "auth.h"
#include "hasher.h"
#include "sessions.h"
#include "waits.h"

struct web_auth {
	struct web_server *server;
	struct web_accounts *accounts;
	struct web_sessions *sessions;
	struct web_hasher *hasher;
	struct web_waits waits;
	struct web_auth_counters counters;
	char first_run[2 * WEB_TOKEN_BYTES + 1]; // empty: there are users, or it is not known yet
	bool first_run_busy;
	void (*tell)(void *context, const char *token);
	void *tell_context;
};

// Whether it is this user's password; counted as a guess of his from there. WEB_AUTH_OK, _REFUSED, _WAIT, _BUSY.
typedef void (*web_verified)(void *context, enum web_auth_result result, int wait_s);
void web_auth_verify(struct web_auth *auth, const char *name, const char *password, const char *peer, web_verified done, void *context);

// A name for each result, of messages.c, and its status.
unsigned web_auth_problem(enum web_auth_result result, const char **ret_code);

// Whether a password may be one of this account's. NULL: yes; else a code of messages.c.
const char *web_auth_judge(const struct web_auth *auth, const struct web_account *account, const char *password);
// A password that somebody is given: 20 letters and digits, none of which look alike, in groups of five.
enum { WEB_GIVEN_PASSWORD = 24 };
void web_auth_give(char ret[WEB_GIVEN_PASSWORD]);

void web_auth_fill(const struct web_auth *auth, const struct web_account *account, struct web_user *ret); // with his scope as bits
