// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What a start finds. Damage is never a reason to refuse it, nor to begin from nothing.
//
// Of every segment the header and the first record are read, which name the segment before, so a missing one is seen; the newest alone is
// read whole. In it, what lies behind the last mark belongs to a group of which nobody knows how much has reached the disk. A bad
// record there ends the log, even with good ones behind it: none of that group was ever called durable, and its source still has it
// all. It is a torn tail, which is copied aside and zeroed. A bad record before the last mark was durable once: that is damage, it is
// stepped over, counted and told, and the segment is left as it is.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "courier/wal_internal.h"

enum {
	BLOCK = 4096,           // what one bad sector may cost
	READ_ATTEMPTS = 3,
	FOUND_MAX = 2 * YG_WAL_SEGMENTS, // segments that a start looks at
	TORN_MAX = 1 << 20,     // bytes of a torn tail that are kept
};

struct start {
	struct yg_wal *wal;
	int error; // of listing
	uint64_t reserve_bytes;
	bool has_new, has_meta_new, has_reserve_new;
};

static void take_name(void *context, const char *name, uint64_t bytes)
{
	struct start *start = context;
	struct segment segment = {.bytes = bytes};
	if (strcmp(name, WAL_NEW_NAME) == 0)
		start->has_new = true;
	else if (strcmp(name, WAL_META_NEW) == 0)
		start->has_meta_new = true;
	else if (strcmp(name, WAL_RESERVE_NEW) == 0)
		start->has_reserve_new = true;
	else if (strcmp(name, WAL_RESERVE_NAME) == 0)
		start->reserve_bytes = bytes;
	else if (strncmp(name, "torn-", 5) == 0)
		start->wal->torn_files++;
	if (!yg_segment_parse_name(name, &segment.generation, &segment.first_lsn))
		return;
	if (start->wal->segments_count >= FOUND_MAX)
		start->wal->stats.segments_full++;
	else if (wal_add_segment(start->wal, &segment) < 0)
		start->error = -ENOMEM;
}

static int by_lsn(const void *one, const void *two)
{
	const struct segment *a = one, *b = two;
	if (a->first_lsn != b->first_lsn)
		return a->first_lsn < b->first_lsn ? -1 : 1;
	return a->generation < b->generation ? -1 : a->generation > b->generation;
}

static int open_segment(struct yg_wal *wal, const struct segment *segment, enum yg_disk_mode mode)
{
	char name[YG_SEGMENT_NAME];
	int file = -EIO;
	yg_segment_name(name, segment->generation, segment->first_lsn);
	for (int attempt = 0; attempt < READ_ATTEMPTS && file < 0 && file != -ENOENT; attempt++)
		file = yg_disk_open_file(wal->disk, name, mode);
	return file;
}

// Blocks that cannot be read are zeros. How many there were.
static uint64_t read_blocks(struct yg_wal *wal, int file, uint8_t *bytes, size_t size)
{
	uint64_t bad = 0;
	int error = yg_disk_read_all(wal->disk, file, bytes, size, 0);
	for (size_t at = 0; error && at < size; at += BLOCK) {
		size_t n = size - at < BLOCK ? size - at : BLOCK;
		int failed = -EIO;
		for (int attempt = 0; attempt < READ_ATTEMPTS && failed; attempt++)
			failed = yg_disk_read_all(wal->disk, file, bytes + at, n, at);
		if (failed) {
			memset(bytes + at, 0, n);
			bad++;
			wal_error(wal, &wal->stats.read_errors, failed);
		}
	}
	return bad;
}

