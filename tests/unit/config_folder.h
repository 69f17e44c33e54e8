// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What test_config.c and test_config_limits.c share: a folder that is filled and emptied, and files compiled in it.
#pragma once

#include <dirent.h>

#include "config_fixture.h"

#ifndef YG_SOURCE_ROOT
#define YG_SOURCE_ROOT "."
#endif

static char folder[64];
static char config_path[128];

static inline int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/yagura-config-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(config_path, sizeof config_path, "%s/config.yaml", folder);
	return 0;
}

static inline void empty_folder(void)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static inline int remove_folder(void **state)
{
	(void)state;
	empty_folder();
	return rmdir(folder);
}

static inline void put(const char *name, const char *text)
{
	fixture_write(folder, name, text, strlen(text));
}

static inline char *read_whole(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	char *text = calloc(1, 1 << 20);
	*ret_length = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

static inline struct yg_config open_input(const struct yg_compile_input *input)
{
	char *errors;
	int fd;
	struct yg_config config;
	int count = fixture_compile_input(input, &errors, &fd);
	if (count)
		fputs(errors, stderr);
	assert_int_equal(count, 0);
	free(errors);
	assert_int_equal(yg_config_open(fd, &config), 0);
	close(fd);
	return config;
}

static inline struct yg_config open_file(const char *path)
{
	const struct yg_compile_input input = {.path = path, .plugins = fixture_found, .plugins_count = 1};
	return open_input(&input);
}

static inline void expect_error(const char *fragment)
{
	char *errors;
	int fd;
	assert_int_not_equal(fixture_compile(config_path, &errors, &fd), 0);
	if (!strstr(errors, fragment))
		print_error("wanted: %s\ngot: %s", fragment, errors);
	assert_non_null(strstr(errors, fragment));
	free(errors);
}

static inline int count_lines(const char *text)
{
	int count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}
