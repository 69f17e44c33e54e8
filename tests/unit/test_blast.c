// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Who depends on what is attacked: what the configuration declares, what was seen, and nobody else.
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
#include "engine/blast.h"
#include "engine/state.h"
#include "hand_config.h"

enum { TOWNS = 70, DNS = 0, WEB = 1, PROXY = 2, DAY = 86400, START = 20000 * DAY };

struct fixture {
	struct hand_config hand;
	struct yg_org orgs[TOWNS];
	struct yg_service services[3];
	struct yg_shared_service shared[2];
	struct yg_prefix prefixes[1];
	struct yg_blast *blast;
};

// Seventy towns; number 0 is the prefecture, which runs a shared DNS server (declared for 23 of them) and a proxy that no list names;
// town 5 has a web server of its own. A second shared service is nobody's declared server.
static void begin(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	hand_config_init(&f->hand);
	for (unsigned i = 0; i < TOWNS; i++) {
		snprintf(f->orgs[i].code, sizeof f->orgs[i].code, "%06u", i);
		snprintf(f->orgs[i].name_ja, sizeof f->orgs[i].name_ja, "第%u町", i);
		snprintf(f->orgs[i].name_en, sizeof f->orgs[i].name_en, "Town %u", i);
	}
	f->services[DNS] = (struct yg_service){.addr = hand_v4(10, 1, 0, 53), .af = 4, .proto = 17, .port = 53, .org = 0};
	f->services[WEB] = (struct yg_service){.addr = hand_v4(10, 1, 0, 80), .af = 4, .proto = 6, .port = 443, .org = 5};
	f->services[PROXY] = (struct yg_service){.addr = hand_v4(10, 1, 1, 1), .af = 4, .org = 0};
	f->shared[0] = (struct yg_shared_service){.addr = hand_v4(10, 1, 0, 53), .af = 4, .proto = 17, .port = 53, .bodies_count = 23};
	f->shared[1] = (struct yg_shared_service){.addr = hand_v4(10, 9, 0, 25), .af = 4, .proto = 6, .port = 25};
	for (unsigned i = 20; i < 43; i++)
		f->shared[0].bodies[0] |= UINT64_C(1) << i;
	f->prefixes[0] = (struct yg_prefix){.addr = hand_v4(10, 9, 0, 0), .af = 4, .length = 16, .org = 7, .cover = 0xffff};
	f->hand.config.orgs = f->orgs;
	f->hand.config.orgs_count = TOWNS;
	f->hand.config.services = f->services;
	f->hand.config.services_count = 3;
	f->hand.config.shared = f->shared;
	f->hand.config.shared_count = 2;
	f->hand.config.prefixes = f->prefixes;
	f->hand.config.prefixes_count = 1;
	f->blast = yg_blast_create(&f->hand.config, &yg_hash_key_replay);
	assert_non_null(f->blast);
	yg_blast_tick(f->blast, START);
}

static struct yg_alert attack(const char *kind, const struct yg_addr target, uint8_t len, uint8_t proto, uint16_t port, uint16_t org)
{
	struct yg_alert a = {.af = 4, .target = target, .target_len = len, .proto = proto, .target_port = port, .org = org};
	snprintf(a.kind, sizeof a.kind, "%s", kind);
	return a;
}

static void use(struct fixture *f, const struct yg_addr server, uint8_t proto, uint16_t port, uint16_t org, int64_t second, unsigned times)
{
	struct yg_contact c = {.af = 4, .proto = proto, .outcome = YG_CONTACT_ANSWERED, .event_ns = second * YG_NS_PER_S};
	c.addr[1] = server;
	c.port[1] = port;
	c.org[0] = org;
	for (unsigned i = 0; i < times; i++)
		yg_blast_contact(f->blast, &c);
}

static bool is_affected(const struct yg_alert *a, unsigned org)
{
	return a->affected[org / 64] >> org % 64 & 1;
}

