// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Saturation of the egress and of each declared access line, by direction (see README.md). Thread: the aggregator's.
//
// The window of the link and those of bodies come before those of hosts in a second, so when a line is at a mark, the hosts that fill it
// are gathered from the windows that follow: exact, and without a look at the sample.
#include "line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_BODIES, OPT_CLEAR, OPT_COUNT };

static const struct yg_option options[OPT_COUNT] = {
    {"bodies", YG_OPT_INT, "bodies", 16, 65535, "1024", NULL, "Bodies whose access lines are watched.",
     "アクセス回線を監視する団体の数。"},
    {"clear", YG_OPT_DURATION, "s", 5, 600, "30s", NULL, "An alert closes after so long below 70 % of the mark it crossed.",
     "超えた基準の70%を下回ってから終了とみなすまでの時間。"},
};

static uint64_t memory_max(const union yg_value *v)
{
	return sizeof(struct line_watch) + ((uint64_t)v[OPT_BODIES].i + 1) * sizeof(struct line);
}

static void *create(const struct yg_host *host, const union yg_value *v)
{
	struct line_watch *w = calloc(1, (size_t)memory_max(v));
	if (!w) {
		host->log(host->context, 3, "no memory for its table");
		return NULL;
	}
	w->host = host;
	w->bodies = (uint32_t)v[OPT_BODIES].i;
	w->clear_s = (uint32_t)v[OPT_CLEAR].f;
	w->modern = host->size >= sizeof *host;
	return w;
}

static void destroy(void *self)
{
	struct line_watch *w = self;
	char text[96];
	if (w && w->no_place) {
		snprintf(text, sizeof text, "line: windows of bodies without a place %" PRIu64, w->no_place);
		w->host->log(w->host->context, 0, text);
	}
	free(w);
}

static struct line *line_of(struct line_watch *w, uint16_t org)
{
	return org == YG_ORG_NONE ? &w->line[0] : org < w->bodies ? &w->line[1 + org] : NULL;
}

static bool is_hot(const struct line *line, unsigned direction)
{
	return line->way[direction].bits >= LINE_MEDIUM * (double)line->bps;
}

static void line_window(struct line_watch *w, const struct yg_window *win)
{
	struct line *line = line_of(w, win->scope == YG_SCOPE_LINK ? YG_ORG_NONE : win->org);
	uint64_t packets = 0, bytes = 0, extra = win->scope == YG_SCOPE_LINK ? 0 : LINE_OVERHEAD_BYTES; // the link's are as on the wire
	if (!line) {
		w->no_place++;
		return;
	}
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		packets += win->now.packets[v];
		bytes += win->now.bytes[v];
	}
	line->used = true;
	line->org = win->scope == YG_SCOPE_LINK ? YG_ORG_NONE : win->org;
	line->bps = win->line_bps;
	line->second = win->second;
	line->way[LINE_IN].bits = (double)(bytes + extra * packets) * 8;
	line->way[LINE_OUT].bits = (double)(win->now.bytes_out + extra * win->now.packets_out) * 8;
	for (unsigned i = 0; i < LINE_WAYS; i++) {
		line->way[i].top_count = 0;
		w->hot += is_hot(line, i);
	}
}

// The hosts come in the order of their addresses: of equal ones the first stays.
static void gather(struct line_way *way, const struct yg_window *host, double bits)
{
	unsigned at = way->top_count;
	while (at && way->top[at - 1].bits < bits)
		at--;
	if (at == YG_TOP_MAX || bits <= 0)
		return;
	unsigned last = way->top_count < YG_TOP_MAX ? way->top_count++ : YG_TOP_MAX - 1;
	for (; last > at; last--)
		way->top[last] = way->top[last - 1];
	way->top[at] = (struct line_top){host->addr, host->af, bits};
}

