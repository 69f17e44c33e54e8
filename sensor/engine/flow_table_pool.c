// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Records and what goes with them: three pools a partition, and the wheel that records are linked into. A pool gives out what was given
// back last before what was never used, so what of it is present in memory is what was in use at once.
#include "engine/flow_table_internal.h"

#include <string.h>

#include "base/shm.h"

// ---- pools ----

static uint32_t pool_take(struct yg_flow_pool *pool, const void *things, size_t size)
{
	if (!pool->left)
		return YG_NO_RECORD;
	pool->left--;
	if (pool->free == YG_NO_RECORD)
		return pool->next++;
	uint32_t taken = pool->free;
	memcpy(&pool->free, (const uint8_t *)things + size * taken, sizeof pool->free);
	return taken;
}

static void pool_free(struct yg_flow_pool *pool, void *things, size_t size, uint32_t number)
{
	memcpy((uint8_t *)things + size * number, &pool->free, sizeof pool->free);
	pool->free = number;
	pool->left++;
}

// Live 29 records for 32 places, in a replay 48: a partition has 8 << bucket_shift places, 64 at least.
int yg_flow_pools_create(struct yg_flow_table *table)
{
	enum { REPLAY = 3, MAGIC_SHIFT = 16 };
	_Static_assert(YG_LIVE_PLACES == 32 && YG_BUCKET == 8, "the shifts below");
	unsigned odd = table->options.resident ? YG_LIVE_RECORDS : REPLAY;
	table->share_shift = table->options.resident ? table->bucket_shift - 2 : table->bucket_shift + 2;
	table->share_magic = (1u << MAGIC_SHIFT) / odd + 1;
	table->records_share = odd << table->share_shift;
	table->records = table->records_share * YG_PARTITIONS;
	table->record = yg_flow_reserve(&table->options, sizeof *table->record * table->records);
	table->gone = yg_memory_reserve(sizeof *table->gone * table->records);
	table->dissection = yg_memory_reserve(sizeof *table->dissection * table->records);
	for (uint32_t i = 0; i < YG_PARTITIONS; i++) {
		struct yg_flow_partition *p = &table->partition[i];
		p->records = (struct yg_flow_pool){YG_NO_RECORD, i * table->records_share, table->records_share};
		p->gone = p->dissections = p->records;
	}
	return table->record && table->gone && table->dissection ? 0 : -1;
}

void yg_flow_pools_destroy(struct yg_flow_table *table)
{
	yg_memory_release(table->record, sizeof *table->record * table->records);
	yg_memory_release(table->gone, sizeof *table->gone * table->records);
	yg_memory_release(table->dissection, sizeof *table->dissection * table->records);
}

uint32_t yg_flow_records_total(const struct yg_flow_table *table)
{
	return table->records;
}

void yg_flow_records_used(const struct yg_flow_table *table, unsigned partition, uint32_t *ret_first, uint32_t *ret_end)
{
	*ret_first = partition * table->records_share;
	*ret_end = table->partition[partition].records.next;
}

bool yg_flow_records_low(const struct yg_flow_table *table, unsigned partition)
{
	return table->options.resident && table->partition[partition].records.left <= table->records_share / 32;
}

uint32_t yg_flow_records_left(const struct yg_flow_table *table, unsigned partition)
{
	return table->partition[partition].records.left;
}

// What is divided is below 16 times the odd part of a share: 464, for which the magic numbers are exact.
unsigned yg_flow_partition_of_record(const struct yg_flow_table *table, uint32_t record)
{
	return (record >> table->share_shift) * table->share_magic >> 16;
}

// ---- records ----

struct yg_flow_entry *yg_flow_entry(struct yg_flow_table *table, uint32_t entry)
{
	return &table->entries[entry];
}

