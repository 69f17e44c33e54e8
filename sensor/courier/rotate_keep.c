// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See rotate.h: what becomes of files that were set aside. A thread, because a file of gigabytes takes a minute to compress and the loop
// may not stand still for a millisecond; it rests between slices, so that it takes less than half of a core. It begins anew from what lies
// in the folder each time, so a process that dies at any point costs nothing but the work:
//
//   NAME.gz.part   half done: removed
//   NAME, NAME.gz  done, and NAME not yet removed: the one is made durable before it gets its name, so NAME goes
//
// A file that cannot be read or written is counted, and tried again at the next rotation. The one that the courier writes to is left alone
// under any name: for a moment it has that of an old file, and for longer when somebody else gave it one or when no other could be opened.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "courier/rotate.h"

#define PART ".gz.part"

enum {
	SLICE = 64 * 1024,
	REST_US = 2000,    // after each slice, which takes some 1.5 ms
	GZIP = 16 + MAX_WBITS, // zlib's way to say so
};

struct yg_keeper {
	pthread_mutex_t lock;  // of the three that follow
	bool asked, running;   // there is something to do; the thread exists, and looks once more before it ends
	struct yg_file_id spared; // the file that is written to
	atomic_bool abandoned, failing;
	uint32_t keep;
	bool compress;
	struct yg_courier_stats *stats; // three counters are this thread's alone
	char folder[PATH_MAX], base[NAME_MAX + 1];
	unsigned char in[SLICE], out[SLICE];
};

struct old_files {
	char **name; // sorted
	size_t count;
};

static bool digits(const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

bool yg_keeper_is_old(const char *base, const char *name)
{
	size_t length = strlen(base);
	const char *t = name + length + 1;
	if (strncmp(name, base, length) != 0 || name[length] != '.' || strlen(t) < 20)
		return false;
	if (!digits(t, 8) || t[8] != 'T' || !digits(t + 9, 6) || (t[15] != '+' && t[15] != '-') || !digits(t + 16, 4))
		return false;
	t += 20;
	if (t[0] == '_' && strlen(t) >= 4 && digits(t + 1, 3))
		t += 4;
	return *t == '\0' || strcmp(t, ".gz") == 0 || strcmp(t, PART) == 0;
}

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);
	return length > n && strcmp(name + length - n, end) == 0;
}

static void complain(struct yg_keeper *k, const char *name, int error)
{
	yg_counter_add(&k->stats->c[YG_CC_EVE_KEEP_ERRORS], 1);
	if (!atomic_exchange(&k->failing, true))
		yg_warn("EVE file: %s, which was set aside: %s", name, strerror(error));
}

// ---- what there is ----

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void forget(struct old_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->name[i]);
	free(files->name);
}

// What was compressed is never written to again.
static bool is_spared(struct yg_keeper *k, int folder, const char *name)
{
	struct stat st;
	if (ends_in(name, ".gz") || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	pthread_mutex_lock(&k->lock);
	bool same = st.st_ino == k->spared.inode && st.st_dev == k->spared.device;
	pthread_mutex_unlock(&k->lock);
	return same;
}

static int list(struct yg_keeper *k, int folder, struct old_files *ret_files)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct old_files files = {calloc(YG_KEEPER_FILES, sizeof *files.name), 0};
	bool more = false;
	if (!dir || !files.name) {
		int error = errno;
		free(files.name);
		if (dir)
			closedir(dir);
		else if (fd >= 0)
			close(fd);
		return -error;
	}
	for (const struct dirent *entry; !more && (entry = readdir(dir)) != NULL;) {
		if (!yg_keeper_is_old(k->base, entry->d_name) || is_spared(k, folder, entry->d_name))
			continue;
		if ((more = files.count == YG_KEEPER_FILES))
			break;
		files.name[files.count] = strdup(entry->d_name);
		files.count += files.name[files.count] != NULL;
	}
	closedir(dir);
	if (more)
		complain(k, "there are more files than are looked at, and one of those", EOVERFLOW);
	qsort(files.name, files.count, sizeof *files.name, by_name);
	*ret_files = files;
	return 0;
}

// Takes a name out of the list, removed or not.
static void drop(struct yg_keeper *k, int folder, struct old_files *files, size_t i, bool too_many)
{
	if (unlinkat(folder, files->name[i], 0) < 0 && errno != ENOENT)
		complain(k, files->name[i], errno);
	else
		yg_counter_add(&k->stats->c[YG_CC_EVE_REMOVED], too_many);
	free(files->name[i]);
	files->count--;
	memmove(files->name + i, files->name + i + 1, (files->count - i) * sizeof *files->name);
}

// What a process that died has left half done. NAME stands right before NAME.gz.
static void tidy(struct yg_keeper *k, int folder, struct old_files *files)
{
	for (size_t i = files->count; i-- > 0;)
		if (ends_in(files->name[i], PART))
			drop(k, folder, files, i, false);
	for (size_t i = files->count; i-- > 1;) {
		size_t length = strlen(files->name[i - 1]);
		if (strncmp(files->name[i], files->name[i - 1], length) == 0 && strcmp(files->name[i] + length, ".gz") == 0)
			drop(k, folder, files, i - 1, false);
	}
}

// ---- compressing ----

