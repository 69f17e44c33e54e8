// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool in a log: between the engine's ring and the log an alert is in at least one of them, whoever dies when; nothing is taken twice;
// a disk that takes nothing costs nothing; what is refused is counted and holds up nobody; another run goes on where this one was.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "courier/journal.h"
#include "courier/spool_internal.h"
#include "courier/wal.h"
#include "sim_disk.h"

enum { SLOTS = 64, MS = 1000000 };

static struct yg_spool_wants both = {{[YG_SPOOL_EVE] = YG_SPOOL_ALERTS, [YG_SPOOL_REDIS] = YG_SPOOL_ALERTS}};

struct fixture {
	void *memory;
	size_t size;
	struct yg_ring engine;
	struct yg_eve eve;
	struct yg_courier_memory *shared; // outlives the courier
	struct sim_disk *sim;
	struct yg_disk disk;
	struct yg_spool *spool;
	uint64_t now_ns, sequence;
	unsigned seen;
};

static struct fixture f;

static void seen(void *context, const struct yg_alert *alert)
{
	(void)context, (void)alert;
	f.seen++;
}

static void begin_ring(void)
{
	f.size = yg_ring_bytes(sizeof(struct yg_alert), SLOTS);
	f.memory = yg_memory_reserve(f.size);
	assert_int_equal(yg_ring_format(f.memory, f.size, sizeof(struct yg_alert), SLOTS), 0);
	assert_int_equal(yg_ring_attach(&f.engine, f.memory, f.size, sizeof(struct yg_alert), true), 0);
	f.sequence = 0;
	memset(f.shared, 0, sizeof *f.shared);
}

static void start(void)
{
	struct yg_wal_options options = {.segment_bytes = 65536, .quota_bytes = 1 << 20, .reserve_bytes = 65536, .now_ns = f.now_ns,
	                                 .real_ns = 100 * f.now_ns};
	struct yg_wal *wal;
	assert_int_equal(yg_wal_open(&f.disk, &options, NULL, NULL, &wal), 0);
	f.spool = yg_spool_open_disk(f.memory, f.size, wal, &f.eve, &f.shared->stats, &f.shared->journal, &both, seen, NULL);
	assert_non_null(f.spool);
}

static void die(void)
{
	yg_spool_abandon(f.spool);
	f.spool = NULL;
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	both.classes[YG_SPOOL_SYSLOG] = 0;
	f.shared = calloc(1, sizeof *f.shared);
	f.sim = sim_disk_create(8 << 20);
	f.disk = sim_disk_of(f.sim);
	f.now_ns = UINT64_C(1000000000);
	yg_eve_init(&f.eve, "test", "Asia/Tokyo", NULL, 0);
	begin_ring();
	start();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (f.spool)
		yg_spool_abandon(f.spool);
	yg_memory_release(f.memory, f.size);
	sim_disk_destroy(f.sim);
	free(f.shared);
	return 0;
}

static void push(unsigned count, uint8_t severity)
{
	for (unsigned i = 0; i < count; i++) {
		assert_true(yg_ring_has_room(&f.engine, 1));
		struct yg_alert *alert = yg_ring_slot(&f.engine, f.engine.own);
		*alert = (struct yg_alert){.kind = "scan.port", .sequence = ++f.sequence, .id = f.sequence, .severity = severity};
		yg_ring_push(&f.engine, 1);
	}
	yg_ring_publish(&f.engine);
}

static uint64_t counter(enum yg_courier_counter c)
{
	return yg_counter_get(&f.shared->stats.c[c]);
}

static uint32_t fill_after(uint64_t ms)
{
	f.now_ns += ms * MS;
	return yg_spool_fill(f.spool, f.now_ns);
}

// Lines from `from` on that hold something; their number.
static unsigned lines_from(uint64_t from)
{
	unsigned lines = 0;
	for (uint64_t i = from; i < yg_spool_end(f.spool); i++) {
		struct yg_spool_entry e;
		assert_true(yg_spool_get(f.spool, YG_SPOOL_REDIS, i, &e));
		assert_int_equal(e.sequence, i);
		lines += e.length != 0;
	}
	return lines;
}

// As a sink does: it takes what is there, and then says so.
static void deliver(enum yg_spool_sink sink, uint64_t from, uint64_t to)
{
	struct yg_spool_entry e;
	for (uint64_t i = from; i < to; i++)
		assert_true(yg_spool_get(f.spool, sink, i, &e));
	yg_spool_reached(f.spool, sink, to, to);
}

