// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table of counters: names of metrics as Prometheus wants them, each row once, each family together; docs/dashboard-metrics.md is the
// table. `--table` prints what has to stand there. Whether every counter is in it, and the text of a server, are limits.test.mjs's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

// Rows of a family as one, as people read it.
static void print_table(FILE *to)
{
	fputs("| metric | type | labels | meaning |\n|---|---|---|---|\n", to);
	for (const struct web_counter_row *row = web_counter_rows; row->name; row++) {
		if (!row->help)
			continue;
		fprintf(to, "| `%s` | %s | ", row->metric, ends_in(row->metric, "_total") ? "counter" : "gauge");
		if (strcmp(row->name, "refused.") == 0)
			fputs("`code`", to);
		for (const struct web_counter_row *one = row; one->label && one->name && strcmp(one->metric, row->metric) == 0; one++) {
			const char *value = strchr(one->label, '"');
			if (one == row)
				fprintf(to, "`%.*s`: ", (int)(value - 1 - one->label), one->label);
			fprintf(to, "%s%.*s", one == row ? "" : ", ", (int)(strlen(value) - 2), value + 1);
		}
		fprintf(to, " | %s |\n", row->help);
	}
}

static void names_are_as_they_have_to_be(void **unused)
{
	(void)unused;
	for (const struct web_counter_row *row = web_counter_rows; row->name; row++) {
		assert_int_equal(strncmp(row->metric, "yagura_web_", 11), 0);
		assert_int_equal(strspn(row->metric, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->metric));
		const struct web_counter_row *before = row > web_counter_rows ? row - 1 : NULL;
		bool same = before && strcmp(before->metric, row->metric) == 0;
		assert_int_equal(same, row->help == NULL);
		assert_true(row->help ? ends_in(row->help, ".") && !strpbrk(row->help, "\\\n|") : row->label != NULL);
		for (const struct web_counter_row *other = web_counter_rows; other < row; other++) {
			assert_string_not_equal(other->name, row->name);
			assert_true(same || strcmp(other->metric, row->metric) != 0);
			assert_true(!row->label || !other->label || strcmp(other->label, row->label) != 0);
		}
	}
}

static void the_documentation_is_the_table(void **unused)
{
	(void)unused;
	char *made = NULL, *page = calloc(1, 1 << 20);
	size_t size;
	FILE *to = open_memstream(&made, &size), *from = fopen(YG_SOURCE_ROOT "/docs/dashboard-metrics.md", "re");
	print_table(to);
	fclose(to);
	assert_non_null(from);
	assert_true(fread(page, 1, (1 << 20) - 1, from) > 0);
	fclose(from);
	if (!strstr(page, made))
		fail_msg("docs/dashboard-metrics.md does not hold this:\n%s", made);
	free(made);
	free(page);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_as_they_have_to_be),
	    cmocka_unit_test(the_documentation_is_the_table),
	};
	if (argc > 1 && strcmp(argv[1], "--table") == 0) {
		print_table(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
