// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a worker tells of the mirror: streams that are doubled, cut, shuffled and forged, against what must be found in them; and what
// `capture.deduplicate` leaves of a doubled stream, by the rates of a whole worker.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "worker_rig.h"

enum { SEGMENT = 1000, FRAME_MAX = 2048, CLIENTS = 32 };
#define US INT64_C(1000)
#define MS YG_NS_PER_MS

struct bench {
	struct hand_config hand;
	struct yg_flow_table *table;
	struct yg_worker_stats *stats;
	struct yg_mirror *mirror;
	uint16_t id;
	struct rig *rig; // a whole worker instead of the mirror alone
};

static struct bench *begin(bool deduplicate, bool replay, unsigned first, unsigned end)
{
	struct bench *b = calloc(1, sizeof *b);
	struct yg_flow_table_options table = {.slots = 1024, .key = yg_hash_key_replay};
	hand_config_init(&b->hand);
	b->hand.values[YG_O_CAPTURE_DEDUPLICATE] = deduplicate;
	b->table = yg_flow_table_create(&table);
	b->stats = aligned_alloc(64, sizeof *b->stats);
	memset(b->stats, 0, sizeof *b->stats);
	struct yg_mirror_options options = {&b->hand.config, b->stats, yg_hash_key_replay, first, end, replay, true};
	b->mirror = yg_mirror_create(&options);
	assert_non_null(b->mirror);
	yg_mirror_second(b->mirror, 1);
	return b;
}

static void finish(struct bench *b)
{
	yg_mirror_destroy(b->mirror);
	yg_flow_table_destroy(b->table);
	free(b->stats);
	free(b);
}

static uint64_t counted(const struct bench *b, enum yg_worker_counter counter)
{
	return yg_counter_get(&b->stats->c[counter]);
}

struct frame {
	int64_t ns;
	struct yg_addr src, dst;
	uint16_t sport, dport, id, bytes; // of payload
	uint32_t seq, ack;
	uint8_t proto, flags, ttl;
};

static uint32_t write_frame(const struct frame *f, uint8_t *ip)
{
	uint8_t *l4 = ip + 20;
	uint32_t header = f->proto == 6 ? 20 : 8, total = 20 + header + f->bytes;
	memset(ip, 0, 60);
	ip[0] = 0x45;
	yg_store16(ip + 2, (uint16_t)total);
	yg_store16(ip + 4, f->id);
	ip[8] = f->ttl ? f->ttl : 64;
	ip[9] = f->proto;
	memcpy(ip + 12, f->src.b, 4);
	memcpy(ip + 16, f->dst.b, 4);
	yg_store16(l4, f->sport);
	yg_store16(l4 + 2, f->dport);
	if (f->proto == 6) {
		yg_store32(l4 + 4, f->seq);
		yg_store32(l4 + 8, f->ack);
		l4[12] = 0x50;
		l4[13] = f->flags;
		yg_store16(l4 + 16, (uint16_t)(f->seq * 31 + f->ack * 7 + f->sport)); // stands for the checksum
	} else {
		yg_store16(l4 + 4, (uint16_t)(8 + f->bytes));
		yg_store16(l4 + 6, (uint16_t)(f->id * 77 + f->sport));
	}
	return total;
}

// True when the frame was left out.
static bool send(struct bench *b, const struct frame *f)
{
	static const struct yg_decode_options plain = {0};
	static const struct yg_flow_run all = {0, YG_PARTITIONS};
	static uint8_t bytes[FRAME_MAX];
	struct yg_packet p = {0};
	uint32_t length = write_frame(f, bytes);
	yg_decode(&plain, YG_LINK_RAW, bytes, length, length, &p.view);
	assert_int_equal(p.view.end, YG_DECODE_DECODED);
	p.view.time = yg_time_ns(f->ns);
	yg_packet_place(b->rig ? b->rig->table : b->table, &all, &p);
	if (b->rig) {
		p.view.number = ++b->rig->number;
		yg_worker_packet(b->rig->worker, &p);
		return false;
	}
	bool duplicate = yg_mirror_duplicate(b->mirror, &p.view, p.partition, p.hash.tag, false);
	if (!duplicate)
		yg_mirror_tcp(b->mirror, &p.view, &p.hash, p.sender);
	return duplicate;
}

