// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the rate engine learns: what windows carry, which minutes teach nothing to whom, and the way over a restart, into another
// configuration too, and from bytes that are none of ours.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rate_engine.h"
#include "engine/state.h"
#include "hand_config.h"

enum { BYTES = 1 << 20, KEYS = 6 };

static struct hand_config hand;
static struct yg_window windows[KEYS];
static uint8_t saved[BYTES];

// The keys that a server of the board is in, in the order of the windows.
static const struct yg_rate_key keys[KEYS] = {
	{.addr = {{10, 1, 2, 9}}, .scope = YG_SCOPE_HOST, .af = 4, .prefix_len = 32, .org = HAND_BOARD},
	{.addr = {{10, 1, 2, 9}}, .scope = YG_SCOPE_SERVICE, .af = 4, .prefix_len = 32, .proto = 6, .port = 443, .org = HAND_BOARD},
	{.addr = {{10, 1, 2}}, .scope = YG_SCOPE_PREFIX, .af = 4, .prefix_len = 24, .org = HAND_BOARD},
	{.addr = {{10, 1}}, .scope = YG_SCOPE_PREFIX, .af = 4, .prefix_len = 16, .org = HAND_CITY},
	{.scope = YG_SCOPE_BODY, .org = HAND_BOARD},
	{.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE},
};
static const struct yg_rate_key other = {.addr = {{10, 1, 9, 9}}, .scope = YG_SCOPE_HOST, .af = 4, .prefix_len = 32, .org = HAND_CITY};
static struct yg_window other_window;

static void keep(void *context, const struct yg_window *w)
{
	(void)context;
	for (unsigned i = 0; i < KEYS; i++)
		if (w->scope == keys[i].scope && w->prefix_len == keys[i].prefix_len && memcmp(&w->addr, &keys[i].addr, sizeof w->addr) == 0)
			windows[i] = *w;
	if (w->scope == YG_SCOPE_HOST && memcmp(&w->addr, &other.addr, sizeof w->addr) == 0)
		other_window = *w;
}

static struct yg_rate_engine *make(void)
{
	struct yg_rate_engine *e = yg_rate_engine_create(&hand.config, &yg_hash_key_replay);
	assert_non_null(e);
	return e;
}

static int setup(void **state)
{
	(void)state;
	hand_config_init(&hand);
	memset(windows, 0, sizeof windows);
	return 0;
}

static void add(struct yg_rate_engine *e, const struct yg_rate_key *key, uint32_t packets)
{
	struct yg_rate_delta d = {.key = *key};
	d.rates.packets[YG_VEC_UDP] = packets;
	d.rates.bytes[YG_VEC_UDP] = packets * UINT64_C(100);
	d.rates.handshakes = 1;
	yg_rate_engine_add(e, &d);
}

static void second_of(struct yg_rate_engine *e, int64_t second, uint32_t packets, const struct yg_alert *open)
{
	for (unsigned i = 0; i < KEYS; i++)
		add(e, &keys[i], packets);
	add(e, &other, 7);
	yg_rate_engine_close(e, second, keep, NULL);
	if (open)
		yg_rate_engine_untrain(e, open);
}

// `minutes` from that second on, each with one loud second. The second that follows.
static int64_t minutes_of(struct yg_rate_engine *e, int64_t second, unsigned minutes, uint32_t packets, const struct yg_alert *open)
{
	for (unsigned i = 0; i < minutes; i++, second += 60) {
		second_of(e, second, packets, open);
		second_of(e, second + 30, 1, NULL);
	}
	return second;
}

static bool is_near(float is, double should)
{
	return fabs(is - should) <= 0.13 * should;
}

static void a_window_says_what_is_usual_for_its_key(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	int64_t next = minutes_of(e, 600, 1440 + 12, 500, NULL);
	second_of(e, next, 1, NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		assert_true(is_near(windows[i].base.packets, 500));
		assert_true(is_near(windows[i].base.bits, 400000));
		assert_int_equal(windows[i].base.state, YG_LEARN_SHORT);
		assert_in_range(windows[i].base.minutes, 1440, 1452);
	}
	yg_rate_engine_destroy(e);
}

