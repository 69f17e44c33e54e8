// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool with a disk that fills, and with a disk of which the n-th call fails, for every n.
#include "wal_rig.h"

// ---- room ----

static void classes_are_refused_in_order_and_the_gaps_say_it(void **state)
{
	uint64_t pseq[YG_SPOOL_LANES] = {0}, first_at[YG_SPOOL_CLASSES] = {0}, lost = 0;
	const uint64_t id[2] = {0, 0};
	(void)state;
	options.quota_bytes = 262144;
	options.reserve_bytes = 65536;
	start();
	yg_wal_sink(wal, "redis");
	yg_wal_tick(wal, now_ns += S);
	assert_int_equal(yg_wal_stats(wal).reserve_bytes, 65536);
	for (unsigned i = 0; i < 8000; i++) {
		enum yg_spool_class class = (enum yg_spool_class)(i % 10 == 0 ? 0 : 1 + i % 3);
		unsigned lane = yg_spool_lane(class);
		now_ns += MS;
		int error = add_class(class, ++pseq[lane]);
		assert_true(error == 0 || error == -ENOSPC);
		if (error && !first_at[class])
			first_at[class] = i;
		// High severity holds out through the reserve.
		if (class == YG_SPOOL_HIGH && yg_wal_stats(wal).segment_bytes_used < 262144 + 65536)
			assert_int_equal(error, 0);
		yg_wal_tick(wal, now_ns);
		if (first_at[YG_SPOOL_HIGH])
			break;
	}
	for (unsigned c = 0; c + 1 < YG_SPOOL_CLASSES; c++)
		assert_true(first_at[c + 1] < first_at[c]);
	assert_true(events[YG_WAL_EVENT_PRESSURE] >= 4);
	assert_int_equal(events[YG_WAL_EVENT_RESERVE_USED], 1);
	// The sink has caught up: there is room, and the gaps come.
	yg_wal_sync(wal, now_ns);
	yg_wal_set_cursor(wal, 0, yg_wal_end(wal), id);
	struct tally t = read_from(1);
	yg_wal_tick(wal, now_ns += 2 * S);
	yg_wal_tick(wal, now_ns += 2 * S);
	yg_wal_sync(wal, now_ns);
	const struct yg_wal_stats s = yg_wal_stats(wal);
	assert_int_equal(s.gaps_waiting, 0);
	struct tally rest = read_from(t.last + 1);
	for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++) {
		assert_int_equal(t.lost[c] + rest.lost[c], s.refused[c]);
		lost += s.refused[c];
	}
	assert_true(lost > 100);
	yg_wal_tick(wal, now_ns += 2 * S);
	assert_int_equal(yg_wal_stats(wal).reserve_bytes, 65536);
	for (unsigned c = 0; c < YG_SPOOL_CLASSES; c++)
		assert_int_equal(add_class((enum yg_spool_class)c, ++pseq[yg_spool_lane(c)]), 0);
	print_message("lost %llu, as %llu gap records tell\n", (unsigned long long)lost, (unsigned long long)s.gaps_written);
}

static void a_disk_that_is_full_is_like_a_quota(void **state)
{
	uint64_t p = 0, refused = 0;
	const uint64_t id[2] = {0, 0};
	(void)state;
	sim_disk_set_capacity(sim, 200000);
	start();
	yg_wal_sink(wal, "redis");
	while (refused < 50) {
		refused += add_class(YG_SPOOL_ALERT, ++p) == -ENOSPC;
		yg_wal_tick(wal, now_ns += 10 * MS);
	}
	assert_true(p > 300);
	uint64_t high = 0;
	while (add_class(YG_SPOOL_HIGH, ++p) == 0)
		high++;
	assert_true(high > 100); // the reserve's
	refused++;
	sim_disk_set_capacity(sim, 8 << 20);
	yg_wal_sync(wal, now_ns);
	yg_wal_set_cursor(wal, 0, yg_wal_end(wal), id);
	yg_wal_tick(wal, now_ns += 2 * S);
	add(p + 1, p + 10);
	struct tally t = read_from(1);
	assert_int_equal(t.lost[YG_SPOOL_ALERT] + t.lost[YG_SPOOL_HIGH], refused);
	assert_int_equal(t.lines, p - refused + 10);
}

