// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The summary as one JSON object: every counter by its name, every application, body and alert, the identities, the restarts.
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/summary.h"
#include "model/flow.h"
#include "model/packet.h"

static const char *const worker_names[] = {
#define X(id, name) name,
	YG_WORKER_COUNTERS(X)
#undef X
};
static const char *const aggregator_names[] = {
#define X(id, name) name,
	YG_AGGREGATOR_COUNTERS(X)
#undef X
};
static const char *const dissector_names[] = {
#define X(id, name) name,
	YG_DISSECTOR_COUNTERS(X)
#undef X
};
static const char *const courier_names[] = {
#define X(id, name) name,
	YG_COURIER_COUNTERS(X)
#undef X
};
static const char *const reassembly_names[] = {"fragments", "whole",	      "overlaps", "overlaps_differ", "duplicates",
					       "timeouts",  "evicted",	      "over_bytes", "over_fragments", "bad",
					       "tiny",	    "v6_overlap",     "trackers_now", "bytes_now",    "bytes_peak"};

static void put_worker_array(struct yg_json *j, const struct yg_supervisor *s, const char *key, unsigned count,
			     const struct yg_counter *(*get)(const struct yg_worker_stats *, unsigned), const char *(*name)(unsigned))
{
	yg_json_object(j, key);
	for (unsigned i = 0; i < count; i++) {
		uint64_t sum = 0;
		for (unsigned w = 0; w < s->workers; w++)
			sum += yg_counter_get(get(&s->engine->worker[w], i));
		yg_json_uint(j, name(i), sum);
	}
	yg_json_end_object(j);
}

static const struct yg_counter *get_counter(const struct yg_worker_stats *w, unsigned i)
{
	return &w->c[i];
}

static const struct yg_counter *get_end(const struct yg_worker_stats *w, unsigned i)
{
	return &w->decode_end[i];
}

static const struct yg_counter *get_layer(const struct yg_worker_stats *w, unsigned i)
{
	return &w->layer[i];
}

static const struct yg_counter *get_flow_end(const struct yg_worker_stats *w, unsigned i)
{
	return &w->end[i];
}

static const char *name_counter(unsigned i)
{
	return worker_names[i];
}

static const char *name_end(unsigned i)
{
	return yg_decode_end_name(i);
}

static const char *name_layer(unsigned i)
{
	return yg_layer_name(i);
}

static const char *name_flow_end(unsigned i)
{
	return yg_flow_end_name(i);
}

static void put_counters(struct yg_json *j, const char *key, const struct yg_counter *counters, const char *const *names, unsigned count)
{
	yg_json_object(j, key);
	for (unsigned i = 0; i < count; i++)
		yg_json_uint(j, names[i], yg_counter_get(&counters[i]));
	yg_json_end_object(j);
}

