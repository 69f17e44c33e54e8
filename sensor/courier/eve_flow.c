// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The flow event. It is written for every record of the sensor, so it is the hot path of the courier: literal keys,
// cached times, nothing formatted by the C library. tests/bench has its cost.
#include <netinet/in.h>

#include "base/time.h"
#include "courier/community_id.h"
#include "courier/eve.h"
#include "courier/eve_fields.h"
#include "courier/risk_names.h"
#include "model/flow.h"
#include "model/packet.h"

static bool is_icmp(const struct yg_flow *flow)
{
	return flow->proto == IPPROTO_ICMP || flow->proto == IPPROTO_ICMPV6;
}

static bool has_ports(const struct yg_flow *flow)
{
	return flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP || flow->proto == IPPROTO_SCTP;
}

static void put_end(struct yg_json *json, const struct yg_flow *flow, int side)
{
	if (side == 0)
		put_literal(json, ",\"src_ip\":\"");
	else
		put_literal(json, ",\"dest_ip\":\"");
	yg_eve_put_addr(json, flow->af, &flow->addr[side]);
	put_literal(json, "\"");
	if (!has_ports(flow))
		return;
	if (side == 0)
		put_literal(json, ",\"src_port\":");
	else
		put_literal(json, ",\"dest_port\":");
	yg_eve_put_uint(json, flow->port[side]);
}