static struct frame udp(struct bench *b, int64_t ns, unsigned client)
{
	return (struct frame){.ns = ns, .src = hand_v4(203, 0, 113, client & 255), .dst = hand_v4(10, 1, 0, client >> 8), .proto = 17,
			      .sport = (uint16_t)(1024 + client), .dport = 53, .id = b->id++, .bytes = 64};
}

// ---- duplicates ----

// n datagrams, `apart` from each other, each again `skew` later (0: not).
static void doubled_at(struct bench *b, unsigned n, int64_t skew, int64_t from, int64_t apart)
{
	struct frame *again = calloc(n, sizeof *again);
	unsigned late = 0;
	for (unsigned i = 0; i < n; i++) {
		struct frame f = udp(b, from + i * apart, i * 7919 % 5000);
		for (; skew && late < i && again[late].ns <= f.ns; late++)
			send(b, &again[late]);
		send(b, &f);
		again[i] = f;
		again[i].ns += skew;
		again[i].ttl = 63; // a router lies between the two ports
	}
	for (; skew && late < n; late++)
		send(b, &again[late]);
	free(again);
}

static void doubled(struct bench *b, unsigned n, int64_t skew, int64_t from)
{
	doubled_at(b, n, skew, from, 10 * US);
}

static double duplicates(const struct bench *b)
{
	return (double)(counted(b, YG_WC_MIRROR_DUPLICATES) - counted(b, YG_WC_MIRROR_REPEATED)) / (double)counted(b, YG_WC_MIRROR_PACKETS);
}

static void half_of_a_doubled_stream_is_duplicates(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	doubled_at(b, 20000, 1 * MS, YG_NS_PER_S, 20 * US); // below the share of a slice
	assert_int_equal(counted(b, YG_WC_MIRROR_PACKETS), 40000);
	assert_int_equal(counted(b, YG_WC_MIRROR_DUPLICATES), 20000);
	assert_int_equal(counted(b, YG_WC_MIRROR_REPEATED), 0);
	finish(b);
}

static void none_of_a_plain_stream_is(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	doubled(b, 60000, 0, YG_NS_PER_S);
	assert_int_equal(counted(b, YG_WC_MIRROR_DUPLICATES), 0);
	finish(b);
}

static void what_comes_again_after_the_window_is_none(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct frame f = udp(b, YG_NS_PER_S, 1);
	static const struct { int64_t after; uint64_t found; } rows[] = {{49 * MS, 1}, {60 * MS, 0}, {2200 * YG_NS_PER_S, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t before = counted(b, YG_WC_MIRROR_DUPLICATES);
		f = udp(b, f.ns + YG_NS_PER_S, 1);
		send(b, &f);
		f.ns += rows[i].after;
		send(b, &f);
		assert_int_equal(counted(b, YG_WC_MIRROR_DUPLICATES) - before, rows[i].found);
	}
	finish(b);
}

static void a_flood_of_equal_packets_says_nothing_of_the_mirror(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct frame f = udp(b, YG_NS_PER_S, 1);
	for (unsigned i = 0; i < 50000; i++, f.ns += 10 * US)
		send(b, &f);
	assert_true(counted(b, YG_WC_MIRROR_DUPLICATES) > 0);
	assert_true(duplicates(b) < 0.001);
	uint64_t before = counted(b, YG_WC_MIRROR_REPEATED);
	for (unsigned i = 0; i < 3000; i++) { // and many that come three times each
		if (i % 3 == 0)
			f = udp(b, 2 * YG_NS_PER_S + i * 10 * US, i);
		send(b, &f);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_REPEATED) - before, 1000);
	assert_true(duplicates(b) < 0.001);
	finish(b);
}

