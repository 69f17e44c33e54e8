// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Walks an option table as the tree that its dotted paths are, for whoever prints it. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "yagura/plugin.h"

struct yg_describer {
	void (*open)(void *context, const char *segment, int depth);
	void (*option)(void *context, const struct yg_option *option, const char *segment, int depth);
	void (*close)(void *context, int depth);
	void *context;
};

// Calls in the order of the table; a group stands where its first option stands. The outermost depth is `depth`.
void yg_describe(const struct yg_option *options, uint32_t count, int depth, const struct yg_describer *describer);

// "text", "duration", "true or false" …, and the range of a row as text ("1 to 16 threads"; empty when there is none).
const char *yg_describe_type(const struct yg_option *option);
const char *yg_describe_range(const struct yg_option *option, char *ret_text, size_t size);
