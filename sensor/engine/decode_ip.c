// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Decode: IPv4, IPv6 with its extension headers, AH. Any thread.
//
// The lengths that an IP header claims are compared with what was captured: bytes behind them are padding and go, bytes
// that lack are noted (YG_VIEW_TRUNCATED) and decoding goes on with what is there. A length of 0 is what a capture on
// the sending host shows before the card cuts a large segment: it means "as captured". Each IP header starts the
// view anew, so that a view never mixes two packets: innermost wins, and a reason inside a tunnel leaves the outer one.
#include "engine/decode_internal.h"

// Takes the addresses and lengths of an IP header at the cursor. `total` is what it claims, header included.
static void start_view(struct yg_decoder *d, uint8_t af, uint32_t total)
{
	struct yg_view *v = d->view;
	if (v->flags & YG_VIEW_IP) {
		v->flags |= YG_VIEW_TUNNELLED;
		v->sport = v->dport = 0;
	}
	v->flags = (uint8_t)((v->flags | YG_VIEW_IP) & ~YG_VIEW_TRUNCATED);
	yg_decode_narrow(d, total);
	if (d->missing)
		v->flags |= YG_VIEW_TRUNCATED;
	v->af = af;
	v->l3 = yg_decode_offset(d);
	v->l3_len = (uint32_t)yg_left(&d->r);
	v->ip_bytes = total;
}

static void start_transport(struct yg_decoder *d, uint8_t proto)
{
	struct yg_view *v = d->view;
	v->proto = proto;
	v->l4 = v->payload = yg_decode_offset(d);
	v->payload_len = (uint32_t)yg_left(&d->r);
	d->type = proto;
}

