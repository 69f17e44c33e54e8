// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Floods of queries against DNS servers that are inside (see README.md). Thread: the aggregator's.
//
// Windows bring how many packets a declared server got, exactly; messages bring what they asked, as far as the dissector had room to read
// them. Both only fill records; judgement comes in tick(). The key is (server, zone), never the source: such a
// flood comes through the resolvers of the whole world, and each of them asks little.
#include "dnsflood.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PORT_DNS = 53, TYPE_TXT = 16, TYPE_DNSKEY = 48, TYPE_ANY = 255, RCODE_NXDOMAIN = 3, UDP = 17, TCP = 6 };

enum { OPT_FLOOR, OPT_ABUSE, OPT_DISTINCT, OPT_DENIED, OPT_SERVERS, OPT_ZONES, OPT_CLEAR, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"floor", YG_OPT_INT, "queries/s", 10, 1e8, "200", NULL, "Queries a second to one zone of a server below which nothing is a flood.",
     "1つのゾーンへの毎秒問い合わせ数がこれに満たなければ攻撃とみなさない。"},
    {"abuse_share", YG_OPT_FLOAT, "share", 0.1, 1, "0.5", NULL, "Share of ANY, DNSKEY and TXT queries that makes an abuse as an amplifier.",
     "ANY・DNSKEY・TXTの割合がこれ以上なら踏み台としての悪用とみなす。"},
    {"distinct_share", YG_OPT_FLOAT, "share", 0.1, 1, "0.8", NULL, "Share of different names from which names count as random.",
     "異なる名前の割合がこれ以上ならランダムな名前とみなす。"},
    {"denied_share", YG_OPT_FLOAT, "share", 0.1, 1, "0.5", NULL, "Share of the answers that say there is no such name.",
     "応答のうち「存在しない名前」の割合のしきい値。"},
    {"servers", YG_OPT_INT, "servers", 16, 16384, "1024", NULL, "DNS servers followed at a time; the longest silent goes.",
     "同時に追跡するDNSサーバーの数。"},
    {"zones", YG_OPT_INT, "zones", 16, 16384, "1024", NULL, "Zones of servers followed at a time; the longest silent goes.",
     "同時に追跡するゾーンの数。"},
    {"clear", YG_OPT_DURATION, "s", 5, 600, "30s", NULL, "An alert closes after so long below 70 % of its threshold.",
     "しきい値の70%を下回ってから終了とみなすまでの時間。"},
};

