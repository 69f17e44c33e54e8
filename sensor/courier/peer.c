// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See peer.h. Strict, as redis_url.c is: what is not understood is refused with a reason.
#include "courier/peer.h"

#include <errno.h>
#include <string.h>

enum { PORT_UDP = 514, PORT_TCP = 601 }; // RFC 5426 3.3, RFC 6587 3.4.1 by way of RFC 3195

static const char *parse_port(const char *text, uint16_t *ret_port)
{
	unsigned port = 0;
	size_t n = strspn(text, "0123456789");
	for (size_t i = 0; i < n && i < 6; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	if (n == 0 || n > 5 || text[n] || port == 0 || port > UINT16_MAX)
		return "the port is not a number from 1 to 65535 (an IPv6 address needs brackets)";
	*ret_port = (uint16_t)port;
	return NULL;
}

static const char *parse_host(const char *text, struct yg_peer *peer)
{
	bool bracket = text[0] == '[';
	const char *start = text + bracket, *end = start + strcspn(start, bracket ? "]" : ":/");
	size_t length = (size_t)(end - start);
	if (bracket && *end != ']')
		return "an IPv6 address without its closing bracket";
	if (length == 0 || length >= sizeof peer->host)
		return "no host, or one that is too long";
	memcpy(peer->host, start, length);
	end += bracket;
	if (*end == ':')
		return parse_port(end + 1, &peer->port);
	return *end ? "something other than :port behind the host" : NULL;
}

static int done(const char *reason, const struct yg_peer *peer, struct yg_peer *ret_peer, const char **ret_reason)
{
	if (reason) {
		*ret_reason = reason;
		return -EINVAL;
	}
	*ret_peer = *peer;
	return 0;
}

int yg_peer_parse_socket(const char *text, struct yg_peer *ret_peer, const char **ret_reason)
{
	struct yg_peer peer = {.kind = YG_PEER_UNIX_STREAM};
	const char *reason = NULL, *path = text + 12;
	if (strncmp(text, "unix_dgram:", 11) == 0) {
		peer.kind = YG_PEER_UNIX_DGRAM;
		path = text + 11;
	} else if (strncmp(text, "unix_stream:", 12) != 0) {
		reason = "expected unix_stream:/path or unix_dgram:/path";
	}
	if (!reason && (path[0] != '/' || !path[1]))
		reason = "the path of a socket must be absolute";
	if (!reason && strlen(path) >= sizeof peer.path)
		reason = "the path is longer than the 107 bytes that a socket can have";
	if (!reason)
		memcpy(peer.path, path, strlen(path));
	return done(reason, &peer, ret_peer, ret_reason);
}

int yg_peer_parse_syslog(const char *text, struct yg_peer *ret_peer, const char **ret_reason)
{
	struct yg_peer peer = {.kind = YG_PEER_UDP, .port = PORT_UDP};
	const char *reason;
	if (strncmp(text, "udp://", 6) == 0) {
		reason = parse_host(text + 6, &peer);
	} else if (strncmp(text, "tcp://", 6) == 0) {
		peer.kind = YG_PEER_TCP;
		peer.port = PORT_TCP;
		reason = parse_host(text + 6, &peer);
	} else {
		reason = "expected udp://host:port or tcp://host:port; for TLS put stunnel before the collector";
	}
	return done(reason, &peer, ret_peer, ret_reason);
}
