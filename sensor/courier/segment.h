// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A segment of the spool, as bytes: header, records, seal. Everything is little-endian and foreign until its CRC32C says otherwise; the
// sum of a record begins with that of its segment's header, so that a stale record in a block that is used again is none. A sum finds
// accidents; whoever can write here can also compute sums, so no length or number is believed beyond its bounds. The seal's SHA-256
// chain tells whether an old segment was changed as long as a newer one is out of reach. docs/spool.md shows every byte. Pure; any
// thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yg_spool_class {
	YG_SPOOL_HIGH, // alerts of severity high or critical
	YG_SPOOL_ALERT,
	YG_SPOOL_FLOW,
	YG_SPOOL_METRIC,
	YG_SPOOL_CLASSES,
};

// Alerts of both classes come from one ring: one lane, one sequence.
enum yg_spool_lane { YG_SPOOL_LANE_ALERTS, YG_SPOOL_LANE_FLOWS, YG_SPOOL_LANE_METRICS, YG_SPOOL_LANES };

static inline enum yg_spool_lane yg_spool_lane(enum yg_spool_class class)
{
	return class == YG_SPOOL_HIGH ? YG_SPOOL_LANE_ALERTS : (enum yg_spool_lane)(class - 1);
}

const char *yg_spool_class_name(unsigned class); // "high", "alert", "flow", "metric"; "none" for any other

enum yg_spool_type {
	YG_SPOOL_LINE = 1, // payload: a rendered EVE line
	YG_SPOOL_GAP = 2,
	YG_SPOOL_MARK = 3,  // begins a group: how far the segment was durable when it was written
	YG_SPOOL_CARRY = 4, // begins a segment: what a reader of it alone has to know
	YG_SPOOL_SEAL = 0xffff,
};

enum {
	YG_SEGMENT_HEADER = 64,
	YG_SEGMENT_RECORD = 32,      // bytes before the payload
	YG_SPOOL_RECORD_MAX = 65536, // of a payload
	YG_SEGMENT_WHOLE_MAX = YG_SEGMENT_RECORD + YG_SPOOL_RECORD_MAX,
	YG_SEGMENT_WHOLE_MIN = YG_SEGMENT_RECORD + 8,
	YG_SEGMENT_NAME = 48, // seg-<generation>-<first LSN>.wal, 16 hexadecimal digits each
	YG_SEGMENT_SHA = 32,
	YG_SEGMENT_SEARCH = 64 << 20, // bytes that are summed in one segment in search of records behind damage
	YG_SEGMENT_HIGHS = 48,        // in a carry record
};
#define YG_LSN_MAX (UINT64_C(1) << 62) // beyond it is damage

struct yg_segment_header {
	uint8_t uuid[16]; // of the spool
	uint64_t generation, first_lsn;
	uint64_t created_ns; // CLOCK_REALTIME
	uint32_t seed;       // what the records' sums begin with; read only
};

void yg_segment_put_header(uint8_t out[YG_SEGMENT_HEADER], struct yg_segment_header *header); // sets the seed
bool yg_segment_get_header(const uint8_t *bytes, size_t size, struct yg_segment_header *ret_header);

void yg_segment_name(char out[YG_SEGMENT_NAME], uint64_t generation, uint64_t first_lsn);
bool yg_segment_parse_name(const char *name, uint64_t *ret_generation, uint64_t *ret_first_lsn);

struct yg_segment_record {
	uint64_t lsn; // lines and gaps have one each; the others name that of the next
	uint16_t type;
	uint8_t class;
	uint32_t producer;
	uint64_t pseq;
	const uint8_t *payload; // inside the bytes it was read from
	uint32_t size;
};

static inline size_t yg_segment_whole(size_t payload)
{
	return YG_SEGMENT_RECORD + ((payload + 7) & ~(size_t)7);
}

static inline bool yg_segment_takes_lsn(unsigned type)
{
	return type == YG_SPOOL_LINE || type == YG_SPOOL_GAP;
}

// Writes a record, padding included, without its sum; `out` has yg_segment_whole(record->size) bytes. Then, in place, the sum.
void yg_segment_put(uint8_t *out, const struct yg_segment_record *record);
void yg_segment_sum(uint8_t *record, uint32_t seed);

enum yg_segment_found { YG_SEGMENT_GOOD, YG_SEGMENT_ZEROS, YG_SEGMENT_BAD };

// The record that begins at `bytes`. ZEROS: none was written here. *ret_summed: bytes that the sum went over.
enum yg_segment_found yg_segment_get(const uint8_t *bytes, size_t size, uint32_t seed, struct yg_segment_record *ret_record,
                                     size_t *ret_summed);

