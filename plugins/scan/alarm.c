// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Open alerts of a source: at most SCAN_ALARMS, each a host (vertical) or a port (horizontal). A contact that fits an
// open one belongs to it and opens no other, so a scan of a whole block is a few alerts and not one a host.
#include "scan.h"

#include <string.h>

enum { ICMP = 1, UDP = 17, ICMP6 = 58, V4_NET = 24, V6_NET = 64, HIGH_PORTS = 1024 };

static void copy_name(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);
	len = len < size ? len : size - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

static uint8_t severity_of(const struct scan_source *r, const struct scan_alarm *a)
{
	if (!r->internal)
		return YG_SEV_LOW; // the weather of the Internet
	if (a->raw)
		return YG_SEV_LOW; // somebody tries the door; the count of what fails says whether it is more
	// From inside: pings and high UDP ports of many hosts are what monitors and peer-to-peer programs do.
	if (a->horizontal && (a->proto == ICMP || a->proto == ICMP6 || (a->proto == UDP && a->port >= HIGH_PORTS)))
		return YG_SEV_LOW;
	return YG_SEV_HIGH;
}

static void mask(struct yg_addr *addr, uint8_t len)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = len > i * 8 ? len - i * 8 : 0;
		if (keep < 8)
			addr->b[i] = (uint8_t)(addr->b[i] & (0xff00 >> keep));
	}
}

static void fill_key(struct yg_alert *a, const struct scan_source *r, const struct scan_alarm *alarm)
{
	const char *kind = alarm->horizontal ? "scan.host" : "scan.port";
	copy_name(a->kind, sizeof a->kind, kind);
	copy_name(a->runbook, sizeof a->runbook, kind);
	copy_name(a->vector, sizeof a->vector, alarm->horizontal ? "horizontal" : "vertical");
	// From inside it is discovery within the network; from outside it is reconnaissance before an attack.
	copy_name(a->technique, sizeof a->technique, r->internal || !alarm->horizontal ? "T1046" : "T1595.001");
	a->key_source = 1;
	a->af = a->source_af = r->af;
	a->source = r->addr;
	a->target = alarm->addr;
	a->target_len = alarm->target_len;
	a->target_port = alarm->horizontal && alarm->proto != ICMP && alarm->proto != ICMP6 ? alarm->port : 0;
	a->proto = alarm->proto;
	a->org = alarm->org;
	a->zone = alarm->zone;
}

// What was counted, against which line, and how sure that is.
static void fill_numbers(const struct scan *s, struct yg_alert *a, const struct scan_alarm *alarm, const struct scan_counts *n)
{
	double tries = alarm->horizontal ? n->hosts : n->ports, failed = alarm->horizontal ? n->hosts_failed : n->ports_failed;
	a->observed = failed;
	a->threshold = alarm->horizontal ? s->hosts : s->ports;
	a->confidence = (float)(tries > 0 ? failed / tries : 0);
	copy_name(a->unit, sizeof a->unit, alarm->horizontal ? "hosts" : "ports");
	if (alarm->raw) {
		// Each is a coincidence of one in thousands; what is left is a broken stack, which a second of another kind makes less likely.
		a->observed = alarm->probes;
		a->threshold = s->probes;
		a->confidence = 1 - 0.4f / (float)(alarm->probes ? alarm->probes : 1);
		copy_name(a->unit, sizeof a->unit, "probes");
	} else if (alarm->sweep) {
		a->observed = n->hosts;
		a->threshold = SCAN_SWEEP_HOSTS;
		a->confidence = 0.8f;
	}
}

void scan_alarm_raise(struct scan *s, struct scan_source *r, struct scan_alarm *alarm, int64_t time_ns)
{
	struct scan_counts n;
	struct yg_alert a = {0};
	scan_count(s, r, alarm->target, alarm->port, alarm->proto, &n);
	// Once the counts hold by themselves they say more.
	alarm->raw = alarm->raw && !scan_is_vertical(s, &n);
	alarm->sweep = alarm->sweep && !scan_is_horizontal(s, &n, alarm->port, alarm->proto);
	fill_key(&a, r, alarm);
	fill_numbers(s, &a, alarm, &n);
	a.time_ns = time_ns;
	a.first_ns = alarm->first * INT64_C(1000000000);
	a.clear_after_s = SCAN_CLEAR_S;
	a.severity = severity_of(r, alarm);
	a.window_s = s->window_s;
	a.score = r->internal && !alarm->raw ? 80 : 30;
	scan_fill_why(s, r, alarm, &a);
	scan_sentences(&a, alarm, &n, s->window_s, s->host->org(s->host->context, alarm->org));
	s->host->raise(s->host->context, &a);
}

