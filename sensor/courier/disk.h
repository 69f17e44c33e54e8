// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The one door through which the spool reaches a disk: one directory, files in it by plain name (no slash), descriptors that are
// numbers of the implementation. disk_posix.c is the real one; the tests have one in memory that forgets, tears and fails.
//
// Every call returns 0 or more when it has happened, else a negative errno. Short reads and writes and -EINTR are allowed and the
// caller's to deal with. Nothing is durable before `sync` (data and size of a file) or `sync_directory` (names) has returned 0.
// Thread: one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum yg_disk_mode {
	YG_DISK_READ,
	YG_DISK_WRITE,  // and read; the file is there
	YG_DISK_CREATE, // and read, and write; a file of that name is emptied
};

typedef void yg_disk_name(void *context, const char *name, uint64_t bytes);

struct yg_disk_ops {
	int (*open)(void *disk, const char *name, enum yg_disk_mode mode); // a descriptor
	ssize_t (*pread)(void *disk, int file, void *buffer, size_t size, uint64_t offset);
	ssize_t (*pwrite)(void *disk, int file, const void *bytes, size_t size, uint64_t offset);
	int (*sync)(void *disk, int file);
	int (*sync_directory)(void *disk);
	int (*allocate)(void *disk, int file, uint64_t bytes); // zeros, and room for them
	int (*rename)(void *disk, const char *from, const char *to);
	int (*unlink)(void *disk, const char *name);
	int (*list)(void *disk, yg_disk_name *each, void *context); // regular files alone
	int (*close)(void *disk, int file);
	int (*free_bytes)(void *disk, uint64_t *ret_bytes); // what the file system has left for us
};

struct yg_disk {
	const struct yg_disk_ops *ops;
	void *context;
};

// A directory of the file system. `write`: it is made (0700) when it is not there, and held with a lock, -EBUSY when another process
// holds it; else it is looked at alone. Symbolic links are refused. 0 or a negative errno.
int yg_disk_open(struct yg_disk *disk, const char *path, bool write);
void yg_disk_close(struct yg_disk *disk);

// The same with short counts and interrupts dealt with. 0, or a negative errno; a file that ends too early is -ENODATA.
int yg_disk_read_all(const struct yg_disk *disk, int file, void *buffer, size_t size, uint64_t offset);
int yg_disk_write_all(const struct yg_disk *disk, int file, const void *bytes, size_t size, uint64_t offset);
int yg_disk_open_file(const struct yg_disk *disk, const char *name, enum yg_disk_mode mode); // its descriptor
int yg_disk_sync(const struct yg_disk *disk, int file);
