// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The life of alerts: one that is raised each second opens once and closes once; nothing is lost from the counts in a
// storm, in a full table, or over the death of an engine.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/lifecycle.h"
#include "engine/lifecycle_record.h"

enum { START = 1800000000, KEPT = 4096 };

struct fixture {
	struct yg_lifecycle *lc;
	void *memory;
	size_t size;
	struct yg_alert *out;
	uint32_t count;
	int answer;
};

static int record(void *context, const struct yg_alert *alert)
{
	struct fixture *f = context;
	if (f->answer == 0 && f->count < KEPT)
		f->out[f->count++] = *alert;
	return f->answer;
}

static void start(struct fixture *f, uint32_t capacity, uint32_t per_minute)
{
	struct yg_lifecycle_options o = {.capacity = capacity, .update_s = 60, .per_minute = per_minute};
	if (!f->memory) {
		f->size = yg_lifecycle_size(capacity);
		f->memory = calloc(1, f->size);
		f->out = calloc(KEPT, sizeof *f->out);
	}
	f->lc = yg_lifecycle_create(&o, f->memory, f->size, record, f);
	assert_non_null(f->lc);
}

static void stop(struct fixture *f)
{
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f->lc);
	assert_int_equal(s->raised, s->sent + s->ring_full + s->suppressed);
	yg_lifecycle_destroy(f->lc);
	free(f->memory);
	free(f->out);
}

static struct yg_alert alert_of(const char *kind, uint32_t host, uint8_t severity)
{
	struct yg_alert a = {
	    .af = 4, .proto = 6, .target_len = 32, .severity = severity, .observed = 1000, .threshold = 500};
	snprintf(a.kind, sizeof a.kind, "%s", kind);
	snprintf(a.unit, sizeof a.unit, "packets/s");
	snprintf(a.text_ja, sizeof a.text_ja, "攻撃の疑い。");
	snprintf(a.text_en, sizeof a.text_en, "Suspected attack.");
	a.target.b[0] = 10;
	a.target.b[1] = (uint8_t)(host >> 16);
	a.target.b[2] = (uint8_t)(host >> 8);
	a.target.b[3] = (uint8_t)host;
	return a;
}

static void raise_at(struct fixture *f, const struct yg_alert *a, int64_t second)
{
	yg_lifecycle_raise(f->lc, "dos", a, yg_time_from_s(second + 1));
}

static void ticks(struct fixture *f, int64_t from, int64_t to)
{
	for (int64_t s = from; s < to; s++)
		yg_lifecycle_tick(f->lc, s);
}

static void what_is_raised_each_second_opens_once_and_closes_once(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	for (int64_t s = START; s < START + 20; s++) {
		a.observed = 1000 + (double)(s - START);
		raise_at(&f, &a, s);
		yg_lifecycle_tick(f.lc, s);
	}
	ticks(&f, START + 20, START + 100);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.out[0].state, YG_ALERT_OPEN);
	assert_int_equal(f.out[1].state, YG_ALERT_CLOSE);
	assert_true(f.out[0].id == f.out[1].id);
	assert_int_equal(f.out[1].count, 20);
	assert_true(f.out[1].peak == 1019);
	assert_true(f.out[1].time_ns == (START + 20 + 30) * YG_NS_PER_S);
	assert_string_equal(f.out[1].detector, "dos");
	assert_string_equal(f.out[1].text_ja, "攻撃の疑い。（終了。継続19秒、最大毎秒1,019パケット）");
	assert_string_equal(f.out[1].text_en, "Suspected attack. (Ended after 19 s, peak 1,019 packets/s.)");
	assert_int_equal(yg_lifecycle_open(f.lc), 0);
	stop(&f);
}

