// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The spool of spool.h without a disk: alerts stay in the engine's ring until every sink has them, so they survive the
// death of this process, and a new courier renders them again. Each ring slot has a line of its own in memory that is
// taken from the kernel only when written; so there is nothing to run out of before the ring itself is full.
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/shm.h"
#include "courier/spool_internal.h"

struct line {
	uint64_t sequence;
	uint32_t length;
};

struct ring_spool {
	struct yg_spool spool; // first: they are one to the caller
	struct line *lines;    // one a ring slot
	char *text;            // YG_EVE_ALERT_MAX bytes a ring slot
	struct yg_counter *kept_generation, *kept_sent; // NULL: kept nowhere else
};

static struct ring_spool *own(struct yg_spool *spool)
{
	return (struct ring_spool *)spool;
}

static const struct ring_spool *own_const(const struct yg_spool *spool)
{
	return (const struct ring_spool *)spool;
}

static uint32_t slot_of(const struct yg_spool *spool, uint64_t position)
{
	return (uint32_t)(position & (spool->owner.count - 1));
}

static char *text_of(const struct yg_spool *spool, uint64_t position)
{
	return own_const(spool)->text + (size_t)slot_of(spool, position) * YG_EVE_ALERT_MAX;
}

static void close_ring(struct yg_spool *spool)
{
	yg_memory_release(own(spool)->text, (size_t)spool->owner.count * YG_EVE_ALERT_MAX);
	free(own(spool)->lines);
	free(spool);
}

static uint32_t fill(struct yg_spool *spool, uint64_t now_ns)
{
	(void)now_ns;
	uint32_t count = yg_ring_available(&spool->reader);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t position = spool->reader.own;
		size_t length = yg_spool_render(spool, position, text_of(spool, position));
		own(spool)->lines[slot_of(spool, position)] = (struct line){spool->alert.sequence, (uint32_t)length};
		yg_ring_pop(&spool->reader, 1);
		if (!length)
			continue;
		yg_counter_add(&spool->stats->c[YG_CC_ALERTS_READ], 1);
		spool->seen(spool->context, &spool->alert);
	}
	if (count)
		yg_spool_show_pending(spool);
	return count;
}

static uint64_t first(const struct yg_spool *spool)
{
	return spool->owner.own;
}

static uint64_t end(const struct yg_spool *spool)
{
	return spool->reader.own;
}

static uint64_t start(const struct yg_spool *spool, enum yg_spool_sink sink)
{
	(void)sink;
	return spool->owner.own;
}

static bool get(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, struct yg_spool_entry *ret_entry)
{
	(void)sink;
	const struct line *line = &own(spool)->lines[slot_of(spool, position)];
	*ret_entry = (struct yg_spool_entry){line->sequence, text_of(spool, position), line->length, YG_SPOOL_ALERT};
	return true;
}

static void reached(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, uint64_t again)
{
	(void)spool, (void)sink, (void)position, (void)again; // another courier begins at what has not been released, and asks the sinks
}

static void release(struct yg_spool *spool, uint64_t position)
{
	uint64_t delivered = 0;
	for (uint64_t i = spool->owner.own; i < position; i++)
		delivered += own(spool)->lines[slot_of(spool, i)].length != 0;
	yg_ring_pop(&spool->owner, (uint32_t)(position - spool->owner.own));
	yg_ring_release(&spool->owner);
	yg_counter_add(&spool->stats->c[YG_CC_ALERTS_DELIVERED], delivered);
	yg_spool_show_pending(spool);
}

static bool remember(struct yg_spool *spool, uint64_t generation, uint64_t sent)
{
	if (!own(spool)->kept_generation)
		return true;
	yg_counter_set(own(spool)->kept_sent, sent);
	yg_counter_set(own(spool)->kept_generation, generation);
	return true;
}

void yg_spool_remember(struct yg_spool *spool, struct yg_counter *generation, struct yg_counter *sent, struct yg_counter *token)
{
	uint64_t random = 0;
	if (!yg_counter_get(token) && getrandom(&random, sizeof random, GRND_NONBLOCK) == (ssize_t)sizeof random)
		yg_counter_set(token, random | 1);
	spool->token = yg_counter_get(token);
	own(spool)->kept_generation = generation;
	own(spool)->kept_sent = sent;
	spool->generation = yg_counter_get(generation);
	spool->sent = yg_counter_get(sent);
}

static bool settle(struct yg_spool *spool, uint64_t now_ns)
{
	(void)spool, (void)now_ns;
	return true;
}

static const struct yg_spool_ops ring_ops = {close_ring, fill,     first,  end,  first, start, get, reached, release,
                                             remember,   settle, .lasts = false};

struct yg_spool *yg_spool_open_ring(void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                                    yg_spool_seen *seen, void *context)
{
	struct ring_spool *ring = calloc(1, sizeof *ring);
	if (!ring)
		return NULL;
	int error = -yg_spool_begin(&ring->spool, memory, size, eve, stats, seen, context);
	if (error)
		goto no_ring;
	ring->spool.ops = &ring_ops;
	yg_counter_set(&stats->c[YG_CC_SPOOL_UP], 0);
	// What a courier before this one read and did not deliver lies in the ring still, and is read again.
	yg_counter_set(&stats->c[YG_CC_ALERTS_READ], yg_counter_get(&stats->c[YG_CC_ALERTS_DELIVERED]));
	ring->lines = calloc(ring->spool.owner.count, sizeof *ring->lines);
	ring->text = yg_memory_reserve((size_t)ring->spool.owner.count * YG_EVE_ALERT_MAX);
	if (ring->lines && ring->text)
		return &ring->spool;
	error = ENOMEM;
	if (ring->text)
		yg_memory_release(ring->text, (size_t)ring->spool.owner.count * YG_EVE_ALERT_MAX);
	free(ring->lines);
no_ring:
	free(ring);
	errno = error;
	return NULL;
}
