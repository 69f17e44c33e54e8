// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// TLS hellos with the shape of those of browsers, of an older office PC and of a browser that offers a post-quantum key
// share, whose hello spans two segments, and of a tool. Only what a passive reader can see is right; keys are random numbers.
// Thread: one.
#include "gen_apps.h"

#include <string.h>

struct shape {
	bool grease, tls13, h2;
	uint16_t ciphers[18];
	unsigned ciphers_count;
	uint16_t groups[5];
	unsigned groups_count;
	size_t large_share; // bytes of a further key share, 0: none
};

// clang-format off
static const struct shape shapes[GEN_HELLOS] = {
	[GEN_HELLO_GREASE] = {true, true, true,
		{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f, 0x35},
		15, {29, 23, 24}, 3, 0},
	[GEN_HELLO_PLAIN] = {false, true, true,
		{0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014,
		 0x9c, 0x9d, 0x2f, 0x35},
		17, {29, 23, 24, 25}, 4, 0},
	[GEN_HELLO_OLD] = {false, false, false,
		{0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013, 0x9d, 0x9c,
		 0x3d, 0x3c, 0x35, 0x2f},
		18, {29, 23, 24}, 3, 0},
	[GEN_HELLO_LARGE] = {true, true, true,
		{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f, 0x35},
		15, {0x11ec, 29, 23, 24}, 4, 1216},
	[GEN_HELLO_TOOL] = {false, true, false,
		{0xc02f, 0xc030, 0xc02b, 0xc02c, 0xcca8, 0xcca9, 0xc013, 0xc014, 0x1301, 0x1302, 0x1303},
		11, {29, 23, 24, 25}, 4, 0},
};
// clang-format on

static uint16_t grease(struct gen_rng *rng)
{
	uint32_t byte = gen_below(rng, 16) << 4 | 0x0a;
	return (uint16_t)(byte << 8 | byte);
}

static size_t open_extension(struct gen_buf *buf, uint16_t type)
{
	gen_put_be(buf, type, 2);
	return gen_open_len(buf, 2);
}

static void put_extension(struct gen_buf *buf, uint16_t type, const char *bytes, size_t len)
{
	size_t at = open_extension(buf, type);
	gen_put(buf, bytes, len);
	gen_close_len(buf, at, 2);
}

static void put_server_name(struct gen_buf *buf, const char *name)
{
	size_t extension = open_extension(buf, 0), list = gen_open_len(buf, 2);
	gen_put_be(buf, 0, 1);
	size_t text = gen_open_len(buf, 2);
	gen_put(buf, name, strlen(name));
	gen_close_len(buf, text, 2);
	gen_close_len(buf, list, 2);
	gen_close_len(buf, extension, 2);
}

static void put_groups(struct gen_buf *buf, struct gen_rng *rng, const struct shape *shape)
{
	size_t extension = open_extension(buf, 10), list = gen_open_len(buf, 2);
	if (shape->grease)
		gen_put_be(buf, grease(rng), 2);
	for (unsigned i = 0; i < shape->groups_count; i++)
		gen_put_be(buf, shape->groups[i], 2);
	gen_close_len(buf, list, 2);
	gen_close_len(buf, extension, 2);
}

static void put_key_share(struct gen_buf *buf, struct gen_rng *rng, const struct shape *shape)
{
	size_t extension = open_extension(buf, 51), list = gen_open_len(buf, 2);
	if (shape->grease) {
		gen_put_be(buf, grease(rng), 2);
		gen_put_be(buf, 0x000100, 3);
	}
	if (shape->large_share) {
		gen_put_be(buf, 0x11ec, 2);
		gen_put_be(buf, shape->large_share, 2);
		gen_put_random(buf, rng, shape->large_share);
	}
	gen_put_be(buf, 29, 2);
	gen_put_be(buf, 32, 2);
	gen_put_random(buf, rng, 32);
	gen_close_len(buf, list, 2);
	gen_close_len(buf, extension, 2);
}

static void put_versions(struct gen_buf *buf, struct gen_rng *rng, const struct shape *shape, bool quic)
{
	size_t extension = open_extension(buf, 43), list = gen_open_len(buf, 1);
	if (shape->grease)
		gen_put_be(buf, grease(rng), 2);
	gen_put_be(buf, 0x0304, 2);
	if (!quic)
		gen_put_be(buf, 0x0303, 2);
	gen_close_len(buf, list, 1);
	gen_close_len(buf, extension, 2);
}

static void put_alpn(struct gen_buf *buf, bool quic)
{
	if (quic)
		put_extension(buf, 16, "\0\3\2h3", 5);
	else
		put_extension(buf, 16, "\0\14\2h2\10http/1.1", 14);
}

