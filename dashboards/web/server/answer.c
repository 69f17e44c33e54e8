// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Answers: once each, with the headers that every answer has, and the record in the audit log before it where the route asks for one.
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/log.h"
#include "http_parts.h"
#include "messages.h"
#include "server.h"

enum { PIECE_BYTES = 16384, WHAT_BYTES = 1024 };

static const struct {
	const char *name, *value;
} secure[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
     "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
     "object-src 'none'; require-trusted-types-for 'script'; trusted-types yagura"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
                           "midi=(), payment=(), usb=()"},
};

void web_answer_secure(const struct web_http *http, struct MHD_Response *response)
{
	for (size_t i = 0; i < sizeof secure / sizeof *secure; i++)
		MHD_add_response_header(response, secure[i].name, secure[i].value);
	if (http->tls || http->behind_proxy)
		MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
}

// ---- the audit log ----

void web_request_audit(struct web_request *request, const char *format, ...)
{
	char what[WHAT_BYTES];
	va_list values;
	va_start(values, format);
	vsnprintf(what, sizeof what, format, values);
	va_end(values);
	free(request->audit_what);
	request->audit_what = strdup(what);
}

void web_request_audit_user(struct web_request *request, const char *name)
{
	free(request->audit_user);
	request->audit_user = strdup(name);
}

static bool write_record(struct web_request *request, unsigned status)
{
	char result[16];
	const struct web_route *r = request->route;
	struct web_audit *audit = request->http->server->audit;
	if (!r || !r->audit || request->stage != STAGE_HANDLER || !audit)
		return true;
	// refused before a handler saw it: its refusal has a record of its own, or is nobody's
	if (!r->open && !request->has_view)
		return true;
	snprintf(result, sizeof result, "%u", status);
	struct web_audit_record record = {.user = request->has_session && !request->audit_user ? request->session.user.name
	                                                                                       : request->audit_user,
	                                  .peer = request->peer,
	                                  .action = r->audit,
	                                  .result = status < 300 ? "ok" : result,
	                                  .what = request->audit_what};
	int error = web_audit_write(audit, &record);
	if (error) {
		request->http->counters.audit_failed++;
		yg_error("the audit log cannot be written: %s", strerror(-error));
	}
	return error == 0;
}

// ---- answers ----

static void add_own(struct web_request *request, struct MHD_Response *response)
{
	char text[256];
	web_answer_secure(request->http, response);
	if (request->cookie) {
		snprintf(text, sizeof text, "__Host-yagura=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", request->cookie,
		         *request->cookie ? "" : "; Max-Age=0");
		MHD_add_response_header(response, "Set-Cookie", text);
	}
	if (request->retry_s) {
		snprintf(text, sizeof text, "%d", request->retry_s);
		MHD_add_response_header(response, "Retry-After", text);
	}
}

// Whether there is still somebody to answer; where not, this was the last that held the request. What was done, or tried, is in the log
// all the same: who guesses passwords is not to stay out of it by hanging up.
static bool wanted(struct web_request *request, unsigned status)
{
	if (!request->closed)
		return true;
	if (request->http)
		write_record(request, status);
	web_request_free(request);
	return false;
}

static struct MHD_Response *of_buffer(const void *data, size_t size, enum MHD_ResponseMemoryMode mode)
{
	return MHD_create_response_from_buffer(size, (void *)(uintptr_t)data, mode);
}

void web_answer_response(struct web_request *request, unsigned status, struct MHD_Response *response)
{
	struct web_counters *n = &request->http->counters;
	*(status < 300 ? &n->answers_2xx : status < 400 ? &n->not_modified : status < 500 ? &n->answers_4xx : &n->answers_5xx) += 1;
	add_own(request, response);
	request->stage = STAGE_ANSWERED;
	request->status = status;
	request->response = response;
	if (!request->inside)
		web_request_resume(request);
}

// With the record of the audit log before it; where that cannot be written, the answer is that.
static void answer_api(struct web_request *request, unsigned status, struct MHD_Response *response, const char *type)
{
	if (!response)
		abort(); // no memory for a few bytes: nothing can be answered any more
	if (!write_record(request, status)) {
		MHD_destroy_response(response);
		request->stage = STAGE_ANSWERED;
		free(request->cookie);
		request->cookie = NULL;
		char *text = json_dumps(web_problem(503, "audit_failed"), JSON_COMPACT);
		response = of_buffer(text ? text : "", text ? strlen(text) : 0, MHD_RESPMEM_MUST_COPY);
		free(text);
		type = "application/problem+json";
		status = 503;
	}
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	web_answer_response(request, status, response);
}

