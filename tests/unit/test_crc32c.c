// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// CRC32C: the published vectors, and both ways to compute it against each other at every length and alignment.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/crc32c.h"

static void vectors_of_rfc_3720(void **state)
{
	uint8_t bytes[32];
	(void)state;
	assert_int_equal(yg_crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(yg_crc32c_table(0, "123456789", 9), 0xE3069283);
	assert_int_equal(yg_crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(yg_crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(yg_crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(yg_crc32c(0, bytes, sizeof bytes), 0x46DD794E);
}

static void instruction_and_table_agree(void **state)
{
	uint8_t bytes[600];
	(void)state;
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 197 + (i >> 3));
	for (unsigned at = 0; at < 9; at++)
		for (unsigned n = 0; at + n <= sizeof bytes; n++)
			assert_int_equal(yg_crc32c(at, bytes + at, n), yg_crc32c_table(at, bytes + at, n));
}

static void a_sum_of_parts_is_that_of_the_whole(void **state)
{
	const char *text = "the quick brown fox jumps over the lazy dog";
	size_t n = strlen(text);
	(void)state;
	for (size_t i = 0; i <= n; i++)
		assert_int_equal(yg_crc32c(yg_crc32c(0, text, i), text + i, n - i), yg_crc32c(0, text, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_of_rfc_3720), cmocka_unit_test(instruction_and_table_agree),
	                                   cmocka_unit_test(a_sum_of_parts_is_that_of_the_whole)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
