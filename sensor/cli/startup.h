// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The start-up report of `yagura run`: what runs where, in at most YG_STARTUP_LINES lines, and what of it is weaker than production
// with the command that mends it. Three sources: the compiled configuration, what the engine says of its ports and threads, and the
// checks of the doctor (doctor.h), of which those are shown that have failed and still mean something once the engine runs.
//
//   struct yg_startup facts = {.config = &s->config, .engine = s->engine, .engine_pid = s->pids[YG_CHILD_ENGINE],
//                              .workers = s->workers, .config_file = file, .japanese = yg_language_japanese()};
//   yg_startup_report(&facts, stderr);
//
// To be called once the engine receives and has said its ports (engine->receiving, ports_count). Thread: the supervisor's. Waits for
// Redis for half a second at most; otherwise reads a few files below /proc and /sys, and changes nothing.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "config/config.h"
#include "model/stats.h"

enum { YG_STARTUP_LINES = 25, YG_STARTUP_PORTS = 4 }; // ports past these are named in one line together

struct yg_startup {
	const struct yg_config *config;
	const struct yg_engine_stats *engine; // written by another process: its texts are bounded and tamed before they are shown
	pid_t engine_pid;                     // 0: not known; then the configuration is believed
	unsigned workers;                     // 0: as configured
	const char *config_file;              // NULL or "": the defaults
	const char *control, *metrics;        // where they listen; NULL: as configured, "": nowhere
	const char *version;                  // NULL: of this program
	const char *root;                     // NULL: this machine
	bool japanese;
};

void yg_startup_report(const struct yg_startup *facts, FILE *out);