// Header and carry record. False: the segment is not one of ours, or its header is gone.
static bool look_at(struct yg_wal *wal, struct segment *segment, bool know_uuid, struct yg_spool_carry *ret_carry, bool *ret_has_carry)
{
	uint8_t bytes[YG_SEGMENT_HEADER + WAL_CARRY_WHOLE] = {0};
	struct yg_segment_header header;
	struct yg_segment_record record;
	size_t size = segment->bytes < sizeof bytes ? (size_t)segment->bytes : sizeof bytes, summed;
	int file = open_segment(wal, segment, YG_DISK_READ), error = file;
	if (file >= 0) {
		for (int attempt = 0; attempt == 0 || (error && attempt < READ_ATTEMPTS); attempt++)
			error = yg_disk_read_all(wal->disk, file, bytes, size, 0);
		wal->disk->ops->close(wal->disk->context, file);
	}
	if (error || !yg_segment_get_header(bytes, size, &header) || header.first_lsn != segment->first_lsn ||
	    header.generation != segment->generation || (know_uuid && memcmp(header.uuid, wal->state.uuid, sizeof header.uuid) != 0)) {
		segment->unreadable = true;
		wal->stats.unreadable_segments++;
		wal_say(wal, YG_WAL_EVENT_UNREADABLE, segment->first_lsn, error < 0 ? (uint64_t)-error : 0);
		return false;
	}
	segment->seed = header.seed;
	segment->created_ns = header.created_ns;
	if (!know_uuid)
		memcpy(wal->state.uuid, header.uuid, sizeof header.uuid);
	*ret_has_carry = yg_segment_get(bytes + YG_SEGMENT_HEADER, size - YG_SEGMENT_HEADER, header.seed, &record, &summed) == YG_SEGMENT_GOOD &&
	                 yg_spool_get_carry(&record, ret_carry);
	return true;
}

// ---- one segment, whole ----

struct scan {
	uint8_t *bytes;
	size_t size;     // of the file
	size_t nonzero;  // behind the last byte that is not zero
	size_t durable;  // behind the last group that is known to have been synced
	size_t end;      // behind the last record
	uint64_t bad_blocks;
	struct yg_segment_header header;
	struct yg_segment_walk walk;
	bool sealed;
	struct yg_spool_seal seal;
};

static int load(struct yg_wal *wal, int file, const struct segment *segment, struct scan *scan)
{
	*scan = (struct scan){.size = segment->bytes > YG_WAL_SEGMENT_MAX ? YG_WAL_SEGMENT_MAX : (size_t)segment->bytes};
	scan->bytes = calloc(1, scan->size + 1);
	if (!scan->bytes)
		return -ENOMEM;
	scan->bad_blocks = read_blocks(wal, file, scan->bytes, scan->size);
	for (scan->nonzero = scan->size; scan->nonzero && scan->bytes[scan->nonzero - 1] == 0;)
		scan->nonzero--;
	if (!yg_segment_get_header(scan->bytes, scan->size, &scan->header))
		return -EBADMSG;
	return 0;
}

static void note_hole(struct yg_wal *wal, unsigned reason, uint64_t from, uint64_t to)
{
	if (from > to || to < wal->holes_told)
		return;
	const struct yg_spool_gap gap = {
		.class = YG_SPOOL_GAP_NO_CLASS, .reason = (uint8_t)reason, .count = to - from + 1, .from = from, .to = to};
	wal_note_gap(wal, &gap);
}

static void take_record(struct yg_wal *wal, const struct yg_segment_record *record)
{
	struct yg_spool_carry carry;
	struct yg_spool_gap gap;
	if (record->type == YG_SPOOL_LINE) {
		wal_raise(wal, record->producer, yg_spool_lane(record->class), record->pseq);
		wal->stats.recovered_records++;
	} else if (yg_spool_get_gap(record, &gap)) {
		if (gap.reason == YG_SPOOL_GAP_SHED && gap.class < YG_SPOOL_CLASSES)
			wal_raise(wal, gap.producer, yg_spool_lane(gap.class), gap.to);
		else if (gap.to < YG_LSN_MAX && gap.to + 1 > wal->holes_told)
			wal->holes_told = gap.to + 1;
	} else if (yg_spool_get_carry(record, &carry)) {
		for (uint32_t i = 0; i < carry.count; i++)
			wal_raise(wal, carry.highs[i].producer, carry.highs[i].lane, carry.highs[i].pseq);
		if (carry.holes_told > wal->holes_told)
			wal->holes_told = carry.holes_told;
		wal->previous_sealed = carry.has_previous;
		memcpy(wal->previous_sha, carry.previous, sizeof wal->previous_sha);
	}
}