static void the_closing_sentence_speaks_the_unit_of_the_opening_one(void **state)
{
	static const struct {
		double peak;
		const char *unit, *en, *ja;
	} cases[] = {
	    {5039, "incomplete SYNs/s", "5,039 incomplete requests/s", "毎秒5,039件"},
	    {2e7, "bits/s", "20.0 Mbit/s", "毎秒20.0Mbit"},
	    {999, "bits/s", "999 bits/s", "毎秒999ビット"},
	    {31, "ports", "31 ports", "31ポート"},
	    {1200, "connections/s", "1,200 connections/s", "毎秒1,200件"},
	    {200, "connections", "200 connections", "200接続"},
	    {1500, "queries/s", "1,500 queries/s", "毎秒1,500件"},
	    {5, "pulses", "5 pulses", "5回"},
	    {7, "lobsters", "7 lobsters", "7lobsters"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct yg_alert a = {.peak = cases[i].peak};
		char en[128], ja[128];
		snprintf(a.unit, sizeof a.unit, "%s", cases[i].unit);
		yg_lifecycle_text_closed(&a, false);
		snprintf(en, sizeof en, " (Ended after 1 s, peak %s.)", cases[i].en);
		snprintf(ja, sizeof ja, "（終了。継続1秒、最大%s）", cases[i].ja);
		assert_string_equal(a.text_en, en);
		assert_string_equal(a.text_ja, ja);
	}
	struct yg_alert silent = {.last_ns = 207 * YG_NS_PER_S, .unit = "packets"};
	yg_lifecycle_text_closed(&silent, false);
	assert_string_equal(silent.text_ja, "（終了。継続3分27秒）");
}

static void a_long_time_is_told_in_hours_or_days(void **state)
{
	static const struct {
		int64_t seconds;
		const char *en, *ja;
	} cases[] = {
	    {59, "59 s", "59秒"}, {60, "1 min 0 s", "1分0秒"}, {7199, "119 min 59 s", "119分59秒"}, {7200, "2 h 0 min", "2時間0分"},
	    {172799, "47 h 59 min", "47時間59分"}, {17 * 86400 + 3 * 3600, "17 days 3 h", "17日3時間"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct yg_alert a = {.peak = 1, .first_ns = 5, .last_ns = 5 + cases[i].seconds * YG_NS_PER_S, .unit = "hosts"};
		char en[128], ja[128];
		yg_lifecycle_text_closed(&a, false);
		snprintf(en, sizeof en, " (Ended after %s, peak 1 host.)", cases[i].en);
		snprintf(ja, sizeof ja, "（終了。継続%s、最大1台）", cases[i].ja);
		assert_string_equal(a.text_en, en);
		assert_string_equal(a.text_ja, ja);
	}
}

static void a_hold_keeps_open_but_changes_no_number(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	raise_at(&f, &a, START);
	a.hold = 1;
	a.observed = 99999;
	for (int64_t s = START + 1; s < START + 55; s++) {
		raise_at(&f, &a, s);
		yg_lifecycle_tick(f.lc, s);
	}
	assert_int_equal(f.count, 1);
	ticks(&f, START + 55, START + 90);
	assert_int_equal(f.count, 3); // with the update after a minute
	assert_int_equal(f.out[2].state, YG_ALERT_CLOSE);
	assert_true(f.out[2].peak == 1000 && f.out[2].count == 1);
	assert_true(f.out[2].time_ns == (START + 55 + 30) * YG_NS_PER_S);
	stop(&f);
}

static void a_hold_opens_nothing(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	a.hold = 1;
	raise_at(&f, &a, START);
	assert_int_equal(f.count, 0);
	assert_int_equal(yg_lifecycle_stats(f.lc)->held_unknown, 1);
	stop(&f);
}

static uint64_t id_of(const struct yg_alert *alert, int64_t start_ns)
{
	return yg_lifecycle_id(&yg_hash_key_identity, alert, start_ns);
}

static void the_id_depends_on_kind_key_and_minute_alone(void **state)
{
	(void)state;
	struct yg_alert a = alert_of("scan.port", 1, YG_SEV_LOW), b = a;
	int64_t t = (START - START % 60) * YG_NS_PER_S;
	b.observed = 7;
	b.severity = YG_SEV_HIGH;
	b.source.b[0] = 1; // no part of the key yet
	assert_true(id_of(&a, t) == id_of(&b, t + 59 * YG_NS_PER_S));
	assert_true(id_of(&a, t) != id_of(&a, t + 60 * YG_NS_PER_S));
	a.key_source = b.key_source = 1;
	assert_true(id_of(&a, t) != id_of(&b, t));
	assert_false(yg_lifecycle_same(&a, &b));
	b = a;
	b.target_port = 80;
	assert_false(yg_lifecycle_same(&a, &b));
}

static void an_open_alert_is_updated_each_minute(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.udp_flood", 1, YG_SEV_HIGH);
	for (int64_t s = START; s < START + 181; s++) {
		raise_at(&f, &a, s);
		yg_lifecycle_tick(f.lc, s);
	}
	assert_int_equal(f.count, 4);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(f.out[i].state, YG_ALERT_UPDATE);
		assert_true(f.out[i].time_ns == (START + 1 + 60 * i) * YG_NS_PER_S);
	}
	stop(&f);
}

static void a_higher_severity_goes_out_at_once_and_stays(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.volume", 1, YG_SEV_LOW);
	raise_at(&f, &a, START);
	a.severity = YG_SEV_HIGH;
	raise_at(&f, &a, START + 1);
	a.severity = YG_SEV_LOW;
	raise_at(&f, &a, START + 2);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.out[1].state, YG_ALERT_UPDATE);
	assert_int_equal(f.out[1].severity, YG_SEV_HIGH);
	yg_lifecycle_finish(f.lc, yg_time_from_s(START + 4));
	assert_int_equal(f.out[2].severity, YG_SEV_HIGH);
	stop(&f);
}

