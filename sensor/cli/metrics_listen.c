// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where metrics may be served: a UNIX socket, or an address that no other machine can reach. The check of the configuration says the same;
// this one holds whatever the configuration says.
#include "cli/metrics_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 16 };

// "127.0.0.1:9598" or "[::1]:9598". The length of the address, 0 when it is none of this host's own.
static socklen_t parse(const char *where, struct sockaddr_storage *ret)
{
	char host[64], *end;
	const char *colon = strrchr(where, ':');
	size_t length = colon ? (size_t)(colon - where) : 0;
	bool bracketed = length > 2 && where[0] == '[' && where[length - 1] == ']';
	if (length == 0 || length >= sizeof host || colon[1] < '0' || colon[1] > '9')
		return 0;
	memcpy(host, where + bracketed, length - 2 * bracketed);
	host[length - 2 * bracketed] = '\0';
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end || port < 1 || port > UINT16_MAX)
		return 0;
	memset(ret, 0, sizeof *ret);
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1 && ntohl(v4->sin_addr.s_addr) >> 24 == 127) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof *v4;
	}
	if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		return sizeof *v6;
	}
	return 0;
}

int yg_metrics_listen(const char *where, uid_t uid, gid_t gid)
{
	struct sockaddr_storage address;
	if (where[0] == '/')
		return yg_control_bind(where, uid, gid);
	socklen_t length = parse(where, &address);
	if (!length)
		return -EADDRNOTAVAIL;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}
