// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See follow.h. The same alert by several sensors: equal context.id and state, and the same of several updates by its number: a sensor's
// n-th update is another's n-th.
#include "tail/follow.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS = 4 * TAIL_MERGED };

struct held {
	struct tail_entry entry;
	char *line;
	size_t length;
	int64_t due_ms;
	uint32_t known; // index into known
};

struct known {
	char key[sizeof((struct tail_entry *)0)->id + sizeof((struct tail_entry *)0)->state];
	uint8_t sensors[TAIL_SENSORS];
	uint32_t next;  // of the same cell: index + 1
	bool used, held;
};

struct tail_merge {
	tail_show *show;
	void *context;
	uint32_t cell[CELLS]; // index + 1 of the first
	struct known known[TAIL_MERGED];
	uint64_t added;       // known ones, ever; the next one takes the place of the oldest
	struct held held[TAIL_HELD];
	uint64_t held_first, held_end;
	size_t held_bytes;
	struct tail_merge_stats stats;
};

// ---- sequence ----

enum tail_verdict tail_sequence_next(struct tail_sequence *s, const struct tail_entry *entry, const struct tail_id *id,
				     uint64_t *ret_missing)
{
	uint64_t run = entry->run ? entry->run : id->generation, number = entry->sequence;
	bool named = entry->run != 0, fresh = !s->begun || run != s->run || named != s->named;
	uint64_t last = fresh ? 0 : s->last;
	*ret_missing = 0;
	if (!number)
		return TAIL_NEXT; // a line of a sensor that knows none yet
	// Runs grow: an older one again is what was sent anew after a loss, and its end is not known any more.
	if (s->begun && named && s->named && run < s->run)
		return TAIL_NEXT;
	if (!fresh && named && number <= last) {
		s->repeated++;
		return TAIL_REPEATED;
	}
	bool from_one = s->begun && named; // a generation that was changed within a run goes on with its numbers
	*s = (struct tail_sequence){.begun = true, .run = run, .last = number, .named = named, .repeated = s->repeated};
	if (fresh && !from_one)
		return TAIL_NEXT;
	if (number <= last + 1)
		return TAIL_NEXT;
	*ret_missing = number - last - 1;
	return TAIL_HOLE;
}

// ---- merging ----

struct tail_merge *tail_merge_create(tail_show *show, void *context)
{
	struct tail_merge *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->show = show;
	m->context = context;
	return m;
}

static struct held *held_at(struct tail_merge *m, uint64_t i)
{
	return &m->held[i % TAIL_HELD];
}

static void show_first(struct tail_merge *m)
{
	struct held *h = held_at(m, m->held_first++);
	struct known *k = &m->known[h->known];
	m->show(m->context, &(struct tail_shown){&h->entry, h->line, h->length, k->sensors});
	k->held = false;
	m->held_bytes -= h->length;
	free(h->line);
	h->line = NULL;
}

void tail_merge_destroy(struct tail_merge *m)
{
	if (!m)
		return;
	for (; m->held_first < m->held_end; m->held_first++)
		free(held_at(m, m->held_first)->line);
	free(m);
}

void tail_merge_turn(struct tail_merge *m, int64_t now_ms)
{
	while (m->held_first < m->held_end && held_at(m, m->held_first)->due_ms <= now_ms)
		show_first(m);
}

bool tail_merge_holds(const struct tail_merge *m)
{
	return m->held_first < m->held_end;
}

static uint32_t cell_of(const char *key, size_t size)
{
	uint32_t hash = 2166136261u; // FNV-1a: a writer who makes all keys fall together makes this tool slow, and nothing else
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)key[i]) * 16777619u;
	return hash % CELLS;
}

static void forget(struct tail_merge *m, uint32_t place)
{
	struct known *k = &m->known[place];
	uint32_t *link = &m->cell[cell_of(k->key, sizeof k->key)];
	while (*link && *link != place + 1)
		link = &m->known[*link - 1].next;
	if (*link)
		*link = k->next;
	k->used = false;
	m->stats.forgotten++;
}

// A place for an alert that nobody has shown.
static uint32_t learn(struct tail_merge *m, const char *key, size_t size)
{
	uint32_t place = (uint32_t)(m->added++ % TAIL_MERGED);
	struct known *k = &m->known[place];
	if (k->used)
		forget(m, place);
	memset(k, 0, sizeof *k);
	memcpy(k->key, key, size);
	k->used = true;
	// At the end of its chain: of several of one key the oldest is found first.
	uint32_t *link = &m->cell[cell_of(key, size)];
	while (*link)
		link = &m->known[*link - 1].next;
	*link = place + 1;
	return place;
}

static void hold(struct tail_merge *m, uint32_t place, const struct tail_entry *entry, const char *line, size_t length, int64_t now_ms)
{
	char *copy = malloc(length + 1);
	if (!copy) {
		m->show(m->context, &(struct tail_shown){entry, line, length, m->known[place].sensors});
		m->stats.early++;
		return;
	}
	memcpy(copy, line, length);
	copy[length] = '\0';
	*held_at(m, m->held_end++) = (struct held){*entry, copy, length, now_ms + TAIL_WINDOW_MS, place};
	m->known[place].held = true;
	m->held_bytes += length;
}

void tail_merge_add(struct tail_merge *m, unsigned sensor, const struct tail_entry *entry, const char *line, size_t length, int64_t now_ms)
{
	char key[sizeof m->known[0].key] = {0};
	memcpy(key, entry->id, sizeof entry->id);
	memcpy(key + sizeof entry->id, entry->state, sizeof entry->state);
	bool shared = entry->has_id && strncmp(entry->kind, "sensor.", 7) != 0; // what a sensor says of itself is no other's, be the ids equal
	for (uint32_t i = shared ? m->cell[cell_of(key, sizeof key)] : 0; i; i = m->known[i - 1].next) {
		struct known *k = &m->known[i - 1];
		if (k->sensors[sensor] || memcmp(k->key, key, sizeof key) != 0)
			continue;
		k->sensors[sensor] = 1;
		m->stats.merged++;
		m->stats.late += !k->held;
		return;
	}
	while (m->held_end - m->held_first == TAIL_HELD || (tail_merge_holds(m) && m->held_bytes + length > TAIL_HELD_BYTES)) {
		m->stats.early++;
		show_first(m);
	}
	uint32_t place = learn(m, key, sizeof key);
	m->known[place].sensors[sensor] = 1;
	hold(m, place, entry, line, length, now_ms);
}

struct tail_merge_stats tail_merge_stats(const struct tail_merge *m)
{
	return m->stats;
}