// Everything that holds. Fills highs and what was told of holes, and notes damage.
static void read_records(struct yg_wal *wal, struct scan *scan)
{
	struct yg_segment_walk *walk = &scan->walk;
	struct yg_segment_record record;
	uint64_t damaged = 0;
	struct { uint64_t from, to; } holes[YG_WAL_GAPS];
	unsigned holes_count = 0;
	yg_segment_walk_memory(walk, &scan->header, scan->bytes, scan->size);
	walk->durable = scan->durable;
	while (yg_segment_next(walk, &record) == 1) {
		if (walk->damaged != damaged) {
			wal_say(wal, YG_WAL_EVENT_DAMAGED, record.lsn - walk->skipped, walk->damaged_at);
			wal->stats.damaged_records += walk->skipped ? walk->skipped : 1;
			if (walk->skipped && holes_count < YG_WAL_GAPS) {
				holes[holes_count].from = record.lsn - walk->skipped;
				holes[holes_count++].to = record.lsn - 1;
			}
			damaged = walk->damaged;
		}
		take_record(wal, &record);
		wal->active_count += yg_segment_takes_lsn(record.type);
		if (yg_spool_get_seal(&record, &scan->seal)) {
			scan->sealed = true;
			break;
		}
		if (walk->offset >= scan->nonzero)
			break;
	}
	wal->stats.damaged_searches += walk->gave_up;
	scan->end = walk->offset;
	for (unsigned i = 0; i < holes_count; i++)
		note_hole(wal, YG_SPOOL_GAP_DAMAGED, holes[i].from, holes[i].to);
}

// ---- what a cut left ----

static void keep_torn(struct yg_wal *wal, const struct scan *scan)
{
	const struct yg_disk *d = wal->disk;
	size_t size = scan->nonzero - scan->end;
	wal->stats.torn_tails++;
	wal->stats.torn_bytes += size;
	wal_say(wal, YG_WAL_EVENT_TORN, scan->walk.next_lsn, size);
	char name[YG_SEGMENT_NAME + 8];
	// One name a place: the copy of an earlier attempt at the same place is the same.
	snprintf(name, sizeof name, "torn-%016llx-%016llx.bin", (unsigned long long)scan->header.generation,
	         (unsigned long long)scan->walk.next_lsn);
	int file = wal->torn_files < YG_WAL_TORN ? yg_disk_open_file(d, name, YG_DISK_CREATE) : -EMFILE;
	int error = file < 0 ? file : yg_disk_write_all(d, file, scan->bytes + scan->end, size < TORN_MAX ? size : TORN_MAX, 0);
	if (!error)
		error = yg_disk_sync(d, file);
	if (file >= 0)
		d->ops->close(d->context, file);
	if (error) {
		wal->stats.torn_not_kept++;
		return;
	}
	wal->torn_files++;
	d->ops->sync_directory(d->context);
}

static int zero_torn(struct yg_wal *wal, int file, struct scan *scan)
{
	memset(scan->bytes + scan->end, 0, scan->nonzero - scan->end);
	return yg_disk_write_all(wal->disk, file, scan->bytes + scan->end, scan->nonzero - scan->end, scan->end);
}

// The disk does not take the newest segment any more: what of it may not be durable goes through memory into another.
static void take_last_group(struct yg_wal *wal, struct scan *scan)
{
	struct yg_segment_record record;
	struct yg_segment_walk walk;
	yg_segment_walk_memory(&walk, &scan->header, scan->bytes, scan->end);
	wal->highs_count = 0;
	wal->holes_told = wal->stats.recovered_records = 0;
	while (walk.offset < scan->durable && yg_segment_next(&walk, &record) == 1)
		take_record(wal, &record);
	wal_settle(wal);
	wal->next_lsn = walk.next_lsn;
	wal->durable_lsn = wal->next_lsn - 1;
	while (yg_segment_next(&walk, &record) == 1) {
		if (!yg_segment_takes_lsn(record.type))
			continue;
		if (wal->group_room - wal->group_size < yg_segment_whole(record.size) + WAL_MARK_WHOLE)
			return; // written under other options: its source offers it again
		wal_put(wal, &record);
		take_record(wal, &record);
	}
}

