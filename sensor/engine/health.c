// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See health.h. Counters are compared with what they were a period ago; a counter that went back (a new engine, a driver that was reset)
// counts as no change. What no driver counts is unknown, and is judged by nobody: drops of the kernel are only where its socket tells.
#include "engine/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PERIOD_S = 10,
	CLEAR_S = 25,         // of what is looked at every period
	CLEAR_AT_ONCE_S = 3,  // of what is looked at every second
	CLEAR_SHED_S = 15,    // several times shed.calm: going up and down is one alert
	STALLED_MS = 1000,
	LOOK_MS = 100,
	RAISE_MS = 1000,
	FRAME_OVERHEAD = 20,  // preamble, start delimiter and gap
	GAP_FLOWS_MIN = 8,    // fewer connections prove no loss: one can acknowledge what nobody sent
	TEXT_ROOM = 96,       // of a sentence, for what temper adds
};

enum issue {
	DROPS,
	KERNEL,
	HANDING,
	ERRORS,
	GAPS,
	DUPLICATES,
	ONE_WAY,
	REORDERING,
	ASYMMETRY,
	IMBALANCE,
	UTILISATION,
	LINK,
	ISSUES,
};

// What is measured, of how many of what at least, by which option, and how much it takes from the confidence of others.
static const struct {
	const char *vector, *unit, *en, *ja, *of_en, *of_ja;
	enum yg_option_id option;
	double least;
	float confidence;
} issues[ISSUES] = {
	[DROPS] = {"drops", "%", "the port lost frames before they could be read", "ポートで失われたフレーム", "frames", "フレーム",
		   YG_O_MIRROR_DROPS, 1000, 0.8f},
	[KERNEL] = {"kernel_drops", "%", "the kernel dropped frames", "カーネルで失われたフレーム", "frames", "フレーム",
		    YG_O_MIRROR_DROPS, 1000, 0.8f},
	[HANDING] = {"handover", "%", "frames were lost between workers", "ワーカー間で失われたフレーム", "frames", "フレーム",
		     YG_O_MIRROR_DROPS, 1000, 0.8f},
	[ERRORS] = {"errors", "%", "frames came damaged", "破損したフレーム", "frames", "フレーム", YG_O_MIRROR_ERRORS, 1000, 0.9f},
	[GAPS] = {"gaps", "%", "data was acknowledged that the mirror never showed", "確認応答があるのに届いていないデータ", "bytes",
		  "バイト", YG_O_MIRROR_GAPS, 1000000, 0.8f},
	[DUPLICATES] = {"duplicates", "%", "packets came twice", "二重に届いたパケット", "packets looked at", "パケット",
			YG_O_MIRROR_DUPLICATES, 1000, 0.7f},
	[ONE_WAY] = {"one_way", "%", "connections showed one direction only", "片方向しか見えない接続", "connections", "接続",
		     YG_O_MIRROR_ONE_WAY, 100, 0.8f},
	[REORDERING] = {"reordering", "%", "segments came out of order", "順序が入れ替わったセグメント", "segments looked at", "セグメント",
			YG_O_MIRROR_REORDERING, 1000, 0.9f},
	[ASYMMETRY] = {"rss_asymmetric", "%", "two workers had packets of the same flow", "二つのワーカーに分かれたフロー",
		       "flows looked at", "フロー", YG_O_MIRROR_ASYMMETRY, 500, 0.7f},
	[IMBALANCE] = {"imbalance", "times", "one worker gets more than its share", "一つのワーカーへの偏り", "packets", "パケット",
		       YG_O_MIRROR_IMBALANCE, 100000, 1},
	[UTILISATION] = {"utilisation", "%", "the mirrored line is nearly as full as a mirror can show", "ミラー対象回線の使用率", "bits",
			 "ビット", YG_O_MIRROR_UTILISATION, 1, 1},
	[LINK] = {"link_down", "links", "the port has no link", "リンク断", "", "", YG_O_MIRROR_SILENCE, 0, 0.8f},
};

