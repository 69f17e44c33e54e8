// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Text that is written at one end and taken in pieces at the other. It grows with what waits, and with nothing else: what has been taken
// makes room, though something waits always. When all has been taken, a room beyond WEB_BUFFER_KEPT is given back: a burst is over, and
// there are many of them.
//
// Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { WEB_BUFFER_KEPT = 1 << 16 };

struct web_buffer { // all zero: empty
	char *text;
	size_t size, taken, room;
	bool failed; // there was no memory once: what waits is not whole
};

void web_buffer_put(struct web_buffer *buffer, const char *text, size_t size);
size_t web_buffer_waits(const struct web_buffer *buffer);
void web_buffer_cut(struct web_buffer *buffer, size_t waits); // gives up what was put last, so that no more than that waits
size_t web_buffer_take(struct web_buffer *buffer, char *to, size_t room); // how many bytes, 0: nothing waits
void web_buffer_finish(struct web_buffer *buffer);
