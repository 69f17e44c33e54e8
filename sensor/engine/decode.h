// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// decode: bytes in, a view out. Pure and without state: no table, no clock, no allocation, at most eight layers, a named
// reason for every packet that goes no further. It looks into encapsulations (see YG_LAYERS) and ends at the innermost
// transport header; payload is not interpreted, with one exception that the encapsulations force: the fixed headers
// of VXLAN, Geneve, GTP-U, L2TP and Teredo at their UDP ports, each believed only when it is consistent and what follows
// is an IP packet or Ethernet frame of fitting length. A UDP packet that only looks like a tunnel stays UDP.
//
// Any thread.
#pragma once

#include "model/packet.h"

struct yg_decode_options {
	bool ipv4_checksum;  // end packets whose IPv4 header checksum is wrong
	bool domain_vlan;    // domain = outermost VLAN id
};

// Decodes a frame of link type `link`. The caller has zeroed nothing: *ret_view is written whole. time and number are left 0.
// view->end is YG_DECODE_DECODED, YG_DECODE_FRAGMENT (flags & YG_VIEW_FRAGMENT: hand it to reassembly) or a reason.
void yg_decode(const struct yg_decode_options *options, enum yg_link link, const uint8_t *data, uint32_t caplen,
	       uint32_t wirelen, struct yg_view *ret_view);

// The same, always layer by layer: what yg_decode does with any packet that is not of the common kind. For tests, which
// compare the two; there is no other reason to call it.
void yg_decode_general(const struct yg_decode_options *options, enum yg_link link, const uint8_t *data, uint32_t caplen,
                       uint32_t wirelen, struct yg_view *ret_view);

// ---- the straight way ----

// A packet of the common kind (see decode_plain.c) as far as its flow and its counters need it. The frame's bytes must outlive it.
struct yg_plain {
	const uint8_t *data;
	uint32_t caplen, wirelen;
	uint32_t ip_bytes, payload_len;
	uint16_t domain;
	uint8_t kind;            // enum yg_plain_kind, added up
	uint8_t tcp_flags;       // UDP: 0
	uint8_t shut;            // TCP: its window is zero
};

enum yg_plain_kind { YG_PLAIN_UDP = 1, YG_PLAIN_IPV6 = 2, YG_PLAIN_TAGGED = 4, YG_PLAIN_KINDS = 8 };

extern const uint8_t yg_plain_layers[YG_PLAIN_KINDS][8];

// False when an Ethernet frame is of no such kind: then *ret_plain says nothing and yg_decode_general decides.
bool yg_plain_take(const struct yg_decode_options *options, const uint8_t *data, uint32_t caplen, uint32_t wirelen,
                   struct yg_plain *ret_plain);

// The view that yg_decode gives of it.
void yg_plain_view(const struct yg_plain *plain, struct yg_view *ret_view);

static inline unsigned yg_plain_l3(const struct yg_plain *plain)
{
	_Static_assert(YG_PLAIN_TAGGED == 4, "as long as a tag");
	return 14 + (plain->kind & YG_PLAIN_TAGGED);
}

static inline unsigned yg_plain_l4(const struct yg_plain *plain)
{
	_Static_assert(YG_PLAIN_IPV6 == 2, "ten of them are what the longer header is longer");
	return yg_plain_l3(plain) + 20 + (plain->kind & YG_PLAIN_IPV6) * 10;
}

// Continues with a whole IP packet that reassembly has put together; `outer` is the view of its last fragment, whose
// layers, domain and outer length are kept.
void yg_decode_reassembled(const struct yg_decode_options *options, const struct yg_view *outer, const uint8_t *data,
			   uint32_t len, struct yg_view *ret_view);
