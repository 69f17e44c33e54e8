// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the tests of the body detector share: a host of their own, and seconds of traffic of up to eight bodies. Four weeks are learned
// once, saved, and restored by each test that needs them, so that every such test goes through the snapshot too.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yagura/plugin.h"

extern const struct yg_plugin yagura_plugin;

enum { TOWNS = 8, KEPT = 4096, DAY = 86400, SAVED = 4 << 20, OPTIONS = 4 };

// 2026-06-01 00:00 in Japan, a Monday.
static const int64_t monday = 1780239600;

struct world {
	void *self;
	union yg_value values[OPTIONS];
	struct yg_host host;
	struct yg_alert *out;
	uint32_t count;
	uint32_t planned[TOWNS]; // YG_PLAN_* of now
	bool sunday;             // a holiday
	int64_t second;
	double rate[TOWNS];      // of what is usual; 0: silent
	double knocking;         // packets a second that strangers go on sending to each
	bool link;               // others than the bodies speak
	float one_way;
	bool inward;             // the mirror shows only what goes to them
	char log[256];
};

static uint8_t *learned;
static uint32_t learned_size;
static int64_t learned_until;

static inline void on_raise(void *context, const struct yg_alert *alert)
{
	struct world *w = context;
	assert_true(w->count < KEPT);
	w->out[w->count++] = *alert;
}

static inline const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info towns[TOWNS] = {
		{.code = "shiomi", .name_ja = "汐見市", .name_en = "Shiomi City", .line_bps = 100000000, .parent = YG_ORG_NONE},
		{.code = "kirihara", .name_ja = "霧原町", .name_en = "Kirihara Town", .line_bps = 10000000, .parent = YG_ORG_NONE},
		{.code = "t2", .name_ja = "団体二", .name_en = "Body 2"}, {.code = "t3", .name_ja = "団体三", .name_en = "Body 3"},
		{.code = "t4", .name_ja = "団体四", .name_en = "Body 4"}, {.code = "t5", .name_ja = "団体五", .name_en = "Body 5"},
		{.code = "t6", .name_ja = "団体六", .name_en = "Body 6"}, {.code = "t7", .name_ja = "団体七", .name_en = "Body 7"},
	};
	(void)context;
	return index < TOWNS ? &towns[index] : NULL;
}

static inline void on_log(void *context, int level, const char *text)
{
	struct world *w = context;
	(void)level;
	snprintf(w->log, sizeof w->log, "%s", text);
}

static inline uint32_t on_planned(void *context, uint16_t org, int64_t second)
{
	const struct world *w = context;
	(void)second;
	return org < TOWNS ? w->planned[org] : 0;
}

static inline unsigned hour_of_week(int64_t second)
{
	return (unsigned)((second + 9 * 3600 + 4 * DAY) / 3600 % 168);
}

static inline unsigned on_week_hour(void *context, uint16_t org, int64_t second)
{
	const struct world *w = context;
	(void)org;
	return w->sunday ? hour_of_week(second) % 24 : hour_of_week(second);
}

static inline struct world *make_world(void)
{
	static const union yg_value values[OPTIONS] = {{.i = TOWNS}, {.f = 14 * DAY}, {.i = 1000000}, {.i = 200}};
	struct world *w = calloc(1, sizeof *w);
	memcpy(w->values, values, sizeof values);
	w->host = (struct yg_host){.size = sizeof w->host, .context = w, .raise = on_raise, .org = on_org, .log = on_log,
				   .planned = on_planned, .week_hour = on_week_hour};
	w->out = calloc(KEPT, sizeof *w->out);
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_non_null(w->self);
	w->second = monday;
	w->link = true;
	for (unsigned i = 0; i < TOWNS; i++)
		w->rate[i] = i < 3 ? 1 : 0;
	return w;
}

static inline void end_world(struct world *w)
{
	yagura_plugin.destroy(w->self);
	free(w->out);
	free(w);
}

static inline int setup(void **state)
{
	*state = make_world();
	return 0;
}

static inline int setup_learned(void **state)
{
	struct world *w = make_world();
	assert_int_equal(yagura_plugin.restore(w->self, learned, learned_size), 0);
	w->second = learned_until;
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	end_world(*state);
	return 0;
}

// ---- traffic ----