// All classes come as fast as they can, and the disk is full before it is asked how full it is.
static void a_disk_that_fills_within_a_moment_still_sheds_by_class(void **state)
{
	uint64_t pseq[YG_SPOOL_LANES] = {0}, refused[YG_SPOOL_CLASSES] = {0}, taken[YG_SPOOL_CLASSES] = {0};
	(void)state;
	options.quota_bytes = 0; // 4 GiB
	options.segment_bytes = options.reserve_bytes = 0;
	sim_disk_set_capacity(sim, 400000);
	start();
	yg_wal_sink(wal, "redis");
	for (unsigned i = 0; i < 20000; i++) {
		enum yg_spool_class class = (enum yg_spool_class)(i % 40 == 0 ? 0 : 1 + i % 3);
		int error = add_class(class, ++pseq[yg_spool_lane(class)]);
		*(error ? &refused[class] : &taken[class]) += 1;
	}
	assert_int_equal(refused[YG_SPOOL_HIGH], 0);
	assert_int_equal(taken[YG_SPOOL_HIGH], 500);
	assert_true(taken[YG_SPOOL_METRIC] < taken[YG_SPOOL_FLOW] && taken[YG_SPOOL_FLOW] < taken[YG_SPOOL_ALERT]);
	assert_true(refused[YG_SPOOL_ALERT] > 1000);
	assert_in_range(yg_wal_stats(wal).segment_bytes_used, 200000, 400000);
}

static void delivered_segments_go_by_age_or_for_room(void **state)
{
	const uint64_t id[2] = {0, 0};
	(void)state;
	options.retention_ns = 100 * S;
	options.quota_bytes = 131072;
	start();
	yg_wal_sink(wal, "redis");
	add(1, 300);
	unsigned before = segments();
	yg_wal_tick(wal, now_ns += 1000 * S);
	assert_int_equal(segments(), before); // nobody has it yet
	add(301, 320);
	yg_wal_set_cursor(wal, 0, yg_wal_end(wal), id);
	yg_wal_tick(wal, now_ns += 2 * S);
	assert_true(segments() < before);
	uint64_t p = 320;
	for (; p < 2000; p++) { // young, and delivered: kept until the quota wants the room
		assert_int_equal(add_class(YG_SPOOL_METRIC, p + 1), 0);
		yg_wal_tick(wal, now_ns += 6 * MS);
		yg_wal_set_cursor(wal, 0, yg_wal_end(wal), id);
	}
	assert_in_range(segments(), 12, 16);
	restart();
	assert_int_equal(yg_wal_stats(wal).missing_segments, 0);
	assert_true(read_from(1).lines > 500);
}

static void gaps_beyond_the_table_become_one_without_a_range(void **state)
{
	(void)state;
	start();
	for (uint32_t p = 1; p <= 3 * YG_WAL_GAPS; p++)
		yg_wal_lost(wal, YG_SPOOL_FLOW, p, 5, 6, 2);
	assert_true(yg_wal_stats(wal).gaps_merged > 0);
	yg_wal_tick(wal, now_ns += 2 * S);
	yg_wal_sync(wal, now_ns);
	struct tally t = read_from(1);
	assert_int_equal(t.lost[YG_SPOOL_FLOW], 6 * YG_WAL_GAPS);
	assert_int_equal(t.gaps, YG_WAL_GAPS);
	assert_int_equal(yg_wal_stats(wal).gaps_waiting, 0);
}

