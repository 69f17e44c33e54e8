// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SHA-256 (FIPS 180-4), HMAC, HKDF, AES-128 (FIPS 197) and GCM (SP 800-38D), written from the standards so that the
// generators link libc alone. The constants are computed where they have a definition short enough: roots of primes for
// SHA-256, inverses in the field for AES. tests/unit/test_generate.c holds the published vectors. Thread: any.
#include "gen_crypto.h"

#include <math.h>
#include <string.h>

// ---- SHA-256 ----

struct sha256 {
	uint32_t state[8];
	uint8_t block[64];
	uint64_t len;
};

static uint32_t fraction(long double root)
{
	return (uint32_t)((root - floorl(root)) * 4294967296.0L);
}

static unsigned next_prime(unsigned after)
{
	for (unsigned i = after + 1;; i++) {
		unsigned divisor = 2;
		while (divisor * divisor <= i && i % divisor)
			divisor++;
		if (divisor * divisor > i)
			return i;
	}
}

static const uint32_t *sha256_rounds(void)
{
	static uint32_t rounds[64];
	if (rounds[0] == 0)
		for (unsigned i = 0, prime = 2; i < 64; i++, prime = next_prime(prime))
			rounds[i] = fraction(cbrtl(prime));
	return rounds;
}

static uint32_t rotate(uint32_t value, unsigned by)
{
	return value >> by | value << (32 - by);
}

static void sha256_block(struct sha256 *sha)
{
	const uint32_t *rounds = sha256_rounds();
	uint32_t w[64], s[8];
	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)sha->block[4 * i] << 24 | (uint32_t)sha->block[4 * i + 1] << 16 |
		       (uint32_t)sha->block[4 * i + 2] << 8 | sha->block[4 * i + 3];
	for (unsigned i = 16; i < 64; i++) {
		uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(s, sha->state, sizeof(s));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t e = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
		uint32_t one = s[7] + e + ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
		uint32_t a = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
		uint32_t two = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += one;
		s[0] = one + two;
	}
	for (unsigned i = 0; i < 8; i++)
		sha->state[i] += s[i];
}

static void sha256_init(struct sha256 *sha)
{
	memset(sha, 0, sizeof(*sha));
	for (unsigned i = 0, prime = 2; i < 8; i++, prime = next_prime(prime))
		sha->state[i] = fraction(sqrtl(prime));
}

static void sha256_add(struct sha256 *sha, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sha->block[sha->len++ % 64] = bytes[i];
		if (sha->len % 64 == 0)
			sha256_block(sha);
	}
}

