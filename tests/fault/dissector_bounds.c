// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Behaviours proved, with a real yagura-dissector (path in argv[1]): more flows than it may have open, and flows that take more memory than
// they may, cost those that were silent longest their further packets; each flow gets its one verdict, and nobody dies of it.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sysexits.h>

#include "engine_double.h"

static const char *dissector;
static struct engine_double d;
static uint8_t payload[1400];

static void start(unsigned rings)
{
	struct engine_plan plan = {.replay = true, .rings = rings, .workers = 1, .flows = "65536", .memory = "64MiB"};
	double_start(&d, dissector, &plan);
}

static void stop(void)
{
	double_stop_well(&d);
}

static void past_its_bound_the_flow_silent_longest_gets_its_verdict_early(void **state)
{
	(void)state;
	enum { BOUND = 32768, FLOWS = BOUND + 50 }; // of 64 MiB
	struct yg_ds_answer answer;
	start(1);
	memset(payload, 0x5a, 100);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_name flow = {i, 7 + i, IPPROTO_UDP, {41000, 47999}, 53}; // ports that nDPI does not know
		double_packet(&d, 0, &flow, 0, YG_DS_FIRST, payload, 100);
	}
	for (uint32_t i = 0; i < FLOWS - BOUND; i++) {
		assert_true(double_answer_of(&d, 0, YG_DA_VERDICT, &answer));
		assert_int_equal(answer.slot, i);
	}
	assert_int_equal(double_count(&d, YG_DC_FLOWS_FULL), FLOWS - BOUND);
	assert_int_equal(double_count(&d, YG_DC_FLOWS_MEMORY), 0);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

// Takes what verdicts are there; they must come in the order of flows.
static void take_verdicts(uint32_t *verdicts)
{
	struct yg_ds_answer answer;
	while (yg_ring_wait_data(&d.from[1], 0)) {
		assert_true(double_answer(&d, 1, &answer));
		if (answer.kind != YG_DA_VERDICT)
			continue;
		assert_int_equal(answer.slot, *verdicts);
		assert_int_equal(answer.generation, 7 + *verdicts);
		++*verdicts;
	}
}

// Each flow begins a TLS record in its middle, for which nDPI sets 2 KiB aside: 24,000 of them would take some 75 of the 48 MiB. The first
// is in the middle of a request and came on a ring of its own, where what was read of it must go.
static void flows_that_take_too_much_memory_get_their_verdict_early(void **state)
{
	(void)state;
	enum { FLOWS = 24000 };
	static const uint8_t begins[] = {0x17, 3, 3, 0x3f, 0xff}; // nothing for our own readers
	static const char half[] = "GET / HTTP/1.1\r\nHost: www.town.example\r\nUser-Agent: ";
	struct flow_name first = {FLOWS, 7 + FLOWS, IPPROTO_TCP, {41000, 80}, 9};
	struct yg_ds_answer answer = {0};
	uint32_t verdicts = 0;
	start(2);
	d.wants = YG_DS_WANTS_HTTP;
	double_packet(&d, 0, &first, 0, YG_DS_FIRST, half, sizeof half - 1);
	double_batch_end(&d, 0, 1); // a replay reads packets in their order, so it waits for who may have an earlier one
	memset(payload, 0x5a, sizeof payload);
	memcpy(payload, begins, sizeof begins);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_name flow = {i, 7 + i, IPPROTO_TCP, {41000, 443}, 9};
		double_packet(&d, 1, &flow, 0, YG_DS_FIRST, payload, sizeof payload);
		take_verdicts(&verdicts);
	}
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_HTTP);
	assert_int_equal(answer.slot, first.slot);
	assert_string_equal(answer.http.host, "www.town.example");
	assert_true(double_answer(&d, 0, &answer));
	assert_int_equal(answer.kind, YG_DA_VERDICT);
	assert_int_equal(answer.slot, first.slot);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_name flow = {i, 7 + i, IPPROTO_TCP, {41000, 443}, 9};
		double_end(&d, 1, &flow);
		take_verdicts(&verdicts);
	}
	double_batch_end(&d, 1, 1);
	while (answer.kind != YG_DA_BATCH_END) {
		assert_true(double_answer(&d, 1, &answer));
		verdicts += answer.kind == YG_DA_VERDICT;
	}
	uint64_t early = double_count(&d, YG_DC_FLOWS_MEMORY);
	print_message("%d flows, %llu of them ended early\n", FLOWS, (unsigned long long)early);
	assert_int_equal(verdicts, FLOWS);
	assert_in_range(early, 7000, 9500); // 8,034 with glibc 2.36
	assert_int_equal(double_count(&d, YG_DC_FLOWS_FULL), 0);
	assert_int_equal(double_count(&d, YG_DC_VERDICTS), FLOWS + 1);
	assert_int_equal(double_zygote_count(&d, YG_DC_DEATHS), 0);
	stop();
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return EX_USAGE;
	dissector = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(past_its_bound_the_flow_silent_longest_gets_its_verdict_early),
		cmocka_unit_test(flows_that_take_too_much_memory_get_their_verdict_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
