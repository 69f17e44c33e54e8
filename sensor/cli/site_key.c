// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See site_key.h. A lock of the folder and not O_EXCL or link(2): those leave names behind when the process is killed, which the next one
// would have to tell from those of a process that still writes. What is written under the lock always has one name, and is cut off first.
#include "cli/site_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/supervisor.h"

enum { LOCK_TRIES = 50, LOCK_WAIT_MS = 100, FD_BASE = 256 };

static const char option[] = "alerts.id_key_file", name[] = "id.key", unfinished[] = "id.key.new";

static struct yg_hash_key key_of(const uint8_t bytes[YG_SITE_KEY_BYTES])
{
	struct yg_hash_key key = {0, 0};
	for (unsigned i = 0; i < 8; i++) {
		key.k0 |= (uint64_t)bytes[i] << 8 * i;
		key.k1 |= (uint64_t)bytes[8 + i] << 8 * i;
	}
	return key;
}

// `path` is for the log. The descriptor is closed.
static int read_key(int fd, const char *path, struct yg_hash_key *ret_key)
{
	uint8_t bytes[YG_SITE_KEY_BYTES];
	struct stat about;
	int error = fd < 0 || fstat(fd, &about) < 0 ? -errno : 0;
	if (error) {
		yg_error("%s: %s: %s", option, path, strerror(-error));
	} else if (!S_ISREG(about.st_mode) || about.st_size != YG_SITE_KEY_BYTES) {
		error = -EINVAL;
		yg_error("%s: %s: it has %lld bytes; a key is a file of %d", option, path, (long long)about.st_size, YG_SITE_KEY_BYTES);
	} else if (about.st_mode & (S_IROTH | S_IWOTH)) {
		error = -EPERM;
		yg_error("%s: %s: everybody may read or write it, so it is no secret; make another one (chmod o= alone does not take it back)",
			 option, path);
	} else if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
		error = -EIO;
		yg_error("%s: %s: it cannot be read", option, path);
	} else {
		*ret_key = key_of(bytes);
		error = ret_key->k0 || ret_key->k1 ? 0 : -EINVAL;
		if (error)
			yg_error("%s: %s: it is nothing but zeros", option, path);
	}
	explicit_bzero(bytes, sizeof bytes);
	if (fd >= 0)
		close(fd);
	return error;
}

int yg_site_key_read(const char *path, struct yg_hash_key *ret_key)
{
	return read_key(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), path, ret_key);
}

// Others hold it for as long as it takes to sync 16 bytes.
static int lock(int dir)
{
	const struct timespec wait = {0, LOCK_WAIT_MS * 1000000L};
	for (int i = 0; flock(dir, LOCK_EX | LOCK_NB) < 0; i++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_TRIES)
			return -errno;
		nanosleep(&wait, NULL);
	}
	return 0;
}

static int write_new(int dir)
{
	struct yg_hash_key key;
	int error = yg_hash_key_random(&key);
	if (error)
		return error;
	int fd = openat(dir, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, &key, sizeof key);
	error = n < 0 ? -errno : n != (ssize_t)sizeof key ? -ENOSPC : fchmod(fd, 0600) < 0 || fsync(fd) < 0 ? -errno : 0;
	close(fd);
	explicit_bzero(&key, sizeof key);
	if (!error && renameat(dir, unfinished, dir, name) < 0)
		error = -errno;
	if (!error && fsync(dir) < 0)
		error = -errno;
	return error;
}

int yg_site_key_make(const char *folder, struct yg_hash_key *ret_key, bool *ret_unmade)
{
	char path[PATH_MAX + sizeof name];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int made = mkdir(folder, 0700), dir = made < 0 && errno != EEXIST ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = dir < 0 ? -errno : lock(dir), fd = -1;
	*ret_unmade = false;
	if (!error) {
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		error = fd < 0 && errno == ENOENT ? write_new(dir) : 0;
	}
	*ret_unmade = error != 0;
	if (error)
		yg_warn("%s: %s: %s", option, path, strerror(-error));
	else
		error = read_key(fd >= 0 ? fd : openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), path, ret_key);
	if (dir >= 0)
		close(dir); // and the lock with it
	return error;
}

static int choose(const struct yg_supervisor *s, struct yg_hash_key *ret_key)
{
	const char *file = yg_config_string(&s->config, YG_O_ALERTS_ID_KEY_FILE);
	char folder[PATH_MAX];
	bool unmade = false;
	if (strcmp(file, "auto") != 0)
		return yg_site_key_read(file, ret_key);
	if (!s->live) {
		*ret_key = yg_hash_key_identity;
		return 0;
	}
	yg_config_state_folder(&s->config, folder);
	int error = folder[0] ? yg_site_key_make(folder, ret_key, &unmade) : 0;
	if (error && !unmade)
		return error;
	// A sensor that watches with ids that the next run does not continue is better than one that does not watch.
	if (error || !folder[0]) {
		yg_warn("%s: no key is kept (state.folder); the ids of alerts are those of this run alone", option);
		error = yg_hash_key_random(ret_key);
	}
	return error;
}

int yg_site_key_open(struct yg_supervisor *s)
{
	struct yg_hash_key key;
	int error = choose(s, &key);
	if (error) {
		s->failed = EX_CONFIG;
		return error;
	}
	int fd = memfd_create("yagura-id-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_BASE); // clear of the numbers that children use
	if (high < 0 || write(fd, &key, sizeof key) != (ssize_t)sizeof key ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		error = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	if (high >= 0)
		s->fds[YG_FD_ID_KEY] = high;
	explicit_bzero(&key, sizeof key);
	return error;
}
