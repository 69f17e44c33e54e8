// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Denial of service: volume, SYN floods, and floods of ten other kinds against one host, the same over a prefix, and what hosts inside
// take part in (see README.md). Thread: the aggregator's.
//
// Windows only fill records; judgement comes in tick(), when all windows of the second are there, whatever their order.
// Only what is near a threshold is remembered: a prefecture has a million addresses and seldom ten victims.
#include "dos.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SERVED_RATIO 0.5 // a UDP service that sends so many packets for each it gets is in conversation,
#define SERVED_CEILING 5 // up to so many times the threshold
#define QUERY_BYTES 300 // from the IP header on; a name has at most 255 bytes

enum { OPT_PACKETS, OPT_BITS, OPT_FLOWS, OPT_HOSTS, OPT_SERVICES, OPT_CLEAR, OPT_SLOW, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"floor_packets", YG_OPT_INT, "packets/s", 0, 1e9, "0", NULL,
     "Packets a second towards one host; 0: from the access line.",
     "1ホスト宛の毎秒パケット数のしきい値。0は回線帯域から算出。"},
    {"floor_bits", YG_OPT_BPS, "bit/s", 0, 4e11, "0", NULL,
     "Bits a second towards one host; 0: 30 % of the access line.", "1ホスト宛の通信量のしきい値。0は回線帯域の30%。"},
    {"floor_flows", YG_OPT_INT, "flows/s", 0, 1e9, "0", NULL, "New unanswered flows a second; 0: from the access line.",
     "応答のない新規フロー数のしきい値。0は回線帯域から算出。"},
    {"hosts", YG_OPT_INT, "hosts", 16, 65536, "2048", NULL, "Hosts, prefixes and bodies near a threshold that are watched at a time.",
     "しきい値に近いホスト・プレフィックス・団体を同時に追跡する数。"},
    {"services", YG_OPT_INT, "services", 16, 65536, "4096", NULL,
     "Services with incomplete handshakes that are watched at a time.", "同時に追跡するサービス数。"},
    {"clear", YG_OPT_DURATION, "s", 5, 600, "30s", NULL, "An alert closes after so long below 70 % of its threshold.",
     "しきい値の70%を下回ってから終了とみなすまでの時間。"},
    {"slow", YG_OPT_BOOL, NULL, 0, 0, "true", NULL,
     "Also find SYN floods below the thresholds, by a change of the completion rate.",
     "しきい値未満のSYNフラッドも完了率の変化で検知する。"},
};

