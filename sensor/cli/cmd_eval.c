// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura eval: how much of what is known to be in captures is found, and what is said that is not in them.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/eval.h"

enum { EXIT_FELL_SHORT = 1 };

static const char help_en[] =
	"Usage: yagura eval [OPTION]… LABELS [DIR]\n"
	"\n"
	"Replays the captures that the file LABELS names and tells what was found, what\n"
	"was missed, and which alerts nobody asked for. LABELS has columns separated by\n"
	"tabs: path, verdict, kinds, source, target, home; - is standard input. The paths\n"
	"are within DIR; without it, beside LABELS, or in $YAGURA_CAPTURES when none is\n"
	"there.\n"
	"\n"
	"  -c, --config FILE    configuration (default: the installed one); alerts go to\n"
	"                       nobody, whatever it says\n"
	"      --set KEY=VALUE  override one option of the configuration\n"
	"      --filter KIND    only this kind or family (scan.port, dos.*); may be\n"
	"                       repeated\n"
	"  -j, --jobs N         captures at a time, 1 to 256 (default: one a CPU)\n"
	"      --json           all results as JSON\n"
	"  -h, --help           this text\n"
	"\n"
	"A file is found when an alert has one of its kinds and concerns its source or\n"
	"its target. Exit status: 0 all attacks found and nothing of medium severity or\n"
	"above that nobody asked for, 1 not so, 64 usage, 65 the labels have faults,\n"
	"66 no labels or a capture is missing, 70 a replay failed, 71 cannot run,\n"
	"74 no output, 78 bad configuration, 130 and 143 interrupted.\n";

static const char help_ja[] =
	"使い方: yagura eval [オプション]… LABELS [DIR]\n"
	"\n"
	"LABELSに書かれたパケットファイルをすべて再生し、検知できたもの、\n"
	"できなかったもの、想定外のアラートを表示します。LABELSはタブ区切りの表です\n"
	"（列: path、verdict、kinds、source、target、home。- は標準入力）。\n"
	"パケットファイルはDIRから読み込みます。省略時はLABELSと同じ場所、\n"
	"そこになければ $YAGURA_CAPTURES から読み込みます。\n"
	"\n"
	"  -c, --config FILE    設定ファイル（省略時はインストール済みの設定）。\n"
	"                       設定の内容にかかわらず、アラートは外部に送りません\n"
	"      --set KEY=VALUE  設定項目を1つ上書きします\n"
	"      --filter KIND    指定した種別だけを評価します（scan.port、dos.* など。\n"
	"                       複数指定可）\n"
	"  -j, --jobs N         同時に再生するファイル数（1～256。省略時はCPUの数）\n"
	"      --json           すべての結果をJSONで出力します\n"
	"  -h, --help           この説明を表示します\n"
	"\n"
	"種別が一致し、sourceまたはtargetに関するアラートが1件でもあれば、\n"
	"検知できたとみなします。\n"
	"終了コード: 0 攻撃をすべて検知し、重要度「中」以上の想定外のアラートもない、\n"
	"1 それ以外、64 使い方の誤り、65 LABELSの誤り、66 LABELSまたはパケットファイルが\n"
	"ない、70 再生の失敗、71 実行できない、74 出力できない、78 設定の誤り、\n"
	"130および143 中断\n";

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

// ---- arguments ----

static bool parse_one(struct yg_eval *e, int option, char *value)
{
	char *end;
	switch (option) {
	case 'c':
		e->config = value;
		return true;
	case 'J':
		return e->json = true;
	case 'f':
		if (e->filter.count < YG_EVAL_FILTERS && yg_eval_pattern(value)) {
			e->filter.patterns[e->filter.count++] = value;
			return true;
		}
		fprintf(stderr, "yagura: eval: --filter %s: a kind as scan.port or dos.* is wanted, at most %d\n", value, YG_EVAL_FILTERS);
		return false;
	case 's':
		if (e->settings_count < YG_EVAL_SETTINGS && strchr(value, '=')) {
			e->settings[e->settings_count++] = value;
			return true;
		}
		fprintf(stderr, "yagura: eval: --set %s: KEY=VALUE is wanted, at most %d\n", value, YG_EVAL_SETTINGS);
		return false;
	case 'j':
		e->jobs = (unsigned)strtoul(value, &end, 10);
		if (value[0] >= '1' && value[0] <= '9' && strlen(value) < 4 && !*end && e->jobs <= YG_EVAL_JOBS_MAX)
			return true;
		fprintf(stderr, "yagura: eval: -j %s: a number from 1 to %d is wanted\n", value, YG_EVAL_JOBS_MAX);
		return false;
	default:
		return false;
	}
}