static void what_ends_together_closes_in_order_of_id(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 64, 200);
	for (uint32_t i = 0; i < 50; i++) {
		struct yg_alert a = alert_of("dos.syn_flood", i, YG_SEV_HIGH);
		raise_at(&f, &a, START);
	}
	ticks(&f, START, START + 40);
	assert_int_equal(f.count, 100);
	for (uint32_t i = 51; i < 100; i++)
		assert_true(f.out[i - 1].id < f.out[i].id);
	stop(&f);
}

static void a_storm_becomes_one_summary_with_the_exact_count(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 2048, 100);
	int64_t t = START - START % 60;
	for (int again = 0; again < 3; again++) // each is raised several times, and counted once
		for (uint32_t i = 0; i < 1334; i++) {
			struct yg_alert a = alert_of("scan.port", i, YG_SEV_LOW);
			raise_at(&f, &a, t + again);
		}
	assert_int_equal(yg_lifecycle_stats(f.lc)->suppressed, 1234);
	assert_int_equal(f.count, 101);
	assert_string_equal(f.out[100].vector, "summary");
	assert_string_equal(f.out[100].kind, "scan.port");
	ticks(&f, t + 3, t + 200);
	const struct yg_alert *last = NULL;
	for (uint32_t i = 101; i < f.count; i++)
		if (f.out[i].state == YG_ALERT_CLOSE && strcmp(f.out[i].vector, "summary") == 0)
			last = &f.out[i];
	assert_non_null(last);
	assert_true(last->observed == 1234);
	assert_non_null(strstr(last->text_ja, "ほかに1,234件"));
	assert_non_null(strstr(last->text_en, "1,234 more"));
	assert_int_equal(yg_lifecycle_open(f.lc), 0);
	stop(&f);
}

static void a_storm_never_hides_high_severities(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 512, 10);
	for (uint32_t i = 0; i < 100; i++) {
		struct yg_alert a =
		    alert_of(i % 2 ? "dos.syn_flood" : "scan.host", i, i % 2 ? YG_SEV_HIGH : YG_SEV_MEDIUM);
		raise_at(&f, &a, START);
	}
	uint32_t high = 0;
	for (uint32_t i = 0; i < f.count; i++)
		high += f.out[i].severity == YG_SEV_HIGH;
	assert_int_equal(high, 50);
	stop(&f);
}

static void what_a_storm_muted_may_open_in_the_next_minute(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 64, 1);
	int64_t t = START - START % 60;
	struct yg_alert a = alert_of("scan.port", 1, YG_SEV_LOW), b = alert_of("scan.port", 2, YG_SEV_LOW);
	raise_at(&f, &a, t);
	raise_at(&f, &b, t);
	assert_int_equal(yg_lifecycle_stats(f.lc)->suppressed, 1);
	raise_at(&f, &b, t + 60);
	assert_int_equal(f.count, 3);
	assert_true(f.out[2].target.b[3] == 2 && f.out[2].state == YG_ALERT_OPEN);
	stop(&f);
}

