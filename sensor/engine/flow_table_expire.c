// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Expiry. An embryonic flow is found by a bitmap with a summary level, because it has no room for links; records are found by a wheel of
// one-second slots that is looked at only when a slot is due, and re-armed then, so a packet costs no list operation. A replay does a
// second's worth at once, so that its order follows from the file alone; live it is done in pieces that nobody notices.
#include "engine/flow_table_internal.h"

static void expire_embryonic(struct yg_flow_table *table, unsigned partition, struct yg_time now,
			     void (*end)(void *context, uint32_t entry), void *context)
{
	size_t words = yg_flow_words(table->options.slots) / YG_PARTITIONS, first = partition * words;
	for (size_t w = first; w < first + words; w++) {
		if (w % 64 == 0 && w + 64 <= first + words && !table->summary[w / 64]) {
			w += 63;
			continue;
		}
		for (uint64_t left = table->embryonic[w]; left; left &= left - 1) {
			uint32_t entry = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
			if (!yg_time_before(now, yg_flow_deadline(table, entry)))
				end(context, entry);
		}
	}
}

static void expire_slot(struct yg_flow_table *table, struct yg_flow_partition *p, unsigned slot, struct yg_time now,
			void (*end)(void *context, uint32_t entry), void *context)
{
	uint32_t record = p->wheel[slot];
	while (record != YG_NO_RECORD) {
		struct yg_flow_record *r = &table->record[record];
		uint32_t next = r->wheel_next, entry = r->entry;
		if (!yg_time_before(now, yg_flow_deadline(table, entry)))
			end(context, entry);
		else
			yg_flow_arm(table, entry, now);
		record = next;
	}
}

// Once a second, over the slots of the seconds that are complete: what lies there has either expired or been seen since. A flow whose
// deadline lies within the second that is open is told apart when its next packet comes.
void yg_flow_expire(struct yg_flow_table *table, unsigned partition, struct yg_time now,
		    void (*end)(void *context, uint32_t entry), void *context)
{
	struct yg_flow_partition *p = &table->partition[partition];
	int64_t second = yg_time_second(now);
	if (p->wheel_started && second == p->wheel_second)
		return;
	expire_embryonic(table, partition, now, end, context);
	if (!p->wheel_started || second - p->wheel_second > YG_WHEEL)
		p->wheel_second = second - YG_WHEEL;
	p->wheel_started = true;
	for (int64_t s = p->wheel_second; s < second; s++)
		expire_slot(table, p, (unsigned)((uint64_t)s % YG_WHEEL), now, end, context);
	p->wheel_second = second;
}

// ---- in pieces ----

// The embryonic flows of one bucket that are due; by the stamps first, so that most entries are not touched.
static uint32_t sweep_bucket(struct yg_flow_table *table, uint32_t bucket, struct yg_time now,
			     void (*end)(void *context, uint32_t entry), void *context)
{
	struct yg_flow_bucket *b = &table->bucket[bucket];
	uint32_t ended = 0, steps = (uint32_t)(table->options.idle_ns[YG_RANK_EMBRYONIC] >> table->stamp_shift);
	uint16_t stamp = yg_flow_stamp(table, now);
	for (unsigned k = 0; k < YG_BUCKET_EMBRYONIC; k++) {
		if (!b->embryonic[k] || (uint16_t)(stamp - (b->embryonic[k] >> 16)) < steps)
			continue;
		uint32_t entry = bucket * YG_BUCKET + (uint16_t)b->embryonic[k] - 1;
		if (yg_time_before(now, yg_flow_deadline(table, entry)))
			continue;
		end(context, entry);
		ended++;
	}
	return ended;
}

static uint32_t sweep_some(struct yg_flow_table *table, unsigned partition, struct yg_time now, uint32_t most,
			   void (*end)(void *context, uint32_t entry), void *context)
{
	struct yg_flow_partition *p = &table->partition[partition];
	uint32_t first = partition * table->partition_buckets, ended = 0;
	uint32_t buckets = table->partition_buckets / YG_SWEEP_CALLS + 1;
	for (uint32_t i = 0; i < buckets && ended < most; i++) {
		ended += sweep_bucket(table, first + p->sweep, now, end, context);
		p->sweep = (p->sweep + 1) & (table->partition_buckets - 1);
	}
	return ended;
}

uint32_t yg_flow_expire_some(struct yg_flow_table *table, unsigned partition, struct yg_time now, uint32_t most,
			     void (*end)(void *context, uint32_t entry), void *context)
{
	struct yg_flow_partition *p = &table->partition[partition];
	int64_t second = yg_time_second(now);
	uint32_t done = sweep_some(table, partition, now, most, end, context);
	if (!p->wheel_started || second - p->wheel_second > YG_WHEEL)
		p->wheel_second = second - YG_WHEEL;
	p->wheel_started = true;
	while (p->wheel_second < second && done < most) {
		uint32_t record = p->wheel[(uint64_t)p->wheel_second % YG_WHEEL];
		if (record == YG_NO_RECORD) {
			p->wheel_second++;
			continue;
		}
		uint32_t entry = table->record[record].entry;
		int64_t last = p->wheel_second + YG_WHEEL - 1; // never into the slot that is being emptied
		if (!yg_time_before(now, yg_flow_deadline(table, entry)))
			end(context, entry);
		else
			yg_flow_arm_before(table, entry, last < second + YG_WHEEL - 2 ? last : second + YG_WHEEL - 2);
		done++;
	}
	return (uint32_t)(second - p->wheel_second);
}

void yg_flow_each(struct yg_flow_table *table, unsigned partition, void (*visit)(void *context, uint32_t entry), void *context)
{
	uint32_t slots = table->partition_buckets * YG_BUCKET, first = partition * slots;
	for (uint32_t entry = first; entry < first + slots; entry++)
		if (table->bucket[entry / YG_BUCKET].tag[entry % YG_BUCKET])
			visit(context, entry);
}