void scan_make_dirty(struct scan *s, struct scan_source *r)
{
	if (r->dirty)
		return;
	r->dirty = true;
	r->dirty_next = s->dirty;
	s->dirty = (uint32_t)(r - s->source);
}

// What an early look held back may have crossed the line meanwhile.
static bool has_become_scan(struct scan *s, struct scan_source *r, const struct scan_alarm *a)
{
	struct scan_counts n;
	scan_count(s, r, a->target, a->port, a->proto, &n);
	return scan_is_vertical(s, &n);
}

void scan_alarm_tell(struct scan *s, struct scan_source *r, struct scan_alarm *a, int64_t second)
{
	if (a->held) {
		bool early = a->early && !has_become_scan(s, r, a);
		a->early = false;
		if (!early && s->asks == SCAN_ASKS)
			return; // it stays dirty
		a->held = false;
		a->flood = scan_is_flood(s, r, a, second);
		a->open = a->flood || !early;
	}
	a->dirty = false;
	if (a->open && !a->flood)
		scan_alarm_raise(s, r, a, (second + 1) * INT64_C(1000000000));
}

struct scan_alarm *scan_alarm_of(struct scan_source *r, const struct yg_contact *c, uint32_t target)
{
	for (int i = 0; i < SCAN_ALARMS; i++) {
		struct scan_alarm *a = &r->alarms[i];
		if (!a->open || (a->early && c->proto != UDP))
			continue;
		if (a->horizontal ? a->port == c->port[1] && a->proto == c->proto : a->target == target)
			return a;
	}
	return NULL;
}

void scan_alarm_expire(struct scan *s, struct scan_source *r, int64_t second)
{
	bool was_open = false, is_open = false;
	for (int i = 0; i < SCAN_ALARMS; i++) {
		struct scan_alarm *a = &r->alarms[i];
		was_open |= a->open;
		if (a->open && second - a->last > SCAN_CLEAR_S)
			a->open = false;
		is_open |= a->open;
	}
	// The scan is over: what it tried must not be the head start of the next.
	if (was_open && !is_open)
		scan_source_reset(s, r);
}

static struct scan_alarm *free_alarm(struct scan_source *r)
{
	for (int i = 0; i < SCAN_ALARMS; i++)
		if (!r->alarms[i].open)
			return &r->alarms[i];
	return NULL;
}

void scan_alarm_open(struct scan *s, struct scan_source *r, const struct yg_contact *c, const struct scan_counts *n,
                     enum scan_shape shape, int64_t second)
{
	bool horizontal = shape == SCAN_HORIZONTAL || shape == SCAN_SWEEP;
	struct scan_alarm *a = free_alarm(r);
	if (!a) {
		s->stats.alarms_full += shape != SCAN_EARLY; // its open ones already say what it does
		return;
	}
	*a = (struct scan_alarm){
	    .open = true, .horizontal = horizontal, .proto = c->proto, .flags = c->tcp_flags, .last = second};
	a->raw = shape == SCAN_PROBES;
	a->by_port = a->raw && !r->raw.by_flags;
	a->sweep = shape == SCAN_SWEEP;
	a->early = shape == SCAN_EARLY;
	a->probes = r->raw.probes;
	a->port = c->port[1];
	a->target = scan_fingerprint(c->af, &c->addr[1]);
	a->addr = horizontal ? r->net : c->addr[1];
	a->target_len = c->af == 6 ? 128 : 32;
	if (horizontal) {
		uint8_t widest = c->af == 6 ? V6_NET : V4_NET;
		a->target_len = r->net_len < widest ? r->net_len : widest;
		mask(&a->addr, a->target_len);
	}
	a->org = r->internal ? r->org : horizontal ? r->target_org : c->org[1];
	a->zone = (uint8_t)(r->internal ? r->zone : c->zone[1]);
	a->first = second - (int64_t)((uint32_t)second - (a->raw ? r->raw.first : horizontal ? n->hosts_first : n->ports_first));
	a->opened_ns = c->event_ns;
	a->held = a->dirty = scan_may_be_flood(s, a);
	if (a->held)
		scan_make_dirty(s, r);
	else
		scan_alarm_raise(s, r, a, c->event_ns);
}
