// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A segment of any content. The first byte chooses: taken as it is; or header and records are laid out from the input, with right sums,
// then struck by patches (offset, byte), so that what lies behind the sums is reached. Oracles: a walk ends, stays inside, its LSNs
// grow, and a record that was accepted has the sum that its bytes have. The second half goes through the readers of payloads and state.
#include <stdlib.h>
#include <string.h>

#include "courier/segment.h"
#include "courier/wal_state.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 2048 };

static size_t lay_out(uint8_t *bytes, const uint8_t *data, size_t size)
{
	struct yg_segment_header header = {.generation = 1, .first_lsn = 1 + data[0] % 4};
	uint64_t lsn = header.first_lsn;
	size_t end = YG_SEGMENT_HEADER;
	yg_segment_put_header(bytes, &header);
	static const uint16_t types[] = {YG_SPOOL_LINE, YG_SPOOL_GAP, YG_SPOOL_MARK, YG_SPOOL_CARRY, YG_SPOOL_SEAL, YG_SPOOL_LINE, 9, 0};
	while (size >= 3) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		if (n == 0 || end + yg_segment_whole(n) > SIZE)
			break;
		const struct yg_segment_record record = {.lsn = lsn + (data[0] >> 6), .type = types[data[0] & 7], .class = data[0] >> 3 & 7,
		                                         .producer = data[0], .pseq = lsn, .payload = data + 2, .size = (uint32_t)n};
		yg_segment_put(bytes + end, &record);
		yg_segment_sum(bytes + end, header.seed);
		lsn += yg_segment_takes_lsn(record.type);
		end += yg_segment_whole(n);
		data += 2 + n;
		size -= 2 + n;
	}
	for (; size >= 2; data += 2, size -= 2)
		bytes[(data[0] * 16 + data[1]) % SIZE] ^= data[1] | 1;
	return end;
}

static void check(const uint8_t *bytes, size_t size, size_t durable)
{
	struct yg_segment_header header;
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	uint64_t lsn = 0, mark;
	struct yg_spool_gap gap;
	struct yg_spool_carry carry;
	struct yg_spool_seal seal;
	if (!yg_segment_get_header(bytes, size, &header))
		return;
	must(yg_segment_durable(&header, bytes, size) <= size);
	yg_segment_walk_memory(&walk, &header, bytes, size);
	walk.durable = durable;
	for (size_t before = 0; yg_segment_next(&walk, &record) == 1; before = walk.at) {
		must(walk.at > before && walk.at % 8 == 0 && walk.at + yg_segment_whole(record.size) <= size);
		must(record.size > 0 && record.size <= YG_SPOOL_RECORD_MAX);
		must(record.payload == bytes + walk.at + YG_SEGMENT_RECORD);
		must(!yg_segment_takes_lsn(record.type) || record.lsn > lsn);
		if (yg_segment_takes_lsn(record.type))
			lsn = record.lsn;
		uint8_t *copy = malloc(yg_segment_whole(record.size));
		yg_segment_put(copy, &record);
		yg_segment_sum(copy, header.seed);
		must(memcmp(copy, bytes + walk.at, yg_segment_whole(record.size)) == 0);
		free(copy);
		if (yg_spool_get_gap(&record, &gap))
			must(gap.from <= gap.to);
		if (yg_spool_get_carry(&record, &carry))
			must(carry.count <= YG_SEGMENT_HIGHS);
		yg_spool_get_mark(&record, &mark);
		yg_spool_get_seal(&record, &seal);
	}
	must(walk.offset <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_wal_state state;
	if (size < 4)
		return 0;
	uint8_t *bytes = calloc(1, SIZE);
	size_t n = size - 3 < SIZE ? size - 3 : SIZE;
	if (data[0] & 1) {
		memcpy(bytes, data + 3, n);
		struct yg_segment_header header = {.first_lsn = 1};
		if (data[0] & 2)
			yg_segment_put_header(bytes, &header);
	} else {
		lay_out(bytes, data + 3, size - 3);
	}
	check(bytes, SIZE, data[0] & 4 ? SIZE : (size_t)(data[1] << 8 | data[2]) % SIZE);
	// Truncated, with the end of its memory there.
	size_t cut = (size_t)(data[1] << 8 | data[2]) % (SIZE + 1);
	uint8_t *less = malloc(cut ? cut : 1);
	memcpy(less, bytes, cut);
	check(less, cut, cut);
	yg_wal_state_choose(less, cut, &state);
	free(less);
	free(bytes);
	return 0;
}
