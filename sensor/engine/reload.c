// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See reload.h.
#include "engine/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

union control {
	struct cmsghdr head; // aligns what follows
	char bytes[CMSG_SPACE(sizeof(int) * 4)];
};

void yg_reload_init(struct yg_reload_box *box, int fd, unsigned workers)
{
	memset(box, 0, sizeof *box);
	box->fd = fcntl(fd, F_GETFD) < 0 ? -1 : fd;
	box->workers = workers;
}

void yg_reload_hold(struct yg_reload *r)
{
	if (r)
		atomic_fetch_add(&r->holders, 1);
}

void yg_reload_release(struct yg_reload *r)
{
	if (!r || atomic_fetch_sub(&r->holders, 1) != 1)
		return;
	yg_config_close(&r->config);
	free(r);
}

static void answer(struct yg_reload_box *box, int error)
{
	const unsigned char bytes[2] = {box->number, (unsigned char)(error < 0 ? -error : error)};
	if (write(box->fd, bytes, sizeof bytes) < 0) // not send: an engine may not
		yg_warn("reload: the supervisor was not told: %s", strerror(errno));
}

// The descriptor of a message, -1 when there is none to take now, or it brought none.
static int receive(struct yg_reload_box *box)
{
	char text[16];
	union control control;
	int fd = -1;
	struct iovec in = {text, sizeof text};
	struct msghdr message = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(box->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -1;
	if (n == 0) { // the supervisor has gone; YG_FD_ALIVE tells what follows from that
		box->fd = -1;
		return -1;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int fds[4];
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (fd < 0)
				fd = fds[i];
			else
				close(fds[i]);
		}
	}
	box->number = (unsigned char)text[0];
	if (fd < 0)
		answer(box, EBADMSG);
	return fd;
}

static void offer(struct yg_reload_box *box, int fd)
{
	struct yg_reload *r = calloc(1, sizeof *r);
	int error = r ? yg_config_open(fd, &r->config) : -ENOMEM;
	close(fd);
	if (error) {
		free(r);
		answer(box, error);
		return;
	}
	atomic_store(&r->holders, 1);
	box->coming = r;
	atomic_store(&box->taken, 0);
	atomic_store(&box->state, YG_RELOAD_OFFERED);
	atomic_store(&box->offered, r);
}

void yg_reload_step(struct yg_reload_box *box)
{
	if (box->fd < 0)
		return;
	if (!box->coming) {
		int fd = receive(box);
		if (fd >= 0)
			offer(box, fd);
		return;
	}
	unsigned state = atomic_load(&box->state);
	if (state == YG_RELOAD_REFUSED) {
		yg_reload_release(box->coming);
		box->coming = NULL;
		answer(box, EINVAL);
	} else if (state == YG_RELOAD_ACCEPTED) {
		if (atomic_load(&box->accepted) != box->coming)
			atomic_store(&box->accepted, box->coming);
		if (atomic_load(&box->taken) < box->workers)
			return;
		yg_reload_release(box->in_force);
		box->in_force = box->coming;
		box->coming = NULL;
		atomic_store(&box->state, YG_RELOAD_NONE);
		answer(box, 0);
	}
}