// 0 to go on, else an exit status + 1.
static int parse(struct yg_eval *e, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'}, {"filter", required_argument, NULL, 'f'},
		{"jobs", required_argument, NULL, 'j'}, {"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
	};
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "c:j:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? help_ja : help_en, stdout);
			return EX_OK + 1;
		}
		good = parse_one(e, c, optarg);
	}
	if (good && (argc - optind < 1 || argc - optind > 2)) {
		fputs("yagura: eval: one file with labels is wanted, and at most one folder\n", stderr);
		good = false;
	}
	if (!good) {
		fputs("Try 'yagura eval --help'.\n", stderr);
		return EX_USAGE + 1;
	}
	e->labels_path = argv[optind];
	e->folder = argv[optind + 1]; // NULL where there is none
	return 0;
}

// ---- what is needed ----

// Whether any of the captures is below the folder.
static bool is_in(const char *folder, const struct yg_labels *labels)
{
	char path[8192];
	struct stat st;
	for (size_t i = 0; i < labels->count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, labels->at[i].path);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

// The folder of the captures, when none was named: beside the labels, or where the environment says.
static void find_folder(struct yg_eval *e, char room[4096])
{
	const char *named = getenv("YAGURA_CAPTURES"), *slash = strrchr(e->labels_path, '/');
	snprintf(room, 4096, "%.*s", slash ? (int)(slash - e->labels_path) : 1, slash ? e->labels_path : ".");
	if (slash == e->labels_path)
		snprintf(room, 4096, "/");
	e->folder = named && named[0] && !is_in(room, &e->labels) ? named : room;
}

static int load(struct yg_eval *e)
{
	int error = yg_labels_load(&e->labels, e->labels_path, stderr);
	if (!error)
		return EX_OK;
	if (e->labels.faults)
		return EX_DATAERR;
	fprintf(stderr, "yagura: eval: %s: %s\n", e->labels_path, strerror(-error));
	return error == -EFBIG ? EX_DATAERR : error == -ENOMEM ? EX_OSERR : EX_NOINPUT;
}

// The configuration is looked at once before a hundred replays stumble over it, and names the language.
static int look_at_config(const struct yg_eval *e)
{
	static struct yg_arguments arguments;
	static char settings[YG_EVAL_SETTINGS][1024];
	struct yg_paths paths;
	struct yg_config config;
	if (yg_paths_find(&paths) < 0)
		return EX_OSERR;
	arguments.config = e->config;
	for (unsigned i = 0; i < e->settings_count; i++) {
		snprintf(settings[i], sizeof settings[i], "%s", e->settings[i]);
		char *equals = strchr(settings[i], '=');
		if (!equals) {
			fprintf(stderr, "yagura: eval: --set %.40s…: too long\n", e->settings[i]);
			return EX_USAGE;
		}
		*equals = '\0';
		yg_arguments_override(&arguments, settings[i], equals + 1);
	}
	int fd = yg_arguments_compile(&arguments, &paths);
	if (fd < 0)
		return EX_CONFIG;
	int error = yg_config_open(fd, &config);
	close(fd);
	if (error)
		return EX_SOFTWARE;
	yg_arguments_language(&config);
	yg_config_close(&config);
	return EX_OK;
}

// ---- running ----

static int report(const struct yg_eval *e)
{
	struct yg_eval_totals t;
	bool whole = true;
	yg_eval_sum(e, &t);
	if (e->json)
		whole = yg_eval_json(e, &t);
	else
		yg_eval_text(e, &t, yg_language_japanese());
	if (fflush(stdout) != 0 || ferror(stdout) || !whole)
		return EX_IOERR;
	if (t.missing || t.failed)
		return t.missing ? EX_NOINPUT : EX_SOFTWARE;
	return t.found[YG_VERDICT_ATTACK] == t.files[YG_VERDICT_ATTACK] && t.unasked == 0 ? EX_OK : EXIT_FELL_SHORT;
}

static int run(struct yg_eval *e)
{
	struct sigaction action = {.sa_handler = on_signal};
	char folder[4096];
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!e->folder)
		find_folder(e, folder);
	int error = yg_eval_run(e);
	if (interrupted)
		return 128 + interrupted;
	if (error) {
		fprintf(stderr, "yagura: eval: %s\n", strerror(-error));
		return EX_OSERR;
	}
	return report(e);
}

int cmd_eval(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	static struct yg_eval e;
	e.jobs = cpus < 1 ? 1 : cpus > YG_EVAL_JOBS_MAX ? YG_EVAL_JOBS_MAX : (unsigned)cpus;
	e.interrupted = &interrupted;
	int status = parse(&e, argc, argv);
	if (status)
		return status - 1;
	status = load(&e);
	if (!status)
		status = look_at_config(&e);
	if (!status)
		status = run(&e);
	for (size_t i = 0; e.files && i < e.labels.count; i++)
		free(e.files[i].alerts.at);
	free(e.files);
	yg_labels_finish(&e.labels);
	return status;
}
