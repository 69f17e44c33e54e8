// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The summary for a person: Japanese or English by locale. Short lists, highest first; everything else is in --json.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/summary.h"
#include "model/flow.h"
#include "model/packet.h"

enum { TOP = 10, SUPPRESSIONS_SHOWN = 20, ALERTS_SHOWN = 40 };

static __attribute__((format_arg(1), format_arg(2))) const char *t(const char *en, const char *ja)
{
	return yg_language_japanese() ? ja : en;
}

// 1234567 as "1,234,567".
static const char *grouped(uint64_t n, char text[32])
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%" PRIu64, n), out = 0;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}

struct row {
	char name[100];
	uint64_t flows, bytes;
};

static int by_flows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->flows != y->flows)
		return x->flows < y->flows ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void print_rows(const char *title, struct row *rows, size_t count, FILE *out)
{
	char flows[32], bytes[32];
	qsort(rows, count, sizeof *rows, by_flows);
	fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < count && i < TOP; i++)
		fprintf(out, "  %14s %18s  %s\n", grouped(rows[i].flows, flows), grouped(rows[i].bytes, bytes), rows[i].name);
	if (count > TOP)
		fprintf(out, t("  … and %zu more (--json)\n", "  … ほか%zu件（--json）\n"), count - TOP);
}

// What a port dropped before we saw it stands beside what it gave; where nobody counts, that is said.
static void print_ports(const struct yg_supervisor *s, FILE *out)
{
	char packets[32], drops[32], kernel[32];
	uint64_t count = yg_counter_get(&s->engine->ports_count), blind = yg_counter_get(&s->engine->blind_ns);
	for (uint64_t i = 0; i < count && i < YG_PORTS_MAX; i++) {
		const struct yg_port_stats *p = &s->engine->port[i];
		uint64_t lost = yg_counter_get(&p->missed) + yg_counter_get(&p->nombuf) + yg_counter_get(&p->errors);
		fprintf(out, t("  %-16.*s %14s packets, dropped by the port %s, by the kernel %s\n", "  %-16.*s %14sパケット、ポートでの欠落%s、カーネルでの欠落%s\n"),
			(int)sizeof p->name - 1, p->name, grouped(yg_counter_get(&p->packets), packets), grouped(lost, drops),
			yg_counter_get(&p->kernel_drops_known) ? grouped(yg_counter_get(&p->kernel_drops), kernel) : t("unknown", "不明"));
	}
	uint64_t starts = yg_counter_get(&s->engine->starts);
	if (starts > 1)
		fprintf(out, t("  the engine was started %" PRIu64 " times; nothing was seen for %.1f s in all\n", "  エンジンの起動%" PRIu64 "回、監視できなかった時間の合計%.1f秒\n"),
			starts, (double)blind / 1e9);
}

static void print_packets(const struct yg_supervisor *s, double seconds, FILE *out)
{
	char n[32], m[32];
	uint64_t ends[YG_DECODE_COUNT] = {0}, bytes = 0;
	for (unsigned w = 0; w < s->workers; w++) {
		bytes += yg_counter_get(&s->engine->worker[w].c[YG_WC_WIRE_BYTES]);
		for (unsigned i = 0; i < YG_DECODE_COUNT; i++)
			ends[i] += yg_counter_get(&s->engine->worker[w].decode_end[i]);
	}
	uint64_t packets = yg_counter_get(&s->engine->packets_total);
	double span = ((double)(int64_t)yg_counter_get(&s->engine->last_ns) - (double)(int64_t)yg_counter_get(&s->engine->first_ns)) / 1e9;
	if (s->live) {
		fprintf(out, t("%s packets, %s bytes, watched for %.1f s\n", "%sパケット、%sバイト、監視時間%.1f秒\n"), grouped(packets, n),
			grouped(bytes, m), span);
		print_ports(s, out);
	} else {
		fprintf(out, t("%s packets, %s bytes, %.1f s of traffic, read in %.2f s\n", "%sパケット、%sバイト、通信時間%.1f秒、処理時間%.2f秒\n"),
			grouped(packets, n), grouped(bytes, m), span, seconds);
	}
	fprintf(out, "\n%s\n", t("Where packets ended", "パケットの行き先"));
	for (unsigned i = 0; i < YG_DECODE_COUNT; i++)
		if (ends[i])
			fprintf(out, "  %14s  %s\n", grouped(ends[i], n), yg_decode_end_name(i));
}

static void print_apps(const struct yg_supervisor *s, FILE *out)
{
	static struct row rows[YG_SUMMARY_APPS];
	uint64_t count = yg_counter_get(&s->engine->apps_count);
	if (count > YG_SUMMARY_APPS)
		count = YG_SUMMARY_APPS;
	for (uint64_t i = 0; i < count; i++) {
		const struct yg_app_total *a = &s->engine->apps[i];
		snprintf(rows[i].name, sizeof rows[i].name, "%.*s", (int)sizeof a->name - 1, a->name);
		rows[i].flows = yg_counter_get(&a->flows);
		rows[i].bytes = yg_counter_get(&a->bytes);
	}
	print_rows(t("Flows by application         bytes", "アプリケーション別フロー   バイト"), rows, count, out);
}