static void a_full_window_is_counted(void **state)
{
	(void)state;
	struct bench *b = begin(true, false, 0, YG_PARTITIONS); // nothing is sampled
	for (unsigned i = 0; i < 40000; i++) {
		struct frame f = udp(b, YG_NS_PER_S + i * 100, i % 5000);
		send(b, &f);
	}
	uint64_t early = counted(b, YG_WC_MIRROR_WINDOW_FULL);
	for (unsigned i = 40000; i < 200000; i++) {
		struct frame f = udp(b, YG_NS_PER_S + i * 100, 5000 + i % 5000 + i / 65536);
		send(b, &f);
	}
	assert_true(early < 2000);
	assert_true(counted(b, YG_WC_MIRROR_WINDOW_FULL) > 100000);
	finish(b);
}

static void a_fast_stream_is_sampled_and_the_share_stays(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	doubled_at(b, 1000000, 1 * MS, YG_NS_PER_S, 1 * US); // two million a second
	uint64_t looked = counted(b, YG_WC_MIRROR_PACKETS), found = counted(b, YG_WC_MIRROR_DUPLICATES);
	assert_in_range(looked, 65536, 2 * 131072);
	assert_in_range(found * 2, looked * 97 / 100, looked);
	yg_mirror_second(b->mirror, 2);
	doubled_at(b, 1000, 0, 10 * YG_NS_PER_S, 70 * MS); // a quiet time
	looked = counted(b, YG_WC_MIRROR_PACKETS);
	doubled(b, 1000, 0, 100 * YG_NS_PER_S);
	assert_int_equal(counted(b, YG_WC_MIRROR_PACKETS) - looked, 1000);
	finish(b);
}

static uint64_t fingerprint_of(struct bench *b, const struct frame *f)
{
	static const struct yg_decode_options plain = {0};
	static const struct yg_flow_run all = {0, YG_PARTITIONS};
	uint8_t bytes[FRAME_MAX];
	struct yg_packet p = {0};
	uint32_t length = write_frame(f, bytes);
	yg_decode(&plain, YG_LINK_RAW, bytes, length, length, &p.view);
	yg_packet_place(b->table, &all, &p);
	return yg_mirror_fingerprint(&p.view, p.hash.tag);
}

static void equal_packets_cannot_take_more_than_the_share_of_a_second(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct frame f = udp(b, YG_NS_PER_S, 1);
	for (unsigned client = 2; fingerprint_of(b, &f) & 0xfff; client++) // one that is sampled however thin
		f = udp(b, YG_NS_PER_S, client);
	for (unsigned n = 0; n < 1000000; n++, f.ns += 100)
		send(b, &f);
	assert_int_equal(counted(b, YG_WC_MIRROR_PACKETS), 131072 + 1);
	yg_mirror_second(b->mirror, 2);
	for (unsigned n = 0; n < 10; n++)
		send(b, &f);
	assert_int_equal(counted(b, YG_WC_MIRROR_PACKETS), 131072 + 11);
	finish(b);
}

static void what_is_left_out_does_not_depend_on_the_number_of_workers(void **state)
{
	(void)state;
	struct bench *one = begin(true, true, 0, YG_PARTITIONS);
	struct bench *two[2] = {begin(true, true, 0, 8), begin(true, true, 8, 16)};
	uint64_t differ = 0, left_out = 0;
	for (unsigned i = 0; i < 200000; i++) { // far more than the window holds
		struct frame f = udp(one, YG_NS_PER_S + i / 2 * 200, i / 2 % 60000);
		f.id = (uint16_t)(i / 2);
		struct yg_view v = {.src = f.src, .dst = f.dst, .af = 4};
		const struct yg_flow_run all = {0, YG_PARTITIONS};
		unsigned partition = yg_flow_partition(one->table, &all, &v);
		bool a = send(one, &f), b = send(two[partition >= 8], &f);
		differ += a != b;
		left_out += a;
	}
	assert_int_equal(differ, 0);
	assert_int_equal(left_out, 100000);
	finish(one);
	finish(two[0]);
	finish(two[1]);
}

