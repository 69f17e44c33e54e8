// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dos detector in its town: thresholds from the past, calendars, and reflection.
#include "dos_town.h"

// ---- thresholds ----

static const struct kind udp_flood = {OUTSIDE(0, 500), INSIDE(10, 1), 0, 80, 17, YG_VEC_UDP, 2000, 200};

static void what_is_usual_raises_the_threshold(void **state)
{
	(void)state;
	world.base = (struct yg_baseline){.packets = 310, .bits = 2e6f, .flows = 20, .state = YG_LEARN_FULL};
	run(&udp_flood, 1, 3);
	assert_true(first()->threshold == 1550 && first()->baseline == 310); // 5 * P95
	assert_int_equal(first()->learning, YG_LEARN_FULL);
	assert_true(first()->confidence == 1.0f && first()->series_low == 310 && first()->series_high == 1550);
	assert_non_null(strstr(first()->text_ja, "毎秒2,000パケット（しきい値1,550、平常時は310まで）"));
	assert_non_null(strstr(first()->text_en, "2,000 packets/s (threshold 1,550, usually up to 310)"));
}

static void the_same_is_nothing_where_it_is_usual(void **state)
{
	(void)state;
	world.base = (struct yg_baseline){.packets = 410, .bits = 4e6f, .flows = 2000, .state = YG_LEARN_FULL};
	run(&udp_flood, 1, 20);
	assert_int_equal(world.count, 0);
}

static void a_short_past_asks_for_eight_times(void **state)
{
	(void)state;
	world.base = (struct yg_baseline){.packets = 240, .bits = 1e6f, .flows = 20, .state = YG_LEARN_SHORT};
	run(&udp_flood, 1, 3);
	assert_true(first()->threshold == 1920 && first()->confidence == 1.0f);
}

static void what_is_hardly_known_rests_on_floors(void **state)
{
	(void)state;
	world.base = (struct yg_baseline){.packets = 900, .bits = 1e6f, .flows = 900, .state = YG_LEARN_FLOOR};
	run(&udp_flood, 1, 3);
	assert_true(first()->threshold == 1000 && first()->confidence == 0.5f);
	assert_int_equal(first()->learning, YG_LEARN_FLOOR);
}

static void no_learned_threshold_is_beyond_the_line(void **state)
{
	(void)state;
	world.line_bps = 10000000;
	world.base = (struct yg_baseline){.packets = 2900, .bits = 6e6f, .flows = 2000, .state = YG_LEARN_FULL};
	struct kind k = udp_flood;
	k.bytes = 1400;
	k.packets = 900; // 10 Mbit/s
	run(&k, 1, 3);
	assert_true(first()->threshold == 9e6);
}

static void an_attack_is_found_in_the_second_full_second_and_a_burst_in_the_first(void **state)
{
	(void)state;
	struct kind k = udp_flood;
	k.packets = 1200;
	run(&k, 1, 1);
	assert_int_equal(world.count, 0);
	run(&k, 1, 1);
	assert_int_equal(world.count, 1);
	assert_true(first()->first_ns == START * INT64_C(1000000000));
	k.to.first = 20;
	k.packets = 5000;
	run(&k, 1, 1);
	assert_int_equal(world.out[world.count - 1].observed, 5000);
}

static void thresholds_follow_the_line(void **state)
{
	(void)state;
	struct kind k = udp_flood;
	world.line_bps = 1000000000;
	k.packets = 19000;
	run(&k, 1, 5);
	assert_int_equal(world.count, 0); // nor are 30 Mbit/s anything on a line of 1 Gbit/s
	k.packets = 21000;
	run(&k, 1, 3);
	assert_true(first()->threshold == 20000);
}

static void options_come_before_the_line(void **state)
{
	(void)state;
	yagura_plugin.destroy(world.self);
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++)
		if (strcmp(yagura_plugin.options[i].path, "floor_packets") == 0)
			world.values[i].i = 50;
	world.self = yagura_plugin.create(&world.host, world.values);
	world.line_bps = 1000000000;
	struct kind k = udp_flood;
	k.packets = 80;
	run(&k, 1, 3);
	assert_true(first()->threshold == 50);
}

static void a_body_sets_its_own_floors(void **state)
{
	(void)state;
	world.line_bps = 100000000;
	world.town.floor_packets = 400;
	struct kind k = udp_flood;
	k.packets = 450;
	run(&k, 1, 3);
	assert_true(first()->threshold == 400);
}

