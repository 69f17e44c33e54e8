// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// One incident a host: when it opens, under which name, and how long it lasts. Runs at the end of each second, when the
// windows of the host and of its services are all known, so that the two never report the same attack.
//
// The name, the port and the unit are fixed when it opens, because they are the alert's key; the vectors and numbers
// follow the traffic. Holding and clearing look at the raw second alone: the smoothed rate of a big flood takes a
// quarter of a minute to fall, and would keep the alert open for nothing.
#include "dos.h"

#include <math.h>
#include <string.h>

#define HOLD_RATIO 0.7
#define BURST_RATIO 5.0
#define VECTOR_SHARE 0.1
#define BASELINE_FLOOR 0.5f   // confidence: thresholds are floors, nothing was learned
#define ONE_WAY 0.7f          // confidence: only one direction is visible
#define SCAN_SOURCES 4        // at most so many sources,
#define SCAN_PORT_SHARE 0.05f // no port with more than so much: somebody looks for open ports
#define PIECES_ANSWERED 24    // a datagram of 32 KiB comes in so many pieces, and gets one answer

struct judged {
	const struct dos_limits *limits;
	struct dos_excess raw, ema;
	int64_t second;
};

static int bits_of(unsigned v)
{
	return __builtin_popcount(v & 7);
}

static double value_of(const struct judged *j, const struct dos_watch *w, unsigned group, unsigned metric)
{
	switch (metric) {
	case DOS_BITS:
		return group == DOS_TALK ? j->raw.talk_value[DOS_BITS] : j->raw.bits;
	case DOS_FLOWS:
		return group == DOS_TALK ? j->raw.talk_value[DOS_FLOWS] : j->raw.flows;
	case DOS_SYNS:
		return j->raw.syns;
	case DOS_SLOW:
		return fmax(w->slow_rate, j->raw.syns);
	default:
		return group == DOS_TALK ? j->raw.talk_value[DOS_PACKETS] : j->raw.packets;
	}
}

static double limit_of(const struct judged *j, const struct dos_watch *w, unsigned metric)
{
	if (metric == DOS_SLOW)
		return w->slow_threshold;
	return metric == DOS_PACKETS ? j->limits->packets : metric == DOS_BITS ? j->limits->bits : j->limits->flows;
}

// The unit in which the incident is told: packets when they are above their threshold, else bits, else requests.
static unsigned metric_of(const struct judged *j, const struct dos_watch *w, bool talk)
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

static void evidence_of(struct dos *d, struct dos_watch *w, const struct dos_excess *e, int64_t second)
{
	uint32_t vectors = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		vectors |= e->by_packets[v] > 0 ? 1u << v : 0;
	if (w->incident.group == DOS_TALK)
		vectors = 1u << YG_VEC_TCP_FLOW;
	memset(&w->incident.evidence, 0, sizeof w->incident.evidence);
	d->host->evidence(d->host->context, w->af, &w->addr, w->af == 6 ? 128 : 32, vectors, &w->incident.evidence);
	w->incident.evidence_second = second;
}

// Few sources, many ports, and neither a line nor a server that would suffer: that is for the scan detector.
static bool looks_like_scan(const struct dos_watch *w, const struct judged *j)
{
	const struct yg_evidence *v = &w->incident.evidence;
	return v->packets && v->sources_at_least <= SCAN_SOURCES && v->ports_count == YG_TOP_MAX &&
	       v->ports[0].share <= SCAN_PORT_SHARE && j->raw.packets < BURST_RATIO * j->limits->packets &&
	       j->raw.bits < j->limits->bits;
}

// Large datagrams of one peer that the host answers, as a file server's. Without a line the floors are so low that a
// single second of it crosses them five times; where a line or a floor is declared it is worth telling.
static bool looks_like_conversation(const struct dos *d, const struct dos_watch *w, const struct judged *j)
{
	const struct yg_evidence *v = &w->incident.evidence;
	bool declared = w->view.line_bps || d->floor_packets > 0 || d->floor_bits > 0;
	return !declared && w->incident.group == DOS_FRAGMENT && v->packets && v->sources_at_least == 1 &&
	       w->raw.out_packets * PIECES_ANSWERED >= j->raw.packets &&
	       j->raw.packets < BURST_RATIO * j->limits->packets;
}

