// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See rotate.h. Rename first, then open: a courier that dies between the two leaves no file of that name, and its successor makes one; no
// line is ever in a place where it is not looked for (journal.c finds a write that was announced by the file's inode). A name that is
// taken is never overwritten.
#include "courier/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	return fd < 0 ? -errno : fd;
}

// The number of a period since the epoch, in local time: days change at midnight.
static int64_t period_of(const struct yg_rotate *rotate, int64_t real_s)
{
	time_t t = (time_t)real_s;
	struct tm tm = {0};
	if (rotate->period_s == 0)
		return 0;
	localtime_r(&t, &tm);
	return (real_s + tm.tm_gmtoff) / rotate->period_s;
}

void yg_rotate_begin(struct yg_rotate *rotate)
{
	if (rotate->keep || rotate->compress)
		rotate->keeper = yg_keeper_create(rotate->path, rotate->keep, rotate->compress, rotate->stats);
	if (!rotate->keeper)
		return;
	yg_keeper_spare(rotate->keeper, rotate->file);
	yg_keeper_wake(rotate->keeper); // what a courier before this one has left
}

void yg_rotate_end(struct yg_rotate *rotate)
{
	yg_keeper_abandon(rotate->keeper);
	rotate->keeper = NULL;
}

void yg_rotate_opened(struct yg_rotate *rotate, int fd, int64_t real_s)
{
	struct stat st;
	bool known = fstat(fd, &st) == 0, old = known && st.st_size > 0;
	rotate->period = period_of(rotate, old ? (int64_t)st.st_mtim.tv_sec : real_s);
	rotate->file = known ? (struct yg_file_id){st.st_dev, st.st_ino} : (struct yg_file_id){0};
	if (rotate->keeper)
		yg_keeper_spare(rotate->keeper, rotate->file);
}

bool yg_rotate_due(struct yg_rotate *rotate, int fd, uint64_t more, int64_t real_s)
{
	struct stat st;
	int64_t period = period_of(rotate, real_s);
	bool another = period != rotate->period;
	if (real_s < rotate->retry_s && real_s + YG_ROTATE_RETRY_S >= rotate->retry_s) // unless the clock was set back
		return false;
	if (!another && !rotate->size)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (st.st_size == 0) { // else its first line would lie in a file of its own
		rotate->period = period;
		return false;
	}
	return another || (more && (uint64_t)st.st_size + more > rotate->size);
}

// Time and offset in the form of ISO 8601 without its separators; "+0900".
static void stamp(int64_t real_s, char *text, size_t size)
{
	time_t t = (time_t)real_s;
	struct tm tm = {0};
	localtime_r(&t, &tm);
	text[strftime(text, size, "%Y%m%dT%H%M%S%z", &tm)] = '\0';
}

// The name must be that of our file: a link, or a file that somebody has put in its place, is left alone.
static int check_name(const struct yg_rotate *rotate, int fd)
{
	struct stat named, ours;
	if (fstat(fd, &ours) < 0 || fstatat(AT_FDCWD, rotate->path, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(named.st_mode))
		return -EMLINK;
	return named.st_ino == ours.st_ino && named.st_dev == ours.st_dev ? 0 : -ESTALE;
}

static bool is_there(const char *path)
{
	struct stat st;
	return fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

// Of a name that was given away there is always NAME or NAME.gz: the keeper makes the second before it removes the first. So NAME is
// looked for first, and then NAME.gz: the other way round it could turn from the one into the other in between, and be taken for free.
static int set_aside(const struct yg_rotate *rotate, int64_t real_s, char ret_name[PATH_MAX + 64])
{
	char when[32], packed[PATH_MAX + 72];
	stamp(real_s, when, sizeof when);
	for (unsigned n = 0; n <= YG_ROTATE_NAMES; n++) {
		char number[8] = "";
		if (n)
			snprintf(number, sizeof number, "_%03u", n);
		snprintf(ret_name, PATH_MAX + 64, "%s.%s%s", rotate->path, when, number);
		snprintf(packed, sizeof packed, "%s.gz", ret_name);
		if (is_there(ret_name) || is_there(packed))
			continue;
		if (renameat2(AT_FDCWD, rotate->path, AT_FDCWD, ret_name, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int failed(struct yg_rotate *rotate, int error, int64_t real_s)
{
	yg_counter_add(&rotate->stats->c[YG_CC_EVE_ROTATE_ERRORS], 1);
	if (!rotate->failing)
		yg_error("EVE file: it cannot be set aside: %s; it goes on as it is",
		         error == -EMLINK ? "its name is a link" : error == -ESTALE ? "its name is that of another file" : strerror(-error));
	rotate->failing = true;
	rotate->retry_s = real_s + YG_ROTATE_RETRY_S;
	return error;
}

int yg_rotate_move(struct yg_rotate *rotate, int fd, int64_t real_s)
{
	char name[PATH_MAX + 64];
	int error = check_name(rotate, fd);
	if (!error)
		error = set_aside(rotate, real_s, name);
	if (error)
		return failed(rotate, error, real_s);
	int new = open_file(rotate->path);
	if (new < 0) {
		// Should this fail as well, what is written from now on stands in the file that was set aside.
		renameat2(AT_FDCWD, name, AT_FDCWD, rotate->path, RENAME_NOREPLACE);
		return failed(rotate, new, real_s);
	}
	yg_rotate_opened(rotate, new, real_s);
	yg_counter_add(&rotate->stats->c[YG_CC_EVE_ROTATIONS], 1);
	rotate->failing = false;
	rotate->retry_s = 0;
	if (rotate->keeper)
		yg_keeper_wake(rotate->keeper);
	return new;
}

int yg_rotate_reopen(const char *path, int fd)
{
	struct stat named, ours;
	if (fstat(fd, &ours) < 0)
		return -errno;
	if (fstatat(AT_FDCWD, path, &named, 0) == 0 && named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
		return -EALREADY;
	return open_file(path);
}
