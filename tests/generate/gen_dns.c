// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Bytes in order, and DNS: question with EDNS, answer with a compressed name. Thread: one.
#include "gen_apps.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void gen_put(struct gen_buf *buf, const void *bytes, size_t len)
{
	if (len > sizeof(buf->b) - buf->len)
		abort();
	memcpy(buf->b + buf->len, bytes, len);
	buf->len += len;
}

void gen_put_be(struct gen_buf *buf, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0;) {
		uint8_t byte = (uint8_t)(value >> 8 * i);
		gen_put(buf, &byte, 1);
	}
}

void gen_put_text(struct gen_buf *buf, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		abort();
	gen_put(buf, text, (size_t)len);
}

void gen_put_random(struct gen_buf *buf, struct gen_rng *rng, size_t len)
{
	uint8_t bytes[1500];
	if (len > sizeof(bytes))
		abort();
	gen_fill(rng, bytes, len);
	gen_put(buf, bytes, len);
}

size_t gen_open_len(struct gen_buf *buf, unsigned bytes)
{
	gen_put_be(buf, 0, bytes);
	return buf->len;
}

void gen_close_len(struct gen_buf *buf, size_t at, unsigned bytes)
{
	size_t len = buf->len - at;
	for (unsigned i = 0; i < bytes; i++)
		buf->b[at - 1 - i] = (uint8_t)(len >> 8 * i);
}

static void put_name(struct gen_buf *buf, const char *name)
{
	while (*name) {
		size_t label = strcspn(name, ".");
		gen_put_be(buf, label, 1);
		gen_put(buf, name, label);
		name += label + (name[label] == '.');
	}
	gen_put_be(buf, 0, 1);
}

void gen_dns_question(struct gen_buf *buf, uint16_t id, uint16_t flags, const char *name, uint16_t type,
                      unsigned answers, bool edns)
{
	gen_put_be(buf, id, 2);
	gen_put_be(buf, flags, 2);
	gen_put_be(buf, 1, 2);
	gen_put_be(buf, answers, 2);
	gen_put_be(buf, 0, 2);
	gen_put_be(buf, edns, 2);
	put_name(buf, name);
	gen_put_be(buf, type, 2);
	gen_put_be(buf, 1, 2);
}

static void put_question(struct gen_buf *buf, uint16_t id, uint16_t flags, const char *name, uint16_t type,
                         unsigned answers)
{
	gen_dns_question(buf, id, flags, name, type, answers, true);
}

static void put_edns(struct gen_buf *buf)
{
	gen_put_be(buf, 0, 1);
	gen_put_be(buf, 41, 2);
	gen_put_be(buf, 1232, 2);
	gen_put_be(buf, 0, 6);
}

void gen_dns_edns(struct gen_buf *buf)
{
	put_edns(buf);
}

size_t gen_dns_record(struct gen_buf *buf, uint16_t type, uint32_t ttl)
{
	gen_put_be(buf, 0xc00c, 2); // the name of the question
	gen_put_be(buf, type, 2);
	gen_put_be(buf, 1, 2);
	gen_put_be(buf, ttl, 4);
	return gen_open_len(buf, 2);
}

static void put_answer(struct gen_buf *buf, uint16_t type, const struct gen_addr *answer, uint32_t ttl)
{
	size_t at = gen_dns_record(buf, type, ttl);
	if (type == 1 || type == 28) {
		gen_put(buf, answer->b, type == 28 ? 16 : 4);
	} else if (type == 15) {
		gen_put_be(buf, 10, 2);
		gen_put(buf, "\4mail\xc0\x0c", 7);
	} else {
		gen_put_be(buf, 11, 1);
		gen_put_text(buf, "v=spf1 -all");
	}
	gen_close_len(buf, at, 2);
}

int64_t gen_app_dns(struct gen *gen, int64_t at, const struct gen_pair *pair, const struct gen_addr *answer,
                    uint16_t type, bool silent)
{
	struct gen_talk *talk = gen_talk_new(pair->seed, GEN_UDP, &pair->client, &pair->server, 53);
	struct gen_buf query = {.len = 0}, reply = {.len = 0};
	uint16_t id = (uint16_t)gen_next(&talk->rng);
	bool exists = answer && (type > 28 || (type == 28) == (answer->af == 6) || (type != 1 && type != 28));
	put_question(&query, id, 0x0100, pair->name, type, 0);
	put_edns(&query);
	gen_say(talk, 0, query.b, query.len, 0, GEN_FILL_RANDOM);
	if (!silent) {
		put_question(&reply, id, (pair->authoritative ? 0x8500 : 0x8180) | (answer ? 0 : 3), pair->name, type, exists);
		if (exists)
			put_answer(&reply, type, answer, gen_between(&talk->rng, 30, 3600));
		put_edns(&reply);
		gen_say(talk, 1, reply.b, reply.len, 0, GEN_FILL_RANDOM);
	}
	int64_t answered = at + talk->end[1].lag;
	gen_talk_start(gen, talk, at);
	return answered;
}
