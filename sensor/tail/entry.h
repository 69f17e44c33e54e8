// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What `yagura tail` takes out of an EVE line that it found in Redis. Whoever can write to Redis can write anything there: a line is read
// with bounds, and nothing in a text that is printed moves a cursor, rings a bell or turns letters round. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_read.h"

enum { TAIL_TEXT = YG_JSON_TEXT, TAIL_LINE_MAX = YG_JSON_LINE_MAX }; // bytes of a text that is kept; of a line

struct tail_entry {
	uint64_t run, sequence; // 0: the line has none
	bool has_id;
	int64_t time_s;         // of `timestamp`, since 1970; INT64_MIN: unreadable
	char id[40], state[16], severity[16], kind[64], host[128];
	char timestamp[40], target[80], source[64];
	char kind_ja[128], signature[160], org_ja[128], org_en[128];
	char text_ja[TAIL_TEXT], text_en[TAIL_TEXT];
};

// False: it is no JSON object, or nested deeper or longer than anything of ours. What is missing stays empty, what is too long is cut at a
// character.
bool tail_entry_read(const char *line, size_t length, struct tail_entry *ret_entry);

// "2026-11-21T16:04:05.123456+0900", with or without fraction; INT64_MIN when it is none.
int64_t tail_time(const char *text);

// Copies UTF-8 to `to`, what must not reach a terminal replaced by "?"; cut at a character. Returns bytes without the NUL.
size_t tail_plain(char *to, size_t size, const char *from, size_t length);

// The line as it is, but for what must not reach a terminal, which becomes an escape of JSON. At most 6 * length bytes to `to`.
size_t tail_raw(char *to, const char *line, size_t length);
