// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See points.h. The engine is not trusted: a point is copied, checked, then used. What the ring holds of a step is read twice, once to see
// where it ends and once to write it; an engine that changes it in between spoils its own numbers and nothing else.
//
// The point of the whole sensor ends a step. An engine that died before it came leaves half a step: that is written as it is, when the
// next step begins, or when nothing has come for HALF_NS.
#include "courier/points.h"

#include <errno.h>
#include <string.h>

#include "base/time.h"
#include "courier/eve_fields.h"

#define HALF_NS (5 * (uint64_t)YG_NS_PER_S)
enum {
	A_TURN = 2048,   // slots
	POINT_MAX = 512, // bytes of one in a line
	STEP_AT = 1024,  // the step stands within the first so many bytes
};
#define YEAR_9999_S INT64_C(253402300799)
static const char step_mark[] = "\"event_type\":\"metrics\",";

static void count(struct yg_points *p, enum yg_courier_counter counter, uint64_t n)
{
	yg_counter_add(&p->stats->c[counter], n);
}

static struct yg_point point_at(const struct yg_points *p, uint64_t position)
{
	struct yg_point point;
	memcpy(&point, yg_ring_slot(&p->read, position), sizeof point);
	return point;
}

static bool is_valid(const struct yg_points *p, const struct yg_point *point)
{
	bool step = point->step_s == YG_POINT_SECOND || point->step_s == YG_POINT_MINUTE || point->step_s == YG_POINT_HOUR;
	bool org = point->org == YG_POINT_SENSOR || point->org == YG_ORG_NONE || point->org < p->eve->orgs_count;
	return step && org && point->time_s >= 0 && point->time_s <= YEAR_9999_S && point->time_s % point->step_s == 0;
}

static bool is_of_step(const struct yg_points *p, const struct yg_point *point)
{
	return point->time_s == p->time_s && point->step_s == p->step_s;
}

// ---- lines ----

static void put_sensor(struct yg_json *json, const struct yg_point *point)
{
	static const char *const names[] = {
#define YG_X(id, name) "\"" name "\":",
		YG_POINT_VALUES(YG_X)
#undef YG_X
	};
	put_literal(json, ",\"sensor\":{");
	for (unsigned i = 0; i < YG_POINT_VALUES_COUNT; i++) {
		if (i)
			put_literal(json, ",");
		put_word(json, names[i]);
		yg_eve_put_uint(json, point->value[i]);
	}
	put_literal(json, "}");
}

// Values that only the sensor has come last in the list, and are left out here.
static void put_org(struct yg_json *json, const struct yg_point *point)
{
	_Static_assert(YG_POINT_LOST == YG_POINT_VALUES_COUNT - 1, "what only the sensor has comes last");
	put_literal(json, "[");
	for (unsigned i = 0; i < YG_POINT_LOST; i++) {
		if (i)
			put_literal(json, ",");
		yg_eve_put_uint(json, point->value[i]);
	}
	put_literal(json, "]");
}

static bool is_quiet(const struct yg_point *point)
{
	uint64_t any = 0;
	for (unsigned i = 0; i < YG_POINT_VALUES_COUNT; i++)
		any |= point->value[i];
	return any == 0;
}

static void begin_line(struct yg_points *p, struct yg_json *json)
{
	yg_json_init(json, p->line, sizeof p->line);
	put_literal(json, "{\"timestamp\":\"");
	yg_eve_put_time(json, p->eve, p->time_s * YG_NS_PER_S);
	put_literal(json, "\",");
	put_word(json, step_mark);
	put_literal(json, "\"step\":");
	yg_eve_put_uint(json, p->step_s);
	put_literal(json, ",");
	put_bytes(json, p->eve->host, p->eve->host_length);
}

// The bodies from *at on, as many as the line takes. The point of nobody's traffic has no code: it stands beside them.
static void put_orgs(struct yg_points *p, struct yg_json *json, uint64_t *at)
{
	struct yg_point point, nobodys = {.org = YG_POINT_SENSOR};
	bool first = true;
	put_literal(json, ",\"orgs\":{");
	for (; *at < p->read.own && json->length + POINT_MAX < YG_POINTS_LINE; (*at)++) {
		point = point_at(p, *at);
		if (!is_valid(p, &point) || !is_of_step(p, &point) || point.org == YG_POINT_SENSOR || is_quiet(&point))
			continue;
		if (point.org == YG_ORG_NONE) {
			nobodys = point;
			continue;
		}
		if (!first)
			put_literal(json, ",");
		yg_eve_put_text(json, p->eve->orgs[point.org].code, sizeof p->eve->orgs[point.org].code);
		put_literal(json, ":");
		put_org(json, &point);
		first = false;
	}
	put_literal(json, "}");
	if (nobodys.org == YG_ORG_NONE) {
		put_literal(json, ",\"unassigned\":");
		put_org(json, &nobodys);
	}
}

