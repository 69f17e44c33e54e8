// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The accounts, of auth.h: what Redis has, in memory. Written there first, and changed here when Redis has it. An account in Redis:
//   yagura:web:users   name -> {"role":"analyst","scope":"all" or ["131016",…],"off":false,"must_change":false,"hash":"$argon2id$…",
//                               "epoch":1,"version":1,"created_ms":…}
//   yagura:web:logins  name -> when he last logged in, ms: apart, so that no login changes a version
// One that cannot be read is as if it were not there (counted, said once).
//
// Names: a-z, 0-9, and . _ - behind the first; capitals are read as small letters.
// Bounded: WEB_USERS; WEB_SCOPE_MAX bodies of one.
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "access.h"
#include "hasher.h"

enum { WEB_USERS = 2000, WEB_SCOPE_MAX = 1024 };

struct web_server;

struct web_account {
	struct web_user user;
	char hash[WEB_HASH_TEXT];
	uint64_t epoch;
	bool writing;   // a change of it is on its way
	bool seen;      // in what was read last
	char spare[13]; // session that outlives the rise of the epoch that this write brings (its user's own doing)
	unsigned codes_count;
	char (*codes)[WEB_CODE_MAX]; // of a scope that is not all; NULL: none
};

struct web_accounts;

// changed: his epoch has risen, or he is off or gone; read: all have been read, the first time.
struct web_accounts *web_accounts_create(struct web_server *server, void (*changed)(void *context, const char *name),
                                         void (*read)(void *context), void *context);
void web_accounts_destroy(struct web_accounts *accounts);
bool web_accounts_ready(const struct web_accounts *accounts);
unsigned web_accounts_count(const struct web_accounts *accounts);
const struct web_account *web_accounts_at(const struct web_accounts *accounts, unsigned at);        // by name
const struct web_account *web_accounts_find(const struct web_accounts *accounts, const char *name); // NULL
uint64_t web_accounts_unreadable(const struct web_accounts *accounts);

bool web_account_name(const char *typed, char ret[WEB_USER_MAX]); // false: it is none
bool web_account_new_name(const char *typed, char ret[WEB_USER_MAX]); // nor what histories call the server itself
// The scope of an account by its codes. False: too many, a code that is none, or no memory. The old one is freed.
bool web_account_set_scope(struct web_account *account, bool all, const char *const *codes, unsigned count);
bool web_account_copy(const struct web_account *from, struct web_account *ret); // false: no memory
void web_account_finish(struct web_account *account);
char *web_account_print(const struct web_account *account); // as Redis has it; free()
bool web_account_parse(const char *name, const char *text, size_t size, struct web_account *ret);

enum web_put { WEB_PUT_OK, WEB_PUT_EXISTS, WEB_PUT_CONFLICT, WEB_PUT_LAST_ADMIN, WEB_PUT_FULL, WEB_PUT_NO_REDIS };
typedef void (*web_put_done)(void *context, enum web_put result, const struct web_account *account); // account: as it is now, or NULL
// Writes an account: a new one, or one whose version is still `account->user.version`; its version rises. At least one administrator stays,
// who is not off. The account is copied; done may be called before it returns.
void web_accounts_put(struct web_accounts *accounts, const struct web_account *account, bool create, web_put_done done, void *context);
void web_accounts_logged_in(struct web_accounts *accounts, const char *name, int64_t now_ns);
