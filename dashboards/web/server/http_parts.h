// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Between the files of http.h, from above: http.c (connections, and libmicrohttpd's calls), gate.c (what a request has to pass), static.c,
// answer.c, request.c. Each calls those behind it alone.
//
// A request waits for its body, then for its session, then for its handler, and is answered once. While it waits its connection is
// suspended. `closed`: nobody waits for the answer any more (the client has gone, or the server ends): then the last call frees it.
#pragma once

#include <microhttpd.h>

#include "http.h"
#include "messages.h"
#include "uri.h"

enum {
	WEB_HEADERS_MAX = 8192,
	WEB_SESSION_RATE = 60, // requests a second, and as many at once
	WEB_BUCKETS = 2048,    // sessions and addresses whose rate is known; beyond, the stillest gives up its place (counted)
	WEB_ARRIVE_MS = 10000,        // for a request to arrive
	WEB_IDLE_MS = 60000,          // between two
	WEB_ADDRESS_CONNECTIONS = 64, // of one address, where it is not a proxy's
	WEB_DENIED = 256,             // users and routes whose refusals are counted
	WEB_DENIED_MS = 60000,        // that one record tells of
};

#define WEB_COUNTERS(X)                                                                                                                    \
	X(connections)                                                                                                                     \
	X(connections_refused) X(requests) X(answers_2xx) X(answers_4xx) X(answers_5xx) X(not_modified) X(bad_requests) X(bad_hosts)       \
	    X(csrf_refused) X(too_large) X(too_long) X(rate_limited) X(buckets_full) X(slow) X(denied) X(denied_counted) X(denied_full)    \
	    X(audit_failed) X(gone) X(streams)

struct web_counters {
#define X(name) uint64_t name;
	WEB_COUNTERS(X)
#undef X
};

struct bucket {
	uint64_t key; // 0: empty
	int64_t at_ms;
	int32_t tokens; // thousandths of a request
};

struct denied { // denied.c
	const struct web_route *route; // NULL: the place is free
	int64_t since_ms;
	uint32_t more; // refusals that have not been written down
	char user[WEB_USER_MAX], peer[64];
};

struct connection {
	struct connection *next, **back;
	struct MHD_Connection *mhd;
	int fd;
	bool reading, used; // a request is on its way; there was one before
	int64_t since_ms;
	char *target; // of the request that is being read
	bool too_long;
};

struct web_http {
	struct MHD_Daemon *daemon;
	struct web_loop *loop;
	struct web_server *server;
	struct connection *connections;
	struct web_request *requests;
	int socket, epoll;
	bool tls, behind_proxy, ending;
	char *names, *certificate, *key;
	int64_t due_ms;
	struct web_counters counters;
	uint64_t refused[WEB_MESSAGES_MAX]; // by place in web_messages: every limit that is met has its code, and so its counter
	unsigned char bucket_key[16]; // crypto_shorthash_KEYBYTES
	struct bucket buckets[WEB_BUCKETS];
	struct denied denied[WEB_DENIED];
};

enum stage { STAGE_BODY, STAGE_SESSION, STAGE_HANDLER, STAGE_ANSWERED };

struct web_request {
	struct web_request *next, **back;
	struct web_http *http;
	struct connection *connection; // NULL: closed
	const struct web_route *route;
	struct web_uri uri;
	uint8_t parameters[WEB_PARAMETERS];
	enum stage stage;
	bool suspended, inside, head, closed, later;
	bool has_session, has_view, has_token;
	struct web_session session;
	struct web_view view;
	char token[65], peer[64];
	char *body;
	size_t body_size;
	json_t *json;
	char *audit_user, *audit_what;
	// the answer
	struct MHD_Response *response;
	unsigned status;
	char *cookie;
	int retry_s;
	void (*gone)(void *context);
	void *gone_context;
	web_more more;
	void (*ended)(void *context);
	void *pieces_context;
	bool woken, broken;
};

// gate.c. Headers are there: whether the request goes on to its body; else it is answered. And: the body is there as well.
bool web_gate_headers(struct web_request *request, const char *method, const char *target);
void web_gate_whole(struct web_request *request);
// Takes one request from what this session or address may ask for; false: it has none left.
bool web_gate_rate(struct web_http *http, const char *who, int64_t now_ms);

// denied.c. A request that was refused for want of a permission; each second; at the end, while the log is open.
void web_denied_note(struct web_http *http, const char *user, const char *peer, const struct web_route *route);
void web_denied_tick(struct web_http *http);
void web_denied_end(struct web_http *http);

// answer.c. Takes the response; queues it, at once or when the connection goes on.
void web_answer_response(struct web_request *request, unsigned status, struct MHD_Response *response);
void web_answer_secure(const struct web_http *http, struct MHD_Response *response); // headers that every answer has

// request.c. A connection is suspended while its answer is made, or has no more to say.
struct web_request *web_request_create(struct web_http *http, struct connection *connection); // NULL: no memory
void web_request_free(struct web_request *request);
void web_request_suspend(struct web_request *request);
void web_request_resume(struct web_request *request);

// static.c: true: it was a file (or is no such file: 404), and is answered.
bool web_static_answer(struct web_request *request, const char *method);
