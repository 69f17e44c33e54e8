// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What decode must do with faults, limits and lies, and that its straight way (decode_plain.c) says the same as its loop
// of any packet. That it opens every encapsulation is shown by tests/replay/decode_list.py.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "engine/decode_internal.h"
#include "model/flow.h"

static const struct yg_decode_options plain = {0};

// A packet under construction: headers are put one behind the other.
struct packet {
	uint8_t b[2048];
	uint32_t len;
};

static void put(struct packet *p, const void *bytes, uint32_t len)
{
	memcpy(p->b + p->len, bytes, len);
	p->len += len;
}

static void put16(struct packet *p, uint16_t v)
{
	yg_store16(p->b + p->len, v);
	p->len += 2;
}

static void put_zero(struct packet *p, uint32_t len)
{
	memset(p->b + p->len, 0, len);
	p->len += len;
}

static void put_ethernet(struct packet *p, uint16_t type)
{
	put(p, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	put16(p, type);
}

// 192.0.2.1 > 192.0.2.2, `body` bytes behind it.
static void put_ipv4(struct packet *p, uint8_t proto, uint16_t body)
{
	put(p, "\x45\0", 2);
	put16(p, (uint16_t)(20 + body));
	put(p, "\0\1\0\0\x40", 5);
	put(p, &proto, 1);
	put(p, "\0\0\xc0\0\2\1\xc0\0\2\2", 10);
}

static void put_ipv6(struct packet *p, uint8_t proto, uint16_t body)
{
	put(p, "\x60\0\0\0", 4);
	put16(p, body);
	put(p, &proto, 1);
	put(p, "\x40\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 17);
	put(p, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
}

static void put_udp(struct packet *p, uint16_t sport, uint16_t dport, uint16_t body)
{
	put16(p, sport);
	put16(p, dport);
	put16(p, (uint16_t)(8 + body));
	put16(p, 0);
}

static void put_tcp(struct packet *p, uint8_t words)
{
	put(p, "\0\x50\1\xbb\0\0\0\7\0\0\0\x09", 12);
	uint8_t offset = (uint8_t)(words << 4);
	put(p, &offset, 1);
	put(p, "\x12\4\0\0\0\0\0", 7);
}

static struct yg_view view_of(const struct packet *p, enum yg_link link)
{
	struct yg_view v;
	memset(&v, 0xa5, sizeof v); // nothing of what was there may stay
	yg_decode(&plain, link, p->b, p->len, p->len, &v);
	return v;
}

static void assert_end(const struct packet *p, enum yg_link link, enum yg_decode_end end)
{
	struct yg_view v = view_of(p, link);
	assert_string_equal(yg_decode_end_name(v.end), yg_decode_end_name(end));
}

static void tcp_over_ipv4_gives_ports_numbers_and_flags(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ethernet(&p, 0x0800);
	put_ipv4(&p, 6, 23);
	put_tcp(&p, 5);
	put(&p, "abcPADDING", 10);
	struct yg_view v = view_of(&p, YG_LINK_ETHERNET);
	assert_int_equal(v.end, YG_DECODE_DECODED);
	assert_int_equal(v.flags, YG_VIEW_IP);
	assert_int_equal(v.sport, 80);
	assert_int_equal(v.dport, 443);
	assert_int_equal(v.tcp_seq, 7);
	assert_int_equal(v.tcp_ack, 9);
	assert_int_equal(v.tcp_flags, YG_TCP_SYN | YG_TCP_ACK);
	assert_int_equal(v.tcp_window, 1024);
	assert_int_equal(v.ttl, 64);
	assert_int_equal(v.l3, 14);
	assert_int_equal(v.l4, 34);
	assert_int_equal(v.payload, 54);
	assert_int_equal(v.payload_len, 3);
	assert_int_equal(v.l3_len, 43);
	assert_int_equal(v.ip_bytes, 43);
	assert_int_equal(v.time.ns, 0);
}

static void every_cut_of_a_packet_has_a_reason(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ethernet(&p, 0x86dd);
	put_ipv6(&p, 6, 20);
	put_tcp(&p, 5);
	for (uint32_t len = 0; len < p.len; len++) {
		struct yg_view v;
		yg_decode(&plain, YG_LINK_ETHERNET, p.b, len, p.len, &v);
		enum yg_decode_end end = len < 14   ? YG_DECODE_LINK_SHORT
		                         : len < 54 ? YG_DECODE_IPV6_SHORT
		                                    : YG_DECODE_TCP_SHORT;
		assert_int_equal(v.end, end);
	}
}

static void faults_of_an_ipv4_header_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		uint32_t at;
		uint8_t value;
		enum yg_decode_end end;
	} faults[] = {
	    {0, 0x55, YG_DECODE_IP_VERSION},  {0, 0x44, YG_DECODE_IPV4_HEADER}, {3, 19, YG_DECODE_IPV4_LENGTH},
	    {0, 0x4f, YG_DECODE_IPV4_LENGTH}, {9, 6, YG_DECODE_TCP_SHORT},      {9, 132, YG_DECODE_SCTP_SHORT},
	    {9, 47, YG_DECODE_DECODED},       {9, 50, YG_DECODE_DECODED},       {9, 255, YG_DECODE_DECODED},
	};
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct packet p = {0};
		put_ethernet(&p, 0x0800);
		put_ipv4(&p, 17, 8);
		put_udp(&p, 0x4000, 2, 0); // as GRE: the routing bit, which is not opened
		p.b[14 + faults[i].at] = faults[i].value;
		assert_end(&p, YG_LINK_ETHERNET, faults[i].end);
	}
}

