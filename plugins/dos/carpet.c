// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Carpet bombing: a prefix or a body gets far more than usual, evenly spread over many of its hosts, none of which need
// be above its own threshold. Hosts that alert by themselves are subtracted first; what remains is weighed as for a
// host, and the sample tells how it spreads. A prefix under attack has one alert, and its hosts that cross their
// thresholds later join it, unless one of them gets half of everything.
//
// Scans spread as evenly: at most three packets a target, either without payload or from few sources, are one, unless
// the prefix gets five times its threshold.
#include "dos.h"

#include <math.h>
#include <string.h>

#define TARGETS 16
#define SPREAD 0.8f            // normalised entropy of the bytes over the targets
#define SCAN_PACKETS 3         // a target, in the four seconds of the sample
#define SCAN_SOURCES 4
#define SCAN_RATIO 5.0
#define BARE_4 64              // bytes from the IP header on: TCP without payload, with all options of a SYN
#define BARE_6 84
#define TALK_RATIO 0.5         // datagrams sent for each that came: telephones and games
#define NARROW_SHARE 0.9       // of the packets, within a smaller prefix
#define TRIES_REST_S 10        // between questions that found none, after the first few

static void subtract(struct dos_load *from, const struct dos_load *host)
{
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		from->packets[v] = fmax(0, from->packets[v] - host->packets[v]);
		from->bits[v] = fmax(0, from->bits[v] - host->bits[v]);
	}
	from->flows = fmax(0, from->flows - host->flows);
	from->handshakes = fmax(0, from->handshakes - host->handshakes);
	from->out_packets = fmax(0, from->out_packets - host->out_packets);
	from->out_bits = fmax(0, from->out_bits - host->out_bits);
}

static bool holds(const struct dos_watch *area, const struct dos_watch *inner)
{
	if (area->scope == YG_SCOPE_BODY)
		return area->org == inner->org && area->org != YG_ORG_NONE;
	return area->af == inner->af && area->len <= inner->len && dos_within(&inner->addr, &area->addr, area->len);
}

static bool alerts(const struct dos_watch *host)
{
	return host->incident.open && !host->incident.low && host->incident.group != DOS_TALK;
}

// Takes away what has a voice of its own, and notes what is answered.
static void subtract_hosts(struct dos *d, struct dos_watch *area, int64_t second)
{
	for (uint32_t i = 0; i < d->hosts_used; i++) {
		const struct dos_watch *w = &d->watch[i];
		if (!w->used || w->scope != YG_SCOPE_HOST || w->second != second || !holds(area, w))
			continue;
		if (alerts(w))
			subtract(&area->raw, &w->raw);
		else
			area->view.served_packets += w->view.served_packets;
	}
}

bool dos_carpet_covers(const struct dos *d, const struct dos_watch *inner, double excess)
{
	for (uint32_t i = 0; d->carpets_open && i < d->hosts_used; i++) {
		const struct dos_watch *w = &d->watch[i];
		if (w->used && w->incident.open && w->incident.group == DOS_CARPET && w != inner && holds(w, inner))
			return excess < w->excess / 2 || inner->scope != YG_SCOPE_HOST;
	}
	return false;
}

// Some carpet of the body is open.
static bool told_already(const struct dos *d, const struct dos_watch *body)
{
	for (uint32_t i = 0; d->carpets_open && i < d->hosts_used; i++) {
		const struct dos_watch *w = &d->watch[i];
		if (w->used && w->incident.open && w->incident.group == DOS_CARPET && w->org == body->org)
			return true;
	}
	return false;
}

// Of a body: the prefix of it that is hit most. Ties go to the one that was watched first.
static const struct dos_watch *place_of(const struct dos *d, const struct dos_watch *w)
{
	const struct dos_watch *best = NULL;
	if (w->scope == YG_SCOPE_PREFIX)
		return w;
	for (uint32_t i = 0; i < d->hosts_used; i++) {
		const struct dos_watch *p = &d->watch[i];
		if (p->used && p->scope == YG_SCOPE_PREFIX && p->org == w->org && (!best || p->excess > best->excess))
			best = p;
	}
	return best;
}

static bool looks_like_scan(const struct yg_answer *a, uint8_t af, double ratio)
{
	bool few = a->sources_at_least <= SCAN_SOURCES, bare = a->size_median <= (af == 6 ? BARE_6 : BARE_4);
	return a->packets * a->scale <= (double)SCAN_PACKETS * a->targets_at_least && (few || bare) && ratio < SCAN_RATIO;
}

// Datagrams that hosts of the prefix answer.
static bool looks_like_talk(struct dos *d, const struct dos_watch *place, const struct yg_answer *a)
{
	struct yg_question q = dos_towards(place->af, &place->addr, place->len, 1u << YG_VEC_DOWNLOAD);
	struct yg_answer sent;
	q.by_source = 1;
	q.proto = 17;
	return dos_ask(d, &q, &sent) && sent.packets >= a->packets * TALK_RATIO;
}

static uint32_t vectors_of(const struct dos_excess *e)
{
	uint32_t vectors = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		vectors |= e->by_packets[v] > 0 ? 1u << v : 0;
	return vectors;
}

