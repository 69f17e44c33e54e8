// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Segments as bytes: what goes in comes out; each bit flipped and each truncation of a whole segment (R6): no record is ever accepted
// that was not written, and those that were not touched are found.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/segment.h"
#include "courier/wal_state.h"

enum { SIZE = 4096, LINES_MAX = 64 };

static struct {
	uint8_t bytes[SIZE];
	struct yg_segment_header header;
	size_t end;
	unsigned lines;
	size_t at[LINES_MAX], whole[LINES_MAX];
	uint64_t lsn[LINES_MAX];
} seg;

static void put(unsigned type, unsigned class, uint64_t lsn, const void *payload, size_t size)
{
	const struct yg_segment_record record = {.lsn = lsn, .type = (uint16_t)type, .class = (uint8_t)class,
	                                         .producer = yg_segment_takes_lsn(type) ? 7 : 0, .pseq = lsn,
	                                         .payload = payload, .size = (uint32_t)size};
	yg_segment_put(seg.bytes + seg.end, &record);
	yg_segment_sum(seg.bytes + seg.end, seg.header.seed);
	if (yg_segment_takes_lsn(type)) {
		seg.at[seg.lines] = seg.end;
		seg.lsn[seg.lines] = lsn;
		seg.whole[seg.lines++] = yg_segment_whole(size);
	}
	seg.end += yg_segment_whole(size);
}

static int build(void **state)
{
	uint8_t payload[YG_SPOOL_CARRY_MAX];
	char line[200];
	uint64_t lsn = 100;
	(void)state;
	memset(&seg, 0, sizeof seg);
	seg.header = (struct yg_segment_header){.uuid = "sixteen bytes..", .generation = 3, .first_lsn = lsn, .created_ns = 1};
	yg_segment_put_header(seg.bytes, &seg.header);
	seg.end = YG_SEGMENT_HEADER;
	const struct yg_spool_carry carry = {.previous_first = 50, .count = 1, .highs = {{7, 0, 99}}};
	put(YG_SPOOL_CARRY, 0, lsn, payload, yg_spool_put_carry(payload, &carry));
	for (unsigned group = 0; group < 6; group++) {
		yg_spool_put_mark(payload, seg.end);
		put(YG_SPOOL_MARK, 0, lsn, payload, YG_SPOOL_MARK_BYTES);
		for (unsigned i = 0; i < 4; i++) {
			int n = snprintf(line, sizeof line, "{\"lsn\":%u,\"%.*s\":1}\n", (unsigned)lsn, (int)(3 + 17 * i),
			                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
			put(YG_SPOOL_LINE, i, lsn++, line, (size_t)n);
		}
	}
	const struct yg_spool_gap gap = {.class = 2, .reason = YG_SPOOL_GAP_SHED, .producer = 7, .count = 3, .from = 4, .to = 8};
	yg_spool_put_gap(payload, &gap);
	put(YG_SPOOL_GAP, 2, lsn++, payload, YG_SPOOL_GAP_BYTES);
	const struct yg_spool_seal seal = {.count = 25};
	yg_spool_put_seal(payload, &seal);
	put(YG_SPOOL_SEAL, 0, lsn, payload, YG_SPOOL_SEAL_BYTES);
	return seg.end < SIZE ? 0 : -1;
}

// Every record that is found is one that was written, as it was written. How many with an LSN.
static unsigned check(const uint8_t *bytes, size_t size)
{
	struct yg_segment_header header;
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	unsigned found = 0;
	if (!yg_segment_get_header(bytes, size, &header))
		return 0;
	assert_int_equal(header.seed, seg.header.seed);
	yg_segment_walk_memory(&walk, &header, bytes, size);
	uint64_t last = 0;
	while (yg_segment_next(&walk, &record) == 1) {
		assert_true(walk.at + yg_segment_whole(record.size) <= size);
		assert_memory_equal(bytes + walk.at, seg.bytes + walk.at, yg_segment_whole(record.size));
		if (!yg_segment_takes_lsn(record.type))
			continue;
		assert_true(record.lsn > last);
		last = record.lsn;
		found++;
	}
	return found;
}

static void what_goes_in_comes_out(void **state)
{
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	struct yg_spool_gap gap;
	struct yg_spool_carry carry;
	struct yg_spool_seal seal;
	uint64_t mark, marks = 0;
	unsigned n = 0;
	(void)state;
	yg_segment_walk_memory(&walk, &seg.header, seg.bytes, SIZE);
	assert_int_equal(yg_segment_next(&walk, &record), 1);
	assert_true(yg_spool_get_carry(&record, &carry));
	assert_int_equal(carry.previous_first, 50);
	assert_int_equal(carry.highs[0].pseq, 99);
	while (yg_segment_next(&walk, &record) == 1) {
		if (yg_spool_get_mark(&record, &mark)) {
			assert_int_equal(mark, walk.at);
			marks++;
		} else if (yg_spool_get_gap(&record, &gap)) {
			assert_int_equal(gap.count, 3);
			assert_int_equal(gap.to, 8);
		} else if (yg_spool_get_seal(&record, &seal)) {
			assert_int_equal(seal.count, 25);
		} else {
			assert_int_equal(record.class, n % 4);
			assert_int_equal(record.lsn, 100 + n++);
			assert_int_equal(record.payload[record.size - 1], '\n');
		}
	}
	assert_int_equal(n, 24);
	assert_int_equal(marks, 6);
	assert_int_equal(walk.damaged, 0);
	assert_int_equal(walk.offset, seg.end);
}

static void each_bit_flipped(void **state)
{
	static uint8_t bytes[SIZE];
	uint64_t found = 0, untouched = 0;
	(void)state;
	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		memcpy(bytes, seg.bytes, SIZE);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		unsigned n = check(bytes, SIZE), whole = 0;
		if (bit / 8 >= YG_SEGMENT_HEADER)
			for (unsigned i = 0; i < seg.lines; i++)
				whole += bit / 8 < seg.at[i] || bit / 8 >= seg.at[i] + seg.whole[i];
		// The record that was struck is not accepted, and all others are.
		assert_int_equal(n, whole);
		found += n;
		untouched += whole;
	}
	print_message("%d flips: %llu records untouched, %llu found, 0 wrong\n", SIZE * 8, (unsigned long long)untouched,
	              (unsigned long long)found);
}