// On a real disk, and on one in memory where there is one: the simulated one has no room for so many names.
static void a_log_has_a_greatest_number_of_segments(void **state)
{
	static char line[1500];
	char path[64], command[128];
	struct yg_disk real;
	uint64_t p = 0, lsn;
	int error;
	(void)state;
	snprintf(path, sizeof path, "%s/yagura-wal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(path));
	memset(line, 'x', sizeof line);
	options.segment_bytes = 4096;
	options.quota_bytes = 2 * 4096 * YG_WAL_SEGMENTS;
	options.reserve_bytes = 4096;
	assert_int_equal(yg_disk_open(&real, path, true), 0);
	assert_int_equal(yg_wal_open(&real, &options, report, NULL, &wal), 0);
	do
		error = yg_wal_append(wal, YG_SPOOL_ALERT, 1, ++p, line, sizeof line, now_ns, &lsn);
	while (error == 0);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(yg_wal_stats(wal).segments, YG_WAL_SEGMENTS);
	assert_true(yg_wal_stats(wal).segments_full > 0);
	yg_wal_close(wal, now_ns);
	assert_int_equal(yg_wal_open(&real, &options, report, NULL, &wal), 0);
	assert_int_equal(yg_wal_durable(wal) >= p - 1, 1);
	yg_wal_abandon(wal);
	wal = NULL;
	yg_disk_close(&real);
	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

static void a_record_has_a_greatest_length(void **state)
{
	static char text[YG_SPOOL_RECORD_MAX + 1];
	uint64_t lsn;
	(void)state;
	memset(text, 'x', sizeof text);
	options.segment_bytes = 1 << 20;
	options.quota_bytes = 16 << 20;
	start();
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, 1, 1, text, YG_SPOOL_RECORD_MAX, now_ns, &lsn), 0);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, 1, 2, text, YG_SPOOL_RECORD_MAX + 1, now_ns, &lsn), -EMSGSIZE);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, 1, 3, text, 1, now_ns, &lsn), 0);
	yg_wal_sync(wal, now_ns);
	struct yg_wal_reader *reader = yg_wal_reader_create(wal, 1);
	struct yg_wal_entry e;
	assert_int_equal(yg_wal_read(reader, &e), 1);
	assert_int_equal(e.size, YG_SPOOL_RECORD_MAX);
	assert_int_equal(yg_wal_read(reader, &e), 1);
	assert_int_equal(e.gap.from, 2);
	assert_int_equal(yg_wal_read(reader, &e), 1);
	assert_int_equal(e.pseq, 3);
	yg_wal_reader_destroy(reader);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, 0, 4, text, 1, now_ns, &lsn), -EINVAL);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, 1, 4, text, 0, now_ns, &lsn), -EINVAL);
}

// ---- a disk that fails ----

