// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See spool_look.h.
#include "cli/spool_look.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

static void take_name(void *context, const char *name, uint64_t bytes)
{
	struct yg_look *look = context;
	struct yg_look_segment segment = {.bytes = bytes};
	if (strcmp(name, "reserve.bin") == 0)
		look->reserve_bytes = bytes;
	look->torn_files += strncmp(name, "torn-", 5) == 0;
	look->has_meta |= strcmp(name, YG_WAL_STATE_NAME_OF_FILE) == 0;
	if (!yg_segment_parse_name(name, &segment.generation, &segment.first_lsn))
		return;
	if (look->count == YG_LOOK_SEGMENTS) {
		look->left_out++;
		return;
	}
	memcpy(segment.name, name, strlen(name) + 1);
	look->segments[look->count++] = segment;
}

static int by_lsn(const void *one, const void *two)
{
	const struct yg_look_segment *a = one, *b = two;
	if (a->first_lsn != b->first_lsn)
		return a->first_lsn < b->first_lsn ? -1 : 1;
	return a->generation < b->generation ? -1 : a->generation > b->generation;
}

static void read_state(struct yg_look *look)
{
	uint8_t bytes[YG_WAL_STATE_FILE] = {0};
	int file = yg_disk_open_file(&look->disk, YG_WAL_STATE_NAME_OF_FILE, YG_DISK_READ);
	if (file < 0)
		return;
	for (unsigned slot = 0; slot < 2; slot++) {
		uint64_t at = (uint64_t)slot * YG_WAL_STATE_STEP;
		if (yg_disk_read_all(&look->disk, file, bytes + at, YG_WAL_STATE_SLOT, at) < 0)
			memset(bytes + at, 0, YG_WAL_STATE_SLOT);
	}
	look->disk.ops->close(look->disk.context, file);
	look->has_state = yg_wal_state_choose(bytes, sizeof bytes, &look->state);
}

int yg_look_open(struct yg_look *look, const char *path)
{
	*look = (struct yg_look){0};
	int error = yg_disk_open(&look->disk, path, false);
	if (error)
		return error;
	look->segments = calloc(YG_LOOK_SEGMENTS, sizeof *look->segments);
	error = look->segments ? look->disk.ops->list(look->disk.context, take_name, look) : -ENOMEM;
	if (error) {
		yg_look_close(look);
		return error;
	}
	qsort(look->segments, look->count, sizeof *look->segments, by_lsn);
	read_state(look);
	return 0;
}

void yg_look_close(struct yg_look *look)
{
	yg_disk_close(&look->disk);
	free(look->segments);
	look->segments = NULL;
}

static int load(struct yg_look *look, const struct yg_look_segment *segment, struct yg_look_found *found)
{
	const struct yg_disk *d = &look->disk;
	if (segment->bytes > YG_LOOK_SEGMENT_MAX)
		return -EFBIG;
	int file = yg_disk_open_file(d, segment->name, YG_DISK_READ);
	if (file < 0)
		return file;
	found->size = (size_t)segment->bytes;
	found->bytes = malloc(found->size + 1);
	int error = found->bytes ? yg_disk_read_all(d, file, found->bytes, found->size, 0) : -ENOMEM;
	d->ops->close(d->context, file);
	return error;
}

static void take(struct yg_look_found *found, const struct yg_segment_walk *walk, const struct yg_segment_record *record)
{
	struct yg_spool_gap gap;
	found->skipped += walk->skipped;
	if (record->type == YG_SPOOL_LINE) {
		found->lines++;
		found->classes[record->class]++;
	} else if (yg_spool_get_gap(record, &gap)) {
		found->gaps++;
		found->lost[gap.class < YG_SPOOL_CLASSES ? gap.class : YG_SPOOL_CLASSES] += gap.count;
	} else if (record->type == YG_SPOOL_CARRY) {
		found->has_carry = yg_spool_get_carry(record, &found->carry);
	} else if (yg_spool_get_seal(record, &found->seal)) {
		struct sha256_ctx sha;
		found->has_seal = true;
		sha256_init(&sha);
		sha256_update(&sha, walk->at, found->bytes);
		sha256_digest(&sha, sizeof found->sha, found->sha);
	}
}

static void walk_records(const struct yg_look *look, unsigned i, yg_look_record *each, void *context, struct yg_look_found *found)
{
	bool newest = i + 1 == look->count;
	struct yg_segment_walk walk;
	struct yg_segment_record record;
	size_t nonzero = found->size;
	while (nonzero && found->bytes[nonzero - 1] == 0)
		nonzero--;
	yg_segment_walk_memory(&walk, &found->header, found->bytes, found->size);
	// In the newest the last group may be half written; in any other everything up to the next one's first LSN was durable.
	size_t written = found->size - nonzero < YG_SPOOL_SEAL_BYTES ? found->size : nonzero + YG_SPOOL_SEAL_BYTES;
	if (newest)
		walk.durable = yg_segment_durable(&found->header, found->bytes, written);
	else
		walk.end_lsn = look->segments[i + 1].first_lsn;
	while (!found->has_seal && walk.offset < nonzero && yg_segment_next(&walk, &record) == 1) {
		take(found, &walk, &record);
		if (each && yg_segment_takes_lsn(record.type))
			each(context, &record);
	}
	found->last_lsn = walk.next_lsn - 1;
	found->damaged = walk.damaged + walk.gave_up;
	found->end = walk.offset;
	found->tail = nonzero > walk.offset ? nonzero - walk.offset : 0;
	found->kind = found->has_seal ? YG_LOOK_SEALED : newest ? YG_LOOK_ACTIVE : YG_LOOK_GIVEN_UP;
}

void yg_look_read(struct yg_look *look, unsigned i, yg_look_record *each, void *context, struct yg_look_found *ret_found)
{
	const struct yg_look_segment *segment = &look->segments[i];
	*ret_found = (struct yg_look_found){.kind = YG_LOOK_UNREADABLE, .last_lsn = segment->first_lsn - 1};
	ret_found->error = load(look, segment, ret_found);
	if (ret_found->error == -ENOENT)
		ret_found->kind = YG_LOOK_GONE;
	if (ret_found->error || !yg_segment_get_header(ret_found->bytes, ret_found->size, &ret_found->header))
		return;
	const struct yg_segment_header *header = &ret_found->header;
	if (header->first_lsn == segment->first_lsn && header->generation == segment->generation)
		walk_records(look, i, each, context, ret_found);
}

void yg_look_free(struct yg_look_found *found)
{
	free(found->bytes);
	found->bytes = NULL;
}
