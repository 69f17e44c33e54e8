// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Every counter by the name that model/stats.h gives it, as one JSON object: the answer to `stats` on the control socket.
#include <string.h>

#include "base/json.h"
#include "cli/build_config.h"
#include "cli/metrics.h"
#include "model/flow.h"
#include "model/packet.h"

static void put_named(struct yg_json *j, const char *key, const struct yg_counter *counters, enum yg_metrics_source source)
{
	const char *name;
	yg_json_object(j, key);
	for (unsigned i = 0; (name = yg_metrics_counter_name(source, i)); i++)
		yg_json_uint(j, name, yg_counter_get(&counters[i]));
	yg_json_end_object(j);
}

static void put_reassembly(struct yg_json *j, const struct yg_counter *counters)
{
	yg_json_object(j, "reassembly");
	for (unsigned i = 0; i < YG_METRICS_REASSEMBLY; i++)
		yg_json_uint(j, yg_metrics_reassembly_name(i), yg_counter_get(&counters[i]));
	yg_json_end_object(j);
}

static void put_worker(struct yg_json *j, const struct yg_worker_stats *w)
{
	yg_json_object(j, NULL);
	put_named(j, "counters", w->c, YG_FROM_WORKER);
	yg_json_object(j, "decode_end");
	for (unsigned i = 0; i < YG_DECODE_COUNT; i++)
		yg_json_uint(j, yg_decode_end_name(i), yg_counter_get(&w->decode_end[i]));
	yg_json_end_object(j);
	yg_json_object(j, "layers");
	for (unsigned i = 0; i < YG_LAYER_COUNT; i++)
		yg_json_uint(j, yg_layer_name(i), yg_counter_get(&w->layer[i]));
	yg_json_end_object(j);
	yg_json_object(j, "flow_end");
	for (unsigned i = 0; i < YG_END_COUNT; i++)
		yg_json_uint(j, yg_flow_end_name(i), yg_counter_get(&w->end[i]));
	yg_json_end_object(j);
	yg_json_object(j, "cycles");
	for (unsigned i = 0; i < YG_STAGE_CYCLES_COUNT; i++)
		yg_json_uint(j, yg_metrics_stage_name(i), yg_counter_get(&w->cycles[i]));
	yg_json_end_object(j);
	put_reassembly(j, w->reassembly);
	yg_json_uint(j, "beat_ns", yg_counter_get(&w->beat_ns));
	yg_json_uint(j, "shed_step", yg_counter_get(&w->shed_step));
	yg_json_end_object(j);
}

static void put_text(struct yg_json *j, const char *key, const char *text, size_t size)
{
	yg_json_string_n(j, key, text, strnlen(text, size));
}

