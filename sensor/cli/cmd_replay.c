// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura replay: compiles the configuration in a child, starts the processes, shows progress, prints the summary.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "cli/snapshot.h"
#include "cli/supervisor.h"
#include "model/flow.h"

enum { EXIT_ALERTS = 10 };

struct arguments {
	struct yg_arguments common;
	int fail_on; // severity, -1
	enum yg_progress_mode progress;
};

static const char usage_en[] =
	"Usage: yagura replay [OPTION]… FILE…\n"
	"\n"
	"Reads capture files (pcap, pcapng, also .gz; - is standard input), in order of\n"
	"time, and says what was in them. Needs no privilege.\n"
	"\n"
	"  -c, --config FILE       configuration (default: the installed one)\n"
	"      --home PREFIX,…     internal address space, for this run alone; an\n"
	"                          address by itself is a host\n"
	"      --eve FILE          append flow records and alerts as EVE JSON lines\n"
	"      --redis URL         deliver alerts: redis://[user:password@]host:port[/db]\n"
	"                          unix://[user:password@]/path or\n"
	"                          sentinel://[user:password@]host:port,…/name[/db]\n"
	"      --workers N         worker threads, 1 to 16; the result is the same\n"
	"      --quarantine DIR    keep packets that killed a dissector there\n"
	"      --id-key-file FILE  key of the ids of alerts, such as a live sensor's;\n"
	"                          without it they are the same everywhere\n"
	"      --set KEY=VALUE     override one option of the configuration\n"
	"      --json              summary as JSON\n"
	"      --progress MODE     auto, plain or none\n"
	"      --fail-on SEVERITY  exit 10 when such an alert (info, low, medium, high,\n"
	"                          critical) or a worse one was raised\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 done, 10 --fail-on, 64 usage, 65 a file was cut or damaged,\n"
	"66 no such file or no capture, 69 alerts not delivered or EVE lines not written,\n"
	"70 internal, 71 a process could not start, 73 the EVE file cannot be created,\n"
	"78 bad configuration, 130 and 143 interrupted.\n";

static const char usage_ja[] =
	"使い方: yagura replay [オプション]… ファイル…\n"
	"\n"
	"パケットファイル（pcap、pcapng、.gz圧縮も可、- は標準入力）を時刻順に読み込み、\n"
	"解析結果の要約を表示します。管理者権限は必要ありません。\n"
	"\n"
	"  -c, --config FILE       設定ファイル（省略時はインストール済みの設定）\n"
	"      --home PREFIX,…     内部とみなすアドレス範囲（今回の実行にのみ有効です）。\n"
	"                          単独のアドレスはホスト1台として扱います\n"
	"      --eve FILE          フロー記録とアラートをEVE JSON形式でFILEに追記します\n"
	"      --redis URL         アラートの配送先:\n"
	"                          redis://[user:password@]host:port[/db]\n"
	"                          unix://[user:password@]/path または\n"
	"                          sentinel://[user:password@]host:port,…/name[/db]\n"
	"      --workers N         ワーカースレッド数（1～16）。結果は変わりません\n"
	"      --quarantine DIR    解析プロセスを停止させたパケットをDIRに保存します\n"
	"      --id-key-file FILE  アラートIDの鍵のファイル（稼働中のセンサーの鍵など）。\n"
	"                          省略時のIDはどこで再生しても同じです\n"
	"      --set KEY=VALUE     設定項目を1つ上書きします\n"
	"      --json              要約をJSONで出力します\n"
	"      --progress MODE     進捗の表示方法（auto、plain、none）\n"
	"      --fail-on SEVERITY  指定した重要度（info、low、medium、high、critical）\n"
	"                          以上のアラートがあれば、終了コード10で終了します\n"
	"  -h, --help              この説明を表示します\n"
	"\n"
	"終了コード: 0 正常終了、10 --fail-on に該当、64 使い方の誤り、65 ファイルの\n"
	"途中切れまたは破損、66 ファイルがない、またはパケットファイルではない、\n"
	"69 配送できないアラートまたは書き込めないEVE行があった、70 内部エラー、\n"
	"71 プロセスを起動できない、73 EVEファイルを作成できない、78 設定の誤り、\n"
	"130および143 中断\n";

// ---- arguments ----

static bool set_fail_on(struct arguments *a, const char *text)
{
	for (int i = 0; i < YG_SEV_COUNT; i++)
		if (strcmp(text, yg_severity_name((unsigned)i)) == 0)
			a->fail_on = i;
	if (a->fail_on < 0)
		fprintf(stderr, "yagura: --fail-on %s: info, low, medium, high or critical is wanted\n", text);
	return a->fail_on >= 0;
}

