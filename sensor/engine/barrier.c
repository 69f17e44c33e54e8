// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See barrier.h. The last to arrive starts the next generation and wakes the others.
#include "engine/barrier.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void yg_barrier_wait(struct yg_barrier *barrier, void (*idle)(void *context), void *context)
{
	const struct timespec slice = {0, 1000000};
	uint32_t mine = atomic_load(&barrier->generation);
	if (atomic_fetch_add(&barrier->arrived, 1) + 1 == barrier->parties) {
		atomic_store(&barrier->arrived, 0);
		atomic_fetch_add(&barrier->generation, 1);
		syscall(SYS_futex, &barrier->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
		return;
	}
	while (atomic_load(&barrier->generation) == mine) {
		syscall(SYS_futex, &barrier->generation, FUTEX_WAIT_PRIVATE, mine, &slice, NULL, 0);
		if (idle)
			idle(context);
	}
}
