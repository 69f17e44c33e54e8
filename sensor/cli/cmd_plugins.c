// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura plugins: the detectors that are there, with their options.
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/commands.h"
#include "config/config.h"

static const char help_en[] = "Usage: yagura plugins [--options]\n"
			      "\n"
			      "Lists the detectors with version and what they find; with --options also\n"
			      "each option, its default and what it means.\n";

static const char help_ja[] = "使い方: yagura plugins [--options]\n"
			      "\n"
			      "検知プラグインの名前、バージョン、検知する内容を一覧表示します。--options を\n"
			      "付けると、各設定項目の既定値と意味も表示します。\n";

static void print_plugin(const struct yg_found_plugin *found, bool options)
{
	const struct yg_plugin *p = found->plugin;
	bool ja = yg_language_japanese();
	printf("%-10s %-8s %s\n", p->name, p->version, ja ? p->summary_ja : p->summary_en);
	for (uint32_t i = 0; options && i < p->options_count; i++) {
		const struct yg_option *o = &p->options[i];
		printf("  plugins.%s.%s = %s%s%s\n      %s\n", p->name, o->path, o->fallback, o->unit ? " " : "", o->unit ? o->unit : "",
		       ja ? o->help_ja : o->help_en);
	}
}

int cmd_plugins(int argc, char **argv)
{
	static struct yg_found_plugin found[YG_CONFIG_PLUGINS_MAX];
	struct yg_paths paths;
	bool options = argc == 2 && strcmp(argv[1], "--options") == 0;
	if (argc > 1 && !options) {
		bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
		fputs(yg_language_japanese() ? help_ja : help_en, help ? stdout : stderr);
		return help ? EX_OK : EX_USAGE;
	}
	int n = yg_paths_find(&paths);
	if (n == 0)
		n = yg_plugins_find(&paths, found, YG_CONFIG_PLUGINS_MAX);
	if (n < 0) {
		fprintf(stderr, "yagura: %s: %s\n", paths.plugins, strerror(-n));
		return EX_OSERR;
	}
	for (int i = 0; i < n; i++)
		print_plugin(&found[i], options);
	return EX_OK;
}
