// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a live worker does that a replay does not: budgets of a body, admission to rank 1, expiry and the end of a second in pieces, fewer
// records than places. Each limit is filled, and what is beyond it is found in its counter.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker_rig.h"

enum { CONTACTS = 4096, EMBRYONIC = 4096, FLOOD = 20000, POLL_NS = 100000 };
#define S YG_NS_PER_S

struct seen {
	uint32_t contacts[HAND_ORGS], records, notes;
	struct yg_budget_note note;
	uint64_t packets[YG_SCOPE_COUNT], bytes[YG_SCOPE_COUNT], flows[YG_SCOPE_COUNT];
	int64_t last_delta;
};

static struct seen seen;

static void on_event(struct rig *rig, const struct yg_event *event)
{
	(void)rig;
	if (event->kind == YG_EV_CONTACT && event->contact.org[1] < HAND_ORGS)
		seen.contacts[event->contact.org[1]]++;
	if (event->kind == YG_EV_FLOW && event->flow.event == YG_FLOW_ENDED)
		seen.records++;
	if (event->kind == YG_EV_BUDGET) {
		seen.notes++;
		seen.note = event->budget;
	}
}

static void on_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	(void)rig;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		seen.packets[delta->key.scope] += delta->rates.packets[v];
		seen.bytes[delta->key.scope] += delta->rates.bytes[v];
	}
	seen.packets[delta->key.scope] += delta->rates.packets_out;
	seen.bytes[delta->key.scope] += delta->rates.bytes_out;
	seen.flows[delta->key.scope] += delta->rates.flows + delta->rates.flows_out;
	seen.last_delta = delta->second;
}

static void start(struct rig *rig, bool live, int64_t admission)
{
	memset(rig, 0, sizeof *rig);
	memset(&seen, 0, sizeof seen);
	rig->event = on_event;
	rig->delta = on_delta;
	rig_start(rig, &(struct rig_options){.live = live, .no_dissector = true});
	rig->worker->budget_max[YG_BUDGET_ADMISSION] = (uint32_t)admission;
	rig_begin(rig);
}

static void drain(struct rig *rig)
{
	yg_worker_publish(rig->worker);
	rig_drain(rig);
}

static void poll_once(struct rig *rig)
{
	rig->now += POLL_NS;
	yg_worker_poll(rig->worker, yg_time_ns(rig->now));
	rig_drain(rig);
}

static void next_second(struct rig *rig)
{
	rig->now = (rig->now / S + 1) * S;
	rig_begin(rig);
	drain(rig);
}

static struct rig_packet syn_to(struct yg_addr target, uint32_t n)
{
	return (struct rig_packet){.src = hand_v4(192, n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff), .dst = target,
				   .sport = (uint16_t)(1024 + n % 50000), .dport = 443, .proto = 6, .flags = YG_TCP_SYN};
}

static void flood(struct rig *rig, struct yg_addr target, uint32_t from, uint32_t count)
{
	for (uint32_t n = from; n < from + count; n++) {
		struct rig_packet p = syn_to(target, n);
		rig_send(rig, &p);
		if (n % 256 == 0)
			drain(rig);
	}
	drain(rig);
}

static uint64_t shed(const struct rig *rig)
{
	return rig_count(rig, YG_WC_RECORDS_SHED_BUDGET) + rig_count(rig, YG_WC_RECORDS_SHED_EVENTS) + rig_count(rig, YG_WC_RECORDS_SHED_POOL);
}

static void a_flood_on_one_body_leaves_another_its_contacts(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	flood(&rig, hand_v4(10, 1, 0, 9), 0, FLOOD);
	flood(&rig, hand_v4(10, 1, 2, 9), 100000, 2000); // the other body; a thousand places: most of them end as the rest comes
	uint64_t ended = rig_count(&rig, YG_WC_FLOW_ENDED);
	assert_in_range(ended, FLOOD, FLOOD + 2000);
	assert_int_equal(seen.contacts[HAND_CITY], CONTACTS);
	assert_in_range(seen.contacts[HAND_BOARD], 1500, 2000); // none of them lost
	assert_int_equal(rig_count(&rig, YG_WC_CONTACTS),
			 seen.contacts[HAND_CITY] + seen.contacts[HAND_BOARD] + rig_count(&rig, YG_WC_CONTACTS_SHED));
	assert_int_equal(ended, rig_count(&rig, YG_WC_FLOW_RECORDS) + shed(&rig));
	assert_int_equal(seen.records, rig_count(&rig, YG_WC_FLOW_RECORDS));
	assert_int_equal(seen.records, EMBRYONIC + seen.contacts[HAND_BOARD]);
	next_second(&rig);
	assert_int_equal(seen.notes, 1); // of the body that was over its budget
	assert_int_equal(seen.note.org, HAND_CITY);
	assert_int_equal(seen.note.seen[YG_BUDGET_CONTACT], CONTACTS);
	assert_int_equal(seen.note.asked[YG_BUDGET_CONTACT], CONTACTS + rig_count(&rig, YG_WC_CONTACTS_SHED));
	flood(&rig, hand_v4(10, 1, 0, 9), 200000, 1000);
	assert_true(seen.contacts[HAND_CITY] > CONTACTS); // and a new second is a new budget
	rig_stop(&rig);
}

