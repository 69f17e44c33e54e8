// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See http.h: connections, and what libmicrohttpd calls. It runs in our loop: its epoll descriptor is one of ours, and MHD_run does what
// has become ready. What is slow is ours to end: libmicrohttpd's time limit is one of silence, which a byte a second would never reach.
//
// Errors that libmicrohttpd finds before it calls anybody (a request line that is none, headers beyond its 32 KiB) it answers itself, with
// a status and a constant text, without our headers: there is nothing in them to protect.
#include "http_parts.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "listen.h"
#include "loop.h"

enum { POOL_BYTES = 32768, OTHER_FDS = 64 };
// The loop never has to refuse a connection.
_Static_assert(WEB_CONNECTIONS + OTHER_FDS <= WEB_LOOP_FDS, "descriptors");

// ---- connections ----

static void connection_noted(void *context, struct MHD_Connection *mhd, void **own, enum MHD_ConnectionNotificationCode what)
{
	struct web_http *http = context;
	struct connection *c = *own;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		c = calloc(1, sizeof *c);
		*own = c;
		if (!c || !info) {
			http->counters.connections_refused++;
			return;
		}
		http->counters.connections++;
		*c = (struct connection){
		    .next = http->connections, .back = &http->connections, .mhd = mhd, .fd = info->connect_fd, .since_ms = web_now_ms()};
		if (c->next)
			c->next->back = &c->next;
		http->connections = c;
	} else if (c) {
		web_loop_watch(http->loop, c->fd, 0, NULL, NULL);
		*c->back = c->next;
		if (c->next)
			c->next->back = c->back;
		free(c->target);
		free(c);
		*own = NULL;
	}
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

// The request line is there. Nothing is returned: libmicrohttpd tells of an end only of what a handler has seen.
static void *target_seen(void *context, const char *uri, struct MHD_Connection *mhd)
{
	struct connection *c = connection_of(mhd);
	(void)context;
	if (c) {
		free(c->target);
		c->too_long = strlen(uri) > WEB_REQUEST_LINE_MAX;
		c->target = c->too_long ? NULL : strdup(uri);
		c->reading = true;
		c->since_ms = web_now_ms();
	}
	return NULL;
}

// Who has not sent his request in time is let go, however busily he sends it.
static void end_slow(struct web_http *http)
{
	int64_t now = web_now_ms();
	for (struct connection *c = http->connections; c; c = c->next) {
		int64_t limit = c->reading || !c->used ? WEB_ARRIVE_MS : WEB_IDLE_MS;
		if (c->since_ms && now - c->since_ms > limit) {
			http->counters.slow += c->reading || !c->used;
			c->since_ms = 0;
			shutdown(c->fd, SHUT_RDWR);
		}
	}
}

static void each_second(void *context)
{
	end_slow(context);
	web_denied_tick(context);
}

// ---- requests ----

static enum MHD_Result put_answer(struct web_request *request)
{
	enum MHD_Result result = MHD_queue_response(request->connection->mhd, request->status, request->response);
	MHD_destroy_response(request->response);
	request->response = NULL;
	request->connection->since_ms = 0; // how fast he takes it is libmicrohttpd's to look at
	return result;
}

static bool take_body(struct web_request *request, const char *data, size_t size)
{
	if (size > WEB_BODY_MAX - request->body_size)
		return false;
	char *body = realloc(request->body, request->body_size + size + 1);
	if (!body)
		return false;
	memcpy(body + request->body_size, data, size);
	request->body = body;
	request->body_size += size;
	return true;
}

static bool has_body(struct MHD_Connection *mhd)
{
	const char *length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");
	return (length && strcmp(length, "0") != 0) || MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Transfer-Encoding");
}

// libmicrohttpd's: first with the headers, then with each piece of the body, then without; and again when a suspended connection goes on.
static enum MHD_Result handle(void *context, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                              const char *data, size_t *size, void **own)
{
	struct web_http *http = context;
	struct web_request *request = *own;
	struct connection *c = connection_of(mhd);
	(void)url;
	(void)version;
	if (!c)
		return MHD_NO;
	if (!request) {
		*own = request = web_request_create(http, c);
		if (!request)
			return MHD_NO;
		http->counters.requests++;
		request->inside = true;
		bool more = web_gate_headers(request, method, c->target);
		request->inside = false;
		// an answer before the end of a request ends its connection, so one without a body is answered in the next call
		return more || !has_body(mhd) ? MHD_YES : put_answer(request);
	}
	if (request->broken)
		return MHD_NO;
	if (request->response)
		return put_answer(request);
	if (*size) {
		if (request->stage == STAGE_BODY && !take_body(request, data, *size)) {
			// it cannot be answered while more comes: what comes is not kept, and the answer follows
			http->counters.too_large++;
			request->body_size = 0;
			request->stage = STAGE_ANSWERED;
		}
		*size = 0;
		return MHD_YES;
	}
	c->since_ms = 0; // it has arrived; how long the answer takes is not his doing
	request->inside = true;
	if (request->stage == STAGE_ANSWERED && !request->response)
		web_answer_problem(request, 413, "body_too_large");
	else if (request->stage == STAGE_BODY)
		web_gate_whole(request);
	request->inside = false;
	if (request->response)
		return put_answer(request);
	web_request_suspend(request);
	return MHD_YES;
}

