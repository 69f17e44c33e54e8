// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The frames of the control socket: four bytes of length, most significant first, then so many bytes. A request is one word of at most
// 4 KiB, an answer is JSON (that of `metrics`: the Prometheus text).
//
//   stats    every counter                 reload   reads the configuration anew
//   metrics  the Prometheus text           version  which program this is
//
// Pure. Thread: any, one reader each.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { YG_CONTROL_HEAD = 4, YG_CONTROL_REQUEST_MAX = 4096 };

#define YG_CONTROL_REQUESTS(X) X(STATS, "stats") X(METRICS, "metrics") X(RELOAD, "reload") X(VERSION, "version")

enum yg_control_request {
#define X(id, name) YG_CONTROL_##id,
	YG_CONTROL_REQUESTS(X)
#undef X
	YG_CONTROL_UNKNOWN, // a frame, but none of these words
	YG_CONTROL_MORE,    // not whole yet
	YG_CONTROL_BAD,     // a length of 0, or above what is allowed: nothing behind it can be understood
};

struct yg_control_reader {
	uint8_t bytes[YG_CONTROL_HEAD + YG_CONTROL_REQUEST_MAX];
	size_t have;
};

// Where to read to, and how much: never 0 after YG_CONTROL_MORE.
static inline size_t yg_control_room(const struct yg_control_reader *reader)
{
	return sizeof reader->bytes - reader->have;
}

// Takes the next request out of what has been read. What lies behind it stays.
enum yg_control_request yg_control_take(struct yg_control_reader *reader);

void yg_control_length(uint8_t head[YG_CONTROL_HEAD], uint32_t length);
uint32_t yg_control_read_length(const uint8_t head[YG_CONTROL_HEAD]);
