// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sample: every k-th packet of the last four seconds, from which an alert takes its evidence. k follows the count of the
// second before, so that a second holds at most 65,536. What is said of it ("at least N sources") is exact about the sample and
// a lower bound about the traffic.
//
// Thread: the aggregator.
#pragma once

#include "base/hash.h"
#include "engine/event.h"

enum { YG_SAMPLE_SECONDS = 4, YG_SAMPLE_PER_SECOND = 65536 };

struct yg_sample_store;

struct yg_sample_store *yg_sample_create(const struct yg_hash_key *key);
void yg_sample_destroy(struct yg_sample_store *store);

// Takes the first of `count` packets in a row (at least one) and those behind it that lie in the same second. How many that were.
uint32_t yg_sample_add(struct yg_sample_store *store, const struct yg_sample *samples, uint32_t count);

// Evidence about packets towards target/len in the seconds up to `second`; `vectors`: bit i for vector i, 0 for all.
// Ties go to the lower address, so it does not depend on the order of arrival.
void yg_sample_evidence(struct yg_sample_store *store, int64_t second, uint8_t af, const struct yg_addr *target, uint8_t len,
			uint32_t vectors, struct yg_evidence *ret);
