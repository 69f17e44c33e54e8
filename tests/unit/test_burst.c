// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The straight lane of a burst: a packet of the common kind is placed and counted without its view, and nobody may be able to tell. The
// same frames go through two workers, one of which has every view written: all that both count, tell, sample and hand to the dissector is
// compared, byte by byte.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/burst.h"
#include "worker_rig.h"

enum {
	FRAME_MAX = 256, BURSTS = 40000, BURST_NS = 50000, FLOWS = 64, LOG = 1 << 22, SAMPLE_EVERY = 3, VLANS = 8,
	VLAN_FIRST = 7, VLAN_STEP = 584,
};

struct lane {
	struct rig rig;
	struct yg_burst burst;
	uint64_t events, deltas, requests;
	uint64_t log[LOG]; // a hash of each thing that came out
	uint32_t logged;
	uint64_t stayed; // packets that were never unfolded
	uint64_t contacts, records, beyond[YG_BUDGET_KINDS]; // told; what bodies asked beyond their budgets, as was told
	uint64_t tracked; // flows with a record
	uint64_t tagged[2][VLANS]; // records of flows in each VLAN; [1]: of attempts
};

static struct yg_decode_options decode;

static void note(struct lane *l, const void *bytes, size_t size)
{
	assert_true(l->logged < LOG);
	l->log[l->logged++] = yg_hash(&yg_hash_key_replay, bytes, size);
}

static void on_event(struct rig *rig, const struct yg_event *event)
{
	struct lane *l = rig->test;
	l->events++;
	l->contacts += event->kind == YG_EV_CONTACT;
	l->records += event->kind == YG_EV_FLOW && event->flow.event == YG_FLOW_ENDED;
	if (event->kind == YG_EV_FLOW && event->flow.vlan) {
		assert_int_equal(event->flow.vlan % VLAN_STEP, VLAN_FIRST);
		l->tagged[event->flow.rank == YG_RANK_EMBRYONIC][event->flow.vlan / VLAN_STEP]++;
	}
	for (unsigned i = 0; event->kind == YG_EV_BUDGET && i < YG_BUDGET_KINDS; i++)
		l->beyond[i] += event->budget.asked[i] - event->budget.seen[i];
	note(l, event, sizeof *event);
}

static void on_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	struct lane *l = rig->test;
	l->deltas++;
	note(l, delta, sizeof *delta);
}

static void on_sample(struct rig *rig, const struct yg_sample *sample)
{
	note(rig->test, sample, sizeof *sample);
}

static struct lane *start(bool deduplicate, bool dissector)
{
	struct lane *l = aligned_alloc(64, (sizeof *l + 63) / 64 * 64);
	struct yg_reassembly_options ra = {.trackers = 64, .fragments = 16, .bytes = 1 << 20, .time_ns = YG_NS_PER_S, .key = yg_hash_key_replay};
	assert_non_null(l);
	memset(l, 0, sizeof *l);
	l->rig.event = on_event;
	l->rig.delta = on_delta;
	l->rig.sample = on_sample;
	l->rig.test = l;
	rig_start_with(&l->rig, &(struct rig_options){.live = true, .no_dissector = !dissector}, YG_O_CAPTURE_DEDUPLICATE, deduplicate);
	for (unsigned budget = 0; budget < YG_BUDGETS; budget++)
		l->rig.worker->budget_max[budget] = 1000; // some are exceeded
	l->burst = (struct yg_burst){.decode = &decode, .table = l->rig.table, .worker = l->rig.worker, .stats = l->rig.stats,
				     .reassembly = yg_reassembly_create(&ra), .run = {0, YG_PARTITIONS}};
	assert_non_null(l->burst.reassembly);
	return l;
}

static void finish(struct lane *l)
{
	yg_reassembly_destroy(l->burst.reassembly);
	rig_stop(&l->rig);
	free(l);
}

// ---- frames of every kind ----

static uint16_t vlan_of(uint32_t flow)
{
	return (uint16_t)(flow % VLANS * VLAN_STEP + VLAN_FIRST);
}

struct frames {
	uint8_t bytes[YG_BURST][FRAME_MAX];
	struct yg_burst_frame frame[YG_BURST];
	unsigned count;
};

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % below;
}

static uint32_t write_transport(uint8_t *l4, uint8_t proto, uint8_t flags, uint16_t sport, uint16_t dport, uint32_t body)
{
	yg_store16(l4, sport);
	yg_store16(l4 + 2, dport);
	if (proto == 17) {
		yg_store16(l4 + 4, (uint16_t)(8 + body));
		memset(l4 + 8, 'u', body);
		return 8 + body;
	}
	yg_store32(l4 + 4, draw(1000));
	yg_store32(l4 + 8, draw(1000));
	l4[12] = 0x50;
	l4[13] = flags;
	memset(l4 + 20, 't', body);
	return 20 + body;
}