static void a_header_longer_than_its_packet_is_a_fault(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ethernet(&p, 0x0800);
	put_ipv4(&p, 17, 8);
	p.b[14] = 0x4f; // 60 bytes of header, and a length of "as captured": 28
	p.b[16] = p.b[17] = 0;
	put_udp(&p, 1, 2, 0);
	assert_end(&p, YG_LINK_ETHERNET, YG_DECODE_IPV4_HEADER);
}

static void a_wrong_checksum_ends_only_where_it_is_checked(void **state)
{
	(void)state;
	static const struct yg_decode_options checking = {.ipv4_checksum = true};
	struct packet p = {0};
	struct yg_view v;
	put_ethernet(&p, 0x0800);
	put_ipv4(&p, 17, 8);
	put_udp(&p, 1, 2, 0);
	assert_end(&p, YG_LINK_ETHERNET, YG_DECODE_DECODED);
	yg_decode(&checking, YG_LINK_ETHERNET, p.b, p.len, p.len, &v);
	assert_int_equal(v.end, YG_DECODE_IPV4_CHECKSUM);
	yg_store16(p.b + 24, 0xf6cc); // by hand: the complement of 4500+001c+0001+4011+c000+0201+c000+0202
	yg_decode(&checking, YG_LINK_ETHERNET, p.b, p.len, p.len, &v);
	assert_int_equal(v.end, YG_DECODE_DECODED);
}

static void faults_of_transport_headers_are_told_apart(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ipv4(&p, 17, 8);
	put_udp(&p, 1, 2, 0);
	p.b[25] = 7;
	assert_end(&p, YG_LINK_RAW, YG_DECODE_UDP_LENGTH);
	p = (struct packet){0};
	put_ipv4(&p, 6, 20);
	put_tcp(&p, 4);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_TCP_HEADER);
	p.b[32] = 0x60; // 24 bytes of header in a segment of 20
	assert_end(&p, YG_LINK_RAW, YG_DECODE_TCP_HEADER);
	p = (struct packet){0};
	put_ipv4(&p, 17, 7);
	put_zero(&p, 7);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_UDP_SHORT);
	p = (struct packet){0};
	put_ipv4(&p, 1, 3);
	put_zero(&p, 3);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_ICMP_SHORT);
}

