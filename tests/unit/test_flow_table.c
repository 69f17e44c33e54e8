// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The flow table against a naive list that does every rule by looking at all of its flows; then each promise of flow_table.h by
// itself: the quota, the order of eviction, floods, expiry, the wheel, partitions. Records and pools: test_flow_record.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/flow_table.h"

enum { SLOTS = 1024, PER_PARTITION = SLOTS / YG_PARTITIONS, RANKS = YG_RANK_COUNT };
#define S YG_NS_PER_S
static const int64_t idle[RANKS] = {5 * S, 60 * S, 120 * S, 900 * S};
static const int64_t start = INT64_C(1800000000) * S;

static const struct yg_flow_run all = {0, YG_PARTITIONS};

static struct yg_flow_table *make_table(uint32_t slots)
{
	struct yg_flow_table_options o = {.slots = slots, .key = yg_hash_key_replay};
	memcpy(o.idle_ns, idle, sizeof idle);
	struct yg_flow_table *table = yg_flow_table_create(&o);
	assert_non_null(table);
	return table;
}

static struct yg_flow_key key_of(uint32_t n)
{
	struct yg_flow_key key = {.port = {(uint16_t)(n >> 16), 443}, .proto = 6, .af = 4};
	memcpy(key.addr[0].b, &n, 4);
	return key;
}

// ---- the naive list ----

struct naive {
	uint32_t id, record;
	int64_t last;
	uint8_t rank, used, closed;
};

static struct naive list[SLOTS];

static int64_t naive_deadline(const struct naive *f)
{
	return f->last + idle[f->closed ? YG_RANK_EMBRYONIC : f->rank];
}

static unsigned in_bucket(uint32_t bucket, bool embryonic_only)
{
	unsigned n = 0;
	for (uint32_t i = bucket * YG_BUCKET; i < (bucket + 1) * YG_BUCKET; i++)
		n += list[i].used && (!embryonic_only || list[i].record == YG_NO_RECORD);
	return n;
}

// Of an embryonic flow the bucket knows when it was seen in steps of 2^19 ns (the idle time is 5 s), and 2^16 of them.
static int64_t naive_age(const struct naive *f, bool embryonic_only, int64_t now)
{
	return embryonic_only ? (uint16_t)((uint64_t)(now >> 19) - (uint64_t)(f->last >> 19)) : now - f->last;
}

// Who must go: of both buckets the lowest rank, then the longest idle, then the lowest place of the first bucket.
static uint32_t naive_victim(const struct yg_flow_hash *h, bool embryonic_only, int64_t now)
{
	uint32_t best = YG_NO_RECORD;
	for (unsigned b = 0; b < 2; b++) {
		uint32_t bucket = b ? h->bucket2 : h->bucket;
		for (uint32_t i = bucket * YG_BUCKET; i < (bucket + 1) * YG_BUCKET; i++) {
			const struct naive *f = &list[i], *g = best == YG_NO_RECORD ? NULL : &list[best];
			if (!f->used || (embryonic_only && f->record != YG_NO_RECORD))
				continue;
			if (!g || f->rank < g->rank ||
			    (f->rank == g->rank && naive_age(f, embryonic_only, now) > naive_age(g, embryonic_only, now)))
				best = i;
		}
	}
	return best;
}

enum { WATCHED = 5 };
static uint32_t *ended; // where the ids of what ends in that partition go, evicted and expired; NULL: nowhere

static void free_flow(struct yg_flow_table *t, uint32_t entry)
{
	if (ended && entry / PER_PARTITION == WATCHED)
		*ended++ = list[entry].id;
	yg_flow_free(t, entry);
	if (list[entry].record != YG_NO_RECORD)
		yg_flow_record_free(t, list[entry].record);
	list[entry].used = 0;
}

static bool fits(uint32_t bucket)
{
	return in_bucket(bucket, false) < YG_BUCKET && in_bucket(bucket, true) < YG_BUCKET_EMBRYONIC;
}

