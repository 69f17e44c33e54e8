// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Port and host scans, from outside and inside (see README.md). Thread: the aggregator's.
//
// Works on contacts, one a flow, not on packets: an attempt and what became of it is all that a scan consists of. An
// alert opens with the contact that crosses the line; later ones only mark it, and tick() tells it anew once a second.
#include "scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NS_PER_S INT64_C(1000000000)

enum { OPT_PORTS, OPT_HOSTS, OPT_FAILED, OPT_WINDOW, OPT_SOURCES, OPT_ITEMS, OPT_EXEMPT, OPT_PROBES, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"ports", YG_OPT_INT, "ports", 2, 1000, "15", NULL, "Failed ports of one host within the window.",
     "1ホストに対し失敗したポート数のしきい値。"},
    {"hosts", YG_OPT_INT, "hosts", 2, 1000, "25", NULL, "Hosts on which one port failed within the window.",
     "1ポートについて失敗したホスト数のしきい値。"},
    {"failed", YG_OPT_INT, "attempts", 4, 1000, "20", NULL, "Distinct failed (host, port) of the source, in addition.",
     "送信元全体の失敗数（宛先とポートの組）の下限。"},
    {"window", YG_OPT_DURATION, "s", 10, 3600, "5min", NULL, "Window in which attempts are counted.",
     "試行を数える時間幅。"},
    {"sources", YG_OPT_INT, "sources", 64, 1000000, "50000", NULL, "Sources remembered; the least recent goes.",
     "記憶する送信元の数。"},
    {"items", YG_OPT_INT, "attempts", 1024, 16777216, "1048576", NULL, "Attempts remembered of all sources together.",
     "全送信元で記憶する試行の数。"},
    {"exempt", YG_OPT_STRING, NULL, 0, 1023, "", NULL,
     "Sources that may scan (monitors), as prefixes with commas, at most 64.",
     "走査を許可する送信元（監視装置など）。プレフィックスをカンマ区切りで64個まで。"},
    {"probes", YG_OPT_INT, "probes", 2, 1000, "2", NULL,
     "Probes of one host that no ordinary program sends: impossible flags, or one source port for several ports.",
     "通常のプログラムが送らない探査パケット数のしきい値（ありえないフラグ、同じ送信元ポートからの複数ポート宛て）。"},
};

static uint32_t chunks_of(const union yg_value *v)
{
	return (uint32_t)(v[OPT_ITEMS].i / SCAN_CHUNK);
}