// Counters as they were at the last look.
struct port_before {
	uint64_t packets, bytes, missed, errors, nombuf, kernel;
	uint64_t heard;         // packets, for silence
	int64_t heard_second;
};

struct worker_before {
	uint64_t c[YG_WC_COUNT];
	uint64_t beat;
	int64_t beat_ms;
};

struct found {
	double observed, of;
	const char *port;
};

struct yg_health {
	struct yg_health_options o;
	int64_t second, period_end;
	int64_t look_ms, shed_ms, stalled_ms[YG_WORKERS_MAX];
	uint8_t shed_step;
	uint64_t pairs_period;
	struct { uint32_t flows, both; } pairs[60 / PERIOD_S];
	unsigned pairs_next;
	struct port_before port[YG_PORTS_MAX];
	struct worker_before worker[YG_WORKERS_MAX];
	uint64_t delta[YG_WC_COUNT]; // of all workers, in the last period
	uint64_t delta_most;         // received by the fullest worker
	int64_t bad_until[ISSUES];
};

struct yg_health *yg_health_create(const struct yg_health_options *options)
{
	struct yg_health *h = calloc(1, sizeof *h);
	if (h)
		h->o = *options;
	return h;
}

void yg_health_retune(struct yg_health *h, const struct yg_config *config)
{
	h->o.config = config;
}

void yg_health_destroy(struct yg_health *h)
{
	free(h);
}

// ---- alerts ----

static void begin_alert(struct yg_alert *a, const char *kind, const char *vector, enum yg_severity severity)
{
	memset(a, 0, sizeof *a);
	snprintf(a->kind, sizeof a->kind, "%s", kind);
	snprintf(a->runbook, sizeof a->runbook, "%s", kind);
	snprintf(a->vector, sizeof a->vector, "%s", vector);
	a->severity = (uint8_t)severity;
	a->score = severity == YG_SEV_CRITICAL ? 95 : severity == YG_SEV_HIGH ? 80 : 60;
	a->confidence = 1;
	a->org = YG_ORG_NONE;
}

static void raise_issue(struct yg_health *h, enum issue issue, const struct found *f, double threshold, unsigned clear_s)
{
	struct yg_alert a;
	char vector[sizeof a.vector + sizeof h->o.stats->port[0].name];
	snprintf(vector, sizeof vector, "%s%s%s", issues[issue].vector, f->port ? "/" : "", f->port ? f->port : "");
	begin_alert(&a, "sensor.mirror", vector, YG_SEV_HIGH);
	snprintf(a.unit, sizeof a.unit, "%s", issues[issue].unit);
	a.observed = f->observed;
	a.threshold = threshold;
	a.window_s = issue == ONE_WAY || issue == ASYMMETRY ? 60 : PERIOD_S;
	a.clear_after_s = (uint16_t)clear_s;
	a.hold = f->observed < threshold;
	h->bad_until[issue] = h->second + clear_s;
	const char *port = f->port ? f->port : "";
	if (issue == LINK) {
		a.window_s = 1;
		snprintf(a.text_en, sizeof a.text_en, "Mirror: port %s has no link.", port);
		snprintf(a.text_ja, sizeof a.text_ja, "ミラーの異常：ポート%sのリンクが切れています。", port);
	} else {
		snprintf(a.text_en, sizeof a.text_en, "Mirror%s%s: %s: %.2f %s of %.0f %s in %u s (threshold %.2f).", f->port ? ", port " : "",
			 port, issues[issue].en, f->observed, issues[issue].unit, f->of, issues[issue].of_en, a.window_s, threshold);
		snprintf(a.text_ja, sizeof a.text_ja, "ミラーの異常%s%s：%sが%.2f%s（%u秒間の%.0f%s中、しきい値%.2f）。",
			 f->port ? "（ポート" : "", f->port ? port : "", issues[issue].ja, f->observed,
			 issue == IMBALANCE ? "倍" : "%", a.window_s, f->of, issues[issue].of_ja, threshold);
		if (issue == IMBALANCE)
			snprintf(a.text_en, sizeof a.text_en, "Mirror: one worker gets %.1f times the mean of %.0f packets in %u s (threshold %.1f).",
				 f->observed, f->of, a.window_s, threshold);
	}
	h->o.raise(h->o.context, "sensor", &a);
}

