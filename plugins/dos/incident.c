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
#define MINOR_SHARE 0.1
#define PAUSE_S 10            // without a hold: what comes then in other vectors is another attack
#define SCAN_SOURCES 4        // at most so many sources,
#define SCAN_PORT_SHARE 0.05f // no port with more than so much: somebody looks for open ports
#define PIECES_ANSWERED 24    // a datagram of 32 KiB comes in so many pieces, and gets one answer
#define BACKUP_SOURCES 4      // a backup has few ends,
#define BACKUP_ANSWERED 50    // and whoever receives it says something now and then
#define WEB_PORT 443          // QUIC (RFC 9000): what a film or a download over it looks like from one side:
#define WEB_SOURCES 4         // few servers,
#define WEB_SHARE 0.9f        // from this port, towards no port of a server
#define FIRST_CLIENT_PORT 1024
#define LOW_ANSWERED 4        // whoever asked for answers sends about as many packets as come

static int bits_of(unsigned v)
{
	return __builtin_popcount(v & 7);
}

// Few sources, many ports, and neither a line nor a server that would suffer: that is for the scan detector.
static bool looks_like_scan(const struct dos_watch *w, const struct dos_judged *j)
{
	const struct yg_evidence *v = &w->incident.evidence;
	return v->packets && v->sources_at_least <= SCAN_SOURCES && v->ports_count == YG_TOP_MAX &&
	       v->ports[0].share <= SCAN_PORT_SHARE && j->raw.packets < BURST_RATIO * j->limits->packets &&
	       j->raw.bits < j->limits->bits;
}

// Large datagrams of one peer that the host answers, as a file server's. Without a line the floors are so low that a
// single second of it crosses them five times; where a line or a floor is declared it is worth telling.
static bool looks_like_conversation(const struct dos *d, const struct dos_watch *w, const struct dos_judged *j)
{
	const struct yg_evidence *v = &w->incident.evidence;
	bool declared = w->view.line_bps || d->floor_packets > 0 || d->floor_bits > 0;
	return !declared && w->incident.group == DOS_FRAGMENT && v->packets && v->sources_at_least == 1 &&
	       w->raw.out_packets * PIECES_ANSWERED >= j->raw.packets &&
	       j->raw.packets < BURST_RATIO * j->limits->packets;
}

// Datagrams of few peers, answered where answers can be seen, in a window that the calendar gives to backups.
static bool looks_like_backup(const struct dos *d, const struct dos_watch *w, const struct dos_judged *j)
{
	const struct dos_incident *in = &w->incident;
	bool datagrams = in->group == DOS_UDP || in->group == DOS_FRAGMENT;
	bool answered = w->view.one_way || w->raw.out_packets * BACKUP_ANSWERED >= j->raw.packets;
	return datagrams && answered && in->evidence.packets && in->evidence.sources_at_least <= BACKUP_SOURCES &&
	       dos_planned(d, w->org, j->second) & YG_PLAN_BACKUP;
}

// Crowds and transfers that the calendar expects are nothing.
static double talk_ratio(const struct dos *d, const struct dos_watch *w, const struct dos_judged *j)
{
	return dos_planned(d, w->org, j->second) & (YG_PLAN_BACKUP | YG_PLAN_SURGE) ? 0 : j->raw.talk_ratio;
}

// A flood that reflectors send is named after them.
static void name_reflection(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	struct dos_incident *in = &w->incident;
	const double *by = in->metric == DOS_BITS ? j->over.by_bits : j->over.by_packets;
	double total = in->metric == DOS_BITS ? j->over.bits : j->over.packets;
	bool datagrams = by[YG_VEC_UDP] > 0 && by[YG_VEC_UDP] + by[YG_VEC_FRAGMENT] >= total / 2;
	in->services_count = 0;
	if (!datagrams && !(in->group == DOS_ACK && in->vector == YG_VEC_SYNACK))
		return;
	if (dos_is_reflected(d, w, datagrams ? YG_VEC_UDP : YG_VEC_SYNACK, in)) {
		in->group = DOS_AMP;
		in->vector = datagrams ? YG_VEC_UDP : YG_VEC_SYNACK;
	}
}

static void name_port(struct dos_watch *w)
{
	struct dos_incident *in = &w->incident;
	in->port = in->metric == DOS_SLOW ? w->slow_port : 0;
	bool has_ports = in->group == DOS_SYN || in->group == DOS_UDP || in->group == DOS_ACK || in->group == DOS_TCP;
	if (!in->port && has_ports && in->evidence.ports_count && in->evidence.ports[0].share >= 0.8f)
		in->port = in->evidence.ports[0].port;
}

