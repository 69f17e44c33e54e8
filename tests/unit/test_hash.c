// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// SipHash-1-3 against values of two other implementations, the mix against its formula, and what they are for: keys that are built to
// collide do not.
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"

enum { KEY_BYTES = 40, PATTERNS = 20, MANY = 1 << PATTERNS };

// Over the bytes (7 i + 3) mod 256. From CPython 3.11, whose hash() of bytes is SipHash-1-3: PYTHONHASHSEED=0 is the zero key, 4711 gives
// the other one. A third implementation, written for this, says the same and gives 0xa129ca6149be45e5 for the vector of the
// paper when told to run 2 and 4 rounds.
static const struct {
	size_t length;
	uint64_t zero, other;
} vectors[] = {
	{0, UINT64_C(0xd1fba762150c532c), UINT64_C(0xaa4e18bdf019a0ef)},   {1, UINT64_C(0x486b06067755d7c9), UINT64_C(0x87ff490885b94803)},
	{7, UINT64_C(0x8a715eaaf55549aa), UINT64_C(0xa8c68f706b3183af)},   {8, UINT64_C(0x36c186f0aa4cdbeb), UINT64_C(0x64a4a3775b8da2df)},
	{9, UINT64_C(0x5176191e3d24cbff), UINT64_C(0x036f27010fb67e71)},   {15, UINT64_C(0x19ed3f1b38f7e4e2), UINT64_C(0x97ece821d62c29a2)},
	{16, UINT64_C(0xd1c94d62751d7b7b), UINT64_C(0x60b288f0662fba3a)},  {24, UINT64_C(0x44632b249e98e6e9), UINT64_C(0x08b0f1ef8df7d0f7)},
	{40, UINT64_C(0x0097ec026b015ffb), UINT64_C(0xecf3e9bc50f9cfea)},  {63, UINT64_C(0x42ed5c087e0bfe5d), UINT64_C(0x4320f9311fa9499e)},
	{64, UINT64_C(0x65134a36595a21fb), UINT64_C(0xb55b13402469106b)},  {255, UINT64_C(0x621951539b5066e6), UINT64_C(0x705b30ec51e54908)},
	{256, UINT64_C(0x9e352535fdf272ea), UINT64_C(0x45ee982f40286070)}, {1000, UINT64_C(0x92a845f3e25c1469), UINT64_C(0x9f1f7c9a81595bdd)},
};

static const struct yg_hash_key zero_key = {0, 0};
static const struct yg_hash_key other_key = {UINT64_C(0x65121defe496063e), UINT64_C(0xb30647aa540bb9c8)};

static void fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
}

static void the_hash_is_siphash_1_3(void **state)
{
	(void)state;
	uint8_t bytes[1000];
	fill(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		assert_int_equal(yg_hash(&zero_key, bytes, vectors[i].length), vectors[i].zero);
		assert_int_equal(yg_hash(&other_key, bytes, vectors[i].length), vectors[i].other);
	}
}

static void an_identity_is_the_same_in_every_version(void **state)
{
	(void)state;
	uint8_t bytes[48];
	fill(bytes, sizeof bytes);
	assert_int_equal(yg_hash_identity(bytes, sizeof bytes), UINT64_C(0x4755ef986b9fa37d));
}

static void bytes_at_an_odd_address_hash_alike(void **state)
{
	(void)state;
	uint8_t bytes[72];
	for (size_t shift = 0; shift < 8; shift++) {
		fill(bytes + shift, 64);
		assert_int_equal(yg_hash(&other_key, bytes + shift, 64), UINT64_C(0xb55b13402469106b));
	}
}

