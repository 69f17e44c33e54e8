// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a worker counts in one second: every key of both ends, sums that hold, the order of the deltas, and a full table that
// costs hosts but never a prefix, a body or the link.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/rates.h"
#include "hand_config.h"

enum { DELTAS_MAX = 65536 };

static struct hand_config hand;
static struct yg_rate_delta deltas[DELTAS_MAX];
static uint32_t deltas_count;

static void keep(void *context, const struct yg_rate_delta *delta)
{
	assert_int_equal(delta->second, *(const int64_t *)context);
	assert_true(deltas_count < DELTAS_MAX);
	deltas[deltas_count++] = *delta;
}

static void flush(struct yg_worker_rates *rates, int64_t second)
{
	deltas_count = 0;
	yg_rates_flush(rates, second, keep, &second);
}

static struct yg_worker_rates *make(uint32_t hosts)
{
	hand_config_init(&hand);
	const struct yg_rates_options options = {.config = &hand.config, .hosts = hosts, .key = yg_hash_key_replay};
	struct yg_worker_rates *rates = yg_worker_rates_create(&options);
	assert_non_null(rates);
	return rates;
}

static struct yg_end end_of(struct yg_addr addr)
{
	struct yg_end end;
	yg_end_resolve(&hand.config, 4, &addr, &end);
	return end;
}

static void add(struct yg_worker_rates *rates, struct yg_addr from, struct yg_addr to, uint8_t proto, uint16_t port, uint32_t packets)
{
	struct yg_end a = end_of(from), b = end_of(to);
	const struct yg_rate_add one = {.from = &a, .to = &b, .vector = YG_VEC_UDP, .proto = proto, .service_port = port,
					.packets = packets, .flows = 1, .bytes = 100 * packets};
	yg_rates_add(rates, &one);
}

static const struct yg_rate_delta *find(uint8_t scope, struct yg_addr addr, uint16_t org)
{
	for (uint32_t i = 0; i < deltas_count; i++)
		if (deltas[i].key.scope == scope && deltas[i].key.org == org && memcmp(&deltas[i].key.addr, &addr, sizeof addr) == 0)
			return &deltas[i];
	return NULL;
}

static void an_end_is_resolved_to_the_longest_prefix(void **state)
{
	(void)state;
	hand_config_init(&hand);
	struct yg_end end = end_of(hand_v4(10, 1, 2, 3));
	assert_int_equal(end.org, HAND_BOARD);
	assert_int_equal(end.zone, YG_ZONE_LGWAN);
	assert_int_equal(end.prefix, 2);
	assert_true(end.internal);
	end = end_of(hand_v4(192, 0, 2, 1));
	assert_int_equal(end.org, YG_ORG_NONE);
	assert_int_equal(end.prefix, 0);
	assert_false(end.internal);
	hand.config.all_internal = 1;
	assert_true(end_of(hand_v4(192, 0, 2, 1)).internal);
}

static void a_packet_counts_to_host_prefix_and_body_of_both_ends(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	struct yg_addr none = {{0}}, pc = hand_v4(10, 1, 2, 3), server = hand_v4(10, 1, 0, 9);
	add(rates, pc, server, 17, 0, 5);
	add(rates, pc, server, 17, 0, 2);
	flush(rates, 77);
	assert_int_equal(deltas_count, 6);
	const struct yg_rate_delta *to[] = {find(YG_SCOPE_HOST, server, HAND_CITY), find(YG_SCOPE_BODY, none, HAND_CITY),
					    find(YG_SCOPE_PREFIX, hand_prefixes[0].addr, HAND_CITY)};
	const struct yg_rate_delta *from[] = {find(YG_SCOPE_HOST, pc, HAND_BOARD), find(YG_SCOPE_BODY, none, HAND_BOARD),
					      find(YG_SCOPE_PREFIX, hand_prefixes[1].addr, HAND_BOARD)};
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(to[i]);
		assert_non_null(from[i]);
		assert_int_equal(to[i]->rates.packets[YG_VEC_UDP], 7);
		assert_int_equal(to[i]->rates.bytes[YG_VEC_UDP], 700);
		assert_int_equal(to[i]->rates.flows, 2);
		assert_int_equal(to[i]->rates.packets_out, 0);
		assert_int_equal(from[i]->rates.packets_out, 7);
		assert_int_equal(from[i]->rates.bytes_out, 700);
		assert_int_equal(from[i]->rates.flows_out, 2);
		assert_int_equal(from[i]->rates.packets[YG_VEC_UDP], 0);
	}
	flush(rates, 78); // and is gone
	assert_int_equal(deltas_count, 0);
	yg_worker_rates_destroy(rates);
}

