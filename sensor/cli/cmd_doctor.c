// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura doctor`: the checks of doctor.h in the order of the report. A configuration with errors is a finding and not the
// end: the machine is examined with the defaults then.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "config/config.h"

enum { EXIT_BAD = 1 };

static const char help_en[] = "Usage: yagura doctor [-c FILE] [--json] [--root DIR]\n"
                              "\n"
                              "Looks whether this machine is fit for live capture: processor, hugepages, NICs,\n"
                              "IOMMU and VFIO, clock, Redis, disk. Each line is fine (✔), not fine (✖, with the\n"
                              "command that mends it) or could not be known (!). Changes nothing.\n"
                              "\n"
                              "  -c, --config FILE   the configuration (default: the installed yagura.yaml)\n"
                              "      --json          for programs: stable ids, both languages\n"
                              "      --root DIR      look at a copy of /proc, /sys and /dev below DIR\n"
                              "  -h, --help          this text\n"
                              "\n"
                              "Exit status: 0 nothing is ✖, 1 something is, 64 usage, 66 no such DIR,\n"
                              "70 internal, 74 the report could not be written.\n";
static const char help_ja[] = "使い方: yagura doctor [-c FILE] [--json] [--root DIR]\n"
                              "\n"
                              "この機器でパケットを受信できるかを調べます。CPU、ヒュージページ、NIC、\n"
                              "IOMMU・VFIO、時計、Redis、ディスクを確認し、✔（問題なし）、✖（問題あり。\n"
                              "直すコマンドを表示）、!（確認できない）で示します。何も変更しません。\n"
                              "\n"
                              "  -c, --config FILE   設定ファイル（既定はインストール済みの yagura.yaml）\n"
                              "      --json          プログラム用。IDは固定、説明は日英両方\n"
                              "      --root DIR      DIR の下にある /proc、/sys、/dev の写しを調べる\n"
                              "  -h, --help          この説明\n"
                              "\n"
                              "終了コード: 0 ✖なし、1 ✖あり、64 使い方の誤り、66 DIRがない、70 内部エラー、\n"
                              "74 出力を書き込めない\n";

struct arguments {
	const char *path, *root;
	bool json;
};

