// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sensor's health as the supervisor sees it, each second, for the courier to put where it expires (`yagura:<sensor>:health`). Text
// alone: pairs "name NUL value NUL", names of [a-z0-9_.], values printable UTF-8. One writer (the supervisor), one reader (the courier),
// which never waits: it leaves a board that is being written for its next turn.
#pragma once

#include <stdint.h>

#include "base/counter.h"

enum { YG_BOARD_TEXT = 16 * 1024, YG_BOARD_PAIRS = 256 };

struct yg_board {
	struct yg_counter sequence; // odd while it is written
	struct yg_counter length;   // bytes of text
	char text[YG_BOARD_TEXT];
};
