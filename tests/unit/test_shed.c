// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The steps of shedding: which signal asks for which step, how fast it goes up, how slowly down (ticks are microseconds here); and what
// a worker gives up in each step, and what it does not.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/shed.h"
#include "worker_rig.h"

enum { MS = 1000, S = 1000 * MS };

static struct hand_config hand;

static struct yg_shed begun(void)
{
	struct yg_shed s;
	hand_config_init(&hand);
	hand.values[YG_O_SHED_ENABLED] = 1;
	hand.values[YG_O_SHED_QUEUE] = 75;
	hand.values[YG_O_SHED_BUSY] = 98;
	hand_config_seconds(&hand, YG_O_SHED_CALM, 5);
	yg_shed_init(&s, &hand.config, S, S);
	return s;
}

// Turns of 10 µs until `until`, `busy` of each hundred with packets; returns the highest step.
static unsigned run(struct yg_shed *s, uint64_t until, unsigned busy, int queue)
{
	unsigned highest = s->step;
	for (uint64_t now = s->turn + 10; now <= until; now += 10) {
		yg_shed_turn(s, now, now / 10 % 100 < busy);
		if (!yg_shed_due(s, now))
			continue;
		unsigned step = yg_shed_look(s, now, queue);
		highest = step > highest ? step : highest;
	}
	return highest;
}

static void a_full_queue_acts_within_two_milliseconds(void **state)
{
	(void)state;
	static const struct { int queue; unsigned step; } rows[] = {{0, 0}, {749, 0}, {750, 1}, {874, 1}, {875, 2}, {949, 2}, {950, 3}, {1000, 3}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct yg_shed s = begun();
		assert_int_equal(run(&s, S + 2 * MS, 50, rows[i].queue), rows[i].step);
		assert_int_equal(s.rises, rows[i].step > 0);
	}
}

static void a_busy_worker_with_a_short_queue_sheds_nothing(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	assert_int_equal(run(&s, 20 * S, 100, 100), 0);
	assert_true(s.last_busy >= 999);
}

static void a_busy_worker_goes_one_step_a_second_and_the_last_is_the_queues(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	assert_int_equal(run(&s, S + 101 * MS, 100, 400), 1); // filling: above half of the mark
	assert_int_equal(run(&s, S + 1000 * MS, 100, 400), 1);
	assert_int_equal(run(&s, S + 1300 * MS, 100, 400), 2);
	assert_int_equal(run(&s, 20 * S, 100, 400), 2);
}

static void where_no_driver_tells_of_its_queue_time_alone_goes_to_the_end(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	assert_int_equal(run(&s, S + 900 * MS, 100, YG_SHED_UNKNOWN), 0); // the scheduler takes the core away for a moment
	assert_int_equal(run(&s, S + 3500 * MS, 100, YG_SHED_UNKNOWN), 3);
	assert_int_equal(s.last_queue, YG_SHED_UNKNOWN);
	struct yg_shed idle = begun();
	assert_int_equal(run(&idle, 20 * S, 90, YG_SHED_UNKNOWN), 0);
}

static void down_goes_one_step_after_each_calm(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	run(&s, S + 10 * MS, 50, 960);
	assert_int_equal(s.step, 3);
	run(&s, 6 * S, 50, 100);
	assert_int_equal(s.step, 3);
	run(&s, 6500 * MS, 50, 100);
	assert_int_equal(s.step, 2);
	run(&s, 11600 * MS, 50, 100);
	assert_int_equal(s.step, 1);
	run(&s, 17 * S, 50, 100);
	assert_int_equal(s.step, 0);
}

static void between_the_marks_it_stays(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	run(&s, S + 10 * MS, 50, 760);
	run(&s, 60 * S, 50, 500); // below the mark, above its half
	assert_int_equal(s.step, 1);
	run(&s, 64 * S, 50, 100);
	run(&s, 64 * S + 200 * MS, 50, 500); // calm is broken: it begins anew
	run(&s, 68 * S, 50, 100);
	assert_int_equal(s.step, 1);
	run(&s, 70 * S, 50, 100);
	assert_int_equal(s.step, 0);
	assert_int_equal(s.rises, 1);
}

