// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See flow_table.h for the picture. Choices: two buckets a key (a key goes to the one with more room) keep the table usable
// to about nine tenths; an embryonic flow is found for expiry by a bitmap with a summary level, because it has no room for
// links; records are found by a wheel of one-second slots that is looked at only when a slot is due, and re-armed then, so a
// packet costs no list operation.
#include "engine/flow_table.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"

struct partition {
	uint32_t wheel[YG_WHEEL];
	int64_t wheel_second; // slots up to this second have been looked at
	uint32_t record_free; // list of freed records
	uint32_t record_next; // records never used yet begin here
	uint32_t record_end;
	bool wheel_started;
};

struct yg_flow_table {
	struct yg_flow_table_options options;
	struct yg_mix_key mix;
	uint32_t buckets, partition_buckets, records;
	uint16_t (*tags)[YG_BUCKET];
	struct yg_flow_entry *entries;
	uint64_t *embryonic; // a bit an entry
	uint64_t *summary;   // a bit a word of `embryonic`
	struct yg_flow_record *record;
	struct partition partition[YG_PARTITIONS];
};

static size_t words_of(uint32_t slots)
{
	return slots / 64;
}

struct yg_flow_table *yg_flow_table_create(const struct yg_flow_table_options *options)
{
	struct yg_flow_table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->options = *options;
	yg_mix_key_derive(&options->key, &table->mix);
	table->buckets = options->slots / YG_BUCKET;
	table->partition_buckets = table->buckets / YG_PARTITIONS;
	// Ended flows wait for their verdict in their records: half as many again as the table has places.
	table->records = options->slots + options->slots / 2;
	table->tags = yg_memory_reserve(sizeof *table->tags * table->buckets);
	table->entries = yg_memory_reserve(sizeof *table->entries * options->slots);
	table->embryonic = yg_memory_reserve(8 * words_of(options->slots) + 8);
	table->summary = yg_memory_reserve(8 * (words_of(options->slots) / 64 + 1));
	table->record = yg_memory_reserve(sizeof *table->record * table->records);
	if (!table->tags || !table->entries || !table->embryonic || !table->summary || !table->record) {
		yg_flow_table_destroy(table);
		errno = ENOMEM;
		return NULL;
	}
	uint32_t share = table->records / YG_PARTITIONS;
	for (uint32_t i = 0; i < YG_PARTITIONS; i++) {
		struct partition *p = &table->partition[i];
		memset(p->wheel, 0xff, sizeof p->wheel);
		p->record_free = YG_NO_RECORD;
		p->record_next = i * share;
		p->record_end = (i + 1) * share;
	}
	return table;
}

void yg_flow_table_destroy(struct yg_flow_table *table)
{
	if (!table)
		return;
	yg_memory_release(table->tags, sizeof *table->tags * table->buckets);
	yg_memory_release(table->entries, sizeof *table->entries * table->options.slots);
	yg_memory_release(table->embryonic, 8 * words_of(table->options.slots) + 8);
	yg_memory_release(table->summary, 8 * (words_of(table->options.slots) / 64 + 1));
	yg_memory_release(table->record, sizeof *table->record * table->records);
	free(table);
}

static inline uint64_t word_of(const void *bytes, unsigned i)
{
	uint64_t word;
	memcpy(&word, (const uint8_t *)bytes + 8 * i, sizeof word);
	return word;
}

// As memcmp does, but for its sign: the first byte weighs most.
static inline bool is_above(const struct yg_addr *a, const struct yg_addr *b, bool equal)
{
	uint64_t high_a = be64toh(word_of(a, 0)), high_b = be64toh(word_of(b, 0));
	if (high_a != high_b)
		return high_a > high_b;
	uint64_t low_a = be64toh(word_of(a, 1)), low_b = be64toh(word_of(b, 1));
	return low_a != low_b ? low_a > low_b : equal;
}

static inline bool is_same(const struct yg_flow_key *a, const struct yg_flow_key *b)
{
	uint64_t differ = 0;
	for (unsigned i = 0; i < sizeof *a / 8; i++)
		differ |= word_of(a, i) ^ word_of(b, i);
	return !differ;
}

