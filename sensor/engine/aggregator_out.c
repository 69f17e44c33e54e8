// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See aggregator_out.h. A replay waits for room in the ring of flow records; for alerts it waits as long as `redis.drain` says in all
// (Redis may be away), then they are counted as not sent. Live neither waits.
//
// Steps of the clock are kept in a ring, since a hostile file steps back with every packet. What is older than the oldest step kept is
// printed with the offset of the last one forgotten, the nearest that is known, and counted: a flow that has lived through 4,096 steps.
#include "engine/aggregator_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/ring.h"

enum { STEPS_MAX = 4096, APP_CELLS = 4096 };

struct step {
	int64_t from_ns, offset_ns;
};

struct yg_out {
	struct yg_out_options o;
	int64_t patience_ms;
	uint64_t steps_first, steps_end; // kept: [first, end), each at its number modulo STEPS_MAX
	int64_t offset_before;           // of what is older than the first
	struct step steps[STEPS_MAX];
	struct yg_lifecycle_stats before; // what earlier engines counted
	uint16_t app_cell[APP_CELLS]; // index + 1 into stats->apps
	uint16_t app_of[APP_CELLS];   // the same, as last found for these numbers of a protocol: a guess, which spares the hash of its name
};

static void count(struct yg_out *out, enum yg_aggregator_counter counter)
{
	yg_counter_add(&out->o.stats->aggregator[counter], 1);
}

static uint32_t app_cell(const char *name, size_t size)
{
	return (uint32_t)yg_hash(&yg_hash_key_replay, name, strnlen(name, size)) % APP_CELLS;
}

// Applications that an earlier engine has counted.
static void find_apps(struct yg_out *out)
{
	const struct yg_engine_stats *stats = out->o.stats;
	uint64_t used = yg_counter_get(&stats->apps_count);
	for (uint32_t i = 0; i < used && i < YG_SUMMARY_APPS; i++) {
		uint32_t c = app_cell(stats->apps[i].name, sizeof stats->apps[i].name);
		while (out->app_cell[c])
			c = (c + 1) % APP_CELLS;
		out->app_cell[c] = (uint16_t)(i + 1);
	}
}

struct yg_out *yg_out_create(const struct yg_out_options *options)
{
	struct yg_out *out = calloc(1, sizeof *out);
	if (!out)
		return NULL;
	out->o = *options;
	out->patience_ms = yg_config_ns(options->config, YG_O_REDIS_DRAIN) / YG_NS_PER_MS;
	const struct yg_counter *c = options->stats->aggregator;
	out->before = (struct yg_lifecycle_stats){
		.raised = yg_counter_get(&c[YG_AC_ALERTS_RAISED]),
		.suppressed = yg_counter_get(&c[YG_AC_ALERTS_SUPPRESSED]),
		.opened = yg_counter_get(&c[YG_AC_ALERTS_OPENED]),
		.closed = yg_counter_get(&c[YG_AC_ALERTS_CLOSED]),
		.table_full = yg_counter_get(&c[YG_AC_ALERTS_TABLE_FULL]),
		.held = yg_counter_get(&c[YG_AC_ALERTS_HELD]),
		.reopened = yg_counter_get(&c[YG_AC_ALERTS_REOPENED]),
		.closed_full = yg_counter_get(&c[YG_AC_ALERTS_CLOSED_FULL]),
	};
	find_apps(out);
	return out;
}

void yg_out_retune(struct yg_out *out, const struct yg_config *config)
{
	out->o.config = config;
}

void yg_out_destroy(struct yg_out *out)
{
	free(out);
}

// ---- own stamps ----

void yg_out_offset(struct yg_out *out, int64_t time_ns, int64_t offset_ns)
{
	int64_t now = out->steps_end ? out->steps[(out->steps_end - 1) % STEPS_MAX].offset_ns : 0;
	if (offset_ns == now)
		return;
	count(out, YG_AC_TIME_STEPS);
	if (out->steps_end - out->steps_first == STEPS_MAX) {
		out->offset_before = out->steps[out->steps_first++ % STEPS_MAX].offset_ns;
		count(out, YG_AC_TIME_STEPS_FORGOTTEN);
	}
	out->steps[out->steps_end++ % STEPS_MAX] = (struct step){time_ns, offset_ns};
}

