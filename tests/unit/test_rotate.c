// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// When the EVE file is set aside, under which name, what stays of it, and what happens when it cannot be.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "courier/rotate.h"

// 2026-11-21 21:30:00 in Tokyo
#define NOW INT64_C(1795264200)

static struct yg_courier_stats *stats;
static struct yg_rotate rotate;
static char folder[64];
static int fd;

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	stats = calloc(1, sizeof *stats);
	strcpy(folder, "/tmp/yagura-rotate-XXXXXX");
	if (!stats || !mkdtemp(folder) || chmod(folder, 0777) < 0)
		return -1;
	rotate = (struct yg_rotate){.stats = stats};
	snprintf(rotate.path, sizeof rotate.path, "%s/eve.json", folder);
	fd = open(rotate.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	return fd < 0;
}

static int tear_down(void **state)
{
	char name[512];
	(void)state;
	yg_rotate_end(&rotate);
	DIR *dir = opendir(folder);
	for (const struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
		snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
		unlink(name);
	}
	if (dir)
		closedir(dir);
	close(fd);
	free(stats);
	return rmdir(folder);
}

static uint64_t counter(enum yg_courier_counter c)
{
	return yg_counter_get(&stats->c[c]);
}

static bool there(const char *name)
{
	char whole[512];
	snprintf(whole, sizeof whole, "%s/%s", folder, name);
	return access(whole, F_OK) == 0;
}

