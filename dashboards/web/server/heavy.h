// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The heaviest of many in bounded memory: space-saving [Metwally, Agrawal, El Abbadi 2005]. Whoever has more than 1/WEB_HEAVY of all
// weight is among them, and a weight is too high by `error` at most, never too low. Pure but for memory. Cost: log2(WEB_HEAVY) steps an
// addition.
#pragma once

#include <stdint.h>

#include "base/hash.h"

enum { WEB_HEAVY = 1024, WEB_HEAVY_SLOTS = 4096 };

struct web_heavy_key { // no gaps in it: it is compared and hashed as it stands
	uint8_t address[16];
	uint16_t body;     // at whose border it was seen
	uint8_t af, inside;
	uint32_t zero;
};
_Static_assert(sizeof(struct web_heavy_key) == 24, "no gaps");

struct web_heavy_one {
	struct web_heavy_key key;
	uint64_t weight, error; // bytes, both directions
	uint64_t in, out;       // since it is among them: towards the bodies, from them
	uint32_t packets, flows;
	uint16_t slot;
};

struct web_heavy {
	uint32_t count;
	struct web_heavy_one one[WEB_HEAVY]; // a heap, the lightest first
	uint16_t slot[WEB_HEAVY_SLOTS];      // hash to index + 1
};

void web_heavy_clear(struct web_heavy *heavy);
void web_heavy_add(struct web_heavy *heavy, const struct yg_hash_key *hash, const struct web_heavy_key *key, uint64_t in, uint64_t out,
		   uint32_t packets, uint32_t flows);
