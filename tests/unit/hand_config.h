// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A configuration made by hand, for tests of parts that read a few options and the arrays: no YAML, no block. One body with a v4 and a
// v6 prefix, a second body inside the v4 one, one declared server.
#pragma once

#include <string.h>

#include "config/config.h"

enum { HAND_CITY, HAND_BOARD, HAND_ORGS };

static const struct yg_org hand_orgs[HAND_ORGS] = {
	[HAND_CITY] = {.code = "072001", .line_bps = 1000000000, .parent = YG_ORG_NONE},
	[HAND_BOARD] = {.code = "072001-b", .line_bps = 100000000, .parent = HAND_CITY},
};

// In the order of the table: af, address, length.
static const struct yg_prefix hand_prefixes[] = {
	{.addr = {{10, 1}}, .af = 4, .length = 16, .zone = YG_ZONE_INTERNET, .org = HAND_CITY, .cover = 0xffff},
	{.addr = {{10, 1, 2}}, .af = 4, .length = 24, .zone = YG_ZONE_LGWAN, .org = HAND_BOARD, .cover = 0},
	{.addr = {{0x20, 0x01, 0x0d, 0xb8}}, .af = 6, .length = 32, .zone = YG_ZONE_INTERNET, .org = HAND_CITY, .cover = 0xffff},
};

static const struct yg_service hand_services[] = {
	{.addr = {{10, 1, 0, 80}}, .af = 4, .proto = 0, .port = 0, .org = HAND_CITY, .name = "any"},
	{.addr = {{10, 1, 0, 81}}, .af = 4, .proto = 6, .port = 443, .org = HAND_CITY, .name = "web"},
	{.addr = {{10, 1, 0, 82}}, .af = 4, .proto = 17, .port = 53, .org = HAND_CITY, .name = "dns"},
};

struct hand_config {
	struct yg_config config;
	uint64_t values[YG_O_COUNT];
};

static inline void hand_config_seconds(struct hand_config *hand, enum yg_option_id id, double seconds)
{
	memcpy(&hand->values[id], &seconds, sizeof seconds);
}

static inline void hand_config_init(struct hand_config *hand)
{
	memset(hand, 0, sizeof *hand);
	hand->config = (struct yg_config){
		.values = hand->values,
		.orgs = hand_orgs,
		.prefixes = hand_prefixes,
		.services = hand_services,
		.orgs_count = HAND_ORGS,
		.prefixes_count = sizeof hand_prefixes / sizeof hand_prefixes[0],
		.services_count = sizeof hand_services / sizeof hand_services[0],
	};
	hand->values[YG_O_EGRESS_LINE] = UINT64_C(10000000000);
	hand->values[YG_O_RATES_HOSTS] = 1024;
	hand->values[YG_O_RATES_KEEP] = 1024;
	hand->values[YG_O_RATES_BASELINES] = 1024;
	hand->values[YG_O_DISSECTOR_PACKETS] = 16;
	hand->values[YG_O_DISSECTOR_BYTES] = 24576;
	hand_config_seconds(hand, YG_O_FLOW_UPDATE, 60);
}

static inline struct yg_addr hand_v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return (struct yg_addr){{(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}
