// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Four arrays, one a second, taken in turn. Answers are gathered only when a detector asks: a pass over the sample into a counting table
// of fixed size for the sources, a second one into the same table for the targets.
#include "engine/sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"

enum { COUNT_CELLS = 1 << 20 }; // at least twice the packets of four seconds

enum { SIZE_CLASS = 64, SIZE_CLASSES = 24 };

#define FINE 4294967296.0 // entropies are sums of terms rounded to 2^-32: whole numbers add up to the same in any order

struct counted {
	struct yg_addr addr;
	uint64_t bytes;
	uint32_t packets;
	uint32_t stamp; // of the pass, twice, plus 1 for version 6
};

struct ports {
	uint32_t packets[65536], stamp[65536];
};

struct yg_sample_store {
	struct yg_sample *packets[YG_SAMPLE_SECONDS];
	uint32_t count[YG_SAMPLE_SECONDS];
	int32_t second[YG_SAMPLE_SECONDS];
	uint64_t total[YG_SAMPLE_SECONDS]; // packets that went by; 0: not said
	struct counted *counted;
	uint32_t *distinct; // cells of the addresses counted in this pass
	struct yg_mix_key mix;
	uint32_t stamp;
	struct ports source_ports, target_ports;
	uint32_t sizes[65536];
};

struct yg_sample_store *yg_sample_create(const struct yg_hash_key *key)
{
	struct yg_sample_store *store = yg_memory_reserve(sizeof *store);
	if (!store)
		return NULL;
	yg_mix_key_derive(key, &store->mix);
	store->counted = yg_memory_reserve(sizeof *store->counted * COUNT_CELLS);
	store->distinct = yg_memory_reserve(sizeof *store->distinct * COUNT_CELLS / 2);
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		store->second[i] = INT32_MIN;
		store->packets[i] = yg_memory_reserve(sizeof **store->packets * YG_SAMPLE_PER_SECOND);
		if (!store->packets[i] || !store->counted || !store->distinct) {
			yg_sample_destroy(store);
			errno = ENOMEM;
			return NULL;
		}
	}
	return store;
}

void yg_sample_destroy(struct yg_sample_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++)
		yg_memory_release(store->packets[i], sizeof **store->packets * YG_SAMPLE_PER_SECOND);
	yg_memory_release(store->counted, sizeof *store->counted * COUNT_CELLS);
	yg_memory_release(store->distinct, sizeof *store->distinct * COUNT_CELLS / 2);
	yg_memory_release(store, sizeof *store);
}

static void begin_second(struct yg_sample_store *store, unsigned i, int32_t second)
{
	if (store->second[i] == second)
		return;
	store->second[i] = second;
	store->count[i] = 0;
	store->total[i] = 0;
}

void yg_sample_total(struct yg_sample_store *store, int64_t second, uint64_t packets)
{
	unsigned i = (unsigned)(int32_t)second % YG_SAMPLE_SECONDS;
	begin_second(store, i, (int32_t)second);
	store->total[i] = packets;
}

uint32_t yg_sample_add(struct yg_sample_store *store, const struct yg_sample *samples, uint32_t count)
{
	int32_t second = samples->second;
	unsigned i = (unsigned)second % YG_SAMPLE_SECONDS;
	begin_second(store, i, second);
	uint32_t run = 0, room = YG_SAMPLE_PER_SECOND - store->count[i];
	struct yg_sample *to = store->packets[i] + store->count[i];
	for (; run < count && run < room && samples[run].second == second; run++)
		to[run] = samples[run];
	store->count[i] += run;
	while (run < count && samples[run].second == second)
		run++; // beyond what a second holds
	return run;
}

static bool within(const struct yg_addr *addr, const struct yg_addr *prefix, unsigned len)
{
	unsigned bytes = len / 8, bits = len % 8;
	if (memcmp(addr, prefix, bytes) != 0)
		return false;
	return !bits || (uint8_t)((addr->b[bytes] ^ prefix->b[bytes]) >> (8 - bits)) == 0;
}

static bool matches(const struct yg_question *q, const struct yg_sample *s)
{
	if (q->af && s->af != q->af)
		return false;
	if ((q->vectors && !(q->vectors >> s->vector & 1)) || (q->proto && s->proto != q->proto))
		return false;
	if ((q->source_port && s->sport != q->source_port) || (q->target_port && s->dport != q->target_port))
		return false;
	return !q->af || within(q->by_source ? &s->src : &s->dst, &q->addr, q->len);
}