static void host_window(struct line *line, const struct yg_window *host)
{
	if (!line || !line->used || line->second != host->second)
		return;
	uint64_t in = 0;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		in += host->now.bytes[v] + LINE_OVERHEAD_BYTES * (uint64_t)host->now.packets[v];
	if (is_hot(line, LINE_IN))
		gather(&line->way[LINE_IN], host, (double)in * 8);
	if (is_hot(line, LINE_OUT))
		gather(&line->way[LINE_OUT], host, (double)(host->now.bytes_out + LINE_OVERHEAD_BYTES * (uint64_t)host->now.packets_out) * 8);
}

static void window(void *self, const struct yg_window *win)
{
	struct line_watch *w = self;
	if ((win->scope == YG_SCOPE_LINK || (win->scope == YG_SCOPE_BODY && win->org != YG_ORG_NONE)) && win->line_bps)
		line_window(w, win);
	else if (win->scope == YG_SCOPE_HOST && w->hot) {
		host_window(&w->line[0], win);
		if (win->org != YG_ORG_NONE)
			host_window(line_of(w, win->org), win);
	}
}

// ---- the end of a second ----

static bool in_backup(const struct line_watch *w, const struct line *line, int64_t second)
{
	return w->modern && w->host->planned && w->host->planned(w->host->context, line->org, second) & YG_PLAN_BACKUP;
}

static void remember(struct line_way *way, double bits, double bps, int64_t second)
{
	way->medium_s = bits >= LINE_MEDIUM * bps ? way->medium_s + 1 : 0;
	way->high_s = bits >= LINE_HIGH * bps ? way->high_s + 1 : 0;
	way->series[way->series_count % YG_SERIES_MAX] = (float)bits;
	if (++way->series_count == 2 * YG_SERIES_MAX)
		way->series_count = YG_SERIES_MAX;
	if (way->medium_s == 1 && !way->open)
		way->onset = second;
	if (way->open || way->medium_s)
		return;
	way->usual_seconds += way->usual_seconds < LINE_USUAL_S;
	way->usual += (bits - way->usual) / way->usual_seconds;
}

static void step(struct line_watch *w, struct line *line, unsigned direction, int64_t second)
{
	struct line_way *way = &line->way[direction];
	if (line->second != second)
		way->bits = 0;
	remember(way, way->bits, (double)line->bps, second);
	bool high = way->high_s >= LINE_HIGH_S;
	bool medium = (way->open || way->medium_s >= LINE_MEDIUM_S) && !in_backup(w, line, second);
	if (!way->open && !high && !medium)
		return;
	if (!way->open) {
		way->open = true;
		way->high = false;
		way->quiet_s = 0;
	}
	way->high = way->high || high;
	double mark = (way->high ? LINE_HIGH : LINE_MEDIUM) * (double)line->bps;
	if (way->bits >= LINE_HOLD * mark && (way->high || medium)) {
		way->quiet_s = 0;
		line_raise(w, line, direction, second, way->bits < mark);
	} else if (++way->quiet_s >= w->clear_s) {
		way->open = false;
	}
}

static void tick(void *self, int64_t second)
{
	struct line_watch *w = self;
	for (uint32_t i = 0; i <= w->bodies; i++)
		for (unsigned direction = 0; w->line[i].used && direction < LINE_WAYS; direction++)
			step(w, &w->line[i], direction, second);
	w->hot = 0;
}

// What was rising before a gap says nothing about after it; what is usual stays.
static void gap(void *self, int64_t from_ns, int64_t to_ns)
{
	struct line_watch *w = self;
	(void)from_ns;
	(void)to_ns;
	for (uint32_t i = 0; i <= w->bodies; i++)
		for (unsigned direction = 0; direction < LINE_WAYS; direction++) {
			struct line_way *way = &w->line[i].way[direction];
			way->open = false;
			way->medium_s = way->high_s = way->series_count = 0;
		}
}

__attribute__((visibility("default"))) extern const struct yg_plugin yagura_plugin;

const struct yg_plugin yagura_plugin = {
    YG_PLUGIN_HEADER,
    .name = "line",
    .version = "1.0",
    .licence = "Apache-2.0",
    .summary_en = "Saturation of the egress and of declared access lines",
    .summary_ja = "出口回線・アクセス回線の飽和の検知",
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