static int64_t own_stamp(struct yg_out *out, int64_t ns)
{
	uint64_t low = out->steps_first, high = out->steps_end; // to become the number of the first step after ns
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (out->steps[middle % STEPS_MAX].from_ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > out->steps_first)
		return ns - out->steps[(low - 1) % STEPS_MAX].offset_ns;
	if (out->steps_first)
		count(out, YG_AC_TIME_STAMPS_UNSURE);
	return ns - out->offset_before;
}

// ---- totals ----

static struct yg_app_total *find_app(struct yg_out *out, const char *name, size_t size)
{
	struct yg_engine_stats *stats = out->o.stats;
	uint32_t used = (uint32_t)yg_counter_get(&stats->apps_count);
	uint32_t c = app_cell(name, size);
	for (; out->app_cell[c]; c = (c + 1) % APP_CELLS)
		if (strncmp(stats->apps[out->app_cell[c] - 1].name, name, size) == 0)
			return &stats->apps[out->app_cell[c] - 1];
	if (used == YG_SUMMARY_APPS) {
		count(out, YG_AC_APPS_FULL);
		return NULL;
	}
	memcpy(stats->apps[used].name, name, size);
	out->app_cell[c] = (uint16_t)(used + 1);
	yg_counter_set(&stats->apps_count, used + 1);
	return &stats->apps[used];
}

static struct yg_app_total *app_total(struct yg_out *out, const struct yg_flow *f)
{
	struct yg_app_total *apps = out->o.stats->apps;
	uint16_t *guess = &out->app_of[(f->proto_master * 61u + f->proto_app) % APP_CELLS];
	if (*guess && strncmp(apps[*guess - 1].name, f->proto_name, sizeof f->proto_name) == 0)
		return &apps[*guess - 1];
	struct yg_app_total *found = find_app(out, f->proto_name, sizeof f->proto_name);
	if (found)
		*guess = (uint16_t)(found - apps + 1);
	return found;
}

static void add_org(struct yg_out *out, uint16_t org, uint64_t in, uint64_t away)
{
	struct yg_org_total *t = &out->o.stats->orgs[org < YG_SUMMARY_ORGS - 2 ? org : YG_SUMMARY_ORGS - 2];
	yg_counter_add(&t->flows, 1);
	yg_counter_add(&t->bytes_in, in);
	yg_counter_add(&t->bytes_out, away);
}

static void add_totals(struct yg_out *out, const struct yg_flow *f)
{
	struct yg_app_total *app = app_total(out, f);
	if (app) {
		yg_counter_add(&app->flows, 1);
		yg_counter_add(&app->packets, f->packets[0] + f->packets[1]);
		yg_counter_add(&app->bytes, f->bytes[0] + f->bytes[1]);
	}
	// Sent by end i is away from i's body and into the other's.
	if (f->org[0] != YG_ORG_NONE)
		add_org(out, f->org[0], f->bytes[1], f->bytes[0]);
	if (f->org[1] != YG_ORG_NONE && f->org[1] != f->org[0])
		add_org(out, f->org[1], f->bytes[0], f->bytes[1]);
	if (f->org[0] == YG_ORG_NONE && f->org[1] == YG_ORG_NONE)
		add_org(out, YG_ORG_NONE, f->bytes[0], f->bytes[1]);
}

// ---- to the courier ----

void yg_out_flow(struct yg_out *out, const struct yg_flow *flow)
{
	bool ended = flow->event == YG_FLOW_ENDED;
	struct yg_ring *ring = out->o.flows;
	if (ended)
		add_totals(out, flow);
	if (!out->o.records_wanted) {
		if (ended)
			count(out, YG_AC_RECORDS_SHED_NO_SINK);
		return;
	}
	while (out->o.replay && !yg_ring_has_room(ring, 1) && !ring->broken)
		yg_ring_wait_room(ring, 1, 50);
	if (!yg_ring_has_room(ring, 1)) {
		if (ended)
			count(out, YG_AC_RECORDS_SHED_RING_FULL);
		return;
	}
	struct yg_flow *to = yg_ring_slot(ring, ring->own);
	*to = *flow;
	to->first_ns = own_stamp(out, flow->first_ns);
	to->last_ns = own_stamp(out, flow->last_ns);
	to->event_ns = own_stamp(out, flow->event_ns);
	yg_ring_push(ring, 1);
	count(out, ended ? YG_AC_RECORDS_WRITTEN : YG_AC_RECORDS_UPDATES);
}

