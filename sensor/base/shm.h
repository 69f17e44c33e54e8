// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Memory shared between processes: memfds made by the supervisor, inherited as open descriptors, mapped by size.
// A mapped size is the one the kernel tells (fstat), never one that the memory itself claims.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// A memfd of `size` bytes that can neither grow nor shrink (F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_SEAL), close-on-exec.
// The descriptor, or a negative errno.
int yg_shm_create(const char *name, size_t size);

// Maps all of `fd`. NULL and errno on failure, or when the kernel's size is below `min_size`. Unmap with yg_shm_unmap.
void *yg_shm_map(int fd, size_t min_size, bool writable, size_t *ret_size);

void yg_shm_unmap(void *memory, size_t size);

// Zero-filled private memory, taken lazily from the kernel, never moved. NULL and errno on failure. Owner: the caller.
void *yg_memory_reserve(size_t size);
void yg_memory_release(void *memory, size_t size);

// Makes the whole pages of what was taken lazily present now, without changing what is in them. What cannot be is left as it is.
void yg_memory_populate(void *memory, size_t size);
