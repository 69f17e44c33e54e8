// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Text between who writes and who takes: against a plain copy of it, at its limits, and without memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"

static void what_is_put_comes_out_in_order(void **state)
{
	(void)state;
	static char all[1 << 20], got[1 << 20], piece[9000];
	struct web_buffer b = {0};
	size_t put = 0, taken = 0;
	srand(7);
	while (put + sizeof piece < sizeof all) {
		size_t size = (size_t)rand() % sizeof piece, room = (size_t)rand() % sizeof piece;
		for (size_t i = 0; i < size; i++)
			piece[i] = (char)rand();
		memcpy(all + put, piece, size);
		web_buffer_put(&b, piece, size);
		put += size;
		taken += web_buffer_take(&b, got + taken, room);
		assert_int_equal(web_buffer_waits(&b), put - taken);
	}
	taken += web_buffer_take(&b, got + taken, sizeof got - taken);
	assert_int_equal(taken, put);
	assert_memory_equal(all, got, put);
	assert_int_equal(web_buffer_take(&b, got, sizeof got), 0);
	assert_false(b.failed);
	web_buffer_finish(&b);
}

static void the_room_of_a_burst_is_given_back(void **state)
{
	(void)state;
	static char text[WEB_BUFFER_KEPT + 1];
	struct web_buffer b = {0};
	web_buffer_put(&b, text, 100);
	web_buffer_take(&b, text, sizeof text);
	assert_non_null(b.text); // a small one is kept
	web_buffer_put(&b, text, sizeof text);
	assert_int_equal(web_buffer_take(&b, text, sizeof text - 1), sizeof text - 1);
	assert_non_null(b.text); // a byte of it waits
	assert_int_equal(web_buffer_take(&b, text, sizeof text), 1);
	assert_null(b.text);
	assert_int_equal(b.room, 0);
	web_buffer_finish(&b);
}

static void who_is_never_through_holds_no_more_than_what_waits(void **state)
{
	(void)state;
	static char piece[1000];
	struct web_buffer b = {0};
	web_buffer_put(&b, piece, 10);
	for (unsigned i = 0; i < 10000; i++) {
		memset(piece, (int)(i % 251), sizeof piece);
		web_buffer_put(&b, piece, sizeof piece);
		assert_int_equal(web_buffer_take(&b, piece, sizeof piece), sizeof piece);
		assert_int_equal(piece[sizeof piece - 11], (char)(i % 251));
		assert_int_equal(web_buffer_waits(&b), 10);
	}
	assert_true(b.room <= 8192);
	web_buffer_finish(&b);
}

static void what_was_put_last_can_be_given_up(void **state)
{
	(void)state;
	struct web_buffer b = {0};
	char got[8];
	web_buffer_put(&b, "abcdef", 6);
	assert_int_equal(web_buffer_take(&b, got, 2), 2);
	web_buffer_cut(&b, 9);
	assert_int_equal(web_buffer_waits(&b), 4);
	web_buffer_cut(&b, 1);
	assert_int_equal(web_buffer_take(&b, got, sizeof got), 1);
	assert_int_equal(got[0], 'c');
	web_buffer_put(&b, "xy", 2);
	web_buffer_cut(&b, 0);
	assert_int_equal(web_buffer_take(&b, got, sizeof got), 0);
	web_buffer_finish(&b);
}

static void what_finds_no_memory_is_told(void **state)
{
	(void)state;
	struct web_buffer b = {0};
	web_buffer_put(&b, "a", 1);
	web_buffer_put(&b, "", SIZE_MAX - 8); // nothing of it is read: there is no such room
	assert_true(b.failed);
	assert_int_equal(web_buffer_waits(&b), 1);
	web_buffer_put(&b, "b", 1);
	char got[4];
	assert_int_equal(web_buffer_take(&b, got, sizeof got), 2);
	assert_memory_equal(got, "ab", 2);
	web_buffer_finish(&b);
	assert_null(b.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_out_in_order),
		cmocka_unit_test(the_room_of_a_burst_is_given_back),
		cmocka_unit_test(who_is_never_through_holds_no_more_than_what_waits),
		cmocka_unit_test(what_was_put_last_can_be_given_up),
		cmocka_unit_test(what_finds_no_memory_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
