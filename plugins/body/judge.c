// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Silence, and the habit. A body is dark when nothing came of it for as long as at least 200 packets would have been usual: 60 s where
// that is 200 a minute, growing to 15 minutes where it is less; quieter ones are never dark. Bodies that fall silent together are not dark:
// something before them is. What the whole link does not show is no silence of a body either: in a live run the sensor tells of that at
// once (sensor.silent), and a replay may simply be at its end.
#include "body.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIGMA 1.4826       // of a normal distribution, for each median deviation
#define UP_DEVIATIONS 6.0
#define UP_RATIO 2.0
#define DOWN_RATIO 0.2
#define UP_SLOTS 2         // 10 minutes
#define DOWN_SLOTS 1       // 5 minutes
#define LINE_SHARE 0.05    // of the access line: less is no news whatever the habit
#define BACK_SHARE 0.1     // of what is expected: it is heard again
#define BACK_LEAST 3.0
#define CROSSING 0.05
#define ONE_WAY_SHARE 0.9f
#define ONE_WAY 0.7f

bool body_hope_of(const struct body_watch *b, struct body_hope *ret_hope)
{
	// By what it sends: strangers go on knocking at the addresses of a body whose power is out. A mirror that shows only what goes to it
	// leaves no other way, but for what passes between two bodies.
	static const enum body_way ways[] = {BODY_OUT, BODY_IN};
	double in = body_expected(b, BODY_IN);
	for (unsigned i = 0; i < BODY_WAYS; i++) {
		double rate = ways[i] == BODY_IN ? in : body_expected(b, BODY_OUT);
		if (rate * BODY_WINDOW_HIGH_S < BODY_EXPECTED || (ways[i] == BODY_OUT && rate < CROSSING * in))
			continue;
		double window = ceil(BODY_EXPECTED / rate);
		ret_hope->way = ways[i];
		ret_hope->learning = b->habit.learning;
		ret_hope->rate = rate;
		ret_hope->window_s = window < BODY_WINDOW_LOW_S ? BODY_WINDOW_LOW_S : (uint32_t)window;
		return true;
	}
	return false;
}

static float confidence_of(const struct body_watch *b, uint8_t learning)
{
	static const float by_learning[] = {[YG_LEARN_FLOOR] = 0.5f, [YG_LEARN_SHORT] = 0.8f, [YG_LEARN_FULL] = 0.95f};
	return by_learning[learning] * (b && b->one_way > ONE_WAY_SHARE ? ONE_WAY : 1.0f);
}

static void begin_alert(struct yg_alert *a, const char *kind, int64_t second, int64_t onset)
{
	memset(a, 0, sizeof *a);
	snprintf(a->kind, sizeof a->kind, "%s", kind);
	snprintf(a->runbook, sizeof a->runbook, "%s", kind);
	a->time_ns = (second + 1) * INT64_C(1000000000);
	a->first_ns = onset > 0 ? onset * INT64_C(1000000000) : 0;
	a->org = YG_ORG_NONE;
}

static void add_top(struct yg_alert *a, const struct body_host *hosts, double bytes)
{
	uint32_t used = 0;
	while (a->top_count < YG_TOP_MAX && bytes > 0) {
		unsigned best = BODY_HOSTS;
		for (unsigned i = 0; i < BODY_HOSTS; i++)
			if (!(used & 1u << i) && hosts[i].bytes && (best == BODY_HOSTS || hosts[i].bytes > hosts[best].bytes))
				best = i;
		if (best == BODY_HOSTS)
			return;
		used |= 1u << best;
		a->top[a->top_count++] = (struct yg_alert_top){hosts[best].addr, hosts[best].af, (float)fmin((double)hosts[best].bytes / bytes, 1)};
	}
}

static double bytes_of(const struct body_watch *b)
{
	return b->last_host_bytes > 0 ? b->last_host_bytes : b->host_bytes;
}

// Who spoke for a body before it fell silent. `bytes`: what shares are of; 0: of all that it said.
static void add_hosts(struct yg_alert *a, const struct body_watch *b, double bytes)
{
	add_top(a, b->last_host_bytes > 0 ? b->last_host : b->host, bytes > 0 ? bytes : bytes_of(b));
}

// A ring whose last value ended at `end`.
static void add_series(struct yg_alert *a, const float *ring, uint32_t next, uint32_t step_s, int64_t end)
{
	uint32_t n = next < BODY_SERIES ? next : BODY_SERIES;
	for (uint32_t i = 0; i < n; i++)
		a->series[i] = ring[(next - n + i) % BODY_SERIES];
	a->series_count = (uint8_t)n;
	a->series_step_s = step_s;
	a->series_start = end - (int64_t)n * step_s;
}

