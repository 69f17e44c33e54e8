// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The worker's way to the aggregator: slots in its rings. A replay waits for room, everything else shown first; live, a full ring
// answers NULL and the caller counts.
#include "engine/worker.h"

static void publish_to_aggregator(struct yg_worker *w)
{
	yg_ring_publish(&w->o.out->events);
	yg_ring_publish(&w->o.out->rates);
	yg_ring_publish(&w->o.out->sample);
}

void yg_worker_publish(struct yg_worker *w)
{
	publish_to_aggregator(w);
	if (w->o.to_dissector)
		yg_ring_publish(w->o.to_dissector);
}

// A replay waits for its reader, everything else shown first: nobody may wait for what is still in our hands.
void yg_worker_wait(struct yg_worker *w, struct yg_ring *ring, uint32_t n)
{
	while (!yg_ring_has_room(ring, n) && !ring->broken) {
		yg_worker_publish(w);
		yg_worker_idle(w); // the dissector may be waiting for room towards us
		yg_ring_wait_room(ring, n, 20);
	}
}

// The slot for an event, already pushed. A full ring gives NULL, where nobody waits for it.
struct yg_event *yg_worker_event(struct yg_worker *w, enum yg_event_kind kind, enum yg_event_stage stage, uint64_t order)
{
	struct yg_ring *ring = &w->o.out->events;
	if (w->waits)
		yg_worker_wait(w, ring, 1);
	if (!yg_ring_has_room(ring, 1)) {
		yg_counter_add(&w->o.stats->c[YG_WC_EVENTS_RING_FULL], 1);
		return NULL;
	}
	struct yg_event *event = yg_ring_slot(ring, ring->own);
	event->kind = (uint8_t)kind;
	event->stage = (uint8_t)stage;
	event->order = order;
	yg_ring_push(ring, 1);
	yg_counter_add(&w->o.stats->c[YG_WC_EVENTS], 1);
	return event;
}

enum { WORTH_IT = 16 }; // records for which the dissector is woken

void yg_worker_hand_over(struct yg_worker *w)
{
	struct yg_ring *ring = w->o.to_dissector;
	if (ring && ring->own - ring->published >= WORTH_IT)
		yg_ring_publish(ring);
}

// A dissector that keeps up sleeps, and to wake it is a call that takes as long as a hundred packets: for few records it waits.
void yg_worker_publish_some(struct yg_worker *w)
{
	enum { PATIENCE_NS = YG_NS_PER_MS };
	publish_to_aggregator(w);
	if (w->now.ns - w->handed_ns < PATIENCE_NS && w->now.ns >= w->handed_ns) {
		yg_worker_hand_over(w);
		return;
	}
	w->handed_ns = w->now.ns;
	if (w->o.to_dissector)
		yg_ring_publish(w->o.to_dissector);
}
