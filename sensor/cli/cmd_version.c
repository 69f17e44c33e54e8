// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura version [--build].
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/build_config.h"
#include "cli/commands.h"

static const char help_en[] = "Usage: yagura version [--build]\n"
			      "\n"
			      "Prints the version; with --build also the compiler, the libraries and the\n"
			      "folders it was built with.\n";

static const char help_ja[] = "使い方: yagura version [--build]\n"
			      "\n"
			      "バージョンを表示します。--build を付けると、ビルドに使用したコンパイラー、\n"
			      "ライブラリー、各フォルダーも表示します。\n";

int cmd_version(int argc, char **argv)
{
	bool build = argc == 2 && strcmp(argv[1], "--build") == 0;
	if (argc > 1 && !build) {
		bool help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
		fputs(yg_language_japanese() ? help_ja : help_en, help ? stdout : stderr);
		return help ? EX_OK : EX_USAGE;
	}
	printf("yagura %s\n", YG_VERSION);
	if (!build)
		return EX_OK;
	printf("compiler   %s\nbuild      %s\nsanitizers %s\nplugin ABI %d.%d\nnDPI       %s\nhiredis    %s\nlibyaml    %s\n", __VERSION__,
	       YG_BUILD_TYPE, YG_SANITIZE, YG_PLUGIN_ABI_MAJOR, YG_PLUGIN_ABI_MINOR, YG_NDPI_VERSION, YG_HIREDIS_VERSION, YG_YAML_VERSION);
	printf("libexec    %s\nplugins    %s\nconfig     %s\n", YG_LIBEXEC_DIR, YG_PLUGIN_DIR, YG_CONFIG_DIR);
	return EX_OK;
}
