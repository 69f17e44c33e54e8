// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Batches of frames out of capture files (capture.h). A single file is the fast way: read(2) puts chunks into the arena
// of the batch and frames point into them, so that a packet is never copied; only the bytes behind the last frame are
// taken along to the next batch. Several files go through capture_merge.c, which copies.
//
// How much is read at a time follows from how much the last batch held and this one holds so far: a busy file is read
// in chunks of 256 KiB, while a quiet one, whose every batch is a second with three packets, is read by the page and
// does not carry 256 KiB from batch to batch. What a batch holds does not depend on it: a replay is repeatable to the
// byte. Thread: one.
#include "engine/capture_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/shm.h"
#include "base/time.h"

enum {
	PUSHED_SINGLE = YG_BLOCK_MAX + YG_CHUNK_MAX, // the most that can be left behind the last frame of an arena
	PUSHED_MERGE = YG_SNIFF_SIZE,
	CHUNKS_OF_BATCH = 4,
	SENTENCE_SIZE = YG_REASON_SIZE + 64, // one about a damaged file, its path left out
};

struct yg_capture {
	struct yg_capture_file *files;
	size_t count;
	struct yg_merge *merge; // NULL for a single file
	uint64_t number;        // of the last frame of merged files
	size_t chunk;           // single file: bytes to read at a time
	bool *told;             // file i is in `error`
	char *error;
	size_t error_size, error_length;
};

static int open_files(struct yg_capture *capture, const char *const *paths, size_t count, char *error,
                      size_t error_size)
{
	for (size_t i = 0; i < count; i++) {
		size_t pushed = count == 1 ? PUSHED_SINGLE : PUSHED_MERGE;
		capture->count++;
		int ret = yg_capture_file_init(&capture->files[i], paths[i], pushed, error, error_size);
		if (ret < 0)
			return ret;
		capture->error_size += strlen(paths[i]) + SENTENCE_SIZE;
	}
	return 0;
}

static int prepare(struct yg_capture *capture)
{
	capture->chunk = YG_CHUNK_MAX;
	capture->error = calloc(1, capture->error_size);
	capture->told = calloc(capture->count, sizeof(bool));
	if (!capture->error || !capture->told)
		return -ENOMEM;
	if (capture->count == 1)
		return 0;
	capture->merge = yg_merge_create(capture->files, capture->count);
	return capture->merge ? 0 : -ENOMEM;
}

struct yg_capture *yg_capture_open(const char *const *paths, size_t count, char *error, size_t error_size,
                                   int *ret_exit)
{
	struct yg_capture *capture = calloc(1, sizeof(*capture));
	snprintf(error, error_size, "no memory to read captures");
	int ret = -ENOMEM;
	if (!capture)
		goto fail;
	if (count == 0) {
		snprintf(error, error_size, "no capture file is named");
		ret = -ENOENT;
		goto fail;
	}
	capture->files = calloc(count, sizeof(*capture->files));
	if (!capture->files)
		goto fail;
	ret = open_files(capture, paths, count, error, error_size);
	if (ret < 0)
		goto fail;
	ret = prepare(capture);
	if (ret < 0) {
		snprintf(error, error_size, "no memory to read captures");
		goto fail;
	}
	error[0] = '\0';
	return capture;
fail:
	*ret_exit = ret == -ENOMEM ? EX_OSERR : EX_NOINPUT;
	yg_capture_close(capture);
	return NULL;
}

void yg_capture_close(struct yg_capture *capture)
{
	if (!capture)
		return;
	yg_merge_destroy(capture->merge);
	for (size_t i = 0; i < capture->count; i++)
		yg_capture_file_finish(&capture->files[i]);
	free(capture->files);
	free(capture->told);
	free(capture->error);
	free(capture);
}

