// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Behaviours proved, with a real yagura-dissector (path in argv[1]): each flow gets one final verdict; unknown and
// broken records are counted and harm nobody; batches end on all rings; a packet that kills nDPI costs its own flow,
// lands in quarantine and is named to the engine; three such towards one server leave nDPI out; a dissector killed or
// stopped is back within 10 and 110 ms; the worker has no descriptor and no capability; all ends with the supervisor.
// One file of nearly 700 lines: every test stands on the same few helpers and the same started process.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/time.h"
#include "engine_double.h"

static const char *dissector;
static struct engine_double d;
static uint8_t payload[70000];

static struct flow_name udp(uint32_t slot, uint16_t port)
{
	return (struct flow_name){slot, 7 + slot, IPPROTO_UDP, {(uint16_t)(40000 + slot), port}, 53};
}

static void start(bool replay, unsigned rings, const char *off)
{
	struct engine_plan plan = {.replay = replay, .rings = rings, .workers = 1, .off = off};
	double_start(&d, dissector, &plan);
}

static void stop(void)
{
	double_stop_well(&d);
}

static void assert_verdict(const struct flow_name *flow, const char *name)
{
	struct yg_ds_answer answer;
	assert_true(double_answer_of(&d, 0, YG_DA_VERDICT, &answer));
	assert_int_equal(answer.slot, flow->slot);
	assert_int_equal(answer.generation, flow->generation);
	assert_int_equal(answer.verdict.final, 1);
	assert_string_equal(answer.verdict.proto_name, name);
}

static void send_dns(const struct flow_name *flow, uint8_t flags)
{
	uint32_t length = payload_dns_query(payload, (uint16_t)flow->slot, "www.town.example");
	double_packet(&d, 0, flow, 0, flags, payload, length);
}

static void a_dns_flow_gets_its_event_and_one_final_verdict(void **state)
{
	(void)state;
	struct flow_name flow = udp(1, 53);
	struct yg_ds_answer answer = {0};
	start(true, 1, "");
	send_dns(&flow, YG_DS_FIRST);
	double_end(&d, 0, &flow);
	double_batch_end(&d, 0, 1);
	int verdicts = 0, dns = 0;
	while (answer.kind != YG_DA_BATCH_END && double_answer(&d, 0, &answer)) {
		verdicts += answer.kind == YG_DA_VERDICT && answer.verdict.final &&
		            strcmp(answer.verdict.proto_name, "DNS") == 0;
		dns += answer.kind == YG_DA_DNS && strcmp(answer.dns.qname, "www.town.example") == 0;
	}
	assert_int_equal(answer.kind, YG_DA_BATCH_END);
	assert_int_equal(verdicts, 1);
	assert_int_equal(dns, 1);
	assert_int_equal(double_count(&d, YG_DC_READ), 1);
	assert_int_equal(double_count(&d, YG_DC_ENDS), 1);
	stop();
}

// The record is read all the same: the verdict takes the name out of it.
static void a_record_that_nobody_wants_is_not_sent(void **state)
{
	(void)state;
	static const char request[] = "GET / HTTP/1.1\r\nHost: www.town.example\r\n\r\n";
	struct flow_name flow = {1, 7, IPPROTO_TCP, {51000, 80}, 9};
	start(true, 1, "");
	for (int wanted = 0; wanted <= 1; wanted++) {
		struct yg_ds_answer answer = {0};
		int http = 0;
		flow.generation++;
		d.wants = wanted ? YG_DS_WANTS_HTTP : YG_DS_WANTS_DNS | YG_DS_WANTS_TLS;
		double_packet(&d, 0, &flow, 0, YG_DS_FIRST, request, sizeof request - 1);
		double_end(&d, 0, &flow);
		while (answer.kind != YG_DA_VERDICT && double_answer(&d, 0, &answer))
			http += answer.kind == YG_DA_HTTP;
		assert_int_equal(answer.kind, YG_DA_VERDICT);
		assert_string_equal(answer.verdict.server_name, "www.town.example");
		assert_int_equal(http, wanted);
	}
	assert_int_equal(double_count(&d, YG_DC_HTTP), 2);
	stop();
}

