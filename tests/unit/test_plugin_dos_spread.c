// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dos detector in its town: carpets, floods from inside, and how much may be asked.
#include "dos_town.h"

// ---- carpets ----

static void a_carpet_has_one_alert_and_its_hosts_none(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 2560, 700};
	run(&k, 1, 2);
	assert_int_equal(world.count, 1);
	run(&k, 1, 20);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.carpet");
	assert_string_equal(first()->vector, "udp");
	assert_int_equal(first()->target_len, world.af == 4 ? 24 : 64); // the declared prefix is larger
	assert_int_equal(first()->severity, YG_SEV_HIGH);
	assert_true(first()->observed == 2560 && first()->sources_at_least == 800);
	assert_non_null(strstr(first()->text_ja, "（福島町）の広い範囲にじゅうたん爆撃型DDoS攻撃の疑い（UDPフラッド攻撃）。毎秒2,560パケット"));
	assert_non_null(strstr(first()->text_ja, "宛先は少なくとも256、送信元は少なくとも800"));
	assert_non_null(strstr(first()->text_en, "carpet bombing (UDP flood) over "));
}

static void a_carpet_that_only_the_body_feels_is_told_by_the_prefix_it_hits_most(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 2560, 100};
	world.prefix_base = (struct yg_baseline){.packets = 1900, .bits = 5e6f, .flows = 900, .state = YG_LEARN_FULL}; // 9,500 packets
	run(&k, 1, 10);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.carpet");
	assert_true(first()->threshold == 1000 && first()->observed == 2560); // of the body
	assert_int_equal(first()->target_len, world.af == 4 ? 24 : 64);
	assert_true(first()->af == world.af && first()->org == 3);
}

static void a_carpet_ends_when_it_is_over(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 2560, 700};
	const struct kind little = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 300, 100};
	run(&k, 1, 10);
	run(&little, 1, 29);
	uint32_t before = world.count;
	run(&little, 1, 30);
	assert_int_equal(world.count, before);
	run(&k, 1, 3); // another one: the host of the detector knows whether it is the same
	assert_true(world.out[world.count - 1].first_ns > (START + 60) * INT64_C(1000000000));
}

static void hosts_that_cross_alone_join_it(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 800), INSIDE(0, 20), 0, 80, 17, YG_VEC_UDP, 40000, 100}; // 2,000 a host
	run(&k, 1, 10);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.carpet");
}

static void a_host_that_gets_half_of_all_has_its_own(void **state)
{
	(void)state;
	const struct kind carpet = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 2560, 100};
	const struct kind both[] = {carpet, {OUTSIDE(0, 800), INSIDE(300, 1), 0, 80, 6, YG_VEC_SYN, 9000, 60}};
	run(&carpet, 1, 5);
	run(both, 2, 5);
	assert_int_equal(distinct("dos.carpet"), 1);
	assert_int_equal(distinct("dos.syn_flood"), 1);
}

static void a_victim_is_no_carpet(void **state)
{
	(void)state;
	const struct kind k[] = {{OUTSIDE(0, 800), INSIDE(10, 1), 0, 80, 17, YG_VEC_UDP, 9000, 100},
	                         {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 300, 100}};
	run(k, 2, 30);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.udp_flood");
}

static void a_scan_is_no_carpet(void **state)
{
	(void)state;
	const struct kind many = {OUTSIDE(0, 800), INSIDE(0, 1000), 0, 23, 6, YG_VEC_SYN, 700, 60};
	const struct kind probes = {OUTSIDE(0, 1), INSIDE(0, 1000), 0, 161, 17, YG_VEC_UDP, 700, 120};
	world.town.floor_flows = 600;
	world.town.floor_packets = 600;
	run(&many, 1, 10);
	run(&probes, 1, 10);
	assert_int_equal(distinct("dos.carpet"), 0);
}