static void a_replay_without_the_option_has_no_mirror(void **state)
{
	(void)state;
	struct hand_config hand;
	hand_config_init(&hand);
	struct yg_mirror_options options = {.config = &hand.config, .replay = true, .partition_end = YG_PARTITIONS};
	errno = EINVAL;
	assert_null(yg_mirror_create(&options));
	assert_int_equal(errno, 0);
	yg_mirror_destroy(NULL);
	yg_mirror_second(NULL, 1);
}

// ---- connections ----

struct talk {
	int64_t now;
	uint32_t seq[CLIENTS];  // of what the servers send
	uint16_t id;
	uint64_t cut, segments, number;
};

static struct frame from_server(struct talk *t, unsigned c, uint32_t bytes)
{
	struct frame f = {.ns = t->now, .src = hand_v4(203, 0, 113, c), .dst = hand_v4(10, 1, 0, c), .proto = 6, .sport = 443,
			  .dport = (uint16_t)(2000 + c), .id = t->id++, .seq = t->seq[c], .ack = 1, .flags = YG_TCP_ACK,
			  .bytes = (uint16_t)bytes};
	t->seq[c] += bytes;
	return f;
}

static struct frame ack_of(struct talk *t, unsigned c)
{
	return (struct frame){.ns = t->now, .src = hand_v4(10, 1, 0, c), .dst = hand_v4(203, 0, 113, c), .proto = 6,
			      .sport = (uint16_t)(2000 + c), .dport = 443, .id = t->id++, .seq = 1, .ack = t->seq[c], .flags = YG_TCP_ACK};
}

// Rounds of two segments and an ACK on each connection; every `cut`-th segment never reaches the mirror (0: none).
static void talk(struct bench *b, struct talk *t, unsigned rounds, unsigned cut, unsigned clients)
{
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned c = 0; c < clients; c++) {
			for (unsigned i = 0; i < 2; i++, t->now += 20 * US) {
				struct frame f = from_server(t, c, SEGMENT);
				t->segments++;
				if (cut && t->segments % cut == 0)
					t->cut++;
				else
					send(b, &f);
			}
			struct frame ack = ack_of(t, c);
			send(b, &ack);
			t->now += 20 * US;
		}
		if (!b->rig && r % 100 == 99) // a period ends: every connection may count again
			yg_mirror_second(b->mirror, (int64_t)++t->number * YG_MIRROR_PERIOD_S);
	}
}

static struct talk fresh(void)
{
	struct talk t = {.now = YG_NS_PER_S, .seq = {UINT32_MAX - 20000}}; // the first wraps
	return t;
}

static void of_a_stream_with_every_fiftieth_segment_cut_out_two_percent_are_missing(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 1000, 49, CLIENTS); // 49 is odd: firsts and seconds of a pair are cut alike
	double share = (double)counted(b, YG_WC_MIRROR_GAP_BYTES) / (double)counted(b, YG_WC_MIRROR_ACKED);
	double truth = (double)t.cut / (double)t.segments;
	assert_true(truth > 0.0203 && truth < 0.0205);
	assert_true(share > truth * 0.97 && share < truth * 1.03);
	assert_true(counted(b, YG_WC_MIRROR_ACKED) > 1000ull * CLIENTS * 2 * SEGMENT * 98 / 100);
	assert_in_range(counted(b, YG_WC_MIRROR_GAPS), t.cut * 97 / 100, t.cut);
	assert_int_equal(counted(b, YG_WC_MIRROR_GAP_FLOWS), 10 * CLIENTS);
	finish(b);
}

