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

// How many packets went by in `second`, sampled or not; said when the second closes. Without it what was sampled is taken for all.
void yg_sample_total(struct yg_sample_store *store, int64_t second, uint64_t packets);

// What the seconds up to `second` hold of the packets that `question` describes. Both sides set `size` (in *ret, too, which is zeroed up to
// it): fields that a caller does not know are neither read nor written. Counts, shares, medians and entropies are exact about the sample;
// shares are of its packets. Ties go to the lower address or port, and entropies are added up in whole numbers, so an answer depends on
// what was sampled and not on the order of its arrival.
//
// Entropies are Shannon's, in bits over the most that they could be: for sizes 24 classes of 64 bytes (the last one takes what is larger),
// for targets as many as were seen.
//
// Cost: two passes over at most 4 * 65,536 records, one where the question names one target. About 1 ms when nothing
// matches, 34 ms when all of a full sample does.
void yg_sample_ask(struct yg_sample_store *store, int64_t second, const struct yg_question *question, struct yg_answer *ret);

// The same in the terms of host->evidence: packets towards target/len; `vectors`: bit i for vector i, 0 for all.
void yg_sample_evidence(struct yg_sample_store *store, int64_t second, uint8_t af, const struct yg_addr *target, uint8_t len,
			uint32_t vectors, struct yg_evidence *ret);
