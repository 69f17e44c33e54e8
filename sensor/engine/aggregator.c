// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See aggregator.h. In a replay a batch is merged by (stage, order), ties to the lower worker. While it waits for events it goes on taking
// rates and samples, so that no worker stands before a full ring that nobody reads.
#include "engine/aggregator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "engine/aggregator_out.h"
#include "engine/detectors.h"
#include "engine/lifecycle.h"
#include "engine/rate_engine.h"
#include "engine/sample.h"

enum { ONE_WAY_SECONDS = 60, RUN_ON_SECONDS = 7200 };

struct yg_aggregator {
	struct yg_aggregator_options o;
	struct yg_rate_engine *rates;
	struct yg_sample_store *sample;
	struct yg_detectors *detectors;
	struct yg_lifecycle *lifecycle;
	struct yg_out *out;
	int64_t second;     // that is open
	struct yg_time now;
	bool started;
	struct { uint32_t flows, one_way; } directions[ONE_WAY_SECONDS];
	uint32_t dissector_deaths;
};

static void count(struct yg_aggregator *a, enum yg_aggregator_counter counter)
{
	yg_counter_add(&a->o.stats->aggregator[counter], 1);
}

static int emit_alert(void *context, const struct yg_alert *alert)
{
	struct yg_aggregator *a = context;
	return yg_out_alert(a->out, alert);
}

static void raise_alert(void *context, const char *detector, const struct yg_alert *alert)
{
	struct yg_aggregator *a = context;
	yg_lifecycle_raise(a->lifecycle, detector, alert, a->now);
}

static struct yg_lifecycle *open_lifecycle(struct yg_aggregator *a)
{
	const struct yg_config *c = a->o.config;
	struct yg_lifecycle_options options = {
		.capacity = (uint32_t)yg_config_int(c, YG_O_ALERTS_OPEN),
		.update_s = (uint32_t)(yg_config_ns(c, YG_O_ALERTS_UPDATE) / YG_NS_PER_S),
		.per_minute = (uint32_t)yg_config_int(c, YG_O_ALERTS_PER_MINUTE),
	};
	return yg_lifecycle_create(&options, a->o.open_alerts, a->o.open_alerts_size, emit_alert, a);
}

struct yg_aggregator *yg_aggregator_create(const struct yg_aggregator_options *options)
{
	struct yg_aggregator *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->o = *options;
	struct yg_out_options out = {.stats = options->stats, .alerts = options->alerts, .flows = options->flows,
				     .config = options->config, .replay = options->replay, .records_wanted = options->records_wanted};
	a->rates = yg_rate_engine_create(options->config, &options->key);
	a->sample = yg_sample_create(&options->key);
	a->out = yg_out_create(&out);
	if (!a->rates || !a->sample || !a->out) {
		yg_error("no memory for rates and sample: %s", strerror(errno));
		yg_aggregator_destroy(a);
		return NULL;
	}
	a->lifecycle = open_lifecycle(a);
	struct yg_detectors_options detectors = {.config = options->config, .sample = a->sample, .raise = raise_alert, .context = a};
	a->detectors = yg_detectors_open(&detectors);
	if (a->lifecycle && a->detectors)
		return a;
	if (!a->lifecycle)
		yg_error("the table of open alerts: %s", strerror(errno));
	yg_aggregator_destroy(a);
	return NULL;
}

void yg_aggregator_destroy(struct yg_aggregator *a)
{
	if (!a)
		return;
	yg_detectors_close(a->detectors);
	yg_lifecycle_destroy(a->lifecycle);
	yg_out_destroy(a->out);
	yg_sample_destroy(a->sample);
	yg_rate_engine_destroy(a->rates);
	free(a);
}

uint32_t yg_aggregator_needs(const struct yg_aggregator *a)
{
	return yg_detectors_needs(a->detectors);
}

// ---- rates and sample, as they come ----

static void take_rates(struct yg_aggregator *a, struct yg_ring *ring)
{
	for (uint32_t n; (n = yg_ring_available(ring));) { // asked again: it looks at the worker when what it knew of has been read
		for (; n; n--) {
			const struct yg_rate_delta *delta = yg_ring_slot(ring, ring->own);
			if (delta->second > a->second) {
				yg_ring_release(ring);
				return; // of a second that begins later
			}
			yg_rate_engine_add(a->rates, delta);
			yg_ring_pop(ring, 1);
		}
	}
	yg_ring_release(ring);
}

