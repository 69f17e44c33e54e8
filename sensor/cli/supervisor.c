// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See supervisor.h. Children are forked and exec'ed with exactly the descriptors that model/process.h gives them, everything else is
// close-on-exec. A dissector or courier that dies is started again (a new one continues in the rings); an engine that dies ends the
// replay: its flows are gone, and a replay can be repeated.
#include "cli/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/shm.h"
#include "cli/privileges.h"
#include "cli/site_key.h"
#include "cli/snapshot.h"
#include "courier/journal.h"
#include "engine/lifecycle.h"
#include "model/point.h"

enum { FD_BASE = 256, RESTARTS_MAX = 100, END_PATIENCE_MS = 3000, LIVE_PATIENCE_MS = 200 };

static const char *const programs[YG_CHILD_COUNT] = {"yagura-courier", "yagura-dissector", "yagura-engine"};

int64_t yg_supervisor_clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

const char *yg_supervisor_program(enum yg_child child)
{
	return programs[child];
}

// ---- what is shared ----

static int keep(struct yg_supervisor *s, int number, int fd)
{
	if (fd < 0)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_BASE); // clear of the numbers that children use
	int error = errno;
	close(fd);
	if (high < 0)
		return -error;
	s->fds[number] = high;
	return 0;
}

static int make_memory(struct yg_supervisor *s, int number, const char *name, size_t size, void **ret_memory)
{
	int error = keep(s, number, yg_shm_create(name, size));
	if (error || !ret_memory)
		return error;
	*ret_memory = yg_shm_map(s->fds[number], size, true, NULL);
	return *ret_memory ? 0 : -errno;
}

static int make_ring(struct yg_supervisor *s, int number, const char *name, uint32_t slot_size, uint32_t count)
{
	size_t size = yg_ring_bytes(slot_size, count);
	void *memory;
	int error = make_memory(s, number, name, size, &memory);
	if (error)
		return error;
	error = yg_ring_format(memory, size, slot_size, count);
	yg_shm_unmap(memory, size);
	return error;
}

static int make_points(struct yg_supervisor *s)
{
	size_t size = yg_points_bytes();
	void *memory;
	int error = make_memory(s, YG_FD_POINTS, "yagura-points", size, &memory);
	if (error)
		return error;
	error = yg_ring_format(memory, yg_points_ring_bytes(), sizeof(struct yg_point), YG_POINT_SLOTS);
	yg_shm_unmap(memory, size);
	return error;
}

static uint32_t power_of_two(uint64_t n)
{
	uint32_t p = 64;
	while (p < n)
		p <<= 1;
	return p;
}

static int make_dissector_rings(struct yg_supervisor *s)
{
	uint32_t slots = power_of_two((uint64_t)yg_config_int(&s->config, YG_O_DISSECTOR_RING));
	int error = 0;
	for (unsigned i = 0; !error && i < s->workers; i++) {
		error = make_ring(s, YG_FD_TO_DISSECTOR + (int)i, "yagura-to-dissector", sizeof(struct yg_ds_request), slots);
		if (!error)
			error = make_ring(s, YG_FD_FROM_DISSECTOR + (int)i, "yagura-from-dissector", sizeof(struct yg_ds_answer),
					  YG_ANSWER_SLOTS);
	}
	return error;
}

static int open_reload(struct yg_supervisor *s)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	s->reload = fcntl(ends[0], F_DUPFD_CLOEXEC, FD_BASE);
	close(ends[0]);
	return keep(s, YG_FD_RELOAD, ends[1]);
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int yg_supervisor_new_rings(struct yg_supervisor *s)
{
	for (unsigned i = 0; i < s->workers; i++) {
		drop(&s->fds[YG_FD_TO_DISSECTOR + i]);
		drop(&s->fds[YG_FD_FROM_DISSECTOR + i]);
	}
	// A configuration that the dead one was sent and did not take would be taken by the next one, whatever is in force then.
	drop(&s->reload);
	drop(&s->fds[YG_FD_RELOAD]);
	memset(s->control, 0, (size_t)4096 * YG_DISSECTORS_MAX); // what a dead dissector had in hand is nobody's
	int error = open_reload(s);
	return error ? error : make_dissector_rings(s);
}