static void nobodys_address_has_no_rates(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	add(rates, hand_v4(192, 0, 2, 1), hand_v4(192, 0, 2, 2), 6, 443, 1);
	flush(rates, 1);
	assert_int_equal(deltas_count, 0);
	add(rates, hand_v4(192, 0, 2, 1), hand_v4(10, 1, 0, 1), 17, 0, 1);
	flush(rates, 1);
	assert_int_equal(deltas_count, 3);
	yg_worker_rates_destroy(rates);
}

static unsigned services(void)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < deltas_count; i++)
		n += deltas[i].key.scope == YG_SCOPE_SERVICE;
	return n;
}

static void tcp_ports_and_declared_udp_ports_are_services(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	struct yg_addr out = hand_v4(192, 0, 2, 1);
	add(rates, out, hand_v4(10, 1, 0, 5), 6, 8080, 1);
	add(rates, out, hand_v4(10, 1, 0, 5), 17, 8080, 1);  // UDP, not declared
	add(rates, out, hand_v4(10, 1, 0, 82), 17, 53, 1);   // declared
	add(rates, out, hand_v4(10, 1, 0, 82), 17, 5353, 1); // another port of it
	add(rates, out, hand_v4(10, 1, 0, 80), 17, 99, 1);   // every port is declared
	add(rates, out, hand_v4(10, 1, 0, 5), 6, 0, 1);      // towards a client
	add(rates, hand_v4(10, 1, 0, 5), out, 6, 443, 1);    // of a server outside
	flush(rates, 1);
	assert_int_equal(services(), 3);
	yg_worker_rates_destroy(rates);
}

static void the_link_counts_frames_by_direction(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	yg_rates_link(rates, YG_VEC_SYN, true, false, 84);
	yg_rates_link(rates, YG_VEC_SYN, true, false, 84);
	yg_rates_link(rates, YG_VEC_UDP, false, true, 1538);
	flush(rates, 1);
	assert_int_equal(deltas_count, 1);
	assert_int_equal(deltas[0].key.scope, YG_SCOPE_LINK);
	assert_int_equal(deltas[0].rates.packets[YG_VEC_SYN], 2);
	assert_int_equal(deltas[0].rates.bytes[YG_VEC_SYN], 168);
	assert_int_equal(deltas[0].rates.packets_out, 1);
	assert_int_equal(deltas[0].rates.bytes_out, 1538);
	yg_worker_rates_destroy(rates);
}

static const struct yg_rate_delta *find_pushed(uint8_t scope, struct yg_addr addr, uint16_t org)
{
	return find(scope | YG_SCOPE_PUSHED, addr, org);
}

// A server that answers pushes nothing, however much it sends; who asks does, by the vector as which it counts to the other end.
static void what_a_host_begins_is_pushed_and_what_it_answers_is_not(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	struct yg_addr none = {{0}}, inside = hand_v4(10, 1, 2, 3), server = hand_v4(10, 1, 0, 9), outside = hand_v4(192, 0, 2, 1);
	struct yg_end a = end_of(inside), b = end_of(outside), c = end_of(server);
	struct yg_rate_add asks = {.from = &a, .to = &b, .vector = YG_VEC_UDP, .proto = 17, .pushed = true, .packets = 3, .flows = 1,
				   .bytes = 300};
	struct yg_rate_add answers = {.from = &c, .to = &b, .vector = YG_VEC_DOWNLOAD, .proto = 6, .packets = 50, .bytes = 70000};
	struct yg_rate_add opens = {.from = &a, .to = &b, .vector = YG_VEC_TCP_FLOW, .proto = 6, .pushed = true, .handshakes = 1};
	yg_rates_add(rates, &asks);
	yg_rates_add(rates, &answers);
	yg_rates_add(rates, &opens);
	yg_rates_link(rates, YG_VEC_UDP, false, false, 120);
	yg_rates_link(rates, YG_VEC_DOWNLOAD, false, true, 1538);
	flush(rates, 9);
	const struct yg_rate_delta *of[] = {find_pushed(YG_SCOPE_HOST, inside, HAND_BOARD), find_pushed(YG_SCOPE_BODY, none, HAND_BOARD),
					    find_pushed(YG_SCOPE_LINK, none, YG_ORG_NONE)};
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(of[i]);
		assert_int_equal(of[i]->rates.packets[YG_VEC_UDP], i < 2 ? 3 : 1);
		assert_int_equal(of[i]->rates.bytes[YG_VEC_UDP], i < 2 ? 300 : 120);
		assert_int_equal(of[i]->rates.packets[YG_VEC_DOWNLOAD], 0);
		assert_int_equal(of[i]->rates.handshakes, 1);
	}
	assert_null(find_pushed(YG_SCOPE_HOST, server, HAND_CITY));
	assert_null(find_pushed(YG_SCOPE_BODY, none, HAND_CITY));
	assert_int_equal(find(YG_SCOPE_HOST, server, HAND_CITY)->rates.packets_out, 50);
	assert_int_equal(find(YG_SCOPE_HOST, inside, HAND_BOARD)->rates.packets_out, 3);
	assert_int_equal(find(YG_SCOPE_LINK, none, YG_ORG_NONE)->rates.packets_out, 2);
	assert_int_equal(find(YG_SCOPE_LINK, none, YG_ORG_NONE)->rates.bytes_out, 1658);
	flush(rates, 10); // and is gone
	assert_int_equal(deltas_count, 0);
	yg_worker_rates_destroy(rates);
}