static void take_sample(struct yg_aggregator *a, struct yg_ring *ring)
{
	for (uint32_t n; (n = yg_ring_available(ring));) {
		const struct yg_sample *s = yg_ring_slot(ring, ring->own);
		uint32_t to_the_end = ring->count - (uint32_t)(ring->own & (ring->count - 1));
		if ((int32_t)((uint32_t)s->second - (uint32_t)a->second) > 0)
			break;
		yg_ring_pop(ring, yg_sample_add(a->sample, s, n < to_the_end ? n : to_the_end));
	}
	yg_ring_release(ring);
}

static void pump(struct yg_aggregator *a)
{
	if (!a->started)
		return;
	for (unsigned i = 0; i < a->o.workers; i++) {
		take_rates(a, &a->o.in[i].rates);
		take_sample(a, &a->o.in[i].sample);
	}
}

static const struct yg_event *head_of(struct yg_aggregator *a, unsigned worker)
{
	struct yg_ring *ring = &a->o.in[worker].events;
	while (!yg_ring_available(ring)) {
		pump(a);
		// A nap, not a wake-up by the worker: it has better to do, and a millisecond of work at a time is less switching.
		const struct timespec nap = {0, 1000000};
		nanosleep(&nap, NULL);
	}
	return yg_ring_slot(ring, ring->own);
}

// ---- seconds ----

static float one_way_share(const struct yg_aggregator *a)
{
	uint32_t flows = 0, one_way = 0;
	for (unsigned i = 0; i < ONE_WAY_SECONDS; i++) {
		flows += a->directions[i].flows;
		one_way += a->directions[i].one_way;
	}
	return flows ? (float)one_way / (float)flows : 0;
}

static void on_window(void *context, const struct yg_window *window)
{
	struct yg_aggregator *a = context;
	yg_detectors_window(a->detectors, window);
}

static void close_second(struct yg_aggregator *a, int64_t second)
{
	a->now = yg_time_from_s(second + 1);
	yg_detectors_now(a->detectors, second);
	yg_rate_engine_mirror(a->rates, one_way_share(a), true);
	yg_rate_engine_close(a->rates, second, on_window, a);
	yg_detectors_tick(a->detectors, second);
	yg_lifecycle_tick(a->lifecycle, second);
	memset(&a->directions[(uint64_t)(second + 1) % ONE_WAY_SECONDS], 0, sizeof a->directions[0]);
	count(a, YG_AC_SECONDS);
	struct yg_rate_engine_stats stats;
	yg_rate_engine_stats(a->rates, &stats);
	yg_counter_set(&a->o.stats->aggregator[YG_AC_RATE_KEYS], stats.keys);
	yg_counter_set(&a->o.stats->aggregator[YG_AC_RATE_EVICTED], stats.evicted);
	yg_counter_set(&a->o.stats->aggregator[YG_AC_WINDOWS], stats.windows);
}

static void begin_batch(struct yg_aggregator *a, const struct yg_batch_mark *mark)
{
	if (!a->started) {
		a->second = mark->second;
		a->started = true;
	}
	yg_out_offset(a->out, mark->offset_from_ns, mark->offset_ns);
	if (mark->second != a->second) {
		pump(a); // every worker has ended the second before it said so
		close_second(a, a->second);
		if (mark->gap) {
			count(a, YG_AC_TIME_GAPS);
			yg_detectors_gap(a->detectors, mark->gap_from_ns, mark->time_ns);
			yg_lifecycle_finish(a->lifecycle, yg_time_from_s(a->second + 1));
		} else {
			for (int64_t s = a->second + 1; s < mark->second; s++)
				close_second(a, s);
		}
		a->second = mark->second;
	}
	a->now = yg_time_ns(mark->time_ns);
}

// ---- events ----

