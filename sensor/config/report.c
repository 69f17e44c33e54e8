// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Error lines of the compiler. Text from the file goes into them, so whatever could move a terminal's cursor is written
// as \xNN. Words are compared by the restricted edit distance (insert, drop, change, swap of two neighbours), which is
// what typing errors are made of.
#include "config/report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024, KEY_MAX_BYTES = 256, WORD_MAX = 64 };

struct yg_report_line {
	struct yg_place at;
	unsigned rank, number; // of the file; of the line itself
	char key[KEY_MAX_BYTES];
	char text[LINE_MAX_BYTES];
};

// Length of the well-formed sequence at p, 0 when there is none. Table 3-7 of the Unicode standard.
static size_t sequence_length(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || left < length)
		return 0;
	uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static bool is_control(const uint8_t *p)
{
	return p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
}

bool yg_text_clean(const char *text, size_t length)
{
	const uint8_t *p = (const uint8_t *)text;
	for (size_t i = 0, n; i < length; i += n) {
		n = sequence_length(p + i, length - i);
		if (n == 0 || is_control(p + i))
			return false;
	}
	return true;
}

static void print_safely(FILE *out, const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t length = strlen(text);
	for (size_t i = 0, n; i < length; i += n) {
		n = sequence_length(p + i, length - i);
		if (n && !is_control(p + i)) {
			fwrite(p + i, 1, n, out);
			continue;
		}
		n = n ? n : 1;
		for (size_t k = 0; k < n; k++)
			fprintf(out, "\\x%02x", p[i + k]);
	}
}

static void print_place(FILE *out, struct yg_place at)
{
	print_safely(out, at.file ? at.file : "defaults");
	if (at.line)
		fprintf(out, ":%u:%u", at.line, at.column);
	fputs(": ", out);
}

static void print_line(FILE *out, const struct yg_report_line *line)
{
	print_place(out, line->at);
	if (*line->key) {
		print_safely(out, line->key);
		fputs(": ", out);
	}
	print_safely(out, line->text);
	fputc('\n', out);
}

// Files rank in the order in which the reader came to them.
static unsigned rank_of(const struct yg_report *report, const char *file)
{
	for (size_t i = 0; i < report->lines_count; i++)
		if (strcmp(report->lines[i].at.file ? report->lines[i].at.file : "", file ? file : "") == 0)
			return report->lines[i].rank;
	return (unsigned)report->lines_count;
}

static void keep(struct yg_report *report, struct yg_place at, const char *key, const char *format, va_list arguments)
{
	struct yg_report_line line = {
	    .at = at, .rank = rank_of(report, at.file), .number = (unsigned)report->lines_count};
	snprintf(line.key, sizeof line.key, "%s", key ? key : "");
	vsnprintf(line.text, sizeof line.text, format, arguments);
	struct yg_report_line *larger = realloc(report->lines, (report->lines_count + 1) * sizeof line);
	if (!larger) {
		// Out of order is better than not at all.
		print_line(report->out, &line);
		return;
	}
	report->lines = larger;
	report->lines[report->lines_count++] = line;
}

void yg_complain(struct yg_report *report, struct yg_place at, const char *key, const char *format, ...)
{
	if (report->errors++ >= YG_REPORT_MAX)
		return;
	va_list arguments;
	va_start(arguments, format);
	keep(report, at, key, format, arguments);
	va_end(arguments);
}

void yg_caution(struct yg_report *report, struct yg_place at, const char *format, ...)
{
	if (report->no_warnings || report->warnings++ >= YG_REPORT_MAX)
		return;
	va_list arguments;
	va_start(arguments, format);
	keep(report, at, "warning", format, arguments);
	va_end(arguments);
}

static int by_place(const void *a, const void *b)
{
	const struct yg_report_line *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	if (x->at.column != y->at.column)
		return x->at.column < y->at.column ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void yg_report_finish(struct yg_report *report)
{
	if (report->lines_count)
		qsort(report->lines, report->lines_count, sizeof *report->lines, by_place);
	for (size_t i = 0; i < report->lines_count; i++)
		print_line(report->out, &report->lines[i]);
	free(report->lines);
	report->lines = NULL;
	report->lines_count = 0;
	if (report->errors > YG_REPORT_MAX)
		fprintf(report->out, "and %d more errors; mend the first ones and check again\n",
		        report->errors - YG_REPORT_MAX);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

// Optimal string alignment distance, three rows at a time.
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][WORD_MAX + 1];
	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

void yg_nearest_offer(struct yg_nearest *nearest, const char *candidate)
{
	size_t n = strlen(nearest->word), m = strlen(candidate);
	if (n == 0 || n > WORD_MAX || m > WORD_MAX)
		return;
	size_t d = distance(nearest->word, n, candidate, m);
	// Beyond a third of the word it is another word.
	if (d > 1 + n / 3 || d >= m || (nearest->best && d >= nearest->distance))
		return;
	nearest->best = candidate;
	nearest->distance = d;
}