// Raises above the threshold; holds what is open above half of it.
static void judge(struct yg_health *h, enum issue issue, const char *port, double part, double whole)
{
	double threshold = yg_config_float(h->o.config, issues[issue].option);
	if (threshold <= 0 || whole < issues[issue].least)
		return;
	struct found f = {.observed = issue == IMBALANCE ? part : part / whole * 100, .of = whole, .port = port};
	bool open = h->second <= h->bad_until[issue];
	if (f.observed >= threshold || (open && f.observed >= threshold / 2))
		raise_issue(h, issue, &f, threshold, CLEAR_S);
}

// ---- every period ----

static uint64_t since(uint64_t *before, const struct yg_counter *counter)
{
	uint64_t now = yg_counter_get(counter), was = *before;
	*before = now;
	return now > was ? now - was : 0;
}

static unsigned ports_of(const struct yg_health *h)
{
	uint64_t n = yg_counter_get(&h->o.stats->ports_count);
	return n < YG_PORTS_MAX ? (unsigned)n : YG_PORTS_MAX;
}

static void judge_ports(struct yg_health *h)
{
	uint64_t packets = 0, bytes = 0;
	for (unsigned i = 0; i < ports_of(h); i++) {
		const struct yg_port_stats *p = &h->o.stats->port[i];
		struct port_before *b = &h->port[i];
		uint64_t seen = since(&b->packets, &p->packets), lost = since(&b->missed, &p->missed) + since(&b->nombuf, &p->nombuf);
		uint64_t errors = since(&b->errors, &p->errors);
		uint64_t in_kernel = since(&b->kernel, &p->kernel_drops);
		judge(h, DROPS, p->name, (double)lost, (double)(seen + lost));
		if (yg_counter_get(&p->kernel_drops_known))
			judge(h, KERNEL, p->name, (double)in_kernel, (double)(seen + in_kernel));
		judge(h, ERRORS, p->name, (double)errors, (double)(seen + errors));
		packets += seen;
		bytes += since(&b->bytes, &p->bytes);
	}
	int64_t line = yg_config_int(h->o.config, YG_O_EGRESS_LINE);
	if (line > 0)
		judge(h, UTILISATION, NULL, (double)(bytes + FRAME_OVERHEAD * packets) * 8, (double)line * PERIOD_S);
}

static void sum_workers(struct yg_health *h)
{
	memset(h->delta, 0, sizeof h->delta);
	h->delta_most = 0;
	for (unsigned i = 0; i < h->o.workers; i++) {
		for (unsigned c = 0; c < YG_WC_COUNT; c++) {
			uint64_t delta = since(&h->worker[i].c[c], &h->o.stats->worker[i].c[c]);
			h->delta[c] += delta;
			if (c == YG_WC_RECEIVED && delta > h->delta_most)
				h->delta_most = delta;
		}
	}
}

static void judge_workers(struct yg_health *h)
{
	const uint64_t *d = h->delta;
	uint64_t handed_lost = d[YG_WC_HANDED_FULL], received = d[YG_WC_RECEIVED];
	judge(h, HANDING, NULL, (double)handed_lost, (double)(received + handed_lost));
	uint64_t lost = d[YG_WC_MIRROR_GAP_BYTES] > d[YG_WC_MIRROR_GAPS_FILLED] ? d[YG_WC_MIRROR_GAP_BYTES] - d[YG_WC_MIRROR_GAPS_FILLED] : 0;
	if (d[YG_WC_MIRROR_GAP_FLOWS] >= GAP_FLOWS_MIN)
		judge(h, GAPS, NULL, (double)lost, (double)d[YG_WC_MIRROR_ACKED]);
	uint64_t twice = d[YG_WC_MIRROR_DUPLICATES] > d[YG_WC_MIRROR_REPEATED] ? d[YG_WC_MIRROR_DUPLICATES] - d[YG_WC_MIRROR_REPEATED] : 0;
	if (!yg_config_int(h->o.config, YG_O_CAPTURE_DEDUPLICATE))
		judge(h, DUPLICATES, NULL, (double)twice, (double)d[YG_WC_MIRROR_PACKETS]);
	judge(h, REORDERING, NULL, (double)d[YG_WC_MIRROR_REORDERED], (double)d[YG_WC_MIRROR_SEGMENTS]);
	if (h->o.workers > 1 && received)
		judge(h, IMBALANCE, NULL, (double)h->delta_most * h->o.workers / (double)received, (double)received);
}

