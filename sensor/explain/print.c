// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The words. One function a paragraph; each says what the line holds and leaves out what it does not.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/singular.h"
#include "explain/explain.h"

struct words {
	const char *name, *en, *ja;
};

static const struct words units[] = {
    {"packets/s", "packets/s", "パケット/秒"}, {"flows/s", "flows/s", "フロー/秒"}, {"ports", "ports", "ポート"}, {"hosts", "hosts", "台"},
    {"probes", "probes", "回"}, {"queries/s", "queries/s", "件/秒"}, {"connections", "connections", "接続"}, {"%", "%", "%"},
    {"connections/s", "connections/s", "接続/秒"}, {"incomplete SYNs/s", "incomplete requests/s", "件/秒"}, {"alerts", "alerts", "件"},
    {"packets", "packets", "パケット"}, {"bodies", "bodies", "団体"}, {"records", "records", "件"}, {"events", "events", "件"},
    {"times", "times", "倍"}, {"s", "s", "秒"}, {"step", "step", "段階"}, {"links", "links", "リンク"},
    {"clients", "clients", "クライアント"}, {"pulses", "pulses", "回"}, {"handshakes/s", "handshakes/s", "ハンドシェイク/秒"},
    {"bytes", "bytes", "バイト"}, {"flows", "flows", "フロー"}, {"names", "names", "種類の名前"}, {"contacts", "contacts", "回の通信"},
    {"attempts", "attempts", "回の試行"}, {"requests", "requests", "件の要求"}, {"logins", "logins", "回のログイン"},
};
static const struct words severities[] = {
    {"critical", "critical", "緊急"}, {"high", "high", "高"}, {"medium", "medium", "中"}, {"low", "low", "低"}, {"info", "info", "参考"},
};
static const struct words states[] = {
    {"open", "just opened", "発生"}, {"update", "going on", "継続中"}, {"close", "ended", "終了"},
};
static const struct words modes[] = {
    {"shadow", "shadow: the detector is being watched, nobody is told", "試行（試行期間中のため誰にも通知しない）"},
    {"digest", "digest: read once a day", "日次確認（1日1回まとめて確認）"},
    {"alert", "alert: read within the hour", "通知（1時間以内に確認）"},
    {"page", "page: somebody is called now", "即時連絡（担当者を直ちに呼び出す）"},
};
static const struct words learnings[] = {
    {"floor",
     "less than a day of this target has been learned, so the threshold is the floor that follows from its line or stands in the "
     "configuration",
     "学習期間が1日未満のため、回線容量または設定から決まる下限値をしきい値にしています"},
    {"short", "less than seven days have been learned, so the threshold is at least 8 times the usual maximum",
     "学習期間が7日未満のため、通常の最大値の8倍（下限値を下回らない）をしきい値にしています"},
    {"full", "seven days have been learned, and the threshold is at least 5 times the usual maximum",
     "7日分を学習済みで、通常の最大値の5倍（下限値を下回らない）をしきい値にしています"},
};
static const struct words impacts[] = {
    {"unknown", "unknown: too early to tell, or too few known clients are seen",
     "不明（攻撃の開始直後か学習中、または既知の利用者への応答が少なく判断できません）"},
    {"absorbed", "absorbed: known clients are served as usual", "影響なし（いつもの利用者には通常どおり応答しています）"},
    {"degraded", "degraded: known clients get fewer answers than usual", "低下（いつもの利用者への応答が減っています）"},
    {"down", "down: known clients get next to no answers", "停止（いつもの利用者にほとんど応答できていません）"},
};

static const struct words zones[] = {
    {"internet", "internet", "インターネット接続系"}, {"lgwan", "lgwan", "LGWAN接続系"}, {"mynumber", "mynumber", "マイナンバー利用事務系"},
};

#define WORD(table, name, ja) word(table, sizeof table / sizeof *table, name, ja)

static const char *word(const struct words *table, size_t count, const char *name, bool ja)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return ja ? table[i].ja : table[i].en;
	return name;
}

static const char *either(const char *first, const char *second)
{
	return first[0] ? first : second;
}

