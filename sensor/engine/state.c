// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See state.h. The older half is written: its sequence becomes 0 before the first byte of it changes, and its head is made whole when the
// last has been written, so that at any moment one half is whole. The order of the stores is the compiler's and the processor's alone to
// spoil: a killed process leaves memory as its own thread saw it, so a compiler barrier is enough.
#include "engine/state.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "config/config.h"
#include "engine/rate_engine.h"

enum { ALIGN = 8 };
#define SEQUENCE_MAX (UINT64_MAX / 2) // nobody counts so far; a file that says so would leave no number for the snapshot after it
_Static_assert(sizeof(struct yg_state_head) == 64 && sizeof(struct yg_state_mark) == 64, "no padding, and a multiple of 8");

struct part {
	struct yg_state_part p;
	char name[YG_STATE_NAME_MAX];
};

struct yg_state {
	uint8_t *memory;
	uint64_t half, reserved; // reserved: by parts, of each half
	struct part part[YG_STATE_PARTS_MAX];
	unsigned parts;
	uint64_t sequence;       // of the last that is whole
	int64_t due;             // second; 0: none has been seen
	// the snapshot that is being written
	bool writing, in_part;
	uint8_t *to;
	struct yg_state_head head;
	struct yg_state_mark mark;
	unsigned next;           // part
	uint64_t at, mark_at, cursor;
	uint32_t sum;
	struct yg_state_stats stats;
};