void yg_flow_key_of(const struct yg_view *view, struct yg_flow_key *ret_key, unsigned *ret_sender)
{
	unsigned sender = is_above(&view->src, &view->dst, view->sport > view->dport);
	ret_key->addr[sender] = view->src;
	ret_key->addr[!sender] = view->dst;
	ret_key->port[sender] = view->sport;
	ret_key->port[!sender] = view->dport;
	ret_key->domain = view->domain;
	ret_key->proto = view->proto;
	ret_key->af = view->af;
	*ret_sender = sender;
}

static inline unsigned partition_of(const struct yg_flow_run *run, uint64_t pair)
{
	return run->first + ((unsigned)(pair >> 60) * run->count >> 4);
}

unsigned yg_flow_partition(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_view *view)
{
	bool about = view->flags & YG_VIEW_ICMP_ERROR;
	const struct yg_addr *one = about ? &view->about_src : &view->src, *two = about ? &view->about_dst : &view->dst;
	bool swap = is_above(one, two, false);
	struct yg_addr pair[2] = {swap ? *two : *one, swap ? *one : *two};
	return partition_of(run, yg_mix32(&table->mix, pair));
}

void yg_flow_hash_of(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_flow_key *key, int about,
		     struct yg_flow_hash *ret_hash)
{
	uint64_t pair, h = yg_mix40(&table->mix, key, &pair);
	unsigned partition = about >= 0 ? (unsigned)about : partition_of(run, pair);
	uint32_t mask = table->partition_buckets - 1;
	uint32_t base = partition * table->partition_buckets;
	ret_hash->partition = (uint8_t)partition;
	ret_hash->guess = YG_NO_RECORD;
	ret_hash->tag = (uint16_t)(h >> 48) | 0x8000;
	ret_hash->bucket = base + ((uint32_t)h & mask);
	ret_hash->bucket2 = base + ((uint32_t)(h >> 24) & mask);
}

uint64_t yg_flow_id(const struct yg_flow_key *key, int64_t first_ns)
{
	struct {
		struct yg_flow_key key;
		int64_t first_ns;
	} bytes = {*key, first_ns};
	return yg_hash_identity(&bytes, sizeof bytes) >> 11;
}

void yg_flow_prefetch(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	__builtin_prefetch(table->tags[hash->bucket]);
	__builtin_prefetch(table->tags[hash->bucket2]);
}

static uint32_t tagged(const uint16_t *tags, uint32_t bucket, uint16_t tag)
{
	for (uint32_t i = 0; i < YG_BUCKET; i++)
		if (tags[i] == tag)
			return bucket * YG_BUCKET + i;
	return YG_NO_RECORD;
}

void yg_flow_prefetch_entry(const struct yg_flow_table *table, struct yg_flow_hash *hash)
{
	hash->guess = tagged(table->tags[hash->bucket], hash->bucket, hash->tag);
	if (hash->guess == YG_NO_RECORD)
		hash->guess = tagged(table->tags[hash->bucket2], hash->bucket2, hash->tag);
	if (hash->guess != YG_NO_RECORD)
		__builtin_prefetch(&table->entries[hash->guess]);
}

void yg_flow_prefetch_record(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	if (hash->guess == YG_NO_RECORD)
		return;
	uint32_t record = table->entries[hash->guess].record;
	if (record >= table->records)
		return;
	const char *lines = (const char *)&table->record[record];
	__builtin_prefetch(lines);
	__builtin_prefetch(lines + 64);
	__builtin_prefetch(lines + 128);
}

struct yg_flow_entry *yg_flow_entry(struct yg_flow_table *table, uint32_t entry)
{
	return &table->entries[entry];
}

struct yg_flow_record *yg_flow_record(struct yg_flow_table *table, uint32_t record)
{
	return &table->record[record];
}

uint32_t yg_flow_records_total(const struct yg_flow_table *table)
{
	return table->records;
}

void yg_flow_records_used(const struct yg_flow_table *table, unsigned partition, uint32_t *ret_first, uint32_t *ret_end)
{
	*ret_first = partition * (table->records / YG_PARTITIONS);
	*ret_end = table->partition[partition].record_next;
}

