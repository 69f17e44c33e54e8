// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a request has to pass before a handler sees it, in this order: its target, its host, files, its route, where it comes from, its
// length; then, with its body: its session, its rate, the CSRF token, its permission, step-up, JSON. What fails answers by itself; a
// handler can forget none of it.
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "audit.h"
#include "http_parts.h"
#include "server.h"

// ---- headers ----

static enum MHD_Result add_up(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	size_t *sum = context;
	(void)kind;
	*sum += strlen(name) + (value ? strlen(value) : 0) + 4;
	return MHD_YES;
}

// Who is there: his address; behind a proxy what the proxy says of him, which is the last that was added.
static void find_peer(struct web_request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	memcpy(request->peer, "unix", 5);
	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, request->peer, sizeof request->peer);
	else if (address && address->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, request->peer, sizeof request->peer);
	const char *told = request->http->behind_proxy ? web_request_header(request, "X-Forwarded-For") : NULL;
	const char *last = told ? strrchr(told, ',') : NULL;
	unsigned char bytes[16];
	last = last ? last + 1 + strspn(last + 1, " ") : told;
	if (last && strlen(last) < sizeof request->peer && (inet_pton(AF_INET, last, bytes) == 1 || inet_pton(AF_INET6, last, bytes) == 1))
		memcpy(request->peer, last, strlen(last) + 1);
}

static bool find_route(struct web_request *request, const char *method)
{
	bool path = false;
	for (const struct web_route *r = web_routes; r->method; r++) {
		if (!web_uri_matches(&request->uri, r->path, request->parameters))
			continue;
		path = true;
		if (strcmp(r->method, method) == 0) {
			// "/groups/actions" and "/groups/{id}": the one without a parameter is the one that is meant
			request->route = r;
			if (!strchr(r->path, '{'))
				return true;
		}
	}
	if (request->route)
		return web_uri_matches(&request->uri, request->route->path, request->parameters);
	web_answer_problem(request, path ? 405 : 404, path ? "method" : "not_found");
	return false;
}

// A form of another page can do neither JSON nor a header of our own without being asked about it first (CORS), and we never agree.
static const char *foreign(struct web_request *request)
{
	const char *type = web_request_header(request, "Content-Type"), *site = web_request_header(request, "Sec-Fetch-Site");
	const char *origin = web_request_header(request, "Origin");
	if (!type || strncasecmp(type, "application/json", 16) != 0 || !strchr("; ", type[16]))
		return "content_type";
	if (!web_request_header(request, "X-Yagura-CSRF"))
		return "csrf";
	if (site ? strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0 : !origin)
		return "csrf";
	if (origin && !web_origin_is_host(origin, web_request_header(request, "Host")))
		return "csrf";
	return NULL;
}

static bool refuse(struct web_request *request, uint64_t *counter, unsigned status, const char *code)
{
	++*counter;
	web_answer_problem(request, status, code);
	return false;
}

bool web_gate_headers(struct web_request *request, const char *method, const char *target)
{
	struct web_counters *n = &request->http->counters;
	size_t sum = 0;
	find_peer(request);
	request->head = strcmp(method, "HEAD") == 0;
	MHD_get_connection_values(request->connection->mhd, MHD_HEADER_KIND, add_up, &sum);
	if (request->connection->too_long)
		return refuse(request, &n->too_long, 414, "uri_too_long");
	if (sum > WEB_HEADERS_MAX)
		return refuse(request, &n->too_long, 431, "bad_request");
	int error = target ? web_uri_init(&request->uri, target) : -ENOMEM;
	if (error)
		return refuse(request, &n->bad_requests, 400, "bad_request");
	if (!web_host_is_ours(web_request_header(request, "Host"), request->http->names))
		return refuse(request, &n->bad_hosts, 421, "host");
	if (web_static_answer(request, method))
		return false;
	if (!find_route(request, method))
		return false;
	bool reads = strcmp(method, "GET") == 0;
	const char *why = reads ? NULL : foreign(request), *length = web_request_header(request, "Content-Length");
	if (why)
		return refuse(request, &n->csrf_refused, strcmp(why, "csrf") == 0 ? 403 : 415, why);
	if (length && (strlen(length) > 6 || strtoul(length, NULL, 10) > WEB_BODY_MAX))
		return refuse(request, &n->too_large, 413, "body_too_large");
	return true;
}

// ---- rate ----

