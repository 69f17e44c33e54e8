// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert asks of people: which suppression fits which alert and for how long, that each distinct alert counts once a life, which
// rule gives the mode, how long a detector is in shadow and that a restart does not begin it anew. Rules and bodies are made by hand.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lifecycle.h"
#include "engine/policy.h"
#include "hand_config.h"

enum { START = 1800000000, DAY = 86400 };

static struct {
	struct hand_config hand;
	struct yg_engine_stats *stats;
	struct yg_policy *policy;
	struct yg_suppression rules[YG_SUPPRESSIONS_COUNTED];
	struct yg_mode_rule modes[8];
	struct yg_config_plugin plugins[2];
} f;

static void open_policy(bool live)
{
	const struct yg_policy_options o = {&f.hand.config, f.stats, live, {1, 2}};
	f.policy = yg_policy_create(&o);
	assert_non_null(f.policy);
}

static int start(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.stats = calloc(1, sizeof *f.stats);
	hand_config_init(&f.hand);
	f.hand.values[YG_O_ALERTS_SHADOW_DAYS] = 14;
	snprintf(f.plugins[0].name, sizeof f.plugins[0].name, "dos");
	snprintf(f.plugins[1].name, sizeof f.plugins[1].name, "scan");
	f.plugins[0].enabled = f.plugins[1].enabled = 1;
	f.hand.config.plugins = f.plugins;
	f.hand.config.plugins_count = 2;
	f.hand.config.suppressions = f.rules;
	f.hand.config.modes = f.modes;
	open_policy(false);
	return f.stats ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	yg_policy_destroy(f.policy);
	free(f.stats);
	return 0;
}

// A suppression of everything about 10.1.2.0/24 from START for a day; the caller narrows it.
static struct yg_suppression *hide(const char *id)
{
	struct yg_suppression *s = &f.rules[f.hand.config.suppressions_count++];
	*s = (struct yg_suppression){.kind = "*", .org = YG_ORG_NONE, .target = {{10, 1, 2}}, .target_af = 4, .target_len = 24,
				     .since_s = START, .expires_s = START + DAY};
	snprintf(s->id, sizeof s->id, "%s", id);
	snprintf(s->owner, sizeof s->owner, "o");
	snprintf(s->reason, sizeof s->reason, "r");
	yg_policy_retune(f.policy, &f.hand.config);
	return s;
}

static struct yg_alert attack(void)
{
	return (struct yg_alert){.kind = "dos.syn_flood", .af = 4, .target = {{10, 1, 2, 9}}, .target_len = 32, .target_port = 443, .proto = 6,
				 .source_af = 4, .source = {{192, 0, 2, 7}}, .org = HAND_BOARD, .severity = YG_SEV_HIGH, .confidence = 0.9f};
}

static bool fresh; // of the last judgement

static enum yg_policy_verdict judge(const struct yg_alert *a, int64_t second)
{
	return yg_policy_judge(f.policy, "dos", a, yg_time_from_s(second), &fresh);
}

static uint64_t hits(unsigned i)
{
	return yg_counter_get(&f.stats->suppression[i].hits);
}

#define hidden(alert) assert_int_equal(judge(&(alert), START), YG_POLICY_SUPPRESSED)
#define told(alert) assert_int_equal(judge(&(alert), START), YG_POLICY_TELL)

static void whatever_a_suppression_names_must_fit(void **state)
{
	(void)state;
	struct yg_suppression *s = hide("all");
	snprintf(s->kind, sizeof s->kind, "dos.*");
	s->org = HAND_CITY;
	s->source_af = 4;
	s->source = (struct yg_addr){{192, 0, 2}};
	s->source_len = 24;
	s->port = 443;
	struct yg_alert a = attack();
	hidden(a); // of the board, which lies below the city
	a.kind[0] = 'x';
	told(a);
	a = attack();
	a.target.b[2] = 3;
	told(a);
	a = attack();
	a.target_len = 16; // a prefix that is more than what is named
	told(a);
	a = attack();
	a.af = 6;
	told(a);
	a = attack();
	a.source_af = 0; // forged or many
	told(a);
	a = attack();
	a.source.b[1] = 1;
	told(a);
	a = attack();
	a.target_port = 80;
	told(a);
	a = attack();
	a.org = YG_ORG_NONE;
	told(a);
	assert_int_equal(hits(0), 1);
}

