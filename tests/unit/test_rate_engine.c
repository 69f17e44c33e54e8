// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The aggregator's rates: sums that do not depend on who counted what, windows in order of key, the moving average, which key goes when
// there is no place, and how many services a host may have.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rate_engine.h"
#include "hand_config.h"

enum { WINDOWS_MAX = 16384 };

static struct hand_config hand;
static struct yg_window windows[WINDOWS_MAX];
static uint32_t windows_count;

static void keep(void *context, const struct yg_window *window)
{
	(void)context;
	assert_true(windows_count < WINDOWS_MAX);
	windows[windows_count++] = *window;
}

static void close_second(struct yg_rate_engine *e, int64_t second)
{
	windows_count = 0;
	yg_rate_engine_close(e, second, keep, NULL);
}

static struct yg_rate_engine *make(void)
{
	hand_config_init(&hand);
	struct yg_rate_engine *e = yg_rate_engine_create(&hand.config, &yg_hash_key_replay);
	assert_non_null(e);
	return e;
}

static struct yg_rate_delta host(unsigned c, unsigned d, uint32_t packets)
{
	struct yg_rate_delta delta = {.key = {.addr = {{10, 1, (uint8_t)c, (uint8_t)d}}, .scope = YG_SCOPE_HOST, .af = 4, .prefix_len = 32}};
	delta.rates.packets[YG_VEC_UDP] = packets;
	delta.rates.bytes[YG_VEC_UDP] = packets * 100;
	return delta;
}

static struct yg_rate_delta service(unsigned c, unsigned d, uint16_t port, uint32_t handshakes)
{
	struct yg_rate_delta delta = host(c, d, 1);
	delta.key.scope = YG_SCOPE_SERVICE;
	delta.key.proto = 6;
	delta.key.port = port;
	delta.rates.handshakes = handshakes;
	return delta;
}

static void add(struct yg_rate_engine *e, struct yg_rate_delta delta)
{
	yg_rate_engine_add(e, &delta);
}

static void deltas_of_one_key_become_one_window(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	struct yg_rate_delta d = host(2, 9, 10);
	d.rates.flows = 1;
	d.rates.packets_out = 3;
	d.rates.bytes_out = 4;
	d.rates.flows_out = 5;
	d.key.org = HAND_BOARD;
	for (unsigned worker = 0; worker < 4; worker++)
		add(e, d);
	close_second(e, 100);
	assert_int_equal(windows_count, 1);
	const struct yg_window *w = &windows[0];
	assert_int_equal(w->second, 100);
	assert_int_equal(w->scope, YG_SCOPE_HOST);
	assert_int_equal(w->now.packets[YG_VEC_UDP], 40);
	assert_int_equal(w->now.bytes[YG_VEC_UDP], 4000);
	assert_int_equal(w->now.flows, 4);
	assert_int_equal(w->now.packets_out, 12);
	assert_int_equal(w->now.bytes_out, 16);
	assert_int_equal(w->now.flows_out, 20);
	assert_int_equal(w->zone, YG_ZONE_LGWAN);
	assert_int_equal(w->line_bps, hand_orgs[HAND_BOARD].line_bps);
	close_second(e, 101); // nothing came: no window
	assert_int_equal(windows_count, 0);
	yg_rate_engine_destroy(e);
}

static int by_scope_then_key(const struct yg_window *a, const struct yg_window *b)
{
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	int c = memcmp(&a->addr, &b->addr, sizeof a->addr);
	return c ? c : (int)a->port - (int)b->port;
}

