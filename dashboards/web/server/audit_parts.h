// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Of the audit log's files, for who writes them (audit.c), walks them (audit_walk.c) or reads them piece by piece (audit_read.c).
//
// The newest is audit.jsonl; one that is full is audit-00001.jsonl and so on, by its number. The chain and the numbers of records go on
// across files, and the first record of each file but the very first names the file: {"n":190001,…,"file":2,"prev":…,"hash":…}.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "audit.h"

#define WEB_AUDIT_NEWEST "audit.jsonl"

enum {
	WEB_AUDIT_HEX = 65,
	WEB_AUDIT_LINE = 16384,
	WEB_AUDIT_TAIL = 9 + WEB_AUDIT_HEX - 1 + 2, // `,"hash":"<64 digits>"}`, which stands in the place of the closing brace
	WEB_AUDIT_FILES = 4096,                     // that are known; older ones are passed over (counted)
	WEB_AUDIT_NAME = 40,
};

void web_audit_hash(const char *line, size_t length, char ret[WEB_AUDIT_HEX]); // of a record as it is without its own
void web_audit_tail(const char hash[WEB_AUDIT_HEX], char ret[WEB_AUDIT_TAIL + 1]);

struct web_audit_walk {
	int fd;                   // -1: none
	uint64_t begins;          // number of the first record that there is, 0: none yet
	uint64_t count;           // number of the last that was whole
	uint64_t until;           // not beyond this record; 0: as far as it goes
	uint64_t file;            // number of the file
	bool first;               // the next record is its file's first
	char prev[WEB_AUDIT_HEX]; // hash of the last of them
	int64_t whole, end;       // of this file: bytes up to the end of the last whole record; bytes to look at: those of when it was opened
	const char *why;          // NULL: nothing wrong so far
	size_t held;              // bytes of `buffer` behind `whole`
	char buffer[2 * WEB_AUDIT_LINE];
};

void web_audit_walk_begin(struct web_audit_walk *walk);
// The first file, or the one that follows; takes the descriptor. 0, or a negative errno.
int web_audit_walk_file(struct web_audit_walk *walk, int fd);
// At most so many records of this file; true: there are more. A last line without its end is torn: `whole` is less than `end` then, and
// `why` is NULL.
bool web_audit_walk_on(struct web_audit_walk *walk, unsigned records);
// In the place of a walk along a file: its last record alone, from which the next file has to follow. -EBADMSG: it is none.
int web_audit_walk_last(struct web_audit_walk *walk, int fd, uint64_t file);
void web_audit_walk_end(struct web_audit_walk *walk);

struct web_audit_file {
	uint64_t number, first; // first: number of its first record; 0: it has none, or cannot be read
};
struct web_audit_files { // all but the newest, oldest first
	uint32_t count;
	struct web_audit_file *at; // room for WEB_AUDIT_FILES
	uint64_t left_out;
};
void web_audit_file_name(uint64_t number, char ret[WEB_AUDIT_NAME]);
// Which there are, by their names; the newest by what stands in it, number 0: it is empty, or there is none.
int web_audit_files_read(int folder, struct web_audit_files *ret, struct web_audit_file *ret_newest); // 0, or a negative errno
void web_audit_files_add(struct web_audit_files *files, struct web_audit_file file);
void web_audit_files_finish(struct web_audit_files *files);

// The log that is written: its files, and how far it has been written, which is what a walk has to come to. Fewer: its end was cut off.
int web_audit_open_file(const struct web_audit *audit, uint64_t number); // to read; -1 and errno
uint64_t web_audit_newest(const struct web_audit *audit);                // number of the file that is written to
struct web_audit_file web_audit_oldest(struct web_audit *audit);         // that is still here
uint64_t web_audit_count(const struct web_audit *audit);
const char *web_audit_head(const struct web_audit *audit); // hash of the last record

// audit_read.c: searches and verifications at once; the next is told to come back.
enum { WEB_AUDIT_READS = 4 };
uint64_t web_audit_reads_full(void);
