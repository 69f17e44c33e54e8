// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See notify.h. libsystemd would bring its dependencies into a process that has none, for one sendto.
#include "cli/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 };

// The manager's socket as an address. False when $NOTIFY_SOCKET is none.
static bool address_of(const char *name, struct sockaddr_un *ret_address, socklen_t *ret_size)
{
	size_t length = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof ret_address->sun_path)
		return false;
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret_address->sun_path, name, length);
	if (name[0] == '@')
		ret_address->sun_path[0] = '\0';
	// An abstract name ends where its length says, a path with its zero.
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
	return true;
}

static bool number(const char *text, int64_t *ret_value)
{
	char *end;
	errno = 0;
	long long value = text ? strtoll(text, &end, 10) : 0;
	if (!text || errno || end == text || *end || value <= 0)
		return false;
	*ret_value = value;
	return true;
}

// Half of what the manager waits, as it asks for.
static int64_t watchdog_ms(void)
{
	int64_t usec, pid;
	if (!number(getenv("WATCHDOG_USEC"), &usec))
		return 0;
	if (getenv("WATCHDOG_PID") && (!number(getenv("WATCHDOG_PID"), &pid) || pid != getpid()))
		return 0; // another process is watched
	int64_t half = usec / 2000;
	return half ? half : 1;
}

int yg_notify_open(struct yg_notify *ret_notify)
{
	struct sockaddr_un address;
	socklen_t size;
	const char *name = getenv("NOTIFY_SOCKET");
	int error = 0;
	*ret_notify = (struct yg_notify){0};
	if (name && name[0]) {
		int fd = address_of(name, &address, &size) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
		if (fd < 0)
			error = -EINVAL;
		else if (connect(fd, (struct sockaddr *)&address, size) < 0)
			error = -errno;
		if (!error)
			*ret_notify = (struct yg_notify){fd, watchdog_ms()};
		else if (fd >= 0)
			close(fd);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return error;
}

void yg_notify_close(struct yg_notify *notify)
{
	if (notify->fd)
		close(notify->fd);
	*notify = (struct yg_notify){0};
}

// `state` and, when there is one, a status. A line end inside the status would be an assignment of its own.
static int tell(struct yg_notify *notify, const char *state, const char *status)
{
	char message[MESSAGE_MAX];
	if (!notify->fd)
		return 0;
	int n = snprintf(message, sizeof message, "%s%s%s", state, status ? "STATUS=" : "", status ? status : "");
	size_t length = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
	for (size_t i = strlen(state); i < length; i++)
		if (message[i] == '\n')
			message[i] = ' ';
	return send(notify->fd, message, length, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int yg_notify_ready(struct yg_notify *notify, const char *status)
{
	return tell(notify, "READY=1\n", status);
}

int yg_notify_status(struct yg_notify *notify, const char *status)
{
	return tell(notify, "", status);
}

int yg_notify_reloading(struct yg_notify *notify)
{
	char state[80];
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	return tell(notify, state, NULL);
}

int yg_notify_alive(struct yg_notify *notify)
{
	return tell(notify, "WATCHDOG=1\n", NULL);
}

int yg_notify_stopping(struct yg_notify *notify, const char *status)
{
	return tell(notify, "STOPPING=1\n", status);
}