static void telephones_are_no_carpet(void **state)
{
	(void)state;
	const struct kind k[] = {{OUTSIDE(0, 40), INSIDE(0, 40), 0, 5004, 17, YG_VEC_UDP, 2000, 200},
	                         {INSIDE(0, 40), OUTSIDE(0, 40), 5004, 0, 17, YG_VEC_DOWNLOAD, 2000, 200}};
	run(k, 2, 30);
	assert_int_equal(distinct("dos.carpet"), 0);
}

static void a_reflected_carpet_names_its_service(void **state)
{
	(void)state;
	const struct kind k = {OUTSIDE(0, 800), INSIDE(0, 256), 161, 0, 17, YG_VEC_UDP, 2560, 700};
	run(&k, 1, 3);
	assert_int_equal(distinct(NULL), 1);
	assert_string_equal(first()->kind, "dos.carpet");
	assert_string_equal(first()->vector, "snmp");
	assert_non_null(strstr(first()->text_ja, "（SNMPのリフレクション）"));
	assert_non_null(strstr(first()->text_en, "(SNMP reflection)"));
}

// ---- from inside ----

static void a_host_that_floods_is_told_with_whom_it_floods(void **state)
{
	(void)state;
	const struct kind k = {INSIDE(10, 1), OUTSIDE(7, 1), 0, 80, 17, YG_VEC_UDP, 3000, 700};
	run(&k, 1, 5);
	assert_int_equal(distinct(NULL), 1);
	const struct yg_alert *a = first();
	struct yg_addr source = address(true, 10), target = address(false, 7);
	assert_string_equal(a->kind, "dos.outbound");
	assert_true(a->key_source && a->source_af == world.af && a->target_len == (world.af == 4 ? 32 : 128));
	assert_memory_equal(&a->source, &source, sizeof source);
	assert_memory_equal(&a->target, &target, sizeof target);
	assert_int_equal(a->target_port, 80);
	assert_int_equal(a->org, 3);
	assert_int_equal(a->top_count, 1);
	assert_memory_equal(&a->top[0].addr, &target, sizeof target);
	assert_non_null(strstr(a->text_ja, "のポート80宛てにUDPフラッド攻撃とみられる通信。毎秒3,000パケット"));
	assert_non_null(strstr(a->text_en, "Suspected attack from inside: UDP flood from "));
}

static void syns_that_nobody_completes_are_a_flood_and_others_are_none(void **state)
{
	(void)state;
	const struct kind k = {INSIDE(10, 1), OUTSIDE(7, 1), 0, 80, 6, YG_VEC_SYN, 400, 60};
	for (int s = 0; s < 10; s++) { // a crawler, whose connections are made
		traffic(&k);
		world.hosts[10].pushed.handshakes = 390;
		end_second();
	}
	assert_int_equal(world.count, 0);
	run(&k, 1, 3);
	assert_int_equal(distinct("dos.outbound"), 1);
	assert_string_equal(first()->unit, "incomplete SYNs/s");
}

static void a_scan_from_inside_is_for_the_scan_detector(void **state)
{
	(void)state;
	const struct kind k = {INSIDE(10, 1), OUTSIDE(0, 1000), 0, 23, 6, YG_VEC_SYN, 1000, 60};
	run(&k, 1, 10);
	const struct kind ports = {INSIDE(10, 1), OUTSIDE(7, 1), 40000, 0, 6, YG_VEC_SYN, 1000, 60};
	run(&ports, 1, 10);
	const struct kind datagrams = {INSIDE(10, 1), OUTSIDE(7, 1), 40000, 0, 17, YG_VEC_UDP, 1500, 60};
	run(&datagrams, 1, 10);
	assert_int_equal(world.count, 0);
	const struct kind more = {INSIDE(10, 1), OUTSIDE(7, 1), 40000, 0, 6, YG_VEC_SYN, 6000, 60}; // no scan is as fast
	run(&more, 1, 3);
	assert_int_equal(distinct("dos.outbound"), 1);
}

