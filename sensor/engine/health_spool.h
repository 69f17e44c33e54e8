// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// sensor.spool: what befell the spool on disk, as the supervisor passes it on (struct yg_spool_told), and how full it is. One alert for
// each kind of event and one for the pressure, told apart by their vector; each says what to do. Live alone. Thread: the aggregator's.
#pragma once

#include "model/stats.h"

enum { YG_SPOOL_CLEAR_S = 300, YG_SPOOL_CLEAR_PRESSURE_S = 60 };

// Each second. What was raised is noted in `told`.
void yg_health_spool(struct yg_spool_told *told, void (*raise)(void *context, const char *detector, const struct yg_alert *alert),
		     void *context);
