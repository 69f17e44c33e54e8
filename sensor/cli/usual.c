// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See usual.h. The file is foreign bytes, and read by the same code that an engine reads it with.
#include "cli/usual.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/shm.h"
#include "cli/snapshot.h"
#include "config/lookup.h"
#include "engine/rate_engine.h"
#include "engine/state.h"

struct bodies {
	const struct yg_config *config;
	struct yg_usual *of; // one a body
};

static void on_key(void *context, const struct yg_rate_key *key, const struct yg_baseline *base)
{
	struct bodies *b = context;
	const float rates[YG_USUAL_COUNT] = {base->packets, base->bits, base->flows};
	const struct yg_prefix *p = key->scope == YG_SCOPE_HOST ? yg_lookup_prefix(b->config, key->af, &key->addr) : NULL;
	if (!p || p->org >= b->config->orgs_count || base->state == YG_LEARN_FLOOR)
		return;
	struct yg_usual *u = &b->of[p->org];
	for (unsigned i = 0; i < YG_USUAL_COUNT; i++) {
		if ((double)rates[i] <= u->most[i])
			continue;
		u->most[i] = (double)rates[i];
		u->host[i] = key->addr;
		u->af[i] = key->af;
		memcpy(u->code, b->config->orgs[p->org].code, sizeof u->code);
	}
}

// The part "baselines" of what lies in `memory`.
static bool read_baselines(const void *memory, uint64_t half, int64_t size, struct bodies *b)
{
	const struct yg_state_head *head = yg_state_newest(memory, half);
	struct yg_state_mark mark;
	const void *bytes;
	uint64_t at = 0;
	bool whole, found = false;
	if (!head || head->size > (uint64_t)size)
		return false;
	while (!found && yg_state_next(head, &at, &mark, &bytes, &whole))
		found = whole && strcmp(mark.name, "baselines") == 0;
	return found && yg_rate_engine_each(bytes, mark.size, on_key, b);
}

// Those of whom something is known, moved to the front.
static int known_first(struct yg_usual *usual, uint32_t count)
{
	int known = 0;
	for (uint32_t i = 0; i < count; i++)
		if (usual[i].code[0])
			usual[known++] = usual[i];
	return known;
}

int yg_usual_read(const struct yg_config *config, const char *folder, struct yg_usual **ret_usual)
{
	if (!folder[0])
		return 0;
	uint64_t half = yg_state_half(config);
	void *memory = yg_memory_reserve(2 * half); // the second stays empty
	struct bodies b = {config, calloc(config->orgs_count + 1, sizeof *b.of)};
	int64_t size = memory && b.of ? yg_snapshot_read(folder, memory, half) : -ENOMEM;
	int result = size < 0 ? (int)size : size == 0 ? -ENOENT : -EBADMSG;
	if (size > 0 && read_baselines(memory, half, size, &b))
		result = known_first(b.of, config->orgs_count);
	if (memory)
		yg_memory_release(memory, 2 * half);
	if (result <= 0)
		free(b.of);
	else
		*ret_usual = b.of;
	return result;
}