// In each place the lowest hash of all workers belongs to one flow, drawn from all: the share of places in which two workers have it is the
// share of flows that two workers have.
static void compare_pairs(const struct yg_health *h, uint32_t *ret_flows, uint32_t *ret_both)
{
	for (unsigned place = 0; place < YG_PAIR_PLACES; place++) {
		uint64_t lowest = 0;
		unsigned holders = 0;
		for (unsigned i = 0; i < h->o.workers; i++) {
			uint64_t hash = yg_counter_get(&h->o.stats->worker[i].pairs[place]);
			if (!hash || (lowest && hash > lowest))
				continue;
			holders = hash == lowest ? holders + 1 : 1;
			lowest = hash;
		}
		*ret_flows += lowest != 0;
		*ret_both += holders > 1;
	}
}

// Once all workers have shown the same period.
static void judge_pairs(struct yg_health *h)
{
	uint64_t period = yg_counter_read(&h->o.stats->worker[0].pairs_period);
	for (unsigned i = 1; i < h->o.workers; i++)
		if (yg_counter_read(&h->o.stats->worker[i].pairs_period) != period)
			return;
	if (h->o.workers < 2 || period == h->pairs_period)
		return;
	h->pairs_period = period;
	h->pairs_next = (h->pairs_next + 1) % (60 / PERIOD_S);
	h->pairs[h->pairs_next].flows = h->pairs[h->pairs_next].both = 0;
	compare_pairs(h, &h->pairs[h->pairs_next].flows, &h->pairs[h->pairs_next].both);
	uint32_t flows = 0, both = 0;
	for (unsigned i = 0; i < 60 / PERIOD_S; i++) {
		flows += h->pairs[i].flows;
		both += h->pairs[i].both;
	}
	judge(h, ASYMMETRY, NULL, both, flows);
}

// ---- every second ----

static void raise_silent(struct yg_health *h, const struct yg_port_stats *port, int64_t seconds, double limit)
{
	struct yg_alert a;
	begin_alert(&a, "sensor.silent", port->name, YG_SEV_CRITICAL);
	snprintf(a.unit, sizeof a.unit, "s");
	a.observed = (double)seconds;
	a.threshold = limit;
	a.window_s = (uint32_t)limit;
	a.clear_after_s = CLEAR_AT_ONCE_S;
	snprintf(a.text_en, sizeof a.text_en, "No packet on port %s for %lld s (threshold %.0f).", port->name, (long long)seconds, limit);
	snprintf(a.text_ja, sizeof a.text_ja, "ポート%sで%lld秒間パケットを受信していません（しきい値%.0f秒）。", port->name, (long long)seconds,
		 limit);
	h->o.raise(h->o.context, "sensor", &a);
}

static void judge_port_second(struct yg_health *h, unsigned i)
{
	const struct yg_port_stats *p = &h->o.stats->port[i];
	struct port_before *b = &h->port[i];
	double limit = yg_config_float(h->o.config, YG_O_MIRROR_SILENCE);
	uint64_t packets = yg_counter_get(&p->packets);
	bool heard = packets != b->heard || !b->heard_second;
	b->heard = packets;
	if (heard)
		b->heard_second = h->second;
	int64_t quiet = h->second - b->heard_second;
	if (limit > 0 && (double)quiet >= limit)
		raise_silent(h, p, quiet, limit);
	// A driver that knows no link says "down" for ever: packets say more.
	struct found link = {.observed = 1, .port = p->name};
	if (!heard && !yg_counter_get(&p->link_up))
		raise_issue(h, LINK, &link, 1, CLEAR_AT_ONCE_S);
}