static void place(struct yg_flow_table *t, uint32_t id, unsigned partition, int64_t now)
{
	struct yg_flow_key key = key_of(id);
	struct yg_flow_hash h;
	yg_flow_hash_of(t, &all, &key, partition, &h);
	bool one = fits(h.bucket), two = fits(h.bucket2);
	uint32_t victim, entry = yg_flow_place(t, &h, &key, yg_time_ns(now), &victim);
	if (!one && !two) {
		bool only = in_bucket(h.bucket, true) || in_bucket(h.bucket2, true); // they have the least
		assert_int_equal(entry, YG_NO_RECORD);
		assert_int_equal(victim, naive_victim(&h, only, now));
		free_flow(t, victim);
		entry = yg_flow_place(t, &h, &key, yg_time_ns(now), &victim);
	} else {
		bool second = !one || (two && in_bucket(h.bucket2, false) < in_bucket(h.bucket, false));
		assert_int_equal(entry / YG_BUCKET, second ? h.bucket2 : h.bucket);
	}
	assert_int_equal(victim, YG_NO_RECORD);
	assert_int_equal(entry / PER_PARTITION, partition);
	assert_false(list[entry].used);
	list[entry] = (struct naive){.id = id, .record = YG_NO_RECORD, .last = now, .used = 1};
	assert_memory_equal(&yg_flow_entry(t, entry)->key, &key, sizeof key);
}

static void grow(struct yg_flow_table *t, uint32_t entry, uint8_t rank, int64_t now)
{
	struct naive *f = &list[entry];
	uint32_t record = f->record;
	if (record == YG_NO_RECORD) {
		record = f->record = yg_flow_grow(t, entry);
		assert_int_not_equal(record, YG_NO_RECORD);
		assert_int_equal(yg_flow_partition_of_record(t, record), entry / PER_PARTITION);
	}
	struct yg_flow_record *r = yg_flow_record(t, record);
	f->rank = rank;
	f->last = now;
	yg_record_set_rank(r, rank);
	yg_record_set_state(r, f->closed ? YG_TCP_CLOSED : YG_TCP_ESTABLISHED);
	yg_record_see(r, yg_seen_of(yg_time_ns(now)));
	yg_flow_arm(t, entry, yg_time_ns(now));
}

static struct yg_flow_table *expiring;
static int64_t expiring_now, expired_embryonic_first;

static void expire_one(void *context, uint32_t entry)
{
	(*(unsigned *)context)++;
	struct naive *f = &list[entry];
	assert_true(f->used);
	assert_int_equal(yg_flow_deadline(expiring, entry).ns, naive_deadline(f));
	assert_true(naive_deadline(f) <= expiring_now);
	if (f->record == YG_NO_RECORD)
		assert_int_equal(expired_embryonic_first, 0);
	else
		expired_embryonic_first = 1;
	free_flow(expiring, entry);
}

// At the first call in a second, whatever was due when that second began has gone.
static unsigned expire(struct yg_flow_table *t, unsigned partition, int64_t now)
{
	unsigned count = 0;
	expiring = t;
	expiring_now = now;
	expired_embryonic_first = 0;
	yg_flow_expire(t, partition, yg_time_ns(now), expire_one, &count);
	for (uint32_t i = partition * PER_PARTITION; i < (partition + 1) * PER_PARTITION; i++)
		if (list[i].used && naive_deadline(&list[i]) < yg_time_second(yg_time_ns(now)) * S)
			fail_msg("an idle flow of rank %u was left", list[i].rank);
	return count;
}

static uint32_t naive_find(uint32_t id)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (list[i].used && list[i].id == id)
			return i;
	return YG_NO_RECORD;
}

static uint32_t find(struct yg_flow_table *t, uint32_t id)
{
	struct yg_flow_key key = key_of(id);
	struct yg_flow_hash h;
	yg_flow_hash_of(t, &all, &key, id % YG_PARTITIONS, &h);
	return yg_flow_find(t, &h, &key);
}

static void visit(void *context, uint32_t entry)
{
	unsigned *seen = context;
	assert_true(list[entry].used);
	(*seen)++;
}

static void check_all(struct yg_flow_table *t)
{
	unsigned used = 0, seen = 0;
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (!list[i].used)
			continue;
		used++;
		assert_int_equal(yg_flow_rank(t, i), list[i].rank);
		assert_int_equal(find(t, list[i].id), i);
	}
	for (unsigned p = 0; p < YG_PARTITIONS; p++)
		yg_flow_each(t, p, visit, &seen);
	assert_int_equal(seen, used);
	for (uint32_t b = 0; b < SLOTS / YG_BUCKET; b++)
		assert_in_range(in_bucket(b, true), 0, YG_BUCKET_EMBRYONIC);
}

