// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura explain: becomes the helper yagura-explain, which may talk to Redis; this program does not. Only where nothing names the place of
// the alerts, or a configuration is named, that is read, for eve.file and the language: one that is broken hinders nobody who asks a file.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"

static const char help_en[] = "Usage: yagura explain [OPTION]… ALERT\n"
			      "\n"
			      "Says why an alert was raised, with its numbers and a chart of its course, and\n"
			      "what to check next. ALERT is its id (alert.context.id) or the first characters\n"
			      "of it; of several lines the newest counts.\n"
			      "\n"
			      "      --eve FILE     read this EVE file, - is standard input; may be repeated\n"
			      "                     (default: eve.file of the configuration)\n"
			      "      --redis URL    read the streams of this Redis, as yagura tail does\n"
			      "      --sensor NAME  with --redis: only of this sensor; may be repeated\n"
			      "  -c, --config FILE  configuration (default: the installed one)\n"
			      "  -h, --help         this text\n"
			      "\n"
			      "Exit status: 0 fine, 1 no such alert, 2 several begin so (they are listed),\n"
			      "64 wrong usage, 66 no such file, 69 no Redis, 71 the helper cannot start,\n"
			      "74 no output, 78 bad configuration, 130 interrupted.\n";

static const char help_ja[] = "使い方: yagura explain [オプション]… ALERT\n"
			      "\n"
			      "アラートの根拠を、数値と推移のグラフを添えて説明し、次に確認すべきことを\n"
			      "示します。\n"
			      "ALERTにはアラートのID（alert.context.id）またはその先頭の文字を指定します。\n"
			      "同じアラートの行が複数あるときは、最新の行を使います。\n"
			      "\n"
			      "      --eve FILE     EVEファイルを読みます。- は標準入力。複数指定できます\n"
			      "                     （省略時は設定のeve.file）\n"
			      "      --redis URL    yagura tailと同じように、Redisのストリームを読みます\n"
			      "      --sensor NAME  --redis のとき、このセンサーだけを読みます（複数指定可）\n"
			      "  -c, --config FILE  設定ファイル（省略時はインストール済みの設定）\n"
			      "  -h, --help         この説明を表示します\n"
			      "\n"
			      "終了コード: 0 正常、1 該当するアラートがない、2 該当が複数ある（一覧を表示）、\n"
			      "64 使い方の誤り、66 ファイルがない、69 Redisに接続できない、71 起動できない、\n"
			      "74 出力できない、78 設定の誤り、130 中断\n";

static bool is_option(const char *word, const char *name)
{
	size_t n = strlen(name);
	return strncmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

// eve.file of the configuration; its language becomes that of this process. False: it has errors (said).
static bool look_at_config(const char *path, const struct yg_paths *paths, char eve[4100])
{
	static struct yg_arguments arguments;
	struct yg_config config;
	arguments.config = path;
	int fd = yg_arguments_compile(&arguments, paths);
	if (fd < 0)
		return false;
	int error = yg_config_open(fd, &config);
	close(fd);
	if (error)
		return false;
	snprintf(eve, 4100, "%s", yg_config_string(&config, YG_O_EVE_FILE));
	yg_arguments_language(&config);
	yg_config_close(&config);
	return true;
}

int cmd_explain(int argc, char **argv)
{
	struct yg_paths paths;
	char path[4200], eve[4100] = "";
	const char *config = NULL;
	bool named = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(yg_language_japanese() ? help_ja : help_en, stdout);
			return EX_OK;
		}
		named |= is_option(argv[i], "--eve") || is_option(argv[i], "--redis");
		if (strncmp(argv[i], "--config=", 9) == 0)
			config = argv[i] + 9;
		else if ((strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0) && i + 1 < argc)
			config = argv[++i];
	}
	char **words = calloc((size_t)argc + 3, sizeof *words);
	if (!words || yg_paths_find(&paths) < 0)
		return EX_OSERR;
	if ((!named || config) && !look_at_config(config, &paths, eve))
		return EX_CONFIG;
	words[0] = "yagura-explain";
	words[1] = yg_language_japanese() ? "ja" : "en";
	words[2] = eve;
	for (int i = 1; i < argc; i++)
		words[i + 2] = argv[i];
	snprintf(path, sizeof path, "%s/yagura-explain", paths.libexec);
	execv(path, words);
	fprintf(stderr, "yagura: %s: %s\n", path, strerror(errno));
	return EX_OSERR;
}