static void a_full_table_gives_the_place_of_the_lowest_to_the_higher(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 4, 200);
	for (uint32_t i = 0; i < 4; i++) {
		struct yg_alert a = alert_of("scan.port", i, i == 2 ? YG_SEV_LOW : YG_SEV_MEDIUM);
		raise_at(&f, &a, START);
	}
	struct yg_alert high = alert_of("dos.syn_flood", 9, YG_SEV_HIGH), low = alert_of("scan.port", 8, YG_SEV_LOW);
	raise_at(&f, &high, START);
	assert_int_equal(f.count, 6);
	assert_int_equal(f.out[4].state, YG_ALERT_CLOSE);
	assert_int_equal(f.out[4].target.b[3], 2);
	assert_non_null(strstr(f.out[4].text_en, "want of room"));
	assert_string_equal(f.out[5].kind, "dos.syn_flood");
	raise_at(&f, &low, START);
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
	assert_int_equal(s->displaced, 1);
	assert_int_equal(s->table_full, 1);
	assert_int_equal(s->suppressed, 1);
	assert_string_equal(f.out[6].vector, "summary"); // the full table itself is told
	assert_int_equal(yg_lifecycle_open(f.lc), 5);
	stop(&f);
}

static void more_kinds_than_summaries_share_the_last(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 1);
	int64_t t = START - START % 60;
	for (uint32_t i = 0; i < 1 + YG_LIFECYCLE_SUMMARIES + 5; i++) {
		char kind[32];
		snprintf(kind, sizeof kind, "kind.%u", i);
		struct yg_alert a = alert_of(kind, i, YG_SEV_LOW);
		raise_at(&f, &a, t);
	}
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
	assert_int_equal(s->suppressed, YG_LIFECYCLE_SUMMARIES + 5);
	assert_int_equal(s->summaries_full, 5);
	yg_lifecycle_finish(f.lc, yg_time_from_s(t + 2));
	double told = 0;
	for (uint32_t i = 0; i < f.count; i++)
		told +=
		    f.out[i].state == YG_ALERT_CLOSE && strcmp(f.out[i].vector, "summary") == 0 ? f.out[i].observed : 0;
	assert_true(told == YG_LIFECYCLE_SUMMARIES + 5);
	stop(&f);
}

static void a_storm_past_the_muted_set_is_counted_as_such(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 1);
	int64_t t = START - START % 60;
	for (uint32_t i = 0; i < YG_LIFECYCLE_MUTED; i++) {
		struct yg_alert a = alert_of("scan.port", i, YG_SEV_LOW);
		raise_at(&f, &a, t);
	}
	assert_int_equal(yg_lifecycle_stats(f.lc)->muted_full, YG_LIFECYCLE_MUTED - 1 - YG_LIFECYCLE_MUTED / 4 * 3);
	assert_int_equal(yg_lifecycle_stats(f.lc)->suppressed, YG_LIFECYCLE_MUTED - 1);
	stop(&f);
}

static void a_full_ring_is_counted(void **state)
{
	(void)state;
	struct fixture f = {.answer = -EAGAIN};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("scan.port", 1, YG_SEV_LOW);
	raise_at(&f, &a, START);
	assert_int_equal(yg_lifecycle_stats(f.lc)->ring_full, 1);
	stop(&f);
}

static void a_new_engine_goes_on_with_what_is_open(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 2);
	for (uint32_t i = 0; i < 5; i++) {
		struct yg_alert a = alert_of("scan.port", i, YG_SEV_LOW);
		raise_at(&f, &a, START);
	}
	yg_lifecycle_destroy(f.lc);
	uint32_t before = f.count;
	uint64_t sequence = f.out[before - 1].sequence;
	start(&f, 16, 2);
	assert_int_equal(yg_lifecycle_stats(f.lc)->taken_over, 3); // two and their summary
	struct yg_alert a = alert_of("scan.port", 0, YG_SEV_LOW);
	raise_at(&f, &a, START + 10);
	assert_int_equal(f.count, before); // opens nothing that is open
	ticks(&f, START + 10, START + 35);
	assert_int_equal(f.count, before + 1); // closes what has ended
	assert_int_equal(f.out[before].state, YG_ALERT_CLOSE);
	assert_int_equal(f.out[before].target.b[3], 1);
	assert_true(f.out[before].sequence == sequence + 1);
	ticks(&f, START + 35, START + 100);
	assert_int_equal(yg_lifecycle_open(f.lc), 0);
	stop(&f);
}

