// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool on disk: an append-only log of rendered lines, in segments (segment.h), with a cursor for each sink. One writer, one
// thread, no clock and no log of its own; all I/O goes through disk.h. docs/spool.md has the format byte by byte.
//
//   append ──► memory ──► one write and one fdatasync a group ──► durable ──► a reader for each sink ──► cursor ──► segment deleted
//
// The caller's side of the bargain. A record's identity is (producer, lane of its class, pseq); pseq grows within a lane. What the
// caller takes records from (a ring) gives a slot back only when yg_wal_settled covers it; after a crash of whatever kind the caller
// offers again what it still has, and what the log knows already is refused as a duplicate. Whatever is given up, by the log or by
// the caller (yg_wal_lost), becomes a gap record in the log, before any later record of its lane.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "courier/disk.h"
#include "courier/segment.h"

struct yg_wal;
struct yg_wal_reader;

enum {
	YG_WAL_SINKS = 8,          // named cursors
	YG_WAL_NAME = 24,          // bytes of a sink's name, NUL included
	YG_WAL_PRODUCERS = 16,     // whose highest pseq is known; the lowest producer goes first
	YG_WAL_GAPS = 16,          // gaps that wait for room; beyond, those of a class become one without a range
	YG_WAL_TORN = 16,          // torn-*.bin that are kept; beyond, torn bytes are counted alone
	YG_WAL_SEGMENTS = 4096,    // segments on disk
	YG_WAL_SEGMENT_MIN = 4096, // bytes
	YG_WAL_SEGMENT_MAX = 64 << 20,
	YG_WAL_RESERVE_MAX = 64 << 20,
};

// From these percentages of the quota on, that is undelivered, a class is refused.
enum { YG_WAL_SHED_METRICS = 70, YG_WAL_SHED_FLOWS = 85, YG_WAL_SHED_ALERTS = 95 };

// Zero in a field means its default.
struct yg_wal_options {
	uint64_t segment_bytes;  // 16 MiB; less where that is over an eighth of quota or disk
	uint64_t quota_bytes;    // 4 GiB: of all segments, reserve not included
	uint64_t reserve_bytes;  // 64 MiB, at most a quarter of quota or disk: a file, for high severity when nothing else is left
	uint64_t retention_ns;   // 7 days: how long a segment is kept after every sink has passed it
	uint64_t sync_ns;        // 5 ms: a record waits no longer for its group to be written
	uint64_t sync_bytes;     // 256 KiB: nor for more than this
	uint64_t cursor_ns;      // 1 s: cursors are durable within
	uint64_t now_ns;         // of CLOCK_MONOTONIC, as everywhere below
	uint64_t real_ns;        // of CLOCK_REALTIME, at now_ns: what retention is measured with across restarts
	uint8_t uuid[16];        // of a spool that is made; one that is there keeps its own
};

// What the caller may have to say to somebody. Two numbers each.
#define YG_WAL_EVENTS(X)                                                                                                                  \
	X(CREATED, "created")                 /* generation */                                                                            \
	X(TORN, "torn_tail")                  /* LSN, bytes that were not durable and are set aside */                                    \
	X(DAMAGED, "damaged_record")          /* LSN expected, offset in the segment */                                                   \
	X(MISSING, "missing_segment")         /* first and last LSN that are not there */                                                 \
	X(UNREADABLE, "unreadable_segment")   /* first LSN by its name, errno or 0 */                                                     \
	X(META_LOST, "meta_lost")             /* cursors start at the first LSN; generation of the segments */                            \
	X(RETIRED, "segment_retired")         /* first LSN, errno: what was not durable is written again elsewhere */                     \
	X(IO_ERROR, "io_error")               /* errno, number of errors so far */                                                        \
	X(PRESSURE, "pressure")               /* percent now, before: when a step is crossed */                                           \
	X(RESERVE_USED, "reserve_used")       /* bytes */                                                                                 \
	X(LOST, "lost")                       /* class, count: written as a gap record */
