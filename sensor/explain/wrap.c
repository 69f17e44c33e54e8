// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Sentences within the width of a terminal. English breaks at blanks; Japanese between any two characters, but no line begins with a
// closing mark nor ends with an opening one (JIS X 4051's kinsoku, in short). A word that is longer than a line is left whole.
#include <string.h>

#include "base/json_read.h"
#include "explain/explain.h"

static bool is_wide(uint32_t c)
{
	return c >= 0x1100 && !(c >= 0x2000 && c < 0x2e80);
}

static bool closes(uint32_t c)
{
	static const uint32_t marks[] = {0x3001, 0x3002, 0xff09, 0x300d, 0x300f, 0xff05, 0x30fc, 0x3063,
	                                 0x30c3, 0xff0c, 0xff0e, 0xff1a, 0xff01, 0xff1f};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (c == marks[i])
			return true;
	return c == ')' || c == ',' || c == '.' || c == '%';
}

static bool opens(uint32_t c)
{
	return c == 0xff08 || c == 0x300c || c == 0x300e || c == '(';
}

static bool may_break(uint32_t before, uint32_t after)
{
	if (before == ' ')
		return true;
	return (is_wide(before) || is_wide(after)) && after != ' ' && !closes(after) && !opens(before);
}

// The bytes of the next line, at least one character.
static size_t next_line(const char *p, const char *end, unsigned room)
{
	size_t fits = 0, n;
	unsigned column = 0;
	uint32_t before = 0;
	for (const char *at = p; at < end; at += n) {
		uint32_t c = yg_utf8_character(at, end, &n);
		if (at > p && may_break(before, c))
			fits = (size_t)(at - p);
		column += is_wide(c) ? 2 : 1;
		if (column > room && c != ' ' && fits)
			return fits;
		before = c;
	}
	return (size_t)(end - p);
}

void explain_wrap(FILE *out, const char *text, unsigned indent, unsigned columns)
{
	const char *p = text, *end = text + strlen(text);
	unsigned room = columns > indent + 20 ? columns - indent : 20;
	while (p < end) {
		size_t n = next_line(p, end, room), used = n;
		while (used && p[used - 1] == ' ')
			used--;
		fprintf(out, "%*s%.*s\n", p == text ? 0 : (int)indent, "", (int)used, p);
		p += n;
	}
}