static uint32_t run_shuffled(unsigned seed, struct yg_window *ret)
{
	struct yg_rate_engine *e = make();
	enum { KEYS = 3000 };
	static struct yg_rate_delta all[KEYS];
	for (unsigned i = 0; i < KEYS; i++)
		all[i] = i % 5 ? host(3 + i / 250, i % 250, i) : service(3 + i / 250, i % 250, 443, 1);
	uint32_t count = 0;
	for (int64_t second = 1; second < 6; second++) {
		for (unsigned i = KEYS - 1; i; i--) {
			unsigned j = (unsigned)rand_r(&seed) % (i + 1);
			struct yg_rate_delta swap = all[i];
			all[i] = all[j];
			all[j] = swap;
		}
		for (unsigned i = 0; i < KEYS; i++)
			if (all[i].key.addr.b[3] % 5 != second)
				add(e, all[i]);
		close_second(e, second);
		for (uint32_t i = 1; i < windows_count; i++)
			assert_true(by_scope_then_key(&windows[i - 1], &windows[i]) < 0);
		memcpy(ret + count, windows, windows_count * sizeof windows[0]);
		count += windows_count;
	}
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_true(stats.evicted > 100); // 1,024 places: what is evicted must not depend on the order either
	assert_int_equal(stats.windows, count);
	yg_rate_engine_destroy(e);
	return count;
}

static void windows_come_in_order_of_key_whatever_the_order_of_deltas(void **state)
{
	(void)state;
	struct yg_window *a = calloc(WINDOWS_MAX, sizeof *a), *b = calloc(WINDOWS_MAX, sizeof *b);
	uint32_t n = run_shuffled(1, a);
	for (unsigned seed = 2; seed < 5; seed++) {
		assert_int_equal(run_shuffled(seed, b), n);
		assert_memory_equal(a, b, n * sizeof *a);
	}
	free(a);
	free(b);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct yg_rate_key));
}

// Keys that differ in one field alone, most of them late in the key; more than one run of the sort.
static void every_field_of_a_key_has_its_place_in_the_order(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	static struct yg_rate_key keys[9 * 64];
	enum { KEYS = sizeof keys / sizeof keys[0] };
	for (unsigned i = 0; i < KEYS; i++) {
		struct yg_rate_key *k = &keys[(i * 229) % KEYS];
		uint8_t v = (uint8_t)(i / 9 * 4 + 1);
		*k = (struct yg_rate_key){.addr = {{0x20, 1, 0xd, 0xb8}}, .af = 6, .scope = YG_SCOPE_HOST};
		*(i % 9 == 0   ? &k->addr.b[6]
		  : i % 9 == 1 ? &k->addr.b[7]
		  : i % 9 == 2 ? &k->addr.b[14]
		  : i % 9 == 3 ? &k->addr.b[15]
		  : i % 9 == 4 ? &k->proto
		  : i % 9 == 5 ? &k->prefix_len
		  : i % 9 == 6 ? (uint8_t *)&k->port
		  : i % 9 == 7 ? (uint8_t *)&k->port + 1
			       : (uint8_t *)&k->org) = v;
		add(e, (struct yg_rate_delta){.key = *k});
	}
	close_second(e, 1);
	assert_int_equal(windows_count, KEYS);
	qsort(keys, KEYS, sizeof keys[0], by_bytes);
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct yg_window *w = &windows[i];
		struct yg_rate_key k = {.addr = w->addr, .scope = w->scope, .af = w->af, .proto = w->proto, .prefix_len = w->prefix_len,
					.port = w->port, .org = w->org};
		assert_memory_equal(&k, &keys[i], sizeof k);
	}
	yg_rate_engine_destroy(e);
}

