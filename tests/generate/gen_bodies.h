// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The example prefecture of configs/organisations/ARRANGEMENT.md as tables: who lives where. Thread: any, const.
#pragma once

#include "gen_wire.h"

enum { GEN_BODIES = 8, GEN_SITES_MAX = 64 };

enum gen_role { GEN_WEB, GEN_WEB_QUIC, GEN_DNS, GEN_MAIL, GEN_PROXY, GEN_VPN, GEN_WATCH };

struct gen_body {
	const char *code;
	uint32_t v4; // first address of its internet prefix
	uint8_t v4_len;
	uint64_t v6; // first half of its internet prefix
	uint32_t line_mbps;
	uint16_t clients; // hosts that take part in a day
	uint16_t weight;  // share of the day's traffic, in per mille of all
};

struct gen_server {
	uint8_t body;
	uint8_t role; // enum gen_role
	uint32_t v4;
	uint16_t v6_host; // last 16 bits behind the body's own first half
	const char *name;
};

extern const struct gen_body gen_bodies[GEN_BODIES];
extern const struct gen_server gen_servers[];
extern const unsigned gen_servers_count;

struct gen_addr gen_server_addr(const struct gen_server *server, uint8_t af);
// The i-th server of that role, counting around; the body or, with GEN_BODIES, any.
const struct gen_server *gen_server_pick(unsigned body, enum gen_role role, unsigned i);
// The i-th client of a body (i is taken modulo its clients).
struct gen_addr gen_client_addr(unsigned body, unsigned i, uint8_t af);
// Whose address this is, GEN_BODIES when nobody's: the longest prefix decides.
unsigned gen_body_of(const struct gen_addr *addr);
// The i-th host outside: servers (i below 65536) and clients lie in different halves.
struct gen_addr gen_outside_server(unsigned i, uint8_t af);
struct gen_addr gen_outside_client(unsigned i, uint8_t af);
// Anything that is neither declared nor reserved for the outside: a forged source.
struct gen_addr gen_forged(struct gen_rng *rng, uint8_t af);