static void of_a_whole_stream_nothing_is(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 1000, 0, CLIENTS);
	assert_int_equal(counted(b, YG_WC_MIRROR_GAPS), 0);
	assert_int_equal(counted(b, YG_WC_MIRROR_REORDERED), 0);
	assert_int_equal(counted(b, YG_WC_MIRROR_FLOWS_FULL), 0);
	assert_true(counted(b, YG_WC_MIRROR_ACKED) > 1000ull * CLIENTS * 2 * SEGMENT * 98 / 100);
	finish(b);
}

static void of_a_one_way_mirror_no_gap_is_invented(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	for (unsigned r = 0; r < 1000; r++, t.now += 5 * US) {
		from_server(&t, 3, SEGMENT); // never sent
		struct frame ack = ack_of(&t, 3);
		send(b, &ack);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_GAPS), 0);
	finish(b);
}

static void segments_that_change_places_are_order_and_not_loss(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 2, 0, 1);
	for (unsigned r = 0; r < 1000; r++, t.now += 100 * US) {
		struct frame first = from_server(&t, 0, SEGMENT), second = from_server(&t, 0, SEGMENT), ack = ack_of(&t, 0);
		second.ns -= 10 * US;
		send(b, &second);
		send(b, &first);
		send(b, &ack);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_GAPS), 0);
	assert_int_equal(counted(b, YG_WC_MIRROR_REORDERED), 1000);
	finish(b);
}

static void an_ack_that_overtakes_its_data_is_taken_back(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 2, 0, 1);
	for (unsigned r = 0; r < 200; r++, t.now += 100 * US) {
		struct frame data = from_server(&t, 0, SEGMENT), ack = ack_of(&t, 0);
		send(b, &ack);
		send(b, &data);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_GAP_BYTES), 200 * SEGMENT);
	assert_int_equal(counted(b, YG_WC_MIRROR_GAPS_FILLED), 200 * SEGMENT);
	finish(b);
}

static void a_segment_that_the_network_lost_and_sent_again_is_neither(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 2, 0, 1);
	for (unsigned r = 0; r < 100; r++, t.now += 400 * MS) {
		struct frame lost = from_server(&t, 0, SEGMENT), next = from_server(&t, 0, SEGMENT), ack = ack_of(&t, 0);
		send(b, &next);
		lost.ns += 200 * MS;
		send(b, &lost);
		send(b, &ack);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_GAPS), 0);
	assert_int_equal(counted(b, YG_WC_MIRROR_REORDERED), 0);
	finish(b);
}

static void one_connection_that_acknowledges_what_nobody_sent_counts_little(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 2, 0, 1);
	uint32_t ack = t.seq[0];
	for (unsigned r = 0; r < 100000; r++) {
		struct frame f = ack_of(&t, 0);
		f.ack = ack += 1000000;
		send(b, &f);
	}
	assert_true(counted(b, YG_WC_MIRROR_GAPS) <= 256);
	assert_true(counted(b, YG_WC_MIRROR_GAP_BYTES) <= 256ull * 65536);
	assert_int_equal(counted(b, YG_WC_MIRROR_GAP_FLOWS), 1);
	finish(b);
}

static void more_holes_than_are_kept_are_counted(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	struct talk t = fresh();
	talk(b, &t, 2, 0, 1);
	for (unsigned i = 0; i < 10; i++) {
		from_server(&t, 0, SEGMENT);
		struct frame f = from_server(&t, 0, SEGMENT);
		send(b, &f);
	}
	assert_int_equal(counted(b, YG_WC_MIRROR_HOLES_FULL), 7);
	finish(b);
}

static uint64_t many_connections(struct bench *b, unsigned n, int64_t from, int64_t apart)
{
	uint64_t before = counted(b, YG_WC_MIRROR_FLOWS_FULL);
	for (unsigned i = 0; i < n; i++) {
		struct frame f = {.ns = from + i * apart, .src = hand_v4(203, 0, i >> 8 & 255, i & 255), .dst = hand_v4(10, 1, 0, i >> 16), .proto = 6,
				  .sport = 443, .dport = 2000, .id = (uint16_t)i, .seq = i, .ack = 1, .flags = YG_TCP_ACK, .bytes = 100};
		send(b, &f);
	}
	return counted(b, YG_WC_MIRROR_FLOWS_FULL) - before;
}

