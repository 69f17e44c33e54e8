// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Alerts of detectors that are being watched: they live like others, and cost those that people are told nothing: no place, no share of a
// minute. And what a record from foreign memory may say of mode, impact and bodies.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lifecycle.h"
#include "engine/lifecycle_record.h"

enum { START = 1800000000, KEPT = 512 };

static struct {
	struct yg_lifecycle *lc;
	void *memory;
	size_t size;
	struct yg_alert out[KEPT];
	uint32_t count;
} f;

static int record(void *context, const struct yg_alert *alert)
{
	(void)context;
	if (f.count < KEPT)
		f.out[f.count++] = *alert;
	return 0;
}

static void start(uint32_t capacity, uint32_t per_minute)
{
	const struct yg_lifecycle_options o = {.capacity = capacity, .update_s = 60, .per_minute = per_minute};
	if (!f.memory) {
		f.size = yg_lifecycle_size(capacity);
		f.memory = calloc(1, f.size);
	}
	f.count = 0;
	f.lc = yg_lifecycle_create(&o, f.memory, f.size, record, NULL);
	assert_non_null(f.lc);
}

static int stop(void **state)
{
	(void)state;
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
	bool holds = s->raised == s->sent + s->ring_full + s->suppressed;
	yg_lifecycle_destroy(f.lc);
	free(f.memory);
	f.memory = NULL;
	return holds ? 0 : -1;
}

static struct yg_alert alert_of(uint32_t host, uint8_t severity)
{
	struct yg_alert a = {.kind = "scan.port", .af = 4, .target_len = 32, .severity = severity, .observed = 9, .org = YG_ORG_NONE};
	a.target.b[2] = (uint8_t)(host >> 8);
	a.target.b[3] = (uint8_t)host;
	return a;
}

static void shadow(uint32_t host, uint8_t severity, int64_t second)
{
	struct yg_alert a = alert_of(host, severity);
	yg_lifecycle_raise_shadow(f.lc, "scan", &a, yg_time_from_s(second));
}

static void tell(uint32_t host, uint8_t severity, int64_t second)
{
	struct yg_alert a = alert_of(host, severity);
	yg_lifecycle_raise(f.lc, "scan", &a, yg_time_from_s(second));
}

static void shadows_count_towards_no_storm_and_are_summarised_by_themselves(void **state)
{
	(void)state;
	start(64, 5);
	for (uint32_t i = 0; i < 50; i++)
		shadow(i, i % 2 ? YG_SEV_HIGH : YG_SEV_LOW, START); // high ones too: nothing about them is urgent
	assert_int_equal(f.count, 6); // five, and the summary of the rest
	assert_string_equal(f.out[5].vector, "shadow");
	for (uint32_t i = 100; i < 105; i++)
		tell(i, YG_SEV_MEDIUM, START);
	assert_int_equal(f.count, 11);
	for (uint32_t i = 105; i < 108; i++)
		tell(i, YG_SEV_MEDIUM, START);
	assert_int_equal(f.count, 12);
	assert_string_equal(f.out[11].vector, "summary");
	for (uint32_t i = 0; i < f.count; i++)
		assert_int_equal(f.out[i].mode, i < 6 ? YG_MODE_SHADOW : YG_MODE_ALERT);
	f.count = 0;
	yg_lifecycle_finish(f.lc, yg_time_from_s(START + 1));
	uint32_t counts[2] = {0};
	for (uint32_t i = 0; i < f.count; i++)
		if (strcmp(f.out[i].unit, "alerts") == 0)
			counts[f.out[i].mode != YG_MODE_SHADOW] = f.out[i].count;
	assert_int_equal(counts[0], 45);
	assert_int_equal(counts[1], 3);
}

