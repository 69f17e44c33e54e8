// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the aggregator tells of the sensor: a dissector that died, a time in which nothing was seen. What health.c watches it tells itself.
// Pure; any thread.
#pragma once

#include "engine/event.h"
#include "yagura/plugin.h"

// A dissector was forked again, for the `deaths`th time.
void yg_own_restarted(const struct yg_restarted *restarted, unsigned deaths, struct yg_alert *ret_alert);

// Nothing was seen for so long, because a port had gone, or because the engine had ended.
void yg_own_blind(int64_t ns, bool by_port, struct yg_alert *ret_alert);
