// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an attack does to those who were clients before: simulated hours of a web server, then an attack that it bears, that slows it, or
// that it falls silent under; strangers, forged or not, change nothing.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/impact.h"
#include "engine/impact_table.h"
#include "engine/state.h"
#include "hand_config.h"

enum { START = 1780000200, CLIENTS = 400, HOUR = 3600, DAY = 86400 }; // START: a multiple of 600

struct fixture {
	struct hand_config hand;
	struct yg_impact_watch *watch;
	int64_t now_s;
	uint64_t seed;
	unsigned share;      // of known clients' attempts that are answered, percent
	unsigned strangers;  // attempts a second by addresses never seen before, none of them answered
	unsigned forged;     // the same, and the server answers them
	float one_way;
};

static void begin(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	hand_config_init(&f->hand);
	hand_config_seconds(&f->hand, YG_O_ALERTS_UPDATE, 60);
	f->watch = yg_impact_create(&f->hand.config, &yg_hash_key_replay);
	assert_non_null(f->watch);
	f->now_s = START;
	f->seed = 1;
	f->share = 100;
}

static unsigned draw(struct fixture *f, unsigned below)
{
	f->seed = yg_hash_identity(&f->seed, sizeof f->seed);
	return (unsigned)(f->seed % below);
}

static void attempt(struct fixture *f, const struct yg_addr client, unsigned host, bool answered)
{
	struct yg_contact c = {.af = 4, .proto = 6, .internal = {0, 1}, .port = {40000, 443}, .event_ns = f->now_s * YG_NS_PER_S};
	c.addr[0] = client;
	c.addr[1] = hand_v4(10, 1, 0, host);
	c.outcome = answered ? YG_CONTACT_ANSWERED : YG_CONTACT_SILENT;
	yg_impact_contact(f->watch, &c);
}

static void served(struct fixture *f, const struct yg_addr client, unsigned host)
{
	struct yg_flow flow = {.af = 4, .proto = 6, .internal = {0, 1}, .port = {40000, 443}, .last_ns = f->now_s * YG_NS_PER_S,
			       .rank = YG_RANK_ESTABLISHED, .packets = {8, 8}, .event = YG_FLOW_ENDED};
	flow.addr[0] = client;
	flow.addr[1] = hand_v4(10, 1, 0, host);
	yg_impact_flow(f->watch, &flow);
}

static void second(struct fixture *f)
{
	for (unsigned i = 0; i < 2; i++) { // two known clients a second
		unsigned n = draw(f, CLIENTS);
		struct yg_addr client = hand_v4(198, 51, n >> 8, n & 255);
		bool answered = draw(f, 100) < f->share;
		attempt(f, client, 81, answered);
		if (answered)
			served(f, client, 81);
	}
	for (unsigned i = 0; i < f->strangers; i++)
		attempt(f, hand_v4(1 + draw(f, 190), draw(f, 256), draw(f, 256), draw(f, 256)), 81, false);
	for (unsigned i = 0; i < f->forged; i++) {
		struct yg_addr client = hand_v4(1 + draw(f, 190), draw(f, 256), draw(f, 256), draw(f, 256));
		attempt(f, client, 81, true);
		served(f, client, 81);
	}
	yg_impact_tick(f->watch, f->now_s++, f->one_way);
}

static void seconds(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		second(f);
}

static struct yg_alert about(struct fixture *f, uint8_t state)
{
	struct yg_alert a = {.kind = "dos.syn_flood", .id = 77, .af = 4, .target = hand_v4(10, 1, 0, 81), .target_len = 32, .org = HAND_CITY,
			     .state = state, .time_ns = f->now_s * YG_NS_PER_S, .impact = 9, .impact_success = 5};
	yg_impact_fill(f->watch, &a);
	return a;
}

