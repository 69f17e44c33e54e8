// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The reader of foreign JSON: values with their paths and places in lists, numbers that are none, and lines past every bound. What it makes
// of hostile texts is in test_tail.c.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"

struct seen {
	char all[4096];
	unsigned count;
};

static void note(void *context, const struct yg_json_value *v)
{
	struct seen *s = context;
	char one[1400];
	snprintf(one, sizeof one, "%s#%u%c%s ", v->path, v->index, v->is_text ? '=' : ':', v->text);
	if (strlen(s->all) + strlen(one) < sizeof s->all)
		strcat(s->all, one);
	assert_int_equal(v->length, strlen(v->text));
	s->count++;
}

static bool reads(struct seen *s, const char *line)
{
	memset(s, 0, sizeof *s);
	return yg_json_read(line, strlen(line), note, s);
}

static void values_come_with_their_path_and_place(void **state)
{
	(void)state;
	struct seen s;
	assert_true(reads(&s, "{\"a\":{\"b\":\"x\"},\"l\":[1, {\"k\":2,\"m\":{\"n\":\"y\"}},[true,null]],\"z\":-1.5e3}\n"));
	assert_string_equal(s.all, "a.b#0=x l[]#0:1 l[].k#1:2 l[].m.n#1=y l[][]#0:true l[][]#1:null z#0:-1.5e3 ");
}

static void a_line_needs_no_nul_behind_it(void **state)
{
	(void)state;
	struct seen s = {0};
	char *exact = malloc(8); // the sanitizer sees a byte too far
	memcpy(exact, "{\"a\":12}", 8);
	assert_true(yg_json_read(exact, 8, note, &s));
	memset(&s, 0, sizeof s);
	assert_false(yg_json_read(exact, 7, note, &s));
	free(exact);
}

static void bounds_hold(void **state)
{
	(void)state;
	struct seen s;
	char line[8192];
	for (unsigned depth = 1; depth < 64; depth++) { // the object is one level by itself
		size_t n = (size_t)snprintf(line, sizeof line, "{\"a\":");
		memset(line + n, '[', depth);
		memset(line + n + depth, ']', depth);
		memcpy(line + n + 2 * depth, "}", 2);
		assert_int_equal(reads(&s, line), depth + 1 <= YG_JSON_DEPTH);
	}
	size_t n = (size_t)snprintf(line, sizeof line, "{\"a\":\"");
	memset(line + n, 'x', 3000);
	memcpy(line + n + 3000, "\"}", 3);
	assert_true(reads(&s, line));
	assert_int_equal(strlen(s.all), strlen("a#0= ") + YG_JSON_TEXT - 1);
	n = (size_t)snprintf(line, sizeof line, "{\"");
	memset(line + n, 'k', 500); // a path that is cut
	memcpy(line + n + 500, "\":1}", 5);
	assert_true(reads(&s, line));
	assert_true(strlen(s.all) < YG_JSON_PATH + 8);
	char *long_line = malloc(YG_JSON_LINE_MAX + 2);
	memset(long_line, ' ', YG_JSON_LINE_MAX + 1);
	long_line[0] = '{';
	long_line[YG_JSON_LINE_MAX - 1] = '}';
	assert_true(yg_json_read(long_line, YG_JSON_LINE_MAX, note, &s));
	long_line[YG_JSON_LINE_MAX] = '\n';
	assert_false(yg_json_read(long_line, YG_JSON_LINE_MAX + 1, note, &s));
	free(long_line);
}

static void what_is_no_number_is_none(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		double value;
	} table[] = {{"1.5", 1.5}, {"-3e2", -300}, {"0", 0}, {"true", 7}, {"null", 7}, {"nan", 7}, {"inf", 7}, {"1e999", 7}, {"0x10", 7},
	             {"1.2.3", 7}, {"", 7}, {"12a", 7}, {"--1", 7}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct yg_json_value v = {"p", 0, false, table[i].word, strlen(table[i].word)};
		assert_true(yg_json_number(&v, 7) == table[i].value);
	}
	const struct yg_json_value text = {"p", 0, true, "1", 1};
	assert_true(isnan(yg_json_number(&text, NAN)));
}

static void bytes_at_random_are_read_within_bounds(void **state)
{
	(void)state;
	static const char some[] = "{}[]\":,\\u0\xe3\x81\x82 truefalsn-1.e\x1b";
	struct seen s;
	srand(3);
	for (int i = 0; i < 200000; i++) {
		size_t n = 1 + (size_t)rand() % 40;
		char *line = malloc(n);
		for (size_t k = 0; k < n; k++)
			line[k] = some[(size_t)rand() % (sizeof some - 1)];
		line[0] = '{';
		memset(&s, 0, 8);
		s.count = 0;
		s.all[0] = '\0';
		yg_json_read(line, n, note, &s);
		assert_null(strchr(s.all, '\x1b'));
		free(line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_come_with_their_path_and_place), cmocka_unit_test(a_line_needs_no_nul_behind_it),
	    cmocka_unit_test(bounds_hold), cmocka_unit_test(what_is_no_number_is_none),
	    cmocka_unit_test(bytes_at_random_are_read_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
