// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One screen (80 columns, 24 lines with one worker) from two looks at the counters.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cmd_stats.h"
#include "model/process.h"
#include "model/redis_state.h"
#include "model/stats.h"

enum { LABEL_WIDTH = 18, STAGES = 5 };

static const char *const stages[STAGES] = {"receive", "decode", "flow", "poll", "idle"};

// ---- reading ----

// The next sample of `metric` at or behind `at`: its labels (without braces) and its value. NULL when there is none.
static const char *next_sample(const char *at, const char *metric, const char **ret_labels, size_t *ret_length, double *ret_value)
{
	size_t name = strlen(metric);
	for (const char *line = at, *end; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if ((size_t)(end - line) <= name || memcmp(line, metric, name) != 0 || (line[name] != '{' && line[name] != ' '))
			continue;
		const char *value = line + name;
		*ret_labels = value;
		*ret_length = 0;
		if (*value == '{') {
			const char *close = memchr(value, '}', (size_t)(end - value));
			if (!close)
				continue;
			*ret_labels = value + 1;
			*ret_length = (size_t)(close - value) - 1;
			value = close + 1;
		}
		*ret_value = strtod(value, NULL);
		return *end ? end + 1 : end;
	}
	return NULL;
}

static bool has_label(const char *labels, size_t length, const char *label)
{
	return !label || memmem(labels, length, label, strlen(label));
}

double yg_stats_value(const char *text, const char *metric, const char *label)
{
	const char *labels;
	size_t length;
	double value, sum = 0;
	while ((text = next_sample(text, metric, &labels, &length, &value)))
		if (has_label(labels, length, label))
			sum += value;
	return isfinite(sum) ? sum : 0;
}

bool yg_stats_has(const char *text, const char *metric, const char *label)
{
	const char *labels;
	size_t length;
	double value;
	while ((text = next_sample(text, metric, &labels, &length, &value)))
		if (has_label(labels, length, label))
			return true;
	return false;
}

static double now(const struct yg_stats_screen *s, const char *metric, const char *label)
{
	return yg_stats_value(s->now, metric, label);
}

// What was added between the two looks; an engine that died began again at nothing.
static double added(const struct yg_stats_screen *s, const char *metric, const char *label)
{
	double difference = now(s, metric, label) - yg_stats_value(s->before, metric, label);
	return difference > 0 ? difference : 0;
}

static double rate(const struct yg_stats_screen *s, const char *metric, const char *label)
{
	return s->seconds > 0 ? added(s, metric, label) / s->seconds : 0;
}

// ---- writing ----

