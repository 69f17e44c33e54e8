// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The alert ring as a spool: rendered once, kept until released, hostile records stepped over; and the summary that is
// fed by it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ring.h"
#include "base/shm.h"
#include "courier/spool.h"
#include "courier/summary.h"

enum { SLOTS = 8 };

struct fixture {
	void *memory;
	size_t size;
	struct yg_ring engine;
	struct yg_eve eve;
	struct yg_courier_stats *stats;
	struct yg_spool *spool;
};

static struct fixture f;

static void seen(void *context, const struct yg_alert *alert)
{
	yg_summary_add(context, alert);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.size = yg_ring_bytes(sizeof(struct yg_alert), SLOTS);
	f.memory = yg_memory_reserve(f.size);
	f.stats = calloc(1, sizeof *f.stats);
	yg_eve_init(&f.eve, "test", "Asia/Tokyo", NULL, 0);
	if (yg_ring_format(f.memory, f.size, sizeof(struct yg_alert), SLOTS) ||
	    yg_ring_attach(&f.engine, f.memory, f.size, sizeof(struct yg_alert), true))
		return -1;
	f.spool = yg_spool_open_ring(f.memory, f.size, &f.eve, f.stats, seen, f.stats);
	return f.spool ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	yg_spool_close(f.spool);
	yg_memory_release(f.memory, f.size);
	free(f.stats);
	return 0;
}

static struct yg_alert *push(uint64_t sequence, uint64_t id, uint8_t alert_state)
{
	assert_true(yg_ring_has_room(&f.engine, 1));
	struct yg_alert *alert = yg_ring_slot(&f.engine, f.engine.own);
	*alert = (struct yg_alert){
		.kind = "scan.port", .sequence = sequence, .id = id, .state = alert_state, .severity = YG_SEV_LOW};
	yg_ring_push(&f.engine, 1);
	yg_ring_publish(&f.engine);
	return alert;
}

static struct yg_spool_entry entry_at(uint64_t position)
{
	struct yg_spool_entry entry;
	assert_true(yg_spool_get(f.spool, YG_SPOOL_EVE, position, &entry));
	return entry;
}

static uint64_t counter(enum yg_courier_counter c)
{
	return yg_counter_get(&f.stats->c[c]);
}

static void a_slot_is_kept_until_it_is_released(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= SLOTS; i++)
		push(i, i, YG_ALERT_OPEN);
	assert_int_equal(yg_spool_fill(f.spool, 0), SLOTS);
	assert_int_equal(yg_spool_end(f.spool), SLOTS);
	assert_false(yg_ring_has_room(&f.engine, 1)); // the engine counts it; nothing is overwritten
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), SLOTS);
	yg_spool_release(f.spool, 3);
	assert_true(yg_ring_has_room(&f.engine, 3));
	assert_false(yg_ring_has_room(&f.engine, 4));
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 3);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), SLOTS - 3);
}

static void the_line_is_rendered_once(void **state)
{
	(void)state;
	struct yg_alert *slot = push(1, 0xabc, YG_ALERT_OPEN);
	yg_spool_fill(f.spool, 0);
	slot->id = 0xdef; // an engine that changes a record after the fact
	struct yg_spool_entry entry = entry_at(0);
	assert_int_equal(entry.sequence, 1);
	assert_non_null(strstr(entry.line, "0000000000000abc"));
	assert_int_equal(entry.line[entry.length - 1], '\n');
}

static void bad_records_are_counted_and_stepped_over(void **state)
{
	(void)state;
	push(5, 1, YG_ALERT_OPEN);
	push(5, 2, YG_ALERT_OPEN)->kind[0] = 'x'; // a sequence that does not grow
	push(6, 3, YG_ALERT_OPEN);
	memset(yg_ring_slot(&f.engine, 2), 0xff, sizeof(struct yg_alert));
	push(7, 4, YG_ALERT_OPEN);
	assert_int_equal(yg_spool_fill(f.spool, 0), 4);
	assert_int_equal(counter(YG_CC_ALERTS_INVALID), 2);
	assert_int_equal(counter(YG_CC_ALERTS_READ), 2);
	assert_int_equal(entry_at(1).length, 0);
	assert_int_equal(entry_at(2).length, 0);
	assert_int_equal(entry_at(3).sequence, 7);
	yg_spool_release(f.spool, 4);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 2);
}

