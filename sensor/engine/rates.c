// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See rates.h. The keyed table is open addressing over a list of cells: a cell is an index, the counters lie densely in the order in
// which keys came, so flushing a second touches only what was used. Nearly every key sees one vector in a second: it has room for the
// first that comes, on its one cache line, and the others go to a place of their own.
#include "engine/rates_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "config/lookup.h"

enum { KIND_OUT = 1, KIND_IN = 3, KIND_PUSHED = 5 }; // what a kind says of its direction; never 0
enum { NO_VECTOR = 0xff };

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;
	while (p < n)
		p <<= 1;
	return p;
}

static void mark_inside(struct yg_worker_rates *r)
{
	if (r->config->all_internal)
		memset(r->inside, 0xff, sizeof r->inside);
	for (uint32_t i = 0; i < r->config->prefixes_count; i++) {
		const struct yg_prefix *p = &r->config->prefixes[i];
		uint32_t first = (uint32_t)p->addr.b[0] << 8 | p->addr.b[1], last = first | (p->length < 16 ? 0xffffu >> p->length : 0);
		for (uint32_t half = first; p->af == 4 && half <= last; half++)
			r->inside[half / 64] |= UINT64_C(1) << (half % 64);
	}
}

struct yg_worker_rates *yg_worker_rates_create(const struct yg_rates_options *options)
{
	struct yg_worker_rates *r = aligned_alloc(64, sizeof *r);
	if (!r)
		return NULL;
	memset(r, 0, sizeof *r);
	r->round = 1;
	r->config = options->config;
	yg_mix_key_derive(&options->key, &r->mix);
	r->capacity = 3 * power_of_two(options->hosts); // hosts, services, and what hosts push
	r->cells = 4 * power_of_two(options->hosts);
	mark_inside(r);
	r->bodies = calloc(r->config->orgs_count + 1, sizeof *r->bodies);
	r->prefixes = calloc(r->config->prefixes_count + 1, sizeof *r->prefixes);
	r->body_pushed = calloc(r->config->orgs_count + 1, sizeof *r->body_pushed);
	r->body_touched = calloc(r->config->orgs_count + 1, 1);
	r->prefix_touched = calloc(r->config->prefixes_count + 1, 1);
	r->cell = yg_memory_reserve(sizeof *r->cell * r->cells);
	r->used_cell = yg_memory_reserve(sizeof *r->used_cell * r->capacity);
	r->keyed = yg_memory_reserve(sizeof *r->keyed * r->capacity);
	r->pushed = yg_memory_reserve(sizeof *r->pushed * r->capacity);
	r->more = yg_memory_reserve(sizeof *r->more * r->capacity);
	if (r->bodies && r->prefixes && r->body_pushed && r->body_touched && r->prefix_touched && r->cell && r->used_cell && r->keyed &&
	    r->pushed && r->more)
		return r;
	yg_worker_rates_destroy(r);
	errno = ENOMEM;
	return NULL;
}

void yg_rates_retune(struct yg_worker_rates *r, const struct yg_config *config)
{
	r->config = config;
}

void yg_worker_rates_destroy(struct yg_worker_rates *r)
{
	if (!r)
		return;
	free(r->bodies);
	free(r->prefixes);
	free(r->body_pushed);
	free(r->body_touched);
	free(r->prefix_touched);
	yg_memory_release(r->cell, sizeof *r->cell * r->cells);
	yg_memory_release(r->used_cell, sizeof *r->used_cell * r->capacity);
	yg_memory_release(r->keyed, sizeof *r->keyed * r->capacity);
	yg_memory_release(r->pushed, sizeof *r->pushed * r->capacity);
	yg_memory_release(r->more, sizeof *r->more * r->capacity);
	free(r);
}

static void fill_end(const struct yg_config *config, uint8_t af, const struct yg_addr *addr, uint32_t prefix, struct yg_end *ret_end)
{
	const struct yg_prefix *p = prefix ? &config->prefixes[prefix - 1] : NULL;
	ret_end->addr = *addr;
	ret_end->af = af;
	ret_end->prefix = prefix;
	ret_end->org = p ? p->org : YG_ORG_NONE;
	ret_end->zone = p ? p->zone : YG_ZONE_NONE;
	ret_end->internal = p || config->all_internal;
}

