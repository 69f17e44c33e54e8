// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What rows say and the index does not keep: both sentences, how many bodies are affected, the impact. The last WEB_LINES_BYTES of it are
// remembered, so that live rows and the first pages cost Redis nothing. A slot an alert; what finds its slot taken takes it.
#include <stdlib.h>
#include <string.h>

#include "index_parts.h"

static void empty(struct lines *lines, uint32_t slot)
{
	struct extra *x = lines->slots[slot];
	if (!x)
		return;
	lines->bytes -= sizeof *x + x->bytes;
	free(x);
	lines->slots[slot] = NULL;
}

const struct extra *lines_find(const struct web_index *index, uint32_t alert)
{
	const struct extra *x = index->lines.slots[alert % EXTRA_SLOTS];
	if (!x || x->alert != alert || alert >= index->alerts_count)
		return NULL;
	const struct web_alert *a = alert_at(index, alert);
	return x->entry.generation == a->entry.generation && x->entry.sequence == a->entry.sequence ? x : NULL;
}

void lines_forget(struct web_index *index, uint32_t alert)
{
	const struct extra *x = index->lines.slots[alert % EXTRA_SLOTS];
	if (x && x->alert == alert)
		empty(&index->lines, alert % EXTRA_SLOTS);
}

struct extra *extra_make(uint32_t alert, struct web_entry entry, const struct web_line *line)
{
	size_t ja = strlen(line->text_ja) + 1, en = strlen(line->text_en) + 1;
	struct extra *x = malloc(sizeof *x + ja + en);
	if (!x)
		return NULL;
	x->entry = entry;
	x->alert = alert;
	x->affected_count = line->affected_count;
	x->impact = line->impact;
	x->text_en = (uint16_t)ja;
	x->bytes = (uint32_t)(ja + en);
	memcpy(x->texts, line->text_ja, ja);
	memcpy(x->texts + ja, line->text_en, en);
	return x;
}

struct extra *extra_copy(const struct extra *extra)
{
	struct extra *x = malloc(sizeof *x + extra->bytes);
	if (x)
		memcpy(x, extra, sizeof *x + extra->bytes);
	return x;
}

void lines_keep(struct web_index *index, uint32_t alert, const struct web_line *line)
{
	struct lines *lines = &index->lines;
	struct extra *x = extra_make(alert, alert_at(index, alert)->entry, line);
	empty(lines, alert % EXTRA_SLOTS);
	if (!x)
		return;
	while (lines->bytes + sizeof *x + x->bytes > WEB_LINES_BYTES) {
		lines->hand = (lines->hand + 1) % EXTRA_SLOTS;
		empty(lines, lines->hand);
	}
	lines->slots[alert % EXTRA_SLOTS] = x;
	lines->bytes += sizeof *x + x->bytes;
}

void lines_finish(struct web_index *index)
{
	for (uint32_t i = 0; i < EXTRA_SLOTS; i++)
		empty(&index->lines, i);
}
