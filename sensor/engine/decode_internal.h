// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the files of decode share: a cursor over the current layer and the steps between layers. A step reads one layer,
// narrows the cursor to what that layer says is its own, and names the next step; it never calls it. So nesting costs
// no stack, and the loop of decode.c is the only place where one layer follows another.
//
// Inside engine/decode*.c and its unit test only.
#pragma once

#include "base/bytes.h"
#include "engine/decode.h"

enum {
	YG_LAYERS_MAX = 8,   // YG_DECODE_DEPTH above
	YG_VLAN_MAX = 3,     // YG_DECODE_VLAN_DEPTH above
	YG_MPLS_MAX = 10,    // YG_DECODE_MPLS_DEPTH above
	YG_IPV6_EXT_MAX = 8, // YG_DECODE_IPV6_EXT_DEPTH above
	YG_GTPU_EXT_MAX = 4, // above it the packet stays UDP
};

enum {
	YG_ETHERTYPE_IPV4 = 0x0800,
	YG_ETHERTYPE_ARP = 0x0806,
	YG_ETHERTYPE_TEB = 0x6558, // transparent Ethernet bridging
	YG_ETHERTYPE_VLAN = 0x8100,
	YG_ETHERTYPE_IPV6 = 0x86dd,
	YG_ETHERTYPE_MPLS = 0x8847,
	YG_ETHERTYPE_MPLS_UP = 0x8848,
	YG_ETHERTYPE_PPPOE_DISCOVERY = 0x8863,
	YG_ETHERTYPE_PPPOE = 0x8864,
	YG_ETHERTYPE_PPP = 0x880b,
	YG_ETHERTYPE_QINQ = 0x88a8,
	YG_ETHERTYPE_ERSPAN = 0x88be,
	YG_ETHERTYPE_ERSPAN3 = 0x22eb,
	YG_ETHERTYPE_QINQ_OLD = 0x9100,
};

enum {
	YG_IP_HOPOPTS = 0,
	YG_IP_ICMP = 1,
	YG_IP_IPIP = 4,
	YG_IP_TCP = 6,
	YG_IP_UDP = 17,
	YG_IP_IPV6 = 41,
	YG_IP_ROUTING = 43,
	YG_IP_FRAGMENT = 44,
	YG_IP_GRE = 47,
	YG_IP_ESP = 50,
	YG_IP_AH = 51,
	YG_IP_ICMPV6 = 58,
	YG_IP_NONE = 59,
	YG_IP_DSTOPTS = 60,
	YG_IP_SCTP = 132,
	YG_IP_MOBILITY = 135,
	YG_IP_HIP = 139,
	YG_IP_SHIM6 = 140,
};

enum {
	YG_PORT_L2TP = 1701,
	YG_PORT_GTPU = 2152,
	YG_PORT_TEREDO = 3544,
	YG_PORT_VXLAN = 4789,
	YG_PORT_GENEVE = 6081,
	YG_PORT_VXLAN_OLD = 8472,
};

enum yg_step {
	YG_STEP_DONE, // view->end is set
	YG_STEP_ETHERNET,
	YG_STEP_ETHERTYPE, // of d->type
	YG_STEP_LLC,
	YG_STEP_MPLS,
	YG_STEP_PPPOE,
	YG_STEP_PPP,
	YG_STEP_IP, // version by the first nibble
	YG_STEP_IPV4,
	YG_STEP_IPV6,
	YG_STEP_PROTOCOL, // of d->type; the cursor is at view->l4
	YG_STEP_AH,
	YG_STEP_GRE,
	YG_STEP_TCP,
	YG_STEP_UDP,
	YG_STEP_UDP_TUNNEL,
	YG_STEP_SCTP,
	YG_STEP_ICMP,
};

struct yg_decoder {
	struct yg_reader r; // the rest of the current layer, as far as it was captured
	const uint8_t *data;
	const struct yg_decode_options *options;
	struct yg_view *view;
	uint32_t missing;   // bytes of the current layer behind r.end that its header claims and nobody captured
	uint16_t type;      // EtherType or IP protocol for the next step
	uint8_t extensions; // IPv6 extension headers of the current IP header
};

