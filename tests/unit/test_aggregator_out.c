// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The way out of the engine at its limits: rings that nobody empties, more applications than the summary has places for, more steps of
// the clock than are kept. Each loses what it says it loses, and no more.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ring.h"
#include "base/shm.h"
#include "engine/aggregator_out.h"
#include "hand_config.h"
#include "model/process.h"

enum { SLOTS = 64, STEPS = 4096 }; // as many steps as are kept
#define S YG_NS_PER_S
static const int64_t start_ns = INT64_C(1800000000) * S;

struct fixture {
	struct hand_config hand;
	struct yg_engine_stats *stats;
	struct yg_ring alerts, flows;       // producer's ends
	struct yg_ring alerts_in, flows_in; // the courier's
	void *memory[2];
	size_t size[2];
	struct yg_out *out;
};

static void make_ring(struct fixture *f, unsigned i, struct yg_ring *producer, struct yg_ring *consumer, uint32_t slot)
{
	f->size[i] = yg_ring_bytes(slot, SLOTS);
	f->memory[i] = yg_memory_reserve(f->size[i]);
	assert_non_null(f->memory[i]);
	assert_int_equal(yg_ring_format(f->memory[i], f->size[i], slot, SLOTS), 0);
	assert_int_equal(yg_ring_attach(producer, f->memory[i], f->size[i], slot, true), 0);
	assert_int_equal(yg_ring_attach(consumer, f->memory[i], f->size[i], slot, false), 0);
}

static void start(struct fixture *f, bool replay, double drain_s)
{
	memset(f, 0, sizeof *f);
	hand_config_init(&f->hand);
	hand_config_seconds(&f->hand, YG_O_REDIS_DRAIN, drain_s);
	f->stats = aligned_alloc(64, (sizeof *f->stats + 63) & ~(size_t)63);
	assert_non_null(f->stats);
	memset(f->stats, 0, sizeof *f->stats);
	make_ring(f, 0, &f->alerts, &f->alerts_in, sizeof(struct yg_alert));
	make_ring(f, 1, &f->flows, &f->flows_in, sizeof(struct yg_flow));
	const struct yg_out_options options = {.config = &f->hand.config, .stats = f->stats, .alerts = &f->alerts, .flows = &f->flows,
					       .replay = replay, .records_wanted = true};
	f->out = yg_out_create(&options);
	assert_non_null(f->out);
}

static void stop(struct fixture *f)
{
	yg_out_destroy(f->out);
	for (unsigned i = 0; i < 2; i++)
		yg_memory_release(f->memory[i], f->size[i]);
	free(f->stats);
}

static uint64_t counted(const struct fixture *f, enum yg_aggregator_counter counter)
{
	return yg_counter_get(&f->stats->aggregator[counter]);
}

static struct yg_flow flow_at(int64_t ns)
{
	return (struct yg_flow){.event = YG_FLOW_ENDED, .org = {YG_ORG_NONE, YG_ORG_NONE}, .proto_name = "DNS", .packets = {1, 1},
				.bytes = {60, 80}, .first_ns = ns, .last_ns = ns, .event_ns = ns};
}

// What the courier gets next.
static struct yg_flow took(struct fixture *f)
{
	yg_out_publish(f->out);
	assert_true(yg_ring_available(&f->flows_in) > 0);
	struct yg_flow flow = *(const struct yg_flow *)yg_ring_slot(&f->flows_in, f->flows_in.own);
	yg_ring_pop(&f->flows_in, 1);
	yg_ring_release(&f->flows_in);
	return flow;
}

static int64_t printed(struct fixture *f, int64_t ns)
{
	const struct yg_flow flow = flow_at(ns);
	yg_out_flow(f->out, &flow);
	return took(f).first_ns;
}

// ---- steps of the clock ----

// Step i, from 1: begins at second 10 i and moves the clock by i seconds.
static void step(struct fixture *f, unsigned i)
{
	yg_out_offset(f->out, start_ns + 10 * i * S, i * S);
}

static void all_steps_that_are_kept_give_their_own_stamps(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, true, 0);
	assert_int_equal(printed(&f, start_ns), start_ns);
	for (unsigned i = 1; i <= STEPS; i++) {
		step(&f, i);
		step(&f, i); // the same offset is no step
	}
	assert_int_equal(counted(&f, YG_AC_TIME_STEPS), STEPS);
	assert_int_equal(printed(&f, start_ns), start_ns); // before the first
	for (unsigned i = 1; i <= STEPS; i++) {
		int64_t from = start_ns + 10 * i * S;
		assert_int_equal(printed(&f, from), from - i * S);
		assert_int_equal(printed(&f, from - 1), from - 1 - (i - 1) * S);
	}
	assert_int_equal(counted(&f, YG_AC_TIME_STEPS_FORGOTTEN), 0);
	assert_int_equal(counted(&f, YG_AC_TIME_STAMPS_UNSURE), 0);
	stop(&f);
}