static void rates_are_exact_whatever_the_budgets_leave_out(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	flood(&rig, hand_v4(10, 1, 0, 9), 0, FLOOD);
	next_second(&rig);
	for (unsigned i = 0; i < 100; i++)
		poll_once(&rig);
	for (unsigned scope = YG_SCOPE_LINK; scope < YG_SCOPE_COUNT; scope++) {
		assert_int_equal(seen.packets[scope], FLOOD);
		if (scope != YG_SCOPE_LINK)
			assert_int_equal(seen.flows[scope], FLOOD);
	}
	rig_stop(&rig);
}

static struct rig_packet datagram(uint32_t n)
{
	return (struct rig_packet){.src = hand_v4(192, 0, 2, 1 + n % 200), .dst = hand_v4(10, 1, 0, 9), .sport = (uint16_t)(2000 + n),
				   .dport = 5000, .proto = 17, .payload = 30};
}

static void above_the_admission_a_flow_waits_for_its_eighth_packet(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, 10);
	for (uint32_t n = 0; n < 100; n++) {
		struct rig_packet p = datagram(n);
		rig_send(&rig, &p);
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 10);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_ADMISSION), 90);
	struct rig_packet p = datagram(99);
	for (unsigned packets = 2; packets <= 8; packets++) {
		assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 10);
		rig_send(&rig, &p);
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 11);
	struct rig_packet syn = syn_to(hand_v4(10, 1, 0, 9), 1), ack = syn; // a handshake waits for nothing
	struct rig_packet synack = {.src = syn.dst, .dst = syn.src, .sport = syn.dport, .dport = syn.sport, .proto = 6,
				    .flags = YG_TCP_SYN | YG_TCP_ACK};
	ack.flags = YG_TCP_ACK;
	rig_send(&rig, &syn);
	rig_send(&rig, &synack);
	rig_send(&rig, &ack);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 12);
	next_second(&rig);
	p = datagram(50);
	rig_send(&rig, &p); // a new second admits ten more
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 13);
	rig_stop(&rig);
}

static void a_replay_has_neither_budget_nor_admission(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, false, 1);
	for (uint32_t n = 0; n < 50; n++) {
		struct rig_packet p = datagram(n);
		rig_send(&rig, &p);
	}
	flood(&rig, hand_v4(10, 1, 0, 9), 0, 6000);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), 50);
	assert_int_equal(rig_count(&rig, YG_WC_CONTACTS_SHED) + rig_count(&rig, YG_WC_RECORDS_SHED_BUDGET), 0);
	rig_stop(&rig);
}

// The same packets: flows over three seconds, many of them seen again while their last second leaves.
static void talk(struct rig *rig, bool live)
{
	for (unsigned second = 0; second < 3; second++) {
		for (uint32_t n = 0; n < 3000; n++) {
			struct rig_packet p = datagram(n % 300);
			rig->now += 1000;
			rig_send(rig, &p);
			if (live && n % 500 == 0)
				poll_once(rig);
		}
		drain(rig);
		next_second(rig);
	}
	for (unsigned i = 0; live && i < 50; i++)
		poll_once(rig);
}

