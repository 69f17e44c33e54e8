// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// From counters to alerts: each fault of a mirror opens one alert and closes it again, through the real lifecycle; a sound mirror opens
// none. The counters are set by hand here; where they come from is tested in test_mirror.c and test_shed.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/health.h"
#include "engine/health_spool.h"
#include "engine/lifecycle.h"
#include "hand_config.h"

enum { WORKERS = 8, START = 1800000000, ALERTS_MAX = 4096 };

struct bench {
	struct hand_config hand;
	struct yg_engine_stats *stats;
	struct yg_health *health;
	struct yg_lifecycle *lifecycle;
	void *memory;
	int64_t second;
	uint32_t connections, one_way;
	struct yg_alert *seen;
	unsigned seen_count;
};

static int on_emit(void *context, const struct yg_alert *alert)
{
	struct bench *b = context;
	assert_true(b->seen_count < ALERTS_MAX);
	b->seen[b->seen_count++] = *alert;
	return 0;
}

static void on_raise(void *context, const char *detector, const struct yg_alert *alert)
{
	struct bench *b = context;
	assert_string_equal(detector, "sensor");
	yg_lifecycle_raise(b->lifecycle, detector, alert, yg_time_from_s(b->second + 1));
}

static void set_options(struct hand_config *hand)
{
	static const struct { enum yg_option_id id; double value; } rows[] = {
		{YG_O_MIRROR_SILENCE, 30}, {YG_O_MIRROR_DROPS, 0.1}, {YG_O_MIRROR_ERRORS, 0.1}, {YG_O_MIRROR_GAPS, 1},
		{YG_O_MIRROR_DUPLICATES, 5}, {YG_O_MIRROR_ONE_WAY, 50}, {YG_O_MIRROR_REORDERING, 5}, {YG_O_MIRROR_ASYMMETRY, 0.1},
		{YG_O_MIRROR_IMBALANCE, 4}, {YG_O_MIRROR_UTILISATION, 90}};
	hand_config_init(hand);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		hand_config_seconds(hand, rows[i].id, rows[i].value);
}

static void set(struct yg_counter *counter, uint64_t value)
{
	yg_counter_set(counter, value);
}

static struct bench *start(void)
{
	struct bench *b = calloc(1, sizeof *b);
	size_t size = yg_lifecycle_size(64);
	struct yg_lifecycle_options options = {.capacity = 64, .update_s = 60, .per_minute = 1000};
	set_options(&b->hand);
	b->stats = aligned_alloc(64, (sizeof *b->stats + 63) / 64 * 64);
	memset(b->stats, 0, sizeof *b->stats);
	b->memory = calloc(1, size);
	b->seen = calloc(ALERTS_MAX, sizeof *b->seen);
	b->lifecycle = yg_lifecycle_create(&options, b->memory, size, on_emit, b);
	struct yg_health_options health = {&b->hand.config, b->stats, WORKERS, on_raise, b};
	b->health = yg_health_create(&health);
	assert_non_null(b->health);
	assert_non_null(b->lifecycle);
	b->second = START;
	set(&b->stats->ports_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(b->stats->port[i].name, sizeof b->stats->port[i].name, "eth%u", i);
		set(&b->stats->port[i].link_up, 1);
	}
	return b;
}

static void stop(struct bench *b)
{
	yg_health_destroy(b->health);
	yg_lifecycle_destroy(b->lifecycle);
	free(b->memory);
	free(b->seen);
	free(b->stats);
	free(b);
}

static void add(struct yg_counter *counter, uint64_t n)
{
	yg_counter_add(counter, n);
}

// A sound second: 100,000 packets over two ports and eight workers, and everything that is looked at in them.
static void sound_traffic(struct bench *b)
{
	for (unsigned i = 0; i < 2; i++) {
		add(&b->stats->port[i].packets, 50000);
		add(&b->stats->port[i].bytes, 25000000);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		struct yg_counter *c = b->stats->worker[i].c;
		add(&c[YG_WC_RECEIVED], 12500);
		add(&c[YG_WC_MIRROR_PACKETS], 12500);
		add(&c[YG_WC_MIRROR_SEGMENTS], 8000);
		add(&c[YG_WC_MIRROR_ACKED], 4000000);
		add(&b->stats->worker[i].beat_ns, 1000000000);
	}
	b->connections = 5000;
	b->one_way = 100;
}