static uint32_t look_up(const struct yg_config *config, uint8_t af, const struct yg_addr *addr)
{
	const struct yg_prefix *prefix = yg_lookup_prefix(config, af, addr);
	return prefix ? (uint32_t)(prefix - config->prefixes) + 1 : 0;
}

void yg_end_resolve(const struct yg_config *config, uint8_t af, const struct yg_addr *addr, struct yg_end *ret_end)
{
	fill_end(config, af, addr, look_up(config, af, addr), ret_end);
}

// Of an address of version 4: whether it may be one of ours.
static inline bool some_inside(const struct yg_worker_rates *r, const struct yg_addr *addr)
{
	uint32_t half = (uint32_t)addr->b[0] << 8 | addr->b[1];
	return r->inside[half / 64] >> (half % 64) & 1;
}

static inline struct near_end *near_set(struct yg_worker_rates *r, uint32_t addr)
{
	return &r->near[(addr * UINT32_C(0x9e3779b1) >> (32 - NEAR_SETS_BITS)) * NEAR_WAYS];
}

static __attribute__((noinline)) struct near_end *begin_near(struct yg_worker_rates *r, struct near_end *set, uint32_t whole,
							     const struct yg_addr *addr)
{
	struct near_end *place = &set[r->near_next++ % NEAR_WAYS];
	for (unsigned i = 0; i < NEAR_WAYS; i++)
		if (!set[i].prefix_2)
			place = &set[i];
	*place = (struct near_end){.addr = whole, .prefix_2 = look_up(r->config, 4, addr) + 1};
	return place;
}

static inline struct near_end *near_of(struct yg_worker_rates *r, const struct yg_addr *addr)
{
	uint32_t whole;
	memcpy(&whole, addr, sizeof whole);
	struct near_end *set = near_set(r, whole);
	for (unsigned i = 0; i < NEAR_WAYS; i++)
		if (set[i].addr == whole && set[i].prefix_2)
			return &set[i];
	return begin_near(r, set, whole, addr);
}

// Forged sources come from everywhere, and nearly all of everywhere is outside: one bit says so. Inside there are few addresses.
void yg_rates_resolve(struct yg_worker_rates *r, uint8_t af, const struct yg_addr *addr, struct yg_end *ret_end)
{
	if (af != 4) {
		yg_end_resolve(r->config, af, addr, ret_end);
		return;
	}
	if (!some_inside(r, addr)) {
		fill_end(r->config, af, addr, 0, ret_end);
		return;
	}
	fill_end(r->config, af, addr, near_of(r, addr)->prefix_2 - 1, ret_end);
}

static uint32_t cell_of(const struct yg_worker_rates *r, const struct yg_rate_key *key)
{
	return (uint32_t)yg_mix24(&r->mix, key) & (r->cells - 1);
}

static inline bool is_key(const struct yg_rate_key *a, const struct yg_rate_key *b)
{
	uint64_t differ = 0;
	for (unsigned i = 0; i < sizeof *a / 8; i++)
		differ |= yg_mix_word(a, i) ^ yg_mix_word(b, i);
	return !differ;
}

// The counters of a key in the open second, looked for from its cell on; NULL when the table is full.
static struct keyed *keyed_rates(struct yg_worker_rates *r, const struct yg_rate_key *key, uint32_t c)
{
	uint32_t mask = r->cells - 1;
	for (; r->cell[c]; c = (c + 1) & mask) {
		struct keyed *k = &r->keyed[r->cell[c] - 1];
		if (is_key(&k->key, key))
			return k;
	}
	if (r->used == r->capacity) {
		r->full++;
		return NULL;
	}
	struct keyed *k = &r->keyed[r->used];
	memset(k, 0, sizeof *k);
	k->key = *key;
	k->vector = NO_VECTOR;
	r->pushed[r->used] = 0;
	r->used_cell[r->used] = c;
	r->cell[c] = ++r->used;
	return k;
}

