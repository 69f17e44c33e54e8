// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See flow_table.h for the picture. Choices: two buckets a key (a key goes to the one with more room) keep the table usable
// to about nine tenths; who of the embryonic flows of two buckets is longest idle can be told from the buckets alone, so that a flood in
// which every packet is a flow touches three lines a packet: two buckets and the entry that changes hands.
#include "engine/flow_table_bucket.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/shm.h"

// Huge pages spare a flood two misses of the page tables a packet; what is present from the start costs no page fault at line rate, and
// the memory of the engine is the same before a flood and after. Both are asked for, neither is needed.
void *yg_flow_reserve(const struct yg_flow_table_options *options, size_t size)
{
	void *memory = yg_memory_reserve(size);
	if (memory && options->resident) {
		madvise(memory, size, MADV_HUGEPAGE);
		madvise(memory, size, MADV_POPULATE_WRITE);
	}
	return memory;
}

static unsigned log2_of(uint32_t power)
{
	return (unsigned)__builtin_ctz(power);
}

struct yg_flow_table *yg_flow_table_create(const struct yg_flow_table_options *options)
{
	enum { STEPS_MAX = 1 << 14 }; // of a stamp in the idle time: a quarter of what it holds
	if (options->slots > YG_TABLE_MOST) {
		errno = EINVAL;
		return NULL;
	}
	struct yg_flow_table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->options = *options;
	yg_mix_key_derive(&options->key, &table->mix);
	table->buckets = options->slots / YG_BUCKET;
	table->partition_buckets = table->buckets / YG_PARTITIONS;
	table->bucket_shift = log2_of(table->partition_buckets);
	while (options->idle_ns[YG_RANK_EMBRYONIC] >> table->stamp_shift >= STEPS_MAX)
		table->stamp_shift++;
	table->bucket = yg_flow_reserve(options, sizeof *table->bucket * table->buckets);
	table->entries = yg_flow_reserve(options, sizeof *table->entries * options->slots);
	table->embryonic = yg_memory_reserve(8 * yg_flow_words(options->slots) + 8);
	table->summary = yg_memory_reserve(8 * (yg_flow_words(options->slots) / 64 + 1));
	bool pools = yg_flow_pools_create(table) == 0;
	if (!table->bucket || !table->entries || !table->embryonic || !table->summary || !pools) {
		yg_flow_table_destroy(table);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < YG_PARTITIONS; i++)
		memset(table->partition[i].wheel, 0xff, sizeof table->partition[i].wheel);
	return table;
}

void yg_flow_table_destroy(struct yg_flow_table *table)
{
	if (!table)
		return;
	yg_memory_release(table->bucket, sizeof *table->bucket * table->buckets);
	yg_memory_release(table->entries, sizeof *table->entries * table->options.slots);
	yg_memory_release(table->embryonic, 8 * yg_flow_words(table->options.slots) + 8);
	yg_memory_release(table->summary, 8 * (yg_flow_words(table->options.slots) / 64 + 1));
	yg_flow_pools_destroy(table);
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

static inline void fill_hash(const struct yg_flow_table *table, unsigned partition, uint64_t h, struct yg_flow_hash *ret_hash)
{
	uint32_t mask = table->partition_buckets - 1;
	uint32_t base = partition * table->partition_buckets;
	ret_hash->partition = (uint8_t)partition;
	ret_hash->guess = ret_hash->victim = YG_NO_RECORD;
	ret_hash->tag = (uint16_t)(h >> 48) | 0x8000;
	ret_hash->bucket = base + ((uint32_t)h & mask);
	ret_hash->bucket2 = base + ((uint32_t)(h >> 24) & mask);
}

void yg_flow_hash_of(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_flow_key *key, int about,
		     struct yg_flow_hash *ret_hash)
{
	uint64_t pair, h = yg_mix40(&table->mix, key, &pair);
	fill_hash(table, about >= 0 ? (unsigned)about : partition_of(run, pair), h, ret_hash);
}

// The first word of an address of version 4, and the last of a key, as they lie in memory.
static inline uint64_t front_of(uint32_t addr)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? addr : (uint64_t)addr << 32;
}

