// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Room: what may still come in, what may go. Pressure is what some sink has not delivered, in percent of what the log may hold (its
// quota, or less where the disk has less). What every sink has passed is kept for its retention only as long as nothing needs the
// room; what has not been delivered is never deleted, however full it gets: then the lower classes are refused, one after the other.
#include <errno.h>

#include "courier/wal_internal.h"

static uint64_t real_now(const struct yg_wal *wal)
{
	return wal->o.real_ns + (wal->now_ns - wal->o.now_ns);
}

uint64_t wal_used(const struct yg_wal *wal)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < wal->segments_count; i++)
		bytes += wal->segments[i].bytes;
	return bytes;
}

uint64_t wal_passed(const struct yg_wal *wal)
{
	uint64_t lowest = UINT64_MAX;
	for (int i = 0; i < YG_WAL_SINKS; i++)
		if (wal->state.cursors[i].name[0] && wal->state.cursors[i].lsn < lowest)
			lowest = wal->state.cursors[i].lsn;
	// No sink has said anything yet, or spool.meta was lost: then nothing may go.
	return lowest == UINT64_MAX ? 0 : lowest;
}

void wal_measure(struct yg_wal *wal)
{
	uint64_t passed = wal_passed(wal);
	wal->undelivered = 0;
	for (uint32_t i = 0; i + 1 < wal->segments_count; i++)
		if (wal->segments[i + 1].first_lsn > passed)
			wal->undelivered += wal->segments[i].bytes;
	wal->measure_stale = false;
}

// Whole segments, and without the reserve, whether it lies there as a file or has been used: what is in it is above 100 %.
static uint64_t capacity(const struct yg_wal *wal)
{
	uint64_t possible = wal_used(wal) + wal->free_bytes, apart = wal->has_reserve ? 0 : wal->o.reserve_bytes;
	possible = possible > apart ? possible - apart : 0;
	uint64_t most = possible < wal->o.quota_bytes ? possible : wal->o.quota_bytes;
	most -= most % wal->o.segment_bytes;
	return most ? most : 1;
}

static uint64_t percent(struct yg_wal *wal)
{
	uint64_t active = wal->active_file >= 0 && wal_passed(wal) < wal->next_lsn ? wal->active_end : 0;
	wal->stats.undelivered_bytes = wal->undelivered + active + wal->group_size;
	uint64_t now = wal->stats.undelivered_bytes * 100 / capacity(wal);
	static const unsigned steps[] = {YG_WAL_SHED_METRICS, YG_WAL_SHED_FLOWS, YG_WAL_SHED_ALERTS, 100};
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		if ((now >= steps[i]) == (wal->stats.pressure_percent >= steps[i]))
			continue;
		wal_say(wal, YG_WAL_EVENT_PRESSURE, now, wal->stats.pressure_percent);
		break;
	}
	wal->stats.pressure_percent = now;
	return now;
}

bool wal_refuses(struct yg_wal *wal, enum yg_spool_class class)
{
	static const unsigned steps[YG_SPOOL_CLASSES] = {
		[YG_SPOOL_ALERT] = YG_WAL_SHED_ALERTS, [YG_SPOOL_FLOW] = YG_WAL_SHED_FLOWS, [YG_SPOOL_METRIC] = YG_WAL_SHED_METRICS};
	if (wal->measure_stale)
		wal_measure(wal);
	return percent(wal) >= steps[class] && class != YG_SPOOL_HIGH;
}

// ---- deletion ----

// The oldest segment goes, if every sink has passed it. 0, -ENOENT when there is none that may go, or an error.
static int delete_oldest(struct yg_wal *wal)
{
	const struct yg_disk *d = wal->disk;
	char name[YG_SEGMENT_NAME];
	if (wal->segments_count < 2 || wal->segments[1].first_lsn > wal_passed(wal))
		return -ENOENT;
	// The cursor that allows it comes first, or a crash would make of it a segment that is missing.
	int error = wal->meta_dirty ? wal_keep(wal) : 0;
	if (error)
		return error;
	yg_segment_name(name, wal->segments[0].generation, wal->segments[0].first_lsn);
	error = d->ops->unlink(d->context, name);
	if (error && error != -ENOENT)
		return wal_error(wal, &wal->stats.other_errors, error);
	wal->free_bytes += wal->segments[0].bytes;
	wal_remove_segment(wal, 0);
	wal->measure_stale = true;
	wal->stats.segments_deleted++;
	// One at a time, so that they go in order.
	error = d->ops->sync_directory(d->context);
	if (error)
		wal_error(wal, &wal->stats.sync_errors, error);
	return 0;
}

