// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the spool knows beside its segments, in the file spool.meta: two slots, written in turn, each within one sector, so that a
// write that is cut leaves the other one. The slot with the higher serial holds. Bytes to struct and back; pure, any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	YG_WAL_STATE_SLOT = 512,
	YG_WAL_STATE_STEP = 4096, // from one slot to the other: no sector of any disk holds both
	YG_WAL_STATE_FILE = 2 * YG_WAL_STATE_STEP,
	YG_WAL_STATE_CURSORS = 8,
	YG_WAL_STATE_NAME = 24,
};
#define YG_WAL_STATE_NAME_OF_FILE "spool.meta"

struct yg_wal_cursor {
	char name[YG_WAL_STATE_NAME]; // empty: free
	uint64_t lsn;                 // the first that is not delivered
	uint64_t id[2];
};

struct yg_wal_state {
	uint64_t serial;
	uint8_t uuid[16];
	uint64_t generation;    // of the segments: grows when it cannot be proved that none is missing at the end
	uint64_t segment_lsn;   // first LSN of the newest segment
	uint64_t stream, sent;  // the generation under which records are delivered, the highest sequence sent
	uint32_t next_producer;
	struct yg_wal_cursor cursors[YG_WAL_STATE_CURSORS];
};

void yg_wal_state_put(uint8_t out[YG_WAL_STATE_SLOT], const struct yg_wal_state *state);
bool yg_wal_state_get(const uint8_t bytes[YG_WAL_STATE_SLOT], struct yg_wal_state *ret_state);

// The newer valid slot of a file's bytes. False when there is none.
bool yg_wal_state_choose(const uint8_t *bytes, size_t size, struct yg_wal_state *ret_state);