static void count_address(struct yg_sample_store *store, const struct yg_addr *addr, const struct yg_sample *s, uint32_t *distinct)
{
	const uint64_t key[3] = {yg_mix_word(addr, 0), yg_mix_word(addr, 1), s->af};
	uint32_t stamp = store->stamp * 2 + (s->af == 6);
	uint32_t c = (uint32_t)yg_mix24(&store->mix, key) % COUNT_CELLS;
	for (; store->counted[c].stamp / 2 == store->stamp; c = (c + 1) % COUNT_CELLS) {
		struct counted *k = &store->counted[c];
		if (k->stamp == stamp && memcmp(&k->addr, addr, sizeof *addr) == 0) {
			k->packets++;
			k->bytes += s->bytes;
			return;
		}
	}
	store->counted[c] = (struct counted){*addr, s->bytes, 1, stamp};
	store->distinct[(*distinct)++] = c;
}

static void count_port(const struct yg_sample_store *store, struct ports *ports, uint16_t port)
{
	if (ports->stamp[port] != store->stamp) {
		ports->stamp[port] = store->stamp;
		ports->packets[port] = 0;
	}
	ports->packets[port]++;
}

static bool is_fresh(const struct yg_sample_store *store, unsigned i, int64_t second)
{
	int64_t age = (int32_t)second - (int64_t)store->second[i];
	return age >= 0 && age < YG_SAMPLE_SECONDS;
}

static void begin_pass(struct yg_sample_store *store)
{
	if (++store->stamp <= UINT32_MAX / 2)
		return;
	store->stamp = 1; // no cell may look as if it were of this pass
	memset(store->counted, 0, sizeof *store->counted * COUNT_CELLS);
	memset(&store->source_ports, 0, sizeof store->source_ports);
	memset(&store->target_ports, 0, sizeof store->target_ports);
}

// The first pass: everything but the targets.
static void count_sources(struct yg_sample_store *store, int64_t second, const struct yg_question *q, struct yg_answer *ret)
{
	memset(store->sizes, 0, sizeof store->sizes);
	begin_pass(store);
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		for (uint32_t n = 0; is_fresh(store, i, second) && n < store->count[i]; n++) {
			const struct yg_sample *s = &store->packets[i][n];
			if (!matches(q, s))
				continue;
			ret->packets++;
			ret->bytes += s->bytes;
			count_address(store, &s->src, s, &ret->sources_at_least);
			count_port(store, &store->source_ports, s->sport);
			count_port(store, &store->target_ports, s->dport);
			store->sizes[s->bytes]++;
		}
	}
}

static void count_targets(struct yg_sample_store *store, int64_t second, const struct yg_question *q, uint32_t *ret_distinct)
{
	begin_pass(store);
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		for (uint32_t n = 0; is_fresh(store, i, second) && n < store->count[i]; n++) {
			const struct yg_sample *s = &store->packets[i][n];
			if (matches(q, s))
				count_address(store, &s->dst, s, ret_distinct);
		}
	}
}

static bool goes_before(const struct counted *a, const struct counted *b)
{
	if (a->packets != b->packets)
		return a->packets > b->packets;
	if ((a->stamp & 1) != (b->stamp & 1))
		return (a->stamp & 1) < (b->stamp & 1);
	return memcmp(&a->addr, &b->addr, sizeof a->addr) < 0;
}

static uint8_t top_addresses(const struct yg_sample_store *store, uint32_t distinct, uint32_t packets, struct yg_alert_top *ret)
{
	const struct counted *top[YG_TOP_MAX];
	unsigned count = 0;
	for (uint32_t n = 0; n < distinct; n++) {
		const struct counted *c = &store->counted[store->distinct[n]];
		unsigned at = count;
		while (at && goes_before(c, top[at - 1]))
			at--;
		if (at == YG_TOP_MAX)
			continue;
		unsigned last = count < YG_TOP_MAX ? count++ : YG_TOP_MAX - 1;
		for (; last > at; last--)
			top[last] = top[last - 1];
		top[at] = c;
	}
	for (unsigned i = 0; i < count; i++)
		ret[i] = (struct yg_alert_top){.addr = top[i]->addr, .af = top[i]->stamp & 1 ? 6 : 4,
					       .share = (float)top[i]->packets / (float)packets};
	return (uint8_t)count;
}

static uint8_t top_ports(const struct yg_sample_store *store, const struct ports *ports, uint32_t all, struct yg_port_share *ret)
{
	uint32_t packets[YG_TOP_MAX] = {0};
	unsigned count = 0;
	for (uint32_t port = 0; port < 65536; port++) {
		if (ports->stamp[port] != store->stamp)
			continue;
		unsigned i = count;
		while (i && packets[i - 1] < ports->packets[port])
			i--;
		if (i == YG_TOP_MAX)
			continue;
		unsigned last = count < YG_TOP_MAX ? count++ : YG_TOP_MAX - 1;
		for (; last > i; last--) {
			ret[last].port = ret[last - 1].port;
			packets[last] = packets[last - 1];
		}
		ret[i].port = (uint16_t)port;
		packets[i] = ports->packets[port];
	}
	for (unsigned i = 0; i < count; i++)
		ret[i].share = (float)packets[i] / (float)all;
	return (uint8_t)count;
}

