// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A worker and its dissector: first one that is honest, then ones that are not. Whatever comes back, the worker counts it, every flow
// that ended leaves its record, and the replay comes to its end.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker_rig.h"

enum { FLOWS_MAX = 20000, KNOWN = 4096 };
#define S YG_NS_PER_S

struct peer {
	struct yg_flow flows[FLOWS_MAX];
	uint32_t flows_count, verdicts, metas, restarted, bad_texts;
	struct {
		uint32_t slot, generation;
		bool open;
	} known[KNOWN];
	uint32_t known_count;
	void (*instead)(struct rig *rig, struct peer *peer); // dishonesty, before each batch is answered
	bool silent_on_verdicts, lies_as_consumer, lies_as_producer;
	unsigned rounds;
};

static struct peer *peer;

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static void on_event(struct rig *rig, const struct yg_event *e)
{
	(void)rig;
	switch (e->kind) {
	case YG_EV_FLOW:
		if (e->flow.event != YG_FLOW_ENDED)
			break;
		peer->flows[peer->flows_count++ % FLOWS_MAX] = e->flow;
		peer->bad_texts += !ends(e->flow.proto_name, sizeof e->flow.proto_name) || !ends(e->flow.category, sizeof e->flow.category) ||
				   !ends(e->flow.server_name, sizeof e->flow.server_name) || !ends(e->flow.ja3, sizeof e->flow.ja3) ||
				   !ends(e->flow.ja3s, sizeof e->flow.ja3s) || !ends(e->flow.alpn, sizeof e->flow.alpn) ||
				   e->flow.confidence >= YG_CONF_COUNT;
		break;
	case YG_EV_DNS:
		peer->metas++;
		peer->bad_texts += !ends(e->dns.qname, sizeof e->dns.qname);
		break;
	case YG_EV_TLS:
		peer->metas++;
		peer->bad_texts += !ends(e->tls.server_name, sizeof e->tls.server_name) || !ends(e->tls.ja3, sizeof e->tls.ja3) ||
				   !ends(e->tls.alpn, sizeof e->tls.alpn);
		break;
	case YG_EV_HTTP:
		peer->metas++;
		peer->bad_texts += !ends(e->http.method, sizeof e->http.method) || !ends(e->http.host, sizeof e->http.host) ||
				   !ends(e->http.target, sizeof e->http.target) || !ends(e->http.user_agent, sizeof e->http.user_agent) ||
				   !ends(e->http.forwarded_for, sizeof e->http.forwarded_for);
		break;
	case YG_EV_RESTARTED:
		peer->restarted++;
		peer->bad_texts += !ends(e->restarted.quarantine, sizeof e->restarted.quarantine) ||
				   (e->restarted.had_packet && e->restarted.af != 4 && e->restarted.af != 6);
		break;
	default:
		break;
	}
}

static struct yg_ds_answer *next_answer(struct rig *rig)
{
	struct yg_ring *ring = &rig->answers;
	if (!yg_ring_has_room(ring, 1))
		return NULL;
	struct yg_ds_answer *a = yg_ring_slot(ring, ring->own);
	memset(a, 0, sizeof *a);
	yg_ring_push(ring, 1);
	return a;
}

static void give_verdict(struct rig *rig, uint32_t slot, uint32_t generation, const char *name)
{
	struct yg_ds_answer *a = next_answer(rig);
	if (!a)
		return;
	a->kind = YG_DA_VERDICT;
	a->slot = slot;
	a->generation = generation;
	a->verdict.final = 1;
	a->verdict.confidence = YG_CONF_DPI;
	strncpy(a->verdict.proto_name, name, sizeof a->verdict.proto_name - 1);
}

// A consumer's index stands on the third line of a ring, a producer's on the second.
static void write_lies(struct rig *rig)
{
	if (peer->lies_as_consumer)
		*(volatile uint64_t *)((uint8_t *)rig->memory[3] + 128) += UINT64_C(1) << 40;
	if (peer->lies_as_producer)
		*(volatile uint64_t *)((uint8_t *)rig->memory[4] + 64) += UINT64_C(1) << 40;
}