enum yg_wal_event {
#define YG_X(name, text) YG_WAL_EVENT_##name,
	YG_WAL_EVENTS(YG_X)
#undef YG_X
	YG_WAL_EVENTS_COUNT
};
const char *yg_wal_event_name(enum yg_wal_event event);

typedef void yg_wal_report(void *context, enum yg_wal_event event, uint64_t a, uint64_t b);

// offered = appended + duplicates + refused (all classes) + retried, where offered is what yg_wal_append was called with.
struct yg_wal_stats {
	uint64_t offered, duplicates;
	uint64_t retried;                      // append answered -EAGAIN: the caller keeps the record
	uint64_t appended[YG_SPOOL_CLASSES];   // took an LSN
	uint64_t refused[YG_SPOOL_CLASSES];    // append answered -ENOSPC or -EMSGSIZE; a gap record follows
	uint64_t too_long;                     // of those: longer than YG_SPOOL_RECORD_MAX
	uint64_t lost[YG_SPOOL_CLASSES];       // told by yg_wal_lost; a gap record follows
	uint64_t gaps_written, gaps_merged;    // gap records; those that found YG_WAL_GAPS full
	uint64_t gaps_waiting;                 // now: records lost of which no gap record is written yet
	uint64_t syncs, sync_errors, write_errors, other_errors;
	uint64_t bytes_written;
	uint64_t segments_created, segments_sealed, segments_retired, segments_deleted;
	uint64_t segments_full;                // a segment was wanted when YG_WAL_SEGMENTS were there
	uint64_t segments, segment_bytes_used; // now
	uint64_t undelivered_bytes;            // now
	uint64_t pressure_percent;             // now
	uint64_t reserve_bytes;                // now, what is left of it
	uint64_t recovered_records, torn_tails, torn_bytes, torn_not_kept;
	uint64_t damaged_records, damaged_searches; // searches: given up at YG_SEGMENT_SEARCH
	uint64_t missing_segments, missing_records, unreadable_segments;
	uint64_t meta_writes, meta_errors, meta_lost;
	uint64_t producers_forgotten;          // YG_WAL_PRODUCERS was full
	uint64_t read_records, read_errors;
};

// Opens the log in the disk's directory, mends what a crash has left and goes on behind the last durable record; an empty directory
// becomes a log. Keeps `disk` (not owned; it outlives the log) and `report` (may be NULL). 0, or a negative errno when the directory cannot
// be read or written at all: damage alone never is a reason.
int yg_wal_open(const struct yg_disk *disk, const struct yg_wal_options *options, yg_wal_report *report, void *context,
                struct yg_wal **ret_wal);

// Writes everything, then frees; readers first. NULL is accepted. 0, or a negative errno when something is not durable:
// what yg_wal_settled did not cover is then its source's to offer to the next log (-ENOSPC: gap records alone found no room).
int yg_wal_close(struct yg_wal *wal, uint64_t now_ns);

// Frees without writing: the state of a process that is killed. For tests and for a child after fork.
void yg_wal_abandon(struct yg_wal *wal);

// One record. `bytes` are copied. 0 and its LSN, or:
//   -EEXIST    the log has it, as a record or in a gap
//   -ENOSPC    refused for want of room, counted; a gap record will say so
//   -EMSGSIZE  likewise, for its length
//   -EAGAIN    the disk takes nothing just now: nothing is counted, offer it again or call yg_wal_lost
int yg_wal_append(struct yg_wal *wal, enum yg_spool_class class, uint32_t producer, uint64_t pseq, const void *bytes, size_t size,
                  uint64_t now_ns, uint64_t *ret_lsn);

// `count` records up to `pseq`, the first being `first`, never come: the caller had to give them up.
void yg_wal_lost(struct yg_wal *wal, enum yg_spool_class class, uint32_t producer, uint64_t first, uint64_t last, uint64_t count);

