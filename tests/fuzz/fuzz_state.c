// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A snapshot of any content. The first byte chooses: taken as the file that it may be; or as the bytes of the baselines, laid out with
// right sums, so that what lies behind them is reached. Oracles: what an engine takes over it can work with and save again, and reads
// its own bytes back without loss; a walk over the parts ends and stays inside.
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "engine/rate_engine.h"
#include "engine/state.h"
#include "hand_config.h"
#include "reader_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HALF = 1 << 19, INPUT_MAX = 8192 };

static struct hand_config hand;
static uint8_t memory[2 * HALF] __attribute__((aligned(8))), again[2 * HALF] __attribute__((aligned(8)));

static void lay_out(const uint8_t *data, size_t size)
{
	struct yg_state_head head = {.magic = YG_STATE_MAGIC, .version = YG_STATE_VERSION, .sequence = 1, .parts = 1};
	struct yg_state_mark mark = {.name = "baselines", .version = 1, .size = size};
	head.size = (sizeof head + sizeof mark + size + 7) / 8 * 8;
	head.sum = yg_crc32c(0, &head, sizeof head);
	mark.sum = yg_crc32c(yg_crc32c(0, data, size), &mark, sizeof mark);
	memcpy(memory, &head, sizeof head);
	memcpy(memory + sizeof head, &mark, sizeof mark);
	memcpy(memory + sizeof head + sizeof mark, data, size);
}

static struct yg_rate_engine *open_engine(uint8_t *from, struct yg_state **ret_state, struct yg_rate_engine_stats *ret_stats)
{
	struct yg_rate_engine *e = yg_rate_engine_create(&hand.config, &yg_hash_key_replay);
	struct yg_state_part part;
	must(e != NULL);
	*ret_state = yg_state_create(from, HALF);
	yg_rate_engine_part(e, &part);
	part.max = HALF / 2;
	must(yg_state_add(*ret_state, &part) == 0);
	yg_state_restore(*ret_state);
	yg_rate_engine_stats(e, ret_stats);
	return e;
}

static void on_window(void *context, const struct yg_window *w)
{
	(void)context;
	must(w->base.packets >= 0 && w->base.minutes <= 10080 && w->base.state <= YG_LEARN_FULL);
}

static void walk(void)
{
	const struct yg_state_head *head = yg_state_newest(memory, HALF);
	struct yg_state_mark mark;
	const void *bytes;
	uint64_t at = 0;
	for (bool whole; head && yg_state_next(head, &at, &mark, &bytes, &whole);)
		must((const uint8_t *)bytes >= memory && (const uint8_t *)bytes + mark.size <= memory + HALF && at <= HALF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > INPUT_MAX)
		return 0;
	if (!hand.config.orgs) {
		hand_config_init(&hand);
		yg_log_init("fuzz_state", YG_LOG_ERROR);
	}
	memset(memory, 0, INPUT_MAX + 256);
	memset(again, 0, sizeof again);
	if (data[0] & 1)
		lay_out(data + 1, size - 1);
	else
		memcpy(memory, data + 1, size - 1);
	walk();
	struct yg_state *s, *t;
	struct yg_rate_engine_stats first, second;
	struct yg_rate_engine *e = open_engine(memory, &s, &first), *other;
	static const struct yg_rate_delta link = {.key = {.scope = YG_SCOPE_LINK, .org = YG_ORG_NONE}, .rates = {.packets = {3}}};
	struct yg_state *out = yg_state_create(again, HALF);
	struct yg_state_part part;
	yg_rate_engine_part(e, &part);
	part.max = HALF / 2;
	must(yg_state_add(out, &part) == 0);
	yg_state_finish(out, 1);
	other = open_engine(again, &t, &second);
	must(yg_state_stats(t)->dropped == 0 && second.not_restored == 0 && second.baselines == first.baselines);
	for (int64_t at = 60; at < 1000; at += 60) {
		yg_rate_engine_add(e, &link);
		yg_rate_engine_close(e, at, on_window, NULL);
	}
	yg_state_destroy(s);
	yg_state_destroy(t);
	yg_state_destroy(out);
	yg_rate_engine_destroy(e);
	yg_rate_engine_destroy(other);
	return 0;
}
