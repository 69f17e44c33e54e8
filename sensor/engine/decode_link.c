// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode, below IP: Ethernet, VLAN, 802.3 with LLC and SNAP, MPLS, PPPoE, PPP, Linux cooked, loopback. Any thread.
//
// A stack of tags or labels is one layer, read by one step: so the limits of a stack (3 tags, 10 labels) and that of
// nesting (8 layers) have reasons of their own.
#include "engine/decode_internal.h"

enum {
	ETHERTYPE_MIN = 0x0600, // below it the field is an 802.3 length
	LENGTH_MAX = 1500,
	LLC_SNAP_SAP = 0xaa,
	LLC_IP_SAP = 0x06,
	LLC_UI = 0x03,
};

static bool is_vlan(uint16_t type)
{
	return type == YG_ETHERTYPE_VLAN || type == YG_ETHERTYPE_QINQ || type == YG_ETHERTYPE_QINQ_OLD;
}

// d->type is the first tag's. Leaves what follows the last tag in d->type.
static bool vlan_stack(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_VLAN))
		return false;
	for (unsigned tags = 0; is_vlan(d->type); tags++) {
		if (tags == YG_VLAN_MAX) {
			d->view->end = YG_DECODE_VLAN_DEPTH;
			return false;
		}
		const uint8_t *p = yg_take(&d->r, 4);
		if (!p) {
			d->view->end = YG_DECODE_LINK_SHORT;
			return false;
		}
		// The first tag that names a VLAN: a priority tag (id 0) names none.
		if (!d->view->vlan)
			d->view->vlan = yg_load16(p) & 0x0fff;
		d->type = yg_load16(p + 2);
	}
	if (d->options->domain_vlan)
		d->view->domain = d->view->vlan;
	return true;
}

static enum yg_step by_length(struct yg_decoder *d)
{
	if (d->type > LENGTH_MAX)
		return yg_decode_stop(d, YG_DECODE_NOT_IP);
	// A length of 0 or above what is there is no 802.3 length of ours to trust: the frame's own end holds.
	if (d->type && d->type <= yg_decode_claimed(d))
		yg_decode_narrow(d, d->type);
	return YG_STEP_LLC;
}

enum yg_step yg_decode_ethertype(struct yg_decoder *d)
{
	if (is_vlan(d->type) && !vlan_stack(d))
		return YG_STEP_DONE;
	switch (d->type) {
	case YG_ETHERTYPE_IPV4:
		return YG_STEP_IPV4;
	case YG_ETHERTYPE_IPV6:
		return YG_STEP_IPV6;
	case YG_ETHERTYPE_MPLS:
	case YG_ETHERTYPE_MPLS_UP:
		return YG_STEP_MPLS;
	case YG_ETHERTYPE_PPPOE:
		return YG_STEP_PPPOE;
	case YG_ETHERTYPE_PPPOE_DISCOVERY:
		return yg_decode_stop(d, YG_DECODE_PPPOE_CONTROL);
	case YG_ETHERTYPE_PPP:
		return YG_STEP_PPP;
	default:
		return d->type < ETHERTYPE_MIN ? by_length(d) : yg_decode_stop(d, YG_DECODE_NOT_IP);
	}
}

enum yg_step yg_decode_ethernet(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_ETHERNET))
		return YG_STEP_DONE;
	const uint8_t *p = yg_take(&d->r, 14);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	d->type = yg_load16(p + 12);
	if (d->type == YG_ETHERTYPE_IPV4)
		return YG_STEP_IPV4;
	return YG_STEP_ETHERTYPE;
}

enum yg_step yg_decode_llc(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_LLC_SNAP))
		return YG_STEP_DONE;
	const uint8_t *llc = yg_take(&d->r, 3);
	if (!llc)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	if (llc[0] == LLC_IP_SAP && llc[1] == LLC_IP_SAP && llc[2] == LLC_UI)
		return YG_STEP_IPV4;
	if (llc[0] != LLC_SNAP_SAP || llc[1] != LLC_SNAP_SAP || llc[2] != LLC_UI)
		return yg_decode_stop(d, YG_DECODE_NOT_IP);
	const uint8_t *snap = yg_take(&d->r, 5);
	if (!snap)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	// 00-00-00 and 00-00-f8 (802.1H) are followed by an EtherType; any other organisation by something of its own.
	uint32_t organisation = yg_load24(snap);
	d->type = yg_load16(snap + 3);
	if ((organisation && organisation != 0x0000f8) || d->type < ETHERTYPE_MIN)
		return yg_decode_stop(d, YG_DECODE_NOT_IP);
	return YG_STEP_ETHERTYPE;
}

// What is below the labels is not written in the packet; it is told by its first bytes, as a router's load balancer
// does. 4 and 6 are IP unless only an Ethernet frame makes sense of them (a pseudowire without control word whose first
// address begins so). Sixteen bits of 0 begin a control word (RFC 4448); asking for all of them keeps a tagged frame
// without control word, whose tag is as long as one, from being taken for an untagged frame with one.
static enum yg_step below_labels(struct yg_decoder *d)
{
	if (!yg_left(&d->r))
		return yg_decode_stop(d, YG_DECODE_MPLS_UNKNOWN);
	unsigned nibble = d->r.p[0] >> 4;
	if (nibble == 4 && (yg_looks_ipv4(d) || !yg_looks_ethernet(d)))
		return YG_STEP_IPV4;
	if (nibble == 6 && (yg_looks_ipv6(d) || !yg_looks_ethernet(d)))
		return YG_STEP_IPV6;
	if (yg_left(&d->r) > 4 && yg_load16(d->r.p) == 0) {
		struct yg_decoder behind = *d;
		if (yg_skip(&behind.r, 4) && yg_looks_ethernet(&behind)) {
			d->r = behind.r;
			return YG_STEP_ETHERNET;
		}
	}
	return yg_looks_ethernet(d) ? YG_STEP_ETHERNET : yg_decode_stop(d, YG_DECODE_MPLS_UNKNOWN);
}

