// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The record of a flow: its fields, packed into one line, by themselves; then how many there are, who makes room for others, and the
// pools of what is needed for a while.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/flow_table.h"

enum { SLOTS = 1024, PER_PARTITION = SLOTS / YG_PARTITIONS, WATCHED = 5 };
#define S YG_NS_PER_S
static const int64_t start = INT64_C(1800000000) * S;

static const struct yg_flow_run all = {0, YG_PARTITIONS};

static struct yg_flow_table *make_table(uint32_t slots, bool live)
{
	struct yg_flow_table_options o = {.slots = slots, .key = yg_hash_key_replay, .resident = live,
					  .idle_ns = {5 * S, 60 * S, 120 * S, 900 * S}};
	struct yg_flow_table *table = yg_flow_table_create(&o);
	assert_non_null(table);
	return table;
}

static struct yg_flow_key key_of(uint32_t n)
{
	struct yg_flow_key key = {.port = {(uint16_t)n, 443}, .proto = 6, .af = 4};
	memcpy(key.addr[0].b, &n, 4);
	return key;
}

// ---- a record by itself ----

static void what_lies_below_a_counter_is_never_carried_into(void **state)
{
	(void)state;
	struct yg_flow_record r = {0};
	const uint64_t most = YG_COUNT_MOST;
	yg_record_set_state(&r, YG_TCP_RESET);
	yg_record_set_rank(&r, YG_RANK_ESTABLISHED);
	yg_record_set_dissection(&r, YG_DSS_READ);
	yg_record_mark(&r, YG_MARK_INSIDE_1 | YG_MARK_LOST, true);
	yg_record_set_plain(&r, 5);
	yg_record_set_update(&r, yg_seen_of(yg_time_ns(start)), 60000000);
	yg_record_set_vlan_high(&r, 0xabc);
	yg_record_set_touched(&r, YG_TOUCHED_MOST);
	yg_record_see(&r, yg_seen_of(yg_time_ns(start)));
	yg_record_set_second(&r, 0xbeef);
	for (unsigned d = 0; d < 2; d++) {
		r.bytes[d] |= d ? YG_TCP_FIN : YG_TCP_SYN;
		r.bytes[d] += (most - 5) << YG_COUNT_SHIFT;
		r.payload[d] += (most - 5) << YG_COUNT_SHIFT;
		assert_int_equal(yg_record_bytes(&r, d), most - 5);
		r.bytes[d] += UINT64_C(65535) << YG_COUNT_SHIFT; // past its end it begins anew
		r.payload[d] += UINT64_C(65535) << YG_COUNT_SHIFT;
		assert_int_equal(yg_record_bytes(&r, d), 65529);
		assert_int_equal(yg_record_payload(&r, d), 65529);
		assert_int_equal(yg_record_tcp_flags(&r, d), d ? YG_TCP_FIN : YG_TCP_SYN);
	}
	assert_int_equal(yg_record_state(&r), YG_TCP_RESET);
	assert_int_equal(yg_record_rank(&r), YG_RANK_ESTABLISHED);
	assert_int_equal(yg_record_dissection(&r), YG_DSS_READ);
	assert_int_equal(yg_record_marks(&r), YG_MARK_INSIDE_1 | YG_MARK_LOST);
	assert_int_equal(yg_record_plain(&r), 5);
	assert_int_equal(yg_record_vlan(&r, 0xde), 0xade);
	assert_int_equal(yg_record_touched(&r), YG_TOUCHED_MOST);
	assert_int_equal(yg_record_second(&r), 0xbeef);
	assert_int_equal(yg_record_last(&r, start).ns, start);
	assert_false(yg_record_update_due(&r, yg_seen_of(yg_time_ns(start + 60 * S - 32000))));
	assert_true(yg_record_update_due(&r, yg_seen_of(yg_time_ns(start + 60 * S))));
}

// The 48 bits come round in 2032: on both sides of that, with steps back of a second, and after years.
static void when_it_was_last_seen_is_known_to_the_microsecond(void **state)
{
	(void)state;
	static const int64_t round_ns = (INT64_C(7) << 48) * 1000;
	const int64_t begins[] = {start, round_ns - 1, round_ns, round_ns - 500 * S, 0, 999};
	const int64_t after[] = {0, 1000, 999000, S, 86400 * S, INT64_C(4) * 365 * 86400 * S, -S, -1000};
	for (unsigned b = 0; b < sizeof begins / sizeof *begins; b++)
		for (unsigned a = 0; a < sizeof after / sizeof *after; a++) {
			struct yg_flow_record r = {.seen = 0xffff};
			if (begins[b] + after[a] < 0)
				continue;
			yg_record_see(&r, yg_seen_of(yg_time_ns(begins[b] + after[a])));
			int64_t last = yg_record_last(&r, begins[b]).ns, seen = begins[b] + after[a];
			assert_int_equal(last, after[a] ? seen / 1000 * 1000 : seen);
		}
}

