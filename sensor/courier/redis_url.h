// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where Redis is, and as whom: `redis://[user:password@]host[:port][/db]`, `redis://:password@host`, IPv6 in brackets,
// or `unix://[user:password@]/path[?db=N]`. Percent escapes are decoded in every part. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct yg_redis_url {
	bool is_unix;
	bool has_password;
	uint16_t port;
	uint16_t db;
	char host[256];
	char path[108]; // as long as a socket address takes
	char user[128]; // empty: the default user
	char password[512];
};

// 0, or -EINVAL with the reason in *ret_reason (a constant; it never repeats the URL, which holds a password).
int yg_redis_url_parse(const char *text, struct yg_redis_url *ret_url, const char **ret_reason);
