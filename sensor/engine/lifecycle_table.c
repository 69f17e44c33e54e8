// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table of open alerts: places, index, takeover. Thread: the aggregator's.
//
// Records lie in the caller's memory in fixed places; the index (chains by keyed hash) is this engine's own and is
// built anew at takeover, so nothing in the memory can send a reader astray.
#include "engine/lifecycle_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t yg_lifecycle_size(uint32_t capacity)
{
	return sizeof(struct yg_lifecycle_header) + YG_LIFECYCLE_CLOSED * sizeof(struct yg_lifecycle_closed) +
	       ((size_t)capacity + YG_LIFECYCLE_SUMMARIES) * sizeof(struct yg_lifecycle_record);
}

uint32_t yg_lifecycle_open(const struct yg_lifecycle *lc)
{
	return lc->open;
}

uint32_t yg_lifecycle_lasting(const struct yg_lifecycle *lc)
{
	return lc->lasting;
}

const struct yg_lifecycle_stats *yg_lifecycle_stats(const struct yg_lifecycle *lc)
{
	return &lc->stats;
}

// ---- index ----

uint64_t yg_lifecycle_hash(const struct yg_lifecycle *lc, uint64_t key)
{
	return yg_hash(&lc->hash_key, &key, sizeof key);
}

static uint32_t *bucket_of(struct yg_lifecycle *lc, uint64_t key)
{
	return &lc->head[yg_lifecycle_hash(lc, key) & (lc->buckets - 1)];
}

uint32_t yg_lifecycle_find(struct yg_lifecycle *lc, uint64_t key, const struct yg_alert *alert)
{
	uint32_t slot = *bucket_of(lc, key);
	while (slot != YG_LIFECYCLE_NONE &&
	       (lc->records[slot].key != key || !yg_lifecycle_same(&lc->records[slot].alert, alert)))
		slot = lc->next[slot];
	return slot;
}

void yg_lifecycle_index_add(struct yg_lifecycle *lc, uint32_t slot)
{
	struct yg_lifecycle_record *r = &lc->records[slot];
	lc->open++;
	lc->lasting += r->clear_after_s >= YG_LIFECYCLE_LASTING_S;
	if (slot >= lc->capacity)
		return; // summaries are few and found by kind
	uint32_t *head = bucket_of(lc, r->key);
	lc->next[slot] = *head;
	*head = slot;
	lc->by_severity[yg_lifecycle_rank(&r->alert)]++;
}

void yg_lifecycle_index_remove(struct yg_lifecycle *lc, uint32_t slot)
{
	struct yg_lifecycle_record *r = &lc->records[slot];
	lc->open--;
	lc->lasting -= r->clear_after_s >= YG_LIFECYCLE_LASTING_S;
	r->used = 0;
	if (slot >= lc->capacity)
		return;
	uint32_t *link = bucket_of(lc, r->key);
	while (*link != slot)
		link = &lc->next[*link];
	*link = lc->next[slot];
	lc->by_severity[yg_lifecycle_rank(&r->alert)]--;
	if (slot < lc->free_hint)
		lc->free_hint = slot;
}

// The lowest free place, YG_LIFECYCLE_NONE when there is none.
uint32_t yg_lifecycle_place(struct yg_lifecycle *lc)
{
	while (lc->free_hint < lc->capacity && lc->records[lc->free_hint].used)
		lc->free_hint++;
	return lc->free_hint < lc->capacity ? lc->free_hint : YG_LIFECYCLE_NONE;
}

// ---- take over ----

// Moves what is valid to the front of its part of the table and clears the rest.
static uint32_t take_alerts(struct yg_lifecycle *lc, uint32_t old_alerts)
{
	uint32_t kept = 0;
	for (uint32_t slot = 0; slot < old_alerts; slot++) {
		struct yg_lifecycle_record *r = &lc->records[slot];
		if (!r->used)
			continue;
		yg_lifecycle_clean(&r->alert);
		if (kept == lc->capacity || !yg_lifecycle_valid(&lc->options.id_key, r, false) ||
		    yg_lifecycle_find(lc, r->key, &r->alert) != YG_LIFECYCLE_NONE) {
			lc->stats.invalid++;
			r->used = 0;
			continue;
		}
		if (kept != slot) {
			lc->records[kept] = *r;
			r->used = 0;
		}
		lc->stats.taken_over++;
		yg_lifecycle_index_add(lc, kept++);
	}
	return kept;
}

