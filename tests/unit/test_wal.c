// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool: what is appended is read, each sink at its own pace, and what a start makes of damage of every kind.
#include "wal_rig.h"

// ---- what it is for ----

static void what_is_appended_is_read_after_a_restart(void **state)
{
	uint64_t id[2] = {3, 40}, got[2];
	(void)state;
	start();
	assert_int_equal(events[YG_WAL_EVENT_CREATED], 1);
	int sink = yg_wal_sink(wal, "redis");
	add(1, 500);
	yg_wal_set_cursor(wal, sink, 41, id);
	assert_int_equal(yg_wal_durable(wal), 500);
	assert_int_equal(yg_wal_set_sent(wal, 3, 99), 0);
	restart();
	assert_int_equal(read_from(1).lines, 500);
	assert_int_equal(read_from(41).lines, 460);
	assert_int_equal(yg_wal_cursor(wal, yg_wal_sink(wal, "redis"), got), 41);
	assert_int_equal(got[1], 40);
	assert_int_equal(yg_wal_generation(wal), 3);
	assert_int_equal(yg_wal_sent(wal), 99);
	assert_int_equal(yg_wal_settled(wal, YG_SPOOL_HIGH, 1), 500);
	for (uint64_t p = 480; p <= 500; p++)
		assert_int_equal(add_class(YG_SPOOL_ALERT, p), -EEXIST);
	add(501, 510);
	assert_int_equal(read_from(1).lines, 510);
	const struct yg_wal_stats s = yg_wal_stats(wal);
	assert_int_equal(s.offered, s.duplicates + s.appended[YG_SPOOL_ALERT]);
	assert_true(segments() > 5);
}

static void groups_are_written_by_time_and_by_size(void **state)
{
	(void)state;
	start();
	assert_int_equal(add_class(YG_SPOOL_ALERT, 1), 0);
	assert_int_equal(yg_wal_durable(wal), 0);
	assert_true(yg_wal_due_ns(wal) <= now_ns + 5 * MS);
	yg_wal_tick(wal, now_ns + 4 * MS);
	assert_int_equal(yg_wal_durable(wal), 0);
	assert_int_equal(read_from(1).lines, 0); // not durable, not shown
	yg_wal_tick(wal, now_ns + 5 * MS);
	assert_int_equal(yg_wal_durable(wal), 1);
	uint64_t p = 2;
	while (yg_wal_durable(wal) == 1)
		assert_int_equal(add_class(YG_SPOOL_ALERT, p++), 0);
	assert_in_range(p, 10, 60);
}

static void each_sink_has_its_own_place(void **state)
{
	struct yg_wal_entry e;
	char name[8];
	uint64_t id[2] = {0, 0};
	(void)state;
	start();
	for (int i = 0; i < YG_WAL_SINKS; i++) {
		snprintf(name, sizeof name, "s%d", i);
		assert_int_equal(yg_wal_sink(wal, name), i);
	}
	assert_int_equal(yg_wal_sink(wal, "one more"), -ENOSPC);
	assert_int_equal(yg_wal_sink(wal, ""), -EINVAL);
	add(1, 200);
	struct yg_wal_reader *fast = yg_wal_reader_create(wal, 1), *slow = yg_wal_reader_create(wal, 1);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(yg_wal_read(fast, &e), 1);
	assert_int_equal(yg_wal_read(slow, &e), 1);
	assert_int_equal(e.lsn, 1);
	yg_wal_set_cursor(wal, 0, 9999, id);
	assert_int_equal(yg_wal_cursor(wal, 0, NULL), 201);
	yg_wal_reader_destroy(fast);
	yg_wal_reader_destroy(slow);
	assert_int_equal(yg_wal_forget_sink(wal, "s3"), 0);
	assert_int_equal(yg_wal_forget_sink(wal, "s3"), -ENOENT);
	restart();
	assert_int_equal(yg_wal_cursor(wal, 0, NULL), 201);
	assert_int_equal(yg_wal_sink(wal, "another"), 3);
}

static void producers_have_numbers_that_never_come_again(void **state)
{
	uint32_t a, b, c;
	char text[TEXT];
	uint64_t lsn;
	(void)state;
	start();
	assert_int_equal(yg_wal_new_producer(wal, &a), 0);
	assert_int_equal(yg_wal_new_producer(wal, &b), 0);
	assert_true(b > a);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_ALERT, b, 1, text, text_of(1, text), now_ns, &lsn), 0);
	stop();
	assert_true(sim_disk_remove(sim, "spool.meta"));
	start();
	assert_int_equal(yg_wal_new_producer(wal, &c), 0);
	assert_true(c > b);
	for (uint32_t p = 10; p < 10 + 2 * YG_WAL_PRODUCERS; p++) // the table fills with lanes of three kinds
		for (unsigned lane = 0; lane < YG_SPOOL_LANES; lane++)
			assert_int_equal(yg_wal_append(wal, (enum yg_spool_class)(lane + 1), p, 1, text, text_of(1, text), now_ns, &lsn), 0);
	assert_true(yg_wal_stats(wal).producers_forgotten > 0);
	assert_int_equal(yg_wal_append(wal, YG_SPOOL_FLOW, 9 + 2 * YG_WAL_PRODUCERS, 1, text, text_of(1, text), now_ns, &lsn), -EEXIST);
}

