// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// spool.meta: cursors of the sinks, and what the log keeps for others. See wal_state.h for the bytes.
//
// A slot that could not be synced is in doubt, and so is every later sync of that file: the file is then made anew, whole, under
// another name, and takes its place by a rename.
#include <errno.h>
#include <string.h>

#include "courier/wal_internal.h"

void wal_keep_soon(struct yg_wal *wal)
{
	if (!wal->meta_dirty)
		wal->meta_since_ns = wal->now_ns;
	wal->meta_dirty = true;
}

static int write_slot(struct yg_wal *wal, int file, unsigned slot)
{
	uint8_t bytes[YG_WAL_STATE_SLOT];
	yg_wal_state_put(bytes, &wal->state);
	return yg_disk_write_all(wal->disk, file, bytes, sizeof bytes, (uint64_t)slot * YG_WAL_STATE_STEP);
}

// Both slots in a file of its own, then in the place of what was there.
static int make_anew(struct yg_wal *wal)
{
	const struct yg_disk *d = wal->disk;
	if (wal->meta_file >= 0)
		d->ops->close(d->context, wal->meta_file);
	wal->meta_file = -1;
	int file = yg_disk_open_file(d, WAL_META_NEW, YG_DISK_CREATE);
	if (file < 0)
		return file;
	int error = d->ops->allocate(d->context, file, YG_WAL_STATE_FILE);
	if (!error)
		error = write_slot(wal, file, (unsigned)(wal->state.serial & 1));
	if (!error)
		error = yg_disk_sync(d, file);
	if (!error)
		error = d->ops->rename(d->context, WAL_META_NEW, YG_WAL_STATE_NAME_OF_FILE);
	if (!error)
		error = d->ops->sync_directory(d->context);
	if (error)
		d->ops->close(d->context, file);
	else
		wal->meta_file = file;
	return error;
}

int wal_keep(struct yg_wal *wal)
{
	wal->state.serial++;
	int error = -EBADF;
	if (wal->meta_file >= 0) {
		error = write_slot(wal, wal->meta_file, (unsigned)(wal->state.serial & 1));
		if (!error)
			error = yg_disk_sync(wal->disk, wal->meta_file);
		if (error)
			wal_error(wal, &wal->stats.meta_errors, error);
	}
	if (error)
		error = make_anew(wal);
	if (error) {
		wal_keep_soon(wal);
		wal->meta_since_ns = wal->now_ns; // not before cursor_ns has passed again
		return wal_error(wal, &wal->stats.meta_errors, error);
	}
	wal->stats.meta_writes++;
	wal->meta_dirty = false;
	return 0;
}

int wal_keep_read(struct yg_wal *wal, bool *ret_found)
{
	const struct yg_disk *d = wal->disk;
	uint8_t bytes[YG_WAL_STATE_FILE] = {0};
	*ret_found = false;
	int file = yg_disk_open_file(d, YG_WAL_STATE_NAME_OF_FILE, YG_DISK_WRITE);
	if (file == -ENOENT)
		return 0;
	if (file < 0)
		return file;
	// Slot by slot: one that cannot be read leaves the other.
	for (unsigned slot = 0; slot < 2; slot++) {
		uint64_t at = (uint64_t)slot * YG_WAL_STATE_STEP;
		int error = -EIO;
		for (int attempt = 0; attempt < 3 && error == -EIO; attempt++)
			error = yg_disk_read_all(d, file, bytes + at, YG_WAL_STATE_SLOT, at);
		if (error)
			memset(bytes + at, 0, YG_WAL_STATE_SLOT);
	}
	*ret_found = yg_wal_state_choose(bytes, sizeof bytes, &wal->state);
	wal->meta_file = file;
	return 0;
}

int yg_wal_new_producer(struct yg_wal *wal, uint32_t *ret_producer)
{
	uint32_t producer = wal->state.next_producer++;
	int error = wal_keep(wal);
	if (!error)
		*ret_producer = producer;
	return error;
}

int yg_wal_set_sent(struct yg_wal *wal, uint64_t generation, uint64_t sequence)
{
	if (wal->state.stream == generation && wal->state.sent >= sequence && !wal->meta_dirty)
		return 0;
	if (wal->state.stream != generation || sequence > wal->state.sent)
		wal->state.sent = sequence;
	wal->state.stream = generation;
	return wal_keep(wal);
}

uint64_t yg_wal_generation(const struct yg_wal *wal)
{
	return wal->state.stream;
}

uint64_t yg_wal_sent(const struct yg_wal *wal)
{
	return wal->state.sent;
}

const uint8_t *yg_wal_uuid(const struct yg_wal *wal)
{
	return wal->state.uuid;
}

// ---- cursors ----

static int find_sink(const struct yg_wal *wal, const char *name)
{
	for (int i = 0; i < YG_WAL_SINKS; i++)
		if (strncmp(wal->state.cursors[i].name, name, YG_WAL_NAME) == 0)
			return i;
	return -ENOENT;
}

int yg_wal_sink(struct yg_wal *wal, const char *name)
{
	size_t length = strnlen(name, YG_WAL_NAME);
	if (length == 0 || length == YG_WAL_NAME)
		return -EINVAL;
	int sink = find_sink(wal, name);
	if (sink >= 0)
		return sink;
	sink = find_sink(wal, "");
	if (sink < 0)
		return -ENOSPC;
	struct yg_wal_cursor *cursor = &wal->state.cursors[sink];
	*cursor = (struct yg_wal_cursor){.lsn = yg_wal_first(wal)};
	memcpy(cursor->name, name, length);
	wal_keep_soon(wal);
	return sink;
}

bool yg_wal_has_sink(const struct yg_wal *wal, const char *name)
{
	return *name && find_sink(wal, name) >= 0;
}

int yg_wal_forget_sink(struct yg_wal *wal, const char *name)
{
	int sink = *name ? find_sink(wal, name) : -ENOENT;
	if (sink < 0)
		return sink;
	wal->state.cursors[sink] = (struct yg_wal_cursor){0};
	wal_keep_soon(wal);
	return 0;
}

void yg_wal_set_cursor(struct yg_wal *wal, int sink, uint64_t lsn, const uint64_t id[2])
{
	if (sink < 0 || sink >= YG_WAL_SINKS || !wal->state.cursors[sink].name[0])
		return;
	struct yg_wal_cursor *cursor = &wal->state.cursors[sink];
	// Nothing beyond what is durable was ever shown to a sink.
	uint64_t end = wal->durable_lsn + 1;
	cursor->lsn = lsn > end ? end : lsn;
	memcpy(cursor->id, id, sizeof cursor->id);
	wal->measure_stale = true;
	wal_keep_soon(wal);
}

uint64_t yg_wal_cursor(const struct yg_wal *wal, int sink, uint64_t ret_id[2])
{
	if (sink < 0 || sink >= YG_WAL_SINKS)
		return 0;
	if (ret_id)
		memcpy(ret_id, wal->state.cursors[sink].id, sizeof wal->state.cursors[sink].id);
	return wal->state.cursors[sink].lsn;
}
