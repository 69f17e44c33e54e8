// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a courier leaves to the one that is started after its death, so that each line stands in the EVE file once. It lies behind the
// courier's counters, in memory that the supervisor made and that outlives every process.
//
// A write to the file is announced with the size that the file has before it, and with where everything stands after it (`after`).
// A successor that finds a write announced looks at the size of the file: the write has happened whole, and what stands in `after`
// holds; or it has not, then what there is of it is cut off, and the records, which still lie in their rings, are written again.
// The file is looked for by its inode, under its own name and among the others in its folder: somebody may have renamed it. We set it aside
// ourselves only while no write is announced.
// Thread: the courier's.
#pragma once

#include <stdint.h>

#include "model/stats.h"

enum { YG_JOURNAL_SINKS = 8 };

// A count and the position below which it holds, changed together: `which` says the slot.
struct yg_journal_tally {
	struct yg_counter which;
	struct {
		struct yg_counter position, lines, absent; // absent: that the log should have and has not
	} slot[2];
};

// Where the courier stands once the write has happened.
struct yg_journal_point {
	struct yg_counter flows, alerts;               // positions in the rings: everything before is in the file
	struct yg_counter lines, bytes, flows_written; // the counters of these names
	struct yg_counter invalid, too_long, errors;   // likewise, of flow records
};

// What holds once the ring of flow records is given back up to a position, though not all of it is in the file.
struct yg_journal_given {
	struct yg_counter position;                  // and 1; 0: this one says nothing
	struct yg_counter at_risk;                   // records in the buffer that the ring holds no more
	struct yg_counter invalid, too_long, errors; // the counters of these names
};

struct yg_journal {
	struct yg_counter inode, before; // the file, and its size before the write
	struct yg_counter length;        // bytes of the write; 0: none is announced
	struct yg_journal_point after;
	struct yg_counter alerts;             // what is in the file, whatever Redis has
	struct yg_journal_given given[2];     // the newer one holds once the ring stands at its position, until then the other
	struct yg_counter flows;              // records of the flow ring before it are in the file, or given up
	struct yg_counter generation, sent, token; // of the Redis streams: see spool.h
	// with a spool on disk: see spool_disk.c
	struct yg_counter producer, base;     // this run's number in the log (0: none yet), and the LSN at which it began
	struct yg_counter log;                // which log: the beginning of its UUID
	struct yg_counter reached[YG_JOURNAL_SINKS]; // where each sink stands
	struct yg_journal_tally passed[YG_JOURNAL_SINKS]; // what each sink has found below a position, of this run
	struct yg_journal_tally appended;                 // alerts of this run in the log below a position
};

// What the supervisor makes for a courier, zeroed.
struct yg_courier_memory {
	struct yg_courier_stats stats;
	struct yg_journal journal;
};

struct yg_courier;

// Sets the file aside when it is time to, though nothing is written; and, when `reopen`, opens it anew if another one has its name.
void yg_journal_turn(struct yg_courier *courier, bool reopen);

// Writes what the buffer of the EVE file holds, and gives the flow records in it back to their ring. 0 when the buffer is empty
// afterwards, else a negative errno.
int yg_journal_flush(struct yg_courier *courier, uint64_t now_ns);

// Gives back all flow records that have been read, those in the buffer too: they are lost if this process dies now, and are counted then.
void yg_journal_let_go(struct yg_courier *courier);

// Gives back flow records that the file has or does not want, as far as the log has them too, when they go there.
void yg_journal_give_back(struct yg_courier *courier);

// Forgets records that were given back: they are written, or counted as lost.
void yg_journal_settle(struct yg_courier *courier);

// Takes over from a courier that died. The ring of flow records is attached; neither the spool nor the file has been opened yet.
void yg_journal_recover(struct yg_courier *courier, const char *path);