static void put(const char *name, const char *text)
{
	char whole[512];
	snprintf(whole, sizeof whole, "%s/%s", folder, name);
	FILE *file = fopen(whole, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void append(const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int move(int64_t now)
{
	int new = yg_rotate_move(&rotate, fd, now);
	if (new < 0)
		return new;
	close(fd);
	fd = new;
	return 0;
}

static void wait_for_keeper(void)
{
	const struct timespec moment = {0, 1000000};
	for (int i = 0; i < 5000 && !yg_keeper_idle(rotate.keeper); i++)
		nanosleep(&moment, NULL);
	assert_true(yg_keeper_idle(rotate.keeper));
}

static void a_write_that_would_pass_the_size_is_due(void **state)
{
	(void)state;
	rotate.size = 10;
	yg_rotate_opened(&rotate, fd, NOW);
	assert_false(yg_rotate_due(&rotate, fd, 100, NOW)); // an empty file helps nobody
	append("12345678");
	assert_false(yg_rotate_due(&rotate, fd, 2, NOW));
	assert_true(yg_rotate_due(&rotate, fd, 3, NOW));
	assert_false(yg_rotate_due(&rotate, fd, 0, NOW));
}

static void a_day_ends_at_midnight_in_local_time(void **state)
{
	(void)state;
	int64_t midnight = NOW + 9000;
	rotate.period_s = 86400;
	yg_rotate_opened(&rotate, fd, NOW);
	append("line\n");
	assert_false(yg_rotate_due(&rotate, fd, 0, midnight - 1));
	assert_true(yg_rotate_due(&rotate, fd, 0, midnight));
}

static void a_file_without_lines_is_of_the_day_of_its_first(void **state)
{
	(void)state;
	int64_t midnight = NOW + 9000;
	rotate.period_s = 86400;
	yg_rotate_opened(&rotate, fd, NOW);
	assert_false(yg_rotate_due(&rotate, fd, 5, midnight + 600));
	append("line\n");
	assert_false(yg_rotate_due(&rotate, fd, 0, midnight + 601));
	assert_true(yg_rotate_due(&rotate, fd, 0, midnight + 86400));
}

static void a_file_of_yesterday_is_set_aside_after_a_start(void **state)
{
	(void)state;
	const struct timespec yesterday[2] = {{NOW - 86400, 0}, {NOW - 86400, 0}};
	append("line\n");
	assert_int_equal(futimens(fd, yesterday), 0);
	rotate.period_s = 86400;
	yg_rotate_opened(&rotate, fd, NOW);
	assert_true(yg_rotate_due(&rotate, fd, 0, NOW));
}

static void the_name_tells_the_time_and_is_never_taken_twice(void **state)
{
	(void)state;
	put("eve.json.20261121T213000+0900_002", "somebody else's\n");
	put("eve.json.20261121T213000+0900_003.gz", "likewise");
	for (int i = 0; i < 4; i++) {
		append("line\n");
		assert_int_equal(move(NOW), 0);
	}
	assert_true(there("eve.json") && there("eve.json.20261121T213000+0900"));
	assert_true(there("eve.json.20261121T213000+0900_001") && there("eve.json.20261121T213000+0900_004"));
	assert_true(there("eve.json.20261121T213000+0900_005") && !there("eve.json.20261121T213000+0900_003"));
	assert_int_equal(counter(YG_CC_EVE_ROTATIONS), 4);
}

static void a_thousand_names_in_one_second_are_the_limit(void **state)
{
	(void)state;
	for (int i = 0; i <= YG_ROTATE_NAMES; i++) {
		append("line\n");
		assert_int_equal(move(NOW), 0);
	}
	assert_int_equal(move(NOW), -EEXIST);
	assert_int_equal(counter(YG_CC_EVE_ROTATE_ERRORS), 1);
	assert_true(there("eve.json"));
}

static void a_name_that_is_anothers_is_left_alone(void **state)
{
	(void)state;
	append("line\n");
	put("other", "other\n");
	char other[512];
	snprintf(other, sizeof other, "%s/other", folder);
	assert_int_equal(rename(other, rotate.path), 0);
	assert_int_equal(move(NOW), -ESTALE);
	assert_int_equal(unlink(rotate.path), 0);
	assert_int_equal(symlink("/dev/null", rotate.path), 0);
	assert_int_equal(move(NOW), -EMLINK);
	append("and goes on\n");
	assert_false(yg_rotate_due(&rotate, fd, 100, NOW + YG_ROTATE_RETRY_S - 1)); // not at every line
}

// In a child that is nobody: root may write anywhere.
static void a_folder_that_may_not_be_written_keeps_the_file_going(void **state)
{
	(void)state;
	int status;
	append("line\n");
	assert_int_equal(chmod(folder, 0555), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(2);
		_exit(move(NOW) != -EACCES || counter(YG_CC_EVE_ROTATE_ERRORS) != 1 || write(fd, "on\n", 3) != 3);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// No descriptor is left for the new file: the old one gets its name back.
static void without_a_new_file_the_old_one_has_its_name_again(void **state)
{
	(void)state;
	struct rlimit limit, none;
	append("line\n");
	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){(rlim_t)fd, limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	int error = yg_rotate_move(&rotate, fd, NOW);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(error, -EMFILE);
	assert_true(there("eve.json") && !there("eve.json.20261121T213000+0900"));
	append("and goes on\n");
	assert_int_equal(move(NOW + 60), 0);
}

static void a_file_that_somebody_renamed_is_opened_anew(void **state)
{
	(void)state;
	char aside[512];
	assert_int_equal(yg_rotate_reopen(rotate.path, fd), -EALREADY);
	snprintf(aside, sizeof aside, "%s/eve.json.1", folder);
	assert_int_equal(rename(rotate.path, aside), 0);
	int new = yg_rotate_reopen(rotate.path, fd);
	assert_true(new >= 0 && there("eve.json"));
	close(new);
}

static void the_oldest_go_and_what_is_not_ours_stays(void **state)
{
	(void)state;
	static const char *const others[] = {"eve.json.1", "eve.json.2.gz", "eve.json.20261121", "eve.jsonx20200101T000000+0900",
	                                     "eve.json.20200101T000000+0900.bak", "eve.json.20200101T000000+0900_x"};
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		put(others[i], "x\n");
		assert_false(yg_keeper_is_old("eve.json", others[i]));
	}
	put("eve.json.20260101T000000+0900", "x\n");
	put("eve.json.20260101T000000+0900_001.gz", "x\n");
	put("eve.json.20260102T000000+0900.gz", "x\n");
	put("eve.json.20260103T000000-0330", "x\n");
	rotate.keep = 2;
	yg_rotate_begin(&rotate);
	assert_non_null(rotate.keeper);
	wait_for_keeper();
	assert_false(there("eve.json.20260101T000000+0900") || there("eve.json.20260101T000000+0900_001.gz"));
	assert_true(there("eve.json.20260102T000000+0900.gz") && there("eve.json.20260103T000000-0330"));
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(there(others[i]));
	assert_int_equal(counter(YG_CC_EVE_REMOVED), 2);
}

static void more_old_files_than_are_looked_at_are_counted(void **state)
{
	(void)state;
	char name[64];
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i <= YG_KEEPER_FILES; i++) {
		snprintf(name, sizeof name, "eve.json.%08dT000000+0900", i);
		close(openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
	}
	close(dir);
	rotate.keep = 10;
	yg_rotate_begin(&rotate);
	wait_for_keeper();
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 1);
	assert_int_equal(counter(YG_CC_EVE_REMOVED), YG_KEEPER_FILES - 10);
	yg_keeper_wake(rotate.keeper);
	wait_for_keeper();
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 1);
	assert_int_equal(counter(YG_CC_EVE_REMOVED), YG_KEEPER_FILES + 1 - 10);
}

static void a_pipe_of_an_old_name_does_not_hold_the_thread(void **state)
{
	(void)state;
	char name[512];
	snprintf(name, sizeof name, "%s/eve.json.20200101T000000+0900", folder);
	assert_int_equal(mkfifo(name, 0600), 0);
	rotate.compress = true;
	yg_rotate_begin(&rotate);
	wait_for_keeper();
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 1);
	assert_true(there("eve.json.20200101T000000+0900"));
}

// Somebody has given it the name of one that was set aside, and we have not been told yet.
static void the_file_that_is_written_to_is_left_alone(void **state)
{
	(void)state;
	char name[512];
	rotate.compress = true;
	rotate.keep = 1;
	append("line\n");
	snprintf(name, sizeof name, "%s/eve.json.20200101T000000+0900", folder);
	assert_int_equal(rename(rotate.path, name), 0);
	put("eve.json.20200102T000000+0900", "x\n");
	put("eve.json.20200103T000000+0900", "x\n");
	yg_rotate_opened(&rotate, fd, NOW);
	yg_rotate_begin(&rotate);
	wait_for_keeper();
	assert_true(there("eve.json.20200101T000000+0900") && !there("eve.json.20200102T000000+0900"));
	assert_true(there("eve.json.20200103T000000+0900.gz"));
	int new = yg_rotate_reopen(rotate.path, fd);
	assert_true(new >= 0);
	close(fd);
	fd = new;
	yg_rotate_opened(&rotate, fd, NOW);
	yg_keeper_wake(rotate.keeper);
	wait_for_keeper();
	assert_false(there("eve.json.20200101T000000+0900"));
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 0);
}

