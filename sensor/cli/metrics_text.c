// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The text of Prometheus (exposition format 0.0.4): base units, _total for what only grows, all samples of a metric together.
#include "cli/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/build_config.h"
#include "model/flow.h"
#include "model/packet.h"
#include "model/redis_state.h"

struct text {
	char *buffer;
	size_t size, length;
	bool full;
	const struct yg_metrics_view *v;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = t->full ? -1 : vsnprintf(t->buffer + t->length, t->size - t->length, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= t->size - t->length)
		t->full = true;
	else
		t->length += (size_t)n;
}

static void family(struct text *t, const char *name, const char *help)
{
	size_t n = strlen(name);
	bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;
	put(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, total ? "counter" : "gauge");
}

static void one(struct text *t, const char *name, const char *help, uint64_t value)
{
	family(t, name, help);
	put(t, "%s %" PRIu64 "\n", name, value);
}

// Nanoseconds as seconds, exactly.
static void seconds(struct text *t, uint64_t ns)
{
	put(t, "%" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

static void one_seconds(struct text *t, const char *name, const char *help, uint64_t ns)
{
	family(t, name, help);
	put(t, "%s ", name);
	seconds(t, ns);
}

// ---- the sensor ----

static void put_sensor(struct text *t)
{
	static const char *const processes[YG_METRICS_CHILDREN] = {"courier", "dissector", "engine"}; // enum yg_child
	const struct yg_supervisor_stats *s = t->v->supervisor;
	const struct yg_engine_stats *e = t->v->engine;
	family(t, "yagura_build_info", "1; what this sensor is made of.");
	put(t, "yagura_build_info{version=\"%s\",ndpi=\"%s\",hiredis=\"%s\",libyaml=\"%s\"} 1\n", YG_VERSION, YG_NDPI_VERSION, YG_HIREDIS_VERSION,
	    YG_YAML_VERSION);
	one(t, "yagura_start_time_seconds", "When the sensor was started, since 1970.", yg_counter_get(&s->started_s));
	family(t, "yagura_process_up", "1 while the process runs.");
	for (unsigned i = 0; i < YG_METRICS_CHILDREN; i++)
		put(t, "yagura_process_up{process=\"%s\"} %" PRIu64 "\n", processes[i], yg_counter_get(&s->up[i]));
	family(t, "yagura_process_restarts_total", "Times that a process was started again.");
	for (unsigned i = 0; i < YG_METRICS_CHILDREN; i++)
		put(t, "yagura_process_restarts_total{process=\"%s\"} %" PRIu64 "\n", processes[i], yg_counter_get(&s->restarts[i]));
	put(t, "yagura_process_restarts_total{process=\"metrics\"} %" PRIu64 "\n", yg_counter_get(&s->server_restarts));
	one(t, "yagura_reloads_total", "Reloads of the configuration.", yg_counter_get(&s->reloads));
	one(t, "yagura_reloads_failed_total", "Reloads that left the old configuration.", yg_counter_get(&s->reloads_failed));
	family(t, "yagura_control_events_total", "What happened at the control socket.");
	for (unsigned i = 0; i < YG_CTL_COUNT; i++)
		put(t, "yagura_control_events_total{event=\"%s\"} %" PRIu64 "\n", yg_metrics_control_name(i), yg_counter_get(&s->control[i]));
	one(t, "yagura_receiving", "1 while the engine receives; 0: blind.", yg_counter_get(&e->receiving) != 0);
	one(t, "yagura_engine_starts_total", "Engines that began to receive.", yg_counter_get(&e->starts));
	one_seconds(t, "yagura_blind_seconds_total", "Time in which nothing was received because an engine or a port had gone.",
		    yg_counter_get(&e->blind_ns));
	one(t, "yagura_port_gone", "1 while a port has gone.", yg_counter_get(&e->gone_ns) != 0);
	one_seconds(t, "yagura_last_packet_timestamp_seconds", "The engine's packet time, since 1970.", yg_counter_get(&e->last_ns));
}

// ---- packets ----

static unsigned ports(const struct text *t)
{
	uint64_t n = yg_counter_get(&t->v->engine->ports_count);
	return n < YG_PORTS_MAX ? (unsigned)n : YG_PORTS_MAX;
}

static void per_port(struct text *t, const char *name, const char *help, const struct yg_counter *(*get)(const struct yg_port_stats *))
{
	family(t, name, help);
	for (unsigned i = 0; i < ports(t); i++) {
		const struct yg_port_stats *p = &t->v->engine->port[i];
		char port[sizeof p->name];
		yg_metrics_plain(port, sizeof port, p->name, sizeof p->name);
		// Two ports of one name would be one series twice.
		put(t, "%s{index=\"%u\",port=\"%s\"} %" PRIu64 "\n", name, i, port, yg_counter_get(get(p)));
	}
}

static const struct yg_counter *port_packets(const struct yg_port_stats *p) { return &p->packets; }
static const struct yg_counter *port_bytes(const struct yg_port_stats *p) { return &p->bytes; }
static const struct yg_counter *port_missed(const struct yg_port_stats *p) { return &p->missed; }
static const struct yg_counter *port_errors(const struct yg_port_stats *p) { return &p->errors; }
static const struct yg_counter *port_nombuf(const struct yg_port_stats *p) { return &p->nombuf; }
static const struct yg_counter *port_known(const struct yg_port_stats *p) { return &p->kernel_drops_known; }
static const struct yg_counter *port_link(const struct yg_port_stats *p) { return &p->link_up; }

static void put_drops(struct text *t)
{
	static const struct {
		const char *cause;
		const struct yg_counter *(*get)(const struct yg_port_stats *);
	} causes[] = {{"port_missed", port_missed}, {"port_error", port_errors}, {"port_no_buffer", port_nombuf}};
	const struct yg_engine_stats *e = t->v->engine;
	const char *name = "yagura_dropped_packets_total";
	family(t, name, "Frames lost before they were read, by cause. kernel: of the ports where it is known, left out where it is of none.");
	for (unsigned c = 0; c < sizeof causes / sizeof *causes; c++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i < ports(t); i++)
			sum += yg_counter_get(causes[c].get(&e->port[i]));
		put(t, "%s{cause=\"%s\"} %" PRIu64 "\n", name, causes[c].cause, sum);
	}
	uint64_t known = 0, kernel = 0;
	for (unsigned i = 0; i < ports(t); i++) {
		bool tells = yg_counter_get(&e->port[i].kernel_drops_known) != 0;
		known += tells;
		kernel += tells ? yg_counter_get(&e->port[i].kernel_drops) : 0;
	}
	if (known)
		put(t, "%s{cause=\"kernel\"} %" PRIu64 "\n", name, kernel);
	put(t, "%s{cause=\"handover_ring_full\"} %" PRIu64 "\n", name, yg_metrics_sum(t->v, YG_FROM_WORKER, YG_WC_HANDED_FULL));
}

static void put_ports(struct text *t)
{
	per_port(t, "yagura_port_packets_total", "Frames that a port delivered.", port_packets);
	per_port(t, "yagura_port_bytes_total", "Bytes that a port delivered.", port_bytes);
	per_port(t, "yagura_port_missed_packets_total", "Frames that found a port's queue full.", port_missed);
	per_port(t, "yagura_port_error_packets_total", "Frames that a port received damaged.", port_errors);
	per_port(t, "yagura_port_no_buffer_packets_total", "Frames for which a port had no buffer.", port_nombuf);
	per_port(t, "yagura_port_kernel_drops_known", "1 where the kernel tells what it dropped at a port.", port_known);
	per_port(t, "yagura_port_link_up", "1 while a port has a link.", port_link);
}

typedef const struct yg_counter *get_part(const struct yg_worker_stats *worker, unsigned i);

static const struct yg_counter *decode_end(const struct yg_worker_stats *w, unsigned i) { return &w->decode_end[i]; }
static const struct yg_counter *layer(const struct yg_worker_stats *w, unsigned i) { return &w->layer[i]; }
static const struct yg_counter *flow_end(const struct yg_worker_stats *w, unsigned i) { return &w->end[i]; }
static const char *decode_end_name(unsigned i) { return yg_decode_end_name(i); }
static const char *layer_name(unsigned i) { return yg_layer_name(i); }
static const char *flow_end_name(unsigned i) { return yg_flow_end_name(i); }

static void summed(struct text *t, const char *name, const char *help, const char *label, unsigned count, get_part *get,
		   const char *(*value_name)(unsigned))
{
	family(t, name, help);
	for (unsigned i = 0; i < count; i++) {
		uint64_t sum = 0;
		for (unsigned w = 0; w < yg_metrics_workers(t->v); w++)
			sum += yg_counter_get(get(&t->v->engine->worker[w], i));
		put(t, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value_name(i), sum);
	}
}

static uint64_t reassembly(const struct text *t, unsigned i)
{
	uint64_t sum = yg_counter_get(&t->v->engine->reassembly[i]);
	for (unsigned w = 0; w < yg_metrics_workers(t->v); w++)
		sum += yg_counter_get(&t->v->engine->worker[w].reassembly[i]);
	return sum;
}

static void put_reassembly(struct text *t)
{
	const char *name = "yagura_reassembly_events_total";
	family(t, name, "What happened in reassembly.");
	for (unsigned i = 0; i < YG_METRICS_REASSEMBLY_GAUGES; i++)
		put(t, "%s{event=\"%s\"} %" PRIu64 "\n", name, yg_metrics_reassembly_name(i), reassembly(t, i));
	one(t, "yagura_reassembly_datagrams", "Datagrams in reassembly.", reassembly(t, 12));
	one(t, "yagura_reassembly_bytes", "Memory of the datagrams in reassembly.", reassembly(t, 13));
	one(t, "yagura_reassembly_peak_bytes", "The most that it has been, summed over the workers.", reassembly(t, 14));
}

// ---- workers ----

static void put_stages(struct text *t)
{
	static const char cycles[] = "yagura_worker_stage_cycles_total", time[] = "yagura_worker_stage_seconds_total";
	uint64_t hz = yg_counter_get(&t->v->engine->tsc_hz);
	unsigned workers = yg_metrics_workers(t->v);
	family(t, cycles, "Cycles that a worker spent in a stage; idle: found nothing to do.");
	for (unsigned w = 0; w < workers; w++)
		for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++)
			put(t, "%s{worker=\"%u\",stage=\"%s\"} %" PRIu64 "\n", cycles, w, yg_metrics_stage_name(i),
			    yg_counter_get(&t->v->engine->worker[w].cycles[i]));
	if (hz) {
		family(t, time, "The same as time.");
		for (unsigned w = 0; w < workers; w++)
			for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++)
				put(t, "%s{worker=\"%u\",stage=\"%s\"} %.6f\n", time, w, yg_metrics_stage_name(i),
				    (double)yg_counter_get(&t->v->engine->worker[w].cycles[i]) / (double)hz);
	}
	family(t, "yagura_worker_shed_step", "Load shedding: 0 none, 1 no dissection of new flows, 2 no records of attempts, 3 counters alone.");
	for (unsigned w = 0; w < workers; w++)
		put(t, "yagura_worker_shed_step{worker=\"%u\"} %" PRIu64 "\n", w, yg_counter_get(&t->v->engine->worker[w].shed_step));
	family(t, "yagura_worker_heartbeat_timestamp_seconds", "The worker's clock when it last looked up.");
	for (unsigned w = 0; w < workers; w++) {
		put(t, "yagura_worker_heartbeat_timestamp_seconds{worker=\"%u\"} ", w);
		seconds(t, yg_counter_get(&t->v->engine->worker[w].beat_ns));
	}
}

