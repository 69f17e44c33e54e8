// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What outlives an engine: parts that come back, a kill at any point of the writing, files that are cut, changed, of another version or
// of another configuration, and limits that are full.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "engine/state.h"

enum { HALF = 16 << 20, LONG = 6 << 20 };

static uint8_t *memory;

// A part that holds one number, and one that is long and written in pieces.
struct small {
	uint64_t value;
	unsigned restored;
	bool refuses;
};

static uint64_t save_small(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	const struct small *s = context;
	assert_true(room >= sizeof s->value);
	memcpy(to, &s->value, sizeof s->value);
	*cursor = YG_STATE_DONE;
	return sizeof s->value;
}

static int restore_small(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct small *s = context;
	if (version != 1 || size != sizeof s->value || s->refuses)
		return -1;
	memcpy(&s->value, bytes, size);
	s->restored++;
	return 0;
}

static uint64_t save_long(void *context, uint64_t *cursor, void *to, uint64_t room)
{
	const struct small *s = context;
	uint64_t left = s->value - *cursor, n = left < room ? left : room;
	memset(to, (int)(s->value % 251), n);
	*cursor += n;
	if (*cursor == s->value)
		*cursor = YG_STATE_DONE;
	return n;
}

static int restore_long(void *context, uint32_t version, const void *bytes, uint64_t size)
{
	struct small *s = context;
	(void)version;
	s->value = size;
	for (uint64_t i = 0; i < size; i++)
		if (((const uint8_t *)bytes)[i] != size % 251)
			return -1;
	s->restored++;
	return 0;
}

static struct yg_state_part small_part(const char *name, struct small *s)
{
	return (struct yg_state_part){.name = name, .version = 1, .max = 64, .context = s, .save = save_small, .restore = restore_small};
}

static struct yg_state *make(struct small *a, struct small *b, struct small *c)
{
	struct yg_state *s = yg_state_create(memory, HALF);
	struct yg_state_part parts[] = {small_part("first", a), small_part("second", b), small_part("third", c)};
	parts[1].max = LONG;
	parts[1].save = save_long;
	parts[1].restore = restore_long;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(yg_state_add(s, &parts[i]), 0);
	return s;
}

static void write_once(uint64_t first, uint64_t size, uint64_t third)
{
	struct small a = {.value = first}, b = {.value = size}, c = {.value = third};
	struct yg_state *s = make(&a, &b, &c);
	yg_state_restore(s); // so that it goes on in the other half
	a.value = first, b.value = size, c.value = third;
	yg_state_finish(s, 77);
	yg_state_destroy(s);
}

static void expect(uint64_t first, uint64_t size, uint64_t third)
{
	struct small a = {0}, b = {0}, c = {0};
	struct yg_state *s = make(&a, &b, &c);
	yg_state_restore(s);
	assert_int_equal(a.value, first);
	assert_int_equal(b.value, size);
	assert_int_equal(c.value, third);
	yg_state_destroy(s);
}

