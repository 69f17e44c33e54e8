// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How many sources, how much of one kind, and whose clients are many people behind one address. The hashes have no secret, because what
// they find must be the same in every replay: who picks addresses so that they fall together looks like fewer.
#include "httpflood.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_BITS = 8, RANKS = 64, SAVED_MAGIC = 0x48544631 }; // "HTF1"

// What a restart must not forget of a server.
struct saved {
	struct yg_addr addr;
	double usual;
	uint32_t usual_s;
	uint16_t port;
	uint8_t af, reserved;
};

// FNV-1a, then the finaliser of MurmurHash3.
uint64_t httpflood_hash(const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t v = UINT64_C(0xcbf29ce484222325);
	for (uint32_t i = 0; i < len; i++)
		v = (v ^ p[i]) * UINT64_C(0x100000001b3);
	v = (v ^ v >> 33) * UINT64_C(0xff51afd7ed558ccd);
	v = (v ^ v >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return v ^ v >> 33;
}

void httpflood_source(struct httpf_second *slot, uint64_t hash)
{
	uint64_t rest = hash >> INDEX_BITS | UINT64_C(1) << (64 - INDEX_BITS);
	uint8_t rank = (uint8_t)(__builtin_ctzll(rest) + 1), *at = &slot->sources[hash & (HTTPF_REGISTERS - 1)];
	*at = rank > *at ? rank : *at;
}

double httpflood_sources(const struct httpf_server *s, int64_t second)
{
	uint8_t all[HTTPF_REGISTERS] = {0};
	uint16_t ranks[RANKS] = {0};
	double sum = 0, m = HTTPF_REGISTERS;
	for (unsigned i = 0; i < HTTPF_SLOTS; i++)
		if (s->second[i] > second - HTTPF_WINDOW_S && s->second[i] <= second)
			for (unsigned r = 0; r < HTTPF_REGISTERS; r++)
				all[r] = s->slot[i].sources[r] > all[r] ? s->slot[i].sources[r] : all[r];
	for (unsigned r = 0; r < HTTPF_REGISTERS; r++)
		ranks[all[r] % RANKS]++;
	unsigned empty = ranks[0];
	if (empty == HTTPF_REGISTERS)
		return 0;
	for (unsigned rank = RANKS; rank-- > 0;)
		sum = sum / 2 + ranks[rank]; // of 2 to the minus rank, over all registers
	double e = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	return e <= 2.5 * m && empty ? m * log(m / empty) : e;
}

void httpflood_print(struct httpf_server *s, int64_t second, uint64_t hash)
{
	int64_t number = second / HTTPF_EPOCH_S;
	struct httpf_epoch *e = &s->epoch[number & 1];
	if (e->number > number)
		return;
	if (e->number != number) {
		memset(e, 0, sizeof *e);
		e->number = number;
	}
	unsigned least = 0;
	e->all++;
	for (unsigned i = 0; i < HTTPF_PRINTS; i++) {
		if (e->print[i].count && e->print[i].hash == hash) {
			e->print[i].count++;
			return;
		}
		if (e->print[i].count < e->print[least].count)
			least = i;
	}
	e->print[least].hash = hash;
	e->print[least].count++;
}

double httpflood_print_share(const struct httpf_server *s, int64_t second)
{
	int64_t number = second / HTTPF_EPOCH_S;
	uint32_t all = 0, most = 0;
	for (unsigned k = 0; k < 2; k++) {
		const struct httpf_epoch *e = &s->epoch[k];
		all += e->number == number || e->number == number - 1 ? e->all : 0;
	}
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < HTTPF_PRINTS; i++) {
			const struct httpf_epoch *e = &s->epoch[k], *other = &s->epoch[!k];
			bool counts = e->number == number || e->number == number - 1;
			uint32_t n = counts ? e->print[i].count : 0;
			for (unsigned j = 0; n && j < HTTPF_PRINTS; j++)
				if ((other->number == number || other->number == number - 1) && other->print[j].count &&
				    other->print[j].hash == e->print[i].hash)
					n += other->print[j].count;
			most = n > most ? n : most;
		}
	return all >= HTTPF_PRINTS_MIN ? (double)most / all : -1;
}

