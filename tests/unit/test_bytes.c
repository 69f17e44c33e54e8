// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The bounded reader: every read at every length, what a failed one leaves behind, and readers within readers.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/bytes.h"

static const uint8_t bytes[8] = {0x01, 0x02, 0x83, 0x04, 0x05, 0x06, 0x07, 0xf8};

static void numbers_are_read_in_network_order(void **state)
{
	(void)state;
	struct yg_reader r = yg_reader_of(bytes, sizeof bytes);
	assert_int_equal(yg_read8(&r), 0x01);
	assert_int_equal(yg_read16(&r), 0x0283);
	assert_int_equal(yg_left(&r), 5);
	assert_int_equal(yg_read32(&r), 0x04050607);
	assert_int_equal(yg_read8(&r), 0xf8);
	assert_false(r.failed);
	r = yg_reader_of(bytes + 2, 3);
	assert_int_equal(yg_read24(&r), 0x830405);
	assert_int_equal(yg_load64(bytes), UINT64_C(0x01028304050607f8));
}

// On memory of exactly that size, so that a sanitizer sees a read behind it.
static void a_read_past_the_end_gives_zero_moves_nothing_and_fails(void **state)
{
	(void)state;
	for (size_t size = 0; size < 4; size++) {
		uint8_t *exact = malloc(size ? size : 1);
		memset(exact, 0xff, size);
		struct yg_reader r = yg_reader_of(exact, size);
		assert_int_equal(yg_read32(&r), 0);
		assert_true(r.failed);
		assert_int_equal(yg_left(&r), size);
		assert_int_equal(yg_read8(&r), 0); // once and for all, though a byte may be there
		assert_null(yg_take(&r, 0));
		free(exact);
	}
}

static void each_width_fails_exactly_when_a_byte_lacks(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 4; size++) {
		struct yg_reader r1 = yg_reader_of(bytes, size), r2 = r1, r3 = r1, r4 = r1;
		yg_read8(&r1);
		yg_read16(&r2);
		yg_read24(&r3);
		yg_read32(&r4);
		assert_int_equal(r1.failed, size < 1);
		assert_int_equal(r2.failed, size < 2);
		assert_int_equal(r3.failed, size < 3);
		assert_int_equal(r4.failed, size < 4);
	}
}

static void a_length_that_would_wrap_the_pointer_fails(void **state)
{
	(void)state;
	struct yg_reader r = yg_reader_of(bytes, sizeof bytes);
	assert_null(yg_take(&r, SIZE_MAX));
	r = yg_reader_of(bytes, sizeof bytes);
	assert_false(yg_skip(&r, SIZE_MAX - (uintptr_t)bytes + 1));
	r = yg_reader_of(bytes, sizeof bytes);
	struct yg_reader inner = yg_sub(&r, sizeof bytes + 1);
	assert_true(r.failed && inner.failed);
	assert_int_equal(yg_left(&inner), 0);
}

static void a_reader_within_a_reader_ends_where_it_should(void **state)
{
	(void)state;
	struct yg_reader r = yg_reader_of(bytes, sizeof bytes);
	struct yg_reader inner = yg_sub(&r, 3);
	assert_int_equal(yg_left(&r), 5);
	assert_int_equal(yg_read16(&inner), 0x0102);
	assert_int_equal(yg_read16(&inner), 0); // a byte is left of it; the next belongs to the outer one
	assert_true(inner.failed);
	assert_false(r.failed);
	assert_int_equal(yg_read8(&r), 0x04);
}

static void what_is_stored_is_loaded(void **state)
{
	(void)state;
	uint8_t out[6];
	yg_store16(out, 0xbeef);
	yg_store32(out + 2, 0x80c0ffee);
	assert_int_equal(yg_load16(out), 0xbeef);
	assert_int_equal(yg_load32(out + 2), 0x80c0ffee);
	assert_int_equal(out[0], 0xbe);
	assert_int_equal(out[2], 0x80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_network_order),
		cmocka_unit_test(a_read_past_the_end_gives_zero_moves_nothing_and_fails),
		cmocka_unit_test(each_width_fails_exactly_when_a_byte_lacks),
		cmocka_unit_test(a_length_that_would_wrap_the_pointer_fails),
		cmocka_unit_test(a_reader_within_a_reader_ends_where_it_should),
		cmocka_unit_test(what_is_stored_is_loaded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
