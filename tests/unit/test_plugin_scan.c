// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The scan detector through its own ABI: contacts go in, alerts come out of host->raise(). Half of the tests are about
// who is no scanner.
#include "scan_world.h"

static void a_vertical_scan_is_one_alert_with_its_numbers(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 1000; p++) {
		send(w, tcp(10, p, SYN, p == 80 ? YG_CONTACT_ANSWERED : YG_CONTACT_REFUSED));
		if (p % 100 == 0)
			next_second(w);
	}
	assert_int_equal(distinct(w), 1);
	assert_int_equal(w->count, 11); // the opening, and once a second
	const struct yg_alert *a = &w->out[w->count - 1];
	assert_string_equal(a->kind, "scan.port");
	assert_int_equal(a->severity, YG_SEV_LOW);
	assert_true(a->observed == 999 && a->threshold == 15);
	assert_int_equal(a->org, 3);
	assert_int_equal(a->key_source, 1);
	assert_int_equal(a->target_len, 32);
	assert_string_equal(a->text_ja,
	                    "198.51.100.7 が 203.0.113.10 "
	                    "のポートを走査（SYN、福島町）。300秒間に試した1,000ポートのうち999ポートで失敗（しきい値15）。");
	assert_string_equal(a->text_en,
	                    "198.51.100.7 scans ports of 203.0.113.10 (SYN, Fukushima Town): 999 of 1,000 tried within "
	                    "300 s failed (threshold 15).");
}

static void every_kind_of_probe_is_found(void **state)
{
	static const struct {
		uint8_t flags, outcome;
		const char *method;
	} table[] = {
	    {SYN, YG_CONTACT_SILENT, "SYN"},
	    {SYN | RST, YG_CONTACT_SILENT, "SYN"},
	    {ACK, YG_CONTACT_REFUSED, "ACK"},
	    {ACK, YG_CONTACT_SILENT, "ACK"},
	    {FIN, YG_CONTACT_REFUSED, "FIN"},
	    {0, YG_CONTACT_REFUSED, "NULL"},
	    {FIN | PSH | URG, YG_CONTACT_REFUSED, "XMAS"},
	    {FIN | ACK, YG_CONTACT_REFUSED, "FIN+ACK"},
	    {SYN | FIN, YG_CONTACT_REFUSED, "SYN+FIN"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		w->count = 0;
		restart(w);
		for (uint16_t p = 1; p <= 100; p++)
			send(w, tcp(10, p, table[i].flags, table[i].outcome));
		assert_int_equal(distinct(w), 1);
		assert_non_null(strstr(w->out[0].text_en, table[i].method));
	}
}

static void a_udp_scan_is_found_by_its_refusals(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 200; p++) // unreachables are limited to one a second; the rest is silence
		send(w, udp(10, p, p % 20 == 1 ? YG_CONTACT_REFUSED : YG_CONTACT_SILENT));
	assert_int_equal(distinct(w), 1);
	assert_non_null(strstr(w->out[0].text_en, "(UDP"));
}

static void a_horizontal_scan_is_one_alert_for_the_network(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h < 250; h++) {
		send(w, tcp(h, 23, SYN, h % 20 ? YG_CONTACT_SILENT : YG_CONTACT_ANSWERED));
		if (h % 10 == 0)
			next_second(w);
	}
	assert_int_equal(distinct(w), 1);
	const struct yg_alert *a = &w->out[w->count - 1];
	assert_string_equal(a->kind, "scan.host");
	assert_int_equal(a->target_port, 23);
	assert_int_equal(a->target_len, 24);
	assert_int_equal(a->target.b[3], 0);
	assert_int_equal(a->org, 3);
	assert_string_equal(a->technique, "T1595.001");
	assert_non_null(strstr(a->text_en, "scans hosts on port 23 in 203.0.113.0/24"));
}

static void a_sweep_over_two_bodies_goes_to_the_one_hit_most(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h < 100; h++) {
		struct yg_contact c = tcp(h, 22, SYN, YG_CONTACT_SILENT);
		c.org[1] = h % 3 ? 3 : 4;
		send(w, c);
	}
	assert_int_equal(distinct(w), 1);
	assert_int_equal(w->out[0].org, 3);
}

