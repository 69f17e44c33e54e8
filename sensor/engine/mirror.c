// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See mirror.h. The window of packets is cut by partition, so that a replay finds the same duplicates with any number of workers. A place
// holds a hash, the time of the first copy and how many there were, in eight bytes; a bucket is a cache line, and its oldest place goes.
//
// Of a direction of a connection the table keeps the highest byte seen and the holes below it. Everything that is compared is a difference
// of sequence numbers: they wrap, and what differs by more than a window can be is forged or follows a long loss; then the direction
// begins anew.
#include "engine/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"

enum {
	WAYS = 8,
	BUCKETS = YG_MIRROR_WINDOW / WAYS,
	PARTITION_BUCKETS = BUCKETS / YG_PARTITIONS,
	BEHIND_IP = 24,           // bytes behind the IP header that are hashed
	SLICES = 16,              // in a second
	SLICE_MS = 62,            // in which that many at most, then every second, fourth, … of them
	LOOKUPS_MAX = 8192,
	SEGMENTS_MAX = 4096,
	SAMPLE_BITS = 12,         // of fingerprint and tag, that may thin out
	HOLES = 3,
	REORDER_US = 3000,
	ADVANCE_MAX = 65536,      // bytes that one ACK counts
	ACKS_MAX = 256,           // of a connection, in a period
	JUMP_MAX = 1 << 22,       // bytes: more is no window, but a new beginning
	FLOW_IDLE_S = 10,
	CLOSED = 0xffffff,        // bits of which hardly a fingerprint has none; a tag always has one
};

// A packet: hash 38 bits, time 24 bits (2^17 ns), copies - 1 in 2 bits, whose highest two values go on by turns.
enum { COPIES_BITS = 2, TIME_BITS = 24, TIME_SHIFT = 17 };
#define WINDOW_UNITS (YG_MIRROR_WINDOW_MS * YG_NS_PER_MS >> TIME_SHIFT)

struct hole {
	uint32_t from, to, at_us;
};

struct side {
	uint32_t high, acked;       // highest byte seen + 1; highest ACK for it
	uint32_t gap_from, gap_to;  // the last that was counted
	struct hole holes[HOLES];
	uint8_t count, seen, was_acked;
};

struct connection {
	uint32_t digest;
	int32_t second, period;     // last seen; of `acks` and `gap`
	uint16_t acks;
	bool gap;
	struct side side[2];
} __attribute__((aligned(128)));

// What was looked at in the slice of time at hand, and how many bits must be zero.
struct budget {
	int64_t from_ns;
	uint32_t used, used_in_second;
	unsigned bits;
};

struct yg_mirror {
	struct yg_mirror_gates gates; // first, see mirror.h
	struct yg_mirror_options o;
	struct yg_mix_key mix;
	bool suppress;
	int64_t second, period;
	uint64_t pairs[YG_PAIR_PLACES];
	struct budget packets, segments;
	uint64_t *window;
	struct connection *connections;
};

static void count(struct yg_mirror *m, enum yg_worker_counter counter, uint64_t n)
{
	yg_counter_add(&m->o.stats->c[counter], n);
}

struct yg_mirror *yg_mirror_create(const struct yg_mirror_options *options)
{
	bool suppress = yg_config_int(options->config, YG_O_CAPTURE_DEDUPLICATE);
	errno = 0;
	if (options->replay && !suppress)
		return NULL;
	struct yg_mirror *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->o = *options;
	m->suppress = suppress;
	yg_mix_key_derive(&options->key, &m->mix);
	m->window = yg_memory_reserve(sizeof *m->window * YG_MIRROR_WINDOW);
	bool watched = !options->replay && yg_config_int(options->config, YG_O_EGRESS_MIRROR) == 0;
	m->connections = watched ? yg_memory_reserve(sizeof *m->connections * YG_MIRROR_FLOWS) : NULL;
	m->gates.flows = watched ? 0 : (uint16_t)CLOSED;
	if (m->window && (m->connections || !watched))
		return m;
	yg_mirror_destroy(m);
	errno = ENOMEM;
	return NULL;
}

void yg_mirror_destroy(struct yg_mirror *m)
{
	if (!m)
		return;
	yg_memory_release(m->window, sizeof *m->window * YG_MIRROR_WINDOW);
	if (m->connections)
		yg_memory_release(m->connections, sizeof *m->connections * YG_MIRROR_FLOWS);
	free(m);
}

