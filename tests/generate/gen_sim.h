// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The simulation: a heap of events by time, and the one place where packets leave. Thread: one.
#pragma once

#include "gen_bodies.h"

#define GEN_US INT64_C(1000)
#define GEN_MS INT64_C(1000000)
#define GEN_S INT64_C(1000000000)

struct gen;

// An event. `self` is freed by whoever receives it; an event that comes after the end is delivered all the same, with
// gen_over() true, so that nothing is leaked.
typedef void gen_event_fn(struct gen *gen, void *self, uint32_t a, uint32_t b);

struct gen_event {
	int64_t at;
	uint64_t order; // of scheduling: equal times leave in this order
	gen_event_fn *fn;
	void *self;
	uint32_t a, b;
};

enum gen_family { GEN_FAMILY_BOTH, GEN_FAMILY_V4, GEN_FAMILY_V6 };

// Which directions the tap shows: what comes in, what goes out, or both.
enum gen_mirror { GEN_MIRROR_BOTH, GEN_MIRROR_IN, GEN_MIRROR_OUT };

struct gen {
	int64_t start, end, now; // ns since the epoch
	uint64_t seed;
	double scale; // of the day's rates
	enum gen_family family;
	enum gen_mirror mirror;
	uint16_t vlan;
	FILE *out;   // NULL: count only
	FILE *truth; // may be NULL
	int64_t silent_until[GEN_BODIES]; // until then nothing of this body is seen; 0: it is
	bool silence;                     // of any
	struct gen_event *heap;
	size_t count, room;
	uint64_t order;
	uint64_t packets, bytes;
	int error; // the first one, negative errno
};

void gen_init(struct gen *gen, int64_t start, int64_t seconds, uint64_t seed);
void gen_finish(struct gen *gen);
// Delivers all events in order. 0, -EIO when the file could not be written, -ENOMEM.
int gen_run(struct gen *gen);
bool gen_over(const struct gen *gen);
// Calls fn at `at`, or now when that has passed.
void gen_at(struct gen *gen, int64_t at, gen_event_fn *fn, void *self, uint32_t a, uint32_t b);
void gen_emit(struct gen *gen, const struct gen_packet *packet);
// Zeroed memory, or the end of the program: a generator that lost an event would write a lie.
void *gen_alloc(size_t size);
// A family by the run's --family; where both are wanted, v6 with this share.
uint8_t gen_family_of(const struct gen *gen, struct gen_rng *rng, double v6_share);
