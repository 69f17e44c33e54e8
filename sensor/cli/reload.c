// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See reload.h.
#include "cli/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "config/value.h"

enum { ANSWER_MS = 2000, FD_BASE = 256 };

// Who takes what differs: bits.
enum { NOBODY = 0, ENGINE = 1, COURIER = 2, DISSECTOR = 4, NEW_ENGINE = 8, REFUSED = 16 };

// By the beginning of an option's path; the first that fits.
static const struct {
	const char *path;
	unsigned who;
} takers[] = {
	{"capture.", REFUSED},
	{"engine.workers", REFUSED},
	{"sensor.user", REFUSED},
	{"metrics.", REFUSED},
	{"control.", REFUSED},
	{"dissector.workers", REFUSED},
	{"dissector.ring", REFUSED},
	{"alerts.open", REFUSED},
	{"alerts.id_key_file", REFUSED}, // what is open would close under another id
	{"dissector.packets", ENGINE | DISSECTOR},
	{"dissector.bytes", ENGINE | DISSECTOR},
	{"dissector.", DISSECTOR},
	{"quarantine.directory", REFUSED}, // its folder was opened with rights that have been given up since
	{"quarantine.", DISSECTOR},
	{"sensor.", COURIER | ENGINE},
	{"redis.", COURIER | ENGINE},
	{"spool.", REFUSED}, // the folder was opened with rights that have been given up since
	{"eve.flows", COURIER | NEW_ENGINE},
	{"eve.file", COURIER | NEW_ENGINE},
	{"eve.", COURIER},
	{"syslog.", COURIER},
	{"alerts.", ENGINE},
	{"shed.", ENGINE},
	{"mirror.", ENGINE},
	{"flow.update", ENGINE},
	{"flow.admission", ENGINE},
	{"", NEW_ENGINE},
};

static unsigned taker_of(const char *path)
{
	unsigned i = 0;
	while (strncmp(path, takers[i].path, strlen(takers[i].path)) != 0)
		i++;
	return takers[i].who;
}

static bool option_differs(const struct yg_config *a, const struct yg_config *b, enum yg_option_id id)
{
	return yg_core_options[id].type == YG_OPT_STRING ? strcmp(yg_config_string(a, id), yg_config_string(b, id)) != 0
							 : a->values[id] != b->values[id];
}

static bool arrays_differ(const void *a, uint32_t a_count, const void *b, uint32_t b_count, size_t size)
{
	return a_count != b_count || (a_count && memcmp(a, b, a_count * size) != 0);
}

// Who is concerned. What is refused is named.
static unsigned compare(const struct yg_config *old, const struct yg_config *new)
{
	unsigned who = ENGINE; // options of detectors it compares itself
	for (unsigned id = 0; id < YG_O_COUNT; id++) {
		unsigned by = option_differs(old, new, id) ? taker_of(yg_core_options[id].path) : NOBODY;
		if (by & REFUSED)
			yg_error("reload: %s cannot change while the sensor runs; start it anew", yg_core_options[id].path);
		who |= by;
	}
	if (arrays_differ(old->orgs, old->orgs_count, new->orgs, new->orgs_count, sizeof *new->orgs) ||
	    arrays_differ(old->prefixes, old->prefixes_count, new->prefixes, new->prefixes_count, sizeof *new->prefixes) ||
	    arrays_differ(old->services, old->services_count, new->services, new->services_count, sizeof *new->services) ||
	    old->all_internal != new->all_internal)
		who |= NEW_ENGINE | COURIER;
	return who;
}

