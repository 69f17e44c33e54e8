// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sensor's health as the supervisor sees it, each second, for the courier to put where it expires (`yagura:<sensor>:health`). Text
// alone: pairs "name NUL value NUL", names of [a-z0-9_.], values printable UTF-8. One writer (the supervisor), one reader (the courier),
// which never waits: it leaves a board that is being written for its next turn.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counter.h"

enum { YG_BOARD_TEXT = 16 * 1024, YG_BOARD_PAIRS = 256 };

struct yg_board {
	struct yg_counter sequence; // odd while it is written
	struct yg_counter length;   // bytes of text
	char text[YG_BOARD_TEXT];
};

// A board before it is shown, or a copy of one.
struct yg_board_text {
	size_t length;
	unsigned pairs, left_out; // left_out: that found no room, or had no name
	char text[YG_BOARD_TEXT];
};

// One more pair. What cannot be told is left out and counted, never cut. Bytes of a value that are not printable UTF-8 become a "?".
void yg_board_put(struct yg_board_text *text, const char *name, const char *value);
void yg_board_put_number(struct yg_board_text *text, const char *name, uint64_t value);

// The writer: shows the text. Any reader sees all of it or nothing.
void yg_board_show(struct yg_board *board, const struct yg_board_text *text);

// The reader: a copy of what is shown. False when nothing was shown yet, when it is being written at this moment, and when what stands
// there is none that yg_board_show could have written. Never waits.
bool yg_board_read(const struct yg_board *board, struct yg_board_text *ret_text);

// The pair at *at of a text that was read, and *at behind it; begin with 0. False behind the last one.
bool yg_board_next(const struct yg_board_text *text, size_t *at, const char **ret_name, const char **ret_value);