static void a_second_leaves_in_pieces_and_is_the_same(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, false, 0);
	talk(&rig, false);
	struct seen replay = seen;
	rig_stop(&rig);
	start(&rig, true, UINT32_MAX);
	talk(&rig, true);
	for (unsigned scope = 0; scope < YG_SCOPE_COUNT; scope++) {
		assert_int_equal(seen.packets[scope], replay.packets[scope]);
		assert_int_equal(seen.bytes[scope], replay.bytes[scope]);
	}
	assert_int_equal(seen.packets[YG_SCOPE_BODY], 9000);
	assert_int_equal(rig_count(&rig, YG_WC_SECONDS_LATE), 0);
	rig_stop(&rig);
}

// ---- the end of a second, host by host ----

enum { LINKS = 700, HOSTS_MAX = 64 << 8 };

static struct {
	int64_t second; // that is looked at
	uint64_t in[HOSTS_MAX], out[HOSTS_MAX], pushed[HOSTS_MAX], served[HOSTS_MAX], answered[HOSTS_MAX];
} hosts;

static uint32_t client_of(uint32_t n)
{
	return (16 << 8) + n;
}

static uint32_t server_of(uint32_t n)
{
	return (32 << 8) + n;
}

static void on_host_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	(void)rig;
	uint32_t host = (uint32_t)delta->key.addr.b[2] << 8 | delta->key.addr.b[3], scope = delta->key.scope & ~(unsigned)YG_SCOPE_PUSHED;
	if (delta->second != hosts.second || (scope != YG_SCOPE_HOST && scope != YG_SCOPE_SERVICE))
		return;
	assert_in_range(host, 0, HOSTS_MAX - 1);
	uint64_t packets = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		packets += delta->rates.packets[v];
	if (delta->key.scope & YG_SCOPE_PUSHED)
		hosts.pushed[host] += packets;
	else
		(scope == YG_SCOPE_HOST ? hosts.in : hosts.served)[host] += packets;
	if (!(delta->key.scope & YG_SCOPE_PUSHED))
		(scope == YG_SCOPE_HOST ? hosts.out : hosts.answered)[host] += delta->rates.packets_out;
}

static void send_link(struct rig *rig, uint32_t n, bool back, uint8_t flags, uint16_t payload)
{
	uint32_t from = back ? server_of(n) : client_of(n), to = back ? client_of(n) : server_of(n);
	struct rig_packet p = {.src = hand_v4(10, 1, from >> 8, from & 255), .dst = hand_v4(10, 1, to >> 8, to & 255),
			       .sport = back ? 443 : 30000, .dport = back ? 30000 : 443, .proto = 6, .flags = flags, .payload = payload};
	rig_send(rig, &p);
}

// Each flow between two hosts of its own, so that what is added to a neighbour in the list shows; some end while their second leaves.
static void each_flow_is_added_to_its_own_hosts(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	rig.delta = on_host_delta;
	memset(&hosts, 0, sizeof hosts);
	for (uint32_t n = 0; n < LINKS; n++) {
		send_link(&rig, n, false, YG_TCP_SYN, 0);
		send_link(&rig, n, true, YG_TCP_SYN | YG_TCP_ACK, 0);
		send_link(&rig, n, false, YG_TCP_ACK, 0);
		if (n % 100 == 0)
			poll_once(&rig);
	}
	next_second(&rig);
	for (unsigned i = 0; i < 50; i++)
		poll_once(&rig);
	hosts.second = yg_time_second(yg_time_ns(rig.now));
	for (uint32_t n = 0; n < LINKS; n++) {
		for (uint32_t i = 0; i < 1 + n % 7; i++)
			send_link(&rig, n, false, YG_TCP_ACK, 10);
		for (uint32_t i = 0; i < n % 3; i++)
			send_link(&rig, n, true, YG_TCP_ACK, 10);
	}
	next_second(&rig);
	assert_true(rig.worker->closing.closing);
	assert_int_equal(rig.worker->closing.count, LINKS);
	for (unsigned turn = 0; turn < 50; turn++) {
		for (uint32_t n = turn; turn < 3 && n < LINKS; n += 5)
			send_link(&rig, n, true, YG_TCP_RST, 0);
		poll_once(&rig);
	}
	assert_false(rig.worker->closing.closing);
	for (uint32_t n = 0; n < LINKS; n++) {
		assert_int_equal(hosts.out[client_of(n)], 1 + n % 7);
		assert_int_equal(hosts.pushed[client_of(n)], 1 + n % 7);
		assert_int_equal(hosts.in[client_of(n)], n % 3);
		assert_int_equal(hosts.in[server_of(n)], 1 + n % 7);
		assert_int_equal(hosts.out[server_of(n)], n % 3);
		assert_int_equal(hosts.served[server_of(n)], 1 + n % 7);
		assert_int_equal(hosts.answered[server_of(n)], n % 3);
		assert_int_equal(hosts.pushed[server_of(n)], 0);
	}
	assert_int_equal(rig_count(&rig, YG_WC_SECONDS_LATE), 0);
	rig_stop(&rig);
}

