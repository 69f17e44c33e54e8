// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See static.h. The page routes by itself: each of its addresses answers index.html, any other is 404 with index.html's own words.
#include "static.h"

#include <string.h>

#include "http_parts.h"
#include "index.h"
#include "redis.h"
#include "server.h"
#include "state.h"

static const char *const pages[] = {
    "/",
    "/inbox",
    "/groups/{id}",
    "/alerts",
    "/alerts/{id}",
    "/alerts/{id}/handover",
    "/timeline",
    "/tail",
    "/traffic",
    "/sensors",
    "/bodies/{code}",
    "/hosts/{ip}",
    "/detectors",
    "/suppressions",
    "/audit",
    "/users",
    "/settings",
    "/help",
    "/accessibility",
    "/login",
    "/first-run",
    NULL,
};

static bool is_path(const struct web_request *request, const char *path)
{
	uint8_t parameters[WEB_PARAMETERS];
	return strcmp(path, "/") == 0 ? request->uri.segments == 0 : web_uri_matches(&request->uri, path, parameters);
}

static const struct web_asset *find(const struct web_request *request)
{
	const char *index = NULL;
	for (const char *const *p = pages; *p && !index; p++)
		if (is_path(request, *p))
			index = "/index.html";
	for (const struct web_asset *a = web_assets; a->path; a++)
		if (index ? strcmp(a->path, index) == 0 : is_path(request, a->path))
			return a;
	return NULL;
}

static void answer_asset(struct web_request *request, const struct web_asset *a)
{
	const char *codings = web_request_header(request, "Accept-Encoding"), *known = web_request_header(request, "If-None-Match");
	const char *coding = NULL;
	const unsigned char *data = a->plain, *end = a->plain_end;
	if (a->brotli && web_accepts(codings, "br")) {
		coding = "br";
		data = a->brotli;
		end = a->brotli_end;
	} else if (a->gzip && web_accepts(codings, "gzip")) {
		coding = "gzip";
		data = a->gzip;
		end = a->gzip_end;
	}
	bool same = known && strstr(known, a->tag);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(same ? 0 : (size_t)(end - data), (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return;
	if (coding && !same)
		MHD_add_response_header(response, "Content-Encoding", coding);
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	MHD_add_response_header(response, "ETag", a->tag);
	MHD_add_response_header(response, "Cache-Control", a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
	MHD_add_response_header(response, "Content-Type", a->type);
	web_answer_response(request, same ? 304 : 200, response);
}

// For whoever starts and watches the process: alive; and ready, when a page would find everything. Tells nothing else.
static bool answer_state(struct web_request *request)
{
	const struct web_server *s = request->http->server;
	bool alive = is_path(request, "/healthz");
	if (!alive && !is_path(request, "/readyz"))
		return false;
	bool ready = alive || (web_redis_up(s->redis) && web_auth_ready(s->auth) && web_state_ready(s->state) && web_index_ready(s->index));
	web_answer_text(request, ready ? 200 : 503, "text/plain; charset=utf-8", ready ? "ok\n" : "starting\n", ready ? 3 : 9, NULL);
	return true;
}

bool web_static_answer(struct web_request *request, const char *method)
{
	if (request->uri.segments && strcmp(request->uri.segment[0], "api") == 0)
		return false;
	if (strcmp(method, "GET") != 0 && !request->head) {
		web_answer_problem(request, 405, "method");
		return true;
	}
	if (answer_state(request))
		return true;
	const struct web_asset *a = find(request);
	if (a)
		answer_asset(request, a);
	if (!request->response)
		web_answer_problem(request, 404, "not_found");
	return true;
}