static void a_slot_is_given_back_when_its_alert_is_durable(void **state)
{
	(void)state;
	push(10, YG_SEV_LOW);
	fill_after(0);
	assert_int_equal(f.spool->owner.own, 0);
	assert_int_equal(yg_spool_end(f.spool), yg_spool_first(f.spool));
	assert_int_equal(counter(YG_CC_ALERTS_READ), 10);
	fill_after(10);
	assert_int_equal(f.spool->owner.own, 10);
	assert_int_equal(yg_spool_end(f.spool) - yg_spool_first(f.spool), 10);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 10);
	assert_int_equal(counter(YG_CC_SPOOL_HELD), 10);
	assert_int_equal(lines_from(yg_spool_first(f.spool)), 10);
}

// A call of the disk fails, the process ends at some moment, the power goes now and then; another process takes over.
static void whoever_dies_when_each_alert_is_there_once(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 40; n++) {
		push(3, YG_SEV_HIGH);
		sim_disk_fail(f.sim, n % 13 + 1, -EIO, 1);
		fill_after(0);
		if (n % 3)
			fill_after(10);
		die();
		sim_disk_fail(f.sim, 0, 0, 0);
		if (n % 5 == 0)
			sim_disk_crash(f.sim, SIM_NOTHING); // the power, too; the ring is gone then with all that is not durable
		start();
		fill_after(10);
		fill_after(10);
		assert_int_equal(counter(YG_CC_ALERTS_READ), 3 * n);
		assert_int_equal(lines_from(1), 3 * n);
	}
	assert_int_equal(f.spool->owner.own, f.sequence);
}

static void a_disk_that_takes_nothing_leaves_all_in_the_ring(void **state)
{
	(void)state;
	sim_disk_fail(f.sim, 1, -EIO, 1u << 30);
	push(SLOTS, YG_SEV_HIGH);
	for (int i = 0; i < 20; i++)
		fill_after(10);
	assert_int_equal(f.spool->owner.own, 0);
	assert_false(yg_ring_has_room(&f.engine, 1));
	sim_disk_fail(f.sim, 0, 0, 0);
	for (int i = 0; i < 400 && f.spool->owner.own < SLOTS; i++)
		fill_after(100);
	assert_int_equal(f.spool->owner.own, SLOTS);
	assert_int_equal(lines_from(1), SLOTS);
	assert_int_equal(counter(YG_CC_ALERTS_READ), SLOTS);
	assert_int_equal(counter(YG_CC_SPOOL_SHED), 0);
	assert_int_equal(counter(YG_CC_ALERTS_INVALID), 0);
}

static void what_is_refused_is_counted_and_holds_up_nobody(void **state)
{
	(void)state;
	unsigned high = 0;
	for (unsigned i = 0; i < 100; i++) {
		push(30, YG_SEV_LOW);
		push(1, YG_SEV_CRITICAL);
		high++;
		fill_after(10);
		fill_after(10);
	}
	uint64_t taken = counter(YG_CC_ALERTS_READ), shed = counter(YG_CC_SPOOL_SHED);
	assert_int_equal(taken + shed, 31 * 100);
	assert_true(shed > 1000 && taken > high);
	assert_int_equal(f.spool->owner.own, f.sequence);
	assert_int_equal(lines_from(1), taken); // gaps are positions that hold nothing
	deliver(YG_SPOOL_EVE, 1, yg_spool_end(f.spool));
	deliver(YG_SPOOL_REDIS, 1, yg_spool_end(f.spool));
	yg_spool_release(f.spool, yg_spool_end(f.spool));
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), taken);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 0);
}