static void put_quic_parameters(struct gen_buf *buf)
{
	size_t extension = open_extension(buf, 57);
	gen_put(buf, "\1\4\x80\0\x75\x30\3\2\x45\xc0\4\4\x80\xf0\0\0\5\4\x80\x60\0\0\x8\2\x40\x64\x9\2\x40\x67\xf\0",
	        32);
	gen_close_len(buf, extension, 2);
}

static void put_extensions(struct gen_buf *buf, struct gen_rng *rng, const char *name, const struct shape *shape,
                           bool quic)
{
	size_t all = gen_open_len(buf, 2);
	if (shape->grease)
		put_extension(buf, grease(rng), "", 0);
	if (name)
		put_server_name(buf, name);
	if (!quic) {
		put_extension(buf, 23, "", 0);
		put_extension(buf, 0xff01, "\0", 1);
	}
	put_groups(buf, rng, shape);
	if (!quic) {
		put_extension(buf, 11, "\1\0", 2);
		put_extension(buf, 35, "", 0);
	}
	if (shape->h2)
		put_alpn(buf, quic);
	put_extension(buf, 5, "\1\0\0\0\0", 5);
	put_extension(buf, 13, "\0\20\4\3\10\4\4\1\5\3\10\5\5\1\10\6\6\1", 18);
	if (shape->tls13) {
		put_key_share(buf, rng, shape);
		put_extension(buf, 45, "\1\1", 2);
		put_versions(buf, rng, shape, quic);
	}
	if (quic)
		put_quic_parameters(buf);
	else if (shape->grease)
		put_extension(buf, 27, "\2\0\2", 3);
	gen_close_len(buf, all, 2);
}

static void put_hello(struct gen_buf *buf, struct gen_rng *rng, const char *name, const struct shape *shape, bool quic)
{
	gen_put_be(buf, 1, 1);
	size_t message = gen_open_len(buf, 3);
	gen_put_be(buf, 0x0303, 2);
	gen_put_random(buf, rng, 32);
	gen_put_be(buf, shape->tls13 && !quic ? 32 : 0, 1);
	gen_put_random(buf, rng, shape->tls13 && !quic ? 32 : 0);
	size_t list = gen_open_len(buf, 2);
	if (shape->grease && !quic)
		gen_put_be(buf, grease(rng), 2);
	for (unsigned i = 0; i < (quic ? 3 : shape->ciphers_count); i++)
		gen_put_be(buf, shape->ciphers[i], 2);
	gen_close_len(buf, list, 2);
	gen_put_be(buf, 0x0100, 2); // no compression
	put_extensions(buf, rng, name, shape, quic);
	gen_close_len(buf, message, 3);
}

void gen_client_hello(struct gen_buf *buf, struct gen_rng *rng, const char *name, enum gen_hello kind)
{
	gen_put_be(buf, 0x160301, 3);
	size_t record = gen_open_len(buf, 2);
	put_hello(buf, rng, name, &shapes[kind], false);
	gen_close_len(buf, record, 2);
}

void gen_client_hello_quic(struct gen_buf *buf, struct gen_rng *rng, const char *name)
{
	put_hello(buf, rng, name, &shapes[GEN_HELLO_GREASE], true);
}

static void put_record(struct gen_buf *buf, struct gen_rng *rng, uint8_t type, size_t len)
{
	gen_put_be(buf, type, 1);
	gen_put_be(buf, 0x0303, 2);
	gen_put_be(buf, len, 2);
	gen_put_random(buf, rng, len);
}

static void put_server_message(struct gen_buf *buf, struct gen_rng *rng, bool old, size_t session)
{
	gen_put_be(buf, 2, 1);
	size_t message = gen_open_len(buf, 3);
	gen_put_be(buf, 0x0303, 2);
	gen_put_random(buf, rng, 32);
	gen_put_be(buf, session, 1);
	gen_put_random(buf, rng, session);
	gen_put_be(buf, old ? 0xc02f : 0x1301, 2);
	gen_put_be(buf, 0, 1);
	size_t all = gen_open_len(buf, 2);
	if (old) {
		put_extension(buf, 0xff01, "\0", 1);
		put_extension(buf, 23, "", 0);
	} else {
		size_t share = open_extension(buf, 51);
		gen_put_be(buf, 29u << 16 | 32u, 4);
		gen_put_random(buf, rng, 32);
		gen_close_len(buf, share, 2);
		put_extension(buf, 43, "\3\4", 2);
	}
	gen_close_len(buf, all, 2);
	gen_close_len(buf, message, 3);
}

