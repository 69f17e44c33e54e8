// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The dos detector with a small town around it, for its unit tests: packets go into the sensor's own sample and into the windows of hosts,
// prefix and body that they would make, so that what the detector asks is answered by what the engine would answer. Version 4 and version 6
// alike: T() runs a test with both.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sample.h"

extern const struct yg_plugin yagura_plugin;

enum { START = 1800000000, HOSTS = 1200, KEPT = 16384 };

struct spot { // where packets come from, or go to: `count` addresses from `first` on
	bool inside;
	unsigned first, count;
};

struct kind {
	struct spot from, to;
	uint16_t sport, dport;   // 0: spread
	uint8_t proto, vector;
	uint32_t packets;
	uint16_t bytes;
};

static struct {
	void *self;
	union yg_value values[16];
	struct yg_host host;
	struct yg_sample_store *sample;
	struct yg_alert *out;
	uint32_t count, asks;
	int64_t second;
	uint8_t af, prefix_len;
	uint64_t line_bps;
	float one_way;
	struct yg_baseline base, prefix_base; // prefix_base: of the prefix alone, when it is at all
	struct yg_org_info town;
	struct yg_server_info server;
	uint32_t planned;
	struct yg_window hosts[HOSTS], prefix, body;
} world;

// ---- the host's side ----

static void on_raise(void *context, const struct yg_alert *alert)
{
	(void)context;
	assert_true(world.count < KEPT);
	world.out[world.count++] = *alert;
}

static const struct yg_org_info *on_org(void *context, uint16_t index)
{
	(void)context;
	return index == 3 ? &world.town : NULL;
}

static void on_ask(void *context, const struct yg_question *question, struct yg_answer *ret)
{
	(void)context;
	world.asks++;
	yg_sample_ask(world.sample, world.second, question, ret);
}

static void on_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors, struct yg_evidence *ret)
{
	(void)context;
	yg_sample_evidence(world.sample, world.second, af, target, len, vectors, ret);
}

static void on_log(void *context, int level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

static uint32_t on_planned(void *context, uint16_t org, int64_t second)
{
	(void)context;
	(void)org;
	(void)second;
	return world.planned;
}

static const struct yg_server_info *on_server(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	const struct yg_server_info *s = &world.server;
	(void)context;
	bool same = s->name && af == world.af && memcmp(addr, &s->addr, sizeof *addr) == 0;
	return same && (!proto || !s->proto || proto == s->proto) && (!port || !s->port || port == s->port) ? s : NULL;
}

static void begin(uint8_t af)
{
	memset(&world, 0, sizeof world);
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++) {
		const struct yg_option *o = &yagura_plugin.options[i];
		if (o->type == YG_OPT_DURATION)
			world.values[i].f = strtod(o->fallback, NULL);
		else
			world.values[i].i = o->type == YG_OPT_BOOL ? strcmp(o->fallback, "true") == 0 : strtol(o->fallback, NULL, 10);
	}
	world.host = (struct yg_host){.size = sizeof world.host, .raise = on_raise, .org = on_org, .evidence = on_evidence, .log = on_log,
	                              .ask = on_ask, .planned = on_planned, .server = on_server};
	world.town = (struct yg_org_info){.code = "072001", .name_ja = "福島町", .name_en = "Fukushima Town", .parent = YG_ORG_NONE};
	world.out = calloc(KEPT, sizeof *world.out);
	world.second = START;
	world.af = af;
	world.prefix_len = af == 4 ? 22 : 48;
	world.sample = yg_sample_create(&yg_hash_key_replay);
	world.self = yagura_plugin.create(&world.host, world.values);
	assert_non_null(world.self);
}

static int setup_4(void **state)
{
	(void)state;
	begin(4);
	return 0;
}

static int setup_6(void **state)
{
	(void)state;
	begin(6);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	yagura_plugin.destroy(world.self);
	yg_sample_destroy(world.sample);
	free(world.out);
	return 0;
}

// ---- the town ----

static struct yg_addr address(bool inside, unsigned n)
{
	struct yg_addr a = {{0}};
	uint8_t *low = world.af == 4 ? a.b : a.b + 12;
	if (world.af == 6)
		memcpy(a.b, (uint8_t[]){0x20, 0x01, 0x0d, 0xb8, 0, inside}, 6);
	else
		memcpy(a.b, inside ? (uint8_t[]){203, 0} : (uint8_t[]){100, 64}, 2);
	low[2] = (uint8_t)(n >> 8);
	low[3] = (uint8_t)n;
	if (world.af == 4 && inside)
		low[2] = (uint8_t)(low[2] + 112);
	return a;
}

