// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See scrape.h.
#include "scrape.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "counters.h"
#include "listen.h"
#include "loop.h"
#include "server.h"
#include "uri.h"

enum { CLIENT_BYTES = 16384, CLIENT_MS = 5000, TURN_MS = 250, TURNS_MAX = 16 };

struct web_scrape {
	struct web_server *server;
	struct MHD_Daemon *daemon;
	int epoll;
	struct client {
		int fd;
		int64_t since_ms; // 0: the place is free
	} clients[WEB_SCRAPERS];
	int64_t made_ms; // when `text` was
	size_t size;
	char text[WEB_METRICS_BYTES];
};

// libmicrohttpd's time limit is one of silence, which a byte every few seconds would never reach.
static void noted(void *context, struct MHD_Connection *connection, void **own, enum MHD_ConnectionNotificationCode what)
{
	struct web_scrape *s = context;
	struct client *client = *own;
	if (what != MHD_CONNECTION_NOTIFY_STARTED) {
		if (client)
			*client = (struct client){0};
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (unsigned i = 0; info && !*own && i < WEB_SCRAPERS; i++)
		if (!s->clients[i].since_ms) {
			s->clients[i] = (struct client){info->connect_fd, web_now_ms()};
			*own = &s->clients[i];
		}
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *text, size_t size,
                             enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)text, mode);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "Connection", "close");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result constant(struct MHD_Connection *connection, unsigned status, const char *text)
{
	return reply(connection, status, text, strlen(text), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *data, size_t *size, void **own)
{
	struct web_scrape *s = context;
	(void)version;
	(void)data;
	(void)size;
	(void)own; // each connection ends with its first answer, so none waits for the end of a request
	// a page of somebody else whose name leads here is not to read it
	if (!web_host_is_ours(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"), NULL))
		return constant(connection, 421, "not this host\n");
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return constant(connection, 405, "GET and HEAD alone\n");
	if (strcmp(url, "/metrics") != 0)
		return constant(connection, 404, "there is /metrics alone\n");
	int64_t now = web_now_ms();
	if (!s->made_ms || now - s->made_ms >= TURN_MS) {
		s->size = web_counters_text(s->server, s->text, sizeof s->text);
		s->made_ms = now;
	}
	if (!s->size)
		return constant(connection, 500, "the text does not fit\n");
	return reply(connection, 200, s->text, s->size, MHD_RESPMEM_MUST_COPY);
}

static void turn(void *context)
{
	struct web_scrape *s = context;
	unsigned long long wait = 0;
	for (unsigned i = 0; i < TURNS_MAX && wait == 0; i++) {
		MHD_run(s->daemon);
		if (MHD_get_timeout(s->daemon, &wait) != MHD_YES)
			break;
	}
}

static void each_turn(void *context)
{
	struct web_scrape *s = context;
	int64_t now = web_now_ms();
	for (unsigned i = 0; i < WEB_SCRAPERS; i++)
		if (s->clients[i].since_ms && now - s->clients[i].since_ms > CLIENT_MS)
			shutdown(s->clients[i].fd, SHUT_RDWR);
	turn(s);
}

static void ready(void *context, uint32_t events)
{
	(void)events;
	turn(context);
}

static void say_nothing(void *context, const char *format, va_list values)
{
	(void)context;
	(void)format;
	(void)values;
}

struct web_scrape *web_scrape_create(const char *where, struct web_server *server)
{
	int socket = web_listen(where);
	if (socket < 0)
		return NULL;
	if (!web_listen_is_local(socket)) {
		yg_error("--metrics %s: 127.0.0.1, [::1] or unix:/path alone: whoever reaches it may read it", where);
		close(socket);
		errno = EPERM;
		return NULL;
	}
	struct web_scrape *s = calloc(1, sizeof *s);
	if (s) {
		s->server = server;
		s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, answer, s, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
		                             MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_SCRAPERS,
		                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
		                             noted, s, MHD_OPTION_END);
	}
	const union MHD_DaemonInfo *info = s && s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info || web_loop_watch(server->loop, info->epoll_fd, EPOLLIN, ready, s) < 0) {
		yg_error("--metrics %s: HTTP does not start", where);
		if (s && s->daemon)
			MHD_stop_daemon(s->daemon);
		else
			close(socket);
		free(s);
		return NULL;
	}
	s->epoll = info->epoll_fd;
	web_loop_every(server->loop, TURN_MS, each_turn, s);
	return s;
}

void web_scrape_destroy(struct web_scrape *s)
{
	if (!s)
		return;
	web_loop_watch(s->server->loop, s->epoll, 0, NULL, NULL);
	MHD_stop_daemon(s->daemon);
	free(s);
}
