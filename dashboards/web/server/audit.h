// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The audit log: one JSON line for each thing that a person did or tried, in files that are only ever appended to, each with the SHA-256
// of the line before, so that a change, a removal or an insertion anywhere is found. A file that is full is followed by another, and the
// chain goes on; what is done with full ones is the administrator's. The page reads the files too, from their end (audit_read.c): a copy
// elsewhere could tell another story. A line is on disk (fdatasync) before the request that it tells of is answered. When it cannot
// be written, nothing that needs it is done: 503.
//
//   {"n":17,"time":"2026-11-22T10:00:00.000000+0900","user":"sato","peer":"192.0.2.1","action":"login",
//    "result":"ok","what":"…","prev":"<hex>","hash":"<hex>"}
//
// `hash` is over the bytes of the line as it would be without it, `prev` is that of the line before; the first one's is 64 zeros. CR, LF
// and other control bytes of what people send are escaped by JSON. A torn last line, as power leaves it, is cut off at the next start, and
// a record says so.
//
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct web_audit;

enum { WEB_AUDIT_MIB = 64, WEB_AUDIT_MIB_MAX = 4096 }; // of a file: when not given, and at most
// size_max: bytes of a file. NULL and errno; EBADMSG: the chain of the newest file is broken.
struct web_audit *web_audit_open(const char *folder, int64_t size_max);
void web_audit_close(struct web_audit *audit);

struct web_audit_record {
	const char *user, *peer, *action, *result, *what; // any may be NULL
};
int web_audit_write(struct web_audit *audit, const struct web_audit_record *record); // 0, or a negative errno: it is not on disk

// Whether what is done can be told: after a record that could not be written it is tried whether one can, which then says how many are
// lost. Asked before anything that needs a record is begun.
bool web_audit_ready(struct web_audit *audit);

// A copy of each line from now on, behind "<5>audit ", to a descriptor (standard output: the journal, and from there to wherever it is
// forwarded). What does not go in at once is left out there, and counted.
void web_audit_forward(struct web_audit *audit, int fd);
uint64_t web_audit_unforwarded(const struct web_audit *audit);

struct web_audit_counters {
	uint64_t records, bytes, files; // bytes: of the newest file
	uint64_t rotations, rotations_failed, files_full, unforwarded, lost;
};
struct web_audit_counters web_audit_counters(const struct web_audit *audit);

struct web_audit_report {
	uint64_t records, first_bad; // first_bad: number of a record, 0: whole
	uint64_t begins;             // number of the first record; more than 1: older files are not here, which is no fault
	uint32_t files;
	char why[96];
};
// Reads a file, or all files of a folder, from the beginning: what `yagura-web audit verify` does. 0, or a negative errno when it cannot be
// read.
int web_audit_verify(const char *path, struct web_audit_report *ret_report);