static uint8_t proto_of(unsigned group, uint8_t af)
{
	switch (group) {
	case DOS_SYN:
	case DOS_ACK:
	case DOS_TCP:
	case DOS_TALK:
		return 6;
	case DOS_UDP:
		return 17;
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

// The vectors with at least a tenth of the excess, the largest first.
static void list_vectors(struct yg_alert *a, const struct dos_excess *e, bool by_bits)
{
	const double *by = by_bits ? e->by_bits : e->by_packets;
	double total = by_bits ? e->bits : e->packets;
	uint32_t listed = 0;
	while (total > 0 && a->vectors_count < 6) {
		unsigned best = YG_VEC_COUNT;
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			if (!(listed & 1u << v) && by[v] >= VECTOR_SHARE * total &&
			    (best == YG_VEC_COUNT || by[v] > by[best]))
				best = v;
		if (best == YG_VEC_COUNT)
			return;
		listed |= 1u << best;
		copy_name(a->vectors[a->vectors_count].name, sizeof a->vectors[0].name, dos_vector_name(best));
		a->vectors[a->vectors_count++].share = (float)(by[best] / total);
	}
}

static void add_series(struct yg_alert *a, const struct dos_watch *w, unsigned metric, int64_t second)
{
	const float *ring = w->series[metric == DOS_PACKETS ? 0 : metric == DOS_BITS ? 1 : 2];
	uint32_t n = w->series_count < DOS_SERIES ? w->series_count : DOS_SERIES;
	for (uint32_t i = 0; i < n; i++)
		a->series[i] = ring[(w->series_count - n + i) % DOS_SERIES];
	a->series_count = (uint8_t)n;
	a->series_start = second + 1 - n;
	a->series_step_s = 1;
	a->series_high =
	    (float)a->threshold; // the band of what is normal: from the baseline, which is 0, to the threshold
}

static void add_evidence(struct yg_alert *a, const struct yg_evidence *v)
{
	a->sources_at_least = v->sources_at_least;
	a->sample_packets = v->packets;
	a->top_count = v->top_count < YG_TOP_MAX ? v->top_count : YG_TOP_MAX;
	memcpy(a->top, v->top, a->top_count * sizeof a->top[0]);
}

// What does not change while the incident is open: the alert's key.
static void fill_key(struct yg_alert *a, const struct dos_watch *w)
{
	const struct dos_incident *in = &w->incident;
	copy_name(a->kind, sizeof a->kind, dos_kind(in->group));
	copy_name(a->runbook, sizeof a->runbook, dos_kind(in->group));
	copy_name(a->technique, sizeof a->technique, dos_technique(in->group));
	copy_name(a->vector, sizeof a->vector, in->group == DOS_TALK ? "connections" : dos_vector_name(in->vector));
	a->af = w->af;
	a->target = w->addr;
	a->target_len = w->af == 6 ? 128 : 32;
	a->target_port = in->port;
	a->proto = proto_of(in->group, w->af);
	a->org = w->org;
	a->zone = w->zone;
}

static uint8_t severity_of(const struct dos_incident *in, const struct judged *j)
{
	if (in->group == DOS_TALK)
		return YG_SEV_LOW;
	return in->metric == DOS_SLOW && j->raw.ratio < 1 ? YG_SEV_MEDIUM : YG_SEV_HIGH;
}

static void raise_alert(struct dos *d, struct dos_watch *w, const struct judged *j, bool hold)
{
	static const char units[][20] = {"packets/s", "bits/s", "flows/s", "incomplete SYNs/s", "incomplete SYNs/s"};
	struct dos_incident *in = &w->incident;
	struct yg_alert a = {0};
	fill_key(&a, w);
	a.hold = hold;
	a.time_ns = (j->second + 1) * INT64_C(1000000000);
	a.first_ns = in->onset * INT64_C(1000000000);
	a.severity = severity_of(in, j);
	a.clear_after_s = (uint16_t)d->clear_s;
	if (!hold) {
		double ratio = in->group == DOS_TALK ? j->raw.talk_ratio : fmax(j->raw.ratio, 1);
		if (j->second - in->evidence_second >= DOS_EVIDENCE_S)
			evidence_of(d, w, &j->raw, j->second);
		a.observed = value_of(j, w, in->group, in->metric);
		a.threshold = limit_of(j, w, in->metric);
		a.window_s = in->metric == DOS_SLOW ? DOS_SLOW_PERIOD_S : 3;
		a.confidence = BASELINE_FLOOR * (w->view.one_way ? ONE_WAY : 1.0f);
		a.score = in->group == DOS_TALK ? 30 : (uint8_t)fmin(100, 60 + 10 * log2(ratio));
		copy_name(a.unit, sizeof a.unit, units[in->metric]);
		add_evidence(&a, &in->evidence);
		if (in->group != DOS_TALK) {
			list_vectors(&a, &j->raw, in->metric == DOS_BITS);
			add_series(&a, w, in->metric, j->second);
		}
		dos_sentences(&a, in->group, in->metric, w->view.one_way, d->host->org(d->host->context, w->org));
	}
	d->host->raise(d->host->context, &a);
}

static void name_incident(struct dos *d, struct dos_watch *w, const struct judged *j, bool talk)
{
	struct dos_incident *in = &w->incident;
	unsigned vector = YG_VEC_COUNT;
	in->metric = (uint8_t)metric_of(j, w, talk);
	in->group = DOS_TALK;
	if (!talk)
		in->group = (uint8_t)dos_dominant(&j->raw, in->metric == DOS_BITS, &vector);
	if (in->metric == DOS_SLOW) {
		in->group = DOS_SYN;
		vector = YG_VEC_SYN;
	}
	in->vector = (uint8_t)vector;
	evidence_of(d, w, &j->raw, j->second);
	in->port = in->metric == DOS_SLOW ? w->slow_port : 0;
	bool has_ports = in->group == DOS_SYN || in->group == DOS_UDP || in->group == DOS_ACK || in->group == DOS_TCP;
	if (!in->port && has_ports && in->evidence.ports_count && in->evidence.ports[0].share >= 0.8f)
		in->port = in->evidence.ports[0].port;
}

static void try_open(struct dos *d, struct dos_watch *w, const struct judged *j, bool talk)
{
	struct dos_incident before = w->incident;
	name_incident(d, w, j, talk);
	if (!talk && (looks_like_scan(w, j) || looks_like_conversation(d, w, j))) {
		w->incident = before;
		return;
	}
	w->incident.open = true;
	w->incident.quiet_s = w->incident.minor_s = 0;
	w->incident.onset = w->onset ? w->onset : j->second;
	if (w->incident.metric == DOS_SLOW)
		w->incident.onset = j->second + 1 - DOS_SLOW_PERIOD_S;
	raise_alert(d, w, j, false);
}

// How long the vectors that gave the incident its name have been a small part while others are above the threshold.
static void watch_name(struct dos_watch *w, const struct judged *j)
{
	struct dos_incident *in = &w->incident;
	bool by_bits = in->metric == DOS_BITS;
	const double *by = by_bits ? j->raw.by_bits : j->raw.by_packets;
	double own = 0, total = by_bits ? j->raw.bits : j->raw.packets;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		own += dos_group_of(v) == in->group ? by[v] : 0;
	bool minor = in->group < DOS_MIXED && j->raw.ratio >= 1 && own < VECTOR_SHARE * total;
	in->minor_s = minor ? in->minor_s + 1 : 0;
}

static void step_open(struct dos *d, struct dos_watch *w, const struct judged *j, bool attack)
{
	struct dos_incident *in = &w->incident;
	bool talk = in->group == DOS_TALK;
	watch_name(w, j);
	if ((talk && attack) || in->minor_s >= DOS_MINOR_S) {
		in->open = false; // the other one is no longer raised, and closes by itself
		try_open(d, w, j, false);
		if (in->open)
			return;
		in->open = true;
	}
	double ratio = talk ? j->raw.talk_ratio : j->raw.ratio;
	bool slow = in->group == DOS_SYN && w->slow_rate > 0;
	// Below the threshold the slow path has no number in the unit of an alert that the fast path opened.
	if (ratio >= 1 || (slow && in->metric == DOS_SLOW)) {
		in->quiet_s = 0;
		raise_alert(d, w, j, false);
	} else if (ratio >= HOLD_RATIO || slow) {
		in->quiet_s = 0;
		raise_alert(d, w, j, true);
	} else if (++in->quiet_s >= d->clear_s) {
		in->open = false;
	}
}

static void remember(struct dos_watch *w, const struct judged *j)
{
	uint32_t at = w->series_count % DOS_SERIES;
	w->series[0][at] = (float)j->raw.packets;
	w->series[1][at] = (float)j->raw.bits;
	w->series[2][at] = (float)fmax(j->raw.flows, j->raw.syns);
	w->series_count++;
	if (w->series_count == 2 * DOS_SERIES)
		w->series_count = DOS_SERIES;
	w->hot = (uint8_t)(w->hot << 1 | (j->raw.ratio >= 1));
	w->talk_hot = (uint8_t)(w->talk_hot << 1 | (j->raw.talk_ratio >= 1));
	w->heat = fmax(j->raw.ratio, w->slow_rate > 0 ? 1 : 0);
	if ((w->hot & 7) == 1 || (!(w->hot & 7) && (w->talk_hot & 7) == 1))
		w->onset = j->second;
}

void dos_incident_step(struct dos *d, struct dos_watch *w, int64_t second)
{
	struct dos_limits limits = dos_limits_of(d, w->view.line_bps);
	struct judged j = {.limits = &limits, .second = second};
	dos_excess_of(&j.raw, &w->raw, &w->view, &limits);
	dos_excess_of(&j.ema, &w->ema, &w->view, &limits);
	remember(w, &j);
	bool attack = (j.raw.ratio >= 1 && bits_of(w->hot) >= 2) || j.raw.ratio >= BURST_RATIO ||
	              (j.ema.ratio >= 1 && j.raw.ratio >= HOLD_RATIO);
	if (w->incident.open)
		step_open(d, w, &j, attack);
	else if (attack || w->slow_rate > 0)
		try_open(d, w, &j, false);
	else if (j.raw.talk_ratio >= 1 && bits_of(w->talk_hot) >= 2)
		try_open(d, w, &j, true);
}