static void random_step(struct yg_flow_table *t, int64_t *now)
{
	uint32_t id = (uint32_t)random() % 3000, entry = naive_find(id);
	*now += (random() % 100 ? random() % (S / 50) : random() % (700 * S)) / 1000 * 1000; // a record knows microseconds
	assert_int_equal(find(t, id), entry);
	if (entry == YG_NO_RECORD) {
		place(t, id, id % YG_PARTITIONS, *now);
	} else if (naive_deadline(&list[entry]) <= *now) {
		free_flow(t, entry); // as the worker does when a packet finds it
	} else if (list[entry].record == YG_NO_RECORD && random() % 2) {
		int64_t ms = (*now - yg_flow_entry(t, entry)->first_ns) / YG_NS_PER_MS;
		yg_flow_entry(t, entry)->last_ms = (uint16_t)ms; // idle time of rank 0 is far below what this holds
		list[entry].last = yg_flow_entry(t, entry)->first_ns + ms * YG_NS_PER_MS;
		yg_flow_touch(t, entry, yg_time_ns(list[entry].last));
	} else {
		list[entry].closed = random() % 8 == 0;
		uint8_t rank = (uint8_t)(random() % RANKS);
		grow(t, entry, rank > list[entry].rank ? rank : list[entry].rank, *now);
	}
	if (random() % 20 == 0)
		for (unsigned p = 0; p < YG_PARTITIONS; p++)
			expire(t, p, *now);
}

static void random_operations_agree_with_a_naive_list(void **state)
{
	(void)state;
	for (unsigned run = 0; run < 6; run++) {
		struct yg_flow_table *t = make_table(SLOTS);
		int64_t now = start;
		memset(list, 0, sizeof list);
		srandom(run);
		for (unsigned i = 0; i < 60000; i++) {
			random_step(t, &now);
			if (i % 2000 == 0)
				check_all(t);
		}
		check_all(t);
		yg_flow_table_destroy(t);
	}
}

// ---- promises ----

static void at_most_two_places_of_a_bucket_are_embryonic(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS);
	memset(list, 0, sizeof list);
	for (uint32_t id = 0; id < 20000; id++)
		place(t, id, id % YG_PARTITIONS, start + id);
	unsigned used = 0;
	for (uint32_t b = 0; b < SLOTS / YG_BUCKET; b++) {
		assert_in_range(in_bucket(b, false), 0, YG_BUCKET_EMBRYONIC);
		used += in_bucket(b, false);
	}
	assert_int_equal(used, SLOTS / 4); // a quarter of the table, and all of it
	yg_flow_table_destroy(t);
}

// How many of `settled` flows of rank 3 a flood of half-open ones costs.
static unsigned lost_to_a_flood(uint32_t slots, uint32_t settled, uint32_t flood)
{
	struct yg_flow_table *t = make_table(slots);
	struct yg_flow_hash h;
	unsigned lost = 0;
	for (uint32_t id = 0; id < settled + flood; id++) {
		struct yg_flow_key key = key_of(id);
		uint32_t victim, entry;
		yg_flow_hash_of(t, &all, &key, id % YG_PARTITIONS, &h);
		while ((entry = yg_flow_place(t, &h, &key, yg_time_ns(start + id), &victim)) == YG_NO_RECORD) {
			lost += yg_flow_rank(t, victim) == YG_RANK_ESTABLISHED && id >= settled;
			yg_flow_free(t, victim);
		}
		if (id < settled) {
			struct yg_flow_record *r = yg_flow_record(t, yg_flow_grow(t, entry));
			yg_record_set_rank(r, YG_RANK_ESTABLISHED);
			yg_record_see(r, yg_seen_of(yg_time_ns(start + id * INT64_C(1000))));
		}
	}
	yg_flow_table_destroy(t);
	return lost;
}

// Only where all sixteen places of a key are established does a new flow cost one of them; where that is, depends on the load alone.
static void a_flood_of_half_open_flows_costs_no_established_one(void **state)
{
	(void)state;
	enum { PLACES = 65536 };
	static const struct {
		unsigned percent, lost_max;
	} loads[] = {{25, 0}, {50, 0}, {60, 0}, {70, 30}, {80, 1000}, {90, 4500}};
	for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		uint32_t settled = PLACES / 100 * loads[i].percent;
		unsigned lost = lost_to_a_flood(PLACES, settled, 10 * PLACES);
		print_message("table %u %% full of established flows: a flood of ten times its places costs %u of %u\n",
		              loads[i].percent, lost, settled);
		assert_in_range(lost, 0, loads[i].lost_max);
	}
}

// ---- places chosen beforehand ----

