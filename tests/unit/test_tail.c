// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What `yagura tail` knows without Redis: lines as hostile as they come, numbers that are missing, and the same alert by several sensors.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tail/follow.h"
#include "tail/streams.h"

// ---- lines ----

static bool reads(const char *line, struct tail_entry *e)
{
	return tail_entry_read(line, strlen(line), e);
}

static void a_line_gives_what_is_wanted(void **state)
{
	(void)state;
	struct tail_entry e;
	assert_true(reads("{\"timestamp\":\"2026-11-21T16:04:05.123456+0900\",\"host\":\"egress-1\",\"src_ip\":\"198.51.100.7\","
			  "\"x\":[1,{\"host\":2}],"
			  "\"alert\":{\"signature\":\"YAGURA SYN \\u0046lood\",\"context\":{\"id\":\"ab\",\"run\":3,\"sequence\":17,\"state\":\"open\","
			  "\"org\":{\"name_ja\":\"札\\u5e4c\"},\"why\":{\"text_en\":\"a\\nb\\u001b[2J\\ud83d\\ude00\",\"peak\":1.5e3}}}}\n",
			  &e));
	assert_int_equal(e.run, 3);
	assert_int_equal(e.sequence, 17);
	assert_int_equal(e.time_s, 1795244645);
	assert_string_equal(e.host, "egress-1");
	assert_string_equal(e.signature, "YAGURA SYN Flood");
	assert_string_equal(e.org_ja, "札幌");
	assert_string_equal(e.text_en, "a?b?[2J\xf0\x9f\x98\x80");
	assert_true(e.has_id);
}

static void what_is_no_line_of_ours_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "x", "[]", "{", "{\"a\":}", "{\"a\":1", "{\"a\":1}x", "{\"a\" 1}",
					  "{\"a\":\"", "{\"a\":\"\\u12\"}", "{\"a\":\"\\q\"}",
					  "{\"alert\":{\"context\":{\"run\":1}", "{,}", "{\"a\":1,}", "nul\\"};
	struct tail_entry e;
	char deep[400];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(reads(bad[i], &e));
	assert_true(reads("{}", &e));
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof deep - 1] = '\0';
	assert_false(reads(deep, &e)); // YG_JSON_DEPTH
	char *large = malloc(TAIL_LINE_MAX + 2);
	memset(large, ' ', TAIL_LINE_MAX + 1);
	large[0] = '{';
	large[TAIL_LINE_MAX] = '}';
	large[TAIL_LINE_MAX + 1] = '\0';
	assert_false(reads(large, &e)); // TAIL_LINE_MAX and one more
	free(large);
}

// Every cut of a line, and every byte of it changed: no fault, and no control character in what is printed.
static void no_line_does_harm(void **state)
{
	(void)state;
	const char good[] = "{\"host\":\"a\\u202e\xc2\x9b\","
			    "\"alert\":{\"context\":{\"id\":\"1\",\"why\":{\"text_ja\":\"\xe2\x80\xae\\u0007x\\\\\\\"\"}}}}";
	char line[sizeof good], raw[6 * sizeof good + 1];
	struct tail_entry e;
	for (size_t i = 0; i < sizeof good - 1; i++) {
		char *cut = strndup(good, i); // of its size: a read beyond shows under a sanitizer
		tail_entry_read(cut, i, &e);
		free(cut);
	}
	for (size_t i = 0; i < sizeof good - 1; i++)
		for (unsigned byte = 1; byte < 256; byte++) {
			memcpy(line, good, sizeof good);
			line[i] = (char)byte;
			if (tail_entry_read(line, sizeof good - 1, &e))
				for (const char *p = e.text_ja; *p; p++)
					assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
			size_t n = tail_raw(raw, line, sizeof good - 1);
			assert_true(n <= 6 * sizeof good);
			for (size_t k = 0; k < n; k++)
				assert_true((unsigned char)raw[k] >= 0x20 && raw[k] != 0x7f && memcmp(raw + k, "\xc2\x9b", 2) != 0);
		}
}

