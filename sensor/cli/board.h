// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What stands on the board of model/board.h, and above all one word for all of it:
//
//   blind      nothing is seen: no engine receives, no port has a link, or no packet has come for mirror.silence
//   degraded   something is seen, and not all is well: `why` says what, one word a reason
//   ok         none of these
//
// Nothing that is unknown makes it ok. Names are part of the interface (docs/health.md). Thread: the supervisor's.
#pragma once

#include "cli/metrics.h"
#include "cli/supervisor.h"

enum { YG_BOARD_RECENT_MS = 60000 }; // so long something that happened keeps the sensor degraded

struct yg_board_watch {
	uint64_t packets, lost, deaths, gaps, blind_ns; // as last seen …
	uint32_t restarts;
	int64_t packet_ms;                             // … and when it last changed
	int64_t lost_ms, death_ms, restart_ms, gap_ms, blind_ms;
	int64_t begun_ms;
};

// Each second.
void yg_board_turn(struct yg_board_watch *watch, const struct yg_supervisor *s, const struct yg_supervisor_stats *shared, int64_t now_ms);