static void a_flow_without_payload_is_guessed_by_its_port(void **state)
{
	(void)state;
	struct flow_name flow = {3, 9, IPPROTO_TCP, {51000, 443}, 9};
	struct yg_ds_answer answer;
	start(true, 1, "");
	double_packet(&d, 0, &flow, 0, YG_DS_FIRST, NULL, 0);
	double_batch_end(&d, 0, 1);
	assert_true(double_answer_of(&d, 0, YG_DA_VERDICT, &answer));
	assert_string_equal(answer.verdict.proto_name, "TLS");
	assert_int_equal(answer.verdict.confidence, YG_CONF_PORT);
	stop();
}

static void the_budget_ends_a_flow_that_nobody_knows(void **state)
{
	(void)state;
	struct flow_name flow = udp(5, 47999);
	start(true, 1, "");
	memset(payload, 0x5a, 100);
	for (int i = 0; i < 20; i++)
		double_packet(&d, 0, &flow, 0, i == 0 ? YG_DS_FIRST : 0, payload, 100);
	double_batch_end(&d, 0, 1);
	assert_verdict(&flow, "Unknown");
	struct yg_ds_answer answer;
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_BATCH_END);
	assert_int_equal(double_count(&d, YG_DC_AFTER_DONE), 4);
	assert_int_equal(double_count(&d, YG_DC_NDPI_CALLS), 16);
	stop();
}

static void records_of_unknown_flows_are_counted_and_dropped(void **state)
{
	(void)state;
	struct flow_name flow = udp(1, 53), other = flow;
	other.generation++;
	start(true, 1, "");
	send_dns(&flow, 0);
	double_end(&d, 0, &flow);
	send_dns(&flow, YG_DS_FIRST);
	send_dns(&other, 0);
	double_end(&d, 0, &flow);
	double_batch_end(&d, 0, 1);
	assert_verdict(&flow, "DNS");
	struct yg_ds_answer answer;
	assert_true(double_answer_of(&d, 0, YG_DA_BATCH_END, &answer));
	assert_int_equal(double_count(&d, YG_DC_UNKNOWN_FLOW), 3);
	stop();
}

