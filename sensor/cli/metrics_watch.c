// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See metrics_watch.h.
#include "cli/metrics_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/shm.h"

enum { LOOK_MS = 1000, RETRY_MS = 5000, FD_HIGH = 256 };

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

// ---- what only the supervisor knows ----

static uint64_t power_of_two(uint64_t n)
{
	uint64_t p = 1024; // as the engine rounds flow.table
	while (p < n)
		p <<= 1;
	return p;
}

static void take_config(struct yg_metrics *m)
{
	struct yg_supervisor_stats *shared = m->shared;
	const struct yg_supervisor *s = m->supervisor;
	yg_counter_set(&shared->workers, s->workers);
	yg_counter_set(&shared->dissectors, s->live ? (uint64_t)yg_config_int(&s->config, YG_O_DISSECTOR_WORKERS) : 1);
	yg_counter_set(&shared->flow_slots, power_of_two((uint64_t)yg_config_int(&s->config, YG_O_FLOW_TABLE)));
	yg_counter_set(&shared->open_alerts_max, (uint64_t)yg_config_int(&s->config, YG_O_ALERTS_OPEN));
	uint32_t count = 0;
	for (; count < s->config.orgs_count && count < YG_SUMMARY_ORGS - 2; count++)
		yg_metrics_plain(shared->org[count], YG_METRICS_ORG_NAME, s->config.orgs[count].code, sizeof s->config.orgs[count].code);
	yg_counter_publish(&shared->orgs_count, count);
}

// Rings may be new ones since the last look (an engine died): each is mapped for the look alone.
static void look_at_ring(struct yg_ring_fill *fill, int fd, uint32_t slot_size)
{
	struct yg_ring ring;
	size_t size;
	void *memory = fd >= 0 ? yg_shm_map(fd, 1, false, &size) : NULL;
	if (!memory)
		return;
	if (yg_ring_attach(&ring, memory, size, slot_size, false) == 0) {
		yg_counter_set(&fill->slots, ring.count);
		yg_counter_set(&fill->used, ring.peer - ring.own);
	}
	yg_shm_unmap(memory, size);
}

static void look_at_rings(struct yg_metrics *m)
{
	const int *fds = m->supervisor->fds;
	struct yg_ring_fill *ring = m->shared->ring;
	look_at_ring(&ring[YG_RING_ALERTS], fds[YG_FD_ALERTS], sizeof(struct yg_alert));
	look_at_ring(&ring[YG_RING_FLOWS], fds[YG_FD_FLOWS], sizeof(struct yg_flow));
	for (unsigned i = 0; i < m->supervisor->workers && i < YG_WORKERS_MAX; i++) {
		look_at_ring(&ring[YG_RING_TO_DISSECTOR + i], fds[YG_FD_TO_DISSECTOR + i], sizeof(struct yg_ds_request));
		look_at_ring(&ring[YG_RING_FROM_DISSECTOR + i], fds[YG_FD_FROM_DISSECTOR + i], sizeof(struct yg_ds_answer));
	}
}

int64_t yg_lag_look(struct yg_lag *lag, int64_t now, uint64_t sent, uint64_t delivered)
{
	// The first mark that says more than has been delivered is as old as the oldest that waits, within a look.
	while (lag->count && (lag->mark[lag->first].sent <= delivered || lag->mark[lag->first].sent > sent)) {
		lag->first = (lag->first + 1) % YG_LAG_MARKS;
		lag->count--;
	}
	uint64_t last = lag->count ? lag->mark[(lag->first + lag->count - 1) % YG_LAG_MARKS].sent : delivered;
	// Without room the newest marks are left out: the oldest is the one that is asked for.
	if (sent > last && lag->count < YG_LAG_MARKS) {
		unsigned at = (lag->first + lag->count++) % YG_LAG_MARKS;
		lag->mark[at].ms = now;
		lag->mark[at].sent = sent;
	}
	return lag->count ? now - lag->mark[lag->first].ms : 0;
}