enum { AHEAD = 12 };

struct coming {
	struct yg_flow_key key;
	struct yg_flow_hash hash;
	uint32_t id, chosen; // chosen: whose place it was to take
};

static void announce(struct yg_flow_table *t, struct coming coming[AHEAD], int64_t now)
{
	for (unsigned n = 0; n < AHEAD;) {
		uint32_t id = (uint32_t)random() % 60000;
		bool known = naive_find(id) != YG_NO_RECORD;
		for (unsigned i = 0; i < n; i++)
			known |= coming[i].id == id;
		if (known)
			continue;
		struct coming *c = &coming[n++];
		*c = (struct coming){.key = key_of(id), .id = id};
		yg_flow_hash_of(t, &all, &c->key, id % YG_PARTITIONS, &c->hash);
		yg_flow_prefetch_either(t, &c->hash, yg_flow_stamp(t, yg_time_ns(now)));
		c->chosen = c->hash.victim == YG_NO_RECORD ? YG_NO_RECORD : list[c->hash.victim].id;
	}
}

// Something happens to one whose place was promised, or to another.
static void change(struct yg_flow_table *t, const struct coming coming[AHEAD], int64_t now)
{
	uint32_t entry = coming[(unsigned)random() % AHEAD].hash.victim;
	if (entry == YG_NO_RECORD || !list[entry].used || random() % 4 == 0)
		entry = (uint32_t)random() % SLOTS;
	if (!list[entry].used)
		return;
	if (random() % 2)
		free_flow(t, entry);
	else
		grow(t, entry, YG_RANK_TALKING, now);
}

// Whether it got the place that was chosen for it: it does while he is there for whom it was chosen, and still an attempt.
static bool come(struct yg_flow_table *t, const struct coming *c, int64_t now)
{
	uint32_t entry = yg_flow_victim(t, &c->hash), chosen = c->chosen == YG_NO_RECORD ? YG_NO_RECORD : naive_find(c->chosen);
	if (chosen != YG_NO_RECORD && list[chosen].record != YG_NO_RECORD)
		chosen = YG_NO_RECORD;
	assert_int_equal(entry, chosen);
	if (entry == YG_NO_RECORD) {
		place(t, c->id, c->id % YG_PARTITIONS, now);
		yg_flow_note(t, naive_find(c->id), (uint16_t)c->id);
		return false;
	}
	assert_true(entry / YG_BUCKET == c->hash.bucket || entry / YG_BUCKET == c->hash.bucket2);
	assert_int_equal(yg_flow_victim_noted(t, &c->hash), list[entry].id);
	const struct yg_flow_entry *e = yg_flow_succeed(t, &c->hash, &c->key, yg_time_ns(now), (uint16_t)c->id);
	assert_int_equal(yg_flow_number(t, e), entry);
	assert_int_equal(yg_flow_noted(t, entry), c->id);
	list[entry] = (struct naive){.id = c->id, .record = YG_NO_RECORD, .last = now, .used = 1};
	return true;
}

// Between choice and use others come, grow and end.
static void a_place_chosen_beforehand_is_taken_only_while_it_is_that(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS);
	struct coming coming[AHEAD];
	unsigned taken = 0, otherwise = 0;
	memset(list, 0, sizeof list);
	srandom(3);
	for (unsigned i = 0; i < 5000; i++) {
		int64_t now = start + i * (S / 500);
		announce(t, coming, now);
		for (unsigned k = 0; k < AHEAD; k++) {
			if (random() % 2)
				change(t, coming, now);
			bool got = come(t, &coming[k], now);
			taken += got;
			otherwise += coming[k].chosen != YG_NO_RECORD && !got;
		}
		if (i % 100 == 0)
			check_all(t);
	}
	check_all(t);
	assert_true(taken > 5000 && otherwise > 500);
	yg_flow_table_destroy(t);
}

