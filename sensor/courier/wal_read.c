// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A reader for each sink: durable records alone, in order, each once, whatever the writer does meanwhile (segments that are retired,
// replaced, deleted). It knows its place by LSN; the segment and the offset in it are only where that LSN was seen last.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "courier/wal_internal.h"

enum {
	WINDOW = 256 * 1024 + YG_SEGMENT_WHOLE_MAX,
	BLOCK = 4096, // what one bad sector may cost
};
// A disk that takes what is written and has given nothing back at one place for so long has lost that place.
#define GIVE_UP_NS (60 * UINT64_C(1000000000))

struct yg_wal_reader {
	struct yg_wal *wal;
	uint64_t next_lsn; // of what is wanted
	uint64_t serial;   // of the segment that is open; 0: none
	uint32_t hint;     // where it was in the table
	int file;
	struct yg_segment_walk walk;
	struct {
		uint64_t serial, offset; // serial 0: none
		uint64_t since_ns, syncs; // when it was met first; how much had been synced by then
	} refused; // the place at which nothing can be read
	uint8_t *window;
	size_t window_room, window_at, window_size;
};

struct yg_wal_reader *yg_wal_reader_create(struct yg_wal *wal, uint64_t lsn)
{
	struct yg_wal_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return NULL;
	reader->wal = wal;
	reader->next_lsn = lsn ? lsn : 1;
	reader->file = -1;
	reader->window_room = wal->o.segment_bytes < WINDOW ? (size_t)wal->o.segment_bytes : WINDOW;
	if (reader->window_room < YG_SEGMENT_WHOLE_MAX)
		reader->window_room = YG_SEGMENT_WHOLE_MAX; // segments of another size may be there
	reader->window = malloc(reader->window_room);
	if (!reader->window) {
		free(reader);
		errno = ENOMEM;
		return NULL;
	}
	return reader;
}

static void leave(struct yg_wal_reader *reader)
{
	if (reader->file >= 0)
		reader->wal->disk->ops->close(reader->wal->disk->context, reader->file);
	reader->file = -1;
	reader->serial = 0;
}

void yg_wal_reader_destroy(struct yg_wal_reader *reader)
{
	if (!reader)
		return;
	leave(reader);
	free(reader->window);
	free(reader);
}

void yg_wal_seek(struct yg_wal_reader *reader, uint64_t lsn)
{
	reader->next_lsn = lsn ? lsn : 1;
	leave(reader);
}

// Whether what cannot be read is gone, and not merely the disk away: then it would take nothing either.
static bool gone(struct yg_wal_reader *reader, size_t offset)
{
	const struct yg_wal *wal = reader->wal;
	if (reader->refused.serial != reader->serial || reader->refused.offset != offset) {
		reader->refused.serial = reader->serial;
		reader->refused.offset = offset;
		reader->refused.since_ns = wal->now_ns;
		reader->refused.syncs = wal->stats.syncs;
	}
	return wal->now_ns - reader->refused.since_ns >= GIVE_UP_NS && wal->stats.syncs > reader->refused.syncs;
}

// A block that cannot be read costs the records in it. It is filled with what no record can be; zeros would be the end of the segment.
static int read_blocks(struct yg_wal_reader *reader, size_t size, size_t offset)
{
	bool any = false;
	for (size_t at = 0, n; at < size; at += n) {
		n = BLOCK - (offset + at) % BLOCK; // as they lie on the disk: across two of them, one would cost both
		n = size - at < n ? size - at : n;
		int error = yg_disk_read_all(reader->wal->disk, reader->file, reader->window + at, n, offset + at);
		if (error && error != -EIO)
			return error;
		any |= !error;
		if (error)
			memset(reader->window + at, 0xff, n);
	}
	return any || gone(reader, offset) ? 0 : -EIO;
}

static const uint8_t *bytes_at(void *context, size_t offset, size_t *ret_left)
{
	struct yg_wal_reader *reader = context;
	size_t rest = reader->walk.size - offset;
	size_t need = rest < YG_SEGMENT_WHOLE_MAX ? rest : YG_SEGMENT_WHOLE_MAX;
	if (offset < reader->window_at || offset + need > reader->window_at + reader->window_size) {
		size_t size = rest < reader->window_room ? rest : reader->window_room;
		reader->window_size = 0;
		int error = yg_disk_read_all(reader->wal->disk, reader->file, reader->window, size, offset);
		if (error) {
			wal_error(reader->wal, &reader->wal->stats.read_errors, error);
			if (error != -EIO || read_blocks(reader, size, offset))
				return NULL;
		}
		reader->window_at = offset;
		reader->window_size = size;
	}
	*ret_left = reader->window_at + reader->window_size - offset;
	return reader->window + (offset - reader->window_at);
}

static bool find_open(struct yg_wal_reader *reader)
{
	const struct yg_wal *wal = reader->wal;
	if (reader->serial == 0)
		return false;
	if (reader->hint < wal->segments_count && wal->segments[reader->hint].serial == reader->serial)
		return true;
	for (uint32_t i = 0; i < wal->segments_count; i++)
		if (wal->segments[i].serial == reader->serial) {
			reader->hint = i;
			return true;
		}
	return false;
}