static void a_body_is_not_hidden_by_one_below_it(void **state)
{
	(void)state;
	hide("board")->org = HAND_BOARD;
	struct yg_alert a = attack();
	hidden(a);
	a.org = HAND_CITY;
	told(a);
}

static void each_alert_counts_once_a_life(void **state)
{
	(void)state;
	hide("one");
	struct yg_alert a = attack(), b = attack();
	b.target.b[3] = 10;
	for (int64_t s = START; s < START + 100; s++) {
		assert_int_equal(judge(&a, s), YG_POLICY_SUPPRESSED);
		assert_int_equal(fresh, s == START);
		assert_int_equal(judge(&b, s), YG_POLICY_SUPPRESSED);
		yg_policy_second(f.policy, s);
	}
	assert_int_equal(hits(0), 2);
	// Held, it goes on; then it clears, and what comes back is another one.
	a.hold = 1;
	for (int64_t s = START + 100; s < START + 150; s++) {
		judge(&a, s);
		yg_policy_second(f.policy, s);
	}
	a.hold = 0;
	judge(&a, START + 150 + YG_LIFECYCLE_CLEAR_S - 2);
	assert_int_equal(hits(0), 2);
	yg_policy_second(f.policy, START + 1000);
	judge(&a, START + 1001);
	assert_true(fresh);
	assert_int_equal(hits(0), 3);
	// Without a second between, its time to clear is its own.
	a.clear_after_s = 5;
	judge(&a, START + 1002);
	judge(&a, START + 1006);
	assert_int_equal(hits(0), 3);
	judge(&a, START + 1011);
	assert_int_equal(hits(0), 4);
}

static void what_is_still_raised_when_it_expires_is_told(void **state)
{
	(void)state;
	hide("day");
	struct yg_suppression *later = hide("later");
	later->since_s = START + 3 * DAY;
	later->expires_s = START + 4 * DAY;
	yg_policy_retune(f.policy, &f.hand.config);
	struct yg_alert a = attack();
	assert_int_equal(judge(&a, START - 1), YG_POLICY_TELL);
	assert_int_equal(judge(&a, START), YG_POLICY_SUPPRESSED);
	assert_int_equal(judge(&a, START + DAY - 1), YG_POLICY_SUPPRESSED);
	assert_int_equal(judge(&a, START + DAY), YG_POLICY_TELL);
	assert_int_equal(judge(&a, START + 3 * DAY), YG_POLICY_SUPPRESSED);
	assert_int_equal(judge(&a, START + 2 * DAY), YG_POLICY_TELL); // a clock that was set back
	assert_int_equal(judge(&a, START + 4 * DAY), YG_POLICY_TELL);
	assert_int_equal(hits(0), 2); // its second life began where its time to clear had passed
	assert_int_equal(hits(1), 1);
}

// Counted in 16,384 places; beyond them an alert is suppressed, and counted as such alone.
static void more_lives_than_there_are_places_are_suppressed_and_counted_apart(void **state)
{
	(void)state;
	enum { MORE = 1000 };
	hide("storm")->target_len = 8;
	struct yg_alert a = attack();
	a.target.b[0] = 10;
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < YG_POLICY_LIVES + MORE; i++) {
			a.target.b[2] = (uint8_t)(i >> 8);
			a.target.b[3] = (uint8_t)i;
			assert_int_equal(judge(&a, START), YG_POLICY_SUPPRESSED);
		}
	assert_int_equal(hits(0), YG_POLICY_LIVES);
	assert_int_equal(yg_counter_get(&f.stats->aggregator[YG_AC_SUPPRESSION_LIVES_FULL]), 2 * MORE);
	yg_policy_second(f.policy, START + YG_LIFECYCLE_CLEAR_S);
	judge(&a, START + YG_LIFECYCLE_CLEAR_S);
	assert_true(fresh); // their places are free again
}