static void the_shared_dns_server_lists_all_that_use_it_and_a_web_server_its_town(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	use(&f, hand_v4(10, 1, 0, 53), 17, 53, 66, START + 10, 10);
	use(&f, hand_v4(10, 1, 0, 53), 17, 53, 67, START + 10, 9); // once too few
	struct yg_alert dns = attack("dos.dns_flood", hand_v4(10, 1, 0, 53), 32, 17, 53, 0);
	yg_blast_fill(f.blast, &dns);
	assert_int_equal(dns.affected_count, 1 + 23 + 1);
	assert_true(is_affected(&dns, 0) && is_affected(&dns, 20) && is_affected(&dns, 42) && is_affected(&dns, 66));
	assert_false(is_affected(&dns, 67) || is_affected(&dns, 5));
	assert_string_equal(dns.text_ja, "25団体（第0町、第20町、第21町ほか）に影響が及ぶおそれがある。");
	assert_string_equal(dns.text_en, " 25 bodies may be affected (Town 0, Town 20, Town 21 and others).");
	struct yg_alert web = attack("dos.http_flood", hand_v4(10, 1, 0, 80), 32, 6, 443, 5);
	yg_blast_fill(f.blast, &web);
	assert_int_equal(web.affected_count, 1);
	assert_true(is_affected(&web, 5));
	assert_string_equal(web.text_ja, "");
	yg_blast_destroy(f.blast);
}

static void use_is_learned_of_declared_servers_of_others_and_of_answers_alone(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct yg_contact c = {.af = 4, .proto = 6, .outcome = YG_CONTACT_SILENT, .event_ns = START * YG_NS_PER_S, .org = {9, 0}};
	c.addr[1] = hand_v4(10, 1, 1, 1);
	for (unsigned i = 0; i < 20; i++)
		yg_blast_contact(f.blast, &c); // nobody answers
	use(&f, hand_v4(10, 1, 1, 1), 6, 8080, YG_ORG_NONE, START, 20); // from outside
	use(&f, hand_v4(10, 1, 0, 80), 6, 22, 9, START, 20);            // a port that is not declared
	use(&f, hand_v4(10, 1, 0, 99), 6, 443, 9, START, 20);           // a host that is not
	struct yg_blast_stats s;
	yg_blast_stats(f.blast, &s);
	assert_int_equal(s.pairs, 0);
	use(&f, hand_v4(10, 1, 1, 1), 6, 8080, 9, START, 20); // every port of it is declared
	use(&f, hand_v4(10, 9, 0, 25), 6, 25, 11, START, 20); // a shared service that is no declared server
	yg_blast_stats(f.blast, &s);
	assert_int_equal(s.pairs, 2);
	struct yg_alert proxy = attack("dos.syn_flood", hand_v4(10, 1, 1, 1), 32, 6, 3128, 0);
	yg_blast_fill(f.blast, &proxy);
	assert_true(proxy.affected_count == 2 && is_affected(&proxy, 9));
	struct yg_alert mail = attack("dos.syn_flood", hand_v4(10, 9, 0, 25), 32, 6, 25, 7);
	yg_blast_fill(f.blast, &mail);
	assert_true(mail.affected_count == 2 && is_affected(&mail, 11) && is_affected(&mail, 7));
	yg_blast_destroy(f.blast);
}

static void a_flood_hurts_the_host_and_an_attack_on_a_service_its_port(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct yg_alert flood = attack("dos.udp_flood", hand_v4(10, 1, 0, 53), 32, 17, 9999, 0);
	struct yg_alert web_on_dns = attack("dos.http_flood", hand_v4(10, 1, 0, 53), 32, 6, 80, 0);
	struct yg_alert scan = attack("scan.port", hand_v4(10, 1, 0, 53), 32, 17, 53, 0);
	struct yg_alert outbound = attack("dos.outbound", hand_v4(10, 1, 0, 53), 32, 17, 53, 0);
	scan.affected_count = 9; // what a detector writes there is overwritten
	yg_blast_fill(f.blast, &flood);
	yg_blast_fill(f.blast, &web_on_dns);
	yg_blast_fill(f.blast, &scan);
	yg_blast_fill(f.blast, &outbound);
	assert_int_equal(flood.affected_count, 24);
	assert_int_equal(web_on_dns.affected_count, 1);
	assert_int_equal(scan.affected_count, 0);
	assert_int_equal(outbound.affected_count, 1);
	yg_blast_destroy(f.blast);
}