static void second(struct bench *b, void (*fault)(struct bench *b))
{
	sound_traffic(b);
	if (fault)
		fault(b);
	yg_health_second(b->health, b->second, b->connections, b->one_way);
	for (unsigned i = 0; i < 10; i++)
		yg_health_look(b->health, (b->second - START + 1) * 1000 + i * 100);
	yg_lifecycle_tick(b->lifecycle, b->second);
	b->second++;
}

static void seconds(struct bench *b, unsigned n, void (*fault)(struct bench *b))
{
	while (n--)
		second(b, fault);
}

static const struct yg_alert *find(const struct bench *b, const char *kind, const char *vector, enum yg_alert_state state)
{
	const struct yg_alert *found = NULL;
	for (unsigned i = 0; i < b->seen_count; i++) {
		const struct yg_alert *a = &b->seen[i];
		if (strcmp(a->kind, kind) == 0 && strcmp(a->vector, vector) == 0 && a->state == state) {
			if (state != YG_ALERT_UPDATE)
				assert_null(found); // opened once, closed once
			found = a;
		}
	}
	return found;
}

static unsigned opened(const struct bench *b)
{
	unsigned n = 0;
	for (unsigned i = 0; i < b->seen_count; i++)
		n += b->seen[i].state == YG_ALERT_OPEN;
	return n;
}

static void a_sound_mirror_raises_nothing(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 300, NULL);
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

// ---- each fault by itself: 0.1 % is 100 of 100,000 packets a second ----

static void lose_in_port(struct bench *b) { add(&b->stats->port[1].missed, 300); }
static void lose_buffers(struct bench *b) { add(&b->stats->port[0].nombuf, 300); }
static void lose_in_kernel(struct bench *b) { set(&b->stats->port[0].kernel_drops_known, 1); add(&b->stats->port[0].kernel_drops, 300); }
static void lose_in_handing(struct bench *b) { add(&b->stats->worker[3].c[YG_WC_HANDED_FULL], 300); }
static void damage(struct bench *b) { add(&b->stats->port[0].errors, 200); }
static void go_one_way(struct bench *b) { b->one_way = 4000; }
static void reorder(struct bench *b) { add(&b->stats->worker[0].c[YG_WC_MIRROR_REORDERED], 6400); }
static void fill_line(struct bench *b) { add(&b->stats->port[0].bytes, 1150000000); }
static void one_for_all(struct bench *b) { add(&b->stats->worker[2].c[YG_WC_RECEIVED], 200000); }

static void lose_data(struct bench *b)
{
	add(&b->stats->worker[1].c[YG_WC_MIRROR_GAP_BYTES], 700000);
	add(&b->stats->worker[1].c[YG_WC_MIRROR_GAP_FLOWS], 2);
}

static void come_twice(struct bench *b)
{
	add(&b->stats->worker[0].c[YG_WC_MIRROR_DUPLICATES], 40000);
}

struct fault {
	void (*fault)(struct bench *b);
	const char *vector, *says;
	double low, high;
};

static const struct fault faults[] = {
	{lose_in_port, "drops/eth1", "port eth1: the port lost frames", 0.5, 0.7},
	{lose_buffers, "drops/eth0", "port eth0", 0.5, 0.7},
	{lose_in_kernel, "kernel_drops/eth0", "the kernel dropped frames", 0.5, 0.7},
	{lose_in_handing, "handover", "between workers", 0.25, 0.35},
	{damage, "errors/eth0", "damaged", 0.35, 0.45},
	{lose_data, "gaps", "never showed", 2, 2.4},
	{come_twice, "duplicates", "came twice", 39, 41},
	{go_one_way, "one_way", "one direction", 79, 81},
	{reorder, "reordering", "out of order", 9, 11},
	{fill_line, "utilisation", "nearly as full", 93, 98},
	{one_for_all, "imbalance", "times the mean", 5.3, 5.9},
};