// Against values of the formula in numbers of any length (Python), for a secret of multiples.
static void the_mix_is_nh_and_multilinear(void **state)
{
	(void)state;
	struct yg_mix_key key;
	uint8_t bytes[41];
	for (unsigned i = 0; i < 6; i++)
		key.nh[i] = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
	for (unsigned i = 0; i < 12; i++)
		key.fold[i / 6][i % 6] = UINT64_C(0xd1342543de82ef95) * (7 + i) + 1;
	for (unsigned shift = 0; shift < 2; shift++) {
		uint64_t prefix;
		fill(bytes + shift, KEY_BYTES);
		assert_int_equal(yg_mix24(&key, bytes + shift), UINT64_C(0xcfefa3c2ac51b9d8));
		assert_int_equal(yg_mix32(&key, bytes + shift), UINT64_C(0x0c035ab95ec4eecb));
		assert_int_equal(yg_mix40(&key, bytes + shift, &prefix), UINT64_C(0xe99f69b1b76c1f8e));
		assert_int_equal(prefix, UINT64_C(0x0c035ab95ec4eecb));
	}
}

// Every bit of a key reaches every bit of its hash in half of all cases, and two secrets agree on nothing.
static void a_bit_of_the_key_reaches_every_bit_of_the_mix(void **state)
{
	(void)state;
	enum { TRIES = 2000 };
	struct yg_mix_key key;
	yg_mix_key_derive(&other_key, &key);
	for (unsigned bit = 0; bit < KEY_BYTES * 8; bit++) {
		unsigned changed[64] = {0};
		for (unsigned i = 0; i < TRIES; i++) {
			uint8_t bytes[KEY_BYTES] = {0};
			uint64_t prefix, before, after;
			memcpy(bytes + 4, &(unsigned){i * 2654435761u}, 4);
			memcpy(bytes + 36, &i, 4);
			before = yg_mix40(&key, bytes, &prefix);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			after = yg_mix40(&key, bytes, &prefix) ^ before;
			for (unsigned b = 0; b < 64; b++)
				changed[b] += after >> b & 1;
		}
		for (unsigned b = 0; b < 64; b++)
			assert_in_range(changed[b], TRIES / 5, TRIES * 4 / 5);
	}
}

// Neighbouring addresses spread under nearly every secret, not on average alone: of 256 of them a sixteenth part is 16.
static void few_secrets_put_neighbours_together(void **state)
{
	enum { SECRETS = 2000, STEPS = 256 };
	(void)state;
	unsigned bad = 0;
	for (uint64_t n = 0; n < SECRETS; n++) {
		const struct yg_hash_key secret = {n * UINT64_C(0x9e3779b97f4a7c15), ~n};
		struct yg_mix_key key;
		uint8_t bytes[32];
		unsigned chain[16] = {0}, most = 0;
		yg_mix_key_derive(&secret, &key);
		fill(bytes, sizeof bytes);
		for (uint32_t i = 0; i < STEPS; i++) {
			yg_store32(bytes + 16, 0x0a010000 + i);
			chain[yg_mix32(&key, bytes) >> 60]++;
		}
		for (unsigned i = 0; i < 16; i++)
			most = chain[i] > most ? chain[i] : most;
		bad += most >= 2 * STEPS / 16;
	}
	assert_in_range(bad, 0, SECRETS / 100); // 0.3 % of them by chance
}

// What differs stands at the end of the address pair: partitions get their share of it.
static void the_prefix_spreads_address_pairs(void **state)
{
	(void)state;
	struct yg_mix_key key;
	uint8_t bytes[32];
	unsigned chain[16] = {0};
	yg_mix_key_derive(&other_key, &key);
	fill(bytes, sizeof bytes);
	for (unsigned i = 0; i < 16000; i++) {
		memcpy(bytes + 28, &i, sizeof i);
		chain[yg_mix32(&key, bytes) >> 60]++;
	}
	for (unsigned i = 0; i < 16; i++)
		assert_in_range(chain[i], 850, 1150);
}

static uint32_t crc32(const uint8_t *p, size_t length)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < length; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

