// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The books of a live run:   raised = delivered + suppressed + spooled + lost
//
//   raised, suppressed   what the engine's lifecycle wanted to send, and what it held back in a storm
//   delivered            the alerts that the slowest sink took out of the spool and passed, as the spool saw it (courier/spool_disk.c)
//   spooled              what the log has and that sink has not passed, by the log; and what stands in the ring before it, by the ring
//   lost                 found the ring full, refused by a full spool, not readable, or in hand of an engine that died
//
// Each term has its own counter. What no term explains is `unaccounted`: a fault of delivery. Counters of several processes are read one
// after the other, so a single look may be off by what is on its way; a fault stays. Therefore the books of a minute are those of its look
// that is least off. Thread: the supervisor's.
#pragma once

#include "cli/metrics.h"
#include "cli/supervisor.h"

enum { YG_BOOKS_FIRST = 5, YG_BOOKS_LOOKS = 60 }; // looks, one a second: until the first books, and from then on

struct yg_books_look {
	uint64_t raised, delivered, suppressed, spooled, lost;
	int64_t unaccounted; // below 0: more went out than came in
};

struct yg_books {
	unsigned looks; // of this minute
	bool begun;     // the first books are closed
	struct yg_books_look least;
};

// The terms now. `in_ring`: alerts that the courier has not given back to the ring.
struct yg_books_look yg_books_take(const struct yg_supervisor *s, uint64_t in_ring);

// Each second: shows the terms, and at the end of a minute its books, in `shared`; a minute that does not hold is said in the log, once
// until one holds again.
void yg_books_turn(struct yg_books *books, const struct yg_supervisor *s, struct yg_supervisor_stats *shared);
