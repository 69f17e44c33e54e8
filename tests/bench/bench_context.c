// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a contact costs behind the detectors: nanoseconds a contact, over contacts to servers outside, to a declared server by its known
// clients, and by strangers; and what a second costs while 256 attacks are followed. One core; the median of nine rounds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/time.h"
#include "engine/context.h"
#include "../unit/hand_config.h"

enum { CONTACTS = 1000000, ROUNDS = 9, SERVICES = 1024, START = 1780000200 };

static struct yg_contact *contacts;

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void fill(unsigned kind)
{
	uint64_t seed = kind;
	for (unsigned i = 0; i < CONTACTS; i++) {
		struct yg_contact *c = &contacts[i];
		seed = yg_hash_identity(&seed, sizeof seed);
		memset(c, 0, sizeof *c);
		c->af = 4;
		c->proto = 6;
		c->event_ns = START * YG_NS_PER_S;
		c->port[1] = 443;
		c->org[0] = kind ? YG_ORG_NONE : HAND_CITY;
		c->org[1] = kind ? HAND_CITY : YG_ORG_NONE;
		c->internal[kind ? 1 : 0] = 1;
		unsigned n = (unsigned)(seed % SERVICES);
		c->addr[1] = kind ? hand_v4(10, 1, n >> 8, n & 255) : hand_v4(198, (unsigned)seed & 255, (unsigned)(seed >> 8) & 255, 7);
		unsigned client = (unsigned)(seed >> 32);
		c->addr[0] = kind == 1 ? hand_v4(203, 0, 113, client % 100) : 
					 hand_v4(100 + (client & 63), client >> 24, client >> 16 & 255, client >> 8 & 255);
	}
}

static void measure(struct yg_context *context, const char *name, unsigned kind)
{
	double ns[ROUNDS];
	fill(kind);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double from = now_ns();
		for (unsigned i = 0; i < CONTACTS; i++)
			yg_context_contact(context, &contacts[i]);
		ns[r] = (now_ns() - from) / CONTACTS;
	}
	qsort(ns, ROUNDS, sizeof ns[0], by_value);
	printf("%-36s %6.1f ns a contact (%.1f to %.1f)\n", name, ns[ROUNDS / 2], ns[0], ns[ROUNDS - 1]);
}

static void no_raise(void *context, const struct yg_alert *alert)
{
	(void)context;
	(void)alert;
}

int main(void)
{
	struct hand_config hand;
	hand_config_init(&hand);
	hand_config_seconds(&hand, YG_O_ALERTS_UPDATE, 60);
	struct yg_service *services = calloc(SERVICES, sizeof *services);
	contacts = calloc(CONTACTS, sizeof *contacts);
	for (unsigned i = 0; i < SERVICES; i++)
		services[i] = (struct yg_service){.addr = hand_v4(10, 1, i >> 8, i & 255), .af = 4, .proto = 6, .port = 443, .org = HAND_CITY};
	hand.config.services = services;
	hand.config.services_count = SERVICES;
	struct yg_context *context = yg_context_create(&hand.config, &yg_hash_key_replay, &yg_hash_key_identity);
	for (unsigned i = 0; i < SERVICES; i++)
		for (unsigned k = 0; k < 100; k++) {
			struct yg_flow f = {.af = 4, .proto = 6, .internal = {0, 1}, .port = {1, 443}, .rank = YG_RANK_ESTABLISHED, .packets = {8, 8}};
			f.addr[0] = hand_v4(203, 0, 113, k);
			f.addr[1] = services[i].addr;
			f.last_ns = START * YG_NS_PER_S;
			yg_context_flow(context, &f);
		}
	for (int64_t s = START; s < START + 601; s++)
		yg_context_tick(context, s, 0, no_raise, NULL);
	measure(context, "outside", 0);
	measure(context, "1,024 services, known clients", 1);
	measure(context, "1,024 services, strangers", 2);
	for (unsigned i = 0; i < YG_IMPACT_ATTACKS; i++) {
		struct yg_alert a = {.kind = "dos.syn_flood", .id = i + 1, .af = 4, .target = services[i].addr, .target_len = 32,
				     .time_ns = (START + 601) * YG_NS_PER_S, .vector = "syn"};
		yg_context_fill(context, &a);
	}
	double from = now_ns();
	for (int64_t s = START + 601; s < START + 661; s++)
		yg_context_tick(context, s, 0, no_raise, NULL);
	printf("%-36s %6.2f ms a second\n", "256 attacks, 1,024 services", (now_ns() - from) / 60e6);
	yg_context_destroy(context);
	free(contacts);
	free(services);
	return 0;
}
