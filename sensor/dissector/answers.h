// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The way back: answer rings towards the engine's workers. In a replay the dissector waits for room, for as long as it
// takes; live it drops events at once and verdicts after a millisecond, and counts both. `restarted` is never dropped:
// nothing else goes into a ring before it.
//
// Thread: a dissector worker's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "dissector/setup.h"

// What the zygote tells the successor of a dead worker, for one ring.
struct yg_report {
	bool due;
	uint32_t slot, generation;
	uint64_t packet;
	int64_t time_ns;
	struct yg_restarted restarted;
};

struct yg_answers {
	struct yg_ring ring[YG_WORKERS_MAX];
	struct yg_report report[YG_WORKERS_MAX];
	bool replay;
	int wait_ms;
	struct yg_ds_control *control;
	struct yg_worker_shared *shared;
	struct yg_counter *counters;
	void (*before_wait)(void *context); // shows the engine everything, so that it can move
	void *context;
};

// Takes over the answer rings of `worker`. `reports`: what is still to be told, by ring. 0, or -EBADMSG.
int yg_answers_open(struct yg_answers *answers, const struct yg_setup *setup, unsigned worker,
                    const struct yg_report *reports);

// Tells what is to be told about the predecessor. Live it gives up after a second; then the ring's next answer tries
// again.
void yg_answers_report(struct yg_answers *answers);

// A slot of that ring, its head zeroed but for its kind, or NULL when the answer is dropped (counted). Write the rest of the kind whole,
// then call _push.
struct yg_ds_answer *yg_answers_begin(struct yg_answers *answers, unsigned ring, enum yg_da_kind kind);
void yg_answers_push(struct yg_answers *answers, unsigned ring);

// Shows the engine what was pushed.
void yg_answers_publish(struct yg_answers *answers);

// Nothing more will come.
void yg_answers_close(struct yg_answers *answers);