// Of a silence: from what is expected to the most that is in the chart.
static void set_band(struct yg_alert *a, double low)
{
	a->series_low = a->series_high = (float)low;
	for (unsigned i = 0; i < a->series_count; i++)
		a->series_high = a->series[i] > a->series_high ? a->series[i] : a->series_high;
}

static const struct yg_org_info *org_of(const struct body *d, uint16_t org)
{
	return d->host->org(d->host->context, org);
}

static bool is_planned(const struct body *d, const struct body_watch *b, int64_t second, uint32_t what)
{
	return d->host->planned(d->host->context, b->org, second) & what;
}

// ---- dark ----

static void raise_dark(struct body *d, const struct body_watch *b, const struct body_hope *hope, int64_t second)
{
	struct yg_alert a;
	const struct yg_org_info *org = org_of(d, b->org);
	uint32_t silent = b->silent_at + (uint32_t)(second - b->dark_s);
	begin_alert(&a, "org.dark", second, second + 1 - silent);
	snprintf(a.vector, sizeof a.vector, "%s", org ? org->code : "");
	a.org = b->org;
	a.severity = YG_SEV_HIGH;
	a.score = 80;
	a.learning = hope->learning;
	a.confidence = confidence_of(b, hope->learning);
	a.clear_after_s = BODY_CLEAR_S;
	a.observed = 0;
	a.threshold = 1; // one packet would have been enough
	a.baseline = round(hope->rate * silent);
	snprintf(a.unit, sizeof a.unit, "packets");
	a.window_s = silent;
	add_hosts(&a, b, 0);
	add_series(&a, b->minutes, b->minutes_next, 60, (second + 1) / 60 * 60);
	set_band(&a, hope->rate);
	body_text_dark(&a, org, hope, silent, b->recent_minutes);
	d->host->raise(d->host->context, &a);
}

// One of those whose silence a mirror alert is about.
static bool is_silent(const struct body_watch *b, unsigned able)
{
	struct body_hope hope;
	return able ? b->in_mirror : body_hope_of(b, &hope);
}

static void raise_mirror(struct body *d, int64_t second, int64_t since, unsigned count, unsigned able, double missing)
{
	struct yg_alert a;
	const struct yg_org_info *names[YG_TOP_MAX];
	unsigned named = 0;
	begin_alert(&a, "sensor.mirror", second, since);
	snprintf(a.vector, sizeof a.vector, able ? "bodies_dark" : "all_dark");
	a.severity = YG_SEV_HIGH;
	a.score = 85;
	a.clear_after_s = BODY_CLEAR_S;
	a.confidence = able ? 0.9f : 0.8f;
	a.observed = count;
	a.threshold = able ? fmax(2, ceil(able / 2.0)) : 1;
	a.baseline = round(missing);
	snprintf(a.unit, sizeof a.unit, "bodies");
	a.window_s = (uint32_t)(second + 1 - since > 0 ? second + 1 - since : 1);
	double bytes = 0;
	for (uint32_t i = 0; i < d->used; i++)
		bytes += is_silent(&d->watch[i], able) ? bytes_of(&d->watch[i]) : 0;
	for (uint16_t org = 0; org < BODY_ORGS && named < YG_TOP_MAX; org++) {
		const struct body_watch *b = body_get(d, org, false);
		const struct yg_org_info *info = b && is_silent(b, able) ? org_of(d, org) : NULL;
		if (!info)
			continue;
		names[named++] = info;
		unsigned before = a.top_count;
		add_hosts(&a, b, bytes);
		a.top_count = (uint8_t)(a.top_count > before ? before + 1 : before); // the strongest of each
	}
	add_series(&a, d->link_series, d->link_next, 60, (second + 1) / 60 * 60);
	set_band(&a, missing / a.window_s);
	body_text_mirror(&a, names, named, count, able);
	d->host->raise(d->host->context, &a);
}

static uint32_t silence_of(const struct body_watch *b, const struct body_hope *hope)
{
	return b->silent_s[hope->way];
}

static void begin_dark(struct body_watch *b, const struct body_hope *hope, int64_t second)
{
	b->dark = true;
	b->dark_s = second;
	b->silent_at = silence_of(b, hope) ? silence_of(b, hope) : 1;
}

