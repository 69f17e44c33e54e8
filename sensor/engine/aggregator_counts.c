// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See aggregator_counts.h.
#include "engine/aggregator_counts.h"

static void set(struct yg_engine_stats *stats, enum yg_aggregator_counter counter, uint64_t value)
{
	yg_counter_set(&stats->aggregator[counter], value);
}

void yg_counts_rates(struct yg_engine_stats *stats, const struct yg_rate_engine *rates)
{
	struct yg_rate_engine_stats r;
	yg_rate_engine_stats(rates, &r);
	set(stats, YG_AC_RATE_KEYS, r.keys);
	set(stats, YG_AC_RATE_EVICTED, r.evicted);
	set(stats, YG_AC_WINDOWS, r.windows);
	set(stats, YG_AC_BASELINES, r.baselines);
	set(stats, YG_AC_BASELINES_FULL, r.baselines_full);
	set(stats, YG_AC_BASELINES_RESTORED, r.restored);
	set(stats, YG_AC_BASELINES_NOT_RESTORED, r.not_restored);
}

void yg_counts_state(struct yg_engine_stats *stats, const struct yg_state *state)
{
	if (!state)
		return;
	const struct yg_state_stats *s = yg_state_stats(state);
	set(stats, YG_AC_STATE_SNAPSHOTS, s->snapshots);
	set(stats, YG_AC_STATE_DROPPED, s->dropped);
	set(stats, YG_AC_STATE_CUT, s->cut);
}