static void a_second_is_shown_when_all_of_it_has_left(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	uint64_t first = yg_counter_get(&rig.stats->second);
	for (uint32_t n = 0; n < 900; n++) { // as many hosts outside as there are, and 600 flows
		struct rig_packet p = datagram(n % 600);
		rig_send(&rig, &p);
	}
	next_second(&rig);
	assert_int_equal(yg_counter_get(&rig.stats->second), first);
	unsigned polls = 0;
	for (; yg_counter_get(&rig.stats->second) == first && polls < 100; polls++)
		poll_once(&rig);
	assert_in_range(polls, 2, 20);
	assert_int_equal(yg_counter_get(&rig.stats->second), first + 1);
	assert_int_equal(seen.packets[YG_SCOPE_BODY], 900);
	assert_int_equal(seen.last_delta, first);
	next_second(&rig); // nobody polls for a second: it leaves whole, and that is counted
	struct rig_packet p = datagram(1);
	rig_send(&rig, &p);
	next_second(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_SECONDS_LATE), 1);
	rig_stop(&rig);
}

static void what_is_due_ends_little_by_little(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	for (uint32_t n = 0; n < 600; n++) {
		struct rig_packet p = datagram(n);
		rig_send(&rig, &p);
	}
	flood(&rig, hand_v4(10, 1, 0, 9), 0, 100);
	poll_once(&rig);
	uint64_t before = rig_count(&rig, YG_WC_FLOW_ENDED), created = rig_count(&rig, YG_WC_FLOW_CREATED), debt_most = 0;
	rig.now += 62 * S;
	rig_begin(&rig); // the first of a second ends nothing by itself
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_ENDED), before);
	for (unsigned i = 0; i < 2 * YG_SWEEP_CALLS && rig_count(&rig, YG_WC_FLOW_ENDED) < created; i++) {
		uint64_t ended = rig_count(&rig, YG_WC_FLOW_ENDED);
		poll_once(&rig);
		assert_in_range(rig_count(&rig, YG_WC_FLOW_ENDED) - ended, 0, 16 * YG_PARTITIONS);
		debt_most = rig_count(&rig, YG_WC_EXPIRY_DEBT) > debt_most ? rig_count(&rig, YG_WC_EXPIRY_DEBT) : debt_most;
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_ENDED), created);
	assert_in_range(debt_most, 1, 100); // more was due than one poll may end
	poll_once(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_EXPIRY_DEBT), 0);
	rig_stop(&rig);
}

static void send_datagrams(struct rig *rig, uint32_t from, uint32_t end)
{
	for (uint32_t n = from; n < end; n++) {
		struct rig_packet p = datagram(n);
		rig_send(rig, &p);
	}
}

// To wake a dissector takes as long as a hundred packets: for few records it sleeps a millisecond on.
static void a_dissector_is_woken_when_it_is_worth_it(void **state)
{
	(void)state;
	enum { WORTH_IT = 16, POLLS = 10 };
	struct rig rig = {0};
	rig_start(&rig, &(struct rig_options){.live = true});
	rig.worker->budget_max[YG_BUDGET_ADMISSION] = UINT32_MAX;
	rig_begin(&rig);
	poll_once(&rig);
	send_datagrams(&rig, 0, 1);
	unsigned polls = 0;
	for (; !yg_ring_available(&rig.requests) && polls < 2 * POLLS; polls++)
		poll_once(&rig);
	assert_int_equal(polls, POLLS);
	assert_int_equal(yg_ring_available(&rig.requests), 1);
	yg_ring_pop(&rig.requests, 1);
	send_datagrams(&rig, 1, WORTH_IT);
	poll_once(&rig);
	assert_int_equal(yg_ring_available(&rig.requests), 0);
	send_datagrams(&rig, WORTH_IT, WORTH_IT + 1);
	poll_once(&rig);
	assert_int_equal(yg_ring_available(&rig.requests), WORTH_IT);
	rig_stop(&rig);
}

// ---- records run low ----

