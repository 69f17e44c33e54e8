// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is usual for one key, learned minute by minute: for each of eight metrics the maxima of single seconds in the minutes of about the
// last seven days, as a histogram of logarithmic classes, and their 95th percentile.
//
// Algorithm: Cloudflare's published way of proposing thresholds, the 95th percentile of the rates of the last seven days, taken over
// maxima of seconds, since thresholds are held against seconds. Four classes an octave, each of equal width within its octave: the middle
// of a class is at most 12.5 % from any rate in it. Minutes without traffic count as zero. A histogram holds at most eight days; then all
// counts shrink to seven eighths, which is seven days: what is older than a week fades out within the next ones.
//
// Minutes are those that the sensor has watched, counted by their owner: hours in which it was off do not teach silence.
//
// Histograms come from a pool, a block for each metric that was ever more than zero in YG_BASE_PROOF minutes: what scans touch once
// takes none. Pure, deterministic, no allocation; thread: one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "yagura/plugin.h"

enum yg_base_metric {
	YG_BASE_PACKETS, YG_BASE_BITS, YG_BASE_FLOWS,
	YG_BASE_PACKETS_OUT, YG_BASE_BITS_OUT, YG_BASE_FLOWS_OUT,
	YG_BASE_PUSHED_PACKETS, YG_BASE_PUSHED_BITS,
	YG_BASE_COUNT
};

enum {
	YG_BASE_CLASSES = 112,               // 28 octaves: packets and flows from 1 on, bits from 2,048 on
	YG_BASE_BITS_UNIT = 2048,
	YG_BASE_DAY = 1440, YG_BASE_WEEK = 7 * YG_BASE_DAY,
	YG_BASE_MOST = YG_BASE_WEEK + YG_BASE_DAY, // minutes in a histogram, at most
	YG_BASE_EVERY = 10,                  // minutes between two computations of the percentile
	YG_BASE_PROOF = 3,                   // minutes with traffic before a key learns
	YG_BASE_FORGET = 30 * YG_BASE_DAY,   // silence after which nothing of before is left
};

struct yg_base_classes {
	uint16_t minutes[YG_BASE_CLASSES];
};

struct yg_base_pool {
	struct yg_base_classes *block;
	uint32_t capacity, used;
	uint64_t full; // metrics that wanted a block and found none: their percentile stays 0
};

// Zeroed: nothing is known. 100 bytes.
struct yg_learned {
	float most[YG_BASE_COUNT];     // in the minute that runs
	float usual[YG_BASE_COUNT];    // 95th percentiles as last computed
	uint32_t block[YG_BASE_COUNT]; // index + 1 into the pool, 0: none. They stay with the place when it changes hands
	uint32_t minute;               // that runs; a number of the owner's
	uint32_t computed;             // when `usual` was
	uint16_t minutes;              // learned, silent ones too; at most YG_BASE_MOST
	uint8_t proof;                 // minutes with traffic, at most YG_BASE_PROOF
	uint8_t spoiled;               // 1: the minute that runs is given up
};

// A key begins in `minute`. `proven`: it learns from the first minute on. Blocks that the place has are kept and cleared.
void yg_base_begin(struct yg_learned *l, struct yg_base_pool *pool, uint32_t minute, bool proven);

// Ends the minute that runs and all silent ones up to `minute`, which runs from then on. `phase` spreads the computations: any number.
void yg_base_fold(struct yg_learned *l, struct yg_base_pool *pool, uint32_t minute, uint32_t phase);

// A second of the minute that runs: the rates of a window.
void yg_base_see(struct yg_learned *l, const struct yg_rates *rates, const struct yg_pushed *pushed);

// Computes `usual` now.
void yg_base_compute(struct yg_learned *l, const struct yg_base_pool *pool);

void yg_base_fill(const struct yg_learned *l, struct yg_baseline *ret);

// The class of a rate, 0 to YG_BASE_CLASSES - 1, and the middle of a class. A rate of 0 has none.
unsigned yg_base_class(unsigned metric, float rate);
float yg_base_rate(unsigned metric, unsigned class);

// Bytes of what was learned: the blocks, and how many minutes. Reading checks every number; 0 when the bytes are no such thing (nothing is
// changed then), else how many they were. `l` is NULL: checked alone.
enum { YG_BASE_PACKED_MAX = 4 + YG_BASE_COUNT * (1 + 3 * YG_BASE_CLASSES) };
uint32_t yg_base_pack(const struct yg_learned *l, const struct yg_base_pool *pool, uint8_t *to);
uint32_t yg_base_unpack(struct yg_learned *l, struct yg_base_pool *pool, const uint8_t *bytes, uint64_t size);
