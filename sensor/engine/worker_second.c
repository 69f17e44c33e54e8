// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The end of a second. A flow with a record adds nothing to the rates while its packets come: the first of a second notes where its
// counters stand, and when the second is over the difference is added once. A replay does that for all flows at once, and sends the rates
// away. Live that could take longer than a queue of the card holds, so the second that is over lies beside the one that is open, with rates
// of its own, and leaves in pieces, one at each poll; a flow that is seen again meanwhile settles its last second itself. The aggregator
// learns that a second is complete when all of it has left.
#include "engine/worker.h"

#include <errno.h>
#include <string.h>

#include "base/shm.h"

enum {
	TURNS = 512,        // in which a second's flows are added, were there a poll every 100 us: half of what mechanics allows
	STEP_MIN = 256,     // flows a turn
	STEP_MAX = 1024,
	DELTAS = 512,       // a turn
	// Of the flows that are added one after another: what each waits for is asked for so many flows before.
	RECORD_AHEAD = 16, ENTRY_AHEAD = 12, ENDS_AHEAD = 8, RATES_AHEAD = 4,
};

static int create_one(struct yg_worker *w, struct yg_second *s)
{
	struct yg_rates_options rates = {
		.config = w->o.config,
		.hosts = (uint32_t)yg_config_int(w->o.config, YG_O_RATES_HOSTS),
		.key = w->o.key,
	};
	s->rates = yg_worker_rates_create(&rates);
	s->touched = yg_memory_reserve(sizeof *s->touched * w->touched_max);
	return s->rates && s->touched ? 0 : -ENOMEM;
}

int yg_worker_second_create(struct yg_worker *w)
{
	w->touched_max = yg_flow_records_total(w->o.table);
	int error = create_one(w, &w->open);
	return error || w->o.replay ? error : create_one(w, &w->closing);
}

void yg_worker_second_destroy(struct yg_worker *w)
{
	struct yg_second *both[] = {&w->open, &w->closing};
	for (unsigned i = 0; i < 2; i++) {
		yg_worker_rates_destroy(both[i]->rates);
		yg_memory_release(both[i]->touched, sizeof *both[i]->touched * w->touched_max);
	}
}

// The record's place in the list of that second, NULL when it has none or has been added.
static struct yg_touched *place_of(struct yg_second *s, const struct yg_flow_record *r)
{
	uint32_t touched = yg_record_touched(r);
	if (yg_record_second(r) != yg_worker_second_mark(s) || touched >= s->count || touched < s->next)
		return NULL;
	return &s->touched[touched];
}

static void add_difference(struct yg_second *s, const struct yg_touched *t, const struct yg_flow_record *r,
			   const struct yg_worker_flow_ends *ends)
{
	for (unsigned d = 0; d < 2; d++)
		if (r->packets[d] != t->packets[d])
			yg_worker_add_flow(s->rates, ends, d, r->packets[d] - t->packets[d],
					   (yg_record_bytes(r, d) - t->bytes[d]) & YG_COUNT_MOST);
}

static void settle(struct yg_worker *w, struct yg_second *s, struct yg_flow_record *r, const struct yg_flow_entry *e)
{
	const struct yg_touched *t = place_of(s, r);
	if (!t)
		return;
	struct yg_worker_flow_ends ends;
	yg_worker_flow_ends(s->rates, w, e, &ends);
	add_difference(s, t, r, &ends);
	yg_record_set_second(r, (uint16_t)(yg_worker_second_mark(&w->open) - 0x8000)); // in no list
}

void yg_worker_record_flush(struct yg_worker *w, struct yg_flow_record *r, const struct yg_flow_entry *e)
{
	settle(w, &w->open, r, e);
	if (w->closing.closing)
		settle(w, &w->closing, r, e);
}

bool yg_worker_record_touch(struct yg_worker *w, struct yg_flow_record *r, uint32_t record)
{
	struct yg_second *s = &w->open;
	if (w->closing.closing && yg_record_second(r) == yg_worker_second_mark(&w->closing))
		settle(w, &w->closing, r, yg_flow_entry(w->o.table, r->entry));
	if (!w->update_us)
		yg_record_set_update(r, w->seen, 0); // so that it lies near, should a reload ask for updates
	// An update is looked for at every packet only in the second in which one is due.
	bool near = w->update_us && yg_record_update_due(r, yg_seen_of(yg_time_from_s(s->second + 1)) - 1);
	if (s->count == w->touched_max) {
		yg_record_mark(r, YG_MARK_NEAR, w->update_us != 0); // nobody will look again when the next second comes
		return false;
	}
	yg_record_mark(r, YG_MARK_NEAR, near);
	yg_record_set_second(r, yg_worker_second_mark(s));
	yg_record_set_touched(r, s->count);
	s->touched[s->count++] =
		(struct yg_touched){record, {r->packets[0], r->packets[1]}, {yg_record_bytes(r, 0), yg_record_bytes(r, 1)}};
	return true;
}

void yg_worker_record_leave_out(struct yg_worker *w, struct yg_flow_record *r, unsigned direction, uint32_t bytes)
{
	struct yg_touched *t = place_of(&w->open, r);
	if (!t && w->closing.closing)
		t = place_of(&w->closing, r);
	if (!t)
		return;
	t->packets[direction]++;
	t->bytes[direction] += bytes;
}