static void what_was_open_in_a_blind_time_may_be_raised_again(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert flood = alert_of("dos.syn_flood", 1, YG_SEV_HIGH), own = alert_of("sensor.blind", 2, YG_SEV_HIGH);
	raise_at(&f, &flood, START);
	raise_at(&f, &own, START);
	yg_lifecycle_destroy(f.lc);
	start(&f, 16, 200);
	yg_lifecycle_resume(f.lc, yg_time_from_s(START + 40)); // longer than an alert stays open unseen
	uint32_t before = f.count;
	ticks(&f, START + 40, START + 50);
	assert_int_equal(yg_lifecycle_open(f.lc), 1); // the sensor's own has ended
	raise_at(&f, &flood, START + 50);
	ticks(&f, START + 50, START + 70);
	for (uint32_t i = before; i < f.count; i++)
		assert_true(f.out[i].state != YG_ALERT_OPEN);
	assert_int_equal(yg_lifecycle_open(f.lc), 1);
	ticks(&f, START + 70, START + 100);
	assert_int_equal(yg_lifecycle_open(f.lc), 0);
	stop(&f);
}

static void a_smaller_table_takes_what_fits(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	for (uint32_t i = 0; i < 10; i++) {
		struct yg_alert a = alert_of("scan.port", i, YG_SEV_LOW);
		raise_at(&f, &a, START);
	}
	yg_lifecycle_destroy(f.lc);
	start(&f, 4, 200);
	assert_int_equal(yg_lifecycle_stats(f.lc)->taken_over, 4);
	assert_int_equal(yg_lifecycle_stats(f.lc)->invalid, 6);
	assert_int_equal(yg_lifecycle_open(f.lc), 4);
	stop(&f);
}

// Whatever lies in the memory: no crash, clean strings, identities that hold.
static void hostile_memory_is_refused_or_made_harmless(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int round = 0; round < 300; round++) {
		struct fixture f = {0};
		start(&f, 8, 200);
		for (uint32_t i = 0; i < 8; i++) {
			struct yg_alert a = alert_of("dos.syn_flood", i, YG_SEV_HIGH);
			raise_at(&f, &a, START);
		}
		yg_lifecycle_tick(f.lc, START + 40);
		for (uint32_t i = 0; i < 8; i++) {
			struct yg_alert a = alert_of("dos.udp_flood", i, YG_SEV_HIGH);
			raise_at(&f, &a, START + 40);
		}
		yg_lifecycle_destroy(f.lc);
		uint8_t *bytes = f.memory;
		size_t closed = sizeof(struct yg_lifecycle_header), records = f.size - (8 + YG_LIFECYCLE_SUMMARIES) * sizeof(struct yg_lifecycle_record);
		for (int i = 0; i < 200; i++) {
			seed = yg_hash_identity(&seed, sizeof seed);
			size_t from = i % 2 ? records : round % 3 ? closed : 0;
			size_t size = i % 2 ? f.size - records : closed + 8 * sizeof(struct yg_lifecycle_closed) - from;
			bytes[from + seed % size] = (uint8_t)(seed >> 56);
		}
		f.count = 0;
		start(&f, 8, 200);
		const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
		assert_true(yg_lifecycle_open(f.lc) == s->taken_over && s->taken_over <= 8 + YG_LIFECYCLE_SUMMARIES);
		struct yg_alert a = alert_of("dos.syn_flood", 77, YG_SEV_CRITICAL), b = alert_of("dos.syn_flood", 3, YG_SEV_HIGH);
		raise_at(&f, &a, START + 41);
		raise_at(&f, &b, START + 41);
		assert_true(s->reopened <= 1 && f.out[f.count - 1].first_ns <= (START + 42) * YG_NS_PER_S);
		yg_lifecycle_finish(f.lc, yg_time_from_s(START + 45));
		assert_int_equal(yg_lifecycle_open(f.lc), 0);
		for (uint32_t i = 0; i < f.count; i++) {
			assert_true(memchr(f.out[i].text_ja, 0, YG_TEXT_MAX) != NULL &&
			            f.out[i].severity < YG_SEV_COUNT);
			assert_true(f.out[i].top_count <= YG_TOP_MAX && f.out[i].series_count <= YG_SERIES_MAX);
		}
		stop(&f);
	}
}