// ---- tables and rings ----

static void put_fill(struct text *t)
{
	const struct yg_supervisor_stats *s = t->v->supervisor;
	one(t, "yagura_flow_table_flows", "Flows in the table.", yg_metrics_flows(t->v));
	one(t, "yagura_flow_table_slots", "Places in the flow table.", yg_counter_get(&s->flow_slots));
	one(t, "yagura_flow_lost_total", "Flows that died with an engine.", yg_counter_get(&s->flows_lost));
	uint64_t closed = yg_metrics_sum(t->v, YG_FROM_AGGREGATOR, YG_AC_ALERTS_CLOSED);
	uint64_t opened = yg_metrics_sum(t->v, YG_FROM_AGGREGATOR, YG_AC_ALERTS_OPENED);
	one(t, "yagura_alerts_open", "Alerts that are open.", opened > closed ? opened - closed : 0);
	one(t, "yagura_alerts_open_max", "Alerts that can be open at a time.", yg_counter_get(&s->open_alerts_max));
	one_seconds(t, "yagura_alert_delivery_lag_seconds", "How long the oldest alert message waits that not every sink has.",
		    yg_counter_get(&s->lag_ns));
	static const char *const events[YG_SE_COUNT] = {
#define X(id, name) name,
		YG_SPOOL_EVENTS(X)
#undef X
	};
	family(t, "yagura_spool_events_total", "What befell the spool on disk; lost: records.");
	for (unsigned i = 0; i < YG_SE_COUNT; i++)
		put(t, "yagura_spool_events_total{event=\"%s\"} %" PRIu64 "\n", events[i], yg_counter_get(&t->v->courier->spool_event[i]));
	family(t, "yagura_books_alerts", "Where the alert messages raised are: raised = delivered + suppressed + spooled + lost.");
	put(t, "yagura_books_alerts{where=\"raised\"} %" PRIu64 "\n", yg_counter_get(&s->books.raised));
	put(t, "yagura_books_alerts{where=\"delivered\"} %" PRIu64 "\n", yg_counter_get(&s->books.delivered));
	put(t, "yagura_books_alerts{where=\"suppressed\"} %" PRIu64 "\n", yg_counter_get(&s->books.suppressed));
	put(t, "yagura_books_alerts{where=\"spooled\"} %" PRIu64 "\n", yg_counter_get(&s->books.spooled));
	put(t, "yagura_books_alerts{where=\"lost\"} %" PRIu64 "\n", yg_counter_get(&s->books.lost));
	one(t, "yagura_books_unaccounted", "Alert messages that the last minute's books do not find: not 0 is a fault of delivery.",
	    yg_counter_get(&s->books.unaccounted));
	one(t, "yagura_books_closed_total", "Minutes whose books were closed.", yg_counter_get(&s->books.closed));
}

