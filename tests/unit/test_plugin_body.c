// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The body detector through its own ABI: seconds of traffic go in, alerts come out of host->raise(). Four weeks are learned once, saved, and
// restored by each test that needs them, so that every such test goes through the snapshot too.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yagura/plugin.h"

extern const struct yg_plugin yagura_plugin;

enum { TOWNS = 8, KEPT = 4096, DAY = 86400, SAVED = 4 << 20, OPTIONS = 4 };

// 2026-06-01 00:00 in Japan, a Monday.
static const int64_t monday = 1780239600;

struct world {
	void *self;
	union yg_value values[OPTIONS];
	struct yg_host host;
	struct yg_alert *out;
	uint32_t count;
	uint32_t planned[TOWNS]; // YG_PLAN_* of now
	bool sunday;             // a holiday
	int64_t second;
	double rate[TOWNS];      // of what is usual; 0: silent
	double knocking;         // packets a second that strangers go on sending to each
	bool link;               // others than the bodies speak
	float one_way;
	bool inward;             // the mirror shows only what goes to them
	char log[256];
};

static uint8_t *learned;
static uint32_t learned_size;
static int64_t learned_until;

static void on_raise(void *context, const struct yg_alert *alert)
{
	struct world *w = context;
	assert_true(w->count < KEPT);
	w->out[w->count++] = *alert;
}

static const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info towns[TOWNS] = {
		{.code = "shiomi", .name_ja = "汐見市", .name_en = "Shiomi City", .line_bps = 100000000, .parent = YG_ORG_NONE},
		{.code = "kirihara", .name_ja = "霧原町", .name_en = "Kirihara Town", .line_bps = 10000000, .parent = YG_ORG_NONE},
		{.code = "t2", .name_ja = "団体二", .name_en = "Body 2"}, {.code = "t3", .name_ja = "団体三", .name_en = "Body 3"},
		{.code = "t4", .name_ja = "団体四", .name_en = "Body 4"}, {.code = "t5", .name_ja = "団体五", .name_en = "Body 5"},
		{.code = "t6", .name_ja = "団体六", .name_en = "Body 6"}, {.code = "t7", .name_ja = "団体七", .name_en = "Body 7"},
	};
	(void)context;
	return index < TOWNS ? &towns[index] : NULL;
}

static void on_log(void *context, int level, const char *text)
{
	struct world *w = context;
	(void)level;
	snprintf(w->log, sizeof w->log, "%s", text);
}

static uint32_t on_planned(void *context, uint16_t org, int64_t second)
{
	const struct world *w = context;
	(void)second;
	return org < TOWNS ? w->planned[org] : 0;
}

static unsigned hour_of_week(int64_t second)
{
	return (unsigned)((second + 9 * 3600 + 4 * DAY) / 3600 % 168);
}

static unsigned on_week_hour(void *context, uint16_t org, int64_t second)
{
	const struct world *w = context;
	(void)org;
	return w->sunday ? hour_of_week(second) % 24 : hour_of_week(second);
}

static struct world *make_world(void)
{
	static const union yg_value values[OPTIONS] = {{.i = TOWNS}, {.f = 14 * DAY}, {.i = 1000000}, {.i = 200}};
	struct world *w = calloc(1, sizeof *w);
	memcpy(w->values, values, sizeof values);
	w->host = (struct yg_host){.size = sizeof w->host, .context = w, .raise = on_raise, .org = on_org, .log = on_log,
				   .planned = on_planned, .week_hour = on_week_hour};
	w->out = calloc(KEPT, sizeof *w->out);
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_non_null(w->self);
	w->second = monday;
	w->link = true;
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = i < 3 ? 1 : 0;
	return w;
}

static void end_world(struct world *w)
{
	yagura_plugin.destroy(w->self);
	free(w->out);
	free(w);
}

static int setup(void **state)
{
	*state = make_world();
	return 0;
}

