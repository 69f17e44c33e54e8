// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool of spool.h without a disk: alerts stay in the engine's ring until every sink has them, so they survive the
// death of this process, and a new courier renders them again. Each ring slot has a line of its own in memory that is
// taken from the kernel only when written; so there is nothing to run out of before the ring itself is full.
//
// Two consumer views lie over the one ring: `reader` runs ahead and is never shown to the engine, `owner` follows
// behind and gives slots back.
#include "courier/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/shm.h"

struct line {
	uint64_t sequence;
	uint32_t length;
};

struct yg_spool {
	struct yg_ring owner, reader;
	struct yg_eve *eve;             // not owned
	struct yg_courier_stats *stats; // not owned
	yg_spool_seen *seen;
	void *context;
	struct line *lines;     // one a ring slot
	char *text;             // YG_EVE_ALERT_MAX bytes a ring slot
	uint64_t last_sequence; // of the last valid alert
	uint64_t generation, sent;
	struct yg_counter *kept_generation, *kept_sent; // NULL: kept nowhere else
	struct yg_alert alert; // private copy of the one at hand: the engine may still write to its slot
};

struct yg_spool *yg_spool_open_ring(void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    yg_spool_seen *seen, void *context)
{
	struct yg_spool *spool = calloc(1, sizeof *spool);
	if (!spool)
		return NULL;
	int error = -yg_ring_attach(&spool->owner, memory, size, sizeof(struct yg_alert), false);
	if (error)
		goto no_ring;
	spool->reader = spool->owner;
	spool->eve = eve;
	spool->stats = stats;
	// What a courier before this one read and did not deliver lies in the ring still, and is read again.
	yg_counter_set(&stats->c[YG_CC_ALERTS_READ], yg_counter_get(&stats->c[YG_CC_ALERTS_DELIVERED]));
	spool->seen = seen;
	spool->context = context;
	spool->lines = calloc(spool->owner.count, sizeof *spool->lines);
	spool->text = yg_memory_reserve((size_t)spool->owner.count * YG_EVE_ALERT_MAX);
	if (spool->lines && spool->text)
		return spool;
	error = ENOMEM;
	if (spool->text)
		yg_memory_release(spool->text, (size_t)spool->owner.count * YG_EVE_ALERT_MAX);
	free(spool->lines);
no_ring:
	free(spool);
	errno = error;
	return NULL;
}

void yg_spool_close(struct yg_spool *spool)
{
	if (!spool)
		return;
	yg_memory_release(spool->text, (size_t)spool->owner.count * YG_EVE_ALERT_MAX);
	free(spool->lines);
	free(spool);
}

static uint32_t slot_of(const struct yg_spool *spool, uint64_t position)
{
	return (uint32_t)(position & (spool->owner.count - 1));
}

// Copies, checks and renders the next record of the ring into its line. False when it is refused.
static bool take(struct yg_spool *spool, uint64_t position)
{
	struct line *line = &spool->lines[slot_of(spool, position)];
	char *text = spool->text + (size_t)slot_of(spool, position) * YG_EVE_ALERT_MAX;
	*line = (struct line){0};
	memcpy(&spool->alert, yg_ring_slot(&spool->reader, position), sizeof spool->alert);
	// The sequence is the identity in Redis, which takes growing ones only.
	if (!yg_eve_alert_valid(&spool->alert) || spool->alert.sequence <= spool->last_sequence) {
		yg_counter_add(&spool->stats->c[YG_CC_ALERTS_INVALID], 1);
		return false;
	}
	spool->last_sequence = spool->alert.sequence;
	size_t length = yg_eve_alert(spool->eve, &spool->alert, text, YG_EVE_ALERT_MAX);
	if (length == 0) {
		yg_counter_add(&spool->stats->c[YG_CC_EVE_TOO_LONG], 1);
		return false;
	}
	*line = (struct line){spool->alert.sequence, (uint32_t)length};
	return true;
}

static void show_pending(struct yg_spool *spool)
{
	const struct yg_counter *c = spool->stats->c;
	yg_counter_set(&spool->stats->c[YG_CC_ALERTS_PENDING],
	               yg_counter_get(&c[YG_CC_ALERTS_READ]) - yg_counter_get(&c[YG_CC_ALERTS_DELIVERED]));
}

uint32_t yg_spool_fill(struct yg_spool *spool)
{
	uint32_t count = yg_ring_available(&spool->reader);
	for (uint32_t i = 0; i < count; i++) {
		bool valid = take(spool, spool->reader.own);
		yg_ring_pop(&spool->reader, 1);
		if (!valid)
			continue;
		yg_counter_add(&spool->stats->c[YG_CC_ALERTS_READ], 1);
		spool->seen(spool->context, &spool->alert);
	}
	if (count)
		show_pending(spool);
	return count;
}

uint64_t yg_spool_first(const struct yg_spool *spool)
{
	return spool->owner.own;
}

uint64_t yg_spool_end(const struct yg_spool *spool)
{
	return spool->reader.own;
}

struct yg_spool_entry yg_spool_get(const struct yg_spool *spool, uint64_t position)
{
	const struct line *line = &spool->lines[slot_of(spool, position)];
	return (struct yg_spool_entry){line->sequence,
	                               spool->text + (size_t)slot_of(spool, position) * YG_EVE_ALERT_MAX, line->length};
}

void yg_spool_release(struct yg_spool *spool, uint64_t position)
{
	uint64_t delivered = 0;
	for (uint64_t i = spool->owner.own; i < position; i++)
		delivered += spool->lines[slot_of(spool, i)].length != 0;
	yg_ring_pop(&spool->owner, (uint32_t)(position - spool->owner.own));
	yg_ring_release(&spool->owner);
	yg_counter_add(&spool->stats->c[YG_CC_ALERTS_DELIVERED], delivered);
	show_pending(spool);
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

static void keep(struct yg_spool *spool)
{
	if (!spool->kept_generation)
		return;
	yg_counter_set(spool->kept_sent, spool->sent);
	yg_counter_set(spool->kept_generation, spool->generation);
}

void yg_spool_remember(struct yg_spool *spool, struct yg_counter *generation, struct yg_counter *sent)
{
	spool->kept_generation = generation;
	spool->kept_sent = sent;
	spool->generation = yg_counter_get(generation);
	spool->sent = yg_counter_get(sent);
}

void yg_spool_set_generation(struct yg_spool *spool, uint64_t generation)
{
	spool->generation = generation;
	spool->sent = 0;
	keep(spool);
}

uint64_t yg_spool_sent(const struct yg_spool *spool)
{
	return spool->sent;
}

void yg_spool_set_sent(struct yg_spool *spool, uint64_t sequence)
{
	if (sequence > spool->sent)
		spool->sent = sequence;
	keep(spool);
}
