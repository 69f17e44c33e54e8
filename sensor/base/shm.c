// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// memfds and mappings. Sizes are sealed at creation, so that no peer can shrink a mapping under another's feet (SIGBUS).
#include "base/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int yg_shm_create(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

void *yg_shm_map(int fd, size_t min_size, bool writable, size_t *ret_size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_size <= 0 || (size_t)st.st_size < min_size) {
		errno = EBADMSG;
		return NULL;
	}
	void *memory = mmap(NULL, (size_t)st.st_size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (ret_size)
		*ret_size = (size_t)st.st_size;
	return memory;
}

void yg_shm_unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void *yg_memory_reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void yg_memory_release(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void yg_memory_populate(void *memory, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)memory + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);
	if (from < end)
		madvise((uint8_t *)memory + (from - (uintptr_t)memory), end - from, MADV_POPULATE_WRITE);
}
