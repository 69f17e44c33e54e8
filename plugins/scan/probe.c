// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Probes that no ordinary program sends: so telling that a few are enough, where failures alone need a count.
//
// The walk of scan.c weighs a failure 4 to 1, since innocent attempts fail too. These weigh more by themselves:
// - Flags. Every segment after the first SYN carries ACK (RFC 9293, 3.4 and 3.10.7.4), so FIN alone, no flag at all,
//   FIN+PSH+URG and SYN+FIN come from no TCP stack.
// - The source port. A stack takes a new one for each connection, out of 16,384 or more (RFC 6335, RFC 6056); that two
//   attempts at different ports of one host share it by chance is a 16,384th, a tool that writes its own packets does it all
//   the time. Attempts that succeed may be the pairs of a busy NAT, so there the two must also be of one burst.
// - The edges of a network. Its first and last address are nobody's: who pings them goes through a list of all.
// A flood of such packets from forged addresses has some address twice, so a target that gets eight new senders within ten seconds is
// flooded, and not probed by any of them.
#include "scan.h"

enum { TCP = 6, ICMP = 1, FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, FLAGS = 0x3f };
enum { SERVICE_PORTS = 1024, BARE_MAX = 2, PAIR_S = 60, BURST_NS = 10000000 };

static bool is_impossible(const struct yg_contact *c)
{
	uint8_t flags = c->tcp_flags & FLAGS;
	return !(flags & (ACK | RST)) && (flags == 0 || flags & FIN);
}

// An attempt that may be one of a pair: a bare SYN, or an ACK towards a service that was refused or ignored. Ports below 1024 are left
// out as sources: active FTP and NFS use one for many connections.
static bool may_pair(const struct yg_contact *c, bool failed)
{
	uint8_t flags = c->tcp_flags & (FLAGS & ~RST);
	if (c->port[0] < SERVICE_PORTS || c->packets[0] > BARE_MAX)
		return false;
	return flags == SYN || (flags == ACK && failed && c->port[1] < SERVICE_PORTS) || is_impossible(c);
}

static bool is_pair(const struct scan_raw *raw, const struct yg_contact *c, uint32_t target, bool failed)
{
	int64_t apart = c->time_ns - raw->last_ns;
	if (!raw->last_source_port || raw->last_source_port != c->port[0] || raw->last_target != target ||
	    raw->last_port == c->port[1])
		return false;
	apart = apart < 0 ? -apart : apart;
	return failed && raw->last_failed ? apart < PAIR_S * INT64_C(1000000000) : apart < BURST_NS;
}

static void count_sender(struct scan *s, uint32_t target, uint32_t second)
{
	struct scan_victim *v = &s->victim[target % SCAN_VICTIMS];
	if (v->target != target || !v->sources)
		*v = (struct scan_victim){.target = target, .second = second};
	if (second - v->second >= SCAN_CROWD_S) {
		v->second = second;
		v->sources = 0;
	}
	if (++v->sources >= SCAN_CROWD)
		v->crowd_until = second + s->window_s; // as long as what they sent is remembered
}

static void add(struct scan *s, struct scan_raw *raw, uint32_t target, uint32_t second, uint32_t probes)
{
	bool fresh = raw->target != target || !raw->probes || second - raw->second >= s->window_s;
	if (fresh)
		count_sender(s, target, second);
	if (fresh)
		*raw = (struct scan_raw){.target = target, .first = second, .last_ns = raw->last_ns, .last_target = raw->last_target,
		                         .last_port = raw->last_port, .last_source_port = raw->last_source_port,
		                         .last_failed = raw->last_failed};
	raw->second = second;
	raw->probes += raw->probes < UINT16_MAX - probes ? probes : 0;
}

bool scan_probe_note(struct scan *s, struct scan_source *r, const struct yg_contact *c, uint32_t target, bool failed,
                     uint32_t second)
{
	struct scan_raw *raw = &r->raw;
	if (c->proto == ICMP && c->af == 4 && (c->addr[1].b[3] == 0 || c->addr[1].b[3] == 255)) {
		r->edge = true;
		r->edge_second = second;
	}
	if (c->proto != TCP)
		return false;
	bool impossible = is_impossible(c), pairs = may_pair(c, failed), pair = pairs && is_pair(raw, c, target, failed);
	if (impossible) {
		add(s, raw, target, second, c->packets[0] < BARE_MAX ? 1 : BARE_MAX);
		raw->by_flags = true;
	} else if (pair) {
		// The first of the pairs was told nothing of when it came.
		add(s, raw, target, second, raw->target == target && raw->by_port ? 1 : 2);
		raw->by_port = true;
	}
	raw->last_source_port = pairs ? c->port[0] : 0;
	raw->last_port = c->port[1];
	raw->last_target = target;
	raw->last_failed = failed;
	raw->last_ns = c->time_ns;
	return impossible || pair;
}

bool scan_is_probed(const struct scan *s, const struct scan_source *r, uint32_t target, uint32_t second)
{
	const struct scan_victim *v = &s->victim[target % SCAN_VICTIMS];
	bool crowd = v->target == target && v->sources && second < v->crowd_until;
	return !crowd && r->raw.target == target && r->raw.probes >= s->probes;
}

bool scan_is_sweep(const struct scan *s, const struct scan_source *r, const struct yg_contact *c, const struct scan_counts *n,
                   uint32_t second)
{
	if (c->proto != ICMP || !r->edge || second - r->edge_second >= s->window_s)
		return false;
	return n->hosts >= SCAN_SWEEP_HOSTS && n->hosts_failed >= SCAN_SWEEP_HOSTS / 2 && n->hosts_failed * 4 >= n->hosts;
}