// The dissector's side: a final verdict when a flow ends or was to be guessed, and the end of each batch.
static void answer_batch(struct rig *rig)
{
	struct yg_ring *ring = &rig->requests;
	if (peer->instead)
		peer->instead(rig, peer);
	while (yg_ring_available(ring)) {
		const struct yg_ds_request *q = yg_ring_slot(ring, ring->own);
		assert_in_range(q->pieces, 1, YG_DS_PIECES_MAX);
		assert_true(q->kind == YG_DS_BATCH_END || q->slot < yg_flow_records_total(rig->table));
		if (q->kind == YG_DS_BATCH_END) {
			struct yg_ds_answer *a = next_answer(rig);
			if (a) {
				a->kind = YG_DA_BATCH_END;
				a->packet = q->packet;
			}
		} else if ((q->kind == YG_DS_END || q->kind == YG_DS_GUESS) && !peer->silent_on_verdicts) {
			give_verdict(rig, q->slot, q->generation, q->kind == YG_DS_END ? "Ended" : "Guessed");
		}
		if (q->flags & YG_DS_FIRST) {
			peer->known[peer->known_count % KNOWN].slot = q->slot;
			peer->known[peer->known_count++ % KNOWN].generation = q->generation;
		}
		yg_ring_pop(ring, q->pieces);
	}
	yg_ring_release(ring);
	yg_ring_publish(&rig->answers);
	if (++peer->rounds > 200)
		write_lies(rig);
}

static void start(struct rig *rig)
{
	memset(rig, 0, sizeof *rig);
	peer = calloc(1, sizeof *peer);
	rig->event = on_event;
	rig->dissect = answer_batch;
	rig_start(rig, &(const struct rig_options){0});
}

static void stop(struct rig *rig)
{
	rig_stop(rig);
	free(peer);
}

static void talk(struct rig *rig, unsigned client, uint16_t bytes)
{
	struct rig_packet there = {.src = hand_v4(192, 0, 2 + client / 250, client % 250),
	                           .dst = hand_v4(10, 1, 0, 9),
	                           .sport = 4000,
	                           .dport = 53,
	                           .proto = 17,
	                           .payload = bytes};
	struct rig_packet back = {.src = there.dst, .dst = there.src, .sport = 53, .dport = 4000, .proto = 17, .payload = bytes};
	rig_send(rig, &there);
	if (client % 2)
		rig_send(rig, &back);
}

static void run(struct rig *rig, unsigned batches)
{
	for (unsigned b = 0; b < batches; b++) {
		rig->now += S / 2;
		rig_begin(rig);
		for (unsigned i = 0; i < 20; i++)
			talk(rig, b * 5 + i, (uint16_t)(20 + i * 300));
		struct rig_packet syn = {.src = hand_v4(198, 51, 100, b),
		                         .dst = hand_v4(10, 1, 0, 9),
		                         .sport = 9,
		                         .dport = 443,
		                         .proto = 6,
		                         .flags = YG_TCP_SYN};
		rig_send(rig, &syn);
		rig_end(rig, false);
	}
	rig_finish(rig);
}

// Whatever was done to it: what was offered is accounted for, and each flow that ended has left one record.
static void check_conservation(const struct rig *rig)
{
	assert_int_equal(rig_count(rig, YG_WC_FLOW_CREATED), rig_count(rig, YG_WC_FLOW_ENDED));
	assert_int_equal(rig_count(rig, YG_WC_FLOW_ENDED), rig_count(rig, YG_WC_FLOW_RECORDS) + rig_count(rig, YG_WC_RECORDS_SHED_POOL));
	assert_int_equal(peer->flows_count, rig_count(rig, YG_WC_FLOW_RECORDS));
	assert_int_equal(rig_count(rig, YG_WC_DS_OFFERED), rig_count(rig, YG_WC_DS_SENT) + rig_count(rig, YG_WC_DS_SKIPPED_RING_FULL) +
							   rig_count(rig, YG_WC_DS_SKIPPED_TOO_LONG));
	assert_int_equal(peer->bad_texts, 0);
}