static void switched_off_it_only_measures(void **state)
{
	(void)state;
	struct yg_shed s = begun();
	s.on = false;
	assert_int_equal(run(&s, 5 * S, 100, 1000), 0);
	assert_int_equal(s.last_queue, 1000);
}

static void what_it_shows_is_what_holds(void **state)
{
	(void)state;
	struct yg_worker_stats *stats = aligned_alloc(64, sizeof *stats);
	struct yg_shed s = begun();
	assert_non_null(stats);
	memset(stats, 0, sizeof *stats);
	run(&s, S + 250 * MS, 50, 960);
	yg_shed_show(&s, stats);
	assert_int_equal(yg_counter_get(&stats->shed_step), 3);
	assert_int_equal(yg_counter_get(&stats->shed_queue), 960);
	assert_in_range(yg_counter_get(&stats->shed_busy), 480, 520);
	assert_int_equal(yg_counter_get(&stats->c[YG_WC_SHED_RISES]), 1);
	run(&s, S + 450 * MS, 50, YG_SHED_UNKNOWN);
	yg_shed_show(&s, stats);
	assert_true(yg_counter_get(&stats->shed_queue) == YG_STATS_UNKNOWN);
	free(stats);
}

// ---- a worker that sheds ----

struct sums {
	uint64_t packets, bytes, body_packets, service_packets, flows, records, contacts;
};

static void on_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	struct sums *s = rig->test;
	uint64_t packets = delta->rates.packets_out, bytes = delta->rates.bytes_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		packets += delta->rates.packets[v];
		bytes += delta->rates.bytes[v];
	}
	if (delta->key.scope == YG_SCOPE_LINK) {
		s->packets += packets;
		s->bytes += bytes;
	}
	if (delta->key.scope == YG_SCOPE_BODY) {
		s->body_packets += packets;
		s->flows += delta->rates.flows;
	}
	if (delta->key.scope == YG_SCOPE_SERVICE)
		s->service_packets += packets;
}

static void on_event(struct rig *rig, const struct yg_event *event)
{
	struct sums *s = rig->test;
	s->records += event->kind == YG_EV_FLOW;
	s->contacts += event->kind == YG_EV_CONTACT;
}

// 100 connections that talk before the step begins and go on, then 900 SYNs a second from anywhere and 50 queries, for eight seconds.
static struct sums shed_worker(uint8_t step, struct rig *rig)
{
	static const struct rig_options options = {.live = true};
	struct sums sums = {0};
	*rig = (struct rig){.delta = on_delta, .event = on_event, .test = &sums};
	rig_start(rig, &options);
	for (unsigned second = 0; second < 16; second++) {
		rig_begin(rig);
		rig->worker->shed = second ? step : 0;
		for (unsigned i = 0; i < 100; i++) {
			struct rig_packet old = {.src = hand_v4(203, 0, 113, i), .dst = hand_v4(10, 1, 0, 81), .sport = (uint16_t)(3000 + i),
						 .dport = 443, .proto = 6, .flags = YG_TCP_ACK, .payload = 100};
			rig_send(rig, &old);
		}
		for (unsigned i = 0; i < (second < 8 ? 950 : 0); i++) {
			struct rig_packet syn = {.src = hand_v4(198, 51, second, i), .dst = hand_v4(10, 1, 0, 81), .sport = (uint16_t)(i + 1024),
						 .dport = 443, .proto = 6, .flags = YG_TCP_SYN};
			struct rig_packet ask = {.src = hand_v4(198, 18, second, i), .dst = hand_v4(10, 1, 0, 82), .sport = (uint16_t)(i + 1024),
						 .dport = 53, .proto = 17, .payload = 40};
			rig_send(rig, i < 900 ? &syn : &ask);
		}
		rig->now += YG_NS_PER_S;
		while (yg_ring_available(&rig->requests))
			yg_ring_pop(&rig->requests, 1);
		yg_ring_release(&rig->requests);
		rig_end(rig, second == 15);
	}
	return sums;
}

