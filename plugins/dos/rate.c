// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The arithmetic of the dos detector: thresholds, what of the traffic counts as attack, and the change-point test.
// Pure.
//
// Three discounts keep innocent traffic out. Handshakes that complete are no SYN flood, whatever their number. TCP data
// that the host answers is a conversation: it is weighed by itself and raises at most a low alert. UDP towards a
// service that answers packet by packet is its business. What the host itself began (YG_VEC_DOWNLOAD) never counts.
#include "dos.h"

#include <math.h>

#define LINE_SHARE 0.3
#define FLOOR_PACKETS 1000.0
#define FLOOR_BITS 3e6
#define FLOOR_FLOWS 200.0
#define CEIL_PACKETS 20000.0
#define CEIL_BITS 1e9
#define CEIL_FLOWS 3500.0
#define K_FULL 5
#define K_SHORT 8
#define LINE_MOST 0.9               // of a line, that a learned threshold may ask for
#define SMALLEST_BITS ((64 + 20) * 8) // of a frame, with preamble and gap
#define HOLD_RATIO 0.7
#define BURST_RATIO 5.0
#define BEFORE 1.2214027581601699   // 1 / (1 - alpha): the average before this second from the one after it
#define ACK_EVERY 50 // data packets that a receiver acknowledges at a time, at most
#define CUSUM_A 0.35 // drift that is normal
#define CUSUM_N 1.05 // alarm line

struct dos_limits dos_floors_of(const struct dos *d, const struct yg_org_info *org, uint64_t line_bps)
{
	struct dos_limits l = {FLOOR_PACKETS, FLOOR_BITS, FLOOR_FLOWS};
	if (line_bps) {
		double share = LINE_SHARE * (double)line_bps;
		l.packets = fmin(CEIL_PACKETS, fmax(FLOOR_PACKETS, share / 1024));
		l.bits = fmin(CEIL_BITS, share);
		l.flows = fmin(CEIL_FLOWS, fmax(FLOOR_FLOWS, l.packets / 8));
	}
	const struct dos_limits all = {d->floor_packets, d->floor_bits, d->floor_flows}, none = {0};
	const struct dos_limits own = org && d->modern ? (struct dos_limits){org->floor_packets, org->floor_bits, org->floor_flows} : none;
	l.packets = own.packets > 0 ? own.packets : all.packets > 0 ? all.packets : l.packets;
	l.bits = own.bits > 0 ? own.bits : all.bits > 0 ? all.bits : l.bits;
	l.flows = own.flows > 0 ? own.flows : all.flows > 0 ? all.flows : l.flows;
	return l;
}

struct dos_past dos_past_of(const struct yg_baseline *base)
{
	return (struct dos_past){(double)base->packets, (double)base->bits, (double)base->flows, base->state};
}

// max(floor, k * P95), but what is learned asks for no more than the line can carry: such an alert could never be raised.
static double learned(double floor, double k, double p95, double most)
{
	double h = k * p95;
	h = most > 0 && h > most ? most : h;
	return h > floor ? h : floor;
}

struct dos_limits dos_limits_of(const struct dos_limits *floors, const struct dos_past *past, uint64_t line_bps)
{
	double k = past->state == YG_LEARN_FULL ? K_FULL : past->state == YG_LEARN_SHORT ? K_SHORT : 0, line = LINE_MOST * (double)line_bps;
	if (k <= 0)
		return *floors;
	return (struct dos_limits){learned(floors->packets, k, past->packets, line / SMALLEST_BITS),
	                           learned(floors->bits, k, past->bits, line),
	                           learned(floors->flows, k, past->flows, line / SMALLEST_BITS)};
}

void dos_load_raw(struct dos_load *load, const struct yg_window *w)
{
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		load->packets[v] = w->now.packets[v];
		load->bits[v] = (double)w->now.bytes[v] * 8;
	}
	load->flows = w->now.flows;
	load->handshakes = w->now.handshakes;
	load->out_packets = w->now.packets_out;
	load->out_bits = (double)w->now.bytes_out * 8;
}

void dos_load_ema(struct dos_load *load, const struct yg_window *w)
{
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		load->packets[v] = (double)w->ema_packets[v];
		load->bits[v] = (double)w->ema_bits[v];
	}
	load->flows = (double)w->ema_flows;
	load->handshakes = (double)w->ema_handshakes;
	load->out_packets = (double)w->ema_packets_out;
	load->out_bits = (double)w->ema_bits_out;
}

