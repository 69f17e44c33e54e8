// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The board: whole or not at all, whatever the writer does meanwhile; nothing hostile in it; never "ok" when blind. And the books.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/board.h"
#include "cli/books.h"
#include "hand_config.h"

static struct yg_board board;
static struct yg_board_text text, copy;

static const char *value_of(const struct yg_board_text *t, const char *name)
{
	const char *n, *v;
	for (size_t at = 0; yg_board_next(t, &at, &n, &v);)
		if (strcmp(n, name) == 0)
			return v;
	return NULL;
}

static void what_is_put_is_read(void **state)
{
	(void)state;
	memset(&board, 0, sizeof board);
	memset(&text, 0, sizeof text);
	assert_false(yg_board_read(&board, &copy)); // nothing was shown yet
	yg_board_put(&text, "state", "ok");
	yg_board_put(&text, "port.0.name", "eth\x1b[2J\xe3\x83\x9d\xff");
	yg_board_put(&text, "Bad Name", "x");
	yg_board_put(&text, "why", "");
	assert_int_equal(text.left_out, 1);
	yg_board_show(&board, &text);
	assert_true(yg_board_read(&board, &copy));
	assert_int_equal(copy.pairs, 3);
	assert_string_equal(value_of(&copy, "state"), "ok");
	assert_string_equal(value_of(&copy, "port.0.name"), "eth?[2J\xe3\x83\x9d?");
	assert_string_equal(value_of(&copy, "why"), "");
}

static void limits_leave_out_and_count(void **state)
{
	(void)state;
	static char large[YG_BOARD_TEXT];
	memset(&text, 0, sizeof text);
	for (unsigned i = 0; i < YG_BOARD_PAIRS + 7; i++)
		yg_board_put_number(&text, "n", i);
	assert_int_equal(text.pairs, YG_BOARD_PAIRS);
	assert_int_equal(text.left_out, 7);
	memset(&text, 0, sizeof text);
	memset(large, 'x', sizeof large - 1);
	yg_board_put(&text, "a", large);
	assert_int_equal(text.left_out, 1);
	yg_board_put(&text, "a", large + 2);
	assert_int_equal(text.length, YG_BOARD_TEXT);
	yg_board_show(&board, &text);
	assert_true(yg_board_read(&board, &copy));
}

static void a_hostile_board_is_none(void **state)
{
	(void)state;
	memset(&text, 0, sizeof text);
	yg_board_put(&text, "state", "ok");
	yg_board_show(&board, &text);
	yg_counter_set(&board.length, YG_BOARD_TEXT + 1);
	assert_false(yg_board_read(&board, &copy));
	yg_counter_set(&board.length, 4);
	assert_false(yg_board_read(&board, &copy)); // a name without a value
	yg_board_show(&board, &text);
	yg_counter_add(&board.sequence, 1);
	assert_false(yg_board_read(&board, &copy)); // being written, for ever
}

static volatile int done;

static void *write_boards(void *argument)
{
	static struct yg_board_text mine;
	(void)argument;
	for (unsigned i = 0; i < 20000; i++) {
		char value[16];
		mine.length = mine.pairs = 0;
		snprintf(value, sizeof value, "%u", i);
		for (unsigned n = 0; n < 40 + i % 50; n++)
			yg_board_put(&mine, "n", value);
		yg_board_show(&board, &mine);
	}
	done = 1;
	return NULL;
}

static void a_board_is_never_read_in_halves(void **state)
{
	(void)state;
	pthread_t writer;
	unsigned reads = 0;
	memset(&board, 0, sizeof board);
	assert_int_equal(pthread_create(&writer, NULL, write_boards, NULL), 0);
	while (!done) {
		const char *name, *value, *first = NULL;
		if (!yg_board_read(&board, &copy))
			continue;
		reads++;
		for (size_t at = 0; yg_board_next(&copy, &at, &name, &value); first = value)
			assert_true(!first || strcmp(first, value) == 0);
	}
	pthread_join(writer, NULL);
	assert_true(reads > 0);
}

// ---- the state, and the books ----

static struct rig {
	struct hand_config hand;
	struct yg_supervisor s;
	struct yg_supervisor_stats shared;
	struct yg_board_watch watch;
} *r;

