// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See wal_state.h.
#include "courier/wal_state.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"

static const char magic[8] = "YGRMETA";
enum { VERSION = 1, SUM_AT = YG_WAL_STATE_SLOT - 4 };

// As it lies in the slot; every field is where C puts it without padding.
struct slot {
	char magic[8];
	uint32_t version, bytes;
	uint64_t serial;
	uint8_t uuid[16];
	uint64_t generation, segment_lsn, stream, sent;
	uint32_t next_producer, zero;
	struct {
		char name[YG_WAL_STATE_NAME];
		uint64_t lsn, id[2];
	} cursors[YG_WAL_STATE_CURSORS];
	uint8_t rest[SUM_AT - 464];
	uint32_t sum;
};
_Static_assert(sizeof(struct slot) == YG_WAL_STATE_SLOT, "a slot is one sector");

void yg_wal_state_put(uint8_t out[YG_WAL_STATE_SLOT], const struct yg_wal_state *state)
{
	struct slot slot = {.version = htole32(VERSION), .bytes = htole32(YG_WAL_STATE_SLOT), .serial = htole64(state->serial)};
	memcpy(slot.magic, magic, sizeof magic);
	memcpy(slot.uuid, state->uuid, sizeof slot.uuid);
	slot.generation = htole64(state->generation);
	slot.segment_lsn = htole64(state->segment_lsn);
	slot.stream = htole64(state->stream);
	slot.sent = htole64(state->sent);
	slot.next_producer = htole32(state->next_producer);
	for (int i = 0; i < YG_WAL_STATE_CURSORS; i++) {
		memcpy(slot.cursors[i].name, state->cursors[i].name, YG_WAL_STATE_NAME);
		slot.cursors[i].lsn = htole64(state->cursors[i].lsn);
		slot.cursors[i].id[0] = htole64(state->cursors[i].id[0]);
		slot.cursors[i].id[1] = htole64(state->cursors[i].id[1]);
	}
	slot.sum = htole32(yg_crc32c(0, &slot, SUM_AT));
	memcpy(out, &slot, sizeof slot);
}

bool yg_wal_state_get(const uint8_t bytes[YG_WAL_STATE_SLOT], struct yg_wal_state *ret_state)
{
	struct slot slot;
	memcpy(&slot, bytes, sizeof slot);
	if (memcmp(slot.magic, magic, sizeof magic) != 0 || le32toh(slot.version) != VERSION || le32toh(slot.bytes) != YG_WAL_STATE_SLOT)
		return false;
	if (le32toh(slot.sum) != yg_crc32c(0, &slot, SUM_AT))
		return false;
	struct yg_wal_state state = {.serial = le64toh(slot.serial),
	                             .generation = le64toh(slot.generation),
	                             .segment_lsn = le64toh(slot.segment_lsn),
	                             .stream = le64toh(slot.stream),
	                             .sent = le64toh(slot.sent),
	                             .next_producer = le32toh(slot.next_producer)};
	memcpy(state.uuid, slot.uuid, sizeof state.uuid);
	for (int i = 0; i < YG_WAL_STATE_CURSORS; i++) {
		struct yg_wal_cursor *cursor = &state.cursors[i];
		memcpy(cursor->name, slot.cursors[i].name, YG_WAL_STATE_NAME);
		cursor->name[YG_WAL_STATE_NAME - 1] = '\0';
		cursor->lsn = le64toh(slot.cursors[i].lsn);
		cursor->id[0] = le64toh(slot.cursors[i].id[0]);
		cursor->id[1] = le64toh(slot.cursors[i].id[1]);
	}
	*ret_state = state;
	return true;
}

bool yg_wal_state_choose(const uint8_t *bytes, size_t size, struct yg_wal_state *ret_state)
{
	bool found = false;
	for (size_t at = 0; at + YG_WAL_STATE_SLOT <= size; at += YG_WAL_STATE_STEP) {
		struct yg_wal_state state;
		if (!yg_wal_state_get(bytes + at, &state) || (found && state.serial <= ret_state->serial))
			continue;
		*ret_state = state;
		found = true;
	}
	return found;
}