static uint32_t write_frame(uint8_t *f)
{
	static const uint8_t some_flags[] = {YG_TCP_SYN, YG_TCP_SYN | YG_TCP_ACK, YG_TCP_ACK, YG_TCP_ACK, YG_TCP_ACK | YG_TCP_PSH,
					     YG_TCP_ACK | YG_TCP_PSH, YG_TCP_ACK | YG_TCP_PSH, YG_TCP_FIN | YG_TCP_ACK, YG_TCP_RST, 0};
	bool tagged = !draw(5), six = !draw(4), udp = !draw(3), back = draw(2), flood = !draw(3);
	uint32_t n = flood ? FLOWS + draw(1 << 20) : draw(FLOWS), body = draw(3) * 20, l3 = tagged ? 18 : 14;
	uint16_t client = (uint16_t)(1024 + n % 60000), server = udp ? (draw(20) ? 53 : 4789) : 443;
	memset(f, 0, FRAME_MAX);
	if (tagged)
		yg_store16(f + 12, 0x8100), yg_store16(f + 14, (uint16_t)(draw(8) << 13 | vlan_of(n)));
	yg_store16(f + l3 - 2, six ? 0x86dd : 0x0800);
	uint8_t *ip = f + l3, *ours = ip + (six ? (back ? 8 : 24) : (back ? 12 : 16)), *theirs = ip + (six ? (back ? 24 : 8) : (back ? 16 : 12));
	memcpy(ours, six ? "\x20\x01\x0d\xb8" : "\x0a\x01\0\x51", 4);
	ours[six ? 15 : 3] = (uint8_t)(78 + n % 7); // among them what hand_config.h declares
	memcpy(theirs, six ? "\x20\x01\x0a\0" : "\xc6\x12\0\0", 4);
	yg_store16(theirs + (six ? 14 : 2), (uint16_t)(n >> 3));
	if (!draw(8)) // ends that differ in little or nothing
		memcpy(theirs, ours, (six ? 16 : 4) - draw(2));
	if (!draw(8))
		client = server;
	uint8_t flags = flood ? YG_TCP_SYN : some_flags[draw(sizeof some_flags)];
	uint32_t length = write_transport(ip + (six ? 40 : 20), udp ? 17 : 6, flags, back ? server : client, back ? client : server, body);
	ip[0] = six ? 0x60 : 0x45;
	ip[six ? 6 : 9] = udp ? 17 : 6;
	yg_store16(ip + (six ? 4 : 2), (uint16_t)(six ? length : 20 + length));
	uint32_t all = l3 + (six ? 40 : 20) + length;
	switch (draw(40)) { // what is not of the common kind
	case 0:
		return draw(all);
	case 1:
		yg_store16(ip + 6, six ? 0x2b40 : (uint16_t)(draw(2) ? 0x2000 : draw(64)));
		break;
	case 2:
		ip[six ? 6 : 9] = (uint8_t)draw(256);
		break;
	case 3:
		ip[0] ^= (uint8_t)draw(256);
		break;
	default:
		break;
	}
	return all;
}

static void write_burst(struct frames *f)
{
	f->count = 1 + draw(YG_BURST);
	for (unsigned i = 0; i < f->count; i++) {
		uint32_t length = write_frame(f->bytes[i]);
		if (i && !draw(10)) { // the same once more, as a doubled mirror sends it
			memcpy(f->bytes[i], f->bytes[i - 1], FRAME_MAX);
			length = f->frame[i - 1].caplen;
		}
		f->frame[i] = (struct yg_burst_frame){f->bytes[i], length, length < 60 ? 60 : length};
	}
}

// ---- two ways ----

// As yg_burst_decode, but every view is written.
static void decode_whole(struct yg_burst *b, const struct frames *f, struct yg_time now)
{
	b->now = now;
	for (unsigned i = 0; i < f->count; i++) {
		struct yg_packet *p = &b->packets[i];
		yg_decode_general(b->decode, YG_LINK_ETHERNET, f->frame[i].data, f->frame[i].caplen, f->frame[i].wirelen, &p->view);
		p->view.time = now;
		p->counted = p->folded = false;
		yg_packet_place(b->table, &b->run, p);
	}
}

static void empty(struct lane *l)
{
	rig_drain(&l->rig);
	for (uint32_t n = yg_ring_available(&l->rig.requests); n; n--, l->requests++) {
		const struct yg_ds_request *q = yg_ring_slot(&l->rig.requests, l->rig.requests.own);
		note(l, q, offsetof(struct yg_ds_request, data) + (q->kind == YG_DS_PACKET ? q->length : 0));
		yg_ring_pop(&l->rig.requests, 1);
	}
	yg_ring_release(&l->rig.requests);
}