// Tokens by session or, without one, by address. A place in the table is somebody else's when it has been full for a while; where all
// places that a key may have are in use the emptiest is taken over as it is, so that filling the table helps nobody.
bool web_gate_rate(struct web_http *http, const char *who, int64_t now)
{
	uint64_t key;
	crypto_shorthash((unsigned char *)&key, (const unsigned char *)who, strlen(who), http->bucket_key);
	key |= 1;
	struct bucket *mine = NULL, *oldest = NULL;
	for (unsigned i = 0; i < 8; i++) {
		struct bucket *b = &http->buckets[(key + i) % WEB_BUCKETS];
		if (b->key == key) {
			mine = b;
			break;
		}
		if (!oldest || b->at_ms < oldest->at_ms) // a place that was never used is the oldest of all
			oldest = b;
	}
	if (!mine) {
		bool idle = now - oldest->at_ms >= 1000;
		http->counters.buckets_full += !idle;
		*oldest = (struct bucket){key, now, idle ? WEB_SESSION_RATE * 1000 : oldest->tokens};
		mine = oldest;
	}
	int64_t tokens = mine->tokens + (now - mine->at_ms) * WEB_SESSION_RATE;
	mine->tokens = (int32_t)(tokens > WEB_SESSION_RATE * 1000 ? WEB_SESSION_RATE * 1000 : tokens);
	mine->at_ms = now;
	if (mine->tokens < 1000)
		return false;
	mine->tokens -= 1000;
	return true;
}

// ---- with the body ----

// Whether the caller may do this at all; answers where not.
static bool allowed(struct web_request *request)
{
	const struct web_route *r = request->route;
	const struct web_session *s = &request->session;
	if (strcmp(r->method, "GET") != 0 && !r->open) {
		const char *csrf = web_request_header(request, "X-Yagura-CSRF");
		if (!csrf || strlen(csrf) != 64 || sodium_memcmp(csrf, s->csrf, 64) != 0)
			return refuse(request, &request->http->counters.csrf_refused, 403, "csrf");
	}
	if (r->open)
		return true;
	bool may = r->session ? web_access_session(&s->user, r->own, &request->view)
	                      : web_access_view(&s->user, r->permission, r->global, &request->view);
	if (!may) {
		bool change = s->user.must_change;
		if (!change)
			web_denied_note(request->http, s->user.name, request->peer, r);
		web_answer_problem(request, 403, change ? "must_change_password" : "forbidden");
		return false;
	}
	request->has_view = true;
	if (r->step_up && web_clock_ns() - s->step_up_ns > WEB_STEP_UP_S * INT64_C(1000000000)) {
		web_answer_problem(request, 403, "step_up");
		return false;
	}
	return true;
}

static bool read_json(struct web_request *request)
{
	json_error_t error;
	if (strcmp(request->route->method, "GET") == 0 || request->body_size == 0)
		return true;
	if (web_json_is_shallow(request->body, request->body_size))
		request->json = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(request->json))
		return true;
	return refuse(request, &request->http->counters.bad_requests, 400, "bad_json");
}

static void go_on(struct web_request *request)
{
	char who[80];
	request->stage = STAGE_HANDLER;
	snprintf(who, sizeof who, "%s", request->has_session ? request->session.id : request->peer);
	if (!web_gate_rate(request->http, who, web_now_ms())) {
		web_answer_retry(request, 1);
		refuse(request, &request->http->counters.rate_limited, 429, "rate");
		return;
	}
	if (!allowed(request) || !read_json(request))
		return;
	if (request->route->audit && request->http->server->audit && !web_audit_ready(request->http->server->audit)) {
		request->stage = STAGE_BODY; // no record of this either
		web_answer_problem(request, 503, "audit_failed");
		return;
	}
	request->route->handler(request, request->http->server);
}

static void session_known(void *context, const struct web_session *session, bool away)
{
	struct web_request *request = context;
	if (request->closed) {
		web_request_free(request);
		return;
	}
	if (session) {
		request->session = *session;
		request->has_session = true;
	}
	bool reads = strcmp(request->route->method, "GET") == 0;
	if (away && !session && (!request->route->open || reads)) {
		request->stage = STAGE_HANDLER;
		web_answer_retry(request, 2);
		web_answer_problem(request, 503, "redis_away");
	} else if (!session && !request->route->open) {
		request->stage = STAGE_HANDLER;
		web_answer_problem(request, 401, "session_over");
	} else {
		go_on(request);
	}
}

void web_gate_whole(struct web_request *request)
{
	const char *cookies = web_request_header(request, "Cookie");
	struct web_auth *auth = request->http->server->auth;
	request->stage = STAGE_SESSION;
	request->has_token = cookies && web_cookie_token(cookies, "__Host-yagura", request->token);
	if (request->has_token && auth) {
		web_auth_session(auth, request->token, session_known, request);
	} else if (request->route->open) {
		go_on(request);
	} else {
		request->stage = STAGE_HANDLER;
		web_answer_problem(request, 401, "not_logged_in");
	}
}
