// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How many of the last minute's TCP connections showed one direction only: what a mirror that shows half of the traffic is known by, in a
// replay too. Zeroed memory is empty. Thread: the aggregator's.
#pragma once

#include <stdint.h>
#include <string.h>

#include "yagura/plugin.h"

enum { YG_DIRECTIONS_SECONDS = 60 };

struct yg_directions {
	struct {
		uint32_t flows, one_way;
	} second[YG_DIRECTIONS_SECONDS];
};

// A flow that ended, or not, in that second.
static inline void yg_directions_add(struct yg_directions *d, int64_t second, const struct yg_flow *flow)
{
	if (flow->event != YG_FLOW_ENDED || flow->rank <= YG_RANK_EMBRYONIC || flow->proto != 6)
		return;
	unsigned i = (unsigned)((uint64_t)second % YG_DIRECTIONS_SECONDS);
	d->second[i].flows++;
	d->second[i].one_way += !flow->packets[0] || !flow->packets[1];
}

// That second begins: what is a minute old goes.
static inline void yg_directions_begin(struct yg_directions *d, int64_t second)
{
	memset(&d->second[(uint64_t)second % YG_DIRECTIONS_SECONDS], 0, sizeof d->second[0]);
}

static inline void yg_directions_sum(const struct yg_directions *d, uint32_t *ret_flows, uint32_t *ret_one_way)
{
	*ret_flows = *ret_one_way = 0;
	for (unsigned i = 0; i < YG_DIRECTIONS_SECONDS; i++) {
		*ret_flows += d->second[i].flows;
		*ret_one_way += d->second[i].one_way;
	}
}

// 0 without any flow.
static inline float yg_directions_share(const struct yg_directions *d)
{
	uint32_t flows, one_way;
	yg_directions_sum(d, &flows, &one_way);
	return flows ? (float)one_way / (float)flows : 0;
}