static void put_dissector(struct yg_json *j, const struct yg_supervisor *s)
{
	yg_json_object(j, "dissector");
	for (unsigned c = 0; c < YG_DC_COUNT; c++) {
		uint64_t sum = yg_counter_get(&s->dissector->zygote[c]);
		for (unsigned i = 0; i < YG_DISSECTORS_MAX; i++)
			sum += yg_counter_get(&s->dissector->c[i][c]);
		yg_json_uint(j, dissector_names[c], sum);
	}
	uint64_t restarts = yg_counter_get(&s->dissector->restarts_count);
	yg_json_uint(j, "restarts_count", restarts);
	yg_json_array(j, "restarts");
	for (uint64_t i = 0; i < restarts && i < YG_RESTARTS_KEPT; i++) {
		const struct yg_restart *r = &s->dissector->restarts[i];
		yg_json_object(j, NULL);
		yg_json_uint(j, "cause", yg_counter_get(&r->cause));
		yg_json_uint(j, "died_ns", yg_counter_get(&r->died_ns));
		yg_json_uint(j, "ready_ns", yg_counter_get(&r->ready_ns));
		yg_json_uint(j, "pid", yg_counter_get(&r->pid));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
	yg_json_end_object(j);
}

// A live run. What the kernel or the card dropped was never ours; where nobody can say how much, there is no `kernel_drops`.
static void put_ports(struct yg_json *j, const struct yg_supervisor *s)
{
	uint64_t count = yg_counter_get(&s->engine->ports_count);
	yg_json_array(j, "ports");
	for (uint64_t i = 0; i < count && i < YG_PORTS_MAX; i++) {
		const struct yg_port_stats *p = &s->engine->port[i];
		yg_json_object(j, NULL);
		yg_json_string_n(j, "name", p->name, strnlen(p->name, sizeof p->name));
		yg_json_uint(j, "packets", yg_counter_get(&p->packets));
		yg_json_uint(j, "bytes", yg_counter_get(&p->bytes));
		yg_json_uint(j, "missed", yg_counter_get(&p->missed));
		yg_json_uint(j, "errors", yg_counter_get(&p->errors));
		yg_json_uint(j, "nombuf", yg_counter_get(&p->nombuf));
		if (yg_counter_get(&p->kernel_drops_known))
			yg_json_uint(j, "kernel_drops", yg_counter_get(&p->kernel_drops));
		yg_json_bool(j, "link_up", yg_counter_get(&p->link_up));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
	yg_json_uint(j, "engine_starts", yg_counter_get(&s->engine->starts));
	yg_json_uint(j, "blind_ns", yg_counter_get(&s->engine->blind_ns));
	yg_json_uint(j, "flows_lost_with_an_engine", s->flows_lost);
}

static void put_apps(struct yg_json *j, const struct yg_supervisor *s)
{
	uint64_t count = yg_counter_get(&s->engine->apps_count);
	yg_json_array(j, "applications");
	for (uint64_t i = 0; i < count && i < YG_SUMMARY_APPS; i++) {
		const struct yg_app_total *a = &s->engine->apps[i];
		yg_json_object(j, NULL);
		yg_json_string_n(j, "name", a->name, strnlen(a->name, sizeof a->name));
		yg_json_uint(j, "flows", yg_counter_get(&a->flows));
		yg_json_uint(j, "packets", yg_counter_get(&a->packets));
		yg_json_uint(j, "bytes", yg_counter_get(&a->bytes));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_orgs(struct yg_json *j, const struct yg_supervisor *s)
{
	yg_json_array(j, "organisations");
	for (uint32_t i = 0; i < YG_SUMMARY_ORGS - 1; i++) {
		const struct yg_org_total *o = &s->engine->orgs[i];
		bool nobody = i == YG_SUMMARY_ORGS - 2;
		if (!yg_counter_get(&o->flows) || (!nobody && i >= s->config.orgs_count))
			continue;
		yg_json_object(j, NULL);
		yg_json_string(j, "code", nobody ? "" : s->config.orgs[i].code);
		yg_json_string(j, "name_ja", nobody ? "" : s->config.orgs[i].name_ja);
		yg_json_uint(j, "flows", yg_counter_get(&o->flows));
		yg_json_uint(j, "bytes_in", yg_counter_get(&o->bytes_in));
		yg_json_uint(j, "bytes_out", yg_counter_get(&o->bytes_out));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_text(struct yg_json *j, const char *key, const char *text, size_t size)
{
	yg_json_string_n(j, key, text, strnlen(text, size));
}

static void put_alerts(struct yg_json *j, const struct yg_supervisor *s)
{
	uint64_t count = yg_counter_get(&s->courier->summary_count);
	yg_json_object(j, "alerts_opened");
	for (unsigned i = 0; i < YG_SEV_COUNT; i++)
		yg_json_uint(j, yg_severity_name(i), yg_counter_get(&s->courier->opened[i]));
	yg_json_end_object(j);
	yg_json_array(j, "alerts");
	for (uint64_t i = 0; i < count && i < YG_SUMMARY_ALERTS; i++) {
		const struct yg_alert *a = &s->courier->summary[i];
		yg_json_object(j, NULL);
		put_text(j, "kind", a->kind, sizeof a->kind);
		yg_json_string(j, "state", yg_alert_state_name(a->state));
		yg_json_string(j, "severity", yg_severity_name(a->severity));
		yg_json_string(j, "mode", yg_alert_mode_name(a->mode));
		put_text(j, "organization", a->org_code, sizeof a->org_code);
		put_text(j, "vector", a->vector, sizeof a->vector);
		yg_json_uint(j, "count", a->count);
		put_text(j, "text_ja", a->text_ja, sizeof a->text_ja);
		put_text(j, "text_en", a->text_en, sizeof a->text_en);
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_suppressions(struct yg_json *j, const struct yg_supervisor *s)
{
	yg_json_array(j, "suppressions");
	for (unsigned i = 0; i <= YG_SUPPRESSIONS_COUNTED; i++) {
		const struct yg_suppression_stats *one = &s->engine->suppression[i];
		if (!one->id[0])
			continue;
		yg_json_object(j, NULL);
		put_text(j, "id", one->id, sizeof one->id);
		yg_json_uint(j, "hits", yg_counter_get(&one->hits));
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

static void put_identities(struct yg_json *j, const struct yg_supervisor *s)
{
	struct yg_identity ids[YG_IDENTITIES];
	yg_json_bool(j, "identities_hold", yg_identities(s, ids) == 0);
	yg_json_array(j, "identities");
	for (unsigned i = 0; i < YG_IDENTITIES; i++) {
		yg_json_object(j, NULL);
		yg_json_string(j, "name", ids[i].name);
		yg_json_string(j, "formula", ids[i].formula);
		yg_json_uint(j, "left", ids[i].left);
		yg_json_uint(j, "right", ids[i].right);
		yg_json_bool(j, "holds", ids[i].left == ids[i].right);
		yg_json_end_object(j);
	}
	yg_json_end_array(j);
}

void yg_summary_json(const struct yg_supervisor *s, double seconds, FILE *out)
{
	enum { SIZE = 4 << 20 };
	char *buffer = malloc(SIZE);
	struct yg_json json, *j = &json;
	if (!buffer)
		return;
	yg_json_init(j, buffer, SIZE);
	yg_json_object(j, NULL);
	yg_json_double(j, "seconds", seconds);
	yg_json_uint(j, "packets", yg_counter_get(&s->engine->packets_total));
	yg_json_bool(j, "finished", yg_counter_get(&s->engine->finished));
	put_text(j, "capture_error", s->engine->capture_error, sizeof s->engine->capture_error);
	yg_json_string(j, "redis_state", yg_redis_state_row(yg_counter_get(&s->courier->c[YG_CC_REDIS_STATE]))->name);
	put_text(j, "redis_error", s->courier->redis_error, sizeof s->courier->redis_error);
	yg_json_object(j, "redis_states_entered");
	for (unsigned i = 0; i < YG_REDIS_STATE_COUNT; i++)
		if (yg_counter_get(&s->courier->redis_entered[i]))
			yg_json_uint(j, yg_redis_state_row(i)->name, yg_counter_get(&s->courier->redis_entered[i]));
	yg_json_end_object(j);
	put_identities(j, s);
	put_worker_array(j, s, "engine", YG_WC_COUNT, get_counter, name_counter);
	put_worker_array(j, s, "decode_end", YG_DECODE_COUNT, get_end, name_end);
	put_worker_array(j, s, "layers", YG_LAYER_COUNT, get_layer, name_layer);
	put_worker_array(j, s, "flow_end", YG_END_COUNT, get_flow_end, name_flow_end);
	put_counters(j, "reassembly", s->engine->reassembly, reassembly_names, 15);
	put_counters(j, "aggregator", s->engine->aggregator, aggregator_names, YG_AC_COUNT);
	put_dissector(j, s);
	put_counters(j, "courier", s->courier->c, courier_names, YG_CC_COUNT);
	if (s->live)
		put_ports(j, s);
	put_apps(j, s);
	put_orgs(j, s);
	put_alerts(j, s);
	put_suppressions(j, s);
	yg_json_end_object(j);
	if (yg_json_finish(j))
		fwrite(buffer, 1, j->length, out);
	free(buffer);
}
