// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura check`: reads the configuration as a run would, and prints OK with what it amounts to, or every error.
#include "cli/commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/usual.h"
#include "config/config.h"
#include "config/value.h"

enum { HOME_MAX = 64 };

static const char help_en[] = "Usage: yagura check [-c FILE] [--home PREFIX,...] [--state FOLDER] [--strict]\n"
                              "\n"
                              "Reads the configuration and prints OK with a summary of what holds, or every\n"
                              "error as file:line:col: key: problem; how to mend. Starts nothing.\n"
                              "\n"
                              "  -c, --config FILE   the file to check (default: the installed yagura.yaml)\n"
                              "      --home PREFIXES address space declared for this check, with commas\n"
                              "      --state FOLDER  hold thresholds against the snapshot of what was learned\n"
                              "                      there (default: that of state.folder, if there is one)\n"
                              "      --strict        refuse files that others than root and you could write\n"
                              "  -h, --help          this text\n"
                              "\n"
                              "Exit status: 0 fine, 64 wrong usage, 66 no snapshot in FOLDER,\n"
                              "78 the configuration has errors.\n";

static const char help_ja[] = "使い方: yagura check [-c FILE] [--home PREFIX,...] [--state FOLDER] [--strict]\n"
                              "\n"
                              "設定を読み込み、問題がなければ「OK」と内容の要約を表示します。誤りがあれば、\n"
                              "そのすべてを「ファイル:行:桁: キー: 問題; 直し方」の形で表示します。\n"
                              "センサーは起動しません。\n"
                              "\n"
                              "  -c, --config FILE   検査するファイル（省略時はインストール済みの設定）\n"
                              "      --home PREFIXES 内部とみなすアドレス範囲（コンマ区切り、今回のみ有効）\n"
                              "      --state FOLDER  FOLDERにある学習結果としきい値を照合します\n"
                              "                      （省略時はstate.folderにあるもの。なければ照合しません）\n"
                              "      --strict        rootと本人以外が書き換えられるファイルを拒否します\n"
                              "  -h, --help          この説明を表示します\n"
                              "\n"
                              "終了コード: 0 正常、64 使い方の誤り、66 FOLDERにスナップショットがない、\n"
                              "78 設定に誤りがある\n";

struct arguments {
	const char *path;
	const char *home[HOME_MAX];
	size_t home_count;
	const char *state;
	bool strict;
};

// Cuts a list at its commas, in place. False when it has too many.
static bool split_home(struct arguments *a, char *list)
{
	char *rest = list;
	for (char *item; (item = strsep(&rest, ","));) {
		if (a->home_count == HOME_MAX)
			return false;
		a->home[a->home_count++] = item;
	}
	return true;
}

// EX_OK to go on, another status to exit with; -1: help was printed.
static int read_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	                                        {"home", required_argument, NULL, 'H'},
	                                        {"strict", no_argument, NULL, 's'},
	                                        {"state", required_argument, NULL, 'S'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	optind = 1;
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (option == 'c') {
			a->path = optarg;
		} else if (option == 's') {
			a->strict = true;
		} else if (option == 'S') {
			a->state = optarg;
		} else if (option == 'h') {
			fputs(yg_language_japanese() ? help_ja : help_en, stdout);
			return -1;
		} else if (option != 'H' || !split_home(a, optarg)) {
			if (option == 'H')
				fprintf(stderr, "yagura check: more than %d prefixes in --home\n", HOME_MAX);
			fputs("try `yagura check --help`\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return EX_OK;
	fprintf(stderr, "yagura check: '%s' is not expected; name the file with -c\n", argv[optind]);
	return EX_USAGE;
}

static unsigned count_orgs(const struct yg_config *config, bool two_zone)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < config->orgs_count; i++)
		count += (config->orgs[i].zone_model == YG_MODEL_TWO_ZONE) == two_zone;
	return count;
}

static unsigned count_prefixes(const struct yg_config *config, uint8_t zone)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < config->prefixes_count; i++)
		count += config->prefixes[i].zone == zone;
	return count;
}

// One server stands in a row for each of its ports.
static unsigned count_addresses(const struct yg_config *config)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < config->services_count; i++) {
		const struct yg_service *s = &config->services[i];
		count += i == 0 || s->af != s[-1].af || memcmp(&s->addr, &s[-1].addr, sizeof s->addr) != 0;
	}
	return count;
}