// The alert is updated each minute as the lifecycle does it; the last update, and the close.
static struct yg_alert attacked(struct fixture *f, unsigned for_s, struct yg_alert *ret_close)
{
	struct yg_alert a = about(f, YG_ALERT_OPEN);
	assert_true(a.impact == YG_IMPACT_UNKNOWN && a.text_en[0] == 0); // nothing can be said yet
	for (unsigned at = 0; at < for_s; at += 60) {
		seconds(f, 60);
		a = about(f, YG_ALERT_UPDATE);
	}
	f->share = 100;
	f->strangers = 0;
	seconds(f, 60);
	*ret_close = about(f, YG_ALERT_CLOSE);
	return a;
}

static void an_attack_is_absorbed_degrades_or_takes_down(void **state)
{
	static const struct {
		unsigned share;
		uint8_t impact;
		const char *ja, *close_ja, *en, *close_en;
	} cases[] = {
		{100, YG_IMPACT_ABSORBED, "サービスへの影響は見られない（既知の利用者への応答率100%、平常時100%）。", "サービスへの影響は見られない",
		 " The service holds: 100 % of known clients' attempts are answered (usually 100 %).", " The service held: "},
		{50, YG_IMPACT_DEGRADED, "既知の利用者への応答率が", "既知の利用者への応答率が一時", " The service is degraded: ", " The service was degraded: "},
		{4, YG_IMPACT_DOWN, "サービスはほぼ停止している（", "サービスは一時ほぼ停止していた（", " The service is down: ", " The service was down: "},
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fixture f;
		struct yg_alert close;
		begin(&f);
		seconds(&f, 2 * HOUR);
		f.share = cases[i].share;
		f.strangers = 500;
		struct yg_alert a = attacked(&f, 180, &close);
		assert_int_equal(a.impact, cases[i].impact);
		assert_int_equal(close.impact, cases[i].impact); // the worst that was, although all is well again
		assert_in_range((int)(a.impact_success * 100), cases[i].share > 20 ? cases[i].share - 20 : 0, cases[i].share + 20);
		assert_true(a.impact_usual == 1);
		assert_non_null(strstr(a.text_ja, cases[i].ja));
		assert_non_null(strstr(a.text_en, cases[i].en));
		assert_non_null(strstr(close.text_ja, cases[i].close_ja));
		assert_non_null(strstr(close.text_en, cases[i].close_en));
		yg_impact_destroy(f.watch);
	}
}

static void against_what_is_usual(void **state)
{
	(void)state;
	struct fixture f;
	struct yg_alert close;
	begin(&f);
	f.share = 60; // a server that never did better
	seconds(&f, 2 * HOUR);
	struct yg_alert a = attacked(&f, 120, &close);
	assert_int_equal(a.impact, YG_IMPACT_ABSORBED);
	assert_in_range((int)(a.impact_usual * 100), 50, 70);
	yg_impact_destroy(f.watch);
}

static void unknown_in_the_first_hour_with_few_clients_and_on_half_a_mirror(void **state)
{
	(void)state;
	struct yg_alert close;
	struct fixture f;
	begin(&f);
	seconds(&f, HOUR - 300);
	f.share = 0;
	assert_int_equal(attacked(&f, 120, &close).impact, YG_IMPACT_UNKNOWN); // 55 minutes old
	assert_int_equal(close.impact, YG_IMPACT_UNKNOWN);
	assert_true(close.text_ja[0] == 0 && close.impact_success == 0);
	seconds(&f, HOUR);
	f.one_way = 0.9f;
	f.share = 0;
	assert_int_equal(attacked(&f, 120, &close).impact, YG_IMPACT_UNKNOWN);
	seconds(&f, HOUR);
	f.one_way = 0;
	f.share = 0;
	assert_int_equal(attacked(&f, 120, &close).impact, YG_IMPACT_DOWN);
	seconds(&f, HOUR);
	struct yg_alert other = about(&f, YG_ALERT_OPEN); // nobody knows anything while nobody comes
	for (unsigned i = 0; i < 60; i++)
		yg_impact_tick(f.watch, f.now_s++, 0);
	other = about(&f, YG_ALERT_UPDATE);
	assert_int_equal(other.impact, YG_IMPACT_UNKNOWN);
	yg_impact_destroy(f.watch);
}

