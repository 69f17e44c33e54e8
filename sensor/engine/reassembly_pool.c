// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Memory of reassembly: a fixed number of trackers and of blocks, taken once. Trackers are found through a keyed hash
// and stand in one list by age, which serves eviction and timeouts alike, since every datagram has the same time to
// live. Blocks of 512 bytes lie at their place in the datagram, so that the content of overlaps can be compared where
// it is, no allocator can fragment, and giving up costs a push per block. Thread: the owner of the reassembler.
#include "engine/reassembly_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRACKERS_MAX = 1 << 20,
	FRAGMENTS_MAX = 8192, // of 8 bytes each: what a datagram can be cut into
};

static uint32_t *bucket_of(struct yg_reassembly *ra, const struct ra_key *key)
{
	return &ra->buckets[yg_hash(&ra->options.key, key, sizeof *key) & ra->buckets_mask];
}

struct ra_tracker *yg_ra_find(struct yg_reassembly *ra, const struct ra_key *key)
{
	for (uint32_t i = *bucket_of(ra, key); i != YG_RA_NONE; i = ra->trackers[i].chain)
		if (memcmp(&ra->trackers[i].key, key, sizeof *key) == 0)
			return &ra->trackers[i];
	return NULL;
}

void yg_ra_empty(struct yg_reassembly *ra, struct ra_tracker *t)
{
	for (uint32_t i = 0; i < YG_RA_BLOCKS; i++) {
		if (t->blocks[i] == YG_RA_NONE)
			continue;
		ra->free_blocks[ra->free_count++] = t->blocks[i];
		t->blocks[i] = YG_RA_NONE;
		ra->stats.bytes_now -= YG_RA_BLOCK;
	}
	t->spans = 0;
}

static void unlink_age(struct yg_reassembly *ra, struct ra_tracker *t)
{
	*(t->older == YG_RA_NONE ? &ra->oldest : &ra->trackers[t->older].newer) = t->newer;
	*(t->newer == YG_RA_NONE ? &ra->newest : &ra->trackers[t->newer].older) = t->older;
}

void yg_ra_remove(struct yg_reassembly *ra, struct ra_tracker *t)
{
	uint32_t self = (uint32_t)(t - ra->trackers);
	uint32_t *at = bucket_of(ra, &t->key);
	while (*at != self)
		at = &ra->trackers[*at].chain;
	*at = t->chain;
	unlink_age(ra, t);
	yg_ra_empty(ra, t);
	ra->stats.pending_now -= t->fragments;
	ra->stats.trackers_now--;
	t->chain = ra->free_tracker;
	ra->free_tracker = self;
}

static void give_up(struct yg_reassembly *ra, struct ra_tracker *t, uint64_t *counter)
{
	ra->stats.given_up += t->fragments;
	if (!t->dead) // a dead one was counted when it died
		++*counter;
	yg_ra_remove(ra, t);
}

void yg_ra_expire(struct yg_reassembly *ra, struct yg_time now)
{
	for (int i = 0; i < YG_RA_EXPIRE_MAX && ra->oldest != YG_RA_NONE; i++) {
		struct ra_tracker *t = &ra->trackers[ra->oldest];
		if (yg_time_diff_ns(now, t->created) < ra->options.time_ns)
			return;
		give_up(ra, t, &ra->stats.timeouts);
	}
}

struct ra_tracker *yg_ra_start(struct yg_reassembly *ra, const struct ra_key *key, struct yg_time now)
{
	if (ra->free_tracker == YG_RA_NONE)
		give_up(ra, &ra->trackers[ra->oldest], &ra->stats.evicted);
	uint32_t self = ra->free_tracker;
	struct ra_tracker *t = &ra->trackers[self];
	uint32_t *bucket = bucket_of(ra, key);
	ra->free_tracker = t->chain;
	*t = (struct ra_tracker){
	    .key = *key,
	    .chain = *bucket,
	    .older = ra->newest,
	    .newer = YG_RA_NONE,
	    .created = now,
	    .cut = UINT32_MAX,
	};
	memset(t->blocks, 0xff, sizeof t->blocks); // YG_RA_NONE
	*bucket = self;
	*(ra->newest == YG_RA_NONE ? &ra->oldest : &ra->trackers[ra->newest].newer) = self;
	ra->newest = self;
	ra->stats.trackers_now++;
	return t;
}