static void deltas_leave_from_the_link_down_to_the_host(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(64);
	for (unsigned i = 1; i < 20; i++)
		add(rates, hand_v4(192, 0, 2, 1), hand_v4(10, 1, i % 3, i), 6, 443, 1);
	yg_rates_link(rates, YG_VEC_UDP, true, false, 84);
	flush(rates, 1);
	unsigned rank = 0;
	for (uint32_t i = 0; i < deltas_count; i++) {
		static const unsigned order[YG_SCOPE_COUNT] = {[YG_SCOPE_BODY] = 1, [YG_SCOPE_PREFIX] = 2, [YG_SCOPE_SERVICE] = 3, [YG_SCOPE_HOST] = 3};
		assert_true(order[deltas[i].key.scope] >= rank);
		rank = order[deltas[i].key.scope];
	}
	assert_int_equal(rank, 3);
	yg_worker_rates_destroy(rates);
}

static void a_full_table_costs_hosts_alone_and_is_counted(void **state)
{
	(void)state;
	enum { HOSTS = 64, PLACES = 3 * HOSTS, SOURCES = 5000 };
	struct yg_worker_rates *rates = make(HOSTS);
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < SOURCES; i++)
			add(rates, hand_v4(192, 0, 2, 1), hand_v4(10, 1, 4 + i / 256, i % 256), 17, 0, 1);
		flush(rates, round);
		assert_int_equal(deltas_count, 1 + 1 + PLACES);
		assert_int_equal(yg_rates_full(rates), round * (SOURCES - PLACES));
		assert_int_equal(find(YG_SCOPE_BODY, (struct yg_addr){{0}}, HAND_CITY)->rates.packets[YG_VEC_UDP], SOURCES);
		assert_int_equal(find(YG_SCOPE_PREFIX, hand_prefixes[0].addr, HAND_CITY)->rates.packets[YG_VEC_UDP], SOURCES);
	}
	yg_worker_rates_destroy(rates);
}

// Random packets: the sum over the hosts of a body is what the body counted, in each direction.
static void hosts_sum_up_to_their_body(void **state)
{
	(void)state;
	struct yg_worker_rates *rates = make(1024);
	srandom(4711);
	for (int64_t second = 1; second < 20; second++) {
		for (unsigned i = 0; i < 2000; i++) {
			struct yg_addr a = hand_v4(random() % 2 ? 10 : 192, 1, (unsigned)random() % 4, (unsigned)random() % 100);
			struct yg_addr b = hand_v4(random() % 2 ? 10 : 192, 1, (unsigned)random() % 4, (unsigned)random() % 100);
			add(rates, a, b, 6, (uint16_t)(random() % 3), (uint32_t)random() % 9);
		}
		flush(rates, second);
		uint64_t in[YG_SCOPE_COUNT][HAND_ORGS] = {0}, out[YG_SCOPE_COUNT][HAND_ORGS] = {0};
		for (uint32_t i = 0; i < deltas_count; i++) {
			in[deltas[i].key.scope][deltas[i].key.org] += deltas[i].rates.bytes[YG_VEC_UDP];
			out[deltas[i].key.scope][deltas[i].key.org] += deltas[i].rates.bytes_out;
		}
		for (unsigned org = 0; org < HAND_ORGS; org++) {
			assert_true(in[YG_SCOPE_HOST][org] > 0);
			assert_int_equal(in[YG_SCOPE_HOST][org], in[YG_SCOPE_BODY][org]);
			assert_int_equal(in[YG_SCOPE_PREFIX][org], in[YG_SCOPE_BODY][org]);
			assert_int_equal(out[YG_SCOPE_HOST][org], out[YG_SCOPE_BODY][org]);
		}
	}
	yg_worker_rates_destroy(rates);
}