static void another_run_goes_on_where_each_sink_was(void **state)
{
	(void)state;
	push(20, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	deliver(YG_SPOOL_EVE, 1, 16);
	deliver(YG_SPOOL_REDIS, 1, 6);
	yg_spool_release(f.spool, 6);
	assert_true(yg_spool_set_generation(f.spool, 7, 1) && yg_spool_set_sent(f.spool, 5));
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 5);
	yg_spool_close(f.spool);
	yg_memory_release(f.memory, f.size);
	begin_ring();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_EVE), 16);
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_REDIS), 6);
	assert_int_equal(yg_spool_first(f.spool), 6);
	assert_int_equal(yg_spool_generation(f.spool), 7);
	assert_int_equal(yg_spool_generation_first(f.spool, YG_SPOOL_REDIS), 1);
	assert_in_range(yg_spool_sent(f.spool), 5, 20); // never above what is durable
	assert_int_equal(counter(YG_CC_SPOOL_CARRIED), 15);
	assert_int_equal(counter(YG_CC_ALERTS_READ), 0);
	push(4, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	assert_int_equal(lines_from(6), 19);
	deliver(YG_SPOOL_EVE, 16, yg_spool_end(f.spool));
	deliver(YG_SPOOL_REDIS, 6, yg_spool_end(f.spool));
	yg_spool_release(f.spool, yg_spool_end(f.spool));
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 4); // of this run
	assert_int_equal(yg_spool_oldest(f.spool), 1);        // and what Redis may forget is still there
}

// The week that is kept is not for a collector that was named today; and a kill before its place is durable does not make it begin anew.
static void a_new_sink_begins_with_what_comes(void **state)
{
	(void)state;
	push(20, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	die();
	both.classes[YG_SPOOL_SYSLOG] = YG_SPOOL_ALERTS;
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 21);
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_EVE), 1);
	push(5, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	die();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 21);
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, 26, 26);
	die();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 26);
	// taken out, and put back while the same run goes on
	die();
	both.classes[YG_SPOOL_SYSLOG] = 0;
	start();
	push(5, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	die();
	both.classes[YG_SPOOL_SYSLOG] = YG_SPOOL_ALERTS;
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 31);
	yg_spool_close(f.spool);
	// in another run its place is that of the log
	yg_memory_release(f.memory, f.size);
	begin_ring();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 31);
}

// Twenty alerts, sent to the file, to Redis and to a collector.
static void sent_to_three(void)
{
	both.classes[YG_SPOOL_SYSLOG] = YG_SPOOL_ALERTS;
	die();
	start();
	push(20, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	deliver(YG_SPOOL_EVE, 1, 21);
	deliver(YG_SPOOL_REDIS, 1, 21);
	deliver(YG_SPOOL_SYSLOG, 1, 21);
}

// What was sent last may be with nobody, and a courier that died cannot have noticed. In another run its place is that of the log.
static void a_successor_goes_back_to_what_may_be_with_nobody(void **state)
{
	(void)state;
	sent_to_three();
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, 21, 8);
	yg_spool_release(f.spool, 21);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 20);
	die();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 8);
	assert_int_equal(yg_spool_passed(f.spool, YG_SPOOL_SYSLOG), 21);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 20); // to send them again takes nothing out of the books
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 0);
	deliver(YG_SPOOL_SYSLOG, 8, 15); // the log itself does not go back
	die();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 15);
	deliver(YG_SPOOL_SYSLOG, 15, 21);
	yg_spool_release(f.spool, 21);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 20);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 0);
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, 21, 8);
	yg_spool_close(f.spool);
	yg_memory_release(f.memory, f.size);
	begin_ring();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 21);
}

// Most of what lies between an alert and the next are flow records, which the books do not know.
static void books_stand_while_what_may_be_unread_is_sent_again(void **state)
{
	(void)state;
	uint64_t pseq = 0;
	both.classes[YG_SPOOL_SYSLOG] = YG_SPOOL_ALERTS;
	die();
	start();
	for (unsigned i = 0; i < 20; i++) {
		push(1, YG_SEV_LOW);
		for (unsigned j = 0; j < 10; j++)
			assert_int_equal(yg_spool_offer(f.spool, YG_SPOOL_FLOW, ++pseq, "{}\n", 3, f.now_ns), 0);
		fill_after(10);
	}
	fill_after(10);
	uint64_t end = yg_spool_end(f.spool), before = end - 55; // 5 alerts wait
	deliver(YG_SPOOL_EVE, 1, end);
	deliver(YG_SPOOL_REDIS, 1, end);
	deliver(YG_SPOOL_SYSLOG, 1, before);
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, before, 8);
	fill_after(10);
	yg_spool_release(f.spool, before);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 15);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 5);
	die();
	start();
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 15);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 5);
	deliver(YG_SPOOL_SYSLOG, 8, 100);
	yg_spool_release(f.spool, 100);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 15);
	deliver(YG_SPOOL_SYSLOG, 100, end);
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, 50, 50); // a reset that is seen
	yg_spool_release(f.spool, end);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 20);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 0);
}

