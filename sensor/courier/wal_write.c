// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Groups of records to segments. A group is written at once and synced at once; until that has succeeded it stays in memory. What a
// failed fdatasync leaves is unknown, and a second one on the same descriptor may say yes to pages that were thrown away: so the
// segment is given up, and the group is written into a new one.
//
// A new segment is made beside the log and comes into it by a rename, when its header and its first record are durable. The one before is
// sealed by then: whoever finds the last segment sealed makes the next.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "courier/wal_internal.h"

// How often one flush begins a new segment before it leaves the disk alone for a while.
enum { RETIRES_MAX = 2 };

// ---- the table ----

int wal_add_segment(struct yg_wal *wal, const struct segment *segment)
{
	if (wal->segments_count == wal->segments_room) {
		uint32_t room = wal->segments_room ? 2 * wal->segments_room : 16;
		struct segment *larger = realloc(wal->segments, room * sizeof *larger);
		if (!larger)
			return -ENOMEM;
		wal->segments = larger;
		wal->segments_room = room;
	}
	wal->segments[wal->segments_count] = *segment;
	wal->segments[wal->segments_count++].serial = ++wal->serials;
	return 0;
}

void wal_remove_segment(struct yg_wal *wal, uint32_t i)
{
	memmove(&wal->segments[i], &wal->segments[i + 1], (wal->segments_count - i - 1) * sizeof *wal->segments);
	wal->segments_count--;
}

// ---- the group ----

uint64_t wal_line_max(const struct yg_wal *wal)
{
	uint64_t others = YG_SEGMENT_HEADER + WAL_CARRY_WHOLE + WAL_MARK_WHOLE + 2 * WAL_GAP_ROOM + WAL_SEAL_WHOLE + YG_SEGMENT_RECORD;
	uint64_t most = (wal->o.segment_bytes - others) & ~(uint64_t)7;
	return most < YG_SPOOL_RECORD_MAX ? most : YG_SPOOL_RECORD_MAX;
}

uint64_t wal_room(const struct yg_wal *wal, bool for_lines)
{
	if (wal->active_file < 0)
		return 0;
	uint64_t taken = wal->active_end + (wal->group_size ? wal->group_size : WAL_MARK_WHOLE) + WAL_SEAL_WHOLE + (for_lines ? WAL_GAP_ROOM : 0);
	uint64_t segment = taken < wal->o.segment_bytes ? wal->o.segment_bytes - taken : 0;
	uint64_t group = wal->group_room - (wal->group_size ? wal->group_size : WAL_MARK_WHOLE);
	return segment < group ? segment : group;
}

uint64_t wal_put(struct yg_wal *wal, const struct yg_segment_record *record)
{
	if (wal->group_size == 0) {
		wal->group_size = WAL_MARK_WHOLE; // filled in when its segment is known
		wal->group_since_ns = wal->now_ns;
	}
	struct yg_segment_record own = *record;
	own.lsn = wal->next_lsn++;
	yg_segment_put(wal->group + wal->group_size, &own);
	wal->group_size += yg_segment_whole(own.size);
	return own.lsn;
}

static uint32_t length_at(const uint8_t *record)
{
	return (uint32_t)record[0] | (uint32_t)record[1] << 8 | (uint32_t)record[2] << 16 | (uint32_t)record[3] << 24;
}

// Sums begin with that of the segment that the group goes to. Returns how many records have an LSN.
static uint64_t sum_group(struct yg_wal *wal)
{
	uint32_t seed = wal->segments[wal->segments_count - 1].seed;
	uint8_t payload[YG_SPOOL_MARK_BYTES];
	yg_spool_put_mark(payload, wal->active_end);
	const struct yg_segment_record mark = {
		.lsn = wal->durable_lsn + 1, .type = YG_SPOOL_MARK, .payload = payload, .size = sizeof payload};
	yg_segment_put(wal->group, &mark);
	uint64_t count = 0;
	for (size_t at = 0; at < wal->group_size; count++) {
		size_t whole = yg_segment_whole(length_at(wal->group + at));
		yg_segment_sum(wal->group + at, seed);
		at += whole;
	}
	return count - 1;
}

static int write_synced(struct yg_wal *wal, const void *bytes, size_t size)
{
	int error = yg_disk_write_all(wal->disk, wal->active_file, bytes, size, wal->active_end);
	if (error)
		return wal_error(wal, &wal->stats.write_errors, error);
	error = yg_disk_sync(wal->disk, wal->active_file);
	if (error)
		return wal_error(wal, &wal->stats.sync_errors, error);
	wal->stats.syncs++;
	wal->stats.bytes_written += size;
	wal->active_end += size;
	sha256_update(&wal->active_sha, size, bytes);
	return 0;
}