static void prefixes_bodies_and_the_line_hold_what_lies_in_them(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct yg_alert near = attack("dos.carpet", hand_v4(10, 1, 0, 0), 24, 0, 0, 5);
	struct yg_alert far = attack("dos.carpet", hand_v4(10, 2, 0, 0), 24, 0, 0, 5);
	struct yg_alert body = attack("dos.volume", hand_v4(0, 0, 0, 0), 0, 0, 0, 0);
	struct yg_alert line = attack("link.saturation", hand_v4(0, 0, 0, 0), 0, 0, 0, YG_ORG_NONE);
	struct yg_alert storm = attack("dos.volume", hand_v4(0, 0, 0, 0), 0, 0, 0, YG_ORG_NONE);
	memcpy(storm.vector, "shadow", sizeof "shadow"); // a summary of many is about none
	yg_blast_fill(f.blast, &storm);
	assert_int_equal(storm.affected_count, 0);
	yg_blast_fill(f.blast, &near);
	yg_blast_fill(f.blast, &far);
	yg_blast_fill(f.blast, &body);
	yg_blast_fill(f.blast, &line);
	assert_int_equal(near.affected_count, 25); // the DNS server is in it, its owner, its 23 users, and town 5 itself
	assert_int_equal(far.affected_count, 1);
	assert_int_equal(body.affected_count, 24 - 23); // the list of the shared DNS server is no prefix's of body 0 here
	assert_int_equal(line.affected_count, TOWNS);
	struct yg_prefix both[] = {{.addr = hand_v4(10, 1, 0, 0), .af = 4, .length = 16, .org = 0, .cover = 0xffff}, f.prefixes[0]};
	f.hand.config.prefixes = both;
	f.hand.config.prefixes_count = 2;
	yg_blast_fill(f.blast, &body);
	assert_int_equal(body.affected_count, 24);
	yg_blast_destroy(f.blast);
}

static void use_is_forgotten_after_seven_days(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	use(&f, hand_v4(10, 1, 1, 1), 6, 8080, 9, START, 10);
	struct yg_blast_stats s;
	for (int day = 0; day < 9; day++) {
		yg_blast_tick(f.blast, START + day * DAY + 5);
		if (day == 1 || day == 2)
			use(&f, hand_v4(10, 1, 1, 1), 6, 8080, 12, START + day * DAY, 9); // never ten on one day
		struct yg_alert a = attack("dos.syn_flood", hand_v4(10, 1, 1, 1), 32, 6, 3128, 0);
		yg_blast_fill(f.blast, &a);
		yg_blast_stats(f.blast, &s);
		assert_int_equal(a.affected_count, day < 7 ? 2 : 1);
		assert_int_equal(s.pairs, day == 1 || day == 2 ? 2 : day < 7 ? 1 : 0); // the other goes with the day of its last use
	}
	yg_blast_destroy(f.blast);
}

// What was learned while the clock was ahead is of the first day that begins after it was set right, and goes seven days later.
static void use_learned_in_the_future_is_forgotten_too(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	use(&f, hand_v4(10, 1, 1, 1), 6, 8080, 9, START + 900 * DAY, 10);
	struct yg_blast_stats s;
	for (int day = 0; day < 10; day++) {
		yg_blast_tick(f.blast, START + day * DAY + 5);
		yg_blast_stats(f.blast, &s);
		assert_int_equal(s.pairs, day < 8);
	}
	yg_blast_destroy(f.blast);
}

static void a_full_table_learns_no_more_and_says_so(void **state)
{
	(void)state;
	enum { SERVERS = 1024, ORGS = 66 }; // body 0 is the one that all contacts go to
	struct fixture f;
	begin(&f);
	yg_blast_destroy(f.blast);
	struct yg_service *many = calloc(SERVERS, sizeof *many);
	for (unsigned i = 0; i < SERVERS; i++)
		many[i] = (struct yg_service){.addr = hand_v4(10, 50, i >> 8, i & 255), .af = 4, .org = 69};
	f.hand.config.services = many;
	f.hand.config.services_count = SERVERS;
	f.blast = yg_blast_create(&f.hand.config, &yg_hash_key_replay);
	yg_blast_tick(f.blast, START);
	for (unsigned i = 0; i < SERVERS; i++)
		for (unsigned org = 0; org < ORGS; org++)
			use(&f, many[i].addr, 6, 80, (uint16_t)org, START, 10);
	struct yg_blast_stats s;
	yg_blast_stats(f.blast, &s);
	assert_int_equal(s.pairs, YG_BLAST_PAIRS);
	assert_int_equal(s.full, (SERVERS * (ORGS - 1) - YG_BLAST_PAIRS) * 10);
	uint64_t cursor = 0, size = yg_blast_save_max();
	char *saved = malloc(size);
	assert_int_equal(yg_blast_save(f.blast, &cursor, saved, size), size);
	assert_true(cursor == YG_STATE_DONE);
	struct yg_blast *again = yg_blast_create(&f.hand.config, &yg_hash_key_replay);
	assert_int_equal(yg_blast_restore(again, YG_BLAST_VERSION, saved, size), 0);
	yg_blast_stats(again, &s);
	assert_int_equal(s.pairs, YG_BLAST_PAIRS);
	yg_blast_destroy(again);
	yg_blast_destroy(f.blast);
	free(saved);
	free(many);
}

