// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura config`: prints what can be configured, from the option tables of the core and of every plugin found.
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"

static const char help_en[] = "Usage: yagura config dump-default | schema | reference\n"
                              "\n"
                              "  dump-default  a whole configuration file, every option at its default\n"
                              "  schema        JSON Schema 2020-12 of the configuration file; that of an\n"
                              "                organisation file is its $defs/organisation\n"
                              "  reference     the reference page, in Markdown\n"
                              "\n"
                              "Plugins' options are those of the plugins found; see `yagura plugins`.\n"
                              "\n"
                              "Exit status: 0 fine, 64 wrong usage, 74 the output could not be written.\n";

static const char help_ja[] = "使い方: yagura config dump-default | schema | reference\n"
                              "\n"
                              "  dump-default  全項目を既定値で記した設定ファイルを出力します\n"
                              "  schema        設定ファイルのJSON Schema（2020-12）を出力します。団体ファイル\n"
                              "                のスキーマは、その $defs/organisation です\n"
                              "  reference     設定項目の説明をMarkdownで出力します\n"
                              "\n"
                              "プラグインの項目は、見つかったプラグインについて出力します\n"
                              "（yagura plugins で確認できます）。\n"
                              "\n"
                              "終了コード: 0 正常、64 使い方の誤り、74 出力を書き込めない\n";

static const struct {
	const char *name;
	int (*print)(const struct yg_compile_input *input, FILE *out);
} parts[] = {
    {"dump-default", yg_compile_dump_default},
    {"schema", yg_compile_schema},
    {"reference", yg_compile_reference},
};

int cmd_config(int argc, char **argv)
{
	static struct yg_found_plugin plugins[YG_CONFIG_PLUGINS_MAX];
	struct yg_paths paths;
	const char *help = yg_language_japanese() ? help_ja : help_en;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return EX_OK;
	}
	for (size_t i = 0; argc == 2 && i < sizeof parts / sizeof parts[0]; i++) {
		if (strcmp(argv[1], parts[i].name) != 0)
			continue;
		if (yg_paths_find(&paths) < 0)
			return EX_SOFTWARE;
		int found = yg_plugins_find(&paths, plugins, YG_CONFIG_PLUGINS_MAX);
		const struct yg_compile_input input = {.plugins = plugins,
		                                       .plugins_count = found > 0 ? (size_t)found : 0};
		return parts[i].print(&input, stdout) == 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	fputs(help, stderr);
	return EX_USAGE;
}
