// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See aggregator.h. In a replay a batch is merged by (stage, order), ties to the lower worker. While it waits for events it goes on taking
// rates and samples, so that no worker stands before a full ring that nobody reads. Live, what comes is taken as it comes, and a second
// closes when every worker has begun a later one; a worker that has stood still for a second is not waited for.
#include "engine/aggregator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "engine/aggregator_counts.h"
#include "engine/aggregator_out.h"
#include "engine/context.h"
#include "engine/detectors.h"
#include "engine/directions.h"
#include "engine/health.h"
#include "engine/health_spool.h"
#include "engine/lifecycle.h"
#include "engine/own_alerts.h"
#include "engine/points.h"
#include "engine/policy.h"
#include "engine/rate_engine.h"
#include "engine/sample.h"
#include "engine/shares.h"
#include "engine/state.h"

enum { RUN_ON_SECONDS = 7200, LIVE_EVENTS = 4096, STALLED_MS = 1000, CATCH_UP_SECONDS = 300 };

// Live: what is known of a worker.
struct lane {
	bool ended;
	uint64_t beat;       // as last read …
	int64_t beat_at_ms;  // … and when it was first seen so, CLOCK_MONOTONIC
};

struct yg_aggregator {
	struct yg_aggregator_options o;
	struct yg_rate_engine *rates;
	struct yg_sample_store *sample;
	struct yg_detectors *detectors;
	struct yg_lifecycle *lifecycle;
	struct yg_context *context;
	struct yg_policy *policy;
	struct yg_out *out;
	struct yg_reload *reload; // the last that was taken
	int64_t second;     // that is open
	struct yg_time now;
	bool started;
	struct yg_directions directions;
	uint32_t dissector_deaths;
	struct lane lanes[YG_WORKERS_MAX];
	struct yg_health *health; // NULL: a replay
	struct yg_shares *shares; // NULL: a replay
	struct yg_points *points; // NULL: nobody wants any
	struct yg_state *state;   // NULL: nothing is kept
};

static void count(struct yg_aggregator *a, enum yg_aggregator_counter counter)
{
	yg_counter_add(&a->o.stats->aggregator[counter], 1);
}

static int emit_alert(void *context, const struct yg_alert *alert)
{
	struct yg_aggregator *a = context;
	struct yg_alert out = *alert;
	yg_context_fill(a->context, &out);
	yg_policy_fill(a->policy, &out);
	if (out.state == YG_ALERT_OPEN)
		yg_points_alert(a->points, &out);
	return yg_out_alert(a->out, &out);
}

// clear_after_s: 0, as the alert says; else it is one of hours or days.
static void raise_as(struct yg_aggregator *a, const char *detector, const struct yg_alert *alert, uint32_t clear_after_s)
{
	bool hidden;
	enum yg_policy_verdict verdict = yg_policy_judge(a->policy, detector, alert, a->now, &hidden);
	if (verdict == YG_POLICY_SUPPRESSED && hidden) {
		yg_lifecycle_count_hidden(a->lifecycle);
		count(a, YG_AC_ALERTS_BY_RULE);
	}
	if (verdict == YG_POLICY_SUPPRESSED)
		return;
	bool shadow = verdict == YG_POLICY_SHADOW;
	if (clear_after_s)
		yg_lifecycle_raise_lasting(a->lifecycle, detector, alert, shadow, clear_after_s, a->now);
	else if (shadow)
		yg_lifecycle_raise_shadow(a->lifecycle, detector, alert, a->now);
	else
		yg_lifecycle_raise(a->lifecycle, detector, alert, a->now);
}

static void raise_alert(void *context, const char *detector, const struct yg_alert *alert)
{
	raise_as(context, detector, alert, 0);
}

static void raise_campaign(void *context, const struct yg_alert *alert)
{
	struct yg_aggregator *a = context;
	struct yg_alert filled = *alert;
	yg_detectors_fill_org(a->o.config, &filled);
	raise_as(a, "campaign", &filled, YG_CAMPAIGN_QUIET_S);
}

// What a plugin raises. While the mirror is not sound it is less certain, and says so.
static void raise_found(void *context, const char *detector, const struct yg_alert *alert)
{
	struct yg_aggregator *a = context;
	struct yg_alert tempered = *alert;
	yg_detector_count(a->o.stats, detector, 1);
	uint32_t flows, one_way;
	yg_rate_engine_untrain(a->rates, alert);
	yg_directions_sum(&a->directions, &flows, &one_way);
	if (a->o.replay)
		yg_health_temper_replay(a->o.config, flows, one_way, &tempered);
	yg_health_temper(a->health, &tempered);
	yg_shares_temper(a->shares, yg_detectors_needs_of(a->detectors, detector), a->second, &tempered);
	raise_alert(a, detector, &tempered);
}