// ---- against a plain queue ----

enum { MODEL_STEPS = 20000, MODEL_SINKS = 3 };

static struct { uint32_t producer; uint64_t pseq; uint8_t class; } queue[MODEL_STEPS + 1]; // by LSN
static uint64_t queued, model_random = 7;

static uint64_t below(uint64_t n)
{
	model_random = model_random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (model_random >> 33) % n;
}

static void model_read(struct yg_wal_reader *reader, uint64_t *next, int sink)
{
	const uint64_t id[2] = {1, *next};
	struct yg_wal_entry e;
	char text[TEXT];
	for (uint64_t n = below(40); n; n--) {
		int status = yg_wal_read(reader, &e);
		assert_int_equal(status, *next <= yg_wal_durable(wal));
		if (!status)
			break;
		assert_int_equal(e.lsn, *next);
		assert_int_equal(e.skipped, 0);
		assert_int_equal(e.producer, queue[e.lsn].producer);
		assert_int_equal(e.pseq, queue[e.lsn].pseq);
		assert_int_equal(e.class, queue[e.lsn].class);
		assert_int_equal(e.size, text_of(e.pseq, text));
		assert_memory_equal(e.bytes, text, e.size);
		++*next;
	}
	yg_wal_set_cursor(wal, sink, *next, id);
}

static void model_append(uint64_t pseq[YG_SPOOL_LANES])
{
	enum yg_spool_class class = (enum yg_spool_class)below(YG_SPOOL_CLASSES);
	char text[TEXT];
	uint64_t lsn, p = ++pseq[yg_spool_lane(class)];
	int error = yg_wal_append(wal, class, 9, p, text, text_of(p, text), now_ns, &lsn);
	assert_int_equal(error, 0);
	assert_int_equal(lsn, ++queued);
	queue[lsn].producer = 9;
	queue[lsn].pseq = p;
	queue[lsn].class = (uint8_t)class;
	if (below(10) == 0)
		assert_int_equal(yg_wal_append(wal, class, 9, 1 + below(p), text, text_of(p, text), now_ns, &lsn), -EEXIST);
}

static void it_is_a_queue_with_a_place_for_each_sink(void **state)
{
	static const char *const names[MODEL_SINKS] = {"redis", "file", "syslog"};
	struct yg_wal_reader *readers[MODEL_SINKS] = {NULL};
	uint64_t next[MODEL_SINKS] = {1, 1, 1}, pseq[YG_SPOOL_LANES] = {0}, restarts = 0;
	(void)state;
	options.retention_ns = S;
	for (unsigned step = 0; step < MODEL_STEPS; step++) {
		if (!wal) {
			start();
			for (int i = 0; i < MODEL_SINKS; i++) {
				assert_int_equal(yg_wal_sink(wal, names[i]), i);
				assert_int_equal(yg_wal_cursor(wal, i, NULL), next[i]);
				readers[i] = yg_wal_reader_create(wal, next[i]);
			}
		}
		uint64_t what = below(500);
		int sink = (int)below(MODEL_SINKS);
		now_ns += below(4 * MS);
		if (what == 0) {
			for (int i = 0; i < MODEL_SINKS; i++)
				yg_wal_reader_destroy(readers[i]);
			stop();
			restarts++;
		} else if (what < 20) {
			model_read(readers[sink], &next[sink], sink);
		} else if (what < 40) {
			assert_int_equal(yg_wal_sync(wal, now_ns), 0);
			assert_int_equal(yg_wal_durable(wal), queued);
		} else if (what < 200) {
			assert_int_equal(yg_wal_tick(wal, now_ns), 0);
		} else if (queued < next[sink] + 2000) {
			model_append(pseq);
		}
		assert_true(!wal || yg_wal_end(wal) == queued + 1);
	}
	for (int i = 0; i < MODEL_SINKS && wal; i++)
		yg_wal_reader_destroy(readers[i]);
	print_message("%llu records through %llu restarts\n", (unsigned long long)queued, (unsigned long long)restarts);
	assert_int_equal(events[YG_WAL_EVENT_MISSING] + events[YG_WAL_EVENT_DAMAGED] + events[YG_WAL_EVENT_TORN], 0);
	assert_true(restarts > 10 && queued > 4000);
}

