// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert of the dos detector says. Its key is fixed when the incident opens; vectors and numbers follow the
// traffic.
#include "dos.h"

#include <math.h>
#include <string.h>

#define VECTOR_SHARE 0.1
#define BASELINE_FLOOR 0.5f // confidence: thresholds are floors, nothing was learned
#define ONE_WAY 0.7f        // confidence: only one direction is visible

static bool is_syn_ack(const struct dos_incident *in)
{
	return in->vector == YG_VEC_SYNACK;
}

// Whether packets of the vector belong to what the incident is named after.
static bool belongs(const struct dos_incident *in, unsigned v)
{
	if (in->group == DOS_AMP)
		return is_syn_ack(in) ? dos_group_of(v) == DOS_ACK : v == YG_VEC_UDP || v == YG_VEC_FRAGMENT;
	return dos_group_of(v) == in->group;
}

double dos_own(const struct dos_incident *in, const double by[YG_VEC_COUNT])
{
	double own = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		own += belongs(in, v) ? by[v] : 0;
	return own;
}

static double value_of(const struct dos_judged *j, const struct dos_watch *w)
{
	const struct dos_incident *in = &w->incident;
	switch (in->metric) {
	case DOS_BITS:
		return in->group == DOS_TALK ? j->raw.talk_value[DOS_BITS] : in->low ? dos_own(in, j->raw.by_bits) : j->raw.bits;
	case DOS_FLOWS:
		return in->group == DOS_TALK ? j->raw.talk_value[DOS_FLOWS] : j->raw.flows;
	case DOS_SYNS:
		return j->raw.syns;
	case DOS_SLOW:
		return fmax(w->slow_rate, j->raw.syns);
	default:
		return in->group == DOS_TALK ? j->raw.talk_value[DOS_PACKETS] : in->low ? dos_own(in, j->raw.by_packets) : j->raw.packets;
	}
}

static double limit_of(const struct dos_judged *j, const struct dos_watch *w)
{
	const struct dos_incident *in = &w->incident;
	double part = in->low ? DOS_LOW_SHARE : 1;
	if (in->metric == DOS_SLOW)
		return w->slow_threshold;
	return part * (in->metric == DOS_PACKETS ? j->limits->packets : in->metric == DOS_BITS ? j->limits->bits : j->limits->flows);
}

unsigned dos_metric_of(const struct dos_judged *j, const struct dos_watch *w, bool talk)
{
	double packets = talk ? j->raw.talk_value[DOS_PACKETS] : fmax(j->raw.packets, j->ema.packets);
	double bits = talk ? j->raw.talk_value[DOS_BITS] : fmax(j->raw.bits, j->ema.bits);
	if (packets >= j->limits->packets)
		return DOS_PACKETS;
	if (bits >= j->limits->bits)
		return DOS_BITS;
	if (talk)
		return DOS_FLOWS;
	if (j->raw.ratio < 1 && w->slow_rate > 0)
		return DOS_SLOW;
	return j->raw.syns >= j->limits->flows ? DOS_SYNS : DOS_FLOWS;
}

bool dos_evidence(struct dos *d, struct dos_watch *w, const struct dos_excess *e, int64_t second)
{
	uint32_t vectors = 0;
	if (!dos_asks_left(d))
		return false;
	d->asks++;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		vectors |= e->by_packets[v] > 0 ? 1u << v : 0;
	if (w->incident.group == DOS_TALK)
		vectors = 1u << YG_VEC_TCP_FLOW;
	if (w->incident.low)
		vectors = 1u << YG_VEC_UDP | 1u << YG_VEC_FRAGMENT;
	memset(&w->incident.evidence, 0, sizeof w->incident.evidence);
	d->host->evidence(d->host->context, w->af, &w->addr, w->af == 6 ? 128 : 32, vectors, &w->incident.evidence);
	w->incident.evidence_second = second;
	return true;
}