static void broken_records_are_counted_and_harm_nobody(void **state)
{
	(void)state;
	struct flow_name flow = udp(1, 53);
	start(true, 1, "");
	enum { FAULTS = 10 };
	static struct yg_ds_request bad[FAULTS];
	for (int i = 0; i < FAULTS; i++) {
		bad[i] = double_request(&d, &flow, 0, YG_DS_PACKET, 20);
		bad[i].flags |= YG_DS_FIRST;
	}
	bad[0].slot = yg_ds_slots(DOUBLE_FLOWS);
	bad[1].direction = 2;
	bad[2].af = 5;
	bad[3].pieces = 0;
	bad[4].length = 0;
	bad[5].kind = 99;
	bad[6].l4 = 40, bad[6].payload = 30;
	bad[7].payload = bad[7].length + 1;
	bad[8].payload_len = UINT32_MAX;
	bad[9].length = YG_DS_DATA + 1; // in one piece
	for (int i = 0; i < FAULTS; i++)
		double_push(&d, 0, &bad[i], i == 9 ? NULL : payload);
	send_dns(&flow, YG_DS_FIRST);
	double_end(&d, 0, &flow);
	assert_verdict(&flow, "DNS");
	assert_int_equal(double_count(&d, YG_DC_INVALID), FAULTS);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

static void a_batch_ends_on_every_ring_once_all_have_shown_it(void **state)
{
	(void)state;
	struct yg_ds_answer answer;
	start(true, 3, "");
	for (uint64_t batch = 1; batch <= 20; batch++) {
		for (unsigned r = 0; r < 3; r++) {
			struct flow_name flow = udp(10 * (uint32_t)batch + r, 53);
			uint32_t length = payload_dns_query(payload, 1, "a.example");
			double_packet(&d, r, &flow, 0, YG_DS_FIRST, payload, length);
			double_end(&d, r, &flow);
		}
		double_batch_end(&d, 0, batch);
		double_batch_end(&d, 2, batch);
		usleep(500);
		assert_int_equal(double_count(&d, YG_DC_READ) > 3 * batch, 0);
		double_batch_end(&d, 1, batch);
		for (unsigned r = 0; r < 3; r++) {
			assert_true(double_answer_of(&d, r, YG_DA_BATCH_END, &answer));
			assert_int_equal(answer.packet, batch);
		}
	}
	assert_int_equal(double_count(&d, YG_DC_VERDICTS), 60);
	stop();
}

static void a_replay_waits_for_room_and_loses_no_answer(void **state)
{
	(void)state;
	struct yg_ds_answer answer;
	start(true, 1, "");
	for (uint32_t i = 0; i < 300; i++) { // answers: 600, room: 64
		struct flow_name flow = udp(i, 53);
		send_dns(&flow, YG_DS_FIRST);
		double_end(&d, 0, &flow);
	}
	usleep(1300000); // thirteen watchdog times: waiting for room is not a hang
	double_batch_end(&d, 0, 1);
	int verdicts = 0, dns = 0;
	while (double_answer(&d, 0, &answer) && answer.kind != YG_DA_BATCH_END) {
		verdicts += answer.kind == YG_DA_VERDICT;
		dns += answer.kind == YG_DA_DNS;
	}
	assert_int_equal(verdicts, 300);
	assert_int_equal(dns, 300);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

static void live_a_full_ring_costs_answers_and_not_the_dissector(void **state)
{
	(void)state;
	start(false, 1, "");
	for (uint32_t i = 0; i < 300; i++) {
		struct flow_name flow = udp(i, 53);
		send_dns(&flow, YG_DS_FIRST);
		double_end(&d, 0, &flow);
	}
	for (int i = 0; i < 2000 && double_count(&d, YG_DC_ENDS) < 300; i++)
		usleep(1000);
	assert_int_equal(double_count(&d, YG_DC_ENDS), 300);
	usleep(50000); // the last verdict may still wait its millisecond
	uint64_t dropped = double_count(&d, YG_DC_ANSWERS_DROPPED) + double_count(&d, YG_DC_VERDICTS_DROPPED);
	assert_int_equal(dropped + DOUBLE_ANSWER_SLOTS, 600);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

static void own_only_leaves_ndpi_out_and_our_reader_in(void **state)
{
	(void)state;
	struct flow_name flow = udp(2, 53);
	start(true, 1, "");
	send_dns(&flow, YG_DS_FIRST | YG_DS_OWN_ONLY);
	double_end(&d, 0, &flow);
	assert_verdict(&flow, "DNS");
	assert_int_equal(double_count(&d, YG_DC_NDPI_CALLS), 0);
	assert_int_equal(double_count(&d, YG_DC_NDPI_LEFT_OUT), 1);
	assert_int_equal(double_count(&d, YG_DC_DNS), 1);
	stop();
}

// ---- what kills nDPI ----

static void send_poison(const struct flow_name *flow)
{
	uint32_t length = payload_dtls_poison(payload);
	double_packet(&d, 0, flow, 1, YG_DS_FIRST, payload, length);
}

static void assert_quarantined(const char *name, const struct flow_name *flow)
{
	char path[160];
	uint8_t packet[2048], file[4096];
	struct stat st;
	uint32_t length = payload_dtls_poison(payload);
	uint32_t all = double_build(flow, 1, payload, length, packet);
	snprintf(path, sizeof path, "%s/%s", d.folder, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, file, sizeof file);
	close(fd);
	assert_true(size > 88 + (ssize_t)all);
	assert_memory_equal(file + 88, packet, all);
}

static void a_packet_that_kills_ndpi_costs_its_own_flow_alone(void **state)
{
	(void)state;
	struct flow_name poison = udp(1, 44300), good = udp(2, 53);
	struct yg_ds_answer answer;
	start(true, 1, "");
	send_poison(&poison);
	send_dns(&good, YG_DS_FIRST); // it waits in the ring behind the poison
	double_end(&d, 0, &good);
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_RESTARTED);
	if (yg_sandbox_works()) // a sanitizer's report may take longer than the watchdog waits
		assert_int_equal(answer.restarted.cause, YG_RESTART_CRASH);
	assert_int_equal(answer.restarted.had_packet, 1);
	assert_int_equal(answer.restarted.consumed, 1);
	assert_int_equal(answer.restarted.deaths, 1);
	assert_int_equal(answer.slot, poison.slot);
	assert_int_equal(answer.generation, poison.generation);
	assert_int_equal(answer.restarted.port[1], 44300);
	assert_int_equal(answer.restarted.addr[0].b[0], 10);
	assert_quarantined(answer.restarted.quarantine, &poison);
	assert_verdict(&good, "DNS");
	assert_int_equal(double_zygote_count(&d, YG_DC_LOST), 1);
	assert_int_equal(double_zygote_count(&d, YG_DC_QUARANTINED), 1);
	assert_int_equal(double_count(&d, YG_DC_READ), 1);
	stop();
}

static void with_the_dissector_off_the_same_packet_is_harmless(void **state)
{
	(void)state;
	struct flow_name poison = udp(1, 44300);
	struct yg_ds_answer answer;
	start(true, 1, "DTLS,Kerberos,TINC,PPStream,IRC,Florensia");
	send_poison(&poison);
	double_end(&d, 0, &poison);
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_VERDICT);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

static void three_deaths_towards_one_server_leave_ndpi_out_there(void **state)
{
	(void)state;
	struct yg_ds_answer answer;
	start(true, 1, "");
	for (uint32_t i = 0; i < 3; i++) {
		struct flow_name poison = udp(1 + i, 44300);
		send_poison(&poison);
		assert_true(double_answer_of(&d, 0, YG_DA_RESTARTED, &answer));
		assert_int_equal(answer.restarted.deaths, i + 1);
	}
	struct flow_name fourth = udp(9, 44300), elsewhere = udp(10, 53);
	send_poison(&fourth);
	double_end(&d, 0, &fourth);
	assert_verdict(&fourth, "Unknown");
	send_dns(&elsewhere, YG_DS_FIRST);
	double_end(&d, 0, &elsewhere);
	assert_verdict(&elsewhere, "DNS");
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 3);
	assert_int_equal(double_zygote_count(&d, YG_DC_PAUSES), 1);
	assert_int_equal(double_count(&d, YG_DC_NDPI_LEFT_OUT), 1);
	assert_int_equal(double_count(&d, YG_DC_NDPI_CALLS), 3 + 1); // a fatal call counts too
	stop();
}

// 21 deaths in one second, each towards another port: then nDPI sees a flow only when both sides have sent payload.
static void a_storm_of_deaths_keeps_one_sided_flows_from_ndpi(void **state)
{
	(void)state;
	struct yg_ds_answer answer;
	start(true, 1, "");
	for (uint32_t i = 0; i < 21; i++) {
		struct flow_name poison = udp(1 + i, (uint16_t)(44300 + i));
		send_poison(&poison);
		assert_true(double_answer_of(&d, 0, YG_DA_RESTARTED, &answer));
	}
	struct flow_name flow = udp(100, 47999);
	memset(payload, 0x5a, 100);
	uint64_t calls = double_count(&d, YG_DC_NDPI_CALLS);
	double_packet(&d, 0, &flow, 0, YG_DS_FIRST, payload, 100);
	double_packet(&d, 0, &flow, 0, 0, payload, 100);
	double_packet(&d, 0, &flow, 1, 0, payload, 100);
	double_end(&d, 0, &flow);
	assert_verdict(&flow, "Unknown");
	assert_int_equal(double_count(&d, YG_DC_NDPI_LEFT_OUT), 2);
	assert_int_equal(double_count(&d, YG_DC_NDPI_CALLS), calls + 1);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 21);
	stop();
}

