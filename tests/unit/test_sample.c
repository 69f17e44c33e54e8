// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sample: what it says of the last four seconds agrees with a count by hand, does not depend on the order of arrival, and is
// bounded.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/sample.h"

enum { START = 1800000000 };

static struct yg_sample_store *store;

static int start(void **state)
{
	(void)state;
	store = yg_sample_create(&yg_hash_key_replay);
	return store ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	yg_sample_destroy(store);
	return 0;
}

static struct yg_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return (struct yg_addr){{(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}

static void add(int64_t second, struct yg_addr src, struct yg_addr dst, uint16_t dport, uint16_t bytes, uint8_t vector)
{
	const struct yg_sample s = {.src = src, .dst = dst, .second = (int32_t)second, .dport = dport, .bytes = bytes, .vector = vector, .af = 4};
	yg_sample_add(store, &s, 1);
}

static struct yg_evidence ask(int64_t second, struct yg_addr target, uint8_t len, uint32_t vectors)
{
	struct yg_evidence e;
	memset(&e, 0xff, sizeof e);
	yg_sample_evidence(store, second, 4, &target, len, vectors, &e);
	return e;
}

static void nothing_was_sampled_nothing_is_said(void **state)
{
	(void)state;
	struct yg_evidence e = ask(START, v4(10, 0, 0, 1), 32, 0);
	assert_int_equal(e.packets, 0);
	assert_int_equal(e.sources_at_least, 0);
	assert_int_equal(e.top_count, 0);
	assert_int_equal(e.ports_count, 0);
}

static void shares_sources_ports_and_the_median_are_counted(void **state)
{
	(void)state;
	struct yg_addr target = v4(10, 0, 0, 1);
	for (unsigned i = 0; i < 60; i++)
		add(START, v4(192, 0, 2, 1), target, 53, 100, YG_VEC_UDP);
	for (unsigned i = 0; i < 30; i++)
		add(START + 1, v4(192, 0, 2, 2), target, 123, 400, YG_VEC_UDP);
	for (unsigned i = 0; i < 10; i++)
		add(START + 2, v4(198, 51, 100, i), target, (uint16_t)(1000 + i), 1400, YG_VEC_UDP);
	struct yg_evidence e = ask(START + 2, target, 32, 0);
	assert_int_equal(e.packets, 100);
	assert_int_equal(e.sources_at_least, 12);
	assert_int_equal(e.top_count, YG_TOP_MAX);
	assert_int_equal(e.top[0].addr.b[3], 1);
	assert_true(e.top[0].share > 0.599f && e.top[0].share < 0.601f);
	assert_int_equal(e.top[1].addr.b[3], 2);
	assert_int_equal(e.top[0].af, 4);
	for (unsigned i = 2; i < YG_TOP_MAX; i++) // ties go to the lower address
		assert_int_equal(e.top[i].addr.b[3], i - 2);
	assert_int_equal(e.ports[0].port, 53);
	assert_int_equal(e.ports[1].port, 123);
	assert_true(e.ports[1].share > 0.299f && e.ports[1].share < 0.301f);
	assert_int_equal(e.ports[2].port, 1000);
	assert_int_equal(e.size_median, 100);
}

static void only_what_is_asked_for_counts(void **state)
{
	(void)state;
	struct yg_addr src = v4(192, 0, 2, 1);
	add(START, src, v4(10, 0, 0, 1), 1, 60, YG_VEC_SYN);
	add(START, src, v4(10, 0, 0, 1), 1, 60, YG_VEC_UDP);
	add(START, src, v4(10, 0, 0, 2), 1, 60, YG_VEC_SYN);
	add(START, src, v4(10, 0, 1, 1), 1, 60, YG_VEC_SYN);
	struct yg_sample six = {.src = src, .dst = v4(10, 0, 0, 1), .second = START, .vector = YG_VEC_SYN, .af = 6};
	yg_sample_add(store, &six, 1);
	assert_int_equal(ask(START, v4(10, 0, 0, 1), 32, 0).packets, 2);
	assert_int_equal(ask(START, v4(10, 0, 0, 1), 32, 1u << YG_VEC_SYN).packets, 1);
	struct yg_evidence again = ask(START, v4(10, 0, 0, 1), 32, 0); // an answer takes nothing from the one before
	assert_int_equal(again.sources_at_least, 1);
	assert_int_equal(again.ports_count, 1);
	assert_true(again.ports[0].share == 1);
	assert_int_equal(ask(START, v4(10, 0, 0, 0), 24, 1u << YG_VEC_SYN).packets, 2);
	assert_int_equal(ask(START, v4(10, 0, 0, 0), 23, 1u << YG_VEC_SYN).packets, 3);
	assert_int_equal(ask(START, v4(10, 0, 0, 0), 31, 0).packets, 2);
	assert_int_equal(ask(START, v4(0, 0, 0, 0), 0, 0).packets, 4);
	struct yg_evidence e;
	yg_sample_evidence(store, START, 6, &six.dst, 128, 0, &e);
	assert_int_equal(e.packets, 1);
}

static void four_seconds_are_kept(void **state)
{
	(void)state;
	struct yg_addr target = v4(10, 0, 0, 1);
	for (int64_t s = START; s < START + 10; s++)
		add(s, v4(192, 0, 2, 1), target, 1, 60, YG_VEC_UDP);
	assert_int_equal(ask(START + 9, target, 32, 0).packets, 4);
	assert_int_equal(ask(START + 8, target, 32, 0).packets, 3); // what lies after the second asked for is left out
	assert_int_equal(ask(START + 12, target, 32, 0).packets, 1);
	assert_int_equal(ask(START + 13, target, 32, 0).packets, 0);
}

static void a_second_holds_so_many_and_no_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < YG_SAMPLE_PER_SECOND + 1000; i++)
		for (int64_t s = 0; s < YG_SAMPLE_SECONDS; s++)
			add(START + s, v4(i >> 16, i >> 8, i, (unsigned)s), v4(10, 0, 0, 1), (uint16_t)i, (uint16_t)i, YG_VEC_UDP);
	struct yg_evidence e = ask(START + 3, v4(10, 0, 0, 1), 32, 0);
	assert_int_equal(e.packets, 4 * YG_SAMPLE_PER_SECOND);
	assert_int_equal(e.sources_at_least, 4 * YG_SAMPLE_PER_SECOND); // all different: no source is lost in the counting table
	assert_int_equal(e.size_median, YG_SAMPLE_PER_SECOND / 2 - 1);
}