static void ring_label(unsigned i, char label[48])
{
	if (i < YG_RING_TO_DISSECTOR)
		snprintf(label, 48, "ring=\"%s\",worker=\"\"", i == YG_RING_ALERTS ? "alerts" : "flows");
	else if (i < YG_RING_FROM_DISSECTOR)
		snprintf(label, 48, "ring=\"to_dissector\",worker=\"%u\"", i - YG_RING_TO_DISSECTOR);
	else
		snprintf(label, 48, "ring=\"from_dissector\",worker=\"%u\"", i - YG_RING_FROM_DISSECTOR);
}

static void put_rings(struct text *t)
{
	static const char *const names[] = {"yagura_ring_used_slots", "yagura_ring_slots"};
	for (unsigned which = 0; which < 2; which++) {
		family(t, names[which], which ? "Slots of a ring between processes." : "Slots that wait to be read.");
		for (unsigned i = 0; i < YG_METRICS_RINGS; i++) {
			const struct yg_ring_fill *r = &t->v->supervisor->ring[i];
			char label[48];
			ring_label(i, label);
			if (yg_counter_get(&r->slots))
				put(t, "%s{%s} %" PRIu64 "\n", names[which], label, yg_counter_get(which ? &r->slots : &r->used));
		}
	}
}

// ---- the table ----

