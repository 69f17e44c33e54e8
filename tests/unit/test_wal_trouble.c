// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool over a disk of which a part cannot be read, or is taken away while it runs: what was there is lost, and counted; everything
// else is delivered, and nobody waits for what cannot come.
#include "wal_rig.h"

enum { LINES = 2000, BLOCK = 4096, LINE_LEAST = 72 }; // bytes of a record with its text, at least

static void begin_log(uint64_t segment_bytes)
{
	options.segment_bytes = segment_bytes;
	options.quota_bytes = 4 << 20;
	start();
	yg_wal_sink(wal, "redis");
	add(1, LINES);
	assert_true(segments() >= 3);
}

// Each line is read or stepped over, and what was stepped over was counted as damage each time that it was met, and is no more than
// could have stood there.
static void only_the_block_is_lost(uint64_t times)
{
	struct tally t = read_from(1);
	assert_int_equal(t.lines + t.skipped, LINES);
	assert_in_range(t.skipped, 1, BLOCK / LINE_LEAST + 2);
	assert_int_equal(yg_wal_stats(wal).damaged_records, times * t.skipped);
	assert_true(yg_wal_stats(wal).read_errors > 0);
	assert_true(events[YG_WAL_EVENT_DAMAGED] > 0);
}

static void an_unreadable_block_costs_the_lines_in_it(void **state)
{
	(void)state;
	begin_log(65536);
	sim_disk_spoil(sim, sim_disk_name(sim, "seg-", 1), 5 * BLOCK, 6 * BLOCK);
	only_the_block_is_lost(1);
	restart(); // what cannot be read is no reason not to start
	only_the_block_is_lost(1);
	add(LINES + 1, LINES + 10);
	assert_int_equal(read_from(LINES + 1).lines, 10);
}

static void an_unreadable_block_of_the_newest_segment_costs_the_same(void **state)
{
	const char *name = NULL;
	(void)state;
	begin_log(65536);
	stop();
	for (unsigned i = 0; sim_disk_name(sim, "seg-", i); i++)
		name = sim_disk_name(sim, "seg-", i);
	sim_disk_spoil(sim, name, 2 * BLOCK, 3 * BLOCK);
	unsigned before = segments();
	start();
	only_the_block_is_lost(2); // the start has met it, too
	assert_int_equal(segments(), before + 1); // nothing is written any more where the surface is bad
	uint64_t end = yg_wal_end(wal);
	add(LINES + 1, LINES + 10);
	assert_int_equal(read_from(end).lines, 10);
	restart();
	struct tally t = read_from(1);
	assert_int_equal(t.lines + t.skipped, LINES + 10);
	assert_int_equal(t.damaged, t.skipped); // and the log itself tells it
}

// More than a reader takes in at a time: it must not be taken for a disk that is away, as long as the disk takes what is written.
static void a_whole_segment_that_cannot_be_read_is_stepped_over(void **state)
{
	(void)state;
	begin_log(65536);
	sim_disk_spoil(sim, sim_disk_name(sim, "seg-", 1), 0, UINT64_MAX);
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, 1);
	struct yg_wal_entry e;
	uint64_t lines = 0, skipped = 0, pseq = LINES;
	int status = 1;
	for (unsigned s = 0; s < 200; s++) { // of which each turn is a second
		while ((status = yg_wal_read(reader, &e)) == 1) {
			lines += e.type == YG_SPOOL_LINE;
			skipped += e.skipped;
		}
		assert_true(status == 0 || status == -EIO);
		if (status == 0)
			break;
		assert_int_equal(add_class(YG_SPOOL_ALERT, ++pseq), 0);
		now_ns += S;
		assert_int_equal(yg_wal_sync(wal, now_ns), 0);
		yg_wal_tick(wal, now_ns);
	}
	assert_int_equal(status, 0);
	assert_int_equal(lines + skipped, pseq);
	assert_in_range(pseq, LINES + 60, LINES + 62); // the seconds that it was waited for
	assert_in_range(skipped, 200, 700);
	assert_int_equal(yg_wal_stats(wal).damaged_records, skipped);
	yg_wal_reader_destroy(reader);
}

// A disk that is away takes nothing either. Nothing is given up then, however long it takes, and all is there when it is back.
static void a_disk_that_is_away_is_waited_for(void **state)
{
	(void)state;
	begin_log(65536);
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, 1);
	struct yg_wal_entry e;
	sim_disk_fail(sim, 1, -EIO, 1u << 30);
	for (unsigned s = 0; s < 600; s++) {
		assert_true(yg_wal_read(reader, &e) < 0);
		yg_wal_tick(wal, now_ns += S);
	}
	sim_disk_fail(sim, 0, 0, 0);
	yg_wal_reader_destroy(reader);
	assert_int_equal(yg_wal_stats(wal).damaged_records, 0);
	assert_int_equal(read_from(1).lines, LINES);
}