// A DNS message of 65,507 bytes makes nDPI 4.2 go round for ever when it sees it whole.
static void a_datagram_of_65507_bytes_is_never_whole(void **state)
{
	(void)state;
	struct flow_name flow = udp(1, 53), good = udp(2, 53);
	start(true, 1, "");
	memset(payload, 0, 65507);
	payload_dns_query(payload, 1, "a.example");
	payload[7] = 0xff; // answers announced
	struct yg_ds_request head = double_request(&d, &flow, 0, YG_DS_PACKET, 65507);
	static uint8_t packet[70000];
	double_build(&flow, 0, payload, 65507, packet);
	head.flags |= YG_DS_FIRST;
	double_push(&d, 0, &head, packet); // 32 pieces: refused
	head.pieces = YG_DS_PIECES_MAX;
	head.length = YG_DS_PIECES_MAX * YG_DS_DATA;
	head.payload_len = head.length - head.payload;
	double_push(&d, 0, &head, packet); // as much of it as may cross
	double_end(&d, 0, &flow);
	send_dns(&good, YG_DS_FIRST);
	double_end(&d, 0, &good);
	struct yg_ds_answer answer;
	assert_true(double_answer_of(&d, 0, YG_DA_VERDICT, &answer));
	assert_verdict(&good, "DNS");
	assert_true(double_count(&d, YG_DC_INVALID) >= 1);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

// ---- how fast it is back ----

static double last_restart_ms(uint64_t n)
{
	const struct yg_restart *restart = &d.stats->restarts[n];
	return (double)(yg_counter_get(&restart->ready_ns) - yg_counter_get(&restart->died_ns)) / 1e6;
}

static void wait_restarts(uint64_t n)
{
	for (int i = 0; i < 30000 && yg_counter_get(&d.stats->restarts_count) < n; i++)
		usleep(100);
	assert_int_equal(yg_counter_get(&d.stats->restarts_count), n);
}

static void strike(int signal_number, int times, double *ms, uint64_t before)
{
	struct yg_ds_answer answer;
	for (int i = 0; i < times; i++) {
		struct flow_name flow = udp((uint32_t)i, 53);
		pid_t worker = double_worker(&d, 0);
		assert_true(worker > 0 && kill(worker, signal_number) == 0);
		if (signal_number == SIGSTOP)
			send_dns(&flow, YG_DS_FIRST); // work that waits
		wait_restarts(before + (uint64_t)i + 1);
		ms[i] = last_restart_ms(before + (uint64_t)i);
		assert_true(double_answer_of(&d, 0, YG_DA_RESTARTED, &answer));
		assert_true(double_wait_worker(&d, worker));
		flow.slot += 1000; // a valid flow right behind it
		send_dns(&flow, YG_DS_FIRST);
		double_end(&d, 0, &flow);
		do
			assert_true(double_answer_of(&d, 0, YG_DA_VERDICT, &answer));
		while (answer.slot != flow.slot);
		d.time_ns += 120 * YG_NS_PER_S; // the crash policy sleeps
	}
}

// One of three rounds must keep the limits: a machine that others keep busy delays any process at times.
static void a_dissector_killed_or_stopped_is_back_in_time(void **state)
{
	(void)state;
	enum { CRASHES = 100, HANGS = 10, BOTH = CRASHES + HANGS };
	double crash[CRASHES], hang[HANGS];
	bool in_time = false;
	uint64_t rounds = 0;
	start(true, 1, "");
	assert_true(double_wait_worker(&d, 0));
	usleep(20000);
	for (; rounds < 3 && !in_time; rounds++) {
		strike(SIGSEGV, CRASHES, crash, rounds * BOTH);
		strike(SIGSTOP, HANGS, hang, rounds * BOTH + CRASHES);
		bool crashes_in_time = double_times_within("crash to ready", crash, CRASHES, 10);
		in_time = double_times_within("hang to ready", hang, HANGS, 110) && crashes_in_time;
	}
	assert_true(in_time);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), rounds * BOTH);
	if (yg_sandbox_works())
		assert_int_equal(double_zygote_count(&d, YG_DC_HANGS), rounds * HANGS);
	stop();
}