static void a_full_table_of_connections_is_counted_and_connections_are_sampled(void **state)
{
	(void)state;
	struct bench *b = begin(false, false, 0, YG_PARTITIONS);
	assert_in_range(many_connections(b, 40000, YG_NS_PER_S, 20 * US), 30000, 36000);
	assert_in_range(many_connections(b, 1000000, 10 * YG_NS_PER_S, 1 * US), 10000, 2 * 65536); // a million a second
	finish(b);
}

// ---- pairs ----

static void two_workers_with_the_same_flows_show_the_same_and_others_others(void **state)
{
	(void)state;
	struct bench *b[3] = {begin(false, false, 0, 8), begin(false, false, 8, 16), begin(false, false, 8, 16)};
	for (unsigned n = 0; n < 3; n++) {
		for (unsigned i = 0; i < 20000; i++) {
			struct yg_flow_key key = {.addr = {hand_v4(10, 1, i >> 8, i), hand_v4(203, n == 2, 113, 9)}, .port = {(uint16_t)(i * 13), 443},
						  .proto = 6, .af = 4};
			yg_mirror_begin(b[n]->mirror, &key);
		}
		yg_mirror_second(b[n]->mirror, YG_MIRROR_PERIOD_S);
		yg_mirror_second(b[n]->mirror, 2 * YG_MIRROR_PERIOD_S);
	}
	unsigned same = 0, other = 0, empty = 0;
	for (unsigned i = 0; i < YG_PAIR_PLACES; i++) {
		uint64_t x = yg_counter_get(&b[0]->stats->pairs[i]);
		empty += !x;
		same += x && x == yg_counter_get(&b[1]->stats->pairs[i]);
		other += x && x == yg_counter_get(&b[2]->stats->pairs[i]);
	}
	assert_in_range(empty, 0, 10);
	assert_int_equal(same + empty, YG_PAIR_PLACES);
	assert_int_equal(other, 0);
	for (unsigned n = 0; n < 3; n++)
		finish(b[n]);
}

// ---- a whole worker ----

struct sums {
	struct yg_rates link;
};

static void on_delta(struct rig *rig, const struct yg_rate_delta *delta)
{
	struct sums *s = rig->test;
	if (delta->key.scope != YG_SCOPE_LINK)
		return;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		s->link.packets[v] += delta->rates.packets[v];
		s->link.bytes[v] += delta->rates.bytes[v];
	}
	s->link.packets_out += delta->rates.packets_out;
	s->link.bytes_out += delta->rates.bytes_out;
}

static uint64_t total(const struct yg_rates *r, uint64_t *ret_bytes)
{
	uint64_t packets = r->packets_out;
	*ret_bytes = r->bytes_out;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		packets += r->packets[v];
		*ret_bytes += r->bytes[v];
	}
	return packets;
}

