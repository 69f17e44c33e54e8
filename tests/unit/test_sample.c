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

#include <math.h>
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

static struct yg_sample packet(unsigned src, unsigned dst, uint16_t sport, uint16_t dport, uint16_t bytes)
{
	return (struct yg_sample){.src = v4(192, 0, 2, src), .dst = v4(10, 0, 0, dst), .second = START, .sport = sport, .dport = dport,
				  .bytes = bytes, .proto = 17, .vector = YG_VEC_UDP, .af = 4};
}

static struct yg_answer question(struct yg_question q)
{
	struct yg_answer a = {.size = sizeof a};
	q.size = sizeof q;
	yg_sample_ask(store, START, &q, &a);
	return a;
}

// 64 targets with a packet of 1,000 bytes each from port 161 of ten sources, and one of 40 bytes from elsewhere.
static void add_spread(void)
{
	for (unsigned i = 0; i < 64; i++) {
		struct yg_sample s = packet(i % 10, i, 161, (uint16_t)(5000 + i), 1000);
		yg_sample_add(store, &s, 1);
	}
	struct yg_sample s = packet(200, 200, 7, 9, 40);
	s.proto = 6;
	s.vector = YG_VEC_SYN;
	yg_sample_add(store, &s, 1);
}

static void a_question_narrows_by_everything_that_it_names(void **state)
{
	(void)state;
	add_spread();
	struct yg_addr net = v4(10, 0, 0, 0);
	assert_int_equal(question((struct yg_question){0}).packets, 65);
	assert_int_equal(question((struct yg_question){.af = 6}).packets, 0);
	assert_int_equal(question((struct yg_question){.af = 4, .addr = net, .len = 26}).packets, 64);
	assert_int_equal(question((struct yg_question){.proto = 6}).packets, 1);
	assert_int_equal(question((struct yg_question){.source_port = 161}).packets, 64);
	assert_int_equal(question((struct yg_question){.target_port = 5003}).packets, 1);
	assert_int_equal(question((struct yg_question){.vectors = 1u << YG_VEC_SYN}).packets, 1);
	assert_int_equal(question((struct yg_question){.af = 4, .addr = v4(192, 0, 2, 3), .len = 32, .by_source = 1}).packets, 7);
	assert_int_equal(question((struct yg_question){.af = 4, .addr = v4(192, 0, 2, 3), .len = 200, .by_source = 1}).packets, 7);
}

static void an_answer_tells_both_ends_ports_sizes_and_how_evenly_they_spread(void **state)
{
	(void)state;
	add_spread();
	struct yg_answer a = question((struct yg_question){.af = 4, .addr = v4(10, 0, 0, 0), .len = 26});
	assert_true(a.packets == 64 && a.bytes == 64000);
	assert_int_equal(a.sources_at_least, 10);
	assert_int_equal(a.targets_at_least, 64);
	assert_true(a.sources_count == YG_TOP_MAX && a.targets_count == YG_TOP_MAX);
	assert_true(a.source_ports_count == 1 && a.source_ports[0].port == 161 && a.source_ports[0].share == 1);
	assert_true(a.target_ports_count == YG_TOP_MAX && a.target_ports[0].port == 5000); // equal shares: the lower port
	assert_int_equal(a.size_median, 1000);
	assert_true(a.size_entropy == 0);
	assert_true(fabsf(a.target_entropy - 1) < 1e-6f);
	for (unsigned i = 0; i < 40; i++) { // two sizes, half and half: one bit of log2(24)
		struct yg_sample s = packet(1, 250, 1, 2, i % 2 ? 100 : 1400);
		yg_sample_add(store, &s, 1);
	}
	a = question((struct yg_question){.af = 4, .addr = v4(10, 0, 0, 250), .len = 32});
	assert_true(fabsf(a.size_entropy - 1 / log2f(24)) < 1e-6f);
	assert_true(a.targets_at_least == 1 && a.targets[0].share == 1 && a.target_entropy == 0);
}