static void each_fault_opens_one_alert_and_closes_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct bench *b = start();
		seconds(b, 30, NULL);
		seconds(b, 100, faults[i].fault);
		const struct yg_alert *open = find(b, "sensor.mirror", faults[i].vector, YG_ALERT_OPEN);
		if (!open)
			fail_msg("no alert %s", faults[i].vector);
		assert_int_equal(opened(b), 1);
		assert_int_equal(open->severity, YG_SEV_HIGH);
		assert_non_null(strstr(open->text_en, faults[i].says));
		assert_non_null(strstr(open->text_ja, "ミラーの異常"));
		const struct yg_alert *update = find(b, "sensor.mirror", faults[i].vector, YG_ALERT_UPDATE);
		assert_non_null(update);
		if (update->observed < faults[i].low || update->observed > faults[i].high)
			fail_msg("%s: observed %f", faults[i].vector, update->observed);
		assert_null(find(b, "sensor.mirror", faults[i].vector, YG_ALERT_CLOSE));
		seconds(b, 60, NULL);
		assert_non_null(find(b, "sensor.mirror", faults[i].vector, YG_ALERT_CLOSE));
		stop(b);
	}
}

static void what_is_just_below_its_threshold_is_held_and_not_opened(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 30, NULL);
	for (unsigned i = 0; i < 100; i++) {
		add(&b->stats->port[0].missed, 30); // 0.06 %
		second(b, NULL);
	}
	assert_int_equal(b->seen_count, 0);
	seconds(b, 30, lose_buffers);
	assert_int_equal(opened(b), 1);
	for (unsigned i = 0; i < 100; i++) {
		add(&b->stats->port[0].missed, 30);
		second(b, NULL);
	}
	assert_null(find(b, "sensor.mirror", "drops/eth0", YG_ALERT_CLOSE));
	seconds(b, 60, NULL);
	assert_non_null(find(b, "sensor.mirror", "drops/eth0", YG_ALERT_CLOSE));
	stop(b);
}

// One connection can acknowledge what nobody ever sent; eight at a time begin to say something of the mirror.
static void lie_in_one(struct bench *b)
{
	add(&b->stats->worker[1].c[YG_WC_MIRROR_GAP_BYTES], 7000000);
	if (b->second % 10 == 0)
		add(&b->stats->worker[1].c[YG_WC_MIRROR_GAP_FLOWS], 1);
}

static void repeat(struct bench *b)
{
	add(&b->stats->worker[0].c[YG_WC_MIRROR_DUPLICATES], 40000);
	add(&b->stats->worker[0].c[YG_WC_MIRROR_REPEATED], 40000);
}

static void what_a_sender_can_fake_alone_raises_nothing(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 30, NULL);
	seconds(b, 60, lie_in_one);
	seconds(b, 60, repeat);
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

static void a_kernel_that_says_nothing_is_not_taken_for_one_that_drops_nothing(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 30, NULL);
	for (unsigned i = 0; i < 30; i++) {
		add(&b->stats->port[0].kernel_drops, 300); // not known: nobody may judge it
		second(b, NULL);
	}
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

static void thresholds_of_zero_are_off(void **state)
{
	(void)state;
	struct bench *b = start();
	for (unsigned id = YG_O_MIRROR_SILENCE; id <= YG_O_MIRROR_UTILISATION; id++)
		b->hand.values[id] = 0;
	seconds(b, 30, NULL);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		seconds(b, 20, faults[i].fault);
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

// ---- silence, links, workers ----

static void a_silent_port_opens_within_its_time_and_closes(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 30, NULL);
	struct yg_counter frozen = b->stats->port[1].packets;
	for (unsigned i = 0; i < 45; i++) {
		sound_traffic(b);
		b->stats->port[1].packets = frozen;
		yg_health_second(b->health, b->second, b->connections, b->one_way);
		yg_lifecycle_tick(b->lifecycle, b->second);
		b->second++;
		assert_int_equal(find(b, "sensor.silent", "eth1", YG_ALERT_OPEN) != NULL, i >= 29);
	}
	const struct yg_alert *open = find(b, "sensor.silent", "eth1", YG_ALERT_OPEN);
	assert_int_equal(open->severity, YG_SEV_CRITICAL);
	assert_int_equal((int)open->observed, 30);
	assert_null(find(b, "sensor.silent", "eth0", YG_ALERT_OPEN)); // the other port is heard
	seconds(b, 5, NULL);
	const struct yg_alert *closed = find(b, "sensor.silent", "eth1", YG_ALERT_CLOSE);
	assert_non_null(closed);
	assert_int_equal((int)closed->peak, 45);
	assert_int_equal(opened(b), 1);
	stop(b);
}

