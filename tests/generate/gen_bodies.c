// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The bodies, their servers and clients, and the rest of the world, as configs/organisations/ARRANGEMENT.md declares
// them. Written out by hand rather than read from the YAML files: the generators link nothing of the sensor, so that a
// fault there cannot hide itself here, and tests/unit/test_generate.c compares a few rows. Thread: any, const.
#include "gen_bodies.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define V6(group) (UINT64_C(0x20010db8) << 32 | (uint64_t)(group) << 16)

// clang-format off
const struct gen_body gen_bodies[GEN_BODIES] = {
	{"nadami", IP(203, 0, 113, 0), 26, V6(0x1000), 10000, 40, 300},
	{"shiomi", IP(198, 51, 100, 0), 25, V6(0x2000), 1000, 60, 250},
	{"kanegaoka", IP(198, 51, 100, 128), 26, V6(0x3000), 1000, 40, 160},
	{"kirihara", IP(203, 0, 113, 64), 27, V6(0x4000), 100, 18, 70},
	{"sasaura", IP(203, 0, 113, 96), 27, V6(0x5000), 100, 18, 70},
	{"yukinosawa", IP(203, 0, 113, 128), 28, V6(0x6000), 50, 8, 30},
	{"shiomi-edu", IP(198, 51, 100, 96), 27, V6(0x20e0), 500, 20, 90},
	{"kirisasa", IP(192, 0, 2, 0), 27, V6(0x7000), 50, 12, 30},
};
// clang-format on

// clang-format off
const struct gen_server gen_servers[] = {
	{0, GEN_WEB, IP(203, 0, 113, 10), 0x10, "www.pref.nadami.example"},
	{0, GEN_WEB_QUIC, IP(203, 0, 113, 10), 0x10, "www.pref.nadami.example"},
	{0, GEN_DNS, IP(203, 0, 113, 20), 0x20, "ns1.pref.nadami.example"},
	{0, GEN_DNS, IP(203, 0, 113, 21), 0x21, "ns2.pref.nadami.example"},
	{0, GEN_MAIL, IP(203, 0, 113, 30), 0x30, "mail.pref.nadami.example"},
	{0, GEN_PROXY, IP(203, 0, 113, 40), 0x40, "proxy.pref.nadami.example"},
	{0, GEN_VPN, IP(203, 0, 113, 50), 0x50, "vpn.pref.nadami.example"},
	{0, GEN_WATCH, IP(203, 0, 113, 60), 0x60, "watch.pref.nadami.example"},
	{1, GEN_WEB, IP(198, 51, 100, 10), 0x10, "www.city.shiomi.example"},
	{1, GEN_DNS, IP(198, 51, 100, 20), 0x20, "ns.city.shiomi.example"},
	{1, GEN_MAIL, IP(198, 51, 100, 30), 0x30, "mail.city.shiomi.example"},
	{1, GEN_VPN, IP(198, 51, 100, 50), 0x50, "vpn.city.shiomi.example"},
	{6, GEN_WEB, IP(198, 51, 100, 100), 0x10, "school.city.shiomi.example"},
	{2, GEN_WEB, IP(198, 51, 100, 138), 0x10, "www.city.kanegaoka.example"},
	{2, GEN_MAIL, IP(198, 51, 100, 140), 0x30, "mail.city.kanegaoka.example"},
	{3, GEN_WEB, IP(203, 0, 113, 70), 0x10, "www.town.kirihara.example"},
	{3, GEN_DNS, IP(203, 0, 113, 72), 0x20, "ns.town.kirihara.example"},
	{3, GEN_MAIL, IP(203, 0, 113, 74), 0x30, "mail.town.kirihara.example"},
	{4, GEN_WEB, IP(203, 0, 113, 100), 0x10, "www.town.sasaura.example"},
	{5, GEN_WEB, IP(203, 0, 113, 130), 0x10, "www.vill.yukinosawa.example"},
	{7, GEN_WEB, IP(192, 0, 2, 10), 0x10, "www.union.kirisasa.example"},
	{7, GEN_MAIL, IP(192, 0, 2, 14), 0x30, "mail.union.kirisasa.example"},
};
// clang-format on
const unsigned gen_servers_count = sizeof(gen_servers) / sizeof(gen_servers[0]);

struct gen_addr gen_server_addr(const struct gen_server *server, uint8_t af)
{
	return af == 6 ? gen_v6(gen_bodies[server->body].v6, server->v6_host) : gen_v4(server->v4);
}

