// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The view of one packet: what decode found, as offsets into bytes that somebody else owns, and why decoding ended.
#pragma once

#include <stdint.h>

#include "base/time.h"
#include "yagura/plugin.h"

// Link types that capture may deliver (values of our own; capture maps DLT_* and pcapng's onto them).
enum yg_link {
	YG_LINK_ETHERNET,
	YG_LINK_RAW,      // IPv4 or IPv6 by its first nibble
	YG_LINK_SLL,      // Linux cooked v1
	YG_LINK_SLL2,     // Linux cooked v2
	YG_LINK_NULL,     // BSD loopback, 4-byte family of either byte order
	YG_LINK_PPP,      // PPP, with or without HDLC address and control
	YG_LINK_UNKNOWN,
	YG_LINK_COUNT,
};

// How decoding of a packet ended: an index of counters. Exactly one a packet; DECODED alone goes to the flow table.
#define YG_DECODE_ENDS(X)                                                                                                 \
	X(DECODED, "decoded")                     /* a flow key was found */                                                  \
	X(FRAGMENT, "fragment")                   /* taken by reassembly; its whole counts as `reassembled` */                \
	X(LINK_TYPE, "link_type")                 /* a link type that is not decoded */                                       \
	X(LINK_SHORT, "link_short")               /* shorter than its link header */                                          \
	X(VLAN_DEPTH, "vlan_depth")               /* more than 3 VLAN tags */                                                 \
	X(MPLS_DEPTH, "mpls_depth")               /* more than 10 MPLS labels */                                              \
	X(MPLS_UNKNOWN, "mpls_unknown")           /* neither IP nor Ethernet below the labels */                              \
	X(NOT_IP, "not_ip")                       /* another EtherType or LLC: ARP, LLDP, STP, … */                           \
	X(PPPOE_CONTROL, "pppoe_control")         /* PPPoE discovery, PPP control protocols */                                \
	X(IP_VERSION, "ip_version")               /* neither 4 nor 6 */                                                       \
	X(IPV4_SHORT, "ipv4_short")               /* captured bytes end inside the header */                                  \
	X(IPV4_HEADER, "ipv4_header")             /* header length below 20 or above the packet */                            \
	X(IPV4_LENGTH, "ipv4_length")             /* total length below the header's */                                       \
	X(IPV4_CHECKSUM, "ipv4_checksum")         /* wrong header checksum, where checking is on */                           \
	X(IPV6_SHORT, "ipv6_short")               /**/                                                                        \
	X(IPV6_EXT_SHORT, "ipv6_ext_short")       /* captured bytes end inside an extension header */                         \
	X(IPV6_EXT_DEPTH, "ipv6_ext_depth")       /* more than 8 extension headers */                                         \
	X(IPV6_JUMBO, "ipv6_jumbo")               /* jumbogram */                                                             \
	X(TCP_SHORT, "tcp_short")                 /**/                                                                        \
	X(TCP_HEADER, "tcp_header")               /* data offset below 20 or above the segment */                             \
	X(UDP_SHORT, "udp_short")                 /**/                                                                        \
	X(UDP_LENGTH, "udp_length")               /* length below 8 */                                                        \
	X(SCTP_SHORT, "sctp_short")               /**/                                                                        \
	X(ICMP_SHORT, "icmp_short")               /**/                                                                        \
	X(TUNNEL_SHORT, "tunnel_short")           /* captured bytes end inside a tunnel header */                             \
	X(TUNNEL_HEADER, "tunnel_header")         /* a tunnel header that contradicts itself */                               \
	X(DEPTH, "depth")                         /* more than 8 layers */                                                    \
	X(FRAGMENT_BAD, "fragment_bad")           /* beyond 65,535 bytes, or of no length */                                  \
	X(FRAGMENT_TINY, "fragment_tiny")         /* a first fragment without its whole transport header */                   \
	X(FRAGMENT_OVERLAP, "fragment_overlap")   /* IPv6 overlap (RFC 5722): the set is dropped */                           \
	X(FRAGMENT_LIMIT, "fragment_limit")       /* a bound of reassembly was reached */

enum yg_decode_end {
#define X(id, name) YG_DECODE_##id,
	YG_DECODE_ENDS(X)
#undef X
	YG_DECODE_COUNT,
};