static int setup_learned(void **state)
{
	struct world *w = make_world();
	assert_int_equal(yagura_plugin.restore(w->self, learned, learned_size), 0);
	w->second = learned_until;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	end_world(*state);
	return 0;
}

// ---- traffic ----

// Packets a second that a body sends: 40 in office hours, 10 at other times; and a little noise, the same in every run.
static double usual(int64_t second)
{
	unsigned hour = hour_of_week(second), day = hour / 24;
	bool office = day >= 1 && day <= 5 && hour % 24 >= 8 && hour % 24 < 18;
	uint64_t noise = (uint64_t)second * UINT64_C(0x9e3779b97f4a7c15) >> 60; // 0 to 15
	return (office ? 40 : 10) * (0.9 + (double)noise / 75);
}

static struct yg_window window_of(const struct world *w, uint8_t scope)
{
	return (struct yg_window){.second = w->second, .scope = scope, .af = 4, .org = YG_ORG_NONE, .one_way = w->one_way, .warm = 1};
}

static void send_body(struct world *w, uint16_t org, double scale)
{
	double packets = scale > 0 ? ceil(usual(w->second) * scale) : 0;
	struct yg_window window = window_of(w, YG_SCOPE_BODY);
	window.org = org;
	window.line_bps = on_org(w, org)->line_bps;
	window.now.packets_out = w->inward ? 0 : (uint32_t)packets;
	window.now.bytes_out = window.now.packets_out * 200u;
	window.now.packets[YG_VEC_DOWNLOAD] = (uint32_t)packets;
	window.now.bytes[YG_VEC_DOWNLOAD] = (uint64_t)packets * 1000;
	window.now.packets[YG_VEC_SYN] = (uint32_t)w->knocking;
	if (!window.now.packets_out && !window.now.packets[YG_VEC_DOWNLOAD] && !window.now.packets[YG_VEC_SYN])
		return;
	yagura_plugin.window(w->self, &window);
	for (uint8_t i = 0; packets > 0 && i < 3; i++) {
		struct yg_window host = window;
		host.scope = YG_SCOPE_HOST;
		host.addr = (struct yg_addr){{192, 0, (uint8_t)org, (uint8_t)(i + 1)}};
		host.now.bytes_out = window.now.bytes_out * (3u - i) / 6;
		host.now.bytes[YG_VEC_DOWNLOAD] = window.now.bytes[YG_VEC_DOWNLOAD] * (3u - i) / 6;
		yagura_plugin.window(w->self, &host);
	}
}

static void run(struct world *w, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++, w->second++) {
		struct yg_window link = window_of(w, YG_SCOPE_LINK);
		bool any = w->link;
		for (uint16_t org = 0; org < TOWNS; org++) {
			any = any || w->rate[org] > 0 || w->knocking > 0;
			send_body(w, org, w->rate[org]);
		}
		link.now.packets[YG_VEC_UDP] = 100;
		if (any)
			yagura_plugin.window(w->self, &link);
		yagura_plugin.tick(w->self, w->second);
	}
}

static int learn(void **state)
{
	(void)state;
	struct world *w = make_world();
	run(w, 28 * DAY + 10 * 3600); // to a Monday, 10:00
	assert_int_equal(w->count, 0);
	learned = malloc(SAVED);
	learned_size = yagura_plugin.save(w->self, learned, SAVED);
	assert_true(learned_size > 0);
	learned_until = w->second;
	end_world(w);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	free(learned);
	return 0;
}

// Alerts of a kind about a body (YG_ORG_NONE: about none); the first of them in ret_first.
static unsigned told(const struct world *w, const char *kind, uint16_t org, const struct yg_alert **ret_first)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		if (strcmp(w->out[i].kind, kind) != 0 || w->out[i].org != org)
			continue;
		if (!count++ && ret_first)
			*ret_first = &w->out[i];
	}
	return count;
}

