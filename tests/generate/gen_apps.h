// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Dialogues of applications: each makes one conversation and starts it at `at`. Thread: one.
#pragma once

#include "gen_talk.h"

struct gen_buf {
	uint8_t b[4096];
	size_t len;
};

// Appends; what does not fit is a fault of the caller and ends the program.
void gen_put(struct gen_buf *buf, const void *bytes, size_t len);
void gen_put_be(struct gen_buf *buf, uint64_t value, unsigned bytes);
void gen_put_text(struct gen_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gen_put_random(struct gen_buf *buf, struct gen_rng *rng, size_t len);
// A length field of `bytes` bytes: returns its place, and gen_close_len fills it with what came behind it.
size_t gen_open_len(struct gen_buf *buf, unsigned bytes);
void gen_close_len(struct gen_buf *buf, size_t at, unsigned bytes);

// Who asks whom, with the seed that decides all the rest.
struct gen_pair {
	struct gen_addr client, server;
	uint64_t seed;
	const char *name; // of the server; may be NULL
	bool authoritative; // a DNS server that answers for its own and recurses for nobody
};

enum gen_hello { GEN_HELLO_GREASE, GEN_HELLO_PLAIN, GEN_HELLO_OLD, GEN_HELLO_LARGE, GEN_HELLO_TOOL, GEN_HELLOS };

// gen_tls.c. Records as they stand in the stream.
void gen_client_hello(struct gen_buf *buf, struct gen_rng *rng, const char *name, enum gen_hello kind);
void gen_server_hello(struct gen_buf *buf, struct gen_rng *rng, const char *name, bool old);
// Handshake messages alone, for QUIC.
void gen_client_hello_quic(struct gen_buf *buf, struct gen_rng *rng, const char *name);

void gen_server_hello_quic(struct gen_buf *buf, struct gen_rng *rng);

// gen_quic.c: an Initial of version 1 with this ClientHello, sealed as RFC 9001 says, padded to 1,200 bytes at least.
// Both connection ids are of eight bytes.
void gen_quic_initial(struct gen_buf *buf, const uint8_t *dcid, const uint8_t *scid, const uint8_t *hello, size_t len);

// gen_dns.c. Header and question; `edns` says whether gen_dns_edns will follow all records.
void gen_dns_question(struct gen_buf *buf, uint16_t id, uint16_t flags, const char *name, uint16_t type,
                      unsigned answers, bool edns);
// A record about the name of the question: its data follows, and gen_close_len(buf, ret, 2) ends it.
size_t gen_dns_record(struct gen_buf *buf, uint16_t type, uint32_t ttl);
void gen_dns_edns(struct gen_buf *buf);

// Returns when the answer has passed the tap. `answer` may be NULL: the name does not exist; silent: nobody
// answers.
int64_t gen_app_dns(struct gen *gen, int64_t at, const struct gen_pair *pair, const struct gen_addr *answer,
                    uint16_t type, bool silent);

// A handshake by what each side's hello shows, and application data in records.
void gen_say_tls(struct gen_talk *talk, const char *name, enum gen_hello kind);
void gen_say_records(struct gen_talk *talk, uint8_t from, uint32_t bytes, int64_t pause, uint64_t bps);

void gen_app_https(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps);
void gen_app_upload(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps);
void gen_app_http(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps,
                  const char *path);
void gen_app_quic(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes);
// One answer of so many bytes at that rate, acknowledged now and then: a download or a film.
void gen_app_quic_stream(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, uint64_t bps);
// A hello and nothing after it; `answered`: the server's.
void gen_app_quic_hello(struct gen *gen, int64_t at, const struct gen_pair *pair, bool answered);
void gen_app_smtp(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, bool starttls);
void gen_app_ntp(struct gen *gen, int64_t at, const struct gen_pair *pair);
void gen_app_ping(struct gen *gen, int64_t at, const struct gen_pair *pair, unsigned count);
void gen_app_wireguard(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes);
void gen_app_ipsec(struct gen *gen, int64_t at, const struct gen_pair *pair, uint32_t bytes, bool nat);
// A handshake and its end without a word: what a monitoring station does. outcome: enum gen_close.
void gen_app_probe(struct gen *gen, int64_t at, const struct gen_pair *pair, uint16_t port, enum gen_close outcome);