// What a live worker counts of datagrams and connections, each packet `copies` times, the copies 1 ms apart.
static uint64_t worker_counts(bool deduplicate, unsigned copies, uint64_t *ret_bytes, uint64_t *ret_flows, uint64_t *ret_suppressed)
{
	struct rig rig = {.delta = on_delta};
	struct sums sums = {0};
	static const struct rig_options options = {.live = true, .no_dissector = true};
	static struct frame late[100];
	struct bench b = {.rig = &rig};
	struct talk t = fresh();
	rig.test = &sums;
	rig_start(&rig, &options);
	yg_worker_destroy(rig.worker); // once more, with the option
	rig.hand.values[YG_O_CAPTURE_DEDUPLICATE] = deduplicate;
	struct yg_worker_options again = {.config = &rig.hand.config, .table = rig.table, .stats = rig.stats, .workers = 1, .records_wanted = true,
					  .out = &rig.out, .key = yg_hash_key_replay};
	rig.worker = yg_worker_create(&again);
	assert_non_null(rig.worker);
	for (unsigned second = 0; second < 5; second++) {
		rig_begin(&rig);
		t.now = rig.now;
		for (unsigned i = 0; i < 100 * copies * 30; i++) {
			unsigned at = i / 100 % copies, n = i % 100;
			if (!at)
				late[n] = n % 3 == 2 ? udp(&b, t.now, n) : n % 3 ? ack_of(&t, n % CLIENTS) : from_server(&t, (n + 1) % CLIENTS, SEGMENT);
			late[n].ns = t.now += 10 * US;
			send(&b, &late[n]);
		}
		rig.now += YG_NS_PER_S;
		rig_end(&rig, second == 4);
	}
	rig_drain(&rig);
	uint64_t packets = total(&sums.link, ret_bytes);
	*ret_flows = rig_count(&rig, YG_WC_FLOW_CREATED);
	*ret_suppressed = rig_count(&rig, YG_WC_MIRROR_SUPPRESSED);
	assert_int_equal(rig_count(&rig, YG_WC_FLOW_HITS) + *ret_flows + *ret_suppressed, rig.number);
	rig_stop(&rig);
	return packets;
}

static void a_doubled_stream_counts_once_where_copies_are_left_out(void **state)
{
	(void)state;
	uint64_t bytes[3], flows[3], left_out[3], packets[3];
	packets[0] = worker_counts(false, 1, &bytes[0], &flows[0], &left_out[0]);
	packets[1] = worker_counts(true, 2, &bytes[1], &flows[1], &left_out[1]);
	packets[2] = worker_counts(false, 2, &bytes[2], &flows[2], &left_out[2]);
	assert_true(packets[0] > 10000);
	assert_true(packets[1] >= packets[0] * 99 / 100 && packets[1] <= packets[0] * 101 / 100);
	assert_true(bytes[1] >= bytes[0] * 99 / 100 && bytes[1] <= bytes[0] * 101 / 100);
	assert_int_equal(flows[1], flows[0]);
	assert_int_equal(left_out[0], 0);
	assert_int_equal(packets[2], 2 * packets[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_a_doubled_stream_is_duplicates),
		cmocka_unit_test(none_of_a_plain_stream_is),
		cmocka_unit_test(what_comes_again_after_the_window_is_none),
		cmocka_unit_test(a_flood_of_equal_packets_says_nothing_of_the_mirror),
		cmocka_unit_test(a_full_window_is_counted),
		cmocka_unit_test(a_fast_stream_is_sampled_and_the_share_stays),
		cmocka_unit_test(equal_packets_cannot_take_more_than_the_share_of_a_second),
		cmocka_unit_test(what_is_left_out_does_not_depend_on_the_number_of_workers),
		cmocka_unit_test(a_replay_without_the_option_has_no_mirror),
		cmocka_unit_test(of_a_stream_with_every_fiftieth_segment_cut_out_two_percent_are_missing),
		cmocka_unit_test(of_a_whole_stream_nothing_is),
		cmocka_unit_test(of_a_one_way_mirror_no_gap_is_invented),
		cmocka_unit_test(segments_that_change_places_are_order_and_not_loss),
		cmocka_unit_test(an_ack_that_overtakes_its_data_is_taken_back),
		cmocka_unit_test(a_segment_that_the_network_lost_and_sent_again_is_neither),
		cmocka_unit_test(one_connection_that_acknowledges_what_nobody_sent_counts_little),
		cmocka_unit_test(more_holes_than_are_kept_are_counted),
		cmocka_unit_test(a_full_table_of_connections_is_counted_and_connections_are_sampled),
		cmocka_unit_test(two_workers_with_the_same_flows_show_the_same_and_others_others),
		cmocka_unit_test(a_doubled_stream_counts_once_where_copies_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