// ---- proxies ----

static bool prefix_of(const char *text, struct httpf_prefix *ret)
{
	char copy[64], *slash, *end;
	size_t len = strlen(text);
	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len + 1);
	slash = strchr(copy, '/');
	if (slash)
		*slash = 0;
	*ret = (struct httpf_prefix){0};
	if (inet_pton(AF_INET, copy, ret->addr.b) == 1)
		ret->af = 4;
	else if (inet_pton(AF_INET6, copy, ret->addr.b) == 1)
		ret->af = 6;
	else
		return false;
	long most = ret->af == 6 ? 128 : 32, bits = slash ? strtol(slash + 1, &end, 10) : most;
	if (slash && (end == slash + 1 || *end))
		return false;
	ret->len = (uint8_t)bits;
	return bits >= 0 && bits <= most;
}

bool httpflood_prefixes(struct httpf *h, const char *text)
{
	while (*text) {
		char one[64];
		size_t len = strcspn(text, ", ");
		if (len >= sizeof one || (len && h->proxies == HTTPF_PROXIES))
			return false;
		memcpy(one, text, len);
		one[len] = 0;
		if (len && !prefix_of(one, &h->proxy[h->proxies++]))
			return false;
		text += len;
		text += strspn(text, ", ");
	}
	return true;
}

bool httpflood_is_proxy(const struct httpf *h, uint8_t af, const struct yg_addr *addr)
{
	for (uint32_t i = 0; i < h->proxies; i++) {
		const struct httpf_prefix *p = &h->proxy[i];
		unsigned whole = p->len / 8, rest = p->len % 8;
		if (p->af != af || memcmp(p->addr.b, addr->b, whole) != 0)
			continue;
		if (!rest || !((p->addr.b[whole] ^ addr->b[whole]) >> (8 - rest)))
			return true;
	}
	return false;
}

// ---- over a restart ----

uint32_t httpflood_save(struct httpf *h, void *buffer, uint32_t size)
{
	httpflood_catch_up_all(h);
	uint32_t head[2] = {SAVED_MAGIC, 0};
	if (size < sizeof head)
		return 0;
	uint32_t room = (size - (uint32_t)sizeof head) / (uint32_t)sizeof(struct saved);
	for (uint32_t i = 0; i < h->servers_used && head[1] < room; i++) {
		const struct httpf_server *s = &h->server[i];
		if (!s->used || !s->usual_s)
			continue;
		struct saved one;
		memset(&one, 0, sizeof one);
		one.addr = s->addr;
		one.usual = s->usual;
		one.usual_s = s->usual_s;
		one.port = s->port;
		one.af = s->af;
		memcpy((uint8_t *)buffer + sizeof head + head[1]++ * sizeof one, &one, sizeof one);
	}
	memcpy(buffer, head, sizeof head);
	return head[1] ? (uint32_t)(sizeof head + head[1] * sizeof(struct saved)) : 0;
}

static struct saved saved_at(const void *buffer, uint32_t i)
{
	struct saved one;
	memcpy(&one, (const uint8_t *)buffer + 2 * sizeof(uint32_t) + i * sizeof one, sizeof one);
	return one;
}

int httpflood_restore(struct httpf *h, const void *buffer, uint32_t size)
{
	uint32_t head[2];
	if (size < sizeof head)
		return -1;
	memcpy(head, buffer, sizeof head);
	if (head[0] != SAVED_MAGIC || sizeof head + (uint64_t)head[1] * sizeof(struct saved) != size)
		return -1;
	for (uint32_t i = 0; i < head[1]; i++) {
		struct saved one = saved_at(buffer, i);
		if ((one.af != 4 && one.af != 6) || !(one.usual >= 0 && one.usual < 1e12))
			return -1;
	}
	for (uint32_t i = 0; i < head[1]; i++) {
		struct saved one = saved_at(buffer, i);
		struct httpf_server *s = httpflood_server(h, one.af, &one.addr, one.port, 0, true);
		if (!s)
			break;
		s->usual = one.usual;
		s->usual_s = one.usual_s;
	}
	return 0;
}
