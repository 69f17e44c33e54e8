// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Of the audit log's file, for who reads it piece by piece (audit_read.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "audit.h"

enum { WEB_AUDIT_HEX = 65, WEB_AUDIT_LINE = 16384 };

struct web_audit_walk {
	int fd;
	uint64_t count;           // records that were whole
	char prev[WEB_AUDIT_HEX]; // hash of the last of them
	int64_t whole, end;       // bytes up to the end of the last whole record; bytes to look at: those of when it began
	const char *why;          // NULL: nothing wrong so far
	size_t held;              // bytes of `buffer` behind `whole`
	char buffer[2 * WEB_AUDIT_LINE];
};

int web_audit_walk_begin(struct web_audit_walk *walk, const char *path); // 0, or a negative errno
// At most so many records; true: there are more. A last line without its end is torn: `whole` is less than `end` then, and `why` is NULL.
bool web_audit_walk_on(struct web_audit_walk *walk, unsigned records);
void web_audit_walk_end(struct web_audit_walk *walk);

// Where the log is, and how far it has been written: what a walk has to come to. Fewer: its end was cut off.
const char *web_audit_path(const struct web_audit *audit);
uint64_t web_audit_count(const struct web_audit *audit);
const char *web_audit_head(const struct web_audit *audit); // hash of the last record
