// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Bodies that fall silent, and bodies whose traffic is far from their habit (see README.md). Thread: the aggregator's.
//
// Windows only add up; judgement comes in tick(), when all windows of the second are there, whatever their order. Silence brings no
// window, so it is counted there too.
#include "body.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACK_DECAY 0.9 // a sum over about ten seconds

enum { LINK_BROKEN_S = 30 };
enum { OPT_BODIES, OPT_LEARN, OPT_BITS, OPT_PACKETS, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
	{"bodies", YG_OPT_INT, "bodies", 1, BODY_ORGS, "300", NULL, "Bodies that are watched; those beyond are counted and left out.",
	 "監視する団体数の上限。超えた団体は対象外とし、件数のみ数える。"},
	{"learn", YG_OPT_DURATION, "s", 86400, 56 * 86400.0, "14d", NULL,
	 "For so long a body's traffic is only learned, not held against its habit; silence is found from the first minutes on.",
	 "平常値の学習期間。途絶の検知は開始数分後から有効。"},
	{"floor_bits", YG_OPT_BPS, "bit/s", 0, 4e11, "1M", NULL,
	 "Traffic below this, or below 5 % of the access line, is no news whatever the habit.",
	 "これ（または回線帯域の5%）を下回る通信量は平常値を超えても通知しない。"},
	{"floor_packets", YG_OPT_INT, "packets/s", 0, 1e9, "200", NULL, "The same for packets.", "同上（パケット数）。"},
};

uint64_t body_memory(uint32_t bodies)
{
	return sizeof(struct body) + bodies * (uint64_t)sizeof(struct body_watch);
}

static uint64_t memory_max(const union yg_value *v)
{
	return body_memory((uint32_t)v[OPT_BODIES].i);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	if (host->size < sizeof *host || !host->planned || !host->week_hour) {
		host->log(host->context, 3, "needs a sensor with calendars (ABI 1.1)");
		return NULL;
	}
	struct body *d = calloc(1, (size_t)memory_max(v));
	if (!d) {
		host->log(host->context, 3, "no memory for its bodies");
		return NULL;
	}
	d->host = host;
	d->bodies = (uint32_t)v[OPT_BODIES].i;
	d->learn_days = v[OPT_LEARN].f / 86400;
	d->floor_bits = (double)v[OPT_BITS].i;
	d->floor_packets = (double)v[OPT_PACKETS].i;
	return d;
}

static void destroy(void *self)
{
	struct body *d = self;
	char text[160];
	if (d && (d->stats.full || d->stats.save_cut || d->stats.save_failed || d->stats.refused)) {
		snprintf(text, sizeof text,
			 "windows of bodies without a place %" PRIu64 ", snapshots folded %" PRIu64 ", without room %" PRIu64 ", refused %" PRIu64,
			 d->stats.full, d->stats.save_cut, d->stats.save_failed, d->stats.refused);
		d->host->log(d->host->context, 1, text);
	}
	free(d);
}

struct body_watch *body_get(struct body *d, uint16_t org, bool make)
{
	if (org >= BODY_ORGS)
		return NULL;
	if (d->at[org])
		return &d->watch[d->at[org] - 1];
	if (!make || d->used == d->bodies)
		return NULL;
	struct body_watch *b = &d->watch[d->used++];
	d->at[org] = (uint16_t)d->used;
	memset(b, 0, sizeof *b);
	b->org = org;
	return b;
}

static void body_window(struct body *d, const struct yg_window *w)
{
	struct body_watch *b = body_get(d, w->org, true);
	if (!b) {
		d->stats.full++;
		return;
	}
	double in = 0, bytes = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		in += w->now.packets[v];
		bytes += (double)w->now.bytes[v];
	}
	if (!b->heard_s) {
		b->heard_s = w->second;
		b->first_s = b->first_s && b->first_s < w->second ? b->first_s : w->second;
		body_recall(d, b, w->second);
	}
	b->second = w->second;
	b->line_bps = w->line_bps;
	b->one_way = w->one_way;
	b->packets[BODY_IN] = in;
	b->packets[BODY_OUT] = w->now.packets_out;
	b->minute[BODY_IN] += in;
	b->minute[BODY_OUT] += w->now.packets_out;
	b->slot[BODY_PACKETS_IN] += in;
	b->slot[BODY_PACKETS_OUT] += w->now.packets_out;
	b->slot[BODY_BITS_IN] += bytes * 8;
	b->slot[BODY_BITS_OUT] += (double)w->now.bytes_out * 8;
}

