// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What makes a busy day busy, and innocent all the same: each of these has been taken for an attack by some sensor.
// Places in time are shares of the whole run; in a run of 600 s each lasts what the name promises. Thread: one.
#include "gen_apps.h"
#include "gen_bodies.h"
#include "gen_day.h"

enum { CROWD = 8000, SPEED_FLOWS = 4 };

enum body { SHIOMI = 1, KIRIHARA = 3, YUKINOSAWA = 5, KIRISASA = 7 };

static int64_t place(const struct gen *gen, double share)
{
	return gen->start + (int64_t)((double)(gen->end - gen->start) * share);
}

static int64_t at_most(const struct gen *gen, int64_t seconds, double share)
{
	int64_t part = (int64_t)((double)(gen->end - gen->start) * share);
	return part < seconds * GEN_S ? part : seconds * GEN_S;
}

// A ticket sale, a name in the news: thousands of people, each with a handshake, a request and an answer.
static void make_crowd(struct gen *gen, struct gen_rng *rng)
{
	uint8_t af = gen_family_of(gen, rng, 0.3);
	const struct gen_server *web = gen_server_pick(SHIOMI, GEN_WEB, 0);
	struct gen_pair pair = {gen_outside_client(gen_below(rng, CROWD), af), gen_server_addr(web, af), gen_next(rng),
	                        web->name};
	if (gen_chance(rng, 0.85))
		gen_app_http(gen, gen->now, &pair, gen_between(rng, 400, 2500), 0, "/ticket/");
	else
		gen_app_https(gen, gen->now, &pair, gen_between(rng, 400, 2500), 0);
}

static uint32_t bytes_in(uint64_t bps, int64_t ns)
{
	double bytes = (double)bps / 8 * ((double)ns / 1e9) * 0.95; // the headers are part of the rate
	return bytes > 4e9 ? UINT32_C(4000000000) : (uint32_t)bytes;
}

static uint8_t any_family(const struct gen *gen)
{
	return gen->family == GEN_FAMILY_V6 ? 6 : 4;
}

// An installer for the village's PC, at 36 % of its line, which is above the floor in bit/s.
static void add_download(struct gen *gen)
{
	uint8_t af = any_family(gen);
	uint64_t bps = (uint64_t)(gen_bodies[YUKINOSAWA].line_mbps * 360000.0 * gen->scale);
	struct gen_pair pair = {gen_client_addr(YUKINOSAWA, 2, af), gen_outside_server(33, af),
	                        gen_mix(gen->seed, 0xd0), "dl.os.example"};
	gen_app_http(gen, place(gen, 0.25), &pair, bytes_in(bps, at_most(gen, 60, 0.1)), bps, "/images/install.iso");
}

// One host, first down, then up, over several connections, at half of its union's line.
static void add_speed_test(struct gen *gen)
{
	uint8_t af = any_family(gen);
	int64_t each = at_most(gen, 20, 0.04);
	uint64_t bps = (uint64_t)(24000000.0 * gen->scale) / SPEED_FLOWS;
	struct gen_pair pair = {gen_client_addr(KIRISASA, 3, af), gen_outside_server(34, af), 0, "speed.example"};
	for (unsigned i = 0; i < SPEED_FLOWS; i++) {
		pair.seed = gen_mix(gen->seed, 0x5d + i);
		gen_app_https(gen, place(gen, 0.38), &pair, bytes_in(bps, each), bps);
		pair.seed = gen_mix(gen->seed, 0x51d + i);
		gen_app_upload(gen, place(gen, 0.38) + each, &pair, bytes_in(bps, each), bps);
	}
}

// The night's copy to another place: out of the town, for a tenth of the run.
static void add_backup(struct gen *gen)
{
	uint8_t af = any_family(gen);
	uint64_t bps = (uint64_t)(10000000.0 * gen->scale);
	struct gen_pair pair = {gen_client_addr(KIRIHARA, 9, af), gen_outside_server(35, af), gen_mix(gen->seed, 0xba),
	                        "backup.example"};
	gen_app_upload(gen, place(gen, 0.5), &pair, bytes_in(bps, at_most(gen, 600, 0.1)), bps);
}

void gen_busy(struct gen *gen)
{
	gen_day(gen);
	int64_t crowd = place(gen, 0.1), surge = place(gen, 0.7), resolver = place(gen, 0.1);
	// The crowd's height is reached whatever the hour: its rate is what the scenario promises.
	gen_source(gen, "crowd", make_crowd, 500.0, GEN_STEADY, crowd, crowd + at_most(gen, 60, 0.1));
	gen_source(gen, "surge", gen_make_visit, 25.0, GEN_STEADY, surge, surge + at_most(gen, 120, 0.2));
	gen_source(gen, "resolver", gen_make_recursion, 150.0, GEN_STEADY, resolver, resolver + at_most(gen, 300, 0.5));
	add_download(gen);
	add_speed_test(gen);
	add_backup(gen);
}