// ---- damage ----

static void a_torn_tail_is_kept_aside_and_zeroed(void **state)
{
	size_t size;
	(void)state;
	start();
	add(1, 20);
	uint8_t *bytes = newest(&size);
	size_t end = size;
	while (bytes[end - 1] == 0)
		end--;
	end = (end + 7) & ~(size_t)7;
	memset(bytes + end, 0xa5, 77);
	yg_wal_abandon(wal);
	start();
	assert_int_equal(events[YG_WAL_EVENT_TORN], 1);
	assert_int_equal(yg_wal_stats(wal).torn_bytes, 77);
	assert_int_equal(read_from(1).lines, 20);
	assert_non_null(sim_disk_name(sim, "torn-", 0));
	bytes = newest(&size);
	assert_int_equal(bytes[end], 0);
	add(21, 30);
	restart();
	assert_int_equal(read_from(1).lines, 30);
	assert_int_equal(yg_wal_stats(wal).torn_tails, 0);
}

static void torn_tails_are_kept_up_to_a_number(void **state)
{
	uint64_t not_kept = 0;
	(void)state;
	for (uint64_t i = 1; i <= YG_WAL_TORN + 2; i++) {
		size_t size;
		start();
		add(i, i);
		uint8_t *bytes = newest(&size);
		bytes[size - 1] = 1;
		yg_wal_abandon(wal);
		start();
		not_kept += yg_wal_stats(wal).torn_not_kept;
		stop();
	}
	unsigned n = 0;
	while (sim_disk_name(sim, "torn-", n))
		n++;
	assert_int_equal(n, YG_WAL_TORN);
	assert_int_equal(not_kept, 2);
}

static void damage_in_the_middle_costs_one_record_and_is_told_once(void **state)
{
	size_t size;
	(void)state;
	start();
	add(1, 5);
	size_t middle = 0;
	uint8_t *bytes = newest(&size);
	for (size_t i = 0; i + 8 < size; i++)
		if (memcmp(bytes + i, "{\"n\":3,", 7) == 0)
			middle = i;
	add(6, 10);
	bytes = newest(&size);
	bytes[middle] ^= 0x10;
	yg_wal_abandon(wal);
	start();
	struct tally t = read_from(1);
	assert_int_equal(events[YG_WAL_EVENT_DAMAGED] > 0, 1);
	assert_int_equal(t.lines, 9);
	assert_int_equal(t.skipped, 1);
	assert_int_equal(t.damaged, 1);
	add(11, 12);
	restart();
	t = read_from(1);
	assert_int_equal(t.lines, 11);
	assert_int_equal(t.damaged, 1); // not told again
}

static void damage_in_an_old_segment_is_found_by_the_reader(void **state)
{
	size_t size;
	(void)state;
	start();
	add(1, 300);
	uint8_t *bytes = sim_disk_bytes(sim, sim_disk_name(sim, "seg-", 1), &size);
	for (size_t i = 0; i < 8; i++)
		bytes[2000 + i] ^= 0xff;
	restart();
	struct tally t = read_from(1);
	assert_in_range(t.lines, 298, 299);
	assert_int_equal(t.lines + t.skipped, 300);
	assert_int_equal(yg_wal_stats(wal).damaged_records, t.skipped);
}

static void a_missing_segment_is_told_and_nothing_is_reset(void **state)
{
	char name[64];
	(void)state;
	start();
	yg_wal_sink(wal, "redis");
	add(1, 400);
	stop();
	strcpy(name, sim_disk_name(sim, "seg-", 2));
	assert_true(sim_disk_remove(sim, name));
	start();
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
	struct tally t = read_from(1);
	assert_true(t.lines < 400 && t.skipped > 5);
	assert_int_equal(t.lines + t.skipped, 400);
	assert_int_equal(t.missing, t.skipped);
	restart();
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
	assert_int_equal(read_from(1).missing, t.missing);
	add(401, 410);
	assert_int_equal(read_from(1).lines, t.lines + 10);
}

static void without_the_newest_segment_no_lsn_is_given_twice(void **state)
{
	char name[64];
	(void)state;
	start();
	yg_wal_sink(wal, "redis");
	add(1, 400);
	stop();
	strcpy(name, sim_disk_name(sim, "seg-", segments() - 1));
	assert_true(sim_disk_remove(sim, name));
	start();
	assert_true(yg_wal_end(wal) > 400);
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
	assert_true(read_from(1).missing > 0);
	add(401, 410);
	uint64_t end = yg_wal_end(wal);
	restart();
	assert_int_equal(yg_wal_end(wal), end);
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
}