static int set_up(void **state)
{
	static const char nothing[] = "";
	(void)state;
	r = calloc(1, sizeof *r);
	hand_config_init(&r->hand);
	hand_config_seconds(&r->hand, YG_O_MIRROR_SILENCE, 30);
	r->hand.config.block = (const uint8_t *)nothing;
	r->s.config = r->hand.config;
	r->s.engine = aligned_alloc(64, (sizeof *r->s.engine + 63) & ~(size_t)63);
	memset(r->s.engine, 0, sizeof *r->s.engine);
	r->s.dissector = calloc(1, sizeof *r->s.dissector);
	r->s.courier = calloc(1, sizeof *r->s.courier);
	r->s.board = calloc(1, sizeof *r->s.board);
	for (unsigned i = 0; i < YG_CHILD_COUNT; i++)
		r->s.pids[i] = 1;
	yg_counter_set(&r->s.engine->receiving, 1);
	yg_counter_set(&r->s.engine->ports_count, 1);
	yg_counter_set(&r->s.engine->port[0].link_up, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(r->s.engine);
	free(r->s.dissector);
	free(r->s.courier);
	free(r->s.board);
	free(r);
	return 0;
}

static const char *state_at(int64_t ms)
{
	yg_board_turn(&r->watch, &r->s, &r->shared, ms);
	assert_true(yg_board_read(r->s.board, &copy));
	return value_of(&copy, "state");
}

static void it_is_never_ok_when_blind(void **state)
{
	(void)state;
	struct yg_engine_stats *e = r->s.engine;
	assert_string_equal(state_at(1000), "ok");
	assert_string_equal(state_at(40000), "blind"); // no packet for 39 s
	assert_string_equal(value_of(&copy, "why"), "silent");
	yg_counter_add(&e->port[0].packets, 1);
	assert_string_equal(state_at(41000), "ok");
	yg_counter_set(&e->receiving, 0);
	assert_string_equal(state_at(42000), "blind");
	yg_counter_set(&e->receiving, 1);
	r->s.ended[YG_CHILD_ENGINE] = true;
	assert_string_equal(state_at(43000), "blind");
	r->s.ended[YG_CHILD_ENGINE] = false;
	yg_counter_set(&e->port[0].link_up, 0);
	assert_string_equal(state_at(44000), "blind");
	yg_counter_add(&e->port[0].packets, 1); // a driver without a word about links
	assert_string_equal(state_at(45000), "degraded");
	yg_counter_set(&e->ports_count, 0);
	assert_string_equal(state_at(46000), "blind");
}

static void each_fault_degrades_and_is_named(void **state)
{
	(void)state;
	struct yg_counter *c = r->s.courier->c;
	assert_string_equal(state_at(1000), "ok");
	yg_counter_set(&c[YG_CC_REDIS_STATE], YG_REDIS_AWAY);
	yg_counter_set(&c[YG_CC_SPOOL_PRESSURE], 70);
	yg_counter_set(&r->s.engine->worker[0].shed_step, 2);
	yg_counter_add(&r->s.engine->port[0].missed, 5);
	yg_counter_set(&r->shared.books.unaccounted, 1);
	r->s.ended[YG_CHILD_COURIER] = true;
	assert_string_equal(state_at(2000), "degraded");
	assert_string_equal(value_of(&copy, "why"), "courier loss shed redis spool_pressure books");
	assert_string_equal(value_of(&copy, "lost"), "5");
	assert_string_equal(value_of(&copy, "redis.state"), "away");
}

static void engine(enum yg_aggregator_counter counter, uint64_t value)
{
	yg_counter_set(&r->s.engine->aggregator[counter], value);
}

static void courier(enum yg_courier_counter counter, uint64_t value)
{
	yg_counter_set(&r->s.courier->c[counter], value);
}

static void each_term_of_the_books_shows_its_fault(void **state)
{
	(void)state;
	engine(YG_AC_ALERTS_RAISED, 100);
	engine(YG_AC_ALERTS_SUPPRESSED, 10);
	engine(YG_AC_ALERTS_RING_FULL, 5);
	engine(YG_AC_ALERTS_SENT, 85);
	courier(YG_CC_ALERTS_READ, 70);
	courier(YG_CC_SPOOL_SHED, 3);
	courier(YG_CC_ALERTS_DELIVERED, 60);
	courier(YG_CC_ALERTS_PENDING, 10);
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 0); // 12 stand in the ring
	assert_int_equal(yg_books_take(&r->s, 0).unaccounted, 12); // taken from the ring, and given to nobody
	courier(YG_CC_ALERTS_DELIVERED, 59);
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 1); // passed by a sink
	courier(YG_CC_ALERTS_DELIVERED, 61);
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, -1); // more than was raised
	courier(YG_CC_ALERTS_DELIVERED, 60);
	engine(YG_AC_ALERTS_SUPPRESSED, 9);
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 1);
	engine(YG_AC_ALERTS_SUPPRESSED, 10);
	engine(YG_AC_ALERTS_RAISED, 101);
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 1);
	r->s.lost[YG_BOOKS_ALERTS] = 1; // in hand of an engine that died
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 0);
	assert_int_equal(yg_books_take(&r->s, 12).lost, 5 + 3 + 1);
	engine(YG_AC_ALERTS_RAISED, 98);
	r->s.lost[YG_BOOKS_ALERTS] = -2; // it had shown two that it had not counted yet
	assert_int_equal(yg_books_take(&r->s, 12).unaccounted, 0);
	assert_int_equal(yg_books_take(&r->s, 12).raised, 100);
	engine(YG_AC_ALERTS_RAISED, 101);
	r->s.lost[YG_BOOKS_ALERTS] = 0;
	struct yg_books books = {0};
	for (unsigned i = 0; i < YG_BOOKS_FIRST; i++)
		yg_books_turn(&books, &r->s, &r->shared);
	assert_int_equal(yg_counter_get(&r->shared.books.closed), 1);
	assert_int_equal(yg_counter_get(&r->shared.books.unaccounted), 13); // the ring of this rig is empty
	yg_counter_set(&r->shared.ring[YG_RING_ALERTS].used, 12);
	for (unsigned i = 0; i < YG_BOOKS_LOOKS; i++) {
		engine(YG_AC_ALERTS_RAISED, i == 17 ? 100 : 102); // on its way, but for one look
		yg_books_turn(&books, &r->s, &r->shared);
	}
	assert_int_equal(yg_counter_get(&r->shared.books.unaccounted), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_read),
		cmocka_unit_test(limits_leave_out_and_count),
		cmocka_unit_test(a_hostile_board_is_none),
		cmocka_unit_test(a_board_is_never_read_in_halves),
		cmocka_unit_test_setup_teardown(it_is_never_ok_when_blind, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_fault_degrades_and_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_term_of_the_books_shows_its_fault, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