// The newest segment is taken over, or another will be begun.
static void take_over(struct yg_wal *wal, int file, struct scan *scan)
{
	const struct yg_disk *d = wal->disk;
	struct segment *segment = &wal->segments[wal->segments_count - 1];
	bool usable = scan->walk.damaged == 0 && scan->bad_blocks == 0 && segment->bytes == wal->o.segment_bytes;
	int error = 0;
	wal->next_lsn = scan->walk.next_lsn;
	wal->durable_lsn = wal->next_lsn - 1;
	if (scan->nonzero > scan->end && !scan->sealed) {
		keep_torn(wal, scan);
		if (usable)
			error = zero_torn(wal, file, scan);
	}
	// Pages that only the dead process's writes have filled are not on disk yet, and nothing may be read that could still go.
	if (!error)
		error = yg_disk_sync(d, file);
	if (error)
		take_last_group(wal, scan);
	else
		wal_settle(wal);
	wal->previous_first = segment->first_lsn;
	if (scan->sealed || error || !usable) {
		wal->active_file = file;
		if (scan->sealed) {
			d->ops->close(d->context, file);
			wal->active_file = -1;
			wal->previous_sealed = true;
			memcpy(wal->previous_sha, scan->seal.sha, sizeof wal->previous_sha);
		} else {
			wal_retire(wal, error ? wal_error(wal, &wal->stats.sync_errors, error) : 0);
		}
		wal->active_count = 0;
		return;
	}
	wal->active_file = file;
	wal->active_end = scan->end;
	sha256_init(&wal->active_sha);
	sha256_update(&wal->active_sha, scan->end, scan->bytes);
}

static int scan_newest(struct yg_wal *wal)
{
	struct segment *segment = &wal->segments[wal->segments_count - 1];
	struct scan scan = {0};
	int file = open_segment(wal, segment, YG_DISK_WRITE);
	int error = file < 0 ? file : load(wal, file, segment, &scan);
	if (!error) {
		// The last record may end in zeros.
		size_t size = scan.size - scan.nonzero < YG_SPOOL_SEAL_BYTES ? scan.size : scan.nonzero + YG_SPOOL_SEAL_BYTES;
		scan.durable = yg_segment_durable(&scan.header, scan.bytes, size);
		read_records(wal, &scan);
		take_over(wal, file, &scan);
	} else if (file >= 0) {
		wal->disk->ops->close(wal->disk->context, file);
	}
	free(scan.bytes);
	return error;
}

// The LSN behind the last one of a segment that is not the newest; its first when it cannot be read.
static uint64_t end_of(struct yg_wal *wal, uint32_t i)
{
	struct scan scan = {0};
	uint64_t end = wal->segments[i].first_lsn;
	struct yg_segment_record record;
	int file = open_segment(wal, &wal->segments[i], YG_DISK_READ);
	if (file >= 0 && load(wal, file, &wal->segments[i], &scan) == 0) {
		yg_segment_walk_memory(&scan.walk, &scan.header, scan.bytes, scan.size);
		while (yg_segment_next(&scan.walk, &record) == 1 && scan.walk.offset < scan.nonzero) {
		}
		end = scan.walk.next_lsn;
	}
	if (file >= 0)
		wal->disk->ops->close(wal->disk->context, file);
	free(scan.bytes);
	return end;
}

// ---- all of them ----

// What a sink has still to deliver begins here; 0: nobody has said.
static uint64_t lowest_cursor(const struct yg_wal *wal)
{
	uint64_t lowest = 0;
	for (int i = 0; i < YG_WAL_SINKS; i++)
		if (wal->state.cursors[i].name[0] && (lowest == 0 || wal->state.cursors[i].lsn < lowest))
			lowest = wal->state.cursors[i].lsn;
	return lowest;
}

static void tell_missing(struct yg_wal *wal, uint64_t from, uint64_t to)
{
	if (from < lowest_cursor(wal))
		from = lowest_cursor(wal);
	if (from > to || to < wal->holes_told)
		return;
	wal->stats.missing_segments++;
	wal->stats.missing_records += to - from + 1;
	wal_say(wal, YG_WAL_EVENT_MISSING, from, to);
	note_hole(wal, YG_SPOOL_GAP_MISSING, from, to);
}

