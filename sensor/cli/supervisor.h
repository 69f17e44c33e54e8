// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The supervisor: makes the memory that the processes share, starts them, watches them, starts again what dies. It never touches a
// packet. The memory outlives every process: rings are continued where they stopped.
//
// A replay ends with its engine. A live run does not: a new engine takes over the open alerts, and what the dead one had in hand is
// counted as lost with it (struct yg_supervisor, lost).
//
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/commands.h"
#include "config/config.h"
#include "model/board.h"
#include "model/stats.h"

enum { YG_BOOKS = 5, YG_BOOKS_ALERTS = 4 }; // conservation identities, see cli/summary.h

enum yg_child { YG_CHILD_COURIER, YG_CHILD_DISSECTOR, YG_CHILD_ENGINE, YG_CHILD_COUNT };

struct yg_supervisor {
	struct yg_paths paths;
	struct yg_config config;
	struct yg_engine_stats *engine;
	struct yg_dissector_stats *dissector;
	struct yg_courier_stats *courier; // the beginning of a struct yg_courier_memory; what is behind it is the courier's alone
	struct yg_ds_control *control;
	struct yg_board *board;
	unsigned workers;
	int fds[128];           // by the numbers of model/process.h; -1: none
	int starter;            // socket to the process that starts engines with rights (cli/starter.h); 0: none, we start them ourselves
	bool starter_owes;      // it has not said yet which engine it started
	void *state;            // of YG_FD_STATE, two halves; NULL: nothing that is learned is kept
	uint64_t state_half, state_written; // state_written: sequence of the newest snapshot that is on disk, or on its way
	pid_t state_child;      // writes one; 0: none does
	int state_status;       // of waitpid, once it has ended
	bool state_ended, state_failed;
	int alive;              // write end of the pipe that tells the children that we live
	pid_t pids[YG_CHILD_COUNT];
	int status[YG_CHILD_COUNT];      // of waitpid, once it has ended
	bool ended[YG_CHILD_COUNT];
	uint32_t restarts[YG_CHILD_COUNT];
	int failed;             // exit status of a helper that could not start and so ended the run; 0: none
	char **files;
	int files_count;
	// a live run
	bool live;
	uint64_t starts;                 // of engines that received, as last seen
	int64_t retry_ms[YG_CHILD_COUNT];   // CLOCK_MONOTONIC: not started again before
	int64_t started_ms[YG_CHILD_COUNT];
	uint64_t beats[YG_WORKERS_MAX + 2]; // of workers, aggregator and main thread, as last seen …
	int64_t beat_ms[YG_WORKERS_MAX + 2]; // … and when they were first seen so
	int reload;                      // socket to the engine, on which new configurations go
	unsigned char reload_number;     // of the last one, modulo 256: answers name theirs
	unsigned quick_deaths;           // of engines, one after the other
	int64_t handover_ms;             // when the engine was asked to make room for another one, 0: it was not
	bool courier_follows;            // it is to end when this engine has ended: both belong to an older configuration
	bool asked_to_end[YG_CHILD_COUNT]; // by a reload: its end is no fault
	int64_t used_ms[YG_WORKERS_MAX + 2]; // processor time that the thread had had by then
	int64_t lost[YG_BOOKS];          // what dead engines had in hand, by identity
	uint64_t flows_lost;             // flows whose records died with an engine
};

// Makes everything shared. `config_fd` is the compiled config, taken over. 0, or a negative errno.
int yg_supervisor_init(struct yg_supervisor *s, const struct yg_paths *paths, int config_fd, unsigned workers, bool live);
void yg_supervisor_finish(struct yg_supervisor *s);

// Starts courier, dissector and engine over these files. 0, or a negative errno.
int yg_supervisor_start(struct yg_supervisor *s, char **files, int count);

// Waits at most timeout_ms for something to happen. True while the replay goes on.
bool yg_supervisor_watch(struct yg_supervisor *s, int timeout_ms);

// The same for a live run: true while it goes on, false when what cannot be mended by another start has failed (s->failed).
bool yg_supervisor_watch_live(struct yg_supervisor *s, int timeout_ms);

// A live run: lets the engine flush and the courier deliver, five seconds in all.
void yg_supervisor_end_live(struct yg_supervisor *s);

// Ends what still runs: first by the closed pipe, then by signal.
void yg_supervisor_stop(struct yg_supervisor *s);

// ---- between the files of the supervisor ----

int yg_supervisor_spawn(struct yg_supervisor *s, enum yg_child child);
void yg_supervisor_fds(const struct yg_supervisor *s, enum yg_child child, int fds[100]); // what it gets at which number, -1: nothing
void yg_supervisor_reap(struct yg_supervisor *s, int timeout_ms); // waits so long for a child to end
bool yg_supervisor_hopeless(int status);                          // another start would not mend it
int yg_supervisor_new_rings(struct yg_supervisor *s);             // for the next engine: those of the dissector, empty, and YG_FD_RELOAD
void yg_supervisor_end_courier(struct yg_supervisor *s);          // lets it read to the end of its rings; another one will start
void yg_supervisor_reopen(struct yg_supervisor *s);               // the courier looks whether its file has been renamed
const char *yg_supervisor_program(enum yg_child child);
int64_t yg_supervisor_clock_ms(void);