static void pass(struct lane *l, const struct frames *f, bool whole, int64_t now_ns)
{
	struct yg_time now = yg_time_ns(now_ns);
	l->rig.now = now_ns;
	if (yg_time_second(now) != l->rig.worker->second || !l->rig.worker->started) {
		rig_begin(&l->rig);
		l->rig.worker->sample_every = SAMPLE_EVERY;
	}
	if (whole)
		decode_whole(&l->burst, f, now);
	else
		yg_burst_decode(&l->burst, f->frame, f->count, now);
	yg_burst_process(&l->burst, f->count);
	l->rig.number = l->burst.number;
	for (unsigned i = 0; i < f->count; i++)
		l->stayed += l->burst.packets[i].folded;
	yg_worker_poll(l->rig.worker, now);
	empty(l);
}

static void compare(bool deduplicate, bool dissector, uint8_t shed)
{
	struct lane *folded = start(deduplicate, dissector), *whole = start(deduplicate, dissector);
	static struct frames frames;
	unsigned taken = 0;
	random_state = 20260101;
	folded->rig.worker->shed = whole->rig.worker->shed = shed;
	for (unsigned i = 0; i < BURSTS; i++) {
		int64_t now = INT64_C(1800000000) * YG_NS_PER_S + (int64_t)i * BURST_NS;
		write_burst(&frames);
		pass(folded, &frames, false, now);
		pass(whole, &frames, true, now);
		assert_int_equal(folded->logged, whole->logged);
		for (unsigned k = 0; k < frames.count; k++)
			taken += yg_plain_take(&decode, frames.frame[k].data, frames.frame[k].caplen, frames.frame[k].wirelen, &folded->burst.whole.plain);
	}
	assert_memory_equal(folded->log, whole->log, folded->logged * sizeof folded->log[0]);
	assert_memory_equal(folded->rig.stats, whole->rig.stats, sizeof *folded->rig.stats);
	assert_int_equal(folded->rig.sampled, whole->rig.sampled);
	for (unsigned i = 0; i < VLANS; i++) // of the VLAN every bit
		assert_true(folded->tagged[0][i] > 10 && (shed || folded->tagged[1][i] > 10));
	// and there was something to tell
	assert_true(taken > BURSTS * (YG_BURST / 4));
	assert_true(rig_count(&folded->rig, YG_WC_RECEIVED) > taken);
	assert_true(folded->events > 1000 && folded->deltas > 50 && folded->rig.sampled > 10000);
	assert_true(!dissector || shed || folded->requests > 5000);
	assert_true(deduplicate || folded->stayed > 10000); // else every packet is looked up
	assert_true(rig_count(&folded->rig, YG_WC_FLOW_HITS) > 10000 && (shed >= 3 || rig_count(&folded->rig, YG_WC_FLOW_EVICTED) > 1000));
	assert_true(rig_count(&folded->rig, YG_WC_MIRROR_DUPLICATES) > 100 && rig_count(&folded->rig, YG_WC_REASSEMBLED) > 0);
	assert_true(!deduplicate || rig_count(&folded->rig, YG_WC_MIRROR_SUPPRESSED) > 100);
	assert_true(shed < 3 || rig_count(&folded->rig, YG_WC_SHED_PACKETS) > 100);
	finish(folded);
	finish(whole);
}

static void nobody_can_tell_a_folded_packet(void **state)
{
	(void)state;
	compare(false, true, 0);
	compare(false, false, 0);
}

static void nor_where_copies_are_left_out(void **state)
{
	(void)state;
	decode.domain_vlan = true;
	compare(true, true, 0);
	decode.domain_vlan = false;
}

static void nor_under_load(void **state)
{
	(void)state;
	compare(false, true, 2);
	compare(false, true, 3);
}

static void count_entry(void *context, uint32_t entry)
{
	(void)entry;
	++*(uint64_t *)context;
}

static void count_record(void *context, uint32_t entry)
{
	struct lane *l = context;
	l->tracked += yg_flow_entry(l->rig.table, entry)->record != YG_NO_RECORD;
}

// As others see it, without being asked to be shown.
static uint64_t shown(const struct lane *l, enum yg_worker_counter counter)
{
	return yg_counter_get(&l->rig.stats->c[counter]);
}

