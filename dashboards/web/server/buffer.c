// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See buffer.h.
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

void web_buffer_put(struct web_buffer *b, const char *text, size_t size)
{
	if (size > b->room - b->size && b->taken >= b->size - b->taken) { // who is never through holds no more than twice what waits
		b->size -= b->taken;
		if (b->size)
			memmove(b->text, b->text + b->taken, b->size);
		b->taken = 0;
	}
	if (size > b->room - b->size) {
		size_t room = b->room ? b->room : 4096;
		while (room - b->size < size && room <= (size_t)-1 / 2)
			room *= 2;
		char *larger = room - b->size < size ? NULL : realloc(b->text, room);
		if (!larger) {
			b->failed = true;
			return;
		}
		b->text = larger;
		b->room = room;
	}
	if (size)
		memcpy(b->text + b->size, text, size);
	b->size += size;
}

size_t web_buffer_waits(const struct web_buffer *b)
{
	return b->size - b->taken;
}

void web_buffer_cut(struct web_buffer *b, size_t waits)
{
	if (waits < b->size - b->taken)
		b->size = b->taken + waits;
}

size_t web_buffer_take(struct web_buffer *b, char *to, size_t room)
{
	size_t size = b->size - b->taken < room ? b->size - b->taken : room;
	if (size)
		memcpy(to, b->text + b->taken, size);
	b->taken += size;
	if (b->taken < b->size)
		return size;
	b->size = b->taken = 0;
	if (b->room > WEB_BUFFER_KEPT) {
		free(b->text);
		b->text = NULL;
		b->room = 0;
	}
	return size;
}

void web_buffer_finish(struct web_buffer *b)
{
	free(b->text);
	*b = (struct web_buffer){0};
}