static uint64_t memory_max(const union yg_value *v)
{
	return dos_memory((uint32_t)v[OPT_HOSTS].i, (uint32_t)v[OPT_SERVICES].i);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct dos *d = calloc(1, (size_t)memory_max(v));
	if (!d) {
		host->log(host->context, 3, "no memory for its tables");
		return NULL;
	}
	d->host = host;
	d->floor_packets = (double)v[OPT_PACKETS].i;
	d->floor_bits = (double)v[OPT_BITS].i;
	d->floor_flows = (double)v[OPT_FLOWS].i;
	d->hosts = (uint32_t)v[OPT_HOSTS].i;
	d->services = (uint32_t)v[OPT_SERVICES].i;
	d->clear_s = (uint32_t)v[OPT_CLEAR].f;
	d->slow = v[OPT_SLOW].i != 0;
	d->modern = host->size >= sizeof *host;
	d->floors_org = YG_ORG_NONE;
	d->floors = dos_floors_of(d, NULL, 0);
	// Without randomness the buckets could be guessed, no more: what is found does not depend on the secrets.
	for (uint64_t i = 0; i < DOS_SECRETS; i++)
		d->secret[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (getrandom(d->secret, sizeof d->secret, GRND_NONBLOCK) != (ssize_t)sizeof d->secret)
		host->log(host->context, 2, "no random seed, the tables use a fixed one");
	dos_table_layout(d);
	return d;
}

static void destroy(void *self)
{
	struct dos *d = self;
	char text[200];
	if (!d)
		return;
	if (d->stats.watch_full || d->stats.service_full || d->stats.asks_spent) {
		snprintf(text, sizeof text,
		         "dos: hosts and prefixes without a place %" PRIu64 ", services without a place %" PRIu64 ", evicted %" PRIu64
		         ", questions that had to wait %" PRIu64,
		         d->stats.watch_full, d->stats.service_full, d->stats.evicted, d->stats.asks_spent);
		d->host->log(d->host->context, 0, text);
	}
	free(d);
}

static void set_view(struct dos_view *view, const struct yg_window *w)
{
	view->line_bps = w->line_bps;
	view->one_way = w->one_way > DOS_ONE_WAY_SHARE;
	view->warm = w->warm != 0;
}

static struct dos_key key_of(const struct yg_window *w)
{
	if (w->scope == YG_SCOPE_HOST)
		return dos_host_key(w->af, &w->addr);
	if (w->scope == YG_SCOPE_PREFIX)
		return (struct dos_key){w->addr, w->af, w->scope, w->prefix_len};
	return (struct dos_key){.addr = {{(uint8_t)(w->org >> 8), (uint8_t)w->org}}, .scope = w->scope};
}

// Hosts, prefixes and bodies.
static void keyed_window(struct dos *d, const struct yg_window *w)
{
	const struct dos_past past = d->modern ? dos_past_of(&w->base) : (struct dos_past){0};
	const struct dos_limits limits = dos_limits_of(&d->floors, &past, w->line_bps);
	const struct dos_key key = key_of(w);
	double heat = dos_heat(w, &limits);
	if (w->scope == YG_SCOPE_HOST) {
		const struct yg_rates *r = &w->now;
		double low = fmax((r->packets[YG_VEC_UDP] + (double)r->packets[YG_VEC_FRAGMENT]) / limits.packets,
		                  (double)(r->bytes[YG_VEC_UDP] + r->bytes[YG_VEC_FRAGMENT]) * 8 / limits.bits);
		heat = low >= DOS_LOW_SHARE ? fmax(heat, DOS_WATCH_RATIO) : heat;
	}
	struct dos_watch *watch = dos_watch_get(d, &key, heat >= DOS_WATCH_RATIO ? heat : 0);
	if (!watch)
		return;
	watch->second = w->second;
	watch->org = w->org;
	watch->zone = w->zone;
	watch->limits = limits;
	watch->past = past;
	set_view(&watch->view, w);
	dos_load_raw(&watch->raw, w);
	dos_load_ema(&watch->ema, w);
	if (!(watch->hot & 1) && !watch->incident.open)
		dos_load_usual(watch, w);
}

static void tcp_service(struct dos *d, const struct yg_window *w, const struct dos_limits *limits)
{
	double syns = w->now.packets[YG_VEC_SYN], done = w->now.handshakes, floor = dos_slow_floor(limits);
	double open = syns - done;
	struct dos_service *s = dos_service_get(d, w, open >= floor / 2 ? open : 0);
	if (!s)
		return;
	s->heat = fmax(open, 0);
	s->second = w->second;
	s->org = w->org;
	s->zone = w->zone;
	set_view(&s->view, w);
	dos_cusum_add(&s->cusum, w->second, syns, done, (double)w->ema_handshakes, floor);
}

// Queries to a declared DNS server are dnsflood's to judge, answered or not, until they fill the line: it knows what they ask. Packets
// larger than queries are not.
static bool is_for_dnsflood(const struct dos *d, const struct yg_window *w, const struct dos_limits *limits)
{
	double packets = w->now.packets[YG_VEC_UDP], bytes = (double)w->now.bytes[YG_VEC_UDP];
	if (w->port != 53 || !w->declared || bytes > packets * QUERY_BYTES || bytes * 8 >= limits->bits)
		return false;
	const struct yg_server_info *server = dos_server(d, w->af, &w->addr, w->proto, w->port);
	return server && server->role == YG_ROLE_DNS;
}

static void udp_service(struct dos *d, const struct yg_window *w, const struct dos_limits *limits)
{
	double in = w->now.packets[YG_VEC_UDP], out = w->now.packets_out;
	bool served = out >= in * SERVED_RATIO && in < limits->packets * SERVED_CEILING;
	if (in <= 0 || !(served || is_for_dnsflood(d, w, limits)))
		return;
	const struct dos_key key = dos_host_key(w->af, &w->addr);
	double heat = dos_heat(w, limits);
	struct dos_watch *watch = dos_watch_get(d, &key, heat >= DOS_WATCH_RATIO ? heat : 0);
	if (watch)
		watch->view.served_packets += in;
}

static bool spans_many(const struct yg_window *w)
{
	return w->scope == YG_SCOPE_BODY || w->prefix_len <= (w->af == 6 ? 128 : 32) - DOS_CARPET_BITS;
}

static void window(void *self, const struct yg_window *w)
{
	struct dos *d = self;
	if (w->scope == YG_SCOPE_LINK)
		return;
	if (w->line_bps != d->floors_line || w->org != d->floors_org) {
		d->floors_line = w->line_bps;
		d->floors_org = w->org;
		d->floors = dos_floors_of(d, d->host->org(d->host->context, w->org), w->line_bps);
	}
	if (w->scope == YG_SCOPE_HOST) {
		keyed_window(d, w);
		if (dos_can_ask(d))
			dos_outbound_window(d, w);
	} else if (w->scope == YG_SCOPE_PREFIX || w->scope == YG_SCOPE_BODY) {
		if (dos_can_ask(d) && spans_many(w))
			keyed_window(d, w);
	} else if (w->proto == 6 && d->slow) {
		tcp_service(d, w, &d->floors);
	} else if (w->proto == 17) {
		udp_service(d, w, &d->floors);
	}
}

// The slow path of a service speaks through its host, so that one attack has one voice.
static void tick_services(struct dos *d, int64_t second)
{
	for (uint32_t i = 0; i < d->services_used; i++) {
		struct dos_service *s = &d->service[i];
		if (!s->used)
			continue;
		if (s->second != second)
			dos_cusum_add(&s->cusum, second, 0, 0, 0, 0);
		if (s->cusum.calm_periods >= 3) {
			dos_service_drop(d, s);
			continue;
		}
		const struct dos_key key = dos_host_key(s->af, &s->addr);
		struct dos_watch *w = s->cusum.alarm ? dos_watch_get(d, &key, 1) : NULL;
		if (w && s->cusum.rate > w->slow_rate) {
			w->slow_rate = s->cusum.rate;
			w->slow_threshold = s->cusum.threshold;
			w->slow_port = s->port;
			if (w->second != second) { // the host itself is too quiet to be watched
				w->org = s->org;
				w->zone = s->zone;
				w->view = s->view;
				if (w->limits.packets <= 0)
					w->limits = dos_floors_of(d, d->host->org(d->host->context, s->org), s->view.line_bps);
			}
		}
	}
}

static void step(struct dos *d, struct dos_watch *w, int64_t second)
{
	if (w->second != second) {
		memset(&w->raw, 0, sizeof w->raw);
		memset(&w->ema, 0, sizeof w->ema);
	}
	if (w->scope == YG_SCOPE_HOST)
		dos_incident_step(d, w, second);
	else if (w->scope == DOS_SCOPE_OUT)
		dos_outbound_step(d, w, second);
	else
		dos_carpet_step(d, w, second);
	w->cold_s = w->heat < DOS_WATCH_RATIO && !w->incident.open ? w->cold_s + 1 : 0;
	if (w->cold_s >= DOS_FORGET_S)
		dos_watch_drop(d, w);
}

static void tick(void *self, int64_t second)
{
	// A prefix before its body, both before their hosts: what is one attack on many is not told host by host.
	static const uint8_t order[] = {YG_SCOPE_PREFIX, YG_SCOPE_BODY, YG_SCOPE_HOST, DOS_SCOPE_OUT};
	struct dos *d = self;
	d->asks = 0;
	tick_services(d, second);
	for (unsigned o = 0; o < sizeof order; o++)
		for (uint32_t i = 0; i < d->hosts_used; i++)
			if (d->watch[i].used && d->watch[i].scope == order[o])
				step(d, &d->watch[i], second);
	for (uint32_t i = 0; i < d->hosts_used; i++)
		d->watch[i].view.served_packets = d->watch[i].slow_rate = 0;
	d->evictions = 0;
	d->host_refused = d->service_refused = 0;
}

static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	(void)from_ns;
	(void)to_ns;
	dos_table_clear(self); // what was rising before the gap says nothing about after it
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "dos",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Floods and volume attacks: against a host, over a prefix, and from inside",
    .summary_ja = "DoS攻撃の検知（1ホスト宛のフラッド、じゅうたん爆撃、内部からのDoS通信）",
    .needs = YG_NEEDS_WINDOW,
    .options = options,
    .options_count = OPT_COUNT,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .window = window,
    .gap = gap,
    .tick = tick,
};
