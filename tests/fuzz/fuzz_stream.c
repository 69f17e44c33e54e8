// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The stream pool against a naive model: three streams over a pool of two buffers, any sequence of take, add, advance
// and release. The model keeps every byte of the window in an array of its own with a flag, and does nothing cleverly.
#include <stddef.h>

#include "dissector/stream.h"
#include "reader_oracle.h"

enum { STREAMS = 3, BUFFERS = 2 };

struct model {
	struct yg_stream_ref ref;
	bool held;
	int64_t taken_ns;
	uint64_t order;
	uint32_t base;
	bool kept[YG_STREAM_BYTES];
	uint8_t bytes[YG_STREAM_BYTES];
};

static struct model models[STREAMS];
static uint64_t orders;

static void model_take(struct yg_stream_pool *pool, struct model *m, uint32_t base, int64_t now_ns)
{
	struct model *oldest = NULL;
	unsigned held = 0;
	for (int i = 0; i < STREAMS; i++)
		if (models[i].held) {
			held++;
			if (!oldest || models[i].order < oldest->order)
				oldest = &models[i];
		}
	yg_stream_release(pool, &m->ref);
	held -= m->held;
	if (oldest == m)
		oldest = NULL;
	m->held = false;
	bool reclaim = held == BUFFERS && oldest && now_ns - oldest->taken_ns >= YG_STREAM_HOLD_NS;
	bool taken = yg_stream_take(pool, base, 0, yg_time_ns(now_ns), &m->ref);
	must(taken == (held < BUFFERS || reclaim));
	if (reclaim)
		oldest->held = false;
	if (!taken)
		return;
	m->held = true;
	m->base = base;
	m->taken_ns = now_ns;
	m->order = orders++;
	memset(m->kept, 0, sizeof m->kept);
}

static void model_add(struct yg_stream_pool *pool, struct model *m, uint32_t seq, const uint8_t *data, size_t len)
{
	bool inside = len == 0, same = false, differs = false;
	for (size_t i = 0; m->held && i < len; i++) {
		int64_t at = (int64_t)(int32_t)(seq - m->base) + (int64_t)i;
		if (at < 0 || at >= YG_STREAM_BYTES)
			continue;
		inside = true;
		if (!m->kept[at]) {
			m->kept[at] = true;
			m->bytes[at] = data[i];
		} else if (m->bytes[at] == data[i]) {
			same = true;
		} else {
			differs = true;
		}
	}
	enum yg_stream_result want = !m->held  ? YG_STREAM_STALE
	                             : !inside ? YG_STREAM_OUTSIDE
	                             : differs ? YG_STREAM_OVERLAP_DIFFERENT
	                             : same    ? YG_STREAM_OVERLAP_SAME
	                                       : YG_STREAM_ADDED;
	must(yg_stream_add(pool, m->ref, seq, data, len) == want);
}

static void model_advance(struct yg_stream_pool *pool, struct model *m, uint32_t n)
{
	yg_stream_advance(pool, m->ref, n);
	m->base += n;
	for (uint32_t i = 0; i < YG_STREAM_BYTES; i++) {
		m->kept[i] = n < YG_STREAM_BYTES - i && m->kept[i + n];
		m->bytes[i] = m->kept[i] ? m->bytes[i + n] : 0;
	}
}

static void compare(struct yg_stream_pool *pool, const struct model *m)
{
	const uint8_t *data;
	size_t len = yg_stream_bytes(pool, m->ref, &data), want = 0;
	while (m->held && want < YG_STREAM_BYTES && m->kept[want])
		want++;
	must(len == want && yg_stream_held(pool, m->ref) == m->held);
	must(len == 0 || memcmp(data, m->bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yg_stream_pool *pool = yg_stream_create(BUFFERS);
	struct yg_stream_stats stats;
	int64_t now_ns = 0;
	must(pool != NULL);
	memset(models, 0, sizeof models);
	orders = 0;
	for (size_t at = 0; size - at >= 5;) {
		const uint8_t *p = data + at;
		struct model *m = &models[p[0] % STREAMS];
		uint32_t value =
		    (uint32_t)(p[2] << 8 | p[3]) - ((p[1] & 1) ? 0x8000u : 0) + ((p[1] & 2) ? 0x7fffff00u : 0);
		size_t len = p[4] * ((p[1] & 4) ? 40u : 1u);
		at += 5;
		if (len > size - at)
			len = size - at;
		now_ns += p[1] >> 3 & 3 ? 0 : YG_NS_PER_S;
		switch (p[0] / STREAMS % 8) {
		case 0:
			model_take(pool, m, 0x10000u - value, now_ns);
			break;
		case 1:
			yg_stream_release(pool, &m->ref);
			m->held = false;
			break;
		case 2:
			model_advance(pool, m, value);
			break;
		default:
			model_add(pool, m, m->base + value, data + at, len);
			at += len;
		}
		for (int i = 0; i < STREAMS; i++)
			compare(pool, &models[i]);
	}
	yg_stream_stats(pool, &stats);
	must(stats.taken == stats.in_use + stats.released + stats.reclaimed);
	must(stats.in_use <= BUFFERS && stats.peak <= BUFFERS);
	yg_stream_destroy(pool);
	return 0;
}
