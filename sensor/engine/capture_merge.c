// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Several capture files as one: the file whose next packet is the earliest comes first, of equals the one named first.
// A file that is out of order in itself stays as it is; sorting it would mean reading all of it. Every file has a
// window of its own and frames are copied into the batch: what would have to stay put in hundreds of windows is more
// than a batch. A binary heap of files, so that hundreds cost little more than two. Thread: one.
#include "engine/capture_internal.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_SIZE = YG_BLOCK_MAX + YG_CHUNK_MERGE };

// A file and the packet that it would deliver next.
struct head {
	struct yg_capture_file *file;
	size_t order; // as named on the command line
	struct yg_bytes_window window;
	struct yg_frame frame; // points into the window
	size_t size;           // of its record
};

struct yg_merge {
	struct head *heads;
	struct head **heap; // earliest first; `live` of them
	size_t count, live;
	bool primed;
};

static bool before(const struct head *a, const struct head *b)
{
	if (a->frame.time.ns != b->frame.time.ns)
		return yg_time_before(a->frame.time, b->frame.time);
	return a->order < b->order;
}

static void sift_down(struct yg_merge *merge, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < merge->live; child++) {
			if (before(merge->heap[child], merge->heap[least]))
				least = child;
		}
		if (least == i)
			return;
		struct head *head = merge->heap[i];
		merge->heap[i] = merge->heap[least];
		merge->heap[least] = head;
		i = least;
	}
}

static bool pull(struct head *head)
{
	// Nothing is pinned and the window holds any record, so it is never full.
	return yg_capture_file_pull(head->file, &head->window, &head->frame, &head->size) == YG_PULL_FRAME;
}

// First packets are not looked for at opening: a pipe may not have one yet.
static void prime(struct yg_merge *merge)
{
	merge->primed = true;
	for (size_t i = 0; i < merge->count; i++) {
		if (pull(&merge->heads[i]))
			merge->heap[merge->live++] = &merge->heads[i];
	}
	for (size_t i = merge->live; i-- > 0;)
		sift_down(merge, i);
}

struct yg_merge *yg_merge_create(struct yg_capture_file *files, size_t count)
{
	struct yg_merge *merge = calloc(1, sizeof(*merge));
	if (!merge)
		return NULL;
	merge->count = count;
	merge->heads = calloc(count, sizeof(*merge->heads));
	merge->heap = calloc(count, sizeof(struct head *));
	if (!merge->heads || !merge->heap)
		goto fail;
	for (size_t i = 0; i < count; i++) {
		struct head *head = &merge->heads[i];
		head->file = &files[i];
		head->order = i;
		head->window = (struct yg_bytes_window){.size = WINDOW_SIZE, .chunk = YG_CHUNK_MERGE};
		head->window.base = malloc(WINDOW_SIZE);
		if (!head->window.base)
			goto fail;
	}
	return merge;
fail:
	yg_merge_destroy(merge);
	return NULL;
}

void yg_merge_destroy(struct yg_merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; merge->heads && i < merge->count; i++)
		free(merge->heads[i].window.base);
	free(merge->heads);
	free(merge->heap);
	free(merge);
}

static void copy_frame(struct head *head, struct yg_batch *batch, size_t used, uint64_t number)
{
	struct yg_frame *frame = &batch->frames[batch->count++];
	*frame = head->frame;
	frame->number = number;
	frame->data = batch->arena + used;
	memcpy(batch->arena + used, head->frame.data, head->frame.caplen);
}

static void advance(struct yg_merge *merge)
{
	struct head *head = merge->heap[0];
	yg_capture_file_accept(head->file, &head->window, &head->frame, head->size);
	if (!pull(head))
		merge->heap[0] = merge->heap[--merge->live];
	sift_down(merge, 0);
}

bool yg_merge_fill(struct yg_merge *merge, struct yg_batch *batch, uint64_t *number)
{
	size_t used = 0;
	if (!merge->primed)
		prime(merge);
	while (merge->live > 0 && batch->count < YG_BATCH_MAX) {
		struct head *head = merge->heap[0];
		const struct yg_frame *first = &batch->frames[0];
		if (batch->count > 0 && yg_time_second(head->frame.time) != yg_time_second(first->time))
			break;
		if (head->frame.caplen > batch->arena_size - used)
			break;
		copy_frame(head, batch, used, ++*number);
		used += head->frame.caplen;
		advance(merge);
	}
	return merge->live == 0;
}
