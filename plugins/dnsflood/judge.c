// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// When queries are a flood, of which sort, and for how long. One incident a server: its zone and its sort are fixed when it opens, because
// they are what the alert is known by.
//
// How much comes is exact where the server is declared, because the windows count packets. What is asked comes from the dissector: a
// sample when there is much of it, and in a replay up to two batches later. So the volume decides whether to look, shares
// decide what it is, and where there are too few names for a share it waits DNSF_WAIT_S before it speaks without them.
#include "dnsflood.h"

#include <math.h>
#include <string.h>

#include "../common/say.h"

#define HOLD_RATIO 0.7
#define CERTAIN_RATIO 5.0    // a flood so far above its threshold needs no other sign
#define ANSWERED_SHARE 0.1   // fewer answers than that to the queries: none
#define FEW_CLIENTS 0.5      // the five loudest ask so much: they are forged, resolvers are many
#define BASELINE_FLOOR 0.5f  // confidence: nothing was learned yet
#define ONE_WAY 0.7f         // confidence: no answers are to be seen
#define UNREAD 0.7f          // confidence: no names were read
#define KNOWN_NEW 1.4f       // confidence: nearly all names are new
#define NEW_SHARE 0.9

struct judged {
	int64_t second, from; // of the window that is judged
	double rate, now, threshold;
	struct dnsf_zone *zone;
	struct dnsf_sum sum;
	bool unanswered;
};

double dnsflood_threshold(const struct dnsf *d, const struct dnsf_server *s)
{
	const struct yg_org_info *org = d->host->org(d->host->context, s->org);
	double learned = say_factor(s->learning) * s->p95;
	double body = org ? org->floor_flows : 0;
	return fmax(d->floor, fmax(learned, body));
}

// Of the packets of the last seconds those that come from outside, by what was read; without enough of it as it was before.
static void learn_share(struct dnsf_server *s, int64_t second)
{
	double out = 0, in = 0;
	for (unsigned i = 0; i < DNSF_SLOTS; i++)
		if (s->load[i].second > second - DNSF_WINDOW_S && s->load[i].second <= second) {
			out += s->load[i].read_out;
			in += s->load[i].read_in;
		}
	if (out + in >= DNSF_NAMES_MIN)
		s->out_share = out / (out + in);
}

// Answers are counted where the mirror shows nothing else.
static double answers_in(const struct dnsf *d, const struct dnsf_server *s, int64_t second)
{
	double sum = 0;
	for (uint32_t i = s->zones; i != DNSF_NONE; i = d->zone[i].next) {
		const struct dnsf_second *at = &d->zone[i].slot[(uint64_t)second % DNSF_SLOTS];
		sum += at->second == second ? at->answers : 0;
	}
	return sum;
}

// Queries from outside in that second: exact from the window, or what was read where there is none.
static double queries_in(const struct dnsf *d, const struct dnsf_server *s, int64_t second)
{
	const struct dnsf_load *l = &s->load[(uint64_t)second % DNSF_SLOTS];
	return l->second == second ? fmax(fmax(l->packets * s->out_share, l->read_out), answers_in(d, s, second)) : 0;
}

static double mean(const struct dnsf *d, const struct dnsf_server *s, int64_t second, unsigned seconds)
{
	double sum = 0;
	for (unsigned i = 0; i < seconds; i++)
		sum += queries_in(d, s, second - i);
	return sum / seconds;
}

// The first second of the window above the threshold; where none is by itself, the window's first.
static int64_t onset_of(const struct dnsf *d, const struct dnsf_server *s, int64_t second, double threshold)
{
	for (int64_t at = second - DNSF_WINDOW_S + 1; at <= second; at++)
		if (queries_in(d, s, at) >= threshold)
			return at;
	return second - DNSF_WINDOW_S + 1;
}

// The zone that is asked most in the window, ties to the first in the declaration; its share of all that was read.
static double busiest(struct dnsf *d, const struct dnsf_server *s, struct judged *j)
{
	double all = 0, most = 0;
	j->zone = NULL;
	for (uint32_t i = s->zones; i != DNSF_NONE; i = d->zone[i].next) {
		struct dnsf_zone *z = &d->zone[i];
		double names = 0;
		for (unsigned k = 0; k < DNSF_SLOTS; k++)
			if (z->slot[k].second >= j->from && z->slot[k].second <= j->second)
				names += fmax(z->slot[k].queries, z->slot[k].answers);
		all += names;
		if (names > most || (names > 0 && names == most && z->zone < j->zone->zone)) {
			most = names;
			j->zone = z;
		}
	}
	return all >= DNSF_NAMES_MIN ? most / all : 1;
}

