// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A line that is full, a body that falls silent, a mirror that is cut; and the innocent twins of the attacks: what some
// sensor has taken for one of them. Each twin is as big as its attack, and differs only in what makes it innocent: it
// was asked for from inside, its handshakes are completed, its names exist. Thread: one.
#include "gen_day.h"
#include "gen_shots.h"

#include <string.h>

enum { FRAME_BITS = 1514 * 8, STREAMS = 8, SPEED_STREAMS = 4, CROWD = 8000, CRAWLED = 5000, PING_S = 20, PINGS_MAX = 9 };

static unsigned body_of(const struct gen_addr *addr)
{
	unsigned body = gen_body_of(addr);
	return body < GEN_BODIES ? body : 0;
}

// One message as large as its rate allows between two times, over TLS. up: the client sends it.
static void pour(struct gen *gen, struct gen_attack *attack, const struct gen_addr *client, unsigned server, int64_t at, int64_t until,
                 double bps, bool up)
{
	struct gen_addr outside = gen_outside_server(server, client->af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_TCP, client, &outside, 443);
	uint32_t bytes = (uint32_t)(bps / 8 * 0.94 * ((double)(until - at) / 1e9));
	talk->loss = 0;
	gen_say_tls(talk, up ? "backup.example" : "dl.os.example", GEN_HELLO_GREASE);
	gen_say_records(talk, 0, up ? bytes : 500, GEN_MS, up ? (uint64_t)bps : 0);
	gen_say_records(talk, 1, up ? 500 : bytes, GEN_MS, up ? 0 : (uint64_t)bps);
	gen_talk_start(gen, talk, at);
}

// ---- full, dark, cut ----

// Everybody in the body fetches something: nobody attacks, but the line has no room left.
void gen_shot_full_line(struct gen *gen, struct gen_attack *attack)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		struct gen_addr client = gen_client_addr(body_of(&attack->target), i, attack->target.af);
		pour(gen, attack, &client, 36 + i, gen->now, attack->end, attack->pps * FRAME_BITS / STREAMS, false);
	}
}

// Routers greet each other whatever becomes of the bodies: time goes on.
static void greet(struct gen *gen, const struct gen_attack *attack)
{
	static const uint8_t keepalive[19] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 19, 4};
	struct gen_packet packet = {
	    .src = gen_outside_server(65001, attack->target.af),
	    .dst = gen_outside_server(65002, attack->target.af),
	    .proto = GEN_TCP,
	    .ttl = 1,
	    .sport = 179,
	    .dport = 50179,
	    .seq = 1000 + 19 * attack->fired,
	    .ack = 77,
	    .flags = GEN_ACK | GEN_PSH,
	    .window = 512,
	    .payload = keepalive,
	    .payload_len = sizeof(keepalive),
	};
	gen_emit(gen, &packet);
}

void gen_shot_dark(struct gen *gen, struct gen_attack *attack)
{
	gen->silence = true;
	gen->silent_until[body_of(&attack->target)] = attack->end;
	greet(gen, attack);
}

void gen_shot_cut(struct gen *gen, struct gen_attack *attack)
{
	gen->silence = true;
	for (unsigned i = 0; i < GEN_BODIES; i++)
		gen->silent_until[i] = attack->end;
	greet(gen, attack);
}

// ---- twins of floods ----

// Thousands of people, each with a handshake, a request and an answer that is worth having.
void gen_shot_crowd(struct gen *gen, struct gen_attack *attack)
{
	struct gen_pair pair = {gen_outside_client(gen_below(&attack->rng, CROWD), attack->target.af), attack->target,
	                        gen_next(&attack->rng), "www.city.shiomi.example"};
	uint32_t bytes = gen_between(&attack->rng, 3000, 12000);
	if (gen_chance(&attack->rng, 0.3))
		gen_app_http(gen, gen->now, &pair, bytes, 0, "/ticket/");
	else
		gen_app_https(gen, gen->now, &pair, bytes, 0);
}

// A disaster: all look at the pages of all bodies.
void gen_shot_surge(struct gen *gen, struct gen_attack *attack)
{
	gen_make_visit(gen, &attack->rng);
}

void gen_shot_download(struct gen *gen, struct gen_attack *attack)
{
	pour(gen, attack, &attack->target, 33, gen->now, attack->end, attack->pps * FRAME_BITS, false);
}