static void a_segment_that_is_removed_while_it_runs_costs_itself(void **state)
{
	char name[64];
	(void)state;
	begin_log(65536);
	strcpy(name, sim_disk_name(sim, "seg-", 1));
	assert_true(sim_disk_remove(sim, name));
	struct tally t = read_from(1);
	assert_int_equal(t.lines + t.skipped, LINES);
	assert_in_range(t.skipped, 200, 700);
	assert_int_equal(yg_wal_stats(wal).missing_records, t.skipped);
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
	add(LINES + 1, LINES + 10); // and it goes on
	assert_int_equal(read_from(LINES + 1).lines, 10);
	restart();
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 2); // and the log notes it
	assert_int_equal(yg_wal_stats(wal).missing_records, t.skipped);
	assert_int_equal(read_from(1).missing, t.skipped);
}

static void one_slot_of_the_cursors_that_cannot_be_read_is_covered_by_the_other(void **state)
{
	const uint64_t id[2] = {7, 1};
	uint64_t got[2];
	(void)state;
	begin_log(65536);
	for (uint64_t lsn = 100; lsn <= 103; lsn++) {
		yg_wal_set_cursor(wal, 0, lsn, id);
		yg_wal_tick(wal, now_ns += 2 * S); // durable now, in the slots by turns
	}
	for (unsigned slot = 0; slot < 2; slot++) {
		yg_wal_abandon(wal);
		sim_disk_spoil(sim, "spool.meta", slot * BLOCK, slot * BLOCK + 512);
		start();
		assert_int_equal(events[YG_WAL_EVENT_META_LOST], 0);
		assert_in_range(yg_wal_cursor(wal, yg_wal_sink(wal, "redis"), got), 102, 103);
		assert_int_equal(got[0], 7);
	}
}

static void cursors_that_cannot_be_read_cost_their_places_alone(void **state)
{
	const uint64_t id[2] = {7, 1};
	uint32_t first, second;
	(void)state;
	begin_log(65536);
	assert_int_equal(yg_wal_new_producer(wal, &first), 0);
	yg_wal_set_cursor(wal, 0, 1500, id);
	assert_int_equal(yg_wal_set_sent(wal, 7, 1499), 0);
	uint64_t end = yg_wal_end(wal);
	stop();
	sim_disk_spoil(sim, "spool.meta", 0, UINT64_MAX);
	start();
	assert_int_equal(events[YG_WAL_EVENT_META_LOST], 1);
	assert_int_equal(yg_wal_cursor(wal, yg_wal_sink(wal, "redis"), NULL), 1); // everything is delivered again,
	assert_int_equal(yg_wal_generation(wal), 0);                             // under another generation
	assert_int_equal(yg_wal_end(wal), end);                                  // no LSN is given twice
	assert_int_equal(read_from(1).lines, LINES);
	assert_int_equal(yg_wal_new_producer(wal, &second), 0);
	assert_true(second > 1); // 1 has records
	sim_disk_spoil(sim, "", 0, 0);
	add(LINES + 1, LINES + 10);
	restart(); // it was made anew
	assert_int_equal(events[YG_WAL_EVENT_META_LOST], 1);
}

// The second cap: what a start looks at. The simulated disk has no room for so many names.
static void a_start_looks_at_so_many_segments_and_no_more(void **state)
{
	enum { FILES = 2 * YG_WAL_SEGMENTS + 8 };
	char path[64], name[YG_SEGMENT_NAME];
	struct yg_disk real;
	(void)state;
	snprintf(path, sizeof path, "%s/yagura-wal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(path));
	assert_int_equal(yg_disk_open(&real, path, true), 0);
	for (uint64_t i = 0; i < FILES; i++) {
		yg_segment_name(name, 1, 1 + i * 10);
		int file = real.ops->open(real.context, name, YG_DISK_CREATE);
		assert_true(file >= 0);
		real.ops->close(real.context, file);
	}
	assert_int_equal(yg_wal_open(&real, &options, report, NULL, &wal), 0);
	const struct yg_wal_stats s = yg_wal_stats(wal);
	assert_int_equal(s.segments_full, FILES - 2 * YG_WAL_SEGMENTS);
	assert_int_equal(s.unreadable_segments, 2 * YG_WAL_SEGMENTS); // they are empty
	assert_int_equal(add_class(YG_SPOOL_ALERT, 1), 0);
	assert_int_equal(yg_wal_sync(wal, now_ns), 0);
	assert_true(yg_wal_end(wal) > 1 + (uint64_t)(2 * YG_WAL_SEGMENTS - 1) * 10); // no LSN of theirs is given again
	yg_wal_abandon(wal);
	wal = NULL;
	for (uint64_t i = 0; i < FILES; i++) {
		yg_segment_name(name, 1, 1 + i * 10);
		real.ops->unlink(real.context, name);
	}
	yg_disk_close(&real);
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_unreadable_block_costs_the_lines_in_it),
		T(an_unreadable_block_of_the_newest_segment_costs_the_same),
		T(a_whole_segment_that_cannot_be_read_is_stepped_over),
		T(a_disk_that_is_away_is_waited_for),
		T(a_segment_that_is_removed_while_it_runs_costs_itself),
		T(one_slot_of_the_cursors_that_cannot_be_read_is_covered_by_the_other),
		T(cursors_that_cannot_be_read_cost_their_places_alone),
		T(a_start_looks_at_so_many_segments_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