static void hostile_state_is_refused_or_made_harmless(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (uint16_t org = 1; org < 60; org++)
		use(&f, hand_v4(10, 1, 1, 1), 6, 8080, org, START, 10);
	char saved[8192], bytes[8192];
	uint64_t cursor = 0, size = 0, seed = 1;
	while (cursor != YG_STATE_DONE)
		size += yg_blast_save(f.blast, &cursor, saved + size, 100); // two records at a time
	unsigned refused = 0;
	for (unsigned round = 0; round < 3000; round++) {
		struct yg_blast *b = yg_blast_create(&f.hand.config, &yg_hash_key_replay);
		yg_blast_tick(b, START);
		memcpy(bytes, saved, sizeof bytes);
		for (unsigned i = 0; i < round % 9; i++) {
			seed = yg_hash_identity(&seed, sizeof seed);
			bytes[seed % size] = (char)(seed >> 56);
		}
		int answer = yg_blast_restore(b, 1 + (round % 11 == 10), bytes, round % 7 == 6 ? seed % size : size);
		struct yg_alert a = attack("dos.syn_flood", hand_v4(10, 1, 1, 1), 32, 6, 3128, 0);
		yg_blast_fill(b, &a);
		refused += answer != 0;
		assert_in_range(a.affected_count, 1, answer ? 1 : 60);
		assert_true(round || a.affected_count == 60);
		yg_blast_tick(b, START + DAY);
		yg_blast_destroy(b);
	}
	assert_true(refused > 300 && refused < 3000);
	yg_blast_destroy(f.blast);
}

static void a_reload_keeps_what_was_learned_of_services(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	use(&f, hand_v4(10, 1, 1, 1), 6, 8080, 9, START, 10);
	use(&f, hand_v4(10, 9, 0, 25), 6, 25, 11, START, 10);
	struct yg_config next = f.hand.config;
	next.shared_count = 1; // the second shared service is gone
	yg_blast_retune(f.blast, &next);
	struct yg_alert proxy = attack("dos.syn_flood", hand_v4(10, 1, 1, 1), 32, 6, 3128, 0);
	struct yg_alert mail = attack("dos.syn_flood", hand_v4(10, 9, 0, 25), 32, 6, 25, 7);
	yg_blast_fill(f.blast, &proxy);
	yg_blast_fill(f.blast, &mail);
	assert_true(proxy.affected_count == 2 && mail.affected_count == 1);
	use(&f, hand_v4(10, 9, 0, 25), 6, 25, 12, START, 10); // no longer declared
	struct yg_blast_stats s;
	yg_blast_stats(f.blast, &s);
	assert_int_equal(s.pairs, 1);
	yg_blast_destroy(f.blast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shared_dns_server_lists_all_that_use_it_and_a_web_server_its_town),
		cmocka_unit_test(use_is_learned_of_declared_servers_of_others_and_of_answers_alone),
		cmocka_unit_test(a_flood_hurts_the_host_and_an_attack_on_a_service_its_port),
		cmocka_unit_test(prefixes_bodies_and_the_line_hold_what_lies_in_them),
		cmocka_unit_test(use_is_forgotten_after_seven_days),
		cmocka_unit_test(use_learned_in_the_future_is_forgotten_too),
		cmocka_unit_test(a_full_table_learns_no_more_and_says_so),
		cmocka_unit_test(hostile_state_is_refused_or_made_harmless),
		cmocka_unit_test(a_reload_keeps_what_was_learned_of_services),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