// At an end in good order it is known what is unread, and the next run sends it.
static void another_run_sends_what_was_left_unread(void **state)
{
	(void)state;
	sent_to_three();
	yg_spool_release(f.spool, 21);
	yg_spool_reached(f.spool, YG_SPOOL_SYSLOG, 8, 8);
	yg_spool_leave(f.spool, YG_SPOOL_SYSLOG, 8);
	yg_spool_leave(f.spool, YG_SPOOL_EVE, 21);
	yg_spool_close(f.spool);
	start(); // after a reload
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 8);
	assert_int_equal(yg_spool_passed(f.spool, YG_SPOOL_SYSLOG), 21);
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 20);
	yg_spool_close(f.spool);
	yg_memory_release(f.memory, f.size);
	begin_ring();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 8);
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_EVE), 21);
	deliver(YG_SPOOL_SYSLOG, 8, 12);
	yg_spool_close(f.spool);
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_SYSLOG), 12);
}

// Redis had forgotten, and the courier dies while it sends all that again: its successor must know up to where, or it takes that for new.
static void a_successor_knows_how_far_redis_was(void **state)
{
	(void)state;
	push(30, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	deliver(YG_SPOOL_EVE, 1, 31);
	yg_spool_reached(f.spool, YG_SPOOL_REDIS, 31, UINT64_MAX);
	yg_spool_reached(f.spool, YG_SPOOL_REDIS, 1, UINT64_MAX);
	yg_spool_reached(f.spool, YG_SPOOL_REDIS, 11, UINT64_MAX);
	die();
	start();
	assert_int_equal(yg_spool_start(f.spool, YG_SPOOL_REDIS), 31);
}

// As the engine does when the ring is full: each has spent its number.
static void lose(unsigned count, unsigned word)
{
	f.sequence += count;
	yg_ring_tell(&f.engine, word, yg_ring_told(&f.engine, word) + count);
}

// What the gap records of a class say in all.
static uint64_t gaps_of(enum yg_spool_class class)
{
	struct yg_wal *wal;
	struct yg_wal_entry e;
	uint64_t count = 0;
	struct yg_wal_options options = {.segment_bytes = 65536, .quota_bytes = 1 << 20, .reserve_bytes = 65536, .now_ns = f.now_ns,
	                                 .real_ns = 100 * f.now_ns};
	yg_spool_close(f.spool);
	assert_int_equal(yg_wal_open(&f.disk, &options, NULL, NULL, &wal), 0);
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, 1);
	while (yg_wal_read(reader, &e) > 0)
		count += e.type == YG_SPOOL_GAP && e.gap.class == class ? e.gap.count : 0;
	yg_wal_reader_destroy(reader);
	assert_int_equal(yg_wal_close(wal, f.now_ns), 0);
	start();
	return count;
}