static uint64_t aligned(uint64_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t yg_state_half(const struct yg_config *config)
{
	uint64_t size = 4096 + yg_rate_engine_state_max(config) + YG_STATE_OTHERS_MAX; // with its head and its first mark
	return (size + 4095) / 4096 * 4096;
}

// ---- reading ----

static uint32_t sum_of_head(struct yg_state_head head)
{
	head.sum = 0;
	return yg_crc32c(0, &head, sizeof head);
}

static bool is_whole(const uint8_t *at, uint64_t half)
{
	struct yg_state_head h;
	memcpy(&h, at, sizeof h);
	return h.magic == YG_STATE_MAGIC && h.version == YG_STATE_VERSION && h.sequence && h.sequence <= SEQUENCE_MAX &&
	       h.size >= sizeof h && h.size <= half && h.parts <= YG_STATE_PARTS_MAX && h.sum == sum_of_head(h);
}

static uint64_t sequence_of(const uint8_t *at, uint64_t half)
{
	struct yg_state_head h;
	memcpy(&h, at, sizeof h);
	return is_whole(at, half) ? h.sequence : 0;
}

const struct yg_state_head *yg_state_newest(const void *memory, uint64_t half)
{
	const uint8_t *first = memory, *second = first + half;
	uint64_t a = sequence_of(first, half), b = sequence_of(second, half);
	if (!a && !b)
		return NULL;
	return (const struct yg_state_head *)(const void *)(a > b ? first : second);
}

bool yg_state_next(const struct yg_state_head *head, uint64_t *at, struct yg_state_mark *ret_mark, const void **ret_bytes, bool *ret_whole)
{
	const uint8_t *all = (const uint8_t *)head;
	uint64_t from = *at ? *at : sizeof *head, size = head->size;
	if (from > size || size - from < sizeof *ret_mark)
		return false;
	memcpy(ret_mark, all + from, sizeof *ret_mark);
	ret_mark->name[sizeof ret_mark->name - 1] = '\0';
	from += sizeof *ret_mark;
	if (ret_mark->size > size - from)
		return false;
	struct yg_state_mark bare;
	memcpy(&bare, all + from - sizeof bare, sizeof bare);
	bare.sum = 0;
	*ret_bytes = all + from;
	*ret_whole = yg_crc32c(yg_crc32c(0, all + from, ret_mark->size), &bare, sizeof bare) == ret_mark->sum;
	from += ret_mark->size;
	*at = size - from < ALIGN ? size : aligned(from);
	return true;
}

// ---- parts ----

struct yg_state *yg_state_create(void *memory, uint64_t half)
{
	struct yg_state *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->memory = memory;
	s->half = half;
	s->reserved = sizeof(struct yg_state_head);
	return s;
}

void yg_state_destroy(struct yg_state *s)
{
	free(s);
}

static struct part *find(struct yg_state *s, const char *name)
{
	for (unsigned i = 0; i < s->parts; i++)
		if (strcmp(s->part[i].name, name) == 0)
			return &s->part[i];
	return NULL;
}

static uint64_t needs(const struct yg_state_part *part)
{
	return sizeof(struct yg_state_mark) + aligned(part->max);
}

int yg_state_add(struct yg_state *s, const struct yg_state_part *part)
{
	if (!s)
		return 0;
	size_t length = strlen(part->name);
	if (length >= YG_STATE_NAME_MAX)
		return -ENAMETOOLONG;
	if (find(s, part->name))
		return -EEXIST;
	if (s->parts == YG_STATE_PARTS_MAX || part->max > s->half || needs(part) > s->half - s->reserved)
		return -ENOSPC;
	struct part *p = &s->part[s->parts++];
	p->p = *part;
	memcpy(p->name, part->name, length + 1);
	p->p.name = p->name;
	s->reserved += needs(part);
	s->writing = false;
	return 0;
}

void yg_state_remove(struct yg_state *s, const char *name)
{
	struct part *p = s ? find(s, name) : NULL;
	if (!p)
		return;
	s->reserved -= needs(&p->p);
	memmove(p, p + 1, (size_t)(&s->part[s->parts] - (p + 1)) * sizeof *p);
	s->parts--;
	for (unsigned i = 0; i < s->parts; i++)
		s->part[i].p.name = s->part[i].name;
	s->writing = false;
}

static void restore_part(struct yg_state *s, const struct yg_state_mark *mark, const void *bytes, bool whole)
{
	const struct part *p = find(s, mark->name);
	const char *why = NULL;
	if (!whole)
		why = "its checksum is wrong";
	else if (!p)
		why = "nothing of that name runs any more";
	else if (p->p.restore(p->p.context, mark->version, bytes, mark->size))
		why = mark->version == p->p.version ? "it does not hold what it should" : "it is of another version";
	if (!why) {
		s->stats.restored++;
		return;
	}
	s->stats.dropped++;
	yg_warn("state: %.*s is not taken from the snapshot: %s", (int)strspn(mark->name, "abcdefghijklmnopqrstuvwxyz0123456789._"), mark->name,
		why);
}

void yg_state_restore(struct yg_state *s)
{
	const struct yg_state_head *head = s ? yg_state_newest(s->memory, s->half) : NULL;
	if (!head)
		return;
	struct yg_state_mark mark;
	const void *bytes;
	uint64_t at = 0;
	uint32_t seen = 0;
	for (bool whole; seen < head->parts && yg_state_next(head, &at, &mark, &bytes, &whole); seen++)
		restore_part(s, &mark, bytes, whole);
	if (seen < head->parts)
		yg_warn("state: the snapshot ends before its %u parts", head->parts);
	s->sequence = head->sequence;
}

// ---- writing ----

static void begin(struct yg_state *s, int64_t second)
{
	uint64_t a = sequence_of(s->memory, s->half), b = sequence_of(s->memory + s->half, s->half);
	s->to = s->memory + (a <= b ? 0 : s->half);
	struct yg_state_head *head = (struct yg_state_head *)(void *)s->to;
	head->sequence = 0;
	head->sum = 0;
	atomic_signal_fence(memory_order_seq_cst);
	s->head = (struct yg_state_head){.magic = YG_STATE_MAGIC, .version = YG_STATE_VERSION, .sequence = s->sequence + 1,
					 .second = second, .parts = s->parts};
	s->writing = true;
	s->in_part = false;
	s->next = 0;
	s->at = sizeof s->head;
}

static void begin_part(struct yg_state *s)
{
	const struct part *p = &s->part[s->next];
	s->mark = (struct yg_state_mark){.version = p->p.version};
	memcpy(s->mark.name, p->name, sizeof s->mark.name);
	s->mark_at = s->at;
	s->at += sizeof s->mark;
	s->cursor = 0;
	s->sum = 0;
	s->in_part = true;
}

static void end_part(struct yg_state *s)
{
	uint64_t end = aligned(s->at);
	memset(s->to + s->at, 0, end - s->at);
	s->mark.sum = yg_crc32c(s->sum, &s->mark, sizeof s->mark);
	memcpy(s->to + s->mark_at, &s->mark, sizeof s->mark);
	s->at = end;
	s->in_part = false;
	s->next++;
}

static void end(struct yg_state *s)
{
	s->head.size = s->at;
	s->head.sum = sum_of_head(s->head);
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(s->to, &s->head, sizeof s->head);
	s->sequence = s->head.sequence;
	s->writing = false;
	s->stats.snapshots++;
}

// At most a piece, but for a part that is written as a whole.
static void write_piece(struct yg_state *s)
{
	if (!s->in_part && s->next == s->parts) {
		end(s);
		return;
	}
	if (!s->in_part)
		begin_part(s);
	const struct part *p = &s->part[s->next];
	uint64_t left = p->p.max - s->mark.size, room = left < YG_STATE_PIECE || p->p.max <= YG_STATE_WHOLE ? left : YG_STATE_PIECE;
	uint64_t n = room ? p->p.save(p->p.context, &s->cursor, s->to + s->at, room) : 0;
	s->sum = yg_crc32c(s->sum, s->to + s->at, n);
	s->at += n;
	s->mark.size += n;
	if (s->cursor == YG_STATE_DONE) {
		end_part(s);
		return;
	}
	if (n)
		return;
	s->stats.cut++;
	end_part(s);
}

void yg_state_turn(struct yg_state *s, int64_t second)
{
	if (!s)
		return;
	if (!s->due || second < s->due - YG_STATE_PERIOD_S)
		s->due = second + YG_STATE_FIRST_S;
	if (!s->writing && second >= s->due) {
		begin(s, second);
		s->due = second + YG_STATE_PERIOD_S;
	}
	if (s->writing)
		write_piece(s);
}

void yg_state_finish(struct yg_state *s, int64_t second)
{
	if (!s)
		return;
	begin(s, second);
	while (s->writing)
		write_piece(s);
}

const struct yg_state_stats *yg_state_stats(const struct yg_state *s)
{
	return &s->stats;
}
