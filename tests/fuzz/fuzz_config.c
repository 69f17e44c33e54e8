// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Any bytes as a configuration with up to three organisation files (`#### ` begins the next one). Seeds: configs/*.yaml
// and tests/unit/bad-config/. Oracle: what is accepted opens, and compiles a second time to the same block; what is
// refused says so in printable text, a line an error at most.
#include <stdlib.h>

#include "../unit/config_fixture.h"
#include "config/report.h"

static char folder[64];
static char config_path[128];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_folder(void)
{
	static const char *const names[] = {"config.yaml", "a.yaml", "b.yaml", "c.yaml"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(folder, sizeof folder, "/tmp/yagura-fuzz-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(config_path, sizeof config_path, "%s/config.yaml", folder);
	atexit(remove_folder);
	return 0;
}

static void write_parts(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"config.yaml", "a.yaml", "b.yaml", "c.yaml"};
	const char *rest = (const char *)data, *end = rest + size;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *mark = rest < end ? memmem(rest, (size_t)(end - rest), "#### ", 5) : NULL;
		fixture_write(folder, names[i], rest, (size_t)((mark ? mark : end) - rest));
		const char *line = mark ? memchr(mark, '\n', (size_t)(end - mark)) : NULL;
		rest = line ? line + 1 : end;
	}
}

static void check_lines(const char *text, int errors)
{
	int lines = 0;
	for (const char *end; *text; text = end + 1, lines++) {
		end = strchr(text, '\n');
		if (!end || !yg_text_clean(text, (size_t)(end - text)))
			abort();
	}
	if (lines < (errors < YG_REPORT_MAX ? errors : YG_REPORT_MAX))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_config first, second;
	char *text;
	int fd;
	write_parts(data, size);
	int errors = fixture_compile(config_path, &text, &fd);
	check_lines(text, errors);
	free(text);
	if (errors)
		return 0;
	if (yg_config_open(fd, &first))
		abort();
	close(fd);
	if (fixture_compile(config_path, &text, &fd) || yg_config_open(fd, &second))
		abort();
	free(text);
	close(fd);
	if (first.size != second.size || memcmp(first.block, second.block, first.size) != 0)
		abort();
	yg_config_close(&first);
	yg_config_close(&second);
	return 0;
}
