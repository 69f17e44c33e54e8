// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// How the compiler complains: `file:line:col: key: problem; how to mend`, every problem of a run, and "did you mean".
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { YG_REPORT_MAX = 500 }; // lines printed; the rest is counted

// Where something stands. `line` 0: in the file as a whole. `file` NULL: nowhere (a default).
struct yg_place {
	const char *file;
	unsigned line, column;
};

struct yg_report_line;

// Lines are kept until yg_report_finish, which prints them in the order of the files and, within a file, of the places.
struct yg_report {
	FILE *out;
	int errors;
	int warnings;
	bool no_warnings; // they have been told
	struct yg_report_line *lines;
	size_t lines_count;
};

// One error. `key` may be NULL. The text must tell the problem and, behind "; ", how to mend it.
void yg_complain(struct yg_report *report, struct yg_place at, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// The same for what does not stop anything.
void yg_caution(struct yg_report *report, struct yg_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Prints what was kept and frees it, and says how many errors were not printed, when there are any.
void yg_report_finish(struct yg_report *report);

// Keeps the candidate nearest to `word`. Start with { .word = … }; `best` stays NULL when none is near enough.
struct yg_nearest {
	const char *word, *best;
	size_t distance;
};
void yg_nearest_offer(struct yg_nearest *nearest, const char *candidate);

// True for well-formed UTF-8 (no overlong forms, no surrogates) without control characters.
bool yg_text_clean(const char *text, size_t length);