static unsigned named(const char *name)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < peer->flows_count; i++)
		n += strcmp(peer->flows[i].proto_name, name) == 0;
	return n;
}

static void every_flow_gets_its_verdict(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	run(&rig, 100);
	check_conservation(&rig);
	assert_int_equal(named("Guessed"), 100); // the SYNs
	assert_int_equal(named("Ended"), peer->flows_count - 100);
	assert_in_range(peer->flows_count, 500, FLOWS_MAX);
	assert_int_equal(rig_count(&rig, YG_WC_DS_VERDICTS), peer->flows_count);
	assert_int_equal(rig_count(&rig, YG_WC_DS_ANSWER_INVALID), 0);
	for (uint32_t i = 0; i < peer->flows_count; i++) {
		assert_int_equal(peer->flows[i].unclassified, YG_CLASSIFIED);
		assert_int_equal(peer->flows[i].confidence, YG_CONF_DPI);
	}
	stop(&rig);
}

static void a_long_packet_travels_in_pieces_and_one_that_is_too_long_not_at_all(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	rig.dissect = NULL;
	memset((uint8_t *)rig.memory[3] + 4096, 0xee, rig.size[3] - 4096); // what earlier packets left in the slots
	rig_begin(&rig);
	talk(&rig, 0, 5000);
	talk(&rig, 2, 30000); // 12 pieces hold 24,576
	rig_end(&rig, false);
	assert_int_equal(yg_ring_available(&rig.requests), 3 + 1);
	const struct yg_ds_request *first = yg_ring_slot(&rig.requests, 0), *last = yg_ring_slot(&rig.requests, 2);
	assert_int_equal(first->pieces, 3);
	assert_int_equal(first->length, 5028);
	assert_int_equal(first->payload_len, 5000);
	assert_int_equal(first->data[0], 0x45);
	assert_int_equal(last->data[5028 - 2 * YG_DS_DATA - 1], 'x');
	for (unsigned i = 0; i < YG_DS_PADDING; i++)
		assert_int_equal(last->data[5028 - 2 * YG_DS_DATA + i], 0);
	assert_int_equal(rig_count(&rig, YG_WC_DS_SKIPPED_TOO_LONG), 1);
	rig.dissect = answer_batch;
	rig_finish(&rig);
	check_conservation(&rig);
	stop(&rig);
}

// ---- dissectors that are not honest ----

static void send_garbage(struct rig *rig, struct peer *p)
{
	(void)p;
	for (unsigned i = 0; i < 40; i++) {
		struct yg_ds_answer *a = next_answer(rig);
		if (!a)
			return;
		uint8_t *bytes = (uint8_t *)a;
		for (size_t n = 0; n < sizeof *a; n++)
			bytes[n] = (uint8_t)random();
		a->kind %= 12;
		if (a->kind == YG_DA_BATCH_END)
			a->kind = 200;
	}
}

static void garbage_is_counted_and_changes_no_record(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 6; seed++) {
		struct rig rig;
		srandom(seed);
		start(&rig);
		peer->instead = send_garbage;
		run(&rig, 60);
		check_conservation(&rig);
		assert_true(rig_count(&rig, YG_WC_DS_ANSWER_INVALID) > 1000);
		assert_int_equal(named("Guessed") + named("Ended") + named("Unknown"), peer->flows_count);
		stop(&rig);
	}
}

