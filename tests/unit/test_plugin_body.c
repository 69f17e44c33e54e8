// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The body detector through its own ABI: silence, and the habit.
#include "body_world.h"

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
	assert_non_null(strstr(a->text_ja, "8団体中5団体（汐見市、霧原町、"));
	assert_non_null(strstr(a->text_en, "5 of 8 bodies that should be heard fell silent together (Shiomi City, Kirihara Town, "));
	// Most come back; one does not.
	for (unsigned i = 1; i < 5; i++)
		w->rate[i] = 1;
	run(w, 10);
	uint32_t before = w->count;
	run(w, 40);
	assert_int_equal(w->count, before);
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
	assert_int_equal(a->window_s, 300);
	assert_int_equal(a->time_ns - a->first_ns, 600 * INT64_C(1000000000));
	assert_string_equal(a->vector, "up/kirihara");
	assert_true(a->observed > a->threshold && a->threshold >= 2 * a->baseline && a->baseline > 0);
	assert_non_null(strstr(a->text_ja, "霧原町の"));
	assert_non_null(strstr(a->text_en, "Far above the habit of this hour of the week: "));
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
	};
	return cmocka_run_group_tests(tests, learn, forget);
}
