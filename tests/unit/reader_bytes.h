// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Builds messages for the tests of the payload readers, byte by byte and independent of the code under test.
#pragma once

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct bytes {
	uint8_t p[70000];
	size_t len;
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
	assert(len <= sizeof b->p - b->len);
	memcpy(b->p + b->len, data, len);
	b->len += len;
}

static inline void put8(struct bytes *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;
	put(b, &byte, 1);
}

static inline void put16(struct bytes *b, unsigned v)
{
	put8(b, v >> 8);
	put8(b, v & 0xff);
}

static inline void put32(struct bytes *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static inline void put_text(struct bytes *b, const char *text)
{
	put(b, text, strlen(text));
}

// Writes at `at` the number of bytes that follow it there.
static inline void close16(struct bytes *b, size_t at)
{
	size_t n = b->len - at - 2;
	b->p[at] = (uint8_t)(n >> 8);
	b->p[at + 1] = (uint8_t)n;
}

// ---- DNS ----

static inline void put_dns_header(struct bytes *b, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	put16(b, 0x1234);
	put16(b, flags);
	put16(b, qd);
	put16(b, an);
	put16(b, ns);
	put16(b, ar);
}

// "www.example": labels between dots; "" is the root.
static inline void put_name(struct bytes *b, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		put8(b, (unsigned)n);
		put(b, name, n);
		name += n + (name[n] == '.');
	}
	put8(b, 0);
}

static inline void put_question(struct bytes *b, const char *name, unsigned type)
{
	put_name(b, name);
	put16(b, type);
	put16(b, 1);
}

// A record whose owner is a pointer to `owner`.
static inline void put_record(struct bytes *b, unsigned owner, unsigned type, unsigned class, uint32_t ttl,
                              unsigned rdlen)
{
	put16(b, 0xc000 | owner);
	put16(b, type);
	put16(b, class);
	put32(b, ttl);
	put16(b, rdlen);
	for (unsigned i = 0; i < rdlen; i++)
		put8(b, i);
}

static inline void put_dns_query(struct bytes *b, const char *name)
{
	put_dns_header(b, 0x0100, 1, 0, 0, 0);
	put_question(b, name, 1);
}

// ---- TLS ----

// A ClientHello as a browser sends it, GREASE included. `padding` bytes of extension 21 make it as long as wanted.
// Its JA3 string is hello_ja3 below, with ",21" in its place when there is padding.
static inline void put_client_hello(struct bytes *b, const char *name, size_t name_len, size_t padding)
{
	size_t start = b->len;
	put8(b, 1);
	put8(b, 0);
	put16(b, 0);
	put16(b, 0x0303);
	for (unsigned i = 0; i < 32; i++)
		put8(b, i);
	put8(b, 2); // session id
	put16(b, 0xbeef);
	put16(b, 8);
	put16(b, 0x1a1a); // GREASE
	put16(b, 0x1301);
	put16(b, 0xc02f);
	put16(b, 0x0035);
	put8(b, 1);
	put8(b, 0);
	size_t extensions = b->len;
	put16(b, 0);
	put16(b, 0x2a2a); // GREASE
	put16(b, 0);
	put16(b, 0); // server_name
	put16(b, (unsigned)name_len + 5);
	put16(b, (unsigned)name_len + 3);
	put8(b, 0);
	put16(b, (unsigned)name_len);
	put(b, name, name_len);
	put16(b, 10); // groups
	put16(b, 8);
	put16(b, 6);
	put16(b, 0x3a3a); // GREASE
	put16(b, 29);
	put16(b, 23);
	put16(b, 11); // point formats
	put16(b, 3);
	put8(b, 2);
	put8(b, 0);
	put8(b, 1);
	put16(b, 16); // ALPN: h2, http/1.1
	put16(b, 14);
	put16(b, 12);
	put8(b, 2);
	put_text(b, "h2");
	put8(b, 8);
	put_text(b, "http/1.1");
	put16(b, 43); // supported_versions
	put16(b, 7);
	put8(b, 6);
	put16(b, 0x4a4a); // GREASE
	put16(b, 0x0304);
	put16(b, 0x0303);
	if (padding) {
		put16(b, 21);
		put16(b, (unsigned)padding);
		for (size_t i = 0; i < padding; i++)
			put8(b, 0);
	}
	close16(b, extensions);
	close16(b, start + 2); // the third byte of the length stays 0
}

#define HELLO_JA3 "771,4865-49199-53,0-10-11-16-43,29-23,0-1"
#define HELLO_JA3_PADDED "771,4865-49199-53,0-10-11-16-43-21,29-23,0-1"

// The same in handshake records of at most `size` bytes each.
static inline void put_records(struct bytes *b, const struct bytes *hello, size_t size)
{
	for (size_t at = 0; at < hello->len; at += size) {
		size_t n = hello->len - at < size ? hello->len - at : size;
		put8(b, 22);
		put16(b, 0x0301);
		put16(b, (unsigned)n);
		put(b, hello->p + at, n);
	}
}
