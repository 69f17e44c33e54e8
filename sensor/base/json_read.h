// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Reads a line of JSON (RFC 8259) that anybody may have written, and keeps no tree: each text and each word is handed to the caller with
// the path to it. Bounded in length, depth, path and text; lenient in what a number or a word is, strict in where a text ends. Texts come
// with what must not reach a terminal replaced. Why not jansson: a line of ours is read for a few of its values, and base is libc only.
// Pure; any thread; nothing is allocated.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	YG_JSON_DEPTH = 32,             // nesting
	YG_JSON_TEXT = 1024,            // bytes of a text that is handed over, with its NUL; the rest is cut at a character
	YG_JSON_LINE_MAX = 256 * 1024,  // bytes of a line
	YG_JSON_PATH = 128,             // of a path; what lies deeper has a cut one
};

struct yg_json_value {
	const char *path;  // "alert.context.why.top[].ip"
	unsigned index;    // within the innermost array that it is in, 0 for the first
	bool is_text;      // else a word: a number, true, false, null
	const char *text;  // ends with a NUL; UTF-8
	size_t length;
};
// The value dies when the call returns.
typedef void yg_json_take(void *context, const struct yg_json_value *value);

// Hands over every value of the line in order. False: it is no JSON object, or nested deeper or longer than the bounds; what was handed
// over before is then to be forgotten. `line` need not end with a NUL.
bool yg_json_read(const char *line, size_t length, yg_json_take *take, void *context);

// The number of a word, or `otherwise` when it is none, not finite or out of a double's range.
double yg_json_number(const struct yg_json_value *value, double otherwise);

// Copies UTF-8 to `to`, what must not reach a terminal replaced by "?"; cut at a character. Returns bytes without the NUL.
size_t yg_plain_text(char *to, size_t size, const char *from, size_t length);

// The character at p and its bytes in *ret_bytes; 0xfffd for what is none.
uint32_t yg_utf8_character(const char *p, const char *end, size_t *ret_bytes);

// Controls, and what turns the direction of text or ends a line of it.
bool yg_is_harmful(uint32_t character);
