// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Points: seconds, minutes and hours add up to the windows, whoever dies in between; a full ring is counted and never waited for live.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "config/block.h"
#include "engine/points.h"
#include "hand_config.h"

static struct fixture {
	struct hand_config hand;
	struct yg_engine_stats *stats;
	void *memory;
	struct yg_ring courier;
	struct yg_points *points;
	uint64_t sum[3][YG_POINT_ORGS + 1][YG_POINT_VALUES_COUNT]; // of what was taken, by step
	unsigned ended[3];                                        // steps
	int64_t last[3];
} f;

static void set_text(enum yg_option_id id, const char *text)
{
	f.hand.values[id] = (uint64_t)(text - (const char *)f.hand.config.block);
}

static void create(void)
{
	const struct yg_points_options options = {&f.hand.config, f.stats, f.memory, yg_points_bytes(), false};
	f.points = yg_points_create(&options);
	assert_non_null(f.points);
}

static int set_up(void **state)
{
	static const char texts[] = "\0redis://127.0.0.1/\0/var/spool";
	(void)state;
	memset(&f, 0, sizeof f);
	hand_config_init(&f.hand);
	f.hand.config.block = (const uint8_t *)texts;
	set_text(YG_O_REDIS_URL, texts + 1);
	set_text(YG_O_SPOOL_FOLDER, texts + sizeof "\0redis://127.0.0.1/" );
	f.hand.values[YG_O_REDIS_METRICS] = 1;
	f.stats = aligned_alloc(64, (sizeof *f.stats + 63) & ~(size_t)63);
	memset(f.stats, 0, sizeof *f.stats);
	f.memory = yg_memory_reserve(yg_points_bytes());
	assert_int_equal(yg_ring_format(f.memory, yg_points_ring_bytes(), sizeof(struct yg_point), YG_POINT_SLOTS), 0);
	assert_int_equal(yg_ring_attach(&f.courier, f.memory, yg_points_bytes(), sizeof(struct yg_point), false), 0);
	create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	yg_points_destroy(f.points);
	yg_memory_release(f.memory, yg_points_bytes());
	free(f.stats);
	return 0;
}

static void take(void)
{
	for (; yg_ring_available(&f.courier); yg_ring_pop(&f.courier, 1)) {
		const struct yg_point *p = yg_ring_slot(&f.courier, f.courier.own);
		unsigned step = p->step_s == 1 ? 0 : p->step_s == 60 ? 1 : 2, place = p->org == YG_POINT_SENSOR ? YG_POINT_ORGS : p->org;
		assert_int_equal(p->time_s % p->step_s, 0);
		assert_true(p->time_s >= f.last[step]);
		for (unsigned v = 0; v < YG_POINT_VALUES_COUNT; v++)
			f.sum[step][place][v] += p->value[v];
		f.ended[step] += p->org == YG_POINT_SENSOR;
		f.last[step] = p->time_s + (p->org == YG_POINT_SENSOR);
	}
	yg_ring_release(&f.courier);
}

static void second(int64_t at)
{
	struct yg_window link = {.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE, .now = {.packets = {3, 1}, .bytes = {300, 60}, .packets_out = 2}};
	struct yg_window body = {.scope = YG_SCOPE_BODY, .org = HAND_CITY, .now = {.packets = {2}, .bytes = {200}, .flows = 1, .flows_out = 1}};
	struct yg_window host = {.scope = YG_SCOPE_HOST, .org = HAND_CITY, .now = {.packets = {99}}};
	yg_points_window(f.points, &link);
	yg_points_window(f.points, &body);
	yg_points_window(f.points, &host);
	yg_counter_add(&f.stats->worker[0].c[YG_WC_FLOW_CREATED], 5);
	yg_counter_add(&f.stats->port[0].missed, 7);
	yg_points_close(f.points, at);
}