static void take_summaries(struct yg_lifecycle *lc, struct yg_lifecycle_record *old)
{
	uint32_t slot = lc->capacity;
	for (uint32_t i = 0; i < YG_LIFECYCLE_SUMMARIES; i++) {
		if (!old[i].used)
			continue;
		yg_lifecycle_clean(&old[i].alert);
		if (!yg_lifecycle_valid(&lc->options.id_key, &old[i], true)) {
			lc->stats.invalid++;
			continue;
		}
		lc->records[slot] = old[i];
		lc->stats.taken_over++;
		yg_lifecycle_index_add(lc, slot++);
	}
}

static int take_over(struct yg_lifecycle *lc, uint32_t slots_there)
{
	struct yg_lifecycle_header *h = lc->header;
	bool known = h->magic == YG_LIFECYCLE_MAGIC && h->version == YG_LIFECYCLE_VERSION &&
	             h->record_size == sizeof(struct yg_lifecycle_record) && h->slots > YG_LIFECYCLE_SUMMARIES &&
	             h->slots <= slots_there;
	if (known) {
		uint32_t old_alerts = h->slots - YG_LIFECYCLE_SUMMARIES;
		size_t bytes = YG_LIFECYCLE_SUMMARIES * sizeof *lc->records;
		struct yg_lifecycle_record *summaries = malloc(bytes);
		if (!summaries)
			return -ENOMEM;
		memcpy(summaries, &lc->records[old_alerts], bytes);
		memset(&lc->records[old_alerts], 0, bytes);
		uint32_t kept = take_alerts(lc, old_alerts);
		for (uint32_t slot = kept; slot < lc->slots; slot++)
			lc->records[slot].used = 0;
		take_summaries(lc, summaries);
		free(summaries);
	} else {
		memset(lc->records, 0, (size_t)lc->slots * sizeof *lc->records);
		h->sequence = 0;
	}
	yg_lifecycle_closed_take_over(lc, known);
	h->magic = YG_LIFECYCLE_MAGIC;
	h->version = YG_LIFECYCLE_VERSION;
	h->record_size = sizeof(struct yg_lifecycle_record);
	h->slots = lc->slots;
	return 0;
}

static int allocate(struct yg_lifecycle *lc)
{
	lc->buckets = 64;
	while (lc->buckets < lc->capacity)
		lc->buckets *= 2;
	lc->head = malloc(lc->buckets * sizeof *lc->head);
	lc->next = malloc(lc->capacity * sizeof *lc->next);
	lc->due = malloc(lc->slots * sizeof *lc->due);
	lc->muted = calloc(YG_LIFECYCLE_MUTED, sizeof *lc->muted);
	lc->closed_keys = calloc(YG_LIFECYCLE_CLOSED, sizeof *lc->closed_keys);
	if (!lc->head || !lc->next || !lc->due || !lc->muted || !lc->closed_keys)
		return -ENOMEM;
	memset(lc->head, 0xff, lc->buckets * sizeof *lc->head);
	return yg_hash_key_random(&lc->hash_key);
}

struct yg_lifecycle *yg_lifecycle_create(const struct yg_lifecycle_options *options, void *memory, size_t size,
                                         yg_lifecycle_emit emit, void *context)
{
	if (!options->capacity || !emit || size < yg_lifecycle_size(1) || (uintptr_t)memory % 8) {
		errno = EINVAL;
		return NULL;
	}
	struct yg_lifecycle *lc = calloc(1, sizeof *lc);
	if (!lc)
		return NULL;
	size_t there = (size - yg_lifecycle_size(0)) / sizeof(struct yg_lifecycle_record) + YG_LIFECYCLE_SUMMARIES;
	there = there < UINT32_MAX ? there : UINT32_MAX;
	uint32_t room = (uint32_t)there - YG_LIFECYCLE_SUMMARIES;
	lc->options = *options;
	lc->options.clear_after_s = options->clear_after_s ? options->clear_after_s : YG_LIFECYCLE_CLEAR_S;
	lc->capacity = options->capacity < room ? options->capacity : room;
	lc->slots = lc->capacity + YG_LIFECYCLE_SUMMARIES;
	lc->header = memory;
	lc->closed = (struct yg_lifecycle_closed *)(void *)(lc->header + 1);
	lc->records = (struct yg_lifecycle_record *)(void *)(lc->closed + YG_LIFECYCLE_CLOSED);
	lc->emit = emit;
	lc->context = context;
	lc->minute = INT64_MIN;
	int error = allocate(lc);
	if (!error)
		error = take_over(lc, (uint32_t)there);
	if (error) {
		yg_lifecycle_destroy(lc);
		errno = -error;
		return NULL;
	}
	return lc;
}

void yg_lifecycle_destroy(struct yg_lifecycle *lc)
{
	if (!lc)
		return;
	free(lc->head);
	free(lc->next);
	free(lc->due);
	free(lc->muted);
	free(lc->closed_keys);
	free(lc);
}
