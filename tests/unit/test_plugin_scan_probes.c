// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Probes that no ordinary program sends, and who looks like it: what few packets tell, where test_plugin_scan.c has the many.
#include "scan_world.h"

enum { VICTIMS = 256 }; // that the plugin watches at a time

static const struct yg_alert *last(const struct world *w)
{
	assert_true(w->count > 0);
	return &w->out[w->count - 1];
}

static void two_packets_with_impossible_flags_are_a_probe(void **state)
{
	static const uint8_t flags[] = {FIN, 0, FIN | PSH | URG, SYN | FIN, FIN | PSH};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof flags; i++) {
		w->count = 0;
		restart(w);
		send(w, tcp(10, 53, flags[i], YG_CONTACT_SILENT));
		assert_int_equal(w->count, 0); // one may be a broken bit
		send(w, tcp(10, 54, flags[i], YG_CONTACT_REFUSED));
		assert_int_equal(w->count, 1);
		assert_string_equal(w->out->kind, "scan.port");
		assert_int_equal(w->out->severity, YG_SEV_LOW);
		assert_string_equal(w->out->unit, "probes");
		assert_true(w->out->observed >= 2 && w->out->threshold <= 2);
	}
	w->count = 0;
	restart(w);
	struct yg_contact twice = tcp(10, 53, FIN, YG_CONTACT_SILENT); // sent again, one contact
	twice.packets[0] = 2;
	send(w, twice);
	assert_int_equal(w->count, 1);
	assert_string_equal(w->out->text_ja, "198.51.100.7 が 203.0.113.10 のポートを探査（FIN、福島町）。"
	                                     "正規のTCPでは生じないフラグのパケットを300秒以内に2回検出（しきい値2）。");
	assert_string_equal(w->out->text_en, "198.51.100.7 probes ports of 203.0.113.10 (FIN, Fukushima Town): "
	                                     "2 packets with flags that no TCP sends within 300 s (threshold 2).");
}

static void attempts_from_one_source_port_are_a_probe(void **state)
{
	struct world *w = *state;
	send_as_it_is(w, tcp(10, 53, SYN, YG_CONTACT_ANSWERED)); // half open, both ports answer, of one burst
	send_as_it_is(w, tcp(10, 21, SYN, YG_CONTACT_ANSWERED));
	assert_int_equal(distinct(w), 1);
	assert_non_null(strstr(w->out->text_ja, "同じ送信元ポートから別々のポートへの接続試行を300秒以内に2回検出"));
	w->count = 0;
	restart(w);
	send_as_it_is(w, tcp(10, 23, ACK, YG_CONTACT_REFUSED));
	w->second += 20;
	send_as_it_is(w, tcp(10, 49, ACK, YG_CONTACT_REFUSED));
	assert_int_equal(distinct(w), 1);
	for (int i = 0; i < 30; i++) { // and goes on: the counts take over
		send_as_it_is(w, tcp(10, (uint16_t)(100 + i), SYN, YG_CONTACT_REFUSED));
		next_second(w);
	}
	assert_int_equal(distinct(w), 1);
	assert_string_equal(last(w)->unit, "ports");
	assert_true(last(w)->observed >= 30 && last(w)->threshold > 14);
}

static void what_shares_a_source_port_by_right_is_no_probe(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2000; i++) {
		struct yg_contact c = tcp(10, (uint16_t)(50000 + i), SYN, i % 3 ? YG_CONTACT_ANSWERED : YG_CONTACT_REFUSED);
		c.port[0] = 20; // active FTP
		c.outcome = YG_CONTACT_ANSWERED;
		send_as_it_is(w, c);
		c = inside(tcp((uint8_t)i, 6881, SYN, YG_CONTACT_ANSWERED)); // a peer that calls from its own port, one port of each
		c.port[0] = 6881;
		c.addr[0].b[3] = 9;
		send_as_it_is(w, c);
		// the two of a NAT that happen to agree, a second apart
		c = inside(tcp(77, i % 2 ? 80 : 443, SYN, YG_CONTACT_ANSWERED));
		c.addr[0].b[3] = 11;
		send_as_it_is(w, c);
		c = inside(tcp(10, 25, SYN, YG_CONTACT_REFUSED)); // the same port again and again: a mail queue
		c.addr[0].b[3] = 12;
		send_as_it_is(w, c);
		w->second += 5;
	}
	assert_int_equal(w->count, 0);
}

