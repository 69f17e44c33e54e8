// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The sentences of the body detector. Both languages are made from the numbers in the alert, so they cannot differ.
#include "body.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_BYTES = 240 };

// 48211 -> "48,211".
static void grouped(double v, char out[32])
{
	char plain[24];
	int len = snprintf(plain, sizeof plain, "%" PRIu64, (uint64_t)fmin(fmax(round(v), 0), 1e15)), at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = 0;
}

// Bits in Mbit with one decimal.
static void quantity(double v, bool bits, char out[40])
{
	char whole[32];
	if (!bits) {
		grouped(v, whole);
		snprintf(out, 40, "%s", whole);
		return;
	}
	double tenths = round(fmax(v, 0) / 1e5);
	grouped(floor(tenths / 10), whole);
	snprintf(out, 40, "%s.%u", whole, (unsigned)fmod(tenths, 10));
}

static const char *name_of(const struct yg_org_info *org, bool japanese)
{
	if (!org)
		return japanese ? "不明な団体" : "a body";
	const char *name = japanese ? org->name_ja : org->name_en;
	return name && name[0] ? name : org->code;
}

const char *body_unit(enum body_metric metric)
{
	return metric == BODY_PACKETS_IN || metric == BODY_PACKETS_OUT ? "packets/s" : "bits/s";
}

void body_text_dark(struct yg_alert *a, const struct yg_org_info *org, const struct body_hope *hope, uint32_t silent_s, uint32_t minutes)
{
	char expected[32], ja[160], en[160];
	grouped(a->baseline, expected);
	if (hope->learning == YG_LEARN_FLOOR) {
		snprintf(ja, sizeof ja, "平常値を学習中のため、直近%u分間の実績から判定しており、確度は高くありません。", minutes);
		snprintf(en, sizeof en, " Its habit is still being learned: this rests on the last %u minute%s and is less certain.", minutes,
			 minutes == 1 ? "" : "s");
	} else {
		snprintf(ja, sizeof ja, "同じ曜日・時間帯の中央値に基づく判定です。");
		snprintf(en, sizeof en, " This rests on the median of this hour of the week.");
	}
	bool out = hope->way == BODY_OUT;
	snprintf(a->text_ja, sizeof a->text_ja, "%sの通信が途絶えています。普段なら%s約%sパケットが流れる%u秒間に、1パケットも届いていません。%s",
		 name_of(org, true), out ? "この団体から" : "この団体宛てに", expected, silent_s, ja);
	snprintf(a->text_en, sizeof a->text_en, "%s has gone dark: nothing %s it for %u s, in which about %s packets are usual.%s",
		 name_of(org, false), out ? "came from" : "went to", silent_s, expected, en);
}

void body_text_habit(struct yg_alert *a, const struct yg_org_info *org, enum body_metric metric, enum body_side side, uint32_t days)
{
	static const char *const what_ja[] = {"受信パケット数", "受信通信量", "送信通信量"};
	static const char *const what_en[] = {"packets to", "traffic to", "traffic from"};
	bool bits = metric != BODY_PACKETS_IN, up = side == BODY_UP;
	char observed[40], median[40], limit[40], top_ja[96] = "", top_en[96] = "";
	quantity(a->observed, bits, observed);
	quantity(a->baseline, bits, median);
	quantity(a->threshold, bits, limit);
	if (up && a->top_count) {
		snprintf(top_ja, sizeof top_ja, "最も多い端末が全体の%.0f%%を占めます。", (double)a->top[0].share * 100);
		snprintf(top_en, sizeof top_en, " One host makes %.0f %% of it.", (double)a->top[0].share * 100);
	}
	snprintf(a->text_ja, sizeof a->text_ja,
		 "%sの%sが、この曜日・時間帯の平常値を大きく%sっています。%u分間の平均で毎秒%s%s（中央値%s、%s%s、学習%u日）。%s", name_of(org, true),
		 what_ja[metric], up ? "上回" : "下回", a->window_s / 60, observed, bits ? "Mbit" : "パケット", median, up ? "上限" : "下限", limit, days,
		 top_ja);
	snprintf(a->text_en, sizeof a->text_en,
		 "Far %s the habit of this hour of the week: %s %s, %s %s on average in %u min (median %s, limit %s, %u day%s learned).%s",
		 up ? "above" : "below", what_en[metric], name_of(org, false), observed, bits ? "Mbit/s" : "packets/s",
		 a->window_s / 60, median, limit, days, days == 1 ? "" : "s", top_en);
}

// As many whole names as fit.
static unsigned gather(const struct yg_org_info *const *names, unsigned named, bool japanese, char out[NAMES_BYTES])
{
	size_t at = 0;
	unsigned i = 0;
	out[0] = 0;
	for (; i < named; i++) {
		const char *name = name_of(names[i], japanese), *comma = !i ? "" : japanese ? "、" : ", ";
		if (at + strlen(comma) + strlen(name) >= NAMES_BYTES)
			break;
		at += (size_t)snprintf(out + at, NAMES_BYTES - at, "%s%s", comma, name);
	}
	return i;
}

void body_text_mirror(struct yg_alert *a, const struct yg_org_info *const *names, unsigned named, unsigned count, unsigned able)
{
	char ja[NAMES_BYTES], en[NAMES_BYTES], more_ja[40] = "", more_en[40] = "", missing[32];
	unsigned shown = gather(names, named, true, ja);
	if (shown < count)
		snprintf(more_ja, sizeof more_ja, "ほか%u団体", count - shown);
	shown = gather(names, named, false, en);
	if (shown < count)
		snprintf(more_en, sizeof more_en, " and %u more", count - shown);
	grouped(a->baseline, missing);
	if (!able) {
		snprintf(a->text_ja, sizeof a->text_ja,
			 "%u秒間、ミラーに1パケットも届きませんでした。普段なら%u団体（%s%s）の約%sパケットが見えるはずの時間です。ミラーまたは上流回線を確認してください。",
			 a->window_s, count, ja, more_ja, missing);
		snprintf(a->text_en, sizeof a->text_en,
			 "The mirror showed nothing at all for %u s, in which about %s packets of %u bod%s (%s%s) are usual: check it and the line before it.",
			 a->window_s, missing, count, count == 1 ? "y" : "ies", en, more_en);
		return;
	}
	snprintf(a->text_ja, sizeof a->text_ja,
		 "%u団体中%u団体（%s%s）の通信が同時に途絶えました。個々の団体ではなく、ミラーまたは上流回線の異常とみられます。%u秒間で約%sパケットが届いていません。",
		 able, count, ja, more_ja, a->window_s, missing);
	snprintf(a->text_en, sizeof a->text_en,
		 "%u of %u bodies that should be heard fell silent together (%s%s): the mirror or the line before it, rather than the "
		 "bodies. About %s packets are missing in %u s.",
		 count, able, en, more_en, missing, a->window_s);
}