static int enter(struct yg_wal_reader *reader, uint32_t i)
{
	struct yg_wal *wal = reader->wal;
	const struct segment *segment = &wal->segments[i];
	char name[YG_SEGMENT_NAME];
	leave(reader);
	yg_segment_name(name, segment->generation, segment->first_lsn);
	int file = yg_disk_open_file(wal->disk, name, YG_DISK_READ);
	if (file < 0)
		return wal_error(wal, &wal->stats.read_errors, file);
	const struct yg_segment_header header = {.first_lsn = segment->first_lsn, .seed = segment->seed};
	yg_segment_walk_start(&reader->walk, &header, (size_t)segment->bytes);
	reader->walk.bytes = bytes_at;
	reader->walk.context = reader;
	reader->window_size = 0;
	reader->file = file;
	reader->serial = segment->serial;
	reader->hint = i;
	return 0;
}

// What of the open segment may be looked at now: the writer has gone on since.
static void set_bounds(struct yg_wal_reader *reader)
{
	const struct yg_wal *wal = reader->wal;
	bool last = reader->hint + 1 == wal->segments_count;
	size_t size = last && wal->active_file >= 0 ? (size_t)wal->active_end : (size_t)wal->segments[reader->hint].bytes;
	reader->walk.size = reader->walk.durable = size;
	reader->walk.end_lsn = last ? wal->durable_lsn + 1 : wal->segments[reader->hint + 1].first_lsn;
	// A segment that was retired is looked at no further than what it had when it was the active one.
	if (reader->window_at + reader->window_size > size)
		reader->window_size = 0;
}

// The segment, or the next that is there: one that has been removed is as one that was missing at the start.
static int enter_from(struct yg_wal_reader *reader, uint32_t i)
{
	struct yg_wal *wal = reader->wal;
	int error = -ENOENT;
	for (; i < wal->segments_count && error == -ENOENT; i++) {
		error = enter(reader, i);
		if (error != -ENOENT || i + 1 == wal->segments_count)
			continue;
		uint64_t from = wal->segments[i].first_lsn > reader->next_lsn ? wal->segments[i].first_lsn : reader->next_lsn;
		uint64_t end = wal->segments[i + 1].first_lsn;
		wal->stats.missing_records += end > from ? end - from : 0;
		wal_say(wal, YG_WAL_EVENT_MISSING, from, end - 1);
	}
	return error;
}

static int locate(struct yg_wal_reader *reader)
{
	const struct yg_wal *wal = reader->wal;
	uint32_t found = 0;
	for (uint32_t i = 0; i < wal->segments_count; i++)
		if (wal->segments[i].first_lsn <= reader->next_lsn)
			found = i;
	return enter_from(reader, found);
}

static void count_damage(struct yg_wal_reader *reader, uint64_t before, bool gave_up)
{
	struct yg_wal *wal = reader->wal;
	const struct yg_segment_walk *walk = &reader->walk;
	wal->stats.damaged_searches += walk->gave_up && !gave_up;
	if (walk->damaged == before)
		return;
	wal->stats.damaged_records += walk->skipped ? walk->skipped : 1;
	wal_say(wal, YG_WAL_EVENT_DAMAGED, walk->next_lsn, walk->damaged_at);
}

// The segment is left, and the records up to the next one are not there. Zeros are no damage: so does one end behind which LSNs were
// left out.
static void count_lost_end(struct yg_wal_reader *reader)
{
	static const uint8_t zeros[YG_SEGMENT_RECORD];
	struct yg_wal *wal = reader->wal;
	const struct yg_segment_walk *walk = &reader->walk;
	size_t left;
	if (walk->next_lsn >= walk->end_lsn || walk->offset + YG_SEGMENT_WHOLE_MIN > walk->size)
		return;
	const uint8_t *bytes = bytes_at(reader, walk->offset, &left);
	if (!bytes || memcmp(bytes, zeros, sizeof zeros) == 0)
		return;
	wal->stats.damaged_records += walk->end_lsn - walk->next_lsn;
	wal_say(wal, YG_WAL_EVENT_DAMAGED, walk->next_lsn, walk->offset);
}

static bool take(struct yg_wal_reader *reader, const struct yg_segment_record *record, struct yg_wal_entry *ret_entry)
{
	struct yg_wal_entry entry = {.lsn = record->lsn,
	                             .skipped = record->lsn - reader->next_lsn,
	                             .type = (enum yg_spool_type)record->type,
	                             .class = (enum yg_spool_class)record->class,
	                             .producer = record->producer,
	                             .pseq = record->pseq,
	                             .bytes = (const char *)record->payload,
	                             .size = record->size};
	if (record->type == YG_SPOOL_GAP && !yg_spool_get_gap(record, &entry.gap))
		return false;
	reader->next_lsn = record->lsn + 1;
	reader->wal->stats.read_records++;
	*ret_entry = entry;
	return true;
}

int yg_wal_read(struct yg_wal_reader *reader, struct yg_wal_entry *ret_entry)
{
	const struct yg_wal *wal = reader->wal;
	while (reader->next_lsn <= wal->durable_lsn && wal->segments_count) {
		struct yg_segment_record record;
		int error = find_open(reader) ? 0 : locate(reader);
		if (error)
			return error;
		set_bounds(reader);
		uint64_t damaged = reader->walk.damaged;
		bool gave_up = reader->walk.gave_up;
		int status = yg_segment_next(&reader->walk, &record);
		if (status < 0)
			return status;
		count_damage(reader, damaged, gave_up);
		if (status == 1) {
			if (yg_segment_takes_lsn(record.type) && record.lsn >= reader->next_lsn && take(reader, &record, ret_entry))
				return 1;
			continue;
		}
		if (reader->hint + 1 >= wal->segments_count)
			return 0;
		count_lost_end(reader);
		error = enter_from(reader, reader->hint + 1);
		if (error)
			return error;
	}
	return 0;
}