// A sink that is not configured is not down: it has no series, and no rule about it fires.
static bool is_of_no_sink(const struct yg_metrics_view *v, const struct yg_metrics_row *r)
{
	static const struct { unsigned counter; enum yg_sink_number sink; } up[] = {
		{YG_CC_SOCKET_UP, YG_SINK_SOCKET}, {YG_CC_SYSLOG_UP, YG_SINK_SYSLOG}, {YG_CC_LIST_UP, YG_SINK_LIST}, {YG_CC_CHANNEL_UP, YG_SINK_CHANNEL},
	};
	for (size_t i = 0; r->source == YG_FROM_COURIER && i < sizeof up / sizeof *up; i++)
		if (r->counter == up[i].counter)
			return yg_counter_get(&v->courier->sink_behind[up[i].sink]) == 0;
	return false;
}

static void put_row(struct text *t, const struct yg_metrics_row *r)
{
	const struct yg_metrics_view *v = t->v;
	const char *label = r->label ? r->label : "";
	if (is_of_no_sink(v, r))
		return;
	if (!r->split) {
		put(t, "%s%s%s%s %" PRIu64 "\n", r->name, *label ? "{" : "", label, *label ? "}" : "", yg_metrics_sum(v, r->source, r->counter));
		return;
	}
	if (r->source == YG_FROM_WORKER) {
		for (unsigned i = 0; i < yg_metrics_workers(v); i++)
			put(t, "%s{worker=\"%u\"} %" PRIu64 "\n", r->name, i, yg_counter_get(&v->engine->worker[i].c[r->counter]));
		return;
	}
	for (unsigned i = 0; i < yg_metrics_dissectors(v); i++)
		put(t, "%s{dissector=\"%u\"} %" PRIu64 "\n", r->name, i, yg_counter_get(&v->dissector->c[i][r->counter]));
}

