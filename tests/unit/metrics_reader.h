// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A strict reader of the Prometheus text: stricter than Prometheus, which accepts metrics without HELP and samples in any order.
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metrics_reader {
	const char *at;
	const char *families[1024]; // each at its HELP line, to see that none comes twice
	size_t lengths[1024], count;
	const char **series; // all of them, each up to its value
	size_t series_count, series_size;
	char *why;
	size_t why_size;
};

static inline bool metrics_fault(struct metrics_reader *r, const char *fault)
{
	snprintf(r->why, r->why_size, "%s: %.*s", fault, (int)strcspn(r->at, "\n"), r->at);
	return false;
}

static inline size_t metrics_name(const char *at)
{
	size_t n = 0;
	while (islower((unsigned char)at[n]) || at[n] == '_' || (n && isdigit((unsigned char)at[n])))
		n++;
	return n;
}

// a="b",c="d"} with no " or \ or control character in a value: ours need no escapes. Behind the brace, NULL when it is something else.
static inline const char *metrics_labels(const char *at)
{
	while (*at != '}') {
		size_t n = metrics_name(at);
		if (!n || at[n] != '=' || at[n + 1] != '"')
			return NULL;
		for (at += n + 2; *at != '"'; at++)
			if (*at < ' ' || *at > '~' || *at == '\\')
				return NULL;
		at++;
		if (*at == ',' && at[1] != '}')
			at++;
		else if (*at != '}')
			return NULL;
	}
	return at + 1;
}

static inline bool metrics_sample(struct metrics_reader *r, const char *family, size_t family_length)
{
	const char *at = r->at + family_length;
	if (strncmp(r->at, family, family_length) != 0 || (*at != '{' && *at != ' '))
		return metrics_fault(r, "a sample of another metric");
	if (*at == '{')
		at = metrics_labels(at + 1);
	if (!at || *at != ' ')
		return metrics_fault(r, "bad labels");
	if (r->series_count == r->series_size) {
		r->series_size = r->series_size * 2 + 1024;
		r->series = realloc(r->series, r->series_size * sizeof *r->series);
	}
	r->series[r->series_count++] = r->at;
	size_t digits = strspn(at + 1, "0123456789"), rest = 0;
	if (at[1 + digits] == '.')
		rest = 1 + strspn(at + 2 + digits, "0123456789");
	if (!digits || rest == 1 || at[1 + digits + rest] != '\n')
		return metrics_fault(r, "bad value");
	r->at = at + 2 + digits + rest;
	return true;
}

static inline bool metrics_ends(const char *name, size_t length, const char *end)
{
	size_t n = strlen(end);
	return length > n && memcmp(name + length - n, end, n) == 0;
}

static inline bool metrics_family(struct metrics_reader *r)
{
	if (strncmp(r->at, "# HELP yagura_", 14) != 0)
		return metrics_fault(r, "no HELP of ours");
	const char *name = r->at + 7, *help;
	size_t n = metrics_name(name);
	help = name + n + 1;
	if (name[n] != ' ' || *help == '\n' || memchr(help, '\\', strcspn(help, "\n")) || help[strcspn(help, "\n") - 1] != '.')
		return metrics_fault(r, "bad HELP");
	for (size_t i = 0; i < r->count; i++)
		if (r->lengths[i] == n && memcmp(r->families[i], name, n) == 0)
			return metrics_fault(r, "twice");
	if (r->count == 1024)
		return metrics_fault(r, "too many");
	r->families[r->count] = name;
	r->lengths[r->count++] = n;
	bool total = metrics_ends(name, n, "_total");
	if (metrics_ends(name, n, "_count") || metrics_ends(name, n, "_sum") || metrics_ends(name, n, "_bucket"))
		return metrics_fault(r, "a name for histograms");
	r->at = strchr(r->at, '\n') + 1;
	if (strncmp(r->at, "# TYPE ", 7) != 0 || strncmp(r->at + 7, name, n) != 0 ||
	    strncmp(r->at + 7 + n, total ? " counter\n" : " gauge\n", total ? 9 : 7) != 0)
		return metrics_fault(r, "bad TYPE");
	r->at = strchr(r->at, '\n') + 1;
	while (*r->at && *r->at != '#')
		if (!metrics_sample(r, name, n))
			return false;
	return true;
}

static inline int metrics_compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	while (*x == *y && *x != '\n' && *x)
		x++, y++;
	return (unsigned char)*x - (unsigned char)*y;
}

// Up to the blank before the value: our label values have none at their end.
static inline size_t metrics_series_length(const char *series)
{
	const char *end = series + strcspn(series, "\n");
	while (*end != ' ')
		end--;
	return (size_t)(end - series);
}

static inline bool metrics_text_is_sound(const char *text, char *why, size_t why_size)
{
	struct metrics_reader r = {.at = text, .why = why, .why_size = why_size};
	bool sound = true;
	while (sound && *r.at)
		sound = metrics_family(&r);
	qsort(r.series, r.series_count, sizeof *r.series, metrics_compare);
	for (size_t i = 1; sound && i < r.series_count; i++) {
		size_t a = metrics_series_length(r.series[i - 1]), b = metrics_series_length(r.series[i]);
		if (a == b && memcmp(r.series[i - 1], r.series[i], a) == 0) {
			r.at = r.series[i];
			sound = metrics_fault(&r, "a series twice");
		}
	}
	free(r.series);
	return sound;
}
