// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What flow_table.c, flow_table_expire.c and flow_table_pool.c share. Nobody else includes it.
#pragma once

#include "engine/flow_table.h"

// Tags of eight entries, 0 where nobody is; and of the two of them that may be embryonic, in one number each, when they were last seen (the
// high half, in steps of `stamp_shift`) and their place + 1 (0: none). Half a cache line.
struct yg_flow_bucket {
	uint16_t tag[YG_BUCKET];
	uint32_t embryonic[YG_BUCKET_EMBRYONIC];
	uint16_t note[YG_BUCKET_EMBRYONIC];
	uint8_t reserved[4];
};
_Static_assert(sizeof(struct yg_flow_bucket) == 32 && offsetof(struct yg_flow_bucket, tag) == 0, "two a cache line, tags aligned");

// Things of one kind and partition, by number. One that is free begins with the number of the next that is.
struct yg_flow_pool {
	uint32_t free; // the last that was given back
	uint32_t next; // those never used yet begin here
	uint32_t left; // to take, of both
};

struct yg_flow_partition {
	uint32_t wheel[YG_WHEEL];
	int64_t wheel_second; // slots up to this second have been looked at
	struct yg_flow_pool records, gone, dissections;
	uint32_t sweep;       // bucket of the partition at which yg_flow_expire_some goes on
	bool wheel_started;
};

struct yg_flow_table {
	struct yg_flow_table_options options;
	struct yg_mix_key mix;
	uint32_t buckets, partition_buckets, records, records_share;
	unsigned stamp_shift, bucket_shift; // a partition has 1 << bucket_shift buckets
	unsigned share_shift, share_magic;  // to divide by records_share, which is 29 or 3 times a power of two
	struct yg_flow_bucket *bucket;
	struct yg_flow_entry *entries;
	uint64_t *embryonic; // a bit an entry
	uint64_t *summary;   // a bit a word of `embryonic`
	struct yg_flow_record *record;
	struct yg_flow_gone *gone;
	struct yg_flow_dissection *dissection;
	struct yg_flow_partition partition[YG_PARTITIONS];
};

static inline size_t yg_flow_words(uint32_t slots)
{
	return slots / 64;
}

static inline uint32_t yg_flow_embryonic(const struct yg_flow_table *table, uint32_t entry, struct yg_time now)
{
	return (uint32_t)yg_flow_stamp(table, now) << 16 | (entry % YG_BUCKET + 1);
}

// Where two flows of the same rank differ: when one was last seen.
struct yg_time yg_flow_last_seen(const struct yg_flow_table *table, uint32_t entry);

// An entry that was embryonic is so no more.
void yg_flow_end_embryonic(struct yg_flow_table *table, uint32_t entry);

// Fills in how many records there are, and takes memory for them and what goes with them. 0, or -1: there is none.
int yg_flow_pools_create(struct yg_flow_table *table);
void yg_flow_pools_destroy(struct yg_flow_table *table);

// Memory of the table; with `resident` all of it is present. NULL and errno.
void *yg_flow_reserve(const struct yg_flow_table_options *options, size_t size);

// As yg_flow_arm, but looked at again in second `last` at the latest.
void yg_flow_arm_before(struct yg_flow_table *table, uint32_t entry, int64_t last);
