// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Thresholds against what is usual: of bodies and of the detector, who is asked to mend what, and who has said that it is meant.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/compiler.h"

static struct yg_compiler c;
static struct yg_org_draft orgs[2];
static struct yg_plugin_draft plugin;
static struct yg_compile_input input;
static union yg_value values[3];
static struct yg_place set_at[3];
static char *said;
static size_t said_size;

static const struct yg_option options[3] = {
	{"floor_packets", YG_OPT_INT, "packets/s", 0, 1e9, "0", NULL, "", ""},
	{"floor_bits", YG_OPT_BPS, "bit/s", 0, 4e11, "0", NULL, "", ""},
	{"floor_flows", YG_OPT_INT, "flows/s", 0, 1e9, "0", NULL, "", ""},
};

static const struct yg_usual usual[] = {
	{.code = "073000", .most = {1000, 8e6, 50}, .host = {{{10, 1, 0, 80}}, {{10, 1, 0, 81}}, {{10, 1, 0, 82}}}, .af = {4, 4, 4}},
	{.code = "074000", .most = {400, 9e6, 20}, .host = {{{10, 2, 0, 80}}, {{10, 2, 0, 81}}, {{10, 2, 0, 82}}}, .af = {4, 4, 4}},
	{.code = "gone", .most = {1e9, 1e9, 1e9}, .af = {4, 4, 4}},
};

static int setup(void **state)
{
	(void)state;
	memset(&c, 0, sizeof c);
	memset(orgs, 0, sizeof orgs);
	memset(values, 0, sizeof values);
	memset(set_at, 0, sizeof set_at);
	strcpy(orgs[0].org.code, "073000");
	strcpy(orgs[1].org.code, "074000");
	orgs[0].at = (struct yg_place){"orgs/a.yaml", 3, 7};
	orgs[1].at = (struct yg_place){"orgs/b.yaml", 4, 7};
	plugin.set = (struct yg_option_set){"plugins.dos.", options, 3, values, set_at};
	input = (struct yg_compile_input){.usual = usual, .usual_count = 3, .plugins_count = 1};
	c.input = &input;
	c.orgs = orgs;
	c.orgs_count = 2;
	c.plugins = &plugin;
	c.report.out = open_memstream(&said, &said_size);
	return c.report.out ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(said);
	return 0;
}

static void check(void)
{
	yg_learned_check(&c);
	yg_report_finish(&c.report);
	fclose(c.report.out);
}

static void a_floor_of_a_body_below_twice_the_usual_is_refused(void **state)
{
	(void)state;
	orgs[0].org.floor_packets = 1999;
	orgs[0].org.floor_bps = 16000000;
	orgs[1].org.floor_flows = 39;
	check();
	assert_int_equal(c.report.errors, 2);
	assert_non_null(strstr(said, "orgs/a.yaml:3:7: thresholds: 1999 packets/s is less than twice what is usual for 10.1.0.80 (1000, 95th"));
	assert_non_null(strstr(said, "write 2000 or more, or `force: true` in the thresholds of '073000'"));
	assert_non_null(strstr(said, "orgs/b.yaml:4:7: thresholds: 39 flows/s"));
	assert_null(strstr(said, "bit/s"));
}

static void who_forces_it_is_not_asked(void **state)
{
	(void)state;
	orgs[0].org.floor_packets = 1;
	orgs[0].org.force = 1;
	check();
	assert_int_equal(c.report.errors, 0);
}

static void a_floor_of_the_detector_is_for_bodies_without_their_own(void **state)
{
	(void)state;
	values[0].i = 900;
	set_at[0] = (struct yg_place){"yagura.yaml", 20, 3};
	orgs[0].org.floor_packets = 5000; // the busier one looks after itself
	check();
	assert_int_equal(c.report.errors, 0);
}

static void a_floor_of_the_detector_below_twice_the_busiest_host_is_refused(void **state)
{
	(void)state;
	values[0].i = 1500;
	values[1].i = 17000000;
	values[2].i = 1; // the default, written nowhere
	set_at[0] = (struct yg_place){"yagura.yaml", 20, 3};
	set_at[1] = (struct yg_place){"yagura.yaml", 21, 3};
	check();
	assert_int_equal(c.report.errors, 2);
	assert_non_null(strstr(said, "yagura.yaml:20:3: plugins.dos.floor_packets: 1500 packets/s is less than twice what is usual for 10.1."));
	assert_non_null(strstr(said, "yagura.yaml:21:3: plugins.dos.floor_bits: 17000000 bit/s is less than twice what is usual for 10.2.0.81"));
}

static void nothing_is_refused_where_nothing_was_learned(void **state)
{
	(void)state;
	input.usual_count = 0;
	values[0].i = 1;
	set_at[0] = (struct yg_place){"yagura.yaml", 20, 3};
	orgs[0].org.floor_packets = 1;
	check();
	assert_int_equal(c.report.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_floor_of_a_body_below_twice_the_usual_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(who_forces_it_is_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_floor_of_the_detector_is_for_bodies_without_their_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_floor_of_the_detector_below_twice_the_busiest_host_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_refused_where_nothing_was_learned, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
