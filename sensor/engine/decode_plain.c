// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode, the straight way: nineteen of twenty packets are Ethernet with at most one VLAN tag, IPv4 without options or
// IPv6 without extension headers, TCP or UDP, whole and in no tunnel. They need no cursor and no steps, only lengths: what
// the IP header claims must lie within what was captured (padding behind it is nobody's), and the transport header
// within that. Any other packet, the faulty ones first of all, is left to the loop of decode.c: this file knows no
// reason why a packet ends. So there is one place for every verdict, and the view of a packet never says which way it
// was read; the unit test and the fuzzer read each packet both ways and compare. It goes in two steps, because most
// packets of a live run need the first alone: what of the packet counts (struct yg_plain), and the whole view.
// Any thread, no state.
#include "engine/decode_internal.h"

enum {
	ETHERNET_HEADER = 14,
	TAG = 4,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	// Below it no frame is ours. It covers all that is read of tag and IP header before the lengths are compared.
	FRAME_MIN = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER,
};
_Static_assert(ETHERNET_HEADER + TAG + 10 <= FRAME_MIN, "link and the first ten bytes of IP are read at once");

// The functions below are inlined once for each kind of packet, so that what a kind fixes (offsets, family, protocol,
// layers) is a constant of the code: asking once which packet it is, instead of at every field, is half of what this file
// saves. Left to itself the compiler stops at the size.
#define INLINED static inline __attribute__((always_inline))

const uint8_t yg_plain_layers[YG_PLAIN_KINDS][8] = {
    [0] = {YG_LAYER_ETHERNET, YG_LAYER_IPV4, YG_LAYER_TCP},
    [YG_PLAIN_UDP] = {YG_LAYER_ETHERNET, YG_LAYER_IPV4, YG_LAYER_UDP},
    [YG_PLAIN_IPV6] = {YG_LAYER_ETHERNET, YG_LAYER_IPV6, YG_LAYER_TCP},
    [YG_PLAIN_IPV6 | YG_PLAIN_UDP] = {YG_LAYER_ETHERNET, YG_LAYER_IPV6, YG_LAYER_UDP},
    [YG_PLAIN_TAGGED] = {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV4, YG_LAYER_TCP},
    [YG_PLAIN_TAGGED | YG_PLAIN_UDP] = {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV4, YG_LAYER_UDP},
    [YG_PLAIN_TAGGED | YG_PLAIN_IPV6] = {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV6, YG_LAYER_TCP},
    [YG_PLAIN_TAGGED | YG_PLAIN_IPV6 | YG_PLAIN_UDP] = {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV6, YG_LAYER_UDP},
};

// All of it, so that a field added later is defined here too. In pieces, each of which becomes one store; for the whole
// the compiler takes a string instruction, which is slow to start.
INLINED void zero_view(struct yg_view *v)
{
	enum { PIECE = 16 };
#pragma GCC unroll 16
	for (size_t at = 0; at < sizeof *v; at += PIECE)
		memset((uint8_t *)v + at, 0, sizeof *v - at < PIECE ? sizeof *v - at : PIECE);
}

// The sum over a header of 20 bytes, which is never 0. Out of line: few ask for it.
static __attribute__((noinline)) bool checksum_right(const uint8_t *header)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < IPV4_HEADER; i += 4)
		sum += yg_load32(header + i);
	return sum % 0xffff == 0;
}