// The first of 4,096 by id counts; a reload in which ids move keeps each one's counter, and ids beyond the room share one.
static void counters_follow_their_ids_over_reloads(void **state)
{
	(void)state;
	char id[32];
	for (int i = 0; i < YG_SUPPRESSIONS_COUNTED; i++) {
		struct yg_suppression *s = &f.rules[i];
		snprintf(id, sizeof id, "s%05d", i);
		*s = (struct yg_suppression){.kind = "*", .org = YG_ORG_NONE, .port = (uint16_t)(i + 1), .since_s = START, .expires_s = START + DAY};
		memcpy(s->id, id, sizeof s->id);
	}
	f.hand.config.suppressions_count = YG_SUPPRESSIONS_COUNTED;
	yg_policy_retune(f.policy, &f.hand.config);
	struct yg_alert a = attack();
	a.target_port = 4096;
	hidden(a);
	assert_string_equal(f.stats->suppression[4095].id, "s04095");
	assert_int_equal(hits(4095), 1);
	// Reversed, and one of them is another one.
	for (int i = 0; i < YG_SUPPRESSIONS_COUNTED / 2; i++) {
		struct yg_suppression swapped = f.rules[i];
		f.rules[i] = f.rules[YG_SUPPRESSIONS_COUNTED - 1 - i];
		f.rules[YG_SUPPRESSIONS_COUNTED - 1 - i] = swapped;
	}
	snprintf(f.rules[7].id, sizeof f.rules[7].id, "new");
	yg_policy_retune(f.policy, &f.hand.config);
	a.target.b[3] = 77;
	hidden(a);
	assert_int_equal(hits(4095), 2);
	a.target_port = f.rules[7].port;
	hidden(a);
	assert_string_equal(f.stats->suppression[YG_SUPPRESSIONS_COUNTED].id, "(others)");
	assert_int_equal(hits(YG_SUPPRESSIONS_COUNTED), 1);
}

// ---- modes ----

static void filled(struct yg_alert a, uint8_t mode, unsigned sla)
{
	a.mode = YG_MODE_ALERT; // as the lifecycle leaves it
	yg_policy_fill(f.policy, &a);
	assert_int_equal(a.mode, mode);
	assert_int_equal(a.sla_minutes, sla);
}