// One life of a log: work, a stop, another start. What was called durable is there at the end, whatever one call answered in between.
static bool life(uint64_t n, int error, unsigned times, uint64_t *ret_tries)
{
	uint64_t last = 120, tries = 0, p = 0;
	bool again = true;
	static const uint64_t id[2] = {0, 0};
	set_up(NULL);
	options.segment_bytes = 4096;
	sim_disk_fail(sim, n, error, times);
	options.now_ns = now_ns;
	for (int attempt = 0; yg_wal_open(&disk, &options, report, NULL, &wal) != 0; attempt++)
		assert_true(attempt < 40);
	yg_wal_sink(wal, "redis");
	while (p < last) {
		p++;
		int status;
		while ((status = add_class(YG_SPOOL_ALERT, p)) == -EAGAIN && ++tries < 1000)
			yg_wal_tick(wal, now_ns += 200 * MS);
		assert_true(status == 0 || status == -ENOSPC);
		if (p % 7 == 0)
			yg_wal_tick(wal, now_ns += 5 * MS);
		if (p == 60) {
			yg_wal_sync(wal, now_ns);
			yg_wal_set_cursor(wal, 0, yg_wal_durable(wal) / 2, id);
		}
		if (p == 45 && again) {
			again = false;
			yg_wal_abandon(wal); // and again, over what it has left
			options.now_ns = now_ns;
			for (int attempt = 0; yg_wal_open(&disk, &options, report, NULL, &wal) != 0; attempt++)
				assert_true(attempt < 40);
			yg_wal_sink(wal, "redis");
			p = yg_wal_settled(wal, YG_SPOOL_ALERT, 1); // its source has the rest
		}
	}
	yg_wal_tick(wal, now_ns += 2 * S); // what was refused for want of room is told
	while (yg_wal_sync(wal, now_ns) != 0 && ++tries < 1000)
		now_ns += 200 * MS;
	struct tally before = read_from(1);
	assert_int_equal(before.lines + before.lost[YG_SPOOL_ALERT] + before.skipped, last);
	// For room a segment went, but none that the sink has not passed.
	assert_int_equal(before.skipped, yg_wal_first(wal) - 1);
	assert_true(yg_wal_first(wal) <= yg_wal_cursor(wal, 0, NULL));
	assert_true(before.lost[YG_SPOOL_ALERT] == 0 || error == -ENOSPC);
	uint64_t durable = yg_wal_durable(wal);
	bool failed = sim_disk_failed(sim);
	yg_wal_abandon(wal);
	sim_disk_crash(sim, SIM_NOTHING);
	start();
	assert_int_equal(yg_wal_durable(wal), durable);
	struct tally t = read_from(1);
	assert_int_equal(t.lines, before.lines);
	assert_int_equal(t.lost[YG_SPOOL_ALERT], before.lost[YG_SPOOL_ALERT]);
	assert_int_equal(t.skipped, before.skipped);
	assert_int_equal(t.missing + t.damaged, 0);
	*ret_tries = tries;
	tear_down(NULL);
	return failed;
}

static void sweep(int error, unsigned times, const char *name)
{
	uint64_t n = 1, tries;
	while (life(n, error, times, &tries))
		n++;
	assert_true(n > 100);
	print_message("%s, %u in a row: every one of %llu calls failed once\n", name, times, (unsigned long long)n - 1);
}

static void every_call_may_fail(void **state)
{
	(void)state;
	tear_down(NULL);
	sweep(-EIO, 1, "EIO");
	sweep(-ENOSPC, 1, "ENOSPC");
	sweep(-EINTR, 1, "EINTR");
	sweep(-EINTR, 20, "EINTR");
	sweep(1, 1, "half of it");
	sweep(1, 5, "half of it");
	set_up(NULL);
}

static void a_disk_that_stays_away_costs_patience_alone(void **state)
{
	uint64_t p = 10;
	(void)state;
	start();
	add(1, 10);
	sim_disk_fail(sim, 1, -EIO, 1u << 30);
	while (add_class(YG_SPOOL_ALERT, p + 1) == 0)
		p++;
	assert_int_equal(add_class(YG_SPOOL_ALERT, p + 1), -EAGAIN);
	uint64_t calls = sim_disk_calls(sim);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(add_class(YG_SPOOL_ALERT, p + 1), -EAGAIN);
		yg_wal_tick(wal, now_ns += MS);
	}
	assert_true(sim_disk_calls(sim) - calls < 300); // no tight loop
	assert_int_equal(yg_wal_durable(wal), 10);
	sim_disk_fail(sim, 0, 0, 0);
	yg_wal_tick(wal, now_ns += 20 * S);
	add(p + 1, p + 5);
	assert_int_equal(read_from(1).lines, p + 5);
	assert_true(yg_wal_stats(wal).segments_retired > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(classes_are_refused_in_order_and_the_gaps_say_it), T(a_disk_that_is_full_is_like_a_quota),
		T(a_disk_that_fills_within_a_moment_still_sheds_by_class),
		T(delivered_segments_go_by_age_or_for_room), T(gaps_beyond_the_table_become_one_without_a_range),
		T(a_log_has_a_greatest_number_of_segments),
		T(a_record_has_a_greatest_length), T(every_call_may_fail), T(a_disk_that_stays_away_costs_patience_alone)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