enum yg_step yg_decode_mpls(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_MPLS))
		return YG_STEP_DONE;
	for (unsigned labels = 0; labels < YG_MPLS_MAX; labels++) {
		const uint8_t *p = yg_take(&d->r, 4);
		if (!p)
			return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
		if (p[2] & 1) // bottom of stack
			return below_labels(d);
	}
	return yg_decode_stop(d, YG_DECODE_MPLS_DEPTH);
}

static enum yg_step ppp_protocol(struct yg_decoder *d, uint16_t protocol)
{
	switch (protocol) {
	case 0x0021:
		return YG_STEP_IPV4;
	case 0x0057:
		return YG_STEP_IPV6;
	case 0x0281:
	case 0x0283:
		return YG_STEP_MPLS;
	default:
		break;
	}
	if (protocol >= 0x8000) // LCP, authentication, network control
		return yg_decode_stop(d, YG_DECODE_PPPOE_CONTROL);
	// Compressed or encrypted. Inside a tunnel the tunnel itself is what can be known: it ends decoded.
	if (!(d->view->flags & YG_VIEW_IP))
		return yg_decode_stop(d, YG_DECODE_NOT_IP);
	return yg_layer_push(d, YG_LAYER_OTHER) ? yg_decode_stop(d, YG_DECODE_DECODED) : YG_STEP_DONE;
}

// A PPP frame from its protocol on, or from HDLC address and control on; the protocol may be compressed to one byte.
static enum yg_step ppp_frame(struct yg_decoder *d)
{
	if (yg_left(&d->r) >= 2 && d->r.p[0] == 0xff && d->r.p[1] == 0x03)
		yg_skip(&d->r, 2);
	uint16_t protocol = yg_read8(&d->r);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | yg_read8(&d->r));
	if (d->r.failed)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	return ppp_protocol(d, protocol);
}

enum yg_step yg_decode_ppp(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_PPP))
		return YG_STEP_DONE;
	const uint8_t *p = d->r.p;
	// Cisco's HDLC, which captures of serial lines carry under the same link type: unicast or broadcast, 0,
	// EtherType.
	if (yg_left(&d->r) >= 4 && (p[0] == 0x0f || p[0] == 0x8f) && p[1] == 0) {
		d->type = yg_load16(p + 2);
		yg_skip(&d->r, 4);
		return d->type < ETHERTYPE_MIN ? yg_decode_stop(d, YG_DECODE_NOT_IP) : YG_STEP_ETHERTYPE;
	}
	return ppp_frame(d);
}

// RFC 2516. PPPoE is always PPP: the pair is one layer.
enum yg_step yg_decode_pppoe(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_PPPOE))
		return YG_STEP_DONE;
	const uint8_t *p = yg_take(&d->r, 6);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	if (p[0] != 0x11)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	if (p[1]) // not session data
		return yg_decode_stop(d, YG_DECODE_PPPOE_CONTROL);
	uint32_t length = yg_load16(p + 4);
	if (length < 2 || length > yg_decode_claimed(d))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	yg_decode_narrow(d, length);
	return ppp_frame(d);
}

// Linux cooked capture. Its protocol is an EtherType, or one of a few numbers of its own: 1 and 4 are 802.3 and 802.2.
static enum yg_step cooked(struct yg_decoder *d, enum yg_layer layer, size_t size, size_t protocol_at)
{
	if (!yg_layer_push(d, layer))
		return YG_STEP_DONE;
	const uint8_t *p = yg_take(&d->r, size);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	d->type = yg_load16(p + protocol_at);
	if (d->type == 0x0004)
		return YG_STEP_LLC;
	return d->type < ETHERTYPE_MIN ? yg_decode_stop(d, YG_DECODE_NOT_IP) : YG_STEP_ETHERTYPE;
}

// BSD loopback: the address family in the byte order of the machine that captured, so either is right.
static enum yg_step loopback(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_NULL_LOOP))
		return YG_STEP_DONE;
	uint32_t family = yg_read32(&d->r);
	if (d->r.failed)
		return yg_decode_stop(d, YG_DECODE_LINK_SHORT);
	if (family & 0xffff0000)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
		return YG_STEP_IPV4;
	case 10: // Linux
	case 24: // NetBSD, OpenBSD
	case 28: // FreeBSD
	case 30: // Darwin
		return YG_STEP_IPV6;
	default:
		return yg_decode_stop(d, YG_DECODE_NOT_IP);
	}
}

enum yg_step yg_decode_link(struct yg_decoder *d, enum yg_link link)
{
	switch (link) {
	case YG_LINK_ETHERNET:
		return YG_STEP_ETHERNET;
	case YG_LINK_RAW:
		return YG_STEP_IP;
	case YG_LINK_SLL:
		return cooked(d, YG_LAYER_SLL, 16, 14);
	case YG_LINK_SLL2:
		return cooked(d, YG_LAYER_SLL2, 20, 0);
	case YG_LINK_NULL:
		return loopback(d);
	case YG_LINK_PPP:
		return YG_STEP_PPP;
	case YG_LINK_UNKNOWN:
	case YG_LINK_COUNT:
		break;
	}
	return yg_decode_stop(d, YG_DECODE_LINK_TYPE);
}