static void tcp_options_cut_by_the_snap_length_do_not_matter(void **state)
{
	(void)state;
	struct packet p = {0};
	struct yg_view v;
	put_ipv4(&p, 6, 140);
	put_tcp(&p, 10);
	yg_decode(&plain, YG_LINK_RAW, p.b, p.len, 160, &v);
	assert_int_equal(v.end, YG_DECODE_DECODED);
	assert_int_equal(v.dport, 443);
	assert_int_equal(v.payload_len, 0);
	assert_int_equal(v.ip_bytes, 160);
	assert_int_equal(v.flags, YG_VIEW_IP | YG_VIEW_TRUNCATED);
}

static void link_types_that_are_not_decoded_say_so(void **state)
{
	(void)state;
	struct packet p = {.len = 40};
	assert_end(&p, YG_LINK_UNKNOWN, YG_DECODE_LINK_TYPE);
	assert_end(&p, (enum yg_link)99, YG_DECODE_LINK_TYPE);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_IP_VERSION);
	assert_end(&p, YG_LINK_NULL, YG_DECODE_NOT_IP);
	p.len = 3;
	assert_end(&p, YG_LINK_NULL, YG_DECODE_LINK_SHORT);
	assert_end(&p, YG_LINK_SLL, YG_DECODE_LINK_SHORT);
	assert_end(&p, YG_LINK_SLL2, YG_DECODE_LINK_SHORT);
	p.len = 1;
	assert_end(&p, YG_LINK_PPP, YG_DECODE_LINK_SHORT);
}

static void the_domain_is_the_outermost_vlan_where_asked(void **state)
{
	(void)state;
	static const struct yg_decode_options by_vlan = {.domain_vlan = true};
	struct packet p = {0};
	put_ethernet(&p, 0x88a8);
	put(&p, "\x20\x64\x81\0\0\7\x08\0", 8); // priority 1, VLAN 100; VLAN 7
	put_ipv4(&p, 17, 8);
	put_udp(&p, 1, 2, 0);
	struct yg_view v = view_of(&p, YG_LINK_ETHERNET);
	assert_int_equal(v.vlan, 100);
	assert_int_equal(v.domain, 0);
	yg_decode(&by_vlan, YG_LINK_ETHERNET, p.b, p.len, p.len, &v);
	assert_int_equal(v.domain, 100);
}

static void extension_headers_end_at_their_bounds(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ipv6(&p, 0, 8);
	put(&p, "\x11\1\1\4\0\0\0\0", 8); // says 16 bytes
	assert_end(&p, YG_LINK_RAW, YG_DECODE_IPV6_EXT_SHORT);
	p = (struct packet){0};
	put_ipv6(&p, 44, 4);
	put_zero(&p, 4);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_IPV6_EXT_SHORT);
	p = (struct packet){0};
	put_ipv6(&p, 51, 8);
	put(&p, "\x11\0\0\0\0\0\0\0", 8);
	assert_end(&p, YG_LINK_RAW, YG_DECODE_TUNNEL_SHORT);
	put_zero(&p, 4);
	p.b[5] = 12;
	assert_end(&p, YG_LINK_RAW, YG_DECODE_TUNNEL_HEADER);
}

static void a_fragment_of_either_kind_ends_as_fragment(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ipv4(&p, 17, 16);
	put_zero(&p, 16);
	yg_store16(p.b + 6, 0x2000 | 3);
	struct yg_view v = view_of(&p, YG_LINK_RAW);
	assert_int_equal(v.end, YG_DECODE_FRAGMENT);
	assert_int_equal(v.flags, YG_VIEW_IP | YG_VIEW_FRAGMENT);
	assert_int_equal(v.frag_offset, 24);
	assert_int_equal(v.frag_more, 1);
	assert_int_equal(v.frag_id, 1);
	assert_int_equal(v.frag_next, 17);
	assert_int_equal(v.frag_header_len, 20);
	p = (struct packet){0};
	put_ipv6(&p, 60, 24);
	put(&p, "\x2c\0\1\4\0\0\0\0\x3a\0\0\x50\0\0\1\2", 16);
	put_zero(&p, 8);
	v = view_of(&p, YG_LINK_RAW);
	assert_int_equal(v.end, YG_DECODE_FRAGMENT);
	assert_int_equal(v.frag_offset, 80);
	assert_int_equal(v.frag_more, 0);
	assert_int_equal(v.frag_id, 0x102);
	assert_int_equal(v.frag_next, 58);
	assert_int_equal(v.frag_header_len, 56);
}