// The name of the application protocol: what nDPI prints before the first dot, in lower case; "failed" is EVE's word
// for none.
static void put_app_proto(struct yg_json *json, const struct yg_flow *flow)
{
	char name[sizeof flow->proto_name];
	size_t n = 0;
	for (; n < sizeof name && flow->proto_name[n] && flow->proto_name[n] != '.'; n++) {
		char c = flow->proto_name[n];
		name[n] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	put_literal(json, ",\"app_proto\":");
	if (n == 0 || (n == 7 && memcmp(name, "unknown", 7) == 0))
		put_literal(json, "\"failed\"");
	else
		yg_eve_put_text(json, name, n);
}

static void put_tuple(struct yg_json *json, const struct yg_flow *flow)
{
	char proto[8], id[YG_COMMUNITY_ID];
	put_literal(json, ",\"flow_id\":");
	yg_eve_put_uint(json, flow->flow_id);
	if (flow->vlan) {
		put_literal(json, ",\"vlan\":[");
		yg_eve_put_uint(json, flow->vlan);
		put_literal(json, "]");
	}
	put_end(json, flow, 0);
	put_end(json, flow, 1);
	put_literal(json, ",\"proto\":\"");
	put_word(json, yg_proto_name(flow->proto, proto));
	put_literal(json, "\"");
	if (is_icmp(flow)) {
		put_literal(json, ",\"icmp_type\":");
		yg_eve_put_uint(json, flow->icmp_type);
		put_literal(json, ",\"icmp_code\":");
		yg_eve_put_uint(json, flow->icmp_code);
	}
	put_app_proto(json, flow);
	yg_community_id(flow->af, flow->proto, flow->addr, flow->port, id);
	put_literal(json, ",\"community_id\":\"");
	put_bytes(json, id, sizeof id);
	put_literal(json, "\"");
}

// EVE knows three states and five reasons; ndpi.end holds ours.
static const char *eve_state(const struct yg_flow *flow)
{
	if (flow->end == YG_END_CLOSED || flow->end == YG_END_RESET || flow->tcp_state == YG_TCP_CLOSED ||
	    flow->tcp_state == YG_TCP_RESET)
		return "closed";
	return flow->rank >= YG_RANK_ANSWERED ? "established" : "new";
}

static const char *eve_reason(const struct yg_flow *flow)
{
	switch ((enum yg_flow_end)flow->end) {
	case YG_END_IDLE:
	case YG_END_CLOSED:
	case YG_END_RESET:
	case YG_END_GAP:
		return "timeout";
	case YG_END_EVICTED:
		return "forced";
	case YG_END_EOF:
		return "shutdown";
	default:
		return "unknown";
	}
}

static void put_flow(struct yg_json *json, struct yg_eve *eve, const struct yg_flow *flow)
{
	// Unsigned: the times of a hostile record may lie farther apart than an int64_t holds.
	uint64_t span = flow->last_ns > flow->first_ns ? (uint64_t)flow->last_ns - (uint64_t)flow->first_ns : 0;
	put_literal(json, ",\"flow\":{\"pkts_toserver\":");
	yg_eve_put_uint(json, flow->packets[0]);
	put_literal(json, ",\"pkts_toclient\":");
	yg_eve_put_uint(json, flow->packets[1]);
	put_literal(json, ",\"bytes_toserver\":");
	yg_eve_put_uint(json, flow->bytes[0]);
	put_literal(json, ",\"bytes_toclient\":");
	yg_eve_put_uint(json, flow->bytes[1]);
	put_literal(json, ",\"start\":\"");
	yg_eve_put_time(json, eve, flow->first_ns);
	put_literal(json, "\",\"end\":\"");
	yg_eve_put_time(json, eve, flow->last_ns);
	put_literal(json, "\",\"age\":");
	yg_eve_put_uint(json, span / (uint64_t)YG_NS_PER_S);
	put_literal(json, ",\"state\":\"");
	put_word(json, eve_state(flow));
	put_literal(json, "\",\"reason\":\"");
	put_word(json, eve_reason(flow));
	put_literal(json, "\",\"alerted\":false}");
}

static void put_hex2(struct yg_json *json, uint8_t value)
{
	static const char hex[] = "0123456789abcdef";
	put_bytes(json, (char[]){hex[value >> 4], hex[value & 15]}, 2);
}

static void put_tcp(struct yg_json *json, const struct yg_flow *flow)
{
	uint8_t flags = flow->tcp_flags[0] | flow->tcp_flags[1];
	put_literal(json, ",\"tcp\":{\"tcp_flags\":\"");
	put_hex2(json, flags);
	put_literal(json, "\",\"tcp_flags_ts\":\"");
	put_hex2(json, flow->tcp_flags[0]);
	put_literal(json, "\",\"tcp_flags_tc\":\"");
	put_hex2(json, flow->tcp_flags[1]);
	put_literal(json, "\"");
	if (flags & YG_TCP_SYN)
		put_literal(json, ",\"syn\":true");
	if (flags & YG_TCP_FIN)
		put_literal(json, ",\"fin\":true");
	if (flags & YG_TCP_RST)
		put_literal(json, ",\"rst\":true");
	if (flags & YG_TCP_PSH)
		put_literal(json, ",\"psh\":true");
	if (flags & YG_TCP_ACK)
		put_literal(json, ",\"ack\":true");
	if (flags & YG_TCP_URG)
		put_literal(json, ",\"urg\":true");
	put_literal(json, ",\"state\":\"");
	put_word(json, yg_tcp_state_name(flow->tcp_state));
	put_literal(json, "\"}");
}

static void put_risks(struct yg_json *json, uint64_t risks)
{
	put_literal(json, ",\"risks\":[");
	for (uint64_t left = risks; left; left &= left - 1) {
		unsigned number = (unsigned)__builtin_ctzll(left);
		if (left != risks)
			put_literal(json, ",");
		put_literal(json, "{\"id\":");
		yg_eve_put_uint(json, number);
		put_literal(json, ",\"name\":\"");
		put_word(json, yg_risk_name(number));
		put_literal(json, "\"}");
	}
	put_literal(json, "]");
}

static void put_org(struct yg_json *json, const struct yg_eve *eve, uint16_t org)
{
	if (org < eve->orgs_count)
		yg_eve_put_text(json, eve->orgs[org].code, sizeof eve->orgs[org].code);
	else
		put_literal(json, "\"\"");
}

#define put_optional(json, key, field)                                                                                 \
	do {                                                                                                           \
		if ((field)[0]) {                                                                                      \
			put_literal(json, ",\"" key "\":");                                                            \
			yg_eve_put_text(json, field, sizeof(field));                                                   \
		}                                                                                                      \
	} while (0)

static void put_sides(struct yg_json *json, const struct yg_eve *eve, const struct yg_flow *flow)
{
	put_literal(json, ",\"org\":{\"src\":");
	put_org(json, eve, flow->org[0]);
	put_literal(json, ",\"dest\":");
	put_org(json, eve, flow->org[1]);
	put_literal(json, "},\"zone\":{\"src\":\"");
	put_word(json, yg_zone_name(flow->zone[0]));
	put_literal(json, "\",\"dest\":\"");
	put_word(json, yg_zone_name(flow->zone[1]));
	put_literal(json, "\"},\"end\":\"");
	put_word(json, yg_flow_end_name(flow->end));
	put_literal(json, "\",\"rank\":\"");
	put_word(json, yg_rank_name(flow->rank));
	put_literal(json, "\"");
	if (flow->unclassified) {
		put_literal(json, ",\"unclassified\":\"");
		put_word(json, yg_unclassified_name(flow->unclassified));
		put_literal(json, "\"");
	}
}

static void put_ndpi(struct yg_json *json, const struct yg_eve *eve, const struct yg_flow *flow)
{
	put_literal(json, ",\"ndpi\":{\"proto\":");
	yg_eve_put_text(json, flow->proto_name, sizeof flow->proto_name);
	put_literal(json, ",\"master_id\":");
	yg_eve_put_uint(json, flow->proto_master);
	put_literal(json, ",\"app_id\":");
	yg_eve_put_uint(json, flow->proto_app);
	put_optional(json, "category", flow->category);
	put_literal(json, ",\"confidence\":\"");
	put_word(json, yg_confidence_name(flow->confidence));
	put_literal(json, "\"");
	put_risks(json, flow->risks);
	put_optional(json, "hostname", flow->server_name);
	put_optional(json, "ja3", flow->ja3);
	put_optional(json, "ja3s", flow->ja3s);
	put_optional(json, "alpn", flow->alpn);
	put_sides(json, eve, flow);
	put_literal(json, "}");
}

size_t yg_eve_flow(struct yg_eve *eve, const struct yg_flow *flow, char *buffer, size_t size)
{
	struct yg_json json;
	yg_json_init(&json, buffer, size);
	yg_eve_put_head(&json, eve, flow->event_ns, "flow");
	put_tuple(&json, flow);
	put_flow(&json, eve, flow);
	if (flow->proto == IPPROTO_TCP)
		put_tcp(&json, flow);
	put_ndpi(&json, eve, flow);
	put_literal(&json, "}");
	return yg_json_finish(&json) ? json.length : 0;
}