// The record of a place in the list; NULL: its flow ended, and was counted then, and the record may be another's by now.
static const struct yg_flow_record *record_of(const struct yg_worker *w, const struct yg_second *s, uint32_t i)
{
	const struct yg_flow_record *r = yg_flow_record(w->o.table, s->touched[i].record);
	return r->entry == YG_NO_RECORD || yg_record_second(r) != yg_worker_second_mark(s) || yg_record_touched(r) != i ? NULL : r;
}

static void fetch_entry(const struct yg_worker *w, const struct yg_second *s, uint32_t i)
{
	uint32_t entry = yg_flow_record(w->o.table, s->touched[i].record)->entry;
	if (entry != YG_NO_RECORD)
		__builtin_prefetch(yg_flow_entry(w->o.table, entry));
}

// What a flow adds to lies anywhere: its record, its entry, the cells of its ends and what they point at. Each would be waited for, were it
// not asked for while other flows are added.
static void add_flows(struct yg_worker *w, struct yg_second *s, uint32_t most)
{
	struct yg_worker_flow_ends ends[ENDS_AHEAD];
	const struct yg_flow_record *record[ENDS_AHEAD];
	int64_t first = s->next, end = most < s->count - s->next ? s->next + most : s->count;
	for (int64_t i = first - RECORD_AHEAD; i < end; i++) {
		int64_t rates = i + RATES_AHEAD, flow = i + ENDS_AHEAD, entry = i + ENTRY_AHEAD;
		if (i >= first && record[i % ENDS_AHEAD])
			add_difference(s, &s->touched[i], record[i % ENDS_AHEAD], &ends[i % ENDS_AHEAD]);
		if (rates >= first && rates < end && record[rates % ENDS_AHEAD])
			yg_worker_flow_fetch(s->rates, &ends[rates % ENDS_AHEAD]);
		if (flow >= first && flow < end) {
			const struct yg_flow_record *r = record[flow % ENDS_AHEAD] = record_of(w, s, (uint32_t)flow);
			if (r)
				yg_worker_flow_ends(s->rates, w, yg_flow_entry(w->o.table, r->entry), &ends[flow % ENDS_AHEAD]);
		}
		if (entry >= first && entry < end)
			fetch_entry(w, s, (uint32_t)entry);
		if (i + RECORD_AHEAD < end)
			__builtin_prefetch(yg_flow_record(w->o.table, s->touched[i + RECORD_AHEAD].record));
	}
	s->next = (uint32_t)end;
}

static void emit_delta(void *context, const struct yg_rate_delta *delta)
{
	struct yg_worker *w = context;
	struct yg_ring *ring = &w->o.out->rates;
	if (w->waits)
		yg_worker_wait(w, ring, 1);
	if (!yg_ring_has_room(ring, 1)) { // live: who reads it has been away for a second
		yg_counter_add(&w->o.stats->c[YG_WC_RATES_RING_FULL], 1);
		return;
	}
	*(struct yg_rate_delta *)yg_ring_slot(ring, ring->own) = *delta;
	yg_ring_push(ring, 1);
}

static void count_full(struct yg_worker *w)
{
	uint64_t full = yg_rates_full(w->open.rates) + (w->closing.rates ? yg_rates_full(w->closing.rates) : 0);
	yg_counter_set(&w->o.stats->c[YG_WC_RATES_HOST_FULL], full);
}

// All of it has left: the next may be counted, and the aggregator may close it.
static void second_left(struct yg_worker *w, struct yg_second *s)
{
	s->count = s->next = 0;
	s->closing = false;
	count_full(w);
	yg_ring_publish(&w->o.out->rates);
}

static void leave_whole(struct yg_worker *w, struct yg_second *s)
{
	add_flows(w, s, UINT32_MAX);
	yg_rates_flush(s->rates, s->second, emit_delta, w);
	second_left(w, s);
}

// The second that is open ends and all of it leaves.
void yg_worker_second_end(struct yg_worker *w)
{
	if (w->closing.closing) {
		leave_whole(w, &w->closing);
		yg_counter_publish(&w->o.stats->second, (uint64_t)w->second);
	}
	leave_whole(w, &w->open);
}

static void begin_closing(struct yg_worker *w)
{
	if (w->closing.closing) { // nobody polled for a second
		yg_counter_add(&w->o.stats->c[YG_WC_SECONDS_LATE], 1);
		leave_whole(w, &w->closing);
	}
	struct yg_second left = w->closing;
	w->closing = w->open;
	w->open = left;
	w->closing.closing = true;
	uint32_t step = w->closing.count / TURNS;
	w->closing.step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
}

void yg_worker_second_begin(struct yg_worker *w, int64_t second)
{
	bool another = w->started && second != w->second;
	if (another && w->o.replay) {
		yg_worker_second_end(w);
	} else if (another) {
		begin_closing(w);
		yg_worker_budget_second(w);
	}
	w->second = w->open.second = second;
	w->seen = (w->seen & ~UINT64_C(0xffff)) | yg_worker_second_mark(&w->open);
	if (!w->closing.closing)
		yg_counter_publish(&w->o.stats->second, (uint64_t)second);
}

void yg_worker_second_turn(struct yg_worker *w)
{
	struct yg_second *s = &w->closing;
	if (!s->closing)
		return;
	if (s->next < s->count) {
		add_flows(w, s, s->step);
		return;
	}
	uint32_t room = w->o.out->rates.count / 4;
	if (!yg_ring_has_room(&w->o.out->rates, room))
		return; // its reader is behind: a later turn
	if (!yg_rates_flush_some(s->rates, s->second, DELTAS < room ? DELTAS : room, emit_delta, w))
		return;
	second_left(w, s);
	yg_counter_publish(&w->o.stats->second, (uint64_t)w->second);
}
