// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The wire layer of the generators: everything that turns fields into bytes. Each packet is built from one struct, so
// that a scenario never counts offsets; lengths and checksums are always right here, because wrong ones are the
// business of the fuzzers. The random numbers are a counter put through a mixing function: the same seed gives the same
// bytes wherever libm's logarithm is the same, and a seed derived by gen_mix gives each flow a stream of its own, so
// that adding an attack changes no byte of the traffic around it. Thread: one.
#include "gen_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static const uint8_t mac_inside[6] = {0x02, 0x59, 0x47, 0, 0, 0x01};
static const uint8_t mac_outside[6] = {0x02, 0x59, 0x47, 0, 0, 0x02};

uint64_t gen_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b * UINT64_C(0xd6e8feb86659fd93)) ^ UINT64_C(0x2545f4914f6cdd1d);
	for (int round = 0; round < 2; round++) {
		x ^= x >> 32;
		x *= UINT64_C(0xd6e8feb86659fd93);
	}
	return x ^ x >> 32;
}

uint64_t gen_next(struct gen_rng *rng)
{
	rng->state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t x = rng->state;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint32_t gen_below(struct gen_rng *rng, uint32_t bound)
{
	return (uint32_t)((gen_next(rng) >> 32) * bound >> 32);
}

uint32_t gen_between(struct gen_rng *rng, uint32_t low, uint32_t high)
{
	return low + gen_below(rng, high - low + 1);
}

static double unit(struct gen_rng *rng)
{
	return (double)(gen_next(rng) >> 11) * 0x1p-53;
}

bool gen_chance(struct gen_rng *rng, double share)
{
	return unit(rng) < share;
}

double gen_exponential(struct gen_rng *rng, double mean)
{
	return -mean * log1p(-unit(rng));
}

void gen_fill(struct gen_rng *rng, uint8_t *out, size_t len)
{
	while (len >= 8) {
		uint64_t word = gen_next(rng);
		memcpy(out, &word, 8);
		out += 8;
		len -= 8;
	}
	uint64_t word = gen_next(rng);
	memcpy(out, &word, len);
}

struct gen_addr gen_v4(uint32_t host_order)
{
	struct gen_addr addr = {.af = 4};
	uint32_t net = htonl(host_order);
	memcpy(addr.b, &net, 4);
	return addr;
}

struct gen_addr gen_v6(uint64_t high, uint64_t low)
{
	struct gen_addr addr = {.af = 6};
	for (int i = 0; i < 8; i++) {
		addr.b[i] = (uint8_t)(high >> (56 - 8 * i));
		addr.b[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return addr;
}

bool gen_parse_addr(const char *text, struct gen_addr *ret_addr)
{
	struct gen_addr addr = {.af = strchr(text, ':') ? 6 : 4};
	if (inet_pton(addr.af == 6 ? AF_INET6 : AF_INET, text, addr.b) != 1)
		return false;
	*ret_addr = addr;
	return true;
}

void gen_print_addr(const struct gen_addr *addr, char *out, size_t room)
{
	if (!inet_ntop(addr->af == 6 ? AF_INET6 : AF_INET, addr->b, out, (socklen_t)room))
		out[0] = '\0';
}

uint64_t gen_sum(const uint8_t *bytes, size_t len, uint64_t sum)
{
	while (len >= 4) {
		uint32_t word;
		memcpy(&word, bytes, 4);
		sum += word; // in machine order: folding and storing it back the same way is right in either order
		bytes += 4;
		len -= 4;
	}
	if (len) {
		uint32_t word = 0;
		memcpy(&word, bytes, len);
		sum += word;
	}
	return sum;
}

uint16_t gen_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static size_t put_ethernet(const struct gen_packet *p, uint8_t *out)
{
	memcpy(out, p->outbound ? mac_outside : mac_inside, 6);
	memcpy(out + 6, p->outbound ? mac_inside : mac_outside, 6);
	size_t at = 12;
	if (p->vlan) {
		put16(out + at, 0x8100);
		put16(out + at + 2, p->vlan & 0x0fffu);
		at += 4;
	}
	put16(out + at, p->src.af == 6 ? 0x86dd : 0x0800);
	return at + 2;
}

static size_t put_ipv4(const struct gen_packet *p, size_t len, uint8_t *out)
{
	out[0] = 0x45;
	out[1] = p->tos;
	put16(out + 2, (uint32_t)(20 + len));
	put16(out + 4, p->id);
	uint32_t fragment = p->fragment ? (p->more_fragments ? 0x2000u : 0) | (p->fragment_offset & 0x1fffu) : 0x4000u;
	put16(out + 6, fragment);
	out[8] = p->ttl;
	out[9] = p->proto;
	put16(out + 10, 0);
	memcpy(out + 12, p->src.b, 4);
	memcpy(out + 16, p->dst.b, 4);
	uint16_t check = gen_fold(gen_sum(out, 20, 0));
	memcpy(out + 10, &check, 2);
	return 20;
}

static size_t put_ipv6(const struct gen_packet *p, size_t len, uint8_t *out)
{
	size_t extension = p->fragment ? 8 : 0;
	put32(out, 0x60000000u | (uint32_t)p->tos << 20);
	put16(out + 4, (uint32_t)(extension + len));
	out[6] = p->fragment ? 44 : p->proto;
	out[7] = p->ttl;
	memcpy(out + 8, p->src.b, 16);
	memcpy(out + 24, p->dst.b, 16);
	if (!p->fragment)
		return 40;
	out[40] = p->proto;
	out[41] = 0;
	put16(out + 42, (uint32_t)(p->fragment_offset << 3) | (p->more_fragments ? 1u : 0));
	put32(out + 44, 0x59470000u | p->id);
	return 48;
}

static size_t transport_header_len(const struct gen_packet *p)
{
	if (p->fragment && p->fragment_offset)
		return 0;
	switch (p->proto) {
	case GEN_TCP:
		return 20u + p->options_len;
	case GEN_UDP:
	case GEN_ICMP:
	case GEN_ICMP6:
		return 8;
	default:
		return 0;
	}
}

static void put_tcp(const struct gen_packet *p, uint8_t *out)
{
	put16(out, p->sport);
	put16(out + 2, p->dport);
	put32(out + 4, p->seq);
	put32(out + 8, p->ack);
	out[12] = (uint8_t)((20 + p->options_len) / 4 << 4);
	out[13] = p->flags;
	put16(out + 14, p->window);
	put32(out + 16, 0);
	if (p->options_len)
		memcpy(out + 20, p->options, p->options_len);
}

static void put_udp(const struct gen_packet *p, uint8_t *out)
{
	put16(out, p->sport);
	put16(out + 2, p->dport);
	put16(out + 4, p->udp_len ? p->udp_len : (uint32_t)(8 + p->payload_len));
	put16(out + 6, 0);
}

static void put_icmp(const struct gen_packet *p, uint8_t *out)
{
	out[0] = p->icmp_type;
	out[1] = p->icmp_code;
	put16(out + 2, 0);
	put32(out + 4, p->icmp_rest);
}

static uint64_t pseudo_sum(const struct gen_packet *p, size_t len)
{
	uint8_t tail[8] = {0};
	size_t width = p->src.af == 6 ? 16 : 4;
	put32(tail, (uint32_t)len);
	tail[7] = p->proto;
	return gen_sum(tail, 8, gen_sum(p->dst.b, width, gen_sum(p->src.b, width, 0)));
}

// A first fragment gets no right checksum, which covers bytes that are not here: nothing here writes one.
static void put_checksum(const struct gen_packet *p, uint8_t *transport, size_t len)
{
	size_t at = p->proto == GEN_TCP ? 16 : p->proto == GEN_UDP ? 6 : 2;
	uint64_t sum = p->proto == GEN_ICMP ? 0 : pseudo_sum(p, len);
	uint16_t check = gen_fold(gen_sum(transport, len, sum));
	if (p->proto == GEN_UDP && check == 0)
		check = 0xffff;
	memcpy(transport + at, &check, 2);
}

size_t gen_build(const struct gen_packet *p, uint8_t *out, size_t room)
{
	size_t header = transport_header_len(p);
	size_t len = header + p->payload_len;
	if (18 + 48 + len > room)
		return 0;
	size_t at = put_ethernet(p, out);
	at += p->src.af == 6 ? put_ipv6(p, len, out + at) : put_ipv4(p, len, out + at);
	uint8_t *transport = out + at;
	if (header && p->proto == GEN_TCP)
		put_tcp(p, transport);
	else if (header && p->proto == GEN_UDP)
		put_udp(p, transport);
	else if (header)
		put_icmp(p, transport);
	if (p->payload_len)
		memcpy(transport + header, p->payload, p->payload_len);
	if (header)
		put_checksum(p, transport, len);
	return at + len;
}

int gen_pcap_begin(FILE *file)
{
	uint32_t head[6] = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, 262144, 1};
	uint16_t version[2] = {2, 4};
	memcpy(&head[1], version, 4);
	return fwrite(head, sizeof(head), 1, file) == 1 ? 0 : -EIO;
}

int gen_pcap_write(FILE *file, int64_t ns, const uint8_t *frame, size_t len)
{
	uint32_t head[4] = {(uint32_t)(ns / 1000000000), (uint32_t)(ns % 1000000000), (uint32_t)len, (uint32_t)len};
	if (fwrite(head, sizeof(head), 1, file) != 1 || fwrite(frame, len, 1, file) != 1)
		return -EIO;
	return 0;
}
