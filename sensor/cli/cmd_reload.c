// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// yagura reload [--socket PATH]: asks a running sensor to read its configuration anew, and waits until it has, so that the exit status
// tells a script (and systemd's ExecReload) whether the new one is in force. A signal could not: it has no answer.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/control.h"

#define SOCKET "/run/yagura/control.sock"

enum {
	TIMEOUT_MS = 30000, // a compiler that runs in circles is stopped after 20 s of its time, an engine is given two
	ANSWER_MAX = 4096,
};

static const char usage_en[] = "Usage: yagura reload [OPTION]…\n"
			       "\n"
			       "Asks a running sensor to read its configuration anew, and waits for the answer.\n"
			       "A configuration with an error changes nothing: the old one stays in force. What\n"
			       "is wrong stands in the log of the sensor, and `yagura check` says it too.\n"
			       "\n"
			       "  -s, --socket PATH  control socket of the sensor\n"
			       "                     (default: " SOCKET ")\n"
			       "  -h, --help         this text\n"
			       "\n"
			       "Exit status: 0 the new configuration is in force, 64 usage, 69 no sensor\n"
			       "answers, 70 the sensor could not carry it out and keeps the old one, 77 only\n"
			       "root and the sensor's user may ask, 78 refused, the old one stays in force.\n";

static const char usage_ja[] = "使い方: yagura reload [オプション]…\n"
			       "\n"
			       "稼働中のセンサーに設定を読み直させ、結果を待ちます。設定に誤りがある場合は何も\n"
			       "変わらず、それまでの設定で動き続けます。誤りの内容はセンサーのログに出ます\n"
			       "（yagura check でも確認できます）。\n"
			       "\n"
			       "  -s, --socket PATH  センサーの制御ソケット\n"
			       "                     （既定: " SOCKET "）\n"
			       "  -h, --help         この説明を表示します\n"
			       "\n"
			       "終了コード: 0 新しい設定に切り替えた、64 使い方の誤り、69 センサーが応答しない、\n"
			       "70 切り替えられず、元の設定のまま、77 権限がない（rootとセンサーの実行ユーザーに\n"
			       "許可）、78 設定が拒否され、元の設定のまま\n";

static int usage_error(void)
{
	fputs("Try 'yagura reload --help'.\n", stderr);
	return EX_USAGE + 1;
}

// 0 to go on, else an exit status + 1.
static int parse(const char **socket, int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	for (int c; (c = getopt_long(argc, argv, "s:h", options, NULL)) != -1;) {
		if (c == 'h') {
			fputs(yg_language_japanese() ? usage_ja : usage_en, stdout);
			return 1;
		}
		if (c == 's')
			*socket = optarg;
		else
			return usage_error();
	}
	return optind == argc ? 0 : usage_error();
}

static int nobody_answers(const char *socket, int error)
{
	bool ja = yg_language_japanese();
	if (error == EACCES || error == EPERM) {
		fprintf(stderr, ja ? "yagura: %s: 権限がありません（%s）\n" : "yagura: %s: you may not ask this sensor (%s)\n", socket, strerror(error));
		return EX_NOPERM;
	}
	if (error == EAGAIN || error == EWOULDBLOCK) {
		fprintf(stderr, ja ? "yagura: %s: 30秒待っても応答がありません。結果はセンサーのログを確認してください\n"
				   : "yagura: %s: no answer within 30 seconds; the log of the sensor tells what became of it\n",
			socket);
		return EX_UNAVAILABLE;
	}
	fprintf(stderr, ja ? "yagura: %s: センサーが応答しません（%s）\n" : "yagura: %s: no sensor answers (%s)\n", socket, strerror(error));
	return EX_UNAVAILABLE;
}

// The answer is {"ok":true,…} or {"ok":false,"error":"…"}, rendered by control.c. What the sensor cannot say there, the line and column
// of an error, it has written into its log.
static int tell(const char *answer)
{
	bool ja = yg_language_japanese();
	const char *error = strstr(answer, "\"error\":\"");
	char reason[256] = "?";
	if (strstr(answer, "\"ok\":true")) {
		puts(ja ? "新しい設定に切り替えました" : "the new configuration is in force");
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (error) {
		error += strlen("\"error\":\"");
		snprintf(reason, sizeof reason, "%.*s", (int)strcspn(error, "\""), error);
	}
	if (strncmp(reason, "only root", strlen("only root")) == 0) {
		fprintf(stderr, ja ? "yagura: 権限がありません（rootとセンサーの実行ユーザーに許可）\n"
				   : "yagura: only root and the sensor's user may ask for this\n");
		return EX_NOPERM;
	}
	if (strcmp(reason, strerror(EINVAL)) == 0) {
		fputs(ja ? "yagura: 設定は拒否されました。元の設定のまま動いています。\n"
			   "理由: センサーのログ（journalctl -u yagura）、または yagura check -c 設定ファイル\n"
			 : "yagura: the configuration was refused; the old one stays in force\n"
			   "why: in the log of the sensor (journalctl -u yagura), or yagura check -c FILE\n",
		      stderr);
		return EX_CONFIG;
	}
	fprintf(stderr, ja ? "yagura: 設定を切り替えられませんでした（%s）。元の設定のまま動いています\n"
			   : "yagura: the sensor could not change its configuration (%s); the old one stays in force\n",
		reason);
	return EX_SOFTWARE;
}

int cmd_reload(int argc, char **argv)
{
	const char *socket = SOCKET;
	int status = parse(&socket, argc, argv);
	if (status)
		return status - 1;
	int fd = yg_control_connect(socket, TIMEOUT_MS);
	if (fd < 0)
		return nobody_answers(socket, -fd);
	size_t length;
	char *answer = yg_control_ask(fd, "reload", ANSWER_MAX, &length);
	status = answer ? tell(answer) : nobody_answers(socket, errno);
	free(answer);
	close(fd);
	return status;
}
