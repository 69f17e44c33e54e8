// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where Redis is, and as whom: `redis://[user:password@]host[:port][/db]`, `redis://:password@host`, IPv6 in brackets,
// or `unix://[user:password@]/path[?db=N]`, or `sentinel://[user:password@]host[:port],host[:port]…/name[/db]`: Sentinels (port 26379)
// that know where the primary of that name is; user and password are those of Redis, and of a Sentinel that asks for them.
// `rediss://` is `redis://` over TLS (redis_tls.h). Percent escapes are decoded in every part. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { YG_REDIS_SENTINELS = 8 };

struct yg_redis_node {
	uint16_t port;
	char host[256];
};

struct yg_redis_url {
	bool is_unix;
	bool is_tls;
	bool is_sentinel; // then host and port are nothing
	bool has_password;
	uint16_t port;
	uint16_t db;
	char host[256];
	char path[108]; // as long as a socket address takes
	char user[128]; // empty: the default user
	char password[512];
	char primary[64]; // its name among the Sentinels
	unsigned sentinels;
	struct yg_redis_node sentinel[YG_REDIS_SENTINELS];
};

// 0, or -EINVAL with the reason in *ret_reason (a constant; it never repeats the URL, which holds a password).
int yg_redis_url_parse(const char *text, struct yg_redis_url *ret_url, const char **ret_reason);
