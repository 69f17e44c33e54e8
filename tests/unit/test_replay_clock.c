// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Packet time of a replay: it never runs back, shifts by whole seconds, tells gaps, and survives stamps that no clock ever showed.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/replay_clock.h"

#define S YG_NS_PER_S
static const int64_t start = INT64_C(1800000000) * S + 500 * YG_NS_PER_MS;

static int64_t next(struct yg_replay_clock *clock, int64_t stamp, bool want_gap)
{
	bool gap;
	struct yg_time t = yg_replay_clock_next(clock, yg_time_ns(stamp), &gap);
	assert_int_equal(gap, want_gap);
	assert_int_equal(t.ns, clock->now.ns);
	return t.ns;
}

static void stamps_in_order_are_packet_time(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	assert_int_equal(next(&clock, start, false), start);
	assert_int_equal(next(&clock, start, false), start);
	assert_int_equal(next(&clock, start + 1, false), start + 1);
	assert_int_equal(clock.offset_ns, 0);
}

static void a_step_back_of_up_to_a_second_is_held(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	next(&clock, start, false);
	assert_int_equal(next(&clock, start - S, false), start);
	assert_int_equal(next(&clock, start - 1, false), start);
	assert_int_equal(next(&clock, start + 1, false), start + 1);
	assert_int_equal(clock.offset_ns, 0);
}

static void a_longer_step_back_shifts_what_follows_by_whole_seconds(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	next(&clock, start, false);
	assert_int_equal(next(&clock, start - S - 1, false), start + S - 1);
	assert_int_equal(clock.offset_ns, 2 * S);
	assert_int_equal(next(&clock, start - S + 7, false), start + S + 7);
	// A day back: the distance to the packet before is below a second.
	int64_t before = clock.now.ns, t = next(&clock, start - 86400 * S, false);
	assert_in_range(t - before, 0, S - 1);
	assert_int_equal(clock.offset_ns % S, 0);
}

// What is printed is packet time less the offset of its moment: a moment with two offsets would give the end of one file the date of
// the next.
static void no_moment_of_packet_time_has_two_offsets(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	int64_t stamp = start, before = next(&clock, stamp, false);
	for (unsigned i = 2; i < 1000; i++) {
		int64_t offset = clock.offset_ns, t = next(&clock, stamp -= i * S, false); // whole seconds: the case that is easy to miss
		assert_true(clock.offset_ns > offset);
		assert_in_range(t - before, 1, S);
		assert_int_equal(t - clock.offset_ns, stamp);
		before = t;
	}
}

static void a_leap_above_300_seconds_is_a_gap(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	next(&clock, start, false);
	next(&clock, start + 300 * S, false);
	assert_int_equal(next(&clock, start + 600 * S + 1, true), start + 600 * S + 1);
	next(&clock, start + 600 * S + 2, false);
}

static void time_before_1970_is_time(void **state)
{
	(void)state;
	struct yg_replay_clock clock = {0};
	assert_int_equal(next(&clock, -5 * S, false), -5 * S);
	assert_int_equal(next(&clock, -4 * S - 1, false), -4 * S - 1);
	assert_int_equal(yg_time_second(clock.now), -5);
}

// What follows adds timeouts to packet time: there must be room for a day on either side.
static void no_stamp_makes_time_overflow(void **state)
{
	(void)state;
	static const int64_t stamps[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, -1, INT64_MIN, INT64_MAX, INT64_MAX / 2, INT64_MIN / 2, 1, INT64_MAX};
	struct yg_replay_clock clock = {0};
	bool gap;
	int64_t before = INT64_MIN;
	for (unsigned round = 0; round < 100; round++)
		for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
			int64_t t = yg_replay_clock_next(&clock, yg_time_ns(stamps[i]), &gap).ns;
			assert_true(t >= before);
			assert_true(t < INT64_MAX - 86400 * S && t > INT64_MIN + 86400 * S);
			before = t;
		}
}

static void time_never_runs_back_whatever_the_stamps(void **state)
{
	(void)state;
	srandom(4711);
	for (unsigned run = 0; run < 200; run++) {
		struct yg_replay_clock clock = {0};
		int64_t stamp = start, before = INT64_MIN;
		for (unsigned i = 0; i < 500; i++) {
			bool gap;
			stamp += (random() % (run * 40 + 3) - (long)(run * 10)) * (random() % S);
			int64_t t = yg_replay_clock_next(&clock, yg_time_ns(stamp), &gap).ns;
			assert_true(t >= before);
			assert_int_equal(clock.offset_ns % S, 0);
			assert_true(t == stamp + clock.offset_ns || t == before);
			assert_int_equal(gap, before != INT64_MIN && t - before > 300 * S);
			before = t;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_in_order_are_packet_time),
		cmocka_unit_test(a_step_back_of_up_to_a_second_is_held),
		cmocka_unit_test(a_longer_step_back_shifts_what_follows_by_whole_seconds),
		cmocka_unit_test(no_moment_of_packet_time_has_two_offsets),
		cmocka_unit_test(a_leap_above_300_seconds_is_a_gap),
		cmocka_unit_test(time_before_1970_is_time),
		cmocka_unit_test(no_stamp_makes_time_overflow),
		cmocka_unit_test(time_never_runs_back_whatever_the_stamps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
