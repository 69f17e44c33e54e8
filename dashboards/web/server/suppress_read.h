// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Bodies of requests that make or change a suppression. Each of these answers NULL, or the code of what is wrong (422). Pure.
#pragma once

#include <jansson.h>

#include "server.h"

// What it is to match: kind, org, source, target, port. All of `s` is written.
const char *web_suppression_read_scope(const struct web_server *server, const struct web_view *view, const json_t *body,
		struct web_suppression *s);
const char *web_suppression_read_reason(const json_t *body, struct web_suppression *s);
const char *web_suppression_read_expiry(const json_t *body, int64_t now_ns, struct web_suppression *s);