static void assert_explained(const struct yg_alert *a)
{
	assert_true(a->text_ja[0] && a->text_en[0] && a->unit[0] && a->window_s && a->series_count && a->series_step_s && a->top_count);
	assert_true(strlen(a->text_ja) < YG_TEXT_MAX - 80 && strlen(a->text_en) < YG_TEXT_MAX - 80); // room for what the host adds
	assert_true(a->confidence > 0 && a->confidence <= 1 && a->threshold > 0);
	assert_true(a->series_high >= a->series_low && a->series_high > 0);
	for (unsigned i = 0; i < a->top_count; i++)
		assert_true(a->top[i].share > 0 && a->top[i].share <= 1 && (!i || a->top[i].share <= a->top[i - 1].share + 1e-6f));
}

// ---- dark ----

static void a_body_is_dark_within_a_minute_while_strangers_knock(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	run(w, 600);
	w->knocking = 2;
	run(w, 120);
	int64_t onset = w->second;
	w->rate[0] = 0;
	run(w, 59);
	assert_int_equal(w->count, 0);
	run(w, 1);
	assert_int_equal(told(w, "org.dark", 0, &a), 1);
	assert_int_equal(w->count, 1);
	assert_explained(a);
	assert_int_equal(a->time_ns, (onset + 60) * 1000000000);
	assert_int_equal(a->first_ns, onset * 1000000000);
	assert_string_equal(a->vector, "shiomi");
	assert_int_equal(a->severity, YG_SEV_HIGH);
	assert_int_equal(a->learning, YG_LEARN_FLOOR);
	assert_true(a->confidence == 0.5f && a->observed == 0 && a->window_s == 60 && a->baseline >= 200);
	assert_non_null(strstr(a->text_ja, "直近12分間の実績"));
	assert_non_null(strstr(a->text_en, "Shiomi City has gone dark: nothing came from it for 60 s"));
	run(w, 60);
	assert_in_range(w->count, 12, 14); // every five seconds: the host keeps it one alert
	w->rate[0] = 1;
	run(w, 3);
	uint32_t before = w->count;
	run(w, 600);
	assert_int_equal(w->count, before);
}

static void single_packets_do_not_end_a_darkness(void **state)
{
	struct world *w = *state;
	run(w, 600);
	w->rate[0] = 0;
	run(w, 90);
	assert_true(w->count > 0);
	for (unsigned i = 0; i < 10; i++) {
		uint32_t before = w->count;
		w->rate[0] = 0.001; // one packet
		run(w, 1);
		w->rate[0] = 0;
		run(w, 30);
		assert_true(w->count > before);
	}
}

static void the_window_grows_with_the_quiet_of_a_body(void **state)
{
	struct world *w = *state;
	w->rate[1] = 0;
	run(w, 1800);
	// One packet every two seconds: 200 take 400 s.
	for (unsigned i = 0; i < 1800; i++) {
		w->rate[1] = i % 2 ? 0.001 : 0;
		run(w, 1);
	}
	w->rate[1] = 0;
	run(w, 380);
	assert_int_equal(w->count, 0);
	run(w, 40);
	assert_int_equal(told(w, "org.dark", 1, NULL) > 0, 1);
	assert_int_equal(told(w, "org.dark", 0, NULL), 0);
}

static void who_hardly_speaks_is_never_dark(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 3600; i++) {
		w->rate[1] = i % 10 ? 0 : 0.001; // 180 packets in half an hour
		run(w, 1);
	}
	w->rate[1] = 0;
	run(w, 3600);
	assert_int_equal(w->count, 0);
}

static void the_first_minutes_judge_nobody(void **state)
{
	struct world *w = *state;
	run(w, 240);
	w->rate[0] = 0;
	run(w, 600);
	assert_int_equal(w->count, 0);
}

