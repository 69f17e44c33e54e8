// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The line detector through its own ABI: windows of the link, of bodies and of their hosts go in, alerts come out.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yagura/plugin.h"

extern const struct yg_plugin yagura_plugin;

enum { START = 1800000000, KEPT = 4096, LINE = 10000000 };

static struct {
	void *self;
	union yg_value values[8];
	struct yg_host host;
	struct yg_alert out[KEPT];
	uint32_t count, planned;
	char log[256];
	int64_t second;
} world;

static void on_raise(void *context, const struct yg_alert *alert)
{
	(void)context;
	assert_true(world.count < KEPT);
	world.out[world.count++] = *alert;
}

static const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info town = {.code = "072001", .name_ja = "福島町", .name_en = "Fukushima Town", .line_bps = LINE};
	static const struct yg_org_info bare = {.code = "072002", .name_ja = "", .name_en = ""};
	(void)context;
	return index == 3 ? &town : index == 4 ? &bare : NULL;
}

static void on_log(void *context, int level, const char *text)
{
	(void)context;
	(void)level;
	snprintf(world.log, sizeof world.log, "%s", text);
}

static uint32_t on_planned(void *context, uint16_t org, int64_t second)
{
	(void)context;
	(void)org;
	(void)second;
	return world.planned;
}

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	world.values[0].i = 16;
	world.values[1].f = 30;
	world.second = START;
	world.host = (struct yg_host){.size = sizeof world.host, .raise = on_raise, .org = on_org, .log = on_log, .planned = on_planned};
	world.self = yagura_plugin.create(&world.host, world.values);
	return world.self ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	yagura_plugin.destroy(world.self);
	return 0;
}

// `share` of the line in packets of 1,212 bytes from the IP header on: 10,000 bits each with what is around them.
static struct yg_window body(uint16_t org, double share_in, double share_out)
{
	struct yg_window w = {.scope = YG_SCOPE_BODY, .org = org, .line_bps = LINE, .second = world.second, .warm = 1};
	w.now.packets[YG_VEC_DOWNLOAD] = (uint32_t)(share_in * LINE / 10000);
	w.now.bytes[YG_VEC_DOWNLOAD] = w.now.packets[YG_VEC_DOWNLOAD] * UINT64_C(1212);
	w.now.packets_out = (uint32_t)(share_out * LINE / 10000);
	w.now.bytes_out = w.now.packets_out * UINT64_C(1212);
	return w;
}

static void run(uint16_t org, double in, double out, int seconds)
{
	for (int i = 0; i < seconds; i++, world.second++) {
		struct yg_window w = body(org, in, out);
		yagura_plugin.window(world.self, &w);
		yagura_plugin.tick(world.self, world.second);
	}
}

static const struct yg_alert *last(void)
{
	assert_true(world.count > 0);
	return &world.out[world.count - 1];
}

static void a_line_at_85_percent_is_told_after_ten_seconds(void **state)
{
	(void)state;
	run(3, 0.4, 0.1, 400);
	run(3, 0.86, 0.1, 9);
	assert_int_equal(world.count, 0);
	run(3, 0.86, 0.1, 1);
	const struct yg_alert *a = last();
	assert_int_equal(world.count, 1);
	assert_string_equal(a->kind, "link.saturation");
	assert_string_equal(a->vector, "in");
	assert_int_equal(a->severity, YG_SEV_MEDIUM);
	assert_true(a->observed == 8600000 && a->threshold == 8500000 && a->baseline == 4000000);
	assert_true(a->org == 3 && a->window_s == 10 && a->confidence == 1 && a->target_len == 0 && a->source_af == 0);
	assert_true(a->first_ns == (START + 400) * INT64_C(1000000000));
	assert_true(a->series_count == YG_SERIES_MAX && a->series[YG_SERIES_MAX - 1] == 8600000 && a->series_low == 4000000);
	assert_string_equal(a->text_ja, "福島町のアクセス回線の下り方向が飽和している疑い。毎秒8.6Mbit（回線10.0Mbitの86%、しきい値8.5、平常値は平均4.0）。"
	                                "回線を超えた分は見えないため、実際に押し寄せている量は分からない。");
	assert_string_equal(a->text_en, "The access line of Fukushima Town is close to full inward: 8.6 Mbit/s of 10.0 (86%; threshold 8.5, "
	                                "usually 4.0 on average). What exceeds the line is out of sight, so the true volume is unknown.");
}

