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

static void take(struct httpf_held *held, const struct httpf_conn *c, bool hard)
{
	uint32_t bit = (uint32_t)(c->source & 1023);
	held->slow++;
	held->hard += hard;
	held->sources[bit / 64] |= UINT64_C(1) << (bit % 64);
}

void httpflood_active(struct httpf *h, int64_t second)
{
	h->active[2] = h->active[1];
	h->active[1] = h->active[0];
	h->active[0] = second;
}

// Where no answer can be seen: what was announced is so much that even at the pace that is allowed it would still come. A record of the
// connection says more than this, see trickles().
static void weigh_announced(struct httpf_server *s, const struct httpf_conn *c, int64_t known)
{
	if (c->flags & HTTPF_C_LOOKED || c->announced < BODY_LEAST || known - c->asked < HTTPF_HARD_S)
		return;
	s->held.in_least = !s->held.announced || c->in < s->held.in_least ? c->in : s->held.in_least;
	s->held.announced++;
}

static void weigh(struct httpf_server *s, const struct httpf_conn *c, int64_t known)
{
	int64_t age = known - c->opened;
	s->held.open++;
	if (c->flags & (HTTPF_C_GONE | HTTPF_C_DRIP | HTTPF_C_SHUT)) {
		take(&s->held, c, age >= HTTPF_HARD_S && !(c->flags & HTTPF_C_SHUT)); // a pause shuts windows too, but not many a source
		return;
	}
	if (!(c->flags & HTTPF_C_SYN) || c->flags & HTTPF_C_ANSWERED || age < HTTPF_SOFT_S)
		return;
	if (!(c->flags & HTTPF_C_ASKED))
		take(&s->held, c, age >= HTTPF_HARD_S);
	else if (!s->tls && c->flags & HTTPF_C_POST && c->flags & HTTPF_C_ONE_WAY)
		weigh_announced(s, c, known);
	else if (!s->tls && c->flags & HTTPF_C_POST && age >= HTTPF_HARD_S)
		s->held.bodies++;
}

void httpflood_pass(struct httpf *h, int64_t second)
{
	for (uint32_t i = 0; i < h->servers_used; i++)
		h->server[i].held = (struct httpf_held){0};
	for (uint32_t i = 0; i < h->conns_used; i++) {
		struct httpf_conn *c = &h->conn[i];
		if (!c->used)
			continue;
		bool lost = second - c->heard > HTTPF_FORGET_S && !(c->flags & HTTPF_C_GONE);
		h->stats.lost += lost;
		if (lost || (c->flags & HTTPF_C_GONE && second - c->gone >= HTTPF_LATELY_S))
			httpflood_conn_drop(h, c);
		else
			weigh(&h->server[c->server], c, h->active[2]);
	}
}

struct totals {
	double bytes_in, packets_in, bytes_out, packets_out;
};

static struct totals totals_of(const struct httpf_server *s, int64_t second)
{
	struct totals t = {0};
	for (unsigned i = 0; i < HTTPF_SLOTS; i++)
		if (s->slot[i].second > second - HTTPF_WINDOW_S && s->slot[i].second <= second) {
			t.bytes_in += (double)s->slot[i].bytes_in;
			t.packets_in += (double)s->slot[i].packets_in;
			t.bytes_out += (double)s->slot[i].bytes_out;
			t.packets_out += (double)s->slot[i].packets_out;
		}
	return t;
}

// Of the requests whose body has not come at least so many are slow: all that the server gets would serve no more of the quick ones. Where
// nothing comes at all the client waits, not the server.
static double slow_bodies(const struct httpf_server *s, const struct totals *t)
{
	double quick = t->bytes_in / HTTPF_WINDOW_S / HTTPF_SLOW_RATE;
	return t->packets_in * 6 >= s->held.bodies ? fmax(0, s->held.bodies - quick) : 0;
}

// The same on a one-way mirror, where a body that is whole looks like one that never will be: each that is, or comes quickly, has brought
// BODY_LEAST bytes at least since its connection was opened. For those that all which came does not suffice for, it is proven.
static double slow_announced(const struct httpf_server *s, const struct totals *t)
{
	double served = (double)(s->in - s->held.in_least) / BODY_LEAST;
	return t->packets_in * 6 >= s->held.announced ? fmax(0, s->held.announced - served) : 0;
}

static double sources_of(const struct httpf_held *held)
{
	unsigned set = 0;
	for (unsigned i = 0; i < 16; i++)
		set += (unsigned)__builtin_popcountll(held->sources[i]);
	return set < 1024 ? fmax(1, 1024 * log(1024.0 / (1024 - set))) : 1024 * log(1024);
}

static void raise_alert(struct httpf *h, struct httpf_server *s, int64_t second, double slow, double threshold, bool hold)
{
	struct httpf_incident *in = &s->incident[HTTPF_SLOW];
	uint32_t need = s->tls ? h->slow_tls : h->slow_conns;
	struct yg_alert a;
	httpflood_alert(h, s, HTTPF_SLOW, second, &a);
	a.hold = hold;
	if (!hold) {
		struct httpf_said said = {.tls = in->tls, .one_way = s->one_way, .open = s->held.open, .hard = s->held.hard,
					  .sources = sources_of(&s->held)};
		bool certain = s->held.hard >= need;
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

void httpflood_judge_slow(struct httpf *h, struct httpf_server *s, int64_t second)
{
	struct httpf_incident *in = &s->incident[HTTPF_SLOW];
	struct totals t = totals_of(s, second);
	bool blind = !s->tls && second - s->heard > BLIND_S && t.packets_out > 0 && t.bytes_out / t.packets_out >= BLIND_BYTES;
	double bodies = slow_bodies(s, &t) + slow_announced(s, &t), need = s->tls ? h->slow_tls : h->slow_conns;
	double slow = blind || second - s->last > SILENT_S ? 0 : s->held.slow + bodies;
	in->series[in->series_next] = (float)slow;
	in->series_next = (in->series_next + 1) % YG_SERIES_MAX;
	in->series_count += in->series_count < YG_SERIES_MAX;
	double threshold = fmax(need, OPEN_SHARE * s->held.open);
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
	double sources = sources_of(&s->held);
	bool few = slow >= sources * (s->tls ? PER_SOURCE_TLS : PER_SOURCE), hard = !s->tls && s->held.hard + bodies >= need;
	if (!few && !hard)
		return;
	in->open = true;
	in->tls = s->tls;
	in->quiet_s = 0;
	in->onset = second - (s->held.hard >= need ? HTTPF_HARD_S : HTTPF_SOFT_S);
	in->asked = 0;
	raise_alert(h, s, second, slow, threshold, false);
}
