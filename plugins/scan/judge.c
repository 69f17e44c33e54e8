// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a contact means: which ones say nothing about their source, what a failure is, and where the lines are. Pure but
// for the counting.
//
// Most of this file is about innocence. A passive sensor sees the tail of a connection as a new attempt by the server,
// the answers of a flooded victim as its contacts, and half of everything on a one-way mirror; none of these looks for
// a port.
#include "scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58, FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };
enum { DNS_PORT = 53, SERVICE_PORTS = 1024, ECHO = 8, ECHO6 = 128, PROBES_MAX = 2 };

static bool is_group(uint8_t af, const struct yg_addr *a)
{
	static const struct yg_addr none;
	if (memcmp(a, &none, sizeof none) == 0)
		return true;
	if (af == 6)
		return a->b[0] == 0xff;
	return a->b[0] >= 224 || a->b[0] == 0;
}

// Not SYN: the rest of an old connection goes from the service to a high port; a probe goes the other way, carries no
// data and is sent once or twice. Data that nobody answers is a client whose server's half does not pass here.
static bool tcp_means_nothing(const struct yg_contact *c)
{
	if (c->tcp_flags & SYN)
		return c->tcp_flags & ACK; // SYN-ACK: an answer, or the server's half of a one-way mirror
	if (c->tcp_flags & RST)
		return true; // refuses, asks nothing
	if (!(c->tcp_flags & ACK))
		return false;
	bool data = (c->tcp_flags & PSH) || c->packets[0] > PROBES_MAX;
	return c->port[1] >= c->port[0] || (data && c->outcome == YG_CONTACT_SILENT);
}

static bool udp_means_nothing(const struct yg_contact *c)
{
	if (c->port[0] < SERVICE_PORTS && c->port[1] >= SERVICE_PORTS)
		return true; // a late answer, or a reflector's
	if (scan_is_amplifier(c->port[0]) && c->port[0] != c->port[1])
		return true;
	return c->internal[0] && c->port[1] == DNS_PORT && c->outcome == YG_CONTACT_SILENT;
}

bool scan_means_nothing(const struct yg_contact *c)
{
	if ((c->af != 4 && c->af != 6) || is_group(c->af, &c->addr[1]) || is_group(c->af, &c->addr[0]))
		return true;
	if (c->proto == ICMP || c->proto == ICMP6)
		return c->port[0] != (c->proto == ICMP ? ECHO : ECHO6);
	if (c->proto != TCP && c->proto != UDP)
		return true;
	if (c->outcome == YG_CONTACT_ANSWERED)
		return false;
	return c->proto == TCP ? tcp_means_nothing(c) : udp_means_nothing(c);
}

bool scan_failed(const struct scan_source *source, uint8_t proto, uint8_t outcome)
{
	if (outcome == YG_CONTACT_ANSWERED)
		return false;
	// Silence of UDP is the rule on a one-way mirror and for syslog; it counts only where answers are seen at all.
	return outcome == YG_CONTACT_REFUSED || proto == TCP || source->responded;
}

static void count_item(const struct scan_source *source, const struct scan_item *item, uint32_t target, uint16_t port,
                       uint8_t proto, struct scan_counts *n)
{
	bool failed = scan_failed(source, item->proto, item->outcome);
	bool ping = item->proto == ICMP || item->proto == ICMP6;
	n->failed += failed;
	if (item->target == target && !ping) {
		n->ports++;
		n->ports_failed += failed;
		if (failed && item->second < n->ports_first)
			n->ports_first = item->second;
	}
	if (item->port == port && item->proto == proto) {
		n->hosts++;
		n->hosts_failed += failed;
		if (failed && item->second < n->hosts_first)
			n->hosts_first = item->second;
	}
}

void scan_count(struct scan *s, struct scan_source *r, uint32_t target, uint16_t port, uint8_t proto,
                struct scan_counts *n)
{
	*n = (struct scan_counts){.ports_first = UINT32_MAX, .hosts_first = UINT32_MAX};
	for (uint32_t i = 0; i < r->count && i < SCAN_INLINE; i++)
		count_item(r, &r->items[i], target, port, proto, n);
	uint32_t left = r->count > SCAN_INLINE ? r->count - SCAN_INLINE : 0;
	for (uint32_t chunk = r->first_chunk; left; chunk = s->chunk[chunk].next)
		for (uint32_t i = 0; i < SCAN_CHUNK && left; i++, left--)
			count_item(r, &s->chunk[chunk].items[i], target, port, proto, n);
}