static void addresses_of_both_versions_are_told_apart(void **state)
{
	(void)state;
	struct yg_sample four = packet(1, 1, 1, 1, 60), six = four;
	six.af = 6;
	yg_sample_add(store, &four, 1);
	yg_sample_add(store, &six, 1);
	struct yg_answer a = question((struct yg_question){0});
	assert_true(a.sources_at_least == 2 && a.targets_at_least == 2);
	assert_true(a.sources[0].af == 4 && a.sources[1].af == 6);
}

static void the_scale_is_what_went_by_over_what_was_kept(void **state)
{
	(void)state;
	add_spread();
	assert_true(question((struct yg_question){0}).scale == 1);
	yg_sample_total(store, START, 650);
	assert_true(question((struct yg_question){.proto = 6}).scale == 10);
	yg_sample_total(store, START + 1, 1); // a second of which nothing was sampled
	struct yg_question q = {.size = sizeof q};
	struct yg_answer a = {.size = sizeof a};
	yg_sample_ask(store, START + 1, &q, &a);
	assert_true(a.packets == 65 && fabs(a.scale - 651.0 / 65) < 1e-9);
	yg_sample_ask(store, START + 4, &q, &a);
	assert_true(a.packets == 0 && a.size == sizeof a);
}

static void an_older_caller_gets_what_it_knows_and_a_newer_one_zeros(void **state)
{
	(void)state;
	add_spread();
	struct { struct yg_answer known; uint8_t more[32]; } newer;
	memset(&newer, 0xee, sizeof newer);
	newer.known.size = sizeof newer;
	struct yg_question q = {.size = sizeof q};
	yg_sample_ask(store, START, &q, &newer.known);
	assert_int_equal(newer.known.packets, 65);
	for (unsigned i = 0; i < sizeof newer.more; i++)
		assert_int_equal(newer.more[i], 0);
	struct yg_answer older;
	memset(&older, 0xee, sizeof older);
	older.size = offsetof(struct yg_answer, sources);
	q.size = offsetof(struct yg_question, proto); // the ports behind it are not read
	q.proto = 6;
	yg_sample_ask(store, START, &q, &older);
	assert_int_equal(older.packets, 65);
	assert_int_equal(older.sources[0].af, 0xee);
}

static void answers_do_not_depend_on_the_order_of_arrival(void **state)
{
	(void)state;
	struct yg_answer first;
	for (unsigned round = 0; round < 2; round++) {
		struct yg_sample_store *other = yg_sample_create(&yg_hash_key_replay), *mine = store;
		store = other;
		for (unsigned i = 0; i < 5000; i++) {
			unsigned n = round ? 4999 - i : i;
			struct yg_sample s = packet(n % 37, n * 7 % 251, (uint16_t)(n % 13), (uint16_t)(n % 11), (uint16_t)(n % 1499));
			yg_sample_add(store, &s, 1);
		}
		struct yg_answer a = question((struct yg_question){0});
		if (round)
			assert_memory_equal(&a, &first, sizeof a);
		first = a;
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
		cmocka_unit_test_setup_teardown(a_question_narrows_by_everything_that_it_names, start, stop),
		cmocka_unit_test_setup_teardown(an_answer_tells_both_ends_ports_sizes_and_how_evenly_they_spread, start, stop),
		cmocka_unit_test_setup_teardown(addresses_of_both_versions_are_told_apart, start, stop),
		cmocka_unit_test_setup_teardown(the_scale_is_what_went_by_over_what_was_kept, start, stop),
		cmocka_unit_test_setup_teardown(an_older_caller_gets_what_it_knows_and_a_newer_one_zeros, start, stop),
		cmocka_unit_test_setup_teardown(answers_do_not_depend_on_the_order_of_arrival, start, stop),
		cmocka_unit_test_setup_teardown(time_before_1970_is_time, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