// "ipv4_short". Never NULL.
const char *yg_decode_end_name(enum yg_decode_end end);

// Layers that a packet may be wrapped in, counted one by one; also the order of their counters.
#define YG_LAYERS(X)                                                                                                      \
	X(ETHERNET, "ethernet") X(VLAN, "vlan") X(LLC_SNAP, "llc_snap") X(MPLS, "mpls") X(PPPOE, "pppoe") X(PPP, "ppp")          \
	X(SLL, "sll") X(SLL2, "sll2") X(NULL_LOOP, "null") X(IPV4, "ipv4") X(IPV6, "ipv6") X(IPIP, "ipip") X(SIT, "6in4")        \
	X(GRE, "gre") X(ERSPAN1, "erspan1") X(ERSPAN2, "erspan2") X(ERSPAN3, "erspan3") X(VXLAN, "vxlan") X(GENEVE, "geneve")    \
	X(GTPU, "gtpu") X(L2TP, "l2tp") X(TEREDO, "teredo") X(AH, "ah")                                                         \
	X(TCP, "tcp") X(UDP, "udp") X(SCTP, "sctp") X(ICMP, "icmp") X(ICMPV6, "icmpv6") X(ESP, "esp") X(OTHER, "other")

enum yg_layer {
#define X(id, name) YG_LAYER_##id,
	YG_LAYERS(X)
#undef X
	YG_LAYER_COUNT,
};

const char *yg_layer_name(enum yg_layer layer);

#define YG_TCP_FIN 0x01
#define YG_TCP_SYN 0x02
#define YG_TCP_RST 0x04
#define YG_TCP_PSH 0x08
#define YG_TCP_ACK 0x10
#define YG_TCP_URG 0x20

enum yg_view_flags {
	YG_VIEW_IP = 0x01,         // addresses, af and proto are filled (also when decoding ended later)
	YG_VIEW_FRAGMENT = 0x02,   // a fragment, not yet whole; frag_* are filled
	YG_VIEW_TUNNELLED = 0x04,
	YG_VIEW_TRUNCATED = 0x08,  // fewer bytes captured than the IP header claims
	YG_VIEW_ICMP_ERROR = 0x10, // about another flow: `about_*` are filled
	YG_VIEW_REASSEMBLED = 0x20,
	YG_VIEW_NAT_EMBEDDED = 0x40,
};

// The innermost packet that was decoded. Offsets count from the start of the bytes given to decode.
struct yg_view {
	struct yg_time time;
	uint64_t number;         // in file order, from 1; live: the worker's own count
	const uint8_t *data;     // not owned
	uint32_t caplen;         // bytes at data
	uint32_t wirelen;        // of the outer frame, as it was on the wire
	uint32_t l3;             // offset of the innermost IP header
	uint32_t l4;             // offset of the transport header
	uint32_t payload;        // offset of the payload
	uint32_t l3_len;         // bytes of the innermost IP packet that are there (trailing padding left out)
	uint32_t payload_len;    // bytes of payload that are there
	uint32_t ip_bytes;       // length of the innermost IP packet as its header claims
	struct yg_addr src, dst;
	uint16_t sport, dport;   // ICMP: type and code, mapped as in Community ID v1
	uint16_t vlan;           // outermost VLAN id, 0 when none
	uint16_t domain;
	uint32_t tcp_seq, tcp_ack;
	uint32_t frag_id;
	uint16_t frag_offset;    // bytes
	uint16_t frag_header_len;// bytes from l3 to the fragment's own data (IPv6: unfragmentable part and fragment header)
	uint8_t frag_more;
	uint8_t af;              // 4 or 6, 0 before any IP header
	uint8_t proto;           // transport
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint8_t icmp_one_way;    // Community ID: this ICMP type has no counterpart
	uint8_t end;             // enum yg_decode_end
	uint8_t flags;           // enum yg_view_flags
	uint8_t layer_count;
	uint8_t layers[8];       // enum yg_layer, outermost first; MPLS and VLAN count once each however many
	struct yg_addr about_src, about_dst; // YG_VIEW_ICMP_ERROR: the packet that it is about
	uint16_t about_sport, about_dport;
	uint8_t about_proto;
	uint16_t tcp_window;
	uint8_t ttl;
	uint8_t frag_next;       // protocol of what is fragmented
};
