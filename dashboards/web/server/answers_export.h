// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Exports that run (answers_export.c): they are the caller's only for as long as his login session is.
// Bounded: WEB_EXPORTS at once, WEB_EXPORTS_USER of one user; the next is refused with 429 (counted by its code).
// Thread: the loop's.
#pragma once

#include <stdint.h>

enum { WEB_EXPORTS = 16, WEB_EXPORTS_USER = 2 };

// From then on those of a session that is over end at once, with a line that says that the file is not whole.
struct web_auth;
void web_exports_watch(struct web_auth *auth);
uint64_t web_exports_cut_short(void);
unsigned web_exports_running(void);