static void a_raw_line_stays_json(void **state)
{
	(void)state;
	const char line[] = "{\"a\":\"x\\\\\",\"b\":\"\x1b\xe2\x80\xae\\\"\"}\n";
	char raw[200];
	raw[tail_raw(raw, line, sizeof line - 1)] = '\0';
	assert_string_equal(raw, "{\"a\":\"x\\\\\",\"b\":\"\\u001b\\u202e\\\"\"} ");
	const char path[] = "{\"a\":\"\\\\\\\"\x7f\"}\n"; // a backslash, then a quotation mark, each escaped
	raw[tail_raw(raw, path, sizeof path - 1)] = '\0';
	assert_string_equal(raw, "{\"a\":\"\\\\\\\"\\u007f\"} ");
}

static void times_are_read(void **state)
{
	(void)state;
	assert_int_equal(tail_time("1970-01-01T09:00:00+0900"), 0);
	assert_int_equal(tail_time("1970-01-01T00:00:01.5Z"), 1);
	assert_int_equal(tail_time("1969-12-31T23:59:59Z"), INT64_MIN);
	assert_int_equal(tail_time("2026-11-21"), INT64_MIN);
	struct tail_id id;
	assert_true(tail_id_parse("3-1200", &id) && id.generation == 3 && id.sequence == 1200);
	assert_true(tail_id_parse("0", &id));
	assert_false(tail_id_parse("3-", &id) || tail_id_parse("-1", &id) || tail_id_parse("99999999999999999999-1", &id));
}

// ---- sequences ----

static uint64_t missing;

static enum tail_verdict next(struct tail_sequence *s, uint64_t run, uint64_t number, uint64_t generation)
{
	const struct tail_entry e = {.run = run, .sequence = number};
	const struct tail_id id = {generation, number};
	return tail_sequence_next(s, &e, &id, &missing);
}

static void a_hole_is_told_with_its_size(void **state)
{
	(void)state;
	struct tail_sequence s = {0};
	assert_int_equal(next(&s, 4, 17, 1), TAIL_NEXT); // wherever we come in
	assert_int_equal(next(&s, 4, 18, 1), TAIL_NEXT);
	assert_int_equal(next(&s, 4, 22, 1), TAIL_HOLE);
	assert_int_equal(missing, 3);
	assert_int_equal(next(&s, 4, 22, 1), TAIL_REPEATED);
	assert_int_equal(next(&s, 4, 23, 2), TAIL_NEXT); // a new generation within a run goes on
	assert_int_equal(next(&s, 5, 1, 2), TAIL_NEXT);
	assert_int_equal(next(&s, 6, 3, 2), TAIL_HOLE); // the first two of a run
	assert_int_equal(missing, 2);
	assert_int_equal(next(&s, 5, 2, 2), TAIL_NEXT); // of an older run, sent anew
	assert_int_equal(next(&s, 6, 4, 2), TAIL_NEXT);
	assert_int_equal(s.repeated, 1);
}

static void without_a_run_the_generation_stands_for_it(void **state)
{
	(void)state;
	struct tail_sequence s = {0};
	assert_int_equal(next(&s, 0, 5, 1), TAIL_NEXT);
	assert_int_equal(next(&s, 0, 7, 1), TAIL_HOLE);
	assert_int_equal(next(&s, 0, 3, 2), TAIL_NEXT); // a replay: nothing is promised between two
	assert_int_equal(next(&s, 0, 0, 2), TAIL_NEXT); // a line of before there were numbers
}

// ---- merging ----

static struct {
	unsigned shown, names_of_last;
	char last[40];
} seen;

static void on_show(void *context, const struct tail_shown *shown)
{
	(void)context;
	seen.shown++;
	seen.names_of_last = 0;
	for (unsigned i = 0; i < TAIL_SENSORS; i++)
		seen.names_of_last += shown->sensors[i];
	snprintf(seen.last, sizeof seen.last, "%s", shown->entry->id);
}

static void add(struct tail_merge *m, unsigned sensor, unsigned id, const char *alert_state, int64_t now_ms)
{
	struct tail_entry e = {.has_id = true};
	snprintf(e.id, sizeof e.id, "%u", id);
	snprintf(e.state, sizeof e.state, "%s", alert_state);
	tail_merge_add(m, sensor, &e, "{}", 2, now_ms);
}

