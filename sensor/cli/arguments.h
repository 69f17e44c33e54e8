// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What `yagura replay` and `yagura run` have in common on their command lines: the configuration and what overrides it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "cli/commands.h"
#include "cli/supervisor.h"

enum { YG_HOME_MAX = 1024, YG_OVERRIDES_MAX = 64 };

struct yg_arguments {
	const char *config;
	const char *home[YG_HOME_MAX];
	size_t home_count;
	const char *overrides[YG_OVERRIDES_MAX][2];
	size_t overrides_count;
	unsigned workers; // 0: as configured
	bool json;
};

// The options both know; the letters that yg_arguments_parse takes stand beside them.
#define YG_ARGUMENTS_OPTIONS                                                                                                       \
	{"config", required_argument, NULL, 'c'}, {"home", required_argument, NULL, 'H'}, {"eve", required_argument, NULL, 'e'},  \
	{"redis", required_argument, NULL, 'r'}, {"workers", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'},    \
	{"set", required_argument, NULL, 's'}, {"quarantine", required_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}

// One option of those above. False when it is none of them or its value is wrong (said then). `value` is kept and written to.
bool yg_arguments_parse(struct yg_arguments *a, int option, char *value);

bool yg_arguments_override(struct yg_arguments *a, const char *key, const char *value);
bool yg_arguments_has(const struct yg_arguments *a, const char *key); // whether that was called for the key

// The compiled configuration as a sealed memfd, or -1 when it had errors (said).
int yg_arguments_compile(const struct yg_arguments *a, const struct yg_paths *paths);

// Messages of this process in the language that the configuration names; that goes before the locale.
void yg_arguments_language(const struct yg_config *config);