static bool set_progress(struct arguments *a, const char *text)
{
	static const char *const modes[] = {"auto", "plain", "none"};
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text, modes[i]) == 0) {
			a->progress = (enum yg_progress_mode)i;
			return true;
		}
	}
	fprintf(stderr, "yagura: --progress %s: auto, plain or none is wanted\n", text);
	return false;
}

static bool parse_one(struct arguments *a, int option, char *value)
{
	switch (option) {
	case 'p':
		return set_progress(a, value);
	case 'f':
		return set_fail_on(a, value);
	case 'k':
		return yg_arguments_override(&a->common, "alerts.id_key_file", value);
	default:
		return yg_arguments_parse(&a->common, option, value);
	}
}

// 0 to go on, else an exit status + 1.
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		YG_ARGUMENTS_OPTIONS,
		{"progress", required_argument, NULL, 'p'},
		{"fail-on", required_argument, NULL, 'f'},
		{"id-key-file", required_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? usage_ja : usage_en, stdout);
			return 1;
		}
		if (!parse_one(a, c, optarg)) {
			fputs("Try 'yagura replay --help'.\n", stderr);
			return EX_USAGE + 1;
		}
	}
	if (optind == argc) {
		fputs("yagura: replay: no file named\nTry 'yagura replay --help'.\n", stderr);
		return EX_USAGE + 1;
	}
	return 0;
}

// ---- running ----

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static int exit_status(const struct yg_supervisor *s, const struct arguments *a)
{
	int engine = s->status[YG_CHILD_ENGINE];
	struct yg_identity ids[YG_IDENTITIES];
	if (interrupted)
		return 128 + interrupted;
	if (s->failed)
		return s->failed;
	if (!s->ended[YG_CHILD_ENGINE] || WIFSIGNALED(engine))
		return EX_SOFTWARE;
	if (WEXITSTATUS(engine) != EX_OK)
		return WEXITSTATUS(engine);
	if (yg_summary_undelivered(s) || yg_counter_get(&s->courier->c[YG_CC_EVE_ERRORS]))
		return EX_UNAVAILABLE;
	if (yg_identities(s, ids))
		return EX_SOFTWARE;
	return a->fail_on >= 0 && yg_summary_severity(s) >= a->fail_on ? EXIT_ALERTS : EX_OK;
}

static void say_capture_errors(const struct yg_supervisor *s)
{
	char text[sizeof s->engine->capture_error];
	memcpy(text, s->engine->capture_error, sizeof text);
	text[sizeof text - 1] = '\0';
	if (text[0])
		fprintf(stderr, "yagura: %s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static int run(struct yg_supervisor *s, const struct arguments *a, char **files, int count)
{
	struct yg_progress progress;
	double started = yg_progress_clock();
	int error = yg_supervisor_start(s, files, count);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		yg_supervisor_stop(s);
		return s->failed ? s->failed : EX_OSERR;
	}
	yg_progress_init(&progress, a->progress);
	while (!interrupted && yg_supervisor_watch(s, 100))
		yg_progress_show(&progress, s);
	if (interrupted && !s->ended[YG_CHILD_ENGINE])
		kill(s->pids[YG_CHILD_ENGINE], SIGTERM);
	double seconds = yg_progress_clock() - started;
	yg_supervisor_stop(s);
	yg_snapshot_finish(s);
	yg_progress_finish(&progress);
	say_capture_errors(s);
	// A file that is no capture has been told by the engine; there is nothing to sum up.
	if (yg_counter_get(&s->engine->batch) && !interrupted) {
		if (a->common.json)
			yg_summary_json(s, seconds, stdout);
		else
			yg_summary_text(s, seconds, stdout);
	}
	return exit_status(s, a);
}

int cmd_replay(int argc, char **argv)
{
	struct arguments a = {.fail_on = -1};
	struct yg_paths paths;
	int status = parse(&a, argc, argv);
	if (status)
		return status - 1;
	if (!yg_arguments_has(&a.common, "spool.folder") && !yg_arguments_override(&a.common, "spool.folder", ""))
		return EX_USAGE; // the spool is that of the sensor that runs
	if (!yg_arguments_has(&a.common, "state.folder") && !yg_arguments_override(&a.common, "state.folder", ""))
		return EX_USAGE; // and so is what it has learned
	int error = yg_paths_find(&paths);
	int config = error ? -1 : yg_arguments_compile(&a.common, &paths);
	if (config < 0)
		return error ? EX_OSERR : EX_CONFIG;
	static struct yg_supervisor supervisor;
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	error = yg_supervisor_init(&supervisor, &paths, config, a.common.workers, false);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		return EX_OSERR;
	}
	yg_arguments_language(&supervisor.config);
	status = run(&supervisor, &a, argv + optind, argc - optind);
	yg_supervisor_finish(&supervisor);
	return status;
}