static int open_quarantine(struct yg_supervisor *s)
{
	const char *path = yg_config_string(&s->config, YG_O_QUARANTINE_DIR);
	if (!path[0])
		return 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		yg_error("%s: %s; quarantine.directory must exist", path, strerror(errno));
		return -errno;
	}
	return keep(s, YG_FD_QUARANTINE, fd);
}

static int open_alive(struct yg_supervisor *s)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	s->alive = fcntl(ends[1], F_DUPFD_CLOEXEC, FD_BASE);
	close(ends[1]);
	return keep(s, YG_FD_ALIVE, ends[0]);
}

int yg_supervisor_init(struct yg_supervisor *s, const struct yg_paths *paths, int config_fd, unsigned workers, bool live)
{
	memset(s, 0, sizeof *s);
	memset(s->fds, 0xff, sizeof s->fds);
	s->alive = s->reload = -1;
	s->paths = *paths;
	s->live = live;
	int error = keep(s, YG_FD_CONFIG, config_fd);
	if (!error)
		error = yg_config_open(s->fds[YG_FD_CONFIG], &s->config);
	if (error)
		return error;
	s->workers = workers ? workers : (unsigned)yg_config_int(&s->config, YG_O_ENGINE_WORKERS);
	size_t open_size = yg_lifecycle_size((uint32_t)yg_config_int(&s->config, YG_O_ALERTS_OPEN));
	error = make_memory(s, YG_FD_STATS, "yagura-engine-stats", sizeof *s->engine, (void **)&s->engine);
	if (!error)
		error = make_memory(s, YG_FD_STATS + 100, "yagura-dissector-stats", sizeof *s->dissector, (void **)&s->dissector);
	if (!error)
		error = make_memory(s, YG_FD_STATS + 101, "yagura-courier-stats", sizeof(struct yg_courier_memory), (void **)&s->courier);
	if (!error)
		error = make_memory(s, YG_FD_CONTROL, "yagura-control", 4096 * YG_DISSECTORS_MAX, (void **)&s->control);
	if (!error)
		error = make_memory(s, YG_FD_OPEN_ALERTS, "yagura-open-alerts", open_size, NULL);
	if (!error)
		error = make_ring(s, YG_FD_ALERTS, "yagura-alerts", sizeof(struct yg_alert), YG_ALERT_SLOTS);
	if (!error)
		error = make_ring(s, YG_FD_FLOWS, "yagura-flows", sizeof(struct yg_flow), YG_FLOW_SLOTS);
	if (!error)
		error = make_points(s);
	if (!error)
		error = yg_snapshot_init(s);
	if (!error)
		error = make_memory(s, YG_FD_BOARD, "yagura-board", sizeof *s->board, (void **)&s->board);
	if (!error)
		error = make_dissector_rings(s);
	if (!error)
		error = open_quarantine(s);
	if (!error && live)
		error = open_reload(s);
	return error ? error : open_alive(s);
}

void yg_supervisor_finish(struct yg_supervisor *s)
{
	yg_shm_unmap(s->engine, sizeof *s->engine);
	yg_shm_unmap(s->dissector, sizeof *s->dissector);
	yg_shm_unmap(s->courier, sizeof(struct yg_courier_memory));
	yg_shm_unmap(s->control, 4096 * YG_DISSECTORS_MAX);
	yg_shm_unmap(s->board, sizeof *s->board);
	if (s->state)
		yg_shm_unmap(s->state, 2 * s->state_half);
	yg_config_close(&s->config);
	for (unsigned i = 0; i < sizeof s->fds / sizeof *s->fds; i++)
		if (s->fds[i] >= 0)
			close(s->fds[i]);
	if (s->alive >= 0)
		close(s->alive);
	if (s->starter > 0)
		close(s->starter);
	if (s->reload >= 0)
		close(s->reload);
}

// ---- children ----