static uint64_t memory_max(const union yg_value *v)
{
	return dnsflood_memory((uint32_t)v[OPT_SERVERS].i, (uint32_t)v[OPT_ZONES].i);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct dnsf *d = calloc(1, (size_t)memory_max(v));
	if (!d) {
		host->log(host->context, 3, "no memory for its tables");
		return NULL;
	}
	d->host = host;
	d->floor = (double)v[OPT_FLOOR].i;
	d->abuse = v[OPT_ABUSE].f;
	d->distinct = v[OPT_DISTINCT].f;
	d->denied = v[OPT_DENIED].f;
	d->servers_max = (uint32_t)v[OPT_SERVERS].i;
	d->zones_max = (uint32_t)v[OPT_ZONES].i;
	d->clear_s = (uint32_t)v[OPT_CLEAR].f;
	// Without randomness the buckets could be guessed, no more: what is found does not depend on the secrets.
	for (uint64_t i = 0; i < DNSF_SECRETS; i++)
		d->secret[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (getrandom(d->secret, sizeof d->secret, GRND_NONBLOCK) != (ssize_t)sizeof d->secret)
		host->log(host->context, 2, "no random seed, the tables use a fixed one");
	dnsflood_layout(d);
	dnsflood_filter_clear(&d->filter);
	return d;
}

static void destroy(void *self)
{
	struct dnsf *d = self;
	char text[200];
	if (!d)
		return;
	if (d->stats.servers_full || d->stats.zones_full || d->stats.evicted || d->stats.filter_full) {
		snprintf(text, sizeof text,
			 "dnsflood: servers without a place %" PRIu64 ", zones without a place %" PRIu64 ", evicted %" PRIu64
			 ", names not remembered %" PRIu64,
			 d->stats.servers_full, d->stats.zones_full, d->stats.evicted, d->stats.filter_full);
		d->host->log(d->host->context, 0, text);
	}
	free(d);
}

static void describe(struct dnsf *d, struct dnsf_server *s)
{
	if (!s->info)
		s->info = d->host->server(d->host->context, s->af, &s->addr, UDP, PORT_DNS);
}

static void window(void *self, const struct yg_window *w)
{
	struct dnsf *d = self;
	if (w->scope != YG_SCOPE_SERVICE || w->port != PORT_DNS || (w->proto != UDP && w->proto != TCP))
		return;
	struct dnsf_server *s = dnsflood_server(d, w->af, &w->addr, w->second, w->declared);
	struct dnsf_load *load = s ? dnsflood_load(s, w->second) : NULL;
	if (!load)
		return;
	describe(d, s);
	s->org = w->org;
	s->zone_kind = w->zone;
	s->one_way = w->one_way > 0.9f;
	if (w->proto == UDP) {
		load->packets += w->now.packets[YG_VEC_UDP];
		s->p95 = (double)w->base.packets;
		s->learning = w->base.state;
	} else {
		load->packets += w->now.flows;
	}
}

// Which end of the flow is the server: the responder, or where the flow was picked up at an answer its first sender. Below 0: neither.
static int server_end(const struct yg_meta_head *h)
{
	return h->port[1] == PORT_DNS ? 1 : h->port[0] == PORT_DNS ? 0 : -1;
}

static void learn(struct dnsf *d, const struct dnsf_server *s, int64_t second, uint64_t hash)
{
	if (!s->hot && !s->incident.open && !dnsflood_filter_add(&d->filter, second, hash))
		d->stats.filter_full++;
}

static void count_message(struct dnsf *d, struct dnsf_server *s, const struct yg_dns *m, int64_t second)
{
	struct dnsf_zone *z = dnsflood_zone(d, s, m->qname, second);
	struct dnsf_second *slot = z ? dnsflood_slot(z, second) : NULL;
	if (!slot)
		return;
	uint64_t seed = dnsflood_hash(s->af, s->addr.b, sizeof s->addr.b);
	uint64_t name = dnsflood_hash(seed, m->qname, (uint32_t)strlen(m->qname));
	dnsflood_sketch_add(slot->sketch, name);
	if (m->response) {
		slot->answers++;
		slot->answer_bytes += m->size;
		slot->denied += m->rcode == RCODE_NXDOMAIN || (m->rcode == 0 && !m->answers && !m->truncated);
		if (m->rcode == 0 && m->answers)
			learn(d, s, second, name);
		return;
	}
	slot->queries++;
	slot->abusable += m->qtype == TYPE_ANY || m->qtype == TYPE_DNSKEY || m->qtype == TYPE_TXT;
	slot->fresh += !dnsflood_filter_has(&d->filter, second, name);
	if (s->one_way) // no answer will tell which names exist
		learn(d, s, second, name);
}

static void dns(void *self, const struct yg_dns *m)
{
	struct dnsf *d = self;
	int end = server_end(&m->head);
	int64_t second = m->head.time_ns / INT64_C(1000000000);
	if (end < 0 || !m->head.internal[end] || m->opcode)
		return;
	bool from_inside = m->head.internal[!end];
	const struct yg_addr *addr = &m->head.addr[end];
	// A server is who is declared as one, and who answers outside.
	bool makes = m->response ? !from_inside : d->host->server(d->host->context, m->head.af, addr, UDP, PORT_DNS) != NULL;
	struct dnsf_server *s = dnsflood_server(d, m->head.af, addr, second, makes);
	struct dnsf_load *load = s ? dnsflood_load(s, second) : NULL;
	if (!load)
		return;
	describe(d, s);
	s->org = m->head.org[end];
	s->zone_kind = m->head.zone[end];
	if (!m->response) {
		load->read_in += from_inside;
		load->read_out += !from_inside;
	}
	if (!from_inside)
		count_message(d, s, m, second);
}

static void tick(void *self, int64_t second)
{
	struct dnsf *d = self;
	for (uint32_t i = 0; i < d->servers_used; i++)
		if (d->server[i].used)
			dnsflood_judge(d, &d->server[i], second);
	d->evictions = 0;
}

static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	(void)from_ns;
	(void)to_ns;
	dnsflood_clear(self); // names that were seen stay known
}

static uint32_t save(void *self, void *buffer, uint32_t size)
{
	const struct dnsf *d = self;
	return dnsflood_save(&d->filter, buffer, size);
}

static int restore(void *self, const void *buffer, uint32_t size)
{
	struct dnsf *d = self;
	return dnsflood_restore(&d->filter, buffer, size);
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "dnsflood",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Floods of queries against DNS servers",
    .summary_ja = "DNSサーバーへの大量問い合わせ（ランダムサブドメイン攻撃など）の検知",
    .needs = YG_NEEDS_WINDOW | YG_NEEDS_DNS,
    .options = options,
    .options_count = OPT_COUNT,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .dns = dns,
    .window = window,
    .gap = gap,
    .tick = tick,
    .save = save,
    .restore = restore,
};