static void name_others(struct rig *rig, struct peer *p)
{
	static const uint32_t wrong[] = {0, 1, 777, UINT32_MAX, 1535, 1536, UINT32_MAX / 2};
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		give_verdict(rig, wrong[i], 999999 + p->rounds, "Forged");
		struct yg_ds_answer *a = next_answer(rig);
		a->kind = (uint8_t)(YG_DA_DNS + i % 3);
		a->slot = wrong[i];
		a->generation = UINT32_MAX - p->rounds;
	}
}

static void wrong_slots_and_generations_reach_no_flow(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = name_others;
	run(&rig, 60);
	check_conservation(&rig);
	assert_int_equal(named("Forged"), 0);
	assert_int_equal(peer->metas, 0);
	assert_true(rig_count(&rig, YG_WC_DS_ANSWER_INVALID) >= 60 * 14);
	stop(&rig);
}

// Every flow that it has ever been told of gets another verdict in each batch.
static void speak_again(struct rig *rig, struct peer *p)
{
	for (uint32_t i = 0; i < p->known_count && i < 30; i++) {
		uint32_t k = (p->known_count - 1 - i) % KNOWN;
		give_verdict(rig, p->known[k].slot, p->known[k].generation, "Again");
	}
}

static void a_second_final_verdict_is_refused(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = speak_again;
	run(&rig, 60);
	check_conservation(&rig);
	assert_true(rig_count(&rig, YG_WC_DS_VERDICTS) <= peer->flows_count);
	assert_true(rig_count(&rig, YG_WC_DS_ANSWER_INVALID) > 500);
	stop(&rig);
}

static void fill_all(struct rig *rig, struct peer *p)
{
	for (uint32_t i = 0; i < p->known_count && i < 50; i++)
		for (uint8_t kind = YG_DA_VERDICT; kind <= YG_DA_HTTP; kind++) {
			struct yg_ds_answer *a = next_answer(rig);
			if (!a)
				return;
			uint32_t k = (p->known_count - 1 - i) % KNOWN;
			memset(a, 0xff, sizeof *a);
			a->kind = kind;
			a->slot = p->known[k].slot;
			a->generation = p->known[k].generation;
			a->verdict.final = kind != YG_DA_VERDICT;
		}
	struct yg_ds_answer *a = next_answer(rig);
	memset(a, 0xff, sizeof *a);
	a->kind = YG_DA_RESTARTED;
	a->restarted.consumed = 0;
}

static void texts_without_an_end_are_ended(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = fill_all;
	run(&rig, 60);
	check_conservation(&rig); // looks for the end of every text
	assert_true(peer->metas > 100);
	assert_int_equal(peer->restarted, rig_count(&rig, YG_WC_DS_RESTARTS));
	assert_true(peer->restarted > 50);
	stop(&rig);
}

// Verdicts on all flows that are known, and a name asked for behind each.
static void name_all(struct rig *rig, struct peer *p)
{
	for (uint32_t k = 0; k < p->known_count; k++)
		give_verdict(rig, p->known[k].slot, p->known[k].generation, "Named");
	for (uint32_t k = 0; k < p->known_count; k++) {
		struct yg_ds_answer *a = next_answer(rig);
		assert_non_null(a);
		a->kind = YG_DA_DNS;
		a->slot = p->known[k].slot;
		a->generation = p->known[k].generation;
	}
	p->instead = NULL;
}

static void without_a_place_for_its_verdict_a_flow_has_no_name(void **state)
{
	(void)state;
	enum { FLOWS = 10, PLACES = 4 };
	struct rig rig;
	start(&rig);
	uint32_t places = rig.worker->meta_max;
	rig.worker->meta_max = PLACES;
	for (unsigned round = 0; round < 3; round++) { // flows, verdicts, and a batch in which these are applied
		rig.now += S / 2;
		rig_begin(&rig);
		for (unsigned i = 0; round == 0 && i < FLOWS; i++)
			talk(&rig, 2 * i, 100);
		peer->instead = round == 1 ? name_all : NULL;
		rig_end(&rig, false);
	}
	assert_int_equal(peer->known_count, FLOWS);
	rig_finish(&rig);
	rig.worker->meta_max = places;
	check_conservation(&rig);
	assert_int_equal(rig_count(&rig, YG_WC_DS_VERDICTS), FLOWS);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_META_FULL), 2 * (FLOWS - PLACES)); // verdicts, and what came behind them
	assert_int_equal(rig_count(&rig, YG_WC_DS_ANSWER_INVALID), 0);
	assert_int_equal(peer->metas, PLACES);
	assert_int_equal(named("Named"), PLACES);
	assert_int_equal(peer->flows_count, FLOWS);
	stop(&rig);
}