INLINED void write_view(const struct yg_plain *f, unsigned kind, struct yg_view *v)
{
	bool tagged = kind & YG_PLAIN_TAGGED, six = kind & YG_PLAIN_IPV6, udp = kind & YG_PLAIN_UDP;
	uint32_t l3 = ETHERNET_HEADER + (tagged ? TAG : 0), l4 = l3 + (six ? IPV6_HEADER : IPV4_HEADER);
	const uint8_t *ip = f->data + l3, *transport = f->data + l4;
	zero_view(v);
	v->data = f->data;
	v->caplen = f->caplen;
	v->wirelen = f->wirelen;
	v->l3 = l3;
	v->l4 = l4;
	v->payload = udp ? l4 + UDP_HEADER : l3 + f->ip_bytes - f->payload_len; // a length is read once
	v->l3_len = v->ip_bytes = f->ip_bytes;
	v->payload_len = f->payload_len;
	memcpy(v->src.b, six ? ip + 8 : ip + 12, six ? 16 : 4);
	memcpy(v->dst.b, six ? ip + 24 : ip + 16, six ? 16 : 4);
	v->sport = yg_load16(transport);
	v->dport = yg_load16(transport + 2);
	if (tagged)
		v->vlan = yg_load16(f->data + ETHERNET_HEADER) & 0x0fff;
	v->domain = f->domain;
	v->af = six ? 6 : 4;
	v->proto = udp ? YG_IP_UDP : YG_IP_TCP;
	v->end = YG_DECODE_DECODED;
	v->flags = YG_VIEW_IP;
	v->layer_count = (uint8_t)(3 + tagged);
	memcpy(v->layers, yg_plain_layers[kind], sizeof v->layers);
	v->ttl = ip[six ? 7 : 8];
	if (udp)
		return;
	v->tcp_seq = yg_load32(transport + 4);
	v->tcp_ack = yg_load32(transport + 8);
	v->tcp_flags = transport[13];
	v->tcp_window = yg_load16(transport + 14);
}

INLINED void write_known(const struct yg_plain *plain, unsigned tagged, struct yg_view *ret_view)
{
	if (plain->kind == tagged)
		write_view(plain, tagged, ret_view);
	else if (plain->kind == (tagged | YG_PLAIN_UDP))
		write_view(plain, tagged | YG_PLAIN_UDP, ret_view);
	else if (plain->kind == (tagged | YG_PLAIN_IPV6))
		write_view(plain, tagged | YG_PLAIN_IPV6, ret_view);
	else
		write_view(plain, tagged | YG_PLAIN_IPV6 | YG_PLAIN_UDP, ret_view);
}

static __attribute__((noinline)) void write_tagged(const struct yg_plain *plain, struct yg_view *ret_view)
{
	write_known(plain, YG_PLAIN_TAGGED, ret_view);
}

void yg_plain_view(const struct yg_plain *plain, struct yg_view *ret_view)
{
	if (plain->kind & YG_PLAIN_TAGGED)
		write_tagged(plain, ret_view);
	else
		write_known(plain, 0, ret_view);
}

// `segment`: bytes behind the IP header, by its own length; all of them captured.
INLINED bool take_udp(struct yg_plain *p, const uint8_t *udp, uint32_t segment)
{
	uint32_t length = yg_load16(udp + 4);
	if (length < UDP_HEADER || yg_is_tunnel_port(yg_load16(udp)) || yg_is_tunnel_port(yg_load16(udp + 2)))
		return false;
	p->payload_len = (length <= segment ? length : segment) - UDP_HEADER; // as in yg_decode_udp
	p->tcp_flags = p->shut = 0;
	p->kind |= YG_PLAIN_UDP;
	return true;
}

INLINED bool take_tcp(struct yg_plain *p, const uint8_t *tcp, uint32_t segment)
{
	if (segment < TCP_HEADER)
		return false;
	uint32_t header = (tcp[12] >> 4) * 4u;
	if (header < TCP_HEADER || header > segment)
		return false;
	p->payload_len = segment - header;
	p->tcp_flags = tcp[13];
	p->shut = !(tcp[14] | tcp[15]);
	return true;
}

INLINED bool take_transport(struct yg_plain *p, uint8_t proto, const uint8_t *transport, uint32_t segment)
{
	if (proto == YG_IP_TCP)
		return take_tcp(p, transport, segment);
	return proto == YG_IP_UDP && take_udp(p, transport, segment);
}

