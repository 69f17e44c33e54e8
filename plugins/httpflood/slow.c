// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Connections that are held open by requests that do not end. What is known of one: when it opened, whether a whole request was read,
// whether the server has answered, and, each time a record of it comes (flow.update, a minute; sooner from a reader whose window is shut
// again and again), how much each side has sent since.
//
// In a replay the dissector's answers and the ends of flows come up to two batches late, and a batch may be followed by minutes without
// one. Every second with packets has a batch of its own, so what happened up to the third last of them is known: connections are as old as
// that, not as old as the clock says. Live that costs two seconds.
#include "httpflood.h"

#include <math.h>
#include <string.h>

#include "../common/say.h"

#define OPEN_SHARE 0.2
#define HOLD_RATIO 0.7
#define PER_SOURCE 3      // of slow connections young enough to be a browser's reserve: so many a source are none
#define PER_SOURCE_TLS 10 // where TLS hides the requests
#define SILENT_S 60      // a server that shows nothing for so long is not judged
#define BLIND_S 60        // no HTTP message for so long,
#define BLIND_BYTES 200   // and packets of this size from the server: it answers, and we do not read it
#define BODY_LEAST (HTTPF_HARD_S * HTTPF_SLOW_RATE)
#define ONE_WAY 0.7f
#define HIDDEN 0.7f       // confidence: TLS

static void take(struct httpf *h, const struct httpf_conn *c, bool hard)
{
	struct httpf_held *held = &h->held[c->server];
	uint64_t *sources = h->server[c->server].slow_sources;
	uint32_t bit = (uint32_t)(c->source & 1023);
	if (!held->slow++)
		memset(sources, 0, sizeof h->server[c->server].slow_sources);
	held->hard += hard;
	sources[bit / 64] |= UINT64_C(1) << (bit % 64);
	httpflood_wake_slow(h, c->server);
}

void httpflood_active(struct httpf *h, int64_t second)
{
	h->active[2] = h->active[1];
	h->active[1] = h->active[0];
	h->active[0] = second;
}

// Where no answer can be seen: what was announced is so much that even at the pace that is allowed it would still come. A record of the
// connection says more than this, see trickles().
static void weigh_announced(struct httpf *h, const struct httpf_conn *c, int64_t known)
{
	struct httpf_held *held = &h->held[c->server];
	if (c->flags & HTTPF_C_LOOKED || c->announced < BODY_LEAST || known - c->asked < HTTPF_HARD_S)
		return;
	held->in_least = !held->announced || c->in < held->in_least ? c->in : held->in_least;
	held->announced++;
	httpflood_wake_slow(h, c->server);
}

static void weigh(struct httpf *h, const struct httpf_conn *c, int64_t known)
{
	int64_t age = known - c->opened;
	h->held[c->server].open++;
	if (c->flags & (HTTPF_C_GONE | HTTPF_C_DRIP | HTTPF_C_SHUT)) {
		take(h, c, age >= HTTPF_HARD_S && !(c->flags & HTTPF_C_SHUT)); // a pause shuts windows too, but not many a source
		return;
	}
	if (!(c->flags & HTTPF_C_SYN) || c->flags & HTTPF_C_ANSWERED || age < HTTPF_SOFT_S)
		return;
	if (!(c->flags & HTTPF_C_ASKED)) {
		take(h, c, age >= HTTPF_HARD_S);
		return;
	}
	if (!(c->flags & HTTPF_C_POST) || h->server[c->server].tls)
		return;
	if (c->flags & HTTPF_C_ONE_WAY) {
		weigh_announced(h, c, known);
	} else if (age >= HTTPF_HARD_S) {
		h->held[c->server].bodies++;
		httpflood_wake_slow(h, c->server);
	}
}

void httpflood_pass(struct httpf *h, int64_t second)
{
	memset(h->held, 0, h->servers_used * sizeof *h->held);
	for (uint32_t i = 0; i < h->conns_used; i++) {
		struct httpf_conn *c = &h->conn[i];
		if (!c->used)
			continue;
		bool lost = second - c->heard > HTTPF_FORGET_S && !(c->flags & HTTPF_C_GONE);
		h->stats.lost += lost;
		if (lost || (c->flags & HTTPF_C_GONE && second - c->gone >= HTTPF_LATELY_S))
			httpflood_conn_drop(h, c);
		else
			weigh(h, c, h->active[2]);
	}
}

struct totals {
	double bytes_in, packets_in, bytes_out, packets_out;
};

static struct totals totals_of(const struct httpf_server *s, int64_t second)
{
	struct totals t = {0};
	for (unsigned i = 0; i < HTTPF_SLOTS; i++)
		if (s->second[i] > second - HTTPF_WINDOW_S && s->second[i] <= second) {
			t.bytes_in += (double)s->slot[i].bytes_in;
			t.packets_in += (double)s->slot[i].packets_in;
			t.bytes_out += (double)s->slot[i].bytes_out;
			t.packets_out += (double)s->slot[i].packets_out;
		}
	return t;
}

