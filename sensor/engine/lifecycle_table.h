// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table below the life of alerts: places, index, takeover. For lifecycle.c and lifecycle_table.c alone.
#pragma once

#include "base/hash.h"
#include "engine/lifecycle.h"
#include "engine/lifecycle_record.h"

#define YG_LIFECYCLE_NONE UINT32_MAX

struct yg_lifecycle_due {
	uint64_t id;
	uint32_t slot;
	uint32_t closes;
};

struct yg_lifecycle {
	struct yg_lifecycle_options options;
	struct yg_lifecycle_header *header;
	struct yg_lifecycle_closed *closed;  // YG_LIFECYCLE_CLOSED of them, a ring, behind the header
	uint64_t *closed_keys;               // theirs side by side, 0 where there is none
	struct yg_lifecycle_record *records; // capacity alerts, then the summaries
	yg_lifecycle_emit emit;
	void *context;
	struct yg_hash_key hash_key;
	uint32_t capacity, slots, open, free_hint, buckets; // buckets: a power of two
	uint32_t lasting;                                   // of open
	uint32_t by_severity[YG_SEV_COUNT];                 // of the alerts, without summaries, by yg_lifecycle_rank
	uint32_t *head, *next;
	struct yg_lifecycle_due *due;
	uint64_t *muted; // YG_LIFECYCLE_MUTED hashes, 0 empty
	uint32_t muted_count;
	int64_t minute;
	uint32_t opened_in_minute, shadows_in_minute;
	struct yg_lifecycle_stats stats;
};

// Keyed hash of an alert's key: safe to index with.
uint64_t yg_lifecycle_hash(const struct yg_lifecycle *lc, uint64_t key);

// The place of the open alert with this key, or YG_LIFECYCLE_NONE.
uint32_t yg_lifecycle_find(struct yg_lifecycle *lc, uint64_t key, const struct yg_alert *alert);

// What gives way to what in a full table: the severity; of a shadow the lowest.
static inline uint8_t yg_lifecycle_rank(const struct yg_alert *alert)
{
	return alert->mode == YG_MODE_SHADOW ? YG_SEV_INFO : alert->severity;
}

// A filled record becomes part of the table; a record leaves it.
void yg_lifecycle_index_add(struct yg_lifecycle *lc, uint32_t slot);
void yg_lifecycle_index_remove(struct yg_lifecycle *lc, uint32_t slot);

// The lowest free place, or YG_LIFECYCLE_NONE.
uint32_t yg_lifecycle_place(struct yg_lifecycle *lc);

// lifecycle_closed.c: remembers an alert that closes; finds and forgets what was remembered of one that is raised again in time.
void yg_lifecycle_remember(struct yg_lifecycle *lc, const struct yg_lifecycle_record *record, int64_t closed_ns, int64_t now_ns);
bool yg_lifecycle_recall(struct yg_lifecycle *lc, const struct yg_alert *alert, uint64_t key, int64_t now_ns,
                         struct yg_lifecycle_closed *ret_closed);
void yg_lifecycle_closed_take_over(struct yg_lifecycle *lc, bool known);