// There are as many places as keys, and no key takes two.
static struct more *more_of(struct yg_worker_rates *r, struct keyed *k)
{
	if (!k->more) {
		memset(&r->more[r->more_used], 0, sizeof *r->more);
		k->more = ++r->more_used;
	}
	return &r->more[k->more - 1];
}

static void count_keyed_in(struct yg_worker_rates *r, struct keyed *k, const struct yg_rate_add *add)
{
	k->flows += add->flows;
	k->handshakes += add->handshakes;
	if (!add->packets && !add->bytes)
		return;
	if (k->vector == NO_VECTOR)
		k->vector = add->vector;
	if (k->vector == add->vector) {
		k->packets += add->packets;
		k->bytes += add->bytes;
		return;
	}
	struct more *more = more_of(r, k);
	more->packets[add->vector] += add->packets;
	more->bytes[add->vector] += add->bytes;
}

static void count_keyed_out(struct keyed *k, const struct yg_rate_add *add)
{
	k->packets_out += add->packets;
	k->bytes_out += add->bytes;
	k->flows_out += add->flows;
}

static void count_in(struct yg_rates *rates, const struct yg_rate_add *add)
{
	rates->packets[add->vector] += add->packets;
	rates->bytes[add->vector] += add->bytes;
	rates->flows += add->flows;
	rates->handshakes += add->handshakes;
}

static void count_out(struct yg_rates *rates, const struct yg_rate_add *add)
{
	rates->packets_out += add->packets;
	rates->bytes_out += add->bytes;
	rates->flows_out += add->flows;
}

static struct yg_rate_key host_key(const struct yg_end *end)
{
	return (struct yg_rate_key){.addr = end->addr, .scope = YG_SCOPE_HOST, .af = end->af,
				    .prefix_len = end->af == 4 ? 32 : 128, .org = end->org};
}

// `in`: towards the end, otherwise away from it.
static inline void add_to_keyed(struct yg_worker_rates *r, struct keyed *k, const struct yg_rate_add *add, bool in)
{
	if (!k)
		return;
	if (in)
		count_keyed_in(r, k, add);
	else
		count_keyed_out(k, add);
}

static inline struct keyed *add_to_key(struct yg_worker_rates *r, const struct yg_rate_key *key, uint32_t cell,
				       const struct yg_rate_add *add, bool in)
{
	struct keyed *k = keyed_rates(r, key, cell);
	add_to_keyed(r, k, add, in);
	return k;
}

// The counters of a host, where `near` knew them to be. Its body is part of the key, and a place of `near` can change hands.
static inline struct keyed *host_rates(struct yg_worker_rates *r, const struct yg_rate_key *key, uint32_t host)
{
	return host && host <= r->used && is_key(&r->keyed[host - 1].key, key) ? &r->keyed[host - 1] : NULL;
}

static inline void add_to_fixed(struct yg_rates *rates, const struct yg_rate_add *add, bool in)
{
	if (in)
		count_in(rates, add);
	else
		count_out(rates, add);
}

static void count_pushed(struct yg_pushed *pushed, const struct yg_rate_add *add)
{
	pushed->packets[add->vector] += add->packets;
	pushed->bytes[add->vector] += add->bytes;
	pushed->handshakes += add->handshakes;
}

// The counters of what a host pushes; `host`: its own, where they are known.
static struct keyed *pushed_rates(struct yg_worker_rates *r, const struct keyed *host, const struct yg_end *end)
{
	if (host && r->pushed[host - r->keyed])
		return &r->keyed[r->pushed[host - r->keyed] - 1];
	struct yg_rate_key key = host_key(end);
	key.scope |= YG_SCOPE_PUSHED;
	struct keyed *k = keyed_rates(r, &key, cell_of(r, &key));
	if (host && k)
		r->pushed[host - r->keyed] = (uint32_t)(k - r->keyed) + 1;
	return k;
}