static struct yg_lifecycle_options lifecycle_options(const struct yg_config *c)
{
	return (struct yg_lifecycle_options){
		.capacity = (uint32_t)yg_config_int(c, YG_O_ALERTS_OPEN),
		.update_s = (uint32_t)(yg_config_ns(c, YG_O_ALERTS_UPDATE) / YG_NS_PER_S),
		.per_minute = (uint32_t)yg_config_int(c, YG_O_ALERTS_PER_MINUTE),
	};
}

static struct yg_lifecycle *open_lifecycle(struct yg_aggregator *a)
{
	struct yg_lifecycle_options options = lifecycle_options(a->o.config);
	options.id_key = a->o.id_key;
	return yg_lifecycle_create(&options, a->o.open_alerts, a->o.open_alerts_size, emit_alert, a);
}

// What an engine before this one learned. Without memory for it everything is learned anew, and the run goes on.
static void open_state(struct yg_aggregator *a)
{
	struct yg_state_part baselines, context[YG_CONTEXT_PARTS], policy = yg_policy_part(a->policy);
	yg_rate_engine_part(a->rates, &baselines);
	yg_context_parts(a->context, context);
	// The memory is as large as the configuration of the start asked for; a reload may have asked for more.
	uint64_t room = a->o.state_size / 2 > YG_STATE_OTHERS_MAX ? a->o.state_size / 2 - YG_STATE_OTHERS_MAX : 0;
	if (baselines.max + 4096 > room)
		baselines.max = room > 4096 ? room - 4096 : 0;
	a->state = a->o.state ? yg_state_create(a->o.state, a->o.state_size / 2) : NULL;
	int error = a->o.state && !a->state ? -ENOMEM : yg_state_add(a->state, &baselines);
	for (unsigned i = 0; i < YG_CONTEXT_PARTS && !error; i++)
		error = yg_state_add(a->state, &context[i]);
	error = error ? error : yg_state_add(a->state, &policy);
	if (error)
		yg_warn("state: %s; what is learned will not outlive this engine", strerror(-error));
	yg_detectors_keep(a->detectors, a->state);
	yg_state_restore(a->state);
	yg_counts_rates(a->o.stats, a->rates);
	yg_counts_state(a->o.stats, a->state);
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
	a->context = yg_context_create(options->config, &options->key, &options->id_key);
	if (!a->rates || !a->sample || !a->out || !a->context) {
		yg_error("no memory for rates, sample and context: %s", strerror(errno));
		yg_aggregator_destroy(a);
		return NULL;
	}
	const struct yg_points_options points = {options->config, options->stats, options->points, options->points_size, options->replay};
	a->points = options->points ? yg_points_create(&points) : NULL;
	if (options->points && !a->points)
		yg_warn("points for Redis: %s; there are none", strerror(errno));
	const struct yg_policy_options policy = {options->config, options->stats, !options->replay, options->key};
	a->policy = yg_policy_create(&policy);
	a->lifecycle = a->policy ? open_lifecycle(a) : NULL;
	struct yg_detectors_options detectors = {.config = options->config, .sample = a->sample, .raise = raise_found, .context = a,
						 .resident = !options->replay};
	a->detectors = yg_detectors_open(&detectors);
	for (uint32_t i = 0; i < options->config->plugins_count; i++)
		if (options->config->plugins[i].enabled)
			yg_detector_count(options->stats, options->config->plugins[i].name, 0);
	const struct yg_health_options health = {options->config, options->stats, options->workers, raise_alert, a};
	a->health = options->replay ? NULL : yg_health_create(&health);
	a->shares = options->replay ? NULL : yg_shares_create(options->config);
	if (a->lifecycle && a->detectors && (a->health || options->replay)) {
		open_state(a);
		return a;
	}
	if (!a->lifecycle)
		yg_error("the table of open alerts: %s", strerror(errno));
	yg_aggregator_destroy(a);
	return NULL;
}

