// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See shed.h.
#include "engine/shed.h"

#include "config/config.h"

enum { WINDOW_MS = 100, PATIENCE_MS = 1000, BUSY_SLACK = 100, WHOLE = 1000 };

void yg_shed_init(struct yg_shed *s, const struct yg_config *config, uint64_t ticks, uint64_t now)
{
	int queue = (int)yg_config_int(config, YG_O_SHED_QUEUE) * 10;
	*s = (struct yg_shed){
		.on = yg_config_int(config, YG_O_SHED_ENABLED),
		// The second mark halves the room that is left, the third leaves a fifth of it.
		.queue_marks = {queue, queue + (WHOLE - queue) / 2, queue + (WHOLE - queue) * 4 / 5},
		.queue_calm = queue / 2,
		.busy_mark = (int)yg_config_int(config, YG_O_SHED_BUSY) * 10,
		.look = ticks / 1000,
		.window = ticks / 1000 * WINDOW_MS,
		.patience = ticks / 1000 * PATIENCE_MS,
		.calm = (uint64_t)(yg_config_float(config, YG_O_SHED_CALM) * (double)ticks),
		.window_start = now,
		.turn = now,
		.calm_since = now,
		.busy_since = now,
		.queue_most = YG_SHED_UNKNOWN,
		.last_queue = YG_SHED_UNKNOWN,
	};
	s->busy_calm = s->busy_mark - BUSY_SLACK;
}

static void rise(struct yg_shed *s, unsigned step, uint64_t now)
{
	s->step = (uint8_t)step;
	s->busy_since = now;
	s->rises++;
}

// The step that the queue alone asks for.
static unsigned asked_by_queue(const struct yg_shed *s, int queue)
{
	unsigned step = 0;
	while (step < YG_SHED_STEPS && queue >= s->queue_marks[step])
		step++;
	return step;
}

// One step more for each second of being busy, the first at once where the queue fills as well. Where the queue is known, the last step is
// for the queue to ask.
static unsigned asked_by_time(struct yg_shed *s, int busy, int queue, uint64_t now)
{
	bool filling = queue == YG_SHED_UNKNOWN || queue >= s->queue_calm;
	unsigned most = queue == YG_SHED_UNKNOWN ? YG_SHED_STEPS : YG_SHED_STEPS - 1;
	if (busy < s->busy_mark || !filling) {
		s->busy_since = now;
		return 0;
	}
	bool at_once = !s->step && queue != YG_SHED_UNKNOWN; // by itself a busy tenth of a second may be the scheduler's
	if (s->step >= most || (!at_once && now - s->busy_since < s->patience))
		return s->step;
	return s->step + 1u;
}

static void end_window(struct yg_shed *s, uint64_t now)
{
	yg_shed_turn(s, now, s->worked); // the turn that goes on belongs to this window until now
	int queue = s->queue_most, busy = (int)(s->busy * WHOLE / (now - s->window_start));
	s->window_start = now;
	s->busy = 0;
	s->queue_most = YG_SHED_UNKNOWN;
	s->last_queue = queue;
	s->last_busy = busy > WHOLE ? WHOLE : busy;
	if (!s->on)
		return;
	unsigned asked = asked_by_time(s, s->last_busy, queue, now);
	if (asked > s->step)
		rise(s, asked, now);
	bool calm = queue < s->queue_calm && s->last_busy < s->busy_calm;
	if (!calm || !s->is_calm)
		s->calm_since = now;
	s->is_calm = calm;
	if (s->step && calm && now - s->calm_since >= s->calm) {
		s->step--;
		s->calm_since = now;
	}
}

uint8_t yg_shed_look(struct yg_shed *s, uint64_t now, int queue)
{
	s->look_next = now + s->look;
	s->queue_most = queue > s->queue_most ? queue : s->queue_most;
	unsigned asked = s->on ? asked_by_queue(s, queue) : 0;
	if (asked > s->step)
		rise(s, asked, now);
	if (now - s->window_start >= s->window)
		end_window(s, now);
	return s->step;
}

void yg_shed_show(const struct yg_shed *s, struct yg_worker_stats *stats)
{
	yg_counter_set(&stats->shed_step, s->step);
	yg_counter_set(&stats->shed_queue, s->last_queue == YG_SHED_UNKNOWN ? YG_STATS_UNKNOWN : (uint64_t)s->last_queue);
	yg_counter_set(&stats->shed_busy, (uint64_t)s->last_busy);
	yg_counter_set(&stats->c[YG_WC_SHED_RISES], s->rises);
}
