// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura explain` without files: a line to words in both languages, charts within the width of a terminal, steps for every kind that it
// promises them for, and lines as hostile as they come.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/explain.h"
#include "model/kinds.h"

static char said[1 << 16];

static const char line[] =
    "{\"timestamp\":\"2026-06-09T10:07:02.000000+0900\",\"event_type\":\"alert\",\"host\":\"egress-1\","
    "\"src_ip\":\"0.0.0.0\",\"dest_port\":443,\"proto\":\"TCP\",\"alert\":{\"signature\":\"YAGURA SYN flood\","
    "\"metadata\":{\"mitre_technique_id\":[\"T1499.001\"]},"
    "\"context\":{\"id\":\"84285800d70c7589\",\"kind\":\"dos.syn_flood\",\"kind_ja\":\"SYNフラッド攻撃\",\"state\":\"update\",\"score\":74,"
    "\"severity\":\"high\",\"confidence\":0.35,\"mode\":\"page\",\"first_seen\":\"2026-06-09T10:07:00.000000+0900\","
    "\"last_seen\":\"2026-06-09T10:07:02.000000+0900\",\"count\":3,\"reopened\":2,\"org\":{\"code\":\"072001\",\"name_ja\":\"福島町\","
    "\"name_en\":\"Fukushima Town\"},\"zone\":\"internet\",\"target\":\"203.0.113.10\",\"affected_count\":3,\"learning\":\"floor\","
    "\"affected\":[{\"code\":\"072001\",\"name_ja\":\"福島町\",\"name_en\":\"Fukushima Town\"},{\"code\":\"072002\"}],"
    "\"impact\":{\"state\":\"degraded\",\"success\":0.61,\"usual\":0.98},"
    "\"campaign\":\"00000000000000ab\",\"pulse\":4,\"period_s\":2400,\"period_mad_s\":120,\"next_expected\":\"2026-06-09T10:47:00+0900\","
    "\"vectors\":[{\"name\":\"syn\",\"share\":0.8},{\"name\":\"udp\",\"share\":0.2}],"
    "\"why\":{\"observed\":48211,\"threshold\":2930,\"baseline\":0,\"peak\":50000,\"unit\":\"packets/s\",\"window_s\":3,"
    "\"text_ja\":\"日本語の文。\",\"text_en\":\"English sentence, one direction only.\","
    "\"top\":[{\"ip\":\"198.51.100.7\",\"share\":0.41},{\"ip\":\"198.51.100.8\",\"share\":0.001}],"
    "\"sources_at_least\":12345,\"sample_packets\":900,"
    "\"series\":{\"start\":\"2026-06-09T10:07:00.000000+0900\",\"step_s\":1,\"values\":[0,1000,48211,2000],\"low\":310,\"high\":2930}}}}}";

static const char *explained(const char *text, size_t length, const struct explain_look *look)
{
	static struct explain_alert a;
	memset(said, 0, sizeof said);
	if (!explain_read(text, length, &a))
		return NULL;
	FILE *out = fmemopen(said, sizeof said - 1, "w");
	explain_print(out, &a, look);
	fclose(out);
	return said;
}

static void holds(const char *text, const char *const *wanted)
{
	assert_non_null(text);
	for (; *wanted; wanted++)
		if (!strstr(text, *wanted))
			fail_msg("not said: %s\n%s", *wanted, text);
}

static void everything_that_the_line_holds_is_said_in_english(void **state)
{
	(void)state;
	const struct explain_look look = {.unicode = true, .columns = 200, .opens = 1, .updates = 2};
	holds(explained(line, strlen(line), &look),
	      (const char *const[]){"SYN flood  (dos.syn_flood)  id 84285800d70c7589", "severity high, score 74, confidence 0.35, going on",
	                            "somebody is called now", "Fukushima Town (072001)", "203.0.113.10 port 443/TCP", "1 open, 2 update, 0 close",
	                            "came back 2 times", "English sentence",
	                            "observed 48,211 packets/s, threshold 2,930 packets/s (16.5 times), within 3 s", "peak so far 50,000",
	                            "floor that follows from its line", "known of this target yet: halved", "one direction only: times 0.7",
	                            "at least 12,345 sources (from a sample of 900 packets)", "198.51.100.7 41%, 198.51.100.8 below 1%",
	                            "syn 80%, udp 20%", "pulse 4 of campaign 00000000000000ab", "period 40 min 0 s (give or take 2 min 0 s)",
	                            "degraded", "61% of known clients served, usually 98%",
	                            "bodies concerned (3): Fukushima Town, 072002 and others", "at about 2026-06-09T10:47:00",
	                            "T1499.001",
	                            "Course (packets/s, every 1 s)", "10:07:00 onwards", "What to check next", "  4. ", NULL});
}

