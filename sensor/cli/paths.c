// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Where helpers, plugins and the default configuration are. A build tree is known by the helper that lies beside the program.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/build_config.h"
#include "cli/commands.h"

static bool in_build_tree(const char *folder)
{
	char probe[4200];
	snprintf(probe, sizeof probe, "%s/yagura-engine", folder);
	return access(probe, X_OK) == 0;
}

int yg_paths_find(struct yg_paths *ret_paths)
{
	char self[4000];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return -errno;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (in_build_tree(self)) {
		snprintf(ret_paths->libexec, sizeof ret_paths->libexec, "%s", self);
		snprintf(ret_paths->plugins, sizeof ret_paths->plugins, "%s/plugins", self);
		snprintf(ret_paths->config, sizeof ret_paths->config, "%s/yagura.yaml", self);
	} else {
		snprintf(ret_paths->libexec, sizeof ret_paths->libexec, "%s", YG_LIBEXEC_DIR);
		snprintf(ret_paths->plugins, sizeof ret_paths->plugins, "%s", YG_PLUGIN_DIR);
		snprintf(ret_paths->config, sizeof ret_paths->config, "%s/yagura.yaml", YG_CONFIG_DIR);
	}
	if (access(ret_paths->config, R_OK) < 0)
		ret_paths->config[0] = '\0';
	return 0;
}

bool yg_language_japanese(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
		const char *value = getenv(variables[i]);
		if (value && value[0])
			return strncmp(value, "ja", 2) == 0;
	}
	return false;
}
