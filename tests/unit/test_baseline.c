// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is usual for one key: classes within their stated error, the percentile against a sorted list, silence, fading, minutes that are
// given up, a full pool, and bytes that are none of ours.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/baseline.h"

enum { BLOCKS = 64 };

static struct yg_base_classes blocks[BLOCKS];
static struct yg_base_pool pool;
static struct yg_learned key;

static void fresh(bool proven)
{
	memset(blocks, 0, sizeof blocks);
	memset(&key, 0, sizeof key);
	pool = (struct yg_base_pool){.block = blocks, .capacity = BLOCKS};
	yg_base_begin(&key, &pool, 100, proven);
}

static void see(uint32_t packets)
{
	const struct yg_rates rates = {.packets = {[YG_VEC_UDP] = packets}, .bytes = {[YG_VEC_UDP] = packets * UINT64_C(1000)}};
	const struct yg_pushed none = {0};
	yg_base_see(&key, &rates, &none);
}

// A minute with that as its highest second, and to the next one.
static void minute(uint32_t packets)
{
	see(packets / 2);
	see(packets);
	see(packets / 3);
	yg_base_fold(&key, &pool, key.minute + 1, 0);
}

static struct yg_baseline base(void)
{
	struct yg_baseline b;
	memset(&b, 0xff, sizeof b);
	yg_base_compute(&key, &pool);
	yg_base_fill(&key, &b);
	return b;
}

static void near(double is, double should, double share)
{
	if (fabs(is - should) > share * should)
		fail_msg("%g is not within %g %% of %g", is, 100 * share, should);
}

