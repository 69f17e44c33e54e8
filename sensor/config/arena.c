// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A chain of malloc pieces, one per request: a configuration is at most some ten thousand nodes and is read once, so a
// bump allocator would save nothing that anyone could measure, and ASan sees every overrun this way. See arena.h.
#include "config/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

struct yg_arena_piece {
	struct yg_arena_piece *next;
	max_align_t data[];
};

void *yg_arena_take(struct yg_arena *arena, size_t size)
{
	struct yg_arena_piece *piece = calloc(1, sizeof *piece + size);
	if (!piece) {
		yg_error("no memory left to read the configuration");
		_exit(EX_OSERR);
	}
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->data;
}

char *yg_arena_text(struct yg_arena *arena, const char *text, size_t length)
{
	char *copy = yg_arena_take(arena, length + 1);
	memcpy(copy, text, length);
	return copy;
}

void *yg_arena_grow(struct yg_arena *arena, void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	size_t larger = *capacity ? *capacity * 2 : 16;
	void *copy = yg_arena_take(arena, larger * size);
	if (count)
		memcpy(copy, array, count * size);
	*capacity = larger;
	return copy;
}

void yg_arena_finish(struct yg_arena *arena)
{
	while (arena->pieces) {
		struct yg_arena_piece *piece = arena->pieces;
		arena->pieces = piece->next;
		free(piece);
	}
}
