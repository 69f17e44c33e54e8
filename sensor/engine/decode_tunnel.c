// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: GRE with what it carries (IP, Ethernet, ERSPAN I to III, PPP), and the tunnels behind UDP ports. Any thread.
//
// IP says "GRE follows", so a GRE header that contradicts itself has a reason of its own, and one that carries
// something we do not open is a flow of GRE. A port says nothing: a UDP tunnel is believed only when its header is
// consistent and an IP packet or Ethernet frame of fitting length follows. Else the packet stays the UDP packet it is.
#include "engine/decode_internal.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, // version 1
	GRE_VERSION = 0x0007,
};

static enum yg_step into(struct yg_decoder *d, enum yg_layer layer, enum yg_step step)
{
	return yg_layer_push(d, layer) ? step : YG_STEP_DONE;
}

static enum yg_step unopened(struct yg_decoder *d)
{
	return yg_layer_push(d, YG_LAYER_OTHER) ? yg_decode_stop(d, YG_DECODE_DECODED) : YG_STEP_DONE;
}

static enum yg_step erspan2(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 8);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	if (p[0] >> 4 != 1)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	return into(d, YG_LAYER_ERSPAN2, YG_STEP_ETHERNET);
}

static enum yg_step erspan3(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 12);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	unsigned frame_type = p[10] >> 2 & 0x1f;
	if (p[0] >> 4 != 2)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	if ((p[11] & 1) && !yg_skip(&d->r, 8)) // platform specific subheader
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	if (frame_type == 0)
		return into(d, YG_LAYER_ERSPAN3, YG_STEP_ETHERNET);
	return frame_type == 2 ? into(d, YG_LAYER_ERSPAN3, YG_STEP_IP) : unopened(d);
}

// Version 0: RFC 2784, 2890; with a key and Ethernet inside it is NVGRE (RFC 7637).
static enum yg_step gre0(struct yg_decoder *d, uint16_t flags, uint16_t type)
{
	if (flags & GRE_ROUTING)
		return unopened(d);
	size_t options = (flags & GRE_CHECKSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) + (flags & GRE_SEQUENCE ? 4u : 0);
	if (!yg_skip(&d->r, options))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	d->type = type;
	switch (type) {
	case YG_ETHERTYPE_IPV4:
	case YG_ETHERTYPE_IPV6:
	case YG_ETHERTYPE_MPLS:
	case YG_ETHERTYPE_MPLS_UP:
		return into(d, YG_LAYER_GRE, YG_STEP_ETHERTYPE);
	case YG_ETHERTYPE_TEB:
		return into(d, YG_LAYER_GRE, YG_STEP_ETHERNET);
	case YG_ETHERTYPE_ERSPAN:
		if (!yg_layer_push(d, YG_LAYER_GRE))
			return YG_STEP_DONE;
		return flags & GRE_SEQUENCE ? erspan2(d) : into(d, YG_LAYER_ERSPAN1, YG_STEP_ETHERNET);
	case YG_ETHERTYPE_ERSPAN3:
		return yg_layer_push(d, YG_LAYER_GRE) ? erspan3(d) : YG_STEP_DONE;
	default:
		return unopened(d);
	}
}

// Version 1: PPTP (RFC 2637). The key is a payload length and a call.
static enum yg_step gre1(struct yg_decoder *d, uint16_t flags, uint16_t type)
{
	if (type != YG_ETHERTYPE_PPP)
		return unopened(d);
	if (!(flags & GRE_KEY) || (flags & (GRE_CHECKSUM | GRE_ROUTING)))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	const uint8_t *key = yg_take(&d->r, 4);
	if (!key || !yg_skip(&d->r, (flags & GRE_SEQUENCE ? 4u : 0) + (flags & GRE_ACK ? 4u : 0)))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	uint32_t length = yg_load16(key);
	if (length > yg_decode_claimed(d))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	if (!(flags & GRE_SEQUENCE) || !length) // an acknowledgement alone
		return unopened(d);
	yg_decode_narrow(d, length);
	return into(d, YG_LAYER_GRE, YG_STEP_PPP);
}

enum yg_step yg_decode_gre(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 4);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	uint16_t flags = yg_load16(p), type = yg_load16(p + 2);
	switch (flags & GRE_VERSION) {
	case 0:
		return gre0(d, flags, type);
	case 1:
		return gre1(d, flags, type);
	default:
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	}
}

// ---- behind UDP ports: each moves the cursor to what the tunnel carries and names the step, or says DONE ----

static enum yg_step inner_ip(const struct yg_decoder *d)
{
	return yg_looks_ip_length(d) ? YG_STEP_IP : YG_STEP_DONE;
}

static enum yg_step inner_ethernet(const struct yg_decoder *d)
{
	return yg_looks_ethernet(d) ? YG_STEP_ETHERNET : YG_STEP_DONE;
}

// RFC 7348: the I bit says that there is a network identifier; the other bits are ignored, as it asks (some switches
// use them for a group policy).
static enum yg_step vxlan(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 8);
	return p && (p[0] & 0x08) ? inner_ethernet(d) : YG_STEP_DONE;
}

