// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: ICMP and ICMPv6. Two things are taken out of them: ports in the sense of Community ID v1 (type and the type
// that answers it; type and code where nothing answers), so that a ping and its echo are one flow; and, from an error,
// the flow that it is about, because an ICMP error belongs to that flow's story. Any thread.
#include "engine/decode_internal.h"

// The type that answers `type`, -1 for one that nothing answers. Tables of Community ID v1, both directions.
static int counterpart(uint8_t af, uint8_t type)
{
	static const uint8_t pairs4[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
	static const uint8_t pairs6[][2] = {{128, 129}, {133, 134}, {135, 136}, {130, 131}, {139, 140}, {144, 145}};
	const uint8_t(*pairs)[2] = af == 4 ? pairs4 : pairs6;
	size_t count = af == 4 ? sizeof pairs4 / sizeof pairs4[0] : sizeof pairs6 / sizeof pairs6[0];
	for (size_t i = 0; i < count; i++) {
		if (pairs[i][0] == type)
			return pairs[i][1];
		if (pairs[i][1] == type)
			return pairs[i][0];
	}
	return -1;
}

static bool map_ports(uint8_t af, uint8_t type, uint8_t code, uint16_t *ret_sport, uint16_t *ret_dport)
{
	int answer = counterpart(af, type);
	*ret_sport = type;
	*ret_dport = answer < 0 ? code : (uint16_t)answer;
	return answer >= 0;
}

static bool is_error(uint8_t af, uint8_t type)
{
	if (af == 6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

// Walks the extension headers of an embedded IPv6 packet. False when it is cut or a later fragment: no ports then.
static bool skip_embedded_extensions(struct yg_reader *r, uint8_t *next)
{
	for (unsigned i = 0; i <= YG_IPV6_EXT_MAX; i++) {
		const uint8_t *p = r->p;
		switch (*next) {
		case YG_IP_HOPOPTS:
		case YG_IP_ROUTING:
		case YG_IP_DSTOPTS:
			if (yg_left(r) < 2 || !yg_skip(r, (p[1] + 1u) * 8))
				return false;
			break;
		case YG_IP_FRAGMENT:
			if (!yg_skip(r, 8) || (yg_load16(p + 2) & 0xfff8))
				return false;
			break;
		case YG_IP_AH:
			if (yg_left(r) < 2 || !yg_skip(r, (p[1] + 2u) * 4))
				return false;
			break;
		default:
			return true;
		}
		*next = p[0];
	}
	return false;
}

// The IP header of the embedded packet; leaves the cursor at its transport header.
static bool embedded_ip(struct yg_reader *r, struct yg_view *v, uint8_t *ret_proto)
{
	const uint8_t *p = r->p;
	if (v->af == 4) {
		if (yg_left(r) < 20 || p[0] >> 4 != 4 || (p[0] & 15) < 5 || (yg_load16(p + 6) & 0x1fff))
			return false;
		*ret_proto = p[9];
		memcpy(v->about_src.b, p + 12, 4);
		memcpy(v->about_dst.b, p + 16, 4);
		return yg_skip(r, (p[0] & 15u) * 4);
	}
	if (yg_left(r) < 40 || p[0] >> 4 != 6)
		return false;
	*ret_proto = p[6];
	memcpy(v->about_src.b, p + 8, 16);
	memcpy(v->about_dst.b, p + 24, 16);
	return yg_skip(r, 40) && skip_embedded_extensions(r, ret_proto);
}

static bool embedded_ports(struct yg_reader *r, struct yg_view *v, uint8_t proto)
{
	const uint8_t *p = r->p;
	switch (proto) {
	case YG_IP_TCP:
	case YG_IP_UDP:
	case YG_IP_SCTP:
		if (!yg_skip(r, 4))
			return false;
		v->about_sport = yg_load16(p);
		v->about_dport = yg_load16(p + 2);
		return true;
	case YG_IP_ICMP:
	case YG_IP_ICMPV6:
		if ((proto == YG_IP_ICMP) != (v->af == 4))
			return true; // a protocol like any other there
		if (!yg_skip(r, 2))
			return false;
		map_ports(v->af, p[0], p[1], &v->about_sport, &v->about_dport);
		return true;
	default:
		return true;
	}
}

static void read_embedded(struct yg_decoder *d)
{
	struct yg_view *v = d->view;
	struct yg_reader r = d->r;
	uint8_t proto = 0;
	v->about_sport = v->about_dport = 0;
	if (!embedded_ip(&r, v, &proto) || !embedded_ports(&r, v, proto)) {
		v->about_src = v->about_dst = (struct yg_addr){0};
		return;
	}
	v->about_proto = proto;
	v->flags |= YG_VIEW_ICMP_ERROR;
	// The error goes to whom sent the packet. Where the two differ, an address was translated on the way.
	if (memcmp(v->about_src.b, v->dst.b, sizeof v->dst.b) != 0)
		v->flags |= YG_VIEW_NAT_EMBEDDED;
}

enum yg_step yg_decode_icmp(struct yg_decoder *d)
{
	struct yg_view *v = d->view;
	if (!yg_layer_push(d, v->af == 4 ? YG_LAYER_ICMP : YG_LAYER_ICMPV6))
		return YG_STEP_DONE;
	const uint8_t *p = yg_take(&d->r, 4);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_ICMP_SHORT);
	v->icmp_type = p[0];
	v->icmp_code = p[1];
	v->icmp_one_way = !map_ports(v->af, p[0], p[1], &v->sport, &v->dport);
	uint32_t left = (uint32_t)yg_left(&d->r);
	yg_skip(&d->r, left < 4 ? left : 4); // identifier and number, pointer, MTU or nothing, by type
	v->payload = yg_decode_offset(d);
	v->payload_len = (uint32_t)yg_left(&d->r);
	if (is_error(v->af, p[0]))
		read_embedded(d);
	return yg_decode_stop(d, YG_DECODE_DECODED);
}