// The first look only remembers, and so does the one after a leap in time.
static void remember_ports(struct yg_health *h)
{
	for (unsigned i = 0; i < ports_of(h); i++) {
		const struct yg_port_stats *p = &h->o.stats->port[i];
		struct port_before *b = &h->port[i];
		b->packets = yg_counter_get(&p->packets);
		b->bytes = yg_counter_get(&p->bytes);
		b->missed = yg_counter_get(&p->missed);
		b->errors = yg_counter_get(&p->errors);
		b->nombuf = yg_counter_get(&p->nombuf);
		b->kernel = yg_counter_get(&p->kernel_drops);
	}
}

void yg_health_second(struct yg_health *h, int64_t second, uint32_t connections, uint32_t one_way)
{
	h->second = second;
	for (unsigned i = 0; i < ports_of(h); i++)
		judge_port_second(h, i);
	if (h->o.workers > 1)
		judge_pairs(h);
	if (h->period_end && second < h->period_end)
		return;
	bool whole = h->period_end && second - h->period_end < PERIOD_S;
	h->period_end = second + PERIOD_S;
	sum_workers(h);
	if (!whole) {
		remember_ports(h);
		return;
	}
	judge_ports(h);
	judge_workers(h);
	if (yg_config_int(h->o.config, YG_O_EGRESS_MIRROR) == 0)
		judge(h, ONE_WAY, NULL, one_way, connections);
}

// ---- several times a second ----

static const char *const steps_en[] = {"", "new flows are not dissected", "and attempts without an answer leave no record",
				       "and packets of unknown flows are only counted, but for a few of each body"};
static const char *const steps_ja[] = {"", "新しいフローの解析を停止", "さらに応答のない試行の記録を停止", "さらに未知のフローは計数のみ（団体ごとの少数を除く）"};

static void raise_shed(struct yg_health *h, unsigned worker, unsigned step, unsigned shedding)
{
	static const uint8_t severities[] = {YG_SEV_INFO, YG_SEV_MEDIUM, YG_SEV_HIGH, YG_SEV_CRITICAL};
	const struct yg_worker_stats *w = &h->o.stats->worker[worker];
	uint64_t queue = yg_counter_get(&w->shed_queue), busy = yg_counter_get(&w->shed_busy);
	char fill_en[32] = "unknown", fill_ja[32] = "不明";
	struct yg_alert a;
	begin_alert(&a, "sensor.shed", "", severities[step]);
	if (queue != YG_STATS_UNKNOWN) {
		snprintf(fill_en, sizeof fill_en, "%.1f %%", (double)queue / 10);
		snprintf(fill_ja, sizeof fill_ja, "%.1f%%", (double)queue / 10);
	}
	snprintf(a.unit, sizeof a.unit, "step");
	a.observed = step;
	a.threshold = 1;
	a.window_s = 1;
	a.clear_after_s = CLEAR_SHED_S;
	snprintf(a.text_en, sizeof a.text_en,
		 "%u of %u workers shed load, step %u of 3 on worker %u: %s. Its receive queue: %s, busy: %.1f %%. Rates stay exact.", shedding,
		 h->o.workers, step, worker, steps_en[step], fill_en, (double)busy / 10);
	snprintf(a.text_ja, sizeof a.text_ja,
		 "負荷制限中（%u/%uワーカー）。ワーカー%uは3段階中%u：%s。受信キュー%s、稼働率%.1f%%。トラフィック量の計数は正確なままです。", shedding,
		 h->o.workers, worker, step, steps_ja[step], fill_ja, (double)busy / 10);
	h->o.raise(h->o.context, "sensor", &a);
}

