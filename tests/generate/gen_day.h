// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The innocent traffic: a day in the example prefecture, and what makes a busy day busy. Thread: one.
#pragma once

#include "gen_sim.h"

// What happens again and again at random times. `make` starts one of it at gen->now.
typedef void gen_make_fn(struct gen *gen, struct gen_rng *rng);

enum gen_profile { GEN_STEADY, GEN_OFFICE, GEN_VISITORS };

// `rate` a second at the height of its profile, between `from` and `to`, times gen->scale.
void gen_source(struct gen *gen, const char *name, gen_make_fn *make, double rate, enum gen_profile profile,
                int64_t from, int64_t to);

void gen_day(struct gen *gen);
// On top of a day: flash crowd, download, speed test, backup window, disaster-day surge, busy resolver.
void gen_busy(struct gen *gen);

// Shared with the busy day.
void gen_make_visit(struct gen *gen, struct gen_rng *rng);     // outside reader, declared web server
void gen_make_recursion(struct gen *gen, struct gen_rng *rng); // resolver of a body asks the world
