// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// What is remembered of alerts that have closed, so that one that comes back within ten minutes is the same incident. A ring: the oldest
// is forgotten first, and counted when its ten minutes were not over. Thread: the aggregator's.
//
// Looked for once for each alert that opens, of which there are few: a walk over the keys, which lie side by side (32 KB), not an index
// that would have to be kept in step with the ring.
#include <math.h>
#include <string.h>

#include "engine/lifecycle_table.h"

static bool in_time(const struct yg_lifecycle_closed *c, int64_t now_ns)
{
	return c->closed_ns <= now_ns && now_ns - c->closed_ns <= YG_LIFECYCLE_REOPEN_S * YG_NS_PER_S;
}

static void forget(struct yg_lifecycle *lc, uint32_t at)
{
	lc->closed[at].key = 0;
	lc->closed_keys[at] = 0;
}

void yg_lifecycle_remember(struct yg_lifecycle *lc, const struct yg_lifecycle_record *r, int64_t closed_ns, int64_t now_ns)
{
	uint32_t at = lc->header->closed_at % YG_LIFECYCLE_CLOSED;
	struct yg_lifecycle_closed *c = &lc->closed[at];
	if (c->key && in_time(c, now_ns))
		lc->stats.closed_full++;
	forget(lc, at);
	c->id = r->alert.id;
	c->first_ns = r->alert.first_ns;
	c->closed_ns = closed_ns > r->alert.first_ns ? closed_ns : r->alert.first_ns;
	c->peak = r->alert.peak;
	c->count = r->alert.count;
	c->reopened = r->alert.reopened;
	yg_lifecycle_name(&r->alert, c->name);
	c->key = lc->closed_keys[at] = r->key;
	lc->header->closed_at = (at + 1) % YG_LIFECYCLE_CLOSED;
}

bool yg_lifecycle_recall(struct yg_lifecycle *lc, const struct yg_alert *alert, uint64_t key, int64_t now_ns,
                         struct yg_lifecycle_closed *ret_closed)
{
	uint8_t name[YG_LIFECYCLE_KEY_BYTES];
	for (uint32_t at = 0; at < YG_LIFECYCLE_CLOSED; at++) {
		struct yg_lifecycle_closed *c = &lc->closed[at];
		if (lc->closed_keys[at] != key || !key)
			continue;
		yg_lifecycle_name(alert, name);
		if (memcmp(name, c->name, sizeof name) != 0)
			continue;
		bool found = in_time(c, now_ns);
		if (found)
			*ret_closed = *c;
		forget(lc, at);
		if (found)
			return true;
	}
	return false;
}

void yg_lifecycle_closed_take_over(struct yg_lifecycle *lc, bool known)
{
	if (!known) {
		memset(lc->closed, 0, YG_LIFECYCLE_CLOSED * sizeof *lc->closed);
		lc->header->closed_at = 0;
	}
	for (uint32_t at = 0; at < YG_LIFECYCLE_CLOSED; at++) {
		struct yg_lifecycle_closed *c = &lc->closed[at];
		bool valid = yg_lifecycle_closed_valid(&lc->options.id_key, c);
		lc->stats.invalid += c->key && !valid;
		c->key = lc->closed_keys[at] = valid ? c->key : 0;
	}
}