static void look(struct yg_metrics *m, int64_t now)
{
	const struct yg_supervisor *s = m->supervisor;
	struct yg_supervisor_stats *shared = m->shared;
	_Static_assert(YG_METRICS_CHILDREN == (int)YG_CHILD_COUNT, "the names in metrics_text.c are those of enum yg_child");
	for (unsigned i = 0; i < YG_CHILD_COUNT; i++) {
		yg_counter_set(&shared->up[i], s->pids[i] && !s->ended[i]);
		yg_counter_set(&shared->restarts[i], s->restarts[i]);
	}
	yg_counter_set(&shared->flows_lost, s->flows_lost);
	const struct yg_counter *c = s->courier->c;
	uint64_t delivered = yg_counter_get(&c[YG_CC_ALERTS_DELIVERED]) + yg_counter_get(&c[YG_CC_ALERTS_INVALID]);
	uint64_t sent = yg_counter_get(&s->engine->aggregator[YG_AC_ALERTS_SENT]);
	yg_counter_set(&shared->lag_ns, (uint64_t)yg_lag_look(&m->lag, now, sent, delivered) * 1000000);
	for (unsigned i = 0; i < YG_SE_COUNT; i++)
		yg_counter_set(&s->engine->spool.event[i], yg_counter_get(&s->courier->spool_event[i]));
	yg_counter_set(&s->engine->spool.pressure, yg_counter_get(&c[YG_CC_SPOOL_PRESSURE]));
	look_at_rings(m);
	yg_books_turn(&m->books, s, shared);
	yg_board_turn(&m->board, s, shared, now);
}

static struct yg_metrics_view view_of(const struct yg_metrics *m)
{
	const struct yg_supervisor *s = m->supervisor;
	return (struct yg_metrics_view){s->engine, s->dissector, s->courier, m->shared};
}

// ---- answers on the control socket ----

static size_t answer_stats(void *context, char *buffer, size_t size)
{
	struct yg_metrics_view view = view_of(context);
	return yg_metrics_json(&view, buffer, size);
}

static size_t answer_metrics(void *context, char *buffer, size_t size)
{
	struct yg_metrics_view view = view_of(context);
	return yg_metrics_text(&view, buffer, size);
}

// ---- the server ----

static int read_only(int fd)
{
	char path[48];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int other = open(path, O_RDONLY | O_CLOEXEC);
	if (other < 0)
		return -1;
	int high = fcntl(other, F_DUPFD_CLOEXEC, FD_HIGH);
	close(other);
	return high;
}

// Between fork and exec: everything but the six descriptors is close-on-exec.
static void become_server(const struct yg_metrics *m, const int from[YG_SERVE_END])
{
	char *const argv[] = {"yagura", YG_METRICS_SERVER, NULL}, *const environment[] = {NULL};
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = YG_SERVE_LISTEN; i < YG_SERVE_END; i++)
		if (dup2(from[i], i) < 0)
			_exit(EX_OSERR);
	execve(m->program, argv, environment);
	_exit(EX_OSERR);
}

static void start_server(struct yg_metrics *m, int64_t now)
{
	const int *fds = m->supervisor->fds;
	int from[YG_SERVE_END] = {
		[YG_SERVE_LISTEN] = m->listen_fd,
		[YG_SERVE_SUPERVISOR] = read_only(m->fd),
		[YG_SERVE_ENGINE] = read_only(fds[YG_FD_STATS]),
		[YG_SERVE_DISSECTOR] = read_only(fds[YG_FD_STATS + 100]),
		[YG_SERVE_COURIER] = read_only(fds[YG_FD_STATS + 101]),
		[YG_SERVE_ALIVE] = fds[YG_FD_ALIVE],
	};
	bool whole = true;
	for (int i = YG_SERVE_LISTEN; i < YG_SERVE_END; i++)
		whole = whole && from[i] >= 0;
	m->retry_ms = now + RETRY_MS;
	pid_t pid = whole ? fork() : -1;
	if (pid == 0)
		become_server(m, from);
	for (int i = YG_SERVE_SUPERVISOR; i <= YG_SERVE_COURIER; i++)
		if (from[i] >= 0)
			close(from[i]);
	if (pid < 0) {
		yg_warn("metrics.listen: the process that serves could not be started: %s", strerror(errno));
		return;
	}
	m->pid = pid;
	// The supervisor waits for any child, so that ours may be buried already when we ask: a descriptor cannot mean another process.
	m->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
}