uint32_t yg_flow_number(const struct yg_flow_table *table, const struct yg_flow_entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

struct yg_flow_record *yg_flow_record(struct yg_flow_table *table, uint32_t record)
{
	return &table->record[record];
}

struct yg_flow_gone *yg_flow_gone(struct yg_flow_table *table, uint32_t record)
{
	return &table->gone[table->record[record].gone];
}

struct yg_flow_entry *yg_flow_entry_of(struct yg_flow_table *table, uint32_t record)
{
	const struct yg_flow_record *r = &table->record[record];
	return r->entry == YG_NO_RECORD ? &table->gone[r->gone].entry : &table->entries[r->entry];
}

uint32_t yg_flow_record_take(struct yg_flow_table *table, unsigned partition)
{
	uint32_t record = pool_take(&table->partition[partition].records, table->record, sizeof *table->record);
	if (record != YG_NO_RECORD)
		table->record[record] = (struct yg_flow_record){
			.entry = YG_NO_RECORD, .pending_next = YG_NO_RECORD, .gone = YG_NO_RECORD};
	return record;
}

void yg_flow_record_free(struct yg_flow_table *table, uint32_t record)
{
	struct yg_flow_partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	uint32_t gone = table->record[record].gone;
	if (gone != YG_NO_RECORD)
		pool_free(&p->gone, table->gone, sizeof *table->gone, gone);
	table->record[record].bytes[0] = 0; // an answer that still comes finds nobody
	pool_free(&p->records, table->record, sizeof *table->record, record);
}

uint32_t yg_flow_grow(struct yg_flow_table *table, uint32_t entry)
{
	uint32_t record = yg_flow_record_take(table, yg_flow_partition_of_entry(table, entry));
	if (record == YG_NO_RECORD)
		return record;
	table->record[record].entry = entry;
	table->entries[entry].record = record;
	yg_flow_end_embryonic(table, entry);
	return record;
}

uint32_t yg_flow_least(const struct yg_flow_table *table, uint32_t entry, uint8_t rank)
{
	uint32_t least = YG_NO_RECORD, first = entry - entry % YG_BUCKET;
	for (uint32_t i = first; i < first + YG_BUCKET; i++) {
		if (i == entry || !table->bucket[i / YG_BUCKET].tag[i % YG_BUCKET] || table->entries[i].record == YG_NO_RECORD)
			continue;
		uint8_t its = yg_flow_rank(table, i), least_rank = least == YG_NO_RECORD ? rank : yg_flow_rank(table, least);
		if (its > least_rank)
			continue;
		if (least == YG_NO_RECORD || its < least_rank ||
		    yg_time_before(yg_flow_last_seen(table, i), yg_flow_last_seen(table, least)))
			least = i;
	}
	return least;
}

// ---- dissections ----

struct yg_flow_dissection *yg_flow_dissection(struct yg_flow_table *table, uint32_t record)
{
	return &table->dissection[yg_flow_entry_of(table, record)->dissection];
}

struct yg_flow_dissection *yg_flow_dissection_take(struct yg_flow_table *table, uint32_t record)
{
	struct yg_flow_partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	uint32_t taken = pool_take(&p->dissections, table->dissection, sizeof *table->dissection);
	yg_flow_entry_of(table, record)->dissection = taken;
	table->dissection[taken] = (struct yg_flow_dissection){0};
	return &table->dissection[taken];
}

void yg_flow_dissection_free(struct yg_flow_table *table, uint32_t record, uint32_t verdict)
{
	struct yg_flow_partition *p = &table->partition[yg_flow_partition_of_record(table, record)];
	struct yg_flow_entry *e = yg_flow_entry_of(table, record);
	pool_free(&p->dissections, table->dissection, sizeof *table->dissection, e->dissection);
	e->verdict = verdict;
}

// ---- the wheel ----

static void disarm(struct yg_flow_table *table, struct yg_flow_record *r, struct yg_flow_partition *p)
{
	if (r->wheel_prev == YG_NO_RECORD)
		return;
	if (r->wheel_prev >= YG_WHEEL_HEADS)
		p->wheel[r->wheel_prev - YG_WHEEL_HEADS] = r->wheel_next;
	else
		table->record[r->wheel_prev].wheel_next = r->wheel_next;
	if (r->wheel_next != YG_NO_RECORD)
		table->record[r->wheel_next].wheel_prev = r->wheel_prev;
	r->wheel_prev = YG_NO_RECORD;
}

void yg_flow_arm_before(struct yg_flow_table *table, uint32_t entry, int64_t last)
{
	uint32_t record = table->entries[entry].record;
	struct yg_flow_record *r = &table->record[record];
	struct yg_flow_partition *p = &table->partition[yg_flow_partition_of_entry(table, entry)];
	int64_t second = yg_time_second(yg_flow_deadline(table, entry));
	disarm(table, r, p);
	if (second > last)
		second = last;
	uint32_t slot = (uint32_t)((uint64_t)second % YG_WHEEL);
	r->wheel_prev = YG_WHEEL_HEADS + slot;
	r->wheel_next = p->wheel[slot];
	if (r->wheel_next != YG_NO_RECORD)
		table->record[r->wheel_next].wheel_prev = record;
	p->wheel[slot] = record;
}

void yg_flow_arm(struct yg_flow_table *table, uint32_t entry, struct yg_time now)
{
	yg_flow_arm_before(table, entry, yg_time_second(now) + YG_WHEEL - 2);
}

// ---- the end ----

void yg_flow_free(struct yg_flow_table *table, uint32_t entry)
{
	struct yg_flow_entry *e = &table->entries[entry];
	if (e->record != YG_NO_RECORD) {
		struct yg_flow_record *r = &table->record[e->record];
		disarm(table, r, &table->partition[yg_flow_partition_of_entry(table, entry)]);
		r->entry = YG_NO_RECORD;
	} else {
		yg_flow_end_embryonic(table, entry);
	}
	e->flags = 0;
	table->bucket[entry / YG_BUCKET].tag[entry % YG_BUCKET] = 0;
}

struct yg_flow_gone *yg_flow_retire(struct yg_flow_table *table, uint32_t entry, uint32_t record)
{
	struct yg_flow_partition *p = &table->partition[yg_flow_partition_of_entry(table, entry)];
	uint32_t taken = pool_take(&p->gone, table->gone, sizeof *table->gone);
	struct yg_flow_gone *gone = &table->gone[taken];
	gone->entry = table->entries[entry];
	yg_flow_free(table, entry);
	table->record[record].gone = taken;
	return gone;
}