static void shares_are_of_what_is_above_the_usual(void **state)
{
	(void)state;
	const struct kind usual = {OUTSIDE(0, 300), INSIDE(10, 1), 0, 443, 17, YG_VEC_UDP, 900, 300};
	const struct kind both[] = {usual, {OUTSIDE(0, 900), INSIDE(10, 1), 0, 443, 6, YG_VEC_SYN, 1500, 60}};
	run(&usual, 1, 60);
	assert_int_equal(world.count, 0);
	run(both, 2, 3);
	assert_string_equal(first()->kind, "dos.syn_flood");
	assert_int_equal(first()->vectors_count, 1); // the datagrams are as many as before
	assert_true(first()->vectors[0].share > 0.95f);
	assert_true(first()->observed == 2400);
}

static void calendars_silence_crowds_and_backups_but_no_flood(void **state)
{
	(void)state;
	const struct kind crowd = {OUTSIDE(0, 900), INSIDE(10, 1), 0, 443, 6, YG_VEC_TCP_FLOW, 20000, 300};
	const struct kind acks = {INSIDE(10, 1), OUTSIDE(0, 900), 443, 0, 6, YG_VEC_DOWNLOAD, 9000, 60};
	const struct kind both[] = {crowd, acks};
	world.line_bps = 10000000;
	world.planned = YG_PLAN_SURGE;
	run(both, 2, 10);
	assert_int_equal(world.count, 0);
	world.planned = 0;
	run(both, 2, 5);
	assert_int_equal(distinct("dos.volume"), 1);
	uint32_t before = world.count;
	world.planned = YG_PLAN_SURGE;
	run(both, 2, 10);
	assert_int_equal(world.count, before);
	struct kind flood = {OUTSIDE(0, 900), INSIDE(10, 1), 0, 443, 6, YG_VEC_SYN, 5000, 60};
	run(&flood, 1, 3);
	assert_int_equal(distinct("dos.syn_flood"), 1);
}

static void a_backup_over_datagrams_is_silent_in_its_window(void **state)
{
	(void)state;
	const struct kind both[] = {{OUTSIDE(0, 1), INSIDE(10, 1), 4500, 4500, 17, YG_VEC_UDP, 3000, 1400},
	                            {INSIDE(10, 1), OUTSIDE(0, 1), 4500, 4500, 17, YG_VEC_DOWNLOAD, 100, 80}};
	world.planned = YG_PLAN_BACKUP;
	run(both, 2, 30);
	assert_int_equal(world.count, 0);
	world.planned = 0;
	run(both, 2, 1);
	assert_int_equal(distinct("dos.udp_flood"), 1);
}

// ---- reflection ----

static const struct kind dns_answers = {OUTSIDE(0, 60), INSIDE(10, 1), 53, 0, 17, YG_VEC_UDP, 3000, 1300};
static const struct kind ntp_answers = {OUTSIDE(100, 60), INSIDE(10, 1), 123, 0, 17, YG_VEC_UDP, 1500, 468};

static void reflection_is_named_by_its_service(void **state)
{
	(void)state;
	const struct kind k[] = {dns_answers, {OUTSIDE(0, 60), INSIDE(10, 1), 0, 0, 17, YG_VEC_FRAGMENT, 2000, 1500}};
	run(k, 2, 3);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.amplification");
	assert_string_equal(first()->vector, "dns");
	assert_string_equal(first()->technique, "T1498.002");
	assert_int_equal(first()->severity, YG_SEV_HIGH);
	assert_int_equal(first()->proto, 17);
	assert_int_equal(first()->vectors_count, 2);
	assert_string_equal(first()->vectors[0].name, "dns");
	assert_string_equal(first()->vectors[1].name, "fragment");
	assert_int_equal(first()->sources_at_least, 60);
	assert_non_null(strstr(first()->text_ja, "（福島町）にDNSを悪用したリフレクション（増幅）攻撃の疑い"));
	assert_non_null(strstr(first()->text_en, "Suspected attack: DNS reflection and amplification against "));
}

static void several_services_have_their_shares(void **state)
{
	(void)state;
	const struct kind k[] = {dns_answers, ntp_answers};
	run(k, 2, 3);
	assert_string_equal(first()->vector, "dns");
	assert_int_equal(first()->vectors_count, 2);
	assert_string_equal(first()->vectors[1].name, "ntp");
	assert_true(fabsf(first()->vectors[1].share - 1.0f / 3) < 0.01f);
	assert_non_null(strstr(first()->text_ja, "DNS・NTPを悪用した"));
	assert_non_null(strstr(first()->text_en, "DNS and NTP reflection"));
}