INLINED bool take_ipv4(const struct yg_decode_options *options, struct yg_plain *p, uint32_t l3)
{
	const uint8_t *ip = p->data + l3;
	uint32_t total = yg_load16(ip + 2);
	if (ip[0] != 0x45 || (yg_load16(ip + 6) & 0x3fff)) // options, a fragment
		return false;
	if (total < IPV4_HEADER + UDP_HEADER || total > p->caplen - l3)
		return false;
	if (options->ipv4_checksum && !checksum_right(ip))
		return false;
	p->ip_bytes = total;
	return take_transport(p, ip[9], ip + IPV4_HEADER, total - IPV4_HEADER);
}

// A length of 0 (a jumbogram, or a segment that the card has yet to cut) is below UDP_HEADER and so not ours.
INLINED bool take_ipv6(struct yg_plain *p, uint32_t l3)
{
	const uint8_t *ip = p->data + l3;
	uint32_t length = yg_load16(ip + 4);
	if (ip[0] >> 4 != 6 || length < UDP_HEADER || IPV6_HEADER + length > p->caplen - l3)
		return false;
	p->ip_bytes = IPV6_HEADER + length;
	p->kind |= YG_PLAIN_IPV6;
	return take_transport(p, ip[6], ip + IPV6_HEADER, length);
}

INLINED bool take_type(const struct yg_decode_options *options, struct yg_plain *p, uint32_t l3, uint16_t type)
{
	if (type == YG_ETHERTYPE_IPV4)
		return take_ipv4(options, p, l3);
	return type == YG_ETHERTYPE_IPV6 && take_ipv6(p, l3);
}

INLINED bool take_tagged(const struct yg_decode_options *options, struct yg_plain *p)
{
	p->kind = YG_PLAIN_TAGGED;
	if (options->domain_vlan)
		p->domain = yg_load16(p->data + ETHERNET_HEADER) & 0x0fff;
	return take_type(options, p, ETHERNET_HEADER + TAG, yg_load16(p->data + 16));
}

// Out of line, so that its constants crowd no registers of the untagged kind.
static __attribute__((noinline)) bool take_rare(const struct yg_decode_options *options, struct yg_plain *p)
{
	return take_tagged(options, p);
}

INLINED bool is_tag(uint16_t type)
{
	return type == YG_ETHERTYPE_VLAN || type == YG_ETHERTYPE_QINQ || type == YG_ETHERTYPE_QINQ_OLD;
}

INLINED uint16_t begin(const uint8_t *data, uint32_t caplen, uint32_t wirelen, struct yg_plain *p)
{
	p->data = data;
	p->caplen = caplen;
	p->wirelen = wirelen;
	p->domain = 0;
	p->kind = 0;
	return yg_load16(data + 12);
}

bool yg_plain_take(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen, uint32_t wirelen,
                   struct yg_plain *ret_plain)
{
	if (caplen < FRAME_MIN)
		return false;
	uint16_t type = begin(data, caplen, wirelen, ret_plain);
	if (type == YG_ETHERTYPE_IPV4)
		return take_ipv4(options, ret_plain, ETHERNET_HEADER);
	return is_tag(type) ? take_rare(options, ret_plain) : type == YG_ETHERTYPE_IPV6 && take_ipv6(ret_plain, ETHERNET_HEADER);
}

static __attribute__((noinline)) bool decode_tagged(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen,
                                                    uint32_t wirelen, struct yg_view *ret_view)
{
	struct yg_plain plain;
	begin(data, caplen, wirelen, &plain);
	if (!take_tagged(options, &plain))
		return false;
	write_known(&plain, YG_PLAIN_TAGGED, ret_view);
	return true;
}

// Both steps in one, for a replay, which needs every view: what the first finds stays in registers.
bool yg_decode_plain(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen, uint32_t wirelen,
                     struct yg_view *ret_view)
{
	if (caplen < FRAME_MIN)
		return false;
	struct yg_plain plain;
	uint16_t type = begin(data, caplen, wirelen, &plain);
	if (is_tag(type))
		return decode_tagged(options, data, caplen, wirelen, ret_view);
	if (!take_type(options, &plain, ETHERNET_HEADER, type))
		return false;
	write_known(&plain, 0, ret_view);
	return true;
}
