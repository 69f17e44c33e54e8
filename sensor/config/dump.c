// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// `yagura config dump-default`: a whole configuration file in which every option stands at its default, with its help.
// What it prints compiles to the very block that no file at all gives; a test says so.
#include "config/compile.h"

#include <string.h>

#include "config/describe.h"
#include "config/value.h"

static void indent(FILE *out, int depth)
{
	fprintf(out, "%*s", depth * 2, "");
}

static void open_group(void *context, const char *segment, int depth)
{
	FILE *out = context;
	if (depth == 0)
		fputc('\n', out);
	indent(out, depth);
	fprintf(out, "%s:\n", segment);
}

static void close_group(void *context, int depth)
{
	(void)context;
	(void)depth;
}

// Other YAML tools read these as true, false or null where they stand bare (YAML 1.1), even as a key.
static bool is_yaml_word(const char *key)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i], key) == 0)
			return true;
	return false;
}

static void print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_option(void *context, const struct yg_option *option, const char *segment, int depth)
{
	FILE *out = context;
	char range[256];
	yg_describe_range(option, range, sizeof range);
	if (option->help_en) {
		indent(out, depth);
		fprintf(out, "# %s\n", option->help_en);
	}
	if (option->help_ja) {
		indent(out, depth);
		fprintf(out, "# %s\n", option->help_ja);
	}
	indent(out, depth);
	fprintf(out, "# %s%s%s\n", yg_describe_type(option), *range ? ": " : "", range);
	indent(out, depth);
	fprintf(out, is_yaml_word(segment) ? "\"%s\": " : "%s: ", segment);
	if (option->type == YG_OPT_STRING)
		print_quoted(out, option->fallback);
	else
		fputs(option->fallback, out);
	fputc('\n', out);
}

static const char head[] =
    "# Yagura: every option at its default, as `yagura config dump-default` prints it. Keep only what you change.\n"
    "# 設定ファイル。全項目の既定値。変更する項目だけを残せばよい。\n"
    "# Check with `yagura check -c FILE`; docs/configuration.md explains the format.\n"
    "# Durations take ms, s, min, h, d; bytes KiB, MiB, GiB; bit rates k, M, G.\n";

static const char space[] =
    "\n# Address space that is ours without belonging to a body, such as [203.0.113.0/24, \"2001:db8::/32\"].\n"
    "# Without this and without organisations both ends of every flow count as ours.\n"
    "# 団体に属さない自組織のアドレス空間。これも organisations も空なら、すべてのフローの両端を内部とみなす。\n"
    "home: []\n"
    "\n# Files of the bodies whose traffic passes here, one a body, starting at this file's folder; * and ? may stand "
    "in the\n"
    "# last part of a path: [organisations/*.yaml].\n"
    "# 団体ごとのファイル。パスはこのファイルの場所を起点とする。\n"
    "organisations: []\n";

static const char calendar[] =
    "\n# What is planned for all bodies: {what: work, from: \"2026-12-01 22:00\", to: \"2026-12-02 05:00\", reason: …}; work, backup,\n"
    "# surge or holiday; or every week: {what: backup, days: [mon, fri], from: \"22:00\", to: \"04:00\"}. A body's own stand in its file.\n"
    "# 全団体に共通の予定（作業・バックアップ・アクセス増・休日）。団体ごとの予定はその団体のファイルに書く。\n"
    "calendar: []\n";

static const char policy[] =
    "\n# What alerts ask of people, by kind: {scan.port: digest, \"dos.*\": page}; "
    "shadow, digest, alert or page. A body's own stand in its\n"
    "# file and go first; where nothing stands, severity and confidence decide.\n"
    "# アラート種別ごとの扱い（shadow 試行、digest 日次、alert 60分以内、page 15分以内）。団体のファイルの指定が優先する。\n"
    "modes: {}\n"
    "\n# What several bodies depend on: {name: resolver, address: 203.0.113.53, proto: udp, ports: 53, bodies: all}.\n"
    "# 複数の団体が共同で使うサービス。攻撃を受けると、利用するすべての団体に知らせる。\n"
    "shared_services: []\n"
    "\n# Files that name alerts which nobody is to be told of, each with owner, reason and an end: [suppressions/*.yaml].\n"
    "# 通知しないアラートを定めるファイル。担当者・理由・期限（最長90日）が必須。\n"
    "suppressions: []\n";

static void dump_plugin(FILE *out, const struct yg_describer *describer, const struct yg_plugin *plugin,
                        const char *name)
{
	if (plugin->summary_en)
		fprintf(out, "  # %s\n", plugin->summary_en);
	if (plugin->summary_ja)
		fprintf(out, "  # %s\n", plugin->summary_ja);
	fprintf(out, "  %s:\n    enabled: true\n", name);
	yg_describe(plugin->options, plugin->options_count, 2, describer);
}

int yg_compile_dump_default(const struct yg_compile_input *input, FILE *out)
{
	const struct yg_describer describer = {open_group, print_option, close_group, out};
	fputs(head, out);
	yg_describe(yg_core_options, YG_O_COUNT, 0, &describer);
	fputs(space, out);
	fputs(calendar, out);
	fputs(policy, out);
	fputs("\nplugins:\n", out);
	for (size_t i = 0; i < input->plugins_count; i++)
		dump_plugin(out, &describer, input->plugins[i].plugin, input->plugins[i].name);
	return ferror(out) ? -1 : 0;
}