// Of the requests whose body has not come at least so many are slow: all that the server gets would serve no more of the quick ones. Where
// nothing comes at all the client waits, not the server.
static double slow_bodies(const struct httpf_held *held, const struct totals *t)
{
	double quick = t->bytes_in / HTTPF_WINDOW_S / HTTPF_SLOW_RATE;
	return t->packets_in * 6 >= held->bodies ? fmax(0, held->bodies - quick) : 0;
}

// The same on a one-way mirror, where a body that is whole looks like one that never will be: each that is, or comes quickly, has brought
// BODY_LEAST bytes at least since its connection was opened. For those that all which came does not suffice for, it is proven.
static double slow_announced(const struct httpf_server *s, const struct httpf_held *held, const struct totals *t)
{
	double served = (double)(s->in - held->in_least) / BODY_LEAST;
	return t->packets_in * 6 >= held->announced ? fmax(0, held->announced - served) : 0;
}

static double sources_of(const struct httpf_server *s, const struct httpf_held *held)
{
	unsigned set = 0;
	for (unsigned i = 0; held->slow && i < 16; i++)
		set += (unsigned)__builtin_popcountll(s->slow_sources[i]);
	return set < 1024 ? fmax(1, 1024 * log(1024.0 / (1024 - set))) : 1024 * log(1024);
}

static void raise_alert(struct httpf *h, struct httpf_server *s, int64_t second, double slow, double threshold, bool hold)
{
	struct httpf_incident *in = &s->incident[HTTPF_SLOW];
	const struct httpf_held *held = &h->held[s - h->server];
	uint32_t need = s->tls ? h->slow_tls : h->slow_conns;
	struct yg_alert a;
	httpflood_alert(h, s, HTTPF_SLOW, second, &a);
	a.hold = hold;
	if (!hold) {
		struct httpf_said said = {.tls = in->tls, .one_way = s->one_way, .open = held->open, .hard = held->hard,
					  .sources = sources_of(s, held)};
		bool certain = held->hard >= need;
		a.observed = slow;
		a.threshold = threshold;
		a.severity = certain ? YG_SEV_HIGH : YG_SEV_MEDIUM;
		a.confidence = (certain ? 0.8f : 0.6f) * (s->one_way ? ONE_WAY : 1) * (in->tls ? HIDDEN : 1);
		a.score = (uint8_t)fmin(100, 60 + 10 * log2(fmax(1, slow / threshold)));
		httpflood_evidence(h, in, &a, second);
		say_series(&a, in->series, in->series_next, in->series_count, second);
		httpflood_sentences(h, &a, HTTPF_SLOW, &said);
	}
	h->host->raise(h->host->context, &a);
}

void httpflood_judge_slow(struct httpf *h, struct httpf_server *s, int64_t second, bool quiet)
{
	struct httpf_incident *in = &s->incident[HTTPF_SLOW];
	const struct httpf_held *held = &h->held[s - h->server];
	bool any = held->slow || held->bodies || held->announced; // else it is 0, whatever came
	struct totals t = quiet || !any ? (struct totals){0} : totals_of(s, second);
	bool blind = !s->tls && second - s->heard > BLIND_S && t.packets_out > 0 && t.bytes_out / t.packets_out >= BLIND_BYTES;
	double bodies = slow_bodies(held, &t) + slow_announced(s, held, &t), need = s->tls ? h->slow_tls : h->slow_conns;
	double slow = blind || second - h->place[s - h->server].last > SILENT_S ? 0 : held->slow + bodies;
	in->series[in->series_next] = (float)slow;
	in->series_next = (in->series_next + 1) % YG_SERIES_MAX;
	in->series_count += in->series_count < YG_SERIES_MAX;
	double threshold = fmax(need, OPEN_SHARE * held->open);
	if (in->open) {
		in->quiet_s = slow >= HOLD_RATIO * threshold ? 0 : in->quiet_s + 1;
		if (!in->quiet_s)
			raise_alert(h, s, second, slow, threshold, slow < threshold);
		else if (in->quiet_s >= h->clear_s)
			in->open = false;
		return;
	}
	if (slow < threshold)
		return;
	double sources = sources_of(s, held);
	bool few = slow >= sources * (s->tls ? PER_SOURCE_TLS : PER_SOURCE), hard = !s->tls && held->hard + bodies >= need;
	if (!few && !hard)
		return;
	in->open = true;
	in->tls = s->tls;
	in->quiet_s = 0;
	in->onset = second - (held->hard >= need ? HTTPF_HARD_S : HTTPF_SOFT_S);
	in->asked = 0;
	raise_alert(h, s, second, slow, threshold, false);
}
