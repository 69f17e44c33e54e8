// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The engine's answers to DPDK's telemetry clients (dpdk-telemetry.py and what is built on it): /yagura/stats, /yagura/flows and
// /yagura/detectors. Only where capture.telemetry is on; else EAL is started with --no-telemetry and there is no socket at all.
//
// Thread: DPDK's telemetry thread answers, from the shared counters alone. Register once, before or after ports are opened.
#pragma once

#include "model/stats.h"

struct yg_telemetry {
	const struct yg_engine_stats *stats;
	unsigned workers;
	uint64_t flow_slots;
};

// `telemetry` must live as long as the process. 0 or a negative errno.
int yg_telemetry_register(const struct yg_telemetry *telemetry);
