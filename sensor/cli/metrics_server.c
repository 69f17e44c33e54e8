// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The process that serves GET /metrics over HTTP: it has the listening socket and the counters, read-only, and nothing else. Parsing HTTP
// is libmicrohttpd's. One thread; clients, their memory and their time are bounded, and a text is rendered at most four times a second,
// whoever asks how often.
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "base/shm.h"
#include "cli/metrics_watch.h"

enum {
	CLIENTS = 8,
	CLIENT_MEMORY = 16384,
	CLIENT_SECONDS = 5,
	FRESH_MS = 250,
	MEMORY_MAX = 256 << 20,
	FILES_MAX = 64,
	NOBODY = 65534,
};

struct server {
	struct yg_metrics_view view;
	char *buffer;
	struct MHD_Response *text, *not_found, *wrong_method, *failed;
	int64_t rendered_ms;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static struct MHD_Response *constant(const char *text)
{
	return MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
}

static void render(struct server *s)
{
	if (s->text && now_ms() - s->rendered_ms < FRESH_MS)
		return;
	size_t length = yg_metrics_text(&s->view, s->buffer, YG_METRICS_MAX);
	struct MHD_Response *text = length ? MHD_create_response_from_buffer(length, s->buffer, MHD_RESPMEM_MUST_COPY) : NULL;
	if (s->text)
		MHD_destroy_response(s->text);
	s->text = text;
	s->rendered_ms = now_ms();
	if (text)
		MHD_add_response_header(text, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
			      const char *data, size_t *data_size, void **state)
{
	struct server *s = context;
	static int headers_seen;
	(void)version;
	(void)data;
	// Called first with the headers alone. A body is not read: the connection ends with the answer.
	if (!*state) {
		*state = &headers_seen;
		if (*data_size == 0)
			return MHD_YES;
	}
	*data_size = 0;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, s->wrong_method);
	if (strcmp(url, "/metrics") != 0)
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, s->not_found);
	render(s);
	return s->text ? MHD_queue_response(connection, MHD_HTTP_OK, s->text)
		       : MHD_queue_response(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, s->failed);
}

// The library has nothing to say that the answer does not.
static void say_nothing(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static int map_all(struct server *s)
{
	s->view.supervisor = yg_shm_map(YG_SERVE_SUPERVISOR, sizeof *s->view.supervisor, false, NULL);
	s->view.engine = yg_shm_map(YG_SERVE_ENGINE, sizeof *s->view.engine, false, NULL);
	s->view.dissector = yg_shm_map(YG_SERVE_DISSECTOR, sizeof *s->view.dissector, false, NULL);
	s->view.courier = yg_shm_map(YG_SERVE_COURIER, sizeof *s->view.courier, false, NULL);
	s->buffer = malloc(YG_METRICS_MAX);
	for (int fd = YG_SERVE_SUPERVISOR; fd <= YG_SERVE_COURIER; fd++)
		close(fd);
	return s->view.supervisor && s->view.engine && s->view.dissector && s->view.courier && s->buffer ? 0 : -ENOMEM;
}

static void limit(int what, rlim_t value)
{
	const struct rlimit r = {value, value};
	setrlimit(what, &r);
}

// A supervisor that still has its rights would make this one nobody; one that has given them up has none to leave. Either way this process
// can open, start or change nothing.
static int confine(void)
{
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	if (yg_confine_works())
		limit(RLIMIT_DATA, MEMORY_MAX);
	int error = geteuid() == 0 && yg_confine_permitted() ? yg_confine_user(NOBODY, NOBODY, 0) : 0;
	if (error) {
		yg_error("rights cannot be given up: %s", strerror(-error));
		return error;
	}
	// After the change of user, which clears it. A supervisor that died before is seen by the pipe.
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return yg_confine_process(YG_CONFINED_METRICS);
}

static int serve(struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return EX_SOFTWARE;
	struct pollfd fds[] = {{info->epoll_fd, POLLIN, 0}, {YG_SERVE_ALIVE, POLLIN, 0}};
	for (;;) {
		MHD_UNSIGNED_LONG_LONG wait = 1000;
		if (MHD_get_timeout(daemon, &wait) != MHD_YES || wait > 1000)
			wait = 1000;
		if (poll(fds, 2, (int)wait) < 0 && errno != EINTR)
			return EX_SOFTWARE;
		if (fds[1].revents)
			return EX_OK; // the supervisor has gone
		if (MHD_run(daemon) != MHD_YES)
			return EX_SOFTWARE;
	}
}

int yg_metrics_server_main(void)
{
	static struct server s;
	yg_log_init("yagura-metrics", YG_LOG_INFO);
	prctl(PR_SET_NAME, "yagura-metrics");
	close_range(YG_SERVE_END, ~0U, 0);
	if (map_all(&s) < 0) {
		yg_error("the counters cannot be mapped: %s", strerror(errno));
		return EX_OSERR;
	}
	s.not_found = constant("there is /metrics alone\n");
	s.wrong_method = constant("GET and HEAD alone\n");
	s.failed = constant("the text does not fit\n");
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, &s, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
		MHD_OPTION_LISTEN_SOCKET, YG_SERVE_LISTEN, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CLIENTS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CLIENT_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CLIENT_SECONDS, MHD_OPTION_END);
	if (!daemon || !s.not_found || !s.wrong_method || !s.failed) {
		yg_error("HTTP could not be started");
		return EX_SOFTWARE;
	}
	int status = confine() ? EX_OSERR : serve(daemon);
	// There is nothing to write out, and what a run-time may want to do at an exit takes calls that are gone.
	_exit(status);
}