// What left the host and its body on a flow that it began.
static void add_pushed(struct yg_worker_rates *r, const struct keyed *host, const struct yg_end *end, const struct yg_rate_add *add)
{
	const struct yg_rate_add pushed = {.vector = add->vector, .packets = add->packets, .bytes = add->bytes, .handshakes = add->handshakes};
	struct keyed *k = pushed_rates(r, host, end);
	if (k)
		count_keyed_in(r, k, &pushed);
	if (end->org < r->config->orgs_count) {
		count_pushed(&r->body_pushed[end->org], add);
		r->body_touched[end->org] |= TOUCHED_PUSHED;
	}
}

static inline void add_to_owner(struct yg_worker_rates *r, uint32_t prefix, uint16_t org, const struct yg_rate_add *add, bool in)
{
	if (prefix) {
		add_to_fixed(&r->prefixes[prefix - 1], add, in);
		r->prefix_touched[prefix - 1] = 1;
	}
	if (org < r->config->orgs_count) {
		add_to_fixed(&r->bodies[org], add, in);
		r->body_touched[org] |= TOUCHED;
	}
}

static inline struct keyed *add_to_end(struct yg_worker_rates *r, const struct yg_end *end, const struct yg_rate_places *at,
				       const struct yg_rate_add *add, bool in)
{
	struct yg_rate_key key = host_key(end);
	struct keyed *k = add_to_key(r, &key, at ? at->host : cell_of(r, &key), add, in);
	add_to_owner(r, end->prefix, end->org, add, in);
	return k;
}

// TCP ports are all counted (the aggregator keeps those that are declared or have answered); of UDP, the declared ones.
static bool is_service(const struct yg_worker_rates *r, const struct yg_end *end, uint8_t proto, uint16_t port)
{
	return port && (proto == 6 || yg_lookup_service(r->config, end->af, &end->addr, proto, port));
}

static struct yg_rate_key service_key(const struct yg_end *end, uint8_t proto, uint16_t port)
{
	struct yg_rate_key key = host_key(end);
	key.scope = YG_SCOPE_SERVICE;
	key.proto = proto;
	key.port = port;
	return key;
}

static inline void add_to_service(struct yg_worker_rates *r, const struct yg_end *end, const struct yg_rate_places *at, uint16_t port,
				  const struct yg_rate_add *add, bool in)
{
	if (!port || (at ? at->service == YG_NO_RATE_PLACE : !is_service(r, end, add->proto, port)))
		return;
	struct yg_rate_key key = service_key(end, add->proto, port);
	add_to_key(r, &key, at ? at->service : cell_of(r, &key), add, in);
}

static void add_link_handshakes(struct yg_worker_rates *r, uint32_t handshakes)
{
	r->link_out.handshakes += handshakes;
	r->link_touched = 1;
}

void yg_rates_add(struct yg_worker_rates *r, const struct yg_rate_add *add)
{
	const struct keyed *from = NULL;
	if (add->to->internal) {
		add_to_end(r, add->to, add->to_at, add, true);
		add_to_service(r, add->to, add->to_at, add->service_port, add, true);
	}
	if (add->from->internal && add->packets) {
		from = add_to_end(r, add->from, add->from_at, add, false);
		add_to_service(r, add->from, add->from_at, add->answer_port, add, false);
	}
	if (add->from->internal && add->pushed)
		add_pushed(r, from, add->from, add);
	if (add->handshakes && add->from->internal && !add->to->internal)
		add_link_handshakes(r, add->handshakes);
}

// Away from an end the vector matters for what it pushes alone.
static inline uint64_t kind_of(const struct yg_rate_packet *p, uint16_t port, bool in)
{
	uint32_t vector = in || p->pushed ? p->vector : 0u, what = in ? KIND_IN : p->pushed ? KIND_PUSHED : KIND_OUT;
	return yg_rate_kind(p->af, p->proto, (uint8_t)vector, port) | what;
}

