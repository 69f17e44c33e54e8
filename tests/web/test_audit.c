// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The audit log: whatever is done to its bytes is found; a torn end is mended, a broken chain is not opened; what people send stays a line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

#include "audit_parts.h"

enum { RECORDS = 60, MUTATIONS = 10000, SIZE_MAX_BYTES = 1 << 26 };

static char folder[64], path[96], changed[96];
static char *whole;
static size_t size;

static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static void put_file(const char *name, const char *bytes, size_t length)
{
	FILE *file = fopen(name, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void get_file(void)
{
	struct stat status;
	free(whole);
	assert_int_equal(stat(path, &status), 0);
	size = (size_t)status.st_size;
	whole = malloc(size + 1);
	FILE *file = fopen(path, "re");
	assert_int_equal(fread(whole, 1, size, file), size);
	whole[size] = 0;
	fclose(file);
}

static int setup(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof folder, "/tmp/yg-audit-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/audit.jsonl", folder);
	snprintf(changed, sizeof changed, "%s/changed", folder);
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	assert_non_null(audit);
	for (unsigned i = 0; i < RECORDS; i++) {
		char what[64];
		snprintf(what, sizeof what, "%u 件のグループ \"\\\n\r\x01 %u", i, i * i);
		struct web_audit_record record = {i % 3 ? "sato" : NULL, "192.0.2.1", i % 2 ? "login" : "triage", "ok", what};
		assert_int_equal(web_audit_write(audit, &record), 0);
	}
	web_audit_close(audit);
	get_file();
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	unlink(path);
	unlink(changed);
	rmdir(folder);
	free(whole);
	whole = NULL;
	return 0;
}

static struct web_audit_report verify(const char *name)
{
	struct web_audit_report report;
	assert_int_equal(web_audit_verify(name, &report), 0);
	return report;
}

static void a_log_as_written_is_whole(void **unused)
{
	(void)unused;
	struct web_audit_report report = verify(path);
	assert_int_equal(report.records, RECORDS);
	assert_int_equal(report.first_bad, 0);
}

static const char *line_at(unsigned n)
{
	const char *at = whole;
	while (n--)
		at = strchr(at, '\n') + 1;
	return at;
}

static size_t line_size(const char *at)
{
	return (size_t)(strchr(at, '\n') - at) + 1;
}

// One mutation into `to`; its size.
static size_t mutate(unsigned kind, char *to)
{
	size_t at = any((uint32_t)size), n = size;
	const char *one = line_at(any(RECORDS - 1)), *two = line_at(any(RECORDS));
	memcpy(to, whole, size);
	switch (kind) {
	case 0: // a bit
		to[at] ^= (char)(1 << any(8));
		break;
	case 1: // a byte
		to[at] = (char)(to[at] + 1 + (char)any(255));
		break;
	case 2: // some bytes less
		n = 1 + any(at + 40 < size ? 40 : (uint32_t)(size - at) - (at + 1 < size));
		memmove(to + at, to + at + n, size - at - n);
		n = size - n;
		break;
	case 3: // one more
		memmove(to + at + 1, to + at, size - at);
		to[at] = (char)any(256);
		n++;
		break;
	case 4: // a record less, not the last
		memmove(to + (one - whole), one + line_size(one), size - (size_t)(one - whole) - line_size(one));
		n = size - line_size(one);
		break;
	case 5: // a record twice
		memmove(to + (two - whole) + line_size(one), two, size - (size_t)(two - whole));
		memcpy(to + (two - whole), one, line_size(one));
		n += line_size(one);
		break;
	default: // cut anywhere but behind a record
		n = whole[at] == '\n' ? at : at + 1;
		n = n && whole[n - 1] == '\n' ? n - 1 : n;
	}
	return n;
}

static void ten_thousand_mutations_are_each_found(void **unused)
{
	(void)unused;
	char *bytes = malloc(2 * size + 4096);
	unsigned same = 0;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		size_t n = mutate(i % 7, bytes);
		if (n == size && memcmp(bytes, whole, size) == 0) { // a byte put beside its like
			same++;
			continue;
		}
		put_file(changed, bytes, n);
		struct web_audit_report report = verify(changed);
		if (!report.first_bad)
			fail_msg("mutation %u of kind %u, %zu bytes, was not found", i, i % 7, n);
		assert_true(report.first_bad <= RECORDS + 1);
		assert_int_equal(report.records, report.first_bad - 1);
	}
	assert_true(same < MUTATIONS / 20);
	free(bytes);
}

// Its maker knows how far it was written; the file alone cannot tell.
static void an_end_cut_off_behind_a_record_is_known_to_who_wrote_it(void **unused)
{
	(void)unused;
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	assert_int_equal(web_audit_count(audit), RECORDS);
	char head[WEB_AUDIT_HEX];
	memcpy(head, web_audit_head(audit), sizeof head);
	put_file(path, whole, (size_t)(line_at(RECORDS - 1) - whole));
	assert_int_equal(verify(path).records, RECORDS - 1);
	assert_true(verify(path).records < web_audit_count(audit));
	assert_memory_equal(strstr(line_at(RECORDS - 1), "\"hash\":\"") + 8, head, 64);
	web_audit_close(audit);
}