// Whether the threshold of the kind follows from what is usual; others have a fixed one, or one that their sentence explains.
static bool rests_on_habit(const struct explain_alert *a)
{
	static const char *const fixed[] = {"dos.open_service", "dos.slow_http", "dos.campaign"};
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (strcmp(a->kind, fixed[i]) == 0)
			return false;
	return strncmp(a->kind, "dos.", 4) == 0;
}

// ---- numbers ----

static void grouped(double value, char *to, size_t size)
{
	char plain[48];
	bool whole = fabs(value - round(value)) < 0.05 || fabs(value) >= 100;
	snprintf(plain, sizeof plain, whole ? "%.0f" : "%.1f", value);
	size_t digits = strspn(plain, "0123456789"), used = 0;
	for (size_t i = 0; plain[i] && used + 2 < size; i++) {
		if (i && i < digits && (digits - i) % 3 == 0)
			to[used++] = ',';
		to[used++] = plain[i];
	}
	to[used] = '\0';
}

const char *explain_amount(double value, const char *unit, bool ja, char *to, size_t size)
{
	char number[64];
	value = isfinite(value) ? fmax(fmin(value, 1e18), 0) : 0;
	if ((strcmp(unit, "bits/s") == 0 || strcmp(unit, "bytes") == 0) && value >= 1e3) {
		double scale = value >= 1e9 ? 1e9 : value >= 1e6 ? 1e6 : 1e3;
		const char *of = unit[1] == 'y' ? "B" : ja ? "bit/秒" : "bit/s";
		snprintf(to, size, "%.1f %s%s", value / scale, scale >= 1e9 ? "G" : scale >= 1e6 ? "M" : "k", of);
		return to;
	}
	grouped(value, number, sizeof number);
	const char *of = WORD(units, unit, ja);
	char one[32];
	bool known = strcmp(WORD(units, unit, true), unit) != 0; // none is called in Japanese as in English, but "%"
	if (!ja && known && strcmp(number, "1") == 0) {
		yg_singular(of, one, sizeof one);
		of = one;
	}
	snprintf(to, size, "%s %s", number, of);
	return to;
}

