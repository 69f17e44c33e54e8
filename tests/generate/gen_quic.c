// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// QUIC version 1 as a tap sees it: an Initial that anybody can open (RFC 9001: its keys come from the connection id
// alone), the server's Initial and Handshake packets, then short headers. What only the two ends could read is random.
// Thread: one.
#include "gen_apps.h"
#include "gen_crypto.h"

#include <string.h>

enum { INITIAL_SIZE = 1200, CID_LEN = 8, TAG_LEN = 16, NUMBER_LEN = 4 };

static const uint8_t salt_v1[20] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};

static void put_varint2(struct gen_buf *buf, size_t value)
{
	gen_put_be(buf, 0x4000u | value, 2);
}

// Long header up to the packet number, whose place is returned; `rest` is what follows the length field.
static size_t put_long_header(struct gen_buf *buf, uint8_t first, const uint8_t *dcid, const uint8_t *scid, size_t rest)
{
	gen_put_be(buf, first, 1);
	gen_put_be(buf, 1, 4);
	gen_put_be(buf, CID_LEN, 1);
	gen_put(buf, dcid, CID_LEN);
	gen_put_be(buf, CID_LEN, 1);
	gen_put(buf, scid, CID_LEN);
	if ((first & 0x30) == 0)
		gen_put_be(buf, 0, 1); // no token
	put_varint2(buf, rest);
	size_t at = buf->len;
	gen_put_be(buf, 0, NUMBER_LEN);
	return at;
}

// Seals everything behind the packet number and hides the number and the first byte's low bits.
static void seal(struct gen_buf *buf, const uint8_t secret[32], size_t start, size_t number_at)
{
	uint8_t key[16], nonce[12], hide[16], mask[16], tag[TAG_LEN] = {0};
	gen_hkdf_label(secret, "quic key", key, sizeof(key));
	gen_hkdf_label(secret, "quic iv", nonce, sizeof(nonce)); // packet number 0 changes nothing in it
	gen_hkdf_label(secret, "quic hp", hide, sizeof(hide));
	size_t body = number_at + NUMBER_LEN, len = buf->len - body;
	gen_put(buf, tag, sizeof(tag));
	gen_aes128_gcm(key, nonce, buf->b + start, body - start, buf->b + body, len);
	gen_aes128(hide, buf->b + number_at + 4, mask);
	buf->b[start] ^= mask[0] & 0x0f;
	for (unsigned i = 0; i < NUMBER_LEN; i++)
		buf->b[number_at + i] ^= mask[1 + i];
}

static void initial_secret(const uint8_t *dcid, const char *label, uint8_t ret_secret[32])
{
	uint8_t common[32];
	gen_hkdf_extract(salt_v1, sizeof(salt_v1), dcid, CID_LEN, common);
	gen_hkdf_label(common, label, ret_secret, 32);
}

void gen_quic_initial(struct gen_buf *buf, const uint8_t *dcid, const uint8_t *scid, const uint8_t *hello, size_t len)
{
	uint8_t secret[32], padding[INITIAL_SIZE] = {0};
	size_t head = 7 + 2 * CID_LEN + 1 + 2 + NUMBER_LEN, room = INITIAL_SIZE - head - TAG_LEN, frame = 4 + len;
	size_t body = frame > room ? frame : room, start = buf->len;
	size_t number_at = put_long_header(buf, 0xc0 | (NUMBER_LEN - 1), dcid, scid, NUMBER_LEN + body + TAG_LEN);
	gen_put_be(buf, 0x0600, 2); // CRYPTO from offset 0
	put_varint2(buf, len);
	gen_put(buf, hello, len);
	gen_put(buf, padding, body - frame);
	initial_secret(dcid, "client in", secret);
	seal(buf, secret, start, number_at);
}