// Due at the first packet of the 32 microseconds in which it falls, a day ahead or hours behind.
static void an_update_is_due_when_its_time_has_come(void **state)
{
	(void)state;
	static const int64_t intervals[] = {1, 60, 3600, 86400};
	for (int64_t begin = start; begin < start + 100000; begin += 7000)
		for (unsigned i = 0; i < sizeof intervals / sizeof *intervals; i++) {
			struct yg_flow_record r = {0};
			int64_t due = begin + intervals[i] * S;
			yg_record_set_update(&r, yg_seen_of(yg_time_ns(begin)), (uint64_t)intervals[i] * 1000000);
			for (int64_t last = begin; last < due; last += intervals[i] * S / 7 / 1000 * 1000) {
				yg_record_see(&r, yg_seen_of(yg_time_ns(last)));
				assert_false(yg_record_update_due(&r, yg_seen_of(yg_time_ns(last - S / 2)))); // time stepped back
				assert_false(yg_record_update_due(&r, yg_seen_of(yg_time_ns(due - 32000))));
				assert_true(yg_record_update_due(&r, yg_seen_of(yg_time_ns(due))));
				assert_true(yg_record_update_due(&r, yg_seen_of(yg_time_ns(due + 2 * 3600 * S))));
			}
			yg_record_see(&r, yg_seen_of(yg_time_ns(due + 10 * 3600 * S)));
			assert_true(yg_record_update_due(&r, yg_seen_of(yg_time_ns(due + 10 * 3600 * S))));
		}
}

// ---- live: fewer records than places ----

static void live_29_places_of_32_have_a_record(void **state)
{
	(void)state;
	for (uint32_t slots = 1024; slots <= 1 << 20; slots *= 4) {
		struct yg_flow_table *t = make_table(slots, true), *replay = make_table(slots, false);
		uint32_t total = yg_flow_records_total(t), share = total / YG_PARTITIONS;
		assert_int_equal(total, slots / 32 * 29);
		assert_int_equal(yg_flow_records_total(replay), slots / 2 * 3);
		for (unsigned p = 0; p < YG_PARTITIONS; p++) {
			uint32_t edges[] = {p * share, p * share + share / 2, (p + 1) * share - 1};
			for (unsigned i = 0; i < 3; i++)
				assert_int_equal(yg_flow_partition_of_record(t, edges[i]), p);
		}
		for (uint32_t left = share; left; left--) {
			assert_int_equal(yg_flow_records_low(t, 7), left <= share / 32);
			assert_int_not_equal(yg_flow_record_take(t, 7), YG_NO_RECORD);
		}
		assert_int_equal(yg_flow_record_take(t, 7), YG_NO_RECORD);
		assert_false(yg_flow_records_low(t, 8));
		yg_flow_table_destroy(t);
		yg_flow_table_destroy(replay);
	}
	struct yg_flow_table_options o = {.slots = 2 * YG_TABLE_MOST, .key = yg_hash_key_replay};
	assert_null(yg_flow_table_create(&o));
}

// Five flows of one bucket, one of them without a record.
static void who_makes_room_is_the_least_of_the_bucket(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS, true);
	static const struct {
		uint8_t rank;
		int64_t seen;
	} flows[] = {{2, 4}, {1, 7}, {1, 6}, {3, 1}};
	struct yg_flow_hash h = {.bucket = 3, .bucket2 = 3, .tag = 0x8001};
	uint32_t entries[5], victim;
	for (unsigned i = 0; i < 5; i++) {
		struct yg_flow_key key = key_of(i);
		entries[i] = yg_flow_place(t, &h, &key, yg_time_ns(start), &victim);
		if (i == 4)
			break;
		struct yg_flow_record *r = yg_flow_record(t, yg_flow_grow(t, entries[i]));
		yg_record_set_rank(r, flows[i].rank);
		yg_record_see(r, yg_seen_of(yg_time_ns(start + flows[i].seen * 1000)));
	}
	assert_int_equal(yg_flow_least(t, entries[4], 0), YG_NO_RECORD); // none of rank 0 has a record
	assert_int_equal(yg_flow_least(t, entries[4], 1), entries[2]);
	assert_int_equal(yg_flow_least(t, entries[2], 1), entries[1]); // not itself
	yg_flow_free(t, entries[2]);
	yg_flow_free(t, entries[1]);
	assert_int_equal(yg_flow_least(t, entries[4], 1), YG_NO_RECORD);
	assert_int_equal(yg_flow_least(t, entries[4], 3), entries[0]);
	yg_flow_table_destroy(t);
}

