// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Points of metrics on their way into the log: a step of many bodies is several lines, each sound and within its size, no body twice; a
// slot is given back when the log has its step, and not before; a courier that comes after a dead one writes no line twice; an engine
// that writes nonsense is counted.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "courier/journal.h"
#include "courier/points.h"
#include "courier/spool_internal.h"
#include "courier/wal.h"
#include "sim_disk.h"

enum { ALERT_SLOTS = 16, SLOTS = 4096, BODIES = 1500, MS = 1000000 };

static const struct yg_spool_wants metrics = {{[YG_SPOOL_REDIS_METRICS] = 1 << YG_SPOOL_METRIC}};

static struct fixture {
	void *alerts, *points;
	size_t alerts_size, points_size;
	struct yg_ring engine;
	struct yg_org orgs[BODIES];
	struct yg_eve eve;
	struct yg_courier_memory *shared;
	struct sim_disk *sim;
	struct yg_disk disk;
	struct yg_spool *spool;
	struct yg_points reader;
	uint64_t now_ns;
} f;

static void seen(void *context, const struct yg_alert *alert)
{
	(void)context, (void)alert;
}

static void start(void)
{
	struct yg_wal_options options = {.segment_bytes = 1 << 20, .quota_bytes = 16 << 20, .reserve_bytes = 65536, .now_ns = f.now_ns,
	                                 .real_ns = f.now_ns};
	struct yg_wal *wal;
	assert_int_equal(yg_wal_open(&f.disk, &options, NULL, NULL, &wal), 0);
	f.spool = yg_spool_open_disk(f.alerts, f.alerts_size, wal, &f.eve, &f.shared->stats, &f.shared->journal, &metrics, seen, NULL);
	assert_non_null(f.spool);
	memset(&f.reader, 0, sizeof f.reader);
	assert_int_equal(yg_points_open(&f.reader, f.points, f.points_size, &f.eve, f.spool, &f.shared->stats, true), 0);
}

static void die(void)
{
	yg_spool_abandon(f.spool);
	f.spool = NULL;
}

static int setup(void **state)
{
	(void)state;
	f.now_ns = 1000 * (uint64_t)MS;
	f.shared = calloc(1, sizeof *f.shared);
	f.alerts_size = yg_ring_bytes(sizeof(struct yg_alert), ALERT_SLOTS);
	f.points_size = yg_ring_bytes(sizeof(struct yg_point), SLOTS);
	f.alerts = yg_memory_reserve(f.alerts_size);
	f.points = yg_memory_reserve(f.points_size);
	if (yg_ring_format(f.alerts, f.alerts_size, sizeof(struct yg_alert), ALERT_SLOTS) ||
	    yg_ring_format(f.points, f.points_size, sizeof(struct yg_point), SLOTS) ||
	    yg_ring_attach(&f.engine, f.points, f.points_size, sizeof(struct yg_point), true))
		return -1;
	for (unsigned i = 0; i < BODIES; i++)
		snprintf(f.orgs[i].code, sizeof f.orgs[i].code, "body-%u", i);
	yg_eve_init(&f.eve, "egress \"1\"", "Asia/Tokyo", f.orgs, BODIES);
	f.sim = sim_disk_create(64 << 20);
	f.disk = sim_disk_of(f.sim);
	start();
	return f.sim ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	die();
	sim_disk_destroy(f.sim);
	yg_memory_release(f.alerts, f.alerts_size);
	yg_memory_release(f.points, f.points_size);
	free(f.shared);
	return 0;
}

static void push(int64_t time_s, uint32_t step_s, uint16_t org, uint64_t value)
{
	struct yg_point *point = yg_ring_slot(&f.engine, f.engine.own);
	assert_true(yg_ring_has_room(&f.engine, 1));
	*point = (struct yg_point){.time_s = time_s, .step_s = step_s, .org = org};
	for (unsigned i = 0; i < YG_POINT_VALUES_COUNT; i++)
		point->value[i] = value;
	yg_ring_push(&f.engine, 1);
	yg_ring_publish(&f.engine);
}

static void turn(uint64_t ms)
{
	f.now_ns += ms * MS;
	for (int i = 0; i < 4; i++) {
		yg_points_turn(&f.reader, f.now_ns);
		yg_spool_fill(f.spool, f.now_ns);
	}
}

static uint64_t counter(enum yg_courier_counter c)
{
	return yg_counter_get(&f.shared->stats.c[c]);
}

static uint64_t free_slots(void)
{
	yg_ring_look_for_room(&f.engine, SLOTS);
	return SLOTS - (f.engine.own - f.engine.peer);
}

// The lines that the log has; *ret_bodies: how often a body stands in them.
static unsigned lines_of_log(unsigned *ret_bodies)
{
	unsigned lines = 0;
	struct yg_spool_entry entry;
	*ret_bodies = 0;
	for (uint64_t i = yg_spool_first(f.spool); i < yg_spool_end(f.spool); i++) {
		assert_true(yg_spool_get(f.spool, YG_SPOOL_REDIS_METRICS, i, &entry));
		if (!entry.length)
			continue;
		lines++;
		assert_true(entry.length <= YG_POINTS_LINE);
		assert_memory_equal(entry.line + entry.length - 3, "}}\n", 3);
		assert_int_equal(yg_points_step(entry.line, entry.length), 1);
		for (const char *at = entry.line; (at = memmem(at, (size_t)(entry.line + entry.length - at), "\"body-", 6)); at++)
			(*ret_bodies)++;
	}
	return lines;
}

