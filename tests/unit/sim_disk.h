// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A disk in memory for the spool's tests. Every file has two contents: what programs see, and what has reached the medium; a write is in
// between, in sectors of 512 bytes, until a sync. A crash keeps any subset of what is in between: sectors in any order and of any age,
// sizes, names. A failed sync loses what it should have kept, without a word to later ones, as real systems do.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "courier/disk.h"

struct sim_disk;

enum sim_call {
	SIM_OPEN, SIM_READ, SIM_WRITE, SIM_SYNC, SIM_SYNC_DIRECTORY, SIM_ALLOCATE, SIM_RENAME, SIM_UNLINK, SIM_LIST, SIM_FREE,
};

struct sim_disk *sim_disk_create(uint64_t capacity);
void sim_disk_destroy(struct sim_disk *sim);
struct sim_disk *sim_disk_clone(const struct sim_disk *sim); // descriptors are not cloned
struct yg_disk sim_disk_of(struct sim_disk *sim);

// The n-th call from now (1: the next) answers with this error, or, for 1, with half of what was asked for. `times`: so many in a row.
void sim_disk_fail(struct sim_disk *sim, uint64_t n, int error, unsigned times);
bool sim_disk_failed(const struct sim_disk *sim); // that call has come
// Called before each call, so that a test can look at every state in which a crash may come.
void sim_disk_watch(struct sim_disk *sim, void (*before)(void *context, enum sim_call call), void *context);
// During such a call: the name that it is about.
const char *sim_disk_subject(const struct sim_disk *sim);
uint64_t sim_disk_calls(const struct sim_disk *sim);

// The power goes. `seed` chooses what is kept; SIM_NOTHING: what was synced alone, SIM_ALL: everything.
#define SIM_NOTHING UINT64_C(0)
#define SIM_ALL UINT64_MAX
void sim_disk_crash(struct sim_disk *sim, uint64_t seed);

void sim_disk_set_capacity(struct sim_disk *sim, uint64_t bytes);
// From now on these bytes of a file cannot be read (EIO); one range at a time, an empty name ends it.
void sim_disk_spoil(struct sim_disk *sim, const char *name, uint64_t from, uint64_t to);
// The content of a file as programs see it; NULL when there is none. It may be changed in place.
uint8_t *sim_disk_bytes(struct sim_disk *sim, const char *name, size_t *ret_size);
bool sim_disk_truncate(struct sim_disk *sim, const char *name, size_t size);
bool sim_disk_remove(struct sim_disk *sim, const char *name);
// The n-th name of those beginning with `prefix`, in order; NULL when there are fewer.
const char *sim_disk_name(const struct sim_disk *sim, const char *prefix, unsigned n);