// CRC is linear: a key keeps its CRC when the generator polynomial is added to it anywhere, whatever the seed. Key `n` adds it at each
// of the PATTERNS places for which n has a bit.
static void adversarial_key(uint32_t n, uint8_t *ret_key)
{
	static const uint64_t generator = UINT64_C(0x104c11db7);
	fill(ret_key, KEY_BYTES);
	for (unsigned k = 0; k < PATTERNS; k++) {
		if (!(n >> k & 1))
			continue;
		for (unsigned bit = 0; bit <= 32; bit++) {
			unsigned at = k * 14 + bit;
			ret_key[at / 8] ^= (uint8_t)((generator >> (32 - bit) & 1) << at % 8);
		}
	}
}

static void sixty_four_keys_that_collide_under_crc32_do_not_collide(void **state)
{
	(void)state;
	uint8_t key[KEY_BYTES];
	uint64_t hashes[64];
	unsigned chain[64] = {0}, longest = 0;
	adversarial_key(0, key);
	uint32_t crc = crc32(key, sizeof key);
	for (uint32_t i = 0; i < 64; i++) {
		adversarial_key(i, key);
		assert_int_equal(crc32(key, sizeof key), crc);
		hashes[i] = yg_hash(&yg_hash_key_replay, key, sizeof key);
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(hashes[i], hashes[j]);
		if (++chain[hashes[i] % 64] > longest)
			longest = chain[hashes[i] % 64];
	}
	assert_in_range(longest, 1, 6);
}

// A million keys with one CRC. In as many cells a random function makes no chain above about ten (Poisson, mean 1: 14 has 1e-5).
static unsigned longest_chain(bool mix)
{
	struct yg_mix_key secret;
	yg_mix_key_derive(&yg_hash_key_replay, &secret);
	uint8_t key[KEY_BYTES], *low = calloc(MANY, 1), *high = calloc(MANY, 1);
	unsigned longest = 0;
	adversarial_key(0, key);
	uint32_t crc = crc32(key, sizeof key);
	for (uint32_t i = 0; i < MANY; i++) {
		adversarial_key(i, key);
		if (i % 4096 == 4095)
			assert_int_equal(crc32(key, sizeof key), crc);
		uint64_t prefix, h = mix ? yg_mix40(&secret, key, &prefix) : yg_hash(&yg_hash_key_replay, key, sizeof key);
		unsigned a = ++low[h % MANY], b = ++high[h >> (64 - PATTERNS)];
		longest = a > longest ? a : longest;
		longest = b > longest ? b : longest;
	}
	print_message("longest chain of %d keys in as many cells: %u\n", MANY, longest);
	free(low);
	free(high);
	return longest;
}

static void a_million_adversarial_keys_make_no_long_chain(void **state)
{
	(void)state;
	assert_in_range(longest_chain(false), 5, 14);
	assert_in_range(longest_chain(true), 5, 14);
}

static void two_secrets_are_never_the_same(void **state)
{
	(void)state;
	struct yg_hash_key a = {0, 0}, b = {0, 0};
	assert_int_equal(yg_hash_key_random(&a), 0);
	assert_int_equal(yg_hash_key_random(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof a);
	assert_int_not_equal(yg_hash(&a, "key", 3), yg_hash(&b, "key", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash_1_3),
		cmocka_unit_test(an_identity_is_the_same_in_every_version),
		cmocka_unit_test(bytes_at_an_odd_address_hash_alike),
		cmocka_unit_test(the_mix_is_nh_and_multilinear),
		cmocka_unit_test(a_bit_of_the_key_reaches_every_bit_of_the_mix),
		cmocka_unit_test(the_prefix_spreads_address_pairs),
		cmocka_unit_test(few_secrets_put_neighbours_together),
		cmocka_unit_test(sixty_four_keys_that_collide_under_crc32_do_not_collide),
		cmocka_unit_test(a_million_adversarial_keys_make_no_long_chain),
		cmocka_unit_test(two_secrets_are_never_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
