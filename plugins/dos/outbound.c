// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A host inside that takes part in an attack: what it pushes out on flows of its own (struct yg_pushed), to few
// targets, that say nothing back. Connections that were completed never count, nor does what a server sends to its
// clients. SYNs count as far as they were not completed; of datagrams the sample tells whether the main target answers.
#include "dos.h"

#include <math.h>
#include <string.h>

#define COMPLETED_MOST 3    // one completed handshake for so many SYNs is no flood
#define FEW_SHARE 0.8f      // of the packets, to the five targets that get the most: more are a scan or a resolver
#define MAIN_SHARE 0.5f     // the target that the alert names
#define ANSWERED_EVERY 50   // packets for each answer of the main target: an upload over QUIC gets more
#define SCAN_PORT_SHARE 0.05f // no port with more than so much: somebody looks for open ports,
#define SCAN_BYTES 128      // with a SYN or a small datagram for each,
#define SCAN_RATIO 5.0      // below so many times the packet threshold
#define ENTROPY_ONE_WAY 0.1f// where answers are out of sight, only packets all alike are a flood
#define TRIES_REST_S 10        // between questions that found none, after the first few

// What of the pushed packets can be part of a flood.
static bool may_count(unsigned v, const struct dos_view *view)
{
	switch (v) {
	case YG_VEC_TCP_FLOW:
	case YG_VEC_DOWNLOAD:
		return false;
	case YG_VEC_SYNACK:
	case YG_VEC_ACK:
	case YG_VEC_RST:
	case YG_VEC_FIN:
	case YG_VEC_NULL_XMAS:
		return view->warm && !view->one_way; // else the other half of its connections was out of sight
	default:
		return true;
	}
}

static void pushed_excess(struct dos_excess *e, const struct dos_load *l, const struct dos_view *view, const struct dos_limits *h)
{
	*e = (struct dos_excess){0};
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		double part = may_count(v, view) ? 1 : 0;
		if (v == YG_VEC_SYN && l->packets[v] > 0)
			part = l->handshakes * COMPLETED_MOST <= l->packets[v] ? 1 - fmin(1, l->handshakes / l->packets[v]) : 0;
		e->by_packets[v] = l->packets[v] * part;
		e->by_bits[v] = l->bits[v] * part;
		e->packets += e->by_packets[v];
		e->bits += e->by_bits[v];
	}
	e->syns = e->by_packets[YG_VEC_SYN];
	e->ratio = fmax(fmax(e->packets / h->packets, e->bits / h->bits), e->syns / h->flows);
}

static void load_pushed(struct dos_load *l, const struct yg_window *w)
{
	*l = (struct dos_load){.handshakes = w->pushed.handshakes};
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		l->packets[v] = w->pushed.packets[v];
		l->bits[v] = (double)w->pushed.bytes[v] * 8;
	}
}

// Most hosts push little, and there are many of them. Thresholds are floors at least.
static bool is_quiet(const struct dos *d, const struct yg_window *w)
{
	uint64_t packets = 0, bytes = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		packets += w->pushed.packets[v];
		bytes += w->pushed.bytes[v];
	}
	return (double)packets < DOS_WATCH_RATIO * d->floors.packets && (double)bytes * 8 < DOS_WATCH_RATIO * d->floors.bits &&
	       (double)w->pushed.packets[YG_VEC_SYN] < DOS_WATCH_RATIO * d->floors.flows;
}

void dos_outbound_window(struct dos *d, const struct yg_window *w)
{
	if (!d->outs_watched && is_quiet(d, w))
		return;
	const struct dos_key key = {w->addr, w->af, DOS_SCOPE_OUT, w->af == 6 ? 128 : 32};
	const struct dos_past past = {(double)w->base.pushed_packets, (double)w->base.pushed_bits, 0, w->base.state};
	const struct dos_view view = {.line_bps = w->line_bps, .one_way = w->one_way > DOS_ONE_WAY_SHARE, .warm = w->warm != 0};
	const struct dos_limits limits = dos_limits_of(&d->floors, &past, w->line_bps);
	struct dos_load load;
	struct dos_excess e;
	load_pushed(&load, w);
	pushed_excess(&e, &load, &view, &limits);
	struct dos_watch *watch = dos_watch_get(d, &key, e.ratio >= DOS_WATCH_RATIO ? e.ratio : 0);
	if (!watch)
		return;
	watch->second = w->second;
	watch->org = w->org;
	watch->zone = w->zone;
	watch->view = view;
	watch->limits = limits;
	watch->past = past;
	watch->raw = load;
}