// What time asks for: groups, cursors, gap records, deletion, the reserve. 0, or a negative errno that the statistics count too.
int yg_wal_tick(struct yg_wal *wal, uint64_t now_ns);
// When yg_wal_tick wants to be called next at the latest.
uint64_t yg_wal_due_ns(const struct yg_wal *wal);
// Everything appended is durable when it returns 0.
int yg_wal_sync(struct yg_wal *wal, uint64_t now_ns);

// Records of the LSNs below yg_wal_end are appended, up to yg_wal_durable (that one included; 0: none) durable. LSNs start at 1.
uint64_t yg_wal_first(const struct yg_wal *wal); // lowest LSN that may still be there
uint64_t yg_wal_durable(const struct yg_wal *wal);
uint64_t yg_wal_end(const struct yg_wal *wal);
// Every record of this producer and of this class's lane up to the pseq that is returned is durable, as a record or in a gap; 0: none.
uint64_t yg_wal_settled(const struct yg_wal *wal, enum yg_spool_class class, uint32_t producer);

// ---- what the log keeps for others, durable with the cursors (within cursor_ns) unless the function says otherwise ----

// A number for a new producer, above every one that the log has seen; durable when it returns 0.
int yg_wal_new_producer(struct yg_wal *wal, uint32_t *ret_producer);

// The generation under which a stream of identities is delivered (0: none is chosen), and the highest sequence ever sent under it.
// Durable when it returns 0: call it before sending.
int yg_wal_set_sent(struct yg_wal *wal, uint64_t generation, uint64_t sequence);
uint64_t yg_wal_generation(const struct yg_wal *wal);
uint64_t yg_wal_sent(const struct yg_wal *wal);
const uint8_t *yg_wal_uuid(const struct yg_wal *wal); // 16 bytes

// A sink: its number for the calls below, by its name, which is kept; a new one starts at yg_wal_first. -ENOSPC when there are
// YG_WAL_SINKS. Without any sink nothing is ever deleted.
int yg_wal_sink(struct yg_wal *wal, const char *name);
// Whether the log knows a sink of that name.
bool yg_wal_has_sink(const struct yg_wal *wal, const char *name);
// A sink that no configuration names any more, so that it holds no segment. 0 or -ENOENT.
int yg_wal_forget_sink(struct yg_wal *wal, const char *name);
// `lsn`: the first that this sink has not delivered. `id`: two numbers of the sink's own. It may go back, as far as yg_wal_first.
void yg_wal_set_cursor(struct yg_wal *wal, int sink, uint64_t lsn, const uint64_t id[2]);
uint64_t yg_wal_cursor(const struct yg_wal *wal, int sink, uint64_t ret_id[2]); // ret_id may be NULL

// ---- reading ----

struct yg_wal_entry {
	uint64_t lsn;
	uint64_t skipped; // LSNs just before this one that are not there (damaged, missing, deleted)
	enum yg_spool_type type; // YG_SPOOL_LINE or YG_SPOOL_GAP
	enum yg_spool_class class;
	uint32_t producer;
	uint64_t pseq;
	const char *bytes; // a line with its newline; lives until the next call with this reader
	size_t size;
	struct yg_spool_gap gap; // of a YG_SPOOL_GAP
};

// A reader that starts at `lsn`, with a buffer of its own. NULL and errno.
struct yg_wal_reader *yg_wal_reader_create(struct yg_wal *wal, uint64_t lsn);
void yg_wal_reader_destroy(struct yg_wal_reader *reader);
// The next durable entry: 1 and the entry; 0 when there is none yet; a negative errno when the disk refuses (it may be tried again).
int yg_wal_read(struct yg_wal_reader *reader, struct yg_wal_entry *ret_entry);
// Goes on at `lsn`, which may lie before or behind.
void yg_wal_seek(struct yg_wal_reader *reader, uint64_t lsn);

struct yg_wal_stats yg_wal_stats(const struct yg_wal *wal);
