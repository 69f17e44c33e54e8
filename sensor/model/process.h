// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Which open descriptor means what in which process. The supervisor makes every memfd, dup2s it to its number and execs;
// each process maps what it needs and trusts only what the kernel says of their sizes.
#pragma once

enum {
	YG_FD_CONFIG = 10,      // all: the compiled config (read-only)
	YG_FD_STATS = 11,       // all: the process's own counters (model/stats.h)
	YG_FD_ALERTS = 12,      // engine → courier: ring of struct yg_alert
	YG_FD_FLOWS = 13,       // engine → courier: ring of struct yg_flow
	YG_FD_OPEN_ALERTS = 14, // engine: table of open alerts
	YG_FD_CONTROL = 15,     // dissector: YG_DISSECTORS_MAX pages of struct yg_ds_control
	YG_FD_QUARANTINE = 16,  // dissector: the quarantine folder (O_DIRECTORY), when one is configured
	YG_FD_ALIVE = 17,       // all: read end of a pipe that the supervisor holds; end of file means it is gone
	YG_FD_RELOAD = 18,      // engine: socket on which new configurations come (engine/reload.h)
	YG_FD_POINTS = 19,      // engine → courier: ring of struct yg_point (model/point.h)
	YG_FD_BOARD = 20,       // courier: struct yg_board (model/board.h), written by the supervisor
	YG_FD_STATE = 21,       // engine: what was learned (engine/state.h); not in a replay that keeps nothing
	YG_FD_ID_KEY = 22,      // engine: struct yg_hash_key of the ids of alerts (cli/site_key.h)
	YG_FD_TO_DISSECTOR = 32,   // + i: ring of struct yg_ds_request, from engine worker i
	YG_FD_FROM_DISSECTOR = 64, // + i: ring of struct yg_ds_answer, to engine worker i
	YG_WORKERS_MAX = 16,
	YG_DISSECTORS_MAX = 16,
	YG_PORTS_MAX = 16,
	YG_ALERT_SLOTS = 2048,
	YG_ALERTS_LOST = 0,      // words of the alert ring (yg_ring_tell): alerts that found it full, those of high severity …
	YG_ALERTS_LOST_HIGH = 1, // … or above apart. Each has spent its number of the sequence
	YG_FLOW_SLOTS = 8192,
	YG_ANSWER_SLOTS = 8192,
};

// Exit statuses of the processes among each other; the command line's own are those of sysexits.h.
enum {
	YG_EXIT_OK = 0,
	YG_EXIT_BAD_SETUP = 71,   // EX_OSERR
	YG_EXIT_UNDELIVERED = 69, // EX_UNAVAILABLE, courier: alerts were not delivered
	YG_EXIT_DAMAGED = 65,     // EX_DATAERR, engine: a capture was cut or lied
	YG_EXIT_PORT_GONE = 75,   // EX_TEMPFAIL, engine: a port has gone; another start finds it when it is back
};