static void and_in_japanese_from_the_same_numbers(void **state)
{
	(void)state;
	const struct explain_look look = {.japanese = true, .unicode = true, .columns = 200, .opens = 1, .updates = 2};
	holds(explained(line, strlen(line), &look),
	      (const char *const[]){"SYNフラッド攻撃", "重要度 高、スコア 74、確度 0.35、状態 継続中", "即時連絡", "福島町（072001）",
	                            "203.0.113.10 ポート443/TCP（インターネット接続系）", "10分以内に2回再発", "日本語の文。",
	                            "観測値 48,211 パケット/秒、しきい値 2,930 パケット/秒（16.5倍）、集計時間 3秒", "半分に下げて", "0.7倍",
	                            "少なくとも 12,345", "198.51.100.7 41%、198.51.100.8 1%未満", "キャンペーン 00000000000000ab の4回目", "間隔 40分0秒",
	                            "応答できた割合 61%、普段は 98%", "影響を受ける団体（3）: 福島町、072002 ほか", "推移（パケット/秒、1秒ごと）",
	                            "次に確認すること", NULL});
}

static void a_line_with_next_to_nothing_is_explained_by_what_it_has(void **state)
{
	(void)state;
	static const char bare[] = "{\"event_type\":\"alert\",\"alert\":{\"context\":{\"id\":\"ab\",\"kind\":\"dos.volume\"}}}";
	const struct explain_look look = {.columns = 80};
	const char *text = explained(bare, strlen(bare), &look);
	assert_non_null(text);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "observed"));
	assert_non_null(strstr(text, "What to check next"));
	assert_null(explained("{\"event_type\":\"flow\",\"alert\":{\"context\":{\"id\":\"ab\"}}}", 51, &look));
	assert_null(explained("{\"event_type\":\"alert\"}", 22, &look));
	assert_null(explained("x", 1, &look));
}

static void a_time_that_is_none_is_left_out(void **state)
{
	(void)state;
	static const char bad[] = "{\"event_type\":\"alert\",\"timestamp\":\"2026-06-09T10:0福福福福\",\"alert\":{\"context\":{\"id\":\"ab\","
				  "\"kind\":\"dos.volume\",\"last_seen\":\"2026-06-09T10:00:00\",\"first_seen\":\"2026-06-09福福福福\"}}}";
	const struct explain_look look = {.columns = 80};
	const char *text = explained(bad, strlen(bad), &look); // cut after 19 bytes, it would end within a character
	assert_non_null(text);
	assert_null(strstr(text, "\xe7"));
	assert_non_null(strstr(text, "last seen 2026-06-09T10:00:00"));
}

static void without_unicode_there_is_none(void **state)
{
	(void)state;
	const struct explain_look look = {.columns = 60};
	const char *text = explained(line, strlen(line), &look);
	assert_non_null(strstr(text, "#"));
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p >= 0x80)
			fail_msg("not ASCII: %.20s", p);
}

static void a_chart_fits_the_terminal_and_has_eight_rows(void **state)
{
	(void)state;
	for (unsigned columns = 40; columns < 200; columns += 7)
		for (unsigned count = 2; count <= EXPLAIN_SERIES; count += 13) {
			struct explain_alert a = {.series_count = count, .low = 10, .high = 50, .step_s = 1, .unit = "packets/s"};
			const struct explain_look look = {.columns = columns};
			for (unsigned i = 0; i < count; i++)
				a.series[i] = i % 7 * 20;
			memset(said, 0, sizeof said);
			FILE *out = fmemopen(said, sizeof said - 1, "w");
			explain_chart(out, &a, &look);
			fclose(out);
			unsigned rows = 0;
			char *save;
			for (char *row = strtok_r(said, "\n", &save); row; row = strtok_r(NULL, "\n", &save)) {
				rows += strchr(row, '|') != NULL;
				assert_true(!strchr(row, '|') || strlen(row) <= columns);
			}
			assert_int_equal(rows, 8);
		}
}

static const char *wrapped(const char *text, unsigned columns)
{
	memset(said, 0, sizeof said);
	FILE *out = fmemopen(said, sizeof said - 1, "w");
	explain_wrap(out, text, 2, columns);
	fclose(out);
	return said;
}

static void sentences_break_as_people_break_them(void **state)
{
	(void)state;
	assert_string_equal(wrapped("one two three four five six", 22), "one two three four\n  five six\n");
	// 20 columns are ten characters; the mark stays with what it closes, the bracket with what it opens
	assert_string_equal(wrapped("あいうえおかきくけ。こ", 22), "あいうえおかきくけ。\n  こ\n");
	assert_string_equal(wrapped("あいうえおかきくけこ。さ", 22), "あいうえおかきくけ\n  こ。さ\n");
	assert_string_equal(wrapped("あいうえおかきくけ（さ）", 22), "あいうえおかきくけ\n  （さ）\n");
	assert_string_equal(wrapped("192.0.2.14をmod_reqtimeoutで守る", 26), "192.0.2.14を\n  mod_reqtimeoutで守る\n");
	assert_string_equal(wrapped("a-word-that-is-longer-than-any-line", 22), "a-word-that-is-longer-than-any-line\n");
	assert_string_equal(wrapped("", 22), "");
	assert_string_equal(wrapped("\xff\xe3\x81 broken", 22), "\xff\xe3\x81 broken\n"); // whatever it is, it ends
}