// What a worker that was taken over can do: it says that it is at its first record, and that all goes on.
static void a_worker_with_progress_that_ends_no_record_is_hung(void **state)
{
	(void)state;
	struct flow_name stuck = udp(1, 53), good = udp(2, 53);
	struct yg_ds_answer answer;
	start(true, 1, "");
	struct yg_ds_control *control = (struct yg_ds_control *)d.control;
	assert_true(double_wait_worker(&d, 0));
	usleep(50000);
	assert_int_equal(kill(double_worker(&d, 0), SIGSTOP), 0);
	atomic_store(&control->busy_index, 0);
	atomic_store(&control->busy_pieces, 1);
	atomic_store(&control->busy_ring, 1);
	send_dns(&stuck, YG_DS_FIRST);
	int64_t begin = double_now_ns(), end = begin;
	for (; end - begin < 8 * YG_NS_PER_S && double_zygote_count(&d, YG_DC_DEATHS) == 0; end = double_now_ns()) {
		atomic_fetch_add(&control->progress, 1);
		usleep(1000);
	}
	assert_in_range(end - begin, 900 * YG_NS_PER_MS, 7 * YG_NS_PER_S); // ten watchdog times, not the first look
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_RESTARTED);
	assert_int_equal(answer.restarted.cause, YG_RESTART_HANG);
	assert_int_equal(answer.restarted.had_packet, 1);
	assert_int_equal(answer.slot, stuck.slot);
	send_dns(&good, YG_DS_FIRST);
	double_end(&d, 0, &good);
	assert_verdict(&good, "DNS");
	assert_int_equal(double_zygote_count(&d, YG_DC_HANGS), 1);
	stop();
}

