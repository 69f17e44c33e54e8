// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Inside hosts that answer whoever asks, and so can be made to flood others (see README.md). Thread: the aggregator's.
//
// A flood from such a host shows when it is too late; that it answers strangers shows from the first search of somebody who looks for
// reflectors. It counts only what was asked for: the first packet of the flow came from outside.
#include "openservice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../common/say.h"

enum { PORT_DNS = 53, UDP = 17 };

enum { OPT_CLIENTS, OPT_ENTRIES, OPT_TOLD, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"clients", YG_OPT_INT, "clients", 1, OPENS_CLIENTS_MAX, "3", NULL, "Outside clients that must have been answered.",
     "応答を受けた外部の相手がこの数に達したら知らせる。"},
    {"entries", YG_OPT_INT, "services", 64, 1048576, "16384", NULL, "Services of inside hosts remembered; the longest silent goes.",
     "記憶する内部ホストのサービス数。"},
    {"told", YG_OPT_INT, "hosts", 64, 65536, "2048", NULL, "Hosts remembered as told of, each for a day.",
     "通知済みとして1日記憶するホスト数。"},
};

static uint64_t memory_max(const union yg_value *v)
{
	return opens_memory((uint32_t)v[OPT_ENTRIES].i, (uint32_t)v[OPT_TOLD].i);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct opens *o = calloc(1, (size_t)memory_max(v));
	if (!o) {
		host->log(host->context, 3, "no memory for its tables");
		return NULL;
	}
	o->host = host;
	o->clients = (uint32_t)v[OPT_CLIENTS].i;
	o->entries_max = (uint32_t)v[OPT_ENTRIES].i;
	o->told_max = (uint32_t)v[OPT_TOLD].i;
	for (uint64_t i = 0; i < OPENS_SECRETS; i++)
		o->secret[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (getrandom(o->secret, sizeof o->secret, GRND_NONBLOCK) != (ssize_t)sizeof o->secret)
		host->log(host->context, 2, "no random seed, the tables use a fixed one");
	opens_layout(o);
	opens_zones_read(o);
	return o;
}

static void destroy(void *self)
{
	struct opens *o = self;
	char text[240];
	if (!o)
		return;
	if (o->stats.full || o->stats.evicted || o->stats.told_full || o->stats.zones_full) {
		snprintf(text, sizeof text,
			 "openservice: services without a place %" PRIu64 ", evicted %" PRIu64 ", told of and forgotten %" PRIu64
			 ", zones without a place %" PRIu64,
			 o->stats.full, o->stats.evicted, o->stats.told_full, o->stats.zones_full);
		o->host->log(o->host->context, 0, text);
	}
	free(o);
}

static void sentences(const struct opens *o, struct yg_alert *a, const struct opens_entry *e)
{
	char target[SAY_ADDRESS], asked[SAY_NUMBER], answered[SAY_NUMBER], ja[SAY_BODY], en[SAY_BODY];
	const struct opens_service *s = opens_service_at(e->service);
	say_address(a->af, &a->target, target);
	say_number((double)e->asked, asked);
	say_number((double)e->answered, answered);
	say_body(o->host, a->org, ja, en);
	snprintf(a->text_ja, sizeof a->text_ja,
		 "%s%sの%s（UDPポート%u）が外部の相手%u件に応答している（しきい値%u）。要求%sバイトに対し応答%sバイト。"
		 "送信元を偽った要求により、他者への攻撃の踏み台にされ得る。",
		 target, ja, s->ja, s->port, e->clients_count, o->clients, asked, answered);
	snprintf(a->text_en, sizeof a->text_en,
		 "%s%s answers outside clients on UDP port %u (%s): %u of them so far (threshold %u), %s bytes asked, %s bytes answered. "
		 "Requests with forged sources can turn it against others.",
		 target, en, s->port, s->en, e->clients_count, o->clients, asked, answered);
	say_whole(a->text_ja);
	say_whole(a->text_en);
}

static void tell(struct opens *o, const struct opens_entry *e, uint16_t org, uint8_t zone, int64_t time_ns)
{
	const struct opens_service *s = opens_service_at(e->service);
	struct yg_alert a = {.af = e->af, .target = e->addr, .target_len = e->af == 6 ? 128 : 32, .proto = UDP, .target_port = s->port,
			     .org = org, .zone = zone, .severity = YG_SEV_MEDIUM, .score = 50, .confidence = 0.8f};
	say_copy(a.kind, sizeof a.kind, "dos.open_service");
	say_copy(a.runbook, sizeof a.runbook, "dos.open_service");
	say_copy(a.technique, sizeof a.technique, "T1498.002");
	say_copy(a.vector, sizeof a.vector, s->name);
	say_copy(a.app_proto, sizeof a.app_proto, s->port == PORT_DNS ? "dns" : "");
	say_copy(a.unit, sizeof a.unit, "clients");
	a.time_ns = time_ns;
	a.first_ns = e->first * INT64_C(1000000000);
	a.observed = e->clients_count;
	a.threshold = o->clients;
	a.window_s = OPENS_DAY_S;
	a.sources_at_least = e->clients_count;
	a.top_count = e->clients_count < YG_TOP_MAX ? e->clients_count : YG_TOP_MAX;
	for (unsigned i = 0; i < a.top_count; i++)
		a.top[i] = (struct yg_alert_top){.addr = e->client[i], .af = e->af, .share = 1.0f / (float)e->clients_count};
	// One value, because there is no rate: how many had been answered when it was told.
	a.series_count = 1;
	a.series[0] = (float)a.observed;
	a.series_start = time_ns / INT64_C(1000000000);
	a.series_step_s = 1;
	a.series_high = (float)a.threshold;
	sentences(o, &a, e);
	o->host->raise(o->host->context, &a);
}

struct seen {
	uint8_t af, zone;
	uint16_t org;
	const struct yg_addr *server, *client;
	uint64_t asked, answered;
	int64_t first_ns, time_ns;
};

static void answered(struct opens *o, unsigned service, const struct seen *s)
{
	int64_t second = s->time_ns / INT64_C(1000000000);
	struct opens_entry *e = opens_get(o, s->af, s->server, service, second);
	if (!e)
		return;
	if (s->first_ns / INT64_C(1000000000) < e->first)
		e->first = s->first_ns / INT64_C(1000000000);
	if (second - e->first >= OPENS_DAY_S) { // who asked yesterday is another matter
		e->clients_count = 0;
		e->asked = e->answered = 0;
		e->first = second;
	}
	e->last = second;
	e->asked += s->asked;
	e->answered += s->answered;
	if (!opens_client(e, s->client, o->clients) || e->clients_count < o->clients || opens_was_told(o, s->af, s->server, second))
		return;
	opens_tell(o, s->af, s->server, second);
	tell(o, e, s->org, s->zone, s->time_ns);
}

static void flow(void *self, const struct yg_flow *f)
{
	struct opens *o = self;
	if (f->event != YG_FLOW_ENDED || f->proto != UDP || f->internal[0] || !f->internal[1] || !f->payload[0] || !f->payload[1])
		return;
	int service = opens_service_of(f->port[1]);
	if (service < 0 || f->port[1] == PORT_DNS || !opens_service_named((unsigned)service, f->proto_name))
		return;
	const struct opens_service *s = opens_service_at((unsigned)service);
	if ((double)f->payload[1] <= (double)f->payload[0] || (double)f->payload[1] < (double)s->ratio * (double)f->payload[0])
		return;
	if (o->host->server(o->host->context, f->af, &f->addr[1], UDP, f->port[1]))
		return; // somebody means it to be there
	const struct seen seen = {f->af, f->zone[1], f->org[1], &f->addr[1], &f->addr[0], f->payload[0], f->payload[1], f->first_ns, f->event_ns};
	answered(o, (unsigned)service, &seen);
}

// Recursion for a stranger: the server says that it recurses, and answers from what is not its own.
static void dns(void *self, const struct yg_dns *m)
{
	struct opens *o = self;
	const struct yg_meta_head *h = &m->head;
	if (!m->response || !m->recursion_available || m->rcode || !m->answers || m->authoritative || m->malformed)
		return;
	if (h->proto != UDP || h->port[1] != PORT_DNS || h->internal[0] || !h->internal[1])
		return;
	const struct yg_server_info *info = o->host->server(o->host->context, h->af, &h->addr[1], UDP, PORT_DNS);
	if (info && opens_zones_have(o, m->qname))
		return;
	// A question is its header, its name and four bytes.
	const struct seen seen = {h->af, h->zone[1], h->org[1], &h->addr[1], &h->addr[0], 18u + m->name_len, m->size, h->time_ns, h->time_ns};
	answered(o, (unsigned)opens_service_of(PORT_DNS), &seen);
}

static uint32_t save(void *self, void *buffer, uint32_t size)
{
	return opens_save(self, buffer, size);
}

static int restore(void *self, const void *buffer, uint32_t size)
{
	return opens_restore(self, buffer, size);
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "openservice",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Inside hosts that answer strangers and can be abused as reflectors",
    .summary_ja = "反射型攻撃の踏み台になり得る公開サービスの検知",
    .needs = YG_NEEDS_FLOW | YG_NEEDS_DNS,
    .options = options,
    .options_count = OPT_COUNT,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .flow = flow,
    .dns = dns,
    .save = save,
    .restore = restore,
};