// The server's Initial (an acknowledgement and its hello) and a Handshake packet in one datagram.
static void put_answer(struct gen_buf *buf, struct gen_rng *rng, const uint8_t *dcid, const uint8_t *to,
                       const uint8_t *from)
{
	uint8_t secret[32];
	struct gen_buf hello = {.len = 0};
	gen_server_hello_quic(&hello, rng);
	size_t number_at =
	    put_long_header(buf, 0xc0 | (NUMBER_LEN - 1), to, from, NUMBER_LEN + 5 + 4 + hello.len + TAG_LEN);
	gen_put(buf, "\2\0\0\0\0", 5); // ACK of packet 0
	gen_put_be(buf, 0x0600, 2);
	put_varint2(buf, hello.len);
	gen_put(buf, hello.b, hello.len);
	initial_secret(dcid, "server in", secret);
	seal(buf, secret, 0, number_at);
	size_t rest = INITIAL_SIZE - buf->len - (7 + 2 * CID_LEN + 2 + NUMBER_LEN);
	put_long_header(buf, (uint8_t)(0xe0 | gen_below(rng, 16)), to, from, NUMBER_LEN + rest);
	gen_put_random(buf, rng, rest);
}

static void say_hellos(struct gen_talk *talk, const char *name, bool answered, uint8_t scid[CID_LEN], uint8_t server[CID_LEN])
{
	struct gen_buf hello = {.len = 0}, initial = {.len = 0}, answer = {.len = 0};
	uint8_t dcid[CID_LEN];
	gen_fill(&talk->rng, dcid, CID_LEN);
	// The ids that gen_talk.c puts into short headers are those that these headers announce.
	gen_talk_cid(talk, 1, scid);
	gen_talk_cid(talk, 0, server);
	gen_client_hello_quic(&hello, &talk->rng, name);
	gen_quic_initial(&initial, dcid, scid, hello.b, hello.len);
	gen_say(talk, 0, initial.b, initial.len, 0, GEN_FILL_RANDOM);
	if (!answered)
		return;
	put_answer(&answer, &talk->rng, dcid, scid, server);
	gen_say(talk, 1, answer.b, answer.len, 0, GEN_FILL_RANDOM);
}

void gen_app_quic_hello(struct gen *gen, int64_t at, const struct gen_pair *pair, bool answered)
{
	struct gen_talk *talk = gen_talk_new(pair->seed, GEN_UDP, &pair->client, &pair->server, 443);
	uint8_t scid[CID_LEN], server[CID_LEN];
	say_hellos(talk, pair->name, answered, scid, server);
	gen_talk_start(gen, talk, at);
}

static void say_handshake(struct gen_talk *talk, const char *name)
{
	struct gen_buf finish = {.len = 0};
	uint8_t scid[CID_LEN], server[CID_LEN];
	say_hellos(talk, name, true, scid, server);
	put_long_header(&finish, (uint8_t)(0xe0 | gen_below(&talk->rng, 16)), server, scid, NUMBER_LEN + 80);
	gen_put_random(&finish, &talk->rng, 80);
	gen_say(talk, 0, finish.b, finish.len, 0, GEN_FILL_RANDOM);
}

void gen_app_quic(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes)
{
	struct gen_talk *talk = gen_talk_new(pair->seed, GEN_UDP, &pair->client, &pair->server, 443);
	say_handshake(talk, pair->name);
	unsigned requests = gen_between(&talk->rng, 1, 3);
	for (unsigned i = 0; i < requests; i++) {
		gen_say_later(talk, 0, NULL, 0, gen_between(&talk->rng, 90, 700), GEN_FILL_QUIC,
		              i ? gen_between(&talk->rng, 20, 900) * GEN_MS : GEN_MS, 0);
		gen_say_later(talk, 1, NULL, 0, bytes / requests + 200, GEN_FILL_QUIC,
		              gen_between(&talk->rng, 2, 40) * GEN_MS, 0);
		gen_say(talk, 0, NULL, 0, 34, GEN_FILL_QUIC);
	}
	gen_talk_start(gen, talk, at);
}

void gen_app_quic_stream(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps)
{
	struct gen_talk *talk = gen_talk_new(pair->seed, GEN_UDP, &pair->client, &pair->server, 443);
	unsigned parts = (GEN_STEPS_MAX - talk->steps - 4) / 2;
	say_handshake(talk, pair->name);
	gen_say_later(talk, 0, NULL, 0, gen_between(&talk->rng, 90, 700), GEN_FILL_QUIC, GEN_MS, 0);
	for (unsigned i = 0; i < parts; i++) {
		gen_say_later(talk, 1, NULL, 0, bytes / parts + 1, GEN_FILL_QUIC, 0, bps);
		gen_say(talk, 0, NULL, 0, 40, GEN_FILL_QUIC);
	}
	gen_talk_start(gen, talk, at);
}