static void a_new_courier_finds_what_was_not_released(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		push(i, i, YG_ALERT_OPEN);
	yg_spool_fill(f.spool, 0);
	yg_spool_release(f.spool, 1);
	yg_spool_close(f.spool);
	f.spool = yg_spool_open_ring(f.memory, f.size, &f.eve, f.stats, seen, f.stats);
	assert_non_null(f.spool);
	assert_int_equal(yg_spool_first(f.spool), 1);
	assert_int_equal(yg_spool_fill(f.spool, 0), 3);
	assert_int_equal(entry_at(1).sequence, 2);
}

static void it_ends_when_the_engine_has_closed_and_all_is_read(void **state)
{
	(void)state;
	push(1, 1, YG_ALERT_OPEN);
	yg_ring_close(&f.engine);
	assert_false(yg_spool_ended(f.spool));
	yg_spool_fill(f.spool, 0);
	assert_true(yg_spool_ended(f.spool)); // though nothing is released
	assert_false(yg_spool_broken(f.spool));
}

static void memory_that_is_no_ring_is_refused(void **state)
{
	(void)state;
	uint64_t zeros[1024] = {0};
	assert_null(yg_spool_open_ring(zeros, sizeof zeros, &f.eve, f.stats, seen, f.stats));
	assert_int_equal(errno, EBADMSG);
}

static void the_sent_mark_never_falls_within_a_generation(void **state)
{
	(void)state;
	yg_spool_set_generation(f.spool, 3, 0);
	yg_spool_set_sent(f.spool, 9);
	yg_spool_set_sent(f.spool, 4);
	assert_int_equal(yg_spool_sent(f.spool), 9);
	yg_spool_set_generation(f.spool, 4, 0);
	assert_int_equal(yg_spool_sent(f.spool), 0);
}

static void the_summary_keeps_the_latest_state(void **state)
{
	(void)state;
	push(1, 77, YG_ALERT_OPEN);
	push(2, 88, YG_ALERT_OPEN);
	push(3, 77, YG_ALERT_CLOSE);
	yg_spool_fill(f.spool, 0);
	assert_int_equal(yg_counter_get(&f.stats->summary_count), 2);
	assert_int_equal(f.stats->summary[0].state, YG_ALERT_CLOSE);
	assert_int_equal(f.stats->summary[1].id, 88);
	assert_int_equal(yg_counter_get(&f.stats->opened[YG_SEV_LOW]), 2);
}

static void a_full_summary_counts_the_rest(void **state)
{
	struct yg_alert alert = {.state = YG_ALERT_OPEN, .severity = YG_SEV_HIGH};
	(void)state;
	for (uint64_t id = 1; id <= YG_SUMMARY_ALERTS + 10; id++) {
		alert.id = id;
		yg_summary_add(f.stats, &alert);
	}
	alert.id = 5;
	alert.state = YG_ALERT_CLOSE;
	yg_summary_add(f.stats, &alert); // known ones are still kept up to date
	assert_int_equal(yg_counter_get(&f.stats->summary_count), YG_SUMMARY_ALERTS);
	assert_int_equal(counter(YG_CC_SUMMARY_FULL), 10);
	assert_int_equal(yg_counter_get(&f.stats->opened[YG_SEV_HIGH]), YG_SUMMARY_ALERTS + 10);
	assert_int_equal(f.stats->summary[4].state, YG_ALERT_CLOSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slot_is_kept_until_it_is_released),
		TEST(the_line_is_rendered_once),
		TEST(bad_records_are_counted_and_stepped_over),
		TEST(a_new_courier_finds_what_was_not_released),
		TEST(it_ends_when_the_engine_has_closed_and_all_is_read),
		TEST(memory_that_is_no_ring_is_refused),
		TEST(the_sent_mark_never_falls_within_a_generation),
		TEST(the_summary_keeps_the_latest_state),
		TEST(a_full_summary_counts_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
