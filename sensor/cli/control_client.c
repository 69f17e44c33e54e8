// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The asking end of the control socket, for `yagura stats` and `yagura reload`. It may wait, within its time.
#include "cli/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int yg_control_connect(const char *path, int timeout_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;
	close(fd);
	return -error;
}

static bool read_all(int fd, void *buffer, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = recv(fd, (char *)buffer + have, size - have, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ECONNRESET : errno;
			return false;
		}
		have += (size_t)n;
	}
	return true;
}

char *yg_control_ask(int fd, const char *request, size_t answer_max, size_t *ret_length)
{
	uint8_t frame[YG_CONTROL_HEAD + 64], head[YG_CONTROL_HEAD];
	size_t length = strlen(request);
	if (length > sizeof frame - YG_CONTROL_HEAD) {
		errno = EMSGSIZE;
		return NULL;
	}
	yg_control_length(frame, (uint32_t)length);
	memcpy(frame + YG_CONTROL_HEAD, request, length);
	if (send(fd, frame, YG_CONTROL_HEAD + length, MSG_NOSIGNAL) != (ssize_t)(YG_CONTROL_HEAD + length) || !read_all(fd, head, sizeof head))
		return NULL;
	size_t answer = yg_control_read_length(head);
	if (answer > answer_max) {
		errno = EMSGSIZE;
		return NULL;
	}
	char *text = malloc(answer + 1);
	if (text && !read_all(fd, text, answer)) {
		int error = errno;
		free(text);
		errno = error;
		return NULL;
	}
	if (text) {
		text[answer] = '\0';
		*ret_length = answer;
	}
	return text;
}