static void name_incident(struct dos *d, struct dos_watch *w, const struct dos_judged *j, bool talk)
{
	struct dos_incident *in = &w->incident;
	unsigned vector = YG_VEC_COUNT;
	in->low = false;
	in->services_count = 0;
	in->metric = (uint8_t)dos_metric_of(j, w, talk);
	in->group = DOS_TALK;
	if (!talk)
		in->group = (uint8_t)dos_dominant(&j->over, in->metric == DOS_BITS, &vector);
	if (in->metric == DOS_SLOW) {
		in->group = DOS_SYN;
		vector = YG_VEC_SYN;
	}
	in->vector = (uint8_t)vector;
	dos_evidence(d, w, &j->raw, j->second);
	if (!talk && in->metric != DOS_SLOW)
		name_reflection(d, w, j);
	name_port(w);
}

static void open_incident(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	w->incident.open = true;
	w->incident.quiet_s = w->incident.minor_s = 0;
	w->incident.onset = w->onset ? w->onset : j->second;
	if (w->incident.metric == DOS_SLOW)
		w->incident.onset = j->second + 1 - DOS_SLOW_PERIOD_S;
	dos_raise(d, w, j, false);
}

// On a one-way mirror a download over QUIC comes unasked for: a client's request is out of sight. A line that it fills has five such
// thresholds at most.
static bool looks_like_quic(struct dos *d, const struct dos_watch *w, const struct dos_judged *j)
{
	const struct yg_evidence *v = &w->incident.evidence;
	struct yg_answer a;
	if (!w->view.one_way || w->incident.group != DOS_UDP || !v->packets || v->sources_at_least > WEB_SOURCES || j->raw.ratio >= BURST_RATIO)
		return false;
	struct yg_question q = dos_towards(w->af, &w->addr, w->af == 6 ? 128 : 32, 1u << YG_VEC_UDP);
	return dos_ask(d, &q, &a) && a.source_ports_count && a.source_ports[0].port == WEB_PORT && a.source_ports[0].share >= WEB_SHARE &&
	       a.target_ports_count && a.target_ports[0].port >= FIRST_CLIENT_PORT;
}

static void try_open(struct dos *d, struct dos_watch *w, const struct dos_judged *j, bool talk)
{
	struct dos_incident before = w->incident;
	if (dos_carpet_covers(d, w, w->excess) || !dos_asks_left(d))
		return;
	name_incident(d, w, j, talk);
	if (!talk && (looks_like_scan(w, j) || looks_like_conversation(d, w, j) || looks_like_backup(d, w, j) || looks_like_quic(d, w, j)))
		w->incident = before;
	else
		open_incident(d, w, j);
}

// ---- reflection below the threshold of a flood ----

static double low_ratio(const struct dos_judged *j)
{
	const double *packets = j->raw.by_packets, *bits = j->raw.by_bits;
	return fmax((packets[YG_VEC_UDP] + packets[YG_VEC_FRAGMENT]) / j->limits->packets,
	            (bits[YG_VEC_UDP] + bits[YG_VEC_FRAGMENT]) / j->limits->bits) /
	       DOS_LOW_SHARE;
}

// Answers of many reflectors that nobody asked for are an attack at a rate at which other datagrams are business.
static void try_open_low(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	struct dos_incident *in = &w->incident;
	double own = j->raw.by_packets[YG_VEC_UDP] + j->raw.by_packets[YG_VEC_FRAGMENT];
	if (bits_of(w->amp_hot) < 2 || !w->view.warm || w->raw.out_packets * LOW_ANSWERED > own ||
	    !dos_is_due(w, j->second, low_ratio(j)))
		return;
	if (!dos_can_ask(d) || !dos_asks_left(d) || dos_carpet_covers(d, w, w->excess))
		return;
	struct dos_incident before = *in;
	dos_put_off(w, j->second, low_ratio(j), DOS_RETRY_S);
	if (!dos_is_reflected(d, w, YG_VEC_UDP, in))
		return;
	in->group = DOS_AMP;
	in->vector = YG_VEC_UDP;
	in->low = true;
	in->port = 0;
	in->metric = own >= j->limits->packets * DOS_LOW_SHARE ? DOS_PACKETS : DOS_BITS;
	if (!dos_evidence(d, w, &j->raw, j->second)) {
		*in = before;
		w->retry = j->second;
		return;
	}
	open_incident(d, w, j);
}

// How long the vectors that gave the incident its name have been a small part while others are above the threshold.
static void watch_name(struct dos_watch *w, const struct dos_judged *j)
{
	struct dos_incident *in = &w->incident;
	bool by_bits = in->metric == DOS_BITS;
	double own = dos_own(in, by_bits ? j->raw.by_bits : j->raw.by_packets), total = by_bits ? j->raw.bits : j->raw.packets;
	bool named = in->group < DOS_MIXED || in->group == DOS_AMP;
	in->minor_s = named && j->raw.ratio >= 1 && own < MINOR_SHARE * total ? in->minor_s + 1 : 0;
}

