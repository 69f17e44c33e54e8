// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See privileges.h.
#include "cli/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "cli/starter.h"
#include "cli/supervisor.h"
#include "model/process.h"

#define BIT(capability) (UINT64_C(1) << (capability))

enum { NICE_LIMIT = 30 }; // as setrlimit counts: down to nice -10, which the zygote of the dissector takes

// Packet sockets; promiscuous mode; locked memory. CAP_SETPCAP: so that the engine can empty its bounding set.
static const uint64_t port_rights = BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_IPC_LOCK) | BIT(CAP_SETPCAP);
// Loading an XDP program, and looking up its maps, which the kernel lets none but CAP_SYS_ADMIN do.
static const uint64_t xdp_rights = BIT(CAP_BPF) | BIT(CAP_SYS_ADMIN);

struct identity {
	uid_t uid;
	gid_t gid;
};

// The user of sensor.user when root runs a live sensor. Nobody else is taken for one that does not exist.
static struct identity find_user(const struct yg_supervisor *s)
{
	const char *name = yg_config_string(&s->config, YG_O_SENSOR_USER);
	struct identity own = {geteuid(), getegid()};
	if (!s->live || own.uid != 0 || !name[0])
		return own;
	errno = 0;
	const struct passwd *user = getpwnam(name);
	if (user)
		return (struct identity){user->pw_uid, user->pw_gid};
	yg_warn("sensor.user: there is no user %s%s%s; staying root, without any capability. `useradd --system %s` makes one", name,
		errno ? ": " : "", errno ? strerror(errno) : "", name);
	return own;
}

static void allow_nice(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NICE, &limit) < 0 || limit.rlim_cur >= NICE_LIMIT)
		return;
	limit.rlim_cur = NICE_LIMIT;
	if (limit.rlim_max < NICE_LIMIT)
		limit.rlim_max = NICE_LIMIT;
	setrlimit(RLIMIT_NICE, &limit); // refused without CAP_SYS_RESOURCE: then its workers are forked a little later
}

// libxdp keeps a lock there, and makes the folder for user 0 alone. Without it no engine can take over the XDP program of the one before.
static void prepare_xdp(struct identity as)
{
	static const char folder[] = "/run/xdp";
	if (geteuid() != 0 || as.uid == 0)
		return;
	int error = mkdir(folder, 0700) < 0 && errno != EEXIST ? errno : 0;
	if (!error && lchown(folder, as.uid, as.gid) < 0)
		error = errno;
	if (error)
		yg_warn("%s: %s; a new engine may not find the XDP program of the one before", folder, strerror(error));
}

static int start_starter(struct yg_supervisor *s, struct identity as, uint64_t permitted)
{
	char path[4200], workers[32];
	const char *ports = yg_config_string(&s->config, YG_O_CAPTURE_PORTS);
	uint64_t rights = permitted & (port_rights | (yg_confine_ports(ports) & YG_CONFINED_XDP ? xdp_rights : 0));
	if (!(rights & ~BIT(CAP_SETPCAP)))
		return 0; // an ordinary user: engines are started by the supervisor, and open what such a user may
	if (rights & BIT(CAP_BPF))
		prepare_xdp(as);
	snprintf(path, sizeof path, "%s/yagura-engine", s->paths.libexec);
	snprintf(workers, sizeof workers, "--workers=%u", s->workers);
	char *argv[] = {"yagura-engine", workers, "--live", NULL};
	int socket = yg_starter_start(path, argv, as.uid, as.gid, rights);
	if (socket > 0)
		s->starter = socket;
	return socket > 0 ? 0 : socket;
}

int yg_privileges_enter(struct yg_supervisor *s)
{
	uint64_t permitted = yg_confine_permitted();
	struct identity as = find_user(s);
	allow_nice();
	int error = s->live ? start_starter(s, as, permitted) : 0;
	if (!error)
		error = yg_confine_user(as.uid, as.gid, s->live ? 0 : BIT(CAP_DAC_OVERRIDE) | BIT(CAP_SETPCAP));
	if (!error && (error = yg_confine_calls(YG_CONFINED_SUPERVISOR)) == -ENOSYS) {
		yg_warn("this kernel has no filters of system calls (seccomp): going on without them");
		error = 0;
	}
	if (error)
		yg_error("rights cannot be given up: %s", strerror(-error));
	return error;
}

pid_t yg_privileges_spawn(struct yg_supervisor *s)
{
	int fds[YG_STARTER_FDS_MAX];
	yg_supervisor_fds(s, YG_CHILD_ENGINE, fds);
	bool late = s->starter_owes;
	pid_t pid = late ? yg_starter_answer(s->starter) : yg_starter_spawn(s->starter, fds);
	s->starter_owes = pid == -ETIMEDOUT;
	// A second request would be a second engine in the same rings. The first has what was to be had then: it makes room for another one.
	if (late && pid > 0)
		kill(pid, SIGKILL);
	if (pid == -EPIPE || pid == -ECONNRESET) {
		yg_error("the process that starts engines has died: nobody can open ports any more");
		s->failed = YG_EXIT_BAD_SETUP;
	}
	return pid == -1 ? -EPERM : pid;
}