// Reads what is there but the newest, and notes pairs between which one is missing in `holes`.
static void look_at_all(struct yg_wal *wal, bool know_uuid, uint8_t *hole_before)
{
	uint64_t previous = 0; // first LSN of the last readable one
	bool any = false;
	for (uint32_t i = wal->segments_count; i > 0 && !know_uuid; i--) {
		struct yg_spool_carry carry;
		bool has_carry;
		struct segment copy = wal->segments[i - 1];
		know_uuid = look_at(wal, &copy, false, &carry, &has_carry);
		if (know_uuid)
			wal->state.generation = copy.generation;
		else
			wal->stats.unreadable_segments--; // it is asked again below
	}
	for (uint32_t i = 0; i < wal->segments_count; i++) {
		struct yg_spool_carry carry;
		bool has_carry = false;
		if (!look_at(wal, &wal->segments[i], know_uuid, &carry, &has_carry))
			continue;
		hole_before[i] = has_carry && carry.previous_first != previous && (any || carry.previous_first);
		previous = wal->segments[i].first_lsn;
		any = true;
	}
}

static void tell_holes(struct yg_wal *wal, const uint8_t *hole_before)
{
	int64_t last = -1;
	for (uint32_t i = 0; i < wal->segments_count; i++) {
		if (wal->segments[i].unreadable)
			continue;
		// At the beginning something is missing when a sink still needs it; else it was deleted.
		bool needed = last >= 0 || lowest_cursor(wal);
		if (hole_before[i] && needed && wal->segments[i].first_lsn > wal->holes_told)
			tell_missing(wal, last < 0 ? 1 : end_of(wal, (uint32_t)last), wal->segments[i].first_lsn - 1);
		last = i;
	}
}

// Segments at the end are gone: how many records they had is not known, so no LSN of theirs is given again.
static void go_beyond(struct yg_wal *wal, uint64_t lost_first)
{
	uint64_t next = lost_first + YG_WAL_SEGMENT_MAX / YG_SEGMENT_WHOLE_MIN;
	if (wal->group_size)
		return; // the next start will see it again
	tell_missing(wal, wal->next_lsn, next - 1);
	wal_retire(wal, 0);
	wal->previous_sealed = false;
	wal->state.generation++;
	wal->next_lsn = next;
	wal->durable_lsn = next - 1;
}

static uint64_t highest_cursor(const struct yg_wal *wal)
{
	uint64_t highest = 0;
	for (int i = 0; i < YG_WAL_SINKS; i++)
		if (wal->state.cursors[i].name[0] && wal->state.cursors[i].lsn > highest && wal->state.cursors[i].lsn < YG_LSN_MAX / 2)
			highest = wal->state.cursors[i].lsn;
	return highest;
}

static int recover_segments(struct yg_wal *wal, bool found)
{
	uint8_t *hole_before = calloc(1, wal->segments_count + 1);
	uint64_t lost = wal->state.segment_lsn;
	if (!hole_before)
		return -ENOMEM;
	wal->next_lsn = 1;
	if (wal->segments_count)
		qsort(wal->segments, wal->segments_count, sizeof *wal->segments, by_lsn);
	look_at_all(wal, found, hole_before);
	// Unreadable ones stay where they are, and out of the table: nothing of theirs can be had, and nothing is thrown away.
	uint32_t kept = 0;
	for (uint32_t i = 0; i < wal->segments_count; i++) {
		if (wal->segments[i].unreadable) {
			lost = wal->segments[i].first_lsn > lost ? wal->segments[i].first_lsn : lost;
			continue;
		}
		hole_before[kept] = hole_before[i];
		wal->segments[kept++] = wal->segments[i];
	}
	wal->segments_count = kept;
	int error = 0;
	while (wal->segments_count && (error = scan_newest(wal)) && error != -ENOMEM) {
		// It cannot be read at all: like one that is not there.
		uint64_t first = wal->segments[--wal->segments_count].first_lsn;
		lost = first > lost ? first : lost;
		wal->stats.unreadable_segments++;
		wal_say(wal, YG_WAL_EVENT_UNREADABLE, first, (uint64_t)-error);
		error = 0;
	}
	kept = wal->segments_count;
	wal->durable_lsn = wal->durable_lsn ? wal->durable_lsn : wal->next_lsn - 1;
	if (!error) {
		tell_holes(wal, hole_before);
		uint64_t newest = kept ? wal->segments[kept - 1].first_lsn : 0;
		if (lost > newest && lost < YG_LSN_MAX / 2)
			go_beyond(wal, lost);
		else if (highest_cursor(wal) > wal->next_lsn)
			go_beyond(wal, highest_cursor(wal)); // records that a sink has had are gone
	}
	free(hole_before);
	return error;
}

