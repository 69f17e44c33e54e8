// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Limits of the loop and of what a request passes that would take thousands of clients to fill from outside: each is filled, one more is
// refused or put away, and counted. Those of the other parts stand in their tests; those that need a server in limits.test.mjs.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit.h"
#include "http_parts.h"
#include "loop.h"
#include "server.h"

static void nothing(void *context)
{
	(void)context;
}

static void ready(void *context, uint32_t events)
{
	(void)context;
	(void)events;
}

static void one_timer_more_than_there_is_room_for_ends_the_process(void **unused)
{
	(void)unused;
	struct web_loop *loop = web_loop_create();
	while (web_loop_timers(loop) < WEB_LOOP_TIMERS)
		web_loop_every(loop, 1000, nothing, NULL);
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		const struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		web_loop_every(loop, 1000, nothing, NULL);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	web_loop_destroy(loop);
}

static void a_descriptor_beyond_the_table_is_refused_and_counted(void **unused)
{
	(void)unused;
	struct web_loop *loop = web_loop_create();
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur <= WEB_LOOP_FDS) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int last = fcntl(ends[0], F_DUPFD_CLOEXEC, WEB_LOOP_FDS - 1), beyond = fcntl(ends[0], F_DUPFD_CLOEXEC, WEB_LOOP_FDS);
	assert_int_equal(last, WEB_LOOP_FDS - 1);
	assert_int_equal(beyond, WEB_LOOP_FDS);
	assert_int_equal(web_loop_watch(loop, last, EPOLLIN, ready, NULL), 0);
	assert_int_equal(web_loop_fds_full(loop), 0);
	assert_int_equal(web_loop_watch(loop, beyond, EPOLLIN, ready, NULL), -EMFILE);
	assert_int_equal(web_loop_fds_full(loop), 1);
	web_loop_destroy(loop);
	for (unsigned i = 0; i < 2; i++)
		close(ends[i]);
	close(last);
	close(beyond);
}

// More sessions than places within one second: nobody gets more than his sixty, and whoever comes beyond is let in.
static void a_full_table_of_rates_helps_nobody(void **unused)
{
	(void)unused;
	struct web_http *http = calloc(1, sizeof *http);
	int64_t now = 1000000;
	unsigned taken = 0, first = 0;
	assert_int_equal(sodium_init() < 0, 0);
	for (unsigned i = 0; i < WEB_SESSION_RATE; i++)
		assert_true(web_gate_rate(http, "greedy", now));
	assert_false(web_gate_rate(http, "greedy", now));
	assert_int_equal(http->counters.buckets_full, 0);
	for (unsigned i = 0; i < 3 * WEB_BUCKETS; i++) {
		char who[24];
		snprintf(who, sizeof who, "session %u", i);
		first += web_gate_rate(http, who, now);
	}
	// a place that is taken over in use keeps what was spent of it
	assert_true(first >= 2 * WEB_BUCKETS);
	assert_true(http->counters.buckets_full > WEB_BUCKETS / 2);
	while (taken < 1000 && web_gate_rate(http, "greedy", now))
		taken++;
	assert_true(taken < WEB_SESSION_RATE);
	assert_true(web_gate_rate(http, "greedy", now + 1000));
	uint64_t full = http->counters.buckets_full;
	for (unsigned i = 0; i < WEB_BUCKETS / 4; i++) {
		char who[24];
		snprintf(who, sizeof who, "later %u", i);
		assert_true(web_gate_rate(http, who, now + 3000));
	}
	assert_true(http->counters.buckets_full - full < WEB_BUCKETS / 16);
	free(http);
}

static void refusals_of_more_users_than_are_counted_are_written_down(void **unused)
{
	(void)unused;
	char folder[] = "/tmp/yg-limits-XXXXXX", path[64], name[32];
	assert_non_null(mkdtemp(folder));
	struct web_server server = {.audit = web_audit_open(folder, 1 << 26)};
	struct web_http *http = calloc(1, sizeof *http);
	assert_non_null(server.audit);
	http->server = &server;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < WEB_DENIED; i++) {
			snprintf(name, sizeof name, "user%u", i / 2);
			web_denied_note(http, name, "192.0.2.1", &web_routes[i % 2]);
		}
	assert_int_equal(web_audit_counters(server.audit).records, WEB_DENIED);
	assert_int_equal(http->counters.denied, 3 * WEB_DENIED);
	assert_int_equal(http->counters.denied_counted, 2 * WEB_DENIED);
	assert_int_equal(http->counters.denied_full, 0);
	web_denied_note(http, "one-more", "192.0.2.1", &web_routes[0]);
	assert_int_equal(http->counters.denied_full, 1);
	assert_int_equal(web_audit_counters(server.audit).records, WEB_DENIED + 2); // the oldest one's count, and his first
	for (unsigned i = 0; i < WEB_DENIED; i++)
		http->denied[i].since_ms -= WEB_DENIED_MS;
	web_denied_tick(http); // a minute later: the counts
	assert_int_equal(web_audit_counters(server.audit).records, 2 * WEB_DENIED + 1);
	for (unsigned i = 0; i < WEB_DENIED; i++)
		http->denied[i].since_ms -= WEB_DENIED_MS;
	web_denied_tick(http); // and one more: nobody has come, the places are free
	assert_int_equal(web_audit_counters(server.audit).records, 2 * WEB_DENIED + 1);
	web_denied_end(http);
	assert_int_equal(web_audit_counters(server.audit).records, 2 * WEB_DENIED + 1);
	web_denied_note(http, "user0", "192.0.2.1", &web_routes[0]);
	assert_int_equal(web_audit_counters(server.audit).records, 2 * WEB_DENIED + 2); // as at first
	free(http);
	web_audit_close(server.audit);
	snprintf(path, sizeof path, "%s/audit.jsonl", folder);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_timer_more_than_there_is_room_for_ends_the_process),
	    cmocka_unit_test(a_descriptor_beyond_the_table_is_refused_and_counted),
	    cmocka_unit_test(a_full_table_of_rates_helps_nobody),
	    cmocka_unit_test(refusals_of_more_users_than_are_counted_are_written_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