static void planned_work_is_no_darkness(void **state)
{
	struct world *w = *state;
	run(w, 600);
	w->planned[0] = YG_PLAN_WORK;
	w->rate[0] = 0;
	run(w, 1800);
	assert_int_equal(w->count, 0);
	w->planned[0] = 0; // it is over, and nothing came back
	run(w, 1);
	assert_int_equal(told(w, "org.dark", 0, NULL), 1);
	w->planned[0] = YG_PLAN_WORK; // entered late
	run(w, 60);
	assert_int_equal(w->count, 1);
}

static void a_mirror_of_one_direction_is_judged_by_what_it_shows(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	w->inward = true;
	w->one_way = 1;
	run(w, 600);
	w->rate[2] = 0;
	run(w, 61);
	assert_true(told(w, "org.dark", 2, &a) > 0);
	assert_true(a->confidence < 0.36f && a->confidence > 0.34f);
	assert_non_null(strstr(a->text_en, "nothing went to it"));
	assert_explained(a);
}

static void bodies_that_fall_silent_together_are_one_alert_about_the_mirror(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = 1;
	run(w, 900);
	for (unsigned i = 0; i < 5; i++)
		w->rate[i] = 0;
	run(w, 59);
	assert_int_equal(w->count, 0);
	run(w, 61);
	assert_true(told(w, "sensor.mirror", YG_ORG_NONE, &a) > 0);
	for (uint16_t i = 0; i < TOWNS; i++)
		assert_int_equal(told(w, "org.dark", i, NULL), 0);
	assert_explained(a);
	assert_string_equal(a->vector, "bodies_dark");
	assert_true(a->observed == 5 && a->threshold == 4);
	assert_non_null(strstr(a->text_ja, "8団体のうち5団体（汐見市、霧原町、"));
	assert_non_null(strstr(a->text_en, "5 of 8 bodies that should be heard fell silent together (Shiomi City, Kirihara Town, "));
	// Most come back; one does not.
	for (unsigned i = 1; i < 5; i++)
		w->rate[i] = 1;
	run(w, 10);
	uint32_t before = w->count;
	run(w, 30);
	assert_true(w->count > before);
	for (uint32_t i = before; i < w->count; i++)
		assert_true(strcmp(w->out[i].kind, "org.dark") == 0 && w->out[i].org == 0);
}

static void two_of_eight_are_two_alerts(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = 1;
	run(w, 600);
	w->rate[3] = w->rate[4] = 0;
	run(w, 90);
	assert_true(told(w, "org.dark", 3, NULL) && told(w, "org.dark", 4, NULL));
	assert_int_equal(told(w, "sensor.mirror", YG_ORG_NONE, NULL), 0);
}

static void a_link_without_a_packet_is_told_when_it_speaks_again(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	run(w, 900);
	w->link = false;
	w->rate[0] = w->rate[1] = w->rate[2] = 0;
	run(w, 120); // the end of a capture looks like this
	assert_int_equal(w->count, 0);
	w->link = true;
	w->rate[0] = w->rate[1] = w->rate[2] = 1;
	run(w, 60);
	assert_int_equal(w->count, 1);
	assert_int_equal(told(w, "sensor.mirror", YG_ORG_NONE, &a), 1);
	assert_string_equal(a->vector, "all_dark");
	assert_int_equal(a->window_s, 120);
	assert_explained(a);
}

// ---- the habit ----

static void far_above_the_habit_for_ten_minutes_is_told(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	run(w, 600);
	assert_int_equal(w->count, 0);
	w->rate[1] = 8;
	run(w, 300);
	assert_int_equal(w->count, 0);
	run(w, 300);
	assert_int_equal(told(w, "org.baseline", 1, &a), 1);
	assert_explained(a);
	assert_int_equal(a->severity, YG_SEV_MEDIUM);
	assert_int_equal(a->learning, YG_LEARN_FULL);
	assert_int_equal(a->window_s, 600);
	assert_string_equal(a->vector, "up/kirihara");
	assert_true(a->observed > a->threshold && a->threshold >= 2 * a->baseline && a->baseline > 0);
	assert_non_null(strstr(a->text_ja, "霧原町の"));
	assert_non_null(strstr(a->text_en, "Far above habit:"));
	run(w, 900);
	assert_int_equal(w->count, 4); // each five minutes
	w->rate[1] = 1;
	run(w, 900);
	assert_int_equal(w->count, 4);
}

