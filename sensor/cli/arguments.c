// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See arguments.h.
#include "cli/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

bool yg_arguments_has(const struct yg_arguments *a, const char *key)
{
	for (size_t i = 0; i < a->overrides_count; i++)
		if (strcmp(a->overrides[i][0], key) == 0)
			return true;
	return false;
}

bool yg_arguments_override(struct yg_arguments *a, const char *key, const char *value)
{
	if (a->overrides_count == YG_OVERRIDES_MAX) {
		fprintf(stderr, "yagura: more than %d options to override\n", YG_OVERRIDES_MAX);
		return false;
	}
	a->overrides[a->overrides_count][0] = key;
	a->overrides[a->overrides_count++][1] = value;
	return true;
}

static bool set_option(struct yg_arguments *a, char *text)
{
	char *equals = strchr(text, '=');
	if (!equals) {
		fprintf(stderr, "yagura: --set %s: KEY=VALUE is wanted\n", text);
		return false;
	}
	*equals = '\0';
	return yg_arguments_override(a, text, equals + 1);
}

static bool add_home(struct yg_arguments *a, char *list)
{
	for (char *save, *p = strtok_r(list, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		if (a->home_count == YG_HOME_MAX) {
			fprintf(stderr, "yagura: --home: more than %d prefixes\n", YG_HOME_MAX);
			return false;
		}
		a->home[a->home_count++] = p;
	}
	return true;
}

static bool set_workers(struct yg_arguments *a, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || n < 1 || n > YG_WORKERS_MAX) {
		fprintf(stderr, "yagura: --workers %s: a number from 1 to %d is wanted\n", text, YG_WORKERS_MAX);
		return false;
	}
	a->workers = (unsigned)n;
	return true;
}

bool yg_arguments_parse(struct yg_arguments *a, int option, char *value)
{
	switch (option) {
	case 'c':
		a->config = value;
		return true;
	case 'H':
		return add_home(a, value);
	case 'e':
		return yg_arguments_override(a, "eve.file", value);
	case 'r':
		return yg_arguments_override(a, "redis.url", value);
	case 'q':
		return yg_arguments_override(a, "quarantine.directory", value);
	case 's':
		return set_option(a, value);
	case 'w':
		return set_workers(a, value);
	case 'j':
		a->json = true;
		return true;
	default:
		return false;
	}
}

int yg_arguments_compile(const struct yg_arguments *a, const struct yg_paths *paths)
{
	static struct yg_found_plugin plugins[YG_CONFIG_PLUGINS_MAX];
	int found = yg_plugins_find(paths, plugins, YG_CONFIG_PLUGINS_MAX);
	if (found < 0)
		yg_warn("%s: %s", paths->plugins, strerror(-found));
	struct yg_compile_input input = {
		.path = a->config ? a->config : paths->config[0] ? paths->config : NULL,
		.home = a->home,
		.home_count = a->home_count,
		.overrides = a->overrides,
		.overrides_count = a->overrides_count,
		.plugins = plugins,
		.plugins_count = found > 0 ? (size_t)found : 0,
	};
	return yg_compile_in_child(&input);
}

void yg_arguments_language(const struct yg_config *config)
{
	static const char *const locales[] = {NULL, "ja_JP.UTF-8", "C.UTF-8"}; // auto, ja, en
	int64_t choice = yg_config_int(config, YG_O_SENSOR_LANGUAGE);
	if (locales[choice])
		setenv("LC_ALL", locales[choice], 1);
}
