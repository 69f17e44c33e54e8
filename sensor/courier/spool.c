// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See spool.h: what both kinds of spool do alike, and the choice between them.
#include "courier/spool_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

int yg_spool_begin(struct yg_spool *spool, void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                   yg_spool_seen *seen, void *context)
{
	int error = yg_ring_attach(&spool->owner, memory, size, sizeof(struct yg_alert), false);
	spool->reader = spool->owner;
	spool->eve = eve;
	spool->stats = stats;
	spool->seen = seen;
	spool->context = context;
	return error;
}

size_t yg_spool_render(struct yg_spool *spool, uint64_t position, char *text)
{
	memcpy(&spool->alert, yg_ring_slot(&spool->reader, position), sizeof spool->alert);
	// The sequence tells one record of a run from the next, which takes growing ones only.
	if (!yg_eve_alert_valid(&spool->alert) || spool->alert.sequence <= spool->last_sequence) {
		yg_counter_add(&spool->stats->c[YG_CC_ALERTS_INVALID], 1);
		return 0;
	}
	spool->last_sequence = spool->alert.sequence;
	size_t length = yg_eve_alert(spool->eve, &spool->alert, text, YG_EVE_ALERT_MAX);
	if (length == 0)
		yg_counter_add(&spool->stats->c[YG_CC_EVE_TOO_LONG], 1);
	return length;
}

void yg_spool_show_pending(struct yg_spool *spool)
{
	const struct yg_counter *c = spool->stats->c;
	yg_counter_set(&spool->stats->c[YG_CC_ALERTS_PENDING],
	               yg_counter_get(&c[YG_CC_ALERTS_READ]) - yg_counter_get(&c[YG_CC_ALERTS_DELIVERED]));
}

void yg_spool_close(struct yg_spool *spool)
{
	if (spool)
		spool->ops->close(spool);
}

bool yg_spool_lasts(const struct yg_spool *spool)
{
	return spool->ops->lasts;
}

uint32_t yg_spool_fill(struct yg_spool *spool, uint64_t now_ns)
{
	return spool->ops->fill(spool, now_ns);
}

uint64_t yg_spool_first(const struct yg_spool *spool)
{
	return spool->ops->first(spool);
}

uint64_t yg_spool_end(const struct yg_spool *spool)
{
	return spool->ops->end(spool);
}

uint64_t yg_spool_oldest(const struct yg_spool *spool)
{
	return spool->ops->oldest(spool);
}

uint64_t yg_spool_start(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	return spool->ops->start(spool, sink);
}

uint64_t yg_spool_passed(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	return spool->ops->passed ? spool->ops->passed(spool, sink) : yg_spool_start(spool, sink);
}

bool yg_spool_get(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, struct yg_spool_entry *ret_entry)
{
	return spool->ops->get(spool, sink, position, ret_entry);
}

void yg_spool_reached(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, uint64_t again)
{
	spool->ops->reached(spool, sink, position, again);
}

void yg_spool_leave(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position)
{
	if (spool->ops->leave)
		spool->ops->leave(spool, sink, position);
}

void yg_spool_release(struct yg_spool *spool, uint64_t position)
{
	spool->ops->release(spool, position);
}

bool yg_spool_ended(struct yg_spool *spool)
{
	return yg_ring_ended(&spool->reader);
}

bool yg_spool_broken(const struct yg_spool *spool)
{
	return spool->reader.broken;
}

void yg_spool_wait(struct yg_spool *spool, int timeout_ms)
{
	if (spool->owner.own == spool->reader.own) {
		yg_ring_wait_data(&spool->owner, timeout_ms);
		return;
	}
	// The ring calls unreleased slots data, and would not let us sleep on it.
	struct timespec moment = {0, (timeout_ms < 10 ? timeout_ms : 10) * 1000000L};
	nanosleep(&moment, NULL);
}

uint64_t yg_spool_generation(const struct yg_spool *spool)
{
	return spool->generation;
}

uint64_t yg_spool_sent(const struct yg_spool *spool)
{
	return spool->sent;
}

uint64_t yg_spool_generation_first(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	return spool->generation_first[sink];
}

void yg_spool_begin_generation(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t first)
{
	spool->generation_first[sink] = first;
}

uint64_t yg_spool_token(const struct yg_spool *spool)
{
	return spool->token;
}

int yg_spool_offer(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq, const char *line, size_t length, uint64_t now_ns)
{
	return spool->ops->offer ? spool->ops->offer(spool, class, pseq, line, length, now_ns) : -ENOTSUP;
}

void yg_spool_give_up(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq)
{
	if (spool->ops->give_up)
		spool->ops->give_up(spool, class, pseq);
}

uint64_t yg_spool_settled(const struct yg_spool *spool, enum yg_spool_class class)
{
	return spool->ops->settled ? spool->ops->settled(spool, class) : 0;
}

bool yg_spool_settle(struct yg_spool *spool, uint64_t now_ns)
{
	return spool->ops->settle(spool, now_ns);
}

bool yg_spool_closed(const struct yg_spool *spool)
{
	return yg_ring_closed(&spool->reader);
}

bool yg_spool_set_generation(struct yg_spool *spool, uint64_t generation, uint64_t first)
{
	spool->generation_first[YG_SPOOL_REDIS] = first;
	if (!spool->ops->remember(spool, generation, 0))
		return false;
	spool->generation = generation;
	spool->sent = 0;
	return true;
}

bool yg_spool_set_sent(struct yg_spool *spool, uint64_t sequence)
{
	if (sequence <= spool->sent)
		return true;
	if (!spool->ops->remember(spool, spool->generation, sequence))
		return false;
	spool->sent = sequence;
	return true;
}
