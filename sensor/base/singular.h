// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The English word for one of what a unit counts, for sentences that have the number from a packet. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// "hosts" → "host", "queries/s" → "query/s", "bodies" → "body"; what is no plural ("s", "%", "step") stays as it is. Cut at `size`.
static inline void yg_singular(const char *plural, char *to, size_t size)
{
	size_t word = strcspn(plural, "/");
	bool ies = word > 3 && strncmp(plural + word - 3, "ies", 3) == 0, s = !ies && word > 1 && plural[word - 1] == 's';
	snprintf(to, size, "%.*s%s%s", (int)(word - (ies ? 3u : s ? 1u : 0u)), plural, ies ? "y" : "", plural + word);
}
