// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura spool` on real folders: one in use, one that is damaged, one that is none. Argument: the program.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "courier/wal.h"

static const char *program;
static char folder[64], output[1 << 20];
static struct yg_disk disk;
static struct yg_wal *wal;

// Its exit status; what it prints is in `output`.
static int yagura(const char *arguments)
{
	char command[512];
	snprintf(command, sizeof command, "LC_ALL=C %s spool %s 2>&1", program, arguments);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
	int status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int spool(const char *part, const char *options)
{
	char arguments[256];
	snprintf(arguments, sizeof arguments, "%s %s %s", part, options, folder);
	return yagura(arguments);
}

static unsigned count(const char *text)
{
	unsigned n = 0;
	for (const char *p = output; (p = strstr(p, text)); p += strlen(text))
		n++;
	return n;
}

static int set_up(void **state)
{
	const struct yg_wal_options options = {.segment_bytes = 8192, .quota_bytes = 1 << 20, .reserve_bytes = 65536, .now_ns = 1,
	                                       .real_ns = UINT64_C(1795244645000000000), .uuid = "sixteen bytes.."};
	const uint64_t id[2] = {1, 1};
	char text[64];
	uint64_t lsn;
	(void)state;
	strcpy(folder, "/tmp/yagura-spool-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(yg_disk_open(&disk, folder, true), 0);
	assert_int_equal(yg_wal_open(&disk, &options, NULL, NULL, &wal), 0);
	int sink = yg_wal_sink(wal, "redis");
	for (uint64_t p = 1; p <= 400; p++) {
		int n = snprintf(text, sizeof text, "{\"event_type\":\"alert\",\"n\":%llu}\n", (unsigned long long)p);
		assert_int_equal(yg_wal_append(wal, p % 4 ? YG_SPOOL_ALERT : YG_SPOOL_HIGH, 1, p, text, (size_t)n, 1, &lsn), 0);
	}
	yg_wal_lost(wal, YG_SPOOL_FLOW, 1, 1, 3, 3);
	assert_int_equal(yg_wal_tick(wal, UINT64_C(2000000000)), 0);
	assert_int_equal(yg_wal_sync(wal, UINT64_C(2000000000)), 0);
	yg_wal_set_cursor(wal, sink, 101, id);
	assert_int_equal(yg_wal_tick(wal, UINT64_C(5000000000)), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	yg_wal_close(wal, UINT64_C(5000000000));
	yg_disk_close(&disk);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static void a_spool_in_use_is_listed_printed_verified_and_counted(void **state)
{
	(void)state;
	assert_int_equal(spool("ls", ""), EX_OK);
	assert_int_equal(count(" active "), 1);
	assert_true(count(" sealed ") >= 3);
	assert_int_equal(count("2026-11-21T"), count(".wal"));
	assert_int_equal(spool("cat", ""), EX_OK);
	assert_int_equal(count("event_type"), 400);
	assert_int_equal(count("gap of 3 flow"), 1);
	assert_int_equal(spool("cat", "--class high --from 201"), EX_OK);
	assert_int_equal(count("event_type"), 50);
	assert_int_equal(spool("verify", ""), EX_OK);
	assert_int_equal(count(": ok: "), count(".wal"));
	assert_int_equal(count("BAD"), 0);
	assert_int_equal(spool("stats", ""), EX_OK);
	assert_int_equal(count("alert     300 lines, 0 lost"), 1);
	assert_int_equal(count("flow      0 lines, 3 lost"), 1);
	assert_int_equal(count("301 waiting"), 1);
	assert_int_equal(spool("stats", "--json"), EX_OK);
	assert_int_equal(count("\"name\":\"redis\",\"lsn\":101,\"waiting\":301"), 1);
	assert_int_equal(spool("ls", "--json"), EX_OK);
	assert_int_equal(count("\"state\":\"active\""), 1);
}

static int open_first(int index)
{
	char path[512], *line = output;
	assert_int_equal(spool("ls", ""), EX_OK);
	for (int i = -1; i < index; i++)
		line = strchr(line, '\n') + 1;
	*strchr(line, ' ') = '\0';
	snprintf(path, sizeof path, "%s/%s", folder, line);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void what_was_changed_is_named(void **state)
{
	(void)state;
	int fd = open_first(1);
	assert_int_equal(pwrite(fd, "X", 1, 3000), 1);
	close(fd);
	assert_int_equal(spool("verify", ""), EX_DATAERR);
	assert_int_equal(count(": BAD: "), 1);
	assert_int_equal(count("records are damaged"), 1);
	assert_int_equal(spool("verify", "--json"), EX_DATAERR);
	assert_int_equal(count("\"ok\":false"), 1);
	assert_int_equal(spool("cat", ""), EX_DATAERR);
	assert_int_equal(count("event_type"), 399);
}

// Whoever computes the sums again still breaks the seal.
static void a_record_that_was_forged_breaks_the_seal(void **state)
{
	static uint8_t bytes[8192];
	struct yg_segment_header header;
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	(void)state;
	int fd = open_first(0);
	assert_int_equal(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
	assert_true(yg_segment_get_header(bytes, sizeof bytes, &header));
	yg_segment_walk_memory(&walk, &header, bytes, sizeof bytes);
	do {
		assert_int_equal(yg_segment_next(&walk, &record), 1);
	} while (record.type != YG_SPOOL_LINE);
	bytes[walk.at + YG_SEGMENT_RECORD + 2] = 'E';
	yg_segment_sum(bytes + walk.at, header.seed);
	assert_int_equal(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
	close(fd);
	assert_int_equal(spool("verify", ""), EX_DATAERR);
	assert_int_equal(count("not those that were sealed"), 1);
}

static void a_segment_that_is_missing_is_missed(void **state)
{
	char command[1024], *line = output;
	(void)state;
	assert_int_equal(spool("ls", ""), EX_OK);
	for (int i = 0; i < 2; i++)
		line = strchr(line, '\n') + 1;
	*strchr(line, ' ') = '\0';
	snprintf(command, sizeof command, "%s/%s", folder, line);
	assert_int_equal(unlink(command), 0);
	assert_int_equal(spool("verify", ""), EX_DATAERR);
	assert_int_equal(count("the segment before it is missing"), 1);
}

// No segment behind it can miss it; spool.meta does.
static void the_newest_segment_is_missed_too(void **state)
{
	char command[1024], *line = output, *next;
	(void)state;
	assert_int_equal(spool("verify", ""), EX_OK);
	assert_int_equal(spool("ls", ""), EX_OK);
	while ((next = strchr(line, '\n')) && next[1])
		line = next + 1;
	*strchr(line, ' ') = '\0';
	snprintf(command, sizeof command, "%s/%s", folder, line);
	assert_int_equal(unlink(command), 0);
	assert_int_equal(spool("verify", ""), EX_DATAERR);
}

static void wrong_usage_and_no_spool(void **state)
{
	(void)state;
	assert_int_equal(yagura("--help"), EX_OK);
	assert_int_equal(yagura(""), EX_USAGE);
	assert_int_equal(yagura("ls"), EX_USAGE);
	assert_int_equal(spool("grep", ""), EX_USAGE);
	assert_int_equal(spool("cat", "--from x"), EX_USAGE);
	assert_int_equal(spool("cat", "--class alerts"), EX_USAGE);
	assert_int_equal(yagura("ls /nonexistent"), EX_NOINPUT);
	assert_int_equal(yagura("ls /proc/self/net"), EX_NOINPUT);
	assert_int_equal(yagura("ls /etc/passwd"), EX_NOINPUT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_spool_in_use_is_listed_printed_verified_and_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_changed_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_was_forged_breaks_the_seal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_segment_that_is_missing_is_missed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_newest_segment_is_missed_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_usage_and_no_spool, set_up, tear_down)};
	if (argc < 2)
		return EX_USAGE;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
