// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// When the EVE file is set aside and another one begun, by size and by time, and how: it is renamed to
//
//   eve.json.20261121T213000+0900        local time of the moment, with its offset; _001 and so on behind it when that name is taken
//
// so that names sort by time, and a new file takes the place. The descriptor of the old one stays good whatever fails in between: then
// lines go on to be written to it. Old files are compressed and removed by rotate_keep.c, beside the loop. Thread: the courier's.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stats.h"

struct yg_keeper;

// Its inode means nothing without the device: the folder may hold a link to a file elsewhere.
struct yg_file_id {
	uint64_t device, inode; // inode 0: none
};

struct yg_rotate {
	char path[PATH_MAX];
	uint64_t size;     // bytes that a file may have; 0: any number
	int64_t period_s;  // how long a file lasts, counted from midnight in local time; 0: for ever
	uint32_t keep;     // old files that stay; 0: all
	bool compress;
	struct yg_file_id file; // that is written to
	int64_t period;    // in which the file was begun: an empty one begins with each anew
	int64_t retry_s;   // no attempt before, after one that failed: CLOCK_REALTIME
	bool failing;      // said once
	struct yg_keeper *keeper;       // NULL: nothing is kept or compressed
	struct yg_courier_stats *stats; // not owned
};

enum { YG_ROTATE_RETRY_S = 60, YG_ROTATE_NAMES = 999 }; // names in one second

// Path and limits are set, all else is 0. Time zone: that of the process.
void yg_rotate_begin(struct yg_rotate *rotate);
// Waits for nothing: what has not been compressed is so after the next start.
void yg_rotate_end(struct yg_rotate *rotate);

// This file is the one from now on. `real_s`: CLOCK_REALTIME.
void yg_rotate_opened(struct yg_rotate *rotate, int fd, int64_t real_s);

// Whether the file wants to be set aside before `more` bytes are written to it (0: nothing is written, only time has passed).
bool yg_rotate_due(struct yg_rotate *rotate, int fd, uint64_t more, int64_t real_s);

// Sets it aside. The descriptor of its successor; or a negative errno, which is counted and said: go on with the old one.
int yg_rotate_move(struct yg_rotate *rotate, int fd, int64_t real_s);

// Opens what has the file's name now, when that is another file or none: somebody else has renamed ours. Its descriptor, -EALREADY when
// the name is still that of `fd`, or another negative errno: go on with the old one.
int yg_rotate_reopen(const char *path, int fd);

enum { YG_KEEPER_FILES = 16384 }; // old files that are looked at in one go; more are an error that is counted, and wait for their turn

// ---- rotate_keep.c: a thread that compresses what was set aside, and removes what is too much ----

// Starts none: see yg_keeper_wake. NULL and errno on failure. `path`: of the file, copied.
struct yg_keeper *yg_keeper_create(const char *path, uint32_t keep, bool compress, struct yg_courier_stats *stats);
// Leaves this file alone, whatever its name is: it is still written to.
void yg_keeper_spare(struct yg_keeper *keeper, struct yg_file_id file);
// Looks at the old files soon.
void yg_keeper_wake(struct yg_keeper *keeper);
// Whether everything asked for has been done. For tests.
bool yg_keeper_idle(struct yg_keeper *keeper);
// Its thread ends when it is through with the file at hand, and not later than the process. NULL is accepted.
void yg_keeper_abandon(struct yg_keeper *keeper);
// Whether a file's name is that of one that was set aside: behind `base` and a dot, a time, and nothing else but a number and .gz.
bool yg_keeper_is_old(const char *base, const char *name);