// Packets are added together and may take another way to the table; nothing of that shows in what leaves, piece by piece or at once.
static void packets_count_as_if_each_were_added(void **state)
{
	(void)state;
	struct yg_worker_rates *one = make(1024), *other = make(1024);
	static struct yg_rate_delta expected[DELTAS_MAX];
	srandom(7);
	for (unsigned i = 0; i < 20000; i++) {
		struct yg_addr src = hand_v4(192, 0, 2, (unsigned)random() % 4);
		struct yg_addr dst = hand_v4(10, 1, (unsigned)random() % 3, (unsigned)random() % 100);
		if (random() % 2) {
			struct yg_addr swap = src;
			src = dst;
			dst = swap;
		}
		struct yg_end from = end_of(src), to = end_of(dst);
		uint8_t vector = (uint8_t)(random() % YG_VEC_COUNT);
		const struct yg_rate_packet p = {.src = &src, .dst = &dst, .af = 4, .proto = 6, .vector = vector, .fresh = i % 3 == 0,
						 .pushed = random() % 2, .service_port = (uint16_t)(440 + random() % 3), .bytes = 60};
		const struct yg_rate_add add = {.from = &from, .to = &to, .vector = vector, .proto = 6, .service_port = p.service_port,
						.pushed = p.pushed, .packets = 1, .flows = p.fresh, .bytes = 60};
		struct yg_rate_ends ends;
		yg_rates_packet(one, &p, &ends);
		yg_rates_add(other, &add);
		assert_int_equal(ends.inward, to.internal);
		assert_int_equal(ends.to_org, to.org);
		assert_int_equal(ends.from_org, from.org);
	}
	flush(other, 5);
	uint32_t count = deltas_count;
	memcpy(expected, deltas, count * sizeof *deltas);
	int64_t second = 5;
	deltas_count = 0;
	unsigned calls = 1;
	while (!yg_rates_flush_some(one, second, 7, keep, &second))
		assert_in_range(deltas_count, 1, yg_rates_fixed(one) + 7 * calls++);
	assert_true(calls > 10);
	assert_int_equal(deltas_count, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t k = 0;
		while (k < count && memcmp(&deltas[k].key, &expected[i].key, sizeof deltas[k].key) != 0)
			k++;
		assert_true(k < count);
		assert_memory_equal(&deltas[k].rates, &expected[i].rates, sizeof deltas[k].rates);
	}
	yg_worker_rates_destroy(one);
	yg_worker_rates_destroy(other);
}

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct yg_rate_delta *)a)->key, &((const struct yg_rate_delta *)b)->key, sizeof(struct yg_rate_key));
}

static uint32_t flush_sorted(struct yg_worker_rates *rates, int64_t second, struct yg_rate_delta *ret_deltas)
{
	flush(rates, second);
	memcpy(ret_deltas, deltas, deltas_count * sizeof *deltas);
	qsort(ret_deltas, deltas_count, sizeof *deltas, by_key);
	return deltas_count;
}