// Vectors that come and go, silences of any length: the averages are to the bit those of the formula over all vectors.
static void averages_follow_the_formula_to_the_bit(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	const float alpha = 0.181269247f;
	float packets[YG_VEC_COUNT] = {0}, bits[YG_VEC_COUNT] = {0};
	unsigned seed = 7;
	int64_t second = 100;
	for (unsigned round = 0; round < 3000; round++) {
		int64_t silent = rand_r(&seed) % 4 ? 0 : rand_r(&seed) % 200;
		struct yg_rate_delta d = host(0, 1, 0);
		unsigned v = (unsigned)rand_r(&seed) % (1 + round / 300);
		d.rates.packets[v] = (uint32_t)rand_r(&seed) % 100000;
		d.rates.bytes[v] = d.rates.packets[v] * (uint64_t)1400;
		second += 1 + silent;
		add(e, d);
		close_second(e, second);
		float decay = round ? powf(1 - alpha, (float)silent) : 0;
		for (unsigned i = 0; i < YG_VEC_COUNT; i++) {
			packets[i] *= decay;
			bits[i] *= decay;
			packets[i] += alpha * ((float)d.rates.packets[i] - packets[i]);
			bits[i] += alpha * ((float)((double)d.rates.bytes[i] * 8) - bits[i]);
		}
		assert_memory_equal(windows[0].ema_packets, packets, sizeof packets);
		assert_memory_equal(windows[0].ema_bits, bits, sizeof bits);
	}
	yg_rate_engine_destroy(e);
}

static void the_average_of_a_step_reaches_63_percent_in_five_seconds(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	for (int64_t second = 1; second <= 60; second++) {
		add(e, host(0, 1, 1000));
		close_second(e, second);
		double expected = 1000 * (1 - exp(-(double)second / 5));
		assert_true(fabs((double)windows[0].ema_packets[YG_VEC_UDP] - expected) < 0.05);
		assert_true(fabs((double)windows[0].ema_bits[YG_VEC_UDP] - 800 * expected) < 40);
	}
	// Eleven silent seconds decay it as if they had been counted as zeros.
	add(e, host(0, 1, 0));
	close_second(e, 72);
	assert_true(fabs((double)windows[0].ema_packets[YG_VEC_UDP] - 1000 * exp(-12.0 / 5)) < 0.05);
	yg_rate_engine_destroy(e);
}

static void a_key_that_comes_back_after_hours_has_forgotten(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	add(e, host(0, 1, 1000000));
	close_second(e, 1);
	add(e, host(0, 1, 10));
	close_second(e, 7200);
	assert_true(windows[0].ema_packets[YG_VEC_UDP] < 2);
	assert_true(windows[0].ema_packets[YG_VEC_UDP] > 1);
	yg_rate_engine_destroy(e);
}

// A thousand hosts that are loud and ten times as many that whisper once: no loud one is forgotten.
static void the_quietest_key_goes(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	enum { LOUD = 300 };
	for (int64_t second = 1; second <= 40; second++) {
		for (unsigned i = 0; i < LOUD; i++)
			add(e, host(100 + i / 200, i % 200, 5000));
		for (unsigned i = 0; i < 250; i++)
			add(e, host((unsigned)second, i, 1));
		close_second(e, second);
	}
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(e, &stats);
	assert_true(stats.evicted > 5000);
	assert_in_range(stats.keys, LOUD, 1024);
	unsigned remembered = 0;
	for (uint32_t i = 0; i < windows_count; i++)
		remembered += windows[i].addr.b[2] >= 100 && windows[i].ema_packets[YG_VEC_UDP] > 4990;
	assert_int_equal(remembered, LOUD);
	yg_rate_engine_destroy(e);
}

static unsigned services_of(unsigned c, unsigned d)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < windows_count; i++)
		n += windows[i].scope == YG_SCOPE_SERVICE && windows[i].addr.b[2] == c && windows[i].addr.b[3] == d;
	return n;
}

static void a_host_has_at_most_sixteen_services_however_long_it_lasts(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	for (int64_t second = 1; second <= 30; second++) {
		add(e, host(0, 1, 1000));
		for (uint16_t port = 1; port <= 100; port++)
			add(e, service(0, 1, port, 1));
		close_second(e, second);
		assert_int_equal(services_of(0, 1), 16);
	}
	yg_rate_engine_destroy(e);
}