static void uploads_that_are_answered_are_none(void **state)
{
	(void)state;
	const struct kind quic[] = {{INSIDE(10, 1), OUTSIDE(7, 1), 0, 443, 17, YG_VEC_UDP, 5000, 1350},
	                            {OUTSIDE(7, 1), INSIDE(10, 1), 443, 0, 17, YG_VEC_DOWNLOAD, 400, 60}};
	run(quic, 2, 30);
	const struct kind speed_test[] = {{INSIDE(10, 1), OUTSIDE(7, 1), 0, 443, 6, YG_VEC_TCP_FLOW, 40000, 1500},
	                                  {OUTSIDE(7, 1), INSIDE(10, 1), 443, 0, 6, YG_VEC_DOWNLOAD, 9000, 60}};
	run(speed_test, 2, 30);
	assert_int_equal(world.count, 0);
}

static void declared_servers_do_their_work(void **state)
{
	(void)state;
	const struct kind dns = {INSIDE(10, 1), OUTSIDE(7, 4), 0, 53, 17, YG_VEC_UDP, 2000, 80}; // to forwarders that are down
	world.server = (struct yg_server_info){.addr = address(true, 10), .af = world.af, .role = YG_ROLE_DNS, .name = "resolver"};
	run(&dns, 1, 10);
	assert_int_equal(world.count, 0);
	const struct kind ping = {INSIDE(10, 1), OUTSIDE(7, 4), 0, 0, 1, YG_VEC_ICMP, 2000, 84};
	world.server.role = YG_ROLE_MONITOR;
	run(&ping, 1, 10);
	assert_int_equal(world.count, 0);
	world.server.name = NULL;
	run(&ping, 1, 12);
	assert_int_equal(distinct("dos.outbound"), 1);
}

static void a_backup_that_is_pushed_out_is_silent_in_its_window(void **state)
{
	(void)state;
	const struct kind k = {INSIDE(10, 1), OUTSIDE(7, 1), 0, 4500, 17, YG_VEC_UDP, 3000, 1400};
	world.planned = YG_PLAN_BACKUP;
	run(&k, 1, 20);
	assert_int_equal(world.count, 0);
}

// ---- limits ----

static const struct kind udp_flood = {OUTSIDE(0, 500), INSIDE(10, 1), 0, 80, 17, YG_VEC_UDP, 2000, 200};

static void a_second_has_so_many_questions(void **state)
{
	(void)state;
	world.prefix_len = world.af == 4 ? 30 : 126; // no carpet
	world.body.scope = YG_SCOPE_BODY;
	world.town.floor_packets = 10;
	for (int s = 0; s < 4; s++) {
		world.asks = 0;
		const struct kind k = {OUTSIDE(0, 50), INSIDE(0, 300), 0, 0, 1, YG_VEC_ICMP, 300 * 60, 60};
		const struct kind d = {OUTSIDE(0, 50), INSIDE(0, 300), 53, 0, 17, YG_VEC_UDP, 300, 60};
		traffic(&k);
		traffic(&d);
		memset(&world.body, 0, sizeof world.body); // nor of the body
		end_second();
		assert_true(world.asks <= 64);
	}
	assert_true(distinct(NULL) > 64 && distinct(NULL) <= 256); // those that had to wait come a second later
}

static void a_full_table_keeps_carpets_that_are_open(void **state)
{
	(void)state;
	yagura_plugin.destroy(world.self);
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++)
		if (strcmp(yagura_plugin.options[i].path, "hosts") == 0)
			world.values[i].i = 16;
	world.self = yagura_plugin.create(&world.host, world.values);
	const struct kind carpet = {OUTSIDE(0, 800), INSIDE(0, 256), 0, 80, 17, YG_VEC_UDP, 2560, 700};
	const struct kind many[] = {carpet, {OUTSIDE(0, 800), INSIDE(300, 200), 0, 80, 6, YG_VEC_SYN, 12000, 60}};
	run(&carpet, 1, 3);
	run(many, 2, 10);
	run(&carpet, 1, 3);
	assert_int_equal(distinct("dos.carpet"), 1);
	const struct yg_alert *last = &world.out[world.count - 1];
	assert_true(strcmp(last->kind, "dos.carpet") == 0 && !last->hold && last->observed == 2560);
}