static void a_little_reflection_is_told_low(void **state)
{
	(void)state;
	struct kind k = dns_answers;
	k.packets = 90;
	k.bytes = 500;
	run(&k, 1, 5);
	assert_int_equal(distinct("dos.amplification"), 1);
	assert_int_equal(first()->severity, YG_SEV_LOW);
	assert_true(first()->threshold == 50 && first()->observed == 90);
	k.packets = 4000; // the same alert, and now it hurts
	run(&k, 1, 5);
	assert_int_equal(distinct(NULL), 1);
	assert_int_equal(world.out[world.count - 1].severity, YG_SEV_HIGH);
}

static void answers_from_a_few_servers_are_no_reflection(void **state)
{
	(void)state;
	struct kind k = dns_answers;
	k.from.count = 9;
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
	yagura_plugin.gap(world.self, 0, 1);
	world.count = 0;
	k.packets = 90;
	run(&k, 1, 60);
	assert_int_equal(world.count, 0);
}

static void datagrams_from_ports_of_no_amplifier_are_none(void **state)
{
	(void)state;
	struct kind k = dns_answers;
	k.sport = 0;
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
}

static void a_time_server_among_peers_is_no_victim(void **state)
{
	(void)state;
	const struct kind k[] = {{OUTSIDE(0, 200), INSIDE(10, 1), 123, 123, 17, YG_VEC_UDP, 300, 76},
	                         {INSIDE(10, 1), OUTSIDE(0, 200), 123, 123, 17, YG_VEC_DOWNLOAD, 290, 76}};
	run(k, 2, 30);
	assert_int_equal(world.count, 0);
}

static void on_a_one_way_mirror_more_is_asked_for(void **state)
{
	(void)state;
	struct kind k = dns_answers;
	world.one_way = 0.95f;
	k.from.count = 40; // could be the resolvers that it asked
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
	yagura_plugin.gap(world.self, 0, 1);
	world.count = 0;
	k.from.count = 60;
	world.second += 60;
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.amplification");
	yagura_plugin.gap(world.self, 0, 1);
	world.count = 0;
	world.second += 60;
	world.server = (struct yg_server_info){.addr = address(true, 10), .af = world.af, .proto = 17, .port = 53,
	                                       .role = YG_ROLE_DNS, .name = "ns"};
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood"); // a declared name server may have asked
}

static void a_film_on_a_one_way_mirror_is_silent(void **state)
{
	(void)state;
	struct kind k = {OUTSIDE(0, 2), INSIDE(10, 1), 443, 50123, 17, YG_VEC_UDP, 600, 1300};
	world.one_way = 0.95f;
	run(&k, 1, 30);
	assert_int_equal(world.count, 0);
	k.dport = 443; // a server asked for nothing
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
	yagura_plugin.gap(world.self, 0, 1);
	world.count = 0;
	world.second += 60;
	k.dport = 50123;
	k.from.count = 40;
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
	yagura_plugin.gap(world.self, 0, 1);
	world.count = 0;
	world.second += 60;
	world.one_way = 0; // here the request would have been seen
	k.from.count = 2;
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.udp_flood");
}

static void syn_acks_of_many_servers_are_reflection(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 700), INSIDE(10, 1), 443, 0, 6, YG_VEC_SYNACK, 3000, 60};
	run(&k, 1, 3);
	assert_string_equal(first()->kind, "dos.amplification");
	assert_string_equal(first()->vector, "syn_ack");
	assert_int_equal(first()->proto, 6);
	assert_non_null(strstr(first()->text_ja, "SYN-ACKを悪用したリフレクション攻撃"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_is_usual_raises_the_threshold),
	    T(the_same_is_nothing_where_it_is_usual),
	    T(a_short_past_asks_for_eight_times),
	    T(what_is_hardly_known_rests_on_floors),
	    T(no_learned_threshold_is_beyond_the_line),
	    T(an_attack_is_found_in_the_second_full_second_and_a_burst_in_the_first),
	    T(thresholds_follow_the_line),
	    T(options_come_before_the_line),
	    T(a_body_sets_its_own_floors),
	    T(shares_are_of_what_is_above_the_usual),
	    T(calendars_silence_crowds_and_backups_but_no_flood),
	    T(a_backup_over_datagrams_is_silent_in_its_window),
	    T(reflection_is_named_by_its_service),
	    T(several_services_have_their_shares),
	    T(a_little_reflection_is_told_low),
	    T(answers_from_a_few_servers_are_no_reflection),
	    T(datagrams_from_ports_of_no_amplifier_are_none),
	    T(a_time_server_among_peers_is_no_victim),
	    T(on_a_one_way_mirror_more_is_asked_for),
	    T(a_film_on_a_one_way_mirror_is_silent),
	    T(syn_acks_of_many_servers_are_reflection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
