// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Denial of service against one host: volume, SYN floods, and floods of ten other kinds (see README.md). Thread: the
// aggregator's.
//
// Windows only fill records; judgement comes in tick(), when all windows of the second are there, whatever their order.
// Only hosts near a threshold are remembered: a prefecture has a million addresses and seldom ten victims.
#include "dos.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WATCH_RATIO 0.25
#define SERVED_RATIO 0.5 // a UDP service that sends so many packets for each it gets is in conversation,
#define SERVED_CEILING 5 // up to so many times the threshold
#define ONE_WAY_SHARE 0.9f
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
    {"hosts", YG_OPT_INT, "hosts", 16, 65536, "2048", NULL, "Hosts near a threshold that are watched at a time.",
     "同時に追跡するホスト数。"},
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
	d->limits = dos_limits_of(d, d->limits_line);
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
	char text[160];
	if (!d)
		return;
	if (d->stats.watch_full || d->stats.service_full) {
		snprintf(text, sizeof text,
		         "dos: hosts without a place %" PRIu64 ", services without a place %" PRIu64
		         ", evicted %" PRIu64,
		         d->stats.watch_full, d->stats.service_full, d->stats.evicted);
		d->host->log(d->host->context, 0, text);
	}
	free(d);
}

static void set_view(struct dos_view *view, const struct yg_window *w)
{
	view->line_bps = w->line_bps;
	view->one_way = w->one_way > ONE_WAY_SHARE;
	view->warm = w->warm != 0;
}

static void host_window(struct dos *d, const struct yg_window *w, const struct dos_limits *limits)
{
	double heat = dos_heat(w, limits);
	struct dos_watch *watch = dos_watch_get(d, w->af, &w->addr, heat >= WATCH_RATIO ? heat : 0);
	if (!watch)
		return;
	watch->second = w->second;
	watch->org = w->org;
	watch->zone = w->zone;
	set_view(&watch->view, w);
	dos_load_raw(&watch->raw, w);
	dos_load_ema(&watch->ema, w);
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
	const struct yg_server_info *server = d->host->server(d->host->context, w->af, &w->addr, w->proto, w->port);
	return server && server->role == YG_ROLE_DNS;
}

static void udp_service(struct dos *d, const struct yg_window *w, const struct dos_limits *limits)
{
	double in = w->now.packets[YG_VEC_UDP], out = w->now.packets_out;
	bool served = out >= in * SERVED_RATIO && in < limits->packets * SERVED_CEILING;
	if (in <= 0 || !(served || is_for_dnsflood(d, w, limits)))
		return;
	double heat = dos_heat(w, limits);
	struct dos_watch *watch = dos_watch_get(d, w->af, &w->addr, heat >= WATCH_RATIO ? heat : 0);
	if (watch)
		watch->view.served_packets += in;
}

static void window(void *self, const struct yg_window *w)
{
	struct dos *d = self;
	if (w->scope != YG_SCOPE_HOST && w->scope != YG_SCOPE_SERVICE)
		return;
	if (w->line_bps != d->limits_line) {
		d->limits_line = w->line_bps;
		d->limits = dos_limits_of(d, w->line_bps);
	}
	if (w->scope == YG_SCOPE_HOST)
		host_window(d, w, &d->limits);
	else if (w->proto == 6 && d->slow)
		tcp_service(d, w, &d->limits);
	else if (w->proto == 17)
		udp_service(d, w, &d->limits);
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
		struct dos_watch *w = s->cusum.alarm ? dos_watch_get(d, s->af, &s->addr, 1) : NULL;
		if (w && s->cusum.rate > w->slow_rate) {
			w->slow_rate = s->cusum.rate;
			w->slow_threshold = s->cusum.threshold;
			w->slow_port = s->port;
			if (w->second != second) { // the host itself is too quiet to be watched
				w->org = s->org;
				w->zone = s->zone;
				w->view = s->view;
			}
		}
	}
}

static void tick(void *self, int64_t second)
{
	struct dos *d = self;
	tick_services(d, second);
	for (uint32_t i = 0; i < d->hosts_used; i++) {
		struct dos_watch *w = &d->watch[i];
		if (!w->used)
			continue;
		if (w->second != second) {
			memset(&w->raw, 0, sizeof w->raw);
			memset(&w->ema, 0, sizeof w->ema);
		}
		dos_incident_step(d, w, second);
		w->cold_s = w->heat < WATCH_RATIO && !w->incident.open ? w->cold_s + 1 : 0;
		w->view.served_packets = w->slow_rate = 0;
		if (w->cold_s >= DOS_FORGET_S)
			dos_watch_drop(d, w);
	}
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
    .summary_en = "Floods and volume attacks against one host",
    .summary_ja = "1ホストに対するDoS攻撃（フラッド・大量通信）の検知",
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
