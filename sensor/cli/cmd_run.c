// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura run: compiles the configuration in a child, starts the processes over the ports, keeps them running until it is told to end, and
// then sums up as a replay does.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/metrics_watch.h"
#include "cli/notify.h"
#include "cli/progress.h"
#include "cli/reload.h"
#include "cli/startup.h"
#include "cli/summary.h"

enum { WATCH_MS = 100 };

struct arguments {
	struct yg_arguments common;
	char ports[1024];
};

static const char usage_en[] =
	"Usage: yagura run [OPTION]…\n"
	"\n"
	"Watches the ports of the configuration until SIGTERM or SIGINT, then flushes and\n"
	"sums up within five seconds. Runs in the foreground; as a service it tells\n"
	"systemd how it is. `yagura doctor` says whether this machine is fit for it.\n"
	"\n"
	"  -c, --config FILE       configuration (default: the installed one)\n"
	"  -p, --port PORT         a port, in place of capture.ports; once for each: an\n"
	"                          interface, a PCI address, or a vdev in DPDK's words\n"
	"      --home PREFIX,…     internal address space, for this run alone; an\n"
	"                          address by itself is a host\n"
	"      --eve FILE          append flow records and alerts as EVE JSON lines\n"
	"      --redis URL         deliver alerts: redis://[user:password@]host:port[/db]\n"
	"                          unix://[user:password@]/path or\n"
	"                          sentinel://[user:password@]host:port,…/name[/db]\n"
	"      --workers N         worker threads, 1 to 16\n"
	"      --quarantine DIR    keep packets that killed a dissector there\n"
	"      --set KEY=VALUE     override one option of the configuration\n"
	"      --json              summary as JSON\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0 ended as asked, 64 usage, 66 no such port, 69 a port, huge pages\n"
	"or DPDK cannot be had, or alerts were not delivered, 70 internal, 71 a process\n"
	"could not start, 73 the EVE file cannot be created, 78 bad configuration.\n";

static const char usage_ja[] =
	"使い方: yagura run [オプション]…\n"
	"\n"
	"設定したポートをSIGTERMまたはSIGINTを受けるまで監視し、5秒以内に残りを書き出し、\n"
	"要約を表示して終了します。フォアグラウンドで動作し、サービスとして起動した場合は\n"
	"systemdに状態を通知します。実行環境は yagura doctor で診断できます。\n"
	"\n"
	"  -c, --config FILE       設定ファイル（省略時はインストール済みの設定）\n"
	"  -p, --port PORT         capture.ports の代わりに使うポート（複数指定可）:\n"
	"                          インターフェース名、PCIアドレス、またはDPDKのvdev\n"
	"      --home PREFIX,…     内部とみなすアドレス範囲（今回の実行にのみ有効です）。\n"
	"                          単独のアドレスはホスト1台として扱います\n"
	"      --eve FILE          フロー記録とアラートをEVE JSON形式でFILEに追記します\n"
	"      --redis URL         アラートの配送先:\n"
	"                          redis://[user:password@]host:port[/db]\n"
	"                          unix://[user:password@]/path または\n"
	"                          sentinel://[user:password@]host:port,…/name[/db]\n"
	"      --workers N         ワーカースレッド数（1～16）\n"
	"      --quarantine DIR    解析プロセスを停止させたパケットをDIRに保存します\n"
	"      --set KEY=VALUE     設定項目を1つ上書きします\n"
	"      --json              要約をJSONで出力します\n"
	"  -h, --help              この説明を表示します\n"
	"\n"
	"終了コード: 0 指示により終了、64 使い方の誤り、66 ポートがない、69 ポート・\n"
	"ヒュージページ・DPDKが使えない、または配送できないアラートがあった、\n"
	"70 内部エラー、71 プロセスを起動できない、73 EVEファイルを作成できない、\n"
	"78 設定の誤り\n";

static bool add_port(struct arguments *a, const char *port)
{
	size_t used = strlen(a->ports), length = strlen(port);
	if (used + length + 2 > sizeof a->ports) {
		fputs("yagura: --port: more than fits into capture.ports\n", stderr);
		return false;
	}
	if (used)
		a->ports[used++] = ' ';
	memcpy(a->ports + used, port, length + 1);
	return true;
}

// 0 to go on, else an exit status + 1.
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {YG_ARGUMENTS_OPTIONS, {"port", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "c:p:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? usage_ja : usage_en, stdout);
			return 1;
		}
		good = c == 'p' ? add_port(a, optarg) : yg_arguments_parse(&a->common, c, optarg);
	}
	if (good && optind < argc) {
		fprintf(stderr, "yagura: run: '%s': files are read by `yagura replay`\n", argv[optind]);
		good = false;
	}
	if (good && a->ports[0])
		good = yg_arguments_override(&a->common, "capture.ports", a->ports);
	if (!good)
		fputs("Try 'yagura run --help'.\n", stderr);
	return good ? 0 : EX_USAGE + 1;
}

