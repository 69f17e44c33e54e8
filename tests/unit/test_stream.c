// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The stream buffers: any order, any cut, numbers that wrap, overlaps, and each limit filled.
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dissector/stream.h"

static const struct yg_time at_zero = {0};

static struct yg_stream_pool *new_pool(uint32_t count)
{
	struct yg_stream_pool *pool = yg_stream_create(count);
	assert_non_null(pool);
	return pool;
}

static struct yg_stream_ref take(struct yg_stream_pool *pool, uint32_t base)
{
	struct yg_stream_ref ref = {0};
	assert_true(yg_stream_take(pool, base, 0, at_zero, &ref));
	return ref;
}

static enum yg_stream_result add(struct yg_stream_pool *pool, struct yg_stream_ref ref, uint32_t seq, const char *text)
{
	return yg_stream_add(pool, ref, seq, (const uint8_t *)text, strlen(text));
}

static void assert_holds(const struct yg_stream_pool *pool, struct yg_stream_ref ref, const char *text)
{
	const uint8_t *data;
	assert_int_equal(yg_stream_bytes(pool, ref, &data), strlen(text));
	assert_true(strlen(text) == 0 || memcmp(data, text, strlen(text)) == 0);
}

static void segments_in_any_order_give_the_same_bytes(void **state)
{
	(void)state;
	static const char *const parts[] = {"one ", "two ", "three ", "four"};
	static const uint32_t offsets[] = {0, 4, 8, 14};
	for (unsigned order = 0; order < 256; order++) {
		unsigned i[4] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
		if ((1u << i[0] | 1u << i[1] | 1u << i[2] | 1u << i[3]) != 15)
			continue;
		struct yg_stream_pool *pool = new_pool(1);
		struct yg_stream_ref ref = take(pool, 0xfffffffa); // wraps within the second part
		for (int k = 0; k < 4; k++)
			assert_int_equal(add(pool, ref, 0xfffffffa + offsets[i[k]], parts[i[k]]), YG_STREAM_ADDED);
		assert_holds(pool, ref, "one two three four");
		yg_stream_destroy(pool);
	}
}

static void only_bytes_without_a_gap_are_shown(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	struct yg_stream_ref ref = take(pool, 100);
	assert_int_equal(add(pool, ref, 104, "late"), YG_STREAM_ADDED);
	assert_holds(pool, ref, "");
	assert_true(yg_stream_has_gap(pool, ref));
	assert_int_equal(add(pool, ref, 100, "ab"), YG_STREAM_ADDED);
	assert_holds(pool, ref, "ab");
	assert_int_equal(add(pool, ref, 102, "cd"), YG_STREAM_ADDED);
	assert_holds(pool, ref, "abcdlate");
	assert_false(yg_stream_has_gap(pool, ref));
	yg_stream_destroy(pool);
}

static void the_first_copy_wins_and_other_content_is_flagged(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	struct yg_stream_ref ref = take(pool, 100);
	struct yg_stream_stats stats;
	assert_int_equal(add(pool, ref, 102, "CD"), YG_STREAM_ADDED);
	assert_int_equal(add(pool, ref, 100, "abxyef"), YG_STREAM_OVERLAP_DIFFERENT);
	assert_holds(pool, ref, "abCDef");
	assert_int_equal(add(pool, ref, 104, "efgh"), YG_STREAM_OVERLAP_SAME);
	assert_int_equal(add(pool, ref, 99, "?abC"), YG_STREAM_OVERLAP_SAME);
	assert_int_equal(add(pool, ref, 103, "D?"), YG_STREAM_OVERLAP_DIFFERENT);
	assert_holds(pool, ref, "abCDefgh");
	yg_stream_stats(pool, &stats);
	assert_int_equal(stats.added, 1);
	assert_int_equal(stats.same, 2);
	assert_int_equal(stats.different, 2);
	assert_int_equal(stats.bytes_before, 1);
	yg_stream_destroy(pool);
}

static void bytes_outside_the_window_are_counted_and_not_kept(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	struct yg_stream_ref ref = take(pool, 1000);
	struct yg_stream_stats stats;
	assert_int_equal(add(pool, ref, 990, "0123456789"), YG_STREAM_OUTSIDE);
	assert_int_equal(add(pool, ref, 1000 + YG_STREAM_BYTES, "x"), YG_STREAM_OUTSIDE);
	assert_int_equal(add(pool, ref, 1000 + 0x7fffffffu, "x"), YG_STREAM_OUTSIDE);
	assert_int_equal(add(pool, ref, 1000 + 0x80000000u, "x"), YG_STREAM_OUTSIDE);
	assert_int_equal(add(pool, ref, 1000 + YG_STREAM_BYTES - 1, "yz"), YG_STREAM_ADDED);
	assert_holds(pool, ref, "");
	yg_stream_stats(pool, &stats);
	assert_int_equal(stats.outside, 4);
	assert_int_equal(stats.bytes_before, 11);
	assert_int_equal(stats.bytes_beyond, 3);
	yg_stream_destroy(pool);
}