static void stream(struct gen *gen, struct gen_attack *attack, unsigned server, const char *name)
{
	struct gen_pair pair = {attack->target, gen_outside_server(server, attack->target.af), gen_next(&attack->rng), name};
	double bps = attack->pps * FRAME_BITS;
	gen_app_quic_stream(gen, gen->now, &pair, (uint32_t)(bps / 8 * 0.92 * ((double)(attack->end - gen->now) / 1e9)), (uint64_t)bps);
}

void gen_shot_download_quic(struct gen *gen, struct gen_attack *attack)
{
	stream(gen, attack, 34, "dl.store.example");
}

void gen_shot_video(struct gen *gen, struct gen_attack *attack)
{
	stream(gen, attack, 100, "www.youtube.com");
}

// First down, then up, over several connections.
void gen_shot_speed_test(struct gen *gen, struct gen_attack *attack)
{
	int64_t half = gen->now + (attack->end - gen->now) / 2;
	double bps = attack->pps * FRAME_BITS / SPEED_STREAMS;
	for (unsigned i = 0; i < SPEED_STREAMS; i++) {
		pour(gen, attack, &attack->target, 35, gen->now, half, bps, false);
		pour(gen, attack, &attack->target, 35, half, attack->end, bps, true);
	}
}

void gen_shot_backup(struct gen *gen, struct gen_attack *attack)
{
	pour(gen, attack, &attack->target, 35, gen->now, attack->end, attack->pps * FRAME_BITS, true);
}

// The day of the updates: one client after the other fetches the same file, each at its part of the rate.
void gen_shot_update(struct gen *gen, struct gen_attack *attack)
{
	struct gen_addr client = gen_client_addr(body_of(&attack->target), attack->fired, attack->target.af);
	pour(gen, attack, &client, 30 + attack->fired % 4, gen->now, attack->end, 1e6, false);
}

// ---- twins of DNS attacks ----

// The secondary fetches the whole zone: one question, a hundred kilobytes of answer, over TCP.
void gen_shot_zone_transfer(struct gen *gen, struct gen_attack *attack)
{
	static const char zone[] = "pref.nadami.example";
	struct gen_addr client = gen_outside_server(310, attack->target.af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_TCP, &client, &attack->target, 53);
	struct gen_buf query = {.len = 0};
	uint16_t id = (uint16_t)gen_next(&attack->rng);
	size_t at = gen_open_len(&query, 2);
	gen_dns_question(&query, id, 0, zone, 252, 0, false);
	gen_close_len(&query, at, 2);
	gen_say(talk, 0, query.b, query.len, 0, GEN_FILL_RANDOM);
	for (unsigned message = 0; message < 20; message++) {
		struct gen_buf answer = {.len = 0};
		size_t whole = gen_open_len(&answer, 2);
		gen_dns_question(&answer, id, 0x8400, zone, 252, 200, false);
		for (unsigned i = 0; i < 200; i++) {
			size_t data = gen_dns_record(&answer, 1, 3600);
			gen_put_be(&answer, 0xcb007100u | gen_below(&attack->rng, 64), 4);
			gen_close_len(&answer, data, 2);
		}
		gen_close_len(&answer, whole, 2);
		gen_say(talk, 1, answer.b, answer.len, 0, GEN_FILL_RANDOM);
	}
	gen_talk_start(gen, talk, gen->now);
}

// A search engine's crawler inside asks its resolver for 5,000 real names; the resolver asks the world. A tenth is gone.
void gen_shot_crawl(struct gen *gen, struct gen_attack *attack)
{
	char name[64];
	uint8_t af = attack->target.af;
	uint32_t which = attack->fired % CRAWLED;
	struct gen_addr world = gen_outside_server(4096 + which, af), answer = gen_outside_server(100 + which, af);
	struct gen_addr client = gen_client_addr(body_of(&attack->target), 5, af);
	const struct gen_addr *found = which % 10 == 9 ? NULL : &answer;
	struct gen_pair ask = {client, attack->target, gen_next(&attack->rng), name};
	struct gen_pair recurse = {attack->target, world, gen_next(&attack->rng), name};
	snprintf(name, sizeof(name), "www.shop%u.zone%u.example", which * 7919 % 9973, which);
	gen_app_dns(gen, gen->now + GEN_MS, &recurse, found, af == 6 ? 28 : 1, false);
	gen_app_dns(gen, gen->now, &ask, found, af == 6 ? 28 : 1, false);
}

