// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where lines are sent to, besides Redis: `unix_stream:/path` and `unix_dgram:/path` (eve.socket; the words are those of Suricata's
// filetype), `udp://host[:514]` and `tcp://host[:601]` (syslog.url), IPv6 addresses in brackets. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum yg_peer_kind { YG_PEER_UNIX_STREAM, YG_PEER_UNIX_DGRAM, YG_PEER_UDP, YG_PEER_TCP };

struct yg_peer {
	enum yg_peer_kind kind;
	uint16_t port;
	char host[256];
	char path[108]; // as long as a socket address takes
};

static inline bool yg_peer_is_unix(const struct yg_peer *peer)
{
	return peer->kind == YG_PEER_UNIX_STREAM || peer->kind == YG_PEER_UNIX_DGRAM;
}

static inline bool yg_peer_is_stream(const struct yg_peer *peer)
{
	return peer->kind == YG_PEER_UNIX_STREAM || peer->kind == YG_PEER_TCP;
}

// 0, or -EINVAL with the reason in *ret_reason (a constant).
int yg_peer_parse_socket(const char *text, struct yg_peer *ret_peer, const char **ret_reason);
int yg_peer_parse_syslog(const char *text, struct yg_peer *ret_peer, const char **ret_reason);
