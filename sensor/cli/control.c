// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See control.h.
#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/build_config.h"
#include "cli/metrics.h"

enum { BACKLOG = 8, GROUPS_MAX = 256, SHORT_ANSWER = 512 };

static void count(struct yg_control *c, enum yg_control_counter counter)
{
	yg_counter_add(&c->counters[counter], 1);
}

// ---- the socket ----

// Only a socket is removed, and only one of ours that nobody answers on: anything else in that place was put there by somebody.
static int clear_path(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
	close(fd);
	if (error != ECONNREFUSED)
		return error == EACCES || error == EPERM ? -error : -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static void make_folder(const char *path, uid_t uid, gid_t gid)
{
	char folder[sizeof((struct sockaddr_un *)0)->sun_path];
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	if (mkdir(folder, 0750) == 0 && uid != (uid_t)-1 && lchown(folder, uid, gid) < 0)
		yg_warn("%s: %s", folder, strerror(errno));
}

int yg_control_bind(const char *path, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (path[0] != '/' || length >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);
	make_folder(path, uid, gid);
	int error = clear_path(&address);
	if (error)
		return error;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	// The mode is right from the first moment on; nothing else of this process makes files meanwhile.
	mode_t mask = umask(0117);
	int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
	error = bound < 0 ? -errno : 0;
	umask(mask);
	if (!error && uid != (uid_t)-1 && lchown(path, uid, gid) < 0)
		error = -errno;
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	if (bound == 0)
		unlink(path);
	return error;
}

int yg_control_open(struct yg_control *c, const char *path, uid_t uid, gid_t gid, const struct yg_control_hooks *hooks,
		    struct yg_counter *counters)
{
	struct stat st;
	memset(c, 0, sizeof *c);
	c->hooks = *hooks;
	c->counters = counters;
	for (unsigned i = 0; i < YG_CONTROL_CLIENTS; i++)
		c->clients[i].fd = -1;
	c->fd = yg_control_bind(path, uid, gid);
	if (c->fd < 0)
		return c->fd;
	snprintf(c->address.sun_path, sizeof c->address.sun_path, "%s", path);
	if (lstat(path, &st) == 0) {
		c->device = st.st_dev;
		c->inode = st.st_ino;
	}
	return 0;
}

static void drop(struct yg_control_client *client)
{
	close(client->fd);
	free(client->out);
	client->fd = -1;
	client->out = NULL;
}

void yg_control_close(struct yg_control *c)
{
	struct stat st;
	if (c->fd < 0)
		return;
	for (unsigned i = 0; i < YG_CONTROL_CLIENTS; i++)
		if (c->clients[i].fd >= 0)
			drop(&c->clients[i]);
	close(c->fd);
	c->fd = -1;
	if (lstat(c->address.sun_path, &st) == 0 && st.st_dev == c->device && st.st_ino == c->inode)
		unlink(c->address.sun_path);
}

// ---- who asks ----

static bool in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof groups;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof *groups; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool may_ask(int fd, bool *ret_may_change)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof peer)
		return false;
	*ret_may_change = peer.uid == 0 || peer.uid == geteuid();
	return *ret_may_change || peer.gid == getegid() || in_group(fd, getegid());
}

static struct yg_control_client *place(struct yg_control *c)
{
	struct yg_control_client *oldest = &c->clients[0];
	for (unsigned i = 0; i < YG_CONTROL_CLIENTS; i++) {
		if (c->clients[i].fd < 0)
			return &c->clients[i];
		if (c->clients[i].active_ms < oldest->active_ms)
			oldest = &c->clients[i];
	}
	count(c, YG_CTL_EVICTED);
	drop(oldest);
	return oldest;
}

static void accept_some(struct yg_control *c, int64_t now_ms)
{
	for (unsigned i = 0; i < BACKLOG; i++) {
		bool may_change;
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				count(c, YG_CTL_ACCEPT_ERRORS);
			return;
		}
		if (!may_ask(fd, &may_change)) {
			count(c, YG_CTL_REFUSED);
			close(fd);
			continue;
		}
		struct yg_control_client *client = place(c);
		*client = (struct yg_control_client){.fd = fd, .active_ms = now_ms, .may_change = may_change};
		count(c, YG_CTL_ACCEPTED);
	}
}