// ---- payloads ----

enum yg_spool_gap_reason {
	YG_SPOOL_GAP_SHED = 1, // refused for want of room, or given up by the caller: from and to are pseq, 0 when unknown
	YG_SPOOL_GAP_MISSING,  // segments that are not there: LSNs; the count is the most that it can be
	YG_SPOOL_GAP_DAMAGED,  // records that could not be read: LSNs
};
#define YG_SPOOL_GAP_NO_CLASS 0xff

struct yg_spool_gap {
	uint8_t class, reason;
	uint32_t producer; // 0: several
	uint64_t count, from, to;
};
enum { YG_SPOOL_GAP_BYTES = 32 };
void yg_spool_put_gap(uint8_t out[YG_SPOOL_GAP_BYTES], const struct yg_spool_gap *gap);
bool yg_spool_get_gap(const struct yg_segment_record *record, struct yg_spool_gap *ret_gap);

// A mark says: everything before this offset of the segment was durable when I was written.
enum { YG_SPOOL_MARK_BYTES = 8 };
void yg_spool_put_mark(uint8_t out[YG_SPOOL_MARK_BYTES], uint64_t durable);
bool yg_spool_get_mark(const struct yg_segment_record *record, uint64_t *ret_durable);

// Of one producer and lane: everything up to this pseq is in the log, or in a gap of it.
struct yg_spool_high {
	uint32_t producer, lane;
	uint64_t pseq;
};
struct yg_spool_carry {
	bool has_previous; // the segment before was sealed, and this is the hash in its seal
	uint8_t previous[YG_SEGMENT_SHA];
	uint64_t previous_first; // first LSN of the segment before; 0: there was none
	uint64_t holes_told;     // gaps of missing and damaged LSNs below this one are in the log
	uint32_t count;
	struct yg_spool_high highs[YG_SEGMENT_HIGHS];
};
enum { YG_SPOOL_CARRY_MAX = 56 + 16 * YG_SEGMENT_HIGHS };
size_t yg_spool_put_carry(uint8_t out[YG_SPOOL_CARRY_MAX], const struct yg_spool_carry *carry); // its bytes
bool yg_spool_get_carry(const struct yg_segment_record *record, struct yg_spool_carry *ret_carry);

struct yg_spool_seal {
	uint64_t count;                // records with an LSN
	uint8_t sha[YG_SEGMENT_SHA];   // of every byte of the segment before the seal
	uint8_t previous[YG_SEGMENT_SHA]; // that of the segment before; zeros when it was not sealed
};
enum { YG_SPOOL_SEAL_BYTES = 8 + 2 * YG_SEGMENT_SHA };
void yg_spool_put_seal(uint8_t out[YG_SPOOL_SEAL_BYTES], const struct yg_spool_seal *seal);
bool yg_spool_get_seal(const struct yg_segment_record *record, struct yg_spool_seal *ret_seal);

// ---- a walk over the records of a segment, across what is damaged ----

// At least min(YG_SEGMENT_WHOLE_MAX, size - offset) bytes at `offset`, and how many; NULL: the disk refuses.
typedef const uint8_t *yg_segment_bytes(void *context, size_t offset, size_t *ret_left);

struct yg_segment_walk {
	yg_segment_bytes *bytes; // NULL: `context` is the first byte of all
	void *context;
	size_t size;    // of the segment, or of what of it may be looked at
	size_t durable; // damage before this offset is stepped over; at or behind it the walk ends
	uint32_t seed;
	uint64_t next_lsn; // expected
	uint64_t end_lsn;  // the walk ends before this one
	size_t offset;     // of the next record
	// of the record that was found last, and altogether
	size_t at;
	uint64_t skipped; // LSNs just before it that are not there
	uint64_t damaged; // places so far
	size_t damaged_at;
	size_t searched;
	bool gave_up; // YG_SEGMENT_SEARCH was reached
};

void yg_segment_walk_start(struct yg_segment_walk *walk, const struct yg_segment_header *header, size_t size);
// Over bytes that lie in memory whole.
void yg_segment_walk_memory(struct yg_segment_walk *walk, const struct yg_segment_header *header, const uint8_t *bytes, size_t size);

// How far a segment in memory is known to have been durable, by what its later groups and its seal say. `size` may end
// YG_SPOOL_SEAL_BYTES behind the last byte that is not zero.
size_t yg_segment_durable(const struct yg_segment_header *header, const uint8_t *bytes, size_t size);

// 1 and the record; 0 at the end, walk->offset says where; -EIO when `bytes` had none.
int yg_segment_next(struct yg_segment_walk *walk, struct yg_segment_record *ret_record);