static void watch_server(struct yg_metrics *m, int64_t now)
{
	if (m->listen_fd < 0)
		return;
	if (m->pid) {
		struct pollfd ended = {m->pidfd, POLLIN, 0};
		bool gone = m->pidfd < 0 || poll(&ended, 1, 0) > 0;
		if (!gone)
			return;
		waitpid(m->pid, NULL, WNOHANG);
		if (m->pidfd >= 0)
			close(m->pidfd);
		m->pid = 0;
		m->pidfd = -1;
		yg_counter_add(&m->shared->server_restarts, 1);
	}
	if (now >= m->retry_ms)
		start_server(m, now);
}

// ---- life ----

static void find_owner(const struct yg_supervisor *s, uid_t *ret_uid, gid_t *ret_gid)
{
	const char *name = yg_config_string(&s->config, YG_O_SENSOR_USER);
	const struct passwd *user = s->live && geteuid() == 0 && name[0] ? getpwnam(name) : NULL;
	*ret_uid = user ? user->pw_uid : (uid_t)-1;
	*ret_gid = user ? user->pw_gid : (gid_t)-1;
}

static int high(int fd)
{
	int other = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FD_HIGH);
	int error = errno;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && other < 0 ? -error : other;
}

int yg_metrics_open(struct yg_metrics *m, struct yg_supervisor *s, int (*reload)(void *context), void *context)
{
	const struct yg_control_hooks hooks = {m, answer_stats, answer_metrics, reload, context, YG_METRICS_MAX};
	const char *listen = yg_config_string(&s->config, YG_O_METRICS_LISTEN), *path = yg_config_string(&s->config, YG_O_CONTROL_SOCKET);
	uid_t uid;
	gid_t gid;
	memset(m, 0, sizeof *m);
	m->supervisor = s;
	m->program = "/proc/self/exe";
	m->listen_fd = m->pidfd = m->control.fd = -1;
	m->fd = high(yg_shm_create("yagura-supervisor-stats", sizeof *m->shared));
	if (m->fd < 0)
		return m->fd;
	m->shared = yg_shm_map(m->fd, sizeof *m->shared, true, NULL);
	if (!m->shared)
		return -errno;
	yg_counter_set(&m->shared->started_s, (uint64_t)time(NULL));
	take_config(m);
	find_owner(s, &uid, &gid);
	int error = path[0] ? yg_control_open(&m->control, path, uid, gid, &hooks, m->shared->control) : 0;
	if (error)
		yg_warn("control.socket: %s: %s; nobody can ask this sensor", path, strerror(-error));
	if (!listen[0])
		return 0;
	m->listen_fd = high(yg_metrics_listen(listen, uid, gid));
	if (m->listen_fd < 0)
		yg_warn("metrics.listen: %s: %s; metrics are not served", listen, strerror(-m->listen_fd));
	else if (listen[0] == '/')
		snprintf(m->path, sizeof m->path, "%s", listen);
	return 0;
}

void yg_metrics_turn(struct yg_metrics *m)
{
	int64_t now = now_ms();
	if (!m->shared)
		return;
	if (now >= m->next_ms) {
		look(m, now);
		m->next_ms = now + LOOK_MS;
		watch_server(m, now);
	}
	yg_control_turn(&m->control, now);
}

void yg_metrics_reloaded(struct yg_metrics *m, bool done)
{
	if (!m->shared)
		return;
	yg_counter_add(done ? &m->shared->reloads : &m->shared->reloads_failed, 1);
	if (done)
		take_config(m);
}

void yg_metrics_close(struct yg_metrics *m)
{
	if (!m->shared)
		return;
	yg_control_close(&m->control);
	if (m->pidfd >= 0) {
		syscall(SYS_pidfd_send_signal, m->pidfd, SIGKILL, NULL, 0);
		waitpid(m->pid, NULL, 0);
		close(m->pidfd);
	}
	if (m->listen_fd >= 0)
		close(m->listen_fd);
	if (m->path[0])
		unlink(m->path);
	yg_shm_unmap(m->shared, sizeof *m->shared);
	close(m->fd);
	m->shared = NULL;
}