static void twice_the_habit_is_no_news(void **state)
{
	struct world *w = *state;
	w->rate[0] = w->rate[1] = 1.9;
	run(w, 3600);
	assert_int_equal(w->count, 0);
}

static void far_below_the_habit_for_five_minutes_is_told(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	w->rate[2] = 0.1; // not silent
	run(w, 600);
	// Its line is not declared and its usual traffic is below half the floor: no news.
	assert_int_equal(w->count, 0);
	end_world(w);
	w = make_world();
	*state = w;
	w->values[2].i = 100000;
	yagura_plugin.destroy(w->self);
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_int_equal(yagura_plugin.restore(w->self, learned, learned_size), 0);
	w->second = learned_until;
	run(w, 600);
	w->rate[2] = 0.1;
	run(w, 300);
	assert_int_equal(told(w, "org.baseline", 2, &a), 1);
	assert_explained(a);
	assert_string_equal(a->vector, "down/t2");
	assert_true(a->observed < a->threshold);
	w->planned[2] = YG_PLAN_WORK;
	run(w, 600);
	assert_int_equal(w->count, 1);
}

static void what_is_planned_is_no_news(void **state)
{
	struct world *w = *state;
	w->planned[1] = YG_PLAN_SURGE;
	w->rate[1] = 8;
	run(w, 1800);
	w->planned[1] = YG_PLAN_BACKUP;
	run(w, 1800);
	assert_int_equal(w->count, 0);
	w->planned[1] = 0;
	run(w, 600);
	assert_int_equal(told(w, "org.baseline", 1, NULL), 1);
}

// On a holiday the offices are empty, as on a Sunday: neither is far from the habit.
static void a_holiday_is_held_against_sundays(void **state)
{
	struct world *w = *state;
	yagura_plugin.destroy(w->self);
	w->values[2].i = 10000;
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_int_equal(yagura_plugin.restore(w->self, learned, learned_size), 0);
	w->sunday = true;
	for (unsigned i = 0; i < 3; i++)
		w->rate[i] = 0.25;
	run(w, 7200);
	assert_int_equal(w->count, 0);
	w->rate[2] = 1; // a Monday's traffic, on a holiday
	run(w, 900);
	assert_true(told(w, "org.baseline", 2, NULL) > 0);
	assert_int_equal(w->count, told(w, "org.baseline", 2, NULL));
}

static void nothing_is_held_against_a_habit_of_less_than_two_weeks(void **state)
{
	struct world *w = *state;
	run(w, 13 * DAY);
	w->rate[0] = w->rate[1] = 20;
	run(w, 3600);
	assert_int_equal(w->count, 0);
}

static void the_habit_serves_at_once_after_a_restart(void **state)
{
	struct world *w = *state;
	const struct yg_alert *a = NULL;
	run(w, 10);
	w->rate[0] = 0;
	run(w, 60);
	assert_true(told(w, "org.dark", 0, &a) > 0);
	assert_int_equal(a->learning, YG_LEARN_FULL);
	assert_true(a->confidence > 0.9f);
	assert_non_null(strstr(a->text_ja, "同じ曜日・時間帯の中央値"));
}

// ---- snapshots ----

static void what_is_open_goes_on_after_a_restart(void **state)
{
	struct world *w = *state, *next = make_world();
	uint8_t *saved = malloc(SAVED);
	run(w, 600);
	w->rate[0] = 0;
	run(w, 90);
	uint32_t size = yagura_plugin.save(w->self, saved, SAVED);
	assert_int_equal(yagura_plugin.restore(next->self, saved, size), 0);
	next->second = w->second + 5;
	next->rate[0] = 0;
	run(next, 6);
	const struct yg_alert *a = NULL;
	assert_true(told(next, "org.dark", 0, &a) > 0);
	assert_int_equal(next->count, told(next, "org.dark", 0, NULL));
	assert_true(a->window_s >= 90);
	free(saved);
	end_world(next);
}