static inline enum yg_step yg_decode_stop(struct yg_decoder *d, enum yg_decode_end end)
{
	d->view->end = (uint8_t)end;
	return YG_STEP_DONE;
}

// False when the packet is wrapped too deeply; then view->end says so.
static inline bool yg_layer_push(struct yg_decoder *d, enum yg_layer layer)
{
	struct yg_view *v = d->view;
	if (v->layer_count == YG_LAYERS_MAX) {
		v->end = YG_DECODE_DEPTH;
		return false;
	}
	v->layers[v->layer_count++] = (uint8_t)layer;
	return true;
}

static inline uint32_t yg_decode_offset(const struct yg_decoder *d)
{
	return (uint32_t)(d->r.p - d->data);
}

// How long the rest of the current layer is, by what headers and the wire length claim.
static inline uint32_t yg_decode_claimed(const struct yg_decoder *d)
{
	return (uint32_t)yg_left(&d->r) + d->missing;
}

// The rest of the current layer is `len` bytes by its own header: padding goes, what was not captured is noted.
static inline void yg_decode_narrow(struct yg_decoder *d, uint32_t len)
{
	uint32_t left = (uint32_t)yg_left(&d->r);
	if (len <= left) {
		d->r.end = d->r.p + len;
		d->missing = 0;
	} else {
		d->missing = len - left;
	}
}

// Only a filter, so that most packets pay two comparisons of numbers: yg_decode_udp_tunnel looks again.
static inline bool yg_is_tunnel_port(uint16_t port)
{
	if (port < YG_PORT_L2TP || port > YG_PORT_VXLAN_OLD) // the lowest and the highest
		return false;
	switch (port) {
	case YG_PORT_L2TP:
	case YG_PORT_GTPU:
	case YG_PORT_TEREDO:
	case YG_PORT_VXLAN:
	case YG_PORT_GENEVE:
	case YG_PORT_VXLAN_OLD:
		return true;
	default:
		return false;
	}
}

// decode_plain.c: the same view as the loop's for an Ethernet frame of the common kind. False when it is of another: then
// *ret_view is untouched and the loop decides.
bool yg_decode_plain(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen, uint32_t wirelen,
                     struct yg_view *ret_view);

// decode_link.c
enum yg_step yg_decode_link(struct yg_decoder *d, enum yg_link link);
enum yg_step yg_decode_ethernet(struct yg_decoder *d);
enum yg_step yg_decode_ethertype(struct yg_decoder *d);
enum yg_step yg_decode_llc(struct yg_decoder *d);
enum yg_step yg_decode_mpls(struct yg_decoder *d);
enum yg_step yg_decode_pppoe(struct yg_decoder *d);
enum yg_step yg_decode_ppp(struct yg_decoder *d);

// decode_ip.c
enum yg_step yg_decode_ip(struct yg_decoder *d);
enum yg_step yg_decode_ipv4(struct yg_decoder *d);
enum yg_step yg_decode_ipv6(struct yg_decoder *d);
enum yg_step yg_decode_ah(struct yg_decoder *d);

// decode_tunnel.c
enum yg_step yg_decode_gre(struct yg_decoder *d);
// The cursor is at the payload of a UDP packet that was decoded whole; it ends decoded when that is no tunnel.
enum yg_step yg_decode_udp_tunnel(struct yg_decoder *d);

// decode_looks.c: is what the cursor points at plausibly such a packet, of a length that fits? Nothing moves.
bool yg_looks_ipv4(const struct yg_decoder *d);
bool yg_looks_ipv6(const struct yg_decoder *d);
// Length that the IP header at the cursor claims, 0 when it is none that fits.
uint32_t yg_looks_ip_length(const struct yg_decoder *d);
bool yg_looks_ethernet(const struct yg_decoder *d);

// decode_transport.c
enum yg_step yg_decode_protocol(struct yg_decoder *d);
enum yg_step yg_decode_tcp(struct yg_decoder *d);
enum yg_step yg_decode_udp(struct yg_decoder *d);
enum yg_step yg_decode_sctp(struct yg_decoder *d);

// decode_icmp.c
enum yg_step yg_decode_icmp(struct yg_decoder *d);