// Which descriptors a child gets, besides standard input, output and error.
static bool wants(enum yg_child child, int number)
{
	if (number == YG_FD_CONFIG || number == YG_FD_ALIVE || number == YG_FD_STATS)
		return true;
	if (number == YG_FD_ALERTS || number == YG_FD_FLOWS || number == YG_FD_POINTS)
		return child != YG_CHILD_DISSECTOR;
	if (number == YG_FD_BOARD)
		return child == YG_CHILD_COURIER;
	if (number == YG_FD_OPEN_ALERTS || number == YG_FD_RELOAD || number == YG_FD_STATE || number == YG_FD_ID_KEY)
		return child == YG_CHILD_ENGINE;
	if (number == YG_FD_CONTROL || number == YG_FD_QUARANTINE)
		return child == YG_CHILD_DISSECTOR;
	bool rings = (number >= YG_FD_TO_DISSECTOR && number < YG_FD_TO_DISSECTOR + YG_WORKERS_MAX) ||
		     (number >= YG_FD_FROM_DISSECTOR && number < YG_FD_FROM_DISSECTOR + YG_WORKERS_MAX);
	return rings && child != YG_CHILD_COURIER;
}

void yg_supervisor_fds(const struct yg_supervisor *s, enum yg_child child, int fds[100])
{
	for (int number = 0; number < 100; number++)
		fds[number] = wants(child, number) ? s->fds[number] : -1;
	if (child != YG_CHILD_ENGINE)
		fds[YG_FD_STATS] = s->fds[YG_FD_STATS + (child == YG_CHILD_DISSECTOR ? 100 : 101)];
}

static void become(struct yg_supervisor *s, enum yg_child child, char *const *argv)
{
	char path[4200];
	int fds[100];
	yg_supervisor_fds(s, child, fds);
	for (int number = 0; number < 100; number++)
		if (fds[number] >= 0 && dup2(fds[number], number) < 0)
			_exit(YG_EXIT_BAD_SETUP);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (child == YG_CHILD_COURIER) // a log rotation must not end one that has not yet come so far as to listen
		signal(SIGHUP, SIG_IGN);
	// nDPI allocates and frees for every flow: let glibc keep more of it at hand than the seven pieces a size that it does by default.
	if (child == YG_CHILD_DISSECTOR)
		setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=2000", 1);
	snprintf(path, sizeof path, "%s/%s", s->paths.libexec, programs[child]);
	execv(path, argv);
	yg_error("%s: %s", path, strerror(errno));
	_exit(YG_EXIT_BAD_SETUP);
}

int yg_supervisor_spawn(struct yg_supervisor *s, enum yg_child child)
{
	char workers[32], rings[32];
	int64_t dissectors = s->live ? yg_config_int(&s->config, YG_O_DISSECTOR_WORKERS) : 1;
	char **argv = calloc((size_t)s->files_count + 8, sizeof *argv);
	if (!argv)
		return -ENOMEM;
	int n = 0;
	snprintf(workers, sizeof workers, "--workers=%u", child == YG_CHILD_DISSECTOR ? (unsigned)dissectors : s->workers);
	snprintf(rings, sizeof rings, "--rings=%u", s->workers);
	argv[n++] = (char *)programs[child];
	if (child == YG_CHILD_DISSECTOR) {
		argv[n++] = workers;
		argv[n++] = rings;
		if (!s->live)
			argv[n++] = "--replay";
	} else if (child == YG_CHILD_ENGINE) {
		argv[n++] = workers;
		argv[n++] = s->live ? "--live" : "--";
		for (int i = 0; i < s->files_count; i++)
			argv[n++] = s->files[i];
	}
	pid_t pid = child == YG_CHILD_ENGINE && s->starter ? yg_privileges_spawn(s) : fork();
	if (pid == 0)
		become(s, child, argv);
	free(argv);
	if (pid < 0)
		return pid == -1 ? -errno : pid;
	s->pids[child] = pid;
	s->ended[child] = false;
	s->started_ms[child] = yg_supervisor_clock_ms();
	return 0;
}

int yg_supervisor_start(struct yg_supervisor *s, char **files, int count)
{
	s->files = files;
	s->files_count = count;
	sigset_t chld;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	int refused = yg_privileges_enter(s);
	if (!refused) // made and read by whom the sensor runs as, who has to find it again
		refused = yg_site_key_open(s);
	if (refused)
		return refused;
	for (unsigned child = 0; child < YG_CHILD_COUNT; child++) {
		int error = yg_supervisor_spawn(s, child);
		if (error)
			return error;
	}
	return 0;
}