// Who asks, by the sample.
static void ask(struct dnsf *d, struct dnsf_server *s, int64_t second)
{
	struct dnsf_incident *in = &s->incident;
	struct yg_alert a = {.af = s->af, .target = s->addr};
	say_senders(d->host, &a, 17, 53, 1u << YG_VEC_UDP);
	in->asked = second;
	in->top_count = a.top_count;
	memcpy(in->top, a.top, sizeof in->top);
	in->sources_at_least = a.sources_at_least;
	in->sample_packets = a.sample_packets;
}

static bool few_clients(const struct dnsf_incident *in)
{
	float share = 0;
	for (unsigned i = 0; i < in->top_count; i++)
		share += in->top[i].share;
	return share >= (float)FEW_CLIENTS;
}

// What sort of flood it is; DNSF_VECTORS: none, or not to be told yet.
static unsigned sort_of(struct dnsf *d, struct dnsf_server *s, const struct judged *j)
{
	const struct dnsf_sum *m = &j->sum;
	if (m->names < DNSF_NAMES_MIN)
		return j->second - s->onset >= DNSF_WAIT_S ? DNSF_UNREAD : DNSF_VECTORS;
	if (m->queries > 0 && m->abusable >= d->abuse * m->queries) {
		ask(d, s, j->second);
		// A roll-over of keys brings as many, from all the world's resolvers.
		return few_clients(&s->incident) ? DNSF_ABUSE : DNSF_VECTORS;
	}
	bool distinct = m->distinct >= d->distinct * m->names;
	if (distinct && (j->unanswered || m->denied >= d->denied * m->answers))
		return DNSF_RANDOM;
	bool surge = d->host->planned(d->host->context, s->org, j->second) & YG_PLAN_SURGE;
	if (surge || (distinct && j->rate < CERTAIN_RATIO * j->threshold))
		return DNSF_VECTORS;
	return DNSF_PLAIN;
}

static uint8_t severity_of(const struct judged *j, unsigned vector)
{
	if (vector == DNSF_RANDOM)
		return YG_SEV_HIGH;
	return vector != DNSF_ABUSE && (j->rate >= CERTAIN_RATIO * j->threshold || j->unanswered) ? YG_SEV_HIGH : YG_SEV_MEDIUM;
}

static float confidence_of(const struct dnsf_server *s, const struct judged *j, const struct dnsf_said *said)
{
	float c = s->learning == YG_LEARN_FLOOR ? BASELINE_FLOOR : 1;
	if (j->unanswered || s->one_way)
		c *= ONE_WAY;
	if (said->vector == DNSF_UNREAD)
		c *= UNREAD;
	if (said->vector == DNSF_RANDOM && said->fresh >= NEW_SHARE)
		c *= KNOWN_NEW;
	return fminf(c, 1);
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : -1;
}

static void describe(const struct dnsf *d, const struct dnsf_server *s, const struct judged *j, struct dnsf_said *said)
{
	const struct dnsf_sum *m = &j->sum;
	bool read = m->names >= DNSF_NAMES_MIN;
	bool learned = d->filter.since && j->second - d->filter.since >= DNSF_LEARNED_S;
	said->vector = s->incident.vector;
	said->unanswered = j->unanswered;
	said->one_way = s->one_way;
	said->distinct = read ? share(m->distinct, m->names) : -1;
	said->denied = read && !j->unanswered ? share(m->denied, m->answers) : -1;
	said->fresh = read && learned ? share(m->fresh, m->queries) : -1;
	said->abusable = read ? share(m->abusable, m->queries) : -1;
	if (s->incident.zone == DNSF_NONE || !s->info)
		return;
	const struct dnsf_zone *z = &d->zone[s->incident.zone];
	if (z->zone != DNSF_NO_ZONE && z->zone_len < sizeof said->zone)
		memcpy(said->zone, s->info->zones + z->zone, z->zone_len);
}