static uint8_t proto_of(const struct dos_incident *in, uint8_t af)
{
	unsigned group = in->group;
	if (group == DOS_CARPET || group == DOS_OUT)
		group = in->vector < YG_VEC_COUNT ? dos_group_of(in->vector) : DOS_MIXED;
	switch (group) {
	case DOS_SYN:
	case DOS_ACK:
	case DOS_TCP:
	case DOS_TALK:
		return 6;
	case DOS_UDP:
		return 17;
	case DOS_AMP:
		return is_syn_ack(in) ? 6 : 17;
	case DOS_ICMP:
		return af == 6 ? 58 : 1;
	default:
		return 0;
	}
}

static void copy_name(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

static void add_vector(struct yg_alert *a, const char *name, double share)
{
	if (share < VECTOR_SHARE || a->vectors_count == sizeof a->vectors / sizeof a->vectors[0])
		return;
	copy_name(a->vectors[a->vectors_count].name, sizeof a->vectors[0].name, name);
	a->vectors[a->vectors_count++].share = (float)share;
}

// UDP of a reflected attack is told by the services that sent it.
static void add_services(struct yg_alert *a, const struct dos_incident *in, double share)
{
	for (unsigned i = 0; i < in->services_count; i++)
		add_vector(a, in->service[i].name, share * (double)in->service[i].share);
}

// The vectors with at least a tenth of the excess, the largest first.
static void list_vectors(struct yg_alert *a, const struct dos_incident *in, const struct dos_excess *e)
{
	const double *by = in->metric == DOS_BITS ? e->by_bits : e->by_packets;
	double total = in->metric == DOS_BITS ? e->bits : e->packets;
	bool udp_by_service = in->services_count && !is_syn_ack(in);
	for (uint32_t listed = 0; total > 0;) {
		unsigned best = YG_VEC_COUNT;
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			if (!(listed & 1u << v) && by[v] >= VECTOR_SHARE * total && (best == YG_VEC_COUNT || by[v] > by[best]))
				best = v;
		if (best == YG_VEC_COUNT)
			return;
		listed |= 1u << best;
		if (best == YG_VEC_UDP && udp_by_service)
			add_services(a, in, by[best] / total);
		else
			add_vector(a, dos_vector_name(best), by[best] / total);
	}
}

static double baseline_of(const struct dos_watch *w)
{
	unsigned metric = w->incident.metric;
	return metric == DOS_PACKETS ? w->past.packets : metric == DOS_BITS ? w->past.bits : w->past.flows;
}

// The band of what is normal goes from the baseline to the threshold.
static void add_series(struct yg_alert *a, const struct dos_watch *w, int64_t second)
{
	unsigned metric = w->incident.metric;
	const float *ring = w->series[metric == DOS_PACKETS ? 0 : metric == DOS_BITS ? 1 : 2];
	uint32_t n = w->series_count < DOS_SERIES ? w->series_count : DOS_SERIES;
	for (uint32_t i = 0; i < n; i++)
		a->series[i] = ring[(w->series_count - n + i) % DOS_SERIES];
	a->series_count = (uint8_t)n;
	a->series_start = second + 1 - n;
	a->series_step_s = 1;
	a->series_low = (float)fmin(a->baseline, a->threshold);
	a->series_high = (float)a->threshold;
}

static void add_evidence(struct yg_alert *a, const struct yg_evidence *v)
{
	a->sources_at_least = v->sources_at_least;
	a->sample_packets = v->packets;
	a->top_count = v->top_count < YG_TOP_MAX ? v->top_count : YG_TOP_MAX;
	memcpy(a->top, v->top, a->top_count * sizeof a->top[0]);
}

static void name_vector(struct yg_alert *a, const struct dos_incident *in)
{
	const char *name = dos_vector_name(in->vector);
	if (in->group == DOS_TALK)
		name = "connections";
	else if (in->services_count)
		name = in->service[0].name;
	copy_name(a->vector, sizeof a->vector, name);
}

// What does not change while the incident is open: the alert's key.
static void fill_key(struct yg_alert *a, const struct dos_watch *w)
{
	const struct dos_incident *in = &w->incident;
	copy_name(a->kind, sizeof a->kind, dos_kind(in->group));
	copy_name(a->runbook, sizeof a->runbook, dos_kind(in->group));
	copy_name(a->technique, sizeof a->technique, dos_technique(in->group));
	name_vector(a, in);
	a->af = w->scope == YG_SCOPE_HOST ? w->af : in->af;
	a->target = w->scope == YG_SCOPE_HOST ? w->addr : in->target;
	a->target_len = w->scope == YG_SCOPE_HOST ? w->len : in->target_len;
	a->target_port = in->port;
	a->proto = proto_of(in, a->af);
	a->org = w->org;
	a->zone = w->zone;
	if (w->scope == DOS_SCOPE_OUT) {
		a->source = w->addr;
		a->source_af = w->af;
		a->key_source = 1;
	}
}

static uint8_t severity_of(const struct dos_incident *in, const struct dos_judged *j)
{
	if (in->group == DOS_TALK)
		return YG_SEV_LOW;
	if (in->low && j->raw.ratio < 1)
		return j->raw.ratio < 0.5 ? YG_SEV_LOW : YG_SEV_MEDIUM;
	return in->metric == DOS_SLOW && j->raw.ratio < 1 ? YG_SEV_MEDIUM : YG_SEV_HIGH;
}

static uint8_t score_of(const struct dos_incident *in, const struct dos_judged *j)
{
	if (in->group == DOS_TALK)
		return 30;
	if (in->low && j->raw.ratio < 1)
		return (uint8_t)(30 + 30 * fmax(0, j->raw.ratio));
	return (uint8_t)fmin(100, 60 + 10 * log2(fmax(j->raw.ratio, 1)));
}

static void fill_numbers(struct yg_alert *a, const struct dos_watch *w, const struct dos_judged *j)
{
	static const char units[][20] = {"packets/s", "bits/s", "flows/s", "incomplete SYNs/s", "incomplete SYNs/s"};
	const struct dos_incident *in = &w->incident;
	a->observed = value_of(j, w);
	a->threshold = limit_of(j, w);
	a->baseline = baseline_of(w);
	a->learning = w->past.state;
	a->window_s = in->metric == DOS_SLOW ? DOS_SLOW_PERIOD_S : 3;
	a->confidence = (w->past.state == YG_LEARN_FLOOR ? BASELINE_FLOOR : 1.0f) * (w->view.one_way ? ONE_WAY : 1.0f);
	a->score = score_of(in, j);
	copy_name(a->unit, sizeof a->unit, units[in->metric]);
}

void dos_raise(struct dos *d, struct dos_watch *w, const struct dos_judged *j, bool hold)
{
	struct dos_incident *in = &w->incident;
	struct yg_alert a = {0};
	fill_key(&a, w);
	a.hold = hold;
	a.time_ns = (j->second + 1) * INT64_C(1000000000);
	a.first_ns = in->onset * INT64_C(1000000000);
	a.severity = severity_of(in, j);
	a.clear_after_s = (uint16_t)d->clear_s;
	if (!hold) {
		if (w->scope == YG_SCOPE_HOST && j->second - in->evidence_second >= DOS_EVIDENCE_S)
			dos_evidence(d, w, &j->raw, j->second);
		fill_numbers(&a, w, j);
		add_evidence(&a, &in->evidence);
		if (in->group != DOS_TALK) {
			list_vectors(&a, in, &j->over);
			add_series(&a, w, j->second);
		}
		dos_sentences(&a, in, w->view.one_way, d->host->org(d->host->context, w->org));
	}
	d->host->raise(d->host->context, &a);
}
