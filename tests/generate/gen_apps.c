// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What applications say to each other, as scripts for gen_talk.c: enough of each protocol that a classifier knows it
// by its payload, with lengths and pauses of the real thing. Encrypted parts are random numbers. Thread: one.
#include "gen_apps.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const agents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
    "Mobile/15E148 Safari/604.1",
};

static struct gen_talk *talk_to(const struct gen_pair *pair, uint8_t proto, uint16_t port)
{
	return gen_talk_new(pair->seed, proto, &pair->client, &pair->server, port);
}

static enum gen_hello pick_hello(struct gen_rng *rng)
{
	uint32_t of = gen_below(rng, 100);
	return of < 55 ? GEN_HELLO_GREASE : of < 75 ? GEN_HELLO_PLAIN : of < 85 ? GEN_HELLO_OLD : GEN_HELLO_LARGE;
}

static enum gen_close pick_close(struct gen_rng *rng)
{
	uint32_t of = gen_below(rng, 100);
	return of < 65 ? GEN_CLOSE_CLIENT : of < 90 ? GEN_CLOSE_SERVER : of < 96 ? GEN_CLOSE_RESET : GEN_CLOSE_NONE;
}

// Hello, hello and finish: 18 % of the servers still speak TLS 1.2.
void gen_say_tls(struct gen_talk *talk, const char *name, enum gen_hello kind)
{
	static const char finished_old[] = "\x16\3\3\0\x25\x10\0\0\x21\x20";
	struct gen_buf hello = {.len = 0}, answer = {.len = 0}, finish = {.len = 0};
	bool old = kind == GEN_HELLO_OLD || gen_chance(&talk->rng, 0.1);
	gen_client_hello(&hello, &talk->rng, name, kind);
	gen_say(talk, 0, hello.b, hello.len, 0, GEN_FILL_RANDOM);
	gen_server_hello(&answer, &talk->rng, name ? name : "localhost", old);
	gen_say_later(talk, 1, answer.b, answer.len, 0, GEN_FILL_RANDOM, gen_between(&talk->rng, 300, 2500) * GEN_US,
	              0);
	if (old) { // the client's key, then both sides switch to their new keys
		gen_put(&finish, finished_old, 10);
		gen_put_random(&finish, &talk->rng, 32);
	}
	gen_put(&finish, "\x14\3\3\0\1\1", 6);
	gen_put(&finish, old ? "\x16\3\3\0\x28" : "\x17\3\3\0\x35", 5);
	gen_put_random(&finish, &talk->rng, old ? 40 : 53);
	gen_say_later(talk, 0, finish.b, finish.len, 0, GEN_FILL_RANDOM, gen_between(&talk->rng, 300, 3000) * GEN_US,
	              0);
	if (old) {
		finish.len = 0;
		gen_put(&finish, "\x14\3\3\0\1\1\x16\3\3\0\x28", 11);
		gen_put_random(&finish, &talk->rng, 40);
		gen_say(talk, 1, finish.b, finish.len, 0, GEN_FILL_RANDOM);
	}
}

static void say_handshake(struct gen_talk *talk, const char *name)
{
	gen_say_tls(talk, name, pick_hello(&talk->rng));
}

void gen_say_records(struct gen_talk *talk, uint8_t from, uint32_t bytes, int64_t pause, uint64_t bps)
{
	gen_say_later(talk, from, NULL, 0, bytes + 5, GEN_FILL_TLS, pause, bps);
}

void gen_app_https(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps)
{
	struct gen_talk *talk = talk_to(pair, GEN_TCP, 443);
	say_handshake(talk, pair->name);
	unsigned requests = bps ? 1 : gen_between(&talk->rng, 1, 4);
	for (unsigned i = 0; i < requests; i++) {
		gen_say_records(talk, 0, gen_between(&talk->rng, 300, 900),
		            i ? gen_between(&talk->rng, 20, 1500) * GEN_MS : GEN_MS, 0);
		gen_say_records(talk, 1, bytes / requests + 200, gen_between(&talk->rng, 2, 60) * GEN_MS, bps);
	}
	talk->close = (uint8_t)pick_close(&talk->rng);
	gen_talk_start(gen, talk, at);
}

void gen_app_upload(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps)
{
	struct gen_talk *talk = talk_to(pair, GEN_TCP, 443);
	say_handshake(talk, pair->name);
	gen_say_records(talk, 0, bytes, 2 * GEN_MS, bps);
	gen_say_records(talk, 1, 400, 5 * GEN_MS, 0);
	gen_talk_start(gen, talk, at);
}

