// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Memory of one compilation: taken piece by piece, given back all at once. Zero-filled. The compiler runs in a process
// of its own that does nothing else, so a refusal by the kernel ends it with EX_OSERR instead of travelling up every
// caller. Thread: one.
#pragma once

#include <stddef.h>

struct yg_arena {
	struct yg_arena_piece *pieces;
};

// Never NULL.
void *yg_arena_take(struct yg_arena *arena, size_t size);

// A copy of `length` bytes with a NUL behind them.
char *yg_arena_text(struct yg_arena *arena, const char *text, size_t length);

// A larger copy of an array that holds `count` elements of `size` bytes once its `*capacity` is used up, else the array
// itself.
void *yg_arena_grow(struct yg_arena *arena, void *array, size_t count, size_t *capacity, size_t size);

void yg_arena_finish(struct yg_arena *arena);