static void put_combined(struct yg_worker_rates *r, const struct combined *c)
{
	bool in = (c->kind & 0xff) == KIND_IN;
	const struct yg_rate_add add = {.vector = (uint8_t)(c->kind >> 8), .packets = c->packets, .flows = c->flows, .bytes = c->bytes};
	const struct yg_end end = {.addr = c->addr, .af = (uint8_t)(c->kind >> 16), .org = c->org};
	struct yg_rate_key key = host_key(&end);
	struct keyed *k = host_rates(r, &key, c->host);
	if (!k) {
		k = keyed_rates(r, &key, c->host ? cell_of(r, &key) : c->host_cell);
		if (k && c->near && memcmp(&c->near->addr, &c->addr, sizeof c->near->addr) == 0) {
			c->near->host = (uint32_t)(k - r->keyed) + 1;
			c->near->round = r->round;
		}
	}
	add_to_keyed(r, k, &add, in);
	add_to_owner(r, c->prefix, c->org, &add, in);
	if ((c->kind & 0xff) == KIND_PUSHED)
		add_pushed(r, k, &end, &add);
	if (!c->service)
		return;
	key = service_key(&end, (uint8_t)(c->kind >> 24), (uint16_t)(c->kind >> 32));
	add_to_key(r, &key, c->service_cell, &add, in);
}

static void put_queued(struct yg_worker_rates *r, struct combined *c)
{
	if (c->kind)
		put_combined(r, c);
	c->kind = 0;
}

void yg_rates_put_combined(struct yg_worker_rates *r)
{
	for (unsigned i = 0; i < QUEUED; i++)
		put_queued(r, &r->queued[i]);
	for (unsigned i = 0; i < COMBINED; i++)
		put_queued(r, &r->combined[i]);
}

static void prefetch_keyed(const struct yg_worker_rates *r, uint32_t cell)
{
	uint32_t at = r->cell[cell];
	if (at)
		__builtin_prefetch(&r->keyed[at - 1], 1);
}

static inline void prefetch_host(const struct yg_worker_rates *r, uint32_t host, bool pushes)
{
	__builtin_prefetch(&r->keyed[host], 1);
	if (pushes && r->pushed[host])
		__builtin_prefetch(&r->keyed[r->pushed[host] - 1], 1);
}

void yg_rates_place(const struct yg_worker_rates *r, const struct yg_end *end, uint8_t proto, uint16_t port, struct yg_rate_places *ret)
{
	*ret = (struct yg_rate_places){YG_NO_RATE_PLACE, YG_NO_RATE_PLACE};
	if (!end->internal)
		return;
	struct yg_rate_key key = host_key(end);
	ret->host = cell_of(r, &key);
	__builtin_prefetch(&r->cell[ret->host], 1);
	if (!is_service(r, end, proto, port))
		return;
	key = service_key(end, proto, port);
	ret->service = cell_of(r, &key);
	__builtin_prefetch(&r->cell[ret->service], 1);
}

void yg_rates_fetch(const struct yg_worker_rates *r, const struct yg_rate_places *at, bool pushes)
{
	if (at->host == YG_NO_RATE_PLACE)
		return;
	if (r->cell[at->host])
		prefetch_host(r, r->cell[at->host] - 1, pushes);
	if (at->service != YG_NO_RATE_PLACE)
		prefetch_keyed(r, at->service);
}

static void queue_combined(struct yg_worker_rates *r, const struct combined *c)
{
	struct combined *place = &r->queued[r->queue_at++ % QUEUED];
	put_queued(r, place);
	*place = *c;
	if (c->host)
		prefetch_host(r, c->host - 1, (c->kind & 0xff) == KIND_PUSHED);
	else
		prefetch_keyed(r, c->host_cell);
	if (c->service)
		prefetch_keyed(r, c->service_cell);
}