static void version_six_sources_are_found_too(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h < 100; h++) {
		struct yg_contact c = tcp(h, 443, SYN, YG_CONTACT_SILENT);
		c.af = 6;
		memcpy(c.addr[1].b, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 7, [15] = h}, 16);
		send(w, c);
	}
	assert_int_equal(distinct(w), 1);
	assert_int_equal(w->out[0].target_len, 64);
	assert_int_equal(w->out[0].af, 6);
}

static void a_scan_from_inside_is_high(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h < 100; h++)
		send(w, inside(tcp(h, 445, SYN, YG_CONTACT_SILENT)));
	assert_int_equal(distinct(w), 1);
	assert_int_equal(w->out[0].severity, YG_SEV_HIGH);
	assert_string_equal(w->out[0].technique, "T1046");
	assert_int_equal(w->out[0].org, 3);
}

static void an_exempt_monitor_may_scan(void **state)
{
	struct world *w = *state;
	w->values[option("exempt")].s = "2001:db8::/32, 203.0.113.200,10.0.0.0/8";
	restart(w);
	for (uint8_t h = 1; h < 100; h++)
		send(w, inside(tcp(h, 445, SYN, YG_CONTACT_SILENT)));
	assert_int_equal(w->count, 0);
}

static void a_broken_exempt_list_is_refused(void **state)
{
	static const char *const broken[] = {"10.0.0.0/33",  "10.0.0/8",      "x", "10.0.0.0/", "10.0.0.0/-1", ",",
	                                     "10.0.0.0/8 9", "2001:db8::/129"};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		w->values[option("exempt")].s = broken[i];
		assert_null(yagura_plugin.create(&w->host, w->values));
		assert_non_null(strstr(w->log, "exempt"));
	}
	char many[2048] = "";
	for (int i = 0; i < 65; i++)
		strncat(many, i ? ",10.0.0.1" : "10.0.0.1", sizeof many - strlen(many) - 1);
	w->values[option("exempt")].s = many;
	assert_null(yagura_plugin.create(&w->host, w->values));
}

static void fourteen_ports_or_nineteen_failures_are_no_scan(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 14; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	for (uint8_t h = 20; h < 25; h++)
		send(w, tcp(h, 5000, SYN, YG_CONTACT_REFUSED));
	assert_int_equal(w->count, 0);
	for (uint16_t p = 101; p <= 102; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	assert_int_equal(w->count, 1);
}

static void attempts_older_than_the_window_do_not_count(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 200; p++) { // one in thirty seconds
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
		w->second += 30;
	}
	assert_int_equal(w->count, 0);
}

static void a_second_scan_after_the_first_has_closed_needs_its_own_attempts(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 100; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	next_second(w);
	uint32_t before = w->count;
	w->second += 130;
	for (uint16_t p = 101; p <= 115; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	assert_int_equal(w->count, before);
}

static void a_forged_syn_flood_raises_nothing(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < 200000; i++) {
		struct yg_contact c = tcp(10, 443, SYN, i % 2 ? YG_CONTACT_SILENT : YG_CONTACT_REFUSED);
		memcpy(c.addr[0].b, &(uint32_t){i * 2654435761u}, 4);
		send(w, c);
	}
	assert_int_equal(w->count, 0);
}

static void a_flood_of_newcomers_forgets_no_scanner(void **state)
{
	struct world *w = *state;
	w->values[option("sources")].i = 64;
	restart(w);
	for (uint16_t p = 1; p <= 40; p++) {
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
		for (uint32_t i = 0; i < 500; i++) {
			struct yg_contact c = tcp(10, 443, SYN, YG_CONTACT_SILENT);
			memcpy(c.addr[0].b, &(uint32_t){(p * 1000u + i) * 2654435761u}, 4);
			send(w, c);
		}
		if (p == 1) // a second try makes it known
			send(w, tcp(10, 1000, SYN, YG_CONTACT_REFUSED));
	}
	assert_int_equal(distinct(w), 1);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "sources evicted"));
}

static void a_victims_answers_are_no_scan(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1024; p < 3000; p++) {
		struct yg_contact c = inside(tcp((uint8_t)p, p, p % 2 ? SYN | ACK : RST | ACK, YG_CONTACT_SILENT));
		c.port[0] = 443;
		send(w, c);
	}
	assert_int_equal(w->count, 0);
}

