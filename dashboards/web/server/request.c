// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A request: its life, and what is asked of it. The lowest of the files behind http.h, for who answers asks it too.
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "http_parts.h"

// ---- its life ----

struct web_request *web_request_create(struct web_http *http, struct connection *c)
{
	struct web_request *request = calloc(1, sizeof *request);
	if (!request)
		return NULL;
	request->http = http;
	request->connection = c;
	request->next = http->requests;
	request->back = &http->requests;
	if (request->next)
		request->next->back = &request->next;
	http->requests = request;
	return request;
}

void web_request_free(struct web_request *request)
{
	if (request->back) {
		*request->back = request->next;
		if (request->next)
			request->next->back = request->back;
	}
	if (request->ended)
		request->ended(request->pieces_context);
	if (request->response)
		MHD_destroy_response(request->response);
	web_uri_finish(&request->uri);
	json_decref(request->json);
	if (request->body)
		explicit_bzero(request->body, request->body_size); // it may hold a password
	free(request->body);
	free(request->audit_user);
	free(request->audit_what);
	free(request->cookie);
	free(request);
}

// ---- waiting ----

void web_request_resume(struct web_request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	web_loop_watch(request->http->loop, request->connection->fd, 0, NULL, NULL);
	MHD_resume_connection(request->connection->mhd);
	request->http->due_ms = 0; // it wakes nobody by itself: the next turn is its
}

// The client hung up while its connection was suspended: libmicrohttpd does not look then.
static void look_gone(void *context, uint32_t events)
{
	struct web_request *request = context;
	if (!(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) || !request->suspended)
		return;
	web_loop_watch(request->http->loop, request->connection->fd, 0, NULL, NULL);
	bool held = request->stage != STAGE_ANSWERED && !request->gone;
	if (held)
		return; // its handler will answer, and the answer will find nobody
	request->http->counters.gone++;
	request->broken = true;
	if (request->stage != STAGE_ANSWERED) {
		void (*gone)(void *) = request->gone;
		request->gone = NULL;
		request->stage = STAGE_ANSWERED;
		gone(request->gone_context);
	}
	web_request_resume(request);
}

void web_request_suspend(struct web_request *request)
{
	if (request->suspended)
		return;
	request->suspended = true;
	web_loop_watch(request->http->loop, request->connection->fd, EPOLLRDHUP, look_gone, request);
	MHD_suspend_connection(request->connection->mhd);
}

// ---- what is asked of it ----

const char *web_request_header(const struct web_request *request, const char *name)
{
	return request->connection ? MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name) : NULL;
}

const struct web_view *web_request_view(const struct web_request *request)
{
	return request->has_view ? &request->view : NULL;
}

const struct web_session *web_request_session(const struct web_request *request)
{
	return request->has_session ? &request->session : NULL;
}

const char *web_request_cookie(const struct web_request *request)
{
	return request->has_token ? request->token : NULL;
}

const char *web_request_peer(const struct web_request *request)
{
	return request->peer;
}

const json_t *web_request_body(const struct web_request *request)
{
	return request->json;
}

const char *web_request_query(const struct web_request *request, const char *name)
{
	return web_uri_query(&request->uri, name);
}

const char *web_request_path(const struct web_request *request, const char *name)
{
	size_t length = strlen(name);
	unsigned at = 0;
	for (const char *p = strchr(request->route->path, '{'); p; p = strchr(p + 1, '{'), at++)
		if (strncmp(p + 1, name, length) == 0 && p[1 + length] == '}')
			return request->uri.segment[request->parameters[at]];
	return NULL;
}

void web_request_on_gone(struct web_request *request, void (*gone)(void *context), void *context)
{
	request->gone = gone;
	request->gone_context = context;
}