static void a_port_that_never_had_a_packet_is_silent_too(void **state)
{
	(void)state;
	struct bench *b = start();
	for (unsigned i = 0; i < 40; i++, b->second++) {
		yg_health_second(b->health, b->second, 0, 0);
		yg_lifecycle_tick(b->lifecycle, b->second);
	}
	assert_non_null(find(b, "sensor.silent", "eth0", YG_ALERT_OPEN));
	assert_non_null(find(b, "sensor.silent", "eth1", YG_ALERT_OPEN));
	stop(b);
}

static void a_link_is_down_only_where_no_packet_says_otherwise(void **state)
{
	(void)state;
	struct bench *b = start();
	set(&b->stats->port[0].link_up, 0); // a driver that knows no link
	seconds(b, 30, NULL);
	assert_int_equal(b->seen_count, 0);
	for (unsigned i = 0; i < 5; i++, b->second++) {
		yg_health_second(b->health, b->second, 0, 0);
		yg_lifecycle_tick(b->lifecycle, b->second);
	}
	assert_non_null(find(b, "sensor.mirror", "link_down/eth0", YG_ALERT_OPEN));
	assert_null(find(b, "sensor.mirror", "link_down/eth1", YG_ALERT_OPEN));
	seconds(b, 5, NULL);
	assert_non_null(find(b, "sensor.mirror", "link_down/eth0", YG_ALERT_CLOSE));
	stop(b);
}

static void a_worker_that_stands_still_is_told_within_two_seconds(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 3, NULL);
	int64_t now_ms = (b->second - START + 1) * 1000, told = 0;
	for (unsigned i = 0; i < 40 && !told; i++) { // packet time stands still with it
		for (unsigned w = 0; w < WORKERS; w++)
			if (w != 5)
				add(&b->stats->worker[w].beat_ns, 100000000);
		yg_health_look(b->health, now_ms + i * 100);
		told = find(b, "sensor.blind", "worker/5", YG_ALERT_OPEN) ? i * 100 : 0;
	}
	assert_in_range(told, 1, 2000);
	assert_int_equal(opened(b), 1);
	seconds(b, 10, NULL);
	assert_non_null(find(b, "sensor.blind", "worker/5", YG_ALERT_CLOSE));
	stop(b);
}

static void a_worker_that_empties_its_tables_does_not_stand_still(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 3, NULL);
	for (unsigned w = 0; w < WORKERS; w++)
		set(&b->stats->worker[w].ending, 1);
	for (unsigned i = 0; i < 40; i++)
		yg_health_look(b->health, (b->second - START + 1) * 1000 + i * 100);
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

static void shed(struct bench *b, unsigned worker, unsigned step, uint64_t queue)
{
	set(&b->stats->worker[worker].shed_step, step);
	set(&b->stats->worker[worker].shed_queue, queue);
	set(&b->stats->worker[worker].shed_busy, 995);
}

static void shedding_is_one_alert_that_grows_with_its_step(void **state)
{
	(void)state;
	struct bench *b = start();
	seconds(b, 5, NULL);
	shed(b, 3, 1, 760);
	seconds(b, 3, NULL);
	const struct yg_alert *open = find(b, "sensor.shed", "", YG_ALERT_OPEN);
	assert_non_null(open);
	assert_int_equal(open->severity, YG_SEV_MEDIUM);
	assert_int_equal((int)open->observed, 1);
	assert_non_null(strstr(open->text_en, "76.0 %"));
	assert_non_null(strstr(open->text_en, "99.5 %"));
	assert_non_null(strstr(open->text_ja, "76.0%"));
	shed(b, 4, 3, YG_STATS_UNKNOWN);
	second(b, NULL);
	const struct yg_alert *update = find(b, "sensor.shed", "", YG_ALERT_UPDATE);
	assert_non_null(update);
	assert_int_equal(update->severity, YG_SEV_CRITICAL);
	assert_non_null(strstr(update->text_en, "2 of 8 workers shed load, step 3 of 3 on worker 4"));
	assert_non_null(strstr(update->text_en, "queue: unknown"));
	shed(b, 3, 0, 10);
	shed(b, 4, 0, 10);
	seconds(b, 10, NULL);
	shed(b, 4, 1, 760); // back within the time of closing: the same alert
	seconds(b, 3, NULL);
	assert_int_equal(opened(b), 1);
	shed(b, 4, 0, 10);
	seconds(b, 20, NULL);
	assert_non_null(find(b, "sensor.shed", "", YG_ALERT_CLOSE));
	stop(b);
}