static void raise_alert(struct dnsf *d, struct dnsf_server *s, const struct judged *j, bool hold)
{
	struct dnsf_incident *in = &s->incident;
	struct dnsf_said said = {0};
	struct yg_alert a = {.af = s->af, .target = s->addr, .target_len = s->af == 6 ? 128 : 32, .target_port = 53, .org = s->org,
			     .zone = s->zone_kind, .hold = hold, .clear_after_s = (uint16_t)d->clear_s, .window_s = DNSF_WINDOW_S};
	say_copy(a.kind, sizeof a.kind, "dos.dns_flood");
	say_copy(a.runbook, sizeof a.runbook, "dos.dns_flood");
	say_copy(a.technique, sizeof a.technique, in->vector == DNSF_ABUSE ? "T1498.002" : "T1499.002");
	say_copy(a.vector, sizeof a.vector, dnsflood_vector(in->vector));
	say_copy(a.app_proto, sizeof a.app_proto, "dns");
	say_copy(a.unit, sizeof a.unit, "queries/s");
	a.time_ns = (j->second + 1) * INT64_C(1000000000);
	a.first_ns = in->onset * INT64_C(1000000000);
	if (!hold) {
		if (j->second - in->asked >= DNSF_EVIDENCE_S)
			ask(d, s, j->second);
		describe(d, s, j, &said);
		a.observed = j->rate;
		a.threshold = j->threshold;
		a.baseline = s->p95;
		a.learning = s->learning;
		a.severity = severity_of(j, in->vector);
		a.confidence = confidence_of(s, j, &said);
		a.score = (uint8_t)fmin(100, 60 + 10 * log2(fmax(1, j->rate / j->threshold)));
		a.top_count = in->top_count;
		memcpy(a.top, in->top, sizeof a.top);
		a.sources_at_least = in->sources_at_least;
		a.sample_packets = in->sample_packets;
		say_series(&a, s->series, s->series_next, s->series_count, j->second);
		dnsflood_sentences(d, &a, &said);
	}
	d->host->raise(d->host->context, &a);
}

static void try_open(struct dnsf *d, struct dnsf_server *s, const struct judged *j)
{
	unsigned vector = sort_of(d, s, j);
	if (vector == DNSF_VECTORS)
		return;
	s->incident.open = true;
	s->incident.vector = (uint8_t)vector;
	s->incident.zone = j->zone && vector != DNSF_UNREAD ? (uint32_t)(j->zone - d->zone) : DNSF_NONE;
	s->incident.quiet_s = 0;
	s->incident.onset = s->onset;
	ask(d, s, j->second);
	raise_alert(d, s, j, false);
}

static void step_open(struct dnsf *d, struct dnsf_server *s, const struct judged *j)
{
	if (j->rate >= j->threshold) {
		s->incident.quiet_s = 0;
		raise_alert(d, s, j, false);
	} else if (j->now >= HOLD_RATIO * j->threshold) {
		s->incident.quiet_s = 0;
		raise_alert(d, s, j, true);
	} else if (++s->incident.quiet_s >= d->clear_s) {
		s->incident.open = false;
	}
}

static void remember(struct dnsf_server *s, const struct judged *j)
{
	s->series[s->series_next] = (float)j->now;
	s->series_next = (s->series_next + 1) % YG_SERIES_MAX;
	s->series_count += s->series_count < YG_SERIES_MAX;
	s->hot = (uint8_t)(s->hot << 1 | (j->now >= j->threshold));
}

void dnsflood_judge(struct dnsf *d, struct dnsf_server *s, int64_t second)
{
	struct judged j = {.second = second, .threshold = dnsflood_threshold(d, s)};
	learn_share(s, second);
	j.now = queries_in(d, s, second);
	remember(s, &j);
	double three = __builtin_popcount(s->hot & 7) >= 2 ? mean(d, s, second, 3) : 0;
	j.rate = fmax(mean(d, s, second, DNSF_WINDOW_S), three);
	if (j.rate < j.threshold) {
		s->onset = s->hot & 1 ? second : 0;
		if (s->incident.open)
			step_open(d, s, &j);
		return;
	}
	s->onset = s->onset ? s->onset : onset_of(d, s, second, j.threshold);
	j.from = s->onset > second - DNSF_WINDOW_S ? s->onset : second - DNSF_WINDOW_S + 1;
	double part = busiest(d, s, &j);
	j.rate *= part;
	j.now *= part;
	if (j.zone)
		dnsflood_sum(j.zone, j.from, second, &j.sum);
	j.unanswered = j.sum.queries > 0 && j.sum.answers < ANSWERED_SHARE * j.sum.queries;
	if (s->incident.open)
		step_open(d, s, &j);
	else if (j.rate >= j.threshold)
		try_open(d, s, &j);
}
