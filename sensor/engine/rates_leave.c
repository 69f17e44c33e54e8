// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The end of a second: all that was counted leaves as deltas, in pieces where that is asked for, and is cleared. See rates.h.
#include "engine/rates_internal.h"

#include <string.h>

typedef void emit_delta(void *context, const struct yg_rate_delta *delta);

static void emit_pushed(struct yg_rate_delta *delta, struct yg_pushed *pushed, emit_delta *emit, void *context)
{
	delta->key.scope |= YG_SCOPE_PUSHED;
	memset(&delta->rates, 0, sizeof delta->rates);
	memcpy(delta->rates.packets, pushed->packets, sizeof pushed->packets);
	memcpy(delta->rates.bytes, pushed->bytes, sizeof pushed->bytes);
	delta->rates.handshakes = pushed->handshakes;
	emit(context, delta);
	memset(pushed, 0, sizeof *pushed);
}

// All that left is counted by vector, answers as downloads: what was pushed is the rest.
static void flush_link(struct yg_worker_rates *r, struct yg_rate_delta *delta, emit_delta *emit, void *context)
{
	for (unsigned v = 0; v < YG_VEC_COUNT; v++) {
		r->link.packets_out += r->link_out.packets[v];
		r->link.bytes_out += r->link_out.bytes[v];
	}
	memset(&delta->key, 0, sizeof delta->key);
	delta->key.scope = YG_SCOPE_LINK;
	delta->key.org = YG_ORG_NONE;
	delta->rates = r->link;
	emit(context, delta);
	r->link_out.packets[YG_VEC_DOWNLOAD] = 0;
	r->link_out.bytes[YG_VEC_DOWNLOAD] = 0;
	uint64_t pushed = r->link_out.handshakes;
	for (unsigned v = 0; v < YG_VEC_COUNT; v++)
		pushed += r->link_out.packets[v];
	if (pushed)
		emit_pushed(delta, &r->link_out, emit, context);
	memset(&r->link, 0, sizeof r->link);
	r->link_touched = 0;
}

static void flush_fixed(struct yg_worker_rates *r, struct yg_rate_delta *delta, emit_delta *emit, void *context)
{
	if (r->link_touched)
		flush_link(r, delta, emit, context);
	for (uint32_t i = 0; i < r->config->orgs_count; i++) {
		if (!r->body_touched[i])
			continue;
		memset(&delta->key, 0, sizeof delta->key);
		delta->key.scope = YG_SCOPE_BODY;
		delta->key.org = (uint16_t)i;
		delta->rates = r->bodies[i];
		emit(context, delta);
		if (r->body_touched[i] & TOUCHED_PUSHED)
			emit_pushed(delta, &r->body_pushed[i], emit, context);
		memset(&r->bodies[i], 0, sizeof r->bodies[i]);
		r->body_touched[i] = 0;
	}
	for (uint32_t i = 0; i < r->config->prefixes_count; i++) {
		if (!r->prefix_touched[i])
			continue;
		const struct yg_prefix *p = &r->config->prefixes[i];
		memset(&delta->key, 0, sizeof delta->key);
		delta->key.scope = YG_SCOPE_PREFIX;
		delta->key.addr = p->addr;
		delta->key.af = p->af;
		delta->key.prefix_len = p->length;
		delta->key.org = p->org;
		delta->rates = r->prefixes[i];
		emit(context, delta);
		memset(&r->prefixes[i], 0, sizeof r->prefixes[i]);
		r->prefix_touched[i] = 0;
	}
}

static void expand(const struct yg_worker_rates *r, const struct keyed *k, struct yg_rate_delta *delta)
{
	delta->key = k->key;
	memset(&delta->rates, 0, sizeof delta->rates);
	if (k->more) {
		const struct more *more = &r->more[k->more - 1];
		memcpy(delta->rates.packets, more->packets, sizeof more->packets);
		memcpy(delta->rates.bytes, more->bytes, sizeof more->bytes);
	}
	if (k->vector < YG_VEC_COUNT) {
		delta->rates.packets[k->vector] = k->packets;
		delta->rates.bytes[k->vector] = k->bytes;
	}
	delta->rates.flows = k->flows;
	delta->rates.handshakes = k->handshakes;
	delta->rates.packets_out = k->packets_out;
	delta->rates.flows_out = k->flows_out;
	delta->rates.bytes_out = k->bytes_out;
}

bool yg_rates_flush_some(struct yg_worker_rates *r, int64_t second, uint32_t most, emit_delta *emit, void *context)
{
	struct yg_rate_delta delta = {.second = second};
	if (!r->fixed_flushed) {
		yg_rates_put_combined(r);
		flush_fixed(r, &delta, emit, context);
		r->fixed_flushed = true;
	}
	uint32_t end = most < r->used - r->flushed ? r->flushed + most : r->used;
	for (; r->flushed < end; r->flushed++) {
		expand(r, &r->keyed[r->flushed], &delta);
		emit(context, &delta);
		r->cell[r->used_cell[r->flushed]] = 0;
	}
	if (end < r->used)
		return false;
	r->used = r->more_used = r->flushed = 0;
	r->fixed_flushed = false;
	r->round++;
	return true;
}

void yg_rates_flush(struct yg_worker_rates *r, int64_t second, emit_delta *emit, void *context)
{
	yg_rates_flush_some(r, second, UINT32_MAX, emit, context);
}

uint32_t yg_rates_fixed(const struct yg_worker_rates *r)
{
	return 2 + 2 * r->config->orgs_count + r->config->prefixes_count;
}

uint64_t yg_rates_full(const struct yg_worker_rates *r)
{
	return r->full;
}