// ---- flows on two workers ----

static void show_pairs(struct bench *b, uint64_t period, unsigned both_of_256)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned i = 0; i < YG_PAIR_PLACES; i++)
			set(&b->stats->worker[w].pairs[i], 1000 + ((uint64_t)period * 131 + i * 17 + w) % 9999 * 2 * WORKERS + w);
		set(&b->stats->worker[w].pairs_period, period);
	}
	for (unsigned i = 0; i < both_of_256; i++) { // the lowest of all lies on two workers
		set(&b->stats->worker[1].pairs[i], 7);
		set(&b->stats->worker[6].pairs[i], 7);
	}
}

static void run_pairs(struct bench *b, unsigned both)
{
	for (unsigned period = 1; period <= 12; period++) {
		show_pairs(b, (uint64_t)(b->second / 10), both);
		seconds(b, 10, NULL);
	}
}

static void a_flow_on_two_workers_is_found_by_its_share(void **state)
{
	(void)state;
	struct bench *b = start();
	run_pairs(b, 0);
	assert_int_equal(b->seen_count, 0);
	run_pairs(b, 13); // 5 %
	const struct yg_alert *open = find(b, "sensor.mirror", "rss_asymmetric", YG_ALERT_OPEN);
	assert_non_null(open);
	assert_non_null(strstr(open->text_en, "two workers"));
	const struct yg_alert *update = find(b, "sensor.mirror", "rss_asymmetric", YG_ALERT_UPDATE);
	assert_non_null(update);
	assert_true(update->observed > 4.5 && update->observed < 5.5);
	run_pairs(b, 0);
	assert_non_null(find(b, "sensor.mirror", "rss_asymmetric", YG_ALERT_CLOSE));
	stop(b);
}

// ---- what others raise meanwhile ----

static void what_depends_on_the_mirror_says_that_it_is_not_sound(void **state)
{
	(void)state;
	struct bench *b = start();
	struct yg_alert plain = {.confidence = 0.9f, .text_en = "A scan.", .text_ja = "走査。"}, a = plain;
	seconds(b, 30, NULL);
	yg_health_temper(b->health, &a);
	assert_memory_equal(&a, &plain, sizeof a);
	seconds(b, 20, lose_data);
	yg_health_temper(b->health, &a);
	assert_true(a.confidence > 0.71f && a.confidence < 0.73f);
	assert_string_equal(a.text_en, "A scan. The mirror is not sound (gaps): less certain.");
	assert_non_null(strstr(a.text_ja, "走査。ミラーに異常があり（gaps）"));
	struct yg_alert held = {.hold = 1, .confidence = 0.9f}, full = plain;
	yg_health_temper(b->health, &held);
	assert_true(held.confidence > 0.89f);
	memset(full.text_en, 'x', sizeof full.text_en - 1);
	yg_health_temper(b->health, &full); // no room: the number alone says it
	assert_int_equal(strlen(full.text_en), sizeof full.text_en - 1);
	assert_true(full.confidence < 0.73f);
	seconds(b, 60, NULL);
	a = plain;
	yg_health_temper(b->health, &a);
	assert_memory_equal(&a, &plain, sizeof a);
	yg_health_temper(NULL, &a); // a replay
	assert_memory_equal(&a, &plain, sizeof a);
	stop(b);
}