static void a_mirror_alert_goes_on_after_a_restart(void **state)
{
	struct world *w = *state, *next = make_world();
	uint8_t *saved = malloc(SAVED);
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = 1;
	run(w, 600);
	for (unsigned i = 0; i < 6; i++)
		w->rate[i] = next->rate[i] = 0;
	run(w, 90);
	assert_true(told(w, "sensor.mirror", YG_ORG_NONE, NULL) > 0);
	uint32_t size = yagura_plugin.save(w->self, saved, SAVED);
	assert_int_equal(yagura_plugin.restore(next->self, saved, size), 0);
	next->second = w->second + 5;
	next->rate[6] = next->rate[7] = 1;
	run(next, 30);
	assert_true(next->count > 0);
	assert_int_equal(told(next, "sensor.mirror", YG_ORG_NONE, NULL), next->count);
	free(saved);
	end_world(next);
}

static void a_snapshot_is_the_same_when_it_is_saved_again(void **state)
{
	struct world *w = *state;
	uint8_t *again = malloc(SAVED);
	assert_int_equal(yagura_plugin.save(w->self, again, SAVED), learned_size);
	assert_memory_equal(again, learned, learned_size);
	free(again);
}

static void a_small_room_keeps_the_newest_weeks(void **state)
{
	struct world *w = *state;
	uint8_t *part = malloc(SAVED);
	uint32_t last = learned_size;
	for (uint32_t room = learned_size - 1; room > 1000; room = room * 3 / 4) {
		uint32_t size = yagura_plugin.save(w->self, part, room);
		assert_true(size > 0 && size <= room && size <= last);
		struct world *next = make_world();
		assert_int_equal(yagura_plugin.restore(next->self, part, size), 0);
		end_world(next);
		last = size;
	}
	assert_int_equal(yagura_plugin.save(w->self, part, 20), 0);
	free(part);
}

static void hostile_snapshots_change_nothing(void **state)
{
	struct world *w = *state;
	uint8_t *bytes = malloc(learned_size + 1);
	uint64_t random = 88172645463325252u;
	unsigned refused = 0;
	memset(bytes, 0, learned_size + 1);
	for (uint32_t cut = 0; cut < learned_size; cut += 1 + learned_size / 500) {
		memcpy(bytes, learned, learned_size);
		assert_int_equal(yagura_plugin.restore(w->self, bytes, cut), -1);
	}
	assert_int_equal(yagura_plugin.restore(w->self, bytes, learned_size + 1), -1);
	for (unsigned i = 0; i < 2000; i++) {
		memcpy(bytes, learned, learned_size);
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			uint32_t at = (uint32_t)(random >> 32) % (i % 2 ? 200 : learned_size);
			bytes[at] = (uint8_t)random;
		}
		struct world *next = make_world();
		refused += yagura_plugin.restore(next->self, bytes, learned_size) != 0;
		next->second = learned_until;
		run(next, i % 10 ? 1 : 301);
		end_world(next);
	}
	assert_true(refused > 500);
	uint32_t size = yagura_plugin.save(w->self, bytes, learned_size);
	assert_int_equal(size, 0); // it had learned nothing, and was told nothing
	free(bytes);
}

// ---- limits ----

static void a_body_too_many_is_counted_and_left_out(void **state)
{
	struct world *w = *state;
	yagura_plugin.destroy(w->self);
	w->values[0].i = 2;
	w->self = yagura_plugin.create(&w->host, w->values);
	run(w, 600);
	w->rate[2] = 0; // the third
	run(w, 120);
	assert_int_equal(w->count, 0);
	w->rate[0] = 0;
	run(w, 120);
	assert_true(told(w, "org.dark", 0, NULL) > 0);
	yagura_plugin.destroy(w->self);
	assert_non_null(strstr(w->log, "windows of bodies without a place 600"));
	w->self = yagura_plugin.create(&w->host, w->values);
}