// Packets a second that a body sends: 40 in office hours, 10 at other times; and a little noise, the same in every run.
static inline double usual(int64_t second)
{
	unsigned hour = hour_of_week(second), day = hour / 24;
	bool office = day >= 1 && day <= 5 && hour % 24 >= 8 && hour % 24 < 18;
	uint64_t noise = (uint64_t)second * UINT64_C(0x9e3779b97f4a7c15) >> 60; // 0 to 15
	return (office ? 40 : 10) * (0.9 + (double)noise / 75);
}

static inline struct yg_window window_of(const struct world *w, uint8_t scope)
{
	return (struct yg_window){.second = w->second, .scope = scope, .af = 4, .org = YG_ORG_NONE, .one_way = w->one_way, .warm = 1};
}

static inline void send_body(struct world *w, uint16_t org, double scale)
{
	double packets = scale > 0 ? ceil(usual(w->second) * scale) : 0;
	struct yg_window window = window_of(w, YG_SCOPE_BODY);
	window.org = org;
	window.line_bps = on_org(w, org)->line_bps;
	window.now.packets_out = w->inward ? 0 : (uint32_t)packets;
	window.now.bytes_out = window.now.packets_out * 200u;
	window.now.packets[YG_VEC_DOWNLOAD] = (uint32_t)packets;
	window.now.bytes[YG_VEC_DOWNLOAD] = (uint64_t)packets * 1000;
	window.now.packets[YG_VEC_SYN] = (uint32_t)w->knocking;
	if (!window.now.packets_out && !window.now.packets[YG_VEC_DOWNLOAD] && !window.now.packets[YG_VEC_SYN])
		return;
	yagura_plugin.window(w->self, &window);
	for (uint8_t i = 0; packets > 0 && i < 3; i++) {
		struct yg_window host = window;
		host.scope = YG_SCOPE_HOST;
		host.addr = (struct yg_addr){{192, 0, (uint8_t)org, (uint8_t)(i + 1)}};
		host.now.bytes_out = window.now.bytes_out * (3u - i) / 6;
		host.now.bytes[YG_VEC_DOWNLOAD] = window.now.bytes[YG_VEC_DOWNLOAD] * (3u - i) / 6;
		yagura_plugin.window(w->self, &host);
	}
}

static inline void run(struct world *w, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++, w->second++) {
		struct yg_window link = window_of(w, YG_SCOPE_LINK);
		bool any = w->link;
		for (uint16_t org = 0; org < TOWNS; org++) {
			any = any || w->rate[org] > 0 || w->knocking > 0;
			send_body(w, org, w->rate[org]);
		}
		link.now.packets[YG_VEC_UDP] = 100;
		if (any)
			yagura_plugin.window(w->self, &link);
		yagura_plugin.tick(w->self, w->second);
	}
}

static inline int learn(void **state)
{
	(void)state;
	struct world *w = make_world();
	run(w, 28 * DAY + 10 * 3600); // to a Monday, 10:00
	assert_int_equal(w->count, 0);
	learned = malloc(SAVED);
	learned_size = yagura_plugin.save(w->self, learned, SAVED);
	assert_true(learned_size > 0);
	learned_until = w->second;
	end_world(w);
	return 0;
}

static inline int forget(void **state)
{
	(void)state;
	free(learned);
	return 0;
}

// Alerts of a kind about a body (YG_ORG_NONE: about none); the first of them in ret_first.
static inline unsigned told(const struct world *w, const char *kind, uint16_t org, const struct yg_alert **ret_first)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		if (strcmp(w->out[i].kind, kind) != 0 || w->out[i].org != org)
			continue;
		if (!count++ && ret_first)
			*ret_first = &w->out[i];
	}
	return count;
}

static inline void assert_explained(const struct yg_alert *a)
{
	assert_true(a->text_ja[0] && a->text_en[0] && a->unit[0] && a->window_s && a->series_count && a->series_step_s && a->top_count);
	assert_true(strlen(a->text_ja) < YG_TEXT_MAX - 80 && strlen(a->text_en) < YG_TEXT_MAX - 80); // room for what the host adds
	assert_true(a->confidence > 0 && a->confidence <= 1 && a->threshold > 0);
	assert_true(a->series_high >= a->series_low && a->series_high > 0);
	for (unsigned i = 0; i < a->top_count; i++)
		assert_true(a->top[i].share > 0 && a->top[i].share <= 1 && (!i || a->top[i].share <= a->top[i - 1].share + 1e-6f));
}
