// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Shared by the files of the spool: wal.c (what is offered), wal_write.c (groups and segments), wal_space.c (quota, reserve,
// deletion), wal_keep.c (spool.meta), wal_recover.c, wal_read.c.
#pragma once

#include <nettle/sha2.h>

#include "courier/wal.h"
#include "courier/wal_state.h"

enum {
	WAL_SEAL_WHOLE = YG_SEGMENT_RECORD + YG_SPOOL_SEAL_BYTES,
	WAL_MARK_WHOLE = YG_SEGMENT_RECORD + YG_SPOOL_MARK_BYTES,
	WAL_GAP_WHOLE = YG_SEGMENT_RECORD + YG_SPOOL_GAP_BYTES,
	WAL_CARRY_WHOLE = YG_SEGMENT_RECORD + YG_SPOOL_CARRY_MAX,
	// Kept free of lines at the end of every segment, so that what is lost on a full disk can be said on it.
	WAL_GAP_ROOM = YG_SPOOL_CLASSES * WAL_GAP_WHOLE + 2 * WAL_MARK_WHOLE,
};
#define WAL_NEW_NAME "segment.new"
#define WAL_META_NEW "spool.meta.new"
#define WAL_RESERVE_NAME "reserve.bin"
#define WAL_RESERVE_NEW "reserve.new"

#define WAL_GAP_NS UINT64_C(1000000000)       // a gap waits for a later record of its lane, or this long
#define WAL_HOUSE_NS UINT64_C(1000000000)     // between looks at space and age
#define WAL_FULL_NS UINT64_C(100000000)       // between attempts to find room on a full disk
#define WAL_BACKOFF_MIN_NS UINT64_C(100000000)
#define WAL_BACKOFF_MAX_NS UINT64_C(10000000000)

struct segment {
	uint64_t serial; // of this entry: a reader sees that its segment was replaced
	uint64_t generation, first_lsn;
	uint64_t created_ns;
	uint64_t bytes; // of the file
	uint32_t seed;
	bool unreadable; // its header is damaged or foreign: its records are missing
};

struct high {
	struct yg_spool_high high;
	uint64_t settled; // of it, durable
};

struct gap {
	struct yg_spool_gap gap;
	uint64_t since_ns;
};

struct yg_wal {
	const struct yg_disk *disk;
	struct yg_wal_options o;
	yg_wal_report *report;
	void *report_context;
	struct yg_wal_stats stats;
	uint64_t now_ns; // of the last call

	// what is on disk
	struct segment *segments; // by first LSN; the last is the active one when active_file is not -1
	uint32_t segments_count, segments_room;
	uint64_t serials;
	int active_file;
	uint64_t active_end;   // bytes of it that are written and durable
	uint64_t active_count; // records with an LSN in it
	struct sha256_ctx active_sha;
	bool previous_sealed;
	uint8_t previous_sha[YG_SEGMENT_SHA]; // in the seal of the one before the active
	uint64_t next_lsn, durable_lsn;
	uint64_t previous_first; // first LSN of that one
	uint64_t holes_told, holes_settled;

	// the group in memory: a mark, then records without sums
	uint8_t *group;
	size_t group_size, group_room;
	uint64_t group_since_ns;
	uint64_t retry_ns, backoff_ns; // after an error of the disk

	struct high highs[YG_SEGMENT_HIGHS];
	uint32_t highs_count;
	struct gap gaps[YG_WAL_GAPS];
	uint32_t gaps_count;

	// space
	uint64_t free_bytes;
	uint64_t undelivered; // bytes of segments before the active that some sink needs
	uint64_t house_ns;
	uint64_t full_ns[2];  // the disk was found full: not before this time again; [1] for high severity
	bool has_reserve, measure_stale;
	uint32_t torn_files;

	// spool.meta
	struct yg_wal_state state;
	int meta_file;
	bool meta_dirty;
	uint64_t meta_since_ns;
};

// wal.c
void wal_say(struct yg_wal *wal, enum yg_wal_event event, uint64_t a, uint64_t b);
int wal_error(struct yg_wal *wal, uint64_t *counter, int error); // counts and reports; returns the error
struct high *wal_high(struct yg_wal *wal, uint32_t producer, unsigned lane, bool add);
void wal_raise(struct yg_wal *wal, uint32_t producer, unsigned lane, uint64_t pseq);
void wal_settle(struct yg_wal *wal); // what is in the log is durable
void wal_note_gap(struct yg_wal *wal, const struct yg_spool_gap *gap);
bool wal_put_gaps(struct yg_wal *wal, int lane); // all that wait in this lane (-1: in any) into the group; false: no room for one

// wal_write.c
uint64_t wal_room(const struct yg_wal *wal, bool for_lines); // bytes that still fit into the group and its segment
uint64_t wal_put(struct yg_wal *wal, const struct yg_segment_record *record); // into the group; the LSN
int wal_flush(struct yg_wal *wal); // the group is durable, or stays in memory
int wal_roll(struct yg_wal *wal, enum yg_spool_class class); // the next segment, if the class may have one
uint64_t wal_line_max(const struct yg_wal *wal); // bytes of payload that an empty segment holds at the least
int wal_begin_segment(struct yg_wal *wal, enum yg_spool_class class);
void wal_retire(struct yg_wal *wal, int error);
int wal_add_segment(struct yg_wal *wal, const struct segment *segment);
void wal_remove_segment(struct yg_wal *wal, uint32_t i);

// wal_space.c
uint64_t wal_used(const struct yg_wal *wal);
void wal_measure(struct yg_wal *wal);
void wal_take_room(struct yg_wal *wal, uint64_t bytes);
bool wal_refuses(struct yg_wal *wal, enum yg_spool_class class);
int wal_make_room(struct yg_wal *wal, enum yg_spool_class class, bool disk_is_full); // for one segment more
void wal_house(struct yg_wal *wal, uint64_t now_ns);
uint64_t wal_passed(const struct yg_wal *wal); // below this LSN every sink has everything; 0: there is no sink

// wal_keep.c
int wal_keep(struct yg_wal *wal); // spool.meta is durable
int wal_keep_read(struct yg_wal *wal, bool *ret_found);
void wal_keep_soon(struct yg_wal *wal);

// wal_recover.c
int wal_recover(struct yg_wal *wal); // only an error that leaves nothing to stand on is returned
