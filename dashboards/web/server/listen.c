// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See listen.h. Addresses are numbers: a name would be resolved before there is a loop, and differently on the next day.
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum { BACKLOG = 128, FILE_BYTES = 262144, SOCKET_MODE = 0660 };

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un local;
};

static bool parse(const char *where, union address *ret, socklen_t *ret_size)
{
	char host[64];
	const char *colon = strrchr(where, ':');
	if (!colon || colon == where || (size_t)(colon - where) >= sizeof host)
		return false;
	char *end;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port > 65535 || colon[1] < '0' || colon[1] > '9')
		return false;
	bool six = *where == '[' && colon[-1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(colon - where - 2 * six), where + six);
	*ret = (union address){0};
	if (six) {
		ret->six.sin6_family = AF_INET6;
		ret->six.sin6_port = htons((uint16_t)port);
		*ret_size = sizeof ret->six;
		return inet_pton(AF_INET6, host, &ret->six.sin6_addr) == 1;
	}
	ret->four.sin_family = AF_INET;
	ret->four.sin_port = htons((uint16_t)port);
	*ret_size = sizeof ret->four;
	return inet_pton(AF_INET, host, &ret->four.sin_addr) == 1;
}

// A socket file that nobody listens on any more is left from a process that was killed.
static void remove_stale(const union address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat status;
	if (fd >= 0 && lstat(address->local.sun_path, &status) == 0 && S_ISSOCK(status.st_mode) &&
	    connect(fd, &address->any, sizeof address->local) < 0 && errno == ECONNREFUSED)
		unlink(address->local.sun_path);
	if (fd >= 0)
		close(fd);
}

int web_listen(const char *where)
{
	union address address = {0};
	socklen_t size = sizeof address.local;
	bool is_unix = strncmp(where, "unix:", 5) == 0;
	const int on = 1;
	if (is_unix ? where[5] != '/' || strlen(where + 5) >= sizeof address.local.sun_path : !parse(where, &address, &size)) {
		yg_error("%s: listen on 127.0.0.1:8480, [::1]:8480 or unix:/path", where);
		return -1;
	}
	if (is_unix) {
		address.local.sun_family = AF_UNIX;
		memcpy(address.local.sun_path, where + 5, strlen(where + 5));
		remove_stale(&address);
	}
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && !is_unix)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd >= 0 && address.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (fd < 0 || bind(fd, &address.any, size) < 0 || (is_unix && chmod(where + 5, SOCKET_MODE) < 0) || listen(fd, BACKLOG) < 0) {
		int error = errno;
		yg_error("%s: %s", where, strerror(error));
		if (fd >= 0)
			close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int web_listen_inherited(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	bool ours = count && pid && strcmp(count, "1") == 0 && strtol(pid, NULL, 10) == getpid();
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	const int fd = 3; // SD_LISTEN_FDS_START
	if (!ours || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return fd;
}

bool web_listen_is_local(int socket)
{
	union address address = {0};
	socklen_t size = sizeof address;
	if (getsockname(socket, &address.any, &size) < 0)
		return false;
	if (address.any.sa_family == AF_INET)
		return ntohl(address.four.sin_addr.s_addr) >> 24 == 127;
	if (address.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address.six.sin6_addr);
	return address.any.sa_family == AF_UNIX;
}

char *web_read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *text = NULL;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_BYTES) {
		size_t size = (size_t)status.st_size, got = 0;
		text = malloc(size + 1);
		for (ssize_t n = 1; text && got < size && n > 0; got += n > 0 ? (size_t)n : 0)
			n = read(fd, text + got, size - got);
		if (text)
			text[got] = '\0';
	} else {
		errno = EFBIG;
	}
	int error = errno;
	close(fd);
	errno = error;
	return text;
}
