// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// YAML in, compiled block out. Runs in a child process that exits afterwards; the only user of libyaml.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "yagura/plugin.h"

// A plugin that was found, with its option table (loaded by the caller; see cli/plugins.h).
struct yg_found_plugin {
	char name[32];
	char path[256];
	const struct yg_plugin *plugin;
};

// The busiest hosts of a body, as learned: of packets, bits and new flows a second towards one host the highest 95th percentile, and whose.
enum { YG_USUAL_COUNT = 3 };
struct yg_usual {
	char code[16]; // of the body
	double most[YG_USUAL_COUNT];
	struct yg_addr host[YG_USUAL_COUNT];
	uint8_t af[YG_USUAL_COUNT];
};

struct yg_compile_input {
	const char *path;                 // configuration file; NULL: defaults alone
	const char *const *home;          // --home prefixes, as text
	size_t home_count;
	// key=value pairs from the command line ("redis.url", "unix:///…"), applied over the file
	const char *const (*overrides)[2];
	size_t overrides_count;
	const struct yg_found_plugin *plugins;
	size_t plugins_count;
	const struct yg_usual *usual;     // yagura check, once more: thresholds are held against it, warnings were told the first time
	size_t usual_count;
	int64_t now_s;                    // of who asks to be told what has expired and what is nobody's; 0: nobody. No part of the block
	bool without_plugins;             // `plugins` of the file is not looked at: who wants the organisations alone has none at hand
	bool trusted_only;                // refuse files that others could write (yagura run); a replay warns instead
};

// Compiles and writes the block into `fd` (a memfd, which is then sealed). Every error is printed to `errors` as
// `file:line:col: key: problem; how to mend`. Returns the number of errors, 0 when the block was written.
int yg_compile(const struct yg_compile_input *input, int fd, FILE *errors);

// What `yagura config …` prints, from the option tables alone.
int yg_compile_dump_default(const struct yg_compile_input *input, FILE *out);
int yg_compile_schema(const struct yg_compile_input *input, FILE *out);
int yg_compile_reference(const struct yg_compile_input *input, FILE *out); // Markdown
