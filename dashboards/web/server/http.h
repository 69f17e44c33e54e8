// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// HTTP by libmicrohttpd, in the loop: the route table of routes.h (made from openapi.yaml), static files, headers, limits. A handler is
// called with everything checked that the route asks for (session, permission, scope, CSRF, content type, size, rate), and answers once:
// now, or later from a callback, while the connection is suspended.
//
// Limits: body 64 KiB, request line and headers 8 KiB each, 60 requests a second and session, 2 streams a session, WEB_CONNECTIONS
// connections, 10 s for a request to arrive; each has a counter.
//
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "access.h"
#include "loop.h"

enum { WEB_CONNECTIONS = 256, WEB_BODY_MAX = 65536, WEB_REQUEST_LINE_MAX = 8192 };

struct web_request;

typedef void web_handler(struct web_request *request, void *server);

struct web_route {
	const char *method, *path, *operation; // "/groups/{id}"
	web_handler *handler;
	enum web_permission permission;
	bool open;                // x-role none
	bool global, own, step_up;
	const char *audit;        // NULL: not audited
};
extern const struct web_route web_routes[]; // ends with method NULL; generated

// Of the request, valid until it is answered.
const struct web_view *web_request_view(const struct web_request *request); // NULL on open routes
const char *web_request_path(const struct web_request *request, const char *name);
const char *web_request_query(const struct web_request *request, const char *name); // NULL: not there; decoded, valid UTF-8
const json_t *web_request_body(const struct web_request *request);
const char *web_request_peer(const struct web_request *request);

// Answers. `body` is taken. ETag: the version, 0: none.
void web_answer(struct web_request *request, unsigned status, json_t *body, uint64_t etag);
void web_answer_problem(struct web_request *request, unsigned status, const char *code); // texts from messages.c, both languages
void web_answer_later(struct web_request *request); // suspends; one of the others must follow, or the client goes (on_gone)
void web_request_on_gone(struct web_request *request, void (*gone)(void *context), void *context);

struct web_http;
struct web_http_options {
	const char *listen;       // 127.0.0.1:8443, [::1]:8443, unix:/path
	const char *certificate, *key; // PEM; NULL: no TLS, then loopback and UNIX sockets alone unless `insecure`
	bool insecure, behind_proxy;
};
struct web_http *web_http_create(const struct web_http_options *options, struct web_loop *loop, void *server); // NULL: said on stderr
void web_http_destroy(struct web_http *http);