static bool checksum_right(const uint8_t *header, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i + 1 < length; i += 2)
		sum += yg_load16(header + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static enum yg_step fragment(struct yg_decoder *d, uint32_t id, uint32_t offset, bool more, uint8_t next)
{
	struct yg_view *v = d->view;
	start_transport(d, next);
	v->flags |= YG_VIEW_FRAGMENT;
	v->frag_id = id;
	v->frag_offset = (uint16_t)offset;
	v->frag_more = more;
	v->frag_next = next;
	v->frag_header_len = (uint16_t)(v->payload - v->l3);
	return yg_decode_stop(d, YG_DECODE_FRAGMENT);
}

// The reason why the header at the cursor cannot be read, DECODED when it can. *ret_total: length of the packet.
static enum yg_decode_end check_ipv4(struct yg_decoder *d, uint32_t *ret_header, uint32_t *ret_total)
{
	const uint8_t *p = d->r.p;
	if (!yg_left(&d->r))
		return YG_DECODE_IPV4_SHORT;
	if (p[0] >> 4 != 4)
		return YG_DECODE_IP_VERSION;
	if (yg_left(&d->r) < 20)
		return YG_DECODE_IPV4_SHORT;
	uint32_t header = (p[0] & 15u) * 4, total = yg_load16(p + 2);
	if (header < 20)
		return YG_DECODE_IPV4_HEADER;
	if (total && total < header)
		return YG_DECODE_IPV4_LENGTH;
	if (yg_decode_claimed(d) < header)
		return YG_DECODE_IPV4_HEADER;
	if (yg_left(&d->r) < header)
		return YG_DECODE_IPV4_SHORT;
	if (d->options->ipv4_checksum && !checksum_right(p, header))
		return YG_DECODE_IPV4_CHECKSUM;
	*ret_header = header;
	*ret_total = total ? total : yg_decode_claimed(d);
	return YG_DECODE_DECODED;
}

enum yg_step yg_decode_ipv4(struct yg_decoder *d)
{
	uint32_t header, total;
	if (!yg_layer_push(d, YG_LAYER_IPV4))
		return YG_STEP_DONE;
	enum yg_decode_end fault = check_ipv4(d, &header, &total);
	if (fault != YG_DECODE_DECODED)
		return yg_decode_stop(d, fault);
	const uint8_t *p = d->r.p;
	start_view(d, 4, total);
	struct yg_view *v = d->view;
	yg_skip(&d->r, header);
	v->src = (struct yg_addr){0};
	v->dst = (struct yg_addr){0};
	memcpy(v->src.b, p + 12, 4);
	memcpy(v->dst.b, p + 16, 4);
	v->ttl = p[8];
	uint32_t offset = yg_load16(p + 6);
	if (offset & 0x3fff)
		return fragment(d, yg_load16(p + 4), (offset & 0x1fff) * 8, offset >> 13 & 1, p[9]);
	start_transport(d, p[9]);
	return d->type == YG_IP_TCP ? YG_STEP_TCP : YG_STEP_PROTOCOL;
}

// RFC 2675: a payload length of 0 with the jumbo option in a hop-by-hop header that comes first.
static bool is_jumbogram(struct yg_reader r, uint8_t next)
{
	if (next != YG_IP_HOPOPTS || yg_left(&r) < 8)
		return false;
	yg_skip(&r, 1);
	struct yg_reader options = yg_reader_of(r.p, yg_left(&r));
	uint32_t length = yg_read8(&options) * 8u + 6;
	if (length < yg_left(&options))
		options.end = options.p + length;
	while (yg_left(&options)) {
		uint8_t type = yg_read8(&options);
		if (type == 0xc2)
			return true;
		if (type && !yg_skip(&options, yg_read8(&options)))
			return false;
	}
	return false;
}

// One extension header other than fragment and AH; *next is the header after it. A reason, or DECODED to go on.
static enum yg_decode_end skip_extension(struct yg_decoder *d, uint8_t *next)
{
	const uint8_t *p = yg_left(&d->r) >= 2 ? d->r.p : NULL;
	if (!p || !yg_skip(&d->r, (p[1] + 1u) * 8))
		return YG_DECODE_IPV6_EXT_SHORT;
	*next = p[0];
	return YG_DECODE_DECODED;
}

static bool is_extension(struct yg_decoder *d, uint8_t next)
{
	switch (next) {
	case YG_IP_HOPOPTS:
	case YG_IP_ROUTING:
	case YG_IP_FRAGMENT:
	case YG_IP_DSTOPTS:
		return true;
	case YG_IP_MOBILITY: // as a rule the last header: a transport of its own, unless something follows
	case YG_IP_HIP:
	case YG_IP_SHIM6:
		return yg_left(&d->r) && d->r.p[0] != YG_IP_NONE;
	default:
		return false;
	}
}

static enum yg_step extensions(struct yg_decoder *d, uint8_t next)
{
	while (is_extension(d, next)) {
		if (d->extensions++ == YG_IPV6_EXT_MAX)
			return yg_decode_stop(d, YG_DECODE_IPV6_EXT_DEPTH);
		const uint8_t *p = d->r.p;
		bool is_fragment = next == YG_IP_FRAGMENT;
		if (is_fragment && yg_left(&d->r) < 8)
			return yg_decode_stop(d, YG_DECODE_IPV6_EXT_SHORT);
		if (is_fragment) {
			uint32_t offset = yg_load16(p + 2);
			yg_skip(&d->r, 8);
			next = p[0];
			// Offset 0 and no more: an atomic fragment (RFC 6946), a packet like any other.
			if (offset & 0xfff9)
				return fragment(d, yg_load32(p + 4), offset & 0xfff8, offset & 1, next);
			continue;
		}
		enum yg_decode_end fault = skip_extension(d, &next);
		if (fault != YG_DECODE_DECODED)
			return yg_decode_stop(d, fault);
	}
	start_transport(d, next);
	return YG_STEP_PROTOCOL;
}

enum yg_step yg_decode_ipv6(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_IPV6))
		return YG_STEP_DONE;
	const uint8_t *p = d->r.p;
	if (!yg_left(&d->r))
		return yg_decode_stop(d, YG_DECODE_IPV6_SHORT);
	if (p[0] >> 4 != 6)
		return yg_decode_stop(d, YG_DECODE_IP_VERSION);
	if (yg_left(&d->r) < 40)
		return yg_decode_stop(d, YG_DECODE_IPV6_SHORT);
	struct yg_reader behind = yg_reader_of(p + 40, yg_left(&d->r) - 40);
	uint32_t length = yg_load16(p + 4);
	bool jumbo = !length && is_jumbogram(behind, p[6]);
	bool as_captured = !length && p[6] != YG_IP_NONE;
	start_view(d, 6, as_captured ? yg_decode_claimed(d) : 40 + length);
	struct yg_view *v = d->view;
	yg_skip(&d->r, 40);
	memcpy(v->src.b, p + 8, 16);
	memcpy(v->dst.b, p + 24, 16);
	v->ttl = p[7];
	v->proto = p[6];
	d->extensions = 0;
	if (jumbo)
		return yg_decode_stop(d, YG_DECODE_IPV6_JUMBO);
	return extensions(d, p[6]);
}

enum yg_step yg_decode_ip(struct yg_decoder *d)
{
	unsigned version = yg_left(&d->r) ? d->r.p[0] >> 4 : 0;
	if (version == 4)
		return YG_STEP_IPV4;
	return version == 6 ? YG_STEP_IPV6 : yg_decode_stop(d, YG_DECODE_IP_VERSION);
}

// RFC 4302: authenticated, not encrypted, so what follows can be read. In IPv6 it is an extension header as well.
enum yg_step yg_decode_ah(struct yg_decoder *d)
{
	if (!yg_layer_push(d, YG_LAYER_AH))
		return YG_STEP_DONE;
	const uint8_t *p = yg_left(&d->r) >= 12 ? d->r.p : NULL;
	uint32_t length = p ? (p[1] + 2u) * 4 : 0;
	if (p && length < 12)
		return yg_decode_stop(d, YG_DECODE_TUNNEL_HEADER);
	if (!p || !yg_skip(&d->r, length))
		return yg_decode_stop(d, YG_DECODE_TUNNEL_SHORT);
	if (d->view->af == 6) {
		if (d->extensions++ == YG_IPV6_EXT_MAX)
			return yg_decode_stop(d, YG_DECODE_IPV6_EXT_DEPTH);
		return extensions(d, p[0]);
	}
	start_transport(d, p[0]);
	return YG_STEP_PROTOCOL;
}