static void a_ping_sweep_over_a_whole_network_is_found_although_most_answer(void **state)
{
	struct world *w = *state;
	for (uint8_t h = 0; h < 20; h++) {
		struct yg_contact c = inside(tcp(h, 0, 0, h % 2 ? YG_CONTACT_ANSWERED : YG_CONTACT_SILENT));
		c.proto = 1;
		c.port[0] = 8;
		send_as_it_is(w, c);
	}
	next_second(w);
	assert_int_equal(distinct(w), 1);
	assert_string_equal(last(w)->kind, "scan.host");
	assert_int_equal(last(w)->severity, YG_SEV_LOW);
	assert_true(last(w)->observed == 20 && last(w)->threshold == 10);
	assert_non_null(strstr(last(w)->text_ja, "先頭または末尾のアドレスを含む）。300秒以内に20台（しきい値10）、うち10台が応答なし。"));
}

static void a_monitor_that_pings_its_list_is_no_sweep(void **state)
{
	struct world *w = *state;
	for (int round = 0; round < 10; round++) {
		for (uint8_t h = 1; h < 30; h++) { // a third of its list is switched off, but nobody lists .0
			struct yg_contact c = inside(tcp(h, 0, 0, h % 3 ? YG_CONTACT_ANSWERED : YG_CONTACT_SILENT));
			c.proto = 1;
			c.port[0] = 8;
			send_as_it_is(w, c);
		}
		struct yg_contact edge = inside(tcp(255, 0, 0, YG_CONTACT_SILENT)); // somebody else's typing error
		edge.proto = 1;
		edge.port[0] = 8;
		edge.addr[0].b[3] = 77;
		send_as_it_is(w, edge);
		w->second += 60;
		next_second(w);
	}
	assert_int_equal(w->count, 0);
}

static void a_flood_from_forged_addresses_is_no_probe(void **state)
{
	struct world *w = *state;
	static const uint8_t flags[] = {FIN, 0, FIN | PSH | URG};
	srand(2);
	for (int i = 0; i < 60000; i++) { // each of 10,000 addresses comes about six times
		struct yg_contact c = tcp(10, (uint16_t)(rand() % 1000), flags[i / 20000], YG_CONTACT_SILENT);
		memcpy(c.addr[0].b, (uint8_t[]){20, 1, (uint8_t)(rand() % 40), (uint8_t)(rand() % 250)}, 4);
		c.port[0] = (uint16_t)(1024 + rand() % 60000);
		send_as_it_is(w, c);
		if (i % 2000 == 0)
			next_second(w);
	}
	assert_int_equal(w->count, 0);
	struct yg_contact c = tcp(11, 53, FIN, YG_CONTACT_SILENT); // meanwhile, another host is probed
	c.packets[0] = 2;
	send(w, c);
	assert_int_equal(w->count, 1);
	w->second += 400; // and the flooded one later
	c = tcp(10, 53, FIN, YG_CONTACT_SILENT);
	c.packets[0] = 2;
	send(w, c);
	assert_int_equal(distinct(w), 2);
}

static void more_targets_than_are_watched_are_probed_all_the_same(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2 * VICTIMS; i++) {
		struct yg_contact c = tcp((uint8_t)i, 53, FIN, YG_CONTACT_SILENT);
		c.addr[1].b[2] = (uint8_t)(i >> 8);
		c.addr[0].b[2] = (uint8_t)(i >> 8);
		c.addr[0].b[3] = (uint8_t)i;
		c.packets[0] = 2;
		send(w, c);
	}
	assert_int_equal(distinct(w), 2 * VICTIMS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(two_packets_with_impossible_flags_are_a_probe),
	    T(attempts_from_one_source_port_are_a_probe),
	    T(what_shares_a_source_port_by_right_is_no_probe),
	    T(a_ping_sweep_over_a_whole_network_is_found_although_most_answer),
	    T(a_flood_from_forged_addresses_is_no_probe),
	    T(more_targets_than_are_watched_are_probed_all_the_same),
	    T(a_monitor_that_pings_its_list_is_no_sweep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
