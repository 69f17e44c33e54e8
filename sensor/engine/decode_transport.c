// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: what follows an IP header. TCP, UDP and SCTP give ports; a tunnel leads on; anything else is a flow between
// two addresses, with no ports, and ends decoded as well. Any thread.
//
// A fixed header must be whole. Options of TCP that the snap length cut off do not matter: ports, numbers and flags
// stand before them.
#include "engine/decode_internal.h"

static enum yg_step flow_of(struct yg_decoder *d, enum yg_layer layer)
{
	return yg_layer_push(d, layer) ? yg_decode_stop(d, YG_DECODE_DECODED) : YG_STEP_DONE;
}

static enum yg_step into_ip(struct yg_decoder *d, enum yg_layer layer, enum yg_step step)
{
	return yg_layer_push(d, layer) ? step : YG_STEP_DONE;
}

enum yg_step yg_decode_protocol(struct yg_decoder *d)
{
	switch (d->type) {
	case YG_IP_TCP:
		return YG_STEP_TCP;
	case YG_IP_UDP:
		return YG_STEP_UDP;
	case YG_IP_SCTP:
		return YG_STEP_SCTP;
	case YG_IP_ICMP:
		return d->view->af == 4 ? YG_STEP_ICMP : flow_of(d, YG_LAYER_OTHER);
	case YG_IP_ICMPV6:
		return d->view->af == 6 ? YG_STEP_ICMP : flow_of(d, YG_LAYER_OTHER);
	case YG_IP_IPIP:
		return into_ip(d, YG_LAYER_IPIP, YG_STEP_IPV4);
	case YG_IP_IPV6:
		return into_ip(d, YG_LAYER_SIT, YG_STEP_IPV6);
	case YG_IP_GRE:
		return YG_STEP_GRE;
	case YG_IP_AH:
		return YG_STEP_AH;
	case YG_IP_ESP:
		return flow_of(d, YG_LAYER_ESP);
	default:
		return flow_of(d, YG_LAYER_OTHER);
	}
}

static void set_payload(struct yg_decoder *d)
{
	d->view->payload = yg_decode_offset(d);
	d->view->payload_len = (uint32_t)yg_left(&d->r);
}

enum yg_step yg_decode_tcp(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_TCP))
		return YG_STEP_DONE;
	uint32_t claimed = yg_decode_claimed(d);
	const uint8_t *p = yg_take(&d->r, 20);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_TCP_SHORT);
	struct yg_view *v = d->view;
	uint32_t header = (p[12] >> 4) * 4u;
	v->sport = yg_load16(p);
	v->dport = yg_load16(p + 2);
	v->tcp_seq = yg_load32(p + 4);
	v->tcp_ack = yg_load32(p + 8);
	v->tcp_flags = p[13];
	v->tcp_window = yg_load16(p + 14);
	if (header < 20 || header > claimed)
		return yg_decode_stop(d, YG_DECODE_TCP_HEADER);
	uint32_t options = header - 20, left = (uint32_t)yg_left(&d->r);
	yg_skip(&d->r, options < left ? options : left);
	set_payload(d);
	return yg_decode_stop(d, YG_DECODE_DECODED);
}

enum yg_step yg_decode_udp(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_UDP))
		return YG_STEP_DONE;
	uint32_t claimed = yg_decode_claimed(d);
	const uint8_t *p = yg_take(&d->r, 8);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_UDP_SHORT);
	struct yg_view *v = d->view;
	v->sport = yg_load16(p);
	v->dport = yg_load16(p + 2);
	uint32_t length = yg_load16(p + 4);
	if (length < 8)
		return yg_decode_stop(d, YG_DECODE_UDP_LENGTH);
	if (length <= claimed) // else IP's length holds
		yg_decode_narrow(d, length - 8);
	set_payload(d);
	if (yg_is_tunnel_port(v->dport) || yg_is_tunnel_port(v->sport))
		return YG_STEP_UDP_TUNNEL;
	return yg_decode_stop(d, YG_DECODE_DECODED);
}

enum yg_step yg_decode_sctp(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_SCTP))
		return YG_STEP_DONE;
	const uint8_t *p = yg_take(&d->r, 12);
	if (!p)
		return yg_decode_stop(d, YG_DECODE_SCTP_SHORT);
	d->view->sport = yg_load16(p);
	d->view->dport = yg_load16(p + 2);
	set_payload(d);
	return yg_decode_stop(d, YG_DECODE_DECODED);
}
