// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SipHash-1-3, written from the description in Aumasson and Bernstein's paper: one compression round a word, three
// finalisation rounds. Chosen over CRC (linear: one set of colliding keys collides under every seed) and over jhash (no
// security claim). See hash.h.
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

const struct yg_hash_key yg_hash_key_replay = {UINT64_C(0x7961677572612031), UINT64_C(0xe6ab93e6ab930a31)};
// A constant of the format: identities must be equal on every sensor and in every version.
const struct yg_hash_key yg_hash_key_identity = {UINT64_C(0x59616775726120e6), UINT64_C(0xab93206964656e74)};

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline uint64_t load_le(const uint8_t *p, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, p, len);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline struct sip sip_begin(const struct yg_hash_key *key)
{
	return (struct sip){
		key->k0 ^ UINT64_C(0x736f6d6570736575),
		key->k1 ^ UINT64_C(0x646f72616e646f6d),
		key->k0 ^ UINT64_C(0x6c7967656e657261),
		key->k1 ^ UINT64_C(0x7465646279746573),
	};
}

static inline void sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

// The words and the last, partial one of `left` bytes; `len` is that of the whole message.
static inline uint64_t sip_finish(struct sip *s, const uint8_t *p, size_t left, size_t len)
{
	for (; left >= 8; left -= 8, p += 8)
		sip_word(s, load_le(p, 8));
	sip_word(s, (uint64_t)len << 56 | load_le(p, left));
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t yg_hash(const struct yg_hash_key *key, const void *data, size_t len)
{
	struct sip s = sip_begin(key);
	return sip_finish(&s, data, len, len);
}

void yg_mix_key_derive(const struct yg_hash_key *key, struct yg_mix_key *ret_key)
{
	uint64_t words[sizeof *ret_key / sizeof(uint64_t)];
	for (uint64_t i = 0; i < sizeof words / sizeof words[0]; i++)
		words[i] = yg_hash(key, &i, sizeof i);
	memcpy(ret_key, words, sizeof words);
}

int yg_hash_key_random(struct yg_hash_key *ret_key)
{
	struct yg_hash_key key;
	ssize_t n = getrandom(&key, sizeof key, 0);
	if (n != (ssize_t)sizeof key)
		return n < 0 ? -errno : -EIO;
	*ret_key = key;
	return 0;
}

uint64_t yg_hash_identity(const void *data, size_t len)
{
	return yg_hash(&yg_hash_key_identity, data, len);
}