// EX_OK to go on, another status to exit with; -1: help was printed.
static int read_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	                                        {"json", no_argument, NULL, 'j'},
	                                        {"root", required_argument, NULL, 'r'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {NULL, 0, NULL, 0}};
	optind = 1;
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (option == 'c') {
			a->path = optarg;
		} else if (option == 'r') {
			a->root = optarg;
		} else if (option == 'j') {
			a->json = true;
		} else if (option == 'h') {
			fputs(yg_language_japanese() ? help_ja : help_en, stdout);
			return -1;
		} else {
			fputs("try `yagura doctor --help`\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return EX_OK;
	fprintf(stderr, "yagura doctor: '%s' is not expected; name the file with -c\n", argv[optind]);
	return EX_USAGE;
}

// Descriptor of the compiled configuration; with the defaults where the file has errors. -1 when even that fails.
static int compile(const struct arguments *a, const char **ret_file, bool *ret_broken)
{
	static struct yg_found_plugin plugins[YG_CONFIG_PLUGINS_MAX];
	static struct yg_paths paths;
	if (yg_paths_find(&paths) < 0)
		return -1;
	int found = yg_plugins_find(&paths, plugins, YG_CONFIG_PLUGINS_MAX);
	struct yg_compile_input input = {.path = a->path, .plugins = plugins, .plugins_count = found > 0 ? (size_t)found : 0};
	if (!input.path && paths.config[0])
		input.path = paths.config;
	*ret_file = input.path ? input.path : "";
	int fd = yg_compile_in_child(&input);
	*ret_broken = fd < 0;
	if (fd >= 0)
		return fd;
	input.path = NULL;
	return yg_compile_in_child(&input);
}

struct yg_doctor_needs yg_doctor_needs_of(const struct yg_config *config)
{
	static char host[64];
	const char *sensor = yg_config_string(config, YG_O_SENSOR_NAME);
	if (!sensor[0]) {
		if (gethostname(host, sizeof host) < 0 || !host[0])
			snprintf(host, sizeof host, "yagura");
		host[sizeof host - 1] = '\0';
		sensor = host;
	}
	return (struct yg_doctor_needs){
	    .workers = (unsigned)yg_config_int(config, YG_O_ENGINE_WORKERS),
	    .dissectors = (unsigned)yg_config_int(config, YG_O_DISSECTOR_WORKERS),
	    .memory_mib = (unsigned)(yg_config_int(config, YG_O_CAPTURE_MEMORY) >> 20),
	    .no_hugepages = yg_config_int(config, YG_O_CAPTURE_HUGEPAGES) == 2, // auto|always|never
	    .ports = yg_config_string(config, YG_O_CAPTURE_PORTS),
	    .cores = yg_config_string(config, YG_O_CAPTURE_CORES),
	    .config_file = "",
	    .eve_file = yg_config_string(config, YG_O_EVE_FILE),
	    .quarantine = yg_config_string(config, YG_O_QUARANTINE_DIR),
	    .redis_url = yg_config_string(config, YG_O_REDIS_URL),
	    .sensor = sensor,
	    .redis_timeout_ms = (unsigned)(yg_config_ns(config, YG_O_REDIS_TIMEOUT) / 1000000),
	};
}

// The configured language, else the locale's.
static bool speak_japanese(const struct yg_config *config)
{
	int64_t choice = yg_config_int(config, YG_O_SENSOR_LANGUAGE); // auto|ja|en
	return choice == 0 ? yg_language_japanese() : choice == 1;
}

static void judge_config(struct yg_doctor *d)
{
	const char *file = d->needs.config_file;
	char mend[640] = "";
	if (d->needs.config_broken) {
		if (yg_doctor_plain(file))
			snprintf(mend, sizeof mend, "yagura check -c %s", file);
		yg_doctor_find(d, YG_DOCTOR_BAD, "config.file", "", mend, "has errors; the machine is examined for the defaults",
		               "誤りがあります。既定値で調べます");
	} else if (!file[0]) {
		yg_doctor_find(d, YG_DOCTOR_OK, "config.file", "", "", "the defaults: workers %u, dissectors %u", "既定値: ワーカー %u、解析 %u",
		               d->needs.workers, d->needs.dissectors);
	} else {
		yg_doctor_find(d, YG_DOCTOR_OK, "config.file", "", "", "%s: workers %u, dissectors %u", "%s: ワーカー %u、解析 %u",
		               yg_doctor_plain(file) ? file : "?", d->needs.workers, d->needs.dissectors);
	}
}

int yg_doctor_run(struct yg_doctor *d, const char *root, const struct yg_doctor_needs *needs)
{
	memset(d, 0, sizeof *d);
	d->needs = *needs;
	int error = yg_tree_open(&d->tree, root);
	if (error)
		return error;
	yg_facts_load(d);
	yg_doctor_cpu_survey(d);
	yg_doctor_nic_survey(d);
	judge_config(d);
	yg_doctor_cpu(d);
	yg_doctor_memory(d);
	yg_doctor_nics(d);
	yg_doctor_vfio(d);
	yg_doctor_clock(d);
	yg_doctor_redis(d);
	yg_doctor_disk(d);
	yg_tree_close(&d->tree);
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static struct yg_doctor doctor;
	struct arguments a = {.root = "/"};
	struct yg_config config;
	const char *file = "";
	bool broken = false;
	int status = read_arguments(argc, argv, &a);
	if (status)
		return status < 0 ? EX_OK : status;
	int fd = compile(&a, &file, &broken);
	int error = fd < 0 ? -1 : yg_config_open(fd, &config);
	if (fd >= 0)
		close(fd);
	if (error)
		return EX_SOFTWARE;
	struct yg_doctor_needs needs = yg_doctor_needs_of(&config);
	needs.config_file = file;
	needs.config_broken = broken;
	error = yg_doctor_run(&doctor, a.root, &needs);
	if (error) {
		fprintf(stderr, "yagura doctor: %s: %s\n", a.root, strerror(-error));
		yg_config_close(&config);
		return EX_NOINPUT;
	}
	if (a.json)
		error = yg_doctor_json(&doctor, stdout);
	else
		yg_doctor_text(&doctor, speak_japanese(&config), stdout);
	yg_config_close(&config);
	if (error)
		return EX_SOFTWARE;
	return fflush(stdout) != 0 || ferror(stdout) ? EX_IOERR : doctor.states[YG_DOCTOR_BAD] ? EXIT_BAD : EX_OK;
}
