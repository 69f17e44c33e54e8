// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the sensor says of its own parts: the whole alert, with both sentences, but for what the host fills in. Pure; any thread.
#pragma once

#include "model/dissect.h"
#include "yagura/plugin.h"

// A dissector died and was forked anew, the `deaths`-th time in this run.
void yg_sensor_alert_restarted(const struct yg_restarted *restarted, uint32_t deaths, struct yg_alert *ret_alert);

// Nothing was seen for so long, because a port had gone or because the engine had ended.
void yg_sensor_alert_blind(int64_t ns, bool by_port, struct yg_alert *ret_alert);