static void each_truncation(void **state)
{
	(void)state;
	for (size_t size = 0; size <= SIZE; size++) {
		uint8_t *bytes = malloc(size ? size : 1); // its end is that of the memory
		memcpy(bytes, seg.bytes, size);
		unsigned n = check(bytes, size), whole = 0;
		for (unsigned i = 0; i < seg.lines; i++)
			whole += seg.at[i] + seg.whole[i] <= size;
		assert_int_equal(n, whole);
		free(bytes);
	}
}

static void each_length_that_lies(void **state)
{
	static uint8_t bytes[SIZE];
	static const uint32_t lengths[] = {0, 1, 0xffffffff, 0x80000000, 65536, 65537, 0xfffffff8, 4096, 4000};
	(void)state;
	for (unsigned i = 0; i < seg.lines; i++)
		for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
			memcpy(bytes, seg.bytes, SIZE);
			memcpy(bytes + seg.at[i], &lengths[k], 4);
			check(bytes, SIZE);
		}
}

static void a_record_of_another_segment_is_none(void **state)
{
	static uint8_t bytes[SIZE];
	struct yg_segment_header other = seg.header;
	(void)state;
	memcpy(bytes, seg.bytes, SIZE);
	other.created_ns++;
	yg_segment_put_header(bytes, &other);
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	yg_segment_walk_memory(&walk, &other, bytes, SIZE);
	assert_int_equal(yg_segment_next(&walk, &record), 0);
}

static void damage_ends_the_walk_where_nothing_was_durable(void **state)
{
	static uint8_t bytes[SIZE];
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	unsigned n = 0;
	(void)state;
	memcpy(bytes, seg.bytes, SIZE);
	bytes[seg.at[5] + 40] ^= 1;
	yg_segment_walk_memory(&walk, &seg.header, bytes, SIZE);
	walk.durable = seg.at[5];
	while (yg_segment_next(&walk, &record) == 1)
		n += yg_segment_takes_lsn(record.type);
	assert_int_equal(n, 5);
	assert_int_equal(walk.offset, seg.at[5]);
}

