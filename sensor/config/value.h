// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One option's value: text to number by the rules of its row in the table. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/options.h"
#include "yagura/plugin.h"

// The core's rows, in the order of enum yg_option_id.
extern const struct yg_option yg_core_options[YG_O_COUNT];

// Reads `text` as a value of `option`. 0, or -EINVAL and the problem with its remedy in ret_problem.
// A STRING points at `text` itself.
int yg_value_parse(const struct yg_option *option, const char *text, union yg_value *ret_value, char *ret_problem,
                   size_t problem_size);

// Whether a value that somebody else wrote is one that yg_value_parse could have returned (strings: by their length).
bool yg_value_possible(const struct yg_option *option, union yg_value value);

// Number of alternatives in "a|b|c", and the alternative at `index` copied into `ret_word` (empty when there is none).
uint32_t yg_enum_count(const char *values);
const char *yg_enum_word(const char *values, uint32_t index, char *ret_word, size_t size);

// Index of `word` in "a|b|c", or -1.
int yg_enum_index(const char *values, const char *word);

// A bound of the row as a person would write it: "16MiB", "5min", "1G".
const char *yg_value_bound(const struct yg_option *option, double bound, char *ret_text, size_t size);

// Identity of a table's paths, types and alternatives: a block compiled for another table has another one.
uint64_t yg_options_fingerprint(const struct yg_option *options, uint32_t count);