// ---- answers ----

static size_t answer_short(char *buffer, size_t size, const char *error)
{
	struct yg_json json;
	yg_json_init(&json, buffer, size);
	yg_json_object(&json, NULL);
	yg_json_bool(&json, "ok", !error);
	if (error)
		yg_json_string(&json, "error", error);
	else
		yg_json_string(&json, "version", YG_VERSION);
	yg_json_end_object(&json);
	return yg_json_finish(&json) ? json.length : 0;
}

static size_t fill_answer(struct yg_control *c, const struct yg_control_client *client, enum yg_control_request request, char *buffer,
			  size_t size)
{
	size_t length = 0;
	if (request == YG_CONTROL_STATS || request == YG_CONTROL_METRICS) {
		length = (request == YG_CONTROL_STATS ? c->hooks.stats : c->hooks.metrics)(c->hooks.context, buffer, size);
		return length ? length : answer_short(buffer, size, "the answer does not fit");
	}
	if (request == YG_CONTROL_VERSION)
		return answer_short(buffer, size, NULL);
	if (request != YG_CONTROL_RELOAD) {
		count(c, YG_CTL_UNKNOWN);
		return answer_short(buffer, size, "no such request; there are stats, metrics, reload and version");
	}
	if (!client->may_change) {
		count(c, YG_CTL_DENIED);
		return answer_short(buffer, size, "only root and the sensor's own user may reload");
	}
	int error = c->hooks.reload ? c->hooks.reload(c->hooks.reload_context) : -ENOTSUP;
	return answer_short(buffer, size, error ? strerror(-error) : NULL);
}

static bool answer(struct yg_control *c, struct yg_control_client *client, enum yg_control_request request)
{
	size_t size = YG_CONTROL_HEAD + (request == YG_CONTROL_STATS || request == YG_CONTROL_METRICS ? c->hooks.answer_max : SHORT_ANSWER);
	count(c, YG_CTL_REQUESTS);
	client->out = malloc(size);
	if (!client->out) {
		count(c, YG_CTL_NO_MEMORY);
		return false;
	}
	size_t length = fill_answer(c, client, request, client->out + YG_CONTROL_HEAD, size - YG_CONTROL_HEAD);
	yg_control_length((uint8_t *)client->out, (uint32_t)length);
	client->out_length = YG_CONTROL_HEAD + length;
	client->out_sent = 0;
	return true;
}

// False when the client is to go.
static bool send_some(struct yg_control_client *client, int64_t now_ms)
{
	ssize_t n = send(client->fd, client->out + client->out_sent, client->out_length - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0)
		client->active_ms = now_ms;
	client->out_sent += (size_t)n;
	if (client->out_sent == client->out_length) {
		free(client->out);
		client->out = NULL;
	}
	return true;
}

static bool serve(struct yg_control *c, struct yg_control_client *client, int64_t now_ms)
{
	if (client->out)
		return send_some(client, now_ms);
	ssize_t n = recv(client->fd, client->in.bytes + client->in.have, yg_control_room(&client->in), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	if (n > 0)
		client->in.have += (size_t)n;
	enum yg_control_request request = yg_control_take(&client->in);
	if (request == YG_CONTROL_MORE)
		return true;
	if (request == YG_CONTROL_BAD) {
		count(c, YG_CTL_BAD_FRAME);
		return false;
	}
	client->active_ms = now_ms;
	return answer(c, client, request) && send_some(client, now_ms);
}

void yg_control_turn(struct yg_control *c, int64_t now_ms)
{
	if (c->fd < 0)
		return;
	accept_some(c, now_ms);
	for (unsigned i = 0; i < YG_CONTROL_CLIENTS; i++) {
		struct yg_control_client *client = &c->clients[i];
		if (client->fd < 0)
			continue;
		bool silent = now_ms - client->active_ms > YG_CONTROL_IDLE_MS;
		if (silent)
			count(c, YG_CTL_IDLE);
		if (silent || !serve(c, client, now_ms))
			drop(client);
	}
}
