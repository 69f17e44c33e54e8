// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Machines that are not ours: a folder laid out from tests/golden/doctor/<machine>.tree, for the tests of the doctor and of the
// start-up report. Lines of a .tree: `path = text` (\n and \t are those; a newline is added), `path -> target`, `path/`,
// `path mode 0444`.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int new_root(void **state)
{
	(void)state;
	snprintf(root, sizeof root, "/tmp/yagura-doctor-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// The path below the root, with its folders made and nothing at its place.
static char *place(const char *path)
{
	static char full[1024];
	snprintf(full, sizeof full, "%s/%s", root, path);
	for (char *c = full + strlen(root) + 1; (c = strchr(c, '/')); c++) {
		*c = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*c = '/';
	}
	if (full[strlen(full) - 1] != '/')
		unlink(full);
	return full;
}

static void put_bytes(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(place(path), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

static void put_escaped(const char *path, const char *text)
{
	char bytes[4096];
	size_t n = 0;
	for (; *text && n < sizeof bytes - 2; text++) {
		bool escape = text[0] == '\\' && (text[1] == 'n' || text[1] == 't');
		bytes[n++] = !escape ? *text : text[1] == 'n' ? '\n' : '\t';
		text += escape;
	}
	bytes[n++] = '\n';
	put_bytes(path, bytes, n);
}

static void lay_out(const char *machine)
{
	char path[512], line[4096];
	snprintf(path, sizeof path, "%s/tests/golden/doctor/%s.tree", YG_SOURCE_ROOT, machine);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		char *sign;
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if ((sign = strstr(line, " = "))) {
			*sign = '\0';
			put_escaped(line, sign + 3);
		} else if ((sign = strstr(line, " -> "))) {
			*sign = '\0';
			assert_int_equal(symlink(sign + 4, place(line)), 0);
		} else if ((sign = strstr(line, " mode "))) {
			*sign = '\0';
			snprintf(path, sizeof path, "%s/%s", root, line);
			assert_int_equal(chmod(path, (mode_t)strtoul(sign + 6, NULL, 8)), 0);
		} else {
			assert_int_equal(line[strlen(line) - 1], '/');
			place(line);
		}
	}
	fclose(file);
}

// Compares a text with tests/golden/doctor/<machine>.<form>; YG_UPDATE_GOLDEN=1 writes it: then read the difference.
static void compare_golden(const char *machine, const char *form, const char *text)
{
	static char golden[64 * 1024];
	char path[512];
	snprintf(path, sizeof path, "%s/tests/golden/doctor/%s.%s", YG_SOURCE_ROOT, machine, form);
	if (getenv("YG_UPDATE_GOLDEN")) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(golden, 1, sizeof golden - 1, file);
	golden[n] = '\0';
	fclose(file);
	assert_string_equal(text, golden);
}