static void cut(struct yg_addr *addr, unsigned len)
{
	for (unsigned i = 0; i < sizeof addr->b; i++) {
		unsigned keep = len >= 8 * (i + 1) ? 8 : len > 8 * i ? len - 8 * i : 0;
		addr->b[i] = (uint8_t)(addr->b[i] & (0xff00u >> keep));
	}
}

// A large prefix of which only one usual piece is hit is told by that piece.
static void narrow(struct dos *d, struct dos_incident *in, const struct yg_answer *a, uint32_t vectors)
{
	static const uint8_t four[] = {24, 22, 0}, six[] = {64, 56, 48, 0};
	for (const uint8_t *len = in->af == 6 ? six : four; *len > in->target_len; len++) {
		struct yg_addr piece = a->targets[0].addr;
		cut(&piece, *len);
		struct yg_question q = dos_towards(in->af, &piece, *len, vectors);
		struct yg_answer inside;
		if (!dos_ask(d, &q, &inside) || inside.packets < a->packets * NARROW_SHARE || inside.targets_at_least < TARGETS)
			continue;
		in->target = piece;
		in->target_len = *len;
		return;
	}
}

static void keep_evidence(struct dos_incident *in, const struct yg_answer *a, int64_t second)
{
	in->evidence = (struct yg_evidence){.packets = a->packets, .sources_at_least = a->sources_at_least, .top_count = a->sources_count};
	memcpy(in->evidence.top, a->sources, sizeof a->sources);
	in->targets_at_least = a->targets_at_least;
	in->evidence_second = second;
}

static bool is_carpet(struct dos *d, const struct dos_watch *place, const struct dos_judged *j, struct yg_answer *ret)
{
	struct yg_question q = dos_towards(place->af, &place->addr, place->len, vectors_of(&j->over));
	if (!dos_ask(d, &q, ret) || ret->targets_at_least < TARGETS || ret->target_entropy < SPREAD)
		return false;
	if (looks_like_scan(ret, place->af, j->raw.ratio))
		return false;
	bool datagrams = j->over.by_packets[YG_VEC_UDP] >= j->over.packets / 2;
	return !datagrams || !looks_like_talk(d, place, ret);
}

static void name_carpet(struct dos *d, struct dos_watch *w, const struct dos_watch *place, const struct dos_judged *j,
                        const struct yg_answer *a)
{
	struct dos_incident *in = &w->incident;
	unsigned vector;
	*in = (struct dos_incident){.metric = (uint8_t)dos_metric_of(j, w, false), .af = place->af, .target = place->addr,
	                            .target_len = place->len};
	unsigned group = dos_dominant(&j->over, in->metric == DOS_BITS, &vector);
	const double *by = in->metric == DOS_BITS ? j->over.by_bits : j->over.by_packets;
	double total = in->metric == DOS_BITS ? j->over.bits : j->over.packets;
	if (by[YG_VEC_UDP] > 0 && by[YG_VEC_UDP] + by[YG_VEC_FRAGMENT] >= total / 2) {
		vector = group == DOS_FRAGMENT ? vector : YG_VEC_UDP;
		dos_is_reflected(d, place, YG_VEC_UDP, in);
	}
	in->group = DOS_CARPET;
	in->vector = (uint8_t)vector;
	keep_evidence(in, a, j->second);
	narrow(d, in, a, vectors_of(&j->over));
	in->onset = w->onset ? w->onset : j->second;
	in->open = true;
}

static void try_carpet(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	struct yg_answer a;
	const struct dos_watch *place = place_of(d, w);
	bool covered = w->scope == YG_SCOPE_BODY ? told_already(d, w) : dos_carpet_covers(d, w, 0);
	if (!place || covered || !dos_is_due(w, j->second, j->raw.ratio))
		return;
	if (!is_carpet(d, place, j, &a)) {
		dos_put_off(w, j->second, j->raw.ratio, TRIES_REST_S);
		return;
	}
	name_carpet(d, w, place, j, &a);
	d->carpets_open++;
	dos_raise(d, w, j, false);
}

static void refresh(struct dos *d, struct dos_incident *in, const struct dos_judged *j)
{
	struct yg_question q = dos_towards(in->af, &in->target, in->target_len, vectors_of(&j->raw));
	struct yg_answer a;
	if (j->second - in->evidence_second >= DOS_EVIDENCE_S && j->raw.ratio >= 1 && dos_ask(d, &q, &a))
		keep_evidence(in, &a, j->second);
}

void dos_carpet_step(struct dos *d, struct dos_watch *w, int64_t second)
{
	struct dos_judged j = {.limits = &w->limits, .second = second};
	subtract_hosts(d, w, second);
	dos_excess_of(&j.raw, &w->raw, &w->view, &w->limits);
	dos_over_usual(&j.over, &j.raw, w);
	dos_remember(w, &j);
	if (w->incident.open) {
		refresh(d, &w->incident, &j);
		dos_hold_or_end(d, w, &j);
		d->carpets_open -= !w->incident.open;
	} else if (dos_is_attack(&j, w->hot, false)) {
		try_carpet(d, w, &j);
	}
}