static int setup(void **state)
{
	(void)state;
	memory = calloc(2, HALF);
	return memory ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static void what_was_saved_comes_back(void **state)
{
	(void)state;
	expect(0, 0, 0); // nothing was ever written
	write_once(4, 1000003, 6);
	expect(4, 1000003, 6);
	write_once(5, 17, 7);
	expect(5, 17, 7);
}

static void a_snapshot_is_written_in_pieces_and_when_it_is_due(void **state)
{
	(void)state;
	struct small a = {.value = 1}, b = {.value = 2000000}, c = {.value = 3};
	struct yg_state *s = make(&a, &b, &c);
	unsigned turns = 0, first = 0;
	for (int64_t second = 1000; second < 1060; second++) {
		for (unsigned i = 0; i < 10; i++, turns++) {
			yg_state_turn(s, second);
			const struct yg_state_head *head = yg_state_newest(memory, HALF);
			if (head && !first) {
				first = turns;
				assert_int_equal(head->second, 1000 + YG_STATE_FIRST_S);
			}
		}
	}
	assert_in_range(first, YG_STATE_FIRST_S * 10 + 7, YG_STATE_FIRST_S * 10 + 20); // eight pieces and three small ones
	assert_int_equal(yg_state_stats(s)->snapshots, 3); // after 5, 30 and 55 s
	assert_int_equal(yg_state_newest(memory, HALF)->sequence, 3);
	yg_state_destroy(s);
}

// Whatever the engine had written when it was killed, the snapshot before is whole.
static void a_kill_at_any_piece_leaves_the_one_before(void **state)
{
	(void)state;
	write_once(1, 600000, 2);
	for (unsigned killed_at = 1; killed_at < 12; killed_at++) {
		struct small a = {.value = 100}, b = {.value = 2500000}, c = {.value = 300};
		struct yg_state *s = make(&a, &b, &c);
		yg_state_turn(s, 50);
		for (unsigned i = 0; i < killed_at; i++)
			yg_state_turn(s, 50 + YG_STATE_FIRST_S);
		assert_int_equal(yg_state_stats(s)->snapshots, 0);
		yg_state_destroy(s);
		expect(1, 600000, 2);
	}
}

static void a_part_that_is_damaged_is_dropped_and_the_others_are_kept(void **state)
{
	(void)state;
	write_once(4, 5000, 6);
	uint8_t *long_part = memory + sizeof(struct yg_state_head) + 2 * sizeof(struct yg_state_mark) + 8;
	long_part[4000] ^= 1;
	struct small a = {0}, b = {.value = 99}, c = {0};
	struct yg_state *s = make(&a, &b, &c);
	yg_state_restore(s);
	assert_int_equal(a.value, 4);
	assert_int_equal(b.value, 99);
	assert_int_equal(c.value, 6);
	assert_int_equal(yg_state_stats(s)->restored, 2);
	assert_int_equal(yg_state_stats(s)->dropped, 1);
	yg_state_destroy(s);
}

static void every_flipped_bit_is_noticed(void **state)
{
	(void)state;
	write_once(4, 300, 6);
	uint64_t size = yg_state_newest(memory, HALF)->size;
	for (uint64_t i = 0; i < size; i++) {
		memory[i] ^= (uint8_t)(1 << i % 8);
		struct small a = {0}, b = {0}, c = {0};
		struct yg_state *s = make(&a, &b, &c);
		yg_state_restore(s);
		assert_true(a.value == 4 || !a.restored);
		assert_true(b.value == 300 || !b.restored);
		assert_true(c.value == 6 || !c.restored);
		bool filler = i >= sizeof(struct yg_state_head) + 2 * sizeof(struct yg_state_mark) + 8 + 300 && a.restored && b.restored && c.restored;
		assert_true(filler || a.restored + b.restored + c.restored < 3);
		yg_state_destroy(s);
		memory[i] ^= (uint8_t)(1 << i % 8);
	}
}

static void a_file_that_is_cut_gives_what_is_whole(void **state)
{
	(void)state;
	write_once(4, 300, 6);
	uint64_t size = yg_state_newest(memory, HALF)->size;
	uint8_t *whole = malloc(size);
	memcpy(whole, memory, size);
	for (uint64_t cut = 0; cut < size; cut++) {
		memset(memory, 0, size);
		memcpy(memory, whole, cut);
		struct small a = {0}, b = {0}, c = {0};
		struct yg_state *s = make(&a, &b, &c);
		yg_state_restore(s);
		bool all = memcmp(memory, whole, size) == 0; // only zeros were cut off
		assert_int_equal(c.restored, all);
		assert_true(!a.restored || a.value == 4);
		yg_state_destroy(s);
	}
	free(whole);
}

static void another_version_of_the_file_is_nothing(void **state)
{
	(void)state;
	write_once(4, 300, 6);
	((struct yg_state_head *)(void *)memory)->version++;
	assert_null(yg_state_newest(memory, HALF));
	expect(0, 0, 0);
}

// Numbers that run out: a file that is at the last sequence must not stop all snapshots after it.
static void a_sequence_at_its_end_is_no_snapshot(void **state)
{
	(void)state;
	write_once(4, 300, 6);
	struct yg_state_head *head = (struct yg_state_head *)(void *)memory;
	for (uint64_t left = 0; left < 3; left++) {
		head->sequence = UINT64_MAX - left;
		head->sum = 0;
		head->sum = yg_crc32c(0, head, sizeof *head);
		assert_null(yg_state_newest(memory, HALF));
		expect(0, 0, 0);
	}
	write_once(5, 17, 7);
	expect(5, 17, 7);
}

static void another_version_of_a_part_or_a_part_of_nobody_is_dropped(void **state)
{
	(void)state;
	write_once(4, 300, 6);
	struct small a = {0}, b = {0}, c = {.refuses = true};
	struct yg_state *s = make(&a, &b, &c);
	yg_state_remove(s, "first");
	yg_state_remove(s, "never");
	yg_state_restore(s);
	assert_int_equal(a.restored, 0);
	assert_int_equal(b.value, 300);
	assert_int_equal(yg_state_stats(s)->dropped, 2);
	yg_state_destroy(s);
}

static void hostile_bytes_end_nothing(void **state)
{
	(void)state;
	srandom(12);
	for (unsigned i = 0; i < 20000; i++) {
		struct yg_state_head head = {.magic = YG_STATE_MAGIC, .version = YG_STATE_VERSION, .sequence = 1, .size = 64 + (uint64_t)random() % 5000,
					     .parts = (uint32_t)random() % 97};
		for (unsigned k = 64; k < 2048; k++)
			memory[k] = (uint8_t)(random() % 4 ? 0 : random());
		uint64_t size = (uint64_t)random() % 4000;
		struct yg_state_mark mark = {.name = "first", .version = 1, .size = random() % 2 ? size : UINT64_MAX - size};
		memcpy(memory + 64, &mark, sizeof mark);
		head.sum = 0;
		head.sum = yg_crc32c(0, &head, sizeof head);
		memcpy(memory, &head, sizeof head);
		struct small a = {0}, b = {0}, c = {0};
		struct yg_state *s = make(&a, &b, &c);
		yg_state_restore(s);
		assert_int_equal(a.restored, 0);
		yg_state_destroy(s);
	}
}

static void more_parts_or_bytes_than_there_is_room_for_are_refused(void **state)
{
	(void)state;
	static struct small many[YG_STATE_PARTS_MAX + 1];
	char name[64];
	struct yg_state *s = yg_state_create(memory, HALF);
	struct yg_state_part big = small_part("big", &many[0]);
	big.max = HALF;
	assert_int_equal(yg_state_add(s, &big), -ENOSPC);
	for (unsigned i = 0; i < YG_STATE_PARTS_MAX; i++) {
		snprintf(name, sizeof name, "part%u", i);
		many[i].value = i;
		const struct yg_state_part part = small_part(name, &many[i]);
		assert_int_equal(yg_state_add(s, &part), 0);
		assert_int_equal(yg_state_add(s, &part), -EEXIST);
	}
	const struct yg_state_part more = small_part("one more", &many[YG_STATE_PARTS_MAX]);
	assert_int_equal(yg_state_add(s, &more), -ENOSPC);
	yg_state_remove(s, "part3");
	assert_int_equal(yg_state_add(s, &more), 0);
	yg_state_finish(s, 1);
	for (unsigned i = 0; i < YG_STATE_PARTS_MAX; i++)
		many[i].value = 0;
	yg_state_restore(s);
	for (unsigned i = 0; i < YG_STATE_PARTS_MAX; i++)
		assert_int_equal(many[i].value, i == 3 ? 0 : i);
	memset(name, 'x', sizeof name);
	name[YG_STATE_NAME_MAX] = '\0';
	const struct yg_state_part long_name = small_part(name, &many[0]);
	assert_int_equal(yg_state_add(s, &long_name), -ENAMETOOLONG);
	yg_state_destroy(s);
}

static void a_part_that_has_more_to_say_than_it_asked_for_is_cut_and_counted(void **state)
{
	(void)state;
	struct small a = {.value = 4}, b = {.value = LONG + 1}, c = {.value = 6};
	struct yg_state *s = make(&a, &b, &c);
	yg_state_finish(s, 1);
	assert_int_equal(yg_state_stats(s)->cut, 1);
	yg_state_destroy(s);
	assert_non_null(yg_state_newest(memory, HALF));
	struct small x = {0}, y = {0}, z = {0};
	s = make(&x, &y, &z);
	yg_state_restore(s);
	assert_int_equal(z.value, 6);
	yg_state_destroy(s);
}

int main(void)
{
	yg_log_init("test_state", YG_LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_saved_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_written_in_pieces_and_when_it_is_due, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kill_at_any_piece_leaves_the_one_before, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_that_is_damaged_is_dropped_and_the_others_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_cut_gives_what_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(another_version_of_the_file_is_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sequence_at_its_end_is_no_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(another_version_of_a_part_or_a_part_of_nobody_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_bytes_end_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(more_parts_or_bytes_than_there_is_room_for_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_part_that_has_more_to_say_than_it_asked_for_is_cut_and_counted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