static void the_tail_of_old_connections_is_no_scan(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 40000; p < 40500; p++) {
		struct yg_contact c = inside(tcp(9, p, p % 2 ? FIN | ACK : PSH | ACK, YG_CONTACT_SILENT));
		c.port[0] = 443;
		send(w, c);
		c = inside(udp(9, p, YG_CONTACT_REFUSED)); // a name server's late answers
		c.port[0] = 53;
		send(w, c);
	}
	assert_int_equal(w->count, 0);
}

static void a_client_whose_answers_do_not_pass_here_is_no_scanner(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 200; i++) {
		struct yg_contact c = inside(tcp((uint8_t)i, 80, i % 2 ? PSH | ACK : ACK, YG_CONTACT_SILENT));
		c.packets[0] = i % 2 ? 1 : 3;
		send(w, c);
	}
	assert_int_equal(w->count, 0);
}

static void a_busy_resolver_is_no_scanner(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 3000; i++) {
		struct yg_contact c = inside(udp((uint8_t)i, 53, i % 2 ? YG_CONTACT_SILENT : YG_CONTACT_ANSWERED));
		c.addr[1].b[1] = (uint8_t)(i >> 8);
		send(w, c);
	}
	assert_int_equal(w->count, 0);
}

static void silence_of_udp_on_a_one_way_mirror_is_no_scan(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 3000; i++)
		send(w, inside(udp((uint8_t)i, (uint16_t)(1 + i % 1000), YG_CONTACT_SILENT)));
	assert_int_equal(w->count, 0);
}

static void a_dead_link_crawler_is_no_scanner(void **state)
{
	struct world *w = *state;
	srand(7);
	for (int i = 0; i < 5000; i++) {
		struct yg_contact c = inside(tcp((uint8_t)i, rand() % 3 ? 443 : 80, SYN, YG_CONTACT_ANSWERED));
		c.addr[1].b[1] = (uint8_t)(i >> 8);
		c.outcome = rand() % 100 < 45 ? (uint8_t)YG_CONTACT_SILENT : c.outcome;
		send(w, c);
		if (i % 30 == 0)
			next_second(w);
	}
	assert_int_equal(w->count, 0);
}

static void a_monitoring_station_is_no_scanner(void **state)
{
	struct world *w = *state;
	static const uint16_t ports[] = {22, 80, 443, 3389, 5432};
	for (int round = 0; round < 20; round++) {
		for (uint8_t h = 1; h < 100; h++)
			for (int p = 0; p < 5; p++)
				send(w, inside(tcp(h, ports[p], SYN, h % 8 ? YG_CONTACT_ANSWERED : YG_CONTACT_SILENT)));
		w->second += 60;
		next_second(w);
	}
	assert_int_equal(w->count, 0);
}

static void peer_to_peer_programs_are_at_most_low(void **state)
{
	struct world *w = *state;
	srand(3);
	for (int i = 0; i < 3000; i++) {
		int fate = rand() % 10;
		struct yg_contact c =
		    inside(udp((uint8_t)i, (uint16_t)(i % 2 ? 6881 : 1024 + rand() % 60000), YG_CONTACT_SILENT));
		c.addr[1].b[1] = (uint8_t)(i >> 8);
		c.outcome = fate < 3 ? YG_CONTACT_ANSWERED : fate < 5 ? YG_CONTACT_REFUSED : YG_CONTACT_SILENT;
		send(w, c);
		c.proto = 6;
		c.tcp_flags = SYN;
		send(w, c);
	}
	for (uint32_t i = 0; i < w->count; i++)
		assert_true(w->out[i].severity <= YG_SEV_LOW);
}

static void a_scan_of_a_block_is_a_few_alerts(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 1; h < 200; h++)
		for (uint16_t p = 1; p <= 20; p++)
			send(w, tcp(h, p, SYN, YG_CONTACT_SILENT));
	assert_true(distinct(w) >= 1 && distinct(w) <= 4);
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "alerts past the limit"));
}

