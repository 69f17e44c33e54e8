// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Keyed hashes for every table that a packet can reach. CRC and Toeplitz are linear: colliding keys can be computed whatever the
// seed. The key is drawn at start; a replay uses a fixed one, so that it can be repeated. Pure; any thread.
//
//   yg_hash   SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; reduced rounds as in the Rust
//             standard library), of any length. Its values may be seen.
//   yg_mix    of keys of 24, 32 and 40 bytes, in a sixth of the instructions, for what happens with every packet: NH (Black, Halevi,
//             Krawczyk, Krovetz and Rogaway, "UMAC: fast and secure message authentication", 1999) to 128 bits, and those by
//             multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast", 2014) to 64. Two keys collide in the
//             64 bits with a probability of 2^-63 at most, over the choice of the secret, and whoever does not see the values learns
//             nothing of it: so they index tables and go nowhere else.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct yg_hash_key {
	uint64_t k0, k1;
};

// SipHash-1-3 of `len` bytes.
uint64_t yg_hash(const struct yg_hash_key *key, const void *data, size_t len);

// A fresh secret from the kernel. 0, or a negative errno.
int yg_hash_key_random(struct yg_hash_key *ret_key);

// The secrets of yg_mix, which yg_mix_key_derive makes of a key.
struct yg_mix_key {
	uint64_t nh[6];
	uint64_t fold[2][6]; // three numbers of 128 bits each, low half first; [1] for the beginning of a key
};

void yg_mix_key_derive(const struct yg_hash_key *key, struct yg_mix_key *ret_key);

// The key of every replay.
extern const struct yg_hash_key yg_hash_key_replay;

// 64-bit mix under a key that everybody knows, for identities that must be the same everywhere (flow_id). Never use it to index a table,
// nor show its values to who must not learn what was hashed: he tries out what it may have been.
extern const struct yg_hash_key yg_hash_key_identity;
uint64_t yg_hash_identity(const void *data, size_t len);

// ---- yg_mix ----

__extension__ typedef unsigned __int128 yg_u128;

static inline uint64_t yg_mix_word(const void *data, unsigned i)
{
	uint64_t word;
	memcpy(&word, (const uint8_t *)data + 8 * i, sizeof word);
	return word;
}

static inline yg_u128 yg_mix_pair(const struct yg_mix_key *key, unsigned at, uint64_t a, uint64_t b)
{
	return (yg_u128)(a + key->nh[at]) * (b + key->nh[at + 1]);
}

static inline uint64_t yg_mix_fold(const uint64_t m[6], yg_u128 sum)
{
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	yg_u128 all = ((yg_u128)m[1] << 64 | m[0]) + (yg_u128)low * m[2] + (yg_u128)high * m[4];
	// So far keys in steps have hashes in steps, and a step that is a multiple of the table's size is one secret in that many; this
	// loses nothing and lets every bit reach the low ones.
	uint64_t h = (uint64_t)(all >> 64) + low * m[3] + high * m[5];
	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static inline uint64_t yg_mix24(const struct yg_mix_key *key, const void *data)
{
	yg_u128 sum = yg_mix_pair(key, 0, yg_mix_word(data, 0), yg_mix_word(data, 1));
	return yg_mix_fold(key->fold[0], sum + yg_mix_pair(key, 2, yg_mix_word(data, 2), 0));
}

// The cheap half of yg_mix_fold: 64 bits where that has 128 in between (multiply-shift, Dietzfelbinger et al. 1997), and the same end: by
// itself it is linear, and one secret in fifty would put neighbouring addresses on one worker.
static inline uint64_t yg_mix_spread(const uint64_t m[6], yg_u128 sum)
{
	uint64_t h = (uint64_t)sum * (m[3] | 1) + (uint64_t)(sum >> 64) * (m[5] | 1);
	return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

// Of 32 bytes: the beginning of a key (an address pair). For spreading work: independent of yg_mix40 of the whole.
static inline uint64_t yg_mix32(const struct yg_mix_key *key, const void *data)
{
	yg_u128 sum = yg_mix_pair(key, 0, yg_mix_word(data, 0), yg_mix_word(data, 1));
	return yg_mix_spread(key->fold[1], sum + yg_mix_pair(key, 2, yg_mix_word(data, 2), yg_mix_word(data, 3)));
}

// Of five words; *ret_prefix is yg_mix32 of the first four.
static inline uint64_t yg_mix_words(const struct yg_mix_key *key, const uint64_t words[5], uint64_t *ret_prefix)
{
	yg_u128 sum = yg_mix_pair(key, 0, words[0], words[1]);
	sum += yg_mix_pair(key, 2, words[2], words[3]);
	*ret_prefix = yg_mix_spread(key->fold[1], sum);
	return yg_mix_fold(key->fold[0], sum + yg_mix_pair(key, 4, words[4], 0));
}

// Of 40 bytes.
static inline uint64_t yg_mix40(const struct yg_mix_key *key, const void *data, uint64_t *ret_prefix)
{
	const uint64_t words[] = {yg_mix_word(data, 0), yg_mix_word(data, 1), yg_mix_word(data, 2), yg_mix_word(data, 3), yg_mix_word(data, 4)};
	return yg_mix_words(key, words, ret_prefix);
}