static void at_95_percent_five_seconds_do(void **state)
{
	(void)state;
	run(3, 0.1, 0.97, 4);
	assert_int_equal(world.count, 0);
	run(3, 0.1, 0.97, 1);
	assert_string_equal(last()->vector, "out");
	assert_int_equal(last()->severity, YG_SEV_HIGH);
	assert_true(last()->threshold == 9500000 && last()->window_s == 5);
}

static void one_alert_rises_from_medium_to_high_and_does_not_fall(void **state)
{
	(void)state;
	run(3, 0.87, 0, 12);
	run(3, 0.99, 0, 6);
	run(3, 0.87, 0, 3);
	assert_int_equal(world.out[0].severity, YG_SEV_MEDIUM);
	assert_int_equal(last()->severity, YG_SEV_HIGH);
	assert_int_equal(last()->hold, 1); // below the upper mark: open, without a number
	for (uint32_t i = 0; i < world.count; i++)
		assert_memory_equal(&world.out[i].source, &world.out[0].source, sizeof world.out[i].source);
}

static void it_holds_above_70_percent_of_the_mark_and_ends_30_s_below(void **state)
{
	(void)state;
	run(3, 0.96, 0, 6);
	uint32_t before = world.count;
	run(3, 0.7, 0, 20); // 0.665 is 70 % of the upper mark
	assert_int_equal(world.count, before + 20);
	run(3, 0.6, 0, 29);
	assert_int_equal(world.count, before + 20);
	run(3, 0.7, 0, 1);
	assert_int_equal(world.count, before + 21);
	run(3, 0.6, 0, 30);
	run(3, 0.7, 0, 5);
	assert_int_equal(world.count, before + 21);
}

static void a_silent_line_ends_too(void **state)
{
	(void)state;
	run(3, 0.96, 0, 6);
	uint32_t before = world.count;
	for (int i = 0; i < 40; i++)
		yagura_plugin.tick(world.self, world.second++);
	run(3, 0.7, 0, 3);
	assert_int_equal(world.count, before);
}

static void peaks_that_do_not_last_are_silent(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		run(3, 1.1, 1.1, 4);
		run(3, 0.5, 0.5, 1);
	}
	for (int i = 0; i < 30; i++) {
		run(3, 0.9, 0.9, 9);
		run(3, 0.84, 0.84, 1);
	}
	assert_int_equal(world.count, 0);
}

static void during_a_backup_only_the_upper_mark_counts(void **state)
{
	(void)state;
	world.planned = YG_PLAN_BACKUP;
	run(3, 0, 0.9, 60);
	assert_int_equal(world.count, 0);
	run(3, 0, 0.96, 5);
	assert_int_equal(world.count, 1);
	assert_int_equal(last()->severity, YG_SEV_HIGH);
}

static void a_medium_alert_ends_when_a_backup_begins(void **state)
{
	(void)state;
	run(3, 0, 0.9, 15);
	uint32_t before = world.count;
	world.planned = YG_PLAN_BACKUP;
	run(3, 0, 0.9, 60);
	assert_int_equal(world.count, before);
}

static void what_is_not_declared_is_not_judged(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++, world.second++) {
		struct yg_window w = body(3, 5, 5);
		w.line_bps = 0;
		yagura_plugin.window(world.self, &w);
		yagura_plugin.tick(world.self, world.second);
	}
	assert_int_equal(world.count, 0);
}

static void the_egress_counts_bytes_as_on_the_wire(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++, world.second++) {
		struct yg_window w = body(YG_ORG_NONE, 0, 0);
		w.scope = YG_SCOPE_LINK;
		w.now.packets[YG_VEC_UDP] = 1000;
		w.now.bytes[YG_VEC_UDP] = LINE * 96 / 100 / 8;
		yagura_plugin.window(world.self, &w);
		yagura_plugin.tick(world.self, world.second);
	}
	assert_int_equal(world.count, 1);
	assert_true(last()->observed == LINE * 0.96 && last()->org == YG_ORG_NONE);
	assert_non_null(strstr(last()->text_ja, "出口回線の下り方向"));
	assert_non_null(strstr(last()->text_en, "The egress line is close to full inward"));
}

