// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The supervisor: makes the memory that the processes share, starts them, watches them, starts again what dies. It never touches a
// packet. The memory outlives every process: rings are continued where they stopped.
//
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/commands.h"
#include "config/config.h"
#include "model/stats.h"

enum yg_child { YG_CHILD_COURIER, YG_CHILD_DISSECTOR, YG_CHILD_ENGINE, YG_CHILD_COUNT };

struct yg_supervisor {
	struct yg_paths paths;
	struct yg_config config;
	struct yg_engine_stats *engine;
	struct yg_dissector_stats *dissector;
	struct yg_courier_stats *courier; // the beginning of a struct yg_courier_memory; what is behind it is the courier's alone
	struct yg_ds_control *control;
	unsigned workers;
	int fds[128];           // by the numbers of model/process.h; -1: none
	int alive;              // write end of the pipe that tells the children that we live
	pid_t pids[YG_CHILD_COUNT];
	int status[YG_CHILD_COUNT];      // of waitpid, once it has ended
	bool ended[YG_CHILD_COUNT];
	uint32_t restarts[YG_CHILD_COUNT];
	int failed;             // exit status of a helper that could not start and so ended the run; 0: none
	char **files;
	int files_count;
};

// Makes everything shared. `config_fd` is the compiled config, taken over. 0, or a negative errno.
int yg_supervisor_init(struct yg_supervisor *s, const struct yg_paths *paths, int config_fd, unsigned workers);
void yg_supervisor_finish(struct yg_supervisor *s);

// Starts courier, dissector and engine over these files. 0, or a negative errno.
int yg_supervisor_start(struct yg_supervisor *s, char **files, int count);

// Waits at most timeout_ms for something to happen. True while the replay goes on.
bool yg_supervisor_watch(struct yg_supervisor *s, int timeout_ms);

// Ends what still runs: first by the closed pipe, then by signal.
void yg_supervisor_stop(struct yg_supervisor *s);