static bool room_for_alert(struct yg_out *out)
{
	struct yg_ring *ring = out->o.alerts;
	while (out->o.replay && out->patience_ms > 0 && !yg_ring_has_room(ring, 1) && !ring->broken) {
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		yg_ring_wait_room(ring, 1, 50);
		clock_gettime(CLOCK_MONOTONIC, &after);
		out->patience_ms -= (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 + 1;
	}
	return yg_ring_has_room(ring, 1);
}

// The number that the next alert of this run has, given up or not: all that went into the ring, and all that found it full. Both are
// kept in the ring itself, so that it goes on under another engine, and a death between two alerts spends none.
static uint64_t next_sequence(const struct yg_ring *ring)
{
	return ring->own + yg_ring_told(ring, YG_ALERTS_LOST) + yg_ring_told(ring, YG_ALERTS_LOST_HIGH) + 1;
}

static void give_up(struct yg_out *out, const struct yg_alert *alert)
{
	bool high = alert->severity >= YG_SEV_HIGH;
	unsigned word = high ? YG_ALERTS_LOST_HIGH : YG_ALERTS_LOST;
	yg_ring_tell(out->o.alerts, word, yg_ring_told(out->o.alerts, word) + 1);
	count(out, YG_AC_ALERTS_RING_FULL);
	if (high)
		count(out, YG_AC_ALERTS_RING_FULL_HIGH);
}

int yg_out_alert(struct yg_out *out, const struct yg_alert *alert)
{
	struct yg_ring *ring = out->o.alerts;
	if (!room_for_alert(out)) {
		give_up(out, alert);
		return -ENOBUFS;
	}
	struct yg_alert *to = yg_ring_slot(ring, ring->own);
	*to = *alert;
	to->sequence = next_sequence(ring);
	to->time_ns = own_stamp(out, alert->time_ns);
	to->first_ns = own_stamp(out, alert->first_ns);
	to->last_ns = own_stamp(out, alert->last_ns);
	if (alert->next_ns)
		to->next_ns = own_stamp(out, alert->next_ns);
	if (alert->series_count)
		to->series_start = own_stamp(out, alert->series_start * YG_NS_PER_S) / YG_NS_PER_S;
	yg_ring_push(ring, 1);
	yg_ring_publish(ring);
	count(out, YG_AC_ALERTS_SENT);
	return 0;
}

void yg_out_publish(struct yg_out *out)
{
	yg_ring_publish(out->o.flows);
	yg_ring_publish(out->o.alerts);
}

void yg_out_counts(struct yg_out *out, const struct yg_lifecycle_stats *alerts)
{
	struct yg_counter *c = out->o.stats->aggregator;
	yg_counter_set(&c[YG_AC_ALERTS_RAISED], out->before.raised + alerts->raised);
	yg_counter_set(&c[YG_AC_ALERTS_SUPPRESSED], out->before.suppressed + alerts->suppressed);
	yg_counter_set(&c[YG_AC_ALERTS_OPENED], out->before.opened + alerts->opened);
	yg_counter_set(&c[YG_AC_ALERTS_CLOSED], out->before.closed + alerts->closed);
	yg_counter_set(&c[YG_AC_ALERTS_TABLE_FULL], out->before.table_full + alerts->table_full);
	yg_counter_set(&c[YG_AC_ALERTS_HELD], out->before.held + alerts->held);
	yg_counter_set(&c[YG_AC_ALERTS_REOPENED], out->before.reopened + alerts->reopened);
	yg_counter_set(&c[YG_AC_ALERTS_CLOSED_FULL], out->before.closed_full + alerts->closed_full);
}

void yg_out_finish(struct yg_out *out, const struct yg_lifecycle_stats *alerts)
{
	yg_out_counts(out, alerts);
	yg_ring_close(out->o.flows);
	yg_ring_close(out->o.alerts);
}
