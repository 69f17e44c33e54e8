// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See points.h. A step whose points do not all fit loses those that do not; its last, the sensor's, may be among them, and a reader takes
// the next step's as the end of both.
#include "engine/points.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"

enum { STEPS = YG_POINT_STEPS, ALL = YG_POINT_ORGS }; // the place of the whole sensor

static const uint32_t step_s[STEPS] = {YG_POINT_SECOND, YG_POINT_MINUTE, YG_POINT_HOUR};

struct yg_points {
	struct yg_points_options o;
	struct yg_ring ring;
	struct yg_points_open *open; // behind the ring
	uint64_t flows, lost;        // as counted at the last close
	int64_t patience_ms;
	bool wanted;
};

bool yg_points_wanted(const struct yg_config *config)
{
	return yg_config_string(config, YG_O_REDIS_URL)[0] && yg_config_int(config, YG_O_REDIS_METRICS) && yg_config_spooled(config);
}

static uint64_t flows_of(const struct yg_engine_stats *stats)
{
	uint64_t flows = 0;
	for (unsigned i = 0; i < YG_WORKERS_MAX; i++)
		flows += yg_counter_get(&stats->worker[i].c[YG_WC_FLOW_CREATED]);
	return flows;
}

// Frames that came to a port, or to a worker, and that nobody looked at.
static uint64_t lost_of(const struct yg_engine_stats *stats)
{
	uint64_t lost = 0;
	for (unsigned i = 0; i < YG_WORKERS_MAX; i++)
		lost += yg_counter_get(&stats->worker[i].c[YG_WC_HANDED_FULL]);
	for (unsigned i = 0; i < YG_PORTS_MAX; i++) {
		const struct yg_port_stats *p = &stats->port[i];
		lost += yg_counter_get(&p->missed) + yg_counter_get(&p->nombuf);
		lost += yg_counter_get(&p->kernel_drops_known) ? yg_counter_get(&p->kernel_drops) : 0;
	}
	return lost;
}

static uint64_t bodies_of(const struct yg_config *config)
{
	uint64_t hash = config->orgs_count + 1;
	for (uint32_t i = 0; i < config->orgs_count; i++) {
		const uint64_t pair[2] = {hash, yg_hash(&yg_hash_key_replay, config->orgs[i].code, sizeof config->orgs[i].code)};
		hash = yg_hash(&yg_hash_key_replay, pair, sizeof pair);
	}
	return hash;
}

// What an engine before this one has begun for bodies of another configuration is given up; what it has for the sensor holds.
static void take_over(struct yg_points *p)
{
	uint64_t bodies = bodies_of(p->o.config);
	if (p->open->bodies != bodies) {
		memset(p->open->second, 0, sizeof p->open->second[0] * ALL);
		for (unsigned i = 0; i < STEPS - 1; i++)
			memset(p->open->longer[i].value, 0, sizeof p->open->longer[i].value[0] * ALL);
	}
	p->open->bodies = bodies;
}

struct yg_points *yg_points_create(const struct yg_points_options *options)
{
	struct yg_points *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	int error = options->size < yg_points_bytes()
			    ? -EBADMSG
			    : yg_ring_attach(&p->ring, options->memory, options->size, sizeof(struct yg_point), true);
	if (error) {
		free(p);
		errno = -error;
		return NULL;
	}
	p->o = *options;
	p->open = (struct yg_points_open *)((char *)options->memory + yg_points_ring_bytes());
	take_over(p);
	yg_points_retune(p, options->config);
	p->patience_ms = yg_config_ns(options->config, YG_O_REDIS_DRAIN) / YG_NS_PER_MS;
	return p;
}

void yg_points_destroy(struct yg_points *p)
{
	free(p);
}

void yg_points_retune(struct yg_points *p, const struct yg_config *config)
{
	if (!p)
		return;
	bool wanted = yg_points_wanted(config);
	p->o.config = config;
	if (wanted && !p->wanted) { // what was counted while nobody wanted points is of no second
		p->flows = flows_of(p->o.stats);
		p->lost = lost_of(p->o.stats);
	}
	p->wanted = wanted;
}

// ---- what a second brings ----

static void add(struct yg_points *p, unsigned place, enum yg_point_value value, uint64_t n)
{
	p->open->second[place][value] += n;
}

void yg_points_window(struct yg_points *p, const struct yg_window *w)
{
	bool all = w->scope == YG_SCOPE_LINK, body = w->scope == YG_SCOPE_BODY && w->org < YG_POINT_ORGS;
	if (!p || !p->wanted || !(all || body))
		return;
	unsigned place = all ? ALL : w->org;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		add(p, place, YG_POINT_PACKETS_IN, w->now.packets[v]);
		add(p, place, YG_POINT_BYTES_IN, w->now.bytes[v]);
	}
	add(p, place, YG_POINT_PACKETS_OUT, w->now.packets_out);
	add(p, place, YG_POINT_BYTES_OUT, w->now.bytes_out);
	if (body)
		add(p, place, YG_POINT_FLOWS, (uint64_t)w->now.flows + w->now.flows_out);
}

