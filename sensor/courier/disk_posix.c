// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See disk.h: a directory of the file system. Every name is opened below the directory's own descriptor, and none is followed, so
// that whoever may rename things above it changes nothing here.
#include "courier/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// The context of a struct yg_disk is the directory's descriptor and 1, so that nothing needs to be allocated.
static int directory_of(void *disk)
{
	return (int)(intptr_t)disk - 1;
}

static int result(int value)
{
	return value < 0 ? -errno : value;
}

static int posix_open(void *disk, const char *name, enum yg_disk_mode mode)
{
	static const int flags[] = {[YG_DISK_READ] = O_RDONLY, [YG_DISK_WRITE] = O_RDWR, [YG_DISK_CREATE] = O_RDWR | O_CREAT | O_TRUNC};
	if (strchr(name, '/'))
		return -EINVAL;
	int fd = openat(directory_of(disk), name, flags[mode] | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return -errno;
	// A pipe or a device under a name of ours would make us wait, or write elsewhere.
	struct stat st;
	int error = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

static ssize_t posix_pread(void *disk, int file, void *buffer, size_t size, uint64_t offset)
{
	(void)disk;
	ssize_t n = pread(file, buffer, size, (off_t)offset);
	return n < 0 ? -errno : n;
}

static ssize_t posix_pwrite(void *disk, int file, const void *bytes, size_t size, uint64_t offset)
{
	(void)disk;
	ssize_t n = pwrite(file, bytes, size, (off_t)offset);
	return n < 0 ? -errno : n;
}

static int posix_sync(void *disk, int file)
{
	(void)disk;
	return result(fdatasync(file));
}

static int posix_sync_directory(void *disk)
{
	return result(fsync(directory_of(disk)));
}

static int posix_allocate(void *disk, int file, uint64_t bytes)
{
	(void)disk;
	return result(fallocate(file, 0, 0, (off_t)bytes));
}

static int posix_rename(void *disk, const char *from, const char *to)
{
	return result(renameat(directory_of(disk), from, directory_of(disk), to));
}

static int posix_unlink(void *disk, const char *name)
{
	return result(unlinkat(directory_of(disk), name, 0));
}

static int posix_list(void *disk, yg_disk_name *each, void *context)
{
	int fd = openat(directory_of(disk), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *directory = fdopendir(fd);
	if (!directory) {
		int error = -errno;
		close(fd);
		return error;
	}
	errno = 0;
	for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
		struct stat st;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			each(context, entry->d_name, (uint64_t)st.st_size);
	}
	int error = -errno;
	closedir(directory);
	return error;
}

static int posix_close(void *disk, int file)
{
	(void)disk;
	return result(close(file));
}

static int posix_free_bytes(void *disk, uint64_t *ret_bytes)
{
	struct statvfs st;
	if (fstatvfs(directory_of(disk), &st) < 0)
		return -errno;
	*ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

static const struct yg_disk_ops posix_ops = {
	.open = posix_open,
	.pread = posix_pread,
	.pwrite = posix_pwrite,
	.sync = posix_sync,
	.sync_directory = posix_sync_directory,
	.allocate = posix_allocate,
	.rename = posix_rename,
	.unlink = posix_unlink,
	.list = posix_list,
	.close = posix_close,
	.free_bytes = posix_free_bytes,
};

int yg_disk_open(struct yg_disk *disk, const char *path, bool write)
{
	if (write && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return error;
	}
	*disk = (struct yg_disk){&posix_ops, (void *)(intptr_t)(fd + 1)};
	return 0;
}

void yg_disk_close(struct yg_disk *disk)
{
	if (disk->context)
		close(directory_of(disk->context));
	disk->context = NULL;
}