static volatile sig_atomic_t asked, reload_asked;

static void on_signal(int number)
{
	if (number == SIGHUP)
		reload_asked = 1;
	else
		asked = number;
}

static int exit_status(const struct yg_supervisor *s)
{
	struct yg_identity ids[YG_IDENTITIES];
	if (s->failed)
		return s->failed;
	if (yg_summary_undelivered(s) || yg_counter_get(&s->courier->c[YG_CC_EVE_ERRORS]))
		return EX_UNAVAILABLE;
	return yg_identities(s, ids) ? EX_SOFTWARE : EX_OK;
}

// A run, and who is told how it goes.
struct run {
	struct yg_supervisor supervisor;
	const struct arguments *arguments;
	struct yg_paths paths;
	struct yg_metrics metrics;
	struct yg_notify notify;
	uint64_t reported; // starts of an engine that have been told
	int64_t alive_ms;
};

// Also the control socket's hook. 0, or a negative errno when the old configuration is still in force.
static int reload(void *context)
{
	struct run *r = context;
	if (r->reported)
		yg_notify_reloading(&r->notify);
	int config = yg_arguments_compile(&r->arguments->common, &r->paths);
	int error = config < 0 ? -EINVAL : yg_supervisor_reload(&r->supervisor, config);
	if (error)
		yg_warn("reload: the configuration stays as it was");
	yg_supervisor_reopen(&r->supervisor); // whatever became of the configuration: a log rotation may have asked
	yg_metrics_reloaded(&r->metrics, !error);
	if (r->reported)
		yg_notify_ready(&r->notify, NULL);
	return error;
}

static void report(struct run *r)
{
	struct yg_supervisor *s = &r->supervisor;
	uint64_t starts = yg_counter_get(&s->engine->starts);
	if (starts == r->reported || !yg_counter_get(&s->engine->receiving))
		return;
	if (!r->reported) {
		const struct yg_arguments *a = &r->arguments->common;
		struct yg_startup facts = {.config = &s->config, .engine = s->engine, .engine_pid = s->pids[YG_CHILD_ENGINE], .workers = s->workers,
					   .config_file = a->config ? a->config : r->paths.config, .japanese = yg_language_japanese()};
		yg_startup_report(&facts, stderr);
	}
	r->reported = starts;
	yg_notify_ready(&r->notify, "receiving");
}

static void turn(struct run *r)
{
	int64_t now = yg_supervisor_clock_ms();
	report(r);
	yg_metrics_turn(&r->metrics);
	if (reload_asked) {
		reload_asked = 0;
		reload(r);
	}
	if (r->notify.watchdog_ms && now - r->alive_ms >= r->notify.watchdog_ms / 2) {
		yg_notify_alive(&r->notify);
		r->alive_ms = now;
	}
}

static int run(struct run *r)
{
	struct yg_supervisor *s = &r->supervisor;
	double started = yg_progress_clock();
	int error = yg_supervisor_start(s, NULL, 0);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		yg_supervisor_stop(s);
		return s->failed ? s->failed : EX_OSERR;
	}
	while (!asked && yg_supervisor_watch_live(s, WATCH_MS))
		turn(r);
	yg_notify_stopping(&r->notify, "writing out what is left");
	if (!s->failed)
		yg_supervisor_end_live(s);
	double seconds = yg_progress_clock() - started;
	yg_supervisor_stop(s);
	if (yg_counter_get(&s->engine->starts)) {
		if (r->arguments->common.json)
			yg_summary_json(s, seconds, stdout);
		else
			yg_summary_text(s, seconds, stdout);
	}
	return exit_status(s);
}

static void set_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int cmd_run(int argc, char **argv)
{
	static struct arguments a;
	static struct run r;
	int status = parse(&a, argc, argv);
	if (status)
		return status - 1;
	r.arguments = &a;
	int error = yg_paths_find(&r.paths);
	int config = error ? -1 : yg_arguments_compile(&a.common, &r.paths);
	if (config < 0)
		return error ? EX_OSERR : EX_CONFIG;
	set_signals();
	if (yg_notify_open(&r.notify) < 0)
		yg_warn("NOTIFY_SOCKET names no socket: nobody is told how the run goes");
	error = yg_supervisor_init(&r.supervisor, &r.paths, config, a.common.workers, true);
	if (!error)
		error = yg_metrics_open(&r.metrics, &r.supervisor, reload, &r);
	if (error) {
		yg_error("could not start: %s", strerror(-error));
		return EX_OSERR;
	}
	yg_arguments_language(&r.supervisor.config);
	status = run(&r);
	yg_metrics_close(&r.metrics);
	yg_supervisor_finish(&r.supervisor);
	yg_notify_close(&r.notify);
	return status;
}
