// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Against web servers: many connections that are complete and cheap for whoever makes them, and few that never end.
// Unanswered, the server is gone: what is left of a connection is its SYN. Thread: one.
#include "gen_shots.h"

#include <string.h>

enum { BOTS = 3000, SLOW_SOURCES = 5, DRIP_S = 10, DRIPS_MAX = 18 };

static const char *name_of(const struct gen_addr *target)
{
	for (unsigned i = 0; i < gen_servers_count; i++) {
		struct gen_addr addr = gen_server_addr(&gen_servers[i], target->af);
		if (!memcmp(&addr, target, sizeof(addr)))
			return gen_servers[i].name;
	}
	return "www.example";
}

static struct gen_talk *bot_talk(struct gen_attack *attack, uint16_t port, unsigned sources)
{
	struct gen_addr client = gen_outside_client(24000 + gen_below(&attack->rng, sources), attack->target.af);
	struct gen_talk *talk = gen_talk_new(gen_next(&attack->rng), GEN_TCP, &client, &attack->target, attack->port ? attack->port : port);
	talk->loss = 0;
	return talk;
}

static void start(struct gen *gen, struct gen_attack *attack, struct gen_talk *talk, enum gen_close how)
{
	talk->close = (uint8_t)(attack->answered ? how : GEN_SILENT);
	gen_talk_start(gen, talk, gen->now);
}

// The server pays for the key exchange, the bot leaves. All bots are the same program, so their hellos are alike.
void gen_shot_tls(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = bot_talk(attack, 443, BOTS);
	struct gen_buf hello = {.len = 0}, answer = {.len = 0};
	const char *name = name_of(&attack->target);
	gen_client_hello(&hello, &talk->rng, name, GEN_HELLO_TOOL);
	gen_server_hello(&answer, &talk->rng, name, false);
	gen_say(talk, 0, hello.b, hello.len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, answer.b, answer.len, 0, GEN_FILL_RANDOM);
	start(gen, attack, talk, GEN_CLOSE_RESET);
}

// A search that no cache has the answer to.
void gen_shot_http(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = bot_talk(attack, 80, BOTS);
	struct gen_buf request = {.len = 0}, head = {.len = 0};
	uint32_t bytes = gen_between(&talk->rng, 300, 900);
	gen_put_text(&request, "GET /search?q=%08x HTTP/1.1\r\nHost: %s\r\n", (unsigned)gen_next(&talk->rng), name_of(&attack->target));
	gen_put_text(&request, "User-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	gen_put_text(&head, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: %u\r\n\r\n", bytes);
	gen_say(talk, 0, request.b, request.len, 0, GEN_FILL_RANDOM);
	gen_say_later(talk, 1, head.b, head.len, head.len + bytes, GEN_FILL_TEXT, gen_between(&talk->rng, 5, 60) * GEN_MS, 0);
	start(gen, attack, talk, GEN_CLOSE_SERVER);
}

void gen_shot_quic(struct gen *gen, struct gen_attack *attack)
{
	struct gen_pair pair = {gen_outside_client(24000 + gen_below(&attack->rng, BOTS), attack->target.af), attack->target,
	                        gen_next(&attack->rng), name_of(&attack->target)};
	gen_app_quic_hello(gen, gen->now, &pair, attack->answered);
}

// ---- few that never end ----

static unsigned drips(const struct gen *gen, const struct gen_attack *attack)
{
	int64_t left = (attack->end - gen->now) / (DRIP_S * GEN_S);
	return left < 0 ? 0 : left > DRIPS_MAX ? DRIPS_MAX : (unsigned)left;
}

// slowloris: a request whose header goes on and on.
void gen_shot_slowloris(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = bot_talk(attack, 80, SLOW_SOURCES);
	struct gen_buf head = {.len = 0};
	gen_put_text(&head, "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n", name_of(&attack->target));
	gen_say(talk, 0, head.b, head.len, 0, GEN_FILL_RANDOM);
	for (unsigned i = drips(gen, attack); i-- > 0;) {
		head.len = 0;
		gen_put_text(&head, "X-%c: %u\r\n", (char)('a' + gen_below(&talk->rng, 26)), (unsigned)gen_below(&talk->rng, 5000));
		gen_say_later(talk, 0, head.b, head.len, 0, GEN_FILL_RANDOM, DRIP_S * GEN_S, 0);
	}
	start(gen, attack, talk, GEN_CLOSE_CLIENT);
}

// R-U-D-Y: a form whose content comes a byte at a time.
void gen_shot_slow_post(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = bot_talk(attack, 80, SLOW_SOURCES);
	struct gen_buf head = {.len = 0};
	gen_put_text(&head, "POST /form/inquiry HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\n", name_of(&attack->target));
	gen_put_text(&head, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n");
	gen_say(talk, 0, head.b, head.len, 0, GEN_FILL_RANDOM);
	for (unsigned i = drips(gen, attack); i-- > 0;)
		gen_say_later(talk, 0, "A", 1, 0, GEN_FILL_RANDOM, DRIP_S * GEN_S, 0);
	start(gen, attack, talk, GEN_CLOSE_CLIENT);
}

// A long answer that its reader does not take: its window is shut, and opens for a byte now and then.
void gen_shot_slow_read(struct gen *gen, struct gen_attack *attack)
{
	struct gen_talk *talk = bot_talk(attack, 80, SLOW_SOURCES);
	struct gen_buf request = {.len = 0}, head = {.len = 0};
	talk->end[0].narrow = true;
	gen_put_text(&request, "GET /keikaku.pdf HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0\r\n\r\n", name_of(&attack->target));
	gen_put_text(&head, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/pdf\r\nContent-Length: 9000000\r\n\r\n");
	gen_say(talk, 0, request.b, request.len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, head.b, head.len, 256, GEN_FILL_RANDOM);
	for (unsigned i = drips(gen, attack); i-- > 0;)
		gen_say_later(talk, 1, NULL, 0, 1, GEN_FILL_RANDOM, DRIP_S * GEN_S, 0);
	start(gen, attack, talk, GEN_CLOSE_CLIENT);
}
