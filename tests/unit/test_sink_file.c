// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The EVE file: whole lines only, whatever the disk does; a full buffer is said, and what was lost is counted.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier/sink_file.h"

static struct yg_courier_stats *stats;
static char path[64];

static int set_up(void **state)
{
	(void)state;
	stats = calloc(1, sizeof *stats);
	strcpy(path, "/tmp/yagura-sink-XXXXXX");
	int fd = mkstemp(path);
	close(fd);
	unlink(path);
	return stats ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	free(stats);
	return 0;
}

static uint64_t counter(enum yg_courier_counter c)
{
	return yg_counter_get(&stats->c[c]);
}

static bool put(struct yg_sink_file *sink, const char *text, size_t times)
{
	size_t n = strlen(text);
	char *room = yg_sink_file_room(sink, n * times + 1, 0);
	if (!room)
		return false;
	for (size_t i = 0; i < times; i++)
		memcpy(room + i * n, text, n);
	room[n * times] = '\n';
	yg_sink_file_commit(sink, n * times + 1, 0);
	return true;
}

static off_t size_of_file(void)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void lines_are_appended_and_counted(void **state)
{
	struct yg_sink_file sink;
	(void)state;
	for (int run = 1; run <= 2; run++) {
		assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
		assert_true(put(&sink, "one", 1) && put(&sink, "two", 1));
		assert_int_equal(size_of_file(), (run - 1) * 8); // still in the buffer
		assert_int_equal(yg_sink_file_flush(&sink, 0), 0);
		assert_int_equal(yg_sink_file_close(&sink), 0);
		assert_int_equal(size_of_file(), run * 8);
	}
	assert_int_equal(counter(YG_CC_EVE_LINES), 4);
	assert_int_equal(counter(YG_CC_EVE_BYTES), 16);
}

static void a_full_buffer_is_written(void **state)
{
	struct yg_sink_file sink;
	(void)state;
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	for (int i = 0; i < 300; i++)
		assert_true(put(&sink, "x", 999));
	assert_true(size_of_file() > 0 && size_of_file() % 1000 == 0);
	assert_int_equal(yg_sink_file_close(&sink), 0);
	assert_int_equal(size_of_file(), 300000);
}

static void an_open_last_line_of_another_is_ended(void **state)
{
	struct yg_sink_file sink;
	(void)state;
	FILE *f = fopen(path, "w");
	fputs("{\"cut", f);
	fclose(f);
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	assert_true(put(&sink, "own", 1));
	assert_int_equal(yg_sink_file_close(&sink), 0);
	assert_int_equal(size_of_file(), 5 + 1 + 4);
}

static void a_full_disk_keeps_the_lines_until_there_is_no_room(void **state)
{
	struct yg_sink_file sink;
	unsigned taken = 0;
	(void)state;
	assert_int_equal(yg_sink_file_open(&sink, "/dev/full", stats), 0);
	while (put(&sink, "x", 999))
		taken++;
	assert_int_equal(taken, YG_SINK_FILE_BUFFER / 1000);
	assert_int_equal(yg_sink_file_flush(&sink, 1), -EAGAIN); // not before the time to try again
	assert_int_equal(yg_sink_file_flush(&sink, UINT64_C(1000000000)), -ENOSPC);
	assert_int_equal(yg_sink_file_close(&sink), taken);
	assert_int_equal(counter(YG_CC_EVE_ERRORS), taken);
	assert_int_equal(counter(YG_CC_EVE_LINES), 0);
}

// The file may grow to 2,500 bytes: the third line of a thousand is cut by the kernel.
static void half_a_line_is_taken_back_at_the_end(void **state)
{
	struct yg_sink_file sink;
	struct rlimit before, limit;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){2500, before.rlim_max};
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	for (int i = 0; i < 4; i++)
		assert_true(put(&sink, "x", 999));
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(yg_sink_file_flush(&sink, 0) < 0);
	uint64_t lost = yg_sink_file_close(&sink);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(lost, 2);
	assert_int_equal(size_of_file(), 2000);
	assert_int_equal(counter(YG_CC_EVE_LINES), 2);
}

// Which of the lines that the disk took are flows is said too: the rest are alerts, counted elsewhere.
static void the_flows_among_the_lines_that_were_kept_are_counted(void **state)
{
	static const char flow[] = "{\"timestamp\":\"2026-01-01T00:00:00.000000+0900\",\"event_type\":\"flow\",\"host\":\"a\"}";
	static const char alert[] =
	    "{\"timestamp\":\"2026-01-01T00:00:00.000000+0900\",\"event_type\":\"alert\",\"x\":\"event_type\",\"y\":\"flow\"}";
	struct yg_sink_file sink;
	struct rlimit before, limit;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	size_t whole = 2 * sizeof flow + sizeof alert; // each with its newline
	limit = (struct rlimit){whole + 20, before.rlim_max};
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	assert_true(put(&sink, flow, 1) && put(&sink, alert, 1) && put(&sink, flow, 1) && put(&sink, flow, 1));
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(yg_sink_file_close(&sink), 1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(sink.flows_kept, 2);
	assert_int_equal(size_of_file(), whole);
	assert_int_equal(counter(YG_CC_EVE_LINES), 3);
	assert_int_equal(counter(YG_CC_EVE_BYTES), whole);
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	assert_true(put(&sink, flow, 1) && put(&sink, alert, 1));
	assert_int_equal(yg_sink_file_close(&sink), 0);
	assert_int_equal(sink.flows_kept, 1);
}

static void after_a_short_write_it_goes_on_inside_the_line(void **state)
{
	struct yg_sink_file sink;
	struct rlimit before, limit;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){1500, before.rlim_max};
	assert_int_equal(yg_sink_file_open(&sink, path, stats), 0);
	assert_true(put(&sink, "x", 999) && put(&sink, "y", 999));
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_true(yg_sink_file_flush(&sink, 0) < 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(yg_sink_file_close(&sink), 0);
	assert_int_equal(size_of_file(), 2000);
}

static void a_path_that_cannot_be_opened_says_why(void **state)
{
	struct yg_sink_file sink;
	(void)state;
	assert_int_equal(yg_sink_file_open(&sink, "/nowhere/at/all", stats), -ENOENT);
	assert_int_equal(yg_sink_file_close(&sink), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_appended_and_counted),        TEST(a_full_buffer_is_written),
		TEST(an_open_last_line_of_another_is_ended), TEST(a_full_disk_keeps_the_lines_until_there_is_no_room),
		TEST(half_a_line_is_taken_back_at_the_end),  TEST(the_flows_among_the_lines_that_were_kept_are_counted),
		TEST(after_a_short_write_it_goes_on_inside_the_line),
		TEST(a_path_that_cannot_be_opened_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