static void what_was_pushed_is_in_the_window_of_its_second_alone(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	static const struct yg_pushed none;
	for (int64_t s = 1; s <= 3; s++) {
		add(e, &keys[0], 1);
		struct yg_rate_delta d = {.key = keys[0]};
		d.key.scope |= YG_SCOPE_PUSHED;
		d.rates.packets[YG_VEC_SYN] = 20;
		d.rates.bytes[YG_VEC_SYN] = 1200;
		d.rates.handshakes = 2;
		for (unsigned worker = 0; s == 2 && worker < 3; worker++)
			yg_rate_engine_add(e, &d);
		yg_rate_engine_close(e, s, keep, NULL);
		assert_int_equal(windows[0].now.packets[YG_VEC_UDP], 1);
		assert_int_equal(windows[0].now.packets[YG_VEC_SYN], 0);
		assert_int_equal(windows[0].now.handshakes, 1);
		if (s != 2)
			assert_memory_equal(&windows[0].pushed, &none, sizeof none);
	}
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_int_equal(stats.windows, 3);
	yg_rate_engine_destroy(e);
}

static struct yg_alert alert_about(const char *kind)
{
	struct yg_alert a = {.af = 4, .target = {{10, 1, 2, 9}}, .target_len = 32, .org = HAND_BOARD};
	snprintf(a.kind, sizeof a.kind, "%s", kind);
	return a;
}

// The victim, its services, what covers it and the link do not learn from an attack; its neighbour does.
static void minutes_of_an_open_alert_teach_nothing_to_who_is_in_it(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	const struct yg_alert alert = alert_about("dos.udp_flood");
	int64_t next = minutes_of(e, 600, 100, 50, NULL);
	next = minutes_of(e, next, 300, 90000, &alert);
	next = minutes_of(e, next, 30, 50, NULL);
	second_of(e, next, 1, NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		assert_true(is_near(windows[i].base.packets, 50));
		assert_in_range(windows[i].base.minutes, 129, 131);
	}
	assert_in_range(other_window.base.minutes, 429, 431);
	yg_rate_engine_destroy(e);
}

static void alerts_that_say_nothing_of_rates_do_not_hinder_learning(void **state)
{
	(void)state;
	static const char *const kinds[] = {"scan.port", "dos.campaign", "dos.open_service", "sensor.mirror"};
	for (unsigned k = 0; k < 4; k++) {
		struct yg_rate_engine *e = make();
		const struct yg_alert alert = alert_about(kinds[k]);
		int64_t next = minutes_of(e, 600, 50, 800, &alert);
		second_of(e, next, 1, NULL);
		assert_int_equal(windows[0].base.minutes, 50);
		yg_rate_engine_destroy(e);
	}
}

static void a_source_inside_does_not_learn_from_what_it_does(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	struct yg_alert alert = {.kind = "dos.outbound", .af = 4, .target = {{192, 0, 2, 1}}, .target_len = 32, .org = HAND_BOARD,
				 .source_af = 4, .source = {{10, 1, 2, 9}}};
	int64_t next = minutes_of(e, 600, 20, 800, &alert);
	second_of(e, next, 1, NULL);
	assert_int_equal(windows[0].base.minutes, 0);
	assert_int_equal(other_window.base.minutes, 20);
	yg_rate_engine_destroy(e);
}

// Hours in which nothing was watched are no silence; a few minutes without a packet are.
static void a_gap_teaches_no_silence(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	int64_t next = minutes_of(e, 600, 30, 100, NULL);
	next = minutes_of(e, next + 86400, 10, 100, NULL);
	second_of(e, next + 240, 1, NULL);
	assert_in_range(windows[0].base.minutes, 44, 45);
	yg_rate_engine_destroy(e);
}

// ---- over a restart ----

static uint64_t save_all(struct yg_rate_engine *e, uint64_t room)
{
	struct yg_state_part part;
	uint64_t cursor = 0, size = 0;
	yg_rate_engine_part(e, &part);
	while (cursor != YG_STATE_DONE) {
		uint64_t n = part.save(part.context, &cursor, saved + size, room < BYTES - size ? room : BYTES - size);
		assert_true(n <= room);
		size += n;
		assert_true(n || cursor == YG_STATE_DONE);
	}
	return size;
}

static int restore(struct yg_rate_engine *e, const void *bytes, uint64_t size)
{
	struct yg_state_part part;
	yg_rate_engine_part(e, &part);
	return part.restore(part.context, part.version, bytes, size);
}

