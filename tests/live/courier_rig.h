// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A supervisor and an engine for tests of yagura-courier: it compiles a configuration, makes the rings, starts the courier and pushes
// records. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/ring.h"
#include "model/board.h"
#include "model/point.h"
#include "model/process.h"
#include "model/stats.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, test_name, #condition);         \
			failures++;                                                                                    \
		}                                                                                                      \
	} while (0)

struct run {
	pid_t pid;
	int alive[2];
	int fds[6]; // config, stats, alerts, flows, points, board
	struct yg_courier_stats *stats;
	struct yg_ring alerts, flows, points;
	struct yg_board *board;
};

extern const char *test_name;    // in what CHECK says
extern const char *courier_path; // the program
extern const char *sensor_name;  // "test"
extern int failures;
extern const char *extra_option, *extra_value; // of the next courier; NULL: none
extern const char *more_options[8][2];         // likewise; the first empty one ends them
extern uint8_t (*severity_of)(unsigned number); // of an alert; NULL: high

void pause_ms(int ms);
// Whether YAGURA_LONG asks for the long form. One that is empty does not.
bool long_form(void);

// Compiles a configuration, makes the rings and starts a courier. NULL: without Redis, without a file. Ends the program when that fails.
struct run start_courier(const char *url, const char *drain, const char *eve);
// Starts another courier over the same memory, after the death of the first.
void spawn_courier(struct run *run);
// Alerts with the sequences from `from` on.
void push_alerts(struct run *run, unsigned from, unsigned count);
void push_flows(struct run *run, unsigned count); // flow_id 1 …
void push_flows_from(struct run *run, unsigned from, unsigned count);
uint64_t counter(const struct run *run, enum yg_courier_counter c);
// True when the counter reaches `value` within ten seconds.
bool reaches(const struct run *run, enum yg_courier_counter c, uint64_t value);
// The exit status, or 1000 and the signal; end_courier closes the rings first.
int wait_courier(struct run *run);
int end_courier(struct run *run);
void let_go(struct run *run);
