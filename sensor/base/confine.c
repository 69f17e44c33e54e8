// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See confine.h. Capabilities belong to threads, not to processes, and a driver's threads exist before its ports are open: each thread is
// asked by a signal to give up its own, as libc does for setuid. What they have left is then read from the kernel, not believed.
#include "base/confine.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	CAPABILITY_MAX = 63,
	ROUNDS_MAX = 100, // looks at the threads, a hundredth of a second apart: one that does not answer by then never will
	ROUND_NS = 10000000,
};

#define BIT(capability) (UINT64_C(1) << (capability))

// ---- capabilities of the calling thread; only what a signal handler may do ----

static int get_capabilities(uint64_t *ret_effective, uint64_t *ret_permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int set_capabilities(uint64_t effective, uint64_t keep)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)keep, (uint32_t)keep},
		{(uint32_t)(effective >> 32), (uint32_t)(keep >> 32), (uint32_t)(keep >> 32)},
	};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

uint64_t yg_confine_permitted(void)
{
	uint64_t effective = 0, permitted = 0;
	return get_capabilities(&effective, &permitted) == 0 ? permitted : 0;
}

// Without CAP_SETPCAP the bounding set stays as it was. It grants nothing by itself, and with no-new-privs nothing can.
static void shrink_bounding_set(uint64_t keep)
{
	for (unsigned c = 0; c <= CAPABILITY_MAX; c++)
		if (!(keep & BIT(c)))
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

static int drop_own(void)
{
	shrink_bounding_set(0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return set_capabilities(0, 0);
}

// ---- another user ----

// What is kept is permitted and handed down (ambient), and not in force here.
static int keep_for_children(uint64_t keep)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	int error = set_capabilities(keep, keep);
	for (unsigned c = 0; !error && c <= CAPABILITY_MAX; c++)
		if (keep & BIT(c) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			error = -errno;
	return error ? error : set_capabilities(0, keep);
}

static int change_user(uid_t uid, gid_t gid)
{
	uid_t real, effective, saved;
	gid_t group, group_effective, group_saved;
	if (getresuid(&real, &effective, &saved) < 0 || getresgid(&group, &group_effective, &group_saved) < 0)
		return -errno;
	bool same = real == uid && effective == uid && saved == uid && group == gid && group_effective == gid && group_saved == gid;
	if (same)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (getresuid(&real, &effective, &saved) < 0 || getresgid(&group, &group_effective, &group_saved) < 0)
		return -errno;
	same = real == uid && effective == uid && saved == uid && group == gid && group_effective == gid && group_saved == gid;
	return same && getgroups(0, NULL) == 0 ? 0 : -EPERM;
}

int yg_confine_user(uid_t uid, gid_t gid, uint64_t keep)
{
	uint64_t effective = 0, permitted = 0;
	int error = get_capabilities(&effective, &permitted);
	if (error)
		return error;
	keep &= permitted;
	// Capabilities stay as they are when the user changes, and a program run by user 0 has none for it.
	if (effective & BIT(CAP_SETPCAP) &&
	    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
					 SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0) < 0)
		return -errno;
	error = change_user(uid, gid);
	if (error)
		return error;
	shrink_bounding_set(keep);
	error = keep_for_children(keep);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		error = -errno;
	if (!error)
		error = get_capabilities(&effective, &permitted);
	if (!error && (effective || permitted != keep))
		error = -EPERM;
	return error;
}

// ---- every thread ----

// A thread that had no processor for a while is asked more than once, and these signals queue: the last may come when it is over and the
// filter is in force, which ends whoever calls capset then.
static atomic_uint dropping; // threads in the handler
static atomic_bool over;

static void on_drop(int number)
{
	(void)number;
	int saved = errno;
	atomic_fetch_add(&dropping, 1);
	if (!atomic_load(&over))
		drop_own(); // the kernel is asked afterwards what is left
	atomic_fetch_sub(&dropping, 1);
	errno = saved;
}

// The first of these lines of a thread that says something else than it must, or NULL. `bounding`: that one too.
static const char *line_amiss(const char *status, bool bounding)
{
	static const char *const lines[] = {"\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t", "\nCapAmb:\t", "\nCapBnd:\t"};
	for (unsigned i = 0; i < sizeof lines / sizeof *lines - !bounding; i++) {
		const char *line = strstr(status, lines[i]);
		if (!line || strtoull(line + strlen(lines[i]), NULL, 16) != 0)
			return lines[i] + 1;
	}
	return NULL;
}

static int read_status(const char *thread, char *text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%.16s/status", thread);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	size_t n = fread(text, 1, size - 1, file);
	fclose(file);
	text[n] = '\0';
	return n ? 0 : -EIO;
}

// Asks each thread that still has some. How many these were, or a negative errno.
static int ask_threads(bool bounding)
{
	char status[4096];
	int asked = 0;
	DIR *folder = opendir("/proc/self/task");
	if (!folder)
		return -errno;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.' || read_status(entry->d_name, status, sizeof status) < 0)
			continue; // it has ended
		if (!line_amiss(status, bounding))
			continue;
		asked++;
		syscall(SYS_tgkill, getpid(), (int)strtol(entry->d_name, NULL, 10), SIGRTMAX);
	}
	closedir(folder);
	return asked;
}

static int drop_everywhere(bool bounding)
{
	struct sigaction drop = {.sa_handler = on_drop, .sa_flags = SA_RESTART}, before;
	const struct timespec nap = {0, ROUND_NS};
	sigfillset(&drop.sa_mask);
	if (sigaction(SIGRTMAX, &drop, &before) < 0)
		return -errno;
	int left = 1;
	for (unsigned round = 0; left > 0 && round < ROUNDS_MAX; round++) {
		left = ask_threads(bounding);
		if (left > 0)
			nanosleep(&nap, NULL);
	}
	// The handler stays: a signal that is still on its way must not end the process, and does nothing any more.
	if (left == 0)
		atomic_store(&over, true);
	for (unsigned round = 0; left == 0 && atomic_load(&dropping) && round < ROUNDS_MAX; round++)
		nanosleep(&nap, NULL);
	return left > 0 || atomic_load(&dropping) ? -ETIMEDOUT : left;
}

int yg_confine_rights(void)
{
	static bool given_up; // threads that were made since have none either, and their files can no longer be read
	uint64_t effective = 0, permitted = 0;
	if (given_up)
		return 0;
	int error = get_capabilities(&effective, &permitted);
	if (error)
		return error;
	bool bounding = effective & BIT(CAP_SETPCAP);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	error = drop_own();
	if (!error)
		error = drop_everywhere(bounding);
	// Last: the files of a process into which nobody may look belong to user 0, and it could not read its own threads' any more.
	if (!error && yg_confine_works() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		error = -errno;
	given_up = !error;
	return error;
}