static uint64_t learn_and_save(uint64_t room)
{
	struct yg_rate_engine *e = make();
	int64_t next = minutes_of(e, 600, 200, 500, NULL);
	second_of(e, next, 1, NULL);
	uint64_t size = save_all(e, room);
	yg_rate_engine_destroy(e);
	return size;
}

static void a_new_engine_goes_on_where_the_old_one_was(void **state)
{
	(void)state;
	static uint8_t whole[BYTES];
	uint64_t size = learn_and_save(BYTES);
	memcpy(whole, saved, size);
	assert_int_equal(learn_and_save(4096), size); // in pieces
	assert_memory_equal(whole, saved, size);
	struct yg_rate_engine *e = make();
	assert_int_equal(restore(e, saved, size), 0);
	second_of(e, 900000, 3, NULL); // days later
	for (unsigned i = 0; i < KEYS; i++) {
		assert_true(is_near(windows[i].base.packets, 500));
		assert_int_equal(windows[i].base.minutes, 200);
	}
	second_of(e, 900060, 3, NULL); // the minute of the restart is nobody's
	assert_int_equal(windows[0].base.minutes, 200);
	second_of(e, 900120, 3, NULL);
	assert_int_equal(windows[0].base.minutes, 201);
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_int_equal(stats.restored, KEYS + 1);
	assert_int_equal(stats.not_restored, 0);
	yg_rate_engine_destroy(e);
}

// The city is gone, and with it its prefixes and hosts; the board has another place in the list.
static void another_configuration_takes_what_is_still_its_own(void **state)
{
	(void)state;
	uint64_t size = learn_and_save(BYTES);
	static const struct yg_org orgs[] = {{.code = "999999", .parent = YG_ORG_NONE}, {.code = "888888", .parent = YG_ORG_NONE},
					     {.code = "072001-b", .parent = YG_ORG_NONE}};
	static const struct yg_prefix prefixes[] = {
		{.addr = {{10, 1, 2}}, .af = 4, .length = 24, .zone = YG_ZONE_LGWAN, .org = 2, .cover = 0xffff}};
	hand.config.orgs = orgs;
	hand.config.orgs_count = 3;
	hand.config.prefixes = prefixes;
	hand.config.prefixes_count = 1;
	hand.config.services_count = 0;
	struct yg_rate_engine *e = make();
	assert_int_equal(restore(e, saved, size), 0);
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_int_equal(stats.restored, 5); // host, service, prefix, body, link
	assert_int_equal(stats.not_restored, 2);
	struct yg_rate_key body = {.scope = YG_SCOPE_BODY, .org = 2}, host = keys[0];
	host.org = 2;
	add(e, &body, 1);
	add(e, &host, 1);
	memset(windows, 0, sizeof windows);
	yg_rate_engine_close(e, 9000, keep, NULL);
	assert_true(is_near(windows[4].base.packets, 500));
	assert_true(is_near(windows[0].base.packets, 500));
	yg_rate_engine_destroy(e);
}

static void cut_or_changed_bytes_are_refused_or_harmless(void **state)
{
	(void)state;
	static uint8_t bad[BYTES];
	uint64_t size = learn_and_save(BYTES);
	unsigned refused = 0;
	srandom(8);
	for (unsigned i = 0; i < 3000; i++) {
		uint64_t length = i < 1000 ? (uint64_t)random() % size : size;
		memcpy(bad, saved, length);
		for (unsigned n = i < 1000 ? 0 : 1 + (unsigned)random() % 4; n; n--)
			bad[(uint64_t)random() % size] ^= (uint8_t)(1 << random() % 8);
		struct yg_rate_engine *e = make();
		refused += restore(e, bad, length) != 0;
		second_of(e, 5000, 10, NULL);
		second_of(e, 5060, 10, NULL);
		yg_rate_engine_destroy(e);
	}
	assert_in_range(refused, 1000, 2999);
}

static void a_refused_snapshot_leaves_nothing_behind(void **state)
{
	(void)state;
	uint64_t size = learn_and_save(BYTES);
	struct yg_rate_engine *e = make();
	assert_int_equal(restore(e, saved, size - 1), -1);
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_int_equal(stats.keys, 0);
	assert_int_equal(stats.baselines, 0);
	yg_rate_engine_destroy(e);
}