void yg_points_alert(struct yg_points *p, const struct yg_alert *alert)
{
	if (!p || !p->wanted)
		return;
	add(p, ALL, YG_POINT_ALERTS, 1);
	if (alert->org < YG_POINT_ORGS)
		add(p, alert->org, YG_POINT_ALERTS, 1);
}

static void take_counters(struct yg_points *p)
{
	uint64_t flows = flows_of(p->o.stats), lost = lost_of(p->o.stats);
	add(p, ALL, YG_POINT_FLOWS, flows > p->flows ? flows - p->flows : 0);
	add(p, ALL, YG_POINT_LOST, lost > p->lost ? lost - p->lost : 0); // the counters of a port that came back begin anew
	p->flows = flows;
	p->lost = lost;
}

// ---- into the ring ----

static bool room(struct yg_points *p)
{
	struct yg_ring *ring = &p->ring;
	while (p->o.replay && p->patience_ms > 0 && !yg_ring_has_room(ring, 1) && !ring->broken) {
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		yg_ring_wait_room(ring, 1, 50);
		clock_gettime(CLOCK_MONOTONIC, &after);
		p->patience_ms -= (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 + 1;
	}
	return yg_ring_has_room(ring, 1);
}

static void put(struct yg_points *p, unsigned step, int64_t time_s, unsigned place, const uint64_t value[YG_POINT_VALUES_COUNT])
{
	if (!room(p)) {
		yg_counter_add(&p->o.stats->aggregator[YG_AC_POINTS_RING_FULL], 1);
		return;
	}
	struct yg_point *to = yg_ring_slot(&p->ring, p->ring.own);
	*to = (struct yg_point){.time_s = time_s, .step_s = step_s[step], .org = place == ALL ? YG_POINT_SENSOR : (uint16_t)place};
	for (unsigned v = 0; v < YG_POINT_VALUES_COUNT; v++)
		to->value[v] = value[v];
	yg_ring_push(&p->ring, 1);
	yg_counter_add(&p->o.stats->aggregator[YG_AC_POINTS], 1);
}

static bool is_empty(const uint64_t value[YG_POINT_VALUES_COUNT])
{
	uint64_t any = 0;
	for (unsigned v = 0; v < YG_POINT_VALUES_COUNT; v++)
		any |= value[v];
	return !any;
}

// Puts out all places of a step and empties them.
static void put_step(struct yg_points *p, unsigned step, int64_t time_s, uint64_t value[YG_POINT_ORGS + 1][YG_POINT_VALUES_COUNT])
{
	for (unsigned place = 0; place <= ALL; place++) {
		if (place != ALL && is_empty(value[place]))
			continue;
		put(p, step, time_s, place, value[place]);
		for (unsigned v = 0; v < YG_POINT_VALUES_COUNT; v++)
			value[place][v] = 0;
	}
	yg_ring_publish(&p->ring);
}

static int64_t begin_of(int64_t second, unsigned step)
{
	int64_t length = step_s[step], rest = second % length;
	return second - (rest < 0 ? rest + length : rest);
}

static void end_long(struct yg_points *p, unsigned i)
{
	struct yg_points_long *l = &p->open->longer[i];
	if (l->begun)
		put_step(p, i + 1, l->start, l->value);
	l->begun = 0;
}

// A minute or hour in which a second lies: those of another one are over.
static void add_long(struct yg_points *p, unsigned i, int64_t second)
{
	struct yg_points_long *l = &p->open->longer[i];
	int64_t start = begin_of(second, i + 1);
	if (l->begun && l->start != start)
		end_long(p, i);
	l->start = start;
	l->begun = 1;
	for (unsigned place = 0; place <= ALL; place++)
		for (unsigned v = 0; v < YG_POINT_VALUES_COUNT; v++)
			l->value[place][v] += p->open->second[place][v];
}

void yg_points_close(struct yg_points *p, int64_t second)
{
	if (!p || !p->wanted)
		return;
	take_counters(p);
	for (unsigned i = 0; i < STEPS - 1; i++)
		add_long(p, i, second);
	put_step(p, 0, second, p->open->second);
	for (unsigned i = 0; i < STEPS - 1; i++)
		if (begin_of(second + 1, i + 1) != p->open->longer[i].start)
			end_long(p, i);
}

void yg_points_finish(struct yg_points *p)
{
	if (!p)
		return;
	for (unsigned i = 0; p->wanted && i < STEPS - 1; i++)
		end_long(p, i);
	yg_ring_close(&p->ring);
}