// Statuses of a child that found something that another start would not mend.
bool yg_supervisor_hopeless(int status)
{
	static const int hopeless[] = {YG_EXIT_BAD_SETUP, EX_CANTCREAT, EX_CONFIG, EX_USAGE};
	bool found = false;
	for (unsigned i = 0; i < sizeof hopeless / sizeof *hopeless; i++)
		found = found || (WIFEXITED(status) && WEXITSTATUS(status) == hopeless[i]);
	return found;
}

void yg_supervisor_reap(struct yg_supervisor *s, int timeout_ms)
{
	int status;
	sigset_t chld;
	struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (timeout_ms)
		sigtimedwait(&chld, NULL, &timeout);
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == s->state_child) {
			s->state_ended = true;
			s->state_status = status;
		}
		for (unsigned child = 0; child < YG_CHILD_COUNT; child++) {
			if (s->pids[child] != pid)
				continue;
			s->ended[child] = true;
			s->status[child] = status;
		}
	}
}

// Starts again a dissector or courier that died before its time. A child that cannot even start ends the replay.
static void mend(struct yg_supervisor *s, enum yg_child child)
{
	int status = s->status[child];
	// The courier ends by itself when its rings are closed. The dissector's word for it is not enough: it may not be itself.
	bool wished = WIFEXITED(status) && (WEXITSTATUS(status) == YG_EXIT_OK || WEXITSTATUS(status) == YG_EXIT_UNDELIVERED) &&
		      (child != YG_CHILD_DISSECTOR || yg_counter_get(&s->engine->closed));
	if (!s->ended[child] || wished)
		return;
	if (yg_supervisor_hopeless(status) || s->restarts[child] >= RESTARTS_MAX) {
		s->failed = WIFEXITED(status) ? WEXITSTATUS(status) : 70;
		if (!s->ended[YG_CHILD_ENGINE])
			kill(s->pids[YG_CHILD_ENGINE], SIGKILL);
		return;
	}
	yg_warn("%s ended (%s %d); starting it again", programs[child], WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	s->restarts[child]++;
	if (yg_supervisor_spawn(s, child) < 0)
		yg_error("%s: %s", programs[child], strerror(errno));
}

bool yg_supervisor_watch(struct yg_supervisor *s, int timeout_ms)
{
	yg_supervisor_reap(s, timeout_ms);
	if (!s->ended[YG_CHILD_ENGINE]) {
		mend(s, YG_CHILD_DISSECTOR);
		mend(s, YG_CHILD_COURIER);
		return true;
	}
	// A dissector that had nothing to do in a short replay may have failed all the same.
	if (!s->failed && s->ended[YG_CHILD_DISSECTOR] && yg_supervisor_hopeless(s->status[YG_CHILD_DISSECTOR]))
		s->failed = WEXITSTATUS(s->status[YG_CHILD_DISSECTOR]);
	// The engine closed its rings when it ended well; the courier delivers what is left and ends by itself.
	bool well = yg_counter_get(&s->engine->finished);
	if (well && s->ended[YG_CHILD_COURIER])
		mend(s, YG_CHILD_COURIER);
	return well && !s->ended[YG_CHILD_COURIER];
}

static void wait_for(struct yg_supervisor *s, int timeout_ms)
{
	for (int64_t end = yg_supervisor_clock_ms() + timeout_ms; yg_supervisor_clock_ms() < end;) {
		yg_supervisor_reap(s, 0);
		bool all = true;
		for (unsigned child = 0; child < YG_CHILD_COUNT; child++)
			all = all && (s->ended[child] || !s->pids[child]);
		if (all)
			return;
		yg_supervisor_reap(s, 20);
	}
}

void yg_supervisor_stop(struct yg_supervisor *s)
{
	if (s->alive >= 0)
		close(s->alive);
	s->alive = -1;
	wait_for(s, s->live && !s->failed ? LIVE_PATIENCE_MS : END_PATIENCE_MS); // a live run has waited for those that write
	for (unsigned child = 0; child < YG_CHILD_COUNT; child++)
		if (s->pids[child] && !s->ended[child])
			kill(s->pids[child], SIGKILL);
	wait_for(s, END_PATIENCE_MS);
}