// 12,345,678
static const char *grouped(double value, char text[32])
{
	char digits[32];
	size_t n = (size_t)snprintf(digits, sizeof digits, "%.0f", value < 1e18 ? value : 1e18), at = 0;
	for (size_t i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

// Left-aligned in columns of a terminal: what is not ASCII takes two there.
static void label(FILE *out, const char *text, unsigned width)
{
	unsigned columns = 0;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		columns += *p < 0x80 ? 1 : (*p & 0xc0) == 0xc0 ? 2 : 0;
	fputs(text, out);
	for (; columns < width; columns++)
		fputc(' ', out);
}

static void name(const struct yg_stats_screen *s, FILE *out, const char *en, const char *ja)
{
	label(out, s->japanese ? ja : en, LABEL_WIDTH);
}

static void row(const struct yg_stats_screen *s, FILE *out, const char *en, const char *ja, const char *metric, const char *which)
{
	char a[32], b[32];
	name(s, out, en, ja);
	fprintf(out, "%16s %20s\n", grouped(rate(s, metric, which), a), grouped(now(s, metric, which), b));
}

static double share(double part, double whole)
{
	return whole > 0 ? part * 100 / whole : 0;
}

static void print_head(const struct yg_stats_screen *s, FILE *out)
{
	time_t started = (time_t)now(s, "yagura_start_time_seconds", NULL), t = time(NULL);
	long up = t > started ? (long)(t - started) : 0;
	bool live = now(s, "yagura_engine_starts_total", NULL) > 0, receiving = now(s, "yagura_receiving", NULL) > 0;
	const char *state = receiving ? (s->japanese ? "受信中" : "receiving") : live ? (s->japanese ? "受信できていません" : "BLIND") : "-";
	fprintf(out, s->japanese ? "yagura  稼働 %ld日 %02ld:%02ld:%02ld  %s" : "yagura  up %ldd %02ld:%02ld:%02ld  %s", up / 86400, up / 3600 % 24,
		up / 60 % 60, up % 60, state);
	fprintf(out, s->japanese ? "  空白時間 %.1f秒\n" : "  blind %.1f s\n", now(s, "yagura_blind_seconds_total", NULL));
	fputs(s->japanese ? "再起動:" : "restarts:", out);
	static const char *const processes[] = {"engine", "dissector", "courier"};
	for (unsigned i = 0; i < 3; i++) {
		char which[48];
		snprintf(which, sizeof which, "process=\"%s\"", processes[i]);
		fprintf(out, " %s %.0f", processes[i], now(s, "yagura_process_restarts_total", which));
	}
	fputs("\n", out);
	name(s, out, "", "");
	label(out, s->japanese ? "           毎秒" : "      per second", 17);
	fputs(s->japanese ? "                合計\n" : "               total\n", out);
}

static void print_packets(const struct yg_stats_screen *s, FILE *out)
{
	static const struct {
		const char *cause, *en, *ja;
	} causes[] = {{"port_missed", "  port's queue", "  受信キュー満杯"},
		      {"port_error", "  damaged", "  破損"},
		      {"port_no_buffer", "  no buffer", "  バッファー不足"},
		      {"kernel", "  kernel", "  カーネル"},
		      {"handover_ring_full", "  handing over", "  受け渡し満杯"}};
	row(s, out, "received", "受信", "yagura_worker_packets_total", NULL);
	char a[32], b[32];
	name(s, out, "bits", "ビット");
	fprintf(out, "%16s %20s\n", grouped(rate(s, "yagura_worker_bytes_total", NULL) * 8, a),
		grouped(now(s, "yagura_worker_bytes_total", NULL) * 8, b));
	row(s, out, "decoded", "解析済み", "yagura_decode_ended_packets_total", "reason=\"decoded\"");
	row(s, out, "dropped", "損失", "yagura_dropped_packets_total", NULL);
	for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++) {
		char which[48];
		snprintf(which, sizeof which, "cause=\"%s\"", causes[i].cause);
		if (yg_stats_has(s->now, "yagura_dropped_packets_total", which)) {
			row(s, out, causes[i].en, causes[i].ja, "yagura_dropped_packets_total", which);
			continue;
		}
		name(s, out, causes[i].en, causes[i].ja);
		fprintf(out, "%16s %20s\n", s->japanese ? "不明" : "unknown", "");
	}
}

static void print_flows(const struct yg_stats_screen *s, FILE *out)
{
	char a[32], b[32];
	double flows = now(s, "yagura_flow_table_flows", NULL), slots = now(s, "yagura_flow_table_slots", NULL);
	row(s, out, "new flows", "新規フロー", "yagura_flow_created_total", NULL);
	row(s, out, "evicted flows", "追い出し", "yagura_flow_evicted_total", NULL);
	row(s, out, "records not kept", "記録の省略", "yagura_flow_records_shed_total", NULL);
	row(s, out, "limits met", "上限到達", "yagura_limit_hits_total", NULL);
	name(s, out, "flow table", "フローテーブル");
	fprintf(out, "%16s / %s (%.1f %%)\n", grouped(flows, a), grouped(slots, b), share(flows, slots));
}

static double fullest_ring(const char *text)
{
	double most = 0;
	static const char *const rings[] = {"alerts", "flows", "to_dissector", "from_dissector"};
	for (unsigned i = 0; i < 4; i++)
		for (unsigned w = 0; w < (i < 2 ? 1 : YG_WORKERS_MAX); w++) {
			char which[64], number[8] = "";
			if (i >= 2)
				snprintf(number, sizeof number, "%u", w);
			snprintf(which, sizeof which, "ring=\"%s\",worker=\"%s\"", rings[i], number);
			double fill = share(yg_stats_value(text, "yagura_ring_used_slots", which), yg_stats_value(text, "yagura_ring_slots", which));
			most = fill > most ? fill : most;
		}
	return most;
}

// The state, and what to do about it.
static void print_redis(const struct yg_stats_screen *s, FILE *out)
{
	for (unsigned i = YG_REDIS_CONNECTING; i < YG_REDIS_STATE_COUNT; i++) {
		const struct yg_redis_state_row *row = yg_redis_state_row(i);
		char which[48];
		snprintf(which, sizeof which, "state=\"%s\"", row->name);
		if (now(s, "yagura_redis_state", which) < 1)
			continue;
		name(s, out, "Redis", "Redis");
		fprintf(out, s->japanese ? "%s（%s）\n" : "%s: %s\n", row->name, s->japanese ? row->ja : row->en);
		return;
	}
}

// How far each sink is behind, and whether a connection of its own is missing. As many to a line as fit: the screen has 24.
static void print_sinks(const struct yg_stats_screen *s, FILE *out)
{
	enum { FIRST = LABEL_WIDTH, WIDTH = 80 };
#define X(id, name) name,
	static const char *const names[YG_SINKS] = {YG_SINK_NAMES(X)};
#undef X
	int column = 0;
	for (unsigned i = 0; i < YG_SINKS; i++) {
		char which[48], up[48], text[80];
		snprintf(which, sizeof which, "sink=\"%s\"", names[i]);
		snprintf(up, sizeof up, "yagura_%s_up", names[i]);
		if (!yg_stats_has(s->now, "yagura_sink_behind_records", which))
			continue;
		bool away = yg_stats_has(s->now, up, NULL) && now(s, up, NULL) < 1;
		int n = snprintf(text, sizeof text, "%s %.0f%s", names[i], now(s, "yagura_sink_behind_records", which), away ? " ✖" : "") - 2 * away;
		if (column && column + 2 + n > WIDTH) {
			fputc('\n', out);
			name(s, out, "", "");
			column = FIRST;
		} else if (column) {
			fputs("  ", out);
			column += 2;
		} else {
			name(s, out, "behind", "残り");
			column = FIRST;
		}
		fputs(text, out);
		column += n;
	}
	if (column)
		fputc('\n', out);
}

static void print_spool(const struct yg_stats_screen *s, FILE *out)
{
	if (now(s, "yagura_spool_up", NULL) < 1)
		return;
	name(s, out, "spool", "スプール");
	fprintf(out, s->japanese ? "未配送 %.0f（前回までの分 %.0f）  使用率 %.0f %%  拒否 %.0f  ディスクエラー %.0f\n"
				 : "held %.0f (of earlier runs %.0f)  full %.0f %%  refused %.0f  disk errors %.0f\n",
		now(s, "yagura_spool_held_records", NULL), now(s, "yagura_spool_carried_records", NULL), now(s, "yagura_spool_pressure_percent", NULL),
		now(s, "yagura_alerts_dropped_total", "reason=\"spool_full\""), now(s, "yagura_spool_errors_total", NULL));
}

// The books of this moment, and whether those of the last minute held.
static void print_books(const struct yg_stats_screen *s, FILE *out)
{
	double off = now(s, "yagura_books_unaccounted", NULL);
	bool closed = now(s, "yagura_books_closed_total", NULL) >= 1;
	name(s, out, "books", "収支");
	fprintf(out, s->japanese ? "発生 %.0f：配送 %.0f、抑止 %.0f、保持 %.0f、消失 %.0f。"
				 : "%.0f raised, %.0f sent, %.0f muted, %.0f spooled, %.0f lost: ",
		now(s, "yagura_books_alerts", "where=\"raised\""), now(s, "yagura_books_alerts", "where=\"delivered\""),
		now(s, "yagura_books_alerts", "where=\"suppressed\""), now(s, "yagura_books_alerts", "where=\"spooled\""),
		now(s, "yagura_books_alerts", "where=\"lost\""));
	if (off > 0)
		fprintf(out, s->japanese ? "不明 %.0f\n" : "%.0f UNACCOUNTED\n", off);
	else
		fprintf(out, "%s\n", s->japanese ? (closed ? "一致" : "確認前") : closed ? "hold" : "not yet");
}

static void print_rest(const struct yg_stats_screen *s, FILE *out)
{
	static const char *const severities[] = {"critical", "high", "medium", "low", "info"};
	name(s, out, "alerts", "アラート");
	fprintf(out, s->japanese ? "継続中 %.0f  発報" : "open %.0f  opened", now(s, "yagura_alerts_open", NULL));
	for (unsigned i = 0; i < 5; i++) {
		char which[48];
		snprintf(which, sizeof which, "severity=\"%s\"", severities[i]);
		fprintf(out, " %s %.0f", severities[i], now(s, "yagura_courier_alerts_opened_total", which));
	}
	double hidden = now(s, "yagura_alerts_suppressed_by_rule_total", NULL);
	if (hidden > 0)
		fprintf(out, s->japanese ? "  抑止 %.0f" : "  hidden %.0f", hidden);
	fputc('\n', out);
	name(s, out, "delivery", "配送");
	fprintf(out, s->japanese ? "未配送 %.0f（最長 %.0f秒）  消失 %.0f  Redisエラー %.0f\n" : "waiting %.0f (oldest %.0f s)  lost %.0f  Redis errors %.0f\n",
		now(s, "yagura_alerts_pending", NULL), now(s, "yagura_alert_delivery_lag_seconds", NULL), now(s, "yagura_alerts_dropped_total", NULL),
		now(s, "yagura_redis_errors_total", NULL));
	print_books(s, out);
	print_redis(s, out);
	print_sinks(s, out);
	print_spool(s, out);
	name(s, out, "dissector", "解析プロセス");
	fprintf(out, s->japanese ? "毎秒 %.0f  省略 %.0f  停止 %.0f（無応答 %.0f）  リング最大 %.0f %%\n"
				 : "%.0f/s  skipped %.0f  deaths %.0f (hangs %.0f)  fullest ring %.0f %%\n",
		rate(s, "yagura_dissector_read_packets_total", NULL), now(s, "yagura_dissect_skipped_packets_total", NULL),
		now(s, "yagura_dissector_deaths_total", NULL), now(s, "yagura_dissector_hangs_total", NULL), fullest_ring(s->now));
}

static void print_workers(const struct yg_stats_screen *s, FILE *out)
{
	label(out, s->japanese ? "ワーカー" : "worker", 8);
	fprintf(out, "%7s %14s  ", "busy %", "packets/s");
	for (unsigned i = 0; i < STAGES - 1; i++)
		fprintf(out, "%9s", stages[i]);
	fputs("  cyc/pkt\n", out);
	for (unsigned w = 0; w < YG_WORKERS_MAX; w++) {
		char which[48], text[32];
		double cycles[STAGES], all = 0;
		snprintf(which, sizeof which, "worker=\"%u\"", w);
		if (!yg_stats_has(s->now, "yagura_worker_packets_total", which))
			break;
		double packets = added(s, "yagura_worker_packets_total", which);
		fprintf(out, "%-8u", w);
		for (unsigned i = 0; i < STAGES; i++) {
			char stage[64];
			snprintf(stage, sizeof stage, "worker=\"%u\",stage=\"%s\"", w, stages[i]);
			cycles[i] = added(s, "yagura_worker_stage_cycles_total", stage);
			all += cycles[i];
		}
		if (all > 0)
			fprintf(out, "%7.1f", share(all - cycles[STAGES - 1], all));
		else
			fprintf(out, "%7s", "-");
		fprintf(out, " %14s  ", grouped(s->seconds > 0 ? packets / s->seconds : 0, text));
		for (unsigned i = 0; i < STAGES - 1; i++) {
			if (all > 0 && packets > 0)
				fprintf(out, "%9.1f", cycles[i] / packets);
			else
				fprintf(out, "%9s", "-");
		}
		fputc('\n', out);
	}
}

void yg_stats_print(const struct yg_stats_screen *s, FILE *out)
{
	if (!s->cycles_only) {
		print_head(s, out);
		print_packets(s, out);
		print_flows(s, out);
		print_rest(s, out);
	}
	print_workers(s, out);
}