static void a_clock_set_back_does_not_keep_an_alert_open(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 8, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	raise_at(&f, &a, START);
	ticks(&f, START - 1000, START - 960);
	assert_int_equal(yg_lifecycle_open(f.lc), 0);
	stop(&f);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	(void)state;
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	memset(a.text_ja, 0, sizeof a.text_ja);
	for (size_t i = 0; i + 3 < sizeof a.text_ja; i += 3)
		memcpy(a.text_ja + i, "櫓", 3);
	yg_lifecycle_text_closed(&a, false);
	assert_int_equal(strnlen(a.text_ja, sizeof a.text_ja) < sizeof a.text_ja, 1);
	const char *tail = strstr(a.text_ja, "（終了。");
	assert_non_null(tail);
	assert_int_equal((tail - a.text_ja) % 3, 0);
}

// ---- what comes back, and what lasts ----

static void what_comes_back_within_ten_minutes_is_the_same_incident(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	a.reopened = 77; // the host's field
	raise_at(&f, &a, START);
	ticks(&f, START, START + 40);
	a.observed = 700;
	raise_at(&f, &a, START + 630); // closed at START + 31
	ticks(&f, START + 630, START + 670);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.out[0].reopened, 0);
	assert_int_equal(f.out[2].state, YG_ALERT_OPEN);
	assert_int_equal(f.out[2].reopened, 1);
	assert_true(f.out[2].id == f.out[0].id && f.out[2].first_ns == f.out[0].first_ns);
	assert_true(f.out[2].peak == 1000 && f.out[2].count == 2);
	assert_string_equal(f.out[3].text_ja, "攻撃の疑い。（終了。継続10分30秒、最大毎秒1,000パケット、再発1回）");
	assert_string_equal(f.out[3].text_en, "Suspected attack. (Ended after 10 min 30 s, peak 1,000 packets/s, came back 1 time.)");
	raise_at(&f, &a, START + 661 + 601); // its second close was at START + 661
	assert_true(f.out[4].id != f.out[0].id && f.out[4].reopened == 0 && f.out[4].count == 1);
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
	assert_true(s->opened == 3 && s->reopened == 1 && s->closed_full == 0);
	stop(&f);
}

static void what_is_over_as_it_is_told_never_comes_back(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("sensor.blind", 1, YG_SEV_HIGH);
	a.clear_after_s = 1;
	raise_at(&f, &a, START);
	ticks(&f, START, START + 70);
	raise_at(&f, &a, START + 70);
	assert_int_equal(f.count, 3);
	assert_true(f.out[2].id != f.out[0].id && f.out[2].reopened == 0);
	stop(&f);
}

static void what_closed_under_another_engine_comes_back_under_its_id(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.syn_flood", 1, YG_SEV_HIGH), other = alert_of("dos.syn_flood", 2, YG_SEV_HIGH);
	raise_at(&f, &a, START);
	ticks(&f, START, START + 40);
	yg_lifecycle_destroy(f.lc);
	start(&f, 16, 200);
	raise_at(&f, &a, START + 300);
	raise_at(&f, &other, START + 300);
	assert_true(f.out[2].id == f.out[0].id && f.out[2].reopened == 1);
	assert_int_equal(f.out[3].reopened, 0);
	stop(&f);
}

static void more_closed_alerts_than_are_remembered_forget_the_oldest(void **state)
{
	(void)state;
	struct fixture f = {0};
	enum { ALERTS = YG_LIFECYCLE_CLOSED + 10 };
	start(&f, ALERTS, 200);
	f.answer = 1; // only the counts matter
	for (uint32_t i = 0; i < ALERTS; i++) {
		struct yg_alert a = alert_of("dos.syn_flood", i, YG_SEV_HIGH);
		raise_at(&f, &a, START + (i >= 10)); // the first ten close a second before the others
	}
	ticks(&f, START + 1, START + 40);
	const struct yg_lifecycle_stats *s = yg_lifecycle_stats(f.lc);
	assert_true(s->closed == ALERTS && s->closed_full == 10);
	for (uint32_t i = 0; i < ALERTS; i++) {
		struct yg_alert a = alert_of("dos.syn_flood", i, YG_SEV_HIGH);
		raise_at(&f, &a, START + 60);
		assert_int_equal(s->reopened, i < 10 ? 0 : i - 9);
	}
	assert_int_equal(yg_lifecycle_open(f.lc), ALERTS);
	stop(&f);
}