// Called for what is looked at alone, so what is passed by costs nothing. Twice as few as soon as it is too much, twice as many after a
// slice with less than a quarter of that.
static unsigned spend(struct budget *b, int64_t now_ns, uint32_t most)
{
	if (now_ns - b->from_ns >= SLICE_MS * YG_NS_PER_MS || now_ns < b->from_ns) {
		if (b->bits && b->used < most / 4)
			b->bits--;
		b->from_ns = now_ns;
		b->used = 0;
	}
	if (++b->used > most && b->bits < SAMPLE_BITS) {
		b->bits++;
		b->used = most / 2;
	}
	// Equal packets are sampled all or none: beyond the share of a second, none until the next.
	return ++b->used_in_second > SLICES * most ? CLOSED : (1u << b->bits) - 1;
}

static unsigned next_second(struct budget *b)
{
	b->used_in_second = 0;
	return (1u << b->bits) - 1;
}

// ---- duplicates ----

// 0 when the packet is none that can be told from others.
static uint64_t digest_of(const struct yg_mirror *m, const struct yg_view *v)
{
	struct {
		struct yg_addr src, dst;
	} pair = {v->src, v->dst};
	struct {
		uint64_t pair;
		uint32_t id, ip_bytes;
		uint8_t behind[BEHIND_IP];
	} whole = {.pair = yg_mix32(&m->mix, &pair), .ip_bytes = v->ip_bytes};
	uint32_t from = v->l4;
	if (v->end == YG_DECODE_FRAGMENT) {
		from = v->l3 + v->frag_header_len;
		whole.id = v->frag_id ^ (uint32_t)v->frag_offset << 16;
	} else if (v->end != YG_DECODE_DECODED) {
		return 0;
	} else if (v->af == 4 && v->caplen - v->l3 >= 8) {
		memcpy(&whole.id, v->data + v->l3 + 4, 2);
	} else if (v->af == 6 && v->caplen - v->l3 >= 8) {
		memcpy(&whole.id, v->data + v->l3, 4); // flow label
	}
	uint32_t there = from < v->caplen ? v->caplen - from : 0;
	memcpy(whole.behind, v->data + from, there < BEHIND_IP ? there : BEHIND_IP);
	uint64_t prefix;
	return yg_mix40(&m->mix, &whole, &prefix);
}

// The place of the packet's first copy, or the one that it takes. *ret_found: the former.
static uint64_t *place_of(struct yg_mirror *m, uint64_t *bucket, uint64_t hash, uint64_t now, bool *ret_found)
{
	uint64_t oldest_age = 0, *oldest = bucket;
	*ret_found = false;
	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t age = (now - (bucket[i] >> COPIES_BITS)) & ((1u << TIME_BITS) - 1);
		if (!bucket[i])
			age = (1u << TIME_BITS) - 1;
		if (bucket[i] >> (COPIES_BITS + TIME_BITS) == hash && age <= (uint64_t)WINDOW_UNITS && bucket[i]) {
			*ret_found = true;
			return &bucket[i];
		}
		if (age > oldest_age) {
			oldest_age = age;
			oldest = &bucket[i];
		}
	}
	if (oldest_age <= (uint64_t)WINDOW_UNITS)
		count(m, YG_WC_MIRROR_WINDOW_FULL, 1);
	return oldest;
}

bool yg_mirror_look_up(struct yg_mirror *m, const struct yg_view *v, unsigned partition)
{
	uint64_t digest = digest_of(m, v);
	if (!digest)
		return false;
	if (!m->suppress)
		m->gates.packets = spend(&m->packets, v->time.ns, LOOKUPS_MAX);
	count(m, YG_WC_MIRROR_PACKETS, 1);
	uint64_t now = (uint64_t)v->time.ns >> TIME_SHIFT & ((1u << TIME_BITS) - 1), hash = digest >> (COPIES_BITS + TIME_BITS);
	uint64_t *bucket = m->window + WAYS * (partition * (size_t)PARTITION_BUCKETS + digest % PARTITION_BUCKETS);
	bool found;
	uint64_t *place = place_of(m, bucket, hash, now, &found);
	if (!found) {
		*place = hash << (COPIES_BITS + TIME_BITS) | now << COPIES_BITS;
		return false;
	}
	unsigned copies = *place & 3; // before this one, less one
	*place = (*place & ~UINT64_C(3)) | (copies == 3 ? 2 : copies + 1);
	if (copies < 2) // the third takes back what the second was counted as
		count(m, copies == 0 ? YG_WC_MIRROR_DUPLICATES : YG_WC_MIRROR_REPEATED, 1);
	bool second_copy = copies == 0 || copies == 2;
	if (!m->suppress || !second_copy)
		return false;
	count(m, v->end == YG_DECODE_DECODED ? YG_WC_MIRROR_SUPPRESSED : YG_WC_MIRROR_SUPPRESSED_BARE, 1);
	return true;
}

