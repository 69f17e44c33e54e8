// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura tail: becomes the helper yagura-tail, which links hiredis; this program does not. Its options are read there.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/commands.h"

static const char help_en[] = "Usage: yagura tail [OPTION]…\n"
			      "\n"
			      "Follows the alerts that sensors have written to Redis. Sensors that show the same\n"
			      "alert share a line. A number that is missing in a sensor's sequence is said on\n"
			      "standard error.\n"
			      "\n"
			      "      --url URL      Redis (default redis://127.0.0.1:6379):\n"
			      "                     redis://[user:password@]host:port[/db],\n"
			      "                     unix://[user:password@]/path or\n"
			      "                     sentinel://[user:password@]host:port,…/name[/db]\n"
			      "      --sensor NAME  this one; once for each (default: all that there are)\n"
			      "  -n N               begin with the last N of each sensor (default 10)\n"
			      "      --from ID      begin at this id, as 3-1200; 0: at the first that is there\n"
			      "      --since TIME   only from then on: 30m, 2h, 1d ago, or 2026-11-21T16:04\n"
			      "      --once         end when everything has been read\n"
			      "      --json         the EVE lines\n"
			      "  -h, --help         this text\n"
			      "\n"
			      "Exit status: 0 fine, 64 wrong usage, 65 with --once: alerts are missing,\n"
			      "69 with --once: no Redis, 71 the helper cannot start, 74 no output.\n";

static const char help_ja[] = "使い方: yagura tail [オプション]…\n"
			      "\n"
			      "センサーがRedisに書いたアラートを追って表示します。複数のセンサーが同じアラートを\n"
			      "出したときは1行にまとめます。センサーの連番に欠けがあれば標準エラー出力に示します。\n"
			      "\n"
			      "      --url URL      Redisの接続先（省略時 redis://127.0.0.1:6379）:\n"
			      "                     redis://[user:password@]host:port[/db]、\n"
			      "                     unix://[user:password@]/path または\n"
			      "                     sentinel://[user:password@]host:port,…/name[/db]\n"
			      "      --sensor NAME  対象のセンサー（複数指定可。省略時はすべて）\n"
			      "  -n N               各センサーの最後のN件から始めます（省略時10）\n"
			      "      --from ID      このIDから始めます（例 3-1200）。0なら残っている先頭から\n"
			      "      --since TIME   この時刻以降だけ: 30m、2h、1d（前）または 2026-11-21T16:04\n"
			      "      --once         すべて読み終えたら終了します\n"
			      "      --json         EVEの行をそのまま出力します\n"
			      "  -h, --help         この説明を表示します\n"
			      "\n"
			      "終了コード: 0 正常、64 使い方の誤り、65 --once で欠落があった、\n"
			      "69 --once でRedisに接続できない、71 起動できない、74 出力できない\n";

int cmd_tail(int argc, char **argv)
{
	struct yg_paths paths;
	char path[4200];
	bool ja = yg_language_japanese();
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(ja ? help_ja : help_en, stdout);
			return EX_OK;
		}
	char **words = calloc((size_t)argc + 2, sizeof *words);
	if (!words || yg_paths_find(&paths) < 0)
		return EX_OSERR;
	words[0] = "yagura-tail";
	words[1] = ja ? "ja" : "en";
	for (int i = 1; i < argc; i++)
		words[i + 1] = argv[i];
	snprintf(path, sizeof path, "%s/yagura-tail", paths.libexec);
	execv(path, words);
	fprintf(stderr, "yagura: %s: %s\n", path, strerror(errno));
	return EX_OSERR;
}
