// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a courier does with the write that its predecessor had announced when it was killed (courier/journal.h). courier_loop.py kills
// couriers at random moments, and meets the middle of a write too seldom: here each state that such a death can leave is laid out by
// hand. No process is started.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "courier/courier.h"

enum { SLOTS = 64, READ = 40, BEFORE = 100, WRITE = 50, LINES = 7, WRITTEN = 5 };

struct rig {
	struct yg_courier courier;
	struct yg_courier_memory memory;
	struct yg_ring engine;
	void *ring;
	char path[64];
};

// A predecessor has announced WRITE bytes behind BEFORE: LINES lines, of them WRITTEN flow records, up to position READ of the ring.
static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);
	struct stat st;
	size_t size = yg_ring_bytes(sizeof(struct yg_flow), SLOTS);
	rig->ring = calloc(1, size);
	assert_int_equal(yg_ring_format(rig->ring, size, sizeof(struct yg_flow), SLOTS), 0);
	assert_int_equal(yg_ring_attach(&rig->engine, rig->ring, size, sizeof(struct yg_flow), true), 0);
	yg_ring_push(&rig->engine, READ + 3);
	yg_ring_publish(&rig->engine);
	assert_int_equal(yg_ring_attach(&rig->courier.flows, rig->ring, size, sizeof(struct yg_flow), false), 0);
	rig->courier.stats = &rig->memory.stats;
	rig->courier.journal = &rig->memory.journal;
	strcpy(rig->path, "courier_journal-XXXXXX");
	int fd = mkstemp(rig->path);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	close(fd);
	struct yg_journal *j = rig->courier.journal;
	yg_counter_set(&j->inode, st.st_ino);
	yg_counter_set(&j->before, BEFORE);
	yg_counter_set(&j->length, WRITE);
	yg_counter_set(&j->after.flows, READ);
	yg_counter_set(&j->after.alerts, 2);
	yg_counter_set(&j->after.lines, LINES);
	yg_counter_set(&j->after.bytes, WRITE);
	yg_counter_set(&j->after.flows_written, WRITTEN);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	unlink(rig->path);
	free(rig->ring);
	free(rig);
	return 0;
}

static off_t size_of(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void recover_at(struct rig *rig, off_t size)
{
	assert_int_equal(truncate(rig->path, size), 0);
	yg_journal_recover(&rig->courier, rig->path);
	assert_int_equal(yg_counter_get(&rig->memory.journal.length), 0);
}

static uint64_t counter(const struct rig *rig, enum yg_courier_counter c)
{
	return yg_counter_get(&rig->memory.stats.c[c]);
}

static void assert_written(const struct rig *rig, bool written)
{
	assert_int_equal(counter(rig, YG_CC_EVE_LINES), written ? LINES : 0);
	assert_int_equal(counter(rig, YG_CC_EVE_BYTES), written ? WRITE : 0);
	assert_int_equal(counter(rig, YG_CC_FLOWS_WRITTEN), written ? WRITTEN : 0);
	assert_int_equal(yg_counter_get(&rig->memory.journal.alerts), written ? 2 : 0);
	assert_int_equal(rig->courier.flows.own, written ? READ : 0);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 0);
}

static void a_write_that_was_cut_is_taken_back(void **state)
{
	struct rig *rig = *state;
	recover_at(rig, BEFORE + WRITE - 1);
	assert_int_equal(size_of(rig->path), BEFORE);
	assert_written(rig, false);
}

static void a_write_that_never_began_changes_nothing(void **state)
{
	struct rig *rig = *state;
	recover_at(rig, BEFORE);
	assert_int_equal(size_of(rig->path), BEFORE);
	assert_written(rig, false);
}

static void a_whole_write_is_counted_and_its_records_are_given_back(void **state)
{
	struct rig *rig = *state;
	recover_at(rig, BEFORE + WRITE);
	assert_int_equal(size_of(rig->path), BEFORE + WRITE);
	assert_written(rig, true);
	assert_true(yg_ring_has_room(&rig->engine, SLOTS - 3)); // the engine sees it
}

// It died after the write, between any two of the steps that follow: all of them are done again.
static void what_was_counted_already_is_not_counted_twice(void **state)
{
	struct rig *rig = *state;
	yg_counter_set(&rig->memory.stats.c[YG_CC_EVE_LINES], LINES);
	yg_ring_pop(&rig->courier.flows, READ);
	yg_ring_release(&rig->courier.flows);
	recover_at(rig, BEFORE + WRITE);
	assert_written(rig, true);
}

static void what_another_writer_has_appended_stays(void **state)
{
	struct rig *rig = *state;
	recover_at(rig, BEFORE + WRITE + 1000);
	assert_int_equal(size_of(rig->path), BEFORE + WRITE + 1000);
	assert_written(rig, true);
}

static void a_file_that_was_cut_short_meanwhile_is_left_alone(void **state)
{
	struct rig *rig = *state;
	recover_at(rig, 10);
	assert_int_equal(size_of(rig->path), 10);
	assert_written(rig, false);
}

static void another_file_under_the_same_name_is_left_alone(void **state)
{
	struct rig *rig = *state;
	yg_counter_add(&rig->memory.journal.inode, 1);
	recover_at(rig, BEFORE + WRITE - 1);
	assert_int_equal(size_of(rig->path), BEFORE + WRITE - 1);
	assert_written(rig, false);
}