static inline uint64_t tail_of(uint16_t port_0, uint16_t port_1, uint16_t domain, uint8_t proto, uint8_t af)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return port_0 | (uint32_t)port_1 << 16 | (uint64_t)domain << 32 | (uint64_t)proto << 48 | (uint64_t)af << 56;
#else
	return (uint64_t)port_0 << 48 | (uint64_t)port_1 << 32 | (uint32_t)domain << 16 | proto << 8 | af;
#endif
}

static inline void place_words(const struct yg_flow_table *table, const struct yg_flow_run *run, const uint64_t words[5],
			       struct yg_flow_key *ret_key, struct yg_flow_hash *ret_hash)
{
	uint64_t pair, h = yg_mix_words(&table->mix, words, &pair);
	_Static_assert(sizeof *ret_key == 40, "a key is five words");
	for (unsigned i = 0; i < 5; i++)
		memcpy((uint8_t *)ret_key + 8 * i, &words[i], 8);
	fill_hash(table, partition_of(run, pair), h, ret_hash);
	yg_flow_prefetch(table, ret_hash);
}

static __attribute__((noinline)) unsigned place_ipv6(const struct yg_flow_table *table, const struct yg_flow_run *run,
						     const struct yg_plain *plain, struct yg_flow_key *ret_key, struct yg_flow_hash *ret_hash)
{
	const uint8_t *ip = plain->data + yg_plain_l3(plain);
	uint64_t src[2], dst[2];
	memcpy(src, ip + 8, 16);
	memcpy(dst, ip + 24, 16);
	unsigned sport = yg_load16(ip + 40), dport = yg_load16(ip + 42);
	uint64_t high_src = be64toh(src[0]), high_dst = be64toh(dst[0]), low_src = be64toh(src[1]), low_dst = be64toh(dst[1]);
	bool low_above = (low_src > low_dst) | ((low_src == low_dst) & (sport > dport));
	bool sender = (high_src > high_dst) | ((high_src == high_dst) & low_above);
	uint64_t mask = -(uint64_t)sender, high = (src[0] ^ dst[0]) & mask, low = (src[1] ^ dst[1]) & mask;
	unsigned port = (sport ^ dport) & (unsigned)mask;
	const uint64_t words[5] = {src[0] ^ high, src[1] ^ low, dst[0] ^ high, dst[1] ^ low,
				   tail_of((uint16_t)(sport ^ port), (uint16_t)(dport ^ port), plain->domain,
					   plain->kind & YG_PLAIN_UDP ? 17 : 6, 6)};
	place_words(table, run, words, ret_key, ret_hash);
	return sender;
}

// From the frame into registers and from there into key and hash: what is stored in small pieces and read back in words a moment later
// makes the processor wait for its own stores. Which end comes first is as good as random, so it is no branch either. Address and port of
// version 4 are one number.
unsigned yg_flow_place_plain(const struct yg_flow_table *table, const struct yg_flow_run *run, const struct yg_plain *plain,
			     struct yg_flow_key *ret_key, struct yg_flow_hash *ret_hash)
{
	if (plain->kind & YG_PLAIN_IPV6)
		return place_ipv6(table, run, plain, ret_key, ret_hash);
	const uint8_t *ip = plain->data + yg_plain_l3(plain);
	uint32_t src, dst;
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	unsigned sport = yg_load16(ip + 20), dport = yg_load16(ip + 22);
	bool sender = ((uint64_t)be32toh(src) << 16 | sport) > ((uint64_t)be32toh(dst) << 16 | dport);
	uint32_t mask = -(uint32_t)sender, addr = (src ^ dst) & mask, port = (sport ^ dport) & mask;
	const uint64_t words[5] = {front_of(src ^ addr), 0, front_of(dst ^ addr), 0,
				   tail_of((uint16_t)(sport ^ port), (uint16_t)(dport ^ port), plain->domain,
					   plain->kind & YG_PLAIN_UDP ? 17 : 6, 4)};
	place_words(table, run, words, ret_key, ret_hash);
	return sender;
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
	__builtin_prefetch(&table->bucket[hash->bucket]);
	__builtin_prefetch(&table->bucket[hash->bucket2]);
}