static void print_plugins(const struct yg_config *config, bool enabled)
{
	bool any = false;
	for (uint32_t i = 0; i < config->plugins_count; i++) {
		if (config->plugins[i].enabled != enabled)
			continue;
		printf("%s%s", any ? ", " : "", config->plugins[i].name);
		any = true;
	}
	puts(any ? "" : "none");
}

static void print_summary(const struct yg_config *config)
{
	puts("OK");
	printf("  bodies       %" PRIu32 " (%u of them two_zone)\n", config->orgs_count, count_orgs(config, true));
	printf("  prefixes     %" PRIu32 " (internet %u, lgwan %u, mynumber %u)\n", config->prefixes_count,
	       count_prefixes(config, YG_ZONE_INTERNET), count_prefixes(config, YG_ZONE_LGWAN),
	       count_prefixes(config, YG_ZONE_MYNUMBER));
	if (config->all_internal)
		puts("               no address space declared: both ends of every flow are internal");
	if (config->shared_count || config->modes_count || config->suppressions_count)
		printf("  policy       %" PRIu32 " shared endpoints, %" PRIu32 " modes, %" PRIu32 " suppressions\n", config->shared_count,
		       config->modes_count, config->suppressions_count);
	printf("  servers      %u addresses, %" PRIu32 " endpoints\n", count_addresses(config), config->services_count);
	int64_t line = yg_config_int(config, YG_O_EGRESS_LINE);
	char rate[32];
	if (line)
		printf("  egress       %s bit/s\n",
		       yg_value_bound(&yg_core_options[YG_O_EGRESS_LINE], (double)line, rate, sizeof rate));
	else
		puts("  egress       not declared");
	fputs("  plugins on   ", stdout);
	print_plugins(config, true);
	fputs("  plugins off  ", stdout);
	print_plugins(config, false);
	printf("  identity     %016" PRIx64 "\n", config->hash);
}

static int compile(const struct yg_compile_input *input, struct yg_config *ret_config)
{
	int fd = yg_compile_in_child(input);
	if (fd < 0)
		return EX_CONFIG;
	int error = yg_config_open(fd, ret_config);
	close(fd);
	return error ? EX_SOFTWARE : EX_OK;
}

// Once more, when something is known of what is usual: only the compiler knows where each threshold was written.
static int check_against_usual(struct yg_compile_input *input, const char *folder, struct yg_config *config)
{
	char automatic[PATH_MAX];
	struct yg_usual *usual = NULL;
	yg_config_state_folder(config, automatic);
	int count = yg_usual_read(config, folder ? folder : automatic, &usual);
	if (folder ? count <= 0 : count < 0 && count != -ENOENT)
		fprintf(stderr, "yagura check: %s/snapshot: %s; thresholds are not held against what is usual\n", folder ? folder : automatic,
			count ? strerror(-count) : "no host has been learned for a day yet");
	int status = count < 0 && folder ? EX_NOINPUT : EX_OK;
	if (count > 0) {
		input->usual = usual;
		input->usual_count = (size_t)count;
		yg_config_close(config);
		status = compile(input, config);
	}
	free(usual);
	return status;
}

int cmd_check(int argc, char **argv)
{
	static struct yg_found_plugin plugins[YG_CONFIG_PLUGINS_MAX];
	struct arguments a = {0};
	struct yg_paths paths;
	struct yg_config config;
	int status = read_arguments(argc, argv, &a);
	if (status)
		return status < 0 ? EX_OK : status;
	if (yg_paths_find(&paths) < 0)
		return EX_SOFTWARE;
	int found = yg_plugins_find(&paths, plugins, YG_CONFIG_PLUGINS_MAX);
	struct yg_compile_input input = {
	    .path = a.path, .home = a.home, .home_count = a.home_count, .now_s = time(NULL), .trusted_only = a.strict};
	if (!input.path && paths.config[0])
		input.path = paths.config;
	input.plugins = plugins;
	input.plugins_count = found > 0 ? (size_t)found : 0;
	status = compile(&input, &config);
	if (!status)
		status = check_against_usual(&input, a.state, &config);
	if (status)
		return status;
	print_summary(&config);
	yg_config_close(&config);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