// A flood of forged addresses that the server answers, ten seconds before the alert: those who come again in it are no known clients.
static void who_comes_with_the_attack_does_not_become_known(void **state)
{
	(void)state;
	struct fixture f;
	struct yg_alert close;
	begin(&f);
	seconds(&f, 2 * HOUR);
	uint32_t bits = f.watch->services[0].bits[YG_IMPACT_CURRENT];
	seconds(&f, 100); // not at the begin of a time of waiting
	f.forged = 20;
	seconds(&f, 10);
	f.forged = 200;
	attacked(&f, 120, &close);
	f.forged = 0;
	seconds(&f, 1200);
	uint32_t after = f.watch->services[0].bits[YG_IMPACT_CURRENT];
	assert_true(bits > 0 && after <= bits + bits / 10); // but for clients of ours that came for the first time
	struct yg_impact_stats s;
	yg_impact_stats(f.watch, &s);
	assert_int_equal(s.services, 1);
	yg_impact_destroy(f.watch);
}

static void clients_are_known_for_up_to_seven_days(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	seconds(&f, 1300);
	struct yg_addr client = hand_v4(203, 0, 113, 1);
	served(&f, client, 81);
	seconds(&f, 601);
	struct yg_impact_service *s = &f.watch->services[0];
	for (int half = 0; half < 4; half++) {
		s->minute = (struct yg_impact_sums){0, 0};
		attempt(&f, client, 81, true);
		assert_int_equal(s->minute.answered, half < 2);
		f.now_s += YG_IMPACT_TURN_S;
		yg_impact_tick(f.watch, f.now_s, 0);
	}
	assert_true(s->bits[YG_IMPACT_CURRENT] == 0 && s->bits[YG_IMPACT_BEFORE] == 0);
	yg_impact_destroy(f.watch);
}

static void strangers_hardly_ever_pass_for_clients_even_in_a_full_filter(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (unsigned i = 0; i < 5000; i++)
		served(&f, hand_v4(198, 51, i >> 8, i & 255), 81);
	for (unsigned i = 0; i < 1300; i++)
		yg_impact_tick(f.watch, f.now_s++, 0);
	struct yg_impact_stats s;
	yg_impact_stats(f.watch, &s);
	struct yg_impact_service *service = &f.watch->services[0];
	assert_in_range(service->bits[YG_IMPACT_CURRENT], YG_IMPACT_FILTER_FULL - 400, YG_IMPACT_FILTER_FULL);
	assert_in_range(s.clients_full, 3500, 4100); // a thousand or so are in it
	for (unsigned i = 0; i < 2000000; i++)
		attempt(&f, hand_v4(20 + (i >> 16), 7, i >> 8 & 255, i & 255), 81, false);
	assert_in_range(service->minute.failed, 0, 6); // one in two million, by the arithmetic of impact.h
	yg_impact_destroy(f.watch);
}

static void a_prefix_is_added_up_and_of_a_host_the_worst_is_told(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (unsigned i = 0; i < 2 * HOUR; i++) { // beside it a server that answers everybody
		second(&f);
		unsigned n = draw(&f, 100);
		attempt(&f, hand_v4(198, 51, 0, n), 82, true);
		served(&f, hand_v4(198, 51, 0, n), 82);
	}
	struct yg_alert host = about(&f, YG_ALERT_OPEN);
	struct yg_alert prefix = host;
	prefix.id = 78;
	prefix.target = hand_v4(10, 1, 0, 0);
	prefix.target_len = 24;
	yg_impact_fill(f.watch, &prefix);
	f.share = 0;
	for (unsigned i = 0; i < 60; i++) {
		second(&f);
		for (unsigned k = 0; k < 8; k++)
			attempt(&f, hand_v4(198, 51, 0, draw(&f, 100)), 82, true);
	}
	host = about(&f, YG_ALERT_UPDATE);
	prefix.state = YG_ALERT_UPDATE;
	prefix.time_ns = host.time_ns;
	yg_impact_fill(f.watch, &prefix);
	assert_int_equal(host.impact, YG_IMPACT_DOWN);
	assert_true(prefix.impact == YG_IMPACT_ABSORBED && prefix.impact_success == 0.8f);
	yg_impact_destroy(f.watch);
}

