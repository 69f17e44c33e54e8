// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a detector has learned outlives the engine, and a reload that gives it other options. With a real shared object, whose path is the
// argument.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "config_fixture.h"
#include "engine/detectors.h"
#include "engine/state.h"

enum { HALF = 16 << 20 };

static const char *path;
static struct yg_found_plugin found = {.name = "keeper"};
static uint8_t *memory;
static double told; // what the detector last said that it knew

static void on_raise(void *context, const char *detector, const struct yg_alert *alert)
{
	(void)context;
	assert_string_equal(detector, "keeper");
	told = alert->observed;
}

static void compile(const char *least, struct yg_config *ret_config)
{
	const char *const overrides[][2] = {{"plugins.keeper.least", least}};
	const struct yg_compile_input input = {.plugins = &found, .plugins_count = 1, .overrides = overrides, .overrides_count = 1};
	char *errors;
	int fd;
	assert_int_equal(fixture_compile_input(&input, &errors, &fd), 0);
	free(errors);
	assert_int_equal(yg_config_open(fd, ret_config), 0);
	close(fd);
}

static struct yg_detectors_options options_of(const struct yg_config *config)
{
	return (struct yg_detectors_options){.config = config, .raise = on_raise};
}

static double knows(struct yg_detectors *d, int64_t second)
{
	told = -1;
	yg_detectors_tick(d, second);
	return told;
}

static void a_detector_goes_on_in_another_engine(void **state)
{
	(void)state;
	struct yg_config config;
	compile("0", &config);
	const struct yg_detectors_options options = options_of(&config);
	struct yg_detectors *d = yg_detectors_open(&options);
	struct yg_state *s = yg_state_create(memory, HALF);
	assert_non_null(d);
	yg_detectors_keep(d, s);
	assert_true(knows(d, 7000) == 0);
	assert_true(knows(d, 7001) == 7000);
	yg_state_finish(s, 7001);
	yg_detectors_close(d);
	yg_state_destroy(s);
	d = yg_detectors_open(&options);
	s = yg_state_create(memory, HALF);
	yg_detectors_keep(d, s);
	yg_state_restore(s);
	assert_int_equal(yg_state_stats(s)->restored, 1);
	assert_true(knows(d, 100) == 7001);
	yg_detectors_close(d);
	yg_state_destroy(s);
	yg_config_close(&config);
}

static void other_options_do_not_make_it_forget(void **state)
{
	(void)state;
	struct yg_config before, after;
	compile("0", &before);
	compile("5", &after);
	const struct yg_detectors_options one = options_of(&before), two = options_of(&after);
	struct yg_detectors *d = yg_detectors_open(&one);
	struct yg_state *s = yg_state_create(memory, HALF);
	yg_detectors_keep(d, s);
	knows(d, 900);
	struct yg_detectors *next = yg_detectors_prepare(d, &two);
	assert_non_null(next);
	yg_detectors_forget(d, s);
	yg_detectors_replace(d, next);
	yg_detectors_keep(next, s);
	assert_true(knows(next, 901) == 900);
	yg_state_finish(s, 901); // of the new one: the old one is gone
	yg_state_restore(s);
	assert_true(knows(next, 1) == 901);
	yg_detectors_close(next);
	yg_state_destroy(s);
	yg_config_close(&before);
	yg_config_close(&after);
}

static void without_state_nothing_is_kept(void **state)
{
	(void)state;
	struct yg_config config;
	compile("0", &config);
	const struct yg_detectors_options options = options_of(&config);
	struct yg_detectors *d = yg_detectors_open(&options);
	yg_detectors_keep(d, NULL);
	yg_state_restore(NULL);
	yg_state_turn(NULL, 1);
	yg_state_finish(NULL, 1);
	assert_true(knows(d, 5) == 0);
	yg_detectors_forget(d, NULL);
	yg_detectors_close(d);
	yg_config_close(&config);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_detector_goes_on_in_another_engine),
		cmocka_unit_test(other_options_do_not_make_it_forget),
		cmocka_unit_test(without_state_nothing_is_kept),
	};
	path = argc > 1 ? argv[1] : "";
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	memory = calloc(2, HALF);
	if (!object || !memory)
		return 1;
	snprintf(found.path, sizeof found.path, "%s", path);
	found.plugin = dlsym(object, YG_PLUGIN_SYMBOL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
