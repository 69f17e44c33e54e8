// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Against DNS servers. Queries for random names of a zone come through public resolvers, as those of Hiroshima in 2022
// did: the resolvers ask in good faith, and are few. Queries of forged clients come from anywhere. Thread: one.
#include "gen_shots.h"

#include <string.h>

enum { RESOLVERS = 12, FORGED_CLIENTS = 3, ANY = 255, NXDOMAIN = 3 };

// The zone that the target answers for; the first that is declared for it, else the prefecture's.
static const char *zone_of(const struct gen_addr *target)
{
	static const char *const zones[GEN_BODIES] = {
	    "pref.nadami.example", "city.shiomi.example", NULL, "town.kirihara.example", NULL, NULL, NULL, NULL,
	};
	unsigned body = gen_body_of(target);
	return body < GEN_BODIES && zones[body] ? zones[body] : zones[0];
}

static struct gen_addr public_resolver(unsigned i, uint8_t af)
{
	struct gen_rng rng = {gen_mix(0x4e50, i)};
	return gen_forged(&rng, af);
}

static void ask(struct gen *gen, struct gen_attack *attack, const struct gen_addr *client, const struct gen_buf *query,
                const struct gen_buf *answer)
{
	struct gen_packet packet = gen_towards(attack, GEN_UDP);
	packet.src = *client;
	packet.dport = attack->port ? attack->port : 53;
	packet.payload = query->b;
	packet.payload_len = query->len;
	gen_emit(gen, &packet);
	if (!attack->answered)
		return;
	struct gen_packet back = gen_back(&packet, 0);
	back.payload = answer->b;
	back.payload_len = answer->len;
	gen_send_later(gen, &back, gen_between(&attack->rng, 150, 1500) * GEN_US);
}

static void random_label(struct gen_rng *rng, char *out, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	for (size_t i = 0; i + 1 < len; i++)
		out[i] = letters[gen_below(rng, sizeof(letters) - 1)];
	out[len - 1] = '\0';
}

void gen_shot_water_torture(struct gen *gen, struct gen_attack *attack)
{
	char label[16], name[96];
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	struct gen_addr client = public_resolver(gen_below(&attack->rng, RESOLVERS), attack->target.af);
	uint16_t id = (uint16_t)gen_next(&attack->rng);
	random_label(&attack->rng, label, gen_between(&attack->rng, 9, sizeof(label)));
	snprintf(name, sizeof(name), "%s.%s", label, zone_of(&attack->target));
	gen_dns_question(&query, id, 0, name, 1, 0, true);
	gen_dns_edns(&query);
	gen_dns_question(&answer, id, 0x8400 | NXDOMAIN, name, 1, 0, true);
	gen_dns_edns(&answer);
	ask(gen, attack, &client, &query, &answer);
}

// The same few names, over and over, from forged clients.
void gen_shot_dns_queries(struct gen *gen, struct gen_attack *attack)
{
	char name[96];
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	struct gen_addr client = gen_forged(&attack->rng, attack->target.af), own = gen_v4(0xcb00710a);
	uint16_t id = (uint16_t)gen_next(&attack->rng);
	snprintf(name, sizeof(name), "www.%s", zone_of(&attack->target));
	gen_dns_question(&query, id, 0x0100, name, 1, 0, false);
	gen_dns_question(&answer, id, 0x8500, name, 1, 1, false);
	size_t at = gen_dns_record(&answer, 1, 300);
	gen_put(&answer, own.b, 4);
	gen_close_len(&answer, at, 2);
	ask(gen, attack, &client, &query, &answer);
}

// Everything about the zone, in the name of a few who will get it: our server as somebody's amplifier.
void gen_shot_dns_any(struct gen *gen, struct gen_attack *attack)
{
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	struct gen_addr client = public_resolver(700 + gen_below(&attack->rng, FORGED_CLIENTS), attack->target.af);
	uint16_t id = (uint16_t)gen_next(&attack->rng);
	gen_dns_question(&query, id, 0x0100, zone_of(&attack->target), ANY, 0, true);
	gen_dns_edns(&query);
	gen_dns_question(&answer, id, 0x8500, zone_of(&attack->target), ANY, 6, true);
	for (unsigned i = 0; i < 6; i++) {
		size_t at = gen_dns_record(&answer, 16, 300);
		gen_put_be(&answer, 150, 1);
		for (unsigned c = 0; c < 150; c++)
			gen_put_be(&answer, 'a' + (c * 7 + i) % 26, 1);
		gen_close_len(&answer, at, 2);
	}
	gen_dns_edns(&answer);
	ask(gen, attack, &client, &query, &answer);
}