static void window(void *self, const struct yg_window *w)
{
	struct body *d = self;
	if (w->scope == YG_SCOPE_BODY) {
		body_window(d, w);
	} else if (w->scope == YG_SCOPE_LINK) {
		d->link_second = w->second;
		d->link_packets = w->now.packets_out;
		for (unsigned v = 0; v < YG_VEC_COUNT; v++)
			d->link_packets += w->now.packets[v];
	} else if (w->scope == YG_SCOPE_HOST) {
		struct body_watch *b = body_get(d, w->org, false);
		if (b)
			body_count_host(b, w);
	}
}

static void count_second(struct body_watch *b, int64_t second)
{
	struct body_hope hope;
	enum body_way way = body_hope_of(b, &hope) ? hope.way : b->packets[BODY_OUT] > 0 ? BODY_OUT : BODY_IN;
	if (b->second != second)
		b->packets[BODY_IN] = b->packets[BODY_OUT] = 0;
	for (unsigned w = 0; w < BODY_WAYS; w++)
		b->silent_s[w] = b->packets[w] > 0 ? 0 : b->silent_s[w] + (b->silent_s[w] < UINT32_MAX);
	b->back = b->back * BACK_DECAY + b->packets[way];
}

static void link_minute(struct body *d)
{
	d->link_series[d->link_next++ % BODY_SERIES] = (float)(d->link_minute / 60);
	if (d->link_next == 2 * BODY_SERIES)
		d->link_next = BODY_SERIES;
	d->link_minute = 0;
	d->link_minute_s = 0;
}

// What a snapshot brought is of before.
static void begin(struct body *d, int64_t second)
{
	int64_t silent = 0;
	d->since_s = second;
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		body_recall(d, b, second);
		silent = b->in_mirror && b->silent_at > silent ? b->silent_at : silent;
	}
	d->mirror.since_s = second - silent;
}

static void tick(void *self, int64_t second)
{
	struct body *d = self;
	bool speaks = d->link_second == second;
	if (!d->since_s)
		begin(d, second);
	if (speaks) {
		d->link_minute += d->link_packets;
		d->link_minute_s++;
		if (d->link_silent_s)
			body_judge_gap(d, second, d->link_silent_s);
		d->link_silent_s = 0;
		for (uint32_t i = 0; i < d->used; i++)
			count_second(&d->watch[i], second);
		body_judge_silence(d, second);
	} else if (++d->link_silent_s >= LINK_BROKEN_S) {
		d->slot_broken = true;
	}
	for (uint32_t i = 0; (second + 1) % 60 == 0 && i < d->used; i++)
		body_close_minute(d, &d->watch[i], second);
	for (uint32_t i = 0; (second + 1) % BODY_SLOT_S == 0 && i < d->used; i++)
		body_close_slot(d, &d->watch[i], second);
	if ((second + 1) % 60 == 0)
		link_minute(d);
	if ((second + 1) % BODY_SLOT_S == 0)
		d->slot_broken = d->link_silent_s > 0;
}

// Nothing is known of the time between: what was open begins anew, what was learned stays.
static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	struct body *d = self;
	(void)from_ns;
	d->since_s = to_ns / 1000000000;
	d->link_silent_s = d->link_minute_s = 0;
	d->slot_broken = true;
	d->link_minute = 0;
	d->mirror.open = false;
	for (uint32_t i = 0; i < d->used; i++) {
		struct body_watch *b = &d->watch[i];
		b->dark = b->in_mirror = false;
		b->heard_s = d->since_s;
		b->back = b->host_bytes = 0;
		b->recent_count = b->recent_next = b->recent_minutes = 0;
		b->hour_slots = 0;
		memset(b->silent_s, 0, sizeof b->silent_s);
		memset(b->minute, 0, sizeof b->minute);
		memset(b->slot, 0, sizeof b->slot);
		memset(b->host, 0, sizeof b->host);
		memset(b->beyond, 0, sizeof b->beyond);
		memset(b->told, 0, sizeof b->told);
		body_recall(d, b, d->since_s);
	}
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
	YG_PLUGIN_HEADER,
	.name = "body",
	.version = "1.0",
	.licence = "Apache-2.0",
	.summary_en = "Bodies that fall silent, and traffic of a body far from its habit",
	.summary_ja = "団体の通信途絶と平常値からの乖離の検知",
	.needs = YG_NEEDS_WINDOW,
	.options = options,
	.options_count = OPT_COUNT,
	.memory_max = memory_max,
	.create = create,
	.destroy = destroy,
	.window = window,
	.gap = gap,
	.tick = tick,
	.save = body_save,
	.restore = body_restore,
};
