// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The EVE file: lines are gathered in 256 KiB and written together, whole lines only. When the disk refuses, what is
// buffered stays and is tried again; the caller sees that there is no room and decides what may wait (alerts) and what
// is counted (flows). Thread: the courier's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "courier/rotate.h"
#include "model/stats.h"

struct yg_sink_file {
	int fd;
	char *buffer;
	size_t length;      // bytes in it
	size_t written;     // of them already in the file: more than 0 only after a short write
	uint64_t lines;     // whole lines in the buffer
	uint64_t retry_ns;  // no write before, after an error
	uint64_t oldest_ns; // when the first line in the buffer came
	bool failing;
	uint64_t lines_kept, flows_kept; // after the close: lines that its last write brought into the file, and those of flows among them
	struct yg_courier_stats *stats; // not owned
	struct yg_rotate *rotate;       // not owned; NULL: it stays the same file
};

enum { YG_SINK_FILE_BUFFER = 256 * 1024, YG_SINK_FILE_RETRY_MS = 100, YG_SINK_FILE_IDLE_MS = 50 };

// Opens for appending, or creates with mode 0640. 0 or a negative errno.
int yg_sink_file_open(struct yg_sink_file *sink, const char *path, struct yg_courier_stats *stats);

// Where the next line of at most `size` bytes may be rendered; NULL while there is no room. `now_ns`: CLOCK_MONOTONIC.
char *yg_sink_file_room(struct yg_sink_file *sink, size_t size, uint64_t now_ns);

// Takes `length` bytes there as one line.
void yg_sink_file_commit(struct yg_sink_file *sink, size_t length, uint64_t now_ns);

// Writes what is buffered. 0 when the buffer is empty afterwards, else a negative errno (-EAGAIN: not yet tried again).
int yg_sink_file_flush(struct yg_sink_file *sink, uint64_t now_ns);

// Takes what is half written out of the file again, which had `before` bytes; it stays in the buffer. False when it cannot be, or somebody
// has written behind it.
bool yg_sink_file_take_back(struct yg_sink_file *sink, uint64_t before);

// Goes on in another file, which becomes the sink's own, at a moment when nothing is half written.
void yg_sink_file_take(struct yg_sink_file *sink, int fd, const char *path);

// Flushes once more, cuts off a line of which only a part could be written, and closes. Returns how many lines were
// lost.
uint64_t yg_sink_file_close(struct yg_sink_file *sink);

// Closes it as a death would: what is buffered, and what stands half written, is a successor's by the journal.
void yg_sink_file_leave(struct yg_sink_file *sink);
