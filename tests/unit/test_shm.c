// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Shared memory: sizes come from the kernel, are sealed, and a mapping is what was asked for.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/shm.h"

static void what_one_mapping_writes_the_other_reads(void **state)
{
	(void)state;
	int fd = yg_shm_create("test", 5000);
	size_t size = 0, size_2 = 0;
	assert_true(fd >= 0);
	uint8_t *a = yg_shm_map(fd, 5000, true, &size);
	const uint8_t *b = yg_shm_map(fd, 1, false, &size_2);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(size, 5000);
	assert_int_equal(size_2, 5000);
	assert_int_equal(b[4999], 0);
	a[4999] = 42;
	assert_int_equal(b[4999], 42);
	yg_shm_unmap(a, size);
	yg_shm_unmap((void *)b, size_2);
	close(fd);
}

static void nobody_can_change_its_size_or_its_seals(void **state)
{
	(void)state;
	int fd = yg_shm_create("test", 8192);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 65536), -1);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW), F_SEAL_SHRINK | F_SEAL_GROW);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); // a peer could lock the others out of later mappings
	assert_int_equal(errno, EPERM);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void memory_that_is_too_small_is_refused(void **state)
{
	(void)state;
	int fd = yg_shm_create("test", 4096);
	errno = 0;
	assert_null(yg_shm_map(fd, 4097, true, NULL));
	assert_int_equal(errno, EBADMSG);
	close(fd);
	assert_null(yg_shm_map(fd, 1, true, NULL));
	assert_int_equal(errno, EBADF);
	fd = memfd_create("empty", MFD_CLOEXEC);
	assert_null(yg_shm_map(fd, 0, false, NULL));
	close(fd);
}

static void a_reader_of_a_read_only_mapping_cannot_write(void **state)
{
	(void)state;
	int fd = yg_shm_create("test", 4096), status = 0;
	size_t size;
	volatile uint8_t *read_only = yg_shm_map(fd, 4096, false, &size);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); // a sanitizer would report it
		read_only[0] = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	yg_shm_unmap((void *)read_only, size);
	close(fd);
}

static void reserved_memory_is_zero_and_costs_nothing_until_touched(void **state)
{
	(void)state;
	size_t huge = (size_t)1 << 40; // more than any machine that builds this has
	uint8_t *memory = yg_memory_reserve(huge);
	assert_non_null(memory);
	assert_int_equal(memory[huge - 1], 0);
	memory[huge / 2] = 1;
	yg_memory_release(memory, huge);
	yg_memory_release(NULL, 1);
	yg_shm_unmap(NULL, 1);
	assert_null(yg_memory_reserve(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_mapping_writes_the_other_reads),
		cmocka_unit_test(nobody_can_change_its_size_or_its_seals),
		cmocka_unit_test(memory_that_is_too_small_is_refused),
		cmocka_unit_test(a_reader_of_a_read_only_mapping_cannot_write),
		cmocka_unit_test(reserved_memory_is_zero_and_costs_nothing_until_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
