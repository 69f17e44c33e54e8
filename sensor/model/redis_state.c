// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See redis_state.h.
#include "model/redis_state.h"

static const struct yg_redis_state_row rows[YG_REDIS_STATE_COUNT] = {
#define X(id, name, class, en, ja) {name, YG_REDIS_##class, en, ja},
	YG_REDIS_STATES(X)
#undef X
};

const struct yg_redis_state_row *yg_redis_state_row(uint64_t state)
{
	return &rows[state < YG_REDIS_STATE_COUNT ? state : YG_REDIS_REFUSED];
}
