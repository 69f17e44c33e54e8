// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What nDPI may still see after it has died: per target, in a storm, and with the table full.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/time.h"
#include "dissector/crash_policy.h"

static struct yg_crash_policy policy;

static int fresh(void **state)
{
	(void)state;
	memset(&policy, 0, sizeof policy);
	return 0;
}

static struct yg_addr host(uint32_t n)
{
	return (struct yg_addr){{10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static void die_at(uint32_t target, uint16_t port, double seconds)
{
	struct yg_addr addr = host(target);
	yg_crash_policy_death(&policy, 4, &addr, port, (int64_t)(seconds * 1e9));
}

static enum yg_policy_mode mode_at(uint32_t target, uint16_t port, double seconds)
{
	struct yg_addr addr = host(target);
	return yg_crash_policy_mode(&policy, 4, &addr, port, (int64_t)(seconds * 1e9));
}

static void two_deaths_change_nothing(void **state)
{
	(void)state;
	die_at(1, 443, 100);
	die_at(1, 443, 101);
	assert_int_equal(mode_at(1, 443, 101), YG_POLICY_ALL);
}

static void the_third_death_within_a_minute_leaves_ndpi_out_for_a_minute(void **state)
{
	(void)state;
	die_at(1, 443, 100);
	die_at(1, 443, 130);
	die_at(1, 443, 160);
	assert_int_equal(mode_at(1, 443, 160), YG_POLICY_LEFT_OUT);
	assert_int_equal(mode_at(1, 443, 219.9), YG_POLICY_LEFT_OUT);
	assert_int_equal(mode_at(1, 443, 220), YG_POLICY_ALL);
	assert_int_equal(policy.pauses, 1);
}

static void three_deaths_in_more_than_a_minute_change_nothing(void **state)
{
	(void)state;
	die_at(1, 443, 100);
	die_at(1, 443, 130);
	die_at(1, 443, 160.1);
	assert_int_equal(mode_at(1, 443, 161), YG_POLICY_ALL);
	die_at(1, 443, 190); // 130, 160.1, 190: the window slides
	assert_int_equal(mode_at(1, 443, 190), YG_POLICY_LEFT_OUT);
}

static void other_ports_addresses_and_families_are_not_touched(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		die_at(1, 443, 100 + i);
	struct yg_addr addr = host(1);
	assert_int_equal(mode_at(1, 443, 103), YG_POLICY_LEFT_OUT);
	assert_int_equal(mode_at(1, 444, 103), YG_POLICY_ALL);
	assert_int_equal(mode_at(2, 443, 103), YG_POLICY_ALL);
	assert_int_equal(yg_crash_policy_mode(&policy, 6, &addr, 443, 103 * YG_NS_PER_S), YG_POLICY_ALL);
}

static void twenty_deaths_in_a_second_are_no_storm_and_twenty_one_are(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		die_at(i, 443, 100 + i * 0.04);
	assert_int_equal(mode_at(99, 80, 101), YG_POLICY_ALL);
	die_at(20, 443, 100.9);
	assert_int_equal(mode_at(99, 80, 101), YG_POLICY_BOTH_SIDES);
}

static void a_storm_ends_after_a_minute_without_a_death(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 21; i++)
		yg_crash_policy_death(&policy, 0, NULL, 0, 100 * YG_NS_PER_S);
	assert_int_equal(mode_at(99, 80, 159.9), YG_POLICY_BOTH_SIDES);
	yg_crash_policy_death(&policy, 0, NULL, 0, 150 * YG_NS_PER_S);
	assert_int_equal(mode_at(99, 80, 209.9), YG_POLICY_BOTH_SIDES);
	assert_int_equal(mode_at(99, 80, 210), YG_POLICY_ALL);
	assert_int_equal(policy.pauses, 1);
}

static void a_full_table_forgets_the_quietest_target(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		die_at(7, 53, 1000 + i);
	for (uint32_t i = 0; i < YG_POLICY_TARGETS - 1; i++)
		die_at(1000 + i, 53, 100 + i);
	assert_int_equal(policy.evicted, 0);
	die_at(5000, 53, 1010);
	die_at(5001, 53, 1010);
	assert_int_equal(policy.evicted, 2);
	assert_int_equal(policy.used, YG_POLICY_TARGETS);
	assert_int_equal(mode_at(7, 53, 1011), YG_POLICY_LEFT_OUT);
}

static void a_clock_that_ran_back_does_not_pause_for_years(void **state)
{
	(void)state;
	for (int i = 0; i < 21; i++)
		die_at(1, 443, 1e9);
	assert_int_equal(mode_at(1, 443, 1e9), YG_POLICY_LEFT_OUT);
	assert_int_equal(mode_at(1, 443, 1e6), YG_POLICY_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(two_deaths_change_nothing, fresh),
	    cmocka_unit_test_setup(the_third_death_within_a_minute_leaves_ndpi_out_for_a_minute, fresh),
	    cmocka_unit_test_setup(three_deaths_in_more_than_a_minute_change_nothing, fresh),
	    cmocka_unit_test_setup(other_ports_addresses_and_families_are_not_touched, fresh),
	    cmocka_unit_test_setup(twenty_deaths_in_a_second_are_no_storm_and_twenty_one_are, fresh),
	    cmocka_unit_test_setup(a_storm_ends_after_a_minute_without_a_death, fresh),
	    cmocka_unit_test_setup(a_full_table_forgets_the_quietest_target, fresh),
	    cmocka_unit_test_setup(a_clock_that_ran_back_does_not_pause_for_years, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