static void random_traffic_breaks_nothing(void **state)
{
	(void)state;
	srand(world.af);
	for (int s = 0; s < 60; s++) {
		struct kind k[4];
		for (unsigned i = 0; i < 4; i++) {
			bool in = rand() % 3;
			k[i] = (struct kind){{!in, (unsigned)rand() % 100, 1 + (unsigned)rand() % 500}, {in, (unsigned)rand() % 600, 1 + (unsigned)rand() % 500},
			                     (uint16_t)(rand() % 3 ? 0 : 53), (uint16_t)(rand() % 100), (uint8_t)(rand() % 2 ? 6 : 17),
			                     (uint8_t)(rand() % YG_VEC_COUNT), (uint32_t)rand() % 5000, (uint16_t)(40 + rand() % 1400)};
		}
		world.one_way = rand() % 4 ? 0 : 1;
		world.line_bps = rand() % 2 ? 0 : 10000000;
		world.planned = (uint32_t)rand() % 16;
		world.base = (struct yg_baseline){(float)(rand() % 900), (float)(rand() % 900000), (float)(rand() % 300),
		                                  .pushed_packets = (float)(rand() % 500), .state = (uint8_t)(rand() % 3)};
		run(k, 4, 1);
	}
	assert_true(world.count > 0);
	for (uint32_t i = 0; i < world.count; i++) {
		const struct yg_alert *a = &world.out[i];
		assert_true(a->hold || (a->text_ja[0] && a->text_en[0] && isfinite(a->observed) && a->threshold > 0 && a->unit[0]));
		assert_true(a->vectors_count <= 6 && a->series_count <= YG_SERIES_MAX && a->score <= 100 && a->top_count <= YG_TOP_MAX);
	}
}

static void an_older_host_is_asked_nothing(void **state)
{
	(void)state;
	yagura_plugin.destroy(world.self);
	world.host.size = offsetof(struct yg_host, ask);
	world.self = yagura_plugin.create(&world.host, world.values);
	world.base = (struct yg_baseline){.packets = 1e6f, .bits = 1e9f, .state = YG_LEARN_FULL};
	world.planned = YG_PLAN_BACKUP;
	run(&udp_flood, 1, 3);
	assert_int_equal(world.asks, 0);
	assert_string_equal(first()->kind, "dos.udp_flood");
	assert_true(first()->threshold == 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_carpet_has_one_alert_and_its_hosts_none),
	    T(a_carpet_that_only_the_body_feels_is_told_by_the_prefix_it_hits_most),
	    T(a_carpet_ends_when_it_is_over),
	    T(hosts_that_cross_alone_join_it),
	    T(a_host_that_gets_half_of_all_has_its_own),
	    T(a_victim_is_no_carpet),
	    T(a_scan_is_no_carpet),
	    T(telephones_are_no_carpet),
	    T(a_reflected_carpet_names_its_service),
	    T(a_host_that_floods_is_told_with_whom_it_floods),
	    T(syns_that_nobody_completes_are_a_flood_and_others_are_none),
	    T(a_scan_from_inside_is_for_the_scan_detector),
	    T(uploads_that_are_answered_are_none),
	    T(declared_servers_do_their_work),
	    T(a_backup_that_is_pushed_out_is_silent_in_its_window),
	    T(a_second_has_so_many_questions),
	    T(a_full_table_keeps_carpets_that_are_open),
	    T(random_traffic_breaks_nothing),
	    T(an_older_host_is_asked_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