// The producer's mark in the ring's header. Set for a worker alone, while the zygote sleeps, it makes that worker end as
// if all were done.
static _Atomic uint32_t *closed_mark(unsigned ring)
{
	return (_Atomic uint32_t *)((uint8_t *)d.to_memory[ring].at + 64 + 16);
}

static void a_worker_that_ends_before_its_input_has_died(void **state)
{
	(void)state;
	struct flow_name open = udp(1, 47999), good = udp(2, 53);
	struct yg_ds_answer answer;
	start(true, 1, "");
	assert_true(double_wait_worker(&d, 0));
	const struct yg_worker_shared *shared = (const struct yg_worker_shared *)(d.control + YG_CONTROL_SHARED);
	memset(payload, 0x5a, 100);
	double_packet(&d, 0, &open, 0, YG_DS_FIRST, payload, 100); // and no end
	assert_int_equal(kill(d.pid, SIGSTOP), 0);
	yg_ring_close(&d.to[0]);
	for (int i = 0; i < 5000 && !atomic_load(&shared->finished); i++)
		usleep(1000);
	assert_int_equal(atomic_load(&shared->finished), 1);
	atomic_store(closed_mark(0), 0);
	assert_int_equal(kill(d.pid, SIGCONT), 0);
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_RESTARTED);
	assert_int_equal(answer.restarted.cause, YG_RESTART_CRASH);
	assert_int_equal(answer.restarted.consumed, 1);
	assert_int_equal(answer.restarted.had_packet, 0);
	send_dns(&good, YG_DS_FIRST);
	double_end(&d, 0, &good);
	assert_verdict(&good, "DNS");
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 1);
	assert_int_equal(double_zygote_count(&d, YG_DC_LOST), 0);
	stop();
}

// What was sent is read or lost, to the packet, wherever the worker dies: between records, or in one, which it is when
// it waits for room in the middle of an answer.
static void no_packet_is_counted_twice_or_not_at_all(void **state)
{
	(void)state;
	struct yg_ds_answer answer;
	start(true, 1, "");
	assert_true(double_wait_worker(&d, 0));
	uint64_t sent = 0;
	for (uint32_t round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 200; i++, sent++) {
			struct flow_name flow = udp(i, 53);
			flow.generation = round * 1000 + i;
			send_dns(&flow, YG_DS_FIRST);
		}
		double_batch_end(&d, 0, round);
		usleep(round * 50); // anywhere: starting, reading, or waiting for room
		if (double_worker(&d, 0) > 0)
			kill(double_worker(&d, 0), SIGKILL);
		do
			assert_true(double_answer_of(&d, 0, YG_DA_BATCH_END, &answer));
		while (answer.packet != round);
	}
	unsigned long long lost = double_zygote_count(&d, YG_DC_LOST), deaths = double_zygote_count(&d, YG_DC_DEATHS);
	printf("%llu packets sent, %llu lost in %llu deaths\n", (unsigned long long)sent, lost, deaths);
	assert_int_equal(double_count(&d, YG_DC_READ) + lost, sent);
	assert_true(lost > 0 && lost <= deaths && deaths >= 20);
	stop();
}