static void each_step_gives_up_what_it_says_and_counts_everything(void **state)
{
	(void)state;
	struct sums sums[4];
	for (uint8_t step = 0; step < 4; step++) {
		struct rig rig;
		struct sums *s = &sums[step];
		*s = shed_worker(step, &rig);
		// Rates are exact, and nothing is lost on the way.
		assert_int_equal(s->packets, 16 * 100 + 8 * 950);
		assert_int_equal(s->bytes, sums[0].bytes);
		assert_int_equal(s->body_packets, sums[0].body_packets);
		assert_int_equal(s->service_packets, sums[0].service_packets);
		uint64_t in_flows = rig_count(&rig, YG_WC_FLOW_HITS) + rig_count(&rig, YG_WC_FLOW_CREATED);
		assert_int_equal(in_flows + rig_count(&rig, YG_WC_SHED_PACKETS), rig.number);
		// Step 1: the queries of seven seconds, and the connections only if they had not begun.
		assert_int_equal(rig_count(&rig, YG_WC_SHED_DISSECTION), step == 1 || step == 2 ? 7 * 50 : 0);
		// Step 2: attempts of all seconds end while it holds.
		if (step == 2) {
			assert_true(rig_count(&rig, YG_WC_SHED_RECORDS) >= 7 * 900);
			assert_true(s->records < sums[1].records / 4);
		} else if (step < 2) {
			assert_int_equal(rig_count(&rig, YG_WC_SHED_RECORDS), 0);
		}
		// Step 3: what was there goes on, what was not leaves nothing beyond the share of its body.
		assert_int_equal(rig_count(&rig, YG_WC_SHED_PACKETS), step == 3 ? 7 * (950 - YG_SHED_FLOWS) : 0);
		if (step == 3)
			assert_int_equal(rig_count(&rig, YG_WC_FLOW_CREATED), 100 + 950 + 7 * YG_SHED_FLOWS);
		rig_stop(&rig);
	}
	assert_in_range(sums[0].records, 6500, 20000);
	assert_int_equal(sums[1].records, sums[0].records);
	assert_int_equal(sums[3].flows, sums[0].flows - 7 * 50); // a datagram does not say that it begins a flow
}

static void silent_attempts_are_told_within_a_budget_from_step_two_on(void **state)
{
	(void)state;
	static const struct rig_options options = {.live = true, .no_dissector = true};
	struct sums sums = {0};
	struct rig rig = {.delta = on_delta, .event = on_event, .test = &sums};
	rig_start(&rig, &options);
	rig_begin(&rig);
	rig.worker->shed = 2;
	for (unsigned i = 0; i < 20000; i++) { // the table gives its oldest up
		struct rig_packet syn = {.src = hand_v4(198, 51, i >> 8, i), .dst = hand_v4(10, 1, 0, 81), .sport = (uint16_t)(i + 1024),
					 .dport = 443, .proto = 6, .flags = YG_TCP_SYN};
		rig_send(&rig, &syn);
	}
	uint64_t ended = rig_count(&rig, YG_WC_FLOW_ENDED);
	assert_true(ended > YG_SHED_CONTACTS + 1000);
	assert_int_equal(rig_count(&rig, YG_WC_SHED_CONTACTS), ended - YG_SHED_CONTACTS);
	assert_int_equal(rig_count(&rig, YG_WC_SHED_RECORDS), ended);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_acts_within_two_milliseconds),
		cmocka_unit_test(a_busy_worker_with_a_short_queue_sheds_nothing),
		cmocka_unit_test(a_busy_worker_goes_one_step_a_second_and_the_last_is_the_queues),
		cmocka_unit_test(where_no_driver_tells_of_its_queue_time_alone_goes_to_the_end),
		cmocka_unit_test(down_goes_one_step_after_each_calm),
		cmocka_unit_test(between_the_marks_it_stays),
		cmocka_unit_test(switched_off_it_only_measures),
		cmocka_unit_test(what_it_shows_is_what_holds),
		cmocka_unit_test(each_step_gives_up_what_it_says_and_counts_everything),
		cmocka_unit_test(silent_attempts_are_told_within_a_budget_from_step_two_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
