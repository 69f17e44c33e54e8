// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Text that leaves the readers: bytes of a packet made printable in an array of fixed size. What is not allowed becomes
// \DDD (RFC 4343 2.1); an escape that does not fit whole is left out, so that what stands there can always be read
// back. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yg_text_class {
	YG_TEXT_PRINTABLE, // 0x20 to 0x7e as they are, the backslash escaped
	YG_TEXT_LOWER,     // the same, letters in lower case
	YG_TEXT_LABEL,     // letters in lower case, digits, - and _; all else escaped, the dot too
};

struct yg_text {
	char *buffer; // caller's; always ended by a NUL
	size_t size, length;
	bool cut; // something did not fit; nothing is added after that
};

// `size` at least 1.
void yg_text_init(struct yg_text *text, char *buffer, size_t size);
void yg_text_add(struct yg_text *text, const uint8_t *data, size_t len, enum yg_text_class class);
// One byte of our own, as it is.
void yg_text_add_char(struct yg_text *text, char c);

// All of `data` into an array of `size` bytes.
void yg_text_set(char *buffer, size_t size, const uint8_t *data, size_t len, enum yg_text_class class);