// eve.json may be a link to another file system, where numbers of files are its own.
static void an_old_file_that_has_the_number_of_one_elsewhere_is_not_spared(void **state)
{
	(void)state;
	char name[512];
	struct stat st;
	rotate.compress = true;
	append("line\n");
	snprintf(name, sizeof name, "%s/eve.json.20200101T000000+0900", folder);
	assert_int_equal(rename(rotate.path, name), 0);
	assert_int_equal(fstat(fd, &st), 0);
	rotate.file = (struct yg_file_id){st.st_dev + 1, st.st_ino};
	yg_rotate_begin(&rotate);
	wait_for_keeper();
	assert_true(there("eve.json.20200101T000000+0900.gz"));
}

static void a_clock_that_is_set_back_does_not_keep_it_from_trying(void **state)
{
	(void)state;
	rotate.period_s = 3600;
	yg_rotate_opened(&rotate, fd, NOW);
	append("line\n");
	rotate.retry_s = NOW + YG_ROTATE_RETRY_S; // after a failure now
	assert_false(yg_rotate_due(&rotate, fd, 0, NOW + YG_ROTATE_RETRY_S - 1));
	assert_true(yg_rotate_due(&rotate, fd, 0, NOW - 86400));
}

static void an_old_file_is_compressed_whole(void **state)
{
	(void)state;
	enum { LINES = 200000 };
	char name[512], line[64];
	FILE *file = fdopen(dup(fd), "a");
	for (int i = 0; i < LINES; i++)
		fprintf(file, "{\"line\":%d}\n", i);
	fclose(file);
	put("eve.json.20200101T000000+0900", "done\n"); // by one that died: the other of the two is whole
	put("eve.json.20200101T000000+0900.gz", "done\n");
	put("eve.json.20200102T000000+0900.gz.part", "half");
	rotate.compress = true;
	yg_rotate_begin(&rotate);
	assert_int_equal(move(NOW), 0);
	wait_for_keeper();
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 0);
	assert_int_equal(counter(YG_CC_EVE_COMPRESSED), 1);
	assert_false(there("eve.json.20261121T213000+0900") || there("eve.json.20200101T000000+0900") ||
	             there("eve.json.20200102T000000+0900.gz.part"));
	snprintf(name, sizeof name, "%s/eve.json.20261121T213000+0900.gz", folder);
	gzFile gz = gzopen(name, "rb");
	assert_non_null(gz);
	for (int i = 0; i < LINES; i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "{\"line\":%d}\n", i);
		assert_non_null(gzgets(gz, line, sizeof line));
		assert_string_equal(line, expected);
	}
	assert_null(gzgets(gz, line, sizeof line));
	gzclose(gz);
}