static void full_tables_of_services_and_attacks(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct yg_flow flow = {.af = 4, .proto = 6, .internal = {0, 1}, .rank = YG_RANK_ESTABLISHED, .packets = {8, 8}};
	flow.addr[1] = hand_v4(10, 1, 3, 3);
	for (unsigned i = 0; i < YG_IMPACT_SERVICES + 10; i++) {
		flow.port[1] = (uint16_t)(1000 + i);
		flow.last_ns = (START + i) * YG_NS_PER_S;
		yg_impact_flow(f.watch, &flow);
	}
	struct yg_impact_stats s;
	yg_impact_stats(f.watch, &s);
	assert_true(s.services == YG_IMPACT_SERVICES && s.full == 10);
	flow.addr[1] = hand_v4(10, 1, 0, 81); // declared: it takes the place of the one that has been idle for longest
	flow.port[1] = 443;
	yg_impact_flow(f.watch, &flow);
	flow.addr[1] = hand_v4(10, 1, 3, 3);
	flow.port[1] = 9; // and so does any, once that one has been idle for a day
	flow.last_ns = (START + DAY) * YG_NS_PER_S;
	yg_impact_flow(f.watch, &flow);
	yg_impact_stats(f.watch, &s);
	assert_int_equal(s.full, 11);
	flow.last_ns = (START + DAY + 1) * YG_NS_PER_S;
	yg_impact_flow(f.watch, &flow);
	yg_impact_stats(f.watch, &s);
	assert_true(s.services == YG_IMPACT_SERVICES && s.full == 11);
	struct yg_impact_key gone = {.addr = flow.addr[1], .af = 4, .proto = 6, .port = 1001}, kept = gone;
	kept.port = 1002;
	assert_true(yg_impact_find(f.watch, &gone) == YG_IMPACT_NONE && yg_impact_find(f.watch, &kept) != YG_IMPACT_NONE);
	for (unsigned i = 0; i < YG_IMPACT_ATTACKS + 5; i++) {
		struct yg_alert a = {.kind = "dos.udp_flood", .id = 1 + i, .af = 4, .target_len = 32, .time_ns = f.now_s * YG_NS_PER_S};
		yg_impact_fill(f.watch, &a);
	}
	yg_impact_stats(f.watch, &s);
	assert_int_equal(s.full, 16);
	for (unsigned i = 0; i < 300; i++)
		yg_impact_tick(f.watch, f.now_s++, 0); // whose close never came is given up
	assert_int_equal(f.watch->attacks_count, 0);
	yg_impact_destroy(f.watch);
}

// A service that answers at that second; how many have found no place so far.
static uint64_t asks(struct fixture *f, unsigned port, int64_t second)
{
	struct yg_flow flow = {.af = 4, .proto = 6, .internal = {0, 1}, .port = {40000, (uint16_t)port}, .last_ns = second * YG_NS_PER_S,
			       .rank = YG_RANK_ESTABLISHED, .packets = {8, 8}};
	struct yg_impact_stats s;
	flow.addr[1] = hand_v4(10, 1, 3, 3);
	yg_impact_flow(f->watch, &flow);
	yg_impact_stats(f->watch, &s);
	return s.full;
}

