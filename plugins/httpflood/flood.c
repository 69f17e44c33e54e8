// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// When connections and requests are a flood. Their number alone never says so: a press release brings as many. A flood is of one make
// (one fingerprint, or ten times the usual sources) and gets nothing that anybody would come for.
#include "httpflood.h"

#include <math.h>

#include "../common/say.h"

#define HOLD_RATIO 0.7
#define BASELINE_FLOOR 0.5f // confidence: nothing was learned yet
#define ONE_WAY 0.7f        // confidence: replies are not to be seen
#define MOST 0.5            // of replies that are small; of requests that get an answer
#define ENDS_MIN 50         // connections that ended from which a share of them means something
#define SOURCES_MIN 50
#define VISIT_PACKETS 10    // that a client sends at least who is served a page: a handshake, a request, acknowledgements
#define PER_CONNECTION 1024 // headers, acknowledgements
#define TLS_REPLY 5120      // a handshake with its certificates

struct sums {
	double settled, older; // connections of the window that are a second old, and two
	double ends, small, requests, answers, bytes_out, packets_in;
};

struct judged {
	int64_t second;
	double rate, now, threshold, print, sources, small;
	bool unanswered, tls;
};

static const struct httpf_second *at(const struct httpf_server *s, int64_t second)
{
	uint64_t slot = (uint64_t)second % HTTPF_SLOTS;
	return s->second[slot] == second ? &s->slot[slot] : NULL;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

// A connection is one, whether it shows as a handshake, a hello or a request; where several requests share one, they count.
static void count_made(struct httpf_server *s)
{
	for (; s->written; s->written &= s->written - 1) {
		unsigned slot = (unsigned)__builtin_ctz(s->written);
		const struct httpf_second *x = &s->slot[slot];
		s->made[slot] = (double)larger(larger(x->handshakes, x->hellos), x->requests) + larger(x->quic, x->quic_hellos);
	}
}

static double made_in(const struct httpf_server *s, int64_t second)
{
	uint64_t slot = (uint64_t)second % HTTPF_SLOTS;
	return s->second[slot] == second ? s->made[slot] : 0;
}

static double made_in_window(const struct httpf_server *s, int64_t second)
{
	double sum = 0;
	for (unsigned i = 0; i < HTTPF_SLOTS; i++)
		sum += s->second[i] > second - HTTPF_WINDOW_S && s->second[i] <= second ? s->made[i] : 0;
	return sum;
}

static struct sums sum_of(const struct httpf_server *s, int64_t second)
{
	struct sums sum = {0};
	for (unsigned i = 0; i < HTTPF_WINDOW_S; i++) {
		const struct httpf_second *x = at(s, second - i);
		if (!x)
			continue;
		double made = made_in(s, second - i);
		sum.settled += i > 0 ? made : 0;
		sum.older += i > 1 ? made : 0;
		sum.ends += x->ends;
		sum.small += x->small;
		sum.requests += x->requests;
		sum.answers += x->answers;
		sum.bytes_out += (double)x->bytes_out;
		sum.packets_in += (double)x->packets_in;
	}
	return sum;
}

// Of the connections: the share that does not come by way of a listed proxy.
static double direct_of(const struct httpf *h, const struct httpf_server *s, int64_t second)
{
	double told = 0, proxied = 0;
	for (unsigned i = 0; h->proxies && i < HTTPF_WINDOW_S; i++) {
		const struct httpf_second *x = at(s, second - i);
		told += x ? x->told : 0;
		proxied += x ? x->proxied : 0;
	}
	return told > 0 ? 1 - proxied / told : 1;
}

static double threshold_of(const struct httpf *h, const struct httpf_server *s)
{
	const struct yg_org_info *org = h->host->org(h->host->context, s->org);
	return fmax(h->floor, fmax(say_factor(s->learning) * s->p95, org ? org->floor_flows : 0));
}

// Whether what is asked for is not served: by the connections that have ended, by all that was sent, or by answers that are missing. Where
// the server's side is out of sight, by how little its clients have to acknowledge. What has only begun had no time to be served.
static bool gets_little(const struct httpf *h, const struct httpf_server *s, const struct sums *sum, struct judged *j)
{
	double reply = (double)h->small_reply + PER_CONNECTION + (s->tls ? TLS_REPLY : 0);
	j->small = -1;
	if (s->one_way)
		return sum->packets_in < VISIT_PACKETS * sum->older;
	j->small = sum->ends >= ENDS_MIN ? sum->small / sum->ends : -1;
	j->unanswered = sum->requests >= ENDS_MIN && sum->answers < MOST * sum->requests;
	return j->unanswered || j->small >= MOST || sum->bytes_out < reply * sum->settled;
}

static bool is_attack(const struct httpf *h, const struct httpf_server *s, const struct judged *j)
{
	// Without replies to look at, many sources may as well be visitors.
	bool many = !s->one_way && s->usual_s >= HTTPF_USUAL_S && j->sources >= SOURCES_MIN && j->sources >= h->source_factor * fmax(1, s->usual);
	bool surge = h->host->planned(h->host->context, s->org, j->second) & YG_PLAN_SURGE;
	return !surge && (j->print >= h->print_share || many);
}

static void raise_alert(struct httpf *h, struct httpf_server *s, const struct judged *j, bool hold)
{
	struct httpf_incident *in = &s->incident[HTTPF_FLOOD];
	struct yg_alert a;
	httpflood_alert(h, s, HTTPF_FLOOD, j->second, &a);
	a.hold = hold;
	if (!hold) {
		struct httpf_said said = {.tls = in->tls, .one_way = s->one_way, .print = j->print, .sources = j->sources, .small = j->small,
					  .usual = s->usual_s >= HTTPF_USUAL_S ? s->usual : -1, .unanswered = j->unanswered};
		a.observed = j->rate;
		a.threshold = j->threshold;
		a.baseline = s->p95;
		a.learning = s->learning;
		a.severity = YG_SEV_HIGH;
		a.confidence = (s->learning == YG_LEARN_FLOOR ? BASELINE_FLOOR : 1) * (s->one_way ? ONE_WAY : 1);
		a.score = (uint8_t)fmin(100, 60 + 10 * log2(fmax(1, j->rate / j->threshold)));
		httpflood_evidence(h, in, &a, j->second);
		say_series(&a, in->series, in->series_next, in->series_count, j->second);
		httpflood_sentences(h, &a, HTTPF_FLOOD, &said);
	}
	h->host->raise(h->host->context, &a);
}

void httpflood_learn(struct httpf_server *s, double sources)
{
	double steps = fmin(60, s->usual_s / HTTPF_WINDOW_S + 1); // a plain mean of the first ten minutes, then they fade
	s->usual += (sources - s->usual) / steps;
	s->usual_s += s->usual_s < UINT32_MAX / 2 ? HTTPF_WINDOW_S : 0;
}

static void learn_usual(struct httpf_server *s, const struct judged *j)
{
	if (j->second % HTTPF_WINDOW_S == 0 && j->rate < j->threshold / 2 && !s->incident[HTTPF_FLOOD].open)
		httpflood_learn(s, httpflood_sources(s, j->second));
}

static void step_open(struct httpf *h, struct httpf_server *s, const struct judged *j)
{
	struct httpf_incident *in = &s->incident[HTTPF_FLOOD];
	if (j->rate >= j->threshold || j->now >= HOLD_RATIO * j->threshold) {
		in->quiet_s = 0;
		raise_alert(h, s, j, j->rate < j->threshold);
	} else if (++in->quiet_s >= h->clear_s) {
		in->open = false;
	}
}

void httpflood_judge(struct httpf *h, struct httpf_server *s, int64_t second)
{
	struct httpf_incident *in = &s->incident[HTTPF_FLOOD];
	struct judged j = {.second = second};
	count_made(s);
	double direct = direct_of(h, s, second), mean = made_in_window(s, second) * direct / HTTPF_WINDOW_S;
	double three = (made_in(s, second) + made_in(s, second - 1) + made_in(s, second - 2)) / 3 * direct;
	j.now = made_in(s, second) * direct;
	bool few = fmax(fmax(mean, three), j.now) < h->floor / 2; // no threshold is lower than the floor, and this far below all are the same
	j.threshold = few && !in->open ? h->floor : threshold_of(h, s);
	in->series[in->series_next] = (float)j.now;
	in->series_next = (in->series_next + 1) % YG_SERIES_MAX;
	in->series_count += in->series_count < YG_SERIES_MAX;
	s->hot = (uint8_t)(s->hot << 1 | (j.now >= j.threshold));
	j.rate = fmax(mean, __builtin_popcount(s->hot & 7) >= 2 ? three : 0);
	learn_usual(s, &j);
	if (j.rate < j.threshold) {
		s->onset = s->hot & 1 ? second : 0;
		if (in->open)
			step_open(h, s, &j);
		return;
	}
	s->onset = s->onset ? s->onset : second;
	j.print = httpflood_print_share(s, second);
	j.sources = httpflood_sources(s, second);
	struct sums sum = sum_of(s, second);
	bool little = gets_little(h, s, &sum, &j);
	if (in->open) {
		step_open(h, s, &j);
	} else if (little && is_attack(h, s, &j)) {
		in->open = true;
		in->tls = s->tls;
		in->quiet_s = 0;
		in->onset = s->onset;
		in->asked = 0;
		raise_alert(h, s, &j, false);
	}
}