static void a_file_that_is_gone_is_written_again(void **state)
{
	struct rig *rig = *state;
	unlink(rig->path);
	yg_journal_recover(&rig->courier, rig->path);
	assert_int_equal(yg_counter_get(&rig->memory.journal.length), 0);
	assert_written(rig, false);
}

// The disk has refused `at_risk` records, and the ring was to be given back up to `position`.
static void give_back(struct rig *rig, int i, uint64_t position, uint64_t at_risk, uint64_t errors)
{
	struct yg_journal_given *g = &rig->memory.journal.given[i];
	yg_counter_set(&g->at_risk, at_risk);
	yg_counter_set(&g->errors, errors);
	yg_counter_set(&g->position, position + 1);
}

static void consume(struct rig *rig, uint32_t count)
{
	yg_ring_pop(&rig->courier.flows, count);
	yg_ring_release(&rig->courier.flows);
}

static void records_given_back_before_they_were_written_are_counted_as_lost(void **state)
{
	struct rig *rig = *state;
	consume(rig, 10);
	give_back(rig, 0, 10, 3, 0);
	recover_at(rig, BEFORE + 1);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 3);
	yg_journal_recover(&rig->courier, rig->path);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 3); // once
}

static void records_given_back_before_a_write_that_happened_are_not_lost(void **state)
{
	struct rig *rig = *state;
	consume(rig, 10);
	give_back(rig, 0, 10, 3, 0);
	recover_at(rig, BEFORE + WRITE);
	assert_written(rig, true);
}

// It died between the word that they are given back and the giving: they lie in the ring, and are written by its successor.
static void records_that_were_only_to_be_given_back_are_not_lost(void **state)
{
	struct rig *rig = *state;
	consume(rig, 10);
	give_back(rig, 0, 12, 5, 0);
	recover_at(rig, BEFORE);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 0);
	assert_int_equal(rig->courier.flows.own, 10);
}

static void of_two_words_the_one_holds_at_which_the_ring_stands(void **state)
{
	struct rig *rig = *state;
	consume(rig, 10);
	give_back(rig, 0, 12, 5, 0);
	give_back(rig, 1, 10, 3, 0);
	recover_at(rig, BEFORE);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 3);
}

// A second death in the middle of recovery, at each of its steps: what the first had counted is not counted again.
static void a_second_death_counts_no_loss_twice(void **state)
{
	struct rig *rig = *state;
	consume(rig, 10);
	give_back(rig, 0, 10, 3, 4);
	for (int death = 0; death < 3; death++) {
		struct yg_journal before = rig->memory.journal;
		recover_at(rig, BEFORE);
		assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 4 + 3);
		rig->memory.journal = before; // it got no further than the counter
	}
}

// The same words, written by the functions themselves.
static void what_is_let_go_stands_where_a_successor_looks(void **state)
{
	struct rig *rig = *state;
	struct yg_courier *courier = &rig->courier;
	yg_counter_set(&rig->memory.journal.length, 0);
	courier->flows_read = courier->flows;
	for (uint32_t round = 1; round <= 4; round++) {
		yg_ring_pop(&courier->flows_read, 5);
		courier->flows_buffered += 2;
		courier->flows_invalid = 1;
		courier->flows_too_long = 1;
		courier->flows_dropped = 1;
		yg_journal_let_go(courier);
		assert_int_equal(courier->flows.own, 5 * round);
		assert_int_equal(counter(rig, YG_CC_FLOWS_INVALID), round);
		assert_int_equal(counter(rig, YG_CC_EVE_TOO_LONG), round);
		assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), round);
	}
	yg_journal_recover(courier, rig->path);
	assert_int_equal(counter(rig, YG_CC_EVE_ERRORS), 4 + 8);
	assert_int_equal(counter(rig, YG_CC_FLOWS_INVALID), 4);
	assert_int_equal(counter(rig, YG_CC_EVE_TOO_LONG), 4);
}

// Records that are no flows count when the ring is given back, and not when they are read: a successor reads them again.
static void refused_records_are_counted_with_the_write_and_not_before(void **state)
{
	struct rig *rig = *state;
	yg_counter_set(&rig->memory.journal.after.invalid, 2);
	yg_counter_set(&rig->memory.journal.after.too_long, 1);
	yg_counter_set(&rig->memory.stats.c[YG_CC_FLOWS_INVALID], 2); // it died after the first of these steps
	recover_at(rig, BEFORE + WRITE);
	assert_written(rig, true);
	assert_int_equal(counter(rig, YG_CC_FLOWS_INVALID), 2);
	assert_int_equal(counter(rig, YG_CC_EVE_TOO_LONG), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_write_that_was_cut_is_taken_back),
	    TEST(a_write_that_never_began_changes_nothing),
	    TEST(a_whole_write_is_counted_and_its_records_are_given_back),
	    TEST(what_was_counted_already_is_not_counted_twice),
	    TEST(what_another_writer_has_appended_stays),
	    TEST(a_file_that_was_cut_short_meanwhile_is_left_alone),
	    TEST(another_file_under_the_same_name_is_left_alone),
	    TEST(a_file_that_is_gone_is_written_again),
	    TEST(records_given_back_before_they_were_written_are_counted_as_lost),
	    TEST(records_given_back_before_a_write_that_happened_are_not_lost),
	    TEST(records_that_were_only_to_be_given_back_are_not_lost),
	    TEST(of_two_words_the_one_holds_at_which_the_ring_stands),
	    TEST(a_second_death_counts_no_loss_twice),
	    TEST(what_is_let_go_stands_where_a_successor_looks),
	    TEST(refused_records_are_counted_with_the_write_and_not_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