void gen_app_http(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps,
                  const char *path)
{
	struct gen_talk *talk = talk_to(pair, GEN_TCP, 80);
	struct gen_buf request = {.len = 0}, head = {.len = 0};
	gen_put_text(&request, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n", path, pair->name,
	             agents[gen_below(&talk->rng, 3)]);
	gen_put_text(&request, "Accept-Language: ja,en;q=0.8\r\nConnection: keep-alive\r\n\r\n");
	gen_say(talk, 0, request.b, request.len, 0, GEN_FILL_RANDOM);
	bool moved = !bps && gen_chance(&talk->rng, 0.4); // most visits in clear are sent on to HTTPS
	if (moved) {
		gen_put_text(&head,
		             "HTTP/1.1 301 Moved Permanently\r\nServer: nginx\r\nContent-Length: 0\r\nLocation: "
		             "https://%s%s\r\n\r\n",
		             pair->name, path);
		bytes = 0;
	} else {
		gen_put_text(&head,
		             "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: %s\r\nContent-Length: %u\r\n\r\n",
		             bps ? "application/octet-stream" : "text/html; charset=utf-8", bytes);
	}
	gen_say_later(talk, 1, head.b, head.len, head.len + bytes, bps ? GEN_FILL_RANDOM : GEN_FILL_TEXT,
	              gen_between(&talk->rng, 2, 40) * GEN_MS, bps);
	talk->close = (uint8_t)pick_close(&talk->rng);
	gen_talk_start(gen, talk, at);
}

static void say_line(struct gen_talk *talk, uint8_t from, const char *format, const char *name)
{
	struct gen_buf line = {.len = 0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	gen_put_text(&line, format, name);
#pragma GCC diagnostic pop
	gen_say_later(talk, from, line.b, line.len, 0, GEN_FILL_RANDOM, gen_between(&talk->rng, 1, 20) * GEN_MS, 0);
}

static void say_envelope(struct gen_talk *talk, const char *name, uint32_t bytes)
{
	say_line(talk, 0, "MAIL FROM:<info@%s> SIZE=4096\r\n", "sender.example");
	say_line(talk, 1, "250 2.1.0 %s\r\n", "Ok");
	say_line(talk, 0, "RCPT TO:<soumu@%s>\r\n", name);
	say_line(talk, 1, "250 2.1.5 %s\r\n", "Ok");
	say_line(talk, 0, "DATA%s\r\n", "");
	say_line(talk, 1, "354 End data with %s\r\n", "<CR><LF>.<CR><LF>");
	struct gen_buf head = {.len = 0};
	gen_put_text(
	    &head, "From: info@sender.example\r\nTo: soumu@%s\r\nSubject: oshirase\r\nMIME-Version: 1.0\r\n\r\n", name);
	gen_say(talk, 0, head.b, head.len, head.len + bytes, GEN_FILL_TEXT);
	say_line(talk, 0, "%s\r\n.\r\n", "");
	say_line(talk, 1, "250 2.0.0 Ok: queued as %s\r\n", "4C0FFE1234");
	say_line(talk, 0, "QUIT%s\r\n", "");
	say_line(talk, 1, "221 2.0.0 %s\r\n", "Bye");
}

void gen_app_smtp(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, bool starttls)
{
	struct gen_talk *talk = talk_to(pair, GEN_TCP, 25);
	say_line(talk, 1, "220 %s ESMTP\r\n", pair->name);
	say_line(talk, 0, "EHLO %s\r\n", "mta.sender.example");
	say_line(talk, 1,
	         "250-%s\r\n250-PIPELINING\r\n250-SIZE 20480000\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
	         pair->name);
	if (starttls) {
		say_line(talk, 0, "STARTTLS%s\r\n", "");
		say_line(talk, 1, "220 2.0.0 %s\r\n", "Ready to start TLS");
		say_handshake(talk, pair->name);
		gen_say_records(talk, 0, 120, GEN_MS, 0);
		gen_say_records(talk, 1, 180, 5 * GEN_MS, 0);
		gen_say_records(talk, 0, bytes, GEN_MS, 0);
		gen_say_records(talk, 1, 60, 80 * GEN_MS, 0);
	} else {
		say_envelope(talk, pair->name, bytes);
	}
	talk->close = GEN_CLOSE_SERVER;
	gen_talk_start(gen, talk, at);
}

void gen_app_ntp(struct gen *gen, int64_t at, const struct gen_pair *pair)
{
	struct gen_talk *talk = talk_to(pair, GEN_UDP, 123);
	struct gen_buf query = {.len = 0}, reply = {.len = 0};
	uint32_t seconds = (uint32_t)(at / GEN_S + 2208988800);
	uint64_t stamp = (uint64_t)seconds << 32 | (gen_next(&talk->rng) & 0xffffffff);
	gen_put_be(&query, 0x23000000, 4);
	memset(query.b + query.len, 0, 36);
	query.len += 36;
	gen_put_be(&query, stamp, 8);
	gen_put_be(&reply, 0x240206e9, 4);
	gen_put_be(&reply, 0x0000012300000456, 8);
	gen_put_random(&reply, &talk->rng, 4);
	gen_put_be(&reply, stamp - (UINT64_C(37) << 32), 8);
	gen_put_be(&reply, stamp, 8);
	gen_put_be(&reply, stamp + 0x01000000, 8);
	gen_put_be(&reply, stamp + 0x01010000, 8);
	gen_say(talk, 0, query.b, query.len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, reply.b, reply.len, 0, GEN_FILL_RANDOM);
	gen_talk_start(gen, talk, at);
}

void gen_app_ping(struct gen *gen, int64_t at, const struct gen_pair *pair, unsigned count)
{
	struct gen_talk *talk = talk_to(pair, GEN_ICMP, 0);
	uint8_t pattern[56];
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)i;
	for (unsigned i = 0; i < count; i++) {
		gen_say_later(talk, 0, pattern, sizeof(pattern), 0, GEN_FILL_RANDOM, i ? GEN_S : 0, 0);
		gen_say(talk, 1, pattern, sizeof(pattern), 0, GEN_FILL_RANDOM);
	}
	gen_talk_start(gen, talk, at);
}