static void an_icmp_error_names_the_flow_that_it_is_about(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ipv4(&p, 1, 36);
	put(&p, "\3\1\0\0\0\0\0\0", 8);
	uint32_t embedded = p.len;
	put_ipv4(&p, 17, 100);
	put_udp(&p, 1000, 53, 92);
	memcpy(p.b + embedded + 12, "\xc0\0\2\2\xc0\0\2\1", 8); // from .2 to .1
	struct yg_view v = view_of(&p, YG_LINK_RAW);
	assert_int_equal(v.end, YG_DECODE_DECODED);
	assert_int_equal(v.flags, YG_VIEW_IP | YG_VIEW_ICMP_ERROR);
	assert_int_equal(v.sport, 3);
	assert_int_equal(v.dport, 1);
	assert_int_equal(v.icmp_one_way, 1);
	assert_int_equal(v.about_proto, 17);
	assert_int_equal(v.about_sport, 1000);
	assert_int_equal(v.about_dport, 53);
	assert_int_equal(v.about_src.b[3], 2);
	assert_int_equal(v.about_dst.b[3], 1);
	p.b[embedded + 15] = 9; // translated on the way
	assert_int_equal(view_of(&p, YG_LINK_RAW).flags, YG_VIEW_IP | YG_VIEW_ICMP_ERROR | YG_VIEW_NAT_EMBEDDED);
	p.b[embedded + 7] = 4; // a later fragment has no ports
	assert_int_equal(view_of(&p, YG_LINK_RAW).flags, YG_VIEW_IP);
}