static uint64_t memory_max(const union yg_value *v)
{
	return scan_memory((uint32_t)v[OPT_SOURCES].i, chunks_of(v));
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct scan *s = calloc(1, (size_t)memory_max(v));
	if (!s) {
		host->log(host->context, 3, "no memory for its tables");
		return NULL;
	}
	s->host = host;
	s->ports = (uint32_t)v[OPT_PORTS].i;
	s->hosts = (uint32_t)v[OPT_HOSTS].i;
	s->failed = (uint32_t)v[OPT_FAILED].i;
	s->probes = (uint32_t)v[OPT_PROBES].i;
	s->window_s = (uint32_t)v[OPT_WINDOW].f;
	s->sources = (uint32_t)v[OPT_SOURCES].i;
	s->chunks = chunks_of(v);
	if (scan_exempt_parse(s, v[OPT_EXEMPT].s)) {
		host->log(host->context, 3, "option exempt is no list of at most 64 prefixes");
		free(s);
		return NULL;
	}
	// Without randomness the buckets could be guessed, no more: what is found does not depend on the secrets.
	for (uint64_t i = 0; i < SCAN_SECRETS; i++)
		s->secret[i] = (2 * i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (getrandom(s->secret, sizeof s->secret, GRND_NONBLOCK) != (ssize_t)sizeof s->secret)
		host->log(host->context, 2, "no random seed, the table uses a fixed one");
	scan_table_layout(s);
	return s;
}

static void destroy(void *self)
{
	struct scan *s = self;
	char text[200];
	if (!s)
		return;
	const struct scan_stats *n = &s->stats;
	if (n->source_evicted || n->pool_evicted || n->items_full || n->alarms_full) {
		snprintf(text, sizeof text,
		         "scan: sources evicted %" PRIu64 ", emptied for the pool %" PRIu64
		         ", attempts past the limit %" PRIu64 ", alerts past the limit %" PRIu64,
		         n->source_evicted, n->pool_evicted, n->items_full, n->alarms_full);
		s->host->log(s->host->context, 0, text);
	}
	free(s);
}

// The first contact with each (target, port) moves the random walk: a failure up, a success down.
static void walk(struct scan_source *r, bool failed)
{
	int next = r->trw + (failed ? 1 : -1);
	r->trw = (int8_t)(next < SCAN_TRW_MIN ? SCAN_TRW_MIN : next > SCAN_TRW_MAX ? SCAN_TRW_MAX : next);
}

static void learn_target(struct scan_source *r, const struct yg_contact *c)
{
	if (!r->target_votes)
		r->target_org = c->org[1];
	if (r->target_org == c->org[1])
		r->target_votes = (uint16_t)(r->target_votes + (r->target_votes < UINT16_MAX));
	else
		r->target_votes--;
	if (!r->net_known) {
		r->net_known = true;
		r->net = c->addr[1];
		r->net_len = c->af == 6 ? 128 : 32;
		return;
	}
	uint8_t common = scan_common_bits(c->af, &r->net, &c->addr[1]);
	r->net_len = common < r->net_len ? common : r->net_len;
}

enum noted { NOTED_SUCCESS, NOTED_AGAIN, NOTED_FAILURE };

// Takes note of the contact: whether it failed, and whether for the first time.
static enum noted note(struct scan *s, struct scan_source *r, const struct yg_contact *c, uint32_t target,
                       int64_t second)
{
	struct scan_item item = {.target = target,
	                         .second = (uint32_t)second,
	                         .port = c->port[1],
	                         .proto = c->proto,
	                         .outcome = c->outcome};
	r->responded |= c->outcome != YG_CONTACT_SILENT;
	bool failed = scan_failed(r, c->proto, c->outcome);
	struct scan_item *known = scan_item_find(s, r, &item);
	if (known) {
		scan_item_touch(r, known, item.second);
		if (c->outcome == YG_CONTACT_ANSWERED)
			known->outcome = YG_CONTACT_ANSWERED;
		return failed ? NOTED_AGAIN : NOTED_SUCCESS;
	}
	scan_item_add(s, r, &item);
	if (c->proto != 17 || c->outcome != YG_CONTACT_SILENT || failed)
		walk(r, failed);
	if (failed)
		learn_target(r, c);
	return failed ? NOTED_FAILURE : NOTED_SUCCESS;
}

static void mark(struct scan *s, struct scan_source *r, struct scan_alarm *alarm, int64_t second)
{
	alarm->last = second;
	alarm->dirty = true;
	if (alarm->raw && r->raw.target == alarm->target)
		alarm->probes = r->raw.probes;
	scan_make_dirty(s, r);
}

static void judge(struct scan *s, struct scan_source *r, const struct yg_contact *c, uint32_t target, int64_t second,
                  bool first)
{
	struct scan_counts n;
	// A sweep that asks for the edges of a network is judged by what it asks for, not by how much of it fails.
	bool edges = c->proto == 1 && r->edge;
	if (!first || (!edges && r->trw < SCAN_TRW_ALARM) || r->count < (edges ? SCAN_SWEEP_HOSTS : s->failed))
		return;
	scan_items_expire(s, r, second);
	if (!edges && !scan_enough(s, r, target, c->port[1], c->proto))
		return;
	scan_count(s, r, target, c->port[1], c->proto, &n);
	bool walked = r->trw >= SCAN_TRW_ALARM;
	bool vertical = walked && scan_is_vertical(s, &n), horizontal = walked && scan_is_horizontal(s, &n, c->port[1], c->proto);
	if (vertical || horizontal)
		scan_alarm_open(s, r, c, &n, horizontal && (!vertical || n.hosts_failed > n.ports_failed) ? SCAN_HORIZONTAL : SCAN_VERTICAL,
		                second);
	else if (scan_is_sweep(s, r, c, &n, (uint32_t)second))
		scan_alarm_open(s, r, c, &n, SCAN_SWEEP, second);
}

static void judge_probe(struct scan *s, struct scan_source *r, const struct yg_contact *c, uint32_t target, int64_t second)
{
	struct scan_counts n;
	if (!scan_is_probed(s, r, target, (uint32_t)second))
		return;
	scan_items_expire(s, r, second);
	scan_count(s, r, target, c->port[1], c->proto, &n);
	scan_alarm_open(s, r, c, &n, SCAN_PROBES, second);
}

static void look(struct scan *s, struct scan_source *r, const struct yg_contact *c, uint32_t target, int64_t second)
{
	struct scan_counts n;
	r->looked = (uint32_t)second;
	scan_count(s, r, target, c->port[1], c->proto, &n);
	if (n.ports_failed)
		scan_alarm_open(s, r, c, &n, SCAN_EARLY, second);
}

static void contact(void *self, const struct yg_contact *c)
{
	struct scan *s = self;
	if (scan_means_nothing(c) || scan_is_exempt(s, c))
		return;
	int64_t second = c->event_ns / NS_PER_S;
	struct scan_source *r = scan_source_get(s, c);
	scan_alarm_expire(s, r, second);
	if (second - r->second > s->window_s)
		scan_source_reset(s, r);
	r->second = second;
	r->internal = c->internal[0];
	r->org = c->org[0];
	r->zone = c->zone[0];
	uint32_t target = scan_fingerprint(c->af, &c->addr[1]);
	enum noted noted = note(s, r, c, target, second);
	bool probe = scan_probe_note(s, r, c, target, noted != NOTED_SUCCESS, (uint32_t)second);
	if (noted == NOTED_SUCCESS && !probe)
		return;
	struct scan_alarm *alarm = scan_alarm_of(r, c, target);
	if (alarm) {
		mark(s, r, alarm, second);
		return;
	}
	if (noted != NOTED_SUCCESS)
		judge(s, r, c, target, second, noted == NOTED_FAILURE);
	if (probe && !scan_alarm_of(r, c, target))
		judge_probe(s, r, c, target, second);
	if (scan_should_look(s, r, c, (uint32_t)second) && !scan_alarm_of(r, c, target))
		look(s, r, c, target, second);
}

static void tick(void *self, int64_t second)
{
	struct scan *s = self;
	uint32_t at = s->dirty;
	s->dirty = SCAN_NONE;
	s->asks = 0;
	while (at != SCAN_NONE) {
		struct scan_source *r = &s->source[at];
		at = r->dirty_next;
		r->dirty = false;
		scan_items_expire(s, r, second);
		for (int i = 0; i < SCAN_ALARMS; i++) {
			struct scan_alarm *a = &r->alarms[i];
			if (a->open && a->dirty)
				scan_alarm_tell(s, r, a, second);
			if (a->open && a->dirty) // it waits for its turn
				scan_make_dirty(s, r);
		}
	}
}

static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	(void)from_ns;
	(void)to_ns;
	scan_table_clear(self); // a gap is longer than the window
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "scan",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Port scans and host scans, from outside and inside",
    .summary_ja = "ポートスキャン・ホストスキャンの検知（外部・内部）",
    .needs = YG_NEEDS_CONTACT,
    .options = options,
    .options_count = OPT_COUNT,
    .memory_max = memory_max,
    .create = create,
    .destroy = destroy,
    .contact = contact,
    .gap = gap,
    .tick = tick,
};