static void look_at_shedding(struct yg_health *h, int64_t now_ms)
{
	unsigned worker = 0, step = 0, shedding = 0;
	for (unsigned i = 0; i < h->o.workers; i++) {
		uint64_t s = yg_counter_get(&h->o.stats->worker[i].shed_step);
		shedding += s > 0;
		if (s > step && s < sizeof steps_en / sizeof *steps_en) {
			step = (unsigned)s;
			worker = i;
		}
	}
	if (step && (step > h->shed_step || now_ms - h->shed_ms >= RAISE_MS)) {
		h->shed_ms = now_ms;
		raise_shed(h, worker, step, shedding);
	}
	h->shed_step = (uint8_t)step;
}

static void look_at_beat(struct yg_health *h, unsigned worker, int64_t now_ms)
{
	struct worker_before *b = &h->worker[worker];
	const struct yg_worker_stats *w = &h->o.stats->worker[worker];
	uint64_t beat = yg_counter_get(&w->beat_ns);
	if (!beat || beat != b->beat || !b->beat_ms || yg_counter_get(&w->ending)) {
		b->beat = beat;
		b->beat_ms = now_ms;
	}
	if (now_ms - b->beat_ms <= STALLED_MS || now_ms - h->stalled_ms[worker] < RAISE_MS)
		return;
	struct yg_alert a;
	char vector[sizeof a.vector];
	snprintf(vector, sizeof vector, "worker/%u", worker);
	begin_alert(&a, "sensor.blind", vector, YG_SEV_HIGH);
	h->stalled_ms[worker] = now_ms;
	a.observed = (double)(now_ms - b->beat_ms) / 1000;
	a.threshold = STALLED_MS / 1000.0;
	a.window_s = 1;
	a.clear_after_s = CLEAR_AT_ONCE_S;
	snprintf(a.unit, sizeof a.unit, "s");
	snprintf(a.text_en, sizeof a.text_en, "Worker %u has stood still for %.1f s: what its queues received is not seen.", worker, a.observed);
	snprintf(a.text_ja, sizeof a.text_ja, "ワーカー%uが%.1f秒間停止しています。受信キューのパケットを監視できていません。", worker, a.observed);
	h->o.raise(h->o.context, "sensor", &a);
}

void yg_health_look(struct yg_health *h, int64_t now_ms)
{
	if (now_ms - h->look_ms < LOOK_MS)
		return;
	h->look_ms = now_ms;
	look_at_shedding(h, now_ms);
	for (unsigned i = 0; i < h->o.workers; i++)
		look_at_beat(h, i, now_ms);
}

// ---- what others raise meanwhile ----

static void add_text(char *text, size_t size, const char *more)
{
	size_t length = strnlen(text, size);
	if (length + strlen(more) < size) // whole or not at all: it may end within a character
		memcpy(text + length, more, strlen(more) + 1);
}

static void temper(struct yg_alert *alert, enum issue issue)
{
	char more[TEXT_ROOM];
	alert->confidence *= issues[issue].confidence;
	snprintf(more, sizeof more, " The mirror is not sound (%s): less certain.", issues[issue].vector);
	add_text(alert->text_en, sizeof alert->text_en, more);
	snprintf(more, sizeof more, "ミラーに異常があり（%s）、確度は下がります。", issues[issue].vector);
	add_text(alert->text_ja, sizeof alert->text_ja, more);
}

void yg_health_temper_replay(const struct yg_config *config, uint32_t connections, uint32_t one_way, struct yg_alert *alert)
{
	double threshold = yg_config_float(config, YG_O_MIRROR_ONE_WAY);
	bool both = yg_config_int(config, YG_O_EGRESS_MIRROR) == 0;
	if (!alert->hold && both && threshold > 0 && connections >= issues[ONE_WAY].least && one_way * 100.0 / connections >= threshold)
		temper(alert, ONE_WAY);
}

void yg_health_temper(const struct yg_health *h, struct yg_alert *alert)
{
	int worst = -1;
	for (int i = 0; h && i < ISSUES; i++)
		if (h->second <= h->bad_until[i] && h->bad_until[i] && issues[i].confidence < (worst < 0 ? 1 : issues[worst].confidence))
			worst = i;
	if (worst >= 0 && !alert->hold)
		temper(alert, (enum issue)worst);
}
