// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The audit log over many files: the chain goes on across them, whatever is done to any is found, files that were put away are no fault,
// and a kill at any moment leaves a log that goes on. The folder is in memory where there is such a thing: each record is forced to disk.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit_parts.h"

enum { MANY = 100000, KILLS = 300, MUTATIONS = 3000, SMALL = WEB_AUDIT_LINE + 8192, ONE = WEB_AUDIT_LINE + 1 };

static char folder[64];
static uint64_t state = 0x2545f4914f6cdd1d;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static int setup(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof folder, "%s/yg-audit-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static char *at(uint64_t number) // 0: the newest
{
	static char path[128];
	char name[WEB_AUDIT_NAME] = WEB_AUDIT_NEWEST;
	if (number)
		web_audit_file_name(number, name);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int teardown(void **unused)
{
	(void)unused;
	DIR *names = opendir(folder);
	for (struct dirent *entry; (entry = readdir(names));)
		unlinkat(dirfd(names), entry->d_name, 0);
	closedir(names);
	return rmdir(folder);
}

static struct web_audit *open_log(int64_t size_max)
{
	struct web_audit *audit = web_audit_open(folder, size_max);
	assert_non_null(audit);
	return audit;
}

static void write_records(struct web_audit *audit, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(web_audit_write(audit, &(struct web_audit_record){"sato", "192.0.2.1", "triage", "ok", "12 件のグループ"}), 0);
}

static void make(unsigned count, int64_t size_max)
{
	struct web_audit *audit = open_log(size_max);
	write_records(audit, count);
	web_audit_close(audit);
}

static struct web_audit_report verify(const char *path)
{
	struct web_audit_report report;
	assert_int_equal(web_audit_verify(path, &report), 0);
	return report;
}

static char *load(const char *path, size_t *ret_size)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	char *bytes = malloc((size_t)status.st_size + 64);
	FILE *file = fopen(path, "re");
	*ret_size = fread(bytes, 1, (size_t)status.st_size, file);
	assert_int_equal(*ret_size, status.st_size);
	fclose(file);
	return bytes;
}

static void store(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "we");
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

// What the newest file's state is, the log goes on with the next number, and is whole.
static void goes_on(uint64_t records)
{
	struct web_audit *audit = open_log(SMALL);
	assert_int_equal(web_audit_count(audit), records);
	write_records(audit, 1);
	web_audit_close(audit);
	struct web_audit_report report = verify(folder);
	assert_string_equal(report.why, "");
	assert_int_equal(report.records, records + 1);
	assert_int_equal(report.begins, 1);
}

static void a_hundred_thousand_records_are_one_chain_over_files(void **unused)
{
	(void)unused;
	const int64_t size_max = 1 << 20;
	int64_t begun = now_ms();
	make(MANY, size_max);
	int64_t written = now_ms();
	struct web_audit *audit = open_log(size_max);
	int64_t opened = now_ms();
	assert_int_equal(web_audit_count(audit), MANY);
	uint64_t newest = web_audit_newest(audit);
	web_audit_close(audit);
	struct web_audit_report report = verify(folder);
	print_message("%d records in %u files: written in %lld ms, opened in %lld ms, verified in %lld ms\n", MANY, report.files,
	              (long long)(written - begun), (long long)(opened - written), (long long)(now_ms() - opened));
	assert_int_equal(report.records, MANY);
	assert_int_equal(report.first_bad, 0);
	assert_int_equal(report.begins, 1);
	assert_int_equal(report.files, newest);
	assert_true(newest > 20);
	uint64_t next = 1;
	for (uint64_t n = 1; n <= newest; n++) {
		struct stat status;
		assert_int_equal(stat(at(n < newest ? n : 0), &status), 0);
		assert_true(status.st_size <= size_max && (n == newest || status.st_size > size_max - 2 * WEB_AUDIT_LINE));
		assert_int_equal(status.st_mode & 0777, 0600);
		report = verify(at(n < newest ? n : 0)); // each alone
		assert_int_equal(report.first_bad, 0);
		assert_int_equal(report.begins, next);
		next += report.records;
	}
	assert_int_equal(next, MANY + 1);
}

static void files_that_were_put_away_are_told_and_no_fault(void **unused)
{
	(void)unused;
	make(400, SMALL);
	uint64_t second = verify(at(1)).records + 1, third = second + verify(at(2)).records;
	assert_int_equal(unlink(at(1)), 0);
	struct web_audit_report report = verify(folder);
	assert_int_equal(report.first_bad, 0);
	assert_int_equal(report.begins, second);
	assert_int_equal(report.records, 400 - second + 1);
	assert_int_equal(unlink(at(2)), 0);
	assert_int_equal(verify(folder).begins, third);
	struct web_audit *audit = open_log(SMALL);
	assert_int_equal(web_audit_count(audit), 400);
	assert_int_equal(web_audit_oldest(audit).number, 3);
	assert_int_equal(web_audit_oldest(audit).first, third);
	assert_int_equal(unlink(at(3)), 0); // while it runs
	assert_int_equal(web_audit_oldest(audit).number, 4);
	web_audit_close(audit);
}

static void a_file_missing_between_is_a_fault(void **unused)
{
	(void)unused;
	make(400, SMALL);
	uint64_t end = verify(at(1)).records + verify(at(2)).records, third = end + 1;
	assert_int_equal(unlink(at(3)), 0);
	assert_int_equal(verify(folder).first_bad, third);
	assert_string_equal(verify(folder).why, "does not have the next number");
}

static void the_front_of_the_oldest_file_cut_off_is_a_fault(void **unused)
{
	(void)unused;
	make(400, SMALL);
	assert_int_equal(unlink(at(1)), 0);
	size_t size;
	char *bytes = load(at(2), &size), *second = strchr(bytes, '\n') + 1;
	store(at(2), second, size - (size_t)(second - bytes));
	assert_true(verify(folder).first_bad > 0);
	free(bytes);
}

static void the_end_of_an_older_file_cut_off_is_a_fault(void **unused)
{
	(void)unused;
	make(400, SMALL);
	size_t size;
	char *bytes = load(at(2), &size);
	uint64_t records = verify(at(1)).records + verify(at(2)).records;
	store(at(2), bytes, size - 10);
	assert_int_equal(verify(folder).first_bad, records);
	assert_string_equal(verify(folder).why, "is torn");
	char *last = memrchr(bytes, '\n', size - 2);
	store(at(2), bytes, (size_t)(last + 1 - bytes));
	assert_int_equal(verify(folder).first_bad, records);
	free(bytes);
	struct web_audit *audit = open_log(SMALL); // the newest and what it follows from are whole
	web_audit_close(audit);
}

static void what_the_newest_does_not_follow_from_is_not_opened(void **unused)
{
	(void)unused;
	make(100, SMALL);
	struct web_audit *audit = open_log(SMALL);
	uint64_t before = web_audit_newest(audit) - 1;
	web_audit_close(audit);
	size_t size;
	char *bytes = load(at(before), &size), *last = memrchr(bytes, '\n', size - 2);
	store(at(before), bytes, (size_t)(last + 1 - bytes));
	assert_null(web_audit_open(folder, SMALL));
	assert_int_equal(errno, EBADMSG);
	free(bytes);
}

static void mutations_of_any_file_are_each_found(void **unused)
{
	(void)unused;
	make(300, SMALL);
	uint64_t newest = verify(folder).files;
	assert_true(newest > 5);
	for (unsigned i = 0; i < MUTATIONS; i++) {
		uint64_t n = any((uint32_t)newest);
		char path[128];
		snprintf(path, sizeof path, "%s", at(n));
		size_t size, now;
		char *bytes = load(path, &size), *changed = malloc(size + 64);
		memcpy(changed, bytes, size);
		size_t place = any((uint32_t)size);
		now = size;
		if (i % 3 == 0) {
			changed[place] ^= (char)(1 << any(8));
		} else if (i % 3 == 1) { // a record less, but the last of the newest, which its maker alone can know
			char *from = memrchr(changed, '\n', place), *line = from ? from + 1 : changed, *end = strchr(line, '\n') + 1;
			bool last = end == changed + size;
			if (!last || n) {
				memmove(line, end, size - (size_t)(end - changed));
				now = size - (size_t)(end - line);
			} else {
				changed[place] ^= 1;
			}
		} else {
			now = changed[place] == '\n' ? place : place + 1;
			now -= now && changed[now - 1] == '\n';
			now += !now; // nothing left of a file is a kill's doing, and of the newest no fault
		}
		store(path, changed, now);
		if (!verify(folder).first_bad)
			fail_msg("mutation %u of file %llu was not found", i, (unsigned long long)n);
		store(path, bytes, size);
		free(bytes);
		free(changed);
	}
	assert_int_equal(verify(folder).first_bad, 0);
}

static void whatever_a_kill_leaves_of_a_rotation_goes_on(void **unused)
{
	(void)unused;
	make(200, SMALL);
	struct web_audit *audit = open_log(SMALL);
	uint64_t newest = web_audit_newest(audit);
	web_audit_close(audit);
	char from[128];
	snprintf(from, sizeof from, "%s", at(0));
	assert_int_equal(rename(from, at(newest)), 0); // renamed, and no more
	goes_on(200);
	snprintf(from, sizeof from, "%s", at(0));
	assert_int_equal(rename(from, at(newest + 1)), 0);
	store(at(0), "", 0); // renamed, and created
	goes_on(201);
	snprintf(from, sizeof from, "%s", at(0));
	assert_int_equal(rename(from, at(newest + 2)), 0);
	store(at(0), "{\"n\":203,\"time\":\"2026-11-", 24); // and a part of its first record: what follows says that it was mended
	goes_on(203);
}

static void kills_at_any_moment_lose_nothing_that_was_confirmed(void **unused)
{
	(void)unused;
	uint64_t *confirmed = mmap(NULL, sizeof *confirmed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t rotations = 0, count = 0;
	assert_ptr_not_equal(confirmed, MAP_FAILED);
	for (unsigned i = 0; i < KILLS; i++) {
		pid_t child = fork();
		if (child == 0) {
			struct web_audit *audit = web_audit_open(folder, ONE + (int64_t)any(2000)); // a new file every few records
			while (audit && web_audit_write(audit, &(struct web_audit_record){.user = "sato", .action = "login", .result = "ok"}) == 0)
				__atomic_store_n(confirmed, web_audit_count(audit), __ATOMIC_SEQ_CST);
			_exit(1);
		}
		struct timespec rest = {0, 200000 + (long)any(3000000)};
		nanosleep(&rest, NULL);
		any(7); // the next child begins otherwise
		kill(child, SIGKILL);
		int status;
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		struct web_audit *audit = open_log(SMALL);
		assert_true(web_audit_count(audit) >= *confirmed);
		count = web_audit_count(audit);
		rotations = web_audit_newest(audit);
		web_audit_close(audit);
	}
	struct web_audit_report report = verify(folder);
	print_message("%u kills: %llu records in %llu files\n", KILLS, (unsigned long long)count, (unsigned long long)rotations);
	assert_string_equal(report.why, "");
	assert_true(rotations > KILLS);
	if (report.begins == 1)
		assert_int_equal(report.records, count);
	munmap(confirmed, sizeof *confirmed);
}

static void a_file_that_cannot_be_followed_is_written_to_and_counted(void **unused)
{
	(void)unused;
	make(1, ONE);
	store(at(1), "somebody's", 10);
	struct web_audit *audit = open_log(ONE);
	write_records(audit, 4);
	assert_int_equal(web_audit_counters(audit).rotations, 0);
	assert_int_equal(web_audit_counters(audit).rotations_failed, 4);
	assert_int_equal(verify(at(0)).records, 5);
	assert_int_equal(unlink(at(1)), 0);
	write_records(audit, 2);
	assert_int_equal(web_audit_counters(audit).rotations, 2);
	web_audit_close(audit);
	assert_int_equal(verify(folder).records, 7);
	assert_int_equal(verify(folder).first_bad, 0);
}

static void more_files_than_are_known_are_passed_over_and_counted(void **unused)
{
	(void)unused;
	struct web_audit *audit = open_log(ONE);
	write_records(audit, WEB_AUDIT_FILES + 4); // each in a file of its own
	assert_int_equal(web_audit_newest(audit), WEB_AUDIT_FILES + 4);
	assert_int_equal(web_audit_counters(audit).files_full, 3);
	assert_int_equal(web_audit_oldest(audit).number, 4);
	web_audit_close(audit);
	audit = open_log(ONE);
	assert_int_equal(web_audit_counters(audit).files_full, 3);
	assert_int_equal(web_audit_oldest(audit).first, 4);
	assert_int_equal(web_audit_count(audit), WEB_AUDIT_FILES + 4);
	web_audit_close(audit);
	assert_int_equal(verify(folder).begins, 4);
	assert_int_equal(verify(folder).first_bad, 0);
}

// `yagura-web audit verify` beside the running server, which goes on in another file meanwhile.
static void a_log_that_is_written_is_whole_whenever_it_is_verified(void **unused)
{
	(void)unused;
	make(1, ONE);
	pid_t child = fork();
	if (child == 0) {
		struct web_audit *audit = web_audit_open(folder, ONE); // a new file for each record
		for (unsigned i = 0; audit && i < 3000; i++)
			web_audit_write(audit, &(struct web_audit_record){.user = "sato", .action = "login", .result = "ok"});
		_exit(!audit);
	}
	struct web_audit_report report = {0};
	int status = 0, times = 0;
	for (; waitpid(child, &status, WNOHANG) == 0; times++) {
		report = verify(folder);
		if (report.first_bad)
			fail_msg("record %llu %s", (unsigned long long)report.first_bad, report.why);
	}
	assert_int_equal(status, 0);
	assert_true(times > 1);
	assert_int_equal(verify(folder).records, 3001);
}

static void names_that_are_none_are_no_files_of_the_log(void **unused)
{
	(void)unused;
	static const char *const names[] = {"audit-1.jsonl", "audit-000001.jsonl", "audit-00000.jsonl", "audit--0001.jsonl",
	                                    "audit-00001.jsonl.gz", "audit-99999999999999999999.jsonl", "audit-0x001.jsonl"};
	make(3, SMALL);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		char path[160];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		store(path, "x", 1);
	}
	assert_int_equal(verify(folder).records, 3);
	assert_int_equal(verify(folder).files, 1);
	store(at(7), "a copy of the newest, left by somebody", 38);
	assert_int_equal(verify(folder).first_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_hundred_thousand_records_are_one_chain_over_files, setup, teardown),
	    cmocka_unit_test_setup_teardown(files_that_were_put_away_are_told_and_no_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_file_missing_between_is_a_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_front_of_the_oldest_file_cut_off_is_a_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_end_of_an_older_file_cut_off_is_a_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_the_newest_does_not_follow_from_is_not_opened, setup, teardown),
	    cmocka_unit_test_setup_teardown(mutations_of_any_file_are_each_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(whatever_a_kill_leaves_of_a_rotation_goes_on, setup, teardown),
	    cmocka_unit_test_setup_teardown(kills_at_any_moment_lose_nothing_that_was_confirmed, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_file_that_cannot_be_followed_is_written_to_and_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(more_files_than_are_known_are_passed_over_and_counted, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_log_that_is_written_is_whole_whenever_it_is_verified, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_that_are_none_are_no_files_of_the_log, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