static void a_full_table_finds_a_place_as_soon_as_there_is_one(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	served(&f, hand_v4(198, 51, 0, 1), 81); // declared
	for (unsigned i = 1; i < YG_IMPACT_SERVICES; i++)
		assert_int_equal(asks(&f, 1000 + i, START + DAY), 0);
	assert_int_equal(asks(&f, 9, START + DAY + 1), 1); // none that is learned has been idle for a day
	struct yg_config other = f.hand.config;
	other.services_count = 0;
	yg_impact_retune(f.watch, &other); // it is learned now, and has been idle for that long
	assert_int_equal(asks(&f, 9, START + DAY + 2), 1);
	struct yg_impact_key gone = {.addr = hand_v4(10, 1, 0, 81), .af = 4, .proto = 6, .port = 443};
	assert_int_equal(yg_impact_find(f.watch, &gone), YG_IMPACT_NONE);
	assert_int_equal(asks(&f, 10, START + DAY + 3), 2);
	enum { ONE = 10000 }; // of them finds room there
	char *saved = malloc(ONE);
	uint64_t cursor = 0, size = yg_impact_save(f.watch, &cursor, saved, ONE);
	assert_int_equal(yg_impact_restore(f.watch, YG_IMPACT_VERSION, saved, size), -1); // it is there already: all are forgotten
	assert_int_equal(asks(&f, 11, START + DAY + 4), 2);
	struct yg_impact_stats s;
	yg_impact_stats(f.watch, &s);
	assert_int_equal(s.services, 1);
	free(saved);
	yg_impact_destroy(f.watch);
}

static void known_clients_outlive_the_engine(void **state)
{
	(void)state;
	struct fixture f;
	struct yg_alert close;
	begin(&f);
	seconds(&f, 2 * HOUR);
	served(&f, hand_v4(198, 51, 0, 1), 82); // a second service
	uint64_t size = 0, cursor = 0;
	char *saved = malloc(yg_impact_save_max());
	while (cursor != YG_STATE_DONE)
		size += yg_impact_save(f.watch, &cursor, saved + size, 10000); // one a time
	assert_int_equal(yg_impact_restore(f.watch, YG_IMPACT_VERSION, saved, size), -1); // not twice the same service
	yg_impact_destroy(f.watch);
	const struct yg_hash_key other = {1, 2}; // of an engine with another key
	f.watch = yg_impact_create(&f.hand.config, &other);
	assert_int_equal(yg_impact_restore(f.watch, YG_IMPACT_VERSION, saved, size), 0);
	struct yg_impact_stats s;
	yg_impact_stats(f.watch, &s);
	assert_int_equal(s.services, 2);
	f.share = 0;
	assert_int_equal(attacked(&f, 120, &close).impact, YG_IMPACT_DOWN);
	yg_impact_destroy(f.watch);
	// Any byte of it may be something else.
	unsigned refused = 0;
	char *bytes = malloc(size);
	for (unsigned round = 0; round < 2000; round++) {
		f.watch = yg_impact_create(&f.hand.config, &other);
		memcpy(bytes, saved, size);
		for (unsigned i = 0; i < round % 5; i++)
			bytes[draw(&f, i % 2 ? (unsigned)size : 100)] = (char)draw(&f, 256);
		int answer = yg_impact_restore(f.watch, 1 + (round % 13 == 12), bytes, round % 7 == 6 ? draw(&f, (unsigned)size) : size);
		yg_impact_stats(f.watch, &s);
		assert_int_equal(s.services, answer ? 0 : 2);
		refused += answer != 0;
		second(&f);
		about(&f, YG_ALERT_OPEN);
		second(&f);
		yg_impact_destroy(f.watch);
	}
	assert_true(refused > 200 && refused < 2000);
	free(bytes);
	free(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attack_is_absorbed_degrades_or_takes_down),
		cmocka_unit_test(against_what_is_usual),
		cmocka_unit_test(unknown_in_the_first_hour_with_few_clients_and_on_half_a_mirror),
		cmocka_unit_test(who_comes_with_the_attack_does_not_become_known),
		cmocka_unit_test(clients_are_known_for_up_to_seven_days),
		cmocka_unit_test(strangers_hardly_ever_pass_for_clients_even_in_a_full_filter),
		cmocka_unit_test(a_prefix_is_added_up_and_of_a_host_the_worst_is_told),
		cmocka_unit_test(full_tables_of_services_and_attacks),
		cmocka_unit_test(a_full_table_finds_a_place_as_soon_as_there_is_one),
		cmocka_unit_test(known_clients_outlive_the_engine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