static void count_all(void *context, const struct yg_rate_key *key, const struct yg_baseline *base)
{
	(void)key;
	(void)base;
	(*(unsigned *)context)++;
}

static void count_one(void *context, const struct yg_rate_key *key, const struct yg_baseline *base)
{
	(void)key;
	*(unsigned *)context += is_near(base->packets, 500);
}

static void a_reader_sees_what_an_engine_would(void **state)
{
	(void)state;
	uint64_t size = learn_and_save(BYTES);
	unsigned usual = 0;
	assert_true(yg_rate_engine_each(saved, size, count_one, &usual));
	assert_int_equal(usual, KEYS);
	assert_false(yg_rate_engine_each(saved, size - 2, count_one, &usual));
	assert_int_equal(usual, KEYS);
}

// A flood from forged addresses of ours fills every place, again and again: who has learned stays.
static void forged_addresses_do_not_make_anybody_forget(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	int64_t second = minutes_of(e, 600, 20, 500, NULL);
	for (unsigned i = 0; i < 50000; i++) {
		struct yg_rate_key key = other;
		key.addr.b[2] = (uint8_t)(100 + (i >> 8) % 150);
		key.addr.b[3] = (uint8_t)i;
		key.org = i % 2 ? HAND_CITY : YG_ORG_NONE;
		add(e, &key, 100000);
		if (i % 500 == 499)
			yg_rate_engine_close(e, second++, keep, NULL);
	}
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_true(stats.evicted > 1000);
	second_of(e, second + 120, 1, NULL);
	for (unsigned i = 0; i < KEYS; i++)
		assert_true(windows[i].base.minutes >= 20 && is_near(windows[i].base.packets, 500));
	yg_rate_engine_destroy(e);
}

// More keys than the new engine has places: nobody has to go for one of the past, and what found no place is counted.
static void keys_that_find_no_place_are_counted(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	for (unsigned m = 0; m < 5; m++) {
		for (unsigned i = 0; i < 900; i++) {
			struct yg_rate_key key = other;
			key.addr.b[2] = (uint8_t)(i >> 8);
			key.addr.b[3] = (uint8_t)i;
			add(e, &key, 10);
		}
		yg_rate_engine_close(e, 60 * (m + 1), keep, NULL);
	}
	uint64_t size = save_all(e, BYTES);
	struct yg_rate_engine_stats after;
	unsigned all = 0;
	yg_rate_engine_destroy(e);
	assert_true(yg_rate_engine_each(saved, size, count_all, &all));
	assert_in_range(all, 700, 900);
	hand.values[YG_O_RATES_KEEP] = 256;
	e = make();
	assert_int_equal(restore(e, saved, size), 0);
	yg_rate_engine_stats(e, &after);
	assert_in_range(after.restored, 200, 256);
	assert_int_equal(after.evicted, 0);
	assert_int_equal(after.restored + after.not_restored, all);
	yg_rate_engine_destroy(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_window_says_what_is_usual_for_its_key, setup),
		cmocka_unit_test_setup(what_was_pushed_is_in_the_window_of_its_second_alone, setup),
		cmocka_unit_test_setup(minutes_of_an_open_alert_teach_nothing_to_who_is_in_it, setup),
		cmocka_unit_test_setup(alerts_that_say_nothing_of_rates_do_not_hinder_learning, setup),
		cmocka_unit_test_setup(a_source_inside_does_not_learn_from_what_it_does, setup),
		cmocka_unit_test_setup(a_gap_teaches_no_silence, setup),
		cmocka_unit_test_setup(a_new_engine_goes_on_where_the_old_one_was, setup),
		cmocka_unit_test_setup(another_configuration_takes_what_is_still_its_own, setup),
		cmocka_unit_test_setup(cut_or_changed_bytes_are_refused_or_harmless, setup),
		cmocka_unit_test_setup(a_refused_snapshot_leaves_nothing_behind, setup),
		cmocka_unit_test_setup(a_reader_sees_what_an_engine_would, setup),
		cmocka_unit_test_setup(forged_addresses_do_not_make_anybody_forget, setup),
		cmocka_unit_test_setup(keys_that_find_no_place_are_counted, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