json_t *web_problem(unsigned status, const char *code)
{
	const struct web_message *m = web_message_find(code);
	if (!m) {
		yg_error("no message for the code %s", code);
		m = web_message_find("error");
	}
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", "about:blank", "title", m->en, "status", (int)status, "code", code,
	                 "message_ja", m->ja, "message_en", m->en);
}

void web_answer_problem(struct web_request *request, unsigned status, const char *code)
{
	web_answer(request, status, web_problem(status, code), 0);
}

static void count_refusal(struct web_http *http, const json_t *problem)
{
	const char *code = json_string_value(json_object_get(problem, "code"));
	const struct web_message *m = code ? web_message_find(code) : NULL;
	if (m)
		http->refused[m - web_messages]++;
}

void web_answer(struct web_request *request, unsigned status, json_t *body, uint64_t etag)
{
	char tag[24];
	if (!wanted(request, status)) {
		json_decref(body);
		return;
	}
	if (status >= 400)
		count_refusal(request->http, body);
	snprintf(tag, sizeof tag, "\"%" PRIu64 "\"", etag);
	const char *known = etag && status == 200 ? web_request_header(request, "If-None-Match") : NULL;
	bool same = known && strcmp(known, tag) == 0;
	char *text = body && !same ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL; // 0.86, not 0.85999999999999999
	size_t size = text ? strlen(text) : 0;
	json_decref(body);
	struct MHD_Response *response = text ? of_buffer(text, size, MHD_RESPMEM_MUST_FREE) : of_buffer("", 0, MHD_RESPMEM_PERSISTENT);
	if (etag)
		MHD_add_response_header(response, "ETag", tag);
	answer_api(request, same ? 304 : status, response, status >= 400 ? "application/problem+json" : "application/json");
}

static void attach(struct MHD_Response *response, const char *attachment)
{
	char text[300];
	if (!attachment)
		return;
	snprintf(text, sizeof text, "attachment; filename=\"%s\"", attachment);
	MHD_add_response_header(response, "Content-Disposition", text);
}

void web_answer_text(struct web_request *request, unsigned status, const char *type, const char *text, size_t size, const char *attachment)
{
	if (!wanted(request, status))
		return;
	struct MHD_Response *response = of_buffer(text, size, MHD_RESPMEM_MUST_COPY);
	if (response)
		attach(response, attachment);
	answer_api(request, status, response, type);
}

void web_answer_later(struct web_request *request)
{
	request->later = true; // handle() suspends what is not answered when its handler returns
}

void web_answer_cookie(struct web_request *request, const char *token)
{
	free(request->cookie);
	request->cookie = strdup(token ? token : "");
}

void web_answer_retry(struct web_request *request, int seconds)
{
	request->retry_s = seconds;
}

// ---- pieces ----

static ssize_t next_piece(void *context, uint64_t position, char *to, size_t room)
{
	struct web_request *request = context;
	(void)position;
	if (request->broken)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	for (;;) {
		request->woken = false;
		long size = request->more(request->pieces_context, to, room);
		if (size > 0)
			return size;
		if (size < 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (!request->woken)
			break;
	}
	web_request_suspend(request);
	return 0;
}

void web_answer_pieces(struct web_request *request, const char *type, const char *attachment, web_more more, void (*ended)(void *context),
                       void *context)
{
	if (!wanted(request, 200)) {
		ended(context);
		return;
	}
	request->more = more;
	request->ended = ended;
	request->pieces_context = context;
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, next_piece, request, NULL);
	if (response) {
		attach(response, attachment);
		MHD_add_response_header(response, "X-Accel-Buffering", "no"); // a proxy is not to collect what is live
	}
	request->http->counters.streams++;
	answer_api(request, 200, response, type);
}

void web_answer_wake(struct web_request *request)
{
	request->woken = true;
	if (request->stage == STAGE_ANSWERED)
		web_request_resume(request);
}
