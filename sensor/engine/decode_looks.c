// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: is this plausibly an IP packet or an Ethernet frame? Asked where nothing in the packet says so: below MPLS
// labels, and behind the UDP ports of tunnels. A yes needs a header that is whole and a length that fits into what is
// around it, so that a DNS answer to port 4789 stays a DNS answer. Looks, moves nothing. Any thread.
#include "engine/decode_internal.h"

static uint32_t ipv4_length(const struct yg_decoder *d)
{
	const uint8_t *p = d->r.p;
	if (yg_left(&d->r) < 20 || p[0] >> 4 != 4)
		return 0;
	uint32_t header = (p[0] & 15u) * 4, total = yg_load16(p + 2);
	return header >= 20 && total >= header && total <= yg_decode_claimed(d) ? total : 0;
}

static uint32_t ipv6_length(const struct yg_decoder *d)
{
	const uint8_t *p = d->r.p;
	if (yg_left(&d->r) < 40 || p[0] >> 4 != 6)
		return 0;
	uint32_t total = 40u + yg_load16(p + 4);
	return total <= yg_decode_claimed(d) ? total : 0;
}

bool yg_looks_ipv4(const struct yg_decoder *d)
{
	return ipv4_length(d) != 0;
}

bool yg_looks_ipv6(const struct yg_decoder *d)
{
	return ipv6_length(d) != 0;
}

uint32_t yg_looks_ip_length(const struct yg_decoder *d)
{
	uint32_t length = ipv4_length(d);
	return length ? length : ipv6_length(d);
}

// An EtherType that a bridge may well carry, other than IP.
static bool known_type(uint16_t type)
{
	switch (type) {
	case YG_ETHERTYPE_MPLS:
	case YG_ETHERTYPE_MPLS_UP:
	case YG_ETHERTYPE_PPPOE:
	case YG_ETHERTYPE_PPPOE_DISCOVERY:
	case 0x8809: // LACP
	case 0x888e: // 802.1X
	case 0x88cc: // LLDP
	case 0x8902: // CFM
		return true;
	default:
		return false;
	}
}

bool yg_looks_ethernet(const struct yg_decoder *d)
{
	struct yg_decoder at = *d;
	const uint8_t *p = yg_take(&at.r, 14);
	if (!p)
		return false;
	uint16_t type = yg_load16(p + 12);
	for (unsigned tags = 0; tags < YG_VLAN_MAX && (type == 0x8100 || type == 0x88a8 || type == 0x9100); tags++) {
		p = yg_take(&at.r, 4);
		if (!p)
			return false;
		type = yg_load16(p + 2);
	}
	switch (type) {
	case YG_ETHERTYPE_IPV4:
		return yg_looks_ipv4(&at);
	case YG_ETHERTYPE_IPV6:
		return yg_looks_ipv6(&at);
	case YG_ETHERTYPE_ARP:
		return yg_left(&at.r) >= 28 && yg_load16(at.r.p + 2) == YG_ETHERTYPE_IPV4;
	default:
		break;
	}
	if (type >= 0x0600)
		return known_type(type);
	// 802.3: at least an LLC header, in a frame that is as long as it says or was padded to the shortest one.
	uint32_t claimed = yg_decode_claimed(&at);
	return type >= 3 && (type == claimed || (type < claimed && claimed <= 46));
}