static void icmp_types_have_the_ports_of_community_id(void **state)
{
	(void)state;
	static const uint8_t rows[][4] = {
	    // version, type, counterpart, one way
	    {4, 8, 0, 0},     {4, 0, 8, 0},     {4, 13, 14, 0},   {4, 16, 15, 0},   {4, 9, 10, 0},    {4, 17, 18, 0},
	    {4, 3, 5, 1},     {6, 128, 129, 0}, {6, 129, 128, 0}, {6, 130, 131, 0}, {6, 134, 133, 0}, {6, 135, 136, 0},
	    {6, 139, 140, 0}, {6, 145, 144, 0}, {6, 143, 5, 1},   {6, 8, 5, 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct packet p = {0};
		if (rows[i][0] == 4)
			put_ipv4(&p, 1, 8);
		else
			put_ipv6(&p, 58, 8);
		put(&p, &rows[i][1], 1);
		put(&p, "\5\0\0\0\0\0\0", 7); // code 5
		struct yg_view v = view_of(&p, YG_LINK_RAW);
		assert_int_equal(v.sport, rows[i][1]);
		assert_int_equal(v.dport, rows[i][2]);
		assert_int_equal(v.icmp_one_way, rows[i][3]);
	}
}

// VXLAN around Ethernet around IPv4 around UDP, and what a byte of it must be for it to be believed.
static void a_tunnel_that_contradicts_itself_stays_udp(void **state)
{
	(void)state;
	static const struct {
		uint32_t at;
		uint8_t value;
	} lies[] = {{28, 0}, {36 + 12, 0x99}, {50, 0x65}, {50, 0x44}, {52, 9}, {53, 19}};
	for (size_t i = 0; i <= sizeof lies / sizeof lies[0]; i++) {
		struct packet p = {0};
		put_ipv4(&p, 17, 8 + 8 + 14 + 28);
		put_udp(&p, 50000, 4789, 8 + 14 + 28);
		put(&p, "\x08\0\0\0\0\0\1\0", 8);
		put_ethernet(&p, 0x0800);
		put_ipv4(&p, 17, 8);
		put_udp(&p, 7, 9, 0);
		bool lie = i < sizeof lies / sizeof lies[0];
		if (lie)
			p.b[lies[i].at] = lies[i].value;
		struct yg_view v = view_of(&p, YG_LINK_RAW);
		assert_int_equal(v.end, YG_DECODE_DECODED);
		assert_int_equal(v.dport, lie ? 4789 : 9);
		assert_int_equal(v.payload_len, lie ? 50 : 0);
		assert_int_equal(v.flags, lie ? YG_VIEW_IP : YG_VIEW_IP | YG_VIEW_TUNNELLED);
	}
}

static void a_fault_inside_a_tunnel_leaves_the_outer_addresses(void **state)
{
	(void)state;
	struct packet p = {0};
	put_ipv4(&p, 4, 20);
	put_ipv4(&p, 17, 0);
	p.b[20] = 0x41;
	struct yg_view v = view_of(&p, YG_LINK_RAW);
	assert_int_equal(v.end, YG_DECODE_IPV4_HEADER);
	assert_int_equal(v.flags, YG_VIEW_IP);
	assert_int_equal(v.l3, 0);
	assert_int_equal(v.dst.b[3], 2);
}

static void a_reassembled_packet_keeps_what_was_around_its_fragments(void **state)
{
	(void)state;
	struct packet p = {0}, whole = {0};
	put_ethernet(&p, 0x8100);
	put(&p, "\0\x2a\x08\0", 4);
	put_ipv4(&p, 17, 8);
	put_zero(&p, 8);
	yg_store16(p.b + 18 + 6, 1);
	struct yg_view outer = view_of(&p, YG_LINK_ETHERNET), v;
	outer.number = 9;
	put_ipv4(&whole, 17, 8);
	put_udp(&whole, 5, 6, 0);
	yg_decode_reassembled(&plain, &outer, whole.b, whole.len, &v);
	assert_int_equal(v.end, YG_DECODE_DECODED);
	assert_int_equal(v.flags, YG_VIEW_IP | YG_VIEW_REASSEMBLED);
	assert_int_equal(v.vlan, 42);
	assert_int_equal(v.number, 9);
	assert_int_equal(v.wirelen, p.len);
	assert_int_equal(v.dport, 6);
	static const uint8_t layers[8] = {YG_LAYER_ETHERNET, YG_LAYER_VLAN, YG_LAYER_IPV4, YG_LAYER_UDP};
	assert_int_equal(v.layer_count, 4);
	assert_memory_equal(v.layers, layers, 8);
}

static void names_exist_for_every_value_and_beyond(void **state)
{
	(void)state;
	char buffer[8];
	assert_string_equal(yg_decode_end_name(YG_DECODE_FRAGMENT_LIMIT), "fragment_limit");
	assert_string_equal(yg_decode_end_name(YG_DECODE_COUNT), "?");
	assert_string_equal(yg_layer_name(YG_LAYER_OTHER), "other");
	assert_string_equal(yg_layer_name((enum yg_layer)255), "?");
	for (unsigned i = 0; i < YG_VEC_COUNT; i++)
		assert_string_not_equal(yg_vector_name(i), "?");
	assert_string_equal(yg_vector_name(YG_VEC_COUNT), "?");
	assert_string_equal(yg_tcp_state_name(YG_TCP_MIDSTREAM), "midstream");
	assert_string_equal(yg_flow_end_name(YG_END_EOF), "eof");
	assert_string_equal(yg_confidence_name(YG_CONF_IP), "Match by IP");
	assert_string_equal(yg_zone_name(YG_ZONE_NONE), "");
	assert_string_equal(yg_alert_state_name(7), "?");
	assert_string_equal(yg_proto_name(58, buffer), "IPv6-ICMP");
	assert_string_equal(yg_proto_name(4294967295u, buffer), "4294967");
	assert_string_equal(yg_proto_name(254, buffer), "254");
}

// ---- the straight way against the loop ----

// Every field by name: bytes between them are nobody's.
static const struct {
	const char *name;
	size_t at, size;
} view_fields[] = {
#define F(name) {#name, offsetof(struct yg_view, name), sizeof((struct yg_view *)0)->name},
    F(time) F(number) F(data) F(caplen) F(wirelen) F(l3) F(l4) F(payload) F(l3_len) F(payload_len) F(ip_bytes)
    F(src) F(dst) F(sport) F(dport) F(vlan) F(domain) F(tcp_seq) F(tcp_ack) F(frag_id) F(frag_offset)
    F(frag_header_len) F(frag_more) F(af) F(proto) F(tcp_flags) F(icmp_type) F(icmp_code) F(icmp_one_way)
    F(end) F(flags) F(layer_count) F(layers) F(about_src) F(about_dst) F(about_sport) F(about_dport)
    F(about_proto) F(tcp_window) F(ttl) F(frag_next)
#undef F
};

// Reads a frame both ways, under all options, from memory that ends where it ends. True when the straight way took it.
static bool same_both_ways(const uint8_t *bytes, uint32_t caplen, uint32_t wirelen)
{
	bool taken = false;
	struct yg_view poison, either, loop, straight;
	uint8_t *frame = malloc(caplen ? caplen : 1);
	assert_non_null(frame);
	memcpy(frame, bytes, caplen);
	memset(&poison, 0x5a, sizeof poison);
	for (unsigned bits = 0; bits < 4; bits++) {
		const struct yg_decode_options options = {.ipv4_checksum = bits & 1, .domain_vlan = bits >> 1};
		memset(&either, 0xa5, sizeof either);
		loop = straight = poison;
		yg_decode(&options, YG_LINK_ETHERNET, frame, caplen, wirelen, &either);
		yg_decode_general(&options, YG_LINK_ETHERNET, frame, caplen, wirelen, &loop);
		bool mine = yg_decode_plain(&options, frame, caplen, wirelen, &straight);
		taken |= mine;
		if (!mine && memcmp(&straight, &poison, sizeof poison) != 0)
			fail_msg("a packet of another kind was written to");
		for (size_t i = 0; i < sizeof view_fields / sizeof view_fields[0]; i++)
			if (memcmp((uint8_t *)&either + view_fields[i].at, (uint8_t *)&loop + view_fields[i].at,
			           view_fields[i].size) != 0)
				fail_msg("%s differs, caplen %u, wirelen %u", view_fields[i].name, caplen, wirelen);
	}
	free(frame);
	return taken;
}

enum { PLAIN_TAGGED = 1, PLAIN_V6 = 2, PLAIN_UDP = 4, PLAIN_KINDS = 8 };

static void fix_checksum(uint8_t *ip)
{
	uint32_t sum = 0;
	yg_store16(ip + 10, 0);
	for (unsigned i = 0; i < 20; i += 2)
		sum += yg_load16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	yg_store16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
}

// One packet of the common kind, with `body` bytes of payload and padded as a short frame is.
static struct packet plain_packet(unsigned kind, uint16_t body)
{
	struct packet p = {0};
	uint8_t proto = kind & PLAIN_UDP ? 17 : 6;
	uint16_t segment = (uint16_t)((kind & PLAIN_UDP ? 8 : 20) + body), type = kind & PLAIN_V6 ? 0x86dd : 0x0800;
	put_ethernet(&p, kind & PLAIN_TAGGED ? 0x8100 : type);
	if (kind & PLAIN_TAGGED) {
		put16(&p, 0x6123);
		put16(&p, type);
	}
	uint32_t ip = p.len;
	if (kind & PLAIN_V6)
		put_ipv6(&p, proto, segment);
	else
		put_ipv4(&p, proto, segment);
	if (!(kind & PLAIN_V6))
		fix_checksum(p.b + ip);
	if (kind & PLAIN_UDP)
		put_udp(&p, 53, 40000, body);
	else
		put_tcp(&p, 5);
	put_zero(&p, body);
	if (p.len < 60)
		put_zero(&p, 60 - p.len);
	return p;
}

static void the_common_kinds_go_the_straight_way(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PLAIN_KINDS; kind++)
		for (uint16_t body = 0; body < 1400; body = (uint16_t)(body * 2 + 1)) {
			struct packet p = plain_packet(kind, body);
			assert_true(same_both_ways(p.b, p.len, p.len));
			assert_true(same_both_ways(p.b, p.len, p.len + 4)); // only padding or a checksum was cut off
		}
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100};
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		struct packet p = plain_packet(PLAIN_TAGGED, 9);
		yg_store16(p.b + 12, tags[i]);
		assert_true(same_both_ways(p.b, p.len, p.len));
	}
}

