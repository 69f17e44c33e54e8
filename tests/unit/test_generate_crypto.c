// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The generators' own AES, GCM and HKDF against published vectors.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../generate/gen_crypto.h"

static void aes_and_gcm_give_the_published_vectors(void **state)
{
	(void)state;
	uint8_t key[16], in[16], out[16], sealed[32] = {0}, zero[16] = {0};
	for (unsigned i = 0; i < 16; i++) {
		key[i] = (uint8_t)i;
		in[i] = (uint8_t)(i * 0x11);
	}
	gen_aes128(key, in, out); // FIPS 197, C.1
	assert_memory_equal(out, "\x69\xc4\xe0\xd8\x6a\x7b\x04\x30\xd8\xcd\xb7\x80\x70\xb4\xc5\x5a", 16);
	gen_aes128_gcm(zero, zero, NULL, 0, sealed, 16); // SP 800-38D, test case 2
	assert_memory_equal(sealed, "\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78", 16);
	assert_memory_equal(sealed + 16, "\xab\x6e\x47\xd4\x2c\xec\x13\xbd\xf5\x3a\x67\xb2\x12\x57\xbd\xdf", 16);
}

static void initial_keys_are_those_of_the_standard(void **state)
{
	(void)state;
	static const uint8_t salt[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	                                 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
	uint8_t common[32], secret[32], key[16], nonce[12], hide[16];
	gen_hkdf_extract(salt, 20, (const uint8_t *)"\x83\x94\xc8\xf0\x3e\x51\x57\x08", 8, common); // RFC 9001, A.1
	gen_hkdf_label(common, "client in", secret, 32);
	gen_hkdf_label(secret, "quic key", key, 16);
	gen_hkdf_label(secret, "quic iv", nonce, 12);
	gen_hkdf_label(secret, "quic hp", hide, 16);
	assert_memory_equal(key, "\x1f\x36\x96\x13\xdd\x76\xd5\x46\x77\x30\xef\xcb\xe3\xb1\xa2\x2d", 16);
	assert_memory_equal(nonce, "\xfa\x04\x4b\x2f\x42\xa3\xfd\x3b\x46\xfb\x25\x5c", 12);
	assert_memory_equal(hide, "\x9f\x50\x44\x9e\x04\xa0\xe8\x10\x28\x3a\x1e\x99\x33\xad\xed\xd2", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(aes_and_gcm_give_the_published_vectors),
	    cmocka_unit_test(initial_keys_are_those_of_the_standard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