// A resolver whose answers are signed, and therefore long: as many bytes as of a reflection, all of them asked for.
void gen_shot_resolver(struct gen *gen, struct gen_attack *attack)
{
	char name[64];
	uint32_t which = gen_below(&attack->rng, 4000);
	struct gen_addr world = gen_outside_server(4096 + which, attack->target.af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_UDP, &attack->target, &world, 53);
	struct gen_buf query = {.len = 0}, answer = {.len = 0};
	uint16_t id = (uint16_t)gen_next(&attack->rng);
	snprintf(name, sizeof(name), "www.zone%u.example", which);
	gen_dns_question(&query, id, 0, name, 48, 0, true);
	gen_dns_edns(&query);
	gen_dns_question(&answer, id, 0x8400, name, 48, 4, true);
	for (unsigned i = 0; i < 4; i++) {
		size_t at = gen_dns_record(&answer, 48, 3600);
		gen_put_be(&answer, 0x01010308, 4);
		gen_put_random(&answer, &attack->rng, 256);
		gen_close_len(&answer, at, 2);
	}
	gen_dns_edns(&answer);
	gen_say(talk, 0, query.b, query.len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, answer.b, answer.len, 0, GEN_FILL_RANDOM);
	gen_talk_start(gen, talk, gen->now);
}

// ---- twins of scans and of slow connections ----

// The prefecture's station asks each server of each body whether it is there; now and then a port is not.
void gen_shot_monitor(struct gen *gen, struct gen_attack *attack)
{
	const struct gen_server *server = &gen_servers[attack->fired % gen_servers_count];
	uint16_t port = server->role == GEN_DNS ? 53 : server->role == GEN_MAIL ? 25 : server->role == GEN_PROXY ? 3128 : 443;
	struct gen_pair pair = {attack->source, gen_server_addr(server, attack->source.af), gen_next(&attack->rng), NULL};
	if (server->role == GEN_WATCH || server->role == GEN_VPN)
		gen_app_ping(gen, gen->now, &pair, 1);
	else
		gen_app_probe(gen, gen->now, &pair, attack->fired % 41 == 40 ? 8443 : port, attack->fired % 41 == 40 ? GEN_REFUSED : GEN_CLOSE_CLIENT);
}

static unsigned pings(const struct gen *gen, const struct gen_attack *attack)
{
	int64_t left = (attack->end - gen->now) / (PING_S * GEN_S);
	return left < 0 ? 0 : left > PINGS_MAX ? PINGS_MAX : (unsigned)left;
}

static struct gen_talk *idle_talk(struct gen_attack *attack, uint16_t port)
{
	struct gen_addr client = gen_outside_client(attack->fired % 150, attack->target.af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_TCP, &client, &attack->target, port);
	talk->loss = 0;
	return talk;
}

// Half are WebSockets, with a ping now and then; half have got what they asked for and are kept for later.
void gen_shot_idle_web(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = idle_talk(attack, 443);
	gen_say_tls(talk, "www.city.shiomi.example", GEN_HELLO_GREASE);
	gen_say_records(talk, 0, 600, GEN_MS, 0);
	gen_say_records(talk, 1, attack->fired % 2 ? 200 : 5000, 5 * GEN_MS, 0);
	for (unsigned i = attack->fired % 2 ? pings(gen, attack) : 0; i-- > 0;) {
		gen_say_records(talk, 1, 24, PING_S * GEN_S, 0);
		gen_say_records(talk, 0, 28, GEN_MS, 0);
	}
	talk->close = attack->fired % 2 ? GEN_CLOSE_CLIENT : GEN_CLOSE_NONE;
	gen_talk_start(gen, talk, gen->now);
}

// Mail programs that wait to be told of new mail.
void gen_shot_idle_imap(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = idle_talk(attack, 993);
	gen_say_tls(talk, "mail.city.shiomi.example", GEN_HELLO_PLAIN);
	gen_say_records(talk, 1, 90, GEN_MS, 0);
	gen_say_records(talk, 0, 60, 30 * GEN_MS, 0);
	gen_say_records(talk, 1, 400, 8 * GEN_MS, 0);
	gen_say_records(talk, 0, 32, 5 * GEN_MS, 0);
	for (unsigned i = pings(gen, attack); i-- > 0;)
		gen_say_records(talk, 1, 40, PING_S * GEN_S, 0);
	talk->close = GEN_CLOSE_CLIENT;
	gen_talk_start(gen, talk, gen->now);
}
