// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The two bounded tables of the httpflood detector: servers and their connections.
//
// A full table of servers gives the place of whoever has been silent longest (ties: the lowest key), never of one with an open alert, and
// only after a whole window of silence. A full table of connections takes no more: what is looked for are the old ones, and a flood of
// new ones must not push them out. Both are counted. Buckets depend on the secrets, results do not.
#include "httpflood.h"

#include <stddef.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

// A keyed hash of three words, as base/hash.h; a plugin stands by itself.
static uint64_t mix(const struct httpf *h, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t *k = h->secret;
	u128 sum = (u128)(a + k[0]) * (b + k[1]) + (u128)(c + k[2]) * k[3];
	uint64_t low = (uint64_t)sum, high = (uint64_t)(sum >> 64);
	u128 all = ((u128)k[4] << 64 | k[5]) + (u128)low * k[6] + (u128)high * k[7];
	uint64_t v = (uint64_t)(all >> 64) + low * k[8] + high * k[9];
	return v ^ v >> 32;
}

static uint64_t server_hash(const struct httpf *h, uint8_t af, const struct yg_addr *addr, uint16_t port)
{
	uint64_t word[2];
	memcpy(word, addr->b, sizeof word);
	return mix(h, word[0], word[1], (uint64_t)port << 8 | af);
}

static uint32_t *server_bucket(const struct httpf *h, uint64_t hash)
{
	return &h->server_head[hash & (h->server_buckets - 1)];
}

static uint32_t *conn_bucket(const struct httpf *h, uint64_t flow_id)
{
	return &h->conn_head[mix(h, flow_id, 0, 1) & (h->conn_buckets - 1)];
}

static uint32_t buckets_for(uint32_t n)
{
	uint32_t buckets = 16;
	while (buckets < n)
		buckets *= 2;
	return buckets;
}

uint64_t httpflood_memory(uint32_t servers, uint32_t conns)
{
	return sizeof(struct httpf) + (uint64_t)servers * sizeof(struct httpf_server) + (uint64_t)conns * sizeof(struct httpf_conn) +
	       ((uint64_t)buckets_for(servers) + buckets_for(conns)) * sizeof(uint32_t) +
	       servers * (sizeof(struct httpf_place) + sizeof(struct httpf_held) + sizeof(uint8_t));
}

void httpflood_clear(struct httpf *h)
{
	memset(h->server, 0, h->servers_used * sizeof *h->server);
	memset(h->conn, 0, h->conns_used * sizeof *h->conn);
	memset(h->place, 0, h->servers_used * sizeof *h->place);
	memset(h->held, 0, h->servers_used * sizeof *h->held);
	memset(h->rest, HTTPF_AWAKE, h->servers_used);
	memset(h->server_head, 0xff, h->server_buckets * sizeof *h->server_head);
	memset(h->conn_head, 0xff, h->conn_buckets * sizeof *h->conn_head);
	h->server_free = h->conn_free = HTTPF_NONE;
	h->servers_used = h->conns_used = h->conns_count = 0;
	memset(h->active, 0, sizeof h->active);
}

void httpflood_layout(struct httpf *h)
{
	h->server_buckets = buckets_for(h->servers_max);
	h->conn_buckets = buckets_for(h->conns_max);
	h->server = (struct httpf_server *)(void *)(h + 1);
	h->conn = (struct httpf_conn *)(void *)(h->server + h->servers_max);
	h->server_head = (uint32_t *)(void *)(h->conn + h->conns_max);
	h->conn_head = h->server_head + h->server_buckets;
	h->place = (struct httpf_place *)(void *)(h->conn_head + h->conn_buckets);
	h->held = (struct httpf_held *)(void *)(h->place + h->servers_max);
	h->rest = (uint8_t *)(h->held + h->servers_max);
	httpflood_clear(h);
}

static bool is_lower(const struct httpf_server *a, const struct httpf_server *b)
{
	if (a->af != b->af)
		return a->af < b->af;
	int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
	return order ? order < 0 : a->port < b->port;
}

static void drop_server(struct httpf *h, struct httpf_server *s)
{
	uint32_t at = (uint32_t)(s - h->server), *link = server_bucket(h, server_hash(h, s->af, &s->addr, s->port));
	for (uint32_t i = 0; s->conns && i < h->conns_used; i++)
		if (h->conn[i].used && h->conn[i].server == at)
			httpflood_conn_drop(h, &h->conn[i]);
	while (*link != at)
		link = &h->place[*link].next;
	*link = h->place[at].next;
	s->used = false;
	h->held[at] = (struct httpf_held){0};
	h->rest[at] = HTTPF_AWAKE;
	h->place[at].next = h->server_free;
	h->server_free = at;
}

