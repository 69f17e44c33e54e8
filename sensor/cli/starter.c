// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See starter.h. One message asks for one engine: a byte for each descriptor that comes with it, the number that it is to have. The answer
// is a pid. A message of any other form is answered by an error and changes nothing.
#include "cli/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "model/process.h"

enum {
	SOCKET_FD = 200, // of the starter: clear of the numbers that an engine uses
	FD_BASE = 256,
	FIRST_NUMBER = YG_FD_CONFIG,
	ANSWER_MS = 5000,
};

struct request {
	unsigned count;
	uint8_t numbers[YG_STARTER_FDS_MAX];
	int fds[YG_STARTER_FDS_MAX];
};

union control {
	struct cmsghdr head; // aligns what follows
	char bytes[CMSG_SPACE(sizeof(int) * YG_STARTER_FDS_MAX)];
};

// ---- the starter's side ----

static void close_all(const struct request *r)
{
	for (unsigned i = 0; i < r->count; i++)
		close(r->fds[i]);
}

// 1, 0 at the end of everything, or a negative errno for a message that makes no sense.
static int receive(struct request *r)
{
	union control control;
	struct iovec text = {r->numbers, sizeof r->numbers};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	r->count = 0;
	ssize_t n = recvmsg(SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
	if (n < 0 && errno == EINTR)
		return -EINTR;
	if (n <= 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(r->fds + r->count, CMSG_DATA(c), count * sizeof(int));
		r->count += (unsigned)count;
	}
	bool sensible = r->count == (size_t)n && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	for (unsigned i = 0; sensible && i < r->count; i++)
		sensible = r->numbers[i] >= FIRST_NUMBER && r->numbers[i] < YG_STARTER_FDS_MAX;
	return sensible ? 1 : -EBADMSG;
}

static _Noreturn void become(const struct request *r, const char *path, char *const *argv)
{
	int high[YG_STARTER_FDS_MAX];
	sigset_t none;
	for (unsigned i = 0; i < r->count; i++) // clear of one another first
		if ((high[i] = fcntl(r->fds[i], F_DUPFD_CLOEXEC, FD_BASE)) < 0)
			_exit(YG_EXIT_BAD_SETUP);
	for (unsigned i = 0; i < r->count; i++)
		if (dup2(high[i], r->numbers[i]) < 0)
			_exit(YG_EXIT_BAD_SETUP);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path, argv);
	yg_error("%s: %s", path, strerror(errno));
	_exit(YG_EXIT_BAD_SETUP);
}

static _Noreturn void serve(const char *path, char *const *argv)
{
	struct request request;
	for (int got; (got = receive(&request)) != 0;) {
		if (got == -EINTR)
			continue;
		int32_t answer = got;
		if (got > 0) {
			// Like fork, but for the parent: that is ours. There is one thread here, and nothing of libc is used but what exec needs.
			long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
			if (pid == 0)
				become(&request, path, argv);
			answer = pid < 0 ? -errno : (int32_t)pid;
		}
		close_all(&request);
		if (send(SOCKET_FD, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(YG_EXIT_OK);
}

static _Noreturn void be_starter(int socket, const char *path, char *const *argv, uid_t uid, gid_t gid, uint64_t rights, pid_t parent)
{
	// What the supervisor holds, the pipe that tells of its life above all, must not live on here.
	int error = dup3(socket, SOCKET_FD, O_CLOEXEC) < 0 ? -errno : 0;
	if (!error && (close_range(3, SOCKET_FD - 1, 0) < 0 || close_range(SOCKET_FD + 1, ~0u, 0) < 0))
		error = -errno;
	// A terminal's signals reach everyone in front of it; this one ends when the supervisor does.
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (!error)
		error = yg_confine_user(uid, gid, rights);
	if (!error && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		error = -errno;
	if (!error && getppid() != parent)
		error = -ESRCH;
	if (!error)
		prctl(PR_SET_NAME, "yagura-starter", 0, 0, 0);
	if (!error && (error = yg_confine_calls(YG_CONFINED_STARTER)) == -ENOSYS)
		error = 0; // a kernel without filters: the supervisor says so
	int32_t word = error;
	if (send(SOCKET_FD, &word, sizeof word, MSG_NOSIGNAL) < 0 || error)
		_exit(YG_EXIT_BAD_SETUP);
	serve(path, argv);
}

// ---- the supervisor's side ----

static int32_t answer_of(int starter)
{
	int32_t answer;
	struct pollfd wait = {.fd = starter, .events = POLLIN};
	int ready;
	do
		ready = poll(&wait, 1, ANSWER_MS);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready < 0 ? -errno : -ETIMEDOUT;
	ssize_t n = recv(starter, &answer, sizeof answer, 0);
	return n == (ssize_t)sizeof answer ? answer : n < 0 ? -errno : -EPIPE;
}

int yg_starter_start(const char *path, char *const *argv, uid_t uid, gid_t gid, uint64_t rights)
{
	int ends[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		be_starter(ends[1], path, argv, uid, gid, rights, parent);
	int error = pid < 0 ? -errno : 0;
	close(ends[1]);
	int socket = error ? -1 : fcntl(ends[0], F_DUPFD_CLOEXEC, FD_BASE);
	if (!error && socket < 0)
		error = -errno;
	close(ends[0]);
	if (!error)
		error = answer_of(socket);
	if (error && socket >= 0)
		close(socket);
	return error ? error : socket;
}

pid_t yg_starter_spawn(int starter, const int *fds)
{
	struct request r = {0};
	union control control;
	for (int number = FIRST_NUMBER; number < YG_STARTER_FDS_MAX; number++) {
		if (fds[number] < 0)
			continue;
		r.numbers[r.count] = (uint8_t)number;
		r.fds[r.count++] = fds[number];
	}
	struct iovec text = {r.numbers, r.count};
	struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control};
	message.msg_controllen = CMSG_SPACE(sizeof(int) * r.count);
	memset(&control, 0, sizeof control);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	*c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * r.count)};
	memcpy(CMSG_DATA(c), r.fds, sizeof(int) * r.count);
	if (sendmsg(starter, &message, MSG_NOSIGNAL) < 0)
		return -errno;
	return answer_of(starter);
}

pid_t yg_starter_answer(int starter)
{
	return answer_of(starter);
}