// Whatever lies behind: whether it is a tunnel is for the loop to say.
static void a_port_of_a_tunnel_goes_through_the_loop(void **state)
{
	(void)state;
	static const uint16_t ports[] = {1701, 2152, 3544, 4789, 6081, 8472};
	for (unsigned kind = PLAIN_UDP; kind < PLAIN_KINDS; kind++)
		for (size_t i = 0; i < 2 * sizeof ports / sizeof ports[0]; i++) {
			struct packet p = plain_packet(kind, 100), inner = plain_packet(kind ^ PLAIN_UDP, 4);
			uint32_t udp = 14 + (kind & PLAIN_TAGGED ? 4 : 0) + (kind & PLAIN_V6 ? 40 : 20);
			yg_store16(p.b + udp + i % 2 * 2, ports[i / 2]);
			assert_false(same_both_ways(p.b, p.len, p.len));
			memcpy(p.b + udp + 8, "\x08\0\0\0\0\0\1\0", 8); // VXLAN
			memcpy(p.b + udp + 16, inner.b, inner.len);
			assert_false(same_both_ways(p.b, p.len, p.len));
		}
}

static void a_cut_frame_reads_the_same_both_ways(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PLAIN_KINDS; kind++) {
		struct packet p = plain_packet(kind, 30);
		for (uint32_t len = 0; len < p.len; len++) {
			assert_false(same_both_ways(p.b, len, len));
			assert_false(same_both_ways(p.b, len, p.len));
		}
		for (uint32_t padding = 0; padding < 12; padding++)
			assert_true(same_both_ways(p.b, p.len + padding, p.len + padding));
	}
}