static void a_full_window_is_shown_whole(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	struct yg_stream_ref ref = take(pool, 7);
	uint8_t bytes[YG_STREAM_BYTES];
	const uint8_t *data;
	for (uint32_t i = 0; i < YG_STREAM_BYTES; i++)
		bytes[i] = (uint8_t)(i * 31);
	for (uint32_t i = YG_STREAM_BYTES; i-- > 0;) // one byte at a time, last to first
		assert_int_equal(yg_stream_add(pool, ref, 7 + i, bytes + i, 1), YG_STREAM_ADDED);
	assert_int_equal(yg_stream_bytes(pool, ref, &data), YG_STREAM_BYTES);
	assert_memory_equal(data, bytes, YG_STREAM_BYTES);
	assert_int_equal(yg_stream_add(pool, ref, 7, bytes, sizeof bytes), YG_STREAM_OVERLAP_SAME);
	yg_stream_destroy(pool);
}

static void advancing_keeps_what_lies_behind(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	struct yg_stream_ref ref = take(pool, 10);
	add(pool, ref, 10, "abcd");
	add(pool, ref, 16, "gh");
	yg_stream_advance(pool, ref, 2);
	assert_holds(pool, ref, "cd");
	yg_stream_advance(pool, ref, 3); // into the gap
	assert_holds(pool, ref, "");
	add(pool, ref, 15, "f");
	assert_holds(pool, ref, "fgh");
	yg_stream_advance(pool, ref, 1000);
	assert_holds(pool, ref, "");
	assert_int_equal(add(pool, ref, 1015, "z"), YG_STREAM_ADDED);
	assert_holds(pool, ref, "z");
	yg_stream_destroy(pool);
}

static void a_full_pool_refuses_and_a_released_buffer_is_new_again(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(3);
	struct yg_stream_ref ref[3], more;
	struct yg_stream_stats stats;
	assert_true(yg_stream_take(pool, 0, 2, at_zero, &ref[0]));
	assert_false(yg_stream_take(pool, 0, 2, at_zero, &ref[1])); // two stay in reserve
	ref[1] = take(pool, 0);
	ref[2] = take(pool, 0);
	add(pool, ref[1], 0, "old");
	assert_false(yg_stream_take(pool, 0, 0, at_zero, &more));
	struct yg_stream_ref stale = ref[1];
	yg_stream_release(pool, &ref[1]);
	assert_int_equal(ref[1].generation, 0);
	more = take(pool, 5);
	assert_holds(pool, more, "");
	assert_int_equal(add(pool, stale, 0, "x"), YG_STREAM_STALE);
	assert_false(yg_stream_held(pool, stale));
	yg_stream_release(pool, &stale); // gives back nothing
	yg_stream_stats(pool, &stats);
	assert_int_equal(stats.full, 2);
	assert_int_equal(stats.taken, stats.in_use + stats.released + stats.reclaimed);
	assert_int_equal(stats.in_use, 3);
	assert_int_equal(stats.peak, 3);
	yg_stream_destroy(pool);
}

static void a_full_pool_takes_back_its_oldest_buffer_after_a_while(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(2);
	struct yg_stream_ref first = take(pool, 0), second, third;
	struct yg_stream_stats stats;
	assert_true(yg_stream_take(pool, 0, 0, yg_time_from_s(3), &second));
	assert_false(yg_stream_take(pool, 0, 0, yg_time_ns(YG_STREAM_HOLD_NS - 1), &third));
	assert_true(yg_stream_take(pool, 0, 0, yg_time_ns(YG_STREAM_HOLD_NS), &third));
	assert_false(yg_stream_held(pool, first));
	assert_true(yg_stream_held(pool, second));
	assert_true(yg_stream_held(pool, third));
	yg_stream_stats(pool, &stats);
	assert_int_equal(stats.reclaimed, 1);
	yg_stream_destroy(pool);
}

static void references_that_were_never_given_out_are_stale(void **state)
{
	(void)state;
	struct yg_stream_pool *pool = new_pool(1);
	static const struct yg_stream_ref refs[] = {{0, 0}, {0, 1}, {1, 1}, {UINT32_MAX, 1}, {0, 2}};
	const uint8_t *data;
	for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
		assert_int_equal(add(pool, refs[i], 0, "x"), YG_STREAM_STALE);
		assert_int_equal(yg_stream_bytes(pool, refs[i], &data), 0);
		assert_null(data);
		yg_stream_advance(pool, refs[i], 1);
	}
	yg_stream_destroy(pool);
	yg_stream_destroy(NULL);
}

static void a_pool_of_no_or_too_many_buffers_is_refused(void **state)
{
	(void)state;
	assert_null(yg_stream_create(0));
	assert_int_equal(errno, EINVAL);
	assert_null(yg_stream_create(YG_STREAM_COUNT_MAX + 1));
	struct yg_stream_pool *pool = new_pool(YG_STREAM_COUNT);
	assert_int_equal(yg_stream_count(pool), YG_STREAM_COUNT);
	yg_stream_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(segments_in_any_order_give_the_same_bytes),
	    cmocka_unit_test(only_bytes_without_a_gap_are_shown),
	    cmocka_unit_test(the_first_copy_wins_and_other_content_is_flagged),
	    cmocka_unit_test(bytes_outside_the_window_are_counted_and_not_kept),
	    cmocka_unit_test(a_full_window_is_shown_whole),
	    cmocka_unit_test(advancing_keeps_what_lies_behind),
	    cmocka_unit_test(a_full_pool_refuses_and_a_released_buffer_is_new_again),
	    cmocka_unit_test(a_full_pool_takes_back_its_oldest_buffer_after_a_while),
	    cmocka_unit_test(references_that_were_never_given_out_are_stale),
	    cmocka_unit_test(a_pool_of_no_or_too_many_buffers_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