static void begin_talker(struct rig *rig, uint32_t n)
{
	struct rig_packet p = {.src = hand_v4(192, n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff), .dst = hand_v4(10, 1, 0, 9),
			       .sport = (uint16_t)(1024 + n % 50000), .dport = 53, .proto = 17, .payload = 10};
	rig_send(rig, &p);
}

static void connect_to(struct rig *rig, uint32_t n)
{
	struct rig_packet syn = syn_to(hand_v4(10, 1, 0, 9), n), back = syn, ack = syn;
	back.src = syn.dst;
	back.dst = syn.src;
	back.sport = syn.dport;
	back.dport = syn.sport;
	back.flags = YG_TCP_SYN | YG_TCP_ACK;
	ack.flags = YG_TCP_ACK;
	rig_send(rig, &syn);
	rig_send(rig, &back);
	rig_send(rig, &ack);
}

// Ten times as many talkers as there are places, then connections: each gets its record, and what had to go for it were talkers.
static void where_records_run_low_the_least_of_a_bucket_goes(void **state)
{
	(void)state;
	enum { TALKERS = 10 * RIG_SLOTS, CONNECTIONS = 300 };
	struct rig rig;
	start(&rig, true, UINT32_MAX);
	uint32_t total = yg_flow_records_total(rig.table);
	assert_int_equal(total, RIG_SLOTS / YG_LIVE_PLACES * YG_LIVE_RECORDS);
	for (uint32_t n = 0; n < TALKERS; n++) {
		begin_talker(&rig, n);
		poll_once(&rig);
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), TALKERS);
	uint64_t held = rig_count(&rig, YG_WC_FLOW_CREATED) - rig_count(&rig, YG_WC_FLOW_ENDED);
	assert_in_range(held, total * 85 / 100, total);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_EVICTED), rig_count(&rig, YG_WC_FLOW_ENDED));
	for (uint32_t n = 0; n < CONNECTIONS; n++) {
		connect_to(&rig, 500000 + n);
		poll_once(&rig);
	}
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), TALKERS + CONNECTIONS);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_RECORD_POOL_FULL), 0);
	assert_int_equal(rig_count(&rig, YG_WC_RECORDS_SHED_POOL), 0);
	rig_stop(&rig);
}

// A dissector that never answers: an ended flow waits a second for it where there are records, and for nothing where they run low.
static void a_verdict_is_not_waited_for_where_records_run_low(void **state)
{
	(void)state;
	enum { TALKERS = 4 * RIG_SLOTS };
	struct rig rig;
	memset(&rig, 0, sizeof rig);
	memset(&seen, 0, sizeof seen);
	rig.event = on_event;
	rig_start(&rig, &(struct rig_options){.live = true, .requests = 16384});
	rig.worker->budget_max[YG_BUDGET_ADMISSION] = UINT32_MAX;
	rig_begin(&rig);
	for (uint32_t n = 0; n < TALKERS; n++) {
		begin_talker(&rig, n);
		poll_once(&rig);
	}
	uint64_t ended = rig_count(&rig, YG_WC_FLOW_ENDED), late = rig_count(&rig, YG_WC_FLOW_VERDICT_LATE);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_PROMOTED), TALKERS);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_RECORD_POOL_FULL), 0);
	assert_in_range(ended, TALKERS - RIG_SLOTS, TALKERS);
	assert_in_range(late, ended / 2, ended); // within a twentieth of a second: nobody has waited a whole one
	rig.now += S;
	poll_once(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_VERDICT_LATE), seen.records);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_on_one_body_leaves_another_its_contacts),
		cmocka_unit_test(rates_are_exact_whatever_the_budgets_leave_out),
		cmocka_unit_test(above_the_admission_a_flow_waits_for_its_eighth_packet),
		cmocka_unit_test(a_replay_has_neither_budget_nor_admission),
		cmocka_unit_test(a_second_leaves_in_pieces_and_is_the_same),
		cmocka_unit_test(each_flow_is_added_to_its_own_hosts),
		cmocka_unit_test(a_second_is_shown_when_all_of_it_has_left),
		cmocka_unit_test(what_is_due_ends_little_by_little),
		cmocka_unit_test(a_dissector_is_woken_when_it_is_worth_it),
		cmocka_unit_test(where_records_run_low_the_least_of_a_bucket_goes),
		cmocka_unit_test(a_verdict_is_not_waited_for_where_records_run_low),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
