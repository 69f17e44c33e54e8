// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: the loop over layers, behind a straight way for the packets that need none (decode_plain.c). Each layer is a
// step (decode_link.c, decode_ip.c, decode_tunnel.c, decode_transport.c, decode_icmp.c) that reads its header and names
// the next one. A loop over named steps was chosen over layers that call each other: nesting is bounded by one counter,
// costs no stack, and one line shows everything that may follow. Every turn takes bytes from the cursor or pushes a
// layer, so the loop ends. Any thread.
#include "engine/decode_internal.h"

static enum yg_step take_step(struct yg_decoder *d, enum yg_step step)
{
	switch (step) {
	case YG_STEP_ETHERNET:
		return yg_decode_ethernet(d);
	case YG_STEP_ETHERTYPE:
		return yg_decode_ethertype(d);
	case YG_STEP_LLC:
		return yg_decode_llc(d);
	case YG_STEP_MPLS:
		return yg_decode_mpls(d);
	case YG_STEP_PPPOE:
		return yg_decode_pppoe(d);
	case YG_STEP_PPP:
		return yg_decode_ppp(d);
	case YG_STEP_IP:
		return yg_decode_ip(d);
	case YG_STEP_IPV4:
		return yg_decode_ipv4(d);
	case YG_STEP_IPV6:
		return yg_decode_ipv6(d);
	case YG_STEP_PROTOCOL:
		return yg_decode_protocol(d);
	case YG_STEP_AH:
		return yg_decode_ah(d);
	case YG_STEP_GRE:
		return yg_decode_gre(d);
	case YG_STEP_TCP:
		return yg_decode_tcp(d);
	case YG_STEP_UDP:
		return yg_decode_udp(d);
	case YG_STEP_UDP_TUNNEL:
		return yg_decode_udp_tunnel(d);
	case YG_STEP_SCTP:
		return yg_decode_sctp(d);
	case YG_STEP_ICMP:
		return yg_decode_icmp(d);
	case YG_STEP_DONE:
		break;
	}
	return YG_STEP_DONE;
}

static void run(struct yg_decoder *d, enum yg_step step)
{
	while (step != YG_STEP_DONE)
		step = take_step(d, step);
}

void yg_decode_general(const struct yg_decode_options *options, enum yg_link link, const uint8_t *data, uint32_t caplen,
                       uint32_t wirelen, struct yg_view *ret_view)
{
	struct yg_decoder d = {
	    .r = yg_reader_of(data, caplen),
	    .data = data,
	    .options = options,
	    .view = ret_view,
	    .missing = wirelen > caplen ? wirelen - caplen : 0,
	};
	*ret_view = (struct yg_view){.data = data, .caplen = caplen, .wirelen = wirelen};
	run(&d, yg_decode_link(&d, link));
}

void yg_decode(const struct yg_decode_options *options, enum yg_link link, const uint8_t *data, uint32_t caplen,
               uint32_t wirelen, struct yg_view *ret_view)
{
	if (link != YG_LINK_ETHERNET || !yg_decode_plain(options, data, caplen, wirelen, ret_view))
		yg_decode_general(options, link, data, caplen, wirelen, ret_view);
}

// How many of the outer layers come before the innermost IP header, which the whole brings again.
static uint8_t layers_before_ip(const struct yg_view *view)
{
	unsigned count = view->layer_count <= YG_LAYERS_MAX ? view->layer_count : YG_LAYERS_MAX;
	for (unsigned i = count; i > 0; i--)
		if (view->layers[i - 1] == YG_LAYER_IPV4 || view->layers[i - 1] == YG_LAYER_IPV6)
			return (uint8_t)(i - 1);
	return (uint8_t)count;
}

void yg_decode_reassembled(const struct yg_decode_options *options, const struct yg_view *outer, const uint8_t *data,
                           uint32_t len, struct yg_view *ret_view)
{
	struct yg_view view = {
	    .time = outer->time,
	    .number = outer->number,
	    .data = data,
	    .caplen = len,
	    .wirelen = outer->wirelen,
	    .vlan = outer->vlan,
	    .domain = outer->domain,
	    .flags = (uint8_t)(YG_VIEW_REASSEMBLED | (outer->flags & YG_VIEW_TUNNELLED)),
	    .layer_count = layers_before_ip(outer),
	};
	memcpy(view.layers, outer->layers, sizeof view.layers);
	memset(view.layers + view.layer_count, 0, sizeof view.layers - view.layer_count);
	*ret_view = view; // after the last use of outer: they may be one
	struct yg_decoder d = {.r = yg_reader_of(data, len), .data = data, .options = options, .view = ret_view};
	run(&d, YG_STEP_IP);
}
