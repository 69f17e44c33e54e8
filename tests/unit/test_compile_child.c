// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The compiling child: what comes back from it, and that nothing comes back from a broken file.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "config_folder.h"

static int compile_quietly(const struct yg_compile_input *input)
{
	int keep = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
	int fd = yg_compile_in_child(input);
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(null);
	return fd;
}

static void a_good_file_comes_back_as_a_sealed_block(void **state)
{
	(void)state;
	struct yg_config config;
	put("config.yaml", "sensor: {name: child}\n");
	const struct yg_compile_input input = {.path = config_path};
	int fd = yg_compile_in_child(&input);
	assert_true(fd >= 0);
	assert_int_equal(yg_config_open(fd, &config), 0);
	assert_string_equal(yg_config_string(&config, YG_O_SENSOR_NAME), "child");
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	yg_config_close(&config);
	close(fd);
}

static void nothing_comes_back_from_a_broken_file(void **state)
{
	(void)state;
	put("config.yaml", "sensor: {nmae: child}\n");
	const struct yg_compile_input input = {.path = config_path};
	int before = dup(0);
	assert_int_equal(compile_quietly(&input), -1);
	close(before);
	// The lowest free descriptor is what it was: none was left open.
	int after = dup(0);
	assert_int_equal(after, before);
	close(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_file_comes_back_as_a_sealed_block),
	    cmocka_unit_test(nothing_comes_back_from_a_broken_file),
	};
	return cmocka_run_group_tests_name("compile child", tests, make_folder, remove_folder);
}
