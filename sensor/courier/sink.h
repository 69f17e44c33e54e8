// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the courier's loop knows of a sink that reads the spool: it steps each in turn, none ever waits, and each has its own position, so
// that a slow one holds nothing but its cursor. A sink embeds struct yg_sink as its first member. The EVE file is none of these: it also
// takes flow records from their ring, and has a journal (courier.c). Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "courier/spool.h"

struct yg_sink;

struct yg_sink_ops {
	// Goes as far as it can go without waiting. `now_ns`: CLOCK_MONOTONIC. True when something moved.
	bool (*step)(struct yg_sink *sink, uint64_t now_ns);
	// Everything before this position of the spool has been delivered. It may go back as far as the spool still reaches.
	uint64_t (*position)(const struct yg_sink *sink);
	// Where a courier begins that takes over from this one: what this one sent last may be with nobody though it counts as delivered.
	// NULL: at the highest `position` that there was. `ending`: this one ends now, in good order, and looks once more.
	uint64_t (*again)(struct yg_sink *sink, bool ending, uint64_t now_ns);
	// What to poll(2) for; -1 when there is nothing to wait for.
	int (*fd)(const struct yg_sink *sink, short *ret_events);
	void (*destroy)(struct yg_sink *sink);
};

struct yg_sink {
	const struct yg_sink_ops *ops;
	enum yg_spool_sink which; // whose cursor it moves
};