// ---- gaps and order ----

static int32_t after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static bool is_near(uint32_t a, uint32_t b)
{
	return after(a, b) < JUMP_MAX && after(b, a) < JUMP_MAX;
}

static void begin_side(struct side *s, uint32_t high)
{
	*s = (struct side){.high = high, .gap_from = high, .gap_to = high, .seen = 1};
}

static void add_hole(struct yg_mirror *m, struct side *s, uint32_t from, uint32_t to, uint32_t now_us)
{
	if (s->count == HOLES) { // the oldest is forgotten: it is neither lost nor found
		count(m, YG_WC_MIRROR_HOLES_FULL, 1);
		memmove(s->holes, s->holes + 1, sizeof s->holes - sizeof s->holes[0]);
		s->count--;
	}
	s->holes[s->count++] = (struct hole){from, to, now_us};
}

static void drop_hole(struct side *s, unsigned i)
{
	memmove(s->holes + i, s->holes + i + 1, sizeof s->holes[0] * (s->count - i - 1u));
	s->count--;
}

// A segment below what has been seen: it fills a hole, or comes once more.
static void fill_hole(struct yg_mirror *m, struct side *s, uint32_t from, uint32_t to, uint32_t now_us)
{
	if (s->gap_from != s->gap_to && after(from, s->gap_from) >= 0 && after(to, s->gap_to) <= 0) {
		// The ACK overtook it, on the way through two ports: nothing was missing.
		count(m, YG_WC_MIRROR_GAPS_FILLED, to - from);
		count(m, YG_WC_MIRROR_REORDERED, 1);
		s->gap_from = to;
		return;
	}
	for (unsigned i = 0; i < s->count; i++) {
		struct hole *h = &s->holes[i];
		if (after(to, h->from) <= 0 || after(from, h->to) >= 0)
			continue;
		if (now_us - h->at_us <= REORDER_US)
			count(m, YG_WC_MIRROR_REORDERED, 1);
		if (after(from, h->from) <= 0)
			h->from = after(to, h->to) < 0 ? to : h->to;
		else
			h->to = from;
		if (h->from == h->to)
			drop_hole(s, i);
		return;
	}
}

static void take_data(struct yg_mirror *m, struct side *s, uint32_t from, uint32_t to, uint32_t now_us)
{
	if (!s->seen || !is_near(from, s->high)) {
		begin_side(s, to);
		return;
	}
	if (from == to)
		return;
	count(m, YG_WC_MIRROR_SEGMENTS, 1);
	if (after(from, s->high) > 0)
		add_hole(m, s, s->high, from, now_us);
	else if (after(to, s->high) <= 0)
		fill_hole(m, s, from, to, now_us);
	if (after(to, s->high) > 0)
		s->high = to;
}

static void count_gap(struct yg_mirror *m, struct connection *c, struct side *s, uint32_t from, uint32_t to, uint32_t most)
{
	uint32_t bytes = to - from;
	count(m, YG_WC_MIRROR_GAPS, 1);
	count(m, YG_WC_MIRROR_GAP_BYTES, bytes < most ? bytes : most);
	if (!c->gap)
		count(m, YG_WC_MIRROR_GAP_FLOWS, 1);
	c->gap = true;
	s->gap_from = from;
	s->gap_to = bytes <= most ? to : from; // what was cut short is not taken back
}