static void print_duration(FILE *out, double seconds, bool ja)
{
	unsigned long s = (unsigned long)fmin(fmax(seconds, 0), 1e9);
	if (s >= 86400)
		fprintf(out, ja ? "%lu日%lu時間" : "%lu d %lu h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		fprintf(out, ja ? "%lu時間%lu分" : "%lu h %lu min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		fprintf(out, ja ? "%lu分%lu秒" : "%lu min %lu s", s / 60, s % 60);
	else
		fprintf(out, ja ? "%lu秒" : "%lu s", s);
}

// ---- paragraphs ----

static void print_head(FILE *out, const struct explain_alert *a, bool ja)
{
	const char *signature = strncmp(a->signature, "YAGURA ", 7) == 0 ? a->signature + 7 : a->signature;
	fprintf(out, "%s  (%s)  id %s\n", ja ? either(a->kind_ja, a->kind) : either(signature, a->kind), a->kind, a->id);
	fprintf(out, ja ? "  重要度 %s" : "  severity %s", WORD(severities, a->severity, ja));
	if (!isnan(a->score))
		fprintf(out, ja ? "、スコア %.0f" : ", score %.0f", a->score);
	if (!isnan(a->confidence))
		fprintf(out, ja ? "、確度 %.2f" : ", confidence %.2f", a->confidence);
	fprintf(out, ja ? "、状態 %s\n" : ", %s\n", WORD(states, a->state, ja));
	if (a->mode[0])
		fprintf(out, ja ? "  扱い %s\n" : "  mode %s\n", WORD(modes, a->mode, ja));
	if (!isnan(a->sla_minutes) && a->sla_minutes > 0)
		fprintf(out, ja ? "  担当者への連絡期限 %.0f分以内\n" : "  a person is to be told within %.0f minutes\n", a->sla_minutes);
}

static void print_who(FILE *out, const struct explain_alert *a, bool ja)
{
	const char *org = ja ? either(a->org_ja, a->org_en) : either(a->org_en, a->org_ja);
	bool source = a->source[0] && strcmp(a->source, "0.0.0.0") != 0 && strcmp(a->source, "::") != 0;
	if (org[0])
		fprintf(out, ja ? "  団体 %s（%s）\n" : "  body %s (%s)\n", org, a->org_code);
	if (source)
		fprintf(out, ja ? "  送信元 %s\n" : "  source %s\n", a->source);
	if (a->target[0]) {
		fprintf(out, ja ? "  対象 %s" : "  target %s", a->target);
		if (!isnan(a->port) && a->port > 0)
			fprintf(out, ja ? " ポート%.0f" : " port %.0f", a->port);
		if (a->proto[0])
			fprintf(out, "/%s", a->proto);
		if (a->zone[0] && strcmp(a->zone, "none") != 0)
			fprintf(out, ja ? "（%s）" : " (zone %s)", WORD(zones, a->zone, ja));
		fputc('\n', out);
	}
	if (a->host[0])
		fprintf(out, ja ? "  センサー %s\n" : "  sensor %s\n", a->host);
}

static void print_life(FILE *out, const struct explain_alert *a, const struct explain_look *look)
{
	bool ja = look->japanese;
	char text[320];
	int n = snprintf(text, sizeof text, ja ? "発生 %.19s、最終確認 %.19s" : "first seen %.19s, last seen %.19s", either(a->first_seen, a->timestamp),
	                 either(a->last_seen, a->timestamp));
	snprintf(text + n, sizeof text - (size_t)n, ja ? "（読み取った行: 発生%u、継続%u、終了%u）" : " (lines read: %u open, %u update, %u close)",
	         look->opens, look->updates, look->closes);
	fputs("  ", out);
	explain_wrap(out, text, 4, look->columns);
	if (!isnan(a->reopened) && a->reopened > 0)
		fprintf(out, ja ? "  10分以内に%.0f回再発しています（同じ事象として扱っています）\n" :
		                  "  it came back %.0f time%s within ten minutes, and counts as one incident\n", a->reopened,
		        a->reopened < 1.5 ? "" : "s");
}

static void print_numbers(FILE *out, const struct explain_alert *a, const struct explain_look *look)
{
	bool ja = look->japanese;
	char observed[96], threshold[96], other[96], text[320];
	if (isnan(a->observed) || isnan(a->threshold))
		return;
	explain_amount(a->observed, a->unit, ja, observed, sizeof observed);
	explain_amount(a->threshold, a->unit, ja, threshold, sizeof threshold);
	fprintf(out, ja ? "  観測値 %s、しきい値 %s" : "  observed %s, threshold %s", observed, threshold);
	if (a->threshold > 0)
		fprintf(out, ja ? "（%.1f倍）" : " (%.1f times)", a->observed / a->threshold);
	if (!isnan(a->window_s) && a->window_s > 0) {
		fputs(ja ? "、集計時間 " : ", within ", out);
		print_duration(out, a->window_s, ja);
	}
	fputc('\n', out);
	if (!isnan(a->peak) && a->peak > a->observed)
		fprintf(out, ja ? "  最大値 %s\n" : "  peak so far %s\n", explain_amount(a->peak, a->unit, ja, other, sizeof other));
	// Where bodies are counted, the baseline is packets that are missing, which the sentence says.
	if (!isnan(a->baseline) && a->baseline > 0 && strcmp(a->unit, "bodies") != 0)
		fprintf(out, ja ? "  平常値 %s\n" : "  usual %s\n", explain_amount(a->baseline, a->unit, ja, other, sizeof other));
	if (a->learning[0] && rests_on_habit(a)) {
		snprintf(text, sizeof text, ja ? "しきい値の根拠: %s。" : "the threshold: %s", WORD(learnings, a->learning, ja));
		fputs("  ", out);
		explain_wrap(out, text, 4, look->columns);
	}
}

// Why it is not certain, as far as the line tells: what was learned, and what the sensor wrote into its sentence of the mirror.
static void print_doubt(FILE *out, const struct explain_alert *a, bool ja)
{
	unsigned reasons = 0;
	if (isnan(a->confidence) || a->confidence >= 0.995)
		return;
	fprintf(out, ja ? "  確度が1.00でない理由:\n" : "  why confidence is not 1.00:\n");
	bool unknown = strncmp(a->kind, "org.", 4) == 0 ? strcmp(a->learning, "floor") == 0 :
	               rests_on_habit(a) && (strcmp(a->learning, "floor") == 0 || (!a->learning[0] && a->baseline <= 0));
	if (unknown && reasons++ < 9)
		fprintf(out, ja ? "    - まだ平常値を学習していないため、半分に下げています\n" : "    - nothing usual is known of this target yet: halved\n");
	if ((strstr(a->text_en, "one direction") || strstr(a->text_en, "one-way")) && reasons++ < 9)
		fprintf(out, ja ? "    - ミラーに片方向の通信しか映っていないため、0.7倍にしています\n" :
		                  "    - the mirror shows one direction only: times 0.7\n");
	if (strstr(a->text_en, "The mirror is not sound") && reasons++ < 9)
		fprintf(out, ja ? "    - ミラーに異常があるため下げています（本文のかっこ内がその内容です）\n" :
		                  "    - the mirror is not sound, as the sentence says\n");
	if (strncmp(a->kind, "scan.", 5) == 0 && reasons++ < 9)
		fprintf(out, ja ? "    - 失敗した試行の割合、または通常ありえない探査の数から求めています\n" :
		                  "    - it is the share of attempts that failed, or grows with the probes that no program sends\n");
	if (!reasons)
		fprintf(out, ja ? "    - 検知方式そのものの確からしさです（この行にそれ以上の情報はありません）\n" :
		                  "    - it is how sure the method is of itself; the line says no more\n");
}

static void print_shares(FILE *out, const struct explain_share *list, unsigned count, const char *title, const struct explain_look *look)
{
	char text[EXPLAIN_TOP * 120] = "";
	FILE *line = count ? fmemopen(text, sizeof text, "w") : NULL;
	bool ja = look->japanese;
	if (!line)
		return;
	fputs(title, line);
	for (unsigned i = 0; i < count; i++) {
		fprintf(line, "%s%s", i ? (ja ? "、" : ", ") : "", list[i].name);
		if (list[i].share > 0 && list[i].share < 0.005)
			fputs(ja ? " 1%未満" : " below 1%", line);
		else if (!isnan(list[i].share))
			fprintf(line, " %.0f%%", fmax(fmin(list[i].share, 1), 0) * 100);
	}
	fclose(line);
	fputs("  ", out);
	explain_wrap(out, text, 4, look->columns);
}

static void print_sources(FILE *out, const struct explain_alert *a, const struct explain_look *look)
{
	bool ja = look->japanese;
	if (!isnan(a->sources) && a->sources > 1) {
		char number[64];
		grouped(fmin(a->sources, 1e15), number, sizeof number);
		fprintf(out, ja ? "  送信元は少なくとも %s" : "  at least %s sources", number);
		if (!isnan(a->sample) && a->sample > 0) {
			grouped(fmin(a->sample, 1e15), number, sizeof number);
			fprintf(out, ja ? "（標本 %sパケットから）" : " (from a sample of %s packet%s)", number, strcmp(number, "1") == 0 ? "" : "s");
		}
		fputc('\n', out);
	}
	// Those of a flood from inside are its targets; those of a body or a line are hosts inside.
	bool hosts = strncmp(a->kind, "org.", 4) == 0 || strcmp(a->kind, "link.saturation") == 0 || strcmp(a->kind, "sensor.mirror") == 0;
	const char *title = strcmp(a->kind, "dos.outbound") == 0 ? (ja ? "上位の宛先: " : "largest targets: ") :
	                    hosts                                 ? (ja ? "上位の内部端末: " : "largest hosts inside: ") :
	                                                            (ja ? "上位の送信元: " : "largest sources: ");
	print_shares(out, a->top, a->top_count, title, look);
	print_shares(out, a->vectors, a->vectors_count, ja ? "内訳: " : "made of: ", look);
}

static void print_campaign(FILE *out, const struct explain_alert *a, bool ja)
{
	if (isnan(a->pulse) || a->pulse <= 0)
		return;
	if (a->campaign[0] && strcmp(a->campaign, a->id) != 0) // a campaign that was raised before names itself
		fprintf(out, ja ? "  攻撃キャンペーン %s の%.0f回目\n" : "  pulse %2$.0f of campaign %1$s\n", a->campaign, a->pulse);
	else
		fprintf(out, ja ? "  これまでに%.0f回\n" : "  %.0f pulse%s so far\n", a->pulse, a->pulse < 1.5 ? "" : "s");
	if (!isnan(a->period_s) && a->period_s > 0) {
		fputs(ja ? "  間隔 " : "  period ", out);
		print_duration(out, a->period_s, ja);
		if (!isnan(a->period_mad_s)) {
			fputs(ja ? "（ばらつき " : " (give or take ", out);
			print_duration(out, a->period_mad_s, ja);
			fputs(ja ? "）" : ")", out);
		}
		if (a->next[0])
			fprintf(out, ja ? "、次は %.19s ごろの見込み" : ", the next at about %.19s", a->next);
		fputc('\n', out);
	}
}

static void print_bodies(FILE *out, const struct explain_alert *a, bool ja)
{
	double count = isnan(a->affected_count) ? a->bodies_count : a->affected_count;
	if (!a->bodies_count)
		return;
	fprintf(out, ja ? "  影響を受ける団体（%.0f）: " : "  bodies concerned (%.0f): ", count);
	for (unsigned i = 0; i < a->bodies_count; i++) {
		const struct explain_body *b = &a->bodies[i];
		const char *name = ja ? either(b->ja, b->en) : either(b->en, b->ja);
		fprintf(out, "%s%s", i ? (ja ? "、" : ", ") : "", either(name, b->code));
	}
	fputs(count > a->bodies_count ? (ja ? " ほか\n" : " and others\n") : "\n", out);
}

static void print_impact(FILE *out, const struct explain_alert *a, bool ja)
{
	bool hurts = strcmp(a->kind, "dos.open_service") != 0 && strcmp(a->kind, "dos.outbound") != 0 && strcmp(a->kind, "dos.campaign") != 0;
	if (a->impact[0] && (hurts || strcmp(a->impact, "unknown") != 0)) {
		fprintf(out, ja ? "  サービスへの影響 %s" : "  impact %s", WORD(impacts, a->impact, ja));
		if (!isnan(a->impact_success) && !isnan(a->impact_usual) && a->impact_usual > 0)
			fprintf(out, ja ? "（応答できた割合 %.0f%%、普段は %.0f%%）" : " (%.0f%% of known clients served, usually %.0f%%)",
			        a->impact_success * 100, a->impact_usual * 100);
		fputc('\n', out);
	}
	print_bodies(out, a, ja);
	if (a->policy[0])
		fprintf(out, ja ? "  根拠となる規程 %s\n" : "  clause of the policy %s\n", a->policy);
	if (a->technique[0])
		fprintf(out, "  MITRE ATT&CK %s\n", a->technique);
}

void explain_print(FILE *out, const struct explain_alert *a, const struct explain_look *look)
{
	bool ja = look->japanese;
	const char *text = ja ? either(a->text_ja, a->text_en) : either(a->text_en, a->text_ja);
	print_head(out, a, ja);
	print_who(out, a, ja);
	print_life(out, a, look);
	fprintf(out, "\n%s\n  ", ja ? "なぜ検知したか" : "Why it was raised");
	explain_wrap(out, text[0] ? text : "-", 2, look->columns);
	print_numbers(out, a, look);
	print_doubt(out, a, ja);
	print_sources(out, a, look);
	print_campaign(out, a, ja);
	print_impact(out, a, ja);
	fputc('\n', out);
	explain_chart(out, a, look);
	const char *const *step = explain_steps(a->kind, ja);
	if (!step[0])
		return;
	fprintf(out, "%s\n", ja ? "次に確認すること" : "What to check next");
	for (unsigned i = 0; step[i]; i++) {
		fprintf(out, "  %u. ", i + 1);
		explain_wrap(out, step[i], 5, look->columns);
	}
}