static void a_stamp_older_than_all_steps_is_near_and_counted(void **state)
{
	(void)state;
	enum { OVER = 3 * STEPS + 17 }; // the ring goes round several times
	struct fixture f;
	start(&f, true, 0);
	for (unsigned i = 1; i <= STEPS + OVER; i++)
		step(&f, i);
	assert_int_equal(counted(&f, YG_AC_TIME_STEPS_FORGOTTEN), OVER);
	for (unsigned i = OVER + 1; i <= STEPS + OVER; i += 5)
		assert_int_equal(printed(&f, start_ns + 10 * i * S), start_ns + 9 * i * S);
	assert_int_equal(counted(&f, YG_AC_TIME_STAMPS_UNSURE), 0);
	int64_t last_sure = start_ns + 10 * (OVER + 1) * S;
	assert_int_equal(printed(&f, last_sure - 1), last_sure - 1 - OVER * S); // of the last that was forgotten: right by luck
	assert_int_equal(printed(&f, start_ns), start_ns - OVER * S);
	assert_int_equal(counted(&f, YG_AC_TIME_STAMPS_UNSURE), 2 * 3);        // first, last and event of each
	stop(&f);
}

// ---- rings that nobody empties ----

static void live_a_full_ring_of_flows_sheds_records_by_number(void **state)
{
	(void)state;
	struct fixture f;
	start(&f, false, 0);
	for (unsigned i = 0; i < 3 * SLOTS; i++) {
		struct yg_flow flow = flow_at(start_ns + i);
		yg_out_flow(f.out, &flow);
		flow.event = YG_FLOW_UPDATED; // not a record that ends: neither written nor shed
		if (i >= SLOTS)
			yg_out_flow(f.out, &flow);
	}
	assert_int_equal(counted(&f, YG_AC_RECORDS_WRITTEN), SLOTS);
	assert_int_equal(counted(&f, YG_AC_RECORDS_SHED_RING_FULL), 2 * SLOTS);
	assert_int_equal(counted(&f, YG_AC_RECORDS_UPDATES), 0);
	assert_int_equal(yg_counter_get(&f.stats->apps[0].flows), 3 * SLOTS); // the totals know them all
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(took(&f).first_ns, start_ns + i); // the first ones, whole
	stop(&f);
}

static void alerts_without_room_are_refused_and_counted(bool replay, double drain_s)
{
	struct fixture f;
	start(&f, replay, drain_s);
	const struct yg_alert alert = {.time_ns = start_ns, .first_ns = start_ns, .last_ns = start_ns};
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(yg_out_alert(f.out, &alert), 0);
	const struct yg_alert high = {.time_ns = start_ns, .severity = YG_SEV_CRITICAL};
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(yg_out_alert(f.out, i < 2 ? &high : &alert), -ENOBUFS);
	assert_int_equal(yg_ring_told(&f.alerts_in, YG_ALERTS_LOST), 3);
	assert_int_equal(yg_ring_told(&f.alerts_in, YG_ALERTS_LOST_HIGH), 2);
	assert_int_equal(counted(&f, YG_AC_ALERTS_RING_FULL_HIGH), 2);
	assert_int_equal(counted(&f, YG_AC_ALERTS_SENT), SLOTS);
	assert_int_equal(counted(&f, YG_AC_ALERTS_RING_FULL), 5);
	for (unsigned i = 0; i < SLOTS; i++) {
		assert_int_equal(yg_ring_available(&f.alerts_in) > 0, true);
		const struct yg_alert *got = yg_ring_slot(&f.alerts_in, f.alerts_in.own);
		assert_int_equal(got->sequence, i + 1);
		yg_ring_pop(&f.alerts_in, 1);
	}
	yg_ring_release(&f.alerts_in);
	assert_int_equal(yg_out_alert(f.out, &alert), 0); // room again
	yg_out_publish(f.out);
	assert_int_equal(yg_ring_available(&f.alerts_in) > 0, true);
	const struct yg_alert *next = yg_ring_slot(&f.alerts_in, f.alerts_in.own);
	assert_int_equal(next->sequence, SLOTS + 6); // what was refused has spent its number
	stop(&f);
}

static void live_a_full_ring_of_alerts_refuses_at_once(void **state)
{
	(void)state;
	alerts_without_room_are_refused_and_counted(false, 60);
}

static void a_replay_waits_for_alerts_as_long_as_drain_says_in_all(void **state)
{
	(void)state;
	alerts_without_room_are_refused_and_counted(true, 0.1);
}

// ---- applications of the summary ----

static void the_summary_has_places_for_a_thousand_applications_and_counts_the_rest(void **state)
{
	(void)state;
	enum { OVER = 100 };
	struct fixture f;
	start(&f, false, 0);
	for (unsigned round = 1; round <= 2; round++) {
		for (unsigned i = 0; i < YG_SUMMARY_APPS + OVER; i++) {
			struct yg_flow flow = flow_at(start_ns);
			snprintf(flow.proto_name, sizeof flow.proto_name, "Application%u", i);
			yg_out_flow(f.out, &flow);
		}
		assert_int_equal(counted(&f, YG_AC_APPS_FULL), round * OVER);
	}
	assert_int_equal(yg_counter_get(&f.stats->apps_count), YG_SUMMARY_APPS);
	for (unsigned i = 0; i < YG_SUMMARY_APPS; i++)
		assert_int_equal(yg_counter_get(&f.stats->apps[i].flows), 2);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_steps_that_are_kept_give_their_own_stamps),
		cmocka_unit_test(a_stamp_older_than_all_steps_is_near_and_counted),
		cmocka_unit_test(live_a_full_ring_of_flows_sheds_records_by_number),
		cmocka_unit_test(live_a_full_ring_of_alerts_refuses_at_once),
		cmocka_unit_test(a_replay_waits_for_alerts_as_long_as_drain_says_in_all),
		cmocka_unit_test(the_summary_has_places_for_a_thousand_applications_and_counts_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
