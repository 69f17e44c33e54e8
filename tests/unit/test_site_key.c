// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The key of the ids of alerts on disk: made once, whole or not there whatever kills who makes it, one for all who start at once, refused
// when it is none.
#include "cli/site_key.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { AT_ONCE = 16, ROUNDS = 20, KILLS = 400, KILLED_WITHIN_US = 1500 };

static char folder[64], state[80], path[96];

static int begin(void **context)
{
	(void)context;
	strcpy(folder, "/tmp/yg-key-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(state, sizeof state, "%s/state", folder);
	snprintf(path, sizeof path, "%s/id.key", state);
	return 0;
}

static void forget(void)
{
	char unfinished[112];
	snprintf(unfinished, sizeof unfinished, "%s.new", path);
	unlink(path);
	rmdir(path);
	unlink(unfinished);
	rmdir(state);
}

static int end(void **context)
{
	(void)context;
	forget();
	return rmdir(folder);
}

static void write_file(const void *bytes, size_t size, mode_t mode)
{
	mkdir(state, 0700);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void it_is_made_once_for_its_owner_alone(void **context)
{
	(void)context;
	struct yg_hash_key first, again, named, other;
	struct stat about;
	bool unmade;
	assert_int_equal(yg_site_key_make(state, &first, &unmade), 0);
	assert_false(unmade);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	assert_int_equal(about.st_size, YG_SITE_KEY_BYTES);
	assert_int_equal(yg_site_key_make(state, &again, &unmade), 0);
	assert_memory_equal(&first, &again, sizeof first);
	assert_int_equal(yg_site_key_read(path, &named), 0);
	assert_memory_equal(&first, &named, sizeof first);
	forget();
	assert_int_equal(yg_site_key_make(state, &other, &unmade), 0);
	assert_memory_not_equal(&first, &other, sizeof first);
}

// The bytes mean the same on every machine.
static void the_bytes_are_two_numbers_lowest_byte_first(void **context)
{
	(void)context;
	uint8_t bytes[YG_SITE_KEY_BYTES];
	struct yg_hash_key key;
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i + 1);
	write_file(bytes, sizeof bytes, 0640);
	assert_int_equal(yg_site_key_read(path, &key), 0);
	assert_true(key.k0 == UINT64_C(0x0807060504030201) && key.k1 == UINT64_C(0x100f0e0d0c0b0a09));
}

static pid_t make_in_child(int out)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	struct yg_hash_key key;
	bool unmade;
	_exit(yg_site_key_make(state, &key, &unmade) || write(out, &key, sizeof key) != (ssize_t)sizeof key);
}

static void those_who_start_at_once_have_one_key(void **context)
{
	(void)context;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2];
		pid_t pids[AT_ONCE];
		struct yg_hash_key keys[AT_ONCE];
		forget();
		assert_int_equal(pipe(ends), 0);
		for (int i = 0; i < AT_ONCE; i++)
			pids[i] = make_in_child(ends[1]);
		for (int i = 0, status; i < AT_ONCE; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(read(ends[0], keys, sizeof keys), sizeof keys);
		for (int i = 1; i < AT_ONCE; i++)
			assert_memory_equal(&keys[0], &keys[i], sizeof keys[0]);
		close(ends[0]);
		close(ends[1]);
	}
}

// At any moment of the first start: there is no key, or a whole one which holds from then on.
static void a_kill_leaves_no_half_of_a_key(void **context)
{
	(void)context;
	unsigned missing = 0, whole = 0;
	int nothing = open("/dev/null", O_WRONLY);
	for (int i = 0; i < KILLS; i++) {
		struct yg_hash_key left, next;
		struct stat about;
		bool unmade;
		forget();
		pid_t pid = make_in_child(nothing);
		const struct timespec wait = {0, i * (KILLED_WITHIN_US * 1000L / KILLS)};
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		bool there = stat(path, &about) == 0;
		missing += !there;
		whole += there;
		if (there)
			assert_int_equal(yg_site_key_read(path, &left), 0);
		assert_int_equal(yg_site_key_make(state, &next, &unmade), 0);
		if (there)
			assert_memory_equal(&left, &next, sizeof left);
	}
	close(nothing);
	assert_true(missing > 0 && whole > 0); // else the kills all came too late, or too early, and nothing was tried
}

static void what_is_no_key_is_refused(void **context)
{
	(void)context;
	static const uint8_t zeros[YG_SITE_KEY_BYTES + 1];
	uint8_t bytes[YG_SITE_KEY_BYTES + 1];
	struct yg_hash_key key;
	bool unmade;
	memset(bytes, 7, sizeof bytes);
	assert_int_equal(yg_site_key_read(path, &key), -ENOENT); // a named one must be there
	const struct { size_t size; const uint8_t *bytes; mode_t mode; int error; } files[] = {
	    {0, bytes, 0600, -EINVAL}, {YG_SITE_KEY_BYTES - 1, bytes, 0600, -EINVAL}, {YG_SITE_KEY_BYTES + 1, bytes, 0600, -EINVAL},
	    {YG_SITE_KEY_BYTES, zeros, 0600, -EINVAL}, {YG_SITE_KEY_BYTES, bytes, 0604, -EPERM}, {YG_SITE_KEY_BYTES, bytes, 0602, -EPERM},
	};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct stat about;
		write_file(files[i].bytes, files[i].size, files[i].mode);
		assert_int_equal(yg_site_key_read(path, &key), files[i].error);
		assert_int_equal(yg_site_key_make(state, &key, &unmade), files[i].error);
		assert_false(unmade);
		assert_int_equal(stat(path, &about), 0); // and left for a person to look at
		assert_int_equal(about.st_size, files[i].size);
	}
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(yg_site_key_read(path, &key), -EINVAL);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); // nobody writes there: it must not be waited for
	assert_int_equal(yg_site_key_read(path, &key), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(yg_site_key_make(state, &key, &unmade), -ELOOP);
	assert_false(unmade);
}

static void where_none_can_be_made_it_says_so(void **context)
{
	(void)context;
	struct yg_hash_key key;
	bool unmade = false;
	int fd = open(state, O_WRONLY | O_CREAT, 0600); // a file in the place of the folder
	assert_int_equal(yg_site_key_make(state, &key, &unmade), -ENOTDIR);
	assert_true(unmade);
	close(fd);
	unlink(state);
	char deep[128];
	snprintf(deep, sizeof deep, "%s/no/such", state);
	unmade = false;
	assert_int_equal(yg_site_key_make(deep, &key, &unmade), -ENOENT);
	assert_true(unmade);
	// somebody holds the lock and does not let go: the start does not wait for ever
	assert_int_equal(mkdir(state, 0700), 0);
	fd = open(state, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	unmade = false;
	assert_int_equal(yg_site_key_make(state, &key, &unmade), -EWOULDBLOCK);
	assert_true(unmade);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_made_once_for_its_owner_alone, begin, end),
		cmocka_unit_test_setup_teardown(the_bytes_are_two_numbers_lowest_byte_first, begin, end),
		cmocka_unit_test_setup_teardown(those_who_start_at_once_have_one_key, begin, end),
		cmocka_unit_test_setup_teardown(a_kill_leaves_no_half_of_a_key, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(where_none_can_be_made_it_says_so, begin, end),
	};
	return cmocka_run_group_tests_name("site_key", tests, NULL, NULL);
}
