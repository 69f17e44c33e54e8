// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What must hold of every text that a reader gives out, whatever went in.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void must(bool holds)
{
	if (!holds)
		abort();
}

// Ended within its array, nothing but printable ASCII, every backslash followed by a number of three digits below 256.
static inline void must_be_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);
	must(len < size);
	for (size_t i = 0; i < len; i++) {
		must(text[i] >= 0x20 && text[i] < 0x7f);
		if (text[i] != '\\')
			continue;
		must(len - i >= 4);
		int value = 0;
		for (int k = 1; k <= 3; k++) {
			must(text[i + k] >= '0' && text[i + k] <= '9');
			value = value * 10 + text[i + k] - '0';
		}
		must(value < 256);
		i += 3;
	}
}
