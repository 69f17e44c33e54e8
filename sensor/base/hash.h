// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Keyed hash for every table that a packet can reach: SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input
// PRF", 2012; reduced rounds as in the Rust standard library). CRC and Toeplitz are linear: colliding keys can be
// computed whatever the seed. The key is drawn at start; a replay uses a fixed one, so that it can be repeated.
// Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct yg_hash_key {
	uint64_t k0, k1;
};

// SipHash-1-3 of `len` bytes.
uint64_t yg_hash(const struct yg_hash_key *key, const void *data, size_t len);

// The same, and the state behind the first 32 bytes folded into *ret_prefix: a keyed hash of a key's beginning (an address
// pair), found on the way to that of all of it. `len` is at least 32. For spreading work, not for tables.
uint64_t yg_hash_with_prefix(const struct yg_hash_key *key, const void *data, size_t len, uint64_t *ret_prefix);

// The prefix alone, of exactly 32 bytes.
uint64_t yg_hash_prefix(const struct yg_hash_key *key, const void *data);

// A fresh secret from the kernel. 0, or a negative errno.
int yg_hash_key_random(struct yg_hash_key *ret_key);

// The key of every replay.
extern const struct yg_hash_key yg_hash_key_replay;

// Unkeyed 64-bit mix for identities that must be the same everywhere (flow_id, context.id). Never use it to index a table.
uint64_t yg_hash_identity(const void *data, size_t len);