static uint16_t median_size(const struct yg_sample_store *store, uint32_t packets)
{
	uint32_t seen = 0;
	for (uint32_t size = 0; size < 65536; size++) {
		seen += store->sizes[size];
		if (seen * 2 >= packets)
			return (uint16_t)size;
	}
	return 0;
}

// -p log2 p, in units of 2^-32 bits.
static int64_t surprise(double part, double whole)
{
	double p = part / whole;
	return p > 0 ? llround(-p * log2(p) * FINE) : 0;
}

static float size_entropy(const struct yg_sample_store *store, uint32_t packets)
{
	uint32_t classes[SIZE_CLASSES] = {0};
	int64_t sum = 0;
	for (uint32_t size = 0; size < 65536; size++)
		classes[size / SIZE_CLASS < SIZE_CLASSES ? size / SIZE_CLASS : SIZE_CLASSES - 1] += store->sizes[size];
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		sum += surprise(classes[i], packets);
	return (float)((double)sum / FINE / log2(SIZE_CLASSES));
}

static float target_entropy(const struct yg_sample_store *store, uint32_t distinct, uint64_t bytes)
{
	int64_t sum = 0;
	if (distinct < 2 || !bytes)
		return 0;
	for (uint32_t n = 0; n < distinct; n++)
		sum += surprise((double)store->counted[store->distinct[n]].bytes, (double)bytes);
	return (float)((double)sum / FINE / log2(distinct));
}

// Where seconds were sampled at different rates: all that went by over all that was kept.
static double scale_of(const struct yg_sample_store *store, int64_t second)
{
	uint64_t total = 0, kept = 0;
	for (unsigned i = 0; i < YG_SAMPLE_SECONDS; i++) {
		if (!is_fresh(store, i, second))
			continue;
		kept += store->count[i];
		total += store->total[i] > store->count[i] ? store->total[i] : store->count[i];
	}
	return kept ? (double)total / (double)kept : 1;
}

static void answer(struct yg_sample_store *store, int64_t second, const struct yg_question *q, struct yg_answer *ret)
{
	count_sources(store, second, q, ret);
	ret->scale = scale_of(store, second);
	if (!ret->packets)
		return;
	ret->sources_count = top_addresses(store, ret->sources_at_least, ret->packets, ret->sources);
	ret->source_ports_count = top_ports(store, &store->source_ports, ret->packets, ret->source_ports);
	ret->target_ports_count = top_ports(store, &store->target_ports, ret->packets, ret->target_ports);
	ret->size_median = median_size(store, ret->packets);
	ret->size_entropy = size_entropy(store, ret->packets);
	if (!q->by_source && q->af && q->len == (q->af == 4 ? 32 : 128)) { // the only one there can be
		ret->targets_at_least = ret->targets_count = 1;
		ret->targets[0] = (struct yg_alert_top){.addr = q->addr, .af = q->af, .share = 1};
		return;
	}
	count_targets(store, second, q, &ret->targets_at_least);
	ret->targets_count = top_addresses(store, ret->targets_at_least, ret->packets, ret->targets);
	ret->target_entropy = target_entropy(store, ret->targets_at_least, ret->bytes);
}

void yg_sample_ask(struct yg_sample_store *store, int64_t second, const struct yg_question *question, struct yg_answer *ret)
{
	struct yg_question q = {0};
	struct yg_answer full = {0};
	uint32_t asked = question->size < sizeof q ? question->size : sizeof q;
	uint32_t known = ret->size < sizeof full ? ret->size : sizeof full;
	memcpy(&q, question, asked);
	uint8_t most = q.af == 4 ? 32 : 128;
	q.len = q.len < most ? q.len : most;
	answer(store, second, &q, &full);
	full.size = ret->size;
	memset(ret, 0, full.size); // a longer one than this knows: the rest says nothing
	memcpy(ret, &full, known);
}

void yg_sample_evidence(struct yg_sample_store *store, int64_t second, uint8_t af, const struct yg_addr *target, uint8_t len,
			uint32_t vectors, struct yg_evidence *e)
{
	const struct yg_question q = {.size = sizeof q, .vectors = vectors, .addr = *target, .af = af, .len = len};
	struct yg_answer a = {.size = sizeof a};
	yg_sample_ask(store, second, &q, &a);
	*e = (struct yg_evidence){.packets = a.packets, .sources_at_least = a.sources_at_least, .top_count = a.sources_count,
				  .ports_count = a.target_ports_count, .size_median = a.size_median};
	memcpy(e->top, a.sources, sizeof e->top);
	for (unsigned i = 0; i < a.target_ports_count; i++) {
		e->ports[i].port = a.target_ports[i].port;
		e->ports[i].share = a.target_ports[i].share;
	}
}