// ---- the way to an entry ----

uint16_t yg_flow_stamp(const struct yg_flow_table *table, struct yg_time now)
{
	return (uint16_t)((uint64_t)now.ns >> table->stamp_shift);
}

static inline bool fetch_entry(const struct yg_flow_table *table, struct yg_flow_hash *hash)
{
	unsigned places = places_of(table, hash);
	hash->guess = YG_NO_RECORD;
	if (!places)
		return false;
	hash->guess = lowest_of(hash, places);
	__builtin_prefetch(&table->entries[hash->guess], 1);
	return true;
}

void yg_flow_prefetch_entry(const struct yg_flow_table *table, struct yg_flow_hash *hash)
{
	fetch_entry(table, hash);
}

bool yg_flow_prefetch_either(const struct yg_flow_table *table, struct yg_flow_hash *hash, uint16_t stamp)
{
	if (fetch_entry(table, hash))
		return true;
	uint32_t entry = oldest_embryonic(table, hash, stamp);
	hash->victim = entry;
	if (entry == YG_NO_RECORD)
		return false;
	const struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	hash->victim_tag = b->tag[entry % YG_BUCKET];
	hash->victim_at = (uint16_t)b->embryonic[0] != entry % YG_BUCKET + 1;
	__builtin_prefetch(&table->entries[entry], 1);
	return false;
}

uint32_t yg_flow_victim(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	uint32_t entry = hash->victim;
	if (entry == YG_NO_RECORD)
		return entry;
	const struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned place = entry % YG_BUCKET;
	bool same = (b->tag[place] == hash->victim_tag) & ((uint16_t)b->embryonic[hash->victim_at] == place + 1);
	return same ? entry : YG_NO_RECORD;
}

uint16_t yg_flow_victim_noted(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	return table->bucket[hash->victim / YG_BUCKET].note[hash->victim_at];
}

void yg_flow_prefetch_record(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	if (hash->guess == YG_NO_RECORD)
		return;
	uint32_t record = table->entries[hash->guess].record;
	if (record < table->records)
		__builtin_prefetch(&table->record[record], 1);
}

uint32_t yg_flow_slots(const struct yg_flow_table *table)
{
	return table->options.slots;
}

unsigned yg_flow_partition_of_entry(const struct yg_flow_table *table, uint32_t entry)
{
	return entry / YG_BUCKET >> table->bucket_shift;
}

bool yg_flow_guessed(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key)
{
	uint32_t entry = hash->guess;
	return entry != YG_NO_RECORD && table->bucket[entry / YG_BUCKET].tag[entry % YG_BUCKET] == hash->tag &&
	       is_same(&table->entries[entry].key, key);
}

bool yg_flow_absent(const struct yg_flow_table *table, const struct yg_flow_hash *hash)
{
	return !places_of(table, hash);
}

static uint32_t find_in_both(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key)
{
	uint32_t entry;
	for (unsigned places = places_of(table, hash); places; places &= places - 1) {
		entry = lowest_of(hash, places);
		if (is_same(&table->entries[entry].key, key))
			return entry;
	}
	return YG_NO_RECORD;
}

uint32_t yg_flow_find(const struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key)
{
	return yg_flow_guessed(table, hash, key) ? hash->guess : find_in_both(table, hash, key);
}

// ---- who is embryonic ----