static void push_bodies(void)
{
	for (unsigned i = 0; i < BODIES; i++)
		push(100, 1, (uint16_t)i, UINT64_MAX - i);
	push(100, 1, YG_POINT_SENSOR, 1);
}

static void many_bodies_are_several_lines(void **state)
{
	(void)state;
	unsigned bodies;
	push_bodies();
	turn(1);
	turn(10);
	unsigned lines = lines_of_log(&bodies);
	assert_in_range(lines, 4, 6);
	assert_int_equal(bodies, BODIES);
	assert_int_equal(free_slots(), SLOTS);
	assert_int_equal(counter(YG_CC_POINTS_READ), BODIES + 1);
}

static void the_next_courier_writes_nothing_twice(void **state)
{
	(void)state;
	unsigned bodies;
	push_bodies();
	yg_points_turn(&f.reader, f.now_ns); // in the log's memory, not yet on disk
	assert_int_equal(free_slots(), SLOTS - BODIES - 1);
	yg_spool_settle(f.spool, f.now_ns); // now it is, and the courier dies before it gives the slots back
	die();
	start();
	turn(1);
	turn(10);
	assert_in_range(lines_of_log(&bodies), 4, 6);
	assert_int_equal(bodies, BODIES);
	assert_int_equal(free_slots(), SLOTS);
}

static void half_a_step_waits_and_is_written(void **state)
{
	(void)state;
	unsigned bodies;
	push(100, 1, 3, 7);
	turn(1);
	turn(3000);
	assert_int_equal(lines_of_log(&bodies), 0);
	assert_int_equal(free_slots(), SLOTS - 1);
	turn(3000);
	turn(10);
	assert_int_equal(lines_of_log(&bodies), 1);
	assert_int_equal(bodies, 1);
	assert_int_equal(free_slots(), SLOTS);
}

// So that the loop of the courier sleeps meanwhile.
static void what_the_log_does_not_take_does_not_move(void **state)
{
	(void)state;
	unsigned bodies;
	sim_disk_fail(f.sim, 1, -EIO, UINT_MAX);
	push_bodies();
	for (unsigned i = 0; i < BODIES; i++) // half a step, which the next one ends
		push(101, 1, (uint16_t)i, UINT64_MAX - i);
	push(102, 1, 3, 7);
	turn(1);
	turn(1);
	uint64_t read = f.reader.read.own;
	assert_true(read < f.engine.own);
	assert_false(yg_points_turn(&f.reader, f.now_ns));
	assert_int_equal(f.reader.read.own, read);
	sim_disk_fail(f.sim, 0, 0, 0);
	turn(20000);
	turn(6000);
	turn(10);
	lines_of_log(&bodies);
	assert_int_equal(bodies, 2 * BODIES + 1);
	assert_int_equal(free_slots(), SLOTS);
}

static void a_quiet_second_is_a_line_too(void **state)
{
	(void)state;
	unsigned bodies;
	push(100, 1, 3, 0);
	push(100, 1, YG_POINT_SENSOR, 0);
	turn(1);
	turn(10);
	assert_int_equal(lines_of_log(&bodies), 1);
	assert_int_equal(bodies, 0);
}

static void nonsense_is_counted(void **state)
{
	(void)state;
	unsigned bodies;
	push(100, 2, YG_POINT_SENSOR, 1);        // no such step
	push(100, 1, BODIES, 1);                 // no such body
	push(-1, 1, YG_POINT_SENSOR, 1);         // before 1970
	push(INT64_MAX, 1, YG_POINT_SENSOR, 1);  // after 9999
	push(61, 60, YG_POINT_SENSOR, 1);        // not at a minute's beginning
	turn(1);
	turn(10);
	assert_int_equal(counter(YG_CC_POINTS_INVALID), 5);
	assert_int_equal(lines_of_log(&bodies), 0);
	assert_int_equal(free_slots(), SLOTS);
}

static void only_our_lines_have_a_step(void **state)
{
	(void)state;
	static const char hour[] = "{\"timestamp\":\"x\",\"event_type\":\"metrics\",\"step\":3600,\"host\":\"h\"}\n";
	static const char other[] = "{\"timestamp\":\"x\",\"event_type\":\"alert\",\"step\":3600}\n";
	assert_int_equal(yg_points_step(hour, sizeof hour - 1), 3600);
	assert_int_equal(yg_points_step(other, sizeof other - 1), 0);
	for (size_t n = 0; n < sizeof hour; n++)
		assert_true(yg_points_step(hour, n) <= 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_bodies_are_several_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(the_next_courier_writes_nothing_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_step_waits_and_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_log_does_not_take_does_not_move, setup, teardown),
		cmocka_unit_test_setup_teardown(a_quiet_second_is_a_line_too, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_counted, setup, teardown),
		cmocka_unit_test(only_our_lines_have_a_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