static void completed(void *context, struct MHD_Connection *mhd, void **own, enum MHD_RequestTerminationCode code)
{
	struct web_request *request = *own;
	struct connection *c = connection_of(mhd);
	(void)context;
	(void)code;
	*own = NULL;
	if (c) {
		c->reading = false;
		c->used = true;
		c->since_ms = web_now_ms();
	}
	if (!request)
		return;
	request->connection = NULL;
	bool waited_for = request->stage == STAGE_SESSION || request->stage == STAGE_HANDLER;
	if (waited_for && !request->closed) {
		request->closed = true; // somebody still holds it, and will answer to nobody
		if (request->gone) {
			request->gone(request->gone_context);
			web_request_free(request);
		}
		return;
	}
	web_request_free(request);
}

// ---- life ----

static void run(void *context, uint32_t events)
{
	struct web_http *http = context;
	(void)events;
	MHD_run(http->daemon);
}

int64_t web_http_busy(void *context)
{
	struct web_http *http = context;
	unsigned long long wait;
	if (web_now_ms() >= http->due_ms)
		MHD_run(http->daemon);
	if (MHD_get_timeout(http->daemon, &wait) != MHD_YES) {
		http->due_ms = INT64_MAX;
		return -1;
	}
	http->due_ms = web_now_ms() + (int64_t)(wait < 60000 ? wait : 60000);
	return (int64_t)(wait < 60000 ? wait : 60000);
}

// What libmicrohttpd has to say is of connections, and anybody could fill a log with it.
static void say_nothing(void *context, const char *format, va_list values)
{
	(void)context;
	(void)format;
	(void)values;
}

static bool start(struct web_http *http, bool each_address)
{
	struct MHD_OptionItem options[16] = {
	    {MHD_OPTION_LISTEN_SOCKET, http->socket, NULL},
	    {MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL},
	    {MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_MS / 1000 + 15, NULL},
	    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_noted, http},
	    {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, http},
	    {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)target_seen, http},
	};
	unsigned count = 7, flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	if (each_address)
		options[count++] = (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, WEB_ADDRESS_CONNECTIONS, NULL};
	if (http->tls) {
		flags |= MHD_USE_TLS;
		options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, http->certificate};
		options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, http->key};
		options[count++] =
		    (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
		                            (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-"
		                                                "GCM:+CHACHA20-POLY1305:+AES-128-GCM:%SERVER_PRECEDENCE"};
	}
	options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_ARRAY,
	                                options, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	http->epoll = info ? info->epoll_fd : -1;
	return http->epoll >= 0 && web_loop_watch(http->loop, http->epoll, EPOLLIN, run, http) == 0;
}

static bool read_pem(struct web_http *http, const struct web_http_options *options)
{
	if (!options->certificate)
		return true;
	http->tls = true;
	http->certificate = web_read_file(options->certificate);
	http->key = http->certificate ? web_read_file(options->key) : NULL;
	if (!http->key)
		yg_error("%s: %s", http->certificate ? options->key : options->certificate, strerror(errno));
	return http->key;
}

struct web_http *web_http_create(const struct web_http_options *options, struct web_loop *loop, struct web_server *server)
{
	struct web_http *http = calloc(1, sizeof *http);
	bool loopback = false;
	if (!http)
		return NULL;
	http->loop = loop;
	http->server = server;
	http->epoll = -1;
	randombytes_buf(http->bucket_key, sizeof http->bucket_key);
	http->behind_proxy = options->behind_proxy;
	http->names = options->names ? strdup(options->names) : NULL;
	http->socket = options->socket >= 0 ? options->socket : web_listen(options->listen);
	if (http->socket < 0 || !read_pem(http, options))
		goto failed;
	loopback = web_listen_is_local(http->socket);
	if (!loopback && !http->tls && !options->insecure) {
		errno = EPERM;
		yg_error("%s: not without TLS beyond this host: give --certificate and --key, or listen on 127.0.0.1 behind a proxy, or "
		         "say --insecure",
		         options->listen ? options->listen : "the socket");
		goto failed;
	}
	if (!start(http, !loopback && !http->behind_proxy)) {
		yg_error("the HTTP server does not start%s", http->tls ? ": are certificate and key of one another, in PEM?" : "");
		goto failed;
	}
	if (http->key)
		explicit_bzero(http->key, strlen(http->key)); // GnuTLS has its own copy
	web_loop_every(loop, 1000, each_second, http);
	return http;
failed:;
	int error = errno;
	web_http_destroy(http);
	errno = error;
	return NULL;
}

void web_http_destroy(struct web_http *http)
{
	if (!http)
		return;
	http->ending = true;
	web_denied_end(http);
	if (http->daemon) {
		web_loop_watch(http->loop, http->epoll, 0, NULL, NULL);
		for (struct web_request *r = http->requests; r; r = r->next) {
			r->broken = true;
			if (r->suspended)
				MHD_resume_connection(r->connection->mhd);
			r->suspended = false;
		}
		MHD_stop_daemon(http->daemon);
	} else if (http->socket >= 0) {
		close(http->socket);
	}
	for (struct web_request *r = http->requests; r; r = r->next) {
		r->http = NULL; // somebody still has it, who ends after us, and answers to nobody
		r->closed = true;
		r->back = NULL;
	}
	free(http->names);
	free(http->certificate);
	free(http->key);
	free(http);
}

void web_http_counters(const struct web_http *http, json_t *into)
{
#define X(name) json_object_set_new(into, "http." #name, json_integer((json_int_t)http->counters.name));
	WEB_COUNTERS(X)
#undef X
	for (unsigned i = 0; web_messages[i].code; i++) {
		char name[64];
		snprintf(name, sizeof name, "refused.%s", web_messages[i].code);
		if (http->refused[i])
			json_object_set_new(into, name, json_integer((json_int_t)http->refused[i]));
	}
}
