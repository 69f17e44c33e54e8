// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See disk.h: what holds for every disk.
#include "courier/disk.h"

#include <errno.h>

// A signal may interrupt a call any number of times, but not for ever.
enum { INTERRUPTS_MAX = 1000 };

int yg_disk_read_all(const struct yg_disk *disk, int file, void *buffer, size_t size, uint64_t offset)
{
	char *to = buffer;
	for (int interrupts = 0; size;) {
		ssize_t n = disk->ops->pread(disk->context, file, to, size, offset);
		if (n == -EINTR && ++interrupts < INTERRUPTS_MAX)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -ENODATA;
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int yg_disk_write_all(const struct yg_disk *disk, int file, const void *bytes, size_t size, uint64_t offset)
{
	const char *from = bytes;
	for (int interrupts = 0; size;) {
		ssize_t n = disk->ops->pwrite(disk->context, file, from, size, offset);
		if (n == -EINTR && ++interrupts < INTERRUPTS_MAX)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		from += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

int yg_disk_sync(const struct yg_disk *disk, int file)
{
	int error = -EINTR;
	for (int interrupts = 0; error == -EINTR && interrupts < INTERRUPTS_MAX; interrupts++)
		error = disk->ops->sync(disk->context, file);
	return error;
}

int yg_disk_open_file(const struct yg_disk *disk, const char *name, enum yg_disk_mode mode)
{
	int file = -EINTR;
	for (int interrupts = 0; file == -EINTR && interrupts < INTERRUPTS_MAX; interrupts++)
		file = disk->ops->open(disk->context, name, mode);
	return file;
}