// False when the address is not one of ours.
static bool begin_combined(struct yg_worker_rates *r, struct combined *c, const struct yg_addr *addr, uint64_t kind)
{
	uint8_t af = (uint8_t)(kind >> 16), proto = (uint8_t)(kind >> 24);
	uint16_t port = (uint16_t)(kind >> 32);
	bool known = af == 4 && some_inside(r, addr);
	struct near_end *near = known ? near_of(r, addr) : NULL;
	struct yg_end end;
	fill_end(r->config, af, addr, near ? near->prefix_2 - 1 : af == 4 ? 0 : look_up(r->config, af, addr), &end);
	if (!end.internal)
		return false;
	if (c->kind)
		queue_combined(r, c);
	struct yg_rate_key key = host_key(&end);
	*c = (struct combined){.addr = *addr, .kind = kind, .near = near, .prefix = end.prefix,
				.host = near && near->round == r->round ? near->host : 0, .org = end.org};
	if (!c->host) {
		c->host_cell = cell_of(r, &key);
		__builtin_prefetch(&r->cell[c->host_cell], 1);
	} else if ((kind & 0xff) == KIND_PUSHED) {
		__builtin_prefetch(&r->pushed[c->host - 1]);
	}
	c->service = is_service(r, &end, proto, port);
	if (!c->service)
		return true;
	key = service_key(&end, proto, port);
	c->service_cell = cell_of(r, &key);
	__builtin_prefetch(&r->cell[c->service_cell], 1);
	return true;
}

static inline bool is_outside(const struct yg_worker_rates *r, uint8_t af, const struct yg_addr *addr)
{
	return af == 4 && !some_inside(r, addr);
}

bool yg_rates_prefetch(struct yg_worker_rates *r, uint8_t af, const struct yg_addr *addr)
{
	if (is_outside(r, af, addr))
		return false;
	uint32_t whole;
	memcpy(&whole, addr, sizeof whole);
	__builtin_prefetch(near_set(r, whole), 1); // of another version it is any place, which does no harm
	return true;
}

// Counts a packet to one of its ends that may be ours. Its body; *ret_internal: whether it is.
static inline uint16_t add_combined(struct yg_worker_rates *r, const struct yg_addr *addr, uint64_t kind, uint32_t flows, uint32_t bytes,
				    bool *ret_internal)
{
	uint64_t high = yg_mix_word(addr, 0), low = yg_mix_word(addr, 1);
	struct combined *c = &r->combined[((high ^ low ^ kind) * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
	bool same = !((c->kind ^ kind) | (yg_mix_word(&c->addr, 0) ^ high) | (yg_mix_word(&c->addr, 1) ^ low));
	*ret_internal = same || begin_combined(r, c, addr, kind);
	if (!*ret_internal)
		return YG_ORG_NONE;
	c->packets++;
	c->flows += flows;
	c->bytes += bytes;
	return c->org;
}

void yg_rates_packet(struct yg_worker_rates *r, const struct yg_rate_packet *p, struct yg_rate_ends *ret)
{
	bool from_internal;
	*ret = (struct yg_rate_ends){YG_ORG_NONE, YG_ORG_NONE, false};
	if (!is_outside(r, p->af, p->dst))
		ret->to_org = add_combined(r, p->dst, kind_of(p, p->service_port, true), p->fresh, p->bytes, &ret->inward);
	if (!is_outside(r, p->af, p->src))
		ret->from_org = add_combined(r, p->src, kind_of(p, p->answer_port, false), p->fresh, p->bytes, &from_internal);
}

// What it tells goes where the caller reads it: as a result it would be put together on the stack out of pieces and read back in one,
// and the processor would wait for its own stores.
void yg_rates_begin(struct yg_worker_rates *r, const struct yg_addr addr[2], unsigned sender, unsigned ours, uint64_t kind, uint32_t bytes,
		    struct yg_rate_ends *ret)
{
	bool from_internal;
	ret->inward = false;
	ret->to_org = ours >> !sender & 1 ? add_combined(r, &addr[!sender], kind | KIND_IN, 1, bytes, &ret->inward) : YG_ORG_NONE;
	ret->from_org = ours >> sender & 1 ? add_combined(r, &addr[sender], (kind & ~YG_RATE_KIND_PORT) | KIND_PUSHED, 1, bytes, &from_internal)
					   : YG_ORG_NONE;
}

void yg_rates_link(struct yg_worker_rates *r, uint8_t vector, bool inward, bool answer, uint32_t wire_bytes)
{
	r->link_touched = 1;
	if (inward) {
		r->link.packets[vector]++;
		r->link.bytes[vector] += wire_bytes;
	} else {
		unsigned v = answer ? YG_VEC_DOWNLOAD : vector;
		r->link_out.packets[v]++;
		r->link_out.bytes[v] += wire_bytes;
	}
}