// ---- what the worker is ----

static void a_worker_has_no_descriptor_no_capability_and_a_filter(void **state)
{
	(void)state;
	char text[4096], path[64];
	if (!yg_sandbox_works())
		skip();
	start(true, 1, "");
	assert_true(double_wait_worker(&d, 0));
	usleep(50000);
	pid_t worker = double_worker(&d, 0);
	double_status(worker, text, sizeof text);
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	snprintf(path, sizeof path, "/proc/%d/fd", (int)worker);
	DIR *list = opendir(path);
	if (list) { // root, or the same user
		int entries = 0;
		while (readdir(list))
			entries++;
		closedir(list);
		assert_int_equal(entries, 2); // . and ..
	}
	stop();
}

static void all_ends_with_the_supervisor(void **state)
{
	(void)state;
	int status = -1;
	start(true, 1, "");
	assert_true(double_wait_worker(&d, 0));
	pid_t worker = double_worker(&d, 0);
	close(d.alive);
	d.alive = -1;
	for (int i = 0; i < 5000 && waitpid(d.pid, &status, WNOHANG) == 0; i++)
		usleep(1000);
	assert_true(WIFEXITED(status));
	assert_int_equal(kill(worker, 0), -1);
	assert_int_equal(errno, ESRCH);
	double_remove_folder(&d);
}

static void a_dissector_that_ndpi_does_not_have_is_an_error(void **state)
{
	(void)state;
	start(true, 1, "DTLS,Dracula");
	int status = double_stop(&d);
	double_remove_folder(&d);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EX_CONFIG);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return EX_USAGE;
	dissector = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dns_flow_gets_its_event_and_one_final_verdict),
	    cmocka_unit_test(a_record_that_nobody_wants_is_not_sent),
	    cmocka_unit_test(a_flow_without_payload_is_guessed_by_its_port),
	    cmocka_unit_test(the_budget_ends_a_flow_that_nobody_knows),
	    cmocka_unit_test(records_of_unknown_flows_are_counted_and_dropped),
	    cmocka_unit_test(broken_records_are_counted_and_harm_nobody),
	    cmocka_unit_test(a_batch_ends_on_every_ring_once_all_have_shown_it),
	    cmocka_unit_test(a_replay_waits_for_room_and_loses_no_answer),
	    cmocka_unit_test(live_a_full_ring_costs_answers_and_not_the_dissector),
	    cmocka_unit_test(own_only_leaves_ndpi_out_and_our_reader_in),
	    cmocka_unit_test(a_packet_that_kills_ndpi_costs_its_own_flow_alone),
	    cmocka_unit_test(with_the_dissector_off_the_same_packet_is_harmless),
	    cmocka_unit_test(three_deaths_towards_one_server_leave_ndpi_out_there),
	    cmocka_unit_test(a_storm_of_deaths_keeps_one_sided_flows_from_ndpi),
	    cmocka_unit_test(a_datagram_of_65507_bytes_is_never_whole),
	    cmocka_unit_test(a_dissector_killed_or_stopped_is_back_in_time),
	    cmocka_unit_test(a_worker_with_progress_that_ends_no_record_is_hung),
	    cmocka_unit_test(a_worker_that_ends_before_its_input_has_died),
	    cmocka_unit_test(no_packet_is_counted_twice_or_not_at_all),
	    cmocka_unit_test(a_worker_has_no_descriptor_no_capability_and_a_filter),
	    cmocka_unit_test(all_ends_with_the_supervisor),
	    cmocka_unit_test(a_dissector_that_ndpi_does_not_have_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