// Eight flows in one bucket, both choices alike: the lowest rank goes first, then the longest idle, then the lowest place.
static void eviction_goes_by_rank_then_idle_time_then_place(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS);
	static const struct {
		uint8_t rank;
		int64_t seen;
		unsigned turn; // in which it must go
	} flows[YG_BUCKET] = {{3, 1, 6}, {1, 9, 1}, {2, 5, 3}, {1, 2, 0}, {2, 5, 4}, {3, 8, 7}, {2, 3, 2}, {2, 6, 5}};
	uint32_t entries[YG_BUCKET], victim;
	struct yg_flow_hash h = {.bucket = 3, .bucket2 = 3, .tag = 0x8001};
	for (unsigned i = 0; i < YG_BUCKET; i++) {
		struct yg_flow_key key = key_of(i);
		entries[i] = yg_flow_place(t, &h, &key, yg_time_ns(start), &victim);
		struct yg_flow_record *r = yg_flow_record(t, yg_flow_grow(t, entries[i]));
		yg_record_set_rank(r, flows[i].rank);
		yg_record_see(r, yg_seen_of(yg_time_ns(start + flows[i].seen * 1000)));
	}
	for (unsigned turn = 0; turn < YG_BUCKET; turn++) {
		struct yg_flow_key key = key_of(100 + turn);
		assert_int_equal(yg_flow_place(t, &h, &key, yg_time_ns(start), &victim), YG_NO_RECORD);
		unsigned i = 0;
		while (entries[i] != victim)
			i++;
		assert_int_equal(flows[i].turn, turn);
		yg_flow_free(t, victim);
		uint32_t entry = yg_flow_place(t, &h, &key, yg_time_ns(start), &victim);
		struct yg_flow_record *r = yg_flow_record(t, yg_flow_grow(t, entry));
		yg_record_set_rank(r, YG_RANK_ESTABLISHED); // seen after all others, so it stays
		yg_record_see(r, yg_seen_of(yg_time_ns(start + S)));
	}
	yg_flow_table_destroy(t);
}

static void every_rank_expires_at_its_time_and_not_before(void **state)
{
	(void)state;
	for (uint8_t rank = 0; rank < RANKS; rank++)
		for (unsigned closed = 0; closed < 2; closed++) {
			struct yg_flow_table *t = make_table(SLOTS);
			memset(list, 0, sizeof list);
			int64_t now = start + 300 * YG_NS_PER_MS;
			expire(t, 0, now);
			place(t, 0, 0, now);
			uint32_t entry = naive_find(0);
			if (rank || closed) {
				list[entry].closed = closed != 0;
				grow(t, entry, rank, now);
			}
			int64_t due = naive_deadline(&list[entry]);
			assert_int_equal(due, now + idle[closed ? 0 : rank]);
			int64_t second = yg_time_second(yg_time_ns(due));
			for (int64_t s = start / S; s <= second; s++)
				assert_int_equal(expire(t, 0, s * S), 0); // second by second, past 512 of them for rank 3
			assert_int_equal(expire(t, 0, (second + 1) * S), 1);
			assert_int_equal(find(t, 0), YG_NO_RECORD);
			yg_flow_table_destroy(t);
		}
}

static void a_deadline_beyond_the_wheel_is_kept(void **state)
{
	(void)state;
	for (int64_t step = 1; step < 2000; step += step < 8 ? 1 : 97) {
		struct yg_flow_table *t = make_table(SLOTS);
		memset(list, 0, sizeof list);
		expire(t, 0, start);
		for (uint32_t i = 0; i < 40; i++) {
			place(t, i * YG_PARTITIONS, 0, start);
			grow(t, naive_find(i * YG_PARTITIONS), YG_RANK_ESTABLISHED, start);
		}
		unsigned count = 0;
		for (int64_t s = step; s <= 900; s += step)
			count += expire(t, 0, start + s * S);
		assert_int_equal(count, 0); // 900 s is the deadline itself: told at the next second
		assert_int_equal(expire(t, 0, start + 901 * S), 40);
		yg_flow_table_destroy(t);
	}
}

static void expire_watched(void *context, uint32_t entry)
{
	free_flow(context, entry);
}

static void disturb(struct yg_flow_table *t, int64_t now)
{
	uint32_t id = 100000 + (uint32_t)random() % 1000;
	unsigned p = (WATCHED + 1 + (unsigned)random() % (YG_PARTITIONS - 1)) % YG_PARTITIONS;
	struct yg_flow_key key = key_of(id);
	struct yg_flow_hash h;
	yg_flow_hash_of(t, &all, &key, p, &h);
	if (yg_flow_find(t, &h, &key) == YG_NO_RECORD)
		place(t, id, p, now);
	else
		expire(t, p, now);
}