static void lines_of_two_bodies_have_two_alerts(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++, world.second++) {
		for (uint16_t org = 3; org <= 4; org++) {
			struct yg_window w = body(org, 0.96, 0);
			yagura_plugin.window(world.self, &w);
		}
		yagura_plugin.tick(world.self, world.second);
	}
	assert_int_equal(world.count, 2);
	assert_int_equal(world.out[0].key_source, 1);
	assert_memory_not_equal(&world.out[0].source, &world.out[1].source, sizeof world.out[0].source);
	assert_non_null(strstr(world.out[1].text_en, "The access line is close to full"));
}

static void the_hosts_that_fill_it_are_named(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++, world.second++) {
		struct yg_window w = body(3, 1, 0);
		yagura_plugin.window(world.self, &w);
		for (uint8_t n = 1; n <= 8; n++) { // 2, 4, … 16 percent, and a host of somebody else
			struct yg_window h = body(n == 8 ? 4 : 3, 0.02 * n, 0);
			h.scope = YG_SCOPE_HOST;
			h.af = n % 2 ? 4 : 6;
			h.addr.b[15] = n;
			yagura_plugin.window(world.self, &h);
		}
		yagura_plugin.tick(world.self, world.second);
	}
	const struct yg_alert *a = last();
	assert_int_equal(a->top_count, YG_TOP_MAX);
	for (unsigned i = 0; i < YG_TOP_MAX; i++) {
		assert_int_equal(a->top[i].addr.b[15], 7 - i);
		assert_true(a->top[i].share > 0.0199f * (float)(7 - i) && a->top[i].share < 0.0201f * (float)(7 - i));
	}
	assert_int_equal(a->top[0].af, 4);
	assert_int_equal(a->top[1].af, 6);
}

static void a_gap_begins_anew(void **state)
{
	(void)state;
	run(3, 0.96, 0, 4);
	yagura_plugin.gap(world.self, 0, 1);
	run(3, 0.96, 0, 4);
	assert_int_equal(world.count, 0);
}

static void a_body_past_the_table_is_counted(void **state)
{
	(void)state;
	run(16, 1, 1, 20);
	assert_int_equal(world.count, 0);
	run(15, 1, 1, 5);
	assert_int_equal(world.count, 2);
	yagura_plugin.destroy(world.self);
	assert_non_null(strstr(world.log, "without a place 20"));
	world.self = yagura_plugin.create(&world.host, world.values);
	world.values[0].i = 1024;
	assert_true(yagura_plugin.memory_max(world.values) < 4 << 20);
}

static void random_windows_break_nothing(void **state)
{
	(void)state;
	srand(1);
	for (int s = 0; s < 2000; s++, world.second++) {
		world.count = 0;
		for (int i = 0; i < 20; i++) {
			struct yg_window r = body((uint16_t)(rand() % 20), rand() % 200 / 100.0, rand() % 200 / 100.0);
			r.scope = (uint8_t)(rand() % YG_SCOPE_COUNT);
			r.line_bps = (uint64_t)rand() % 3 * LINE;
			r.second -= rand() % 2;
			r.now.bytes_out = (uint64_t)rand() << (rand() % 32);
			yagura_plugin.window(world.self, &r);
		}
		yagura_plugin.tick(world.self, world.second);
		for (uint32_t i = 0; i < world.count; i++) {
			const struct yg_alert *a = &world.out[i];
			assert_true(a->hold || (a->text_ja[0] && a->text_en[0] && a->observed >= a->threshold && a->threshold > 0));
			assert_true(a->top_count <= YG_TOP_MAX && a->series_count <= YG_SERIES_MAX);
		}
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_line_at_85_percent_is_told_after_ten_seconds),
	    T(at_95_percent_five_seconds_do),
	    T(one_alert_rises_from_medium_to_high_and_does_not_fall),
	    T(it_holds_above_70_percent_of_the_mark_and_ends_30_s_below),
	    T(a_silent_line_ends_too),
	    T(peaks_that_do_not_last_are_silent),
	    T(during_a_backup_only_the_upper_mark_counts),
	    T(a_medium_alert_ends_when_a_backup_begins),
	    T(what_is_not_declared_is_not_judged),
	    T(the_egress_counts_bytes_as_on_the_wire),
	    T(lines_of_two_bodies_have_two_alerts),
	    T(the_hosts_that_fill_it_are_named),
	    T(a_gap_begins_anew),
	    T(a_body_past_the_table_is_counted),
	    T(random_windows_break_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
