// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The only way of the doctor to files. A root may be a copy of somebody else's machine, so nothing in it is trusted: openat2
// keeps every link, absolute or not, below the root; a device, FIFO or socket is recognised on an O_PATH descriptor and never
// opened (opening a watchdog or a tape does something); no read is longer than the caller's buffer, no list than its array.
#include "cli/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_ROOM = 512, ENTRIES_MAX = 16384 };

int yg_tree_open(struct yg_tree *tree, const char *root)
{
	struct stat ours, given;
	tree->fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->fd < 0)
		return -errno;
	tree->foreign = stat("/", &ours) < 0 || fstat(tree->fd, &given) < 0 || ours.st_dev != given.st_dev || ours.st_ino != given.st_ino;
	return 0;
}

void yg_tree_close(struct yg_tree *tree)
{
	close(tree->fd);
	tree->fd = -1;
}

static int open_below(const struct yg_tree *tree, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	// Nothing leads out of our own root, and the filter of a supervisor that runs knows no openat2.
	int fd = tree->foreign ? (int)syscall(SYS_openat2, tree->fd, path, &how, sizeof how) : openat(tree->fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool make_path(char path[PATH_ROOM], const char *format, va_list list)
{
	int n = vsnprintf(path, PATH_ROOM, format, list);
	return n >= 0 && n < PATH_ROOM;
}

// The path of the variable arguments behind `format`, or return -ENAMETOOLONG.
#define PATH_OR_RETURN(path, format)                                                                                                       \
	char path[PATH_ROOM];                                                                                                              \
	va_list list;                                                                                                                      \
	va_start(list, format);                                                                                                            \
	bool fits = make_path(path, format, list);                                                                                         \
	va_end(list);                                                                                                                      \
	if (!fits)                                                                                                                         \
		return -ENAMETOOLONG

bool yg_tree_path(char *path, size_t size, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	int n = vsnprintf(path, size, format, list);
	va_end(list);
	return n >= 0 && (size_t)n < size;
}

static int stat_below(const struct yg_tree *tree, const char *path, struct stat *ret_stat)
{
	int fd = open_below(tree, path, O_PATH);
	if (fd < 0)
		return fd;
	int error = fstat(fd, ret_stat) < 0 ? -errno : 0;
	close(fd);
	return error;
}

static ssize_t read_below(const struct yg_tree *tree, const char *path, char *buffer, size_t size)
{
	struct stat st;
	size_t length = 0;
	int error = stat_below(tree, path, &st);
	if (!error && !S_ISREG(st.st_mode))
		error = -EINVAL;
	// O_NONBLOCK: whoever puts a FIFO there between the two looks shall not hold us up.
	int fd = error ? error : open_below(tree, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	buffer[0] = '\0';
	if (fd < 0)
		return fd;
	while (length < size - 1) {
		ssize_t n = read(fd, buffer + length, size - 1 - length);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error = -errno;
			break;
		}
		length += (size_t)n;
	}
	buffer[length] = '\0';
	close(fd);
	return error ? error : (ssize_t)length;
}

ssize_t yg_tree_read(const struct yg_tree *tree, char *buffer, size_t size, const char *format, ...)
{
	PATH_OR_RETURN(path, format);
	return read_below(tree, path, buffer, size);
}

static void tidy(char *word, const char *text, size_t size)
{
	size_t n = 0;
	text += strspn(text, " \t");
	for (; text[n] && text[n] != '\n' && n < size - 1; n++)
		word[n] = isascii((unsigned char)text[n]) && isprint((unsigned char)text[n]) ? text[n] : text[n] == '\t' ? ' ' : '?';
	while (n && word[n - 1] == ' ')
		n--;
	word[n] = '\0';
}

int yg_tree_word(const struct yg_tree *tree, char *word, size_t size, const char *format, ...)
{
	char text[512];
	PATH_OR_RETURN(path, format);
	word[0] = '\0';
	ssize_t n = read_below(tree, path, text, sizeof text);
	if (n < 0)
		return (int)n;
	tidy(word, text, size);
	return 0;
}

int yg_tree_number(const struct yg_tree *tree, int64_t *ret_number, const char *format, ...)
{
	char text[64], *end;
	PATH_OR_RETURN(path, format);
	ssize_t n = read_below(tree, path, text, sizeof text);
	if (n < 0)
		return (int)n;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	// Files of the kernel end with a newline and have nothing behind it.
	if (errno || end == text || (size_t)(end - text) + (*end == '\n') != (size_t)n)
		return -EBADMSG;
	*ret_number = number;
	return 0;
}

int yg_tree_link(const struct yg_tree *tree, char *name, size_t size, const char *format, ...)
{
	char target[1024];
	PATH_OR_RETURN(path, format);
	name[0] = '\0';
	int fd = open_below(tree, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
	int error = n < 0 ? -errno : 0;
	close(fd);
	if (error)
		return error;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	tidy(name, slash ? slash + 1 : target, size);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int yg_tree_list(const struct yg_tree *tree, char (*names)[YG_DOCTOR_NAME], int max, const char *format, ...)
{
	PATH_OR_RETURN(path, format);
	int fd = open_below(tree, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK), count = 0, looked = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (fd < 0)
		return fd;
	if (!folder) {
		int error = -errno;
		close(fd);
		return error;
	}
	for (struct dirent *e; count < max && looked < ENTRIES_MAX && (e = readdir(folder)); looked++) {
		size_t n = strlen(e->d_name);
		if (e->d_name[0] != '.' && n < YG_DOCTOR_NAME)
			memcpy(names[count++], e->d_name, n + 1);
	}
	closedir(folder);
	qsort(names, (size_t)count, sizeof *names, by_name);
	return count;
}

int yg_tree_stat(const struct yg_tree *tree, struct stat *ret_stat, const char *format, ...)
{
	PATH_OR_RETURN(path, format);
	return stat_below(tree, path, ret_stat);
}

bool yg_tree_has(const struct yg_tree *tree, const char *format, ...)
{
	struct stat st;
	char path[PATH_ROOM];
	va_list list;
	va_start(list, format);
	bool fits = make_path(path, format, list);
	va_end(list);
	return fits && stat_below(tree, path, &st) == 0;
}

bool yg_tree_writable(const struct yg_tree *tree, const char *format, ...)
{
	struct stat st;
	char path[PATH_ROOM];
	va_list list;
	va_start(list, format);
	bool fits = make_path(path, format, list);
	va_end(list);
	if (!fits || stat_below(tree, path, &st) < 0)
		return false;
	if (tree->foreign)
		return st.st_mode & 0222;
	return faccessat(tree->fd, path, R_OK | W_OK, AT_EACCESS) == 0;
}

bool yg_doctor_plain(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/:@%+-");
	return n > 0 && text[n] == '\0' && text[0] != '-';
}