static void print_orgs(const struct yg_supervisor *s, FILE *out)
{
	static struct row rows[YG_SUMMARY_ORGS];
	size_t count = 0;
	for (uint32_t i = 0; i < YG_SUMMARY_ORGS - 1; i++) {
		const struct yg_org_total *o = &s->engine->orgs[i];
		bool nobody = i == YG_SUMMARY_ORGS - 2;
		if (!yg_counter_get(&o->flows) || (!nobody && i >= s->config.orgs_count))
			continue;
		const char *name = nobody ? t("(no organisation)", "（所属なし）")
				   : yg_language_japanese() ? s->config.orgs[i].name_ja
							    : s->config.orgs[i].name_en;
		snprintf(rows[count].name, sizeof rows[count].name, "%s", name);
		rows[count].flows = yg_counter_get(&o->flows);
		rows[count].bytes = yg_counter_get(&o->bytes_in) + yg_counter_get(&o->bytes_out);
		count++;
	}
	print_rows(t("Flows by organisation        bytes", "団体別フロー               バイト"), rows, count, out);
}

static void print_alert(const struct yg_alert *a, FILE *out)
{
	static const char *const words_ja[YG_SEV_COUNT] = {"参考", "低", "中", "高", "緊急"};
	unsigned severity = a->severity < YG_SEV_COUNT ? a->severity : 0;
	const char *text = yg_language_japanese() ? a->text_ja : a->text_en;
	fprintf(out, "  [%s] %.*s\n", yg_language_japanese() ? words_ja[severity] : yg_severity_name(severity), YG_TEXT_MAX - 1, text);
}

static void print_alerts(const struct yg_supervisor *s, FILE *out)
{
	uint64_t count = yg_counter_get(&s->courier->summary_count), opened = 0;
	for (unsigned i = 0; i < YG_SEV_COUNT; i++)
		opened += yg_counter_get(&s->courier->opened[i]);
	if (count > YG_SUMMARY_ALERTS)
		count = YG_SUMMARY_ALERTS;
	fprintf(out, "\n%s: %" PRIu64 "\n", t("Alerts", "アラート"), opened);
	unsigned shown = 0;
	for (int severity = YG_SEV_CRITICAL; severity >= 0; severity--)
		for (uint64_t i = 0; i < count; i++)
			if (s->courier->summary[i].severity == severity && shown++ < ALERTS_SHOWN)
				print_alert(&s->courier->summary[i], out);
	if (opened > ALERTS_SHOWN)
		fprintf(out, t("  … and %" PRIu64 " more (--eve, --json)\n", "  … ほか%" PRIu64 "件（--eve、--json）\n"), opened - ALERTS_SHOWN);
}

static void print_suppressions(const struct yg_supervisor *s, FILE *out)
{
	const struct yg_suppression_stats *all = s->engine->suppression;
	bool any = false;
	for (unsigned i = 0, shown = 0; i <= YG_SUPPRESSIONS_COUNTED && shown < SUPPRESSIONS_SHOWN; i++) {
		uint64_t hits = yg_counter_get(&all[i].hits);
		if (!hits)
			continue;
		if (!any)
			fprintf(out, "\n%s\n", t("Hidden by suppressions (distinct alerts)", "抑止ルールにより通知しなかったアラート"));
		fprintf(out, "  %-32.32s %" PRIu64 "\n", all[i].id, hits);
		any = true;
		shown++;
	}
}

static void print_identities(const struct yg_supervisor *s, FILE *out)
{
	struct yg_identity ids[YG_IDENTITIES];
	char left[32], right[32];
	yg_identities(s, ids);
	fprintf(out, "\n%s\n", t("The books (what goes in comes out, or is counted by name)", "収支（入ったものはすべて行き先が数えられている）"));
	for (unsigned i = 0; i < YG_IDENTITIES; i++)
		fprintf(out, "  %s %14s = %-14s %s\n", ids[i].left == ids[i].right ? "✔" : "✖", grouped(ids[i].left, left),
			grouped(ids[i].right, right), ids[i].formula);
}

void yg_summary_text(const struct yg_supervisor *s, double seconds, FILE *out)
{
	print_packets(s, seconds, out);
	print_apps(s, out);
	print_orgs(s, out);
	print_alerts(s, out);
	print_suppressions(s, out);
	print_identities(s, out);
	char error[160];
	memcpy(error, s->courier->redis_error, sizeof error);
	error[sizeof error - 1] = '\0';
	const struct yg_redis_state_row *redis = yg_redis_state_row(yg_counter_get(&s->courier->c[YG_CC_REDIS_STATE]));
	if (error[0])
		fprintf(out, t("\nRedis: %s\n       (%s: %s)\n", "\nRedis: %s\n       （%s: %s）\n"), error, redis->name, t(redis->en, redis->ja));
	uint64_t unwritten = yg_counter_get(&s->courier->c[YG_CC_EVE_ERRORS]);
	if (unwritten)
		fprintf(out, t("\n%" PRIu64 " lines could not be written to the EVE file\n", "\nEVEファイルに書き込めなかった行: %" PRIu64 "行\n"), unwritten);
	uint64_t waiting = yg_summary_undelivered(s);
	if (waiting)
		fprintf(out, t("\n%" PRIu64 " alert records were not delivered\n", "\n配送できなかったアラート記録: %" PRIu64 "件\n"), waiting);
}
