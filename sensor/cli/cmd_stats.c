// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura stats [--once] [--json] [--cycles] [--socket PATH].
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd_stats.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/metrics.h"

#define SOCKET "/run/yagura/control.sock"

enum { TIMEOUT_MS = 3000 };

struct arguments {
	const char *socket;
	bool once, json, cycles;
};

static const char usage_en[] = "Usage: yagura stats [OPTION]…\n"
			       "\n"
			       "Shows what a running sensor counts, anew every second, until Ctrl-C: packets and\n"
			       "where they were lost, flows, alerts, the dissector, and what each worker does.\n"
			       "\n"
			       "      --once         one look of a second, then end\n"
			       "      --json         every counter as JSON, once\n"
			       "      --cycles       the workers alone, with cycles per packet by stage\n"
			       "  -s, --socket PATH  control socket of the sensor\n"
			       "                     (default: " SOCKET ")\n"
			       "  -h, --help         this text\n"
			       "\n"
			       "Exit status: 0 done, 64 usage, 69 no sensor answers, 77 it may not be asked by\n"
			       "you (root, its user and its group may).\n";

static const char usage_ja[] = "使い方: yagura stats [オプション]…\n"
			       "\n"
			       "稼働中のセンサーの計数（パケット数と損失の原因、フロー、アラート、解析プロセス、\n"
			       "各ワーカーの状況）を1秒ごとに表示します。Ctrl-Cで終了します。\n"
			       "\n"
			       "      --once         1秒間の計測を1回だけ表示します\n"
			       "      --json         すべての計数をJSONで1回出力します\n"
			       "      --cycles       ワーカーの段階別サイクル数のみ表示します\n"
			       "  -s, --socket PATH  センサーの制御ソケット\n"
			       "                     （既定: " SOCKET "）\n"
			       "  -h, --help         この説明を表示します\n"
			       "\n"
			       "終了コード: 0 正常終了、64 使い方の誤り、69 センサーが応答しない、\n"
			       "77 権限がない（root、センサーの実行ユーザー、そのグループに許可）\n";

static int usage_error(void)
{
	fputs("Try 'yagura stats --help'.\n", stderr);
	return EX_USAGE + 1;
}

// 0 to go on, else an exit status + 1.
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {{"once", no_argument, NULL, 'o'},  {"json", no_argument, NULL, 'j'},
						{"cycles", no_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'},
						{"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0}};
	a->socket = SOCKET;
	for (int c; (c = getopt_long(argc, argv, "s:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? usage_ja : usage_en, stdout);
			return 1;
		}
		if (c == 's')
			a->socket = optarg;
		else if (c == 'o')
			a->once = true;
		else if (c == 'j')
			a->json = true;
		else if (c == 'c')
			a->cycles = true;
		else
			return usage_error();
	}
	return optind == argc ? 0 : usage_error();
}

static double clock_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int complain(const char *socket, int error)
{
	bool ja = yg_language_japanese();
	if (error == EACCES || error == EPERM || error == ECONNRESET) {
		fprintf(stderr, ja ? "yagura: %s: 権限がありません（%s）\n" : "yagura: %s: you may not ask this sensor (%s)\n", socket, strerror(error));
		return EX_NOPERM;
	}
	fprintf(stderr, ja ? "yagura: %s: センサーが応答しません（%s）\n" : "yagura: %s: no sensor answers (%s)\n", socket, strerror(error));
	return EX_UNAVAILABLE;
}

static int show_json(int fd, const char *socket)
{
	size_t length;
	char *text = yg_control_ask(fd, "stats", YG_METRICS_MAX, &length);
	if (!text)
		return complain(socket, errno);
	fwrite(text, 1, length, stdout);
	free(text);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int show(int fd, const struct arguments *a)
{
	struct yg_stats_screen screen = {.japanese = yg_language_japanese(), .cycles_only = a->cycles};
	bool terminal = isatty(STDOUT_FILENO) && !a->once;
	size_t length;
	double then = clock_seconds();
	char *before = yg_control_ask(fd, "metrics", YG_METRICS_MAX, &length);
	while (before) {
		const struct timespec second = {1, 0};
		nanosleep(&second, NULL);
		char *now = yg_control_ask(fd, "metrics", YG_METRICS_MAX, &length);
		double at = clock_seconds();
		if (!now)
			break;
		screen.now = now;
		screen.before = before;
		screen.seconds = at - then;
		if (terminal)
			fputs("\033[H\033[J", stdout);
		yg_stats_print(&screen, stdout);
		bool written = fflush(stdout) == 0 && !ferror(stdout);
		free(before);
		before = now;
		then = at;
		if (a->once || !written) {
			free(before);
			return written ? EX_OK : EX_IOERR;
		}
	}
	int error = errno;
	free(before);
	return complain(a->socket, error);
}

int cmd_stats(int argc, char **argv)
{
	struct arguments a = {0};
	int status = parse(&a, argc, argv);
	if (status)
		return status - 1;
	int fd = yg_control_connect(a.socket, TIMEOUT_MS);
	if (fd < 0)
		return complain(a.socket, -fd);
	status = a.json ? show_json(fd, a.socket) : show(fd, &a);
	close(fd);
	return status;
}
