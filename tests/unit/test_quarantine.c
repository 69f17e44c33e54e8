// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Files of the quarantine: what is in them, who may read them, and when no more are written.
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
#include <sys/stat.h>
#include <unistd.h>

#include "dissector/quarantine.h"

static char folder_path[] = "/tmp/yagura-quarantine-XXXXXX";
static int folder;

static int make_folder(void **state)
{
	(void)state;
	memcpy(strrchr(folder_path, '-') + 1, "XXXXXX", 6);
	if (!mkdtemp(folder_path))
		return -1;
	folder = open(folder_path, O_RDONLY | O_DIRECTORY);
	return folder < 0;
}

static int remove_folder(void **state)
{
	(void)state;
	DIR *list = fdopendir(folder);
	for (struct dirent *entry; (entry = readdir(list));)
		unlinkat(folder, entry->d_name, 0);
	closedir(list);
	return rmdir(folder_path);
}

static void a_file_holds_the_packet_its_time_and_the_cause(void **state)
{
	(void)state;
	struct yg_quarantine quarantine;
	char name[YG_QUARANTINE_NAME];
	uint8_t packet[29], file[512];
	memset(packet, 0x45, sizeof packet);
	assert_int_equal(yg_quarantine_open(&quarantine, folder, 10), 0);
	assert_int_equal(
	    yg_quarantine_write(&quarantine, packet, sizeof packet, INT64_C(0x123456789abcdef), "why", name), 0);
	int fd = openat(folder, name, O_RDONLY);
	ssize_t size = read(fd, file, sizeof file);
	close(fd);
	const uint32_t *words = (const uint32_t *)file;
	assert_int_equal(size, 28 + 32 + 28 + 32 + 4 + 4 + 8);
	assert_int_equal(words[0], 0x0a0d0d0a);
	assert_int_equal(words[7 + 2], 101); // raw IP
	assert_int_equal(words[15], 6);      // enhanced packet
	assert_int_equal(words[16], size - 28 - 32);
	assert_int_equal(words[18], 0x1234567);
	assert_int_equal(words[19], 0x89abcdef);
	assert_int_equal(words[20], sizeof packet);
	assert_memory_equal(file + 88, packet, sizeof packet);
	assert_memory_equal(file + 88 + 32 + 4, "why", 3);
	assert_int_equal(words[size / 4 - 1], size - 28 - 32);
}

static void only_its_owner_may_read_a_file(void **state)
{
	(void)state;
	struct yg_quarantine quarantine;
	char name[YG_QUARANTINE_NAME];
	struct stat st;
	umask(0);
	assert_int_equal(yg_quarantine_open(&quarantine, folder, 10), 0);
	assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, "", name), 0);
	assert_int_equal(fstatat(folder, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_full_folder_takes_no_more(void **state)
{
	(void)state;
	struct yg_quarantine quarantine;
	char name[YG_QUARANTINE_NAME] = "untouched";
	assert_int_equal(yg_quarantine_open(&quarantine, folder, 3), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, "", name), 0);
	memcpy(name, "untouched", 10);
	assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, "", name), -ENOSPC);
	assert_string_equal(name, "untouched");
	// What an earlier process left counts as well; other people's files do not.
	close(openat(folder, "notes.txt", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(yg_quarantine_open(&quarantine, folder, 4), 0);
	assert_int_equal(quarantine.files, 3);
	assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, "", name), 0);
}

static void without_a_folder_nothing_is_written(void **state)
{
	(void)state;
	struct yg_quarantine quarantine;
	char name[YG_QUARANTINE_NAME];
	assert_int_equal(yg_quarantine_open(&quarantine, -1, 10), 0);
	assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, "", name), -ENOENT);
}

static void a_long_comment_is_cut(void **state)
{
	(void)state;
	struct yg_quarantine quarantine;
	char name[YG_QUARANTINE_NAME], comment[5000];
	struct stat st;
	memset(comment, 'c', sizeof comment);
	comment[sizeof comment - 1] = '\0';
	assert_int_equal(yg_quarantine_open(&quarantine, folder, 10), 0);
	assert_int_equal(yg_quarantine_write(&quarantine, (const uint8_t *)"x", 1, 0, comment, name), 0);
	assert_int_equal(fstatat(folder, name, &st, 0), 0);
	assert_int_equal(st.st_size, 28 + 32 + 28 + 4 + 4 + 400 + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_file_holds_the_packet_its_time_and_the_cause, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(only_its_owner_may_read_a_file, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(a_full_folder_takes_no_more, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(without_a_folder_nothing_is_written, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(a_long_comment_is_cut, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