static void a_ring_that_lies_ends_dissection_and_nothing_else(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		struct rig rig;
		start(&rig);
		peer->lies_as_consumer = which == 0;
		peer->lies_as_producer = which == 1;
		run(&rig, 400);
		check_conservation(&rig);
		assert_true(rig_count(&rig, YG_WC_DS_ANSWER_INVALID) >= 1);
		assert_true(rig_count(&rig, YG_WC_DS_LOST_RESTART) > 0);
		assert_null(rig.worker->o.to_dissector);
		assert_true(named("Unknown") > 50);
		assert_true(named("Ended") > 50);
		stop(&rig);
	}
}

static void die_once(struct rig *rig, struct peer *p)
{
	if (p->rounds != 10)
		return;
	struct yg_ring *ring = &rig->requests; // reads three records of this batch, then dies on the fourth
	unsigned slots = 0;
	assert_true(yg_ring_available(ring) > 12);
	for (unsigned i = 0; i < 4; i++)
		slots += ((const struct yg_ds_request *)yg_ring_slot(ring, ring->own + slots))->pieces;
	yg_ring_pop(ring, slots);
	yg_ring_release(ring);
	struct yg_ds_answer *a = next_answer(rig);
	a->kind = YG_DA_RESTARTED;
	a->restarted.consumed = ring->own;
	a->restarted.cause = YG_RESTART_CRASH;
}

static void a_restart_loses_what_was_open_and_nothing_later(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = die_once;
	run(&rig, 60);
	check_conservation(&rig);
	unsigned lost = 0, classified = 0;
	for (uint32_t i = 0; i < peer->flows_count; i++) {
		lost += peer->flows[i].unclassified == YG_UNCL_DISSECTOR_RESTART;
		classified += peer->flows[i].unclassified == YG_CLASSIFIED;
	}
	assert_int_equal(lost, rig_count(&rig, YG_WC_DS_LOST_RESTART));
	assert_in_range(lost, 20, 150);
	assert_int_equal(lost + classified, peer->flows_count);
	assert_int_equal(peer->restarted, 1);
	stop(&rig);
}

// It says that it has read all there ever will be: what has not been sent is not lost by that.
static void claim_too_much(struct rig *rig, struct peer *p)
{
	if (p->rounds != 10)
		return;
	struct yg_ds_answer *a = next_answer(rig);
	a->kind = YG_DA_RESTARTED;
	a->restarted.consumed = UINT64_MAX;
}

static void a_restart_that_claims_the_future_loses_only_the_past(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = claim_too_much;
	run(&rig, 100);
	check_conservation(&rig);
	assert_true(rig_count(&rig, YG_WC_DS_LOST_RESTART) > 20);
	assert_true(named("Ended") > 300);
	stop(&rig);
}

static void end_batches_early(struct rig *rig, struct peer *p)
{
	(void)p;
	struct yg_ds_answer *a = next_answer(rig);
	a->kind = YG_DA_BATCH_END;
	a->packet = UINT64_MAX;
}

static void ending_batches_that_have_not_begun_stops_nothing(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->instead = end_batches_early;
	run(&rig, 100);
	check_conservation(&rig);
	assert_true(rig_count(&rig, YG_WC_FLOW_VERDICT_LATE) > 0); // what lay behind the false end came too late
	stop(&rig);
}