static struct yg_window *windows_of(unsigned n, unsigned i)
{
	return i == 0 ? &world.hosts[n] : i == 1 ? &world.prefix : &world.body;
}

static void count_in(const struct kind *k, unsigned n)
{
	for (unsigned i = 0; i < 3; i++) {
		struct yg_rates *r = &windows_of(n, i)->now;
		r->packets[k->vector]++;
		r->bytes[k->vector] += k->bytes;
		r->flows += k->vector == YG_VEC_SYN;
	}
}

static void count_out(const struct kind *k, unsigned n)
{
	for (unsigned i = 0; i < 3; i++) {
		struct yg_window *w = windows_of(n, i);
		w->now.packets_out++;
		w->now.bytes_out += k->bytes;
		if (k->vector == YG_VEC_DOWNLOAD)
			continue; // an answer to what came
		w->pushed.packets[k->vector]++;
		w->pushed.bytes[k->vector] += k->bytes;
	}
}

static void traffic(const struct kind *k)
{
	for (uint32_t i = 0; i < k->packets; i++) {
		unsigned from = k->from.first + i % k->from.count, to = k->to.first + i % k->to.count;
		struct yg_sample s = {.src = address(k->from.inside, from), .dst = address(k->to.inside, to), .second = (int32_t)world.second,
		                      .sport = k->sport ? k->sport : (uint16_t)(1024 + i * 7), .dport = k->dport ? k->dport : (uint16_t)(1024 + i * 11),
		                      .bytes = k->bytes, .proto = k->proto, .vector = k->vector, .af = world.af};
		if (k->vector == YG_VEC_FRAGMENT)
			s.sport = s.dport = 0;
		yg_sample_add(world.sample, &s, 1);
		if (k->to.inside)
			count_in(k, to);
		if (k->from.inside)
			count_out(k, from);
	}
}

static void smooth(float *ema, double raw)
{
	*ema += (float)((1 - exp(-1.0 / 5)) * (raw - (double)*ema));
}

static void close_window(struct yg_window *w)
{
	uint64_t touched = w->now.packets_out + w->now.handshakes;
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		smooth(&w->ema_packets[v], w->now.packets[v]);
		smooth(&w->ema_bits[v], (double)w->now.bytes[v] * 8);
		touched += w->now.packets[v];
	}
	w->second = world.second;
	w->org = 3;
	w->line_bps = world.line_bps;
	w->one_way = world.one_way;
	w->warm = 1;
	w->base = w == &world.prefix && world.prefix_base.packets > 0 ? world.prefix_base : world.base;
	if (touched)
		yagura_plugin.window(world.self, w);
	memset(&w->now, 0, sizeof w->now);
	memset(&w->pushed, 0, sizeof w->pushed);
}

static void end_second(void)
{
	world.body.scope = YG_SCOPE_BODY;
	close_window(&world.body);
	world.prefix.scope = YG_SCOPE_PREFIX;
	world.prefix.af = world.af;
	world.prefix.prefix_len = world.prefix_len;
	world.prefix.addr = address(true, 0);
	if (world.af == 6)
		memset(world.prefix.addr.b + 6, 0, 10);
	close_window(&world.prefix);
	for (unsigned n = 0; n < HOSTS; n++) {
		struct yg_window *w = &world.hosts[n];
		w->scope = YG_SCOPE_HOST;
		w->af = world.af;
		w->prefix_len = world.af == 4 ? 32 : 128;
		w->addr = address(true, n);
		close_window(w);
	}
	yagura_plugin.tick(world.self, world.second++);
}

static void run(const struct kind *kinds, unsigned count, int seconds)
{
	for (int s = 0; s < seconds; s++) {
		for (unsigned i = 0; i < count; i++)
			traffic(&kinds[i]);
		end_second();
	}
}

#define OUTSIDE(first, count) {false, first, count}
#define INSIDE(first, count) {true, first, count}

// Alerts that were told (not merely held) with different keys, of any kind or of one.
static uint32_t distinct(const char *kind)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < world.count; i++) {
		const struct yg_alert *a = &world.out[i];
		bool skip = a->hold || (kind && strcmp(kind, a->kind) != 0);
		for (uint32_t k = 0; k < i && !skip; k++) {
			const struct yg_alert *b = &world.out[k];
			skip = !b->hold && strcmp(a->kind, b->kind) == 0 && strcmp(a->vector, b->vector) == 0 &&
			       memcmp(&a->target, &b->target, sizeof a->target) == 0 && memcmp(&a->source, &b->source, sizeof a->source) == 0;
		}
		n += !skip;
	}
	return n;
}

static const struct yg_alert *first(void)
{
	assert_true(world.count > 0);
	return &world.out[0];
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_4, teardown), \
	{#name " (version 6)", name, setup_6, teardown, NULL}
