// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Argon2id on one thread of its own, one password at a time: so that no login holds up the loop, and twenty at once take the memory of one
// (WEB_HASH_BYTES, given back after each). At most WEB_HASHES wait or run; the next is told -EBUSY.
//
// Thread: the loop's. The loop must not run again after destroy.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

enum { WEB_HASHES = 16, WEB_HASH_BYTES = 19456 * 1024, WEB_HASH_PASSES = 2, WEB_HASH_TEXT = 128 };

struct web_hasher;

struct web_hasher *web_hasher_create(struct web_loop *loop); // NULL and errno
void web_hasher_destroy(struct web_hasher *hasher);

// `hash` NULL: there was no memory for it.
typedef void (*web_hash_made)(void *context, const char *hash);
// `better`: the password fits, and its hash was made with less than is asked today: the one to keep from now on; else NULL.
typedef void (*web_hash_checked)(void *context, bool fits, const char *better);

// 0, -EBUSY (all places taken), -EINVAL (longer than any password may be). The password is copied, and wiped when done with.
int web_hasher_make(struct web_hasher *hasher, const char *password, web_hash_made made, void *context);
// hash NULL: there is nothing that could fit, at the same cost.
int web_hasher_check(struct web_hasher *hasher, const char *hash, const char *password, web_hash_checked checked, void *context);

uint64_t web_hasher_hashes(const struct web_hasher *hasher);