static int send_block(int socket, int fd, unsigned char number)
{
	union {
		struct cmsghdr head; // aligns what follows
		char bytes[CMSG_SPACE(sizeof fd)];
	} control = {0};
	struct iovec out = {&number, 1};
	struct msghdr message = {.msg_iov = &out, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

// The error in the answer to this message. Answers to others, for which nobody waits any more, are passed over; signals too.
static int answer_to(int socket, unsigned char number)
{
	int64_t now = yg_supervisor_clock_ms(), end = now + ANSWER_MS;
	for (; now < end; now = yg_supervisor_clock_ms()) {
		unsigned char bytes[2];
		struct pollfd answer = {socket, POLLIN, 0};
		poll(&answer, 1, (int)(end - now));
		ssize_t n = recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n == (ssize_t)sizeof bytes && bytes[0] == number)
			return -(int)bytes[1];
		if (n == 0)
			return -EPIPE;
	}
	return -ETIMEDOUT;
}

// The engine takes it or leaves it. One that is just being started began with the block of before: it finds this one as soon as it runs.
static int tell_engine(struct yg_supervisor *s, int fd)
{
	if (!s->pids[YG_CHILD_ENGINE] || s->ended[YG_CHILD_ENGINE])
		return 0; // the next one takes it from its descriptors
	int error = send_block(s->reload, fd, ++s->reload_number);
	if (error || !yg_counter_get(&s->engine->receiving))
		return error;
	error = answer_to(s->reload, s->reload_number);
	if (error == -ETIMEDOUT) // it may still take it: then nobody would know what is in force
		kill(s->pids[YG_CHILD_ENGINE], SIGKILL);
	return error;
}

// False when it does not run: the next one takes everything anew.
static bool end_child(struct yg_supervisor *s, enum yg_child child, int number)
{
	if (!s->pids[child] || s->ended[child])
		return false;
	kill(s->pids[child], number);
	return true;
}

// A courier that cannot open its file would be started again and again, and the one that could is gone.
static int try_file(const struct yg_config *config)
{
	const char *path = yg_config_string(config, YG_O_EVE_FILE);
	int fd = path[0] ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640) : -1, error = errno;
	if (!path[0] || (fd < 0 && error == ENXIO)) // a pipe that nobody reads yet
		return 0;
	if (fd >= 0)
		close(fd);
	else
		yg_error("reload: EVE file %s: %s", path, strerror(error));
	return fd < 0 ? -EINVAL : 0;
}

// Likewise with what TLS needs.
static int try_tls(const struct yg_config *config)
{
	static const enum yg_option_id files[] = {YG_O_REDIS_CA, YG_O_REDIS_CERTIFICATE, YG_O_REDIS_KEY};
	bool wanted = strncmp(yg_config_string(config, YG_O_REDIS_URL), "rediss://", 9) == 0, good = true;
	for (size_t i = 0; wanted && i < sizeof files / sizeof *files; i++) {
		const char *path = yg_config_string(config, files[i]);
		int fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
		if (fd < 0 && path[0]) {
			yg_error("reload: %s: %s", path, strerror(errno));
			good = false;
		}
		if (fd >= 0)
			close(fd);
	}
	return good ? 0 : -EINVAL;
}

int yg_supervisor_reload(struct yg_supervisor *s, int config_fd)
{
	struct yg_config config;
	int high = fcntl(config_fd, F_DUPFD_CLOEXEC, FD_BASE), error = high < 0 ? -errno : 0;
	close(config_fd);
	if (!error && (error = yg_config_open(high, &config)) != 0)
		close(high);
	if (error)
		return error;
	unsigned who = compare(&s->config, &config);
	bool told = false;
	if (who & REFUSED || (who & COURIER && (try_file(&config) || try_tls(&config))))
		error = -EINVAL;
	else if ((told = !(who & NEW_ENGINE)))
		error = tell_engine(s, high);
	if (error) {
		if (told)
			yg_error("reload: the engine did not take the configuration: %s", strerror(-error));
		yg_config_close(&config);
		close(high);
		return error;
	}
	close(s->fds[YG_FD_CONFIG]);
	s->fds[YG_FD_CONFIG] = high;
	yg_config_close(&s->config);
	s->config = config;
	bool ending = who & NEW_ENGINE && end_child(s, YG_CHILD_ENGINE, SIGHUP);
	if (ending && !s->handover_ms)
		s->handover_ms = yg_supervisor_clock_ms();
	// Records name bodies by number. So the old courier reads what the old engine leaves, to the end, and no new engine writes before.
	if (ending && who & COURIER)
		s->courier_follows = true;
	else if (who & COURIER && who & NEW_ENGINE)
		yg_supervisor_end_courier(s);
	else if (who & COURIER && end_child(s, YG_CHILD_COURIER, SIGTERM))
		s->asked_to_end[YG_CHILD_COURIER] = true;
	if (who & DISSECTOR && !(who & NEW_ENGINE) && end_child(s, YG_CHILD_DISSECTOR, SIGKILL))
		s->asked_to_end[YG_CHILD_DISSECTOR] = true;
	yg_info("reloaded%s%s%s", who & NEW_ENGINE ? "; another engine starts, what it does not see is told" : "",
		who & COURIER ? "; another courier goes on" : "", who & DISSECTOR ? "; another dissector starts" : "");
	return 0;
}