static void a_dissector_that_gives_no_verdict_costs_verdicts_alone(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->silent_on_verdicts = true;
	run(&rig, 60);
	check_conservation(&rig);
	assert_int_equal(named("Unknown"), peer->flows_count);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_VERDICT_LATE), peer->flows_count);
	assert_int_equal(peer->flows[0].unclassified, YG_UNCL_VERDICT_LATE);
	stop(&rig);
}

static void speak_late(struct rig *rig, struct peer *p)
{
	for (uint32_t i = 0; p->known_count > 2000 && i < 30; i++) {
		uint32_t k = (p->known_count - 2000 + i) % KNOWN; // ended and left long ago
		give_verdict(rig, p->known[k].slot, p->known[k].generation, "Late");
	}
}

static void a_verdict_on_a_flow_that_has_left_finds_nobody(void **state)
{
	(void)state;
	struct rig rig;
	start(&rig);
	peer->silent_on_verdicts = true;
	peer->instead = speak_late;
	run(&rig, 700);
	check_conservation(&rig);
	assert_int_equal(named("Late"), 0);
	assert_int_equal(rig_count(&rig, YG_WC_DS_VERDICTS), 0);
	assert_true(rig_count(&rig, YG_WC_DS_ANSWER_INVALID) > 1000);
	stop(&rig);
}

// What a worker says of itself while it waits holds for its batch alone: not for one whose number has the same low 16 bits, and not at all
// for a worker that has never waited.
static void how_far_a_worker_is_holds_for_its_batch_alone(void **state)
{
	(void)state;
	const struct yg_event record = {.stage = YG_STAGE_RECORD, .order = 9}, early = {.stage = YG_STAGE_PACKET, .order = 899},
			      same = {.stage = YG_STAGE_PACKET, .order = 900}, end = {.stage = YG_STAGE_END};
	for (uint64_t batch = 1; batch < 3 << 16; batch += 13107) {
		uint64_t reached = yg_reached(batch, 900);
		assert_true(yg_reached_allows(reached, 1, batch, &record, 2));
		assert_true(yg_reached_allows(reached, 1, batch, &early, 2));
		assert_true(yg_reached_allows(reached, 1, batch, &same, 0)); // ties to the lower worker
		assert_false(yg_reached_allows(reached, 1, batch, &same, 2));
		assert_false(yg_reached_allows(reached, 1, batch, &end, 0));
		assert_false(yg_reached_allows(reached, 1, batch + 1, &record, 0));
	}
	for (uint64_t batch = 65535; batch < 65538; batch++)
		assert_false(yg_reached_allows(0, 1, batch, &record, 0));
	struct rig rig;
	start(&rig);
	run(&rig, 200);
	assert_int_equal(yg_counter_get(&rig.stats->reached), 0); // it waits for nobody any more
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flow_gets_its_verdict),
		cmocka_unit_test(a_long_packet_travels_in_pieces_and_one_that_is_too_long_not_at_all),
		cmocka_unit_test(garbage_is_counted_and_changes_no_record),
		cmocka_unit_test(wrong_slots_and_generations_reach_no_flow),
		cmocka_unit_test(a_second_final_verdict_is_refused),
		cmocka_unit_test(texts_without_an_end_are_ended),
		cmocka_unit_test(without_a_place_for_its_verdict_a_flow_has_no_name),
		cmocka_unit_test(a_ring_that_lies_ends_dissection_and_nothing_else),
		cmocka_unit_test(a_restart_loses_what_was_open_and_nothing_later),
		cmocka_unit_test(a_restart_that_claims_the_future_loses_only_the_past),
		cmocka_unit_test(ending_batches_that_have_not_begun_stops_nothing),
		cmocka_unit_test(a_dissector_that_gives_no_verdict_costs_verdicts_alone),
		cmocka_unit_test(a_verdict_on_a_flow_that_has_left_finds_nobody),
		cmocka_unit_test(how_far_a_worker_is_holds_for_its_batch_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