static void all_steps_add_up_whoever_dies(void **state)
{
	(void)state;
	int64_t from = 1800000000 - 1800000000 % 3600 + 3590;
	for (unsigned i = 0; i < 200; i++) {
		second(from + i);
		take();
		if (i % 37 == 5) { // killed: nothing is put out at its end
			yg_points_destroy(f.points);
			create();
		}
	}
	const struct yg_alert alert = {.org = HAND_CITY};
	yg_points_alert(f.points, &alert);
	second(from + 200);
	yg_points_finish(f.points);
	take();
	for (unsigned step = 0; step < 3; step++) {
		const uint64_t *all = f.sum[step][YG_POINT_ORGS], *city = f.sum[step][HAND_CITY];
		assert_int_equal(all[YG_POINT_PACKETS_IN], 4 * 201);
		assert_int_equal(all[YG_POINT_BYTES_IN], 360 * 201);
		assert_int_equal(all[YG_POINT_PACKETS_OUT], 2 * 201);
		assert_int_equal(all[YG_POINT_FLOWS], 5 * 201);
		assert_int_equal(all[YG_POINT_LOST], 7 * 201);
		assert_int_equal(all[YG_POINT_ALERTS], 1);
		assert_int_equal(city[YG_POINT_PACKETS_IN], 2 * 201);
		assert_int_equal(city[YG_POINT_FLOWS], 2 * 201);
		assert_int_equal(city[YG_POINT_ALERTS], 1);
		assert_int_equal(f.sum[step][HAND_BOARD][YG_POINT_PACKETS_IN], 0);
	}
	assert_int_equal(f.ended[0], 201);
	assert_int_equal(f.ended[1], 5); // 10 s, three whole ones, 11 s
	assert_int_equal(f.ended[2], 2);
	assert_true(yg_ring_ended(&f.courier));
}

static void a_step_ends_with_its_last_second_or_when_time_has_leapt(void **state)
{
	(void)state;
	int64_t hour = 1800000000 - 1800000000 % 3600;
	second(hour + 59);
	take();
	assert_int_equal(f.ended[1], 1); // at once
	second(hour + 60);
	second(hour + 2 * 3600 + 5);
	take();
	assert_int_equal(f.ended[0], 3);
	assert_int_equal(f.ended[1], 2);
	assert_int_equal(f.ended[2], 1);
	assert_int_equal(f.sum[2][YG_POINT_ORGS][YG_POINT_PACKETS_IN], 4 * 2); // not the one behind the gap
}

static void a_full_ring_is_counted_and_not_waited_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < YG_POINT_SLOTS; i++)
		second(3600000 + i);
	uint64_t dropped = yg_counter_get(&f.stats->aggregator[YG_AC_POINTS_RING_FULL]);
	assert_int_equal(yg_counter_get(&f.stats->aggregator[YG_AC_POINTS]), YG_POINT_SLOTS);
	assert_in_range(dropped, YG_POINT_SLOTS, 2 * YG_POINT_SLOTS);
	take();
	second(3600000 + YG_POINT_SLOTS); // room again
	assert_int_equal(yg_counter_get(&f.stats->aggregator[YG_AC_POINTS_RING_FULL]), dropped);
}

static void bodies_of_another_configuration_get_nothing_of_these(void **state)
{
	(void)state;
	static const struct yg_org others[2] = {{.code = "011002"}, {.code = "011003"}};
	second(3600001);
	take();
	memset(f.sum, 0, sizeof f.sum);
	yg_points_destroy(f.points);
	f.hand.config.orgs = others;
	create();
	yg_points_finish(f.points);
	take();
	assert_int_equal(f.sum[1][HAND_CITY][YG_POINT_PACKETS_IN], 0);
	assert_int_equal(f.sum[1][YG_POINT_ORGS][YG_POINT_PACKETS_IN], 4);
}

static void nobody_who_wants_any_gets_none(void **state)
{
	(void)state;
	f.hand.values[YG_O_REDIS_METRICS] = 0;
	yg_points_retune(f.points, &f.hand.config);
	second(3600000);
	assert_int_equal(yg_ring_available(&f.courier), 0);
	f.hand.values[YG_O_REDIS_METRICS] = 1;
	yg_points_retune(f.points, &f.hand.config);
	second(3600001);
	take();
	assert_int_equal(f.sum[0][YG_POINT_ORGS][YG_POINT_FLOWS], 5); // not those of before
	assert_in_range(YG_BLOCK_ORGS, 1, YG_POINT_ORGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_steps_add_up_whoever_dies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_step_ends_with_its_last_second_or_when_time_has_leapt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_ring_is_counted_and_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bodies_of_another_configuration_get_nothing_of_these, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_who_wants_any_gets_none, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