void yg_aggregator_destroy(struct yg_aggregator *a)
{
	if (!a)
		return;
	yg_state_destroy(a->state);
	yg_detectors_close(a->detectors);
	yg_health_destroy(a->health);
	yg_shares_destroy(a->shares);
	yg_lifecycle_destroy(a->lifecycle);
	yg_context_destroy(a->context);
	yg_policy_destroy(a->policy);
	yg_out_destroy(a->out);
	yg_points_destroy(a->points);
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
	enum { AHEAD = 4 };
	for (uint32_t n; (n = yg_ring_available(ring));) { // asked again: it looks at the worker when what it knew of has been read
		for (; n; n--) {
			if (n > AHEAD)
				yg_rate_engine_fetch(a->rates, yg_ring_slot(ring, ring->own + AHEAD));
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

// A nap, not a wake-up by a worker: it has better to do, and a millisecond of work at a time is less switching.
static void pump_and_nap(struct yg_aggregator *a)
{
	const struct timespec nap = {0, 1000000};
	pump(a);
	nanosleep(&nap, NULL);
}

static const struct yg_event *head_of(struct yg_aggregator *a, unsigned worker)
{
	struct yg_ring *ring = &a->o.in[worker].events;
	while (!yg_ring_available(ring))
		pump_and_nap(a);
	return yg_ring_slot(ring, ring->own);
}

// ---- seconds ----

static void on_window(void *context, const struct yg_window *window)
{
	struct yg_aggregator *a = context;
	if (window->scope == YG_SCOPE_LINK) {
		uint64_t packets = window->now.packets_out;
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			packets += window->now.packets[v];
		yg_sample_total(a->sample, window->second, packets);
	}
	yg_points_window(a->points, window);
	yg_detectors_window(a->detectors, window);
}

static void close_second(struct yg_aggregator *a, int64_t second)
{
	a->now = yg_time_from_s(second + 1);
	yg_detectors_now(a->detectors, second);
	yg_rate_engine_mirror(a->rates, yg_directions_share(&a->directions), true);
	yg_rate_engine_close(a->rates, second, on_window, a);
	yg_detectors_tick(a->detectors, second);
	yg_context_tick(a->context, second, yg_directions_share(&a->directions), raise_campaign, a);
	yg_lifecycle_tick(a->lifecycle, second);
	yg_policy_second(a->policy, second);
	yg_points_close(a->points, second);
	yg_directions_begin(&a->directions, second + 1);
	count(a, YG_AC_SECONDS);
	yg_counts_rates(a->o.stats, a->rates);
	yg_context_count(a->context, a->o.stats->aggregator);
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
			yg_lifecycle_gap(a->lifecycle, yg_time_from_s(a->second + 1));
			yg_context_tick(a->context, a->second, yg_directions_share(&a->directions), raise_campaign, a);
			yg_lifecycle_gap(a->lifecycle, yg_time_from_s(a->second + 1)); // what campaigns have to say of what just ended
			yg_lifecycle_tick(a->lifecycle, mark->second - 1);
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
	struct yg_alert alert;
	yg_own_restarted(r, ++a->dissector_deaths, &alert);
	raise_alert(a, "sensor", &alert);
}

static void on_flow(struct yg_aggregator *a, const struct yg_flow *flow)
{
	yg_detectors_flow(a->detectors, flow);
	yg_context_flow(a->context, flow);
	yg_directions_add(&a->directions, a->second, flow);
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
		yg_context_contact(a->context, &event->contact);
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
	case YG_EV_BUDGET:
		yg_shares_note(a->shares, &event->budget);
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

// The head that comes first, and whose it is; NULL while somebody who has shown nothing yet may still say something that comes before it.
static const struct yg_event *look_for_first(struct yg_aggregator *a, uint64_t batch, unsigned *ret_worker)
{
	const struct yg_event *first = NULL;
	uint64_t reached[YG_WORKERS_MAX];
	uint32_t silent = 0;
	for (unsigned i = 0; i < a->o.workers; i++) {
		struct yg_ring *ring = &a->o.in[i].events;
		reached[i] = yg_counter_read(&a->o.stats->worker[i].reached); // before the ring: what was shown before it is in there
		if (!yg_ring_available(ring)) {
			silent |= 1u << i;
			continue;
		}
		const struct yg_event *e = yg_ring_slot(ring, ring->own);
		if (!first || e->stage < first->stage || (e->stage == first->stage && e->order < first->order)) {
			*ret_worker = i;
			first = e;
		}
	}
	for (unsigned i = 0; i < a->o.workers && first; i++)
		if (silent >> i & 1 && !yg_reached_allows(reached[i], i, batch, first, *ret_worker))
			first = NULL;
	return first;
}

static const struct yg_event *first_event(struct yg_aggregator *a, uint64_t batch, unsigned *ret_worker)
{
	const struct yg_event *first;
	while (!(first = look_for_first(a, batch, ret_worker)))
		pump_and_nap(a);
	return first;
}

static bool run_batch(struct yg_aggregator *a)
{
	struct yg_batch_mark mark = take_mark(a);
	begin_batch(a, &mark);
	for (;;) {
		unsigned worker = 0;
		const struct yg_event *event = first_event(a, mark.batch, &worker);
		if (event->stage == YG_STAGE_END)
			break;
		on_event(a, event);
		pop(a, worker);
	}
	take_mark(a);
	yg_out_publish(a->out);
	return !mark.last;
}

// ---- live ----

static int64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

// True when there was any event.
static bool take_events(struct yg_aggregator *a, unsigned worker)
{
	struct yg_ring *ring = &a->o.in[worker].events;
	unsigned taken = 0;
	for (; taken < LIVE_EVENTS && yg_ring_available(ring); taken++) {
		const struct yg_event *event = yg_ring_slot(ring, ring->own);
		if (event->kind == YG_EV_BEGIN)
			yg_out_offset(a->out, event->mark.offset_from_ns, event->mark.offset_ns);
		else if (event->kind == YG_EV_END)
			a->lanes[worker].ended = true;
		else
			on_event(a, event);
		pop(a, worker);
	}
	yg_ring_release(ring);
	return taken > 0;
}

static bool is_stalled(struct yg_aggregator *a, unsigned worker, int64_t now_ms)
{
	struct lane *lane = &a->lanes[worker];
	uint64_t beat = yg_counter_get(&a->o.stats->worker[worker].beat_ns);
	if (beat != lane->beat || !lane->beat_at_ms) {
		lane->beat = beat;
		lane->beat_at_ms = now_ms;
	}
	return now_ms - lane->beat_at_ms > STALLED_MS;
}

// The second that every worker has begun which is still counted with; that of the aggregator when there is none.
static int64_t begun_by_all(struct yg_aggregator *a)
{
	int64_t now_ms = monotonic_ms(), low = INT64_MAX;
	for (unsigned i = 0; i < a->o.workers; i++) {
		int64_t second = (int64_t)yg_counter_read(&a->o.stats->worker[i].second);
		if (!a->lanes[i].ended && !is_stalled(a, i, now_ms) && second < low)
			low = second;
	}
	return low == INT64_MAX ? a->second : low;
}

// An engine before this one ended: nothing was seen from its last look at the ports until the first of this one.
static void tell_blind(struct yg_aggregator *a)
{
	struct yg_alert alert;
	int64_t from = a->o.blind_from_ns, to = (int64_t)yg_counter_get(&a->o.stats->worker[0].beat_ns);
	for (unsigned i = 1; i < a->o.workers; i++)
		to = (int64_t)yg_counter_get(&a->o.stats->worker[i].beat_ns) > to ? (int64_t)yg_counter_get(&a->o.stats->worker[i].beat_ns) : to;
	if (!from || to <= from)
		return;
	yg_lifecycle_resume(a->lifecycle, a->now);
	yg_counter_add(&a->o.stats->blind_ns, (uint64_t)(to - from));
	yg_own_blind(to - from, a->o.blind_by_port, &alert);
	raise_alert(a, "sensor", &alert);
}

static void look_at_mirror(struct yg_aggregator *a)
{
	uint32_t flows, one_way;
	yg_directions_sum(&a->directions, &flows, &one_way);
	a->now = yg_time_from_s(a->second + 1);
	yg_health_second(a->health, a->second, flows, one_way);
	yg_health_spool(&a->o.stats->spool, raise_alert, a);
}

static void close_seconds(struct yg_aggregator *a)
{
	int64_t begun = begun_by_all(a);
	if (!a->started) {
		a->started = begun > 0;
		a->second = begun;
		a->now = yg_time_from_s(begun);
		if (a->started)
			tell_blind(a);
		return;
	}
	if (begun - a->second > CATCH_UP_SECONDS) { // the machine slept
		count(a, YG_AC_TIME_GAPS);
		yg_detectors_gap(a->detectors, a->second * YG_NS_PER_S, begun * YG_NS_PER_S);
		a->second = begun - 1;
	}
	while (a->second < begun) {
		pump(a); // what belongs to the second was shown before its worker began the next
		look_at_mirror(a);
		close_second(a, a->second);
		a->second++;
		yg_out_counts(a->out, yg_lifecycle_stats(a->lifecycle));
	}
	yg_counts_state(a->o.stats, a->state);
}

static bool all_ended(const struct yg_aggregator *a)
{
	bool all = true;
	for (unsigned i = 0; i < a->o.workers; i++)
		all = all && a->lanes[i].ended;
	return all;
}

// A new configuration, when one is offered: all of it, or nothing.
static void take_reload(struct yg_aggregator *a)
{
	struct yg_reload_box *box = a->o.reload;
	struct yg_reload *r = box ? atomic_load(&box->offered) : NULL;
	if (!r || r == a->reload)
		return;
	struct yg_detectors_options options = {.config = &r->config, .sample = a->sample, .raise = raise_found, .context = a, .block = r,
					       .resident = true};
	struct yg_detectors *next = yg_detectors_prepare(a->detectors, &options);
	if (!next) {
		atomic_store(&box->offered, a->reload);
		atomic_store(&box->state, YG_RELOAD_REFUSED);
		return;
	}
	yg_detectors_forget(a->detectors, a->state);
	yg_detectors_replace(a->detectors, next);
	a->detectors = next;
	yg_detectors_keep(a->detectors, a->state);
	a->reload = r;
	a->o.config = &r->config;
	yg_rate_engine_retune(a->rates, &r->config);
	yg_context_retune(a->context, &r->config);
	yg_out_retune(a->out, &r->config);
	yg_points_retune(a->points, &r->config);
	yg_policy_retune(a->policy, &r->config);
	struct yg_lifecycle_options lifecycle = lifecycle_options(&r->config);
	yg_lifecycle_retune(a->lifecycle, &lifecycle);
	yg_health_retune(a->health, &r->config);
	count(a, YG_AC_RELOADS);
	atomic_store(&box->needs, yg_detectors_needs(next));
	atomic_store(&box->state, YG_RELOAD_ACCEPTED);
}

static void count_beat(struct yg_aggregator *a)
{
	yg_counter_add(&a->o.stats->aggregator_beat, 1);
}

// A worker ends with two seconds in its hands: the one that was leaving and the one that was open.
static void close_rest(struct yg_aggregator *a)
{
	int64_t last = a->second;
	for (unsigned i = 0; a->started && i < a->o.workers; i++) {
		int64_t second = (int64_t)yg_counter_read(&a->o.stats->worker[i].second);
		last = second > last && second - last <= CATCH_UP_SECONDS ? second : last;
	}
	for (;; a->second++) {
		pump(a);
		close_second(a, a->second);
		if (a->second >= last)
			return;
	}
}

static void run_live(struct yg_aggregator *a)
{
	const struct timespec nap = {0, 1000000};
	for (bool ended = false; !ended;) {
		bool any = false;
		ended = all_ended(a);
		for (unsigned i = 0; a->started && i < a->o.workers; i++) // before that there is no time to say of them
			any |= take_events(a, i);
		close_seconds(a);
		pump(a);
		yg_out_publish(a->out);
		count_beat(a);
		take_reload(a);
		if (a->started)
			yg_state_turn(a->state, a->second);
		if (a->started)
			yg_health_look(a->health, monotonic_ms());
		if (!any && !ended)
			nanosleep(&nap, NULL);
	}
	close_rest(a);
	yg_state_finish(a->state, a->second);
	yg_counts_state(a->o.stats, a->state);
	// Who stops the sensor ends its alerts too; an engine that is about to be started again finds them open, and its courier waiting.
	if (*a->o.stop == YG_STOP_END) {
		yg_lifecycle_finish(a->lifecycle, a->now);
		yg_out_finish(a->out, yg_lifecycle_stats(a->lifecycle));
		yg_points_finish(a->points);
		yg_policy_report(a->policy);
		return;
	}
	yg_out_counts(a->out, yg_lifecycle_stats(a->lifecycle));
	yg_out_publish(a->out);
}

void yg_aggregator_run(struct yg_aggregator *a)
{
	if (!a->o.replay) {
		run_live(a);
		return;
	}
	while (run_batch(a))
		;
	pump(a);
	close_second(a, a->second);
	// What lasts for a day closes where the input ends.
	for (int64_t s = a->second + 1;
	     yg_lifecycle_open(a->lifecycle) > yg_lifecycle_lasting(a->lifecycle) && s < a->second + RUN_ON_SECONDS; s++)
		close_second(a, s);
	yg_context_tick(a->context, yg_time_second(a->now) - 1, yg_directions_share(&a->directions), raise_campaign, a);
	yg_state_finish(a->state, a->second);
	yg_counts_state(a->o.stats, a->state);
	yg_lifecycle_finish(a->lifecycle, a->now);
	yg_out_finish(a->out, yg_lifecycle_stats(a->lifecycle));
	yg_points_finish(a->points);
	yg_policy_report(a->policy);
}