static bool in_table(enum yg_metrics_source source, unsigned counter)
{
	if (source == YG_FROM_WORKER && counter == YG_WC_HANDED_FULL) // put_drops
		return true;
	if (source == YG_FROM_COURIER && counter == YG_CC_REDIS_STATE) // put_redis
		return true;
	for (size_t i = 0; i < yg_metrics_rows_count; i++)
		if (yg_metrics_rows[i].source == source && yg_metrics_rows[i].counter == counter)
			return true;
	return false;
}

// What somebody added to model/stats.h and not to the table is shown all the same.
static void put_others(struct text *t)
{
	static const char *const sources[YG_METRICS_SOURCES] = {"worker", "aggregator", "dissector", "courier"};
	for (unsigned source = 0; source < YG_METRICS_SOURCES; source++) {
		const char *counter;
		for (unsigned i = 0; (counter = yg_metrics_counter_name(source, i)); i++) {
			char name[96], help[128];
			if (in_table(source, i))
				continue;
			snprintf(name, sizeof name, "yagura_%s_%s_count_total", sources[source], counter);
			for (char *p = name; *p; p++)
				*p = *p == '.' ? '_' : *p;
			snprintf(help, sizeof help, "Counter %s of the %s.", counter, sources[source]);
			one(t, name, help, yg_metrics_sum(t->v, source, i));
		}
	}
}

