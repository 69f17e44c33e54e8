// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See community_id.h. SHA-1 and base64 are libnettle's. On the way of every flow record: no allocation.
#include "courier/community_id.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include "base/bytes.h"

// Types with a counterpart, so that question and answer get one id. All others are one-way: their ends are not put in
// order.
static bool icmp_has_counterpart(uint16_t type)
{
	switch (type) {
	case 0:
	case 8: // echo
	case 9:
	case 10: // router advertisement, solicitation
	case 13:
	case 14: // timestamp
	case 15:
	case 16: // information
	case 17:
	case 18: // address mask
		return true;
	default:
		return false;
	}
}

static bool icmp6_has_counterpart(uint16_t type)
{
	switch (type) {
	case 128:
	case 129: // echo
	case 130:
	case 131: // multicast listener query, report
	case 133:
	case 134: // router solicitation, advertisement
	case 135:
	case 136: // neighbour solicitation, advertisement
	case 139:
	case 140: // node information
	case 144:
	case 145: // home agent address discovery
		return true;
	default:
		return false;
	}
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP || proto == IPPROTO_ICMP ||
	       proto == IPPROTO_ICMPV6;
}

static bool is_one_way(uint8_t proto, uint16_t type)
{
	return (proto == IPPROTO_ICMP && !icmp_has_counterpart(type)) ||
	       (proto == IPPROTO_ICMPV6 && !icmp6_has_counterpart(type));
}

void yg_community_id(uint8_t af, uint8_t proto, const struct yg_addr addr[2], const uint16_t port[2], char *ret_text)
{
	size_t n = af == 4 ? 4 : 16;
	bool ports = has_ports(proto);
	int order = memcmp(addr[0].b, addr[1].b, n);
	bool swap = !is_one_way(proto, port[0]) && (order > 0 || (order == 0 && ports && port[0] > port[1]));
	uint8_t message[2 + 16 + 16 + 2 + 4] = {0}; // the seed first: 0
	uint8_t *p = message + 2;
	memcpy(p, addr[swap].b, n);
	memcpy(p + n, addr[!swap].b, n);
	p += 2 * n;
	*p++ = proto;
	*p++ = 0;
	if (ports) {
		yg_store16(p, port[swap]);
		yg_store16(p + 2, port[!swap]);
		p += 4;
	}
	struct sha1_ctx context;
	uint8_t digest[SHA1_DIGEST_SIZE];
	sha1_init(&context);
	sha1_update(&context, (size_t)(p - message), message);
	sha1_digest(&context, sizeof digest, digest);
	ret_text[0] = '1';
	ret_text[1] = ':';
	base64_encode_raw(ret_text + 2, sizeof digest, digest);
}
