// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the engine says of itself: the alerts of kind sensor.* that the aggregator raises. Pure; any thread.
#pragma once

#include "engine/event.h"
#include "yagura/plugin.h"

// A dissector ended. `restarts`: of this engine so far, this one included.
struct yg_alert yg_sensor_restarted(const struct yg_restarted *restarted, uint32_t restarts);

// Nothing was seen for so long, because an engine ended, or because its port had gone.
struct yg_alert yg_sensor_blind(double seconds, bool by_port);
