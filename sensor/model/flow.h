// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names of flow states and ranks. The TCP states are those of the connection, as a passive observer can know them.
#pragma once

#include "yagura/plugin.h"

enum yg_tcp_state {
	YG_TCP_NONE,        // not TCP, or nothing known
	YG_TCP_SYN_SENT,
	YG_TCP_SYN_RECEIVED,
	YG_TCP_ESTABLISHED,
	YG_TCP_MIDSTREAM,   // picked up in its middle
	YG_TCP_FIN_1,       // one side has sent FIN
	YG_TCP_FIN_2,       // both have
	YG_TCP_CLOSED,
	YG_TCP_RESET,
	YG_TCP_STATE_COUNT,
};

// "syn_sent". Never NULL, whatever the value.
const char *yg_tcp_state_name(unsigned state);
const char *yg_rank_name(unsigned rank);
const char *yg_flow_end_name(unsigned end);          // "idle", "closed", …
const char *yg_unclassified_name(unsigned reason);
const char *yg_confidence_name(unsigned confidence); // nDPI's words: "Unknown", "Match by port", "Match by IP", "DPI (cache)", "DPI"
const char *yg_zone_name(unsigned zone);             // "internet", "lgwan", "mynumber", "" for none
const char *yg_severity_name(unsigned severity);
const char *yg_alert_state_name(unsigned state);
const char *yg_alert_mode_name(unsigned mode);
const char *yg_impact_name(unsigned impact);
const char *yg_learning_name(unsigned learning);
const char *yg_vector_name(unsigned vector);
const char *yg_proto_name(unsigned proto, char buffer[8]); // "TCP", "UDP", "ICMP", "IPv6-ICMP", …; else the number
