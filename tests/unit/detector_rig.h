// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A host for one detector that is driven through its own ABI: records what is raised, and answers what it may ask from what a
// test has set. The test links the plugin's sources; nothing of the detector is imitated.
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

enum { RIG_START = 1800000000, RIG_KEPT = 8192, RIG_SERVERS = 8 };

struct world {
	void *self;
	union yg_value values[32];
	struct yg_host host;
	struct yg_alert *out;
	uint32_t count, holds;
	char log[512];
	int64_t second;
	uint32_t plan;
	struct yg_org_info town;
	struct yg_answer answer;
	struct yg_server_info server[RIG_SERVERS];
	uint32_t servers;
};

static void rig_raise(void *context, const struct yg_alert *alert)
{
	struct world *w = context;
	assert_true(alert->kind[0] && alert->target_len && alert->time_ns);
	if (alert->hold) {
		w->holds++;
		return;
	}
	assert_true(alert->text_ja[0] && alert->text_en[0] && alert->unit[0] && alert->window_s && alert->series_count);
	assert_true(alert->threshold > 0 && isfinite(alert->observed) && alert->confidence > 0 && alert->confidence <= 1);
	assert_true(w->count < RIG_KEPT);
	w->out[w->count++] = *alert;
}

static const struct yg_org_info *rig_org(void *context, uint16_t index)
{
	struct world *w = context;
	return index == 3 ? &w->town : NULL;
}

static void rig_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors, struct yg_evidence *ret)
{
	(void)context, (void)af, (void)target, (void)len, (void)vectors;
	memset(ret, 0, sizeof *ret);
}

static void rig_log(void *context, int level, const char *text)
{
	struct world *w = context;
	(void)level;
	snprintf(w->log, sizeof w->log, "%s", text);
}

static void rig_ask(void *context, const struct yg_question *question, struct yg_answer *ret)
{
	struct world *w = context;
	assert_true(question->size == sizeof *question && ret->size == sizeof *ret);
	*ret = w->answer;
}

static uint32_t rig_planned(void *context, uint16_t org, int64_t second)
{
	(void)org, (void)second;
	return ((struct world *)context)->plan;
}

static const struct yg_server_info *rig_server(void *context, uint8_t af, const struct yg_addr *addr, uint8_t proto, uint16_t port)
{
	struct world *w = context;
	for (uint32_t i = 0; i < w->servers; i++) {
		const struct yg_server_info *s = &w->server[i];
		if (s->af == af && memcmp(&s->addr, addr, sizeof *addr) == 0 && (!s->port || s->port == port) && (!s->proto || s->proto == proto))
			return s;
	}
	return NULL;
}

static const struct yg_server_info *rig_server_at(void *context, uint32_t index)
{
	struct world *w = context;
	return index < w->servers ? &w->server[index] : NULL;
}

static inline struct yg_addr rig_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct yg_addr addr = {{a, b, c, d}};
	return addr;
}

static inline uint32_t rig_option(const char *path)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++)
		if (strcmp(yagura_plugin.options[i].path, path) == 0)
			return i;
	fail_msg("no option %s", path);
	return 0;
}

static void rig_defaults(union yg_value *values)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++) {
		const struct yg_option *o = &yagura_plugin.options[i];
		if (o->type == YG_OPT_STRING)
			values[i].s = o->fallback;
		else if (o->type == YG_OPT_DURATION || o->type == YG_OPT_FLOAT)
			values[i].f = strtod(o->fallback, NULL); // durations of these detectors are in seconds
		else
			values[i].i = strtol(o->fallback, NULL, 10) * (strstr(o->fallback, "KiB") ? 1024 : 1);
	}
}

static void rig_restart(struct world *w)
{
	if (w->self)
		yagura_plugin.destroy(w->self);
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_non_null(w->self);
}

static inline void rig_declare(struct world *w, struct yg_addr addr, uint8_t af, uint16_t port, uint8_t role, const char *zones)
{
	assert_true(w->servers < RIG_SERVERS);
	w->server[w->servers++] =
	    (struct yg_server_info){.addr = addr, .af = af, .port = port, .org = 3, .role = role, .name = "ns", .zones = zones};
}

static int rig_setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	rig_defaults(w->values);
	w->host = (struct yg_host){.size = sizeof w->host, .context = w, .raise = rig_raise, .org = rig_org, .evidence = rig_evidence,
				   .log = rig_log, .ask = rig_ask, .planned = rig_planned, .server = rig_server, .server_at = rig_server_at};
	w->town = (struct yg_org_info){.code = "072001", .name_ja = "福島町", .name_en = "Fukushima Town", .line_bps = 100000000,
				       .parent = YG_ORG_NONE};
	w->out = calloc(RIG_KEPT, sizeof *w->out);
	w->second = RIG_START;
	rig_restart(w);
	*state = w;
	return 0;
}

static int rig_teardown(void **state)
{
	struct world *w = *state;
	if (w->self)
		yagura_plugin.destroy(w->self);
	free(w->out);
	free(w);
	return 0;
}

static inline const struct yg_alert *rig_last(const struct world *w)
{
	assert_true(w->count > 0);
	return &w->out[w->count - 1];
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