// The disk takes no more than so much of a file: what was set aside stays as it is.
static void a_full_disk_leaves_the_old_file_as_it_is(void **state)
{
	(void)state;
	struct rlimit limit, small;
	char bytes[4096];
	int random = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 64; i++)
		assert_true(read(random, bytes, sizeof bytes) == sizeof bytes && write(fd, bytes, sizeof bytes) == sizeof bytes);
	close(random);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){100000, limit.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	rotate.compress = true;
	assert_int_equal(move(NOW), 0);
	yg_rotate_begin(&rotate);
	wait_for_keeper();
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(counter(YG_CC_EVE_KEEP_ERRORS), 1);
	assert_true(there("eve.json.20261121T213000+0900") && !there("eve.json.20261121T213000+0900.gz.part"));
	yg_keeper_wake(rotate.keeper);
	wait_for_keeper();
	assert_true(there("eve.json.20261121T213000+0900.gz"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_write_that_would_pass_the_size_is_due),
	    TEST(a_day_ends_at_midnight_in_local_time),
	    TEST(a_file_without_lines_is_of_the_day_of_its_first),
	    TEST(a_file_of_yesterday_is_set_aside_after_a_start),
	    TEST(the_name_tells_the_time_and_is_never_taken_twice),
	    TEST(a_thousand_names_in_one_second_are_the_limit),
	    TEST(a_name_that_is_anothers_is_left_alone),
	    TEST(a_folder_that_may_not_be_written_keeps_the_file_going),
	    TEST(without_a_new_file_the_old_one_has_its_name_again),
	    TEST(a_file_that_somebody_renamed_is_opened_anew),
	    TEST(the_oldest_go_and_what_is_not_ours_stays),
	    TEST(more_old_files_than_are_looked_at_are_counted),
	    TEST(a_pipe_of_an_old_name_does_not_hold_the_thread),
	    TEST(the_file_that_is_written_to_is_left_alone),
	    TEST(an_old_file_that_has_the_number_of_one_elsewhere_is_not_spared),
	    TEST(a_clock_that_is_set_back_does_not_keep_it_from_trying),
	    TEST(an_old_file_is_compressed_whole),
	    TEST(a_full_disk_leaves_the_old_file_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
