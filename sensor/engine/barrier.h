// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A barrier whose waiters stay awake to others: while it waits, each calls `idle` every millisecond. Why not pthread_barrier: a
// worker that has finished its share of a batch must go on taking the dissector's answers, or the dissector stands before a
// full ring while another worker stands before the dissector.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct yg_barrier {
	_Atomic uint32_t arrived, generation;
	uint32_t parties;
};

static inline void yg_barrier_init(struct yg_barrier *barrier, uint32_t parties)
{
	atomic_init(&barrier->arrived, 0);
	atomic_init(&barrier->generation, 0);
	barrier->parties = parties;
}

// Returns when all parties have called it. `idle` may be NULL. Any thread.
void yg_barrier_wait(struct yg_barrier *barrier, void (*idle)(void *context), void *context);