int yg_batch_init(struct yg_batch *batch)
{
	memset(batch, 0, sizeof(*batch));
	batch->frames = calloc(YG_BATCH_MAX, sizeof(*batch->frames));
	batch->arena = yg_memory_reserve(YG_ARENA_SIZE);
	if (!batch->frames || !batch->arena) {
		yg_batch_finish(batch);
		return -ENOMEM;
	}
	batch->arena_size = YG_ARENA_SIZE;
	return 0;
}

void yg_batch_finish(struct yg_batch *batch)
{
	if (batch->arena)
		yg_memory_release(batch->arena, YG_ARENA_SIZE);
	free(batch->frames);
	memset(batch, 0, sizeof(*batch));
}

// What is read beyond a batch is copied twice more, so a chunk is a fraction of one.
static size_t next_chunk(size_t batch_bytes)
{
	size_t chunk = (batch_bytes / CHUNKS_OF_BATCH + YG_CHUNK_MIN - 1) & ~((size_t)YG_CHUNK_MIN - 1);
	if (chunk < YG_CHUNK_MIN)
		return YG_CHUNK_MIN;
	return chunk > YG_CHUNK_MAX ? YG_CHUNK_MAX : chunk;
}

// True when the file has ended.
static bool fill_single(struct yg_capture *capture, struct yg_batch *batch)
{
	struct yg_capture_file *file = &capture->files[0];
	struct yg_bytes_window window = {.base = batch->arena, .size = batch->arena_size, .chunk = capture->chunk};
	int64_t second = 0;
	while (batch->count < YG_BATCH_MAX) {
		struct yg_frame *frame = &batch->frames[batch->count];
		size_t size;
		if (yg_capture_file_pull(file, &window, frame, &size) != YG_PULL_FRAME)
			break;
		if (batch->count == 0)
			second = yg_time_second(frame->time);
		else if (yg_time_second(frame->time) != second)
			break;
		yg_capture_file_accept(file, &window, frame, size);
		frame->number = file->packets;
		batch->count++;
		// What follows is nearly always alike: pull is asked once a batch and once a chunk.
		batch->count += yg_pcap_run(file, &window, second, frame + 1, YG_BATCH_MAX - batch->count);
		window.pinned = window.start;
		if (window.start > CHUNKS_OF_BATCH * window.chunk) // busier than the last batch
			window.chunk = next_chunk(window.start);
	}
	yg_source_unread(&file->source, window.base + window.start, window.end - window.start);
	capture->chunk = next_chunk(window.start);
	return file->ended;
}

// One sentence for each file that has turned out damaged since the last batch.
static void tell_damage(struct yg_capture *capture)
{
	for (size_t i = 0; i < capture->count; i++) {
		const struct yg_capture_file *file = &capture->files[i];
		if (!file->damaged || capture->told[i])
			continue;
		capture->told[i] = true;
		size_t room = capture->error_size - capture->error_length;
		int n = snprintf(capture->error + capture->error_length, room, "%s: truncated after %llu packets: %s\n",
		                 file->path, (unsigned long long)file->packets, file->reason);
		if (n > 0 && (size_t)n < room)
			capture->error_length += (size_t)n;
	}
}

enum yg_capture_status yg_capture_fill(struct yg_capture *capture, struct yg_batch *batch)
{
	batch->count = 0;
	bool ended =
	    capture->merge ? yg_merge_fill(capture->merge, batch, &capture->number) : fill_single(capture, batch);
	if (!ended)
		return YG_CAPTURE_MORE;
	tell_damage(capture);
	return capture->error_length > 0 ? YG_CAPTURE_DAMAGED : YG_CAPTURE_END;
}

const char *yg_capture_error(const struct yg_capture *capture)
{
	return capture->error;
}

uint64_t yg_capture_bytes_read(const struct yg_capture *capture)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < capture->count; i++)
		sum += capture->files[i].source.bytes_read;
	return sum;
}

uint64_t yg_capture_bytes_total(const struct yg_capture *capture)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < capture->count; i++)
		sum += capture->files[i].source.bytes_total;
	return sum;
}