enum dos_group dos_group_of(unsigned vector)
{
	static const uint8_t groups[YG_VEC_COUNT] = {
	    [YG_VEC_TCP_FLOW] = DOS_TCP,      [YG_VEC_SYN] = DOS_SYN,     [YG_VEC_SYNACK] = DOS_ACK,
	    [YG_VEC_ACK] = DOS_ACK,           [YG_VEC_RST] = DOS_ACK,     [YG_VEC_FIN] = DOS_ACK,
	    [YG_VEC_NULL_XMAS] = DOS_OTHER,   [YG_VEC_UDP] = DOS_UDP,     [YG_VEC_ICMP] = DOS_ICMP,
	    [YG_VEC_FRAGMENT] = DOS_FRAGMENT, [YG_VEC_OTHER] = DOS_OTHER, [YG_VEC_MALFORMED] = DOS_OTHER,
	    [YG_VEC_DOWNLOAD] = DOS_TCP,
	};
	return vector < YG_VEC_COUNT ? groups[vector] : DOS_OTHER;
}

const char *dos_vector_name(unsigned vector)
{
	static const char names[YG_VEC_COUNT + 1][12] = {
	    [YG_VEC_TCP_FLOW] = "tcp",
	    [YG_VEC_SYN] = "syn",
	    [YG_VEC_SYNACK] = "syn_ack",
	    [YG_VEC_ACK] = "ack",
	    [YG_VEC_RST] = "rst",
	    [YG_VEC_FIN] = "fin",
	    [YG_VEC_NULL_XMAS] = "null_xmas",
	    [YG_VEC_UDP] = "udp",
	    [YG_VEC_ICMP] = "icmp",
	    [YG_VEC_FRAGMENT] = "fragment",
	    [YG_VEC_OTHER] = "other",
	    [YG_VEC_MALFORMED] = "malformed",
	    [YG_VEC_DOWNLOAD] = "download",
	    [YG_VEC_COUNT] = "mixed",
	};
	return names[vector < YG_VEC_COUNT ? vector : YG_VEC_COUNT];
}

double dos_heat(const struct yg_window *w, const struct dos_limits *h)
{
	uint64_t packets = 0, bytes = 0;
	for (unsigned v = 0; v < YG_VEC_DOWNLOAD; v++) {
		packets += w->now.packets[v];
		bytes += w->now.bytes[v];
	}
	double by_packets = (double)packets / h->packets, by_bits = (double)bytes * 8 / h->bits;
	double by_flows = (double)w->now.flows / h->flows, most = by_packets > by_bits ? by_packets : by_bits;
	return most > by_flows ? most : by_flows;
}

double dos_slow_floor(const struct dos_limits *h)
{
	return fmax(10, h->flows / 20);
}

bool dos_is_attack(const struct dos_judged *j, uint8_t hot, bool smoothed)
{
	if (j->raw.ratio >= BURST_RATIO || (j->raw.ratio >= 1 && __builtin_popcount(hot & 7) >= 2))
		return true;
	return smoothed && j->ema.ratio >= 1 && j->raw.ratio >= HOLD_RATIO;
}

void dos_load_usual(struct dos_watch *watch, const struct yg_window *w)
{
	const float alpha = 1 - (float)(1 / BEFORE);
	for (int v = 0; v < YG_VEC_COUNT; v++) {
		float packets = (w->ema_packets[v] - alpha * (float)w->now.packets[v]) * (float)BEFORE;
		float bits = (w->ema_bits[v] - alpha * (float)w->now.bytes[v] * 8) * (float)BEFORE;
		watch->usual_packets[v] = packets > 0 ? packets : 0;
		watch->usual_bits[v] = bits > 0 ? bits : 0;
	}
}

void dos_over_usual(struct dos_excess *over, const struct dos_excess *e, const struct dos_watch *w)
{
	*over = *e;
	over->packets = over->bits = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		double packets = w->raw.packets[v], bits = w->raw.bits[v];
		if (packets > 0)
			over->by_packets[v] *= fmax(0, 1 - (double)w->usual_packets[v] / packets);
		if (bits > 0)
			over->by_bits[v] *= fmax(0, 1 - (double)w->usual_bits[v] / bits);
		over->packets += over->by_packets[v];
		over->bits += over->by_bits[v];
	}
	if (over->packets < e->packets / 4 || over->bits < e->bits / 4) // it has crept in: the average has learned it
		*over = *e;
}

// The part of a vector's packets that counts as attack, 0 to 1.
static double counted(unsigned v, const struct dos_load *l, const struct dos_view *w, bool talk)
{
	double p = l->packets[v];
	if (p <= 0)
		return 0;
	switch (v) {
	case YG_VEC_DOWNLOAD:
		return 0;
	case YG_VEC_TCP_FLOW:
		return talk ? 0 : 1;
	case YG_VEC_SYN:
		return fmax(0, p - l->handshakes) / p;
	case YG_VEC_UDP:
		return fmax(0, p - w->served_packets) / p;
	case YG_VEC_SYNACK:
	case YG_VEC_ACK:
	case YG_VEC_RST:
	case YG_VEC_FIN:
	case YG_VEC_NULL_XMAS:
		return w->warm ? 1 : 0;
	default:
		return 1;
	}
}