// Remains of something that was being made.
static void sweep(struct yg_wal *wal, const struct start *start)
{
	const struct yg_disk *d = wal->disk;
	if (start->has_new)
		d->ops->unlink(d->context, WAL_NEW_NAME);
	if (start->has_meta_new)
		d->ops->unlink(d->context, WAL_META_NEW);
	if (start->has_reserve_new)
		d->ops->unlink(d->context, WAL_RESERVE_NEW);
	// One of quite another size is made anew; else it is kept, because on a disk that has filled since it could not be made again.
	if (start->reserve_bytes > 2 * wal->o.reserve_bytes || 2 * start->reserve_bytes < wal->o.reserve_bytes) {
		if (start->reserve_bytes)
			d->ops->unlink(d->context, WAL_RESERVE_NAME);
	} else if (start->reserve_bytes) {
		wal->has_reserve = true;
		wal->o.reserve_bytes = start->reserve_bytes;
	}
	wal->stats.reserve_bytes = wal->has_reserve ? start->reserve_bytes : 0;
}

static void after_highest_producer(struct yg_wal *wal)
{
	for (uint32_t i = 0; i < wal->highs_count; i++)
		if (wal->highs[i].high.producer >= wal->state.next_producer && wal->highs[i].high.producer < UINT32_MAX)
			wal->state.next_producer = wal->highs[i].high.producer + 1;
}

// The second in which the log is made: above every number of a log that was here before and was deleted, so that a reader who saw
// that one sees its runs go on and not begin again.
static uint32_t first_producer(uint64_t real_ns)
{
	uint64_t second = real_ns / (uint64_t)YG_NS_PER_S;
	return second > 0 && second < UINT32_MAX / 2 + 1u ? (uint32_t)second : 1;
}

int wal_recover(struct yg_wal *wal)
{
	struct start start = {.wal = wal};
	bool found, changed;
	int error = wal->disk->ops->list(wal->disk->context, take_name, &start);
	if (error || start.error)
		return error ? error : start.error;
	error = wal_keep_read(wal, &found);
	if (error && error != -EIO && error != -EINVAL && error != -ELOOP)
		return error;
	changed = !found;
	if (!found) {
		wal->state.generation = 1;
		wal->state.next_producer = first_producer(wal->o.real_ns);
		memcpy(wal->state.uuid, wal->o.uuid, sizeof wal->state.uuid);
	}
	uint64_t generation = wal->state.generation;
	uint32_t segments = wal->segments_count;
	sweep(wal, &start);
	error = recover_segments(wal, found);
	if (error)
		return error;
	after_highest_producer(wal);
	if (!found && segments) {
		wal->stats.meta_lost++;
		wal_say(wal, YG_WAL_EVENT_META_LOST, wal->segments_count ? wal->segments[0].first_lsn : 0, wal->state.generation);
	} else if (!found) {
		wal_say(wal, YG_WAL_EVENT_CREATED, wal->state.generation, 0);
	}
	if (changed || generation != wal->state.generation) {
		error = wal_keep(wal);
		if (error == -EROFS || error == -EACCES || error == -EPERM)
			return error;
	}
	if (wal->active_file < 0 && wal->group_size == 0)
		wal_begin_segment(wal, YG_SPOOL_ALERT); // a full or failing disk is no reason either: appending tries again
	return 0;
}
