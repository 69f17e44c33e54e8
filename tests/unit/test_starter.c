// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The starter: what it starts is our child, gets its descriptors at their numbers and nothing else, and has its rights; messages that make
// no sense are refused and change nothing; its death is told.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "cli/starter.h"

// Neither the starter's socket nor what we hold ourselves may be there.
static const char script[] =
	"for n in 13 16 17 200 256 257; do [ ! -e /proc/$$/fd/$n ] || exit 4; done\n"
	"read -r line < /proc/self/fd/12 && [ \"$line\" = hello ] || exit 5\n"
	"exit 7";

static int start(void)
{
	char *const argv[] = {"sh", "-c", (char *)script, NULL};
	return yg_starter_start("/bin/sh", argv, geteuid(), getegid(), yg_confine_permitted() & (UINT64_C(1) << CAP_NET_RAW));
}

static void no_descriptors(int fds[YG_STARTER_FDS_MAX])
{
	memset(fds, 0xff, YG_STARTER_FDS_MAX * sizeof *fds);
}

static int status_of(pid_t pid)
{
	int status = 0;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int spawn_hello(int starter)
{
	int ends[2], fds[YG_STARTER_FDS_MAX];
	no_descriptors(fds);
	if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], "hello\n", 6) != 6)
		return -1;
	fds[12] = ends[0];
	pid_t pid = yg_starter_spawn(starter, fds);
	close(ends[0]);
	close(ends[1]);
	return pid > 0 ? status_of(pid) : pid;
}

static void what_it_starts_is_our_child_and_has_its_descriptors(void **state)
{
	(void)state;
	int starter = start();
	assert_true(starter > 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(spawn_hello(starter), 7);
	close(starter);
	while (waitpid(-1, NULL, 0) > 0) // it ends when we let go
		;
}

static ssize_t ask(int starter, const uint8_t *numbers, size_t count, const int *fds, size_t fds_count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
	} control = {0};
	struct iovec text = {(void *)numbers, count};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1};
	if (fds_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
		control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * fds_count)};
		memcpy(CMSG_DATA(&control.head), fds, sizeof(int) * fds_count);
	}
	int32_t answer = 0;
	if (sendmsg(starter, &message, MSG_NOSIGNAL) < 0 || recv(starter, &answer, sizeof answer, 0) != sizeof answer)
		return -EIO;
	return answer;
}

static void messages_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	const int fds[] = {0, 0, 0};
	uint8_t many[YG_STARTER_FDS_MAX + 1];
	int starter = start();
	assert_true(starter > 0);
	memset(many, 20, sizeof many);
	assert_int_equal(ask(starter, (const uint8_t[]){12}, 1, NULL, 0), -EBADMSG);           // a number without a descriptor
	assert_int_equal(ask(starter, (const uint8_t[]){12}, 1, fds, 2), -EBADMSG);            // a descriptor without a number
	assert_int_equal(ask(starter, (const uint8_t[]){12, 13, 14}, 3, fds, 2), -EBADMSG);
	assert_int_equal(ask(starter, (const uint8_t[]){0}, 1, fds, 1), -EBADMSG);             // standard input is not to be had
	assert_int_equal(ask(starter, (const uint8_t[]){9}, 1, fds, 1), -EBADMSG);
	assert_int_equal(ask(starter, (const uint8_t[]){100}, 1, fds, 1), -EBADMSG);
	assert_int_equal(ask(starter, (const uint8_t[]){255}, 1, fds, 1), -EBADMSG);
	assert_int_equal(ask(starter, many, sizeof many, fds, 3), -EBADMSG);
	assert_int_equal(spawn_hello(starter), 7); // and it goes on
	close(starter);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void its_death_is_told(void **state)
{
	(void)state;
	int fds[YG_STARTER_FDS_MAX], starter = start();
	no_descriptors(fds);
	fds[12] = 0;
	assert_true(starter > 0);
	char path[64], text[32] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	FILE *file = fopen(path, "re");
	if (!file || !fgets(text, sizeof text, file))
		skip();
	fclose(file);
	assert_int_equal(kill((pid_t)strtol(text, NULL, 10), SIGKILL), 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_in_range(-yg_starter_spawn(starter, fds), 1, 200);
	close(starter);
}

static void a_program_that_is_not_there_ends_as_a_bad_setup(void **state)
{
	(void)state;
	char *const argv[] = {"x", NULL};
	int fds[YG_STARTER_FDS_MAX], starter = yg_starter_start("/nonexistent/x", argv, geteuid(), getegid(), 0);
	assert_true(starter > 0);
	no_descriptors(fds);
	fds[12] = 0;
	pid_t pid = yg_starter_spawn(starter, fds);
	assert_true(pid > 0);
	assert_int_equal(status_of(pid), 71);
	close(starter);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_starts_is_our_child_and_has_its_descriptors),
		cmocka_unit_test(messages_that_make_no_sense_are_refused),
		cmocka_unit_test(its_death_is_told),
		cmocka_unit_test(a_program_that_is_not_there_ends_as_a_bad_setup),
	};
	alarm(30); // a starter that is left behind by a failure would be waited for
	return cmocka_run_group_tests(tests, NULL, NULL);
}
