// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the parts of the aggregator count by themselves, copied to where the supervisor sees it. Thread: the aggregator.
#pragma once

#include "engine/rate_engine.h"
#include "engine/state.h"
#include "model/stats.h"

void yg_counts_rates(struct yg_engine_stats *stats, const struct yg_rate_engine *rates);
void yg_counts_state(struct yg_engine_stats *stats, const struct yg_state *state); // NULL: nothing is kept
