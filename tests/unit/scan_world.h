// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A host for the scan detector in its tests: contacts go in with a clock of the test's own, alerts are kept.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yagura/plugin.h"

extern const struct yg_plugin yagura_plugin;

enum { START = 1800000000, KEPT = 16384, EPHEMERAL = 51234 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

struct world {
	void *self;
	union yg_value values[16];
	struct yg_host host;
	struct yg_alert *out;
	uint32_t count;
	char log[256];
	int64_t second;
	uint64_t packet;
};

static inline void on_raise(void *context, const struct yg_alert *alert)
{
	struct world *w = context;
	assert_true(w->count < KEPT);
	w->out[w->count++] = *alert;
}

static inline const struct yg_org_info *on_org(void *context, uint16_t index)
{
	static const struct yg_org_info town = {"072001", "福島町", "Fukushima Town", 10000000, YG_ORG_NONE, 0};
	(void)context;
	return index == 3 ? &town : NULL;
}

static inline void on_evidence(void *context, uint8_t af, const struct yg_addr *target, uint8_t len, uint32_t vectors,
                        struct yg_evidence *ret)
{
	(void)context, (void)af, (void)target, (void)len, (void)vectors;
	memset(ret, 0, sizeof *ret);
}

static inline void on_log(void *context, int level, const char *text)
{
	struct world *w = context;
	(void)level;
	snprintf(w->log, sizeof w->log, "%s", text);
}

static inline void defaults(union yg_value *values)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++) {
		const struct yg_option *o = &yagura_plugin.options[i];
		if (o->type == YG_OPT_STRING)
			values[i].s = o->fallback;
		else if (o->type == YG_OPT_DURATION)
			values[i].f = 300;
		else
			values[i].i = strtol(o->fallback, NULL, 10);
	}
}

static inline uint32_t option(const char *path)
{
	for (uint32_t i = 0; i < yagura_plugin.options_count; i++)
		if (strcmp(yagura_plugin.options[i].path, path) == 0)
			return i;
	fail_msg("no option %s", path);
	return 0;
}

static inline void restart(struct world *w)
{
	if (w->self)
		yagura_plugin.destroy(w->self);
	w->self = yagura_plugin.create(&w->host, w->values);
	assert_non_null(w->self);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	defaults(w->values);
	w->host = (struct yg_host){sizeof w->host, w, on_raise, on_org, on_evidence, on_log};
	w->out = calloc(KEPT, sizeof *w->out);
	w->second = START;
	restart(w);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	if (w->self)
		yagura_plugin.destroy(w->self);
	free(w->out);
	free(w);
	return 0;
}

// From 198.51.100.7 to 203.0.113.<host>; internal[1] unless turned round by the caller.
static inline struct yg_contact tcp(uint8_t host, uint16_t port, uint8_t flags, uint8_t outcome)
{
	struct yg_contact c = {.af = 4,
	                       .proto = 6,
	                       .tcp_flags = flags,
	                       .outcome = outcome,
	                       .internal = {0, 1},
	                       .org = {YG_ORG_NONE, 3},
	                       .port = {EPHEMERAL, port},
	                       .packets = {1, outcome != YG_CONTACT_SILENT}};
	memcpy(c.addr[0].b, (uint8_t[]){198, 51, 100, 7}, 4);
	memcpy(c.addr[1].b, (uint8_t[]){203, 0, 113, host}, 4);
	return c;
}

static inline struct yg_contact udp(uint8_t host, uint16_t port, uint8_t outcome)
{
	struct yg_contact c = tcp(host, port, 0, outcome);
	c.proto = 17;
	return c;
}

static inline struct yg_contact inside(struct yg_contact c)
{
	struct yg_addr a = c.addr[0];
	c.addr[0] = c.addr[1];
	c.addr[1] = a;
	c.addr[1].b[3] = c.addr[0].b[3];
	c.addr[0].b[3] = 200;
	c.internal[0] = 1;
	c.internal[1] = 0;
	c.org[0] = 3;
	c.org[1] = YG_ORG_NONE;
	return c;
}

static inline void send_as_it_is(struct world *w, struct yg_contact c)
{
	c.packet = ++w->packet;
	c.time_ns = c.event_ns = w->second * INT64_C(1000000000) + (int64_t)(w->packet % 1000) * 1000000;
	yagura_plugin.contact(w->self, &c);
}

// As a TCP stack would: each attempt from a port of its own.
static inline void send(struct world *w, struct yg_contact c)
{
	if (c.port[0] == EPHEMERAL)
		c.port[0] = (uint16_t)(EPHEMERAL + w->packet % 10000);
	send_as_it_is(w, c);
}

static inline void next_second(struct world *w)
{
	yagura_plugin.tick(w->self, w->second++);
}

// Distinct alerts by everything that is part of their key here.
static inline uint32_t distinct(const struct world *w)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < w->count; i++) {
		const struct yg_alert *a = &w->out[i];
		bool seen = false;
		for (uint32_t k = 0; k < i && !seen; k++) {
			const struct yg_alert *b = &w->out[k];
			seen = strcmp(a->kind, b->kind) == 0 && memcmp(&a->source, &b->source, 16) == 0 &&
			       memcmp(&a->target, &b->target, 16) == 0 && a->target_len == b->target_len &&
			       a->target_port == b->target_port && a->proto == b->proto;
		}
		n += !seen;
	}
	return n;
}
