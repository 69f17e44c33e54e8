// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert of the line detector says. Both sentences are made from the numbers in the alert.
#include "line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MEGA 1e6

static void add_top(struct yg_alert *a, const struct line_way *way)
{
	for (unsigned i = 0; i < way->top_count; i++)
		a->top[i] = (struct yg_alert_top){way->top[i].addr, way->top[i].af, (float)fmin(1, way->top[i].bits / way->bits)};
	a->top_count = way->top_count;
}

static void add_series(struct yg_alert *a, const struct line_way *way, int64_t second)
{
	uint32_t n = way->series_count < YG_SERIES_MAX ? way->series_count : YG_SERIES_MAX;
	for (uint32_t i = 0; i < n; i++)
		a->series[i] = way->series[(way->series_count - n + i) % YG_SERIES_MAX];
	a->series_count = (uint8_t)n;
	a->series_start = second + 1 - n;
	a->series_step_s = 1;
	a->series_low = (float)fmin(a->baseline, a->threshold);
	a->series_high = (float)a->threshold;
}

static void sentences(struct yg_alert *a, const struct line *line, unsigned direction, const struct yg_org_info *org)
{
	double bps = (double)line->bps, percent = floor(a->observed / bps * 100);
	bool ja = org && org->name_ja && org->name_ja[0], en = org && org->name_en && org->name_en[0];
	snprintf(a->text_ja, sizeof a->text_ja,
	         "%.90s%sの%s方向が飽和している疑い。毎秒%.1fMbit（回線%.1fMbitの%.0f%%、しきい値%.1f、平常値は平均%.1f）。"
	         "回線を超えた分は見えないため、実際に押し寄せている量は分からない。",
	         ja ? org->name_ja : "", org ? (ja ? "のアクセス回線" : "アクセス回線") : "出口回線", direction == LINE_IN ? "下り" : "上り",
	         a->observed / MEGA, bps / MEGA, percent, a->threshold / MEGA, a->baseline / MEGA);
	snprintf(a->text_en, sizeof a->text_en,
	         "%s%.90s is close to full %s: %.1f Mbit/s of %.1f (%.0f%%; threshold %.1f, usually %.1f on average). "
	         "What exceeds the line is out of sight, so the true volume is unknown.",
	         org ? (en ? "The access line of " : "The access line") : "The egress line", en ? org->name_en : "",
	         direction == LINE_IN ? "inward" : "outward", a->observed / MEGA, bps / MEGA, percent, a->threshold / MEGA, a->baseline / MEGA);
}

void line_raise(const struct line_watch *w, const struct line *line, unsigned direction, int64_t second, bool hold)
{
	const struct line_way *way = &line->way[direction];
	const struct yg_org_info *org = w->host->org(w->host->context, line->org);
	struct yg_alert a = {.kind = "link.saturation", .runbook = "link.saturation", .technique = "T1498.001", .af = 4, .unit = "bits/s"};
	snprintf(a.vector, sizeof a.vector, "%s", direction == LINE_IN ? "in" : "out");
	// A line has no address. Its body's code, where the key has a source that is shown to nobody (source_af is 0), tells it from others.
	a.key_source = 1;
	if (org)
		memcpy(a.source.b, org->code, strnlen(org->code, sizeof a.source.b));
	a.hold = hold;
	a.org = line->org;
	a.time_ns = (second + 1) * INT64_C(1000000000);
	a.first_ns = way->onset * INT64_C(1000000000);
	a.clear_after_s = (uint16_t)w->clear_s;
	a.severity = way->high ? YG_SEV_HIGH : YG_SEV_MEDIUM;
	if (!hold) {
		a.observed = way->bits;
		a.threshold = (way->high ? LINE_HIGH : LINE_MEDIUM) * (double)line->bps;
		a.baseline = way->usual;
		a.window_s = way->high ? LINE_HIGH_S : LINE_MEDIUM_S;
		a.confidence = 1;
		a.score = way->high ? 85 : 60;
		a.learning = YG_LEARN_FULL; // a declared line need not be learned
		add_top(&a, way);
		add_series(&a, way, second);
		sentences(&a, line, direction, org);
	}
	w->host->raise(w->host->context, &a);
}