static void set_bits(struct yg_flow_table *table, uint32_t entry, bool on)
{
	uint64_t *word = &table->embryonic[entry / 64];
	uint64_t bit = UINT64_C(1) << (entry % 64);
	*word = on ? *word | bit : *word & ~bit;
	uint64_t *summary = &table->summary[entry / 64 / 64];
	uint64_t summary_bit = UINT64_C(1) << (entry / 64 % 64);
	*summary = *word ? *summary | summary_bit : *summary & ~summary_bit;
}

static void begin_embryonic(struct yg_flow_table *table, uint32_t entry, struct yg_time now)
{
	struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned at = embryonic_at(b, 0);
	if (at == YG_BUCKET_EMBRYONIC)
		return; // yg_flow_place sees to it that there is room
	b->embryonic[at] = yg_flow_embryonic(table, entry, now);
	b->note[at] = YG_NOTE_NONE;
	set_bits(table, entry, true);
}

void yg_flow_end_embryonic(struct yg_flow_table *table, uint32_t entry)
{
	struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned at = embryonic_at(b, entry % YG_BUCKET + 1);
	if (at == YG_BUCKET_EMBRYONIC)
		return;
	b->embryonic[at] = 0;
	set_bits(table, entry, false);
}

void yg_flow_note(struct yg_flow_table *table, uint32_t entry, uint16_t note)
{
	struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned at = embryonic_at(b, entry % YG_BUCKET + 1);
	if (at < YG_BUCKET_EMBRYONIC)
		b->note[at] = note;
}

uint16_t yg_flow_noted(const struct yg_flow_table *table, uint32_t entry)
{
	const struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned at = embryonic_at(b, entry % YG_BUCKET + 1);
	return at < YG_BUCKET_EMBRYONIC ? b->note[at] : YG_NOTE_NONE;
}

void yg_flow_touch(struct yg_flow_table *table, uint32_t entry, struct yg_time now)
{
	struct yg_flow_bucket *b = &table->bucket[entry / YG_BUCKET];
	unsigned at = embryonic_at(b, entry % YG_BUCKET + 1);
	if (at < YG_BUCKET_EMBRYONIC)
		b->embryonic[at] = yg_flow_embryonic(table, entry, now);
}

uint8_t yg_flow_rank(const struct yg_flow_table *table, uint32_t entry)
{
	uint32_t record = table->entries[entry].record;
	return record == YG_NO_RECORD ? YG_RANK_EMBRYONIC : yg_record_rank(&table->record[record]);
}

struct yg_time yg_flow_last_seen(const struct yg_flow_table *table, uint32_t entry)
{
	const struct yg_flow_entry *e = &table->entries[entry];
	if (e->record != YG_NO_RECORD)
		return yg_record_last(&table->record[e->record], e->first_ns);
	return yg_time_ns(e->first_ns + e->last_ms * YG_NS_PER_MS);
}

int64_t yg_flow_idle_least(const struct yg_flow_table *table)
{
	int64_t least = table->options.idle_ns[0];
	for (unsigned rank = 1; rank < YG_RANK_COUNT; rank++)
		least = table->options.idle_ns[rank] < least ? table->options.idle_ns[rank] : least;
	return least;
}

struct yg_time yg_flow_deadline(const struct yg_flow_table *table, uint32_t entry)
{
	const struct yg_flow_entry *e = &table->entries[entry];
	if (e->record == YG_NO_RECORD)
		return yg_time_ns(e->first_ns + e->last_ms * YG_NS_PER_MS + table->options.idle_ns[YG_RANK_EMBRYONIC]);
	const struct yg_flow_record *r = &table->record[e->record];
	unsigned state = yg_record_state(r);
	// A connection that is over stays for its stragglers only.
	unsigned rank = state == YG_TCP_CLOSED || state == YG_TCP_RESET ? YG_RANK_EMBRYONIC : yg_record_rank(r);
	return yg_time_ns(yg_record_last(r, e->first_ns).ns + table->options.idle_ns[rank]);
}

// ---- a place for a new flow ----

struct bucket_look {
	uint32_t free;      // a free place, or YG_NO_RECORD
	unsigned used, embryonic;
};