static bool write_whole(int fd, const unsigned char *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

// One slice in, what comes of it out. False and errno.
static bool pass(struct yg_keeper *k, z_stream *z, int to, size_t size, bool last)
{
	z->next_in = k->in;
	z->avail_in = (uInt)size;
	do {
		z->next_out = k->out;
		z->avail_out = SLICE;
		deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
		if (!write_whole(to, k->out, SLICE - z->avail_out))
			return false;
	} while (z->avail_out == 0);
	return true;
}

static int copy(struct yg_keeper *k, int from, int to)
{
	const struct timespec rest = {0, REST_US * 1000L};
	z_stream z = {0};
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	ssize_t n = 1;
	while (n > 0 && !atomic_load(&k->abandoned)) {
		n = read(from, k->in, SLICE);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0 || !pass(k, &z, to, (size_t)n, n == 0))
			n = -1;
		else
			nanosleep(&rest, NULL);
	}
	int error = n < 0 ? -errno : n > 0 ? -ECANCELED : 0;
	deflateEnd(&z);
	if (!error && fsync(to) < 0)
		error = -errno;
	return error;
}

static int compress_file(struct yg_keeper *k, int folder, const char *name)
{
	char part[NAME_MAX + 16], whole[NAME_MAX + 16];
	struct stat st;
	snprintf(part, sizeof part, "%s" PART, name);
	snprintf(whole, sizeof whole, "%s.gz", name);
	// Not blocking: a pipe of that name would hold the thread for ever.
	int from = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), to = -1, error = from < 0 ? -errno : 0;
	if (!error && (fstat(from, &st) < 0 || !S_ISREG(st.st_mode)))
		error = -EINVAL;
	if (!error) // as the sandbox allows it: to append to a file that was not there
		to = openat(folder, part, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (!error && to < 0)
		error = -errno;
	if (!error)
		error = copy(k, from, to);
	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) < 0 && !error)
		error = -errno;
	if (!error && renameat2(folder, part, folder, whole, RENAME_NOREPLACE) < 0)
		error = -errno;
	if (error) {
		if (to >= 0)
			unlinkat(folder, part, 0);
		return error;
	}
	fsync(folder); // else a power cut could take the new name and leave the removal
	return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

static void look(struct yg_keeper *k)
{
	struct old_files files;
	int folder = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = folder < 0 ? -errno : list(k, folder, &files);
	if (error) {
		complain(k, k->folder, -error);
		if (folder >= 0)
			close(folder);
		return;
	}
	uint64_t faults = yg_counter_get(&k->stats->c[YG_CC_EVE_KEEP_ERRORS]);
	tidy(k, folder, &files);
	while (k->keep && files.count > k->keep)
		drop(k, folder, &files, 0, true);
	for (size_t i = 0; i < files.count && k->compress && !atomic_load(&k->abandoned); i++) {
		if (ends_in(files.name[i], ".gz"))
			continue;
		error = compress_file(k, folder, files.name[i]);
		if (error && error != -ECANCELED)
			complain(k, files.name[i], -error);
		yg_counter_add(&k->stats->c[YG_CC_EVE_COMPRESSED], !error);
	}
	if (faults == yg_counter_get(&k->stats->c[YG_CC_EVE_KEEP_ERRORS]))
		atomic_store(&k->failing, false);
	forget(&files);
	close(folder);
}

// ---- the thread ----

// True when there is something to do; else the thread counts as gone, and may not touch anything any more.
static bool next(struct yg_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	bool asked = k->asked && !atomic_load(&k->abandoned);
	k->asked = false;
	k->running = asked;
	pthread_mutex_unlock(&k->lock);
	return asked;
}

static void *run(void *argument)
{
	while (next(argument))
		look(argument);
	return NULL;
}

void yg_keeper_spare(struct yg_keeper *k, struct yg_file_id file)
{
	pthread_mutex_lock(&k->lock);
	k->spared = file;
	pthread_mutex_unlock(&k->lock);
}

void yg_keeper_wake(struct yg_keeper *k)
{
	pthread_t thread;
	int error = 0;
	pthread_mutex_lock(&k->lock);
	k->asked = true;
	if (!k->running && (error = pthread_create(&thread, NULL, run, k)) == 0) {
		pthread_detach(thread);
		k->running = true;
	}
	pthread_mutex_unlock(&k->lock);
	if (error)
		complain(k, k->base, error);
}

bool yg_keeper_idle(struct yg_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	bool idle = !k->running;
	pthread_mutex_unlock(&k->lock);
	return idle;
}

struct yg_keeper *yg_keeper_create(const char *path, uint32_t keep, bool compress, struct yg_courier_stats *stats)
{
	struct yg_keeper *k = calloc(1, sizeof *k);
	const char *slash = strrchr(path, '/');
	if (!k)
		return NULL;
	pthread_mutex_init(&k->lock, NULL);
	k->keep = keep;
	k->compress = compress;
	k->stats = stats;
	snprintf(k->base, sizeof k->base, "%s", slash ? slash + 1 : path);
	snprintf(k->folder, sizeof k->folder, "%.*s", slash ? (int)(slash - path + (slash == path)) : 1, slash ? path : ".");
	return k;
}

void yg_keeper_abandon(struct yg_keeper *k)
{
	if (!k)
		return;
	atomic_store(&k->abandoned, true);
	const struct timespec moment = {0, 1000000};
	for (int i = 0; i < 1000 && !yg_keeper_idle(k); i++) // for a slice, or a removal; else the end of the process takes it
		nanosleep(&moment, NULL);
	if (yg_keeper_idle(k))
		free(k);
}