static void sha256_end(struct sha256 *sha, uint8_t out[32])
{
	uint64_t bits = sha->len * 8;
	sha256_add(sha, (const uint8_t[]){0x80}, 1);
	while (sha->len % 64 != 56)
		sha256_add(sha, (const uint8_t[]){0}, 1);
	for (unsigned i = 0; i < 8; i++)
		sha256_add(sha, (const uint8_t[]){(uint8_t)(bits >> (56 - 8 * i))}, 1);
	for (unsigned i = 0; i < 32; i++)
		out[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

static void hmac(const uint8_t *key, size_t key_len, const uint8_t *bytes, size_t len, uint8_t out[32])
{
	uint8_t pad[64];
	struct sha256 sha;
	for (int outer = 0; outer < 2; outer++) {
		memset(pad, outer ? 0x5c : 0x36, sizeof(pad));
		for (size_t i = 0; i < key_len && i < sizeof(pad); i++) // keys here are 32 bytes at most
			pad[i] ^= key[i];
		sha256_init(&sha);
		sha256_add(&sha, pad, sizeof(pad));
		sha256_add(&sha, outer ? out : bytes, outer ? 32 : len);
		sha256_end(&sha, out);
	}
}

void gen_hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *key, size_t key_len, uint8_t ret_secret[32])
{
	hmac(salt, salt_len, key, key_len, ret_secret);
}

void gen_hkdf_label(const uint8_t secret[32], const char *label, uint8_t *out, size_t len)
{
	uint8_t info[64] = {0, (uint8_t)len, (uint8_t)(6 + strlen(label))}, block[32];
	size_t at = 3;
	memcpy(info + at, "tls13 ", 6);
	at += 6;
	memcpy(info + at, label, strlen(label));
	at += strlen(label);
	info[at++] = 0; // the context
	info[at++] = 1; // the first block, and the only one
	hmac(secret, 32, info, at, block);
	memcpy(out, block, len);
}

// ---- AES-128 ----

static uint8_t times2(uint8_t a)
{
	return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

// The S-box by walking the field with a generator and its inverse side by side.
static const uint8_t *sbox(void)
{
	static uint8_t box[256];
	if (box[0])
		return box;
	uint8_t p = 1, q = 1;
	do {
		p = (uint8_t)(p ^ times2(p)); // times 3
		q = (uint8_t)(q ^ q << 1);    // divided by 3
		q = (uint8_t)(q ^ q << 2);
		q = (uint8_t)(q ^ q << 4);
		if (q & 0x80)
			q ^= 0x09;
		uint8_t x = q;
		for (unsigned i = 1; i < 5; i++)
			x ^= (uint8_t)(q << i | q >> (8 - i));
		box[p] = x ^ 0x63;
	} while (p != 1);
	box[0] = 0x63;
	return box;
}

static void next_key(uint8_t key[16], uint8_t constant)
{
	const uint8_t *box = sbox();
	uint8_t turned[4] = {box[key[13]] ^ constant, box[key[14]], box[key[15]], box[key[12]]};
	for (unsigned i = 0; i < 16; i++)
		key[i] ^= i < 4 ? turned[i] : key[i - 4];
}

static void mix_column(uint8_t *c)
{
	uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];
	for (unsigned i = 0; i < 4; i++)
		c[i] ^= (uint8_t)(all ^ times2((uint8_t)(c[i] ^ (i < 3 ? c[i + 1] : first))));
}

void gen_aes128(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
	const uint8_t *box = sbox();
	uint8_t round_key[16], state[16], turned[16], constant = 1;
	memcpy(round_key, key, 16);
	for (unsigned i = 0; i < 16; i++)
		state[i] = in[i] ^ key[i];
	for (unsigned round = 1; round <= 10; round++) {
		for (unsigned i = 0; i < 16; i++)
			turned[i] = box[state[(i + 4 * (i % 4)) % 16]];
		for (unsigned i = 0; round < 10 && i < 16; i += 4)
			mix_column(turned + i);
		next_key(round_key, constant);
		constant = times2(constant);
		for (unsigned i = 0; i < 16; i++)
			state[i] = turned[i] ^ round_key[i];
	}
	memcpy(out, state, 16);
}

// ---- GCM ----

static void field_times(uint8_t x[16], const uint8_t h[16])
{
	uint8_t z[16] = {0}, v[16];
	memcpy(v, h, 16);
	for (unsigned bit = 0; bit < 128; bit++) {
		if (x[bit / 8] >> (7 - bit % 8) & 1)
			for (unsigned i = 0; i < 16; i++)
				z[i] ^= v[i];
		uint8_t carry = v[15] & 1;
		for (unsigned i = 15; i > 0; i--)
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		v[0] = (uint8_t)(v[0] >> 1 ^ (carry ? 0xe1 : 0));
	}
	memcpy(x, z, 16);
}

static void ghash(uint8_t sum[16], const uint8_t h[16], const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += 16) {
		for (size_t i = 0; i < 16 && at + i < len; i++)
			sum[i] ^= bytes[at + i];
		field_times(sum, h);
	}
}

void gen_aes128_gcm(const uint8_t key[16], const uint8_t nonce[12], const uint8_t *head, size_t head_len,
                    uint8_t *bytes, size_t len)
{
	uint8_t h[16] = {0}, counter[16] = {0}, pad[16], sum[16] = {0}, lengths[16] = {0};
	gen_aes128(key, h, h);
	memcpy(counter, nonce, 12);
	for (size_t at = 0; at < len; at += 16) {
		uint32_t number = (uint32_t)(at / 16) + 2;
		for (unsigned i = 0; i < 4; i++)
			counter[12 + i] = (uint8_t)(number >> (24 - 8 * i));
		gen_aes128(key, counter, pad);
		for (size_t i = 0; i < 16 && at + i < len; i++)
			bytes[at + i] ^= pad[i];
	}
	ghash(sum, h, head, head_len);
	ghash(sum, h, bytes, len);
	for (unsigned i = 0; i < 8; i++) {
		lengths[i] = (uint8_t)((uint64_t)head_len * 8 >> (56 - 8 * i));
		lengths[8 + i] = (uint8_t)((uint64_t)len * 8 >> (56 - 8 * i));
	}
	ghash(sum, h, lengths, 16);
	memset(counter + 12, 0, 3);
	counter[15] = 1;
	gen_aes128(key, counter, pad);
	for (unsigned i = 0; i < 16; i++)
		bytes[len + i] = sum[i] ^ pad[i];
}
