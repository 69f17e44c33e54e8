// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a browser, or somebody who is none, sends to the dashboard: target, Cookie, Host, Origin, Accept-Encoding and JSON. The first byte
// chooses; whatever is taken must hold what its header promises.
#include <stdlib.h>
#include <string.h>

#include "uri.h"

static void target(const char *text)
{
	struct web_uri uri;
	uint8_t at[WEB_PARAMETERS];
	if (web_uri_init(&uri, text) != 0)
		return;
	if (uri.segments > WEB_SEGMENTS || uri.pairs > WEB_PAIRS)
		abort();
	for (uint32_t i = 0; i < uri.segments; i++) {
		const char *s = uri.segment[i];
		if (!*s || strcmp(s, ".") == 0 || strcmp(s, "..") == 0 || strchr(s, '/') || !web_utf8_valid(s, strlen(s)))
			abort();
	}
	for (uint32_t i = 0; i < uri.pairs; i++)
		if (web_uri_query(&uri, uri.name[i]) != uri.value[i] || !web_utf8_valid(uri.value[i], strlen(uri.value[i])))
			abort();
	if (web_uri_matches(&uri, "/api/v1/groups/{id}", at) && at[0] >= uri.segments)
		abort();
	web_uri_finish(&uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char token[65];
	if (size == 0)
		return 0;
	char *text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 6) {
	case 0:
		target(text);
		break;
	case 1:
		if (web_cookie_token(text, "__Host-yagura", token) && strlen(token) != 64)
			abort();
		break;
	case 2:
		if (web_host_is_ours(text, "yagura.example, b.example") && strstr(text, "evil"))
			abort();
		break;
	case 3:
		web_origin_is_host(text, "yagura.example");
		break;
	case 4:
		web_accepts(text, "br");
		break;
	default:
		web_json_is_shallow(text, size - 1);
		web_utf8_valid(text, size - 1);
	}
	free(text);
	return 0;
}