static bool too_old(const struct yg_wal *wal)
{
	// The next one's beginning is this one's end.
	return wal->segments_count >= 2 && real_now(wal) > wal->segments[1].created_ns &&
	       real_now(wal) - wal->segments[1].created_ns > wal->o.retention_ns;
}

// ---- the reserve ----

static void release_reserve(struct yg_wal *wal)
{
	if (!wal->has_reserve)
		return;
	int error = wal->disk->ops->unlink(wal->disk->context, WAL_RESERVE_NAME);
	if (error && error != -ENOENT) {
		wal_error(wal, &wal->stats.other_errors, error);
		return;
	}
	wal->has_reserve = false;
	wal->stats.reserve_bytes = 0;
	wal->free_bytes += wal->o.reserve_bytes;
	wal_say(wal, YG_WAL_EVENT_RESERVE_USED, wal->o.reserve_bytes, 0);
}

// Until the disk is asked again: a log that fills within a second would otherwise not see its end.
void wal_take_room(struct yg_wal *wal, uint64_t bytes)
{
	wal->free_bytes -= wal->free_bytes < bytes ? wal->free_bytes : bytes;
}

static void make_reserve(struct yg_wal *wal)
{
	const struct yg_disk *d = wal->disk;
	if (wal->has_reserve || wal->o.reserve_bytes == 0 || wal->now_ns < wal->full_ns[0])
		return;
	if (wal->stats.pressure_percent >= YG_WAL_SHED_METRICS || wal_used(wal) > wal->o.quota_bytes ||
	    wal->free_bytes < wal->o.reserve_bytes + 2 * wal->o.segment_bytes)
		return;
	int file = yg_disk_open_file(d, WAL_RESERVE_NEW, YG_DISK_CREATE);
	if (file < 0) {
		wal_error(wal, &wal->stats.other_errors, file);
		return;
	}
	int error = d->ops->allocate(d->context, file, wal->o.reserve_bytes);
	d->ops->close(d->context, file);
	if (!error)
		error = d->ops->rename(d->context, WAL_RESERVE_NEW, WAL_RESERVE_NAME);
	if (error) {
		d->ops->unlink(d->context, WAL_RESERVE_NEW);
		wal_error(wal, &wal->stats.other_errors, error);
		return;
	}
	wal->has_reserve = true;
	wal->stats.reserve_bytes = wal->o.reserve_bytes;
	wal_take_room(wal, wal->o.reserve_bytes);
}

int wal_make_room(struct yg_wal *wal, enum yg_spool_class class, bool disk_is_full)
{
	bool high = class == YG_SPOOL_HIGH;
	uint64_t need = wal->o.segment_bytes;
	if (disk_is_full) {
		wal->free_bytes = 0;
		if (delete_oldest(wal) == 0)
			return 0;
		if (high && wal->has_reserve) {
			release_reserve(wal);
			return wal->has_reserve ? -ENOSPC : 0;
		}
		wal->full_ns[high] = wal->now_ns + WAL_FULL_NS;
		return -ENOSPC;
	}
	if (wal->now_ns < wal->full_ns[high])
		return -ENOSPC;
	while (wal_used(wal) + need > wal->o.quota_bytes && delete_oldest(wal) == 0) {
	}
	if (wal->segments_count >= YG_WAL_SEGMENTS) {
		wal->stats.segments_full++;
		return -ENOSPC;
	}
	if (wal_used(wal) + need <= wal->o.quota_bytes)
		return 0;
	if (!high || wal_used(wal) + need > wal->o.quota_bytes + wal->o.reserve_bytes)
		return -ENOSPC;
	release_reserve(wal);
	return 0;
}

void wal_house(struct yg_wal *wal, uint64_t now_ns)
{
	uint64_t bytes;
	if (now_ns < wal->house_ns)
		return;
	wal->house_ns = now_ns + WAL_HOUSE_NS;
	int error = wal->disk->ops->free_bytes(wal->disk->context, &bytes);
	if (error)
		wal_error(wal, &wal->stats.other_errors, error);
	else
		wal->free_bytes = bytes;
	while ((too_old(wal) || wal_used(wal) > wal->o.quota_bytes) && delete_oldest(wal) == 0) {
	}
	// The reserve is worth more than what is kept though delivered.
	uint64_t wanted = wal->has_reserve || wal->o.reserve_bytes == 0 ? 0 : wal->o.reserve_bytes + 2 * wal->o.segment_bytes;
	while (wal->free_bytes < wanted && delete_oldest(wal) == 0) {
	}
	wal_measure(wal);
	percent(wal);
	make_reserve(wal);
}