static void put_engine(struct yg_json *j, const struct yg_metrics_view *v)
{
	const struct yg_engine_stats *e = v->engine;
	uint64_t ports = yg_counter_get(&e->ports_count);
	yg_json_object(j, "engine");
	yg_json_bool(j, "receiving", yg_counter_get(&e->receiving) != 0);
	yg_json_uint(j, "starts", yg_counter_get(&e->starts));
	yg_json_uint(j, "blind_ns", yg_counter_get(&e->blind_ns));
	yg_json_uint(j, "gone_ns", yg_counter_get(&e->gone_ns));
	yg_json_uint(j, "last_ns", yg_counter_get(&e->last_ns));
	yg_json_uint(j, "tsc_hz", yg_counter_get(&e->tsc_hz));
	yg_json_uint(j, "flows", yg_metrics_flows(v));
	yg_json_array(j, "ports");
	for (unsigned i = 0; i < ports && i < YG_PORTS_MAX; i++) {
		const struct yg_port_stats *p = &e->port[i];
		yg_json_object(j, NULL);
		put_text(j, "name", p->name, sizeof p->name);
		yg_json_uint(j, "packets", yg_counter_get(&p->packets));
		yg_json_uint(j, "bytes", yg_counter_get(&p->bytes));
		yg_json_uint(j, "missed", yg_counter_get(&p->missed));
		yg_json_uint(j, "errors", yg_counter_get(&p->errors));
		yg_json_uint(j, "nombuf", yg_counter_get(&p->nombuf));
		// Unknown is left out, for 0 would be a promise.
		if (yg_counter_get(&p->kernel_drops_known))
			yg_json_uint(j, "kernel_drops", yg_counter_get(&p->kernel_drops));
		yg_json_bool(j, "link_up", yg_counter_get(&p->link_up) != 0);
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
	yg_json_array(j, "workers");
	for (unsigned i = 0; i < yg_metrics_workers(v); i++)
		put_worker(j, &e->worker[i]);
	yg_json_end_array(j);
	put_named(j, "aggregator", e->aggregator, YG_FROM_AGGREGATOR);
	put_reassembly(j, e->reassembly);
	yg_json_array(j, "detectors");
	for (unsigned i = 0; i < YG_DETECTORS_MAX && e->detector[i].name[0]; i++) {
		yg_json_object(j, NULL);
		put_text(j, "name", e->detector[i].name, sizeof e->detector[i].name);
		yg_json_uint(j, "raised", yg_counter_get(&e->detector[i].raised));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
	yg_json_array(j, "suppressions");
	for (unsigned i = 0; i <= YG_SUPPRESSIONS_COUNTED; i++) {
		if (!e->suppression[i].id[0])
			continue;
		yg_json_object(j, NULL);
		put_text(j, "id", e->suppression[i].id, sizeof e->suppression[i].id);
		yg_json_uint(j, "hits", yg_counter_get(&e->suppression[i].hits));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
	yg_json_end_object(j);
}

static void put_dissectors(struct yg_json *j, const struct yg_metrics_view *v)
{
	yg_json_object(j, "dissector");
	yg_json_uint(j, "restarts_count", yg_counter_get(&v->dissector->restarts_count));
	put_named(j, "zygote", v->dissector->zygote, YG_FROM_DISSECTOR);
	yg_json_array(j, "workers");
	for (unsigned i = 0; i < yg_metrics_dissectors(v); i++)
		put_named(j, NULL, v->dissector->c[i], YG_FROM_DISSECTOR);
	yg_json_end_array(j);
	yg_json_end_object(j);
}

static void put_rings(struct yg_json *j, const struct yg_supervisor_stats *s)
{
	yg_json_array(j, "rings");
	for (unsigned i = 0; i < YG_METRICS_RINGS; i++) {
		if (!yg_counter_get(&s->ring[i].slots))
			continue;
		yg_json_object(j, NULL);
		yg_json_string(j, "ring", i == YG_RING_ALERTS ? "alerts" : i == YG_RING_FLOWS ? "flows"
				      : i < YG_RING_FROM_DISSECTOR ? "to_dissector" : "from_dissector");
		if (i >= YG_RING_TO_DISSECTOR)
			yg_json_uint(j, "worker", (i - YG_RING_TO_DISSECTOR) % YG_WORKERS_MAX);
		yg_json_uint(j, "used", yg_counter_get(&s->ring[i].used));
		yg_json_uint(j, "slots", yg_counter_get(&s->ring[i].slots));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_supervisor(struct yg_json *j, const struct yg_supervisor_stats *s)
{
	static const char *const processes[YG_METRICS_CHILDREN] = {"courier", "dissector", "engine"}; // enum yg_child
	yg_json_object(j, "supervisor");
	yg_json_uint(j, "started_s", yg_counter_get(&s->started_s));
	yg_json_object(j, "up");
	for (unsigned i = 0; i < YG_METRICS_CHILDREN; i++)
		yg_json_bool(j, processes[i], yg_counter_get(&s->up[i]) != 0);
	yg_json_end_object(j);
	yg_json_object(j, "restarts");
	for (unsigned i = 0; i < YG_METRICS_CHILDREN; i++)
		yg_json_uint(j, processes[i], yg_counter_get(&s->restarts[i]));
	yg_json_uint(j, "metrics", yg_counter_get(&s->server_restarts));
	yg_json_end_object(j);
	yg_json_uint(j, "flow_slots", yg_counter_get(&s->flow_slots));
	yg_json_uint(j, "flows_lost", yg_counter_get(&s->flows_lost));
	yg_json_uint(j, "open_alerts_max", yg_counter_get(&s->open_alerts_max));
	yg_json_uint(j, "alert_delivery_lag_ns", yg_counter_get(&s->lag_ns));
	yg_json_uint(j, "reloads", yg_counter_get(&s->reloads));
	yg_json_uint(j, "reloads_failed", yg_counter_get(&s->reloads_failed));
	yg_json_object(j, "books");
	yg_json_uint(j, "raised", yg_counter_get(&s->books.raised));
	yg_json_uint(j, "delivered", yg_counter_get(&s->books.delivered));
	yg_json_uint(j, "suppressed", yg_counter_get(&s->books.suppressed));
	yg_json_uint(j, "spooled", yg_counter_get(&s->books.spooled));
	yg_json_uint(j, "lost", yg_counter_get(&s->books.lost));
	yg_json_uint(j, "unaccounted", yg_counter_get(&s->books.unaccounted));
	yg_json_uint(j, "closed", yg_counter_get(&s->books.closed));
	yg_json_end_object(j);
	yg_json_object(j, "control");
	for (unsigned i = 0; i < YG_CTL_COUNT; i++)
		yg_json_uint(j, yg_metrics_control_name(i), yg_counter_get(&s->control[i]));
	yg_json_end_object(j);
	put_rings(j, s);
	yg_json_end_object(j);
}

size_t yg_metrics_json(const struct yg_metrics_view *view, char *buffer, size_t size)
{
	struct yg_json json, *j = &json;
	yg_json_init(j, buffer, size);
	yg_json_object(j, NULL);
	yg_json_uint(j, "stats", 1);
	yg_json_string(j, "version", YG_VERSION);
	put_supervisor(j, view->supervisor);
	put_engine(j, view);
	put_dissectors(j, view);
	yg_json_object(j, "courier");
	put_named(j, "counters", view->courier->c, YG_FROM_COURIER);
	yg_json_string(j, "redis_state", yg_redis_state_row(yg_counter_get(&view->courier->c[YG_CC_REDIS_STATE]))->name);
	put_text(j, "redis_error", view->courier->redis_error, sizeof view->courier->redis_error);
	yg_json_end_object(j);
	yg_json_end_object(j);
	return yg_json_finish(j) ? j->length : 0;
}
