// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode, the straight way: nineteen of twenty packets are Ethernet with at most one VLAN tag, IPv4 without options or
// IPv6 without extension headers, TCP or UDP, whole and in no tunnel. They need no cursor and no steps, only lengths: what
// the IP header claims must lie within what was captured (padding behind it is nobody's), and the transport header
// within that. Any other packet, the faulty ones first of all, is left to the loop of decode.c: this file knows no
// reason why a packet ends, and writes nothing before it knows that the packet is its own. So there is one place for
// every verdict, and the view of a packet never says which way it was read; the unit test and the fuzzer read each packet
// both ways and compare. Any thread, no state.
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

// What is known of a packet when its transport header is looked at.
struct plain {
	const struct yg_decode_options *options;
	const uint8_t *data;
	uint32_t caplen, wirelen;
	uint32_t l3, l4;
	uint32_t segment; // bytes behind the IP header, by its own length; all of them captured
	bool tagged;
};

static const uint8_t layers_of[2][2][2][8] = { // [tagged][IPv6][UDP]
    {{{YG_LAYER_ETHERNET, YG_LAYER_IPV4, YG_LAYER_TCP}, {YG_LAYER_ETHERNET, YG_LAYER_IPV4, YG_LAYER_UDP}},
     {{YG_LAYER_ETHERNET, YG_LAYER_IPV6, YG_LAYER_TCP}, {YG_LAYER_ETHERNET, YG_LAYER_IPV6, YG_LAYER_UDP}}},
    {{{YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV4, YG_LAYER_TCP},
      {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV4, YG_LAYER_UDP}},
     {{YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV6, YG_LAYER_TCP},
      {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV6, YG_LAYER_UDP}}},
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

INLINED void write_view(const struct plain *f, unsigned af, unsigned proto, uint32_t header, uint32_t payload_len,
                        struct yg_view *v)
{
	const uint8_t *ip = f->data + f->l3, *l4 = f->data + f->l4;
	uint32_t total = f->l4 - f->l3 + f->segment;
	zero_view(v);
	v->data = f->data;
	v->caplen = f->caplen;
	v->wirelen = f->wirelen;
	v->l3 = f->l3;
	v->l4 = f->l4;
	v->payload = f->l4 + header;
	v->l3_len = v->ip_bytes = total;
	v->payload_len = payload_len;
	memcpy(v->src.b, af == 4 ? ip + 12 : ip + 8, af == 4 ? 4 : 16);
	memcpy(v->dst.b, af == 4 ? ip + 16 : ip + 24, af == 4 ? 4 : 16);
	v->sport = yg_load16(l4);
	v->dport = yg_load16(l4 + 2);
	if (f->tagged) {
		v->vlan = yg_load16(f->data + ETHERNET_HEADER) & 0x0fff;
		if (f->options->domain_vlan)
			v->domain = v->vlan;
	}
	v->af = (uint8_t)af;
	v->proto = (uint8_t)proto;
	v->end = YG_DECODE_DECODED;
	v->flags = YG_VIEW_IP;
	v->layer_count = (uint8_t)(3 + f->tagged);
	memcpy(v->layers, layers_of[f->tagged][af == 6][proto == YG_IP_UDP], sizeof v->layers);
	v->ttl = ip[af == 4 ? 8 : 7];
}

INLINED bool take_udp(const struct plain *f, unsigned af, struct yg_view *ret_view)
{
	const uint8_t *udp = f->data + f->l4;
	uint32_t length = yg_load16(udp + 4);
	if (length < UDP_HEADER || yg_is_tunnel_port(yg_load16(udp)) || yg_is_tunnel_port(yg_load16(udp + 2)))
		return false;
	uint32_t whole = length <= f->segment ? length : f->segment; // as in yg_decode_udp
	write_view(f, af, YG_IP_UDP, UDP_HEADER, whole - UDP_HEADER, ret_view);
	return true;
}

INLINED bool take_tcp(const struct plain *f, unsigned af, struct yg_view *ret_view)
{
	const uint8_t *tcp = f->data + f->l4;
	if (f->segment < TCP_HEADER)
		return false;
	uint32_t header = (tcp[12] >> 4) * 4u;
	if (header < TCP_HEADER || header > f->segment)
		return false;
	write_view(f, af, YG_IP_TCP, header, f->segment - header, ret_view);
	ret_view->tcp_seq = yg_load32(tcp + 4);
	ret_view->tcp_ack = yg_load32(tcp + 8);
	ret_view->tcp_flags = tcp[13];
	ret_view->tcp_window = yg_load16(tcp + 14);
	return true;
}

INLINED bool take_transport(const struct plain *f, unsigned af, uint8_t proto, struct yg_view *ret_view)
{
	if (proto == YG_IP_TCP)
		return take_tcp(f, af, ret_view);
	return proto == YG_IP_UDP && take_udp(f, af, ret_view);
}

INLINED bool take_ipv4(struct plain *f, struct yg_view *ret_view)
{
	const uint8_t *ip = f->data + f->l3;
	uint32_t total = yg_load16(ip + 2);
	if (ip[0] != 0x45 || (yg_load16(ip + 6) & 0x3fff)) // options, a fragment
		return false;
	if (total < IPV4_HEADER + UDP_HEADER || total > f->caplen - f->l3)
		return false;
	if (f->options->ipv4_checksum && !checksum_right(ip))
		return false;
	f->l4 = f->l3 + IPV4_HEADER;
	f->segment = total - IPV4_HEADER;
	return take_transport(f, 4, ip[9], ret_view);
}

// A length of 0 (a jumbogram, or a segment that the card has yet to cut) is below UDP_HEADER and so not ours.
INLINED bool take_ipv6(struct plain *f, struct yg_view *ret_view)
{
	const uint8_t *ip = f->data + f->l3;
	uint32_t length = yg_load16(ip + 4);
	if (ip[0] >> 4 != 6 || length < UDP_HEADER || IPV6_HEADER + length > f->caplen - f->l3)
		return false;
	f->l4 = f->l3 + IPV6_HEADER;
	f->segment = length;
	return take_transport(f, 6, ip[6], ret_view);
}

INLINED bool take_type(struct plain *f, uint16_t type, struct yg_view *ret_view)
{
	if (type == YG_ETHERTYPE_IPV4)
		return take_ipv4(f, ret_view);
	return type == YG_ETHERTYPE_IPV6 && take_ipv6(f, ret_view);
}

// Out of line, so that its constants crowd no registers of the untagged kind.
static __attribute__((noinline)) bool take_tagged(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen,
                                                  uint32_t wirelen, struct yg_view *ret_view)
{
	struct plain f = {
	    .options = options,
	    .data = data,
	    .caplen = caplen,
	    .wirelen = wirelen,
	    .l3 = ETHERNET_HEADER + TAG,
	    .tagged = true,
	};
	return take_type(&f, yg_load16(data + 16), ret_view);
}

bool yg_decode_plain(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen, uint32_t wirelen,
                     struct yg_view *ret_view)
{
	if (caplen < FRAME_MIN)
		return false;
	struct plain f = {.options = options, .data = data, .caplen = caplen, .wirelen = wirelen, .l3 = ETHERNET_HEADER};
	uint16_t type = yg_load16(data + 12);
	if (type == YG_ETHERTYPE_VLAN || type == YG_ETHERTYPE_QINQ || type == YG_ETHERTYPE_QINQ_OLD)
		return take_tagged(options, data, caplen, wirelen, ret_view);
	return take_type(&f, type, ret_view);
}