// A replay has no ports to look at, but it sees the connections: what a detector says is as uncertain there.
static void a_replay_of_one_direction_is_less_certain_too(void **state)
{
	(void)state;
	struct bench *b = start();
	const struct yg_alert plain = {.confidence = 0.9f, .text_en = "A scan.", .text_ja = "走査。"};
	static const struct {
		uint32_t connections, one_way;
		bool held, lower;
	} cases[] = {{4000, 4000, false, true},
		     {4000, 2000, false, true},
		     {4000, 1999, false, false},
		     {99, 99, false, false},
		     {4000, 4000, true, false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct yg_alert a = plain;
		a.hold = cases[i].held;
		yg_health_temper_replay(&b->hand.config, cases[i].connections, cases[i].one_way, &a);
		assert_int_equal(a.confidence < 0.73f && a.confidence > 0.71f, cases[i].lower);
		assert_int_equal(strstr(a.text_en, "(one_way): less certain.") != NULL, cases[i].lower);
		assert_int_equal(strstr(a.text_ja, "（one_way）") != NULL, cases[i].lower);
	}
	b->hand.values[YG_O_EGRESS_MIRROR] = 1; // that is how it is meant
	struct yg_alert a = plain;
	yg_health_temper_replay(&b->hand.config, 4000, 4000, &a);
	assert_memory_equal(&a, &plain, sizeof a);
	stop(b);
}

static void counters_that_go_back_are_a_new_beginning(void **state)
{
	(void)state;
	struct bench *b = start();
	set(&b->stats->port[0].missed, 1000000);
	seconds(b, 30, NULL);
	set(&b->stats->port[0].missed, 5);
	set(&b->stats->port[0].packets, 100);
	seconds(b, 30, NULL);
	assert_int_equal(b->seen_count, 0);
	b->second += 400; // the machine slept: what changed meanwhile belongs to no period
	add(&b->stats->port[0].missed, 1000000);
	seconds(b, 30, NULL);
	assert_int_equal(b->seen_count, 0);
	stop(b);
}

static void what_befell_the_spool_is_said_once_and_with_what_to_do(void **state)
{
	(void)state;
	struct bench *b = start();
	struct yg_spool_told *told = &b->stats->spool;
	yg_health_spool(told, on_raise, b);
	assert_int_equal(b->seen_count, 0);
	for (unsigned i = 0; i < YG_SE_COUNT; i++)
		add(&told->event[i], 3 + i);
	yg_health_spool(told, on_raise, b);
	assert_int_equal(b->seen_count, YG_SE_COUNT - 1); // all but a torn tail
	for (unsigned i = 0; i < b->seen_count; i++) {
		assert_string_equal(b->seen[i].kind, "sensor.spool");
		assert_true(strlen(b->seen[i].text_ja) > 60 && strlen(b->seen[i].text_en) > 60);
		assert_true(strlen(b->seen[i].text_ja) < sizeof b->seen[i].text_ja - 1);
	}
	assert_string_equal(b->seen[b->seen_count - 1].vector, "lost");
	assert_int_equal((int)b->seen[b->seen_count - 1].observed, 3 + YG_SE_LOST);
	yg_health_spool(told, on_raise, b); // and another engine, too
	assert_int_equal(b->seen_count, YG_SE_COUNT - 1);
	static const struct { unsigned percent; uint8_t severity; } steps[] = {
		{69, 0}, {70, YG_SEV_MEDIUM}, {85, YG_SEV_HIGH}, {95, YG_SEV_CRITICAL}};
	for (unsigned i = 0; i < 4; i++) {
		unsigned before = b->seen_count;
		set(&told->pressure, steps[i].percent);
		yg_health_spool(told, on_raise, b);
		assert_int_equal(b->seen_count - before, i > 0);
		if (i)
			assert_int_equal(b->seen[before].severity, steps[i].severity);
	}
	stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_mirror_raises_nothing),
		cmocka_unit_test(each_fault_opens_one_alert_and_closes_it),
		cmocka_unit_test(what_is_just_below_its_threshold_is_held_and_not_opened),
		cmocka_unit_test(what_a_sender_can_fake_alone_raises_nothing),
		cmocka_unit_test(a_kernel_that_says_nothing_is_not_taken_for_one_that_drops_nothing),
		cmocka_unit_test(thresholds_of_zero_are_off),
		cmocka_unit_test(a_silent_port_opens_within_its_time_and_closes),
		cmocka_unit_test(a_port_that_never_had_a_packet_is_silent_too),
		cmocka_unit_test(a_link_is_down_only_where_no_packet_says_otherwise),
		cmocka_unit_test(a_worker_that_stands_still_is_told_within_two_seconds),
		cmocka_unit_test(a_worker_that_empties_its_tables_does_not_stand_still),
		cmocka_unit_test(shedding_is_one_alert_that_grows_with_its_step),
		cmocka_unit_test(a_flow_on_two_workers_is_found_by_its_share),
		cmocka_unit_test(what_depends_on_the_mirror_says_that_it_is_not_sound),
		cmocka_unit_test(a_replay_of_one_direction_is_less_certain_too),
		cmocka_unit_test(counters_that_go_back_are_a_new_beginning),
		cmocka_unit_test(what_befell_the_spool_is_said_once_and_with_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