static void the_same_alert_is_shown_once_with_both_names(void **state)
{
	(void)state;
	struct tail_merge *m = tail_merge_create(on_show, NULL);
	memset(&seen, 0, sizeof seen);
	add(m, 0, 1, "open", 0);
	add(m, 1, 1, "open", 100);
	tail_merge_turn(m, TAIL_WINDOW_MS - 1);
	assert_int_equal(seen.shown, 0);
	tail_merge_turn(m, TAIL_WINDOW_MS);
	assert_int_equal(seen.shown, 1);
	assert_int_equal(seen.names_of_last, 2);
	for (unsigned i = 0; i < 3; i++) // the n-th update of one is the n-th of the other
		add(m, 0, 1, "update", 5000);
	for (unsigned i = 0; i < 4; i++)
		add(m, 1, 1, "update", 5000);
	add(m, 2, 1, "open", 9000); // late: shown before
	tail_merge_turn(m, INT64_MAX);
	assert_int_equal(seen.shown, 1 + 4);
	assert_int_equal(tail_merge_stats(m).merged, 5);
	assert_int_equal(tail_merge_stats(m).late, 1);
	tail_merge_destroy(m);
}

// Two ports that fall silent in one minute: equal ids, two things.
static void what_sensors_say_of_themselves_is_shown_for_each(void **state)
{
	(void)state;
	struct tail_merge *m = tail_merge_create(on_show, NULL);
	struct tail_entry e = {.has_id = true, .id = "7", .state = "open", .kind = "sensor.silent"};
	memset(&seen, 0, sizeof seen);
	tail_merge_add(m, 0, &e, "{}", 2, 0);
	tail_merge_add(m, 1, &e, "{}", 2, 100);
	tail_merge_turn(m, INT64_MAX);
	assert_int_equal(seen.shown, 2);
	assert_int_equal(seen.names_of_last, 1);
	tail_merge_destroy(m);
}

static void limits_show_early_and_forget_the_oldest(void **state)
{
	(void)state;
	struct tail_merge *m = tail_merge_create(on_show, NULL);
	memset(&seen, 0, sizeof seen);
	for (unsigned i = 0; i < TAIL_MERGED + 10; i++)
		add(m, 0, i, "open", 0);
	assert_int_equal(seen.shown, TAIL_MERGED + 10 - TAIL_HELD);
	assert_int_equal(tail_merge_stats(m).early, seen.shown);
	assert_int_equal(tail_merge_stats(m).forgotten, 10);
	add(m, 1, 3, "open", 0); // forgotten: shown again
	assert_int_equal(tail_merge_stats(m).merged, 0);
	add(m, 1, 100, "open", 0);
	assert_int_equal(tail_merge_stats(m).merged, 1);
	tail_merge_turn(m, INT64_MAX);
	assert_int_equal(seen.shown, TAIL_MERGED + 11);
	char *large = calloc(1, TAIL_LINE_MAX + 1);
	const struct tail_entry e = {.has_id = false};
	for (unsigned i = 0; i < 2 * TAIL_HELD_BYTES / TAIL_LINE_MAX; i++)
		tail_merge_add(m, 0, &e, large, TAIL_LINE_MAX, 0);
	assert_int_equal(seen.shown, TAIL_MERGED + 11 + TAIL_HELD_BYTES / TAIL_LINE_MAX);
	free(large);
	tail_merge_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_gives_what_is_wanted),
		cmocka_unit_test(what_is_no_line_of_ours_is_refused),
		cmocka_unit_test(no_line_does_harm),
		cmocka_unit_test(a_raw_line_stays_json),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(a_hole_is_told_with_its_size),
		cmocka_unit_test(without_a_run_the_generation_stands_for_it),
		cmocka_unit_test(the_same_alert_is_shown_once_with_both_names),
		cmocka_unit_test(what_sensors_say_of_themselves_is_shown_for_each),
		cmocka_unit_test(limits_show_early_and_forget_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
