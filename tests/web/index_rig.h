// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What tests of the index stand on: the index itself and the real registry of bodies, fed with lines; what people did (state.h) and
// suppressions are given by the test, and Redis is not there: every line is at hand.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "bodies.h"
#include "index.h"
#include "index_parts.h"
#include "suppress.h"

static struct web_server server;
static struct web_group_touch (*touch_for)(uint64_t group); // of a test
static uint16_t (*suppress_for)(const struct web_alert *alert);
static uint64_t suppress_generation;
static struct web_group_touch touched;
static struct web_suppress *const some_suppress = (struct web_suppress *)&suppress_generation;

const struct web_group_touch *web_state_of(const struct web_state *state, uint64_t group)
{
	(void)state;
	touched = touch_for ? touch_for(group) : (struct web_group_touch){0};
	touched.assignee = touched.assignee ? touched.assignee : "";
	touched.changed_by = "";
	return &touched;
}

json_t *web_state_json(const struct web_group_touch *touch)
{
	return json_pack("{s:i}", "version", (int)touch->version);
}

uint16_t web_suppressed(const struct web_suppress *suppress, const struct web_alert *alert, const char *kind)
{
	(void)suppress, (void)kind;
	return suppress_for ? suppress_for(alert) : 0;
}

uint64_t web_suppress_generation(const struct web_suppress *suppress)
{
	return suppress ? suppress_generation : 0;
}

const char *web_suppression_id(const struct web_suppress *suppress, uint16_t number)
{
	(void)suppress, (void)number;
	return "s1";
}

void web_redis_ask(struct web_redis *redis, web_reply done, void *context, int argc, const char **argv, const size_t *sizes)
{
	(void)redis, (void)argc, (void)argv, (void)sizes;
	done(context, NULL);
}

// ---- alerts as a sensor writes them ----

struct spec {
	const char *sensor, *org, *orgs, *kind, *severity, *state, *mode, *source, *target, *proto, *app, *technique, *zone, *vector;
	const char *organisations_text; // of orgs[], ready made; NULL: orgs
	const char *community;          // the member, ready made; NULL: none
	uint64_t id, campaign;
	int64_t first_s, time_s;
	unsigned source_port, target_port, score, count, sla, reopened, pulse;
	double confidence;
};

static const struct spec plain = {.sensor = "egress-1", .org = "kirisasa", .kind = "dos.udp_flood", .severity = "high", .state = "open",
				  .mode = "page",
				  .source = "0.0.0.0", .target = "192.0.2.14", .proto = "UDP", .app = "failed", .technique = "T1498.001", .zone = "internet",
				  .vector = "udp", .id = 1, .first_s = 1795000000, .time_s = 1795000010, .score = 70, .count = 1, .sla = 15, .confidence = 0.5};

static const char *time_text(int64_t s, char to[40])
{
	time_t clock = (time_t)(s + 9 * 3600);
	struct tm tm;
	gmtime_r(&clock, &tm);
	strftime(to, 40, "%Y-%m-%dT%H:%M:%S.000000+0900", &tm);
	return to;
}

static char line[1 << 17];

static size_t write_line(const struct spec *s)
{
	char first[40], now[40];
	const char *slash = strchr(s->target, '/');
	char orgs[256];
	snprintf(orgs, sizeof orgs, "\"%s\"", s->org);
	int n = snprintf(line, sizeof line,
		"{\"timestamp\":\"%s\",\"event_type\":\"alert\",\"host\":\"%s\",%s\"src_ip\":\"%s\",\"src_port\":%u,\"dest_ip\":\"%s\",\"dest_port\":%u,"
		"\"proto\":\"%s\",\"app_proto\":\"%s\",\"alert\":{\"metadata\":{\"mitre_technique_id\":[\"%s\"]},\"context\":{\"id\":\"%016llx\","
		"\"kind\":\"%s\",\"state\":\"%s\",\"score\":%u,\"severity\":\"%s\",\"confidence\":%.2f,\"mode\":\"%s\",\"sla_minutes\":%u,"
		"\"first_seen\":\"%s\",\"last_seen\":\"%s\",\"count\":%u,\"reopened\":%u,\"org\":{\"code\":\"%s\",\"name_ja\":\"\",\"name_en\":\"\"},"
		"\"orgs\":[%s],\"zone\":\"%s\",\"target\":\"%s\",\"vector\":\"%s\",\"campaign\":\"%016llx\",\"pulse\":%u,"
		"\"why\":{\"text_ja\":\"%sへの攻撃の疑い\",\"text_en\":\"Suspected attack on %s\"}}}}",
		time_text(s->time_s, now), s->sensor,
		s->community ? s->community : "", s->source, s->source_port, slash ? "0.0.0.0" : s->target, s->target_port, s->proto, s->app,
		s->technique, (unsigned long long)s->id, s->kind, s->state, s->score, s->severity, s->confidence, s->mode, s->sla,
		time_text(s->first_s, first), now, s->count, s->reopened, s->org, s->organisations_text ? s->organisations_text : s->org[0] ? orgs : "",
		s->zone, s->target, s->vector, (unsigned long long)s->campaign, s->pulse, s->target, s->target);
	assert_in_range(n, 1, sizeof line - 1);
	return (size_t)n;
}

static uint64_t next_sequence;

static enum web_taken take_spec(const struct spec *s, uint32_t *ret_alert)
{
	size_t n = write_line(s);
	return web_index_take(server.index, s->sensor, (struct web_entry){3, ++next_sequence}, line, n, ret_alert);
}

static uint32_t must_take(const struct spec *s)
{
	uint32_t at;
	assert_int_equal(take_spec(s, &at), WEB_TAKEN_NEW);
	return at;
}

static int begin_index(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	setenv("TZ", "Asia/Tokyo", 1);
	touch_for = NULL;
	suppress_for = NULL;
	suppress_generation = 0;
	next_sequence = 0;
	memset(&server, 0, sizeof server);
	server.state = (struct web_state *)&touched;
	server.bodies = web_bodies_load(YG_SOURCE_ROOT "/configs/demo.yaml");
	server.index = server.bodies ? web_index_create(&server) : NULL;
	return server.index ? 0 : -1;
}

static int end_index(void **state)
{
	(void)state;
	web_index_destroy(server.index);
	web_bodies_free(server.bodies);
	return 0;
}

static struct web_user viewer;

// Of a role with the scope of all, or of one body.
static struct web_view view_of(enum web_role role, const char *code)
{
	struct web_view view;
	memset(&viewer, 0, sizeof viewer);
	snprintf(viewer.name, sizeof viewer.name, "sato");
	viewer.role = role;
	viewer.scope.all = !code;
	if (code) {
		uint16_t at = web_body_find(server.bodies, code);
		assert_int_not_equal(at, WEB_BODY_NONE);
		viewer.scope.body[at / 64] |= UINT64_C(1) << at % 64;
	}
	assert_true(web_access_view(&viewer, WEB_MAY_VIEW, false, &view));
	return view;
}