static void what_lasts_for_hours_outlives_gaps_and_is_updated_when_raised(void **state)
{
	(void)state;
	struct fixture f = {0};
	start(&f, 16, 200);
	struct yg_alert a = alert_of("dos.campaign", 1, YG_SEV_HIGH), b = alert_of("dos.syn_flood", 1, YG_SEV_HIGH);
	yg_lifecycle_raise_lasting(f.lc, "campaign", &a, false, 86400, yg_time_from_s(START + 1));
	raise_at(&f, &b, START);
	assert_true(yg_lifecycle_open(f.lc) == 2 && yg_lifecycle_lasting(f.lc) == 1);
	yg_lifecycle_gap(f.lc, yg_time_from_s(START + 1));
	assert_true(yg_lifecycle_open(f.lc) == 1 && yg_lifecycle_lasting(f.lc) == 1);
	ticks(&f, START + 3000, START + 4000);
	assert_int_equal(f.count, 3); // two opened, one closed; nothing new of the other
	yg_lifecycle_raise_lasting(f.lc, "campaign", &a, false, 86400, yg_time_from_s(START + 4000));
	ticks(&f, START + 4000, START + 4100);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.out[3].state, YG_ALERT_UPDATE);
	yg_lifecycle_destroy(f.lc);
	start(&f, 16, 200);
	assert_int_equal(yg_lifecycle_lasting(f.lc), 1);
	yg_lifecycle_resume(f.lc, yg_time_from_s(START + 9000)); // a blind minute is nothing to it
	yg_lifecycle_gap(f.lc, yg_time_from_s(START + 9000));
	yg_lifecycle_tick(f.lc, START + 4000 + 86398);
	assert_int_equal(yg_lifecycle_open(f.lc), 1);
	yg_lifecycle_tick(f.lc, START + 200000);
	assert_true(yg_lifecycle_open(f.lc) == 0 && yg_lifecycle_lasting(f.lc) == 0);
	assert_int_equal(f.out[4].state, YG_ALERT_CLOSE);
	assert_true(f.out[4].time_ns == (START + 4000 + 86400) * YG_NS_PER_S);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_raised_each_second_opens_once_and_closes_once),
	    cmocka_unit_test(the_closing_sentence_speaks_the_unit_of_the_opening_one),
	    cmocka_unit_test(a_long_time_is_told_in_hours_or_days),
	    cmocka_unit_test(a_hold_keeps_open_but_changes_no_number),
	    cmocka_unit_test(a_hold_opens_nothing),
	    cmocka_unit_test(the_id_depends_on_kind_key_and_minute_alone),
	    cmocka_unit_test(an_open_alert_is_updated_each_minute),
	    cmocka_unit_test(a_higher_severity_goes_out_at_once_and_stays),
	    cmocka_unit_test(what_ends_together_closes_in_order_of_id),
	    cmocka_unit_test(a_storm_becomes_one_summary_with_the_exact_count),
	    cmocka_unit_test(a_storm_never_hides_high_severities),
	    cmocka_unit_test(what_a_storm_muted_may_open_in_the_next_minute),
	    cmocka_unit_test(a_full_table_gives_the_place_of_the_lowest_to_the_higher),
	    cmocka_unit_test(more_kinds_than_summaries_share_the_last),
	    cmocka_unit_test(a_storm_past_the_muted_set_is_counted_as_such),
	    cmocka_unit_test(a_full_ring_is_counted),
	    cmocka_unit_test(a_new_engine_goes_on_with_what_is_open),
	    cmocka_unit_test(what_was_open_in_a_blind_time_may_be_raised_again),
	    cmocka_unit_test(a_smaller_table_takes_what_fits),
	    cmocka_unit_test(hostile_memory_is_refused_or_made_harmless),
	    cmocka_unit_test(a_clock_set_back_does_not_keep_an_alert_open),
	    cmocka_unit_test(a_long_sentence_is_cut_between_characters),
	    cmocka_unit_test(what_comes_back_within_ten_minutes_is_the_same_incident),
	    cmocka_unit_test(what_is_over_as_it_is_told_never_comes_back),
	    cmocka_unit_test(what_closed_under_another_engine_comes_back_under_its_id),
	    cmocka_unit_test(more_closed_alerts_than_are_remembered_forget_the_oldest),
	    cmocka_unit_test(what_lasts_for_hours_outlives_gaps_and_is_updated_when_raised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