uint32_t yg_flow_slots(const struct yg_flow_table *table)
{
	return table->options.slots;
}

unsigned yg_flow_partition_of_record(const struct yg_flow_table *table, uint32_t record)
{
	return record / (table->records / YG_PARTITIONS);
}

static uint32_t find_in(const struct yg_flow_table *table, uint32_t bucket, uint16_t tag, const struct yg_flow_key *key)
{
	const uint16_t *tags = table->tags[bucket];
	for (uint32_t i = 0; i < YG_BUCKET; i++) {
		uint32_t entry = bucket * YG_BUCKET + i;
		if (tags[i] == tag && is_same(&table->entries[entry].key, key))
			return entry;
	}
	return YG_NO_RECORD;
}

uint32_t yg_flow_find(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key)
{
	uint32_t entry = hash->guess;
	if (entry != YG_NO_RECORD && table->tags[entry / YG_BUCKET][entry % YG_BUCKET] == hash->tag &&
	    is_same(&table->entries[entry].key, key))
		return entry;
	entry = find_in(table, hash->bucket, hash->tag, key);
	return entry != YG_NO_RECORD ? entry : find_in(table, hash->bucket2, hash->tag, key);
}

static bool is_embryonic(const struct yg_flow_table *table, uint32_t entry)
{
	return table->embryonic[entry / 64] >> (entry % 64) & 1;
}

static void set_embryonic(struct yg_flow_table *table, uint32_t entry, bool on)
{
	uint64_t *word = &table->embryonic[entry / 64];
	uint64_t bit = UINT64_C(1) << (entry % 64);
	*word = on ? *word | bit : *word & ~bit;
	uint64_t *summary = &table->summary[entry / 64 / 64];
	uint64_t summary_bit = UINT64_C(1) << (entry / 64 % 64);
	*summary = *word ? *summary | summary_bit : *summary & ~summary_bit;
}

uint8_t yg_flow_rank(const struct yg_flow_table *table, uint32_t entry)
{
	uint32_t record = table->entries[entry].record;
	return record == YG_NO_RECORD ? YG_RANK_EMBRYONIC : table->record[record].rank;
}

static struct yg_time last_seen(const struct yg_flow_table *table, uint32_t entry)
{
	const struct yg_flow_entry *e = &table->entries[entry];
	if (e->record != YG_NO_RECORD)
		return yg_time_ns(table->record[e->record].last_ns);
	return yg_time_ns(e->first_ns + e->last_ms * YG_NS_PER_MS);
}

struct yg_time yg_flow_deadline(const struct yg_flow_table *table, uint32_t entry)
{
	uint32_t record = table->entries[entry].record;
	unsigned rank = yg_flow_rank(table, entry);
	// A connection that is over stays for its stragglers only.
	if (record != YG_NO_RECORD && (table->record[record].tcp_state == YG_TCP_CLOSED || table->record[record].tcp_state == YG_TCP_RESET))
		rank = YG_RANK_EMBRYONIC;
	return yg_time_ns(last_seen(table, entry).ns + table->options.idle_ns[rank]);
}

struct bucket_look {
	uint32_t free;      // a free place, or YG_NO_RECORD
	unsigned used, embryonic;
};

static struct bucket_look look_at(const struct yg_flow_table *table, uint32_t bucket)
{
	struct bucket_look look = {YG_NO_RECORD, 0, 0};
	const uint16_t *tags = table->tags[bucket];
	for (uint32_t i = 0; i < YG_BUCKET; i++) {
		if (tags[i])
			look.used++;
		else if (look.free == YG_NO_RECORD)
			look.free = bucket * YG_BUCKET + i;
	}
	uint32_t first = bucket * YG_BUCKET;
	look.embryonic = (unsigned)__builtin_popcountll(table->embryonic[first / 64] >> (first % 64) & 0xff);
	return look;
}

