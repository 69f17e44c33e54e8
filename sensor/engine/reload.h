// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A new configuration while the engine runs. The supervisor sends it through YG_FD_RELOAD: one message with one descriptor, a sealed block
// that differs in nothing but what can change here (the supervisor has compared: cli/reload.c). Everything that keeps state goes on as it
// was; a detector is made anew only when its own options differ.
//
//   main thread   maps and checks the block, offers it
//   aggregator    makes the detectors that are to be anew; when one cannot be, the offer is refused and nothing has changed;
//                 else it takes the block between two rounds
//   workers       take it between two bursts
//   main thread   when all have, answers two bytes: the number with which it came, and 0 for done, or an errno
//
// A block lives as long as anybody holds it: a detector keeps what it was made with.
//
// Threads: as above; each member is written by one of them.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "config/config.h"

struct yg_reload {
	struct yg_config config;
	_Atomic unsigned holders; // the main thread, on behalf of whoever uses it as the one in force, and detectors
};

enum yg_reload_state { YG_RELOAD_NONE, YG_RELOAD_OFFERED, YG_RELOAD_ACCEPTED, YG_RELOAD_REFUSED };

// Where the threads of one engine meet.
struct yg_reload_box {
	_Atomic(struct yg_reload *) offered;  // for the aggregator
	_Atomic unsigned state;               // enum yg_reload_state
	_Atomic uint32_t needs;               // YG_NEEDS_* of the detectors that are then; set before ACCEPTED
	_Atomic(struct yg_reload *) accepted; // for the workers
	_Atomic unsigned taken;               // how many of them have it
	// main thread
	struct yg_reload *in_force;           // NULL: the block with which the engine began
	struct yg_reload *coming;
	unsigned char number;                 // of the message that brought it
	unsigned workers;
	int fd;                               // -1: none
};

void yg_reload_init(struct yg_reload_box *box, int fd, unsigned workers);

// Main thread, often: takes a message when there is one, and answers when everybody has taken what it brought. Never waits.
void yg_reload_step(struct yg_reload_box *box);

void yg_reload_hold(struct yg_reload *r);
void yg_reload_release(struct yg_reload *r); // NULL is accepted
