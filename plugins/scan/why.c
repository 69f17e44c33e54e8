// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What an alert shows beside its numbers: who it was, and the attempts over the window.
#include "scan.h"

enum { STEPS = 60, ICMP = 1, ICMP6 = 58 };

static bool belongs(const struct scan_alarm *alarm, const struct scan_item *item)
{
	bool ping = item->proto == ICMP || item->proto == ICMP6;
	return alarm->horizontal ? item->port == alarm->port && item->proto == alarm->proto : item->target == alarm->target && !ping;
}

struct steps {
	int64_t end; // the last second of the last step
	uint32_t step_s, count;
	float value[STEPS]; // the last one first
};

static void add(struct steps *t, const struct scan_alarm *alarm, const struct scan_item *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		// The low bits of both: events of one second may come a little out of turn.
		int32_t age = (int32_t)((uint32_t)t->end - items[i].second);
		uint32_t at = age < 0 ? 0 : (uint32_t)age / t->step_s;
		if (!belongs(alarm, &items[i]) || at >= STEPS)
			continue;
		t->value[at]++;
		t->count = at >= t->count ? at + 1 : t->count;
	}
}

// Attempts in each step since the first. An attempt counts where it was made last. Normal is what does not reach the line within the
// window if it goes on.
static void fill_series(const struct scan *s, const struct scan_source *r, const struct scan_alarm *alarm, struct yg_alert *a)
{
	// An update's time is the end of its second, an opening's lies within.
	struct steps t = {.end = (a->time_ns - 1) / INT64_C(1000000000), .step_s = (s->window_s + STEPS - 1) / STEPS, .count = 1};
	uint32_t left = r->count, inline_items = left < SCAN_INLINE ? left : SCAN_INLINE;
	add(&t, alarm, r->items, inline_items);
	left -= inline_items;
	for (uint32_t chunk = r->first_chunk; left; chunk = s->chunk[chunk].next) {
		uint32_t count = left < SCAN_CHUNK ? left : SCAN_CHUNK;
		add(&t, alarm, s->chunk[chunk].items, count);
		left -= count;
	}
	for (uint32_t i = 0; i < t.count; i++)
		a->series[i] = t.value[t.count - 1 - i];
	a->series_count = (uint8_t)t.count;
	a->series_step_s = t.step_s;
	a->series_start = t.end + 1 - (int64_t)t.count * t.step_s;
	a->series_low = 0;
	a->series_high = (float)(a->threshold * t.step_s / s->window_s);
}

void scan_fill_why(const struct scan *s, const struct scan_source *r, const struct scan_alarm *alarm, struct yg_alert *a)
{
	a->baseline = 0; // nothing is learned: nobody has a habit of scanning
	a->sources_at_least = 1;
	a->top_count = 1;
	a->top[0] = (struct yg_alert_top){.addr = r->addr, .af = r->af, .share = 1};
	fill_series(s, r, alarm, a);
}