// Message 1 and 2 of the handshake, then transport messages either way.
void gen_app_wireguard(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes)
{
	struct gen_talk *talk = talk_to(pair, GEN_UDP, 51820);
	struct gen_buf first = {.len = 0}, second = {.len = 0};
	// An index is what the other side names as receiver: the same in both messages and in all that follows.
	uint64_t client = gen_mix(talk->secret, 1), server = gen_mix(talk->secret, 0);
	gen_put_be(&first, 0x01000000, 4);
	gen_put_be(&first, __builtin_bswap32((uint32_t)client), 4);
	gen_put_random(&first, &talk->rng, 140);
	gen_put_be(&second, 0x02000000, 4);
	gen_put_be(&second, __builtin_bswap32((uint32_t)server), 4);
	gen_put_be(&second, __builtin_bswap32((uint32_t)client), 4);
	gen_put_random(&second, &talk->rng, 80);
	gen_say(talk, 0, first.b, first.len, 0, GEN_FILL_RANDOM);
	gen_say(talk, 1, second.b, second.len, 0, GEN_FILL_RANDOM);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t share = 32 + 16 * gen_below(&talk->rng, bytes / 96 + 1);
		gen_say_later(talk, 0, NULL, 0, 32 + 16 * gen_below(&talk->rng, 40), GEN_FILL_WIREGUARD,
		              i ? gen_between(&talk->rng, 50, 9000) * GEN_MS : 0, 0);
		gen_say_later(talk, 1, NULL, 0, share, GEN_FILL_WIREGUARD, gen_between(&talk->rng, 1, 20) * GEN_MS,
		              20000000);
	}
	gen_talk_start(gen, talk, at);
}

void gen_app_ipsec(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, bool nat)
{
	struct gen_talk *talk = talk_to(pair, nat ? GEN_UDP : GEN_ESP, nat ? 4500 : 0);
	if (nat)
		talk->end[0].port = 4500;
	for (unsigned i = 0; i < 8; i++) {
		uint32_t share = 68 + 16 * gen_below(&talk->rng, bytes / 128 + 1);
		gen_say_later(talk, 0, NULL, 0, 68 + 16 * gen_below(&talk->rng, 30), GEN_FILL_ESP,
		              i ? gen_between(&talk->rng, 50, 6000) * GEN_MS : 0, 0);
		gen_say_later(talk, 1, NULL, 0, share, GEN_FILL_ESP, gen_between(&talk->rng, 1, 20) * GEN_MS, 20000000);
	}
	gen_talk_start(gen, talk, at);
}

void gen_app_probe(struct gen *gen, int64_t at, const struct gen_pair *pair, uint16_t port, enum gen_close outcome)
{
	struct gen_talk *talk = talk_to(pair, GEN_TCP, port);
	talk->close = (uint8_t)outcome;
	gen_talk_start(gen, talk, at);
}
