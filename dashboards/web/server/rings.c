// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See rings.h. A ring forgets by moving on: when a newer step comes, the slots between are cleared, which is what makes a slot's number
// unneeded in it. Going on by more than the ring is long clears it once.
#include "rings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// ---- of a sensor ----

static int ring_init(struct web_ring *ring, int64_t step_s, uint32_t length)
{
	*ring = (struct web_ring){.step_s = step_s, .length = length, .slot = calloc(length, sizeof *ring->slot)};
	return ring->slot ? 0 : -ENOMEM;
}

int web_sensor_rings_init(struct web_sensor_rings *rings)
{
	memset(rings, 0, sizeof *rings);
	if (ring_init(&rings->seconds, 1, WEB_RING_SECONDS) == 0 && ring_init(&rings->minutes, 60, WEB_RING_MINUTES) == 0 &&
	    ring_init(&rings->hours, 3600, WEB_RING_HOURS) == 0)
		return 0;
	web_sensor_rings_finish(rings);
	return -ENOMEM;
}

void web_sensor_rings_finish(struct web_sensor_rings *rings)
{
	free(rings->seconds.slot);
	free(rings->minutes.slot);
	free(rings->hours.slot);
	memset(rings, 0, sizeof *rings);
}

// Moves a ring on to `step`, and clears what it comes by. Where `step` stands, or -1: it is older than what is kept.
static int64_t move_on(int64_t *newest, uint32_t length, int64_t step, void *slots, size_t size)
{
	if (step <= 0 || (*newest && step <= *newest - length))
		return -1;
	int64_t from = *newest && step - *newest < length ? *newest + 1 : step - length + 1;
	for (int64_t s = from; s <= step; s++)
		memset((char *)slots + (size_t)(((s % length) + length) % length) * size, 0, size);
	if (step > *newest)
		*newest = step;
	return step % length;
}

struct web_values *web_ring_slot(struct web_ring *ring, int64_t step)
{
	int64_t at = move_on(&ring->newest, ring->length, step, ring->slot, sizeof *ring->slot);
	return at < 0 ? NULL : &ring->slot[at];
}

const struct web_values *web_ring_at(const struct web_ring *ring, int64_t step)
{
	if (!ring->slot || step <= 0 || step > ring->newest || step <= ring->newest - ring->length)
		return NULL;
	const struct web_values *values = &ring->slot[step % ring->length];
	return values->told ? values : NULL;
}

// ---- of a body ----