static void without_its_cursors_everything_is_delivered_again(void **state)
{
	const uint64_t id[2] = {0, 0};
	(void)state;
	start();
	yg_wal_set_cursor(wal, yg_wal_sink(wal, "redis"), 1, id);
	add(1, 100);
	yg_wal_set_cursor(wal, 0, 90, id);
	stop();
	size_t size;
	uint8_t *bytes = sim_disk_bytes(sim, "spool.meta", &size);
	memset(bytes, 0x11, size);
	start();
	assert_int_equal(events[YG_WAL_EVENT_META_LOST], 1);
	assert_int_equal(yg_wal_cursor(wal, yg_wal_sink(wal, "redis"), NULL), 1);
	assert_int_equal(read_from(1).lines, 100);
	add(101, 110);
	restart();
	assert_int_equal(events[YG_WAL_EVENT_META_LOST], 1);
}

static void a_segment_without_its_header_costs_itself(void **state)
{
	size_t size;
	(void)state;
	start();
	yg_wal_sink(wal, "redis");
	add(1, 400);
	stop();
	sim_disk_bytes(sim, sim_disk_name(sim, "seg-", 3), &size)[20] ^= 1;
	sim_disk_truncate(sim, sim_disk_name(sim, "seg-", 5), 100);
	start();
	assert_int_equal(yg_wal_stats(wal).unreadable_segments, 1);
	struct tally t = read_from(1);
	assert_true(t.lines > 250 && t.lines < 400);
	assert_int_equal(t.lines + t.skipped, 400);
	assert_int_equal(events[YG_WAL_EVENT_MISSING], 1);
}

static void strange_names_and_sizes_are_no_reason_to_stop(void **state)
{
	static const char *const names[] = {"seg-0000000000000001-3fffffffffffffff.wal", "seg-0000000000000009-0000000000000001.wal",
	                                    "seg-x.wal", "torn-x.bin", "segment.new", "spool.meta.new",
	                                    "reserve.new", "seg-0000000000000002-00000000000000ff.wal"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int file = disk.ops->open(disk.context, names[i], YG_DISK_CREATE);
		assert_true(disk.ops->pwrite(disk.context, file, "YGRWAL1", 8, i * 1000) > 0);
		disk.ops->close(disk.context, file);
	}
	start();
	add(1, 100);
	restart();
	assert_int_equal(read_from(1).lines, 100);
	add(101, 200);
	assert_int_equal(read_from(1).lines, 200);
}

// ---- the real thing ----

static void a_real_directory(void **state)
{
	char path[] = "/tmp/yagura-wal-XXXXXX", spool[64];
	struct yg_disk real, second;
	struct stat st;
	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(spool, sizeof spool, "%s/spool", path);
	assert_int_equal(yg_disk_open(&real, spool, true), 0);
	assert_int_equal(stat(spool, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(yg_disk_open(&second, spool, true), -EBUSY);
	assert_int_equal(yg_disk_open(&second, spool, false), 0);
	yg_disk_close(&second);
	assert_int_equal(yg_wal_open(&real, &options, report, NULL, &wal), 0);
	add(1, 300);
	assert_int_equal(yg_wal_close(wal, now_ns), 0);
	assert_int_equal(yg_wal_open(&real, &options, report, NULL, &wal), 0);
	assert_int_equal(read_from(1).lines, 300);
	assert_int_equal(yg_wal_close(wal, now_ns), 0);
	wal = NULL;
	// A link is nothing of ours.
	assert_int_equal(symlinkat("/etc/passwd", (int)(intptr_t)real.context - 1, "link"), 0);
	assert_int_equal(real.ops->open(real.context, "link", YG_DISK_READ), -ELOOP);
	assert_int_equal(real.ops->open(real.context, "../x", YG_DISK_CREATE), -EINVAL);
	assert_int_equal(real.ops->open(real.context, ".", YG_DISK_READ), -EINVAL);
	yg_disk_close(&real);
	char command[256];
	snprintf(command, sizeof command, "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_appended_is_read_after_a_restart), T(groups_are_written_by_time_and_by_size),
		T(each_sink_has_its_own_place), T(producers_have_numbers_that_never_come_again), T(it_is_a_queue_with_a_place_for_each_sink),
		
		T(a_torn_tail_is_kept_aside_and_zeroed), T(torn_tails_are_kept_up_to_a_number),
		T(damage_in_the_middle_costs_one_record_and_is_told_once), T(damage_in_an_old_segment_is_found_by_the_reader),
		T(a_missing_segment_is_told_and_nothing_is_reset), T(without_the_newest_segment_no_lsn_is_given_twice),
		T(without_its_cursors_everything_is_delivered_again), T(a_segment_without_its_header_costs_itself),
		T(strange_names_and_sizes_are_no_reason_to_stop), T(a_real_directory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