static void on_restarted(struct yg_aggregator *a, const struct yg_restarted *r)
{
	static const char *const causes_en[] = {"ended", "crashed", "hung", "was stopped by its sandbox", "ran out of memory"};
	static const char *const causes_ja[] = {"停止", "異常終了", "無応答", "サンドボックスにより停止", "メモリー不足"};
	struct yg_alert alert;
	unsigned cause = r->cause < 5 ? r->cause : 0;
	a->dissector_deaths++;
	memset(&alert, 0, sizeof alert);
	snprintf(alert.kind, sizeof alert.kind, "sensor.dissector");
	snprintf(alert.runbook, sizeof alert.runbook, "sensor.dissector");
	snprintf(alert.unit, sizeof alert.unit, "restarts");
	alert.severity = YG_SEV_HIGH;
	alert.score = 80;
	alert.confidence = 1;
	alert.org = YG_ORG_NONE;
	alert.observed = a->dissector_deaths;
	alert.threshold = 1;
	alert.window_s = 1;
	alert.clear_after_s = 60;
	if (r->had_packet) {
		alert.source_af = r->af;
		alert.source = r->addr[0];
		alert.source_port = r->port[0];
	}
	snprintf(alert.text_en, sizeof alert.text_en,
		 "The dissector %s%s; it was forked again, no packet was lost. %u restarts so far.%s%s", causes_en[cause],
		 r->had_packet ? " while reading a packet" : "", a->dissector_deaths, r->quarantine[0] ? " Quarantined: " : "", r->quarantine);
	snprintf(alert.text_ja, sizeof alert.text_ja, "解析プロセスが%s%sしたため再起動しました。パケットの欠落はありません。累計%u回。%s%s",
		 r->had_packet ? "パケットの解析中に" : "", causes_ja[cause], a->dissector_deaths, r->quarantine[0] ? "隔離ファイル: " : "",
		 r->quarantine);
	raise_alert(a, "sensor", &alert);
}

static void on_flow(struct yg_aggregator *a, const struct yg_flow *flow)
{
	yg_detectors_flow(a->detectors, flow);
	if (flow->event == YG_FLOW_ENDED && flow->rank > YG_RANK_EMBRYONIC && flow->proto == 6) {
		unsigned i = (unsigned)((uint64_t)a->second % ONE_WAY_SECONDS);
		a->directions[i].flows++;
		a->directions[i].one_way += !flow->packets[0] || !flow->packets[1];
	}
	yg_out_flow(a->out, flow);
}

static void on_event(struct yg_aggregator *a, const struct yg_event *event)
{
	switch (event->kind) {
	case YG_EV_FLOW:
		on_flow(a, &event->flow);
		break;
	case YG_EV_CONTACT:
		yg_detectors_contact(a->detectors, &event->contact);
		break;
	case YG_EV_DNS:
		yg_detectors_dns(a->detectors, &event->dns);
		break;
	case YG_EV_TLS:
		yg_detectors_tls(a->detectors, &event->tls);
		break;
	case YG_EV_HTTP:
		yg_detectors_http(a->detectors, &event->http);
		break;
	case YG_EV_RESTARTED:
		on_restarted(a, &event->restarted);
		break;
	default:
		break;
	}
}

static void pop(struct yg_aggregator *a, unsigned worker)
{
	struct yg_ring *ring = &a->o.in[worker].events;
	yg_ring_pop(ring, 1);
	if (ring->own - ring->published >= 256)
		yg_ring_release(ring);
}

// Takes the mark that all workers have at their heads.
static struct yg_batch_mark take_mark(struct yg_aggregator *a)
{
	struct yg_batch_mark mark = head_of(a, 0)->mark;
	for (unsigned i = 0; i < a->o.workers; i++) {
		head_of(a, i);
		pop(a, i);
		yg_ring_release(&a->o.in[i].events);
	}
	return mark;
}

// The head that comes first, and whose it is.
static const struct yg_event *first_event(struct yg_aggregator *a, unsigned *ret_worker)
{
	const struct yg_event *first = head_of(a, 0);
	*ret_worker = 0;
	for (unsigned i = 1; i < a->o.workers; i++) {
		const struct yg_event *e = head_of(a, i);
		if (e->stage < first->stage || (e->stage == first->stage && e->order < first->order)) {
			*ret_worker = i;
			first = e;
		}
	}
	return first;
}

static bool run_batch(struct yg_aggregator *a)
{
	struct yg_batch_mark mark = take_mark(a);
	begin_batch(a, &mark);
	for (;;) {
		unsigned worker;
		const struct yg_event *event = first_event(a, &worker);
		if (event->stage == YG_STAGE_END)
			break;
		on_event(a, event);
		pop(a, worker);
	}
	take_mark(a);
	yg_out_publish(a->out);
	return !mark.last;
}

void yg_aggregator_run(struct yg_aggregator *a)
{
	while (run_batch(a))
		;
	pump(a);
	close_second(a, a->second);
	for (int64_t s = a->second + 1; yg_lifecycle_open(a->lifecycle) && s < a->second + RUN_ON_SECONDS; s++)
		close_second(a, s);
	yg_lifecycle_finish(a->lifecycle, a->now);
	yg_out_finish(a->out, yg_lifecycle_stats(a->lifecycle));
}