void gen_server_hello_quic(struct gen_buf *buf, struct gen_rng *rng)
{
	put_server_message(buf, rng, false, 0);
}

static void put_server_hello(struct gen_buf *buf, struct gen_rng *rng, bool old)
{
	gen_put_be(buf, 0x160303, 3);
	size_t record = gen_open_len(buf, 2);
	put_server_message(buf, rng, old, 32);
	gen_close_len(buf, record, 2);
}

// ---- a certificate, for the versions that still show it ----

static size_t open_der(struct gen_buf *buf, uint8_t tag)
{
	gen_put_be(buf, tag, 1);
	gen_put_be(buf, 0x82, 1); // two bytes of length follow, always: closing needs no move
	return gen_open_len(buf, 2);
}

static void put_common_name(struct gen_buf *buf, const char *name)
{
	size_t sequence = open_der(buf, 0x30), set = open_der(buf, 0x31), pair = open_der(buf, 0x30);
	gen_put(buf, "\6\3\x55\4\3", 5);
	gen_put_be(buf, 0x0c, 1);
	gen_put_be(buf, strlen(name), 1);
	gen_put(buf, name, strlen(name));
	gen_close_len(buf, pair, 2);
	gen_close_len(buf, set, 2);
	gen_close_len(buf, sequence, 2);
}

static void put_bits(struct gen_buf *buf, struct gen_rng *rng, size_t len)
{
	size_t bits = open_der(buf, 3);
	gen_put_be(buf, 0, 1);
	gen_put_random(buf, rng, len);
	gen_close_len(buf, bits, 2);
}

static const char ecdsa_sha256[] = "\x30\x0a\6\x8\x2a\x86\x48\xce\x3d\4\3\2";

static void put_certificate(struct gen_buf *buf, struct gen_rng *rng, const char *name)
{
	size_t whole = open_der(buf, 0x30), inner = open_der(buf, 0x30);
	gen_put(buf, "\xa0\3\2\1\2\2\4", 7); // version 3, a serial number of four bytes
	gen_put_be(buf, 0x40000000u | (gen_next(rng) & 0xffffff), 4);
	gen_put(buf, ecdsa_sha256, 12);
	put_common_name(buf, "Yagura Example CA");
	gen_put(buf,
	        "\x30\x1e\x17\x0d"
	        "260101000000Z"
	        "\x17\x0d"
	        "270201000000Z",
	        32);
	put_common_name(buf, name);
	size_t key = open_der(buf, 0x30);
	gen_put(buf, "\x30\x13\6\7\x2a\x86\x48\xce\x3d\2\1\6\x8\x2a\x86\x48\xce\x3d\3\1\7", 21);
	put_bits(buf, rng, 65);
	gen_close_len(buf, key, 2);
	gen_close_len(buf, inner, 2);
	gen_put(buf, ecdsa_sha256, 12);
	put_bits(buf, rng, 71);
	gen_close_len(buf, whole, 2);
}

static void put_certificate_record(struct gen_buf *buf, struct gen_rng *rng, const char *name)
{
	gen_put_be(buf, 0x160303, 3);
	size_t record = gen_open_len(buf, 2);
	gen_put_be(buf, 11, 1);
	size_t message = gen_open_len(buf, 3), list = gen_open_len(buf, 3), one = gen_open_len(buf, 3);
	put_certificate(buf, rng, name);
	gen_close_len(buf, one, 3);
	gen_close_len(buf, list, 3);
	gen_close_len(buf, message, 3);
	gen_put_be(buf, 12, 1); // ServerKeyExchange: x25519 and a signature
	gen_put_be(buf, 4 + 32 + 4 + 71, 3);
	gen_put_be(buf, 0x03001d20, 4);
	gen_put_random(buf, rng, 32);
	gen_put_be(buf, 0x04030047, 4);
	gen_put_random(buf, rng, 71);
	gen_put_be(buf, 0x0e000000, 4); // ServerHelloDone
	gen_close_len(buf, record, 2);
}

void gen_server_hello(struct gen_buf *buf, struct gen_rng *rng, const char *name, bool old)
{
	put_server_hello(buf, rng, old);
	if (old) {
		put_certificate_record(buf, rng, name);
		return;
	}
	gen_put(buf, "\x14\3\3\0\1\1", 6);
	put_record(buf, rng, 0x17, 42);                          // encrypted extensions
	put_record(buf, rng, 0x17, gen_between(rng, 900, 1400)); // a certificate that nobody can see
	put_record(buf, rng, 0x17, 281);
	put_record(buf, rng, 0x17, 53);
}