static void what_found_the_ring_full_is_a_gap_of_its_class(void **state)
{
	(void)state;
	push(5, YG_SEV_LOW);
	lose(7, YG_ALERTS_LOST);
	lose(2, YG_ALERTS_LOST_HIGH);
	push(1, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	assert_int_equal(counter(YG_CC_ALERTS_LOST), 7);
	assert_int_equal(counter(YG_CC_ALERTS_LOST_HIGH), 2);
	lose(3, YG_ALERTS_LOST_HIGH); // no record follows: the end of the ring tells
	yg_ring_close(&f.engine);
	fill_after(10);
	assert_int_equal(gaps_of(YG_SPOOL_ALERT), 7);
	assert_int_equal(gaps_of(YG_SPOOL_HIGH), 5);
	fill_after(10);
	fill_after(10);
	assert_int_equal(counter(YG_CC_ALERTS_LOST), 7);
	assert_int_equal(counter(YG_CC_ALERTS_LOST_HIGH), 5);
	assert_int_equal(counter(YG_CC_ALERTS_MISSING), 0);
	assert_int_equal(gaps_of(YG_SPOOL_HIGH), 5); // told once
}

static void a_record_that_cannot_be_read_is_a_gap_as_well(void **state)
{
	(void)state;
	push(2, YG_SEV_LOW);
	((struct yg_alert *)yg_ring_slot(&f.engine, 1))->state = 77;
	push(1, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	assert_int_equal(counter(YG_CC_ALERTS_INVALID), 1);
	assert_int_equal(counter(YG_CC_ALERTS_MISSING), 1);
	assert_int_equal(gaps_of(YG_SPOOL_ALERT), 1);
}

// The gap is noted and not yet durable when the courier dies: the next one notes it, by the same classes.
static void a_gap_outlives_the_courier_that_found_it(void **state)
{
	(void)state;
	push(1, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	lose(4, YG_ALERTS_LOST_HIGH);
	push(1, YG_SEV_LOW);
	fill_after(0);
	die();
	start();
	fill_after(10);
	fill_after(10);
	assert_int_equal(counter(YG_CC_ALERTS_LOST_HIGH), 4);
	assert_int_equal(counter(YG_CC_ALERTS_MISSING), 0);
	assert_int_equal(gaps_of(YG_SPOOL_HIGH), 4);
}

// What the books say is gone: given to the log, and neither delivered nor waiting.
static uint64_t unaccounted(void)
{
	return counter(YG_CC_ALERTS_READ) - counter(YG_CC_ALERTS_DELIVERED) - counter(YG_CC_ALERTS_PENDING);
}

static void the_books_hold_at_every_step_and_over_deaths(void **state)
{
	(void)state;
	uint64_t position = 1;
	for (unsigned i = 0; i < 60; i++) {
		push(5, i % 2 ? YG_SEV_HIGH : YG_SEV_LOW);
		if (i % 11 == 3) {
			lose(2, YG_ALERTS_LOST);
			push(1, YG_SEV_LOW); // behind a gap
		}
		fill_after(10);
		fill_after(10);
		uint64_t end = yg_spool_end(f.spool);
		deliver(YG_SPOOL_EVE, position, end);
		deliver(YG_SPOOL_REDIS, position, i % 3 ? end : position);
		position = i % 3 ? end : position;
		yg_spool_release(f.spool, position);
		assert_int_equal(unaccounted(), 0);
		if (i % 7 == 6) {
			die();
			start();
			assert_int_equal(unaccounted(), 0);
		}
	}
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), counter(YG_CC_ALERTS_READ));
	assert_int_equal(counter(YG_CC_ALERTS_DELIVERED), 60 * 5 + 6);
}

static void a_sink_that_passes_an_alert_by_shows_in_the_books(void **state)
{
	(void)state;
	push(10, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	deliver(YG_SPOOL_EVE, 1, 11);
	deliver(YG_SPOOL_REDIS, 1, 6);
	deliver(YG_SPOOL_REDIS, 7, 11); // but not 6
	yg_spool_release(f.spool, 11);
	assert_int_equal(counter(YG_CC_ALERTS_PENDING), 0);
	assert_int_equal(unaccounted(), 1);
	die();
	start();
	assert_int_equal(unaccounted(), 1);
}

static void an_alert_that_the_log_cannot_find_again_shows_in_the_books(void **state)
{
	(void)state;
	push(10, YG_SEV_LOW);
	fill_after(10);
	fill_after(10);
	push(3, YG_SEV_LOW); // another group: what is before it was durable once
	fill_after(10);
	fill_after(10);
	die();
	size_t size;
	uint8_t *bytes = sim_disk_bytes(f.sim, sim_disk_name(f.sim, "seg-", 0), &size), *line = memmem(bytes, size, "\"sequence\":5,", 13);
	assert_non_null(line);
	line[12] ^= 1;
	start();
	deliver(YG_SPOOL_EVE, 1, yg_spool_end(f.spool));
	deliver(YG_SPOOL_REDIS, 1, yg_spool_end(f.spool));
	yg_spool_release(f.spool, yg_spool_end(f.spool));
	assert_int_equal(unaccounted(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_slot_is_given_back_when_its_alert_is_durable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_dies_when_each_alert_is_there_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_disk_that_takes_nothing_leaves_all_in_the_ring, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_refused_is_counted_and_holds_up_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_run_goes_on_where_each_sink_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_sink_begins_with_what_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_successor_goes_back_to_what_may_be_with_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(books_stand_while_what_may_be_unread_is_sent_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_run_sends_what_was_left_unread, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_successor_knows_how_far_redis_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_found_the_ring_full_is_a_gap_of_its_class, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_is_a_gap_as_well, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_gap_outlives_the_courier_that_found_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_books_hold_at_every_step_and_over_deaths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_sink_that_passes_an_alert_by_shows_in_the_books, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_alert_that_the_log_cannot_find_again_shows_in_the_books, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
