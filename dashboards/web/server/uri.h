// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a request asks for, taken apart: its target, its cookies, its host, the depth of its JSON. Pure, hostile input is the normal case;
// fuzzed. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_SEGMENTS = 8, WEB_PAIRS = 24, WEB_JSON_DEPTH = 16, WEB_PARAMETERS = 2 };

// Of "/api/v1/groups/1f?state=inbox": the parts between slashes and the pairs behind the question mark, percent escapes decoded, valid
// UTF-8 without control characters. "/" has no segments. All strings lie in `text`.
struct web_uri {
	char *text;
	uint32_t segments, pairs;
	const char *segment[WEB_SEGMENTS];
	const char *name[WEB_PAIRS], *value[WEB_PAIRS];
};

// 0; -EINVAL: it is none (an escape that is none, an escaped slash, NUL, control characters, no UTF-8, an empty segment, "." or "..", a
// name twice); -E2BIG: too many segments or pairs; -ENOMEM. On an error nothing is to be finished.
int web_uri_init(struct web_uri *uri, const char *target);
void web_uri_finish(struct web_uri *uri);
const char *web_uri_query(const struct web_uri *uri, const char *name); // NULL

// Whether the segments are those of a route's path, "/api/v1/groups/{id}"; then the names' places: parameters[i] is the segment of the
// i-th.
bool web_uri_matches(const struct web_uri *uri, const char *path, uint8_t parameters[WEB_PARAMETERS]);

// The value of a cookie by its name in a Cookie header, where it is 64 hex digits; else false.
bool web_cookie_token(const char *header, const char *name, char ret_token[65]);

// Whether a Host header names this server: an address (a name that somebody else's DNS answers for is what is feared), localhost, or one of
// `names` (with commas between, NULL: none), with any port.
bool web_host_is_ours(const char *host, const char *names);

// Whether a name stands in a list with commas between; NULL: no list, any does.
bool web_name_listed(const char *names, const char *name);

// Whether an Origin header, "https://host:port", is of this host.
bool web_origin_is_host(const char *origin, const char *host);

// Whether brackets lie no deeper than WEB_JSON_DEPTH; says nothing about the rest.
bool web_json_is_shallow(const char *text, size_t size);

bool web_utf8_valid(const char *text, size_t size); // and no control character but TAB and newline

// Whether an Accept-Encoding header takes this coding.
bool web_accepts(const char *header, const char *coding);