// What the other side acknowledges of `s` was sent, whether we saw it or not.
static void take_ack(struct yg_mirror *m, struct connection *c, struct side *s, uint32_t ack)
{
	if (!s->seen || !is_near(ack, s->high))
		return;
	uint32_t advance = s->was_acked && after(ack, s->acked) > 0 ? ack - s->acked : 0;
	bool first = !s->was_acked;
	if (first || advance)
		s->acked = ack;
	s->was_acked = 1;
	bool counts = advance && c->acks < ACKS_MAX;
	advance = advance < ADVANCE_MAX ? advance : ADVANCE_MAX;
	if (counts) {
		c->acks++;
		count(m, YG_WC_MIRROR_ACKED, advance);
	}
	while (s->count && after(ack, s->holes[0].to) >= 0) {
		if (counts)
			count_gap(m, c, s, s->holes[0].from, s->holes[0].to, advance);
		drop_hole(s, 0);
	}
	if (after(ack, s->high) <= 0)
		return;
	if (counts)
		count_gap(m, c, s, s->high, ack, advance);
	s->high = ack;
}

// The connection's place, or NULL when another one that is not idle has it.
static struct connection *connection_of(struct yg_mirror *m, const struct yg_flow_hash *hash)
{
	uint32_t digest = hash->bucket2 ^ (uint32_t)hash->tag << 16 ^ hash->bucket * 2654435761u;
	struct connection *c = &m->connections[(digest * 2246822519u) >> 20];
	_Static_assert(YG_MIRROR_FLOWS == 1 << 12, "twelve bits of the product");
	if (c->second && c->digest != digest && m->second - c->second < FLOW_IDLE_S) {
		count(m, YG_WC_MIRROR_FLOWS_FULL, 1);
		return NULL;
	}
	if (!c->second || c->digest != digest)
		*c = (struct connection){.digest = digest};
	if (c->period != (int32_t)m->period) {
		c->acks = 0;
		c->gap = false;
	}
	c->period = (int32_t)m->period;
	c->second = (int32_t)m->second;
	return c;
}

void yg_mirror_segment(struct yg_mirror *m, const struct yg_view *v, const struct yg_flow_hash *hash, unsigned end)
{
	m->gates.flows = (uint16_t)spend(&m->segments, v->time.ns, SEGMENTS_MAX);
	if (v->flags & YG_VIEW_REASSEMBLED || v->tcp_flags & YG_TCP_RST)
		return;
	struct connection *c = connection_of(m, hash);
	if (!c)
		return;
	uint32_t header = v->payload - v->l3, bytes = v->ip_bytes > header ? v->ip_bytes - header : 0;
	uint32_t taken = bytes + !!(v->tcp_flags & YG_TCP_SYN) + !!(v->tcp_flags & YG_TCP_FIN);
	take_data(m, &c->side[end], v->tcp_seq, v->tcp_seq + taken, (uint32_t)(v->time.ns / 1000));
	if (v->tcp_flags & YG_TCP_ACK)
		take_ack(m, c, &c->side[!end], v->tcp_ack);
}

// ---- pairs, and seconds ----

void yg_mirror_flow(struct yg_mirror *m, const struct yg_flow_key *key)
{
	if (!m->o.several || m->o.replay)
		return;
	// Not yg_mix: these values are seen.
	uint64_t hash = yg_hash(&m->o.key, key, sizeof *key) | 1, *lowest = &m->pairs[hash >> 1 & (YG_PAIR_PLACES - 1)];
	if (!*lowest || hash < *lowest)
		*lowest = hash;
}

static void show_pairs(struct yg_mirror *m)
{
	for (unsigned i = 0; i < YG_PAIR_PLACES; i++)
		yg_counter_set(&m->o.stats->pairs[i], m->pairs[i]);
	yg_counter_publish(&m->o.stats->pairs_period, (uint64_t)m->period);
	memset(m->pairs, 0, sizeof m->pairs);
}

void yg_mirror_second(struct yg_mirror *m, int64_t second)
{
	if (!m || m->o.replay)
		return;
	if (!m->suppress)
		m->gates.packets = next_second(&m->packets);
	if (m->connections)
		m->gates.flows = (uint16_t)next_second(&m->segments);
	m->second = second;
	if (second / YG_MIRROR_PERIOD_S != m->period) {
		if (m->period && m->o.several)
			show_pairs(m);
		m->period = second / YG_MIRROR_PERIOD_S;
	}
}