static void a_search_has_an_end(void **state)
{
	// Plausible beginnings at every eighth byte, each with a payload of 64 KiB: without a bound this sums gigabytes.
	size_t size = 8 << 20;
	uint8_t *bytes = calloc(1, size);
	struct yg_segment_header header = seg.header;
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	(void)state;
	yg_segment_put_header(bytes, &header);
	for (size_t at = YG_SEGMENT_HEADER; at + 65600 <= size; at += 32) {
		const struct yg_segment_record fake = {.lsn = 101, .type = YG_SPOOL_LINE, .payload = NULL, .size = 65536};
		uint32_t length = fake.size;
		memcpy(bytes + at, &length, 4);
		memset(bytes + at + 4, 0x55, 4);
		memcpy(bytes + at + 8, &fake.lsn, 8);
		memset(bytes + at + 16, 0, 16);
		bytes[at + 16] = YG_SPOOL_LINE;
	}
	yg_segment_walk_memory(&walk, &header, bytes, size);
	assert_int_equal(yg_segment_next(&walk, &record), 0);
	assert_true(walk.gave_up);
	assert_true(walk.searched <= YG_SEGMENT_SEARCH + 2 * YG_SEGMENT_WHOLE_MAX);
	free(bytes);
}

static void names(void **state)
{
	char name[YG_SEGMENT_NAME];
	uint64_t generation, first;
	(void)state;
	yg_segment_name(name, 0xabc, 0x123456789);
	assert_string_equal(name, "seg-0000000000000abc-0000000123456789.wal");
	assert_true(yg_segment_parse_name(name, &generation, &first));
	assert_int_equal(generation, 0xabc);
	assert_int_equal(first, 0x123456789);
	static const char *const bad[] = {"", "seg-", "seg-0000000000000abc-0000000123456789.wal2", "seg-0000000000000ABC-0000000123456789.wal",
		"seg-0000000000000abc-0000000000000000.wal", "seg-0000000000000abc-f000000000000000.wal", "seg_0000000000000abc-0000000123456789.wal",
		"seg-0000000000000abc-00000001234567 9.wal", "seg-0000000000000abc.0000000123456789.wal"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(yg_segment_parse_name(bad[i], &generation, &first));
}

static void each_bit_of_a_state_flipped(void **state)
{
	uint8_t bytes[YG_WAL_STATE_FILE] = {0};
	struct yg_wal_state one = {.serial = 4, .generation = 2, .segment_lsn = 77, .stream = 5, .sent = 6, .next_producer = 8}, two = one, got;
	(void)state;
	strcpy(one.cursors[0].name, "redis");
	one.cursors[0].lsn = 12;
	two.serial = 5;
	yg_wal_state_put(bytes, &one);
	yg_wal_state_put(bytes + YG_WAL_STATE_STEP, &two);
	assert_true(yg_wal_state_choose(bytes, sizeof bytes, &got));
	assert_int_equal(got.serial, 5);
	for (size_t bit = 0; bit < YG_WAL_STATE_SLOT * 8; bit++) {
		bytes[YG_WAL_STATE_STEP + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(yg_wal_state_choose(bytes, sizeof bytes, &got));
		assert_memory_equal(&got, &one, sizeof got);
		bytes[YG_WAL_STATE_STEP + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	memset(bytes, 0, sizeof bytes);
	assert_false(yg_wal_state_choose(bytes, sizeof bytes, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out), cmocka_unit_test(each_bit_flipped), cmocka_unit_test(each_truncation),
		cmocka_unit_test(each_length_that_lies), cmocka_unit_test(a_record_of_another_segment_is_none),
		cmocka_unit_test(damage_ends_the_walk_where_nothing_was_durable), cmocka_unit_test(a_search_has_an_end), cmocka_unit_test(names),
		cmocka_unit_test(each_bit_of_a_state_flipped)};
	return cmocka_run_group_tests(tests, build, NULL);
}