static void weigh_talk(struct dos_excess *e, const struct dos_load *l, const struct dos_limits *h)
{
	e->talk_value[DOS_PACKETS] = fmax(0, l->packets[YG_VEC_TCP_FLOW] - l->out_packets);
	e->talk_value[DOS_BITS] = fmax(0, l->bits[YG_VEC_TCP_FLOW] - l->out_bits);
	e->talk_value[DOS_FLOWS] = l->handshakes;
	e->talk_ratio = fmax(fmax(e->talk_value[DOS_PACKETS] / h->packets, e->talk_value[DOS_BITS] / h->bits),
	                     e->talk_value[DOS_FLOWS] / h->flows);
}

void dos_excess_of(struct dos_excess *e, const struct dos_load *l, const struct dos_view *w, const struct dos_limits *h)
{
	*e = (struct dos_excess){0};
	// On a one-way mirror the answers are out of sight, so their absence means nothing.
	bool talk = w->one_way || l->out_packets * ACK_EVERY >= l->packets[YG_VEC_TCP_FLOW];
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		double part = counted(v, l, w, talk);
		e->by_packets[v] = l->packets[v] * part;
		e->by_bits[v] = l->bits[v] * part;
		e->packets += e->by_packets[v];
		e->bits += e->by_bits[v];
	}
	double answered_udp = fmin(l->packets[YG_VEC_UDP], l->out_packets);
	e->flows = fmin(e->packets, fmax(0, l->flows - l->handshakes - answered_udp));
	if (l->handshakes * 3 <= l->packets[YG_VEC_SYN])
		e->syns = e->by_packets[YG_VEC_SYN];
	// The flow floor is a count of requests: where the mirror hides the answers only SYNs can be told from
	// business.
	double flows = w->one_way ? e->syns : fmax(e->flows, e->syns);
	e->ratio = fmax(fmax(e->packets / h->packets, e->bits / h->bits), flows / h->flows);
	if (talk && w->line_bps)
		weigh_talk(e, l, h);
}

enum dos_group dos_dominant(const struct dos_excess *e, bool by_bits, unsigned *ret_vector)
{
	const double *by = by_bits ? e->by_bits : e->by_packets;
	double total = by_bits ? e->bits : e->packets, groups[DOS_GROUPS] = {0};
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		groups[dos_group_of(v)] += by[v];
	unsigned best = DOS_MIXED;
	for (unsigned g = 0; g < DOS_MIXED; g++)
		if (total > 0 && groups[g] >= total / 2 && (best == DOS_MIXED || groups[g] > groups[best]))
			best = g;
	*ret_vector = YG_VEC_COUNT;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		if (dos_group_of(v) == best && by[v] > 0 && (*ret_vector == YG_VEC_COUNT || by[v] > by[*ret_vector]))
			*ret_vector = v;
	return best;
}

// One period is over: x = incomplete / completed of old, S grows by x - a.
static void cusum_period(struct dos_cusum *c)
{
	double floor = c->floor;
	double open = fmax(0, c->syns - c->done), normal = fmax(1, c->ema_done);
	double x = open / normal;
	c->rate = open / DOS_SLOW_PERIOD_S;
	c->threshold = fmax(floor, (CUSUM_A + CUSUM_N) * normal / DOS_SLOW_PERIOD_S);
	// Below the floor nothing is added: a handful of lost SYNs at an idle server is weather. The sum is capped at
	// two alarm lines, so that what has lasted an hour does not take an hour to clear.
	c->sum = fmin(2 * CUSUM_N, fmax(0, c->sum + (c->rate >= floor ? x : 0) - CUSUM_A));
	c->alarm = c->sum > CUSUM_N && c->rate >= floor;
	c->calm_periods = c->sum > 0 ? 0 : (uint8_t)(c->calm_periods + (c->calm_periods < 3));
	if (!c->alarm) // an attack does not teach what is normal
		c->ema_done += 0.3 * (c->done - c->ema_done);
	c->syns = c->done = 0;
}

void dos_cusum_add(struct dos_cusum *c, int64_t second, double syns, double done, double ema_done, double floor)
{
	if (!c->period_end)
		*c = (struct dos_cusum){.period_end = second + DOS_SLOW_PERIOD_S,
		                        .ema_done = ema_done * DOS_SLOW_PERIOD_S};
	if (floor > 0)
		c->floor = floor;
	while (second >= c->period_end) {
		cusum_period(c);
		c->period_end += DOS_SLOW_PERIOD_S;
	}
	c->syns += syns;
	c->done += done;
}
