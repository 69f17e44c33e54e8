// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See snapshot.h. The half that a child copies is left alone by the engine until the next snapshot but one is begun, half a minute later;
// a child that took longer than that sees the sequence change under its copy, and throws it away.
#include "cli/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shm.h"
#include "cli/supervisor.h"
#include "engine/state.h"

// At the end of a live run, which has five seconds for everything, twice; its child goes on by itself. A replay is done when its file is.
enum { LIVE_PATIENCE_MS = 400, REPLAY_PATIENCE_MS = 30000 };
enum { CHUNK = 1 << 20, NICE = 10 };

static int open_folder(const char *folder)
{
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const uint8_t *bytes, uint64_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size < CHUNK ? size : CHUNK);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (uint64_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int yg_snapshot_write(const char *folder, const void *bytes, uint64_t size)
{
	int dir = open_folder(folder);
	if (dir < 0)
		return dir;
	int fd = openat(dir, "snapshot.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = fd < 0 ? -errno : write_all(fd, bytes, size);
	if (fd >= 0)
		close(fd);
	if (!error && renameat(dir, "snapshot.new", dir, "snapshot") < 0)
		error = -errno;
	if (!error && fsync(dir) < 0)
		error = -errno;
	close(dir);
	return error;
}

static int64_t read_all(int fd, uint8_t *to, uint64_t size)
{
	uint64_t done = 0;
	for (ssize_t n; done < size && (n = read(fd, to + done, size - done));) {
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return (int64_t)done;
}

int64_t yg_snapshot_read(const char *folder, void *memory, uint64_t size)
{
	char path[PATH_MAX + 16];
	struct stat about;
	snprintf(path, sizeof path, "%s/snapshot", folder);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	int64_t result = fstat(fd, &about) < 0 ? -errno : !S_ISREG(about.st_mode) ? -EINVAL : (uint64_t)about.st_size > size ? -EFBIG : 0;
	if (!result)
		result = read_all(fd, memory, (uint64_t)about.st_size);
	close(fd);
	return result;
}

int yg_snapshot_init(struct yg_supervisor *s)
{
	char folder[PATH_MAX];
	yg_config_state_folder(&s->config, folder);
	if (!s->live && !folder[0])
		return 0;
	s->state_half = yg_state_half(&s->config);
	int fd = yg_shm_create("yagura-state", 2 * s->state_half);
	int high = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 256); // clear of the numbers that children use
	if (fd >= 0)
		close(fd);
	if (high < 0)
		return fd < 0 ? fd : -errno;
	s->fds[YG_FD_STATE] = high;
	s->state = yg_shm_map(high, 2 * s->state_half, true, NULL);
	if (!s->state)
		return -errno;
	int64_t size = folder[0] ? yg_snapshot_read(folder, s->state, s->state_half) : 0;
	const struct yg_state_head *head = yg_state_newest(s->state, s->state_half);
	if (size < 0)
		yg_warn("%s/snapshot: %s; everything is learned anew", folder, strerror((int)-size));
	else if (size && (!head || head->size > (uint64_t)size))
		yg_warn("%s/snapshot: it is damaged, cut off, or of another version; everything is learned anew", folder);
	else if (size)
		s->state_written = head->sequence;
	if (size && (size < 0 || !head || head->size > (uint64_t)size))
		memset(s->state, 0, size < 0 ? sizeof *head : (size_t)size);
	return 0;
}

// In the child. The copy is checked against what it was made of when it is complete.
static int write_newest(const struct yg_supervisor *s, const char *folder, const struct yg_state_head *head)
{
	struct yg_state_head before;
	memcpy(&before, head, sizeof before);
	if (before.size < sizeof before || before.size > s->state_half)
		return -EAGAIN;
	uint8_t *copy = malloc(before.size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, head, before.size);
	atomic_thread_fence(memory_order_seq_cst); // another process writes there: the head is read again, and after the rest
	bool same = memcmp(&before, head, sizeof before) == 0;
	int error = same ? yg_snapshot_write(folder, copy, before.size) : -EAGAIN;
	free(copy);
	return error;
}

static void begin(struct yg_supervisor *s, const char *folder, const struct yg_state_head *head)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (nice(NICE) < 0)
			errno = 0; // then it runs as the supervisor does
		signal(SIGTERM, SIG_IGN); // it is short
		_exit(-write_newest(s, folder, head) & 0xff);
	}
	if (pid < 0) {
		yg_warn("state: %s", strerror(errno));
		return;
	}
	s->state_child = pid;
	s->state_ended = false;
	s->state_written = head->sequence;
}

static void judge(struct yg_supervisor *s, const char *folder)
{
	int status = s->state_status;
	bool failed = !WIFEXITED(status) || WEXITSTATUS(status);
	if (failed && !s->state_failed)
		yg_warn("%s: the snapshot of what was learned cannot be written: %s", folder,
			WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "its writer was killed");
	else if (!failed && s->state_failed)
		yg_info("%s: the snapshot of what was learned is written again", folder);
	s->state_failed = failed;
	s->state_child = 0;
}

void yg_snapshot_turn(struct yg_supervisor *s)
{
	char folder[PATH_MAX];
	if (!s->state)
		return;
	yg_config_state_folder(&s->config, folder);
	if (s->state_child && s->state_ended)
		judge(s, folder);
	const struct yg_state_head *head = yg_state_newest(s->state, s->state_half);
	if (folder[0] && !s->state_child && head && head->sequence != s->state_written)
		begin(s, folder, head);
}

static void wait_for_child(struct yg_supervisor *s)
{
	int64_t end = yg_supervisor_clock_ms() + (s->live ? LIVE_PATIENCE_MS : REPLAY_PATIENCE_MS);
	while (s->state_child && !s->state_ended && yg_supervisor_clock_ms() < end)
		yg_supervisor_reap(s, 10);
}

void yg_snapshot_finish(struct yg_supervisor *s)
{
	if (!s->state)
		return;
	wait_for_child(s);
	yg_snapshot_turn(s);
	wait_for_child(s);
	yg_snapshot_turn(s);
}
