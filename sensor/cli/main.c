// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura: finds the subcommand and runs it.
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/metrics_watch.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help_en, *help_ja;
} commands[] = {
	{"replay", cmd_replay, "read capture files; classified flows and explained alerts out", "パケットファイルを解析し、フローとアラートを出力"},
	{"run", cmd_run, "watch ports; until SIGTERM, in the foreground or as a service", "ポートを監視（フォアグラウンドまたはサービスとして）"},
	{"stats", cmd_stats, "what a running sensor counts, live", "稼働中のセンサーの状況を表示"},
	{"reload", cmd_reload, "a running sensor reads its configuration anew", "稼働中のセンサーに設定を読み直させる"},
	{"check", cmd_check, "check a configuration", "設定を検査"},
	{"config", cmd_config, "dump-default, schema or reference of the configuration", "設定の既定値・スキーマ・説明を表示"},
	{"plugins", cmd_plugins, "list the detectors", "検知プラグインの一覧"},
	{"doctor", cmd_doctor, "is this machine fit for live capture? changes nothing", "この機器で受信できるかを診断（何も変更しない）"},
	{"spool", cmd_spool, "look into the spool on disk: list, print, verify, count", "ディスク上のスプールの一覧・出力・検査・集計"},
	{"tail", cmd_tail, "follow the alerts of one or all sensors in Redis", "Redis上のアラートを追跡表示（全センサーまたは指定分）"},
	{"explain", cmd_explain, "why an alert was raised, and what to look at next", "アラートの根拠と、次に確認すべきことを表示"},
	{"eval", cmd_eval, "replay labelled captures: what is found, missed, and unasked for", "ラベル付きパケットファイルで検知率と誤検知を評価"},
	{"version", cmd_version, "version, with --build how it was built", "バージョン（--build で構成も表示）"},
};

static void help(FILE *out)
{
	bool ja = yg_language_japanese();
	fprintf(out, "%s yagura COMMAND [OPTION]…\n\n", ja ? "使い方:" : "Usage:");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, ja ? commands[i].help_ja : commands[i].help_en);
	fprintf(out, "\n%s\n", ja ? "各コマンドの説明: yagura COMMAND --help" : "More: yagura COMMAND --help");
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	yg_log_init("yagura", YG_LOG_INFO);
	if (argc < 2) {
		help(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		help(stdout);
		return EX_OK;
	}
	if (argc == 2 && strcmp(argv[1], YG_METRICS_SERVER) == 0)
		return yg_metrics_server_main();
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(1, argv + 1);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "yagura: no command '%s'\n\n", argv[1]);
	help(stderr);
	return EX_USAGE;
}