static void attempts_past_the_limits_are_counted(void **state)
{
	struct world *w = *state;
	w->values[option("items")].i = 1024;
	w->values[option("sources")].i = 64;
	restart(w);
	for (int i = 0; i < 200000; i++) {
		struct yg_contact c = tcp((uint8_t)i, (uint16_t)(i * 7), SYN, YG_CONTACT_ANSWERED);
		c.addr[0].b[3] = (uint8_t)(i % 50);
		send(w, c);
	}
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_non_null(strstr(w->log, "emptied for the pool"));
	assert_null(strstr(w->log, "emptied for the pool 0,"));
	restart(w);
	for (int i = 0; i < 3000; i++)
		send(w, tcp((uint8_t)i, (uint16_t)(i * 7), SYN, YG_CONTACT_ANSWERED));
	yagura_plugin.destroy(w->self);
	w->self = NULL;
	assert_null(strstr(w->log, "past the limit 0,"));
}

static void stated_memory_is_bounded(void **state)
{
	struct world *w = *state;
	assert_true(yagura_plugin.memory_max(w->values) < 40u << 20);
	w->values[option("sources")].i = 1000000;
	assert_true(yagura_plugin.memory_max(w->values) > 100u << 20);
}

static void a_gap_forgets_everything(void **state)
{
	struct world *w = *state;
	for (uint16_t p = 1; p <= 18; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	yagura_plugin.gap(w->self, 0, 1);
	for (uint16_t p = 19; p <= 36; p++)
		send(w, tcp(10, p, SYN, YG_CONTACT_REFUSED));
	assert_int_equal(w->count, 0);
}

static void random_contacts_break_nothing(void **state)
{
	struct world *w = *state;
	w->values[option("items")].i = 2048;
	w->values[option("sources")].i = 64;
	restart(w);
	srand(1);
	for (int i = 0; i < 300000; i++) {
		struct yg_contact c =
		    tcp((uint8_t)rand(), (uint16_t)(rand() % 300), (uint8_t)rand(), (uint8_t)(rand() % 3));
		c.proto = rand() % 4 ? 6 : rand() % 2 ? 17 : 1;
		c.port[0] = rand() % 3 ? 50000 : 8;
		c.addr[0].b[3] = (uint8_t)(rand() % (i % 5 ? 30 : 256));
		c.internal[0] = (uint8_t)(rand() % 2);
		send(w, c);
		if (rand() % 50 == 0)
			next_second(w);
		if (rand() % 20000 == 0)
			w->second += rand() % 400;
		if (w->count > KEPT / 2)
			w->count = 0;
	}
	assert_true(w->packet == 300000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_vertical_scan_is_one_alert_with_its_numbers),
	    T(every_kind_of_probe_is_found),
	    T(a_udp_scan_is_found_by_its_refusals),
	    T(a_horizontal_scan_is_one_alert_for_the_network),
	    T(a_sweep_over_two_bodies_goes_to_the_one_hit_most),
	    T(version_six_sources_are_found_too),
	    T(a_scan_from_inside_is_high),
	    T(an_exempt_monitor_may_scan),
	    T(a_broken_exempt_list_is_refused),
	    T(fourteen_ports_or_nineteen_failures_are_no_scan),
	    T(attempts_older_than_the_window_do_not_count),
	    T(a_second_scan_after_the_first_has_closed_needs_its_own_attempts),
	    T(a_forged_syn_flood_raises_nothing),
	    T(a_flood_of_newcomers_forgets_no_scanner),
	    T(a_victims_answers_are_no_scan),
	    T(the_tail_of_old_connections_is_no_scan),
	    T(a_client_whose_answers_do_not_pass_here_is_no_scanner),
	    T(a_busy_resolver_is_no_scanner),
	    T(silence_of_udp_on_a_one_way_mirror_is_no_scan),
	    T(a_dead_link_crawler_is_no_scanner),
	    T(a_monitoring_station_is_no_scanner),
	    T(peer_to_peer_programs_are_at_most_low),
	    T(a_scan_of_a_block_is_a_few_alerts),
	    T(attempts_past_the_limits_are_counted),
	    T(stated_memory_is_bounded),
	    T(a_gap_forgets_everything),
	    T(random_contacts_break_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
