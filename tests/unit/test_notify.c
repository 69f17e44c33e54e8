// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the service manager hears: every message over a real socket, by path and by abstract name; what is no socket; the watchdog's time.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/notify.h"

struct manager {
	int fd;
	char name[100];
	char heard[2048];
};

static struct manager listen_at(const char *name)
{
	struct manager m = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	assert_true(m.fd >= 0);
	snprintf(m.name, sizeof m.name, "%s", name);
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(m.fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return m;
}

static const char *hear(struct manager *m)
{
	ssize_t n = recv(m->fd, m->heard, sizeof m->heard - 1, 0);
	m->heard[n < 0 ? 0 : n] = '\0';
	return m->heard;
}

static void end(struct manager *m, struct yg_notify *notify)
{
	yg_notify_close(notify);
	close(m->fd);
	if (m->name[0] == '/')
		unlink(m->name);
}

static void say_everything(struct manager *m)
{
	struct yg_notify notify;
	assert_int_equal(yg_notify_open(&notify), 0);
	assert_true(notify.fd > 0);
	assert_int_equal(yg_notify_ready(&notify, "2 ports"), 0);
	assert_string_equal(hear(m), "READY=1\nSTATUS=2 ports");
	assert_int_equal(yg_notify_ready(&notify, NULL), 0);
	assert_string_equal(hear(m), "READY=1\n");
	assert_int_equal(yg_notify_status(&notify, "ok"), 0);
	assert_string_equal(hear(m), "STATUS=ok");
	assert_int_equal(yg_notify_alive(&notify), 0);
	assert_string_equal(hear(m), "WATCHDOG=1\n");
	assert_int_equal(yg_notify_reloading(&notify), 0);
	assert_memory_equal(hear(m), "RELOADING=1\nMONOTONIC_USEC=", 27);
	assert_int_equal(yg_notify_stopping(&notify, "flushing"), 0);
	assert_string_equal(hear(m), "STOPPING=1\nSTATUS=flushing");
	end(m, &notify);
}

static void a_manager_at_a_path_hears_everything(void **state)
{
	char name[64];
	(void)state;
	snprintf(name, sizeof name, "/tmp/yagura-notify-%d", getpid());
	struct manager m = listen_at(name);
	say_everything(&m);
}

static void a_manager_at_an_abstract_name_hears_everything(void **state)
{
	char name[64];
	(void)state;
	snprintf(name, sizeof name, "@yagura-notify-%d", getpid());
	struct manager m = listen_at(name);
	say_everything(&m);
}

static void without_a_manager_nothing_happens(void **state)
{
	struct yg_notify notify;
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(yg_notify_open(&notify), 0);
	assert_int_equal(yg_notify_ready(&notify, "x"), 0);
	assert_int_equal(yg_notify_alive(&notify), 0);
	yg_notify_close(&notify);
}

static void what_is_no_socket_is_an_error(void **state)
{
	char long_name[200];
	struct yg_notify notify;
	(void)state;
	memset(long_name, 'a', sizeof long_name - 1);
	long_name[0] = '/';
	long_name[sizeof long_name - 1] = '\0';
	const char *const names[] = {"relative", "/", "@", "/nonexistent/socket", "/dev/null", long_name};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		assert_true(yg_notify_open(&notify) < 0);
		assert_int_equal(notify.fd, 0);
		assert_int_equal(yg_notify_ready(&notify, NULL), 0);
	}
}

static void a_status_can_assign_nothing_and_a_long_one_is_cut(void **state)
{
	char name[64], text[3000];
	struct yg_notify notify;
	(void)state;
	snprintf(name, sizeof name, "@yagura-notify-text-%d", getpid());
	struct manager m = listen_at(name);
	assert_int_equal(yg_notify_open(&notify), 0);
	assert_int_equal(yg_notify_status(&notify, "a\nWATCHDOG=trigger"), 0);
	assert_string_equal(hear(&m), "STATUS=a WATCHDOG=trigger");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(yg_notify_ready(&notify, text), 0);
	assert_int_equal(strlen(hear(&m)), 1023);
	end(&m, &notify);
}

static void a_manager_that_does_not_read_holds_nobody_up(void **state)
{
	char name[64];
	struct yg_notify notify;
	int error = 0;
	(void)state;
	snprintf(name, sizeof name, "@yagura-notify-full-%d", getpid());
	struct manager m = listen_at(name);
	assert_int_equal(yg_notify_open(&notify), 0);
	for (unsigned i = 0; i < 100000 && !error; i++)
		error = yg_notify_alive(&notify);
	assert_int_equal(error, -EAGAIN);
	end(&m, &notify);
}

static void the_watchdog_is_fed_twice_in_its_time_and_only_by_who_is_meant(void **state)
{
	static const struct {
		const char *usec, *pid; // NULL: not set; "self": ours
		int64_t ms;
	} cases[] = {{NULL, NULL, 0}, {"30000000", NULL, 15000}, {"30000000", "self", 15000}, {"30000000", "1", 0}, {"0", NULL, 0},
		     {"-5", NULL, 0}, {"x", NULL, 0}, {"30000000", "x", 0}, {"100", NULL, 1}, {"99999999999999999999", NULL, 0}};
	char name[64], own[16];
	(void)state;
	snprintf(own, sizeof own, "%d", getpid());
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct yg_notify notify;
		snprintf(name, sizeof name, "@yagura-notify-dog-%d-%zu", getpid(), i);
		struct manager m = listen_at(name);
		if (cases[i].usec)
			setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid)
			setenv("WATCHDOG_PID", strcmp(cases[i].pid, "self") == 0 ? own : cases[i].pid, 1);
		assert_int_equal(yg_notify_open(&notify), 0);
		assert_int_equal(notify.watchdog_ms, cases[i].ms);
		assert_null(getenv("NOTIFY_SOCKET")); // children are not asked
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
		end(&m, &notify);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manager_at_a_path_hears_everything),
		cmocka_unit_test(a_manager_at_an_abstract_name_hears_everything),
		cmocka_unit_test(without_a_manager_nothing_happens),
		cmocka_unit_test(what_is_no_socket_is_an_error),
		cmocka_unit_test(a_status_can_assign_nothing_and_a_long_one_is_cut),
		cmocka_unit_test(a_manager_that_does_not_read_holds_nobody_up),
		cmocka_unit_test(the_watchdog_is_fed_twice_in_its_time_and_only_by_who_is_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