static void a_run_of_packets_is_taken_second_by_second(void **state)
{
	enum { FIRST = 300, ALL = YG_SAMPLE_PER_SECOND + 700 };
	static struct yg_sample run[ALL];
	(void)state;
	for (unsigned i = 0; i < ALL; i++)
		run[i] = (struct yg_sample){.dst = v4(10, 0, 0, 1), .second = START + (i >= FIRST), .af = 4};
	assert_int_equal(yg_sample_add(store, run, 1), 1);
	assert_int_equal(yg_sample_add(store, run + 1, ALL - 1), FIRST - 1);
	assert_int_equal(yg_sample_add(store, run + FIRST, ALL - FIRST), ALL - FIRST); // what has no place is taken too
	assert_int_equal(ask(START, v4(10, 0, 0, 1), 32, 0).packets, FIRST);
	assert_int_equal(ask(START + 1, v4(10, 0, 0, 1), 32, 0).packets, FIRST + YG_SAMPLE_PER_SECOND);
}

static void the_answer_does_not_depend_on_the_order_of_arrival(void **state)
{
	(void)state;
	struct yg_evidence first;
	for (unsigned round = 0; round < 4; round++) {
		struct yg_sample_store *other = yg_sample_create(&yg_hash_key_replay), *mine = store;
		store = other;
		for (unsigned i = 0; i < 5000; i++) {
			unsigned n = round % 2 ? 4999 - i : i, at = round / 2 ? (n * 7) % 5000 : n;
			add(START + at % 4, v4(192, 0, 2, at % 37), v4(10, 0, 0, at % 3), (uint16_t)(at % 11), (uint16_t)(at % 900), (uint8_t)(at % 5));
		}
		struct yg_evidence e = ask(START + 3, v4(10, 0, 0, 0), 24, 0);
		if (round == 0)
			first = e;
		assert_memory_equal(&e, &first, sizeof e);
		yg_sample_destroy(other);
		store = mine;
	}
}

static void time_before_1970_is_time(void **state)
{
	(void)state;
	for (int64_t s = -6; s < 2; s++)
		add(s, v4(192, 0, 2, 1), v4(10, 0, 0, 1), 1, 60, YG_VEC_UDP);
	assert_int_equal(ask(1, v4(10, 0, 0, 1), 32, 0).packets, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_was_sampled_nothing_is_said, start, stop),
		cmocka_unit_test_setup_teardown(shares_sources_ports_and_the_median_are_counted, start, stop),
		cmocka_unit_test_setup_teardown(only_what_is_asked_for_counts, start, stop),
		cmocka_unit_test_setup_teardown(four_seconds_are_kept, start, stop),
		cmocka_unit_test_setup_teardown(a_second_holds_so_many_and_no_more, start, stop),
		cmocka_unit_test_setup_teardown(a_run_of_packets_is_taken_second_by_second, start, stop),
		cmocka_unit_test_setup_teardown(the_answer_does_not_depend_on_the_order_of_arrival, start, stop),
		cmocka_unit_test_setup_teardown(time_before_1970_is_time, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