// One series a state, so that a rule can name the state that it waits for.
static void put_redis(struct text *t)
{
	const struct yg_courier_stats *c = t->v->courier;
	uint64_t now = yg_counter_get(&c->c[YG_CC_REDIS_STATE]);
	family(t, "yagura_redis_state", "1 for the state in which delivery to Redis is, see docs/redis.md.");
	for (unsigned i = 0; i < YG_REDIS_STATE_COUNT; i++)
		put(t, "yagura_redis_state{state=\"%s\"} %d\n", yg_redis_state_row(i)->name, i == now);
	family(t, "yagura_redis_state_entered_total", "Times that delivery to Redis came into the state.");
	for (unsigned i = 0; i < YG_REDIS_STATE_COUNT; i++)
		put(t, "yagura_redis_state_entered_total{state=\"%s\"} %" PRIu64 "\n", yg_redis_state_row(i)->name,
		    yg_counter_get(&c->redis_entered[i]));
}

static void put_sinks(struct text *t)
{
#define X(id, name) name,
	static const char *const names[YG_SINKS] = {YG_SINK_NAMES(X)};
#undef X
	family(t, "yagura_sink_behind_records", "Records in the spool that a sink has still to get.");
	for (unsigned i = 0; i < YG_SINKS; i++) {
		uint64_t behind = yg_counter_get(&t->v->courier->sink_behind[i]);
		if (behind)
			put(t, "yagura_sink_behind_records{sink=\"%s\"} %" PRIu64 "\n", names[i], behind - 1);
	}
}

static void put_rows(struct text *t)
{
	for (size_t i = 0; i < yg_metrics_rows_count; i++) {
		if (yg_metrics_rows[i].help)
			family(t, yg_metrics_rows[i].name, yg_metrics_rows[i].help);
		put_row(t, &yg_metrics_rows[i]);
	}
	put_redis(t);
	put_sinks(t);
	put_others(t);
	uint64_t restarts = yg_counter_get(&t->v->dissector->restarts_count);
	one(t, "yagura_dissector_restarts_total", "Dissectors that were started again.", restarts);
}

// ---- alerts, bodies, applications ----

static void put_alerts(struct text *t)
{
	family(t, "yagura_courier_alerts_opened_total", "Alerts opened, by severity.");
	for (unsigned i = 0; i < YG_SEV_COUNT; i++)
		put(t, "yagura_courier_alerts_opened_total{severity=\"%s\"} %" PRIu64 "\n", yg_severity_name(i),
		    yg_counter_get(&t->v->courier->opened[i]));
	family(t, "yagura_detector_alerts_total", "Alerts that a detector raised.");
	for (unsigned i = 0; i < YG_DETECTORS_MAX && t->v->engine->detector[i].name[0]; i++) {
		const struct yg_detector_stats *d = &t->v->engine->detector[i];
		char name[sizeof d->name];
		yg_metrics_plain(name, sizeof name, d->name, sizeof d->name);
		put(t, "yagura_detector_alerts_total{index=\"%u\",detector=\"%s\"} %" PRIu64 "\n", i, name, yg_counter_get(&d->raised));
	}
}

// As many series as a person can look at; what is beyond them is one more. `yagura stats --json` has all.
static void put_suppressions(struct text *t)
{
	enum { SHOWN = 256 };
	const struct yg_suppression_stats *all = t->v->engine->suppression;
	uint64_t rest = 0;
	family(t, "yagura_suppression_hits_total", "Distinct alerts that a suppression hid; those beyond the first 256 are one series.");
	for (unsigned i = 0; i <= YG_SUPPRESSIONS_COUNTED && (all[i].id[0] || i == YG_SUPPRESSIONS_COUNTED); i++) {
		char id[sizeof all[i].id];
		uint64_t hits = yg_counter_get(&all[i].hits);
		yg_metrics_plain(id, sizeof id, all[i].id, sizeof all[i].id);
		if (i < SHOWN)
			put(t, "yagura_suppression_hits_total{index=\"%u\",suppression=\"%s\"} %" PRIu64 "\n", i, id, hits);
		else
			rest += hits;
	}
	if (all[SHOWN].id[0])
		put(t, "yagura_suppression_hits_total{index=\"%u\",suppression=\"(others)\"} %" PRIu64 "\n", SHOWN, rest);
}

