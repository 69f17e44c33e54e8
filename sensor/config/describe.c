// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The tree of an option table, without building one: a group is opened at the first row that begins with its path, and
// all its rows are visited there. Quadratic over some 60 rows. See describe.h.
#include "config/describe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

enum { LEVEL_MAX = 128 };

struct table {
	const struct yg_option *options;
	uint32_t count;
	const struct yg_describer *describer;
};

static bool stands_earlier(const struct table *t, uint32_t row, const char *path, size_t length)
{
	for (uint32_t i = 0; i < row; i++)
		if (strncmp(t->options[i].path, path, length) == 0)
			return true;
	return false;
}

static void walk(const struct table *t, const char *level, int depth)
{
	size_t n = strlen(level);
	for (uint32_t i = 0; i < t->count; i++) {
		const char *path = t->options[i].path;
		if (strncmp(path, level, n) != 0)
			continue;
		size_t length = strcspn(path + n, ".");
		char inner[LEVEL_MAX];
		if (path[n + length] == '\0') {
			t->describer->option(t->describer->context, &t->options[i], path + n, depth);
			continue;
		}
		if (stands_earlier(t, i, path, n + length + 1) || n + length + 2 > sizeof inner)
			continue;
		memcpy(inner, path, n + length);
		inner[n + length] = '\0';
		t->describer->open(t->describer->context, inner + n, depth);
		memcpy(inner + n + length, ".", 2);
		walk(t, inner, depth + 1);
		t->describer->close(t->describer->context, depth);
	}
}

void yg_describe(const struct yg_option *options, uint32_t count, int depth, const struct yg_describer *describer)
{
	const struct table t = {options, count, describer};
	walk(&t, "", depth);
}

const char *yg_describe_type(const struct yg_option *option)
{
	static const char *const names[] = {
	    [YG_OPT_INT] = "whole number", [YG_OPT_FLOAT] = "number", [YG_OPT_BOOL] = "true or false",
	    [YG_OPT_STRING] = "text",      [YG_OPT_ENUM] = "one of",  [YG_OPT_DURATION] = "duration",
	    [YG_OPT_BYTES] = "bytes",      [YG_OPT_BPS] = "bit rate",
	};
	return names[option->type];
}

const char *yg_describe_range(const struct yg_option *option, char *ret_text, size_t size)
{
	char low[32], high[32];
	bool unit = option->unit && option->type != YG_OPT_DURATION && option->type != YG_OPT_BYTES;
	ret_text[0] = '\0';
	if (option->type == YG_OPT_ENUM)
		snprintf(ret_text, size, "%s", option->values);
	else if (option->type == YG_OPT_STRING && option->min > 0)
		snprintf(ret_text, size, "%.0f to %.0f bytes", option->min, option->max);
	else if (option->type == YG_OPT_STRING)
		snprintf(ret_text, size, "at most %.0f bytes", option->max);
	else if (option->type != YG_OPT_BOOL)
		snprintf(ret_text, size, "%s to %s%s%s", yg_value_bound(option, option->min, low, sizeof low),
		         yg_value_bound(option, option->max, high, sizeof high), unit ? " " : "",
		         unit ? option->unit : "");
	return ret_text;
}