// The one that goes: lowest rank, then longest idle, then lowest place. With embryonic_only: among those alone.
static void weigh(const struct yg_flow_table *table, uint32_t bucket, bool embryonic_only, uint32_t *best)
{
	for (uint32_t i = 0; i < YG_BUCKET; i++) {
		uint32_t entry = bucket * YG_BUCKET + i;
		if (!table->tags[bucket][i] || (embryonic_only && !is_embryonic(table, entry)))
			continue;
		if (*best == YG_NO_RECORD) {
			*best = entry;
			continue;
		}
		uint8_t rank = yg_flow_rank(table, entry), best_rank = yg_flow_rank(table, *best);
		if (rank < best_rank || (rank == best_rank && yg_time_before(last_seen(table, entry), last_seen(table, *best))))
			*best = entry;
	}
}

static uint32_t choose_victim(const struct yg_flow_table *table, const struct yg_flow_hash *hash, bool embryonic_only)
{
	uint32_t victim = YG_NO_RECORD;
	weigh(table, hash->bucket, embryonic_only, &victim);
	if (hash->bucket2 != hash->bucket)
		weigh(table, hash->bucket2, embryonic_only, &victim);
	return victim;
}

static uint32_t occupy(struct yg_flow_table *table, uint32_t entry, uint16_t tag, const struct yg_flow_key *key, struct yg_time now)
{
	table->tags[entry / YG_BUCKET][entry % YG_BUCKET] = tag;
	struct yg_flow_entry *e = &table->entries[entry];
	memset(e, 0, sizeof *e);
	e->key = *key;
	e->first_ns = now.ns;
	e->record = YG_NO_RECORD;
	e->flags = YG_ENTRY_USED;
	set_embryonic(table, entry, true);
	return entry;
}

uint32_t yg_flow_place(struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key, struct yg_time now,
		       uint32_t *ret_victim)
{
	struct bucket_look one = look_at(table, hash->bucket), two = look_at(table, hash->bucket2);
	bool one_fits = one.free != YG_NO_RECORD && one.embryonic < YG_BUCKET_EMBRYONIC;
	bool two_fits = two.free != YG_NO_RECORD && two.embryonic < YG_BUCKET_EMBRYONIC;
	*ret_victim = YG_NO_RECORD;
	if (one_fits || two_fits) {
		bool second = !one_fits || (two_fits && two.used < one.used);
		return occupy(table, second ? two.free : one.free, hash->tag, key, now);
	}
	bool embryonic_only = one.embryonic >= YG_BUCKET_EMBRYONIC || two.embryonic >= YG_BUCKET_EMBRYONIC;
	*ret_victim = choose_victim(table, hash, embryonic_only);
	return YG_NO_RECORD;
}

uint32_t yg_flow_record_take(struct yg_flow_table *table, unsigned partition)
{
	struct partition *p = &table->partition[partition];
	uint32_t record = p->record_free;
	if (record != YG_NO_RECORD) {
		p->record_free = table->record[record].pending_next;
	} else {
		if (p->record_next == p->record_end)
			return YG_NO_RECORD;
		record = p->record_next++;
	}
	struct yg_flow_record *r = &table->record[record];
	uint32_t generation = r->ds_generation; // outlives the flow: an answer to the one before must not fit this one
	memset(r, 0, sizeof *r);
	r->ds_generation = generation + 1;
	r->entry = YG_NO_RECORD;
	r->wheel_slot = YG_WHEEL;
	r->pending_next = YG_NO_RECORD;
	return record;
}

void yg_flow_record_free(struct yg_flow_table *table, uint32_t record)
{
	struct partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	table->record[record].pending_next = p->record_free;
	p->record_free = record;
}

uint32_t yg_flow_grow(struct yg_flow_table *table, uint32_t entry)
{
	unsigned partition = entry / (table->partition_buckets * YG_BUCKET);
	uint32_t record = yg_flow_record_take(table, partition);
	if (record == YG_NO_RECORD)
		return record;
	table->record[record].entry = entry;
	table->entries[entry].record = record;
	set_embryonic(table, entry, false);
	return record;
}