static void a_torn_end_is_cut_off_and_told(void **unused)
{
	(void)unused;
	put_file(path, whole, size - 20);
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	assert_non_null(audit);
	assert_int_equal(web_audit_count(audit), RECORDS); // one less, and one that says so
	web_audit_close(audit);
	get_file();
	assert_non_null(strstr(line_at(RECORDS - 1), "\"result\":\"mended\""));
	assert_int_equal(verify(path).first_bad, 0);
}

static void a_broken_chain_is_not_opened(void **unused)
{
	(void)unused;
	whole[size / 2] ^= 1;
	put_file(path, whole, size);
	assert_null(web_audit_open(folder, SIZE_MAX_BYTES));
	assert_int_equal(errno, EBADMSG);
}

static void what_people_send_stays_one_line(void **unused)
{
	(void)unused;
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	struct web_audit_record record = {"a\r\nb\n{\"n\":1}", "\xff\xfe", "login", "401", "x\"},{\"n\":2\x1b[31m"};
	assert_int_equal(web_audit_write(audit, &record), 0);
	web_audit_close(audit);
	get_file();
	assert_int_equal(verify(path).records, RECORDS + 1);
	const char *line = line_at(RECORDS);
	assert_ptr_equal(line + line_size(line), whole + size);
	assert_null(memchr(line, '\x1b', line_size(line)));
	assert_non_null(strstr(line, "(not UTF-8)"));
}

static void a_record_too_long_is_refused_and_leaves_nothing(void **unused)
{
	(void)unused;
	char *what = malloc(WEB_AUDIT_LINE + 1);
	memset(what, 'x', WEB_AUDIT_LINE);
	what[WEB_AUDIT_LINE] = 0;
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	assert_int_equal(web_audit_write(audit, &(struct web_audit_record){.action = "a", .what = what}), -EMSGSIZE);
	assert_int_equal(web_audit_write(audit, &(struct web_audit_record){.action = "b"}), 0);
	web_audit_close(audit);
	assert_int_equal(verify(path).records, RECORDS + 1);
	assert_int_equal(verify(path).first_bad, 0);
	free(what);
}

// The disk is full (a limit on the size of files stands for it): nothing of a record stays, what needs one is told so, and how many are
// lost.
static void a_full_disk_leaves_a_whole_log_that_says_what_it_lacks(void **unused)
{
	(void)unused;
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	struct rlimit before, full = {size + 100, RLIM_INFINITY};
	struct web_audit_record record = {"sato", "192.0.2.1", "login", "ok", "as long as a record is"};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	full.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_true(web_audit_ready(audit));
	assert_int_equal(web_audit_write(audit, &record), -EFBIG);
	assert_int_equal(web_audit_write(audit, &record), -EFBIG);
	assert_false(web_audit_ready(audit));
	assert_int_equal(verify(path).records, RECORDS);
	assert_int_equal(verify(path).first_bad, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(web_audit_ready(audit));
	assert_true(web_audit_ready(audit));
	web_audit_close(audit);
	get_file();
	assert_non_null(strstr(line_at(RECORDS), "2 records could not be written"));
	assert_int_equal(verify(path).records, RECORDS + 1);
	assert_int_equal(verify(path).first_bad, 0);
}

// Nobody reads: the pipe fills, and the log goes on.
static void a_journal_that_does_not_read_holds_nothing_up(void **unused)
{
	(void)unused;
	int ends[2];
	char first[512] = "";
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct web_audit *audit = web_audit_open(folder, SIZE_MAX_BYTES);
	web_audit_forward(audit, ends[1]);
	unsigned written = 0;
	for (; !web_audit_unforwarded(audit) && written < 5000; written++)
		assert_int_equal(web_audit_write(audit, &(struct web_audit_record){.user = "sato", .action = "login", .what = "forwarded"}),
		                 0);
	assert_int_equal(web_audit_unforwarded(audit), 1);
	assert_int_equal(web_audit_count(audit), RECORDS + written);
	assert_true(read(ends[0], first, sizeof first - 1) > 0);
	assert_memory_equal(first, "<5>audit {\"n\":61,", 17);
	web_audit_close(audit);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_log_as_written_is_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(ten_thousand_mutations_are_each_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_end_cut_off_behind_a_record_is_known_to_who_wrote_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_torn_end_is_cut_off_and_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_broken_chain_is_not_opened, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_people_send_stays_one_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_record_too_long_is_refused_and_leaves_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_full_disk_leaves_a_whole_log_that_says_what_it_lacks, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_journal_that_does_not_read_holds_nothing_up, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
