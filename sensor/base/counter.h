// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Counters with one writer and any number of readers, in memory that other processes may map. Relaxed load and store,
// no read-modify-write instruction: a counter costs what a plain increment costs.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct yg_counter {
	_Atomic uint64_t v;
};

// Writer only.
static inline void yg_counter_add(struct yg_counter *c, uint64_t n)
{
	atomic_store_explicit(&c->v, atomic_load_explicit(&c->v, memory_order_relaxed) + n, memory_order_relaxed);
}

// Writer only.
static inline void yg_counter_set(struct yg_counter *c, uint64_t n)
{
	atomic_store_explicit(&c->v, n, memory_order_relaxed);
}

// Any thread, any process.
static inline uint64_t yg_counter_get(const struct yg_counter *c)
{
	return atomic_load_explicit(&((struct yg_counter *)c)->v, memory_order_relaxed);
}

// Writer only: whoever reads n by yg_counter_read also sees all that was written before.
static inline void yg_counter_publish(struct yg_counter *c, uint64_t n)
{
	atomic_store_explicit(&c->v, n, memory_order_release);
}

static inline uint64_t yg_counter_read(const struct yg_counter *c)
{
	return atomic_load_explicit(&((struct yg_counter *)c)->v, memory_order_acquire);
}