static void a_shadow_gives_way_in_a_full_table_and_takes_no_place(void **state)
{
	(void)state;
	start(16, 1000);
	for (uint32_t i = 0; i < 15; i++)
		tell(i, YG_SEV_LOW, START);
	shadow(100, YG_SEV_CRITICAL, START + 1);
	f.count = 0;
	shadow(101, YG_SEV_CRITICAL, START + 2); // there is no place that it may take
	assert_int_equal(yg_lifecycle_stats(f.lc)->table_full, 1);
	assert_int_equal(yg_lifecycle_stats(f.lc)->displaced, 0);
	tell(50, YG_SEV_LOW, START + 3); // the shadow's
	assert_int_equal(yg_lifecycle_stats(f.lc)->displaced, 1);
	assert_int_equal(f.out[1].state, YG_ALERT_CLOSE);
	assert_int_equal(f.out[1].target.b[3], 100);
	tell(51, YG_SEV_LOW, START + 4); // and none is left below it
	assert_int_equal(yg_lifecycle_stats(f.lc)->displaced, 1);
}

static void the_end_of_a_shadow_is_told_at_once(void **state)
{
	(void)state;
	start(16, 1000);
	shadow(1, YG_SEV_MEDIUM, START);
	shadow(1, YG_SEV_MEDIUM, START + 1);
	assert_int_equal(f.count, 1);
	tell(1, YG_SEV_MEDIUM, START + 2);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.out[1].state, YG_ALERT_UPDATE);
	assert_int_equal(f.out[1].mode, YG_MODE_ALERT);
	assert_true(f.out[1].id == f.out[0].id);
	tell(1, YG_SEV_MEDIUM, START + 3);
	shadow(1, YG_SEV_MEDIUM, START + 4); // back by a reload: no news
	assert_int_equal(f.count, 2);
	// Its place in the order of a full table went with it.
	for (uint32_t i = 10; i < 25; i++)
		tell(i, YG_SEV_LOW, START + 5);
	f.count = 0;
	tell(99, YG_SEV_LOW, START + 6);
	assert_int_equal(f.out[0].target.b[3], 1);
	assert_int_equal(f.out[0].state, YG_ALERT_CLOSE);
}

static void another_engine_goes_on_with_a_shadow(void **state)
{
	(void)state;
	start(16, 1000);
	shadow(1, YG_SEV_HIGH, START);
	yg_lifecycle_destroy(f.lc);
	start(16, 1000);
	assert_int_equal(yg_lifecycle_open(f.lc), 1);
	yg_lifecycle_tick(f.lc, START + 59);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.out[0].mode, YG_MODE_SHADOW);
}

static void what_a_rule_hid_is_raised_and_suppressed(void **state)
{
	(void)state;
	start(16, 1000);
	yg_lifecycle_count_hidden(f.lc);
	assert_int_equal(yg_lifecycle_stats(f.lc)->raised, 1);
	assert_int_equal(yg_lifecycle_stats(f.lc)->suppressed, 1);
}

static void whatever_the_host_is_said_to_have_added_is_bounded(void **state)
{
	(void)state;
	struct yg_alert a;
	start(16, 1000);
	memset(&a, 0xff, sizeof a);
	a.impact_success = INFINITY;
	a.impact_usual = NAN;
	a.next_ns = INT64_MIN;
	yg_lifecycle_clean(&a);
	assert_true(a.mode < YG_MODE_COUNT && a.impact < YG_IMPACT_COUNT && a.learning <= YG_LEARN_FULL);
	assert_int_equal(a.affected_count, 1024);
	assert_true(a.impact_success == 0 && a.impact_usual == 0 && a.next_ns == 0);
	memset(a.affected, 0, sizeof a.affected);
	a.affected[3] = 5;
	yg_lifecycle_clean(&a);
	assert_int_equal(a.affected_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(shadows_count_towards_no_storm_and_are_summarised_by_themselves, stop),
		cmocka_unit_test_teardown(a_shadow_gives_way_in_a_full_table_and_takes_no_place, stop),
		cmocka_unit_test_teardown(the_end_of_a_shadow_is_told_at_once, stop),
		cmocka_unit_test_teardown(another_engine_goes_on_with_a_shadow, stop),
		cmocka_unit_test_teardown(what_a_rule_hid_is_raised_and_suppressed, stop),
		cmocka_unit_test_teardown(whatever_the_host_is_said_to_have_added_is_bounded, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