static inline struct bucket_look look_at(const struct yg_flow_table *table, uint32_t bucket)
{
	const struct yg_flow_bucket *b = &table->bucket[bucket];
	struct bucket_look look = {YG_NO_RECORD, 0, !!b->embryonic[0] + !!b->embryonic[1]};
	unsigned free = free_places(b);
	if (free)
		look.free = bucket * YG_BUCKET + (uint32_t)__builtin_ctz(free);
	for (look.used = YG_BUCKET; free; free &= free - 1)
		look.used--;
	return look;
}

// Where nobody is embryonic: the one that goes has the lowest rank, then the longest idle time, then the lowest place.
static void weigh(const struct yg_flow_table *table, uint32_t bucket, uint32_t *best)
{
	for (uint32_t i = 0; i < YG_BUCKET; i++) {
		uint32_t entry = bucket * YG_BUCKET + i;
		if (!table->bucket[bucket].tag[i])
			continue;
		if (*best == YG_NO_RECORD) {
			*best = entry;
			continue;
		}
		uint8_t rank = yg_flow_rank(table, entry), best_rank = yg_flow_rank(table, *best);
		if (rank < best_rank || (rank == best_rank && yg_time_before(yg_flow_last_seen(table, entry), yg_flow_last_seen(table, *best))))
			*best = entry;
	}
}

static uint32_t choose_victim(const struct yg_flow_table *table, const struct yg_flow_hash *hash, struct yg_time now)
{
	uint32_t victim = oldest_embryonic(table, hash, yg_flow_stamp(table, now));
	if (victim != YG_NO_RECORD)
		return victim;
	weigh(table, hash->bucket, &victim);
	if (hash->bucket2 != hash->bucket)
		weigh(table, hash->bucket2, &victim);
	return victim;
}

static inline void fill_entry(struct yg_flow_entry *e, const struct yg_flow_key *key, struct yg_time now)
{
	enum { BEHIND = offsetof(struct yg_flow_entry, record) };
	e->key = *key;
	e->first_ns = now.ns;
	memset((uint8_t *)e + BEHIND, 0, sizeof *e - BEHIND);
	e->record = YG_NO_RECORD;
	e->flags = YG_ENTRY_USED;
}

static uint32_t occupy(struct yg_flow_table *table, uint32_t entry, uint16_t tag, const struct yg_flow_key *key, struct yg_time now)
{
	table->bucket[entry / YG_BUCKET].tag[entry % YG_BUCKET] = tag;
	fill_entry(&table->entries[entry], key, now);
	begin_embryonic(table, entry, now);
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
	*ret_victim = choose_victim(table, hash, now);
	return YG_NO_RECORD;
}

void yg_flow_replace(struct yg_flow_table *table, uint32_t victim, const struct yg_flow_hash *hash, const struct yg_flow_key *key,
		     struct yg_time now, uint16_t note)
{
	struct yg_flow_bucket *b = &table->bucket[victim / YG_BUCKET];
	unsigned at = embryonic_at(b, victim % YG_BUCKET + 1);
	b->tag[victim % YG_BUCKET] = hash->tag;
	if (at < YG_BUCKET_EMBRYONIC) {
		b->embryonic[at] = yg_flow_embryonic(table, victim, now);
		b->note[at] = note;
	}
	fill_entry(&table->entries[victim], key, now);
}

struct yg_flow_entry *yg_flow_succeed(struct yg_flow_table *table, const struct yg_flow_hash *hash, const struct yg_flow_key *key,
				      struct yg_time now, uint16_t note)
{
	uint32_t victim = hash->victim;
	struct yg_flow_bucket *b = &table->bucket[victim / YG_BUCKET];
	struct yg_flow_entry *e = &table->entries[victim];
	b->tag[victim % YG_BUCKET] = hash->tag;
	b->embryonic[hash->victim_at] = yg_flow_embryonic(table, victim, now);
	b->note[hash->victim_at] = note;
	fill_entry(e, key, now);
	return e;
}
