// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A spool seen from outside, for `yagura spool`: read only, no lock, while a courier may be writing, deleting and renaming. What is found
// is judged like any foreign bytes. One thread.
#pragma once

#include "courier/disk.h"
#include "courier/segment.h"
#include "courier/wal_state.h"

enum { YG_LOOK_SEGMENTS = 8192, YG_LOOK_SEGMENT_MAX = 64 << 20 };

struct yg_look_segment {
	char name[YG_SEGMENT_NAME];
	uint64_t generation, first_lsn, bytes;
};

struct yg_look {
	struct yg_disk disk;
	struct yg_look_segment *segments; // by first LSN
	unsigned count, left_out;         // left out: beyond YG_LOOK_SEGMENTS
	unsigned torn_files;
	uint64_t reserve_bytes;
	bool has_meta, has_state; // the file is there; a slot of it is valid
	struct yg_wal_state state;
};

// 0 or a negative errno.
int yg_look_open(struct yg_look *look, const char *path);
void yg_look_close(struct yg_look *look);

enum yg_look_kind {
	YG_LOOK_SEALED,
	YG_LOOK_ACTIVE,     // the newest
	YG_LOOK_GIVEN_UP,   // neither: an error of the disk, or a start, ended it early
	YG_LOOK_UNREADABLE, // no header, or that of another
	YG_LOOK_GONE,       // deleted since it was listed
};

struct yg_look_found {
	enum yg_look_kind kind;
	uint8_t *bytes; // of the whole file; yg_look_free
	size_t size;
	int error; // UNREADABLE: a negative errno, or 0 for its content
	struct yg_segment_header header;
	bool has_carry, has_seal;
	struct yg_spool_carry carry;
	struct yg_spool_seal seal;
	uint8_t sha[YG_SEGMENT_SHA]; // of what a seal covers, computed now
	uint64_t last_lsn, lines, gaps, skipped, damaged;
	uint64_t classes[YG_SPOOL_CLASSES], lost[YG_SPOOL_CLASSES + 1]; // lines; what gap records tell, the last: LSNs of no class
	size_t end;  // behind the last record
	size_t tail; // bytes behind it that are not zeros
};

// Called for each line and gap, in order.
typedef void yg_look_record(void *context, const struct yg_segment_record *record);

// Segment i of the list.
void yg_look_read(struct yg_look *look, unsigned i, yg_look_record *each, void *context, struct yg_look_found *ret_found);
void yg_look_free(struct yg_look_found *found);