static void severity_and_confidence_give_the_mode_where_no_rule_does(void **state)
{
	(void)state;
	static const struct { uint8_t severity; float confidence; uint8_t mode; unsigned sla; } cases[] = {
		{YG_SEV_CRITICAL, 1, YG_MODE_PAGE, 15},  {YG_SEV_CRITICAL, 0.1f, YG_MODE_PAGE, 15}, {YG_SEV_HIGH, 0.5f, YG_MODE_PAGE, 15},
		{YG_SEV_HIGH, 0.49f, YG_MODE_ALERT, 60}, {YG_SEV_MEDIUM, 1, YG_MODE_ALERT, 60},     {YG_SEV_LOW, 1, YG_MODE_DIGEST, 0},
		{YG_SEV_INFO, 1, YG_MODE_DIGEST, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct yg_alert a = attack();
		a.severity = cases[i].severity;
		a.confidence = cases[i].confidence;
		filled(a, cases[i].mode, cases[i].sla);
	}
}

static void the_narrowest_rule_of_the_nearest_body_holds(void **state)
{
	(void)state;
	static const struct yg_mode_rule rules[] = { // in the order of the block
		{.kind = "dos.syn_flood", .org = HAND_CITY, .mode = YG_MODE_DIGEST}, {.kind = "dos.*", .org = HAND_CITY, .mode = YG_MODE_PAGE},
		{.kind = "dos.*", .org = HAND_BOARD, .mode = YG_MODE_ALERT},         {.kind = "scan.port", .org = YG_ORG_NONE, .mode = YG_MODE_PAGE},
		{.kind = "*", .org = YG_ORG_NONE, .mode = YG_MODE_DIGEST}};
	memcpy(f.modes, rules, sizeof rules);
	f.hand.config.modes_count = sizeof rules / sizeof *rules;
	struct yg_alert a = attack();
	filled(a, YG_MODE_ALERT, 60); // the board's group goes before the city's own kind
	a.org = HAND_CITY;
	filled(a, YG_MODE_DIGEST, 0);
	snprintf(a.kind, sizeof a.kind, "dos.volume");
	filled(a, YG_MODE_PAGE, 15);
	a.org = HAND_BOARD;
	snprintf(a.kind, sizeof a.kind, "scan.port");
	filled(a, YG_MODE_PAGE, 15); // of all
	snprintf(a.kind, sizeof a.kind, "beacon");
	filled(a, YG_MODE_DIGEST, 0);
	a.org = YG_ORG_NONE;
	filled(a, YG_MODE_DIGEST, 0);
}

static void a_rule_may_put_a_kind_into_shadow_in_a_replay_too(void **state)
{
	(void)state;
	f.modes[0] = (struct yg_mode_rule){.kind = "dos.*", .org = HAND_BOARD, .mode = YG_MODE_SHADOW};
	f.hand.config.modes_count = 1;
	struct yg_alert a = attack();
	assert_int_equal(judge(&a, START), YG_POLICY_SHADOW);
	a.org = HAND_CITY;
	told(a);
	a.mode = YG_MODE_SHADOW; // what the lifecycle has as shadow stays it
	yg_policy_fill(f.policy, &a);
	assert_int_equal(a.mode, YG_MODE_SHADOW);
	assert_int_equal(a.sla_minutes, 0);
}

// ---- shadow ----

static void reopen(bool live)
{
	yg_policy_destroy(f.policy);
	open_policy(live);
}

static void a_detector_is_in_shadow_for_its_days_with_each_body(void **state)
{
	(void)state;
	struct yg_alert a = attack();
	told(a); // a replay
	reopen(true);
	assert_int_equal(judge(&a, START), YG_POLICY_SHADOW); // before the first second is over, too
	yg_policy_second(f.policy, START);
	assert_int_equal(judge(&a, START + 14 * DAY - 1), YG_POLICY_SHADOW);
	assert_int_equal(judge(&a, START + 14 * DAY), YG_POLICY_TELL);
	// A detector that a reload enables later has days of its own.
	f.plugins[1].enabled = 0;
	reopen(true);
	yg_policy_second(f.policy, START);
	f.plugins[1].enabled = 1;
	yg_policy_retune(f.policy, &f.hand.config);
	yg_policy_second(f.policy, START + 10 * DAY);
	assert_int_equal(judge(&a, START + 15 * DAY), YG_POLICY_TELL);
	bool new;
	assert_int_equal(yg_policy_judge(f.policy, "scan", &a, yg_time_from_s(START + 15 * DAY), &new), YG_POLICY_SHADOW);
	assert_int_equal(yg_policy_judge(f.policy, "scan", &a, yg_time_from_s(START + 24 * DAY), &new), YG_POLICY_TELL);
	f.hand.values[YG_O_ALERTS_SHADOW_DAYS] = 0;
	assert_int_equal(yg_policy_judge(f.policy, "scan", &a, yg_time_from_s(START + 15 * DAY), &new), YG_POLICY_TELL);
}

static void what_rests_on_no_habit_has_no_shadow(void **state)
{
	(void)state;
	static const char *const kinds[] = {"zone.mynumber", "link.saturation", "sensor.silent", "sensor.mirror"};
	reopen(true);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct yg_alert a = attack();
		snprintf(a.kind, sizeof a.kind, "%s", kinds[i]);
		assert_int_equal(judge(&a, START), YG_POLICY_TELL);
	}
}