static int write_group(struct yg_wal *wal)
{
	uint64_t count = sum_group(wal);
	int error = write_synced(wal, wal->group, wal->group_size);
	if (error)
		return error;
	wal->active_count += count;
	wal->durable_lsn = wal->next_lsn - 1;
	wal->group_size = 0;
	wal_settle(wal);
	return 0;
}

void wal_retire(struct yg_wal *wal, int error)
{
	if (wal->active_file < 0)
		return;
	wal->disk->ops->close(wal->disk->context, wal->active_file);
	wal->active_file = -1;
	wal->previous_sealed = false;
	wal->stats.segments_retired++;
	wal_say(wal, YG_WAL_EVENT_RETIRED, wal->segments[wal->segments_count - 1].first_lsn, (uint64_t)-error);
}

static int back_off(struct yg_wal *wal, int error)
{
	wal->backoff_ns = wal->backoff_ns ? 2 * wal->backoff_ns : WAL_BACKOFF_MIN_NS;
	if (wal->backoff_ns > WAL_BACKOFF_MAX_NS)
		wal->backoff_ns = WAL_BACKOFF_MAX_NS;
	wal->retry_ns = wal->now_ns + wal->backoff_ns;
	return error;
}

int wal_flush(struct yg_wal *wal)
{
	int error = 0;
	if (wal->group_size == 0)
		return 0;
	if (wal->now_ns < wal->retry_ns)
		return -EAGAIN;
	for (int attempt = 0; attempt <= RETIRES_MAX; attempt++) {
		// What has an LSN already was promised room, so it may use what is kept for high severity.
		error = wal->active_file < 0 ? wal_begin_segment(wal, YG_SPOOL_HIGH) : 0;
		if (error)
			break;
		error = write_group(wal);
		if (!error) {
			wal->backoff_ns = 0;
			return 0;
		}
		wal_retire(wal, error);
	}
	return back_off(wal, error);
}

// ---- segments ----

static void seal(struct yg_wal *wal)
{
	struct yg_spool_seal content = {.count = wal->active_count};
	struct sha256_ctx sha = wal->active_sha;
	uint8_t payload[YG_SPOOL_SEAL_BYTES], bytes[WAL_SEAL_WHOLE];
	sha256_digest(&sha, sizeof content.sha, content.sha);
	if (wal->previous_sealed)
		memcpy(content.previous, wal->previous_sha, sizeof content.previous);
	yg_spool_put_seal(payload, &content);
	const struct yg_segment_record record = {.lsn = wal->next_lsn, .type = YG_SPOOL_SEAL, .payload = payload, .size = sizeof payload};
	yg_segment_put(bytes, &record);
	yg_segment_sum(bytes, wal->segments[wal->segments_count - 1].seed);
	int error = write_synced(wal, bytes, sizeof bytes);
	if (error) {
		wal_retire(wal, error);
		return; // a segment without a seal is less, but the log goes on
	}
	wal->disk->ops->close(wal->disk->context, wal->active_file);
	wal->active_file = -1;
	wal->previous_sealed = true;
	memcpy(wal->previous_sha, content.sha, sizeof wal->previous_sha);
	wal->stats.segments_sealed++;
}

// A file with room for a segment, not yet in the log.
static int allocate(struct yg_wal *wal, enum yg_spool_class class)
{
	const struct yg_disk *d = wal->disk;
	int error = wal_make_room(wal, class, false);
	if (error)
		return error;
	int file = yg_disk_open_file(d, WAL_NEW_NAME, YG_DISK_CREATE);
	if (file < 0)
		return wal_error(wal, &wal->stats.other_errors, file);
	for (;;) {
		error = d->ops->allocate(d->context, file, wal->o.segment_bytes);
		if (error == -EINTR)
			continue;
		if (error != -ENOSPC || wal_make_room(wal, class, true))
			break;
	}
	if (!error)
		return file;
	d->ops->close(d->context, file);
	d->ops->unlink(d->context, WAL_NEW_NAME);
	return error == -ENOSPC ? error : wal_error(wal, &wal->stats.other_errors, error);
}