static void a_class_is_within_an_eighth_of_every_rate_in_it(void **state)
{
	(void)state;
	unsigned last = 0;
	for (double rate = 1; rate < 2e8; rate *= 1.013) {
		unsigned class = yg_base_class(YG_BASE_PACKETS, (float)rate);
		assert_true(class >= last);
		last = class;
		near(yg_base_rate(YG_BASE_PACKETS, class), rate, 0.1251);
		near(yg_base_rate(YG_BASE_BITS_OUT, yg_base_class(YG_BASE_BITS_OUT, (float)(rate * 2048))), rate * 2048, 0.1251);
	}
	assert_int_equal(last, yg_base_class(YG_BASE_FLOWS, 1.99e8f));
	assert_int_equal(yg_base_class(YG_BASE_PACKETS, 0), 0);
	assert_int_equal(yg_base_class(YG_BASE_PACKETS, NAN), 0);
	assert_int_equal(yg_base_class(YG_BASE_PACKETS, INFINITY), YG_BASE_CLASSES - 1);
	assert_int_equal(yg_base_class(YG_BASE_BITS, 1e30f), YG_BASE_CLASSES - 1);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void the_percentile_is_that_of_a_sorted_list(void **state)
{
	(void)state;
	static uint32_t list[YG_BASE_WEEK];
	fresh(true);
	srandom(5);
	for (unsigned i = 0; i < YG_BASE_WEEK; i++) {
		list[i] = (uint32_t)(10 * exp(8.0 * (double)random() / RAND_MAX));
		minute(list[i]);
		if (i != 1000 && i != 5000 && i != YG_BASE_WEEK - 1)
			continue;
		static uint32_t sorted[YG_BASE_WEEK];
		memcpy(sorted, list, sizeof sorted);
		qsort(sorted, i + 1, sizeof *sorted, by_size);
		near(base().packets, sorted[(i + 1) * 95 / 100], 0.13);
		near(base().bits, 8000.0 * sorted[(i + 1) * 95 / 100], 0.13);
	}
	assert_int_equal(base().minutes, YG_BASE_WEEK);
	assert_true(base().flows == 0 && base().packets_out == 0 && base().pushed_bits == 0);
}

static void downloads_are_no_rate_towards_the_key_and_answers_are_not_pushed(void **state)
{
	(void)state;
	fresh(true);
	for (unsigned i = 0; i < 100; i++) {
		const struct yg_rates rates = {.packets = {[YG_VEC_DOWNLOAD] = 5000}, .bytes = {[YG_VEC_DOWNLOAD] = 7000000}, .flows = 3,
					       .packets_out = 900, .flows_out = 8, .bytes_out = 60000};
		const struct yg_pushed pushed = {.packets = {[YG_VEC_SYN] = 40, [YG_VEC_DOWNLOAD] = 9999}, .bytes = {[YG_VEC_SYN] = 2400}};
		yg_base_see(&key, &rates, &pushed);
		yg_base_fold(&key, &pool, key.minute + 1, 0);
	}
	struct yg_baseline b = base();
	assert_true(b.packets == 0 && b.bits == 0);
	near(b.flows, 3, 0.13);
	near(b.packets_out, 900, 0.13);
	near(b.bits_out, 480000, 0.13);
	near(b.flows_out, 8, 0.13);
	near(b.pushed_packets, 40, 0.13);
	near(b.pushed_bits, 19200, 0.13);
}

static void a_day_and_a_week_are_what_learning_takes(void **state)
{
	(void)state;
	fresh(true);
	for (unsigned i = 0; i < 2 * YG_BASE_WEEK; i++) {
		struct yg_baseline b;
		yg_base_fill(&key, &b);
		assert_int_equal(b.state, i < YG_BASE_DAY ? YG_LEARN_FLOOR : i < YG_BASE_WEEK ? YG_LEARN_SHORT : YG_LEARN_FULL);
		assert_int_equal(b.minutes, i < YG_BASE_WEEK ? i : YG_BASE_WEEK);
		minute(100);
	}
}

static void silent_minutes_count_as_nothing(void **state)
{
	(void)state;
	fresh(true);
	for (unsigned i = 0; i < 60; i++)
		minute(1000);
	near(base().packets, 1000, 0.13);
	yg_base_fold(&key, &pool, key.minute + 60 * 18, 0); // 60 of 1,140 minutes are more than five of a hundred …
	near(base().packets, 1000, 0.13);
	yg_base_fold(&key, &pool, key.minute + 61, 0);      // … of 1,201 no more
	assert_true(base().packets == 0);
	assert_int_equal(base().minutes, 1201);
}

static void what_is_older_than_a_week_fades(void **state)
{
	(void)state;
	fresh(true);
	for (unsigned i = 0; i < 3 * YG_BASE_WEEK; i++)
		minute(50000);
	near(base().packets, 50000, 0.13);
	unsigned days = 0;
	for (; base().packets > 10000 && days < 100; days++)
		for (unsigned i = 0; i < YG_BASE_DAY; i++)
			minute(100);
	assert_in_range(days, 15, 24); // e^(-days/7.5) is below a twentieth
	yg_base_fold(&key, &pool, key.minute + YG_BASE_FORGET + 1, 0);
	assert_true(base().packets == 0);
	assert_int_equal(base().state, YG_LEARN_FULL);
	for (unsigned i = 0; i < 600; i++) // what is learned after a long silence is learned again
		minute(200);
	near(base().packets, 200, 0.13);
}

static void the_sum_of_the_classes_is_never_more_than_the_minutes(void **state)
{
	(void)state;
	fresh(true);
	srandom(6);
	for (unsigned i = 0; i < 5 * YG_BASE_WEEK; i++) {
		minute((uint32_t)random() % 3 ? (uint32_t)(random() >> (random() % 31)) : 0);
		uint32_t sum = 0;
		for (unsigned c = 0; c < YG_BASE_CLASSES; c++)
			sum += blocks[0].minutes[c];
		assert_true(sum <= key.minutes && key.minutes <= YG_BASE_MOST);
	}
}

static void a_minute_that_is_given_up_teaches_nothing(void **state)
{
	(void)state;
	fresh(true);
	for (unsigned i = 0; i < 200; i++) {
		minute(100);
		see(1000000);
		key.spoiled = 1;
		yg_base_fold(&key, &pool, key.minute + 1, 0);
	}
	near(base().packets, 100, 0.13);
	assert_int_equal(base().minutes, 200);
}

static void who_is_touched_once_takes_no_block(void **state)
{
	(void)state;
	fresh(false);
	for (unsigned i = 0; i < YG_BASE_PROOF - 1; i++) {
		minute(9);
		yg_base_fold(&key, &pool, key.minute + 40, 0);
	}
	assert_int_equal(pool.used, 0);
	assert_int_equal(base().minutes, (YG_BASE_PROOF - 1) * 41);
	minute(9);
	assert_int_equal(pool.used, 2); // packets and bits
}

static void a_full_pool_is_counted_and_a_place_keeps_its_blocks(void **state)
{
	(void)state;
	fresh(true);
	pool.capacity = 1;
	minute(10);
	minute(10);
	assert_int_equal(pool.used, 1);
	assert_int_equal(pool.full, 2);
	near(base().packets, 10, 0.13);
	assert_true(base().bits == 0);
	yg_base_begin(&key, &pool, 7, true); // another key in the same place
	assert_true(base().packets == 0);
	minute(300);
	assert_int_equal(pool.used, 1);
	near(base().packets, 300, 0.13);
}

static void the_percentile_is_computed_every_ten_minutes(void **state)
{
	(void)state;
	fresh(true);
	float last = -1;
	unsigned changes = 0;
	for (unsigned i = 0; i < 100; i++) {
		minute(1u << (i / 5));
		changes += key.usual[YG_BASE_PACKETS] != last;
		last = key.usual[YG_BASE_PACKETS];
	}
	assert_in_range(changes, 9, 11);
}

static void what_is_packed_is_what_is_unpacked(void **state)
{
	(void)state;
	uint8_t bytes[YG_BASE_PACKED_MAX];
	fresh(true);
	srandom(9);
	for (unsigned i = 0; i < 3000; i++)
		minute((uint32_t)(random() >> (random() % 31)));
	struct yg_baseline before = base(), after;
	uint32_t size = yg_base_pack(&key, &pool, bytes);
	assert_in_range(size, 50, sizeof bytes);
	struct yg_learned other = {0};
	yg_base_begin(&other, &pool, 55, false);
	assert_int_equal(yg_base_unpack(NULL, NULL, bytes, size), size);
	assert_int_equal(yg_base_unpack(&other, &pool, bytes, size), size);
	memset(&after, 0, sizeof after);
	before.reserved[0] = before.reserved[1] = before.reserved[2] = 0;
	yg_base_fill(&other, &after);
	assert_memory_equal(&before, &after, sizeof before);
	for (unsigned i = 0; i < BLOCKS; i++)
		for (unsigned c = 0; c < YG_BASE_CLASSES; c++)
			blocks[i].minutes[c] = 103; // the longest that there is
	for (unsigned m = 0; m < YG_BASE_COUNT; m++)
		key.block[m] = m + 1;
	assert_int_equal(yg_base_pack(&key, &pool, bytes), YG_BASE_PACKED_MAX);
}

static void bytes_that_are_none_change_nothing(void **state)
{
	(void)state;
	uint8_t bytes[YG_BASE_PACKED_MAX], bad[YG_BASE_PACKED_MAX];
	fresh(true);
	for (unsigned i = 0; i < 500; i++)
		minute(1u << (i % 20));
	uint32_t size = yg_base_pack(&key, &pool, bytes);
	for (uint32_t cut = 0; cut < size; cut++)
		assert_int_equal(yg_base_unpack(NULL, NULL, bytes, cut), 0);
	srandom(3);
	for (unsigned i = 0; i < 200000; i++) {
		memcpy(bad, bytes, size);
		for (unsigned n = 1 + (unsigned)random() % 3; n; n--)
			bad[(unsigned)random() % size] = (uint8_t)random();
		uint32_t used = yg_base_unpack(NULL, NULL, bad, size);
		assert_true(used <= size);
		if (!used)
			continue;
		struct yg_learned other = {0}; // what passes is sound enough to go on with
		struct yg_base_pool own = {.block = blocks + 32, .capacity = 8};
		memset(own.block, 0, 8 * sizeof *own.block);
		yg_base_begin(&other, &own, 1, false);
		assert_int_equal(yg_base_unpack(&other, &own, bad, size), used);
		yg_base_fold(&other, &own, 20000, 3);
		assert_true(other.minutes <= YG_BASE_MOST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_is_within_an_eighth_of_every_rate_in_it),
		cmocka_unit_test(the_percentile_is_that_of_a_sorted_list),
		cmocka_unit_test(downloads_are_no_rate_towards_the_key_and_answers_are_not_pushed),
		cmocka_unit_test(a_day_and_a_week_are_what_learning_takes),
		cmocka_unit_test(silent_minutes_count_as_nothing),
		cmocka_unit_test(what_is_older_than_a_week_fades),
		cmocka_unit_test(the_sum_of_the_classes_is_never_more_than_the_minutes),
		cmocka_unit_test(a_minute_that_is_given_up_teaches_nothing),
		cmocka_unit_test(who_is_touched_once_takes_no_block),
		cmocka_unit_test(a_full_pool_is_counted_and_a_place_keeps_its_blocks),
		cmocka_unit_test(the_percentile_is_computed_every_ten_minutes),
		cmocka_unit_test(what_is_packed_is_what_is_unpacked),
		cmocka_unit_test(bytes_that_are_none_change_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