// RFC 8926.
static enum yg_step geneve(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 8);
	if (!p || p[0] >> 6 || !yg_skip(&d->r, (p[0] & 0x3fu) * 4))
		return YG_STEP_DONE;
	switch (yg_load16(p + 2)) {
	case YG_ETHERTYPE_TEB:
		return inner_ethernet(d);
	case YG_ETHERTYPE_IPV4:
		return yg_looks_ipv4(d) ? YG_STEP_IPV4 : YG_STEP_DONE;
	case YG_ETHERTYPE_IPV6:
		return yg_looks_ipv6(d) ? YG_STEP_IPV6 : YG_STEP_DONE;
	default:
		return YG_STEP_DONE;
	}
}

// Extension headers of GTP-U: a length in units of 4 bytes first, the next one's type last.
static bool skip_gtpu_extensions(struct yg_decoder *d, uint8_t next)
{
	for (unsigned i = 0; next && i < YG_GTPU_EXT_MAX; i++) {
		uint32_t length = (yg_left(&d->r) ? d->r.p[0] : 0) * 4u;
		const uint8_t *p = length ? yg_take(&d->r, length) : NULL;
		if (!p)
			return false;
		next = p[length - 1];
	}
	return !next;
}

// 3GPP TS 29.281: version 1, a G-PDU, and an IP packet that fills exactly what the length says. The datagram may be
// longer (seen from open source 5G cores).
static enum yg_step gtpu(struct yg_decoder *d)
{
	const uint8_t *p = yg_take(&d->r, 8);
	if (!p || (p[0] & 0xf8) != 0x30 || p[1] != 0xff || yg_load16(p + 2) > yg_decode_claimed(d))
		return YG_STEP_DONE;
	yg_decode_narrow(d, yg_load16(p + 2));
	if (p[0] & 7) {
		const uint8_t *optional = yg_take(&d->r, 4);
		if (!optional || ((p[0] & 4) && !skip_gtpu_extensions(d, optional[3])))
			return YG_STEP_DONE;
	}
	return yg_looks_ip_length(d) == yg_decode_claimed(d) ? inner_ip(d) : YG_STEP_DONE;
}

// RFC 2661, data messages that carry PPP with IP in it. Control messages and PPP's own stay UDP.
static enum yg_step l2tp(struct yg_decoder *d)
{
	uint32_t claimed = yg_decode_claimed(d);
	uint16_t flags = yg_read16(&d->r);
	if ((flags & 0x000f) != 2 || (flags & 0xb4f0)) // control, or a bit that must be 0
		return YG_STEP_DONE;
	if ((flags & 0x4000) && yg_read16(&d->r) != claimed)
		return YG_STEP_DONE;
	yg_skip(&d->r, flags & 0x0800 ? 8 : 4); // tunnel and session; numbers
	if (flags & 0x0200)
		yg_skip(&d->r, yg_read16(&d->r));
	if (yg_left(&d->r) >= 2 && yg_load16(d->r.p) == 0xff03)
		yg_skip(&d->r, 2);
	uint16_t protocol = yg_read8(&d->r);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | yg_read8(&d->r));
	if (d->r.failed)
		return YG_STEP_DONE;
	if (protocol == 0x0021)
		return yg_looks_ipv4(d) ? YG_STEP_IPV4 : YG_STEP_DONE;
	return protocol == 0x0057 && yg_looks_ipv6(d) ? YG_STEP_IPV6 : YG_STEP_DONE;
}

// RFC 4380: optional authentication, optional origin, then an IPv6 packet that fills the rest.
static enum yg_step teredo(struct yg_decoder *d)
{
	if (yg_left(&d->r) >= 4 && yg_load16(d->r.p) == 0x0001)
		yg_skip(&d->r, 4u + d->r.p[2] + d->r.p[3] + 9);
	if (yg_left(&d->r) >= 8 && yg_load16(d->r.p) == 0x0000)
		yg_skip(&d->r, 8);
	if (d->r.failed || !yg_looks_ipv6(d) || yg_looks_ip_length(d) != yg_decode_claimed(d))
		return YG_STEP_DONE;
	return YG_STEP_IPV6;
}

struct udp_tunnel {
	uint16_t port;
	uint8_t layer;
	enum yg_step (*open)(struct yg_decoder *d);
};

static const struct udp_tunnel udp_tunnels[] = {
    {YG_PORT_VXLAN, YG_LAYER_VXLAN, vxlan},    {YG_PORT_VXLAN_OLD, YG_LAYER_VXLAN, vxlan},
    {YG_PORT_GENEVE, YG_LAYER_GENEVE, geneve}, {YG_PORT_GTPU, YG_LAYER_GTPU, gtpu},
    {YG_PORT_L2TP, YG_LAYER_L2TP, l2tp},       {YG_PORT_TEREDO, YG_LAYER_TEREDO, teredo},
};

enum yg_step yg_decode_udp_tunnel(struct yg_decoder *d)
{
	const struct yg_view *v = d->view;
	for (size_t i = 0; i < sizeof udp_tunnels / sizeof udp_tunnels[0]; i++) {
		const struct udp_tunnel *tunnel = &udp_tunnels[i];
		if (v->dport != tunnel->port && v->sport != tunnel->port)
			continue;
		struct yg_decoder inside = *d;
		enum yg_step step = tunnel->open(&inside);
		if (step != YG_STEP_DONE) {
			*d = inside;
			return into(d, tunnel->layer, step);
		}
	}
	return yg_decode_stop(d, YG_DECODE_DECODED);
}
