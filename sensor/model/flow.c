// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names of the enums that travel in flow records and alerts. They stand in EVE lines, so they are part of the format:
// append, never rename. Tables are indexed by the enum, and a value out of range (a record is foreign until it is
// checked) has the name "?". Pure; any thread.
#include "model/flow.h"

#include <stdio.h>

static const char *name_of(const char *const *names, unsigned count, unsigned value)
{
	return value < count && names[value] ? names[value] : "?";
}

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof((names)[0]), value)

const char *yg_tcp_state_name(unsigned state)
{
	static const char *const names[YG_TCP_STATE_COUNT] = {
	    [YG_TCP_NONE] = "none",
	    [YG_TCP_SYN_SENT] = "syn_sent",
	    [YG_TCP_SYN_RECEIVED] = "syn_received",
	    [YG_TCP_ESTABLISHED] = "established",
	    [YG_TCP_MIDSTREAM] = "midstream",
	    [YG_TCP_FIN_1] = "fin_1",
	    [YG_TCP_FIN_2] = "fin_2",
	    [YG_TCP_CLOSED] = "closed",
	    [YG_TCP_RESET] = "reset",
	};
	return NAME_OF(names, state);
}

const char *yg_rank_name(unsigned rank)
{
	static const char *const names[YG_RANK_COUNT] = {
	    [YG_RANK_EMBRYONIC] = "embryonic",
	    [YG_RANK_TALKING] = "talking",
	    [YG_RANK_ANSWERED] = "answered",
	    [YG_RANK_ESTABLISHED] = "established",
	};
	return NAME_OF(names, rank);
}

const char *yg_flow_end_name(unsigned end)
{
	static const char *const names[YG_END_COUNT] = {
	    [YG_END_NONE] = "none",       [YG_END_IDLE] = "idle", [YG_END_CLOSED] = "closed", [YG_END_RESET] = "reset",
	    [YG_END_EVICTED] = "evicted", [YG_END_GAP] = "gap",   [YG_END_EOF] = "eof",
	};
	return NAME_OF(names, end);
}

const char *yg_unclassified_name(unsigned reason)
{
	static const char *const names[YG_UNCL_COUNT] = {
	    [YG_CLASSIFIED] = "classified",
	    [YG_UNCL_NOT_OFFERED] = "not_offered",
	    [YG_UNCL_DISSECTOR_RESTART] = "dissector_restart",
	    [YG_UNCL_VERDICT_LATE] = "verdict_late",
	};
	return NAME_OF(names, reason);
}

const char *yg_confidence_name(unsigned confidence)
{
	static const char *const names[YG_CONF_COUNT] = {
	    [YG_CONF_UNKNOWN] = "Unknown", [YG_CONF_PORT] = "Match by port",
	    [YG_CONF_IP] = "Match by IP",  [YG_CONF_DPI_CACHE] = "DPI (cache)",
	    [YG_CONF_DPI] = "DPI",
	};
	return NAME_OF(names, confidence);
}

const char *yg_zone_name(unsigned zone)
{
	static const char *const names[YG_ZONE_COUNT] = {
	    [YG_ZONE_NONE] = "",
	    [YG_ZONE_INTERNET] = "internet",
	    [YG_ZONE_LGWAN] = "lgwan",
	    [YG_ZONE_MYNUMBER] = "mynumber",
	};
	return NAME_OF(names, zone);
}

const char *yg_severity_name(unsigned severity)
{
	static const char *const names[YG_SEV_COUNT] = {
	    [YG_SEV_INFO] = "info", [YG_SEV_LOW] = "low",           [YG_SEV_MEDIUM] = "medium",
	    [YG_SEV_HIGH] = "high", [YG_SEV_CRITICAL] = "critical",
	};
	return NAME_OF(names, severity);
}

const char *yg_alert_state_name(unsigned state)
{
	static const char *const names[] = {
	    [YG_ALERT_OPEN] = "open",
	    [YG_ALERT_UPDATE] = "update",
	    [YG_ALERT_CLOSE] = "close",
	};
	return NAME_OF(names, state);
}

const char *yg_alert_mode_name(unsigned mode)
{
	static const char *const names[YG_MODE_COUNT] = {
	    [YG_MODE_SHADOW] = "shadow",
	    [YG_MODE_DIGEST] = "digest",
	    [YG_MODE_ALERT] = "alert",
	    [YG_MODE_PAGE] = "page",
	};
	return NAME_OF(names, mode);
}

const char *yg_impact_name(unsigned impact)
{
	static const char *const names[YG_IMPACT_COUNT] = {
	    [YG_IMPACT_UNKNOWN] = "unknown",
	    [YG_IMPACT_ABSORBED] = "absorbed",
	    [YG_IMPACT_DEGRADED] = "degraded",
	    [YG_IMPACT_DOWN] = "down",
	};
	return NAME_OF(names, impact);
}

const char *yg_learning_name(unsigned learning)
{
	static const char *const names[] = {
	    [YG_LEARN_FLOOR] = "floor",
	    [YG_LEARN_SHORT] = "short",
	    [YG_LEARN_FULL] = "full",
	};
	return NAME_OF(names, learning);
}

const char *yg_vector_name(unsigned vector)
{
	static const char *const names[YG_VEC_COUNT] = {
	    [YG_VEC_TCP_FLOW] = "tcp_flow",
	    [YG_VEC_SYN] = "syn",
	    [YG_VEC_SYNACK] = "synack",
	    [YG_VEC_ACK] = "ack",
	    [YG_VEC_RST] = "rst",
	    [YG_VEC_FIN] = "fin",
	    [YG_VEC_NULL_XMAS] = "null_xmas",
	    [YG_VEC_UDP] = "udp",
	    [YG_VEC_ICMP] = "icmp",
	    [YG_VEC_FRAGMENT] = "fragment",
	    [YG_VEC_OTHER] = "other",
	    [YG_VEC_MALFORMED] = "malformed",
	    [YG_VEC_DOWNLOAD] = "download",
	};
	return NAME_OF(names, vector);
}

const char *yg_proto_name(unsigned proto, char buffer[8])
{
	static const struct {
		unsigned proto;
		const char *name;
	} names[] = {
	    {6, "TCP"},   {17, "UDP"},   {1, "ICMP"},   {58, "IPv6-ICMP"}, {132, "SCTP"}, {47, "GRE"},
	    {50, "ESP"},  {51, "AH"},    {2, "IGMP"},   {4, "IPIP"},       {41, "IPv6"},  {89, "OSPF"},
	    {103, "PIM"}, {112, "VRRP"}, {115, "L2TP"}, {136, "UDPLite"},
	};
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].proto == proto)
			return names[i].name;
	snprintf(buffer, 8, "%u", proto);
	return buffer;
}
