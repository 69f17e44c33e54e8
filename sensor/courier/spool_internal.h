// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What the two kinds of spool share (spool.c): taking alerts out of the engine's ring. Nobody else includes it.
#pragma once

#include "base/ring.h"
#include "courier/spool.h"

struct yg_spool_ops {
	void (*close)(struct yg_spool *spool);
	uint32_t (*fill)(struct yg_spool *spool, uint64_t now_ns);
	uint64_t (*first)(const struct yg_spool *spool);
	uint64_t (*end)(const struct yg_spool *spool);
	uint64_t (*oldest)(const struct yg_spool *spool);
	uint64_t (*start)(const struct yg_spool *spool, enum yg_spool_sink sink);
	bool (*get)(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, struct yg_spool_entry *ret_entry);
	void (*reached)(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position, uint64_t again);
	void (*release)(struct yg_spool *spool, uint64_t position);
	bool (*remember)(struct yg_spool *spool, uint64_t generation, uint64_t sent); // false: not now
	bool (*settle)(struct yg_spool *spool, uint64_t now_ns);
	int (*offer)(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq, const char *line, size_t length, uint64_t now_ns);
	void (*give_up)(struct yg_spool *spool, enum yg_spool_class class, uint64_t pseq);
	uint64_t (*settled)(const struct yg_spool *spool, enum yg_spool_class class);
	uint64_t (*passed)(const struct yg_spool *spool, enum yg_spool_sink sink); // NULL: as `start`
	void (*leave)(struct yg_spool *spool, enum yg_spool_sink sink, uint64_t position); // NULL: nothing lasts
	bool lasts;
};

// At the front of each kind. `reader` runs ahead and is never shown to the engine, `owner` follows behind and gives slots back.
struct yg_spool {
	const struct yg_spool_ops *ops;
	struct yg_ring owner, reader;
	struct yg_eve *eve;             // not owned
	struct yg_courier_stats *stats; // not owned
	yg_spool_seen *seen;
	void *context;
	uint64_t last_sequence; // of the last valid alert
	uint64_t generation, sent, token;
	uint64_t generation_first[YG_SPOOL_SINKS];
	struct yg_alert alert; // private copy of the one at hand: the engine may still write to its slot
};

// Attaches to the ring. 0 or a negative errno.
int yg_spool_begin(struct yg_spool *spool, void *memory, size_t size, struct yg_eve *eve, struct yg_courier_stats *stats,
                   yg_spool_seen *seen, void *context);

// Copies and checks the record at a place of the ring into spool->alert and renders it. The line's length; 0 when it is refused.
size_t yg_spool_render(struct yg_spool *spool, uint64_t position, char *text);

// A spool on disk as the death of its process leaves it: nothing is written. For tests.
void yg_spool_abandon(struct yg_spool *spool);

void yg_spool_show_pending(struct yg_spool *spool);