const struct gen_server *gen_server_pick(unsigned body, enum gen_role role, unsigned i)
{
	const struct gen_server *found[sizeof(gen_servers) / sizeof(gen_servers[0])];
	unsigned count = 0;
	for (unsigned s = 0; s < gen_servers_count; s++)
		if (gen_servers[s].role == role && (body >= GEN_BODIES || gen_servers[s].body == body))
			found[count++] = &gen_servers[s];
	return count ? found[i % count] : NULL;
}

static bool is_server_v4(uint32_t v4)
{
	for (unsigned s = 0; s < gen_servers_count; s++)
		if (gen_servers[s].v4 == v4)
			return true;
	return false;
}

// Clients fill the prefix from its end: low addresses are where people put servers, and a city's prefix may hold a
// board's at its end, which is stepped over.
static uint32_t client_v4(unsigned body, unsigned i)
{
	uint32_t at = gen_bodies[body].v4 + (1u << (32 - gen_bodies[body].v4_len)) - 1;
	for (unsigned seen = 0;;) {
		at--;
		struct gen_addr addr = gen_v4(at);
		if (is_server_v4(at) || gen_body_of(&addr) != body)
			continue;
		if (seen++ == i)
			return at;
	}
}

struct gen_addr gen_client_addr(unsigned body, unsigned i, uint8_t af)
{
	i %= gen_bodies[body].clients;
	if (af == 4)
		return gen_v4(client_v4(body, i));
	return gen_v6(gen_bodies[body].v6 | (1 + i % 4), gen_mix(0x59475f636c69656e, body * 1000u + i));
}

static bool within_v6(const struct gen_addr *addr, uint64_t first, unsigned len)
{
	uint64_t high = 0;
	for (int i = 0; i < 8; i++)
		high = high << 8 | addr->b[i];
	return (high ^ first) >> (64 - len) == 0;
}

static bool within_v4(const struct gen_addr *addr, uint32_t first, unsigned len)
{
	uint32_t v4 = IP(addr->b[0], addr->b[1], addr->b[2], addr->b[3]);
	return (v4 ^ first) >> (32 - len) == 0;
}

unsigned gen_body_of(const struct gen_addr *addr)
{
	// The board lies within the city: asked last to first, since it stands behind the city in the table.
	for (unsigned i = GEN_BODIES; i-- > 0;) {
		const struct gen_body *body = &gen_bodies[i];
		unsigned v6_len = body->line_mbps >= 1000 ? 40 : 44;
		if (addr->af == 4 ? within_v4(addr, body->v4, body->v4_len) : within_v6(addr, body->v6, v6_len))
			return i;
	}
	return GEN_BODIES;
}

struct gen_addr gen_outside_server(unsigned i, uint8_t af)
{
	i &= 0xffff;
	return af == 6 ? gen_v6(V6(0xf000) | (i & 0xff), 0x1000u + i) : gen_v4(IP(198, 18, 0, 0) | i);
}

struct gen_addr gen_outside_client(unsigned i, uint8_t af)
{
	if (af == 4)
		return gen_v4(IP(198, 19, 0, 0) | (i & 0xffff));
	return gen_v6(V6(0xf100) | (i & 0xffff), gen_mix(0x59475f6f75747369, i));
}

static bool forgeable_v4(uint32_t v4)
{
	unsigned first = v4 >> 24;
	if (first == 0 || first == 10 || first == 127 || first >= 224)
		return false;
	if (v4 >> 20 == IP(172, 16, 0, 0) >> 20 || v4 >> 16 == IP(192, 168, 0, 0) >> 16 ||
	    v4 >> 16 == IP(169, 254, 0, 0) >> 16)
		return false;
	if (v4 >> 8 == IP(203, 0, 113, 0) >> 8 || v4 >> 8 == IP(198, 51, 100, 0) >> 8 ||
	    v4 >> 8 == IP(192, 0, 2, 0) >> 8)
		return false;
	return v4 >> 17 != IP(198, 18, 0, 0) >> 17;
}

struct gen_addr gen_forged(struct gen_rng *rng, uint8_t af)
{
	if (af == 6) { // global unicast other than the documentation prefix: 2400::/12, as assigned in this region
		uint64_t high = UINT64_C(0x2400) << 48 | (gen_next(rng) & UINT64_C(0x000fffffffffffff));
		return gen_v6(high, gen_next(rng));
	}
	for (;;) {
		uint32_t v4 = (uint32_t)(gen_next(rng) >> 32);
		if (forgeable_v4(v4))
			return gen_v4(v4);
	}
}