// Saved in pieces of the size that the state gives, or smaller.
static size_t snapshot(uint8_t *to, uint64_t room)
{
	struct yg_state_part part = yg_policy_part(f.policy);
	uint64_t cursor = 0, n = 0;
	do
		n += part.save(part.context, &cursor, to + n, room);
	while (cursor != YG_STATE_DONE);
	assert_true(n <= part.max);
	return n;
}

static void a_restart_goes_on_with_the_days_that_have_passed(void **state)
{
	(void)state;
	uint8_t bytes[16384], again[16384];
	struct yg_alert a = attack();
	reopen(true);
	yg_policy_second(f.policy, START);
	size_t n = snapshot(bytes, sizeof bytes);
	assert_int_equal(snapshot(again, 7), n);
	assert_memory_equal(bytes, again, n);
	reopen(true);
	struct yg_state_part part = yg_policy_part(f.policy);
	assert_int_equal(part.restore(part.context, part.version, bytes, n), 0);
	yg_policy_second(f.policy, START + 13 * DAY);
	assert_int_equal(judge(&a, START + 13 * DAY), YG_POLICY_SHADOW);
	assert_int_equal(judge(&a, START + 14 * DAY), YG_POLICY_TELL);
	// A body and a detector that are others now: theirs go nowhere, the rest stays.
	static const struct yg_org orgs[] = {{.code = "new", .parent = YG_ORG_NONE}, {.code = "072001-b", .parent = YG_ORG_NONE}};
	f.hand.config.orgs = orgs;
	reopen(true);
	part = yg_policy_part(f.policy);
	assert_int_equal(part.restore(part.context, part.version, bytes, n), 0);
	yg_policy_second(f.policy, START + 14 * DAY);
	assert_int_equal(judge(&a, START + 14 * DAY), YG_POLICY_TELL); // 072001-b stands in the second place again
	a.org = 0;
	assert_int_equal(judge(&a, START + 14 * DAY), YG_POLICY_SHADOW);
}

static void foreign_bytes_are_refused_or_do_no_harm(void **state)
{
	(void)state;
	uint8_t bytes[16384];
	struct yg_alert a = attack();
	reopen(true);
	yg_policy_second(f.policy, START);
	size_t n = snapshot(bytes, sizeof bytes);
	for (size_t size = 0; size < n; size++) {
		reopen(true);
		struct yg_state_part part = yg_policy_part(f.policy);
		assert_int_equal(part.restore(part.context, part.version, bytes, size), -1);
	}
	struct yg_state_part part = yg_policy_part(f.policy);
	assert_int_equal(part.restore(part.context, part.version + 1, bytes, n), -1);
	uint32_t seed = 1;
	for (int round = 0; round < 2000; round++) {
		uint8_t broken[16384];
		memcpy(broken, bytes, n);
		for (int i = 0; i < 4; i++) {
			seed = seed * 1103515245 + 12345;
			broken[(seed >> 8) % n] = (uint8_t)(seed >> 24);
		}
		reopen(true);
		part = yg_policy_part(f.policy);
		part.restore(part.context, part.version, broken, n);
		yg_policy_second(f.policy, START);
		assert_int_equal(judge(&a, START + 14 * DAY), YG_POLICY_TELL); // never longer than it would have been
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(whatever_a_suppression_names_must_fit),
		T(a_body_is_not_hidden_by_one_below_it),
		T(each_alert_counts_once_a_life),
		T(what_is_still_raised_when_it_expires_is_told),
		T(more_lives_than_there_are_places_are_suppressed_and_counted_apart),
		T(counters_follow_their_ids_over_reloads),
		T(severity_and_confidence_give_the_mode_where_no_rule_does),
		T(the_narrowest_rule_of_the_nearest_body_holds),
		T(a_rule_may_put_a_kind_into_shadow_in_a_replay_too),
		T(a_detector_is_in_shadow_for_its_days_with_each_body),
		T(what_rests_on_no_habit_has_no_shadow),
		T(a_restart_goes_on_with_the_days_that_have_passed),
		T(foreign_bytes_are_refused_or_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
