// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What was learned, between memory and disk. The engine writes snapshots into memory that the supervisor holds (engine/state.h); a child
// that lives as long as it writes copies each new one to the file `snapshot` in state.folder: beside it first, synced, then renamed, so
// that the file is always whole. At the start the file is read back into that memory; what it is worth is for the engine to judge.
//
// Thread: the supervisor's.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct yg_supervisor;

// Makes the memory, for a live run and for a replay that names a folder, and reads the file into it. 0, or a negative errno; a file that
// cannot be read is said, and no error.
int yg_snapshot_init(struct yg_supervisor *s);

// Begins to write what is new, when nothing is being written; says once when writing fails, and when it works again.
void yg_snapshot_turn(struct yg_supervisor *s);

// The end of a run: the last snapshot, waited for.
void yg_snapshot_finish(struct yg_supervisor *s);

// Reads the file of a folder into `memory`. Bytes; 0: there is none; a negative errno: -EFBIG when it is longer than `size`, -EINVAL when
// it is no file.
int64_t yg_snapshot_read(const char *folder, void *memory, uint64_t size);

// Writes `size` bytes as the file of the folder, which is made when it is missing. 0, or a negative errno: the file is as it was.
int yg_snapshot_write(const char *folder, const void *bytes, uint64_t size);