static void the_kinds_of_today_have_three_to_five_steps(void **state)
{
	(void)state;
	static const char *const families[] = {"dos.", "link.", "scan.", "org.", "sensor."};
	unsigned kinds = 0;
	for (uint32_t i = 0; i < yg_kinds_count; i++)
		for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
			if (strncmp(yg_kinds[i].kind, families[f], strlen(families[f])) != 0)
				continue;
			kinds++;
			for (int ja = 0; ja < 2; ja++) {
				const char *const *step = explain_steps(yg_kinds[i].kind, ja);
				unsigned n = 0;
				for (; step[n]; n++)
					assert_int_equal(strpbrk(step[n], "\xe3\xe6") != NULL, ja); // lead bytes of kana and most kanji
				if (n < 3 || n > EXPLAIN_STEPS)
					fail_msg("%s has %u steps", yg_kinds[i].kind, n);
			}
			unsigned en = 0, ja = 0;
			while (explain_steps(yg_kinds[i].kind, false)[en])
				en++;
			while (explain_steps(yg_kinds[i].kind, true)[ja])
				ja++;
			assert_int_equal(en, ja);
		}
	assert_true(kinds > 20);
	assert_null(explain_steps("beacon", false)[0]);
	assert_null(explain_steps("", true)[0]);
}

static void amounts_are_as_people_write_them(void **state)
{
	(void)state;
	char to[64];
	assert_string_equal(explain_amount(21595680, "bits/s", false, to, sizeof to), "21.6 Mbit/s");
	assert_string_equal(explain_amount(1234567, "packets/s", true, to, sizeof to), "1,234,567 パケット/秒");
	assert_string_equal(explain_amount(0.5, "%", false, to, sizeof to), "0.5 %");
	assert_string_equal(explain_amount(NAN, "x", false, to, sizeof to), "0 x");
	static const struct {
		const char *unit, *said;
	} ones[] = {{"flows/s", "1 flow/s"}, {"queries/s", "1 query/s"}, {"bodies", "1 body"}, {"pulses", "1 pulse"}, {"times", "1 time"},
	            {"requests", "1 request"}, {"incomplete SYNs/s", "1 incomplete request/s"}, {"s", "1 s"}, {"%", "1 %"},
	            {"step", "1 step"}, {"lens", "1 lens"}};
	for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
		assert_string_equal(explain_amount(1, ones[i].unit, false, to, sizeof to), ones[i].said);
	assert_string_equal(explain_amount(1, "flows", true, to, sizeof to), "1 フロー");
	assert_string_equal(explain_amount(1e300, "bits/s", false, to, sizeof to), "1000000000.0 Gbit/s");
}

static void what_is_hostile_reaches_no_terminal(void **state)
{
	(void)state;
	const struct explain_look look = {.unicode = true, .columns = 80};
	const size_t length = strlen(line);
	char *copy = malloc(length);
	srand(11);
	unsigned read = 0;
	for (int i = 0; i < 20000; i++) {
		memcpy(copy, line, length);
		for (int k = rand() % 6; k >= 0; k--)
			copy[(size_t)rand() % length] = (char)(rand() % 2 ? "\x1b\"[]{},:\\9e-\x9b\x07"[rand() % 15] : rand());
		const char *text = explained(copy, length, &look);
		read += text != NULL;
		for (; text && *text; text++)
			if ((unsigned char)*text < 0x20 && *text != '\n')
				fail_msg("a control byte %d", *text);
	}
	assert_true(read > 1000 && read < 20000);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_that_the_line_holds_is_said_in_english),
	    cmocka_unit_test(and_in_japanese_from_the_same_numbers),
	    cmocka_unit_test(a_line_with_next_to_nothing_is_explained_by_what_it_has),
	    cmocka_unit_test(a_time_that_is_none_is_left_out),
	    cmocka_unit_test(without_unicode_there_is_none),
	    cmocka_unit_test(a_chart_fits_the_terminal_and_has_eight_rows),
	    cmocka_unit_test(sentences_break_as_people_break_them),
	    cmocka_unit_test(the_kinds_of_today_have_three_to_five_steps),
	    cmocka_unit_test(amounts_are_as_people_write_them),
	    cmocka_unit_test(what_is_hostile_reaches_no_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
