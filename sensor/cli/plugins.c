// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Finds the detectors: every <name>.so in the plugin folder, or <name>/<name>.so in a build tree, in order of name.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "model/abi.h"

static int plugin_path(const char *folder, const char *entry, char *path, size_t size)
{
	size_t length = strlen(entry);
	if (length > 3 && strcmp(entry + length - 3, ".so") == 0)
		return snprintf(path, size, "%s/%s", folder, entry);
	return snprintf(path, size, "%s/%s/%s.so", folder, entry, entry);
}

static bool load(const char *path, struct yg_found_plugin *ret)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct yg_plugin *p = object ? dlsym(object, YG_PLUGIN_SYMBOL) : NULL;
	char why[YG_ABI_WHY_MAX];
	if (!object)
		yg_warn("%s", dlerror());
	else if (!p || p->magic != YG_PLUGIN_MAGIC)
		yg_warn("%s: no Yagura plugin, left out", path);
	else if (!yg_abi_accepts(p, why))
		yg_warn("%s: %s; left out", path, why);
	else if (strlen(p->name) >= sizeof ret->name || strlen(path) >= sizeof ret->path)
		yg_warn("%s: name or path too long, left out", path);
	else {
		snprintf(ret->name, sizeof ret->name, "%s", p->name);
		snprintf(ret->path, sizeof ret->path, "%s", path);
		ret->plugin = p;
		return true;
	}
	if (object)
		dlclose(object);
	return false;
}

// By bytes, whatever the locale: the order is part of the compiled configuration.
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int yg_plugins_find(const struct yg_paths *paths, struct yg_found_plugin *ret_plugins, size_t size)
{
	struct dirent **entries;
	size_t found = 0;
	int n = scandir(paths->plugins, &entries, NULL, by_name);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		char path[4600];
		if (entries[i]->d_name[0] != '.' && found < size) {
			plugin_path(paths->plugins, entries[i]->d_name, path, sizeof path);
			if (access(path, R_OK) == 0 && load(path, &ret_plugins[found]))
				found++;
		}
		free(entries[i]);
	}
	free(entries);
	return (int)found;
}