// The oldest tracker other than `t`. A dead one is as good: it holds nothing, but it goes, so no scan ever repeats.
static struct ra_tracker *oldest_but(struct yg_reassembly *ra, const struct ra_tracker *t)
{
	uint32_t i = ra->oldest;
	if (i != YG_RA_NONE && &ra->trackers[i] == t)
		i = t->newer;
	return i == YG_RA_NONE ? NULL : &ra->trackers[i];
}

bool yg_ra_room(struct yg_reassembly *ra, struct ra_tracker *t, uint32_t start, uint32_t end)
{
	for (uint32_t i = start / YG_RA_BLOCK; i <= (end - 1) / YG_RA_BLOCK; i++) {
		if (t->blocks[i] != YG_RA_NONE)
			continue;
		while (!ra->free_count) {
			struct ra_tracker *victim = oldest_but(ra, t);
			if (!victim)
				return false;
			give_up(ra, victim, &ra->stats.over_bytes);
		}
		t->blocks[i] = ra->free_blocks[--ra->free_count];
		ra->stats.bytes_now += YG_RA_BLOCK;
	}
	if (ra->stats.bytes_peak < ra->stats.bytes_now)
		ra->stats.bytes_peak = ra->stats.bytes_now;
	return true;
}

static bool take_memory(struct yg_reassembly *ra)
{
	size_t trackers = ra->options.trackers, buckets = 1;
	while (buckets < trackers * 2)
		buckets *= 2;
	ra->buckets_mask = (uint32_t)buckets - 1;
	ra->trackers = calloc(trackers, sizeof *ra->trackers);
	ra->spans = calloc(trackers * ra->options.fragments, sizeof *ra->spans);
	ra->buckets = malloc(buckets * sizeof *ra->buckets);
	ra->free_blocks = calloc(ra->block_count, sizeof *ra->free_blocks);
	ra->data = malloc((size_t)ra->block_count * YG_RA_BLOCK);
	if (!ra->trackers || !ra->spans || !ra->buckets || !ra->free_blocks || !ra->data)
		return false;
	memset(ra->buckets, 0xff, buckets * sizeof *ra->buckets); // YG_RA_NONE
	for (uint32_t i = 0; i < trackers; i++)
		ra->trackers[i].chain = i + 1 < trackers ? i + 1 : YG_RA_NONE;
	for (uint32_t i = 0; i < ra->block_count; i++)
		ra->free_blocks[i] = ra->block_count - 1 - i;
	ra->free_count = ra->block_count;
	return true;
}

struct yg_reassembly *yg_reassembly_create(const struct yg_reassembly_options *options)
{
	uint64_t blocks = options->bytes / YG_RA_BLOCK;
	if (!options->trackers || options->trackers > TRACKERS_MAX || !options->fragments ||
	    options->fragments > FRAGMENTS_MAX || !blocks || blocks >= YG_RA_NONE || options->time_ns <= 0) {
		errno = EINVAL;
		return NULL;
	}
	struct yg_reassembly *ra = calloc(1, sizeof *ra);
	if (!ra)
		return NULL;
	ra->options = *options;
	ra->block_count = (uint32_t)blocks;
	ra->free_tracker = 0;
	ra->oldest = ra->newest = YG_RA_NONE;
	if (take_memory(ra))
		return ra;
	yg_reassembly_destroy(ra);
	errno = ENOMEM;
	return NULL;
}

void yg_reassembly_destroy(struct yg_reassembly *ra)
{
	if (!ra)
		return;
	free(ra->trackers);
	free(ra->spans);
	free(ra->buckets);
	free(ra->free_blocks);
	free(ra->data);
	free(ra);
}

void yg_reassembly_stats(const struct yg_reassembly *ra, struct yg_reassembly_stats *ret_stats)
{
	*ret_stats = ra->stats;
}