static uint32_t add32(uint32_t a, uint64_t b)
{
	uint64_t sum = a + (b < UINT32_MAX ? b : UINT32_MAX);
	return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

static void add48(uint32_t *low, uint16_t *high, uint64_t b)
{
	const uint64_t most = (UINT64_C(1) << 48) - 1;
	uint64_t sum = ((uint64_t)*high << 32 | *low) + (b < most ? b : most);
	sum = sum < most ? sum : most;
	*low = (uint32_t)sum;
	*high = (uint16_t)(sum >> 32);
}

static void point_add(struct web_body_point *p, const uint64_t v[WEB_TRAFFIC_VALUES])
{
	add48(&p->bytes_in, &p->bytes_in_high, v[WEB_BYTES_IN]);
	add48(&p->bytes_out, &p->bytes_out_high, v[WEB_BYTES_OUT]);
	p->packets_in = add32(p->packets_in, v[WEB_PACKETS_IN]);
	p->packets_out = add32(p->packets_out, v[WEB_PACKETS_OUT]);
	p->flows = add32(p->flows, v[WEB_FLOWS]);
	uint64_t opened = p->opened + (v[WEB_OPENED] < UINT16_MAX ? v[WEB_OPENED] : UINT16_MAX);
	p->opened = opened < UINT16_MAX ? (uint16_t)opened : UINT16_MAX;
}

static void add_second(struct web_body_rings *r, int64_t at_s, const uint64_t v[WEB_TRAFFIC_VALUES])
{
	unsigned at = (unsigned)(at_s % 4);
	if (at_s < r->second[at])
		return;
	if (at_s > r->second[at])
		r->second_bytes[at][0] = r->second_bytes[at][1] = 0;
	r->second[at] = at_s;
	r->second_bytes[at][0] += v[WEB_BYTES_IN];
	r->second_bytes[at][1] += v[WEB_BYTES_OUT];
}

void web_body_rings_add(struct web_body_rings *r, int64_t at_s, int64_t step_s, const uint64_t v[WEB_TRAFFIC_VALUES])
{
	int64_t end_s = at_s + step_s;
	if ((v[WEB_PACKETS_IN] || v[WEB_PACKETS_OUT]) && end_s > r->last_s && step_s < 3600)
		r->last_s = end_s;
	if (step_s == 1) {
		add_second(r, at_s, v);
	} else if (step_s == 60) {
		int64_t minute = move_on(&r->minute, WEB_BODY_MINUTES, at_s / 60, r->minutes, sizeof *r->minutes);
		int64_t five = move_on(&r->five, WEB_BODY_FIVES, at_s / 300, r->fives, sizeof *r->fives);
		if (minute >= 0)
			point_add(&r->minutes[minute], v);
		if (five >= 0)
			point_add(&r->fives[five], v);
	} else {
		int64_t hour = move_on(&r->hour, WEB_BODY_HOURS, at_s / 3600, r->hours, sizeof *r->hours);
		int64_t habit = move_on(&r->habit_hour, WEB_RING_HOURS, at_s / 3600, r->habit, sizeof *r->habit);
		if (hour >= 0)
			point_add(&r->hours[hour], v);
		if (habit >= 0) {
			r->habit[habit][0] += (float)v[WEB_BYTES_IN];
			r->habit[habit][1] += (float)v[WEB_BYTES_OUT];
		}
	}
}

static bool kept(int64_t newest, int64_t length, int64_t step)
{
	return step > newest - length && step <= newest && step > 0;
}

static void point_read(const struct web_body_point *p, struct web_values *ret)
{
	ret->v[WEB_BYTES_IN] = (uint64_t)p->bytes_in_high << 32 | p->bytes_in;
	ret->v[WEB_BYTES_OUT] = (uint64_t)p->bytes_out_high << 32 | p->bytes_out;
	ret->v[WEB_PACKETS_IN] = p->packets_in;
	ret->v[WEB_PACKETS_OUT] = p->packets_out;
	ret->v[WEB_FLOWS] = p->flows;
	ret->v[WEB_OPENED] = p->opened;
}

bool web_body_rings_at(const struct web_body_rings *r, int64_t step_s, int64_t step, struct web_values *ret)
{
	memset(ret, 0, sizeof *ret);
	if (step_s == 60 && kept(r->minute, WEB_BODY_MINUTES, step))
		point_read(&r->minutes[step % WEB_BODY_MINUTES], ret);
	else if (step_s == 300 && kept(r->five, WEB_BODY_FIVES, step))
		point_read(&r->fives[step % WEB_BODY_FIVES], ret);
	else if (step_s == 3600 && kept(r->hour, WEB_BODY_HOURS, step))
		point_read(&r->hours[step % WEB_BODY_HOURS], ret);
	else if (step_s == 3600 && kept(r->habit_hour, WEB_RING_HOURS, step)) {
		ret->v[WEB_BYTES_IN] = (uint64_t)r->habit[step % WEB_RING_HOURS][0];
		ret->v[WEB_BYTES_OUT] = (uint64_t)r->habit[step % WEB_RING_HOURS][1];
	} else {
		int64_t newest = step_s == 60 ? r->minute : step_s == 300 ? r->five : r->habit_hour;
		return step > newest; // nothing has come of it since: it is none
	}
	return true;
}

// ---- order ----

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double web_quantile(double *values, unsigned count, double q)
{
	qsort(values, count, sizeof *values, by_size);
	double at = q * (count - 1);
	unsigned low = (unsigned)at;
	return low + 1 < count ? values[low] + (at - low) * (values[low + 1] - values[low]) : values[count - 1];
}
