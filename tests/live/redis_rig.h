// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A real redis-server on a UNIX socket in a folder of the test's own, for tests of the courier. One thread.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "courier_rig.h"

#define SKIPPED 77
#define RIG_TEST(test) {#test, test}
struct rig_test {
	const char *name;
	void (*run)(void);
};

static char folder[64], socket_path[96], eve_path[96];
static pid_t redis_pid;

// ---- redis ----

// The server that the tests run: redis-server, or the one that YAGURA_REDIS_SERVER names (a Valkey, another version).
static inline const char *redis_server(void)
{
	const char *named = getenv("YAGURA_REDIS_SERVER");
	return named && *named ? named : "redis-server";
}

static inline void start_redis(const char *password)
{
	char unix_option[96];
	snprintf(unix_option, sizeof unix_option, "%s", socket_path);
	redis_pid = fork();
	if (redis_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		execlp(redis_server(), redis_server(), "--port", "0", "--unixsocket", unix_option, "--save", "",
		       "--dir", folder, "--appendonly", "yes", "--appendfsync", "always",
		       password ? "--requirepass" : "--loglevel", password ? password : "warning", (char *)NULL);
		_exit(SKIPPED);
	}
}

static inline void stop_redis(int signal_number)
{
	if (redis_pid <= 0)
		return;
	kill(redis_pid, signal_number);
	waitpid(redis_pid, NULL, 0);
	redis_pid = 0;
	unlink(socket_path);
}

// Waits until it answers. NULL when it never does.
static inline redisContext *ask_redis(const char *password)
{
	for (int i = 0; i < 100; i++) {
		redisContext *c = redisConnectUnix(socket_path);
		if (c && !c->err) {
			redisReply *r = password ? redisCommand(c, "AUTH %s", password) : redisCommand(c, "PING");
			bool ready = r && r->type == REDIS_REPLY_STATUS;
			freeReplyObject(r);
			if (ready)
				return c;
		}
		if (c)
			redisFree(c);
		int status;
		if (redis_pid > 0 && waitpid(redis_pid, &status, WNOHANG) == redis_pid)
			return NULL;
		pause_ms(50);
	}
	return NULL;
}

static inline void tell_redis(const char *format, ...)
{
	redisContext *c = ask_redis(NULL);
	va_list arguments;
	va_start(arguments, format);
	redisReply *r = c ? redisvCommand(c, format, arguments) : NULL;
	va_end(arguments);
	CHECK(r && r->type != REDIS_REPLY_ERROR);
	freeReplyObject(r);
	if (c)
		redisFree(c);
}

static inline const char *url(void)
{
	static char text[128];
	snprintf(text, sizeof text, "unix://%s", socket_path);
	return text;
}

// ---- a program of such tests: PROGRAM COURIER [TEST] ----

static inline void remove_folder(const char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

// A folder and a server in it. 0, or what the program is to exit with.
static inline int begin_tests(int argc, char **argv)
{
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s COURIER [TEST]\n", argv[0]);
		return 2;
	}
	courier_path = argv[1];
	snprintf(folder, sizeof folder, "/tmp/yagura-test-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof socket_path, "%s/redis", folder);
	snprintf(eve_path, sizeof eve_path, "%s/eve.json", folder);
	start_redis(NULL);
	redisContext *c = ask_redis(NULL);
	if (c) {
		redisFree(c);
		return 0;
	}
	printf("skipped: %s does not start\n", redis_server());
	redis_pid = 0;
	remove_folder(folder);
	return SKIPPED;
}

// Each of them, or the one of that name. Says how each went, and takes away what begin_tests made. The program's exit status.
static inline int run_tests(const struct rig_test *tests, size_t count, const char *only)
{
	for (size_t i = 0; i < count; i++) {
		int before = failures;
		if (only && strcmp(only, tests[i].name) != 0)
			continue;
		test_name = tests[i].name;
		tests[i].run();
		printf("%s - %s\n", failures == before ? "ok" : "not ok", test_name);
		fflush(stdout);
	}
	stop_redis(SIGKILL);
	remove_folder(folder);
	return failures != 0;
}