static size_t put_carry(const struct yg_wal *wal, uint8_t *out, uint64_t lsn, uint32_t seed)
{
	struct yg_spool_carry carry = {.has_previous = wal->previous_sealed, .previous_first = wal->previous_first,
	                               .holes_told = wal->holes_settled, .count = wal->highs_count};
	uint8_t payload[YG_SPOOL_CARRY_MAX];
	if (carry.has_previous)
		memcpy(carry.previous, wal->previous_sha, sizeof carry.previous);
	// Only what is durable: the group in memory comes behind.
	for (uint32_t i = 0; i < wal->highs_count; i++) {
		carry.highs[i] = wal->highs[i].high;
		carry.highs[i].pseq = wal->highs[i].settled;
	}
	const struct yg_segment_record record = {
		.lsn = lsn, .type = YG_SPOOL_CARRY, .payload = payload, .size = (uint32_t)yg_spool_put_carry(payload, &carry)};
	yg_segment_put(out, &record);
	yg_segment_sum(out, seed);
	return yg_segment_whole(record.size);
}

// A retired segment in which nothing became durable has the name that its successor gets, and is replaced by it.
static void replaced(struct yg_wal *wal, uint64_t first_lsn)
{
	if (wal->segments_count && wal->segments[wal->segments_count - 1].first_lsn == first_lsn)
		wal_remove_segment(wal, wal->segments_count - 1);
}

static int enter(struct yg_wal *wal, int file)
{
	const struct yg_disk *d = wal->disk;
	struct yg_segment_header header = {.generation = wal->state.generation, .first_lsn = wal->durable_lsn + 1};
	struct { // one write, so that both are there or neither
		uint8_t header[YG_SEGMENT_HEADER], carry[YG_SEGMENT_RECORD + YG_SPOOL_CARRY_MAX];
	} begin;
	char name[YG_SEGMENT_NAME];
	uint32_t before = wal->segments_count;
	while (before && wal->segments[before - 1].first_lsn >= header.first_lsn)
		before--; // that one is going to be replaced
	wal->previous_first = before ? wal->segments[before - 1].first_lsn : 0;
	memcpy(header.uuid, wal->state.uuid, sizeof header.uuid);
	header.created_ns = wal->o.real_ns + (wal->now_ns - wal->o.now_ns);
	yg_segment_put_header(begin.header, &header);
	size_t size = sizeof begin.header + put_carry(wal, begin.carry, header.first_lsn, header.seed);
	yg_segment_name(name, header.generation, header.first_lsn);
	int error = yg_disk_write_all(d, file, &begin, size, 0);
	if (!error)
		error = yg_disk_sync(d, file);
	if (!error)
		error = d->ops->rename(d->context, WAL_NEW_NAME, name);
	if (error)
		return error;
	replaced(wal, header.first_lsn);
	const struct segment segment = {.generation = header.generation, .first_lsn = header.first_lsn, .created_ns = header.created_ns,
	                                .bytes = wal->o.segment_bytes, .seed = header.seed};
	error = wal_add_segment(wal, &segment);
	if (error)
		return error;
	wal->active_file = file;
	wal->active_end = size;
	wal->active_count = 0;
	sha256_init(&wal->active_sha);
	sha256_update(&wal->active_sha, size, (const uint8_t *)&begin);
	error = d->ops->sync_directory(d->context);
	if (error)
		wal_retire(wal, error);
	return error == 0 ? 0 : wal_error(wal, &wal->stats.sync_errors, error);
}

// Puts a file that was allocated into the log.
static int take_in(struct yg_wal *wal, int file)
{
	uint64_t serials = wal->serials;
	int error = enter(wal, file);
	if (error && wal->serials == serials) {
		// It never got as far as its name.
		wal->disk->ops->close(wal->disk->context, file);
		wal->disk->ops->unlink(wal->disk->context, WAL_NEW_NAME);
		return wal_error(wal, &wal->stats.other_errors, error);
	}
	if (error)
		return error;
	wal->stats.segments_created++;
	wal_take_room(wal, wal->o.segment_bytes);
	wal->state.segment_lsn = wal->segments[wal->segments_count - 1].first_lsn;
	wal_measure(wal);
	// Behind is harmless: it only tells a start that a segment ought to be there.
	wal_keep(wal);
	return 0;
}

int wal_begin_segment(struct yg_wal *wal, enum yg_spool_class class)
{
	int file = allocate(wal, class);
	return file < 0 ? file : take_in(wal, file);
}

int wal_roll(struct yg_wal *wal, enum yg_spool_class class)
{
	int error = wal_flush(wal);
	if (error)
		return error;
	if (wal->now_ns < wal->retry_ns)
		return -EAGAIN;
	int file = allocate(wal, class);
	if (file == -ENOSPC)
		return file;
	if (file < 0)
		return back_off(wal, -EAGAIN);
	if (wal->active_file >= 0)
		seal(wal);
	error = take_in(wal, file);
	return error ? back_off(wal, -EAGAIN) : 0;
}