static unsigned run_watched(bool others, uint32_t *ret_order)
{
	struct yg_flow_table *t = make_table(SLOTS);
	unsigned seed = 1;
	ended = ret_order;
	memset(list, 0, sizeof list);
	for (unsigned i = 0; i < 4000; i++) {
		int64_t now = start + i * (S / 7);
		uint32_t id = (uint32_t)rand_r(&seed) % 100, entry = naive_find(id);
		if (entry == YG_NO_RECORD)
			place(t, id, WATCHED, now);
		else if (id % 4 == 0)
			grow(t, entry, list[entry].rank < 3 ? list[entry].rank + 1 : 3, now);
		if (others)
			disturb(t, now);
		yg_flow_expire(t, WATCHED, yg_time_ns(now), expire_watched, t);
	}
	unsigned n = (unsigned)(ended - ret_order);
	ended = NULL;
	yg_flow_table_destroy(t);
	return n;
}

// What ends in a partition, and in which order, is the same whatever the fifteen others do.
static void partitions_do_not_know_of_each_other(void **state)
{
	(void)state;
	static uint32_t alone[8000], among[8000];
	unsigned n = run_watched(false, alone);
	assert_in_range(n, 1000, 8000);
	assert_int_equal(run_watched(true, among), n);
	assert_memory_equal(alone, among, n * sizeof alone[0]);
}

static void a_partition_that_has_no_records_left_says_so(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS);
	uint32_t share = yg_flow_records_total(t) / YG_PARTITIONS, first, end, last = 0;
	for (uint32_t i = 0; i < share; i++) {
		last = yg_flow_record_take(t, 3);
		assert_int_equal(yg_flow_partition_of_record(t, last), 3);
	}
	assert_int_equal(yg_flow_record_take(t, 3), YG_NO_RECORD);
	assert_int_not_equal(yg_flow_record_take(t, 4), YG_NO_RECORD);
	yg_flow_record_free(t, last);
	assert_int_equal(yg_flow_record_take(t, 3), last);
	yg_flow_records_used(t, 3, &first, &end);
	assert_int_equal(end - first, share);
	yg_flow_table_destroy(t);
}

static struct yg_view view_of(uint8_t a, uint16_t sport, uint8_t b, uint16_t dport)
{
	return (struct yg_view){.src = {{10, 0, 0, a}},
	                        .dst = {{10, 0, 0, b}},
	                        .sport = sport,
	                        .dport = dport,
	                        .proto = 17,
	                        .af = 4,
	                        .domain = 7};
}

static void both_directions_are_one_flow_and_go_to_one_worker(void **state)
{
	(void)state;
	struct yg_flow_table *t = make_table(SLOTS);
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t a = (uint8_t)random(), b = (uint8_t)random();
		uint16_t p = (uint16_t)random(), q = (uint16_t)random();
		struct yg_view there = view_of(a, p, b, q), back = view_of(b, q, a, p), other_port = view_of(a, 1, b, 2);
		struct yg_view error = {.src = {{192, 0, 2, 1}},
		                        .dst = there.src,
		                        .flags = YG_VIEW_ICMP_ERROR,
		                        .about_src = there.src,
		                        .about_dst = there.dst};
		struct yg_flow_key k1 = {0}, k2 = {0};
		unsigned s1, s2;
		yg_flow_key_of(&there, &k1, &s1);
		yg_flow_key_of(&back, &k2, &s2);
		assert_memory_equal(&k1, &k2, sizeof k1);
		assert_true(s1 != s2 || (a == b && p == q));
		assert_int_equal(k1.port[s1], p);
		assert_int_equal(yg_flow_partition(t, &all, &there), yg_flow_partition(t, &all, &back));
		assert_int_equal(yg_flow_partition(t, &all, &there), yg_flow_partition(t, &all, &other_port));
		assert_int_equal(yg_flow_partition(t, &all, &there), yg_flow_partition(t, &all, &error));
	}
	yg_flow_table_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_a_naive_list),
		cmocka_unit_test(at_most_two_places_of_a_bucket_are_embryonic),
		cmocka_unit_test(a_flood_of_half_open_flows_costs_no_established_one),
		cmocka_unit_test(a_place_chosen_beforehand_is_taken_only_while_it_is_that),
		cmocka_unit_test(eviction_goes_by_rank_then_idle_time_then_place),
		cmocka_unit_test(every_rank_expires_at_its_time_and_not_before),
		cmocka_unit_test(a_deadline_beyond_the_wheel_is_kept),
		cmocka_unit_test(partitions_do_not_know_of_each_other),
		cmocka_unit_test(a_partition_that_has_no_records_left_says_so),
		cmocka_unit_test(both_directions_are_one_flow_and_go_to_one_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