// Attempts that replace each other beyond all budgets are counted together: every sum must come out as if each had been counted.
static void what_is_counted_once_a_burst_adds_up(void **state)
{
	(void)state;
	static struct frames frames;
	struct lane *l = start(false, false);
	int64_t now = INT64_C(1800000000) * YG_NS_PER_S;
	random_state = 99;
	for (unsigned i = 0; i < 4000; i++) { // three seconds, the middle one whole
		write_burst(&frames);
		pass(l, &frames, false, now + (int64_t)i * 500000);
		uint64_t held = 0;
		for (unsigned p = 0; i % 100 == 0 && p < YG_PARTITIONS; p++)
			yg_flow_each(l->rig.table, p, count_entry, &held);
		if (i % 100 == 0)
			assert_int_equal(shown(l, YG_WC_FLOW_CREATED) - shown(l, YG_WC_FLOW_ENDED), held);
	}
	while (yg_worker_pending(l->rig.worker))
		yg_worker_poll(l->rig.worker, yg_time_ns(l->rig.now));
	l->rig.now += YG_NS_PER_S;
	rig_begin(&l->rig); // and the last budgets are told
	yg_worker_publish(l->rig.worker);
	empty(l);
	uint64_t shed = shown(l, YG_WC_RECORDS_SHED_BUDGET) + shown(l, YG_WC_RECORDS_SHED_EVENTS) + shown(l, YG_WC_RECORDS_SHED_POOL);
	assert_true(shown(l, YG_WC_CONTACTS_SHED) > 10000 && shown(l, YG_WC_RECORDS_SHED_BUDGET) > 10000 && l->contacts > 1000);
	assert_int_equal(shown(l, YG_WC_EVENTS_RING_FULL), 0);
	assert_int_equal(shown(l, YG_WC_FLOW_EVICTED), yg_counter_get(&l->rig.stats->end[YG_END_EVICTED]));
	assert_int_equal(shown(l, YG_WC_FLOW_ENDED), shown(l, YG_WC_FLOW_RECORDS) + shed);
	assert_int_equal(shown(l, YG_WC_FLOW_RECORDS), l->records);
	for (unsigned p = 0; p < YG_PARTITIONS; p++)
		yg_flow_each(l->rig.table, p, count_record, l);
	assert_int_equal(shown(l, YG_WC_FLOW_EMBRYONIC_ENDED) + shown(l, YG_WC_FLOW_PROMOTED), shown(l, YG_WC_FLOW_ENDED) + l->tracked);
	assert_int_equal(shown(l, YG_WC_CONTACTS), l->contacts + shown(l, YG_WC_CONTACTS_SHED));
	assert_int_equal(l->beyond[YG_BUDGET_CONTACT], shown(l, YG_WC_CONTACTS_SHED));
	assert_int_equal(l->beyond[YG_BUDGET_FLOW] + l->beyond[YG_BUDGET_EMBRYONIC],
			 shown(l, YG_WC_RECORDS_SHED_BUDGET) + shown(l, YG_WC_UPDATES_SHED));
	finish(l);
}

// Key, sender and place of a packet are the same by either way, whichever end comes first.
static void a_plain_packet_has_the_place_of_its_view(void **state)
{
	(void)state;
	static struct frames frames;
	struct lane *l = start(false, true);
	unsigned senders[2] = {0};
	random_state = 7;
	for (unsigned i = 0; i < 2000; i++) {
		write_burst(&frames);
		for (unsigned k = 0; k < frames.count; k++) {
			const struct yg_decode_options by_tag = {.domain_vlan = draw(2)};
			const struct yg_flow_run run = {(uint8_t)draw(8), (uint8_t)(1 + draw(8))};
			struct yg_packet p = {0}, q = {0};
			if (!yg_plain_take(&by_tag, frames.frame[k].data, frames.frame[k].caplen, frames.frame[k].wirelen, &p.plain))
				continue;
			unsigned sender = yg_flow_place_plain(l->rig.table, &run, &p.plain, &p.key, &p.hash);
			yg_decode_general(&by_tag, YG_LINK_ETHERNET, frames.frame[k].data, frames.frame[k].caplen, frames.frame[k].wirelen, &q.view);
			yg_packet_place(l->rig.table, &run, &q);
			assert_int_equal(q.decoded, 1);
			assert_memory_equal(&p.key, &q.key, sizeof p.key);
			assert_int_equal(sender, q.sender);
			assert_int_equal(p.hash.bucket, q.hash.bucket);
			assert_int_equal(p.hash.bucket2, q.hash.bucket2);
			assert_int_equal(p.hash.tag, q.hash.tag);
			assert_int_equal(p.hash.partition, q.partition);
			senders[sender]++;
		}
	}
	assert_true(senders[0] > 1000 && senders[1] > 1000);
	finish(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_can_tell_a_folded_packet),
		cmocka_unit_test(nor_where_copies_are_left_out),
		cmocka_unit_test(nor_under_load),
		cmocka_unit_test(what_is_counted_once_a_burst_adds_up),
		cmocka_unit_test(a_plain_packet_has_the_place_of_its_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