static void bodies_of_impossible_numbers_are_left_out(void **state)
{
	struct world *w = *state;
	struct yg_window window = window_of(w, YG_SCOPE_BODY);
	for (unsigned org = 1020; org < 65536; org += 1000) {
		window.org = (uint16_t)org;
		yagura_plugin.window(w->self, &window);
		window.scope = YG_SCOPE_HOST;
		yagura_plugin.window(w->self, &window);
		window.scope = YG_SCOPE_BODY;
	}
	run(w, 600);
	assert_int_equal(w->count, 0);
}

static void a_gap_in_time_begins_anew(void **state)
{
	struct world *w = *state;
	run(w, 900);
	w->rate[0] = 0;
	run(w, 50);
	yagura_plugin.gap(w->self, w->second * 1000000000, (w->second + 1000) * 1000000000);
	w->second += 1000;
	run(w, 240);
	assert_int_equal(w->count, 0);
}

static void a_sensor_without_calendars_is_refused(void **state)
{
	struct world *w = *state;
	struct yg_host older = w->host;
	older.size = offsetof(struct yg_host, ask);
	older.planned = NULL;
	assert_null(yagura_plugin.create(&older, w->values));
	assert_non_null(strstr(w->log, "ABI 1.1"));
}

static void memory_is_what_is_stated(void **state)
{
	(void)state;
	union yg_value values[OPTIONS] = {{.i = 300}};
	uint64_t bytes = yagura_plugin.memory_max(values);
	print_message("300 bodies: %.1f MiB\n", (double)bytes / (1 << 20));
	assert_true(bytes < 20u << 20);
}

int main(void)
{
#define FRESH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define LEARNED(name) cmocka_unit_test_setup_teardown(name, setup_learned, teardown)
	const struct CMUnitTest tests[] = {
		FRESH(a_body_is_dark_within_a_minute_while_strangers_knock),
		FRESH(single_packets_do_not_end_a_darkness),
		FRESH(the_window_grows_with_the_quiet_of_a_body),
		FRESH(who_hardly_speaks_is_never_dark),
		FRESH(the_first_minutes_judge_nobody),
		FRESH(planned_work_is_no_darkness),
		FRESH(a_mirror_of_one_direction_is_judged_by_what_it_shows),
		FRESH(bodies_that_fall_silent_together_are_one_alert_about_the_mirror),
		FRESH(two_of_eight_are_two_alerts),
		FRESH(a_link_without_a_packet_is_told_when_it_speaks_again),
		LEARNED(far_above_the_habit_for_ten_minutes_is_told),
		LEARNED(twice_the_habit_is_no_news),
		LEARNED(far_below_the_habit_for_five_minutes_is_told),
		LEARNED(what_is_planned_is_no_news),
		LEARNED(a_holiday_is_held_against_sundays),
		FRESH(nothing_is_held_against_a_habit_of_less_than_two_weeks),
		LEARNED(the_habit_serves_at_once_after_a_restart),
		FRESH(what_is_open_goes_on_after_a_restart),
		FRESH(a_mirror_alert_goes_on_after_a_restart),
		LEARNED(a_snapshot_is_the_same_when_it_is_saved_again),
		LEARNED(a_small_room_keeps_the_newest_weeks),
		FRESH(hostile_snapshots_change_nothing),
		FRESH(a_body_too_many_is_counted_and_left_out),
		FRESH(bodies_of_impossible_numbers_are_left_out),
		FRESH(a_gap_in_time_begins_anew),
		FRESH(a_sensor_without_calendars_is_refused),
		FRESH(memory_is_what_is_stated),
	};
	return cmocka_run_group_tests(tests, learn, forget);
}