// Any byte of the headers, at any value: versions, lengths, fragments, protocols, offsets, types and their neighbours.
static void a_changed_byte_reads_the_same_both_ways(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < PLAIN_KINDS; kind++) {
		struct packet p = plain_packet(kind, 30);
		for (uint32_t at = 12; at < p.len - 30; at++) {
			uint8_t was = p.b[at];
			for (unsigned value = 0; value < 256; value++) {
				p.b[at] = (uint8_t)value;
				same_both_ways(p.b, p.len, p.len);
			}
			p.b[at] = was;
		}
	}
}

// At every offset where a pair of bytes is a length, an EtherType or a port (and at all others): the values about which
// verdicts change.
static void a_changed_field_reads_the_same_both_ways(void **state)
{
	(void)state;
	static const uint16_t values[] = {
	    0,      1,      7,      8,      9,      19,     20,     21,     27,     28,     29,     39,     40,
	    41,     48,     57,     58,     59,     60,     61,     77,     78,     79,     98,     1500,   1501,
	    1535,   1700,   1701,   1702,   2151,   2152,   2153,   3543,   3544,   3545,   4788,   4789,   4790,
	    6080,   6081,   6082,   8471,   8472,   8473,   0x0800, 0x0806, 0x1fff, 0x2000, 0x3fff, 0x4000, 0x8000,
	    0x8100, 0x86dd, 0x8847, 0x8864, 0x88a8, 0x9100, 0x9200, 0xc000, 0xff07, 0xff08, 0xffd8, 0xffff,
	};
	for (unsigned kind = 0; kind < PLAIN_KINDS; kind++) {
		struct packet p = plain_packet(kind, 30);
		for (uint32_t at = 12; at < p.len - 31; at++) {
			uint16_t was = yg_load16(p.b + at);
			for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
				yg_store16(p.b + at, values[i]);
				same_both_ways(p.b, p.len, p.len);
			}
			yg_store16(p.b + at, was);
		}
	}
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static void packets_changed_at_random_read_the_same_both_ways(void **state)
{
	(void)state;
	enum { PACKETS = 300000 };
	uint64_t seed = 1;
	unsigned taken = 0;
	for (unsigned n = 0; n < PACKETS; n++) {
		struct packet p = plain_packet(next_random(&seed) % PLAIN_KINDS, (uint16_t)(next_random(&seed) % 80));
		for (unsigned changes = next_random(&seed) % 4; changes > 0; changes--)
			p.b[12 + next_random(&seed) % 60] = (uint8_t)next_random(&seed);
		if (n % 3 == 0) // bits of one field, so that what follows it still stands
			p.b[12 + next_random(&seed) % 60] ^= (uint8_t)(1u << next_random(&seed) % 8);
		uint32_t caplen = n % 4 ? p.len : next_random(&seed) % (p.len + 20);
		uint32_t wirelen = n % 5 ? caplen : next_random(&seed) % 1600;
		taken += same_both_ways(p.b, caplen, wirelen);
	}
	assert_in_range(taken, PACKETS / 4, PACKETS - PACKETS / 4); // neither way is tested by the other's packets alone
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tcp_over_ipv4_gives_ports_numbers_and_flags),
	    cmocka_unit_test(every_cut_of_a_packet_has_a_reason),
	    cmocka_unit_test(faults_of_an_ipv4_header_are_told_apart),
	    cmocka_unit_test(a_header_longer_than_its_packet_is_a_fault),
	    cmocka_unit_test(a_wrong_checksum_ends_only_where_it_is_checked),
	    cmocka_unit_test(faults_of_transport_headers_are_told_apart),
	    cmocka_unit_test(tcp_options_cut_by_the_snap_length_do_not_matter),
	    cmocka_unit_test(link_types_that_are_not_decoded_say_so),
	    cmocka_unit_test(the_domain_is_the_outermost_vlan_where_asked),
	    cmocka_unit_test(extension_headers_end_at_their_bounds),
	    cmocka_unit_test(a_fragment_of_either_kind_ends_as_fragment),
	    cmocka_unit_test(an_icmp_error_names_the_flow_that_it_is_about),
	    cmocka_unit_test(icmp_types_have_the_ports_of_community_id),
	    cmocka_unit_test(a_tunnel_that_contradicts_itself_stays_udp),
	    cmocka_unit_test(a_fault_inside_a_tunnel_leaves_the_outer_addresses),
	    cmocka_unit_test(a_reassembled_packet_keeps_what_was_around_its_fragments),
	    cmocka_unit_test(names_exist_for_every_value_and_beyond),
	    cmocka_unit_test(the_common_kinds_go_the_straight_way),
	    cmocka_unit_test(a_port_of_a_tunnel_goes_through_the_loop),
	    cmocka_unit_test(a_cut_frame_reads_the_same_both_ways),
	    cmocka_unit_test(a_changed_byte_reads_the_same_both_ways),
	    cmocka_unit_test(a_changed_field_reads_the_same_both_ways),
	    cmocka_unit_test(packets_changed_at_random_read_the_same_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
