// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How long who has guessed wrongly must wait before he may guess again. Counted three ways, and the longest wait counts:
//   name and address together   5 failures are free, then 1, 2, 4 … 300 s
//   address (IPv6: its /64)     20, then 1, 2, 4 … 300 s: many names from one place. An office behind one address is one place
//   name                        100, then 1, 2, 4 … 15 s: one name from many places; short, or anybody could lock anybody out
// A guess counts as wrong from when it is begun, so that sixteen at once are no way around, until web_waits_right takes it back. What was
// counted is forgotten after WEB_WAIT_FORGET_S without another. Whether a name exists plays no part.
//
// Bounded: WEB_WAITS of each kind; a full table gives up the one that has been still for longest (counted).
// Pure: the caller gives the time. Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WEB_WAITS = 1024, WEB_WAIT_FORGET_S = 900, WEB_WAIT_KINDS = 3 };

struct web_wait {
	uint8_t key[16];
	uint32_t failures; // 0: the place is free
	int64_t last_ms, until_ms;
};

struct web_waits {
	uint8_t secret[16]; // of the hash: who knows what hashes alike could share a place with somebody
	struct web_wait table[WEB_WAIT_KINDS][WEB_WAITS];
	uint64_t pushed_out;
};

void web_waits_init(struct web_waits *waits);
// 0: counted, go on; otherwise how many seconds to come back in (nothing is counted).
int web_waits_begin(struct web_waits *waits, const char *name, const char *peer, int64_t now_ms);
void web_waits_right(struct web_waits *waits, const char *name, const char *peer);    // the guess was right
void web_waits_take_back(struct web_waits *waits, const char *name, const char *peer); // it was not looked at