// Those that are newly silent for long enough: together, or each by itself.
static void find_silent(struct body *d, int64_t second)
{
	uint32_t longest = 0, group = 0, able = 0;
	struct body_hope hope;
	for (uint32_t i = 0; i < d->used; i++) {
		const struct body_watch *b = &d->watch[i];
		if (!b->dark && !b->in_mirror && body_hope_of(b, &hope) && silence_of(b, &hope) >= hope.window_s &&
		    silence_of(b, &hope) > longest && !is_planned(d, b, second, YG_PLAN_WORK))
			longest = silence_of(b, &hope);
	}
	if (!longest)
		return;
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		if (b->dark || !body_hope_of(b, &hope) || hope.rate * longest < BODY_QUIET || is_planned(d, b, second, YG_PLAN_WORK))
			continue;
		int64_t apart = (int64_t)silence_of(b, &hope) - longest;
		able++;
		b->counted = hope.rate * silence_of(b, &hope) >= BODY_QUIET && apart >= -BODY_TOGETHER_S && apart <= BODY_TOGETHER_S;
		group += b->counted;
	}
	bool together = group >= 2 && 2 * group >= able;
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		bool counted = b->counted;
		b->counted = false;
		if (b->dark || b->in_mirror || !body_hope_of(b, &hope))
			continue;
		if (together && counted) {
			b->in_mirror = true;
			continue;
		}
		if (silence_of(b, &hope) >= hope.window_s && !is_planned(d, b, second, YG_PLAN_WORK))
			begin_dark(b, &hope, second);
	}
	if (together)
		d->mirror = (struct body_mirror){true, group, able, d->mirror.open ? d->mirror.since_s : second + 1 - longest};
}

// A few packets are no return: a host on its battery speaks now and then.
static bool is_back(const struct body_watch *b, const struct body_hope *hope)
{
	return b->back >= fmax(BACK_LEAST, BACK_SHARE * 10 * hope->rate);
}

static void step_mirror(struct body *d, int64_t second)
{
	uint32_t silent = 0;
	double missing = 0;
	struct body_hope hope;
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		if (!b->in_mirror)
			continue;
		b->in_mirror = body_hope_of(b, &hope) && !is_back(b, &hope);
		silent += b->in_mirror;
		missing += b->in_mirror ? hope.rate * (double)(second + 1 - d->mirror.since_s) : 0;
	}
	if (silent && 2 * silent >= d->mirror.members) {
		if ((second - d->mirror.since_s) % BODY_RAISE_S == 0)
			raise_mirror(d, second, d->mirror.since_s, silent, d->mirror.able, missing);
		return;
	}
	// Most are back. Whoever is not within a window of its own has a fault of its own.
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		if (b->in_mirror)
			b->silent_s[BODY_IN] = b->silent_s[BODY_OUT] = 0;
		b->in_mirror = false;
	}
	d->mirror.open = false;
}

void body_judge_silence(struct body *d, int64_t second)
{
	bool opened = !d->mirror.open;
	find_silent(d, second);
	opened = opened && d->mirror.open;
	if (opened) { // at once, and then every few seconds
		double missing = 0;
		struct body_hope hope;
		for (uint32_t i = 0; i < d->used; i++)
			if (d->watch[i].in_mirror && body_hope_of(&d->watch[i], &hope))
				missing += hope.rate * silence_of(&d->watch[i], &hope);
		raise_mirror(d, second, d->mirror.since_s, d->mirror.members, d->mirror.able, missing);
	} else if (d->mirror.open) {
		step_mirror(d, second);
	}
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		struct body_hope hope;
		if (!b->dark)
			continue;
		b->dark_s = b->dark_s ? b->dark_s : second; // a restart found it so
		b->dark = body_hope_of(b, &hope) && !is_back(b, &hope) && !is_planned(d, b, second, YG_PLAN_WORK);
		if (b->dark && (second - b->dark_s) % BODY_RAISE_S == 0)
			raise_dark(d, b, &hope, second);
	}
}

void body_judge_gap(struct body *d, int64_t second, uint32_t silent_s)
{
	double missing = 0;
	unsigned count = 0;
	struct body_hope hope;
	for (uint32_t i = 0; i < d->used; i++) {
		const struct body_watch *b = &d->watch[i];
		if (b->dark || !body_hope_of(b, &hope) || hope.rate * silent_s < BODY_QUIET || is_planned(d, b, second, YG_PLAN_WORK))
			continue;
		missing += hope.rate * silent_s;
		count++;
	}
	if (silent_s >= BODY_WINDOW_LOW_S && count >= 2 && missing >= BODY_EXPECTED)
		raise_mirror(d, second - 1, second - (int64_t)silent_s, count, 0, missing);
}

