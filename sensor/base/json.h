// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Writes JSON into a buffer of fixed size: commas by itself, strings escaped, bytes that are no UTF-8 replaced by U+FFFD.
// What does not fit sets `full` and is left out; the caller drops the line and counts it. Why not jansson: an EVE line
// is written per flow record, and building a tree for it costs more than everything else the courier does.
// Pure; one writer per buffer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct yg_json {
	char *buffer;
	size_t size, length;
	bool full;
	bool comma; // the next value needs one
};

void yg_json_init(struct yg_json *json, char *buffer, size_t size);

// Every `key` below may be NULL: then a bare value is written (array element or root).
void yg_json_object(struct yg_json *json, const char *key);
void yg_json_end_object(struct yg_json *json);
void yg_json_array(struct yg_json *json, const char *key);
void yg_json_end_array(struct yg_json *json);
void yg_json_string(struct yg_json *json, const char *key, const char *value);
void yg_json_string_n(struct yg_json *json, const char *key, const char *value, size_t length);
void yg_json_uint(struct yg_json *json, const char *key, uint64_t value);
void yg_json_int(struct yg_json *json, const char *key, int64_t value);
// Six significant decimals at most; a value that JSON cannot hold (NaN, infinity) is written as null.
void yg_json_double(struct yg_json *json, const char *key, double value);
void yg_json_bool(struct yg_json *json, const char *key, bool value);

// Ends the text with a newline and a NUL that is not counted. False when something did not fit.
bool yg_json_finish(struct yg_json *json);