// Traffic of a declared server that is its work.
static bool is_its_work(const struct dos *d, const struct dos_watch *w, const struct yg_answer *a, unsigned vector)
{
	const struct yg_server_info *s = dos_server(d, w->af, &w->addr, 0, 0);
	uint16_t port = a->target_ports_count ? a->target_ports[0].port : 0;
	if (!s)
		return false;
	if (s->role == YG_ROLE_MONITOR)
		return vector == YG_VEC_ICMP || vector == YG_VEC_SYN;
	return (s->role == YG_ROLE_DNS && (port == 53 || port == 853)) || (s->role == YG_ROLE_MAIL && port == 25);
}

static bool looks_like_scan(const struct yg_answer *a, const struct dos_judged *j, unsigned vector)
{
	bool ports = a->target_ports_count == YG_TOP_MAX && a->target_ports[0].share <= SCAN_PORT_SHARE && a->size_median <= SCAN_BYTES;
	return ports && (vector == YG_VEC_SYN || vector == YG_VEC_UDP) && j->raw.packets < SCAN_RATIO * j->limits->packets &&
	       j->raw.bits < j->limits->bits;
}

static bool is_answered(struct dos *d, const struct yg_answer *a)
{
	const struct yg_alert_top *main = &a->targets[0];
	struct yg_question q = dos_towards(main->af, &main->addr, main->af == 6 ? 128 : 32, 1u << YG_VEC_DOWNLOAD);
	struct yg_answer back;
	q.by_source = 1;
	return dos_ask(d, &q, &back) && (double)back.packets * ANSWERED_EVERY >= a->packets * (double)main->share;
}

static bool is_flood(struct dos *d, const struct dos_watch *w, const struct dos_judged *j, unsigned vector, struct yg_answer *ret)
{
	uint32_t vectors = 0;
	float few = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		vectors |= j->raw.by_packets[v] > 0 ? 1u << v : 0;
	struct yg_question q = dos_towards(w->af, &w->addr, w->len, vectors);
	q.by_source = 1;
	if (!dos_ask(d, &q, ret) || !ret->packets)
		return false;
	for (unsigned i = 0; i < ret->targets_count; i++)
		few += ret->targets[i].share;
	if (few < FEW_SHARE || looks_like_scan(ret, j, vector) || is_its_work(d, w, ret, vector))
		return false;
	if (vector == YG_VEC_SYN) // counted by handshakes
		return true;
	if (dos_planned(d, w->org, j->second) & YG_PLAN_BACKUP)
		return false;
	return w->view.one_way ? ret->size_entropy <= ENTROPY_ONE_WAY : !is_answered(d, ret);
}

static void keep_evidence(struct dos_incident *in, const struct yg_answer *a, int64_t second)
{
	in->evidence = (struct yg_evidence){.packets = a->packets, .sources_at_least = 1, .top_count = a->targets_count};
	memcpy(in->evidence.top, a->targets, sizeof a->targets); // the contributors are those who get it
	in->targets_at_least = a->targets_at_least;
	in->evidence_second = second;
}

static void try_outbound(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	struct dos_incident *in = &w->incident;
	unsigned metric = dos_metric_of(j, w, false), vector;
	struct yg_answer a;
	dos_dominant(&j->raw, metric == DOS_BITS, &vector);
	if (!dos_is_due(w, j->second, j->raw.ratio))
		return;
	if (!is_flood(d, w, j, vector, &a)) {
		dos_put_off(w, j->second, j->raw.ratio, TRIES_REST_S);
		return;
	}
	*in = (struct dos_incident){.open = true, .group = DOS_OUT, .metric = (uint8_t)metric, .vector = (uint8_t)vector, .af = w->af};
	if (a.targets[0].share >= MAIN_SHARE) {
		in->target = a.targets[0].addr;
		in->target_len = w->len;
	}
	if (a.target_ports_count && a.target_ports[0].share >= 0.8f)
		in->port = a.target_ports[0].port;
	in->onset = w->onset ? w->onset : j->second;
	keep_evidence(in, &a, j->second);
	dos_raise(d, w, j, false);
}

void dos_outbound_step(struct dos *d, struct dos_watch *w, int64_t second)
{
	struct dos_judged j = {.limits = &w->limits, .second = second};
	pushed_excess(&j.raw, &w->raw, &w->view, &w->limits);
	j.over = j.raw;
	dos_remember(w, &j);
	if (w->incident.open)
		dos_hold_or_end(d, w, &j);
	else if (dos_is_attack(&j, w->hot, false))
		try_outbound(d, w, &j);
}