static void a_port_that_never_answered_is_no_service(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	add(e, host(0, 1, 1000));
	add(e, service(0, 1, 80, 0));
	add(e, service(0, 1, 81, 1));
	close_second(e, 1);
	assert_int_equal(services_of(0, 1), 1);
	add(e, service(0, 1, 81, 0)); // it has answered before
	close_second(e, 2);
	assert_int_equal(services_of(0, 1), 1);
	yg_rate_engine_destroy(e);
}

static void declared_services_do_not_count_against_the_sixteen(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	for (uint16_t port = 1; port <= 100; port++)
		add(e, service(0, 80, port, 0)); // every port of this host is declared
	close_second(e, 1);
	assert_int_equal(services_of(0, 80), 100);
	assert_true(windows[0].declared);
	yg_rate_engine_destroy(e);
}

// Services that fall silent are pushed out by others; then the host may have new ones.
static void a_service_that_goes_makes_room_for_another(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	for (uint16_t port = 1; port <= 16; port++)
		add(e, service(0, 1, port, 1));
	add(e, host(0, 1, 100000));
	close_second(e, 1);
	assert_int_equal(services_of(0, 1), 16);
	for (int64_t second = 2; second < 40; second++) {
		for (unsigned i = 0; i < 250; i++)
			add(e, host((unsigned)second, i, 50));
		add(e, host(0, 1, 100000));
		close_second(e, second);
	}
	for (uint16_t port = 101; port <= 116; port++) {
		struct yg_rate_delta loud = service(0, 1, port, 1);
		loud.rates.packets[YG_VEC_UDP] = 100000;
		add(e, loud);
	}
	add(e, host(0, 1, 100000));
	close_second(e, 40);
	assert_int_equal(services_of(0, 1), 16);
	yg_rate_engine_destroy(e);
}

static void a_second_with_more_keys_than_places_is_counted(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	enum { CAPACITY = 4096, KEYS = 5000 };
	for (unsigned i = 0; i < KEYS; i++)
		add(e, host(i / 250, i % 250, 1));
	struct yg_rate_engine_stats stats;
	close_second(e, 1);
	yg_rate_engine_stats(e, &stats);
	assert_int_equal(stats.second_full, KEYS - CAPACITY);
	assert_int_equal(windows_count, CAPACITY);
	for (unsigned i = 0; i < 10; i++)
		add(e, host(0, i, 1));
	close_second(e, 2); // the table is empty again
	assert_int_equal(windows_count, 10);
	yg_rate_engine_destroy(e);
}

static void windows_say_what_the_mirror_shows(void **state)
{
	(void)state;
	struct yg_rate_engine *e = make();
	yg_rate_engine_mirror(e, 0.75f, false);
	struct yg_rate_delta link = {.key = {.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE}};
	link.rates.packets_out = 1;
	add(e, link);
	close_second(e, 1);
	assert_true(windows[0].one_way == 0.75f);
	assert_false(windows[0].warm);
	assert_int_equal(windows[0].line_bps, UINT64_C(10000000000));
	yg_rate_engine_destroy(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deltas_of_one_key_become_one_window),
		cmocka_unit_test(windows_come_in_order_of_key_whatever_the_order_of_deltas),
		cmocka_unit_test(every_field_of_a_key_has_its_place_in_the_order),
		cmocka_unit_test(averages_follow_the_formula_to_the_bit),
		cmocka_unit_test(the_average_of_a_step_reaches_63_percent_in_five_seconds),
		cmocka_unit_test(a_key_that_comes_back_after_hours_has_forgotten),
		cmocka_unit_test(the_quietest_key_goes),
		cmocka_unit_test(a_host_has_at_most_sixteen_services_however_long_it_lasts),
		cmocka_unit_test(a_port_that_never_answered_is_no_service),
		cmocka_unit_test(declared_services_do_not_count_against_the_sixteen),
		cmocka_unit_test(a_service_that_goes_makes_room_for_another),
		cmocka_unit_test(a_second_with_more_keys_than_places_is_counted),
		cmocka_unit_test(windows_say_what_the_mirror_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
