// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See books.h.
#include "cli/books.h"

#include <stdlib.h>

#include "base/log.h"

static uint64_t courier(const struct yg_supervisor *s, enum yg_courier_counter counter)
{
	return yg_counter_get(&s->courier->c[counter]);
}

static uint64_t engine(const struct yg_supervisor *s, enum yg_aggregator_counter counter)
{
	return yg_counter_get(&s->engine->aggregator[counter]);
}

struct yg_books_look yg_books_take(const struct yg_supervisor *s, uint64_t in_ring)
{
	uint64_t refused = courier(s, YG_CC_SPOOL_SHED) + courier(s, YG_CC_ALERTS_INVALID);
	uint64_t taken = courier(s, YG_CC_ALERTS_READ) + refused, sent = engine(s, YG_AC_ALERTS_SENT);
	// A slot is held until its alert is durable: of those in the ring, what the courier has not taken yet.
	uint64_t untaken = sent > taken ? sent - taken : 0;
	struct yg_books_look l = {
		.raised = engine(s, YG_AC_ALERTS_RAISED),
		.delivered = courier(s, YG_CC_ALERTS_DELIVERED),
		.suppressed = engine(s, YG_AC_ALERTS_SUPPRESSED),
		.spooled = courier(s, YG_CC_ALERTS_PENDING) + (untaken < in_ring ? untaken : in_ring),
		.lost = engine(s, YG_AC_ALERTS_RING_FULL) + refused,
	};
	// What dead engines had in hand, or (below 0) had shown the courier before they counted it.
	int64_t in_hand = s->lost[YG_BOOKS_ALERTS];
	l.unaccounted = (int64_t)(l.raised - l.delivered - l.suppressed - l.spooled - l.lost) - in_hand;
	l.lost += in_hand > 0 ? (uint64_t)in_hand : 0;
	l.raised += in_hand < 0 ? (uint64_t)-in_hand : 0;
	return l;
}

static void show(struct yg_supervisor_stats *shared, const struct yg_books_look *l)
{
	yg_counter_set(&shared->books.raised, l->raised);
	yg_counter_set(&shared->books.delivered, l->delivered);
	yg_counter_set(&shared->books.suppressed, l->suppressed);
	yg_counter_set(&shared->books.spooled, l->spooled);
	yg_counter_set(&shared->books.lost, l->lost);
}

static void close_minute(struct yg_books *b, struct yg_supervisor_stats *shared)
{
	uint64_t off = (uint64_t)llabs(b->least.unaccounted), before = yg_counter_get(&shared->books.unaccounted);
	yg_counter_set(&shared->books.unaccounted, off);
	yg_counter_add(&shared->books.closed, 1);
	b->looks = 0;
	b->begun = true;
	if (off && !before)
		yg_error("books: of %llu alerts raised, %llu are not accounted for", (unsigned long long)b->least.raised, (unsigned long long)off);
	if (!off && before)
		yg_info("books: every alert is accounted for again");
}

void yg_books_turn(struct yg_books *b, const struct yg_supervisor *s, struct yg_supervisor_stats *shared)
{
	struct yg_books_look l = yg_books_take(s, yg_counter_get(&shared->ring[YG_RING_ALERTS].used));
	if (b->looks == 0 || llabs(l.unaccounted) < llabs(b->least.unaccounted))
		b->least = l;
	b->looks++;
	show(shared, &l);
	if (b->looks >= (b->begun ? YG_BOOKS_LOOKS : YG_BOOKS_FIRST))
		close_minute(b, shared);
}