static void put_orgs(struct text *t)
{
	const struct yg_supervisor_stats *s = t->v->supervisor;
	uint64_t count = yg_counter_get(&s->orgs_count);
	const char *flows = "yagura_organisation_flows_total", *bytes = "yagura_organisation_bytes_total";
	count = count < YG_SUMMARY_ORGS - 2 ? count : YG_SUMMARY_ORGS - 2;
	family(t, flows, "Flows of a body; an empty code: nobody's.");
	for (unsigned i = 0; i < YG_SUMMARY_ORGS - 1; i++)
		if (i < count || i == YG_SUMMARY_ORGS - 2)
			put(t, "%s{organisation=\"%s\"} %" PRIu64 "\n", flows, i < count ? s->org[i] : "",
			    yg_counter_get(&t->v->engine->orgs[i].flows));
	family(t, bytes, "Bytes of a body's flows, in and out as the body sees them.");
	for (unsigned i = 0; i < YG_SUMMARY_ORGS - 1; i++) {
		const struct yg_org_total *o = &t->v->engine->orgs[i];
		const char *code = i < count ? s->org[i] : "";
		if (i >= count && i != YG_SUMMARY_ORGS - 2)
			continue;
		put(t, "%s{organisation=\"%s\",direction=\"in\"} %" PRIu64 "\n", bytes, code, yg_counter_get(&o->bytes_in));
		put(t, "%s{organisation=\"%s\",direction=\"out\"} %" PRIu64 "\n", bytes, code, yg_counter_get(&o->bytes_out));
	}
}

static void put_apps(struct text *t)
{
	enum { NAME = sizeof t->v->engine->apps[0].name };
	static const char *const metrics[] = {"yagura_application_flows_total", "yagura_application_bytes_total"};
	uint64_t count = yg_counter_get(&t->v->engine->apps_count);
	char names[YG_SUMMARY_APPS][NAME];
	bool twice[YG_SUMMARY_APPS] = {false};
	count = count < YG_SUMMARY_APPS ? count : YG_SUMMARY_APPS;
	for (unsigned i = 0; i < count; i++) {
		yg_metrics_plain(names[i], NAME, t->v->engine->apps[i].name, NAME);
		for (unsigned j = 0; j < i && !twice[i]; j++)
			twice[i] = strcmp(names[i], names[j]) == 0;
	}
	for (unsigned m = 0; m < 2; m++) {
		family(t, metrics[m], m ? "Bytes of flows by application." : "Flows by application.");
		for (unsigned i = 0; i < count; i++) {
			const struct yg_app_total *a = &t->v->engine->apps[i];
			if (!twice[i])
				put(t, "%s{application=\"%s\"} %" PRIu64 "\n", metrics[m], names[i], yg_counter_get(m ? &a->bytes : &a->flows));
		}
	}
}

size_t yg_metrics_text(const struct yg_metrics_view *view, char *buffer, size_t size)
{
	struct text text = {.buffer = buffer, .size = size, .v = view}, *t = &text;
	put_sensor(t);
	put_drops(t);
	put_ports(t);
	summed(t, "yagura_decode_ended_packets_total", "Where packets ended; decoded: found a flow.", "reason", YG_DECODE_COUNT, decode_end,
	       decode_end_name);
	summed(t, "yagura_layers_total", "Layers that packets were wrapped in.", "layer", YG_LAYER_COUNT, layer, layer_name);
	summed(t, "yagura_flow_ends_total", "Why flows ended.", "reason", YG_END_COUNT, flow_end, flow_end_name);
	put_reassembly(t);
	put_stages(t);
	put_fill(t);
	put_rings(t);
	put_rows(t);
	put_alerts(t);
	put_suppressions(t);
	put_orgs(t);
	put_apps(t);
	return text.full ? 0 : text.length;
}
