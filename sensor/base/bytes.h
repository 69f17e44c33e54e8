// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A bounded reader over foreign bytes: the only way in which this project reads a packet, a file or a record of
// another process. A read past the end returns zeros, moves nothing and sets `failed`, once and for all, so that a parser
// may read a whole header and ask once. Network byte order unless the name says otherwise. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct yg_reader {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

static inline struct yg_reader yg_reader_of(const void *data, size_t len)
{
	const uint8_t *p = data;
	return (struct yg_reader){p, p + len, false};
}

static inline size_t yg_left(const struct yg_reader *r)
{
	return (size_t)(r->end - r->p);
}

// `len` bytes at the cursor, which moves past them; NULL when there are fewer.
static inline const uint8_t *yg_take(struct yg_reader *r, size_t len)
{
	if (r->failed || yg_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += len;
	return p;
}

static inline bool yg_skip(struct yg_reader *r, size_t len)
{
	return yg_take(r, len) != NULL;
}

// A reader over the next `len` bytes alone; the outer cursor moves past them. Failed when there are fewer.
static inline struct yg_reader yg_sub(struct yg_reader *r, size_t len)
{
	const uint8_t *p = yg_take(r, len);
	if (!p)
		return (struct yg_reader){r->end, r->end, true};
	return yg_reader_of(p, len);
}

static inline uint16_t yg_load16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t yg_load24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t yg_load32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t yg_load64(const uint8_t *p)
{
	return (uint64_t)yg_load32(p) << 32 | yg_load32(p + 4);
}

static inline void yg_store16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void yg_store32(uint8_t *p, uint32_t v)
{
	yg_store16(p, (uint16_t)(v >> 16));
	yg_store16(p + 2, (uint16_t)v);
}

static inline uint8_t yg_read8(struct yg_reader *r)
{
	const uint8_t *p = yg_take(r, 1);
	return p ? *p : 0;
}

static inline uint16_t yg_read16(struct yg_reader *r)
{
	const uint8_t *p = yg_take(r, 2);
	return p ? yg_load16(p) : 0;
}

static inline uint32_t yg_read24(struct yg_reader *r)
{
	const uint8_t *p = yg_take(r, 3);
	return p ? yg_load24(p) : 0;
}

static inline uint32_t yg_read32(struct yg_reader *r)
{
	const uint8_t *p = yg_take(r, 4);
	return p ? yg_load32(p) : 0;
}
