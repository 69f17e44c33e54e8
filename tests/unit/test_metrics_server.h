// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Part of test_metrics.c: the supervisor's side with real memory and sockets, and the process that serves HTTP, started from the program.
#pragma once

static struct yg_supervisor supervisor;
static struct yg_metrics metrics;
static char metrics_path[96];

static int open_sensor(void **state)
{
	(void)state;
	if (!program)
		return 0;
	const char *overrides[][2] = {{"metrics.listen", metrics_path}, {"control.socket", control_path}, {"sensor.user", ""}};
	snprintf(metrics_path, sizeof metrics_path, "%s/metrics.sock", folder);
	snprintf(control_path, sizeof control_path, "%s/control.sock", folder);
	const struct yg_compile_input input = {.overrides = overrides, .overrides_count = 3};
	static const struct yg_paths paths;
	memset(&supervisor, 0, sizeof supervisor);
	if (yg_supervisor_init(&supervisor, &paths, yg_compile_in_child(&input), 2, true) < 0)
		return -1;
	int error = yg_metrics_open(&metrics, &supervisor, NULL, NULL);
	metrics.program = program;
	return error;
}

static int close_sensor(void **state)
{
	(void)state;
	if (!program)
		return 0;
	yg_metrics_close(&metrics);
	yg_supervisor_finish(&supervisor);
	return access(metrics_path, F_OK) == 0 || access(control_path, F_OK) == 0;
}

// The whole answer to one request; the supervisor turns meanwhile.
static size_t http(const char *request, char *answer, size_t size)
{
	int fd = yg_control_connect(metrics_path, 5000);
	size_t have = 0;
	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	for (ssize_t n; have < size - 1 && (n = recv(fd, answer + have, size - 1 - have, 0)) > 0;)
		have += (size_t)n;
	close(fd);
	answer[have] = '\0';
	return have;
}

static void expect(const char *method_and_path, const char *status)
{
	static char answer[YG_METRICS_MAX];
	char request[256];
	snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method_and_path);
	http(request, answer, sizeof answer);
	if (strncmp(answer, status, strlen(status)) != 0)
		fail_msg("%s: %.200s", method_and_path, answer);
}

static void read_proc(const char *what, char *to, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)metrics.pid, what);
	int fd = open(path, O_RDONLY);
	ssize_t n, have = 0;
	while (fd >= 0 && (n = read(fd, to + have, size - 1 - (size_t)have)) > 0)
		have += n;
	to[have] = '\0';
	close(fd);
}

// Its segments cannot be written to, and its descriptors are those that it needs.
static void look_at_server(void)
{
	static char maps[65536], status[8192];
	char path[64];
	unsigned mapped = 0, fds = 0;
	read_proc("maps", maps, sizeof maps);
	for (char *line = strtok(maps, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strstr(line, "memfd:yagura"))
			continue;
		mapped++;
		assert_non_null(strstr(line, " r--s "));
	}
	if (geteuid() == 0)
		assert_int_equal(mapped, 4);
	read_proc("status", status, sizeof status);
	assert_non_null(strstr(status, "NoNewPrivs:\t1\n"));
	if (yg_confine_works())
		assert_non_null(strstr(status, "Seccomp:\t2\n"));
	assert_non_null(strstr(status, "CapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(status, "Threads:\t1\n"));
	if (geteuid() == 0)
		assert_non_null(strstr(status, "Uid:\t65534\t65534\t65534\t65534\n"));
	snprintf(path, sizeof path, "/proc/%d/fd", (int)metrics.pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir));)
		fds += e->d_name[0] != '.';
	closedir(dir);
	assert_in_range(fds, 5, 8); // 0 to 2, socket, pipe, epoll, what the library wakes itself with
}

static void the_server_answers_and_has_nothing_else(void **state)
{
	(void)state;
	static char answer[YG_METRICS_MAX];
	char why[256] = "";
	if (!program)
		skip();
	yg_counter_set(&supervisor.engine->worker[1].c[YG_WC_RECEIVED], 4711);
	yg_metrics_turn(&metrics);
	assert_true(metrics.pid > 0);
	http("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", answer, sizeof answer);
	const char *body = strstr(answer, "\r\n\r\n");
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
	assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(body);
	if (!metrics_text_is_sound(body + 4, why, sizeof why))
		fail_msg("%s", why);
	assert_true(yg_stats_value(body, "yagura_worker_packets_total", "worker=\"1\"") == 4711);
	assert_true(yg_stats_value(body, "yagura_ring_slots", "ring=\"alerts\"") == YG_ALERT_SLOTS);
	assert_true(yg_stats_has(body, "yagura_ring_slots", "ring=\"from_dissector\",worker=\"1\""));
	assert_true(yg_stats_value(body, "yagura_flow_table_slots", NULL) == 1048576);
	yg_metrics_reloaded(&metrics, true);
	yg_metrics_reloaded(&metrics, false);
	assert_int_equal(yg_counter_get(&metrics.shared->reloads), 1);
	assert_int_equal(yg_counter_get(&metrics.shared->reloads_failed), 1);
	expect("HEAD /metrics", "HTTP/1.1 200 ");
	expect("GET /", "HTTP/1.1 404 ");
	expect("GET /../metrics", "HTTP/1.1 404 ");
	expect("POST /metrics", "HTTP/1.1 405 ");
	expect("BREW /metrics", "HTTP/1.1 405 ");
	expect("GET\t/metrics", "HTTP/1.1 ");
	look_at_server();
}

static void a_server_that_dies_is_started_again(void **state)
{
	(void)state;
	if (!program)
		skip();
	yg_metrics_turn(&metrics);
	pid_t first = metrics.pid;
	assert_true(first > 0);
	kill(first, SIGKILL);
	for (unsigned i = 0; metrics.pid == first && i < 200; i++) {
		metrics.next_ms = metrics.retry_ms = 0; // as if the time had passed
		usleep(10000);
		yg_metrics_turn(&metrics);
	}
	assert_true(metrics.pid > 0 && metrics.pid != first);
	expect("GET /metrics", "HTTP/1.1 200 ");
	assert_int_equal(yg_counter_get(&metrics.shared->server_restarts), 1);
	// A supervisor that goes takes the server along, however it goes.
	pid_t second = metrics.pid;
	close(supervisor.alive);
	supervisor.alive = -1;
	int status = -1;
	for (unsigned i = 0; i < 300 && waitpid(second, &status, WNOHANG) == 0; i++)
		usleep(10000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(metrics.pidfd);
	metrics.pidfd = -1;
}