// ---- the habit ----

static double floor_of(const struct body *d, const struct body_watch *b, unsigned metric)
{
	double bits = fmax(d->floor_bits, LINE_SHARE * (double)b->line_bps);
	return metric == BODY_PACKETS_IN ? fmax(d->floor_packets, LINE_SHARE * (double)b->line_bps / 8 / 1024) : bits;
}

static double limit_of(const struct body *d, const struct body_watch *b, unsigned metric, unsigned side)
{
	double median = b->habit.median[metric], floor = floor_of(d, b, metric);
	if (side == BODY_UP)
		return fmax(fmax(median + UP_DEVIATIONS * SIGMA * b->habit.mad[metric], UP_RATIO * median), floor);
	return median >= floor / 2 ? DOWN_RATIO * median : 0; // of next to nothing no less can be missing
}

static void raise_habit(struct body *d, struct body_watch *b, unsigned metric, unsigned side, int64_t slot_s)
{
	struct yg_alert a;
	const struct yg_org_info *org = org_of(d, b->org);
	int64_t last = slot_s + BODY_SLOT_S - 1;
	uint32_t slots = b->beyond[side][metric];
	begin_alert(&a, "org.baseline", last, slot_s - (int64_t)(slots - 1) * BODY_SLOT_S);
	snprintf(a.vector, sizeof a.vector, "%s/%s", side == BODY_UP ? "up" : "down", org ? org->code : "");
	a.org = b->org;
	a.severity = YG_SEV_MEDIUM;
	a.score = 60;
	a.learning = b->habit.learning;
	a.confidence = confidence_of(b, a.learning);
	a.clear_after_s = BODY_SLOT_CLEAR_S;
	a.observed = b->slot[metric];
	a.threshold = limit_of(d, b, metric, side);
	a.baseline = b->habit.median[metric];
	a.window_s = BODY_SLOT_S; // that is what the numbers are of; how long it lasts, first_ns tells
	snprintf(a.unit, sizeof a.unit, "%s", body_unit((enum body_metric)metric));
	add_top(&a, b->host, b->host_bytes);
	add_series(&a, b->series[metric], b->slots_next, BODY_SLOT_S, last + 1);
	a.series_low = (float)limit_of(d, b, metric, BODY_DOWN);
	a.series_high = (float)limit_of(d, b, metric, BODY_UP);
	body_text_habit(&a, org, (enum body_metric)metric, (enum body_side)side, (uint32_t)((last - b->first_s) / 86400));
	d->host->raise(d->host->context, &a);
}

static bool is_beyond(const struct body *d, const struct body_watch *b, unsigned metric, unsigned side)
{
	double limit = limit_of(d, b, metric, side);
	return side == BODY_UP ? b->slot[metric] > limit : b->slot[metric] < limit;
}

static bool is_excused(const struct body *d, const struct body_watch *b, unsigned side, int64_t second)
{
	if (side == BODY_DOWN)
		return b->dark || b->in_mirror || is_planned(d, b, second, YG_PLAN_WORK);
	return is_planned(d, b, second, YG_PLAN_SURGE | YG_PLAN_BACKUP);
}

// One alert a side: it keeps the metric with which it opened.
void body_judge_slot(struct body *d, struct body_watch *b, int64_t slot_s)
{
	for (unsigned side = 0; side < BODY_SIDES; side++) {
		unsigned chosen = BODY_JUDGED;
		double most = 0;
		bool excused = !b->habit.known || is_excused(d, b, side, slot_s + BODY_SLOT_S - 1);
		for (unsigned m = 0; m < BODY_JUDGED; m++) {
			bool beyond = !excused && is_beyond(d, b, m, side);
			b->beyond[side][m] = (uint8_t)(beyond ? b->beyond[side][m] + (b->beyond[side][m] < UINT8_MAX) : 0);
			double far = side == BODY_UP ? b->slot[m] / fmax(limit_of(d, b, m, side), 1) : 1 - b->slot[m] / fmax(b->habit.median[m], 1);
			if (b->beyond[side][m] >= (side == BODY_UP ? UP_SLOTS : DOWN_SLOTS) && far > most) {
				chosen = m;
				most = far;
			}
		}
		if (b->told[side] && b->beyond[side][b->told[side] - 1])
			chosen = b->told[side] - 1u;
		b->told[side] = (uint8_t)(chosen < BODY_JUDGED ? chosen + 1 : 0);
		if (chosen < BODY_JUDGED)
			raise_habit(d, b, chosen, side, slot_s);
	}
}