struct tries {
	uint32_t ports, hosts;
};

static struct tries tries_in(const struct scan_item *items, uint32_t count, uint32_t target, uint16_t port, uint8_t proto)
{
	struct tries n = {0};
	for (uint32_t i = 0; i < count; i++) {
		n.ports += items[i].target == target;
		n.hosts += (items[i].port == port) & (items[i].proto == proto);
	}
	return n;
}

bool scan_enough(const struct scan *s, const struct scan_source *r, uint32_t target, uint16_t port, uint8_t proto)
{
	uint32_t first = r->count < SCAN_INLINE ? r->count : SCAN_INLINE;
	struct tries all = tries_in(r->items, first, target, port, proto);
	uint32_t left = r->count - first;
	for (uint32_t chunk = r->first_chunk; left; chunk = s->chunk[chunk].next) {
		uint32_t count = left < SCAN_CHUNK ? left : SCAN_CHUNK;
		struct tries more = tries_in(s->chunk[chunk].items, count, target, port, proto);
		all.ports += more.ports;
		all.hosts += more.hosts;
		left -= count;
	}
	return all.ports >= s->ports || all.hosts >= s->hosts;
}

bool scan_is_vertical(const struct scan *s, const struct scan_counts *n)
{
	return n->failed >= s->failed && n->ports_failed >= s->ports && n->ports_failed * 10 >= n->ports * 6;
}

// Tenths of the tries that must fail. A crawler meets dead web servers, and peers of a file-sharing network come and
// go: there only a sweep that finds next to nothing counts.
static uint32_t tenths_for(uint16_t port, uint8_t proto)
{
	static const uint16_t services[] = {1433, 1521, 2375, 3306, 3389, 5432,  5900,
	                                    5985, 6379, 8080, 8443, 9200, 11211, 27017};
	if (proto == TCP && (port == 80 || port == 443))
		return 8;
	if (proto == ICMP || proto == ICMP6)
		return 8;
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (port == services[i])
			return 6;
	return port >= SERVICE_PORTS ? 9 : proto == UDP ? 8 : 6;
}

bool scan_is_horizontal(const struct scan *s, const struct scan_counts *n, uint16_t port, uint8_t proto)
{
	return n->failed >= s->failed && n->hosts_failed >= s->hosts &&
	       n->hosts_failed * 10 >= n->hosts * tenths_for(port, proto);
}

// ---- exempt sources ----

static int parse_prefix(char *text, struct scan_prefix *ret)
{
	char *slash = strchr(text, '/'), *end = NULL;
	if (slash)
		*slash++ = 0;
	struct scan_prefix p = {.af = strchr(text, ':') ? 6 : 4};
	if (inet_pton(p.af == 6 ? AF_INET6 : AF_INET, text, p.addr.b) != 1)
		return -EINVAL;
	unsigned long max = p.af == 6 ? 128 : 32, len = slash ? strtoul(slash, &end, 10) : max;
	if (len > max || (slash && (end == slash || *end || *slash < '0' || *slash > '9')))
		return -EINVAL;
	p.len = (uint8_t)len;
	*ret = p;
	return 0;
}

int scan_exempt_parse(struct scan *s, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");
		while (len && *text == ' ')
			text++, len--;
		size_t used = len;
		while (used && text[used - 1] == ' ')
			used--;
		char one[64];
		if (s->exempt_count == SCAN_EXEMPT_MAX)
			return -E2BIG;
		if (!used || used >= sizeof one)
			return -EINVAL;
		memcpy(one, text, used);
		one[used] = 0;
		int error = parse_prefix(one, &s->exempt[s->exempt_count]);
		if (error)
			return error;
		s->exempt_count++;
		text += len + (text[len] == ',');
	}
	return 0;
}

uint8_t scan_common_bits(uint8_t af, const struct yg_addr *a, const struct yg_addr *b)
{
	uint8_t bits = 0, max = af == 6 ? 128 : 32;
	while (bits < max && !((a->b[bits / 8] ^ b->b[bits / 8]) & (0x80 >> bits % 8)))
		bits++;
	return bits;
}

bool scan_is_exempt(const struct scan *s, const struct yg_contact *c)
{
	for (uint32_t i = 0; i < s->exempt_count; i++) {
		const struct scan_prefix *p = &s->exempt[i];
		if (p->af == c->af && scan_common_bits(c->af, &p->addr, &c->addr[0]) >= p->len)
			return true;
	}
	return false;
}