static void disarm(struct yg_flow_table *table, struct yg_flow_record *r, uint32_t record)
{
	if (r->wheel_slot == YG_WHEEL)
		return;
	struct partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	if (r->wheel_prev == YG_NO_RECORD)
		p->wheel[r->wheel_slot] = r->wheel_next;
	else
		table->record[r->wheel_prev].wheel_next = r->wheel_next;
	if (r->wheel_next != YG_NO_RECORD)
		table->record[r->wheel_next].wheel_prev = r->wheel_prev;
	r->wheel_slot = YG_WHEEL;
}

void yg_flow_free(struct yg_flow_table *table, uint32_t entry)
{
	struct yg_flow_entry *e = &table->entries[entry];
	if (e->record != YG_NO_RECORD) {
		struct yg_flow_record *r = &table->record[e->record];
		disarm(table, r, e->record);
		r->entry = YG_NO_RECORD;
	} else {
		set_embryonic(table, entry, false);
	}
	e->flags = 0;
	table->tags[entry / YG_BUCKET][entry % YG_BUCKET] = 0;
}

void yg_flow_arm(struct yg_flow_table *table, uint32_t entry, struct yg_time now)
{
	uint32_t record = table->entries[entry].record;
	struct yg_flow_record *r = &table->record[record];
	struct partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	int64_t second = yg_time_second(yg_flow_deadline(table, entry)), last = yg_time_second(now) + YG_WHEEL - 2;
	disarm(table, r, record);
	if (second > last)
		second = last;
	r->wheel_slot = (uint16_t)((uint64_t)second % YG_WHEEL);
	r->wheel_prev = YG_NO_RECORD;
	r->wheel_next = p->wheel[r->wheel_slot];
	if (r->wheel_next != YG_NO_RECORD)
		table->record[r->wheel_next].wheel_prev = record;
	p->wheel[r->wheel_slot] = record;
}

static void expire_embryonic(struct yg_flow_table *table, unsigned partition, struct yg_time now,
			     void (*end)(void *context, uint32_t entry), void *context)
{
	size_t words = words_of(table->options.slots) / YG_PARTITIONS, first = partition * words;
	for (size_t w = first; w < first + words; w++) {
		if (w % 64 == 0 && w + 64 <= first + words && !table->summary[w / 64]) {
			w += 63;
			continue;
		}
		for (uint64_t left = table->embryonic[w]; left; left &= left - 1) {
			uint32_t entry = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
			if (!yg_time_before(now, yg_flow_deadline(table, entry)))
				end(context, entry);
		}
	}
}

static void expire_slot(struct yg_flow_table *table, struct partition *p, unsigned slot, struct yg_time now,
			void (*end)(void *context, uint32_t entry), void *context)
{
	uint32_t record = p->wheel[slot];
	while (record != YG_NO_RECORD) {
		struct yg_flow_record *r = &table->record[record];
		uint32_t next = r->wheel_next, entry = r->entry;
		if (!yg_time_before(now, yg_flow_deadline(table, entry)))
			end(context, entry);
		else
			yg_flow_arm(table, entry, now);
		record = next;
	}
}

// Once a second, over the slots of the seconds that are complete: what lies there has either expired or been seen since. A flow whose
// deadline lies within the second that is open is told apart when its next packet comes.
void yg_flow_expire(struct yg_flow_table *table, unsigned partition, struct yg_time now,
		    void (*end)(void *context, uint32_t entry), void *context)
{
	struct partition *p = &table->partition[partition];
	int64_t second = yg_time_second(now);
	if (p->wheel_started && second == p->wheel_second)
		return;
	expire_embryonic(table, partition, now, end, context);
	if (!p->wheel_started || second - p->wheel_second > YG_WHEEL)
		p->wheel_second = second - YG_WHEEL;
	p->wheel_started = true;
	for (int64_t s = p->wheel_second; s < second; s++)
		expire_slot(table, p, (unsigned)((uint64_t)s % YG_WHEEL), now, end, context);
	p->wheel_second = second;
}

void yg_flow_each(struct yg_flow_table *table, unsigned partition, void (*visit)(void *context, uint32_t entry), void *context)
{
	uint32_t slots = table->partition_buckets * YG_BUCKET, first = partition * slots;
	for (uint32_t entry = first; entry < first + slots; entry++)
		if (table->tags[entry / YG_BUCKET][entry % YG_BUCKET])
			visit(context, entry);
}