// As a worker adds flows: looked up first, fetched later, added after others of which some are the first of their host.
static void counters_that_were_looked_up_before_are_the_same(void **state)
{
	enum { AHEAD = 8, FETCHED = 4, ADDS = 30000, SECONDS = 3 };
	static struct yg_rate_delta expected[DELTAS_MAX];
	(void)state;
	struct yg_worker_rates *one = make(1024), *other = make(1024);
	struct yg_end from[AHEAD], to[AHEAD];
	struct yg_rate_places from_at[AHEAD], to_at[AHEAD];
	struct yg_rate_add add[AHEAD];
	srandom(13);
	for (int64_t second = 0; second < SECONDS; second++) {
		for (unsigned i = 0; i < ADDS + AHEAD; i++) {
			unsigned at = i % AHEAD, fetched = (i + FETCHED) % AHEAD;
			if (i >= AHEAD) {
				if (i % 5 == 0) // one that nobody looked up before finds the same
					add[at].from_at = add[at].to_at = NULL;
				yg_rates_add(one, &add[at]);
				add[at].from_at = add[at].to_at = NULL;
				yg_rates_add(other, &add[at]);
			}
			if (i >= ADDS)
				continue;
			bool inward = random() % 2, pushed = random() % 2;
			struct yg_end inside = end_of(hand_v4(10, 1, (unsigned)random() % 3, (unsigned)random() % 100));
			struct yg_end outside = end_of(random() % 8 ? hand_v4(192, 0, 2, 1) : hand_v4(10, 1, 1, 7));
			uint16_t port = (uint16_t)(random() % 3 ? 440 + random() % 3 : 0);
			uint8_t proto = random() % 2 ? 6 : 17;
			from[at] = inward ? outside : inside;
			to[at] = inward ? inside : outside;
			yg_rates_place(one, &from[at], proto, pushed ? 0 : port, &from_at[at]);
			yg_rates_place(one, &to[at], proto, pushed ? port : 0, &to_at[at]);
			add[at] = (struct yg_rate_add){.from = &from[at], .to = &to[at], .from_at = &from_at[at], .to_at = &to_at[at],
						       .vector = YG_VEC_UDP, .proto = proto, .service_port = pushed ? port : 0,
						       .answer_port = pushed ? 0 : port, .pushed = pushed, .packets = 1 + i % 3, .bytes = 60};
			if (i >= FETCHED)
				yg_rates_fetch(one, &from_at[fetched], add[fetched].pushed);
		}
		flush(other, second);
		uint32_t count = deltas_count;
		memcpy(expected, deltas, count * sizeof *deltas);
		assert_true(count > 500);
		flush(one, second);
		assert_int_equal(deltas_count, count);
		assert_memory_equal(deltas, expected, count * sizeof *deltas);
	}
	yg_worker_rates_destroy(one);
	yg_worker_rates_destroy(other);
}

// What is remembered of an address, and where its counters and those of what it pushes were, may belong to another second or another
// address by now. Two tables take turns, as a worker's do, and more hosts come than are remembered, in another order each second.
static void what_is_remembered_of_a_host_is_never_taken_for_another(void **state)
{
	enum { HOSTS = 40000, SECONDS = 6, PACKETS = 60000 };
	static struct yg_rate_delta quick[DELTAS_MAX], slow[DELTAS_MAX];
	(void)state;
	struct yg_worker_rates *turn[2] = {make(65536), make(65536)}, *other = make(65536);
	srandom(11);
	for (int64_t second = 0; second < SECONDS; second++) {
		for (unsigned i = 0; i < PACKETS; i++) {
			unsigned host = (unsigned)random() % HOSTS;
			struct yg_addr outside = hand_v4(192, 0, 2, i % 4), inside = hand_v4(10, 1, host >> 8, host & 255);
			if (i % 1000 == 0)
				outside = hand_v4(0, 0, 0, 0);
			bool in = random() % 2;
			struct yg_addr src = in ? outside : inside, dst = in ? inside : outside;
			struct yg_end from = end_of(src), to = end_of(dst);
			bool pushed = random() % 2;
			const struct yg_rate_packet p = {.src = &src, .dst = &dst, .af = 4, .proto = 17, .vector = YG_VEC_UDP, .pushed = pushed,
							 .bytes = 60};
			const struct yg_rate_add add = {.from = &from, .to = &to, .vector = YG_VEC_UDP, .proto = 17, .pushed = pushed, .packets = 1,
							.bytes = 60};
			struct yg_rate_ends ends;
			yg_rates_packet(turn[second % 2], &p, &ends);
			yg_rates_add(other, &add);
		}
		uint32_t count = flush_sorted(other, second, slow);
		assert_in_range(count, HOSTS / 2, DELTAS_MAX);
		assert_int_equal(flush_sorted(turn[second % 2], second, quick), count);
		assert_memory_equal(quick, slow, count * sizeof *quick);
	}
	for (unsigned i = 0; i < 2; i++)
		yg_worker_rates_destroy(turn[i]);
	yg_worker_rates_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_resolved_to_the_longest_prefix),
		cmocka_unit_test(a_packet_counts_to_host_prefix_and_body_of_both_ends),
		cmocka_unit_test(nobodys_address_has_no_rates),
		cmocka_unit_test(tcp_ports_and_declared_udp_ports_are_services),
		cmocka_unit_test(the_link_counts_frames_by_direction),
		cmocka_unit_test(what_a_host_begins_is_pushed_and_what_it_answers_is_not),
		cmocka_unit_test(deltas_leave_from_the_link_down_to_the_host),
		cmocka_unit_test(a_full_table_costs_hosts_alone_and_is_counted),
		cmocka_unit_test(hosts_sum_up_to_their_body),
		cmocka_unit_test(packets_count_as_if_each_were_added),
		cmocka_unit_test(counters_that_were_looked_up_before_are_the_same),
		cmocka_unit_test(what_is_remembered_of_a_host_is_never_taken_for_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