// False when the log takes nothing just now.
static bool offer(struct yg_points *p, const struct yg_json *json, uint64_t pseq, uint64_t now_ns)
{
	int error = yg_spool_offer(p->spool, YG_SPOOL_METRIC, pseq, p->line, json->length, now_ns);
	bool crowded = p->read.own - p->ring.own > p->ring.count / 4 * 3;
	if (error == -EAGAIN && !crowded)
		return false;
	if (error == -EAGAIN)
		yg_spool_give_up(p->spool, YG_SPOOL_METRIC, pseq);
	if (error && error != -EEXIST)
		count(p, YG_CC_SPOOL_METRICS_SHED, 1);
	else
		p->offered = pseq;
	return true;
}

// Each line has at least one point, so there is a slot, and by it a pseq, for each. False when the log takes nothing just now: all of it is
// offered again, and what the log has it refuses.
static bool write_step(struct yg_points *p, uint64_t now_ns)
{
	struct yg_point sensor = {.org = YG_ORG_NONE};
	for (uint64_t i = p->read.own; i > p->begin && sensor.org != YG_POINT_SENSOR; i--) {
		sensor = point_at(p, i - 1);
		if (!is_of_step(p, &sensor))
			sensor.org = YG_ORG_NONE;
	}
	uint64_t at = p->begin, pseq = p->begin + 1;
	do {
		struct yg_json json;
		begin_line(p, &json);
		if (pseq == p->begin + 1 && sensor.org == YG_POINT_SENSOR)
			put_sensor(&json, &sensor);
		put_orgs(p, &json, &at);
		put_literal(&json, "}");
		if (yg_json_finish(&json) && !offer(p, &json, pseq, now_ns))
			return false;
		pseq++;
	} while (at < p->read.own);
	p->open = p->whole = false;
	return true;
}

// ---- in ----

// False when nothing more may be read now.
static bool take(struct yg_points *p, uint64_t now_ns)
{
	struct yg_point point = point_at(p, p->read.own);
	bool valid = is_valid(p, &point);
	if (valid && p->open && !is_of_step(p, &point) && !write_step(p, now_ns))
		return false;
	if (valid && !p->open) {
		p->open = true;
		p->begin = p->read.own;
		p->time_s = point.time_s;
		p->step_s = point.step_s;
		p->since_ns = now_ns;
	}
	yg_ring_pop(&p->read, 1);
	count(p, YG_CC_POINTS_READ, 1);
	count(p, YG_CC_POINTS_INVALID, !valid);
	p->whole = valid && point.org == YG_POINT_SENSOR;
	return !p->whole || write_step(p, now_ns);
}

static bool give_back(struct yg_points *p)
{
	if (p->keep && p->offered > yg_spool_settled(p->spool, YG_SPOOL_METRIC))
		return false;
	uint64_t position = p->open ? p->begin : p->read.own;
	if (position == p->ring.own)
		return false;
	yg_ring_pop(&p->ring, (uint32_t)(position - p->ring.own));
	yg_ring_release(&p->ring);
	return true;
}

bool yg_points_turn(struct yg_points *p, uint64_t now_ns)
{
	if (!p->attached)
		return false;
	uint32_t available = yg_ring_available(&p->read);
	uint64_t before = p->read.own;
	available = available < A_TURN ? available : A_TURN;
	if (!p->keep) {
		yg_ring_pop(&p->read, available);
		count(p, YG_CC_POINTS_READ, available);
		return give_back(p);
	}
	bool going = !p->whole || write_step(p, now_ns);
	while (going && p->read.own - before < available)
		going = take(p, now_ns);
	bool none = p->read.own == before; // what the log takes just now is not moved, or the loop would turn without sleep
	bool over = p->open && (now_ns - p->since_ns >= HALF_NS || yg_ring_ended(&p->read));
	if (over && none)
		write_step(p, now_ns);
	return give_back(p) || !none;
}

int yg_points_open(struct yg_points *points, void *memory, size_t size, struct yg_eve *eve, struct yg_spool *spool,
                   struct yg_courier_stats *stats, bool keep)
{
	int error = yg_ring_attach(&points->ring, memory, size, sizeof(struct yg_point), false);
	if (error)
		return error;
	points->read = points->ring;
	points->eve = eve;
	points->spool = spool;
	points->stats = stats;
	points->keep = keep;
	points->attached = true;
	return 0;
}

uint32_t yg_points_step(const char *line, size_t length)
{
	static const char key[] = "\"step\":";
	const char *at = memmem(line, length < STEP_AT ? length : STEP_AT, step_mark, sizeof step_mark - 1);
	const char *end = line + length;
	uint32_t step = 0;
	if (!at || (size_t)(end - (at += sizeof step_mark - 1)) < sizeof key || memcmp(at, key, sizeof key - 1) != 0)
		return 0;
	for (at += sizeof key - 1; at < end && *at >= '0' && *at <= '9' && step < 100000; at++)
		step = step * 10 + (uint32_t)(*at - '0');
	return step;
}