static bool make_room(struct httpf *h, int64_t second)
{
	struct httpf_server *least = NULL;
	if (h->server_free != HTTPF_NONE || h->servers_used < h->servers_max)
		return true;
	bool may = h->evictions < HTTPF_EVICTIONS;
	h->evictions += may;
	int64_t least_last = second - HTTPF_WINDOW_S - 1;
	for (uint32_t i = 0; may && i < h->servers_max; i++) {
		if (h->place[i].last > least_last)
			continue;
		struct httpf_server *s = &h->server[i];
		bool open = s->incident[HTTPF_FLOOD].open || s->incident[HTTPF_SLOW].open;
		if (open || (least && h->place[i].last == least_last && !is_lower(s, least)))
			continue;
		least = s;
		least_last = h->place[i].last;
	}
	if (!least) {
		h->stats.servers_full++;
		return false;
	}
	h->stats.evicted++;
	drop_server(h, least);
	return true;
}

struct httpf_server *httpflood_server(struct httpf *h, uint8_t af, const struct yg_addr *addr, uint16_t port, int64_t second, bool make)
{
	uint64_t hash = server_hash(h, af, addr, port);
	uint32_t *head = server_bucket(h, hash), tag = (uint32_t)(hash >> 32);
	for (uint32_t i = *head; i != HTTPF_NONE; i = h->place[i].next) {
		struct httpf_server *s = &h->server[i];
		if (h->place[i].tag == tag && s->af == af && s->port == port && memcmp(&s->addr, addr, sizeof *addr) == 0)
			return s;
	}
	if (!make || !make_room(h, second))
		return NULL;
	bool fresh = h->server_free == HTTPF_NONE; // the memory of one that was never taken is not touched before
	uint32_t at = fresh ? h->servers_used++ : h->server_free;
	struct httpf_server *s = &h->server[at];
	if (!fresh)
		h->server_free = h->place[at].next;
	memset(s, 0, offsetof(struct httpf_server, slot));
	s->used = true;
	s->af = af;
	s->addr = *addr;
	s->port = port;
	s->org = YG_ORG_NONE;
	h->place[at] = (struct httpf_place){.last = second, .next = *head, .tag = tag};
	for (unsigned i = 0; i < HTTPF_SLOTS; i++)
		s->second[i] = INT64_MIN;
	s->epoch[0].number = s->epoch[1].number = INT64_MIN;
	*head = at;
	return s;
}

struct httpf_second *httpflood_slot(struct httpf *h, struct httpf_server *s, int64_t second)
{
	uint32_t server = (uint32_t)(s - h->server);
	httpflood_wake(h, server);
	uint64_t slot = (uint64_t)second % HTTPF_SLOTS;
	struct httpf_second *at = &s->slot[slot];
	if (s->second[slot] > second)
		return NULL;
	if (s->second[slot] != second) {
		memset(at, 0, sizeof *at);
		s->second[slot] = second;
	}
	s->written |= UINT32_C(1) << slot;
	int64_t *last = &h->place[server].last;
	*last = second > *last ? second : *last;
	return at;
}

struct httpf_conn *httpflood_conn(struct httpf *h, uint64_t flow_id)
{
	if (!h->conns_count)
		return NULL;
	for (uint32_t i = *conn_bucket(h, flow_id); i != HTTPF_NONE; i = h->conn[i].next)
		if (h->conn[i].flow_id == flow_id)
			return &h->conn[i];
	return NULL;
}

struct httpf_conn *httpflood_conn_add(struct httpf *h, uint64_t flow_id, struct httpf_server *s)
{
	bool fresh = h->conn_free == HTTPF_NONE;
	uint32_t at = fresh ? h->conns_used : h->conn_free, *head = conn_bucket(h, flow_id);
	if (fresh && at == h->conns_max) {
		h->stats.conns_full++;
		return NULL;
	}
	struct httpf_conn *c = &h->conn[at];
	if (fresh)
		h->conns_used++;
	else
		h->conn_free = c->next;
	h->conns_count++;
	s->conns++;
	*c = (struct httpf_conn){.used = true, .flow_id = flow_id, .server = (uint32_t)(s - h->server), .next = *head};
	*head = at;
	return c;
}

void httpflood_conn_drop(struct httpf *h, struct httpf_conn *c)
{
	uint32_t at = (uint32_t)(c - h->conn), *link = conn_bucket(h, c->flow_id);
	while (*link != at)
		link = &h->conn[*link].next;
	*link = c->next;
	c->used = false;
	c->next = h->conn_free;
	h->conn_free = at;
	h->conns_count--;
	h->server[c->server].conns--;
}