// ---- what is needed for a while ----

// All records at once have both; none has another's, and who comes after them gets what was given back.
static void what_is_needed_for_a_while_never_runs_out(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS, false);
	struct yg_flow_hash h;
	uint32_t share = yg_flow_records_total(t) / YG_PARTITIONS, records[2 * PER_PARTITION], victim;
	assert_true(share <= 2 * PER_PARTITION);
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < share; i++) {
			struct yg_flow_key key = key_of(i);
			yg_flow_hash_of(t, &all, &key, WATCHED, &h);
			uint32_t entry = yg_flow_place(t, &h, &key, yg_time_ns(start + i), &victim);
			assert_int_not_equal(entry, YG_NO_RECORD);
			records[i] = i % 2 ? yg_flow_grow(t, entry) : yg_flow_record_take(t, WATCHED);
			assert_int_not_equal(records[i], YG_NO_RECORD);
			if (i % 2)
				yg_flow_arm(t, entry, yg_time_ns(start));
			yg_flow_retire(t, entry, records[i])->end_order = 1000 * round + i;
			struct yg_flow_dissection *d = yg_flow_dissection_take(t, records[i]);
			assert_true(!d->generation && !d->verdict && !d->bytes && !d->packets && !d->first_slot);
			d->generation = 7000 * round + i;
		}
		assert_int_equal(yg_flow_record_take(t, WATCHED), YG_NO_RECORD);
		for (uint32_t i = 0; i < share; i++) {
			struct yg_flow_key key = key_of(i);
			assert_memory_equal(&yg_flow_entry_of(t, records[i])->key, &key, sizeof key);
			assert_int_equal(yg_flow_entry_of(t, records[i])->first_ns, start + i);
			assert_int_equal(yg_flow_gone(t, records[i])->end_order, 1000 * round + i);
			assert_int_equal(yg_flow_dissection(t, records[i])->generation, 7000 * round + i);
			yg_flow_dissection_free(t, records[i], i);
			assert_int_equal(yg_flow_entry_of(t, records[i])->verdict, i);
		}
		for (uint32_t i = 0; i < share; i++)
			yg_flow_record_free(t, records[i]);
	}
	uint32_t record = yg_flow_record_take(t, WATCHED);
	assert_int_equal(record, records[share - 1]); // the last that was given back
	yg_flow_table_destroy(t);
}

// Bits of the VLAN lie beside what an embryonic flow counts: neither may reach the other, however much there is of it.
static void the_vlan_of_an_attempt_stands_beside_its_counts(void **state)
{
	(void)state;
	static const uint16_t vlans[] = {0, 1, 255, 256, 512, 1024, 2048, 4094, 4095};
	for (unsigned i = 0; i < sizeof vlans / sizeof vlans[0]; i++) {
		struct yg_flow_entry e = {.flags = YG_ENTRY_USED | YG_ENTRY_INITIATOR_1 | YG_ENTRY_SYN, .bytes = {0, 0}};
		yg_entry_set_vlan(&e, (uint16_t)(0xe000 | vlans[i])); // a priority too
		for (unsigned times = 0; times < 2; times++) {
			yg_entry_set_state(&e, times ? YG_TCP_RESET : YG_TCP_SYN_SENT, times ? YG_ENTRY_PLAIN_MOST : 0);
			e.bytes[0] = (uint16_t)(e.bytes[0] + times * yg_entry_bytes_most(0));
			e.bytes[1] = (uint16_t)(e.bytes[1] + times * yg_entry_bytes_most(1));
			assert_int_equal(yg_entry_vlan(&e), vlans[i]);
			assert_int_equal(e.state & 15u, times ? YG_TCP_RESET : YG_TCP_SYN_SENT);
			assert_int_equal(yg_entry_plain(&e), times ? YG_ENTRY_PLAIN_MOST : 0);
			assert_int_equal(yg_entry_bytes(&e, 0), times * yg_entry_bytes_most(0));
			assert_int_equal(yg_entry_bytes(&e, 1), times * yg_entry_bytes_most(1));
			assert_int_equal(e.flags & 0x3f, YG_ENTRY_USED | YG_ENTRY_INITIATOR_1 | YG_ENTRY_SYN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_below_a_counter_is_never_carried_into),
		cmocka_unit_test(when_it_was_last_seen_is_known_to_the_microsecond),
		cmocka_unit_test(an_update_is_due_when_its_time_has_come),
		cmocka_unit_test(live_29_places_of_32_have_a_record),
		cmocka_unit_test(who_makes_room_is_the_least_of_the_bucket),
		cmocka_unit_test(what_is_needed_for_a_while_never_runs_out),
		cmocka_unit_test(the_vlan_of_an_attempt_stands_beside_its_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
