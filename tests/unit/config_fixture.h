// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A folder for configuration files, a plugin with an option of every type, and a compilation whose error lines are
// kept. For the unit tests and fuzz targets of config/ alone.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/compile.h"
#include "config/config.h"

static const struct yg_option fixture_options[] = {
    {"rate", YG_OPT_INT, "packets/s", 0, 1e9, "20000", NULL, "A rate.", "速度。"},
    {"deep.bits", YG_OPT_BPS, "bit/s", 0, 4e11, "1G", NULL, "A bit rate.", "帯域。"},
    {"deep.share", YG_OPT_FLOAT, NULL, 0, 1, "0.25", NULL, "A share.", "割合。"},
    {"deep.words", YG_OPT_STRING, NULL, 0, 31, "a \"b\" \\c", NULL, "A text.", "文字列。"},
    {"hold", YG_OPT_DURATION, "s", 0.1, 3600, "1500ms", NULL, "A time.", "時間。"},
    {"memory", YG_OPT_BYTES, "bytes", 0, 1 << 30, "4KiB", NULL, "Memory.", "メモリー。"},
    {"mode", YG_OPT_ENUM, NULL, 0, 0, "shadow", "alert|shadow", "A mode.", "モード。"},
    {"quiet", YG_OPT_BOOL, NULL, 0, 0, "false", NULL, "A switch.", "スイッチ。"},
};
enum { FIXTURE_OPTIONS = sizeof fixture_options / sizeof fixture_options[0] };

static const struct yg_plugin fixture_plugin = {
    YG_PLUGIN_HEADER,
    .name = "test",
    .summary_en = "A plugin for tests.",
    .summary_ja = "試験用。",
    .options = fixture_options,
    .options_count = FIXTURE_OPTIONS,
};

static const struct yg_found_plugin fixture_found[] = {{"test", "/nowhere/test.so", &fixture_plugin}};

static inline void fixture_write(const char *folder, const char *name, const char *text, size_t length)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length || fchmod(fd, 0644) < 0)
		abort();
	close(fd);
}

// The number of errors; the lines in *ret_text (free it) and, without errors, the block in *ret_fd.
static inline int fixture_compile_input(const struct yg_compile_input *input, char **ret_text, int *ret_fd)
{
	size_t size;
	FILE *errors = open_memstream(ret_text, &size);
	*ret_fd = memfd_create("test-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (!errors || *ret_fd < 0)
		abort();
	int count = yg_compile(input, *ret_fd, errors);
	fclose(errors);
	if (count) {
		close(*ret_fd);
		*ret_fd = -1;
	}
	return count;
}

static inline int fixture_compile(const char *path, char **ret_text, int *ret_fd)
{
	const struct yg_compile_input input = {.path = path, .plugins = fixture_found, .plugins_count = 1};
	return fixture_compile_input(&input, ret_text, ret_fd);
}

// A sealed memfd with these bytes.
static inline int fixture_block(const void *bytes, size_t size)
{
	int fd = memfd_create("test-block", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || (size && write(fd, bytes, size) != (ssize_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		abort();
	return fd;
}