// A flood begins while something lesser is open, or one of another kind after a pause in which nothing held.
static bool is_outgrown(const struct dos_watch *w, const struct dos_judged *j)
{
	const struct dos_incident *in = &w->incident;
	double own = dos_own(in, j->raw.by_packets);
	if (in->quiet_s >= PAUSE_S && in->group < DOS_MIXED && own < MINOR_SHARE * j->raw.packets)
		return true;
	return in->group == DOS_TALK || (in->low && own < j->raw.packets / 2);
}

static void step_open(struct dos *d, struct dos_watch *w, const struct dos_judged *j, bool attack)
{
	struct dos_incident *in = &w->incident;
	bool talk = in->group == DOS_TALK;
	watch_name(w, j);
	if ((attack && is_outgrown(w, j)) || in->minor_s >= DOS_MINOR_S) {
		in->open = false; // the other one is no longer raised, and closes by itself
		try_open(d, w, j, false);
		if (in->open)
			return;
		in->open = true;
	}
	if (in->low && dos_carpet_covers(d, w, w->excess)) {
		in->open = false; // it has become part of something larger
		return;
	}
	double ratio = talk ? talk_ratio(d, w, j) : in->low ? low_ratio(j) : j->raw.ratio;
	bool slow = in->group == DOS_SYN && w->slow_rate > 0;
	// Below the threshold the slow path has no number in the unit of an alert that the fast path opened.
	if (ratio >= 1 || (slow && in->metric == DOS_SLOW)) {
		in->quiet_s = 0;
		dos_raise(d, w, j, false);
	} else if (ratio >= HOLD_RATIO || slow) {
		in->quiet_s = 0;
		dos_raise(d, w, j, true);
	} else if (++in->quiet_s >= d->clear_s) {
		in->open = false;
	} else if (in->quiet_s >= PAUSE_S && in->group != DOS_AMP) {
		try_open_low(d, w, j);
	}
}

void dos_hold_or_end(struct dos *d, struct dos_watch *w, const struct dos_judged *j)
{
	struct dos_incident *in = &w->incident;
	if (j->raw.ratio >= HOLD_RATIO) {
		in->quiet_s = 0;
		dos_raise(d, w, j, j->raw.ratio < 1);
	} else if (++in->quiet_s >= d->clear_s) {
		in->open = false;
	}
}

bool dos_is_due(const struct dos_watch *w, int64_t second, double ratio)
{
	return second >= w->retry || ratio >= 2 * w->asked_ratio;
}

void dos_put_off(struct dos_watch *w, int64_t second, double ratio, uint32_t rest_s)
{
	w->asked_ratio = ratio;
	w->tries = (uint8_t)(w->tries + (w->tries < DOS_TRIES));
	w->retry = second + (w->tries < DOS_TRIES ? 1 : rest_s);
}

void dos_remember(struct dos_watch *w, const struct dos_judged *j)
{
	uint32_t at = w->series_count % DOS_SERIES;
	w->series[0][at] = (float)j->raw.packets;
	w->series[1][at] = (float)j->raw.bits;
	w->series[2][at] = (float)fmax(j->raw.flows, j->raw.syns);
	w->series_count++;
	if (w->series_count == 2 * DOS_SERIES)
		w->series_count = DOS_SERIES;
	bool low = w->scope == YG_SCOPE_HOST && low_ratio(j) >= 1;
	w->hot = (uint8_t)(w->hot << 1 | (j->raw.ratio >= 1));
	w->talk_hot = (uint8_t)(w->talk_hot << 1 | (j->raw.talk_ratio >= 1));
	w->amp_hot = (uint8_t)(w->amp_hot << 1 | low);
	w->excess = j->raw.packets;
	w->heat = fmax(j->raw.ratio, w->slow_rate > 0 ? 1 : 0);
	if (low)
		w->heat = fmax(w->heat, DOS_WATCH_RATIO);
	if (!(w->hot & 7) && !(w->amp_hot & 7))
		w->tries = 0;
	if ((w->hot & 7) == 1 || (!(w->hot & 7) && ((w->talk_hot & 7) == 1 || (w->amp_hot & 7) == 1)))
		w->onset = j->second;
}

void dos_incident_step(struct dos *d, struct dos_watch *w, int64_t second)
{
	struct dos_judged j = {.limits = &w->limits, .second = second};
	dos_excess_of(&j.raw, &w->raw, &w->view, &w->limits);
	dos_excess_of(&j.ema, &w->ema, &w->view, &w->limits);
	dos_over_usual(&j.over, &j.raw, w);
	dos_remember(w, &j);
	bool attack = dos_is_attack(&j, w->hot, true);
	if (w->incident.open)
		step_open(d, w, &j, attack);
	else if (attack || w->slow_rate > 0)
		try_open(d, w, &j, false);
	else if (talk_ratio(d, w, &j) >= 1 && bits_of(w->talk_hot) >= 2)
		try_open(d, w, &j, true);
	else
		try_open_low(d, w, &j);
}
